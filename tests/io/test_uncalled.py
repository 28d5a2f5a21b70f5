"""Lists of calls: what a mutation is in a sample whose list leaves it out, and that it survives writing and reading."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.config import ReadSettings
from phylometa.io.tables import read_patient, write_counts
from phylometa.io.uncalled import least_reported

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")


def vcf_per_sample(folder: Path, **records: list[str]) -> Path:
    """Sheet over one VCF a sample; records are 'position alleles alternate,reads [filter]'."""
    rows = []
    for sample, lines in records.items():
        parsed = [line.split() for line in lines]
        text = [f"1 {p} . {a[0]} {a[1]} . {(*f, 'PASS')[0]} . AD {reads}" for p, a, reads, *f in parsed]
        write_vcf(folder / f"{sample}.vcf", text, samples=(sample,))
        rows.append(f"P {sample} {sample} {sample}.vcf")
    return write_table(folder / "samples.tsv", "patient sample site vcf", *rows)


def three_calls(folder: Path) -> Path:
    return vcf_per_sample(
        folder, A=["10 AT 60,40", "20 AT 96,4", "30 AT 50,50"], B=["10 AT 50,30", "40 AT 70,7", "50 AT 70,9"]
    )


def test_what_one_list_leaves_out_is_censored_below_its_least_call(tmp_path: Path) -> None:
    patient = read_patient(three_calls(tmp_path))
    table = patient.mutations
    assert table.ids == ("1:10:A:T", "1:20:A:T", "1:30:A:T", "1:40:A:T", "1:50:A:T")
    assert table.censored.tolist() == [[False, False], [False, True], [False, True], [True, False], [True, False]]
    assert table.call_threshold.tolist() == [4, 7]
    assert table.usual_depth.tolist() == [100, 79]
    assert not (table.censored & table.is_informative).any()
    (note,) = (text for text in patient.warnings if "list of calls" in text)
    assert "A 2 of 5 (fewer than 4); B 2 of 5 (fewer than 7)" in note
    assert not any("unobserved" in text for text in patient.warnings)  # one message a cause


@pytest.mark.parametrize("rule", ["unobserved", "absent", "censored"])
def test_the_rule_can_be_set(tmp_path: Path, rule: str) -> None:
    patient = read_patient(three_calls(tmp_path), settings=ReadSettings(uncalled=rule))  # type: ignore[arg-type]
    table = patient.mutations
    if rule == "unobserved":
        assert not table.censored.any() and table.is_informative.sum() == 6
        assert any("unobserved" in text for text in patient.warnings)
    elif rule == "absent":
        assert not table.censored.any() and table.is_informative.all()
        assert table.depth[3:, 0].tolist() == [100, 100] and table.alt_counts[3:, 0].tolist() == [0, 0]
        assert any("taken as absent, as --uncalled asks: A 2 of 5 (depth 100)" in text for text in patient.warnings)
    else:
        assert table.call_threshold.tolist() == [4, 7]


def test_a_list_that_holds_records_without_alternate_reads_is_no_list_of_calls(tmp_path: Path) -> None:
    records = {"A": ["10 AT 60,40", "20 AT 96,0"], "B": ["20 AT 50,30", "40 AT 70,7"]}
    table = read_patient(vcf_per_sample(tmp_path, **records)).mutations
    assert table.censored.tolist() == [[False, True], [False, False], [False, False]]
    forced = read_patient(tmp_path / "samples.tsv", settings=ReadSettings(uncalled="censored")).mutations
    assert forced.censored.tolist() == [[False, True], [False, False], [True, False]]
    assert forced.call_threshold.tolist() == [10, 7]  # a tenth of the depth at most


def test_rejected_records_are_reads_but_set_no_threshold(tmp_path: Path) -> None:
    records = {"A": ["10 AT 60,40", "20 AT 98,2 weak"], "B": ["10 AT 50,30", "20 AT 70,7", "40 AT 60,6"]}
    table = read_patient(vcf_per_sample(tmp_path, **records)).mutations
    assert table.alt_counts[:, 0].tolist() == [40, 2, 0]
    assert table.censored.tolist() == [[False, False], [False, False], [True, False]]
    assert table.call_threshold.tolist() == [10, 0]  # B's list leaves nothing out


def test_two_files_of_one_sample_are_one_list(tmp_path: Path) -> None:
    write_vcf(tmp_path / "snv.vcf", ["1 10 . A T . PASS . AD 60,40"], samples=("A",))
    write_vcf(tmp_path / "indel.vcf", ["1 20 . A AT . PASS . AD 60,5"], samples=("A",))
    write_vcf(tmp_path / "b.vcf", ["1 10 . A T . PASS . AD 60,40", "1 30 . A T . PASS . AD 6,4"], samples=("B",))
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site vcf", "P A breast snv.vcf;indel.vcf", "P B liver b.vcf"
    )
    table = read_patient(sheet).mutations
    assert table.ids == ("1:10:A:T", "1:20:A:AT", "1:30:A:T")
    assert table.censored.tolist() == [[False, False], [False, True], [True, False]]
    assert table.call_threshold.tolist() == [5, 4]


def test_a_maf_lists_calls_only(tmp_path: Path) -> None:
    header = (
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
        "t_alt_count"
    )
    rows = ["X 1 10 A T S1 60 40", "X 1 10 A T S2 50 30", "X 1 20 A T S1 90 8", "X 1 30 C T S2 . ."]
    write_table(tmp_path / "x.maf", header, *rows, "X 1 30 C T S1 9 9")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", "P S1 a x.maf", "P S2 b x.maf")
    table = read_patient(sheet).mutations
    # a row without counts is unobserved, a mutation without a row is censored
    assert table.censored.tolist() == [[False, False], [False, True], [False, False]]
    assert table.is_informative.tolist() == [[True, True], [True, False], [True, False]]
    assert table.call_threshold.tolist() == [0, 8]


def test_missing_cells_of_a_merged_vcf_are_not_listed(tmp_path: Path) -> None:
    records = ["1 10 . A T . PASS . AD 60,40 50,9", "1 20 . A T . PASS . AD 60,40 ."]
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf", "P S1 a x.vcf", "P S2 b x.vcf")
    write_vcf(tmp_path / "x.vcf", records)
    assert not read_patient(sheet).mutations.censored.any()  # a caller of both samples: no coverage
    write_vcf(tmp_path / "x.vcf", records, header=[*VCF_HEADER, "##bcftools_mergeCommand=merge a.vcf.gz b.vcf.gz"])
    assert read_patient(sheet).mutations.censored.tolist() == [[False, False], [False, True]]


def test_counts_keep_what_is_censored(tmp_path: Path) -> None:
    patient = read_patient(three_calls(tmp_path))
    write_counts(patient, tmp_path / "counts.tsv")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts", "P A A counts.tsv", "P B B counts.tsv")
    again = read_patient(sheet).mutations
    for name in ("alt_counts", "depth", "observed", "censored", "call_threshold", "usual_depth"):
        assert np.array_equal(getattr(again, name), getattr(patient.mutations, name)), name
    taken = again.take([3, 0])
    assert taken.censored.tolist() == [[True, False], [False, False]]
    assert taken.call_threshold.tolist() == [4, 7] and taken.usual_depth.tolist() == [100, 79]


def test_one_call_in_a_hundred_may_have_fewer_reads() -> None:
    def least(*alt: int) -> int:
        return least_reported(np.array(alt, dtype=np.int32), np.full(len(alt), 100, dtype=np.int32))

    assert least() == 0
    assert least(*[5] * 98, 1) == 1
    assert least(*[5] * 99, 1) == 5
    assert least(*[5] * 98, 0, 0) == 0
    assert least(40, 50) == 10  # no caller needs 40 reads of 100


@needs_data
def test_three_lists_of_calls_of_the_field_cases() -> None:
    table = read_patient(Path(DATA) / "field_cases" / "sis_vcf" / "samples.tsv").mutations
    assert table.n_mutations == 100
    assert table.call_threshold.min() >= 4
    assert table.is_informative.sum(axis=0).tolist() == [len(table.ids) - n for n in table.censored.sum(axis=0)]
    assert table.censored.sum(axis=0).tolist() == [12, 12, 8]
