"""Rows of divergence.tsv: from a patient's corrected counts, or from a published table of counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.comparison.divergence_test import divergence_test
from phylometa.comparison.hu2020 import hu2020_seeding_time
from phylometa.comparison.statistics import (
    call_jsi,
    is_near_jsi_threshold,
    jaccard_similarity_index,
    legacy_h,
    legacy_ratio,
    rate_ratio_posterior,
)
from phylometa.config import ComparisonSettings
from phylometa.errors import InputError, Problem
from phylometa.model.comparison import SiteComparison
from phylometa.model.timing import DivergenceRow
from phylometa.reference.tables import expansion_years

__all__ = ["divergence_from_table", "divergence_row"]


def _divergence_numbers(
    S: float, L_p: float, L_m: float, W_s: float, exposure_ratio: float, settings: ComparisonSettings
) -> tuple[dict[str, Any], list[str]]:
    """The statistics that follow from four counts, and the notes that go with them."""
    notes = []
    nan = math.nan
    jsi = jaccard_similarity_index(L_p, L_m, W_s)
    jsi_call = call_jsi(jsi, settings=settings)
    if is_near_jsi_threshold(jsi, settings=settings):
        near = f"JSI {jsi:.2f} lies close to the threshold {settings.jsi_threshold:g}"
        notes.append(f"{near}: the clonality call is not robust")
    numbers: dict[str, Any] = {
        "S": S, "L_p": L_p, "L_m": L_m, "W_s": W_s, "jsi": jsi, "jsi_call": jsi_call,
        "rho": nan, "rho_lo": nan, "rho_hi": nan, "H": nan, "ratio": nan, "pm_divergence": nan, "shared_fraction": nan,
    }  # fmt: skip
    if L_p + L_m == 0:
        notes.append("no private mutation on either side: primary and metastasis cannot be ordered in time")
    elif L_p + L_m > 0:
        rho = rate_ratio_posterior(L_p, L_m, exposure_ratio)
        numbers.update(rho=rho.median, rho_lo=rho.lo, rho_hi=rho.hi)
        numbers.update(H=legacy_h(L_p, L_m), ratio=legacy_ratio(L_p, L_m))
        if not rho.is_informative:
            notes.append(f"rho is not informative: its interval spans {rho.lo:.2g} to {rho.hi:.2g}")
        if L_p == 0:
            notes.append("no primary-private clonal mutation: rho is a one-sided (lower) bound, H has no error")
    if L_p + L_m >= 0:
        numbers["pm_divergence"] = L_p + L_m
    if S + L_p > 0:
        numbers["shared_fraction"] = S / (S + L_p)
    return numbers, notes


def divergence_row(found: SiteComparison, *, settings: ComparisonSettings, patient: str = "") -> DivergenceRow:
    """Write one metastasis beside the primary as a row: counts, rate ratio, legacy statistics and the divergence call.

    Parameters
    ----------
    found : SiteComparison
    settings : ComparisonSettings
    patient : str

    Returns
    -------
    DivergenceRow
        With NaN counts, and the reason, if power or purity forbid them.
    """
    counts, test = found.counts, found.test
    usable = 1.0 if not counts.withheld else math.nan
    four = (counts.S * usable, counts.L_p * usable, counts.L_m * usable, counts.W_s * usable)
    numbers, notes = _divergence_numbers(*four, counts.exposure_ratio, settings)
    if counts.withheld:
        notes.append(f"private counts withheld: {counts.withheld}")
    if counts.n_unknown_m:
        unread = f", {counts.n_unread_m} of them without reads" if counts.n_unread_m else ""
        notes.append(f"{counts.n_unknown_m} mutations clonal in the primary are unknown in the metastasis{unread}")
    if counts.n_unknown_p:
        notes.append(f"{counts.n_unknown_p} mutations clonal in the metastasis are unknown in the primary")
    if counts.n_lost:
        notes.append(f"{counts.n_lost} mutations left out: a deletion or LOH may have removed them elsewhere")
    if not counts.withheld:
        notes.append(test.reason)
    return DivergenceRow(
        metastasis=found.metastasis,
        **numbers,
        p_value=test.p_value,
        call=test.call,
        p_carries_all=test.p_none,
        n_unknown=counts.n_unknown_m,
        n_unknown_primary=counts.n_unknown_p,
        n_lost=counts.n_lost,
        upper_bound=test.upper_bound,
        patient=patient,
        notes=tuple(notes),
    )


_REQUIRED = ("patient", "metastasis", "L_p", "L_m", "W_s")
_OPTIONAL = {
    "S": 0.0,
    "exposure_ratio": 1.0,
    "missing_probability": math.nan,
    "n_primary_regions": math.nan,
    "years_to_metastasis": math.inf,
}


def divergence_from_table(
    rows: Sequence[Mapping[str, Any]],
    *,
    settings: ComparisonSettings | None = None,
    tables: str = "",
    source: str = "table",
) -> tuple[DivergenceRow, ...]:
    """Compute the divergence statistics of a published table of counts.

    Parameters
    ----------
    rows : sequence of mappings
        Keys ``patient metastasis L_p L_m W_s``; optional ``S``, ``exposure_ratio`` (E_p / E_m), and, for the
        divergence test, ``missing_probability`` (mean P(not detected | clonal) in the metastasis) and
        ``n_primary_regions``; for the seeding time of Hu et al. 2020, ``cancer_type`` and ``years_to_metastasis``
        (from the primary's diagnosis to the metastasis' detection; negative if the metastasis was found first). Values
        may be text; an empty W_s or optional cell counts as missing.
    settings : ComparisonSettings, optional
    tables : str
        Directory with an edited table of expansion times (`TimingSettings.tables`).
    source : str
        Name of the table in error messages.

    Returns
    -------
    tuple of DivergenceRow, one per row, in order

    Raises
    ------
    InputError
        Every missing column, and every cell that is no number or a negative count, with row and column.

    Examples
    --------
    >>> row = divergence_from_table([{"patient": "V402", "metastasis": "brain", "L_p": 6, "L_m": 20, "W_s": 0}])[0]
    >>> round(row.H, 3), row.call
    (2.857, 'undetermined')
    """
    settings = settings or ComparisonSettings()
    problems: list[Problem] = []
    if rows:
        absent = [name for name in _REQUIRED if name not in rows[0]]
        if absent:
            raise InputError(f"columns missing: {', '.join(absent)}", file=source, row=1)

    def number(row: Mapping[str, Any], name: str, line: int, default: float | None) -> float:
        raw = row.get(name)
        if raw is None or (isinstance(raw, str) and raw.strip() in ("", "NA", "NaN", "nan")):
            if default is None:
                problems.append(Problem("missing, expected a count", file=source, row=line, column=name))
            return math.nan if default is None else default
        try:
            value = float(raw)
        except (TypeError, ValueError):
            value = math.nan
        low = -math.inf if name == "years_to_metastasis" else 0.0
        limit = 1.0 if name == "missing_probability" else math.inf
        if not low <= value <= limit or (name == "exposure_ratio" and value == 0) or not math.isfinite(value):
            expected = {
                "years_to_metastasis": "a number of years",
                "exposure_ratio": "a number above 0",
                "missing_probability": "a number in [0, 1]",
            }
            text = f"{raw!r}, expected {expected.get(name, 'a number, 0 or more')}"
            problems.append(Problem(text, file=source, row=line, column=name))
            return math.nan
        return value

    parsed = []
    for line, row in enumerate(rows, start=2):
        counts = {name: number(row, name, line, None) for name in ("L_p", "L_m")}
        counts["W_s"] = number(row, "W_s", line, math.nan)
        counts.update({name: number(row, name, line, default) for name, default in _OPTIONAL.items()})
        parsed.append((row, counts))
    if problems:
        raise InputError(problems)
    return tuple(_row_from_counts(row, counts, settings, tables) for row, counts in parsed)


def _row_from_counts(
    row: Mapping[str, Any], counts: Mapping[str, float], settings: ComparisonSettings, tables: str
) -> DivergenceRow:
    S, L_p = counts["S"], counts["L_p"]
    has_shared = row.get("S") not in (None, "", "NA")
    numbers, notes = _divergence_numbers(S, L_p, counts["L_m"], counts["W_s"], counts["exposure_ratio"], settings)
    if not has_shared:
        numbers.update(S=math.nan, shared_fraction=math.nan)
    p_value, call, p_carries_all, bound = math.nan, "undetermined", math.nan, math.nan
    if has_shared and math.isfinite(counts["missing_probability"]):
        n = round(S + L_p)
        regions = counts["n_primary_regions"]
        test = divergence_test(
            np.full(n, counts["missing_probability"]),
            np.arange(n) < round(L_p),
            n_primary_regions=int(regions) if math.isfinite(regions) else 0,
            settings=settings,
        )
        p_value, call, p_carries_all, bound = test.p_value, test.call, test.p_none, test.upper_bound
        known = (
            test.reason
            if math.isfinite(regions)
            else "no early or late call: the number of primary regions is not given"
        )
        notes.append(known)
    else:
        notes.append("no divergence test: it needs S and missing_probability")
    hu2020_years = math.nan
    expansion = expansion_years(str(row.get("cancer_type") or ""), directory=tables)
    if expansion is not None:
        seeded = hu2020_seeding_time(
            L_p, counts["L_m"], expansion, metastasis_years_after_diagnosis=counts["years_to_metastasis"]
        )
        hu2020_years = seeded.years_before_diagnosis
        if not seeded.is_feasible:
            notes.append("hu2020 infeasible: seeding after the metastasis was found")
    return DivergenceRow(
        hu2020_years=hu2020_years,
        metastasis=str(row["metastasis"]),
        **numbers,
        p_value=p_value,
        call=call,
        p_carries_all=p_carries_all,
        upper_bound=bound,
        patient=str(row["patient"]),
        notes=tuple(notes),
    )
