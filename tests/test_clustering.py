"""Clustering: exact marginal likelihood, order independence, missing evidence, equivalent reads, recovery."""

from __future__ import annotations

import numpy as np
import pytest

from phylometa.clustering import cluster_mutations, clustering_from_labels
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.data import CopyNumberAtLoci, MutationTable
from phylometa.multiplicity import ccf_grid, slab_weights
from phylometa.partition_search import CcfPrior, log_cluster_count_prior, log_marginal, relabel


def simulate(rng, ccf, sizes, depth=200):
    truth = np.repeat(np.arange(len(ccf)), sizes)
    total = rng.poisson(depth, (len(truth), ccf.shape[1]))
    alt = rng.binomial(total, 0.001 + ccf[truth] / 2 * 0.998)
    return table(alt, total), truth


def table(alt, depth, **options):
    alt = np.atleast_2d(alt)
    return MutationTable(
        tuple(f"m{i}" for i in range(len(alt))), tuple(f"s{j}" for j in range(alt.shape[1])), alt, depth, **options
    )


def cluster(mutations, copy_number=None, purity=None, **settings):
    n, n_samples = mutations.depth.shape
    return cluster_mutations(
        mutations,
        CopyNumberAtLoci.diploid(n, n_samples) if copy_number is None else copy_number,
        np.ones(n_samples) if purity is None else purity,
        settings=ClusteringSettings(**settings),
        ccf_settings=CcfSettings(),
        rng=np.random.default_rng(1),
    )


CCF = np.array([[1.0, 1.0, 1.0], [0.6, 0.0, 0.0], [0.0, 1.0, 0.4], [0.0, 0.5, 0.4], [0.2, 0.0, 0.0]])


def test_marginal_likelihood_is_the_beta_integral():
    # slab only: integral over CCF in [0, 1] of p^V (1 - p)^R, p = CCF / 2, by scipy's incomplete beta function
    from scipy.special import betainc, betaln

    grid = ccf_grid(257)
    p = np.clip(grid / 2, 1e-12, None)
    alt, ref = 23, 91
    log_likelihood = (alt * np.log(p) + ref * np.log1p(-p)).astype(np.float32)[None, :]
    ours = log_marginal(log_likelihood, CcfPrior(slab_weights(grid).astype(np.float32), 1e-12))
    exact = np.log(2) + betaln(alt + 1, ref + 1) + np.log(betainc(alt + 1, ref + 1, 0.5))
    assert float(ours) == pytest.approx(exact, abs=1e-3)


def test_count_prior_against_the_restaurant_process():
    # log-sd near 0: the concentration is its median, ln(alpha^K Gamma(alpha) / Gamma(alpha + N)) up to a constant
    prior = log_cluster_count_prior(10, 2.0, 1e-6)
    assert np.diff(prior[1:]) == pytest.approx(np.full(10, np.log(2.0)), abs=1e-4)


def test_clusters_are_recovered():
    mutations, truth = simulate(np.random.default_rng(2), CCF, [8, 6, 5, 1, 4])
    best = cluster(mutations)[0]
    assert best.n_clusters == 5
    assert np.array_equal(relabel(best.labels), relabel(truth))
    assert np.abs(best.ccf[best.labels] - CCF[truth]).max() < 0.1
    assert best.names[0] == "1" and best.ccf[0].mean() > 0.97
    assert (best.ccf_lo <= best.ccf + 1e-9).all() and (best.ccf <= best.ccf_hi + 1e-9).all()
    assert (best.probability > 0.9).all()


def test_equivalent_reads_are_the_reads_where_nothing_is_ambiguous():
    mutations, truth = simulate(np.random.default_rng(2), CCF, [8, 6, 5, 1, 4])
    known = clustering_from_labels(
        mutations,
        CopyNumberAtLoci.diploid(*mutations.depth.shape),
        np.ones(3),
        [f"c{k}" for k in truth],
        settings=ClusteringSettings(),
        ccf_settings=CcfSettings(error_rate=0.0),
    )
    assert known.names == ("c0", "c1", "c2", "c3", "c4")
    for sums, ours in ((mutations.alt_counts, known.alt_reads), (mutations.depth, known.total_reads)):
        expected = np.array([sums[truth == k].sum(axis=0) for k in range(5)])
        assert np.allclose(ours, expected, rtol=0.06, atol=2.0)


def test_row_order_changes_nothing():
    mutations, _ = simulate(np.random.default_rng(4), CCF, [5, 5, 5, 5, 5], depth=60)
    order = np.random.default_rng(0).permutation(mutations.n_mutations)
    first, second = cluster(mutations)[0], cluster(mutations.take(order))[0]
    assert np.array_equal(first.labels[order], second.labels)
    assert np.array_equal(first.ccf, second.ccf)
    assert np.array_equal(first.probability[order], second.probability)


def test_copy_number_and_purity_are_used():
    rng = np.random.default_rng(5)
    major = np.tile([[1.0], [2.0], [2.0], [1.0]], (10, 2))
    minor = np.tile([[1.0], [1.0], [0.0], [0.0]], (10, 2))
    copies = np.tile([[1.0], [2.0], [2.0], [1.0]], (10, 1))
    purity = np.array([0.6, 0.8])
    depth = rng.poisson(300, (40, 2))
    vaf = copies * purity / (purity * (major + minor) + 2 * (1 - purity))
    mutations = table(rng.binomial(depth, vaf), depth)
    best = cluster(mutations, CopyNumberAtLoci(major, minor, np.full((40, 2), 2.0)), purity)[0]
    assert best.n_clusters == 1
    assert (best.ccf > 0.98).all()


def test_a_single_mutation():
    best = cluster(table([[20, 0]], [[40, 50]]))[0]
    assert best.n_clusters == 1 and best.flags == ("singleton,one_sample",)
