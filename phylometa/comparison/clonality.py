"""The one rule of clonal, subclonal, absent and unknown: of a cluster in a site, and of a mutation in a site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from phylometa.comparison.evidence import ReadEvidence, reference_prevalence
from phylometa.config import ComparisonSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import Clustering
from phylometa.model.comparison import ABSENT, CLONAL, STATE_WORDS, SUBCLONAL, UNKNOWN

__all__ = [
    "cluster_power",
    "cluster_states",
    "clusters_absent_in",
    "clusters_clonal_in",
    "describe_states",
    "mutation_states",
    "states_from_reads",
]


def cluster_states(tree: CloneTree, presence: BoolArray) -> IntArray:
    """Find the state of every cluster in every site if clones and their sites are known (K, n_sites).

    Cluster v is absent from a site if no clone of the subtree of v is there, clonal if all clones of the site lie in
    that subtree, else subclonal. A site's clones are those of all its regions, so that a cluster is clonal in a site
    if and only if it is clonal in all its regions, and absent if it is absent from all.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
        Clones that exist as their own population in a site.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A")])
    >>> cluster_states(tree, np.array([[True, False], [True, True]])).tolist()
    [[2, 2], [1, 2]]
    """
    inside = tree.is_ancestor.astype(np.int64) @ np.asarray(presence, dtype=np.int64)
    n_present = np.asarray(presence).sum(axis=0)
    states = np.where(inside == 0, ABSENT, np.where(inside == n_present, CLONAL, SUBCLONAL))
    return states.astype(np.int64)


def clusters_clonal_in(
    clusters: Clustering, samples: Sequence[int] | IntArray, *, settings: ComparisonSettings, perhaps: bool = False
) -> BoolArray:
    """Tell which clusters are clonal in all of `samples` (K,); none if there are no samples.

    In each sample a cluster reaches `clonal_prevalence`; with `perhaps`, it reaches `perhaps_clonal_prevalence`, or the
    upper end of its 95 % interval `clonal_upper`. All are shares of what clusters in every tumour cell seem to have
    (`phylometa.comparison.evidence.reference_prevalence`).
    """
    chosen = np.asarray(samples, dtype=np.int64)
    if not len(chosen):
        return np.zeros(clusters.n_clusters, dtype=bool)
    reference = reference_prevalence(clusters, settings=settings)[chosen]
    least = settings.perhaps_clonal_prevalence if perhaps else settings.clonal_prevalence
    is_high = clusters.ccf[:, chosen] >= least * reference
    if perhaps:
        is_high = is_high | (clusters.ccf_hi[:, chosen] >= settings.clonal_upper * reference)
    return np.asarray(is_high.all(axis=1) & ~clusters_absent_in(clusters, chosen, settings=settings))


def clusters_absent_in(
    clusters: Clustering, samples: Sequence[int] | IntArray, *, settings: ComparisonSettings
) -> BoolArray:
    """Tell which clusters are absent from all of `samples` (K,): fewer than `absent_prevalence` of the tumour cells of
    each carry the cluster. True if there are no samples."""
    prevalence = clusters.ccf[:, np.asarray(samples, dtype=np.int64)]
    return np.asarray((prevalence < settings.absent_prevalence).all(axis=1))


def cluster_power(evidence: ReadEvidence, n_clusters: int, n_sites: int) -> FloatArray:
    """Find P(at least one mutation of the cluster is seen in the site | it is clonal there), (K, n_sites).

    NaN for a cluster without mutations, and in a site where no read tells of any of them.
    """
    power = np.full((n_clusters, n_sites), np.nan)
    for t in range(n_sites):
        regions = evidence.regions(t)
        missed, speaks = evidence.missed_in(regions), evidence.speaks[:, regions].any(axis=1)
        for k in np.unique(evidence.cluster[speaks]).tolist():
            power[k, t] = 1.0 - missed[speaks & (evidence.cluster == k)].prod()
    return power


def states_from_reads(
    clusters: Clustering, evidence: ReadEvidence, n_sites: int, *, settings: ComparisonSettings
) -> tuple[IntArray, FloatArray]:
    """Find the state of every cluster in every site, and the power behind it, from the cluster's own prevalence.

    Parameters
    ----------
    clusters : Clustering
    evidence : ReadEvidence
    n_sites : int
    settings : ComparisonSettings

    Returns
    -------
    states : int64 array (K, n_sites)
        See `clusters_clonal_in` and `clusters_absent_in`; regions in which no read tells of the cluster are left out.
        `UNKNOWN` if that leaves none, if the cluster may be clonal or not, or if it is not seen and a clonal one would
        be missed with a probability above `max_missing`.
    power : float64 array (K, n_sites)
        See `cluster_power`.
    """
    power = cluster_power(evidence, clusters.n_clusters, n_sites)
    states = np.full(power.shape, UNKNOWN)
    speaks = np.zeros((clusters.n_clusters, evidence.speaks.shape[1]), dtype=bool)
    np.logical_or.at(speaks, evidence.cluster, evidence.speaks)
    for t in range(n_sites):
        regions = evidence.regions(t)
        for pattern in np.unique(speaks[:, regions], axis=0):
            rows = (speaks[:, regions] == pattern).all(axis=1)
            told = regions[pattern]
            if not len(told):
                continue
            is_clonal = clusters_clonal_in(clusters, told, settings=settings)
            may_be = clusters_clonal_in(clusters, told, settings=settings, perhaps=True)
            is_absent = clusters_absent_in(clusters, told, settings=settings)
            found = np.select([is_absent, is_clonal, may_be], [ABSENT, CLONAL, UNKNOWN], SUBCLONAL)
            states[rows, t] = found[rows]
    is_weak = ~(power >= 1.0 - settings.max_missing)
    states[(states == ABSENT) & is_weak] = UNKNOWN
    return states.astype(np.int64), power


def mutation_states(evidence: ReadEvidence, states: IntArray, site: int, *, settings: ComparisonSettings) -> IntArray:
    """Find the state of every mutation in one site: that of its cluster, if its own reads agree (n,).

    Clonal: the cluster is clonal, the reads show the mutation, and in no region are they too few for a clonal
    mutation. Absent: the cluster is absent, the reads do not show the mutation, and would show a clonal one
    with a probability of at least 1 - `max_missing`. Subclonal: the cluster is, and some read tells of the mutation.
    Everything else is `UNKNOWN`: reads that are missing, too few, silent because the copy may have been lost, or at
    odds with the cluster.

    Parameters
    ----------
    evidence : ReadEvidence
    states : int array (K, n_sites)
        Of the clusters.
    site : int
    settings : ComparisonSettings
    """
    regions = evidence.regions(site)
    of_cluster = states[evidence.cluster, site]
    seen = evidence.is_detected[:, regions].any(axis=1)
    speaks = evidence.speaks[:, regions].any(axis=1)
    is_clonal = (of_cluster == CLONAL) & seen & ~evidence.is_short[:, regions].any(axis=1)
    is_absent = (of_cluster == ABSENT) & ~seen & (evidence.missed_in(regions) <= settings.max_missing)
    is_subclonal = (of_cluster == SUBCLONAL) & speaks
    found = np.select([is_clonal, is_absent, is_subclonal], [CLONAL, ABSENT, SUBCLONAL], UNKNOWN)
    return np.asarray(found, dtype=np.int64)


def describe_states(
    names: Sequence[str], sites: Sequence[str], states: IntArray, power: FloatArray | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Put states in words: cluster -> site -> ``state``, and the ``power`` to see the cluster if it is known.

    Parameters
    ----------
    names : sequence of str, length K
    sites : sequence of str
    states : int array (K, n_sites)
    power : float array (K, n_sites), optional
    """
    described: dict[str, dict[str, dict[str, Any]]] = {}
    for k, name in enumerate(names):
        for t, site in enumerate(sites):
            entry: dict[str, Any] = {"state": STATE_WORDS[int(states[k, t])]}
            if power is not None and np.isfinite(power[k, t]):
                entry["power"] = float(power[k, t])
            described.setdefault(name, {})[site] = entry
    return described
