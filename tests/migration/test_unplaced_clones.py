"""Clones that only circulate have no place in a history, and change nothing in it."""

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.joint.infer import _unplaced
from phylometa.migration import joint_histories
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.seeding.evidence_floor import contract_clones

SITES = ("primary", "liver", "lung")


def posterior(*draws):
    return JointPosterior(tuple(draws), np.full(len(draws), 1 / len(draws)))


def draw(parents, presence, unplaced=None):
    k = len(parents)
    labels = np.sort(np.arange(18) % k)
    return JointDraw(labels, np.array(parents), np.full((k, 4), 1 / k), np.array(presence, bool), unplaced=unplaced)


PLAIN = draw([-1, 0, 1, 1], [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1]])
# The same with two clones that circulate below clone 1 (here clones 1 and 2 of 6).
WITH = draw(
    [-1, 3, 1, 0, 3, 3],
    [[1, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1]],
    unplaced=np.array([0, 1, 1, 0, 0, 0], bool),
)


@pytest.mark.parametrize("model", ["parsimony", "process"])
def test_histories_are_those_without_the_clones(model):
    settings = MigrationSettings(model=model)
    plain = joint_histories(posterior(PLAIN), SITES, primary=0, settings=settings)
    found = joint_histories(posterior(WITH), SITES, primary=0, settings=settings)
    np.testing.assert_allclose(found.migration_probability, plain.migration_probability, atol=0.02)
    assert {int(v) for _, history in found for v in history.edges[:, [0, 2]].ravel()} <= {0, 3, 4, 5}
    if model == "parsimony":
        number = {0: 0, 1: 3, 2: 4, 3: 5}
        told = {(tuple(map(tuple, h.edges.tolist())), round(h.weight, 9)) for _, h in found}
        expected = {
            (tuple((number[u], s, number[v], t) for u, s, v, t in h.edges.tolist()), round(h.weight, 9))
            for _, h in plain
        }
        assert told == expected


def test_a_draw_with_such_a_clone_weighs_as_much_as_one_without():
    found = joint_histories(posterior(PLAIN, WITH), SITES, primary=0, settings=MigrationSettings())
    weight = [sum(entry.weight for entry in found.trees if entry.tree == i) for i in (0, 1)]
    assert weight[0] == pytest.approx(weight[1])


def test_which_clones_are_unplaced():
    parents = np.array([-1, 0, 1, 0, 3])
    in_site = np.array([[1], [0], [0], [0], [1]], bool)
    circulates = np.array([[0], [0], [1], [1], [0]], bool)
    # 1 and 2 circulate and are nowhere; 3 circulates, but its child 4 is in a site
    assert _unplaced(parents, circulates, in_site).tolist() == [False, True, True, False, False]


def test_contracted_clones_stay_unplaced_only_together():
    chosen = np.array([0, 0, 1, 0, 0, 0], bool)
    assert contract_clones(WITH, chosen).unplaced.tolist() == [False, True, False, False, False]


def test_json_round_trip():
    document = posterior(WITH, PLAIN).to_json(SITES)
    assert document["draws"][0]["unplaced"] == [2, 3] and "unplaced" not in document["draws"][1]
    read = JointPosterior.from_json(document)
    assert read.draws[0].unplaced.tolist() == WITH.unplaced.tolist() and not read.draws[1].unplaced.any()
