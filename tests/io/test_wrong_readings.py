"""Files that were once read wrongly without a word: each with the right value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.tables import read_patient
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest
from phylometa.model.patient import Patient

MAF = (
    "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
    "t_alt_count"
)
ONE = [SampleRequest("X", ("X",))]


def one_vcf(folder: Path, *records: str, header: list[str] | None = None, **request: str) -> Calls:
    path = write_vcf(folder / "x.vcf", list(records), header=header, samples=("X",))
    return read_vcf(path, [SampleRequest("X", ("X",), **request)], display="x.vcf")  # type: ignore[arg-type]


def patient_of(folder: Path, *records: str, columns: str = "", cells: str = "", **tables: list[str]) -> Patient:
    write_vcf(folder / "x.vcf", list(records), samples=("S1", "S2"))
    for name, rows in tables.items():
        write_table(folder / f"{name}.tsv", *rows)
    sheet = write_table(
        folder / "s.tsv", f"patient sample site vcf {columns}", f"P S1 a x.vcf {cells}", f"P S2 b x.vcf {cells}"
    )
    return read_patient(sheet)


def test_ad_declared_per_alternate_allele_that_holds_the_reference_too(tmp_path: Path) -> None:
    header = [line.replace("ID=AD,Number=R", "ID=AD,Number=A") for line in VCF_HEADER]
    records = ("1 10 . A T . PASS . AD:DP 60,40:100", "1 20 . A T,C . PASS . AD:DP 50,30,20:100")
    calls = one_vcf(tmp_path, *records, "1 30 . A T . PASS . AD:DP 40:100", header=header)
    assert calls.alt[:, 0].tolist() == [40, 30, 20, 40] and calls.depth[:, 0].tolist() == [100] * 4


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        (
            ["##sageVersion=3.4", "##purpleVersion=4.0", '##INFO=<ID=T,Number=1,Type=Flag,Description="as Pindel">'],
            "PURPLE",
        ),
        (["##sageVersion=3.4", '##FILTER=<ID=F,Description="in the pindel panel">'], "SAGE"),
        (["##source=strelka", '##INFO=<ID=N,Number=1,Type=String,Description="callers: mutect2, varscan">'], "Strelka"),
        (['##INFO=<ID=N,Number=1,Type=String,Description="found by pindel">'], "Pindel"),
    ],
)
def test_the_caller_is_who_names_itself(tmp_path: Path, lines: list[str], caller: str) -> None:
    header = [line for line in VCF_HEADER if "Mutect2" not in line] + lines
    calls = one_vcf(tmp_path, "1 10 . A T . PASS . AD 6,4", header=header)
    assert calls.provenance["dialect"] == caller


def test_one_contig_spelled_in_two_ways(tmp_path: Path) -> None:
    calls = one_vcf(
        tmp_path, "chr1 10 . A T . PASS . AD 6,4", "1 10 . A T . PASS . AD 6,4", "1 30 . A T . PASS . AD 6,4"
    )
    assert calls.ids == ["chr1:10:A:T", "chr1:30:A:T"]
    assert calls.dropped.reasons == ["listed twice (line 7)"]
    assert any("1 is chr1" in text for text in calls.warnings)
    calls = one_vcf(tmp_path, "chr23 10 . A T . PASS . AD 6,4", "chrX 10 . A T . PASS . AD 6,4", genome="dog")
    assert calls.n_mutations == 2


def test_unfiltered_calls_are_said(tmp_path: Path) -> None:
    unfiltered = one_vcf(tmp_path, "1 10 . A T . . . AD 6,4", "1 20 . A T . . . AD 6,4")
    assert any("FilterMutectCalls" in text for text in unfiltered.warnings)
    for words in (("PASS", "."), ("weak", ".")):
        calls = one_vcf(tmp_path, *(f"1 {i}0 . A T . {word} . AD 6,4" for i, word in enumerate(words, 1)))
        assert not any("filter" in text for text in calls.warnings)


def test_a_longer_substitution_and_its_parts_are_one_event(tmp_path: Path) -> None:
    patient = patient_of(
        tmp_path,
        "1 10 . AC TG . PASS . AD 60,40 50,30",
        "1 10 . A T . PASS . AD 60,40 50,31",
        "chr1 11 . C G . PASS . AD 60,41 50,30",
        "1 50 . AC TG . PASS . AD 90,10 90,10",
        "1 50 . A T . PASS . AD 60,40 90,10",  # has thirty reads of its own
        "1 70 . AC TG . PASS . AD 60,40 .",
        "1 70 . A T . PASS . AD 60,40 50,25",
    )
    assert patient.mutations.ids == ("1:10:AC:TG", "1:50:AC:TG", "1:50:A:T", "1:70:AC:TG")
    assert patient.mutations.alt_counts[3].tolist() == [40, 25]  # taken apart by the other sample's caller
    assert patient.dropped.reasons.count("part of 1:10:AC:TG") == 2
    said = next(text for text in patient.warnings if "3 single substitutions inside a longer one" in text)
    assert "(1:10:AC:TG, 1:70:AC:TG)" in said


def test_alternative_and_decoy_contigs_are_left_out_with_the_reason(tmp_path: Path) -> None:
    contigs = ("chr1", "hs37d5", "chr6_GL000256v2_alt", "chrUn_KI270742v1", "chrEBV")
    patient = patient_of(tmp_path, *(f"{contig} 10 . A T . PASS . AD 6,4 5,5" for contig in contigs))
    assert patient.mutations.ids == ("chr1:10:A:T",)
    assert sorted(patient.dropped.reasons) == [
        "alternative contig chr6_GL000256v2_alt",
        "decoy contig hs37d5",
        "unplaced contig chrUn_KI270742v1",
        "viral contig chrEBV",
    ]


def test_haplotypes_of_hg19_and_controls_are_no_chromosomes(tmp_path: Path) -> None:
    contigs = ("1", "chr6_apd_hap1", "chr17_ctg5_hap1", "phiX174")
    patient = patient_of(tmp_path, *(f"{contig} 10 . A T . PASS . AD 6,4 5,5" for contig in contigs))
    assert patient.mutations.ids == ("1:10:A:T",)
    assert sorted(patient.dropped.reasons) == [
        "alternative contig chr17_ctg5_hap1",
        "alternative contig chr6_apd_hap1",
        "control sequence phiX174",
    ]


def test_lines_of_comments_after_the_header(tmp_path: Path) -> None:
    calls = one_vcf(tmp_path, "1 10 . A T . PASS . AD 6,4", "#mutations . . . . . . . . 1", "#end")
    assert calls.ids == ["1:10:A:T"] and calls.alt.tolist() == [[4]]
    assert any("2 lines after the header" in text for text in calls.warnings)
    with pytest.raises(InputError, match="a second header: two VCFs one after the other"):
        one_vcf(tmp_path, "1 10 . A T . PASS . AD 6,4", "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT Y")


def test_nothing_left_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 FILTER weak.*accepted_filters"):
        patient_of(tmp_path, "1 10 . A T . weak . AD 6,4 5,5")
    write_table(tmp_path / "x.maf", MAF, "G 1 10 A T S1 NA NA")
    with pytest.raises(InputError, match="1 unobserved in every sample.*fill its columns of counts"):
        read_patient(write_table(tmp_path / "s.tsv", "patient sample site maf", "P S1 a x.maf"))


def test_bands_name_the_contig(tmp_path: Path) -> None:
    header = "sample chrom start end major_cn minor_cn"
    segments = [header, *(f"{s} {row}" for s in ("S1", "S2") for row in ("X 1 1000 2 0", "17 1 1000 3 1"))]
    records = ("chrXp11.23 10 . A T . PASS . AD 6,4 5,5", "17q21.31 20 . A T . PASS . AD 6,4 5,5")
    patient = patient_of(tmp_path, *records, columns="cn_segments sex", cells="seg.tsv male", seg=segments)
    assert patient.copy_number.major.tolist() == [[2, 2], [3, 3]]
    assert patient.copy_number.normal.tolist() == [[1, 1], [2, 2]]


def test_contigs_by_species(tmp_path: Path) -> None:
    records = ("chr23 10 . A T . PASS . AD 6,4 5,5", "chrX 10 . A T . PASS . AD 6,4 5,5")
    patient = patient_of(tmp_path, *records, columns="genome sex", cells="CanFam3.1 male")
    assert patient.mutations.n_mutations == 2
    assert patient.copy_number.normal.tolist() == [[2, 2], [1, 1]]
    found = patient_of(tmp_path, *records, "chr38 10 . A T . PASS . AD 6,4 5,5", columns="sex", cells="male")
    assert found.copy_number.normal[:, 0].tolist() == [2, 1, 2]
    assert any("dog genome" in text for text in found.warnings)
    mouse = patient_of(tmp_path, "20 10 . A T . PASS . AD 6,4 5,5", columns="genome sex", cells="mm10 male")
    assert mouse.copy_number.normal.tolist() == [[1, 1]]
    with pytest.raises(InputError, match="several genomes: mm10, hg38"):
        write_vcf(tmp_path / "x.vcf", list(records))
        read_patient(
            write_table(tmp_path / "s.tsv", "patient sample site vcf genome", "P S1 a x.vcf mm10", "P S2 b x.vcf hg38")
        )


def test_a_contig_that_is_not_known_is_said(tmp_path: Path) -> None:
    patient = patient_of(tmp_path, "1 10 . A T . PASS . AD 6,4 5,5", "scaffold_3 10 . A T . PASS . AD 6,4 5,5")
    assert patient.mutations.n_mutations == 2
    assert any("no chromosomes of the human genome: scaffold_3" in text for text in patient.warnings)


def test_a_file_with_a_header_only_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column exclude"):
        one_vcf(tmp_path)


INFO_COUNTS = {
    "PCAWG": ("t_alt_count=40;t_ref_count=60;VAF=0.4", (40, 100)),
    "PCGR": ("TVAF=0.4;TDP=100", (40, 100)),
    "VAFator": ("tumor_af=0.4;tumor_ac=40;tumor_dp=100", (40, 100)),
    "LoFreq": ("DP=101;AF=0.4;DP4=30,30,15,25", (40, 100)),
}


@pytest.mark.parametrize("name", INFO_COUNTS)
def test_counts_in_info(tmp_path: Path, name: str) -> None:
    info, (alt, depth) = INFO_COUNTS[name]
    path = write_vcf(tmp_path / "x.vcf", [f"1 10 . A T . PASS {info}"], samples=())
    calls = read_vcf(path, ONE, display="x.vcf")
    assert (int(calls.alt[0, 0]), int(calls.depth[0, 0])) == (alt, depth)
    # the same beside a sample column that holds no counts
    path = write_vcf(tmp_path / "y.vcf", [f"1 10 . A T . PASS {info} GT 0/1"], samples=("X",))
    assert read_vcf(path, ONE, display="y.vcf").alt.tolist() == [[alt]]


def test_tumour_depths_of_tcga(tmp_path: Path) -> None:
    records = (
        "1 10 . A T . . SOMATIC TD:ND:TR:NR 60,40:31,2:100:33",
        "1 20 . A T . . SOMATIC TD:ND:TR:NR 18:35,0:23:35",
    )
    calls = one_vcf(tmp_path, *records)
    assert np.column_stack([calls.alt, calls.depth]).tolist() == [[40, 100], [0, 0]]
