"""Dates put on the patient's age axis: ages of samples, treatments, diagnoses; synchronous or metachronous."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.timing import TimedEvent
from phylometa.timing.treatment import is_synchronous

__all__ = ["age_at", "patient_events", "sites_synchronous"]

_YEAR = 365.25


def age_at(patient: Patient, date: datetime.date | None) -> float:
    """Compute the patient's age on a date (years), from samples with age and collection date; NaN if none has both."""
    if date is None:
        return math.nan
    ages = [
        sample.age + (date - sample.collection_date).days / _YEAR
        for sample in patient.samples
        if sample.collection_date is not None and math.isfinite(sample.age)
    ]
    return float(np.median(ages)) if ages else math.nan


def _first_date(patient: Patient, site: str) -> datetime.date | None:
    """First date on which a site is known to have been diseased: diagnosis, else collection."""
    dates = [s.diagnosis_date or s.collection_date for s in patient.samples if s.site == site]
    known = [date for date in dates if date is not None]
    return min(known) if known else None


def patient_events(patient: Patient) -> tuple[TimedEvent, ...]:
    """List the primary's diagnosis and all dated treatments on the age axis, by time; undated ones are left out."""
    raw = []
    diagnosed = [s.diagnosis_date for s in patient.samples if s.site == patient.primary.name and s.diagnosis_date]
    if not diagnosed:
        diagnosed = [s.diagnosis_date for s in patient.samples if s.diagnosis_date]
    if diagnosed:
        raw.append(("diagnosis", "", min(diagnosed), min(diagnosed)))
    for treatment in patient.treatments:
        start, end = treatment.start or treatment.end, treatment.end or treatment.start
        if start is not None and end is not None:
            raw.append((treatment.kind, treatment.site, start, end))
    events: list[TimedEvent] = []
    used: set[str] = set()
    for kind, site, start, end in sorted(raw, key=lambda item: (item[2], item[3], item[0], item[1])):
        start_age, end_age = age_at(patient, start), age_at(patient, end)
        if not math.isfinite(start_age):
            continue
        name = re.sub(r"\W+", "_", "_".join(word for word in (kind, site) if word)).strip("_").lower() or "event"
        unique, number = name, 2
        while unique in used:
            unique, number = f"{name}_{number}", number + 1
        used.add(unique)
        events.append(TimedEvent(unique, kind, site, start_age, end_age))
    return tuple(events)


def sites_synchronous(patient: Patient, *, limit: float) -> dict[str, bool | None]:
    """Map metastatic sites to whether each was found within `limit` days of the primary; None if a date is missing."""
    primary = _first_date(patient, patient.primary.name)
    found: dict[str, bool | None] = {}
    for site in patient.sites:
        if site.is_metastasis:
            date = _first_date(patient, site.name)
            days = (date - primary).days if primary is not None and date is not None else math.nan
            found[site.name] = is_synchronous(days, limit=limit)
    return found


def event_probabilities(seeding: FloatArray, events: Sequence[TimedEvent]) -> tuple[dict[str, float], dict[str, float]]:
    """P(seeding before the start of each event), and P(between start and end), from draws of the seeding age."""
    before = {event.name: float(np.mean(seeding < event.start_age)) for event in events}
    during = {
        event.name: float(np.mean((seeding >= event.start_age) & (seeding <= event.end_age)))
        for event in events
        if event.end_age > event.start_age
    }
    return before, during
