"""Optima under an upper bound on the pattern of migration: branch and bound on the routes that are open."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence

from phylometa.migration.comigration import Edge
from phylometa.migration.listing import list_histories
from phylometa.migration.optima import Family, Optima, find_optima
from phylometa.migration.optimal import Costs, Question, complete_graph, solve
from phylometa.migration.patterns import is_within_pattern, migration_pattern
from phylometa.migration.scoring import check_criteria, score_edges
from phylometa.migration.site_graphs import OutOfTime, SiteGraphSearch, graph_pairs

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
    """Optima among the histories whose pattern is within a bound (PS within S within M within R).

    PS closes every route but those from the primary. For S and M, sets of open routes are explored by rising least
    cost of the additive criteria before the first of C and S; where no optimal history of a set keeps to the pattern,
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
        Families that are listed; ``proved`` is False where a limit cut the search short.
    """
    start = tuple(reach) if reach is not None else complete_graph(question.n_sites)
    if pattern == "R":
        return find_optima(question, criteria, reach=start, seconds=seconds)
    if pattern == "PS":
        start = tuple(targets if s == question.primary else 0 for s, targets in enumerate(start))
        return find_optima(question, criteria, reach=start, seconds=seconds)
    return _PatternSearch(question, criteria, pattern, time.process_time() + seconds, limit).run(start)


class _PatternSearch:
    """Branch and bound for patterns S and M."""

    def __init__(self, question: Question, criteria: str, pattern: str, deadline: float, limit: int) -> None:
        letters = check_criteria(criteria)
        first = min((letters.index(letter) for letter in "CS" if letter in letters), default=len(letters))
        self.question = question
        self.letters = letters
        self.costs = Costs.from_criteria(letters[:first])
        self.pattern = pattern
        self.deadline = deadline
        self.limit = limit
        self.proved = True
        self.best: tuple[int, ...] | None = None
        self.found: dict[frozenset[Edge], tuple[Edge, ...]] = {}

    def run(self, start: tuple[int, ...]) -> Optima:
        queue = [(solve(self.question, self.costs, start).optimum, start)]
        seen = {start}
        least = None
        while queue:
            optimum, reach = heapq.heappop(queue)
            optimal = solve(self.question, self.costs, reach)
            if not optimal.is_feasible or (least is not None and optimum > least):
                break
            if time.process_time() > self.deadline:
                self.proved = False
                if least is None:
                    return find_optima_within_pattern(self.question, self.letters, "PS", reach=start).unproved()
                break
            violation: list[Pair] = []
            for edges in list_histories(optimal):
                violation = self._violation({(s, t) for _, s, _, t in edges if s != t})
                if violation:
                    break
            if not violation:  # at once, where every optimal history keeps to the pattern
                self._take(optimal, reach)
                least = optimum
                continue
            if self._take(optimal, reach):
                least = optimum
                continue
            for s, t in violation:
                smaller = tuple(targets & ~(1 << t) if i == s else targets for i, targets in enumerate(reach))
                if smaller not in seen:
                    seen.add(smaller)
                    heapq.heappush(queue, (solve(self.question, self.costs, smaller).optimum, smaller))
        return Optima()
