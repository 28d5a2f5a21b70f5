"""Long tables, one row per mutation and sample: PyClone-VI's columns, MAF in its dialects, VAF with depth."""

from __future__ import annotations

import difflib
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from sys import intern

import numpy as np
from numpy.typing import NDArray

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls, DropLog, nominal_calls
from phylometa.io.decifer import DeciferStates
from phylometa.io.dpclust import DPCLUST, places_repeat
from phylometa.io.files import is_missing, parse_count, parse_decimal, sha256_of
from phylometa.io.long_assembly import Cells, complete_copies, first_cells, set_refused
from phylometa.io.long_cells import CellParser
from phylometa.io.long_columns import READ_COLUMNS, dialect_of, open_long_table, place_in_id
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import SampleRequest
from phylometa.reference.contigs import contig_name

__all__ = ["read_long_table"]

COPY_COLUMNS = {
    "major_cn": "major",
    "minor_cn": "minor",
    "total_cn": "total",
    "normal_cn": "normal",
    "cn_fraction": "fraction",
    "major_cn2": "major2",
    "minor_cn2": "minor2",
}
MAX_COPIES = 1000.0
# A VAF above is a percentage, or wrong.
MAX_FRACTION = 1.5


def read_long_table(
    path: Path,
    requests: Sequence[SampleRequest] | None,
    *,
    settings: ReadSettings | None = None,
    display: str = "",
) -> Calls:
    """Read the counts of some samples of a long table.

    Parameters
    ----------
    path : Path
        Table with ``sample_id``, ``ref_counts`` and ``alt_counts`` (or ``depth`` and ``alt_counts``, or ``depth`` and
        ``vaf``), and ``mutation_id`` or ``chrom pos ref alt``; column names of PyClone-VI, of MAF's dialects, or common
        ones (`LONG_ALIASES`). Copy number, purity, error rate, gene and cluster are read if they are given.
    requests : sequence of SampleRequest or None
        Samples wanted; None: all samples of the table, in its order.
    settings : ReadSettings
    display : str

    Returns
    -------
    Calls
        A row of the table with missing counts, and a mutation without a row for a sample, are unobserved there.

    Raises
    ------
    InputError
        With every problem of the table.
    """
    settings = settings or ReadSettings()
    display = display or str(path)
    table = open_long_table(path, display)
    reader = _LongReader(table, requests, settings)
    reader.read()
    calls = reader.calls()
    differences = reader.cells.differences
    calls.provenance = {
        "file": display,
        "sha256": sha256_of(path),
        "reader": reader.kind,
        "dialect": reader.dialect,
        "records": reader.n_rows,
        "rules": {reader.rule: len(reader.cell_rows)},
        "af_cells": len(differences),
        "af_median_difference": float(np.round(np.median(differences), 6)) if differences else None,
    }
    return calls


# What follows the type of sample in a TCGA barcode: TCGA-AB-1234-01 is the sample of TCGA-AB-1234-01A-11D-...
VIAL = re.compile(r"[A-Z](-|$)")


def _is_cut_barcode(name: str, barcode: str) -> bool:
    """Whether a name is the beginning of a TCGA barcode, cut at a dash or before the letter of the vial (01A)."""
    rest = barcode[len(name) :]
    if not barcode.startswith(name) or not rest:
        return False
    return rest[0] == "-" or (name.count("-") == 3 and bool(VIAL.match(rest)))


class _LongReader:
    """State of one pass over a long table."""

    def __init__(self, table: TableReader, requests: Sequence[SampleRequest] | None, settings: ReadSettings) -> None:
        self.table = table
        self.display = table.display
        self.problems = ProblemList(table.display)
        self.dropped = DropLog(table.display)
        lowered = {name.lower() for name in table.original}
        self.kind = "maf" if lowered & {"hugo_symbol", "tumor_sample_barcode", "tumor_seq_allele2"} else "counts"
        self.dialect = dialect_of(lowered)
        self.rule = self._choose_rule()
        self.cells = CellParser(self.rule, self.problems, settings.nominal_depth)
        self.nominal_depth = settings.nominal_depth
        self.states = DeciferStates(requests or ()) if table.has_extra_fields else None
        self.accepted = frozenset(settings.accepted_filters) | {""}
        self.columns: dict[str, int] = {}
        self.samples: list[str] = []
        self.is_open = requests is None and "sample_id" in table
        self.requests = tuple(requests or ())
        for k, request in enumerate(self.requests):
            self.samples.append(request.sample)
            for name in request.names[:1]:  # what the sheet says the file calls it, before other samples' own names
                self.columns.setdefault(name, k)
        for k, request in enumerate(self.requests):
            for name in request.names[1:]:
                self.columns.setdefault(name, k)
        if requests is None and not self.is_open:  # a file of one sample, named like the file
            self.samples.append(Path(table.display).name.split(".")[0] or "sample")
        self.spelling: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.ids: list[str] = []
        self.places: list[tuple[str, int, str, str]] = []
        self.genes: list[str] = []
        self.contexts: list[str] = []
        self.clusters: list[str] = []
        self.lines = array("q")
        self.cell_rows, self.cell_columns, self.cell_lines = array("q"), array("i"), array("q")
        self.cell_alt, self.cell_depth = array("i"), array("i")
        self.copies = {name: array("f") for name in COPY_COLUMNS if name in table}
        self.errors = array("f")
        self.censored = array("i")
        self.normal_reads: dict[int, tuple[int, int]] = {}
        self.purity: dict[str, tuple[float, int]] = {}
        self.other_samples: dict[str, int] = {}
        self.seen: set[int] = set()
        self.is_by_row = False  # whether rows name the mutations
        self.refused: dict[int, str] = {}
        self.barcodes: dict[int, str] = {}
        self.warnings: list[str] = []
        self.n_rows = 0

    def _check_one_sample(self) -> None:
        """A table without a sample column holds one sample."""
        if "sample_id" not in self.table and len(self.samples) != 1:
            names = ", ".join(self.samples)
            raise InputError(
                f"{self.table.describe_missing(['sample_id'])}; without it the file holds one sample, but it serves "
                f"{names}: give one file a sample",
                file=self.display,
            )

    def _choose_rule(self) -> str:
        table = self.table
        has_id = "mutation_id" in table
        has_place = all(name in table for name in ("chrom", "pos"))
        if not has_id and not has_place:
            table.require(("chrom", "pos") if "chrom" in table or "pos" in table else ("mutation_id",))
        if "alt_counts" in table:
            if "ref_counts" in table:
                return "ref + alt"
            table.require(("depth",))
            return "alt + depth"
        if "vaf" in table and "depth" in table:
            return "vaf x depth"
        if "ccf_lo" in table and "ccf_hi" in table:
            return "ccf interval"
        if "ccf" in table:
            return "ccf"
        if "vaf" in table:
            return "vaf"
        table.require(("ref_counts", "alt_counts"))
        raise AssertionError

    def read(self) -> None:
        table = self.table
        at = {name: table.index(name) for name in READ_COLUMNS}
        copy_at = [(name, table.index(name)) for name in self.copies]
        self._check_one_sample()
        for line, fields in self._entries(at):
            self.n_rows += 1
            sample = fields[at["sample_id"]].strip() if at["sample_id"] >= 0 else self.samples[0]
            column = self.columns.get(sample) if at["sample_id"] >= 0 else 0
            if column is None:
                column = self._barcode(sample)
            if column is None:
                if is_missing(sample):
                    self.problems.add("is empty", row=line, column="sample_id")
                    continue
                if not self.is_open:
                    self.other_samples[sample] = self.other_samples.get(sample, 0) + 1
                    continue
                column = self.columns[sample] = len(self.samples)
                self.samples.append(sample)
            self.seen.add(column)
            place = self._place(fields, at, line)
            name = fields[at["mutation_id"]].strip() if at["mutation_id"] >= 0 else ""
            if at["mutation_id"] >= 0 and is_missing(name):
                self.problems.add("is empty", row=line, column="mutation_id")
                continue
            if place is None:
                continue
            if self.is_by_row:
                name, place = f"row {line}", ("", -1, "", "")
            if place[0] and name.startswith(f"{(written := name.partition(':')[0])}:") and written in self.spelling:
                name = self._spell(written) + name[len(written) :]
            name = name or ":".join(filter(None, (place[0], str(place[1] + 1), place[2], place[3])))
            refused = self._filter_reason(fields, at)
            if refused == "germline":
                self.dropped.add(name, refused, line, sample=sample)
                continue
            counts = self.cells.read(fields, at, line)
            if counts is None:
                continue
            row = self._row(name, place, fields, at, line)
            if refused:
                self.refused[len(self.cell_rows)] = refused
            self.cell_rows.append(row)
            self.cell_columns.append(column)
            self.cell_lines.append(line)
            self.cell_alt.append(counts[0])
            self.cell_depth.append(counts[1])
            self._copy_number(fields, copy_at, line)
            if self.states is not None:
                problem = self.states.add(fields[len(table.header) :], column)
                if problem:
                    self.problems.add(problem, row=line)
            self._read_optional(fields, at, column, counts[1], line)
            self._read_normal(fields, at, row, line)
        self._check_samples()
        self.problems.check()

    def _read_optional(self, fields: list[str], at: dict[str, int], column: int, depth: int, line: int) -> None:
        """Read the error rate, the threshold of calling and the purity of a row, if the table has them."""
        if at["error_rate"] >= 0:
            text = fields[at["error_rate"]]
            self.errors.append(self.cells.bounded(text, "error_rate", line, 0.0, 0.5, closed=True))
        if at["censored_below"] >= 0:
            self.censored.append(self.cells.threshold(fields, at["censored_below"], line) if not depth else 0)
        if at["tumour_content"] >= 0:
            self._purity(fields[at["tumour_content"]], self.samples[column], line)

    def _read_normal(self, fields: list[str], at: dict[str, int], row: int, line: int) -> None:
        """Keep the matched normal's reads, which MAF repeats in every tumour's row; of several the most."""
        if at["normal_alt"] < 0 or (at["normal_ref"] < 0 and at["normal_depth"] < 0):
            return
        other = "normal_ref" if at["normal_ref"] >= 0 else "normal_depth"
        counts = []
        for name in ("normal_alt", other):
            text = fields[at[name]].strip()
            count = None if is_missing(text) else parse_count(text)
            if count is None:
                if not is_missing(text):
                    self.problems.add(f"{text!r} is not a read count", row=line, column=name)
                return
            counts.append(count)
        alt, depth = counts[0], counts[1] + (counts[0] if other == "normal_ref" else 0)
        if depth >= alt and depth > self.normal_reads.get(row, (0, 0))[1]:
            self.normal_reads[row] = (alt, depth)

    def _place(self, fields: list[str], at: dict[str, int], line: int) -> tuple[str, int, str, str] | None:
        """(chrom, 0-based position, ref, alt) from their columns or an id of that form; ('', -1, '', '') if unknown."""
        chrom, pos, ref, alt = (
            fields[at[name]].strip() if at[name] >= 0 else "" for name in ("chrom", "pos", "ref", "alt")
        )
        if is_missing(chrom) or is_missing(pos):
            if at["mutation_id"] < 0:
                self.problems.add("is empty", row=line, column="chrom" if is_missing(chrom) else "pos")
                return None
            found = place_in_id(fields[at["mutation_id"]].strip())
            return (self._spell(found[0]), *found[1:]) if found else ("", -1, "", "")
        position = parse_count(pos)
        if not position:
            self.problems.add(f"{pos!r} is not a position (1 or more)", row=line, column="pos")
            return None
        if at["alt1"] >= 0 and (alt.upper() == ref.upper() or is_missing(alt) and alt != "-"):
            alt = fields[at["alt1"]].strip()  # the mutated allele stands in either of MAF's two columns
        chrom = self._spell(chrom)
        return chrom, position - 1, intern(ref.upper()), intern(alt.upper())

    def _spell(self, contig: str) -> str:
        """A contig spelled two ways in the file (``chr1`` and ``1``) gets the spelling met first."""
        known = self.spelling.get(contig)
        if known is None:
            genome = next((request.genome for request in self.requests if request.genome), "") or "human"
            known = self.spelling[contig] = self.spelling.setdefault(f"\0{contig_name(contig, genome)}", intern(contig))
        return known

    def _entries(self, at: dict[str, int]) -> Iterable[tuple[int, list[str]]]:
        """Rows of the table; read at once for what only all of them tell: percentages, DPClust's repeated places."""
        if self.dialect == DPCLUST:
            rows = list(self.table)
            self.is_by_row = places_repeat(rows, at["chrom"], at["pos"])
            return rows
        if not self.rule.startswith("vaf"):
            return self.table
        entries = list(self.table)
        numbers = [parse_decimal(fields[at["vaf"]]) for _, fields in entries]
        largest = max((number for number in numbers if number is not None), default=0.0)
        if MAX_FRACTION < largest <= 100:
            self.cells.is_percent = True
            self.warnings.append(f"{self.display}: VAFs reach {largest:g}: read as percentages")
        return entries

    def _barcode(self, sample: str) -> int | None:
        """Sample of a full TCGA barcode, whose first parts are the name in the sheet."""
        if not sample.startswith("TCGA-"):
            return None
        fitting = {
            k for k, request in enumerate(self.requests) for name in request.names if _is_cut_barcode(name, sample)
        }
        if len(fitting) != 1:
            return None
        (column,) = fitting
        if column in self.barcodes and self.barcodes[column] != sample:
            self.problems.add(
                f"{self.barcodes[column]} and {sample} are both {self.samples[column]}: write one of them in the "
                "sheet's column file_sample"
            )
        self.barcodes[column] = sample
        self.columns[sample] = column
        return column

    def _filter_reason(self, fields: list[str], at: dict[str, int]) -> str:
        """Why a row is not accepted; '' if it is."""
        if at["status"] >= 0 and fields[at["status"]].strip().lower() == "germline":
            return "germline"
        if at["filter"] < 0:
            return ""
        words = fields[at["filter"]].strip().split(";")
        refused = [word for word in words if word not in self.accepted and not is_missing(word)]
        return f"FILTER {';'.join(refused)}" if refused else ""

    def _copy_number(self, fields: list[str], copy_at: list[tuple[str, int]], line: int) -> None:
        values = {}
        for name, index in copy_at:
            text = fields[index]
            if len(text) == 1 and text in "0123456789":
                values[name] = float(text)
            else:
                values[name] = self.cells.bounded(
                    text, name, line, 0.0, 1.0 if name == "cn_fraction" else MAX_COPIES, closed=True
                )
            self.copies[name].append(values[name])
        if values.get("major_cn", math.nan) < values.get("minor_cn", math.nan):
            self.problems.add(
                f"major_cn {values['major_cn']:g} is below minor_cn {values['minor_cn']:g}", row=line, column="major_cn"
            )

    def _purity(self, text: str, sample: str, line: int) -> None:
        known = self.purity.get(sample)
        purity = self.cells.bounded(text, "tumour_content", line, 0.0, 1.0)
        if math.isnan(purity):
            return
        if known is None:
            self.purity[sample] = (purity, line)
        elif known[0] != purity:
            self.problems.add(
                f"{purity:g} differs from {known[0]:g} in row {known[1]} (one purity a sample)",
                row=line,
                column="tumour_content",
            )

    def _row(
        self, name: str, place: tuple[str, int, str, str], fields: list[str], at: dict[str, int], line: int
    ) -> int:
        """Row of a mutation, new or known; what its rows say of it must agree."""
        cluster = fields[at["cluster"]].strip() if at["cluster"] >= 0 else ""
        cluster = "" if is_missing(cluster) else cluster
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = len(self.ids)
            self.ids.append(name)
            self.places.append(place)
            self.lines.append(line)
            gene = fields[at["gene"]].strip() if at["gene"] >= 0 else ""
            self.genes.append("" if is_missing(gene) else intern(gene))
            context = fields[at["context"]].strip().upper() if at["context"] >= 0 else ""
            self.contexts.append(context if re.fullmatch("[ACGT]{3}", context) else "")
            self.clusters.append(intern(cluster))
            return row
        if self.places[row] != place:
            self.problems.add(
                f"{name} has another place or alleles in row {self.lines[row]}", row=line, column="mutation_id"
            )
        if self.clusters[row] != cluster:
            self.problems.add(
                f"{name} is in cluster {cluster or 'NA'}, in {self.clusters[row] or 'NA'} in row {self.lines[row]}",
                row=line,
                column="cluster",
            )
        return row

    def _check_samples(self) -> None:
        if self.is_open:
            if not self.samples:
                self.problems.add("holds no rows: no variants left")
            return
        if "sample_id" not in self.table:
            if not self.ids and not self.problems:
                self.problems.add("holds no rows: no variants left")
            return
        found = [name for name, k in self.columns.items() if k in self.seen]
        listed = ", ".join([*found, *self.other_samples][:30]) or "none"
        for k, sample in enumerate(self.samples):
            if k not in self.seen:
                others = [name for name in self.other_samples if not sample.startswith("TCGA-") or sample in name]
                close = difflib.get_close_matches(sample, others, n=1)
                hint = f"; is it {close[0]}? then write that in the sheet's column file_sample" if close else ""
                self.problems.add(f"sample {sample} has no rows (samples found: {listed}){hint}")

    def _normals(self) -> dict[str, NDArray[np.int32]]:
        """Reads of the matched normal, if the table has them beside each tumour's."""
        if not self.normal_reads:
            return {}
        reads = np.zeros((len(self.ids), 2), dtype=np.int32)
        reads[list(self.normal_reads)] = list(self.normal_reads.values())
        return {"normal": reads}

    def calls(self) -> Calls:
        shape = (len(self.ids), len(self.samples))
        rows = np.frombuffer(self.cell_rows, dtype=np.int64) if len(self.cell_rows) else np.zeros(0, np.int64)
        columns = np.frombuffer(self.cell_columns, dtype=np.int32) if len(self.cell_rows) else np.zeros(0, np.int32)
        alt_values = np.array(self.cell_alt, dtype=np.int32)
        depth_values = np.array(self.cell_depth, dtype=np.int32)
        is_refused = np.zeros(len(rows), dtype=bool)
        is_refused[list(self.refused)] = True
        cells = Cells(rows, columns, np.array(self.cell_lines), alt_values, depth_values, is_refused)
        keep = first_cells(cells, self.ids, self.samples, self.dropped)
        rows, columns = rows[keep], columns[keep]

        def spread(values: NDArray[np.float32] | NDArray[np.int32], empty: float) -> NDArray:  # type: ignore[type-arg]
            matrix = np.full(shape, empty, dtype=values.dtype)
            matrix[rows, columns] = values[keep]
            return matrix

        copies = {
            COPY_COLUMNS[name]: spread(np.array(values, dtype=np.float32), np.nan)
            for name, values in self.copies.items()
        }
        has_copies = {"major", "minor"} <= copies.keys() or "total" in copies
        calls = Calls(
            file=self.display,
            samples=self.samples,
            ids=self.ids,
            chroms=[place[0] for place in self.places],
            positions=np.array([place[1] for place in self.places], dtype=np.int64),
            refs=[place[2] for place in self.places],
            alts=[place[3] for place in self.places],
            lines=np.array(self.lines, dtype=np.int64),
            alt=spread(alt_values, 0),
            depth=spread(depth_values, 0),
            genes=self.genes,
            contexts=self.contexts,
            copy_number=complete_copies(copies, shape) if has_copies else None,
            purity={sample: purity for sample, (purity, _) in self.purity.items()},
            error_rate=spread(np.array(self.errors, dtype=np.float32), np.nan) if "error_rate" in self.table else None,
            clusters=self.clusters if any(self.clusters) else None,
            normals=self._normals(),
            dropped=self.dropped,
        )
        if self.cells.fractions:
            fractions = np.full(shape, np.nan)
            fractions[rows, columns] = np.array(self.cells.fractions)[keep]
            nominal_calls(calls, fractions, calls.depth.copy(), is_presence=False)
        if len(self.censored):
            calls.censored_below = spread(np.array(self.censored, dtype=np.int32), 0)
        unlisted = np.ones(shape, dtype=bool)
        unlisted[rows, columns] = False
        calls.unlisted = unlisted if unlisted.any() else None
        calls.warnings = [*self.warnings, *calls.warnings]
        if self.rule == "vaf":
            calls.warnings.append(
                f"{self.display}: holds VAFs without depths: each stands for {self.nominal_depth} reads "
                "(nominal_depth), so intervals and probabilities depend on that number"
            )
        if self.states is not None:
            calls.copy_number = self.states.arrays(rows, columns, keep, shape)
            calls.warnings.extend(self.states.warnings(self.display))
        set_refused(calls, cells, keep, self.refused)
        calls.unused = list(self.other_samples)
        return calls
