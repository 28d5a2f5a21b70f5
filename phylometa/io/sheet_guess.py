"""A sample sheet guessed from the files themselves: what each holds, which patient, sample and site it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from phylometa.errors import InputError, Problem
from phylometa.io.clinical import read_purity_file
from phylometa.io.counts import read_count_table
from phylometa.io.files import is_missing, open_binary, open_text
from phylometa.io.long_columns import looks_long, open_long_table
from phylometa.io.segment_dialects import SEGMENT_ALIASES, SEGMENT_DIALECTS
from phylometa.io.sheet import is_name
from phylometa.io.table_reader import TableReader
from phylometa.io.vcf_header import NORMAL_NAME, RNA_NAME, read_header
from phylometa.reference.organs import find_organ
from phylometa.reference.site_words import PLAIN_WORDS, SITE_WORDS, plain_word

__all__ = ["COLUMNS", "GuessedRow", "guess_sheet"]

Kind = Literal["vcf", "maf", "counts", "cn_segments", "purity_file"]
COLUMNS = (
    *("patient", "sample", "site", "site_type", "vcf", "maf", "counts", "vcf_sample", "normal_sample"),
    *("cn_segments", "purity_file", "purity", "sex"),
)
# Words of file names that say nothing of the sample.
_NOISE = """
vcf dp input clustered best ucn ssm bcf gz bgz maf tsv csv txt tab seg segs segments segment somatic snv snvs
indel indels sv mutect mutect2 strelka strelka2 varscan varscan2 muse vardict lofreq sniper somaticsniper
freebayes octopus caveman pindel sage purple ascat battenberg facets sequenza cnvkit titan hatchet abc calls
call called variants variant filtered pass passed final hg19 hg38 grch37 grch38 b37 annotated vep snpeff
funcotated merged consensus cnv cna cns cn copynumber copy number purity ploidy purityploidy counts reads tumor
tumour normal vs sorted dedup bam wes wgs exome panel subclones raw norm split mutations data table sample
"""
NOISE = frozenset(_NOISE.split())
# Words of a sample's name to what it says of the site's type.
TYPE_WORDS = {
    **{word: kind for word, kind in SITE_WORDS.items() if len(word) > 2},
    **dict.fromkeys(("pri", "prim", "pt"), "primary"),
    **dict.fromkeys(("ln", "lns"), "lymph_node"),
    **dict.fromkeys(("rec", "rel", "relapse"), "bed"),
}
# The same for names that say no more (P1, M2), if nothing else tells.
LETTERS = {"p": "primary", "m": "distant"}
# Codes of TCGA's sample types, the first two digits of a barcode's fourth part.
TCGA_CODES = {
    "01": "primary",
    "05": "primary",
    "02": "bed",
    "06": "distant",
    "07": "distant",
    "10": "normal",
    "11": "normal",
}


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

    def cells(self) -> list[str]:
        """Text by `COLUMNS`."""
        named = {name: ";".join(values) for name, values in self.files.items()}
        named |= {name: getattr(self, name) for name in ("patient", "sample", "site", "site_type")}
        named |= {"vcf_sample": self.vcf_sample, "normal_sample": self.normal_sample}
        return [named.get(name, "") for name in COLUMNS]


@dataclass(frozen=True)
class _Found:
    """What one file holds: samples under the names it gives them ('' = one without a name)."""

    path: Path
    kind: Kind
    samples: tuple[str, ...]
    normal: str = ""
    patients: tuple[str, ...] = ()


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
    found: list[_Found] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for path in _files(paths):
        try:
            found.append(_look(path))
        except InputError as error:
            problems.extend(error.problems[:1])
    notes.extend(f"not used: {problem}" for problem in problems)
    rows = _rows_of_reads([entry for entry in found if entry.kind in ("vcf", "maf", "counts")], folder)
    if not rows:
        raise InputError(problems or "no file that holds mutations was given")
    for entry in found:
        if entry.kind in ("cn_segments", "purity_file"):
            notes.extend(_attach(entry, rows, folder))
    _guess_patients(rows)
    notes.extend(_guess_sites(rows))
    for column, what in (("cn_segments", "segments"), ("purity_file", "purity")):
        without = [row.sample for row in rows if column not in row.files]
        if without and len(without) < len(rows):
            notes.append(f"no {what} found for {', '.join(without)}")
    return rows, notes


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            yield from (p for p in inside if p.suffix not in (".tbi", ".csi", ".idx", ".bai", ".md5", ".log", ".json"))
        else:
            yield path


def _look(path: Path) -> _Found:
    """Kind and samples of a file, by what is in it."""
    display = str(path)
    with open_binary(path, display) as binary:
        head = binary.read(64)
    if head.startswith((b"##fileformat=VCF", b'"##fileformat=VCF')) or head[:3] == b"BCF":
        return _look_at_vcf(path, display, is_bcf=head[:3] == b"BCF")
    table = open_long_table(path, display)
    try:
        lowered = {name.lower() for name in table.original}
        if _is_segments(path, display):
            segments = TableReader(path, display, aliases=SEGMENT_ALIASES)
            return _Found(path, "cn_segments", _distinct(segments, "sample"))
        if "sample_id" in table and looks_long(table):
            kind: Kind = "maf" if lowered & {"hugo_symbol", "tumor_sample_barcode"} else "counts"
            return _Found(path, kind, _distinct(table, "sample_id"))
        if looks_long(table):
            return _Found(path, "counts", ("",))
    finally:
        table.close()
    try:
        read_purity_file(path, display=display)
        return _Found(path, "purity_file", ("",))
    except InputError:
        pass
    calls = read_count_table(path, None, display=display)
    if calls.n_mutations < 2 and calls.nominal:
        raise InputError("is neither VCF, MAF, table of reads, segments nor purity file", file=display)
    return _Found(path, "counts", tuple(calls.samples))


def _look_at_vcf(path: Path, display: str, *, is_bcf: bool) -> _Found:
    from phylometa.io.variants import bcf_lines

    lines = bcf_lines(path, display) if is_bcf else iter(open_text(path, display, newline="\n"))
    header = read_header(lines, display)
    normals = {name for name in header.columns if name in header.normals or NORMAL_NAME.search(name)}
    tumours = [name for name in header.columns if name in header.tumors] or [
        name for name in header.columns if name not in normals and not RNA_NAME.search(name)
    ]
    return _Found(path, "vcf", tuple(tumours) or ("",), normal=next(iter(sorted(normals)), ""))


def _is_segments(path: Path, display: str) -> bool:
    table = TableReader(path, display, aliases=SEGMENT_ALIASES)
    table.close()
    present = set(table.header) | {name.lower() for name in table.original}
    has_place = {"chrom", "start", "end"} <= set(table.header)
    return has_place and any(present.issuperset(dialect.columns) for dialect in SEGMENT_DIALECTS)


def _distinct(table: TableReader, column: str) -> tuple[str, ...]:
    """Names in a column, in their order; ('',) without the column."""
    at = table.index(column)
    if at < 0:
        table.close()
        return ("",)
    names = dict.fromkeys(fields[at].strip() for _, fields in table)
    return tuple(name for name in names if not is_missing(name) and name.lower() not in ("diploid", "normal"))


def _rows_of_reads(found: Sequence[_Found], folder: Path) -> list[GuessedRow]:
    """A row for every tumour sample of every file; files of one sample share its row."""
    rows: dict[str, GuessedRow] = {}
    for entry in found:
        for name in entry.samples:
            is_generic = plain_word(name) in ("tumor", "tumour", "", "sample", "1")
            sample = _sample_of_file(entry.path) if is_generic else name
            sample = re.sub(r"[/\\\x00-\x1f\x7f]", "_", sample).lstrip(".") or "sample"
            row = rows.setdefault(sample, GuessedRow("", sample))
            row.files.setdefault(entry.kind, []).append(_relative(entry.path, folder))
            row.normal_sample = row.normal_sample or entry.normal
            if not is_generic and sample != name:
                row.vcf_sample = name
    for row in rows.values():  # one kind of reads per row: the most direct
        kinds = [kind for kind in ("vcf", "maf", "counts") if kind in row.files]
        for kind in kinds[1:]:
            del row.files[kind]
    return list(rows.values())


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[._\-\s]+", name) if part]


def _sample_of_file(path: Path) -> str:
    """A file's name without the words that every such file has."""
    kept = [part for part in _parts(path.name) if part.lower() not in NOISE]
    return "_".join(kept) or path.name.split(".")[0]


def _attach(entry: _Found, rows: list[GuessedRow], folder: Path) -> list[str]:
    """Give a file of segments or purity to its samples; a note if it has none."""
    relative = _relative(entry.path, folder)
    n_known = 0
    for name in entry.samples:
        row = _row_of(name or _sample_of_file(entry.path), rows)
        if row is None and name and len(entry.samples) == 1:
            row = _row_of(_sample_of_file(entry.path), rows)
        if row is not None:
            row.files.setdefault(entry.kind, [relative])
            n_known += 1
    if n_known:
        return []
    what = "segments" if entry.kind == "cn_segments" else "purity"
    named = ", ".join(filter(None, entry.samples)) or "nowhere"
    return [f"{entry.path}: {what} of no sample that was found (named {named})"]


def _row_of(name: str, rows: list[GuessedRow]) -> GuessedRow | None:
    """The row whose sample has the name: the same, or the only one whose parts are all in it or hold all of its."""
    exact = [row for row in rows if row.sample.lower() == name.lower()]
    if exact:
        return exact[0]
    wanted = {part.lower() for part in _parts(name)}
    fitting = [
        row
        for row in rows
        if wanted and ((parts := {part.lower() for part in _parts(row.sample)}) <= wanted or wanted <= parts)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _guess_patients(rows: list[GuessedRow]) -> None:
    """Patient: the first part of the samples' names if several samples share it and it is not all of a name."""
    first = {row.sample: _parts(row.sample)[:1] for row in rows}
    if all(row.sample.startswith("TCGA-") for row in rows):
        for row in rows:
            row.patient = "-".join(row.sample.split("-")[:3])
        return
    leads = [lead[0] for lead in first.values() if lead]
    is_lead = len(leads) == len(rows) and all(
        len(_parts(row.sample)) > 1 and _says(lead) is None and leads.count(lead) > 1 and lead.lower() not in NOISE
        for row, lead in zip(rows, leads)
    )
    for row, lead in zip(rows, leads if is_lead else ["P1"] * len(rows)):
        row.patient = lead if is_name(lead) else "P1"


def _says(word: str, *, letters: bool = False) -> str | None:
    """Class of site that a part of a name says; numbers at its end are regions."""
    stem = re.sub(r"\d+[a-z]?$", "", word.lower())
    return TYPE_WORDS.get(stem) or (LETTERS.get(stem) if letters else None)


def _organ(part: str) -> str:
    """Find the organ that a part of a name refers to; its numbers are regions, not vertebrae."""
    word = re.sub(r"\d+$", "", part.lower())
    return word if len(word) > 2 and find_organ(word) else ""


def _lesion(parts: list[str]) -> str:
    """Name of a lesion out of the parts of a sample's name: of two numbers at the end the second is the region."""
    if len(parts) > 2 and parts[-1].isdigit() and parts[-2].isdigit():
        parts = parts[:-1]
    return "" if all(part.isdigit() for part in parts) else "_".join(parts)


def _guess_sites(rows: list[GuessedRow]) -> list[str]:
    """Site and type from the parts of the sample's name; what is not told is left to the user."""
    for row in rows:
        parts = [part for part in _parts(row.sample) if part.lower() != row.patient.lower()]
        organs = [organ for part in parts if (organ := _organ(part))]
        kinds = [kind for part in parts if (kind := _says(part))]
        if not kinds and len(parts) == 1:
            kinds = [kind for part in parts if (kind := _says(part, letters=True))]
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
            row.site = "primary" if row.site_type == "primary" else _lesion(parts) or row.sample
    names = ", ".join(row.sample for row in rows)
    notes = [f"sites of {names} are read in the names; regions of one lesion share a site"]
    untold = ", ".join(row.sample for row in rows if not row.site_type)
    if untold:
        notes.append(f"site_type of {untold} is not told by the name: write primary, metastasis, lymph_node ...")
    return notes
