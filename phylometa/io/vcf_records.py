"""Records of a VCF to columns: counts by the rules of their FORMAT, alleles, filters, genes."""

from __future__ import annotations

import re
import statistics
from array import array
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from sys import intern

import numpy as np

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.alleles import shortest_alleles
from phylometa.io.calls import Calls, DropLog, unify_contigs
from phylometa.io.count_rules import CellError, CountRule, Reads, info_reads, rules_for
from phylometa.io.files import parse_number
from phylometa.io.problems import ProblemList
from phylometa.io.structural import (
    Junctions,
    info_values,
    is_read_as_structural,
    junction_reads,
    structural_allele,
)
from phylometa.io.vcf_header import SampleRequest, VcfHeader
from phylometa.io.words import counted

__all__ = ["RecordReader"]

PLAIN = frozenset("ACGT")
BASES = re.compile(r"[ACGT]+")
MUSE_FILTERS = frozenset(("Tier1", "Tier2", "Tier3", "Tier4", "Tier5"))
# Callers whose records are filtered by a step of its own.
FILTERING_CALLERS = {
    "Mutect2": "FilterMutectCalls",
    "MuTect": "its filters (the version that writes PASS and REJECT)",
    "VarScan": "somaticFilter",
    "FreeBayes": "a somatic filter",
    "Octopus": "its random forest or threshold filter",
    "LoFreq": "lofreq filter",
}
# Cells whose counts are held against the caller's own allele frequency.
MAX_CHECKED_CELLS = 2000
# Different spellings of a cell kept in memory; one patient's AD values repeat.
MAX_CACHED_CELLS = 200000
# Longer than any contig; keys of the look-up of segments hold positions below it.
MAX_POSITION = 1 << 32


class _Plan:
    """How records of one FORMAT are read."""

    def __init__(self, text: str) -> None:
        self.keys = text.split(":")
        self.rules: tuple[CountRule, ...] = rules_for(self.keys)
        self.ad_index = self.keys.index("AD") if [rule.name for rule in self.rules[:1]] == ["AD"] else -1
        self.cache: dict[str, int] = {}
        self.af_key = next((key for key in ("AF", "FA", "FREQ") if key in self.keys), "")


class RecordReader:
    """Columns of the result, filled record by record."""

    def __init__(
        self,
        header: VcfHeader,
        requests: Sequence[SampleRequest],
        columns: list[int],
        settings: ReadSettings,
        display: str,
        keep_rejected: bool,
        *,
        normals: Mapping[str, int],
    ) -> None:
        self.keep_rejected = keep_rejected
        self.genome = next((request.genome for request in requests if request.genome), "")
        self.header = header
        self.n_tumours = len(requests)
        self.normals = list(normals)
        self.samples = [*(request.sample for request in requests), *normals]
        self.columns = [*columns, *(9 + i for i in normals.values())]
        self.display = display
        self.problems = ProblemList(display)
        self.dropped = DropLog(display)
        self.accepted = frozenset(settings.accepted_filters)
        if settings.caller_filters and "Tier1" in header.filters:
            self.accepted |= MUSE_FILTERS
        self.ids: list[str] = []
        self.chroms: list[str] = []
        self.refs: list[str] = []
        self.alts: list[str] = []
        self.genes: list[str] = []
        self.positions = array("q")
        self.lines = array("q")
        self.cells = array("q")  # alternate reads in the upper half, depth in the lower
        self.rejected: dict[int, str] = {}
        self.junctions = Junctions()
        self.plans: dict[str, _Plan] = {}
        self.rule_cells: dict[str, int] = {}
        self.alike: dict[str, tuple[int, int, dict[str, int]]] = {}  # FORMAT to the place of AD and the cells seen
        self.passed: set[str] = set()
        self.comments: list[int] = []
        self.n_records = 0
        self.n_tried = 0
        self.n_refused = 0
        self.n_unread = 0  # cells of normals
        self.differences: list[float] = []

    def read(self, lines: Iterator[str]) -> None:
        """Every record. Written out for the common one: a substitution with counts in AD that were seen before."""
        n_fields = len(self.header.columns) + 9 if self.header.columns else 8
        number = self.header.n_lines
        columns, alike, passed = self.columns, self.alike, self.passed
        ids, chroms, refs, alts, genes = self.ids, self.chroms, self.refs, self.alts, self.genes
        add_cells, add_position, add_line = self.cells.extend, self.positions.append, self.lines.append
        has_genes = bool(self.header.gene_fields)
        # a slice gives a list for one column too, whereas itemgetter of one column would give the cell itself
        pick = (
            itemgetter(*columns)
            if len(columns) > 1
            else itemgetter(slice(columns[0], columns[0] + 1) if columns else 0)
        )
        n_fast, last = 0, ""
        for line in lines:
            number += 1
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) == n_fields > 8:
                chrom, position, _, ref, alt, _, word, info, keys = fields[:9]
                if keys in alike and word in passed and ref in PLAIN and alt in PLAIN and ref != alt:
                    at, after, cache = alike[keys]
                    try:
                        add_cells([cache[cell.split(":", after)[at]] for cell in pick(fields)])
                    except (KeyError, IndexError):
                        pass  # a cell not seen before, or cut short
                    else:
                        if chrom != last:
                            last = intern(chrom)
                        place = int(position) if position.isdigit() and position.isascii() and chrom else 0
                        if 0 < place < MAX_POSITION:
                            n_fast += 1
                            ids.append(f"{chrom}:{position}:{ref}:{alt}")
                            chroms.append(last)
                            refs.append(ref)
                            alts.append(alt)
                            add_position(place - 1)
                            add_line(number)
                            if has_genes:
                                genes.append(intern(self._gene(info)))
                            continue
                        del self.cells[-len(columns) :]
            self._read_record(fields, n_fields, number)
        self.n_records += n_fast
        self.rule_cells["AD"] = self.rule_cells.get("AD", 0) + n_fast * self.n_tumours
        self.problems.check()

    def _read_record(self, fields: list[str], n_fields: int, number: int) -> None:
        """Any record, by the rules of its FORMAT; what it teaches is remembered for the fast way."""
        if len(fields) != n_fields or self.header.is_quoted:
            fields = self._mend(fields, n_fields, number)
            if not fields:
                return
        chrom, position, _, ref, alt, _, word, info = fields[:8]
        if chrom.startswith("#"):
            self._pass_over(chrom, number)
            return
        self.n_records += 1
        if not self._is_place(chrom, position, number):
            return
        ref, alt = ref.upper(), alt.upper()
        choices = alt.split(",")
        reason = self._filter_reason(word)
        self.n_refused += bool(reason)
        if reason and not self.keep_rejected:
            self._drop(fields, choices, reason, number)
            return
        self.n_tried += 1
        plan = None
        reads: list[Reads | None]
        if n_fields > 8:
            plan = self.plans.get(fields[8])
            if plan is None:
                plan = self.plans[fields[8]] = _Plan(fields[8])
            if len(choices) == 1 and is_read_as_structural(alt, plan.keys, bool(plan.rules)):
                self._read_structural(plan, fields, reason, number)
                return
            if not plan.rules:
                in_info = self._info_reads(info, choices, number) if self.n_tumours == 1 else None
                if in_info is None:
                    self._drop(fields, choices, f"no read counts in FORMAT {fields[8]}", number)
                    return
                reads = [in_info, *[None] * len(self.normals)]
            else:
                reads = [self._cell(plan, fields[column], ref, choices, number, column) for column in self.columns]
            if plan.ad_index >= 0 and len(choices) == 1:
                self._remember(plan, fields, reads)
        else:
            reads = [self._info_reads(info, choices, number)]
        if not reason:
            self.passed.add(word)
        self._add_alleles(plan, fields, reads, reason, number)

    def _add_alleles(
        self, plan: _Plan | None, fields: list[str], reads: list[Reads | None], reason: str, number: int
    ) -> None:
        """Add a row for every alternate allele of a record of small variants."""
        chrom, position, ref, choices = fields[0], fields[1], fields[3].upper(), fields[4].upper().split(",")
        for k, choice in enumerate(choices):
            name = f"{chrom}:{position}:{ref}:{choice}"
            fault = _allele_fault(ref, choice)
            if fault:
                self.dropped.add(name, fault, number)
                continue
            start, short, changed = shortest_alleles(int(position) - 1, ref, choice)
            if short != ref:
                name = f"{chrom}:{start + 1}:{short}:{changed}"
            pairs = [cell[k] if cell else (0, 0) for cell in reads]
            if reason:
                self.rejected[len(self.ids)] = reason
            elif len(choices) == 1:
                self._check_frequency(plan, fields, pairs)
            self._add_row(name, (chrom, start, short, changed), fields[7], number, pairs)

    def _add_row(
        self, name: str, allele: tuple[str, int, str, str], info: str, number: int, pairs: list[tuple[int, int]]
    ) -> None:
        """Add one mutation, its allele as (chrom, 0-based position, ref, alt), with its reads in every sample."""
        chrom, start, ref, alt = allele
        self.ids.append(name)
        self.chroms.append(intern(chrom))
        self.positions.append(start)
        self.refs.append(intern(ref))
        self.alts.append(intern(alt))
        self.lines.append(number)
        if self.header.gene_fields:
            self.genes.append(intern(self._gene(info)))
        self.cells.extend([alt_count << 32 | depth for alt_count, depth in pairs])

    def _read_structural(self, plan: _Plan, fields: list[str], reason: str, number: int) -> None:
        """A junction: its reads by the caller's dialect, or by the rules for small variants; its mate is dropped."""
        chrom, position, record, ref, alt = fields[:5]
        info = info_values(fields[7])
        mate = self.junctions.mate_of(record, chrom, int(position), alt, info)
        if mate:
            self._drop(fields, [alt], f"mate of the breakend at {mate}", number)
            return
        allele = structural_allele(chrom, int(position), alt, info)
        cells = []
        for column in self.columns:
            values = dict(zip(plan.keys, fields[column].rstrip(" ").split(":")))
            try:
                found = junction_reads(values, info)
            except CellError as error:
                self._add_problem(error, fields[column], number, column)
                cells.append((0, 0))
                continue
            if found is None:
                small = self._cell(plan, fields[column], ref, [alt], number, column) if plan.rules else None
                cells.append(small[0] if small else (0, 0))
                continue
            self._count_rule(found[0], column)
            cells.append(found[1])
        if not any(depth for _, depth in cells[: self.n_tumours]):
            self._drop(fields, [alt], f"no read counts in FORMAT {fields[8]}", number)
            return
        if reason:
            self.rejected[len(self.ids)] = reason
        else:
            self.passed.add(fields[6])
        ref = ref.upper()
        place = (chrom, int(position) - 1, ref, allele)
        self._add_row(f"{chrom}:{position}:{ref}:{allele}", place, fields[7], number, cells)

    def _name_of(self, column: int) -> str:
        return self.header.columns[column - 9]

    def _remember(self, plan: _Plan, fields: list[str], reads: Sequence[Reads | None]) -> None:
        """Keep what AD alone decided, for cells spelled alike; once enough frequencies were checked, the FORMAT too."""
        for column, found in zip(self.columns, reads):
            texts = fields[column].split(":", plan.ad_index + 1)
            text = texts[plan.ad_index] if len(texts) > plan.ad_index else "."
            if len(plan.cache) < MAX_CACHED_CELLS:
                if found and "," in text and "." not in text:
                    plan.cache[text] = found[0][0] << 32 | found[0][1]
                elif text == "." and len(plan.rules) == 1:
                    plan.cache[text] = 0
        if not plan.af_key or len(self.differences) >= MAX_CHECKED_CELLS:
            self.alike[fields[8]] = (plan.ad_index, plan.ad_index + 1, plan.cache)

    def _mend(self, fields: list[str], n_fields: int, number: int) -> list[str]:
        """Fields of a line that is not as wide as the header: blank lines, trailing tabs, lines in quotes."""
        if fields[0].startswith('"') and self.header.is_quoted:
            fields = "\t".join(fields).strip('"').replace('""', '"').split("\t")
        while len(fields) > n_fields and not fields[-1].strip():
            fields.pop()
        if len(fields) == n_fields:
            return fields
        if fields[0].startswith("#"):
            self._pass_over(fields[0], number)
        elif any(field.strip() for field in fields):
            self.problems.add(f"has {len(fields)} fields, the header {n_fields}", row=number)
        return []

    def _pass_over(self, first: str, number: int) -> None:
        """A line after the header that begins with #: a comment, unless it begins the records of another file."""
        if first == "#CHROM":
            self.problems.add(
                "a second header: two VCFs one after the other; give them as two files, or join them with bcftools",
                row=number,
            )
        else:
            self.comments.append(number)

    def _is_place(self, chrom: str, position: str, number: int) -> bool:
        if (
            chrom
            and position.isascii()
            and position.isdigit()
            and len(position) < 12
            and 0 < int(position) < MAX_POSITION
        ):
            return True
        if not chrom:
            self.problems.add("is empty", row=number, column="CHROM")
        else:
            self.problems.add(f"{position!r} is not a position (1 or more)", row=number, column="POS")
        return False

    def _cell(self, plan: _Plan, cell: str, ref: str, alts: Sequence[str], number: int, column: int) -> Reads | None:
        """Reads of every alternate allele by the first rule that finds its fields in the cell."""
        texts = cell.rstrip(" ").split(":")
        if len(texts) < len(plan.keys):
            texts += ["."] * (len(plan.keys) - len(texts))
        values = dict(zip(plan.keys, texts))
        try:
            for rule in plan.rules:
                reads = rule.read(values, ref, alts, self.header.ad_number)
                if reads is not None:
                    self._count_rule(rule.name, column)
                    return reads
        except CellError as error:
            self._add_problem(error, cell, number, column)
        return None

    def _is_normal(self, column: int) -> bool:
        return column in self.columns[self.n_tumours :]

    def _count_rule(self, name: str, column: int) -> None:
        """Count a cell that was read by a rule; those of normals prove nothing of the file."""
        if not self._is_normal(column):
            self.rule_cells[name] = self.rule_cells.get(name, 0) + 1

    def _add_problem(self, error: CellError, cell: str, number: int, column: int) -> None:
        """Refuse a cell of a tumour; one of a normal, which the analysis can do without, counts as unobserved."""
        if self._is_normal(column):
            self.n_unread += 1
        else:
            self.problems.add(f"{error} (cell {cell[:60]!r})", row=number, column=self._name_of(column))

    def _info_reads(self, info: str, alts: Sequence[str], number: int) -> Reads | None:
        try:
            found = info_reads(info, alts)
        except CellError as error:
            self.problems.add(str(error), row=number, column="INFO")
            return None
        if found is None:
            return None
        rule, reads = found
        self.rule_cells[rule] = self.rule_cells.get(rule, 0) + 1
        return reads

    def _filter_reason(self, text: str) -> str:
        """Why a FILTER value is not accepted; '' if it is."""
        refused = [word for word in (text or ".").split(";") if word not in self.accepted]
        return f"FILTER {';'.join(refused)}" if refused else ""

    def _drop(self, fields: list[str], choices: Sequence[str], reason: str, number: int) -> None:
        for choice in choices:
            self.dropped.add(f"{fields[0]}:{fields[1]}:{fields[3]}:{choice}", reason, number)

    def _gene(self, info: str) -> str:
        for item in info.split(";"):
            key, _, value = item.partition("=")
            for name, position in self.header.gene_fields:
                if key == name:
                    if position < 0:
                        return value.split(",")[0] if value != "." else ""
                    parts = value.split(",", 1)[0].strip("[]").split("|")
                    return parts[position] if position < len(parts) else ""
        return ""

    def _check_frequency(self, plan: _Plan | None, fields: list[str], reads: Sequence[tuple[int, int]]) -> None:
        """Compare counts with the caller's own allele frequency, which never replaces them."""
        if len(self.differences) >= MAX_CHECKED_CELLS:
            return
        if plan is None:
            texts = [item[3:] for item in fields[7].split(";") if item.startswith("AF=")]
        elif plan.af_key:
            at = plan.keys.index(plan.af_key)
            cells = [fields[column].split(":") for column in self.columns[: self.n_tumours]]
            texts = [cell[at] if at < len(cell) else "." for cell in cells]
        else:
            return
        for text, (alt_count, depth) in zip(texts, reads):
            frequency = parse_number(text.rstrip("%"))
            if frequency is not None and depth:
                self.differences.append(abs((frequency / 100 if text.endswith("%") else frequency) - alt_count / depth))

    def calls(self) -> Calls:
        """Everything read, as arrays; rows listed twice are left out."""
        n_samples = len(self.samples)
        if self.n_records == 0:
            raise InputError(
                "holds no records: no variants left; if nothing was called in the sample, write yes in its column "
                "exclude of the sheet",
                file=self.display,
            )
        self._check_has_counts()
        shape = (len(self.ids), n_samples)
        cells = np.frombuffer(self.cells, dtype=np.int64).reshape(shape) if self.ids else np.zeros(shape, np.int64)
        calls = Calls(
            file=self.display,
            samples=self.samples,
            ids=self.ids,
            chroms=self.chroms,
            positions=np.frombuffer(self.positions, dtype=np.int64) if self.ids else np.zeros(0, np.int64),
            refs=self.refs,
            alts=self.alts,
            lines=np.frombuffer(self.lines, dtype=np.int64) if self.ids else np.zeros(0, np.int64),
            alt=(cells >> 32).astype(np.int32),
            depth=(cells & 0xFFFFFFFF).astype(np.int32),
            genes=self.genes,
            rejected=self.rejected,
            dropped=self.dropped,
            warnings=list(self.header.warnings),
        )
        unify_contigs(calls, self.genome)
        _drop_repeated(calls)
        if self.comments:
            calls.warnings.append(
                f"{self.display}: {counted(len(self.comments), 'line')} after the header (from row "
                f"{self.comments[0]}) begin with # and are passed over as comments"
            )
        tool = self._missing_filter()
        if tool:
            calls.warnings.append(
                f"{self.display}: no record has passed or failed a filter (every FILTER is '.'), so artefacts are "
                f"among the calls of {self.header.caller}: run {tool} first"
            )
        if self.header.is_merged and (calls.depth == 0).any():
            calls.unlisted = calls.depth == 0
        calls.part_normals(self.normals)
        if self.n_unread:
            calls.warnings.append(
                f"{self.display}: {counted(self.n_unread, 'cell')} of the matched normal cannot be read and "
                f"{'counts' if self.n_unread == 1 else 'count'} as unobserved"
            )
        return calls

    def _missing_filter(self) -> str:
        """The step that filters the records of this caller, if no record has been through it; else ''."""
        if self.passed == {"."} and not self.n_refused:
            return FILTERING_CALLERS.get(self.header.caller, "")
        return ""

    def _check_has_counts(self) -> None:
        """Raise `InputError` if none of a file's records could be counted, unless its filters left nothing to count."""
        if not self.n_tried or any(self.rule_cells.values()):
            return
        formats = ", ".join(list(self.plans)[:3]) or "no FORMAT column"
        raise InputError(
            f"holds no allele depths ({formats}): reads of the reference and the alternate allele are needed, as AD, "
            "RO/AO, NR/NV, RD/AD, DP4, Strelka's fields, or the counts of a caller of structural variants",
            file=self.display,
        )

    def summary(self) -> dict[str, object]:
        """Records, rules and the agreement with the caller's own allele frequency, for the provenance."""
        return {
            "records": self.n_records,
            "missing_filter": self._missing_filter(),
            "rules": dict(sorted((name, n) for name, n in self.rule_cells.items() if n)),
            "af_cells": len(self.differences),
            "af_median_difference": round(statistics.median(self.differences), 6) if self.differences else None,
        }


def _allele_fault(ref: str, alt: str) -> str:
    """Why a pair of alleles is no small variant; '' if it is one (MNPs and indels are)."""
    if alt in (".", "", "<NON_REF>", "<*>"):
        return "no alternate allele"
    if alt == "*":
        return "allele * (spanning deletion)"
    if alt.startswith("<"):
        return f"symbolic allele {alt}"
    if "[" in alt or "]" in alt or alt.startswith(".") or alt.endswith("."):
        return "breakend"
    if not BASES.fullmatch(ref.replace("N", "A")) or not BASES.fullmatch(alt):
        return "alleles are not bases"
    return "reference and alternate allele are the same" if ref == alt else ""


def _is_sorted(calls: Calls) -> bool:
    """Whether places rise strictly along every contig, each contig in one piece: then no id can be there twice."""
    turns = np.flatnonzero(np.diff(calls.positions) <= 0) + 1
    chroms = [calls.chroms[at] for at in turns]
    if any(calls.chroms[at - 1] == chrom for at, chrom in zip(turns, chroms)):
        return False
    return len(set(calls.chroms)) == len({*chroms, *calls.chroms[:1]}) == len(turns) + 1


def _drop_repeated(calls: Calls) -> None:
    """Of rows with one id one stays: an accepted before a rejected one, then that with more reads, then the first.

    Samples in which it is unobserved get the reads of the others (an indel that each sample's record spells its way).
    """
    if _is_sorted(calls) or len(set(calls.ids)) == calls.n_mutations:
        return
    best: dict[str, int] = {}
    depth = calls.depth.sum(axis=1)
    for row, name in enumerate(calls.ids):
        known = best.setdefault(name, row)
        if (row in calls.rejected, -depth[row]) < (known in calls.rejected, -depth[known]):
            best[name] = row
    keep = np.zeros(calls.n_mutations, dtype=bool)
    keep[list(best.values())] = True
    kept = [best[name] for name in calls.ids]
    for row in np.flatnonzero(~keep).tolist():
        is_new = (calls.depth[kept[row]] == 0) & (calls.depth[row] > 0)
        calls.alt[kept[row], is_new] = calls.alt[row, is_new]
        calls.depth[kept[row], is_new] = calls.depth[row, is_new]
    is_other = (calls.alt != calls.alt[kept]) | (calls.depth != calls.depth[kept])
    differs = (is_other & (calls.depth > 0)).any(axis=1)
    if n := int(differs.sum()):
        calls.warnings.append(
            f"{calls.file}: {counted(n, 'record')} {'is' if n == 1 else 'are'} listed twice with different counts: the "
            "record with more reads is read; are calls of two callers in one file?"
        )
    rejected, lines = calls.rejected, calls.lines[kept]
    calls.keep(
        keep,
        lambda row: f"listed twice{', with other counts' if differs[row] else ''} (line {lines[row]})",
    )
    index = np.flatnonzero(keep)
    calls.rejected = {new: rejected[old] for new, old in enumerate(index.tolist()) if old in rejected}
