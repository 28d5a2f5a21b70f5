"""What a lesion's sizes, and the mere fact that it was sampled, say about the age at which its first cell arrived.

The evidence of one lesion is a function of the years from arrival to its last measurement, tabulated once: the doubling
time, the cell density and a rest before growth are summed out (`growth_table`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.timing.growth import (
    CELLS_PER_CM3,
    CELLS_PER_CM3_UPPER,
    DAYS_PER_YEAR,
    cells_from_diameter,
    gompertz_rate,
)

__all__ = ["GRID", "GROWTH_MODELS", "PACES", "GrowthModel", "LesionEvidence", "draw_growth", "lognormal_of"]

GrowthModel = Literal["exponential", "gompertz"]
GROWTH_MODELS: tuple[GrowthModel, ...] = ("exponential", "gompertz")

# Years from arrival to the last measurement, evenly spaced on the logarithm.
GRID = np.exp(np.linspace(math.log(0.01), math.log(100.0), 240))
# Clock mutations per year in a lesion, evenly spaced on the logarithm, for the number of its tail's mutations.
PACES = np.exp(np.linspace(math.log(0.05), math.log(10_000.0), 60))
# Quadrature: the doubling time on +-4 standard deviations of its logarithm, the cell density, the rest before growth.
_DOUBLINGS = np.linspace(-4.0, 4.0, 201)
_DENSITIES = (np.arange(7) + 0.5) / 7 - 0.5
_RESTS = -np.log1p(-(np.arange(48) + 0.5) / 48)
# Diameter (cm) at which the Gompertz model has the tabulated doubling time: that of typical lesions of such series.
REFERENCE_CM = 2.0
# Centre of the cell density (cells per cm3), and the width of its logarithm.
_DENSITY = math.sqrt(CELLS_PER_CM3 * CELLS_PER_CM3_UPPER)
_DENSITY_WIDTH = math.log(CELLS_PER_CM3_UPPER / CELLS_PER_CM3)
_FLOOR = -60.0


@dataclass(frozen=True, eq=False)
class LesionEvidence:
    """Everything known of one lesion's growth.

    Parameters
    ----------
    site : str
    age : float
        Age of the patient (years) at the last measurement, or at the sampling if nothing was measured.
    years_before : tuple of float
        Years from each measurement to the last (0 for the last).
    diameters_cm : tuple of float
    relative_sd : float
        Standard deviation of the logarithm of a diameter.
    doubling_median : float
        Median of the prior of the doubling time (days), lognormal.
    doubling_sigma : float
        Standard deviation of its logarithm.
    capacity : float
        Cells at which Gompertz growth ends.
    dormancy_probability, dormancy_years : float
        Prior probability of a rest between arrival and growth, and its mean (exponential).
    least_cm : float
        Detectable diameter (cm): the lesion had at least this at its last measurement or sampling.
    is_measured : bool
        False: the size is the prior of a sampled lesion, wide.
    source : str
        Where the doubling time comes from.
    """

    site: str
    age: float
    years_before: tuple[float, ...]
    diameters_cm: tuple[float, ...]
    relative_sd: float
    doubling_median: float
    doubling_sigma: float
    capacity: float
    dormancy_probability: float
    dormancy_years: float
    least_cm: float
    is_measured: bool
    source: str = ""

    @cached_property
    def doubling_days(self) -> FloatArray:
        """Quadrature points of the doubling time (days)."""
        return np.asarray(self.doubling_median * np.exp(self.doubling_sigma * _DOUBLINGS), dtype=np.float64)

    def log_cells(self, years: FloatArray, doubling_days: FloatArray, model: GrowthModel) -> FloatArray:
        """Compute ln N after `years` from one cell; broadcasts. Gompertz: doubling time at the reference size."""
        days = years * DAYS_PER_YEAR
        if model == "exponential":
            return np.asarray(math.log(2) * days / doubling_days, dtype=np.float64)
        rate = self._gompertz_rate(doubling_days)
        return np.asarray(math.log(self.capacity) * -np.expm1(-rate * days), dtype=np.float64)

    def _gompertz_rate(self, doubling_days: FloatArray) -> FloatArray:
        reference = cells_from_diameter(REFERENCE_CM, cells_per_cm3=_DENSITY)
        return np.asarray(gompertz_rate(reference, doubling_days, capacity=self.capacity), dtype=np.float64)

    def first_growth_rate(self, doubling_days: FloatArray, model: GrowthModel) -> FloatArray:
        """Compute the growth rate of the first cells (per year), when the mutations of a tail arose; broadcasts."""
        if model == "exponential":
            return np.asarray(math.log(2) * DAYS_PER_YEAR / doubling_days, dtype=np.float64)
        rate = self._gompertz_rate(doubling_days)
        return np.asarray(rate * math.log(self.capacity) * DAYS_PER_YEAR, dtype=np.float64)

    def log_likelihood_grid(self, years: FloatArray, model: GrowthModel) -> FloatArray:
        """Compute ln p(sizes | years of growth, doubling time), density summed out (len(years), D); floored."""
        days = self.doubling_days[None, :]
        spread = 3.0 * self.relative_sd
        by_density = np.zeros((len(_DENSITIES), len(years), len(self.doubling_days)))
        for before, diameter in zip(self.years_before, self.diameters_cm):
            grown = np.maximum(years - before, 0.0)[:, None]
            cells = np.where(grown > 0, self.log_cells(grown, days, model), -50.0)
            measured = float(np.log(cells_from_diameter(diameter, cells_per_cm3=_DENSITY)))
            for i, shift in enumerate(_DENSITIES):
                by_density[i] -= 0.5 * ((measured + shift * _DENSITY_WIDTH - cells) / spread) ** 2
        if not self.is_measured:
            least = float(np.log(cells_from_diameter(self.least_cm, cells_per_cm3=_DENSITY)))
            cells = self.log_cells(years[:, None], days, model)
            for i, shift in enumerate(_DENSITIES):
                by_density[i] = np.where(cells >= least + shift * _DENSITY_WIDTH, by_density[i], -1e3)
        top = by_density.max(axis=0)
        summed = np.log(np.exp(by_density - top).mean(axis=0)) + top
        return np.asarray(np.maximum(summed, 10 * _FLOOR), dtype=np.float64)

    def growth_table(self, model: GrowthModel) -> FloatArray:
        """Compute ln p(sizes | years from the start of growth) on `GRID`, the doubling time summed out."""
        weight = np.exp(-0.5 * _DOUBLINGS**2)
        likelihood = np.exp(self.log_likelihood_grid(GRID, model)) @ (weight / weight.sum())
        return np.asarray(np.log(np.maximum(likelihood, math.exp(10 * _FLOOR))), dtype=np.float64)

    def rest_weights(self, years: FloatArray, growth_table: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rests (R,) in years, the first 0, and ln of prior times likelihood of each (len(years), R)."""
        rests = np.append(0.0, _RESTS * self.dormancy_years)
        share = np.append(1 - self.dormancy_probability, np.full(len(_RESTS), self.dormancy_probability / len(_RESTS)))
        grown = years[:, None] - rests[None, :]
        value = np.interp(np.log(np.maximum(grown, 1e-9)), np.log(GRID), growth_table)
        with np.errstate(divide="ignore"):
            return rests, np.asarray(np.where(grown > 0, value, -1e3) + np.log(share)[None, :], dtype=np.float64)

    def arrival_table(self, model: GrowthModel) -> FloatArray:
        """Compute ln p(sizes | years from arrival) on `GRID`; doubling time, density and a rest are summed out."""
        return np.asarray(np.maximum(self._from_arrival(self.growth_table(model)), _FLOOR), dtype=np.float64)

    def _from_arrival(self, growth_table: FloatArray) -> FloatArray:
        """Sum a rest out of a table on `GRID`, in logs."""
        _, value = self.rest_weights(GRID, growth_table)
        top = value.max(axis=1)
        return np.asarray(np.log(np.exp(value - top[:, None]).sum(axis=1)) + top, dtype=np.float64)

    def tail_table(self, n: int, window: float, spread: float, model: GrowthModel) -> FloatArray:
        """Compute ln p(mutations of a neutral tail | pace, years from arrival, sizes) on `PACES` and `GRID` (R, years).

        Parameters
        ----------
        n : int
            Clock mutations seen in the tail of one sample.
        window : float
            Integral of P(seen | F) / F^2 over the prevalence F: (1/F1 - 1/F2) where all between F1 and F2 are seen.
        spread : float
            Coefficient of variation of their number between tails of one expectation, beyond counts.
        model : {"exponential", "gompertz"}

        Notes
        -----
        In a population that grows at a rate r, with m mutations a year in each cell, N cells gain m N dt = (m / r) dN
        mutations, and each is at a prevalence of 1 / N on average ever after: (m / r) / F^2 dF (Williams et al. 2016).
        """
        from scipy.special import gammaln

        shape = 1 / spread**2
        mean = PACES[:, None] * window / self.first_growth_rate(self.doubling_days, model)[None, :]
        log_count = gammaln(shape + n) - gammaln(shape) - gammaln(n + 1.0) + n * np.log(mean / shape)
        log_count -= (shape + n) * np.log1p(mean / shape)
        weight = np.exp(-0.5 * _DOUBLINGS**2)
        likelihood = np.exp(self.log_likelihood_grid(GRID, model))
        least = math.exp(10 * _FLOOR)
        alone = np.log(np.maximum(likelihood @ (weight / weight.sum()), least))
        both = np.log(np.maximum(likelihood @ (weight / weight.sum() * np.exp(log_count)).T, least))  # (years, R)
        base = self._from_arrival(alone)
        return np.array([np.clip(self._from_arrival(column) - base, _FLOOR, 0.0) for column in both.T])


def draw_growth(
    lesion: LesionEvidence, years: FloatArray, model: GrowthModel, *, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw rest before growth (years) and doubling time (days) for each draw, given the years from arrival.

    Parameters
    ----------
    lesion : LesionEvidence
    years : float64 array (n,)
        Years from arrival to the last measurement; draws of a posterior.
    model : {"exponential", "gompertz"}
    rng : numpy.random.Generator

    Returns
    -------
    (float64 array (n,), float64 array (n,))
    """
    rests, value = lesion.rest_weights(years, lesion.growth_table(model))
    rest = rests[_draw_rows(value, rng)]
    weight = lesion.log_likelihood_grid(years - rest, model) - 0.5 * _DOUBLINGS**2
    return np.asarray(rest, dtype=np.float64), np.asarray(lesion.doubling_days[_draw_rows(weight, rng)])


def _draw_rows(log_weight: FloatArray, rng: np.random.Generator) -> np.ndarray:
    """One column of each row in proportion to exp(log_weight)."""
    weight = np.cumsum(np.exp(log_weight - log_weight.max(axis=1, keepdims=True)), axis=1)
    chosen = (weight < rng.random(len(weight))[:, None] * weight[:, -1:]).sum(axis=1)
    return np.minimum(chosen, log_weight.shape[1] - 1)


def lognormal_of(mean: float, sd: float) -> tuple[float, float]:
    """Compute median and log standard deviation of the lognormal with a given mean and standard deviation.

    Examples
    --------
    >>> [round(x, 3) for x in lognormal_of(155, 34)]
    [151.4, 0.217]
    """
    variance = math.log1p((sd / mean) ** 2)
    return mean * math.exp(-variance / 2), math.sqrt(variance)
