"""Search for clone trees by the local score: starts of the exact chains, and the posterior of large trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.enumeration import TreePosterior
from phylometa.clone_trees.likelihood import ReadModel
from phylometa.clone_trees.tree_draws import distinct_trees, posterior_of_trees, relation_diagnostics, thinned
from phylometa.config import TreeSettings
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["SCORE_RANGE", "gaussian_prevalence", "local_search", "search_large", "starting_tree"]

# Trees this far below the best (natural log) are not kept: 1e-7 of its weight each.
SCORE_RANGE = 16.0
# Density of a vertex whose children exceed it however far (one bad cell), exp(-30).
_FLOOR = 1e-13


def gaussian_prevalence(model: ReadModel) -> tuple[FloatArray, FloatArray]:
    """Estimate prevalence and variance of each cluster by itself, the germline last (K + 1, S); no reads: anything."""
    known = np.isfinite(model.observed)
    prevalence = np.vstack([np.where(known, model.observed, 0.0), np.ones(model.n_samples)])
    variance = np.vstack([np.where(known, np.maximum(model.sd, 1e-3) ** 2, 1e4), np.full(model.n_samples, 0.01)])
    return prevalence, variance


def starting_tree(model: ReadModel, *, unrelated: bool = False, rng: np.random.Generator | None = None) -> IntArray:
    """Make a tree to start from: clusters by falling prevalence, each below the vertex where it fits best.

    Parameters
    ----------
    model : ReadModel
    unrelated : bool
        Whether two or more founders are wanted.
    rng : numpy Generator, optional
        Draws the prevalences from their error first: dispersed starts of several chains.

    Returns
    -------
    int64 array (K,)
        Parents; -1 at founders.

    Notes
    -----
    A place is judged by the local score of its parent (see `_local_kernels`): the density of what the children leave.
    """
    prevalence, variance = gaussian_prevalence(model)
    n = model.n_clusters
    if rng is not None:
        noise = rng.standard_normal((n, model.n_samples)) * np.sqrt(np.minimum(variance[:n], 1.0))
        prevalence[:n] = np.maximum(prevalence[:n] + noise, 0.0)
    weight = model.slab / model.prevalence[1]
    parents = np.full(n, -1)
    room, spread = prevalence.copy(), variance.copy()
    order = np.argsort(-prevalence[:n].sum(axis=1), kind="stable")
    for i, k in enumerate(order):
        if i == 0:
            parent = n
        else:
            candidates = np.append(order[:i], n) if unrelated else order[:i]
            gain = _local_score(room[candidates] - prevalence[k], spread[candidates] + variance[k], weight)
            gain -= _local_score(room[candidates], spread[candidates], weight)
            parent = candidates[np.argmax(np.round(gain, 6))]
        parents[k] = -1 if parent == n else parent
        room[parent] -= prevalence[k]
        spread[parent] += variance[k]
    if unrelated and (parents < 0).sum() < 2:
        parents[order[1]] = -1
    return parents


def _local_score(room: FloatArray, variance: FloatArray, weight: float) -> FloatArray:
    """ln[N(room; 0, variance) + weight Phi(room / sd)] summed over samples, with a logistic curve for Phi."""
    sd = np.sqrt(variance)
    z = np.clip(room / sd, -300.0, 300.0)
    density = np.exp(-0.5 * z * z) / (2.5066282746310002 * sd) + weight / (1.0 + np.exp(-1.702 * z))
    return np.asarray(np.log(density + _FLOOR * np.exp(-0.1 * np.abs(z))).sum(axis=-1))


def local_search(
    model: ReadModel,
    *,
    settings: TreeSettings,
    rng: np.random.Generator,
    unrelated: bool = False,
    sweeps: int,
    noisy: bool = False,
) -> tuple[NDArray[np.int16], FloatArray]:
    """Anneal, then sample, on the local score (see `_local_kernels`).

    Parameters
    ----------
    model : ReadModel
    settings : TreeSettings
    rng : numpy Generator
    unrelated : bool
    sweeps : int
        Moves per cluster, for annealing and again for sampling.
    noisy : bool
        Start from prevalences drawn from their error.

    Returns
    -------
    int16 array (T, K), float64 array (T,)
        Draws of the sampling phase (K at founders), and their local scores.
    """
    from phylometa.clone_trees._local_kernels import anneal_local

    n = model.n_clusters
    prevalence, variance = gaussian_prevalence(model)
    start = starting_tree(model, unrelated=unrelated, rng=rng if noisy else None)
    moves = sweeps * n
    heat = np.concatenate([np.geomspace(0.05, 1.0, moves), np.ones(moves)])
    thin = max(moves // 2000, 1)
    trees, values = anneal_local(
        np.append(np.where(start < 0, n, start), -1),
        prevalence,
        variance,
        model.slab / float(model.prevalence[1]),
        _FLOOR,
        unrelated,
        rng.random((2 * moves, 4)),
        heat,
        thin,
    )
    half = len(trees) // 2
    return trees[half:], values[half:]


def search_large(
    model: ReadModel, *, settings: TreeSettings, rng: np.random.Generator, unrelated: bool = False
) -> tuple[TreePosterior, dict[str, Any]]:
    """Sample the posterior over large trees by chains on the local score, for clusters beyond ``exact_clusters``.

    Parameters
    ----------
    model, settings, rng, unrelated
        As `search_trees`.

    Returns
    -------
    TreePosterior, dict
        Scores are local ones; chains that ended far below the best are left out, and said.
    """
    n = model.n_clusters
    runs = [
        local_search(model, settings=settings, rng=rng, unrelated=unrelated, sweeps=settings.local_sweeps, noisy=i > 0)
        for i in range(settings.chains)
    ]
    tops = np.array([values.max() for _, values in runs])
    used = np.flatnonzero(tops > tops.max() - SCORE_RANGE)
    flat = np.concatenate([runs[i][0] for i in used])
    values = np.concatenate([runs[i][1] for i in used])
    trees, index, counts = distinct_trees(flat)
    listed = int(np.clip(100_000 // (n * model.n_samples), 10, settings.max_trees))
    parents = np.where(trees == n, -1, trees).astype(np.int64)
    posterior = posterior_of_trees(parents, values[index], counts.astype(float), listed)
    diagnostics = {
        "chains": len(runs),
        "chains_used": len(used),
        "moves": 2 * settings.local_sweeps * n * len(runs),
        "likelihood": "local",
        "weights": "visits",
        **relation_diagnostics(np.stack([thinned(draws) for draws, _ in runs])),
    }
    return posterior, diagnostics
