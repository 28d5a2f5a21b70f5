"""Mutation clusters: which mutations have the same cancer cell fraction in every sample of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from phylometa.clustering.large import partition_large
from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.posterior import ClusterPosterior, cluster_posterior
from phylometa.clustering.sampling import sample_member_ccf
from phylometa.clustering.search import Partition, known_partition, search_partition
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clusters import Clustering
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.lost_copies import has_lost_allele
from phylometa.reads.read_likelihood import ccf_grid

__all__ = ["cluster_mutations", "clustering_from_labels", "estimate_precision"]

# Allele frequency below which a cluster of one sample alone looks like an artefact.
_LOW_VAF = 0.05
# Mean probability of a wrong place from which more draws are worth their time, and how many times more.
_UNCERTAIN = 0.025
# The same below which, if no other partition is nearly as probable, a single chain is enough.
_CERTAIN = 0.005
_MORE_DRAWS = 5
# A cluster is flagged if at least this share of its mutations lies in lost segments where the cluster is missing.
_LOSS_SHARE = 0.5


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

    The posterior of a partition is its marginal likelihood, every cluster's CCF integrated out on a grid in every
    sample (prior: a spike at 0, a spike at 1, a uniform slab; no two clusters alike), times a Chinese restaurant
    process whose concentration is summed out. Clusters are merged greedily, then single mutations moved, while the
    posterior rises. The overdispersion of the reads is estimated with a prior towards binomial.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    copy_number : CopyNumberAtLoci (n, S)
    purity : float array (S,), in (0, 1]
    settings : ClusteringSettings
    ccf_settings : CcfSettings
        Error rate and copy-number limits.
    rng : numpy.random.Generator
        Used only if there are more mutations than `settings.search_limit`.
    purity_sd : float array (S,), optional
        Standard error of estimated purities; widens the intervals.

    Returns
    -------
    tuple of Clustering
        The best first, then those one merger or one split away that are nearly as probable; weights add up to 1.

    Raises
    ------
    InputError
        If a purity is missing or outside (0, 1].
    InfeasibleError
        If there is no mutation.
    """
    if mutations.n_mutations == 0:
        raise InfeasibleError("no mutations to cluster")
    model = ClusteringModel.build(mutations, copy_number, purity, settings=settings, ccf_settings=ccf_settings)
    order = _canonical_order(model)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    model = model.take(order)
    found: list[tuple[Partition, float]]
    members = None
    if mutations.n_mutations <= settings.search_limit:
        partition, alternatives = search_partition(model)
        found = [(partition, 0.0), *alternatives]
        if settings.draws > 0:
            doubt = float(np.mean(1.0 - partition.probability))
            members = _member_ccf(partition, is_certain=not alternatives and doubt < _CERTAIN, rng=rng)
    else:
        found = [(partition_large(model, rng=rng), 0.0)]
    # A change that looks better by the multiplicities of the best partition has been tried and is not.
    odds = [min(log_odds, 0.0) for _, log_odds in found]
    weights = np.exp(odds - np.logaddexp.reduce(odds))
    sorted_copy_number = copy_number.take(order)
    result = []
    for (candidate, _), weight in zip(found, weights.tolist()):
        posterior = _posterior(candidate)
        if members is not None:
            posterior = _with_member_range(posterior, candidate, members)
        if purity_sd is not None:
            posterior = _widened(posterior, candidate.labels, sorted_copy_number, purity, purity_sd)
        flags = _flags(candidate.model.mutations, sorted_copy_number, candidate.labels, posterior)
        rank = np.lexsort((*posterior.mean.T[::-1], -posterior.mean.mean(axis=1)))
        names = tuple(str(k + 1) for k in range(len(rank)))
        clustering = _as_clustering(names, candidate.labels, candidate.probability, posterior, flags, weight)
        result.append(_reordered(clustering, rank, place))
    return tuple(result)


def estimate_precision(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    *,
    settings: ClusteringSettings,
    ccf_settings: CcfSettings,
) -> float:
    """Estimate the precision of the beta-binomial of the reads; inf if they are binomial.

    Parameters
    ----------
    mutations, copy_number, purity, settings, ccf_settings : as in `cluster_mutations`
        A few hundred mutations at most.

    Returns
    -------
    float
    """
    if mutations.n_mutations == 0:
        return float("inf")
    model = ClusteringModel.build(mutations, copy_number, purity, settings=settings, ccf_settings=ccf_settings)
    return search_partition(model.take(_canonical_order(model)))[0].model.precision


def clustering_from_labels(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    labels: Sequence[str],
    *,
    settings: ClusteringSettings,
    ccf_settings: CcfSettings,
    purity_sd: FloatArray | None = None,
) -> Clustering:
    """Compute CCFs, intervals and equivalent reads of clusters that are already known.

    Parameters
    ----------
    mutations, copy_number, purity, settings, ccf_settings, purity_sd : as in `cluster_mutations`
    labels : sequence of str, length n
        Name of the cluster of every mutation; '' puts a mutation into the most probable of the others' clusters, to
        which its reads then add nothing.

    Returns
    -------
    Clustering
        Clusters in the order in which their names first appear; assignment probabilities are 1 if a name was given.

    Raises
    ------
    InputError
        If a purity is missing or outside (0, 1].
    InfeasibleError
        If no mutation has a cluster.
    """
    names = tuple(dict.fromkeys(name for name in labels if name))
    if not names:
        raise InfeasibleError("no mutation has a cluster")
    index = {name: k for k, name in enumerate(names)}
    known = np.array([index.get(name, -1) for name in labels], dtype=np.int64)
    model = ClusteringModel.build(mutations, copy_number, purity, settings=settings, ccf_settings=ccf_settings)
    rows = np.flatnonzero(known >= 0)
    probability = np.ones(len(known))
    partition = known_partition(model.take(rows), known[rows])
    posterior = _posterior(partition)
    clustered_cn, clustered = copy_number.take(rows), mutations.take(rows)
    if purity_sd is not None:
        posterior = _widened(posterior, known[rows], clustered_cn, purity, purity_sd)
    flags = _flags(clustered, clustered_cn, known[rows], posterior)
    others = np.flatnonzero(known < 0)
    if len(others):
        log_weight = model.take(others).assignment_log_likelihood(partition.model.centres(partition.totals))
        log_weight += np.log(partition.sizes)
        known[others] = log_weight.argmax(axis=1)
        probability[others] = np.exp(log_weight.max(axis=1) - np.logaddexp.reduce(log_weight, axis=1))
    return _as_clustering(names, known, probability, posterior, flags, 1.0)


def _canonical_order(model: ClusteringModel) -> IntArray:
    """An order of the rows that does not depend on the order in which they came."""
    keys = (model.mutations.alt_counts, model.mutations.depth, model.options.cell_state)
    columns = [key[:, sample] for key in keys for sample in range(key.shape[1])]
    return np.lexsort(columns[::-1]).astype(np.int64)


def _posterior(partition: Partition) -> ClusterPosterior:
    model = partition.model
    return cluster_posterior(
        model,
        partition.labels,
        partition.log_option,
        model.ccf[partition.totals.argmax(axis=2)],
        start_width=np.pi / 4.0 / (len(model.ccf) - 1),
    )


def _member_ccf(partition: Partition, *, is_certain: bool, rng: np.random.Generator) -> FloatArray:
    """Posterior (n, S, G) of every mutation's CCF, partitions averaged over."""
    draws = partition.model.settings.draws
    # Half the grid is fine enough for what partitions add to an interval.
    model = partition.model.with_grid(len(partition.model.ccf) // 2 + 1)
    # One chain from the best partition, one from its clusters split in two: single moves split a cluster slowly.
    starts = [partition.labels] if is_certain or partition.halves is None else [partition.labels, partition.halves]
    doubt = float(np.mean(1.0 - partition.probability))
    each = draws // 2 * (_MORE_DRAWS if doubt > _UNCERTAIN else 1)
    chains = [sample_member_ccf(model, start, draws=each, burn_in=each // 2, rng=rng) for start in starts]
    return np.asarray(np.mean(chains, axis=0))


def _with_member_range(posterior: ClusterPosterior, partition: Partition, members: FloatArray) -> ClusterPosterior:
    """The posterior with intervals wide enough for the members' CCFs under other partitions as well."""
    sums = np.zeros((len(posterior.mean), *members.shape[1:]))
    np.add.at(sums, partition.labels, members)
    cumulative = np.cumsum(sums, axis=2) / sums.sum(axis=2, keepdims=True)
    low, high = (_grid_quantile(cumulative, level) for level in (0.025, 0.975))
    return replace(posterior, low=np.minimum(posterior.low, low), high=np.maximum(posterior.high, high))


def _grid_quantile(cumulative: FloatArray, level: float) -> FloatArray:
    """Quantile (K, S) of cumulative probabilities (K, S, G) on the grid, each point's spread evenly over its cell.

    CCF 0 and 1 have a probability of their own, which is not spread.
    """
    ccf = ccf_grid(cumulative.shape[2])
    edge = np.concatenate(([0.0], (ccf[1:] + ccf[:-1]) / 2.0, [1.0]))
    index = (cumulative < level).sum(axis=2).clip(max=len(ccf) - 1)
    padded = np.concatenate((np.zeros((*cumulative.shape[:2], 1)), cumulative), axis=2)
    below, upto = (np.take_along_axis(padded, (index + i)[:, :, None], axis=2)[:, :, 0] for i in (0, 1))
    share = np.clip((level - below) / np.maximum(upto - below, 1e-12), 0.0, 1.0)
    value = edge[index] + share * (edge[index + 1] - edge[index])
    return np.where(index == 0, 0.0, np.where(index == len(ccf) - 1, 1.0, value))


def _as_clustering(
    names: tuple[str, ...],
    labels: IntArray,
    probability: FloatArray,
    posterior: ClusterPosterior,
    flags: tuple[str, ...],
    weight: float,
) -> Clustering:
    return Clustering(
        names,
        labels,
        probability,
        posterior.mean,
        posterior.low,
        posterior.high,
        posterior.alt_reads,
        posterior.total_reads,
        flags,
        weight,
    )


def _reordered(clustering: Clustering, rank: IntArray, place: IntArray) -> Clustering:
    """Clusters in the order of `rank` (names stay), mutations in the order of `place`."""
    position = np.empty(len(rank), dtype=np.int64)
    position[rank] = np.arange(len(rank))
    arrays = {name: getattr(clustering, name)[rank] for name in ("ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads")}
    return replace(
        clustering,
        labels=position[clustering.labels][place],
        probability=clustering.probability[place],
        flags=tuple(clustering.flags[k] for k in rank.tolist()),
        **arrays,
    )


def _widened(
    posterior: ClusterPosterior,
    labels: IntArray,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    purity_sd: FloatArray,
) -> ClusterPosterior:
    """The posterior with the uncertainty of estimated purities in its intervals and equivalent reads, to first order.

    A CCF is inversely proportional to the VAF expected at CCF 1, whose logarithm changes by
    C_N / (rho (rho C_T + C_N (1 - rho))) per unit of purity; a cluster's is the mean over its mutations.
    """
    total = np.where(np.isfinite(copy_number.total), copy_number.total, 2.0)
    normal = np.asarray(copy_number.normal, dtype=np.float64)
    sensitivity = normal / (purity * (purity * total + normal * (1.0 - purity)))
    sums = np.zeros(posterior.mean.shape)
    np.add.at(sums, labels, sensitivity)
    sizes = np.bincount(labels, minlength=len(sums))[:, None]
    spread = posterior.mean * sums / sizes * np.asarray(purity_sd)
    low = posterior.mean - np.hypot(posterior.mean - posterior.low, 1.96 * spread)
    high = posterior.mean + np.hypot(posterior.high - posterior.mean, 1.96 * spread)
    # Var(CCF) = c (2 - c) / n for n equivalent reads: fewer reads if the purity adds to it.
    mode = posterior.mode
    own = np.maximum(mode * (2.0 - mode), 1e-12) / np.maximum(posterior.total_reads, 1e-12)
    shrink = own / (own + spread**2)
    return replace(
        posterior,
        low=np.clip(low, 0.0, 1.0),
        high=np.clip(high, 0.0, 1.0),
        alt_reads=posterior.alt_reads * shrink,
        total_reads=posterior.total_reads * shrink,
    )


def _flags(
    mutations: MutationTable, copy_number: CopyNumberAtLoci, labels: IntArray, posterior: ClusterPosterior
) -> tuple[str, ...]:
    """Comma-separated warnings about every cluster.

    ``singleton``: one mutation. ``one_sample``: present in one of several samples. ``low_vaf``: one sample, at a VAF
    so low that it may be an artefact of that sample. ``loss``: missing from a sample in which most of its mutations
    lie in segments that have lost an allele, and present in one where they do not: deleted, perhaps, not unborn.
    """
    n_clusters = len(posterior.mean)
    sizes = np.bincount(labels, minlength=n_clusters)
    is_present = posterior.absent < 0.5
    lost = has_lost_allele(copy_number)
    lost_share = np.zeros(posterior.mean.shape)
    np.add.at(lost_share, labels, lost.astype(np.float64))
    lost_share /= np.maximum(sizes, 1)[:, None]
    vaf = np.zeros(posterior.mean.shape)
    np.add.at(vaf, labels, np.nan_to_num(mutations.vaf))
    vaf /= np.maximum(sizes, 1)[:, None]
    flags = []
    for k in range(n_clusters):
        words = ["singleton"] if sizes[k] == 1 else []
        present = np.flatnonzero(is_present[k])
        if len(present) == 1 and mutations.n_samples > 1:
            words.append("one_sample")
            if vaf[k, present[0]] < _LOW_VAF:
                words.append("low_vaf")
        missing_by_loss = ~is_present[k] & (lost_share[k] >= _LOSS_SHARE)
        if missing_by_loss.any() and (is_present[k] & (lost_share[k] < _LOSS_SHARE)).any():
            words.append("loss")
        flags.append(",".join(words))
    return tuple(flags)
