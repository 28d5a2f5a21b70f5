"""Compiled: the entering sites of every clone of a large tree from which an optimal subtree within a site graph exists.

The search over site graphs asks this thousands of times. For small trees `SiteGraphSearch.possible_entries` asks in
Python if no compiled code is loaded yet: loading it takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phylometa.migration.least_cost import OptimalHistories
from phylometa.model.arrays import IntArray
from phylometa.model.compiled import njit

__all__ = ["FlatAlternatives"]


class _Flat(NamedTuple):
    """Alternatives of all clones: ``order`` (K,), parents first; ``first`` (K + 1,): alternatives of each clone;
    ``set_of``, ``entries`` (A,) and ``way_first`` (A + 1,): their site set and their ways into children (``child``,
    ``stay``, ``cross``); ``masks``: the distinct site sets.
    """

    order: IntArray
    first: IntArray
    set_of: IntArray
    entries: IntArray
    way_first: IntArray
    child: IntArray
    stay: IntArray
    cross: IntArray
    masks: IntArray


@njit(cache=True)
def _possible_entries(
    flat: _Flat,
    reach: IntArray,
    possible: IntArray,
) -> int:
    """Fill in `possible` (K,), children first, up to the first clone that has no entry; return it, or -1."""
    n_sites = len(reach)
    out = np.zeros(len(flat.masks), dtype=np.int64)
    roots = np.zeros(len(flat.masks), dtype=np.int64)
    for i in range(len(flat.masks)):
        sites = flat.masks[i]
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
    for i in range(len(flat.order) - 1, -1, -1):
        v = flat.order[i]
        found = 0
        for a in range(flat.first[v], flat.first[v + 1]):
            is_possible = True
            for w in range(flat.way_first[a], flat.way_first[a + 1]):
                below = possible[flat.child[w]]
                if not below & flat.stay[w] and not below & flat.cross[w] & out[flat.set_of[a]]:
                    is_possible = False
                    break
            if is_possible:
                found |= flat.entries[a] & roots[flat.set_of[a]]
        possible[v] = found
        if not found:
            return v
    return -1


@njit(cache=True)
def _grow_cut(
    flat: _Flat,
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
        failed = _possible_entries(flat, reach, possible)
        if failed < 0:
            is_blocked[t] = True
            reach[:] = before
    n_cut = 0
    for t in range(n_sites):
        for s in range(n_sites):
            if is_blocked[t] and left[s] >> t & 1:
                reach[s] |= 1 << t
                failed = _possible_entries(flat, reach, possible)
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
        child, stay, cross = map(np.ascontiguousarray, columns)
        self._flat = _Flat(
            order=np.array(optimal.question.order, dtype=np.int64),
            first=np.array(first, dtype=np.int64),
            set_of=np.array(set_of, dtype=np.int64),
            entries=np.array(entries, dtype=np.int64),
            way_first=np.array(way_first, dtype=np.int64),
            child=child,
            stay=stay,
            cross=cross,
            masks=np.array(list(number), dtype=np.int64),
        )
        self._n_clones = len(optimal.question.parents)

    def possible_entries(self, reach: Sequence[int]) -> tuple[list[int], int]:
        """See `SiteGraphSearch.possible_entries`."""
        possible = np.zeros(self._n_clones, dtype=np.int64)
        failed = _possible_entries(self._flat, np.array(reach, dtype=np.int64), possible)
        return possible.tolist(), int(failed)

    def grow_cut(self, reach: Sequence[int], open_pairs: Sequence[int]) -> list[tuple[int, int]]:
        """See `SiteGraphSearch._cut_by_growth`."""
        n_sites = len(reach)
        grown, possible = np.array(reach, dtype=np.int64), np.zeros(self._n_clones, dtype=np.int64)
        cut = np.empty((n_sites * n_sites, 2), dtype=np.int64)
        n_cut = _grow_cut(self._flat, grown, possible, np.array(open_pairs, dtype=np.int64), cut)
        return [(s, t) for s, t in cut[:n_cut].tolist()]
