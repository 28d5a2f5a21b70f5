"""Histories on few pairs of sites: used if the optima are too many to list and the search for the simplest is too long.

Slope scaling (`phylometa.migration.slope_scaling`) meets many optimal histories with few pairs of sites and few seeding
sites, hence a small gamma and sigma. All histories on the pairs of each are as simple, and are listed. Nothing proves
that the simplest history is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from phylometa.migration.comigration import Edge, count_comigrations
from phylometa.migration.least_cost import OptimalHistories
from phylometa.migration.listing import list_histories, viable_entries

__all__ = ["list_frugal"]

# Graphs whose histories are listed, at most; histories that slope scaling looks at; passes and pricings of it.
GRAPHS, LOOKED_AT, PASSES, ROUNDS = 12, 600, 3, 3


def list_frugal(optimal: OptimalHistories, limit: int, *, cost: Callable[[int, int], float]) -> list[tuple[Edge, ...]]:
    """List up to `limit` optimal histories of small `cost`, the smallest first; deterministic.

    Parameters
    ----------
    optimal : OptimalHistories
    limit : int
    cost : callable
        Of (gamma, sigma), linear.
    """
    graphs = [graph for graph in _simple_graphs(optimal, cost) if _carries_history(optimal, graph)]
    found: dict[tuple[Edge, ...], float] = {}
    chosen = graphs[:GRAPHS] or [tuple(optimal.reach)]
    for graph in chosen:
        for edges in islice(list_histories(optimal, graph), -(-limit // len(chosen))):
            sources = {s for _, s, _, t in edges if s != t}
            found[edges] = cost(count_comigrations(edges), len(sources))
    return sorted(found, key=lambda edges: (found[edges], edges))[:limit]


def _simple_graphs(optimal: OptimalHistories, cost: Callable[[int, int], float]) -> list[tuple[int, ...]]:
    """Pairs of sites, by source as bitmasks, of the histories that slope scaling meets, the simplest first."""
    from phylometa.migration.slope_scaling import simple_history

    question = optimal.question
    n, n_sites = len(question.parents), question.n_sites
    rank = {clone: place for place, clone in enumerate(question.order)}
    above = np.array([rank.get(question.parents[clone], -1) for clone in question.order], dtype=np.int64)
    observed = [question.observed[clone] for clone in question.order]
    present = np.array([[mask >> t & 1 for t in range(n_sites)] for mask in observed], dtype=np.bool_)
    found, costs = np.empty((LOOKED_AT, n * n_sites), dtype=np.int64), np.empty(LOOKED_AT)
    number = simple_history(
        above,
        np.arange(n),
        present,
        question.primary,
        np.array([cost(1, 0) - cost(0, 0), cost(0, 1) - cost(0, 0)]),
        PASSES,
        ROUNDS,
        np.empty(n * n_sites, dtype=np.int64),
        found,
        costs,
    )[3]
    target = np.tile(np.arange(n_sites), n)
    least: dict[tuple[int, ...], float] = {}
    for up, value in zip(found[:number], costs[:number].tolist()):
        moved = (up >= 0) & (up % n_sites != target)
        reach = [0] * n_sites
        for s, t in zip((up[moved] % n_sites).tolist(), target[moved].tolist()):
            reach[s] |= 1 << t
        if all(not pairs & ~open_to for pairs, open_to in zip(reach, optimal.reach)):
            least[tuple(reach)] = min(value, least.get(tuple(reach), value))
    return sorted(least, key=lambda graph: (least[graph], graph))


def _carries_history(optimal: OptimalHistories, reach: Sequence[int]) -> bool:
    question = optimal.question
    return bool(viable_entries(optimal, reach)[question.root] >> question.primary & 1)
