"""The seeding time of Hu et al. 2020, under its own name."""

from __future__ import annotations

from dataclasses import dataclass

from phylometa.comparison.statistics import legacy_ratio

__all__ = ["Hu2020Time", "hu2020_seeding_time"]


@dataclass(frozen=True, slots=True)
class Hu2020Time:
    """Seeding time by Hu et al. 2020; `is_feasible` False if seeding follows the metastasis' own date."""

    years_before_diagnosis: float
    ratio: float
    is_feasible: bool


def hu2020_seeding_time(
    L_p: float, L_m: float, expansion_years: float, *, metastasis_years_after_diagnosis: float = 0.0
) -> Hu2020Time:
    """Compute t_s = T_exp (1 - 0.13 r), r = L_m / max(L_p, 1), in years before the primary's diagnosis (< 0: after it).

    Parameters
    ----------
    L_p, L_m : float
        Clonal mutations private to the primary, to the metastasis.
    expansion_years : float
        T_exp, years of the primary's expansion (4.6 breast, 5.2 colorectal, 4.3 lung).
    metastasis_years_after_diagnosis : float
        Years from the primary's diagnosis to the metastasis' detection.

    Returns
    -------
    Hu2020Time
        An infeasible result (seeding after the metastasis was found) is kept and flagged.

    References
    ----------
    Hu et al. 2020, Nature Genetics 52:701, doi:10.1038/s41588-020-0628-z.

    Examples
    --------
    >>> hu2020_seeding_time(6, 20, 5.2).years_before_diagnosis > 0
    True
    """
    ratio = legacy_ratio(L_p, L_m)
    years = expansion_years * (1 - 0.13 * ratio)
    return Hu2020Time(years, ratio, -years <= metastasis_years_after_diagnosis)
