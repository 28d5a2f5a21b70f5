"""The attacks of docs/reliability.md: a few of every kind are held."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/attacks.py"


@pytest.mark.system
@pytest.mark.skipif(not SCRIPT.is_file(), reason="the benchmarks are not here")
def test_a_few_attacks_of_every_kind_are_held():
    done = subprocess.run([sys.executable, str(SCRIPT), "--few"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) > 8 and all(int(row[2]) == int(row[3]) > 0 for row in rows[1:])
