"""The files of one patient read, put together and checked; nothing dropped silently."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from phylometa.config import ObservationSettings, ReadSettings
from phylometa.copy_number.called_events import call_events
from phylometa.errors import InputError, Problem
from phylometa.io.callers import merge_callers, merge_rule
from phylometa.io.calls import Calls, merge_calls
from phylometa.io.cell_copy_number import is_cell_copy_number, read_cell_copy_number
from phylometa.io.cell_matrix import read_cell_matrix
from phylometa.io.clinical import patients_of, read_drivers, read_lesions, read_purity_file, read_treatments
from phylometa.io.counts import read_count_table
from phylometa.io.dpclust import match_rows
from phylometa.io.files import expansion_limit, sha256_of
from phylometa.io.loci_copy_number import LociCopyNumber
from phylometa.io.long_tables import read_long_table
from phylometa.io.nested import drop_nested
from phylometa.io.paired_tables import read_paired_tables
from phylometa.io.segments import join_profiles, read_segments
from phylometa.io.sheet import SampleSheet, SheetRow, split_files
from phylometa.io.sites import settle_kinds, sites_of
from phylometa.io.table_reader import column_names
from phylometa.io.uncalled import settle_uncalled
from phylometa.io.used_mutations import UsedMutations, mutation_table
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest
from phylometa.io.words import counted
from phylometa.model.cell_copy_number import CellCopyNumber
from phylometa.model.cells import CellMatrix
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, Patient, Sample, Site
from phylometa.reference.contigs import genome_of, genome_of_contigs

__all__ = ["READERS", "PatientReader"]

# A biopsy is often taken weeks before the date that counts as that of the diagnosis.
DAYS_BEFORE_DIAGNOSIS = 180

# Reader of each kind of file a sheet can name: (path, requests, settings, display) -> Calls.
READERS: dict[str, Callable[..., Calls]] = {"vcf": read_vcf, "maf": read_long_table, "counts": read_count_table}
# Purities of two sources that differ by more are worth a sentence.
PURITY_TOLERANCE = 0.05


class PatientReader:
    """Files of one patient; problems of all files are raised together."""

    def __init__(
        self,
        sheet: SampleSheet,
        name: str,
        rows: tuple[SheetRow, ...],
        settings: ReadSettings,
        *,
        normals: tuple[SheetRow, ...] = (),
    ) -> None:
        self.sheet = sheet
        self.name = name
        settled, notes = settle_kinds(rows, settings.as_site)
        self.rows = tuple(row for row in settled if "cells" not in row.files)
        self.cell_rows = tuple(row for row in settled if "cells" in row.files)
        self.normal_rows = normals
        self.settings = settings
        self.problems: list[Problem] = []
        self.warnings: list[str] = [*sheet.warnings, *notes]
        self.provenance: list[dict[str, Any]] = []
        self.samples = [row.sample for row in self.rows]
        self.genome = self._stated_genome()
        if not self.rows and not any(self._has_cell_copy_number(row) for row in self.cell_rows):
            raise InputError(
                f"patient {name} has single cells alone, without copy number: use `phylometa cells`, or add a bulk "
                "sample",
                file=sheet.display,
            )

    def _has_cell_copy_number(self, row: SheetRow) -> bool:
        """Whether a row's matrix of single cells is of copy number, which does without reads."""
        return is_cell_copy_number(self.sheet.resolve(row.files["cells"].split(";")[0].strip()))

    def _stated_genome(self) -> str:
        """Species as the sheet's column `genome` tells; '' if it does not, ``other`` if its word is not known."""
        words = dict.fromkeys(row.genome for row in self.rows if row.genome)
        found = {genome_of(word) or "other" for word in words}
        if "other" in found:
            self.warnings.append(
                f"genome {', '.join(words)} is not known (human, mouse, dog, rat): numbered contigs are "
                "taken as they stand"
            )
        if len(found) > 1:
            raise InputError(
                f"patient {self.name} has samples of several genomes: {', '.join(words)}", file=self.sheet.display
            )
        return next(iter(found), "")

    def attempt(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Result of a reader; its problems are kept for later and None is given."""
        try:
            return action(*arguments, **options)
        except InputError as error:
            self.problems.extend(error.problems)
            return None

    def read(
        self,
        *,
        primary: str | None = None,
        treatments: str | Path | None = None,
        lesions: str | Path | None = None,
        genes: str | Path | None = None,
        fasta: str | Path | None = None,
    ) -> Patient:
        """Read every file, then put them together; options as in `read_patient`."""
        with expansion_limit(self.settings.max_expansion), column_names(self.settings.columns) as renamed:
            self._note_file(self.sheet.display, self.sheet.path, "sheet")
            named = self.attempt(sites_of, (*self.rows, *self.cell_rows), primary=primary, source=self.sheet.display)
            sites = named[0] if named else ()
            self.warnings.extend(named[1] if named else ())
            placed = [sample.site for sample in self.samples if not sample.circulates]
            site_names = tuple(dict.fromkeys([*(site.name for site in sites), *placed]))
            self._read_purity_files()
            profile = self._read_segments()
            parts = self._read_mutations()
            cells = self._read_cells()
            given_treatments = self.attempt(read_treatments, treatments, self.name, site_names) if treatments else ()
            given_lesions = self.attempt(read_lesions, lesions, self.name, site_names) if lesions else ()
            drivers = self.attempt(read_drivers, genes) if genes else frozenset()
            for path, kind in ((treatments, "treatments"), (lesions, "lesions"), (genes, "genes")):
                if path and not self.problems:
                    self._note_file(str(path), Path(path), kind)
            if renamed.unused:
                text = f"--columns: no table has a column {', '.join(sorted(renamed.unused))}"
                self.warnings.append(text)
                if self.problems:
                    self.problems.append(Problem(text))
            if self.problems:
                raise InputError(self.problems)
            self._say_what_matches_nothing(treatments, lesions)
            self._say_odd_dates()
            return self.assemble(
                parts,
                profile,
                sites=sites,
                fasta=fasta,
                treatments=given_treatments,
                lesions=given_lesions,
                drivers=drivers,
                cell_matrices=cells,
            )

    def _say_what_matches_nothing(self, *tables: str | Path | None) -> None:
        """Patients of the clinical tables that the sheet does not have: a slip in a name loses their rows."""
        known = set(self.sheet.patients)
        for path in tables:
            strays = [name for name in patients_of(path) if name not in known] if path else []
            if strays:
                more = f" and {len(strays) - 10} more" if len(strays) > 10 else ""
                self.warnings.append(
                    f"{path}: {', '.join(strays[:10])}{more} are no patients of the sheet: their rows are not used"
                )

    def _say_odd_dates(self) -> None:
        """Samples taken long before the diagnosis."""
        for sample in self.samples:
            taken, found = sample.collection_date, sample.diagnosis_date
            if taken and found and (found - taken).days > DAYS_BEFORE_DIAGNOSIS:
                self.warnings.append(
                    f"sample {sample.name}: collected on {taken}, {(found - taken).days / 365.25:.1f} years before the "
                    f"diagnosis on {found}; check both dates"
                )

    def _say_genes_that_match_nothing(self, calls: Calls, drivers: frozenset[str]) -> None:
        genes = {gene for gene in calls.genes if gene}
        if drivers and genes and not drivers & genes:
            self.warnings.append(
                f"none of the {len(drivers)} driver genes is a gene of a mutation (mutations name, for example, "
                f"{', '.join(sorted(genes)[:3])}): are they symbols of the same kind?"
            )
        elif drivers and not genes:
            self.warnings.append("driver genes were given, but no mutation names a gene: annotate the calls first")

    def _note_file(self, name: str, path: Path, reader: str) -> None:
        self.provenance.append({"file": name, "sha256": sha256_of(path), "reader": reader})

    def assemble(
        self,
        parts: Sequence[Calls],
        profile: CopyNumberProfile | None,
        *,
        sites: tuple[Site, ...],
        fasta: str | Path | None = None,
        **given: Any,
    ) -> Patient:
        """The patient from what the files gave; `given`: treatments, lesions, drivers."""
        genome = self._choose_genome(parts, profile)
        calls = merge_calls(parts, [sample.name for sample in self.samples], genome=genome)
        drop_nested(calls, genome)
        settle_uncalled(calls, self.settings.uncalled)
        self._merge_purity(calls)
        segment_files = ", ".join(cell for cell, _ in self._groups("cn_segments"))
        about = (self.name, self.samples, genome, self.settings)
        copy_number = LociCopyNumber(*about, segment_files, self.warnings).at(calls, profile)
        used = UsedMutations(*about, self.warnings, self.provenance)
        copy_number = used.leave_out(calls, copy_number)
        used.check(calls, without_reads=self._without_reads)
        if not calls.n_mutations and not self.cell_rows:
            self._check_events(profile, segment_files)
        self._say_genes_that_match_nothing(calls, given.get("drivers") or frozenset())
        if fasta:
            self._read_contexts(calls, Path(fasta))
        self.warnings.extend(calls.warnings)
        return Patient(
            name=self.name,
            samples=tuple(self.samples),
            sites=sites,
            mutations=mutation_table(calls),
            copy_number=CopyNumberAtLoci(**copy_number),
            segments=profile,
            dropped=calls.dropped.frozen(),
            warnings=tuple(dict.fromkeys(self.warnings)),
            provenance=tuple(self.provenance),
            known_clusters=tuple(calls.clusters) if calls.clusters is not None else None,
            **given,
        )

    def _choose_genome(self, parts: Sequence[Calls], profile: CopyNumberProfile | None) -> str:
        """The stated species, or what the numbers of the contigs tell, or human."""
        contigs = {chrom for part in parts for chrom in part.chroms}
        found = genome_of_contigs(contigs | set(profile.chroms if profile else ()))
        if found and not self.genome:
            self.warnings.append(
                f"contigs are numbered up to 38: taken as the {found} genome; say it in the sheet's column genome"
            )
        self.genome = self.genome or found or "human"
        return self.genome

    def _check_events(self, profile: CopyNumberProfile | None, segment_files: str) -> None:
        """Raise if a patient without mutations has no copy-number event either."""
        sex = next((sample.sex for sample in self.samples if sample.sex), None)
        if profile is None or not call_events(profile, sex=sex, min_length=ObservationSettings().least_event).names:
            raise InputError(
                f"patient {self.name}: no mutations, and no copy-number event that would do in their place",
                file=segment_files,
            )

    @property
    def _without_reads(self) -> frozenset[str]:
        """Samples that name segments alone: their copy-number events stand for mutations."""
        return frozenset(row.sample.name for row in self.rows if "cn_segments" in row.files and not row.source)

    def _groups(self, column: str) -> Iterator[tuple[str, list[int]]]:
        """Files of a column with the rows that name them, normals last; a pair of tables of reads is one."""
        groups: dict[str, list[int]] = {}
        for i, row in enumerate((*self.rows, *self.normal_rows) if column in READERS else self.rows):
            if column in row.files and not (column == "vcf" and row.vcf_merge):
                cell = row.files[column]
                for name in [cell] if column == "counts" else split_files(column, cell):
                    groups.setdefault(name, []).append(i)
        yield from groups.items()

    def _read_callers(self) -> Iterator[tuple[int, Calls]]:
        """Rows whose VCFs are several callers' lists, merged by the sheet's rule."""
        groups: dict[tuple[str, str, str], list[int]] = {}
        for i, row in enumerate(self.rows):
            if row.vcf_merge and "vcf" in row.files:
                groups.setdefault((row.files["vcf"], row.vcf_merge, row.counts_from), []).append(i)
        for (cell, rule, counts_from), indices in groups.items():
            requests = self._requests(indices)
            options = {"settings": self.settings, "keep_rejected": True}
            names = split_files("vcf", cell)
            read = [
                self.attempt(read_vcf, self.sheet.resolve(name), requests, display=name, **options) for name in names
            ]
            if None in read:
                continue
            self.provenance.extend(part.provenance for part in read)
            merged = self.attempt(merge_callers, read, merge_rule(rule), counts_from=counts_from)
            if merged is not None:
                yield indices[0], merged

    def _requests(self, indices: Sequence[int]) -> list[SampleRequest]:
        """What a file is asked for, by rows of the sheet."""
        rows = [(*self.rows, *self.normal_rows)[i] for i in indices]
        return [
            SampleRequest(
                row.sample.name,
                row.names,
                bool(row.vcf_sample) and row.source == "vcf",
                row.normal_sample,
                self.samples[i].purity if i < len(self.rows) else math.nan,
                self.genome,
                is_normal=i >= len(self.rows),
            )
            for i, row in zip(indices, rows)
        ]

    def _read_mutations(self) -> list[Calls]:
        parts: list[tuple[int, Calls]] = []
        n_files = sum(1 for kind in READERS for _, indices in self._groups(kind) if indices[0] < len(self.rows))
        parts.extend(self._read_callers())
        for kind in READERS:
            for cell, indices in self._groups(kind):
                calls = self._read_file(kind, cell, indices, keep_rejected=n_files > 1)
                if calls is not None:
                    parts.append((indices[0], calls))
        parts.sort(key=lambda part: part[0])
        if {"vcf", "maf"} <= {row.source for row in self.rows}:
            self.warnings.append(
                "VCF and MAF write insertions and deletions differently: the same one may count as two"
            )
        known = {row.sample.name for row in self.sheet.rows} | {row.vcf_sample for row in self.sheet.rows}
        for _, calls in parts:
            self.provenance.append(calls.provenance)
            stray = [name for name in calls.unused if name not in known]
            if stray:
                more = f" and {len(stray) - 20} more" if len(stray) > 20 else ""
                names = ", ".join(stray[:20]) + more
                self.warnings.append(f"{calls.file}: {names} are in no row of the sheet and were left out")
        return self.attempt(match_rows, [calls for _, calls in parts]) or []

    def _read_file(self, kind: str, cell: str, indices: Sequence[int], *, keep_rejected: bool) -> Calls | None:
        """The mutations of one file; None if it cannot be read. What hinders the reading of a normal is a warning."""
        requests = self._requests(indices)
        tumours = [request for request in requests if not request.is_normal]
        if kind == "vcf" and not tumours:
            names = ", ".join(request.sample for request in requests)
            self.warnings.append(
                f"{cell}: not read, since no tumour sample names it; reads of the normal {names} are taken from a "
                "table of counts, or from the VCF of the tumour"
            )
            return None
        calls: Calls | None = None
        if kind != "vcf" and len(tumours) < len(requests):
            try:
                calls = self._parse(kind, cell, requests, keep_rejected=keep_rejected)
                calls.part_normals([request.sample for request in requests if request.is_normal])
                return calls
            except InputError as error:
                without_normals = f"the reads of a normal are not used: {error.problems[0]}"
                requests = tumours
        else:
            without_normals = ""
        if tumours:
            calls = self.attempt(self._parse, kind, cell, requests, keep_rejected=keep_rejected)
        if without_normals and (calls is not None or not tumours):
            self.warnings.append(without_normals)
        return calls

    def _parse(self, kind: str, cell: str, requests: Sequence[SampleRequest], *, keep_rejected: bool) -> Calls:
        pair = split_files(kind, cell) if kind == "counts" else []
        if len(pair) == 2:
            return read_paired_tables([self.sheet.resolve(name) for name in pair], requests, displays=pair)
        options = {"keep_rejected": keep_rejected} if kind == "vcf" else {}
        return READERS[kind](self.sheet.resolve(cell), requests, settings=self.settings, display=cell, **options)

    def _read_segments(self) -> CopyNumberProfile | None:
        profiles = []
        for cell, indices in self._groups("cn_segments"):
            requests = [request._replace(is_explicit=False) for request in self._requests(indices)]
            caller = self.rows[indices[0]].cn_caller
            segments = self.attempt(read_segments, self.sheet.resolve(cell), requests, caller=caller, display=cell)
            if segments is not None:
                profiles.append(segments.profile)
                self.warnings.extend(segments.warnings)
                self.provenance.append(segments.provenance)
        return join_profiles(profiles, [sample.name for sample in self.samples])

    def _read_cells(self) -> tuple[tuple[Sample, CellMatrix | CellCopyNumber], ...]:
        """Matrices of single cells, of mutations or copy number; a cell ``a;b`` names alternate reads and depths."""
        found = []
        for row in self.cell_rows:
            first, *rest = [name.strip() for name in row.files["cells"].split(";")]
            depth = self.sheet.resolve(rest[0]) if rest else None
            path = self.sheet.resolve(first)
            if depth is None and is_cell_copy_number(path):
                matrix = self.attempt(read_cell_copy_number, path, display=first)
            else:
                matrix = self.attempt(read_cell_matrix, path, depth=depth)
            if matrix is not None:
                found.append((row.sample, matrix))
                for name in (first, *rest[:1]):
                    self._note_file(name, self.sheet.resolve(name), "cells")
        return tuple(found)

    def _read_purity_files(self) -> None:
        for cell, indices in self._groups("purity_file"):
            path = self.sheet.resolve(cell)
            estimate = self.attempt(read_purity_file, path, display=cell)
            if estimate is None:
                continue
            self.provenance.append({"file": cell, "sha256": sha256_of(path), "reader": "purity"})
            for i in indices:
                sample = self.samples[i]
                self._say_if_different(sample, estimate.purity, cell)
                self.samples[i] = dataclasses.replace(
                    sample,
                    purity=estimate.purity if math.isnan(sample.purity) else sample.purity,
                    ploidy=estimate.ploidy if math.isnan(sample.ploidy) else sample.ploidy,
                    sex=sample.sex or estimate.sex,
                )

    def _say_if_different(self, sample: Sample, purity: float, source: str) -> None:
        if abs(purity - sample.purity) > PURITY_TOLERANCE:
            self.warnings.append(
                f"sample {sample.name}: purity {sample.purity:g} of the sheet is used, {source} says {purity:g}"
            )

    def _merge_purity(self, calls: Calls) -> None:
        """Purity of a counts table if the sheet has none; 1 if reads only stand for cancer cell fractions."""
        for i, sample in enumerate(self.samples):
            if sample.name in calls.nominal:
                self.samples[i] = dataclasses.replace(sample, purity=1.0, purity_is_estimated=False, purity_sd=0.0)
                continue
            purity = calls.purity.get(sample.name, math.nan)
            self._say_if_different(sample, purity, calls.file)
            if math.isnan(sample.purity) and not math.isnan(purity):
                self.samples[i] = dataclasses.replace(sample, purity=purity)
        missing = (sample.name for sample in self.samples if math.isnan(sample.purity))
        without = [name for name in missing if name not in self._without_reads]
        if without:
            self.warnings.append(f"no purity for {', '.join(without)}: it is estimated from the reads")

    def _read_contexts(self, calls: Calls, fasta: Path) -> None:
        from phylometa.io.reference import trinucleotide_contexts

        contexts, n_mismatched = trinucleotide_contexts(fasta, calls.chroms, calls.positions, calls.refs, calls.alts)
        calls.contexts = list(contexts)
        self.provenance.append({"file": str(fasta), "reader": "fasta"})
        if n_mismatched:
            self.warnings.append(
                f"{fasta}: the reference base differs at {counted(n_mismatched, 'mutation')}; is it the genome of "
                "the calls?"
            )
