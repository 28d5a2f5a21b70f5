"""Cost of a cohort: processes, Dask and growth in patients and within a patient.

    python benchmarks/cohort.py jobs [PATIENTS]     speed-up at two processes, same bytes, overhead a patient
    python benchmarks/cohort.py dask [PATIENTS]     two processes and a Dask cluster of two workers: same bytes
    python benchmarks/cohort.py patients            time and memory at 50, 100, 200 and 400 patients
    python benchmarks/cohort.py patient [mutations|samples|clones]    time of each stage as a patient grows

Every run is a process of its own; CPU seconds and the largest memory are the operating system's figures for it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

TINY = (
    "mutation_rate=0.0001",
    "primary_clones=2",
    "distant_sites=2",
    "primary_regions=2",
    "depth=60",
    "cn_caller=ascat",
)
SIZED = ("mutation_rate=0.0004", "primary_clones=3", "distant_sites=2", "primary_regions=2")


def simulate(folder: Path, patients: int, settings: tuple[str, ...]) -> Path:
    changes = [text for pair in settings for text in ("--set", pair)]
    command = [sys.executable, "-m", "phylometa", "simulate", "-o", str(folder), "--patients", str(patients), *changes]
    subprocess.run(command, check=True)
    return folder / "samples.tsv"


def run(sheet: Path, output: Path, *options: str) -> tuple[float, float, float, float]:
    """Wall seconds, CPU seconds (children included), peak memory (MB, largest process), seconds within patients."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    command = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(output), "--no-plots", *options]
    said = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.monotonic() - started
    within = sum(float(seconds) for seconds in re.findall(r"status=done seconds=(\S+)", said))
    return wall, cpu, after.ru_maxrss / 1024, within


@contextmanager
def dask_cluster(folder: Path):
    """A scheduler and two worker processes on this machine, over TCP; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base = [sys.executable, "-m"]
    scheduler = [*base, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    worker = [*base, "distributed.cli.dask_worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
    worker += ["--local-directory", str(folder), "--death-timeout", "30"]
    processes = [subprocess.Popen(command, **quiet) for command in (scheduler, worker, worker)]
    try:
        yield address
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=30)


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("run.log", "manifest.json"):
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def jobs(patients: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheet = simulate(folder / "cohort", patients, SIZED)
        one = run(sheet, folder / "one")
        two = run(sheet, folder / "two", "--jobs", "2")
        same = digest(folder / "one") == digest(folder / "two")
    print(f"{patients} patients, wall s: 1 process {one[0]:.1f}, 2 processes {two[0]:.1f}, same bytes: {same}")
    print(f"speed-up {one[0] / two[0]:.2f} (limit 1.7); seconds a patient {one[0] / patients:.2f}")
    print(f"overhead a patient {1000 * (one[0] - one[3]) / patients:.0f} ms (limit 50)")


def dask(patients: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheet = simulate(folder / "cohort", patients, SIZED)
        two = run(sheet, folder / "two", "--jobs", "2")
        with dask_cluster(folder / "dask") as address:
            cluster = run(sheet, folder / "cluster", "--scheduler", address)
        same = digest(folder / "two") == digest(folder / "cluster")
    print(
        f"{patients} patients, wall s: 2 processes {two[0]:.1f}, Dask, 2 workers {cluster[0]:.1f}, same bytes: {same}"
    )


def patients() -> None:
    print("patients  wall s  CPU s  MB  CPU s a patient")
    for number in (50, 100, 200, 400):
        with tempfile.TemporaryDirectory() as name:
            sheet = simulate(Path(name) / "cohort", number, TINY)
            wall, cpu, memory, _ = run(sheet, Path(name) / "out", "--jobs", "2")
        print(f"{number:8} {wall:7.1f} {cpu:6.1f} {memory:4.0f} {cpu / number:8.2f}", flush=True)


STAGES = ("read", "clusters", "trees", "histories", "labels", "timing", "copy_number", "files", "report")


def seconds_by_stage(log: Path) -> dict[str, float]:
    """Wall seconds of every stage, from the time stamps of run.log."""
    marks = []
    for line in log.read_text().splitlines():
        at, text = line.split(" ", 1)
        if text.startswith(("phylometa", "stage ", "done")):
            name = "read" if text.startswith("phylometa") else text.removeprefix("stage ")
            marks.append((datetime.datetime.fromisoformat(at), name))
    spans: dict[str, float] = dict.fromkeys(STAGES, 0.0)
    for (at, name), (later, _) in zip(marks, marks[1:]):
        spans[name] = spans.get(name, 0.0) + (later - at).total_seconds()
    return spans


def patient(only: str = "") -> None:
    many = ("assay=wgs", "primary_clones=3", "distant_sites=2", "primary_regions=2")
    cases = [
        *(("mutations", (*many, f"mutation_rate={0.0025 * 10**k}")) for k in range(4)),
        *(("samples", (*SIZED, f"primary_regions={r}", f"metastasis_regions={r}")) for r in (1, 4, 10, 17)),
        *(("clones", (*SIZED, f"primary_clones={c}", "primary_regions=6")) for c in (2, 6, 12, 24, 48, 96)),
    ]
    print(f"{'growth of':9} {'mutations':>9} samples clusters   CPU s    MB  wall s of each stage")
    print(f"{'':44} {' '.join(f'{stage:>8.8}' for stage in STAGES)}")
    for label, settings in cases:
        if only not in ("", label):
            continue
        with tempfile.TemporaryDirectory() as name:
            sheet = simulate(Path(name) / "cohort", 1, settings)
            _, cpu, memory, _ = run(sheet, Path(name) / "out")
            (folder,) = (path for path in (Path(name) / "out").iterdir() if path.is_dir())
            spans = seconds_by_stage(folder / "run.log")
            summary = json.loads((folder / "summary.json").read_text())
        numbers = (summary["n_mutations"], summary["n_samples"], summary["n_clusters"])
        columns = " ".join(f"{spans[stage]:8.2f}" for stage in STAGES)
        print(f"{label:9} {numbers[0]:9} {numbers[1]:7} {numbers[2]:8} {cpu:7.1f} {memory:5.0f} {columns}", flush=True)


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    if chosen == "jobs":
        jobs(int(sys.argv[2]) if len(sys.argv) > 2 else 200)
    elif chosen == "dask":
        dask(int(sys.argv[2]) if len(sys.argv) > 2 else 200)
    elif chosen == "patients":
        patients()
    elif chosen == "patient":
        patient(sys.argv[2] if len(sys.argv) > 2 else "")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
