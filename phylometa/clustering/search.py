"""The best partition of a few hundred mutations: multiplicities, overdispersion and clusters fitted in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, lgamma

import numpy as np

from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import (
    LogGrid,
    agglomerate,
    cluster_totals,
    log_distinct,
    log_marginal,
    refine,
    relabel,
    spike_posterior,
)
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["Partition", "fit_precision", "known_partition", "local_alternatives", "search_partition"]

# Rounds in which multiplicities and clusters are fitted in turn.
_MULTIPLICITY_ROUNDS = 5
# Mergers and splits taken at most after the search, and the rise of the log posterior that one must bring.
_IMPROVEMENT_ROUNDS = 10
_MIN_RISE = 1e-3
# Precisions tried first, then around the best one; log prior odds of overdispersed against binomial reads.
_PRECISIONS = (inf, 400.0, 120.0)
_FINER_PRECISIONS = (3000.0, 1500.0, 800.0, 400.0, 250.0, 170.0, 120.0, 80.0, 50.0, 30.0, 15.0)
_SEARCH_PRECISION = 150.0
_LOG_OVERDISPERSED = -3.0
# Reads of a cluster in a sample below which every second grid point is enough to search.
_COARSE_READS = 4000


@dataclass(frozen=True, eq=False)
class Partition:
    """A partition of the mutations of a model.

    Parameters
    ----------
    labels : int64 array (n,)
        Clusters 0..K-1.
    model : ClusteringModel
        With the spike weights and the precision that go with the partition.
    totals : float32 array (K, S, G)
        Log-likelihood of each cluster's CCF on the grid.
    log_option : float array (n, S, J) or None
        Log weights of the multiplicities; None if each locus allows one.
    probability : float64 array (n,)
        Posterior probability of each mutation's place, given where the others are.
    halves : int64 array (n,) or None
        Labels of the partition in which every cluster of several mutations is split into its best two halves.
    """

    labels: IntArray
    model: ClusteringModel
    totals: LogGrid
    log_option: FloatArray | None
    probability: FloatArray
    halves: IntArray | None = None

    @property
    def sizes(self) -> IntArray:
        return np.bincount(self.labels, minlength=len(self.totals)).astype(np.int64)

    @property
    def log_score(self) -> float:
        """Log prior of the partition plus log-likelihood of the reads at each cluster's most likely CCFs."""
        prior = self.model.count_prior[len(self.sizes)] + sum(lgamma(size) for size in self.sizes.tolist())
        return float(self.totals.max(axis=2).sum(dtype=np.float64) + prior)


def known_partition(model: ClusteringModel, labels: IntArray) -> Partition:
    """Make the partition that `labels` are, with its spike weights and, if they vary, its multiplicities."""
    totals = model.cluster_totals(labels)
    model = model.with_revised_weights(totals)
    log_option = None
    if not model.has_fixed_multiplicity:
        log_option = model.multiplicity_weights(model.centres(totals)[labels])
        totals = model.cluster_totals(labels, log_option)
    return Partition(labels, model, totals, log_option, np.ones(len(labels)))


def search_partition(model: ClusteringModel) -> tuple[Partition, list[tuple[Partition, float]]]:
    """Search for the most probable partition, with the overdispersion and spike weights that go with it.

    Parameters
    ----------
    model : ClusteringModel
        Rows in an order that depends on nothing but the reads (ties are broken by it).

    Returns
    -------
    Partition
    alternatives : list of (Partition, float)
        `local_alternatives` of it.
    """
    items = model.items()
    model = model.with_fitted_weights(items)
    labels = _search_items(model, items)
    if model.settings.precision == 0.0:
        precision = fit_precision(model, items, labels)
        if precision < inf:
            model = replace(model, precision=precision)
            items = model.items()
            model = model.with_fitted_weights(items)
            labels = _search_items(model, items)
    if model.has_fixed_multiplicity:
        partition = _refined(model, items, labels)
    else:
        partition, items = _with_multiplicities(model, items, labels)
    return _improved(partition, items)


def _refined(model: ClusteringModel, items: LogGrid, labels: IntArray) -> Partition:
    """The partition that single moves lead to from `labels`, if multiplicities are fixed."""
    labels, log_weight = refine(items, labels, model.prior, model.count_prior, max_moves=10 * len(labels))
    totals = cluster_totals(items, labels)
    probability = _place_probability(labels, log_weight)
    return Partition(labels, model.with_revised_weights(totals), totals, None, probability)


def _improved(partition: Partition, items: LogGrid) -> tuple[Partition, list[tuple[Partition, float]]]:
    """Mergers and splits of whole clusters, taken while they raise the posterior; and those that were not taken."""
    settings = partition.model.settings
    limit, min_weight = settings.alternatives - 1, settings.min_weight
    alternatives, halves = local_alternatives(partition, items, limit=limit, min_weight=min_weight)
    for _ in range(_IMPROVEMENT_ROUNDS):
        if not alternatives or alternatives[0][1] < _MIN_RISE:
            break
        model, labels = partition.model, alternatives[0][0].labels
        if model.has_fixed_multiplicity:
            candidate, candidate_items = _refined(model, items, labels), items
        else:
            candidate, candidate_items = _given_labels(model, labels, model.cluster_totals(labels))
        before = model.log_posterior(partition.totals, partition.sizes)
        if model.log_posterior(candidate.totals, candidate.sizes) <= before + _MIN_RISE:
            break
        partition, items = candidate, candidate_items
        alternatives, halves = local_alternatives(partition, items, limit=limit, min_weight=min_weight)
    return replace(partition, halves=halves), alternatives


def _given_labels(model: ClusteringModel, labels: IntArray, totals: LogGrid) -> tuple[Partition, LogGrid]:
    """A partition and its items with the multiplicities that go with it."""
    for _ in range(2):
        log_option = model.multiplicity_weights(model.centres(totals)[labels])
        items = model.items(log_option)
        totals = cluster_totals(items, labels)
    log_weight = model.assignment_log_likelihood(model.centres(totals)) + np.log(np.bincount(labels))
    own = log_weight[np.arange(len(labels)), labels]
    probability = np.exp(own - np.logaddexp.reduce(log_weight, axis=1))
    return Partition(labels, model, totals, log_option, probability), items


def _place_probability(labels: IntArray, log_weight: FloatArray) -> FloatArray:
    """Probability of each mutation's own cluster, from weights in every cluster and, last, on its own."""
    alone = np.bincount(labels)[labels] == 1
    own = np.where(alone, log_weight[:, -1], log_weight[np.arange(len(labels)), labels])
    return np.asarray(np.exp(own - np.logaddexp.reduce(log_weight, axis=1)))


def _coarsened(model: ClusteringModel, items: LogGrid, labels: IntArray) -> tuple[ClusteringModel, LogGrid]:
    """Every second grid point, if no cluster of `labels` has so many reads that the full grid is needed."""
    reads = np.zeros((int(labels.max()) + 1, model.mutations.n_samples))
    np.add.at(reads, labels, model.mutations.depth)
    if reads.max() >= _COARSE_READS or len(model.ccf) % 2 == 0:
        return model, items
    return model.with_grid(len(model.ccf) // 2 + 1), np.ascontiguousarray(items[:, :, ::2])


def _search_items(model: ClusteringModel, items: LogGrid) -> IntArray:
    # A quarter of the mutations in one cluster at most, so far as the grid is concerned; what follows checks it.
    model, items = _coarsened(model, items, np.arange(len(items)) % 4)
    labels = agglomerate(items, np.ones(len(items), dtype=np.int64), model.prior, model.count_prior)
    return refine(items, labels, model.prior, model.count_prior, max_moves=10 * len(items))[0]


def fit_precision(model: ClusteringModel, items: LogGrid, labels: IntArray) -> float:
    """Fit the precision of the reads, over the best partition of binomial and of overdispersed reads.

    `items` are those of the model with binomial reads, `labels` (n,) a partition, in the model's order; inf: binomial.

    A partition found with binomial reads splits overdispersed clusters until they look binomial, so the precision is
    compared over two partitions, each scored at each precision. The second one comes from binomial likelihoods scaled
    down to the information that overdispersed reads keep, which is enough to find it and needs no new table.
    """
    depth = np.maximum(model.mutations.depth, 1)
    kept = 1.0 / (1.0 + (depth - 1.0) / (_SEARCH_PRECISION + 1.0))
    scaled = items * kept[:, :, None].astype(np.float32)
    merged = agglomerate(cluster_totals(scaled, labels), np.bincount(labels), model.prior, model.count_prior)[labels]
    coarse = refine(scaled, merged, model.prior, model.count_prior, max_moves=10 * len(items))[0]
    partitions = [labels] if np.array_equal(coarse, relabel(labels)) else [labels, coarse]

    scoring, binomial = _coarsened(model, items, coarse)

    def score(precision: float) -> float:
        if precision == inf:
            at, prior = binomial, 0.0
        else:
            at, prior = replace(scoring, precision=precision).items(), _LOG_OVERDISPERSED
        return prior + max(
            scoring.log_posterior(cluster_totals(at, partition), np.bincount(partition)) for partition in partitions
        )

    first = {precision: score(precision) for precision in _PRECISIONS}
    if max(first, key=first.__getitem__) == inf:
        return inf
    every = first | {precision: score(precision) for precision in _FINER_PRECISIONS if precision not in first}
    return max(every, key=every.__getitem__)


def _with_multiplicities(model: ClusteringModel, items: LogGrid, labels: IntArray) -> tuple[Partition, LogGrid]:
    """Alternate between multiplicities given clusters and clusters given multiplicities."""
    best: tuple[Partition, LogGrid] | None = None
    best_score = -inf
    for _ in range(_MULTIPLICITY_ROUNDS):
        centres = model.centres(cluster_totals(items, labels))
        weights = model.assignment_log_likelihood(centres) + np.log(np.bincount(labels))
        used, moved = np.unique(weights.argmax(axis=1), return_inverse=True)
        items = model.items(model.multiplicity_weights(centres[used][moved]))
        totals = cluster_totals(items, moved)
        new = agglomerate(totals, np.bincount(moved), model.prior, model.count_prior)[moved]
        found, items = _given_labels(model, new, cluster_totals(items, new))
        score = model.log_posterior(found.totals, found.sizes)
        if score > best_score:
            best, best_score = (found, items), score
        if np.array_equal(relabel(new), relabel(labels)):
            break
        labels = new
    assert best is not None
    return best


def local_alternatives(
    partition: Partition, items: LogGrid, *, limit: int, min_weight: float
) -> tuple[list[tuple[Partition, float]], IntArray]:
    """List partitions one merger or one split away that are nearly as probable.

    Parameters
    ----------
    partition : Partition
    items : float32 array (n, S, G)
        Log-likelihood of each mutation, multiplicities weighted by `Partition.log_option`.
    limit : int
        Alternatives returned at most.
    min_weight : float
        Smallest posterior odds against `partition`.

    Returns
    -------
    alternatives : list of (Partition, log posterior odds against `partition`), the most probable first
    halves : int64 array (n,)
        Labels when every cluster of several mutations is split into its best two halves.
    """
    model, totals, sizes = partition.model, partition.totals, partition.sizes
    count_prior, n_clusters = model.count_prior, len(partition.sizes)
    alone = log_marginal(totals, model.prior).astype(np.float64)
    spikes = spike_posterior(totals, model.prior)
    found: list[tuple[float, IntArray]] = []
    halves = partition.labels.copy()
    log_limit = np.log(min_weight)
    for first in range(n_clusters):
        later = np.arange(first + 1, n_clusters)
        joint = log_marginal(totals[later] + totals[first], model.prior)
        odds = joint - alone[later] - alone[first] - log_distinct(spikes[first], spikes[later])
        odds += count_prior[n_clusters - 1] - count_prior[n_clusters]
        for second, value in zip(later.tolist(), odds.tolist()):
            value += lgamma(sizes[first] + sizes[second]) - lgamma(sizes[first]) - lgamma(sizes[second])
            if value > log_limit:
                found.append((value, np.where(partition.labels == second, first, partition.labels)))
        if sizes[first] > 1:
            value, half = _best_split(model, items, np.flatnonzero(partition.labels == first))
            halves[half] = n_clusters + first
            value += count_prior[n_clusters + 1] - count_prior[n_clusters] - float(alone[first])
            if value > log_limit:
                labels = partition.labels.copy()
                labels[half] = n_clusters
                found.append((value, labels))
    found.sort(key=lambda entry: -entry[0])
    alternatives = []
    for value, labels in found[:limit]:
        labels = relabel(labels)
        other = replace(partition, labels=labels, totals=cluster_totals(items, labels))
        alternatives.append((other, value))
    return alternatives, relabel(halves)


def _best_split(model: ClusteringModel, items: LogGrid, rows: IntArray) -> tuple[float, IntArray]:
    """Log posterior of the two halves of a cluster against its size term, and the rows of the second half."""
    items = items[rows]
    # A prior that pays for every merger as long as more than two clusters are left.
    two_at_least = np.where(np.arange(len(rows) + 2) < 2, -1e9, -1e4 * np.arange(len(rows) + 2.0))
    halves = np.arange(len(rows))
    if len(rows) > 2:
        coarse, coarse_items = _coarsened(model.take(rows), items, np.zeros(len(rows), dtype=np.int64))
        prior = coarse.prior
        halves = agglomerate(coarse_items, np.ones(len(rows), dtype=np.int64), prior, two_at_least)
        halves, _ = refine(coarse_items, halves, prior, two_at_least, max_moves=len(rows))
    totals = cluster_totals(items, halves)
    sizes = np.bincount(halves).tolist()
    if len(sizes) != 2:
        return -inf, rows[:0]
    spikes = spike_posterior(totals, model.prior)
    value = float(log_marginal(totals, model.prior).sum()) + float(log_distinct(spikes[0], spikes[1:])[0])
    value += sum(lgamma(size) for size in sizes) - lgamma(len(rows))
    return value, rows[halves == 1]
