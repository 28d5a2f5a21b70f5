"""Tables that state the purities of several samples: DPClust's project, PhylogicNDT's .sif, DeCiFer's, columns."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from phylometa.io.files import is_missing, open_text, parse_fraction
from phylometa.io.problems import ProblemList
from phylometa.io.sheet_names import sample_of_file
from phylometa.io.table_reader import TableReader

__all__ = ["StatedPurity", "read_purity_table"]

PURITY_COLUMNS = {
    alias: name
    for name, aliases in {
        "sample": "sample_id sample_name sampleid tumor_sample_barcode tumour_sample_barcode tumor_sample "
        "tumour_sample",
        "purity": "cellularity aberrantcellfraction rho tumor_purity tumour_purity tumour_content tumor_content acf",
        "patient": "patient_id case_id donor_id icgc_donor_id",
        "file": "datafile maf_fn maf_file vcf maf",
    }.items()
    for alias in aliases.split()
}


class StatedPurity(NamedTuple):
    """Purity of one sample: the names it may have elsewhere, the purity in (0, 1], the patient ('' if not said)."""

    names: tuple[str, ...]
    purity: float
    patient: str


def read_purity_table(path: Path, *, display: str = "") -> list[StatedPurity]:
    """Read a table with one row per sample, or DeCiFer's two columns without a header (index or name, purity).

    Parameters
    ----------
    path : Path
    display : str
        Name of the file in messages; by default its path.

    Returns
    -------
    list of StatedPurity
        Samples whose purity is missing are left out.

    Raises
    ------
    InputError
        No columns of a sample and its purity; a purity outside (0, 1].
    """
    display = display or str(path)
    table = TableReader(path, display, aliases=PURITY_COLUMNS)
    if len(table.original) == 2 and _fraction(table.original[1]) is not None:
        table.close()
        return _without_header(path, display)
    table.require(("sample", "purity"))
    at = {name: table.index(name) for name in ("sample", "purity", "patient", "file")}
    lowered = [name.lower() for name in table.original]
    subsample = lowered.index("subsample") if "subsample" in lowered else -1
    problems = ProblemList(display)
    found = []
    for line, fields in table:
        text = {name: fields[i].strip() if i >= 0 else "" for name, i in at.items()}
        if is_missing(text["purity"]):
            continue
        purity = _fraction(text["purity"])
        if purity is None:
            problems.add(f"{text['purity']} is outside (0, 1]", row=line, column="purity")
            continue
        names, patient = [text["sample"]], text["patient"]
        if subsample >= 0:  # DPClust: `sample` is the patient
            patient, part = text["sample"], fields[subsample].strip()
            names = [f"{patient}{part}", f"{patient}_{part}", f"{patient}-{part}"]
        if text["file"]:
            names.append(sample_of_file(Path(text["file"])))
        found.append(StatedPurity(tuple(dict.fromkeys(names)), purity, "" if is_missing(patient) else patient))
    problems.check()
    return found


def _without_header(path: Path, display: str) -> list[StatedPurity]:
    found = []
    problems = ProblemList(display)
    for row, text in enumerate(open_text(path, display), start=1):
        fields = text.split()
        purity = _fraction(fields[1]) if len(fields) == 2 else None
        if purity is not None:
            found.append(StatedPurity((fields[0],), purity, ""))
        elif fields:
            problems.add(f"{text.strip()[:60]!r} is no sample with a purity in (0, 1]", row=row)
    problems.check()
    return found


def _fraction(text: str) -> float | None:
    number = parse_fraction(text)
    return number if number is not None and 0 < number <= 1 else None
