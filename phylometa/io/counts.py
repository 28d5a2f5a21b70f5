"""The counts table of the contract: PyClone-VI's columns and what they cannot say, written and read without loss.

Unobserved cells keep their row, for the copy number, with ``NA`` in both counts: 0 of 0 reads would look like an
observation to some programs. Total-only copy number has ``NA`` in ``major_cn`` and ``minor_cn`` and the total in
``total_cn``; subclonal states stand in ``cn_fraction``, ``major_cn2``, ``minor_cn2``.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.long_columns import looks_long, open_long_table
from phylometa.io.long_tables import read_long_table
from phylometa.io.pairtree import is_pairtree, read_pairtree_reads
from phylometa.io.phylowgs import is_phylowgs, read_phylowgs
from phylometa.io.repeated_columns import has_repeated_columns, read_repeated_columns
from phylometa.io.vcf_header import SampleRequest
from phylometa.io.wide_tables import read_wide_table
from phylometa.model.patient import Patient

__all__ = ["count_rows", "read_count_table", "write_counts"]

COUNT_COLUMNS = (
    *("mutation_id", "sample_id", "ref_counts", "alt_counts", "major_cn", "minor_cn", "normal_cn", "tumour_content"),
    *("error_rate", "gene", "chrom", "pos", "ref", "alt"),
)


def read_count_table(
    path: Path, requests: Sequence[SampleRequest] | None, *, settings: ReadSettings | None = None, display: str = ""
) -> Calls:
    """Read the counts of some samples (None: all) from a table whose kind its header tells.

    Long tables (PyClone-VI, MAF columns, MACHINA's reads and frequencies, DeCiFer), Pairtree's ``.ssm``, PhyloWGS'
    ssm_data, matrices with two columns of one name (CALDER, AncesTree), wide matrices.
    """
    display = display or str(path)
    table = open_long_table(path, display)
    table.close()
    if {"cnv", "ssms"} <= set(table.header):
        raise InputError(
            "holds PhyloWGS' copy-number events, no reads: name the segments they were made of (cn_segments)",
            file=display,
        )
    if has_repeated_columns(table):
        return read_repeated_columns(path, requests, display=display)
    if is_pairtree(table):
        return read_pairtree_reads(path, requests, settings=settings, display=display)
    if is_phylowgs(table):
        return read_phylowgs(path, requests, display=display)
    if looks_long(table) or "sample_id" in table:
        return read_long_table(path, requests, settings=settings, display=display)
    return read_wide_table(path, requests, settings=settings, display=display)


def count_rows(patient: Patient) -> Iterator[list[str]]:
    """Yield header and rows of the counts table, mutation by mutation.

    Optional columns are there if they say something: ``total_cn`` (totals without alleles, or of two states),
    ``cn_fraction major_cn2 minor_cn2`` (subclonal), ``context``, ``cluster``, ``censored_below`` (of a cell without
    counts: fewer alternate reads than this were seen).
    """
    mutations, copies = patient.mutations, patient.copy_number
    plain_total = np.asarray(copies.major) + np.asarray(copies.minor)
    total = np.asarray(copies.total)
    has_total = bool((np.isfinite(total) & ~(total == plain_total)).any())
    has_states = bool((np.asarray(copies.fraction) < 1).any())
    has_context = any(mutations.contexts)
    columns = list(COUNT_COLUMNS)
    columns += ["total_cn"] * has_total + ["cn_fraction", "major_cn2", "minor_cn2"] * has_states
    columns += ["context"] * has_context + ["cluster"] * (patient.known_clusters is not None)
    has_censored = bool(mutations.censored.any())
    columns += ["censored_below"] * has_censored
    yield columns
    purities = [_number(purity) for purity in patient.purity]
    informative = mutations.is_informative
    for i, name in enumerate(mutations.ids):
        place = [
            mutations.genes[i] or "NA",
            mutations.chroms[i] or "NA",
            str(mutations.positions[i] + 1) if mutations.positions[i] >= 0 else "NA",
            mutations.refs[i] or "NA",
            mutations.alts[i] or "NA",
        ]
        for k, sample in enumerate(mutations.sample_names):
            alt = int(mutations.alt_counts[i, k])
            counts = [str(int(mutations.depth[i, k]) - alt), str(alt)] if informative[i, k] else ["NA", "NA"]
            error = "NA" if mutations.error_rate is None else _number(mutations.error_rate[i, k])
            row = [
                name,
                sample,
                *counts,
                _number(copies.major[i, k]),
                _number(copies.minor[i, k]),
                _number(copies.normal[i, k]),
            ]
            row += [purities[k], error, *place]
            if has_total:
                row.append(_number(total[i, k]))
            if has_states:
                row += [_number(copies.fraction[i, k]), _number(copies.major2[i, k]), _number(copies.minor2[i, k])]  # type: ignore[index]
            if has_context:
                row.append(mutations.contexts[i] or "NA")
            if patient.known_clusters is not None:
                row.append(patient.known_clusters[i])
            if has_censored:
                row.append(str(int(mutations.call_threshold[k])) if mutations.censored[i, k] else "NA")
            yield row


def write_counts(patient: Patient, target: str | Path | IO[str]) -> None:
    """Write the counts table (tab-separated; gzip if the name ends in ``.gz``).

    Parameters
    ----------
    patient : Patient
    target : path or open text file
    """
    if not isinstance(target, (str, Path)):
        target.writelines("\t".join(row) + "\n" for row in count_rows(patient))
        return
    path = Path(target)
    if path.suffix == ".gz":
        with (
            open(path, "wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,  # type: ignore[arg-type]
        ):
            write_counts(patient, text)
    else:
        with open(path, "w", encoding="utf-8", newline="\n") as text:
            write_counts(patient, text)


def _number(value: float) -> str:
    """Shortest text that reads back as the same number; NA if missing."""
    if math.isnan(value):
        return "NA"
    return str(int(value)) if float(value).is_integer() else str(value)
