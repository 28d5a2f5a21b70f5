"""Optima of a lexicographic order of U, mu, gamma and sigma: counted exactly, listed up to a limit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from phylometa.migration.comigration import Edge
from phylometa.migration.listing import list_histories
from phylometa.migration.optimal import INFINITE, Costs, OptimalHistories, Question, count_histories, solve
from phylometa.migration.scoring import check_criteria, score_edges
from phylometa.migration.site_graphs import OutOfTime, SiteGraphSearch, graph_pairs, is_acyclic_graph

__all__ = ["Family", "Optima", "find_optima"]

LISTED_BEFORE_SEARCH = 500  # so many histories are sooner listed and compared than searched by site graph
LISTED_PER_GRAPH = 200_000  # histories compared one by one where a site graph has a cycle


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
        All of them, where they had to be told from others one by one; None: every history of `optimal` within
        `reach` belongs to the family.
    """

    optimal: OptimalHistories
    reach: tuple[int, ...]
    n_histories: int
    listed: tuple[tuple[Edge, ...], ...] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every history of `optimal` belongs to the family."""
        return self.listed is None and self.reach == self.optimal.reach

    def __iter__(self) -> Iterator[tuple[Edge, ...]]:
        return iter(self.listed) if self.listed is not None else list_histories(self.optimal, self.reach)


@dataclass(frozen=True, slots=True)
class Optima:
    """All optimal histories of one question.

    Parameters
    ----------
    families : tuple of Family
        Without overlap.
    proved : bool
        True iff the families hold every optimal history and nothing else.
    """

    families: tuple[Family, ...] = field(default_factory=tuple)
    proved: bool = True

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
) -> Optima:
    """Histories that are optimal in a lexicographic order of the criteria.

    The additive criteria before the first of C and S are solved by dynamic programming; C and S by search over site
    graphs, or by comparing all histories where they are few; criteria that follow by dynamic programming within each
    site graph that was found.

    Parameters
    ----------
    question : Question
    criteria : str
        Letters U, M, C, S by priority; U is appended where it is absent.
    reach : sequence of int, optional
        Allowed targets of every site (bitmasks); by default all.
    seconds : float
        CPU time limit; beyond it ``proved`` is False.
    prefer_search : bool
        Search site graphs even where all histories could be listed.

    Returns
    -------
    Optima
        Without families where no history is allowed.
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
    return _Search(optimal, letters, rest, time.process_time() + seconds).run()


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

    def __init__(self, optimal: OptimalHistories, letters: str, rest: str, deadline: float) -> None:
        self.optimal = optimal
        self.letters = letters
        self.rest = rest
        self.graphs = SiteGraphSearch(optimal, deadline=deadline)
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
                        self._add_graph(reach, minimal=False, whole=True)
        except OutOfTime:
            self.truncated = True
            if not self.families:
                graph = self.graphs.small_graph()
                some = islice(list_histories(self.optimal, graph), LISTED_BEFORE_SEARCH)
                self._keep(*_compare(self.optimal, graph, some, self.rest))
        return Optima(tuple(self.families), not self.truncated)

    def _least_comigrations(self, allowed: list[tuple[int, ...]]) -> None:
        """Families of least gamma (and sigma, where it comes next) among graphs within one of `allowed`."""
        least, smallest = self._least_gamma(allowed)
        sigma_next = self.rest[:2] == "CS"
        for sources in count(0) if sigma_next else [None]:
            for reach in allowed:
                for size in range(smallest, least + 1):
                    for graph in self.graphs.graphs(size, max_sources=sources, allowed=reach):
                        self._add_graph(graph, minimal=size == smallest, gamma=least)
            if self.families:
                return

    def _least_gamma(self, allowed: list[tuple[int, ...]]) -> tuple[int, int]:
        """The least gamma, and the least number of pairs of a feasible graph."""
        best = INFINITE
        smallest = -1
        for size in count(0):
            if best <= size:
                return best, smallest
            for reach in allowed:
                for graph in self.graphs.graphs(size, allowed=reach):
                    if smallest < 0:
                        smallest = size
                    best = min(best, self._gamma_within(graph, size))
                    if best == size:
                        return best, smallest
        raise AssertionError("unreachable")

    def _gamma_within(self, graph: tuple[int, ...], size: int) -> int:
        """The least gamma of a history within a graph."""
        if is_acyclic_graph(graph):
            return size
        best = INFINITE
        for edges in islice(list_histories(self.optimal, graph), LISTED_PER_GRAPH):
            best = min(best, score_edges(edges, (0, 0), self.optimal.question.observed).comigrations)
            if best == size:
                break
        return best

    def _add_graph(self, graph: tuple[int, ...], *, minimal: bool, gamma: int = -1, whole: bool = False) -> None:
        """Add the optimal histories of a graph; `whole`: of all its subgraphs too, whatever their gamma."""
        site_sets = [[alternative.sites for alternative in options] for options in self.optimal.alternatives]
        within = solve(self.optimal.question, self.additive, graph, site_sets)
        # Re-solved, the structure also minimises the additive letters after C and S; with none of them it is the same.
        if whole or (minimal and is_acyclic_graph(graph)):
            number = count_histories(within)
            first = next(list_histories(within))
            root = (within.question.root, within.question.primary)
            self._keep(Family(within, graph, number), score_edges(first, root, within.question.observed).key(self.rest))
            return
        pairs = graph_pairs(graph)
        number = count_histories(self.optimal, graph)
        if number > LISTED_PER_GRAPH:
            self.truncated = True
        chosen = (
            edges
            for edges in islice(list_histories(self.optimal, graph), LISTED_PER_GRAPH)
            if minimal or {(s, t) for _, s, _, t in edges if s != t} == pairs
        )
        family, key = _compare(self.optimal, graph, chosen, self.rest)
        if family.n_histories and (gamma < 0 or key[self.rest.index("C")] == gamma):
            self._keep(family, key)

    def _keep(self, family: Family, key: tuple[int, ...]) -> None:
        if key < self.best:
            self.best, self.families = key, []
        if key == self.best:
            self.families.append(family)
