"""Names of copy-number events by chromosome and arm, as they are written in the field: 8q+, 17p-, 5+."""

from __future__ import annotations

from collections import Counter

import numpy as np

from phylometa.model.copy_number import CopyNumberEvent, CopyNumberResult

__all__ = ["arm_name", "arm_spans", "named_events", "recurrent_names"]

# Share of the part of an arm with copy number that an event must cover, and the least length (bp) of such a part.
_MIN_SHARE = 0.8
_MIN_ARM = 5_000_000
_MINUS = "\N{MINUS SIGN}"


def _bare(chrom: str) -> str:
    name = chrom.lower().removeprefix("chromosome").removeprefix("chr").removeprefix("om")
    return {"23": "X", "24": "Y"}.get(name, name.upper())


def arm_spans(chrom: str) -> list[tuple[str, int, int]]:
    """List the arms of a chromosome as (name, start, end); the whole as one ('') if its centromere is not known.

    Examples
    --------
    >>> arm_spans("chr17")
    [('p', 0, 25100000), ('q', 25100000, 83257441)]
    """
    from phylometa.reference.genome import CHROMOSOMES

    for chromosome in CHROMOSOMES:
        if _bare(chromosome.name) == _bare(chrom):
            middle = chromosome.centromere
            return [("p", 0, middle), ("q", middle, chromosome.length)]
    return [("", 0, 2**62)]


def _arms(result: CopyNumberResult) -> dict[str, list[tuple[str, int, int]]]:
    """Chromosome -> its arms (p, q) as far as they have copy number; without a known centromere the whole ('')."""
    from phylometa.reference.genome import CHROMOSOMES

    centromere = {_bare(chromosome.name): chromosome.centromere for chromosome in CHROMOSOMES}
    chroms = np.array(result.chroms)
    found = {}
    for chrom in dict.fromkeys(result.chroms):
        first, last = int(result.start[chroms == chrom].min()), int(result.end[chroms == chrom].max())
        middle = centromere.get(_bare(chrom))
        parts = [("", first, last)]
        if middle is not None:
            parts = [("p", first, min(middle, last)), ("q", max(middle, first), last)]
        found[chrom] = [part for part in parts if part[2] - part[1] >= _MIN_ARM]
    return found


def arm_name(event: CopyNumberEvent, arms: list[tuple[str, int, int]]) -> str:
    """Name an event that covers a chromosome or an arm; empty for shorter ones.

    Parameters
    ----------
    event : CopyNumberEvent
    arms : list of (name, start, end)
        Of its chromosome.

    Examples
    --------
    >>> arm_name(CopyNumberEvent("A", "loss", "chr17", 0, 25_000_000), [("p", 0, 25_100_000), ("q", 25_100_000, 83e6)])
    '17p\N{MINUS SIGN}'
    """
    covered = [
        name for name, start, end in arms if min(event.end, end) - max(event.start, start) >= _MIN_SHARE * (end - start)
    ]
    if event.kind == "doubling" or not covered:
        return ""
    sign = "+" if event.kind == "gain" else _MINUS
    return f"{_bare(event.chrom)}{'' if len(covered) == len(arms) else covered[0]}{sign}"


def named_events(result: CopyNumberResult) -> dict[str, list[tuple[str, int]]]:
    """List events that cover an arm or a chromosome, branch by branch.

    Parameters
    ----------
    result : CopyNumberResult

    Returns
    -------
    dict
        Branch (name of the node below it) -> (name, how often) in karyotype order, whole chromosomes before arms. A
        loss of one allele and a gain of the other on one branch that leave two equal copies are ``4q cnLOH``.
    """
    arms = _arms(result)
    counted: dict[str, Counter[str]] = {}
    alleles: dict[tuple[str, str], list[CopyNumberEvent]] = {}
    for event in result.events:
        name = arm_name(event, arms.get(event.chrom, []))
        if name:
            counted.setdefault(event.branch, Counter())[name] += 1
            alleles.setdefault((event.branch, name), []).append(event)
    for (branch, name), losses in alleles.items():
        part = name.removesuffix(_MINUS)
        gains = alleles.get((branch, part + "+"), [])
        if part != name and _is_neutral(result, branch, losses[0], gains):
            counted[branch] -= Counter({name: 1, part + "+": 1})
            counted[branch][part + " cnLOH"] += 1

    def place(item: tuple[str, int]) -> tuple[int, str]:
        digits = item[0].removesuffix(" cnLOH").rstrip("pq+" + _MINUS)
        return int(digits) if digits.isdigit() else 99, item[0]

    return {branch: sorted(names.items(), key=place) for branch, names in counted.items()}


def _is_neutral(result: CopyNumberResult, branch: str, loss: CopyNumberEvent, gains: list[CopyNumberEvent]) -> bool:
    """Whether a loss left no copy of its allele while the other was gained on the branch: copy-neutral LOH."""
    if len(gains) != 1 or gains[0].allele == loss.allele or "total" in (loss.allele, gains[0].allele):
        return False
    node = result.node_names.index(branch)
    here = (np.array(result.chroms) == loss.chrom) & (result.start < loss.end) & (result.end > loss.start)
    total = result.copies[node].sum(axis=0)[here]
    return bool((result.copies[node].min(axis=0)[here] == 0).all() and (total == 2).mean() > 0.5)


def recurrent_names(result: CopyNumberResult) -> frozenset[str]:
    """List the names of `named_events` that two or more branches have."""
    seen = Counter(name for names in named_events(result).values() for name, _ in names)
    return frozenset(name for name, count in seen.items() if count > 1)
