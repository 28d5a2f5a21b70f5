"""Compiled kernels of the tree search: messages along a path, and the Markov chain over trees.

Arrays follow `tree_likelihood`: clones 0..K-1, the germline is vertex K. Imported only if a search is needed
(importing numba costs time); every kernel also runs as plain Python (NUMBA_DISABLE_JIT=1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees._local_kernels import vertex_score
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit

_TINY = 1e-200  # messages are scaled to maximum 1; what is below this is 0
_SCALED_EVERY = 16  # children: a product of messages on G grid points grows by a factor of at most G with each
# Delayed acceptance: factor on the local score, and the most it may say (natural log).
_SCREEN, _SCREENED_AT_MOST = 0.4, 5.0
_FLOOR = 1e-13  # of the local density, exp(-30)


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


@njit(cache=True)
def attachment_costs(
    moved: int, parent: IntArray, prevalence: FloatArray, variance: FloatArray, blocked: BoolArray
) -> FloatArray:
    """How badly `moved` fits below each vertex (K + 1,): growth of the squared, standardised excess of the children.

    `parent[moved]` must be -1 (taken out). Blocked vertices get infinity.
    """
    n, n_samples = prevalence.shape
    room = prevalence.copy()
    spread = variance.copy()
    for child in range(n - 1):
        if child != moved and parent[child] >= 0:
            for s in range(n_samples):
                room[parent[child], s] -= prevalence[child, s]
                spread[parent[child], s] += variance[child, s]
    costs = np.zeros(n)
    for p in range(n):
        if blocked[p]:
            costs[p] = np.inf
            continue
        for s in range(n_samples):
            before = room[p, s]
            after = before - prevalence[moved, s]
            if after < 0.0:
                costs[p] += 0.5 * after * after / (spread[p, s] + variance[moved, s])
            if before < 0.0:
                costs[p] -= 0.5 * before * before / spread[p, s]
    return costs


@njit(cache=True)
def run_chain(
    parent: IntArray,
    likelihood: FloatArray,
    slab: float,
    founder: FloatArray,
    prevalence: FloatArray,
    variance: FloatArray,
    density: float,
    unrelated: bool,
    uniforms: FloatArray,
    heat: FloatArray,
) -> tuple[NDArray[np.int16], FloatArray, NDArray[np.int16], FloatArray, int]:
    """Run Metropolis-Hastings over clone trees.

    Parameters: `parent` int64 (K + 1,), the start (germline last, its parent -1); `likelihood` (K, S, G); `prevalence`
    and `variance` (K + 1, S) of the clusters' own estimates, for informed proposals; `density` the slab per unit of
    prevalence; `unrelated` whether several founders are allowed (then at least two are asked for); `uniforms`
    (steps, 5 + K) random numbers in [0, 1); `heat` (steps,) the factor on the log-likelihood (below 1 while annealing).
    A proposal is judged by the local score first (see `_local_kernels`), and by its likelihood only if it passes:
    delayed acceptance (Christen & Fox 2005, doi:10.1198/106186005X76983), which leaves the posterior as it is.
    Returns the parent vectors of the chain (steps, K), their log-likelihoods (steps,), the proposed trees (steps, K),
    their log-likelihoods (-inf if a move was not possible), and the number of accepted moves.
    """
    n_clones, n_samples, n_grid = likelihood.shape
    germline = n_clones
    n_steps = len(heat)
    parent = parent.copy()
    messages = np.zeros((n_clones + 1, n_samples, n_grid))
    scales = np.zeros((n_clones + 1, n_samples))
    new_messages = np.zeros((n_clones + 1, n_samples, n_grid))
    new_scales = np.zeros((n_clones + 1, n_samples))
    marks = np.ones(n_clones + 1, np.bool_)
    order = marked_order(marks, parent)
    value = refresh(marks, order, parent, likelihood, slab, founder, messages, scales, new_messages, new_scales).sum()
    messages[:] = new_messages
    scales[:] = new_scales
    trees = np.empty((n_steps, n_clones), np.int16)
    values = np.empty(n_steps)
    proposals = np.empty((n_steps, n_clones), np.int16)
    proposal_values = np.full(n_steps, -np.inf)
    accepted = 0
    blocked = np.zeros(n_clones + 1, np.bool_)
    touched = np.zeros(n_clones + 1, np.bool_)
    local = np.empty(n_clones + 1)
    for v in range(n_clones + 1):
        local[v] = vertex_score(v, parent, prevalence, variance, density, _FLOOR)
    new_local = local.copy()
    for step in range(n_steps):
        kind, pick, target, accept = uniforms[step, 0], uniforms[step, 1], uniforms[step, 2], uniforms[step, 3]
        new = parent.copy()
        log_ratio = 0.0
        valid = True
        k = min(int(pick * n_clones), n_clones - 1)
        old = parent[k]
        marks[:] = False
        if kind < 0.55:  # subtree prune and regraft, targets by how well the prevalences fit
            valid = unrelated or old != germline
            if valid:
                blocked[:] = False
                blocked[germline] = not unrelated
                for v in range(n_clones):
                    u = v
                    while u >= 0 and u != k:
                        u = parent[u]
                    blocked[v] = u == k
                new[k] = -1
                costs = attachment_costs(k, new, prevalence, variance, blocked)
                lowest = costs.min()
                weights = np.exp(-np.minimum(0.5 * (costs - lowest), 12.0))
                for p in range(n_clones + 1):
                    if blocked[p]:
                        weights[p] = 0.0
                remaining = target * weights.sum()
                p = -1
                for q in range(n_clones + 1):
                    if weights[q] > 0.0:
                        p = q
                        remaining -= weights[q]
                        if remaining < 0.0:
                            break
                new[k] = p
                valid = p != old
                log_ratio = np.log(weights[old] / weights[p])
                mark_path(marks, old, new)
                mark_path(marks, p, new)
        elif kind < 0.8:  # swap the places of two clones: a clone and its parent, or any two
            other = old
            if kind >= 0.7:
                other = min(int(target * n_clones), n_clones - 1)
            valid = other != germline and other != k
            if valid:
                for v in range(n_clones):
                    if parent[v] == k:
                        new[v] = other
                    elif parent[v] == other:
                        new[v] = k
                new[k] = parent[other] if parent[other] != k else other
                new[other] = parent[k] if parent[k] != other else k
                mark_path(marks, k, new)
                mark_path(marks, other, new)
        else:  # one clone alone: its children go to its parent, then it adopts some children of its new parent
            p = min(int(target * (n_clones + 1)), n_clones)
            valid = p != k
            if valid:
                n_old = 0
                n_new = 0
                for v in range(n_clones):
                    if parent[v] == k:
                        new[v] = old
                new[k] = -1
                for v in range(n_clones):
                    if new[v] == old:
                        n_old += 1
                    if new[v] == p:
                        n_new += 1
                        if uniforms[step, 5 + v] < 0.5:
                            new[v] = k
                new[k] = p
                log_ratio = (n_new - n_old) * np.log(2.0)
                mark_path(marks, old, new)
                mark_path(marks, k, new)
        if valid:
            founders = 0
            for v in range(n_clones):
                founders += new[v] == germline
            valid = founders >= 2 if unrelated else founders == 1
        screened = 0.0
        if valid:
            touched[:] = False
            for v in range(n_clones):
                if new[v] != parent[v]:
                    touched[parent[v]] = True
                    touched[new[v]] = True
            for v in range(n_clones + 1):
                if touched[v]:
                    new_local[v] = vertex_score(v, new, prevalence, variance, density, _FLOOR)
                    screened += new_local[v] - local[v]
            screened = min(max(_SCREEN * heat[step] * screened, -_SCREENED_AT_MOST), _SCREENED_AT_MOST)
            valid = np.log(max(uniforms[step, 4], 1e-300)) < screened + log_ratio
        if valid:
            order = marked_order(marks, new)
            proposed = refresh(
                marks, order, new, likelihood, slab, founder, messages, scales, new_messages, new_scales
            ).sum()
            proposals[step] = new[:n_clones]
            proposal_values[step] = proposed
            if np.log(max(accept, 1e-300)) < heat[step] * (proposed - value) - screened:
                accepted += 1
                parent = new
                value = proposed
                for v in range(n_clones + 1):
                    if touched[v]:
                        local[v] = new_local[v]
                for v in order:
                    messages[v] = new_messages[v]
                    scales[v] = new_scales[v]
        trees[step] = parent[:n_clones]
        values[step] = value
    return trees, values, proposals, proposal_values, accepted


@njit(cache=True)
def proportions_and_presence(
    parent: IntArray, likelihood: FloatArray, slab: float, founder: FloatArray, least: int
) -> tuple[FloatArray, FloatArray]:
    """Compute mean proportions and presence of every clone in every sample under one tree (K, S each).

    `parent` int64 (K + 1,), the germline last. The same as `tree_likelihood.sample_posterior`, by prefix and suffix
    products over the children of a vertex.
    """
    n_clones, n_samples, n_grid = likelihood.shape
    messages = np.zeros((n_clones + 1, n_samples, n_grid))
    scales = np.zeros((n_clones + 1, n_samples))
    marks = np.ones(n_clones + 1, np.bool_)
    order = marked_order(marks, parent)
    refresh(marks, order, parent, likelihood, slab, founder, messages, scales, messages, scales)
    proportions = np.zeros((n_clones, n_samples))
    presence = np.zeros((n_clones, n_samples))
    functional = np.zeros((n_clones + 1, n_grid))
    prevalence = np.zeros(n_clones + 1)
    prefix = np.zeros((n_clones + 1, n_grid))
    children = np.zeros(n_clones, np.int64)
    running, context = np.zeros(n_grid), np.zeros(n_grid)
    padded = np.empty(n_grid + 3)
    for sample in range(n_samples):
        tumour = 0.0
        for i in range(len(order) - 1, -1, -1):
            v = order[i]
            n_children = 0
            for child in range(n_clones):
                if parent[child] == v:
                    children[n_children] = child
                    n_children += 1
            prefix[0] = 0.0
            prefix[0, 0] = 1.0
            for j in range(n_children):
                convolve(prefix[j], messages[children[j], sample], prefix[j + 1], padded)
                scale_down(prefix[j + 1])
            if v == n_clones:
                running[:] = founder[sample]
                total = 0.0
                for x in range(n_grid):
                    weight = prefix[n_children, x] * founder[sample, x]
                    total += weight
                    tumour += weight * x
                tumour /= total
            else:
                beyond = 0.0
                far = 0.0  # as `beyond`, from `least` steps on
                total = 0.0
                present = 0.0
                inner = 0.0
                for x in range(n_grid - 1, -1, -1):
                    outside = functional[v, x] * likelihood[v, sample, x]
                    here = prefix[n_children, x]
                    if x + least < n_grid:
                        far += functional[v, x + least] * likelihood[v, sample, x + least]
                    present += here * slab * far
                    running[x] = outside + slab * beyond
                    total += here * running[x]
                    inner += here * running[x] * x
                    beyond += outside
                presence[v, sample] = present / total
                proportions[v, sample] = max(prevalence[v] - inner / total, 0.0)
            for j in range(n_children - 1, -1, -1):
                child = children[j]
                correlate(running, prefix[j], functional[child], padded)
                scale_down(functional[child])
                total = 0.0
                mean = 0.0
                for x in range(n_grid):
                    weight = functional[child, x] * messages[child, sample, x]
                    total += weight
                    mean += weight * x
                prevalence[child] = mean / total
                correlate(running, messages[child, sample], context, padded)
                scale_down(context)
                running[:] = context
        for v in range(n_clones):
            proportions[v, sample] /= tumour
    return proportions, presence
