"""All histories of least additive cost (U and mu), by dynamic programming, as a compact and-or structure.

A clone v occupies a set S of sites, joined by a spanning tree of S that starts where v enters; each tree edge (u, v)
gives one edge (u, s) -> (v, t). So a history is, for every clone, S, the entering site, the tree within, and where
each child departs. Costs add up over clones, and the children of v are independent given S, so one pass up the clone
tree finds the optimum and one pass down keeps exactly the choices that some optimal history makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from phylometa.migration.arborescences import bits, count_arborescences, spanning_roots

__all__ = [
    "Alternative",
    "CostTable",
    "Costs",
    "OptimalHistories",
    "Question",
    "complete_graph",
    "cost_table",
    "count_histories",
    "solve",
]

INFINITE = 1 << 62
PRIORITY = 1 << 24  # one unit of the first criterion outweighs any number of the second


@dataclass(frozen=True, slots=True)
class Question:
    """A clone tree with observed sites, as integers and bitmasks.

    Parameters
    ----------
    parents : tuple of int, length K
        -1 at the root.
    order : tuple of int
        Clones, parents first.
    children : tuple of tuple of int
    observed : tuple of int
        obs(v) as a bitmask of sites.
    n_sites : int
    primary : int
        Site of the history's root.
    single_site : bool
        True: every vertex has one site (MACHINA's plain model, on a tree with pendant leaves), U is not counted.
    """

    parents: tuple[int, ...]
    order: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    observed: tuple[int, ...]
    n_sites: int
    primary: int
    single_site: bool = False

    @property
    def root(self) -> int:
        return self.order[0]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one unobserved node and one migration cost; a priority between them is a factor `PRIORITY`."""

    unobserved: int
    migration: int

    @classmethod
    def from_criteria(cls, letters: str) -> Costs:
        """Make the costs of the additive letters (U, M) of a criteria order; absent letters are free."""
        additive = [letter for letter in letters if letter in "UM"]
        cost = {letter: PRIORITY ** (len(additive) - 1 - rank) for rank, letter in enumerate(additive)}
        return cls(cost.get("U", 0), cost.get("M", 0))


@dataclass(frozen=True, slots=True)
class Alternative:
    """One site set of a clone that optimal histories use.

    Parameters
    ----------
    sites : int
        S, as a bitmask.
    entries : int
        Sites of S at which the clone may enter.
    children : tuple of (child, stay, cross)
        Entering sites of each child: `stay` without a migration (sites of S), `cross` by one.
    """

    sites: int
    entries: int
    children: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class OptimalHistories:
    """Exactly the histories of least cost, as alternatives of every clone.

    Parameters
    ----------
    question : Question
    reach : tuple of int
        Allowed targets of every site (bitmasks).
    costs : Costs
    optimum : int
        The least cost; `INFINITE` if there is no history.
    alternatives : tuple of tuple of Alternative
        By clone.
    """

    question: Question
    reach: tuple[int, ...]
    costs: Costs
    optimum: int
    alternatives: tuple[tuple[Alternative, ...], ...]

    @property
    def is_feasible(self) -> bool:
        return self.optimum < INFINITE


def complete_graph(n_sites: int) -> tuple[int, ...]:
    """Make the graph in which every site may send clones to every other."""
    every = (1 << n_sites) - 1
    return tuple(every & ~(1 << s) for s in range(n_sites))


def candidate_sites(question: Question, costs: Costs, complete: bool) -> Callable[[int], Iterable[int]]:
    """The site sets that a clone may occupy in a history worth considering.

    If unobserved nodes come first and every route is open, no clone gains by more than it must have: obs(v), or
    one site if obs(v) is empty. Otherwise every superset of obs(v): if migrations cost and every route is open
    with at most (children + 1) further sites (each must spare a child's migration, or be the entry), else any.
    """
    every = (1 << question.n_sites) - 1
    least = complete and costs.unobserved > costs.migration

    def candidates(clone: int) -> Iterator[int]:
        needed = question.observed[clone]
        if clone == question.root:
            needed |= 1 << question.primary
        if question.single_site or (least and not needed):
            if needed & (needed - 1):
                return
            yield from (needed,) if needed else (1 << s for s in range(question.n_sites))
            return
        if least:
            yield needed
            return
        free = bits(every & ~needed)
        bounded = complete and costs.migration > 0
        most = min(len(free), len(question.children[clone]) + 1) if bounded else len(free)
        for size in range(0 if needed else 1, most + 1):
            for extra in combinations(free, size):
                yield needed | sum(1 << s for s in extra)

    return candidates


@dataclass(frozen=True, slots=True)
class CostTable:
    """Least costs of subtrees, and all site sets with the least cost each allows.

    Parameters
    ----------
    reach : tuple of int
    least : list of list of int
        By clone and entering site; `INFINITE` if it cannot enter.
    from_site : list of list of int
        The same with the edge from the parent's node, by that node's site.
    options : list of list of (sites, roots, cost)
        By clone; `roots`: entering sites from which the set is spanned.
    """

    reach: tuple[int, ...]
    least: list[list[int]]
    from_site: list[list[int]]
    options: list[list[tuple[int, int, int]]]


def cost_table(
    question: Question,
    costs: Costs,
    reach: Sequence[int] | None = None,
    site_sets: Sequence[Sequence[int]] | None = None,
) -> CostTable:
    """Compute the least costs from the leaves up; the arguments are those of `solve`."""
    every = complete_graph(question.n_sites)
    reach = every if reach is None else tuple(reach)
    complete = reach == every
    candidates = candidate_sites(question, costs, complete) if site_sets is None else site_sets.__getitem__
    n, n_sites, migration = len(question.parents), question.n_sites, costs.migration
    least: list[list[int]] = [[]] * n
    from_site: list[list[int]] = [[]] * n
    options: list[list[tuple[int, int, int]]] = [[] for _ in range(n)]
    for v in reversed(question.order):
        best = [INFINITE] * n_sites
        leaving = [from_site[c] for c in question.children[v]]
        unseen = 0 if question.single_site else ~question.observed[v]
        for sites in candidates(v):
            roots = sites if complete else spanning_roots(sites, reach)
            if not roots:
                continue
            members = bits(sites)
            cost = migration * (len(members) - 1) + costs.unobserved * (sites & unseen).bit_count()
            for entering in leaving:
                cost += min([entering[s] for s in members])
            if cost >= INFINITE:
                continue
            options[v].append((sites, roots, cost))
            for t in bits(roots):
                if cost < best[t]:
                    best[t] = cost
        least[v] = best
        if complete:
            crossing = min(best) + migration
            from_site[v] = [min(cost, crossing) for cost in best]
        else:
            from_site[v] = [min([best[s], *(best[t] + migration for t in bits(reach[s]))]) for s in range(n_sites)]
    return CostTable(reach, least, from_site, options)


def solve(
    question: Question,
    costs: Costs,
    reach: Sequence[int] | None = None,
    site_sets: Sequence[Sequence[int]] | None = None,
) -> OptimalHistories:
    """Find the least cost of a history and all choices that reach it.

    Parameters
    ----------
    question : Question
    costs : Costs
    reach : sequence of int, optional
        Allowed targets of every site; by default all.
    site_sets : sequence of sequence of int, optional
        The site sets to choose from, by clone, if they are already known.

    Returns
    -------
    OptimalHistories
    """
    table = cost_table(question, costs, reach, site_sets)
    reach, least, from_site = table.reach, table.least, table.from_site
    n, n_sites, migration = len(question.parents), question.n_sites, costs.migration
    into = [sum(1 << s for s in range(n_sites) if reach[s] >> t & 1) for t in range(n_sites)]
    wanted = [0] * n
    wanted[question.root] = 1 << question.primary
    optimum = least[question.root][question.primary]
    alternatives: list[tuple[Alternative, ...]] = [()] * n
    if optimum < INFINITE:
        for v in question.order:
            kept = []
            for sites, roots, cost in table.options[v]:
                entries = sum(1 << t for t in bits(roots & wanted[v]) if least[v][t] == cost)
                if entries:
                    children = []
                    for c in question.children[v]:
                        edge = min(from_site[c][s] for s in bits(sites))
                        stay = sum(1 << t for t in bits(sites) if least[c][t] == edge)
                        cross = sum(
                            1 << t
                            for t in range(n_sites)
                            if least[c][t] + migration == edge and into[t] & sites & ~(1 << t)
                        )
                        wanted[c] |= stay | cross
                        children.append((c, stay, cross))
                    kept.append(Alternative(sites, entries, tuple(children)))
            alternatives[v] = tuple(kept)
    return OptimalHistories(question, reach, costs, min(optimum, INFINITE), tuple(alternatives))


def count_histories(optimal: OptimalHistories, reach: Sequence[int] | None = None) -> int:
    """Count the optimal histories exactly, without listing them.

    Parameters
    ----------
    optimal : OptimalHistories
    reach : sequence of int, optional
        Count only those whose migrations all lie in this graph (a part of ``optimal.reach``).

    Returns
    -------
    int
        Arbitrary precision. Two histories differ if their sets of (clone, site, clone, site) edges differ.
    """
    if not optimal.is_feasible:
        return 0
    question = optimal.question
    reach = optimal.reach if reach is None else reach
    full = tuple(reach) == complete_graph(question.n_sites)
    into = [sum(1 << s for s in range(question.n_sites) if reach[s] >> t & 1) for t in range(question.n_sites)]
    number: list[dict[int, int]] = [{} for _ in question.parents]
    for v in reversed(question.order):
        total = number[v]
        for alternative in optimal.alternatives[v]:
            product = 1
            for child, stay, cross in alternative.children:
                ways = sum(count for t, count in number[child].items() if stay >> t & 1)
                for t, count in number[child].items():
                    if cross >> t & 1:
                        ways += count * (into[t] & alternative.sites & ~(1 << t)).bit_count()
                product *= ways
                if not product:
                    break
            if product:
                for t in bits(alternative.entries):
                    trees = count_arborescences(alternative.sites, t, reach, full)
                    if trees:
                        total[t] = total.get(t, 0) + product * trees
    return number[question.root].get(question.primary, 0)
