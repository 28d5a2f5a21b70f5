"""Posterior over clones and trees of few mutations in single cells, by writing out every partition and tree."""

import itertools
import math
from collections import defaultdict


def partitions(n):
    """Every partition of n items as labels 0, 1, ... by first item."""

    def grow(labels, k):
        if len(labels) == n:
            yield tuple(labels)
            return
        for label in range(k + 1):
            yield from grow([*labels, label], max(k, label + 1))

    yield from grow([], 0)


def trees(k):
    """Every parent vector of k clones below the normal genotype k."""
    for parents in itertools.product(range(k + 1), repeat=k):
        for v in range(k):
            seen, u = set(), v
            while u != k and u not in seen:
                seen.add(u)
                u = parents[u]
            if u != k:
                break
        else:
            yield parents


def posterior(seen, false_positive, dropout, alpha, doublet=0.0):
    """(labels, parents) -> probability, of a 0/1/-1 matrix given as rows of mutations; doublets: unions of two."""
    n, n_cells = len(seen), len(seen[0])
    chance = {(1, 1): 1 - dropout, (0, 1): dropout, (1, 0): false_positive, (0, 0): 1 - false_positive}
    weight = defaultdict(float)
    for labels in partitions(n):
        k = max(labels) + 1
        prior = math.prod(alpha * math.factorial(labels.count(c) - 1) for c in range(k)) / (k + 1) ** (k - 1)
        for parents in trees(k):
            carried = []
            for clone in range(k + 1):
                path, u = set(), clone
                while u != k:
                    path.add(u)
                    u = parents[u]
                carried.append([int(labels[i] in path) for i in range(n)])
            pairs = [[max(both) for both in zip(a, b)] for a in carried for b in carried]
            likelihood = 1.0
            for c in range(n_cells):
                one, two = (
                    sum(math.prod(chance[seen[i][c], has[i]] for i in range(n) if seen[i][c] >= 0) for has in options)
                    for options in (carried, pairs)
                )
                likelihood *= (1 - doublet) * one / (k + 1) + doublet * two / (k + 1) ** 2
            weight[labels, parents] += prior * likelihood
    total = sum(weight.values())
    return {state: value / total for state, value in weight.items()}
