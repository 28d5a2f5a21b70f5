"""Histories of independent tumours: nothing migrates between them, and each has the histories it has alone."""

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.migration import OriginGroup, Scenario, histories_of_independent_tumours, infer_history_ensemble
from phylometa.model.clone_tree import CloneTree

SITES = ["left", "right", "liver", "bone"]
GROUPS = (OriginGroup((0, 2), (0,)), OriginGroup((1, 3), (1,)))


def forest():
    tree = CloneTree.from_edges([("germline", "L"), ("L", "L1"), ("germline", "R"), ("R", "R1"), ("R", "R2")])
    presence = np.zeros((6, 4), dtype=bool)
    for name, held in {"L": [0], "L1": [0, 2], "R": [1], "R1": [3], "R2": [1, 3]}.items():
        presence[tree.names.index(name), held] = True
    return tree, presence


def test_nothing_migrates_between_groups_and_each_keeps_its_own_histories():
    tree, presence = forest()
    found = histories_of_independent_tumours(
        [Scenario(0, tree, 1.0, presence)], SITES, GROUPS, settings=MigrationSettings()
    )
    crossing = found.migration_probability[np.ix_([0, 2], [1, 3])]
    assert not crossing.any() and not found.migration_probability[np.ix_([1, 3], [0, 2])].any()
    assert sum(history.weight for _, history in found) == pytest.approx(1.0)
    for group, top in zip(GROUPS, "LR"):
        clones = [v for v in tree.preorder if tree.is_ancestor[tree.names.index(top), v]]
        part = CloneTree.from_edges([e for e in [("L", "L1"), ("R", "R1"), ("R", "R2")] if e[0][0] == top])
        order = [part.names.index(tree.names[v]) for v in clones]
        held = np.zeros((len(clones), 4), dtype=bool)
        held[order] = presence[clones]
        alone = infer_history_ensemble([Scenario(0, part, 1.0, held)], SITES, primary=group.roots[0])
        np.testing.assert_allclose(
            found.migration_probability[np.ix_(group.sites, group.sites)],
            alone.migration_probability[np.ix_(group.sites, group.sites)],
            atol=1e-12,
        )


def test_a_clone_that_two_groups_hold_has_a_node_in_each():
    tree = CloneTree.from_edges([("T", "A"), ("T", "B")])
    presence = np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)
    groups = (OriginGroup((0,), (0,)), OriginGroup((1,), (1,)))
    found = histories_of_independent_tumours(
        [Scenario(0, tree, 1.0, presence)], ["left", "right"], groups, settings=MigrationSettings()
    )
    (_, history), *_ = list(found)
    assert not len(history.migrations)
    assert {(0, 0), (0, 1)} <= set(history.nodes)


def test_a_group_without_a_primary_starts_in_any_of_its_sites_with_the_same_probability():
    tree = CloneTree.from_edges([("germline", "L"), ("germline", "M")])
    presence = np.zeros((3, 3), dtype=bool)
    presence[tree.names.index("L"), 0] = presence[tree.names.index("M"), [1, 2]] = True
    groups = (OriginGroup((0,), (0,)), OriginGroup((1, 2), (1, 2)))
    found = histories_of_independent_tumours(
        [Scenario(0, tree, 1.0, presence)], ["left", "liver", "bone"], groups, settings=MigrationSettings()
    )
    assert found.migration_probability[1, 2] == pytest.approx(found.migration_probability[2, 1])
    assert found.migration_probability[0].sum() == 0.0
