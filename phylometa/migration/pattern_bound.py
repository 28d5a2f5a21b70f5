"""Optima under an upper bound on the pattern of migration: branch and bound on the routes that are open."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence

from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import Costs, OptimalHistories, Question, complete_graph, count_histories, solve
from phylometa.migration.lexicographic import Family, Optima, find_optima
from phylometa.migration.listing import list_histories
from phylometa.migration.patterns import is_within_pattern, migration_pattern
from phylometa.migration.scoring import check_criteria, score_edges
from phylometa.migration.site_graph_program import OutOfTime
from phylometa.migration.site_graphs import SiteGraphSearch, graph_pairs

__all__ = ["find_optima_within_pattern"]

Pair = tuple[int, int]
LISTED_PER_NODE = 2000


def find_optima_within_pattern(
    question: Question,
    criteria: str,
    pattern: str,
    *,
    reach: Sequence[int] | None = None,
    seconds: float = 60.0,
    limit: int = 10_000,
) -> Optima:
    """Find optima among the histories whose pattern is within a bound (PS within S within M within R).

    PS closes every route but those from the primary. For S and M, sets of open routes are explored by rising least
    cost of the additive criteria before the first of C and S; if no optimal history of a set keeps to the pattern,
    one of them breaks it by a cycle, or by two sources of one site: at least one of these routes must be closed.

    Parameters
    ----------
    question, criteria, reach, seconds
        See `find_optima`.
    pattern : {"PS", "S", "M", "R"}
    limit : int
        Most histories listed.

    Returns
    -------
    Optima
        Families that are listed; ``proved`` is False if a limit cut the search short.
    """
    start = tuple(reach) if reach is not None else complete_graph(question.n_sites)
    if pattern == "R":
        return find_optima(question, criteria, reach=start, seconds=seconds)
    if pattern == "PS":
        start = tuple(targets if s == question.primary else 0 for s, targets in enumerate(start))
        return find_optima(question, criteria, reach=start, seconds=seconds)
    found = _PatternSearch(question, criteria, pattern, time.process_time() + seconds, limit).run(start)
    if found.families or found.proved:
        return found
    # Out of time before any was met: migrations from the primary alone keep to every pattern.
    single_source = find_optima_within_pattern(question, criteria, "PS", reach=start, seconds=seconds)
    return Optima(single_source.families, proved=False)


class _PatternSearch:
    """Branch and bound for patterns S and M."""

    def __init__(self, question: Question, criteria: str, pattern: str, deadline: float, limit: int) -> None:
        letters = check_criteria(criteria)
        first = min((letters.index(letter) for letter in "CS" if letter in letters), default=len(letters))
        self.question = question
        self.rest = letters[first:]
        self.costs = Costs.from_criteria(letters[:first])
        self.pattern = pattern
        self.deadline = deadline
        self.limit = limit
        self.proved = True
        self.best: tuple[int, ...] = ()
        self.found: dict[frozenset[Edge], tuple[Edge, ...]] = {}

    def run(self, start: tuple[int, ...]) -> Optima:
        first = solve(self.question, self.costs, start)
        queue = [(first.optimum, start, first)]
        seen = {start}
        least: int | None = None
        while queue:
            optimum, reach, optimal = heapq.heappop(queue)
            if not optimal.is_feasible or (least is not None and optimum > least):
                break
            if time.process_time() > self.deadline:
                self.proved = False
                break
            if self._take(optimal):
                least = optimum
                continue
            # No optimal history of these routes keeps to the pattern, so neither does the first.
            for s, t in self._violation(next(list_histories(optimal))):
                smaller = tuple(targets & ~(1 << t) if i == s else targets for i, targets in enumerate(reach))
                if smaller not in seen:
                    seen.add(smaller)
                    below = solve(self.question, self.costs, smaller)
                    heapq.heappush(queue, (below.optimum, smaller, below))
        histories = tuple(self.found.values())
        if not histories:
            return Optima(proved=self.proved)
        return Optima((Family(first, start, len(histories), histories),), self.proved)

    def _take(self, optimal: OptimalHistories) -> bool:
        """Keep the best optimal histories within the pattern; False if there is none."""
        root = (self.question.root, self.question.primary)
        any_within = False
        n_within = 0
        for edges in self._candidates(optimal):
            if not is_within_pattern(migration_pattern((s, t) for _, s, _, t in edges if s != t), self.pattern):
                continue
            any_within = True
            key = score_edges(edges, root, self.question.observed).key(self.rest)
            if not self.found or key < self.best:
                self.best, self.found = key, {}
            if key == self.best:
                self.found[frozenset(edges)] = edges
            n_within += 1
            if n_within >= self.limit:
                self.proved = False
                break
        return any_within

    def _candidates(self, optimal: OptimalHistories) -> Iterator[tuple[Edge, ...]]:
        """All optimal histories, or those of the site graphs within the pattern by size if they are too many."""
        if count_histories(optimal) <= LISTED_PER_NODE:
            yield from list_histories(optimal)
            return
        search = SiteGraphSearch(optimal, pattern=self.pattern, deadline=self.deadline)
        try:
            if not search.has_graph():
                return
            for size in range(sum(targets.bit_count() for targets in search.useful) + 1):
                for graph in search.graphs(size):
                    pairs = graph_pairs(graph)
                    for edges in list_histories(optimal, graph):
                        if {(s, t) for _, s, _, t in edges if s != t} == pairs:
                            yield edges
                    if self.found and self.rest[:1] == "C" and size > self.best[0]:
                        return  # in an acyclic graph gamma is its size, so none that follows is as good
        except OutOfTime:
            self.proved = False

    def _violation(self, edges: Sequence[Edge]) -> list[Pair]:
        """Pairs of a history of which one must go: two sources of one site (pattern S), or a cycle."""
        pairs = sorted({(s, t) for _, s, _, t in edges if s != t})
        if self.pattern == "S":
            for i, (_, t) in enumerate(pairs):
                for other in pairs[i + 1 :]:
                    if other[1] == t:
                        return [pairs[i], other]
        source_of: dict[int, int] = {}
        remaining = set(pairs)
        while True:  # what remains when sites without source or target are taken away holds a cycle
            sources, targets = {s for s, _ in remaining}, {t for _, t in remaining}
            kept = {(s, t) for s, t in remaining if s in targets and t in sources}
            if kept == remaining:
                break
            remaining = kept
        for s, t in sorted(remaining):
            source_of.setdefault(t, s)
        site = min(source_of)
        walk = [site]
        while source_of[walk[-1]] not in walk:
            walk.append(source_of[walk[-1]])
        start = walk.index(source_of[walk[-1]])
        return [(source_of[t], t) for t in walk[start:]]
