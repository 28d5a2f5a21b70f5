"""Clone trees as a posterior: exhaustive if it can be, by Markov chains over trees otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.chains import search_trees
from phylometa.clone_trees.checks import equivalent_trees, sum_condition_violations
from phylometa.clone_trees.enumeration import TreePosterior, enumerate_trees
from phylometa.clone_trees.likelihood import (
    ReadModel,
    fit_presence_weight,
    log_prior_mass,
    read_model,
    sample_posterior,
    tree_log_likelihood,
)
from phylometa.clone_trees.local_trees import local_search, search_large, starting_tree
from phylometa.clone_trees.presence import site_presence
from phylometa.config import TreeSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clusters import Clustering
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["infer_clone_trees"]

# Vertices beyond which compiled kernels pay for their start-up.
_COMPILED_FROM = 6


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
) -> tuple[TreePosterior, ReadModel, str, dict[str, Any]]:
    """Posterior over trees, the model with its presence weight fitted, the method and its diagnostics."""
    n_vertices = model.n_clusters + int(unrelated)
    start = starting_tree(model, unrelated=unrelated)
    if n_vertices > _COMPILED_FROM:
        model = fit_presence_weight(start, model, settings=settings)
        draws, values = local_search(model, settings=settings, rng=rng, unrelated=unrelated, sweeps=100)
        start = draws[values.argmax()].astype(np.int64)
        start[start == model.n_clusters] = -1  # a better tree: fitted again below
    elif first_pass := enumerate_trees(model, unrelated=unrelated, max_trees=1):
        start = first_pass.parents[0]
    model = fit_presence_weight(start, model, settings=settings)
    if n_vertices <= settings.enumerate_clusters:
        exact = enumerate_trees(
            model,
            unrelated=unrelated,
            best=tree_log_likelihood(start, model),
            max_trees=settings.max_trees,
            seconds=settings.enumerate_seconds,
        )
        if exact is not None:
            return exact, model, "enumeration", {}
    if model.n_clusters > settings.exact_clusters:
        posterior, diagnostics = search_large(model, settings=settings, rng=rng, unrelated=unrelated)
        return posterior, model, "search", diagnostics
    posterior, diagnostics = search_trees(model, settings=settings, rng=rng, unrelated=unrelated, start=start)
    return posterior, model, "search", diagnostics


def _log_evidence(posterior: TreePosterior, model: ReadModel) -> float:
    """Log marginal likelihood over all trees (uniform prior), relative to the clusters' own maximum likelihood."""
    n = model.n_clusters
    return posterior.log_evidence - float(model.log_scale.sum()) - log_prior_mass(model) - (n - 1) * float(np.log(n))


def _proportions(
    trees: IntArray, model: ReadModel, sites: IntArray, n_sites: int, *, compiled: bool
) -> tuple[FloatArray, FloatArray]:
    """Posterior mean proportions (T, K, S) and presence in sites (T, K, n_sites) under each tree."""
    n = model.n_clusters
    shares = np.empty((len(trees), n, model.n_samples))
    in_site = np.empty((len(trees), n, n_sites))
    for i, parents in enumerate(trees):
        if compiled:
            from phylometa.clone_trees._kernels import proportions_and_presence

            rooted = np.append(np.where(parents < 0, n, parents), -1)
            shares[i], presence = proportions_and_presence(
                rooted, model.likelihood, model.slab, model.founder, model.least
            )
        else:
            fit = sample_posterior(parents, model)
            shares[i], presence = fit.proportions, fit.presence
        in_site[i] = site_presence(presence, sites, n_sites)
    return shares, in_site


def infer_clone_trees(
    clusters: Clustering,
    sample_site: NDArray[np.integer] | Sequence[int],
    site_names: Sequence[str],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
    has_one_founder: bool = False,
) -> TreeEnsemble:
    """Infer the posterior over clone trees of a patient.

    Parameters
    ----------
    clusters : Clustering
    sample_site : int array (S,)
        Index into `site_names` of every sample.
    site_names : sequence of str
    settings : TreeSettings
    rng : numpy Generator
    has_one_founder : bool
        True if all clones are known to descend from one cell, however badly the clusters fit that.

    Returns
    -------
    TreeEnsemble
        Clone k is cluster k. If no cluster can be the founder of all others, an artificial root ``germline``
        (no mutations) comes last. `diagnostics` hold ``edge_support`` and ``ancestor_probability`` over all trees
        counted (not only those listed), ``violations`` of the sum condition, groups of ``equivalent_trees`` and the
        ``log_evidence`` of all trees together (None for very large trees and clonally unrelated tumours).
    """
    model = read_model(clusters.alt_reads, clusters.total_reads, settings=settings)
    n = clusters.n_clusters
    posterior, fitted, method, diagnostics = _posterior(model, settings, rng, unrelated=False)
    unrelated = False
    if n > 1 and not has_one_founder and not _has_founder(model, settings.founder_cost):
        several = _posterior(model, settings, rng, unrelated=True)
        gain = several[0].log_score.max() - log_prior_mass(several[1])
        gain -= posterior.log_score.max() - log_prior_mass(fitted)
        if gain > settings.founder_cost:
            unrelated = True
            posterior, fitted, method, diagnostics = several
    model = fitted
    sites = np.asarray(sample_site, dtype=np.int64)
    compiled = method == "search" or n > _COMPILED_FROM
    shares, in_site = _proportions(posterior.parents, model, sites, len(site_names), compiled=compiled)
    if unrelated:  # the germline is no tumour clone: no share, present nowhere
        shares = np.pad(shares, ((0, 0), (0, 1), (0, 0)))
        in_site = np.pad(in_site, ((0, 0), (0, 1), (0, 0)))
    parents = posterior.parents
    edges, above = posterior.edge_support, posterior.ancestor_probability
    if unrelated:
        parents = np.column_stack([np.where(parents < 0, n, parents), np.full(len(parents), -1)])
        edges, above = (np.pad(matrix, (0, 1)) for matrix in (edges, above))
        edges[n, :n], above[n, :n] = np.maximum(1.0 - edges[:n, :n].sum(axis=0), 0.0), 1.0
    return TreeEnsemble(
        names=(*clusters.names, "germline") if unrelated else clusters.names,
        n_mutations=np.append(clusters.sizes, np.zeros(int(unrelated))).astype(float),
        parents=parents,
        weights=posterior.weights / posterior.weights.sum(),
        log_likelihood=posterior.log_score,
        proportions=shares,
        presence=in_site,
        site_names=tuple(site_names),
        complete=method == "enumeration" and posterior.n_trees <= len(posterior.weights),
        n_trees=posterior.n_trees,
        method=method,
        diagnostics={
            **diagnostics,
            "presence_weight": float(model.slab * settings.grid),
            "log_evidence": None if unrelated or diagnostics.get("likelihood") else _log_evidence(posterior, model),
            "violations": sum_condition_violations(posterior.parents[0], model, clusters.names),
            "equivalent_trees": equivalent_trees(posterior.log_score),
            "edge_support": edges.tolist(),
            "ancestor_probability": above.tolist(),
            "listed_share": min(float(posterior.weights.sum()), 1.0),
        },
    )
