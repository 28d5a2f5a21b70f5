"""Coverage and calibration of dissemination intervals on simulated patients: a short run of the benchmark."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "timing_coverage.py"
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("timing_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_intervals_cover_and_growth_narrows_them(benchmark):
    tally = benchmark.study(60, 3, sizes="one")
    # Seedings of one patient share trunk and clock: a standard error of about 2.5 %.
    for model in ("clock", "joint"):
        for name in ("divergence", "founder", "seeding"):
            assert 0.86 <= tally.inside[model][name] / tally.n[model] <= 1
    assert np.median(tally.width["joint"]) < 0.85 * np.median(tally.width["clock"])
    assert benchmark.calibration_error(tally.events["joint"]) < 0.1


@pytest.mark.slow
def test_a_tail_taken_for_clones_is_allowed_for(benchmark):
    tail = benchmark.study(30, 9, tail="fixed")
    assert tail.inside["clock"]["seeding"] / tail.n["clock"] > 0.8
    assert tail.said["subclonal tail"] == 30
