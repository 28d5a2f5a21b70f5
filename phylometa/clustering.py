"""Mutation clusters: which mutations have the same cancer cell fraction in every sample of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.cluster_posterior import ClusterPosterior, cluster_posterior, option_log_likelihood
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.data import Clustering, CopyNumberAtLoci, FloatArray, IntArray, MutationTable
from phylometa.multiplicity import (
    MultiplicityOptions,
    ccf_grid,
    enumerate_multiplicities,
    log_likelihood_table,
    share_over_groups,
    slab_weights,
)
from phylometa.partition_search import (
    LogGrid,
    agglomerate,
    log_cluster_count_prior,
    refine,
    relabel,
)

__all__ = ["cluster_mutations", "clustering_from_labels"]

# Rounds in which multiplicities and clusters are fitted in turn.
_MULTIPLICITY_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class _Problem:
    """Everything a search needs, rows in an order that depends on the reads alone."""

    mutations: MutationTable
    options: MultiplicityOptions
    settings: ClusteringSettings
    ccf: FloatArray
    precision: float
    absent_weight: float
    clonal_weight: float

    @property
    def prior(self) -> LogGrid:
        """Prior weight of every grid point, quadrature included."""
        weights = (1.0 - self.absent_weight - self.clonal_weight) * slab_weights(self.ccf)
        weights[0] += self.absent_weight
        weights[-1] += self.clonal_weight
        return weights.astype(np.float32)

    @property
    def count_prior(self) -> FloatArray:
        return log_cluster_count_prior(
            self.mutations.n_mutations, self.settings.concentration, self.settings.concentration_log_sd
        )


def cluster_mutations(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    *,
    settings: ClusteringSettings,
    ccf_settings: CcfSettings,
    rng: np.random.Generator,
    purity_sd: FloatArray | None = None,
) -> tuple[Clustering, ...]:
    """Cluster mutations by their CCFs in all samples jointly; the number of clusters is unknown.

    The posterior of a partition is its marginal likelihood, every cluster's CCF integrated out exactly on a grid in
    every sample (prior: a spike at 0, a spike at 1, a uniform slab), times a Chinese restaurant process whose
    concentration is summed out. Clusters are merged greedily, then single mutations moved, while the posterior rises.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    copy_number : CopyNumberAtLoci (n, S)
    purity : float array (S,), in (0, 1]
    settings : ClusteringSettings
    ccf_settings : CcfSettings
        Error rate and copy-number limits.
    rng : numpy.random.Generator
        Used only where there are more mutations than `settings.search_limit`.
    purity_sd : float array (S,), optional
        Standard error of estimated purities; widens the intervals.

    Returns
    -------
    tuple of Clustering
        The best first; weights add up to 1.

    Raises
    ------
    InputError
        Where a purity is missing or outside (0, 1].
    """
    options = enumerate_multiplicities(mutations, copy_number, purity, settings=ccf_settings)
    order = _canonical_order(mutations, options)
    precision = settings.precision if settings.precision > 0.0 else float("inf")
    problem = _Problem(
        mutations.take(order),
        options.take(order),
        settings,
        ccf_grid(settings.grid_points),
        precision,
        settings.absent_weight,
        settings.clonal_weight,
    )
    labels, gains, problem, log_option = _search(problem, ccf_settings)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    best = _describe(problem, labels, gains, log_option)
    return (_in_rows(best, back),)


def clustering_from_labels(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    labels: Sequence[str],
    *,
    settings: ClusteringSettings,
    ccf_settings: CcfSettings,
) -> Clustering:
    """CCFs, intervals and equivalent reads of clusters that are already known.

    Parameters
    ----------
    mutations, copy_number, purity, settings, ccf_settings : as in `cluster_mutations`
    labels : sequence of str, length n
        Name of the cluster of every mutation.

    Returns
    -------
    Clustering
        Clusters in the order in which their names first appear; assignment probabilities are 1.
    """
    names = tuple(dict.fromkeys(labels))
    index = {name: k for k, name in enumerate(names)}
    known = np.array([index[name] for name in labels], dtype=np.int64)
    options = enumerate_multiplicities(mutations, copy_number, purity, settings=ccf_settings)
    precision = settings.precision if settings.precision > 0.0 else float("inf")
    problem = _Problem(
        mutations,
        options,
        settings,
        ccf_grid(settings.grid_points),
        precision,
        settings.absent_weight,
        settings.clonal_weight,
    )
    items = _mixed_items(problem, ccf_settings)
    problem = _revise_weights(problem, _totals(items, known))
    log_option = None
    if options.n_options > 1:
        centres = _centres(problem, _totals(items, known))
        log_option = _cavity(problem, centres[known], ccf_settings)
        items = _items_given_options(problem, log_option)
    posterior = _posterior(problem, known, items, log_option)
    return Clustering(
        names,
        known,
        np.ones(len(known)),
        posterior.mean,
        posterior.low,
        posterior.high,
        posterior.alt_reads,
        posterior.total_reads,
        _flags(mutations, known, posterior),
    )


def _canonical_order(mutations: MutationTable, options: MultiplicityOptions) -> IntArray:
    """An order of the rows that does not depend on the order in which they came."""
    keys = [mutations.alt_counts, mutations.depth, options.cell_state]
    columns = [key[:, sample] for key in keys for sample in range(key.shape[1])]
    return np.lexsort(columns[::-1]).astype(np.int64)


def _mixed_items(problem: _Problem, ccf_settings: CcfSettings) -> LogGrid:
    """Log-likelihood of every mutation on the grid (n, S, G), multiplicities averaged in each sample alone."""
    table = log_likelihood_table(problem.mutations, problem.options, problem.ccf, precision=problem.precision)
    if problem.options.n_options == 1:
        items = table[:, :, 0, :]
    else:
        given = problem.options.log_prior_given_ccf(problem.ccf, ccf_settings.subclonal_gain)
        items = np.logaddexp.reduce(table + given.astype(np.float32)[problem.options.cell_state], axis=2)
    items = items - items.max(axis=2, keepdims=True)
    return np.asarray(items, dtype=np.float32)


def _items_given_options(problem: _Problem, log_option: FloatArray) -> LogGrid:
    """As `_mixed_items`, with the multiplicities weighted by what all other samples say."""
    table = log_likelihood_table(problem.mutations, problem.options, problem.ccf, precision=problem.precision)
    items = np.logaddexp.reduce(table + log_option.astype(np.float32)[:, :, :, None], axis=2)
    items -= items.max(axis=2, keepdims=True)
    return np.asarray(items, dtype=np.float32)


def _cavity(problem: _Problem, ccf: FloatArray, ccf_settings: CcfSettings) -> FloatArray:
    """Log weight (n, S, J) of each multiplicity given a CCF in every cell, the cell's own reads left out."""
    at_ccf = option_log_likelihood(problem.mutations, problem.options, ccf[:, :, None], precision=problem.precision)[
        :, :, :, 0
    ]
    several = (problem.options.copies > 1.0)[problem.options.cell_state]
    subclonal = (ccf > 0.02) & (ccf < 0.9) & problem.mutations.is_informative
    same = problem.options.group[:, :, None] == problem.options.group[:, None, :]
    any_subclonal = (same & subclonal[:, None, :]).any(axis=2)
    penalty = np.where(several & any_subclonal[:, :, None], np.log(ccf_settings.subclonal_gain), 0.0)
    joint = share_over_groups(at_ccf, problem.options) + penalty - at_ccf
    joint = np.where(np.isfinite(problem.options.log_prior[problem.options.cell_state]), joint, -np.inf)
    return np.asarray(joint - np.logaddexp.reduce(joint, axis=2)[:, :, None])


def _totals(items: LogGrid, labels: IntArray) -> LogGrid:
    totals = np.zeros((int(labels.max()) + 1, *items.shape[1:]), dtype=np.float32)
    np.add.at(totals, labels, items)
    return totals


def _centres(problem: _Problem, totals: LogGrid) -> FloatArray:
    """Posterior mean CCF (K, S) on the grid."""
    weight = np.exp(totals - totals.max(axis=2, keepdims=True)) * problem.prior
    return np.asarray((weight @ problem.ccf) / weight.sum(axis=2), dtype=np.float64)


def _revise_weights(problem: _Problem, totals: LogGrid) -> _Problem:
    """The problem with the weights of the two spikes revised by the clusters found."""
    weight = np.exp(totals - totals.max(axis=2, keepdims=True)) * problem.prior
    weight /= weight.sum(axis=2, keepdims=True)
    settings = problem.settings
    strength = settings.weight_strength
    n_pairs = weight.shape[0] * weight.shape[1] + strength
    return replace(
        problem,
        absent_weight=float((weight[:, :, 0].sum() + strength * settings.absent_weight) / n_pairs),
        clonal_weight=float((weight[:, :, -1].sum() + strength * settings.clonal_weight) / n_pairs),
    )


def _search(problem: _Problem, ccf_settings: CcfSettings) -> tuple[IntArray, FloatArray, _Problem, FloatArray | None]:
    """The best partition found, `join_gains` of it, the problem with revised weights, weights of multiplicities."""
    n_mutations = problem.mutations.n_mutations
    items = _mixed_items(problem, ccf_settings)
    ones = np.ones(n_mutations, dtype=np.int64)
    labels, gains = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    for _ in range(2):
        labels = agglomerate(items, ones, problem.prior, problem.count_prior)
        labels, gains = refine(items, labels, problem.prior, problem.count_prior, max_moves=10 * n_mutations)
        problem = _revise_weights(problem, _totals(items, labels))
    if problem.options.n_options == 1:
        return labels, gains, problem, None
    log_option = np.zeros(0)
    for _ in range(_MULTIPLICITY_ROUNDS):
        centres = _centres(problem, _totals(items, labels))
        log_option = _cavity(problem, centres[labels], ccf_settings)
        items = _items_given_options(problem, log_option)
        merged = agglomerate(_totals(items, labels), np.bincount(labels), problem.prior, problem.count_prior)
        new, gains = refine(items, merged[labels], problem.prior, problem.count_prior, max_moves=10 * n_mutations)
        if np.array_equal(relabel(new), relabel(labels)):
            break
        labels = new
    return labels, gains, problem, log_option


def _posterior(problem: _Problem, labels: IntArray, items: LogGrid, log_option: FloatArray | None) -> ClusterPosterior:
    totals = _totals(items, labels)
    return cluster_posterior(
        problem.mutations,
        problem.options,
        labels,
        log_option,
        problem.ccf[totals.argmax(axis=2)],
        precision=problem.precision,
        absent_weight=problem.absent_weight,
        clonal_weight=problem.clonal_weight,
        start_width=np.pi / 4.0 / (len(problem.ccf) - 1),
    )


def _describe(problem: _Problem, labels: IntArray, gains: FloatArray, log_option: FloatArray | None) -> Clustering:
    """A clustering with names by falling mean CCF."""
    if log_option is None:
        items = _mixed_items(problem, CcfSettings())
    else:
        items = _items_given_options(problem, log_option)
    posterior = _posterior(problem, labels, items, log_option)
    sizes = np.bincount(labels)
    weight = gains.copy()
    n_clusters = len(sizes)
    alone = sizes[labels] == 1
    prior = problem.count_prior
    weight[:, -1] += np.where(
        alone, prior[n_clusters] - prior[n_clusters - 1], prior[n_clusters + 1] - prior[n_clusters]
    )
    own = np.where(alone, weight[:, -1], weight[np.arange(len(labels)), labels])
    probability = np.exp(own - np.logaddexp.reduce(weight, axis=1))
    rank = np.lexsort((*posterior.mean.T[::-1], -posterior.mean.mean(axis=1)))
    position = np.empty(n_clusters, dtype=np.int64)
    position[rank] = np.arange(n_clusters)
    return Clustering(
        tuple(str(k + 1) for k in range(n_clusters)),
        position[labels],
        probability,
        posterior.mean[rank],
        posterior.low[rank],
        posterior.high[rank],
        posterior.alt_reads[rank],
        posterior.total_reads[rank],
        tuple(np.array(_flags(problem.mutations, labels, posterior), dtype=object)[rank]),
    )


def _in_rows(clustering: Clustering, back: IntArray) -> Clustering:
    return replace(clustering, labels=clustering.labels[back], probability=clustering.probability[back])


def _flags(mutations: MutationTable, labels: IntArray, posterior: ClusterPosterior) -> tuple[str, ...]:
    """`singleton`: one mutation; `one_sample`: reads in a single sample of several."""
    sizes = np.bincount(labels, minlength=len(posterior.mean))
    present = (posterior.absent < 0.5).sum(axis=1)
    flags = []
    for size, n_present in zip(sizes.tolist(), present.tolist()):
        words = ["singleton"] if size == 1 else []
        if n_present == 1 and mutations.n_samples > 1:
            words.append("one_sample")
        flags.append(",".join(words))
    return tuple(flags)
