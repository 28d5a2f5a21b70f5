"""Histories within a site graph whose pairs repeat at most so often on one path: counted and listed exactly.

In a graph with cycles gamma exceeds the number of pairs if a path uses a pair twice. The number of uses of every
pair so far on the path is carried down the clone tree; only pairs within a cycle can repeat, so only they are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from phylometa.migration.arborescences import bits, list_arborescences
from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import OptimalHistories
from phylometa.migration.listing import Choice, walk_choices

__all__ = ["CappedHistories", "cyclic_pairs"]

Pair = tuple[int, int]
BITS = 6  # of the count of one pair on a path; more than 63 uses cannot be optimal


def cyclic_pairs(reach: Sequence[int]) -> list[Pair]:
    """Find the pairs of a graph (target bitmasks by source) that lie on a directed cycle.

    Examples
    --------
    >>> cyclic_pairs([0b110, 0b001, 0b000])
    [(0, 1), (1, 0)]
    """
    n_sites = len(reach)
    closure = list(reach)
    for middle in range(n_sites):
        for s in range(n_sites):
            if closure[s] >> middle & 1:
                closure[s] |= closure[middle]
    return [(s, t) for s in range(n_sites) for t in bits(reach[s]) if closure[t] >> s & 1]


class CappedHistories:
    """Optimal histories within a graph in which no path uses a pair more often than its cap.

    Parameters
    ----------
    optimal : OptimalHistories
    reach : sequence of int
        The graph (target bitmasks by source).
    caps : mapping of (source, target) -> int
        For pairs on a cycle; 1 if absent.
    check : callable, optional
        Called again and again while counting; may raise to end it.
    """

    def __init__(
        self,
        optimal: OptimalHistories,
        reach: Sequence[int],
        caps: Mapping[Pair, int],
        check: Callable[[], None] | None = None,
    ) -> None:
        self.optimal = optimal
        self.reach = tuple(reach)
        self._check = check
        cyclic = cyclic_pairs(reach)
        self._shift = {pair: BITS * i for i, pair in enumerate(cyclic)}
        self._cap = {pair: caps.get(pair, 1) for pair in cyclic}
        self._trees: dict[tuple[int, int], list[tuple[Pair, ...]]] = {}
        self._counts: dict[tuple[int, int, int], int] = {}

    def count(self) -> int:
        """Count these histories exactly."""
        question = self.optimal.question
        number = self._count(question.root, question.primary, 0) if self.optimal.is_feasible else 0
        self._check = None  # the time is that of the search, not of what is listed afterwards
        return number

    def __iter__(self) -> Iterator[tuple[Edge, ...]]:
        question = self.optimal.question
        if not self.count():
            return iter(())
        return walk_choices(question.order, (question.primary, 0), self._choices)

    def _after(self, used: int, s: int, t: int) -> int:
        """Uses on the path after one more of s -> t; -1 if that is one too many."""
        shift = self._shift.get((s, t))
        if shift is None:
            return used
        if used >> shift & ((1 << BITS) - 1) >= self._cap[s, t]:
            return -1
        return used + (1 << shift)

    def _within(self, sites: int, entry: int, used: int) -> Iterator[tuple[tuple[Pair, ...], dict[int, int]]]:
        """Spanning trees of a clone's sites with the uses at every site."""
        if (sites, entry) not in self._trees:
            self._trees[sites, entry] = list(list_arborescences(sites, entry, self.reach))
        for tree in self._trees[sites, entry]:
            at = {entry: used}
            for s, t in tree:
                at[t] = self._after(at[s], s, t)
                if at[t] < 0:
                    break
            else:
                yield tree, at

    def _entering(self, at: Mapping[int, int], stay: int, cross: int) -> Iterator[tuple[int, int, int]]:
        """Departing site, entering site and uses of every way into a child."""
        for t in bits(stay):
            yield t, t, at[t]
        for t in bits(cross):
            for s, used in at.items():
                if s != t and self.reach[s] >> t & 1:
                    after = self._after(used, s, t)
                    if after >= 0:
                        yield s, t, after

    def _count(self, v: int, entry: int, used: int) -> int:
        """Histories below a clone; with a stack of its own, for trees of any depth."""
        stack = [(v, entry, used)]
        while stack:
            if stack[-1] in self._counts:
                stack.pop()
                continue
            if self._check is not None:
                self._check()
            missing: list[tuple[int, int, int]] = []
            total = self._sum_of_products(*stack[-1], missing)
            if missing:
                stack += missing
            else:
                self._counts[stack.pop()] = total
        return self._counts[v, entry, used]

    def _sum_of_products(self, v: int, entry: int, used: int, missing: list[tuple[int, int, int]]) -> int:
        """The count from those of the children; what is not known of them yet is added to `missing`."""
        total = 0
        for alternative in self.optimal.alternatives[v]:
            if not alternative.entries >> entry & 1:
                continue
            for _, at in self._within(alternative.sites, entry, used):
                ways = 1
                for child, stay, cross in alternative.children:
                    into_child = 0
                    n_missing = len(missing)
                    for _, t, after in self._entering(at, stay, cross):
                        known = self._counts.get((child, t, after))
                        if known is None:
                            missing.append((child, t, after))
                        else:
                            into_child += known
                    ways *= into_child
                    if not ways and len(missing) == n_missing:
                        break
                total += ways
        return total

    def _choices(self, v: int, state: tuple[int, int]) -> Iterator[Choice[tuple[int, int]]]:
        """Choices of a clone entered at a site after some uses on the path; none that leads nowhere."""
        entry, used = state
        for alternative in self.optimal.alternatives[v]:
            if not alternative.entries >> entry & 1:
                continue
            for tree, at in self._within(alternative.sites, entry, used):
                within = tuple((v, s, v, t) for s, t in tree)
                ways = [
                    [
                        ((v, s, child, t), (child, (t, after)))
                        for s, t, after in self._entering(at, stay, cross)
                        if self._count(child, t, after)
                    ]
                    for child, stay, cross in alternative.children
                ]
                for picked in product(*ways):
                    yield (*within, *(edge for edge, _ in picked)), tuple(way for _, way in picked)
