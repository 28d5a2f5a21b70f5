"""Compiled kernel of the joint search over clusters and trees (Metropolis-Hastings)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phylometa.clone_trees._kernels import mark_path, marked_order, refresh
from phylometa.joint._clusters import move_mutation, score_cluster, set_prevalence
from phylometa.joint._proposals import (
    adoption_probability,
    allocate,
    attachment_weights,
    fit_weights,
    free_slot,
    pick,
    tree_misfit,
)
from phylometa.model.arrays import FloatArray, IntArray

# Power of the guess of a state's posterior that proposals must pass before their tree is scored.
GUESS_WEIGHT = 0.25


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
    active = parent[:n_slots] != -2
    # sums over the mutations of every cluster
    curve = np.zeros((n_slots, n_samples, n_grid))
    seen, reads, size = np.zeros((n_slots, n_samples)), np.zeros((n_slots, n_samples)), np.zeros(n_slots)
    for m in range(n_mutations):
        move_mutation(m, -1, labels[m], curves, alt, total, curve, seen, reads, size)
    for k in range(n_slots):
        if active[k]:
            score_cluster(k, curve[k], seen[k], reads[k], options, likelihood, tops)
            set_prevalence(k, seen[k], reads[k], options, prevalence, variance)
    messages = np.zeros((n_slots + 1, n_samples, n_grid))
    scales = np.zeros((n_slots + 1, n_samples))
    new_messages = np.zeros((n_slots + 1, n_samples, n_grid))
    new_scales = np.zeros((n_slots + 1, n_samples))
    old_likelihood, old_tops = np.empty((2, n_samples, n_grid)), np.empty((2, n_samples))
    old_prevalence, old_variance = np.empty((2, n_samples)), np.empty((2, n_samples))
    old_curve, old_seen = np.empty((2, n_samples, n_grid)), np.empty((2, n_samples))
    old_reads, old_size = np.empty((2, n_samples)), np.empty(2)
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
                valid = size[home] > 1.0
                if valid:
                    weights = fit_weights(i, home, curves, alt, total, seen, reads, size, error, active)
                    target = pick(weights, u[3])
                    valid = target != home
                    if valid:
                        fresh[i] = target
                        log_ratio = math.log(weights[home] / weights[target])
                        changed_first, changed_second = home, target
            elif kind < 0.8:  # a mutation founds a cluster of its own, or gives its own up
                home = labels[i]
                fit = fit_weights(i, home, curves, alt, total, seen, reads, size, error, active)
                as_leaf = u[4] < 0.5  # else with some of its parent's children
                if size[home] > 1.0:
                    free = free_slot(active)
                    valid = free >= 0
                    if valid:
                        fresh[i] = free
                        changed_first, changed_second = home, free
                        log_ratio = math.log(fit[home])
                        near, spread = prevalence.copy(), variance.copy()
                        set_prevalence(free, alt[i], total[i], options, near, spread)
                        set_prevalence(home, seen[home] - alt[i], reads[home] - total[i], options, near, spread)
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
                        apart_seen, apart_reads = np.zeros(n_samples), np.zeros(n_samples)
                        for m in range(n_mutations):
                            if fresh[m] == free:
                                apart_seen += alt[m]
                                apart_reads += total[m]
                        set_prevalence(free, apart_seen, apart_reads, options, near, spread)
                        set_prevalence(home, seen[home] - apart_seen, reads[home] - apart_reads, options, near, spread)
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
                both = (changed_first, changed_second)
                for i_changed, changed in enumerate(both):
                    if changed >= 0:
                        old_likelihood[i_changed], old_tops[i_changed] = likelihood[changed], tops[changed]
                        old_prevalence[i_changed], old_variance[i_changed] = prevalence[changed], variance[changed]
                        if not active[changed]:
                            curve[changed], seen[changed], reads[changed], size[changed] = 0.0, 0.0, 0.0, 0.0
                        old_curve[i_changed], old_seen[i_changed] = curve[changed], seen[changed]
                        old_reads[i_changed], old_size[i_changed] = reads[changed], size[changed]
                for m in range(n_mutations):
                    if fresh[m] != labels[m]:
                        source = labels[m] if labels[m] in both else -1  # else its cluster is gone
                        move_mutation(m, source, fresh[m], curves, alt, total, curve, seen, reads, size)
                for changed in both:
                    if changed >= 0:
                        score_cluster(changed, curve[changed], seen[changed], reads[changed], options, likelihood, tops)
                        set_prevalence(changed, seen[changed], reads[changed], options, prevalence, variance)
                        mark_path(marks, changed, new)
                for v in range(n_slots):
                    if new[v] >= 0 and (new[v] != parent[v]):
                        mark_path(marks, new[v], new)
                        if parent[v] >= 0 and new[parent[v]] != -2:
                            mark_path(marks, parent[v], new)
            count = 0
            partition = 0.0
            for slot in range(n_slots):
                if new[slot] != -2:
                    count += 1
                    partition += tops[slot].sum() + math.lgamma(size[slot])
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
                        curve[changed], seen[changed] = old_curve[i_changed], old_seen[i_changed]
                        reads[changed], size[changed] = old_reads[i_changed], old_size[i_changed]
        if step >= 0 and (step + 1) % thin == 0:
            kept_labels[step // thin] = labels
            kept_parents[step // thin] = parent
    return kept_labels, kept_parents
