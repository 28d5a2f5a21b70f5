"""Time of gains: reference values, likelihood against a direct computation, recovery at high depth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.timing.gains import (
    MultiplicityReads,
    estimate_gain_time,
    expected_vaf,
    gain_time,
    multiplicity_posterior,
    pooled_gain_time,
)


@pytest.mark.parametrize(("minor", "expected"), [(1, 0.6), (0, 0.4), (2, 0.4)])
def test_gain_time_reference_values(minor, expected):
    assert gain_time([60, 20], 2, minor) == pytest.approx(expected)


def test_gain_time_of_three_copies_by_hand():
    # 3+1: first gain at 0.4, second at 0.7 of one unit: n3 = 0.4, n2 = 0.3, n1 = 0.3 + 3 (0.3) + the other allele's 1.
    n3, n2 = 0.4, 0.3
    n1 = 4 - 3 * n3 - 2 * n2
    assert gain_time([n1, n2, n3], 3, 1) == pytest.approx(0.4)
    assert math.isnan(gain_time([0, 0], 2, 1))
    with pytest.raises(ValueError, match="major >= 2"):
        gain_time([5], 1, 1)


def test_expected_vaf():
    assert expected_vaf(2, 0.8, 3) == pytest.approx(1.6 / 2.8)
    assert expected_vaf(1, 0.5, 2, ccf=0.5) == pytest.approx(0.125)
    assert expected_vaf(1, 0.5, 1, normal=1) == pytest.approx(0.5)


def clear_reads(n_once, n_twice, minor, purity=0.9, depth=2000):
    vaf = expected_vaf([1] * n_once + [2] * n_twice, purity, 2 + minor)
    return MultiplicityReads(np.round(vaf * depth), np.full(n_once + n_twice, depth), purity, 2, minor)


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_clear_reads_give_the_formula(minor):
    reads = clear_reads(60, 20, minor)
    posterior, shares = multiplicity_posterior(reads)
    assert shares == pytest.approx([0.75, 0.25], abs=1e-6)
    assert (posterior.argmax(axis=1) == [0] * 60 + [1] * 20).all()
    found = estimate_gain_time(reads, rng=np.random.default_rng(1))
    assert found.estimate == pytest.approx(gain_time([60, 20], 2, minor), abs=0.02)
    assert found.lo < found.median < found.hi
    assert found.n_mutations == 80


def test_posterior_equals_a_direct_binomial_computation():
    # With unmistakable multiplicities the posterior of T is that of a binomial share p2 = T / (3 - T), flat in T.
    found = estimate_gain_time(clear_reads(30, 10, 1), rng=np.random.default_rng(1))
    grid = np.linspace(0, 1, 20001)[1:-1]
    p2 = grid / (3 - grid)
    density = p2**10 * (1 - p2) ** 30
    cumulative = np.cumsum(density) / density.sum()
    expected = np.interp([0.025, 0.5, 0.975], cumulative, grid)
    assert [found.lo, found.median, found.hi] == pytest.approx(expected, abs=2e-3)


def test_detection_is_corrected():
    # At low purity half of the single-copy mutations are missed: uncorrected, the gain would look late.
    rng = np.random.default_rng(4)
    purity, depth, truth = 0.25, 30, 0.4
    estimates = []
    for _ in range(12):
        twice = rng.random(600) < truth / (3 - truth)
        alt = rng.binomial(depth, expected_vaf(np.where(twice, 2, 1), purity, 3))
        seen = alt >= 3
        reads = MultiplicityReads(alt[seen], np.full(seen.sum(), depth), purity, 2, 1)
        estimates.append(estimate_gain_time(reads, rng=rng, error_rate=0.0).median)
    assert np.mean(estimates) == pytest.approx(truth, abs=0.07)


def test_genome_doubling_pools_states():
    pooled = pooled_gain_time([clear_reads(45, 15, 1), clear_reads(60, 20, 0), clear_reads(120, 40, 2)])
    assert pooled.n_mutations == 300
    single = pooled_gain_time([clear_reads(120, 40, 2)])
    assert pooled.hi - pooled.lo < single.hi - single.lo
    with pytest.raises(ValueError, match="two copies"):
        pooled_gain_time([MultiplicityReads(np.array([9]), np.array([30]), 0.5, 3, 1)])


def test_three_copies_by_sampling():
    vaf = expected_vaf([1] * 90 + [2] * 20 + [3] * 30, 0.9, 4)
    reads = MultiplicityReads(np.round(vaf * 2000), np.full(140, 2000), 0.9, 3, 1)
    found = estimate_gain_time(reads, rng=np.random.default_rng(1))
    assert found.estimate == pytest.approx(gain_time([90, 20, 30], 3, 1), abs=1e-3)
    assert found.lo < found.estimate < found.hi
    again = estimate_gain_time(reads, rng=np.random.default_rng(1))
    assert found == again


def test_too_few_reads():
    nothing = MultiplicityReads(np.array([1, 2]), np.array([30, 30]), 0.5, 2, 1)
    assert math.isnan(estimate_gain_time(nothing, rng=np.random.default_rng(1)).estimate)
    assert math.isnan(
        estimate_gain_time(
            MultiplicityReads(np.array([1]), np.array([30]), 0.5, 3, 1), rng=np.random.default_rng(1)
        ).estimate
    )
    with pytest.raises(ValueError, match="no allele was gained"):
        estimate_gain_time(MultiplicityReads(np.array([9]), np.array([30]), 0.5, 1, 1), rng=np.random.default_rng(1))


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 60, 200])
def test_coverage_and_bias_on_simulated_reads(n):
    rng = np.random.default_rng(n)
    errors, inside = [], 0
    for truth in rng.random(400):
        twice = rng.random(n) < truth / (3 - truth)
        depth = rng.poisson(100, n)
        alt = rng.binomial(depth, expected_vaf(np.where(twice, 2, 1), 0.7, 3))
        found = estimate_gain_time(MultiplicityReads(alt, depth, 0.7, 2, 1), rng=rng)
        errors.append(found.estimate - truth)
        inside += found.lo <= truth <= found.hi
    assert 0.92 <= inside / 400 <= 0.98
    assert abs(np.mean(errors)) < 3 * np.std(errors) / 20
