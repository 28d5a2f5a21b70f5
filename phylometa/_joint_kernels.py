"""Compiled kernel of the joint search over clusters and trees (reversible-jump Metropolis-Hastings)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phylometa._tree_kernels import attachment_costs, mark_path, marked_order, refresh
from phylometa.data import BoolArray, FloatArray, IntArray


@njit(cache=True)
def shared_error(alt: float, total: float, error: float, precision: float) -> float:
    """What an error that all reads of a cluster share leaves of their likelihood: log of beta-binomial over binomial.

    `alt` of `total` reads, both at their most likely rate; `precision`: reads at which the precision levels off.
    """
    value = min(max((alt / total - error) / (0.5 - error), 0.0), 1.1)
    rate = min(max(error + value * (0.5 - error), 0.5 / max(total, 1.0)), 0.5)
    a, b = rate * precision, (1.0 - rate) * precision
    together = math.lgamma(alt + a) + math.lgamma(total - alt + b) - math.lgamma(total + precision)
    alone = math.lgamma(a) + math.lgamma(b) - math.lgamma(precision)
    return together - alone - alt * math.log(rate) - (total - alt) * math.log(1.0 - rate)


@njit(cache=True)
def pool_cluster(
    cluster: int,
    labels: IntArray,
    curves: FloatArray,
    alt: FloatArray,
    total: FloatArray,
    options: FloatArray,
    likelihood: FloatArray,
    tops: FloatArray,
    prevalence: FloatArray,
    variance: FloatArray,
) -> None:
    """Likelihood, its maximum, prevalence and variance of one cluster from the reads of its mutations, in place.

    `options`: error rate, reads at which the precision levels off, greatest loss of a cell.
    """
    n_mutations, n_samples, n_grid = curves.shape
    error, enough, cost = options[0], options[1], options[2]
    for s in range(n_samples):
        curve = np.zeros(n_grid)
        reads = 0.0
        seen = 0.0
        for i in range(n_mutations):
            if labels[i] == cluster:
                curve += curves[i, s]
                reads += total[i, s]
                seen += alt[i, s]
        top = curve.max()
        weight = enough / (enough + reads)
        for x in range(n_grid):
            likelihood[cluster, s, x] = math.exp(max(weight * (curve[x] - top), -cost))
        tops[cluster, s] = top
        if reads > 0.0:
            value = min(max((seen / reads - error) / (0.5 - error), 0.0), 1.1)
            rate = min(max(error + value * (0.5 - error), 0.5 / max(reads, 1.0)), 0.5)
            tops[cluster, s] += shared_error(seen, reads, error, enough)
            prevalence[cluster, s] = value
            variance[cluster, s] = max(min(rate * (1.0 - rate) / (reads * weight * (0.5 - error) ** 2), 1.0), 1e-6)
        else:
            prevalence[cluster, s] = 0.0
            variance[cluster, s] = 1e4


@njit(cache=True)
def fit_weights(
    mutation: int, labels: IntArray, curves: FloatArray, alt: FloatArray, total: FloatArray, error: float,
    active: BoolArray,
) -> FloatArray:  # fmt: skip
    """How well a mutation fits each active cluster (that cluster's prevalence taken without it); sums to 1."""
    n_mutations, n_samples, n_grid = curves.shape
    n_slots = len(active)
    seen = np.zeros((n_slots, n_samples))
    reads = np.zeros((n_slots, n_samples))
    size = np.zeros(n_slots)
    for i in range(n_mutations):
        if i != mutation:
            seen[labels[i]] += alt[i]
            reads[labels[i]] += total[i]
            size[labels[i]] += 1.0
    weights = np.full(n_slots, -np.inf)
    for k in range(n_slots):
        if active[k] and size[k] > 0.0:
            weights[k] = 0.0
            for s in range(n_samples):
                if reads[k, s] > 0.0:
                    value = min(max((seen[k, s] / reads[k, s] - error) / (0.5 - error), 0.0), 1.0)
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
def side_probability(
    mutation: int, first: int, second: int, curves: FloatArray, alt: FloatArray, total: FloatArray, error: float
) -> float:
    """Probability that a split puts `mutation` with `first` rather than with `second`, by their own prevalences."""
    n_samples, n_grid = curves.shape[1], curves.shape[2]
    difference = 0.0
    for s in range(n_samples):
        for seed, sign in ((first, 1.0), (second, -1.0)):
            if total[seed, s] > 0.0:
                value = min(max((alt[seed, s] / total[seed, s] - error) / (0.5 - error), 0.0), 1.0)
                difference += sign * curves[mutation, s, min(int(value * (n_grid - 1) / 1.1 + 0.5), n_grid - 1)]
    difference = min(max(0.5 * difference, -4.0), 4.0)
    return 1.0 / (1.0 + math.exp(-difference))


@njit(cache=True)
def run_joint(
    labels: IntArray,
    parent: IntArray,
    curves: FloatArray,
    alt: FloatArray,
    total: FloatArray,
    options: FloatArray,
    slab: float,
    founder: FloatArray,
    log_mass: FloatArray,
    log_count: FloatArray,
    n_steps: int,
    thin: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Draws of (labels, parents) from the joint posterior of clusters and tree, one founder.

    `labels` (n,) cluster slot of each mutation; `parent` (slots + 1,): -2 for an unused slot, the last is the germline
    (-1); `curves` (n, S, G) log-likelihood of each mutation; `log_mass` (slots + 1,) log prior mass of proportions by
    number of clusters, all samples; `log_count` (slots + 1,) prior of the partition by number of clusters. Every
    `thin`-th of `n_steps` states is given.
    """
    n_mutations, n_samples, n_grid = curves.shape
    n_slots = len(parent) - 1
    germline = n_slots
    error = options[0]
    labels = labels.copy()
    parent = parent.copy()
    likelihood = np.ones((n_slots, n_samples, n_grid))
    tops = np.zeros((n_slots, n_samples))
    prevalence = np.zeros((n_slots + 1, n_samples))
    variance = np.full((n_slots + 1, n_samples), 0.01)
    prevalence[germline] = 1.0
    active = np.zeros(n_slots, np.bool_)
    for k in range(n_slots):
        active[k] = parent[k] != -2
        if active[k]:
            pool_cluster(k, labels, curves, alt, total, options, likelihood, tops, prevalence, variance)
    messages = np.zeros((n_slots + 1, n_samples, n_grid))
    scales = np.zeros((n_slots + 1, n_samples))
    new_messages = np.zeros((n_slots + 1, n_samples, n_grid))
    new_scales = np.zeros((n_slots + 1, n_samples))
    old_likelihood, old_tops = np.empty((2, n_samples, n_grid)), np.empty((2, n_samples))
    old_prevalence, old_variance = np.empty((2, n_samples)), np.empty((2, n_samples))
    marks = np.zeros(n_slots + 1, np.bool_)
    for v in range(n_slots + 1):
        marks[v] = parent[v] != -2
    order = marked_order(marks, parent)
    tree_value = refresh(
        marks, order, parent, likelihood, slab, founder, messages, scales, new_messages, new_scales
    ).sum()
    messages[:] = new_messages
    scales[:] = new_scales
    n_kept = n_steps // thin
    kept_labels = np.empty((n_kept, n_mutations), np.int16)
    kept_parents = np.empty((n_kept, n_slots + 1), np.int16)
    current = -np.inf
    for step in range(-1, n_steps):
        new = parent.copy()
        fresh = labels.copy()
        log_ratio = 0.0
        valid = step >= 0
        changed_first, changed_second = -1, -1
        n_active = active.sum()
        marks[:] = False
        if step >= 0:
            u = rng.random(6)
            kind = u[0]
            ordinal = min(int(u[1] * n_active), n_active - 1)
            k = 0
            for slot in range(n_slots):
                if active[slot]:
                    if ordinal == 0:
                        k = slot
                        break
                    ordinal -= 1
            i = min(int(u[2] * n_mutations), n_mutations - 1)
            if kind < 0.3:  # prune and regraft
                old = parent[k]
                valid = old != germline
                if valid:
                    blocked = np.zeros(n_slots + 1, np.bool_)
                    blocked[germline] = True
                    for v in range(n_slots):
                        w = v
                        while w >= 0 and w != k:
                            w = parent[w]
                        blocked[v] = w == k or not active[v]
                    new[k] = -1
                    weights = attachment_weights(k, new, prevalence, variance, blocked)
                    p = pick(weights, u[3])
                    new[k] = p
                    log_ratio = math.log(weights[old] / weights[p])
                    mark_path(marks, old, new)
                    mark_path(marks, p, new)
            elif kind < 0.45:  # swap a clone with its parent
                old = parent[k]
                valid = old != germline
                if valid:
                    for v in range(n_slots):
                        if parent[v] == k:
                            new[v] = old
                        elif parent[v] == old:
                            new[v] = k
                    new[k] = parent[old]
                    new[old] = k
                    mark_path(marks, old, new)
            elif kind < 0.7:  # one mutation to another cluster
                home = labels[i]
                size = 0
                for j in range(n_mutations):
                    size += labels[j] == home
                valid = size > 1
                if valid:
                    weights = fit_weights(i, labels, curves, alt, total, error, active)
                    target = pick(weights, u[3])
                    valid = target != home
                    if valid:
                        fresh[i] = target
                        log_ratio = math.log(weights[home] / weights[target])
                        changed_first, changed_second = home, target
            elif kind < 0.85:  # a mutation founds a cluster of its own, or gives its own up
                home = labels[i]
                size = 0
                for j in range(n_mutations):
                    size += labels[j] == home
                weights = fit_weights(i, labels, curves, alt, total, error, active)
                if size > 1:
                    free = -1
                    for slot in range(n_slots):
                        if not active[slot]:
                            free = slot
                            break
                    valid = free >= 0
                    if valid:
                        n_children = 0
                        for v in range(n_slots):
                            if parent[v] == k:
                                n_children += 1
                                if rng.random() < 0.5:
                                    new[v] = free
                        new[free] = k
                        fresh[i] = free
                        changed_first, changed_second = home, free
                        log_ratio = math.log(weights[home]) + math.log(n_active) + n_children * math.log(2.0)
                else:
                    valid = parent[home] != germline and n_active > 1
                    if valid:
                        target = pick(weights, u[3])
                        above = parent[home]
                        n_children = 0
                        for v in range(n_slots):
                            if parent[v] == home:
                                new[v] = above
                        new[home] = -2
                        for v in range(n_slots):
                            n_children += new[v] == above
                        fresh[i] = target
                        changed_first, changed_second = target, -1
                        log_ratio = -math.log(weights[target]) - math.log(n_active - 1) - n_children * math.log(2.0)
                        mark_path(marks, above, new)
            else:  # split a cluster around two mutations, or merge theirs
                j = min(int(u[3] * n_mutations), n_mutations - 1)
                as_child, as_leaf = u[4] < 0.35, u[4] > 0.7  # else as a sibling
                valid = i != j
                if valid and labels[i] == labels[j]:
                    home = labels[i]
                    free = -1
                    for slot in range(n_slots):
                        if not active[slot]:
                            free = slot
                            break
                    valid = free >= 0 and (as_child or as_leaf or parent[home] != germline)
                    if valid:
                        for m in range(n_mutations):
                            if labels[m] == home and m != j:
                                p_first = 1.0
                                if m != i:
                                    p_first = side_probability(m, i, j, curves, alt, total, error)
                                if m == i or rng.random() < p_first:
                                    fresh[m] = free
                                    log_ratio -= math.log(p_first)
                                else:
                                    log_ratio -= math.log(1.0 - p_first)
                        if as_leaf:
                            parts = (likelihood.copy(), tops.copy(), prevalence.copy(), variance.copy())
                            for part in (home, free):
                                pool_cluster(part, fresh, curves, alt, total, options, *parts)
                            new[free] = -1
                            blocked = ~np.append(active, False)
                            weights = attachment_weights(free, new, parts[2], parts[3], blocked)
                            p = pick(weights, u[4] / 0.3 - 0.7 / 0.3)
                            new[free] = p
                            log_ratio -= math.log(weights[p] / weights.sum())
                        else:
                            new[free] = home if as_child else parent[home]
                            for v in range(n_slots):
                                if parent[v] == home:
                                    log_ratio += math.log(2.0)
                                    if rng.random() < 0.5:
                                        new[v] = free
                        changed_first, changed_second = home, free
                elif valid:
                    gone, home = labels[i], labels[j]
                    if as_leaf:
                        valid = parent[gone] != germline and not np.any(parent[:n_slots] == gone)
                    else:
                        valid = parent[gone] == home if as_child else parent[gone] == parent[home]
                    if valid:
                        for m in range(n_mutations):
                            if m != i and m != j and (labels[m] == gone or labels[m] == home):
                                p_first = side_probability(m, i, j, curves, alt, total, error)
                                log_ratio += math.log(p_first if labels[m] == gone else 1.0 - p_first)
                            if labels[m] == gone:
                                fresh[m] = home
                        if as_leaf:
                            new[gone] = -1
                            blocked = ~np.append(active, False)
                            blocked[gone] = True
                            weights = attachment_weights(gone, new, prevalence, variance, blocked)
                            log_ratio += math.log(weights[parent[gone]] / weights.sum())
                            mark_path(marks, parent[gone], new)
                        else:
                            for v in range(n_slots):
                                if parent[v] == gone:
                                    new[v] = home
                        new[gone] = -2
                        for v in range(n_slots):
                            if not as_leaf and new[v] == home:
                                log_ratio -= math.log(2.0)
                        changed_first = home
        if valid or step < 0:
            if changed_first >= 0:
                for i_changed, changed in enumerate((changed_first, changed_second)):
                    if changed >= 0:
                        old_likelihood[i_changed], old_tops[i_changed] = likelihood[changed], tops[changed]
                        old_prevalence[i_changed], old_variance[i_changed] = prevalence[changed], variance[changed]
                        pool_cluster(
                            changed, fresh, curves, alt, total, options, likelihood, tops, prevalence, variance
                        )
                        mark_path(marks, changed, new)
                for v in range(n_slots):
                    if new[v] >= 0 and (new[v] != parent[v]):
                        mark_path(marks, new[v], new)
                        if parent[v] >= 0 and new[parent[v]] != -2:
                            mark_path(marks, parent[v], new)
            proposed_tree = tree_value
            if step >= 0:
                order = marked_order(marks, new)
                proposed_tree = refresh(
                    marks, order, new, likelihood, slab, founder, messages, scales, new_messages, new_scales
                ).sum()
            proposed = proposed_tree
            count = 0
            sizes = np.zeros(n_slots)
            for m in range(n_mutations):
                sizes[fresh[m]] += 1.0
            for slot in range(n_slots):
                if new[slot] != -2:
                    count += 1
                    proposed += tops[slot].sum() + math.lgamma(sizes[slot])
            proposed += log_count[count] - log_mass[count] - (count - 1) * math.log(count)
            if step < 0 or math.log(max(u[5], 1e-300)) < proposed - current + log_ratio:
                current = proposed
                tree_value = proposed_tree
                parent = new
                labels = fresh
                for slot in range(n_slots):
                    active[slot] = parent[slot] != -2
                if step >= 0:
                    for v in order:
                        messages[v] = new_messages[v]
                        scales[v] = new_scales[v]
            elif changed_first >= 0:
                for i_changed, changed in enumerate((changed_first, changed_second)):
                    if changed >= 0:
                        likelihood[changed], tops[changed] = old_likelihood[i_changed], old_tops[i_changed]
                        prevalence[changed], variance[changed] = old_prevalence[i_changed], old_variance[i_changed]
        if step >= 0 and (step + 1) % thin == 0:
            kept_labels[step // thin] = labels
            kept_parents[step // thin] = parent
    return kept_labels, kept_parents
