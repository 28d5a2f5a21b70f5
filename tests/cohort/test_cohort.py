"""Cohorts: dead workers, lost executors, leftovers of killed runs, Dask over TCP, full disks."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from result_files import digests, table
from small_patients import QUICK, TINY, simulate_small, write_quick_command

from phylometa.cli import _invoke
from phylometa.cohort import job as one_patient
from phylometa.cohort.job import (
    Outcome,
    PatientJob,
    patient_directory,
    read_job,
    result_key,
)
from phylometa.cohort.run import run_cohort
from phylometa.config import Settings
from phylometa.errors import InputError, PhylometaError


def jobs_of(names):
    return [PatientJob("sheet.tsv", name, "out", Settings()) for name in names]


class FakeExecutor(Executor):
    """Runs a job at once; the jobs in `deadly` break the executor, as a process that dies does."""

    def __init__(self, deadly, log):
        self.deadly, self.log, self.is_broken = deadly, log, False

    def submit(self, function, job):
        future = Future()
        self.log.append(job.patient)
        if self.is_broken or job.patient in self.deadly:
            self.is_broken = True
            future.set_exception(BrokenExecutor("a process died"))
        else:
            future.set_result(Outcome(job.patient, "done"))
        return future


def test_a_patient_that_kills_its_worker_is_named_and_the_others_finish():
    log = []
    outcomes = run_cohort(jobs_of("abcdef"), make_executor=lambda: FakeExecutor({"c"}, log), in_flight=2)
    assert [outcome.patient for outcome in outcomes] == list("abcdef")
    assert [outcome.status for outcome in outcomes] == ["done", "done", "failed", "done", "done", "done"]
    assert "died twice" in outcomes[2].reason
    assert log.count("c") == 2


def test_an_executor_that_was_handed_in_and_is_lost_ends_the_run():
    with pytest.raises(PhylometaError, match="--resume"):
        run_cohort(jobs_of("abc"), executor=FakeExecutor({"b"}, []), in_flight=1)


def test_fail_fast_stops_at_the_first_failure(monkeypatch):
    def run(job, progress=None):
        if job.patient == "b":
            raise InputError("broken")
        return Outcome(job.patient, "done")

    monkeypatch.setattr(one_patient, "run_patient", run)
    seen = []
    outcomes = run_cohort(jobs_of("abc"), fail_fast=True, progress=lambda outcome, n, of: seen.append((n, of)))
    assert [(o.patient, o.status, o.exit_code) for o in outcomes] == [("a", "done", 0), ("b", "failed", 3)]
    assert seen == [(1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("odd"), 1, "internal error, RuntimeError: odd"),
        (OSError(28, "No space left"), 1, "the disk is full"),
    ],
)
def test_any_failure_becomes_an_outcome_with_its_reason(monkeypatch, error, code, words):
    def run(job, progress=None):
        raise error

    monkeypatch.setattr(one_patient, "run_patient", run)
    (outcome,) = run_cohort(jobs_of("a"))
    assert (outcome.status, outcome.exit_code) == ("failed", code)
    assert words in outcome.reason


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "..\\x", ".hidden", "a\0b"])
def test_a_patient_never_leads_out_of_the_output(name):
    with pytest.raises(InputError, match="cannot name a directory"):
        patient_directory("out", name)


def workers_of(pid):
    """Worker processes below a process, from /proc."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
                command = Path(f"/proc/{entry}/cmdline").read_text()
            except OSError:
                continue
            if int(fields[1]) == pid and "spawn_main" in command:
                found.append(int(entry))
    return found


def test_the_key_of_a_result_knows_what_is_in_the_files_not_where_they_are(tmp_path, small_sheet):
    shutil.copytree(small_sheet.parent, tmp_path / "moved")
    moved = tmp_path / "moved" / small_sheet.name
    job = PatientJob(str(small_sheet), "SMALL", "out", Settings())
    key = result_key(read_job(job), job)

    def key_there(**changes):
        there = replace(job, sheet=str(moved), **changes)
        return result_key(read_job(there), there)

    assert key_there() == key
    text = moved.read_text()
    rows = [line.replace("SMALL\t", "OTHER\t", 1) for line in text.splitlines()[1:]]
    moved.write_text(text + "".join(f"{row}\n" for row in rows))
    assert key_there() == key, "another patient in the sheet changes nothing"
    assert key_there(settings=Settings(seed=2)) != key
    assert key_there(figures=False) != key
    header, first, rest = text.split("\n", 2)
    cells = dict(zip(header.split("\t"), first.split("\t")))
    changed = "\t".join(str(float(v) / 2) if k == "purity" else v for k, v in cells.items())
    moved.write_text("\n".join([header, changed, rest]))
    assert key_there() != key, "another purity"
    moved.write_text(text)
    called = tmp_path / "moved" / cells["cn_segments"]
    called.write_text(called.read_text() + "\n")
    assert key_there() != key, "another byte in a file"


@pytest.mark.system
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds worker processes through /proc")
def test_a_worker_killed_in_mid_run_costs_nothing(tiny_cohort, tmp_path):
    sheet, _ = tiny_cohort
    output = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "phylometa",
        "run",
        str(sheet),
        "-o",
        str(output),
        "--no-plots",
        "--jobs",
        "2",
        *QUICK,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    killed = None
    while killed is None and time.monotonic() < deadline and process.poll() is None:
        workers = workers_of(process.pid)
        if len(workers) == 2 and output.is_dir() and any(output.iterdir()):
            killed = workers[0]
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.01)
    _, err = process.communicate(timeout=300)
    assert killed is not None
    assert process.returncode == 0, err
    assert {row["status"] for row in table(output / "cohort.tsv")} == {"done"}


@pytest.mark.system
def test_a_full_disk_fails_the_patient_and_leaves_nothing(tmp_path, small_sheet):
    """A limit on the size of files stands for the full disk: the write fails in the middle of a file."""
    output = tmp_path / "out"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    command = [sys.executable, "-B", "-m", "phylometa", "run", str(small_sheet), "-o", str(output), "--no-plots"]
    command += QUICK
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode == 1
    assert "larger than the system allows" in done.stderr
    assert not output.exists() or not any(output.iterdir())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.system
def test_a_scheduler_that_does_not_answer_is_a_usage_error(tmp_path, small_sheet, capsys):
    pytest.importorskip("distributed")
    arguments = ["run", str(small_sheet), "-o", str(tmp_path / "out"), "--scheduler", f"tcp://127.0.0.1:{free_port()}"]
    from phylometa.cli import run as run_module

    run_module.SCHEDULER_TIMEOUT = "1s"
    assert _invoke(arguments) == 2
    assert "no scheduler answers" in capsys.readouterr().err


@pytest.fixture()
def dask_cluster(tmp_path):
    """A scheduler and two worker processes over TCP on this machine."""
    pytest.importorskip("distributed")
    port = free_port()
    folder = str(tmp_path / "dask")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base = [sys.executable, "-m", "distributed.cli"]
    scheduler = [
        *base[:2],
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    ]
    worker = [*base[:2], "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nworkers", "1", "--nthreads", "1"]
    worker += ["--local-directory", folder, "--no-dashboard", "--death-timeout", "30"]
    processes = [subprocess.Popen(scheduler, **quiet)]
    processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    yield f"tcp://127.0.0.1:{port}", processes
    for process in reversed(processes):
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.system
def test_a_dask_cluster_gives_the_bytes_of_one_process(tiny_cohort, tmp_path, dask_cluster):
    address, _ = dask_cluster
    (sheet, one), many = tiny_cohort, tmp_path / "many"
    command = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(many), "--no-plots", *QUICK]
    done = subprocess.run([*command, "--scheduler", address], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert digests(one) == digests(many)


@pytest.mark.system
def test_the_snakefile_of_the_documentation_runs(tmp_path):
    pytest.importorskip("snakemake")
    page = (Path(__file__).resolve().parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```python\n# Snakefile\n(.*?)```", page, re.S)
    simulate_small(tmp_path, patients=2, name="C", extra=TINY).rename(tmp_path / "cohort.tsv")
    (tmp_path / "Snakefile").write_text(text, encoding="utf-8")
    write_quick_command(tmp_path / "quick")
    scripts = (str(tmp_path / "quick"), str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {**os.environ, "PATH": os.pathsep.join(scripts), "HOME": str(tmp_path)}

    def snakemake(*options):
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *options]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    done = snakemake()
    assert done.returncode == 0, done.stderr
    again = snakemake()
    assert "Nothing to be done" in again.stderr + again.stdout
    known = [(path, path.stat().st_mtime_ns) for path in (tmp_path / "results").glob("*/summary.json")]
    assert len(known) == 2
    resumed = ["run", str(tmp_path / "cohort.tsv"), "-o", str(tmp_path / "results"), "--resume", "--no-plots"]
    assert _invoke([*resumed, *QUICK]) == 0
    assert [row["status"] for row in table(tmp_path / "results" / "cohort.tsv")] == ["done"] * 2
    assert [(path, path.stat().st_mtime_ns) for path, _ in known] == known, "nothing was run again"


@pytest.mark.system
def test_a_lost_scheduler_is_said_and_resume_completes(tmp_path, dask_cluster):
    address, processes = dask_cluster
    sheet = simulate_small(tmp_path / "cohort", patients=4, name="C", extra=TINY)
    output = tmp_path / "out"
    command = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(output), "--no-plots", *QUICK]
    process = subprocess.Popen([*command, "--scheduler", address], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not list(output.glob("C*")):
        time.sleep(0.05)
    processes[0].kill()
    _, err = process.communicate(timeout=180)
    assert process.returncode not in (0, None)
    assert "--resume" in err
    assert _invoke(["run", str(sheet), "-o", str(output), "--no-plots", "--resume", *QUICK]) == 0
    assert {row["status"] for row in table(output / "cohort.tsv")} == {"done"}


def holds_a_lock(pid, output):
    """Whether a process has begun with a patient."""
    for path in output.glob(".C*.lock"):
        with suppress(OSError):  # gone since
            if f'"pid": {pid},' in path.read_text():
                return True
    return False


@pytest.mark.system
def test_a_run_killed_at_random_moments_and_resumed_ends_in_the_same_bytes(tiny_cohort, tmp_path):
    import random

    (sheet, whole), broken = tiny_cohort, tmp_path / "broken"
    moments = random.Random(7)
    command = [
        sys.executable,
        "-m",
        "phylometa",
        "run",
        str(sheet),
        "-o",
        str(broken),
        "--no-plots",
        "--resume",
        *QUICK,
    ]
    for _ in range(6):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and not holds_a_lock(process.pid, broken):  # kill no process that still imports
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 1.2))
        process.kill()
        process.wait()
        for directory in broken.glob("C*") if broken.is_dir() else []:
            assert json.loads((directory / "manifest.json").read_text())["key"]
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    assert digests(broken) == digests(whole)
    assert not list(broken.glob(".*"))
    shutil.rmtree(broken)
