"""The ends of a clone tree on the time axis: deadlines, clones still to come, and leaves that may be no single lineage.

Clone trees end where the last clone was founded, not at sampling; taking their tips as sampled cells makes every date
too late.
"""

from __future__ import annotations

import numpy as np

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import preorder
from phylometa.model.clusters import CcfTable
from phylometa.model.patient import MutationTable
from phylometa.timing.molecular import HistoryNodes

__all__ = ["clone_deadlines", "clone_heights", "last_ages", "tail_like_clones", "tail_window"]

# Prevalences of a tail's mutations that are counted: those above are clones; loci over which the window is averaged.
_TAIL_PREVALENCE = np.geomspace(0.004, 0.4, 120)
_WINDOW_LOCI = 500


def clone_heights(parents: IntArray) -> IntArray:
    """Count the edges on the longest chain below every clone (K,)."""
    height = np.zeros(len(parents), dtype=np.int64)
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            height[parents[v]] = max(height[parents[v]], height[v] + 1)
    return height


def clone_deadlines(parents: IntArray, last_age: FloatArray) -> FloatArray:
    """Find the latest age at which every clone may have been founded: when it or a descendant was last sampled.

    Parameters
    ----------
    parents : int64 array (K,)
    last_age : float64 array (K,)
        Age at the last sampling of a site that holds the clone; NaN if it was not observed.

    Returns
    -------
    float64 array (K,); NaN if neither the clone nor a descendant was observed at a known age
    """
    deadline = np.where(np.isnan(last_age), np.inf, last_age)
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            deadline[parents[v]] = min(deadline[parents[v]], deadline[v])
    return np.where(np.isinf(deadline), np.nan, deadline)


def tail_like_clones(nodes: HistoryNodes, proportions: FloatArray, limit: float, share: float = 0.0) -> BoolArray:
    """Find clones that may be several lineages (K,): their number of mutations is then no branch length.

    Leaves seen in one sample only, and there at a prevalence below `limit` (a neutral tail of many small lineages), or
    so rare that a second clone of that prevalence would find room beside it: a clone there, its parent or any other,
    has as many cells of its own left. No clustering tells the mutations of two such clones apart. What finds no room
    twice is one lineage (pigeonhole principle).

    Parameters
    ----------
    nodes : HistoryNodes
    proportions : float64 array (K, S)
    limit : float
    share : float
        Most that the clone may make up of itself and the cells that the other has left; 1/2 = as many.
    """
    own = proportions / np.maximum(proportions.sum(axis=0, keepdims=True), 1e-12)
    prevalence = nodes.ancestors @ own
    is_leaf = nodes.ancestors.sum(axis=1) == 1
    seen, most = (prevalence > 0.02).sum(axis=1), prevalence.max(axis=1)
    others = own[:, prevalence.argmax(axis=1)]  # (K, K): cells of each clone where the clone of the column is seen most
    np.fill_diagonal(others, 0.0)
    found = is_leaf & (seen <= 1) & ((most < limit) | (most <= share * (most + others.max(axis=0))))
    has_others = (~found & (nodes.parents >= 0)).any()
    return np.asarray(found if has_others else np.zeros(len(found)), dtype=bool)


def tail_window(mutations: MutationTable, ccf: CcfTable, sample: int, lowest: float = 0.0) -> float:
    """Compute the integral of P(called | prevalence F) / F^2 over a tail's prevalences, in one sample.

    Called is what has 3 alternate reads or more, and an allele frequency of at least `lowest`. The integral is 1 / F1 -
    1 / F2 if all mutations between F1 and F2 are called, and no other.
    """
    from scipy.stats import binom

    rows = np.unique(np.linspace(0, mutations.n_mutations - 1, _WINDOW_LOCI).astype(np.int64))
    depth = np.where(mutations.is_informative, mutations.depth, 0)[rows, sample]
    vaf = np.nan_to_num(ccf.vaf_per_ccf[rows, sample], nan=0.0)
    least = np.maximum(np.ceil(depth * lowest - 1e-9), MIN_ALT_READS)[:, None]
    power = binom.sf(least - 1, depth[:, None], np.clip(vaf[:, None] * _TAIL_PREVALENCE, 0, 1)).mean(axis=0)
    density = power / _TAIL_PREVALENCE**2
    return float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(_TAIL_PREVALENCE)))


def last_ages(presence: BoolArray, site_age: FloatArray) -> FloatArray:
    """Find the age at the last sampling of a site that holds each clone (K,); NaN if none is dated."""
    ages = np.where(presence & np.isfinite(site_age)[None, :], site_age[None, :], -np.inf).max(axis=1)
    return np.where(np.isfinite(ages), ages, np.nan)
