"""The first screen of the report: every cell is the labels' own number, every event and every question stands once."""

import re
from collections import Counter
from dataclasses import replace

import plot_results
import pytest

from phylometa.model.interval import Estimate
from phylometa.model.timing import LesionRow, TimingResult
from phylometa.plots.history_overview import migration_edges
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.style import percent
from phylometa.report import write_one_page
from phylometa.report.findings import Finding, Findings, describe
from phylometa.report.one_page import one_page_scene
from phylometa.report.overview import overview

CASES = ("one_clone", "one_metastasis", "eight_clones", "nothing", "malicious")


@pytest.fixture(scope="module")
def eight():
    return plot_results.eight_clones()


def with_labels(result, **changed):
    labels = result.labels
    return replace(
        result,
        labels=replace(
            labels,
            labels={**labels.labels, **{name: {**labels.labels[name], **values} for name, values in changed.items()}},
            status={**labels.status, **{name: dict(labels.status[name]) for name in changed}},
        ),
    )


def test_a_row_a_metastasis_with_the_numbers_of_the_labels(eight):
    found = overview(eight)
    metastases = [site.name for site in eight.patient.sites if site.is_metastasis]
    assert [row.site for row in found.rows if row.site in metastases] == metastases
    labels = eight.labels.with_override()
    for row in found.rows:
        if row.site in metastases and row.source.status != "not determined":
            value = row.source.text.replace(", ", "+")
            assert row.source.probability == labels.labels["site_sources"][row.site][value]
            assert row.source.status == labels.status["site_sources"][row.site]
            assert row.source.note == ""
        if row.clones.text:
            value = {"one": "monoclonal", "several": "polyclonal"}[row.clones.text]
            assert row.clones.probability == labels.labels["site_seeding"][row.site][value]


def test_candidates_of_an_open_source_have_their_own_probabilities(eight):
    split = {"prostate+lung": 0.4, "prostate": 0.2, "lung": 0.3, "brain": 0.1}
    changed = with_labels(eight, site_sources={"liver": split})
    changed.labels.status["site_sources"]["liver"] = "not determined"
    row = next(row for row in overview(changed).rows if row.site == "liver")
    assert (row.source.text, row.source.probability) == ("lung", pytest.approx(0.7))
    assert row.source.note == "or prostate 60%, brain 10%"
    split = {"prostate+lung": 0.7, "brain": 0.3}
    changed = with_labels(eight, site_sources={"liver": split})
    changed.labels.status["site_sources"]["liver"] = "not determined"
    row = next(row for row in overview(changed).rows if row.site == "liver")
    assert row.source.note.startswith("and perhaps ")


def test_a_primary_that_was_probably_not_reseeded_says_so(eight):
    changed = with_labels(
        eight, site_sources={"prostate": {"liver": 0.09, "lung": 0.04}}, site_seeding={"prostate": {"monoclonal": 0.13}}
    )
    for name in ("site_sources", "site_seeding"):
        changed.labels.status[name]["prostate"] = "not determined"
    found = overview(changed)
    row = next(row for row in found.rows if row.site == "prostate")
    assert (row.source.text, row.source.status) == ("not reseeded", "favoured")
    assert row.source.probability == pytest.approx(0.87) and row.clones.text == ""
    assert not any("prostate" in text and "source" in text for text in found.open_questions)
    told = [x.text for site in describe(changed).sites if site.site == "prostate" for x in site.findings]
    assert "not reseeded (87%); otherwise from liver (9%); lung (4%)." in told
    assert not any("not determined: ." in text for text in told)


def test_the_sentence_names_who_seeded_whom_and_counts_the_rest(eight):
    sources = {site.name: {"prostate": 1.0} for site in eight.patient.sites if site.is_metastasis}
    sure = with_labels(eight, site_sources=sources)
    for site in sources:
        sure.labels.status["site_sources"][site] = "supported"
    assert overview(sure).sentence.startswith("Prostate seeded ")
    assert "not determined" not in overview(sure).sentence
    for site in sources:
        sure.labels.status["site_sources"][site] = "not determined"
    assert overview(sure).sentence == f"The source of none of the {len(sources)} metastases is determined."
    unsampled = replace(eight, labels=replace(eight.labels, primary_sampled=False))
    assert overview(unsampled).sentence.startswith("The primary was not sampled")
    assert overview(plot_results.nothing()).sentence == "Which site seeded which could not be determined."


def test_one_sample_settles_most_and_every_question_stands_once(eight):
    phrase = "another region of liver"
    settled = {"site_sources:liver": phrase, "pattern": phrase, "ln_route:liver": "something else"}
    changed = replace(eight, labels=replace(eight.labels, settled_by=settled))
    status = {
        name: "not determined" if isinstance(v, str) else dict.fromkeys(v, "not determined")
        for name, v in eight.labels.status.items()
    }
    changed = replace(changed, labels=replace(changed.labels, status=status))
    found = overview(changed)
    assert found.open_questions and max(Counter(found.open_questions).values()) == 1
    assert found.settled_by.startswith(phrase)


def test_facts_tell_one_event_once():
    sensitive = "X; other orders of the criteria give another answer: MACHINA's no (0.9)."
    answers = (
        Finding("Routes: a to b.", "fact", label="routes"),
        Finding("Clones returned (reseeding, R): supported.", "supported", 1, label="pattern"),
        Finding("The primary was reseeded from another site: supported.", "supported", 1, label="reseeding_primary"),
        Finding(
            "A metastasis seeded the primary: supported.",
            "supported",
            1,
            label="self_seeding",
        ),
        Finding(sensitive, "favoured", 0.9, label="cascade"),
    )
    texts = [x.text for x in Findings("", answers, (), ()).facts]
    assert texts[:2] == ["The primary was reseeded from another site.", "X."] and len(texts) == 3
    assert texts[2].startswith("Other orders of the criteria give another answer for: ")
    alone = Findings("", answers[1:2], (), ()).facts
    assert len(alone) == 1  # without the other sentence the pattern stands


@pytest.mark.parametrize(
    ("models", "is_said"),
    [
        ({"joint": 0.4, "exponential": 0.1, "gompertz": 0.99}, False),
        ({"joint": 0.96, "exponential": 0.99, "gompertz": 0.7}, True),
        ({"exponential": 0.99, "gompertz": 0.2}, False),
        ({"exponential": 0.99, "gompertz": 0.97}, True),
    ],
)
def test_a_rest_is_said_if_both_growth_models_together_say_it(eight, models, is_said):
    site = next(site.name for site in eight.patient.sites if site.is_metastasis)
    span = Estimate(2.0, 1.5, 4.0)
    rows = tuple(LesionRow(site, model, span, span, span, p) for model, p in models.items())
    timing = TimingResult((), (), lesions=rows)
    told = next(x for x in describe(replace(eight, timing=timing)).sites if x.site == site)
    assert any("rested for 1.5 to 4.0 years" in finding.text for finding in told.findings) == is_said


@pytest.mark.parametrize("case", CASES)
def test_findings_are_short_and_no_line_stands_twice(case, page_of):
    text = page_of(case)
    section = text[text.index('<section id="findings">') :]
    section = re.sub(r"<svg.*?</svg>", " ", section[: section.index("<details")], flags=re.DOTALL)
    assert len(re.sub(r"<[^>]+>", " ", section).split()) < 400
    items = re.findall(r"<li[^>]*>(.*?)</li>", section, flags=re.DOTALL)
    assert not [item for item, n in Counter(items).items() if n > 1]


def test_every_site_has_its_most_probable_way_in_drawn_by_its_own_probability(eight):
    scene = migration_graph_scene(eight, rank=None, is_merged=True, is_best=True, width=340.0)
    edges = migration_edges(eight.histories, is_merged=True)
    lines = {
        item.group.key: item
        for item in scene.items
        if item.group
        and item.group.key.startswith("edge-")
        and getattr(item, "stroke", None)
        and len(item.commands) == 3
        and item.stroke != "#1a1a1a"
    }
    labels = {item.group.key: item.text for item in scene.labels if item.group and item.group.key.startswith("edge-")}
    for target in {edge.target for edge in edges}:
        entering = sorted((e for e in edges if e.target == target), key=lambda e: -e.probability)
        drawn = [key for key in labels if key.split("-")[2] == str(target)]
        if sum(e.probability for e in entering) < 0.5:
            assert not drawn
            continue
        best = next(key for key in drawn if key.split("-")[1] == str(entering[0].source))
        p = entering[0].probability
        assert labels[best] == ("? " if p < 0.8 else "") + percent(p)
        assert bool(lines[best].dash) == (p < 0.8)
        assert lines[best].line_width == pytest.approx(2.2 if p >= 0.95 else 1.2 if p >= 0.8 else 0.9)


@pytest.mark.parametrize(
    "case", ["one_clone", "one_metastasis", "eight_clones", "sixty_clones", "nothing", "malicious"]
)
def test_one_page_holds_sentence_and_table_and_no_text_leaves_it(case, tmp_path):
    result = getattr(plot_results, case)()
    scene = one_page_scene(result)
    text = " ".join(label.text for label in scene.labels)
    assert overview(result).sentence.split()[0] in text
    for label in scene.labels:
        left, top, right, bottom = label.box
        assert left >= 0 and right <= scene.width and top >= 0 and bottom <= scene.height, label
    if case != "sixty_clones":
        first = write_one_page(result, tmp_path / "a.pdf").read_bytes()
        assert first.startswith(b"%PDF") and first.count(b"/Type /Page ") == 1
    if case in ("eight_clones", "malicious"):
        assert write_one_page(result, tmp_path / "b.pdf").read_bytes() == first
