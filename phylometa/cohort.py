"""One patient from files to files, and many of them through any `concurrent.futures.Executor`.

A patient's directory appears whole or not at all; its manifest carries a key of inputs, settings and version, and a
run that resumes skips the patients whose key is unchanged.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import phylometa
from phylometa.config import Settings
from phylometa.data import Patient
from phylometa.errors import InfeasibleError, InputError
from phylometa.pipeline import Progress, analyse

__all__ = ["Outcome", "PatientJob", "read_job", "run_cohort", "run_patient", "write_cohort_table"]

DirectoryCheck = Callable[[str], Path]


@dataclass(frozen=True)
class PatientJob:
    """All a worker needs to analyse one patient; it can be pickled.

    Parameters
    ----------
    sheet : str
        Path of the sample sheet.
    patient : str
    output : str
        Directory of the cohort; the patient's is below it.
    settings : Settings
    inputs : mapping
        Further options of the reader: ``primary treatments lesions genes fasta``.
    arguments : mapping
        The command line, for the manifest.
    figures, resume : bool
    """

    sheet: str
    patient: str
    output: str
    settings: Settings
    inputs: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    figures: bool = True
    resume: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one patient.

    Parameters
    ----------
    patient : str
    status : {"done", "unchanged", "failed"}
    reason : str
        Why it failed; '' otherwise.
    exit_code : int
        0, or what the command line would return for this patient alone (1, 3 or 4).
    seconds : float
        Wall time.
    summary : mapping
        summary.json of the patient; empty where it failed.
    """

    patient: str
    status: str
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    summary: Mapping[str, Any] = field(default_factory=dict)


def patient_directory(output: str | Path, patient: str) -> Path:
    """Directory of a patient below the output; InputError where its name would lead out of it."""
    name = str(patient)
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        raise InputError(f"patient {name!r} cannot name a directory: it is empty, holds a slash or starts with a dot")
    return Path(output) / name


def read_job(job: PatientJob) -> Patient:
    """The patient of a job, read from its sheet."""
    from phylometa.io.tables import read_patient

    return read_patient(job.sheet, settings=job.settings.read, patient=job.patient, **job.inputs)


def result_key(patient: Patient, job: PatientJob) -> str:
    """SHA-256 over version, settings, reader options and the hashes of all input files of the patient."""
    content = {
        "version": phylometa.__version__,
        "settings": job.settings.to_dict(),
        "inputs": [dict(source) for source in patient.provenance],
        "options": {key: str(value) for key, value in sorted(job.inputs.items())},
        "figures": job.figures,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def run_patient(job: PatientJob, progress: Progress | None = None) -> Outcome:
    """Read, analyse, write, draw and report one patient.

    Raises
    ------
    InputError, InfeasibleError
        As the stages raise them; nothing of the patient is then left on disk.
    """
    from phylometa.io.documents import read_json, replace_directory
    from phylometa.io.results import write_result

    started = time.monotonic()
    target = patient_directory(job.output, job.patient)
    log: list[str] = []

    def say(text: str) -> None:
        log.append(f"{datetime.datetime.now().isoformat(timespec='seconds')} {text}")

    say(f"phylometa {phylometa.__version__}, patient {job.patient}, sheet {job.sheet}")
    patient = read_job(job)
    key = result_key(patient, job)
    if job.resume and (target / "manifest.json").is_file() and read_json(target / "manifest.json").get("key") == key:
        return Outcome(job.patient, "unchanged", summary=read_json(target / "summary.json"))
    mutations = patient.mutations
    say(f"read {mutations.n_mutations} mutations in {mutations.n_samples} samples, {len(patient.dropped)} left out")

    def on_stage(name: str, number: int, of: int) -> None:
        say(f"stage {name}")
        if progress is not None:
            progress(name, number, of)

    result = analyse(patient, settings=job.settings, progress=on_stage)
    with replace_directory(target) as partial:
        write_result(result, partial, arguments=job.arguments, key=key)
        if job.figures:
            on_stage("figures", 1, 1)
            from phylometa.plots import save_figures

            (partial / "figures").mkdir()
            save_figures(result, partial / "figures")
        on_stage("report", 1, 1)
        from phylometa.report import write_report

        write_report(result, partial / "report.html")
        for text in result.warnings:
            say(f"warning: {text}")
        say("done")
        (partial / "run.log").write_text("\n".join(log) + "\n", encoding="utf-8")
        summary = read_json(partial / "summary.json")
    return Outcome(job.patient, "done", seconds=time.monotonic() - started, summary=summary)


def _run_caught(job: PatientJob, progress: Progress | None = None) -> Outcome:
    """`run_patient`, its failure turned into an outcome, so that one patient does not stop the others."""
    started = time.monotonic()
    try:
        return run_patient(job, progress)
    except InputError as error:
        reason, code = str(error), 3
    except InfeasibleError as error:
        reason, code = str(error), 4
    except Exception as error:  # noqa: BLE001 - a cohort reports any patient's failure and goes on
        reason, code = f"internal error, {type(error).__name__}: {error}", 1
    return Outcome(job.patient, "failed", reason, code, time.monotonic() - started)


def run_cohort(
    jobs: Sequence[PatientJob],
    *,
    executor: Executor | None = None,
    fail_fast: bool = False,
    progress: Callable[[Outcome, int, int], None] | None = None,
) -> list[Outcome]:
    """All patients, in this process or through `executor`; outcomes in the order of `jobs`.

    Parameters
    ----------
    jobs : sequence of PatientJob
    executor : concurrent.futures.Executor, optional
        Processes, a Dask client's executor, or any other; default: here, one after the other.
    fail_fast : bool
        Stop at the first patient that fails.
    progress : callable (outcome, number done, of), optional
    """
    outcomes: dict[str, Outcome] = {}
    for number, outcome in enumerate(_outcomes(jobs, executor), start=1):
        outcomes[outcome.patient] = outcome
        if progress is not None:
            progress(outcome, number, len(jobs))
        if fail_fast and outcome.status == "failed":
            break
    return [outcomes[job.patient] for job in jobs if job.patient in outcomes]


def _outcomes(jobs: Sequence[PatientJob], executor: Executor | None) -> Iterator[Outcome]:
    if executor is None:
        for job in jobs:
            yield _run_caught(job)
        return
    futures = [executor.submit(_run_caught, job) for job in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def write_cohort_table(outcomes: Sequence[Outcome], path: Path) -> None:
    """cohort.tsv: one row a patient with its status, the reason of a failure and its headline labels."""
    from phylometa.io.tsv import write_tsv

    labels = ("pattern", "clonality_site", "phyletic", "reseeding_primary", "met_to_met", "cascade", "cross_seeding")
    header = ["patient", "status", "reason", "n_mutations", "n_clusters"]
    header += [column for label in labels for column in (label, f"{label}_probability")]
    rows = []
    for outcome in outcomes:
        summary = outcome.summary
        row: list[Any] = [outcome.patient, outcome.status, outcome.reason.replace("\n", "; ")]
        row += [summary.get("n_mutations"), summary.get("n_clusters")]
        probabilities = (summary.get("labels") or {}).get("labels") or {}
        for label in labels:
            values = probabilities.get(label) or {}
            best = max(values, key=lambda value: (values[value], value)) if values else None
            row += [best, values.get(best) if best is not None else None]
        rows.append(row)
    write_tsv(path, header, rows)
