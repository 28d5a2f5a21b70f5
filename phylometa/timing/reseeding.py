"""Did a metastasis reseed an irradiated site? The observations gathered from the data, and their grade."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from phylometa.comparison.clonality import clusters_absent_in, clusters_clonal_in
from phylometa.comparison.evidence import missing_probability
from phylometa.config import ComparisonSettings
from phylometa.model.arrays import BoolArray
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Patient, Treatment
from phylometa.model.timing import ReseedingRow
from phylometa.timing.treatment import (
    grade_reseeding_evidence,
    is_radiation_scar_deletion,
    is_radiotherapy,
    radiation_scar_excess,
)

__all__ = ["irradiated_recurrences"]

# p-value of an excess of 5-15 bp deletions, and deletions expected elsewhere without which none is judged.
SCAR_ALPHA = 0.01
SCAR_MIN_EXPECTED = 5.0


def _samples_after(patient: Patient, site: str, treatment: Treatment) -> list[int]:
    """Samples of a site taken after the irradiation began."""
    return [
        s
        for s, sample in enumerate(patient.samples)
        if sample.site == site
        and sample.collection_date is not None
        and treatment.start is not None
        and sample.collection_date > treatment.start
    ]


def _has_scar(patient: Patient, own: BoolArray, other: BoolArray) -> bool | None:
    """Whether `own` mutations hold an excess of 5-15 bp deletions against `other`; None if it cannot be judged."""
    scar = np.array(
        [is_radiation_scar_deletion(ref, alt) for ref, alt in zip(patient.mutations.refs, patient.mutations.alts)],
        dtype=bool,
    )
    if not own.sum() or not other.sum():
        return None
    background = (scar[other].sum() + 0.5) / (other.sum() + 1.0)
    p = radiation_scar_excess(int(scar[own].sum()), int(own.sum()), background_share=float(background))
    if p < SCAR_ALPHA:
        return True
    # Absence is claimed only if a fourfold excess would have shown.
    return False if 4 * background * own.sum() >= SCAR_MIN_EXPECTED else None


def irradiated_recurrences(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    histories: HistoryEnsemble,
    *,
    settings: ComparisonSettings,
) -> tuple[ReseedingRow, ...]:
    """Give one row per irradiated site that was sampled after irradiation, with the grade of the evidence.

    The recurrence is what was sampled in the irradiated primary or bed after the start of radiotherapy; the
    pre-treatment primary is what was sampled of the primary before it.

    Parameters
    ----------
    patient, ccf, clusters
    histories : HistoryEnsemble
    settings : ComparisonSettings

    Returns
    -------
    tuple of ReseedingRow
    """
    rows = []
    local = {site.name for site in patient.sites if site.site_class in ("primary", "bed")}
    for treatment in patient.treatments:
        if not is_radiotherapy(treatment.kind) or treatment.start is None:
            continue
        # A field over the primary covers its bed; a field over a metastasis has no recurrence of the primary in it.
        for name in sorted(local) if treatment.site in local or not treatment.site else ():
            after = _samples_after(patient, name, treatment)
            if after:
                parts = (patient, ccf, clusters, histories)
                rows.append(_recurrence(*parts, treatment, name, after, settings=settings))
    return tuple(rows)


def _recurrence(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    histories: HistoryEnsemble,
    treatment: Treatment,
    site: str,
    after: Sequence[int],
    *,
    settings: ComparisonSettings,
) -> ReseedingRow:
    target = patient.site_names.index(site)
    metastases = [t for t, s in enumerate(patient.sites) if s.is_metastasis]
    before = [
        s
        for s, sample in enumerate(patient.samples)
        if sample.site == patient.primary.name
        and sample.collection_date is not None
        and treatment.start is not None
        and sample.collection_date <= treatment.start
    ]
    elsewhere = [s for s in range(len(patient.samples)) if patient.sample_site[s] in metastases]
    clonal_here = clusters_clonal_in(clusters, after, settings=settings)
    absent_before = clusters_absent_in(clusters, before, settings=settings)
    is_private = np.zeros(clusters.n_clusters, dtype=bool)
    power = math.nan
    if before and elsewhere:
        is_private = clonal_here & absent_before & ~clusters_absent_in(clusters, elsewhere, settings=settings)
        if is_private[clusters.labels].any():
            power = float((1 - missing_probability(ccf, before)[is_private[clusters.labels]]).mean())
    returns = 0.0
    for _, history in histories:
        if any(int(t) == target and int(s) in metastases for _, s, _, t in history.migrations):
            returns += history.weight
    exome = {sample.assay for sample in patient.samples} & {"wes", "panel"}
    is_new = absent_before & ~clusters_absent_in(clusters, after, settings=settings)
    new_here, shared = np.asarray(is_new)[clusters.labels], is_private[clusters.labels]
    can_judge = bool(before) and not exome
    evidence = grade_reseeding_evidence(
        has_metastasis_private_clonal=bool(is_private.any()) if before and elsewhere else None,
        primary_power=power,
        recurrence_in_field=None if not treatment.site else True,
        share_of_histories_with_return=min(returns, 1.0) if returns < 1 - 1e-9 else 1.0,
        recurrence_has_scar=_has_scar(patient, new_here, ~new_here) if can_judge else None,
        out_of_field_shares_scar=_has_scar(patient, shared, ~shared) if can_judge else None,
        dates_in_order=True,
        exome_only=bool(exome),
    )
    return ReseedingRow(
        site=site,
        treatment=f"{treatment.kind} {treatment.site}".strip(),
        grade=evidence.grade,
        observations=evidence.observations,
        probability_of_return=min(returns, 1.0),
    )
