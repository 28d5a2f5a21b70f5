"""A small file of each tool's format, made by hand after its documentation, and the numbers that must come out."""

from __future__ import annotations

from pathlib import Path

import pytest
from io_files import write_table

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.tables import read_patient
from phylometa.model.patient import Patient

NAN = float("nan")


def patient_of(folder: Path, *samples: str, file: str = "c.tsv", columns: str = "", cells: str = "") -> Patient:
    """One row per sample over one table; a file name with {} is one per sample."""
    rows = [f"P {sample} {sample} {file.format(sample)} {cells}" for sample in samples]
    return read_patient(write_table(folder / "s.tsv", f"patient sample site counts {columns}", *rows))


def reads(patient: Patient) -> list[list[list[int]]]:
    """[alternate reads, depth] by mutation and sample."""
    table = patient.mutations
    return [[list(cell) for cell in zip(*row)] for row in zip(table.alt_counts.tolist(), table.depth.tolist())]


def dialect(patient: Patient) -> str:
    return next(str(entry["dialect"]) for entry in patient.provenance if "dialect" in entry)


def test_conipher(tmp_path: Path) -> None:
    header = "CASE_ID SAMPLE CHR POS REF ALT REF_COUNT VAR_COUNT DEPTH COPY_NUMBER_A COPY_NUMBER_B ACF PLOIDY"
    rows = ["C S1 1 100 C A 60 40 100 2 1 0.57 3.8", "C S2 1 100 C A 80 20 100 3 0 0.52 3.9"]
    write_table(tmp_path / "c.tsv", header, *rows)
    patient = patient_of(tmp_path, "S1", "S2")
    assert patient.mutations.ids == ("1:100:C:A",) and dialect(patient) == "CONIPHER"
    assert reads(patient) == [[[40, 100], [20, 100]]]
    assert patient.purity.tolist() == [0.57, 0.52]
    assert patient.copy_number.major.tolist() == [[2, 3]] and patient.copy_number.minor.tolist() == [[1, 0]]


def test_dpclust(tmp_path: Path) -> None:
    header = "chr end WT.count mut.count subclonal.CN mutation.copy.number subclonal.fraction no.chrs.bearing.mut"
    write_table(tmp_path / "S1.txt", header, "1 100 60 40 2 1 1 1", "2 200 50 50 2 1 1 1")
    write_table(tmp_path / "S2.txt", header, "1 100 70 30 2 1 1 1")
    patient = patient_of(tmp_path, "S1", "S2", file="{}.txt")
    assert patient.mutations.ids == ("1:100", "2:200") and dialect(patient) == "DPClust"
    assert reads(patient) == [[[40, 100], [30, 100]], [[50, 100], [0, 0]]]


def test_clip(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "chromosome_index position alt_count ref_count", "1 2 40 60", "1 7 30 70")
    patient = patient_of(tmp_path, "S1")
    assert reads(patient) == [[[40, 100]], [[30, 100]]] and dialect(patient) == "CliP"


def test_phylogicndt_samples(tmp_path: Path) -> None:
    header = (
        "Hugo_Symbol Chromosome Start_position Reference_Allele Tumor_Seq_Allele2 t_ref_count t_alt_count ccf_0.00 "
        "ccf_0.01"
    )
    for name, counts in (("S1", "60 40"), ("S2", "70 30")):
        write_table(tmp_path / f"{name}.txt", header, f"TP53 chr17 100 A T {counts} 0.1 0.9")
    patient = patient_of(tmp_path, "S1", "S2", file="{}.txt")
    assert reads(patient) == [[[40, 100], [30, 100]]] and dialect(patient) == "PhylogicNDT"
    assert patient.mutations.genes == ("TP53",)


def test_icgc(tmp_path: Path) -> None:
    header = (
        "icgc_mutation_id icgc_donor_id icgc_sample_id chromosome chromosome_start mutated_from_allele "
        "mutated_to_allele total_read_count mutant_allele_read_count transcript_affected"
    )
    rows = ["MU1 DO1 SA1 1 100 A T 100 40 T1", "MU1 DO1 SA1 1 100 A T 100 40 T2", "MU1 DO1 SA2 1 100 A T 90 30 T1"]
    write_table(tmp_path / "c.tsv", header, *rows)
    patient = patient_of(tmp_path, "SA1", "SA2")
    assert reads(patient) == [[[40, 100], [30, 90]]] and dialect(patient) == "ICGC"
    assert patient.mutations.positions.tolist() == [99]


def test_pyclone_one_file_a_sample(tmp_path: Path) -> None:
    header = "mutation_id ref_counts var_counts normal_cn minor_cn major_cn"
    write_table(tmp_path / "c.tsv", header, "m1 60 40 2 0 2", "m2 70 30 2 1 1")
    patient = patient_of(tmp_path, "S1")
    assert reads(patient) == [[[40, 100]], [[30, 100]]]
    assert patient.copy_number.major.tolist() == [[2], [1]]
    with pytest.raises(InputError, match=r"column sample_id is missing .* serves S1, S2: give one file a sample"):
        patient_of(tmp_path, "S1", "S2")


def test_cnaqc_and_sciclone(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "chr from to ref alt DP NV VAF", "chr1 100 101 A T 100 40 0.4")
    assert reads(patient_of(tmp_path, "S1")) == [[[40, 100]]]
    write_table(tmp_path / "c.tsv", "chr pos ref_reads var_reads vaf", "chr1 100 60 40 40")
    assert reads(patient_of(tmp_path, "S1")) == [[[40, 100]]]


def test_clonevol(tmp_path: Path) -> None:
    header = "cluster gene is.driver P.vaf R.vaf P.ref.count P.var.count P.depth R.ref.count R.var.count R.depth"
    rows = [
        "1 DNMT3A TRUE 40 30 60 40 100 70 30 100",
        "1 - FALSE 35 0 65 35 100 99 0 99",
        "2 DNMT3A FALSE 9 5 91 9 100 95 5 100",
    ]
    write_table(tmp_path / "c.tsv", header, *rows)
    patient = patient_of(tmp_path, "P", "R")
    assert reads(patient) == [[[40, 100], [30, 100]], [[35, 100], [0, 99]], [[9, 100], [5, 100]]]
    assert patient.mutations.ids == ("DNMT3A", "row 3", "DNMT3A#2")
    assert patient.known_clusters == ("1", "1", "2")
    # the same with percentages alone
    write_table(tmp_path / "c.tsv", "cluster P.vaf R.vaf", "1 40 30", "2 9 0")
    patient = patient_of(tmp_path, "P", "R")
    assert reads(patient) == [[[40, 100], [30, 100]], [[9, 100], [0, 100]]]
    assert any("VAFs reach 40: read as percentages" in text for text in patient.warnings)


def test_decifer(tmp_path: Path) -> None:
    rows = [
        "0 S1 0 m1 60 40 1 1 1",
        "0 S1 1 m2 70 30 1 1 0.36 3 2 0.64",
        "1 S2 0 m1 80 20 2 1 1",
        "1 S2 1 m2 99 1 1 1 1",
    ]
    write_table(tmp_path / "c.tsv", "#sample_index sample_label character_index character_label ref var", *rows)
    text = (tmp_path / "c.tsv").read_text()
    (tmp_path / "c.tsv").write_text("2 #characters\n2 #samples\n" + text)
    patient = patient_of(tmp_path, "S1", "S2", columns="purity", cells="0.8")
    assert reads(patient) == [[[40, 100], [20, 100]], [[30, 100], [1, 100]]]
    copies = patient.copy_number
    assert copies.major.tolist() == [[1, 2], [3, 1]] and copies.minor.tolist() == [[1, 1], [2, 1]]
    # of .8 tumour cells .64 have 3+2, the other .16 with the normal ones 1+1
    assert copies.fraction[1, 0] == pytest.approx(0.8) and copies.major2[1, 0] == 1
    unknown = patient_of(tmp_path, "S1", "S2")
    assert dialect(unknown) == "DeCiFer"
    assert not unknown.copy_number.is_known[1, 0]
    assert any("copy number of 1 cells with several states" in text for text in unknown.warnings)


def test_lichee_holds_vafs(tmp_path: Path) -> None:
    rows = ["chr2 100 d1 0 0.25 0.30", "chr2 200 d2 0 0.889 0.0"]
    write_table(tmp_path / "c.tsv", "#chrom pos DESC Normal R1 R2", *rows)
    patient = patient_of(tmp_path, "R1", "R2", columns="purity", cells="0.8")
    assert reads(patient) == [[[25, 100], [30, 100]], [[89, 100], [0, 100]]]
    assert patient.purity.tolist() == [0.8, 0.8] and not patient.copy_number.is_known.any()
    assert any("VAFs without depths: each stands for 100 reads" in text for text in patient.warnings)


def test_a_matrix_of_vafs_by_its_values(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "mutation S1 S2", "m1 0.40 0.31", "m2 0.10 0.00")
    patient = patient_of(tmp_path, "S1", "S2", columns="purity", cells="0.8")
    assert reads(patient)[0] == [[40, 100], [31, 100]] and patient.purity.tolist() == [0.8, 0.8]
    assert any("read as VAFs" in text for text in patient.warnings)
    unsaid = patient_of(tmp_path, "S1", "S2")
    assert unsaid.purity.tolist() == [1, 1] and any("are they VAFs?" in text for text in unsaid.warnings)
    write_table(tmp_path / "c.tsv", "mutation S1 S2", "m1 0.98 0.31", "m2 0.10 0.00")
    fractions = patient_of(tmp_path, "S1", "S2", columns="purity", cells="0.8")
    assert fractions.purity.tolist() == [1, 1]
    assert reads(fractions)[0] == [[49, 100], [16, 100]]


@pytest.mark.parametrize("cells", ["0,40 0,31", "40% 31%", "0.40 0.31"])
def test_vafs_in_every_spelling(tmp_path: Path, cells: str) -> None:
    write_table(tmp_path / "c.tsv", "mutation S1.vaf S2.vaf", f"m1 {cells}")
    assert reads(patient_of(tmp_path, "S1", "S2")) == [[[40, 100], [31, 100]]]
    a, b = cells.split()
    write_table(tmp_path / "c.tsv", "mutation_id sample_id vaf depth", f"m1 S1 {a} 200", f"m1 S2 {b} 100")
    assert reads(patient_of(tmp_path, "S1", "S2")) == [[[80, 200], [31, 100]]]
    write_table(tmp_path / "c.tsv", "mutation_id sample_id vaf", f"m1 S1 {a}", f"m1 S2 {b}")
    settings = ReadSettings(nominal_depth=200)
    assert read_patient(tmp_path / "s.tsv", settings=settings).mutations.alt_counts.tolist() == [[80, 62]]


def test_decimal_commas_are_no_pairs(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "mutation S1 S2", "m1 0,95 0,31", "m2 1,0 0")
    assert reads(patient_of(tmp_path, "S1", "S2")) == [[[48, 100], [16, 100]], [[50, 100], [0, 100]]]
    write_table(tmp_path / "c.tsv", "mutation S1 S2", "m1 60,40 0,31", "m2 80,20 0,9")
    assert reads(patient_of(tmp_path, "S1", "S2")) == [[[40, 100], [31, 31]], [[20, 100], [9, 9]]]


def test_cbioportal(tmp_path: Path) -> None:
    header = (
        "Hugo_Symbol Chromosome Start_Position Reference_Allele Tumor_Seq_Allele2 Tumor_Sample_Barcode t_ref_count "
        "t_alt_count"
    )
    path = write_table(tmp_path / "x.maf", f"{header} HGVSp hgvsp", "TP53 17 100 A T S1 60 40 a b")
    path.write_text("#version 2.4\t\t\n" + path.read_text())
    sheet = write_table(tmp_path / "s.tsv", "patient sample site maf", "P S1 a x.maf")
    assert reads(read_patient(sheet)) == [[[40, 100]]]
    path = write_table(path, f"{header} T_Alt_Count", "TP53 17 100 A T S1 60 40 41")
    with pytest.raises(InputError, match="two columns are named t_alt_count"):
        read_patient(sheet)


@pytest.mark.parametrize(
    "header",
    ["Mutation ID,Sample ID,Ref Counts,Alt Counts", "mutation.id,SAMPLE-ID,ref.counts,\ufeffalt counts\xa0"],
)
def test_headers_mangled_by_a_spreadsheet(tmp_path: Path, header: str) -> None:
    (tmp_path / "c.tsv").write_text(f"{header}\nm1,S1,60,40\n", encoding="utf-8")
    assert reads(patient_of(tmp_path, "S1")) == [[[40, 100]]]


def test_a_refusal_says_what_would_do_and_columns_mends_it(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "mutation_id sample_id ref_counts alt_cnts", "m1 S1 60 40")
    with pytest.raises(InputError) as caught:
        patient_of(tmp_path, "S1")
    (problem,) = caught.value.problems
    for words in (
        "columns found: mutation_id, sample_id",
        "t_alt_count",
        "--columns alt_cnts=",
    ):
        assert words in problem.message
    settings = ReadSettings(columns=("alt_cnts=alt_counts", "nothing=depth"))
    patient = read_patient(tmp_path / "s.tsv", settings=settings)
    assert reads(patient) == [[[40, 100]]]
    assert "--columns: no table has a column nothing" in patient.warnings
    with pytest.raises(InputError, match="expected NAME=NAME"):
        read_patient(tmp_path / "s.tsv", settings=ReadSettings(columns=("alt_cnts",)))


def test_a_table_without_one_known_name_says_what_would_do(tmp_path: Path) -> None:
    write_table(tmp_path / "c.tsv", "mut samp nref nalt", "m1 S1 60 40", "m1 S2 70 30")
    sheet = write_table(tmp_path / "s.tsv", "patient sample site counts", "P S1 a c.tsv", "P S2 b c.tsv")
    with pytest.raises(InputError) as caught:
        read_patient(sheet, settings=ReadSettings(columns=("nrefs=ref_counts",)))
    described, unused = (problem.message for problem in caught.value.problems)
    assert described.startswith("samples S1, S2 have no column (samples found: nref, nalt); a matrix has columns as S1")
    asked = [word for word in described.split() if "=" in word]
    assert asked == ["mut=mutation_id", "samp=sample_id", "nref=ref_counts", "nalt=alt_counts"]
    assert unused == "--columns: no table has a column nrefs"
    patient = read_patient(sheet, settings=ReadSettings(columns=tuple(asked)))
    assert reads(patient) == [[[40, 100], [30, 100]]]


def test_a_byte_that_is_no_utf8_is_named_with_its_row(tmp_path: Path) -> None:
    rows = [f"m{i}\tS1\t60\t40\n".encode() for i in range(3000)]
    rows[2000] = b"caf\xe9\tS1\t60\t40\n"
    (tmp_path / "c.tsv").write_bytes(b"mutation_id\tsample_id\tref_counts\talt_counts\n" + b"".join(rows))
    with pytest.raises(InputError, match="row 2002: is not UTF-8 text: byte 4 of the line is 0xe9"):
        patient_of(tmp_path, "S1")


def test_a_maf_row_that_fails_a_filter_is_read_if_another_sample_passes(tmp_path: Path) -> None:
    header = "mutation_id sample_id ref_counts alt_counts filter"
    write_table(
        tmp_path / "c.tsv", header, "m1 S1 60 40 PASS", "m1 S2 98 2 weak", "m2 S1 90 3 weak", "m3 S2 50 50 PASS"
    )
    patient = patient_of(tmp_path, "S1", "S2")
    assert patient.mutations.ids == ("m1", "m3")
    assert patient.mutations.alt_counts.tolist() == [[40, 2], [0, 50]]
    assert patient.dropped.reasons == ("FILTER weak",)
    write_table(tmp_path / "c.tsv", header, "m1 S1 98 2 weak", "m1 S1 60 40 PASS", "m1 S2 50 50 PASS")
    patient = patient_of(tmp_path, "S1", "S2")
    assert patient.mutations.alt_counts.tolist() == [[40, 50]]  # the accepted row, wherever it stands
    assert patient.dropped.reasons == ("listed twice (line 3)",)


def test_phylowgs(tmp_path: Path) -> None:
    write_table(
        tmp_path / "ssm_data.txt", "id gene a d mu_r mu_v", "s0 1_190 60,70 100,100 0.999 0.5", "s1 X_7 9,6 9,9 0.9 0.5"
    )
    patient = patient_of(tmp_path, "S1", "S2", file="ssm_data.txt")
    assert reads(patient) == [[[40, 100], [30, 100]], [[0, 9], [3, 9]]] and dialect(patient) == "PhyloWGS"
    assert patient.mutations.chroms == ("1", "X") and patient.mutations.positions.tolist() == [189, 6]
    assert any("taken in this order: S1, S2" in text for text in patient.warnings)
    with pytest.raises(InputError, match="holds 2 samples without names, but serves 1"):
        patient_of(tmp_path, "S1", file="ssm_data.txt")


def test_calder_and_ancestree(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("\tm1\tm1\tm2\tm2\nS1\t60\t40\t70\t30\nS2\t80\t20\t100\t0\n")
    patient = patient_of(tmp_path, "S1", "S2")
    expected = [[[40, 100], [20, 100]], [[30, 100], [0, 100]]]
    assert reads(patient) == expected and dialect(patient) == "CALDER"
    (tmp_path / "c.tsv").write_text("gene_id\tS1\tS1\tS2\tS2\nm1\t60\t40\t80\t20\nm2\t70\t30\t100\t0\n")
    patient = patient_of(tmp_path, "S1", "S2")
    assert reads(patient) == expected and dialect(patient) == "AncesTree"
    (tmp_path / "c.tsv").write_text("m1 m1 m2 m2\nS1 60 40 70 30\nS2 80 20 100 0\n")
    assert reads(patient_of(tmp_path, "S2")) == [[[20, 100]]]


def test_treeomics_and_canopy_pairs(tmp_path: Path) -> None:
    header = "Chromosome Position Change Gene S1 S2"
    write_table(tmp_path / "mut.txt", header, "chr1 100 A>T TP53 40 0", "chr2 200 C>G KRAS 30 -1")
    write_table(tmp_path / "cov.txt", header, "chr2 200 C>G KRAS 100 90", "chr1 100 A>T TP53 100 80")
    for file in ("mut.txt;cov.txt", "cov.txt;mut.txt"):
        patient = patient_of(tmp_path, "S1", "S2", file=file)
        found = dict(zip(patient.mutations.ids, reads(patient)))
        assert found == {"chr1:100:A:T": [[40, 100], [0, 80]], "chr2:200:C:G": [[30, 100], [0, 0]]}
    (tmp_path / "R.csv").write_text('"","S1","S2"\n"sna1",40,20\n')
    (tmp_path / "X.csv").write_text('"","S1","S2"\n"sna1",100,90\n')
    assert reads(patient_of(tmp_path, "S1", "S2", file="R.csv;X.csv")) == [[[40, 100], [20, 90]]]
    (tmp_path / "X.csv").write_text('"","S1","S2"\n"sna1",10,90\n')
    with pytest.raises(InputError, match="no table of depths"):
        patient_of(tmp_path, "S1", "S2", file="R.csv;X.csv")
    (tmp_path / "X.csv").write_text('"","S1","S2"\n"sna2",100,90\n')
    with pytest.raises(InputError, match="sna1 is in R.csv only"):
        patient_of(tmp_path, "S1", "S2", file="R.csv;X.csv")


PHYLOWGS = "chromosome start end major_cn minor_cn cellular_prevalence"
# header, row, (major, minor[, share of the first state, major and minor of the second])
SEGMENTS: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "PhyloWGS": (PHYLOWGS, "1 1 900 3 1 0.4", (3, 1, 0.5, 1, 1)),
    "PhyloWGS, clonal": (PHYLOWGS, "1 1 900 3 1 0.8", (3, 1)),
    "PhylogicNDT": ("ID Chromosome Start_position End_Position A1_CN A2_CN", "S1 1 1 900 1 2", (2, 1)),
    "PhylogicNDT, timing": ("sample Chromosome Start End A1.Seg.CN A2.Seg.CN", "S1 1 1 900 0 2", (2, 0)),
    "ABSOLUTE": ("sample Chromosome Start.bp End.bp modal.a1 modal.a2", "S1 1 1 900 0 2", (2, 0)),
    "CliP": ("chromosome_index start_position end_position major_cn minor_cn total_cn", "1 1 900 2 1 3", (2, 1)),
    "decimal commas": ("chr start end majorAlleleCopyNumber minorAlleleCopyNumber", "1 1 900 1,9 1,1", (1.9, 1.1)),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments_of_tools(tmp_path: Path, name: str) -> None:
    header, row, expected = SEGMENTS[name]
    write_table(tmp_path / "seg.txt", header, row)
    write_table(tmp_path / "c.tsv", "chr pos ref alt ref_counts alt_counts", "1 500 A T 60 40")
    patient = patient_of(tmp_path, "S1", columns="purity cn_segments", cells="0.8 seg.txt")
    copies = patient.copy_number
    found = [float(getattr(copies, field)[0, 0]) for field in ("major", "minor", "fraction", "major2", "minor2")]
    assert found == pytest.approx([*expected, 1, NAN, NAN][:5] if len(expected) == 2 else list(expected), nan_ok=True)


def test_shares_without_a_stated_purity(tmp_path: Path) -> None:
    write_table(
        tmp_path / "seg.txt",
        "chromosome start end major_cn minor_cn cellular_prevalence",
        *("1 1 900 3 1 0.4", "2 1 900 1 1 0.8"),
    )
    write_table(tmp_path / "c.tsv", "chr pos ref alt ref_counts alt_counts", "1 500 A T 60 40")
    patient = patient_of(tmp_path, "S1", columns="cn_segments", cells="seg.txt")
    assert patient.copy_number.fraction[0, 0] == pytest.approx(0.5)
    assert any("largest cellular_prevalence, 0.8, is taken as the purity" in text for text in patient.warnings)


def test_purity_of_clip(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("0.9\n")
    write_table(tmp_path / "c.tsv", "chromosome_index position alt_count ref_count", "1 2 40 60")
    assert patient_of(tmp_path, "S1", columns="purity_file", cells="p.txt").purity.tolist() == [0.9]
