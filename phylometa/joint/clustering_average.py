"""Several clusterings weighed together: how probable each is once clone trees are asked, and what they agree on.

A clustering is chosen before there is a tree, every cluster's prevalences having a prior of their own. A tree ties them
together, and another clustering may then be the more probable one. With partition C of n mutations into K clusters,

    P(C | reads) ~ P(C) x L(C) x (sum over trees of E(T | C)) / K^(K-1),

P(C) the restaurant process of the clustering, L(C) the reads' likelihood at each cluster's most likely prevalences
(together `Clustering.log_score`; an error that a cluster's reads share, which trees reckon with, leaves less of it), E
the evidence of a tree relative to that likelihood, proportions integrated out under their normalised prior
(`tree_likelihood`), and K^(K-1) the number of rooted trees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.config import TreeSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.clusters import Clustering
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["favoured_by_trees", "mutation_relations", "weigh_clusterings"]

# Limits of the trees of an alternative clustering: its relations are wanted, not its list of trees.
_CLUSTERS_ENUMERATED, _TREES_LISTED, _AGREEMENT, _ROUNDS = 7, 1, 0.02, 12


def weigh_clusterings(
    clusters: Clustering,
    trees: TreeEnsemble,
    sample_site: NDArray[np.integer] | Sequence[int],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Posterior weights of a clustering and of its alternatives, clone trees taken into account.

    Parameters
    ----------
    clusters : Clustering
        The one in use, with its `alternatives`.
    trees : TreeEnsemble
        Its trees.
    sample_site : int array (S,)
        Site of every sample.
    settings : TreeSettings
    rng : numpy Generator

    Returns
    -------
    list of dict
        JSON-ready, the clustering in use first, then its alternatives in order: ``weight`` (they add up to 1),
        ``weight_before_trees``, ``n_clusters``, ``ancestor_probability`` (K, K) among its clusters. One entry, of
        weight 1, where no evidence of trees is to be had (very large trees; clonally unrelated tumours).
    """
    own = {name: trees.diagnostics.get(name) for name in _SUMMARY}
    every: list[tuple[Clustering, Mapping[str, Any]]] = [(clusters, own)]
    if own["log_evidence"] is not None:
        sites = (sample_site, trees.site_names)
        every += [
            (other, other.tree_summary or _tree_summary(other, *sites, settings=settings, rng=rng))
            for other in clusters.alternatives
        ]
    compared = [
        (clustering, found, found["log_evidence"] + clustering.log_score + _shared_errors(clustering, settings))
        for clustering, found in every
        if found["log_evidence"] is not None and np.isfinite(clustering.log_score)
    ]
    if len(compared) < len(every) or len(compared) < 2:
        compared = [(clusters, own, 0.0)]
    score = np.array([value for *_, value in compared])
    weights = np.exp(score - np.logaddexp.reduce(score))
    return [
        {
            "weight": float(weight),
            "weight_before_trees": float(clustering.weight),
            "n_clusters": clustering.n_clusters,
            "ancestor_probability": found["ancestor_probability"],
        }
        for weight, (clustering, found, _) in zip(weights, compared)
    ]


def favoured_by_trees(
    clusters: Clustering,
    sample_site: NDArray[np.integer] | Sequence[int],
    site_names: Sequence[str],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
) -> tuple[Clustering, float]:
    """The clustering that has more than half of the weight once trees have their say; else the one given.

    Parameters
    ----------
    clusters : Clustering
        With its `alternatives`.
    sample_site, site_names, settings, rng
        As `infer_clone_trees`.

    Returns
    -------
    Clustering, float
        With all others as its `alternatives`, which keep the summary of their trees; and its weight.
    """
    every = (clusters, *clusters.alternatives)
    if len(every) == 1 or max(clustering.n_clusters for clustering in every) > settings.exact_clusters:
        return clusters, 1.0
    sites = (sample_site, site_names)
    trees = infer_clone_trees(clusters, *sites, settings=_quick(settings), rng=rng)
    own = {name: trees.diagnostics.get(name) for name in _SUMMARY}
    if own["log_evidence"] is None:
        return clusters, 1.0
    searched = [replace(clusters, alternatives=(), tree_summary=own)]
    searched += [
        replace(other, tree_summary=_tree_summary(other, *sites, settings=settings, rng=rng))
        for other in clusters.alternatives
    ]
    together = replace(clusters, alternatives=tuple(searched[1:]))
    weights = [entry["weight"] for entry in weigh_clusterings(together, trees, sample_site, settings=settings, rng=rng)]
    best = max(range(len(weights)), key=lambda i: weights[i])
    if best == 0 or weights[best] <= 0.5:
        return together, weights[0]
    others = tuple(other for i, other in enumerate(searched) if i != best)
    return replace(searched[best], alternatives=others, tree_summary={}), weights[best]


# What is kept of the trees of an alternative clustering.
_SUMMARY = ("log_evidence", "ancestor_probability")


def _tree_summary(
    clusters: Clustering,
    sample_site: NDArray[np.integer] | Sequence[int],
    site_names: Sequence[str],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Evidence and relations of a clustering's trees."""
    trees = infer_clone_trees(clusters, sample_site, site_names, settings=_quick(settings), rng=rng)
    return {name: trees.diagnostics.get(name) for name in _SUMMARY}


def _quick(settings: TreeSettings) -> TreeSettings:
    """Settings for trees of which only the evidence and the relations are wanted."""
    return replace(
        settings,
        enumerate_clusters=min(settings.enumerate_clusters, _CLUSTERS_ENUMERATED),
        max_trees=_TREES_LISTED,
        agreement=max(settings.agreement, _AGREEMENT),
        rounds=min(settings.rounds, _ROUNDS),
    )


def _shared_errors(clusters: Clustering, settings: TreeSettings) -> float:
    """Sum over clusters and samples of `_joint_clusters.shared_error`."""
    from phylometa.joint._clusters import shared_error

    precision = 0.75 / settings.ccf_error**2
    cells = zip(clusters.alt_reads.ravel().tolist(), clusters.total_reads.ravel().tolist())
    return sum(shared_error(alt, total, settings.error_rate, precision) for alt, total in cells if total > 0.0)


def mutation_relations(clusters: Clustering, trees: TreeEnsemble) -> FloatArray:
    """Relation of every pair of mutations, over all trees and, where there are several, all clusterings.

    Parameters
    ----------
    clusters : Clustering
        With its `alternatives`.
    trees : TreeEnsemble
        Its trees, with ``diagnostics["clusterings"]`` of `weigh_clusterings` where there are alternatives.

    Returns
    -------
    float64 array (4, n, n)
        Probabilities that i and j belong to the same cluster, that i's is an ancestor of j's, that j's is one of i's,
        and that they are on separate branches; they add up to 1. On the diagonal: the same.
    """
    alone: Mapping[str, Any] = {"weight": 1.0, "ancestor_probability": trees.diagnostics["ancestor_probability"]}
    n = len(clusters.labels)
    total = np.zeros((4, n, n))
    listed = trees.diagnostics.get("clusterings") or [alone]
    for clustering, entry in zip((clusters, *clusters.alternatives), listed):
        above = np.array(entry["ancestor_probability"], dtype=np.float64)
        same = np.equal.outer(clustering.labels, clustering.labels)
        ancestor = np.where(same, 0.0, above[np.ix_(clustering.labels, clustering.labels)])
        relation = np.stack([same, ancestor, ancestor.T, np.where(same, 0.0, 1.0 - ancestor - ancestor.T)])
        total += entry["weight"] * np.maximum(relation, 0.0)
    return total
