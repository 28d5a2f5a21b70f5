"""Statistics of private mutations: Jaccard similarity index, rate ratio, and named legacy ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from phylometa.config import ComparisonSettings

__all__ = [
    "INFORMATIVE_SPAN",
    "RateRatio",
    "call_jsi",
    "is_near_jsi_threshold",
    "jaccard_similarity_index",
    "legacy_h",
    "legacy_ratio",
    "rate_ratio_posterior",
]

# A 95 % interval of rho that spans more than this factor says nothing (counts 0 and 2 span 9000).
INFORMATIVE_SPAN = 100.0
_NEAR_JSI = 0.05


def jaccard_similarity_index(L_p: float, L_m: float, W_s: float) -> float:
    """Compute JSI = W_s / (L_p + L_m + W_s); NaN if the denominator is 0 (Hu et al. 2020, 10.1038/s41588-020-0628-z).

    Parameters
    ----------
    L_p, L_m : float
        Clonal mutations private to the primary, to the metastasis.
    W_s : float
        Mutations subclonal in both.

    Examples
    --------
    >>> jaccard_similarity_index(2, 3, 5)
    0.5
    """
    total = L_p + L_m + W_s
    return W_s / total if total > 0 else float("nan")


def call_jsi(jsi: float, *, settings: ComparisonSettings) -> Literal["polyclonal", "monoclonal", "undefined"]:
    """Call a metastasis polyclonal if its JSI exceeds `settings.jsi_threshold`; undefined if the JSI is NaN."""
    if math.isnan(jsi):
        return "undefined"
    return "polyclonal" if jsi > settings.jsi_threshold else "monoclonal"


def is_near_jsi_threshold(jsi: float, *, settings: ComparisonSettings) -> bool:
    """Tell whether a JSI lies within .05 of the threshold, so that the call is not robust; False if it is NaN."""
    return abs(jsi - settings.jsi_threshold) <= _NEAR_JSI


def legacy_h(L_p: float, L_m: float) -> float:
    """Compute H = L_m / (L_p + 1), a named legacy statistic (Hu et al. 2019, doi:10.1038/s41588-019-0483-z)."""
    return L_m / (L_p + 1)


def legacy_ratio(L_p: float, L_m: float) -> float:
    """Compute r = L_m / max(L_p, 1), a statistic of Hu et al. 2020 (doi:10.1038/s41588-020-0628-z); biased upwards."""
    return L_m / max(L_p, 1)


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Posterior of rho = lambda_m / lambda_p: median and 95 % interval; `is_informative` False if it spans too much."""

    median: float
    lo: float
    hi: float
    is_informative: bool


def rate_ratio_posterior(
    L_p: float, L_m: float, exposure_ratio: float = 1.0, *, informative_span: float = INFORMATIVE_SPAN
) -> RateRatio:
    """Estimate the ratio of the rates of private mutations, metastasis over primary, with its uncertainty.

    With L ~ Poisson(lambda E) and Jeffreys priors, rho ~ (E_p / E_m) x BetaPrime(L_m + 1/2, L_p + 1/2); the quantile
    is B / (1 - B), B that of Beta(L_m + 1/2, L_p + 1/2) (derivation; coverage by simulation in the tests).

    Parameters
    ----------
    L_p, L_m : float
        Clonal mutations private to the primary, to the metastasis.
    exposure_ratio : float
        E_p / E_m; exposure = jointly callable Mb x mean detection power x time-averaged ploidy.
    informative_span : float
        hi / lo above which the ratio is called not informative.

    Returns
    -------
    RateRatio

    Examples
    --------
    >>> rho = rate_ratio_posterior(23, 115)
    >>> print(f"{rho.lo:.3f} {rho.median:.3f} {rho.hi:.3f}")
    3.247 4.971 7.953
    """
    from scipy.special import betaincinv

    if L_p < 0 or L_m < 0 or not exposure_ratio > 0:
        raise ValueError("rate_ratio_posterior: counts must not be negative, exposure_ratio must be positive")
    levels = np.array([0.025, 0.5, 0.975])
    upper = betaincinv(L_m + 0.5, L_p + 0.5, levels)
    lower = betaincinv(L_p + 0.5, L_m + 0.5, 1 - levels)  # 1 - B without cancellation near B = 1
    lo, median, hi = exposure_ratio * upper / lower
    return RateRatio(float(median), float(lo), float(hi), bool(hi / lo <= informative_span))
