"""Search over site graphs: the smallest sets of (source, target) pairs that carry an optimal history.

gamma is at least the number of distinct pairs of a history, and equal to it if no pair repeats on a path. So the
least gamma is found among the smallest feasible site graphs. Feasibility of a graph is one pass over the clone tree,
and it is monotone (more pairs never hurt), so an infeasible graph yields a cut: a set of further pairs of which every
feasible larger graph holds at least one. Disjoint cuts bound the size from below; the smallest cut is branched on,
each pair being excluded once its branch is done, so that every graph is met once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from phylometa.migration.arborescences import bits, spanning_roots
from phylometa.migration.comigration import is_acyclic
from phylometa.migration.least_cost import OptimalHistories
from phylometa.migration.site_graph_program import OutOfTime, SiteGraphProgram

if TYPE_CHECKING:
    from phylometa.migration.feasibility import FlatAlternatives

__all__ = ["SiteGraphSearch", "graph_pairs", "is_acyclic_graph"]

Pair = tuple[int, int]


# Clones from which feasibility is asked of compiled code, also if it must be loaded first; and sites up to which it can
# be (bitmasks of 64 bits).
COMPILED_FROM, MOST_COMPILED = 200, 62
# Branchings without a graph after which the integer programme takes over.
NODES_BEFORE_PROGRAM = 1000


class _TooManyNodes(Exception):
    """Branching on cuts takes too long."""


def graph_pairs(reach: Sequence[int]) -> frozenset[Pair]:
    """List the (source, target) pairs of a graph given as target bitmasks."""
    return frozenset((s, t) for s, targets in enumerate(reach) for t in bits(targets))


class SiteGraphSearch:
    """Site graphs of a given size that carry a history of a compact structure.

    Parameters
    ----------
    optimal : OptimalHistories
    pattern : {"PS", "S", "M", "R"} or None
        Upper bound on the pattern of the graphs.
    deadline : float
        Process time (``time.process_time``) at which `OutOfTime` is raised.
    is_compiled : bool, optional
        Whether compiled code is asked if a graph is feasible; by default if the tree is large, or if compiled code is
        loaded anyway. The answer is the same.
    """

    def __init__(
        self,
        optimal: OptimalHistories,
        *,
        pattern: str | None = None,
        deadline: float = float("inf"),
        is_compiled: bool | None = None,
    ) -> None:
        self.optimal = optimal
        self.n_sites = optimal.question.n_sites
        self.pattern = pattern
        self.deadline = deadline
        self.useful = self._useful_reach()
        self._roots: dict[tuple[int, ...], int] = {}
        if is_compiled is None:
            is_compiled = len(optimal.question.parents) >= COMPILED_FROM or "numba" in sys.modules
        self.is_compiled = is_compiled and self.n_sites <= MOST_COMPILED
        self._flat: FlatAlternatives | None = None
        self._nodes_left: int | None = None
        self._program: SiteGraphProgram | None = None

    def _useful_reach(self) -> tuple[int, ...]:
        """Pairs that some optimal history uses or may use."""
        optimal = self.optimal
        useful = [0] * self.n_sites
        for alternatives in optimal.alternatives:
            for alternative in alternatives:
                for s in bits(alternative.sites):
                    useful[s] |= alternative.sites & ~(1 << s)
                    for _, _, cross in alternative.children:
                        useful[s] |= cross & ~(1 << s)
        primary = optimal.question.primary
        if self.pattern == "PS":
            useful = [targets if s == primary else 0 for s, targets in enumerate(useful)]
        return tuple(u & r for u, r in zip(useful, optimal.reach))

    def spanning_roots(self, sites: int, reach: Sequence[int]) -> int:
        """`arborescences.spanning_roots`, remembered."""
        if not sites & (sites - 1):
            return sites
        key = (sites, *[reach[s] & sites for s in bits(sites)])
        roots = self._roots.get(key)
        if roots is None:
            roots = self._roots[key] = spanning_roots(sites, reach)
        return roots

    def _compiled(self) -> FlatAlternatives | None:
        """The alternatives as compiled code takes them; None if it is not to be used."""
        if self._flat is None and self.is_compiled:
            from phylometa.migration.feasibility import FlatAlternatives

            self._flat = FlatAlternatives(self.optimal)
        return self._flat

    def possible_entries(self, reach: Sequence[int]) -> tuple[list[int], int]:
        """List each clone's entering sites with an optimal subtree in the graph, up to the first clone without any.

        Returns
        -------
        entries : list of int
            Bitmask of every clone; 0 if there is none, or not computed.
        failed : int
            First clone (children first) that has none; -1 if the graph is feasible.
        """
        question = self.optimal.question
        if (flat := self._compiled()) is not None:
            return flat.possible_entries(reach)
        possible = [0] * len(question.parents)
        for v in reversed(question.order):
            entries = 0
            for alternative in self.optimal.alternatives[v]:
                out = -1
                for child, stay, cross in alternative.children:
                    if not possible[child] & stay:
                        if out < 0:
                            out = 0
                            for s in bits(alternative.sites):
                                out |= reach[s]
                        if not possible[child] & cross & out:
                            break
                else:
                    entries |= alternative.entries & self.spanning_roots(alternative.sites, reach)
            if not entries:
                return possible, v
            possible[v] = entries
        return possible, -1

    def is_feasible(self, reach: Sequence[int]) -> bool:
        """Whether some optimal history uses pairs of the graph only."""
        return self.possible_entries(reach)[1] < 0

    def cut(self, reach: Sequence[int], open_pairs: Sequence[int]) -> list[Pair] | None:
        """Pairs of `open_pairs` of which every feasible graph that contains `reach` has one; None if feasible."""
        possible, failed = self.possible_entries(reach)
        if failed < 0:
            return None
        alternatives = self.optimal.alternatives[failed]
        if len(alternatives) == 1:
            found = self._cut_within(alternatives[0].sites, alternatives[0].entries, reach, open_pairs)
            if found is not None:
                return found
        return self._cut_by_growth(reach, open_pairs)

    def _cut_within(
        self, sites: int, entries: int, reach: Sequence[int], open_pairs: Sequence[int]
    ) -> list[Pair] | None:
        """Cut of a clone whose sites are not spanned from any entry: pairs into one or two closed groups of sites."""
        groups: list[int] = []  # sets of sites without a pair into them: source components of the graph on `sites`
        unseen = sites
        while unseen:
            site = unseen & -unseen
            group = site
            growing = True
            while growing:  # everything from which `site` is reached
                growing = False
                for s in bits(sites & ~group):
                    if reach[s] & group:
                        group |= 1 << s
                        growing = True
            if not any(other & ~group == 0 for other in groups):
                groups = [other for other in groups if group & ~other]
                groups.append(group)
            unseen ^= site
        without_entry = [group for group in groups if not group & entries]
        chosen = without_entry[:1] if without_entry else groups[:2]
        if not without_entry and len(groups) < 2:
            return None
        pairs = []
        for s in bits(sites):
            for group in chosen:
                if not group >> s & 1:
                    pairs += [(s, t) for t in bits(open_pairs[s] & ~reach[s] & group)]
        return sorted(set(pairs))

    def _cut_by_growth(self, reach: Sequence[int], open_pairs: Sequence[int]) -> list[Pair]:
        """Grow the graph as long as it stays infeasible; what is left open is a cut."""
        if (flat := self._compiled()) is not None:
            return flat.grow_cut(reach, open_pairs)
        grown = list(reach)
        blocked = []
        for t in range(self.n_sites):
            into = [s for s in range(self.n_sites) if open_pairs[s] & ~grown[s] & (1 << t)]
            if into:
                trial = list(grown)
                for s in into:
                    trial[s] |= 1 << t
                if self.is_feasible(trial):
                    blocked += [(s, t) for s in into]
                else:
                    grown = trial
        cut = []
        for s, t in blocked:
            grown[s] |= 1 << t
            if self.is_feasible(grown):
                grown[s] &= ~(1 << t)
                cut.append((s, t))
        return cut

    def disjoint_cuts(
        self, reach: Sequence[int], open_pairs: Sequence[int], enough: int | None = None
    ) -> list[list[Pair]]:
        """List disjoint cuts of a graph, at most `enough` + 1; none if it is feasible, ending with [] if hopeless."""
        grown = list(reach)
        cuts: list[list[Pair]] = []
        while enough is None or len(cuts) <= enough:
            cut = self.cut(grown, open_pairs)
            if cut is None:
                break
            cuts.append(cut)
            if not cut:
                break
            for s, t in cut:
                grown[s] |= 1 << t
        return cuts

    def lower_bound(
        self, reach: Sequence[int], open_pairs: Sequence[int], enough: int
    ) -> tuple[int, list[Pair] | None]:
        """Compute a lower bound on the pairs still to add (disjoint cuts, up to `enough`), and the smallest cut met."""
        cuts = self.disjoint_cuts(reach, open_pairs, enough)
        if not cuts:
            return 0, None
        return (len(cuts) if cuts[-1] else enough + 1), min(cuts, key=len)

    def graphs(
        self, size: int, *, max_sources: int | None = None, allowed: Sequence[int] | None = None
    ) -> Iterator[tuple[int, ...]]:
        """Yield every feasible site graph of exactly `size` pairs, once each.

        Parameters
        ----------
        size : int
        max_sources : int, optional
            Most sites with an outgoing pair.
        allowed : sequence of int, optional
            Pairs to choose from (bitmasks of targets by source); by default all useful ones.
        """
        open_pairs = [a & u for a, u in zip(self.useful if allowed is None else allowed, self.useful)]
        self._nodes_left = NODES_BEFORE_PROGRAM if self.pattern is None else None
        try:
            for graph in self._extend([0] * self.n_sites, open_pairs, size, max_sources):
                self._nodes_left = None  # once a graph is found, branching lists the others faster than the programme
                yield graph
        except _TooManyNodes:
            if self._program is None:
                self._program = SiteGraphProgram(self)
            yield from self._program.graphs(size, max_sources, open_pairs)

    @property
    def least_pairs(self) -> int:
        """No feasible graph has fewer pairs, as far as the integer programme got."""
        return 0 if self._program is None else self._program.bound

    def seconds_left(self) -> float:
        """Return the CPU seconds until the deadline, not below a tenth."""
        return max(min(self.deadline - time.process_time(), 1e6), 0.1)

    def check_time(self) -> None:
        """Raise `OutOfTime` past the deadline."""
        if time.process_time() > self.deadline:
            raise OutOfTime

    def _extend(
        self, reach: list[int], open_pairs: list[int], size: int, max_sources: int | None
    ) -> Iterator[tuple[int, ...]]:
        self.check_time()
        if self._nodes_left is not None:
            self._nodes_left -= 1
            if self._nodes_left < 0:
                raise _TooManyNodes
        if max_sources is not None and sum(1 for targets in reach if targets) == max_sources:
            open_pairs = [o if r else 0 for o, r in zip(open_pairs, reach)]
        open_pairs = self._within_pattern(reach, open_pairs)
        remaining = size - sum(targets.bit_count() for targets in reach)
        bound, cut = self.lower_bound(reach, open_pairs, remaining)
        if bound > remaining:
            return
        if cut is None:
            if not remaining:
                yield tuple(reach)
                return
            cut = [(s, t) for s in range(self.n_sites) for t in bits(open_pairs[s] & ~reach[s])]
        if not remaining:
            return
        open_pairs = list(open_pairs)
        for s, t in cut:
            reach[s] |= 1 << t
            yield from self._extend(reach, open_pairs, size, max_sources)
            reach[s] &= ~(1 << t)
            open_pairs[s] &= ~(1 << t)

    def has_graph(self) -> bool:
        """Whether any site graph within the pattern carries an optimal history."""
        return self._completes([0] * self.n_sites, list(self.useful))

    def _completes(self, reach: list[int], open_pairs: list[int]) -> bool:
        self.check_time()
        open_pairs = self._within_pattern(reach, open_pairs)
        cut = self.lower_bound(reach, open_pairs, self.n_sites**2)[1]
        if cut is None:
            return True
        for s, t in cut:
            reach[s] |= 1 << t
            done = self._completes(reach, open_pairs)
            reach[s] &= ~(1 << t)
            if done:
                return True
            open_pairs[s] &= ~(1 << t)
        return False

    def _within_pattern(self, reach: Sequence[int], open_pairs: Sequence[int]) -> list[int]:
        """The open pairs that keep the pattern within its bound, given those chosen."""
        if self.pattern not in ("S", "M"):
            return list(open_pairs)
        kept = []
        ancestors = self._ancestors(reach)
        for s in range(self.n_sites):
            targets = open_pairs[s] & ~ancestors[s]
            if self.pattern == "S":
                for t in bits(targets & ~reach[s]):
                    if any(reach[other] >> t & 1 for other in range(self.n_sites)):
                        targets &= ~(1 << t)
            kept.append(targets | reach[s])
        return kept

    def _ancestors(self, reach: Sequence[int]) -> list[int]:
        """Every site's sources, their sources and so on (bitmasks; a site is not its own)."""
        ancestors = [sum(1 << s for s in range(self.n_sites) if reach[s] >> t & 1) for t in range(self.n_sites)]
        for middle in range(self.n_sites):
            for t in range(self.n_sites):
                if ancestors[t] >> middle & 1:
                    ancestors[t] |= ancestors[middle]
        return ancestors

    def small_graph(self) -> tuple[int, ...]:
        """Find a feasible graph from which no pair can be taken (whole sources go first, then pairs); not the least."""
        reach = list(self.useful)
        for group in ([(s, t) for t in bits(reach[s])] for s in reversed(range(self.n_sites))):
            trial = self._without(reach, group)
            reach = trial if self.is_feasible(trial) else reach
        for pair in sorted(graph_pairs(reach), reverse=True):
            trial = self._without(reach, [pair])
            reach = trial if self.is_feasible(trial) else reach
        return tuple(reach)

    @staticmethod
    def _without(reach: Sequence[int], pairs: Sequence[Pair]) -> list[int]:
        smaller = list(reach)
        for s, t in pairs:
            smaller[s] &= ~(1 << t)
        return smaller

    def least_source_sets(self) -> tuple[int, list[tuple[int, ...]]]:
        """Find the least number of seeding sites, and for every such set of sites the graph of all pairs from it."""
        for size in range(self.n_sites + 1):
            found = []
            for sources in combinations(range(self.n_sites), size):
                self.check_time()
                reach = tuple(self.useful[s] if s in sources else 0 for s in range(self.n_sites))
                if self.is_feasible(reach):
                    found.append(reach)
            if found:
                return size, found
        return self.n_sites + 1, []


def is_acyclic_graph(reach: Sequence[int]) -> bool:
    """Return whether a graph given as target bitmasks has no directed cycle."""
    return is_acyclic(graph_pairs(reach))
