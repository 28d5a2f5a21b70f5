"""Kernels of the sampler over clones of single cells: the posterior of a state."""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit

UNUSED = -2


@njit(cache=True)
def top_down(parent: IntArray) -> IntArray:
    """List the used slots, every parent before its children; the root, vertex M, is left out."""
    m = len(parent)
    order = np.empty(m, np.int64)
    n_placed = 0
    placed = np.zeros(m + 1, np.bool_)
    placed[m] = True
    changed = True
    while changed:
        changed = False
        for v in range(m):
            if parent[v] != UNUSED and not placed[v] and placed[parent[v]]:
                order[n_placed] = v
                n_placed += 1
                placed[v] = True
                changed = True
    return order[:n_placed]


@njit(cache=True)
def add_logs(a: float, b: float) -> float:
    """Compute log(e^a + e^b)."""
    top = max(a, b)
    return top + math.log1p(math.exp(-abs(a - b)))


@njit(cache=True)
def cell_log_means(parent: IntArray, order: IntArray, own: FloatArray, cell: int) -> tuple[float, float]:
    """Log mean likelihood ratio of one cell over clones, and of two over pairs of clones, summed up as logs.

    With R(v) and Q(v) the sums over the clones, and over the ordered pairs, at or below v, each over that of v itself,
    a child w of v adds e^own(w) R(w) to R(v), and to Q(v) the pairs within w and those between w and what v had before:
    a pair of clones has the mutations of both, so that those of their last common ancestor count once.
    """
    m = len(parent)
    one, two = np.zeros(m + 1), np.zeros(m + 1)
    for j in range(len(order) - 1, -1, -1):
        v = order[j]
        above = parent[v]
        gain = own[v, cell] + one[v]
        within = own[v, cell] + two[v]
        two[above] = add_logs(two[above], add_logs(within, math.log(2.0) + gain + one[above]))
        one[above] = add_logs(one[above], gain)
    log_count = math.log(len(order) + 1.0)
    return one[m] - log_count, two[m] - 2.0 * log_count


@njit(cache=True)
def log_likelihood(
    parent: IntArray, own: FloatArray, lifted: FloatArray, doublet: float, one: FloatArray, two: FloatArray
) -> float:
    """Sum over cells of the log mean likelihood ratio over clones, the normal genotype, and pairs of these.

    As `cell_log_means` for all cells together, without logs: `lifted` is exp(own); `one` and `two` (M + 1, C) are work
    space. A cell whose sums leave the range of floats is summed up as logs.
    """
    order = top_down(parent)
    m, n_cells, count = len(parent), own.shape[1], len(order) + 1.0
    one[m], two[m] = 1.0, 1.0
    for v in order:
        one[v], two[v] = 1.0, 1.0
    for j in range(len(order) - 1, -1, -1):
        v = order[j]
        above = parent[v]
        if doublet > 0.0:
            for c in range(n_cells):
                gain = lifted[v, c] * one[v, c]
                two[above, c] += lifted[v, c] * two[v, c] + 2.0 * gain * one[above, c]
                one[above, c] += gain
        else:
            for c in range(n_cells):
                one[above, c] += lifted[v, c] * one[v, c]
    single, pair = (1.0 - doublet) / count, doublet / (count * count)
    total = 0.0
    for c in range(n_cells):
        value = single * one[m, c]
        if doublet > 0.0:
            value += pair * two[m, c]
        if value < math.inf:  # and so not nan either
            total += math.log(value)
        else:
            mean_one, mean_two = cell_log_means(parent, order, own, c)
            mean_one += math.log1p(-doublet)
            total += add_logs(mean_one, mean_two + math.log(doublet)) if doublet > 0.0 else mean_one
    return total


@njit(cache=True)
def all_log_means(parent: IntArray, own: FloatArray) -> FloatArray:
    """Give `cell_log_means` of every cell (2, C)."""
    order = top_down(parent)
    found = np.empty((2, own.shape[1]))
    for c in range(own.shape[1]):
        found[0, c], found[1, c] = cell_log_means(parent, order, own, c)
    return found


@njit(cache=True)
def log_prior(parent: IntArray, size: IntArray, alpha: float) -> float:
    """Log prior of partition (Chinese restaurant) and tree (uniform over the (K + 1)^(K - 1) rooted at the normal)."""
    count = 0
    value = 0.0
    for v in range(len(parent)):
        if parent[v] != UNUSED:
            count += 1
            value += math.log(alpha) + math.lgamma(float(size[v]))
    return value - (count - 1) * math.log(count + 1.0)


@njit(cache=True)
def is_below(v: int, top: int, parent: IntArray) -> bool:
    """Whether v is `top` or descends from it."""
    m = len(parent)
    while v != m:
        if v == top:
            return True
        v = parent[v]
    return False


@njit(cache=True)
def sum_by_clone(label: IntArray, ratio: FloatArray, n_slots: int) -> FloatArray:
    """Sum the log-likelihood ratios (n, C) of the mutations of every clone (M, C)."""
    own = np.zeros((n_slots, ratio.shape[1]))
    for i in range(len(label)):
        own[label[i]] += ratio[i]
    return own
