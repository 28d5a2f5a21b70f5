"""Whether the reads of a leaf are those of one clone or of a neutral tail.

The mutations of a clone have one prevalence F in a sample, those of a tail have a density proportional to 1 / F^2 up to
the prevalence above which mutations are clones (Williams et al. 2016, doi:10.1038/ng.3489). Both are compared given
that every mutation was called. Where a caller cuts is read off the lowest allele frequency, so that a short tail is not
taken for a clone.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import MutationTable

__all__ = ["leaf_log_odds", "tail_log_odds"]

# Prevalences, evenly spaced on the logarithm; a tail ends at one of those from .05 on.
_PREVALENCE = np.geomspace(0.004, 1.0, 80)
_FIRST_END = int(np.searchsorted(_PREVALENCE, 0.05))
# Precisions of the beta-binomial that are averaged over: reads vary more than counts do.
_PRECISIONS = (1000.0, 300.0, 100.0)
# Mutations that are compared at most, and at least.
_MOST, _LEAST = 150, 5
_SMALL = 1e-300


def tail_log_odds(alt: FloatArray, depth: FloatArray, vaf_per_ccf: FloatArray) -> float:
    """Compute ln P(reads | a neutral tail) - ln P(reads | one prevalence), given that they were called.

    Parameters
    ----------
    alt, depth : float64 arrays (n,)
        Alternate and all reads of mutations that were called in the sample: 3 alternate reads or more.
    vaf_per_ccf : float64 array (n,)
        Expected allele frequency at prevalence 1.

    Returns
    -------
    float; 0 for fewer than five mutations

    Notes
    -----
    The cut-off is the lowest allele frequency of all. Given which mutation has it, the others are above it
    independently of each other, so that its own reads are left out.
    """
    if len(alt) < _LEAST:
        return 0.0
    frequency = alt / depth
    lowest = int(frequency.argmin())
    least = np.maximum(np.ceil(depth * frequency[lowest] - 1e-9), MIN_ALT_READS)
    others = np.delete(np.arange(len(alt)), lowest)
    others = others[np.unique(np.linspace(0, len(others) - 1, _MOST).astype(np.int64))]
    alt, depth, least = (x[others][:, None] for x in (alt, depth, least))
    p = np.clip(vaf_per_ccf[others][:, None] * _PREVALENCE, 1e-6, 1 - 1e-6)
    clone, tail = [], []
    for precision in _PRECISIONS:
        here = _probability(alt, depth, p, precision)
        missed = np.zeros_like(p)
        for k in range(int(least.max())):
            missed += np.where(k < least, _probability(np.full_like(alt, k), depth, p, precision), 0.0)
        called = np.maximum(1 - missed, _SMALL)
        clone.append(np.log(np.maximum(here / called, _SMALL)).sum(axis=0))
        numerator = np.cumsum(here / _PREVALENCE, axis=1)  # dF / F^2 on a grid of ln F
        denominator = np.cumsum(called / _PREVALENCE, axis=1)
        tail.append(np.log(np.maximum(numerator / denominator, _SMALL)).sum(axis=0)[_FIRST_END:])
    return _log_mean(np.array(tail)) - _log_mean(np.array(clone))


def leaf_log_odds(
    clones: IntArray, samples: IntArray, mutations: MutationTable, ccf: CcfTable, clusters: Clustering
) -> FloatArray:
    """Compute the log odds of `tail_log_odds` of leaves (m,), each with its mutations in one sample."""
    found = np.zeros(len(clones))
    for i, (clone, sample) in enumerate(zip(clones.tolist(), samples.tolist())):
        depth = np.where(mutations.is_informative[:, sample], mutations.depth[:, sample], 0)
        alt, vaf = mutations.alt_counts[:, sample], np.nan_to_num(ccf.vaf_per_ccf[:, sample], nan=0.0)
        own = clusters.in_clone & (clusters.labels == clone) & (depth > 0) & (vaf > 0) & (alt >= MIN_ALT_READS)
        reads = (np.asarray(x[own], dtype=np.float64) for x in (alt, depth, vaf))
        found[i] = tail_log_odds(*reads)
    return found


def _probability(alt: FloatArray, depth: FloatArray, p: FloatArray, precision: float) -> FloatArray:
    """Beta-binomial probability of the alternate reads; 0 if there are more than reads."""
    a, b = p * precision, (1 - p) * precision
    rest = np.maximum(depth - alt, 0)
    choose = gammaln(depth + 1) - gammaln(np.minimum(alt, depth) + 1) - gammaln(rest + 1)
    value = np.exp(choose + betaln(alt + a, rest + b) - betaln(a, b))
    return np.asarray(np.where(alt <= depth, value, 0.0), dtype=np.float64)


def _log_mean(values: FloatArray) -> float:
    """Logarithm of the mean of exponentials."""
    top = float(values.max())
    return float(np.log(np.mean(np.exp(values - top)))) + top
