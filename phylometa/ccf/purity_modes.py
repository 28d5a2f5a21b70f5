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

# Pseudo-counts of the shares of states, and of the shares of clonal mutations, subclonal ones each for itself, and
# those of clones: what several samples share mostly is clonal, what a single sample shows need not be.
_PSEUDO_COUNTS = 20.0
_KINDS = np.array([17.0, 1.5, 1.5])
_KINDS_OF_ONE = np.array([3.0, 2.0, 0.0])
# Shares of the tumour's cells from which the search for these clones starts.
_CLONE_STARTS = ((0.85, 0.55, 0.3), (0.7, 0.4, 0.1))
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

    Beside the clonal states and subclonal mutations that are each for themselves stand clones: several mutations with
    one prevalence in each sample. Without them, a clone that is larger than the trunk would be taken for the trunk of a
    lower purity.

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
        for shares in _CLONE_STARTS if tables.n_samples > 1 else _CLONE_STARTS[:1]:
            first = start * np.array([1.0, *shares])[:, None]
            at = np.abs(PURITY_GRID - first[:, :, None]).argmin(axis=2)
            at, log_weights, log_posterior = _climb(tables, at, log_prior)
            if any(np.abs(other - at[0]).max() <= same for other, _ in found):
                continue
            found.append((at[0], _mode(tables, at, log_weights, log_posterior, log_prior)))
    return sorted((mode for _, mode in found), key=lambda mode: -mode.log_evidence)


def _of_classes(tables: StateTables, at: IntArray, clones: IntArray) -> FloatArray:
    """Log-likelihood (Z + 1 + C, n, S) of every class at the purities (S,), and of the clones at theirs (C, S)."""
    samples = np.arange(tables.n_samples)
    own = tables.table[tables.single][:, samples, clones].transpose(1, 0, 2)
    return np.concatenate((tables.table[:, :, samples, at], own))


def _climb(tables: StateTables, at: IntArray, log_prior: FloatArray) -> tuple[IntArray, FloatArray, float]:
    """EM from one start: grid indices (1 + C, S), log-weights of the classes, log-posterior.

    The first row is the purities', the others are the clones': purity times their share of the tumour's cells.
    """
    n_classes, n, n_samples, n_grid = tables.table.shape
    samples, points = np.arange(n_samples), np.arange(n_grid)
    n_clones = len(at) - 1
    strength = _PSEUDO_COUNTS + (n * _STRENGTH_OF_ONE if n_samples == 1 else 0.0)
    alpha = tables.shares * strength
    shares = tables.shares
    kinds = _KINDS if n_samples > 1 else _KINDS_OF_ONE
    prior = np.concatenate((kinds[:2], np.full(n_clones, kinds[2] / max(n_clones, 1))))
    kind = prior / prior.sum()
    flat = tables.table.reshape(n_classes, n, -1)
    log_weights = np.zeros(n_classes + n_clones)
    last = log_posterior = -np.inf
    for _ in range(_ROUNDS):
        log_kind = np.log(np.maximum(kind, 1e-300))
        log_weights = np.concatenate((log_kind[0] + np.log(shares), log_kind[1:]))
        joint = _of_classes(tables, at[0], at[1:]).sum(axis=2, dtype=np.float64) + log_weights[:, None]
        total = np.logaddexp.reduce(joint, axis=0)
        share = np.exp(joint - total)
        log_posterior = float(total.sum() + alpha @ np.log(shares) + log_prior[samples, at[0]].sum())
        log_posterior += float(prior @ log_kind)
        counts = share[: n_classes - 1].sum(axis=1)
        shares = (counts + alpha) / (counts.sum() + strength)
        kind = np.concatenate((counts.sum(keepdims=True), share[n_classes - 1 :].sum(axis=1))) + prior
        kind /= kind.sum()
        score = np.zeros(flat.shape[2])
        for z in range(n_classes):
            score += share[z].astype(np.float32) @ flat[z]
        better = np.empty_like(at)
        better[0] = (score.reshape(n_samples, -1) + log_prior).argmax(axis=1)
        for c in range(n_clones):
            of_clone = (share[n_classes + c].astype(np.float32) @ flat[tables.single]).reshape(n_samples, -1)
            better[1 + c] = np.where(points <= better[0][:, None], of_clone, -np.inf).argmax(axis=1)
        if (better == at).all() and log_posterior - last < 1e-3:
            break
        at, last = better, log_posterior
    return at, log_weights, log_posterior


def _mode(
    tables: StateTables, places: IntArray, log_weights: FloatArray, log_posterior: float, log_prior: FloatArray
) -> PurityMode:
    """Mean, spread and evidence around a mode; the mean between the points of the grid (one step of Newton).

    Purities and clones are taken as independent given each other's best values.
    """
    at, clones = places[0], places[1:]
    n_states = len(tables.table) - 1
    samples = np.arange(tables.n_samples)
    middle = np.clip(at, 1, len(PURITY_GRID) - 2)
    step = PURITY_GRID[1] - PURITY_GRID[0]
    low, here, high = (_of_classes(tables, middle + shift, clones).astype(np.float64) for shift in (-1, 0, 1))
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
    clonal = share[:n_states].sum()
    ploidy = float((share[:n_states] * tables.copies).sum() / max(clonal, 1e-9))
    evidence = log_posterior + 0.5 * (len(at) * np.log(2.0 * np.pi) - np.log(values).sum())
    evidence += _evidence_of_clones(tables, share[n_states + 1 :], clones, purity)
    return PurityMode(
        float(evidence), purity, np.sqrt(np.diag(covariance)), ploidy, float(clonal / max(share.shape[1], 1))
    )


def _evidence_of_clones(tables: StateTables, share: FloatArray, clones: IntArray, purity: FloatArray) -> float:
    """Log of what is left of the evidence once the prevalences of the clones are summed out, uniform up to the purity.

    Laplace's, and 0 for a clone without mutations. `share` (C, n): probability that a mutation is of the clone;
    `clones` (C, S): grid indices.
    """
    samples = np.arange(tables.n_samples)
    step = PURITY_GRID[1] - PURITY_GRID[0]
    middle = np.clip(clones, 1, len(PURITY_GRID) - 2)
    table = tables.table[tables.single].astype(np.float64)
    low, here, high = (table[:, samples, middle + shift] for shift in (-1, 0, 1))  # (n, C, S)
    information = -np.einsum("cn,ncs->cs", share, (high - 2.0 * here + low) / step**2)
    information = np.maximum(information, 2.0 * np.pi / purity**2)
    return float((0.5 * np.log(2.0 * np.pi / information) - np.log(purity)).sum())
