"""Rest before growth, doubling time, and change of growth around irradiation, on simulated lesions.

    python benchmarks/lesion_growth.py [100] [--seed 1] [--record]

Metastases of simulated patients (`dated_patients`), measured twice a year apart: as often dormant as the prior has it,
never dormant, and dormant for 1 to 10 years. Intervals are those of both growth models together, and dormancy is
claimed as in the report: P(a rest of more than a year) at least .95. Then lesions that grow exponentially or by
Gompertz and are measured three times before and three times after a course of irradiation that slows half of them. The
limits: intervals contain 93-97 %, and dormancy is claimed of at most 5 % of the lesions without it.
"""

from __future__ import annotations

import datetime
import math
import tempfile

import numpy as np
from dated_patients import (
    AGE,
    Growth,
    detectable_patient,
    draw_settings,
    lesion_prior,
    true_inputs,
    with_sizes,
    with_type,
    write_tables,
)
from printed import record, study_arguments
from scoring import calibration_error

from phylometa.config import TimingSettings
from phylometa.model.patient import Lesion, Treatment
from phylometa.timing.growth import DAYS_PER_YEAR
from phylometa.timing.growth_change import growth_changes
from phylometa.timing.infer import date_dissemination

CLAIMED = 0.95
# Kind of lesion -> rest before growth (years), from the generator; None: as the prior of the analysis has it.
KINDS = {
    "as the prior has it": None,
    "without a rest": lambda rng: 0.0,
    "rested for 1 to 10 years": lambda rng: rng.uniform(1.0, 10.0),
}
# Days of the sizes around the start of irradiation.
BEFORE, AFTER = (-240, -120, -10), (30, 150, 270)


def dormancy(kind, n, rng):
    """Of n lesions of a kind (n, 4): are rest and doubling time in their intervals, P(dormant), is it dormant."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        settings = TimingSettings(draws=1500, clock="snv", tables=write_tables(scratch))
        while len(found) < n:
            simulated, _, lesions = detectable_patient(draw_settings, Growth(rest=KINDS[kind]), rng)
            patient, *rest = true_inputs(simulated)
            patient = with_sizes(with_type(patient), lesions, rng, serial=True)
            result = date_dissemination(patient, *rest, settings=settings, rng=rng)
            for row in result.lesions:
                if row.model == "joint":
                    truth = lesions[row.site]
                    found.append(
                        (
                            row.rest_years.lo <= truth.rest <= row.rest_years.hi,
                            row.doubling_days.lo <= truth.doubling <= row.doubling_days.hi,
                            row.p_dormant,
                            truth.rest > 1.0,
                        )
                    )
    return np.array(found[:n], dtype=float)


def lesion_with_course(rng, model):
    """Three sizes on each side of irradiation elsewhere, true growth rates before and after (per year): or None."""
    prior = lesion_prior()
    doubling = prior.doubling_median * math.exp(prior.doubling_sigma * rng.standard_normal())
    slowed = rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 1.0
    start = rng.uniform(3.0, AGE / 3)
    days = np.array([*BEFORE, *AFTER], dtype=float)
    grown = start + np.where(days < 0, days, slowed * days) / DAYS_PER_YEAR
    log_cells = prior.log_cells(grown, np.array(doubling), model)
    log_size = (log_cells - math.log(3e8) - math.log(math.pi / 6)) / 3
    if not (math.log(0.5) < log_size.min() and log_size.max() < math.log(15.0)):
        return None
    rates = [
        float(np.polyfit(part / DAYS_PER_YEAR, 3 * sizes, 1)[0])
        for part, sizes in ((days[:3], log_size[:3]), (days[3:], log_size[3:]))
    ]
    sizes = np.exp(log_size + 0.1 * rng.standard_normal(len(days)))
    return sizes, rates[0], rates[1]


def changes(patient, n, rng):
    """Of n lesions: whether the intervals of growth before, after, and of its change contain the truth (n, 3)."""
    found = []
    begin = datetime.date(2014, 1, 1)
    settings = TimingSettings()
    site = next(site.name for site in patient.sites if site.is_metastasis)
    course = Treatment("radiotherapy", patient.primary.name, begin, begin + datetime.timedelta(days=30))
    while len(found) < n:
        made = lesion_with_course(rng, ("exponential", "gompertz")[len(found) % 2])
        if made is None:
            continue
        sizes, before, after = made
        lesions = tuple(
            Lesion(site, begin + datetime.timedelta(days=day), float(size))
            for day, size in zip((*BEFORE, *AFTER), sizes)
        )
        (row,) = growth_changes(patient.with_changes(lesions=lesions, treatments=(course,)), settings=settings)
        truth = before, after, after - before
        found.append([e.lo <= x <= e.hi for e, x in zip((row.before, row.after, row.change), truth)])
    return np.array(found, dtype=float)


def main() -> None:
    arguments = study_arguments(__doc__, 100)
    rng = np.random.default_rng(arguments.seed)
    figures = []
    for kind in KINDS:
        rest, doubling, p, is_dormant = dormancy(kind, arguments.patients, rng).T
        measures = {
            "rest in its interval": f"{rest.mean():.2f}",
            "doubling time in its interval": f"{doubling.mean():.2f}",
            "dormancy claimed": f"{int((p >= CLAIMED).sum())} of {len(p)}",
            "claimed and wrong": f"{int(((p >= CLAIMED) & (is_dormant == 0)).sum())} of {int((p >= CLAIMED).sum())}",
            "mean probability of a rest": f"{p.mean():.2f}",
            "rested for more than a year": f"{is_dormant.mean():.2f}",
            "ECE": f"{calibration_error(np.column_stack([p, is_dormant])):.3f}",
        }
        figures += [(f"lesions {kind}", *figure) for figure in measures.items()]
    simulated, _, _ = detectable_patient(draw_settings, Growth(), rng)
    shares = changes(simulated.patient, arguments.patients, rng).mean(axis=0)
    names = ("rate before", "rate after", "change")
    figures += [("irradiation elsewhere", f"{name} in its interval", f"{x:.2f}") for name, x in zip(names, shares)]
    for figure in figures:
        print("  ".join(figure))
    if arguments.record:
        record("lesion_growth.py", figures)


if __name__ == "__main__":
    main()
