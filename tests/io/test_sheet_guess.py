"""`phylometa sheet`: files of a folder to a sheet that is valid; and a new user's hour in three commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.cli import main
from phylometa.io.sheet_guess import guess_sheet
from phylometa.io.validate import validate_sheet

RECORDS = [f"chr{i} {i}00 . A T . PASS . AD {{}}" for i in range(1, 4)]


def mutect(folder: Path, sample: str, normal: str = "P01_normal") -> Path:
    header = [*VCF_HEADER, f"##tumor_sample={sample}", f"##normal_sample={normal}"]
    records = [record.format("60,40 90,0") for record in RECORDS]
    return write_vcf(folder / f"{sample}.mutect2.filtered.vcf.gz", records, samples=(sample, normal), header=header)


def ascat(folder: Path, sample: str, *, column: bool = True) -> Path:
    header = "sample chr startpos endpos nMajor nMinor" if column else "chr startpos endpos nMajor nMinor"
    rows = [f"{sample + ' ' if column else ''}{i} 1 1000000 1 1" for i in range(1, 4)]
    return write_table(folder / f"{sample}.segments.txt", header, *rows)


@pytest.mark.parametrize("normal", ["A-ref", "A_reference", "A_PBMC", "A-N"])
def test_a_reference_sample_is_no_tumour(tmp_path: Path, normal: str) -> None:
    write_vcf(tmp_path / "A.sage.vcf", [RECORDS[0].format("90,0 60,40")], samples=(normal, "A"))
    rows, _ = guess_sheet([tmp_path], tmp_path)
    assert [(row.sample, row.normal_sample) for row in rows] == [("A", normal)]


@pytest.mark.parametrize(
    ("samples", "patients"),
    [
        ("K1-A K1-B K2-A", "K1 K1 K2"),
        ("P-0000004-T01-IM3 P-0000015-T01-IM3 P-0000015-T02-IM3", "P-0000004 P-0000015 P-0000015"),
        ("K1-T K2-T K3-T", "K1 K2 K3"),  # one patient cannot have three samples T
        ("liver1-a liver1-b lung2-a", "P1 P1 P1"),
        ("A1-x B2-y C3-z", "P1 P1 P1"),
    ],
)
def test_patients_of_a_cohort_are_not_joined(tmp_path: Path, samples: str, patients: str) -> None:
    rows = [f"m{i} {name} 60 40" for i, name in enumerate(samples.split())]
    write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts", *rows)
    found, notes = guess_sheet([tmp_path], tmp_path)
    assert [row.patient for row in found] == patients.split()
    assert any("patients" in note for note in notes) == (len(set(patients.split())) > 1)


def test_tables_of_several_patients(tmp_path: Path) -> None:
    for name, normal in (("K1", "x"), ("K2", "y")):  # one hot spot in both
        rows = [f"chr1:{name[1]}{i}:A:T 60 40 70 30" for i in range(10, 40)]
        write_table(tmp_path / f"{name}.tsv", f"id a.ref a.alt {normal}.ref {normal}.alt", *rows, "12:5:A:T 9 1 9 1")
    found, notes = guess_sheet([tmp_path], tmp_path)
    assert [(row.patient, row.sample, row.files["counts"]) for row in found] == [
        *(("K1", "a", ["K1.tsv"]), ("K1", "x", ["K1.tsv"])),
        *(("K2", "a", ["K2.tsv"]), ("K2", "y", ["K2.tsv"])),
    ]
    assert any("share hardly a mutation" in note for note in notes)
    write_table(tmp_path / "K2.tsv", "id a.ref a.alt y.ref y.alt", *(f"chr1:1{i}:A:T 6 4 7 3" for i in range(10, 40)))
    assert [row.patient for row in guess_sheet([tmp_path], tmp_path)[0]] == ["P1", "P1", "P1"]


def test_vcfs_of_several_callers_are_merged_by_a_rule(tmp_path: Path) -> None:
    other = [line for line in VCF_HEADER if "Mutect2" not in line]
    records = {"mutect2": ("60,40", ["##source=Mutect2"]), "strelka": ("61,41", ["##source=strelka"])}
    for caller, (cell, lines) in records.items():
        path = tmp_path / f"A.{caller}.vcf"
        write_vcf(path, [RECORDS[0].format(cell)], samples=("A",), header=[*other[:1], *lines, *other[1:]])
    sheet = tmp_path / "s.tsv"
    with pytest.raises(SystemExit):
        main(["sheet", str(tmp_path), "-o", str(sheet)])
    names, cells = (line.split("\t") for line in sheet.read_text().splitlines())
    assert cells[names.index("vcf")] == "A.mutect2.vcf;A.strelka.vcf" and cells[names.index("vcf_merge")] == "union"
    assert not validate_sheet(sheet).problems


@pytest.mark.parametrize("column", ["seg.mean", "log2", "mu.minor mu.major"])
def test_segments_of_ratios_are_named(tmp_path: Path, column: str) -> None:
    mutect(tmp_path, "P01_liver")
    write_table(tmp_path / "x.seg", f"ID chrom loc.start loc.end {column}", f"P01_liver 1 1 900 {'0.5 ' * 2}".strip())
    _, notes = guess_sheet([tmp_path], tmp_path)
    assert any("x.seg: holds ratios, not copies" in note for note in notes)


def test_a_folder_of_mutect2_and_ascat(tmp_path: Path) -> None:
    for sample in ("P01_primary_1", "P01_primary_2", "P01_liver_met", "P01_LN1"):
        mutect(tmp_path, sample)
        ascat(tmp_path, sample, column=sample != "P01_LN1")
        write_table(tmp_path / f"{sample}.purityploidy.txt", "AberrantCellFraction Ploidy", "0.8 2.1")
    (tmp_path / "notes.txt").write_text("nothing of use\n")
    rows, notes = guess_sheet([tmp_path], tmp_path)
    found = {row.sample: (row.patient, row.site, row.site_type) for row in rows}
    assert found == {
        "P01_primary_1": ("P01", "primary", "primary"),
        "P01_primary_2": ("P01", "primary", "primary"),
        "P01_liver_met": ("P01", "liver", "metastasis"),
        "P01_LN1": ("P01", "LN1", "lymph_node"),
    }
    for row in rows:
        assert row.files == {
            "vcf": [f"{row.sample}.mutect2.filtered.vcf.gz"],
            "cn_segments": [f"{row.sample}.segments.txt"],
            "purity_file": [f"{row.sample}.purityploidy.txt"],
        }
        assert row.normal_sample == "P01_normal"
    assert any("notes.txt" in note for note in notes)


def test_kinds_of_files(tmp_path: Path) -> None:
    maf = (
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
        "t_alt_count"
    )
    barcodes = ("TCGA-AB-1234-01A", "TCGA-AB-1234-06A")
    path = write_table(tmp_path / "x.maf", maf, *(f"G 1 10 A T {barcode} 60 40" for barcode in barcodes))
    rows, _ = guess_sheet([path], tmp_path)
    assert [(row.patient, row.sample, row.files) for row in rows] == [
        ("TCGA-AB-1234", barcode, {"maf": ["x.maf"]}) for barcode in barcodes
    ]
    assert [row.site_type for row in rows] == ["primary", "metastasis"]
    path = write_table(
        tmp_path / "wide.tsv",
        "mutation P.ref.count P.var.count Normal.ref.count R.ref.count R.var.count",
        "m 6 4 9 5 5",
    )
    rows, _ = guess_sheet([path], tmp_path)
    assert [row.sample for row in rows] == ["P", "R"]
    path = write_table(tmp_path / "case7_lung.tsv", "chr end WT.count mut.count", "1 100 60 40")
    rows, notes = guess_sheet([path], tmp_path)
    assert [(row.sample, row.site, row.site_type) for row in rows] == [("case7_lung", "lung", "")]
    assert any("site_type of case7_lung is not told" in note for note in notes)
    strelka = [
        write_vcf(tmp_path / f"S9.{kind}.vcf", ["1 10 . A T . PASS . AD 9,9 6,4"], samples=("NORMAL", "TUMOR"))
        for kind in ("snvs", "indels")
    ]
    rows, _ = guess_sheet(strelka, tmp_path)
    assert [(row.sample, row.files["vcf"], row.normal_sample) for row in rows] == [
        ("S9", ["S9.snvs.vcf", "S9.indels.vcf"], "NORMAL")
    ]


TABLES = {
    "PhyloWGS": ("id gene a d mu_r mu_v", "s0 1_9 6,7 9,9 0.9 0.5", ["sample_1", "sample_2"]),
    "CALDER": ("_ m1 m1 m2 m2", "t1 6 4 7 3", ["t1"]),
    "DeCiFer": ("#sample_index sample_label character_index character_label ref var", "0 T1 0 m 6 4 1 1 1", ["T1"]),
    "LICHeE": ("#chrom pos DESC Normal R1 R2", "chr1 9 d 0 0.4 0.2", ["R1", "R2"]),
    "CONIPHER": ("CASE_ID SAMPLE CHR POS REF ALT REF_COUNT VAR_COUNT", "C A1 1 9 A T 6 4", ["A1"]),
    "ClonEvol": ("cluster gene P.vaf R.vaf", "1 TP53 40 30", ["P", "R"]),
    "matrix with annotation": ("mutation effect S1 S2", "m1 missense 0.9 0.2", ["S1", "S2"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_samples_of_tables(tmp_path: Path, name: str) -> None:
    header, row, expected = TABLES[name]
    second = row.replace("s0", "s1").replace("t1 ", "t2 ").replace("T1 0 m", "T1 1 n").replace("TP53", "KRAS")
    second = second.replace("m1 mis", "m2 mis").replace(" 9 ", " 8 ")
    path = write_table(tmp_path / "table.tsv", header, row, second)
    rows, _ = guess_sheet([path], tmp_path)
    found = [sample.sample for sample in rows]
    assert found == (["t1", "t2"] if name == "CALDER" else expected)
    assert {sample.patient for sample in rows} == {"C" if name == "CONIPHER" else "P1"}


def test_the_sheet_is_written_beside_the_data_and_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    for sample in ("P01_primary", "P01_liver"):
        mutect(tmp_path / "data", sample)
    target = tmp_path / "samples.tsv"

    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0)

    assert run("sheet", str(tmp_path / "data"), "-o", str(target)) == 0
    assert "data/P01_liver.mutect2.filtered.vcf.gz" in target.read_text()
    assert not validate_sheet(target).problems
    target.write_text("my own work")
    assert run("sheet", str(tmp_path / "data"), "-o", str(target)) == 2
    assert target.read_text() == "my own work" and "never replaced" in capsys.readouterr().err
    assert run("sheet", str(tmp_path / "data"), "-o", "-") == 0
    assert capsys.readouterr().out.startswith("patient\tsample\tsite\tsite_type\tvcf")
    (tmp_path / "empty").mkdir()
    assert run("sheet", str(tmp_path / "empty"), "-o", str(tmp_path / "s.tsv")) == 3


CELL_TABLES = {
    "CHISEL": ("#CHR START END CELL A_COUNT B_COUNT HAP_CN", "chr1 0 1000000 {} 9 9 1|1"),
    "SIGNALS": ("chr start end cell_id state copy state_AS_phased", "1 1 1000000 {} 2 2.1 1|1"),
    "HMMcopy": ("chr start end reads gc copy state cell_id", "1 1 1000000 300 0.4 2.1 2 {}"),
    "Cell Ranger": ("#chrom start end id copy_number event_confidence", "1 0 1000000 {} 2 100"),
    "plain": ("cell chrom start end total_cn", "{} 1 1 1000000 2"),
    "MEDICC2": ("sample_id chrom start end cn_a cn_b", "{} 1 1 1000000 1 1"),
}
NAMES = [str(c) for c in range(12)]


def write_cells(path: Path, kind: str, names: list[str] = NAMES) -> Path:
    if kind == "Ginkgo":
        names = [f"c{name}" for name in names]
        rows = [f"chr1 {start} {start + 500000} {' '.join('2' for _ in names)}" for start in (0, 500000)]
        return write_table(path, " ".join(("CHR START END", *names)), *rows)
    header, row = CELL_TABLES[kind]
    return write_table(path, header, *(row.format(name if kind == "Cell Ranger" else f"c{name}") for name in names))


@pytest.mark.parametrize("kind", [*CELL_TABLES, "Ginkgo"])
def test_copy_number_of_single_cells_goes_into_its_column(tmp_path: Path, kind: str) -> None:
    for sample in ("P01_primary", "P01_liver_met"):
        mutect(tmp_path, sample)
        ascat(tmp_path, sample)
    write_cells(tmp_path / "P01_liver_sc.tsv", kind)
    sheet = tmp_path / "s.tsv"
    with pytest.raises(SystemExit) as ended:
        main(["sheet", str(tmp_path), "-o", str(sheet)])
    assert not ended.value.code
    head, *lines = (line.split("\t") for line in sheet.read_text().splitlines())
    rows = {row["sample"]: row for row in (dict(zip(head, line)) for line in lines)}
    assert list(rows) == ["P01_liver_met", "P01_primary", "P01_liver_sc"]
    own = {"patient": "P01", "site": "liver", "site_type": "metastasis", "kind": "cell", "cells": "P01_liver_sc.tsv"}
    assert {name: text for name, text in rows.pop("P01_liver_sc").items() if text} == {"sample": "P01_liver_sc"} | own
    assert all(not row["kind"] and not row["cells"] and row["vcf"] and row["cn_segments"] for row in rows.values())
    assert not validate_sheet(sheet).problems


def test_tables_of_cells_alone_are_enough(tmp_path: Path) -> None:
    for site in ("colon_primary", "liver_met", "lung_met"):
        (tmp_path / site).mkdir()
        write_cells(tmp_path / site / "SegCopy", "Ginkgo")
    rows, notes = guess_sheet([tmp_path / site for site in ("colon_primary", "liver_met", "lung_met")], tmp_path)
    assert [(row.patient, row.sample, row.site, row.site_type, row.files) for row in rows] == [
        ("P1", "colon_primary_sc", "colon", "primary", {"cells": ["colon_primary/SegCopy"]}),
        ("P1", "liver_met_sc", "liver", "metastasis", {"cells": ["liver_met/SegCopy"]}),
        ("P1", "lung_met_sc", "lung", "metastasis", {"cells": ["lung_met/SegCopy"]}),
    ]
    assert any(note.startswith("taken as copy number of single cells") for note in notes)


def test_cells_are_of_the_patient_whose_name_they_bear_and_share_no_name_with_bulk(tmp_path: Path) -> None:
    rows = [f"m{i} {name} 60 40" for i, name in enumerate(("K1-A", "K1-B", "K10-A", "K10-B"))]
    write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts", *rows)
    write_cells(tmp_path / "K10-A.cells.tsv", "HMMcopy")
    write_cells(tmp_path / "K10-A.chisel.tsv", "CHISEL")
    found, _ = guess_sheet([tmp_path], tmp_path)
    cells = [(row.patient, row.files["cells"]) for row in found if row.kind == "cell"]
    assert cells == [("K10", ["K10-A.cells.tsv"]), ("K10", ["K10-A.chisel.tsv"])]
    assert len({row.sample for row in found}) == len(found) == 6


def test_segments_of_bulk_samples_are_no_cells(tmp_path: Path) -> None:
    """Neither those of few samples without reads, nor a table of many of which one has reads."""
    mutect(tmp_path, "P01_liver")
    write_cells(tmp_path / "few.tsv", "MEDICC2", NAMES[:9])
    header, row = CELL_TABLES["MEDICC2"]
    names = ["P01_liver", *(f"Q{name}_x" for name in NAMES)]
    write_table(tmp_path / "cohort.tsv", header, *(row.format(name) for name in names))
    (found,), notes = guess_sheet([tmp_path], tmp_path)
    assert found.files["cn_segments"] == ["cohort.tsv"] and not found.kind
    assert any("few.tsv: segments of no sample that was found" in note for note in notes)
