"""Radiotherapy and other treatments on the time axis: linear-quadratic survival, tumour control with reseeding,
and the evidence that a reseeding followed irradiation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from phylometa.model.arrays import FloatArray

__all__ = [
    "ControlCurves",
    "ReseedingEvidence",
    "biologically_effective_dose",
    "control_curves",
    "equivalent_dose_2gy",
    "grade_reseeding_evidence",
    "is_oligometastatic",
    "is_radiation_scar_deletion",
    "is_radiotherapy",
    "is_synchronous",
    "radiation_scar_excess",
    "surviving_fraction",
    "tumour_control_probability",
]

# Lesions up to which a disease is called oligometastatic.
OLIGOMETASTATIC_LESIONS = 5
# Length (bp) of the deletions that ionising radiation leaves in excess.
SCAR_DELETION_BP = (5, 15)


def surviving_fraction(dose_per_fraction: ArrayLike, fractions: ArrayLike, *, alpha: float, beta: float) -> FloatArray:
    """Compute linear-quadratic survival SF = exp(-n (alpha d + beta d^2)).

    Parameters
    ----------
    dose_per_fraction : d (Gy)
    fractions : n
    alpha, beta : per Gy, per Gy^2
    """
    d = np.asarray(dose_per_fraction, dtype=np.float64)
    return np.exp(-np.asarray(fractions) * (alpha * d + beta * d**2))


def tumour_control_probability(clonogens: float, survival: ArrayLike) -> FloatArray:
    """Compute TCP = exp(-N SF): P(no clonogen survives), Poisson.

    Examples
    --------
    >>> survival = surviving_fraction(2.0, 25, alpha=0.3, beta=0.03)
    >>> round(float(tumour_control_probability(1e7, survival)), 4)
    0.8587
    """
    return np.exp(-clonogens * np.asarray(survival, dtype=np.float64))


def biologically_effective_dose(
    total_dose: ArrayLike, dose_per_fraction: ArrayLike, *, alpha_beta: float
) -> FloatArray:
    """Compute BED = D (1 + d / (alpha/beta)), Gy."""
    return np.asarray(total_dose, dtype=np.float64) * (1 + np.asarray(dose_per_fraction) / alpha_beta)


def equivalent_dose_2gy(total_dose: ArrayLike, dose_per_fraction: ArrayLike, *, alpha_beta: float) -> FloatArray:
    """Compute EQD2 = D (d + alpha/beta) / (2 + alpha/beta), Gy.

    Examples
    --------
    >>> float(equivalent_dose_2gy(54, 18, alpha_beta=10))
    126.0
    """
    total = np.asarray(total_dose, dtype=np.float64)
    return total * (np.asarray(dose_per_fraction) + alpha_beta) / (2 + alpha_beta)


@dataclass(frozen=True, eq=False)
class ControlCurves:
    """Tumour control against total dose, without and with reseeding.

    Parameters
    ----------
    dose : float64 array (n,)
        Total dose (Gy).
    control, control_with_reseeding : float64 arrays (n,)
    best_dose : float
        Dose at which control with reseeding peaks among `dose`.
    recruitment : float
        r, circulating tumour cells recruited per Gy: the user's assumption.
    label : str
        Says so, for a figure.
    """

    dose: FloatArray
    control: FloatArray
    control_with_reseeding: FloatArray
    best_dose: float
    recruitment: float
    label: str


def control_curves(
    dose: ArrayLike,
    *,
    clonogens: float,
    alpha: float,
    beta: float,
    recruitment: float,
    clonogenic_probability: float,
    dose_per_fraction: float = 2.0,
) -> ControlCurves:
    """Compute control with recruitment of circulating tumour cells in proportion to dose.

    TCP_r(D) = exp(-(N SF(D) + r D p_clon)), which turns down at high dose.

    Parameters
    ----------
    dose : array (n,)
        Total doses (Gy), given in fractions of `dose_per_fraction`.
    clonogens : N
    alpha, beta : linear-quadratic parameters (per Gy, per Gy^2)
    recruitment : r, cells recruited into the irradiated site per Gy: an assumption, labelled so
    clonogenic_probability : p_clon, P(a recruited cell grows out)
    dose_per_fraction : Gy

    Returns
    -------
    ControlCurves

    References
    ----------
    Vilalta, Rafat & Graves, review of radiation effects on metastasis and tumour cell migration, Fig. 3 (in words).
    """
    total = np.asarray(dose, dtype=np.float64)
    survivors = clonogens * surviving_fraction(dose_per_fraction, total / dose_per_fraction, alpha=alpha, beta=beta)
    reseeded = recruitment * total * clonogenic_probability
    with_reseeding = np.exp(-(survivors + reseeded))
    return ControlCurves(
        dose=total,
        control=np.exp(-survivors),
        control_with_reseeding=with_reseeding,
        best_dose=float(total[int(np.argmax(with_reseeding))]),
        recruitment=recruitment,
        label=f"assumed recruitment of {recruitment:g} cells per Gy, outgrowth {clonogenic_probability:g}",
    )


def is_synchronous(days_between: float, *, limit: float) -> bool | None:
    """Return whether a metastasis was found within `limit` days of the primary, either way; None without a date."""
    return None if math.isnan(days_between) else abs(days_between) <= limit


def is_oligometastatic(n_lesions: int) -> bool:
    """Return whether there are one to five metastatic lesions."""
    return 1 <= n_lesions <= OLIGOMETASTATIC_LESIONS


def is_radiotherapy(kind: str) -> bool:
    """Return whether a treatment's kind is irradiation, in any of its common words.

    Examples
    --------
    >>> is_radiotherapy("Radiotherapy"), is_radiotherapy("systemic")
    (True, False)
    """
    return kind.strip().lower() in ("radiotherapy", "radiation", "irradiation")


def is_radiation_scar_deletion(ref: str, alt: str) -> bool:
    """Return whether a variant is a deletion of 5-15 bp (VCF or MAF alleles).

    Examples
    --------
    >>> is_radiation_scar_deletion("ACGTGA", "A"), is_radiation_scar_deletion("AC", "A")
    (True, False)
    """
    length = len(ref.strip("-")) - len(alt.strip("-"))
    return SCAR_DELETION_BP[0] <= length <= SCAR_DELETION_BP[1]


def radiation_scar_excess(n_deletions: int, n_mutations: int, *, background_share: float) -> float:
    """Compute P(as many or more 5-15 bp deletions | background share of all mutations), binomial; small = an excess.

    Parameters
    ----------
    n_deletions, n_mutations : int
        Deletions of 5-15 bp, and all mutations of the same branch.
    background_share : float
        Share of such deletions on branches that were not irradiated, in (0, 1).
    """
    from scipy.special import betainc

    if n_deletions <= 0:
        return 1.0
    return float(betainc(n_deletions, n_mutations - n_deletions + 1, background_share))


@dataclass(frozen=True, slots=True)
class ReseedingEvidence:
    """Grade of the evidence that a reseeding followed irradiation, and the observations that led there."""

    grade: Literal["strong", "moderate", "insufficient"]
    observations: tuple[str, ...]


def grade_reseeding_evidence(
    *,
    has_metastasis_private_clonal: bool | None,
    primary_power: float,
    recurrence_in_field: bool | None,
    share_of_histories_with_return: float,
    recurrence_has_scar: bool | None = None,
    out_of_field_shares_scar: bool | None = None,
    scar_private_to_irradiated: bool = False,
    dates_in_order: bool = False,
    exome_only: bool = False,
) -> ReseedingEvidence:
    """Grade the evidence that an irradiated site was seeded again by a metastasis.

    Strong: clonal metastasis-private mutations in the in-field recurrence, absent from a pre-treatment primary with
    power >= 0.95, with a metastasis -> primary edge in all optimal histories. Moderate: the recurrence lacks the
    radiation scar although the field was irradiated, or an out-of-field metastasis carries clonal radiation deletions
    shared with the irradiated recurrence (whole genomes only: an exome expects 2-3 such deletions). Else insufficient.

    Parameters
    ----------
    has_metastasis_private_clonal : bool or None
        Clonal mutations of the recurrence that a metastasis shares and the pre-treatment primary lacks; None = unknown.
    primary_power : float
        P(detecting such a mutation in the pre-treatment primary, were it clonal there); NaN if not sampled.
    recurrence_in_field : bool or None
    share_of_histories_with_return : float
        Share of the optimal histories with a metastasis -> primary (or bed) edge.
    recurrence_has_scar : bool or None
        Excess of 5-15 bp deletions in the recurrence.
    out_of_field_shares_scar : bool or None
        An out-of-field metastasis carries clonal radiation deletions of the irradiated recurrence.
    scar_private_to_irradiated : bool
        Radiation deletions private to a directly irradiated metastasis (says nothing).
    dates_in_order : bool
        The recurrence was found after the irradiation (says nothing alone).
    exome_only : bool

    Returns
    -------
    ReseedingEvidence
    """
    seen: list[str] = []
    powered = primary_power >= 0.95
    if has_metastasis_private_clonal:
        seen.append("the recurrence carries clonal mutations of a metastasis that the pre-treatment primary lacks")
        if not powered:
            seen.append("the pre-treatment primary was not sequenced deeply enough to call them absent")
    if share_of_histories_with_return >= 1:
        seen.append("all optimal histories hold a migration from a metastasis back")
    elif share_of_histories_with_return > 0:
        seen.append(f"{share_of_histories_with_return:.0%} of the optimal histories hold a migration back")
    if recurrence_in_field is not None:
        seen.append(f"the recurrence lies {'inside' if recurrence_in_field else 'outside'} the irradiated field")
    is_strong = bool(
        has_metastasis_private_clonal and powered and recurrence_in_field and share_of_histories_with_return >= 1
    )
    lacks_scar = recurrence_has_scar is False and recurrence_in_field is True
    if lacks_scar:
        seen.append("the recurrence lacks the radiation scar although its field was irradiated")
    if out_of_field_shares_scar:
        seen.append("an out-of-field metastasis carries clonal radiation deletions shared with the recurrence")
    if scar_private_to_irradiated:
        seen.append("deletions private to an irradiated metastasis say nothing about reseeding")
    if exome_only:
        seen.append("an exome holds two or three radiation deletions at most: the scar cannot be judged")
    if dates_in_order:
        seen.append("the order of dates alone is no evidence")
    if is_strong:
        return ReseedingEvidence("strong", tuple(seen))
    if (lacks_scar or out_of_field_shares_scar) and not exome_only:
        return ReseedingEvidence("moderate", tuple(seen))
    return ReseedingEvidence("insufficient", tuple(seen))
