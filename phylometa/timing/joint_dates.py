"""Dates of a patient from the one posterior: with every source, and with each source left out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.interval import Estimate, quantile_estimate
from phylometa.model.patient import Patient
from phylometa.model.timing import LesionRow, RateRow, SeedingInterval, SourceCheck, TimedEvent
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reference.tables import AccelerationPrior
from phylometa.timing.agreement import check_sources
from phylometa.timing.cohort_acceleration import cohort_prior_of
from phylometa.timing.events import event_probabilities, patient_events
from phylometa.timing.growth_evidence import GRID, GROWTH_MODELS, LesionEvidence, draw_growth
from phylometa.timing.joint_model import Evidence, Prior, TimeDraws, draw_times
from phylometa.timing.molecular import HistoryNodes

__all__ = ["JointDates", "date_jointly", "mix_models", "narrowing", "variance_by_layer"]

# Draws from which a lesion's own growth is told.
_GROWTH_DRAWS = 600


@dataclass(frozen=True, eq=False)
class JointDates:
    """What the one posterior says in ages; parts of a `TimingResult`."""

    intervals: tuple[SeedingInterval, ...] = ()
    lesions: tuple[LesionRow, ...] = ()
    rates: tuple[RateRow, ...] = ()
    checks: tuple[SourceCheck, ...] = ()
    node_ages: Mapping[str, Estimate] = field(default_factory=dict)
    p_exponential: float = math.nan
    acceleration: AccelerationPrior | None = None


def date_jointly(
    patient: Patient,
    trees: TreeEnsemble,
    histories: Sequence[HistoryNodes],
    evidence: Evidence,
    acceleration: AccelerationPrior,
    *,
    uses_clock: bool,
    settings: TimingSettings,
    rng: np.random.Generator,
) -> JointDates:
    """Draw from the posterior with all sources, without growth, and without the clock.

    Parameters
    ----------
    patient, trees
    histories : sequence of HistoryNodes
        By falling weight.
    evidence : Evidence
        Clock, ages, stamps and lesions.
    acceleration : AccelerationPrior
        The patient's own prior. If the settings have one that was fitted to a cohort, that stands for it, and a row
        shows the dates without it.
    uses_clock : bool
        False: no calendar date may rest on the mutations; growth dates alone, if sizes were measured.
    settings : TimingSettings
    rng : numpy.random.Generator

    Returns
    -------
    JointDates
    """
    lesions, evidence = evidence.lesions, dataclasses.replace(evidence, lesions=())
    measured = {lesion.site for lesion in lesions if lesion.is_measured}
    used = cohort_prior_of(acceleration, settings.cohort_acceleration, settings.cohort_acceleration_sigma)

    def run(prior: AccelerationPrior, **changes: object) -> TimeDraws:
        known = dataclasses.replace(evidence, **changes)  # type: ignore[arg-type]
        options = _prior_of_times(prior, settings)
        return draw_times(histories, known, options, trees.proportions, draws=settings.draws, rng=rng)

    runs: dict[str, TimeDraws] = {}
    if uses_clock:
        runs = _runs_of_clock(partial(run, used), lesions)
        if evidence.second is not None:
            runs["clock_cpg"] = run(used, lesions=(), second=None)
    for model in GROWTH_MODELS if measured else ():
        runs[f"growth_{model}"] = run(used, lesions=lesions, model=model, use_branches=False)
    runs, p_exponential = _with_mixture(runs, evidence, lesions, rng)
    notes = {model: _note(used) for model in runs if not model.startswith("growth")}
    if uses_clock and used is not acceleration:
        plain, _ = _with_mixture(_runs_of_clock(partial(run, acceleration), lesions), evidence, lesions, rng)
        runs["without_cohort"] = plain.get("joint", plain["clock"])
        notes["without_cohort"] = _note(acceleration)
    weight = _probabilities(histories)
    intervals = _intervals(patient, trees, runs, weight, measured, patient_events(patient), notes)
    rows = [row for lesion in lesions for row in _lesion_rows(patient, lesion, runs, p_exponential, rng)]
    checks = []
    for model in GROWTH_MODELS:
        if uses_clock and f"growth_{model}" in runs:
            own = tuple(lesion for lesion in lesions if lesion.is_measured)
            pair = runs["clock"], runs[f"growth_{model}"]
            checks += check_sources(pair, histories[0], evidence, own, model, rng=rng)
    rates = [
        RateRow(name, key, quantile_estimate(values))
        for name in ("joint", "clock")
        if name in runs
        for key, values in _rates(runs[name]).items()
    ]
    best = runs.get("joint") or runs.get("clock")
    ages = {} if best is None else dict(zip(trees.names, (quantile_estimate(x) for x in best.nodes.T)))
    return JointDates(tuple(intervals), tuple(rows), tuple(rates), tuple(checks), ages, p_exponential, used)


def _prior_of_times(acceleration: AccelerationPrior, settings: TimingSettings) -> Prior:
    return Prior(
        acceleration_median=acceleration.median,
        acceleration_sigma=acceleration.sigma,
        spread_scale=settings.rate_spread,
        regularity=settings.regularity,
        tail_probability=settings.tail_probability,
        gap_sigma=settings.second_gap,
        unevenness_scale=settings.second_spread,
    )


def _note(acceleration: AccelerationPrior) -> str:
    return f"acceleration {acceleration.median:g} before the data: {acceleration.source}"


def _runs_of_clock(run: Callable[..., TimeDraws], lesions: tuple[LesionEvidence, ...]) -> dict[str, TimeDraws]:
    """Draws by the clock alone, and with growth under each of its models."""
    runs = {"clock": run(lesions=())}
    for model in GROWTH_MODELS if lesions else ():
        runs[f"joint_{model}"] = run(lesions=lesions, model=model)
    return runs


def _with_mixture(
    runs: dict[str, TimeDraws], evidence: Evidence, lesions: tuple[LesionEvidence, ...], rng: np.random.Generator
) -> tuple[dict[str, TimeDraws], float]:
    """Add the draws of both growth models by their probability, if they were drawn; that of the exponential model."""
    if "joint_gompertz" not in runs:
        return runs, math.nan
    p_exponential = _model_probability(runs["clock"], evidence, lesions)
    mixed = mix_models(runs["joint_exponential"], runs["joint_gompertz"], p_exponential, rng)
    return {"joint": mixed, **runs}, p_exponential


def mix_models(first: TimeDraws, second: TimeDraws, share: float, rng: np.random.Generator) -> TimeDraws:
    """Mix draws of two models, the first with probability `share`: row by row from one or the other."""
    n = len(first.rate)
    own = rng.random(n) < share

    def pick(a: FloatArray, b: FloatArray) -> FloatArray:
        mask = own if a.ndim == 1 else own[:, None]
        return np.where(mask, a, b) if len(a) else a  # empty: no second clock

    migrations = {}
    for key in sorted(set(first.migrations) | set(second.migrations)):
        rows, ages = [], []
        for drawn, keep in ((first, own), (second, ~own)):
            if key in drawn.migrations:
                index, values = drawn.migrations[key]
                rows.append(index[keep[index]])
                ages.append(values[keep[index]])
        if sum(len(x) for x in rows):
            order = np.argsort(np.concatenate(rows), kind="stable")
            migrations[key] = (np.concatenate(rows)[order], np.concatenate(ages)[order])
    blank = np.full(n, np.nan)
    sites = sorted(set(first.site_rate) | set(second.site_rate))
    return TimeDraws(
        rate=pick(first.rate, second.rate),
        acceleration=pick(first.acceleration, second.acceleration),
        root_age=pick(first.root_age, second.root_age),
        nodes=pick(first.nodes, second.nodes),
        site_rate={t: pick(first.site_rate.get(t, blank), second.site_rate.get(t, blank)) for t in sites},
        history=np.where(own, first.history, second.history),
        migrations=migrations,
        sources={key: _mixed_sources(first, second, key, share) for key in migrations},
        second_rate=pick(first.second_rate, second.second_rate),
        second_acceleration=pick(first.second_acceleration, second.second_acceleration),
    )


def _mixed_sources(first: TimeDraws, second: TimeDraws, key: tuple[int, int], share: float) -> dict[int, float]:
    """Source -> probability of a migration under two models; one that only one of them drew has that one's."""
    total: dict[int, float] = {}
    for drawn, weight in ((first, share), (second, 1.0 - share)):
        for site, p in drawn.sources.get(key, {}).items():
            total[site] = total.get(site, 0.0) + weight * p
    whole = sum(total.values())
    return {site: p / whole for site, p in sorted(total.items())}


def _model_probability(clock: TimeDraws, evidence: Evidence, lesions: tuple[LesionEvidence, ...]) -> float:
    """Posterior probability of exponential growth, prior 1/2; its evidence is the mean likelihood over clock draws."""
    log_evidence = []
    for model in GROWTH_MODELS:
        known = dataclasses.replace(evidence, lesions=lesions, model=model)
        total = np.zeros(len(clock.rate))
        for lesion in lesions:
            site = evidence.site_names.index(lesion.site)
            arrival = clock.root_age if site == evidence.primary else clock.first_arrival(site)
            years = np.maximum(lesion.age - arrival, GRID[0] / 10)
            value = np.interp(np.log(years), np.log(GRID), known.tables[lesion.site])
            total += np.where(np.isfinite(arrival), np.where(lesion.age > arrival, value, -60.0), 0.0)
        log_evidence.append(float(np.log(np.mean(np.exp(total - total.max()))) + total.max()))
    return 1 / (1 + math.exp(min(log_evidence[1] - log_evidence[0], 700.0)))


def _probabilities(histories: Sequence[HistoryNodes]) -> dict[tuple[int, int], float]:
    """Probability of every (site, founding clone)."""
    whole = sum(h.weight for h in histories)
    found: dict[tuple[int, int], float] = {}
    for h in histories:
        for key in {(t, v) for t, v, _, _ in h.migrations}:
            found[key] = found.get(key, 0.0) + h.weight / whole
    return {key: min(p, 1.0) for key, p in found.items()}


def _intervals(
    patient: Patient,
    trees: TreeEnsemble,
    runs: Mapping[str, TimeDraws],
    weight: Mapping[tuple[int, int], float],
    measured: set[str],
    events: Sequence[TimedEvent],
    notes: Mapping[str, str],
) -> list[SeedingInterval]:
    """One row per migration and model, the most probable migrations of a site first."""
    found = []
    names = patient.site_names
    keys = {key for drawn in runs.values() for key in drawn.migrations}
    for key in sorted(keys, key=lambda key: (key[0], -weight[key], key[1])):
        for model, drawn in runs.items():
            if key not in drawn.migrations or (model.startswith("growth") and names[key[0]] not in measured):
                continue
            rows, ages = drawn.migrations[key]
            before, during = event_probabilities(ages[:, 2], events)
            found.append(
                SeedingInterval(
                    site=names[key[0]],
                    founding_clone=trees.names[key[1]],
                    unit="age_years",
                    model=model,
                    probability=weight[key],
                    divergence=quantile_estimate(ages[:, 0]),
                    founder=quantile_estimate(ages[:, 1]),
                    seeding=quantile_estimate(ages[:, 2]),
                    sources={names[s]: p for s, p in drawn.sources[key].items()},
                    p_before=before,
                    p_during=during,
                    variance_shares=variance_by_layer(drawn, key),
                    narrowed_by=narrowing(runs, model, key),
                    notes=(notes[model],) if model in notes else (),
                )
            )
    return found


def _width(runs: Mapping[str, TimeDraws], model: str, key: tuple[int, int]) -> float:
    if model not in runs or key not in runs[model].migrations:
        return math.nan
    lo, hi = np.quantile(runs[model].migrations[key][1][:, 2], [0.025, 0.975])
    return float(hi - lo)


def narrowing(runs: Mapping[str, TimeDraws], model: str, key: tuple[int, int]) -> dict[str, float]:
    """Compute the share by which sources narrow an interval: 1 - width with / width without.

    Growth and the clock narrow a joint interval, the second clock that of the clock.
    """
    kind = model.partition("_")[2] or "exponential"
    without = {"growth": "clock", "clock": f"growth_{kind}"} if model.startswith("joint") else {}
    without |= {"second clock": "clock_cpg"} if model == "clock" else {}
    widths = {source: _width(runs, other, key) for source, other in without.items()}
    return {s: 1 - _width(runs, model, key) / w for s, w in widths.items() if math.isfinite(w) and w > 0}


def variance_by_layer(drawn: TimeDraws, key: tuple[int, int]) -> dict[str, float]:
    """Compute each layer's share of the variance of a seeding age, in order: tree, acceleration, rates, interval.

    Sums of squares of linear regressions, each on what the layers before it leave; ``counts`` is the rest.
    """
    rows, ages = drawn.migrations[key]
    y = ages[:, 2] - ages[:, 2].mean()
    whole = float(y @ y)
    if len(y) < 20 or whole <= 0:
        return {}
    kinds = np.unique(drawn.history[rows], return_inverse=True)[1]
    tree = np.eye(kinds.max() + 1)[kinds] if kinds.max() < 40 else np.zeros((len(y), 0))
    rates = [np.log(x[rows]) for x in drawn.site_rate.values() if np.isfinite(x[rows]).all()]
    length = np.maximum(ages[:, 1] - ages[:, 0], 1e-12)
    layers = {
        "tree": tree,
        "acceleration": np.log(drawn.acceleration[rows])[:, None],
        "rate": np.stack(rates, axis=1) if rates else np.zeros((len(y), 0)),
        "interval": (((ages[:, 2] - ages[:, 0]) / length - 0.5) * length.mean())[:, None],
    }
    shares, used, left = {}, np.zeros((len(y), 0)), whole
    for name, columns in layers.items():
        used = np.concatenate([used, columns - columns.mean(axis=0)], axis=1)
        rest = left
        if used.shape[1]:
            residual = y - used @ np.linalg.lstsq(used, y, rcond=None)[0]
            rest = min(float(residual @ residual), left)
        shares[name] = (left - rest) / whole
        left = rest
    shares["counts"] = left / whole
    return shares


def _lesion_rows(
    patient: Patient,
    lesion: LesionEvidence,
    runs: Mapping[str, TimeDraws],
    p_exponential: float,
    rng: np.random.Generator,
) -> list[LesionRow]:
    """Growth of a measured metastasis: under both models by their probability if it is known, and under each."""
    site = patient.site_names.index(lesion.site)
    if not lesion.is_measured or not patient.sites[site].is_metastasis:
        return []
    drawn: dict[str, FloatArray] = {}
    for model in GROWTH_MODELS:
        run = runs.get(f"joint_{model}") or runs.get(f"growth_{model}")
        arrival = np.empty(0) if run is None else run.first_arrival(site)
        arrival = arrival[np.isfinite(arrival)]
        if len(arrival):
            some = arrival[rng.integers(0, len(arrival), _GROWTH_DRAWS)]
            rest, days = draw_growth(lesion, np.maximum(lesion.age - some, GRID[0]), model, rng=rng)
            drawn[model] = np.stack([some, days, rest])
    if len(drawn) == len(GROWTH_MODELS) and math.isfinite(p_exponential):
        is_exponential = rng.random(_GROWTH_DRAWS) < p_exponential
        drawn = {"joint": np.where(is_exponential, drawn["exponential"], drawn["gompertz"]), **drawn}
    return [
        LesionRow(
            site=lesion.site,
            model=model,
            arrival=quantile_estimate(arrival),
            doubling_days=quantile_estimate(days),
            rest_years=quantile_estimate(rest),
            p_dormant=float(np.mean(rest > 1.0)),
        )
        for model, (arrival, days, rest) in drawn.items()
    ]


def _rates(drawn: TimeDraws) -> dict[str, FloatArray]:
    """Mutations per year before and after, their ratio, for both clocks; each site's lineage over the primary's."""
    found = {"before": drawn.rate, "after": drawn.rate * drawn.acceleration, "acceleration": drawn.acceleration}
    if len(drawn.second_rate):
        rate, acceleration = drawn.second_rate, drawn.second_acceleration
        second = {"before": rate, "after": rate * acceleration, "acceleration": acceleration}
        found |= {f"second_{name}": values for name, values in second.items()}
    return {**found, **{site: x[np.isfinite(x)] for site, x in drawn.site_rate.items() if np.isfinite(x).any()}}
