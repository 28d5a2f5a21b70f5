"""Where organs lie on the schematic body: a vocabulary of words, and the outline itself, drawn here from scratch.

Coordinates: the midline is x = 0, the patient's left is positive (front view: on the viewer's right), y grows downwards
from the crown (0) to the soles (385).
"""

from __future__ import annotations

import re

__all__ = ["BODY_HEIGHT", "HALF_OUTLINE", "HEAD", "locate"]

BODY_HEIGHT = 385.0
# Centre and half axes of the head.
HEAD = (0.0, 26.0, 17.0, 24.0)
# One half of the outline from the neck round the arm and leg to the crotch; the other half is its mirror image.
HALF_OUTLINE = (
    (7.5, 47.0), (9.0, 57.0), (21.0, 63.0), (37.0, 68.0), (45.0, 80.0), (49.0, 104.0), (53.0, 132.0), (58.0, 162.0),
    (62.0, 188.0), (63.0, 206.0), (57.0, 211.0), (53.0, 198.0), (49.0, 176.0), (44.0, 150.0), (39.0, 126.0),
    (35.0, 104.0), (33.5, 124.0), (32.0, 146.0), (34.0, 166.0), (38.5, 184.0), (39.5, 206.0), (37.0, 242.0),
    (33.0, 276.0), (31.0, 302.0), (28.0, 336.0), (24.0, 364.0), (27.0, 379.0), (15.0, 380.0), (14.5, 362.0),
    (14.0, 334.0), (12.0, 300.0), (10.0, 268.0), (5.0, 238.0), (0.0, 222.0),
)  # fmt: skip

# Word -> (x, y, whether the organ is paired). Paired organs take the side from `left` or `right`, else the given one.
_ORGANS: dict[str, tuple[float, float, bool]] = {
    "brain": (0, 18, False), "cerebellum": (3, 32, False), "cerebral": (0, 16, False), "skull": (7, 8, False),
    "cranium": (7, 8, False), "meninges": (-6, 9, False), "dura": (-6, 9, False), "scalp": (0, 3, False),
    "head": (0, 24, False), "orbit": (6, 25, True), "eye": (6, 25, True), "parotid": (12, 37, True),
    "nasal": (0, 31, False), "oral": (0, 40, False), "tongue": (0, 40, False), "mouth": (0, 40, False),
    "pharynx": (0, 45, False), "oropharynx": (0, 44, False), "nasopharynx": (0, 36, False), "larynx": (0, 52, False),
    "thyroid": (0, 56, False), "neck": (5, 53, True), "cervical": (5, 52, True), "supraclavicular": (14, 62, True),
    "clavicle": (22, 66, True), "shoulder": (36, 72, True), "scapula": (29, 82, True), "axilla": (33, 92, True),
    "axillary": (33, 92, True), "breast": (18, 96, True), "mammary": (10, 92, True), "humerus": (43, 104, True),
    "arm": (46, 116, True), "forearm": (55, 160, True), "hand": (60, 200, True), "radius": (54, 158, True),
    "ulna": (56, 164, True), "lung": (16, 88, True), "bronchus": (7, 84, True), "bronchial": (7, 84, True),
    "hilar": (8, 88, True), "hilum": (8, 88, True), "mediastinum": (0, 84, False), "mediastinal": (0, 84, False),
    "paratracheal": (3, 76, True), "subcarinal": (0, 90, False), "trachea": (0, 72, False), "heart": (5, 96, False),
    "pericardium": (8, 99, False), "pleura": (26, 104, True), "pleural": (26, 104, True), "chest": (14, 100, True),
    "thoracic": (0, 92, False), "thymus": (0, 78, False), "sternum": (0, 94, False), "rib": (24, 112, True),
    "diaphragm": (10, 113, True), "esophagus": (-1, 104, False), "oesophagus": (-1, 104, False),
    "esophageal": (-1, 104, False), "stomach": (11, 124, False), "gastric": (11, 124, False),
    "perigastric": (15, 119, False), "celiac": (2, 126, False), "coeliac": (2, 126, False),
    "liver": (-15, 121, False), "hepatic": (-15, 121, False), "gallbladder": (-11, 130, False),
    "bile": (-7, 130, False), "biliary": (-7, 130, False), "portal": (-6, 126, False), "periportal": (-6, 126, False),
    "spleen": (25, 126, False), "splenic": (25, 126, False), "pancreas": (4, 133, False),
    "pancreatic": (4, 133, False), "adrenal": (10, 130, True), "kidney": (16, 140, True), "renal": (16, 140, True),
    "ureter": (11, 160, True), "retroperitoneum": (-4, 148, False), "retroperitoneal": (-4, 148, False),
    "aortic": (3, 146, False), "caval": (-4, 142, False), "duodenum": (-7, 136, False), "jejunum": (8, 154, False),
    "ileum": (-8, 168, False), "bowel": (0, 162, False), "intestine": (0, 162, False), "mesentery": (3, 157, False),
    "mesenteric": (3, 157, False), "omentum": (0, 150, False), "omental": (0, 150, False),
    "peritoneum": (14, 168, False), "peritoneal": (14, 168, False), "ascites": (-14, 172, False),
    "abdomen": (0, 156, False), "abdominal": (0, 156, False), "umbilicus": (0, 160, False), "colon": (24, 158, False),
    "cecum": (-20, 174, False), "caecum": (-20, 174, False), "appendix": (-19, 180, False),
    "sigmoid": (15, 182, False), "rectum": (0, 197, False), "rectal": (0, 197, False),
    "rectosigmoid": (7, 190, False), "colorectal": (12, 188, False), "anus": (0, 212, False), "anal": (0, 212, False),
    "iliac": (16, 182, True), "ilium": (28, 180, True), "pelvis": (8, 190, True), "pelvic": (11, 189, True),
    "obturator": (12, 194, True), "inguinal": (22, 200, True), "groin": (22, 200, True), "bladder": (0, 200, False),
    "prostate": (0, 206, False), "prostatic": (0, 206, False), "seminal": (5, 203, False), "urethra": (0, 215, False),
    "penis": (0, 218, False), "testis": (5, 221, True), "testicular": (5, 221, True), "uterus": (0, 193, False),
    "endometrium": (0, 191, False), "cervix": (0, 202, False), "vagina": (0, 210, False), "vulva": (0, 217, False),
    "ovary": (12, 189, True), "ovarian": (12, 189, True), "adnexa": (14, 187, True), "adnexal": (14, 187, True),
    "fallopian": (9, 186, True), "tube": (9, 186, True), "douglas": (0, 199, False), "lumbar": (0, 152, False),
    "spine": (0, 138, False), "spinal": (0, 138, False), "vertebra": (0, 120, False), "vertebral": (0, 120, False),
    "sacrum": (0, 184, False), "sacral": (0, 184, False), "coccyx": (0, 205, False), "hip": (30, 198, True),
    "femur": (24, 240, True), "femoral": (24, 236, True), "thigh": (26, 250, True), "knee": (22, 298, True),
    "tibia": (21, 330, True), "fibula": (26, 330, True), "leg": (22, 326, True), "foot": (21, 374, True),
}  # fmt: skip
# y of single vertebrae: C1 to C7, T1 to T12, L1 to L5, S1 to S5.
_SPINE = {"c": (46.0, 2.4), "t": (64.0, 6.3), "l": (142.0, 7.0), "s": (178.0, 4.0)}


def locate(site: str) -> tuple[float, float] | None:
    """Where a site lies on the body, by the words of its name; None where no word is known.

    The word that names the organ most precisely wins: the first one known of a name such as ``left lung`` or
    ``liver metastasis 2``; a numbered vertebra (``T9``) before all.

    >>> locate("left adrenal gland"), locate("Right_femur"), locate("lesion 7")
    ((10.0, 130.0), (-24.0, 240.0), None)
    """
    words = re.findall(r"[^\W\d_]+|[^\W\d_]\d+", re.sub(r"([^\W\d_])(\d)", r"\1\2", site.casefold()))
    side = -1.0 if {"right", "rt", "r"} & set(words) else 1.0
    vertebra = re.search(r"(?<![^\W_])([ctls])(\d{1,2})(?![^\W_])", site.casefold())
    if vertebra and 1 <= int(vertebra.group(2)) <= 12:
        start, step = _SPINE[vertebra.group(1)]
        return 0.0, start + step * int(vertebra.group(2))
    for word in words:
        stem = word if word in _ORGANS else word.removesuffix("s") if word.removesuffix("s") in _ORGANS else None
        if stem is not None:
            x, y, is_paired = _ORGANS[stem]
            return (side * x if is_paired else float(x)), float(y)
    return None
