"""Copy-number segments of any dialect, checked; and copy number at the loci of mutations."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError, Problem
from phylometa.io.files import is_missing, parse_count, parse_decimal, sha256_of
from phylometa.io.problems import ProblemList
from phylometa.io.segment_dialects import SEGMENT_ALIASES, SEGMENT_DIALECTS, SegmentDialect
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import SampleRequest
from phylometa.model.patient import SEGMENT_NUMBERS, CopyNumberProfile
from phylometa.reference.contigs import contig_name, genome_of_contigs

__all__ = ["Segments", "copy_number_at_loci", "join_profiles", "read_segment_tables", "read_segments"]

NAN = math.nan
# Samples of a table that are no tumour.
NORMAL_SAMPLES = ("diploid", "normal")
# Length (bp) of segments beyond which no copy of any cannot be a homozygous deletion.
LONGEST_DELETION = 100_000_000


@dataclass(frozen=True)
class Segments:
    """Segments of some samples of one file, with what there is to say about them."""

    profile: CopyNumberProfile
    dialect: str
    warnings: tuple[str, ...]
    provenance: dict[str, object]


def read_segments(
    path: Path, requests: Sequence[SampleRequest] | None, *, caller: str = "", display: str = ""
) -> Segments:
    """Read the copy-number segments of some samples.

    Parameters
    ----------
    path : Path
        Table of any dialect in `SEGMENT_DIALECTS`, recognised by its header.
    requests : sequence of SampleRequest or None
        Samples wanted; None: all samples of the file (``diploid`` and ``normal`` are left out).
    caller : str
        The sheet's ``cn_caller``, used if a header fits several dialects.
    display : str
        Name of the file in messages.

    Raises
    ------
    InputError
        With every problem: unknown dialect, impossible numbers, segments that overlap or end before they start, a
        sample without segments.
    """
    display = display or str(path)
    table = TableReader(path, display, aliases=SEGMENT_ALIASES)
    dialect = _recognise(table, caller)
    table.require(("chrom", "start", "end"))
    problems = ProblemList(display)
    warnings: list[str] = []
    rows = _read_rows(table, dialect, problems, requests or (), warnings)
    problems.check()
    if not rows:
        raise InputError("holds no segments", file=display)
    names, picked = _assign_samples(rows, requests, "sample" in table, problems)
    problems.check()
    _check_overlaps(picked, names, problems)
    _check_genomes(picked, names, problems)
    problems.check()
    picked.sort(key=lambda item: (item[0], item[1].line))
    columns = list(zip(*(row.values for _, row in picked)))
    profile = CopyNumberProfile(
        sample_names=tuple(names),
        sample=np.array([k for k, _ in picked]),
        chroms=tuple(row.chrom for _, row in picked),
        start=np.array([row.start for _, row in picked]),
        end=np.array([row.end for _, row in picked]),
        **{name: np.array(column) for name, column in zip(SEGMENT_NUMBERS[2:], columns)},
        is_phased=dialect.is_phased,
    )
    n_total_only = int((np.isnan(profile.major) & ~np.isnan(profile.total)).sum())
    if n_total_only:
        warnings.append(
            f"{display}: {n_total_only} of {profile.n_segments} segments have a total but no alleles; the alleles are "
            "marginalised"
        )
    if caller and caller.lower() != dialect.name and dialect.name not in ("plain", "total", "phylometa"):
        warnings.append(f"{display}: cn_caller is {caller}, but by its header the file was read as {dialect.name}")
    provenance = {
        "file": display,
        "sha256": sha256_of(path),
        "reader": "segments",
        "dialect": dialect.name,
        "records": profile.n_segments,
        "total_only": n_total_only,
        "subclonal": int((np.asarray(profile.fraction) < 1).sum()),
    }
    return Segments(profile, dialect.name, tuple(warnings), provenance)


def _recognise(table: TableReader, caller: str) -> SegmentDialect:
    present = set(table.header) | {name.lower() for name in table.original}
    fitting = [dialect for dialect in SEGMENT_DIALECTS if present.issuperset(dialect.columns)]
    if not fitting:
        names = ", ".join(dialect.name for dialect in SEGMENT_DIALECTS)
        raise InputError(
            f"has no columns of copy number that are known (columns found: {', '.join(table.original)[:300]}); "
            f"known dialects: {names}; or write the columns sample chrom start end major_cn minor_cn",
            file=table.display,
        )
    return next((dialect for dialect in fitting if dialect.name == caller.lower()), fitting[0])


@dataclass(frozen=True)
class _Row:
    line: int
    sample: str
    chrom: str
    start: int
    end: int
    values: tuple[float, ...]


def _read_rows(
    table: TableReader,
    dialect: SegmentDialect,
    problems: ProblemList,
    requests: Sequence[SampleRequest],
    warnings: list[str],
) -> list[_Row]:
    at_chrom, at_start, at_end = table.indices(("chrom", "start", "end"))
    at_sample = table.index("sample")
    lowered = [name.lower() for name in table.original]
    numbers = [
        (name, table.index(name) if name in table else lowered.index(name) if name in lowered else -1)
        for name in (*dialect.numbers, *dialect.pairs, *dialect.measured_columns)
    ]
    rows = []
    entries = list(table)
    # MEDICC2 leaves the convention to the user; a segment that starts at 0 can only count from 0
    is_zero_based = dialect.is_zero_based or (
        dialect.name == "medicc2" and any(parse_count(fields[at_start]) == 0 for _, fields in entries)
    )
    purity = _purity_of_shares(entries, dict(numbers), requests, warnings, table.display)
    for line, fields in entries:
        chrom = fields[at_chrom].strip()
        start, end = parse_count(fields[at_start]), parse_count(fields[at_end])
        if is_missing(chrom):
            problems.add("is empty", row=line, column="chrom")
            continue
        if start is None or end is None:
            column, text = ("start", fields[at_start]) if start is None else ("end", fields[at_end])
            problems.add(f"{text.strip()!r} is not a position", row=line, column=column)
            continue
        start = start if is_zero_based else max(start - 1, 0)
        if end <= start:
            problems.add(
                f"segment {chrom}:{fields[at_start].strip()}-{end} ends before it starts", row=line, column="end"
            )
            continue
        values = _values(fields, numbers, dialect, line, problems, purity)
        if values is not None:
            sample = fields[at_sample].strip() if at_sample >= 0 else ""
            rows.append(_Row(line, sample, chrom, start, end, values))
    return rows


def _values(
    fields: list[str],
    numbers: list[tuple[str, int]],
    dialect: SegmentDialect,
    line: int,
    problems: ProblemList,
    purity: float = NAN,
) -> tuple[float, ...] | None:
    """Numbers of a row in the order of `SEGMENT_NUMBERS` after its end; None after a problem."""
    row: dict[str, float] = {"purity": purity}
    for name, index in numbers:
        text = fields[index] if index >= 0 else ""
        if name in dialect.pairs:
            first, second = _pair(text)
            if first < 0 or second < 0:
                problems.add(f"{text.strip()!r} is not a pair of copy numbers a|b", row=line, column=name)
                return None
            row[name + ".a"], row[name + ".b"] = first, second
            continue
        if is_missing(text):
            row[name] = NAN
            continue
        number = parse_decimal(text)
        if name in dialect.measured_columns:
            if number is None:
                problems.add(f"{text.strip()!r} is not a number", row=line, column=name)
                return None
            row[name] = number
            continue
        if number is not None and dialect.is_fractional and -1 < number < 0:
            number = 0.0
        if number is None or number < 0 or number > 10000:
            problems.add(f"{text.strip()!r} is not a copy number", row=line, column=name)
            return None
        row[name] = number
    major, minor, total, fraction, major2, minor2 = dialect.values(row)
    if not math.isnan(total) and math.isnan(major) and total in (0.0, 1.0):
        major, minor = total, 0.0  # with one copy or none there is no second allele
    if not 0 < fraction <= 1:
        problems.add(f"{fraction:g} is outside (0, 1]", row=line, column="fraction")
        return None
    if major < minor:
        if not (dialect.is_phased or dialect.is_fractional or dialect.name == "battenberg"):
            problems.add(
                f"major copies {major:g} are below minor copies {minor:g}", row=line, column=dialect.columns[0]
            )
            return None
        if not dialect.is_phased:
            major, minor, major2, minor2 = minor, major, minor2, major2
    if major < 0 or minor < 0:
        problems.add(f"minor copies exceed the total {total:g}", row=line, column=dialect.columns[-1])
        return None
    return major, minor, total, fraction, major2, minor2, *dialect.measured(row)


def _purity_of_shares(
    entries: Sequence[tuple[int, list[str]]],
    numbers: dict[str, int],
    requests: Sequence[SampleRequest],
    warnings: list[str],
    display: str,
) -> float:
    """Purity that makes PhyloWGS' shares of all cells shares of tumour cells: the sheet's, else the largest share."""
    at = numbers.get("cellular_prevalence", -1)
    if at < 0:
        return NAN
    if len(requests) == 1 and not math.isnan(requests[0].purity):
        return requests[0].purity
    shares = [parse_decimal(fields[at]) for _, fields in entries]
    largest = max((share for share in shares if share is not None), default=NAN)
    warnings.append(
        f"{display}: the largest cellular_prevalence, {largest:g}, is taken as the purity of its shares; state the "
        "purity in the sheet"
    )
    return largest if 0 < largest <= 1 else NAN


def _pair(text: str) -> tuple[float, float]:
    """Copies written ``a|b``; NaN if missing, -1 if they are no numbers."""
    if is_missing(text):
        return NAN, NAN
    parts = [parse_decimal(part) for part in text.split("|")]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return -1.0, -1.0
    return parts[0], parts[1]


def _assign_samples(
    rows: list[_Row], requests: Sequence[SampleRequest] | None, has_column: bool, problems: ProblemList
) -> tuple[list[str], list[tuple[int, _Row]]]:
    """Names of the samples, and (sample index, row) of every row that is wanted."""
    found = list(dict.fromkeys(row.sample for row in rows))
    if requests is None:
        names = [name for name in found if name.lower() not in NORMAL_SAMPLES]
        if not has_column:
            raise InputError("has no column that names the sample", file=problems.file)
        index = {name: k for k, name in enumerate(names)}
        return names, [(index[row.sample], row) for row in rows if row.sample in index]
    names = [request.sample for request in requests]
    if not has_column:
        if len(requests) > 1:
            problems.add(f"has no column that names the sample, but serves {', '.join(names)}: give one file a sample")
            return names, []
        return names, [(0, row) for row in rows]
    picked: list[tuple[int, _Row]] = []
    for k, request in enumerate(requests):
        name = next((name for name in request.names if name in found), None)
        if name is None:
            ending = [x for n in request.names for x in found if re.search(rf"[_.\-]{re.escape(n)}$", x)]
            name = ending[0] if len(set(ending)) == 1 else None
        if name is None and len(requests) == 1 and len(found) == 1:
            name = found[0]
        if name is None:
            problems.add(f"sample {request.sample} has no segments (samples found: {', '.join(found)[:300]})")
        picked.extend((k, row) for row in rows if row.sample == name)
    return names, picked


def _check_overlaps(picked: list[tuple[int, _Row]], names: list[str], problems: ProblemList) -> None:
    """Segments of a sample must not overlap; one shared base (ends counted both ways) is trimmed."""
    genome = genome_of_contigs({row.chrom for _, row in picked}) or "human"
    contigs = [contig_name(row.chrom, genome) for _, row in picked]
    order = sorted(range(len(picked)), key=lambda i: (picked[i][0], contigs[i], picked[i][1].start))
    for i, j in zip(order, order[1:]):
        (k, left), (k2, right) = picked[i], picked[j]
        if k != k2 or contigs[i] != contigs[j] or right.start >= left.end:
            continue
        if right.start == left.end - 1 and left.start < right.start:
            picked[i] = (k, _Row(left.line, left.sample, left.chrom, left.start, right.start, left.values))
        else:
            problems.add(
                f"segment {right.chrom}:{right.start + 1}-{right.end} of {names[k]} overlaps that in row {left.line}",
                row=right.line,
                column="start",
                cause="overlap",
            )


def _check_genomes(picked: list[tuple[int, _Row]], names: list[str], problems: ProblemList) -> None:
    """No cell lives without a copy of any segment, if these are more than a deletion."""
    at_total = SEGMENT_NUMBERS[2:].index("total")
    empty: dict[int, list[int]] = {}  # sample -> lengths of its segments while none has a copy
    alive: set[int] = set()
    for k, row in picked:
        if row.values[at_total] == 0:
            empty.setdefault(k, []).append(row.end - row.start)
        else:
            alive.add(k)
    for k, lengths in empty.items():
        if k not in alive and sum(lengths) > LONGEST_DELETION:
            problems.add(
                f"sample {names[k]} has no copy of any of its {len(lengths)} segments ({sum(lengths) / 1e6:.0f} Mb): "
                "no tumour lives without; check how its copy number was called"
            )


def read_segment_tables(paths: Sequence[str | Path]) -> CopyNumberProfile:
    """Read the segments of all samples of several files as one profile.

    Parameters
    ----------
    paths : sequence of paths
        Tables of any dialect. A table without a column that names the sample holds one, named like the file.

    Returns
    -------
    CopyNumberProfile
        Phased if every table is, else with alleles sorted into major and minor.

    Raises
    ------
    InputError
        With the problems of every table; also if two tables hold samples of one name.
    """
    profiles: list[CopyNumberProfile] = []
    problems: list[Problem] = []
    source: dict[str, str] = {}
    for given in paths:
        path, display = Path(given), str(given)
        try:
            with closing(TableReader(path, display, aliases=SEGMENT_ALIASES)) as table:
                has_samples = "sample" in table
            name = path.name.split(".")[0] or "sample"
            profile = read_segments(
                path, None if has_samples else [SampleRequest(name, (name,))], display=display
            ).profile
        except InputError as error:
            problems.extend(error.problems)
            continue
        for sample in profile.sample_names:
            if sample in source:
                problems.append(Problem(f"sample {sample} is also in {source[sample]}", display))
            source[sample] = display
        profiles.append(profile)
    if problems:
        raise InputError(problems)
    joined = join_profiles(profiles, list(source))
    if joined is None:
        raise InputError("no table of segments was given")
    return joined


def join_profiles(profiles: Sequence[CopyNumberProfile], samples: Sequence[str]) -> CopyNumberProfile | None:
    """Join the profiles of several files into one, over all samples of a patient.

    Parameters
    ----------
    profiles : sequence of CopyNumberProfile
    samples : sequence of str
        Names of all samples, among them those of every profile.

    Returns
    -------
    CopyNumberProfile or None
        Phased if every profile is, else with alleles sorted into major and minor; None without profiles.
    """
    if not profiles:
        return None
    index = {name: k for k, name in enumerate(samples)}
    renumbered = [np.array([index[name] for name in p.sample_names], dtype=np.int64)[p.sample] for p in profiles]
    joined = {name: np.concatenate([getattr(p, name) for p in profiles]) for name in SEGMENT_NUMBERS}
    is_phased = all(p.is_phased for p in profiles)
    profile = CopyNumberProfile(
        sample_names=tuple(samples),
        sample=np.concatenate(renumbered),
        chroms=tuple(chrom for p in profiles for chrom in p.chroms),
        is_phased=is_phased,
        **joined,
    )
    return profile if is_phased else profile.without_phase()


def copy_number_at_loci(
    profile: CopyNumberProfile, chroms: Sequence[str], positions: NDArray[np.int64], *, genome: str = "human"
) -> dict[str, NDArray[np.float32]]:
    """Copy number of every sample at every locus, by binary search in its sorted segments.

    Parameters
    ----------
    profile : CopyNumberProfile
    chroms : sequence of str, length n
        ``chr17`` and ``17`` are the same contig.
    positions : int64 array (n,)
        0-based; -1 = unknown.
    genome : str
        Species, for the names of contigs (`contig_name`).

    Returns
    -------
    dict
        ``major minor total fraction major2 minor2``, float32 (n, S); NaN (fraction 1) where no segment lies.
    """
    codes: dict[str, int] = {}
    spelled: dict[str, int] = {}

    def code(chrom: str) -> int:
        known = spelled.get(chrom)
        if known is None:
            known = spelled[chrom] = codes.setdefault(contig_name(chrom, genome), len(codes))
        return known

    width = np.int64(1) << 40  # longer than any contig
    segment_code = np.array([code(chrom) for chrom in profile.chroms], dtype=np.int64)
    locus = np.array([code(chrom) for chrom in chroms], dtype=np.int64) * width + positions
    shape = (len(positions), len(profile.sample_names))
    result = {name: np.full(shape, np.nan, dtype=np.float32) for name in ("major", "minor", "total")}
    has_states = bool((profile.fraction < 1).any())
    for name, empty in (("fraction", 1.0), ("major2", np.nan), ("minor2", np.nan)):
        # one number seen through a view if no segment has a second state: millions of loci need no memory for it
        constant = np.broadcast_to(np.float32(empty), shape)
        result[name] = constant.copy() if has_states else constant
    for k in range(shape[1]):
        own = np.flatnonzero(profile.sample == k)
        if not len(own):
            continue
        own = own[np.argsort(segment_code[own] * width + profile.start[own], kind="stable")]
        starts = segment_code[own] * width + profile.start[own]
        ends = segment_code[own] * width + profile.end[own]
        at = np.searchsorted(starts, locus, side="right") - 1
        inside = (at >= 0) & (locus < ends[np.maximum(at, 0)]) & (positions >= 0)
        for name, values in result.items():
            if not values.flags.writeable:
                continue
            values[inside, k] = getattr(profile, name)[own[at[inside]]]
    if profile.is_phased:
        high, low = np.fmax(result["major"], result["minor"]), np.fmin(result["major"], result["minor"])
        result["major"], result["minor"] = high, low
    return result
