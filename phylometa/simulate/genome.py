"""The genome of a simulated patient, cut at every breakpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import IntArray
from phylometa.reference.genome import CHROMOSOMES

__all__ = ["Segments"]


@dataclass(frozen=True, eq=False)
class Segments:
    """The genome cut at every breakpoint of a patient: columns of equal length G, in genome order.

    Parameters
    ----------
    chrom : int64 array (G,)
        Index into `CHROMOSOMES`.
    start, end : int64 arrays (G,)
        0-based, half-open.
    """

    chrom: IntArray
    start: IntArray
    end: IntArray

    def __len__(self) -> int:
        return len(self.chrom)

    @property
    def length(self) -> IntArray:
        """Bases (G,)."""
        return self.end - self.start

    @property
    def names(self) -> tuple[str, ...]:
        """Chromosome of every segment."""
        return tuple(CHROMOSOMES[c].name for c in self.chrom)

    def at(self, chrom: str, position: int) -> int:
        """Find the index of the segment that holds a 0-based position."""
        inside = (np.array(self.names) == chrom) & (self.start <= position) & (position < self.end)
        return int(np.flatnonzero(inside)[0])

    @classmethod
    def from_breakpoints(cls, breakpoints: dict[int, set[int]]) -> Segments:
        """Whole chromosomes, cut at the given positions (chromosome index -> positions)."""
        rows = []
        for c, chromosome in enumerate(CHROMOSOMES):
            cuts = sorted({0, chromosome.length} | breakpoints.get(c, set()))
            rows += [(c, a, b) for a, b in zip(cuts, cuts[1:])]
        chrom, start, end = np.array(rows, dtype=np.int64).T
        return cls(chrom, start, end)
