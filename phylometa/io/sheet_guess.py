"""A sample sheet guessed from the files themselves: what each holds, which patient, sample and site it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from phylometa.errors import InputError, Problem
from phylometa.io.sheet import is_name
from phylometa.io.sheet_files import FoundFile, files_of, look_at_file, pair_matrices
from phylometa.io.sheet_names import (
    NOISE,
    TCGA_CODES,
    lesion_of,
    name_parts,
    organ_of,
    sample_of_file,
    type_of,
)
from phylometa.reference.site_words import PLAIN_WORDS, plain_word

__all__ = ["COLUMNS", "GuessedRow", "guess_sheet"]

COLUMNS = (
    *("patient", "sample", "site", "site_type", "vcf", "maf", "counts", "vcf_sample", "normal_sample"),
    *("cn_segments", "purity_file", "purity", "sex"),
)


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
    purity: str = ""

    def cells(self) -> list[str]:
        """Text by `COLUMNS`."""
        named = {name: ";".join(values) for name, values in self.files.items()}
        named |= {name: getattr(self, name) for name in ("patient", "sample", "site", "site_type", "purity")}
        named |= {"vcf_sample": self.vcf_sample, "normal_sample": self.normal_sample}
        return [named.get(name, "") for name in COLUMNS]


def guess_sheet(paths: Sequence[str | Path], folder: Path) -> tuple[list[GuessedRow], list[str]]:
    """Guess the rows of a sheet over the files; return them with what was guessed.

    Parameters
    ----------
    paths : files, or directories whose files are all looked at
        VCF and BCF, MAF, tables of reads, segments, purity files.
    folder : directory of the sheet, to which its paths are relative

    Returns
    -------
    rows : list of GuessedRow
        One per tumour sample, in the order of the files; site and type if the sample's name tells them.
    notes : list of str
        What to look at before a run, and files that are none of these kinds.

    Raises
    ------
    InputError
        None of the files holds mutations.
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
    if not rows:
        raise InputError(problems or "no file that holds mutations was given")
    numbers = {number: sample for entry in found for number, sample in entry.numbers.items()}
    for entry in found:
        if entry.kind in ("cn_segments", "purity_file"):
            notes.extend(_attach(entry, rows, folder))
        elif entry.kind == "purities":
            notes.extend(_state_purities(entry, rows, numbers))
    _guess_patients(rows)
    notes.extend(_guess_sites(rows))
    for column, what in (("cn_segments", "segments"), ("purity_file", "purity")):
        without = [
            row.sample for row in rows if column not in row.files and (column != "purity_file" or not row.purity)
        ]
        if without and len(without) < len(rows):
            notes.append(f"no {what} found for {', '.join(without)}")
    return rows, notes


def _rows_of_reads(found: Sequence[FoundFile], folder: Path) -> tuple[list[GuessedRow], list[str]]:
    """A row for every tumour sample of every file; files of one sample share its row. And what is not used."""
    rows: dict[str, GuessedRow] = {}
    notes: list[str] = []
    for entry in found:
        for name in entry.samples:
            is_generic = len(entry.samples) == 1 and plain_word(name) in ("tumor", "tumour", "", "sample", "1")
            sample = sample_of_file(entry.paths[0]) if is_generic else name
            sample = re.sub(r"[/\\\x00-\x1f\x7f]", "_", sample).lstrip(".") or "sample"
            row = rows.setdefault(sample, GuessedRow("", sample))
            cell = ";".join(_relative(path, folder) for path in entry.paths)
            if entry.kind in row.files and entry.kind != "vcf":
                used = row.files[entry.kind][0]
                notes.append(f"{cell}: reads of {sample} are read in {used}, not here: one {entry.kind} file a sample")
                continue
            row.files.setdefault(entry.kind, []).append(cell)
            row.patient = row.patient or entry.patients.get(name, "")
            row.normal_sample = row.normal_sample or entry.normal
            if not is_generic and sample != name:
                row.vcf_sample = name
    for row in rows.values():  # one kind of reads per row: the most direct
        kinds = [kind for kind in ("vcf", "maf", "counts") if kind in row.files]
        for kind in kinds[1:]:
            del row.files[kind]
    return list(rows.values()), notes


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
        return exact[0]
    wanted = {part.lower() for part in name_parts(name)}
    fitting = [
        row
        for row in rows
        if wanted and ((parts := {part.lower() for part in name_parts(row.sample)}) <= wanted or wanted <= parts)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _guess_patients(rows: list[GuessedRow]) -> None:
    """Patient: what a file says, else the first part of names if several samples share it and no name is all of it."""
    for row in rows:
        row.patient = row.patient if is_name(row.patient) else ""
    rows = [row for row in rows if not row.patient]
    first = {row.sample: name_parts(row.sample)[:1] for row in rows}
    if all(row.sample.startswith("TCGA-") for row in rows):
        for row in rows:
            row.patient = "-".join(row.sample.split("-")[:3])
        return
    leads = [lead[0] for lead in first.values() if lead]
    is_lead = len(leads) == len(rows) and all(
        len(name_parts(row.sample)) > 1
        and type_of(lead) is None
        and leads.count(lead) > 1
        and lead.lower() not in NOISE
        for row, lead in zip(rows, leads)
    )
    for row, lead in zip(rows, leads if is_lead else ["P1"] * len(rows)):
        row.patient = lead if is_name(lead) else "P1"


def _guess_sites(rows: list[GuessedRow]) -> list[str]:
    """Site and type from the parts of the sample's name; what is not told is left to the user."""
    for row in rows:
        parts, lead = name_parts(row.sample), name_parts(row.patient)
        if len(parts) > len(lead) and [part.lower() for part in parts[: len(lead)]] == [part.lower() for part in lead]:
            parts = parts[len(lead) :]
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
    names = ", ".join(row.sample for row in rows)
    notes = [f"sites of {names} are read in the names; regions of one lesion share a site"]
    untold = ", ".join(row.sample for row in rows if not row.site_type)
    if untold:
        notes.append(f"site_type of {untold} is not told by the name: write primary, metastasis, lymph_node ...")
    return notes
