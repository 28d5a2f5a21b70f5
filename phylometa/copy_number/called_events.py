"""Copy-number events of a patient as characters: which share of each sample's tumour cells has which change.

Every common segment and allele gives characters "at least so many copies more (or fewer) than the tumour's usual one":
one copy per allele, or two in a sample whose genome was doubled. The share of cells that has a change follows from
the segment's states. Changes on one chromosome, in one direction and with one pattern over the samples are one event,
however many segments they are cut into; so are a loss and a gain of one place and pattern. A doubling is one event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from phylometa.copy_number.arms import arm_spans
from phylometa.copy_number.doubling import doubling_probabilities
from phylometa.copy_number.inference import tumour_profile
from phylometa.copy_number.segmentation import CopyNumberMatrix, consistent_segmentation
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.patient import CopyNumberProfile

__all__ = ["CalledEvents", "call_events"]

# Changes in units of the usual copies of an allele that are told apart: of a doubled genome also half of them. Of
# totals alone two copies can be lost.
_GAINS, _LOSSES = (0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0)
# Probability from which a genome counts as doubled: few arms leave it at its prior.
_DOUBLED = 0.9
# Patterns over samples are one if no share differs by more.
_SAME = 0.25
# Standard error of a share: of long segments, and what a segment of one megabase adds.
_SHARE_SD, _SHORT_SD = 0.08, 0.2
# Neighbouring pieces, and a loss and a gain of one place, are one event also if a single one of so many samples
# differs: a caller is wrong more often than two events share all other samples.
_SAMPLES_OF_ONE_ERROR = 4
# Parts of arms covered from which an event has the arm's name.
_MOST_OF_ARM = 0.8


@dataclass(frozen=True, eq=False)
class CalledEvents:
    """Events of a patient and what was measured of them.

    Parameters
    ----------
    names : tuple of str, length E
        Unique: ``8q_gain``, ``17:1-8Mb_loss``, ``4q_cnloh``, ``genome_doubling``.
    kinds : tuple of str
        ``gain``, ``loss``, ``cnloh``, ``doubling``.
    chroms : tuple of str
        '' for a doubling.
    start : int64 array (E,)
        0-based; -1 for a doubling.
    length : int64 array (E,)
        bp.
    sample_names : tuple of str, length S
    fraction : float64 array (E, S)
        Share of tumour cells with the event; NaN if the sample has no copy number.
    sd : float64 array (E, S)
        Its standard error.
    is_rounded : bool array (S,)
        Whether a sample's caller gives whole copies only, of cells that may differ.
    is_one_clone : bool array (S,)
        Whether a sample holds cells of one clone, each of which was called.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    chroms: tuple[str, ...]
    start: IntArray
    length: IntArray
    sample_names: tuple[str, ...]
    fraction: FloatArray
    sd: FloatArray
    is_rounded: BoolArray
    is_one_clone: BoolArray


@dataclass(slots=True, eq=False)
class _Change:
    """A change on one common segment: segment index, direction (1 gain, -1 loss), share of cells (S,)."""

    segment: int
    direction: int
    share: FloatArray


def call_events(
    profile: CopyNumberProfile, *, sex: str | None = None, min_length: int = 0, of_one_clone: Collection[str] = ()
) -> CalledEvents:
    """Find the events that distinguish the samples' genomes from the normal one.

    Parameters
    ----------
    profile : CopyNumberProfile
        Samples without segments are left unknown.
    sex : {"female", "male"}, optional
        A male's X and Y are left out.
    min_length : int
        Events shorter than this (bp) are left out: breakpoints of one event differ between samples.
    of_one_clone : collection of str
        Samples that are single cells of one clone: whole copies are those of every cell, and no single wrong state
        joins pieces.

    Returns
    -------
    CalledEvents
        Without events if no sample has copy number.
    """
    names = profile.sample_names
    is_one_clone = np.array([name in of_one_clone for name in names], dtype=bool)
    is_rounded = ~is_one_clone & _rounds(profile)
    nothing, none = np.zeros((0, len(names))), np.zeros(0, np.int64)
    empty = CalledEvents((), (), (), none, none, names, nothing, nothing, is_rounded, is_one_clone)
    try:
        kept, _ = tumour_profile(profile, sex)
        matrix = consistent_segmentation(kept)
    except InfeasibleError:
        return empty
    column = np.array([names.index(name) for name in matrix.sample_names])
    is_doubled = _doubled(kept, matrix) > _DOUBLED
    changes = _changes(kept, matrix, np.where(is_doubled, 2, 1))
    events = _joined(changes, matrix, min_length, ~is_one_clone[column])
    events = [event for event in events if matrix.length[_segments(event)].max() >= min_length]
    length = np.array([int(matrix.length[_segments(event)].sum()) for event in events], dtype=np.int64)
    share = np.array([_share(event, matrix) for event in events]).reshape(len(events), len(column))
    kinds = [_kind(event) for event in events]
    chroms = [matrix.chroms[event[0].segment] for event in events]
    start = [int(matrix.start[_segments(event).min()]) for event in events]
    labels = [_name(event, kind, matrix) for event, kind in zip(events, kinds)]
    if is_doubled.any():
        kinds, chroms, start, labels = [*kinds, "doubling"], [*chroms, ""], [*start, -1], [*labels, "genome_doubling"]
        length = np.append(length, int(matrix.length.sum()))
        share = np.concatenate((share, is_doubled.astype(np.float64)[None]))
    fraction = np.full((len(labels), len(names)), np.nan)
    fraction[:, column] = share
    sd = np.hypot(_SHARE_SD, _SHORT_SD / np.sqrt(np.maximum(length / 1e6, 1.0)))[:, None]
    return CalledEvents(
        names=tuple(_unique(labels)),
        kinds=tuple(kinds),
        chroms=tuple(chroms),
        start=np.array(start, dtype=np.int64),
        length=length,
        sample_names=names,
        fraction=np.where((fraction > 0.0) & (fraction < 1.0), np.clip(fraction, 0.001, 0.999), fraction),
        sd=np.broadcast_to(sd, fraction.shape).copy(),
        is_rounded=is_rounded,
        is_one_clone=is_one_clone,
    )


def _rounds(profile: CopyNumberProfile) -> bool:
    """Whether all copies are whole numbers without a second state: the caller tells no subclonal states."""
    total = profile.total[np.isfinite(profile.total)]
    return not np.isfinite(profile.major2).any() and bool(np.allclose(total, np.rint(total)))


def _doubled(profile: CopyNumberProfile, matrix: CopyNumberMatrix) -> FloatArray:
    """P(doubled) of the samples of the matrix; 0 without alleles."""
    found = np.nan_to_num(doubling_probabilities(profile))
    return np.array([found[profile.sample_names.index(name)] for name in matrix.sample_names])


def _states(profile: CopyNumberProfile, matrix: CopyNumberMatrix) -> tuple[FloatArray, FloatArray]:
    """Copies (N, S, 2, A) of the first and second state on common segments, and the share (N, S) of the first."""
    has_alleles = matrix.copies.shape[1] == 2
    first = np.stack([profile.major, profile.minor], axis=1) if has_alleles else profile.total[:, None]
    second = np.stack([profile.major2, profile.minor2], axis=1) if has_alleles else first
    is_two = np.isfinite(second).all(axis=1) & has_alleles
    second = np.where(is_two[:, None], second, first)
    states = np.stack([first, second], axis=1)
    fraction = np.where(is_two, profile.fraction, 1.0)
    found = np.full((len(matrix.chroms), len(matrix.sample_names), *states.shape[1:]), np.nan)
    share = np.ones(found.shape[:2])
    middle = (np.asarray(matrix.start) + np.asarray(matrix.end)) // 2
    place, chroms = np.array(matrix.chroms), np.array(profile.chroms)
    for s, name in enumerate(matrix.sample_names):
        own = profile.sample == profile.sample_names.index(name)
        for chrom in dict.fromkeys(matrix.chroms):
            rows, here = np.flatnonzero(own & (chroms == chrom)), np.flatnonzero(place == chrom)
            if len(rows):
                rows = rows[np.argsort(profile.start[rows], kind="stable")]
                at = rows[np.searchsorted(profile.start[rows], middle[here], side="right") - 1]
                found[here, s], share[here, s] = states[at], fraction[at]
    return found, share


def _changes(profile: CopyNumberProfile, matrix: CopyNumberMatrix, usual: IntArray) -> list[_Change]:
    """Every change of every segment that some sample has; fractional copies are a mixture of the two nearest."""
    states, share = _states(profile, matrix)
    n_alleles = states.shape[3]
    usual_copies = usual if n_alleles == 2 else np.full(len(usual), 2)
    unit = usual if n_alleles == 2 else np.ones(len(usual), dtype=np.int64)
    found = []
    for g in range(len(matrix.chroms)):
        for allele in range(n_alleles):
            copies = states[g, :, :, allele]  # (S, 2)
            for direction, levels in ((1, _GAINS), (-1, _LOSSES[: 4 - n_alleles])):
                seen: list[FloatArray] = []
                for level in levels:
                    needed = usual_copies + direction * np.ceil(level * unit)
                    has = np.clip(direction * (copies - needed[:, None]) + 1.0, 0.0, 1.0)
                    cells = share[g] * has[:, 0] + (1.0 - share[g]) * has[:, 1]
                    if (cells > 0.0).any() and not any(np.abs(cells - other).max() <= _SAME for other in seen):
                        seen.append(cells)
                        found.append(_Change(g, direction, cells))
    return found


def _joined(
    changes: list[_Change], matrix: CopyNumberMatrix, min_length: int, may_err: BoolArray
) -> list[list[_Change]]:
    """Changes that are one event, see the head of this module; no errors are seen in pieces between breakpoints.

    `may_err` (S,): samples whose state of a piece may be wrong.
    """
    by_chrom: dict[str, list[_Change]] = {}
    for change in changes:
        by_chrom.setdefault(matrix.chroms[change.segment], []).append(change)
    events = []
    for own in by_chrom.values():
        n, label = connected_components(_are_one(own, matrix, min_length, may_err), directed=False)
        events += [[change for change, k in zip(own, label) if k == event] for event in range(n)]
    return events


def _are_one(changes: list[_Change], matrix: CopyNumberMatrix, min_length: int, may_err: BoolArray) -> BoolArray:
    """Pairs (C, C) of changes of a chromosome with one pattern over the samples, perhaps a single wrong state apart."""
    segment = np.array([change.segment for change in changes])
    direction = np.array([change.direction for change in changes])
    share = np.array([change.share for change in changes])
    differs = np.abs(share[:, None] - share[None]) > _SAME
    one_place, one_direction = segment[:, None] == segment[None], direction[:, None] == direction[None]
    is_long = np.asarray(matrix.length)[segment] >= max(min_length, 1)
    errs = (differs.sum(axis=2) == 1) & (differs & may_err).any(axis=2)
    errs &= is_long[:, None] & is_long[None] & ~(one_place & one_direction)
    errs &= np.abs(segment[:, None] - segment[None]) <= 1
    errs &= (~differs & (np.minimum(share[:, None], share[None]) > _SAME)).any(axis=2)
    errs &= share.shape[1] >= _SAMPLES_OF_ONE_ERROR
    return np.asarray((one_place | one_direction) & (~differs.any(axis=2) | errs))


def _segments(event: list[_Change]) -> IntArray:
    return np.unique([change.segment for change in event])


def _share(event: list[_Change], matrix: CopyNumberMatrix) -> FloatArray:
    """Share of cells (S,) in most of an event's length: the weighted median, which a wrong piece does not move."""
    weight = np.array([float(matrix.length[change.segment]) for change in event])
    shares = np.array([change.share for change in event])
    order = np.argsort(shares, axis=0, kind="stable")
    below = np.cumsum(weight[order], axis=0) >= 0.5 * weight.sum()
    return np.take_along_axis(shares, np.take_along_axis(order, below.argmax(axis=0)[None], axis=0), axis=0)[0]


def _kind(event: list[_Change]) -> str:
    directions = {change.direction for change in event}
    return "cnloh" if len(directions) == 2 else "gain" if 1 in directions else "loss"


def _name(event: list[_Change], kind: str, matrix: CopyNumberMatrix) -> str:
    """Arm or chromosome that an event covers, else its place in megabases; and its kind."""
    segments = _segments(event)
    chrom = matrix.chroms[segments[0]]
    bare = chrom.removeprefix("chr")
    covered = []
    spans = arm_spans(chrom)
    for arm, start, end in spans:
        inside = np.minimum(matrix.end[segments], end) - np.maximum(matrix.start[segments], start)
        if arm and np.maximum(inside, 0).sum() >= _MOST_OF_ARM * (end - start):
            covered.append(arm)
    if covered:
        return f"{bare}{covered[0] if len(covered) < len(spans) else ''}_{kind}"
    start, end = matrix.start[segments].min() / 1e6, matrix.end[segments].max() / 1e6
    return f"{bare}:{start:.1f}-{end:.1f}Mb_{kind}"


def _unique(labels: list[str]) -> list[str]:
    """Events of one name are numbered from the second on."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label}_{seen[label]}")
    return found
