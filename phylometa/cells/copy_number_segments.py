"""Segments that single cells have in common: breakpoints that several cells share, and every cell's state between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.cell_copy_number import UNKNOWN, CellCopyNumber
from phylometa.reference.contigs import contig_name

__all__ = ["common_cell_segments", "join_cells", "without_sex_chromosomes"]


def join_cells(tables: Sequence[CellCopyNumber]) -> CellCopyNumber:
    """Put the cells of several tables on the segments that all their breakpoints make.

    Parameters
    ----------
    tables : sequence of CellCopyNumber
        At least one. Alleles are kept if all tables have them, else totals; phased if all are.

    Returns
    -------
    CellCopyNumber
        Cells in the order of the tables; unknown where a table has no segment.
    """
    if len(tables) == 1:
        return tables[0]
    n_alleles = min(table.copies.shape[0] for table in tables)
    is_phased = all(table.is_phased for table in tables)
    chroms: list[str] = []
    starts, ends, parts = [], [], []
    for chrom in dict.fromkeys(name for table in tables for name in table.chroms):
        rows = [np.flatnonzero([name == chrom for name in table.chroms]) for table in tables]
        cuts = np.unique(np.concatenate([np.r_[t.start[r], t.end[r]] for t, r in zip(tables, rows)]))
        columns = [_on_cuts(_alleles(t, n_alleles, is_phased), t, r, cuts) for t, r in zip(tables, rows)]
        joined = np.concatenate(columns, axis=2)
        kept = (joined[0] >= 0).any(axis=1)
        chroms += [chrom] * int(kept.sum())
        starts.append(cuts[:-1][kept])
        ends.append(cuts[1:][kept])
        parts.append(joined[:, kept])
    return CellCopyNumber(
        cells=tuple(name for table in tables for name in table.cells),
        chroms=tuple(chroms),
        start=np.concatenate(starts),
        end=np.concatenate(ends),
        copies=np.concatenate(parts, axis=1),
        is_phased=is_phased,
        warnings=tuple(dict.fromkeys(text for table in tables for text in table.warnings)),
    )


def _alleles(table: CellCopyNumber, n_alleles: int, is_phased: bool) -> IntArray:
    """Copies as totals, or as major and minor, if another table has no more."""
    copies = table.copies.astype(np.int64)
    if n_alleles < len(copies):
        return np.where(table.is_known, copies.sum(axis=0), UNKNOWN)[None]
    return copies if is_phased or not table.is_phased else -np.sort(-copies, axis=0)


def _on_cuts(copies: IntArray, table: CellCopyNumber, rows: IntArray, cuts: IntArray) -> IntArray:
    """Copies (A, cuts - 1, C) between breakpoints of one chromosome."""
    found = np.full((len(copies), len(cuts) - 1, copies.shape[2]), UNKNOWN, dtype=np.int64)
    if len(rows):
        middle = (cuts[:-1] + cuts[1:]) // 2
        at = np.searchsorted(table.start[rows], middle, side="right") - 1
        inside = (at >= 0) & (middle < table.end[rows][np.maximum(at, 0)])
        found[:, inside] = copies[:, rows[at[inside]]]
    return found


def common_cell_segments(matrix: CellCopyNumber, *, tolerance: int, least_cells: int) -> CellCopyNumber:
    """Merge segments between which few cells change.

    Parameters
    ----------
    matrix : CellCopyNumber
    tolerance : int
        Breakpoints within so many bp of one that more cells have are that one (bp).
    least_cells : int
        Breakpoints of fewer cells are left out.

    Returns
    -------
    CellCopyNumber
        Every cell's state of a segment is that of most of its length.
    """
    chroms, starts, ends, parts = [], [], [], []
    names = np.array(matrix.chroms)
    for chrom in dict.fromkeys(matrix.chroms):
        rows = np.flatnonzero(names == chrom)
        copies = matrix.copies[:, rows].astype(np.int64)
        is_cut = _shared_breakpoints(copies, matrix.start[rows], tolerance, least_cells)
        first = np.concatenate(([0], np.flatnonzero(is_cut) + 1))
        last = np.append(first[1:], len(rows))
        length = (matrix.end - matrix.start)[rows]
        for a, b in zip(first.tolist(), last.tolist()):
            parts.append(_most_of_length(copies[:, a:b], length[a:b]))
            chroms.append(chrom)
            starts.append(matrix.start[rows[a]])
            ends.append(matrix.end[rows[b - 1]])
    return CellCopyNumber(
        cells=matrix.cells,
        chroms=tuple(chroms),
        start=np.array(starts, dtype=np.int64),
        end=np.array(ends, dtype=np.int64),
        copies=np.stack(parts, axis=1),
        is_phased=matrix.is_phased,
        warnings=matrix.warnings,
    )


def _shared_breakpoints(copies: IntArray, start: IntArray, tolerance: int, least_cells: int) -> BoolArray:
    """Which borders (n - 1,) between the segments of a chromosome enough cells have, the most common first."""
    both = (copies[:, 1:] >= 0).all(axis=0) & (copies[:, :-1] >= 0).all(axis=0)
    changes = (copies[:, 1:] != copies[:, :-1]).any(axis=0) & both  # (n - 1, C)
    place, taken = start[1:], np.zeros(len(start) - 1, dtype=bool)
    found = np.zeros(len(place), dtype=bool)
    for border in np.argsort(-changes.sum(axis=1), kind="stable").tolist():
        if taken[border]:
            continue
        near = ~taken & (np.abs(place - place[border]) <= tolerance)
        if changes[near].any(axis=0).sum() >= least_cells:
            found[border] = True
        taken |= near
    return found


def _most_of_length(copies: IntArray, length: IntArray) -> IntArray:
    """State (A, C) that most of the known length of each cell has; the first one of equals."""
    if copies.shape[1] == 1:
        return np.asarray(copies[:, 0])
    known = (copies >= 0).all(axis=0)
    code = np.where(known, copies[0].astype(np.int64) * 20_000 + copies[-1], -1)
    best, of_best = np.full(code.shape[1], UNKNOWN, dtype=np.int64), np.zeros(code.shape[1])
    for state in np.unique(code[code >= 0]).tolist():
        covered = np.where(code == state, length[:, None], 0).sum(axis=0)
        better = covered > of_best
        best[better], of_best[better] = state, covered[better]
    found = np.where(best >= 0, np.stack((best // 20_000, best % 20_000)), UNKNOWN)
    return np.asarray(found[-copies.shape[0] :])


def without_sex_chromosomes(matrix: CellCopyNumber, *, is_female: bool) -> CellCopyNumber:
    """Return the matrix without Y, and without X unless normal cells are known to have two."""
    names = [contig_name(chrom) for chrom in matrix.chroms]
    kept = [name != "Y" and (is_female or name != "X") for name in names]
    return matrix if all(kept) else matrix.take_segments(np.flatnonzero(kept))
