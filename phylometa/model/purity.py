"""What the reads say about the purities of a patient's samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array

__all__ = ["PurityPosterior", "PuritySolution"]


@dataclass(frozen=True, eq=False)
class PuritySolution:
    """One way in which the reads can be explained: a purity of every sample that belongs together.

    Parameters
    ----------
    weight : float
        Probability of the solution; those of a posterior add up to 1.
    is_doubled : bool
        Whether the genome doubled, or gained about as many copies. False if copy number was given.
    ploidy : float
        Mean copies of the shared mutations' loci in tumour cells.
    purity, sd : float64 arrays (S,)
        Mean and standard deviation.
    """

    weight: float
    is_doubled: bool
    ploidy: float
    purity: FloatArray
    sd: FloatArray

    def __post_init__(self) -> None:
        n_samples = len(self.purity)
        freeze_array(self, "purity", np.float64, (n_samples,))
        freeze_array(self, "sd", np.float64, (n_samples,))


@dataclass(frozen=True, eq=False)
class PurityPosterior:
    """Purities of the samples of a patient as the reads tell them, jointly over the samples.

    Parameters
    ----------
    purity : float64 array (S,)
        Mean of the most probable solution; NaN if the reads say nothing.
    sd : float64 array (S,)
        Root of the mean square distance from `purity`, over all solutions.
    low, high : float64 arrays (S,)
        Interval that holds 95 %, over all solutions.
    solutions : tuple of PuritySolution
        The most probable first; more than one if the reads allow, for instance, a genome that doubled.
    uses_copy_number : bool array (S,)
        Whether the copy number of a sample was given.
    n_shared : int64 array (S,)
        Mutations that the estimate of a sample rests on.
    precision : float
        Precision of the beta-binomial of the reads, the least of all groups of samples; inf: they are binomial.
    """

    purity: FloatArray
    sd: FloatArray
    low: FloatArray
    high: FloatArray
    solutions: tuple[PuritySolution, ...]
    uses_copy_number: BoolArray
    n_shared: IntArray
    precision: float = float("inf")

    def __post_init__(self) -> None:
        n_samples = len(self.purity)
        for name in ("purity", "sd", "low", "high"):
            freeze_array(self, name, np.float64, (n_samples,))
        freeze_array(self, "uses_copy_number", np.bool_, (n_samples,))
        freeze_array(self, "n_shared", np.int64, (n_samples,))
