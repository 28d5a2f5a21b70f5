"""The header of a VCF: its dialect, its columns, and which column is which sample. By name, never by position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from phylometa.errors import InputError, Problem
from phylometa.io.problems import ProblemList

__all__ = ["SampleRequest", "VcfHeader", "match_columns", "normal_columns", "read_header"]

FIXED_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
# Substring of the header (lower case) to the name of the caller; the first that occurs.
CALLERS = (
    ("varlociraptor", "varlociraptor"),
    ("purple", "PURPLE"),
    ("sageversion", "SAGE"),
    ("mutect2", "Mutect2"),
    ("mutect", "MuTect"),
    ("strelka", "Strelka"),
    ("varscan", "VarScan"),
    ("id=tier1", "MuSE"),
    ("vardict", "VarDict"),
    ("id=shift3,", "VarDict"),
    ("lofreq", "LoFreq"),
    ("sniper", "SomaticSniper"),
    ("id=ssc,", "SomaticSniper"),
    ("pindel", "Pindel"),
    ("freebayes", "FreeBayes"),
    ("platypus", "Platypus"),
    ("sage", "SAGE"),
    ("octopus", "Octopus"),
    ("clairs", "ClairS"),
    ("deepsomatic", "DeepSomatic"),
)
# Lines that describe fields may mention any other program.
DESCRIBING = ("##info=", "##format=", "##filter=", "##contig=", "##alt=")
TUMOR_NAMES = frozenset(("tumor", "tumour"))
NORMAL_NAME = re.compile(r"(?i)normal|germline|blood|control|(^|[_.\-])(N[LB]?|ref|reference|pbmc|wbc|buffy)$")
RNA_NAME = re.compile(r"(?i)(^|[_.\-])rna|rna($|[_.\-])")
ID_FIELD = re.compile(r"<ID=([^,>]+)")
NUMBER_FIELD = re.compile(r"[<,]Number=([^,>]+)")


class SampleRequest(NamedTuple):
    """A sample a file should hold: its name in the sheet, names to look for, whether the first of them is binding.

    What else the sheet says of it: its normal, its purity (NaN if not stated), the species of its genome ('' likewise),
    whether it is a matched normal itself.
    """

    sample: str
    names: tuple[str, ...]
    is_explicit: bool = False
    normal: str = ""
    purity: float = float("nan")
    genome: str = ""
    is_normal: bool = False


@dataclass
class VcfHeader:
    """What the header says.

    Parameters
    ----------
    columns : sample columns, in the file's order
    n_lines : number of lines up to and with ``#CHROM``
    caller : name of the caller as far as the header gives it away, '' otherwise
    ad_number : the header's Number of FORMAT AD, '' if not declared
    filters : FILTER words declared
    tumors, normals : names given by ``##tumor_sample=`` and ``##normal_sample=``
    is_merged : whether bcftools put files of single samples together: a missing cell then means "not listed"
    gene_fields : (INFO key, position within the first annotation) that hold a gene symbol; -1: the whole value
    """

    columns: tuple[str, ...] = ()
    n_lines: int = 0
    caller: str = ""
    ad_number: str = ""
    filters: frozenset[str] = frozenset()
    tumors: tuple[str, ...] = ()
    normals: tuple[str, ...] = ()
    gene_fields: tuple[tuple[str, int], ...] = ()
    is_quoted: bool = False
    is_merged: bool = False
    warnings: list[str] = field(default_factory=list)


def read_header(lines: Iterator[str], display: str) -> VcfHeader:
    """Read up to the ``#CHROM`` line.

    Raises
    ------
    InputError
        Naming the line and how to mend it: no ``##fileformat``, no ``#CHROM`` line, blanks in place of tabs, columns
        that are missing, sample columns of one name.
    """
    header = VcfHeader()
    meta: list[str] = []
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n")
        if line.startswith('"') and line[1:2] == "#":
            header.is_quoted = True
            line = line.strip('" \t').replace('""', '"')
        line = line.rstrip()
        if number == 1 and line.upper().startswith("\t".join(FIXED_COLUMNS[:5])):
            header.warnings.append(
                f"{display}: begins with the line #CHROM POS ...: its header was cut, so the caller and the meaning of "
                "its fields are read in the records alone"
            )
        elif number == 1 and not line.lower().startswith("##fileformat=vcf"):
            raise InputError(
                "does not begin with ##fileformat=VCFv4.x: no VCF, or its header was cut; if it is one, add the line "
                "##fileformat=VCFv4.2 at the top",
                file=display,
                row=1,
            )
        if line.startswith("##"):
            meta.append(line)
        elif line.startswith("#"):
            header.n_lines = number
            header.columns = _sample_columns(line, number, display)
            break
        elif line:
            raise InputError("a record comes before the line #CHROM POS ID REF ALT ...", file=display, row=number)
    else:
        raise InputError("the line #CHROM POS ID REF ALT ... is missing", file=display)
    if header.is_quoted:
        header.warnings.append(
            f"{display}: header lines stand in quotes (a spreadsheet's export?); the quotes were passed over"
        )
    _interpret(header, meta)
    return header


def _sample_columns(line: str, number: int, display: str) -> tuple[str, ...]:
    names = [name.strip() for name in line.split("\t")]
    if len(names) == 1 and len(line.split()) >= len(FIXED_COLUMNS):
        raise InputError("columns are separated by blanks; a VCF needs tabs", file=display, row=number)
    for i, want in enumerate(FIXED_COLUMNS):
        found = names[i] if i < len(names) else "nothing"
        if found.upper() != want:
            raise InputError(f"column {i + 1} of the header is {found}, expected {want}", file=display, row=number)
    if len(names) > 8 and names[8].upper() != "FORMAT":
        raise InputError(f"column 9 of the header is {names[8]}, expected FORMAT", file=display, row=number)
    samples = names[9:]
    twice = sorted({name for name in samples if samples.count(name) > 1})
    if twice:
        raise InputError(f"sample columns have the same name: {', '.join(twice)}", file=display, row=number)
    return tuple(samples)


def _interpret(header: VcfHeader, meta: list[str]) -> None:
    lowered = "\n".join(line for line in meta if not line.startswith("##contig")).lower()
    header.caller = _caller(lowered)
    header.is_merged = "##bcftools_mergecommand=" in lowered
    tumors, normals, filters = [], [], []
    genes: list[tuple[str, int]] = []
    for line in meta:
        tag, _, value = line[2:].partition("=")
        tag = tag.lower()
        if tag == "tumor_sample":
            tumors.append(value.strip())
        elif tag == "normal_sample":
            normals.append(value.strip())
        elif tag in ("filter", "format", "info"):
            found = ID_FIELD.search(value)
            name = found.group(1) if found else ""
            if tag == "filter":
                filters.append(name)
            elif tag == "format" and name == "AD":
                number = NUMBER_FIELD.search(value)
                header.ad_number = number.group(1) if number else ""
            elif tag == "info":
                genes.extend(_gene_field(name, value))
    header.filters = frozenset(filters)
    header.tumors, header.normals = tuple(tumors), tuple(normals)
    header.gene_fields = tuple(genes)


def _caller(lowered: str) -> str:
    """Name of the caller: by the lines in which a program names itself, else by what only it writes."""
    own = "\n".join(line for line in lowered.split("\n") if not line.startswith(DESCRIBING))
    return next((name for text in (own, lowered) for word, name in CALLERS if word in text), "")


def _gene_field(name: str, description: str) -> list[tuple[str, int]]:
    """Where VEP (CSQ), SnpEff (ANN), Funcotator, ANNOVAR or a plain GENE key keep the gene symbol."""
    if name == "ANN":
        return [("ANN", 3)]
    if name == "FUNCOTATION":
        return [("FUNCOTATION", 0)]
    if name == "CSQ":
        keys = description.rpartition("Format:")[2].strip(' ">').split("|")
        return [("CSQ", keys.index("SYMBOL"))] if "SYMBOL" in keys else []
    return [(name, -1)] if name in ("GENE", "Gene.refGene", "SYMBOL") else []


def match_columns(header: VcfHeader, requests: Sequence[SampleRequest], display: str) -> list[int]:
    """Find the index into the sample columns of every requested sample.

    Tried in this order: a column of that name; for a file that one row names alone, the header's ``##tumor_sample=``;
    a single column that ends in the name (``patient_sample``); for such a file again, a column named TUMOR.

    Raises
    ------
    InputError
        Naming each sample without a column, and the columns there are.
    """
    problems = ProblemList(display)
    chosen: list[int] = []
    for request in requests:
        column = _match(header, request, alone=len(requests) == 1)
        if column is None:
            found = ", ".join(header.columns) or "none"
            problems.add(
                f"sample {request.names[0]} has no column (columns found: {found}); name it in the sheet's vcf_sample"
            )
        elif column in chosen:
            problems.add(
                f"column {header.columns[column]} fits {requests[chosen.index(column)].sample} and {request.sample}"
            )
        elif header.columns[column] in header.normals:
            header.warnings.append(
                f"{display}: column {header.columns[column]} is read as tumour {request.sample}, but the header says "
                "that it is the normal (##normal_sample); check vcf_sample in the sheet"
            )
        chosen.append(-1 if column is None else column)
    problems.check()
    return chosen


def _match(header: VcfHeader, request: SampleRequest, *, alone: bool) -> int | None:
    columns = header.columns
    for name in request.names[:1] if request.is_explicit else request.names:
        if name in columns:
            return columns.index(name)
    if request.is_explicit:
        return None
    tumors = [columns.index(name) for name in header.tumors if name in columns]
    if alone and len(tumors) == 1:
        return tumors[0]
    for name in request.names:
        ending = [i for i, column in enumerate(columns) if re.search(rf"[_.\-]{re.escape(name)}$", column)]
        if len(ending) == 1:
            return ending[0]
    generic = [i for i, column in enumerate(columns) if column.lower() in TUMOR_NAMES]
    return generic[0] if alone and len(generic) == 1 else None


def normal_columns(header: VcfHeader, chosen: Sequence[int], requests: Sequence[SampleRequest]) -> dict[str, int]:
    """Find the matched normals of a patient among the sample columns that are not `chosen`: name to index.

    Rows of the sheet that are normals, by their names; else the column that the sheet's ``normal_sample``, then the
    header's ``##normal_sample=``, then the name of the column tells. Of several that are told by the header or by name
    alone none is taken: they may belong to other patients.
    """
    free = [i for i in range(len(header.columns)) if i not in chosen]
    wanted = {name: request.sample for request in requests if request.is_normal for name in request.names}
    found = {wanted[header.columns[i]]: i for i in free if header.columns[i] in wanted}
    if found:
        return found
    stated = {request.normal for request in requests if request.normal}
    named = [i for i in free if header.columns[i] in stated]
    if not named:
        named = [i for i in free if header.columns[i] in header.normals]
        named = named or [i for i in free if NORMAL_NAME.search(header.columns[i])]
        if len(named) != 1:
            return {}
    return {header.columns[i]: i for i in named}


def describe_left_out(header: VcfHeader, chosen: Sequence[int], requests: Sequence[SampleRequest]) -> dict[str, str]:
    """Sample columns that are not read, with what they are taken for."""
    normals = {*header.normals, *(request.normal for request in requests)}
    left_out = {}
    for i, column in enumerate(header.columns):
        if i in chosen:
            continue
        if column in normals or NORMAL_NAME.search(column):
            left_out[column] = "normal"
        else:
            left_out[column] = "RNA" if RNA_NAME.search(column) else "not in the sheet"
    return left_out


def refuse_without_counts(header: VcfHeader, display: str) -> None:
    """Callers that write no read counts at all."""
    if header.caller == "varlociraptor":
        raise InputError(
            [
                Problem(
                    "Varlociraptor writes probabilities, no read counts: give the calls of another caller, or genotype "
                    "the sites in the BAMs",
                    display,
                )
            ]
        )
