"""Tables of the report about time: intervals, divergence, growth, gains, treatments, reseeding after irradiation."""

from __future__ import annotations

import math
from typing import Any

from phylometa.model.result import PatientResult
from phylometa.model.timing import TimingResult
from phylometa.plots.style import percent
from phylometa.report.table import Table, number

__all__ = ["timing_tables"]


def timing_tables(result: PatientResult) -> tuple[Table, ...]:
    """Make every table the timing stage has something for."""
    timing = result.timing
    if timing is None:
        return ()
    return (
        _intervals(timing),
        _divergence(timing),
        _reseeding(timing),
        _growth(timing),
        _lesions(timing),
        _checks(timing),
        _rates(timing),
        _stamps(timing),
        _changes(timing),
        _gains(timing),
    )


def _intervals(timing: TimingResult) -> Table:
    """One row per dissemination interval."""
    rows = []
    for x in timing.intervals:
        events = "; ".join(f"{name.replace('_', ' ')} {percent(p)}" for name, p in sorted(x.p_before.items()))
        cells = [x.site, x.founding_clone, number(x.probability), x.unit.replace("_", " "), x.model.replace("_", " ")]
        seeding = f"{x.seeding.lo:.4g} to {x.seeding.hi:.4g}"
        narrowed = "; ".join(f"{source} {percent(share)}" for source, share in sorted(x.narrowed_by.items()))
        rows.append((*cells, _estimate(x.divergence), _estimate(x.founder), seeding, events, narrowed))
    columns = (
        "Site", "Founding clone", "Probability", "Unit", "Model", "Divergence", "Founder", "Seeding (95 % interval)",
        "Probability before", "Narrowed by",
    )  # fmt: skip
    note = (
        "Medians and 95 % intervals. Seeding lies between divergence and founder; it has no single date. Joint: clock, "
        "growth and dates in one posterior; the other models leave a source out. Clock cpg: without the second clock. "
        "Narrowed by: 1 minus the width of the interval with the source over that without it."
    )
    return Table("intervals", "Dissemination intervals", columns, tuple(rows), note=note)


def _estimate(estimate: Any) -> str:
    return f"{estimate.median:.4g} ({estimate.lo:.4g} to {estimate.hi:.4g})"


def _divergence(timing: TimingResult) -> Table:
    """One row per pair of primary and metastasis."""
    rows = tuple(
        (
            row.metastasis, number(row.S), number(row.L_p), number(row.L_m), number(row.W_s), number(row.rho),
            number(row.rho_lo), number(row.rho_hi), number(row.jsi), row.jsi_call, number(row.p_value), row.call,
            "; ".join(row.notes),
        )
        for row in timing.divergence
    )  # fmt: skip
    columns = (
        "Metastasis", "Clonal in both", "Private to primary", "Private to metastasis", "Subclonal in both",
        "Rate ratio", "Rate ratio low", "Rate ratio high", "JSI", "JSI call", "p (divergence)", "Call", "Notes",
    )  # fmt: skip
    return Table("divergence", "Divergence of primary and metastasis", columns, rows)


def _reseeding(timing: TimingResult) -> Table:
    """One row per irradiated site that was sampled after irradiation."""
    rows = tuple(
        (row.site, row.treatment, row.grade, number(row.probability_of_return), "; ".join(row.observations))
        for row in timing.reseeding
    )
    columns = ("Site", "Treatment", "Evidence", "Probability of a return", "Observations")
    note = "Whether a metastasis seeded the irradiated site again; the order of dates alone is no evidence."
    return Table("reseeding", "Reseeding after irradiation", columns, rows, note=note)


def _growth(timing: TimingResult) -> Table:
    """One row per lesion traced back to its first cell."""
    rows = tuple(
        (
            row.site, number(row.diameter_cm), number(row.doubling_days), row.source,
            _years(row.exponential_years), _years(row.gompertz_years), row.statement,
        )
        for row in timing.growth
    )  # fmt: skip
    columns = (
        "Site", "Diameter (cm)", "Doubling time (days)", "Source of the doubling time",
        "Years since one cell, exponential", "Years since one cell, Gompertz", "Statement",
    )  # fmt: skip
    note = "From the size of the lesion alone; the two models are never averaged."
    return Table("growth", "Growth traced back", columns, rows, note=note)


def _lesions(timing: TimingResult) -> Table:
    """One row per lesion and growth model under the one posterior."""
    rows = tuple(
        (
            row.site, "both" if row.model == "joint" else row.model, _estimate(row.arrival),
            _estimate(row.doubling_days), _estimate(row.rest_years), number(row.p_dormant),
        )
        for row in timing.lesions
    )  # fmt: skip
    columns = (
        "Site", "Growth model", "Age at arrival", "Doubling time (days)", "Rest before growth (years)",
        "Probability of a rest of more than a year",
    )  # fmt: skip
    note = "Clock, sizes and dates together; medians and 95 % intervals. Both: each model by its probability."
    return Table("lesions", "Growth with the clock", columns, rows, note=note)


def _checks(timing: TimingResult) -> Table:
    """One row per check of one source against another."""
    rows = tuple((x.site, x.model, x.checked, x.given, number(x.p_value), x.statement) for x in timing.checks)
    columns = ("Site", "Growth model", "Checked", "Given", "p", "Statement")
    note = "Prior predictive checks: what one source leads to expect of the other. Conflicts are told, not averaged."
    return Table("checks", "Do clock and growth agree?", columns, rows, note=note)


def _stamps(timing: TimingResult) -> Table:
    """One row per clone and therapy."""
    rows = tuple(
        (x.clone, x.therapy, number(x.exposure_age), x.n_mutations, _estimate(x.share), number(x.p_exposed))
        for x in timing.stamps
    )
    columns = (
        "Clone", "Therapy", "Age at its start", "Mutations", "Share by the therapy", "Probability that it acted",
    )  # fmt: skip
    note = "A clone whose branch carries a therapy's mutations passed through one cell after the exposure began."
    return Table("stamps", "Treatments as time stamps", columns, rows, note=note)


def _changes(timing: TimingResult) -> Table:
    """One row per lesion outside the field of a course of radiotherapy."""
    rows = tuple(
        (
            x.site, x.course, _estimate(x.before), _estimate(x.after), _estimate(x.change), number(x.p_slower),
            "; ".join(x.sizes), "; ".join(x.confounders),
        )
        for x in timing.growth_changes
    )  # fmt: skip
    columns = (
        "Site", "Course", "Rate before (a year)", "Rate after (a year)", "Change", "Probability of slower growth",
        "Sizes", "Also begun meanwhile",
    )  # fmt: skip
    note = "Specific growth rate of the volume of lesions outside the field, with the sizes that carry it."
    return Table("growth_changes", "Growth around irradiation", columns, rows, note=note)


def _rates(timing: TimingResult) -> Table:
    """One row per rate of the clock."""
    words = {"before": "before transformation (a year)", "after": "after it (a year)"}
    words |= {
        f"second_{name}": f"second clock: {words.get(name, name)}" for name in ("before", "after", "acceleration")
    }
    rows = tuple((x.model, words.get(x.name, x.name), _estimate(x.estimate)) for x in timing.rates)
    note = (
        "Clock mutations a year; the acceleration is their ratio, a site's rate that of its lineage over the "
        "primary's. The second clock, if contexts are known: SNVs that are not C>T at CpG."
    )
    return Table("rates", "Rates of the clock", ("Model", "Rate", "Median and 95 % interval"), rows, note=note)


def _years(estimate: Any) -> str:
    return _estimate(estimate) if math.isfinite(estimate.median) else "cannot hold"


def _gains(timing: TimingResult) -> Table:
    """One row per timed copy-number gain or genome doubling of a sample."""
    rows = tuple(
        (
            row.sample, row.site, row.kind.replace("_", " "), row.chrom, row.state, row.n_mutations,
            number(row.estimate), number(row.lo), number(row.hi), number(row.p_before_divergence),
        )
        for row in timing.gains
    )  # fmt: skip
    columns = (
        "Sample", "Site", "Event", "Chromosome", "Copies", "Mutations", "Time", "Time low", "Time high",
        "Probability before divergence",
    )  # fmt: skip
    note = "Share of the time to the sample's last common ancestor, with its 95 % interval."
    return Table("gains", "Time of copy-number gains", columns, rows, note=note)
