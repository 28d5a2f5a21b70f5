"""Violations of the sum condition and groups of equivalent trees."""

import numpy as np
import pytest

from phylometa.clone_trees.checks import equivalent_trees, sum_condition_violations
from phylometa.clone_trees.likelihood import read_model
from phylometa.config import TreeSettings


def model_of(prevalence, depth=2000.0):
    prevalence = np.asarray(prevalence, dtype=float)
    total = np.full(prevalence.shape, depth)
    return read_model((0.001 + prevalence * 0.499) * total, total, settings=TreeSettings())


def test_a_consistent_tree_has_none():
    model = model_of([[1.0, 1.0], [0.6, 0.2], [0.4, 0.3]])
    assert sum_condition_violations([-1, 0, 0], model, ["1", "2", "3"]) == []


def test_the_excess_is_named_with_cluster_sample_and_size():
    model = model_of([[1.0, 1.0], [0.6, 0.8], [0.4, 0.5]])
    (found,) = sum_condition_violations([-1, 0, 0], model, ["1", "2", "3"])
    assert (found["cluster"], found["children"], found["sample"]) == ("1", ["2", "3"], 1)
    assert found["sum_of_children"] == pytest.approx(1.3, abs=1e-3)
    assert found["excess"] == pytest.approx(0.3, abs=1e-3)
    assert found["z"] > 3
    assert "purity" in found["likely_cause"]


@pytest.mark.parametrize(
    ("prevalence", "parents", "cause"),
    [
        ([[1.0], [0.0], [0.6]], [-1, 0, 1], "absent"),
        ([[1.0], [0.3], [0.6]], [-1, 0, 1], "a mutation lost"),
        ([[1.0], [0.3], [0.3], [0.3]], [-1, 0, 1, 1], "merged"),
    ],
)
def test_likely_causes(prevalence, parents, cause):
    (found,) = sum_condition_violations(parents, model_of(prevalence), [str(i) for i in range(len(parents))])
    assert cause in found["likely_cause"]


def test_noise_is_no_violation():
    model = model_of([[1.0], [0.55], [0.5]], depth=50.0)
    assert sum_condition_violations([-1, 0, 0], model, ["1", "2", "3"]) == []


def test_equivalent_trees_are_grouped_by_score():
    assert equivalent_trees(np.array([-5.0, -7.0, -5.02, -9.0, -7.05])) == [[0, 2], [1, 4], [3]]
    assert equivalent_trees(np.zeros(0)) == []
