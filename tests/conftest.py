"""Fixtures that several test files share: a small simulated patient on disk and its analysed directory."""

from pathlib import Path

import pytest
from hypothesis import settings
from small_patients import simulate_small

from phylometa.cli import _invoke

settings.register_profile("phylometa", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("phylometa")


@pytest.fixture(scope="session")
def small_sheet(tmp_path_factory):
    """Sample sheet of a small simulated patient."""
    return simulate_small(tmp_path_factory.mktemp("small") / "patient")


@pytest.fixture(scope="session")
def small_run(small_sheet, tmp_path_factory):
    """The directory `phylometa run` made of it."""
    output = tmp_path_factory.mktemp("run") / "results"
    assert _invoke(["run", str(small_sheet), "-o", str(output)]) == 0
    return output / "SMALL"


SAMPLE_DATA = Path(__file__).parent.parent / "sample_data"
REAL = {
    "demo": ("DEMO", ["demo"]),
    "a22": ("A22", ["run", str(SAMPLE_DATA / "gundem_a22" / "samples.tsv")]),
    "a31": ("A31", ["run", str(SAMPLE_DATA / "gundem_a31" / "samples.tsv")]),
}


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    """Name of a bundled patient -> the directory that a run with the default settings makes of it, once a session."""
    made = {}

    def run(name):
        if name not in made:
            patient, arguments = REAL[name]
            output = tmp_path_factory.mktemp(name) / "results"
            assert _invoke([*arguments, "-o", str(output), "--no-plots"]) == 0
            made[name] = output / patient
        return made[name]

    return run
