"""Samples and reads: clone proportions, purity, expected allele frequencies, depth, alternate reads, calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.simulate.settings import SimulationSettings

__all__ = [
    "draw_alternate_reads",
    "draw_depth",
    "draw_observed",
    "draw_proportions",
    "expected_vaf",
    "leak",
    "sequence",
    "sequence_normal",
]


def draw_proportions(
    alive: BoolArray, groups: Sequence[NDArray[np.int64]], *, settings: SimulationSettings, rng: np.random.Generator
) -> FloatArray:
    """Draw the clone proportions of every sample.

    A clone that lives in the site is in a region with probability `region_share`; one drawn for no region of the site
    is put into one at random, and a region without any clone gets one. Within a region the proportions are
    m + (1 - n m) x, x ~ Dirichlet(`proportion_concentration`), n clones, m = min(`min_proportion`, 1 / (2 n)).

    Parameters
    ----------
    alive : bool array (K, S)
        Clone lives in the sample's site when the sample is taken.
    groups : sequence of int64 arrays
        Samples of each site.
    settings, rng

    Returns
    -------
    float64 array (K, S)
        Columns add up to 1.
    """
    is_in = alive & (rng.random(alive.shape) < settings.region_share)
    for samples in groups:
        for clone in np.flatnonzero(alive[:, samples].any(axis=1)):
            if not is_in[clone, samples].any():
                is_in[clone, rng.choice(samples[alive[clone, samples]])] = True
        for s in samples:
            if not is_in[:, s].any():
                is_in[rng.choice(np.flatnonzero(alive[:, s])), s] = True
    proportions = np.zeros(alive.shape)
    for s in range(alive.shape[1]):
        here = np.flatnonzero(is_in[:, s])
        least = min(settings.min_proportion, 0.5 / len(here))
        share = rng.dirichlet(np.full(len(here), settings.proportion_concentration))
        proportions[here, s] = least + (1.0 - len(here) * least) * share
    return proportions


def expected_vaf(
    multiplicity: IntArray,
    total_copies: IntArray,
    normal_copies: FloatArray,
    proportions: FloatArray,
    purity: FloatArray,
    *,
    leakage: float | FloatArray,
    donor: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Compute the share of mutated molecules, and molecules per cell, at every mutation in every sample, both (n, S).

    With clone proportions eta, mutated copies m_k and total copies c_k of clone k, purity rho and normal copies c_N:
    v = rho sum_k eta_k m_k / (rho sum_k eta_k c_k + (1 - rho) c_N). Leakage l mixes numerators and denominators of
    the sample, (1 - l), and of its donor sample, l.

    Parameters
    ----------
    multiplicity : int64 array (n, K)
    total_copies : int64 array (n, K)
    normal_copies : float64 array (n,)
    proportions : float64 array (K, S)
    purity : float64 array (S,)
    leakage : float or float64 array (S,)
        l.
    donor : int64 array (S,)
        The sample each sample's foreign DNA comes from.
    """
    mutated = (multiplicity @ proportions) * purity
    molecules = (total_copies @ proportions) * purity + (1.0 - purity) * normal_copies[:, None]
    mutated, molecules = (leak(part, leakage, donor) for part in (mutated, molecules))
    return mutated / molecules, molecules


def leak(values: FloatArray, leakage: float | FloatArray, donor: IntArray) -> FloatArray:
    """Mix what is in every sample (n, S), share 1 - l, with what is in its donor, share l."""
    if not np.any(np.asarray(leakage) > 0):
        return values
    return np.asarray((1.0 - leakage) * values + leakage * values[:, donor])


def draw_depth(mean: FloatArray, size: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw negative binomial depths of mean and size r, variance mean + mean^2 / r; Poisson if r is infinite."""
    if np.isfinite(size):
        mean = mean * rng.gamma(size, 1.0 / size, size=mean.shape)
    return rng.poisson(mean)


def draw_alternate_reads(
    depth: NDArray[np.int64],
    vaf: FloatArray,
    *,
    error_rate: float | FloatArray,
    precision: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw alternate reads: beta-binomial, mean p = v (1 - e) + (1 - v) e, precision M; binomial if M is infinite.

    The error rate e is one number or one per cell. Variance n p (1 - p) (1 + (n - 1) / (M + 1)).
    """
    p = vaf * (1.0 - error_rate) + (1.0 - vaf) * error_rate
    if np.isfinite(precision):
        is_inside = (p > 0) & (p < 1)
        safe = np.where(is_inside, p, 0.5)
        p = np.where(is_inside, rng.beta(safe * precision, (1.0 - safe) * precision), p)
    return rng.binomial(depth, p)


def draw_observed(
    alt_counts: NDArray[np.int64], depth: NDArray[np.int64], *, settings: SimulationSettings, rng: np.random.Generator
) -> BoolArray:
    """Draw which cells (n, S) have evidence: covered, not lost at random, called in that sample if that is asked."""
    observed = depth > 0
    if settings.missing_rate > 0:
        observed = observed & (rng.random(depth.shape) >= settings.missing_rate)
    if settings.per_sample_calls:
        observed = observed & (alt_counts >= settings.min_alt_reads)
    return observed


def sequence(
    vaf: FloatArray,
    mean_depth: FloatArray,
    error_rate: float | FloatArray,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], BoolArray]:
    """Draw alternate reads, depth and whether a cell is observed, all (n, S), given shares of mutated molecules."""
    depth = draw_depth(mean_depth, settings.depth_size, rng)
    alt_counts = draw_alternate_reads(depth, vaf, error_rate=error_rate, precision=settings.precision, rng=rng)
    return alt_counts, depth, draw_observed(alt_counts, depth, settings=settings, rng=rng)


def sequence_normal(
    vaf: FloatArray, *, settings: SimulationSettings, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw alternate reads and depth of the matched normal, both (n,), given shares of mutated molecules."""
    depth = draw_depth(np.full(len(vaf), settings.normal_depth * settings.depth), settings.depth_size, rng)
    return rng.binomial(depth, vaf * (1.0 - settings.error_rate) + (1.0 - vaf) * settings.error_rate), depth
