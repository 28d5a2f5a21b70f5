"""How each copy-number caller writes a segment: the columns that give it away, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MEASURED_COLUMNS", "SEGMENT_ALIASES", "SEGMENT_DIALECTS", "SegmentDialect"]

SEGMENT_ALIASES = {
    alias: name
    for name, aliases in {
        "sample": "sample_id tumor_sample_barcode tumour_sample_barcode sampleid id",
        "chrom": "chr chromosome seqnames contig chromosome_index",
        "start": "startpos start_position start.pos loc.start startposition start.bp chromosome_start",
        "end": "endpos end_position end.pos loc.end stop endposition end.bp chromosome_end",
        "major_cn": "major majorcn cn_major nmajor",
        "minor_cn": "minor minorcn cn_minor nminor",
        "total_cn": "total copynumber copy_number tcn cn_total",
        "cn_fraction": "fraction",
        "major_cn2": "major2_cn",
        "minor_cn2": "minor2_cn",
        "a1_cn": "a1.seg.cn",
        "a2_cn": "a2.seg.cn",
    }.items()
    for alias in aliases.split()
}
NAN = math.nan
_NOT_MEASURED = (NAN, NAN, NAN, NAN)


@dataclass(frozen=True)
class SegmentDialect:
    """How one caller writes a segment.

    Parameters
    ----------
    name : str
        As in the sheet's ``cn_caller``.
    columns : tuple of str
        Columns (lower case, after aliases) that give the dialect away, all needed.
    values : callable (numbers by column) -> (major, minor, total, fraction, major2, minor2)
    numbers : tuple of str
        Columns handed to `values`.
    is_zero_based : bool
        Whether `start` counts from 0.
    is_phased : bool
        Whether the first allele is the same parental chromosome everywhere.
    is_fractional : bool
        Whether copy numbers are not integers, so that small negative ones and a reversed order are noise.
    pairs : tuple of str
        Columns written ``a|b``, handed to `values` as two numbers ``name.a`` and ``name.b``.
    measured : callable (numbers by column) -> (mean_major, mean_minor, log_ratio, baf)
        What was measured, beside the copies that were called from it.
    measured_columns : tuple of str
        Columns handed to `measured` if they are there; of any sign.
    """

    name: str
    columns: tuple[str, ...]
    values: Callable[[dict[str, float]], tuple[float, ...]]
    numbers: tuple[str, ...]
    is_zero_based: bool = False
    is_phased: bool = False
    is_fractional: bool = False
    pairs: tuple[str, ...] = ()
    measured: Callable[[dict[str, float]], tuple[float, ...]] = lambda row: _NOT_MEASURED
    measured_columns: tuple[str, ...] = ()


def _raw_copies(row: dict[str, float]) -> tuple[float, ...]:
    """Mean copies of the alleles before ASCAT rounds them; the order of the two is theirs in its BAF, not in nMajor."""
    first, second = max(row["naraw"], 0.0), max(row["nbraw"], 0.0)
    if math.isnan(row["naraw"] + row["nbraw"]):
        return _NOT_MEASURED
    return max(first, second), min(first, second), NAN, NAN


def _log_ratio(ratio: str, baf: str) -> Callable[[dict[str, float]], tuple[float, ...]]:
    """A log2 ratio of depths and a BAF from the columns named."""
    return lambda row: (NAN, NAN, row[ratio], _share(row[baf]))


# Columns of a table of results, in the order of the fields of a profile.
MEASURED_COLUMNS = ("mean_major_cn", "mean_minor_cn", "logr", "baf")


def _of_results(row: dict[str, float]) -> tuple[float, ...]:
    return tuple(row[name] for name in MEASURED_COLUMNS)


def _sequenza_measured(row: dict[str, float]) -> tuple[float, ...]:
    ratio = row["depth.ratio"]
    return NAN, NAN, math.log2(ratio) if ratio > 0 else NAN, _share(row["bf"])


def _facets_measured(row: dict[str, float]) -> tuple[float, ...]:
    """``mafR`` is the squared log odds ratio of the alleles' reads, tumour against normal; noise may be below 0."""
    odds = math.exp(math.sqrt(max(row["mafr"], 0.0))) if not math.isnan(row["mafr"]) else NAN
    return NAN, NAN, row["cnlr.median"], odds / (1.0 + odds)


def _share(value: float) -> float:
    return value if 0.0 <= value <= 1.0 else NAN


def _alleles(major: str, minor: str, total: str = "") -> Callable[[dict[str, float]], tuple[float, ...]]:
    """One clonal state from the columns named; the total from its own column if the alleles are not known."""

    def values(row: dict[str, float]) -> tuple[float, ...]:
        high, low = row.get(major, NAN), row.get(minor, NAN)
        whole = row.get(total, NAN)
        if math.isnan(high) and not math.isnan(low):
            high = whole - low
        if math.isnan(low) and not math.isnan(high):
            low = whole - high
        known = high + low
        return high, low, whole if math.isnan(known) else known, 1.0, NAN, NAN

    return values


def _facets(row: dict[str, float]) -> tuple[float, ...]:
    total, minor = row["tcn.em"], row["lcn.em"]
    return total - minor, minor, total, 1.0, NAN, NAN


def _battenberg(row: dict[str, float]) -> tuple[float, ...]:
    """Two states with their shares of cells; ``ntot`` is the total of both, so it is not read."""
    fraction = row["frac1_a"]
    first = row["nmaj1_a"], row["nmin1_a"]
    second = row["nmaj2_a"], row["nmin2_a"]
    if fraction == 0 and not math.isnan(second[0] + second[1]):
        first, fraction = second, 1.0  # all cells are in the state written second
    is_clonal = math.isnan(fraction) or fraction >= 1 or math.isnan(second[0] + second[1])
    if is_clonal:
        return (*first, first[0] + first[1], 1.0, NAN, NAN)
    if second[0] + second[1] == first[0] + first[1] and second == first:
        return (*first, first[0] + first[1], 1.0, NAN, NAN)
    mean = fraction * sum(first) + (1 - fraction) * sum(second)
    return (*first, mean, fraction, *second)


def _two_states(first_allele: str, second_allele: str) -> Callable[[dict[str, float]], tuple[float, ...]]:
    """Two states with the share of the first, as results of phylometa have them."""

    def values(row: dict[str, float]) -> tuple[float, ...]:
        first = row[first_allele], row[second_allele]
        fraction = 1.0 if math.isnan(row.get("cn_fraction", NAN)) else row["cn_fraction"]
        second = row.get(first_allele + "2", NAN), row.get(second_allele + "2", NAN)
        total = row.get("total_cn", NAN)
        return (*first, first[0] + first[1] if math.isnan(total) else total, fraction, *second)

    return values


def _phylowgs(row: dict[str, float]) -> tuple[float, ...]:
    """One state in a share of all cells (normal ones too), the other cells 1+1; `purity` is put in by the reader."""
    major, minor = row["major_cn"], row["minor_cn"]
    fraction = row["cellular_prevalence"] / row["purity"]
    if math.isnan(fraction) or fraction >= 0.99 or (major, minor) == (1, 1):
        return major, minor, major + minor, 1.0, NAN, NAN
    if fraction <= 0.01:
        return 1.0, 1.0, 2.0, 1.0, NAN, NAN
    return major, minor, fraction * (major + minor) + (1 - fraction) * 2, fraction, 1.0, 1.0


# Tumour clones of a HATCHet solution that are read, more than it looks for.
_HATCHET_CLONES = range(1, 13)


def _hatchet(row: dict[str, float]) -> tuple[float, ...]:
    """Mean copies over HATCHet's tumour clones, or the two states if there are no more; shares without normal cells.

    A sample's third state has no room in a segment: the mean of both alleles, which the copy number of clones is
    inferred from, then stands for all of them.
    """
    shares: dict[tuple[float, float], float] = {}
    for k in _HATCHET_CLONES:
        share = row[f"u_clone{k}"]
        state = row[f"cn_clone{k}.a"], row[f"cn_clone{k}.b"]
        if share > 0 and not math.isnan(sum(state)):
            shares[state] = shares.get(state, 0.0) + share
    whole = sum(shares.values())
    if whole <= 0:
        return (NAN,) * 3 + (1.0, NAN, NAN)
    mean = [sum(share * state[i] for state, share in shares.items()) / whole for i in (0, 1)]
    ranked = sorted(shares, key=lambda state: (-shares[state], state))
    if len(ranked) == 2:
        return (*ranked[0], sum(mean), shares[ranked[0]] / whole, *ranked[1])
    return (*mean, sum(mean), 1.0, NAN, NAN)


SEGMENT_DIALECTS: tuple[SegmentDialect, ...] = (
    SegmentDialect(
        "battenberg",
        ("nmaj1_a", "nmin1_a", "frac1_a"),
        _battenberg,
        ("nmaj1_a", "nmin1_a", "frac1_a", "nmaj2_a", "nmin2_a"),
    ),
    SegmentDialect(
        "phylowgs",
        ("major_cn", "minor_cn", "cellular_prevalence"),
        _phylowgs,
        ("major_cn", "minor_cn", "cellular_prevalence"),
    ),
    SegmentDialect(
        "phylogicndt", ("a1_cn", "a2_cn"), _alleles("a2_cn", "a1_cn"), ("a1_cn", "a2_cn"), is_fractional=True
    ),
    SegmentDialect(
        "absolute",
        ("modal.a1", "modal.a2"),
        _alleles("modal.a2", "modal.a1"),
        ("modal.a1", "modal.a2"),
        is_fractional=True,
    ),
    SegmentDialect(
        "hatchet",
        ("cn_clone1", "u_clone1"),
        _hatchet,
        tuple(f"u_clone{k}" for k in _HATCHET_CLONES),
        is_zero_based=True,
        is_phased=True,
        is_fractional=True,
        pairs=tuple(f"cn_clone{k}" for k in _HATCHET_CLONES),
    ),
    SegmentDialect(
        "facets",
        ("tcn.em", "lcn.em"),
        _facets,
        ("tcn.em", "lcn.em"),
        measured=_facets_measured,
        measured_columns=("cnlr.median", "mafr"),
    ),
    SegmentDialect(
        "sequenza",
        ("cnt", "a", "b"),
        _alleles("a", "b", "cnt"),
        ("cnt", "a", "b"),
        measured=_sequenza_measured,
        measured_columns=("depth.ratio", "bf"),
    ),
    SegmentDialect(
        "purple",
        ("majorallelecopynumber", "minorallelecopynumber"),
        _alleles("majorallelecopynumber", "minorallelecopynumber", "total_cn"),
        ("majorallelecopynumber", "minorallelecopynumber", "total_cn"),
        is_fractional=True,
    ),
    SegmentDialect(
        "phylometa",
        ("cn_a", "cn_b", "cn_fraction"),
        _two_states("cn_a", "cn_b"),
        ("cn_a", "cn_b", "total_cn", "cn_fraction", "cn_a2", "cn_b2"),
        is_phased=True,
        measured=_of_results,
        measured_columns=MEASURED_COLUMNS,
    ),
    SegmentDialect("medicc2", ("sample", "cn_a", "cn_b"), _alleles("cn_a", "cn_b"), ("cn_a", "cn_b"), is_phased=True),
    SegmentDialect(
        "cnvkit",
        ("log2", "cn"),
        _alleles("cn1", "cn2", "cn"),
        ("cn1", "cn2", "cn"),
        is_zero_based=True,
        measured=_log_ratio("log2", "baf"),
        measured_columns=("log2", "baf"),
    ),
    SegmentDialect(
        "ascat",
        ("nmajor", "nminor"),
        _alleles("major_cn", "minor_cn"),
        ("major_cn", "minor_cn"),
        measured=_raw_copies,
        measured_columns=("naraw", "nbraw"),
    ),
    SegmentDialect(
        "phylometa",
        ("major_cn", "minor_cn", "cn_fraction"),
        _two_states("major_cn", "minor_cn"),
        ("major_cn", "minor_cn", "total_cn", "cn_fraction", "major_cn2", "minor_cn2"),
        measured=_of_results,
        measured_columns=MEASURED_COLUMNS,
    ),
    SegmentDialect(
        "plain",
        ("major_cn", "minor_cn"),
        _alleles("major_cn", "minor_cn", "total_cn"),
        ("major_cn", "minor_cn", "total_cn"),
        measured=_log_ratio("logr", "baf"),
        measured_columns=("logr", "baf"),
    ),
    SegmentDialect("total", ("total_cn",), _alleles("", "", "total_cn"), ("total_cn",)),
)
