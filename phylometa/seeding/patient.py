"""Labels of a patient whose clones, trees and histories have been inferred."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from phylometa.config import Settings
from phylometa.data import Patient
from phylometa.errors import InfeasibleError
from phylometa.seeding.classify import classify_seeding
from phylometa.seeding.evolution import DriverHit, driver_hits
from phylometa.seeding.reads import SiteReads
from phylometa.seeding.result import SeedingLabels
from phylometa.trees import PatientResult

__all__ = ["classify_patient", "days_from_primary"]


def classify_patient(
    result: PatientResult, *, settings: Settings | None = None, copy_number_hits: Iterable[DriverHit] = ()
) -> SeedingLabels:
    """Seeding labels of a result that has trees and histories, with everything else the patient's data allow.

    Parameters
    ----------
    result : PatientResult
        With `trees` and `histories`; `clusters` and `ccf` add the divergence test and parallel evolution, dates of
        diagnosis add synchronous / metachronous.
    settings : Settings, optional
        Default: those of the result.
    copy_number_hits : iterable of DriverHit
        Copy-number events of driver genes, by clone.

    Returns
    -------
    SeedingLabels

    Raises
    ------
    InfeasibleError
        Where there are no histories to classify.
    """
    if result.trees is None or result.histories is None:
        raise InfeasibleError("seeding labels need clone trees and migration histories")
    patient = result.patient
    reads = hits = None
    if result.clusters is not None:
        if result.ccf is not None:
            reads = SiteReads.from_patient(patient, result.ccf, result.clusters)
        if any(patient.mutations.genes) or copy_number_hits:
            hits = driver_hits(
                patient.mutations, result.clusters, drivers=patient.drivers, copy_number_hits=copy_number_hits
            )
    return classify_seeding(
        result.trees,
        result.histories,
        patient.sites,
        primary=patient.site_names.index(patient.primary.name),
        settings=settings or result.settings,
        hits=hits,
        days_from_primary_diagnosis=days_from_primary(patient),
        reads=reads,
    )


def days_from_primary(patient: Patient) -> dict[str, float] | None:
    """Days from the diagnosis of the primary to that of each other site; None without dates.

    The earliest date of a site's samples counts: diagnosis dates where the primary and the site have them, else dates
    of collection.
    """

    def earliest(site: str, kind: str) -> datetime.date | None:
        dates = [getattr(sample, kind) for sample in patient.samples if sample.site == site]
        return min((date for date in dates if date is not None), default=None)

    days = {}
    for site in patient.site_names:
        for kind in ("diagnosis_date", "collection_date"):
            of_primary, of_site = earliest(patient.primary.name, kind), earliest(site, kind)
            if site != patient.primary.name and of_primary is not None and of_site is not None:
                days[site] = float((of_site - of_primary).days)
                break
    return days or None
