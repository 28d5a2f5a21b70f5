"""The unseen end of the branches: from the last clone that was founded to the day of sampling.

Clone trees end where the last clone was founded, not at sampling; taking their tips as sampled cells makes every date
too late. The full branch is inferred from how the clones' foundings are spread over it.
"""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import preorder

__all__ = ["clone_deadlines", "clone_heights", "draw_full_branch"]

# Quadrature points of the ratio of the deepest clone to the full branch.
_GRID = 120


def clone_heights(parents: IntArray) -> IntArray:
    """Edges on the longest chain below every clone (K,)."""
    height = np.zeros(len(parents), dtype=np.int64)
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            height[parents[v]] = max(height[parents[v]], height[v] + 1)
    return height


def clone_deadlines(parents: IntArray, last_age: FloatArray) -> FloatArray:
    """Latest age at which every clone may have been founded: when it, or a descendant earlier, was last sampled.

    Parameters
    ----------
    parents : int64 array (K,)
    last_age : float64 array (K,)
        Age at the last sampling of a site that holds the clone; NaN where it was not observed.

    Returns
    -------
    float64 array (K,); NaN where neither the clone nor a descendant was observed at a known age
    """
    deadline = np.where(np.isnan(last_age), np.inf, last_age)
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            deadline[parents[v]] = min(deadline[parents[v]], deadline[v])
    return np.where(np.isinf(deadline), np.nan, deadline)


def draw_full_branch(
    below: FloatArray,
    parents: IntArray,
    deadline: FloatArray,
    trunk: FloatArray,
    acceleration: FloatArray,
    *,
    regularity: float,
    quantile: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Clock mutations B on a branch from the root clone to the last sampling, drawn from its posterior.

    A clone i with parent p and h_i further clones on the longest chain below it was founded at a share
    x_i ~ Beta(k, k (h_i + 1)) of the way from its parent to the sampling; with k = 1 the foundings of a chain are a
    Poisson process conditioned on its number. In mutations, x_i = (d_i - d_p) / (B_i - d_p), where B_i is the branch to
    the clone's own deadline. With a scale-invariant prior on B its density is prod_i Beta(x_i) / (B_i - d_p) / B.

    Parameters
    ----------
    below : float64 array (n, K)
        Clock mutations from the root clone's node to each clone's node; draws.
    parents : int64 array (K,)
    deadline : float64 array (K,)
        From `clone_deadlines`; clones with NaN are left out.
    trunk, acceleration : float64 arrays (n,)
        Clock mutations on the trunk, and the acceleration, of the same draws (they place differing deadlines).
    regularity : float
        k.
    quantile : float64 array (n,)
        Quantile to return, uniform for a draw, 1/2 for the median.

    Returns
    -------
    (float64 array (n,), float64 array (n,))
        B, NaN where no clone lies below the root; and the log of the density of the clones' depths with B summed out,
        by which draws of the depths are to be weighed, since counting noise alone knows nothing of the clock.
    """
    clones = [v for v in range(len(parents)) if parents[v] >= 0 and math.isfinite(deadline[v])]
    if not clones:
        return np.full(len(below), np.nan), np.zeros(len(below))
    heights = clone_heights(parents)
    last = float(np.nanmax(deadline))
    deepest = below[:, clones].max(axis=1)
    share = (np.arange(_GRID) + 0.5) / _GRID  # deepest / B
    branch = deepest[:, None] / share  # (n, G)
    root_age = last * trunk[:, None] / (trunk[:, None] + branch / acceleration[:, None])
    log_density = np.repeat(-np.log(share)[None, :], len(below), axis=0)  # dB / B = - d share / share
    with np.errstate(divide="ignore", invalid="ignore"):
        for v in clones:
            own = branch if deadline[v] == last else branch * (deadline[v] - root_age) / (last - root_age)
            start = below[:, parents[v], None]
            room = own - start
            x = (below[:, v, None] - start) / room
            is_possible = (room > 0) & (x < 1)
            term = -np.log(room) + (regularity * (heights[v] + 1) - 1) * np.log1p(-x)
            if regularity != 1:
                term = term + (regularity - 1) * np.log(x)
            log_density = np.where(is_possible, log_density + np.where(is_possible, term, 0.0), -np.inf)
        top = log_density.max(axis=1, keepdims=True)
        density = np.exp(log_density - np.where(np.isfinite(top), top, 0.0))
    density = np.where(np.isfinite(top), density, 0.0)
    density[:, -1] += np.where(np.isfinite(top[:, 0]), 0.0, 1.0)  # contradictory deadlines: no gap at all
    cumulative = np.cumsum(density, axis=1)
    target = quantile * cumulative[:, -1]
    index = np.minimum((cumulative < target[:, None]).sum(axis=1), _GRID - 1)
    rows = np.arange(len(below))
    before = cumulative[rows, index] - density[rows, index]
    within = (target - before) / np.maximum(density[rows, index], 1e-300)
    drawn = np.asarray(deepest / ((index + np.clip(within, 0.001, 1.0)) / _GRID), dtype=np.float64)
    is_possible = np.isfinite(top[:, 0])
    evidence = np.where(is_possible, np.where(is_possible, top[:, 0], 0.0) + np.log(cumulative[:, -1]), -1e6)
    return drawn, np.asarray(evidence, dtype=np.float64)
