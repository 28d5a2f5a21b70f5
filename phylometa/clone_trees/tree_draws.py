"""Draws of trees put together: distinct ones, their posterior, and whether the chains that drew them agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.enumeration import TreePosterior
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.monte_carlo import split_r_hat

__all__ = ["ancestors_of_many", "distinct_trees", "posterior_of_trees", "relation_diagnostics", "thinned"]

_DRAWS = 100  # draws of a chain that the diagnostics look at


def posterior_of_trees(parents: IntArray, score: FloatArray, weights: FloatArray, max_trees: int) -> TreePosterior:
    """Compute marginals over weighted distinct trees, and a list of them that stands for all.

    If there are more than `max_trees`, those whose weight w is at least c keep it, and the others are thinned
    systematically, each with probability w / c, to the weight c, with c such that `max_trees` are left (Fearnhead and
    Clifford 2003, doi:10.1111/1467-9868.00421): sums over the list stand for those over all trees. The best tree is
    always listed, first.

    Parameters
    ----------
    parents : int64 array (T, K)
        -1 at founders.
    score : float64 array (T,)
        Marginal log-likelihood.
    weights : float64 array (T,)
        Posterior weights, any scale.
    max_trees : int

    Returns
    -------
    TreePosterior
    """
    n = parents.shape[1]
    weights = weights / weights.sum()
    order = np.lexsort((*parents.T[::-1], -np.round(score, 9), -np.round(weights, 12)))
    edges, ancestors = np.zeros((n, n)), np.zeros((n, n))
    for v in range(n):
        edges[:, v] = np.bincount(parents[order, v] + 1, weights[order], n + 1)[1:]
    rows = max(1, 4_000_000 // (n * n))
    for start in range(0, len(order), rows):
        part = order[start : start + rows]
        above = ancestors_of_many(parents[part]).reshape(len(part), -1)
        ancestors += (weights[part] @ above).reshape(n, n)
    chosen, listed = _representative(weights[order], parents[order], max_trees)
    order = order[chosen]
    return TreePosterior(
        parents=parents[order],
        log_score=score[order],
        weights=listed,
        n_trees=len(parents),
        edge_support=edges,
        ancestor_probability=ancestors,
        log_evidence=float(np.logaddexp.reduce(score)),
    )


def _representative(weights: FloatArray, parents: IntArray, limit: int) -> tuple[IntArray, FloatArray]:
    """Indices of at most `limit` of the falling weights (T,), which add up to 1, and what they weigh in their list.

    Trees (T, K) that begin alike are neighbours when they are thinned, so that all kinds keep their share.
    """
    if len(weights) <= limit:
        return np.arange(len(weights)), weights
    if limit == 1:
        return np.zeros(1, dtype=np.int64), np.ones(1)
    rest = 1.0 - np.cumsum(weights)  # of those behind the first i + 1
    kept = 1  # the best always
    while kept < limit - 1 and weights[kept] * (limit - kept) > rest[kept - 1]:
        kept += 1
    alike = kept + np.lexsort(parents[kept:].T[::-1])
    behind = np.cumsum(weights[alike])
    even = (np.arange(limit - kept) + 0.5) / (limit - kept) * behind[-1]
    drawn = np.sort(alike[np.unique(np.minimum(np.searchsorted(behind, even), len(behind) - 1))])
    chosen = np.concatenate([np.arange(kept), drawn])
    return chosen, np.concatenate([weights[:kept], np.full(len(drawn), behind[-1] / len(drawn))])


def distinct_trees(trees: NDArray[Any]) -> tuple[NDArray[Any], IntArray, IntArray]:
    """Find distinct rows, the index of the first of each, and how often each occurs (faster than `numpy.unique`)."""
    # A chain stays where it is most of the time: runs of one tree are counted as wholes.
    start = np.flatnonzero(np.append(True, (trees[1:] != trees[:-1]).any(axis=1)))
    rows = np.ascontiguousarray(trees[start])
    number: dict[bytes, int] = {}
    keys = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel().tolist()
    inverse = np.array([number.setdefault(key, len(number)) for key in keys])
    counts = np.bincount(inverse, np.diff(start, append=len(trees))).astype(np.int64)
    index = start[np.flatnonzero(np.diff(np.maximum.accumulate(inverse), prepend=-1))]
    return trees[index], index, counts


def thinned(draws: NDArray[Any]) -> NDArray[Any]:
    return draws[np.linspace(0, len(draws) - 1, min(_DRAWS, len(draws))).astype(int)]


def relation_diagnostics(draws: NDArray[Any]) -> dict[str, Any]:
    """Compute split-R-hat and the effective sample size of the pairwise ancestor relations.

    Parameters
    ----------
    draws : int array (chains, draws, K)
        Parent vectors; K at founders.

    Returns
    -------
    dict
        ``r_hat`` (the largest; 1.0 if no relation varies), ``effective_draws`` (the least), ``converged``.

    Notes
    -----
    `split_r_hat` of the 0/1 series of every relation whose frequency lies within .05 and .95. The effective size is
    that of the between-chain variance: variance of the series over the variance of the means of split
    chains.
    """
    n_chains, n_draws, n = draws.shape
    half = n_draws // 2
    if half < 2:
        return {"r_hat": 1.0, "effective_draws": 0.0, "converged": False}
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]]).astype(np.int64)
    means = np.zeros((len(split), n * n))
    for i, series in enumerate(split):
        matrix = ancestors_of_many(np.where(series == n, -1, series))
        means[i] = matrix.reshape(half, -1).mean(axis=0)
    overall = means.mean(axis=0)
    varying = (overall > 0.05) & (overall < 0.95)
    if not varying.any():
        return {"r_hat": 1.0, "effective_draws": float(len(split) * half), "converged": True}
    within = (means * (1 - means) * half / (half - 1)).mean(axis=0)[varying]
    between = means.var(axis=0, ddof=1)[varying]
    total = within * (half - 1) / half + between
    r_hat = float(split_r_hat(within, between, half).max())
    effective = float((total / np.maximum(between, 1e-12)).min() * len(split))
    effective = min(effective, float(len(split) * half))
    return {"r_hat": r_hat, "effective_draws": effective, "converged": r_hat < 1.2}


def ancestors_of_many(parents: IntArray) -> BoolArray:
    """Find the proper ancestors for many parent vectors at once: (T, K) to (T, K, K), ``[t, u, v]`` u above v."""
    n_trees, n = parents.shape
    matrix = np.zeros((n_trees, n, n), dtype=bool)
    rows = np.arange(n_trees)[:, None]
    columns = np.arange(n)[None, :]
    above = parents
    while (above >= 0).any():
        inside = above >= 0
        matrix[
            np.broadcast_to(rows, above.shape)[inside], above[inside], np.broadcast_to(columns, above.shape)[inside]
        ] = True
        above = np.where(inside, parents[rows, np.maximum(above, 0)], -1)
    return matrix
