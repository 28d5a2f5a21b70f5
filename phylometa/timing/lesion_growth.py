"""Growth estimates of a patient's lesions beside the genetic intervals of the same sites."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.interval import Estimate
from phylometa.model.patient import Patient, Site
from phylometa.model.timing import GrowthRow, SeedingInterval, TimedEvent
from phylometa.reference.tables import ASSUMED_VARIATION, doubling_time
from phylometa.timing.events import age_at, event_probabilities
from phylometa.timing.growth import GrowthAge, conflict_statement, fit_serial_diameters, lesion_age

__all__ = ["lesion_growth"]


def _measurement(patient: Patient, site: Site) -> tuple[float, float, list[tuple[int, float]]]:
    """(largest diameter at the last measurement, age then, serial sizes as (day, cm))."""
    lesions = sorted((x for x in patient.lesions if x.site == site.name), key=lambda x: (x.date, x.diameter_cm))
    if lesions:
        last = lesions[-1]
        serial = [(lesion.date.toordinal(), lesion.diameter_cm) for lesion in lesions]
        return last.diameter_cm, age_at(patient, last.date), serial
    sampled = [s for s in patient.samples if s.site == site.name and math.isfinite(s.diameter_cm)]
    if not sampled:
        return math.nan, math.nan, []
    largest = max(sampled, key=lambda s: s.diameter_cm)
    return largest.diameter_cm, largest.age, []


def _age_of_patient(at_measurement: float, years: Estimate) -> Estimate | None:
    if not math.isfinite(at_measurement) or not math.isfinite(years.median):
        return None
    return Estimate(at_measurement - years.median, at_measurement - years.hi, at_measurement - years.lo)


def lesion_growth(
    patient: Patient,
    intervals: Sequence[SeedingInterval],
    events: Sequence[TimedEvent],
    *,
    settings: TimingSettings,
    rng: np.random.Generator,
) -> tuple[list[GrowthRow], list[SeedingInterval], list[str]]:
    """Every lesion with a diameter traced back under both growth models, and what cannot be said.

    The doubling time comes from the lesion's own serial sizes, else from the table. The exponential and the Gompertz
    estimate stand beside each other and beside the genetic interval; they are never averaged.

    Parameters
    ----------
    patient : Patient
    intervals : sequence of SeedingInterval
        Genetic intervals, for the conflict statements.
    events : sequence of TimedEvent
        For the probability that the first cell came before each.
    settings : TimingSettings
    rng : numpy.random.Generator

    Returns
    -------
    (rows, intervals of the growth models, refusals)
    """
    rows, found, refusals = [], [], []
    types = sorted({sample.cancer_type for sample in patient.samples if sample.cancer_type})
    for site in patient.sites:
        diameter, age, serial = _measurement(patient, site)
        if not math.isfinite(diameter):
            continue
        own = None
        if len({day for day, _ in serial}) > 1:
            own = fit_serial_diameters(
                [day for day, _ in serial], [cm for _, cm in serial], capacity=settings.gompertz_capacity
            )
        if own is not None and math.isfinite(own.doubling_days):
            days, source = own.doubling_days, f"{len(serial)} sizes of the lesion itself"
            known = math.isfinite(own.rate_sd) and own.rate_sd > 0
            sd = days * own.rate_sd / own.rate if known else ASSUMED_VARIATION * days
        else:
            if own is not None:
                refusals.append(
                    f"{site.name}: the lesion did not grow between its measurements; its sizes date nothing"
                )
            row = doubling_time(
                types[0] if types else "", site.name, is_metastasis=site.is_metastasis, directory=settings.tables
            )
            if row is None:
                refusals.append(f"{site.name}: no growth estimate, no doubling time is tabulated for such a lesion")
                continue
            days, sd, source = row.days, row.sd, row.source
            if row.sd_is_assumed:
                source += f" (spread assumed: {ASSUMED_VARIATION:.0%} of the mean)"
        traced = lesion_age(
            diameter, days, doubling_sd=sd, capacity=settings.gompertz_capacity, rng=rng, draws=settings.draws
        )
        exponential, gompertz = (_age_of_patient(age, x) for x in (traced.exponential, traced.gompertz))
        genetic = [x for x in intervals if x.site == site.name and x.model == "clock" and x.probability >= 0.5]
        conflicts = tuple(
            conflict_statement(f"{site.name} (clone {x.founding_clone})", x.seeding, estimate, model=model)
            for x in genetic
            for model, estimate in (("exponential", exponential), ("Gompertz", gompertz))
            if estimate is not None
        )
        rows.append(
            GrowthRow(
                site=site.name,
                diameter_cm=diameter,
                doubling_days=days,
                doubling_sd=sd,
                source=source,
                exponential_years=traced.exponential,
                gompertz_years=traced.gompertz,
                exponential_age=exponential,
                gompertz_age=gompertz,
                statement=traced.statement,
                conflicts=conflicts,
            )
        )
        if site.is_metastasis:
            found += _growth_intervals(site.name, age, traced, events)
    return rows, found, refusals


def _growth_intervals(site: str, age: float, traced: GrowthAge, events: Sequence[TimedEvent]) -> list[SeedingInterval]:
    """The lesion's first cell as an interval under each model, on the patient's age."""
    shares = {"doubling_time": traced.doubling_share, "size": 1 - traced.doubling_share}
    found = []
    for model, years, quantiles in (
        ("growth_exponential", traced.exponential, traced.exponential_quantiles),
        ("growth_gompertz", traced.gompertz, traced.gompertz_quantiles),
    ):
        estimate = _age_of_patient(age, years)
        if estimate is None:
            continue
        before, during = event_probabilities(age - np.array(quantiles), events)
        found.append(
            SeedingInterval(
                site=site,
                founding_clone="",
                unit="age_years",
                model=model,
                probability=1.0,
                divergence=estimate,
                founder=estimate,
                seeding=estimate,
                p_before=before,
                p_during=during,
                variance_shares=shares if model == "growth_exponential" else {},
                notes=("age at the lesion's first cell, from its size",),
            )
        )
    return found
