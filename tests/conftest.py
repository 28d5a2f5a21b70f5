"""Fixtures that several test files share: a small simulated patient on disk and its analysed directory."""

import pytest
from small_patients import simulate_small

from phylometa.cli import _invoke


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
