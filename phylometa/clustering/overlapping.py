"""Clusters whose mutations overlap, told apart by a bound on the evidence in which assignments are summed out.

A partition puts every mutation into one cluster and pays ln C(n, n_1) for it. If the reads of two clones overlap
that price, which the reads need not pay, makes their union the most probable partition although the mixture of the
reads shows two clones. With responsibilities r (n, 2) and n_k = sum_i r_ik, summing the assignments out,

    ln P(reads, two clusters) >= sum_k ln int p(c) prod_i L_i(c)^r_ik dc + sum_k ln Gamma(n_k) - sum_ik r_ik ln r_ik,

a variational bound (Jordan et al. 1999, doi:10.1023/A:1007665907178; for Dirichlet processes Blei and Jordan 2006,
doi:10.1214/06-BA104; ln Gamma of the expected size bounds the expected ln Gamma from below, being convex). A cluster
is split if the bound for two exceeds the exact value for one.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, lgamma

import numpy as np

from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import (
    CcfPrior,
    LogGrid,
    cluster_totals,
    log_distinct,
    log_marginal,
    spike_posterior,
)
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["split_overlapping", "two_cluster_bound"]

# Most mutations of a patient, and of a cluster, that are looked at (a random draw, if there are more).
_SCORED, _FITTED = 5000, 2000
# Members a cluster needs before it is tried, and the least share of them in either half: a few mutations at wrong copy
# numbers look like a small clone.
_MIN_MEMBERS, _MIN_SHARE = 20, 0.1
# Rounds of the fit, and the rise of the bound at which it ends.
_ROUNDS, _TOLERANCE = 60, 0.05
# Starts: the quantiles of the main direction of misfit at which the members are parted, and how surely.
_CUTS, _SURE = (0.15, 0.5, 0.85), 0.9
# Precisions compared once mixtures are allowed for, and log prior odds of overdispersed reads: a mixture of clones that
# was taken for one cluster looks overdispersed.
_PRECISIONS, _LOG_OVERDISPERSED = (inf, 800.0), -3.0


def two_cluster_bound(items: LogGrid, responsibility: FloatArray, prior: CcfPrior) -> tuple[float, FloatArray]:
    """Maximise the bound for two clusters, from a start; return it with the responsibilities there.

    Parameters
    ----------
    items : float32 array (n, S, G)
        Log-likelihood of every mutation on the grid.
    responsibility : float64 array (n, 2)
        Start; rows add up to 1.
    prior : CcfPrior

    Returns
    -------
    float
        Without the prior of the number of clusters; -inf if one of the two is left without mutations.
    float64 array (n, 2)
    """
    n, n_samples, n_points = items.shape
    flat, shares = items.reshape(n, -1), responsibility
    last = -inf
    for _ in range(_ROUNDS):
        sizes = shares.sum(axis=0)
        if sizes.min() < 1.0:
            return -inf, shares
        totals = (shares.T.astype(np.float32) @ flat).reshape(2, n_samples, n_points)
        marginal = log_marginal(totals, prior).astype(np.float64)
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum()
        bound = float(marginal.sum() + sum(lgamma(size) for size in sizes.tolist()) + entropy)
        if bound - last < _TOLERANCE:
            break
        last = bound
        # Expected log-likelihood under the posterior of each cluster's CCFs, truncal or independent between samples.
        weight = np.exp(totals - totals.max(axis=2, keepdims=True)) * prior.points
        weight /= weight.sum(axis=2, keepdims=True)
        truncal = totals[:, :, -1].sum(axis=1, dtype=np.float64) + np.log(prior.truncal) - marginal
        truncal_share = np.exp(np.minimum(truncal, 0.0)).astype(np.float32)[:, None]
        weight *= 1.0 - truncal_share[:, :, None]
        weight[:, :, -1] += truncal_share
        joint = (flat @ weight.reshape(2, -1).T).astype(np.float64) + np.log(np.maximum(sizes - shares, 1e-9))
        shares = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])
    spikes = spike_posterior(totals, prior)
    return bound + float(log_distinct(spikes[0], spikes[1:])[0]), shares


def split_overlapping(
    model: ClusteringModel, labels: IntArray, *, rng: np.random.Generator
) -> tuple[ClusteringModel, IntArray]:
    """Split clusters that a mixture explains better; return the precision of the reads that goes with it.

    Parameters
    ----------
    model : ClusteringModel (n mutations)
    labels : int64 array (n,), 0..K-1
    rng : numpy.random.Generator
        Draws the mutations that are looked at, if they are many.

    Returns
    -------
    ClusteringModel
        With another precision, if one was not given by the settings and the split clusters suit it better.
    int64 array (n,)
        Each mutation in its most probable cluster; numbers without members may be among them.
    """
    rows = _draw(np.arange(len(labels)), _SCORED, rng)
    scored, own = model.take(rows), np.unique(labels[rows], return_inverse=True)
    used, parts = own[0], own[1].reshape(-1).astype(np.int64)
    precisions = [model.precision]
    if model.settings.precision == 0.0:
        binomial = replace(scored, precision=inf)
        if not any(_is_misfit(binomial, np.flatnonzero(parts == part)) for part in range(len(used))):
            return model, labels
        precisions += [value for value in _PRECISIONS if value != model.precision]
    best: tuple[float, ClusteringModel, dict[int, list[tuple[FloatArray, float]]]] | None = None
    for precision in precisions:
        candidate = replace(scored, precision=precision)
        score = candidate.log_posterior(cluster_totals(candidate.items(), parts), np.bincount(parts))
        score += 0.0 if precision == inf else _LOG_OVERDISPERSED
        found = {}
        n_clusters = int(labels.max()) + 1
        for part, cluster in enumerate(used.tolist()):
            members = np.flatnonzero(parts == part)
            gain, pieces = _pieces(candidate, members, n_clusters, rng)
            if len(pieces) > 1:
                found[cluster] = pieces
                score, n_clusters = score + gain, n_clusters + len(pieces) - 1
        if best is None or score > best[0]:
            best = (score, replace(model, precision=precision), found)
    assert best is not None
    _, model, found = best
    labels, n_clusters = labels.copy(), int(labels.max()) + 1
    for cluster, pieces in found.items():
        members = np.flatnonzero(labels == cluster)
        log_weight = model.take(members).assignment_log_likelihood(np.stack([ccf for ccf, _ in pieces]))
        piece = (log_weight + np.log([size for _, size in pieces])).argmax(axis=1)
        labels[members] = np.where(piece == 0, cluster, n_clusters + piece - 1)
        n_clusters += len(pieces) - 1
    return model, labels


def _pieces(
    model: ClusteringModel, rows: IntArray, n_clusters: int, rng: np.random.Generator
) -> tuple[float, list[tuple[FloatArray, float]]]:
    """Rise of the log posterior, and CCFs (S,) and size of every cluster that one cluster is split into."""
    part = model.take(_draw(rows, _FITTED, rng))
    if len(part.ccf) % 2:
        part = part.with_grid(len(part.ccf) // 2 + 1)  # half the grid is enough to tell two clusters apart
    whole = part.cluster_totals(np.zeros(part.mutations.n_mutations, dtype=np.int64))
    ccf = part.centres(whole)[0]
    alone = [(ccf, float(len(rows)))]
    if len(rows) < _MIN_MEMBERS:
        return 0.0, alone
    score, is_misfit = _misfit(part, ccf)
    if not is_misfit:
        return 0.0, alone
    items = part.items()
    prior, count_prior = part.prior, model.count_prior
    best, shares = -inf, np.zeros((len(items), 2))
    for cut in _CUTS:
        above = np.where(score > np.quantile(score, cut), _SURE, 1.0 - _SURE)
        bound, found = two_cluster_bound(items, np.column_stack((above, 1.0 - above)), prior)
        if bound > best:
            best, shares = bound, found
    one = float(log_marginal(items.sum(axis=0, dtype=np.float64)[None], prior)[0]) + lgamma(len(items))
    gain = best - one + count_prior[n_clusters + 1] - count_prior[n_clusters]
    if gain <= 0.0 or shares.mean(axis=0).min() < _MIN_SHARE:
        return 0.0, alone
    totals = np.einsum("nk,nsg->ksg", shares, items, dtype=np.float64)
    centres = part.centres((totals - totals.max(axis=2, keepdims=True)).astype(np.float32))
    log_weight = model.take(rows).assignment_log_likelihood(centres) + np.log(shares.sum(axis=0))
    half = log_weight.argmax(axis=1)
    if np.bincount(half, minlength=2).min() < max(2.0, 0.5 * _MIN_SHARE * len(rows)):
        return 0.0, alone
    pieces: list[tuple[FloatArray, float]] = []
    for side in (0, 1):
        more, inner = _pieces(model, rows[half == side], n_clusters + 1 + max(len(pieces) - 1, 0), rng)
        gain += more
        # A piece that stays whole keeps the CCFs of the mixture: those of its own mutations alone are drawn apart.
        pieces += inner if len(inner) > 1 else [(centres[side], float(shares[:, side].mean() * len(rows)))]
    return gain, pieces


def _is_misfit(model: ClusteringModel, rows: IntArray) -> bool:
    """Whether the mutations of a cluster misfit it by more than chance; not with too few of them."""
    if len(rows) < _MIN_MEMBERS:
        return False
    part = model.take(rows)
    return _misfit(part, part.centres(part.cluster_totals(np.zeros(len(rows), dtype=np.int64)))[0])[1]


def _misfit(model: ClusteringModel, ccf: FloatArray) -> tuple[FloatArray, bool]:
    """Every mutation's place (n,) along the main direction of misfit, and whether there is more than by chance.

    The largest eigenvalue of the standardised residuals of one cluster lies below (1 + sqrt(S / n))^2 (Marchenko and
    Pastur 1967).
    """
    residual = model.residuals(np.broadcast_to(ccf, model.mutations.depth.shape))
    n, n_samples = residual.shape
    values, vectors = np.linalg.eigh(residual.T @ residual / n)
    main = vectors[:, -1]
    place = residual @ (main * np.sign(main[np.abs(main).argmax()]))
    return place, bool(values[-1] > (1.0 + np.sqrt(n_samples / n)) ** 2)


def _draw(rows: IntArray, limit: int, rng: np.random.Generator) -> IntArray:
    if len(rows) <= limit:
        return rows
    return np.sort(rng.choice(rows, size=limit, replace=False))
