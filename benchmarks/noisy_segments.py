"""Segments as a caller would give them: the simulator's, with the errors that callers make.

Every sample has its own error of purity and ploidy, which moves all shares of cells in it alike; every segment an error
of its own, larger for short ones; breakpoints differ between samples; short segments are missed; a state is wrong; a
clonal segment is called subclonal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from phylometa.model.patient import CopyNumberProfile

__all__ = ["CALLERS", "Caller", "noisy_profile"]


class Caller(NamedTuple):
    """Errors of a caller: of a share of cells, in a sample and in a segment of one megabase (falling with the root of
    its length) beside a floor; probabilities of a wrong state, a spurious second state and a missed short segment;
    breakpoints (bp); share of cells below which a second state is not told.
    """

    sample_sd: float
    floor_sd: float
    short_sd: float
    wrong: float
    spurious: float
    missed: float
    breakpoint_sd: float
    limit: float


CALLERS = {
    "two_states": Caller(0.04, 0.04, 0.15, 0.01, 0.015, 0.3, 1e5, 0.1),
    "two_states_low_pass": Caller(0.08, 0.07, 0.3, 0.02, 0.03, 0.5, 4e5, 0.15),
    "rounded": Caller(0.06, 0.06, 0.2, 0.02, 0.0, 0.5, 3e5, 0.5),
}
SHORT = 4e6


def noisy_profile(exact: CopyNumberProfile, caller: Caller, rng: np.random.Generator) -> CopyNumberProfile:
    """The segments of `exact` (two states each, from the simulator) with the errors of a caller."""
    n = exact.n_segments
    length = (exact.end - exact.start) / 1e6
    first = np.column_stack([exact.major, exact.minor])
    second = np.column_stack([exact.major2, exact.minor2])
    is_two = np.isfinite(second).all(axis=1)
    fraction = np.array(exact.fraction)
    shift = rng.normal(0, caller.sample_sd, len(exact.sample_names))[exact.sample]
    # what is left of normal genome moves with the purity: the state farther from 1 + 1 is over- or underestimated
    sign = np.where(np.abs(first - 1).sum(axis=1) >= np.abs(np.nan_to_num(second, nan=1) - 1).sum(axis=1), 1, -1)
    own = rng.normal(0, 1, n) * np.hypot(caller.floor_sd, caller.short_sd / np.sqrt(np.maximum(length, 0.5)))
    found = np.where(is_two, fraction + sign * fraction * shift + own, 1.0)
    first, second, found = _limited(first, second, found, is_two, caller.limit)
    first, second, found = _with_spurious(first, second, found, caller, rng)
    wrong = rng.random(n) < caller.wrong
    first[wrong] = _next_state(first[wrong], rng)
    second[wrong], found[wrong] = np.nan, 1.0
    profile = replace(
        exact,
        major=first[:, 0],
        minor=first[:, 1],
        fraction=found,
        major2=second[:, 0],
        minor2=second[:, 1],
        total=None,
    )
    return _moved(profile, caller, rng)


def _limited(first, second, found, is_two, limit):
    """Shares too near to 0 or 1 are called clonal."""
    first, second = first.copy(), second.copy()
    other = is_two & (found < limit)
    first[other] = second[other]
    clonal = is_two & ((found < limit) | (found > 1 - limit))
    second[clonal] = np.nan
    found = np.where(clonal | ~is_two, 1.0, np.clip(found, 0.01, 0.99))
    return first, second, found


def _with_spurious(first, second, found, caller, rng):
    chosen = ~np.isfinite(second).any(axis=1) & (rng.random(len(first)) < caller.spurious)
    second[chosen] = _next_state(first[chosen], rng)
    found[chosen] = rng.uniform(0.6, 1 - min(caller.limit, 0.35), chosen.sum())
    return first, second, found


def _next_state(states, rng):
    """One copy of one allele more or less."""
    moved = states.copy()
    allele = rng.integers(2, size=len(states))
    step = rng.choice([-1, 1], size=len(states))
    rows = np.arange(len(states))
    step = np.where(moved[rows, allele] == 0, 1, step)
    moved[rows, allele] += step
    return np.sort(moved, axis=1)[:, ::-1]


def _moved(profile, caller, rng):
    """Short segments joined with a neighbour where they are missed, and breakpoints moved, sample by sample."""
    rows, start, end = [], [], []
    chroms = np.array(profile.chroms)
    for sample in range(len(profile.sample_names)):
        for chrom in dict.fromkeys(profile.chroms):
            own = np.flatnonzero((profile.sample == sample) & (chroms == chrom))
            own = own[np.argsort(profile.start[own])]
            low, high = int(profile.start[own[0]]), int(profile.end[own[-1]])
            size = (profile.end - profile.start)[own]
            kept = own[(size >= SHORT) | (rng.random(len(own)) >= caller.missed)]
            kept = kept if len(kept) else own[np.argmax(size)][None]
            cuts = (profile.end[kept[:-1]] + profile.start[kept[1:]]) / 2
            room = 0.4 * np.minimum(*((profile.end - profile.start)[part] for part in (kept[:-1], kept[1:])))
            cuts = cuts + np.clip(rng.normal(0, caller.breakpoint_sd, len(cuts)), -room, room)
            rows += kept.tolist()
            start += [low, *cuts.astype(int).tolist()]
            end += [*cuts.astype(int).tolist(), high]
    kept = profile.take(np.array(rows))
    second = np.where(np.isfinite(kept.major2), kept.major2 + kept.minor2, 0.0)
    total = kept.fraction * (kept.major + kept.minor) + (1 - kept.fraction) * second
    return replace(kept, start=np.array(start), end=np.array(end), total=total)
