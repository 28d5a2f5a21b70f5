"""Patients from a sample sheet and the files it names, or from a table of counts alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.counts import read_count_table, write_counts
from phylometa.io.files import expansion_limit
from phylometa.io.pairtree import read_pairtree_reads
from phylometa.io.patient_reader import READERS, PatientReader
from phylometa.io.sheet import SOURCES, SampleSheet, SheetRow, parse_sheet, read_sheet
from phylometa.io.table_reader import column_names
from phylometa.model.patient import Patient, Sample, Site

__all__ = ["READERS", "read_cohort", "read_cohort_names", "read_counts", "read_pairtree", "read_patient"]
__all__ += ["write_counts"]


def read_cohort_names(sheet_path: str | Path) -> tuple[str, ...]:
    """Read the names of the patients of a sheet, in its order; the sheet is checked as a whole."""
    return read_sheet(sheet_path).patients


def read_cohort(
    sheet_path: str | Path,
    *,
    settings: ReadSettings | None = None,
    primary: str | None = None,
    treatments: str | Path | None = None,
    lesions: str | Path | None = None,
    genes: str | Path | None = None,
    fasta: str | Path | None = None,
) -> list[Patient]:
    """Read all patients of a sheet; options as in `read_patient`."""
    options: dict[str, Any] = {
        "primary": primary,
        "treatments": treatments,
        "lesions": lesions,
        "genes": genes,
        "fasta": fasta,
    }
    return [
        read_patient(sheet_path, settings=settings, patient=name, **options) for name in read_cohort_names(sheet_path)
    ]


def read_patient(
    sheet_path: str | Path,
    *,
    settings: ReadSettings | None = None,
    patient: str | None = None,
    primary: str | None = None,
    treatments: str | Path | None = None,
    lesions: str | Path | None = None,
    genes: str | Path | None = None,
    fasta: str | Path | None = None,
) -> Patient:
    """Read everything that was measured in one patient.

    Parameters
    ----------
    sheet_path : path of the sample sheet (TSV or CSV)
    settings : ReadSettings
    patient : str, optional
        Which patient of the sheet; may be left out if there is one.
    primary : str, optional
        Site to take as the primary, over the sheet's own word.
    treatments, lesions, genes : paths, optional
        Tables of treatments and of lesion sizes; list of driver genes.
    fasta : path, optional
        Indexed reference genome, for trinucleotide contexts.

    Returns
    -------
    Patient

    Raises
    ------
    InputError
        With every problem of every file of the patient.

    Examples
    --------
    >>> patient = read_patient("samples.tsv", patient="A22")  # doctest: +SKIP
    >>> patient.mutations.depth.shape  # doctest: +SKIP
    (124, 10)
    """
    settings = settings or ReadSettings()
    sheet = read_sheet(sheet_path)
    name = _choose_patient(sheet, patient)
    rows = sheet.rows_of(name)
    if not rows:
        raise InputError(f"patient {name} has no tumour samples: all are normal or excluded", file=sheet.display)
    return PatientReader(sheet, name, rows, settings, normals=sheet.normals_of(name)).read(
        primary=primary, treatments=treatments, lesions=lesions, genes=genes, fasta=fasta
    )


def read_counts(
    path: str | Path,
    *,
    sheet: str | Path | None = None,
    settings: ReadSettings | None = None,
    name: str | None = None,
) -> Patient:
    """Read a patient from a counts table, with or without a sample sheet.

    Parameters
    ----------
    path : path of the table
    sheet : path, optional
        Sheet with the sites and purities of the samples; files of reads it names are not opened.
    settings : ReadSettings
    name : str, optional
        Name of the patient; default that of the sheet, else of the file.

    Returns
    -------
    Patient
        Without a sheet every sample is a site of its own, a distant one, and the primary is virtual.
    """
    path, display = Path(path), str(path)
    settings = settings or ReadSettings()
    if sheet is not None:
        parsed, problems = parse_sheet(sheet, needs_source=False)
        problems.check()
        name = _choose_patient(parsed, name)

        def in_table(row: SheetRow) -> SheetRow:
            files = {kind: file for kind, file in row.files.items() if kind not in SOURCES}
            return dataclasses.replace(row, files={**files, "counts": str(path.absolute())})

        rows, normals = (tuple(map(in_table, of)) for of in (parsed.rows_of(name), parsed.normals_of(name)))
        return PatientReader(parsed, name, rows, settings, normals=normals).read()
    with expansion_limit(settings.max_expansion), column_names(settings.columns):
        calls = read_count_table(path, None, settings=settings, display=display)
    return _without_sheet(calls, path, name, settings)


def read_pairtree(ssm: str | Path, params: str | Path, *, settings: ReadSettings | None = None) -> Patient:
    """Read a patient from Pairtree's .ssm and .params.json, without a sample sheet; see `read_counts`."""
    path = Path(ssm)
    settings = settings or ReadSettings()
    with expansion_limit(settings.max_expansion):
        calls = read_pairtree_reads(path, None, params=Path(params), settings=settings, display=str(path))
    return _without_sheet(calls, path, None, settings)


def _without_sheet(calls: Calls, path: Path, name: str | None, settings: ReadSettings) -> Patient:
    """Every sample a distant site of its own, the primary virtual."""
    display = str(path)
    name = name or path.name.split(".")[0] or "patient"
    rows = tuple(SheetRow(0, name, Sample(sample, sample), None, {"counts": display}) for sample in calls.samples)
    reader = PatientReader(SampleSheet(path, display, rows), name, rows, settings)
    reader.provenance.append(calls.provenance)
    reader.warnings.append("no sample sheet: every sample is taken as a metastasis of its own")
    sites = (Site("primary", "primary", is_virtual=True), *(Site(sample, "distant") for sample in calls.samples))
    return reader.assemble([calls], None, sites=sites)


def _choose_patient(sheet: SampleSheet, patient: str | None) -> str:
    if patient is None:
        if len(sheet.patients) > 1:
            raise InputError(
                f"holds several patients ({', '.join(sheet.patients)}): say which one (--patient)", file=sheet.display
            )
        return sheet.patients[0]
    if patient not in sheet.patients:
        raise InputError(f"has no patient {patient} (patients: {', '.join(sheet.patients)})", file=sheet.display)
    return patient
