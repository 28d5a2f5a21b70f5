"""Compiled kernels of clone-specific copy number: every plan of at most two changes of a segment on a clone tree."""

from __future__ import annotations

import numpy as np

from phylometa.model.compiled import njit

# Groups of clones of a plan: those with the state of the root, of the first change and of the second, each with no, one
# or two doublings since.
N_GROUPS = 9


@njit(cache=True)
def _change_weight(a, b, c, d, allele_weight, both, through_doubling):  # type: ignore[no-untyped-def]
    """Log weight of a change of the alleles from (a, b) to (c, d); also by way of half the copies before a doubling."""
    if a == c and b == d:
        return -np.inf
    weight = allele_weight[a, c] + allele_weight[b, d]
    if a != c and b != d:
        weight += both
    if through_doubling and c % 2 == 0 and d % 2 == 0 and (c // 2 != a // 2 or d // 2 != b // 2):
        before = allele_weight[a // 2, c // 2] + allele_weight[b // 2, d // 2]
        if c // 2 != a // 2 and d // 2 != b // 2:
            before += both
        weight = max(weight, before)
    return weight


@njit(cache=True)
def _add_groups(groups, first_group, a, b, sorts_states, top, means):  # type: ignore[no-untyped-def]
    """Add the copies of three groups of clones of state (a, b), with no, one and two doublings since, to the mean
    copies (S, 2), in place. groups: (9, S) shares of clones."""
    for g in range(first_group, first_group + 3):
        times = 2 ** (g - first_group)
        major = min(times * a, top)
        minor = min(times * b, top)
        if sorts_states and major < minor:
            major, minor = minor, major
        for s in range(len(means)):
            means[s, 0] += groups[g, s] * major
            means[s, 1] += groups[g, s] * minor


@njit(cache=True)
def _log_likelihood(observed, means, more, is_rounded, precision, cap, floor):  # type: ignore[no-untyped-def]
    """Log-likelihood of the samples' mean copies, `means` plus `more` (S, 2); stops with -inf below `floor`."""
    total = 0.0
    for s in range(len(observed)):
        if np.isnan(observed[s, 0]):
            continue
        first = means[s, 0] + more[s, 0]
        second = means[s, 1] + more[s, 1]
        if is_rounded and first < second:
            first, second = second, first
        x = abs(observed[s, 0] - first)
        y = abs(observed[s, 1] - second)
        if is_rounded:
            x = max(0.0, x - 0.5)
            y = max(0.0, y - 0.5)
        total -= min((x * x + y * y) * precision, cap)
        if total < floor:
            return -np.inf
    return total


@njit(cache=True)
def score_plans(  # type: ignore[no-untyped-def]
    observed,
    plan_first,
    plan_second,
    is_nested,
    groups,
    first_doubled,
    second_doubled,
    between_doubled,
    first_at_doubling,
    second_at_doubling,
    values,
    log_rate,
    allele_weight,
    both,
    is_phased,
    is_rounded,
    precision,
    cap,
    cut,
):
    """All plans of one segment that are within `cut` of the best: rows (plan, a1, b1, a2, b2) and log weights.

    observed: (S, 2) mean copies, NaN if unknown. plan_first, plan_second: branches (clone below) or -1. is_nested:
    the second lies below the first. groups: (P, 9, S). first_doubled, second_doubled: doublings above or at a change;
    between_doubled: those between the two; *_at_doubling: whether one lies on the same branch.
    log_rate: (K,) log odds of a change on a branch.
    """
    top = len(allele_weight) - 1
    found = np.empty((256, 5), dtype=np.int64)
    weights = np.empty(256)
    n_found = 0
    best = -np.inf
    n_values = len(values)
    n_samples = len(observed)
    of_root = np.empty((n_samples, 2))
    of_first = np.empty((n_samples, 2))
    of_second = np.zeros((n_values * n_values, n_samples, 2))
    sorts = not is_phased and not is_rounded
    for p in range(len(plan_first)):
        u = plan_first[p]
        v = plan_second[p]
        ref = 2 ** first_doubled[p]
        of_root[:] = 0.0
        _add_groups(groups[p], 0, 1, 1, sorts, top, of_root)
        of_second[0] = 0.0
        if v >= 0:
            of_second[:] = 0.0
            for j in range(n_values * n_values):
                _add_groups(groups[p], 6, values[j // n_values], values[j % n_values], sorts, top, of_second[j])
        for i in range(n_values * n_values if u >= 0 else 1):
            a1 = 1
            b1 = 1
            prior1 = 0.0
            if u >= 0:
                a1 = values[i // n_values]
                b1 = values[i % n_values]
                if not is_phased and a1 < b1:
                    continue
                prior1 = log_rate[u] + _change_weight(ref, ref, a1, b1, allele_weight, both, first_at_doubling[p])
                if prior1 < best - cut:
                    continue
            of_first[:] = of_root
            _add_groups(groups[p], 3, a1, b1, sorts, top, of_first)
            for j in range(n_values * n_values if v >= 0 else 1):
                a2 = 1
                b2 = 1
                prior = prior1
                if v >= 0:
                    a2 = values[j // n_values]
                    b2 = values[j % n_values]
                    if is_nested[p]:
                        ra = min(a1 * 2 ** between_doubled[p], top)
                        rb = min(b1 * 2 ** between_doubled[p], top)
                    else:
                        ra = 2 ** second_doubled[p]
                        rb = ra
                    prior += log_rate[v] + _change_weight(ra, rb, a2, b2, allele_weight, both, second_at_doubling[p])
                    if prior < best - cut:
                        continue
                floor = best - cut - prior
                weight = prior + _log_likelihood(observed, of_first, of_second[j], is_rounded, precision, cap, floor)
                if weight < best - cut:
                    continue
                best = max(best, weight)
                if n_found == len(weights):
                    kept = 0
                    for k in range(n_found):
                        if weights[k] >= best - cut:
                            weights[kept] = weights[k]
                            found[kept] = found[k]
                            kept += 1
                    n_found = kept
                    if n_found > len(weights) // 2:
                        more = np.empty((2 * len(found), 5), dtype=np.int64)
                        more[:n_found] = found[:n_found]
                        found = more
                        longer = np.empty(2 * len(weights))
                        longer[:n_found] = weights[:n_found]
                        weights = longer
                weights[n_found] = weight
                found[n_found, 0] = p
                found[n_found, 1] = a1
                found[n_found, 2] = b1
                found[n_found, 3] = a2
                found[n_found, 4] = b2
                n_found += 1
    return found[:n_found], weights[:n_found]


@njit(cache=True)
def add_plans(found, share, plan_first, plan_second, group_of_clone, states, changes):  # type: ignore[no-untyped-def]
    """Add plans with posterior shares, in place, to P(state of a clone) (K, top + 1, top + 1) and P(change) (K,)."""
    top = states.shape[1] - 1
    own = np.empty((N_GROUPS, 2), dtype=np.int64)
    for k in range(len(found)):
        p = found[k, 0]
        if plan_first[p] >= 0:
            changes[plan_first[p]] += share[k]
        if plan_second[p] >= 0:
            changes[plan_second[p]] += share[k]
        own[0, 0] = 1
        own[0, 1] = 1
        own[3, 0] = found[k, 1]
        own[3, 1] = found[k, 2]
        own[6, 0] = found[k, 3]
        own[6, 1] = found[k, 4]
        for g in range(0, N_GROUPS, 3):
            for allele in range(2):
                own[g + 1, allele] = min(2 * own[g, allele], top)
                own[g + 2, allele] = min(4 * own[g, allele], top)
        for clone in range(states.shape[0]):
            g = group_of_clone[p, clone]
            states[clone, own[g, 0], own[g, 1]] += share[k]
