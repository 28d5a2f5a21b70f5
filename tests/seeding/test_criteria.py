"""Labels under every criterion side by side: ours, MACHINA's, MACH2's and corners of Metient's Pareto front."""

import numpy as np
import pytest

from phylometa.config import MigrationSettings, Settings
from phylometa.migration import Scenario, infer_history_ensemble, infer_migration_histories
from phylometa.model.clone_tree import CloneTree
from phylometa.model.patient import Site
from phylometa.pipeline.stages import load_result
from phylometa.seeding import classify_seeding
from phylometa.seeding.criteria import ORDERS, labels_under_criteria

SITES = (Site("P", "primary"), Site("M1", "distant"), Site("M2", "distant"))
# Comigration: A and B in both metastases. The plain model is a labelling of pendant leaves.
TREE = CloneTree.from_edges([("R", "A"), ("R", "B"), ("B", "B1")], root="R")
HELD = {"R": "P", "A": "P M1 M2", "B": "P M2", "B1": "M2 M1"}


def labels_of(held=HELD, tree=TREE):
    presence = np.array([[site.name in held[name].split() for site in SITES] for name in tree.names])
    settings = Settings(migration=MigrationSettings(criteria="UM"))
    histories = infer_history_ensemble([Scenario(0, tree, 1.0, presence)], [s.name for s in SITES], primary=0)
    return classify_seeding(lambda _: tree, histories, SITES, settings=settings), presence


def test_corners_are_the_optima_of_all_orders():
    labels, presence = labels_of()
    corners = {}
    for order in ("MCS", "MSC", "CMS", "CSM", "SMC", "SCM"):
        found = infer_migration_histories(
            TREE, presence, primary=0, model="machina", settings=MigrationSettings(criteria=order, weights="uniform")
        )
        corners[tuple(found.criteria.values())[1:]] = [history.pattern for history in found.histories]
    expected = {}
    for patterns in corners.values():
        for pattern in patterns:
            expected[pattern] = expected.get(pattern, 0.0) + 1 / len(patterns) / len(corners)
    assert labels.alternative_criteria["metient_pareto_corners"]["pattern"] == pytest.approx(expected)


def test_side_by_side_says_which_tool_differs_and_how():
    labels, _ = labels_of()
    rows = {row.label: row for row in labels_under_criteria(labels)}
    assert list(rows["pattern"].values) == ["ours", *ORDERS.values()]
    assert rows["met_to_met"].values["ours"][0] == "True"
    assert rows["met_to_met"].values["MACHINA"] == ("False", 1.0)
    assert "MACHINA: no" in rows["met_to_met"].differing
    assert rows["phyletic"].differing == ""
    # what only Metient's corners change is told, but does not make a label sensitive
    assert set(labels.criterion_sensitive) <= {row.label for row in rows.values() if row.differing}


def test_run_writes_the_table_and_folds_it_into_the_report(small_run):
    lines = [line.split("\t") for line in (small_run / "seeding/criteria.tsv").read_text().splitlines()]
    assert lines[0] == [
        "label",
        *("ours", "ours_share", "machina", "machina_share", "mach2", "mach2_share", "metient", "metient_share"),
        "differing",
    ]
    found = {line[0]: line for line in lines[1:]}
    labels = load_result(small_run).labels
    value, share = found["pattern"][1:3]
    assert labels.labels["pattern"][value] == pytest.approx(float(share), abs=1e-6)
    assert "Labels under every criterion" in (small_run / "report.html").read_text()
