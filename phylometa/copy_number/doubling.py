"""Genome doubling by model comparison: P(doubled | the states of the chromosome arms of a patient's samples).

Two histories of the copies of one allele of an arm are compared, with and without a doubling. One phase of single
events takes an allele from c copies to c - 1 with probability l, to c + k (k = 1, 2, ...) with g (1 - r) r^(k - 1),
and leaves it else; 0 is absorbing. Without doubling there is one phase from 1 copy; with it a phase from 1, then all
copies are doubled, then another phase with rates of its own. An unphased pair (M, m) has the sum of both orders. Rates
are integrated over a grid with equal weights, so that the second phase pays for its freedom; arms are independent. The
arms' states, not the segments, are the data: segments of an arm mostly share their events.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from phylometa.copy_number.arms import arm_spans
from phylometa.copy_number.segmentation import is_autosome
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import CopyNumberProfile

__all__ = ["arm_states", "doubling_probabilities", "log_doubling_odds"]

# Share of advanced tumours with a doubled genome (Bielski et al. 2018, doi:10.1038/s41588-018-0165-1: 28 %; Priestley
# et al. 2019, doi:10.1038/s41586-019-1689-y, metastases: 56 %): between the two.
PRIOR = 0.4
# P(a sample's own lineage was doubled | the common ancestor was not).
LATER = 0.1
# Rates of gains and of losses of an allele of an arm in a phase, integrated over.
_RATES = (0.01, 0.03, 0.08, 0.15, 0.25, 0.4)
# P(one more copy | a gain), and the highest number of copies that is told from more.
_REPEAT = 0.35
_TOP = 12


def _phase(gain: float, loss: float) -> FloatArray:
    """Transition matrix (copies before, copies after) of one phase; what exceeds the highest number stays there."""
    step = np.zeros((_TOP + 1, _TOP + 1))
    step[0, 0] = 1.0
    for c in range(1, _TOP + 1):
        step[c, c] += 1.0 - gain - loss
        step[c, c - 1] += loss
        for k in range(1, _TOP + 1 - c):
            step[c, c + k] += gain * (1.0 - _REPEAT) * _REPEAT ** (k - 1)
        step[c, _TOP] += 1.0 - step[c].sum()
    return step


@cache
def _allele_distributions() -> tuple[FloatArray, FloatArray]:
    """Distribution of an allele's copies under every choice of rates: (R, copies) undoubled, (R^2, copies) doubled."""
    phases = np.array([_phase(gain, loss) for gain in _RATES for loss in _RATES])
    first = phases[:, 1]
    doubled = np.zeros_like(first)
    for c in range(_TOP + 1):
        doubled[:, min(2 * c, _TOP)] += first[:, c]
    with_doubling = np.einsum("ac,bcd->abd", doubled, phases).reshape(-1, _TOP + 1)
    return first, with_doubling


def log_doubling_odds(first: IntArray, second: IntArray) -> float:
    """Compute the log Bayes factor of a doubled genome against none, from the alleles' copies of independent arms.

    Parameters
    ----------
    first, second : int64 arrays (n,)
        Copies of the two alleles; their order means nothing.

    Returns
    -------
    float
        0 for no arms.

    Examples
    --------
    >>> two, one = np.full(20, 2), np.full(20, 1)
    >>> log_doubling_odds(two, two) > 10, log_doubling_odds(one, one) < -3
    (True, True)
    """
    a, b = np.minimum(first, _TOP), np.minimum(second, _TOP)
    evidence = []
    for table in _allele_distributions():
        orders = np.where(a == b, 1.0, 2.0)
        log_likelihood = np.log(orders * table[:, a] * table[:, b] + 1e-12).sum(axis=1)
        peak = log_likelihood.max()
        evidence.append(peak + np.log(np.exp(log_likelihood - peak).mean()))
    return float(evidence[1] - evidence[0])


def arm_states(profile: CopyNumberProfile, sample: int) -> tuple[IntArray, IntArray]:
    """Find both alleles' copies in most of every autosomal arm of a sample, rounded; two int64 arrays (arms,)."""
    rows = np.flatnonzero((profile.sample == sample) & np.isfinite(profile.major) & np.isfinite(profile.minor))
    rows = rows[[is_autosome(profile.chroms[i]) for i in rows]] if len(rows) else rows
    found: dict[tuple[str, str], dict[tuple[int, int], float]] = {}
    for i in rows:
        is_second = np.isfinite(profile.major2[i]) and profile.fraction[i] < 0.5
        pair = (profile.major2[i], profile.minor2[i]) if is_second else (profile.major[i], profile.minor[i])
        state = int(np.floor(max(pair) + 0.5)), int(np.floor(max(min(pair), 0.0) + 0.5))
        for arm, start, end in arm_spans(profile.chroms[i]):
            length = min(int(profile.end[i]), end) - max(int(profile.start[i]), start)
            if length > 0:
                lengths = found.setdefault((profile.chroms[i], arm), {})
                lengths[state] = lengths.get(state, 0.0) + length
    states = [max(lengths, key=lambda state: (lengths[state], state)) for lengths in found.values()]
    pairs = np.array(states, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def doubling_probabilities(profile: CopyNumberProfile) -> FloatArray:
    """Compute P(a sample's genome was doubled | allele-specific copy number of all the patient's samples), (S,).

    Either the samples' common ancestor was doubled, and all samples are, or each sample was doubled by itself or not.
    Samples of one patient share most of their history, so that they are no independent witnesses: their log evidence
    is averaged, not added.

    Parameters
    ----------
    profile : CopyNumberProfile

    Returns
    -------
    float64 array (S,)
        NaN if no autosome has allele-specific copy number.
    """
    arms = [arm_states(profile, sample) for sample in range(len(profile.sample_names))]
    known = np.array([len(first) > 0 for first, _ in arms], dtype=bool)
    found = np.full(len(arms), np.nan)
    if not known.any():
        return found
    log_odds = np.array([log_doubling_odds(*pair) for pair, told in zip(arms, known) if told])
    alone = np.logaddexp(np.log(1.0 - LATER), np.log(LATER) + log_odds)
    of_all = np.log(PRIOR - LATER) - np.log(1.0 - PRIOR + LATER) + (log_odds - alone).mean()
    before = _logistic(of_all)
    later = _logistic(np.log(LATER / (1.0 - LATER)) + log_odds)
    found[known] = before + (1.0 - before) * later
    return found


def _logistic(log_odds: FloatArray | float) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))))
