"""Coverage and calibration of dissemination intervals on simulated patients: a short run of the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "timing_coverage.py"
    spec = importlib.util.spec_from_file_location("timing_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_intervals_cover_and_probabilities_are_calibrated(benchmark):
    tally = benchmark.study("the model holds", 120, 3)
    # About 430 seedings of 120 patients, each of one trunk and clock: a standard error of about 1.7 %.
    for name in ("divergence", "founder", "seeding"):
        assert 0.89 <= tally.inside[name] / tally.n <= 0.995
    assert benchmark.calibration_error(tally.events) < 0.08


@pytest.mark.slow
def test_tips_taken_as_sampled_cells_fail_and_a_tail_does_not(benchmark):
    tips = benchmark.study("tips", 30, 1, timing={"terminal": "none"})
    assert tips.inside["seeding"] / tips.n < 0.75
    assert tips.said["unequal"] > 20
    tail = benchmark.study("tail", 30, 9, tail=400)
    assert tail.inside["seeding"] / tail.n > 0.85
    assert tail.said["subclonal tail"] == 30
