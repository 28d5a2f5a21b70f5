"""Packages: built, installed and tried in clean environments.

    python .ci/packages.py build DIR                   sdist and wheel, in DIR/dist
    python .ci/packages.py needs [EXTRA]...            what setup.cfg requires, as pip reads it
    python .ci/packages.py matrix [--python PATH]...   sdist and wheel on every Python found: the demo, offline
    python .ci/packages.py installers [--few] [--python PATH]    sdist and wheel by pip, uv and pipx, each apart: the
                                                       demo, or with --few that the bundled patient is read
    python .ci/packages.py lowest [--few] [--python PATH]    the lowest dependencies that setup.cfg allows, and the fast
                                                       suite, or a few tests that use each of them and run a patient
    python .ci/packages.py places [--python PATH]      a read-only installation of the wheel: the demo without HOME, as
                                                       another user, with a full TMPDIR, ...; what it compiled
    python .ci/packages.py new-user                    README's commands, timed: from pip install to the demo's report,
                                                       and from an own VCF to the report
    python .ci/packages.py recipe SDIST                the conda recipe of docs/examples/bioconda, with its checksum

`matrix`, `installers`, `places` and `new-user` print a table. Pythons are looked for as python3.X and in pyenv's
folder; `--python` names others.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "_build")
)
INSTALLERS = ("pip", "uv", "pipx")
# Needed to run the tests against the lowest dependencies, themselves not part of what is tested.
TEST_TOOLS = ("pytest>=7.4", "hypothesis>=6.80")
# Every dependency is used by one of these, and a small patient goes through every stage, figure, file and page.
FEW_TESTS = ("cli/test_run.py", "io/test_variants.py", "io/test_export.py", "plots/test_plots.py", "qc")


def run(*command: object, cwd: Path | None = None, quiet: bool = True, **environment: str) -> str:
    """Run a command; what it printed. RuntimeError with its output where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout[-4000:]}")
    if not quiet:
        print(done.stdout, end="")
    return done.stdout


def find_pythons() -> list[Path]:
    """An interpreter of every supported version that this machine has."""
    found = []
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}")]
        for candidate in filter(None, candidates):
            try:
                run(candidate, "-c", f"import sys, venv; assert sys.version.startswith('{version}.')")
            except (RuntimeError, OSError):
                continue
            found.append(Path(candidate))
            break
    return found


def build(folder: Path, python: Path | str = sys.executable) -> tuple[Path, Path]:
    """(sdist, wheel) of this checkout; the wheel is built from the sdist, so that the sdist is known to be complete."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    tools = folder / "build-venv"
    run(python, "-m", "venv", tools)
    run(tools / "bin/pip", "install", "--quiet", "build")
    run(tools / "bin/python", "-m", "build", "--outdir", folder / "dist", source)
    return built(folder / "dist")


def built(folder: Path) -> tuple[Path, Path]:
    """(sdist, wheel) in a folder that holds one of each."""
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def check_contents(sdist: Path, wheel: Path) -> None:
    """Nothing that is needed is missing, nothing that belongs elsewhere is in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    own = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "phylometa").rglob("*")
        if path.is_file()
        and path.suffix in (".py", ".j2", ".css", ".js", ".tsv", ".typed", ".gz", ".json", ".md", ".txt")
    }
    assert "phylometa/py.typed" in names
    assert not own - names, f"not in the wheel: {sorted(own - names)}"
    foreign = {name.split("/")[0] for name in names if ".dist-info/" not in name} - {"phylometa"}
    assert not foreign, f"in the wheel: {foreign}"
    assert any(name.endswith(".nbi") for name in names), "no compiled kernels in the wheel"
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    needed = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "setup.cfg", ".ci/run", "docs/conf.py"}
    for name in ("tests", "sample_data", "benchmarks", "docs"):
        needed |= {
            str(path.relative_to(ROOT))
            for path in (ROOT / name).rglob("*")
            if path.is_file() and not {"__pycache__", "_build"} & set(path.parts)
        }
    assert not needed - inside, f"not in the sdist: {sorted(needed - inside)}"


def offline() -> list[str]:
    """A prefix under which a command has no network; empty where the system offers none."""
    prefix = ["unshare", "--map-root-user", "--net"]
    try:
        run(*prefix, "true")
    except (RuntimeError, OSError):
        return []
    return prefix


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def install_and_run(python: Path, package: Path, folder: Path) -> dict[str, object]:
    """A clean environment, the package with its newest dependencies, the demo without a network; what it took."""
    venv = folder / "venv"
    run(python, "-m", "venv", "--clear", venv)
    started = time.monotonic()
    run(venv / "bin/pip", "install", "--quiet", package)
    installed = time.monotonic()
    begun = cpu_of_children()
    run(*offline(), venv / "bin/phylometa", "demo", cwd=folder, MPLCONFIGDIR=str(folder / "mpl"))
    made = folder / "phylometa-demo/DEMO"
    assert (made / "report.html").stat().st_size > 100_000
    assert all((made / f"figures/migration_graph.{kind}").is_file() for kind in ("svg", "pdf", "png"))
    packages = dict(line.split("==") for line in run(venv / "bin/pip", "freeze").splitlines() if "==" in line)
    shutil.rmtree(folder / "phylometa-demo")
    return {
        "python": run(venv / "bin/python", "-c", "import platform; print(platform.python_version())").strip(),
        "package": package.name.rsplit(".", 2)[-2] + "." + package.name.rsplit(".", 1)[-1]
        if package.name.endswith(".tar.gz")
        else "wheel",
        "install": installed - started,
        "demo": time.monotonic() - installed,
        "cpu": cpu_of_children() - begun,
        "versions": ", ".join(f"{name} {packages[name]}" for name in ("numpy", "scipy", "numba") if name in packages),
    }


def matrix(pythons: Sequence[Path]) -> None:
    """Wheel and sdist on every Python."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sdist, wheel = build(folder)
        check_contents(sdist, wheel)
        print(f"{wheel.name} {wheel.stat().st_size / 1e6:.1f} MB, {sdist.name} {sdist.stat().st_size / 1e6:.1f} MB")
        print(f"network of the demo: {'none (own network namespace)' if offline() else 'not cut off on this system'}")
        print("\n| Python | package | install, s | demo, s | demo, CPU s | newest dependencies |")
        print("|---|---|---|---|---|---|")
        for python in pythons:
            for package in (wheel, sdist):
                row = install_and_run(python, package, folder)
                print(
                    f"| {row['python']} | {row['package']} | {row['install']:.0f} | {row['demo']:.0f} | "
                    f"{row['cpu']:.0f} | {row['versions']} |",
                    flush=True,
                )


def install_with(tool: str, package: Path, python: Path, tools: Path, folder: Path) -> Path:
    """The command `phylometa` of a package that a tool has put into `folder`, apart from all others."""
    binaries = folder / "bin"
    if tool == "pip":
        run(python, "-m", "venv", folder)
        run(folder / "bin/pip", "install", "--quiet", package)
    elif tool == "uv":
        places = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(binaries)}
        run(tools / "uv", "tool", "install", "--python", python, package, **places)
    elif tool == "pipx":
        places = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(binaries), "PIPX_MAN_DIR": str(folder / "man")}
        run(tools / "pipx", "install", "--python", python, package, **places)
    return binaries / "phylometa"


def installers(python: Path, built_in: Path | None = None, *, quick: bool = False) -> list[dict[str, object]]:
    """sdist and wheel by every tool of `INSTALLERS` that can be had: what it took, and that the demo runs.

    `quick`: the bundled patient is read, not analysed.
    """
    trial = ("validate", ROOT / "phylometa/demo_patient/samples.tsv") if quick else ("demo", "--no-plots")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        packages = built(built_in) if built_in else build(folder)
        tools = folder / "installers"
        run(python, "-m", "venv", tools)
        for tool in INSTALLERS:
            try:
                if tool != "pip":
                    run(tools / "bin/pip", "install", "--quiet", tool)
            except RuntimeError:
                rows.append({"tool": f"{tool}: cannot be installed here"})
                continue
            version = run(tools / "bin" / tool, "--version").split()[0 if tool == "pipx" else 1]
            for package in packages:
                place = folder / f"{tool}-{package.suffix}"
                begun = time.monotonic()
                command = install_with(tool, package, python, tools / "bin", place)
                installed = time.monotonic()
                printed = run(command, "--version", cwd=folder)
                run(command, *trial, cwd=place)
                assert quick or (place / "phylometa-demo/DEMO/report.html").stat().st_size > 100_000
                rows.append(
                    {
                        "tool": f"{tool} {version}",
                        "package": "wheel" if package.suffix == ".whl" else "sdist",
                        "install, s": round(installed - begun),
                        trial[0] + ", s": round(time.monotonic() - installed),
                        "phylometa": printed.split()[-1],
                    }
                )
                shutil.rmtree(place)
    return rows


def requirements(extras: Sequence[str] = ()) -> list[str]:
    """What setup.cfg requires, with extras."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    return [line.strip() for text in lists for line in text.splitlines() if line.strip()]


def lowest_bounds() -> list[str]:
    """`name==bound` for every dependency of setup.cfg (`name>=bound`)."""
    found = re.findall(r"^([\w-]+)>=([\w.]+)", "\n".join(requirements()), re.M)
    return [f"{name}=={bound}" for name, bound in found]


def lowest(python: Path, *, few: bool = False) -> None:
    """The lowest dependencies, then the fast suite or `FEW_TESTS`."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "source"
        shutil.copytree(ROOT, source, ignore=LEFT_OUT)
        run(python, "-m", "venv", folder / "venv")
        pip = folder / "venv/bin/pip"
        run(pip, "install", "--quiet", *lowest_bounds(), *TEST_TOOLS)
        # kernels for the newest Numba are of no use here
        run(pip, "install", "--quiet", "--no-deps", source, PHYLOMETA_COMPILE="0")
        run(pip, "check")
        print(run(folder / "venv/bin/python", "--version").strip(), "with", ", ".join(lowest_bounds()), flush=True)
        # the tests that lint need ruff and mypy, which are no dependencies; the package itself is the installed one
        shutil.rmtree(source / "phylometa")
        begun = cpu_of_children()
        # a warning of an old dependency about a newer one is not ours
        tests = [f"tests/{name}" for name in FEW_TESTS] if few else []
        pytest = (folder / "venv/bin/pytest", "-p", "no:cacheprovider", "-W", "default", *tests)
        kept = {"NUMBA_CACHE_DIR": str(folder / "kernels")}
        print(run(*pytest, cwd=source, **kept).rstrip().splitlines()[-1])
        print(f"{cpu_of_children() - begun:.0f} s of CPU")


def recipe(sdist: Path) -> str:
    """The conda recipe, with the SHA-256 of an sdist in the place that is left for it."""
    text = (ROOT / "docs/examples/bioconda/meta.yaml").read_text(encoding="utf-8")
    made = text.replace("{{ sha256 }}", hashlib.sha256(sdist.read_bytes()).hexdigest())
    return made.split("#}\n", 1)[1]  # without the comment that says how it is made


# Seconds that the command compiled, on the last line of stdout.
LISTEN = """
import sys, time
from numba.core import event

class Clock(event.Listener):
    seconds = depth = started = 0
    def on_start(self, happened):
        if not self.depth: self.started = time.perf_counter()
        self.depth += 1
    def on_end(self, happened):
        self.depth -= 1
        if not self.depth: self.seconds += time.perf_counter() - self.started

clock = Clock()
event.register("numba:compile", clock)
from phylometa.cli import _invoke
status = _invoke(sys.argv[1:])
print(clock.seconds)
sys.exit(status)
"""
# Root writes everywhere; without this capability the modes of files hold for it too.
AS_OTHERS = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
FULL = 'mount -t tmpfs -o size=16k tmpfs "$TMPDIR" && cat /dev/zero >"$TMPDIR/full" 2>/dev/null; exec "$@"'
ANOTHER_USER = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
# Name -> (prefix of the command, changes of the environment; None takes a variable away).
PLACES: dict[str, tuple[tuple[str, ...], dict[str, str | None]]] = {
    "HOME that cannot be written": ((), {"HOME": "/proc"}),
    "another user": (ANOTHER_USER, {"HOME": "/nonexistent"}),
    "no HOME": ((), {"HOME": None, "XDG_CACHE_HOME": None}),
    "a full TMPDIR": (("unshare", "--mount", "sh", "-c", FULL, "sh"), {"HOME": "/proc", "TMPDIR": "full"}),
    "LANG=C": ((), {"LANG": "C", "LC_ALL": "C"}),
}
MAX_COMPILED = 5.0


def places(python: Path) -> bool:
    """The demo of a read-only installation in every place; whether each ran, compiling for less than 5 s."""
    held = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        chosen = os.environ.get("PHYLOMETA_DIST")
        _, wheel = built(Path(chosen)) if chosen else build(folder, python)
        venv = folder / "venv"
        run(python, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "--quiet", wheel)
        for path in (venv, *venv.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o555)
        print("| place | the demo | wall, s | CPU, s | compiled, s |\n|---|---|---|---|---|")
        for number, (name, (prefix, changes)) in enumerate(PLACES.items()):
            place = folder / f"place{number}"
            (place / "full").mkdir(parents=True)
            place.chmod(0o777)
            wanted = {**os.environ, "NUMBA_CACHE_DIR": None, "PYTHONPATH": None, **changes}
            if "TMPDIR" in changes:
                wanted["TMPDIR"] = str(place / "full")
            environment = {key: value for key, value in wanted.items() if value is not None}
            interpreter = str(venv / "bin/python")
            command = [*prefix, interpreter, "-c", LISTEN, "demo"]
            if os.geteuid() == 0 and prefix != ANOTHER_USER:
                command = [*prefix, interpreter, "-c", AS_OTHERS, interpreter, "-c", LISTEN, "demo"]
            if prefix and subprocess.run([*prefix, interpreter, "-c", ""], env=environment).returncode:
                print(f"| {name} | not possible on this system | | | |", flush=True)
                continue
            wall, cpu = time.monotonic(), cpu_of_children()
            done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
            compiled = float(done.stdout.split()[-1]) if not done.returncode else float("inf")
            is_there = (place / "phylometa-demo/DEMO/report.html").is_file()
            held &= is_there and compiled < MAX_COMPILED
            cost = f"{time.monotonic() - wall:.0f} | {cpu_of_children() - cpu:.0f} | {compiled:.1f}"
            print(f"| {name} | {'runs' if is_there else done.stderr.strip()[-300:]} | {cost} |", flush=True)
        for path in (venv, *venv.rglob("*")):  # to be removed
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
    return held


def new_user(python: Path) -> None:
    """README's commands only, in a fresh environment: to the demo's report, and from an own VCF to the report."""
    steps: list[tuple[str, float, float]] = []

    def step(name: str, *command: object, cwd: Path) -> None:
        wall, cpu = time.monotonic(), cpu_of_children()
        run(*command, cwd=cwd)
        steps.append((name, time.monotonic() - wall, cpu_of_children() - cpu))

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
        bin_folder = folder / ".venv/bin"
        step("python3 -m venv .venv", python, "-m", "venv", folder / ".venv", cwd=folder)
        step("pip install .", bin_folder / "pip", "install", "-q", ".", cwd=folder / "source")
        step("phylometa demo", bin_folder / "phylometa", "demo", cwd=folder)
        assert (folder / "phylometa-demo/DEMO/report.html").is_file()
        demo = len(steps)
        # the own files: the bundled patient's VCF and segments, and a sheet written by hand
        own = folder / "own"
        shutil.copytree(ROOT / "phylometa/demo_patient", own)
        step("phylometa validate samples.tsv", bin_folder / "phylometa", "validate", "samples.tsv", cwd=own)
        command = (bin_folder / "phylometa", "run", "samples.tsv", "-o", "results")
        step("phylometa run samples.tsv -o results", *command, cwd=own)
        assert (own / "results/DEMO/report.html").is_file()
    print("| step | wall, s | CPU, s |\n|---|---|---|")
    for name, wall, cpu in steps:
        print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    for name, part in (
        ("from pip install to the demo's report", steps[:demo]),
        ("from own VCF to report", steps[demo:]),
    ):
        print(f"| **{name}** | **{sum(s[1] for s in part):.1f}** | **{sum(s[2] for s in part):.1f}** |")


WHATS = ("build", "needs", "matrix", "installers", "lowest", "places", "new-user", "recipe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(WHATS))
    parser.add_argument("names", nargs="*", help="build: the folder in which; needs: extras; recipe: the sdist")
    parser.add_argument("--few", action="store_true", help="lowest, installers: a few tests instead of all")
    parser.add_argument("--python", type=Path, action="append", help="interpreter to use; may be repeated")
    chosen = parser.parse_args()
    if chosen.what == "build":
        if len(chosen.names) != 1:
            parser.error("build needs a folder")
        made = build(Path(chosen.names[0]))
        check_contents(*made)
        print(*made, sep="\n")
        return
    if chosen.what == "needs":
        print(*requirements(chosen.names), sep="\n")
        return
    if chosen.what == "recipe":
        if len(chosen.names) != 1:
            parser.error("recipe needs an sdist")
        print(recipe(Path(chosen.names[0])), end="")
        return
    pythons = chosen.python or find_pythons()
    if not pythons:
        raise SystemExit("no supported Python was found; name one by --python")
    if chosen.what == "matrix":
        matrix(pythons)
    elif chosen.what == "installers":
        rows = installers(pythons[0] if chosen.python else Path(sys.executable), quick=chosen.few)
        print(f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|", sep="\n")
        for row in rows:
            print(f"| {' | '.join(map(str, row.values()))} |")
    elif chosen.what == "lowest":
        lowest(pythons[0] if chosen.python else Path(sys.executable), few=chosen.few)
    elif chosen.what == "places":
        raise SystemExit(not places(pythons[0] if chosen.python else Path(sys.executable)))
    else:
        new_user(Path(sys.executable) if not chosen.python else pythons[0])


if __name__ == "__main__":
    main()
