"""Purities of all samples together: the best explanations of shared mutations, found by EM from several starts.

For given purities the states of the mutations and their shares follow, and for given states every purity has its best
value on a grid (Dempster, Laird and Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x). The spread around an
explanation is that of the observed information (Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x), its evidence
Laplace's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.ccf.purity_states import PURITY_GRID, StateTables
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["PurityMode", "find_modes"]

# Pseudo-counts of the shares of states, and Beta parameters of the clonal share: what several samples share mostly is
# clonal, what a single sample shows need not be.
_PSEUDO_COUNTS = 20.0
_CLONAL_PRIOR = (17.0, 3.0)
_CLONAL_PRIOR_OF_ONE = (3.0, 2.0)
_STRENGTH_OF_ONE = 0.5
_ROUNDS = 60
# Starts are modes that differ by less than this in each sample.
_SAME_MODE = 0.02
# Largest standard deviation of a purity around one explanation.
_WIDEST = 0.15


@dataclass(frozen=True, eq=False)
class PurityMode:
    """One explanation of the reads.

    Parameters
    ----------
    log_evidence : float
    purity, sd : float64 arrays (S,)
    ploidy : float
        Mean copies of the loci of clonal mutations.
    clonal : float
        Share of the mutations that are clonal.
    """

    log_evidence: float
    purity: FloatArray
    sd: FloatArray
    ploidy: float
    clonal: float


def find_modes(tables: StateTables, starts: FloatArray, log_prior: FloatArray) -> list[PurityMode]:
    """Find the explanations that EM reaches from several starts.

    Parameters
    ----------
    tables : StateTables
    starts : float64 array (K, S)
        Purities to start from.
    log_prior : float64 array (S, G)
        Log-prior of the purities on the grid.

    Returns
    -------
    list of PurityMode
        Each once, the most probable first.
    """
    found: list[tuple[IntArray, PurityMode]] = []
    same = _SAME_MODE / (PURITY_GRID[1] - PURITY_GRID[0])
    for start in starts:
        at = np.abs(PURITY_GRID - start[:, None]).argmin(axis=1)
        at, log_weights, log_posterior = _climb(tables, at, log_prior)
        if any(np.abs(other - at).max() <= same for other, _ in found):
            continue
        found.append((at, _mode(tables, at, log_weights, log_posterior, log_prior)))
    return sorted((mode for _, mode in found), key=lambda mode: -mode.log_evidence)


def _climb(tables: StateTables, at: IntArray, log_prior: FloatArray) -> tuple[IntArray, FloatArray, float]:
    """EM from one start: grid indices of the purities, log-weights of the classes, log-posterior."""
    n_classes, n, n_samples, _ = tables.table.shape
    samples = np.arange(n_samples)
    strength = _PSEUDO_COUNTS + (n * _STRENGTH_OF_ONE if n_samples == 1 else 0.0)
    alpha = tables.shares * strength
    shares = tables.shares
    one, other = _CLONAL_PRIOR if n_samples > 1 else _CLONAL_PRIOR_OF_ONE
    clonal = one / (one + other)
    flat = tables.table.reshape(n_classes, n, -1)
    last = -np.inf
    log_weights = np.zeros(n_classes)
    log_posterior = last
    for _ in range(_ROUNDS):
        log_weights = np.append(np.log(clonal * shares), np.log1p(-clonal))
        joint = tables.table[:, :, samples, at].sum(axis=2, dtype=np.float64) + log_weights[:, None]
        total = np.logaddexp.reduce(joint, axis=0)
        share = np.exp(joint - total)
        log_posterior = float(total.sum() + alpha @ np.log(shares) + log_prior[samples, at].sum())
        log_posterior += one * np.log(clonal) + other * np.log1p(-clonal)
        counts = share[:-1].sum(axis=1)
        shares = (counts + alpha) / (counts.sum() + strength)
        clonal = (counts.sum() + one) / (n + one + other)
        score = np.zeros(flat.shape[2])
        for z in range(n_classes):
            score += share[z].astype(np.float32) @ flat[z]
        better = (score.reshape(n_samples, -1) + log_prior).argmax(axis=1)
        if (better == at).all() and log_posterior - last < 1e-3:
            break
        at, last = better, log_posterior
    return at, log_weights, log_posterior


def _mode(
    tables: StateTables, at: IntArray, log_weights: FloatArray, log_posterior: float, log_prior: FloatArray
) -> PurityMode:
    """Mean, spread and evidence around a mode; the mean between the points of the grid (one step of Newton)."""
    samples = np.arange(tables.n_samples)
    middle = np.clip(at, 1, len(PURITY_GRID) - 2)
    step = PURITY_GRID[1] - PURITY_GRID[0]
    low, here, high = (tables.table[:, :, samples, middle + shift].astype(np.float64) for shift in (-1, 0, 1))
    slope, bend = (high - low) / (2.0 * step), (high - 2.0 * here + low) / step**2
    joint = here.sum(axis=2) + log_weights[:, None]
    share = np.exp(joint - np.logaddexp.reduce(joint, axis=0))
    mean_slope = np.einsum("zn,zns->ns", share, slope)
    information = -np.diag(np.einsum("zn,zns->s", share, bend))
    information -= np.einsum("zn,zns,znt->st", share, slope, slope) - mean_slope.T @ mean_slope
    prior_low, prior_here, prior_high = (log_prior[samples, middle + shift] for shift in (-1, 0, 1))
    information -= np.diag((prior_high - 2.0 * prior_here + prior_low) / step**2)
    values, vectors = np.linalg.eigh((information + information.T) / 2.0)
    values = np.maximum(values, 1.0 / _WIDEST**2)
    covariance = (vectors / values) @ vectors.T
    gradient = mean_slope.sum(axis=0) + (prior_high - prior_low) / (2.0 * step)
    purity = PURITY_GRID[at] + np.clip(covariance @ gradient, -step / 2.0, step / 2.0) * (at == middle)
    clonal = share[:-1].sum()
    ploidy = float((share[:-1] * tables.copies).sum() / max(clonal, 1e-9))
    evidence = log_posterior + 0.5 * (len(at) * np.log(2.0 * np.pi) - np.log(values).sum())
    return PurityMode(
        float(evidence), purity, np.sqrt(np.diag(covariance)), ploidy, float(clonal / max(share.shape[1], 1))
    )
