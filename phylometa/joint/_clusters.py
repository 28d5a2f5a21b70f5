"""Compiled scores of one cluster in the joint search: its reads summed, their likelihood, its prevalence."""

from __future__ import annotations

import math

from numba import njit

from phylometa.model.arrays import FloatArray

# Reads of a cluster below which there are none: sums that mutations were added to and taken from carry rounding errors.
NO_READS = 1e-6


@njit(cache=True)
def shared_error(alt: float, total: float, error: float, precision: float) -> float:
    """What an error that all reads of a cluster share leaves of their likelihood: log of beta-binomial over binomial.

    `alt` of `total` reads, both at their most likely rate; `precision`: reads at which the precision levels off.
    """
    value = min(max((alt / total - error) / (0.5 - error), 0.0), 1.1)
    rate = min(max(error + value * (0.5 - error), 0.5 / max(total, 1.0)), 0.5)
    a, b = rate * precision, (1.0 - rate) * precision
    together = math.lgamma(alt + a) + math.lgamma(total - alt + b) - math.lgamma(total + precision)
    alone = math.lgamma(a) + math.lgamma(b) - math.lgamma(precision)
    return together - alone - alt * math.log(rate) - (total - alt) * math.log(1.0 - rate)


@njit(cache=True)
def set_prevalence(
    cluster: int, seen: FloatArray, reads: FloatArray, options: FloatArray, prevalence: FloatArray, variance: FloatArray
) -> None:
    """Prevalence of one cluster, and its variance, in place from its alternate and total reads (S,)."""
    error, enough = options[0], options[1]
    for s in range(len(seen)):
        if reads[s] > NO_READS:
            value = min(max((seen[s] / reads[s] - error) / (0.5 - error), 0.0), 1.1)
            rate = min(max(error + value * (0.5 - error), 0.5 / max(reads[s], 1.0)), 0.5)
            weight = enough / (enough + reads[s])
            prevalence[cluster, s] = value
            variance[cluster, s] = max(min(rate * (1.0 - rate) / (reads[s] * weight * (0.5 - error) ** 2), 1.0), 1e-6)
        else:
            prevalence[cluster, s] = 0.0
            variance[cluster, s] = 1e4


@njit(cache=True)
def score_cluster(
    cluster: int, curve: FloatArray, seen: FloatArray, reads: FloatArray, options: FloatArray, likelihood: FloatArray,
    tops: FloatArray,
) -> None:  # fmt: skip
    """Likelihood (S, G) and its maximum (S,) of one cluster, in place from sums over its mutations.

    `curve` (S, G) log-likelihood; `seen`, `reads` (S,); `options`: error rate, reads at which the precision levels off,
    greatest loss of a cell.
    """
    error, enough, cost = options[0], options[1], options[2]
    for s in range(len(seen)):
        top = curve[s].max()
        weight = enough / (enough + reads[s])
        for x in range(curve.shape[1]):
            likelihood[cluster, s, x] = math.exp(max(weight * (curve[s, x] - top), -cost))
        tops[cluster, s] = top
        if reads[s] > NO_READS:
            tops[cluster, s] += shared_error(seen[s], reads[s], error, enough)


@njit(cache=True)
def move_mutation(
    i: int, source: int, target: int, curves: FloatArray, alt: FloatArray, total: FloatArray, curve: FloatArray,
    seen: FloatArray, reads: FloatArray, size: FloatArray,
) -> None:  # fmt: skip
    """Sums of the clusters after mutation `i` went from `source` to `target` (-1: from nowhere, or to nowhere)."""
    for cluster, sign in ((source, -1.0), (target, 1.0)):
        if cluster >= 0:
            size[cluster] += sign
            for s in range(alt.shape[1]):
                seen[cluster, s] += sign * alt[i, s]
                reads[cluster, s] += sign * total[i, s]
                for x in range(curves.shape[2]):
                    curve[cluster, s, x] += sign * curves[i, s, x]
