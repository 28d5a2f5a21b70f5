"""Compiled proposals of the joint search over clusters and trees: where a mutation or a clone may go."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from phylometa.clone_trees._kernels import attachment_costs
from phylometa.joint._clusters import NO_READS
from phylometa.model.arrays import BoolArray, FloatArray, IntArray


@njit(cache=True)
def fit_weights(
    mutation: int, home: int, curves: FloatArray, alt: FloatArray, total: FloatArray, seen: FloatArray,
    reads: FloatArray, size: FloatArray, error: float, active: BoolArray,
) -> FloatArray:  # fmt: skip
    """How well a mutation of cluster `home` fits each active cluster, itself left out of their reads; sums to 1.

    `seen`, `reads` (slots, S), `size` (slots,): sums over the mutations of every cluster.
    """
    n_samples, n_grid = curves.shape[1], curves.shape[2]
    n_slots = len(active)
    weights = np.full(n_slots, -np.inf)
    for k in range(n_slots):
        own = 1.0 if k == home else 0.0
        if active[k] and size[k] - own > 0.5:
            weights[k] = 0.0
            for s in range(n_samples):
                others = reads[k, s] - own * total[mutation, s]
                if others > NO_READS:
                    value = (seen[k, s] - own * alt[mutation, s]) / others
                    value = min(max((value - error) / (0.5 - error), 0.0), 1.0)
                    weights[k] += curves[mutation, s, min(int(value * (n_grid - 1) / 1.1 + 0.5), n_grid - 1)]
    top = weights.max()
    for k in range(n_slots):
        weights[k] = math.exp(max(0.7 * (weights[k] - top), -9.0)) if weights[k] > -np.inf else 0.0
    return weights / weights.sum()


@njit(cache=True)
def attachment_weights(
    moved: int, parent: IntArray, prevalence: FloatArray, variance: FloatArray, blocked: BoolArray
) -> FloatArray:
    """Weights of the vertices below which `moved`, taken out of the tree, may be put; 0 where blocked."""
    costs = attachment_costs(moved, parent, prevalence, variance, blocked)
    weights = np.exp(-np.minimum(0.5 * (costs - costs.min()), 12.0))
    for p in range(len(weights)):
        if blocked[p]:
            weights[p] = 0.0
    return weights


@njit(cache=True)
def pick(weights: FloatArray, uniform: float) -> int:
    """Index drawn with probabilities proportional to `weights`."""
    remaining = uniform * weights.sum()
    chosen = -1
    for k in range(len(weights)):
        if weights[k] > 0.0:
            chosen = k
            remaining -= weights[k]
            if remaining < 0.0:
                break
    return chosen


@njit(cache=True)
def tree_misfit(parent: IntArray, prevalence: FloatArray, variance: FloatArray) -> float:
    """Half the squared, standardised excess of the children over their parent, over clones and samples."""
    n, n_samples = prevalence.shape
    room = prevalence.copy()
    spread = variance.copy()
    for child in range(n - 1):
        if parent[child] >= 0:
            for s in range(n_samples):
                room[parent[child], s] -= prevalence[child, s]
                spread[parent[child], s] += variance[child, s]
    cost = 0.0
    for p in range(n):
        if parent[p] != -2:
            for s in range(n_samples):
                if room[p, s] < 0.0:
                    cost += 0.5 * room[p, s] ** 2 / spread[p, s]
    return cost


@njit(cache=True)
def free_slot(active: BoolArray) -> int:
    """The first slot without a cluster; -1: none."""
    for slot in range(len(active)):
        if not active[slot]:
            return slot
    return -1


@njit(cache=True)
def adoption_probability(child: int, first: int, second: int, prevalence: FloatArray, variance: FloatArray) -> float:
    """Probability that `child` is put below clone `first` rather than `second` (-1: a clone that holds it anyway)."""
    cost = 0.0
    for s in range(prevalence.shape[1]):
        excess = prevalence[child, s] - prevalence[first, s]
        if excess > 0.0:
            cost += 0.5 * excess * excess / (variance[child, s] + variance[first, s])
        if second >= 0:
            excess = prevalence[child, s] - prevalence[second, s]
            if excess > 0.0:
                cost -= 0.5 * excess * excess / (variance[child, s] + variance[second, s])
    return 1.0 / (1.0 + math.exp(min(max(cost, -4.0), 4.0)))


@njit(cache=True)
def allocate(
    i: int, j: int, first: int, second: int, is_new: bool, labels: IntArray, curves: FloatArray, alt: FloatArray,
    total: FloatArray, error: float, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Put the members of one clone, one after the other, with `i` (`first`) or `j` (`second`), as they fit; log
    probability of the outcome.

    Each is judged by the prevalences of those already placed. `is_new`: `labels`, where all are `second` but `i`, are
    changed in place; else they are the outcome of which the probability is wanted.
    """
    n_mutations, n_samples, n_grid = curves.shape
    seen = np.zeros((2, n_samples))
    reads = np.zeros((2, n_samples))
    seen[0], reads[0] = alt[i], total[i]
    seen[1], reads[1] = alt[j], total[j]
    log_probability = 0.0
    for m in range(n_mutations):
        if m in (i, j) or labels[m] not in (first, second):
            continue
        difference = 0.0
        for s in range(n_samples):
            for side in range(2):
                if reads[side, s] > 0.0:
                    value = min(max((seen[side, s] / reads[side, s] - error) / (0.5 - error), 0.0), 1.0)
                    curve = curves[m, s, min(int(value * (n_grid - 1) / 1.1 + 0.5), n_grid - 1)]
                    difference += curve if side == 0 else -curve
        p_first = 1.0 / (1.0 + math.exp(-min(max(0.7 * difference, -5.0), 5.0)))
        if is_new:
            labels[m] = first if rng.random() < p_first else second
        side = 0 if labels[m] == first else 1
        log_probability += math.log(p_first if side == 0 else 1.0 - p_first)
        seen[side] += alt[m]
        reads[side] += total[m]
    return log_probability
