"""Two matrices of one shape, mutant reads and coverage: Treeomics' pair of tables, Canopy's R and X."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.files import is_missing, parse_count, sha256_of
from phylometa.io.long_columns import LONG_ALIASES
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import NORMAL_NAME, SampleRequest

__all__ = ["matrix_samples", "read_paired_tables"]

CHANGE = re.compile(r"([ACGTN-]+)\s*[>/]\s*([ACGTN-]+)", re.I)


@dataclass(frozen=True)
class _Matrix:
    """Counts (n, S), -1 if missing, by mutation and sample."""

    path: Path
    display: str
    ids: list[str]
    places: list[tuple[str, int, str, str]]
    genes: list[str]
    lines: list[int]
    samples: list[str]
    counts: NDArray[np.int64]


def read_paired_tables(
    paths: Sequence[Path], requests: Sequence[SampleRequest] | None, *, displays: Sequence[str]
) -> Calls:
    """Read some samples of two matrices, one with the mutant reads, one with the depths, in either order.

    Parameters
    ----------
    paths, displays : the two files
        Rows are mutations, named by ``Chromosome Position [Change] [Gene]`` or by the first column; columns samples.
    requests : sequence of SampleRequest or None
        Samples wanted; None: all that both tables have.

    Raises
    ------
    InputError
        Mutations or samples that only one table has; neither table is the larger in every cell.
    """
    first, second = (_read_matrix(path, display, requests) for path, display in zip(paths, displays))
    problems = ProblemList(second.display)
    for name in sorted(set(first.ids) ^ set(second.ids)):
        owner = first if name in first.ids else second
        problems.add(f"{name} is in {owner.display} only")
    if first.samples != second.samples:
        problems.add(
            f"samples {', '.join(second.samples)} are not those of {first.display}: {', '.join(first.samples)}"
        )
    problems.check()
    row = {name: i for i, name in enumerate(second.ids)}
    paired = second.counts[[row[name] for name in first.ids]]
    known = (first.counts >= 0) & (paired >= 0)
    if (first.counts <= paired)[known].all():
        alt, depth = first.counts, paired
    elif (first.counts >= paired)[known].all():
        alt, depth = paired, first.counts
    else:
        raise InputError(
            f"is no table of depths to {first.display}: of mutant reads and depths the depths are never the smaller",
            file=second.display,
        )
    return Calls(
        file=f"{first.display};{second.display}",
        samples=first.samples,
        ids=first.ids,
        chroms=[place[0] for place in first.places],
        positions=np.array([place[1] for place in first.places], dtype=np.int64),
        refs=[place[2] for place in first.places],
        alts=[place[3] for place in first.places],
        lines=np.array(first.lines, dtype=np.int64),
        alt=np.where(known, alt, 0).astype(np.int32),
        depth=np.where(known, depth, 0).astype(np.int32),
        genes=first.genes,
        provenance={
            "file": f"{first.display};{second.display}",
            "sha256": f"{sha256_of(first.path)};{sha256_of(second.path)}",
            "reader": "counts",
            "dialect": "mutant reads and coverage",
            "records": len(first.ids),
            "rules": {"mutant reads of coverage": int(known.sum())},
        },
    )


def matrix_samples(path: Path, display: str) -> tuple[str, ...] | None:
    """Samples of a matrix of counts, as one of a pair is; None if the table holds anything else."""
    try:
        matrix = _read_matrix(path, display, None)
    except InputError:
        return None
    is_count = (matrix.counts > 1).any()
    return tuple(matrix.samples) if matrix.samples and is_count else None


def _read_matrix(path: Path, display: str, requests: Sequence[SampleRequest] | None) -> _Matrix:
    table = TableReader(path, display, aliases=LONG_ALIASES)
    problems = ProblemList(display)
    lowered = [name.lower() for name in table.original]
    at = {name: table.index(name) for name in ("chrom", "pos", "ref", "alt", "gene", "mutation_id")}
    at["change"] = lowered.index("change") if "change" in lowered else -1
    identity = {i for i in at.values() if i >= 0}
    named_by = at["mutation_id"] if at["mutation_id"] >= 0 else (-1 if at["pos"] >= 0 else 0)
    ids: list[str] = []
    places, genes, lines, rows = [], [], [], []
    for line, fields in table:
        text = {name: fields[i].strip() if i >= 0 and not is_missing(fields[i]) else "" for name, i in at.items()}
        name = table.row_name or (fields[named_by].strip() if named_by >= 0 else "")
        ref, alt = text["ref"].upper(), text["alt"].upper()
        if change := CHANGE.fullmatch(text["change"]):
            ref, alt = (allele.replace("-", "").upper() for allele in change.groups())
        position = parse_count(text["pos"]) if text["pos"] else None
        place = (text["chrom"], position - 1, ref, alt) if position and text["chrom"] else ("", -1, "", "")
        name = name or ":".join(filter(None, (text["chrom"], text["pos"], ref, alt))) or f"row {line}"
        if name in ids:
            problems.add(f"{name} is listed twice", row=line)
        ids.append(name)
        places.append(place)
        genes.append(text["gene"])
        lines.append(line)
        rows.append(fields)
    if named_by == 0 and not table.row_name:
        identity.add(0)
    columns = {name: i for i, name in enumerate(table.original) if name and i not in identity}
    if requests is None:
        samples = {name: i for name, i in columns.items() if not NORMAL_NAME.search(name)}
    else:
        samples = {}
        for request in requests:
            found = next((name for name in request.names if name in columns), None)
            if found is None:
                problems.add(f"sample {request.sample} has no column (columns found: {', '.join(columns)})")
            else:
                samples[request.sample] = columns[found]
    counts = np.full((len(rows), len(samples)), -1, dtype=np.int64)
    for i, fields in enumerate(rows):
        for k, (name, column) in enumerate(samples.items()):
            cell = fields[column].strip()
            if is_missing(cell) or cell.startswith("-1"):
                continue
            count = parse_count(cell)
            if count is None:
                problems.add(f"{cell!r} is not a read count", row=lines[i], column=name)
            else:
                counts[i, k] = count
    if not ids and not problems:
        problems.add("holds no rows: no variants left")
    problems.check()
    return _Matrix(path, display, ids, places, genes, lines, list(samples), counts)
