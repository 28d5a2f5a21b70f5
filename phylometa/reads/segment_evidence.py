"""What a segment's copy number says of the share of tumour cells that carry an event.

A caller that tells subclonal states apart gives a share f of the cells with an error sigma; below its limit of
detection (and above one minus it) it calls the segment clonal. A caller that rounds says whether more than half of the
cells carry the event. Any of them may be wrong in a sample, with a probability that does not depend on the cells:

    P(f | F) = (1 - e) g(f | F) + e h(f)

with g a mixture of two normal densities around F (the second three times as wide: purity, ploidy and other states of
the segment move a share by more than its own error), or, of a clonal call, the probability that F lies on its side of
the limit.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from phylometa.config import ObservationSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray

__all__ = ["no_branch_log_likelihood", "nominal_reads", "segment_log_likelihood", "whole_reads"]

# Share of cells below which a caller of subclonal states calls a segment clonal, and the width of that limit.
DETECTION, DETECTION_SD = 0.12, 0.06
# Width of the limit of a caller that rounds.
ROUNDING_SD = 0.15
# Weight and relative width of the wide part of the error of a share.
WIDE, TIMES = 0.3, 3.0
# A wrong call is clonal (absent, present) with this probability each, else at any share.
WRONG_CLONAL = 0.25
# Share of the samples that have an event which arises often.
_OFTEN = 0.5
_LEAST_READS, _MOST_READS = 3.0, 100.0


def segment_log_likelihood(
    fraction: FloatArray, sd: FloatArray, is_rounded: BoolArray, prevalence: FloatArray, wrong_state: FloatArray
) -> FloatArray:
    """Compute the log-likelihood (E, S, G) of measured shares under every prevalence.

    Parameters
    ----------
    fraction : float64 array (E, S)
        Share of tumour cells with the event; NaN if the sample has no copy number there.
    sd : float64 array (E, S)
        Standard error of a share.
    is_rounded : bool array (S,)
        The caller of the sample gives whole copies only.
    prevalence : float64 array (G,)
    wrong_state : float64 array (S,)
        Probability that a sample's state is wrong.

    Returns
    -------
    float64 array (E, S, G)
        0 where nothing is known.
    """
    known = np.isfinite(fraction)
    share = np.clip(np.where(known, fraction, 0.0), 0.0, 1.0)[:, :, None]
    width = np.where(known, sd, 1.0)[:, :, None]
    cells = np.clip(prevalence, 0.0, 1.0)[None, None, :]
    limit = np.where(is_rounded, 0.5, DETECTION)[None, :, None]
    limit_sd = np.where(is_rounded, ROUNDING_SD, DETECTION_SD)[None, :, None]
    absent = ndtr((limit - cells) / limit_sd)
    whole = ndtr((cells - 1.0 + limit) / limit_sd)
    between = np.maximum(1.0 - absent - whole, 1e-6)
    z = (share - cells) / width
    density = (1.0 - WIDE) * np.exp(-0.5 * z**2) + WIDE / TIMES * np.exp(-0.5 * (z / TIMES) ** 2)
    density *= between / (width * np.sqrt(2.0 * np.pi))
    right = np.where(share <= 0.0, absent, np.where(share >= 1.0, whole, density))
    wrong = np.where((share <= 0.0) | (share >= 1.0), WRONG_CLONAL, 1.0 - 2.0 * WRONG_CLONAL)
    error = np.asarray(wrong_state)[None, :, None]
    found = np.log((1.0 - error) * right + error * wrong)
    return np.where(known[:, :, None], found, 0.0)


def no_branch_log_likelihood(
    curves: FloatArray, prevalence: FloatArray, wrong_state: FloatArray, settings: ObservationSettings
) -> tuple[float, FloatArray]:
    """Compute the log-likelihood (E,) of events that every sample has, or lacks, by itself: no branch explains them.

    Either an event that arose several times, or was undone (half of the samples have it), or wrong states (of
    `wrong_state` of the samples).

    Parameters
    ----------
    curves : float64 array (E, S, G)
        From `segment_log_likelihood`.
    prevalence : float64 array (G,)
        Begins with 0.
    wrong_state : float64 array (S,)
        As in `segment_log_likelihood`.
    settings : ObservationSettings

    Returns
    -------
    share : float
        Prior probability of such an event.
    log_likelihood : float64 array (E,)
    """
    in_range = (prevalence > 0.0) & (prevalence <= 1.0 + 1e-9)
    values = np.exp(curves)
    at_one = int(np.flatnonzero(in_range)[-1])
    present = 0.5 * values[:, :, at_one] + 0.5 * values[:, :, in_range].mean(axis=2)
    often, wrong = (
        np.log((1.0 - share) * values[:, :, 0] + share * present).sum(axis=1)
        for share in (np.full(values.shape[1], _OFTEN), np.asarray(wrong_state))
    )
    share = settings.recurrent_event + settings.spurious_event * (1.0 - settings.recurrent_event)
    of_often = settings.recurrent_event / share
    return share, np.asarray(np.logaddexp(often + np.log(of_often), wrong + np.log1p(-of_often)))


def nominal_reads(fraction: FloatArray, sd: FloatArray, is_rounded: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Find reads at VAF F / 2 that say about as much of a prevalence F as a measured share does.

    Parameters
    ----------
    fraction, sd, is_rounded
        As in `segment_log_likelihood`.

    Returns
    -------
    alt, total : float64 arrays (E, S)
        total = f (2 - f) / sd^2, the variance of a share being F (2 - F) / n; of an absent event as many reads as miss
        it half of the time at the limit of detection. 0 where nothing is known.
    """
    known = np.isfinite(fraction)
    share = np.clip(np.where(known, fraction, 0.0), 0.0, 1.0)
    limit = np.where(is_rounded, 0.5, DETECTION)[None, :]
    spread = np.where((share <= 0.0) | (share >= 1.0), limit / np.sqrt(3.0), np.where(known, sd, 1.0) * 1.5)
    total = np.where(share > 0.0, share * (2.0 - share) / spread**2, np.log(0.5) / np.log1p(-limit / 2.0))
    total = np.where(known, np.clip(total, _LEAST_READS, _MOST_READS), 0.0)
    return share * total / 2.0, total


def whole_reads(alt: FloatArray, total: FloatArray) -> tuple[IntArray, IntArray]:
    """Round reads to whole ones, at least one alternate read of an event that is there."""
    depth = np.ceil(total).astype(np.int64)
    return np.minimum(np.where(alt > 0, np.maximum(np.rint(alt), 1), 0).astype(np.int64), depth), depth
