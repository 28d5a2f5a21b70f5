"""Mean copies of both alleles in every segment of a sample: as measured where a caller says so, else as called.

A log2 ratio of depths r and a BAF b are put on the scale of the copies that were called from them. With the totals t
that the caller called, 2^r = a + s t over a sample's segments (least squares by length, segments left out that lie more
than `_OFF` copies from the line); a / s = 2 (1 - rho) / rho gives the purity rho of that scale, and a segment has

    total = (2^r - a) / s,    major = (b (rho total + 2 (1 - rho)) - (1 - rho)) / rho    (b of the larger share)

copies in the mean of the tumour cells. No scale of a caller's (the ploidy, an array's compression) has to be known.
"""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import CopyNumberProfile

__all__ = ["mean_copies"]

# Copies from the line beyond which a segment is left out of the second fit; rounds; share of a sample's length that
# each of two totals must cover, so that there is a line.
_OFF, _ROUNDS, _LEAST_SHARE = 0.6, 3, 0.02
# Share of every sample's length that must be measured.
_MEASURED_SHARE = 0.8
# Ratios on a flat line, or of more copies than this, say little of the scale.
_MOST_COPIES, _LEAST_PURITY = 6, 0.05


def mean_copies(profile: CopyNumberProfile) -> tuple[FloatArray, bool]:
    """Compute the mean copies of both alleles over a sample's tumour cells, of every segment.

    Parameters
    ----------
    profile : CopyNumberProfile
        n segments. A sample's ratio and BAF have a scale if its segments have two totals at least. What was measured
        counts if most of every sample has it: whole copies beside measured ones would pass for measured.

    Returns
    -------
    float64 array (n, 2)
        Major and minor, or both alleles if phased; NaN if unknown.
    bool
        True if a caller rounded them: whole copies everywhere, and nothing measured.
    """
    is_two = np.isfinite(profile.major2) & np.isfinite(profile.minor2)
    share = np.where(is_two, profile.fraction, 1.0)
    called = np.stack(
        [
            share * first + (1.0 - share) * np.where(is_two, second, 0.0)
            for first, second in ((profile.major, profile.major2), (profile.minor, profile.minor2))
        ],
        axis=1,
    )
    known = called[np.isfinite(called)]
    stated = np.stack([profile.mean_major, profile.mean_minor], axis=1)
    measured = np.where(np.isfinite(stated), stated, _on_the_scale_of_copies(profile, called))
    is_measured: BoolArray = np.asarray(np.isfinite(measured + called).all(axis=1))
    length = (profile.end - profile.start).astype(np.float64)
    covered, whole = (np.bincount(profile.sample, weights) for weights in (length * is_measured, length))
    if bool((covered >= _MEASURED_SHARE * whole).all()) and is_measured.any():
        return np.where(is_measured[:, None], measured, called), False
    return called, bool(not is_two.any() and np.allclose(known, np.rint(known)))


def _on_the_scale_of_copies(profile: CopyNumberProfile, called: FloatArray) -> FloatArray:
    """Mean copies (n, 2) that log ratio and BAF tell; NaN where they are not stated, or have no scale."""
    found = np.full(called.shape, np.nan)
    total, length = called.sum(axis=1), (profile.end - profile.start).astype(np.float64)
    with np.errstate(over="ignore"):
        ratio = np.exp2(profile.log_ratio)
    is_usable = np.isfinite(ratio) & np.isfinite(total)
    for sample in range(len(profile.sample_names)):
        own = is_usable & (profile.sample == sample)
        line = _line(ratio[own], total[own], length[own])
        if line is None:
            continue
        at_zero, slope = line
        rho = 2.0 / (2.0 + max(at_zero, 0.0) / slope)
        whole = np.maximum((ratio[own] - at_zero) / slope, 0.0)
        normal = 1.0 - rho
        larger = np.maximum(profile.baf[own], 1.0 - profile.baf[own])
        major = np.clip((larger * (rho * whole + 2.0 * normal) - normal) / rho, 0.0, whole)
        # without heterozygous positions the minor allele keeps the copies that were called
        minor = np.where(np.isfinite(larger), whole - major, np.minimum(called[own].min(axis=1), whole))
        pair = np.stack([whole - minor, minor], axis=1)
        is_swapped = called[own, 0] < called[own, 1]  # phased alleles
        found[own] = np.where(is_swapped[:, None], pair[:, ::-1], pair)
    return found


def _line(ratio: FloatArray, total: FloatArray, length: FloatArray) -> tuple[float, float] | None:
    """Ratio at no copies, and per copy; None if the totals tell no line."""
    kept: BoolArray = total <= _MOST_COPIES
    line = None
    for _ in range(_ROUNDS):
        shares = np.bincount(np.rint(total[kept]).astype(np.int64), length[kept]) / max(length[kept].sum(), 1.0)
        if (shares >= _LEAST_SHARE).sum() < 2:
            return None
        weight = length[kept] / length[kept].sum()
        x, y = total[kept] - weight @ total[kept], ratio[kept] - weight @ ratio[kept]
        slope = float((weight * x) @ y / ((weight * x) @ x))
        at_zero = float(weight @ ratio[kept] - slope * (weight @ total[kept]))
        if slope <= 0 or 2.0 / (2.0 + max(at_zero, 0.0) / slope) < _LEAST_PURITY:
            return None
        line = at_zero, slope
        kept = (total <= _MOST_COPIES) & (np.abs(ratio - at_zero - slope * total) <= _OFF * slope)
    return line
