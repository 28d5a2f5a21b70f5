"""Growth back-extrapolation: every reference value of the method, inverse functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.timing.growth import (
    DAYS_PER_YEAR,
    cells_from_diameter,
    exponential_age,
    fit_serial_diameters,
    gompertz_age,
    gompertz_cells,
    gompertz_rate,
    lesion_age,
)


@pytest.mark.parametrize(
    ("diameter", "doubling", "years"), [(4.5, 233.36, 5.237), (2.0, 148.73, 4.608), (3.2, 158.90, 4.258)]
)
def test_gompertz_reference_values(diameter, doubling, years):
    age = gompertz_age(cells_from_diameter(diameter), doubling, capacity=1e11)
    assert round(float(age) / DAYS_PER_YEAR, 3) == years


def test_one_centimetre_metastasis_reference_values():
    for density, years in ((1e8, 10.88), (1e9, 12.29)):
        age = exponential_age(cells_from_diameter(1.0, cells_per_cm3=density), 155)
        assert round(float(age) / DAYS_PER_YEAR, 2) == years
    for capacity, years in ((1e11, 5.33), (1e12, 6.00)):
        age = gompertz_age(cells_from_diameter(1.0), 155, capacity=capacity)
        assert round(float(age) / DAYS_PER_YEAR, 2) == years


def test_gompertz_age_with_fixed_doubling_falls_with_diameter():
    ages = gompertz_age(cells_from_diameter([1.0, 3.0, 6.0]), 155, capacity=1e11)
    assert (np.diff(ages) < 0).all()
    rate = gompertz_rate(cells_from_diameter(3.0), 155, capacity=1e11)
    fixed = gompertz_age(cells_from_diameter([1.0, 3.0, 6.0]), 155, capacity=1e11, rate=rate)
    assert (np.diff(fixed) > 0).all()


def test_gompertz_is_consistent():
    cells = cells_from_diameter(2.0)
    rate = gompertz_rate(cells, 148.73, capacity=1e11)
    age = gompertz_age(cells, 148.73, capacity=1e11)
    assert gompertz_cells(age, rate, capacity=1e11) == pytest.approx(cells)
    assert gompertz_cells(age + 148.73, rate, capacity=1e11) == pytest.approx(2 * cells)
    assert gompertz_cells(0, rate, capacity=1e11) == 1


def test_gompertz_beyond_capacity_is_missing():
    assert math.isnan(gompertz_rate(6e10, 100, capacity=1e11))
    assert math.isnan(gompertz_age(6e10, 100, capacity=1e11))
    assert math.isnan(gompertz_age(2e11, 100, capacity=1e11, rate=0.001))


def test_lesion_age_reports_both_models_and_their_disagreement():
    age = lesion_age(1.0, 155, doubling_sd=34, capacity=1e11, rng=np.random.default_rng(3))
    assert 10.5 < age.exponential.median < 12.3
    assert age.exponential.lo < age.exponential.median < age.exponential.hi
    assert 4.5 < age.gompertz.median < 7
    assert age.disagreement_years == pytest.approx(age.exponential.median - age.gompertz.median)
    assert "models" in age.statement


def test_lesion_too_large_for_gompertz():
    age = lesion_age(12.0, 155, doubling_sd=34, capacity=1e11, rng=np.random.default_rng(3))
    assert math.isnan(age.gompertz.median)
    assert "too large" in age.statement


def test_serial_diameters_recover_exponential_growth():
    days = [0, 100, 250]
    cells = [1e8 * 2 ** (t / 80) for t in days]
    diameters = [(6 * n / (math.pi * 1e8)) ** (1 / 3) for n in cells]
    fit = fit_serial_diameters(days, diameters, capacity=1e12)
    assert fit.doubling_days == pytest.approx(80)
    assert fit.exponential_days == pytest.approx(80 * math.log2(cells[-1]))
    assert fit.exponential_rss == pytest.approx(0, abs=1e-12)
    assert fit.rate_sd == pytest.approx(0, abs=1e-6)
    assert fit.gompertz_rss > 1e-6


def test_serial_diameters_recover_gompertz_growth():
    beta, days = 0.001, np.array([1000.0, 1300.0, 1700.0])
    cells = gompertz_cells(days, beta, capacity=1e12)
    fit = fit_serial_diameters(days, (6 * cells / (math.pi * 1e8)) ** (1 / 3), capacity=1e12)
    assert fit.gompertz_rate == pytest.approx(beta)
    assert fit.gompertz_days == pytest.approx(1700)
    assert fit.gompertz_rss < fit.exponential_rss


def test_serial_diameters_that_shrink_or_are_too_few():
    fit = fit_serial_diameters([0, 100], [2.0, 1.0], capacity=1e12)
    assert math.isinf(fit.doubling_days)
    assert math.isnan(fit.gompertz_days)
    assert math.isnan(fit.rate_sd)
    with pytest.raises(ValueError, match="two or more"):
        fit_serial_diameters([0, 0], [1.0, 2.0], capacity=1e12)
