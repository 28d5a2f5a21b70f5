"""Twenty more files that look right and are easily read wrongly, each with the right value."""

from __future__ import annotations

from pathlib import Path

import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.errors import InputError
from phylometa.io.tables import read_patient
from phylometa.model.patient import Patient


def reads(patient: Patient) -> dict[str, list[list[int]]]:
    """[alternate reads, depth] of every sample, by mutation."""
    table = patient.mutations
    cells = [[list(cell) for cell in zip(*row)] for row in zip(table.alt_counts.tolist(), table.depth.tolist())]
    return dict(zip(table.ids, cells))


def of_vcfs(folder: Path, files: dict[str, list[str]], *, header: list[str] | None = None) -> Patient:
    """One VCF a sample, the sample's column named like it."""
    for name, records in files.items():
        write_vcf(folder / f"{name}.vcf", records, samples=(name,), header=header)
    return read_patient(
        write_table(folder / "s.tsv", "patient sample site vcf", *(f"P {name} {name} {name}.vcf" for name in files))
    )


def of_vcf(folder: Path, *records: str, header: list[str] | None = None) -> Patient:
    write_vcf(folder / "x.vcf", list(records), header=header)
    return read_patient(write_table(folder / "s.tsv", "patient sample site vcf", "P S1 a x.vcf", "P S2 b x.vcf"))


def of_table(folder: Path, *rows: str, column: str = "counts", columns: str = "", cells: str = "") -> Patient:
    """A table of two samples, fields separated by `;` so that they may hold blanks."""
    text = "\n".join("\t".join(row.split(";")) for row in rows)
    (folder / "c.tsv").write_text(text + "\n")
    header = f"patient sample site {column} {columns}"
    return read_patient(write_table(folder / "s.tsv", header, f"P S1 a c.tsv {cells}", f"P S2 b c.tsv {cells}"))


PLACED = "chrom;pos;ref;alt;sample_id;ref_counts;alt_counts"
NAMED = "mutation_id;sample_id;ref_counts;alt_counts"
MAF = (
    "Hugo_Symbol;Chromosome;Start_Position;Reference_Allele;Tumor_Seq_Allele1;Tumor_Seq_Allele2;Tumor_Sample_Barcode;"
    "t_ref_count;t_alt_count"
)
BOTH = [[40, 100], [30, 90]]


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("GAT GT", "GA G", "1:100:GA:G"),  # a record of several alleles spells each at the length of the longest
        ("AC TC", "A T", "1:100:A:T"),
        ("GAC GAT", "GAC GAT", "1:102:C:T"),
        ("CA CATA", "C CAT", "1:100:C:CAT"),
    ],
)
def test_one_change_spelled_in_two_ways(tmp_path: Path, first: str, second: str, name: str) -> None:
    records = [f"1 100 . {first} . PASS . AD 60,40", f"1 100 . {second} . PASS . AD 60,30"]
    patient = of_vcfs(tmp_path, {"S1": [records[0]], "S2": [records[1]]})
    assert reads(patient) == {name: BOTH}
    patient = of_vcf(tmp_path, f"{records[0]} .", records[1].replace("AD ", "AD . "))
    assert reads(patient) == {name: BOTH}


def test_alleles_of_one_record_beside_each_alone(tmp_path: Path) -> None:
    patient = of_vcfs(
        tmp_path,
        {"S1": ["1 100 . GAT GT,G . PASS . AD 50,40,10"], "S2": ["1 100 . GA G . PASS . AD 60,30"]},
    )
    assert reads(patient)["1:100:GA:G"] == BOTH and set(reads(patient)) == {"1:100:GA:G", "1:100:GAT:G"}


def test_a_base_that_was_not_read_is_no_mutation(tmp_path: Path) -> None:
    patient = of_vcf(tmp_path, "1 100 . A N . PASS . AD 60,40 60,30", "1 200 . A T . PASS . AD 60,40 60,30")
    assert patient.mutations.ids == ("1:200:A:T",) and patient.dropped.reasons == ("alleles are not bases",)


def test_fields_in_another_order_and_cut_short(tmp_path: Path) -> None:
    records = ("1 10 . A T . PASS . GT:AD:DP 0/1:60,40 0/1:60,30:90", "1 20 . A T . PASS . DP:AD:GT 100:60,40 90:60,30")
    assert list(reads(of_vcf(tmp_path, *records)).values()) == [BOTH, BOTH]


def test_a_depth_below_the_sum_of_the_alleles(tmp_path: Path) -> None:
    patient = of_vcf(tmp_path, "1 10 . A T . PASS . AD:DP 60,40:50 60,30:90")
    assert list(reads(patient).values()) == [BOTH]


def test_genotypes_alone_are_no_reads(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no allele depths"):
        of_vcf(tmp_path, "1 10 . A T . PASS . GT 0/1 0/1")


def test_a_vcf_whose_header_was_cut(tmp_path: Path) -> None:
    patient = of_vcf(tmp_path, "1 10 . A T . PASS . AD 60,40 60,30", header=[])
    assert list(reads(patient).values()) == [BOTH]
    assert any("its header was cut" in text for text in patient.warnings)
    with pytest.raises(InputError, match="does not begin with ##fileformat"):
        of_vcf(tmp_path, "1 10 . A T . PASS . AD 60,40 60,30", header=VCF_HEADER[1:])


# rows of a table to the reads of every mutation
TABLES: dict[str, tuple[tuple[str, ...], dict[str, list[list[int]]]]] = {
    "counts that a data frame made floats": ((NAMED, "m;S1;60.0;40.0", "m;S2;60;3e1"), {"m": BOTH}),
    "a position as R writes it": ((PLACED, "1;1e+05;A;T;S1;60;40", "1;100000;A;T;S2;60;30"), {"1:100000:A:T": BOTH}),
    "a contig that a data frame made a float": ((PLACED, "1;5;A;T;S1;60;40", "1.0;5;A;T;S2;60;30"), {"1:5:A:T": BOTH}),
    "a contig in any case": ((PLACED, "chr1;5;A;T;S1;60;40", "CHR1;5;A;T;S2;60;30"), {"chr1:5:A:T": BOTH}),
    "alleles in any case": ((PLACED, "1;5;a;t;S1;60;40", "1;5;A;T;S2;60;30"), {"1:5:A:T": BOTH}),
    "ids with and without chr": ((NAMED, "chr1:5:A:T;S1;60;40", "1:5:A:T;S2;60;30"), {"chr1:5:A:T": BOTH}),
    "a blank after an id": ((NAMED, "TP53 p.R175H;S1;60;40", "TP53 p.R175H ;S2;60;30"), {"TP53 p.R175H": BOTH}),
    "VAFs with a unit": (("mutation;S1 VAF (%);S2 VAF (%)", "m;40;30"), {"m": [[40, 100], [30, 100]]}),
    "VAFs named first": (("mutation;VAF_S1;VAF_S2", "m;0.4;0.3"), {"m": [[40, 100], [30, 100]]}),
    "percent signs in some rows": (("mutation;S1.vaf;S2.vaf", "m;40%;0.3"), {"m": [[40, 100], [30, 100]]}),
    "columns of reads without a sign between": (
        ("Chr;Start_.GRCh37.;Ref;S1RefReads;S1VarReads;S1VarFreq;S2RefReads;S2VarReads", "1;5;A;60;40;0.4;60;30"),
        {"1:5:A": BOTH},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path: Path, name: str) -> None:
    rows, expected = TABLES[name]
    assert reads(of_table(tmp_path, *rows)) == expected


def test_the_mutated_allele_in_the_other_column_of_a_maf(tmp_path: Path) -> None:
    rows = ("G;1;9;A;T;;S1;60;40", "G;1;9;A;A;T;S2;60;30")
    assert reads(of_table(tmp_path, MAF, *rows, column="maf")) == {"1:9:A:T": BOTH}
    rows = ("G;1;9;A;A;-;S1;60;40", "G;1;9;A;A;-;S2;60;30")
    assert reads(of_table(tmp_path, MAF, *rows, column="maf")) == {"1:9:A:-": BOTH}


@pytest.mark.parametrize("name", ["X.5.A.T", "chrX_5_A_T", "X:5:A:T", "chrX-5-A-T", "chrX:5A>T", "chrX:5_A/T"])
def test_an_id_that_holds_a_place(tmp_path: Path, name: str) -> None:
    patient = of_table(tmp_path, NAMED, f"{name};S1;60;40", f"{name};S2;60;30", columns="sex", cells="male")
    assert patient.mutations.ids == (name,) and patient.mutations.positions.tolist() == [4]
    assert patient.copy_number.normal.tolist() == [[1, 1]]  # one copy of X in normal cells


@pytest.mark.parametrize("name", ["TP53", "HLA.1.A.T", "S1_5_A_T", "1.5", "rs1.5.A", "1-2-3"])
def test_an_id_that_only_looks_like_a_place(tmp_path: Path, name: str) -> None:
    patient = of_table(tmp_path, NAMED, f"{name};S1;60;40", f"{name};S2;60;30")
    assert patient.mutations.positions.tolist() == [-1]


def test_spellings_of_a_site_with_dashes(tmp_path: Path) -> None:
    write_vcf(tmp_path / "x.vcf", ["1 10 . A T . PASS . AD 60,40 50,30"])
    text = "patient\tsample\tsite\tvcf\nP\tS1\tlymph_node\tx.vcf\nP\tS2\tLymph-node\tx.vcf\n"
    (tmp_path / "s.tsv").write_text(text)
    patient = read_patient(tmp_path / "s.tsv")
    assert {sample.site for sample in patient.samples} == {"lymph_node"}
    assert any("Lymph-node is taken as lymph_node (row 3)" in note for note in patient.warnings)


def test_a_segment_holds_its_last_base(tmp_path: Path) -> None:
    write_vcf(tmp_path / "x.vcf", [f"1 {p} . A T . PASS . AD 60,40 50,30" for p in (100, 101, 201)])
    plain = ["sample chrom start end major_cn minor_cn"]
    cnvkit = ["sample chromosome start end log2 cn cn1 cn2"]
    for sample in ("S1", "S2"):
        plain += [f"{sample} chr1 1 100 2 1", f"{sample} chr1 101 200 1 1"]
        cnvkit += [f"{sample} chr1 0 100 0.5 3 2 1", f"{sample} chr1 100 200 0 2 1 1"]
    for rows in (plain, cnvkit):
        write_table(tmp_path / "seg.tsv", *rows)
        header = "patient sample site vcf cn_segments"
        sheet = write_table(tmp_path / "s.tsv", header, "P S1 a x.vcf seg.tsv", "P S2 b x.vcf seg.tsv")
        major = read_patient(sheet).copy_number.major
        assert major[:2].tolist() == [[2, 2], [1, 1]] and not (major[2] == major[2]).any()


@pytest.mark.parametrize("columns", ["seg.mean", "log2 probes", "Segment_Mean"])
def test_log_ratios_are_no_copies(tmp_path: Path, columns: str) -> None:
    write_vcf(tmp_path / "x.vcf", ["1 10 . A T . PASS . AD 60,40 50,30"])
    write_table(tmp_path / "seg.tsv", f"ID chrom loc.start loc.end {columns}", "S1 1 1 100 1 1", "S2 1 1 100 1 1")
    sheet = write_table(
        tmp_path / "s.tsv", "patient sample site vcf cn_segments", "P S1 a x.vcf seg.tsv", "P S2 b x.vcf seg.tsv"
    )
    with pytest.raises(InputError, match="no columns of copy number that are known"):
        read_patient(sheet)
