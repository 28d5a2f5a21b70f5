"""Mutations shared by or private to primary and metastasis, corrected for power, purity, callability and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.config import MIN_ALT_READS, TimingSettings
from phylometa.data import BoolArray, CcfTable, CopyNumberAtLoci, FloatArray, IntArray, MutationTable
from phylometa.trees import TreeEnsemble, ancestor_matrix

__all__ = [
    "PrivateCounts",
    "cluster_prevalence",
    "count_private_mutations",
    "is_removed_by_loss",
    "missing_probability",
]


def cluster_prevalence(trees: TreeEnsemble) -> FloatArray:
    """Prevalence of every clone's mutations in every sample (K, S): posterior mean of the sum over its subtree."""
    prevalence = np.zeros(trees.proportions.shape[1:])
    for parents, weight, proportions in zip(trees.parents, trees.weights, trees.proportions):
        prevalence += weight * (ancestor_matrix(parents).astype(np.float64) @ proportions)
    total: FloatArray = prevalence / max(float(trees.weights.sum()), 1e-300)
    return total


def missing_probability(ccf: CcfTable, samples: Sequence[int] | IntArray) -> FloatArray:
    """P(fewer than 3 alternate reads in every one of `samples` | clonal there), (n,); 1 where nothing was observed."""
    power = np.nan_to_num(ccf.power[:, list(samples)], nan=0.0)
    missed: FloatArray = np.prod(1 - power, axis=1)
    return missed


def is_removed_by_loss(
    copy_number: CopyNumberAtLoci, kept: Sequence[int], lost: Sequence[int], multiplicity: FloatArray
) -> BoolArray:
    """Mutations that a deletion or LOH in the `lost` samples may have removed, the `kept` samples having the copies.

    True where an allele is gone in a `lost` sample that every `kept` sample has, or where copies were lost and the
    mutation stood on fewer copies than were lost at most; where copy number is unknown, False.

    Parameters
    ----------
    copy_number : CopyNumberAtLoci
    kept, lost : sequences of int
        Samples that carry the mutation, samples that lack it.
    multiplicity : float64 array (n,)
        Mutated copies in the samples that carry it.

    Returns
    -------
    bool array (n,)
    """
    minor, major = np.asarray(copy_number.minor, dtype=np.float64), np.asarray(copy_number.major, dtype=np.float64)
    removed = np.zeros(len(minor), dtype=bool)
    if not len(kept) or not len(lost):
        return removed
    least_minor, least_major = minor[:, list(kept)].min(axis=1), major[:, list(kept)].min(axis=1)
    for s in lost:
        gone = ((minor[:, s] < 0.5) & (least_minor > 0.5)) | ((major[:, s] < 0.5) & (least_major > 0.5))
        copies_lost = np.maximum(least_major - major[:, s], least_minor - minor[:, s])
        removed = removed | gone | ((copies_lost > 0.5) & (np.round(multiplicity) <= np.round(copies_lost)))
    return removed


@dataclass(frozen=True, eq=False)
class PrivateCounts:
    """Counts of one primary-metastasis pair, over loci where both could show a clonal mutation.

    Parameters
    ----------
    S, L_p, L_m, W_s : int
        Clonal in both; clonal and private to the primary, to the metastasis; subclonal in both.
    n_unknown_m, n_unknown_p : int
        Clonal in one, undetected in the other without the power to call it absent: in neither count.
    n_lost : int
        Private ones left out because a deletion or LOH may have removed them from the other.
    power_p, power_m : float
        Mean P(detection | clonal) in the primary, in the metastasis.
    exposure_ratio : float
        E_p / E_m: jointly callable loci are common, so it is the ratio of mean copies a cell.
    primary_clonal, missing : arrays (n_c,)
        P(missing in the metastasis | clonal) of every primary-clonal mutation, and whether it was missing.
    withheld : str
        Why the private counts must not be used; empty where they may.
    """

    S: int
    L_p: int
    L_m: int
    W_s: int
    n_unknown_m: int
    n_unknown_p: int
    n_lost: int
    power_p: float
    power_m: float
    exposure_ratio: float
    primary_clonal: FloatArray
    missing: BoolArray
    withheld: str = ""


def _is_detected(mutations: MutationTable, samples: Sequence[int]) -> BoolArray:
    alt = np.where(mutations.is_informative, mutations.alt_counts, 0)[:, list(samples)]
    return np.asarray((alt >= MIN_ALT_READS).any(axis=1), dtype=bool)


def _mean_copies(copy_number: CopyNumberAtLoci, samples: Sequence[int]) -> float:
    total = np.asarray(copy_number.total, dtype=np.float64)[:, list(samples)]
    return float(np.nanmean(total)) if np.isfinite(total).any() else math.nan


def count_private_mutations(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    ccf: CcfTable,
    labels: IntArray,
    prevalence: FloatArray,
    primary: Sequence[int],
    metastasis: Sequence[int],
    purity: FloatArray,
    *,
    settings: TimingSettings,
) -> PrivateCounts:
    """Private and shared counts of a primary and a metastasis.

    A cluster is clonal in a site if its prevalence reaches `settings.clonal_prevalence` in all of the site's samples,
    absent if it stays below `settings.present_prevalence` in all, else subclonal. A mutation of a cluster clonal in
    one site and absent from the other is private if the reads agree: fewer than 3 alternate reads where
    P(that | clonal) <= `settings.max_missing`. Without that power the cell is unknown and counts nowhere.

    Parameters
    ----------
    mutations, copy_number, ccf
        Arrays (n, S).
    labels : int64 array (n,)
        Cluster of every mutation.
    prevalence : float64 array (K, S)
    primary, metastasis : sequences of int
        Samples of the two sites.
    purity : float64 array (S,)
    settings : TimingSettings

    Returns
    -------
    PrivateCounts
    """
    low, high = settings.present_prevalence, settings.clonal_prevalence
    in_p, in_m = prevalence[:, list(primary)], prevalence[:, list(metastasis)]
    clonal_p, clonal_m = (np.asarray((x >= high).all(axis=1))[labels] for x in (in_p, in_m))
    absent_p, absent_m = (np.asarray((x < low).all(axis=1))[labels] for x in (in_p, in_m))
    detected_p, detected_m = _is_detected(mutations, primary), _is_detected(mutations, metastasis)
    pi_p, pi_m = missing_probability(ccf, primary), missing_probability(ccf, metastasis)
    callable_both = (pi_p <= settings.max_missing) & (pi_m <= settings.max_missing)

    copies_p = np.nan_to_num(np.nanmax(np.nan_to_num(ccf.multiplicity[:, list(primary)], nan=1.0), axis=1), nan=1.0)
    copies_m = np.nan_to_num(np.nanmax(np.nan_to_num(ccf.multiplicity[:, list(metastasis)], nan=1.0), axis=1), nan=1.0)
    lost_m = is_removed_by_loss(copy_number, primary, metastasis, copies_p)
    lost_p = is_removed_by_loss(copy_number, metastasis, primary, copies_m)

    private_p, private_m = clonal_p & absent_m & ~detected_m, clonal_m & absent_p & ~detected_p
    power_p = float(np.mean(1 - pi_p)) if len(pi_p) else math.nan
    power_m = float(np.mean(1 - pi_m)) if len(pi_m) else math.nan
    ratio = _mean_copies(copy_number, primary) / _mean_copies(copy_number, metastasis)
    in_test = clonal_p & ~lost_m
    reasons = []
    for name, power, samples in (("primary", power_p, primary), ("metastasis", power_m, metastasis)):
        if power < settings.min_power:
            reasons.append(f"clonal detection power of the {name} is {power:.2f}, below {settings.min_power:g}")
        best = float(np.nanmax(np.append(purity[list(samples)], -np.inf)))
        if math.isfinite(best) and best < settings.min_purity:
            reasons.append(f"purity of the {name} is {best:.2f}, below {settings.min_purity:g}")
    return PrivateCounts(
        S=int((clonal_p & clonal_m & callable_both).sum()),
        L_p=int((private_p & callable_both & ~lost_m).sum()),
        L_m=int((private_m & callable_both & ~lost_p).sum()),
        W_s=int((~clonal_p & ~absent_p & ~clonal_m & ~absent_m).sum()),
        n_unknown_m=int((private_p & ~callable_both & ~lost_m).sum()),
        n_unknown_p=int((private_m & ~callable_both & ~lost_p).sum()),
        n_lost=int((private_p & lost_m).sum() + (private_m & lost_p).sum()),
        power_p=power_p,
        power_m=power_m,
        exposure_ratio=ratio if math.isfinite(ratio) and ratio > 0 else 1.0,
        primary_clonal=pi_m[in_test],
        missing=~detected_m[in_test],
        withheld="; ".join(reasons),
    )
