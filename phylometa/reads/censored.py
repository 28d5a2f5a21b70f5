"""Cells that a list of calls leaves out: fewer alternate reads than the caller lists were seen at the usual depth.

Such a cell is *censored* (`phylometa.model.patient.MutationTable`). At VAF p its likelihood is P(X < t), X the
alternate reads among n, the usual depth, and t the least alternate reads that the caller lists. The joint sampler uses
it as it is. Other stages take reads: there the cell counts as 0 alternate of m reads, with m such that both say 1/2 at
the same VAF. At higher VAFs this says less against the mutation than P(X < t) does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import MutationTable, Patient
from phylometa.reads.multiplicity import log_gamma, log_sum_exp, read_log_likelihood

__all__ = ["censored_as_reads", "censored_log_likelihood", "equivalent_depth", "with_censored_as_reads"]


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
        censored=np.zeros_like(censored),
    )


def censored_log_likelihood(
    depth: IntArray, threshold: IntArray, slope: FloatArray, error: FloatArray, prevalence: FloatArray, precision: float
) -> FloatArray:
    """Work out ln P(X < threshold) of censored cells, X beta-binomial as the reads of observed cells.

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
        ways = log_gamma(n + 1.0) - log_gamma(np.full_like(n, x + 1.0)) - log_gamma(np.maximum(n - x, 0.0) + 1.0)
        reads = read_log_likelihood(
            np.full_like(n, x), np.maximum(n - x, 0.0), slope[..., None], error[:, None, None], prevalence, precision
        )
        terms.append(np.where((x < t) & (x <= n), ways + reads, -np.inf))
    return np.minimum(log_sum_exp(np.stack(terms), axis=0), 0.0)
