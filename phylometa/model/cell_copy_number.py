"""Copy number of single cells: what a caller gave for each, and the clones of one profile found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.short_repr import short_repr

__all__ = ["CELL_FATES", "CellClones", "CellCopyNumber", "UNKNOWN"]

UNKNOWN = -1
CELL_FATES = ("clone", "normal", "doublet", "noisy", "alone")
"""What became of a cell: in a clone of the tumour; normal; two cells; too many wrong states; in no clone that has
enough cells."""


@dataclass(frozen=True, eq=False)
class CellCopyNumber:
    """Copies of N segments in C single cells.

    Parameters
    ----------
    cells : tuple of str, length C
    chroms : tuple of str, length N
    start, end : int64 arrays (N,)
        0-based, half-open, in order on each chromosome and without overlap.
    copies : int16 array (A, N, C)
        A = 2 alleles, or 1 if only totals are known; -1 where a cell has no call.
    is_phased : bool
        The first allele is the same parental chromosome in all cells; else it is the major one.
    warnings : tuple of str
        What was left out while reading.
    """

    cells: tuple[str, ...]
    chroms: tuple[str, ...]
    start: IntArray
    end: IntArray
    copies: NDArray[np.int16]
    is_phased: bool = False
    warnings: tuple[str, ...] = ()

    __repr__ = short_repr

    def __post_init__(self) -> None:
        n = len(self.chroms)
        freeze_array(self, "start", np.int64, (n,))
        freeze_array(self, "end", np.int64, (n,))
        freeze_array(self, "copies", np.int16, (None, n, len(self.cells)))

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Calls (N, C) there are."""
        return np.asarray((self.copies >= 0).all(axis=0))

    def take_cells(self, index: Sequence[int] | IntArray) -> CellCopyNumber:
        """Restricted to some cells (indices), in that order."""
        chosen = np.asarray(index, dtype=np.int64)
        return replace(self, cells=tuple(self.cells[c] for c in chosen), copies=self.copies[:, :, chosen])

    def take_segments(self, index: IntArray) -> CellCopyNumber:
        """Restricted to some segments (indices), in that order."""
        chroms = tuple(self.chroms[j] for j in index)
        return replace(self, chroms=chroms, start=self.start[index], end=self.end[index], copies=self.copies[:, index])


@dataclass(frozen=True, eq=False)
class CellClones:
    """Clones of one copy-number profile each, K of them, found in C cells on N common segments.

    Parameters
    ----------
    matrix : CellCopyNumber
        On the common segments.
    names : tuple of str, length K
        ``N`` for the normal profile, else 1, 2, ... by falling number of cells.
    profiles : int16 array (K, A, N)
        Most probable copies; -1 where no cell of the clone has a call.
    support : float64 array (K,)
        Probability of each clone beside the state that joins it to the clone most like it.
    fate : tuple of str, length C
        One of `CELL_FATES` for every cell.
    clone : int64 array (C,)
        Clone of a cell; of a doublet or a noisy cell the one it is most like; -1: alone.
    second : int64 array (C,)
        The other clone of a doublet, K: a normal cell of which there is no clone; -1: one cell.
    probability : float64 array (C,)
        Of fate and clone, given the clones of all other cells.
    error : float
        Learnt probability that a segment's state is wrong in a cell.
    offsets : mapping
        Wrong states by how many copies of the alleles they are off.
    log_score : float
        Log of prior and likelihood of the partition.
    """

    matrix: CellCopyNumber
    names: tuple[str, ...]
    profiles: NDArray[np.int16]
    support: FloatArray
    fate: tuple[str, ...]
    clone: IntArray
    second: IntArray
    probability: FloatArray
    error: float
    offsets: Mapping[tuple[int, ...], float]
    log_score: float

    __repr__ = short_repr

    def __post_init__(self) -> None:
        k, n_cells = len(self.names), len(self.matrix.cells)
        freeze_array(self, "profiles", np.int16, (k, *self.matrix.copies.shape[:2]))
        freeze_array(self, "support", np.float64, (k,))
        freeze_array(self, "clone", np.int64, (n_cells,))
        freeze_array(self, "second", np.int64, (n_cells,))
        freeze_array(self, "probability", np.float64, (n_cells,))

    def members(self, clone: int) -> IntArray:
        """Indices of the cells of a clone."""
        kept = [f in ("clone", "normal") and k == clone for f, k in zip(self.fate, self.clone.tolist())]
        return np.flatnonzero(kept)

    @property
    def sizes(self) -> IntArray:
        """Cells of every clone (K,)."""
        return np.array([len(self.members(k)) for k in range(len(self.names))], dtype=np.int64)

    def name_of(self, clone: int) -> str:
        """Name of a clone by its index; '' for -1."""
        return (*self.names, "N", "")[clone]

    def count(self, fate: str) -> int:
        """Number of cells of a fate."""
        return self.fate.count(fate)
