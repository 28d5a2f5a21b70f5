"""Wide matrices, one row per mutation: reads, VAF with depth, cancer cell fractions or presence, by sample."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from phylometa.config import ReadSettings
from phylometa.io.calls import Calls, nominal_calls
from phylometa.io.files import is_missing, parse_count, parse_fraction, sha256_of
from phylometa.io.long_columns import LONG_ALIASES, place_in_id
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import SampleRequest
from phylometa.io.wide_columns import MUTATION_COLUMNS, PAIR, find_columns, is_lichee, layout_of, name_column

__all__ = ["read_wide_table"]

# Estimated fractions of cells exceed 1 by noise; beyond this they are something else (a VAF: a percentage).
MAX_FRACTION = 1.5
# A table of cancer cell fractions holds clonal mutations, near 1; without any, beside a stated purity, it holds VAFs.
NEAR_CLONAL = 0.8
# A table whose pairs all begin with 0 or 1 holds fractions with a decimal comma.
DECIMAL_COMMA = re.compile(r"[01],\d+", re.ASCII)


def read_wide_table(
    path: Path, requests: Sequence[SampleRequest] | None, *, settings: ReadSettings | None = None, display: str = ""
) -> Calls:
    """Read the counts of some samples of a wide matrix.

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
    rows = list(table)
    samples, columns = find_columns(table, rows, requests)
    layout = {name: layout_of(columns[name], table) for name in samples}
    reader = _WideReader(table, samples, layout, settings)
    reader.choose_units(rows, requests or ())
    reader.read(rows)
    calls = reader.calls()
    calls.provenance = {
        "file": display,
        "sha256": sha256_of(path),
        "reader": "counts",
        "dialect": "LICHeE" if is_lichee(table) else "wide matrix",
        "records": len(reader.ids),
        "rules": reader.rules(),
        "af_cells": 0,
        "af_median_difference": None,
    }
    return calls


class _WideReader:
    """One pass over a wide matrix."""

    def __init__(
        self,
        table: TableReader,
        samples: list[str],
        layout: dict[str, dict[str, int]],
        settings: ReadSettings,
    ) -> None:
        self.table = table
        self.samples = samples
        self.layout = layout
        self.nominal_depth = settings.nominal_depth
        self.problems = ProblemList(table.display)
        self.is_vaf = is_lichee(table)  # whether single columns of fractions are VAFs
        self.has_decimal_comma = False
        self.percent: set[str] = set()  # kinds of columns that are percentages without the sign
        self.warnings: list[str] = []
        self.n_vafs = 0
        self.ids: list[str] = []
        self.places: list[tuple[str, int, str, str]] = []
        self.genes: list[str] = []
        self.clusters: list[str] = []
        self.lines: list[int] = []
        self.cells: list[list[tuple[int, int]]] = []
        self.fractions: list[list[float]] = []
        self.n_clipped = 0

    def choose_units(self, rows: Sequence[tuple[int, list[str]]], requests: Sequence[SampleRequest]) -> None:
        """What only all cells together tell: decimal commas, percentages, VAFs or cancer cell fractions."""
        texts = {
            kind: [fields[at[kind]].strip() for at in self.layout.values() if kind in at for _, fields in rows]
            for kind in ("vaf", "ccf", "cell")
        }
        cells = [text for text in texts["cell"] if "," in text]
        self.has_decimal_comma = bool(cells) and all(DECIMAL_COMMA.fullmatch(text) for text in cells)
        for kind in ("vaf", "ccf"):
            largest = _largest(texts[kind])
            if MAX_FRACTION < largest <= 100:
                self.percent.add(kind)
                self.warnings.append(f"{self.table.display}: {kind.upper()}s reach {largest:g}: read as percentages")
        purities = [request.purity for request in requests if not math.isnan(request.purity)]
        largest = _largest(text for text in texts["cell"] if not PAIR.fullmatch(text) or self.has_decimal_comma)
        if self.is_vaf and MAX_FRACTION < largest <= 100:
            self.percent.add("cell")
            self.warnings.append(f"{self.table.display}: VAFs reach {largest:g}: read as percentages")
        if not self.is_vaf and purities and 0 < largest < NEAR_CLONAL:
            self.is_vaf = True
            self.warnings.append(
                f"{self.table.display}: no value is above {largest:g} and the sheet states purities: read as VAFs; if "
                "they are cancer cell fractions, name the columns S1.ccf ..."
            )
        elif not self.is_vaf and not purities and 0 < largest < NEAR_CLONAL:
            self.warnings.append(
                f"{self.table.display}: no value is above {largest:g}: are they VAFs? then name the columns S1.vaf "
                "..., or state the purity in the sheet"
            )

    def read(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        """Every row; a mutation is named by its id, its place, or the first column, genes with a number if needed."""
        table = self.table
        at = {name: table.index(name) for name in MUTATION_COLUMNS}
        named_by = at["mutation_id"]
        if named_by < 0 and at["pos"] < 0 and at["gene"] < 0:
            named_by = name_column(table)
        has_ids = named_by >= 0 or at["pos"] >= 0
        seen: dict[str, int] = {}
        for line, fields in rows:
            text = {name: fields[i].strip() if i >= 0 and not is_missing(fields[i]) else "" for name, i in at.items()}
            name = fields[named_by].strip() if named_by >= 0 and not is_missing(fields[named_by]) else ""
            if not has_ids:
                base = text["gene"] or f"row {line}"
                name = next(
                    f"{base}#{k}" if k > 1 else base for k in count(1) if (f"{base}#{k}" if k > 1 else base) not in seen
                )
            place = self._place(text, name, line)
            if place is None:
                continue
            name = name or ":".join(filter(None, (place[0], str(place[1] + 1), place[2], place[3])))
            first = seen.setdefault(name, line)
            if first != line:
                self.problems.add(f"{name} is already in row {first}", row=line, cause="twice")
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
        if (found := place_in_id(name)) is not None:
            return found
        if not name:
            self.problems.add("names no mutation", row=line)
            return None
        return "", -1, "", ""

    def _cell(self, sample: str, fields: list[str], line: int) -> tuple[tuple[int, int], float]:
        """((alternate reads, depth), fraction): reads if the table has them, else (0, 0) and the fraction or NaN."""
        layout = self.layout[sample]
        texts = {kind: fields[i].strip() for kind, i in layout.items()}
        if any(is_missing(text) for text in texts.values()):
            return (0, 0), math.nan
        if "cell" in texts and not self.has_decimal_comma:
            pair = PAIR.fullmatch(texts["cell"])
            if pair:
                ref, alt = int(pair.group(1)), int(pair.group(2))
                return (alt, ref + alt), math.nan
        numbers: dict[str, float] = {}
        for kind, text in texts.items():
            number = parse_count(text) if kind in ("ref", "alt", "depth") else parse_fraction(text)
            if number is not None and kind in self.percent and not text.endswith("%"):
                number /= 100
            if kind in ("ccf", "cell") and number is not None and 1 < number <= MAX_FRACTION and not self.is_vaf:
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
        if "vaf" in numbers or ("cell" in numbers and self.is_vaf):
            self.n_vafs += 1
            vaf = numbers.get("vaf", numbers.get("cell", 0.0))
            return (round(vaf * self.nominal_depth), self.nominal_depth), math.nan
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
            warnings=self.warnings,
        )
        if self.n_vafs:
            calls.warnings.append(
                f"{calls.file}: holds VAFs without depths: each stands for {self.nominal_depth} reads (nominal_depth), "
                "so intervals and probabilities depend on that number"
            )
        has_fractions = np.isfinite(fractions)
        if has_fractions.any():
            is_presence = bool(np.isin(fractions[has_fractions], (0.0, 1.0)).all())
            nominal_calls(calls, fractions, np.where(has_fractions, self.nominal_depth, 0), is_presence=is_presence)
        if self.n_clipped:
            calls.warnings.append(f"{calls.file}: {self.n_clipped} cancer cell fractions above 1 were taken as 1")
        return calls


def _largest(texts: Iterable[str]) -> float:
    """Largest number among cells, 0 if there is none."""
    numbers = (parse_fraction(text) for text in texts)
    return max((number for number in numbers if number is not None), default=0.0)
