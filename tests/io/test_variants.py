"""VCF: counting rules of every caller, columns by name, alleles, filters, headers that are not quite right."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pysam
import pytest
from io_files import VCF_HEADER, write_table, write_vcf

from phylometa.config import ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.tables import read_patient
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")
ONE = [SampleRequest("X", ("X",))]


def read(
    path: Path, *records: str, header: list[str] | None = None, columns: tuple[str, ...] = ("NORMAL", "TUMOR")
) -> Calls:
    return read_vcf(write_vcf(path / "x.vcf", list(records), header=header, samples=columns), ONE, display="x.vcf")


# record with (FORMAT, tumour cell), (alternate reads, depth) of each alternate allele, rule
RULES = {
    "Strelka SNV": ("A T", "DP:AU:CU:GU:TU", "99:60,61:0,0:1,1:40,44", [(40, 100)], "Strelka AU/CU/GU/TU tier 1"),
    "Strelka SNV of two alleles": ("A T,G", "DP:AU:CU:GU:TU", "9:60,1:0,0:10,9:30,4", [(30, 100), (10, 100)], None),
    "Strelka SNV before AD": ("A T", "AD:AU:CU:GU:TU", "1,1:60,61:0,0:1,1:40,44", [(40, 100)], None),
    "Strelka indel": ("A AT", "DP:TAR:TIR:TOR", "99:60,61:40,41:3,3", [(40, 100)], "Strelka TAR/TIR tier 1"),
    "FreeBayes": ("A T", "GT:DP:RO:AO", "0/1:110:60:40", [(40, 100)], "RO/AO"),
    "FreeBayes of two alleles": ("A T,C", "RO:AO", "60:30,10", [(30, 100), (10, 100)], "RO/AO"),
    "Platypus": ("A T", "GT:NR:NV", "0/1:100:40", [(40, 100)], "NR/NV"),
    "VarScan": ("A T", "GT:DP:RD:AD:FREQ:DP4", "0/1:101:60:40:40%:30,30,20,20", [(40, 100)], "VarScan RD/AD"),
    "VarDict, whose RD is strands": ("A T", "GT:DP:RD:AD", "0/1:100:30,30:60,40", [(40, 100)], "AD"),
    "AD": ("A T", "GT:AD", "0/1:60,40", [(40, 100)], "AD"),
    "AD of two alleles": ("A T,C", "GT:AD", "0/1:60,30,10", [(30, 100), (10, 100)], "AD"),
    "AD without the reference": ("A T", "AD:DP", "40:100", [(40, 100)], "AD"),
    "AD with a missing reference": ("A T", "AD:DP", ".,40:100", [(40, 100)], "AD"),
    "AD per alternate allele": ("A T,C", "AD:DP", "30,10:100", [(30, 100), (10, 100)], "AD"),
    "SomaticSniper": ("A T", "GT:DP4", "0/1:30,30,15,25", [(40, 100)], "DP4"),
    "AD is missing, DP4 is there": ("A T", "AD:DP4", ".:30,30,15,25", [(40, 100)], "DP4"),
    "a cell cut short": ("A T", "GT:AD:DP", "0/1", [(0, 0)], None),
    "an empty cell": ("A T", "GT:AD:DP", ".", [(0, 0)], None),
    "too many numbers": ("A T", "AD:DP", "60,30,10:100", [(0, 0)], None),
    "more alternate reads than depth": ("A T", "AD:DP", "40:30", [(0, 0)], None),
    "depth 0": ("A T", "AD:DP", "0,0:0", [(0, 0)], None),
    "Strelka SNV fields of an indel": ("AC A", "AU:CU:GU:TU", "1,1:1,1:1,1:1,1", [(0, 0)], None),
    "Strelka indel of two alleles": ("A AT,ATT", "TAR:TIR", "60,60:40,40", [(0, 0), (0, 0)], None),
    "FreeBayes, one number too many": ("A T", "RO:AO", "60:30,10", [(0, 0)], None),
    "FreeBayes, reference missing": ("A T", "RO:AO", ".:30", [(0, 0)], None),
    "Platypus, one number too many": ("A T", "NR:NV", "99,99:40,40", [(0, 0)], None),
    "Platypus, more alternate reads than depth": ("A T", "NR:NV", "30:40", [(0, 0)], None),
    "DP4 of two alleles": ("A T,C", "DP4", "1,2,3,4", [(0, 0), (0, 0)], None),
}
NUMBER_DOT = [line.replace("ID=AD,Number=R", "ID=AD,Number=.") for line in VCF_HEADER]


@pytest.mark.parametrize("name", RULES)
def test_counting_rules(tmp_path: Path, name: str) -> None:
    alleles, keys, cell, expected, rule = RULES[name]
    ref, alts = alleles.split()
    # a second record keeps a file readable whose first has no counts
    records = (f"1 10 . {ref} {alts} . PASS . {keys} . {cell}", "1 99 . A C . PASS . AD:DP . 5,6:11")
    calls = read(tmp_path, *records, header=NUMBER_DOT)
    n = len(expected)
    assert list(zip(calls.alt[:n, 0].tolist(), calls.depth[:n, 0].tolist())) == expected
    assert calls.alt[n, 0] == 6
    if rule:
        assert calls.provenance["rules"][rule] >= 1


def test_number_of_ad_is_believed(tmp_path: Path) -> None:
    calls = read(tmp_path, "1 10 . A T . PASS . AD:DP . 40:100", "1 11 . A T . PASS . AD:DP . 4,5:9")
    assert calls.depth[:, 0].tolist() == [0, 9]  # Number=R: one value is no alternate count
    header = [line.replace("Number=R", "Number=A") for line in VCF_HEADER]
    calls = read(tmp_path, "1 10 . A T,C . PASS . AD:DP . 40:100", "1 11 . A T . PASS . AD:DP . 5:9", header=header)
    assert calls.depth[:, 0].tolist() == [0, 0, 9]


def test_counts_in_info_of_a_file_without_samples(tmp_path: Path) -> None:
    records = ["1 10 . A T . PASS DP=9;AF=0.4;DP4=30,30,15,25", "1 11 . A T . PASS DP=9"]
    calls = read(tmp_path, *records, columns=())
    assert (calls.alt.tolist(), calls.depth.tolist()) == ([[40], [0]], [[100], [0]])
    assert calls.provenance["rules"] == {"INFO DP4": 1} and calls.provenance["af_median_difference"] == 0
    with pytest.raises(InputError, match="has no sample columns, so it cannot tell X, Y apart"):
        read_vcf(tmp_path / "x.vcf", [*ONE, SampleRequest("Y", ("Y",))])
    with pytest.raises(InputError, match=r"x\.vcf, row 7, column INFO: '-1' is not a read count"):
        read(tmp_path, "1 10 . A T . PASS DP4=3,-1,1,2", columns=())
    with pytest.raises(InputError, match="holds no allele depths"):
        read(tmp_path, "1 10 . A T . PASS DP=9", columns=())


@pytest.mark.parametrize(
    ("columns", "request_", "header", "found"),
    [
        (("NORMAL", "X"), SampleRequest("X", ("X",)), [], "X"),
        (("P_N", "P_X"), SampleRequest("X", ("X",)), [], "P_X"),
        (("X_N", "T7"), SampleRequest("X", ("X",)), ["##tumor_sample=T7", "##normal_sample=X_N"], "T7"),
        (("TUMOR", "NORMAL"), SampleRequest("X", ("X",)), [], "TUMOR"),
        (("a", "b"), SampleRequest("X", ("b", "X"), True), [], "b"),
        (("X", "b"), SampleRequest("X", ("c", "X"), True), [], None),
        (("A_X", "B_X"), SampleRequest("X", ("X",)), [], None),
        (("T1", "T2"), SampleRequest("X", ("X",)), [], None),
    ],
)
def test_columns_are_found_by_name(
    tmp_path: Path, columns: tuple[str, ...], request_: SampleRequest, header: list[str], found: str | None
) -> None:
    path = write_vcf(
        tmp_path / "x.vcf", ["1 10 . A T . PASS . AD 1,2 3,4"], samples=columns, header=[*VCF_HEADER, *header]
    )
    if found is None:
        with pytest.raises(InputError, match="has no column"):
            read_vcf(path, [request_])
        return
    calls = read_vcf(path, [request_])
    assert calls.provenance["columns"] == {"X": found}
    assert calls.depth[0, 0] == [3, 7][columns.index(found)]


def test_columns_left_out_are_described(tmp_path: Path) -> None:
    path = write_vcf(
        tmp_path / "x.vcf",
        ["1 10 . A T . PASS . AD 1,2 3,4 5,6 7,8"],
        samples=("P_normal", "X", "X_RNA", "other"),
    )
    calls = read_vcf(path, ONE)
    assert calls.provenance["columns_left_out"] == {"X_RNA": "RNA", "other": "not in the sheet"}
    assert calls.provenance["normals"] == {"P_normal": "P_normal"}
    assert calls.unused == ["other"]
    with pytest.raises(InputError, match="column X fits X and Y"):
        read_vcf(path, [*ONE, SampleRequest("Y", ("X",))])
    sheet = write_table(tmp_path / "s.tsv", "patient sample site vcf", "P X a x.vcf")
    assert any("x.vcf: other are in no row" in sentence for sentence in read_patient(sheet).warnings)


def test_alleles_that_are_no_small_variants_are_left_out_with_the_reason(tmp_path: Path) -> None:
    alts = ["<CNV>", "*", ".", "A", "<*>", "R", "T"]
    records = [f"1 {10 + i} . A {alt} . PASS . AD . 5,5" for i, alt in enumerate(alts)]
    calls = read(tmp_path, *records, "1 50 . ac GT . PASS . AD . 5,5", "1 60 . ACT A . PASS . AD . 5,5")
    assert calls.ids == ["1:16:A:T", "1:50:AC:GT", "1:60:ACT:A"]  # MNP and indel are one event each
    assert calls.dropped.reasons == [
        "symbolic allele <CNV>",
        "allele * (spanning deletion)",
        "no alternate allele",
        "reference and alternate allele are the same",
        "no alternate allele",
        "alleles are not bases",
    ]
    assert list(calls.dropped.lines) == list(range(7, 13))


def test_filters(tmp_path: Path) -> None:
    words = ["PASS", ".", "Tier3", "weak", "weak;other", ""]
    records = [f"1 {10 + i} . A T . {word or '.'} . AD . 5,5" for i, word in enumerate(words)]
    path = write_vcf(tmp_path / "x.vcf", records, samples=("N", "X"))
    assert read_vcf(path, ONE).dropped.reasons == ["FILTER Tier3", "FILTER weak", "FILTER weak;other"]
    assert read_vcf(path, ONE, settings=ReadSettings(accepted_filters=("weak",))).ids == ["1:13:A:T"]
    muse = [*VCF_HEADER, '##FILTER=<ID=Tier1,Description="Confident level 1">']
    write_vcf(path, records, samples=("N", "X"), header=muse)
    assert "1:12:A:T" in read_vcf(path, ONE).ids
    assert "1:12:A:T" not in read_vcf(path, ONE, settings=ReadSettings(caller_filters=False)).ids
    kept = read_vcf(path, ONE, keep_rejected=True)
    assert (len(kept.ids), kept.rejected) == (6, {3: "FILTER weak", 4: "FILTER weak;other"})


def test_a_record_listed_twice(tmp_path: Path) -> None:
    records = ["1 10 . A T . PASS . AD . 5,5", "1 10 . A T . PASS . AD . 6,6", "1 11 . A T . PASS . AD . 6,6"]
    calls = read(tmp_path, *records)
    assert calls.depth[:, 0].tolist() == [12, 12]  # the record with more reads
    assert calls.dropped.reasons == ["listed twice, with other counts (line 8)"]
    assert any("1 record is listed twice with different counts" in text for text in calls.warnings)
    calls = read(tmp_path, records[0], records[0], records[2])
    assert (calls.dropped.reasons, calls.warnings) == (["listed twice (line 7)"], [])
    path = write_vcf(tmp_path / "y.vcf", [records[0].replace("PASS", "weak"), *records[1:]], samples=("N", "X"))
    kept = read_vcf(path, ONE, keep_rejected=True)
    assert (kept.depth[:, 0].tolist(), kept.rejected) == ([12, 12], {})


@pytest.mark.parametrize(
    ("header", "info", "gene"),
    [
        (
            '##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: Allele|Consequence|SYMBOL|Gene">',
            "CSQ=T|x|TP53|E1,T|y|B|E2",
            "TP53",
        ),
        ('##INFO=<ID=ANN,Number=.,Type=String,Description="SnpEff">', "DP=3;ANN=T|mis|MOD|TP53|E1", "TP53"),
        ('##INFO=<ID=FUNCOTATION,Number=A,Type=String,Description="f">', "FUNCOTATION=[TP53|hg38]", "TP53"),
        ('##INFO=<ID=Gene.refGene,Number=.,Type=String,Description="a">', "Gene.refGene=TP53", "TP53"),
        ('##INFO=<ID=GENE,Number=1,Type=String,Description="a">', "GENE=.", ""),
        ('##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: Allele|SYMBOL">', "CSQ=T", ""),
        ('##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: Allele">', "CSQ=T", ""),
    ],
)
def test_gene_symbols(tmp_path: Path, header: str, info: str, gene: str) -> None:
    calls = read(tmp_path, *(f"1 {i} . A T . PASS {info} AD . 5,5" for i in (5, 6)), header=[*VCF_HEADER, header])
    assert calls.genes == [gene, gene]


def test_headers_that_are_not_quite_right(tmp_path: Path) -> None:
    path = write_vcf(
        tmp_path / "x.vcf", ["1 10 . A T . PASS . AD 9,9 5,5", "1 11 . A T . PASS . AD 9,9 5,6"], samples=("N", "X")
    )
    lines = path.read_text().splitlines()
    expected = [10, 11]
    # lines in quotes, as a spreadsheet writes them
    path.write_text(
        "\n".join('"' + line.replace('"', '""') + '"' if line.startswith("#") else line for line in lines) + "\n"
    )
    calls = read_vcf(path, ONE, display="x.vcf")
    assert calls.depth[:, 0].tolist() == expected
    assert calls.warnings == [
        "x.vcf: header lines stand in quotes (a spreadsheet's export?); the quotes were passed over"
    ]
    # trailing blanks and tabs, blank lines, DOS line ends, a byte order mark
    for text in (
        "  \n".join(lines) + "\n",
        "\t\n".join(lines) + "\n\n",
        "\r\n".join(lines) + "\r\n",
        "\ufeff" + "\n".join(lines),
    ):
        path.write_text(text, newline="")
        assert read_vcf(path, ONE).depth[:, 0].tolist() == expected
    for old, new, pattern in (
        ("#CHROM\tPOS", "#CHROM\tSTART", "column 2 of the header is START, expected POS"),
        ("INFO\tFORMAT", "INFO\tFORM", "column 9 of the header is FORM, expected FORMAT"),
        ("\tINFO\tFORMAT\tN\tX", "", "column 8 of the header is nothing, expected INFO"),
    ):
        path.write_text("\n".join(lines).replace(old, new))
        with pytest.raises(InputError, match=f"row 6: {pattern}"):
            read_vcf(path, ONE)
    path.write_text("\n".join(lines[:5]))
    with pytest.raises(InputError, match="the line #CHROM POS ID REF ALT ... is missing"):
        read_vcf(path, ONE)


def test_bcf_and_bgzip_are_read_like_text(tmp_path: Path) -> None:
    header = [*VCF_HEADER, "##contig=<ID=1>", '##FILTER=<ID=weak,Description="w">']
    records = [
        f"1 {10 + i} . A {'T' if i % 3 else 'T,G'} . PASS . GT:AD . 0/1:{9 + i},{i}{'' if i % 3 else ',4'}"
        for i in range(40)
    ]
    path = write_vcf(tmp_path / "x.vcf", records, samples=("N", "X"), header=header)
    text = read_vcf(path, ONE)
    pysam.tabix_compress(str(path), str(tmp_path / "x.vcf.gz"))
    with (
        pysam.VariantFile(str(path)) as source,
        pysam.VariantFile(str(tmp_path / "x.bcf"), "wb", header=source.header) as bcf,
    ):
        for record in source:
            bcf.write(record)
    for name in ("x.vcf.gz", "x.bcf"):
        other = read_vcf(tmp_path / name, ONE)
        assert other.ids == text.ids
        np.testing.assert_array_equal(other.alt, text.alt)
        np.testing.assert_array_equal(other.depth, text.depth)


def test_many_records_are_read_as_few_are(tmp_path: Path) -> None:
    """The fast way over records that look like earlier ones gives what the careful way gives."""
    rng = np.random.default_rng(5)
    depth = rng.integers(0, 30, size=(4000, 2))
    alt = rng.integers(0, depth + 1)
    cells = [
        [f"0/1:{d - a},{a}:{d}" if d else "./.:.:." for d, a in zip(*row)] for row in zip(depth.tolist(), alt.tolist())
    ]
    records = [
        f"chr{1 + i // 1000} {i % 1000 + 1} . A {'CGT'[i % 3]} . PASS . GT:AD:DP {' '.join(row)}"
        for i, row in enumerate(cells)
    ]
    records[3000] = records[3000].replace("PASS", "weak")
    records[3001] = records[3001].replace(" A ", " a ")
    path = write_vcf(tmp_path / "x.vcf", records, samples=("X", "Y"))
    calls = read_vcf(path, [*ONE, SampleRequest("Y", ("Y",))])
    keep = np.arange(4000) != 3000
    np.testing.assert_array_equal(calls.alt, alt[keep])
    np.testing.assert_array_equal(calls.depth, depth[keep])
    assert list(calls.lines)[-1] == 4006 and calls.ids[3000] == f"chr4:2:A:{'CGT'[3001 % 3]}"
    broken = records[:3500] + ["chr9 5 . A T . PASS . GT:AD:DP 0/1:5,x:5 0/1:5,5:10"]
    with pytest.raises(InputError, match="row 3507, column X: 'x' is not a read count"):
        read_vcf(write_vcf(path, broken, samples=("X", "Y")), ONE)


CALLERS = {
    "LoFreq.snv.vcf.gz": ("LoFreq", 67, {"INFO DP4": 67}),
    "MuSE.vcf.gz": ("MuSE", 69, {"AD": 69}),
    "MuTect2.vcf.gz": ("Mutect2", 119, {"AD": 119}),
    "Strelka.indel.vcf.gz": ("Strelka", 52, {"Strelka TAR/TIR tier 1": 52}),
    "Strelka.snv.vcf.gz": ("Strelka", 70, {"Strelka AU/CU/GU/TU tier 1": 70}),
    "VarDict.vcf.gz": ("VarDict", 127, {"AD": 127}),
    "test_pindel.vcf": ("Pindel", 32, {"AD": 31, "VarScan RD/AD": 1}),
    "test_sniper.vcf": ("SomaticSniper", 107, {"DP4": 105}),
    "test_varscan.vcf": ("VarScan", 499, {"VarScan RD/AD": 500}),
}


@needs_data
@pytest.mark.parametrize("name", CALLERS)
def test_published_files_of_callers(name: str) -> None:
    calls = read_vcf(Path(DATA) / "vcf" / name, ONE)
    entry = calls.provenance
    assert (entry["dialect"], calls.n_mutations, entry["rules"]) == CALLERS[name]
    if entry["af_cells"] and entry["dialect"] != "Mutect2":  # whose AF holds a prior
        assert entry["af_median_difference"] <= 1e-3


@needs_data
def test_callers_of_one_tumour_agree() -> None:
    names = ("MuTect2.vcf.gz", "Strelka.snv.vcf.gz", "VarDict.vcf.gz", "LoFreq.snv.vcf.gz", "MuSE.vcf.gz")
    vafs = []
    for name in names:
        calls = read_vcf(Path(DATA) / "vcf" / name, ONE)
        vafs.append({key: a / d for key, a, d in zip(calls.ids, calls.alt[:, 0], calls.depth[:, 0]) if d})
    for i, one in enumerate(vafs):
        for other in vafs[i + 1 :]:
            shared = one.keys() & other.keys()
            assert len(shared) >= 40
            assert np.median([abs(one[key] - other[key]) for key in shared]) <= 0.01
