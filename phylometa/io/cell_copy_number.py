"""Copy number of single cells as callers write it: a row per segment and cell, or a column per cell."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.documents import write_json
from phylometa.io.files import is_missing, parse_count, parse_decimal
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.tsv import write_tsv
from phylometa.io.words import counted
from phylometa.model.arrays import IntArray
from phylometa.model.cell_copy_number import CELL_FATES, UNKNOWN, CellClones, CellCopyNumber
from phylometa.reference.contigs import contig_name, is_chromosome

__all__ = ["has_column_per_cell", "is_cell_copy_number", "names_cells", "read_cell_copy_number"]
__all__ += ["write_copy_number_clones"]

_ALIASES = {
    alias: name
    for name, aliases in {
        "cell": "cell_id cellid barcode barcodes sample sample_id id",
        "chrom": "chr chromosome seqnames contig",
        "start": "startpos start_position startposition start_bp",
        "end": "endpos end_position endposition stop end_bp",
    }.items()
    for alias in aliases.split()
}
# Columns that hold the state of a cell, the most telling first: a pair a|b, two columns, or one total; phased or not.
_PAIRS = {"hap_cn": True, "cn_state": True, "state_as_phased": True, "state_as": False, "haplotype_cn": True}
_COLUMNS = {("cn_a", "cn_b"): True, ("a", "b"): True, ("alleleacn", "allelebcn"): True}
_COLUMNS |= {("maj", "min"): False, ("major_cn", "minor_cn"): False, ("major", "minor"): False}
_TOTALS = ("total_cn", "copy_number", "state", "cn", "copies", "total", "copynumber", "integer_copy_number")
# Columns that name cells and nothing else, and the one by which Cell Ranger's table is told.
_OF_CELLS = frozenset(("cell", "cell_id", "cellid", "barcode", "barcodes", "event_confidence"))
# A table of fewer columns of copies may be one of bulk samples; a segment is longer than a mutation.
_LEAST_COLUMNS, _LEAST_LENGTH, _ROWS_LOOKED_AT = 10, 1000, 20
# Columns of a matrix that are no cells.
_NO_CELLS = frozenset(("width", "length", "gc", "map", "mappability", "bin", "bin_id", "region", "strand", "arm", ""))
_SEPARATOR = re.compile(r"[|,/]")
_MOST = 10_000
# Cells that are no tumour.
_NORMAL_NAMES = frozenset(("diploid", "normal"))

_State = Callable[[list[str]], tuple[int, int] | None]


def is_cell_copy_number(path: Path) -> bool:
    """Whether a table has places, as copy number has and a matrix of mutations has not."""
    try:
        with closing(TableReader(path, str(path), aliases=_ALIASES)) as table:
            return all(name in table for name in ("chrom", "start", "end"))
    except InputError:
        return False  # the reader of mutations says what is wrong


def names_cells(path: Path) -> bool:
    """Whether a table of copy number says by its columns that its rows are of single cells, not of bulk samples."""
    try:
        with closing(TableReader(path, str(path), aliases=_ALIASES)) as table:
            table.require(("chrom", "start", "end", "cell"))
            _state_of(table)
            return not _OF_CELLS.isdisjoint(name.lower() for name in table.original)
    except InputError:
        return False


def has_column_per_cell(path: Path) -> bool:
    """Whether a table has places and a column of whole copies for each of many cells, as Ginkgo's has."""
    try:
        with closing(TableReader(path, str(path), aliases=_ALIASES)) as table:
            table.require(("chrom", "start", "end"))
            if "cell" in table or len(columns := _cell_columns(table)) < _LEAST_COLUMNS:
                return False
            at = table.index("start"), table.index("end")
            lengths = []
            for _, fields in islice(table, _ROWS_LOOKED_AT):
                start, end = parse_count(fields[at[0]]), parse_count(fields[at[1]])
                texts = [fields[c] for c, _ in columns]
                if start is None or end is None or not all(_copies(text) is not None or _pair(text) for text in texts):
                    return False
                lengths.append(end - start)
            return max(lengths, default=0) >= _LEAST_LENGTH
    except InputError:
        return False


def read_cell_copy_number(path: str | Path, *, display: str = "") -> CellCopyNumber:
    """Read the copy number of single cells.

    Parameters
    ----------
    path : path
        A table with the columns chrom, start and end. Either a row per segment and cell, with a column that names the
        cell (CHISEL, SIGNALS, HMMcopy, Cell Ranger DNA, MEDICC2) and its state: a pair ``a|b``, two columns of alleles,
        or a total. Or a row per segment and a column per cell (Ginkgo's SegCopy), with a total or a pair.
    display : str
        Name of the file in messages.

    Returns
    -------
    CellCopyNumber
        On the segments that all breakpoints make. Contigs that are no chromosomes, the mitochondrial one, cells called
        ``diploid`` or ``normal`` and Cell Ranger's groups of cells are left out, with a warning.

    Raises
    ------
    InputError
        Every state that is no copy number, segment that ends before it starts, and overlap of a cell.
    """
    display = display or str(path)
    table = TableReader(Path(path), display, aliases=_ALIASES)
    table.require(("chrom", "start", "end"))
    problems = ProblemList(display)
    warnings: list[str] = []
    rows = _Rows(display)
    if "cell" in table:
        state, n_alleles, is_phased = _state_of(table)
        _read_long(table, state, rows, problems)
    else:
        n_alleles, is_phased = _read_wide(table, rows, problems)
    problems.check()
    if not len(rows.cell):
        raise InputError("holds no copy number of any cell", file=display)
    left_out = rows.normal_cells(warnings) | rows.other_contigs(warnings)
    if "event_confidence" in table:
        left_out |= rows.groups_of_cells(warnings)
    return rows.matrix(n_alleles, is_phased, left_out, tuple(warnings))


class _Rows:
    """States of cells as they are read, a row each, in arrays: a table may have millions."""

    def __init__(self, display: str) -> None:
        self.display = display
        self.cells: dict[str, int] = {}
        self.chroms: dict[str, int] = {}
        self.cell, self.chrom = array("l"), array("l")
        self.start, self.end = array("q"), array("q")
        self.first, self.second = array("h"), array("h")

    def add(self, cell: str, chrom: str, span: tuple[int, int], state: tuple[int, int]) -> None:
        self.cell.append(self.cells.setdefault(cell, len(self.cells)))
        self.chrom.append(self.chroms.setdefault(chrom, len(self.chroms)))
        self.start.append(span[0])
        self.end.append(span[1])
        self.first.append(state[0])
        self.second.append(state[1])

    def groups_of_cells(self, warnings: list[str]) -> set[str]:
        """Of 2 n - 1 numbered rows of Cell Ranger DNA the first n are cells, the others groups of cells."""
        if not self.cells or not all(name.isdigit() for name in self.cells):
            return set()
        n = (max(map(int, self.cells)) + 2) // 2
        groups = {name for name in self.cells if int(name) >= n}
        if not groups or len(self.cells) != 2 * n - 1:
            return set()
        warnings.append(f"{self.display}: {n} cells are read, {counted(len(groups), 'group')} of cells left out")
        return groups

    def normal_cells(self, warnings: list[str]) -> set[str]:
        """Names of rows that are no tumour."""
        found = {name for name in self.cells if name.lower() in _NORMAL_NAMES}
        if found:
            warnings.append(f"{self.display}: {', '.join(sorted(found))} is no cell of the tumour and left out")
        return found

    def other_contigs(self, warnings: list[str]) -> set[str]:
        """Names of contigs that are no chromosomes of the nucleus."""
        plain = {name: contig_name(name) for name in self.chroms}
        found = {name for name, short in plain.items() if not is_chromosome(short) or short == "MT"}
        if found:
            listed = f"{counted(len(found), 'contig')} ({', '.join(sorted(found)[:5])})"
            warnings.append(f"{self.display}: {listed} left out: no chromosomes of the nucleus")
        return found

    def _start_shift(self, chrom: IntArray, start: IntArray, end: IntArray) -> int:
        """0 if starts count from 0: one is 0, or segments begin where others end; else 1."""
        width = np.int64(1) << 40  # longer than any contig
        touching = np.isin(chrom * width + start, chrom * width + end).any()
        return 0 if touching or (start == 0).any() else 1

    def matrix(self, n_alleles: int, is_phased: bool, left_out: set[str], warnings: tuple[str, ...]) -> CellCopyNumber:
        """All cells and contigs but those left out, on the segments between all breakpoints."""
        cell, chrom, start, end = (np.array(x, dtype=np.int64) for x in (self.cell, self.chrom, self.start, self.end))
        state = np.array([self.first, self.second], dtype=np.int64)
        start = np.maximum(start - self._start_shift(chrom, start, end), 0)
        names = [name for name in self.cells if name not in left_out]
        place = np.full(len(self.cells), -1)
        place[[self.cells[name] for name in names]] = np.arange(len(names))
        cell = place[cell]
        problems = ProblemList(self.display)
        chroms: list[str] = []
        starts, ends, parts = [], [], []
        for contig, number in self.chroms.items():
            rows = np.flatnonzero((chrom == number) & (cell >= 0))
            if contig in left_out or not len(rows):
                continue
            cuts = np.unique(np.concatenate((start[rows], end[rows])))
            part = _between(cuts, start[rows], end[rows], cell[rows], state[:, rows], len(names))
            if part is None:
                problems.add(f"segments of {contig} overlap in a cell, or have no length", cause="overlap")
                continue
            kept = (part[0] >= 0).any(axis=1)
            chroms += [contig] * int(kept.sum())
            starts.append(cuts[:-1][kept])
            ends.append(cuts[1:][kept])
            parts.append(part[2 - n_alleles :, kept])
        problems.check()
        if not chroms:
            raise InputError("holds no copy number of any cell", file=self.display)
        copies = np.concatenate(parts, axis=1)
        copies = copies if is_phased or n_alleles == 1 else -np.sort(-copies, axis=0)
        where = np.concatenate(starts), np.concatenate(ends)
        return CellCopyNumber(tuple(names), tuple(chroms), *where, copies.astype(np.int16), is_phased, warnings)


def _between(
    cuts: IntArray, start: IntArray, end: IntArray, cell: IntArray, state: IntArray, n_cells: int
) -> IntArray | None:
    """States (2, cuts - 1, cells) between the breakpoints of a contig; None if two rows of a cell overlap."""
    first, last = np.searchsorted(cuts, start), np.searchsorted(cuts, end)
    width = last - first
    if (width < 1).any():
        return None
    offset = np.arange(int(width.sum())) - np.repeat(np.cumsum(width) - width, width)
    segment = np.repeat(first, width) + offset
    place = segment * n_cells + np.repeat(cell, width)
    if np.bincount(place, minlength=1).max() > 1:
        return None
    found = np.full((2, (len(cuts) - 1) * n_cells), UNKNOWN, dtype=np.int64)
    found[:, place] = np.repeat(state, width, axis=1)
    return found.reshape(2, len(cuts) - 1, n_cells)


def _span(fields: list[str], at: tuple[int, int], line: int, problems: ProblemList) -> tuple[int, int] | None:
    """Start and end as written; None after a problem."""
    start, end = parse_count(fields[at[0]]), parse_count(fields[at[1]])
    if start is None or end is None:
        column, text = ("start", fields[at[0]]) if start is None else ("end", fields[at[1]])
        problems.add(f"{text.strip()!r} is not a position", row=line, column=column)
        return None
    if end < start:
        problems.add("segment ends before it starts", row=line, column="end")
        return None
    return start, end


def _state_of(table: TableReader) -> tuple[_State, int, bool]:
    """How a row's state is read, of how many alleles, and whether these are phased."""
    lowered = [name.lower() for name in table.original]
    for name, is_phased in _PAIRS.items():
        if name in lowered:
            return partial(_pair_in, at=lowered.index(name)), 2, is_phased
    for names, is_phased in _COLUMNS.items():
        if all(name in lowered for name in names):
            return partial(_copies_in, at=(lowered.index(names[0]), lowered.index(names[1]))), 2, is_phased
    for name in _TOTALS:
        if name in lowered:
            return partial(_copies_in, at=(lowered.index(name),) * 2), 1, False
    known = [*_PAIRS, *("/".join(pair) for pair in _COLUMNS), *_TOTALS]
    raise InputError(
        f"has no column of copy number that is known (columns found: {', '.join(table.original)[:300]}); one of "
        f"{', '.join(known)} is needed",
        file=table.display,
    )


def _copies(text: str) -> int | None:
    """Whole copies; -1 if missing, None if it is no copy number."""
    if is_missing(text):
        return UNKNOWN
    number = parse_decimal(text)
    if number is None or number < 0 or number > _MOST or abs(number - round(number)) > 1e-6:
        return None
    return round(number)


def _joined(first: int | None, second: int | None) -> tuple[int, int] | None:
    if first is None or second is None:
        return None
    return (first, second) if first >= 0 and second >= 0 else (UNKNOWN, UNKNOWN)


def _copies_in(fields: list[str], at: tuple[int, int]) -> tuple[int, int] | None:
    return _joined(_copies(fields[at[0]]), _copies(fields[at[1]]))


def _pair_in(fields: list[str], at: int) -> tuple[int, int] | None:
    return _pair(fields[at])


def _pair(text: str) -> tuple[int, int] | None:
    if is_missing(text):
        return UNKNOWN, UNKNOWN
    parts = _SEPARATOR.split(text.strip())
    return _joined(_copies(parts[0]), _copies(parts[1])) if len(parts) == 2 else None


def _read_long(table: TableReader, state: _State, rows: _Rows, problems: ProblemList) -> None:
    at_cell, at_chrom, *at = table.indices(("cell", "chrom", "start", "end"))
    for line, fields in table:
        span = _span(fields, (at[0], at[1]), line, problems)
        found, cell = state(fields), fields[at_cell].strip()
        if not cell:
            problems.add("names no cell", row=line, column=table.original[at_cell])
        elif found is None:
            problems.add(f"the state of {cell!r} is no whole number of copies", row=line)
        elif span is not None:
            rows.add(cell, fields[at_chrom].strip(), span, found)


def _cell_columns(table: TableReader) -> list[tuple[int, str]]:
    """Index and name of the columns that are cells, in a table of a column per cell."""
    places = table.indices(("chrom", "start", "end"))
    return [(c, name) for c, name in enumerate(table.original) if c not in places and name.lower() not in _NO_CELLS]


def _read_wide(table: TableReader, rows: _Rows, problems: ProblemList) -> tuple[int, bool]:
    """Read a column per cell; how many alleles there are, and whether they are phased."""
    at_chrom, *at = table.indices(("chrom", "start", "end"))
    columns = _cell_columns(table)
    if not columns:
        raise InputError("has places and no cell: a column that names the cell, or one per cell", file=table.display)
    twice = sorted(name for name, count in Counter(name for _, name in columns).items() if count > 1)
    if twice:
        raise InputError(f"cells are there twice: {', '.join(twice[:5])}", file=table.display)
    has_pairs = False
    for number, (line, fields) in enumerate(table):
        if number == 0:
            has_pairs = any("|" in fields[c] for c, _ in columns)
        span = _span(fields, (at[0], at[1]), line, problems)
        for c, name in columns:
            found = _pair(fields[c]) if has_pairs else _copies_in(fields, (c, c))
            if found is None:
                problems.add(f"{fields[c].strip()!r} is no whole number of copies", row=line, column=name)
            elif span is not None:
                rows.add(name, fields[at_chrom].strip(), span, found)
    return (2, True) if has_pairs else (1, False)


def write_copy_number_clones(found: CellClones, directory: Path) -> None:
    """Write cells.tsv, clones.tsv, profiles.tsv and summary.json of the clones of single cells' copy number."""
    matrix = found.matrix
    write_tsv(
        directory / "cells.tsv",
        ["cell", "fate", "clone", "second_clone", "probability"],
        (
            (cell, fate, found.name_of(k), found.name_of(second), p)
            for cell, fate, k, second, p in zip(
                matrix.cells, found.fate, found.clone.tolist(), found.second.tolist(), found.probability.tolist()
            )
        ),
    )
    rows = zip(found.names, found.sizes.tolist(), found.support.tolist())
    write_tsv(directory / "clones.tsv", ["clone", "cells", "support"], rows)
    alleles = ["total_cn"] if matrix.copies.shape[0] == 1 else ["cn_a", "cn_b"]
    alleles = alleles if matrix.is_phased or len(alleles) == 1 else ["major_cn", "minor_cn"]
    places = list(zip(matrix.chroms, (matrix.start + 1).tolist(), matrix.end.tolist()))
    write_tsv(
        directory / "profiles.tsv",
        ["clone", "chrom", "start", "end", *alleles],
        (
            (name, *place, *(None if x == UNKNOWN else x for x in found.profiles[k, :, j].tolist()))
            for k, name in enumerate(found.names)
            for j, place in enumerate(places)
        ),
    )
    write_json(
        directory / "summary.json",
        {
            "n_cells": len(matrix.cells),
            "n_segments": len(matrix.chroms),
            "n_clones": sum(name != "N" for name in found.names),
            "wrong_state": found.error,
            "cells": {fate: found.count(fate) for fate in CELL_FATES},
            "log_score": found.log_score,
            "warnings": list(matrix.warnings),
        },
    )
