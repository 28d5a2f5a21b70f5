"""Near-optimal histories: one unobserved node more (U + 1), or one migration more (mu + 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from phylometa.config import MigrationSettings
from phylometa.migration.arborescences import bits, list_arborescences
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
from phylometa.migration.listing import Remembered
from phylometa.migration.scoring import Scores, score_edges, simplicity_cost

__all__ = ["NearOptimal", "Steps", "list_near_optimal", "simplest_near_optimal"]

UNOBSERVED_FIRST = Costs.from_criteria("UM")
MAX_STEPS = 5_000  # choices looked at in a search
MAX_DEPTH = 100  # of a clone tree whose near-optimal histories are listed; their search is recursive
LOOKED_AT = 5  # near-optimal histories looked at for each that is listed


@dataclass
class Steps:
    """Choices that a listing may still look at."""

    left: int

    def take(self) -> bool:
        """Whether one more may be looked at."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class NearOptimal:
    """Near-optimal histories of one kind.

    Parameters
    ----------
    kind : {"U", "M"}
    histories : tuple of (edges, scores)
        The simplest first.
    n_found : int
        Number there are; a lower bound where not `complete`.
    complete : bool
        Whether all are listed.
    """

    kind: str
    histories: tuple[tuple[tuple[Edge, ...], Scores], ...]
    n_found: int
    complete: bool


def simplest_near_optimal(question: Question, kind: str, settings: MigrationSettings) -> NearOptimal:
    """The simplest of the first near-optimal histories of a kind, up to ``settings.max_alternatives``.

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
    steps = Steps(MAX_STEPS)
    listed = list(islice(list_near_optimal(question, kind, steps=steps), limit + 1))
    scored = [(edges, score_edges(edges, root, question.observed)) for edges in listed[:limit]]
    scored.sort(key=lambda entry: (simplicity_cost(settings, entry[1].comigrations, entry[1].seeding_sites), entry[0]))
    kept = tuple(scored[: settings.max_alternatives])
    return NearOptimal(kind, kept, len(listed), steps.left >= 0 and len(kept) == len(listed))


def list_near_optimal(question: Question, kind: str, *, steps: Steps | None = None) -> Iterator[tuple[Edge, ...]]:
    """Histories next to the optimum of criteria U, mu.

    Parameters
    ----------
    question : Question
    kind : {"U", "M"}
        ``U``: one unobserved node more, and the fewest migrations possible then; copies that change nothing (one way
        in, one way out) are left out. ``M``: one migration more, no unobserved node more.
    steps : Steps, optional
        The listing ends early where these are used up; by default it is complete.

    Yields
    ------
    tuple of (departing clone, source, founding clone, target)
        Parent first.
    """
    needed = candidate_sites(question, UNOBSERVED_FIRST, complete=True)
    site_sets = [sorted(needed(v)) for v in range(len(question.parents))]
    if kind == "M":
        table = cost_table(question, UNOBSERVED_FIRST, site_sets=site_sets)
        yield from _with_excess(question, table, UNOBSERVED_FIRST.migration, steps)
        return
    more = [
        sorted({sites | 1 << s for sites in options for s in range(question.n_sites)} | set(options))
        for options in site_sets
    ]
    table = cost_table(question, UNOBSERVED_FIRST, site_sets=more)
    excess = _one_more_unobserved(question, table)
    if excess < INFINITE:
        yield from _with_excess(question, table, excess, steps)


def _one_more_unobserved(question: Question, table: CostTable) -> int:
    """The least excess cost of a history with one unobserved node more than needed."""
    unit, migration = UNOBSERVED_FIRST.unobserved, UNOBSERVED_FIRST.migration
    second: list[list[int]] = [[]] * len(question.parents)
    entering: list[list[int]] = [[]] * len(question.parents)
    for v in reversed(question.order):
        best = [INFINITE] * question.n_sites
        # Sets may differ in size where nothing was observed; the one more is counted from the smallest.
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


def _with_excess(question: Question, table: CostTable, excess: int, steps: Steps | None) -> Iterator[tuple[Edge, ...]]:
    """All histories whose cost exceeds the least by `excess`, which can only be spent in one place."""
    migration = UNOBSERVED_FIRST.migration
    reach = complete_graph(question.n_sites)
    remembered: dict[tuple[int, int, int], Remembered[tuple[Edge, ...]]] = {}

    @cache
    def can_spend(v: int, entry: int, surplus: int) -> bool:
        if surplus == 0:
            return True
        for sites, roots, cost in table.options[v]:
            rest = table.least[v][entry] + surplus - cost
            if rest == 0 and roots >> entry & 1:
                return True
            if rest > 0 and roots >> entry & 1:
                for child in question.children[v]:
                    total = min(table.from_site[child][s] for s in bits(sites)) + rest
                    if any(True for _ in entering(child, sites, total)):
                        return True
        return False

    def entering(child: int, sites: int, total: int) -> Iterator[tuple[int, int, int]]:
        """Departing site, entering site and surplus of the child's subtree, where both cost `total`."""
        for s in bits(sites):
            for t in range(question.n_sites):
                surplus = total - table.least[child][t] - migration * (s != t)
                if 0 <= surplus <= excess and can_spend(child, t, surplus):
                    yield s, t, surplus

    def subtree(v: int, entry: int, surplus: int) -> Iterator[tuple[Edge, ...]]:
        for sites, roots, cost in table.options[v]:
            rest = table.least[v][entry] + surplus - cost
            if rest < 0 or not roots >> entry & 1:
                continue
            children = question.children[v]
            for spender in (None,) if rest == 0 else children:
                parts = [(c, min(table.from_site[c][s] for s in bits(sites)) + rest * (c == spender)) for c in children]
                for tree in list_arborescences(sites, entry, reach):
                    if steps is not None and not steps.take():
                        return
                    within = tuple((v, s, v, t) for s, t in tree)
                    for below in branches(v, sites, parts, idle_unless(v, sites, tree)):
                        yield within + below

    def idle_unless(v: int, sites: int, tree: Sequence[tuple[int, int]]) -> dict[int, int]:
        """Unobserved nodes of a clone with several, and how many children must depart from each: two ways lead on."""
        copies = sites & ~question.observed[v] if sites & (sites - 1) else 0
        if v == question.root:
            copies &= ~(1 << question.primary)
        missing = {x: 2 - sum(1 for s, _ in tree if s == x) for x in bits(copies)}
        return {x: n for x, n in missing.items() if n > 0}

    def branches(
        v: int, sites: int, parts: list[tuple[int, int]], wanted: dict[int, int]
    ) -> Iterator[tuple[Edge, ...]]:
        if sum(wanted.values()) > len(parts) or (steps is not None and not steps.take()):
            return
        if not parts:
            yield ()
            return
        child, cost = parts[0]
        for s, t, surplus in entering(child, sites, cost):
            left = {x: n - (x == s) for x, n in wanted.items() if n > (x == s)} if wanted else wanted
            if (child, t, surplus) not in remembered:
                remembered[child, t, surplus] = Remembered(subtree(child, t, surplus))
            for others in branches(v, sites, parts[1:], left):
                for below in remembered[child, t, surplus]:
                    yield ((v, s, child, t), *chain(below, others))

    yield from subtree(question.root, question.primary, excess)
