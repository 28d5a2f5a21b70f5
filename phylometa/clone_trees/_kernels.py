"""Compiled kernels of the tree search: the Markov chain over trees, and what a tree says of proportions.

Arrays follow `tree_likelihood`: clones 0..K-1, the germline is vertex K. Imported only if a search is needed
(importing numba costs time); every kernel also runs as plain Python (NUMBA_DISABLE_JIT=1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees._local_kernels import vertex_score
from phylometa.clone_trees._messages import convolve, correlate, mark_path, marked_order, refresh, scale_down
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit

# Delayed acceptance: factor on the local score, and the most it may say (natural log).
_SCREEN, _SCREENED_AT_MOST = 0.4, 5.0
_FLOOR = 1e-13  # of the local density, exp(-30)


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
def regraft(
    k: int,
    target: float,
    unrelated: bool,
    parent: IntArray,
    prevalence: FloatArray,
    variance: FloatArray,
    blocked: BoolArray,
    new: IntArray,
    marks: BoolArray,
) -> tuple[bool, float]:
    """Prune clone `k` with all below it, and graft it where the prevalences fit: `new` and `marks` in place.

    `target` in [0, 1) chooses among the vertices by their weight. Returns whether the tree changes, and the log ratio
    of the proposals' probabilities.
    """
    n_clones = len(parent) - 1
    germline = n_clones
    old = parent[k]
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
    mark_path(marks, old, new)
    mark_path(marks, p, new)
    return p != old, np.log(weights[old] / weights[p])


@njit(cache=True)
def swap_places(k: int, other: int, parent: IntArray, new: IntArray, marks: BoolArray) -> None:
    """Swap the places of two clones: `new` and `marks` in place."""
    for v in range(len(parent) - 1):
        if parent[v] == k:
            new[v] = other
        elif parent[v] == other:
            new[v] = k
    new[k] = parent[other] if parent[other] != k else other
    new[other] = parent[k] if parent[k] != other else k
    mark_path(marks, k, new)
    mark_path(marks, other, new)


@njit(cache=True)
def move_alone(k: int, p: int, parent: IntArray, uniforms: FloatArray, new: IntArray, marks: BoolArray) -> float:
    """Move clone `k` below `p` without its children, which go to its parent: `new` and `marks` in place.

    It adopts the child v of `p` if ``uniforms[5 + v]`` is below 1/2. Returns the log ratio of the proposals'
    probabilities.
    """
    n_clones = len(parent) - 1
    old = parent[k]
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
            if uniforms[5 + v] < 0.5:
                new[v] = k
    new[k] = p
    mark_path(marks, old, new)
    mark_path(marks, k, new)
    return (n_new - n_old) * np.log(2.0)


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
                valid, log_ratio = regraft(k, target, unrelated, parent, prevalence, variance, blocked, new, marks)
        elif kind < 0.8:  # swap the places of two clones: a clone and its parent, or any two
            other = old
            if kind >= 0.7:
                other = min(int(target * n_clones), n_clones - 1)
            valid = other != germline and other != k
            if valid:
                swap_places(k, other, parent, new, marks)
        else:  # one clone alone: its children go to its parent, then it adopts some children of its new parent
            p = min(int(target * (n_clones + 1)), n_clones)
            valid = p != k
            if valid:
                log_ratio = move_alone(k, p, parent, uniforms[step], new, marks)
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
