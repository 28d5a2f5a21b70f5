"""Cells that a list of calls leaves out: their likelihood against sums over reads, and what they do to a patient."""

import functools

import numpy as np
import pytest
from read_counts import log_at_most, log_beta_binomial, log_binomial

from phylometa.config import CcfSettings, ObservationSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.censored import (
    MISSED_CALL,
    censored_as_reads,
    censored_log_likelihood,
    equivalent_depth,
    listing_power,
)
from phylometa.reads.observation import observe

PREVALENCE = np.arange(51) / 50


def listed_not(log_below):
    return np.log(MISSED_CALL + (1 - MISSED_CALL) * np.exp(log_below))


@pytest.mark.parametrize("precision", [np.inf, 80.0])
def test_the_likelihood_is_the_distribution_function(precision):
    depth, threshold = np.array([60, 120, 3]), np.array([3, 12, 5])
    slope, error = np.array([[0.5], [0.35], [0.5]]), np.full(3, 0.001)
    found = censored_log_likelihood(depth, threshold, slope, error, PREVALENCE, precision)
    assert found.shape == (3, 1, 51)
    for cell in range(3):
        vaf = slope[cell, 0] * PREVALENCE * (1 - 2 * 0.001) + 0.001
        at_most = functools.partial(log_at_most, threshold[cell] - 1, depth[cell])
        exact = at_most(log_binomial, vaf)
        if np.isfinite(precision):
            spread = at_most(log_beta_binomial, vaf * precision, (1 - vaf) * precision)
            exact = np.where(PREVALENCE == 0, exact, spread)
        np.testing.assert_allclose(found[cell, 0], listed_not(exact), atol=1e-8)


def test_equivalent_reads_agree_at_one_half_and_say_less_above():
    for depth, threshold in ((60, 3), (120, 12), (400, 5)):
        vaf = (threshold - 1 / 3) / (depth + 1 / 3)
        exact = np.exp(log_at_most(threshold - 1, depth, log_binomial, vaf))
        assert exact == pytest.approx(0.5, abs=0.01)
        assert (1 - vaf) ** equivalent_depth(depth, threshold) == pytest.approx(0.5, abs=0.06)
        at_three = np.exp(log_at_most(threshold - 1, depth, log_binomial, 3 * vaf))
        assert (1 - 3 * vaf) ** equivalent_depth(depth, threshold) > at_three


def table(alt, depth, *, censored, threshold=(5, 5)):
    names = tuple(f"m{i}" for i in range(len(alt)))
    observed = ~np.asarray(censored)
    return MutationTable(
        names,
        ("a", "b"),
        np.asarray(alt),
        np.asarray(depth),
        observed=observed,
        censored=np.asarray(censored),
        call_threshold=np.asarray(threshold),
        usual_depth=np.array([100, 80]),
    )


def test_only_censored_cells_change():
    mutations = table([[40, 0], [38, 30]], [[100, 0], [90, 80]], censored=[[False, True], [False, False]])
    reads = censored_as_reads(mutations)
    assert reads.depth.tolist() == [[100, equivalent_depth(80, 5)], [90, 80]]
    assert reads.observed.all() and reads.censored.tolist() == mutations.censored.tolist()
    assert censored_as_reads(reads).depth.tolist() == reads.depth.tolist()
    whole = table([[40, 0]], [[100, 50]], censored=[[False, False]])
    assert censored_as_reads(whole) is whole


def test_the_observation_model_has_the_distribution_function():
    mutations = table([[40, 0], [38, 30]], [[100, 0], [90, 80]], censored=[[False, True], [False, False]])
    found = observe(
        mutations,
        CopyNumberAtLoci.diploid(2, 2),
        np.array([1.0, 0.8]),
        np.arange(2),
        PREVALENCE,
        precision=np.inf,
        settings=ObservationSettings(),
        ccf_settings=CcfSettings(),
    )
    vaf = 0.4 * PREVALENCE * (1 - 2 * 0.001) + 0.001
    np.testing.assert_allclose(found.curves[0, 1, 0], listed_not(log_at_most(4, 80, log_binomial, vaf)), atol=1e-8)
    alone = 30 * np.log(vaf) + 50 * np.log1p(-vaf)
    np.testing.assert_allclose(found.curves[1, 1, 0], alone, atol=1e-6)


def test_power_is_that_of_the_list():
    mutations = table([[40, 0], [38, 30]], [[100, 0], [90, 60]], censored=[[False, True], [False, False]])
    power = listing_power(mutations, np.array([[0.4, 0.05], [0.4, 0.4]]))
    assert power[:, 0].tolist() == [1.0, 1.0]  # all of the first sample's mutations were read
    shown = [-np.expm1(log_at_most(4, n, log_binomial, p)) for n, p in ((80, 0.05), (60, 0.4))]
    exact = (1 - MISSED_CALL) * np.array(shown)
    np.testing.assert_allclose(power[:, 1], exact)
