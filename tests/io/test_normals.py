"""Reads of matched normals from every kind of source, and that they survive writing and reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.io.patient_files import write_input
from phylometa.io.tables import read_counts, read_patient
from phylometa.model.patient import Patient

SHEET = "patient sample site site_type normal_sample vcf"
RECORDS = ["1 10 . A T . PASS . AD 90,1 60,40 70,30", "1 20 . C G . PASS . AD 50,50 50,50 40,60"]


def normals(patient: Patient) -> dict[str, list[list[int]]]:
    """Alternate reads and depth of every mutation, by normal."""
    table = patient.mutations
    return {
        name: np.stack((table.normal_alt[:, k], table.normal_depth[:, k]), axis=1).tolist()
        for k, name in enumerate(table.normal_names)
    }


def vcf_patient(folder: Path, *columns: str, header: tuple[str, ...] = (), normal: str = "_", rows=()) -> Patient:
    write_vcf(folder / "x.vcf", RECORDS, samples=columns, header=[*VCF_HEADER, *header])
    sheet = write_table(
        folder / "s.tsv", SHEET, f"P A a primary {normal} x.vcf", f"P B b metastasis {normal} x.vcf", *rows
    )
    return read_patient(sheet)


@pytest.mark.parametrize(
    ("column", "header", "normal", "rows"),
    [
        ("NORMAL", (), "_", ()),
        ("x7", ("##normal_sample=x7",), "_", ()),
        ("x7", (), "x7", ()),
        ("x7", (), "_", ("P x7 blood normal _ x.vcf",)),
    ],
    ids=["by its name", "by the header", "by the sheet's column", "by its row"],
)
def test_the_normal_of_a_vcf(tmp_path: Path, column: str, header, normal: str, rows) -> None:
    patient = vcf_patient(tmp_path, column, "A", "B", header=header, normal=normal, rows=rows)
    assert normals(patient) == {column: [[1, 91], [50, 100]]}
    assert patient.mutations.sample_names == ("A", "B")
    assert patient.mutations.alt_counts.tolist() == [[40, 30], [50, 60]]


def test_a_row_names_the_normal_of_a_vcf_over_its_column(tmp_path: Path) -> None:
    write_vcf(tmp_path / "x.vcf", RECORDS, samples=("x7", "A", "B"))
    sheet = write_table(
        tmp_path / "s.tsv",
        "patient sample site site_type vcf_sample vcf",
        *("P A a primary A x.vcf", "P B b metastasis B x.vcf", "P blood n normal x7 x.vcf"),
    )
    assert normals(read_patient(sheet)) == {"blood": [[1, 91], [50, 100]]}


def test_of_several_normals_none_is_taken_unless_the_sheet_says_which(tmp_path: Path) -> None:
    records = [record + " 9,1" for record in RECORDS]
    write_vcf(tmp_path / "x.vcf", records, samples=("P1_N", "A", "B", "P2_N"))
    lines = ("P A a primary {} x.vcf", "P B b metastasis {} x.vcf")
    unknown = write_table(tmp_path / "s.tsv", SHEET, *(line.format("_") for line in lines))
    assert normals(read_patient(unknown)) == {}
    stated = write_table(tmp_path / "t.tsv", SHEET, *(line.format("P2_N") for line in lines))
    assert normals(read_patient(stated)) == {"P2_N": [[1, 10], [1, 10]]}


def test_a_damaged_cell_of_the_normal_counts_as_unobserved(tmp_path: Path) -> None:
    write_vcf(tmp_path / "x.vcf", [RECORDS[0].replace("90,1", "90,x"), RECORDS[1]], samples=("NORMAL", "A", "B"))
    patient = read_patient(write_table(tmp_path / "s.tsv", SHEET, "P A a primary _ x.vcf", "P B b metastasis _ x.vcf"))
    assert normals(patient) == {"NORMAL": [[0, 0], [50, 100]]}
    assert any("1 cell of the matched normal cannot be read" in text for text in patient.warnings)


def test_one_normal_in_the_files_of_several_samples_is_one(tmp_path: Path) -> None:
    for name, reads in (("A", "90,1"), ("B", "80,1")):
        write_vcf(tmp_path / f"{name}.vcf", [f"1 10 . A T . PASS . AD {reads} 60,40"], samples=("NORMAL", name))
    sheet = write_table(tmp_path / "s.tsv", SHEET, "P A a primary _ A.vcf", "P B b metastasis _ B.vcf")
    assert normals(read_patient(sheet)) == {"NORMAL": [[1, 91]]}  # the cell with more reads


def test_calls_of_several_callers_keep_the_normal(tmp_path: Path) -> None:
    for name, reads in (("one", "90,1 60,40"), ("two", "80,2 50,30")):
        write_vcf(tmp_path / f"{name}.vcf", [f"1 10 . A T . PASS . AD {reads}"], samples=("NORMAL", "A"))
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site vcf vcf_merge counts_from", "P A a one.vcf;two.vcf union two.vcf"
    )
    patient = read_patient(sheet)
    assert patient.mutations.alt_counts.tolist() == [[30]]
    assert normals(patient) == {"NORMAL": [[2, 82]]}


def test_the_vcf_of_a_normal_alone_is_not_read(tmp_path: Path) -> None:
    write_vcf(tmp_path / "germline.vcf", ["1 10 . A T . PASS . AD 10,10"], samples=("N",))
    patient = vcf_patient(tmp_path, "x", "A", "B", rows=("P N blood normal _ germline.vcf",))
    assert normals(patient) == {}
    assert any(text.startswith("germline.vcf: not read") for text in patient.warnings)


COUNTS = "mutation_id sample_id ref_counts alt_counts"


def counts_patient(folder: Path, own: str = "x.tsv") -> Path:
    rows = ["m1 A 60 40", "m1 B 50 50", "m2 A 50 50", "m2 B 99 1"]
    of_normal = ["m1 N 90 1", "m2 N 50 50", "m3 N 50 50"]
    write_table(folder / "x.tsv", COUNTS, *rows, *(of_normal if own == "x.tsv" else []))
    if own != "x.tsv":
        write_table(folder / own, COUNTS, *of_normal)
    return write_table(
        folder / "s.tsv",
        "patient sample site site_type purity counts",
        *("P A a primary .8 x.tsv", "P B b metastasis .8 x.tsv", f"P N blood normal _ {own}"),
    )


@pytest.mark.parametrize("own", ["x.tsv", "normal.tsv"])
def test_a_normal_of_a_table_of_counts(tmp_path: Path, own: str) -> None:
    """Also in a table of its own, whose further mutations are none of the tumour's."""
    patient = read_patient(counts_patient(tmp_path, own))
    assert patient.mutations.ids == ("m1", "m2")
    assert normals(patient) == {"N": [[1, 91], [50, 100]]}
    if own == "x.tsv":
        assert normals(read_counts(tmp_path / own, sheet=tmp_path / "s.tsv")) == {"N": [[1, 91], [50, 100]]}


def test_a_normal_that_a_table_does_not_hold_is_said_and_hinders_nothing(tmp_path: Path) -> None:
    sheet = counts_patient(tmp_path)
    table = tmp_path / "x.tsv"
    table.write_text("".join(line for line in table.read_text().splitlines(keepends=True) if "\tN\t" not in line))
    patient = read_patient(sheet)
    assert patient.mutations.n_mutations == 2 and normals(patient) == {}
    assert any("the reads of a normal are not used" in text and "N has no rows" in text for text in patient.warnings)


def test_maf_has_the_normal_in_every_row(tmp_path: Path) -> None:
    write_table(
        tmp_path / "x.maf",
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
        "t_alt_count n_ref_count n_alt_count",
        *("G 1 10 A T A 60 40 90 1", "G 1 10 A T B 60 40 95 1", "H 1 20 C G A 60 40 NA NA", "H 1 20 C G B 60 40 20 20"),
    )
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site site_type maf", "P A a primary x.maf", "P B b metastasis x.maf"
    )
    assert normals(read_patient(sheet)) == {"normal": [[1, 96], [20, 40]]}


def test_a_normal_survives_writing_and_reading(tmp_path: Path) -> None:
    patient = read_patient(counts_patient(tmp_path))
    write_input(patient, None, tmp_path / "input")
    again = read_patient(tmp_path / "input/samples.tsv")
    assert normals(again) == normals(patient)
    assert (again.mutations.alt_counts == patient.mutations.alt_counts).all()


def test_two_names_of_one_normal_are_one(tmp_path: Path) -> None:
    for name, normal in (("A", "N1"), ("B", "P_normal")):
        write_vcf(tmp_path / f"{name}.vcf", ["1 10 . A T . PASS . AD 90,1 60,40"], samples=(normal, name))
    sheet = write_table(tmp_path / "s.tsv", SHEET, "P A a primary N1 A.vcf", "P B b metastasis P_normal B.vcf")
    assert list(normals(read_patient(sheet)).values()) == [[[1, 91]]]
