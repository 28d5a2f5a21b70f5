"""The acceleration learnt from simulated cohorts: what is recovered, and the dates without and with it.

    python benchmarks/cohort_acceleration.py [30] [--seed 1] [--record]

Three cohorts (`dated_patients`, the true tree, sizes of the metastases known) whose accelerations have a median of 10,
5 and 2.5 and a spread of .2 in log units; the prior of every patient has a median of 5 and a spread of .5. Median and
spread are fitted to the dates of the first pass, and all patients are dated again. Coverage of the 95 % intervals in
per cent, width of the seeding interval and error of its median in years. The limit: at least 92 % at half and at twice.
"""

from __future__ import annotations

import math
import tempfile
import time

import numpy as np
from dated_patients import (
    Growth,
    detectable_patient,
    draw_settings,
    true_inputs,
    true_migrations,
    with_events,
    with_sizes,
    with_type,
    write_tables,
)
from printed import record, study_arguments
from timing_coverage import Tally

from phylometa.config import TimingSettings
from phylometa.reference.tables import AccelerationPrior
from phylometa.timing.cohort_acceleration import PatientAcceleration, fit_cohort_acceleration
from phylometa.timing.infer import date_dissemination

MEDIANS = (10.0, 5.0, 2.5)
SPREAD = 0.2


def draw_cohort(median, n, rng):
    """Inputs of the timing stage and the true migrations of n patients, and their accelerations."""
    found, drawn = [], []
    for _ in range(n):
        simulated, seeding, lesions = detectable_patient(
            lambda rng: draw_settings(rng, acceleration=median * math.exp(SPREAD * rng.standard_normal())),
            Growth(),
            rng,
        )
        patient, *rest = true_inputs(simulated)
        patient = with_sizes(with_type(with_events(patient, rng)), lesions, rng)
        found.append(((patient, *rest), true_migrations(simulated, seeding)))
        drawn.append(simulated.settings.acceleration)
    return found, np.array(drawn)


def date_cohort(cohort, settings, rng):
    """Tally of the dates, and what every patient says of the acceleration."""
    tally, told = Tally(), []
    prior = AccelerationPrior(settings.acceleration_median, settings.acceleration_sigma, "settings")
    for inputs, truth in cohort:
        before = time.process_time()
        result = date_dissemination(*inputs, settings=settings, rng=rng)
        tally.seconds += time.process_time() - before
        tally.add(result, truth)
        (row,) = (x for x in result.rates if (x.model, x.name) == ("joint", "acceleration"))
        told.append(PatientAcceleration(row.estimate, prior))
    return tally, told


def main() -> None:
    arguments = study_arguments(__doc__, 30)
    figures, start = [], time.process_time()
    for median in MEDIANS:
        rng = np.random.default_rng([arguments.seed, int(10 * median)])
        cohort, drawn = draw_cohort(median, arguments.patients, rng)
        with tempfile.TemporaryDirectory() as scratch:
            settings = TimingSettings(draws=1500, clock="snv", tables=write_tables(scratch))
            without, told = date_cohort(cohort, settings, rng)
            fit = fit_cohort_acceleration(told)
            fitted = {"cohort_acceleration": fit.factor, "cohort_acceleration_sigma": fit.sigma}
            settings = TimingSettings(draws=1500, clock="snv", tables=settings.tables, **fitted)
            with_prior, _ = date_cohort(cohort, settings, rng)
        own = np.log(drawn)
        print(
            f"\nmedian {np.exp(np.median(own)):.1f}, spread {own.std():.2f}: fitted median {fit.median:.1f}, "
            f"spread {fit.sigma:.2f} ({fit.n_patients} patients)"
        )
        row = f"acceleration around {median:g}"
        figures += [(row, "fitted median", f"{fit.median:.1f}"), (row, "fitted spread", f"{fit.sigma:.2f}")]
        for name, tally in (("without", without), ("with", with_prior)):
            found = tally.figures("joint")
            print(f"  {name:8s}", "  ".join(f"{measure} {value}" for measure, value in found.items()))
            figures += [(f"{row}, {name}", *figure) for figure in found.items()]
    print(f"CPU {time.process_time() - start:.0f} s")
    if arguments.record:
        record("cohort_acceleration.py", figures)


if __name__ == "__main__":
    main()
