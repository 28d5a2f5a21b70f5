"""Kernels over clones of cells by copy number: weights of a clone's states, and moves of cells."""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays

DOUBLET, NOISY = -1, -2  # labels of cells that are in no clone, in the order of `sweep`'s `outside`


@njit_without_arrays()
def sum_of_logs(values: FloatArray, n: int) -> float:
    """Log of the sum of the exponentials of the first n values."""
    top = values[0]
    for s in range(1, n):
        top = max(top, values[s])
    total = 0.0
    for s in range(n):
        total += math.exp(values[s] - top)
    return top + math.log(total)


@njit(cache=True)
def add_cell(weight: FloatArray, evidence: FloatArray, code: IntArray, sign: float) -> None:
    """Add one cell's log-likelihood to the log weights (N, S) of a clone's states, or take it away (sign -1).

    `evidence` (N, S, S) is log P(state seen | state of the clone) as [segment, clone's, seen]; `code` (N,) the states
    seen, -1 if none.
    """
    for j in range(len(code)):
        x = code[j]
        if x >= 0:
            for s in range(weight.shape[1]):
                weight[j, s] += sign * evidence[j, s, x]


@njit(cache=True)
def weights_of(cells: IntArray, prior: FloatArray, evidence: FloatArray, code: IntArray) -> FloatArray:
    """Compute the log weights (N, S) of the states of a clone of some cells; `code` (C, N)."""
    weight = prior.copy()
    for c in cells:
        add_cell(weight, evidence, code[c], 1.0)
    return weight


@njit(cache=True)
def log_evidence(weight: FloatArray, n_states: IntArray) -> float:
    """Sum over segments of the log of the summed weights: the marginal likelihood of a clone."""
    total = 0.0
    for j in range(weight.shape[0]):
        total += sum_of_logs(weight[j], n_states[j])
    return total


@njit(cache=True)
def predictive(
    weight: FloatArray, level: FloatArray, evidence: FloatArray, code: IntArray, n_states: IntArray
) -> float:
    """Log-likelihood of a cell in a clone given its other cells; `level` (N,) is the log of the summed weights."""
    total = 0.0
    for j in range(len(code)):
        x = code[j]
        if x >= 0:
            top = -1e300
            for s in range(n_states[j]):
                top = max(top, weight[j, s] + evidence[j, s, x])
            summed = 0.0
            for s in range(n_states[j]):
                summed += math.exp(weight[j, s] + evidence[j, s, x] - top)
            total += top + math.log(summed) - level[j]
    return total


@njit(cache=True)
def levels_of(weight: FloatArray, n_states: IntArray) -> FloatArray:
    """Log of the summed weights of every segment (N,)."""
    level = np.empty(weight.shape[0])
    for j in range(len(level)):
        level[j] = sum_of_logs(weight[j], n_states[j])
    return level


@njit(cache=True)
def options_of(
    cell: int,
    size: IntArray,
    weights: FloatArray,
    levels: FloatArray,
    evidence: FloatArray,
    code: IntArray,
    n_states: IntArray,
    alpha: float,
) -> FloatArray:
    """Log weight of every slot for one cell that is in none: used ones by their size, the first free one as new."""
    found = np.full(len(size), -np.inf)
    is_new = True
    for k in range(len(size)):
        if size[k] > 0 or is_new:
            is_new = is_new and size[k] > 0
            share = math.log(float(size[k])) if size[k] > 0 else math.log(alpha)
            found[k] = share + predictive(weights[k], levels[k], evidence, code[cell], n_states)
    return found


@njit(cache=True)
def sweep(
    label: IntArray,
    moved: IntArray,
    allowed: IntArray,
    outside: FloatArray,
    weights: FloatArray,
    evidence: FloatArray,
    code: IntArray,
    n_states: IntArray,
    alpha: float,
) -> int:
    """Put every cell of `moved` where it fits best given all others; number of cells that changed.

    `allowed` (slots,) is 1 for slots that may be chosen; `outside` (2, C) the log weights of a cell as a doublet and
    as noisy, over that of being a single cell. `label` and `weights` (slots, N, S) are changed.
    """
    m = weights.shape[0]
    size = np.zeros(m, np.int64)
    for k in label:
        if k >= 0:
            size[k] += 1
    levels = np.empty((m, weights.shape[1]))
    for k in range(m):
        levels[k] = levels_of(weights[k], n_states)
    n_changed = 0
    for c in moved:
        old = label[c]
        if old >= 0:
            size[old] -= 1
            add_cell(weights[old], evidence, code[c], -1.0)
            levels[old] = levels_of(weights[old], n_states)
        found = options_of(c, size, weights, levels, evidence, code, n_states, alpha)
        n_single = 0
        for k in size:
            n_single += k
        best, new = -np.inf, old
        for k in range(m):
            if allowed[k] == 1 and found[k] > best:
                best, new = found[k], k
        best -= math.log(n_single + alpha)
        for kind in range(2):
            if outside[kind, c] > best:
                best, new = outside[kind, c], -1 - kind
        label[c] = new
        if new >= 0:
            size[new] += 1
            add_cell(weights[new], evidence, code[c], 1.0)
            levels[new] = levels_of(weights[new], n_states)
        n_changed += new != old
    return n_changed
