"""Wide matrices, one row a mutation: reads, VAF with depth, cancer cell fractions or presence, by sample."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls, nominal_calls
from phylometa.io.files import ProblemList, TableReader, is_missing, parse_count, parse_number, sha256_of
from phylometa.io.long_columns import LONG_ALIASES, PLACE_ID
from phylometa.io.vcf_header import SampleRequest

__all__ = ["read_wide_table"]

# What a column says of its sample: the word before or after the sample's name.
KINDS = {
    word: kind
    for kind, words in {
        "ref": "ref ref_count ref_counts ref_reads n_ref",
        "alt": "alt alt_count alt_counts alt_reads var var_counts var_reads n_alt",
        "depth": "depth dp total total_counts total_reads coverage cov",
        "vaf": "vaf af freq",
        "ccf": "ccf cellular_prevalence cp",
    }.items()
    for word in words.split()
}
# The pairs of columns that make a cell, in order of preference.
LAYOUTS = (("ref", "alt"), ("alt", "depth"), ("vaf", "depth"), ("ccf",), ("cell",))
MUTATION_COLUMNS = ("mutation_id", "chrom", "pos", "ref", "alt", "gene", "cluster")
# Estimated fractions of cells exceed 1 by noise; beyond this they are something else.
MAX_FRACTION = 1.5
PAIR = re.compile(r"(\d{1,9})\s*[,/:;|]\s*(\d{1,9})", re.ASCII)
WORDS = "|".join(sorted(KINDS, key=lambda word: -len(word)))
SUFFIX = re.compile(rf"(?i)(.+?)[._:\- ]+({WORDS})")
PREFIX = re.compile(rf"(?i)({WORDS})[._:\- ]+(.+)")


@dataclass
class _Column:
    sample: str
    kind: str
    index: int


def read_wide_table(
    path: Path, requests: Sequence[SampleRequest] | None, *, settings: ReadSettings | None = None, display: str = ""
) -> Calls:
    """Counts of some samples of a wide matrix.

    Parameters
    ----------
    path : Path
        First columns name the mutation (``mutation_id``, or ``chrom pos ref alt``; else the first column is the name);
        then columns ``S1.ref S1.alt``, ``S1.alt S1.depth``, ``S1.vaf S1.depth`` or ``S1.ccf`` (also ``ref_S1``), or
        one column ``S1`` with ``60/40`` (reference and alternate reads), a cancer cell fraction, or 0 and 1.
    requests : sequence of SampleRequest or None
        Samples wanted; None: all of the table.
    settings : ReadSettings
        `nominal_depth`: reads that stand for a cancer cell fraction.
    display : str

    Returns
    -------
    Calls
        Empty cells are unobserved. Fractions and presence become reads at purity 1 and two copies, with a warning.
    """
    settings = settings or ReadSettings()
    display = display or str(path)
    table = TableReader(path, display, aliases=LONG_ALIASES)
    samples, columns = _find_columns(table, requests)
    layout = {name: _layout(columns[name], table) for name in samples}
    reader = _WideReader(table, samples, columns, layout, settings)
    reader.read()
    calls = reader.calls()
    calls.provenance = {
        "file": display,
        "sha256": sha256_of(path),
        "reader": "counts",
        "dialect": "wide matrix",
        "records": len(reader.ids),
        "rules": reader.rules(),
        "af_cells": 0,
        "af_median_difference": None,
    }
    return calls


def _identity_columns(table: TableReader) -> list[int]:
    """Columns that name the mutation."""
    found = [table.index(name) for name in MUTATION_COLUMNS if name in table]
    return found if "mutation_id" in table or "pos" in table else [0, *found]


def _find_columns(
    table: TableReader, requests: Sequence[SampleRequest] | None
) -> tuple[list[str], dict[str, list[_Column]]]:
    identity = set(_identity_columns(table))
    by_name: dict[str, list[_Column]] = {}
    for i, name in enumerate(table.original):
        if i in identity or not name:
            continue
        suffix, prefix = SUFFIX.fullmatch(name), PREFIX.fullmatch(name)
        by_name.setdefault(name, []).append(_Column(name, "cell", i))
        if suffix:
            by_name.setdefault(suffix.group(1), []).append(_Column(suffix.group(1), KINDS[suffix.group(2).lower()], i))
        elif prefix:
            by_name.setdefault(prefix.group(2), []).append(_Column(prefix.group(2), KINDS[prefix.group(1).lower()], i))
    if requests is None:
        samples = _all_samples(by_name)
        if not samples:
            raise InputError("holds no column of a sample", file=table.display)
        return samples, {name: by_name[name] for name in samples}
    problems = ProblemList(table.display)
    chosen = {}
    for request in requests:
        found = next((name for name in request.names if name in by_name), None)
        if found is None:
            listed = ", ".join(_all_samples(by_name)[:30]) or "none"
            problems.add(f"sample {request.sample} has no column (samples found: {listed})")
        else:
            chosen[request.sample] = by_name[found]
    problems.check()
    return [request.sample for request in requests], chosen


def _all_samples(by_name: dict[str, list[_Column]]) -> list[str]:
    """Samples of a table nobody asked for by name: those with columns by kind, or else every column."""
    by_kind = [name for name, columns in by_name.items() if any(column.kind != "cell" for column in columns)]
    return by_kind or list(by_name)


def _layout(columns: list[_Column], table: TableReader) -> dict[str, int]:
    """Kind to position of the columns that make a sample's cell."""
    by_kind = {column.kind: column.index for column in reversed(columns)}
    for kinds in LAYOUTS:
        if all(kind in by_kind for kind in kinds):
            return {kind: by_kind[kind] for kind in kinds}
    kinds_found = ", ".join(by_kind)
    raise InputError(
        f"sample {columns[0].sample} has only {kinds_found}: reads (ref and alt, or alt and depth), vaf and depth, or "
        "ccf are needed",
        file=table.display,
    )


class _WideReader:
    """One pass over a wide matrix."""

    def __init__(
        self,
        table: TableReader,
        samples: list[str],
        columns: dict[str, list[_Column]],
        layout: dict[str, dict[str, int]],
        settings: ReadSettings,
    ) -> None:
        self.table = table
        self.samples = samples
        self.layout = layout
        self.nominal_depth = settings.nominal_depth
        self.problems = ProblemList(table.display)
        self.columns = columns
        self.ids: list[str] = []
        self.places: list[tuple[str, int, str, str]] = []
        self.genes: list[str] = []
        self.clusters: list[str] = []
        self.lines: list[int] = []
        self.cells: list[list[tuple[int, int]]] = []
        self.fractions: list[list[float]] = []
        self.n_clipped = 0

    def read(self) -> None:
        table = self.table
        at = {name: table.index(name) for name in MUTATION_COLUMNS}
        first_is_name = at["mutation_id"] < 0 and at["pos"] < 0
        seen: dict[str, int] = {}
        for line, fields in table:
            text = {name: fields[i].strip() if i >= 0 and not is_missing(fields[i]) else "" for name, i in at.items()}
            name = fields[0].strip() if first_is_name else text["mutation_id"]
            place = self._place(text, name, line)
            if place is None:
                continue
            name = name or f"{place[0]}:{place[1] + 1}:{place[2]}:{place[3]}"
            first = seen.setdefault(name, line)
            if first != line:
                self.problems.add(f"{name} is already in row {first}", row=line)
                continue
            self.ids.append(name)
            self.places.append(place)
            self.genes.append(text["gene"])
            self.clusters.append(text["cluster"])
            self.lines.append(line)
            pairs, fractions = [], []
            for sample in self.samples:
                pair, fraction = self._cell(sample, fields, line)
                pairs.append(pair)
                fractions.append(fraction)
            self.cells.append(pairs)
            self.fractions.append(fractions)
        if not self.ids and not self.problems:
            self.problems.add("holds no rows: no variants left")
        self.problems.check()

    def _place(self, text: dict[str, str], name: str, line: int) -> tuple[str, int, str, str] | None:
        if text["chrom"] and text["pos"]:
            position = parse_count(text["pos"])
            if position:
                return text["chrom"], position - 1, text["ref"].upper(), text["alt"].upper()
            self.problems.add(f"{text['pos']!r} is not a position (1 or more)", row=line, column="pos")
            return None
        found = PLACE_ID.fullmatch(name)
        if found:
            return found.group(1), int(found.group(2)) - 1, found.group(3), found.group(4)
        if not name:
            self.problems.add("names no mutation", row=line)
            return None
        return "", -1, "", ""

    def _cell(self, sample: str, fields: list[str], line: int) -> tuple[tuple[int, int], float]:
        """((alternate reads, depth), fraction): reads where the table has them, else (0, 0) and the fraction or NaN."""
        layout = self.layout[sample]
        texts = {kind: fields[i].strip() for kind, i in layout.items()}
        if any(is_missing(text) for text in texts.values()):
            return (0, 0), math.nan
        if "cell" in texts:
            pair = PAIR.fullmatch(texts["cell"])
            if pair:
                ref, alt = int(pair.group(1)), int(pair.group(2))
                return (alt, ref + alt), math.nan
        numbers: dict[str, float] = {}
        for kind, text in texts.items():
            number = parse_count(text) if kind in ("ref", "alt", "depth") else parse_number(text)
            if kind in ("ccf", "cell") and number is not None and 1 < number <= MAX_FRACTION:
                self.n_clipped += 1
                number = 1.0
            if number is None or number < 0 or (kind in ("vaf", "ccf", "cell") and number > 1):
                expected = "a read count" if kind in ("ref", "alt", "depth") else "a fraction in [0, 1]"
                column = self.table.original[layout[kind]]
                self.problems.add(f"{text!r} is not {expected}", row=line, column=column)
                return (0, 0), math.nan
            numbers[kind] = number
        if "ref" in numbers:
            return (int(numbers["alt"]), int(numbers["ref"] + numbers["alt"])), math.nan
        if "depth" in numbers:
            depth = int(numbers["depth"])
            alt = int(numbers["alt"]) if "alt" in numbers else round(numbers["vaf"] * depth)
            if alt > depth:
                self.problems.add(f"alternate reads {alt} exceed the depth {depth}", row=line, column=sample)
                return (0, 0), math.nan
            return (alt, depth), math.nan
        return (0, 0), numbers.get("ccf", numbers.get("cell", math.nan))

    def rules(self) -> dict[str, int]:
        """Kind of column to number of samples read so."""
        names = [" + ".join(layout) if "cell" not in layout else "one column" for layout in self.layout.values()]
        return {name: names.count(name) for name in sorted(set(names))}

    def calls(self) -> Calls:
        pairs = np.array(self.cells, dtype=np.int64).reshape(len(self.ids), len(self.samples), 2)
        fractions = np.array(self.fractions, dtype=np.float64).reshape(pairs.shape[:2])
        calls = Calls(
            file=self.table.display,
            samples=self.samples,
            ids=self.ids,
            chroms=[place[0] for place in self.places],
            positions=np.array([place[1] for place in self.places], dtype=np.int64),
            refs=[place[2] for place in self.places],
            alts=[place[3] for place in self.places],
            lines=np.array(self.lines, dtype=np.int64),
            alt=pairs[:, :, 0].astype(np.int32),
            depth=pairs[:, :, 1].astype(np.int32),
            genes=self.genes,
            clusters=self.clusters if any(self.clusters) else None,
        )
        has_fractions = np.isfinite(fractions)
        if has_fractions.any():
            is_presence = bool(np.isin(fractions[has_fractions], (0.0, 1.0)).all())
            nominal_calls(calls, fractions, np.where(has_fractions, self.nominal_depth, 0), is_presence=is_presence)
        if self.n_clipped:
            calls.warnings.append(f"{calls.file}: {self.n_clipped} cancer cell fractions above 1 were taken as 1")
        return calls
