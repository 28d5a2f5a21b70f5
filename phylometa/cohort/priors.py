"""Two passes over a cohort: fit its priors of routes and of the acceleration to what the first pass found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from phylometa.cohort.job import Outcome, PatientJob, patient_directory
from phylometa.config import TimingSettings
from phylometa.migration.cohort_prior import CohortPrior, fit_cohort_prior, patient_routes
from phylometa.model.result import PatientResult
from phylometa.timing.calendar_rules import patient_acceleration, site_ages
from phylometa.timing.cohort_acceleration import (
    CohortAcceleration,
    PatientAcceleration,
    cohort_prior_of,
    fit_cohort_acceleration,
)

__all__ = ["COHORT_PRIOR", "fit_to_outcomes", "remove_cohort_prior", "second_pass", "tell_acceleration"]
__all__ += ["write_cohort_prior"]

COHORT_PRIOR = "cohort_prior.json"


def tell_acceleration(result: PatientResult, settings: TimingSettings) -> PatientAcceleration | None:
    """Find what a patient says of the acceleration; None without ages, or without a size or a second sampling date."""
    timing = result.timing
    if timing is None:
        return None
    found = {row.model: row.estimate for row in timing.rates if row.name == "acceleration"}
    posterior = found.get("joint", found.get("clock"))
    ages = site_ages(result.patient)
    is_serial = len({age for age in ages.tolist() if age == age}) > 1
    if posterior is None or not (timing.lesions or is_serial):
        return None
    own = patient_acceleration(result.patient, settings)
    prior = cohort_prior_of(own, settings.cohort_acceleration, settings.cohort_acceleration_sigma)
    return PatientAcceleration(posterior, prior)


def fit_to_outcomes(jobs: Sequence[PatientJob], outcomes: Sequence[Outcome]) -> tuple[CohortPrior, CohortAcceleration]:
    """Fit the priors to the histories and dates of the patients that are done, in the order of the jobs.

    Parameters
    ----------
    jobs : sequence of PatientJob
    outcomes : sequence of Outcome
        Of the first pass; patients that failed are left out.
    """
    from phylometa.pipeline.stages import load_result

    failed = {outcome.patient for outcome in outcomes if outcome.status == "failed"}
    told, accelerations = [], []
    for job in jobs:
        if job.patient in failed:
            continue
        result = load_result(patient_directory(job.output, job.patient))
        if result.histories is not None and not result.patient.primary.is_virtual:
            primary = result.patient.site_names.index(result.patient.primary.name)
            told.append(patient_routes(result.histories, primary))
        said = tell_acceleration(result, job.settings.timing)
        accelerations += [] if said is None else [said]
    return fit_cohort_prior(told), fit_cohort_acceleration(accelerations)


def second_pass(jobs: Sequence[PatientJob], prior: CohortPrior, acceleration: CohortAcceleration) -> list[PatientJob]:
    """Make the jobs of the second pass, which replace the results of the first."""
    made = []
    for job in jobs:
        migration = replace(
            job.settings.migration,
            cohort_between=prior.between,
            cohort_back=prior.back,
            cohort_further=prior.further,
        )
        timing = replace(
            job.settings.timing,
            cohort_acceleration=acceleration.factor,
            cohort_acceleration_sigma=acceleration.sigma,
        )
        made.append(replace(job, settings=job.settings.replace(migration=migration, timing=timing), resume=False))
    return made


def remove_cohort_prior(directory: Path) -> None:
    """Remove cohort_prior.json of an earlier run from a directory, if phylometa wrote it there."""
    from phylometa.io.ownership import listed_files

    if COHORT_PRIOR in listed_files(directory):
        (directory / COHORT_PRIOR).unlink(missing_ok=True)


def write_cohort_prior(prior: CohortPrior, acceleration: CohortAcceleration, directory: Path) -> None:
    """Write cohort_prior.json beside the cohort's tables."""
    from phylometa.io.documents import write_json
    from phylometa.io.ownership import list_files, locked, replace_file

    with locked(directory / "cohort.tsv"):
        with replace_file(directory / COHORT_PRIOR) as path:
            write_json(path, {**asdict(prior), "acceleration": asdict(acceleration)})
        list_files(directory, COHORT_PRIOR)
