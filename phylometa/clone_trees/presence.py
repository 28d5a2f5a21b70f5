"""Which clones exist in which sites: draws of presence together with the tree, from the posterior of proportions.

The same draws give the proportions' intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import ReadModel, convolve, messages, read_model
from phylometa.config import TreeSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import children_of
from phylometa.model.clusters import Clustering
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = [
    "draw_proportions",
    "draws_of_trees",
    "presence_scenarios",
    "proportion_intervals",
    "site_presence",
]


def site_presence(presence: NDArray[np.floating], sample_site: NDArray[np.integer], n_sites: int) -> FloatArray:
    """Compute P(clone in site) from P(clone in sample): a clone is in a site if it is in any sample of it.

    Parameters
    ----------
    presence : float array (K, S)
        Given the tree, samples are independent.
    sample_site : int array (S,)
        -1: names no site.
    n_sites : int

    Returns
    -------
    float64 array (K, n_sites)
        0 for a site without samples.
    """
    absent = np.ones((len(presence), n_sites))
    for sample, site in enumerate(sample_site):
        if site >= 0:
            absent[:, site] *= 1.0 - presence[:, sample]
    return 1.0 - absent


def _pick(weights: FloatArray, rng: np.random.Generator) -> IntArray:
    """One index a row, with probabilities proportional to the row."""
    cumulative = np.cumsum(weights, axis=1)
    return (cumulative < rng.random((len(weights), 1)) * cumulative[:, -1:]).sum(axis=1)


def draw_proportions(
    parents: NDArray[np.integer], model: ReadModel, n_draws: int, *, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw all clones' proportions in all samples jointly under one tree (forward filtering, backward sampling).

    Parameters
    ----------
    parents : int array (K,)
        -1 at founders.
    model : ReadModel
    n_draws : int
    rng : numpy Generator

    Returns
    -------
    steps : int64 array (n_draws, K, S)
        Proportions in steps of the prevalence grid.
    total : int64 array (n_draws, S)
        Their sums: the founders' prevalence.
    """
    upward, forests, _ = messages(parents, model)
    n, n_samples, n_grid = upward.shape
    rooted = np.append(np.where(np.asarray(parents) < 0, n, parents), -1)
    children = children_of(rooted)
    steps = np.zeros((n_draws, n, n_samples), dtype=np.int64)
    total = np.zeros((n_draws, n_samples), dtype=np.int64)
    grid = np.arange(n_grid)
    for sample in range(n_samples):
        inner = np.zeros((n + 1, n_draws), dtype=np.int64)
        inner[n] = _pick(np.tile(forests[n, sample] * model.founder[sample], (n_draws, 1)), rng)
        total[:, sample] = inner[n]
        stack = [n]
        while stack:
            v = stack.pop()
            partial = [upward[child, sample] for child in children[v][:1]]
            for child in children[v][1:-1]:
                partial.append(convolve(partial[-1], upward[child, sample]))
            left = inner[v]
            for i in range(len(children[v]) - 1, -1, -1):
                child = children[v][i]
                if i == 0:
                    prevalence = left
                else:
                    rest = left[:, None] - grid
                    split = np.where(rest >= 0, partial[i - 1][np.maximum(rest, 0)], 0.0) * upward[child, sample]
                    prevalence = _pick(split, rng)
                    left = left - prevalence
                own = np.where(grid < prevalence[:, None], model.slab, (grid == prevalence[:, None]).astype(float))
                inner[child] = _pick(forests[child, sample] * own, rng)
                steps[:, child, sample] = prevalence - inner[child]
                stack.append(child)
    return steps, total


# Index of a tree, the model of reads, and draws of proportions under that tree (`draw_proportions`).
TreeDraws = tuple[int, ReadModel, tuple[IntArray, IntArray]]


def draws_of_trees(
    trees: TreeEnsemble, clusters: Clustering, *, settings: TreeSettings, rng: np.random.Generator
) -> Iterator[TreeDraws]:
    """Draw proportions ``max_scenarios`` times over the trees of an ensemble, each tree with its share of the draws."""
    weight = float(trees.diagnostics.get("presence_weight", settings.presence_weight))
    settings = replace(settings, presence_weight=weight)  # as fitted with the trees
    model = read_model(clusters.alt_reads, clusters.total_reads, settings=settings)
    n_clusters, n_draws = clusters.n_clusters, settings.max_scenarios
    # systematic resampling: every tree gets its share to within one draw
    edges = np.cumsum(trees.weights) / np.sum(trees.weights)
    picks = np.searchsorted(edges, (np.arange(n_draws) + rng.random()) / n_draws)
    counts = np.bincount(np.minimum(picks, len(trees) - 1), minlength=len(trees))
    for tree in np.flatnonzero(counts):
        parents = trees.parents[tree][:n_clusters]
        parents = np.where(parents >= n_clusters, -1, parents)
        yield int(tree), model, draw_proportions(parents, model, int(counts[tree]), rng=rng)


def proportion_intervals(
    trees: TreeEnsemble, draws: Iterable[TreeDraws], *, settings: TreeSettings, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Compute credible intervals of the clones' proportions in the samples, over trees and reads.

    Parameters
    ----------
    trees : TreeEnsemble
    draws : iterable
        Of `draws_of_trees`.
    settings : TreeSettings
        ``grid``: points of a prevalence.
    level : float
        Posterior probability inside.

    Returns
    -------
    lower, upper : float64 arrays (K, S)
        Equal-tailed, half a step of the grid wider on either side: what is finer is not resolved. 0 for an artificial
        germline.
    """
    shares = [steps / np.maximum(total, 1)[:, None, :] for _, _, (steps, total) in draws]
    half_step = 0.5 / settings.grid
    lower, upper = np.quantile(np.concatenate(shares), [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    beyond = ((0, len(trees.names) - len(lower)), (0, 0))
    lower, upper = np.maximum(lower - half_step, 0.0), np.minimum(upper + half_step, 1.0)
    return np.pad(lower, beyond), np.pad(upper, beyond)


def presence_scenarios(
    trees: TreeEnsemble,
    clusters: Clustering,
    sample_site: NDArray[np.integer] | Sequence[int],
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
    draws: Iterable[TreeDraws] | None = None,
) -> list[tuple[int, float, BoolArray]]:
    """Draw (tree, presence of its clones in the sites) from their joint posterior.

    Parameters
    ----------
    trees : TreeEnsemble
    clusters : Clustering
        The clusters the trees were inferred from.
    sample_site : int array (S,)
        Site of every sample; -1: names none.
    settings : TreeSettings
        ``max_scenarios`` bounds the number of draws.
    rng : numpy Generator
    draws : iterable, optional
        Of `draws_of_trees`, which is called if there are none.

    Returns
    -------
    list of (tree index, weight, bool array (K, n_sites))
        Distinct scenarios by falling weight; the weights add up to 1. An artificial germline is present nowhere. A
        site may hold no clone.
    """
    n_clusters, n_sites, n_draws = clusters.n_clusters, len(trees.site_names), settings.max_scenarios
    sites = np.asarray(sample_site, dtype=np.int64)
    drawn: dict[tuple[int, bytes], int] = {}
    if draws is None:
        draws = draws_of_trees(trees, clusters, settings=settings, rng=rng)
    for tree, model, (steps, _) in draws:
        for presence in steps >= model.least:
            in_site = np.zeros((len(trees.names), n_sites), dtype=bool)
            for sample in np.flatnonzero(sites >= 0):
                in_site[:n_clusters, sites[sample]] |= presence[:, sample]
            key = (tree, in_site.tobytes())
            drawn[key] = drawn.get(key, 0) + 1
    ordered = sorted(drawn.items(), key=lambda item: (-item[1], item[0]))
    return [
        (tree, count / n_draws, np.frombuffer(packed, dtype=bool).reshape(len(trees.names), n_sites))
        for (tree, packed), count in ordered
    ]
