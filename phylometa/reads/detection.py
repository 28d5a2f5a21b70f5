"""Power: the probability that a mutation's reads show it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import FloatArray

__all__ = ["MAX_MISSING_PROBABILITY", "detection_power"]

# A mutation is called "absent" only if P(fewer than MIN_ALT_READS reads | clonal present) is at most this.
MAX_MISSING_PROBABILITY = 0.05


def detection_power(depth: ArrayLike, expected_vaf: ArrayLike, *, min_alt_reads: int = MIN_ALT_READS) -> FloatArray:
    """Compute P(at least `min_alt_reads` alternate reads), reads binomial.

    Parameters
    ----------
    depth : array of any shape
        Reads at the locus (whole numbers).
    expected_vaf : array that broadcasts with `depth`
        Expected variant allele frequency, m rho CCF / (rho C_T + 2 (1 - rho)); NaN gives NaN.
    min_alt_reads : int
        Reads that count as a detection.

    Returns
    -------
    float64 array of the broadcast shape

    Examples
    --------
    Purity 0.4, CCF 0.3, heterozygous in a diploid region, 60 reads:

    >>> round(float(detection_power(60, 0.4 * 0.3 / 2)), 3)
    0.706
    """
    n, p = np.broadcast_arrays(np.asarray(depth, dtype=np.float64), np.asarray(expected_vaf, dtype=np.float64))
    missed = np.zeros(n.shape)
    coefficient = np.ones(n.shape)  # n choose k
    for k in range(min_alt_reads):
        with np.errstate(invalid="ignore"):
            missed += coefficient * p**k * (1 - p) ** np.maximum(n - k, 0)
        coefficient = coefficient * np.maximum(n - k, 0) / (k + 1)
    return np.clip(1 - missed, 0.0, 1.0)
