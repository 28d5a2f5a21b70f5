"""What the reads say of every mutation in every sample, as the comparison of sites needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.config import MIN_ALT_READS, ComparisonSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import Patient

__all__ = ["ReadEvidence", "missing_probability", "reference_prevalence"]


@dataclass(frozen=True, eq=False)
class ReadEvidence:
    """What the reads say; n mutations, S samples.

    Parameters
    ----------
    cluster : int64 array (n,)
        Cluster of every mutation.
    is_detected : bool array (n, S)
        The reads show the mutation: at least 3 alternate reads, and more than sequencing errors explain.
    is_read : bool array (n, S)
        Reads were counted there; not so if a list of calls leaves the mutation out.
    speaks : bool array (n, S)
        The reads tell of the mutation: it was observed, and its copy was probably not lost.
    is_lost : bool array (n, S)
        Not detected, and a deletion or loss of heterozygosity may have removed the mutated copy (`CcfTable.loss`).
    is_short : bool array (n, S)
        The reads tell of the mutation, but fewer show it than a clonal mutation lets expect.
    missed : float64 array (n, S)
        P(fewer than 3 alternate reads | clonal in the sample); 1 if the reads do not tell.
    sample_site : int64 array (S,)
    purity : float64 array (S,)
        NaN if unknown.
    copies : float64 array (S,)
        Mean copies per tumour cell at the loci; NaN if unknown.
    """

    cluster: IntArray
    is_detected: BoolArray
    is_read: BoolArray
    speaks: BoolArray
    is_lost: BoolArray
    is_short: BoolArray
    missed: FloatArray
    sample_site: IntArray
    purity: FloatArray
    copies: FloatArray

    def __post_init__(self) -> None:
        freeze_array(self, "cluster", np.int64, (None,))
        shape = (len(self.cluster), len(self.sample_site))
        for name in ("is_detected", "is_read", "speaks", "is_lost", "is_short"):
            freeze_array(self, name, np.bool_, shape)
        freeze_array(self, "missed", np.float64, shape)
        freeze_array(self, "sample_site", np.int64, (None,))
        for name in ("purity", "copies"):
            freeze_array(self, name, np.float64, shape[1:])

    @classmethod
    def from_patient(
        cls, patient: Patient, ccf: CcfTable, clusters: Clustering, *, settings: ComparisonSettings, error_rate: float
    ) -> ReadEvidence:
        """Gather the evidence of a patient whose purities are known or estimated.

        A mutation is short of reads in a sample if so few or fewer alternate reads come from a mutation at
        `settings.perhaps_clonal_prevalence` (of `reference_prevalence`) with a probability below
        `settings.contradiction`. `error_rate` is the sequencing error of cells without one of their own.
        """
        from scipy.special import bdtr, bdtrc

        mutations = patient.mutations
        is_read = mutations.is_informative
        alt, depth = np.where(is_read, mutations.alt_counts, 0), np.where(is_read, mutations.depth, 0)
        error = np.full(alt.shape, error_rate)
        if mutations.error_rate is not None:
            error = np.where(np.isfinite(mutations.error_rate), mutations.error_rate, error)
        by_error = np.where(alt > 0, bdtrc(np.maximum(alt - 1, 0), np.maximum(depth, 1), error), 1.0)
        is_detected = (alt >= MIN_ALT_READS) & (by_error < settings.contradiction)
        loss = np.nan_to_num(ccf.loss)
        is_lost = is_read & ~is_detected & (loss > settings.max_missing)
        speaks = is_read & ~is_lost
        least = np.nan_to_num(ccf.vaf_per_ccf) * settings.perhaps_clonal_prevalence
        least = least * reference_prevalence(clusters, settings=settings)
        vaf = np.clip(least * (1.0 - 2.0 * error) + error, 0.0, 1.0)
        few = bdtr(np.minimum(alt, depth), depth, vaf) < settings.contradiction
        few &= ~np.asarray(mutations.censored)  # callers leave out some true mutations however many reads they have
        total = np.asarray(patient.copy_number.total, dtype=np.float64)
        known = np.isfinite(total)
        copies = np.where(known, total, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        return cls(
            cluster=clusters.labels,
            is_detected=is_detected,
            is_read=np.asarray(is_read & ~np.asarray(mutations.censored)),
            speaks=speaks,
            is_lost=is_lost,
            is_short=np.asarray(few & speaks),
            missed=np.where(speaks, 1.0 - np.nan_to_num(ccf.power) * (1.0 - loss), 1.0),
            sample_site=patient.sample_site,
            purity=patient.purity,
            copies=copies,
        )

    def regions(self, site: int) -> IntArray:
        """List the samples of a site."""
        return np.flatnonzero(self.sample_site == site)

    def missed_in(self, samples: Sequence[int] | IntArray) -> FloatArray:
        """Compute P(no sample of `samples` shows the mutation | clonal there), (n,); 1 if none of them tells."""
        return np.asarray(self.missed[:, np.asarray(samples, dtype=np.int64)].prod(axis=1))


def reference_prevalence(clusters: Clustering, *, settings: ComparisonSettings) -> FloatArray:
    """Find the prevalence that clusters in every tumour cell seem to have in each sample (S,).

    Some mutations are in every tumour cell. If purity is overstated, they all seem to lie below 1 by the same factor:
    the greatest prevalence that a cluster surely has (the lower end of its 95 % interval), from `least_reference` to 1.
    """
    return np.asarray(np.clip(clusters.ccf_lo.max(axis=0), settings.least_reference, 1.0))


def missing_probability(ccf: CcfTable, samples: Sequence[int] | IntArray) -> FloatArray:
    """Compute P(fewer than 3 alternate reads in each of `samples` | clonal there), (n,); no reads say nothing."""
    power = np.nan_to_num(ccf.power[:, list(samples)], nan=0.0)
    return np.asarray(np.prod(1 - power, axis=1))
