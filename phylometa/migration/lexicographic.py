"""Optima of a lexicographic order of U, mu, gamma and sigma: counted exactly, listed up to a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, count, islice

from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import INFINITE, Costs, OptimalHistories, Question, count_histories, solve
from phylometa.migration.listing import list_histories
from phylometa.migration.repeated_pairs import CappedHistories, cyclic_pairs
from phylometa.migration.scoring import check_criteria, score_edges
from phylometa.migration.site_graph_program import OutOfTime
from phylometa.migration.site_graphs import SiteGraphSearch, is_acyclic_graph

__all__ = ["Family", "Optima", "Progress", "find_optima"]

Progress = Callable[[str, int, int], None]
"""Called with what is proved, CPU seconds used, and their limit."""

LISTED_BEFORE_SEARCH = 500  # so many histories are sooner listed and compared than searched by site graph
LISTED_PER_GRAPH = 200_000  # histories compared one by one if a site graph has a cycle


@dataclass(frozen=True, slots=True)
class Family:
    """Optimal histories that were found together.

    Parameters
    ----------
    optimal : OptimalHistories
    reach : tuple of int
        The site graph they stay within.
    n_histories : int
        Exact number.
    listed : tuple of histories or None
        All of them, if they had to be told apart one by one; None: every history of `optimal` within
        `reach` belongs to the family.
    capped : CappedHistories or None
        The family, if pairs of a cycle may only repeat so often on a path.
    """

    optimal: OptimalHistories
    reach: tuple[int, ...]
    n_histories: int
    listed: tuple[tuple[Edge, ...], ...] | None = None
    capped: CappedHistories | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every history of `optimal` belongs to the family."""
        return self.listed is None and self.capped is None and self.reach == self.optimal.reach

    def __iter__(self) -> Iterator[tuple[Edge, ...]]:
        if self.listed is not None:
            return iter(self.listed)
        return iter(self.capped) if self.capped is not None else list_histories(self.optimal, self.reach)


@dataclass(frozen=True, slots=True)
class Optima:
    """All optimal histories of one question.

    Parameters
    ----------
    families : tuple of Family
        Without overlap.
    proved : bool
        True iff the families hold every optimal history and nothing else.
    least_comigrations : int or None
        If not proved and C comes before S: no history that is optimal by the criteria before C has fewer.
    """

    families: tuple[Family, ...] = field(default_factory=tuple)
    proved: bool = True
    least_comigrations: int | None = None

    @property
    def n_histories(self) -> int:
        return sum(family.n_histories for family in self.families)

    def __iter__(self) -> Iterator[tuple[Edge, ...]]:
        for family in self.families:
            yield from family


def find_optima(
    question: Question,
    criteria: str,
    *,
    reach: Sequence[int] | None = None,
    seconds: float = 60.0,
    prefer_search: bool = False,
    progress: Progress | None = None,
) -> Optima:
    """Find the histories that are optimal in a lexicographic order of the criteria.

    The additive criteria before the first of C and S are solved by dynamic programming; C and S by search over site
    graphs, or by comparing all histories if they are few; criteria that follow by dynamic programming within each
    site graph that was found.

    Parameters
    ----------
    question : Question
    criteria : str
        Letters U, M, C, S by priority; U is appended if it is absent.
    reach : sequence of int, optional
        Allowed targets of every site (bitmasks); by default all.
    seconds : float
        CPU time limit; beyond it ``proved`` is False.
    prefer_search : bool
        Search site graphs even if all histories could be listed.
    progress : callable (text, CPU seconds, limit), optional
        Called if a search over site graphs has come one step further.

    Returns
    -------
    Optima
        Without families if no history is allowed.
    """
    letters = check_criteria(criteria)
    first = min((letters.index(letter) for letter in "CS" if letter in letters), default=len(letters))
    prefix, rest = letters[:first], letters[first:]
    optimal = solve(question, Costs.from_criteria(prefix), reach)
    if not optimal.is_feasible:
        return Optima()
    if not rest:
        return Optima((Family(optimal, optimal.reach, count_histories(optimal)),))
    if not prefer_search and count_histories(optimal) <= LISTED_BEFORE_SEARCH:
        return Optima((_compare(optimal, optimal.reach, list_histories(optimal), rest)[0],))
    return _Search(optimal, letters, rest, seconds, progress).run()


def _compare(
    optimal: OptimalHistories, reach: tuple[int, ...], histories: Iterator[tuple[Edge, ...]], rest: str
) -> tuple[Family, tuple[int, ...]]:
    """Those of `histories` that are best by the letters `rest`, and their values."""
    question = optimal.question
    root = (question.root, question.primary)
    best: tuple[int, ...] = (INFINITE,)
    kept: list[tuple[Edge, ...]] = []
    for edges in histories:
        key = score_edges(edges, root, question.observed).key(rest)
        if key < best:
            best, kept = key, []
        if key == best:
            kept.append(edges)
    return Family(optimal, reach, len(kept), tuple(kept)), best


class _Search:
    """Search for the optima of criteria with C or S, by site graph."""

    def __init__(
        self, optimal: OptimalHistories, letters: str, rest: str, seconds: float, progress: Progress | None
    ) -> None:
        self.optimal = optimal
        self.seconds, self.started, self.progress = seconds, time.process_time(), progress
        self.least_gamma = 0
        self.witness: tuple[tuple[int, ...], dict[tuple[int, int], int]] | None = None  # of the least gamma
        self.letters = letters
        self.rest = rest
        self.graphs = SiteGraphSearch(optimal, deadline=self.started + seconds)
        self.additive = Costs.from_criteria(letters)
        self.best: tuple[int, ...] = (INFINITE,)
        self.families: list[Family] = []
        self.truncated = False

    def run(self) -> Optima:
        try:
            if self.rest[0] == "C":
                self._least_comigrations([self.graphs.useful])
            else:
                _, source_sets = self.graphs.least_source_sets()
                if self.rest[1:2] == "C":
                    self._least_comigrations(source_sets)
                else:
                    for reach in source_sets:
                        self._add_whole(reach)
        except OutOfTime:
            self.truncated = True
            if not self.families:
                graph, caps = self.witness or (self.graphs.small_graph(), None)
                every = list_histories(self.optimal, graph) if caps is None else iter(self._capped(graph, caps))
                self._keep(*_compare(self.optimal, graph, islice(every, LISTED_BEFORE_SEARCH), self.rest))
        bound = None
        if self.truncated and self.rest[0] == "C":
            bound = max(self.least_gamma, self.graphs.least_pairs)
        return Optima(tuple(self.families), not self.truncated, bound)

    def _tell(self, text: str) -> None:
        if self.progress is not None:
            self.progress(text, int(time.process_time() - self.started), int(self.seconds))

    def _least_comigrations(self, allowed: list[tuple[int, ...]]) -> None:
        """Families of least gamma (and sigma, if it comes next) among graphs within one of `allowed`."""
        least, smallest = self._least_gamma(allowed)
        sigma_next = self.rest[:2] == "CS"
        for sources in count(0) if sigma_next else [None]:
            self._tell(f"{least} comigrations" + (f", at least {sources} seeding sites" if sigma_next else ""))
            for reach in allowed:
                for size in range(smallest, least + 1):
                    for graph in self.graphs.graphs(size, max_sources=sources, allowed=reach):
                        for caps in _caps_of_sum(graph, least):
                            self._add_capped(graph, caps)
            if self.families:
                return

    def _least_gamma(self, allowed: list[tuple[int, ...]]) -> tuple[int, int]:
        """The least gamma, and the least number of pairs of a feasible graph.

        With caps that add up to g, a history within them has gamma at most g; so the least g with a history is gamma.
        """
        smallest = -1
        cyclic: list[tuple[int, ...]] = []  # smaller graphs, whose pairs may have to repeat
        for gamma in count(0):
            self.least_gamma = gamma
            self._tell(f"at least {gamma} comigrations")
            for graph in cyclic:
                for caps in _caps_of_sum(graph, gamma):
                    if self._capped(graph, caps).count():
                        self.witness = graph, caps
                        return gamma, smallest
            for reach in allowed:
                for graph in self.graphs.graphs(gamma, allowed=reach):
                    smallest = gamma if smallest < 0 else smallest
                    if is_acyclic_graph(graph) or self._capped(graph, {}).count():
                        self.witness = graph, {}
                        return gamma, smallest
                    cyclic.append(graph)
        raise AssertionError("unreachable")

    def _capped(self, graph: tuple[int, ...], caps: dict[tuple[int, int], int]) -> CappedHistories:
        check = None if self.truncated else self.graphs.check_time
        return CappedHistories(self.optimal, graph, caps, check)

    def _add_capped(self, graph: tuple[int, ...], caps: dict[tuple[int, int], int]) -> None:
        """Add the histories of a graph within caps that add up to the least gamma."""
        within = self._with_all_additive(graph)
        acyclic = is_acyclic_graph(graph)
        capped = None if acyclic else CappedHistories(within, graph, caps, self.graphs.check_time)
        number = count_histories(within) if capped is None else capped.count()
        if number:
            self._keep_family(Family(within, graph, number, capped=capped))
            return
        # The additive letters after C and S have their least value only beyond the caps: compare one by one.
        every = self._capped(graph, caps)
        self.truncated |= every.count() > LISTED_PER_GRAPH
        family, key = _compare(self.optimal, graph, islice(every, LISTED_PER_GRAPH), self.rest)
        if family.n_histories:
            self._keep(family, key)

    def _add_whole(self, graph: tuple[int, ...]) -> None:
        """Add the histories of a graph and all its subgraphs, whatever their gamma."""
        within = self._with_all_additive(graph)
        self._keep_family(Family(within, graph, count_histories(within)))

    def _with_all_additive(self, graph: tuple[int, ...]) -> OptimalHistories:
        """Optimal histories within a graph, the additive letters after C and S minimised too."""
        site_sets = [[alternative.sites for alternative in options] for options in self.optimal.alternatives]
        return solve(self.optimal.question, self.additive, graph, site_sets)

    def _keep_family(self, family: Family) -> None:
        question = self.optimal.question
        first = next(iter(family))
        self._keep(family, score_edges(first, (question.root, question.primary), question.observed).key(self.rest))

    def _keep(self, family: Family, key: tuple[int, ...]) -> None:
        if key < self.best:
            self.best, self.families = key, []
        if key == self.best:
            self.families.append(family)


def _caps_of_sum(graph: tuple[int, ...], total: int) -> Iterator[dict[tuple[int, int], int]]:
    """Uses allowed to the pairs of a graph, at least one each, of sum `total`; more than one only on a cycle."""
    n_pairs = sum(targets.bit_count() for targets in graph)
    pairs = cyclic_pairs(graph)
    for repeated in combinations_with_replacement(pairs, total - n_pairs) if total >= n_pairs else ():
        caps = dict.fromkeys(pairs, 1)
        for pair in repeated:
            caps[pair] += 1
        yield caps
