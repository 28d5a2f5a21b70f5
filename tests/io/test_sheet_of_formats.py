"""Every format by itself: a small folder as the tool leaves it, the guessed sheet, a valid patient, no editing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.cli import main
from phylometa.io.tables import read_patient
from phylometa.io.validate import validate_sheet

MAF = (
    "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
    "t_alt_count"
)
PHYLOGIC = "Hugo_Symbol Chromosome Start_position Reference_Allele Tumor_Seq_Allele2 t_ref_count t_alt_count ccf_0.00"
CONIPHER = "CASE_ID SAMPLE CHR POS REF ALT REF_COUNT VAR_COUNT DEPTH CLUSTER COPY_NUMBER_A COPY_NUMBER_B ACF PLOIDY"
DPCLUST = "chr end WT.count mut.count subclonal.CN mutation.copy.number subclonal.fraction no.chrs.bearing.mut"
DECIFER = "#sample_index sample_label character_index character_label ref var"
ICGC = (
    "icgc_mutation_id icgc_donor_id icgc_sample_id chromosome chromosome_start mutated_from_allele mutated_to_allele "
    "total_read_count mutant_allele_read_count"
)
PHYLOWGS_CN = "chromosome start end copy_number minor_cn major_cn cellular_prevalence"
HATCHET = "#CHR START END SAMPLE cn_normal u_normal cn_clone1 u_clone1"
TREEOMICS = "Chromosome Position Change Gene A B"


@dataclass
class Case:
    """Files (name to rows, blanks between the fields), and what must come out."""

    files: dict[str, list[str]]
    alt: list[list[int]]
    depth: list[list[int]]
    samples: tuple[str, ...] = ("A", "B")
    purity: tuple[float, ...] = ()
    vcf_samples: tuple[str, ...] = ("NORMAL", "TUMOR")
    vcf_header: list[str] = field(default_factory=lambda: VCF_HEADER)
    patient: str = "P1"


TWO = ([[40, 30], [20, 10]], [[100, 100], [100, 100]])  # reads of most cases: 60/40 and 70/30, 80/20 and 90/10
INFO = "t_alt_count={};t_ref_count={}"
CASES = {
    "CONIPHER": Case(
        {
            "input_table.tsv": [
                CONIPHER,
                *("K1 K1_A 1 100 C A 60 40 100 1 2 1 0.6 3.8", "K1 K1_B 1 100 C A 70 30 100 1 1 1 0.5 2"),
                *("K1 K1_A 2 200 C A 80 20 100 2 1 1 0.6 3.8", "K1 K1_B 2 200 C A 90 10 100 2 1 1 0.5 2"),
            ]
        },
        *TWO,
        samples=("K1_A", "K1_B"),
        purity=(0.6, 0.5),
        patient="K1",
    ),
    "ClonEvol": Case(
        {
            "variants.tsv": [
                "cluster gene is.driver A.vaf B.vaf A.ref.count A.var.count A.depth B.ref.count B.var.count B.depth",
                *("1 G1 TRUE 40 30 60 40 100 70 30 100", "2 - FALSE 20 10 80 20 100 90 10 100"),
            ]
        },
        *TWO,
    ),
    "DeCiFer": Case(
        {
            "decifer_input.tsv": [
                *("2 #characters", "2 #samples", DECIFER),
                *("0 A 0 1.100.C.A 60 40 1 1 0.5 2 1 0.5", "1 B 0 1.100.C.A 70 30 1 1 1"),
                *("0 A 1 2.200.C.A 80 20 1 1 1", "1 B 1 2.200.C.A 90 10 1 1 1"),
            ],
            "purity.tsv": ["0 0.5", "1 0.75"],
        },
        *TWO,
        purity=(0.5, 0.75),
    ),
    "PhylogicNDT": Case(
        {
            "A.txt": [PHYLOGIC, "U chr1 100 C A 60 40 1", "U chr2 200 C A 80 20 1"],
            "B.txt": [PHYLOGIC, "U chr1 100 C A 70 30 1", "U chr2 200 C A 90 10 1"],
            "patient.sif": [
                "sample_id maf_fn seg_fn purity timepoint",
                *("s_00 folder/A.txt NA 0.5 0", "s_01 folder/B.txt NA 0.75 1"),
            ],
        },
        *TWO,
        purity=(0.5, 0.75),
    ),
    "DPClust": Case(
        {
            "K1_01_dp_input.txt": [DPCLUST, "1 100 60 40 2 1 1 1", "2 200 80 20 2 1 1 1"],
            "K1_02_dp_input.txt": [DPCLUST, "1 100 70 30 2 1 1 1", "2 200 90 10 2 1 1 1"],
            "project.txt": [
                "sample subsample datafile cellularity",
                *("K1 01 K1_01_dp_input.txt 0.5", "K1 02 K1_02_dp_input.txt 0.75"),
            ],
        },
        *TWO,
        samples=("K1_01", "K1_02"),
        purity=(0.5, 0.75),
        patient="K1",
    ),
    "CliP": Case(
        {
            "K1.snv.txt": ["chromosome_index position alt_count ref_count", "1 2 40 60", "1 7 20 80"],
            "K1.cna.txt": ["chromosome_index start_position end_position major_cn minor_cn total_cn", "1 1 9 2 1 3"],
            "K1.purity.txt": ["0.9"],
        },
        [[40], [20]],
        [[100], [100]],
        samples=("K1",),
        purity=(0.9,),
    ),
    "PhyloWGS": Case(
        {
            "ssm_data.txt": ["id gene a d mu_r mu_v", "s0 1_9 60,70 100,100 0.999 0.5", "s1 2_9 80,90 100,100 0.9 0.5"],
            "cnv_data.txt": ["cnv a d ssms physical_cnvs", "c0 60,70 100,100 s1,1,2 chrom=1,start=1"],
        },
        *TWO,
        samples=("sample_1", "sample_2"),
    ),
    "PhyloWGS, VCFs and copy number": Case(
        {
            "A.vcf": [f"1 9 . C A . . {INFO.format(40, 60)}", f"2 9 . C A . . {INFO.format(20, 80)}"],
            "B.vcf": [f"1 9 . C A . . {INFO.format(30, 70)}", f"2 9 . C A . . {INFO.format(10, 90)}"],
            "A.cnv.txt": [PHYLOWGS_CN, "1 1 900 2 1 1 0.8", "2 1 900 3 1 2 0.4"],
            "B.cnv.txt": [PHYLOWGS_CN, "1 1 900 2 1 1 0.6"],
        },
        *TWO,
        vcf_samples=(),
        vcf_header=[],
    ),
    "CALDER": Case({"clustered.txt": ["_ m1 m1 m2 m2", "A 60 40 80 20", "B 70 30 90 10"]}, *TWO),
    "AncesTree": Case(
        {"reads.txt": ["gene_id A A B B", "G,chr1:9 60 40 70 30", "G,chr2:9 _ _ 90 10"]},
        [[40, 30], [0, 10]],
        [[100, 100], [0, 100]],
    ),
    "AncesTree, numbered samples": Case(
        {"sim_0.input": ["gene_id 0 0 1 1", "Mut_0 60 40 70 30", "Mut_1 80 20 90 10"]}, *TWO, samples=("0", "1")
    ),
    "Treeomics": Case(
        {
            "K1_mutant_reads.txt": [TREEOMICS, "chr1 9 C>A G 40 30", "chr2 9 C>A G n/a 10"],
            "K1_coverage.txt": [TREEOMICS, "chr1 9 C>A G 100 100", "chr2 9 C>A G n/a 100"],
        },
        [[40, 30], [0, 10]],
        [[100, 100], [0, 100]],
    ),
    "Canopy, R and X": Case(
        {
            "R.txt": ["mutation A B", "sna1 40 30", "sna2 20 10"],
            "X.txt": ["mutation A B", "sna1 100 100", "sna2 100 100"],
        },
        *TWO,
    ),
    "Canopy, table of the example": Case(
        {
            "AML.txt": [
                "Chr Start_.NCBI_36. Start_.GRCh37. Ref Var NormalRefReads NormalVarReads ARefReads AVarReads AVarFreq "
                "BRefReads BVarReads BVarFreq NormalCN ACN BCN Tier",
                "1 8 9 C A 99 1 60 40 0.4 70 30 0.3 2 2 2 tier1",
                "2 8 9 C A 99 1 80 20 0.2 90 10 0.1 2 2 2 tier1",
            ]
        },
        *TWO,
    ),
    "LICHeE": Case(
        {"EV.txt": ["#chrom pos DESC Normal A B", "chr1 9 d1 0 0.40 0.30", "chr2 9 d2 0 0.20 0.10"]},
        *TWO,
    ),
    "ICGC": Case(
        {
            "simple_somatic_mutation.tsv": [
                ICGC,
                *("MU1 DO1 SA1 1 9 C A 100 40", "MU1 DO1 SA1 1 9 C A 100 40", "MU1 DO1 SA2 1 9 C A 100 30"),
                *("MU2 DO1 SA1 2 9 C A 100 20", "MU2 DO1 SA2 2 9 C A 100 10"),
            ]
        },
        *TWO,
        samples=("SA1", "SA2"),
        patient="DO1",
    ),
    "PCAWG": Case(
        {
            "A.consensus.somatic.snv_mnv.vcf": [f"1 9 . C A . . {INFO.format(40, 60)}"],
            "B.consensus.somatic.snv_mnv.vcf": [f"1 9 . C A . . {INFO.format(30, 70)}"],
        },
        [[40, 30]],
        [[100, 100]],
        vcf_samples=(),
    ),
    "PCGR": Case(
        {"A.pcgr.vcf": ["1 9 . C A . PASS TDP=100;TVAF=0.4"], "B.pcgr.vcf": ["1 9 . C A . PASS TDP=100;TVAF=0.3"]},
        [[40, 30]],
        [[100, 100]],
        vcf_samples=(),
    ),
    "TCGA": Case(
        {"K1.vcf": ["1 9 . C A . PASS SOMATIC TD:ND 9,1:99,1 60,40:99,1"]},
        [[40]],
        [[100]],
        samples=("K1",),
    ),
    "cBioPortal": Case(
        {
            "data_mutations.txt": [
                "#version 2.4 _ _",
                f"{MAF} HGVSp hgvsp",
                *("G 1 9 C A K1-A 60 40 x y", "G 1 9 C A K1-B 70 30 x y"),
            ]
        },
        [[40, 30]],
        [[100, 100]],
        samples=("K1-A", "K1-B"),
        patient="K1",
    ),
    "GDC": Case(
        {
            "x.maf": [
                "#version gdc-1.0.0",
                MAF,
                *("G chr1 9 C A TCGA-AB-1234-01A-11D 60 40", "G chr1 9 C A TCGA-AB-1234-06A-11D 70 30"),
            ]
        },
        [[40, 30]],
        [[100, 100]],
        samples=("TCGA-AB-1234-01A-11D", "TCGA-AB-1234-06A-11D"),
        patient="TCGA-AB-1234",
    ),
    "HATCHet beside VCFs": Case(
        {
            "A.vcf": ["1 9 . C A . PASS . AD 99,1 60,40"],
            "B.vcf": ["1 9 . C A . PASS . AD 99,1 70,30"],
            "best.seg.ucn": [HATCHET, "1 0 900 A 1|1 0.2 2|1 0.8", "1 0 900 B 1|1 0.4 2|1 0.6"],
        },
        [[40, 30]],
        [[100, 100]],
    ),
    "PURPLE": Case(
        {
            "A.purple.somatic.vcf": ["1 9 . C A . PASS . AD 60,40"],
            "A.purple.cnv.somatic.tsv": [
                "chromosome start end copyNumber majorAlleleCopyNumber minorAlleleCopyNumber",
                "1 1 900 3.02 2.03 0.99",
            ],
            "A.purple.purity.tsv": ["purity normFactor ploidy gender", "0.62 1 2.9 FEMALE"],
        },
        [[40]],
        [[100]],
        samples=("A",),
        purity=(0.62,),
        vcf_samples=("A",),
        vcf_header=[VCF_HEADER[0], "##sageVersion=3.4", "##purpleVersion=4.0", *VCF_HEADER[2:]],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_from_the_tools_files_to_a_valid_patient(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    for file, rows in case.files.items():
        if file.endswith(".vcf"):
            write_vcf(data / file, rows, samples=case.vcf_samples, header=case.vcf_header)
        else:
            write_table(data / file, *rows)
    with pytest.raises(SystemExit) as ended:
        main(["sheet", "data", "-o", "samples.tsv"])
    assert not ended.value.code, capsys.readouterr().err
    report = validate_sheet("samples.tsv")
    assert not report.problems, report.to_text()
    patient = read_patient("samples.tsv")
    assert patient.name == case.patient
    assert tuple(sample.name for sample in patient.samples) == case.samples
    assert patient.mutations.alt_counts.tolist() == case.alt
    assert patient.mutations.depth.tolist() == case.depth
    if case.purity:
        assert tuple(sample.purity for sample in patient.samples) == case.purity
    assert patient.copy_number.is_known.any() == any(
        word in name for word in ("copy", "CliP", "PURPLE", "HATCHet")
    ) or (name in ("CONIPHER", "DeCiFer"))


def test_two_states_of_decifer_with_its_purities(tmp_path: Path) -> None:
    case = CASES["DeCiFer"]
    for file, rows in case.files.items():
        write_table(tmp_path / file, *rows)
    with pytest.raises(SystemExit):
        main(["sheet", str(tmp_path), "-o", str(tmp_path / "s.tsv")])
    copies = read_patient(tmp_path / "s.tsv").copy_number
    # of sample A half the cells are normal, 1+1: the other half, all its tumour cells, is 2+1
    assert copies.major[0].tolist() == [2, 1] and copies.minor[0].tolist() == [1, 1]


def test_rows_of_dpclust_with_places_that_repeat(tmp_path: Path) -> None:
    for name, places in (("A", ("1 1", "1 2")), ("B", ("1 1", "1 1"))):
        write_table(tmp_path / f"{name}.txt", DPCLUST, f"{places[0]} 60 40 2 1 1 1", f"{places[1]} 80 20 2 1 1 1")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts", "P A a A.txt", "P B b B.txt")
    patient = read_patient(sheet)
    assert patient.mutations.alt_counts.tolist() == [[40, 40], [20, 20]]
    assert patient.mutations.ids == ("row 2", "row 3")
    assert sum("repeat places" in text for text in patient.warnings) == 1
    write_table(tmp_path / "B.txt", DPCLUST, "1 1 60 40 2 1 1 1", "1 1 80 20 2 1 1 1", "1 1 90 10 2 1 1 1")
    assert "there are 3 here and 2 in A.txt" in str(validate_sheet(sheet).problems[0])


def test_matrices_that_are_no_pair_are_said(tmp_path: Path) -> None:
    write_table(tmp_path / "R.txt", "mutation A B", "m1 40 30", "m2 20 10")
    write_table(tmp_path / "X.txt", "mutation A B", "m1 100 10", "m2 100 100")  # 10 reads, 30 of them mutant
    write_table(tmp_path / "long.tsv", "mutation_id sample_id ref_counts alt_counts", "m1 A 6 4", "m1 B 6 4")
    with pytest.raises(SystemExit) as ended:
        main(["sheet", str(tmp_path), "-o", str(tmp_path / "s.tsv")])
    assert not ended.value.code and "R.txt" not in (tmp_path / "s.tsv").read_text()


def test_two_tables_of_one_sample_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / f"{name}.tsv", "mutation_id sample_id ref_counts alt_counts", "m1 A 6 4", "m1 B 6 4")
    with pytest.raises(SystemExit):
        main(["sheet", str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv"), "-o", str(tmp_path / "s.tsv")])
    assert "b.tsv: reads of A are read in a.tsv, not here" in capsys.readouterr().err
    assert not validate_sheet(tmp_path / "s.tsv").problems
