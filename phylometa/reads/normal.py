"""Reads of a matched normal: how much of the tumour is in it, and what they say of a mutation.

A somatic mutation is in a normal only as far as tumour cells are: at `ratio` times its VAF in a tumour sample, the same
for all mutations, or for those of all samples if the normal tissue has early cells of the tumour (a field). Artefacts
and germline variants have VAFs of their own there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import MutationTable

__all__ = ["TumourInNormal", "find_tumour_in_normal", "somatic_in_normal"]

_RATIOS = np.geomspace(0.002, 0.6, 60)
_ERRORS = np.geomspace(1.0, 20.0, 16)  # multiples of the usual sequencing error
# Share of the mutations that may be no somatic ones.
_NOT_SOMATIC = 0.1
# Log-likelihood by which a ratio must beat none.
_LEAST_GAIN = 10.0
# A mutation is in a sample with so many alternate reads; early cells are told by so many mutations of all samples.
_PRESENT_READS, _LEAST_TRUNK = 3, 5


class TumourInNormal(NamedTuple):
    """Tumour cells in a matched normal.

    Parameters
    ----------
    normal : str
    donor : int
        The tumour sample whose VAFs it shows; -1 = none.
    ratio : float
        Its VAF of a somatic mutation as a share of the donor's; 0 = no tumour cells.
    error : float
        Sequencing error of the normal.
    is_early : bool
        Whether the cells have only the mutations of all tumour samples.
    """

    normal: str
    donor: int
    ratio: float
    error: float
    is_early: bool = False

    def rate(self, mutations: MutationTable) -> FloatArray:
        """Expected VAF (n,) in the normal if the mutations are somatic."""
        if self.ratio == 0.0:
            return np.full(mutations.n_mutations, self.error)
        found = _rate(self.ratio, np.nan_to_num(mutations.vaf[:, self.donor]), self.error)
        return np.where(_in_all_samples(mutations), found, self.error) if self.is_early else found


def find_tumour_in_normal(mutations: MutationTable, *, error_rate: float) -> tuple[TumourInNormal, ...]:
    """Find the share of tumour DNA in every matched normal.

    The likelihood of a ratio is a mixture: a mutation is somatic, binomial at the sequencing error and the ratio times
    its VAF in the donor, or it is not, with any VAF in the normal. The share is that of all mutations, or of those that
    all samples have, whichever is likelier; it must explain the reads better than a higher error of all cells does.

    Parameters
    ----------
    mutations : MutationTable (n, S) with N normals
    error_rate : float
        The usual sequencing error; that of a normal may be up to twenty times as high.

    Returns
    -------
    tuple of TumourInNormal, length N
    """
    vaf = np.nan_to_num(mutations.vaf)
    in_all = _in_all_samples(mutations)
    kinds = [np.ones(len(vaf), dtype=bool)]
    if _LEAST_TRUNK <= in_all.sum() < len(vaf):
        kinds.append(in_all)
    found = []
    for k, name in enumerate(mutations.normal_names):
        alt = mutations.normal_alt[:, k].astype(np.float64)
        ref = mutations.normal_depth[:, k] - alt
        other = betaln(alt + 1.0, ref + 1.0) + np.log(_NOT_SOMATIC)

        def score(rate: FloatArray, alt: FloatArray = alt, ref: FloatArray = ref, other: FloatArray = other) -> float:
            somatic = alt * np.log(rate) + ref * np.log1p(-rate)
            return float(np.logaddexp(somatic + np.log1p(-_NOT_SOMATIC), other).sum())

        errors = error_rate * _ERRORS
        by_error = [score(np.full(len(alt), rate)) for rate in errors]
        highest = int(np.argmax(by_error))
        is_higher = by_error[highest] >= by_error[0] + _LEAST_GAIN
        by_ratio = np.array(
            [
                [[score(_rate(ratio, vaf[:, s] * rows, error_rate)) for ratio in _RATIOS] for s in range(vaf.shape[1])]
                for rows in kinds
            ]
        )
        kind, donor, at = np.unravel_index(by_ratio.argmax(), by_ratio.shape)
        if by_ratio.max() >= max(by_error) + _LEAST_GAIN:
            found.append(TumourInNormal(name, int(donor), float(_RATIOS[at]), error_rate, bool(kind)))
        else:
            found.append(TumourInNormal(name, -1, 0.0, float(errors[highest] if is_higher else error_rate)))
    return tuple(found)


def somatic_in_normal(mutations: MutationTable, found: tuple[TumourInNormal, ...]) -> FloatArray:
    """Compute the log-likelihood of the normals' reads if a mutation is somatic.

    Parameters
    ----------
    mutations : MutationTable (n, S) with N normals
    found : tuple of TumourInNormal, length N

    Returns
    -------
    float64 array (n, N)
        Without binomial coefficients; 0 without reads.
    """
    alt = mutations.normal_alt.astype(np.float64)
    ref = mutations.normal_depth - alt
    rate = np.stack([one.rate(mutations) for one in found], axis=1) if found else np.zeros(alt.shape)
    return np.asarray(alt * np.log(rate) + ref * np.log1p(-rate))


def _in_all_samples(mutations: MutationTable) -> BoolArray:
    """Whether every sample that was read shows the mutation (n,)."""
    return np.asarray(((mutations.alt_counts >= _PRESENT_READS) | ~mutations.is_informative).all(axis=1))


def _rate(ratio: float, vaf: FloatArray, error_rate: float) -> FloatArray:
    """Expected VAF in a normal with tumour cells."""
    return np.clip(error_rate + ratio * vaf, 1e-6, 1.0 - 1e-6)
