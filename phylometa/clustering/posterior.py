"""What is known of a cluster once its mutations are: CCF with interval, and the reads that are equivalent to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phylometa.clustering.model import ClusteringModel
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.reads.read_likelihood import allele_probability, read_log_likelihood

__all__ = ["ClusterPosterior", "cluster_posterior"]

# Points of each of the two ever finer grids laid around a mode, and values of one temporary array.
_ZOOM_POINTS = 33
_FINE_POINTS = 65
_VALUES_AT_ONCE = 4_000_000
# With more mutations the reads of a cluster are summed first, multiplicities and overdispersion as weights of reads.
_ROWWISE_LIMIT = 20_000
# A CCF so close to 0 that it makes no difference, but for being there.
_ABOVE_ABSENT = 1e-9


@dataclass(frozen=True, eq=False)
class ClusterPosterior:
    """Posterior of the CCF of K clusters in S samples.

    Parameters
    ----------
    mean, low, high : float64 arrays (K, S)
        Posterior mean and 95 % interval of the CCF.
    absent, clonal : float64 arrays (K, S)
        Posterior probability of CCF 0 and of CCF 1.
    alt_reads, total_reads : float64 arrays (K, S)
        Equivalent reads at VAF = CCF / 2.
    mode : float64 array (K, S)
        CCF of the highest likelihood.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    absent: FloatArray
    clonal: FloatArray
    alt_reads: FloatArray
    total_reads: FloatArray
    mode: FloatArray


@dataclass(frozen=True, eq=False)
class _Reads:
    """The reads of the clusters, as single mutations or summed up.

    `sums` holds, for many mutations, alternate and reference reads (K, n_states, J) of every sample.
    """

    model: ClusteringModel
    labels: IntArray
    log_option: FloatArray | None
    sums: list[tuple[FloatArray, FloatArray]] | None

    @classmethod
    def build(cls, model: ClusteringModel, labels: IntArray, log_option: FloatArray | None, ccf: FloatArray) -> _Reads:
        is_plain = model.has_fixed_multiplicity and np.isinf(model.precision)
        if not is_plain and len(labels) <= _ROWWISE_LIMIT:
            return cls(model, labels, log_option, None)
        sums = []
        for sample in range(model.mutations.n_samples):
            weight = None if is_plain else model.read_weights(sample, log_option, ccf[labels, sample])
            sums.append(model.read_sums(labels, sample, weight))
        return cls(model, labels, log_option, sums)

    def log_likelihood(self, ccf: FloatArray) -> FloatArray:
        """Log-likelihood (K, S, G) of each cluster's CCF at points `ccf` (K, S, G)."""
        if self.sums is None:
            return self._of_rows(ccf)
        options = self.model.options
        state = self.model.options.cell_state[0]
        if options.n_options == 1 and (self.model.options.cell_state == state).all():
            p = allele_probability(options.slope[state], options.error[state][:, None], ccf)
            alt_reads, ref_reads = (
                np.stack([pair[side][:, state[s], 0] for s, pair in enumerate(self.sums)], axis=1) for side in (0, 1)
            )
            return np.asarray(alt_reads[:, :, None] * np.log(p) + ref_reads[:, :, None] * np.log1p(-p))
        result = np.zeros(ccf.shape)
        for sample, (alt, ref) in enumerate(self.sums):
            for state in np.flatnonzero((alt + ref).any(axis=(0, 2))).tolist():
                here = ccf[:, sample, None, :]
                p = allele_probability(options.slope[state][:, None], options.error[state], here)
                term = alt[:, state, :, None] * np.log(p) + ref[:, state, :, None] * np.log1p(-p)
                result[:, sample] += term.sum(axis=1)
        return result

    def _of_rows(self, ccf: FloatArray) -> FloatArray:
        model, options = self.model, self.model.options
        result = np.zeros(ccf.shape)
        step = max(1, _VALUES_AT_ONCE // max(1, ccf[0].size * options.n_options))
        order = np.argsort(self.labels, kind="stable")
        for start in range(0, len(order), step):
            rows = order[start : start + step]
            members = self.labels[rows]
            state = options.cell_state[rows]
            slope, error = options.slope[state][..., None], options.error[state][:, :, None, None]
            alt, ref = (reads[:, :, None, None] for reads in model.usable_reads(rows))
            cell = read_log_likelihood(alt, ref, slope, error, ccf[members][:, :, None, :], model.precision)
            if self.log_option is None:
                log_likelihood = cell[:, :, 0, :]
            else:
                log_likelihood = np.logaddexp.reduce(cell + self.log_option[rows][..., None], axis=2)
            first = np.flatnonzero(np.diff(members, prepend=-1))
            result[members[first]] += np.add.reduceat(log_likelihood, first, axis=0)
        return result


def cluster_posterior(
    model: ClusteringModel,
    labels: IntArray,
    log_option: FloatArray | None,
    start: FloatArray,
    *,
    start_width: float,
) -> ClusterPosterior:
    """Compute the posterior CCF of every cluster in every sample.

    Parameters
    ----------
    model : ClusteringModel
    labels : int64 array (n,)
        Cluster of each mutation, 0..K-1.
    log_option : float64 array (n, S, J) or None
        Log weight of each multiplicity from everything but the cell's own reads; None if there is one option.
    start : float64 array (K, S)
        Approximate CCFs of the highest likelihood.
    start_width : float
        Error of `start` on the scale theta, CCF = 2 sin^2(theta).

    Returns
    -------
    ClusterPosterior
    """
    reads = _Reads.build(model, labels, log_option, start)
    n_clusters, n_samples = start.shape
    top = np.pi / 4.0
    centre = np.arcsin(np.sqrt(start / 2.0))
    centre, curvature_width = _zoom(reads, centre, start_width)
    depth = np.zeros((n_clusters, n_samples))
    np.add.at(depth, labels, np.where(model.mutations.is_informative, model.mutations.depth, 0))
    # Six standard deviations of the likelihood; if it is flat, the whole range.
    half = np.minimum(6.0 * curvature_width + 3.0 * start_width / _ZOOM_POINTS, top)
    low_end = np.clip(centre - half, 0.0, top)
    high_end = np.clip(centre + half, 0.0, top)
    fine = low_end[:, :, None] + (high_end - low_end)[:, :, None] * np.linspace(0.0, 1.0, _FINE_POINTS)
    coarse = np.broadcast_to(np.linspace(0.0, top, _ZOOM_POINTS), (n_clusters, n_samples, _ZOOM_POINTS))
    theta = np.sort(np.concatenate((coarse, fine), axis=2), axis=2)
    ccf = 2.0 * np.sin(theta) ** 2
    ccf[:, :, 0], ccf[:, :, -1] = 0.0, 1.0
    log_likelihood = reads.log_likelihood(ccf)
    step = np.diff(ccf, axis=2)
    slab = 1.0 - model.absent_weight - model.clonal_weight
    prior = np.zeros(ccf.shape)
    prior[:, :, :-1] += slab * step / 2.0
    prior[:, :, 1:] += slab * step / 2.0
    prior[:, :, 0] += model.absent_weight
    prior[:, :, -1] += model.clonal_weight
    peak = log_likelihood.max(axis=2)
    weight = np.exp(log_likelihood - peak[:, :, None]) * prior
    total = weight.sum(axis=2)
    weight /= total[:, :, None]
    at_one = (log_likelihood[:, :, -1] - peak - np.log(total)).sum(axis=1)
    odds = (
        np.exp(np.clip(at_one, -600.0, 600.0)) * model.settings.truncal_weight / (1.0 - model.settings.truncal_weight)
    )
    truncal = (odds / (1.0 + odds))[:, None]
    slab_share = slab * step[:, :, 0] / 2.0
    absent = weight[:, :, 0] * model.absent_weight / np.maximum(model.absent_weight + slab_share, 1e-300)
    slab_share = slab * step[:, :, -1] / 2.0
    clonal = weight[:, :, -1] * model.clonal_weight / np.maximum(model.clonal_weight + slab_share, 1e-300)
    absent, clonal = absent * (1.0 - truncal), clonal * (1.0 - truncal) + truncal
    weight *= (1.0 - truncal)[:, :, None]
    weight[:, :, -1] += truncal
    mean = (weight * ccf).sum(axis=2)
    cumulative = np.cumsum(weight, axis=2)
    # Next to a spike that holds nearly all of the weight the mean may lie just beyond a quantile.
    low = np.minimum(_quantile(cumulative, ccf, 0.025), mean)
    high = np.maximum(_quantile(cumulative, ccf, 0.975), mean)
    # Of the continuous part: absent mutations are binomial, so that overdispersed reads have a jump at CCF 0.
    highest = log_likelihood[:, :, 1:].argmax(axis=2)[:, :, None] + 1
    mode = np.take_along_axis(ccf, highest, axis=2)[:, :, 0]
    mode = np.where(mode > 1.0 - 1e-9, 1.0, mode)
    alt_reads, total_reads = _equivalent_reads(reads, mode, depth)
    return ClusterPosterior(mean, low, high, absent, clonal, alt_reads, total_reads, mode)


def _zoom(
    reads: _Reads,
    centre: FloatArray,
    width: float,
) -> tuple[FloatArray, FloatArray]:
    """The mode of each cluster's likelihood on the scale theta, and the width of the likelihood there."""
    top = np.pi / 4.0
    theta = centre[:, :, None] + 1.5 * width * np.linspace(-1.0, 1.0, _ZOOM_POINTS)
    theta = np.clip(theta, 0.0, top)
    ccf = 2.0 * np.sin(theta) ** 2
    log_likelihood = reads.log_likelihood(ccf)
    best = log_likelihood.argmax(axis=2)[:, :, None]
    mode = np.take_along_axis(theta, best, axis=2)[:, :, 0]
    peak = log_likelihood.max(axis=2)
    # Standard deviation from the drop of the log-likelihood at the ends of the window (a parabola: x^2 / 2 sd^2); near
    # a boundary the drop is steeper than that, never flatter.
    ends = []
    for end in (0, -1):
        drop = peak - log_likelihood[:, :, end]
        distance = np.abs(theta[:, :, end] - mode)
        with np.errstate(divide="ignore", invalid="ignore"):
            ends.append(np.where(distance > 0.0, distance / np.sqrt(2.0 * np.maximum(drop, 1e-12)), 0.0))
    return mode, np.maximum(*ends)


def _equivalent_reads(
    reads: _Reads,
    mode: FloatArray,
    depth: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Reads x of n at VAF = CCF / 2 whose binomial has the gradient and curvature of the likelihood at `mode`.

    With p = mode / 2, gradient g and curvature -k in the CCF: ``x = p^2 (4 k (1 - p) + 2 g)`` and
    ``n - x = (1 - p)^2 (4 k p - 2 g)``. In the interior g = 0; at CCF 1 the gradient keeps what the likelihood says
    about values it would prefer beyond the boundary. At CCF 0, x = 0 and n is such that the log-likelihood falls by the
    same amount, ``n ln(1 - c / 2)``, from 0 to c = 4 / depth, the scale on which presence is decided. Of mutations that
    may have been lost the likelihood falls to a plateau: they count no more than those that fall as far at CCF 1.
    """
    n_reads = np.maximum(depth, 1.0)
    step = np.clip(0.3 * np.sqrt(np.maximum(mode * (2.0 - mode), 4.0 / n_reads) / n_reads), 1e-6, 0.05)
    mode = np.where(mode < step, 0.0, mode)
    # At CCF 1 the three points lie inside, and the derivatives are carried to the boundary.
    middle = np.clip(mode, step, 1.0 - step)
    near = np.minimum(4.0 / n_reads, 0.5)
    points = np.stack((middle - step, middle, middle + step, np.zeros(mode.shape), near), axis=2)
    left, centre, right, absent, present = np.moveaxis(reads.log_likelihood(np.maximum(points, _ABOVE_ABSENT)), 2, 0)
    curvature = np.maximum(-(right - 2.0 * centre + left) / step**2, 0.0)
    gradient = (right - left) / (2.0 * step) - curvature * (mode - middle)
    gradient = np.where(mode < 1.0, 0.0, np.maximum(gradient, 0.0))
    p = mode / 2.0
    alt = np.maximum(p**2 * (4.0 * curvature * (1.0 - p) + 2.0 * gradient), 0.0)
    ref = np.maximum((1.0 - p) ** 2 * (4.0 * curvature * p - 2.0 * gradient), 0.0)
    ref = np.where(mode > 0.0, ref, np.maximum(absent - present, 0.0) / -np.log1p(-near / 2.0))
    options = reads.model.options
    may_be_lost = (options.copies == 0.0).any(axis=1)[options.cell_state]
    if may_be_lost.any() and (mode < 0.5).any():
        points = np.stack((middle - step, middle, middle + step, mode, near, np.ones(mode.shape)), axis=2)
        found = _only(reads, may_be_lost, mode).log_likelihood(np.maximum(points, _ABOVE_ABSENT))
        left, centre, right, at_mode, present, clonal = np.moveaxis(found, 2, 0)
        own = 4.0 * np.maximum(-(right - 2.0 * centre + left) / step**2, 0.0) * p * (1.0 - p)  # reads of these cells
        own = np.where(mode > 0.0, own, np.maximum(at_mode - present, 0.0) / -np.log1p(-near / 2.0))
        to_one = np.log(2.0) + p * np.log(np.maximum(p, 1e-12)) + (1.0 - p) * np.log1p(-p)  # fall of one read
        most = np.maximum(at_mode - clonal, 0.0) / np.maximum(to_one, 1e-9)
        excess = np.where(mode < 0.5, np.maximum(own - most, 0.0), 0.0)
        share = np.clip(1.0 - excess / np.maximum(alt + ref, 1e-300), 0.0, 1.0)
        alt, ref = share * alt, share * ref
    seen = depth > 0.0
    return np.where(seen, alt, 0.0), np.where(seen, alt + ref, 0.0)


def _only(reads: _Reads, cells: NDArray[np.bool_], ccf: FloatArray) -> _Reads:
    """The reads of some cells (n, S) alone."""
    mutations = reads.model.mutations
    shown = replace(
        mutations,
        alt_counts=np.where(cells, mutations.alt_counts, 0),
        depth=np.where(cells, mutations.depth, 0),
        observed=mutations.observed & cells,
    )
    return _Reads.build(replace(reads.model, mutations=shown), reads.labels, reads.log_option, ccf)


def _quantile(cumulative: FloatArray, ccf: FloatArray, level: float) -> NDArray[np.float64]:
    """Smallest grid value whose cumulative probability reaches `level`."""
    index = (cumulative < level * cumulative[:, :, -1:]).sum(axis=2).clip(max=ccf.shape[2] - 1)
    return np.asarray(np.take_along_axis(ccf, index[:, :, None], axis=2)[:, :, 0])
