"""Fixtures that several test files share: a small simulated patient on disk and its analysed directory.

They import what they use: the process that hands out tests to others has to load none of it first.
"""

import gc
import subprocess
import sys
from pathlib import Path

import one_thread  # noqa: F401 (before NumPy)
import pytest
from hypothesis import settings
from shared_runs import REAL_COMMANDS, made_once

settings.register_profile("phylometa", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("phylometa")


def pytest_collection_modifyitems(items):
    """First what tests of several processes wait for, then pages and packages, whose tests are the longest.

    Last are folders of many short files: processes end together.
    """
    first = next((item.path for item in items if "small_run" in item.fixturenames), None)
    folder_rank = {"project": -1, "io": 1, "reference": 2}
    items.sort(key=lambda i: (not makes_a_real_run(i), i.path != first, folder_rank.get(i.path.parent.name, 0)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one process, in the order above: its kernels are loaded and its fixtures made once."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def makes_a_real_run(item):
    """Whether a test is the one that makes a run of a bundled patient with the default settings, if it comes first."""
    return item.path.stem == "test_one_comparison" and "real_run" in item.fixturenames


def pytest_collection_finish():
    """Modules and tests live to the end: collections of garbage leave them out, and are fewer (a tenth of all CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session")
def small_sheet(tmp_path_factory):
    """Sample sheet of a small simulated patient."""
    from small_patients import simulate_small

    folder = made_once(tmp_path_factory, "small", lambda made: simulate_small(made / "patient"))
    return folder / "patient/samples.tsv"


@pytest.fixture(scope="session")
def small_run(small_sheet, tmp_path_factory):
    """The directory `phylometa run` made of it with the options `QUICK`, figures as SVG alone."""
    from small_patients import QUICK, svg_alone

    from phylometa.cli import _invoke

    def run(folder):
        with svg_alone():
            assert _invoke(["run", str(small_sheet), "-o", str(folder / "results"), *QUICK]) == 0

    return made_once(tmp_path_factory, "run", run) / "results/SMALL"


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory):
    """(sample sheet of the tiny patients C1, C2 and C3, what one process made of it with `QUICK` and no figures).

    Only read them.
    """
    from small_patients import QUICK, TINY, simulate_small

    from phylometa.cli import _invoke

    def make(folder):
        sheet = simulate_small(folder / "in", patients=3, name="C", extra=TINY)
        assert _invoke(["run", str(sheet), "-o", str(folder / "alone"), "--no-plots", *QUICK]) == 0

    folder = made_once(tmp_path_factory, "tiny_cohort", make)
    return folder / "in/samples.tsv", folder / "alone"


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """Name of a result of `plot_results` -> the text of its report, which is written once a session."""
    import plot_results

    from phylometa.report import write_report

    def page(case):
        def make(folder):
            write_report(getattr(plot_results, case)(), folder / "report.html")

        return (made_once(tmp_path_factory, f"page_{case}", make) / "report.html").read_text(encoding="utf-8")

    return page


SAMPLE_DATA = Path(__file__).parent.parent / "sample_data"


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    """Name of a bundled patient -> the directory that `REAL_COMMANDS` makes of it, once a session.

    Two levels above, `printed.txt` holds what the command printed.
    """

    def run(name):
        def make(folder):
            (folder / SAMPLE_DATA.name).symlink_to(SAMPLE_DATA)
            command = [sys.executable, "-m", *REAL_COMMANDS[name].split()]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 0, done.stdout
            (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")

        return made_once(tmp_path_factory, name, make) / name / name.upper()

    return run
