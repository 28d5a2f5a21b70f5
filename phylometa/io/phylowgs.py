"""PhyloWGS' ssm_data.txt: reads of all samples in one cell, reference reads (``a``) and depth (``d``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

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
    at_id, at_ref, at_depth = table.indices(("id", "a", "d"))
    at_gene = table.index("gene")
    problems = ProblemList(display)
    ids: list[str] = []
    lines: list[int] = []
    reads: list[tuple[list[int], list[int]]] = []
    places: list[tuple[str, int]] = []
    for line, fields in table:
        ref = _counts(fields[at_ref], "a", line, problems)
        depth = _counts(fields[at_depth], "d", line, problems)
        if len(ref) != len(depth) or (reads and len(ref) != len(reads[0][0])):
            problems.add(f"holds {len(ref)} and {len(depth)} counts, the rows above others", row=line, column="a")
            continue
        if any(a > d for a, d in zip(ref, depth)):
            problems.add("reference reads exceed the depth", row=line, column="a")
            continue
        name = fields[at_id].strip()
        if not name or name in ids:
            problems.add(f"{name!r} is empty or listed twice", row=line, column="id")
            continue
        gene = fields[at_gene].strip() if at_gene >= 0 else ""
        place = PLACE.fullmatch(gene)
        ids.append(name)
        places.append((place.group(1), int(place.group(2)) - 1) if place else ("", -1))
        lines.append(line)
        reads.append((ref, depth))
    if not ids and not problems:
        problems.add("holds no rows: no variants left")
    n_samples = len(reads[0][0]) if reads else 0
    if requests is not None and reads and len(requests) != n_samples:
        names = ", ".join(request.sample for request in requests)
        problems.add(f"holds {n_samples} samples without names, but serves {len(requests)} ({names})")
    problems.check()
    samples = [r.sample for r in requests] if requests is not None else [f"sample_{k + 1}" for k in range(n_samples)]
    ref_counts, depths = (np.array([pair[i] for pair in reads], dtype=np.int32) for i in (0, 1))
    calls = Calls(
        file=display,
        samples=samples,
        ids=ids,
        chroms=[chrom for chrom, _ in places],
        positions=np.array([position for _, position in places], dtype=np.int64),
        refs=[""] * len(ids),
        alts=[""] * len(ids),
        lines=np.array(lines, dtype=np.int64),
        alt=depths - ref_counts,
        depth=depths,
        provenance={
            "file": display,
            "sha256": sha256_of(path),
            "reader": "counts",
            "dialect": "PhyloWGS",
            "records": len(ids),
            "rules": {"d - a of d": int(depths.size)},
        },
    )
    if n_samples > 1:
        calls.warnings.append(f"{display}: names no samples; its columns are taken in this order: {', '.join(samples)}")
    return calls


def _counts(cell: str, column: str, line: int, problems: ProblemList) -> list[int]:
    counts = []
    for text in cell.split(","):
        count = parse_count(text)
        if count is None:
            problems.add(f"{text.strip()!r} is not a read count", row=line, column=column)
        counts.append(count or 0)
    return counts
