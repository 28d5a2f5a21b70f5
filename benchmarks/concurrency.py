"""Many processes, one directory: killed at random and started again with --resume, until every patient is done.

    python benchmarks/concurrency.py [--processes 8] [--patients 40] [--seconds 300] [--seed 1]

Every patient must end with the bytes of a run alone, and no file of somebody else may be touched.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from attack_kinds.ground import QUICK

TINY = ("mutation_rate=0.0001", "primary_clones=2", "depth=60", "cn_caller=ascat", "distant_sites=2")
# Named by the contract as different from run to run.
NOT_COMPARED = {"run.log", "manifest.json"}
FOREIGN = {
    "notes.txt": "mine",
    ".backup.old-2020/data": "mine",
    ".C1.partial-mine/data": "mine",
    "raw/C1.bam": "mine",
    ".hidden/.partial-x": "mine",
}


def digests(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of the files that must be the same bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_COMPARED)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def command(sheet: Path, output: Path, *options: str) -> list[str]:
    run = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(output), "--no-plots", "--resume"]
    return [*run, *options]


def start(sheet: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(sheet, output, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def study(
    folder: Path, *, processes: int, patients: int, seconds: float, seed: int, options: Sequence[str] = ()
) -> dict[str, object]:
    """Run it in `folder` with `options` of `run`; what was done and what was wrong (empty lists if nothing was)."""
    chosen = random.Random(seed)
    settings = [text for pair in (*TINY, "patient=C") for text in ("--set", pair)]
    simulate = [sys.executable, "-m", "phylometa", "simulate", "-o", str(folder / "cohort"), *settings]
    subprocess.run([*simulate, "--patients", str(patients)], check=True)
    sheet, alone, shared = folder / "cohort/samples.tsv", folder / "alone", folder / "shared"
    subprocess.run(command(sheet, alone, *options), check=True, stderr=subprocess.DEVNULL)
    for name, text in FOREIGN.items():
        (shared / name).parent.mkdir(parents=True, exist_ok=True)
        (shared / name).write_text(text)
    n_killed, statuses = 0, set()
    running = [start(sheet, shared, *options) for _ in range(processes)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(chosen.uniform(0.05, 2.0 * seconds / 60.0 + 0.5))
        at = chosen.randrange(processes)
        if running[at].poll() is None:
            running[at].send_signal(signal.SIGKILL)
            n_killed += 1
        else:
            statuses.add(running[at].returncode)
        running[at].wait()
        running[at] = start(sheet, shared, *options)
    statuses |= {process.wait() for process in running}
    statuses.add(
        subprocess.run(command(sheet, shared, *options), stderr=subprocess.DEVNULL).returncode
    )  # the last one tidies up
    names = sorted(path.name for path in alone.iterdir() if path.is_dir())
    left = {path.name for path in shared.iterdir() if path.name.startswith(".")}
    return {
        "patients": len(names),
        "killed": n_killed,
        "statuses": sorted(statuses - {0}),
        "different": [name for name in names if digests(alone / name) != digests(shared / name)],
        "foreign": [name for name, text in FOREIGN.items() if (shared / name).read_text() != text],
        "left": sorted(left - {name.split("/")[0] for name in FOREIGN}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        quick = Path(scratch) / "quick.toml"
        quick.write_text(QUICK)
        found = study(Path(scratch), **vars(options), options=("--config", str(quick)))
    print(
        f"{options.processes} processes, {found['patients']} patients, {options.seconds:.0f} s, "
        f"{found['killed']} killed and started again"
    )
    for name in ("statuses", "different", "foreign", "left"):
        print(f"{name}: {found[name] or 'none'}")
    sys.exit(any(found[name] for name in ("statuses", "different", "foreign", "left")))


if __name__ == "__main__":
    main()
