"""The optional organ prior: factors by hand, weights, files with and without, faults of the table."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from small_patients import QUICK

from phylometa.cli import _invoke
from phylometa.config import MigrationSettings, Settings
from phylometa.errors import InputError
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.migration.forward_backward import label_sites
from phylometa.migration.route_prior import RoutePrior, favour_routes, organ_preferences
from phylometa.model.clone_tree import CloneTree
from phylometa.model.patient import Site
from phylometa.pipeline.stages import load_result, run_stage
from phylometa.reference.organ_frequencies import log_preference, read_organ_frequencies

HEADER = "cancer_type\taliases\torgan\ttarget\tpatients\tfrequency\tnote\tsource\n"
TABLE = HEADER + (
    "prostate\tPRAD\tprostate\tbrain\t90\t0.05\t\tmade\n"
    "lung\tNSCLC;LUAD\tlung\tbrain\t90\t0.45\t\tmade\n"
    "lung, small cell\tSCLC\tlung\tbrain\t10\t0.85\t\tmade\n"
)
SITES = (Site("prostate", "primary"), Site("left lung", "distant"), Site("brain", "distant"))
# A (prostate) - B (lung, brain): the brain was reached from the prostate or from the lung.
TREE = CloneTree(("A", "B"), np.array([-1, 0]), np.array([50.0, 40.0]))
PRESENCE = np.array([[1, 0, 0], [0, 1, 1]], dtype=bool)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "frequencies.tsv"
    path.write_text(TABLE)
    return str(path)


def test_preference_by_hand(table):
    rows = read_organ_frequencies(table)
    lung = (90 * 0.45 + 10 * 0.85) / 100
    overall = (0.05 + lung) / 2
    of_prostate = log_preference(rows, cancer_type=None, organ="prostate", target="brain")
    assert of_prostate == pytest.approx(math.log((90 * 0.05 + 10 * overall) / (100 * overall)))
    of_type = log_preference(rows, cancer_type="luad", organ="liver", target="brain")
    assert of_type == pytest.approx(math.log((90 * 0.45 + 10 * overall) / (100 * overall)))
    assert log_preference(rows, cancer_type=None, organ="liver", target="brain") == 0.0  # unknown, not zero
    assert log_preference(rows, cancer_type=None, organ="lung", target="bone") == 0.0
    assert log_preference(rows[:1], cancer_type=None, organ="prostate", target="brain") == 0.0  # nothing to compare


def test_published_table_has_sources_and_shares():
    rows = read_organ_frequencies("published")
    assert all(row.source and 0 < row.frequency <= 1 for row in rows)
    assert len({row.organ for row in rows}) >= 8


def test_routes_of_sites_by_organ_and_class(table):
    rows = (*read_organ_frequencies(table), *read_organ_frequencies("published"))
    nodes = (*SITES, Site("station 7", "lymph_node"))
    prior = organ_preferences(rows, nodes, primary=0, cancer_type="prostate")
    assert prior[1, 2] > 0 > prior[0, 2]
    assert prior[0, 3] < 0  # prostate to a lymph node, which is told by its class alone
    assert not prior[:, 0].any() and not np.diag(prior).any()


def test_weights_are_multiplied_once_a_route_and_undone(table):
    prior = organ_preferences(read_organ_frequencies(table), SITES, primary=0, cancer_type=None)
    names = [site.name for site in SITES]
    plain = infer_history_ensemble([Scenario(0, TREE, 1.0, PRESENCE)], names, primary=0)
    favoured = favour_routes(plain, RoutePrior(prior))
    expected = {
        h.edges.tobytes(): h.weight * math.exp(sum(prior[s, t] for s, t in h.migration_counts)) for _, h in plain
    }
    total = sum(expected.values())
    after = {h.edges.tobytes(): h.weight for _, h in favoured}
    assert after == pytest.approx({key: value / total for key, value in expected.items()})
    assert favoured.migration_probability[1, 2] > plain.migration_probability[1, 2] + 0.1
    assert favoured.without_prior.migration_probability == pytest.approx(plain.migration_probability)
    assert favour_routes(plain, RoutePrior(np.zeros((3, 3)))) is plain


def test_prior_of_a_lineage_tree_moves_its_routes(table):
    # the parent of a brain leaf lies in the prostate or in the lung
    parents = np.array([-1, 0, 0, 1, 1, 0])
    leaves = np.array([-1, -1, 0, 1, 2, 0])
    prior = organ_preferences(read_organ_frequencies(table), SITES, primary=0, cancer_type=None)
    plain = label_sites(parents, leaves, primary=0, n_sites=3)
    favoured = label_sites(parents, leaves, primary=0, n_sites=3, route_prior=prior)
    assert favoured.any_migration[1, 2] > plain.any_migration[1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("organ\ttarget\n", ["patients", "frequency"]),
        (HEADER, ["no row"]),
        (HEADER + "x\t\tlung\tbrain\tmany\t1.5\t\t\n", ["'1.5'", "'many'", "row 2"]),
        (HEADER + "x\t\t\tbrain\t5\t0.5\t\t\n", ["empty", "organ"]),
    ],
)
def test_faults_of_the_table_are_named(tmp_path, text, words):
    path = tmp_path / "bad.tsv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_organ_frequencies(str(path))
    assert all(word in str(caught.value) for word in words)
    with pytest.raises(InputError, match="cannot be read"):
        read_organ_frequencies(str(tmp_path / "none.tsv"))


@pytest.mark.system
def test_run_shows_routes_and_labels_with_and_without(small_sheet, tmp_path):
    folder = tmp_path / "patient"
    shutil.copytree(small_sheet.parent, folder)
    header, *rows = [line.split("\t") for line in small_sheet.read_text().splitlines()]
    column = header.index("site")
    metastases = sorted({row[column] for row in rows if row[header.index("site_type")] != "primary"})
    organs = dict(zip(metastases, ("liver", "brain", "bone")))
    lines = [[organs.get(cell, cell) if i == column else cell for i, cell in enumerate(row)] for row in rows]
    (folder / "samples.tsv").write_text("\n".join("\t".join(line) for line in [header, *lines]) + "\n")
    table = tmp_path / "table.tsv"
    table.write_text(HEADER + "a\t\tliver\tbrain\t900\t0.9\t\tmade\nb\t\tlung\tbrain\t900\t0.01\t\tmade\n")
    arguments = ["run", str(folder / "samples.tsv"), "-o", str(tmp_path / "out"), *QUICK, "--no-plots"]
    assert _invoke([*arguments, "--organ-prior", str(table)]) == 0
    found = load_result(tmp_path / "out/SMALL")
    assert found.labels.without_prior is not None
    assert any("organ prior" in text for text in found.warnings)
    head, *lines = [
        line.split("\t") for line in (tmp_path / "out/SMALL/seeding/migrations.tsv").read_text().splitlines()
    ]
    assert head[-1] == "probability_without_prior"
    to_brain = [line for line in lines if line[:2] == ["liver", "brain"]]
    assert all(float(line[4]) >= float(line[-1]) for line in to_brain)
    page = (tmp_path / "out/SMALL/report.html").read_text()
    assert "Routes with and without the prior" in page


def test_run_says_if_the_table_knows_no_route(small_run):
    plain = load_result(small_run)
    settings = replace(Settings(), migration=MigrationSettings(organ_prior="published"))
    result = run_stage("labels", replace(plain, labels=None), settings)
    assert any("says nothing of" in text for text in result.warnings)
    assert result.labels.without_prior is None


def test_migrate_a_given_tree_with_the_prior(tmp_path, table):
    (tmp_path / "a.tree").write_text("A B\n")
    (tmp_path / "a.labeling").write_text("A prostate\nB left_lung brain\n")
    arguments = ["migrate", str(tmp_path / "a.tree"), str(tmp_path / "a.labeling"), "--primary", "prostate"]
    out = tmp_path / "out"
    assert _invoke([*arguments, "--organ-prior", table, "-o", str(out)]) == 0
    lines = [line.split("\t") for line in (out / "seeding/migrations.tsv").read_text().splitlines()]
    assert lines[0][-1] == "probability_without_prior"
    found = {tuple(line[:2]): (float(line[4]), float(line[-1])) for line in lines[1:]}
    assert found["left_lung", "brain"][0] > found["left_lung", "brain"][1]


def test_migrate_a_lineage_tree_with_the_prior(tmp_path, table):
    (tmp_path / "a.nwk").write_text("((c,d)b,e,f)a;\n")
    (tmp_path / "sites.tsv").write_text("leaf\tsite\nc\tlung\nd\tbrain\ne\tprostate\nf\tprostate\n")
    arguments = ["migrate", str(tmp_path / "a.nwk"), "--sites", str(tmp_path / "sites.tsv"), "--primary", "prostate"]
    out = tmp_path / "out"
    assert _invoke([*arguments, "--organ-prior", table, "-o", str(out)]) == 0
    header, *rows = [line.split("\t") for line in (out / "seeding/routes.tsv").read_text().splitlines()]
    assert header[-1] == "probability_without_prior"
    assert any(float(row[2]) > float(row[-1]) for row in rows if row[:2] == ["lung", "brain"])
