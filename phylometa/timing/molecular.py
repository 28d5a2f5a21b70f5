"""Molecular time: clock mutations of every clone with their uncertainty, and the two nodes of every migration.

Unit: expected clock mutations since the germline. A clone's edge with n mutations is Gamma (Poisson counts, Jeffreys
prior); the assignment of mutations to clones is drawn anew; trees and histories are drawn by their weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.detection import detection_power

__all__ = [
    "CloneClock",
    "HistoryNodes",
    "allocate_draws",
    "assignment_counts",
    "clone_clock",
    "clone_detection",
    "draw_lengths",
    "history_nodes",
]

# Loci over which a clone's chance of detection is averaged.
_POWER_LOCI = 2000
# A clone's count is never scaled up more than by the inverse of this.
_MIN_DETECTION = 0.2
# Redraws of the assignment of mutations to clusters.
_REPLICATES = 100


def clone_detection(mutations: MutationTable, ccf: CcfTable, prevalence: FloatArray) -> FloatArray:
    """Compute P(a clone's mutation shows 3 alternate reads in some sample), mean over loci (K,).

    Parameters
    ----------
    mutations : MutationTable
    ccf : CcfTable
        Its `vaf_per_ccf` gives the expected VAF.
    prevalence : float64 array (K, S)
        Prevalence of each clone's mutations.

    Returns
    -------
    float64 array (K,); 1 without loci
    """
    if not mutations.n_mutations:
        return np.ones(len(prevalence))
    rows = np.unique(np.linspace(0, mutations.n_mutations - 1, _POWER_LOCI).astype(np.int64))
    depth = np.where(mutations.is_informative, mutations.depth, 0)[rows]
    vaf = np.nan_to_num(ccf.vaf_per_ccf[rows], nan=0.0)
    found = np.empty(len(prevalence))
    for k, phi in enumerate(prevalence):
        missed = 1 - detection_power(depth, np.clip(vaf * np.clip(phi, 0, 1), 0, 1))
        found[k] = 1 - np.prod(missed, axis=1).mean()
    return found


def assignment_counts(
    mutations: MutationTable,
    ccf: CcfTable,
    clusters: Clustering,
    is_clock: BoolArray,
    *,
    replicates: int,
    rng: np.random.Generator,
) -> IntArray:
    """Count the clock mutations of every cluster under redrawn assignments (replicates, K).

    A mutation keeps its cluster with its posterior probability; otherwise it moves to another cluster in proportion
    to that cluster's size and the likelihood of its reads at the cluster's prevalences.

    Parameters
    ----------
    mutations, ccf, clusters
    is_clock : bool array (n,)
    replicates : int
    rng : numpy.random.Generator

    Returns
    -------
    int64 array (replicates, K)
    """
    labels = clusters.labels
    certain = np.bincount(labels[is_clock], minlength=clusters.n_clusters)
    counts = np.tile(certain, (replicates, 1))
    doubtful = np.flatnonzero(is_clock & (clusters.probability < 0.999))
    if not len(doubtful) or clusters.n_clusters < 2:
        return counts
    alt = np.where(mutations.is_informative, mutations.alt_counts, 0)[doubtful].astype(np.float64)
    depth = np.where(mutations.is_informative, mutations.depth, 0)[doubtful].astype(np.float64)
    vaf = np.nan_to_num(ccf.vaf_per_ccf[doubtful], nan=0.0)
    log_weight = np.empty((len(doubtful), clusters.n_clusters))
    for k in range(clusters.n_clusters):
        p = np.clip(vaf * clusters.ccf[k], 1e-3, 1 - 1e-3)
        log_weight[:, k] = (alt * np.log(p) + (depth - alt) * np.log1p(-p)).sum(axis=1)
    log_weight += np.log(np.maximum(clusters.sizes, 1))
    rows = np.arange(len(doubtful))
    log_weight[rows, labels[doubtful]] = -np.inf
    other = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    other /= other.sum(axis=1, keepdims=True)
    cumulative = np.cumsum(other, axis=1)
    for r in range(replicates):
        moved = rng.random(len(doubtful)) >= clusters.probability[doubtful]
        target = (cumulative < rng.random((len(doubtful), 1))).sum(axis=1).clip(max=clusters.n_clusters - 1)
        counts[r] -= np.bincount(labels[doubtful[moved]], minlength=clusters.n_clusters)
        counts[r] += np.bincount(target[moved], minlength=clusters.n_clusters)
    return counts


@dataclass(frozen=True, eq=False)
class CloneClock:
    """Clock mutations of the clones.

    Parameters
    ----------
    counts : int64 array (R, K)
        Redrawn assignments; the first row is the given one.
    detection : float64 array (K,)
        P(a mutation of the clone is seen), at least 0.2.
    """

    counts: IntArray
    detection: FloatArray


def clone_clock(
    mutations: MutationTable,
    ccf: CcfTable,
    clusters: Clustering,
    n_clones: int,
    prevalence: FloatArray,
    is_clock: BoolArray,
    *,
    rng: np.random.Generator,
) -> CloneClock:
    """Count the clock mutations of all clones of a tree ensemble (an artificial root has none); see `CloneClock`.

    Artefacts and mutations of neutral tails belong to no clone and count for none.
    """
    is_clock = is_clock & clusters.in_clone
    redrawn = assignment_counts(mutations, ccf, clusters, is_clock, replicates=_REPLICATES, rng=rng)
    given = np.bincount(clusters.labels[is_clock], minlength=clusters.n_clusters)
    counts = np.zeros((_REPLICATES + 1, n_clones), dtype=np.int64)
    counts[0, : clusters.n_clusters] = given
    counts[1:, : clusters.n_clusters] = redrawn
    detection = clone_detection(mutations, ccf, prevalence)
    return CloneClock(counts, np.clip(detection, _MIN_DETECTION, 1.0))


def draw_lengths(
    clock: CloneClock, draws: int, *, rng: np.random.Generator, counts: bool = True, reads: bool = True
) -> FloatArray:
    """Draw the expected clock mutations on every clone's edge (draws, K).

    Parameters
    ----------
    clock : CloneClock
    draws : int
    rng : numpy.random.Generator
    counts, reads : bool
        Whether the Poisson counts and the assignments vary; otherwise they stay at their mean and as given.

    Returns
    -------
    float64 array (draws, K)
    """
    n_clones = clock.counts.shape[1]
    row = rng.integers(1, len(clock.counts), draws) if reads else np.zeros(draws, dtype=np.int64)
    shape = clock.counts[row] + 0.5
    lengths = rng.gamma(shape, size=(draws, n_clones)) if counts else shape
    return np.asarray(lengths / clock.detection, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class HistoryNodes:
    """The migrations of one history of one tree.

    Parameters
    ----------
    tree : int
        Index into the `TreeEnsemble`.
    weight : float
    ancestors : float64 array (K, K)
        ``[u, v]`` 1 if u is v or its ancestor; depth = lengths @ ancestors.
    parents : int64 array (K,)
    presence : bool array (K, n_sites)
        Clones observed in sites.
    migrations : tuple of (site, founding clone, source site, departing clone)
    followers : tuple of tuples
        Of each migration, the clones that arose from the population it founded; empty: not known.
    """

    tree: int
    weight: float
    ancestors: FloatArray
    parents: IntArray
    presence: BoolArray
    migrations: tuple[tuple[int, int, int, int], ...]
    followers: tuple[tuple[int, ...], ...] = ()

    @property
    def root(self) -> int:
        """Root clone: the last ancestor of all sampled tumour cells."""
        return int(np.flatnonzero(self.parents < 0)[0])


def history_nodes(trees: TreeEnsemble, histories: HistoryEnsemble) -> list[HistoryNodes]:
    """List every weighted history with what is needed to place its migrations in molecular time."""
    ancestors = [ancestor_matrix(parents).astype(np.float64) for parents in trees.parents]
    found = []
    for tree, history in histories:
        if history.weight <= 0:
            continue
        migrations = tuple((int(t), int(v), int(s), int(u)) for u, s, v, t in history.migrations)
        parents, presence = trees.parents[tree.tree], np.asarray(tree.presence)
        out_of: dict[tuple[int, int], list[int]] = {}  # children, by the population that they arose from
        for u, s, w, _ in history.edges:
            if w != u:
                out_of.setdefault((int(u), int(s)), []).append(int(w))
        followers = tuple(tuple(out_of.get((v, t), ())) for t, v, _, _ in migrations)
        found.append(
            HistoryNodes(tree.tree, history.weight, ancestors[tree.tree], parents, presence, migrations, followers)
        )
    return found


def allocate_draws(weights: Sequence[float], draws: int, *, rng: np.random.Generator) -> IntArray:
    """Allocate draws to items in proportion to their weights (systematic resampling): counts that add up to `draws`."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    points = (np.arange(draws) + rng.random()) / draws * edges[-1]
    index = np.minimum(np.searchsorted(edges, points, side="right"), len(edges) - 1)
    return np.bincount(index, minlength=len(edges)).astype(np.int64)
