r"""Empirical Bayes over a cohort: the acceleration of the clock, learnt from patients whose sizes or dates tell it.

A patient's posterior of x = ln a under its prior N(m_p, s_p^2) is nearly normal, N(u_p, v_p^2). Divided by the prior it
is the patient's likelihood, exp(h_p (x - m_p) - J_p (x - m_p)^2 / 2) with J_p = 1 / v_p^2 - 1 / s_p^2 and
h_p = (u_p - m_p) / v_p^2. Patients of the cohort differ from what their type lets expect by a common shift and a spread
of their own, x - m_p ~ N(D, S^2), so that x is integrated in closed form:

.. math::
    \log L(D, S) = \sum_p \Big[ \frac{h_p^2 S^2 + 2 h_p D - J_p D^2}{2 (1 + J_p S^2)} - \tfrac12 \log(1 + J_p S^2) \Big]

with D ~ N(0, .5^2) and S ~ half-normal(.33), both summed out on a grid. What the next patient of the cohort is expected
to have is N(E D, E S^2 + Var D). Without patients that is the default prior of every patient, N(0, .6^2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.interval import Estimate
from phylometa.reference.tables import AccelerationPrior

__all__ = ["CohortAcceleration", "PatientAcceleration", "cohort_prior_of", "fit_cohort_acceleration"]

# Standard deviation of the cohort's shift, scale of the spread within it (log units).
SHIFT_SIGMA, SPREAD_SCALE = 0.5, 0.33
# Fewer patients that tell something: no fit.
MIN_PATIENTS = 5
DIGITS = 3  # of what is fitted, so that what is read back gives the same
_SHIFTS = np.linspace(-2.5, 2.5, 501)
_SPREADS = (np.arange(200) + 0.5) / 100
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class PatientAcceleration:
    """A patient's posterior of the acceleration, and the prior under which it was drawn."""

    posterior: Estimate
    prior: AccelerationPrior

    @property
    def likelihood(self) -> tuple[float, float]:
        """Slope h and curvature J of the log-likelihood of ln a at the prior's median."""
        mean = math.log(self.posterior.median)
        sd = (math.log(self.posterior.hi) - math.log(self.posterior.lo)) / (2 * _NORMAL_95)
        return (mean - math.log(self.prior.median)) / sd**2, 1 / sd**2 - 1 / self.prior.sigma**2


@dataclass(frozen=True, slots=True)
class CohortAcceleration:
    """The acceleration of a cohort.

    Parameters
    ----------
    factor : float
        Median over that of the patients' own priors.
    sigma : float
        Standard deviation of the logarithm for the next patient; 0: not fitted, the factor is 1.
    median : float
        Geometric mean of the patients' prior medians, times `factor`; NaN if not fitted.
    n_patients : int
        Patients that told something.
    """

    factor: float
    sigma: float
    median: float
    n_patients: int


def fit_cohort_acceleration(patients: Sequence[PatientAcceleration]) -> CohortAcceleration:
    """Fit median and spread to the patients of a cohort whose sizes or serial samples tell the acceleration.

    Parameters
    ----------
    patients : sequence of PatientAcceleration

    Returns
    -------
    CohortAcceleration
        Not fitted for fewer than five patients. The same whatever the order of patients, to three digits.
    """
    if len(patients) < MIN_PATIENTS:
        return CohortAcceleration(1.0, 0.0, math.nan, len(patients))
    log_posterior = (-0.5 * (_SHIFTS / SHIFT_SIGMA) ** 2)[:, None] - (0.5 * (_SPREADS / SPREAD_SCALE) ** 2)[None, :]
    for patient in patients:
        log_posterior = log_posterior + _log_likelihood(*patient.likelihood)
    weight = np.exp(log_posterior - log_posterior.max())
    weight /= weight.sum()
    by_shift, by_spread = weight.sum(axis=1), weight.sum(axis=0)
    shift = float(by_shift @ _SHIFTS)
    variance = float(by_shift @ (_SHIFTS - shift) ** 2 + by_spread @ _SPREADS**2)
    factor, sigma = round(math.exp(shift), DIGITS), round(math.sqrt(variance), DIGITS)
    middle = math.exp(float(np.mean([math.log(patient.prior.median) for patient in patients])))
    return CohortAcceleration(factor, sigma, round(factor * middle, DIGITS), len(patients))


def _log_likelihood(slope: float, curvature: float) -> FloatArray:
    """Log-likelihood of one patient over shifts and spreads, ln a integrated; see the module."""
    # A posterior wider than its prior, by the error of few draws: a curvature a little below 0.
    scale = np.maximum(1 + curvature * _SPREADS**2, 0.05)[None, :]
    shift = _SHIFTS[:, None]
    value = slope**2 * _SPREADS[None, :] ** 2 + 2 * slope * shift - curvature * shift**2
    return np.asarray(value / (2 * scale) - 0.5 * np.log(scale), dtype=np.float64)


def cohort_prior_of(prior: AccelerationPrior, factor: float, sigma: float) -> AccelerationPrior:
    """Give a patient's prior as fitted to a cohort; its own if nothing was fitted (sigma 0)."""
    if not sigma:
        return prior
    source = f"a prior fitted to a cohort, {factor:g} times {prior.median:g} ({prior.source})"
    return AccelerationPrior(prior.median * factor, sigma, source)
