"""Fixtures that several test files share: a small simulated patient on disk and its analysed directory."""

from pathlib import Path

import pytest
from hypothesis import settings
from shared_runs import made_once
from small_patients import QUICK, simulate_small

from phylometa.cli import _invoke

settings.register_profile("phylometa", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("phylometa")


@pytest.fixture(scope="session")
def small_sheet(tmp_path_factory):
    """Sample sheet of a small simulated patient."""
    folder = made_once(tmp_path_factory, "small", lambda made: simulate_small(made / "patient"))
    return folder / "patient/samples.tsv"


@pytest.fixture(scope="session")
def small_run(small_sheet, tmp_path_factory):
    """The directory `phylometa run` made of it with the options `QUICK`."""

    def run(folder):
        assert _invoke(["run", str(small_sheet), "-o", str(folder / "results"), *QUICK]) == 0

    return made_once(tmp_path_factory, "run", run) / "results/SMALL"


SAMPLE_DATA = Path(__file__).parent.parent / "sample_data"
REAL = {
    "demo": ("DEMO", ["demo"]),
    "a22": ("A22", ["run", str(SAMPLE_DATA / "gundem_a22" / "samples.tsv")]),
    "a31": ("A31", ["run", str(SAMPLE_DATA / "gundem_a31" / "samples.tsv")]),
}


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    """Name of a bundled patient -> the directory that a run with the default settings makes of it, once a session."""

    def run(name):
        patient, arguments = REAL[name]

        def make(folder):
            assert _invoke([*arguments, "-o", str(folder / "results"), "--no-plots"]) == 0

        return made_once(tmp_path_factory, name, make) / "results" / patient

    return run
