"""Which fields of a VCF record are read counts: one rule a dialect, tried in a fixed order, cell by cell.

Every rule takes the values of one sample's cell and gives, for each alternate allele, (alternate reads, depth); None
if the fields are missing in the cell. Depth counts the reads of all alleles of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from phylometa.io.files import MAX_COUNT, parse_number

__all__ = ["RULES", "CellError", "CountRule", "Reads", "info_reads", "read_count", "rules_for"]

Reads = list[tuple[int, int]]


class CellError(ValueError):
    """A cell that holds neither a count nor a missing value."""


def read_count(text: str) -> int | None:
    """Read a whole number; None if missing.

    Raises
    ------
    CellError
        Anything else.
    """
    if text.isascii() and text.isdigit() and len(text) <= 10:
        number = int(text)
        if number <= MAX_COUNT:
            return number
    elif text in (".", ""):
        return None
    raise CellError(f"{text!r} is not a read count")


def _first_tier(text: str) -> int | None:
    """Strelka's counts are `tier1,tier2`."""
    return read_count(text.partition(",")[0])


@dataclass(frozen=True)
class CountRule:
    """One way of writing read counts.

    Parameters
    ----------
    name : str
        As recorded in the provenance.
    fields : tuple of str
        FORMAT keys the rule needs.
    read : callable (values by key, ref, alts, number) -> Reads or None
        `number`: the header's Number of AD ('' if the header has none).
    """

    name: str
    fields: tuple[str, ...]
    read: Callable[[dict[str, str], str, Sequence[str], str], Reads | None]


def _strelka_snv(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    if len(ref) != 1 or any(len(alt) != 1 for alt in alts):
        return None
    counts = [_first_tier(values.get(f"{base.upper()}U", ".")) for base in (ref, *alts)]
    return _with_total(counts)


def _strelka_indel(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    if len(alts) != 1:
        return None
    return _with_total([_first_tier(values["TAR"]), _first_tier(values["TIR"])])


def _freebayes(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    alt_counts = [read_count(text) for text in values["AO"].split(",")]
    if len(alt_counts) != len(alts):
        return None
    return _with_total([read_count(values["RO"]), *alt_counts])


def _platypus(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    depths = [read_count(text) for text in values["NR"].split(",")]
    counts = [read_count(text) for text in values["NV"].split(",")]
    if len(depths) != len(alts) or len(counts) != len(alts):
        return None
    reads: Reads = []
    for alt, depth in zip(counts, depths):
        if alt is None or depth is None or alt > depth:
            return None
        reads.append((alt, depth))
    return reads


def _varscan(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    # VarDict's RD holds the two strands of the reference: no count of its own.
    if "," in values["RD"] or "," in values["AD"] or len(alts) != 1:
        return None
    return _with_total([read_count(values["RD"]), read_count(values["AD"])])


def _allele_depths(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    counts = [read_count(text) for text in values["AD"].split(",")]
    n_alleles = len(alts) + 1
    if number == "R" and len(counts) != n_alleles:
        return None
    if len(counts) == n_alleles:
        if counts[0] is not None:
            return _with_total(counts)
        counts = counts[1:]
    elif len(counts) != len(alts):
        return None
    depth = read_count(values.get("DP", "."))
    known = [count for count in counts if count is not None]
    if depth is None or len(known) != len(alts) or sum(known) > depth:
        return None
    return [(count, depth) for count in known]


def _tumour_depths(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    counts = [read_count(text) for text in values["TD"].split(",")]
    return _with_total(counts) if len(counts) == len(alts) + 1 else None


def _strand_depths(values: dict[str, str], ref: str, alts: Sequence[str], number: str) -> Reads | None:
    counts = [read_count(text) for text in values["DP4"].split(",")]
    if len(alts) != 1 or len(counts) != 4 or None in counts:
        return None
    forward, reverse, alt_forward, alt_reverse = (count or 0 for count in counts)
    return _with_total([forward + reverse, alt_forward + alt_reverse])


def _with_total(counts: Sequence[int | None]) -> Reads | None:
    """Counts of (reference, alternate...) to the reads of every alternate allele."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return [(count, total) for count in counts[1:]]  # type: ignore[misc]


RULES: tuple[CountRule, ...] = (
    CountRule("Strelka AU/CU/GU/TU tier 1", ("AU", "CU", "GU", "TU"), _strelka_snv),
    CountRule("Strelka TAR/TIR tier 1", ("TAR", "TIR"), _strelka_indel),
    CountRule("RO/AO", ("RO", "AO"), _freebayes),
    CountRule("NR/NV", ("NR", "NV"), _platypus),
    CountRule("VarScan RD/AD", ("RD", "AD"), _varscan),
    CountRule("AD", ("AD",), _allele_depths),
    CountRule("DP4", ("DP4",), _strand_depths),
    CountRule("TCGA TD", ("TD",), _tumour_depths),
)


def rules_for(keys: Sequence[str]) -> tuple[CountRule, ...]:
    """List the rules whose fields a FORMAT has, in order."""
    present = set(keys)
    return tuple(rule for rule in RULES if present.issuperset(rule.fields))


def info_reads(info: str, alts: Sequence[str]) -> tuple[str, Reads] | None:
    """Find rule and reads of a record with its tumour's counts in INFO: LoFreq, PCAWG, PCGR, VAFator."""
    values = dict(item.partition("=")[::2] for item in info.split(";"))
    for name, keys, read in INFO_RULES:
        if all(key in values for key in keys):
            reads = read([values[key] for key in keys], alts)
            if reads is not None:
                return name, reads
    return None


def _info_strands(values: Sequence[str], alts: Sequence[str]) -> Reads | None:
    return _strand_depths({"DP4": values[0]}, "", alts, "")


def _info_counts(values: Sequence[str], alts: Sequence[str]) -> Reads | None:
    """(alternate reads by allele, reference reads)."""
    counts = [read_count(text) for text in values[0].split(",")]
    return _with_total([read_count(values[1]), *counts]) if len(counts) == len(alts) else None


def _info_depth(values: Sequence[str], alts: Sequence[str]) -> Reads | None:
    """(alternate reads by allele, depth)."""
    counts, depth = [read_count(text) for text in values[0].split(",")], read_count(values[1])
    if depth is None or None in counts or len(counts) != len(alts) or sum(counts) > depth:  # type: ignore[arg-type]
        return None
    return [(count, depth) for count in counts]  # type: ignore[misc]


def _info_fraction(values: Sequence[str], alts: Sequence[str]) -> Reads | None:
    """(alternate fraction, depth): the count is their product."""
    fraction, depth = parse_number(values[0]), read_count(values[1])
    if fraction is None or depth is None or len(alts) != 1 or not 0 <= fraction <= 1:
        return None
    return [(round(fraction * depth), depth)]


# Rule, INFO keys it needs, and how it reads their values.
INFO_RULES: tuple[tuple[str, tuple[str, ...], Callable[[Sequence[str], Sequence[str]], Reads | None]], ...] = (
    ("INFO t_alt_count/t_ref_count", ("t_alt_count", "t_ref_count"), _info_counts),
    ("INFO tumor_ac/tumor_dp", ("tumor_ac", "tumor_dp"), _info_depth),
    ("INFO TVAF x TDP", ("TVAF", "TDP"), _info_fraction),
    ("INFO DP4", ("DP4",), _info_strands),
)
