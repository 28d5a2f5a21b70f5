"""Sequencing error as the reads themselves show it: formalin, old libraries and amplicons have more than is usual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from phylometa.model.arrays import FloatArray

__all__ = ["learn_error_rates"]

_LARGEST, _COARSE, _FINE = 0.02, 8, 9
# VAFs of cells that do show the mutation: any, or low ones as of small clones and foreign DNA. Beta(a, b).
_ANY_VAF, _LOW_VAF = (1.0, 1.0), (1.0, 30.0)
_ROUNDS = 30
# Log-likelihood by which a rate must beat the usual one, and cells without the mutation that it must rest on.
_LEAST_GAIN, _LEAST_CELLS = 10.0, 20.0


def learn_error_rates(alt: NDArray[np.integer], depth: NDArray[np.integer], *, usual: float) -> FloatArray:
    """Estimate the sequencing error of every sample from the cells that do not show a mutation.

    A cell has errors alone, binomial at the rate of the sample, or shows the mutation at a VAF from Beta(1, 1) or
    Beta(1, 30); the shares of the three are found by expectation maximisation at every rate of a grid. A few cells with
    low VAFs do not raise the rate, since errors are in all cells alike. A sample that fits a higher rate better, but
    not by enough, takes the median of the others if these are as many: samples of a patient are sequenced alike.

    Parameters
    ----------
    alt, depth : int arrays (n, S)
        Depth 0 = not observed.
    usual : float
        The rate without evidence for another.

    Returns
    -------
    float64 array (S,)
        NaN if no higher rate than the usual one is 10 log units better with 20 cells that lack the mutation, and the
        other samples do not say so either.
    """
    found = np.full(alt.shape[1], np.nan)
    rates = np.geomspace(usual, max(_LARGEST, 2.0 * usual), _COARSE)
    undecided = []
    for s in range(alt.shape[1]):
        seen = depth[:, s] > 0
        if not seen.any():
            continue
        cells = (alt[seen, s], depth[seen, s])
        scores = [_fit(*cells, rate)[0] for rate in rates]
        best = int(np.argmax(scores))
        if best == 0:
            continue
        around = np.geomspace(rates[best - 1], rates[min(best + 1, _COARSE - 1)], _FINE)
        finer, shares = zip(*(_fit(*cells, rate) for rate in around))
        best = int(np.argmax(finer))
        if finer[best] >= scores[0] + _LEAST_GAIN and shares[best] * seen.sum() >= _LEAST_CELLS:
            found[s] = around[best]
        else:
            undecided.append(s)
    if np.isfinite(found).sum() >= max(len(undecided), 1):
        usual_here = float(np.nanmedian(found))
        for s in undecided:
            cells = (alt[:, s][depth[:, s] > 0], depth[:, s][depth[:, s] > 0])
            if _fit(*cells, usual_here)[0] > _fit(*cells, usual)[0]:
                found[s] = usual_here
    return found


def _fit(alt: NDArray[np.integer], depth: NDArray[np.integer], rate: float) -> tuple[float, float]:
    """Log-likelihood of the reads of one sample at a rate, and the share of cells with errors alone."""
    ref = depth - alt
    log_choose = gammaln(depth + 1.0) - gammaln(alt + 1.0) - gammaln(ref + 1.0)
    parts = np.stack(
        (
            alt * np.log(rate) + ref * np.log1p(-rate),
            *(betaln(alt + a, ref + b) - betaln(a, b) for a, b in (_ANY_VAF, _LOW_VAF)),
        )
    )
    likelihood = np.exp(parts + log_choose)
    shares = np.full(3, 1.0 / 3.0)
    for _ in range(_ROUNDS):
        joint = shares[:, None] * likelihood
        shares = (joint / np.maximum(joint.sum(axis=0), 1e-300)).mean(axis=1)
    return float(np.log(np.maximum((shares[:, None] * likelihood).sum(axis=0), 1e-300)).sum()), float(shares[0])
