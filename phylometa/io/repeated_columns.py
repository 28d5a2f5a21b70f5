"""Matrices whose columns come in pairs of one name, reference and variant reads: CALDER's and AncesTree's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from phylometa.io.calls import Calls
from phylometa.io.files import is_missing, parse_count, sha256_of
from phylometa.io.long_columns import LONG_ALIASES
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import SampleRequest

__all__ = ["has_repeated_columns", "read_repeated_columns"]

# Count of an empty cell.
UNKNOWN = -1


def has_repeated_columns(table: TableReader) -> bool:
    """Return whether every column but the first is there twice, side by side."""
    names = _pairs(table)
    return bool(names) and len(set(names)) == len(names)


def _pairs(table: TableReader) -> list[str]:
    """Names of the columns that stand in pairs; empty if they do not."""
    names = list(table.original)
    names = names[len(names) % 2 :]
    return names[::2] if names and names[::2] == names[1::2] else []


def read_repeated_columns(path: Path, requests: Sequence[SampleRequest] | None, *, display: str = "") -> Calls:
    """Read the reads of some samples; whether rows or columns are samples is told by the names of the sheet.

    Parameters
    ----------
    path : Path
    requests : sequence of SampleRequest or None
        Samples wanted; None: all; rows are samples then if the first column has no name, as in CALDER's files.
    display : str

    Returns
    -------
    Calls
        A cell without either count is unobserved.

    Raises
    ------
    InputError
        A cell that is no count, a row that is there twice, a sample that neither rows nor columns have.
    """
    display = display or str(path)
    table = TableReader(path, display, aliases=LONG_ALIASES)
    across = _pairs(table)
    problems = ProblemList(display)
    down: list[str] = []
    lines: list[int] = []
    rows: list[list[int]] = []
    for line, fields in table:
        name = table.row_name or fields[0].strip()
        start = len(fields) - 2 * len(across)
        counts = [UNKNOWN if is_missing(text) else parse_count(text) for text in fields[start:]]
        if None in counts or not name or name in down:
            wrong = next((text for text, count in zip(fields[start:], counts) if count is None), None)
            fault = f"{wrong!r} is not a read count" if wrong is not None else f"{name!r} is empty or listed twice"
            problems.add(fault, row=line)
            continue
        down.append(name)
        lines.append(line)
        rows.append([int(count) for count in counts if count is not None])
    if not rows and not problems:
        problems.add("holds no rows: no variants left")
    problems.check()
    cells = np.array(rows, dtype=np.int64).reshape(len(rows), len(across), 2)
    has_samples_down = _are_rows_samples(down, across, requests, table)
    mutations, samples = (across, down) if has_samples_down else (down, across)
    cells = cells.transpose(1, 0, 2) if has_samples_down else cells
    chosen = list(range(len(samples)))
    if requests is not None:
        found = [next((samples.index(name) for name in r.names if name in samples), -1) for r in requests]
        for request, at in zip(requests, found):
            if at < 0:
                problems.add(f"sample {request.sample} is not there (samples found: {', '.join(samples)[:300]})")
        problems.check()
        chosen = found
    is_known = (cells[:, chosen] != UNKNOWN).all(axis=2)
    ref, alt = np.where(is_known, cells[:, chosen, 0], 0), np.where(is_known, cells[:, chosen, 1], 0)
    return Calls(
        file=display,
        samples=[request.sample for request in requests] if requests is not None else samples,
        ids=list(mutations),
        chroms=[""] * len(mutations),
        positions=np.full(len(mutations), -1, dtype=np.int64),
        refs=[""] * len(mutations),
        alts=[""] * len(mutations),
        lines=np.array([1] * len(mutations) if has_samples_down else lines, dtype=np.int64),
        alt=alt.astype(np.int32),
        depth=(ref + alt).astype(np.int32),
        provenance={
            "file": display,
            "sha256": sha256_of(path),
            "reader": "counts",
            "dialect": "CALDER" if has_samples_down else "AncesTree",
            "records": len(mutations),
            "rules": {"ref + alt": int(is_known.sum())},
        },
    )


def _are_rows_samples(
    down: Sequence[str], across: Sequence[str], requests: Sequence[SampleRequest] | None, table: TableReader
) -> bool:
    names = {name for request in requests or () for name in request.names}
    if names:
        return len(names & set(down)) > len(names & set(across))
    return bool(table.row_name) or not table.original[0]
