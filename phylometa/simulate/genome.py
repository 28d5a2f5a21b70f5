"""The genome of a simulated patient, cut at every breakpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import IntArray
from phylometa.model.patient import CopyNumberProfile
from phylometa.reference.genome import CHROMOSOMES

__all__ = ["Segments", "segments_at"]


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


def segments_at(profile: CopyNumberProfile, chroms: Sequence[str], positions: IntArray) -> IntArray:
    """Find the row of `profile`, whose segments cover the genome, that holds each locus in each sample (n, S)."""
    offset = {chromosome.name: c * 10**9 for c, chromosome in enumerate(CHROMOSOMES)}
    starts = np.array([offset[c] for c in profile.chroms], dtype=np.int64) + profile.start
    places = np.array([offset[c] for c in chroms], dtype=np.int64) + positions
    n_samples = len(profile.sample_names)
    rows = np.empty((len(places), n_samples), dtype=np.int64)
    for s in range(n_samples):
        own = np.flatnonzero(profile.sample == s)  # in genome order
        rows[:, s] = own[np.searchsorted(starts[own], places, side="right") - 1]
    return rows
