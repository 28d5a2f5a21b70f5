"""Clone trees of a patient: exact, searched, related or not."""

from dataclasses import replace

import numpy as np
import pytest
from clone_tree_cases import clustering, trees_of

from phylometa.clone_trees.likelihood import read_model, tree_log_likelihood
from phylometa.clone_trees.local_trees import starting_tree
from phylometa.clone_trees.presence import draws_of_trees, presence_scenarios, proportion_intervals
from phylometa.config import TreeSettings
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.pipeline.warnings import search_warnings

TWO_SITES = clustering([[1.0, 1.0], [0.6, 0.0], [0.3, 1.0]])


def test_a_metastatic_clone_found_in_the_primary():
    trees = trees_of(TWO_SITES)
    assert trees.method == "enumeration"
    assert trees.best.parents.tolist() == [-1, 0, 0]
    assert trees.complete
    assert trees.weights.sum() == pytest.approx(1.0)
    assert trees.presence[0][1].tolist() == pytest.approx([1.0, 0.0], abs=0.02)
    assert trees.presence[0][2].tolist() == pytest.approx([1.0, 1.0], abs=0.02)
    assert trees.presence[0][0, 1] < 0.1
    assert trees.proportions[0][:, 0] == pytest.approx([0.1, 0.6, 0.3], abs=0.07)


def test_the_search_finds_the_same_posterior():
    exact = trees_of(TWO_SITES)
    searched = trees_of(TWO_SITES, enumerate_clusters=0)
    assert searched.method == "search"
    assert not searched.complete
    np.testing.assert_allclose(searched.ancestor_probability, exact.ancestor_probability, atol=0.05)


def test_supports_are_over_all_trees_though_some_are_listed():
    # seven clusters that two reads cannot tell apart: all 7^6 trees fit, and a cluster is as often below any other
    trees = trees_of(clustering(np.full((7, 1), 0.5), depth=2.0), max_trees=50)
    assert (trees.n_trees, len(trees)) == (7**6, 50)
    assert not trees.complete
    off_diagonal = ~np.eye(7, dtype=bool)
    assert trees.edge_support[off_diagonal] == pytest.approx(np.full(42, 1 / 7))
    assert np.ptp(trees.ancestor_probability[off_diagonal]) == pytest.approx(0.0, abs=1e-9)
    assert 50 / 7**6 < trees.listed_share < 0.01
    assert trees.weights.sum() == pytest.approx(1.0)
    (warning,) = search_warnings(trees)
    assert "117649 fit" in warning and "50 listed" in warning
    assert search_warnings(trees_of(TWO_SITES)) == ()


def test_unrelated_tumours_get_a_germline_root():
    clusters = clustering([[1.0, 1.0, 0.0, 0.0], [0.4, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 0.3]])
    for settings in ({}, {"enumerate_clusters": 0}):
        trees = trees_of(clusters, sites=[0, 0, 1, 1], **settings)
        assert trees.names == ("1", "2", "3", "4", "germline")
        assert trees.best.parents.tolist() == [4, 0, 4, 2, -1]
        assert trees.edge_support[4, [0, 2]] == pytest.approx([1.0, 1.0], abs=1e-6)
        assert trees.ancestor_probability[4].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]
        assert trees.n_mutations[-1] == 0.0
        assert trees.presence[:, -1].max() == 0.0
        scenarios = presence_scenarios(
            trees, clusters, [0, 0, 1, 1], settings=TreeSettings(), rng=np.random.default_rng(1)
        )
        assert not any(presence[-1].any() for _, _, presence in scenarios)
        assert all(presence.shape == (5, 2) for _, _, presence in scenarios)


def test_clusters_that_fit_no_founder_have_one_if_it_is_known():
    # clone 2 has more cells of the second site than the clone that both sites share
    clusters = clustering([[1.0, 0.3], [0.0, 0.6], [0.4, 0.0]])
    for settings in ({}, {"enumerate_clusters": 0}):
        assert trees_of(clusters, **settings).names[-1] == "germline"
        trees = trees_of(clusters, has_one_founder=True, **settings)
        assert trees.names == ("1", "2", "3") and trees.best.parents.tolist().count(-1) == 1


def test_one_clone_one_sample():
    trees = trees_of(clustering([[1.0]]))
    assert trees.parents.tolist() == [[-1]]
    assert trees.presence[0, 0, 0] > 0.99


def test_scenarios_are_a_distribution_and_repeatable():
    draws = [
        presence_scenarios(
            trees_of(TWO_SITES), TWO_SITES, [0, 1], settings=TreeSettings(), rng=np.random.default_rng(3)
        )
        for _ in range(2)
    ]
    first, second = draws
    assert sum(weight for _, weight, _ in first) == pytest.approx(1.0)
    assert len(first) <= 300
    assert len({(tree, presence.tobytes()) for tree, _, presence in first}) == len(first)
    for (t1, w1, p1), (t2, w2, p2) in zip(first, second):
        assert (t1, w1) == (t2, w2)
        assert (p1 == p2).all()


def test_scenarios_follow_the_presence_posterior():
    clusters = clustering([[1.0, 1.0], [0.02, 0.0], [0.3, 0.98]], depth=100.0)
    trees = trees_of(clusters)
    scenarios = presence_scenarios(
        trees, clusters, [0, 1], settings=TreeSettings(max_scenarios=3000), rng=np.random.default_rng(3)
    )
    mean = sum(weight * presence for _, weight, presence in scenarios)
    np.testing.assert_allclose(mean, np.einsum("t,tks->ks", trees.weights, trees.presence), atol=0.03)


def test_intervals_of_proportions_hold_the_truth_and_narrow_with_depth():
    eta = np.array([[0.2, 0.0, 0.5], [0.5, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 0.5]])  # children of the first
    prevalence = eta.copy()
    prevalence[0] = 1.0
    widths = []
    for depth in (60.0, 3000.0):
        clusters = clustering(prevalence, depth=depth)
        trees = trees_of(clusters)
        draws = draws_of_trees(trees, clusters, settings=TreeSettings(), rng=np.random.default_rng(1))
        lower, upper = proportion_intervals(trees, draws, settings=TreeSettings())
        assert ((lower <= eta) & (eta <= upper)).all()
        widths.append((upper - lower).mean())
    assert widths[1] < 0.5 * widths[0]


def test_starting_tree_of_clean_data_is_the_tree():
    rng = np.random.default_rng(2)
    parents = np.array([-1, 0, 0, 1, 1, 2, 2, 5, 5, 3])
    shares = rng.dirichlet(np.full(10, 0.3), size=12).T
    reads = clustering(ancestor_matrix(parents) @ shares, depth=5000.0)
    model = read_model(reads.alt_reads, reads.total_reads, settings=TreeSettings())
    start = starting_tree(model)
    assert tree_log_likelihood(start, model) > tree_log_likelihood(parents, model) - 60
    trees = trees_of(reads, enumerate_clusters=0)
    assert trees.best.parents.tolist() == parents.tolist()


def test_a_search_that_has_not_converged_is_warned_of():
    trees = trees_of(TWO_SITES)
    assert search_warnings(trees) == ()
    searched = replace(trees, method="search", diagnostics={"converged": False, "r_hat": 3.14})
    assert "R-hat 3.1" in search_warnings(searched)[0]
    assert search_warnings(replace(searched, diagnostics={"converged": True, "r_hat": 1.0})) == ()
