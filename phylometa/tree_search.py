"""Clone trees as a posterior: exhaustive where it can be, Markov chains over trees where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.config import TreeSettings
from phylometa.data import Clustering, FloatArray, IntArray
from phylometa.enumeration import TreePosterior, enumerate_trees
from phylometa.presence import site_presence
from phylometa.tree_likelihood import ReadModel, read_model, sample_posterior, tree_log_likelihood
from phylometa.trees import TreeEnsemble, ancestor_matrix

__all__ = ["infer_clone_trees", "search_trees", "starting_tree"]


def starting_tree(model: ReadModel, *, unrelated: bool = False) -> IntArray:
    """A tree to start from: clusters by falling prevalence, each below the vertex where it fits best.

    Parameters
    ----------
    model : ReadModel
    unrelated : bool
        Whether several founders are allowed.

    Returns
    -------
    int64 array (K,)
        Parents; -1 at founders.

    Notes
    -----
    The cost of a place is the growth of sum (excess of the children over the parent)^2 / (2 variance); among places
    that cost the same, the one with the least room left (clones then need not be present by themselves).
    """
    prevalence, variance = _gaussian(model)
    n = model.n_clusters
    parents = np.full(n, -1)
    room, spread = prevalence.copy(), variance.copy()
    order = np.argsort(-prevalence[:n].sum(axis=1), kind="stable")
    for i, k in enumerate(order):
        if i == 0:
            parent = n
        else:
            candidates = np.append(order[:i], n) if unrelated else order[:i]
            after = room[candidates] - prevalence[k]
            total = spread[candidates] + variance[k]
            before = np.minimum(room[candidates], 0.0) ** 2 / spread[candidates]
            cost = 0.5 * (np.minimum(after, 0.0) ** 2 / total - before).sum(axis=1)
            parent = candidates[np.lexsort((np.maximum(after, 0.0).sum(axis=1), np.round(cost, 1)))[0]]
        parents[k] = -1 if parent == n else parent
        room[parent] -= prevalence[k]
        spread[parent] += variance[k]
    return parents


def _gaussian(model: ReadModel) -> tuple[FloatArray, FloatArray]:
    """Prevalence and variance of each cluster by itself, the germline last (K + 1, S); no reads: any prevalence."""
    known = np.isfinite(model.observed)
    prevalence = np.vstack([np.where(known, model.observed, 0.0), np.ones(model.n_samples)])
    variance = np.vstack([np.where(known, np.maximum(model.sd, 1e-3) ** 2, 1e4), np.full(model.n_samples, 0.01)])
    return prevalence, variance


def search_trees(
    model: ReadModel, *, settings: TreeSettings, rng: np.random.Generator, unrelated: bool = False
) -> tuple[TreePosterior, dict[str, Any]]:
    """The posterior over trees by Markov chains (prune-regraft, swap and single-clone moves).

    Parameters
    ----------
    model : ReadModel
    settings : TreeSettings
    rng : numpy Generator
    unrelated : bool
        True: two or more founders.

    Returns
    -------
    TreePosterior, dict
        The posterior, and the diagnostics of the chains (JSON-ready).
    """
    from phylometa._tree_kernels import run_chain

    n = model.n_clusters
    prevalence, variance = _gaussian(model)
    start = starting_tree(model, unrelated=unrelated)
    if unrelated and (start < 0).sum() < 2:
        start[np.argsort(-prevalence[:n].sum(axis=1), kind="stable")[1]] = -1
    start = np.append(np.where(start < 0, n, start), -1)
    kept = settings.sweeps * n
    warm = max(kept // 3, 1)
    heat = np.concatenate([np.linspace(0.2, 1.0, warm), np.ones(kept)])
    chains, scores = [], []
    for _ in range(settings.chains):
        uniforms = rng.random((warm + kept, 4 + n))
        trees, values, _ = run_chain(
            start, model.likelihood, model.slab, model.founder, prevalence, variance, unrelated, uniforms, heat
        )
        chains.append(trees[warm:, :n])
        scores.append(values[warm:])
    parents = np.where(np.stack(chains) == n, -1, np.stack(chains))
    values = np.stack(scores) + model.log_scale.sum()
    flat = parents.reshape(-1, n)
    unique, index, counts = np.unique(flat, axis=0, return_index=True, return_counts=True)
    score = values.ravel()[index]
    posterior = _summarise(unique, score, counts / counts.sum(), settings.max_trees)
    return posterior, {"chains": settings.chains, "moves": int(kept) * settings.chains}


def _summarise(parents: IntArray, score: FloatArray, weights: FloatArray, max_trees: int) -> TreePosterior:
    """Marginals over all distinct trees of a sample, and the best of them."""
    n = parents.shape[1]
    weights = weights / weights.sum()
    edges, ancestors = np.zeros((n, n)), np.zeros((n, n))
    for row, weight in zip(parents, weights):
        children = np.flatnonzero(row >= 0)
        edges[row[children], children] += weight
        rooted = np.append(np.where(row < 0, n, row), -1)
        ancestors += weight * ancestor_matrix(rooted)[:n, :n]
    np.fill_diagonal(ancestors, 0.0)
    order = np.lexsort((*parents.T[::-1], -np.round(score, 9), -np.round(weights, 9)))[:max_trees]
    return TreePosterior(
        parents=parents[order],
        log_score=score[order],
        weights=weights[order],
        n_trees=len(parents),
        edge_support=edges,
        ancestor_probability=ancestors,
        log_evidence=float(np.logaddexp.reduce(score)),
    )


def _has_founder(model: ReadModel, cost: float) -> bool:
    """Whether some cluster can be above every other: by the evidence of each pair, up to `cost`."""
    n = model.n_clusters
    totals = model.likelihood.sum(axis=2)
    below = np.cumsum(model.likelihood, axis=2)
    candidates = np.argsort(-np.nan_to_num(model.observed).sum(axis=1), kind="stable")[:5]
    for r in candidates:
        nested = np.einsum("sg,ksg->ks", model.likelihood[r], below)
        gain = np.log(nested / (totals[r] * totals)).sum(axis=1)
        if all(gain[k] > -cost for k in range(n) if k != r):
            return True
    return False


def _posterior(
    model: ReadModel, settings: TreeSettings, rng: np.random.Generator, *, unrelated: bool
) -> tuple[TreePosterior, str, dict[str, Any]]:
    if model.n_clusters + unrelated <= settings.enumerate_clusters:
        exact = enumerate_trees(
            model,
            unrelated=unrelated,
            best=tree_log_likelihood(starting_tree(model, unrelated=unrelated), model) if not unrelated else -np.inf,
            max_trees=settings.max_trees,
            seconds=settings.enumerate_seconds,
        )
        if exact is not None:
            return exact, "enumeration", {}
    posterior, diagnostics = search_trees(model, settings=settings, rng=rng, unrelated=unrelated)
    return posterior, "search", diagnostics


def infer_clone_trees(
    clusters: Clustering,
    sample_site: NDArray[np.integer] | Sequence[int],
    site_names: Sequence[str],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
) -> TreeEnsemble:
    """The posterior over clone trees of a patient.

    Parameters
    ----------
    clusters : Clustering
    sample_site : int array (S,)
        Index into `site_names` of every sample.
    site_names : sequence of str
    settings : TreeSettings
    rng : numpy Generator

    Returns
    -------
    TreeEnsemble
        Clone k is cluster k. Where no cluster can be the founder of all others, an artificial root ``germline``
        (no mutations) comes last.
    """
    model = read_model(clusters.alt_reads, clusters.total_reads, settings=settings)
    n = clusters.n_clusters
    posterior, method, diagnostics = _posterior(model, settings, rng, unrelated=False)
    unrelated = False
    if n > 1 and not _has_founder(model, settings.founder_cost):
        other, other_method, other_diagnostics = _posterior(model, settings, rng, unrelated=True)
        if other.log_score.max() - settings.founder_cost > posterior.log_score.max():
            unrelated, posterior, method, diagnostics = True, other, other_method, other_diagnostics
    sites = np.asarray(sample_site, dtype=np.int64)
    shares, presence = [], []
    for parents in posterior.parents:
        fit = sample_posterior(parents, model)
        own = site_presence(fit.presence, sites, len(site_names))
        germline = np.zeros((int(unrelated), max(own.shape[1], 1)))
        shares.append(np.vstack([fit.proportions, np.zeros((int(unrelated), model.n_samples))]))
        presence.append(np.vstack([own, germline[:, : own.shape[1]]]))
    parents = posterior.parents
    if unrelated:
        parents = np.column_stack([np.where(parents < 0, n, parents), np.full(len(parents), -1)])
    return TreeEnsemble(
        names=(*clusters.names, "germline") if unrelated else clusters.names,
        n_mutations=np.append(clusters.sizes, np.zeros(int(unrelated))).astype(float),
        parents=parents,
        weights=posterior.weights / posterior.weights.sum(),
        log_likelihood=posterior.log_score,
        proportions=np.array(shares),
        presence=np.array(presence),
        site_names=tuple(site_names),
        complete=method == "enumeration" and posterior.n_trees <= len(posterior.weights),
        n_trees=posterior.n_trees,
        method=method,
        diagnostics={
            **diagnostics,
            "edge_support": posterior.edge_support.tolist(),
            "ancestor_probability": posterior.ancestor_probability.tolist(),
        },
    )
