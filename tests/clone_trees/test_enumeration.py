"""Exact tree posterior: against every rooted labelled tree scored one by one."""

import itertools

import numpy as np
import pytest
from clone_tree_cases import SETTINGS, simulated_model

from phylometa.clone_trees.enumeration import enumerate_trees
from phylometa.clone_trees.likelihood import read_model, tree_log_likelihood
from phylometa.model.clone_tree import ancestor_matrix


def brute_force(model, unrelated):
    n = model.n_clusters
    scores = {}
    for parents in itertools.product(range(-1, n), repeat=n):
        founders = sum(parent < 0 for parent in parents)
        if founders < 2 if unrelated else founders != 1:
            continue
        try:
            scores[parents] = tree_log_likelihood(np.array(parents), model)
        except ValueError:
            continue
    return scores


def check_against_brute_force(n_clusters, unrelated, depth):
    model = simulated_model(n_clusters, 3, depth, n_clusters)
    scores = brute_force(model, unrelated)
    evidence = np.logaddexp.reduce(list(scores.values()))
    exact = enumerate_trees(model, unrelated=unrelated, max_trees=10**6)
    listed = {tuple(row): i for i, row in enumerate(exact.parents.tolist())}
    assert len(listed) == len(exact.parents)
    assert exact.log_evidence == pytest.approx(evidence, abs=1e-9)
    ancestors, edges = np.zeros((n_clusters, n_clusters)), np.zeros((n_clusters, n_clusters))
    for parents, score in scores.items():
        weight = np.exp(score - evidence)
        if parents in listed:
            assert exact.weights[listed[parents]] == pytest.approx(weight, abs=1e-9)
        else:
            assert score < max(scores.values()) + np.log(1e-12)
        rooted = np.append(np.where(np.array(parents) < 0, n_clusters, parents), -1)
        ancestors += weight * (ancestor_matrix(rooted) - np.eye(n_clusters + 1))[:n_clusters, :n_clusters]
        for child, parent in enumerate(parents):
            if parent >= 0:
                edges[parent, child] += weight
    np.testing.assert_allclose(exact.ancestor_probability, ancestors, atol=1e-9)
    np.testing.assert_allclose(exact.edge_support, edges, atol=1e-9)
    count = sum(score >= max(scores.values()) + np.log(1e-12) for score in scores.values())
    assert abs(exact.n_trees - count) <= max(1, 0.02 * count)


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [5, 100])
def test_single_founder_equals_brute_force(n_clusters, depth):
    check_against_brute_force(n_clusters, False, depth)


@pytest.mark.parametrize("n_clusters", [2, 3, 4])
def test_several_founders_equal_brute_force(n_clusters):
    check_against_brute_force(n_clusters, True, 30)


@pytest.mark.slow
@pytest.mark.parametrize("n_clusters", [5, 6])
def test_larger_trees_equal_brute_force(n_clusters):
    check_against_brute_force(n_clusters, False, 40)
    if n_clusters == 5:
        check_against_brute_force(n_clusters, True, 40)


def test_number_of_unconstrained_trees_is_cayleys():
    model = read_model(np.zeros((5, 1)), np.zeros((5, 1)), settings=SETTINGS)
    exact = enumerate_trees(model)
    assert exact.n_trees == 5**4
    assert exact.weights.sum() == pytest.approx(1.0)


def test_pruning_by_a_known_score_changes_nothing():
    model = simulated_model(6, 4, 200, 3)
    free = enumerate_trees(model)
    pruned = enumerate_trees(model, best=free.log_score[0])
    np.testing.assert_allclose(pruned.ancestor_probability, free.ancestor_probability, atol=1e-11)
    np.testing.assert_allclose(pruned.weights[:10], free.weights[:10], atol=1e-11)


def test_limits_return_none():
    model = simulated_model(5, 2, 5, 3)
    assert enumerate_trees(model, seconds=-1.0) is None
    assert enumerate_trees(model, memory=1000.0) is None


def test_only_the_best_trees_are_listed():
    model = simulated_model(5, 2, 5, 3)
    full = enumerate_trees(model)
    short = enumerate_trees(model, max_trees=7)
    np.testing.assert_allclose(short.weights, full.weights[:7], rtol=1e-9)
    assert short.n_trees == full.n_trees
