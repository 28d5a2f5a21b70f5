"""Near-optimal histories: one unobserved node more (U + 1), or one migration more (mu + 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from math import comb

from phylometa.config import MigrationSettings
from phylometa.migration.arborescences import bits, count_arborescences, list_arborescences
from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import (
    INFINITE,
    Costs,
    CostTable,
    Question,
    candidate_sites,
    complete_graph,
    cost_table,
)
from phylometa.migration.listing import Choice, walk_choices
from phylometa.migration.scoring import Scores, score_edges, simplicity_cost

__all__ = ["NearOptimal", "list_near_optimal", "simplest_near_optimal"]

UNOBSERVED_FIRST = Costs.from_criteria("UM")
MAX_STEPS = 5_000  # choices looked at in a search
MAX_DEPTH = 100  # of a clone tree whose near-optimal histories are listed; their search is recursive
LOOKED_AT = 5  # near-optimal histories looked at for each that is listed


class OutOfSteps(Exception):
    """The choices that a listing may look at are used up."""


@dataclass
class Steps:
    """Choices that a listing may still look at."""

    left: int

    def take(self) -> None:
        """Look at one more; raise `OutOfSteps` if there is none left, so that no caller goes on with the next."""
        if self.left <= 0:
            raise OutOfSteps
        self.left -= 1


@dataclass(frozen=True, slots=True)
class NearOptimal:
    """Near-optimal histories of one kind.

    Parameters
    ----------
    kind : {"U", "M"}
    histories : tuple of (edges, scores)
        The simplest first.
    n_histories : int
        Exact number.
    complete : bool
        Whether all are listed.
    more : (int, int)
        Unobserved nodes and migrations beyond the least.
    """

    kind: str
    histories: tuple[tuple[tuple[Edge, ...], Scores], ...]
    n_histories: int
    complete: bool
    more: tuple[int, int] = (0, 0)


def simplest_near_optimal(question: Question, kind: str, settings: MigrationSettings) -> NearOptimal:
    """List the simplest of the first near-optimal histories of a kind, up to ``settings.max_alternatives``.

    Parameters
    ----------
    question : Question
    kind : {"U", "M"}
        See `list_near_optimal`.
    settings : MigrationSettings
    """
    depth = [0] * len(question.parents)
    for v in question.order[1:]:
        depth[v] = depth[question.parents[v]] + 1
    if max(depth) > MAX_DEPTH:
        return NearOptimal(kind, (), 0, False)
    root = (question.root, question.primary)
    limit = LOOKED_AT * settings.max_alternatives
    listed: list[tuple[Edge, ...]] = []
    problem = _excess_of_kind(question, kind)
    if problem is None:
        return NearOptimal(kind, (), 0, True)
    search = _ExcessHistories(question, *problem, Steps(MAX_STEPS))
    with suppress(OutOfSteps):
        listed.extend(islice(search.histories(), limit))
    scored = [(edges, score_edges(edges, root, question.observed)) for edges in listed]
    scored.sort(key=lambda entry: (simplicity_cost(settings, entry[1].comigrations, entry[1].seeding_sites), entry[0]))
    kept = tuple(scored[: settings.max_alternatives])
    number = search.count()
    more = (0, 1) if kind == "M" else (1, search.excess - UNOBSERVED_FIRST.unobserved)
    return NearOptimal(kind, kept, number, len(kept) == number, more)


def list_near_optimal(question: Question, kind: str) -> Iterator[tuple[Edge, ...]]:
    """Yield the histories next to the optimum of criteria U, mu.

    Parameters
    ----------
    question : Question
    kind : {"U", "M"}
        ``U``: one unobserved node more, and the fewest migrations possible then; copies that change nothing (one way
        in, one way out) are left out. ``M``: one migration more, no unobserved node more.

    Yields
    ------
    tuple of (departing clone, source, founding clone, target)
        Parent first.
    """
    problem = _excess_of_kind(question, kind)
    if problem is not None:
        yield from _ExcessHistories(question, *problem, None).histories()


def _excess_of_kind(question: Question, kind: str) -> tuple[CostTable, int] | None:
    """Least costs with the site sets that near-optimal histories may use, and their excess; None if there is none."""
    needed = candidate_sites(question, UNOBSERVED_FIRST, complete=True)
    site_sets = [sorted(needed(v)) for v in range(len(question.parents))]
    if kind == "M":
        return cost_table(question, UNOBSERVED_FIRST, site_sets=site_sets), UNOBSERVED_FIRST.migration
    more = [
        sorted({sites | 1 << s for sites in options for s in range(question.n_sites)} | set(options))
        for options in site_sets
    ]
    table = cost_table(question, UNOBSERVED_FIRST, site_sets=more)
    excess = _one_more_unobserved(question, table)
    return (table, excess) if excess < INFINITE else None


def _one_more_unobserved(question: Question, table: CostTable) -> int:
    """The least excess cost of a history with one unobserved node more than needed."""
    unit, migration = UNOBSERVED_FIRST.unobserved, UNOBSERVED_FIRST.migration
    second: list[list[int]] = [[]] * len(question.parents)
    entering: list[list[int]] = [[]] * len(question.parents)
    for v in reversed(question.order):
        best = [INFINITE] * question.n_sites
        # Sets may differ in size if nothing was observed; the one more is counted from the smallest.
        fewest = min(cost for _, _, cost in table.options[v]) // unit
        for sites, roots, cost in table.options[v]:
            if cost // unit == fewest + 1:
                total = cost
            elif cost // unit == fewest:
                members = bits(sites)
                gains = [
                    min(entering[c][s] for s in members) - min(table.from_site[c][s] for s in members)
                    for c in question.children[v]
                ]
                total = cost + min(gains, default=INFINITE)
            else:
                continue
            for t in bits(roots):
                best[t] = min(best[t], total)
        second[v] = best
        crossing = min(best) + migration
        entering[v] = [min(cost, crossing) for cost in best]
    root = question.root
    return second[root][question.primary] - table.least[root][question.primary]


# How a clone is entered: the site, and what its subtree spends beyond the least.
Entry = tuple[int, int]


class _ExcessHistories:
    """The histories whose cost exceeds the least by `excess`, which can only be spent in one place."""

    def __init__(self, question: Question, table: CostTable, excess: int, steps: Steps | None) -> None:
        self.question, self.table, self.excess, self.steps = question, table, excess, steps
        self.reach = complete_graph(question.n_sites)
        self.counted: dict[tuple[int, int, int], int] = {}

    def count(self) -> int:
        """Exact number of them."""
        return self._count(self.question.root, self.question.primary, self.excess)

    def histories(self) -> Iterator[tuple[Edge, ...]]:
        """All of them, or as many as the steps allow; then `OutOfSteps`."""
        if self.count():
            yield from walk_choices(self.question.order, (self.question.primary, self.excess), self._choices)

    def _count(self, v: int, entry: int, surplus: int) -> int:
        key = (v, entry, surplus)
        if key not in self.counted:
            self.counted[key] = sum(
                number * self._count_departures(sites, parts, wanted)
                for sites, parts in self._ways(v, entry, surplus)
                for wanted, number in self._trees_by_wanted(v, sites, entry).items()
            )
        return self.counted[key]

    def _count_departures(self, sites: int, parts: list[tuple[int, int]], wanted: tuple[tuple[int, int], ...]) -> int:
        """Ways of all children with their subtrees in which at least `wanted` depart from the idle copies."""
        ways = {wanted: 1}
        for child, cost in parts:
            following: dict[tuple[tuple[int, int], ...], int] = {}
            for s, t, rest in self._entering(child, sites, cost):
                below = self._count(child, t, rest)
                for left, number in ways.items():
                    now = _one_less(left, s)
                    following[now] = following.get(now, 0) + number * below
            ways = following
        return ways.get((), 0)

    def _ways(self, v: int, entry: int, surplus: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Site sets of a clone, and what each child's edge and subtree cost: one of them spends what is left over."""
        from_site = self.table.from_site
        for sites, roots, cost in self.table.options[v]:
            rest = self.table.least[v][entry] + surplus - cost
            if rest < 0 or not roots >> entry & 1:
                continue
            members, children = bits(sites), self.question.children[v]
            least = [(c, min(from_site[c][s] for s in members)) for c in children]
            for spender in (None,) if rest == 0 else children:
                yield sites, [(c, cost + rest * (c == spender)) for c, cost in least]

    def _entering(self, child: int, sites: int, total: int) -> Iterator[tuple[int, int, int]]:
        """Departing site, entering site and surplus of the child's subtree, for which both cost `total`."""
        for s in bits(sites):
            for t in range(self.question.n_sites):
                surplus = total - self.table.least[child][t] - UNOBSERVED_FIRST.migration * (s != t)
                if 0 <= surplus <= self.excess and self._count(child, t, surplus):
                    yield s, t, surplus

    def _choices(self, v: int, state: Entry) -> Iterator[Choice[Entry]]:
        entry, surplus = state
        for sites, parts in self._ways(v, entry, surplus):
            ways = [
                [((v, s, child, t), (child, (t, rest))) for s, t, rest in self._entering(child, sites, cost)]
                for child, cost in parts
            ]
            for tree in list_arborescences(sites, entry, self.reach):
                wanted = self._wanted(v, sites, [s for s, _ in tree])
                within = tuple((v, s, v, t) for s, t in tree)
                for picked in product(*ways):
                    if self.steps is not None:
                        self.steps.take()
                    left = wanted
                    for edge, _ in picked:
                        left = _one_less(left, edge[1])
                    if not left:
                        yield (*within, *(edge for edge, _ in picked)), tuple(way for _, way in picked)

    def _copies(self, v: int, sites: int) -> int:
        """Unobserved nodes of a clone with several; two ways must lead on from each, else it changes nothing."""
        copies = sites & ~self.question.observed[v] if sites & (sites - 1) else 0
        return copies & ~(1 << self.question.primary) if v == self.question.root else copies

    def _wanted(self, v: int, sites: int, departures: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """How many children must depart from each copy, if its clone's own site tree has these sources."""
        missing = [(x, 2 - departures.count(x)) for x in bits(self._copies(v, sites))]
        return tuple((x, n) for x, n in missing if n > 0)

    def _trees_by_wanted(self, v: int, sites: int, entry: int) -> dict[tuple[tuple[int, int], ...], int]:
        """Number of site trees of a clone, by what they want of its children."""
        copies = bits(self._copies(v, sites))
        n = sites.bit_count()
        if not copies:
            return {(): count_arborescences(sites, entry, self.reach, full=True)}
        if n <= 2 or len(copies) > 1:
            found: dict[tuple[tuple[int, int], ...], int] = {}
            for tree in list_arborescences(sites, entry, self.reach):
                wanted = self._wanted(v, sites, [s for s, _ in tree])
                found[wanted] = found.get(wanted, 0) + 1
            return found
        # Of the n^(n - 2) trees comb(n - 2, d - 1) (n - 1)^(n - 1 - d) have degree d at a given node.
        (copy,) = copies
        numbers = [comb(n - 2, d - 1) * (n - 1) ** (n - 1 - d) for d in range(1, n)]
        by_departures = [0, *numbers] if copy == entry else numbers
        none, one = by_departures[0], by_departures[1]
        return {((copy, 2),): none, ((copy, 1),): one, (): sum(by_departures[2:])}


def _one_less(wanted: tuple[tuple[int, int], ...], site: int) -> tuple[tuple[int, int], ...]:
    """What is still wanted after one more child departed from `site`."""
    if not wanted:
        return wanted
    return tuple((x, n - (x == site)) for x, n in wanted if n > (x == site))
