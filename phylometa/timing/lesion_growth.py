"""Every measured lesion traced back under both growth models, from its size alone."""

from __future__ import annotations

import math

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.interval import Estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import GrowthRow
from phylometa.timing.growth import DAYS_PER_YEAR, fit_serial_diameters, lesion_age
from phylometa.timing.growth_evidence import LesionEvidence

__all__ = ["trace_lesions"]


def trace_lesions(
    patient: Patient, lesions: tuple[LesionEvidence, ...], *, settings: TimingSettings, rng: np.random.Generator
) -> tuple[GrowthRow, ...]:
    """Estimate the years from first cell to last measurement of every measured lesion, by growth alone.

    The doubling time comes from the lesion's own serial sizes if they grow, otherwise from the table. The exponential
    and the Gompertz estimate stand beside each other.
    """
    rows = []
    for lesion in lesions:
        if not lesion.is_measured:
            continue
        mean = lesion.doubling_median * math.exp(lesion.doubling_sigma**2 / 2)
        sd, source = mean * math.sqrt(math.expm1(lesion.doubling_sigma**2)), lesion.source
        if len(set(lesion.years_before)) > 1:
            days = [-DAYS_PER_YEAR * before for before in lesion.years_before]
            own = fit_serial_diameters(days, lesion.diameters_cm, capacity=lesion.capacity)
            if math.isfinite(own.doubling_days):
                known = math.isfinite(own.rate_sd) and own.rate_sd > 0
                mean, source = own.doubling_days, f"{len(days)} sizes of the lesion itself"
                sd = mean * (own.rate_sd / own.rate if known else lesion.doubling_sigma)
        traced = lesion_age(
            lesion.diameters_cm[-1], mean, doubling_sd=sd, capacity=lesion.capacity, rng=rng, draws=settings.draws
        )
        rows.append(
            GrowthRow(
                site=lesion.site,
                diameter_cm=lesion.diameters_cm[-1],
                doubling_days=mean,
                doubling_sd=sd,
                source=source,
                exponential_years=traced.exponential,
                gompertz_years=traced.gompertz,
                exponential_age=_age_of_patient(lesion.age, traced.exponential),
                gompertz_age=_age_of_patient(lesion.age, traced.gompertz),
                statement=traced.statement,
            )
        )
    return tuple(rows)


def _age_of_patient(at_measurement: float, years: Estimate) -> Estimate | None:
    if not math.isfinite(at_measurement) or not math.isfinite(years.median):
        return None
    return Estimate(at_measurement - years.median, at_measurement - years.hi, at_measurement - years.lo)
