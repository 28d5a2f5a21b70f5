"""Optional tables of a patient: purity files of copy-number callers, treatments, lesion sizes, driver genes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from phylometa.errors import InputError
from phylometa.io.files import is_missing, open_text, parse_fraction, parse_number
from phylometa.io.problems import ProblemList
from phylometa.io.sheet import SEXES, parse_date
from phylometa.io.table_reader import TableReader
from phylometa.model.patient import Lesion, Treatment

__all__ = ["PurityEstimate", "patients_of", "read_drivers", "read_lesions", "read_purity_file", "read_treatments"]

# ASCAT, Sequenza (confints_CP), PURPLE (purity.tsv), Battenberg (rho_and_psi, purity_ploidy), FACETS.
PURITY_ALIASES = {
    "aberrantcellfraction": "purity",
    "cellularity": "purity",
    "rho": "purity",
    "cellularity.estimate": "purity",
    "ploidy.estimate": "ploidy",
    "ploidy.mean.cn": "ploidy",
    "psi": "ploidy",
    "gender": "sex",
}


class PurityEstimate(NamedTuple):
    """What a copy-number caller says of the sample as a whole; NaN, None if it does not."""

    purity: float
    ploidy: float
    sex: str | None


def read_purity_file(path: Path, *, display: str = "") -> PurityEstimate:
    """Read purity and ploidy of a sample from its caller's file: ASCAT, Battenberg, Sequenza, PURPLE, CliP, or columns.

    Battenberg's file of several solutions: the row marked ``is.best``. Sequenza's three rows (lower, best, upper): the
    middle one.
    """
    display = display or str(path)
    table = TableReader(path, display, aliases=PURITY_ALIASES)
    alone = parse_fraction(table.original[0]) if len(table.original) == 1 else None
    if alone is not None and 0 < alone <= 1:  # CliP: a number and nothing else
        table.close()
        return PurityEstimate(alone, math.nan, None)
    table.require(("purity",))
    problems = ProblemList(display)
    rows = list(table)
    if "is.best" in table:
        rows = [row for row in rows if row[1][table.index("is.best")].strip().upper() == "TRUE"] or rows[:1]
    if not rows:
        raise InputError("holds no purity", file=display)
    line, fields = rows[1] if len(rows) == 3 and "cellularity" in {name.lower() for name in table.original} else rows[0]
    values = {}
    for column, high in (("purity", 1.0), ("ploidy", 20.0)):
        text = fields[table.index(column)].strip() if column in table else ""
        number = parse_fraction(text)
        if not is_missing(text) and (number is None or not 0 < number <= high):
            problems.add(f"{text} is outside (0, {high:g}]", row=line, column=column)
        values[column] = math.nan if number is None else number
    problems.check()
    sex = SEXES.get(fields[table.index("sex")].strip().lower()) if "sex" in table else None
    return PurityEstimate(values["purity"], values["ploidy"], sex)


class _ClinicalTable:
    """A table with a column `patient`, of which one patient's rows are read; problems are collected."""

    def __init__(self, path: str | Path, required: tuple[str, ...], sites: tuple[str, ...]) -> None:
        self.display = str(path)
        self.table = TableReader(Path(path), self.display)
        self.table.require(required)
        self.problems = ProblemList(self.display)
        self.sites = sites
        self.line = 0
        self.fields: list[str] = []

    def text(self, column: str) -> str:
        i = self.table.index(column)
        value = self.fields[i].strip() if i >= 0 else ""
        return "" if is_missing(value) else value

    def date(self, column: str):  # type: ignore[no-untyped-def]
        try:
            return parse_date(self.text(column))
        except ValueError as error:
            self.problems.add(str(error), row=self.line, column=column)
            return None

    def number(self, column: str, *, high: float) -> float:
        text = self.text(column)
        if not text:
            return math.nan
        number = parse_number(text)
        if number is None or not 0 < number <= high:
            self.problems.add(f"{text!r} is not a number in (0, {high:g}]", row=self.line, column=column)
            return math.nan
        return number

    def site(self) -> str:
        name = self.text("site")
        if name and name not in self.sites:
            self.problems.add(
                f"{name} is no site of the patient (sites: {', '.join(self.sites)})", row=self.line, column="site"
            )
        return name

    def rows_of(self, patient: str):  # type: ignore[no-untyped-def]
        for line, fields in self.table:
            self.line, self.fields = line, fields
            if self.text("patient") == patient:
                yield line


def patients_of(path: str | Path) -> tuple[str, ...]:
    """List the patients that a table of treatments or lesions names, in its order."""
    table = TableReader(Path(path), str(path))
    table.require(("patient",))
    column = table.index("patient")
    return tuple(dict.fromkeys(fields[column].strip() for _, fields in table if not is_missing(fields[column])))


def read_treatments(path: str | Path, patient: str, sites: tuple[str, ...]) -> tuple[Treatment, ...]:
    """Read one patient's treatments: ``patient site kind start end dose_gy fractions`` (site empty: systemic)."""
    table = _ClinicalTable(path, ("patient", "kind", "start"), sites)
    treatments = []
    for line in table.rows_of(patient):
        start, end = table.date("start"), table.date("end")
        if start and end and end < start:
            table.problems.add(f"{end} is before the start {start}", row=line, column="end")
        if not table.text("kind"):
            table.problems.add("is empty", row=line, column="kind")
        treatments.append(
            Treatment(
                kind=table.text("kind"),
                site=table.site(),
                start=start,
                end=end,
                dose_gy=table.number("dose_gy", high=1000.0),
                fractions=table.number("fractions", high=1000.0),
            )
        )
    table.problems.check()
    return tuple(treatments)


def read_lesions(path: str | Path, patient: str, sites: tuple[str, ...]) -> tuple[Lesion, ...]:
    """Read serial sizes of one patient's lesions: columns ``patient site date diameter_cm``."""
    table = _ClinicalTable(path, ("patient", "site", "date", "diameter_cm"), sites)
    lesions = []
    for line in table.rows_of(patient):
        date, diameter = table.date("date"), table.number("diameter_cm", high=100.0)
        for column in ("site", "date", "diameter_cm"):
            if not table.text(column):
                table.problems.add("is empty", row=line, column=column)
        site = table.site()
        if date is not None and not math.isnan(diameter):
            lesions.append(Lesion(site=site, date=date, diameter_cm=diameter))
    table.problems.check()
    return tuple(sorted(lesions, key=lambda lesion: (lesion.site, lesion.date)))


def read_drivers(path: str | Path) -> frozenset[str]:
    """Read driver genes, one per line; ``#`` begins a comment, a header ``gene`` is passed over."""
    words = set()
    for line in open_text(Path(path), str(path)):
        word = line.partition("#")[0].split()
        if word and word[0].lower() not in ("gene", "hugo_symbol", "symbol"):
            words.add(word[0])
    if not words:
        raise InputError("names no gene", file=str(path))
    return frozenset(words)
