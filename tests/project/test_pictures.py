"""Pictures of README and docs: drawn by docs/make_pictures.py, and equal to what today's results show."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from phylometa.pipeline.stages import load_result
from phylometa.plots import FIGURES

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "docs"))

from make_pictures import IMAGES, PICTURES, RECORD, shown_in  # noqa: E402

RECORDS = json.loads(RECORD.read_text(encoding="utf-8"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Drawn by other commands, which the pages name.
OTHERS = {"label_reliability", "lineage_routes"}


def test_every_picture_of_a_page_is_one_that_was_recorded():
    shown = {name for page in PAGES for name in re.findall(r"images/(\w+)\.png", page.read_text(encoding="utf-8"))}
    assert shown == set(RECORDS) | OTHERS
    assert set(RECORDS) == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_file_that_was_recorded(name):
    assert hashlib.sha256((IMAGES / f"{name}.png").read_bytes()).hexdigest() == RECORDS[name]["sha256"]


@pytest.mark.system
@pytest.mark.parametrize("name", [name for name, (patient, _) in PICTURES.items() if patient != "tutorial"])
def test_a_picture_shows_what_todays_result_shows(name, real_run):
    patient, figure = PICTURES[name]
    assert shown_in(FIGURES[figure](load_result(real_run(patient))).figure) == RECORDS[name]["shows"]


@pytest.mark.system
def test_probabilities_in_the_caption_of_the_readme_follow_the_demo(real_run):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    result = load_result(real_run("demo"))
    names, p = result.patient.site_names, result.histories.migration_probability

    def route(source, target):
        return p[names.index(source), names.index(target)]

    assert "two clones of the prostate seeded a pelvic lymph node" in text
    assert "less certainly (dashed), to the spine, and from there to the liver and back to the prostate" in " ".join(
        text.split()
    )
    certain = min(route("prostate", "pelvic_lymph_node"), route("prostate", "adrenal"))
    assert certain >= 0.95
    for source, target in (("pelvic_lymph_node", "spine"), ("spine", "liver"), ("spine", "prostate")):
        assert 0.5 < route(source, target) < certain, (source, target)
