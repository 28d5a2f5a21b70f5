r"""Empirical Bayes over a cohort: which routes its patients prefer, fitted by marginal likelihood.

The weights of parsimony are those of a population: patients simulated with all patterns, the reference. Another cohort
may have more cascades, or none. Its histories have the prior of the reference, tilted by a factor for each route
between metastases, each route back into the primary and each further source of a site (the statistics k(H)):

.. math::
    \log L(\theta) = \sum_p \Big[ \log \sum_H w_p(H) e^{\theta k(H)} - \log \frac{1}{R} \sum_r e^{\theta k(H_r)} \Big]
    - \frac{|\theta|^2}{2 \tau^2}

with w_p(H) the weights of patient p's histories without a tilt, and H_r the true histories of the R reference patients
with as many metastases. The last term shrinks a small cohort towards the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.migration.route_prior import route_statistics
from phylometa.model.arrays import FloatArray
from phylometa.model.history import HistoryEnsemble
from phylometa.reference.tables import reference_histories

__all__ = ["CohortPrior", "PatientRoutes", "fit_cohort_prior", "patient_routes"]

SPREAD = 0.5  # tau, the standard deviation of every tilt between cohorts
MOST = 4.0  # largest tilt
DIGITS = 3  # of the fitted tilts, so that what is read back gives the same


@dataclass(frozen=True, eq=False)
class PatientRoutes:
    """What a patient's histories say of routes.

    Parameters
    ----------
    n_metastases : int
    weights : float64 array (n,)
        Probability of each distinct row of `statistics`, without a tilt.
    statistics : float64 array (n, 3)
        Routes between metastases, back into the primary, and further sources.
    """

    n_metastases: int
    weights: FloatArray
    statistics: FloatArray


@dataclass(frozen=True)
class CohortPrior:
    """The tilts of a cohort.

    Parameters
    ----------
    between, back, further : float
        Log weight of a route between metastases, of one back into the primary, of a further source.
    n_patients : int
    log_gain : float
        Logarithm of the marginal likelihood with these tilts over that with none, the shrinkage left out.
    """

    between: float
    back: float
    further: float
    n_patients: int
    log_gain: float


def patient_routes(histories: HistoryEnsemble, primary: int) -> PatientRoutes:
    """Sum up a patient's histories, without any optional prior, by their statistics.

    Parameters
    ----------
    histories : HistoryEnsemble
    primary : int
    """
    plain = histories.without_prior or histories
    found: dict[tuple[int, int, int], float] = {}
    held = 0.0
    for entry, history in plain:
        key = route_statistics(history.migration_counts, primary)
        found[key] = found.get(key, 0.0) + history.weight
        held += history.weight * float(np.delete(entry.presence.any(axis=0), primary).sum())
    keys = sorted(found)
    return PatientRoutes(round(held), np.array([found[key] for key in keys]), np.array(keys, dtype=np.float64))


def fit_cohort_prior(patients: Sequence[PatientRoutes], *, spread: float = SPREAD) -> CohortPrior:
    """Fit the tilts to the patients of a cohort.

    Parameters
    ----------
    patients : sequence of PatientRoutes
        Those without a metastasis say nothing.
    spread : float
        Standard deviation of the tilts' prior.

    Returns
    -------
    CohortPrior
        All 0 for fewer than two patients. The same whatever the order of patients, to three digits.
    """
    from scipy.optimize import minimize

    told = [patient for patient in patients if patient.n_metastases > 0]
    if len(told) < 2:
        return CohortPrior(0.0, 0.0, 0.0, len(told), 0.0)
    reference = reference_histories()

    def log_likelihood(tilts: FloatArray) -> float:
        return sum(_log_evidence(patient, tilts, reference) for patient in told)

    found = minimize(
        lambda tilts: 0.5 * float((tilts**2).sum()) / spread**2 - log_likelihood(tilts),
        np.zeros(3),
        method="L-BFGS-B",
        bounds=[(-MOST, MOST)] * 3,
    )
    tilts = np.round(found.x, DIGITS) + 0.0
    between, back, further = tilts.tolist()
    gain = log_likelihood(tilts) - log_likelihood(np.zeros(3))
    return CohortPrior(between, back, further, len(told), round(gain, DIGITS))


def _log_evidence(patient: PatientRoutes, tilts: FloatArray, reference: Mapping[int, tuple[FloatArray, ...]]) -> float:
    """Log marginal likelihood of one patient over that without tilts."""
    nearest = min(reference, key=lambda n: (abs(n - patient.n_metastases), n))
    share, statistics = reference[nearest]
    tilted = float(patient.weights @ np.exp(patient.statistics @ tilts) / patient.weights.sum())
    return float(np.log(tilted) - np.log(share @ np.exp(statistics @ tilts)))
