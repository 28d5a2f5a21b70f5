"""Weights of draws that few of them share: how far histories may weigh the draws of the sampler.

The sampler knows the simplest history of a draw only; each draw is then weighed by all its histories. If these differ
much, one draw gets nearly all the weight, and what is shown is that draw's accident. The weights are then
taken to the largest power at which enough draws count (as in annealed importance sampling: Neal 2001,
doi:10.1023/A:1008923215028). The histories of one draw keep their shares.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.history import HistoryEnsemble

__all__ = ["effective_draws", "temper_draws", "weights_of_draws"]


def effective_draws(weights: FloatArray) -> float:
    """Work out how many draws of equal weight say as much: (sum w)^2 / sum w^2.

    Examples
    --------
    >>> effective_draws(np.array([0.5, 0.5, 0.0])), effective_draws(np.ones(4))
    (2.0, 4.0)
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def weights_of_draws(drawn: HistoryEnsemble, n_draws: int) -> FloatArray:
    """Sum the weights of each draw's histories (n_draws,)."""
    weights = np.zeros(n_draws)
    for entry in drawn.trees:
        weights[entry.tree] += entry.weight
    return weights


def temper_draws(drawn: HistoryEnsemble, n_draws: int, least: float) -> HistoryEnsemble:
    """Take the weights of the draws to the largest power, at most 1, at which `least` of them count.

    Parameters
    ----------
    drawn : HistoryEnsemble
        ``TreeHistories.tree`` is the index of a draw.
    n_draws : int
    least : float
        `effective_draws` that are asked for, as a share of the draws that have histories.

    Returns
    -------
    HistoryEnsemble
        With new weights, which add up to 1, and the `power`.
    """
    weights = weights_of_draws(drawn, n_draws)
    has_any = weights > 0.0
    log_weight = np.log(weights, where=has_any, out=np.full(n_draws, -np.inf))
    log_weight -= log_weight.max()

    def powered(power: float) -> FloatArray:
        made = np.where(has_any, np.exp(power * np.where(has_any, log_weight, 0.0)), 0.0)
        return np.asarray(made / made.sum())

    wanted = least * has_any.sum()
    power = 1.0
    if effective_draws(weights) < wanted:
        low, high = 0.0, 1.0
        for _ in range(40):
            power = 0.5 * (low + high)
            low, high = (power, high) if effective_draws(powered(power)) >= wanted else (low, power)
        power = low
    if power == 1.0:
        return drawn
    found = powered(power)
    factor = np.divide(found, weights, out=np.zeros(n_draws), where=has_any)
    trees = tuple(
        replace(
            entry,
            weight=entry.weight * float(factor[entry.tree]),
            histories=tuple(replace(one, weight=one.weight * float(factor[entry.tree])) for one in entry.histories),
        )
        for entry in drawn.trees
    )
    return replace(drawn, trees=trees, power=power)
