"""A sample sheet guessed from the files themselves: what each holds, which patient, sample and site it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phylometa.errors import InputError, Problem
from phylometa.io.cell_copy_number import is_cell_copy_number
from phylometa.io.sheet import is_name
from phylometa.io.sheet_files import FoundFile, files_of, look_at_file, pair_matrices
from phylometa.io.sheet_names import (
    NOISE,
    TCGA_CODES,
    cell_sample_of_file,
    is_word_of_cells,
    lesion_of,
    name_parts,
    organ_of,
    sample_of_file,
    type_of,
)
from phylometa.reference.site_words import PLAIN_WORDS, plain_word

__all__ = ["COLUMNS", "GuessedRow", "guess_sheet"]

COLUMNS = (
    *("patient", "sample", "site", "site_type", "vcf", "vcf_merge", "maf", "counts", "vcf_sample", "normal_sample"),
    *("cn_segments", "purity_file", "purity", "sex", "kind", "cells"),
)
# No patient has bulk samples of as many names that no file of reads has; single cells have.
LEAST_CELLS = 10
# Share of the smaller of two tables' mutations that two patients may have in common.
SHARED_BY_CHANCE = 0.05


@dataclass
class GuessedRow:
    """One row of the sheet; cells not known are empty."""

    patient: str
    sample: str
    site: str = ""
    site_type: str = ""
    files: dict[str, list[str]] = field(default_factory=dict)
    vcf_sample: str = ""
    normal_sample: str = ""
    callers: list[str] = field(default_factory=list)
    purity: str = ""
    kind: str = ""

    @property
    def is_of_several_callers(self) -> bool:
        """Whether all VCFs name their caller, and not the same: callers of junctions, beside others, are not named."""
        return len(set(self.callers)) > 1 and "" not in self.callers

    def cells(self) -> list[str]:
        """Text by `COLUMNS`."""
        named = {name: ";".join(values) for name, values in self.files.items()}
        named |= {name: getattr(self, name) for name in ("patient", "sample", "site", "site_type", "purity", "kind")}
        named |= {"vcf_sample": self.vcf_sample, "normal_sample": self.normal_sample}
        named["vcf_merge"] = "union" if self.is_of_several_callers else ""
        return [named.get(name, "") for name in COLUMNS]


def guess_sheet(paths: Sequence[str | Path], folder: Path) -> tuple[list[GuessedRow], list[str]]:
    """Guess the rows of a sheet over the files; return them with what was guessed.

    Parameters
    ----------
    paths : files, or directories whose files are all looked at
        VCF and BCF, MAF, tables of reads, segments, purity files, copy number of single cells.
    folder : directory of the sheet, to which its paths are relative

    Returns
    -------
    rows : list of GuessedRow
        One per tumour sample, in the order of the files, then one per table of single cells; site and type if the
        sample's name tells them.
    notes : list of str
        What to look at before a run, and files that are none of these kinds.

    Raises
    ------
    InputError
        None of the files holds mutations, or copy number of single cells.
    """
    found: list[FoundFile] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for path in files_of(paths):
        try:
            found.append(look_at_file(path))
        except InputError as error:
            problems.extend(error.problems[:1])
    notes.extend(f"not used: {problem}" for problem in problems)
    found, unpaired = pair_matrices(found)
    notes.extend(unpaired)
    rows, more = _rows_of_reads([entry for entry in found if entry.kind in ("vcf", "maf", "counts")], folder)
    notes.extend(more)
    bulk_segments: list[FoundFile] = []
    cell_tables = [entry for entry in found if entry.kind == "cells"]
    for entry in (entry for entry in found if entry.kind == "cn_segments"):
        (cell_tables if _is_of_cells(entry, rows) else bulk_segments).append(entry)
    if not rows and not cell_tables:
        raise InputError(problems or "no file that holds mutations was given")
    numbers = {number: sample for entry in found for number, sample in entry.numbers.items()}
    for entry in (*bulk_segments, *(entry for entry in found if entry.kind == "purity_file")):
        notes.extend(_attach(entry, rows, folder))
    for entry in (entry for entry in found if entry.kind == "purities"):
        notes.extend(_state_purities(entry, rows, numbers))
    _guess_patients(rows)
    for column, what in (("cn_segments", "segments"), ("purity_file", "purity")):
        without = [
            row.sample for row in rows if column not in row.files and (column != "purity_file" or not row.purity)
        ]
        if without and len(without) < len(rows):
            notes.append(f"no {what} found for {', '.join(without)}")
    rows = [*rows, *_rows_of_cells(cell_tables, rows, folder)]
    if cell_tables:
        listed = ", ".join(str(entry.paths[0]) for entry in cell_tables)
        notes.append(f"taken as copy number of single cells, a sample of kind cell each: {listed}")
    if len(named := dict.fromkeys(row.patient for row in rows)) > 1:
        notes.append(f"patients {', '.join(named)} are read in the files or names")
    notes.extend(_guess_sites(rows))
    return rows, notes


def _is_of_cells(entry: FoundFile, rows: list[GuessedRow]) -> bool:
    """Whether segments whose samples are named are of single cells: many names, and none is that of a sample."""
    if len(entry.samples) < LEAST_CELLS or any(_row_of(name, rows) for name in entry.samples):
        return False
    return is_cell_copy_number(entry.paths[0])


def _rows_of_cells(found: Sequence[FoundFile], bulk: list[GuessedRow], folder: Path) -> list[GuessedRow]:
    """A row for every table of single cells, of a patient of the bulk samples if there is one that may be its own."""
    rows: list[GuessedRow] = []
    taken = {row.sample for row in bulk}
    for entry in found:
        name = sample = cell_sample_of_file(entry.paths[0])
        number = 1
        while sample in taken:
            sample = f"{name}_sc" if number == 1 else f"{name}_sc{number}"
            number += 1
        taken.add(sample)
        rows.append(GuessedRow("", sample, kind="cell", files={"cells": [_relative(entry.paths[0], folder)]}))
    patients = list(dict.fromkeys(row.patient for row in bulk))
    for row in rows:
        own = [name for name in patients if re.match(rf"{re.escape(name)}(?![A-Za-z0-9])", row.sample)]
        row.patient = max(own, key=len) if own else patients[0] if len(patients) == 1 else ""
    _guess_patients(rows)
    return rows


def _rows_of_reads(found: Sequence[FoundFile], folder: Path) -> tuple[list[GuessedRow], list[str]]:
    """A row for every tumour sample of every file; files of one sample share its row. And what is not used."""
    rows: dict[tuple[str, str], GuessedRow] = {}
    patients, notes = _patients_of_tables(found)
    for entry, of_table in zip(found, patients):
        for name in entry.samples:
            is_generic = len(entry.samples) == 1 and plain_word(name) in ("tumor", "tumour", "", "sample", "1")
            sample = sample_of_file(entry.paths[0]) if is_generic else name
            sample = re.sub(r"[/\\\x00-\x1f\x7f]", "_", sample).lstrip(".") or "sample"
            row = rows.setdefault((of_table, sample), GuessedRow(of_table, sample))
            cell = ";".join(_relative(path, folder) for path in entry.paths)
            if entry.kind in row.files and entry.kind != "vcf":
                used = row.files[entry.kind][0]
                notes.append(
                    f"{cell}: reads of {sample} are read in {used}, not here: one {entry.kind} file a sample; if it is "
                    "of another patient, make a sheet of each file"
                )
                continue
            row.files.setdefault(entry.kind, []).append(cell)
            row.patient = row.patient or entry.patients.get(name, "")
            row.normal_sample = row.normal_sample or entry.normal
            row.callers += [entry.caller] * (entry.kind == "vcf")
            if not is_generic and sample != name:
                row.vcf_sample = name
    for row in rows.values():  # one kind of reads per row: the most direct
        kinds = [kind for kind in ("vcf", "maf", "counts") if kind in row.files]
        for kind in kinds[1:]:
            del row.files[kind]
        if row.is_of_several_callers:
            callers = ", ".join(dict.fromkeys(row.callers))
            notes.append(
                f"{row.sample}: VCFs of several callers ({callers}): their union, counts from the first that lists a "
                "mutation; change vcf_merge, or name a caller in a column counts_from"
            )
    return list(rows.values()), notes


def _patients_of_tables(found: Sequence[FoundFile]) -> tuple[list[str], list[str]]:
    """Patient of each file, '' if it tells none: matrices that share hardly a mutation are of several.

    Two matrices of the same samples may be the substitutions and the indels of one patient, so they get a note only.
    """
    tables = [entry for entry in found if len(entry.samples) > 1 and entry.mutations]
    alone = [
        all(
            other is entry
            or len(other.mutations & entry.mutations)
            <= SHARED_BY_CHANCE * min(len(other.mutations), len(entry.mutations))
            and set(other.samples) != set(entry.samples)
            for other in tables
        )
        for entry in tables
    ]
    if len(tables) < 2 or not all(alone):
        return [""] * len(found), []
    names = {id(entry): _name_of_table(entry) for entry in tables}
    if len(set(names.values())) < len(names):
        return [""] * len(found), []
    note = f"tables that share hardly a mutation are taken as of several patients: {', '.join(names.values())}"
    return [names.get(id(entry), "") for entry in found], [note]


def _name_of_table(entry: FoundFile) -> str:
    """What the names of a table's files have in common, without words that say nothing."""
    common = os.path.commonprefix([path.name for path in entry.paths])
    name = re.sub(r"[^\w.-]|^\.+", "_", sample_of_file(Path(common)).strip("_.-"))
    return name if is_name(name) else entry.paths[0].stem


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()


def _state_purities(entry: FoundFile, rows: list[GuessedRow], numbers: dict[str, str]) -> list[str]:
    """Write the purities of a table into the rows of its samples; a note on those that have none."""
    strange = []
    for stated in entry.purities:
        names = [numbers.get(name, name) for name in stated.names]
        row = next((row for name in names if (row := _row_of(name, rows)) is not None), None)
        if row is None:
            strange.append(names[0])
        else:
            row.purity = f"{stated.purity:g}"
            row.patient = row.patient or stated.patient
    if not strange:
        return []
    return [f"{entry.paths[0]}: purity of no sample that was found (named {', '.join(strange)})"]


def _attach(entry: FoundFile, rows: list[GuessedRow], folder: Path) -> list[str]:
    """Give a file of segments or purity to its samples; a note if it has none."""
    relative = _relative(entry.paths[0], folder)
    n_known = 0
    for name in entry.samples:
        row = _row_of(name or sample_of_file(entry.paths[0]), rows)
        if row is None and name and len(entry.samples) == 1:
            row = _row_of(sample_of_file(entry.paths[0]), rows)
        if row is not None:
            row.files.setdefault(entry.kind, [relative])
            n_known += 1
    if n_known:
        return []
    what = "segments" if entry.kind == "cn_segments" else "purity"
    named = ", ".join(filter(None, entry.samples)) or "nowhere"
    return [f"{entry.paths[0]}: {what} of no sample that was found (named {named})"]


def _row_of(name: str, rows: list[GuessedRow]) -> GuessedRow | None:
    """The row whose sample has the name: the same, or the only one whose parts are all in it or hold all of its."""
    exact = [row for row in rows if row.sample.lower() == name.lower()]
    if exact:
        return exact[0] if len(exact) == 1 else None
    wanted = {part.lower() for part in name_parts(name)}
    fitting = [
        row
        for row in rows
        if wanted and ((parts := {part.lower() for part in name_parts(row.sample)}) <= wanted or wanted <= parts)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _guess_patients(rows: list[GuessedRow]) -> None:
    """Patient: what a file says, else how names begin, if several samples share it and no name is all of it.

    A beginning that a single sample has is a patient too, if all hold a number and others are shared or end alike.
    """
    for row in rows:
        row.patient = row.patient if is_name(row.patient) else ""
    rows = [row for row in rows if not row.patient]
    if all(row.sample.startswith("TCGA-") for row in rows):
        for row in rows:
            row.patient = "-".join(row.sample.split("-")[:3])
        return
    leads = [_lead_of(row.sample) for row in rows]
    rests = [row.sample[len(lead) :] for row, lead in zip(rows, leads)]
    is_patient = all(
        rest and type_of(name_parts(lead)[0]) is None and lead.lower() not in NOISE for lead, rest in zip(leads, rests)
    )
    if is_patient and any(leads.count(lead) == 1 for lead in leads):
        has_numbers = all(re.search(r"\d", lead) and not organ_of(name_parts(lead)[0]) for lead in leads)
        is_patient = has_numbers and (len(set(leads)) < len(leads) or len(set(rests)) < len(rests))
    for row, lead in zip(rows, leads):
        row.patient = lead if is_patient and is_name(lead) else "P1"


def _lead_of(sample: str) -> str:
    """How a name begins, as far as it may be the patient's: its first part, with a number that follows a word."""
    found = re.match(r"[^._\-\s\d]+[._\-\s]+\d+(?=[._\-\s])|[^._\-\s]+", sample)
    return found.group() if found else ""


def _guess_sites(rows: list[GuessedRow]) -> list[str]:
    """Site and type from the parts of the sample's name; what is not told is left to the user."""
    for row in rows:
        parts, lead = name_parts(row.sample), name_parts(row.patient)
        if len(parts) > len(lead) and [part.lower() for part in parts[: len(lead)]] == [part.lower() for part in lead]:
            parts = parts[len(lead) :]
        if row.kind == "cell":
            parts = [part for part in parts if not is_word_of_cells(part)] or parts
        organs = [organ for part in parts if (organ := organ_of(part))]
        kinds = [kind for part in parts if (kind := type_of(part))]
        if not kinds and len(parts) == 1:
            kinds = [kind for part in parts if (kind := type_of(part, letters=True))]
        row.site_type = PLAIN_WORDS[kinds[0]] if kinds else ""  # type: ignore[index]
        if "lymph" in organs:
            row.site_type = "lymph_node"
        if row.sample.startswith("TCGA-") and row.sample.count("-") > 2:
            code = TCGA_CODES.get(row.sample.split("-")[3][:2], "")
            row.site_type = PLAIN_WORDS[code] if code else row.site_type  # type: ignore[index]
            row.site = "primary" if code == "primary" else row.sample
        elif organs:
            row.site = "_".join(dict.fromkeys(organs))
        else:
            row.site = "primary" if row.site_type == "primary" else lesion_of(parts) or row.sample
    types = {(row.patient, row.site): row.site_type for row in rows if row.site_type}
    for row in rows:
        if row.kind == "cell":
            row.site_type = row.site_type or types.get((row.patient, row.site), "")
    names = ", ".join(row.sample for row in rows)
    notes = [f"sites of {names} are read in the names; regions of one lesion share a site"]
    untold = ", ".join(row.sample for row in rows if not row.site_type)
    if untold:
        notes.append(f"site_type of {untold} is not told by the name: write primary, metastasis, lymph_node ...")
    return notes
