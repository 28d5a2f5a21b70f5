"""Columns of wide matrices: which sample each belongs to, and what it says of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from phylometa.errors import InputError
from phylometa.io.files import is_missing, parse_fraction
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import NORMAL_NAME, SampleRequest

__all__ = ["MUTATION_COLUMNS", "PAIR", "Column", "find_columns", "is_lichee", "layout_of", "name_column"]

# What a column says of its sample: the word before or after the sample's name, whatever sign stands inside it.
KINDS = {
    word: kind
    for kind, words in {
        "ref": "ref refs ref_count ref_counts ref_read ref_reads ref_depth n_ref",
        "alt": "alt alts alt_count alt_counts alt_read alt_reads alt_depth var var_count var_counts "
        "var_read var_reads n_alt mut_count",
        "depth": "depth dp total total_count total_counts total_reads coverage cov",
        "vaf": "vaf af freq var_freq tumor_vaf tumor_f",
        "ccf": "ccf cellular_prevalence cp",
    }.items()
    for word in words.split()
}
# The pairs of columns that make a cell, in order of preference.
LAYOUTS = (("ref", "alt"), ("alt", "depth"), ("vaf", "depth"), ("ccf",), ("vaf",), ("cell",))
MUTATION_COLUMNS = ("mutation_id", "chrom", "pos", "ref", "alt", "gene", "cluster")
PAIR = re.compile(r"(\d{1,9})\s*[,/:;|]\s*(\d{1,9})", re.ASCII)
WORDS = "|".join(sorted((word.replace("_", "[._ ]") for word in KINDS), key=lambda word: -len(word)))
# A unit after the word: "S1 VAF (%)".
UNIT = r"(?:[._ ]*[(\[]?(?:%|pct|percent)[)\]]?)?"
SUFFIX = re.compile(rf"(?i)(.+?)[._:\- ]+({WORDS}){UNIT}")
# The same without a sign between: TumorRefReads.
CAMEL = re.compile(r"(.+?)((?:Ref|Var|Alt|Total)(?:Reads?|Counts?|Freq))")
PREFIX = re.compile(rf"(?i)({WORDS}){UNIT}[._:\- ]+(.+)")
# Rows looked at to tell numbers from annotation.
N_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sample."""

    sample: str
    kind: str
    index: int


def is_lichee(table: TableReader) -> bool:
    """Return whether a header is that of LICHeE's input, which holds VAFs: chrom, pos, a description, then samples."""
    lowered = [name.lower() for name in table.original[:3]]
    return "chrom" in table and "pos" in table and lowered[2:] in (["desc"], ["description"])


def identity_columns(table: TableReader) -> list[int]:
    """Columns that name or place the mutation; a first column that does neither (``cluster``) names nothing."""
    found = [table.index(name) for name in MUTATION_COLUMNS if name in table]
    if is_lichee(table):
        return [*found, 2]
    if "mutation_id" in table or "pos" in table or "gene" in table:
        return found
    return [name_column(table), *found]


def name_column(table: TableReader) -> int:
    """Find the column that names the mutation if none is called so: the first that is no cluster; -1 if a sample's."""
    first = next((i for i, name in enumerate(table.header) if name != "cluster"), 0)
    return -1 if SUFFIX.fullmatch(table.original[first]) else first


def find_columns(
    table: TableReader, rows: Sequence[tuple[int, list[str]]], requests: Sequence[SampleRequest] | None
) -> tuple[list[str], dict[str, list[Column]]]:
    """Find the samples and their columns.

    Raises
    ------
    InputError
        A sample without columns, with the nearest name.
    """
    identity = set(identity_columns(table))
    by_name: dict[str, list[Column]] = {}
    for i, name in enumerate(table.original):
        if i in identity or not name:
            continue
        suffix, prefix = SUFFIX.fullmatch(name) or CAMEL.fullmatch(name), PREFIX.fullmatch(name)
        by_name.setdefault(name, []).append(Column(name, "cell", i))
        if suffix:
            by_name.setdefault(suffix.group(1), []).append(Column(suffix.group(1), _kind(suffix.group(2)), i))
        elif prefix:
            by_name.setdefault(prefix.group(2), []).append(Column(prefix.group(2), _kind(prefix.group(1)), i))
    if requests is None:
        samples = [name for name in _all_samples(by_name, rows) if not NORMAL_NAME.search(name)]
        if not samples:
            raise InputError("holds no column of a sample", file=table.display)
        return samples, {name: by_name[name] for name in samples}
    problems = ProblemList(table.display)
    chosen = {}
    for request in requests:
        found = next((name for name in request.names if name in by_name), None)
        if found is None:
            names = _all_samples(by_name, rows)
            listed = ", ".join(names[:30]) or "none"
            close = difflib.get_close_matches(request.sample, names, n=1)
            hint = f"; is it {close[0]}? then write that in the sheet's column file_sample" if close else ""
            problems.add(f"sample {request.sample} has no column (samples found: {listed}){hint}")
        else:
            chosen[request.sample] = by_name[found]
    if requests and not chosen:
        raise InputError(_describe_no_sample(table, by_name, rows, requests), file=table.display)
    problems.check()
    return [request.sample for request in requests], chosen


def _describe_no_sample(
    table: TableReader,
    by_name: dict[str, list[Column]],
    rows: Sequence[tuple[int, list[str]]],
    requests: Sequence[SampleRequest],
) -> str:
    """One message if no sample has a column: a matrix with other names, or a long table that was not recognized."""
    names = _all_samples(by_name, rows)
    listed = ", ".join(names[:30]) or "none"
    wanted = [request.sample for request in requests]
    verb = "sample {} has" if len(wanted) == 1 else "samples {} have"
    text = f"{verb.format(', '.join(wanted[:30]))} no column (samples found: {listed})"
    close = [(name, found[0]) for name in wanted if (found := difflib.get_close_matches(name, names, n=1))]
    if close:
        text += "; write in the sheet's column file_sample: " + ", ".join(f"{b} for {a}?" for a, b in close[:10])
    if any(column.kind != "cell" for columns in by_name.values() for column in columns):
        return text
    missing = [name for name in ("mutation_id", "sample_id", "ref_counts", "alt_counts") if name not in table]
    described = table.describe_missing(missing) if missing else ""
    return f"{text}; a matrix has columns as S1.ref and S1.alt; as a table of one row per sample: {described}"


def _kind(word: str) -> str:
    plain = re.sub(r"[. ]", "_", word.lower())
    return KINDS.get(plain) or KINDS[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()]


def _all_samples(by_name: dict[str, list[Column]], rows: Sequence[tuple[int, list[str]]]) -> list[str]:
    """Samples of a table nobody asked for by name: those with columns by kind, or else every column of numbers."""
    by_kind = [name for name, columns in by_name.items() if any(column.kind != "cell" for column in columns)]
    return by_kind or [name for name, columns in by_name.items() if _is_numeric(columns[0].index, rows)]


def _is_numeric(index: int, rows: Sequence[tuple[int, list[str]]]) -> bool:
    texts = [fields[index].strip() for _, fields in rows[:N_LOOKED_AT]]
    return not any(not is_missing(text) and parse_fraction(text) is None and not PAIR.fullmatch(text) for text in texts)


def layout_of(columns: list[Column], table: TableReader) -> dict[str, int]:
    """Map each kind to the position of its column, for the columns that make a sample's cell.

    Raises
    ------
    InputError
        Two columns of one kind, or too few to make a cell.
    """
    by_kind: dict[str, int] = {}
    twice = set()
    for column in columns:
        if by_kind.setdefault(column.kind, column.index) != column.index:
            twice.add(column.kind)
    for kinds in LAYOUTS:
        if all(kind in by_kind for kind in kinds):
            if twice & set(kinds):
                name = table.original[by_kind[next(iter(twice & set(kinds)))]]
                raise InputError(f"sample {columns[0].sample} has two columns named alike ({name})", file=table.display)
            return {kind: by_kind[kind] for kind in kinds}
    kinds_found = ", ".join(by_kind)
    raise InputError(
        f"sample {columns[0].sample} has only {kinds_found}: reads (ref and alt, or alt and depth), vaf and depth, or "
        "ccf are needed",
        file=table.display,
    )
