"""Structural variants of a VCF: one mutation per junction, and the reads that do and do not span it.

Callers count in dialects of their own. Manta: pairs (PR) and split reads (SR), reference and alternate each. DELLY:
pairs (DR, DV) for imprecise junctions, reads across the junction (RR, RV) for precise ones. GRIDSS: fragments that
support the junction (VF), reads (REF) and, for events longer than a fragment, pairs (REFPAIR) that span the reference.
The two breakends of a junction are one mutation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from phylometa.io.count_rules import CellError, read_count
from phylometa.reference.structural import breakend_partner, is_structural

__all__ = ["Junctions", "info_values", "is_read_as_structural", "junction_reads", "structural_allele"]

# Events shorter than this lie within a fragment: pairs that span them support neither allele (GRIDSS).
SHORT_EVENT = 1000

Counts = tuple[int, int]


def _manta(values: Mapping[str, str], info: Mapping[str, str]) -> Counts | None:
    ref = alt = 0
    for key in ("PR", "SR"):
        text = values.get(key, ".")
        if text in (".", ""):
            continue
        parts = [read_count(part) for part in text.split(",")]
        if len(parts) != 2 or None in parts:
            raise CellError(f"{key} is {text!r}, not the counts of two alleles")
        ref, alt = ref + (parts[0] or 0), alt + (parts[1] or 0)
    return (alt, ref + alt) if values.get("PR", ".") not in (".", "") else None


def _delly(values: Mapping[str, str], info: Mapping[str, str]) -> Counts | None:
    keys = ("RR", "RV") if "PRECISE" in info else ("DR", "DV")
    ref, alt = (read_count(values[key]) for key in keys)
    return None if ref is None or alt is None else (alt, ref + alt)


def _gridss(values: Mapping[str, str], info: Mapping[str, str]) -> Counts | None:
    ref, alt, pairs = (read_count(values.get(key, ".")) for key in ("REF", "VF", "REFPAIR"))
    if ref is None or alt is None:
        return None
    if info.get("_LENGTH") and int(info["_LENGTH"]) < SHORT_EVENT:
        pairs = 0
    return alt, alt + ref + (pairs or 0)


# Name, FORMAT keys it needs, how it reads a cell.
_DIALECTS: tuple[tuple[str, frozenset[str], Callable[[Mapping[str, str], Mapping[str, str]], Counts | None]], ...] = (
    ("DELLY DR/DV/RR/RV", frozenset(("DR", "DV", "RR", "RV")), _delly),
    ("GRIDSS VF/REF", frozenset(("VF", "REF")), _gridss),
    ("Manta PR:SR", frozenset(("PR",)), _manta),
)


def _has_counts(keys: list[str]) -> bool:
    """Whether a FORMAT has the counts of one of the dialects."""
    return any(needed <= set(keys) for _, needed, _ in _DIALECTS)


def junction_reads(values: Mapping[str, str], info: Mapping[str, str]) -> tuple[str, Counts] | None:
    """Read one sample's cell: the dialect's name, and (alternate reads, depth); None if the cell has no counts.

    Parameters
    ----------
    values : mapping
        FORMAT key to the text of the cell.
    info : mapping
        INFO key to value ('' for a flag); ``_LENGTH`` the length of the event, if it lies within one contig.

    Raises
    ------
    CellError
        A field holds something else than counts.
    """
    for name, needed, read in _DIALECTS:
        if needed <= set(values):
            found = read(values, info)
            if found is not None:
                return name, found
    return None


def structural_allele(chrom: str, position: int, alt: str, info: dict[str, str]) -> str:
    """Write the allele of a structural variant with its other end, so that two of one start differ; sets ``_LENGTH``.

    ``<DEL>`` that ends at 2000 is ``<DEL:2000>``; a junction given in symbols is ``<BND:chr2:3000>``; breakends stay.
    """
    partner = breakend_partner(alt)
    if partner is not None:
        if partner[0] == chrom:
            info["_LENGTH"] = str(abs(partner[1] - position))
        return alt
    if not alt.startswith("<"):
        return alt
    other, end = info.get("CHR2", chrom), info.get("POS2") or info.get("END", "")
    if not end.isdigit():
        return alt
    if other != chrom:
        return f"<{alt[1:-1]}:{other}:{end}>"
    info["_LENGTH"] = str(abs(int(end) - position))
    return f"<{alt[1:-1]}:{end}>"


@dataclass
class Junctions:
    """Breakends seen so far in one file: by record and by both places, so that a junction is read once."""

    ids: dict[str, str] = field(default_factory=dict)
    ends: dict[tuple[str, int, str, int], str] = field(default_factory=dict)

    def mate_of(self, record: str, chrom: str, position: int, alt: str, info: Mapping[str, str]) -> str:
        """Find the breakend that was read for the same junction; '' if this is the first, which is then remembered."""
        partner = breakend_partner(alt)
        mates = (info.get("MATEID", ""), info.get("PARID", ""))
        for mate in (one for text in mates for one in text.split(",") if one):
            if mate in self.ids:
                return self.ids[mate]
        if partner is not None and (partner[0], partner[1], chrom, position) in self.ends:
            return self.ends[(partner[0], partner[1], chrom, position)]
        name = f"{chrom}:{position}"
        if record not in (".", "") and (partner is not None or any(mates)):
            self.ids[record] = name
        if partner is not None:
            self.ends[(chrom, position, partner[0], partner[1])] = name
        return ""


def info_values(text: str) -> dict[str, str]:
    """Split an INFO field; flags have the value ''."""
    return dict(item.partition("=")[::2] for item in text.split(";") if item)


def is_read_as_structural(alt: str, keys: list[str], has_rules: bool) -> bool:
    """Whether a record is read by these dialects: symbols and breakends, and alleles in bases without other counts."""
    return is_structural(alt) or (not has_rules and _has_counts(keys))
