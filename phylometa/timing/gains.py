"""When copies were gained: multiplicities of clonal mutations on a gained segment, and the time of the gain.

Time runs from 0 (germline) to 1 (last common ancestor of the sampled tumour cells), in mutations per chromosome copy.
Mutations that fell before the gain stand on all copies of the gained allele, later ones on one copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import FloatArray
from phylometa.reads.detection import detection_power

__all__ = [
    "GainTime",
    "MultiplicityReads",
    "estimate_gain_time",
    "expected_vaf",
    "gain_time",
    "multiplicity_posterior",
    "pooled_gain_time",
]

# Quadrature points of the time of a gain.
_GRID = 801
# Draws of the sampler for states with three or more copies of an allele, after as many again for warming up.
_SWEEPS = 1000
# Evenly spaced quantiles that stand for a posterior.
_LEVELS = (np.arange(50) + 0.5) / 50
# Up to this many mutations the estimate is corrected for its bias of order 1/n by leaving one out.
_JACKKNIFE_LIMIT = 400


def expected_vaf(
    multiplicity: ArrayLike, purity: ArrayLike, total: ArrayLike, *, ccf: ArrayLike = 1.0, normal: ArrayLike = 2.0
) -> FloatArray:
    """Compute m rho CCF / (rho C_T + n (1 - rho)): variant allele frequency of a mutation.

    Parameters
    ----------
    multiplicity : m, mutated copies in a cell that carries the mutation
    purity : rho
    total : C_T, copies in tumour cells
    ccf : cancer cell fraction
    normal : n, copies in normal cells

    Examples
    --------
    >>> round(float(expected_vaf(2, 0.8, 3)), 4)
    0.5714
    """
    rho = np.asarray(purity, dtype=np.float64)
    mutated = np.asarray(multiplicity, dtype=np.float64) * np.asarray(ccf, dtype=np.float64)
    return (
        mutated * rho / (rho * np.asarray(total, dtype=np.float64) + np.asarray(normal, dtype=np.float64) * (1 - rho))
    )


def gain_time(counts: ArrayLike, major: int, minor: int) -> float:
    """Compute T_m = P_m C_T / (n_m sum_j j P_j), m the copies of the gained allele.

    Parameters
    ----------
    counts : array (major,)
        Clonal mutations with multiplicity 1, 2, ..., corrected for detection power.
    major, minor : int
        Copies of the two alleles; n_m = 2 if both are gained, else 1.

    Returns
    -------
    float
        Share of the time to the last common ancestor; above 1 is possible by chance; NaN without mutations.

    Notes
    -----
    2+1: 3 n2 / (n1 + 2 n2); 2+0 and 2+2: 2 n2 / (n1 + 2 n2). With three or more copies, the time of the first gain.

    Examples
    --------
    >>> [round(gain_time([60, 20], 2, minor), 3) for minor in (1, 0, 2)]
    [0.6, 0.4, 0.4]
    """
    n = np.asarray(counts, dtype=np.float64)
    if major < 2 or len(n) != major:
        raise ValueError("gain_time: one count for each multiplicity 1 to major, and major >= 2")
    copies = float((n * np.arange(1, major + 1)).sum())
    alleles = 2 if minor == major else 1
    return float(n[-1] * (major + minor) / (alleles * copies)) if copies > 0 else math.nan


@dataclass(frozen=True, eq=False)
class MultiplicityReads:
    """Reads of the clonal mutations on segments of one copy-number state in one sample.

    Parameters
    ----------
    alt, depth : arrays (n,)
    purity : float
    major, minor : int
    normal : float
        Copies in normal cells.
    """

    alt: FloatArray
    depth: FloatArray
    purity: float
    major: int
    minor: int
    normal: float = 2.0

    @property
    def total(self) -> int:
        return self.major + self.minor

    def likelihoods(self, error_rate: float) -> tuple[FloatArray, FloatArray]:
        """(P(reads | multiplicity) up to a factor per mutation, P(detected | multiplicity)), both (n, major)."""
        alt, depth = np.asarray(self.alt, dtype=np.float64), np.asarray(self.depth, dtype=np.float64)
        vaf = expected_vaf(np.arange(1, self.major + 1), self.purity, self.total, normal=self.normal)
        p = np.clip(vaf * (1 - error_rate) + (1 - vaf) * error_rate, 1e-9, 1 - 1e-9)
        log_p = alt[:, None] * np.log(p) + (depth - alt)[:, None] * np.log1p(-p)
        return np.exp(log_p - log_p.max(axis=1, keepdims=True)), detection_power(depth[:, None], p)


def multiplicity_posterior(
    reads: MultiplicityReads, *, error_rate: float = 0.001, max_iterations: int = 500
) -> tuple[FloatArray, FloatArray]:
    """Compute every mutation's posterior multiplicity and the maximum-likelihood shares P_j, corrected for detection.

    Parameters
    ----------
    reads : MultiplicityReads
        Of detected mutations only (3 or more alternate reads).
    error_rate : float
    max_iterations : int

    Returns
    -------
    (posterior (n, major), shares (major,))
        Shares of the mutations on the segment, detected or not.
    """
    likelihood, detected = reads.likelihoods(error_rate)
    shares = np.full(reads.major, 1 / reads.major)
    posterior = likelihood * shares
    for _ in range(max_iterations):
        posterior = likelihood * shares
        posterior /= posterior.sum(axis=1, keepdims=True)
        # Of the mutations with reads like these, 1 / P(detected) were there (Horvitz-Thompson).
        updated = (posterior / np.maximum(detected, 1e-3)).sum(axis=0)
        updated /= updated.sum()
        if np.abs(updated - shares).max() < 1e-10:
            break
        shares = updated
    return posterior, shares


@dataclass(frozen=True, slots=True)
class GainTime:
    """Time of a gain, as a share of the time to the sample's last common ancestor.

    Parameters
    ----------
    estimate : float
        Maximum likelihood, corrected for bias, kept within [0, 1].
    median, lo, hi : float
        Posterior (uniform prior on the time): median and 95 % interval.
    n_mutations : int
    quantiles : tuple of float
        Evenly spaced posterior quantiles, for probabilities such as that of a gain before another event.
    """

    estimate: float
    median: float
    lo: float
    hi: float
    n_mutations: int
    quantiles: tuple[float, ...] = ()


def _two_copy_weights(time: FloatArray, reads: MultiplicityReads) -> FloatArray:
    """Expected shares of multiplicity 1 and 2 at each time of the gain (..., 2): n2 = n_m T, n1 = C_T - 2 n_m T."""
    alleles = 2 if reads.minor == reads.major else 1
    twice = alleles * time
    once = reads.total - 2 * twice
    return np.stack([once, twice], axis=-1) / (once + twice)[..., None]


def _log_likelihood(time: FloatArray, groups: list[tuple[MultiplicityReads, FloatArray, FloatArray]]) -> FloatArray:
    """Log-likelihood of every mutation at each time (n, len(time)), conditional on its being detected."""
    rows = []
    for reads, likelihood, detected in groups:
        weights = _two_copy_weights(time, reads).T  # (2, G)
        rows.append(np.log(likelihood @ weights + 1e-300) - np.log(detected @ weights + 1e-300))
    return np.concatenate(rows)


def _maximum(log_likelihood: FloatArray, grid: FloatArray) -> FloatArray:
    """Position of the maximum along the last axis, refined by a parabola through its neighbours."""
    best = np.argmax(log_likelihood, axis=-1)
    inner = np.clip(best, 1, len(grid) - 2)
    y0, y1, y2 = (np.take_along_axis(log_likelihood, (inner + k)[..., None], axis=-1)[..., 0] for k in (-1, 0, 1))
    curvature = y0 - 2 * y1 + y2
    shift = np.where(curvature < 0, 0.5 * (y0 - y2) / np.where(curvature < 0, curvature, -1.0), 0.0)
    refined = grid[inner] + np.clip(shift, -1, 1) * (grid[1] - grid[0])
    return np.where(best == inner, refined, grid[best])


def pooled_gain_time(groups: list[MultiplicityReads], *, error_rate: float = 0.001) -> GainTime:
    """Estimate the time of one event that left every group of segments with two copies of an allele (2+0, 2+1, 2+2).

    One group: a single gain. Several states together: a genome doubling. The likelihood conditions on detection
    (3 or more alternate reads); the prior of the time is uniform.

    Parameters
    ----------
    groups : list of MultiplicityReads
        All with major = 2.
    error_rate : float

    Returns
    -------
    GainTime
        NaN if no mutation is left.
    """
    if any(reads.major != 2 for reads in groups):
        raise ValueError("pooled_gain_time: every group must have two copies of the gained allele")
    prepared = []
    for reads in groups:
        keep = np.asarray(reads.alt) >= MIN_ALT_READS
        kept = MultiplicityReads(
            np.asarray(reads.alt)[keep], np.asarray(reads.depth)[keep], reads.purity, 2, reads.minor, reads.normal
        )
        if keep.any():
            prepared.append((kept, *kept.likelihoods(error_rate)))
    n = sum(len(reads.alt) for reads, _, _ in prepared)
    if not n:
        return GainTime(math.nan, math.nan, math.nan, math.nan, 0)
    grid = np.linspace(0, 1, _GRID)
    rows = _log_likelihood(grid, prepared)
    total = rows.sum(axis=0)
    estimate = float(_maximum(total, grid))
    if 1 < n <= _JACKKNIFE_LIMIT:
        left_out = _maximum(total - rows, grid)
        estimate = n * estimate - (n - 1) * float(left_out.mean())
    density = np.exp(total - total.max())
    density[[0, -1]] /= 2
    cumulative = np.cumsum(density) - density / 2
    lo, median, hi = np.interp([0.025, 0.5, 0.975], cumulative / density.sum(), grid)
    quantiles = tuple(np.interp(_LEVELS, cumulative / density.sum(), grid).tolist())
    return GainTime(min(max(estimate, 0.0), 1.0), float(median), float(lo), float(hi), n, quantiles)


def estimate_gain_time(reads: MultiplicityReads, *, rng: np.random.Generator, error_rate: float = 0.001) -> GainTime:
    """Estimate the time of the (first) gain of a segment from the reads of its clonal mutations.

    Two copies of the gained allele: exact posterior on a grid. Three or more: Gibbs sampling of multiplicities and
    their shares (Dirichlet prior 1/2), the time by `gain_time`, draws above 1 left out.

    Parameters
    ----------
    reads : MultiplicityReads
    rng : numpy.random.Generator
        Used for three or more copies.
    error_rate : float

    Returns
    -------
    GainTime
    """
    if reads.major < 2:
        raise ValueError("estimate_gain_time: no allele was gained")
    if reads.major == 2:
        return pooled_gain_time([reads], error_rate=error_rate)
    keep = np.asarray(reads.alt) >= MIN_ALT_READS
    n = int(keep.sum())
    if not n:
        return GainTime(math.nan, math.nan, math.nan, math.nan, 0)
    kept = MultiplicityReads(
        np.asarray(reads.alt)[keep], np.asarray(reads.depth)[keep], reads.purity, reads.major, reads.minor, reads.normal
    )
    likelihood, detected = kept.likelihoods(error_rate)
    chance = np.maximum(detected.mean(axis=0), 1e-3)
    _, shares = multiplicity_posterior(kept, error_rate=error_rate)
    observed = shares * chance / (shares * chance).sum()
    draws = []
    for sweep in range(2 * _SWEEPS):
        posterior = np.cumsum(likelihood * observed, axis=1)
        picked = (rng.random((n, 1)) * posterior[:, -1:] > posterior).sum(axis=1)
        observed = rng.dirichlet(np.bincount(picked, minlength=reads.major) + 0.5)
        if sweep >= _SWEEPS:
            draws.append(gain_time(observed / chance, reads.major, reads.minor))
    times = np.array(draws)
    times = times[times <= 1] if (times <= 1).any() else np.ones(1)
    lo, median, hi = np.quantile(times, [0.025, 0.5, 0.975])
    estimate = min(gain_time(shares, reads.major, reads.minor), 1.0)
    return GainTime(estimate, float(median), float(lo), float(hi), n, tuple(np.quantile(times, _LEVELS).tolist()))
