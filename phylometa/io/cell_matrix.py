"""Matrices of mutations in single cells: calls (0, 1, NA) or reads; and the tables of the clones found in them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.annotated_trees import annotate, newick_text
from phylometa.io.cell_hdf5 import SUFFIXES, read_cell_hdf5
from phylometa.io.documents import write_json
from phylometa.io.files import is_missing, open_text
from phylometa.io.problems import ProblemList
from phylometa.io.tsv import write_tsv
from phylometa.model.cells import CellMatrix, CellPosterior

__all__ = ["read_cell_matrix", "write_cell_clones"]

# SCITE's codes: 2 homozygous mutated, 3 missing.
_CALLS = {"0": 0, "1": 1, "2": 1, "3": -1, "-1": -1}
_BLANKS, _MOST = re.compile(r"[ \t]+"), 2**31 - 1


def read_cell_matrix(path: str | Path, *, depth: str | Path | None = None, cells_in: str = "columns") -> CellMatrix:
    """Read a matrix of mutations in single cells.

    Parameters
    ----------
    path : path
        Tab-, comma- or blank-separated, gzip allowed: names in the first row and column, or numbers alone (SCITE). A
        cell is 0, 1, 2 (two mutated copies), 3, -1 or NA (unknown), or alternate reads and depth as ``3/10``. Or a loom
        or Tapestri file (`read_cell_hdf5`, with h5py), by its suffix.
    depth : path, optional
        Matrix of depths of the same names and order; `path` then holds alternate reads (layers AD and DP of Tapestri).
    cells_in : {"columns", "rows"}
        Where the single cells are.

    Returns
    -------
    CellMatrix

    Raises
    ------
    InputError
        Every cell that is none of these, by row and column; rows of other widths; names that are there twice.
    """
    if Path(path).suffix.lower() in SUFFIXES:
        if depth is not None or cells_in != "columns":
            raise InputError("an HDF5 file says itself where depths and cells are", file=str(path))
        return read_cell_hdf5(Path(path))
    rows, columns, body = _table(Path(path))
    problems = ProblemList(str(path))
    shape = (len(rows), len(columns))
    seen, alt, total = np.full(shape, -1, np.int8), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    depths = None
    if depth is not None:
        other_rows, other_columns, depths = _table(Path(depth))
        if (other_rows, other_columns) != (rows, columns):
            raise InputError(f"names or order differ from those of {path}", file=str(depth))
    has_reads = depths is not None or any("/" in text for row in body[:50] for text in row)
    for r, row in enumerate(body):
        for c, text in enumerate(row):
            if is_missing(text):
                continue
            if has_reads:
                pair = _reads(text if depths is None else f"{text}/{depths[r][c]}")
                if pair is None:
                    problems.add(f"{text!r} is no count of alternate reads and depth", row=r + 2, column=columns[c])
                    continue
                alt[r, c], total[r, c] = pair
                seen[r, c] = -1 if pair[1] == 0 else int(pair[0] > 0)
            elif text in _CALLS:
                seen[r, c] = _CALLS[text]
            else:
                problems.add(f"{text!r} is none of 0, 1, 2, 3, -1, NA", row=r + 2, column=columns[c])
    problems.check()
    if cells_in == "rows":
        rows, columns, seen, alt, total = columns, rows, seen.T, alt.T, total.T
    counts = {"alt": alt, "depth": total} if has_reads else {}
    return CellMatrix(tuple(rows), tuple(columns), seen, **counts)


def _reads(text: str) -> tuple[int, int] | None:
    first, _, second = text.partition("/")
    if is_missing(first) or is_missing(second):
        return 0, 0
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()):
        return None
    alt, depth = int(first), int(second)
    return (alt, depth) if alt <= depth <= _MOST else None


def _table(path: Path) -> tuple[list[str], list[str], list[list[str]]]:
    """Names of rows and columns, and the cells between them; numbered names if the file has none."""
    display = str(path)
    lines = [line.rstrip("\r\n") for line in open_text(path, display)]
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise InputError("is empty", file=display)
    separator = next((mark for mark in ("\t", ",", ";") if mark in lines[0]), None)
    table = [
        [text.strip() for text in (_BLANKS.split(line.strip()) if separator is None else line.split(separator))]
        for line in lines
    ]
    is_bare = all(text in _CALLS for text in table[0])
    if is_bare:
        columns = [str(c + 1) for c in range(len(table[0]))]
        rows, body = [str(r + 1) for r in range(len(table))], table
    else:
        header = table[0]
        is_short = len(table) > 1 and len(header) == len(table[1]) - 1
        columns = header if is_short else header[1:]
        rows, body = [row[0] for row in table[1:]], [row[1:] for row in table[1:]]
    if not columns or not body:
        raise InputError("holds no matrix: names in the first row and column, or numbers alone", file=display)
    problems = ProblemList(display)
    for r, row in enumerate(body):
        if len(row) != len(columns):
            problems.add(f"has {len(row)} values, the header {len(columns)}", row=r + 1 + (not is_bare))
    for what, names in (("row", rows), ("column", columns)):
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            problems.add(f"names of {what}s are there twice: {', '.join(twice[:5])}")
    problems.check()
    return rows, columns, body


def write_cell_clones(found: CellPosterior, directory: Path) -> None:
    """Write clones.tsv, cells.tsv, relations.tsv, tree.nwk and summary.json of single cells."""
    best, names = found.best, (*found.clone_names, "N")
    matrix, relations, carried = found.matrix, found.relations, found.cell_probability
    same = relations[3]
    write_tsv(
        directory / "clones.tsv",
        ["mutation", "clone", "support"],
        (
            (name, names[k], float(np.mean(same[i][best.labels == k])))
            for i, (name, k) in enumerate(zip(matrix.mutations, best.labels.tolist()))
        ),
    )
    seconds = ["" if k == len(best.parents) else names[k] for k in best.second_clone.tolist()]
    p_doublet = found.doublet_probability.tolist()
    likely, unsure = carried > 0.5, (carried > 0.05) & (carried < 0.95)
    write_tsv(
        directory / "cells.tsv",
        ["cell", "clone", "second_clone", "p_doublet", "mutations", "unsure"],
        (
            (cell, names[first], second, p_doublet[c], int(likely[:, c].sum()), int(unsure[:, c].sum()))
            for c, (cell, first, second) in enumerate(zip(matrix.cells, best.clone_of_cell.tolist(), seconds))
        ),
    )
    rows, columns = np.triu_indices(len(matrix.mutations), 1)
    write_tsv(
        directory / "relations.tsv",
        ["mutation", "other", "p_ancestor", "p_descendant", "p_other_branch", "p_same_clone"],
        ((matrix.mutations[i], matrix.mutations[j], *relations[:, i, j].tolist()) for i, j in zip(rows, columns)),
    )
    tree = found.tree
    text = newick_text(annotate(tree, {}))
    (directory / "tree.nwk").write_text(text + "\n", encoding="utf-8")
    rates = np.array([(draw.false_positive, draw.dropout, draw.doublet) for draw in found.draws])
    low, middle, high = np.quantile(rates, [0.025, 0.5, 0.975], axis=0)
    write_json(
        directory / "summary.json",
        {
            "n_cells": len(matrix.cells),
            "n_mutations": len(matrix.mutations),
            "n_clones": len(best.parents),
            "parents": {names[k]: names[p] for k, p in enumerate(best.parents.tolist())},
            "false_positive": {"median": middle[0], "lo": low[0], "hi": high[0]},
            "dropout": {"median": middle[1], "lo": low[1], "hi": high[1]},
            "doublet": {"median": middle[2], "lo": low[2], "hi": high[2]},
            "n_doublets": int((found.doublet_probability > 0.5).sum()),
            "n_draws": len(found.draws),
            "n_chains": found.n_chains,
            "n_stuck": found.n_stuck,
        },
    )
