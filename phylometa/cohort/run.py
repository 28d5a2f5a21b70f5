"""Many patients through any `concurrent.futures.Executor`, and what is written of all of them together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import replace
from pathlib import Path

from phylometa.cohort.job import COHORT_FILES, Outcome, PatientJob, run_caught
from phylometa.cohort.sites import organ_routes, site_label_frequencies, site_measures, site_quantities
from phylometa.cohort.statistics import (
    COHORT_LABELS,
    adjusted,
    label_association,
    label_frequencies,
    parallel_drivers,
    route_frequencies,
)
from phylometa.errors import OccupiedError, PhylometaError
from phylometa.model.label_specs import SITE_LABELS
from phylometa.pipeline.stages import stage_rng

__all__ = ["check_cohort_files", "run_cohort", "write_cohort"]


def run_cohort(
    jobs: Sequence[PatientJob],
    *,
    executor: Executor | None = None,
    make_executor: Callable[[], Executor] | None = None,
    in_flight: int = 2,
    fail_fast: bool = False,
    progress: Callable[[Outcome, int, int], None] | None = None,
) -> list[Outcome]:
    """Run all patients, in this process or through an executor; outcomes in the order of `jobs`.

    Parameters
    ----------
    jobs : sequence of PatientJob
    executor : concurrent.futures.Executor, optional
        Any executor; it stays open. Default: `make_executor`, or this process, one patient after the other.
    make_executor : callable, optional
        Makes an executor, and a new one when a worker process dies: the patients it held are run again, each alone, so
        that one that kills its worker each time is named and the others finish.
    in_flight : int
        Patients handed to the executor at a time (its workers, or a few more).
    fail_fast : bool
        Stop at the first patient that fails.
    progress : callable (outcome, number done, of), optional

    Raises
    ------
    PhylometaError
        If an executor that was handed in is lost; finished patients are on disk.
    """
    outcomes: dict[str, Outcome] = {}
    # First what is free; what another process is writing comes last, when that may be done.
    jobs = [replace(job, wait=False) for job in jobs]
    source = (
        _through_executor(jobs, executor, make_executor, in_flight) if executor or make_executor else _one_by_one(jobs)
    )
    for number, outcome in enumerate(source, start=1):
        outcomes[outcome.patient] = outcome
        if progress is not None:
            progress(outcome, number, len(jobs))
        if fail_fast and outcome.status == "failed":
            break
    source.close()
    return [outcomes[job.patient] for job in jobs if job.patient in outcomes]


def _one_by_one(jobs: Sequence[PatientJob]) -> Generator[Outcome, None, None]:
    """Outcomes of the jobs in this process; the busy ones again at the end."""
    waiting = deque(jobs)
    while waiting:
        job = waiting.popleft()
        outcome = run_caught(job)
        if outcome.status == "busy":
            waiting.append(replace(job, wait=True))
        else:
            yield outcome


def _through_executor(
    jobs: Sequence[PatientJob],
    executor: Executor | None,
    make_executor: Callable[[], Executor] | None,
    in_flight: int,
) -> Generator[Outcome, None, None]:
    """Outcomes as they come. Few patients are in flight at a time, so that few are suspect when a worker dies."""
    waiting = deque(jobs)
    suspects: deque[PatientJob] = deque()
    current = executor
    running: dict[Future[Outcome], PatientJob] = {}
    try:
        while waiting or suspects or running:
            if current is None:
                assert make_executor is not None
                current = make_executor()
            while waiting and len(running) < in_flight:
                job = waiting.popleft()
                running[current.submit(run_caught, job)] = job
            is_alone = not running
            if is_alone:
                job = suspects.popleft()
                running[current.submit(run_caught, job)] = job
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                try:
                    outcome = future.result()
                    if outcome.status == "busy":
                        waiting.append(replace(job, wait=True))
                    else:
                        yield outcome
                    continue
                except (BrokenExecutor, CancelledError, OSError) as error:
                    if make_executor is None:
                        raise PhylometaError(
                            f"the executor was lost ({type(error).__name__}: {error}); finished patients are on disk, "
                            "run again with --resume"
                        ) from None
                if is_alone:
                    yield Outcome(job.patient, "failed", "its worker process died twice (out of memory?)", 1)
                else:
                    suspects.append(job)
                # the whole pool is broken: whoever else was in flight is as suspect
                suspects.extend(running.values())
                running.clear()
                current.shutdown(wait=False, cancel_futures=True)
                current = None
                break
    except KeyboardInterrupt:
        kill_workers = getattr(current, "kill_workers", None)
        if executor is None and kill_workers is not None:
            kill_workers()  # they would go on until their patients are done
            current = None
        raise
    finally:
        for future in running:
            future.cancel()
        if current is not None and executor is None:
            current.shutdown(wait=True, cancel_futures=True)


def check_cohort_files(directory: Path) -> None:
    """Refuse a directory in which a cohort's tables would replace files of somebody else.

    Raises
    ------
    OccupiedError
        Naming the files, which have a name of the cohort's and are not in the manifest of `directory`.
    """
    from phylometa.io.ownership import listed_files

    known = listed_files(directory)
    foreign = sorted(
        name for name in COHORT_FILES - {"manifest.json"} if name not in known and (directory / name).exists()
    )
    if not known and (directory / "manifest.json").exists():
        foreign.append("manifest.json")
    if foreign:
        raise OccupiedError(
            f"{directory} holds {', '.join(foreign)}, which phylometa did not write and would replace: "
            "move it away or choose another directory"
        )


def write_cohort(outcomes: Sequence[Outcome], directory: Path, *, seed: int) -> None:
    """Write tables and page of a cohort: cohort.tsv, cohort_sites.tsv, frequencies.tsv, site_frequencies.tsv,
    routes.tsv, associations.tsv, parallel_drivers.tsv, MultiQC's phylometa_mqc.tsv and index.html.

    Parameters
    ----------
    outcomes : sequence of Outcome
    directory : Path
    seed : int
        Of the permutation tests.
    """
    from phylometa.io.cohort_files import CohortStatistics, write_cohort_tables
    from phylometa.io.ownership import list_files, locked, replace_file
    from phylometa.report import write_cohort_index

    summaries = [outcome.summary for outcome in outcomes if outcome.summary]
    groups = ("cancer_type", "sex", "treatment", "assay")
    frequencies = label_frequencies(summaries)
    for group in groups:
        if len({(summary.get("clinical") or {}).get(group) for summary in summaries}) > 1:
            frequencies += [
                replace(row, group=f"{group}={row.group}") for row in label_frequencies(summaries, group=group)
            ]
    routes = route_frequencies(summaries)
    by_site = [site_label_frequencies(summaries), organ_routes(summaries), site_quantities(summaries, seed=seed)]
    rng = stage_rng(seed, "cohort")
    pairs = [(row.label, row.value) for row in frequencies if row.group == "all"]
    associations = [
        label_association(summaries, group, label=label, value=value, rng=rng, permutations=999)
        for group in groups
        for label, value in pairs
    ]
    with locked(directory / "cohort.tsv"):
        check_cohort_files(directory)
        write_cohort_tables(
            directory,
            patients=[(o.patient, "failed" if o.status == "failed" else "done", o.reason, o.summary) for o in outcomes],
            patient_labels=COHORT_LABELS,
            site_labels=SITE_LABELS,
            measures=[site_measures(outcome.summary) for outcome in outcomes],
            statistics=CohortStatistics(
                frequencies=frequencies,
                routes=routes,
                site_frequencies=[row for rows in by_site for row in rows],
                associations=adjusted(associations),
                drivers=parallel_drivers(summaries),
            ),
        )
        with replace_file(directory / "index.html") as path:
            overall = [row for row in frequencies if row.group == "all"]
            write_cohort_index(outcomes, path, frequencies=overall, routes=routes, by_site=by_site)
        list_files(directory, *sorted(name for name in COHORT_FILES if name != "manifest.json"))
