"""Reads of a matched normal: how much of the tumour is in it, and what they say of a mutation.

A somatic mutation is in a normal only as far as tumour cells are: at `ratio` times its VAF in a tumour sample, the same
for all mutations, or for those of all samples if the normal tissue has early cells of the tumour (a field). Artefacts
and germline variants have VAFs of their own there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import MutationTable

__all__ = ["GERMLINE_VAF", "TumourInNormal", "find_tumour_in_normal", "looks_like_tumour", "somatic_in_normal"]
__all__ += ["with_true_normals"]

GERMLINE_VAF = {"one copy": (50.0, 50.0), "both copies": (100.0, 1.0)}
"""VAF of a germline variant in a matched normal, as it comes out of alignment. Beta(a, b)."""

_RATIOS = np.geomspace(0.002, 0.6, 60)
_ERRORS = np.geomspace(1.0, 20.0, 16)  # multiples of the usual sequencing error
# Share of the mutations that may be no somatic ones.
_NOT_SOMATIC = 0.1
# Log-likelihood by which a ratio must beat none.
_LEAST_GAIN = 10.0
# A sample is no normal if this share of the mutations has at least half of the tumour's VAF there, at VAFs that are not
# those of germline variants. Cells below this depth are not asked, and so many mutations are needed.
_TUMOUR_SHARE, _TUMOUR_RATIO, _LEAST_DEPTH, _LEAST_SEEN = 0.5, 0.5, 10, 10
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


def looks_like_tumour(mutations: MutationTable) -> BoolArray:
    """Find normals that cannot be normals: a tumour sample under another name.

    Parameters
    ----------
    mutations : MutationTable (n, S) with N normals

    Returns
    -------
    bool array (N,)
        Whether half of the mutations have at least half of their VAF in the tumours there, without being germline;
        False for fewer than ten mutations.
    """
    alt = mutations.normal_alt.astype(np.float64)
    ref = mutations.normal_depth - alt
    total = np.where(mutations.is_informative, mutations.depth, 0).sum(axis=1)
    in_tumours = np.where(mutations.is_informative, mutations.alt_counts, 0).sum(axis=1) / np.maximum(total, 1)
    seen = (mutations.normal_depth >= _LEAST_DEPTH) & (total > 0)[:, None]
    vaf = alt / np.maximum(mutations.normal_depth, 1)
    germline = np.max([betaln(alt + a, ref + b) - betaln(a, b) for a, b in GERMLINE_VAF.values()], axis=0)
    shown = seen & (vaf >= _TUMOUR_RATIO * in_tumours[:, None]) & (germline < betaln(alt + 1.0, ref + 1.0))
    n_seen = seen.sum(axis=0)
    return np.asarray((n_seen >= _LEAST_SEEN) & (shown.sum(axis=0) > _TUMOUR_SHARE * n_seen))


def with_true_normals(mutations: MutationTable) -> MutationTable:
    """Return the table without the reads of normals that look like a tumour (`looks_like_tumour`)."""
    wrong = looks_like_tumour(mutations)
    if not wrong.any():
        return mutations
    alt, depth = (np.where(wrong, 0, reads) for reads in (mutations.normal_alt, mutations.normal_depth))
    return replace(mutations, normal_alt=alt, normal_depth=depth)


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
