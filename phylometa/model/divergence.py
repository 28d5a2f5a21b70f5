"""The outcome of the divergence test of one metastasis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DivergenceTest"]


@dataclass(frozen=True, slots=True)
class DivergenceTest:
    """Outcome of the divergence test of one metastasis.

    Parameters
    ----------
    call : {"early", "late", "undetermined"}
        Early: parallel-compatible; late: linear-compatible.
    p_value : float
        P(as many or more mutations missed | all are clonal in the metastasis); small = early. NaN without any
        evaluable mutation.
    n_missing : int
        L_p: evaluable primary-clonal mutations not detected in the metastasis.
    n_evaluable, n_unknown : int
        Primary-clonal mutations with P(missing) within the limit; those undetected without that power.
    expected_missing : float
        Number of evaluable mutations that would be missed if all were present.
    upper_bound : float
        95 % upper bound of the number of primary-clonal mutations truly absent.
    p_none : float
        P(none of them is truly absent | reads).
    p_few : float
        P(fewer than `divergence_min_private` of them are truly absent | reads): the probability of "late".
    reason : str
        Why the call is as it is, in words.
    """

    call: Literal["early", "late", "undetermined"]
    p_value: float
    n_missing: int
    n_evaluable: int
    n_unknown: int
    expected_missing: float
    upper_bound: float
    p_none: float
    p_few: float
    reason: str
