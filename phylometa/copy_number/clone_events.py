"""Events on the branches of the clone tree: runs of segments that change alike, with arm, genes and parallel ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.copy_number.arms import arm_spans
from phylometa.model.arrays import IntArray
from phylometa.model.clone_copy_number import CloneCopyEvent, CloneCopyNumber
from phylometa.model.clone_tree import ancestor_matrix

__all__ = ["change_kind", "clone_events"]

# P(change) from which it is listed as an event, and copies of an allele at once that are an amplification.
LISTED, AMPLIFIED = 0.5, 4
# Share of an arm's part with copy number that an event must cover to have its name.
_MIN_SHARE = 0.8


def change_kind(before: tuple[int, int], after: tuple[int, int]) -> str:
    """Name a change of the alleles' copies in a word.

    Examples
    --------
    >>> change_kind((1, 1), (2, 0)), change_kind((2, 2), (2, 1)), change_kind((1, 1), (9, 1))
    ('cn_loh', 'loss', 'amplification')
    """
    if sum(after) == 0:
        return "homozygous_deletion"
    if min(after) == 0 < min(before):
        return "cn_loh" if sum(after) == sum(before) else "loh"
    change = [b - a for a, b in zip(before, after)]
    if max(change) >= AMPLIFIED:
        return "amplification"
    if min(change) < 0:
        return "gain+loss" if max(change) > 0 else "loss"
    return "gain"


def clone_events(found: CloneCopyNumber, best: IntArray) -> tuple[CloneCopyEvent, ...]:
    """List doublings and changes with P of at least 1/2, by branch and place.

    Parameters
    ----------
    found : CloneCopyNumber
    best : int64 array (N, K, 2)
        Copies of every clone in the best plan of every segment.

    Returns
    -------
    tuple of CloneCopyEvent
    """
    events: list[CloneCopyEvent] = []
    length = found.length.astype(np.float64)
    for k, (name, parent) in enumerate(zip(found.clone_names, found.parents.tolist())):
        above = "" if parent < 0 else found.clone_names[parent]
        doubled = found.doubling_probability[k]
        if doubled >= LISTED:
            events.append(CloneCopyEvent(name, above, "doubling", float(doubled)))
        factor = 2 if doubled >= LISTED else 1
        run: list[int] = []
        last: tuple[tuple[int, int], tuple[int, int]] | None = None
        for g in range(len(found.chroms) + 1):
            change = None
            if g < len(found.chroms) and found.change_probability[k, g] >= LISTED:
                pair = (1, 1) if parent < 0 else (int(best[g, parent, 0]), int(best[g, parent, 1]))
                before = (factor * pair[0], factor * pair[1])
                after = (int(best[g, k, 0]), int(best[g, k, 1]))
                change = (before, after) if before != after else None
            joins = run and change == last and found.chroms[g] == found.chroms[run[-1]]
            if run and not joins:
                assert last is not None
                events.append(_event(found, name, above, run, last, length, k))
                run = []
            if change is not None:
                run.append(g)
            last = change
    return _with_parallel(found, events)


def _event(
    found: CloneCopyNumber,
    clone: str,
    parent: str,
    run: list[int],
    change: tuple[tuple[int, int], tuple[int, int]],
    length: np.ndarray,
    k: int,
) -> CloneCopyEvent:
    chrom, start, end = found.chroms[run[0]], int(found.start[run[0]]), int(found.end[run[-1]])
    kind = change_kind(*change)
    probability = float(np.average(found.change_probability[k, run], weights=length[run]))
    genes = _driver_genes(chrom, start, end) if kind in ("amplification", "homozygous_deletion") else ()
    name = _place_name(found, chrom, start, end)
    return CloneCopyEvent(clone, parent, kind, probability, chrom, start, end, name, *change, genes)


def _place_name(found: CloneCopyNumber, chrom: str, start: int, end: int) -> str:
    """The chromosome or arm of which an event covers most that has copy number; empty if it is focal."""
    here = np.array(found.chroms) == chrom
    first, last = int(found.start[here].min()), int(found.end[here].max())
    bare = chrom.removeprefix("chr")
    covered, present = [], 0
    for arm, low, high in arm_spans(chrom):
        low, high = max(low, first), min(high, last)
        if high - low <= 0:
            continue
        present += 1
        if min(end, high) - max(start, low) >= _MIN_SHARE * (high - low):
            covered.append(arm)
    if not covered:
        return ""
    return bare if len(covered) == present else bare + covered[0]


def _driver_genes(chrom: str, start: int, end: int) -> tuple[str, ...]:
    """Well-known driver genes (GRCh38) inside an event."""
    from phylometa.reference.genome import DRIVER_GENES

    bare = chrom.removeprefix("chr")
    return tuple(
        gene
        for gene, (place, first, last) in DRIVER_GENES.items()
        if place.removeprefix("chr") == bare and start < last and end >= first
    )


def _direction(event: CloneCopyEvent) -> tuple[int, int]:
    a, b = (int(np.sign(y - x)) for x, y in zip(event.before, event.after))
    return a, b


def _with_parallel(found: CloneCopyNumber, events: list[CloneCopyEvent]) -> tuple[CloneCopyEvent, ...]:
    """The events, each with the clones of other lineages that have the same kind of change at the same place."""
    below = ancestor_matrix(found.parents)
    number = {name: k for k, name in enumerate(found.clone_names)}
    out = []
    for event in events:
        others, mirrored = [], False
        for other in events:
            u, v = number[event.clone], number[other.clone]
            overlaps = event.chrom == other.chrom and event.start < other.end and other.start < event.end
            if event.kind == "doubling" or not overlaps or below[u, v] or below[v, u]:
                continue
            same = _direction(other) == _direction(event)
            swapped = _direction(other)[::-1] == _direction(event)
            if same or swapped:
                others.append(other.clone)
                mirrored |= found.is_phased and not same
        out.append(replace(event, parallel=tuple(dict.fromkeys(others)), mirrored=mirrored))
    return tuple(out)
