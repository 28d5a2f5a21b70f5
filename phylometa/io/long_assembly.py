"""Rows of a long table to matrices: one cell a mutation and sample, rejected cells, copy number in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phylometa.io.calls import Calls, DropLog, rescue_note
from phylometa.io.problems import ProblemList

__all__ = ["Cells", "complete_copies", "first_cells", "set_refused"]


class Cells(NamedTuple):
    """Cells in the order of the table, all arrays (m,): mutation, sample, line, reads, whether a filter refuses it."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int32]
    lines: NDArray[np.int64]
    alt: NDArray[np.int32]
    depth: NDArray[np.int32]
    is_refused: NDArray[np.bool_]


def first_cells(cells: Cells, ids: Sequence[str], samples: Sequence[str], dropped: DropLog) -> NDArray[np.int64]:
    """List the cells without repetitions, as indices; an accepted one goes before a refused one.

    The same counts again, and those of a refused row beside an accepted one, go to `dropped`.

    Raises
    ------
    InputError
        Two rows of one cell with different counts.
    """
    order = np.argsort(cells.is_refused, kind="stable")
    code = (cells.rows * max(len(samples), 1) + cells.columns)[order]
    _, first, back = np.unique(code, return_index=True, return_inverse=True)
    if len(first) == len(code):
        return np.arange(len(code))
    problems = ProblemList(dropped.file)
    for at in np.flatnonzero(first[back] != np.arange(len(code))):
        i, j = int(order[at]), int(order[first[back[at]]])
        name, sample, line = ids[cells.rows[i]], samples[cells.columns[i]], int(cells.lines[j])
        is_same = cells.alt[i] == cells.alt[j] and cells.depth[i] == cells.depth[j]
        if is_same or (cells.is_refused[i] and not cells.is_refused[j]):
            dropped.add(name, f"listed twice (line {line})", int(cells.lines[i]), sample=sample)
        else:
            problems.add(
                f"{name} in {sample} is already in row {line}, with other counts",
                row=int(cells.lines[i]),
                cause="twice",
            )
    problems.check()
    return np.sort(order[first])


def set_refused(calls: Calls, cells: Cells, keep: NDArray[np.int64], reasons: Mapping[int, str]) -> None:
    """Count refused cells as reads, in place, if another sample's row of the mutation is accepted; else reject it.

    Parameters
    ----------
    calls : Calls
        Changed in place: `rescued`, `rejected`, a warning.
    keep : indices of the cells that were read
    reasons : index of a cell to the reason why it is refused
    """
    if not reasons:
        return
    rows, columns, is_refused = cells.rows[keep], cells.columns[keep], cells.is_refused[keep]
    accepted = np.zeros(calls.n_mutations, dtype=bool)
    accepted[rows[~is_refused]] = True
    calls.rescued = np.zeros(calls.depth.shape, dtype=bool)
    calls.rescued[rows[is_refused], columns[is_refused]] = True
    calls.rejected = {int(row): reasons[int(cell)] for row, cell in zip(rows, keep) if not accepted[row]}
    n_rescued = int((is_refused & accepted[rows]).sum())
    if n_rescued:
        calls.warnings.append(rescue_note(n_rescued))


def complete_copies(copies: dict[str, NDArray[np.float32]], shape: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """Complete all seven arrays of `CopyNumberAtLoci` from those that the table has."""
    nothing = np.full(shape, np.nan, dtype=np.float32)
    full = {name: copies.get(name, nothing) for name in ("major", "minor", "normal", "major2", "minor2")}
    total = copies.get("total", nothing)
    full["total"] = np.where(np.isnan(total), full["major"] + full["minor"], total)
    fraction = copies.get("fraction", nothing)
    full["fraction"] = np.where(np.isnan(fraction), np.float32(1), fraction)
    return full
