"""Compiled messages of the tree likelihood: convolved over the children of a clone, worked out anew along paths.

Arrays follow `phylometa.clone_trees.likelihood`: clones 0..K-1, the germline is vertex K; S samples, G grid points of
prevalence. Every kernel also runs as plain Python (NUMBA_DISABLE_JIT=1).
"""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit

_TINY = 1e-200  # messages are scaled to maximum 1; what is below this is 0
_SCALED_EVERY = 16  # children: a product of messages on G grid points grows by a factor of at most G with each


@njit(cache=True)
def scale_down(message: FloatArray) -> float:
    """Scale a message to maximum 1, in place, and set what is negligible to 0; the log of what was divided away.

    -inf if nothing is left of it: clones that do not fit on the grid together.
    """
    n_grid = len(message)
    a, b, c, d = message[0], message[0], message[0], message[0]  # four maxima do not wait for each other
    for x in range(0, n_grid - 3, 4):
        a, b = max(a, message[x]), max(b, message[x + 1])
        c, d = max(c, message[x + 2]), max(d, message[x + 3])
    for x in range(n_grid - n_grid % 4, n_grid):
        a = max(a, message[x])
    peak = max(max(a, b), max(c, d))
    if peak == 0.0:
        return -np.inf
    factor, least = 1.0 / peak, _TINY * peak
    for x in range(n_grid):
        message[x] = message[x] * factor if message[x] > least else 0.0
    return math.log(peak)


@njit(cache=True)
def convolve(one: FloatArray, other: FloatArray, out: FloatArray, padded: FloatArray) -> None:
    """Convolve two messages (G,) into `out`; `padded` (G + 3,) is room to work in.

    Four terms at a time: a loop over so few grid points costs more to begin than to run.
    """
    n_grid = len(out)
    for x in range(3):
        padded[x] = 0.0
    for x in range(n_grid):
        padded[x + 3] = other[x]
        out[x] = 0.0
    whole = n_grid - n_grid % 4
    for x in range(0, whole, 4):
        a, b, c, d = one[x], one[x + 1], one[x + 2], one[x + 3]
        if a > 0.0 or b > 0.0 or c > 0.0 or d > 0.0:
            for y in range(n_grid - x):
                out[x + y] += (a * padded[y + 3] + b * padded[y + 2]) + (c * padded[y + 1] + d * padded[y])
    for x in range(whole, n_grid):
        for y in range(n_grid - x):
            out[x + y] += one[x] * other[y]


@njit(cache=True)
def correlate(functional: FloatArray, message: FloatArray, out: FloatArray, padded: FloatArray) -> None:
    """Fill out(x) = sum_y functional(x + y) message(y): a functional of a whole once the part `message` is known.

    `padded` (G + 3,) is room to work in; four terms at a time, as in `convolve`.
    """
    n_grid = len(out)
    for x in range(n_grid):
        padded[x] = functional[x]
        out[x] = 0.0
    for x in range(n_grid, n_grid + 3):
        padded[x] = 0.0
    whole = n_grid - n_grid % 4
    for y in range(0, whole, 4):
        a, b, c, d = message[y], message[y + 1], message[y + 2], message[y + 3]
        if a > 0.0 or b > 0.0 or c > 0.0 or d > 0.0:
            for x in range(n_grid - y):
                out[x] += (a * padded[x + y] + b * padded[x + y + 1]) + (c * padded[x + y + 2] + d * padded[x + y + 3])
    for y in range(whole, n_grid):
        for x in range(n_grid - y):
            out[x] += message[y] * functional[x + y]


@njit(cache=True)
def clone_message(
    vertex: int,
    parent: IntArray,
    likelihood: FloatArray,
    slab: float,
    messages: FloatArray,
    scales: FloatArray,
    changed: BoolArray,
    new_messages: FloatArray,
    new_scales: FloatArray,
) -> None:
    """Write one vertex's messages, from those of its children, into `new_messages`, `new_scales`.

    A child's message is read from `new_messages` if the child is marked in `changed`. The scale is the log of what
    was divided away in the whole subtree. For the germline (the last vertex) the message is that of all founders.
    """
    n_clones, n_samples, n_grid = likelihood.shape
    work, padded = np.empty(n_grid), np.empty(n_grid + 3)
    n_children = 0
    new_scales[vertex] = 0.0
    for child in range(n_clones):
        if parent[child] != vertex:
            continue
        n_children += 1
        for sample in range(n_samples):
            out = new_messages[vertex, sample]
            message = new_messages[child, sample] if changed[child] else messages[child, sample]
            new_scales[vertex, sample] += new_scales[child, sample] if changed[child] else scales[child, sample]
            if n_children == 1:
                out[:] = message
            else:
                work[:] = out
                convolve(work, message, out, padded)
                if n_children % _SCALED_EVERY == 0:
                    new_scales[vertex, sample] += scale_down(out)
    if n_children == 0:
        new_messages[vertex] = 0.0
        new_messages[vertex, :, 0] = 1.0
    for sample in range(n_samples):
        out = new_messages[vertex, sample]
        if vertex < n_clones:
            own = likelihood[vertex, sample]
            below = 0.0
            for x in range(n_grid):
                value = out[x]
                out[x] = own[x] * (value + slab * below)
                below += value
        new_scales[vertex, sample] += scale_down(out)


@njit(cache=True)
def refresh(
    marks: BoolArray,
    order: IntArray,
    parent: IntArray,
    likelihood: FloatArray,
    slab: float,
    founder: FloatArray,
    messages: FloatArray,
    scales: FloatArray,
    new_messages: FloatArray,
    new_scales: FloatArray,
) -> FloatArray:
    """Compute the log-likelihood of a tree (S,) after the messages of the vertices in `marks` were computed anew.

    `order` lists the marked vertices, every child before its parent; the germline is the last. `founder` (S, G).
    """
    n_samples = likelihood.shape[1]
    value = np.zeros(n_samples)
    germline = likelihood.shape[0]
    for vertex in order:
        clone_message(vertex, parent, likelihood, slab, messages, scales, marks, new_messages, new_scales)
    for sample in range(n_samples):
        inner = 0.0
        top = new_messages[germline, sample]
        for x in range(founder.shape[1]):
            inner += top[x] * founder[sample, x]
        value[sample] = np.log(inner) + new_scales[germline, sample]
    return value


@njit(cache=True)
def marked_order(marks: BoolArray, parent: IntArray) -> IntArray:
    """List the marked vertices by falling depth (a child before its parent)."""
    n = len(parent)
    depth = np.full(n, -1)
    count = 0
    deepest = 0
    for v in range(n):
        if marks[v]:
            u, d = v, 0
            while parent[u] >= 0:
                u = parent[u]
                d += 1
            depth[v] = d
            deepest = max(deepest, d)
            count += 1
    order = np.empty(count, np.int64)
    filled = 0
    for d in range(deepest, -1, -1):
        for v in range(n):
            if depth[v] == d:
                order[filled] = v
                filled += 1
    return order


@njit(cache=True)
def mark_path(marks: BoolArray, vertex: int, parent: IntArray) -> None:
    """Mark a vertex and all its ancestors, in place."""
    v = vertex
    while v >= 0 and not marks[v]:
        marks[v] = True
        v = parent[v]
