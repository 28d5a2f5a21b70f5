"""Ancestors of least events against brute force over all ancestral profiles, on all or some topologies."""

import itertools

import numpy as np
import pytest

from phylometa.copy_number._kernels import directed_cost
from phylometa.copy_number.exact_ancestors import exact_ancestors
from phylometa.copy_number.parsimony import _fit, _neighbours, _shape, start_topology
from phylometa.copy_number.segmentation import AlleleSequences


def sequences_of(values):
    n_columns = values.shape[1]
    every = np.arange(n_columns)
    return AlleleSequences(
        np.vstack([values, np.ones(n_columns, dtype=np.int64)]),
        np.array([0, n_columns]),
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
        ("1",),
        every,
        every,
    )


def topologies(n):
    """All rooted topologies of n - 1 samples below the diploid, the last leaf."""
    found, left = {}, [start_topology(np.ones((n, n)) - np.eye(n), n - 1)]
    while left:
        tree = left.pop()
        if _shape(tree, n) not in found:
            found[_shape(tree, n)] = tree
            left += list(_neighbours(tree, n, True))
    return list(found.values())


def brute_force(values, parents, top):
    """Least events over every assignment of profiles with values 0 to `top` to the inner nodes."""
    n, width = values.shape
    profiles = [np.array(p) for p in itertools.product(range(top + 1), repeat=width)]
    table = np.array([[directed_cost(x, y, 0) for y in profiles] for x in profiles])
    index = {tuple(p): i for i, p in enumerate(profiles)}
    leaf = [index[tuple(row)] for row in values.tolist()]
    inner = range(n, len(parents))
    best = 10**9
    for choice in itertools.product(range(len(profiles)), repeat=len(inner)):
        at = [*leaf, *choice]
        total = 0
        for v, p in enumerate(parents.tolist()):
            if p >= 0:
                total += table[at[p], at[v]]
                if total >= best:
                    break
        best = min(best, total)
    return best


@pytest.mark.parametrize(
    ("samples", "width", "top", "seed"), [(3, 3, 3, 1), (3, 3, 3, 2), (4, 2, 3, 3), (4, 2, 3, 4), (5, 2, 2, 5)]
)
def test_every_topology_against_brute_force(samples, width, top, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, top, size=(samples, width))
    sequences = sequences_of(values)
    trees = topologies(samples + 1)
    assert len(trees) == {3: 3, 4: 15, 5: 105}[samples]
    for parents in [trees[i] for i in rng.permutation(len(trees))[: {3: 3, 4: 8, 5: 3}[samples]]]:
        start = _fit(sequences, parents, np.zeros(len(parents), dtype=np.int64), False, 0)
        found = exact_ancestors(sequences, parents, start.profiles)
        assert found.n_open == 0
        assert found.length == brute_force(sequences.values, parents, top) <= start.length
        branches = [(p, v) for v, p in enumerate(parents.tolist()) if p >= 0]
        assert found.length == sum(directed_cost(found.profiles[p], found.profiles[v], 0) for p, v in branches)


def test_a_worse_start_is_improved():
    # Both samples lost the middle: one event on the branch above them, not one on each.
    sequences = sequences_of(np.array([[1, 0, 1], [1, 0, 1]]))
    parents = start_topology(np.ones((3, 3)) - np.eye(3), 2)
    profiles = np.ones((len(parents), 3), dtype=np.int64)
    profiles[:2] = sequences.values[:2]
    found = exact_ancestors(sequences, parents, profiles)
    assert (found.length, found.n_open) == (1, 0)


def test_long_sequences_are_left_open():
    values = np.random.default_rng(3).integers(0, 4, size=(4, 14))
    sequences = sequences_of(values)
    parents = topologies(5)[0]
    start = _fit(sequences, parents, np.zeros(len(parents), dtype=np.int64), False, 0)
    found = exact_ancestors(sequences, parents, start.profiles)
    assert found.n_open == 1 and found.length <= start.length
