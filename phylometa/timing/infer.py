"""Dissemination timing: when each founding clone reached each metastasis, as an interval with all its uncertainty.

A seed left between two nodes of the clone tree, the divergence node and the founder node of the metastasis; no single
date is claimed. The formulas live in `clock`, `divergence`, `growth` and `treatment`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.comparison.hu2020 import hu2020_seeding_time
from phylometa.comparison.infer import compare_with_primary
from phylometa.comparison.table import divergence_row
from phylometa.config import TimingSettings
from phylometa.errors import InfeasibleError
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.comparison import Comparison
from phylometa.model.history import HistoryEnsemble
from phylometa.model.interval import Estimate, quantile_estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import DivergenceRow, SeedingInterval, TimedEvent, TimingResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reference.tables import expansion_years
from phylometa.timing.calendar import CalendarClock
from phylometa.timing.calendar_rules import calendar_clock, select_clock, site_ages
from phylometa.timing.dissemination import MigrationDraws, clone_times, draw_migrations, variance_shares
from phylometa.timing.events import age_at, event_probabilities, patient_events, sites_synchronous
from phylometa.timing.lesion_growth import lesion_growth
from phylometa.timing.molecular import clone_clock, history_nodes
from phylometa.timing.reseeding import irradiated_recurrences
from phylometa.timing.sample_gains import time_sample_gains
from phylometa.timing.serial_samples import serial_intervals
from phylometa.timing.treatment import is_oligometastatic

__all__ = ["date_dissemination"]

# Draws of a variance share: its error is a few per cent.
_SHARE_DRAWS = 500


def _divergence_rows(patient: Patient, comparison: Comparison) -> tuple[list[DivergenceRow], list[str]]:
    """One row per metastasis; none if the primary was not sampled."""
    if not comparison.n_primary_regions:
        return [], ["the primary was not sampled: no private counts, no rate ratio, no early or late call"]
    rows = [
        divergence_row(found, settings=comparison.settings, patient=patient.name) for found in comparison.metastases
    ]
    refusals = []
    if comparison.n_primary_regions < comparison.settings.min_primary_regions and rows:
        refusals.append("one primary region: no early or late call (late cases would mostly be called early)")
    return rows, refusals


def _intervals(
    patient: Patient,
    trees: TreeEnsemble,
    drawn: Mapping[tuple[int, int], MigrationDraws],
    shares: Mapping[tuple[int, int], tuple[dict[str, float], dict[str, float]]],
    events: Sequence[TimedEvent],
    calendar: CalendarClock | None,
) -> list[SeedingInterval]:
    found = []
    names = patient.site_names
    order = sorted(drawn, key=lambda key: (key[0], -drawn[key].probability, key[1]))
    for key in order:
        migration = drawn[key]
        common: dict[str, Any] = {
            "site": names[key[0]],
            "founding_clone": trees.names[key[1]],
            "probability": migration.probability,
            "sources": {names[s]: p for s, p in migration.sources.items()},
        }
        molecular, dated = shares.get(key, ({}, {}))
        found.append(
            SeedingInterval(
                **common,
                unit="molecular",
                model="molecular",
                divergence=quantile_estimate(migration.divergence),
                founder=quantile_estimate(migration.founder),
                seeding=quantile_estimate(migration.seeding),
                variance_shares=molecular,
            )
        )
        if calendar is not None and len(migration.seeding_age):
            before, during = event_probabilities(migration.seeding_age, events)
            found.append(
                SeedingInterval(
                    **common,
                    unit="age_years",
                    model="clock",
                    divergence=quantile_estimate(migration.divergence_age),
                    founder=quantile_estimate(migration.founder_age),
                    seeding=quantile_estimate(migration.seeding_age),
                    p_before=before,
                    p_during=during,
                    variance_shares=dated,
                    notes=(f"acceleration {calendar.acceleration.median:g}: {calendar.acceleration.source}",),
                )
            )
    return found


def _hu2020_intervals(
    patient: Patient, rows: Sequence[DivergenceRow], settings: TimingSettings
) -> tuple[list[SeedingInterval], list[str]]:
    """Seeding ages by Hu et al. 2020, where the primary's age at diagnosis and the cancer type are known."""
    types = sorted({sample.cancer_type for sample in patient.samples if sample.cancer_type})
    years = expansion_years(types[0], directory=settings.tables) if types else None
    diagnosed = [s.diagnosis_date for s in patient.samples if s.site == patient.primary.name and s.diagnosis_date]
    at_diagnosis = age_at(patient, min(diagnosed)) if diagnosed else math.nan
    if years is None or not math.isfinite(at_diagnosis):
        return [], ["no hu2020 time: it needs a cancer type with an expansion time, age and diagnosis date"]
    ages = dict(zip(patient.site_names, site_ages(patient)))
    found = []
    for row in rows:
        if not math.isfinite(row.L_p + row.L_m):
            continue
        detected = ages[row.metastasis] - at_diagnosis
        time = hu2020_seeding_time(
            row.L_p, row.L_m, years, metastasis_years_after_diagnosis=detected if math.isfinite(detected) else math.inf
        )
        age = at_diagnosis - time.years_before_diagnosis
        point = Estimate(age, age, age)
        notes = ["a point without error, by the published rule"]
        if not time.is_feasible:
            notes.append("infeasible: seeding after the metastasis was found")
        found.append(
            SeedingInterval(row.metastasis, "", "age_years", "hu2020", 1.0, point, point, point, notes=tuple(notes))
        )
    return found, []


def date_dissemination(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    trees: TreeEnsemble,
    histories: HistoryEnsemble,
    *,
    settings: TimingSettings,
    rng: np.random.Generator,
    comparison: Comparison | None = None,
) -> TimingResult:
    """When each founding clone reached each site, over trees, histories, reads, counts and acceleration.

    Molecular time always; ages where the age at sampling and at least `settings.min_clock_mutations` clock-like
    mutations of a whole genome are there. The clock runs at one rate up to the root clone (the last ancestor of all
    sampled tumour cells) and `a` times as fast after it.

    Parameters
    ----------
    patient : Patient
        With purities filled in.
    ccf : CcfTable
    clusters : Clustering
    trees : TreeEnsemble
    histories : HistoryEnsemble
    settings : TimingSettings
    rng : numpy.random.Generator
    comparison : Comparison, optional
        Of the primary with every metastasis; default: made here, with the default settings.

    Returns
    -------
    TimingResult

    Raises
    ------
    InfeasibleError
        Without any migration history.
    """
    comparison = comparison or compare_with_primary(patient, ccf, clusters)
    choice = select_clock(patient, settings=settings)
    prevalence = trees.mean_prevalence
    nodes = sorted(history_nodes(trees, histories), key=lambda h: -h.weight)
    if not nodes:
        raise InfeasibleError(f"patient {patient.name}: no migration history to date")
    rows, refusals = _divergence_rows(patient, comparison)
    clock = clone_clock(patient.mutations, ccf, clusters, len(trees.names), prevalence, choice.is_clock, rng=rng)
    calendar, reasons, more = calendar_clock(patient, trees, nodes, clock, choice, settings)
    refusals, warnings = refusals + reasons, [*choice.warnings, *more]
    places = (trees.proportions, patient.sample_site, len(patient.sites))
    drawn = draw_migrations(nodes, clock, *places, calendar=calendar, draws=settings.draws, rng=rng)
    options: dict[str, Any] = {"draws": _SHARE_DRAWS, "rng": rng}
    molecular = variance_shares(nodes, clock, *places, calendar=None, **options)
    dated = variance_shares(nodes, clock, *places, calendar=calendar, **options) if calendar else {}
    shares = {key: (molecular.get(key, {}), dated.get(key, {})) for key in drawn}
    events = patient_events(patient)
    if patient.treatments and not events:
        refusals.append("treatments cannot be placed: they need dates, and a sample with both age and collection date")
    intervals = _intervals(patient, trees, drawn, shares, events, calendar)
    if settings.serial:
        extra, reasons = serial_intervals(patient, trees, nodes, clock, choice, events, settings=settings, rng=rng)
        intervals, refusals = intervals + extra, refusals + reasons
    if settings.hu2020:
        extra, reasons = _hu2020_intervals(patient, rows, settings)
        intervals, refusals = intervals + extra, refusals + reasons
    times = clone_times(nodes, clock, draws=min(settings.draws, 1000), rng=rng)
    growth, growth_intervals, reasons = lesion_growth(patient, intervals, events, settings=settings, rng=rng)
    n_sites = sum(site.is_metastasis for site in patient.sites)
    if not drawn:
        refusals.append("no migration in any history: nothing to date")
    if n_sites > 1 and drawn:
        warnings.append("the metastases of one patient are not independent: their intervals share trunk and clock")
    if any(len({v for (t, v) in drawn if t == site and drawn[t, v].probability > 0.5}) > 1 for site, _ in drawn):
        warnings.append("a polyclonal metastasis has one interval for each founding clone")
    return TimingResult(
        intervals=tuple(intervals + growth_intervals),
        divergence=tuple(rows),
        growth=tuple(growth),
        gains=time_sample_gains(patient, clusters, tuple(rows), settings=comparison.settings, rng=rng),
        reseeding=irradiated_recurrences(patient, ccf, clusters, histories, settings=comparison.settings),
        events=events,
        nodes={name: quantile_estimate(times[:, k]) for k, name in enumerate(trees.names)},
        clock=choice.name,
        n_clock_mutations=int(choice.is_clock.sum()),
        synchronous=sites_synchronous(patient, limit=settings.synchronous_days),
        n_metastatic_sites=n_sites,
        oligometastatic=is_oligometastatic(n_sites) if n_sites else None,
        refusals=tuple(refusals + reasons),
        warnings=tuple(warnings),
    )
