"""Posterior draws of partitions, multiplicities and CCFs: what a CCF may be if the partition is uncertain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import CcfPrior, LogGrid, cluster_totals, concentration_weights, log_marginal
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.reads.multiplicity import share_over_groups
from phylometa.reads.read_likelihood import log_likelihood_table

__all__ = ["sample_member_ccf"]


def sample_member_ccf(
    model: ClusteringModel, labels: IntArray, *, draws: int, burn_in: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sample the CCF of every mutation in the cluster it lies in from its posterior, averaged over partitions.

    A blocked Gibbs sampler of the Dirichlet process (Ishwaran and James 2001, doi:10.1198/016214501750332758): CCFs
    given members and multiplicities, weights given sizes, then the place and the multiplicities of all mutations given
    both; mutations that leave all clusters, by their marginal likelihood, start new ones.

    Parameters
    ----------
    model : ClusteringModel (n mutations)
    labels : int64 array (n,)
        Partition to start from.
    draws, burn_in : int
        Sweeps used, and sweeps before them.
    rng : numpy.random.Generator

    Returns
    -------
    float64 array (n, S, G)
        Share of draws of each mutation's CCF at every grid point.
    """
    prior, settings = model.prior, model.settings
    alphas, alpha_weight = concentration_weights(len(labels), settings.concentration, settings.concentration_log_sd)
    truncal_odds = np.log(prior.truncal) - np.log1p(-prior.truncal)
    state = _FixedMultiplicity(model) if model.has_fixed_multiplicity else _SampledMultiplicity(model, labels)
    n_items, n_samples, n_points = state.items.shape
    histogram = np.zeros((n_items, n_samples, n_points))
    rows, columns = np.arange(n_items)[:, None], np.arange(n_samples)
    current = labels
    for sweep in range(burn_in + draws):
        n_clusters = int(current.max()) + 1
        totals = cluster_totals(state.items, current)
        peak = totals.max(axis=2, keepdims=True)
        cumulative = np.cumsum(np.exp(totals - peak) * prior.points, axis=2)
        level = rng.random((n_clusters, n_samples)) * cumulative[:, :, -1]
        point = (cumulative < level[:, :, None]).sum(axis=2).clip(max=n_points - 1)
        independent = (np.log(cumulative[:, :, -1]) + peak[:, :, 0]).sum(axis=1)
        odds = totals[:, :, -1].sum(axis=1) - independent + truncal_odds
        is_truncal = np.log(rng.random(n_clusters)) < -np.logaddexp(0.0, -odds)
        point[is_truncal] = n_points - 1
        if sweep >= burn_in:
            histogram[rows, columns, point[current]] += 1.0
        alpha_posterior = alpha_weight + n_clusters * np.log(alphas)
        concentration = float(alphas[(alpha_posterior + rng.gumbel(size=len(alphas))).argmax()])
        shares = rng.standard_gamma(np.append(np.bincount(current), concentration))
        log_weight = np.empty((n_items, n_clusters + 1))
        log_weight[:, :-1] = state.log_likelihood(point)
        log_weight[:, -1] = state.alone
        log_weight += np.log(np.maximum(shares, 1e-300))
        drawn = (log_weight + rng.gumbel(size=log_weight.shape)).argmax(axis=1)
        state.draw_multiplicities(drawn, rng)
        fresh = np.flatnonzero(drawn == n_clusters)
        drawn[fresh] += _group_new(state.items[fresh], prior, concentration, rng)
        current = np.unique(drawn, return_inverse=True)[1].reshape(-1)
    return np.asarray(histogram / draws)


def _group_new(items: LogGrid, prior: CcfPrior, concentration: float, rng: np.random.Generator) -> IntArray:
    """Partition of the mutations that left all clusters at once, drawn one after the other (restaurant process)."""
    groups = np.zeros(len(items), dtype=np.int64)
    if len(items) < 2:
        return groups
    totals, sizes = [items[0]], [1]
    for row in range(1, len(items)):
        joined = np.stack([*(total + items[row] for total in totals), items[row]])
        before = np.append(log_marginal(np.stack(totals), prior), 0.0)
        log_weight = log_marginal(joined, prior) - before + np.log([*sizes, concentration])
        groups[row] = int((log_weight + rng.gumbel(size=len(log_weight))).argmax())
        if groups[row] == len(totals):
            totals.append(items[row])
            sizes.append(1)
        else:
            totals[groups[row]] = totals[groups[row]] + items[row]
            sizes[groups[row]] += 1
    return groups


class _FixedMultiplicity:
    """Likelihoods of mutations with one multiplicity."""

    def __init__(self, model: ClusteringModel) -> None:
        self.items: LogGrid = model.items()
        self.alone = log_marginal(self.items, model.prior).astype(np.float64)
        self._columns = np.arange(self.items.shape[1])

    def log_likelihood(self, point: IntArray) -> FloatArray:
        """Log-likelihood (n, K) in clusters at given grid points (K, S)."""
        return np.asarray(self.items[:, self._columns, point].sum(axis=2, dtype=np.float64))

    def draw_multiplicities(self, labels: IntArray, rng: np.random.Generator) -> None:
        """Nothing to draw."""


class _SampledMultiplicity:
    """Likelihoods of mutations whose multiplicities are drawn along."""

    def __init__(self, model: ClusteringModel, labels: IntArray) -> None:
        self._model = model
        self._table = log_likelihood_table(model.mutations, model.options, model.ccf, precision=model.precision)
        evidence = self._evidence()
        shared = share_over_groups(evidence, model.options)
        self._alone_option = np.logaddexp.reduce(shared, axis=2)
        first = _first_of_group(model.group_rank)
        independent = np.where(first, self._alone_option, 0.0).sum(axis=1)
        at_one = share_over_groups(self._table[:, :, :, -1].astype(np.float64), model.options)
        truncal = np.where(first, np.logaddexp.reduce(at_one, axis=2), 0.0).sum(axis=1)
        weight = model.prior.truncal
        self.alone = np.logaddexp(independent + np.log1p(-weight), truncal + np.log(weight))
        self._alone_joint = shared
        self._joint: FloatArray = np.zeros((len(labels), 1, 1, 1))
        weights = model.multiplicity_weights(model.centres(model.cluster_totals(labels))[labels])
        self.items = self._chosen(weights.argmax(axis=2))

    def _evidence(self) -> FloatArray:
        """Log-likelihood (n, S, J) of every cell alone, its CCF integrated out given the multiplicity."""
        model = self._model
        given = model.options.log_prior_given_ccf(model.ccf, model.ccf_settings.subclonal_gain)
        with np.errstate(invalid="ignore"):
            shift = np.where(np.isfinite(given), given - model.options.log_prior[:, :, None], -np.inf)
        table = self._table + shift[model.options.cell_state]
        peak = table.max(axis=3)
        safe = np.where(np.isfinite(peak), peak, 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.exp(table - safe[..., None]) @ model.prior.points) + safe, dtype=np.float64)

    def _chosen(self, option: IntArray) -> LogGrid:
        return np.take_along_axis(self._table, option[:, :, None, None], axis=2)[:, :, 0, :]

    def log_likelihood(self, point: IntArray) -> FloatArray:
        """Log-likelihood (n, K) in clusters at given grid points (K, S), multiplicities summed out."""
        by_sample = [np.take(self._table[:, s], point[:, s], axis=2).astype(np.float64) for s in range(point.shape[1])]
        self._joint = self._model.join_options(by_sample, self._model.ccf[point])
        return np.asarray(np.logaddexp.reduce(self._joint, axis=2).sum(axis=1))

    def draw_multiplicities(self, labels: IntArray, rng: np.random.Generator) -> None:
        """Draw every multiplicity given the clusters of the last `log_likelihood` (a label beyond them: alone)."""
        rows = np.arange(len(labels))
        n_clusters = self._joint.shape[3]
        is_alone = labels >= n_clusters
        joint = self._joint[rows, :, :, np.minimum(labels, n_clusters - 1)]
        rank = self._model.group_rank
        noise = rng.gumbel(size=joint.shape)
        option = np.take_along_axis((joint + noise).argmax(axis=2), rank, axis=1)
        if is_alone.any():
            by_rank = np.take_along_axis(noise, rank[:, :, None], axis=1)
            option = np.where(is_alone[:, None], (self._alone_joint + by_rank).argmax(axis=2), option)
        self.items = self._chosen(option)


def _first_of_group(rank: IntArray) -> NDArray[np.bool_]:
    """Cells (n, S) that are the first of their rank in the row."""
    first = np.zeros(rank.shape, dtype=bool)
    for value in range(int(rank.max()) + 1):
        is_value = rank == value
        found = np.flatnonzero(is_value.any(axis=1))
        first[found, is_value[found].argmax(axis=1)] = True
    return first
