"""Compiled kernel of the joint search over clusters and trees (Metropolis-Hastings)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phylometa._joint_proposals import (
    adoption_probability,
    allocate,
    attachment_weights,
    fit_weights,
    free_slot,
    pick,
    tree_misfit,
)
from phylometa._tree_kernels import mark_path, marked_order, refresh
from phylometa.data import FloatArray, IntArray

# Power of the guess of a state's posterior that proposals must pass before their tree is scored.
GUESS_WEIGHT = 0.25


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
def pool_prevalence(
    cluster: int, labels: IntArray, alt: FloatArray, total: FloatArray, options: FloatArray, prevalence: FloatArray,
    variance: FloatArray,
) -> None:  # fmt: skip
    """Prevalence and its variance of one cluster from the reads of its mutations, in place; options as below."""
    error, enough = options[0], options[1]
    for s in range(alt.shape[1]):
        reads = 0.0
        seen = 0.0
        for i in range(len(labels)):
            if labels[i] == cluster:
                reads += total[i, s]
                seen += alt[i, s]
        if reads > 0.0:
            value = min(max((seen / reads - error) / (0.5 - error), 0.0), 1.1)
            rate = min(max(error + value * (0.5 - error), 0.5 / max(reads, 1.0)), 0.5)
            weight = enough / (enough + reads)
            prevalence[cluster, s] = value
            variance[cluster, s] = max(min(rate * (1.0 - rate) / (reads * weight * (0.5 - error) ** 2), 1.0), 1e-6)
        else:
            prevalence[cluster, s] = 0.0
            variance[cluster, s] = 1e4


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
            tops[cluster, s] += shared_error(seen, reads, error, enough)
    pool_prevalence(cluster, labels, alt, total, options, prevalence, variance)


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
    current, current_partition, current_misfit, per_clone = -np.inf, 0.0, 0.0, 0.0
    for step in range(-1, n_steps):
        new = parent.copy()
        fresh = labels.copy()
        log_ratio = 0.0
        valid = step >= 0
        changed_first, changed_second = -1, -1
        n_active = active.sum()
        marks[:] = False
        if step in (0, n_steps // 4):  # what a clone costs where it fits; in the half that is discarded
            per_clone = max(-(tree_value + current_misfit) / n_active, 0.0)
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
            if kind < 0.25:  # prune and regraft
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
                    valid = p != old
                    if valid:
                        log_ratio = math.log(weights[old] / weights[p])
                        new[k] = p
                        mark_path(marks, old, new)
                        mark_path(marks, p, new)
            elif kind < 0.35:  # swap a clone with its parent
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
            elif kind < 0.65:  # one mutation to another cluster
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
            elif kind < 0.8:  # a mutation founds a cluster of its own, or gives its own up
                home = labels[i]
                size = 0
                for j in range(n_mutations):
                    size += labels[j] == home
                fit = fit_weights(i, labels, curves, alt, total, error, active)
                as_leaf = u[4] < 0.5  # else with some of its parent's children
                if size > 1:
                    free = free_slot(active)
                    valid = free >= 0
                    if valid:
                        fresh[i] = free
                        changed_first, changed_second = home, free
                        log_ratio = math.log(fit[home])
                        near, spread = prevalence.copy(), variance.copy()
                        for part in (home, free):
                            pool_prevalence(part, fresh, alt, total, options, near, spread)
                        if as_leaf:
                            new[free] = -1
                            blocked = ~np.append(active, False)
                            weights = attachment_weights(free, new, near, spread, blocked)
                            k = pick(weights, u[3])
                            log_ratio -= math.log(weights[k] / weights.sum())
                        else:
                            log_ratio += math.log(n_active)
                            for v in range(n_slots):
                                if parent[v] == k:
                                    p_below = adoption_probability(v, free, -1, near, spread)
                                    if rng.random() < p_below:
                                        new[v] = free
                                    log_ratio -= math.log(p_below if new[v] == free else 1.0 - p_below)
                        new[free] = k
                else:
                    above = parent[home]
                    valid = above != germline and n_active > 1
                    valid = valid and not (as_leaf and np.any(parent[:n_slots] == home))
                    if valid:
                        target = pick(fit, u[3])
                        log_ratio = -math.log(fit[target])
                        if as_leaf:
                            new[home] = -1
                            blocked = ~np.append(active, False)
                            blocked[home] = True
                            weights = attachment_weights(home, new, prevalence, variance, blocked)
                            log_ratio += math.log(weights[above] / weights.sum())
                        else:
                            log_ratio -= math.log(n_active - 1)
                            for v in range(n_slots):
                                if parent[v] == home or (parent[v] == above and v != home):
                                    p_below = adoption_probability(v, home, -1, prevalence, variance)
                                    log_ratio += math.log(p_below if parent[v] == home else 1.0 - p_below)
                                    new[v] = above
                        new[home] = -2
                        fresh[i] = target
                        changed_first, changed_second = target, -1
                        mark_path(marks, above, new)
            else:  # split a cluster around two mutations, or merge theirs
                j = min(int(u[3] * n_mutations), n_mutations - 1)
                as_child, as_leaf = u[4] < 0.35, u[4] > 0.7  # else as a sibling
                valid = i != j
                if valid and labels[i] == labels[j]:
                    home = labels[i]
                    free = free_slot(active)
                    valid = free >= 0 and (as_child or as_leaf or parent[home] != germline)
                    if valid:
                        fresh[i] = free
                        log_ratio = -allocate(i, j, free, home, True, fresh, curves, alt, total, error, rng)
                        changed_first, changed_second = home, free
                        near, spread = prevalence.copy(), variance.copy()
                        for part in (home, free):
                            pool_prevalence(part, fresh, alt, total, options, near, spread)
                        if as_leaf:
                            new[free] = -1
                            blocked = ~np.append(active, False)
                            weights = attachment_weights(free, new, near, spread, blocked)
                            p = pick(weights, u[4] / 0.3 - 0.7 / 0.3)
                            new[free] = p
                            log_ratio -= math.log(weights[p] / weights.sum())
                        else:
                            new[free] = home if as_child else parent[home]
                            for v in range(n_slots):
                                if parent[v] == home:
                                    p_below = adoption_probability(v, free, -1 if as_child else home, near, spread)
                                    if rng.random() < p_below:
                                        new[v] = free
                                    log_ratio -= math.log(p_below if new[v] == free else 1.0 - p_below)
                elif valid:
                    gone, home = labels[i], labels[j]
                    if as_leaf:
                        valid = parent[gone] != germline and not np.any(parent[:n_slots] == gone)
                    else:
                        valid = parent[gone] == home if as_child else parent[gone] == parent[home]
                    if valid:
                        log_ratio = allocate(i, j, gone, home, False, labels, curves, alt, total, error, rng)
                        for m in range(n_mutations):
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
                                if v != gone and (parent[v] == gone or parent[v] == home):
                                    p_below = adoption_probability(
                                        v, gone, -1 if as_child else home, prevalence, variance
                                    )
                                    log_ratio += math.log(p_below if parent[v] == gone else 1.0 - p_below)
                                    new[v] = home
                        new[gone] = -2
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
            count = 0
            sizes = np.zeros(n_slots)
            for m in range(n_mutations):
                sizes[fresh[m]] += 1.0
            partition = 0.0
            for slot in range(n_slots):
                if new[slot] != -2:
                    count += 1
                    partition += tops[slot].sum() + math.lgamma(sizes[slot])
            partition += log_count[count] - log_mass[count] - (count - 1) * math.log(count)
            misfit = tree_misfit(new, prevalence, variance)
            passes = True
            if step >= 0 and (kind >= 0.65 or 0.25 <= kind < 0.35):  # delayed acceptance: most of these fail
                rise = partition - current_partition - misfit + current_misfit - per_clone * (count - n_active)
                rise *= GUESS_WEIGHT
                passes = math.log(max(rng.random(), 1e-300)) < rise + log_ratio
                log_ratio = -rise
            proposed_tree = tree_value
            if passes and step >= 0:
                order = marked_order(marks, new)
                proposed_tree = refresh(
                    marks, order, new, likelihood, slab, founder, messages, scales, new_messages, new_scales
                ).sum()
            proposed = proposed_tree + partition
            if step < 0 or (passes and math.log(max(u[5], 1e-300)) < proposed - current + log_ratio):
                current, current_partition, current_misfit = proposed, partition, misfit
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
