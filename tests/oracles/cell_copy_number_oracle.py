"""Posterior over partitions of few cells by copy number, written out: every partition, every state of every clone."""

import functools
import itertools
import math

from cell_oracle import partitions

FAR = 30  # copies that no sum of wrong states needs more of


def distance(x, y):
    return sum(abs(a - b) for a, b in zip(x, y))


def weight(seen, state, offsets):
    return 2.0 ** -distance(seen, state) + offsets.get(tuple(a - b for a, b in zip(seen, state)), 0)


@functools.cache
def weight_of_wrong_states(state, offsets):
    """The weights of all states but one, summed up one by one; `offsets` as items."""
    every = itertools.product(range(FAR), repeat=len(state))
    return sum(weight(other, state, dict(offsets)) for other in every if other != state)


def chance(seen, state, error, offsets=()):
    """P(seen | state)."""
    if seen == state:
        return 1 - error
    items = tuple(sorted(dict(offsets).items()))
    return error * weight(seen, state, dict(offsets)) / weight_of_wrong_states(tuple(state), items)


def log_score(cells, labels, error, change, alpha, offsets):
    """Log of prior and likelihood; `cells`: a list of states (tuples of copies, None: unknown) per cell."""
    n, clones = len(cells), sorted(set(labels))
    sizes = [labels.count(k) for k in clones]
    value = sum(math.log(alpha) + math.lgamma(size) for size in sizes)
    value += math.lgamma(alpha) - math.lgamma(alpha + n)
    for j in range(len(cells[0])):
        seen = [cell[j] for cell in cells]
        states = sorted({x for x in seen if x is not None}, key=lambda x: (-seen.count(x), x))
        known = sum(x is not None for x in seen)
        prior = {s: (1 - change) * seen.count(s) / known + change * chance(s, states[0], 0.5) for s in states}
        for k in clones:
            value += math.log(
                sum(
                    prior[state]
                    * math.prod(
                        chance(x, state, error, offsets) for x, own in zip(seen, labels) if own == k and x is not None
                    )
                    for state in states
                )
            )
    return value


def all_scores(cells, error, change, alpha, offsets):
    """Labels -> log score, of every partition."""
    return {labels: log_score(cells, list(labels), error, change, alpha, offsets) for labels in partitions(len(cells))}
