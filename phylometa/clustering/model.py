"""The model behind the clusters: reads given CCF and multiplicity, CCF given a cluster, partition given its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clustering.partitions import (
    CcfPrior,
    LogGrid,
    log_cluster_count_prior,
    log_marginal,
    truncal_probability,
)
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.multiplicity import MultiplicityOptions, enumerate_multiplicities, share_over_groups
from phylometa.reads.read_likelihood import (
    DistinctCells,
    allele_probability,
    ccf_grid,
    cell_log_likelihood,
    distinct_cells,
    log_likelihood_table,
    log_sum_exp,
    read_log_likelihood,
    slab_weights,
)

__all__ = ["ClusteringModel"]

# Cells of one temporary array.
_VALUES_AT_ONCE = 4_000_000
_WEIGHT_ROUNDS = 8
# A CCF between these two says that the cluster is subclonal in the sample.
_SUBCLONAL_RANGE = (0.02, 0.9)


@dataclass(frozen=True, eq=False)
class ClusteringModel:
    """Reads, the multiplicities they allow, and the priors; everything a search for clusters needs.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    options : MultiplicityOptions
    settings : ClusteringSettings
    ccf_settings : CcfSettings
    ccf : float64 array (G,)
        Grid.
    precision : float
        Of the beta-binomial; inf = binomial.
    absent_weight, clonal_weight : float
        Prior probabilities of CCF 0 and 1 in a (cluster, sample) pair unless the cluster is truncal; the rest is
        uniform.
    """

    mutations: MutationTable
    options: MultiplicityOptions
    settings: ClusteringSettings
    ccf_settings: CcfSettings
    ccf: FloatArray
    precision: float
    absent_weight: float
    clonal_weight: float

    @classmethod
    def build(
        cls,
        mutations: MutationTable,
        copy_number: CopyNumberAtLoci,
        purity: FloatArray,
        *,
        settings: ClusteringSettings,
        ccf_settings: CcfSettings,
    ) -> ClusteringModel:
        """Build the model of a table of reads, binomial unless the settings give a precision."""
        options = enumerate_multiplicities(mutations, copy_number, purity, settings=ccf_settings)
        precision = settings.precision if settings.precision > 0.0 else float("inf")
        return cls(
            mutations,
            options,
            settings,
            ccf_settings,
            ccf_grid(settings.grid_points),
            precision,
            settings.absent_weight,
            settings.clonal_weight,
        )

    @property
    def has_fixed_multiplicity(self) -> bool:
        """Whether every locus allows one multiplicity only."""
        return self.options.n_options == 1

    @property
    def prior(self) -> CcfPrior:
        """Prior of a cluster's CCFs on the grid."""
        weights = (1.0 - self.absent_weight - self.clonal_weight) * slab_weights(self.ccf)
        weights[0] += self.absent_weight
        weights[-1] += self.clonal_weight
        return CcfPrior(weights.astype(np.float32), self.settings.truncal_weight)

    @property
    def count_prior(self) -> FloatArray:
        """`log_cluster_count_prior` of the settings."""
        return log_cluster_count_prior(
            self.mutations.n_mutations, self.settings.concentration, self.settings.concentration_log_sd
        )

    def take(self, rows: IntArray) -> ClusteringModel:
        """Return the model of some of the mutations."""
        return replace(self, mutations=self.mutations.take(rows), options=self.options.take(rows))

    def with_grid(self, n_points: int) -> ClusteringModel:
        """Return the model on a grid of another size."""
        return replace(self, ccf=ccf_grid(n_points))

    def items(self, log_option: FloatArray | None = None) -> LogGrid:
        """Compute the log-likelihood of every mutation on the grid, multiplicities summed out in each cell.

        Parameters
        ----------
        log_option : float64 array (n, S, J), optional
            Log weight of each multiplicity from the other samples (`multiplicity_weights`); default: its prior, given
            the CCF, in each sample alone.

        Returns
        -------
        float32 array (n, S, G)
        """
        if log_option is None:
            return np.asarray(self._distinct_items[self._cells.index])
        table = log_likelihood_table(self.mutations, self.options, self.ccf, precision=self.precision)
        return log_sum_exp(table + log_option.astype(np.float32)[:, :, :, None], axis=2)

    @cached_property
    def _cells(self) -> DistinctCells:
        return distinct_cells(self.mutations, self.options)

    @cached_property
    def _distinct_items(self) -> LogGrid:
        """`items` of the distinct cells (U, G)."""
        cells, options = self._cells, self.options
        given = options.log_prior_given_ccf(self.ccf, self.ccf_settings.subclonal_gain).astype(np.float32)
        result = np.empty((len(cells.state), len(self.ccf)), dtype=np.float32)
        step = max(1, _VALUES_AT_ONCE // (options.n_options * len(self.ccf)))
        for start in range(0, len(result), step):
            part = cells.part(start, start + step)
            table = cell_log_likelihood(part, options, self.ccf, precision=self.precision)
            if not self.has_fixed_multiplicity:
                table = log_sum_exp(table + given[part.state], axis=1)[:, None]
            result[start : start + step] = table[:, 0]
        return result

    def cluster_totals(self, labels: IntArray, log_option: FloatArray | None = None) -> LogGrid:
        """Compute the log-likelihood (K, S, G) of each cluster's CCF on the grid: sums of `items`, in bounded memory.

        Parameters
        ----------
        labels : int64 array (n,), 0..K-1
        log_option : as in `items`
        """
        n_clusters, n_samples = int(labels.max()) + 1, self.mutations.n_samples
        totals = np.zeros((n_clusters, n_samples, len(self.ccf)))
        if self.has_fixed_multiplicity and np.isinf(self.precision):
            # The binomial's sufficient statistics: reads summed over each cluster and state.
            p = allele_probability(self.options.slope, self.options.error[:, None], self.ccf)
            for sample in range(n_samples):
                alt, ref = self.read_sums(labels, sample)
                totals[:, sample] = alt[:, :, 0] @ np.log(p) + ref[:, :, 0] @ np.log1p(-p)
        elif log_option is None:
            self._add_distinct(totals, labels)
        else:
            step = max(1, _VALUES_AT_ONCE // max(1, n_samples * len(self.ccf) * self.options.n_options))
            for start in range(0, len(labels), step):
                rows = np.arange(start, min(start + step, len(labels)))
                np.add.at(totals, labels[rows], self.take(rows).items(log_option[rows]))
        # Small numbers keep single precision exact enough.
        return (totals - totals.max(axis=2, keepdims=True)).astype(np.float32)

    def _add_distinct(self, totals: FloatArray, labels: IntArray) -> None:
        """Add every mutation's log-likelihood to its cluster's (K, S, G) in place, equal cells of a cluster at once."""
        table, n_distinct = self._distinct_items, len(self._cells.state)
        step = max(1, _VALUES_AT_ONCE // len(self.ccf))
        for sample in range(totals.shape[1]):
            pairs, counts = np.unique(labels * n_distinct + self._cells.index[:, sample], return_counts=True)
            for start in range(0, len(pairs), step):
                cluster, cell = np.divmod(pairs[start : start + step], n_distinct)
                first = np.flatnonzero(np.diff(cluster, prepend=-1))
                values = table[cell] * counts[start : start + step, None].astype(np.float64)
                totals[cluster[first], sample] += np.add.reduceat(values, first, axis=0)

    def usable_reads(self, rows: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Alternate and reference reads (n, S) of some mutations; 0 if a cell carries no evidence."""
        index = np.arange(self.mutations.n_mutations) if rows is None else rows
        alt = np.where(self.mutations.observed[index], self.mutations.alt_counts[index], 0)
        return alt, np.where(self.mutations.observed[index], self.mutations.depth[index], 0) - alt

    def read_sums(
        self, labels: IntArray, sample: int, weight: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Alternate and reference reads of one sample summed over clusters, states and options.

        Parameters
        ----------
        labels : int64 array (n,)
        sample : int
        weight : float64 array (n, J), optional
            Weight of a mutation's reads under each option; default 1, for a single option.

        Returns
        -------
        two float64 arrays (K, n_states, J)
        """
        n_clusters, n_states = int(labels.max()) + 1, len(self.options.slope)
        cell = labels * n_states + self.options.cell_state[:, sample]
        usable = self.mutations.observed[:, sample]
        alt = np.where(usable, self.mutations.alt_counts[:, sample], 0)
        ref = np.where(usable, self.mutations.depth[:, sample], 0) - alt
        sums = []
        for reads in (alt, ref):
            columns = [
                np.bincount(
                    cell,
                    weights=reads if weight is None else reads * weight[:, option],
                    minlength=n_clusters * n_states,
                ).reshape(n_clusters, n_states)
                for option in range(self.options.n_options)
            ]
            sums.append(np.stack(columns, axis=2).astype(np.float64))
        return sums[0], sums[1]

    def read_weights(self, sample: int, log_option: FloatArray | None, ccf: FloatArray) -> FloatArray:
        """Weigh (n, J) every mutation's reads in one sample, for sums of reads in place of single mutations.

        The posterior probability of the multiplicity at the given CCF (n,), times the share of its information that a
        read keeps when reads are overdispersed, 1 / (1 + (depth - 1) / (precision + 1)).
        """
        state = self.options.cell_state[:, sample]
        alt, depth = self.mutations.alt_counts[:, sample], self.mutations.depth[:, sample]
        weight = np.ones((len(state), 1))
        if log_option is not None:
            slope, error = self.options.slope[state], self.options.error[state][:, None]
            ref = depth - alt
            joint = read_log_likelihood(alt[:, None], ref[:, None], slope, error, ccf[:, None], self.precision)
            joint += log_option[:, sample]
            weight = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])
        if np.isinf(self.precision):
            return weight
        return np.asarray(weight / (1.0 + (np.maximum(depth, 1) - 1.0) / (self.precision + 1.0))[:, None])

    def centres(self, totals: LogGrid) -> FloatArray:
        """CCF (K, S) from cluster log-likelihoods (K, S, G): the posterior mean, or a spike that has most weight."""
        prior = self.prior
        weight = np.exp(totals - totals.max(axis=2, keepdims=True)) * prior.points
        total = weight.sum(axis=2)
        truncal = truncal_probability(totals, prior)[:, None]
        mean = np.asarray((1.0 - truncal) * (weight @ self.ccf) / total + truncal, dtype=np.float64)
        mean[weight[:, :, 0] > 0.5 * total] = 0.0
        mean[(weight[:, :, -1] > 0.5 * total) | (truncal > 0.5)] = 1.0
        return mean

    def with_fitted_weights(self, items: LogGrid) -> ClusteringModel:
        """Fit the weights of the two spikes to single mutations by EM, before there are clusters; return the model."""
        ends = np.exp(items[:, :, [0, -1]] - items.max(axis=2, keepdims=True))
        slab = np.exp(items - items.max(axis=2, keepdims=True)) @ slab_weights(self.ccf).astype(np.float32)
        component = np.concatenate((ends, slab[:, :, None]), axis=2)[self.mutations.is_informative]
        settings = self.settings
        prior = np.array([settings.absent_weight, settings.clonal_weight, 0.0])
        prior[2] = 1.0 - prior[:2].sum()
        share = prior
        for _ in range(_WEIGHT_ROUNDS):
            joint = component * share
            joint /= joint.sum(axis=1, keepdims=True)
            share = joint.sum(axis=0) + settings.weight_strength * prior
            share = share / share.sum()
        return replace(self, absent_weight=float(share[0]), clonal_weight=float(share[1]))

    def with_revised_weights(self, totals: LogGrid) -> ClusteringModel:
        """Return the model with the weights of the two spikes revised by the clusters found."""
        prior = self.prior
        weight = np.exp(totals - totals.max(axis=2, keepdims=True)) * prior.points
        weight /= weight.sum(axis=2, keepdims=True)
        weight *= (1.0 - truncal_probability(totals, prior))[:, None, None]
        weight = weight[totals.max(axis=2) > totals.min(axis=2)]
        strength = self.settings.weight_strength
        n_pairs = float(weight.sum()) + strength
        return replace(
            self,
            absent_weight=float((weight[:, 0].sum() + strength * self.settings.absent_weight) / n_pairs),
            clonal_weight=float((weight[:, -1].sum() + strength * self.settings.clonal_weight) / n_pairs),
        )

    def log_posterior(self, totals: LogGrid, sizes: IntArray) -> float:
        """Compute the log posterior of a partition, up to a constant that depends on the reads alone."""
        prior = self.count_prior[len(sizes)] + sum(lgamma(size) for size in sizes.tolist())
        return float(log_marginal(totals, self.prior).sum(dtype=np.float64) + prior)

    def multiplicity_weights(self, ccf: FloatArray) -> FloatArray:
        """Compute log weights (n, S, J) of multiplicities given each cell's CCF (n, S), without the cell's own reads.

        All samples of a mutation with the same copy number share its multiplicity; if one of them is subclonal,
        several copies are weighted by `CcfSettings.subclonal_gain`.
        """
        at_ccf = self._cell_log_likelihood(ccf)
        low, high = _SUBCLONAL_RANGE
        subclonal = (ccf > low) & (ccf < high) & self.mutations.is_informative
        same = self.options.group[:, :, None] == self.options.group[:, None, :]
        in_group = (same & subclonal[:, None, :]).any(axis=2)
        several = self.options.is_second_event[self.options.cell_state]
        penalty = np.where(several & in_group[:, :, None], np.log(self.ccf_settings.subclonal_gain), 0.0)
        joint = share_over_groups(at_ccf, self.options) + penalty - at_ccf
        joint = np.where(np.isfinite(self.options.log_prior)[self.options.cell_state], joint, -np.inf)
        return np.asarray(joint - np.logaddexp.reduce(joint, axis=2)[:, :, None])

    def _cell_log_likelihood(self, ccf: FloatArray) -> FloatArray:
        """Log-likelihood (n, S, J) of every cell at its own CCF."""
        alt, ref = self.usable_reads()
        slope = self.options.slope[self.options.cell_state]
        error = self.options.error[self.options.cell_state][:, :, None]
        return read_log_likelihood(alt[:, :, None], ref[:, :, None], slope, error, ccf[:, :, None], self.precision)

    def best_log_likelihood(self) -> FloatArray:
        """Compute log-likelihoods (n,) of mutations at the CCF and multiplicity that suit each cell best."""
        alt, ref = self.usable_reads()
        total = np.zeros(len(alt))
        for sample in range(alt.shape[1]):
            state = self.options.cell_state[:, sample]
            highest = allele_probability(self.options.slope, self.options.error[:, None], np.ones(1)).max(axis=1)
            lowest = np.clip(self.options.error, 1e-9, None)
            depth = np.maximum(alt[:, sample] + ref[:, sample], 1)
            p = np.clip(alt[:, sample] / depth, lowest[state], highest[state])
            one, none = np.ones(1), np.zeros(1)
            total += read_log_likelihood(alt[:, sample], ref[:, sample], one, none, p, self.precision)
        return total

    def residuals(self, ccf: FloatArray) -> FloatArray:
        """Standardise residuals (n, S) of the alternate reads at given CCFs (n, S) and the most probable multiplicity.

        Each is divided by the standard deviation of its beta-binomial; 0 if a cell carries no evidence.
        """
        state = self.options.cell_state
        best = np.zeros(state.shape, dtype=np.int64)
        if not self.has_fixed_multiplicity:
            best = (self.multiplicity_weights(ccf) + self._cell_log_likelihood(ccf)).argmax(axis=2)
        p = allele_probability(self.options.slope[state, best], self.options.error[state], ccf)
        alt, ref = self.usable_reads()
        depth = alt + ref
        variance = depth * p * (1.0 - p)
        if np.isfinite(self.precision):
            variance = variance * (1.0 + (np.maximum(depth, 1) - 1.0) / (self.precision + 1.0))
        return np.asarray((alt - depth * p) / np.sqrt(np.maximum(variance, 1e-3)))

    def assignment_log_likelihood(self, ccf: FloatArray) -> FloatArray:
        """Compute log-likelihoods of mutations in clusters of known CCF; multiplicities, shared, are summed out.

        Parameters
        ----------
        ccf : float64 array (K, S)

        Returns
        -------
        float64 array (n, K)
        """
        n_mutations, n_samples = self.mutations.depth.shape
        result = np.empty((n_mutations, len(ccf)))
        step = max(1, _VALUES_AT_ONCE // max(1, len(ccf) * self.options.n_options * (1 + n_samples // 4)))
        for start in range(0, n_mutations, step):
            rows = np.arange(start, min(start + step, n_mutations))
            result[rows] = self._assign_rows(rows, ccf)
        return result

    def _assign_rows(self, rows: IntArray, ccf: FloatArray) -> FloatArray:
        alt, ref = (reads.astype(np.float64) for reads in self.usable_reads(rows))
        state = self.options.cell_state[rows]
        if self.has_fixed_multiplicity and np.isinf(self.precision) and (state == state[:1]).all():
            p = allele_probability(self.options.slope[state[0], 0], self.options.error[state[0]], ccf)
            return np.asarray(alt @ np.log(p).T + ref @ np.log1p(-p).T)
        by_sample = [
            self._sample_log_likelihood(state[:, sample], alt[:, sample], ref[:, sample], ccf[:, sample])
            for sample in range(alt.shape[1])
        ]
        return np.asarray(log_sum_exp(self.join_options(by_sample, ccf, rows), axis=2).sum(axis=1))

    def _option_prior(self, is_subclonal: bool) -> FloatArray:
        """Log prior (n_states, J) of the multiplicities of a mutation that is subclonal in a sample, or in none."""
        penalty = np.log(self.ccf_settings.subclonal_gain) if is_subclonal else 0.0
        prior = self.options.log_prior + penalty * self.options.is_second_event
        return np.asarray(prior - log_sum_exp(prior, axis=1)[:, None])

    @cached_property
    def group_rank(self) -> IntArray:
        """Number (n, S) of the multiplicity each cell shares: 0, 1, ... within a mutation by first appearance."""
        return _rank_in_row(self.options.group)

    def join_options(
        self, by_sample: Sequence[FloatArray], ccf: FloatArray, rows: IntArray | None = None
    ) -> FloatArray:
        """Compute log joint weights of reads and multiplicity in clusters of known CCF; samples share multiplicities.

        Parameters
        ----------
        by_sample : S float64 arrays (n, J, K)
            Log-likelihood of each sample's reads under each option in each cluster.
        ccf : float64 array (K, S)
        rows : int64 array (n,), optional
            Mutations meant, if not all.

        Returns
        -------
        float64 array (n, R, J, K)
            R multiplicities a mutation at most; of those it does not have, option 0 has weight 1. The sum over options,
            then the product over multiplicities, is the likelihood.
        """
        rank = self.group_rank if rows is None else self.group_rank[rows]
        cell_state = self.options.cell_state if rows is None else self.options.cell_state[rows]
        usable = self.mutations.is_informative if rows is None else self.mutations.is_informative[rows]
        every = np.arange(len(rank))
        n_ranks = int(rank.max()) + 1
        low, high = _SUBCLONAL_RANGE
        joint = np.zeros((len(rank), n_ranks, self.options.n_options, len(ccf)))
        subclonal = np.zeros((len(rank), n_ranks, len(ccf)), dtype=bool)
        state = np.full((len(rank), n_ranks), -1, dtype=np.int64)
        for sample, log_likelihood in enumerate(by_sample):
            here = rank[:, sample]
            state[every, here] = cell_state[:, sample]
            joint[every, here] += log_likelihood
            is_subclonal = (ccf[:, sample] > low) & (ccf[:, sample] < high)
            subclonal[every, here] |= usable[:, sample, None] & is_subclonal
        plain, penalised = (self._option_prior(is_subclonal)[state][..., None] for is_subclonal in (False, True))
        joint += np.where(subclonal[:, :, None, :], penalised, plain)
        unused = state < 0
        joint[unused] = -np.inf
        joint[unused, 0] = 0.0
        return joint

    def _sample_log_likelihood(
        self, state: NDArray[Any], alt: FloatArray, ref: FloatArray, ccf: FloatArray
    ) -> FloatArray:
        """Log-likelihood (n, J, K) of one sample's reads (n,) in clusters of known CCF (K,); equal cells once."""
        key = (state * (alt.max() + 1.0) + alt) * (ref.max() + 1.0) + ref
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        slope = self.options.slope[state[first]][:, :, None]
        error = self.options.error[state[first]][:, None, None]
        reads = alt[first, None, None], ref[first, None, None]
        return read_log_likelihood(*reads, slope, error, ccf, self.precision)[inverse.reshape(-1)]


def _rank_in_row(group: NDArray[Any]) -> IntArray:
    """Number the distinct values of every row 0, 1, ... by first appearance."""
    if group.shape[1] == 0 or (group == group[:, :1]).all():
        return np.zeros(group.shape, dtype=np.int64)
    rank = np.full(group.shape, -1, dtype=np.int64)
    count = np.zeros(len(group), dtype=np.int64)
    for sample in range(group.shape[1]):
        for earlier in range(sample):
            equal = (rank[:, sample] < 0) & (group[:, earlier] == group[:, sample])
            rank[equal, sample] = rank[equal, earlier]
        fresh = rank[:, sample] < 0
        rank[fresh, sample] = count[fresh]
        count += fresh
    return rank
