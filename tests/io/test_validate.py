"""`validate_sheet`: everything that would be read, and every problem of every file at once."""

from __future__ import annotations

from pathlib import Path

from io_files import two_samples, write_table

from phylometa.io.validate import validate_sheet


def test_a_good_sheet(tmp_path: Path) -> None:
    report = validate_sheet(two_samples(tmp_path))
    assert report.problems == ()
    text = report.to_text()
    assert "patient P: 5 mutations in 2 samples; sites: breast (primary), liver (distant)" in text
    assert "calls.vcf: vcf (Mutect2), 5 records; counts from AD (7 cells)" in text
    assert "sample S2 at liver: purity 0.6; alternate reads at 2 mutations, 20.0 % unobserved" in text
    assert "left out: 1 FILTER germline" in text
    assert text.endswith("1 patient can be read, no problems")


def test_problems_of_sheet_and_files_together(tmp_path: Path) -> None:
    two_samples(tmp_path)
    sheet = write_table(
        tmp_path / "bad.tsv",
        "patient sample site site_type purity vcf cn_segments",
        "P S1 a primary 1.5 calls.vcf segments.tsv",
        "P S9 b metastasis 0.5 calls.vcf segments.tsv",
        "Q S1 b metastasis 0.5 calls.vcf segments.tsv",
        "Q S1 b metastasis 0.5 calls.vcf segments.tsv",
        "R S2 b metastasis 0.5 calls.vcf segments.tsv",
        "N S2 b normal 0.5 calls.vcf segments.tsv",
    )
    report = validate_sheet(sheet, primary="b")
    told = [(problem.row, str(problem)) for problem in report.problems]
    assert [row for row, _ in told] == [2, 5, None, None, None]
    for (_, text), part in zip(
        told, ("1.5 is outside", "already in row 4", "sample S9", "sample S9", "patient N has no")
    ):
        assert part in text
    assert len(report.patients) == 2 and "patient R" in report.patients[1]
    assert [problem.message for problem in validate_sheet(sheet, patient="X").problems][-1].startswith(
        "has no patient X"
    )
    assert len(validate_sheet(sheet, patient="R").patients) == 1


def test_a_sheet_that_cannot_be_read(tmp_path: Path) -> None:
    (problem,) = validate_sheet(tmp_path / "none.tsv").problems
    assert problem.message == "no such file"
