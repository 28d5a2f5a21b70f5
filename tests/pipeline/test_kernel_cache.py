"""Kernels compiled ahead of time are those that a run calls: none is left to the patient's first run."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from shared_runs import made_once
from small_patients import QUICK, simulate_small

import phylometa

# Names of the functions that Numba compiled while the command ran, one per line on stdout.
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


SHAPES = {
    "many clones": ("mutation_rate=0.0006", "primary_clones=8", "depth=300"),  # eleven clusters
    "one sample": (
        "mutation_rate=0.002",
        "primary_regions=1",
        "distant_sites=0",
        "lymph_nodes=0",
        "pattern=monoclonal",
    ),
}


@pytest.mark.system
def test_compiling_needs_only_what_the_build_installs():
    """A wheel is built where none of the other dependencies is; without this its kernels are left out with a line."""
    others = ("Bio", "click", "jinja2", "matplotlib", "networkx", "pysam", "narwhals")
    blocked = f"import sys\nfor name in {others}: sys.modules[name] = None\nimport phylometa.pipeline.kernel_cache"
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def files_of_the_wheel():
    """Relative path -> file of everything that the wheel of the imported package brought along; empty without one."""
    try:
        installed = distribution("phylometa-cancer")
    except PackageNotFoundError:
        return {}
    package = Path(phylometa.__file__).resolve().parent
    found = {str(path): Path(path.locate()).resolve() for path in installed.files or () if path.parts[0] == "phylometa"}
    is_imported = all(file.is_relative_to(package) for file in found.values())
    return found if is_imported and any(name.endswith(".nbi") for name in found) else {}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A copy of the package with its kernels compiled: those of the wheel, or compiled now if it is not of a wheel."""
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")

    def install(folder):
        of_wheel = files_of_the_wheel()
        for name, source in of_wheel.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)  # with its time, or Python would compile every module anew
        if of_wheel:
            return
        package = Path(phylometa.__file__).parent
        shutil.copytree(package, folder / "phylometa", ignore=shutil.ignore_patterns("__pycache__"))
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        environment.pop("NUMBA_CACHE_DIR", None)
        run_module = [sys.executable, "-m", "phylometa.pipeline.kernel_cache"]
        subprocess.run(run_module, env=environment, cwd=folder, check=True)

    return made_once(tmp_path_factory, "installed", install)


# Root writes everywhere; without this capability the modes of files hold for it too.
AS_OTHERS = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


def compiled(site, sheet, output, *options, **changes):
    """Names of what a run of the sheet compiled; `changes` of the environment, None to take a variable away."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": None}
    environment = {name: value for name, value in {**environment, **changes}.items() if value is not None}
    command = [sys.executable, "-c", LISTEN, "run", str(sheet), "-o", str(output), "--no-plots", *options]
    if os.geteuid() == 0:
        command = [sys.executable, "-c", AS_OTHERS, *command]
    done = subprocess.run(command, env=environment, cwd=output.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


# As many chains and rounds as by default, each of them short.
SHORT = "[trees]\nsweeps = 20\njoint_moves = 4000\njoint_draws = 40\nmax_scenarios = 60\n[timing]\ndraws = 100\n"


@pytest.mark.system
@pytest.mark.parametrize("shape", SHAPES)
def test_a_first_run_compiles_nothing(shape, installed, tmp_path):
    sheet, short = simulate_small(tmp_path / "patient", extra=SHAPES[shape]), tmp_path / "short.toml"
    short.write_text(SHORT)
    assert compiled(installed, sheet, tmp_path / "first", "--config", str(short)) == set()


PLACES = {
    "HOME not writable": {"HOME": "/proc"},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None},
    "TMPDIR and HOME not writable": {"HOME": "/proc", "TMPDIR": "/proc"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "HOME": "/nonexistent"},
}


@pytest.mark.system
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX")
@pytest.mark.parametrize("place", PLACES)
def test_a_read_only_installation_brings_its_kernels_along(place, installed, small_sheet, tmp_path):
    site = Path(shutil.copytree(installed, tmp_path / "site"))
    folders = [site, *(path for path in site.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert compiled(site, small_sheet, tmp_path / "out", *QUICK, **PLACES[place]) == set()
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.system
def test_a_copy_compiles_once_where_it_may_write(installed, small_sheet, tmp_path):
    without = tmp_path / "site"
    shutil.copytree(installed, without)
    for path in (without / "phylometa/copy_number").rglob("_kernels.resampled_distances-*.nb?"):
        path.unlink()
    # the patient does call kernels: without the compiled ones they are compiled, and found in NUMBA_CACHE_DIR after
    first = compiled(without, small_sheet, tmp_path / "first", *QUICK, NUMBA_CACHE_DIR=str(tmp_path / "kept"))
    assert "resampled_distances" in first
    assert list((tmp_path / "kept").rglob("*.nbi"))
    assert compiled(without, small_sheet, tmp_path / "second", *QUICK, NUMBA_CACHE_DIR=str(tmp_path / "kept")) == set()


def test_kernels_are_compiled_by_one_decorator_only():
    for path in Path(phylometa.__file__).parent.rglob("*.py"):
        if path.name != "compiled.py":
            text = path.read_text(encoding="utf-8")
            assert "import njit" not in text.replace("from phylometa.model.compiled import njit", ""), path
            assert "numba.njit" not in text or path.name == "compiled.py", path


def folders(monkeypatch, tmp_path, **environment):
    """Own folder for compiled code in an environment, with a package that cannot be written."""
    compiled_code = pytest.importorskip("phylometa.model.compiled")
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(compiled_code.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    compiled_code._own_folder.cache_clear()
    found = compiled_code._own_folder(Path("/proc/none/__pycache__"))
    compiled_code._own_folder.cache_clear()
    return found


def test_compiled_code_is_kept_in_the_first_place_that_can_be_written(monkeypatch, tmp_path):
    (tmp_path / "tmp").mkdir()
    assert folders(monkeypatch, tmp_path, NUMBA_CACHE_DIR=tmp_path / "n").parent == tmp_path / "n"
    assert folders(monkeypatch, tmp_path, HOME=tmp_path / "h").is_relative_to(tmp_path / "h/.cache/phylometa")
    assert folders(monkeypatch, tmp_path, XDG_CACHE_HOME=tmp_path / "x").is_relative_to(tmp_path / "x/phylometa")
    assert folders(monkeypatch, tmp_path, HOME="/proc").is_relative_to(tmp_path / "tmp")
    assert folders(monkeypatch, tmp_path).is_relative_to(tmp_path / "tmp")


def test_a_folder_that_others_can_write_is_not_trusted(monkeypatch, tmp_path):
    (tmp_path / "tmp").mkdir()
    found = folders(monkeypatch, tmp_path)
    found.parent.chmod(0o777)
    assert folders(monkeypatch, tmp_path) is None
