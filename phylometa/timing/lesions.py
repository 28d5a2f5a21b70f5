"""The lesions of a patient as evidence: sizes and dates from the tables, doubling times by organ and type."""

from __future__ import annotations

import datetime
import math

from phylometa.config import TimingSettings
from phylometa.model.patient import Patient, Site
from phylometa.reference.tables import ASSUMED_VARIATION, DoublingTime, doubling_time
from phylometa.timing.events import age_at
from phylometa.timing.growth_evidence import LesionEvidence, lognormal_of

__all__ = ["doubling_prior", "lesion_evidence", "untreated_sizes"]


def doubling_prior(patient: Patient, site: Site, settings: TimingSettings) -> DoublingTime | None:
    """Find the doubling time tabulated for a lesion of the site; the table's default row if its type is not there."""
    types = sorted({sample.cancer_type for sample in patient.samples if sample.cancer_type})
    for cancer_type in (types[0] if types else "", "default"):
        row = doubling_time(cancer_type, site.name, is_metastasis=site.is_metastasis, directory=settings.tables)
        if row is not None:
            return row
    return None


def untreated_sizes(patient: Patient, site: str) -> list[tuple[datetime.date, float]]:
    """Find the largest diameter (cm) at each date of a site, up to the first treatment that could change it.

    A treatment counts if it names the site, or if it names none and is no surgery.
    """
    starts = [
        t.start
        for t in patient.treatments
        if t.start and (t.site == site or not t.site and t.kind.lower() != "surgery")
    ]
    first = min(starts, default=datetime.date.max)
    largest: dict[datetime.date, float] = {}
    for lesion in patient.lesions:
        if lesion.site == site:
            largest[lesion.date] = max(lesion.diameter_cm, largest.get(lesion.date, 0.0))
    kept = {date: size for date, size in largest.items() if date <= first}
    if largest and not kept:
        date = min(largest)
        kept = {date: largest[date]}
    return sorted(kept.items())


def lesion_evidence(patient: Patient, settings: TimingSettings) -> tuple[tuple[LesionEvidence, ...], list[str]]:
    """Collect the evidence of every sampled or measured metastasis, and of a measured primary, with notes for the user.

    Measured sizes are those before treatment (`untreated_sizes`), else the size of the largest sample. A metastasis
    without a size was sampled all the same: it had the detectable diameter at least, and that of sampled metastases
    within the wide prior of the settings.

    Parameters
    ----------
    patient : Patient
    settings : TimingSettings

    Returns
    -------
    (tuple of LesionEvidence, list of str)
    """
    found, warnings = [], []
    for site in patient.sites:
        samples = [s for s in patient.samples if s.site == site.name and math.isfinite(s.age)]
        sizes = [(age_at(patient, date), size) for date, size in untreated_sizes(patient, site.name)]
        sizes = [(age, size) for age, size in sizes if math.isfinite(age)]
        measured = [(s.age, s.diameter_cm) for s in samples if math.isfinite(s.diameter_cm)]
        if not sizes and measured:
            sizes = [max(measured, key=lambda item: item[1])]
        if len(sizes) > 1 and sizes[-1][1] <= sizes[0][1]:
            warnings.append(f"{site.name}: the lesion did not grow between its measurements; only its last size counts")
            sizes = sizes[-1:]
        if not sizes and not (site.is_metastasis and samples):
            continue
        prior = doubling_prior(patient, site, settings)
        if prior is None:
            if sizes:
                warnings.append(f"{site.name}: its size says nothing, no doubling time is tabulated for such a lesion")
            continue
        if sizes and prior.is_default:
            warnings.append(f"{site.name}: no doubling time of this type is tabulated, a wide one of all types is used")
        median, sigma = lognormal_of(prior.days, prior.sd)
        last = sizes[-1][0] if sizes else min(s.age for s in samples)
        found.append(
            LesionEvidence(
                site=site.name,
                age=last,
                years_before=tuple(last - age for age, _ in sizes) or (0.0,),
                diameters_cm=tuple(size for _, size in sizes) or (settings.sampled_cm,),
                relative_sd=settings.diameter_error if sizes else settings.sampled_spread,
                doubling_median=median,
                doubling_sigma=sigma,
                capacity=settings.gompertz_capacity,
                dormancy_probability=settings.dormancy_probability if site.is_metastasis else 0.0,
                dormancy_years=settings.dormancy_years,
                least_cm=settings.detectable_cm,
                is_measured=bool(sizes),
                source=prior.source + (f" (spread assumed: {ASSUMED_VARIATION:.0%})" if prior.sd_is_assumed else ""),
            )
        )
    return tuple(found), warnings
