"""Histories on few site pairs, used if the optima are too many to list and the search for the simplest takes too long.

Pairs of sites are struck out, whole sources first, for as long as some optimal history remains; the histories of what
is left use few pairs and few seeding sites, and so have a small gamma and sigma. Several fixed orders of striking out
give several graphs. Nothing proves that the simplest history is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from phylometa.migration.arborescences import bits
from phylometa.migration.comigration import Edge, count_comigrations
from phylometa.migration.least_cost import OptimalHistories
from phylometa.migration.listing import list_histories, viable_entries

__all__ = ["list_frugal"]

ORDERS = 6


def list_frugal(optimal: OptimalHistories, limit: int, *, cost: Callable[[int, int], float]) -> list[tuple[Edge, ...]]:
    """List up to `limit` optimal histories of small `cost`, the smallest first; deterministic.

    Parameters
    ----------
    optimal : OptimalHistories
    limit : int
    cost : callable
        Of (gamma, sigma).
    """
    found: dict[tuple[Edge, ...], float] = {}
    share = -(-limit // ORDERS)
    for graph in _minimal_graphs(optimal):
        for edges in islice(list_histories(optimal, graph), share):
            sources = {s for _, s, _, t in edges if s != t}
            found[edges] = cost(count_comigrations(edges), len(sources))
    return sorted(found, key=lambda edges: (found[edges], edges))[:limit]


def _minimal_graphs(optimal: OptimalHistories) -> Iterator[tuple[int, ...]]:
    """Graphs from which no pair can be struck out, one for each of the fixed orders; equal ones once."""
    n_sites = optimal.question.n_sites
    state, seen = 1, set()
    for _ in range(ORDERS):
        ranks = []
        for _ in range(n_sites * n_sites):
            state = (1103515245 * state + 12345) % 2147483648
            ranks.append(state >> 8)
        reach = list(optimal.reach)
        for s in sorted(range(n_sites), key=lambda s: ranks[s]):
            if s != optimal.question.primary:
                _strike(optimal, reach, s, reach[s])
        for pair in sorted(range(n_sites * n_sites), key=lambda pair: ranks[pair]):
            s, t = divmod(pair, n_sites)
            if reach[s] >> t & 1:
                _strike(optimal, reach, s, 1 << t)
        graph = tuple(reach)
        if graph not in seen:
            seen.add(graph)
            yield graph


def _strike(optimal: OptimalHistories, reach: list[int], source: int, targets: int) -> None:
    """Remove `targets` of `source` if an optimal history is left; several at a time by halves."""
    if not targets:
        return
    kept = reach[source]
    reach[source] &= ~targets
    if _carries_history(optimal, reach):
        return
    reach[source] = kept
    members = bits(targets)
    if len(members) > 1:
        half = sum(1 << t for t in members[: len(members) // 2])
        _strike(optimal, reach, source, half)
        _strike(optimal, reach, source, targets & ~half)


def _carries_history(optimal: OptimalHistories, reach: Sequence[int]) -> bool:
    question = optimal.question
    return bool(viable_entries(optimal, reach)[question.root] >> question.primary & 1)
