"""Cells that a list of calls leaves out: fewer alternate reads than the caller lists were seen at the usual depth.

Such a cell is *censored* (`phylometa.model.patient.MutationTable`). At VAF p its likelihood is
q + (1 - q) P(X < t): X are the alternate reads among n, the usual depth, t the least alternate reads that the caller
lists, and q what a caller misses or filters however many reads show it. The joint sampler uses it as it is. Other
stages take reads: there the cell counts as 0 alternate of m reads, with m such that 1/2 = (1 - p)^m = P(X < t) at the
same VAF.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import gammaln

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import MutationTable, Patient
from phylometa.reads.read_likelihood import log_sum_exp, read_log_likelihood

__all__ = [
    "MISSED_CALL",
    "censored_as_reads",
    "censored_log_likelihood",
    "equivalent_depth",
    "listing_power",
    "with_censored_as_reads",
]

MISSED_CALL = 0.05
"""Probability that a list of calls leaves out a mutation that enough reads show: filters and callers miss some percent
of true mutations."""


def equivalent_depth(depth: int, threshold: int) -> int:
    """Work out at how many reads none with the allele says as much as fewer than `threshold` at `depth`.

    Parameters
    ----------
    depth : int
        Usual depth of the sample.
    threshold : int
        Least alternate reads that its list holds.

    Returns
    -------
    int
        m = ln 2 / -ln(1 - p), rounded down, P(X < threshold) = 1/2 at VAF p. The median of a binomial gives
        p = (threshold - 1/3) / (depth + 1/3).

    Examples
    --------
    >>> equivalent_depth(60, 3), equivalent_depth(60, 1), equivalent_depth(2, 3)
    (15, 62, 0)
    """
    vaf = (threshold - 1.0 / 3.0) / (depth + 1.0 / 3.0)
    return int(np.log(0.5) / np.log1p(-vaf)) if vaf < 0.5 else 0


def with_censored_as_reads(patient: Patient) -> Patient:
    """Copy a patient, with 0 of `equivalent_depth` reads in every censored cell.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    Patient
        The patient itself if no cell is censored.
    """
    table = censored_as_reads(patient.mutations)
    return patient if table is patient.mutations else replace(patient, mutations=table)


def censored_as_reads(mutations: MutationTable) -> MutationTable:
    """Copy a table, with 0 of `equivalent_depth` reads in every censored cell; the table itself if there is none."""
    censored = np.asarray(mutations.censored)
    if not censored.any():
        return mutations
    limits = zip(mutations.usual_depth.tolist(), mutations.call_threshold.tolist())
    depth = np.array([equivalent_depth(n, max(t, 1)) for n, t in limits])
    return replace(
        mutations,
        alt_counts=np.where(censored, 0, mutations.alt_counts),
        depth=np.where(censored, depth, mutations.depth),
        observed=np.asarray(mutations.observed) | censored,
    )


def censored_log_likelihood(
    depth: IntArray, threshold: IntArray, slope: FloatArray, error: FloatArray, prevalence: FloatArray, precision: float
) -> FloatArray:
    """Work out the log-likelihood of censored cells, ln(q + (1 - q) P(X < threshold)).

    X is beta-binomial as the reads of observed cells are; q is `MISSED_CALL`.

    Parameters
    ----------
    depth, threshold : int array (C,)
        Usual depth, and least alternate reads that the list of the cell's sample holds.
    slope : float64 array (C, O)
        VAF at prevalence 1 under every option.
    error : float64 array (C,)
    prevalence : float64 array (G,)
    precision : float
        Of the beta-binomial; inf = binomial.

    Returns
    -------
    float64 array (C, O, G)
    """
    n, t = depth.astype(np.float64)[:, None, None], threshold[:, None, None]
    terms = []
    for x in range(int(min(threshold.max(initial=1), depth.max(initial=0) + 1))):
        ways = gammaln(n + 1.0) - gammaln(np.full_like(n, x + 1.0)) - gammaln(np.maximum(n - x, 0.0) + 1.0)
        reads = read_log_likelihood(
            np.full_like(n, x), np.maximum(n - x, 0.0), slope[..., None], error[:, None, None], prevalence, precision
        )
        terms.append(np.where((x < t) & (x <= n), ways + reads, -np.inf))
    below = np.exp(np.minimum(log_sum_exp(np.stack(terms), axis=0), 0.0))
    return np.asarray(np.log(MISSED_CALL + (1.0 - MISSED_CALL) * below))


def listing_power(mutations: MutationTable, vaf: FloatArray) -> FloatArray:
    """Work out the probability that a list of calls holds a mutation of a given VAF.

    Parameters
    ----------
    mutations : MutationTable (n, S)
    vaf : float64 array (n, S)

    Returns
    -------
    float64 array (n, S)
        (1 - q) P(X >= threshold) at the cell's depth, the usual one if it is censored; 1 in samples without censored
        cells.
    """
    from scipy.special import bdtr

    censored = np.asarray(mutations.censored)
    is_list = censored.any(axis=0)
    depth = np.where(censored, mutations.usual_depth, mutations.depth).astype(np.int64)
    below = np.minimum(np.maximum(mutations.call_threshold, 1) - 1, depth).astype(np.float64)
    power = (1.0 - MISSED_CALL) * (1.0 - bdtr(below, depth, np.clip(vaf, 0.0, 1.0)))
    return np.where(is_list, power, 1.0)
