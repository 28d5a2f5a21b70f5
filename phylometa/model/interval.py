"""A point estimate with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phylometa.model.short_repr import short_repr

__all__ = ["Estimate", "quantile_estimate"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A posterior: median and 95 % interval, in the unit of its context."""

    median: float
    lo: float
    hi: float

    __repr__ = short_repr


def quantile_estimate(draws: ArrayLike) -> Estimate:
    """Compute the median and the 2.5 / 97.5 % quantiles of posterior draws."""
    lo, median, hi = np.quantile(np.asarray(draws, dtype=np.float64), [0.025, 0.5, 0.975])
    return Estimate(float(median), float(lo), float(hi))
