"""Change of growth of lesions outside the field around a course of irradiation, from serial sizes alone."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.interval import Estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import GrowthChangeRow
from phylometa.timing.growth import DAYS_PER_YEAR
from phylometa.timing.treatment import is_radiotherapy

__all__ = ["growth_changes", "growth_rate"]

_NORMAL = 1.959963984540054


def growth_rate(days: Sequence[float], diameters_cm: Sequence[float], *, relative_sd: float) -> tuple[float, float]:
    """Estimate the specific growth rate of the volume (per year) and its standard error, by least squares on 3 ln d.

    The error of a diameter is known, so that two sizes are enough: se = 3 sd / sqrt(sum (t - mean t)^2).

    Parameters
    ----------
    days : sequence of float
        At least two different.
    diameters_cm : sequence of float
    relative_sd : float
        Standard deviation of ln d.

    Examples
    --------
    >>> rate, error = growth_rate([0, 365.25], [1.0, 2.0], relative_sd=0.1)
    >>> round(rate, 3), round(error, 3)
    (2.079, 0.424)
    """
    t = np.asarray(days, dtype=np.float64) / DAYS_PER_YEAR
    y = 3 * np.log(np.asarray(diameters_cm, dtype=np.float64))
    centred = t - t.mean()
    spread = float(centred @ centred)
    if spread <= 0:
        raise ValueError("growth_rate: sizes of two different days are needed")
    return float(centred @ y / spread), 3 * relative_sd / math.sqrt(spread)


def growth_changes(patient: Patient, *, settings: TimingSettings) -> tuple[GrowthChangeRow, ...]:
    """Compare growth before and after each course of radiotherapy, for lesions outside its field with enough sizes.

    Two sizes or more on different days before the start, and two or more from the start on; systemic treatments that
    began between the first and the last of them are named, since they may have done it.
    """
    rows = []
    for course in patient.treatments:
        if not is_radiotherapy(course.kind) or course.start is None or not course.site:
            continue
        for site in patient.site_names:
            sizes = sorted((x.date, x.diameter_cm) for x in patient.lesions if x.site == site)
            parts = [x for x in sizes if x[0] < course.start], [x for x in sizes if x[0] >= course.start]
            if site == course.site or any(len({date for date, _ in part}) < 2 for part in parts):
                continue
            (before, before_sd), (after, after_sd) = (
                growth_rate([d.toordinal() for d, _ in x], [cm for _, cm in x], relative_sd=settings.diameter_error)
                for x in parts
            )
            rows.append(
                GrowthChangeRow(
                    site=site,
                    course=f"{course.kind} {course.site}",
                    before=_estimate(before, before_sd),
                    after=_estimate(after, after_sd),
                    change=_estimate(after - before, math.hypot(before_sd, after_sd)),
                    p_slower=0.5 * math.erfc((after - before) / math.hypot(before_sd, after_sd) / math.sqrt(2)),
                    sizes=tuple(f"{date}: {cm:g} cm" for date, cm in sizes),
                    confounders=_others(patient, sizes[0][0], sizes[-1][0]),
                )
            )
    return tuple(rows)


def _estimate(value: float, sd: float) -> Estimate:
    return Estimate(value, value - _NORMAL * sd, value + _NORMAL * sd)


def _others(patient: Patient, first: datetime.date, last: datetime.date) -> tuple[str, ...]:
    """Systemic treatments that began between two dates."""
    return tuple(
        treatment.kind
        for treatment in patient.treatments
        if not treatment.site and treatment.start is not None and first < treatment.start < last
    )
