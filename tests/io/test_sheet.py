"""The sample sheet, its aliases, nf-core/tumourevo's sheet, and the optional tables."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import pytest
from io_files import two_samples, write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.clinical import read_drivers, read_lesions, read_purity_file, read_treatments
from phylometa.io.sheet import parse_sheet, read_sheet
from phylometa.io.tables import read_patient
from phylometa.model.patient import Lesion, Treatment


def test_every_column_of_the_contract(tmp_path: Path) -> None:
    write_vcf(tmp_path / "c.vcf", ["1 10 . A T . PASS . AD 5,5 5,5"], samples=("T1", "N1"))
    (tmp_path / "x.bam").write_bytes(b"")
    sheet = write_table(
        tmp_path / "s.tsv",
        "patient sample site site_type purity cn_caller vcf vcf_sample normal_sample vcf_caller ploidy sex genome "
        "bam age collection_date diagnosis_date cancer_type treatment assay exclude "
        "diameter_cm",
        "P S1 node lymph_node 0.5 ascat c.vcf T1 N1 mutect2 2.1 XY GRCh38 x.bam 61.5 "
        "2020-02-29 2020-01-31 breast naive WXS no 1.5",
    )
    (row,) = read_sheet(sheet).rows
    sample = row.sample
    assert (sample.name, sample.site, sample.purity, sample.ploidy, sample.sex) == ("S1", "node", 0.5, 2.1, "male")
    assert (sample.age, sample.collection_date) == (61.5, datetime.date(2020, 2, 29))
    assert (sample.diagnosis_date, sample.cancer_type) == (datetime.date(2020, 1, 31), "breast")
    assert (sample.treatment, sample.assay, sample.diameter_cm) == ("naive", "wes", 1.5)
    assert (row.vcf_sample, row.normal_sample, row.vcf_caller, row.cn_caller) == ("T1", "N1", "mutect2", "ascat")
    assert (row.genome, row.names, row.site_class) == ("GRCh38", ("T1", "S1"), "lymph_node")
    patient = read_patient(sheet)
    assert [site.site_class for site in patient.sites] == ["primary", "lymph_node"]
    assert any(sentence.startswith("one sample only") for sentence in patient.warnings)


def test_sheet_of_tumourevo_needs_only_a_site(tmp_path: Path) -> None:
    two_samples(tmp_path)
    write_table(tmp_path / "S1.purityploidy.txt", "AberrantCellFraction Ploidy", "0.91 2.01")
    write_table(tmp_path / "S2.purityploidy.txt", "AberrantCellFraction Ploidy", "0.5 3.1")
    write_table(tmp_path / "S1.segments.txt", "sample chr startpos endpos nMajor nMinor", "n_S1.tumour 1 1 999 2 1")
    write_table(tmp_path / "S2.segments.txt", "sample chr startpos endpos nMajor nMinor", "n_S2.tumour 1 1 999 1 1")
    sheet = write_table(
        tmp_path / "input.csv",
        "dataset patient tumour_sample normal_sample vcf tbi cna_segments cna_extra cna_caller "
        "cancer_type tumour_alignment site",
        "d P S1 N calls.vcf calls.tbi S1.segments.txt S1.purityploidy.txt ASCAT BRCA S1.cram breast",
        "d P S2 N calls.vcf calls.tbi S2.segments.txt S2.purityploidy.txt ASCAT BRCA S2.cram liver",
        delimiter=",",
    )
    patient = read_patient(sheet, primary="breast")
    assert patient.purity.tolist() == [0.91, 0.5]
    assert [sample.ploidy for sample in patient.samples] == [2.01, 3.1]
    assert patient.copy_number.major[0].tolist() == [2, 1]
    assert {sample.cancer_type for sample in patient.samples} == {"BRCA"}
    assert not [sentence for sentence in patient.warnings if "input.csv" in sentence]


def test_the_sheet_wins_over_the_purity_file_and_says_so(tmp_path: Path) -> None:
    sheet = two_samples(tmp_path)
    write_table(tmp_path / "p.txt", "AberrantCellFraction Ploidy", "0.3 2.01")
    text = sheet.read_text().replace("\tsex", "\tpurity_file").replace("\tfemale", "\tp.txt")
    sheet.write_text(text)
    patient = read_patient(sheet)
    assert patient.purity.tolist() == [0.8, 0.6]
    assert "sample S1: purity 0.8 of the sheet is used, p.txt says 0.3" in patient.warnings


def test_tolerated_writing(tmp_path: Path) -> None:
    two_samples(tmp_path)
    rows = ["P;S1;breast;primary;calls.vcf", 'P;"S2";liver;Metastasis;calls.vcf', "", " ; ; ; ; "]
    for mark in ("", "\ufeff"):
        path = tmp_path / "s.csv"
        path.write_text(
            mark + "\r\n".join(["Patient;Sample;SITE;Type;VCF", *rows]) + "\r\n", newline="", encoding="utf-8"
        )
        assert [row.sample.name for row in read_sheet(path).rows] == ["S1", "S2"]


def test_quotes(tmp_path: Path) -> None:
    """As R writes them, as a spreadsheet does where a field holds a comma, and as mere characters."""
    two_samples(tmp_path)
    path = tmp_path / "s.tsv"
    path.write_text(
        '"patient"\t"sample"\tsite\tvcf\tcancer_type\n'
        '"P"\t"S1"\t"left, upper"\tcalls.vcf\t"lung ""NSCLC"""\n'
        'P\tS2\tliver\tcalls.vcf\t5" lesion\n'
    )
    first, second = parse_sheet(path)[0].rows
    assert (first.sample.name, first.sample.site, first.sample.cancer_type) == ("S1", "left, upper", 'lung "NSCLC"')
    assert second.sample.cancer_type == '5" lesion'
    path.write_text('"AberrantCellFraction" "Ploidy"\n"1" 0.5 2.1\n')
    assert read_purity_file(path).purity == 0.5


def test_unknown_columns_are_named_with_a_guess(tmp_path: Path) -> None:
    two_samples(tmp_path)
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site vcf purty batch", "P S1 a calls.vcf 0.5 7", "P S2 b calls.vcf 0.5 7"
    )
    assert read_sheet(sheet).warnings == (
        f"{sheet}, column purty: not known, not used; did you mean purity?",
        f"{sheet}, column batch: not known, not used",
    )


@pytest.mark.parametrize(
    ("column", "value", "pattern"),
    [
        ("collection_date", "31.01.2020", "'31.01.2020' is not a date YYYY-MM-DD"),
        ("collection_date", "2021-02-29", "'2021-02-29' is not a day of the calendar"),
        ("ploidy", "0", r"0 is outside \(0, 20\]"),
        ("age", "-3", r"-3 is outside \(0, 130\] years"),
        ("exclude", "perhaps", "'perhaps' is neither yes nor no"),
        ("assay", "array", "'array' is none of wgs"),
        ("purity", "nan!", "'nan!' is not a number"),
        ("purity", "1e400", "'1e400' is not a number"),
    ],
)
def test_values_that_cannot_be(tmp_path: Path, column: str, value: str, pattern: str) -> None:
    two_samples(tmp_path)
    sheet = write_table(tmp_path / "s.tsv", f"patient sample site vcf {column}", f"P S1 a calls.vcf {value}")
    with pytest.raises(InputError, match=f"row 2, column {column}: {pattern}"):
        read_sheet(sheet)


def test_conflicts_between_rows(tmp_path: Path) -> None:
    two_samples(tmp_path)
    sheet = write_table(
        tmp_path / "s.tsv",
        "patient sample site vcf sex maf",
        "P S1 a calls.vcf male _",
        "P S2 b calls.vcf female _",
        "P S3 b calls.vcf female calls.vcf",
    )
    with pytest.raises(InputError) as caught:
        read_sheet(sheet)
    assert [problem.message for problem in caught.value.problems] == [
        "give one of vcf, maf, counts, not vcf and maf",
        "patient P is female here and male in row 2",
    ]


def test_several_primaries_and_a_named_one(tmp_path: Path) -> None:
    two_samples(tmp_path)
    sheet = write_table(
        tmp_path / "s.tsv",
        "patient sample site site_type vcf",
        "P S1 left primary calls.vcf",
        "P S2 right primary calls.vcf",
    )
    assert any("several sites are primary (left, right)" in sentence for sentence in read_patient(sheet).warnings)
    patient = read_patient(sheet, primary="right")
    assert [(site.name, site.site_class) for site in patient.sites] == [("right", "primary"), ("left", "distant")]
    assert read_patient(sheet, primary="auto").primary.name == "left"


def test_optional_tables(tmp_path: Path) -> None:
    sheet = two_samples(tmp_path)
    treatments = write_table(
        tmp_path / "t.tsv",
        "patient site kind start end dose_gy fractions",
        "P liver radiotherapy 2020-01-01 2020-02-01 50 25",
        "P _ systemic 2021-01-01 _ _ _",
        "Q bone surgery 2020-01-01 _ _ _",
    )
    lesions = write_table(
        tmp_path / "l.tsv", "patient site date diameter_cm", "P liver 2020-05-01 2.5", "P liver 2020-01-01 1"
    )
    genes = tmp_path / "g.txt"
    genes.write_text("gene\n# comment\nTP53\n\nKRAS  # second\n")
    patient = read_patient(sheet, treatments=treatments, lesions=lesions, genes=genes)
    first, second = patient.treatments
    assert first == Treatment("radiotherapy", "liver", datetime.date(2020, 1, 1), datetime.date(2020, 2, 1), 50.0, 25.0)
    assert (second.kind, second.site, second.end) == ("systemic", "", None) and math.isnan(second.dose_gy)
    assert patient.lesions == (
        Lesion("liver", datetime.date(2020, 1, 1), 1.0),
        Lesion("liver", datetime.date(2020, 5, 1), 2.5),
    )
    assert patient.drivers == {"TP53", "KRAS"}
    assert [entry["reader"] for entry in patient.provenance][-4:] == ["treatments", "lesions", "genes", "summary"]


def test_optional_tables_that_are_wrong(tmp_path: Path) -> None:
    sites = ("liver",)
    path = write_table(
        tmp_path / "t.tsv",
        "patient site kind start end dose_gy",
        "P bone _ 2020-01-01 2019-01-01 -5",
        "P liver surgery 1.1.2020 _ 5",
    )
    with pytest.raises(InputError) as caught:
        read_treatments(path, "P", sites)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (2, "end"),
        (2, "kind"),
        (2, "site"),
        (2, "dose_gy"),
        (3, "start"),
    ]
    path = write_table(tmp_path / "l.tsv", "patient site date diameter_cm", "P _ 2020-01-01 big", "P liver _ 1")
    with pytest.raises(InputError) as caught:
        read_lesions(path, "P", sites)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (2, "diameter_cm"),
        (2, "site"),
        (3, "date"),
    ]
    (tmp_path / "g.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="names no gene"):
        read_drivers(tmp_path / "g.txt")
    with pytest.raises(InputError) as caught:
        read_patient(
            two_samples(tmp_path),
            treatments=tmp_path / "none.tsv",
            lesions=path,
            genes=tmp_path / "g.txt",
            primary="bone",
        )
    assert len(caught.value.problems) == 6
