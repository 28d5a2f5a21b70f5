"""The clock: every reference value of the method, and the posterior against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.comparison.hu2020 import hu2020_seeding_time
from phylometa.model.patient import MutationTable
from phylometa.timing.clock import (
    age_at_divergence,
    is_cpg_transition,
    is_snv,
    serial_clock,
    years_before_sampling,
)


def test_strict_clock_reference_value():
    assert age_at_divergence(60, 800, np.mean([150, 250])) == pytest.approx(48.000, abs=5e-4)


@pytest.mark.parametrize(
    ("acceleration", "years"), [(1, 12.0), (2.5, 5.455), (5, 2.857), (7.5, 1.935), (10, 1.463), (20, 0.741)]
)
def test_years_before_sampling_reference_values(acceleration, years):
    assert round(float(years_before_sampling(60, 800, 200, acceleration)), 3) == years
    assert age_at_divergence(60, 800, 200, acceleration) == pytest.approx(
        60 - years_before_sampling(60, 800, 200, acceleration)
    )


def test_serial_samples_reference_values():
    clock = serial_clock(300, 500, 4)
    assert clock.rate == 50
    t = clock.years_before_first
    assert round(t.median, 1) == 6.0
    assert (round(t.lo, 2), round(t.hi, 2)) == (4.33, 8.98)
    assert clock.probability_growing > 0.999


def test_serial_samples_without_growth_give_no_date():
    clock = serial_clock(300, 290, 4)
    assert math.isinf(clock.years_before_first.hi)
    assert math.isinf(clock.years_before_first.median)
    assert clock.probability_growing < 0.5
    with pytest.raises(ValueError, match="different times"):
        serial_clock(300, 500, 0)


@pytest.mark.parametrize("expansion", [4.6, 5.2, 4.3])
def test_hu2020_formula(expansion):
    early = hu2020_seeding_time(10, 20, expansion)
    assert early.years_before_diagnosis == pytest.approx(expansion * 0.74)
    assert early.is_feasible
    assert hu2020_seeding_time(0, 2, expansion).ratio == 2


def test_hu2020_infeasible_is_kept_and_flagged():
    late = hu2020_seeding_time(1, 20, 5.2, metastasis_years_after_diagnosis=1.0)
    assert late.years_before_diagnosis == pytest.approx(5.2 * (1 - 2.6))
    assert not late.is_feasible
    assert hu2020_seeding_time(1, 20, 5.2, metastasis_years_after_diagnosis=9.0).is_feasible


def test_cpg_transitions_on_both_strands():
    found = is_cpg_transition(
        ["C", "G", "C", "C", "G", "C", "T"],
        ["T", "A", "T", "A", "A", "T", "T"],
        ["ACG", "CGT", "ACA", "ACG", "TGT", "", "ACG"],
    )
    assert found.tolist() == [True, True, False, False, False, False, False]


def test_is_snv():
    table = MutationTable(
        ids=("a", "b", "c", "d"),
        sample_names=("s",),
        alt_counts=np.zeros((4, 1)),
        depth=np.ones((4, 1)),
        refs=("C", "CA", "-", ""),
        alts=("T", "C", "A", ""),
    )
    assert is_snv(table).tolist() == [True, False, False, True]
