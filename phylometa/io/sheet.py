"""The sample sheet: one row per tumour sample, checked as a whole before any other file is opened."""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from phylometa.errors import InputError
from phylometa.io.callers import merge_rule
from phylometa.io.files import is_missing, parse_decimal, parse_fraction
from phylometa.io.problems import ProblemList
from phylometa.io.table_reader import TableReader
from phylometa.model.patient import Sample, SiteClass
from phylometa.reference.sample_kinds import CIRCULATING, GROWN, KIND_NAMES, SAMPLE_KINDS, SampleKind, sample_kind_of
from phylometa.reference.site_words import PLAIN_WORDS, SITE_WORDS, plain_word, site_class_of

__all__ = ["SOURCES", "SampleSheet", "SheetRow", "is_name", "parse_date", "parse_sheet", "read_sheet", "split_files"]

# Other names of columns: those of the contract, and nf-core/tumourevo's sheet.
COLUMN_ALIASES = {
    "cnv": "cn_segments",
    "cna_segments": "cn_segments",
    "type": "site_type",
    "tumour_sample": "sample",
    "tumor_sample": "sample",
    "cna_extra": "purity_file",
    "cna_caller": "cn_caller",
    "tumour_alignment": "bam",
    "tumor_alignment": "bam",
    "file_sample": "vcf_sample",
    "maf_sample": "vcf_sample",
    "counts_sample": "vcf_sample",
    "sample_kind": "kind",
}
SOURCES = ("vcf", "maf", "counts")
FILE_COLUMNS = (*SOURCES, "cn_segments", "purity_file", "bam", "cells")
KNOWN_COLUMNS = frozenset(
    (
        *("patient", "sample", "site", "site_type", "purity", "purity_sd", "ploidy", "sex", "genome", "age", "assay"),
        *("cn_caller", "vcf_sample", "normal_sample", "vcf_caller", "collection_date", "diagnosis_date"),
        *("cancer_type", "treatment", "exclude", "diameter_cm", "purity_source", *FILE_COLUMNS),
        *("vcf_merge", "counts_from", "kind", "grown_from"),
    )
)
# Columns of nf-core/tumourevo's sheet that say nothing about the tumour.
IGNORED_COLUMNS = frozenset(("dataset", "tbi", "tumour_alignment_index", "tumor_alignment_index", "lane", "status", ""))
SEXES: dict[str, Literal["female", "male"]] = {
    **dict.fromkeys(("female", "f", "xx"), "female"),  # type: ignore[arg-type]
    **dict.fromkeys(("male", "m", "xy"), "male"),  # type: ignore[arg-type]
}
ASSAYS: dict[str, Literal["wgs", "wes", "panel"]] = {
    **dict.fromkeys(("wgs", "genome"), "wgs"),  # type: ignore[arg-type]
    **dict.fromkeys(("wes", "wxs", "exome"), "wes"),  # type: ignore[arg-type]
    **dict.fromkeys(("panel", "targeted"), "panel"),  # type: ignore[arg-type]
}
YES = frozenset(("1", "yes", "y", "true", "t", "exclude", "excluded"))
NO = frozenset(("0", "no", "n", "false", "f"))
# No slash; no control characters, line separators or marks that turn the direction of what is shown after them.
NAME = re.compile("[^\x00-\x1f\x7f-\x9f/\\\\\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
# The same for sites, which may hold a slash.
SITE_NAME = re.compile(NAME.pattern.replace("/", "", 1))


def is_name(text: str) -> bool:
    """Return whether `text` can name a patient or sample: no slash, no control character, no dot at the start.

    Control characters are also the marks of Unicode that turn the direction of text: a name must read as it is.
    """
    return NAME.fullmatch(text) is not None and not text.startswith(".")


def is_site_name(text: str) -> bool:
    """Whether `text` can name a site, which is never a file's name: a slash may be in it, not at its start."""
    return SITE_NAME.fullmatch(text) is not None and text[0] not in "./"


@dataclass(frozen=True)
class SheetRow:
    """One row: the sample as far as the sheet describes it, and where its data lie.

    Parameters
    ----------
    line : int
        1-based line of the sheet.
    sample : Sample
    site_class : SiteClass or None
        None if the sheet does not say.
    files : dict
        Column (of `FILE_COLUMNS`: ``vcf``, ``maf``, ``counts``, ``cn_segments``, ...) to the cell as written.
    vcf_merge : str
        Rule by which the VCFs of several callers are merged (`callers.merge_rule`); '' = they are parts of one list.
    counts_from : str
        Caller or file whose counts are read then.
    """

    line: int
    patient: str
    sample: Sample
    site_class: SiteClass | None
    files: dict[str, str] = field(default_factory=dict)
    vcf_sample: str = ""
    normal_sample: str = ""
    vcf_caller: str = ""
    vcf_merge: str = ""
    counts_from: str = ""
    cn_caller: str = ""
    genome: str = ""
    is_excluded: bool = False

    @property
    def source(self) -> str:
        """Which of ``vcf``, ``maf``, ``counts`` the row names; '' if it names segments alone."""
        return next((kind for kind in SOURCES if kind in self.files), "")

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which other files may hold the sample, the most explicit first."""
        return tuple(dict.fromkeys(name for name in (self.vcf_sample, self.sample.name) if name))


@dataclass(frozen=True)
class SampleSheet:
    """A checked sheet."""

    path: Path
    display: str
    rows: tuple[SheetRow, ...]
    warnings: tuple[str, ...] = ()

    @property
    def patients(self) -> tuple[str, ...]:
        """Names of the patients in the order of the sheet."""
        return tuple(dict.fromkeys(row.patient for row in self.rows))

    def resolve(self, cell: str) -> Path:
        """Return the path of a file named in the sheet (relative to the sheet)."""
        return self.path.parent / Path(cell).expanduser()

    def rows_of(self, patient: str) -> tuple[SheetRow, ...]:
        """List the rows of one patient that are read: not excluded and no normal tissue."""
        return tuple(
            row for row in self.rows if row.patient == patient and not row.is_excluded and row.site_class != "normal"
        )

    def normals_of(self, patient: str) -> tuple[SheetRow, ...]:
        """List the rows of one patient that are matched normals with reads."""
        return tuple(
            row
            for row in self.rows
            if row.patient == patient
            and not row.is_excluded
            and row.site_class == "normal"
            and any(kind in row.files for kind in SOURCES)
        )


def read_sheet(path: str | Path) -> SampleSheet:
    """Read and check a sample sheet.

    Parameters
    ----------
    path : path of a TSV or CSV file

    Returns
    -------
    SampleSheet

    Raises
    ------
    InputError
        With every problem of the sheet: missing columns, missing or impossible values, duplicated samples, files that
        are not there.
    """
    sheet, problems = parse_sheet(path)
    problems.check()
    return sheet


def parse_sheet(path: str | Path, *, needs_source: bool = True) -> tuple[SampleSheet, ProblemList]:
    """Parse the rows of a sheet that are right; collect the others' problems, and raise only what hinders any reading.

    Parameters
    ----------
    path : path of the sheet
    needs_source : bool
        Whether every row must name the file of its reads, and the files must be there.
    """
    path = Path(path)
    display = str(path)
    table = TableReader(path, display, aliases=COLUMN_ALIASES, can_rename=False)
    table.require(("patient", "sample") if "kind" in table else ("patient", "sample", "site"))
    if needs_source and not any(kind in table for kind in (*SOURCES, "cn_segments", "cells")):
        raise InputError(
            "one of the columns vcf, maf, counts is needed, or cn_segments, or cells (columns found: "
            f"{', '.join(table.original)})",
            file=display,
        )
    problems = ProblemList(display)
    parser = _RowParser(table, path.parent, problems, needs_source)
    parsed = []
    try:
        parsed = [parser.parse(line, fields) for line, fields in table]
    except InputError as error:  # rows of another width
        problems.extend(error)
    if not parsed and not problems:
        problems.add("has a header but no samples")
    rows = tuple(row for row in parsed if row is not None)
    rows = parser.check_together(rows)
    return SampleSheet(path, display, rows, (*_column_warnings(table), *parser.notes())), problems


def _column_warnings(table: TableReader) -> list[str]:
    unknown = [
        original
        for original, name in zip(table.original, table.header)
        if name not in KNOWN_COLUMNS and name not in IGNORED_COLUMNS
    ]
    sentences = []
    for name in unknown:
        close = difflib.get_close_matches(name.lower(), sorted(KNOWN_COLUMNS), n=1, cutoff=0.8)
        hint = f"; did you mean {close[0]}?" if close else ""
        sentences.append(f"{table.display}, column {name}: not known, not used{hint}")
    return sentences


class _RowParser:
    """Cells of the sheet to values; what does not fit goes to the list of problems."""

    def __init__(self, table: TableReader, folder: Path, problems: ProblemList, needs_source: bool) -> None:
        self.table = table
        self.needs_source = needs_source
        self.folder = folder
        self.problems = problems
        self.line = 0
        self.fields: list[str] = []
        self.words: dict[tuple[str, str], list[int]] = {}  # (word, what it is taken for) to its rows
        self.sites: dict[tuple[str, str], str] = {}  # (patient, site without case and blanks) to the first spelling
        self.respelled: dict[tuple[str, str], list[int]] = {}

    def text(self, column: str) -> str:
        i = self.table.index(column)
        value = self.fields[i].strip() if i >= 0 else ""
        return "" if is_missing(value) else value

    def add(self, message: str, column: str) -> None:
        self.problems.add(message, row=self.line, column=column)

    def number(self, column: str, *, low: float = 0.0, high: float = math.inf, bounds: str = "") -> float:
        value = self.text(column)
        if not value:
            return math.nan
        number = parse_fraction(value) if high <= 1 else parse_decimal(value)
        if number is None:
            self.add(f"{value!r} is not a number", column)
            return math.nan
        if not low < number <= high:
            percent = " (a percentage? write it as a fraction)" if column == "purity" and 1 < number <= 100 else ""
            self.add(f"{value} is outside {bounds}{percent}", column)
            return math.nan
        return number

    def date(self, column: str) -> datetime.date | None:
        value = self.text(column)
        try:
            return parse_date(value)
        except ValueError as error:
            self.add(str(error), column)
            return None

    def word(self, column: str, words: dict[str, object], also: tuple[str, ...] = ("unknown",)) -> object:
        value = self.text(column)
        if not value or value.lower() in also:
            return None
        found = words.get(value.lower())
        if found is None:
            self.add(f"{value!r} is none of {', '.join(words)}", column)
        return found

    def kind(self) -> SampleKind:
        """Kind of the sample, by the column `kind` or a word of `site_type` that is one."""
        value, of_site = self.text("kind"), _kind_in(self.text("site_type"))
        if not value:
            if of_site is not None:
                self.words.setdefault((self.text("site_type"), f"the kind {of_site}"), []).append(self.line)
            return of_site or "tissue"
        found = sample_kind_of(value)
        if found is None:
            self.add(f"{value!r} is none of {', '.join(SAMPLE_KINDS)}", "kind")
        elif of_site not in (None, found):
            self.add(f"kind is {value}, but site_type says {self.text('site_type')}", "kind")
        return found or "tissue"

    def place(self, patient: str, kind: SampleKind) -> str:
        """Site of a sample of a kind; '' if it circulates and the sheet names none."""
        origin = self.text("grown_from")
        if origin and kind not in GROWN:
            self.add(f"is for xenografts and organoids, not for {KIND_NAMES[kind]}", "grown_from")
        if kind in GROWN and not origin and not self.text("site"):
            self.add(f"is empty: name the site that the {KIND_NAMES[kind]} was grown from", "grown_from")
            return ""
        if kind in CIRCULATING and not self.text("site"):
            return ""
        return self.site(patient, "grown_from" if origin else "site")

    def site_class(self) -> SiteClass | None:
        """Class of the site by the word of the sheet; a note if the word is not the plain one."""
        value = self.text("site_type")
        if not value or value.lower() == "unknown" or _kind_in(value) is not None:
            return None
        found = site_class_of(value)
        if found is None:
            close = difflib.get_close_matches(plain_word(value), SITE_WORDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            self.add(f"{value!r} is none of {', '.join(PLAIN_WORDS.values())}, unknown{hint}", "site_type")
            return None
        if found[1]:
            self.words.setdefault((value, found[1]), []).append(self.line)
        return found[0]

    def site(self, patient: str, column: str = "site") -> str:
        """Name of the site: of spellings that differ in case, blanks, dashes and underscores only, the first."""
        value = self.name(column, is_site_name)
        known = self.sites.setdefault((patient, plain_word(value)), value)
        if known != value:
            self.respelled.setdefault((value, known), []).append(self.line)
        return known

    def merge_rule(self) -> str:
        value = self.text("vcf_merge")
        if value:
            try:
                merge_rule(value)
            except ValueError as error:
                self.add(str(error), "vcf_merge")
        return value

    def notes(self) -> list[str]:
        """What words and spellings were taken for."""
        words, sites = (
            [f"column {column}: {text} is taken as {meant} ({_rows(rows)})" for (text, meant), rows in found.items()]
            for column, found in (("site_type", self.words), ("site", self.respelled))
        )
        return [f"{self.table.display}, {note}" for note in (*words, *sites)]

    def flag(self, column: str) -> bool:
        value = self.text(column).lower()
        if value and value not in YES | NO:
            self.add(f"{value!r} is neither yes nor no", column)
        return value in YES

    def name(self, column: str, check: Callable[[str], bool] = is_name) -> str:
        value = self.text(column)
        if not value:
            self.add("is empty", column)
        elif value.startswith('"'):
            self.add(f"{value!r} begins with a quote that never closes", column)
        elif not check(value):
            slash = "no slash at the start" if check is is_site_name else "no slash"
            self.add(f"{value!r} cannot be a name: {slash}, no control character, no dot at the start", column)
        return value

    def parse(self, line: int, fields: list[str]) -> SheetRow | None:
        self.line, self.fields = line, fields
        n_before = self.problems.n_added
        patient, name = self.name("patient"), self.name("sample")
        kind = self.kind()
        site = self.place(patient, kind)
        is_excluded = self.flag("exclude")
        site_class = self.site_class()
        is_read = self.needs_source and not is_excluded and site_class != "normal"
        files = {column: self.text(column) for column in FILE_COLUMNS if self.text(column)}
        sources = [kind for kind in SOURCES if kind in files]
        if "cells" in files and kind != "cell":
            self.add(f"is for rows of kind cell, not {kind}", "cells")
        stands_alone = (kind == "cell" and "cells" in files) or "cn_segments" in files
        if len(sources) != 1 and is_read and not (stands_alone and not sources):
            wanted = "give one of vcf, maf, counts"
            self.add(f"{wanted}, not {' and '.join(sources)}" if sources else f"{wanted}, or cn_segments alone", "vcf")
        if is_read:
            self.check_files(files)
        elif self.needs_source and not is_excluded:
            self.check_files({kind: files[kind] for kind in sources})
        sample = Sample(
            name=name,
            site=site,
            purity=self.number("purity", high=1.0, bounds="(0, 1]"),
            purity_sd=_or_zero(self.number("purity_sd", high=1.0, bounds="(0, 1]")),
            purity_is_estimated=self.text("purity_source").lower() == "reads",
            purity_is_checked=self.text("purity_source").lower() == "checked",
            ploidy=self.number("ploidy", high=20.0, bounds="(0, 20]"),
            sex=self.word("sex", dict(SEXES)),  # type: ignore[arg-type]
            age=self.number("age", high=130.0, bounds="(0, 130] years"),
            collection_date=self.date("collection_date"),
            diagnosis_date=self.date("diagnosis_date"),
            assay=self.word("assay", dict(ASSAYS)),  # type: ignore[arg-type]
            cancer_type=self.text("cancer_type"),
            treatment=self.text("treatment"),
            diameter_cm=self.number("diameter_cm", high=100.0, bounds="(0, 100] cm"),
            kind=kind,
        )
        row = SheetRow(
            line=line,
            patient=patient,
            sample=sample,
            site_class=site_class,
            files=files,
            vcf_sample=self.text("vcf_sample"),
            normal_sample=self.text("normal_sample"),
            vcf_caller=self.text("vcf_caller"),
            vcf_merge=self.merge_rule(),
            counts_from=self.text("counts_from"),
            cn_caller=self.text("cn_caller"),
            genome=self.text("genome"),
            is_excluded=is_excluded,
        )
        return row if self.problems.n_added == n_before else None

    def check_files(self, files: dict[str, str]) -> None:
        for column, cell in files.items():
            if column == "bam":  # opened by `genotype` only
                continue
            if "\x00" in cell:
                self.add("holds a NUL character", column)
                continue
            for name in split_files(column, cell):
                try:
                    target = self.folder / Path(name).expanduser()
                    if target.is_dir():
                        self.add(f"{name} is a directory, not a file", column)
                    elif not target.exists():
                        self.add(f"no such file: {name}", column)
                except (OSError, RuntimeError) as error:
                    self.add(f"{name} cannot be a path: {error}", column)

    def check_together(self, rows: Sequence[SheetRow]) -> tuple[SheetRow, ...]:
        """Rows without repeated samples; also a problem: a site of two types, a patient of two sexes."""
        seen: dict[tuple[str, str], int] = {}
        types: dict[tuple[str, str], tuple[SiteClass, int]] = {}
        sexes: dict[str, tuple[str, int]] = {}
        kept: list[SheetRow] = []
        for row in rows:
            self.line = row.line
            first = seen.setdefault((row.patient, row.sample.name), row.line)
            if first != row.line:
                self.add(f"{row.sample.name} of patient {row.patient} is already in row {first}", "sample")
                continue
            kept.append(row)
            if row.site_class is not None and not row.is_excluded and not row.sample.circulates:
                site_class, first = types.setdefault((row.patient, row.sample.site), (row.site_class, row.line))
                if site_class != row.site_class:
                    self.add(
                        f"site {row.sample.site} is {row.site_class} here and {site_class} in row {first}", "site_type"
                    )
            if row.sample.sex:
                sex, first = sexes.setdefault(row.patient, (row.sample.sex, row.line))
                if sex != row.sample.sex:
                    self.add(f"patient {row.patient} is {row.sample.sex} here and {sex} in row {first}", "sex")
        return tuple(kept)


def _kind_in(site_type: str) -> SampleKind | None:
    """The kind that a word of the column `site_type` is, if it is one other than tissue."""
    found = sample_kind_of(site_type)
    return None if found == "tissue" else found


def _rows(lines: list[int]) -> str:
    listed = ", ".join(map(str, lines[:10])) + (" ..." if len(lines) > 10 else "")
    return f"row{'s' if len(lines) > 1 else ''} {listed}"


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def split_files(column: str, cell: str) -> list[str]:
    """Split the files of a cell at semicolons: several VCFs of one sample, or a pair of tables of reads."""
    if column not in ("vcf", "counts", "cells"):
        return [cell]
    return [name.strip() for name in cell.split(";") if name.strip()] or [cell]


def parse_date(value: str) -> datetime.date | None:
    """Parse a date written YYYY-MM-DD; None if nothing is written.

    Raises
    ------
    ValueError
        Saying what is wrong; other orders of day and month are ambiguous and refused.
    """
    if not value:
        return None
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError(f"{value!r} is not a date YYYY-MM-DD")
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a day of the calendar") from None
