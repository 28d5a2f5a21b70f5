"""Reads of a matched normal: how much of the tumour is in it, and what they say of a mutation.

A somatic mutation is in a normal only as far as tumour cells are: at `ratio` times its VAF in a tumour sample, the same
for all mutations. Artefacts and germline variants have VAFs of their own there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import MutationTable

__all__ = ["TumourInNormal", "find_tumour_in_normal", "somatic_in_normal"]

_RATIOS = np.geomspace(0.002, 0.6, 60)
# Share of the mutations that may be no somatic ones.
_NOT_SOMATIC = 0.1
# Log-likelihood by which a ratio must beat none.
_LEAST_GAIN = 10.0


class TumourInNormal(NamedTuple):
    """Tumour cells in a matched normal.

    Parameters
    ----------
    normal : str
    donor : int
        The tumour sample whose VAFs it shows; -1 = none.
    ratio : float
        Its VAF of a somatic mutation as a share of the donor's; 0 = no tumour cells.
    """

    normal: str
    donor: int
    ratio: float


def find_tumour_in_normal(mutations: MutationTable, *, error_rate: float) -> tuple[TumourInNormal, ...]:
    """Find the share of tumour DNA in every matched normal.

    The likelihood of a ratio is a mixture: a mutation is somatic, binomial at the sequencing error and the ratio times
    its VAF in the donor, or it is not, with any VAF in the normal.

    Parameters
    ----------
    mutations : MutationTable (n, S) with N normals
    error_rate : float
        Sequencing error.

    Returns
    -------
    tuple of TumourInNormal, length N
    """
    vaf = np.nan_to_num(mutations.vaf)
    found = []
    for k, name in enumerate(mutations.normal_names):
        alt = mutations.normal_alt[:, k].astype(np.float64)
        ref = mutations.normal_depth[:, k] - alt
        other = betaln(alt + 1.0, ref + 1.0) + np.log(_NOT_SOMATIC)

        def score(rate: FloatArray, alt: FloatArray = alt, ref: FloatArray = ref, other: FloatArray = other) -> float:
            somatic = alt * np.log(rate) + ref * np.log1p(-rate)
            return float(np.logaddexp(somatic + np.log1p(-_NOT_SOMATIC), other).sum())

        none = score(np.full(len(alt), error_rate))
        gains = [[score(_rate(ratio, vaf[:, s], error_rate)) - none for ratio in _RATIOS] for s in range(vaf.shape[1])]
        best = np.unravel_index(np.argmax(gains), (vaf.shape[1], len(_RATIOS)))
        is_found = bool(np.max(gains) >= _LEAST_GAIN)
        found.append(TumourInNormal(name, int(best[0]), float(_RATIOS[best[1]])) if is_found else _none(name))
    return tuple(found)


def somatic_in_normal(mutations: MutationTable, found: tuple[TumourInNormal, ...], *, error_rate: float) -> FloatArray:
    """Compute the log-likelihood of the normals' reads if a mutation is somatic.

    Parameters
    ----------
    mutations : MutationTable (n, S) with N normals
    found : tuple of TumourInNormal, length N
    error_rate : float

    Returns
    -------
    float64 array (n, N)
        Without binomial coefficients; 0 without reads.
    """
    vaf = np.nan_to_num(mutations.vaf)
    alt = mutations.normal_alt.astype(np.float64)
    ref = mutations.normal_depth - alt
    rate = np.full(alt.shape, error_rate)
    for k, one in enumerate(found):
        if one.ratio > 0.0:
            rate[:, k] = _rate(one.ratio, vaf[:, one.donor], error_rate)
    return np.asarray(alt * np.log(rate) + ref * np.log1p(-rate))


def _none(name: str) -> TumourInNormal:
    return TumourInNormal(name, -1, 0.0)


def _rate(ratio: float, vaf: FloatArray, error_rate: float) -> FloatArray:
    """Expected VAF in a normal with tumour cells."""
    return np.clip(error_rate + ratio * vaf, 1e-6, 1.0 - 1e-6)
