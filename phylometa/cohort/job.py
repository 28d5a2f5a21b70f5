"""One patient from files to files.

A patient's directory appears whole or not at all and is written by one process at a time; its manifest carries a key
of inputs, settings and version, and a run that resumes skips the patients whose key is unchanged.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import phylometa
from phylometa.config import Settings
from phylometa.errors import BusyError, InfeasibleError, InputError, OccupiedError, environment_cause
from phylometa.model.patient import Patient
from phylometa.pipeline.stages import Progress, analyse

# A directory's name may have 255 bytes; a half-written one has ".", ".partial-" and eight letters more.
MAX_NAME_BYTES = 200
COHORT_FILES = frozenset(
    (
        *("cohort.tsv", "cohort_sites.tsv", "frequencies.tsv", "routes.tsv", "associations.tsv"),
        *("parallel_drivers.tsv", "site_frequencies.tsv", "phylometa_mqc.tsv", "index.html", "manifest.json"),
        "cohort_prior.json",
    )
)

__all__ = ["COHORT_FILES", "Outcome", "PatientJob", "patient_directory", "read_job", "result_key", "run_caught"]
__all__ += ["run_patient"]


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
    force : bool
        Replace files of an earlier result that were changed by hand (never files that phylometa did not write).
    wait : bool
        Wait if another process is writing the patient; otherwise the outcome is ``busy``.
    """

    sheet: str
    patient: str
    output: str
    settings: Settings
    inputs: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    figures: bool = True
    resume: bool = False
    force: bool = False
    wait: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of one patient.

    Parameters
    ----------
    patient : str
    status : {"done", "unchanged", "failed", "busy"}
    reason : str
        Why it failed; '' otherwise.
    exit_code : int
        0, or what the command line would return for this patient alone (1, 2, 3 or 4).
    seconds : float
        Wall time.
    summary : mapping
        summary.json of the patient; empty if it failed.
    """

    patient: str
    status: str
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    summary: Mapping[str, Any] = field(default_factory=dict)


def patient_directory(output: str | Path, patient: str) -> Path:
    """Directory of a patient below the output.

    Raises
    ------
    InputError
        If the name would lead out of the output, is that of one of the cohort's own files, or is longer than file
        systems allow.
    """
    name = str(patient)
    if not name or "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        raise InputError(f"patient {name!r} cannot name a directory: it is empty, holds a slash or starts with a dot")
    if name.lower() in COHORT_FILES:
        raise InputError(f"patient {name!r} cannot name a directory: a file of the cohort has that name")
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise InputError(f"patient {name[:40]!r}... cannot name a directory: longer than {MAX_NAME_BYTES} bytes")
    return Path(output) / name


def read_job(job: PatientJob) -> Patient:
    """Read the patient of a job from its sheet."""
    from phylometa.io.tables import read_patient

    return read_patient(job.sheet, settings=job.settings.read, patient=job.patient, **job.inputs)


def result_key(patient: Patient, job: PatientJob) -> str:
    """SHA-256 over version, settings, reader options, the patient's rows of the sheet, the hashes of its files and of
    tables that settings name.

    Where the files lie does not count, nor do the sheet's other patients.
    """
    inputs = []
    for entry in patient.provenance:
        source = dict(entry)
        if source.get("reader") == "sheet":
            continue
        if "sha256" in source:
            source["file"] = Path(str(source["file"])).name
        inputs.append(source)
    from phylometa.io.files import sha256_of

    content = {
        "version": phylometa.__version__,
        "settings": job.settings.to_dict(),
        "samples": [asdict(sample) for sample in patient.samples],
        "sites": [asdict(site) for site in patient.sites],
        "inputs": inputs,
        "tables": {name: sha256_of(Path(name)) for name in _tables_of(job.settings)},
        "options": {key: Path(str(value)).name for key, value in sorted(job.inputs.items())},
        "figures": job.figures,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _tables_of(settings: Settings) -> list[str]:
    """Files that settings name."""
    named = (settings.timing.signatures, settings.migration.organ_prior)
    return [name for name in named if name and Path(name).is_file()]


def run_patient(
    job: PatientJob, progress: Progress | None = None, *, on_wait: Callable[[str], None] | None = None
) -> Outcome:
    """Read, analyse, write, draw and report one patient, alone in its directory.

    Parameters
    ----------
    job : PatientJob
    progress : callable (stage, number, of), optional
    on_wait : callable (who is writing there), optional
        Called once if another process holds the patient.

    Raises
    ------
    InputError, InfeasibleError
        As the stages raise them; nothing of the patient is then left on disk.
    OccupiedError
        The directory holds files that are no result.
    BusyError
        Another process writes it and the job does not wait.
    """
    from phylometa.io.ownership import locked

    target = patient_directory(job.output, job.patient)
    with locked(target, wait=job.wait, on_wait=on_wait):
        return _run_patient(job, target, progress)


def _run_patient(job: PatientJob, target: Path, progress: Progress | None) -> Outcome:
    """`run_patient`, the lock of `target` held."""
    from phylometa.io.documents import read_json_object
    from phylometa.io.ownership import check_ours, is_whole, replace_directory
    from phylometa.io.results import write_result
    from phylometa.io.stage_records import STAGE_USES, recorded
    from phylometa.pipeline.stages import load_result

    started = time.monotonic()
    log: list[str] = []

    def say(text: str) -> None:
        log.append(f"{datetime.datetime.now().isoformat(timespec='milliseconds')} {text}")

    say(f"phylometa {phylometa.__version__}, patient {job.patient}, sheet {job.sheet}")
    patient = read_job(job)
    key = result_key(patient, job)
    manifest = target / "manifest.json"
    if job.resume and manifest.is_file() and read_json_object(manifest).get("key") == key and is_whole(target):
        return Outcome(job.patient, "unchanged", summary=read_json_object(target / "summary.json"))
    check_ours(target, force=job.force)
    mutations = patient.mutations
    say(f"read {mutations.n_mutations} mutations in {mutations.n_samples} samples, {len(patient.dropped)} left out")

    def on_stage(name: str, number: int, of: int) -> None:
        say(f"stage {name}")
        if progress is not None:
            progress(name, number, of)

    result = analyse(patient, settings=job.settings, progress=on_stage)
    say("stage files")
    with replace_directory(target, force=job.force) as partial:
        write_result(result, partial, arguments=job.arguments, key=key)
        result = load_result(
            partial
        )  # figures and report show what is on disk: `plot` and `report` give the same again
        if job.figures:
            on_stage("figures", 1, 1)
            from phylometa.io.colour_files import COLOURS_FILE, write_colours
            from phylometa.plots import save_figures

            (partial / "figures").mkdir()
            save_figures(result, partial / "figures")
            write_colours(result, partial / "figures" / COLOURS_FILE)
        on_stage("report", 1, 1)
        from phylometa.report import write_report

        write_report(result, partial / "report.html")
        for text in result.warnings:
            say(f"warning: {text}")
        say("done")
        (partial / "run.log").write_text("\n".join(log) + "\n", encoding="utf-8")
        recorded(partial, STAGE_USES, job.settings.to_dict())
        summary = read_json_object(partial / "summary.json")
    return Outcome(job.patient, "done", seconds=time.monotonic() - started, summary=summary)


def run_caught(job: PatientJob, progress: Progress | None = None) -> Outcome:
    """Run one patient as `run_patient`, a failure turned into an outcome, so that it does not stop the others."""
    started = time.monotonic()
    try:
        return run_patient(job, progress)
    except InputError as error:
        reason, code = str(error), 3
    except InfeasibleError as error:
        reason, code = str(error), 4
    except BusyError:
        return Outcome(job.patient, "busy")
    except OccupiedError as error:
        reason, code = str(error), 2
    except (OSError, MemoryError) as error:
        reason, code = environment_cause(error), 1
    except RecursionError:
        reason, code = "trees or graphs of its input go deeper than the program can follow", 4
    except Exception as error:  # noqa: BLE001 - a cohort reports any patient's failure and goes on
        reason, code = f"internal error, {type(error).__name__}: {error}", 1
    return Outcome(job.patient, "failed", reason, code, time.monotonic() - started)
