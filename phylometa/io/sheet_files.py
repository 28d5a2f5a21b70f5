"""What kind of file each of a folder's is, and of which samples, for the guessed sheet."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from phylometa.errors import InputError
from phylometa.io.cell_copy_number import has_column_per_cell, names_cells
from phylometa.io.clinical import read_purity_file
from phylometa.io.counts import read_count_table
from phylometa.io.files import is_missing, open_binary, open_text
from phylometa.io.long_columns import looks_long, open_long_table
from phylometa.io.paired_tables import matrix_samples, read_paired_tables
from phylometa.io.purity_tables import StatedPurity, read_purity_table
from phylometa.io.segment_dialects import SEGMENT_ALIASES, SEGMENT_DIALECTS
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import NORMAL_NAME, RNA_NAME, read_header

__all__ = ["FoundFile", "files_of", "look_at_file", "pair_matrices"]

Kind = Literal["vcf", "maf", "counts", "matrix", "cn_segments", "cells", "purity_file", "purities"]
PATIENT_COLUMNS = ("patient", "patient_id", "case_id", "icgc_donor_id", "donor_id")
RATIO = re.compile(r"log2|log_?r|seg[._]?mean|segment_mean|mu\.minor|log2[._]?ratio")
HEADS_OF_VCF = (b"##fileformat=VCF", b'"##fileformat=VCF', b"#CHROM\tPOS\tID\tREF\tALT", b"BCF")


@dataclass(frozen=True)
class FoundFile:
    """What one file holds.

    Parameters
    ----------
    paths : tuple of Path
        The file; two for a pair of matrices, mutant reads and coverage.
    kind : str
        Column of the sheet; ``matrix`` for one of a pair, ``purities`` for a table of several samples.
    samples : tuple of str
        Under the names that the file gives them; '' is one without a name.
    caller : str
        Of a VCF, as far as its header tells.
    normal : str
        The normal's column of a VCF, '' if there is none.
    patients : dict
        Sample to patient, where the file says so.
    numbers : dict
        Number that the file gives a sample (DeCiFer) to the sample.
    purities : tuple of StatedPurity
    mutations : frozenset of str
        Ids, for matrices of several samples: tables that share none are of several patients.
    """

    paths: tuple[Path, ...]
    kind: Kind
    samples: tuple[str, ...]
    caller: str = ""
    normal: str = ""
    patients: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    purities: tuple[StatedPurity, ...] = ()
    mutations: frozenset[str] = frozenset()


def files_of(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Yield files as they are given, and those of directories in the order of their names."""
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            yield from (p for p in inside if p.suffix not in (".tbi", ".csi", ".idx", ".bai", ".md5", ".log", ".json"))
        else:
            yield path


def look_at_file(path: Path) -> FoundFile:
    """Tell kind and samples of a file by what is in it.

    Raises
    ------
    InputError
        It is of no kind that the sheet can name.
    """
    display = str(path)
    with open_binary(path, display) as binary:
        head = binary.read(64)
    if head.startswith(HEADS_OF_VCF):
        return _look_at_vcf(path, display, is_bcf=head[:3] == b"BCF")
    if names_cells(path):
        return FoundFile((path,), "cells", ("",))
    if (found := _look_at_long_table(path, display)) is not None:
        return found
    try:
        return FoundFile((path,), "purities", ("",), purities=tuple(read_purity_table(path, display=display)))
    except InputError:
        pass
    try:
        read_purity_file(path, display=display)
        return FoundFile((path,), "purity_file", ("",))
    except InputError:
        pass
    try:
        calls = read_count_table(path, None, display=display)
    except InputError:
        if has_column_per_cell(path):
            return FoundFile((path,), "cells", ("",))
        if (samples := matrix_samples(path, display)) is not None:
            return FoundFile((path,), "matrix", samples)
        raise
    if calls.n_mutations < 2 and calls.nominal:
        raise InputError("is neither VCF, MAF, table of reads, segments nor purity file", file=display)
    return FoundFile((path,), "counts", tuple(calls.samples), mutations=frozenset(calls.ids))


def pair_matrices(found: Sequence[FoundFile]) -> tuple[list[FoundFile], list[str]]:
    """Join each two matrices of counts of the same mutations and samples; return all files, and notes on the others."""
    left = [entry for entry in found if entry.kind == "matrix"]
    result = [entry for entry in found if entry.kind != "matrix"]
    for one, other in itertools.combinations(tuple(left), 2):
        if one not in left or other not in left or one.samples != other.samples:
            continue
        paths = (*one.paths, *other.paths)
        try:
            calls = read_paired_tables(paths, None, displays=[str(path) for path in paths])
        except InputError:
            continue
        left = [entry for entry in left if entry is not one and entry is not other]
        result.append(FoundFile(paths, "counts", one.samples, mutations=frozenset(calls.ids)))
    return result, [
        f"not used: {entry.paths[0]} is a matrix of counts, of which there have to be two: mutant reads and coverage"
        for entry in left
    ]


def _look_at_long_table(path: Path, display: str) -> FoundFile | None:
    """Look at a table with one row per mutation and sample, or per segment; None if it is neither."""
    table = open_long_table(path, display)
    try:
        lowered = [name.lower() for name in table.original]
        if _is_segments(path, display):
            segments = TableReader(path, display, aliases=SEGMENT_ALIASES)
            return FoundFile((path,), "cn_segments", tuple(_names_in(segments, segments.index("sample"))) or ("",))
        if any(RATIO.fullmatch(name) for name in lowered) and "alt_counts" not in table:
            raise InputError("holds ratios, not copies: give segments with copies of both alleles", file=display)
        if not looks_long(table):
            return None
        if "sample_id" not in table:
            return FoundFile((path,), "counts", ("",))
        kind: Kind = "maf" if {"hugo_symbol", "tumor_sample_barcode"} & set(lowered) else "counts"
        patient = next((lowered.index(name) for name in PATIENT_COLUMNS if name in lowered), -1)
        number = lowered.index("sample_index") if "sample_index" in lowered else -1
        rows = _names_in(table, table.index("sample_id"), patient, number)
        return FoundFile(
            (path,),
            kind,
            tuple(rows) or ("",),
            patients={sample: of for sample, (of, _) in rows.items() if of},
            numbers={numbered: sample for sample, (_, numbered) in rows.items() if numbered},
        )
    finally:
        table.close()


def _look_at_vcf(path: Path, display: str, *, is_bcf: bool) -> FoundFile:
    from phylometa.io.variants import bcf_lines

    lines = bcf_lines(path, display) if is_bcf else iter(open_text(path, display, newline="\n"))
    header = read_header(lines, display)
    normals = {name for name in header.columns if name in header.normals or NORMAL_NAME.search(name)}
    tumours = [name for name in header.columns if name in header.tumors] or [
        name for name in header.columns if name not in normals and not RNA_NAME.search(name)
    ]
    normal = next(iter(sorted(normals)), "")
    return FoundFile((path,), "vcf", tuple(tumours) or ("",), caller=header.caller, normal=normal)


def _is_segments(path: Path, display: str) -> bool:
    table = TableReader(path, display, aliases=SEGMENT_ALIASES)
    table.close()
    present = set(table.header) | {name.lower() for name in table.original}
    has_place = {"chrom", "start", "end"} <= set(table.header)
    return has_place and any(present.issuperset(dialect.columns) for dialect in SEGMENT_DIALECTS)


def _names_in(table: TableReader, at: int, *others: int) -> dict[str, tuple[str, ...]]:
    """Names in a column, in their order, each with what the other columns (-1: none) say in its first row."""
    if at < 0:
        table.close()
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for _, fields in table:
        name = fields[at].strip()
        if name not in found and not is_missing(name) and name.lower() not in ("diploid", "normal"):
            texts = (fields[i].strip() if i >= 0 else "" for i in others)
            found[name] = tuple("" if is_missing(text) else text for text in texts)
    return found
