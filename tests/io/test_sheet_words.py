"""Words people write in a sheet: types of sites, spellings, numbers, names in files, rules for several callers."""

from __future__ import annotations

from pathlib import Path

import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.callers import merge_rule
from phylometa.io.sheet import parse_sheet
from phylometa.io.tables import read_patient
from phylometa.model.patient import Patient

CLASSES = {
    "distant": ("met", "Mets", "METS", "metastases", "distant_metastasis", "Metastatic", "distant relapse"),
    "lymph_node": ("LN", "lymph node", "Lymph_Node", "nodal", "LN met", "lymph-node metastasis"),
    "bed": ("relapse", "local recurrence", "Local Relapse", "recurrence", "tumour bed"),
    "primary": ("primary tumour", "Primary Tumor", "PT", "primary"),
    "normal": ("blood", "Germline", "Solid Tissue Normal"),
}


@pytest.mark.parametrize(("site_class", "word"), [(kind, word) for kind, words in CLASSES.items() for word in words])
def test_types_of_sites(tmp_path: Path, site_class: str, word: str) -> None:
    path = tmp_path / "s.tsv"
    path.write_text(f"patient\tsample\tsite\tsite_type\nP\tS\tbreast\t{word}\n")
    sheet, problems = parse_sheet(path, needs_source=False)
    assert not problems and sheet.rows[0].site_class == site_class
    plain = word.lower() in ("metastatic", "primary", "recurrence", "lymph node", "lymph_node")
    assert any(f"{word} is taken as" in text for text in sheet.warnings) != plain


def patient_of(folder: Path, header: str, *rows: str) -> Patient:
    write_vcf(folder / "x.vcf", ["1 10 . A T . PASS . AD 60,40 50,30", "1 20 . A T . PASS . AD 60,40 50,30"])
    return read_patient(write_table(folder / "s.tsv", header, *rows))


def test_spellings_of_a_site_are_one(tmp_path: Path) -> None:
    text = "patient\tsample\tsite\tvcf\nP\tS1\tlymph node\tx.vcf\nP\tS2\tLymph  Node \tx.vcf\n"
    write_vcf(tmp_path / "x.vcf", ["1 10 . A T . PASS . AD 60,40 50,30"])
    (tmp_path / "s.tsv").write_text(text)
    patient = read_patient(tmp_path / "s.tsv")
    assert [sample.site for sample in patient.samples] == ["lymph node", "lymph node"]
    assert any("Lymph  Node is taken as lymph node (row 3)" in note for note in patient.warnings)


def test_a_slash_in_a_site(tmp_path: Path) -> None:
    patient = patient_of(tmp_path, "patient sample site vcf", "P S1 head/neck x.vcf", "P S2 liver x.vcf")
    assert patient.samples[0].site == "head/neck"
    with pytest.raises(InputError, match="no slash at the start"):
        patient_of(tmp_path, "patient sample site vcf", "P S1 /neck x.vcf", "P S2 liver x.vcf")


def test_decimal_commas_and_percent(tmp_path: Path) -> None:
    header = "patient sample site vcf purity ploidy"
    patient = patient_of(tmp_path, header, "P S1 a x.vcf 0,8 2,1", "P S2 b x.vcf 65% 3")
    assert [sample.purity for sample in patient.samples] == [0.8, 0.65]
    assert patient.samples[0].ploidy == 2.1
    for wrong in ("1,234", "0,8,1", "80"):
        with pytest.raises(InputError, match="purity"):
            patient_of(tmp_path, header, f"P S1 a x.vcf {wrong} 2", "P S2 b x.vcf 0.5 2")


MAF = (
    "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
    "t_alt_count"
)


@pytest.mark.parametrize("column", ["maf_sample", "file_sample", "vcf_sample"])
def test_names_in_a_maf(tmp_path: Path, column: str) -> None:
    write_table(tmp_path / "x.maf", MAF, "G 1 10 A T aliquot-1 60 40", "G 1 10 A T aliquot-2 70 30")
    sheet = write_table(
        tmp_path / "s.tsv", f"patient sample site maf {column}", "P S1 a x.maf aliquot-2", "P S2 b x.maf aliquot-1"
    )
    assert read_patient(sheet).mutations.alt_counts.tolist() == [[30, 40]]


def test_swapped_names_in_a_table(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts", "m A 60 40", "m B 70 30")
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site counts counts_sample", "P A a c.tsv B", "P B b c.tsv A"
    )
    assert read_patient(sheet).mutations.alt_counts.tolist() == [[30, 40]]


def test_barcodes_are_matched_by_their_first_parts(tmp_path: Path) -> None:
    rows = ["G 1 10 A T TCGA-AB-1234-01A-11D-A13W-08 60 40", "G 1 10 A T TCGA-AB-1234-06A-11D-A13W-08 70 30"]
    write_table(tmp_path / "x.maf", MAF, *rows)
    names = ("TCGA-AB-1234-01A", "TCGA-AB-1234-06A")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", *(f"P {n} {n} x.maf" for n in names))
    assert read_patient(sheet).mutations.alt_counts.tolist() == [[40, 30]]
    write_table(tmp_path / "x.maf", MAF, *rows, "G 1 10 A T TCGA-AB-1234-01A-22D-A13W-08 60 40")
    with pytest.raises(InputError, match="are both TCGA-AB-1234-01A"):
        read_patient(sheet)


def test_a_barcode_may_be_cut_before_its_vial(tmp_path: Path) -> None:
    rows = ["G 1 10 A T TCGA-AB-1234-01A-11D-A13W-08 60 40", "G 1 10 A T TCGA-AB-1234-06A 70 30"]
    write_table(tmp_path / "x.maf", MAF, *rows)
    names = ("TCGA-AB-1234-01", "TCGA-AB-1234-06")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", *(f"P {n} {n} x.maf" for n in names))
    assert read_patient(sheet).mutations.alt_counts.tolist() == [[40, 30]]
    write_table(tmp_path / "x.maf", MAF, rows[1])
    with pytest.raises(
        InputError, match=r"TCGA-AB-1234-01 has no rows \(samples found: TCGA-AB-1234-06, TCGA-AB-1234-06A\)$"
    ):
        read_patient(sheet)  # the metastasis is not offered for the primary


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    write_table(tmp_path / "x.maf", MAF, "G 1 10 A T Liver-1 60 40")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", "P Liver_1 a x.maf")
    with pytest.raises(InputError, match=r"is it Liver-1\? then write that in the sheet's column file_sample"):
        read_patient(sheet)


def test_rules_for_several_callers() -> None:
    assert [
        merge_rule(word) for word in ("union", "Two of three", "2/3", "2 of 3", "at least 2", "all", "priority")
    ] == [*(1, 2, 2, 2, 2, -1, 0)]
    for wrong in ("four of three", "sometimes", "0"):
        with pytest.raises(ValueError, match="is none of union"):
            merge_rule(wrong)


@pytest.mark.parametrize(
    ("rule", "source", "ids", "alt"),
    [
        ("union", "", ["10", "20", "30", "40"], [40, 21, 32, 7]),
        ("union", "strelka", ["10", "20", "30", "40"], [41, 21, 32, 7]),
        ("two of three", "", ["10", "20"], [40, 21]),
        ("two of three", "c.vcf", ["10", "20"], [42, 22]),
        ("all", "", ["10"], [40]),
        ("priority", "", ["10", "20", "30"], [40, 21, 32]),
    ],
)
def test_several_callers_of_one_sample(tmp_path: Path, rule: str, source: str, ids: list[str], alt: list[int]) -> None:
    strelka = [line.replace("Mutect2", "strelka") for line in VCF_HEADER]
    write_vcf(
        tmp_path / "a.vcf",
        [f"1 {p} . A T . {w} . AD 60,{n}" for p, w, n in ((10, "PASS", 40), (40, "weak", 7))],
        samples=("S",),
    )
    write_vcf(
        tmp_path / "b.vcf",
        [f"1 {p} . A T . PASS . AD 60,{n}" for p, n in ((10, 41), (20, 21))],
        samples=("S",),
        header=strelka,
    )
    records = [f"1 {p} . A T . PASS . AD 60,{n}" for p, n in ((10, 42), (20, 22), (30, 32), (40, 9))]
    write_vcf(tmp_path / "c.vcf", records, samples=("S",), header=strelka[:1] + strelka[2:])
    (tmp_path / "s.tsv").write_text(
        f"patient\tsample\tsite\tvcf\tvcf_merge\tcounts_from\nP\tS\tliver\ta.vcf;b.vcf;c.vcf\t{rule}\t{source}\n"
    )
    patient = read_patient(tmp_path / "s.tsv")
    places = [name.split(":")[1] for name in patient.mutations.ids]
    assert dict(zip(places, patient.mutations.alt_counts[:, 0].tolist())) == dict(zip(ids, alt))


def test_a_rule_that_cannot_be(tmp_path: Path) -> None:
    write_vcf(tmp_path / "a.vcf", ["1 10 . A T . PASS . AD 60,40"], samples=("S",))
    for header, cells, message in (
        ("vcf_merge", "sometimes", "is none of union, priority"),
        ("vcf_merge counts_from", "union nobody", "counts_from nobody names none or several of a.vcf"),
        ("vcf_merge", "2/3", "asks for 2 callers, but 1 are given"),
    ):
        sheet = write_table(tmp_path / "s.tsv", f"patient sample site vcf {header}", f"P S liver a.vcf {cells}")
        with pytest.raises(InputError, match=message):
            read_patient(sheet)
