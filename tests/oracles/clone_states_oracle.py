"""Copy number of clones by brute force: every set of changes, each applied clone by clone down the tree."""

import itertools
import math

import numpy as np


def allele_weight(a, b):
    if a == b:
        return 0.0
    if a == 0:
        return -math.inf
    steps = abs(a - b)
    extra = steps - 1 if steps <= 3 else 2 + math.log2(steps / 3)
    return math.log(0.5) + extra * math.log(0.35)


def change_weight(before, after):
    weight = sum(allele_weight(x, y) for x, y in zip(before, after))
    return weight + (math.log(0.4) if all(x != y for x, y in zip(before, after)) else 0.0)


def log_likelihood(column, clones, proportions, noise, *, phased, rounded):
    cap = math.log(0.99 / 0.01) + math.log(4 / (math.sqrt(2 * math.pi) * noise))
    total = 0.0
    for s, observed in enumerate(column):
        if np.isnan(observed[0]):
            continue
        mean = [0.0, 0.0]
        for state, share in zip(clones, proportions[:, s]):
            shown = state if phased or rounded else sorted(state, reverse=True)
            mean = [m + share * x for m, x in zip(mean, shown)]
        if rounded:
            mean.sort(reverse=True)
        distance = [abs(x - m) for x, m in zip(observed, mean)]
        if rounded:
            distance = [max(0.0, d - 0.5) for d in distance]
        total -= min(sum(d * d for d in distance) / (2 * noise**2), cap)
    return total


def plans(parents, values, doublings, most):
    """Every (copies of the clones, changes {branch: (before, after)}) of at most `most` changes."""
    n = len(parents)
    order = sorted(range(n), key=lambda v: depth(parents, v))
    states = list(itertools.product(values, repeat=2))
    for count in range(most + 1):
        for branches in itertools.combinations(range(n), count):
            for after in itertools.product(states, repeat=count):
                new = dict(zip(branches, after))
                clones, changes, legal = {}, {}, True
                for v in order:
                    own = clones[parents[v]] if parents[v] >= 0 else (1, 1)
                    before = own
                    if v in doublings:
                        own = (2 * own[0], 2 * own[1])
                    if v in new:
                        weight = change_weight(own, new[v]) if new[v] != own else -math.inf
                        if v in doublings and new[v] != own and all(x % 2 == 0 for x in new[v]):
                            half = (new[v][0] // 2, new[v][1] // 2)
                            weight = max(weight, change_weight(before, half))
                        legal &= weight > -math.inf
                        changes[v] = weight
                        own = new[v]
                    clones[v] = own
                if legal:
                    yield [clones[v] for v in range(n)], changes


def depth(parents, v):
    return 0 if parents[v] < 0 else 1 + depth(parents, parents[v])


def brute_force(
    column, parents, proportions, values, *, rate, noise, doublings=(), phased=False, rounded=False, most=2
):
    """Log evidence, P(state) per clone as dicts, P(change) (K,), and the best log weight."""
    n = len(parents)
    odds = np.log(rate / (1 - rate))
    found = []
    for clones, changes in plans(parents, values, doublings, most):
        prior = sum(odds[v] + w for v, w in changes.items())
        likelihood = log_likelihood(column, clones, proportions, noise, phased=phased, rounded=rounded)
        # The first change has the major allele where alleles are not phased: mirror images are one.
        first = min(changes, key=lambda v: depth(parents, v), default=None)
        found.append((prior + likelihood, clones, changes, first))
    if not phased:
        found = [row for row in found if row[3] is None or row[1][row[3]][0] >= row[1][row[3]][1]]
    weights = np.array([row[0] for row in found])
    total = np.logaddexp.reduce(weights)
    states, p_change = [{} for _ in range(n)], np.zeros(n)
    for (_, clones, changes, _), share in zip(found, np.exp(weights - total)):
        for v in range(n):
            states[v][clones[v]] = states[v].get(clones[v], 0.0) + share
        for v in changes:
            p_change[v] += share
    known = np.isfinite(column[:, 0]).sum()
    constant = np.log1p(-rate).sum() - known * math.log(2 * math.pi * noise**2)
    return total + constant, states, p_change, weights.max()
