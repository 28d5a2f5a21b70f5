"""Likelihood of a tree: against sums over every combination of proportions."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from phylometa.clone_trees import _messages as kernels
from phylometa.clone_trees._messages import marked_order, refresh
from phylometa.clone_trees.likelihood import convolve, read_model, sample_posterior, tree_log_likelihood
from phylometa.clone_trees.presence import draw_proportions, site_presence
from phylometa.config import TreeSettings

COARSE = TreeSettings(grid=6, purity_error=0.1)


def by_hand(parents, model, sample):
    """(likelihood, mean proportions, presence) by summing over every grid point of every proportion."""
    n, n_grid = model.n_clusters, model.n_grid
    total, mean, presence = 0.0, np.zeros(n), np.zeros(n)
    for shares in itertools.product(range(n_grid), repeat=n):
        prevalence = np.array(shares)
        for v in reversed(range(n)):  # parents come before children in these tests
            if parents[v] >= 0:
                prevalence[parents[v]] += prevalence[v]
        top = sum(prevalence[v] for v in range(n) if parents[v] < 0)
        if top >= n_grid:
            continue
        weight = model.founder[0, top]
        for v in range(n):
            weight *= model.likelihood[v, sample, prevalence[v]] * (model.slab if shares[v] else 1.0)
        total += weight
        mean += weight * np.array(shares)
        presence += weight * (np.array(shares) >= model.least)
    return total, mean / total * (model.prevalence[1]), presence / total


@pytest.mark.parametrize("threshold", [0.0, 0.3])
@pytest.mark.parametrize("parents", [[-1], [-1, 0], [-1, 0, 0], [-1, 0, 1, 1], [-1, -1, 0], [-1, 0, 0, 0]])
def test_recursion_equals_the_sum_over_all_proportions(parents, threshold):
    n = len(parents)
    rng = np.random.default_rng(n)
    total = np.array([[8.0, 30.0]] * n)
    settings = replace(COARSE, presence_threshold=threshold)
    model = read_model(rng.integers(0, 5, (n, 2)).astype(float), total, settings=settings)
    assert model.least == (2 if threshold else 1)
    fit = sample_posterior(np.array(parents), model)
    expected = model.log_scale.sum()
    for sample in range(2):
        value, _, presence = by_hand(parents, model, sample)
        expected += np.log(value)
        np.testing.assert_allclose(fit.presence[:, sample], presence, atol=1e-12)
    assert tree_log_likelihood(np.array(parents), model) == pytest.approx(expected, abs=1e-9)
    assert fit.log_likelihood == pytest.approx(expected, abs=1e-9)


def test_mean_proportions_are_shares_of_the_tumour():
    settings = TreeSettings(purity_error_weight=1e-9, purity_floor=1e-12)
    model = read_model(np.array([[500.0], [150.0]]), np.full((2, 1), 1000.0), settings=settings)
    fit = sample_posterior(np.array([-1, 0]), model)
    assert fit.proportions[:, 0] == pytest.approx([0.7, 0.3], abs=0.02)
    assert fit.prevalence[0, 0] == pytest.approx(1.0, abs=1e-6)


def test_draws_of_presence_agree_with_the_marginals():
    rng = np.random.default_rng(5)
    total = np.full((4, 2), 20.0)
    model = read_model(np.array([[9.0, 10], [3, 0], [2, 8], [1, 3]]), total, settings=TreeSettings(grid=25))
    parents = np.array([-1, 0, 0, 0])
    draws = draw_proportions(parents, model, 4000, rng=rng)[0] >= model.least
    np.testing.assert_allclose(draws.mean(axis=0), sample_posterior(parents, model).presence, atol=0.03)


def test_no_reads_no_evidence():
    reads = np.array([[50.0, 0.0], [25.0, 0.0]])
    depth = np.array([[100.0, 0.0], [100.0, 0.0]])
    model = read_model(reads, depth, settings=TreeSettings())
    one = read_model(reads[:, :1], depth[:, :1], settings=TreeSettings())
    difference = [
        tree_log_likelihood(np.array(p), model) - tree_log_likelihood(np.array(p), one) for p in ([-1, 0], [1, -1])
    ]
    assert difference[0] == pytest.approx(difference[1], abs=1e-9)
    assert np.isnan(model.observed[:, 1]).all()


def test_one_bad_cell_costs_no_more_than_its_limit():
    deep = np.full((2, 1), 1e5)
    model = read_model(np.array([[100.0], [5e4]]), deep, settings=TreeSettings(outlier_cost=30.0))
    assert model.likelihood.min() == pytest.approx(np.exp(-30.0))
    right = tree_log_likelihood(np.array([1, -1]), model)
    wrong = tree_log_likelihood(np.array([-1, 0]), model)
    assert 15.0 < right - wrong < 61.0


def test_a_cycle_is_refused():
    model = read_model(np.zeros((3, 1)), np.zeros((3, 1)), settings=COARSE)
    with pytest.raises(ValueError, match="cycle"):
        tree_log_likelihood(np.array([-1, 2, 1]), model)


def test_convolution_is_numpys():
    rng = np.random.default_rng(1)
    a, b = rng.random((3, 9)), rng.random((3, 9))
    expected = [np.convolve(x, y)[:9] for x, y in zip(a, b)]
    np.testing.assert_allclose(convolve(a, b), expected)


def test_samples_of_a_site_are_combined():
    joint = site_presence(np.array([[0.5, 0.5, 0.1]]), np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(joint, [[0.75, 0.0, 0.1]])


def test_a_message_of_which_nothing_is_left_has_no_likelihood():
    """Clones that all need more than half of the cells do not fit below one parent; nothing may be divided by 0."""
    n_grid = 21
    likelihood = np.full((3, 1, n_grid), 0.0)
    likelihood[:2, 0, 15:] = 1.0
    likelihood[2, 0] = 1.0
    parent = np.array([2, 2, 3, -1])
    messages, scales = np.zeros((4, 1, n_grid)), np.zeros((4, 1))
    marks = np.ones(4, dtype=bool)
    founder = np.full((1, n_grid), 1.0 / n_grid)
    order = marked_order(marks, parent)
    with np.errstate(divide="ignore"):
        value = refresh(marks, order, parent, likelihood, 0.1, founder, messages, scales, messages, scales)
    assert value.tolist() == [-np.inf]


def test_kernels_convolve_and_correlate_as_numpy():
    rng = np.random.default_rng(4)
    for n_grid in (3, 8, 9, 30):
        one, other = rng.random(n_grid), rng.random(n_grid)
        one[: n_grid // 2] = 0.0
        out, room = np.empty(n_grid), np.empty(n_grid + 3)
        kernels.convolve(one, other, out, room)
        np.testing.assert_allclose(out, np.convolve(one, other)[:n_grid])
        kernels.correlate(one, other, out, room)
        np.testing.assert_allclose(out, [one[x:] @ other[: n_grid - x] for x in range(n_grid)])
        peak = out.max()
        assert kernels.scale_down(out) == pytest.approx(np.log(peak)) and out.max() == pytest.approx(1.0)
