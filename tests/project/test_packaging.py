"""The wheel: built from the sdist, complete, typed, and at work in a clean environment without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
if not CI.is_dir():
    pytest.skip("the packaging scripts are not here", allow_module_level=True)
sys.path.insert(0, str(CI))
import packages  # noqa: E402

import phylometa  # noqa: E402


def test_lowest_bounds_name_every_dependency():
    bounds = packages.lowest_bounds()
    names = [bound.split("==")[0] for bound in bounds]
    assert {"numpy", "scipy", "numba", "networkx", "pysam", "click"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.system
def test_the_wheel_runs_the_demo_in_a_clean_environment(monkeypatch, tmp_path):
    """The packages that PHYLOMETA_DIST names a folder of (.ci/run has built them), or fresh ones."""
    built = os.environ.get("PHYLOMETA_DIST")
    sdist, wheel = packages.built(Path(built)) if built else packages.build(tmp_path)
    packages.check_contents(sdist, wheel)
    monkeypatch.setenv("PIP_COMPILE", "0")
    row = packages.install_and_run(Path(sys.executable), wheel, tmp_path)
    assert row["package"] == "wheel"
    assert row["demo"] < 300


@pytest.mark.system
def test_every_installer_takes_wheel_and_sdist(monkeypatch):
    """pip, uv and pipx, those that can be had here, each apart; each reads the bundled patient."""
    made = os.environ.get("PHYLOMETA_DIST")
    monkeypatch.setenv("PHYLOMETA_COMPILE", "0")
    monkeypatch.setenv("PIP_COMPILE", "0")  # of all dependencies, most of which are not imported
    rows = packages.installers(Path(sys.executable), Path(made) if made else None, quick=True)
    done = [row for row in rows if "package" in row]
    assert {(row["tool"].split()[0], row["package"]) for row in done} >= {("pip", "wheel"), ("pip", "sdist")}
    assert {row["phylometa"] for row in done} == {phylometa.__version__}
    if missing := [row["tool"] for row in rows if "package" not in row]:
        pytest.skip(", ".join(missing))
