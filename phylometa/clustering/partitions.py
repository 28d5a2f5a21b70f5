"""Search for the best partition of mutations by exact marginal likelihood on CCF grids.

A cluster has one unknown CCF c_s in every sample. Its marginal likelihood is the product over samples of
``integral prior(c) prod_i L_is(c) dc``, the prior being a spike at 0, a spike at 1 and a uniform slab; or the cluster
is truncal, with CCF 1 in every sample. The prior of a partition is the Chinese restaurant process. Nothing here knows
about reads: items are log-likelihoods on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, log1p

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray

__all__ = [
    "CcfPrior",
    "LogGrid",
    "agglomerate",
    "cluster_totals",
    "concentration_weights",
    "join_gains",
    "log_cluster_count_prior",
    "log_distinct",
    "log_marginal",
    "refine",
    "relabel",
    "spike_posterior",
    "truncal_probability",
]

LogGrid = NDArray[np.float32]

# Values of one temporary array (float32, about 16 MB), so that it stays in the processor's cache hierarchy.
_VALUES_AT_ONCE = 4_000_000
# While more than _SCREEN_ABOVE clusters are left, pairs are screened on every _SCREEN_STEP-th grid point: a pair whose
# best common CCFs cost more log-likelihood than a merger can ever gain (_SCREEN_COST: a constant, and an amount per
# sample) is not integrated.
_SCREEN_STEP = 4
_SCREEN_ABOVE = 12
_SCREEN_COST = (15.0, 4.0)


@dataclass(frozen=True, eq=False)
class CcfPrior:
    """Prior of a cluster's CCFs: truncal (CCF 1 in every sample), or independent between samples.

    Parameters
    ----------
    points : float32 array (G,)
        Weight of every grid point in one sample, quadrature included, if the cluster is not truncal.
    truncal : float
        Prior probability that the cluster is truncal.
    """

    points: LogGrid
    truncal: float


def log_marginal(log_likelihood: LogGrid, prior: CcfPrior) -> NDArray[np.float32]:
    """Compute the log marginal likelihood: the CCF integrated out in every sample, or 1 in all of them.

    Parameters
    ----------
    log_likelihood : float32 array (..., S, G)
    prior : CcfPrior

    Returns
    -------
    float32 array (...)
    """
    peak = log_likelihood.max(axis=-1, keepdims=True)
    weight = np.exp(log_likelihood - peak)
    evidence = (np.log(weight @ prior.points) + peak[..., 0]).sum(axis=-1)
    truncal = log_likelihood[..., -1].sum(axis=-1)
    return np.asarray(
        np.logaddexp(evidence + np.float32(log1p(-prior.truncal)), truncal + np.float32(log(prior.truncal)))
    )


def truncal_probability(log_likelihood: LogGrid, prior: CcfPrior) -> FloatArray:
    """Compute the posterior probability (...) that a cluster is truncal, from its log-likelihood (..., S, G)."""
    truncal = log_likelihood[..., -1].sum(axis=-1, dtype=np.float64) + log(prior.truncal)
    return np.asarray(np.exp(np.minimum(truncal - log_marginal(log_likelihood, prior), 0.0)))


def spike_posterior(log_likelihood: LogGrid, prior: CcfPrior) -> NDArray[np.float32]:
    """Compute the posterior of the spikes of clusters, shape (..., S + 1, 2), for `log_distinct`.

    Of a cluster that is not truncal, the probabilities of CCF 0 and of CCF 1 in every sample (NaN if nothing was
    seen); in the last row, twice, the probability that it is truncal.
    """
    return _marginal_and_spikes(log_likelihood, prior)[1]


def _marginal_and_spikes(log_likelihood: LogGrid, prior: CcfPrior) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`log_marginal` and `spike_posterior` at once."""
    peak = log_likelihood.max(axis=-1)
    weight = np.exp(log_likelihood - peak[..., None])
    evidence = np.einsum("...g,g->...", weight, prior.points)
    spikes = np.empty((*log_likelihood.shape[:-2], log_likelihood.shape[-2] + 1, 2), dtype=np.float32)
    spikes[..., :-1, 0] = weight[..., 0] * prior.points[0] / evidence
    spikes[..., :-1, 1] = weight[..., -1] * prior.points[-1] / evidence
    spikes[..., :-1, :][peak == log_likelihood.min(axis=-1)] = np.nan
    independent = (np.log(evidence) + peak).sum(axis=-1) + np.float32(log1p(-prior.truncal))
    truncal = log_likelihood[..., -1].sum(axis=-1) + np.float32(log(prior.truncal))
    marginal = np.logaddexp(independent, truncal)
    spikes[..., -1, :] = np.exp(np.minimum(truncal - marginal, 0.0))[..., None]
    return marginal, spikes


def log_distinct(first: NDArray[np.float32], others: NDArray[np.float32]) -> FloatArray:
    """Compute the log probability that two clusters do not lie at the same spike in every sample.

    Two clusters with the same CCF vector are one cluster. A continuous prior never gives them that, but two
    spikes do: of the weight of "two clusters", the part in which both have the same pattern of CCF 0 and 1 is void. A
    sample in which one of them was not observed tells nothing apart.

    Parameters
    ----------
    first, others : float32 arrays (..., S + 1, 2), broadcast
        `spike_posterior` of the clusters.

    Returns
    -------
    float64 array (...)
    """
    product = (others * first).astype(np.float64)
    both_truncal = product[..., -1, 0]
    product = product[..., :-1, :]
    product[np.isnan(product)] = 0.5
    independent = (1.0 - first[..., -1, 0]) * (1.0 - others[..., -1, 0])
    same = both_truncal + independent * product.sum(axis=-1).prod(axis=-1)
    return np.asarray(np.log1p(-np.minimum(same, 1.0 - 1e-9)))


def concentration_weights(n_mutations: int, median: float, log_sd: float) -> tuple[FloatArray, FloatArray]:
    """Give values of a log-normal concentration alpha with log weights ``ln p(alpha) Gamma(alpha) / Gamma(alpha + N)``.

    With K clusters the posterior weight of a value is this plus K ln(alpha).
    """
    nodes = np.linspace(-3.0, 3.0, 25)
    alphas = median * np.exp(log_sd * nodes)
    constant = np.array([lgamma(alpha) - lgamma(alpha + n_mutations) for alpha in alphas.tolist()])
    return alphas, constant - 0.5 * nodes**2


def log_cluster_count_prior(n_mutations: int, median: float, log_sd: float) -> FloatArray:
    """Compute the part of the Chinese restaurant process that depends on the number of clusters, over its parameter.

    ``ln E[alpha^K Gamma(alpha) / Gamma(alpha + N)]``, alpha log-normal; the prior of a partition is this plus
    ``sum_k ln Gamma(n_k)``. Summing alpha out lets the data say whether clusters are many and small or few and large.

    Parameters
    ----------
    n_mutations : N
    median, log_sd : float
        Of the concentration alpha.

    Returns
    -------
    float64 array (N + 2,)
        Index K, the number of clusters.
    """
    alphas, log_weight = concentration_weights(n_mutations, median, log_sd)
    counts = np.arange(n_mutations + 2.0)
    prior = np.logaddexp.reduce(log_weight + counts[:, None] * np.log(alphas), axis=1)
    return np.asarray(prior)


def relabel(labels: IntArray) -> IntArray:
    """Number labels 0, 1, ... by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def cluster_totals(items: LogGrid, labels: IntArray, n_clusters: int | None = None) -> LogGrid:
    """Sum the items (n, S, G) of each cluster: (K, S, G)."""
    count = int(labels.max()) + 1 if n_clusters is None else n_clusters
    totals = np.zeros((count, *items.shape[1:]), dtype=np.float32)
    # A loop over rows is faster here than add.at, reduceat or a product with an indicator matrix.
    for row, cluster in enumerate(labels.tolist()):
        totals[cluster] += items[row]
    return totals


def agglomerate(items: LogGrid, sizes: IntArray, prior: CcfPrior, count_prior: FloatArray) -> IntArray:
    """Merge the pair of clusters that gains most, until no merger gains.

    Parameters
    ----------
    items : float32 array (N, S, G)
        Log-likelihoods of mutations or of whole clusters.
    sizes : int64 array (N,)
        Mutations in each item.
    prior : CcfPrior
    count_prior : float64 array
        `log_cluster_count_prior`.

    Returns
    -------
    int64 array (N,)
        Cluster of each item, numbered by first appearance.
    """
    n_items = len(items)
    state = _Merging(np.array(items), np.asarray(sizes, dtype=np.float64), prior)
    gains = np.full((n_items, n_items), -np.inf)
    upper_first, upper_second = np.triu_indices(n_items, 1)
    gains[upper_first, upper_second] = state.gains(upper_first, upper_second, is_screened=n_items > _SCREEN_ABOVE)
    owner = np.arange(n_items)
    alive = np.ones(n_items, dtype=bool)
    rows = np.arange(n_items)
    best_column = gains.argmax(axis=1) if n_items else rows
    best = gains[rows, best_column]
    n_clusters = n_items
    while n_clusters > 1:
        first = int(best.argmax())
        if best[first] + count_prior[n_clusters - 1] - count_prior[n_clusters] <= 0.0:
            break
        n_clusters -= 1
        second = int(best_column[first])
        state.merge(first, second)
        owner[owner == second] = first
        alive[second] = False
        best[second] = -np.inf
        gains[second, :] = -np.inf
        gains[:, second] = -np.inf
        others = np.flatnonzero(alive)
        others = others[others != first]
        changed = state.gains(np.full(len(others), first), others, is_screened=n_clusters > _SCREEN_ABOVE)
        upper = others > first
        gains[first, others[upper]] = changed[upper]
        gains[others[~upper], first] = changed[~upper]
        # Rows whose best column is gone or changed are searched again, the others only compared with the new value.
        stale = alive & ((best_column == second) | (best_column == first))
        stale[first] = True
        again = np.flatnonzero(stale)
        best_column[again] = gains[again].argmax(axis=1)
        best[again] = gains[again, best_column[again]]
        lower = others[~upper]
        better = lower[gains[lower, first] > best[lower]]
        best_column[better] = first
        best[better] = gains[better, first]
    return relabel(owner)


class _Merging:
    """Clusters while they are merged: log-likelihoods, marginal likelihoods and spikes, kept up to date."""

    def __init__(self, totals: LogGrid, counts: FloatArray, prior: CcfPrior) -> None:
        self.totals = totals
        self.counts = counts.copy()
        self.prior = prior
        alone, self.spikes = _marginal_and_spikes(totals, prior)
        self.alone = alone.astype(np.float64)
        self.lgamma_counts = np.array([lgamma(count) for count in counts])
        self.screen = np.ascontiguousarray(totals[:, :, ::_SCREEN_STEP])
        self.screen_peak = self.screen.max(axis=2).sum(axis=1)

    def merge(self, first: int, second: int) -> None:
        """Add cluster `second` to cluster `first`."""
        self.totals[first] += self.totals[second]
        self.counts[first] += self.counts[second]
        self.alone[first], self.spikes[first] = _marginal_and_spikes(self.totals[first], self.prior)
        self.lgamma_counts[first] = lgamma(self.counts[first])
        self.screen[first] += self.screen[second]
        self.screen_peak[first] = self.screen[first].max(axis=1).sum()

    def gains(self, first: IntArray, second: IntArray, *, is_screened: bool) -> FloatArray:
        """Change of the log posterior when each pair is merged, less the count's prior; -inf if screened out."""
        result = np.full(len(first), -np.inf)
        kept = np.arange(len(first))
        n_samples = self.totals.shape[1]
        if is_screened:
            cost = self.screen_peak[first] + self.screen_peak[second]
            step = max(1, _VALUES_AT_ONCE // max(1, self.screen[0].size))
            for start in range(0, len(first), step):
                part = slice(start, start + step)
                cost[part] -= (self.screen[first[part]] + self.screen[second[part]]).max(axis=2).sum(axis=1)
            constant, per_sample = _SCREEN_COST
            kept = np.flatnonzero(cost < constant + per_sample * n_samples)
        step = max(1, _VALUES_AT_ONCE // max(1, self.totals[0].size))
        for start in range(0, len(kept), step):
            part_kept = kept[start : start + step]
            one, two = first[part_kept], second[part_kept]
            joint = log_marginal(self.totals[one] + self.totals[two], self.prior)
            merged = np.array([lgamma(count) for count in (self.counts[one] + self.counts[two]).tolist()])
            result[part_kept] = (
                joint
                - self.alone[one]
                - self.alone[two]
                - log_distinct(self.spikes[one], self.spikes[two])
                + merged
                - self.lgamma_counts[one]
                - self.lgamma_counts[two]
            )
        return result


def join_gains(
    items: LogGrid,
    labels: IntArray,
    totals: LogGrid,
    counts: FloatArray,
    prior: CcfPrior,
    *,
    columns: IntArray | None = None,
) -> FloatArray:
    """Compute the log weight of every mutation in every cluster, given where all others are, less the count's prior.

    Parameters
    ----------
    items : float32 array (N, S, G)
    labels : int64 array (N,)
    totals : float32 array (K, S, G)
        Sums of the items of each cluster.
    counts : float64 array (K,)
        Sizes.
    prior : CcfPrior
    columns : int64 array, optional
        Clusters to compute; default all.

    Returns
    -------
    float64 array (N, number of columns + 1)
        ln n_k + ln P(item | others of cluster k); the last column is a cluster of its own.
    """
    n_items = len(items)
    columns = np.arange(len(totals)) if columns is None else columns
    gains = np.empty((n_items, len(columns) + 1))
    marginal, cluster_spikes = _marginal_and_spikes(totals, prior)
    whole = marginal[columns]
    alone, item_spikes = _marginal_and_spikes(items, prior)
    gains[:, -1] = alone + _log_distinct_from_all(item_spikes, cluster_spikes, labels, counts)
    for position, cluster in enumerate(columns.tolist()):
        member = labels == cluster
        sign = np.where(member, -1.0, 1.0).astype(np.float32)[:, None, None]
        other = log_marginal(totals[cluster] + sign * items, prior)
        here = whole[position]
        size = counts[cluster] - member
        with np.errstate(divide="ignore"):
            gains[:, position] = np.where(member, here - other, other - here) + np.log(size)
    return gains


def _log_distinct_from_all(
    item_spikes: NDArray[np.float32], cluster_spikes: NDArray[np.float32], labels: IntArray, counts: FloatArray
) -> FloatArray:
    """Log probability that a mutation of its own lies at the spikes of no cluster (its own, if alone, left out)."""
    terms = log_distinct(cluster_spikes, item_spikes[:, None])
    terms[:, counts == 0.0] = 0.0
    alone = np.flatnonzero(counts[labels] == 1.0)
    terms[alone, labels[alone]] = 0.0
    return np.asarray(terms.sum(axis=1))


def refine(
    items: LogGrid, labels: IntArray, prior: CcfPrior, count_prior: FloatArray, *, max_moves: int
) -> tuple[IntArray, FloatArray]:
    """Move single mutations between clusters (or into a new one) while the posterior rises.

    Returns
    -------
    labels : int64 array (N,)
    gains : float64 array (N, K + 1)
        `join_gains` of the final labels.
    """
    labels = relabel(labels)
    n_items = len(items)
    n_clusters = int(labels.max()) + 1 if n_items else 0
    totals = cluster_totals(items, labels)
    counts = np.bincount(labels, minlength=n_clusters).astype(np.float64)
    gains = join_gains(items, labels, totals, counts, prior)
    rows = np.arange(n_items)
    for _ in range(max_moves):
        alone = counts[labels] == 1
        n_used = int((counts > 0).sum())
        # Without the mutation there are as many clusters as now, or one less if it is alone.
        fresh = np.where(
            alone, count_prior[n_used] - count_prior[n_used - 1], count_prior[n_used + 1] - count_prior[n_used]
        )
        weight = gains.copy()
        weight[:, -1] += fresh
        here = np.where(alone, weight[:, -1], weight[rows, labels])
        target = weight.argmax(axis=1)
        rise = weight[rows, target] - here
        mover = int(rise.argmax())
        if rise[mover] <= 1e-3:
            break
        source, goal = int(labels[mover]), int(target[mover])
        if goal == n_clusters:
            totals = np.concatenate((totals, np.zeros((1, *totals.shape[1:]), dtype=np.float32)))
            counts = np.append(counts, 0.0)
            gains = np.insert(gains, n_clusters, -np.inf, axis=1)
            n_clusters += 1
        labels[mover] = goal
        totals[source] -= items[mover]
        totals[goal] += items[mover]
        counts[source] -= 1.0
        counts[goal] += 1.0
        changed = np.array([source, goal])
        gains[:, changed] = join_gains(items, labels, totals, counts, prior, columns=changed)[:, :2]
    keep = counts > 0.0
    index = np.cumsum(keep) - 1
    return index[labels], gains[:, np.append(keep, True)]
