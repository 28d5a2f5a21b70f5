"""Compiled kernels of the fast search over large trees: a local score, and annealing on it.

Each cluster's own prevalence estimate is taken as normal. What a vertex has left when its children are subtracted,
r = F_v - sum F_c, is its proportion eta >= 0, seen with variance sigma^2 = the sum of theirs. With the prior of
`tree_likelihood` (spike at 0, slab of weight w) its density is N(r; 0, sigma^2) + w Phi(r / sigma); the score of a tree
is the sum of its logarithm over vertices and samples. A move changes few vertices, so it costs O(S), not O(S grid^2).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit


@njit(cache=True)
def vertex_score(
    vertex: int, parent: IntArray, prevalence: FloatArray, variance: FloatArray, slab: float, floor: float
) -> float:
    """Compute the local score of one vertex: log density of what its children leave of it, summed over samples."""
    n, n_samples = prevalence.shape
    room = prevalence[vertex].copy()
    spread = variance[vertex].copy()
    for child in range(n - 1):
        if parent[child] == vertex:
            for s in range(n_samples):
                room[s] -= prevalence[child, s]
                spread[s] += variance[child, s]
    total = 0.0
    for s in range(n_samples):
        sigma = math.sqrt(spread[s])
        z = room[s] / sigma
        density = 0.3989422804014327 * math.exp(-0.5 * z * z) / sigma + slab * 0.5 * math.erfc(-0.7071067811865476 * z)
        total += math.log(density + floor * math.exp(-0.1 * abs(z)))
    return total


@njit(cache=True)
def anneal_local(
    parent: IntArray,
    prevalence: FloatArray,
    variance: FloatArray,
    slab: float,
    floor: float,
    unrelated: bool,
    uniforms: FloatArray,
    heat: FloatArray,
    thin: int,
) -> tuple[NDArray[np.int16], FloatArray]:
    """Metropolis moves on the local score: trees after every `thin`-th move (steps // thin, K) and their scores.

    `parent` int64 (K + 1,), the germline last; `prevalence`, `variance` (K + 1, S); `uniforms` (steps, 4);
    `heat` (steps,) the factor on the score.
    """
    n_clones = len(parent) - 1
    n_samples = prevalence.shape[1]
    germline = n_clones
    n_steps = len(heat)
    parent = parent.copy()
    scores = np.empty(n_clones + 1)
    for v in range(n_clones + 1):
        scores[v] = vertex_score(v, parent, prevalence, variance, slab, floor)
    room = prevalence.copy()
    spread = variance.copy()
    for child in range(n_clones):
        room[parent[child]] -= prevalence[child]
        spread[parent[child]] += variance[child]
    trees = np.empty((n_steps // thin, n_clones), np.int16)
    values = np.empty(n_steps // thin)
    value = scores.sum()
    touched = np.empty(6, np.int64)
    fresh = np.empty(6)
    weights = np.empty(n_clones + 1)
    for step in range(n_steps):
        kind, pick, target, accept = uniforms[step, 0], uniforms[step, 1], uniforms[step, 2], uniforms[step, 3]
        k = min(int(pick * n_clones), n_clones - 1)
        old = parent[k]
        n_touched = 0
        log_ratio = 0.0
        new = parent.copy()
        if kind < 0.7:
            if unrelated or old != germline:
                new[k] = -1
                total = 0.0
                lowest = np.inf
                for p in range(n_clones + 1):
                    u = p
                    while u >= 0 and u != k:
                        u = parent[u]
                    if u == k or (p == germline and not unrelated):
                        weights[p] = np.inf
                        continue
                    cost = 0.0
                    for s in range(n_samples):
                        taken = prevalence[k, s]
                        own = spread[p, s] + variance[k, s]
                        after = room[p, s] - taken
                        if p == old:
                            after = room[p, s]
                            own = spread[p, s]
                        before = after + taken
                        if after < 0.0:
                            cost += 0.5 * after * after / own
                        if before < 0.0:
                            cost -= 0.5 * before * before / (own - variance[k, s])
                    weights[p] = cost
                    lowest = min(lowest, cost)
                for p in range(n_clones + 1):
                    weights[p] = 0.0 if weights[p] == np.inf else math.exp(-min(0.5 * (weights[p] - lowest), 14.0))
                    total += weights[p]
                remaining = target * total
                chosen = -1
                for p in range(n_clones + 1):
                    if weights[p] > 0.0:
                        chosen = p
                        remaining -= weights[p]
                        if remaining < 0.0:
                            break
                if chosen != old:
                    new[k] = chosen
                    log_ratio = math.log(weights[old] / weights[chosen])
                    touched[0], touched[1] = old, chosen
                    n_touched = 2
        else:
            other = old if kind < 0.85 else min(int(target * n_clones), n_clones - 1)
            if other != germline and other != k:
                for v in range(n_clones):
                    if parent[v] == k:
                        new[v] = other
                    elif parent[v] == other:
                        new[v] = k
                new[k] = parent[other] if parent[other] != k else other
                new[other] = parent[k] if parent[k] != other else k
                touched[0], touched[1] = k, other
                n_touched = 2
                for p in (new[k], new[other]):
                    known = False
                    for i in range(n_touched):
                        known = known or touched[i] == p
                    if not known:
                        touched[n_touched] = p
                        n_touched += 1
        if n_touched:
            change = 0.0
            for i in range(n_touched):
                fresh[i] = vertex_score(touched[i], new, prevalence, variance, slab, floor)
                change += fresh[i] - scores[touched[i]]
            founders = 0
            for v in range(n_clones):
                founders += new[v] == germline
            valid = founders >= 2 if unrelated else founders == 1
            if valid and math.log(max(accept, 1e-300)) < heat[step] * change + log_ratio:
                parent = new
                value += change
                for i in range(n_touched):
                    v = touched[i]
                    scores[v] = fresh[i]
                    room[v] = prevalence[v]
                    spread[v] = variance[v]
                for child in range(n_clones):
                    for i in range(n_touched):
                        if parent[child] == touched[i]:
                            room[touched[i]] -= prevalence[child]
                            spread[touched[i]] += variance[child]
        if (step + 1) % thin == 0:
            trees[step // thin] = parent[:n_clones]
            values[step // thin] = value
    return trees, values
