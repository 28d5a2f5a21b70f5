"""Tables of reads in their dialects: MAF, VAF with depth, wide matrices, MACHINA, Pairtree; fractions without reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from io_files import rewrite, write_table

from phylometa.cli import main
from phylometa.errors import InputError
from phylometa.io.counts import read_count_table
from phylometa.io.tables import read_counts, read_patient
from phylometa.io.vcf_header import SampleRequest

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")
MAF_DIALECTS = {
    "GDC or vcf2maf": (
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele1 Tumor_Seq_Allele2 "
        "Tumor_Sample_Barcode t_depth t_ref_count t_alt_count FILTER Mutation_Status",
        "TP53 17 100 A A T {s} 100 60 40 PASS Somatic",
        "KRAS 12 200 C G C {s} 50 25 25 PASS Somatic",
        "APC 5 300 C C G {s} 50 _ 25 PASS Somatic",
        "BAD 1 9 C C G {s} 50 25 25 panel_of_normals Somatic",
        "GER 1 9 C C T {s} 50 25 25 PASS Germline",
    ),
    "MesKit": (
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Ref_allele_depth Alt_allele_depth "
        "VAF Tumor_Sample_Barcode",
        "TP53 17 100 A T 60 40 0.4 {s}",
        "KRAS 12 200 C G 25 25 0.5 {s}",
        "APC 5 300 C G 25 25 0.5 {s}",
    ),
    "PhylogicNDT": (
        "Hugo_Symbol Chromosome Start_position Reference_Allele Tumor_Seq_Allele t_ref_count t_alt_count local_cn_a1 "
        "local_cn_a2 Tumor_Sample_Barcode",
        "TP53 17 100 A T 60 40 0 2 {s}",
        "KRAS 12 200 C G 25 25 1 1 {s}",
        "APC 5 300 C G 25 25 1 1 {s}",
    ),
}


@pytest.mark.parametrize("dialect", MAF_DIALECTS)
def test_maf_dialects(tmp_path: Path, dialect: str) -> None:
    header, *rows = MAF_DIALECTS[dialect]
    write_table(tmp_path / "x.maf", header, *(row.format(s="S1") for row in rows), *(rows[0].format(s="S2"),))
    path = tmp_path / "x.maf"
    path.write_text("#version 2.4\n" + path.read_text())
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", "P S1 a x.maf", "P S2 b x.maf")
    patient = read_patient(sheet)
    mutations = patient.mutations
    assert mutations.ids == ("17:100:A:T", "12:200:C:G", "5:300:C:G")
    assert mutations.genes == ("TP53", "KRAS", "APC")
    assert mutations.alt_counts.tolist() == [[40, 40], [25, 0], [25, 0]]
    assert mutations.depth.tolist() == [[100, 100], [50, 0], [50, 0]]
    assert mutations.observed[:, 1].tolist() == [True, False, False]
    entry = next(entry for entry in patient.provenance if entry["reader"] == "maf")
    assert entry["dialect"] == dialect
    if dialect == "PhylogicNDT":
        assert (patient.copy_number.major[0, 0], patient.copy_number.minor[0, 0]) == (2, 0)
    if dialect == "GDC or vcf2maf":
        assert patient.dropped.reasons == ("FILTER panel_of_normals", "germline")
        assert patient.dropped.lines == (6, 7)


def test_the_same_row_twice_is_dropped(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "c.tsv",
        "mutation_id sample_id ref_counts alt_counts",
        "m S1 5 5",
        "m S1 5 5",
        "m S2 1 2",
        "n S2 7 1",
    )
    patient = read_counts(path)
    assert patient.mutations.depth.tolist() == [[10, 3], [0, 8]]
    assert patient.dropped.reasons == ("listed twice (line 2)",)
    assert (patient.dropped.samples, patient.dropped.lines) == (("S1",), (3,))


def test_vaf_with_depth_and_a_second_pair(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "v.csv",
        "#patient sample chr position wt mt wgs.vaf wgs.depth val.vaf val.depth",
        "P S1 X 5 A G 0.25 40 0.9 1000",
        "P S2 X 5 A G NA NA 0.5 10",
        "P S1 1 7 C G NA 40 NA NA",
        "P S2 1 7 C G 0.1 10 NA NA",
        delimiter=",",
    )
    patient = read_counts(path)
    assert patient.mutations.ids == ("X:5:A:G", "1:7:C:G")
    assert patient.mutations.alt_counts.tolist() == [[10, 5], [0, 1]]
    assert patient.mutations.depth.tolist() == [[40, 10], [0, 10]]


WIDE = {
    "ref + alt": ("mutation_id S1.ref S1.alt S2.ref S2.alt", "m 60 40 9 1", "n NA NA 5 5"),
    "alt + depth": ("id alt_S1 depth_S1 alt_S2 depth_S2", "m 40 100 1 10", "n _ _ 5 10"),
    "vaf + depth": ("mutation_id S1_vaf S1_depth S2_vaf S2_depth", "m 0.4 100 0.1 10", "n 0 0 0.5 10"),
    "one column": ("mutation_id S1 S2", "m 60/40 9/1", "n . 5,5"),
}


@pytest.mark.parametrize("rule", WIDE)
def test_wide_matrices_of_reads(tmp_path: Path, rule: str) -> None:
    path = write_table(tmp_path / "w.tsv", *WIDE[rule])
    patient = read_counts(path)
    assert patient.mutations.sample_names == ("S1", "S2")
    assert patient.mutations.alt_counts.tolist() == [[40, 1], [0, 5]]
    assert patient.mutations.depth.tolist() == [[100, 10], [0, 10]]
    (entry,) = (entry for entry in patient.provenance if entry["reader"] == "counts")
    assert entry["rules"] == {rule: 2}
    assert read_count_table(path, [SampleRequest("T", ("S2",))]).depth.tolist() == [[10], [10]]


def test_wide_matrix_with_places(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "w.tsv",
        "chrom pos ref alt gene S1.ref S1.alt cluster",
        "chr1 10 a T TP53 60 40 A",
        "chr2 11 C CT _ 5 5 B",
    )
    patient = read_counts(path)
    assert patient.mutations.ids == ("chr1:10:A:T", "chr2:11:C:CT")
    assert patient.mutations.positions.tolist() == [9, 10]
    assert (patient.mutations.genes, patient.known_clusters) == (("TP53", ""), ("A", "B"))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (("mutation_id S1.ccf S2.ccf", "m 1 0.4", "n NA 0"), "cancer cell fractions"),
        (("mutation_id S1 S2", "m 1 0", "n 1 1"), "0 and 1"),
        (("mutation_id sample_id ccf", "m S1 1", "m S2 0.4", "n S2 0.2"), "cancer cell fractions"),
    ],
)
def test_fractions_become_nominal_reads(tmp_path: Path, rows: tuple[str, ...], what: str) -> None:
    write_table(tmp_path / "w.tsv", *rows)
    sheet = write_table(tmp_path / "s.tsv", "patient sample site purity counts", "P S1 a 0.5 w.tsv", "P S2 b 0.5 w.tsv")
    patient = read_patient(sheet)
    assert patient.mutations.alt_counts[0, 0] == 50 and patient.mutations.depth[0, 0] == 100
    assert patient.purity.tolist() == [1, 1]
    assert patient.copy_number.major.tolist()[0] == [1, 1] and (patient.copy_number.total == 2).all()
    assert any(what in sentence for sentence in patient.warnings)


def test_wide_matrix_errors(tmp_path: Path) -> None:
    for rows, pattern in (
        (("mutation_id S1 S2", "m 60/40 2.5"), r"row 2, column S2: '2.5' is not a fraction in \[0, 1\]"),
        (("mutation_id S1.ref S1.alt", "m 5 5", "m 5 5"), "row 3: m is already in row 2"),
        (("mutation_id S1.ref", "m 5"), "sample S1 has only ref"),
        (("mutation_id S1.alt S1.depth", "m 5 4"), "alternate reads 5 exceed the depth 4"),
        (("chrom pos S1.ref S1.alt", "1 0 5 4"), "'0' is not a position"),
        (("mutation_id gene", "m TP53"), "holds no column of a sample"),
        (("mutation_id S1.ref S1.alt",), "holds no rows"),
        (("mutation_id S1.ref S1.alt", "_ 5 5"), "names no mutation"),
    ):
        with pytest.raises(InputError, match=pattern):
            read_counts(write_table(tmp_path / "w.tsv", *rows))
    with pytest.raises(InputError, match=r"sample S3 has no column \(samples found: S1, S2\)"):
        read_count_table(write_table(tmp_path / "w.tsv", "mutation_id S1 S2", "m 1 1"), [SampleRequest("S3", ("S3",))])


def test_machina_reads_and_frequencies(tmp_path: Path) -> None:
    path = tmp_path / "reads.tsv"
    path.write_text(
        "2 #anatomical sites\n2 #samples\n1 #mutations\n"
        "#sample_index\tsample_label\tanatomical_site_index\tanatomical_site_label\tcharacter_index\tcharacter_label\tref\tvar\n"
        "0\tP_0\t0\tP\t0\t7\t102\t92\n1\tM1_0\t1\tM1\t0\t7\t50\t0\n"
    )
    patient = read_counts(path)
    assert patient.mutations.sample_names == ("P_0", "M1_0")
    assert patient.mutations.depth.tolist() == [[194, 50]] and patient.mutations.alt_counts.tolist() == [[92, 0]]
    path.write_text(
        path.read_text().replace("ref\tvar", "f-\tf+").replace("102\t92", "0.3\t0.5").replace("50\t0", "0\t0")
    )
    patient = read_counts(path)
    # CCF .4 +- .1 at 95 %: VAF .2 +- .05, so .2 x .8 / (.05 / 1.96)^2 = 246 reads
    assert patient.mutations.depth.tolist() == [[246, 100]]
    assert patient.mutations.alt_counts.tolist() == [[49, 0]]


def write_pairtree(folder: Path, *, clusters: object = (("s0", "s1"), ("s2",)), rows: tuple[str, ...] = ()) -> Path:
    params = {"samples": ["S1", "S2"], "clusters": clusters, "garbage": ["s3"]}
    rewrite(folder / "x.params.json", json.dumps(params))
    default = ("s0 TP53 40,1 100,10 0.5,0.5", "s1 A 4,1 8,0010 0.5,0.25", "s2 B 4,1 8,10 1,0.5", "s3 C 4,1 8,10 1,0.5")
    return write_table(folder / "x.ssm", "id name var_reads total_reads var_read_prob", *(rows or default))


def test_pairtree(tmp_path: Path) -> None:
    patient = read_counts(write_pairtree(tmp_path))
    assert patient.mutations.ids == ("s0", "s1", "s2")
    assert patient.mutations.alt_counts.tolist() == [[40, 1], [4, 1], [4, 1]]
    assert patient.known_clusters == ("1", "1", "2")
    assert patient.copy_number.total.tolist() == [[2, 2], [2, 4], [1, 2]]
    assert patient.copy_number.minor.tolist() == [[1, 1], [1, 0], [0, 1]]
    assert patient.dropped.reasons == ("garbage in the .params.json",)


def test_pairtree_through_a_sheet(tmp_path: Path) -> None:
    write_pairtree(tmp_path)
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts", "P S2 b x.ssm", "P S1 a x.ssm")
    patient = read_patient(sheet)
    assert patient.mutations.sample_names == ("S2", "S1")
    assert patient.mutations.alt_counts.tolist() == [[1, 40], [1, 4], [1, 4]]
    sheet.write_text(sheet.read_text().replace("S2", "S5"))
    with pytest.raises(InputError, match=r"sample S5 is not there \(samples found: S1, S2\)"):
        read_patient(sheet)


def test_pairtree_errors(tmp_path: Path) -> None:
    for rows, pattern in (
        (("s0 A 4 8 0.5",), r"row 2, column var_reads: holds 1 numbers for 2 samples"),
        (("s0 A 9,1 8,8 0.5,0.5",), "var_reads 9 exceed total_reads 8"),
        (("s0 A 1,1 8,8 0.5,2",), r"column var_read_prob: '2' is not a probability"),
        (("s0 A 1,1 8,8 .5,.5", "s0 A 1,1 8,8 .5,.5"), "s0 is listed twice"),
    ):
        with pytest.raises(InputError, match=pattern):
            read_counts(write_pairtree(tmp_path, rows=rows))
    for clusters, pattern in (
        ([["s0"], ["s0"]], "s0 is in clusters 1 and 2"),
        ([["s9"]], "s9 is in cluster 1, but not in the .ssm"),
        ("s0", "clusters is not a list of lists"),
    ):
        with pytest.raises(InputError, match=pattern):
            read_counts(write_pairtree(tmp_path, clusters=clusters))
    path = write_pairtree(tmp_path)
    for text, pattern in (
        ("{", "is not JSON"),
        ("[]", "samples is not a list"),
        ('{"samples": ["a", "a"]}', "name twice"),
    ):
        rewrite(tmp_path / "x.params.json", text)
        with pytest.raises(InputError, match=pattern):
            read_counts(path)


@needs_data
def test_published_tables() -> None:
    reads = read_counts(Path(DATA) / "machina_m5" / "S" / "reads_seed17.tsv")
    assert reads.mutations.n_samples == 6
    names = [f"A22-{letter}" for letter in "ACDEFGHIJK"]
    requests = [SampleRequest(name, (name,)) for name in names]
    calls = read_count_table(Path(DATA) / "gundem_2015" / "variants.csv", requests)
    assert calls.depth.shape == (124, 10) and (calls.depth > 0).all()
    with pytest.raises(InputError, match="8:24190214:C:T in A32-A is already in row 2321, with other counts"):
        read_counts(Path(DATA) / "gundem_2015" / "variants.csv")
    clusters = read_count_table(
        Path(DATA) / "gundem_2015" / "A22.txt", [SampleRequest("A", ("A",)), SampleRequest("C", ("C",))]
    )
    assert clusters.warnings[-1].endswith("cancer cell fractions above 1 were taken as 1")
    assert clusters.ids[0] == "pink" and clusters.alt.tolist()[1] == [49, 49]


def test_a_stated_purity_that_the_reads_reject_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"m{i} S{s} {55 + i % 4} {45 - i % 4} 1 1 2" for i in range(60) for s in (1, 2)]
    write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_counts major_cn minor_cn normal_cn", *rows)
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts purity", "P S1 a c.tsv 0.3", "P S2 b c.tsv 0.3")
    with pytest.raises(SystemExit):
        main(["counts", str(sheet), "-o", str(tmp_path / "o.tsv")])
    said = [line for line in capsys.readouterr().err.splitlines() if "reject the stated purity" in line]
    written = [line.split("\t") for line in (tmp_path / "o.tsv").read_text().splitlines()]
    at = written[0].index("tumour_content")
    for k in (1, 2):
        assert float(written[k][at]) > 0.8
        assert f"sample S{k}: the reads reject the stated purity 0.3: {written[k][at]} is written" in said[k - 1]
