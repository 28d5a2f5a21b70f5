"""Bad input: one clear message that names file, row, column and value; never another exception."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from io_files import RECORDS, VCF_HEADER, rewrite, two_samples, write_table, write_vcf

from phylometa.cli import main
from phylometa.errors import InputError
from phylometa.io.tables import read_patient
from phylometa.io.validate import validate_sheet

SHEET = "patient sample site site_type purity vcf cn_segments sex"
COUNTS = "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn tumour_content"


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace a text of one of the patient's files."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        rewrite(folder / name, text.replace(old, new))

    return change


def without_segments(*edits: tuple[str, str]) -> Callable[[Path], None]:
    """Edits of a sheet whose column of segments has another name: it would do without reads."""

    def change(folder: Path) -> None:
        for old, new in (("cn_segments", "files"), *edits):
            edit("samples.tsv", old, new)(folder)

    return change


def overwrite(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder / name, data)


def records(
    *lines: str, header: list[str] | None = None, samples: tuple[str, ...] = ("S1", "S2")
) -> Callable[[Path], None]:
    return lambda folder: write_vcf(folder / "calls.vcf", list(lines), header=header, samples=samples) and None  # type: ignore[func-returns-value]


def counts(*rows: str, header: str = COUNTS) -> Callable[[Path], None]:
    """The patient's reads in a counts table."""

    def change(folder: Path) -> None:
        write_table(folder / "counts.tsv", header, *rows)
        write_table(folder / "samples.tsv", "patient sample site counts", "P S1 a counts.tsv", "P S2 b counts.tsv")

    return change


def segments(*rows: str, header: str = "sample chrom start end major_cn minor_cn") -> Callable[[Path], None]:
    return lambda folder: write_table(folder / "segments.tsv", header, *rows) and None  # type: ignore[func-returns-value]


def cut_gzip(folder: Path) -> None:
    write_vcf(folder / "c.vcf.gz", RECORDS * 50)
    data = (folder / "c.vcf.gz").read_bytes()
    rewrite(folder / "c.vcf.gz", data[: len(data) // 2])
    edit("samples.tsv", "calls.vcf", "c.vcf.gz")(folder)


def corrupt_gzip(folder: Path) -> None:
    data = bytearray(gzip.compress((folder / "calls.vcf").read_bytes()))
    data[len(data) // 2] ^= 0xFF
    rewrite(folder / "calls.vcf", bytes(data))


GOOD = "chr1 100 . A T . PASS . GT:AD:DP 0/1:60,40:100 0/1:60,40:100"

BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    # the sheet
    "missing sheet": (lambda folder: (folder / "samples.tsv").unlink(), r"samples\.tsv: no such file"),
    "sheet is a directory": (
        lambda folder: (folder / "samples.tsv").unlink() or (folder / "samples.tsv").mkdir(),
        r"samples\.tsv: is a directory",
    ),
    "empty sheet": (overwrite("samples.tsv", b""), r"samples\.tsv: is empty"),
    "blank sheet": (overwrite("samples.tsv", b"\n\n"), r"samples\.tsv: holds no table"),
    "binary sheet": (overwrite("samples.tsv", bytes(range(256))), r"samples\.tsv: is a binary file"),
    "Excel workbook": (overwrite("samples.tsv", b"PK\x03\x04rest"), "an Excel workbook; save it as tab-separated"),
    "UTF-16 sheet": (overwrite("samples.tsv", "patient\tsample".encode("utf-16")), "UTF-16"),
    "header only": (overwrite("samples.tsv", SHEET.replace(" ", "\t").encode()), "has a header but no samples"),
    "missing column": (
        edit("samples.tsv", "site\t", "organ\t"),
        r"column site is missing \(columns found: patient, sample, organ",
    ),
    "no source column": (
        without_segments(("\tvcf\t", "\tfile\t")),
        "one of the columns vcf, maf, counts is needed, or cn_segments",
    ),
    "column named twice": (edit("samples.tsv", "purity", "site"), r"row 1: two columns are named site"),
    "row too long": (edit("samples.tsv", "S2\tliver", "S2\tliver\tleft\tlobe"), r"row 3: has 10 fields, the header 8"),
    "duplicated sample": (
        edit("samples.tsv", "S2", "S1"),
        r"row 3, column sample: S1 of patient P is already in row 2",
    ),
    "purity above 1": (
        edit("samples.tsv", "0.8", "1.3"),
        r"samples\.tsv, row 2, column purity: 1\.3 is outside \(0, 1\]",
    ),
    "purity in percent": (edit("samples.tsv", "0.8", "80"), r"80 is outside \(0, 1\] \(a percentage"),
    "purity 0": (edit("samples.tsv", "0.8", "0"), r"column purity: 0 is outside \(0, 1\]"),
    "purity no number": (edit("samples.tsv", "0.8", "high"), r"row 2, column purity: 'high' is not a number"),
    "purity with underscore": (edit("samples.tsv", "0.8", "0_1"), "'0_1' is not a number"),
    "unknown site type": (
        edit("samples.tsv", "metastasis", "metastatis"),
        r"row 3, column site_type: 'metastatis' is none of primary, .*did you mean metastatic\?",
    ),
    "site of two types": (edit("samples.tsv", "liver", "breast"), "site breast is distant here and primary in row 2"),
    "unknown sex": (edit("samples.tsv", "\tfemale", "\thermaphrodite"), r"column sex: 'hermaphrodite' is none of"),
    "missing sample name": (edit("samples.tsv", "S2", ""), r"row 3, column sample: is empty"),
    "patient outside the output": (
        edit("samples.tsv", "P\tS", "../P\tS"),
        r"column patient: '\.\./P' cannot be a name",
    ),
    "missing file": (edit("samples.tsv", "calls.vcf", "other.vcf"), r"row 2, column vcf: no such file: other\.vcf"),
    "no file at all": (without_segments(("calls.vcf", "")), "give one of vcf, maf, counts, or cn_segments alone"),
    "normal segments alone": (edit("samples.tsv", "calls.vcf", ""), "no mutations, and no copy-number event"),
    # the VCF
    "sample not in VCF": (
        edit("samples.tsv", "S2", "S3"),
        r"calls\.vcf: sample S3 has no column \(columns found: S1, S2\)",
    ),
    "no fileformat": (
        edit("calls.vcf", "##fileformat=VCFv4.2\n", ""),
        r"calls\.vcf, row 1: does not begin with ##fileformat",
    ),
    "no column line": (edit("calls.vcf", "#CHROM", "##CHROM"), "row 7: a record comes before the line #CHROM"),
    "header only VCF": (records(), "holds no records: no variants left"),
    "blanks for tabs": (edit("calls.vcf", "\t", " "), "columns are separated by blanks; a VCF needs tabs"),
    "no allele depths": (records("1 9 . A T . PASS . GT:DP 0/1:9 0/1:9"), r"holds no allele depths \(GT:DP\)"),
    "negative depth": (records("1 9 . A T . PASS . AD 9,-1 3,3"), r"row 7, column S1: '-1' is not a read count"),
    "depth no number": (records("1 9 . A T . PASS . AD 9,x 3,3"), "column S1: 'x' is not a read count"),
    "depth beyond belief": (records("1 9 . A T . PASS . AD 9,99999999999 3,3"), "is not a read count"),
    "position no number": (
        records(GOOD, "1 9e1 . A T . PASS . AD 9,1 3,3"),
        r"row 8, column POS: '9e1' is not a position",
    ),
    "row cut short": (records(GOOD, "1 9 . A T . PASS"), r"row 8: has 7 fields, the header 11"),
    "two columns of one name": (records(GOOD, samples=("S1", "S1")), "sample columns have the same name: S1"),
    "all filtered": (records(GOOD.replace("PASS", "weak")), r"no variants left \(1 FILTER weak\)"),
    "Varlociraptor": (
        records(GOOD, header=[*VCF_HEADER, "##varlociraptor_version=8"]),
        "Varlociraptor writes probabilities",
    ),
    "gzip cut short": (cut_gzip, r"c\.vcf\.gz.*not a readable gzip file"),
    "gzip corrupt": (corrupt_gzip, r"calls\.vcf.*not a readable gzip file|calls\.vcf.*is not UTF-8"),
    "BCF corrupt": (overwrite("calls.vcf", gzip.compress(b"BCF\x02\x02garbage")), "is not a readable BCF file"),
    "not UTF-8": (overwrite("calls.vcf", b"##fileformat=VCFv4.2\n##x=\xff\xfe\n"), "is not UTF-8 text"),
    # segments
    "segments overlap": (
        segments("S1 1 1 500 1 1", "S1 1 400 900 2 1", "S2 1 1 900 1 1"),
        r"segments\.tsv, row 3, column start: segment 1:400-900 of S1 overlaps that in row 2",
    ),
    "segment ends before it starts": (
        segments("S1 1 500 1 1 1"),
        r"row 2, column end: segment 1:500-1 ends before it starts",
    ),
    "contigs never match": (
        segments("S1 NC_01 1 900 1 1", "S2 NC_01 1 900 1 1"),
        r"segments\.tsv: contig names never match .* NC_01 .* chr1",
    ),
    "major below minor": (
        segments("S1 1 1 900 1 2"),
        r"row 2, column major_cn: major copies 1 are below minor copies 2",
    ),
    "negative copies": (segments("S1 1 1 900 1 -1"), r"row 2, column minor_cn: '-1' is not a copy number"),
    "copies no number": (segments("S1 1 1 900 two 1"), "'two' is not a copy number"),
    "sample without segments": (
        segments("S1 1 1 900 1 1", "S9 1 1 900 1 1"),
        r"sample S2 has no segments \(samples found: S1, S9\)",
    ),
    "log ratios only": (
        segments("S1 1 1 900 0.3", header="sample chrom start end log2"),
        "no columns of copy number that are known",
    ),
    "no segments": (segments(), "holds no segments"),
    # counts
    "counts column missing": (
        counts("m S1 5 5", header="mutation_id sample_id ref_counts var"),
        "column alt_counts is missing",
    ),
    "negative count": (
        counts("m S1 5 -5 1 1 2 1", "m S2 5 5 1 1 2 1"),
        r"counts\.tsv, row 2, column alt_counts: '-5' is not a read",
    ),
    "fractional count": (counts("m S1 5 0.5 1 1 2 1", "m S2 5 5 1 1 2 1"), "'0.5' is not a read count"),
    "counts of one cell twice": (
        counts("m S1 5 5 1 1 2 1", "m S1 6 6 1 1 2 1", "m S2 5 5 1 1 2 1"),
        r"row 3: m in S1 is already in row 2, with other counts",
    ),
    "mutation in two clusters": (
        counts("m S1 5 5 A", "m S2 5 5 B", header="mutation_id sample_id ref_counts alt_counts cluster"),
        r"row 3, column cluster: m is in cluster B, in A in row 2",
    ),
    "sample without rows": (counts("m S1 5 5 1 1 2 1"), r"sample S2 has no rows \(samples found: S1\)"),
    "two purities of a sample": (
        counts("m S1 5 5 1 1 2 0.5", "n S1 5 5 1 1 2 0.6", "m S2 5 5 1 1 2 1"),
        r"row 3, column tumour_content: 0\.6 differs from 0\.5 in row 2",
    ),
    "purity 0 in counts": (
        counts("m S1 5 5 1 1 2 0", "m S2 5 5 1 1 2 1"),
        r"column tumour_content: 0 is outside \(0, 1\]",
    ),
    "major below minor in counts": (counts("m S1 5 5 0 1 2 1", "m S2 5 5 1 1 2 1"), "major_cn 0 is below minor_cn 1"),
    "nothing observed": (
        counts("m S1 NA NA 1 1 2 1", "m S2 0 0 1 1 2 1"),
        r"no variants left \(1 unobserved in every sample\)",
    ),
    "quote never closed": (
        edit("samples.tsv", "P\tS1\tbreast", 'P\tS1\t"breast'),
        r"row 2, column site: '\"breast' begins with a quote that never closes",
    ),
    "quote never closed, commas": (
        lambda folder: (
            (folder / "samples.tsv").write_text('patient,sample,site,vcf\nP,S1,"a,calls.vcf\nP,S2,b,calls.vcf\n')
            and None
        ),
        r"row 2: a quote opens here and never closes",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_message(tmp_path: Path, name: str) -> None:
    change, pattern = BAD[name]
    sheet = two_samples(tmp_path)
    read_patient(sheet)
    change(tmp_path)
    with pytest.raises(InputError, match=pattern):
        read_patient(sheet)


def test_all_problems_of_a_patient_at_once(tmp_path: Path) -> None:
    sheet = two_samples(tmp_path)
    edit("calls.vcf", "60,40", "60,x")(tmp_path)
    edit("calls.vcf", "80,20", "-80,20")(tmp_path)
    edit("segments.tsv", "S1\t1\t151", "S1\t1\t140")(tmp_path)
    with pytest.raises(InputError) as caught:
        read_patient(sheet)
    assert {(problem.file, problem.row) for problem in caught.value.problems} == {
        ("calls.vcf", 7),
        ("calls.vcf", 9),
        ("segments.tsv", 3),
    }


def test_many_problems_are_counted(tmp_path: Path) -> None:
    rows = [f"m{i} S1 x 5 1 1 2 1" for i in range(80)]
    two_samples(tmp_path)
    counts(*rows)(tmp_path)
    with pytest.raises(InputError) as caught:
        read_patient(tmp_path / "samples.tsv")
    (alike, missing) = caught.value.problems  # one message a cause
    assert str(alike).endswith(
        "row 2, column ref_counts: 'x' is not a read count (80 such rows: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 ...)"
    )
    assert "sample S2 has no rows" in missing.message


@pytest.mark.parametrize("name", BAD)
def test_bad_input_on_the_command_line(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 3, the message without a traceback, nothing written; and `validate` knows it beforehand."""
    change, pattern = BAD[name]
    sheet, output = two_samples(tmp_path), tmp_path / "results"
    change(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(sheet), "-o", str(output)])
    told = capsys.readouterr()
    assert ended.value.code == 3
    assert re.search(pattern, told.err) and "Traceback" not in told.err
    assert not output.exists() and told.out == ""
    problems = validate_sheet(sheet).problems
    assert re.search(pattern, "\n".join(map(str, problems)))
