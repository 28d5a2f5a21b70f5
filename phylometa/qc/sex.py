"""The stated sex against mutations on X and Y."""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding

__all__ = ["check_sex"]

# Mutations on X in all samples that must be there, and on Y with reads.
_LEAST_X, _LEAST_Y = 5, 2
# Median VAF over purity of the trunk's mutations on X: 1 in a male, 1/2 in a female, without changes of copy number.
_MALE_ABOVE, _FEMALE_BELOW = 0.85, 0.65


def check_sex(patient: Patient, purity: FloatArray) -> tuple[QualityFinding, ...]:
    """Compare the stated sex with the VAFs of shared mutations on X, and with mutations on Y.

    Parameters
    ----------
    patient : Patient
    purity : float64 array (S,)

    Returns
    -------
    tuple of QualityFinding
    """
    sex = next((sample.sex for sample in patient.samples if sample.sex), None)
    mutations = patient.mutations
    names = [chrom.removeprefix("chr").upper() for chrom in mutations.chroms]
    on_x, on_y = (np.array([name in words for name in names], dtype=bool) for words in (("X", "23"), ("Y", "24")))
    if sex is None:
        return (QualityFinding("sex", "not stated", "", "untested"),)
    n_y = int((on_y & (mutations.alt_counts >= 3).any(axis=1)).sum())
    if sex == "female" and n_y >= _LEAST_Y:
        return (_contradiction(f"{n_y} mutations on Y in a female", "none"),)
    found = ((mutations.alt_counts >= 3) | ~mutations.is_informative).all(axis=1)
    shared = on_x & found & mutations.is_informative.any(axis=1)
    if shared.sum() < _LEAST_X:
        return (QualityFinding("sex", f"{int(shared.sum())} mutations on X in all samples", "", "untested"),)
    with np.errstate(invalid="ignore"):
        ratio = float(np.nanmedian(mutations.vaf[shared] / purity))
    figure = f"median VAF of {int(shared.sum())} shared mutations on X is {ratio:.2f} of the purity"
    copies = np.asarray(patient.copy_number.total)[shared]
    usual = 1.0 if sex == "male" else 2.0
    if np.isfinite(copies).any() and np.nanmedian(copies) != usual:
        return (QualityFinding("sex", f"{figure}, where X has {np.nanmedian(copies):.0f} copies", "", "pass"),)
    if sex == "female" and ratio > _MALE_ABOVE:
        return (_contradiction(f"{figure}: X of a male", "1/2 in a female"),)
    if sex == "male" and ratio < _FEMALE_BELOW:
        return (_contradiction(f"{figure}: X of a female, or one that was gained", "1 in a male"),)
    return (QualityFinding("sex", figure, "1 in a male, 1/2 in a female", "pass"),)


def _contradiction(figure: str, limit: str) -> QualityFinding:
    remedy = "check the column sex, the copy number of X, and that all files are of this patient"
    return QualityFinding("sex", figure, limit, "warning", remedy)
