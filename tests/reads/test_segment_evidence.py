"""What a segment's share of cells says: limits of callers, wrong states, events that no branch explains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from phylometa.config import ObservationSettings
from phylometa.reads.segment_evidence import (
    no_branch_log_likelihood,
    nominal_reads,
    segment_log_likelihood,
    whole_reads,
)

PREVALENCE = np.linspace(0.0, 1.0, 101)
SETTINGS = ObservationSettings()
WRONG = SETTINGS.wrong_segment
EXACT, ROUNDED = np.array([False]), np.array([True])


def curve(fraction, *, sd=0.1, is_rounded=EXACT, wrong=WRONG):
    given = np.array([[fraction]])
    return segment_log_likelihood(given, np.full((1, 1), sd), is_rounded, PREVALENCE, np.array([wrong]))[0, 0]


@pytest.mark.parametrize("prevalence", [0.0, 0.2, 0.5, 0.97])
@pytest.mark.parametrize("is_rounded", [EXACT, ROUNDED])
def test_probabilities_of_what_is_measured_add_up(prevalence, is_rounded):
    def density(f):
        given = np.array([[f]]), np.full((1, 1), 0.1), is_rounded, np.array([prevalence])
        at = segment_log_likelihood(*given, np.array([WRONG]))
        return float(np.exp(at[0, 0, 0]))

    between = quad(density, 1e-6, 1 - 1e-6, limit=200, points=[max(prevalence, 1e-3)])[0]
    total = density(0.0) + density(1.0) + between
    assert 0.8 < total < 1.02  # of a share near 0 or 1 some of the normal density lies outside


def test_a_share_peaks_where_it_was_measured_and_has_heavy_tails():
    assert PREVALENCE[curve(0.4).argmax()] == pytest.approx(0.4, abs=0.02)
    far = curve(0.4, sd=0.05)
    assert far.max() - far[-1] < 6.0  # a gaussian would give 72


def test_a_rounded_call_tells_half_only():
    absent, present = curve(0.0, is_rounded=ROUNDED), curve(1.0, is_rounded=ROUNDED)
    assert absent[0] - absent[30] < 0.15 and absent[0] - absent[100] > 2.5
    assert present[100] - present[70] < 0.15 and present[100] - present[0] > 2.5
    exact = curve(0.0)
    assert exact[0] - exact[30] > 2.0  # a caller of two states would have seen 30 %


def test_no_cell_contradicts_more_than_a_wrong_state_costs():
    for error in (0.01, 0.05, 0.2):
        loss = np.ptp(curve(1.0, wrong=error))
        assert loss == pytest.approx(np.log((1 - error * 0.75) / (error * 0.25)), abs=0.2)


def test_unknown_cells_say_nothing():
    assert (curve(np.nan) == 0.0).all()
    alt, total = nominal_reads(np.array([[np.nan, 0.0, 1.0]]), np.full((1, 3), 0.1), np.zeros(3, dtype=bool))
    assert alt.tolist()[0][:2] == [0.0, 0.0] and total[0, 0] == 0.0
    assert alt[0, 2] == total[0, 2] / 2


def test_reads_are_fewer_of_rounded_calls_and_of_errors():
    two, one = np.array([[0.5, 1.0, 0.0]]), np.full((1, 3), 0.1)
    exact = nominal_reads(two, one, np.zeros(3, dtype=bool))[1]
    rounded = nominal_reads(two, one, np.ones(3, dtype=bool))[1]
    assert (rounded[0, 1:] < exact[0, 1:]).all()
    assert nominal_reads(two, 2 * one, np.zeros(3, dtype=bool))[1][0, 0] < exact[0, 0]
    alt, depth = whole_reads(np.array([0.2, 0.0, 3.6]), np.array([5.0, 3.0, 7.2]))
    assert alt.tolist() == [1, 0, 4] and depth.tolist() == [5, 3, 8]


def test_events_of_no_branch_are_wrong_states_or_recur():
    def of_no_branch(pattern):
        given = np.array([pattern], dtype=float)
        sizes = np.zeros(given.shape[1], dtype=bool)
        wrong = np.full(len(pattern), WRONG)
        curves = segment_log_likelihood(given, np.full(given.shape, 0.1), sizes, PREVALENCE, wrong)
        best = curves[0][np.arange(len(pattern)), np.where(given[0] > 0, 100, 0)].sum()
        return float(no_branch_log_likelihood(curves, PREVALENCE, wrong, SETTINGS)[1][0]) - best

    assert of_no_branch([0, 0, 0, 0, 0, 1]) > of_no_branch([0, 0, 0, 1, 1, 1])  # one wrong state
    assert of_no_branch([0, 0, 0, 1, 1, 1]) < -4.0  # six coins
