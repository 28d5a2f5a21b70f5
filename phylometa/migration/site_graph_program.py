"""Site graphs by integer programming (HiGHS), the last resort if branching on cuts takes too long.

The smallest feasible site graph is a smallest hitting set of all cuts (see `site_graphs`). Cuts are added as they are
needed: the program's optimum is either feasible, or yields further cuts. Every cut holds for all graphs, so it is kept
for later sizes and numbers of sources; a graph that was given out is excluded by one more constraint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from phylometa.migration.arborescences import bits

__all__ = ["CutSource", "OutOfTime", "SiteGraphProgram"]

OPTIMAL, INFEASIBLE = 0, 2  # status of scipy.optimize.milp


class OutOfTime(Exception):
    """The time limit passed before the search was complete."""


class CutSource(Protocol):
    """What the program asks of a search: the useful pairs (bitmasks of targets by source), cuts, and the time left."""

    n_sites: int

    @property
    def useful(self) -> Sequence[int]:
        """Pairs that some optimal history uses, as bitmasks of targets by source."""

    def disjoint_cuts(self, reach: Sequence[int], allowed: Sequence[int]) -> list[list[tuple[int, int]]]:
        """List sets of further pairs of which every feasible larger graph holds at least one; empty if feasible."""

    def seconds_left(self) -> float:
        """Return the CPU seconds until the deadline."""

    def check_time(self) -> None:
        """Raise `OutOfTime` past the deadline."""


class SiteGraphProgram:
    """Integer program over the pairs of a search.

    Parameters
    ----------
    search : CutSource
        Gives feasibility, cuts and the useful pairs.
    """

    def __init__(self, search: CutSource) -> None:
        self.search = search
        self.pairs = [(s, t) for s, targets in enumerate(search.useful) for t in bits(targets)]
        self.column = {pair: i for i, pair in enumerate(self.pairs)}
        self.cuts: list[list[int]] = []
        self.bound = 0  # on the pairs of a feasible graph within the useful pairs
        self._least: dict[tuple[int, ...], int] = {}

    def least_size(self, allowed: Sequence[int]) -> int:
        """Return the least number of pairs of a feasible graph within `allowed`; one more than there are if none is."""
        key = tuple(allowed)
        if key not in self._least:
            chosen = self._next(None, None, allowed, ())
            self._least[key] = len(self.pairs) + 1 if chosen is None else len(chosen)
        return self._least[key]

    def graphs(self, size: int, max_sources: int | None, allowed: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield every feasible site graph of exactly `size` pairs, once each; the arguments are those of the search.

        Raises
        ------
        OutOfTime
            The search's deadline passed.
        """
        if size < self.least_size(allowed):
            return
        given: list[list[int]] = []
        while True:
            chosen = self._next(size, max_sources, allowed, given)
            if chosen is None:
                return
            given.append(chosen)
            yield self._reach(chosen)

    def _reach(self, chosen: Sequence[int]) -> tuple[int, ...]:
        reach = [0] * self.search.n_sites
        for i in chosen:
            s, t = self.pairs[i]
            reach[s] |= 1 << t
        return tuple(reach)

    def _next(
        self, size: int | None, max_sources: int | None, allowed: Sequence[int], given: Sequence[Sequence[int]]
    ) -> list[int] | None:
        """Columns of a feasible graph that was not given out; cuts are added until one is found, or none is left."""
        while True:
            self.search.check_time()
            chosen = self._solve(size, max_sources, allowed, given)
            if chosen is None:
                return None
            found = self.search.disjoint_cuts(self._reach(chosen), self.search.useful)
            if not found:
                return chosen
            self.cuts += [[self.column[pair] for pair in cut] for cut in found]

    def _solve(
        self, size: int | None, max_sources: int | None, allowed: Sequence[int], given: Sequence[Sequence[int]]
    ) -> list[int] | None:
        """Columns of a graph that hits all cuts and was not given out; None if there is no such graph."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix

        n, n_sites = len(self.pairs), self.search.n_sites
        rows: list[tuple[Sequence[int], Sequence[float], float, float]] = []
        rows += [(cut, [1.0] * len(cut), 1, np.inf) for cut in self.cuts]
        rows += [(graph, [1.0] * len(graph), -np.inf, len(graph) - 1) for graph in given]
        for s in range(n_sites):
            outgoing = [i for i, pair in enumerate(self.pairs) if pair[0] == s]
            if outgoing:  # a site with an outgoing pair is a source
                rows.append(([*outgoing, n + s], [*[1.0] * len(outgoing), -float(len(outgoing))], -np.inf, 0))
        if size is not None:
            rows.append((range(n), [1.0] * n, size, size))
        if max_sources is not None:
            rows.append((range(n, n + n_sites), [1.0] * n_sites, 0, max_sources))
        indptr = np.cumsum([0, *(len(columns) for columns, _, _, _ in rows)])
        matrix = csr_matrix(
            (
                np.concatenate([values for _, values, _, _ in rows]),
                np.concatenate([np.asarray(columns) for columns, _, _, _ in rows]),
                indptr,
            ),
            shape=(len(rows), n + n_sites),
        )
        upper = np.ones(n + n_sites)
        upper[:n] = [allowed[s] >> t & 1 for s, t in self.pairs]
        cost = np.zeros(n + n_sites)
        cost[(slice(n) if size is None else slice(n, None))] = 1.0  # the least size, or few sources first
        result = milp(
            cost,
            constraints=LinearConstraint(matrix, [row[2] for row in rows], [row[3] for row in rows]),
            integrality=np.ones(n + n_sites),
            bounds=Bounds(0, upper),
            options={"time_limit": self.search.seconds_left()},
        )
        if size is None and tuple(allowed) == tuple(self.search.useful) and result.mip_dual_bound is not None:
            self.bound = max(self.bound, int(np.ceil(result.mip_dual_bound - 1e-6)))
        if result.status == INFEASIBLE:
            return None
        if result.status != OPTIMAL:
            raise OutOfTime
        return np.flatnonzero(result.x[:n] > 0.5).tolist()
