"""Kernels of the sampler over clones of single cells: a chain, and the clones of cells given clones and tree."""

from __future__ import annotations

import math

import numpy as np

from phylometa.cells._moves import propose
from phylometa.cells._posterior import UNUSED, is_below, log_likelihood, log_prior, sum_by_clone, top_down
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit


@njit(cache=True)
def run_chain(
    label: IntArray, parent: IntArray, ratio: FloatArray, alpha: float, doublet: float, steps: int, heat: float,
    rng: np.random.Generator,
) -> tuple[float, int]:  # fmt: skip
    """Run Metropolis-Hastings moves at a temperature that falls from `heat` to 1 (1: none), state changed in place.

    Gives log-likelihood (against the normal genotype) plus log prior, and the accepted moves.
    """
    m, n = len(parent), len(label)
    size = np.zeros(m, np.int64)
    for i in range(n):
        size[label[i]] += 1
    own = sum_by_clone(label, ratio, m)
    lifted = np.exp(own)
    one, two = np.empty((m + 1, ratio.shape[1])), np.empty((m + 1, ratio.shape[1]))
    value = log_likelihood(parent, own, lifted, doublet, one, two) + log_prior(parent, size, alpha)
    new_label, new_parent, new_size = label.copy(), parent.copy(), size.copy()
    new_own, new_lifted = own.copy(), lifted.copy()
    is_touched = np.zeros(m, np.bool_)
    accepted = 0
    for step in range(steps):
        power = 1.0 / (1.0 + (heat - 1.0) * (1.0 - step / steps))
        new_label[:], new_parent[:], new_size[:] = label, parent, size
        possible, log_ratio = propose(new_label, new_parent, new_size, rng)
        if not possible:
            continue
        is_touched[:] = False
        for i in range(n):
            if new_label[i] != label[i]:
                is_touched[label[i]] = is_touched[new_label[i]] = True
                new_own[label[i]] -= ratio[i]
                new_own[new_label[i]] += ratio[i]
        for v in range(m):
            if is_touched[v]:
                new_lifted[v] = np.exp(new_own[v])
        new_value = log_likelihood(new_parent, new_own, new_lifted, doublet, one, two)
        new_value += log_prior(new_parent, new_size, alpha)
        is_accepted = math.log(max(rng.random(), 1e-300)) < power * (new_value - value) + log_ratio
        if is_accepted:
            label[:], parent[:], size[:] = new_label, new_parent, new_size
            value = new_value
            accepted += 1
        for v in range(m):
            if is_touched[v]:
                if is_accepted:
                    own[v], lifted[v] = new_own[v], new_lifted[v]
                else:
                    new_own[v], new_lifted[v] = own[v], lifted[v]
    return value, accepted


@njit(cache=True)
def last_common(parent: IntArray) -> IntArray:
    """Find the last common ancestor of every two vertices (M + 1, M + 1); M, the root, for slots without a clone."""
    m = len(parent)
    found = np.full((m + 1, m + 1), m)
    for u in range(m):
        for v in range(m):
            if parent[u] != UNUSED and parent[v] != UNUSED:
                w = u
                while w != m and not is_below(v, w, parent):
                    w = parent[w]
                found[u, v] = w
    return found


@njit(cache=True)
def draw_cells(
    parent: IntArray, own: FloatArray, doublet: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw the clone of every cell (C,) given clones and tree, M the normal genotype; and a second one, M for none.

    A doublet of two clones on one line has the genotype of the lower one and counts as a cell of it.
    """
    m, n_cells = len(parent), own.shape[1]
    order = top_down(parent)
    meet = last_common(parent)
    depth = np.zeros(m + 1)
    scores = np.zeros((m + 1, n_cells))
    for v in order:
        depth[v] = depth[parent[v]] + 1.0
        scores[v] = scores[parent[v]] + own[v]
    vertices = np.append(order, m)
    first, second = np.full(n_cells, m), np.full(n_cells, m)
    single, pair = (1.0 - doublet) / len(vertices), doublet / len(vertices) ** 2
    for c in range(n_cells):
        best, total = -math.inf, 0.0  # the running sum is over exp(best)
        for i in range(len(vertices)):
            u = vertices[i]
            for j in range(i + 1 if doublet > 0.0 else 0, len(vertices) + 1):
                if j < len(vertices):
                    w = meet[u, vertices[j]]
                    if w == u or w == vertices[j]:
                        continue
                    value = scores[u, c] + scores[vertices[j], c] - scores[w, c] + math.log(2.0 * pair)
                else:
                    value = scores[u, c] + math.log(single + pair * (2.0 * depth[u] + 1.0))
                if value > best:
                    total *= math.exp(best - value)
                    best = value
                weight = math.exp(value - best)
                total += weight
                if rng.random() * total < weight:  # each with its share of the sum, in one pass
                    first[c] = u
                    second[c] = vertices[j] if j < len(vertices) else m
    return first, second
