"""Many processes over one directory, killed and resumed, and workers that end with the process that started them.

PHYLOMETA_CONCURRENCY_SECONDS=300 runs the study of docs/reliability.md: 8 processes, 40 patients, five minutes.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_patients import QUICK

ROOT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("PHYLOMETA_CONCURRENCY_SECONDS", "9"))


@pytest.mark.system
@pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not here")
def test_processes_that_are_killed_and_resumed_give_the_bytes_of_one_alone(tmp_path):
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from concurrency import study

    is_long = SECONDS >= 60
    size = {"processes": 8, "patients": 40} if is_long else {"processes": 3, "patients": 4, "options": QUICK}
    found = study(tmp_path, seconds=SECONDS, seed=1, **size)
    assert found["killed"] > 0
    assert (found["statuses"], found["different"], found["foreign"], found["left"]) == ([], [], [], [])


def below(pid):
    """Processes below a process, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.system
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_within_two_seconds_of_their_parent(number, tiny_cohort, tmp_path):
    sheet, _ = tiny_cohort
    output = tmp_path / "out"
    command = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(output), "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    deadline = time.monotonic() + 300
    while not list(output.glob(".C*.lock")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = below(process.pid)
    assert workers
    process.send_signal(number)
    started = time.monotonic()
    _, err = process.communicate(timeout=60)
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < started + 30:
        time.sleep(0.05)
    assert time.monotonic() - started < 2.0 * max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)
    if number != signal.SIGKILL:
        assert process.returncode == 130, err
        assert not list(output.glob(".*")) if output.exists() else True
