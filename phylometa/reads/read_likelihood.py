"""Likelihood of reads under each multiplicity: beta-binomial over a grid of cancer cell fractions.

The expected frequency is that of `phylometa.reads.multiplicity`. Cells of a table that are alike are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import MutationTable
from phylometa.reads.multiplicity import MultiplicityOptions

__all__ = [
    "DistinctCells",
    "allele_probability",
    "ccf_grid",
    "cell_log_likelihood",
    "distinct_cells",
    "log_likelihood_table",
    "log_sum_exp",
    "read_log_likelihood",
    "slab_weights",
]


def ccf_grid(n_points: int) -> FloatArray:
    """Make CCF values from 0 to 1 on which a binomial at VAF = CCF / 2 has about the same width everywhere.

    Parameters
    ----------
    n_points : number of values, at least 3

    Returns
    -------
    float64 array (n_points,)
        2 sin^2(theta), theta equally spaced in [0, pi / 4] (the variance-stabilising scale of a binomial).

    Examples
    --------
    >>> ccf_grid(3).round(3).tolist()
    [0.0, 0.293, 1.0]
    """
    return 2.0 * np.sin(np.linspace(0.0, np.pi / 4.0, n_points)) ** 2


def slab_weights(ccf: FloatArray) -> FloatArray:
    """Compute trapezoid weights of a uniform density on [0, 1] at the points of a CCF grid; they add up to 1."""
    widths = np.diff(ccf)
    return np.concatenate(([0.0], widths)) / 2.0 + np.concatenate((widths, [0.0])) / 2.0


@dataclass(frozen=True, eq=False)
class DistinctCells:
    """The cells of a table of reads that differ, once each: whole genomes repeat few counts many times.

    Parameters
    ----------
    alt, ref : float64 arrays (U,)
        Reads; 0 if a cell carries no evidence.
    state : int64 array (U,)
        State of `MultiplicityOptions`.
    index : int64 array (n, S)
        Distinct cell of each mutation in each sample.
    """

    alt: FloatArray
    ref: FloatArray
    state: NDArray[np.int64]
    index: NDArray[np.int64]

    def part(self, start: int, stop: int) -> DistinctCells:
        """Distinct cells `start` to `stop`; their index is empty."""
        some = slice(start, stop)
        return DistinctCells(self.alt[some], self.ref[some], self.state[some], self.index[:0])


def distinct_cells(mutations: MutationTable, options: MultiplicityOptions) -> DistinctCells:
    """Find the distinct cells of a table of reads."""
    usable = mutations.is_informative
    alt = np.where(usable, mutations.alt_counts, 0).astype(np.int64)
    ref = np.where(usable, mutations.depth - mutations.alt_counts, 0).astype(np.int64)
    n_alt, n_ref = int(alt.max(initial=0)) + 1, int(ref.max(initial=0)) + 1
    key = (options.cell_state.astype(np.int64) * n_alt + alt) * n_ref + ref
    found, index = np.unique(key, return_inverse=True)
    rest, ref_reads = np.divmod(found, n_ref)
    state, alt_reads = np.divmod(rest, n_alt)
    return DistinctCells(
        alt_reads.astype(np.float64), ref_reads.astype(np.float64), state, index.reshape(key.shape).astype(np.int64)
    )


def log_likelihood_table(
    mutations: MutationTable,
    options: MultiplicityOptions,
    ccf: FloatArray,
    *,
    precision: float,
    dtype: type = np.float32,
) -> NDArray[np.floating]:
    """Compute the log-likelihood of every cell's reads under every option on a CCF grid, without binomial coefficients.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    options : MultiplicityOptions
    ccf : float array (G,), in [0, 1]
    precision : float
        Precision of the beta-binomial; inf = binomial.
    dtype : of the result

    Returns
    -------
    array (n, S, J, G)
        0 if a cell carries no evidence.
    """
    cells = distinct_cells(mutations, options)
    return cell_log_likelihood(cells, options, ccf, precision=precision, dtype=dtype)[cells.index]


def cell_log_likelihood(
    cells: DistinctCells,
    options: MultiplicityOptions,
    ccf: FloatArray,
    *,
    precision: float,
    dtype: type = np.float32,
) -> NDArray[np.floating]:
    """Compute the `log_likelihood_table` of distinct cells.

    Returns
    -------
    array (U, J, G)
    """
    probability = allele_probability(options.slope[:, :, None], options.error[:, None, None], ccf)
    alt, ref, state = cells.alt[:, None, None], cells.ref[:, None, None], cells.state
    if np.isinf(precision):
        log_p: NDArray[np.floating] = np.log(probability).astype(dtype)[state]
        log_q: NDArray[np.floating] = np.log1p(-probability).astype(dtype)[state]
        log_p *= alt.astype(dtype)
        log_q *= ref.astype(dtype)
        log_p += log_q
        return log_p
    is_used = np.isfinite(options.log_prior)
    table = _beta_binomial(cells, probability * precision, (1.0 - probability) * precision, is_used, precision)
    absent = ccf == 0.0
    if absent.any():
        p = probability[:, :, absent][state]
        table[..., absent] = alt * np.log(p) + ref * np.log1p(-p)
    lost = options.copies == 0.0
    if lost.any():  # no mutated copy: errors alone, as at CCF 0
        p = probability[:, :, :1][state]
        table = np.where(lost[state][..., None], alt * np.log(p) + ref * np.log1p(-p), table)
    return np.asarray(table.astype(dtype))


def _beta_binomial(
    cells: DistinctCells, a: FloatArray, b: FloatArray, is_used: BoolArray, precision: float
) -> FloatArray:
    """ln B(alt + a, ref + b) - ln B(a, b) of every cell (U, J, G); a and b by state (n_states, J, G).

    What a state does not use (`is_used`, (n_states, J)) has no prior probability, and is not worked out.

    If a state has many cells, ln Gamma(x + a) - ln Gamma(a) = sum of ln(a + i), i < x, is tabulated for every number
    of reads x up to its highest; else each cell has its own ln Gamma.
    """
    alt, ref = cells.alt.astype(np.int64), cells.ref.astype(np.int64)
    table = np.zeros((len(alt), *a.shape[1:]))
    first = np.flatnonzero(np.diff(cells.state, prepend=-1))
    for start, stop in zip(first.tolist(), [*first[1:].tolist(), len(alt)]):
        state = cells.state[start]
        here = slice(start, stop)
        used = np.flatnonzero(is_used[state])
        own_a, own_b = a[state, used], b[state, used]
        n_alt, n_ref = int(alt[here].max()), int(ref[here].max())
        if n_alt + n_ref < 2 * (stop - start):
            table[here, used] = _rising(own_a, n_alt)[alt[here]] + _rising(own_b, n_ref)[ref[here]]
        else:
            alt_here, ref_here = cells.alt[here, None, None], cells.ref[here, None, None]
            found = gammaln(alt_here + own_a) + gammaln(ref_here + own_b)
            table[here, used] = found - (gammaln(own_a) + gammaln(own_b))
    whole = gammaln(cells.alt + cells.ref + precision) - lgamma(precision)
    return np.asarray(table - whole[:, None, None])


def _rising(a: FloatArray, highest: int) -> FloatArray:
    """ln Gamma(x + a) - ln Gamma(a) for x = 0..highest, along a new first axis."""
    steps = np.log(a + np.arange(highest, dtype=np.float64).reshape(-1, *[1] * a.ndim))
    return np.concatenate((np.zeros((1, *a.shape)), np.cumsum(steps, axis=0)))


def log_sum_exp(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Compute ln of the sum of exp along an axis; -inf if all are (several times faster than np.logaddexp.reduce)."""
    peak = values.max(axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0).astype(values.dtype)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - peak).sum(axis=axis)) + peak.squeeze(axis))


def allele_probability(slope: FloatArray, error: FloatArray, ccf: FloatArray) -> FloatArray:
    """Compute P(a read shows the alternate allele) = v (1 - e) + (1 - v) e, v = slope x CCF; arguments broadcast."""
    expected = slope * ccf
    return np.asarray(np.clip(expected * (1.0 - 2.0 * error) + error, 1e-9, 1.0 - 1e-9))


def read_log_likelihood(
    alt: NDArray[Any], ref: NDArray[Any], slope: FloatArray, error: FloatArray, ccf: FloatArray, precision: float
) -> FloatArray:
    """Compute the log-likelihood of reads at a CCF and multiplicity, less the binomial coefficient; broadcasts.

    A beta-binomial of mean p (`allele_probability`): ``ln B(alt + a, ref + b) - ln B(a, b)``, a = p precision,
    b = (1 - p) precision. Its limit at precision inf is the binomial, ``alt ln p + ref ln(1 - p)``, which also holds
    if the mutation is absent (CCF 0, or no copy left): sequencing errors have a rate of their own, not the spread
    of an allele.
    """
    p = allele_probability(slope, error, ccf)
    binomial = alt * np.log(p) + ref * np.log1p(-p)
    if np.isinf(precision):
        return np.asarray(binomial)
    a, b = p * precision, (1.0 - p) * precision
    whole = np.asarray(alt + ref + precision, dtype=np.float64)
    spread = gammaln(alt + a) - gammaln(a) + gammaln(ref + b) - gammaln(b) - gammaln(whole) + lgamma(precision)
    return np.where(slope * ccf == 0.0, binomial, spread)
