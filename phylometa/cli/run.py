"""``phylometa run``, ``demo`` and ``validate``."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phylometa.cli.options import (
    TerminalProgress,
    as_site_option,
    check_output_directory,
    columns_option,
    config_option,
    force_option,
    organ_prior_option,
    other_package_of_our_name,
    output_option,
    read_settings,
    say_waiting,
    seed_option,
    uncalled_option,
    with_organ_prior,
)

if TYPE_CHECKING:
    from phylometa.cohort.job import Outcome, PatientJob

__all__ = ["demo", "run", "validate"]

# How long a Dask scheduler may take to answer.
SCHEDULER_TIMEOUT = "10s"
DEMO_PATIENT = Path(__file__).parent.parent / "demo_patient"


@click.command()
@click.argument("sheet", type=click.Path())
@output_option("Directory of the results, one subdirectory a patient.")
@click.option("--patient", "patients", multiple=True, help="Only this patient; may be repeated [default: all].")
@click.option("--primary", default="auto", show_default=True, help="Primary site, or auto.", metavar="SITE|auto")
@click.option(
    "--treatments",
    type=click.Path(),
    help="Table: patient site kind start end dose_gy (Gy) fractions; dates YYYY-MM-DD.",
)
@click.option(
    "--lesions", type=click.Path(), help="Table: patient site date diameter_cm (serial sizes, cm; dates YYYY-MM-DD)."
)
@click.option("--genes", type=click.Path(), help="Driver genes, one per line.")
@click.option("--fasta", type=click.Path(), help="Reference genome, for the trinucleotide context.")
@click.option(
    "--cn-missing",
    type=click.Choice(["marginalise", "diploid", "drop"]),
    help="Mutations without copy number [default: marginalise].",
)
@uncalled_option
@as_site_option
@columns_option
@seed_option
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, one thread each.")
@click.option("--scheduler", help="Address of a Dask scheduler, instead of --jobs.", metavar="ADDRESS")
@click.option("--resume", is_flag=True, help="Skip patients whose inputs, settings and version are unchanged.")
@force_option
@click.option("--fail-fast", is_flag=True, help="Stop at the first patient that fails.")
@click.option("--no-plots", is_flag=True, help="No figure files (the report keeps its own).")
@organ_prior_option
@click.option(
    "--cohort-prior",
    is_flag=True,
    help="Two passes over several patients: priors of routes and of the clock's acceleration are fitted to the first, "
    "used in the second.",
)
@click.option("--signatures", type=click.Path(), help="Mutational signatures, for stamps of treatments on branches.")
@click.option(
    "--radiotherapy-curves", is_flag=True, help="Tumour control against dose too: a model with assumed constants."
)
@config_option
def run(sheet: str, output: str, patients: tuple[str, ...], **options: Any) -> int:
    """Run the whole analysis of SHEET (TSV or CSV, one row per tumour sample), one patient or a cohort.

    Writes PATH/<patient>/ with summary.json, report.html, tables and figures; with several patients cohort.tsv too.

    \b
    Examples:
      phylometa run samples.tsv -o results
      phylometa run cohort.tsv -o results --jobs 8 --resume
      phylometa run samples.tsv -o results --treatments treatments.tsv --genes drivers.txt
    """
    settings = read_settings(
        options["config"],
        options["seed"],
        cn_missing=options["cn_missing"],
        uncalled=options["uncalled"],
        as_site=options["as_site"],
    )
    changes = {name: options[name] for name in ("radiotherapy_curves", "signatures") if options[name]}
    settings = settings.replace(timing=dataclasses.replace(settings.timing, **changes))
    settings = with_organ_prior(settings, options["organ_prior"])
    directory = check_output_directory(output, force=options["force"], resume=options["resume"])
    if options["scheduler"] and options["jobs"] > 1:
        raise click.UsageError("--jobs and --scheduler exclude each other")
    from phylometa.cohort.job import PatientJob, patient_directory
    from phylometa.io.tables import read_cohort_names

    names = read_cohort_names(sheet)
    unknown = [name for name in patients if name not in names]
    if unknown:
        raise click.UsageError(f"--patient {unknown[0]}: not in {sheet}; it has {', '.join(names)}")
    inputs: dict[str, Any] = {key: options[key] for key in ("treatments", "lesions", "genes", "fasta") if options[key]}
    if options["primary"] != "auto":
        inputs["primary"] = options["primary"]
    arguments = {"command": "run", "sheet": sheet, "output": output, "patients": list(patients), **options}
    jobs = [
        PatientJob(
            sheet=str(sheet),
            patient=name,
            output=str(directory),
            settings=settings,
            inputs=inputs,
            arguments=arguments,
            figures=not options["no_plots"],
            resume=options["resume"],
            force=options["force"],
        )
        for name in (patients or names)
    ]
    for job in jobs:
        patient_directory(job.output, job.patient)
    return _execute(
        jobs,
        directory,
        n_jobs=options["jobs"],
        scheduler=options["scheduler"],
        fail_fast=options["fail_fast"],
        with_cohort_prior=options["cohort_prior"],
    )


def _execute(
    jobs: list[PatientJob],
    directory: Path,
    *,
    n_jobs: int = 1,
    scheduler: str | None = None,
    fail_fast: bool = False,
    with_cohort_prior: bool = False,
) -> int:
    """Run the jobs; a single patient's failure is raised as it is, a cohort's ends in exit status 5."""
    from phylometa.cohort.job import run_patient
    from phylometa.cohort.run import check_cohort_files, write_cohort
    from phylometa.io.ownership import remove_leftovers

    foreign = other_package_of_our_name()
    if foreign:
        click.echo(f"warning: {foreign}", err=True)
    existed = directory.exists()
    if len(jobs) > 1 or scheduler is not None:
        check_cohort_files(directory)
    remove_leftovers(directory)
    try:
        if len(jobs) == 1 and scheduler is None:
            if with_cohort_prior:
                click.echo("note: one patient is no cohort: no cohort prior", err=True)
            progress = TerminalProgress(f"{jobs[0].patient}: ")
            try:
                outcome = run_patient(jobs[0], progress, on_wait=say_waiting)
            finally:
                progress.close()
            _report_outcome(outcome, directory)
            return 0
        outcomes = _run_passes(jobs, directory, n_jobs, scheduler, fail_fast, with_cohort_prior)
    except KeyboardInterrupt:
        remove_leftovers(directory, [job.patient for job in jobs])  # of workers that were killed
        raise
    finally:
        if not existed and directory.is_dir():
            with suppress(OSError):  # not empty: results are there
                directory.rmdir()
    if any(outcome.status != "failed" for outcome in outcomes):
        write_cohort(outcomes, directory, seed=jobs[0].settings.seed)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if sys.stderr.isatty():  # otherwise the log has them
        for outcome in failed:
            _report_outcome(outcome, directory)
    page = f"; page: {directory / 'index.html'}" if len(failed) < len(outcomes) else ""
    patients = f"{len(jobs)} patient{'s' if len(jobs) != 1 else ''}"
    click.echo(f"{len(outcomes) - len(failed)} of {patients} done, {len(failed)} failed{page}", err=True)
    return 5 if failed else 0


def _run_passes(
    jobs: list[PatientJob],
    directory: Path,
    n_jobs: int,
    scheduler: str | None,
    fail_fast: bool,
    with_cohort_prior: bool,
) -> list[Outcome]:
    """One pass, or two: the first, without figures, is what the cohort's prior is fitted to."""
    from phylometa.cohort.priors import fit_to_outcomes, remove_cohort_prior, second_pass, write_cohort_prior
    from phylometa.timing.cohort_acceleration import MIN_PATIENTS

    if not with_cohort_prior:
        remove_cohort_prior(directory)
        return _run_many(jobs, n_jobs, scheduler, fail_fast)
    first = [dataclasses.replace(job, figures=False) for job in jobs]
    outcomes = _run_many(first, n_jobs, scheduler, fail_fast)
    if fail_fast and any(outcome.status == "failed" for outcome in outcomes):
        return outcomes
    prior, acceleration = fit_to_outcomes(jobs, outcomes)
    write_cohort_prior(prior, acceleration, directory)
    click.echo(
        f"cohort prior from {prior.n_patients} patients: log weight {prior.between:+.2f} for each route between "
        f"metastases, {prior.back:+.2f} back into the primary, {prior.further:+.2f} for each further source of a site",
        err=True,
    )
    told = f"{acceleration.n_patients} patients whose sizes or dates tell the acceleration of the clock"
    if acceleration.sigma:
        told += f": median {acceleration.median:.2g}, spread {acceleration.sigma:.2f} in log units"
    else:
        told += f": too few to fit it ({MIN_PATIENTS} are needed)"
    click.echo(f"cohort prior from {told}", err=True)
    return _run_many(second_pass(jobs, prior, acceleration), n_jobs, scheduler, fail_fast)


def _run_many(jobs: list[PatientJob], n_jobs: int, scheduler: str | None, fail_fast: bool) -> list[Outcome]:
    from phylometa.cohort.run import run_cohort

    line = TerminalProgress()

    def show(outcome: Outcome, number: int, of: int) -> None:
        line(f"{outcome.patient} {outcome.status}", number, of)
        if not line.is_shown:
            click.echo(log_line(outcome, number, of), err=True)

    try:
        if scheduler is not None:
            with _dask_executor(scheduler) as (executor, workers):
                in_flight = 2 * workers
                return run_cohort(jobs, executor=executor, in_flight=in_flight, fail_fast=fail_fast, progress=show)
        if n_jobs == 1:
            return run_cohort(jobs, fail_fast=fail_fast, progress=show)
        from phylometa.cli.workers import WorkerPool

        return run_cohort(
            jobs, make_executor=lambda: WorkerPool(n_jobs), in_flight=n_jobs, fail_fast=fail_fast, progress=show
        )
    finally:
        line.close()


def log_line(outcome: Outcome, number: int, of: int) -> str:
    """An outcome as one line of key=value pairs after the time (logfmt), for logs that programs read.

    Values with a blank, a quote, an equals sign or a control character are JSON strings.
    """
    pairs: dict[str, Any] = {"level": "error" if outcome.status == "failed" else "info", "patient": outcome.patient}
    pairs |= {"status": outcome.status, "seconds": f"{outcome.seconds:.2f}", "number": number, "of": of}
    if outcome.status == "failed":
        pairs |= {"exit": outcome.exit_code, "reason": outcome.reason}
    else:
        pairs["warnings"] = len(outcome.summary.get("warnings", ()))
    words = [f"{key}={value if _is_bare(str(value)) else json.dumps(str(value))}" for key, value in pairs.items()]
    return " ".join([datetime.datetime.now().isoformat(timespec="seconds"), *words])


def _is_bare(value: str) -> bool:
    return value != "" and not any(mark in ' "=' or not mark.isprintable() for mark in value)


@contextmanager
def _dask_executor(address: str) -> Iterator[tuple[Any, int]]:
    """A Dask cluster as an executor, and its number of threads; the cluster outlives the run."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise click.UsageError("--scheduler needs Dask: pip install 'distributed>=2023.1'") from None
    try:
        client = Client(address, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise click.UsageError(f"--scheduler {address}: no scheduler answers ({error})") from None
    try:
        yield client.get_executor(), max(1, sum(client.nthreads().values()))
    finally:
        client.close(timeout=2)


def _report_outcome(outcome: Outcome, directory: Path) -> None:
    if outcome.status == "failed":
        click.echo(f"{outcome.patient}: failed: {outcome.reason}", err=True)
        return
    for text in outcome.summary.get("warnings", ()):
        click.echo(f"{outcome.patient}: warning: {text}", err=True)
    note = "unchanged" if outcome.status == "unchanged" else f"done in {outcome.seconds:.1f} s"
    click.echo(f"{outcome.patient}: {note}; report: {directory / outcome.patient / 'report.html'}", err=True)


@click.command()
@output_option("Directory of the results.", required=False, default="phylometa-demo")
@seed_option
@click.option("--no-plots", is_flag=True, help="No figure files (the report keeps its own).")
@force_option
def demo(output: str, seed: int | None, no_plots: bool, force: bool) -> int:
    """Run the whole analysis of the bundled patient, simulated with known truth (see its README.md and truth.json).

    \b
    Examples:
      phylometa demo
      phylometa demo -o elsewhere --seed 2 --no-plots
    """
    from phylometa.cohort.job import PatientJob
    from phylometa.io.tables import read_cohort_names

    directory = check_output_directory(output, force=force)
    sheet = DEMO_PATIENT / "samples.tsv"
    inputs = {
        key: str(DEMO_PATIENT / name)
        for key, name in (("treatments", "treatments.tsv"), ("lesions", "lesions.tsv"), ("genes", "genes.txt"))
        if (DEMO_PATIENT / name).is_file()
    }
    arguments = {"command": "demo", "output": output, "seed": seed}
    settings = read_settings(None, seed)
    jobs = [
        PatientJob(str(sheet), name, str(directory), settings, inputs, arguments, figures=not no_plots, force=force)
        for name in read_cohort_names(sheet)
    ]
    return _execute(jobs, directory)


@click.command()
@click.argument("sheet", type=click.Path())
@click.option("--primary", default=None, help="Primary site [default: the sheet's site_type].", metavar="SITE")
@click.option("--treatments", type=click.Path(), help="Treatments table.")
@click.option("--lesions", type=click.Path(), help="Lesions table.")
@click.option("--genes", type=click.Path(), help="Driver genes, one per line.")
@click.option("--fasta", type=click.Path(), help="Reference genome.")
@uncalled_option
@as_site_option
@columns_option
@config_option
def validate(
    sheet: str,
    config: str | None,
    uncalled: str | None,
    as_site: tuple[str, ...],
    columns: tuple[str, ...],
    **inputs: Any,
) -> int:
    """Check what `run` would read of SHEET, and every problem at once; exit status 3 if there is one.

    \b
    Example:
      phylometa validate samples.tsv
    """
    from phylometa.io.validate import validate_sheet

    settings = read_settings(config, None, uncalled=uncalled, as_site=as_site, columns=columns)
    given = {key: value for key, value in inputs.items() if value is not None}
    report = validate_sheet(sheet, settings=settings.read, **given)
    click.echo(report.to_text())
    for problem in report.problems:
        click.echo(f"error: {problem}", err=True)
    sys.stdout.flush()
    return 3 if report.problems else 0
