"""What is known of a cluster once its mutations are: CCF with interval, and the reads that are equivalent to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phylometa.data import FloatArray, IntArray, MutationTable
from phylometa.multiplicity import MultiplicityOptions, beta_binomial_log_likelihood

__all__ = ["ClusterPosterior", "cluster_posterior", "option_log_likelihood"]

# Points of each of the two ever finer grids laid around a mode, and values of one temporary array.
_ZOOM_POINTS = 33
_FINE_POINTS = 65
_VALUES_AT_ONCE = 4_000_000


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


def option_log_likelihood(
    mutations: MutationTable,
    options: MultiplicityOptions,
    ccf: FloatArray,
    *,
    precision: float,
) -> FloatArray:
    """Log-likelihood of every cell under every option, at CCFs that differ between cells.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    options : MultiplicityOptions
    ccf : float array broadcastable to (n, S, G)
    precision : float

    Returns
    -------
    float64 array (n, S, J, G)
    """
    usable = mutations.is_informative
    alt = np.where(usable, mutations.alt_counts, 0)[:, :, None, None]
    ref = np.where(usable, mutations.depth - mutations.alt_counts, 0)[:, :, None, None]
    error = options.error[options.cell_state][:, :, None, None]
    expected = options.slope[options.cell_state][:, :, :, None] * ccf[:, :, None, :]
    p = np.clip(expected * (1.0 - 2.0 * error) + error, 1e-9, 1.0 - 1e-9)
    if np.isinf(precision):
        return np.asarray(alt * np.log(p) + ref * np.log1p(-p))
    return beta_binomial_log_likelihood(alt, ref, p, precision)


def cluster_posterior(
    mutations: MutationTable,
    options: MultiplicityOptions,
    labels: IntArray,
    log_option: FloatArray | None,
    start: FloatArray,
    *,
    precision: float,
    absent_weight: float,
    clonal_weight: float,
    start_width: float,
) -> ClusterPosterior:
    """Posterior CCF of every cluster in every sample.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    options : MultiplicityOptions
    labels : int64 array (n,)
        Cluster of each mutation, 0..K-1.
    log_option : float64 array (n, S, J) or None
        Log weight of each multiplicity from everything but the cell's own reads; None where there is one option.
    start : float64 array (K, S)
        Approximate CCFs of the highest likelihood.
    precision : float
        Of the beta-binomial.
    absent_weight, clonal_weight : float
        Prior probabilities of CCF 0 and 1; the rest is uniform in between.
    start_width : float
        Error of `start` on the scale theta, CCF = 2 sin^2(theta).

    Returns
    -------
    ClusterPosterior
    """
    n_clusters, n_samples = start.shape
    top = np.pi / 4.0
    centre = np.arcsin(np.sqrt(start / 2.0))
    centre, curvature_width = _zoom(mutations, options, labels, log_option, centre, start_width, precision)
    depth = np.zeros((n_clusters, n_samples))
    np.add.at(depth, labels, np.where(mutations.is_informative, mutations.depth, 0))
    # Six standard deviations of the likelihood; where it is flat, the whole range.
    half = np.minimum(6.0 * curvature_width + 3.0 * start_width / _ZOOM_POINTS, top)
    low_end = np.clip(centre - half, 0.0, top)
    high_end = np.clip(centre + half, 0.0, top)
    fine = low_end[:, :, None] + (high_end - low_end)[:, :, None] * np.linspace(0.0, 1.0, _FINE_POINTS)
    coarse = np.broadcast_to(np.linspace(0.0, top, _ZOOM_POINTS), (n_clusters, n_samples, _ZOOM_POINTS))
    theta = np.sort(np.concatenate((coarse, fine), axis=2), axis=2)
    ccf = 2.0 * np.sin(theta) ** 2
    ccf[:, :, 0], ccf[:, :, -1] = 0.0, 1.0
    log_likelihood = _sum_over_members(mutations, options, labels, log_option, ccf, precision)
    step = np.diff(ccf, axis=2)
    slab = 1.0 - absent_weight - clonal_weight
    prior = np.zeros(ccf.shape)
    prior[:, :, :-1] += slab * step / 2.0
    prior[:, :, 1:] += slab * step / 2.0
    prior[:, :, 0] += absent_weight
    prior[:, :, -1] += clonal_weight
    weight = np.exp(log_likelihood - log_likelihood.max(axis=2, keepdims=True)) * prior
    total = weight.sum(axis=2, keepdims=True)
    weight /= total
    slab_share = slab * step[:, :, 0] / 2.0
    absent = weight[:, :, 0] * absent_weight / np.maximum(absent_weight + slab_share, 1e-300)
    slab_share = slab * step[:, :, -1] / 2.0
    clonal = weight[:, :, -1] * clonal_weight / np.maximum(clonal_weight + slab_share, 1e-300)
    mean = (weight * ccf).sum(axis=2)
    cumulative = np.cumsum(weight, axis=2)
    # Next to a spike that holds nearly all of the weight the mean may lie beyond a quantile by a hair.
    low = np.minimum(_quantile(cumulative, ccf, 0.025), mean)
    high = np.maximum(_quantile(cumulative, ccf, 0.975), mean)
    mode = np.take_along_axis(ccf, log_likelihood.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    mode = np.where(mode > 1.0 - 1e-9, 1.0, mode)
    alt_reads, total_reads = _equivalent_reads(mutations, options, labels, log_option, mode, precision, depth)
    return ClusterPosterior(mean, low, high, absent, clonal, alt_reads, total_reads, mode)


def _zoom(
    mutations: MutationTable,
    options: MultiplicityOptions,
    labels: IntArray,
    log_option: FloatArray | None,
    centre: FloatArray,
    width: float,
    precision: float,
) -> tuple[FloatArray, FloatArray]:
    """The mode of each cluster's likelihood on the scale theta, and the width of the likelihood there."""
    top = np.pi / 4.0
    theta = centre[:, :, None] + 1.5 * width * np.linspace(-1.0, 1.0, _ZOOM_POINTS)
    theta = np.clip(theta, 0.0, top)
    ccf = 2.0 * np.sin(theta) ** 2
    log_likelihood = _sum_over_members(mutations, options, labels, log_option, ccf, precision)
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


def _sum_over_members(
    mutations: MutationTable,
    options: MultiplicityOptions,
    labels: IntArray,
    log_option: FloatArray | None,
    ccf: FloatArray,
    precision: float,
) -> FloatArray:
    """Log-likelihood (K, S, G) of each cluster's CCF at points `ccf` (K, S, G)."""
    result = np.zeros(ccf.shape)
    step = max(1, _VALUES_AT_ONCE // max(1, ccf[0].size * options.n_options))
    order = np.argsort(labels, kind="stable")
    for start in range(0, len(labels), step):
        rows = order[start : start + step]
        part = option_log_likelihood(mutations.take(rows), options.take(rows), ccf[labels[rows]], precision=precision)
        if log_option is None:
            cell = part[:, :, 0, :]
        else:
            cell = np.logaddexp.reduce(part + log_option[rows][:, :, :, None], axis=2)
        members = labels[rows]
        first = np.flatnonzero(np.diff(members, prepend=-1))
        result[members[first]] += np.add.reduceat(cell, first, axis=0)
    return result


def _equivalent_reads(
    mutations: MutationTable,
    options: MultiplicityOptions,
    labels: IntArray,
    log_option: FloatArray | None,
    mode: FloatArray,
    precision: float,
    depth: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Reads x of n at VAF = CCF / 2 whose binomial has the gradient and curvature of the likelihood at `mode`.

    With p = mode / 2, gradient g and curvature -k in the CCF: ``x = p^2 (4 k (1 - p) + 2 g)`` and
    ``n - x = (1 - p)^2 (4 k p - 2 g)``. In the interior g = 0; at CCF 0 or 1 the gradient keeps what the likelihood
    says about values it would prefer beyond the boundary.
    """
    n_reads = np.maximum(depth, 1.0)
    step = np.clip(0.3 * np.sqrt(np.maximum(mode * (2.0 - mode), 4.0 / n_reads) / n_reads), 1e-6, 0.05)
    # At a boundary the three points lie inside, and the derivatives are carried to the boundary.
    middle = np.clip(mode, step, 1.0 - step)
    points = np.stack((middle - step, middle, middle + step), axis=2)
    left, centre, right = np.moveaxis(
        _sum_over_members(mutations, options, labels, log_option, points, precision), 2, 0
    )
    curvature = np.maximum(-(right - 2.0 * centre + left) / step**2, 0.0)
    gradient = (right - left) / (2.0 * step) - curvature * (mode - middle)
    gradient = np.where((mode > 0.0) & (mode < 1.0), 0.0, gradient)
    gradient = np.where(mode == 0.0, np.minimum(gradient, 0.0), np.maximum(gradient, 0.0))
    p = mode / 2.0
    alt = np.maximum(p**2 * (4.0 * curvature * (1.0 - p) + 2.0 * gradient), 0.0)
    ref = np.maximum((1.0 - p) ** 2 * (4.0 * curvature * p - 2.0 * gradient), 0.0)
    seen = depth > 0.0
    return np.where(seen, alt, 0.0), np.where(seen, alt + ref, 0.0)


def _quantile(cumulative: FloatArray, ccf: FloatArray, level: float) -> NDArray[np.float64]:
    """Smallest grid value whose cumulative probability reaches `level`."""
    index = (cumulative < level * cumulative[:, :, -1:]).sum(axis=2).clip(max=ccf.shape[2] - 1)
    return np.asarray(np.take_along_axis(ccf, index[:, :, None], axis=2)[:, :, 0])
