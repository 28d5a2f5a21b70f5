"""The mutation clock: from counts of clock-like mutations to ages, with acceleration, serial samples, hu2020 mode.

Counts are Poisson; Jeffreys priors make a branch with n mutations Gamma(n + 1/2). Ages are years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.interval import Estimate
from phylometa.model.patient import MutationTable

__all__ = [
    "SerialClock",
    "age_at_divergence",
    "is_cpg_transition",
    "is_snv",
    "serial_clock",
    "years_before_sampling",
]


def age_at_divergence(age: ArrayLike, tau: ArrayLike, b: ArrayLike, acceleration: ArrayLike = 1.0) -> FloatArray:
    """Compute the age at which two lineages parted, strict clock: t = A tau / (tau + b / a).

    Parameters
    ----------
    age : A, age at sampling (years), the same for all samples
    tau : clock mutations on the trunk
    b : clock mutations on a full branch from divergence to sampling, mean over the samples
    acceleration : a, rate after divergence over rate before it

    Returns
    -------
    float64 array of the broadcast shape (years)

    Notes
    -----
    Trunk tau = mu t and branch b = a mu (A - t), solved for t (derivation).

    Examples
    --------
    >>> float(age_at_divergence(60, 800, (150 + 250) / 2))
    48.0
    """
    tau = np.asarray(tau, dtype=np.float64)
    return np.asarray(age, dtype=np.float64) * tau / (tau + np.asarray(b) / np.asarray(acceleration))


def years_before_sampling(age: ArrayLike, tau: ArrayLike, b: ArrayLike, acceleration: ArrayLike = 1.0) -> FloatArray:
    """Compute the years from divergence to sampling, A (b / a) / (tau + b / a); parameters as in `age_at_divergence`.

    Examples
    --------
    >>> round(float(years_before_sampling(60, 800, 200, 5)), 3)
    2.857
    """
    scaled = np.asarray(b, dtype=np.float64) / np.asarray(acceleration)
    return np.asarray(age, dtype=np.float64) * scaled / (np.asarray(tau) + scaled)


@dataclass(frozen=True, slots=True)
class SerialClock:
    """Two samples taken at different times.

    Parameters
    ----------
    rate : float
        Clock mutations per year, (b_m - b_p) / D.
    years_before_first : Estimate
        Years from divergence to the first sample; infinite bounds if the rate may be zero.
    probability_growing : float
        P(the later branch is longer), without which no date follows.
    """

    rate: float
    years_before_first: Estimate
    probability_growing: float


def serial_clock(b_first: float, b_second: float, interval: float) -> SerialClock:
    """Compute rate and divergence from serial samples: mu = (b_m - b_p) / D, b_p D / (b_m - b_p) before the first.

    With Jeffreys priors R = b_m / b_p is BetaPrime(b_m + 1/2, b_p + 1/2) and the time D / (R - 1) falls with R, so its
    quantiles are exact; R <= 1 gives no date (derivation).

    Parameters
    ----------
    b_first, b_second : float
        Clock mutations from divergence to the first and to the second sample.
    interval : float
        D, years between the two samples; positive.

    Returns
    -------
    SerialClock

    Examples
    --------
    >>> t = serial_clock(300, 500, 4).years_before_first
    >>> print(f"{t.lo:.2f} {t.hi:.2f}")
    4.33 8.98
    """
    from scipy.special import betainc, betaincinv

    if not interval > 0:
        raise ValueError("serial_clock: the samples must be taken at different times")
    share = betaincinv(b_second + 0.5, b_first + 0.5, np.array([0.975, 0.5, 0.025]))
    ratio = share / (1 - share)
    lo, median, hi = (interval / (r - 1) if r > 1 else float("inf") for r in ratio)
    growing = 1 - float(betainc(b_second + 0.5, b_first + 0.5, 0.5))
    return SerialClock((b_second - b_first) / interval, Estimate(float(median), float(lo), float(hi)), growing)


def is_snv(mutations: MutationTable) -> BoolArray:
    """Find rows that are single-nucleotide variants (n,); rows without alleles count as such."""
    return np.array(
        [len(ref) <= 1 and len(alt) <= 1 and "-" not in (ref, alt) for ref, alt in zip(mutations.refs, mutations.alts)],
        dtype=bool,
    )


def is_cpg_transition(refs: Sequence[str], alts: Sequence[str], contexts: Sequence[str]) -> BoolArray:
    """Find C>T at CpG, on either strand, from the trinucleotide context (n,); False if the context is unknown.

    Parameters
    ----------
    refs, alts : sequences of str
    contexts : sequences of str
        Reference-strand trinucleotides, the mutated base in the middle.

    Examples
    --------
    >>> is_cpg_transition(["C", "G", "C"], ["T", "A", "T"], ["ACG", "CGT", "ACA"]).tolist()
    [True, True, False]
    """
    found = []
    for ref, alt, context in zip(refs, alts, contexts):
        change, triple = (ref.upper(), alt.upper()), context.upper()
        is_known = len(triple) == 3 and triple[1] == change[0]
        found.append(
            is_known and ((change == ("C", "T") and triple[2] == "G") or (change == ("G", "A") and triple[0] == "C"))
        )
    return np.array(found, dtype=bool)
