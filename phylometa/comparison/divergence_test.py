"""The divergence test: did a metastasis leave before the primary's last clonal sweep?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from phylometa.config import ComparisonSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.divergence import DivergenceTest

__all__ = ["TruePrivate", "divergence_test", "poisson_binomial_tail", "true_private_posterior"]

# Largest number of undetected mutations for which the posterior number of truly absent ones is computed exactly.
_EXACT_LIMIT = 500


def poisson_binomial_tail(probabilities: ArrayLike, at_least: int) -> float:
    """Compute P(X >= at_least) exactly, X the number of successes of independent trials with the given probabilities.

    The recursion keeps the states below `at_least` and one absorbing state; all terms are positive, so a small tail
    keeps its relative precision. O(n x at_least).

    Parameters
    ----------
    probabilities : array (n,)
    at_least : int

    Returns
    -------
    float

    Examples
    --------
    >>> round(poisson_binomial_tail([0.5, 0.5], 1), 3)
    0.75
    """
    chances = np.asarray(probabilities, dtype=np.float64).ravel()
    if at_least <= 0:
        return 1.0
    if at_least > len(chances):
        return 0.0
    state = np.zeros(at_least)
    state[0] = 1.0
    tail = 0.0
    for p in chances:
        tail += p * state[-1]
        state[1:] = state[1:] * (1 - p) + state[:-1] * p
        state[0] *= 1 - p
    return float(min(tail, 1.0))


@dataclass(frozen=True, slots=True)
class TruePrivate:
    """Posterior number of truly absent mutations: its 95 % upper bound, P(none is absent), P(fewer than `few` are)."""

    upper_bound: float
    p_none: float
    p_few: float


def true_private_posterior(
    missing_probability: ArrayLike, is_missing: ArrayLike, *, few: int = 3, level: float = 0.95, grid: int = 200
) -> TruePrivate:
    """Find the posterior number of primary-clonal mutations that are truly absent from the metastasis.

    A share q of the mutations whose reads tell something is absent, q ~ Beta(1/2, 1/2); a mutation that is absent is
    not detected, one that is present is not detected with probability pi_i. The number of absent ones given the
    detections is a mixture over q of Poisson-binomials with probabilities q / (q + (1 - q) pi_i) over the undetected
    mutations. Why nothing is known of the other mutations may depend on whether they are there (a list of calls has no
    line for a mutation that is absent), so that a share of their own is absent, with the same prior, and the detected
    mutations say nothing about it. The number is the sum of both (derivation).

    Parameters
    ----------
    missing_probability : array (n,)
        pi_i = P(not detected | clonal in the metastasis), all mutations clonal in the primary; NaN or 1 if nothing is
        known.
    is_missing : bool array (n,)
        Whether it was not detected.
    few : int
        Number of absent mutations whose P(fewer than it | data) is returned.
    level : float
        Level of the one-sided bound.
    grid : int
        Quadrature points of q.

    Returns
    -------
    TruePrivate
        The bound is the smallest t with P(absent <= t | data) >= level; beyond 500 undetected mutations with reads a
        normal approximation.

    Examples
    --------
    >>> true_private_posterior([0.001] * 80 + [float("nan")] * 8, [False] * 80 + [True] * 8).upper_bound
    8.0
    """
    pi = np.asarray(missing_probability, dtype=np.float64).ravel()
    missing = np.asarray(is_missing, dtype=bool).ravel()
    tells = pi < 1.0
    told = _number_absent(pi[tells & missing], int((tells & ~missing).sum()), grid)
    untold = _number_absent(np.ones(int((~tells & missing).sum())), 0, grid)
    number = np.convolve(told, untold)
    cumulative = np.cumsum(number)
    p_few = float(cumulative[min(few, len(cumulative)) - 1])
    bound = float(min(int(np.searchsorted(cumulative, level)), len(number) - 1))
    return TruePrivate(bound, float(number[0]), min(p_few, 1.0))


def _number_absent(undetected: FloatArray, n_detected: int, grid: int) -> FloatArray:
    """P(0, 1, ... of the undetected mutations are absent), from their pi_i and the number of detected mutations."""
    if not len(undetected):
        return np.ones(1)
    # The substitution q = sin^2(theta) absorbs the Jeffreys prior: theta is uniform.
    q = np.sin((np.arange(grid) + 0.5) / grid * (math.pi / 2)) ** 2
    probability_missed = q[:, None] + (1 - q[:, None]) * undetected
    log_weight = np.log(probability_missed).sum(axis=1) + n_detected * np.log1p(-q)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    absent = q[:, None] / probability_missed
    if len(undetected) > _EXACT_LIMIT:
        from scipy.special import ndtr

        # A mixture over q of normal distributions with the moments of the Poisson-binomials.
        mean, variance = absent.sum(axis=1), (absent * (1 - absent)).sum(axis=1)
        upper = (np.arange(len(undetected) + 1) + 0.5 - mean[:, None]) / np.sqrt(np.maximum(variance, 1e-12))[:, None]
        cumulative: FloatArray = weight @ ndtr(upper)
        cumulative[-1] = 1.0
        return np.diff(cumulative, prepend=0.0)
    count = np.zeros((grid, len(undetected) + 1))
    count[:, 0] = 1.0
    for i in range(len(undetected)):
        p = absent[:, i, None]
        count[:, 1 : i + 2] = count[:, 1 : i + 2] * (1 - p) + count[:, : i + 1] * p
        count[:, :1] *= 1 - p
    found: FloatArray = weight @ count
    return found


def divergence_test(
    missing_probability: ArrayLike,
    is_missing: ArrayLike,
    *,
    n_primary_regions: int,
    settings: ComparisonSettings | None = None,
) -> DivergenceTest:
    """Test whether the metastasis diverged before the primary's last clonal sweep (early, parallel-compatible) or
    after it (late, linear-compatible).

    p = P(PoissonBinomial(pi) >= L_p), pi over the mutations clonal in the primary that the metastasis' reads could
    show (pi_i <= `max_missing`; the choice depends on depth and purity only, not on what was seen, so that the test
    keeps its level). Early if p < `alpha`, L_p >= `min_private` and P(at least `min_private` are truly
    absent) >= `divergence_probability`; late if the upper 95 % bound of the number of truly
    absent mutations (over all of them, the unknown included) is below `min_private`; else undetermined. With fewer than
    `min_primary_regions` no call is made: 83 % of late cases would be called early (Al Bakir et al. 2023,
    doi:10.1038/s41586-023-05729-x).

    Parameters
    ----------
    missing_probability : array (n,)
        P(fewer than 3 alternate reads | clonal in the metastasis; depth, purity, copy number), one per mutation that
        is clonal in the primary and not removed from the metastasis by a deletion. NaN if nothing is known of it.
    is_missing : bool array (n,)
        True if the metastasis does not show it.
    n_primary_regions : int
        Regions of the primary that define "clonal".
    settings : ComparisonSettings, optional

    Returns
    -------
    DivergenceTest

    Examples
    --------
    >>> import numpy as np
    >>> test = divergence_test(np.full(60, 0.01), np.arange(60) < 20, n_primary_regions=3)
    >>> test.call, test.n_missing, test.p_value < 1e-6
    ('early', 20, True)
    """
    settings = settings or ComparisonSettings()
    alpha, min_private = settings.divergence_alpha, settings.divergence_min_private
    pi = np.asarray(missing_probability, dtype=np.float64).ravel()
    pi = np.where(np.isnan(pi), 1.0, pi)
    missing = np.asarray(is_missing, dtype=bool).ravel()
    if pi.shape != missing.shape:
        raise ValueError(f"divergence_test: {len(pi)} probabilities for {len(missing)} mutations")
    evaluable = pi <= settings.max_missing
    n_missing, n_unknown = int((missing & evaluable).sum()), int((missing & ~evaluable).sum())
    p_value = poisson_binomial_tail(pi[evaluable], n_missing) if evaluable.any() else float("nan")
    truth = true_private_posterior(pi, missing, few=min_private)
    bound = truth.upper_bound
    call: Literal["early", "late", "undetermined"] = "undetermined"
    if not evaluable.any():
        reason = "no mutation clonal in the primary could be seen reliably in the metastasis"
    elif n_primary_regions < settings.min_primary_regions:
        regions = f"{n_primary_regions} region{'' if n_primary_regions == 1 else 's'}"
        reason = f"the primary has {regions}, and an early or late call needs {settings.min_primary_regions}"
    elif p_value < alpha and n_missing >= min_private and 1 - truth.p_few >= settings.divergence_probability:
        call = "early"
        reason = f"{n_missing} mutations clonal in the primary are absent from the metastasis (p = {p_value:.2g})"
    elif bound < min_private:
        call = "late"
        reason = f"at most {bound:g} mutations clonal in the primary are absent from the metastasis (95 % bound)"
    else:
        open_ones = f", {n_unknown} unknown" if n_unknown else ""
        reason = (
            f"{n_missing} mutations missing (p = {p_value:.2g}){open_ones} and up to {bound:g} may be absent: neither "
            "shown nor excluded"
        )
    return DivergenceTest(
        call=call,
        p_value=p_value,
        n_missing=n_missing,
        n_evaluable=int(evaluable.sum()),
        n_unknown=n_unknown,
        expected_missing=float(pi[evaluable].sum()),
        upper_bound=bound,
        p_none=truth.p_none,
        p_few=truth.p_few,
        reason=reason,
    )
