"""Primary against every metastasis, once per patient: labels, timing and report read this one result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.comparison.clonality import states_from_reads
from phylometa.comparison.divergence_test import divergence_test
from phylometa.comparison.evidence import ReadEvidence
from phylometa.comparison.private_counts import count_private_mutations
from phylometa.comparison.statistics import call_jsi, is_near_jsi_threshold
from phylometa.config import CcfSettings, ComparisonSettings
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.comparison import Comparison, SiteComparison
from phylometa.model.patient import Patient

__all__ = ["compare_with_primary"]

_NOTHING_PRIVATE = "no private mutation on either side, so primary and metastasis cannot be ordered in time"


def compare_with_primary(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    *,
    primary: int | None = None,
    settings: ComparisonSettings | None = None,
    error_rate: float = CcfSettings().error_rate,
) -> Comparison:
    """Compare the primary with every metastasis: states of the clusters, counts, divergence test, clonality by JSI.

    Parameters
    ----------
    patient : Patient
        With purities filled in.
    ccf : CcfTable
    clusters : Clustering
    primary : int, optional
        Index of the primary among the sites; default the patient's.
    settings : ComparisonSettings, optional
    error_rate : float
        Sequencing error (`CcfSettings.error_rate`) of cells without one of their own.

    Returns
    -------
    Comparison
        Without metastases if the primary was not sampled.
    """
    settings = settings or ComparisonSettings()
    if primary is None:
        primary = patient.site_names.index(patient.primary.name)
    evidence = ReadEvidence.from_patient(patient, ccf, clusters, settings=settings, error_rate=error_rate)
    states, power = states_from_reads(clusters, evidence, len(patient.sites), settings=settings)
    n_regions = 0 if patient.sites[primary].is_virtual else len(evidence.regions(primary))
    found, warnings = [], []
    for t, site in enumerate(patient.sites):
        if not n_regions or not site.is_metastasis or not len(evidence.regions(t)):
            continue
        counts, pi, is_missing = count_private_mutations(evidence, states, primary=primary, site=t, settings=settings)
        test = divergence_test(pi, is_missing, n_primary_regions=n_regions, settings=settings)
        if counts.withheld:
            test = replace(test, call="undetermined", reason=f"withheld: {counts.withheld}")
        elif test.call == "late" and counts.L_p + counts.L_m == 0:
            test = replace(test, call="undetermined", reason=_NOTHING_PRIVATE)
        call = "undefined" if counts.withheld else call_jsi(counts.jsi, settings=settings)
        found.append(SiteComparison(site.name, counts, test, call))
        if call != "undefined" and is_near_jsi_threshold(counts.jsi, settings=settings):
            near = f"JSI {counts.jsi:.2f} lies close to the threshold {settings.jsi_threshold:g}"
            warnings.append(f"site {site.name}: {near}, so that the call is not robust")
        if counts.n_unread_m:
            samples = ", ".join(patient.mutations.sample_names[s] for s in evidence.regions(t))
            warnings.append(
                f"site {site.name}: {counts.n_unread_m} of {len(pi)} mutations clonal in the primary have no reads in "
                f"{samples}, so that they may be absent or not; count the reads there (`phylometa genotype`), as a "
                "list of calls leaves out what was not called"
            )
    return Comparison(
        primary=patient.site_names[primary],
        site_names=tuple(patient.site_names),
        cluster_names=clusters.names,
        states=np.asarray(states, dtype=np.int64),
        power=power,
        n_primary_regions=n_regions,
        metastases=tuple(found),
        settings=settings,
        warnings=tuple(warnings),
    )
