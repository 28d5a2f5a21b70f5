"""The heaviest histories first, for when there are too many to list them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from phylometa.migration.comigration import Edge, count_comigrations
from phylometa.migration.least_cost import OptimalHistories
from phylometa.migration.listing import list_histories
from phylometa.migration.site_graph_program import OutOfTime
from phylometa.migration.site_graphs import SiteGraphSearch, graph_pairs

__all__ = ["list_simplest"]

LISTED_PER_GRAPH = 200_000  # histories of one site graph that are looked at


def list_simplest(
    optimal: OptimalHistories, limit: int, *, cost: Callable[[int, int], float], seconds: float
) -> list[tuple[Edge, ...]]:
    """List the `limit` histories of least `cost`, without listing the others.

    Site graphs are searched by rising cost of (number of pairs, seeding sites); the histories of a graph that use
    all of its pairs cost at least as much.

    Parameters
    ----------
    optimal : OptimalHistories
    limit : int
        Histories wanted.
    cost : callable
        Of (gamma, sigma); must not fall when either rises.
    seconds : float
        CPU time limit; what was found by then is returned (possibly nothing).

    Returns
    -------
    list of histories
        By rising cost; ties in a fixed order.
    """
    search = SiteGraphSearch(optimal, deadline=time.process_time() + seconds)
    n_sites = optimal.question.n_sites
    n_pairs = sum(targets.bit_count() for targets in search.useful)
    fewest, _ = search.lower_bound([0] * n_sites, search.useful, n_pairs)
    levels = sorted(
        (cost(size, sources), size, sources)
        for size in range(fewest, n_pairs + 1)
        for sources in range(min(size, 1), min(size, n_sites) + 1)
    )
    waiting: list[tuple[float, tuple[Edge, ...]]] = []
    try:
        for level, size, sources in levels:
            ready = sum(1 for waiting_cost, _ in waiting if waiting_cost <= level)
            if ready >= limit:
                break
            for graph in search.graphs(size, max_sources=sources):
                if sum(1 for targets in graph if targets) != sources:
                    continue
                pairs = graph_pairs(graph)
                for edges in islice(list_histories(optimal, graph), LISTED_PER_GRAPH):
                    if {(s, t) for _, s, _, t in edges if s != t} == pairs:
                        exact = cost(count_comigrations(edges), sources)
                        waiting.append((exact, edges))
                        ready += exact <= level
                        if ready >= limit:
                            break
                if ready >= limit:
                    break
    except OutOfTime:
        pass  # what was found by then is still worth having
    return [edges for _, edges in sorted(waiting)[:limit]]
