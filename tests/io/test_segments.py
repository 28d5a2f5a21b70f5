"""Copy-number dialects, and copy number at the loci of mutations."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_files import write_table

from phylometa.errors import InputError
from phylometa.io.clinical import read_purity_file
from phylometa.io.segments import Segments, copy_number_at_loci, join_profiles, read_segment_tables, read_segments
from phylometa.io.vcf_header import SampleRequest
from phylometa.model.patient import CopyNumberProfile

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")
NAN = float("nan")
REQUEST = [SampleRequest("S1", ("S1",))]
# header, row, start (0-based), end, (major, minor, total, fraction, major2, minor2)
DIALECTS = {
    "ascat": ("sample chr startpos endpos nMajor nMinor", "x_S1 chr1 101 200 2 1", 100, (2, 1, 3, 1, NAN, NAN)),
    "battenberg": (
        "chr startpos endpos BAF pval LogR ntot nMaj1_A nMin1_A frac1_A nMaj2_A nMin2_A frac2_A",
        "1 101 200 .6 1 0 9.9 2 1 0.25 1 1 0.75",
        100,
        (2, 1, 2.25, 0.25, 1, 1),
    ),
    "facets": (
        "chrom seg num.mark nhet cnlr.median mafR start end cf.em tcn.em lcn.em",
        "23 1 9 9 .1 .1 101 200 0.9 3 NA",
        100,
        (NAN, NAN, 3, 1, NAN, NAN),
    ),
    "sequenza": (
        "chromosome start.pos end.pos Bf N.BAF sd.BAF depth.ratio N.ratio sd.ratio CNt A B LPP",
        "1 101 200 .3 9 .1 1 9 .1 4 3 1 -5",
        100,
        (3, 1, 4, 1, NAN, NAN),
    ),
    "purple": (
        "chromosome start end copyNumber bafCount observedBAF minorAlleleCopyNumber majorAlleleCopyNumber",
        "1 101 200 2.9 9 .6 -0.05 2.95",
        100,
        (2.95, 0, 2.95, 1, NAN, NAN),
    ),
    "cnvkit": (
        "chromosome start end gene log2 baf cn cn1 cn2 depth",
        "1 100 200 - .5 _ 3 _ _ 99",
        100,
        (NAN, NAN, 3, 1, NAN, NAN),
    ),
    "plain": ("sample chrom start end major_cn minor_cn", "S1 1 101 200 4 0", 100, (4, 0, 4, 1, NAN, NAN)),
    "total": ("chrom start end copy_number", "1 101 200 1", 100, (1, 0, 1, 1, NAN, NAN)),
    "phylometa": (
        "sample chrom start end major_cn minor_cn total_cn fraction major2_cn minor2_cn",
        "S1 1 101 200 2 1 2.25 0.25 1 1",
        100,
        (2, 1, 2.25, 0.25, 1, 1),
    ),
}


def values(segments: Segments) -> list[float]:
    profile = segments.profile
    return [float(getattr(profile, name)[0]) for name in ("major", "minor", "total", "fraction", "major2", "minor2")]


@pytest.mark.parametrize("name", DIALECTS)
def test_dialects(tmp_path: Path, name: str) -> None:
    header, row, start, expected = DIALECTS[name]
    segments = read_segments(write_table(tmp_path / "s.tsv", header, row), REQUEST)
    assert segments.dialect == name
    assert (segments.profile.start.tolist(), segments.profile.end.tolist()) == ([start], [200])
    np.testing.assert_allclose(values(segments), expected, atol=1e-12)
    if np.isnan(expected[0]):
        assert "1 of 1 segments have a total but no alleles" in segments.warnings[0]


# header, row, (mean_major, mean_minor, log_ratio, baf)
MEASURED = {
    "ascat": (
        "sample chr startpos endpos nMajor nMinor nAraw nBraw",
        "S1 1 101 200 2 0 -0.04 1.7",
        (1.7, 0, NAN, NAN),
    ),
    "cnvkit": ("chromosome start end gene log2 baf cn cn1 cn2", "1 100 200 - -.5 .7 2 2 0", (NAN, NAN, -0.5, 0.7)),
    "sequenza": (DIALECTS["sequenza"][0], DIALECTS["sequenza"][1], (NAN, NAN, 0, 0.3)),
    "facets": (DIALECTS["facets"][0], "1 1 9 9 -.1 .16 101 200 0.9 3 1", (NAN, NAN, -0.1, 1 / (1 + np.exp(-0.4)))),
    "plain": ("chrom start end major_cn minor_cn logR BAF", "1 101 200 2 1 .4 1.7", (NAN, NAN, 0.4, NAN)),
    "phylometa": (
        DIALECTS["phylometa"][0] + " mean_major_cn mean_minor_cn logr baf",
        "S1 1 101 200 2 1 3 1 _ _ 1.8 0.9 .4 .6",
        (1.8, 0.9, 0.4, 0.6),
    ),
    "total": ("chrom start end copy_number", "1 101 200 3", (NAN, NAN, NAN, NAN)),
}


@pytest.mark.parametrize("name", MEASURED)
def test_what_a_caller_measured_is_read_beside_what_it_called(tmp_path: Path, name: str) -> None:
    header, row, expected = MEASURED[name]
    segments = read_segments(write_table(tmp_path / "s.tsv", header, row), REQUEST)
    assert segments.dialect == name
    profile = segments.profile
    found = [float(getattr(profile, field)[0]) for field in ("mean_major", "mean_minor", "log_ratio", "baf")]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_measured_number_that_is_none_is_named(tmp_path: Path) -> None:
    path = write_table(tmp_path / "s.tsv", MEASURED["cnvkit"][0], "1 100 200 - high .7 2 2 0")
    with pytest.raises(InputError, match="'high' is not a number"):
        read_segments(path, REQUEST)


def test_a_sample_without_a_genome_is_refused_and_a_deletion_is_not(tmp_path: Path) -> None:
    header = "sample chrom start end major_cn minor_cn"
    deleted = [f"S1 {chrom} 1 60000000 0 0" for chrom in (1, 2)]
    path = write_table(tmp_path / "s.tsv", header, *deleted, "S2 1 1 60000000 1 1")
    with pytest.raises(InputError, match=r"sample S1 has no copy of any of its 2 segments \(120 Mb\)"):
        read_segments(path, None)
    for rows in (deleted[:1], [*deleted, "S1 3 1 100 1 0"]):
        assert read_segments(write_table(tmp_path / "d.tsv", header, *rows), None).profile.total.min() == 0


def test_battenberg_clonal_and_degenerate_states(tmp_path: Path) -> None:
    header = DIALECTS["battenberg"][0]
    path = write_table(
        tmp_path / "b.tsv",
        header,
        "1 1 100 .6 1 0 9.9 1 0 1 NA NA NA",
        "1 101 200 .6 1 0 9.9 1 2 0.5 1 1 0.5",
        "1 201 300 .6 1 0 9.9 2 2 0.5 2 2 0.5",
        "1 301 400 .6 1 0 9.9 2 2 NA NA NA NA",
        "1 401 500 .6 1 0 9.9 2 2 0 1 0 1",
    )
    profile = read_segments(path, REQUEST).profile
    assert profile.total.tolist() == [1, 2.5, 4, 4, 1]
    assert profile.fraction.tolist() == [1, 0.5, 1, 1, 1]
    assert (profile.major[1], profile.minor[1], profile.major2[1], profile.minor2[1]) == (2, 1, 1, 1)


def test_medicc2_tables_are_phased_and_diploid_is_no_sample(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "m.tsv",
        "sample_id chrom start end cn_a cn_b",
        "diploid chr1 1 100 1 1",
        "S1 chr1 1 100 0 2",
        "S2 chr1 1 100 2 0",
    )
    profile = read_segments(path, None).profile
    assert profile.sample_names == ("S1", "S2") and profile.is_phased
    assert profile.major.tolist() == [0, 2]
    at_loci = copy_number_at_loci(profile, ["1"], np.array([50]))
    assert (at_loci["major"].tolist(), at_loci["minor"].tolist()) == ([[2, 2]], [[0, 0]])


def test_hatchet_clones_are_states_of_the_tumour_cells(tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "best.seg.ucn",
        "#CHR START END SAMPLE cn_normal u_normal cn_clone1 u_clone1 cn_clone2 u_clone2 cn_clone3 u_clone3",
        "chr1 0 100 S1 1|1 0.4 2|1 0.45 1|1 0.15 2|1 0.0",
        "chr1 100 200 S1 1|1 0.4 2|0 0.45 2|0 0.15 1|1 0.0",
        "chr1 200 300 S1 1|1 0.4 0|2 0.3 2|2 0.2 1|2 0.1",
        "chr1 300 400 S1 1|1 1.0 1|1 0.0 1|1 0.0 1|1 0.0",
    )
    read = read_segments(path, None)
    profile = read.profile
    assert read.dialect == "hatchet" and profile.is_phased
    assert (profile.start[0], profile.end[0]) == (0, 100)
    assert values(read) == pytest.approx([2, 1, 2.75, 0.75, 1, 1])
    assert (profile.major[1], profile.minor[1], profile.fraction[1]) == (2, 0, 1)
    assert (profile.major[2], profile.minor[2]) == pytest.approx((5 / 6, 2))  # three states: the means
    assert np.isnan(profile.total[3])  # no tumour clone in the sample
    wrong = write_table(tmp_path / "w.ucn", "#CHR START END SAMPLE cn_clone1 u_clone1", "chr1 0 100 S1 2/1 0.5")
    with pytest.raises(InputError, match="'2/1' is not a pair of copy numbers"):
        read_segments(wrong, None)


def test_caller_named_in_the_sheet(tmp_path: Path) -> None:
    path = write_table(tmp_path / "s.tsv", "chr startpos endpos nMajor nMinor", "1 1 9 1 1")
    assert read_segments(path, REQUEST, caller="plain").dialect == "plain"
    assert (
        "cn_caller is titan, but by its header the file was read as ascat"
        in (read_segments(path, REQUEST, caller="titan").warnings[0])
    )
    assert not read_segments(path, REQUEST, caller="ASCAT").warnings


def test_ends_that_share_a_base_are_trimmed(tmp_path: Path) -> None:
    path = write_table(tmp_path / "s.tsv", "chrom start end major_cn minor_cn", "1 1 100 1 1", "1 100 200 2 1")
    profile = read_segments(path, REQUEST).profile
    assert profile.end.tolist() == [99, 200]


def test_one_sample_in_the_file_may_have_another_name(tmp_path: Path) -> None:
    path = write_table(tmp_path / "s.tsv", "sample chrom start end major_cn minor_cn", "tumour_17 1 1 100 1 1")
    assert read_segments(path, REQUEST).profile.n_segments == 1
    with pytest.raises(InputError, match="sample S2 has no segments"):
        read_segments(path, [SampleRequest("tumour_17", ("tumour_17",)), SampleRequest("S2", ("S2",))])


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        (("chr startpos endpos nMajor nMinor", "1 5 4 1 1"), "ends before it starts"),
        (("chr startpos endpos nMajor nMinor", "_ 5 9 1 1"), "row 2, column chrom: is empty"),
        (("chr startpos endpos nMajor nMinor", "1 x 9 1 1"), "row 2, column start: 'x' is not a position"),
        (("chr startpos endpos nMajor nMinor", "1 5 9 1e9 1"), "is not a copy number"),
        (
            ("chr start end copyNumber minorAlleleCopyNumber majorAlleleCopyNumber", "1 5 9 2 -3 1"),
            "'-3' is not a copy",
        ),
        (("chrom start end tcn.em lcn.em", "1 5 9 1 2"), "minor copies exceed the total 1|below minor"),
        (("chr startpos endpos nMaj1_A nMin1_A frac1_A nMaj2_A nMin2_A", "1 5 9 1 1 -1 1 1"), "is not a copy number"),
        (
            ("chr startpos endpos nMaj1_A nMin1_A frac1_A nMaj2_A nMin2_A", "1 5 9 1 1 0 2 x"),
            "'x' is not a copy number",
        ),
        (("sample chrom start end major_cn minor_cn cn_fraction", "S1 1 5 9 1 1 0"), r"0 is outside \(0, 1\]"),
        (("chr startpos nMajor nMinor", "1 5 1 1"), "column end is missing"),
        (("chr startpos endpos nMajor nMinor",), "holds no segments"),
    ],
)
def test_bad_segments(tmp_path: Path, rows: tuple[str, ...], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        read_segments(write_table(tmp_path / "s.tsv", *rows), REQUEST)


def test_a_file_for_two_samples_must_name_them(tmp_path: Path) -> None:
    path = write_table(tmp_path / "s.tsv", "chr startpos endpos nMajor nMinor", "1 1 9 1 1")
    with pytest.raises(InputError, match="has no column that names the sample, but serves S1, S2"):
        read_segments(path, [*REQUEST, SampleRequest("S2", ("S2",))])
    with pytest.raises(InputError, match="has no column that names the sample"):
        read_segments(path, None)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["chr1", "2", "chrX"]), st.integers(0, 19)),
        unique=True,
        max_size=20,
    ),
    st.lists(st.tuples(st.sampled_from(["1", "chr2", "23", "7"]), st.integers(-1, 210)), max_size=12),
)
def test_look_up_is_that_of_a_linear_scan(segments: list[tuple[int, str, int]], loci: list[tuple[str, int]]) -> None:
    plain = {"chr1": "1", "chr2": "2", "chrX": "X", "23": "X"}
    n = len(segments)
    profile = CopyNumberProfile(
        sample_names=("a", "b"),
        sample=np.array([s for s, _, _ in segments], dtype=int),
        chroms=tuple(chrom for _, chrom, _ in segments),
        start=np.array([10 * k for _, _, k in segments], dtype=int),
        end=np.array([10 * k + 7 for _, _, k in segments], dtype=int),
        major=np.arange(n, dtype=float),
        minor=np.zeros(n),
    )
    found = copy_number_at_loci(profile, [chrom for chrom, _ in loci], np.array([at for _, at in loci], dtype=np.int64))
    for i, (chrom, at) in enumerate(loci):
        for sample in (0, 1):
            hits = [
                k
                for k, (s, c, start) in enumerate(segments)
                if s == sample and plain.get(c, c) == plain.get(chrom, chrom) and 10 * start <= at < 10 * start + 7
            ]
            np.testing.assert_equal(float(found["major"][i, sample]), float(hits[0]) if hits else NAN)


def test_no_profiles() -> None:
    assert join_profiles([], ["S1"]) is None


def test_a_phased_profile_beside_an_unphased_one_gets_major_and_minor(tmp_path: Path) -> None:
    phased = write_table(tmp_path / "a.tsv", "sample_id chrom start end cn_a cn_b", "A 1 1 9 1 3", "A 2 1 9 2 0")
    plain = write_table(tmp_path / "b.tsv", "sample chrom start end major_cn minor_cn", "B 1 1 9 3 1", "B 2 1 9 2 0")
    alone = read_segment_tables([phased])
    assert alone.is_phased and alone.major.tolist() == [1, 2]
    mixed = read_segment_tables([phased, plain])
    assert not mixed.is_phased
    assert mixed.major.tolist() == [3, 2, 3, 2] and mixed.minor.tolist() == [1, 0, 1, 0]
    assert mixed.total.tolist() == [4, 2, 4, 2]


def test_alleles_of_both_states_stay_matched_when_they_are_sorted() -> None:
    arrays = {"major": [1, NAN, 2, 1], "minor": [2, NAN, 1, 1], "total": [3, 4, 3, 2], "fraction": [0.5, 1, 0.5, 0.5]}
    arrays |= {"major2": [1, NAN, 0, 1], "minor2": [0, NAN, 4, 2]}
    place = {"chroms": ("1", "2", "3", "4"), "start": np.zeros(4, dtype=int), "end": np.full(4, 9)}
    values = {name: np.array(column, dtype=float) for name, column in arrays.items()}
    profile = CopyNumberProfile(sample_names=("A",), sample=np.zeros(4, dtype=int), is_phased=True, **place, **values)
    found = profile.without_phase()
    np.testing.assert_equal(np.stack((found.major, found.minor)), [[2, NAN, 2, 1], [1, NAN, 1, 1]])
    np.testing.assert_equal(np.stack((found.major2, found.minor2)), [[0, NAN, 0, 2], [1, NAN, 4, 1]])
    np.testing.assert_equal(found.total, arrays["total"])
    assert not found.is_phased and profile.is_phased and profile.major[0] == 1


PURITY_FILES = {
    "ASCAT": ("AberrantCellFraction Ploidy", ("0.91 2.01",), (0.91, 2.01, None)),
    "Sequenza": (
        "cellularity ploidy.estimate ploidy.mean.cn",
        ("0.5 2.0 2.0", "0.6 2.1 2.2", "0.7 2.3 2.4"),
        (0.6, 2.1, None),
    ),
    "PURPLE": (
        "purity normFactor score diploidProportion ploidy gender",
        ("0.7 1 1 0.5 3.1 MALE",),
        (0.7, 3.1, "male"),
    ),
    "Battenberg": ("_ rho psi distance is.best", ("a 0.4 2 1 FALSE", "b 0.8 3 1 TRUE"), (0.8, 3.0, None)),
    "FACETS": ("purity ploidy", ("NA 2",), (NAN, 2.0, None)),
}


@pytest.mark.parametrize("name", PURITY_FILES)
def test_purity_files(tmp_path: Path, name: str) -> None:
    header, rows, expected = PURITY_FILES[name]
    estimate = read_purity_file(write_table(tmp_path / "p.tsv", header, *rows))
    np.testing.assert_equal(tuple(estimate), expected)


def test_bad_purity_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2, column purity: 1.2 is outside \(0, 1\]"):
        read_purity_file(write_table(tmp_path / "p.tsv", "purity ploidy", "1.2 2"))
    with pytest.raises(InputError, match="column purity is missing"):
        read_purity_file(write_table(tmp_path / "p.tsv", "a b", "1.2 2"))
    with pytest.raises(InputError, match="holds no purity"):
        read_purity_file(write_table(tmp_path / "p.tsv", "purity ploidy"))


@needs_data
def test_published_segments() -> None:
    folder = Path(DATA)
    ascat = read_segments(folder / "vcf" / "nfcore_SPN01_Sample_B.segments.txt", [SampleRequest("B", ("Sample_B",))])
    assert ascat.dialect == "ascat" and ascat.profile.n_segments == 10
    # as published, its segments of X overlap, in five of ten samples
    with pytest.raises(InputError, match=r"row 189, column start: segment X:13001685-150249853 of A22-a overlaps"):
        read_segments(folder / "gundem_2015" / "A22_copynumber.csv", None)
    battenberg = read_segments(folder / "gundem_2015" / "A22_copynumber.csv", [SampleRequest("D", ("A22-d",))])
    assert battenberg.dialect == "battenberg" and battenberg.profile.n_segments == 177
    assert (battenberg.profile.fraction < 1).sum() > 0
    medicc = read_segments(folder / "medicc2" / "PTX004_input_df.tsv", None)
    assert medicc.dialect == "medicc2" and medicc.profile.is_phased
    estimate = read_purity_file(folder / "vcf" / "nfcore_SPN01_Sample_B.purityploidy.txt")
    assert estimate.purity == 0.91


def test_tables_of_several_samples_and_files(tmp_path: Path) -> None:
    many = write_table(tmp_path / "m.tsv", "sample_id chrom start end cn_a cn_b", "S1 1 1 9 1 1", "S2 1 1 9 0 2")
    one = write_table(tmp_path / "S3.segments.txt", "chr startpos endpos nMajor nMinor", "1 1 9 2 1")
    profile = read_segment_tables([many, one])
    assert profile.sample_names == ("S1", "S2", "S3") and not profile.is_phased
    assert profile.sample.tolist() == [0, 1, 2] and profile.major.tolist() == [1, 2, 2]
    assert read_segment_tables([many]).is_phased
    with pytest.raises(InputError) as caught:
        read_segment_tables([many, many, tmp_path / "none.tsv"])
    assert [problem.message for problem in caught.value.problems] == [
        f"sample S1 is also in {many}",
        f"sample S2 is also in {many}",
        "no such file",
    ]
    with pytest.raises(InputError, match="no table of segments was given"):
        read_segment_tables([])
