"""Damaged inputs: files of every format, damaged at random, and what must hold whatever the damage.

A reader may refuse a file with `InputError` or read it; nothing else. What it reads must be consistent, and the numbers
of every line that the damage left alone must be those of the undamaged file.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pysam
from io_files import RECORDS, VCF_HEADER, rewrite, two_samples, write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.clinical import read_drivers, read_lesions, read_purity_file, read_treatments
from phylometa.io.paired_tables import read_paired_tables
from phylometa.io.segments import read_segments
from phylometa.io.sheet import read_sheet
from phylometa.io.sheet_guess import guess_sheet
from phylometa.io.tables import read_counts, read_patient
from phylometa.io.validate import validate_sheet
from phylometa.model.patient import Patient

# CPU seconds a reader may take over one small file; more would be a hang.
PATIENCE = 5.0
TOKENS = [
    *(
        b"-1",
        b"NA",
        b"nan",
        b"inf",
        b"1e999",
        b"1e5",
        b"0x1F",
        b"1_0",
        b"99999999999999999999",
        b"4294967296",
        b"2147483648",
    ),
    *(
        b"",
        b".",
        b"0",
        b"1.5",
        b"+3",
        b" 7 ",
        "１２".encode(),
        "٣".encode(),
        b"\xff\xfe",
        b"\x00",
        b'"',
        b"'",
        b"#",
        b"##",
    ),
    *(
        b"\t",
        b"\n",
        b"\r",
        b",",
        b";",
        b":",
        b"|",
        b"chr",
        b"X",
        b"MT",
        b"<DEL>",
        b"PASS",
        b"GT:AD",
        b"S1",
        b"true",
        b"../..",
    ),
]


@dataclass
class Case:
    """One kind of input: how to write the good file, how to read it, which of its files is damaged."""

    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    damaged: str = ""


@dataclass
class Tally:
    """What became of the damaged inputs, by kind."""

    read: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        return self.read.total() + self.refused.total()


def _sheet(folder: Path) -> Path:
    return two_samples(folder)


def _packed(folder: Path) -> Path:
    sheet = two_samples(folder)
    (folder / "calls.vcf").write_bytes(gzip.compress((folder / "calls.vcf").read_bytes(), mtime=0))
    return sheet


def _bcf(folder: Path) -> Path:
    sheet = two_samples(folder)
    header = [*VCF_HEADER, "##contig=<ID=chr1>", "##contig=<ID=chr2>", '##FILTER=<ID=germline,Description="g">']
    plain = write_vcf(folder / "plain.vcf", RECORDS, header=header)
    with (
        pysam.VariantFile(str(plain)) as source,
        pysam.VariantFile(str(folder / "calls.vcf"), "wb", header=source.header) as out,
    ):
        for record in source:
            out.write(record)
    return sheet


def _maf(folder: Path) -> Path:
    rows = [f"G{i} {1 + i % 3} {100 + i} A T {50 + i} {i} S{1 + i % 2} PASS" for i in range(12)]
    write_table(
        folder / "x.maf",
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 t_ref_count t_alt_count "
        "Tumor_Sample_Barcode FILTER",
        *rows,
    )
    return write_table(folder / "samples.tsv", "patient sample site maf", "P S1 a x.maf", "P S2 b x.maf")


def _counts(folder: Path) -> Path:
    rows = [f"m{i} S{s} {50 + i} {i + s} 2 1 2 0.{s} 0.001 c{i % 3}" for i in range(6) for s in (1, 2)]
    header = "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn tumour_content error_rate cluster"
    return write_table(folder / "counts.tsv", header, *rows)


def _wide(folder: Path) -> Path:
    rows = [f"m{i} {50 + i}/{i} {20 + i}/{i}" for i in range(1, 7)]
    return write_table(folder / "wide.tsv", "mutation_id S1 S2", *rows)


def _fractions(folder: Path) -> Path:
    rows = [f"m{i} 0.{i} 0.{9 - i}" for i in range(1, 7)]
    return write_table(folder / "ccf.csv", "mutation_id S1.ccf S2.ccf", *rows, delimiter=",")


def _machina(folder: Path) -> Path:
    path = folder / "reads.tsv"
    rows = [f"{s}\tS{s}\t{s}\tsite{s}\t{i}\tm{i}\t{50 + i}\t{i}" for s in (1, 2) for i in range(1, 5)]
    names = (
        "#sample_index sample_label anatomical_site_index anatomical_site_label character_index character_label ref var"
    )
    header = "\t".join(names.split())
    path.write_text("\n".join(["2 #anatomical sites", "2 #samples", "4 #mutations", header, *rows]) + "\n")
    return path


def _pairtree(folder: Path) -> Path:
    params = {"samples": ["S1", "S2"], "clusters": [["s0", "s1"], ["s2"]], "garbage": []}
    (folder / "x.params.json").write_text(json.dumps(params))
    rows = [f"s{i} G{i} {i + 1},{i + 2} 50,60 0.5,0.5" for i in range(3)]
    return write_table(folder / "x.ssm", "id name var_reads total_reads var_read_prob", *rows)


def _segments(header: str, row: str) -> Callable[[Path], Path]:
    rows = [row.replace("FROM", str(1000 * i + 1)).replace("TO", str(1000 * i + 900)) for i in range(6)]
    return lambda folder: write_table(folder / "segments.tsv", header, *rows)


def _all_segments(path: Path) -> object:
    from phylometa.io.vcf_header import SampleRequest

    return read_segments(path, [SampleRequest("S1", ("S1",))])


SEGMENT_FILES = {
    "ascat": ("sample chr startpos endpos nMajor nMinor", "S1 1 FROM TO 2 1"),
    "battenberg": (
        "chr startpos endpos BAF ntot nMaj1_A nMin1_A frac1_A nMaj2_A nMin2_A frac2_A",
        "1 FROM TO .6 3 2 1 0.3 1 1 0.7",
    ),
    "facets": ("chrom seg start end cf.em tcn.em lcn.em", "1 1 FROM TO 0.9 3 NA"),
    "sequenza": ("chromosome start.pos end.pos Bf CNt A B", "1 FROM TO .3 4 3 1"),
    "purple": (
        "chromosome start end copyNumber minorAlleleCopyNumber majorAlleleCopyNumber",
        "1 FROM TO 2.9 0.05 2.85",
    ),
    "cnvkit": ("chromosome start end gene log2 baf cn cn1 cn2", "1 FROM TO - .5 _ 3 2 1"),
    "phylowgs": ("chromosome start end major_cn minor_cn cellular_prevalence", "1 FROM TO 3 1 0.4"),
    "absolute": ("sample Chromosome Start.bp End.bp modal.a1 modal.a2", "S1 1 FROM TO 0 2"),
    "medicc2": ("sample_id chrom start end cn_a cn_b", "S1 1 FROM TO 1 2"),
}
SITES = ("breast", "liver")


def _treatments(folder: Path) -> Path:
    header = "patient site kind start end dose_gy fractions"
    return write_table(
        folder / "t.tsv", header, "P liver radiotherapy 2020-01-01 2020-02-01 50 25", "P _ systemic 2021-01-01 _ _ _"
    )


def _lesions(folder: Path) -> Path:
    return write_table(
        folder / "l.tsv", "patient site date diameter_cm", "P liver 2020-01-01 2.5", "P liver 2020-06-01 3"
    )


def _genes(folder: Path) -> Path:
    return write_table(folder / "g.txt", "gene", "TP53", "KRAS")


def _purity(folder: Path) -> Path:
    return write_table(folder / "p.txt", "AberrantCellFraction Ploidy", "0.9 2.1")


def _clonevol(folder: Path) -> Path:
    rows = [f"{i % 3 + 1} G{i % 2} {40 - i} {30 - i} 100 90" for i in range(6)]
    return write_table(folder / "clonevol.tsv", "cluster gene P.vaf R.vaf P.depth R.depth", *rows)


def _pair(folder: Path) -> Path:
    header = "Chromosome Position Change Gene S1 S2"
    places = [f"chr{i} {i}00 A>T G{i}" for i in range(1, 6)]
    write_table(folder / "cov.txt", header, *(f"{place} 10{i} 90" for i, place in enumerate(places)))
    return write_table(folder / "mut.txt", header, *(f"{place} 4{i} -1" for i, place in enumerate(places)))


def _read_pair(path: Path) -> object:
    return read_paired_tables([path, path.with_name("cov.txt")], None, displays=["mut.txt", "cov.txt"])


def _callers(folder: Path) -> Path:
    path = two_samples(folder)
    for name in ("a.vcf", "b.vcf"):
        (folder / name).write_bytes((folder / "calls.vcf").read_bytes())
    rows = [f"P {sample} {sample} a.vcf;b.vcf majority b.vcf" for sample in ("S1", "S2")]
    return write_table(path, "patient sample site vcf vcf_merge counts_from", *rows)


# header and a row of which {i} is the mutation, {s} the sample
TABLES = {
    "CONIPHER": (
        "CASE_ID SAMPLE CHR POS REF ALT REF_COUNT VAR_COUNT COPY_NUMBER_A COPY_NUMBER_B ACF",
        "C S{s} {i} {i}00 A T 60 4{i} 2 1 0.{s}",
    ),
    "DeCiFer": (
        "#sample_index sample_label character_index character_label ref var",
        "{s} S{s} {i} m{i} 60 {i} 1 1 0.4 3 2 0.6",
    ),
    "VAFs, long": ("mutation_id sample_id vaf", "m{i} S{s} 4{i}%"),
    "PhyloWGS": ("id gene a d mu_r mu_v", "s{i}{s} 1_{i}00 60,70 100,90 0.999 0.5"),
    "CALDER": ("_ m1 m1 m2 m2", "S{i}{s} 60 4{i} 70 3{i}"),
    "LICHeE": ("#chrom pos DESC Normal R1 R2", "chr{i} {i}0{s} d{i} 0 0.4{i} 0.2"),
}


def _tool(header: str, row: str) -> Callable[[Path], Path]:
    rows = [row.format(i=i, s=s) for i in range(1, 5) for s in (1, 2)]
    return lambda folder: write_table(folder / "table.tsv", header, *rows)


TOOLS = (
    Case("ClonEvol", _clonevol, read_counts),
    *(Case(name, _tool(*table), read_counts) for name, table in TABLES.items()),
    Case("pair of tables", _pair, _read_pair),
    Case("several callers", _callers, read_patient, "a.vcf"),
    Case("sheet that is guessed", _maf, lambda path: guess_sheet([path.parent], path.parent), "x.maf"),
)
CASES = (
    Case("sheet", _sheet, read_sheet),
    Case("sheet, validated", _sheet, validate_sheet),
    Case("sheet and its files", _sheet, read_patient),
    Case("VCF", _sheet, read_patient, "calls.vcf"),
    Case("VCF, gzip", _packed, read_patient, "calls.vcf"),
    Case("BCF", _bcf, read_patient, "calls.vcf"),
    Case("segments of a patient", _sheet, read_patient, "segments.tsv"),
    Case("MAF", _maf, read_patient, "x.maf"),
    Case("counts", _counts, read_counts),
    Case("wide matrix", _wide, read_counts),
    Case("wide fractions", _fractions, read_counts),
    Case("MACHINA", _machina, read_counts),
    Case("Pairtree ssm", _pairtree, read_counts),
    Case("Pairtree params", _pairtree, read_counts, "x.params.json"),
    *(Case(f"segments, {name}", _segments(*file), _all_segments) for name, file in SEGMENT_FILES.items()),
    Case("purity file", _purity, lambda path: read_purity_file(path)),
    Case("treatments", _treatments, lambda path: read_treatments(path, "P", SITES)),
    Case("lesions", _lesions, lambda path: read_lesions(path, "P", SITES)),
    Case("genes", _genes, read_drivers),
    *TOOLS,
)


def damage(data: bytes, rng: random.Random) -> bytes:
    """One to three changes: cut, flipped bytes, pieces deleted, repeated or moved, tokens replaced, random files."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        n = len(data)
        kind = rng.randrange(10)
        at, to = sorted((rng.randrange(n + 1), min(n, rng.randrange(n + 1)))) if n else (0, 0)
        to = min(to, at + rng.choice((1, 3, 20, 200)))
        if kind == 0:
            data = data[:at]
        elif kind == 1 and n:
            changed = bytearray(data)
            for _ in range(rng.choice((1, 2, 10))):
                changed[rng.randrange(n)] = rng.randrange(256)
            data = bytes(changed)
        elif kind == 2:
            data = data[:at] + data[to:]
        elif kind == 3:
            data = data[:to] + data[at:to] * rng.choice((1, 2, 50)) + data[to:]
        elif kind == 4:
            data = data[:at] + rng.choice(TOKENS) + data[at:]
        elif kind in (5, 6, 7):
            data = _replace_token(data, rng)
        elif kind == 8:
            lines = data.splitlines(keepends=True)
            rng.shuffle(lines)
            data = b"".join(lines)
        else:
            data = rng.randbytes(rng.choice((0, 1, 10, 300))) if rng.random() < 0.3 else data[at:] + data[:at]
    return data


def _replace_token(data: bytes, rng: random.Random) -> bytes:
    """A field of the table replaced by something that is no such field."""
    delimiter = max((b"\t", b",", b";", b":"), key=data.count)
    parts = data.split(delimiter)
    parts[rng.randrange(len(parts))] = rng.choice(TOKENS)
    return delimiter.join(parts)


def check_patient(patient: Patient) -> None:
    """What holds of any patient that was read."""
    alt, depth = np.asarray(patient.mutations.alt_counts), np.asarray(patient.mutations.depth)
    assert len(patient.mutations.ids) > 0
    assert (alt >= 0).all() and (alt <= depth).all() and (depth <= 2_000_000_000).all()
    for name in ("major", "minor", "total", "major2", "minor2"):
        values = np.asarray(getattr(patient.copy_number, name))
        assert not (values < 0).any() and not np.isinf(values).any()
    assert not np.isnan(patient.copy_number.normal).any()
    fraction = np.asarray(patient.copy_number.fraction)
    assert ((fraction > 0) & (fraction <= 1)).all()
    purity = patient.purity
    assert (np.isnan(purity) | ((purity > 0) & (purity <= 1))).all()


def cells_of(patient: Patient) -> dict[tuple[str, str], tuple[int, int]]:
    """(mutation, sample) to (alternate reads, depth)."""
    table = patient.mutations
    return {
        (name, sample): (int(table.alt_counts[i, k]), int(table.depth[i, k]))
        for i, name in enumerate(table.ids)
        for k, sample in enumerate(table.sample_names)
    }


def check_untouched_lines(case: Case, good: bytes, bad: bytes, before: Patient, after: Patient) -> None:
    """Numbers of a VCF's or a counts table's lines that the damage left alone are what they were."""
    if case.name not in ("VCF", "counts"):
        return
    mark = good.index(b"\n", good.index(b"#CHROM")) if case.name == "VCF" else good.index(b"\n")
    if bad[: mark + 1] != good[: mark + 1]:
        return
    lines = bad[mark + 1 :].split(b"\n")
    known, now = cells_of(before), cells_of(after)
    for line in good[mark + 1 :].split(b"\n"):
        fields = line.decode().split("\t")
        if len(fields) < 3:
            continue
        chosen = [
            (f"{fields[0]}:{fields[1]}:{fields[3]}:{alt}", s) for alt in fields[4].split(",") for s in ("S1", "S2")
        ]
        keys = chosen if case.name == "VCF" else [(fields[0], fields[1])]
        start = line[: line.index(b"\t", line.index(b"\t") + 1)]
        if lines.count(line) != 1 or sum(start in other for other in lines) != 1:
            continue
        for key in keys:
            if key in known and key in now:
                assert now[key] == known[key], (case.name, key, now[key], known[key])


def prepare(folder: Path, cases: tuple[Case, ...]) -> Iterator[tuple[Case, Path, Path, bytes, object]]:
    """(case, file that is read, file that is damaged, its bytes, what is read of the undamaged one) of every case."""
    for i, case in enumerate(cases):
        place = folder / str(i)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        main = case.write(place)
        target = place / case.damaged if case.damaged else main
        yield case, main, target, target.read_bytes(), case.read(main)


def with_huge_numbers(data: bytes) -> Iterator[bytes]:
    """The data with every run of digits in turn replaced by a number that no machine integer holds."""
    for found in re.finditer(rb"\d+", data):
        yield data[: found.start()] + b"99999999999999999999" + data[found.end() :]


def fuzz(n: int, seed: int, folder: Path, cases: tuple[Case, ...] = CASES) -> Tally:
    """Damage `n` inputs and read them; raises what a reader should not have raised.

    The input that did it is left in `folder`.
    """
    rng = random.Random(seed)
    tally = Tally()
    prepared = list(prepare(folder, cases))
    for i in range(n):
        case, main, target, data, good = prepared[i % len(prepared)]
        bad = damage(data, rng)
        rewrite(target, bad)
        started = time.process_time()
        try:
            found = case.read(main)
        except InputError as error:
            assert error.problems and all(problem.message for problem in error.problems)
            tally.refused[case.name] += 1
        else:
            tally.read[case.name] += 1
            if isinstance(found, Patient) and isinstance(good, Patient):
                check_patient(found)
                check_untouched_lines(case, data, bad, good, found)
        assert time.process_time() - started < PATIENCE, f"{case.name}: a hang"
        if bad != data:
            rewrite(target, data)
    return tally
