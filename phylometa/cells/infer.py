r"""Clones of single cells: mutations partitioned over clones, a tree of clones, error rates; cells marginalised.

A cell belongs to one clone, or is normal, and has the mutations of the clone and of all above it. A mutation that it
has is missed with the dropout rate b; one that it lacks is called with the false-positive rate a (Jahn, Kuipers &
Beerenwinkel 2016, doi:10.1186/s13059-016-0936-x). Cells are independent given tree and rates, so that

.. math:: P(X | T) = \prod_c \frac{1}{K + 1} \sum_{k=0}^{K} \prod_i P(x_{ic} | g_{ik}; a, b)

over the K clones and the normal genotype, by one pass down the tree. Counts of reads: a heterozygous site shows half of
its reads, or one allele alone if the other dropped out; b is the probability that one of the two did. The prior is a
Chinese restaurant over partitions and uniform over the (K + 1)^(K - 1) trees; rates have Beta priors. Unlike a tree of
single mutations, clones do not order mutations that no cell tells apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import betaln

from phylometa.cells._kernels import UNUSED, draw_cells, log_likelihood, log_prior, run_chain, sum_by_clone
from phylometa.config import CellSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cells import CellDraw, CellMatrix, CellPosterior

__all__ = ["error_log_ratios", "infer_cell_clones"]

# Reads of either allele of a heterozygous site: beta-binomial of mean 1/2 and this precision.
_BALANCE = 20.0
# Error of a read where an allele is missing.
_READ_ERROR = 0.005
_STEP = 0.15  # of the random walk over the logits of the rates
_RATE_EVERY = 500
_MOST_CLONES = 60
# Chains whose best log posterior is farther below the best one's are stuck.
_STUCK = 15.0


def error_log_ratios(matrix: CellMatrix, false_positive: float, dropout: float) -> tuple[FloatArray, float]:
    """Compute log P(x | mutated) - log P(x | not) of every cell (n, C), and the log-likelihood if no cell had any.

    Parameters
    ----------
    matrix : CellMatrix
    false_positive, dropout : float
        Of 0/1 calls; of counts `dropout` alone, of either allele.
    """
    if matrix.alt is None or matrix.depth is None:
        on = math.log(1.0 - dropout) - math.log(false_positive)
        off = math.log(dropout) - math.log(1.0 - false_positive)
        ratio = np.where(matrix.seen == 1, on, np.where(matrix.seen == 0, off, 0.0))
        absent = np.where(matrix.seen == 1, math.log(false_positive), math.log(1.0 - false_positive))
        return ratio, float(absent[matrix.seen >= 0].sum())
    alt, depth = matrix.alt.astype(np.float64), matrix.depth.astype(np.float64)
    ref, half = depth - alt, _BALANCE / 2.0
    error = max(false_positive, 1e-6)
    both = betaln(alt + half, ref + half) - betaln(half, half)
    reference = alt * math.log(_READ_ERROR) + ref * math.log1p(-_READ_ERROR)
    mutated = ref * math.log(_READ_ERROR) + alt * math.log1p(-_READ_ERROR)
    lost = np.logaddexp(reference, mutated) + math.log(dropout / 2.0)
    present = np.logaddexp(both + math.log1p(-dropout), lost)
    absent = np.logaddexp(reference + math.log1p(-error), both + math.log(error))
    ratio = np.where(depth > 0, present - absent, 0.0)
    return ratio, float(absent[depth > 0].sum())


def infer_cell_clones(
    matrix: CellMatrix, *, settings: CellSettings | None = None, rng: np.random.Generator
) -> CellPosterior:
    """Draw clones, tree and error rates of single cells from their posterior.

    Parameters
    ----------
    matrix : CellMatrix
    settings : CellSettings, optional
    rng : numpy Generator

    Returns
    -------
    CellPosterior

    Raises
    ------
    ValueError
        No mutation or no cell.
    """
    settings = settings or CellSettings()
    if not matrix.mutations or not matrix.cells:
        raise ValueError("matrix: no mutation or no cell")
    chains = [_run_chain(matrix, settings, number, rng) for number in range(settings.chains)]
    best = [max(draw.log_posterior for draw in draws) for draws in chains]
    kept = [draws for draws, value in zip(chains, best) if value >= max(best) - _STUCK]
    return CellPosterior(matrix, tuple(d for draws in kept for d in draws), len(chains), len(chains) - len(kept))


def _run_chain(matrix: CellMatrix, settings: CellSettings, number: int, rng: np.random.Generator) -> list[CellDraw]:
    """Draws of the second half of one chain, which is annealed first."""
    rates = np.array([settings.false_positive, settings.dropout])
    rated = _Rated(rates, *error_log_ratios(matrix, *rates))
    label, parent = _start(matrix, rated.ratio, settings, number)
    rounds = max(settings.moves // _RATE_EVERY, 4)
    n_kept = -(-settings.draws // settings.chains)
    thin = max(rounds // (2 * n_kept), 1)
    draws: list[CellDraw] = []
    for turn in range(rounds):
        heat = 1.0 + 4.0 * max(1.0 - 3.0 * turn / rounds, 0.0)
        value, _ = run_chain(label, parent, rated.ratio, settings.concentration, _RATE_EVERY, heat, rng)
        rated, value = _rates_move(matrix, settings, rated, value, label, parent, rng)
        if 2 * turn >= rounds and turn % thin == 0:
            own = sum_by_clone(label, rated.ratio, len(parent))
            cells = draw_cells(parent, own, rng)
            log_posterior = value + rated.base + _rate_prior(rated.rates, settings)
            draws.append(_compact(label, parent, cells, rated.rates, log_posterior))
    return draws


def _rate_prior(rates: FloatArray, settings: CellSettings) -> float:
    """Log Beta priors with the means of the settings."""
    value = 0.0
    for rate, mean in zip(rates.tolist(), (settings.false_positive, settings.dropout)):
        a, b = mean * settings.rate_strength, (1.0 - mean) * settings.rate_strength
        value += a * math.log(rate) + b * math.log1p(-rate) - float(betaln(a, b))  # of the logit
    return value


@dataclass(frozen=True, eq=False)
class _Rated:
    """Error rates with what they make of the calls: log ratios (n, cells), and the sum of what no tree changes."""

    rates: FloatArray
    ratio: FloatArray
    base: float


def _rates_move(
    matrix: CellMatrix,
    settings: CellSettings,
    rated: _Rated,
    value: float,
    label: IntArray,
    parent: IntArray,
    rng: np.random.Generator,
) -> tuple[_Rated, float]:
    """Take a step of a random walk over the logits of both rates; the rates and the value after it."""
    rates = rated.rates
    logit = np.log(rates / (1.0 - rates)) + rng.normal(0.0, _STEP, 2)
    new_rates = 1.0 / (1.0 + np.exp(-logit))
    new = _Rated(new_rates, *error_log_ratios(matrix, *new_rates))
    scores = np.zeros((len(parent) + 1, rated.ratio.shape[1]))
    size = np.bincount(label, minlength=len(parent)).astype(np.int64)
    new_value = log_likelihood(parent, sum_by_clone(label, new.ratio, len(parent)), scores)
    new_value += log_prior(parent, size, settings.concentration)
    gain = new_value + new.base - value - rated.base
    gain += _rate_prior(new_rates, settings) - _rate_prior(rates, settings)
    if math.log(max(rng.random(), 1e-300)) < gain:
        return new, new_value
    return rated, value


def _start(matrix: CellMatrix, ratio: FloatArray, settings: CellSettings, number: int) -> tuple[IntArray, IntArray]:
    """Mutations clustered by the cells that show them, more finely in later chains; clones where they fit best."""
    n = len(matrix.mutations)
    n_slots = min(n, _MOST_CLONES)
    label = np.zeros(n, dtype=np.int64)
    if n > 1:
        wanted = min(max(2, n // 8) + 3 * number, n_slots, n)
        likely = 1.0 / (1.0 + np.exp(-np.clip(ratio, -30, 30)))
        label = fcluster(linkage(likely, "average", metric="euclidean"), wanted, criterion="maxclust") - 1
        label = label.astype(np.int64)
    own = sum_by_clone(label, ratio, n_slots)
    parent = np.full(n_slots, UNUSED, dtype=np.int64)
    scores = np.zeros((n_slots + 1, ratio.shape[1]))
    frequency = np.array([(own[k] > 0).sum() if (label == k).any() else -1 for k in range(n_slots)])
    for k in np.argsort(-frequency, kind="stable").tolist():
        if frequency[k] < 0:
            continue
        places = [n_slots, *np.flatnonzero(parent != UNUSED).tolist()]
        values = []
        for place in places:
            parent[k] = place
            values.append(log_likelihood(parent, own, scores))
        parent[k] = places[int(np.argmax(values))]
    return label, parent


def _compact(label: IntArray, parent: IntArray, cells: IntArray, rates: FloatArray, value: float) -> CellDraw:
    """The state with clones numbered 0, 1, ... by first mutation; K is the normal genotype."""
    used, first = np.unique(label, return_index=True)
    order = used[np.argsort(first)]
    rank = np.full(len(parent) + 1, len(order))
    rank[order] = np.arange(len(order))
    false_positive, dropout = rates.tolist()
    return CellDraw(rank[label], rank[parent[order]], rank[cells], false_positive, dropout, value)
