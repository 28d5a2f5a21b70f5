"""Likelihood of a clone tree from reads: clone proportions integrated out exactly on a grid of prevalences.

The model of one sample. Every clone k has a proportion eta_k >= 0 of the tumour cells; its cluster's prevalence is
F_k = eta_k + the sum of its children's prevalences (phi = B eta, the sum condition). A read of cluster k shows the
alternate allele with probability p = e + F_k (1/2 - e). The prior of every eta_k is a spike at 0 (weight 1) and a flat
slab (weight ``presence_weight`` per unit of prevalence), so that absence of a clone from a sample is part of the
tree's score (L0 sparsity) and presence has a posterior. The prevalence of the founders together, T, is 1, or near 1
if purity is in error.

On a grid of spacing 1/``grid`` the integral over all proportions is a sum-product recursion on the tree (Felsenstein
1981, J Mol Evol 17:368, with convolutions in place of substitution matrices): exact up to the grid, in
O(K grid^2) a sample, and only the path above a changed vertex has to be computed anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from phylometa.config import TreeSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import children_of

__all__ = [
    "ReadModel",
    "SamplePosterior",
    "convolve",
    "fit_presence_weight",
    "read_model",
    "sample_posterior",
    "tree_log_likelihood",
]

_FIT_SAMPLES = 10
# Largest prevalence beyond 1 that an underestimated purity may give.
_MOST_EXCESS = 0.4


@dataclass(frozen=True, eq=False)
class ReadModel:
    """Reads of clusters as likelihoods on a grid of prevalences, with the prior of proportions.

    Parameters
    ----------
    likelihood : float64 array (K, S, G)
        Likelihood of every cluster's reads at each prevalence of `prevalence`, its maximum scaled to 1.
    log_scale : float64 array (S,)
        Natural log of the product over clusters of what was scaled away.
    prevalence : float64 array (G,)
        Grid: 0, 1/grid, ... up to a little above 1 (purity may be underestimated).
    slab : float
        Prior weight of one grid point of a positive proportion, against 1 for the spike at 0.
    founder : float64 array (S, G)
        Prior of T, the prevalence of all founders together, in every sample: 1 unless the purity is in error.
    observed : float64 array (K, S)
        Maximum-likelihood prevalence of each cluster alone; NaN without reads.
    sd : float64 array (K, S)
        Its standard error.
    least : int
        Smallest proportion that counts as present, in grid steps: the first one above ``presence_threshold``.
    """

    likelihood: FloatArray
    log_scale: FloatArray
    prevalence: FloatArray
    slab: float
    founder: FloatArray
    observed: FloatArray
    sd: FloatArray
    least: int = 1

    @property
    def n_clusters(self) -> int:
        return int(self.likelihood.shape[0])

    @property
    def n_samples(self) -> int:
        return int(self.likelihood.shape[1])

    @property
    def n_grid(self) -> int:
        return int(self.likelihood.shape[2])


def read_model(
    alt_reads: NDArray[np.floating],
    total_reads: NDArray[np.floating],
    *,
    settings: TreeSettings,
    purity_sd: FloatArray | None = None,
) -> ReadModel:
    """Compute the likelihood of every cluster's reads on the grid of prevalences.

    Parameters
    ----------
    alt_reads, total_reads : arrays (K, S)
        Equivalent reads at VAF = CCF / 2 (see `phylometa.model.clusters.Clustering`).
    settings : TreeSettings
    purity_sd : float64 array (S,), optional
        See `founder_prior`.

    Returns
    -------
    ReadModel

    Notes
    -----
    ``ln L(F) = w [V ln p + (N - V) ln(1 - p)]`` with p = e + F (1/2 - e). The factor w = M / (M + N) bounds the
    precision: M reads give a standard error of ``ccf_error`` at F = 1/2, the size of what purity and copy number are
    uncertain by however deep one reads. Each cell is floored at exp(-``outlier_cost``) of its maximum: one cell whose
    reads mean something else (a lost allele, a wrong copy number) costs at most so much.
    """
    alt = np.asarray(alt_reads, dtype=np.float64)
    total = np.asarray(total_reads, dtype=np.float64)
    error = settings.error_rate
    widest = max(settings.purity_error, float(np.max(purity_sd, initial=0.0)) if purity_sd is not None else 0.0)
    n_grid = int(round((1.0 + min(2.0 * widest, _MOST_EXCESS)) * settings.grid)) + 1
    prevalence = np.arange(n_grid) / settings.grid
    vaf = error + prevalence * (0.5 - error)
    max_reads = reads_of_error(settings)
    weight = max_reads / (max_reads + total)
    log_likelihood = (weight * alt)[:, :, None] * np.log(vaf) + (weight * (total - alt))[:, :, None] * np.log1p(-vaf)
    top = log_likelihood.max(axis=2)
    relative = np.maximum(log_likelihood - top[:, :, None], -settings.outlier_cost)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(total > 0, np.clip((alt / total - error) / (0.5 - error), 0.0, prevalence[-1]), np.nan)
        rate = np.clip(error + np.nan_to_num(observed) * (0.5 - error), 0.5 / np.maximum(total, 1.0), 0.5)
        variance = rate * (1.0 - rate) / (np.maximum(total * weight, 1e-9) * (0.5 - error) ** 2)
    return ReadModel(
        likelihood=np.exp(relative),
        log_scale=top.sum(axis=0),
        prevalence=prevalence,
        slab=settings.presence_weight / settings.grid,
        founder=founder_prior(prevalence, np.zeros(alt.shape[1]) if purity_sd is None else purity_sd, settings),
        observed=observed,
        sd=np.sqrt(np.minimum(variance, 1.0)),
        least=int(settings.presence_threshold * settings.grid + 1e-9) + 1,
    )


def reads_of_error(settings: TreeSettings) -> float:
    """Reads at which a prevalence of 1/2 has the standard error that remains however deep one reads.

    The binomial variance of F = 2 p at p = 1/4 is .75 / N, set equal to ``ccf_error``^2.
    """
    return 0.75 / settings.ccf_error**2


def founder_prior(prevalence: FloatArray, purity_sd: FloatArray, settings: TreeSettings) -> FloatArray:
    """Prior of the prevalence T of all founders together in every sample, (S, G).

    A purity that is too high by a factor makes every prevalence of the sample too low by it, so T is what an error of
    the purity leaves of 1: a spike at 1, a normal of the purity's own relative error, and a floor.

    Parameters
    ----------
    prevalence : float64 array (G,)
    purity_sd : float64 array (S,)
        Standard error of the purity relative to the purity itself; 0 if it is given without one.
    settings : TreeSettings
        ``purity_error`` is the least standard deviation, ``purity_error_weight`` the prior probability of an error in
        a sample whose purity is given; an estimated purity is always in error.
    """
    sd = np.hypot(np.asarray(purity_sd, dtype=np.float64), settings.purity_error)[:, None]
    spread = np.exp(-0.5 * ((prevalence - 1.0) / sd) ** 2)
    spread /= spread.sum(axis=1, keepdims=True)
    weight = np.where(np.asarray(purity_sd)[:, None] > 0.0, 1.0, settings.purity_error_weight)
    founder = weight * spread + settings.purity_floor / len(prevalence)
    founder[:, settings.grid] += 1.0 - weight[:, 0]
    return np.asarray(founder)


def convolve(first: FloatArray, second: FloatArray) -> FloatArray:
    """Convolve along the last axis, cut at its length; leading axes are broadcast.

    Sums of non-negative products only (no FFT), so that tails far below the maximum keep their relative accuracy.
    """
    n_grid = second.shape[-1]
    padded = np.concatenate([np.zeros((*second.shape[:-1], n_grid - 1)), second], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_grid, axis=-1)[..., ::-1]
    return np.matmul(windows, first[..., None])[..., 0]


def add_clone(forest: FloatArray, likelihood: FloatArray, slab: float) -> FloatArray:
    """Message of a clone from the convolved messages of its children: own proportion added, own reads applied."""
    return likelihood * (forest + slab * (np.cumsum(forest, axis=-1) - forest))


def messages(parents: NDArray[np.integer], model: ReadModel) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Upward pass: (message of each clone (K, S, G), convolved children of each clone (K + 1, S, G), log scale (S,)).

    The last row of the convolved children belongs to the germline: the founders (parent -1) together.
    """
    n, n_samples, n_grid = model.likelihood.shape
    upward = np.zeros((n, n_samples, n_grid))
    forests = np.zeros((n + 1, n_samples, n_grid))
    forests[:, :, 0] = 1.0
    log_scale = np.zeros(n_samples)
    children = children_of(np.append(np.where(np.asarray(parents) < 0, n, parents), -1))
    order, stack = [], [n]
    while stack:
        v = stack.pop()
        order.append(v)
        stack.extend(children[v])
    if len(order) != n + 1:
        raise ValueError("parents: not a forest (a cycle)")
    for v in reversed(order):
        for i, child in enumerate(children[v]):
            forests[v] = convolve(forests[v], upward[child]) if i else upward[child]
            peak = forests[v].max(axis=-1)
            forests[v] /= peak[:, None]
            log_scale += np.log(peak)
        if v < n:
            upward[v] = add_clone(forests[v], model.likelihood[v], model.slab)
    return upward, forests, log_scale


def tree_log_likelihood(parents: NDArray[np.integer], model: ReadModel) -> float:
    """Compute the marginal log-likelihood (natural log) of a clone tree, with clone proportions integrated out.

    Parameters
    ----------
    parents : int array (K,)
        Parent of each clone; -1 at a founder. Several founders are allowed: clonally unrelated tumours.
    model : ReadModel

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from phylometa.config import TreeSettings
    >>> model = read_model(np.array([[50.0], [25.0]]), np.full((2, 1), 100.0), settings=TreeSettings())
    >>> chain, wrong = (tree_log_likelihood(np.array(parents), model) for parents in ([-1, 0], [1, -1]))
    >>> bool(chain > wrong + 5)
    True
    """
    _, forests, log_scale = messages(parents, model)
    return float(np.sum(np.log(np.einsum("sg,sg->s", forests[-1], model.founder)) + log_scale + model.log_scale))


def log_prior_mass(model: ReadModel) -> float:
    """Natural log of the prior's total weight in all samples; the same for every tree (B is unimodular)."""
    n, _, n_grid = model.likelihood.shape
    forest = np.zeros((1, n_grid))
    forest[0, 0] = 1.0
    for _ in range(n):  # a chain of clones without reads: own proportions one after the other
        forest = add_clone(forest, np.ones((1, n_grid)), model.slab)
    return float(np.log(model.founder @ forest[0]).sum())


def fit_presence_weight(parents: NDArray[np.integer], model: ReadModel, *, settings: TreeSettings) -> ReadModel:
    """Fit the presence weight to the patient, on one good tree, and return the model with it.

    How many clones share a sample differs between tumours; the prior weight of presence is therefore the maximum of
    its posterior: the marginal likelihood of the reads (normalised prior of proportions) times a log-normal prior
    around ``presence_weight`` with standard deviation ``presence_weight_sd``.

    Parameters
    ----------
    parents : int array (K,)
        A tree, e.g. the best found so far.
    model : ReadModel
    settings : TreeSettings

    Returns
    -------
    ReadModel
    """
    if settings.presence_weight_sd == 0.0:
        return model
    if model.n_samples > _FIT_SAMPLES:  # one number: a few samples tell it well enough
        few = np.linspace(0, model.n_samples - 1, _FIT_SAMPLES).astype(int)
        few_samples = {"likelihood": model.likelihood[:, few], "log_scale": model.log_scale[few]}
        part = replace(model, **few_samples, founder=model.founder[few])
        return replace(model, slab=fit_presence_weight(parents, part, settings=settings).slab)
    best, best_score = model, -np.inf
    for step in np.arange(-3.0, 9.1, 0.75):
        weight = settings.presence_weight * np.exp(step * settings.presence_weight_sd)
        candidate = replace(model, slab=weight / settings.grid)
        score = tree_log_likelihood(parents, candidate) - log_prior_mass(candidate) - 0.5 * step * step
        if score > best_score:
            best, best_score = candidate, score
    return best


@dataclass(frozen=True, eq=False)
class SamplePosterior:
    """Posterior of clone proportions under one tree.

    Parameters
    ----------
    proportions : float64 array (K, S)
        Posterior mean of eta over T: shares among the tumour cells.
    presence : float64 array (K, S)
        P(eta > ``presence_threshold``).
    prevalence : float64 array (K, S)
        Posterior mean of F.
    log_likelihood : float
    """

    proportions: FloatArray
    presence: FloatArray
    prevalence: FloatArray
    log_likelihood: float


def sample_posterior(parents: NDArray[np.integer], model: ReadModel) -> SamplePosterior:
    """Compute the mean proportions and presence of every clone in every sample under one tree (forward-backward).

    Parameters
    ----------
    parents : int array (K,)
    model : ReadModel

    Returns
    -------
    SamplePosterior
    """
    upward, forests, log_scale = messages(parents, model)
    n, n_samples, n_grid = upward.shape
    total = np.einsum("sg,sg->s", forests[-1], model.founder)
    downward = np.zeros((n + 1, n_samples, n_grid))
    downward[n] = model.founder
    children = children_of(np.append(np.where(np.asarray(parents) < 0, n, parents), -1))
    proportions = np.zeros((n, n_samples))
    presence = np.zeros((n, n_samples))
    prevalence = np.zeros((n, n_samples))
    tumour = (forests[-1] * model.founder) @ model.prevalence / total
    stack = [n]
    while stack:
        v = stack.pop()
        if v < n:
            outside = downward[v] * model.likelihood[v]
            beyond = np.cumsum(outside[:, ::-1], axis=1)[:, ::-1] - outside
            far = beyond[:, model.least - 1 :]
            downward[v] = outside + model.slab * beyond  # now: functional on the convolved children
            weight = np.einsum("sg,sg->s", forests[v], downward[v])
            counted = model.slab * np.einsum("sg,sg->s", forests[v, :, : 1 - model.least or None], far)
            presence[v] = counted / weight
            inner = (forests[v] * downward[v]) @ model.prevalence / weight
            proportions[v] = np.maximum(prevalence[v] - inner, 0.0)
        for i, child in enumerate(children[v]):
            context = downward[v]
            for j, sibling in enumerate(children[v]):
                if i != j:
                    context = convolve(upward[sibling], context[:, ::-1])[:, ::-1]
            downward[child] = context / context.max(axis=1)[:, None]
            joint = downward[child] * upward[child]
            prevalence[child] = joint @ model.prevalence / joint.sum(axis=1)
            stack.append(child)
    value = float(np.sum(np.log(total) + log_scale + model.log_scale))
    return SamplePosterior(proportions / tumour, presence, prevalence, value)
