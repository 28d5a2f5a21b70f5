"""Dissemination timing: when each founding clone reached each metastasis, as an interval with all its uncertainty.

A seed left between two nodes of the clone tree, the divergence node and the founder node of the metastasis; no single
date is claimed. The one posterior of ages lives in `joint_model`, the formulas in `clock`, `growth` and `treatment`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from phylometa.comparison.hu2020 import hu2020_seeding_time
from phylometa.comparison.infer import compare_with_primary
from phylometa.comparison.table import divergence_row
from phylometa.config import MIN_ALT_READS, TimingSettings
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.comparison import Comparison
from phylometa.model.history import HistoryEnsemble
from phylometa.model.interval import Estimate, quantile_estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import CLOCK_RATES, DivergenceRow, SeedingInterval, StampRow, TimingResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reference.signatures import read_signatures
from phylometa.reference.tables import expansion_years
from phylometa.timing.agreement import CONFLICT
from phylometa.timing.calendar_rules import ClockChoice, calendar_clock, select_clock, site_ages
from phylometa.timing.dissemination import MigrationDraws, clone_times, draw_migrations, variance_shares
from phylometa.timing.events import age_at, patient_events, sites_synchronous
from phylometa.timing.growth_change import growth_changes
from phylometa.timing.growth_evidence import LesionEvidence
from phylometa.timing.joint_dates import JointDates, date_jointly
from phylometa.timing.joint_model import Evidence, Stamp, Tail
from phylometa.timing.lesion_growth import trace_lesions
from phylometa.timing.lesions import lesion_evidence
from phylometa.timing.molecular import CloneClock, HistoryNodes, clone_clock, history_nodes
from phylometa.timing.reseeding import irradiated_recurrences
from phylometa.timing.sample_gains import time_sample_gains
from phylometa.timing.stamps import branch_stamps
from phylometa.timing.tail_reads import leaf_log_odds
from phylometa.timing.tips import tail_like_clones, tail_window
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


def _molecular_intervals(
    patient: Patient,
    trees: TreeEnsemble,
    drawn: Mapping[tuple[int, int], MigrationDraws],
    shares: Mapping[tuple[int, int], dict[str, float]],
) -> list[SeedingInterval]:
    names = patient.site_names
    return [
        SeedingInterval(
            site=names[key[0]],
            founding_clone=trees.names[key[1]],
            unit="molecular",
            model="molecular",
            probability=drawn[key].probability,
            divergence=quantile_estimate(drawn[key].divergence),
            founder=quantile_estimate(drawn[key].founder),
            seeding=quantile_estimate(drawn[key].seeding),
            sources={names[s]: p for s, p in drawn[key].sources.items()},
            variance_shares=shares.get(key, {}),
        )
        for key in sorted(drawn, key=lambda key: (key[0], -drawn[key].probability, key[1]))
    ]


def _hu2020_intervals(
    patient: Patient, rows: Sequence[DivergenceRow], settings: TimingSettings
) -> tuple[list[SeedingInterval], list[str]]:
    """Seeding ages by Hu et al. 2020, if the primary's age at diagnosis and the cancer type are known."""
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


def _what_dates_rest_on(dates: JointDates) -> list[str]:
    """What the acceleration was assumed to be and what the data made of it; conflicts; lineages that run apart."""
    warnings = []
    acceleration = dates.acceleration
    found = {(row.model, row.name): row.estimate for row in dates.rates}
    model = "joint" if ("joint", "acceleration") in found else "clock"
    if acceleration is not None and (model, "acceleration") in found:
        told = found[model, "acceleration"]
        warnings.append(
            f"dates rest on an assumed acceleration of the clock (median {acceleration.median:g}, "
            f"{acceleration.source}); the data leave it at {told.median:.1f} ({told.lo:.1f} to {told.hi:.1f}), and a "
            "factor of two moves them by years"
        )
        for (name, site), ratio in found.items():
            if name == model and site not in CLOCK_RATES and (ratio.hi < 1 or ratio.lo > 1):
                warnings.append(
                    f"unequal rates: {site} runs at {ratio.median:.2f} ({ratio.lo:.2f} to {ratio.hi:.2f}) times the "
                    "primary's rate"
                )
    return warnings + [check.statement for check in dates.checks if check.p_value < CONFLICT]


def _clocks(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    trees: TreeEnsemble,
    choice: ClockChoice,
    rng: np.random.Generator,
) -> tuple[CloneClock, CloneClock | None]:
    """Count the mutations of the clock by clone, and those of a second clock if there is one."""
    counted = (patient.mutations, ccf, clusters, len(trees.names), trees.mean_prevalence)
    first = clone_clock(*counted, choice.is_clock, rng=rng)
    return first, None if choice.is_second is None else clone_clock(*counted, choice.is_second, rng=rng)


def _stamps(
    patient: Patient, clusters: Clustering, settings: TimingSettings
) -> tuple[tuple[Stamp, ...], tuple[StampRow, ...], list[str]]:
    """Find the stamps that treatments left on branches, with what refuses them; none without signatures."""
    if not settings.signatures:
        return (), (), []
    return branch_stamps(patient, clusters, read_signatures(settings.signatures))


def _tails(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    nodes: HistoryNodes,
    trees: TreeEnsemble,
    is_clock: BoolArray,
    settings: TimingSettings,
) -> tuple[Tail, ...]:
    """Count what each sample has in the one leaf that may be its neutral tail; none without `settings.tail_counts`.

    A sample with several such leaves has none: their mutations may be one tail's. The caller's cut-off is the lowest
    allele frequency of the leaf's mutations. That one is not counted: the number of the others above it is Poisson.
    """
    if not settings.tail_counts:
        return ()
    proportions = trees.proportions[nodes.tree]
    candidates = np.flatnonzero(tail_like_clones(nodes, proportions, settings.tail_prevalence))
    prevalence = nodes.ancestors @ proportions
    sample_of = {int(v): int(prevalence[v].argmax()) for v in candidates if v < clusters.n_clusters}
    shared = Counter(sample_of.values())
    is_counted = is_clock & (clusters.kind != 1)
    found = []
    for v, s in sample_of.items():
        depth = np.where(patient.mutations.is_informative[:, s], patient.mutations.depth[:, s], 0)
        alt = patient.mutations.alt_counts[:, s]
        called = is_counted & (clusters.labels == v) & (depth > 0) & (alt >= MIN_ALT_READS)
        if shared[s] > 1 or not called.any():
            continue
        window = tail_window(patient.mutations, ccf, s, float((alt[called] / depth[called]).min()))
        if window > 0:
            found.append(Tail(v, patient.samples[s].site, int(called.sum()) - 1, window))
    return tuple(found)


def _several_gain(
    patient: Patient,
    ccf: CcfTable,
    clusters: Clustering,
    trees: TreeEnsemble,
    nodes: Sequence[HistoryNodes],
    settings: TimingSettings,
) -> FloatArray:
    """Log of the factor by which reads favour several lineages over one clone (K,), for leaves that may be either.

    Several lineages are clones of one prevalence, which read as one clone does, or, as often, a neutral tail.
    """
    n = clusters.n_clusters
    candidate = np.zeros(len(trees.names), dtype=bool)
    for nodes_of_tree in {h.tree: h for h in nodes}.values():
        shares = trees.proportions[nodes_of_tree.tree]
        candidate |= tail_like_clones(nodes_of_tree, shares, settings.tail_prevalence, settings.lineage_share)
    leaves = np.flatnonzero(candidate[:n])
    gain = np.zeros(len(candidate))
    odds = leaf_log_odds(leaves, trees.mean_prevalence[leaves].argmax(axis=1), patient.mutations, ccf, clusters)
    gain[leaves] = np.logaddexp(0.0, odds)
    return gain


def _evidence(
    patient: Patient,
    clocks: tuple[CloneClock, CloneClock | None],
    stamps: tuple[Stamp, ...],
    lesions: tuple[LesionEvidence, ...],
    leaves: tuple[FloatArray, tuple[Tail, ...]],
    settings: TimingSettings,
) -> Evidence:
    """Put together what bears on the times of the patient."""
    return Evidence(
        clock=clocks[0],
        second=clocks[1],
        site_age=site_ages(patient),
        site_names=patient.site_names,
        primary=patient.site_names.index(patient.primary.name),
        lesions=lesions,
        stamps=stamps,
        tail_prevalence=settings.tail_prevalence,
        lineage_share=settings.lineage_share,
        several_gain=leaves[0],
        tails=leaves[1],
        tail_spread=settings.tail_spread,
    )


def _what_is_not_told(drawn: Mapping[tuple[int, int], MigrationDraws], n_sites: int) -> tuple[list[str], list[str]]:
    """Refuse to date if nothing migrated, and warn of intervals that do not stand alone."""
    refusals = [] if drawn else ["no migration in any history: nothing to date"]
    warnings = []
    if n_sites > 1 and drawn:
        warnings.append("the metastases of one patient are not independent: their intervals share trunk and clock")
    if any(len({v for (t, v) in drawn if t == site and drawn[t, v].probability > 0.5}) > 1 for site, _ in drawn):
        warnings.append("a polyclonal metastasis has one interval for each founding clone")
    return refusals, warnings


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
    """Date when each founding clone reached each site, by clock, growth, dates and treatments in one posterior.

    Molecular time always. Ages by the clock need the age at sampling and at least `settings.min_clock_mutations`
    clock-like mutations of a whole genome; ages by growth need a measured size and the age then. The clock runs at one
    rate up to the root clone (the last ancestor of all sampled tumour cells) and `a` times as fast after it, in each
    lineage at a rate of its own.

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
    nodes = sorted(history_nodes(trees, histories), key=lambda h: -h.weight)
    if not nodes:
        raise InfeasibleError(f"patient {patient.name}: no migration history to date")
    rows, refusals = _divergence_rows(patient, comparison)
    clock, second = _clocks(patient, ccf, clusters, trees, choice, rng)
    acceleration, reasons, more = calendar_clock(patient, trees, nodes, choice, settings)
    refusals, warnings = refusals + reasons, [*choice.warnings, *more]
    drawn = draw_migrations(nodes, clock, draws=settings.draws, rng=rng)
    shares = variance_shares(nodes, clock, draws=_SHARE_DRAWS, rng=rng)
    events = patient_events(patient)
    if patient.treatments and not events:
        refusals.append("treatments cannot be placed: they need dates, and a sample with both age and collection date")
    intervals = _molecular_intervals(patient, trees, drawn, shares)
    lesions, more = lesion_evidence(patient, settings)
    warnings += more
    dates = JointDates()
    stamps, stamp_rows, more = _stamps(patient, clusters, settings)
    refusals += more
    if drawn and np.isfinite(site_ages(patient)).any():
        gain = _several_gain(patient, ccf, clusters, trees, nodes, settings)
        tails = _tails(patient, ccf, clusters, nodes[0], trees, choice.is_clock, settings)
        evidence = _evidence(patient, (clock, second), stamps, lesions, (gain, tails), settings)
        dates = date_jointly(
            patient, trees, nodes, evidence, acceleration, uses_clock=not reasons, settings=settings, rng=rng
        )
        warnings += _what_dates_rest_on(dates)
    intervals += dates.intervals
    if settings.hu2020:
        extra, reasons = _hu2020_intervals(patient, rows, settings)
        intervals, refusals = intervals + extra, refusals + reasons
    times = clone_times(nodes, clock, draws=min(settings.draws, 1000), rng=rng)
    n_sites = sum(site.is_metastasis for site in patient.sites)
    more_refusals, more_warnings = _what_is_not_told(drawn, n_sites)
    refusals, warnings = refusals + more_refusals, warnings + more_warnings
    return TimingResult(
        intervals=tuple(intervals),
        divergence=tuple(rows),
        growth=trace_lesions(patient, lesions, settings=settings, rng=rng),
        lesions=dates.lesions,
        rates=dates.rates,
        checks=dates.checks,
        stamps=stamp_rows,
        growth_changes=growth_changes(patient, settings=settings),
        node_ages=dates.node_ages,
        p_exponential=dates.p_exponential,
        gains=time_sample_gains(patient, clusters, tuple(rows), settings=comparison.settings, rng=rng),
        reseeding=irradiated_recurrences(patient, ccf, clusters, histories, settings=comparison.settings),
        events=events,
        nodes={name: quantile_estimate(times[:, k]) for k, name in enumerate(trees.names)},
        clock=choice.name,
        n_clock_mutations=int(choice.is_clock.sum()),
        synchronous=sites_synchronous(patient, limit=settings.synchronous_days),
        n_metastatic_sites=n_sites,
        oligometastatic=is_oligometastatic(n_sites) if n_sites else None,
        refusals=tuple(refusals),
        warnings=tuple(warnings),
    )
