"""Ancestors that no sample shows cap the levels of everything that histories say."""

from dataclasses import replace

import numpy as np
import pytest
from test_seeding_patient import small_result

from phylometa.config import MigrationSettings
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.model.clone_tree import CloneTree
from phylometa.model.tree_ensemble import PresenceScenario
from phylometa.seeding import classify_patient
from phylometa.seeding.swept import find_swept

# R over A, B, C, each of which has two children; leaves in both sites.
PARENTS = np.array([-1, 0, 0, 0, 1, 1, 2, 2, 3, 3])
LEAVES = np.arange(4, 10)


def ensemble(*presences, weights=None):
    tree = CloneTree(tuple("RABCabcdef"), PARENTS)
    weights = weights or [1.0 / len(presences)] * len(presences)
    scenarios = [Scenario(0, tree, weight, presence) for weight, presence in zip(weights, presences)]
    settings = MigrationSettings(weights="uniform")
    return infer_history_ensemble(scenarios, ("P", "M"), primary=0, settings=settings)


def presence_with(*ancestors):
    presence = np.zeros((10, 2), dtype=bool)
    presence[LEAVES, LEAVES % 2] = True
    presence[list(ancestors), 0] = True
    return presence


@pytest.mark.parametrize(("seen", "is_swept"), [((), True), ((0,), True), ((0, 1), False), ((0, 1, 2, 3), False)])
def test_labels_are_not_calibrated_if_half_of_the_ancestors_and_three_are_gone(seen, is_swept):
    found = find_swept([PARENTS], ensemble(presence_with(*seen)))
    assert (found is not None) == is_swept
    if is_swept:
        assert found.figure == f"{4 - len(seen)}.0 of 4.0 clones with descendants are in no sample"
        assert found.verdict == "warning" and "more regions of the primary" in found.remedy


def test_few_ancestors_say_nothing():
    """Two of two are gone."""
    parents = np.array([-1, 0, 0, 1, 1])
    tree = CloneTree(tuple("RAabc"), parents)
    presence = np.array([[0, 0], [0, 0], [1, 0], [1, 0], [0, 1]], dtype=bool)
    histories = infer_history_ensemble([Scenario(0, tree, 1.0, presence)], ("P", "M"), primary=0)
    assert find_swept([parents], histories) is None


def with_tree(result, tree, presence):
    """A result whose trees and histories are those of one tree."""
    patient = result.patient
    names = patient.site_names
    where = np.zeros((tree.n_clones, len(names)), dtype=bool)
    where[:, [names.index("P"), names.index("M")]] = presence
    trees = replace(
        result.trees,
        names=tree.names,
        n_mutations=np.ones(tree.n_clones),
        parents=np.asarray(tree.parents)[None],
        proportions=np.zeros((1, tree.n_clones, result.trees.proportions.shape[2])),
        presence=where[None].astype(float),
        scenarios=(PresenceScenario(0, 1.0, where),),
    )
    histories = infer_history_ensemble([Scenario(0, tree, 1.0, where)], names, primary=0)
    return replace(result, trees=trees, histories=histories, clusters=None)


def test_nothing_is_supported_of_a_patient_whose_ancestors_are_swept():
    result, tree = small_result(), CloneTree(tuple("RABCabcdef"), PARENTS)
    swept, seen = (
        classify_patient(with_tree(result, tree, presence)) for presence in (presence_with(), presence_with(0, 1, 2, 3))
    )
    assert "supported" in seen.status["site_seeding"].values()
    assert not any("swept" in text for text in seen.warnings)
    assert "supported" not in swept.status["site_seeding"].values()
    assert not any(route.level == "supported" for route in swept.certainty.routes)
    (text,) = [text for text in swept.warnings if "swept ancestors" in text]
    assert "4.0 of 4.0 clones with descendants are in no sample" in text
    capped = [cap for key, cap in swept.certainty.caps.items() if key.startswith("site_seeding")]
    assert all(cap.level == "favoured" and "swept ancestors" in cap.reason for cap in capped)
