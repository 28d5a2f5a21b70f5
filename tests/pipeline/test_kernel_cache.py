"""Kernels compiled ahead of time are those that a run calls: none is left to the patient's first run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_patients import simulate_small

import phylometa

# Names of the functions that Numba compiled while the command ran, one a line on stdout.
LISTEN = """
import sys
from numba.core import event

class Names(event.Listener):
    def on_start(self, happened): print(happened.data["dispatcher"].py_func.__qualname__)
    def on_end(self, happened): pass

event.register("numba:compile", Names())
from phylometa.cli import _invoke
sys.exit(_invoke(sys.argv[1:]))
"""


@pytest.mark.system
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_first_run_compiles_nothing(tmp_path):
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(phylometa.__file__).parent, tmp_path / "site/phylometa", ignore=without)
    sheet = simulate_small(tmp_path / "patient", extra=("mutation_rate=0.002", "primary_clones=8", "depth=300"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    environment.pop("NUMBA_CACHE_DIR", None)

    def compiled(output):
        command = [sys.executable, "-c", LISTEN, "run", str(sheet), "-o", str(tmp_path / output), "--no-plots"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
        return set(done.stdout.split())

    run_module = [sys.executable, "-m", "phylometa.pipeline.kernel_cache"]
    subprocess.run(run_module, env=environment, cwd=tmp_path, check=True)
    assert compiled("first") == set()
    for path in (tmp_path / "site").rglob("*.nbi"):
        path.unlink()
    # the patient does call kernels: without the compiled ones they are compiled
    assert {"run_chain", "anneal_local", "refine_profiles", "resampled_distances"} <= compiled("second")
