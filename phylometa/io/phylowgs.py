"""PhyloWGS' ssm_data.txt: reads of all samples in one cell, reference reads (``a``) and depth (``d``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phylometa.io.calls import Calls
from phylometa.io.files import parse_count, sha256_of
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import SampleRequest

__all__ = ["is_phylowgs", "read_phylowgs"]

PLACE = re.compile(r"(?:chr)?(\w{1,2})_(\d{1,9})", re.ASCII)


def is_phylowgs(table: TableReader) -> bool:
    """Return whether a header is that of an ssm_data.txt."""
    return {"id", "a", "d", "mu_r", "mu_v"} <= {name.lower() for name in table.original}


class _Row(NamedTuple):
    """One mutation: its line, name, (chrom, 0-based position), reference reads and depth of every sample."""

    line: int
    name: str
    place: tuple[str, int]
    ref: list[int]
    depth: list[int]


def read_phylowgs(path: Path, requests: Sequence[SampleRequest] | None, *, display: str = "") -> Calls:
    """Read the reads of an ssm_data.txt.

    Parameters
    ----------
    path : Path
    requests : sequence of SampleRequest or None
        The file names no samples: those of the sheet are taken in its order, and a warning says so; None:
        ``sample_1``, ``sample_2``, ...
    display : str

    Returns
    -------
    Calls
        `gene` of the form ``chr_pos`` gives the place. ``mu_r`` and ``mu_v`` are not read: copy number comes from
        segments.
    """
    display = display or str(path)
    table = TableReader(path, display)
    table.require(("id", "a", "d"))
    problems = ProblemList(display)
    rows = _read_rows(table, problems)
    if not rows and not problems:
        problems.add("holds no rows: no variants left")
    n_samples = len(rows[0].depth) if rows else 0
    if requests is not None and rows and len(requests) != n_samples:
        names = ", ".join(request.sample for request in requests)
        problems.add(f"holds {n_samples} samples without names, but serves {len(requests)} ({names})")
    problems.check()
    samples = [r.sample for r in requests] if requests is not None else [f"sample_{k + 1}" for k in range(n_samples)]
    ref_counts = np.array([row.ref for row in rows], dtype=np.int32)
    depths = np.array([row.depth for row in rows], dtype=np.int32)
    unknown = [""] * len(rows)
    calls = Calls(
        file=display,
        samples=samples,
        ids=[row.name for row in rows],
        chroms=[row.place[0] for row in rows],
        positions=np.array([row.place[1] for row in rows], dtype=np.int64),
        refs=[*unknown],
        alts=[*unknown],
        lines=np.array([row.line for row in rows], dtype=np.int64),
        alt=depths - ref_counts,
        depth=depths,
        provenance={
            "file": display,
            "sha256": sha256_of(path),
            "reader": "counts",
            "dialect": "PhyloWGS",
            "records": len(rows),
            "rules": {"d - a of d": int(depths.size)},
        },
    )
    if n_samples > 1:
        calls.warnings.append(f"{display}: names no samples; its columns are taken in this order: {', '.join(samples)}")
    return calls


def _read_rows(table: TableReader, problems: ProblemList) -> list[_Row]:
    """Read the rows that have nothing wrong with them; what is wrong with others is added to `problems`."""
    at_id, at_ref, at_depth = table.indices(("id", "a", "d"))
    at_gene = table.index("gene")
    rows: dict[str, _Row] = {}
    n_samples = -1
    for line, fields in table:
        ref = _counts(fields[at_ref], "a", line, problems)
        depth = _counts(fields[at_depth], "d", line, problems)
        if len(ref) != len(depth) or (rows and len(ref) != n_samples):
            problems.add(f"holds {len(ref)} and {len(depth)} counts, the rows above others", row=line, column="a")
            continue
        if any(a > d for a, d in zip(ref, depth)):
            problems.add("reference reads exceed the depth", row=line, column="a")
            continue
        name = fields[at_id].strip()
        if not name or name in rows:
            problems.add(f"{name!r} is empty or listed twice", row=line, column="id")
            continue
        place = PLACE.fullmatch(fields[at_gene].strip() if at_gene >= 0 else "")
        n_samples = len(ref)
        rows[name] = _Row(line, name, (place.group(1), int(place.group(2)) - 1) if place else ("", -1), ref, depth)
    return list(rows.values())


def _counts(cell: str, column: str, line: int, problems: ProblemList) -> list[int]:
    counts = []
    for text in cell.split(","):
        count = parse_count(text)
        if count is None:
            problems.add(f"{text.strip()!r} is not a read count", row=line, column=column)
        counts.append(count or 0)
    return counts
