"""The report without a browser: self-contained, escaped, deterministic, and it says what it does not know."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import plot_results
import pytest
from report_cases import cohort_outcomes

from phylometa.cohort.job import Outcome
from phylometa.cohort.statistics import label_frequencies, route_frequencies
from phylometa.config import Settings, TimingSettings
from phylometa.model.interval import Estimate
from phylometa.model.result import PatientResult
from phylometa.model.timing import GainRow, GrowthRow, ReseedingRow
from phylometa.plots.cohort_figures import small_graph_scene
from phylometa.plots.history_overview import migration_edges
from phylometa.report import cohort_index_html, report_html, write_cohort_index, write_report
from phylometa.report.evidence import site_evidence
from phylometa.report.explorer import MAX_FRAMES, evidence_json, explorer_frames
from phylometa.report.findings import describe
from phylometa.report.methods_text import methods_paragraph
from phylometa.report.report_tables import all_tables


class Document(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.inside = [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text += data


CASES = ("one_clone", "eight_clones", "malicious", "nothing")


@pytest.fixture(scope="module")
def documents(page_of):
    return {name: Document(page_of(name)) for name in CASES}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_fetched_and_identifiers_are_unique(documents, case):
    elements = documents[case].elements
    for tag, attributes in elements:
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = attributes.get(name, "#")
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value[:60])
    counts = Counter(attributes["id"] for _, attributes in elements if "id" in attributes)
    assert [name for name, count in counts.items() if count > 1] == []
    known = set(counts)
    for _, attributes in elements:
        for name in ("aria-labelledby", "for"):
            assert set(attributes.get(name, "").split()) <= known
        for target in re.findall(r"url\(#([^)]+)\)", " ".join(str(value) for value in attributes.values())):
            assert target in known


def test_names_stay_text(documents):
    document = documents["malicious"]
    tags = Counter(tag for tag, _ in document.elements)
    assert tags["script"] == 2  # the evidence and the page's own
    assert not any(name.startswith("on") for _, attributes in document.elements for name in attributes)
    images = [attributes for tag, attributes in document.elements if tag == "img"]
    assert images == []
    for name in ("<script>window.hacked=1</script>", '"><img src=x onerror="window.hacked=2">', "{{7*7}}"):
        assert name in document.text
    assert "49" not in [cell.strip() for cell in document.text.split("\n")]


def test_evidence_cannot_end_its_element():
    text = evidence_json(plot_results.malicious())
    assert not set("<>&") & set(text)
    document = json.loads(text)
    assert document["clones"][0]["name"].startswith("<script>")
    assert len(document["clones"]) == 6
    assert len(document["clones"][0]["reads"]) == 6


def test_evidence_holds_the_reads_of_a_clone():
    result = plot_results.eight_clones()
    clone = json.loads(evidence_json(result))["clones"][2]
    members = result.clusters.labels == 2
    assert clone["n"] == members.sum()
    table = result.patient.mutations
    assert clone["reads"][1] == [int(table.alt_counts[members, 1].sum()), int(table.depth[members, 1].sum())]
    assert clone["drivers"] == sorted({table.genes[i] for i in members.nonzero()[0]} & result.patient.drivers)


def test_same_result_same_bytes(tmp_path):
    first = write_report(plot_results.one_metastasis(), tmp_path / "a.html")
    second = write_report(plot_results.one_metastasis(), tmp_path / "b.html")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_sixty_clones_stay_below_three_megabytes():
    result = plot_results.sixty_clones()
    assert len(report_html(result).encode()) < 3_000_000
    assert 1 <= len(explorer_frames(result)) <= MAX_FRAMES


def test_frames_walk_through_histories_by_probability():
    result = plot_results.eight_clones()
    frames = explorer_frames(result)
    assert len(frames) == 6
    assert [re.search(r"probability (\d+)%", frame.caption)[1] for frame in frames] == [
        "40",
        "20",
        "17",
        "10",
        "9",
        "4",
    ]
    no_histories = PatientResult(result.patient, result.ccf, result.clusters, result.trees)
    assert [frame.graph_svg for frame in explorer_frames(no_histories)] == [""]


def test_where_nothing_can_be_said_the_report_says_so(documents):
    text = documents["nothing"].text
    assert "No seeding labels could be determined." in text
    assert "Not determined by these samples" in text
    assert "no mutation is left after filtering" in text


def test_findings_put_routes_first_then_sites_and_open_questions_apart():
    result = plot_results.eight_clones()
    findings = describe(result)
    assert findings.what_was_read == (
        "240 mutations in 6 samples of 4 sites fall into 8 clusters; the best of 3 clone trees has probability 57%."
    )
    routes = findings.answers[0].text
    assert findings.answers[0].label == "routes" and findings.answers[0] not in findings.facts
    sure = [e for e in migration_edges(result.histories, is_merged=True) if e.probability >= 0.8]
    assert routes.startswith("Routes: prostate to ") and routes.count(" to ") == len(sure)
    assert all(finding.status in ("fact", "supported", "favoured") for finding in findings.answers)
    of_site = {entry.site: [x.text for x in entry.findings] for entry in findings.sites}
    assert any("was seeded by clone 3 between the ages of 53.0 and 57.0 years" in text for text in of_site["liver"])
    node = of_site["left supraclavicular lymph node"]
    assert not any("was seeded by clone 2" in text for text in node)
    assert not any(text.startswith(site) for site, texts in of_site.items() for text in texts)
    assert findings.open_questions and findings.open_questions[-1].text == "No growth rate: one size a lesion"


def test_sources_that_are_open_are_named():
    result = plot_results.eight_clones()
    split = {"prostate": 0.5, "pelvic lymph node+prostate": 0.3, "lung": 0.1, "brain": 0.06, "bed": 0.04}
    labels = {**result.labels.labels, "site_sources": {**result.labels.labels["site_sources"], "liver": split}}
    settled = {"site_sources:liver": "a second region of liver"}
    changed = replace(result.labels, labels=labels, settled_by=settled)
    changed = replace(result, labels=changed.graded(changed.certainty))
    liver = next(entry for entry in describe(changed).sites if entry.site == "liver")
    assert liver.findings[0].text == (
        "source not determined: prostate (50%); pelvic lymph node and prostate (30%); lung (10%); or 2 others."
    )
    assert liver.findings[0].status == "not determined" and liver.findings[0].support == ""


def test_every_site_is_traced_to_the_reads_of_its_founders(documents):
    result = plot_results.eight_clones()
    evidence = site_evidence(result)
    weights = {}
    for _, history in result.histories:
        for v, t in {(int(v), int(t)) for _, _, v, t in history.migrations}:
            weights[t, v] = weights.get((t, v), 0.0) + history.weight
    names = result.patient.site_names
    expected = {(names[t], v) for (t, v), weight in weights.items() if weight >= 0.5}
    assert {(site, item.clone) for site, items in evidence.items() for item in items} == expected
    item = evidence["liver"][0]
    members = result.clusters.labels == item.clone
    samples = result.patient.sample_site == names.index("liver")
    alt = int(result.patient.mutations.alt_counts[members][:, samples].sum())
    depth = int(result.patient.mutations.depth[members][:, samples].sum())
    assert item.text.startswith(f"{members.sum()} mutations have {alt:,} of {depth:,} reads in liver")
    traced = {
        attributes["data-trace"] for _, attributes in documents["eight_clones"].elements if "data-trace" in attributes
    }
    assert traced == {str(v) for _, v in expected}


def test_radiotherapy_has_its_curves_and_its_evidence(documents):
    shown = {a["data-name"] for tag, a in documents["eight_clones"].elements if tag == "figure"}
    assert "ccf_pairs" in shown and "tumour_control" not in shown
    asked = Settings(timing=TimingSettings(radiotherapy_curves=True))
    document = Document(report_html(replace(plot_results.eight_clones(), settings=asked)))
    assert "tumour_control" in {a["data-name"] for tag, a in document.elements if tag == "figure"}
    assert "No irradiated site was sampled after irradiation" in documents["eight_clones"].text
    result = plot_results.eight_clones()
    row = ReseedingRow("prostate", "radiotherapy prostate", "insufficient", ("the order of dates alone",), 0.75)
    changed = replace(result, timing=replace(result.timing, reseeding=(row,)))
    assert all_tables(changed)["reseeding"].rows[0][:4] == ("prostate", "radiotherapy prostate", "insufficient", 0.75)
    told = next(x for x in describe(changed).answers if "was reseeded after" in x.text)
    assert told.text.endswith("insufficient evidence.") and told.support == "" and "back: 75%" in told.note
    assert "Radiotherapy" not in Document(report_html(plot_results.nothing())).text


def test_growth_and_gains_are_tabulated():
    result = plot_results.eight_clones()
    nan = Estimate(float("nan"), float("nan"), float("nan"))
    growth = GrowthRow("liver", 1.5, 155.0, 34.0, "a table", Estimate(10.0, 8.0, 12.0), nan, None, None, "both")
    gain = GainRow("liver_6", "liver", "gain", "8", "2+1", 15, 0.5, 0.5, 0.2, 0.8, float("nan"))
    tables = all_tables(replace(result, timing=replace(result.timing, growth=(growth,), gains=(gain,))))
    assert tables["growth"].rows[0][4:] == ("10 (8 to 12)", "cannot hold", "both")
    assert tables["gains"].rows[0][-4:] == (0.5, 0.2, 0.8, "")


def test_tables_count_what_was_left_out_and_know_their_clones():
    result = plot_results.eight_clones()
    tables = all_tables(result)
    sample = result.patient.samples[0].name
    assert tables["left_out"].rows == (("filtered", "all", "calls.vcf", 3), ("no_depth", sample, "calls.vcf", 1))
    assert [row[0] for row in tables["clones"].rows] == [result.trees.names[clone] for clone in tables["clones"].clones]
    assert tables["clones"].is_numeric(1) and not tables["clones"].is_numeric(0)
    first = tables["mutations"].rows[0]
    assert first[1] in result.patient.drivers and first[2] == "yes"
    assert tables["settings"].rows[-1] == ("", "seed", "1")
    assert len(tables["sites"].rows) == 4


def test_methods_paragraph_names_what_was_done():
    result = plot_results.eight_clones()
    text = methods_paragraph(result, "9.9")
    for words in (
        "240 somatic mutations in 6 tumour samples",
        "phylometa 9.9",
        "giving 8 clusters",
        "random seed was 1",
    ):
        assert words in text
    bare = methods_paragraph(PatientResult(result.patient), "9.9")
    assert bare == "240 somatic mutations in 6 tumour samples were analysed with phylometa 9.9."


def test_cohort_index_links_patients_and_names_failures(tmp_path):
    outcomes = cohort_outcomes()
    summaries = [outcomes[0].summary]
    path = write_cohort_index(
        outcomes,
        tmp_path / "index.html",
        frequencies=label_frequencies(summaries),
        routes=route_frequencies(summaries),
    )
    document = Document(path.read_text(encoding="utf-8"))
    links = [a["href"] for tag, a in document.elements if tag == "a" and not a["href"].startswith("#")]
    assert links == ["A%201/report.html"] * 2  # in the table and above the small graph
    assert "1 of 1" in document.text and "Most probable in" in document.text
    assert "1 of 2 analysed; 1 failed" in document.text
    assert "parallel single-source (90%)" in document.text
    assert "samples.tsv: <script>window.hacked=1</script>" in document.text
    assert Counter(tag for tag, _ in document.elements)["script"] == 1
    assert "Routes between sites" in document.text
    assert "Routes" not in Document(cohort_index_html(outcomes)).text


def test_raw_counts_stand_beside_shrunken_shares():
    summaries = [
        {"labels": {"labels": {"pattern": {"PS": p, "S": round(1 - p, 2)}, "site_sources": {"liver": {"P": 1.0}}}}}
        for p in (0.9, 0.8, 0.7, 0.6)
    ]
    outcomes = [Outcome(f"P{i}", "done", summary=summary) for i, summary in enumerate(summaries)]
    text = Document(cohort_index_html(outcomes, frequencies=label_frequencies(summaries))).text
    assert "4 of 4" in text and "0 of 4" in text
    assert "70%" in text and "(expected + 1/2) / (patients + 1)" in text  # (3 + 1/2) / 5


def test_small_graphs_show_what_is_more_probable_than_not():
    sites = [{"name": name, "site_class": kind} for name, kind in (("colon", "primary"), ("liver", "distant"))]
    routes = [["colon", "liver", 0.7], ["liver", "colon", 0.3]]
    scene = small_graph_scene({"patient": "P1", "sites": sites, "migration_graph": routes})
    assert scene.description == "Migrations: colon to liver 70%."
    assert [label.text for label in scene.labels] == ["colon", "liver"]
    (line,) = [item for item in scene.items if getattr(item, "dash", ())]
    assert line.line_width < 2  # dashed below 80 %
    many = [{"name": f"s{i}", "site_class": "distant"} for i in range(14)]
    assert scene.height < small_graph_scene({"sites": many}).height
    assert "4 more sites" in [label.text for label in small_graph_scene({"sites": many}).labels]


def test_report_of_a_patient_that_was_analysed(small_run):
    """From disk it has the same bytes: `test_stage_chain.test_report_and_figures_are_the_same_again`."""
    text = (small_run / "report.html").read_text(encoding="utf-8")
    assert len(text) < 3_000_000
    document = Document(text)
    shown = {a["data-name"] for tag, a in document.elements if tag == "figure"}
    assert {"routes", "clone_tree", "migration_graph", "history", "seeding_matrix", "timeline", "fish"} <= shown
    assert "History 1 of" in document.text


def test_copy_number_is_told_and_tabulated():
    result = plot_results.eight_clones()
    tables = all_tables(result)
    assert len(tables["instability"].rows) == len(result.copy_number.node_names)
    assert tables["instability"].rows[0][6] == 0.9 and tables["instability"].rows[-1][6] == ""
    first, second = result.copy_number.sample_names[:2]
    assert tables["parallel"].rows == ((first, second, "loss", "8", 1, 5_000_000, "no"),)
    told = (
        f"{result.copy_number.tree_length} copy-number events explain the samples; the genome is doubled in all of them"
    )
    assert any(finding.text.startswith(told) for finding in describe(result).answers)
    assert not any("copy-number" in finding.text for finding in describe(plot_results.one_clone()).answers)
