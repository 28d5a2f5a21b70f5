"""Reads behind the comparison of primary and metastases: the divergence test of every metastasis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.comparison.divergence_test import divergence_test
from phylometa.config import MIN_ALT_READS, SeedingSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.divergence import DivergenceTest
from phylometa.model.patient import CopyNumberAtLoci, Patient, Site
from phylometa.reads.lost_copies import lost_cells
from phylometa.seeding.presence_rules import CLONAL

__all__ = ["SiteReads", "cluster_power", "divergence_by_site"]


@dataclass(frozen=True, eq=False)
class SiteReads:
    """What the reads say about each mutation in each sample.

    Parameters
    ----------
    cluster : int64 array (n,)
        Cluster (= clone) of every mutation.
    alt_counts : int array (n, S)
    is_informative : bool array (n, S)
        Observed with at least one read.
    power : float64 array (n, S)
        P(at least 3 alternate reads | clonal in the sample); see `CcfTable.power` and `CcfTable.loss`.
    copy_number : CopyNumberAtLoci
    sample_site : int64 array (S,)
    purity : float64 array (S,)
    """

    cluster: IntArray
    alt_counts: IntArray
    is_informative: BoolArray
    power: FloatArray
    copy_number: CopyNumberAtLoci
    sample_site: IntArray
    purity: FloatArray

    @classmethod
    def from_patient(cls, patient: Patient, ccf: CcfTable, clusters: Clustering) -> SiteReads:
        """The evidence of a patient whose purities are known or estimated."""
        return cls(
            cluster=clusters.labels,
            alt_counts=patient.mutations.alt_counts.astype(np.int64),
            is_informative=patient.mutations.is_informative,
            power=ccf.power * (1.0 - ccf.loss),
            copy_number=patient.copy_number,
            sample_site=patient.sample_site,
            purity=patient.purity,
        )


def cluster_power(reads: SiteReads, n_clusters: int, n_sites: int) -> FloatArray:
    """P(at least one mutation of the cluster is seen in the site | it is clonal there), (K, n_sites).

    NaN for a cluster without mutations, and where the site has no reads at any of them.
    """
    missed = np.where(reads.is_informative, 1.0 - np.nan_to_num(reads.power, nan=0.0), 1.0)
    power = np.full((n_clusters, n_sites), np.nan)
    for t in range(n_sites):
        regions = np.flatnonzero(reads.sample_site == t)
        by_mutation = missed[:, regions].prod(axis=1)
        has_reads = reads.is_informative[:, regions].any(axis=1)
        for k in np.unique(reads.cluster[has_reads]).tolist():
            power[k, t] = 1.0 - by_mutation[has_reads & (reads.cluster == k)].prod()
    return power


def divergence_by_site(
    reads: SiteReads, states: IntArray, sites: Sequence[Site], *, primary: int, settings: SeedingSettings
) -> dict[str, DivergenceTest]:
    """Divergence test of every sampled metastasis (`phylometa.comparison.divergence_test.divergence_test`).

    Parameters
    ----------
    reads : SiteReads
    states : int array (K, n_sites)
        State of every cluster in every site; the test runs over the mutations clonal in the primary.
    sites : sequence of Site
    primary : int
    settings : SeedingSettings
        `divergence_alpha`, `divergence_min_private`, `min_clonal_power` and `min_purity`.

    Returns
    -------
    dict
        Metastasis -> DivergenceTest. The call is withheld (undetermined, with the reason) where a clonal mutation
        would be seen too rarely or the purity is too low.

    Notes
    -----
    pi_i is the product, over the regions of the metastasis with reads at i, of 1 - power; i is missing where each of
    them has fewer than 3 alternate reads. A region where a deletion or loss of heterozygosity may have removed the
    mutation counts as having no reads.
    """
    of_primary = np.flatnonzero(reads.sample_site == primary)
    everywhere = np.arange(len(reads.sample_site))
    usable: BoolArray = reads.is_informative & ~lost_cells(reads.copy_number, of_primary, everywhere)
    is_clonal = states[reads.cluster, primary] == CLONAL
    missing_here: BoolArray = reads.alt_counts < MIN_ALT_READS
    missed = 1.0 - np.nan_to_num(reads.power, nan=0.0)
    tests = {}
    for t, site in enumerate(sites):
        regions = np.flatnonzero(reads.sample_site == t)
        if not site.is_metastasis or not len(regions):
            continue
        evidence = usable[:, regions]
        rows = is_clonal & evidence.any(axis=1)
        missed_by_all: FloatArray = np.where(evidence, missed[:, regions], 1.0).prod(axis=1)
        pi = missed_by_all[rows]
        is_missing = np.asarray((missing_here[:, regions] | ~evidence).all(axis=1), dtype=bool)[rows]
        test = divergence_test(
            pi,
            is_missing,
            n_primary_regions=len(of_primary),
            alpha=settings.divergence_alpha,
            min_private=settings.divergence_min_private,
        )
        reason = _why_withheld(pi, reads.purity[regions], settings)
        tests[site.name] = replace(test, call="undetermined", reason=reason) if reason else test
    return tests


def _why_withheld(pi: FloatArray, purity: FloatArray, settings: SeedingSettings) -> str:
    """Why no early or late call is made from these reads; empty where one may be made."""
    power = 1.0 - pi.mean() if len(pi) else 0.0
    best = np.nanmax(purity) if np.isfinite(purity).any() else np.nan
    if power < settings.min_clonal_power:
        return f"withheld: a clonal mutation would be seen with probability {power:.2f} only"
    if best < settings.min_purity:
        return f"withheld: purity {best:.2f} is below {settings.min_purity:g}"
    return ""
