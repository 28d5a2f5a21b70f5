"""Two passes over a cohort: fit the prior of routes to what the first pass found, for the second to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from phylometa.cohort.job import Outcome, PatientJob, patient_directory
from phylometa.migration.cohort_prior import CohortPrior, fit_cohort_prior, patient_routes

__all__ = ["COHORT_PRIOR", "fit_to_outcomes", "remove_cohort_prior", "second_pass", "write_cohort_prior"]

COHORT_PRIOR = "cohort_prior.json"


def fit_to_outcomes(jobs: Sequence[PatientJob], outcomes: Sequence[Outcome]) -> CohortPrior:
    """Fit the prior to the histories of the patients that are done, in the order of the jobs.

    Parameters
    ----------
    jobs : sequence of PatientJob
    outcomes : sequence of Outcome
        Of the first pass; patients that failed are left out.
    """
    from phylometa.pipeline.stages import load_result

    failed = {outcome.patient for outcome in outcomes if outcome.status == "failed"}
    told = []
    for job in jobs:
        if job.patient in failed:
            continue
        result = load_result(patient_directory(job.output, job.patient))
        if result.histories is not None and not result.patient.primary.is_virtual:
            primary = result.patient.site_names.index(result.patient.primary.name)
            told.append(patient_routes(result.histories, primary))
    return fit_cohort_prior(told)


def second_pass(jobs: Sequence[PatientJob], prior: CohortPrior) -> list[PatientJob]:
    """Make the jobs of the second pass, which replace the results of the first."""
    made = []
    for job in jobs:
        migration = replace(
            job.settings.migration,
            cohort_between=prior.between,
            cohort_back=prior.back,
            cohort_further=prior.further,
        )
        made.append(replace(job, settings=job.settings.replace(migration=migration), resume=False))
    return made


def remove_cohort_prior(directory: Path) -> None:
    """Remove cohort_prior.json of an earlier run from a directory, if phylometa wrote it there."""
    from phylometa.io.ownership import listed_files

    if COHORT_PRIOR in listed_files(directory):
        (directory / COHORT_PRIOR).unlink(missing_ok=True)


def write_cohort_prior(prior: CohortPrior, directory: Path) -> None:
    """Write cohort_prior.json beside the cohort's tables."""
    from phylometa.io.documents import write_json
    from phylometa.io.ownership import list_files, locked, replace_file

    with locked(directory / "cohort.tsv"):
        with replace_file(directory / COHORT_PRIOR) as path:
            write_json(path, asdict(prior))
        list_files(directory, COHORT_PRIOR)
