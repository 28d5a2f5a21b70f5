"""Names of sites as reports of pathology write them: nearly all have a place on the body, on the side they name."""

import re

import pytest

from phylometa.reference.organs import find_organ

NAMES = re.split(
    r"; |;?\n",
    """\
brain; right subdural; left cranial subdural cavity; left frontal lobe; right temporal lobe; left parietal lobe;
right occipital lobe; cerebellum; brainstem; thalamus; basal ganglia; spinal cord; leptomeninges; dura mater;
pituitary; pineal gland; CSF; skull base; mandible; maxilla; left orbit; right eye; uvea; lacrimal gland;
nasal cavity; nasopharynx; oropharynx; hypopharynx; larynx; tongue; floor of mouth; tonsil; left parotid;
submandibular gland; thyroid; parathyroid; left cervical lymph node; right supraclavicular lymph node;
left axillary lymph node; trachea; left main bronchus; right upper lobe of lung; left lower lobe;
right middle lobe; lingula; pleura; left pleural effusion; mediastinum; subcarinal lymph node;
paratracheal lymph node; right hilar lymph node; thymus; oesophagus; esophagus; GEJ; heart; pericardium; aorta;
diaphragm; chest wall; sternum; left breast; right nipple; left rib 4; clavicle; scapula; left shoulder;
humerus; right elbow; radius; ulna; wrist; hand; finger; stomach; gastric antrum; duodenum; jejunum; ileum;
small bowel; appendix; caecum; cecum; ascending colon; transverse colon; descending colon; sigmoid; rectum;
anus; anal canal; liver segment 4; left lobe of liver; hepatic; gallbladder; bile duct; portal vein;
pancreas head; pancreatic tail; spleen; omentum; peritoneum; mesentery; ascites; retroperitoneum;
paraaortic lymph node; celiac lymph node; left kidney; right renal; ureter; bladder; urethra; left adrenal;
prostate; seminal vesicle; left testis; penis; scrotum; right ovary; fallopian tube; uterus; endometrium;
cervix; vagina; vulva; pouch of Douglas; pelvis; pelvic lymph node; left iliac lymph node; obturator node;
right inguinal lymph node; groin; sacrum; T9; L3 vertebra; cervical spine; lumbar spine; coccyx; iliac crest;
left ilium; pubis; ischium; acetabulum; left hip; right femur; left thigh; knee; tibia; fibula; calf; ankle;
foot; toe; heel; buttock; left arm; right leg; scalp; neck; abdomen; abdominal wall; umbilicus; bone marrow;
psoas; axilla; brain stem; left chest; vertebra; spine; flank; nephric; hepatic hilum; perirectal; mesorectal;
falx; choroid; gluteus; popliteal lymph node; epitrochlear; internal mammary node; subclavian;
retroperitoneal lymph node; presacral; perineum; cul-de-sac; round ligament; adnexa; parametrium; porta hepatis""",
)
NOWHERE = ("node", "soft tissue", "blood", "plasma", "muscle", "M1", "lesion 7")


def test_about_190_names_have_a_place():
    assert len(NAMES) > 180
    assert [name for name in NAMES if find_organ(name) is None] == []


@pytest.mark.parametrize("name", NOWHERE)
def test_a_name_without_a_place_gets_none(name):
    assert find_organ(name) is None


def test_sides_are_the_patients():
    paired = 0
    for name in NAMES:
        bare = name.removeprefix("left ").removeprefix("right ")
        left, right = find_organ(f"left {bare}"), find_organ(f"right {bare}")
        assert left.name == right.name and left.y == right.y
        assert left.x == -right.x or left.x == right.x
        paired += left.x != right.x
    assert paired > 60
    assert find_organ("right subdural").x < 0 < find_organ("left adrenal gland").x


def test_two_words_say_more_than_one():
    assert find_organ("cervical spine").name == "bone" != find_organ("left cervical lymph node").name
    assert find_organ("left lower lobe").name == "lung" and find_organ("left lobe of liver").name == "liver"
