"""How far probabilities that are sums over sampled draws may be off: Monte-Carlo error, R-hat, effective draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["MonteCarlo", "diagnose_draws", "split_r_hat"]

LEAST_DRAWS = 4
"""Draws of a chain from which its own autocorrelation is looked at."""


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Errors of several probabilities, each a weighted mean over the same draws.

    Parameters
    ----------
    probability : float64 array (Q,)
    mcse : float64 array (Q,)
        Monte-Carlo standard error; 0 for what is the same in every draw.
    r_hat : float64 array (Q,)
        Split R-hat; 1 for what is the same in every draw.
    effective_draws : float64 array (Q,)
        Independent draws that would give this error; the number of draws for what is the same in every draw.
    """

    probability: FloatArray
    mcse: FloatArray
    r_hat: FloatArray
    effective_draws: FloatArray


def diagnose_draws(values: FloatArray, weights: FloatArray, chain: IntArray) -> MonteCarlo:
    r"""Work out the Monte-Carlo error of weighted means over the draws of several chains.

    Parameters
    ----------
    values : float64 array (D, Q)
        Probability of every statement given each draw, in [0, 1].
    weights : float64 array (D,)
        Weights of the draws, any scale; at least one is positive.
    chain : int64 array (D,)
        Chain of every draw. The draws of a chain stand in the order in which they were drawn.

    Returns
    -------
    MonteCarlo

    Notes
    -----
    With weights w the mean P = sum w f / sum w has the error of the mean of the series D w (f - P) / sum w (delta
    method). Its variance is the greater of two estimates: V tau / D with the variance V of within and between
    half-chains and the autocorrelation time tau of Geyer's initial monotone sequence (Vehtari et al. 2021,
    doi:10.1214/20-BA1221), and the jackknife variance of P when one half-chain after the other is left out, which sees
    it if most of the weight is on few draws. To it is added what a mode that was missed could hold, half an effective
    draw that surely has the statement and half a draw that surely has it not: (P^2 + (1 - P)^2) / 4 (n + 2)^2 for n
    effective draws, at most (sum w)^2 / sum w^2. Without it the error of what few draws have is smallest where it was
    met least. R-hat: `split_r_hat`.

    Chains that all sit in one of several modes cannot be told from chains that mix.
    """
    values, weights = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    n_draws = len(values)
    relative = weights * (n_draws / weights.sum())
    probability = relative @ values / n_draws
    series = relative[:, None] * (values - probability)
    is_constant = np.ptp(values[relative > 0.0], axis=0) < 1e-12
    halves = _half_chains(series, np.asarray(chain))
    n_halves, length, _ = halves.shape
    means = halves.mean(axis=1)
    between = means.var(axis=0, ddof=1) if n_halves > 1 else np.zeros(values.shape[1])
    if length < 2:  # every chain is one draw
        variance = np.maximum(between, probability * (1.0 - probability) if n_halves < 2 else 0.0) / n_halves
        total, r_hat = between, np.full(len(between), np.nan)
    else:
        centred = halves - means[:, None]
        covariance = np.array(
            [(centred[:, : length - lag] * centred[:, lag:]).sum(axis=1).mean(axis=0) / length for lag in range(length)]
        )
        within = covariance[0] * length / (length - 1)
        total = covariance[0] + between
        variance = total * _autocorrelation_time(covariance, within, total) / (n_halves * length)
        r_hat = split_r_hat(within, between, length)
    variance = np.maximum(variance, _jackknife(values, relative, np.asarray(chain)))
    most = n_draws**2 / float(relative @ relative)
    effective = np.clip(np.divide(total, variance, out=np.full_like(total, most), where=variance > 0.0), 1.0, most)
    unseen = ((0.5 * probability) ** 2 + (0.5 * (1.0 - probability)) ** 2) / (effective + 2.0) ** 2
    variance = np.where(is_constant, 0.0, variance + unseen)
    return MonteCarlo(
        probability,
        np.sqrt(variance),
        np.where(is_constant, 1.0, np.maximum(r_hat, 1.0)),
        np.where(is_constant, float(n_draws), effective),
    )


def split_r_hat(within: FloatArray, between: FloatArray, length: int) -> FloatArray:
    """Work out R-hat of probabilities from the variances within and between half-chains of `length` draws.

    R-hat = sqrt(((h - 1) / h W + B) / W) (Gelman et al. 2013, Bayesian Data Analysis, 11.4). A statement that is
    constant within every half-chain and differs between them (chains in different modes) has W = 0; W counts as no less
    than what h draws can tell from none, p (1 - p) at p = 1 / (2 (h + 1)), half a draw that differs: R-hat is then
    about sqrt(2 h B), and never infinite.

    Parameters
    ----------
    within, between : float64 arrays (Q,)
    length : int

    Returns
    -------
    float64 array (Q,)
    """
    rare = 0.5 / (length + 1)
    return np.asarray(np.sqrt((length - 1) / length + between / np.maximum(within, rare * (1.0 - rare))))


def _half_chains(series: FloatArray, chain: IntArray) -> FloatArray:
    """First and last halves of all chains, as long as the shortest has (2 chains, h, Q); chains of few draws whole."""
    chains = [series[chain == one] for one in np.unique(chain)]
    shortest = min(len(one) for one in chains)
    if shortest < LEAST_DRAWS:
        return np.stack([one.mean(axis=0, keepdims=True) for one in chains])
    half = shortest // 2
    return np.stack([part for one in chains for part in (one[:half], one[len(one) - half :])])


def _jackknife(values: FloatArray, weights: FloatArray, chain: IntArray) -> FloatArray:
    """Jackknife variance of the weighted means (Q,), one half of a chain left out at a time."""
    parts = [half for one in np.unique(chain) for half in np.array_split(np.flatnonzero(chain == one), 2) if len(half)]
    if len(parts) < 2:
        return np.zeros(values.shape[1])
    sums = np.array([weights[part] @ values[part] for part in parts])
    total = np.array([weights[part].sum() for part in parts])[:, None]
    left = total.sum() - total
    whole = np.broadcast_to(sums.sum(axis=0) / total.sum(), sums.shape).copy()
    means = np.divide(sums.sum(axis=0) - sums, left, out=whole, where=left > 1e-9 * total.sum())
    return np.asarray((len(parts) - 1) * means.var(axis=0))


def _autocorrelation_time(covariance: FloatArray, within: FloatArray, total: FloatArray) -> FloatArray:
    """Draws that are worth one independent draw (Q,), by the initial monotone sequence; at least 1.

    `covariance` (h, Q): mean autocovariance of the half-chains by lag; `within` and `total` variance (Q,).
    """
    correlation = 1.0 - np.divide(within - covariance, total, out=np.ones_like(covariance), where=total > 0.0)
    correlation[0] = 1.0
    n_pairs = len(correlation) // 2
    pairs = correlation[: 2 * n_pairs].reshape(n_pairs, 2, -1).sum(axis=1)
    pairs = np.minimum.accumulate(pairs, axis=0)
    positive = np.minimum.accumulate(pairs > 0.0, axis=0)
    return np.asarray(np.maximum(2.0 * np.where(positive, pairs, 0.0).sum(axis=0) - 1.0, 1.0))
