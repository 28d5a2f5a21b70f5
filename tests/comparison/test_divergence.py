"""Detection power, Poisson-binomial tail, divergence test, rate ratio: reference values of the method and oracles."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from comparison_cases import compare_one
from hypothesis import given, settings
from hypothesis import strategies as st

from phylometa.comparison.divergence_test import (
    TruePrivate,
    divergence_test,
    poisson_binomial_tail,
    true_private_posterior,
)
from phylometa.comparison.statistics import jaccard_similarity_index, legacy_h, legacy_ratio, rate_ratio_posterior
from phylometa.config import ComparisonSettings
from phylometa.reads.detection import detection_power


@pytest.mark.parametrize(
    ("purity", "ccf", "expected"),
    [(0.2, 1.0, (0.589, 0.947, 0.998, 1)), (0.4, 0.3, (0.268, 0.706, 0.943, 1)), (0.6, 0.1, (0.060, 0.269, 0.580, 1))],
)
def test_detection_power_reference_values(purity, ccf, expected):
    power = detection_power([30, 60, 100, 400], purity * ccf / 2)
    assert np.round(power, 3) == pytest.approx(expected, abs=1e-9)


def test_detection_power_edges():
    assert detection_power([0, 1, 2], 0.5).tolist() == [0.0, 0.0, 0.0]
    assert detection_power(3, 0.5) == pytest.approx(0.125)
    assert detection_power(50, 0.0) == 0.0
    assert detection_power(50, 1.0) == 1.0
    assert math.isnan(detection_power(50, float("nan")))
    assert detection_power(10, 0.1, min_alt_reads=1) == pytest.approx(1 - 0.9**10)


@given(st.lists(st.floats(0, 1), min_size=0, max_size=7), st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_poisson_binomial_tail_equals_enumeration(probabilities, at_least):
    expected = sum(
        math.prod(p if hit else 1 - p for p, hit in zip(probabilities, outcome))
        for outcome in itertools.product((0, 1), repeat=len(probabilities))
        if sum(outcome) >= at_least
    )
    assert poisson_binomial_tail(probabilities, at_least) == pytest.approx(expected, abs=1e-12)


def test_poisson_binomial_tail_keeps_small_tails():
    # 5 of 5 at 1e-4: 1e-20, which 1 - cdf would lose.
    assert poisson_binomial_tail([1e-4] * 5, 5) == pytest.approx(1e-20, rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((23, 115), (3.247, 4.971, 7.953)), ((49, 102), (1.488, 2.078, 2.942))],
)
def test_rate_ratio_reference_values(counts, expected):
    rho = rate_ratio_posterior(*counts)
    assert (round(rho.lo, 3), round(rho.median, 3), round(rho.hi, 3)) == expected
    assert rho.is_informative


def test_rate_ratio_of_two_mutations_is_not_informative():
    rho = rate_ratio_posterior(0, 2)
    assert (round(rho.lo, 3), round(rho.median, 2), round(rho.hi)) == (0.500, 9.47, 4609)
    assert not rho.is_informative


def test_rate_ratio_scales_with_exposure_and_inverts():
    one, two = rate_ratio_posterior(10, 30), rate_ratio_posterior(10, 30, 2.0)
    assert two.median == pytest.approx(2 * one.median)
    swapped = rate_ratio_posterior(30, 10)
    assert swapped.median == pytest.approx(1 / one.median)
    assert swapped.lo == pytest.approx(1 / one.hi)
    with pytest.raises(ValueError, match="negative"):
        rate_ratio_posterior(-1, 3)


def test_rate_ratio_coverage():
    rng = np.random.default_rng(1)
    for mean_p, mean_m in ((10, 40), (60, 60)):
        truth = mean_m / mean_p
        L_p, L_m = rng.poisson(mean_p, 1500), rng.poisson(mean_m, 1500)
        pairs, repeat = np.unique(np.stack([L_p, L_m]), axis=1, return_counts=True)
        inside = 0
        for p, m, times in zip(*pairs, repeat):
            rho = rate_ratio_posterior(p, m)
            inside += times * (rho.lo <= truth <= rho.hi)
        assert 0.93 <= inside / 1500 <= 0.97  # 94.5-96.1 % by simulation, with this sample's noise


def test_named_statistics():
    assert jaccard_similarity_index(2, 3, 5) == 0.5
    assert math.isnan(jaccard_similarity_index(0, 0, 0))
    assert legacy_h(6, 20) == pytest.approx(20 / 7)
    assert legacy_ratio(0, 20) == 20
    assert legacy_ratio(6, 20) == pytest.approx(20 / 6)


def brute_force_bound(pi, missing, level=0.95):
    """The posterior number of absent mutations by enumerating which undetected ones are absent (fine grid of q)."""
    q = np.sin((np.arange(4000) + 0.5) / 4000 * np.pi / 2) ** 2
    undetected = [p for p, m in zip(pi, missing) if m]
    posterior = np.zeros(len(undetected) + 1)
    for absent in itertools.product((0, 1), repeat=len(undetected)):
        likelihood = (1 - q) ** (len(pi) - len(undetected))
        for p, a in zip(undetected, absent):
            likelihood = likelihood * (q if a else (1 - q) * p)
        posterior[sum(absent)] += likelihood.sum()
    posterior /= posterior.sum()
    return int(np.searchsorted(np.cumsum(posterior), level)), posterior[0]


@pytest.mark.parametrize(
    ("pi", "missing"),
    [
        ([0.01] * 10, [True] * 3 + [False] * 7),
        ([0.3, 0.5, 0.2, 0.01, 0.01, 0.01], [True, True, True, False, False, False]),
        ([0.9, 0.9, 0.01, 0.01], [True, True, False, False]),
    ],
)
def test_true_private_posterior_equals_enumeration(pi, missing):
    found = true_private_posterior(pi, missing)
    bound, p_none = brute_force_bound(pi, missing)
    assert found.upper_bound == bound
    assert found.p_none == pytest.approx(p_none, rel=1e-3)


def test_true_private_posterior_without_and_with_many_undetected():
    assert true_private_posterior([0.01] * 5, [False] * 5) == TruePrivate(0.0, 1.0, 1.0)
    pi = np.full(2000, 0.02)
    missing = np.arange(2000) < 600
    many = true_private_posterior(pi, missing)
    assert 560 <= many.upper_bound <= 600
    assert many.p_none < 1e-6


def test_divergence_calls():
    pi = np.full(60, 0.01)
    early = divergence_test(pi, np.arange(60) < 20, n_primary_regions=3)
    assert (early.call, early.n_missing, early.n_evaluable) == ("early", 20, 60)
    late = divergence_test(pi, np.zeros(60, dtype=bool), n_primary_regions=3)
    assert (late.call, late.p_value, late.upper_bound) == ("late", 1.0, 0.0)
    refused = divergence_test(pi, np.arange(60) < 20, n_primary_regions=1)
    assert refused.call == "undetermined"
    assert "an early or late call needs 2" in refused.reason
    assert refused.p_value == early.p_value


def brute_force_number(pi, missing):
    """P(number of absent mutations) with a share of its own for the mutations of which nothing is known (pi NaN)."""
    told = [(p, m) for p, m in zip(pi, missing) if p < 1]
    n_untold = sum(bool(m) for p, m in zip(pi, missing) if not p < 1)
    q = np.sin((np.arange(2000) + 0.5) / 2000 * np.pi / 2) ** 2
    number = np.zeros(len(pi) + 1)
    for absent in itertools.product((0, 1), repeat=sum(m for _, m in told)):
        likelihood = (1 - q) ** sum(not m for _, m in told)
        for p, a in zip((p for p, m in told if m), absent):
            likelihood = likelihood * (q if a else (1 - q) * p)
        for k in range(n_untold + 1):
            chance = math.comb(n_untold, k) * (q**k * (1 - q) ** (n_untold - k)).mean()
            number[sum(absent) + k] += likelihood.sum() * chance
    return number / number.sum()


def reads_of_one_metastasis(*, missing, regions, n=40, power=0.999, purity=0.8, lost=0):
    """Reads of `n` mutations clonal in the primary, `missing` of them a cluster unseen in M, and of two of M alone."""
    alt = np.full((n + 2, regions + 1), 40)
    alt[:missing, -1] = 0
    alt[n:, :-1] = 0
    minor = np.ones(alt.shape)
    minor[:lost, -1] = 0
    labels = np.repeat([1, 0, 2], [missing, n - missing, 2])
    prevalence = [[1.0] * (regions + 1), [1.0] * regions + [0.0], [0.0] * regions + [1.0]]
    return compare_one(alt, labels, prevalence, regions=regions, power=power, purity=purity, minor=minor)


@pytest.mark.parametrize(
    ("options", "call", "n_missing", "is_withheld"),
    [
        ({"missing": 0, "regions": 2}, "late", 0, False),
        ({"missing": 20, "regions": 2}, "early", 20, False),
        ({"missing": 20, "regions": 1}, "undetermined", 20, False),
        ({"missing": 2, "regions": 2}, "late", 2, False),
        ({"missing": 4, "regions": 2, "power": 0.96}, "undetermined", 4, False),
        ({"missing": 20, "regions": 2, "lost": 20}, "undetermined", 0, False),
        ({"missing": 20, "regions": 2, "purity": 0.25}, "undetermined", 20, True),
        ({"missing": 20, "regions": 2, "power": 0.5}, "undetermined", 0, True),
    ],
)
def test_call_of_a_metastasis(options, call, n_missing, is_withheld):
    found = reads_of_one_metastasis(**options)
    assert (found.test.call, found.test.n_missing) == (call, n_missing)
    assert ("withheld" in found.test.reason) == is_withheld
    assert found.counts.L_p == n_missing


def test_only_mutations_clonal_in_the_primary_are_tested():
    alt = [[16, 20, 0]] * 20 + [[40, 40, 40]] * 3
    found = compare_one(alt, [1] * 20 + [0] * 3, [[1, 1, 1], [0.4, 0.5, 0]], regions=2).test
    assert (found.n_evaluable, found.n_missing) == (3, 0)


@pytest.mark.parametrize(
    ("pi", "missing"),
    [
        ([0.01] * 8 + [math.nan] * 3, [False] * 8 + [True] * 3),
        ([0.01, 0.3, 0.2, math.nan, 1.0], [False, True, True, True, True]),
        ([0.01, math.nan], [False, False]),
        ([math.nan] * 4, [True] * 4),
    ],
)
def test_mutations_of_which_nothing_is_known_have_a_share_of_their_own(pi, missing):
    number = brute_force_number(pi, missing)
    found = true_private_posterior(pi, missing)
    assert found.upper_bound == int(np.searchsorted(np.cumsum(number), 0.95))
    assert found.p_none == pytest.approx(number[0], rel=1e-3)
    assert found.p_few == pytest.approx(number[:3].sum(), rel=1e-3)


def test_the_normal_approximation_meets_the_exact_number_at_its_limit():
    pi = np.full(900, 0.3)
    exact, close = (true_private_posterior(pi, np.arange(900) < n) for n in (500, 501))
    assert exact.upper_bound < 500
    assert close.upper_bound - exact.upper_bound == pytest.approx(1.5, abs=1)


def test_divergence_unknown_cells_forbid_a_late_call():
    pi = np.concatenate([np.full(4, 0.001), np.full(20, 0.8)])
    missing = np.concatenate([np.zeros(4, dtype=bool), np.arange(20) < 16])
    test = divergence_test(pi, missing, n_primary_regions=2)
    assert (test.call, test.n_missing, test.n_unknown) == ("undetermined", 0, 16)
    assert test.upper_bound >= 3


def test_divergence_without_evaluable_mutation():
    test = divergence_test([0.5, float("nan")], [True, True], n_primary_regions=2)
    assert test.call == "undetermined"
    assert math.isnan(test.p_value)
    with pytest.raises(ValueError, match="1 probabilities for 2"):
        divergence_test([0.1], [True, False], n_primary_regions=2)


def test_divergence_two_misses_at_low_probability_are_not_early():
    # p is small, yet two mutations are fewer than an early call needs.
    test = divergence_test(np.full(40, 1e-4), np.arange(40) < 2, n_primary_regions=4)
    assert test.p_value < 0.01
    assert test.call != "early"


def test_divergence_level_under_the_null():
    rng = np.random.default_rng(3)
    pi = rng.uniform(0, 0.05, 80)
    rejected = [divergence_test(pi, rng.random(80) < pi, n_primary_regions=2).p_value < 0.05 for _ in range(400)]
    assert np.mean(rejected) <= 0.07


def test_probability_of_late_is_that_of_few_absent():
    pi = [0.2, 0.1, 0.3, 0.05, 0.4]
    assert true_private_posterior(pi, [True] * 5, few=6).p_few == pytest.approx(1)
    shares = [true_private_posterior(pi, [True] * 5, few=n).p_few for n in range(1, 6)]
    assert shares[0] == pytest.approx(true_private_posterior(pi, [True] * 5).p_none, rel=1e-3)
    assert shares == sorted(shares)
    test = divergence_test(np.full(60, 0.01), np.zeros(60, dtype=bool), n_primary_regions=3)
    assert test.call == "late" and test.p_few == 1.0
    many = true_private_posterior(np.full(1000, 0.5), np.ones(1000, dtype=bool), few=3)
    assert many.p_few < 1e-6


def test_an_early_call_needs_a_probability_too():
    pi, missing = np.full(60, 0.01), np.arange(60) < 5
    test = divergence_test(pi, missing, n_primary_regions=2)
    assert (test.call, test.p_value < 0.01, 1 - test.p_few > 0.8) == ("early", True, True)
    strict = ComparisonSettings(divergence_probability=0.999)
    assert divergence_test(pi, missing, n_primary_regions=2, settings=strict).call == "undetermined"


def test_nothing_private_on_either_side_has_no_order():
    found = compare_one([[40, 40, 40]] * 20, [0] * 20, [[1, 1, 1]], regions=2)
    assert (found.test.call, found.test.p_few) == ("undetermined", 1)
    assert "cannot be ordered in time" in found.test.reason
