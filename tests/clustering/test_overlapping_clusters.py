"""Clones whose reads overlap: the bound against enumeration, recovery, and no split without need."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.clustering.infer import cluster_mutations
from phylometa.clustering.overlapping import two_cluster_bound
from phylometa.clustering.partitions import CcfPrior, log_marginal
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.read_likelihood import ccf_grid, slab_weights


def binomial_items(rng, vaf, depth=60, grid=65):
    ccf = ccf_grid(grid)
    alt = rng.binomial(depth, vaf)
    p = 0.001 + 0.998 * ccf / 2
    return (alt[:, None] * np.log(p) + (depth - alt)[:, None] * np.log1p(-p))[:, None, :].astype(np.float32), ccf


def uniform_prior(ccf):
    weights = 0.9 * slab_weights(ccf)
    weights[[0, -1]] += 0.05
    return CcfPrior(weights.astype(np.float32), 0.15)


def all_pairs_of_clusters(items, prior):
    """ln of the sum over all partitions into two clusters of sizes' and reads' weights, one after the other."""
    n, terms = len(items), []
    for code in range(1, 2 ** (n - 1)):  # the last mutation is always in the first cluster: no partition twice
        second = np.array([(code >> i) & 1 for i in range(n)], dtype=bool)
        totals = np.stack([items[~second].sum(axis=0), items[second].sum(axis=0)])
        value = log_marginal(totals, prior).astype(float).sum()
        terms.append(value + math.lgamma((~second).sum()) + math.lgamma(second.sum()))
    return float(np.logaddexp.reduce(terms))


@pytest.mark.parametrize(("first", "second", "slack"), [(0.08, 0.42, 0.7), (0.15, 0.3, 2.0)])
def test_bound_lies_just_below_the_sum_over_all_partitions(first, second, slack):
    rng = np.random.default_rng(4)
    for _ in range(3):
        items, ccf = binomial_items(rng, np.repeat([first, second], [5, 6]))
        prior = uniform_prior(ccf)
        start = np.repeat([[0.9, 0.1], [0.1, 0.9]], [5, 6], axis=0)
        bound, shares = two_cluster_bound(items, start, prior)
        exact = all_pairs_of_clusters(items, prior)
        assert exact - slack < bound < exact + 0.01
        assert np.allclose(shares.sum(axis=1), 1.0)


def test_equal_halves_of_one_spike_are_no_two_clusters():
    ccf = ccf_grid(65)
    p = 0.001 + 0.998 * ccf / 2
    alt = np.random.default_rng(0).binomial(100, 0.5, 40)
    items = (alt[:, None] * np.log(p) + (100 - alt)[:, None] * np.log1p(-p))[:, None, :].astype(np.float32)
    prior = uniform_prior(ccf)
    above = np.where(alt > np.median(alt), 0.9, 0.1)
    bound, _ = two_cluster_bound(items, np.column_stack((above, 1 - above)), prior)
    one = float(log_marginal(items.sum(axis=0)[None], prior)[0]) + math.lgamma(40)
    assert bound < one - 2.0


def simulated(rng, clones, depth=100, precision=math.inf):
    """Clones given as (mutations, CCF in each sample); clusters found and the true clone of every mutation."""
    truth = np.repeat(np.arange(len(clones)), [n for n, _ in clones])
    ccf = np.array([c for _, c in clones])[truth]
    total = rng.poisson(depth, ccf.shape)
    p = 0.001 + 0.998 * ccf / 2
    if precision < math.inf:
        p = np.where(ccf > 0, rng.beta(p * precision, (1 - p) * precision), p)
    alt = rng.binomial(total, p)
    names = tuple(f"m{i}" for i in range(len(truth))), tuple(f"s{j}" for j in range(ccf.shape[1]))
    best, *_ = cluster_mutations(
        MutationTable(*names, alt, total),
        CopyNumberAtLoci.diploid(*ccf.shape),
        np.ones(ccf.shape[1]),
        settings=ClusteringSettings(),
        ccf_settings=CcfSettings(),
        rng=np.random.default_rng(1),
    )
    return best, truth


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_overlapping_clones_of_one_sample_are_told_apart(seed):
    """The most probable partition has these two as one: ln C(600, 300) outweighs what hard assignments gain."""
    clones = [(200, (1, 1, 1)), (80, (0.6, 0.3, 0)), (300, (0, 0, 0.3)), (300, (0, 0, 0.45))]
    best, truth = simulated(np.random.default_rng(seed), clones)
    assert best.n_clusters == 4
    private = np.flatnonzero((best.ccf[:, 0] < 0.1) & (best.ccf[:, 2] < 0.9))
    assert np.sort(best.ccf[private, 2]) == pytest.approx([0.3, 0.45], abs=0.05)
    assert best.sizes[private] == pytest.approx([300, 300], abs=90)


@pytest.mark.parametrize("precision", [math.inf, pytest.param(150.0, marks=pytest.mark.slow)])
def test_one_clone_stays_one(precision):
    for seed in range(2):
        clones = [(200, (1, 1, 1)), (80, (0.6, 0.3, 0)), (500, (0, 0, 0.4))]
        best, _ = simulated(np.random.default_rng(seed), clones, precision=precision)
        assert best.n_clusters == 3
