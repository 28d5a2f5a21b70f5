"""Mutations shared by or private to primary and metastasis, corrected for power, purity, callability and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.config import MIN_ALT_READS, TimingSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import CcfTable
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.lost_copies import lost_cells

__all__ = [
    "PrivateCounts",
    "cluster_prevalence",
    "count_private_mutations",
    "is_absent_in",
    "is_clonal_in",
    "missing_probability",
]


def cluster_prevalence(trees: TreeEnsemble) -> FloatArray:
    """Prevalence of every clone's mutations in every sample (K, S): posterior mean of the sum over its subtree."""
    prevalence = np.zeros(trees.proportions.shape[1:])
    for parents, weight, proportions in zip(trees.parents, trees.weights, trees.proportions):
        prevalence += weight * (ancestor_matrix(parents).astype(np.float64) @ proportions)
    total: FloatArray = prevalence / max(float(trees.weights.sum()), 1e-300)
    return total


def is_clonal_in(prevalence: FloatArray, threshold: float) -> BoolArray:
    """Clusters that count as clonal in a site (K,), from their prevalence in its samples (K, s; NaN = unknown).

    The mean over the samples reaches `threshold` and none lies below two thirds of it.
    """
    known = np.isfinite(prevalence)
    mean = np.where(known, prevalence, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    is_high = (mean >= threshold) & known.any(axis=1)
    return np.asarray(is_high & (~known | (prevalence >= threshold * 2 / 3)).all(axis=1), dtype=bool)


def is_absent_in(prevalence: FloatArray, threshold: float) -> BoolArray:
    """Clusters whose prevalence lies below `threshold` in every sample of a site where it is known (K,)."""
    known = np.isfinite(prevalence)
    return np.asarray(known.any(axis=1) & (~known | (prevalence < threshold)).all(axis=1), dtype=bool)


def missing_probability(
    ccf: CcfTable, samples: Sequence[int] | IntArray, *, lost: BoolArray | None = None
) -> FloatArray:
    """P(fewer than 3 alternate reads in every one of `samples` | clonal there), (n,).

    Samples without reads at a mutation, and cells of `lost` (n, len(samples)), say nothing; 1 where all say nothing.
    """
    power = np.nan_to_num(ccf.power[:, list(samples)], nan=0.0)
    if lost is not None:
        power = np.where(lost, 0.0, power)
    missed: FloatArray = np.prod(1 - power, axis=1)
    return missed


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
        P(missing in the metastasis | clonal) of every mutation surely clonal in the primary; whether it was missing.
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


def _copies_where_seen(mutations: MutationTable, ccf: CcfTable, samples: Sequence[int]) -> FloatArray:
    """Largest multiplicity over the samples that show the mutation (n,); 1 where none does."""
    seen = (mutations.alt_counts >= MIN_ALT_READS) & mutations.is_informative
    return np.asarray(np.where(seen, np.nan_to_num(ccf.multiplicity, nan=1.0), 1.0)[:, list(samples)].max(axis=1))


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

    A cluster is clonal in a site by `is_clonal_in`, absent if its prevalence stays below
    `settings.present_prevalence` in all of the site's samples, else subclonal; W_s asks for
    `settings.shared_prevalence` in some sample of both. `prevalence` is the clusters' own, from their reads: a tree's
    prevalences add up over descendants, wrongly placed ones included. A mutation of a cluster clonal in
    one site and absent from the other is private if the reads agree: fewer than 3 alternate reads where
    P(that | clonal) <= `settings.max_missing`. Without that power the cell is unknown and counts nowhere.

    Parameters
    ----------
    mutations, copy_number, ccf
        Arrays (n, S).
    labels : int64 array (n,)
        Cluster of every mutation.
    prevalence : float64 array (K, S)
        `Clustering.ccf`.
    primary, metastasis : sequences of int
        Samples of the two sites.
    purity : float64 array (S,)
    settings : TimingSettings

    Returns
    -------
    PrivateCounts
    """
    in_p, in_m = prevalence[:, list(primary)], prevalence[:, list(metastasis)]
    clonal_p, clonal_m = (is_clonal_in(x, settings.clonal_prevalence)[labels] for x in (in_p, in_m))
    absent_p, absent_m = (is_absent_in(x, settings.present_prevalence)[labels] for x in (in_p, in_m))
    shared = ~is_absent_in(in_p, settings.shared_prevalence) & ~is_absent_in(in_m, settings.shared_prevalence)
    detected_p, detected_m = _is_detected(mutations, primary), _is_detected(mutations, metastasis)
    copies_p, copies_m = _copies_where_seen(mutations, ccf, primary), _copies_where_seen(mutations, ccf, metastasis)
    cells_m = lost_cells(copy_number, primary, metastasis, copies_p)
    cells_p = lost_cells(copy_number, metastasis, primary, copies_m)
    lost_m, lost_p = cells_m.all(axis=1), cells_p.all(axis=1)
    pi_p, pi_m = missing_probability(ccf, primary), missing_probability(ccf, metastasis)
    power_p = float(np.mean(1 - pi_p)) if len(pi_p) else math.nan
    power_m = float(np.mean(1 - pi_m)) if len(pi_m) else math.nan
    # Cells that a loss explains are no evidence of absence, in whichever region they lie.
    pi_p = missing_probability(ccf, primary, lost=cells_p & clonal_m[:, None])
    pi_m = missing_probability(ccf, metastasis, lost=cells_m & clonal_p[:, None])
    callable_both = (pi_p <= settings.max_missing) & (pi_m <= settings.max_missing)

    private_p, private_m = clonal_p & absent_m & ~detected_m, clonal_m & absent_p & ~detected_p
    ratio = _mean_copies(copy_number, primary) / _mean_copies(copy_number, metastasis)
    in_test = is_clonal_in(in_p, settings.swept_prevalence)[labels] & ~lost_m
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
        W_s=int((shared[labels] & ~clonal_p & ~clonal_m).sum()),
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
