"""Clustering: exact marginal likelihood, order independence, missing evidence, equivalent reads, recovery."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betaln

from phylometa.clustering.infer import cluster_mutations, clustering_from_labels
from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import (
    CcfPrior,
    cluster_totals,
    log_cluster_count_prior,
    log_distinct,
    log_marginal,
    relabel,
    spike_posterior,
)
from phylometa.clustering.sampling import sample_member_ccf
from phylometa.clustering.search import search_partition
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.errors import InfeasibleError
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.read_likelihood import ccf_grid, log_likelihood_table, slab_weights


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


def adjusted_rand(first, second):
    counts = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(counts, (first, second), 1.0)

    def pairs(values):
        return float((values * (values - 1.0) / 2.0).sum())

    rows, columns = pairs(counts.sum(1)), pairs(counts.sum(0))
    expected = rows * columns / (len(first) * (len(first) - 1) / 2)
    return (pairs(counts) - expected) / ((rows + columns) / 2 - expected)


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


def exact_posterior(items, prior, count_prior):
    """Posterior probability of every partition of a few items, by enumeration."""
    n = len(items)

    def partitions(labels, used):
        if len(labels) == n:
            yield tuple(labels)
            return
        for label in range(used + 1):
            yield from partitions([*labels, label], max(used, label + 1))

    scores = {}
    for labels in partitions([], 0):
        index = np.array(labels)
        totals = cluster_totals(items, index)
        spikes = spike_posterior(totals, prior)
        value = float(log_marginal(totals, prior).sum()) + count_prior[len(totals)]
        value += sum(math.lgamma(size) for size in np.bincount(index).tolist())
        for first in range(len(totals)):
            value += float(log_distinct(spikes[first], spikes[first + 1 :]).sum())
        scores[labels] = value
    return scores


@pytest.mark.parametrize("seed", range(4))
def test_search_finds_the_most_probable_partition(seed):
    rng = np.random.default_rng(seed)
    ccf = np.array([[1.0, 1.0], [0.5, 0.0], [0.3, 0.2]])
    mutations, _ = simulate(rng, ccf, [2, 2, 2], depth=120)
    model = ClusteringModel.build(
        mutations,
        CopyNumberAtLoci.diploid(6, 2),
        np.ones(2),
        settings=ClusteringSettings(precision=math.inf),
        ccf_settings=CcfSettings(),
    )
    found, _ = search_partition(model)
    scores = exact_posterior(model.items(), model.with_fitted_weights(model.items()).prior, model.count_prior)
    best = max(scores.values())
    assert scores[tuple(relabel(found.labels).tolist())] > best - 0.5


def test_sampler_agrees_with_enumeration():
    # Two mutations whose CCFs may or may not be one: the mean of the first's CCF, partitions averaged over.
    alt, depth = np.array([[20], [32]]), np.array([[100], [100]])
    model = ClusteringModel.build(
        table(alt, depth),
        CopyNumberAtLoci.diploid(2, 1),
        np.ones(1),
        settings=ClusteringSettings(precision=math.inf, grid_points=65),
        ccf_settings=CcfSettings(),
    )
    items, prior = model.items(), model.prior
    count_prior = model.count_prior
    apart = float(log_marginal(items, prior).sum()) + count_prior[2]
    together = float(log_marginal(items.sum(axis=0), prior)) + count_prior[1]
    p_together = 1.0 / (1.0 + math.exp(apart - together))
    means = model.with_grid(65).centres(np.stack((items[0], items.sum(axis=0))))[:, 0]
    expected = (1.0 - p_together) * means[0] + p_together * means[1]
    start = np.zeros(2, dtype=np.int64)
    draws = sample_member_ccf(model, start, draws=2500, burn_in=200, rng=np.random.default_rng(1))
    # The sampler's weights are drawn, the enumeration's summed out: they agree to the accuracy of the latter's prior.
    assert 0.05 < p_together < 0.95
    assert float(draws[0, 0] @ model.ccf) == pytest.approx(expected, abs=0.02)


def test_unobserved_cells_change_nothing_but_intervals():
    mutations, _ = simulate(np.random.default_rng(4), CCF, [5, 5, 5, 3, 5], depth=100)
    best = cluster(mutations)[0]
    zeros = np.zeros((mutations.n_mutations, 1), dtype=int)
    for observed in (False, True):
        wider = table(
            np.hstack((mutations.alt_counts, zeros)),
            np.hstack((mutations.depth, zeros)),
            observed=np.hstack((mutations.observed, np.full(zeros.shape, observed))),
        )
        other = cluster(wider)[0]
        assert np.array_equal(best.labels, other.labels)
        assert np.allclose(best.ccf, other.ccf[:, :3])
        assert np.allclose(best.alt_reads, other.alt_reads[:, :3])
        # Nothing is known there, but for the truncal cluster, which is everywhere.
        assert (other.total_reads[:, 3] == 0.0).all() and (other.ccf_lo[1:, 3] == 0.0).all()


def test_an_unobserved_cell_is_not_absence():
    mutations, truth = simulate(np.random.default_rng(6), CCF, [6, 6, 6, 6, 6])
    observed = np.ones(mutations.depth.shape, dtype=bool)
    observed[3, 1] = False
    hidden = table(
        np.where(observed, mutations.alt_counts, 0), np.where(observed, mutations.depth, 0), observed=observed
    )
    best = cluster(hidden)[0]
    assert np.array_equal(relabel(best.labels), relabel(truth))
    assert best.ccf[best.labels[3], 1] > 0.97


def test_overdispersion_is_estimated():
    rng = np.random.default_rng(8)
    truth = np.repeat([0, 1, 2], 15)
    ccf = np.array([[1.0, 1.0, 1.0], [0.5, 0.0, 0.7], [0.0, 0.6, 0.3]])[truth]
    depth = rng.poisson(300, ccf.shape)
    p = ccf / 2.0
    spread = np.where(p > 0.0, rng.beta(np.maximum(p, 1e-6) * 60.0, (1.0 - p) * 60.0), 0.0)
    mutations = table(rng.binomial(depth, spread), depth)
    estimated, binomial = cluster(mutations)[0], cluster(mutations, precision=math.inf)[0]
    assert estimated.n_clusters == 3 and np.array_equal(relabel(estimated.labels), truth)
    assert binomial.n_clusters > 6


def test_alternatives_have_weights():
    mutations, _ = simulate(np.random.default_rng(11), np.array([[0.62, 0.5], [0.45, 0.5]]), [4, 4], depth=80)
    found = cluster(mutations)
    assert len(found) > 1
    assert sum(clustering.weight for clustering in found) == pytest.approx(1.0)
    assert all(found[0].weight >= other.weight for other in found[1:])
    assert {clustering.n_clusters for clustering in found} != {found[0].n_clusters}


def test_flags_of_suspect_clusters():
    rng = np.random.default_rng(9)
    depth = np.full((14, 2), 300)
    vaf = np.repeat([[0.5, 0.5], [0.3, 0.0], [0.02, 0.0]], [5, 5, 4], axis=0)
    mutations = table(rng.binomial(depth, vaf), depth)
    minor = np.ones((14, 2))
    minor[5:10, 1] = 0.0
    copy_number = CopyNumberAtLoci(np.ones((14, 2)), minor, np.full((14, 2), 2.0))
    best = cluster(mutations, copy_number)[0]
    flags = [best.flags[best.labels[row]] for row in (0, 5, 12)]
    assert flags[0] == "" and "loss" in flags[1].split(",") and "low_vaf" in flags[2].split(",")


def test_mutations_without_a_name_join_the_most_probable_cluster():
    mutations, truth = simulate(np.random.default_rng(2), CCF, [8, 6, 5, 3, 4])
    names = [f"c{k}" for k in truth]
    names[0], names[10] = "", ""
    known = clustering_from_labels(
        mutations,
        CopyNumberAtLoci.diploid(*mutations.depth.shape),
        np.ones(3),
        names,
        settings=ClusteringSettings(),
        ccf_settings=CcfSettings(),
        purity_sd=np.full(3, 0.02),
    )
    assert known.names == ("c0", "c1", "c2", "c3", "c4")
    assert np.array_equal(known.labels, truth) and known.probability[0] > 0.9
    with pytest.raises(InfeasibleError):
        clustering_from_labels(
            mutations,
            CopyNumberAtLoci.diploid(*mutations.depth.shape),
            np.ones(3),
            [""] * len(names),
            settings=ClusteringSettings(),
            ccf_settings=CcfSettings(),
        )


def test_uncertain_purity_widens_intervals_and_takes_reads_away():
    mutations, _ = simulate(np.random.default_rng(2), CCF, [8, 6, 5, 3, 4])
    arguments = mutations, CopyNumberAtLoci.diploid(*mutations.depth.shape), np.ones(3)
    options = {"settings": ClusteringSettings(draws=0), "ccf_settings": CcfSettings()}
    sure = cluster_mutations(*arguments, **options, rng=np.random.default_rng(1))[0]
    unsure = cluster_mutations(*arguments, **options, rng=np.random.default_rng(1), purity_sd=np.full(3, 0.1))[0]
    inner = (sure.ccf > 0.1) & (sure.ccf < 0.9)
    assert (unsure.ccf_hi[inner] > sure.ccf_hi[inner]).all() and (unsure.ccf_lo[inner] < sure.ccf_lo[inner]).all()
    assert (unsure.total_reads[inner] < sure.total_reads[inner]).all()


def test_no_mutations():
    empty = table(np.zeros((0, 2), dtype=int), np.zeros((0, 2), dtype=int))
    with pytest.raises(InfeasibleError, match="no mutations"):
        cluster(empty)


def many(rng, n, *, purity=1.0, gained=False, precision=None):
    ccf = np.array([[1.0] * 4, [0.7, 0.0, 0.3, 0.5], [0.0, 0.6, 0.0, 0.2], [0.25, 0.0, 0.0, 0.0], [0.0, 0.1, 0.5, 1.0]])
    truth = rng.choice(5, size=n, p=[0.4, 0.25, 0.2, 0.13, 0.02])
    depth = rng.poisson(80, (n, 4))
    major = np.where(gained & (rng.random(n) < 0.4), 2.0, 1.0)[:, None] * np.ones((1, 4))
    copies = np.where((truth == 0) & (rng.random(n) < 0.5), major[:, 0], 1.0)[:, None]
    p = copies * purity * ccf[truth] / (purity * (major + 1.0) + 2.0 * (1.0 - purity))
    if precision:
        p = np.where(p > 0.0, rng.beta(np.maximum(p, 1e-6) * precision, (1.0 - p) * precision), 0.0)
    alt = rng.binomial(depth, p * 0.998 + 0.001)
    return table(alt, depth), CopyNumberAtLoci(major, np.ones((n, 4)), np.full((n, 4), 2.0)), truth, ccf


@pytest.mark.slow
def test_many_mutations():
    mutations, copy_number, truth, ccf = many(np.random.default_rng(3), 1000)
    best = cluster(mutations, copy_number)[0]
    assert best.n_clusters == 5
    agreement = np.mean(
        [(best.ccf[label] - ccf[k]) @ (best.ccf[label] - ccf[k]) for label, k in zip(best.labels, truth)]
    )
    assert agreement < 0.002


@pytest.mark.parametrize("options", [{"gained": True, "purity": 0.7}, {"precision": 80.0}])
def test_many_mutations_with_copy_number_or_overdispersion(options):
    mutations, copy_number, truth, ccf = many(np.random.default_rng(3), 600, **options)
    best = cluster(mutations, copy_number, np.full(4, options.get("purity", 1.0)), search_limit=120)[0]
    error = np.sqrt(((best.ccf[best.labels] - ccf[truth]) ** 2).mean())
    assert error < 0.08 and 4 <= best.n_clusters <= 8


@pytest.mark.parametrize("precision", [math.inf, 300.0])
def test_sums_of_reads_stand_for_single_mutations(monkeypatch, precision):
    mutations, copy_number, truth, _ = many(np.random.default_rng(5), 300, gained=True, purity=0.8)
    arguments = mutations, copy_number, np.full(4, 0.8), [str(k) for k in truth]
    options = {"settings": ClusteringSettings(precision=precision), "ccf_settings": CcfSettings()}
    single = clustering_from_labels(*arguments, **options)
    monkeypatch.setattr("phylometa.clustering.posterior._ROWWISE_LIMIT", 10)
    summed = clustering_from_labels(*arguments, **options)
    assert np.abs(single.ccf - summed.ccf).max() < 0.03
    present = single.ccf > 0.1
    assert np.allclose(single.total_reads[present], summed.total_reads[present], rtol=0.6)


@pytest.mark.slow
def test_published_kind_of_tumours():
    # Limits of the issue, on tumours of the same kind as the published ones.
    rng = np.random.default_rng(12)
    scores = []
    for _ in range(20):
        ccf = np.where(rng.random((12, 6)) < 0.6, 0.0, rng.uniform(0.1, 1.0, (12, 6)))
        ccf[0] = 1.0
        mutations, truth = simulate(rng, ccf, 1 + rng.geometric(0.4, 12))
        scores.append(adjusted_rand(truth, cluster(mutations)[0].labels))
    assert np.mean(scores) > 0.9


@pytest.mark.slow
def test_intervals_cover():
    rng = np.random.default_rng(13)
    inside = []
    for _ in range(40):
        ccf = np.where(rng.random((6, 4)) < 0.4, 0.0, rng.uniform(0.05, 1.0, (6, 4)))
        ccf[0] = 1.0
        mutations, truth = simulate(rng, ccf, rng.integers(4, 20, 6), depth=100)
        best = cluster(mutations)[0]
        low, high = best.ccf_lo[best.labels], best.ccf_hi[best.labels]
        inside.append(((low <= ccf[truth] + 1e-9) & (ccf[truth] <= high + 1e-9)).mean())
    assert 0.92 <= np.mean(inside) <= 0.99


def test_assignment_sums_over_shared_multiplicities():
    # Samples 0 and 2 have one copy number (multiplicity 1 or 2, shared), sample 1 another (1, 2 or 3).
    major = np.array([[2.0, 3.0, 2.0]])
    copy_number = CopyNumberAtLoci(major, np.ones((1, 3)), np.full((1, 3), 2.0))
    purity = np.array([0.8, 0.6, 0.7])
    mutations = table([[30, 20, 12]], [[60, 70, 50]])
    settings = CcfSettings(error_rate=0.0)
    model = ClusteringModel.build(mutations, copy_number, purity, settings=ClusteringSettings(), ccf_settings=settings)
    ccf = np.array([[1.0, 1.0, 1.0], [0.5, 1.0, 1.0]])
    slope = purity / (purity * (major[0] + 1.0) + 2.0 * (1.0 - purity))
    expected = []
    for row in ccf:

        def reads(sample, copies, row=row):
            p = copies * slope[sample] * row[sample]
            alt, depth = mutations.alt_counts[0, sample], mutations.depth[0, sample]
            return p**alt * (1.0 - p) ** (depth - alt)

        gain = settings.subclonal_gain if row[0] < 0.9 else 1.0
        prior = np.exp(model.options.log_prior[model.options.cell_state[0]])
        shared = prior[0, 0] * reads(0, 1) * reads(2, 1) + gain * prior[0, 1] * reads(0, 2) * reads(2, 2)
        shared /= prior[0, 0] + gain * prior[0, 1]
        other = sum(prior[1, copies - 1] * reads(1, copies) for copies in (1, 2, 3))
        expected.append(math.log(shared) + math.log(other))
    assert model.group_rank.tolist() == [[0, 1, 0]]
    assert np.allclose(model.assignment_log_likelihood(ccf)[0], expected)


def test_a_new_multiplicity_for_every_cluster_is_not_needed():
    # Copy number differs between samples; the sampler and the search see the same clusters as without it.
    rng = np.random.default_rng(21)
    truth = np.repeat([0, 1], 8)
    ccf = np.array([[1.0, 1.0, 1.0], [0.6, 0.0, 0.4]])[truth]
    major = np.tile([[1.0, 2.0, 1.0], [2.0, 1.0, 1.0]], (8, 1))
    depth = np.full((16, 3), 300)
    mutations = table(rng.binomial(depth, ccf / (major + 1.0)), depth)
    best = cluster(mutations, CopyNumberAtLoci(major, np.ones((16, 3)), np.full((16, 3), 2.0)))[0]
    assert np.array_equal(relabel(best.labels), truth)
    assert np.abs(best.ccf[best.labels] - ccf).max() < 0.1


def test_equal_cells_are_counted_not_repeated():
    """Cluster totals of a genome with copy number and overdispersion against the sum over single mutations."""
    rng = np.random.default_rng(5)
    n = 400
    depth = rng.poisson(12, (n, 3))
    depth[rng.random((n, 3)) < 0.05] = 0
    alt = rng.binomial(depth, 0.3)
    mutations = table(alt, depth)
    major, minor = rng.integers(1, 4, (n, 1)).astype(float), rng.integers(0, 2, (n, 1)).astype(float)
    copies = [np.repeat(values, 3, axis=1) for values in (major, minor)]
    copies[1][::7, 2] = 0.0  # copies lost in the last sample
    copy_number = CopyNumberAtLoci(*copies, np.full((n, 3), 2.0))
    settings = ClusteringSettings(precision=60.0)
    purity = np.array([0.5, 0.8, 0.3])
    model = ClusteringModel.build(mutations, copy_number, purity, settings=settings, ccf_settings=CcfSettings())
    single = log_likelihood_table(mutations, model.options, model.ccf, precision=60.0, dtype=np.float64)
    a = model.options.slope[model.options.cell_state][..., None] * model.ccf
    p = np.clip(a * (1 - 2 * 0.001) + 0.001, 1e-9, 1 - 1e-9)
    x, r = alt[..., None, None], (depth - alt)[..., None, None]
    direct = betaln(x + 60 * p, r + 60 * (1 - p)) - betaln(60 * p, 60 * (1 - p))
    direct = np.where(a == 0, x * np.log(p) + r * np.log1p(-p), direct)
    used = np.isfinite(model.options.log_prior)[model.options.cell_state]
    assert np.allclose(single[used], direct[used], atol=1e-9)
    labels = rng.integers(0, 5, n)
    given = model.options.log_prior_given_ccf(model.ccf, CcfSettings().subclonal_gain)[model.options.cell_state]
    expected = np.zeros((5, 3, len(model.ccf)))
    np.add.at(expected, labels, np.logaddexp.reduce(single + given, axis=2))
    totals = model.cluster_totals(labels)
    assert np.allclose(totals, expected - expected.max(axis=2, keepdims=True), rtol=1e-5, atol=1e-3)


def test_overdispersed_reads_without_the_mutation_speak_against_it():
    """Seven mutations, no alternate read in 50: ln L falls by precision x ln(1 + 50 / precision) / 2 a unit of CCF."""
    precision = 100.0
    mutations = table(np.zeros((7, 1), dtype=int), np.full((7, 1), 50))
    found = clustering_from_labels(
        mutations,
        CopyNumberAtLoci.diploid(7, 1),
        np.ones(1),
        ["a"] * 7,
        settings=ClusteringSettings(precision=precision),
        ccf_settings=CcfSettings(),
    )
    slope = 7 * precision * math.log1p(50 / precision) / 2
    assert found.alt_reads[0, 0] == 0.0
    assert found.total_reads[0, 0] == pytest.approx(2 * slope, rel=0.05)  # ln(1 - CCF / 2) falls by 1/2
