"""Damaged inputs of every format: how many were tried, refused and read (python benchmarks/fuzz_inputs.py [N] [SEED]).

Stops with a traceback if a reader raises anything but InputError, takes long, or reads a wrong number.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/helpers"))

from io_fuzz import CASES, fuzz


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        tally = fuzz(n, seed, Path(folder))
    print("| input | tried | refused | read |\n|---|---|---|---|")
    for case in CASES:
        refused, read = tally.refused[case.name], tally.read[case.name]
        print(f"| {case.name} | {refused + read} | {refused} | {read} |")
    print(f"{tally.n} damaged inputs in {time.process_time() - started:.0f} s of CPU, nothing but InputError")


if __name__ == "__main__":
    main()
