"""Reading a patient: from a sheet and its files to counts with three states, copy number, reasons and warnings."""

from __future__ import annotations

import io
import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_files import RECORDS, two_samples, write_table, write_vcf

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.tables import read_cohort, read_cohort_names, read_counts, read_patient, write_counts
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")


def test_multi_sample_vcf_with_segments(tmp_path: Path) -> None:
    patient = read_patient(two_samples(tmp_path))
    mutations = patient.mutations
    assert mutations.ids == ("chr1:100:A:T", "chr1:200:C:G", "chr2:300:G:GA", "chr2:500:T:C", "chr2:500:T:G")
    assert mutations.positions.tolist() == [99, 199, 299, 499, 499]
    assert mutations.alt_counts.tolist() == [[40, 0], [30, 0], [20, 50], [30, 0], [20, 10]]
    assert mutations.depth.tolist() == [[100, 90], [100, 0], [100, 100], [100, 100], [100, 100]]
    assert mutations.observed.tolist() == [[True, True], [True, False], [True, True], [True, True], [True, True]]
    copies = patient.copy_number
    assert copies.major[:, 0].tolist() == [2, 1, 2, 2, 2]
    assert copies.minor[:, 0].tolist() == [1, 1, 0, 0, 0]
    np.testing.assert_array_equal(copies.total[:, 1], [2, 2, 4, np.nan, np.nan])
    assert (copies.normal == 2).all()
    assert patient.site_names == ("breast", "liver")
    assert patient.purity.tolist() == [0.8, 0.6]
    assert (patient.dropped.ids, patient.dropped.reasons, patient.dropped.files, patient.dropped.lines) == (
        ("chr2:400:T:C",),
        ("FILTER germline",),
        ("calls.vcf",),
        (10,),
    )
    assert "no copy number in S2 at 2 of 5 mutations: all plausible copy numbers are weighed" in patient.warnings
    rules = next(entry for entry in patient.provenance if entry["reader"] == "vcf")
    assert rules["rules"] == {"AD": 7} and rules["dialect"] == "Mutect2" and len(rules["sha256"]) == 64


def test_one_vcf_a_sample_leaves_the_others_unobserved(tmp_path: Path) -> None:
    write_vcf(tmp_path / "1.vcf.gz", ["1 100 . A T . PASS . AD 60,40 30,0"], samples=("S1", "NORMAL"))
    write_vcf(
        tmp_path / "2.vcf",
        [
            "chr1 100 . A T . weak . AD 99,1 30,0",
            "chr1 300 . A T . PASS . AD 5,5 9,0",
            "chr1 400 . A T . weak . AD 5,5 9,0",
        ],
        samples=("TUMOR", "NORMAL"),
    )
    sheet = write_table(
        tmp_path / "s.csv",
        "patient sample site type vcf",
        "P S1 a primary 1.vcf.gz",
        "P S2 b metastasis 2.vcf",
        delimiter=",",
    )
    patient = read_patient(sheet)
    assert patient.mutations.ids == ("1:100:A:T", "chr1:300:A:T")
    # the record of sample 2 fails its filter there, yet its reads are reads
    assert patient.mutations.alt_counts.tolist() == [[40, 1], [0, 5]]
    assert patient.mutations.observed.tolist() == [[True, True], [False, True]]
    assert patient.dropped.ids == ("chr1:400:A:T",)
    assert patient.mutations.censored.tolist() == [[False, False], [True, False]]
    assert any("S1 1 of 2 (fewer than 10)" in sentence and "genotype" in sentence for sentence in patient.warnings)
    patient = read_patient(sheet, settings=ReadSettings(uncalled="unobserved"))
    assert any(
        "50 % of the mutations are unobserved" in sentence and "genotype" in sentence for sentence in patient.warnings
    )
    assert any(sentence.startswith("1 record that fails a filter") for sentence in patient.warnings)


@pytest.mark.parametrize(("choice", "n", "total"), [("marginalise", 5, np.nan), ("diploid", 5, 2.0), ("drop", 3, 4.0)])
def test_missing_copy_number_is_a_setting(tmp_path: Path, choice: str, n: int, total: float) -> None:
    settings = ReadSettings(cn_missing=choice)  # type: ignore[arg-type]
    patient = read_patient(two_samples(tmp_path), settings=settings)
    assert patient.mutations.n_mutations == n
    np.testing.assert_equal(float(patient.copy_number.total[-1, 1]), total)
    if choice == "drop":
        assert patient.dropped.reasons.count("no copy number") == 2


def test_a_sample_without_any_copy_is_an_error(tmp_path: Path) -> None:
    write_table(
        tmp_path / "counts.tsv",
        "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn",
        *(f"m{i} {sample} 60 40 {copies} {copies} 2" for i in range(12) for sample, copies in (("A", 1), ("B", 0))),
    )
    sheet = write_table(
        tmp_path / "samples.tsv",
        "patient sample site site_type purity counts",
        "P A a primary 0.8 counts.tsv",
        "P B b metastasis 0.8 counts.tsv",
    )
    with pytest.raises(InputError, match="sample B has total copy number 0 at all its 12 loci"):
        read_patient(sheet)


def test_cohort(tmp_path: Path) -> None:
    two_samples(tmp_path)
    sheet = write_table(
        tmp_path / "cohort.tsv",
        "patient sample site site_type vcf exclude",
        "P1 S1 a primary calls.vcf _",
        "P1 S2 b metastasis calls.vcf no",
        "P2 S2 b primary calls.vcf _",
        "P2 S1 x normal calls.vcf _",
        "P3 S1 b primary calls.vcf yes",
    )
    assert read_cohort_names(sheet) == ("P1", "P2", "P3")
    with pytest.raises(InputError, match="several patients"):
        read_patient(sheet)
    with pytest.raises(InputError, match="has no patient P9"):
        read_patient(sheet, patient="P9")
    with pytest.raises(InputError, match="all are normal or excluded"):
        read_cohort(sheet)
    assert [sample.name for sample in read_patient(sheet, patient="P2").samples] == ["S2"]


def test_primary_by_name_and_none(tmp_path: Path) -> None:
    sheet = two_samples(tmp_path)
    patient = read_patient(sheet, primary="liver")
    assert [(site.name, site.site_class) for site in patient.sites] == [("liver", "primary"), ("breast", "distant")]
    with pytest.raises(InputError, match="no site bone"):
        read_patient(sheet, primary="bone")
    text = sheet.read_text().replace("primary", "unknown")
    sheet.write_text(text)
    patient = read_patient(sheet)
    assert patient.primary == Site("primary", "primary", is_virtual=True)
    assert any("site_type is not known for breast" in sentence for sentence in patient.warnings)


def test_sex_chromosomes(tmp_path: Path) -> None:
    records = [
        "chrX 10 . A T . PASS . AD 5,5 5,5",
        "chrY 10 . A T . PASS . AD 5,5 5,5",
        "1 10 . A T . PASS . AD 5,5 5,5",
    ]
    write_vcf(tmp_path / "c.vcf", records)
    rows = ["P S1 a primary c.vcf", "P S2 b metastasis c.vcf"]
    sheet = tmp_path / "s.tsv"
    for sex, normal in (("male", [1, 1, 2]), ("female", [2, 0, 2]), ("", [1, 1, 2])):
        write_table(sheet, "patient sample site site_type vcf sex", *(f"{row} {sex or '_'}" for row in rows))
        patient = read_patient(sheet)
        assert patient.copy_number.normal[:, 0].tolist() == normal
        assert any(sentence.startswith("sex is not known") for sentence in patient.warnings) == (not sex)


def _same(a: Patient, b: Patient) -> None:
    for name in ("alt_counts", "depth", "observed", "positions"):
        np.testing.assert_array_equal(getattr(a.mutations, name), getattr(b.mutations, name))
    for name in ("ids", "sample_names", "chroms", "refs", "alts", "genes", "contexts"):
        assert getattr(a.mutations, name) == getattr(b.mutations, name)
    for item in fields(CopyNumberAtLoci):
        np.testing.assert_array_equal(getattr(a.copy_number, item.name), getattr(b.copy_number, item.name))
    np.testing.assert_array_equal(a.purity, b.purity)
    assert a.known_clusters == b.known_clusters


def test_counts_round_trip(tmp_path: Path) -> None:
    nan = np.nan
    patient = Patient(
        name="P",
        samples=(Sample("S1", "a", purity=0.7123456789), Sample("S2", "b")),
        sites=(Site("a", "primary"), Site("b", "distant")),
        mutations=MutationTable(
            ids=("m1", "m2", "m3", "1:9:A:C"),
            sample_names=("S1", "S2"),
            alt_counts=np.array([[4, 0], [0, 3], [9, 9], [4, 2]]),
            depth=np.array([[10, 0], [20, 7], [9, 30], [5, 5]]),
            chroms=("1", "chr2", "", "1"),
            positions=np.array([4, 5, -1, 8]),
            refs=("A", "AC", "", "A"),
            alts=("T", "A", "", "C"),
            genes=("TP53", "", "", ""),
            contexts=("AAT", "", "", ""),
            error_rate=np.array([[0.001, nan], [0.002, 0.01], [nan, nan], [0.1, 0.2]], dtype=np.float32),
        ),
        copy_number=CopyNumberAtLoci(
            major=np.array([[2, 1], [nan, nan], [1.31, 2], [nan, 1]], dtype=np.float32),
            minor=np.array([[1, 1], [nan, nan], [0.97, 0], [nan, 1]], dtype=np.float32),
            normal=np.array([[2, 2], [2, 2], [2, 2], [1, 1]], dtype=np.float32),
            total=np.array([[2.6, 2], [3, nan], [2.28, 2], [nan, 2]], dtype=np.float32),
            fraction=np.array([[0.6, 1], [1, 1], [1, 1], [1, 1]], dtype=np.float32),
            major2=np.array([[1, nan], [nan, nan], [nan, nan], [nan, nan]], dtype=np.float32),
            minor2=np.array([[1, nan], [nan, nan], [nan, nan], [nan, nan]], dtype=np.float32),
        ),
        known_clusters=("A", "B", "A", "B"),
    )
    for name in ("counts.tsv", "counts.tsv.gz"):
        write_counts(patient, tmp_path / name)
        _same(read_counts(tmp_path / name), patient)
    text = io.StringIO()
    write_counts(patient, text)
    lines = text.getvalue().splitlines()
    assert text.getvalue() == (tmp_path / "counts.tsv").read_text()
    assert lines[2].split("\t")[:4] == ["m1", "S2", "NA", "NA"]  # unobserved, never 0 of 0
    assert (tmp_path / "counts.tsv.gz").read_bytes()[4:8] == b"\0\0\0\0"  # no date in the gzip


def test_counts_of_a_sheet_are_those_of_the_vcf(tmp_path: Path) -> None:
    patient = read_patient(two_samples(tmp_path))
    write_counts(patient, tmp_path / "counts.tsv")
    sheet = write_table(
        tmp_path / "again.tsv", "patient sample site counts", "P S1 breast counts.tsv", "P S2 liver counts.tsv"
    )
    again = read_patient(sheet, primary="breast")
    _same(again, patient)
    assert again.sites == patient.sites


def test_only_informative_mutations_are_kept(tmp_path: Path) -> None:
    records = [
        *RECORDS[:1],
        "chr1 700 . A T . PASS . AD 9,0 9,0",
        "chr1 800 . A T . PASS . AD . .",
        "MT 8 . A T . . . AD 9,9 9,9",
    ]
    write_vcf(tmp_path / "c.vcf", records)
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf", "P S1 a c.vcf", "P S2 b c.vcf")
    patient = read_patient(sheet)
    assert patient.mutations.n_mutations == 1
    assert patient.dropped.reasons == (
        "no alternate reads in any sample",
        "unobserved in every sample",
        "mitochondrial",
    )


@needs_data
@pytest.mark.parametrize(("name", "n", "n_unobserved"), [("V402", 693, 77), ("V824", 609, 58)])
def test_maf_and_segments_of_colorectal_patients(tmp_path: Path, name: str, n: int, n_unobserved: int) -> None:
    folder = Path(DATA) / "crc_hz"
    kinds = {"P": "primary", "BM": "metastasis", "LN": "lymph_node"}
    rows = [line.split("\t") for line in (folder / "crc_hz.clin.txt").read_text().splitlines()[1:]]
    sheet = write_table(
        tmp_path / "s.tsv",
        "patient sample site site_type maf cn_segments",
        *(f"{r[2]} {r[0]} {r[1]} {kinds[r[1]]} {folder}/crc_hz.maf {folder}/crc_hz.seg.txt" for r in rows),
    )
    patient = read_patient(sheet, patient=name)
    assert patient.mutations.depth.shape == (n, 8)
    assert int((~patient.mutations.observed).sum()) == n_unobserved
    assert not len(patient.dropped)


def test_counts_tables_put_together(tmp_path: Path) -> None:
    header = (
        "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn tumour_content error_rate cluster gene"
    )
    write_table(
        tmp_path / "1.tsv",
        header,
        "m S1 6 4 2 1 2 0.5 0.01 A NA",
        "n S1 6 4 2 1 2 0.5 0.01 B TP53",
        "o S1 6 4 1 1 2 0.5 NA NA NA",
    )
    write_table(tmp_path / "2.tsv", header, "m S2 8 2 1 0 2 0.7 0.02 A KRAS", "p S2 6 4 1 0 2 0.7 0.02 C NA")
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site counts purity", "P S1 a 1.tsv 0.9", "P S2 b 2.tsv _", "P S3 b 2.tsv _"
    )
    sheet.write_text(sheet.read_text().replace("P\tS3\tb\t2.tsv\t\n", ""))
    patient = read_patient(sheet)
    assert patient.mutations.ids == ("m", "n", "p")
    assert patient.mutations.depth.tolist() == [[10, 10], [10, 0], [0, 10]]
    assert patient.mutations.genes == ("KRAS", "TP53", "")
    assert patient.known_clusters == ("A", "B", "C")
    assert patient.purity.tolist() == [0.9, 0.7]
    assert any(
        "purity 0.9 of the sheet is used" in sentence and "says 0.5" in sentence for sentence in patient.warnings
    )
    np.testing.assert_array_equal(patient.copy_number.total, np.array([[3, 1], [3, np.nan], [np.nan, 1]]))
    assert patient.copy_number.normal.tolist() == [[2, 2]] * 3
    assert patient.mutations.error_rate is not None
    np.testing.assert_allclose(patient.mutations.error_rate[0], [0.01, 0.02])
    assert patient.dropped.reasons == ("no cluster",)
    write_table(tmp_path / "2.tsv", header, "m S2 8 2 1 0 2 0.7 0.02 B KRAS")
    with pytest.raises(InputError, match=r"2\.tsv: m is in cluster B here and in A elsewhere"):
        read_patient(sheet)


def test_segments_beside_a_counts_table(tmp_path: Path) -> None:
    header = "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn"
    write_table(tmp_path / "c.tsv", header, "1:5:A:T S1 6 4 2 1 2", "1:5:A:T S2 6 4 2 1 2")
    write_table(tmp_path / "g.tsv", "chrom start end major_cn minor_cn", "chr1 1 100 4 0")
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site counts cn_segments", "P S1 a c.tsv g.tsv", "P S2 b c.tsv _"
    )
    patient = read_patient(sheet)
    assert patient.copy_number.major.tolist() == [[4, 2]]
    assert any(sentence.startswith("copy number is read from cn_segments") for sentence in patient.warnings)
    write_table(tmp_path / "c.tsv", header, "m S1 6 4 2 1 2", "m S2 6 4 2 1 2")
    patient = read_patient(sheet)
    assert any("gives no places" in sentence for sentence in patient.warnings)


def test_counts_with_the_sites_of_a_sheet(tmp_path: Path) -> None:
    counts = write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts", "m S1 6 4", "m S2 6 4")
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site site_type purity", "P S1 a primary 0.5", "P S2 b metastasis 0.6"
    )
    patient = read_counts(counts, sheet=sheet)
    assert (patient.name, patient.site_names, patient.purity.tolist()) == ("P", ("a", "b"), [0.5, 0.6])
    with pytest.raises(InputError, match="one of the columns vcf, maf, counts is needed"):
        read_patient(sheet)
    with pytest.raises(InputError, match="column purity"):
        read_counts(counts, sheet=write_table(tmp_path / "s.tsv", "patient sample site purity", "P S1 a 5"))


def test_vcf_and_maf_of_one_patient(tmp_path: Path) -> None:
    write_vcf(tmp_path / "c.vcf", ["chr1 10 . A T . PASS . AD 5,5"], samples=("S1",))
    write_table(
        tmp_path / "x.maf",
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode "
        "t_depth t_alt_count",
        "TP53 1 10 A T S2 30 10",
    )
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf maf", "P S1 a c.vcf _", "P S2 b _ x.maf")
    patient = read_patient(sheet)
    assert patient.mutations.ids == ("chr1:10:A:T",) and patient.mutations.genes == ("TP53",)
    assert patient.mutations.depth.tolist() == [[10, 30]]
    assert any(sentence.startswith("VCF and MAF write insertions") for sentence in patient.warnings)


def test_swapped_counts_are_suspected(tmp_path: Path) -> None:
    counts = write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts", "m S1 1 99", "n S1 2 80")
    assert any("are the two columns swapped?" in sentence for sentence in read_counts(counts).warnings)


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        (("mutation_id sample_id ref_counts alt_counts", "m _ 5 5"), "row 2, column sample_id: is empty"),
        (("mutation_id sample_id ref_counts alt_counts", "_ S1 5 5"), "row 2, column mutation_id: is empty"),
        (("mutation_id sample_id ref_counts alt_counts",), "holds no rows"),
        (("sample_id ref_counts alt_counts", "S1 5 5"), "column mutation_id is missing"),
        (("chrom sample_id ref_counts alt_counts", "1 S1 5 5"), "column pos is missing"),
        (("chrom pos ref alt sample_id ref_counts alt_counts", "_ 5 A T S1 5 5"), "row 2, column chrom: is empty"),
        (("chrom pos ref alt sample_id ref_counts alt_counts", "1 0 A T S1 5 5"), "'0' is not a position"),
        (("mutation_id sample_id alt_counts", "m S1 5"), "column depth is missing"),
        (("mutation_id sample_id alt_counts depth", "m S1 5 4"), "depth 4 is below alt_counts 5"),
        (("mutation_id sample_id alt_counts depth", "m S1 5 x"), "'x' is not a read count"),
        (("mutation_id sample_id vaf depth", "m S1 1.5 4"), r"column vaf: 1.5 is outside \[0, 1\]"),
        (("mutation_id sample_id vaf depth", "m S1 .5 x"), "column depth: 'x' is not a read count"),
        (("mutation_id sample_id ccf_lo ccf_hi", "m S1 .5 .4"), "the upper bound is below the lower"),
        (("mutation_id sample_id ref_counts alt_counts error_rate", "m S1 5 5 0.7"), r"0.7 is outside \[0, 0.5\]"),
        (
            ("mutation_id sample_id ref_counts alt_counts chrom pos", "m S1 5 5 1 2", "m S2 5 5 1 3"),
            "m has another place",
        ),
    ],
)
def test_bad_counts(tmp_path: Path, rows: tuple[str, ...], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        read_counts(write_table(tmp_path / "c.tsv", *rows))


def test_several_vcfs_of_one_sample(tmp_path: Path) -> None:
    """Strelka writes substitutions and indels to two files."""
    snv = "1 10 . A T . PASS . DP:AU:CU:GU:TU 30:30,30:0,0:0,0:0,0 30:20,20:0,0:0,0:10,10"
    indel = "1 20 . A AT . PASS . DP:TAR:TIR 30:30,30:0,0 30:25,25:5,5"
    again = "1 10 . A T . PASS . DP:AU:CU:GU:TU 3:3,3:0,0:0,0:0,0 3:2,2:0,0:0,0:1,1"
    write_vcf(tmp_path / "snv.vcf", [snv], samples=("NORMAL", "TUMOR"))
    write_vcf(tmp_path / "indel.vcf", [indel, again], samples=("NORMAL", "TUMOR"))
    sheet = tmp_path / "s.tsv"
    sheet.write_text("patient\tsample\tsite\tvcf\nP\tS1\ta\tsnv.vcf; indel.vcf\n")
    patient = read_patient(sheet)
    assert patient.mutations.ids == ("1:10:A:T", "1:20:A:AT")
    assert (patient.mutations.alt_counts.tolist(), patient.mutations.depth.tolist()) == ([[10], [5]], [[30], [30]])
    assert [entry["file"] for entry in patient.provenance if entry["reader"] == "vcf"] == ["snv.vcf", "indel.vcf"]
    sheet.write_text(sheet.read_text().replace("indel.vcf", "none.vcf"))
    with pytest.raises(InputError, match="row 2, column vcf: no such file: none.vcf"):
        read_patient(sheet)


def test_one_id_for_two_places(tmp_path: Path) -> None:
    header = "mutation_id sample_id ref_counts alt_counts chrom pos ref alt"
    write_table(tmp_path / "1.tsv", header, "m S1 6 4 1 5 A T")
    write_table(tmp_path / "2.tsv", header, "m S2 6 4 1 6 A T")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts", "P S1 a 1.tsv", "P S2 b 2.tsv")
    assert read_patient(sheet).mutations.ids == ("m", "m#2")


def test_a_sample_without_any_reads(tmp_path: Path) -> None:
    write_vcf(tmp_path / "c.vcf", ["1 10 . A T . PASS . AD 5,5 .", "1 11 . A T . PASS . AD 5,5 ."])
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf", "P S1 a c.vcf", "P S2 b c.vcf")
    assert "sample S2: no mutation is observed in it; nothing can be said about it" in read_patient(sheet).warnings


@settings(max_examples=25)
@given(data=st.data())
def test_any_patient_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    n, n_samples = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    cells = n * n_samples

    def matrix(values: st.SearchStrategy[float], dtype: type) -> np.ndarray:
        drawn = data.draw(st.lists(values, min_size=cells, max_size=cells))
        return np.array(drawn, dtype=dtype).reshape(n, n_samples)

    copies = st.one_of(st.just(np.nan), st.integers(0, 9), st.floats(0, 9, width=32))
    low, high = np.sort([matrix(copies, np.float32), matrix(copies, np.float32)], axis=0)
    alt = matrix(st.integers(0, 50), np.int32)
    alt[0, 0] = 1  # a patient without any alternate read has no mutations to write
    seen = matrix(st.booleans(), np.bool_)
    seen[:, 0] |= ~seen.any(axis=1)
    is_shown = (alt * seen).max(axis=1) >= 3  # what only errors explain is left out
    alt[:, 0] += np.where(is_shown, 0, 5).astype(np.int32)
    seen[:, 0] |= ~is_shown
    depth = np.where(seen, alt + matrix(st.integers(0, 50), np.int32), 0)
    names = tuple(f"S{k}" for k in range(n_samples))
    purities = data.draw(
        st.lists(st.one_of(st.just(np.nan), st.floats(0.001, 1)), min_size=n_samples, max_size=n_samples)
    )
    patient = Patient(
        name="P",
        samples=tuple(Sample(name, name, purity=purity) for name, purity in zip(names, purities)),
        sites=tuple(Site(name, "distant") for name in names),
        mutations=MutationTable(
            ids=tuple(f"m{i}" for i in range(n)), sample_names=names, alt_counts=np.where(seen, alt, 0), depth=depth
        ),
        copy_number=CopyNumberAtLoci(
            major=np.where(np.isnan(high), np.nan, high),
            minor=np.where(np.isnan(high), np.nan, low),
            total=np.where(np.isnan(high), low, high + low),
            normal=matrix(st.integers(0, 2), np.float32),
        ),
    )
    path = tmp_path_factory.mktemp("counts") / "counts.tsv"
    write_counts(patient, path)
    _same(read_counts(path), patient)


def test_mutations_that_errors_explain_are_left_out(tmp_path: Path) -> None:
    """Mutations of a sample that the sheet excludes would be a clone wherever a stray read of them lies."""
    records = [f"1 {10 * i} . A T . PASS . AD 119,{1 if i % 3 else 0} 120,{0 if i % 3 else 1}" for i in range(1, 60)]
    kept = [
        "1 7000 . A T . PASS . AD 117,3 120,0",
        "1 7010 . A T . PASS . AD 6,2 8,0",
        "1 7020 . A T . PASS . AD 80,40 90,30",
    ]
    write_vcf(tmp_path / "c.vcf", [*records, *kept], samples=("S1", "S2"))
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf", "P S1 a c.vcf", "P S2 b c.vcf")
    patient = read_patient(sheet)
    assert patient.mutations.positions.tolist() == [6999, 7009, 7019]
    reason = "no more alternate reads than sequencing errors make, in any sample"
    assert set(patient.dropped.reasons) == {reason} and len(patient.dropped.reasons) == 59
    assert read_patient(sheet, settings=ReadSettings(by_error=1.0)).mutations.n_mutations == 62


def test_the_errors_of_a_cell_decide_what_they_explain(tmp_path: Path) -> None:
    header = "mutation_id sample_id ref_counts alt_counts error_rate"
    rows = ["m S1 95 5 0.05", "k S1 95 5 0.001"]
    path = write_table(tmp_path / "c.tsv", header, *rows)
    assert read_counts(path).mutations.ids == ("k",)
