"""Growth of lesions outside the field around a course of irradiation."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from test_timing import build, date

from phylometa.config import TimingSettings
from phylometa.model.patient import Lesion, Treatment
from phylometa.timing.growth_change import growth_changes, growth_rate

COURSE = Treatment("radiotherapy", "colon", datetime.date(2014, 1, 1), datetime.date(2014, 2, 1), 60, 30)


def irradiated(sizes, *others):
    patient, *_ = build()
    lesions = tuple(Lesion("liver", datetime.date(2013, 1, 1) + datetime.timedelta(days=d), cm) for d, cm in sizes)
    return patient.with_changes(lesions=lesions, treatments=(COURSE, *others))


def test_intervals_of_the_rate_cover_it():
    rng = np.random.default_rng(1)
    days, inside = np.array([0.0, 90.0, 200.0]), 0
    for _ in range(400):
        rate = rng.uniform(-1, 3)
        sizes = np.exp(rate * days / 365.25 / 3 + 0.1 * rng.standard_normal(3))
        found, error = growth_rate(days, sizes, relative_sd=0.1)
        inside += abs(found - rate) < 1.96 * error
    assert 0.92 <= inside / 400 <= 0.98
    with pytest.raises(ValueError, match="two different days"):
        growth_rate([1, 1], [1, 2], relative_sd=0.1)


def test_a_lesion_that_stops_growing_is_told_with_its_sizes():
    sizes = [(0, 1.0), (180, 1.6), (340, 2.4), (420, 2.4), (600, 2.4), (780, 2.3)]
    (row,) = growth_changes(irradiated(sizes), settings=TimingSettings())
    assert (row.site, row.course, len(row.sizes), row.confounders) == ("liver", "radiotherapy colon", 6, ())
    assert row.before.median > 2 and row.change.hi < 0 and row.p_slower > 0.99
    drug = Treatment("systemic", "", datetime.date(2014, 3, 1))
    (row,) = growth_changes(irradiated(sizes, drug), settings=TimingSettings())
    assert row.confounders == ("systemic",)


def test_nothing_is_said_without_sizes_on_both_sides():
    settings = TimingSettings()
    assert growth_changes(irradiated([(0, 1.0), (180, 1.6), (420, 2.4)]), settings=settings) == ()
    assert growth_changes(irradiated([(0, 1.0), (0, 1.6), (420, 2.4), (500, 2.4)]), settings=settings) == ()


def test_rows_are_part_of_the_result():
    patient = irradiated([(0, 1.0), (180, 1.6), (420, 2.4), (600, 2.5)])
    assert len(date((patient, *build()[1:])).growth_changes) == 1
