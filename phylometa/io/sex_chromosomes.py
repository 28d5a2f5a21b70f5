"""Copy number of a male's X and Y as callers report it that take every chromosome for a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["single_alleles"]


def single_alleles(
    arrays: Mapping[str, NDArray[np.float32]],
    normal: NDArray[np.float32],
    chroms: Sequence[str],
    sample_names: Sequence[str],
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Read copy number with two alleles where a male has one.

    A chromosome with one copy in normal cells has one allele, so a minor allele there cannot be. A caller that knows
    no sex reports the unchanged X of a male as 1+1: it is read as 1+0. What else has a minor allele there is not known.

    Parameters
    ----------
    arrays : mapping
        ``major minor total fraction major2 minor2``, each (n, S).
    normal : float32 array (n, S)
        Copies in normal cells.
    chroms : sequence of str, length n
    sample_names : sequence of str, length S

    Returns
    -------
    dict
        The arrays corrected; the same ones if nothing is wrong.
    list of str
        A warning that names chromosomes, samples and numbers; empty if nothing is wrong.
    """
    haploid = np.asarray(normal) == 1.0
    with np.errstate(invalid="ignore"):
        wrong = haploid & ((arrays["minor"] > 0.0) | (arrays["minor2"] > 0.0))
    if not wrong.any():
        return dict(arrays), []
    usual = wrong & (arrays["major"] == 1.0) & (arrays["minor"] == 1.0) & np.isnan(arrays["minor2"])
    other = wrong & ~usual
    corrected = {name: np.array(values) for name, values in arrays.items()}
    corrected["minor"][usual] = 0.0
    corrected["total"][usual] = 1.0
    for name in ("major", "minor", "total", "major2", "minor2"):
        corrected[name][other] = np.nan
    corrected["fraction"][other] = 1.0
    return corrected, [_sentence(usual, other, chroms, sample_names)]


def _sentence(
    usual: NDArray[np.bool_], other: NDArray[np.bool_], chroms: Sequence[str], sample_names: Sequence[str]
) -> str:
    wrong = usual | other
    where = sorted({chroms[row].removeprefix("chr") for row in np.flatnonzero(wrong.any(axis=1)).tolist()})
    samples = [sample_names[column] for column in np.flatnonzero(wrong.any(axis=0)).tolist()]
    parts = []
    if usual.any():
        parts.append(f"1+1 at {int(usual.any(axis=1).sum())} mutations is read as 1+0")
    if other.any():
        parts.append(f"other states at {int(other.any(axis=1).sum())} mutations are taken as unknown")
    return (
        f"copy number of {' and '.join(where)} in {', '.join(samples)}: two alleles are given, where a male has one; "
        f"{', '.join(parts)}; run the copy-number caller with the sex of the patient, or check the column sex"
    )
