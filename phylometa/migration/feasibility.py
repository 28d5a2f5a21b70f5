"""Compiled: the entering sites of every clone of a large tree from which an optimal subtree within a site graph exists.

The search over site graphs asks this thousands of times. For small trees `SiteGraphSearch.possible_entries` asks in
Python if no compiled code is loaded yet: loading it takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.migration.least_cost import OptimalHistories
from phylometa.model.arrays import IntArray
from phylometa.model.compiled import njit

__all__ = ["FlatAlternatives"]


@njit(cache=True)
def _possible_entries(
    order: IntArray,
    first: IntArray,
    set_of: IntArray,
    entries: IntArray,
    way_first: IntArray,
    child: IntArray,
    stay: IntArray,
    cross: IntArray,
    masks: IntArray,
    reach: IntArray,
    possible: IntArray,
) -> int:
    """Fill in `possible` (K,), children first, up to the first clone that has no entry; return it, or -1.

    `first` (K + 1,): alternatives of each clone; `set_of`, `entries`, `way_first` (A + 1,): their site set and its
    ways into children (`child`, `stay`, `cross`); `masks`: the distinct site sets.
    """
    n_sites = len(reach)
    out = np.zeros(len(masks), dtype=np.int64)
    roots = np.zeros(len(masks), dtype=np.int64)
    for i in range(len(masks)):
        sites = masks[i]
        for s in range(n_sites):
            if sites >> s & 1:
                out[i] |= reach[s]
        if sites & (sites - 1) == 0:
            roots[i] = sites
            continue
        for root in range(n_sites):
            if not sites >> root & 1:
                continue
            seen = frontier = 1 << root
            while frontier:
                new = 0
                for s in range(n_sites):
                    if frontier >> s & 1:
                        new |= reach[s]
                frontier = new & sites & ~seen
                seen |= frontier
            if seen == sites:
                roots[i] |= 1 << root
    for i in range(len(order) - 1, -1, -1):
        v = order[i]
        found = 0
        for a in range(first[v], first[v + 1]):
            is_possible = True
            for w in range(way_first[a], way_first[a + 1]):
                below = possible[child[w]]
                if not below & stay[w] and not below & cross[w] & out[set_of[a]]:
                    is_possible = False
                    break
            if is_possible:
                found |= entries[a] & roots[set_of[a]]
        possible[v] = found
        if not found:
            return v
    return -1


@njit(cache=True)
def _grow_cut(
    order: IntArray,
    first: IntArray,
    set_of: IntArray,
    entries: IntArray,
    way_first: IntArray,
    child: IntArray,
    stay: IntArray,
    cross: IntArray,
    masks: IntArray,
    reach: IntArray,
    possible: IntArray,
    open_pairs: IntArray,
    cut: IntArray,
) -> int:
    """Grow `reach`, in place, as long as it stays infeasible; what is left open goes to `cut` (n, 2); return n.

    First all pairs into a site at once, then one by one.
    """
    n_sites = len(reach)
    is_blocked = np.zeros(n_sites, np.bool_)
    left = np.zeros(n_sites, np.int64)  # open pairs of a source
    for s in range(n_sites):
        left[s] = open_pairs[s] & ~reach[s]
    for t in range(n_sites):
        before = reach.copy()
        for s in range(n_sites):
            reach[s] |= left[s] & (1 << t)
        failed = _possible_entries(order, first, set_of, entries, way_first, child, stay, cross, masks, reach, possible)
        if failed < 0:
            is_blocked[t] = True
            reach[:] = before
    n_cut = 0
    for t in range(n_sites):
        for s in range(n_sites):
            if is_blocked[t] and left[s] >> t & 1:
                reach[s] |= 1 << t
                failed = _possible_entries(
                    order, first, set_of, entries, way_first, child, stay, cross, masks, reach, possible
                )
                if failed < 0:
                    reach[s] &= ~(1 << t)
                    cut[n_cut, 0], cut[n_cut, 1] = s, t
                    n_cut += 1
    return n_cut


class FlatAlternatives:
    """The alternatives of all clones as arrays.

    Parameters
    ----------
    optimal : OptimalHistories
        Of at most `site_graphs.MOST_COMPILED` sites.
    """

    def __init__(self, optimal: OptimalHistories) -> None:
        first, set_of, entries, way_first = [0], [], [], [0]
        ways: list[tuple[int, int, int]] = []
        number: dict[int, int] = {}
        for alternatives in optimal.alternatives:
            for alternative in alternatives:
                set_of.append(number.setdefault(alternative.sites, len(number)))
                entries.append(alternative.entries)
                ways += alternative.children
                way_first.append(len(ways))
            first.append(len(set_of))
        columns = np.array(ways, dtype=np.int64).reshape(-1, 3).T
        lists = (optimal.question.order, first, set_of, entries, way_first)
        arrays = [np.array(values, dtype=np.int64) for values in lists]
        self._arguments = (*arrays, *map(np.ascontiguousarray, columns), np.array(list(number), dtype=np.int64))
        self._n_clones = len(optimal.question.parents)

    def possible_entries(self, reach: Sequence[int]) -> tuple[list[int], int]:
        """See `SiteGraphSearch.possible_entries`."""
        possible = np.zeros(self._n_clones, dtype=np.int64)
        failed = _possible_entries(*self._arguments, np.array(reach, dtype=np.int64), possible)
        return possible.tolist(), int(failed)

    def grow_cut(self, reach: Sequence[int], open_pairs: Sequence[int]) -> list[tuple[int, int]]:
        """See `SiteGraphSearch._cut_by_growth`."""
        n_sites = len(reach)
        grown, possible = np.array(reach, dtype=np.int64), np.zeros(self._n_clones, dtype=np.int64)
        cut = np.empty((n_sites * n_sites, 2), dtype=np.int64)
        n_cut = _grow_cut(*self._arguments, grown, possible, np.array(open_pairs, dtype=np.int64), cut)
        return [(s, t) for s, t in cut[:n_cut].tolist()]
