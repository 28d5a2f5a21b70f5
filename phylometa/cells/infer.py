r"""Clones of single cells: mutations partitioned over clones, a tree of clones, error rates; cells marginalised.

A cell belongs to one clone, or is normal, and has the mutations of the clone and of all above it. A mutation that it
has is missed with the dropout rate b; one that it lacks is called with the false-positive rate a (Jahn, Kuipers &
Beerenwinkel 2016, doi:10.1186/s13059-016-0936-x). Cells are independent given tree and rates, so that

.. math:: P(X | T) = \prod_c \left( \frac{1 - d}{K + 1} \sum_{k=0}^{K} \prod_i P(x_{ic} | g_{ik}; a, b)
    + \frac{d}{(K + 1)^2} \sum_{k=0}^{K} \sum_{l=0}^{K} \prod_i P(x_{ic} | g_{ik} \vee g_{il}; a, b) \right)

over the K clones and the normal genotype, and over pairs of these: with the doublet rate d two cells were taken for
one, which has the mutations of both. One pass up the tree gives either sum. Counts of reads: a heterozygous site shows
half of its reads, or one allele alone if the other dropped out; b is the probability that one of the two did. The
prior is a Chinese restaurant over partitions and uniform over the (K + 1)^(K - 1) trees; rates have Beta priors. Unlike
a tree of single mutations, clones do not order mutations that no cell tells apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import betaln, expit

from phylometa.cells._chain import draw_cells, run_chain
from phylometa.cells._posterior import UNUSED, all_log_means, log_prior, sum_by_clone
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
    doublet = settings.doublet
    label, parent = _start(matrix, rated.ratio, settings, number)
    rounds = max(settings.moves // _RATE_EVERY, 4)
    n_kept = -(-settings.draws // settings.chains)
    thin = max(rounds // (2 * n_kept), 1)
    draws: list[CellDraw] = []
    for turn in range(rounds):
        heat = 1.0 + 4.0 * max(1.0 - 3.0 * turn / rounds, 0.0)
        run_chain(label, parent, rated.ratio, settings.concentration, doublet, _RATE_EVERY, heat, rng)
        state = _State(label, parent, matrix, settings)
        rated = state.move_rates(rated, doublet, rng)
        if doublet > 0.0:
            doublet = state.draw_doublet_rate(rated, doublet, rng)
        if 2 * turn >= rounds and turn % thin == 0:
            own = sum_by_clone(label, rated.ratio, len(parent))
            cells = draw_cells(parent, own, doublet, rng)
            draws.append(_compact(label, parent, cells, (*rated.rates, doublet), state.log_posterior(rated, doublet)))
    return draws


@dataclass(frozen=True, eq=False)
class _Rated:
    """Error rates with what they make of the calls: log ratios (n, cells), and the sum of what no tree changes."""

    rates: FloatArray
    ratio: FloatArray
    base: float


@dataclass(frozen=True, eq=False)
class _State:
    """Clones and their tree, for what is drawn between the moves over them: rates of errors and of doublets."""

    label: IntArray
    parent: IntArray
    matrix: CellMatrix
    settings: CellSettings

    def log_means(self, rated: _Rated) -> FloatArray:
        """Log mean likelihood ratio of every cell over clones, and over pairs of clones (2, C)."""
        return all_log_means(self.parent, sum_by_clone(self.label, rated.ratio, len(self.parent)))

    def log_posterior(self, rated: _Rated, doublet: float) -> float:
        """Log posterior of state and rates, up to a constant."""
        settings = self.settings
        one, two = self.log_means(rated)
        value = rated.base + float(one.sum())
        if doublet > 0.0:
            mixed = np.logaddexp(one + math.log1p(-doublet), two + math.log(doublet))
            value = rated.base + float(mixed.sum()) + _log_beta(doublet, settings.doublet, settings.rate_strength)
        for rate, mean in zip(rated.rates.tolist(), (settings.false_positive, settings.dropout)):
            value += _log_beta(rate, mean, settings.rate_strength)
        size = np.bincount(self.label, minlength=len(self.parent)).astype(np.int64)
        return value + float(log_prior(self.parent, size, settings.concentration))

    def move_rates(self, rated: _Rated, doublet: float, rng: np.random.Generator) -> _Rated:
        """Take a step of a random walk over the logits of both error rates."""
        logit = np.log(rated.rates / (1.0 - rated.rates)) + rng.normal(0.0, _STEP, 2)
        rates = 1.0 / (1.0 + np.exp(-logit))
        new = _Rated(rates, *error_log_ratios(self.matrix, *rates))
        gain = self.log_posterior(new, doublet) - self.log_posterior(rated, doublet)
        return new if math.log(max(rng.random(), 1e-300)) < gain else rated

    def draw_doublet_rate(self, rated: _Rated, doublet: float, rng: np.random.Generator) -> float:
        """Draw which cells are doublets, and the rate given their number."""
        one, two = self.log_means(rated)
        p = expit(two - one + math.log(doublet) - math.log1p(-doublet))
        count = int((rng.random(len(p)) < p).sum())
        mean, strength = self.settings.doublet, self.settings.rate_strength
        drawn = rng.beta(mean * strength + count, (1.0 - mean) * strength + len(p) - count)
        return float(np.clip(drawn, 1e-6, 1.0 - 1e-6))


def _log_beta(rate: float, mean: float, strength: float) -> float:
    """Log density of the logit of a rate whose prior is a Beta of this mean, worth so many calls or cells."""
    a, b = mean * strength, (1.0 - mean) * strength
    return a * math.log(rate) + b * math.log1p(-rate) - float(betaln(a, b))


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
    frequency = np.array([(own[k] > 0).sum() if (label == k).any() else -1 for k in range(n_slots)])
    for k in np.argsort(-frequency, kind="stable").tolist():
        if frequency[k] < 0:
            continue
        places = [n_slots, *np.flatnonzero(parent != UNUSED).tolist()]
        values = []
        for place in places:
            parent[k] = place
            values.append(all_log_means(parent, own)[0].sum())
        parent[k] = places[int(np.argmax(values))]
    return label, parent


def _compact(
    label: IntArray, parent: IntArray, cells: tuple[IntArray, IntArray], rates: tuple[float, float, float], value: float
) -> CellDraw:
    """The state with clones numbered 0, 1, ... by first mutation; K is the normal genotype."""
    used, first = np.unique(label, return_index=True)
    order = used[np.argsort(first)]
    rank = np.full(len(parent) + 1, len(order))
    rank[order] = np.arange(len(order))
    false_positive, dropout, doublet = (float(rate) for rate in rates)
    return CellDraw(
        rank[label], rank[parent[order]], rank[cells[0]], rank[cells[1]], false_positive, dropout, doublet, value
    )
