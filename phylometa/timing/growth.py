"""Growth of a lesion traced back to its first cell: exponential and Gompertz, from one diameter or serial ones.

Times are days unless a name says years; a year has 365.25 days. Both models are reported side by side, never averaged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phylometa.model.arrays import FloatArray
from phylometa.model.interval import Estimate

__all__ = [
    "DAYS_PER_YEAR",
    "GrowthAge",
    "SerialGrowth",
    "cells_from_diameter",
    "exponential_age",
    "fit_serial_diameters",
    "gompertz_age",
    "gompertz_cells",
    "gompertz_rate",
    "lesion_age",
]

DAYS_PER_YEAR = 365.25
# Tumour cells in a cubic centimetre: the default, and the other bound.
CELLS_PER_CM3 = 1e8
CELLS_PER_CM3_UPPER = 1e9


def cells_from_diameter(diameter_cm: ArrayLike, *, cells_per_cm3: float = CELLS_PER_CM3) -> FloatArray:
    """Compute N = (pi / 6) d^3 rho_c: cells of a sphere of diameter d (cm)."""
    return math.pi / 6 * np.asarray(diameter_cm, dtype=np.float64) ** 3 * cells_per_cm3


def exponential_age(cells: ArrayLike, doubling_days: ArrayLike) -> FloatArray:
    """Compute the days since one cell, N(t) = exp(k t): DT log2 N."""
    return np.asarray(doubling_days, dtype=np.float64) * np.log2(np.asarray(cells, dtype=np.float64))


def gompertz_rate(cells: ArrayLike, doubling_days: ArrayLike, *, capacity: float) -> FloatArray:
    """Compute beta = ln[(ln K - ln N) / (ln K - ln 2N)] / DT (per day): the rate at which N cells double in DT.

    NaN if the lesion cannot double (2 N >= K).
    """
    log_k, log_n = math.log(capacity), np.log(np.asarray(cells, dtype=np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        room = log_k - log_n - math.log(2)
        return np.where(room > 0, np.log((log_k - log_n) / room) / np.asarray(doubling_days), np.nan)


def gompertz_age(
    cells: ArrayLike, doubling_days: ArrayLike, *, capacity: float, rate: ArrayLike | None = None
) -> FloatArray:
    """Compute days since one cell under Gompertz growth ln N(t) = ln K (1 - exp(-beta t)): -ln(1 - ln N / ln K) / beta.

    Parameters
    ----------
    cells : N, cells now
    doubling_days : DT at that size (days)
    capacity : K, cells at which growth ends
    rate : beta (per day), if it is known for the cancer type or from serial sizes; else from DT at that size

    Returns
    -------
    float64 array (days); NaN if the size exceeds what the model allows

    Notes
    -----
    With DT fixed at the observed size the age falls with the diameter; give `rate` if that of the type is known.

    Examples
    --------
    A colorectal cancer of 4.5 cm doubling in 233.36 days, K = 1e11:

    >>> age = gompertz_age(cells_from_diameter(4.5), 233.36, capacity=1e11)
    >>> round(float(age) / DAYS_PER_YEAR, 3)
    5.237
    """
    beta = gompertz_rate(cells, doubling_days, capacity=capacity) if rate is None else np.asarray(rate)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = 1 - np.log(np.asarray(cells, dtype=np.float64)) / math.log(capacity)
        return np.where(left > 0, -np.log(np.where(left > 0, left, np.nan)) / beta, np.nan)


def gompertz_cells(days: ArrayLike, rate: ArrayLike, *, capacity: float) -> FloatArray:
    """Compute the cells after `days` since one cell: exp[ln K (1 - exp(-beta t))]."""
    return np.exp(math.log(capacity) * -np.expm1(-np.asarray(rate) * np.asarray(days, dtype=np.float64)))


@dataclass(frozen=True, slots=True)
class GrowthAge:
    """Years from a lesion's first cell to its measurement under each model, with 95 % intervals.

    Parameters
    ----------
    exponential, gompertz : Estimate
        Years; Gompertz is NaN if the size exceeds its capacity.
    disagreement_years : float
        Exponential minus Gompertz median.
    statement : str
        What the two say, in words.
    """

    exponential: Estimate
    gompertz: Estimate
    disagreement_years: float
    statement: str


def lesion_age(
    diameter_cm: float,
    doubling_days: float,
    *,
    doubling_sd: float,
    capacity: float,
    rng: np.random.Generator,
    draws: int = 4000,
    diameter_relative_sd: float = 0.1,
) -> GrowthAge:
    """Estimate the age of a lesion from its diameter and a doubling time, under both models.

    The doubling time is lognormal with the given mean and standard deviation; the cell density log-uniform between
    1e8 and 1e9 per cm3; the diameter has a relative error.

    Parameters
    ----------
    diameter_cm : float
    doubling_days, doubling_sd : float
        Mean and standard deviation between patients (days).
    capacity : float
        K of the Gompertz model (cells).
    rng : numpy.random.Generator
    draws : int
    diameter_relative_sd : float

    Returns
    -------
    GrowthAge
    """
    log_variance = math.log1p((doubling_sd / doubling_days) ** 2)
    doubling_noise, diameter_noise = rng.standard_normal((2, draws))
    doubling = doubling_days * np.exp(math.sqrt(log_variance) * doubling_noise - log_variance / 2)
    diameter = diameter_cm * np.exp(diameter_relative_sd * diameter_noise)
    density = CELLS_PER_CM3 * (CELLS_PER_CM3_UPPER / CELLS_PER_CM3) ** rng.random(draws)
    cells = cells_from_diameter(diameter, cells_per_cm3=1.0) * density
    years = {
        "exponential": exponential_age(cells, doubling) / DAYS_PER_YEAR,
        "gompertz": gompertz_age(cells, doubling, capacity=capacity) / DAYS_PER_YEAR,
    }
    estimates = {}
    for model, values in years.items():
        finite = values[np.isfinite(values)]
        # A model is quoted only if it can hold for nearly all sizes that the measurement allows.
        usable = len(finite) >= 0.95 * draws
        lo, median, hi = np.quantile(finite, [0.025, 0.5, 0.975]) if usable else (math.nan,) * 3
        estimates[model] = Estimate(float(median), float(lo), float(hi))
    exponential, gompertz = estimates["exponential"], estimates["gompertz"]
    if math.isnan(gompertz.median):
        statement = (
            f"Exponential growth puts the first cell {exponential.median:.1f} years back; the lesion is too large for "
            f"Gompertz growth with K = {capacity:.0e} cells."
        )
    else:
        statement = (
            f"Exponential growth puts the first cell {exponential.median:.1f} years back "
            f"({exponential.lo:.1f}-{exponential.hi:.1f}), Gompertz growth {gompertz.median:.1f} "
            f"({gompertz.lo:.1f}-{gompertz.hi:.1f}); the difference is one of models, not of data."
        )
    return GrowthAge(
        exponential=exponential,
        gompertz=gompertz,
        disagreement_years=exponential.median - gompertz.median,
        statement=statement,
    )


@dataclass(frozen=True, slots=True)
class SerialGrowth:
    """Growth fitted to serial diameters of one lesion.

    Parameters
    ----------
    rate, rate_sd : float
        Specific growth rate k of N(t) = N0 exp(k t) (per day) and its standard error (NaN with two sizes).
    doubling_days : float
        ln 2 / k; infinite if the lesion does not grow.
    exponential_days : float
        Days from one cell to the last measurement, exponential model.
    gompertz_rate, gompertz_days : float
        beta fitted with K fixed, and days from one cell to the last measurement; NaN if it does not fit.
    exponential_rss, gompertz_rss : float
        Residual sum of squares of ln N.
    """

    rate: float
    rate_sd: float
    doubling_days: float
    exponential_days: float
    gompertz_rate: float
    gompertz_days: float
    exponential_rss: float
    gompertz_rss: float


def fit_serial_diameters(
    days: Sequence[float], diameters_cm: Sequence[float], *, capacity: float, cells_per_cm3: float = CELLS_PER_CM3
) -> SerialGrowth:
    """Fit exponential and Gompertz growth by least squares on ln N to two or more sizes of one lesion.

    Exponential: ln N = ln N0 + k t. Gompertz with K fixed: ln(1 - ln N / ln K) = c - beta t, which is linear.

    Parameters
    ----------
    days : sequence of float
        Days of the measurements, increasing or not, at least two different.
    diameters_cm : sequence of float
    capacity : float
    cells_per_cm3 : float

    Returns
    -------
    SerialGrowth
    """
    t = np.asarray(days, dtype=np.float64)
    cells = cells_from_diameter(diameters_cm, cells_per_cm3=cells_per_cm3)
    if len(t) != len(cells) or len(np.unique(t)) < 2:
        raise ValueError("fit_serial_diameters: two or more measurements on different days are needed")
    t = t - t.max()
    log_n = np.log(cells)

    def line(y: FloatArray) -> tuple[float, float]:
        centred = t - t.mean()
        slope = float(centred @ y / (centred @ centred))
        return slope, float(y.mean() - slope * t.mean())

    rate, at_last = line(log_n)
    residual = float(((log_n - at_last - rate * t) ** 2).sum())
    spread = float(((t - t.mean()) ** 2).sum())
    rate_sd = math.sqrt(residual / (len(t) - 2) / spread) if len(t) > 2 else float("nan")
    log_k = math.log(capacity)
    beta = gompertz_days = gompertz_residual = float("nan")
    if (log_n < log_k).all():
        slope, intercept = line(np.log1p(-log_n / log_k))
        if slope < 0:
            beta, gompertz_days = -slope, intercept / slope
            fitted = log_k * -np.expm1(intercept + slope * t)
            gompertz_residual = float(((log_n - fitted) ** 2).sum())
    return SerialGrowth(
        rate=rate,
        rate_sd=rate_sd,
        doubling_days=math.log(2) / rate if rate > 0 else float("inf"),
        exponential_days=at_last / rate if rate > 0 else float("inf"),
        gompertz_rate=beta,
        gompertz_days=gompertz_days,
        exponential_rss=residual,
        gompertz_rss=gompertz_residual,
    )
