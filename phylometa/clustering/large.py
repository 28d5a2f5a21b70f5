"""Clusters of many mutations: a sample is clustered exhaustively, all are assigned, clusters merged and split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.overlapping import split_overlapping
from phylometa.clustering.partitions import agglomerate, relabel
from phylometa.clustering.search import Partition, search_partition
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["partition_large"]

# Rounds of assignment; rounds of searching for clusters that the sample missed.
_ASSIGN_ROUNDS = 3
_RESCUE_ROUNDS = 4
# A mutation whose log-likelihood lies so far below its best possible one (chi-square / 2 with S degrees of freedom, in
# standard deviations above the mean) is badly explained; fewer such mutations than this make no new cluster.
_MISFIT_DEVIATIONS = 6.0
_MIN_RESCUED = 3


def partition_large(model: ClusteringModel, *, rng: np.random.Generator) -> Partition:
    """Partition more mutations than a pairwise search can take.

    Parameters
    ----------
    model : ClusteringModel
        Rows in an order that depends on the reads alone.
    rng : numpy.random.Generator
        Draws the samples that are searched exhaustively.

    Returns
    -------
    Partition
    """
    limit = model.settings.search_limit
    rows = _draw(np.arange(model.mutations.n_mutations), limit, rng)
    seed, _ = search_partition(model.take(rows))
    model = replace(
        model,
        precision=seed.model.precision,
        absent_weight=seed.model.absent_weight,
        clonal_weight=seed.model.clonal_weight,
    )
    centres = seed.model.centres(seed.totals)
    shares = seed.sizes / seed.sizes.sum()
    labels, log_likelihood = _assign(model, centres, shares)
    best_possible = model.best_log_likelihood()
    n_cells = model.mutations.is_informative.sum(axis=1)
    for _ in range(_RESCUE_ROUNDS):
        misfit = best_possible - log_likelihood[np.arange(len(labels)), labels]
        bad = np.flatnonzero(misfit > 0.5 * (n_cells + _MISFIT_DEVIATIONS * np.sqrt(2.0 * n_cells)))
        if len(bad) < _MIN_RESCUED:
            break
        found, _ = search_partition(model.take(_draw(bad, limit, rng)))
        solid = np.flatnonzero(found.sizes >= min(_MIN_RESCUED, len(bad)))
        if len(solid) == 0:
            break
        centres = np.concatenate((centres, found.model.centres(found.totals)[solid]))
        gained = found.sizes[solid] / found.sizes.sum() * len(bad) / len(labels)
        shares = np.concatenate((shares * (1.0 - gained.sum()), gained))
        labels, log_likelihood = _assign(model, centres, shares)
        centres, shares, labels = _refit(model, labels)
        labels, log_likelihood = _assign(model, centres, shares)
    labels = _merge(model, labels)
    for _ in range(_ASSIGN_ROUNDS):
        centres, shares, labels = _refit(model, labels)
        before = labels
        labels, log_likelihood = _assign(model, centres, shares)
        if np.array_equal(labels, before):
            break
    return _finish(*split_overlapping(model, _merge(model, labels), rng=rng))


def _draw(rows: IntArray, limit: int, rng: np.random.Generator) -> IntArray:
    if len(rows) <= limit:
        return rows
    return np.sort(rng.choice(rows, size=limit, replace=False))


def _assign(model: ClusteringModel, centres: FloatArray, shares: FloatArray) -> tuple[IntArray, FloatArray]:
    """Most probable cluster of every mutation, and log-likelihoods (n, K)."""
    log_likelihood = model.assignment_log_likelihood(centres)
    with np.errstate(divide="ignore"):
        labels = (log_likelihood + np.log(shares)).argmax(axis=1)
    return labels.astype(np.int64), log_likelihood


def _refit(model: ClusteringModel, labels: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """CCFs and shares of the clusters that have members, and labels without gaps."""
    labels = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)
    centres = model.centres(model.cluster_totals(labels))
    return centres, np.bincount(labels) / len(labels), labels


def _merge(model: ClusteringModel, labels: IntArray) -> IntArray:
    labels = np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)
    totals = model.cluster_totals(labels)
    return agglomerate(totals, np.bincount(labels), model.prior, model.count_prior)[labels]


def _finish(model: ClusteringModel, labels: IntArray) -> Partition:
    labels = relabel(labels)
    totals = model.cluster_totals(labels)
    model = model.with_revised_weights(totals)
    log_option = None
    centres = model.centres(totals)
    if not model.has_fixed_multiplicity:
        log_option = model.multiplicity_weights(centres[labels])
        totals = model.cluster_totals(labels, log_option)
        centres = model.centres(totals)
    log_weight = model.assignment_log_likelihood(centres) + np.log(np.bincount(labels))
    own = log_weight[np.arange(len(labels)), labels]
    probability = np.exp(own - np.logaddexp.reduce(log_weight, axis=1))
    return Partition(labels, model, totals, log_option, probability)
