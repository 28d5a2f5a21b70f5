"""Installations that nobody may write, other packages of the same name, and parents that are killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import phylometa
from attack_kinds.ground import Ground, Try, call, is_clean

PACKAGE = Path(phylometa.__file__).resolve().parent
MAX_COMPILED = 5.0
# Seconds that a run compiled, on the last line of stdout.
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
FILL = 'mount -t tmpfs -o size=16k tmpfs "$TMPDIR" && cat /dev/zero >"$TMPDIR/full" 2>/dev/null; exec "$@"'
FULL = ("unshare", "--mount", "sh", "-c", FILL, "sh")
PLACES: dict[str, dict[str, str | None]] = {
    "a user like any other": {},
    "HOME not writable": {"HOME": "/proc"},
    "HOME is not there": {"HOME": "/nonexistent"},
    "HOME relative": {"HOME": "."},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None},
    "XDG_CACHE_HOME not writable": {"XDG_CACHE_HOME": "/proc"},
    "NUMBA_CACHE_DIR not writable": {"NUMBA_CACHE_DIR": "/proc/none"},
    "TMPDIR not writable": {"HOME": "/proc", "TMPDIR": "/proc"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C"},
    "LC_ALL unknown": {"LC_ALL": "xx_YY.UTF-9"},
}


def installations(ground: Ground) -> Iterator[Try]:
    """A first run with a package that is read-only, in every place; it may not compile for more than 5 s."""

    site = ground.folder / "site"
    shutil.copytree(PACKAGE, site / "phylometa")
    kernels = [sys.executable, "-m", "phylometa.pipeline.kernel_cache"]
    # what the package does not bring is compiled as the wheel's build does
    subprocess.run(kernels, env=_environment(site, {}), cwd=site, check=True, capture_output=True)
    for folder in [site, *(path for path in site.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)

    def runs(changes: dict[str, str | None], prefix: Sequence[str] = ()) -> bool:
        place = ground.place()
        arguments = ["run", str(ground.sheet), "-o", str(place / "o"), "--no-plots", "--config", str(ground.quick)]
        command = [sys.executable, "-c", LISTEN, *arguments]
        if os.geteuid() == 0:
            command = [sys.executable, "-c", AS_OTHERS, *command]
        command = [*prefix, *command]
        done = subprocess.run(command, env=_environment(site, changes), cwd=place, capture_output=True, text=True)
        seconds = float(done.stdout.split()[-1])
        return done.returncode == 0 and is_clean(0, done.stderr) and seconds < MAX_COMPILED

    for name, changes in PLACES.items():
        yield name, lambda c=changes: runs(c)
    if not subprocess.run([*FULL, "true"], env={**os.environ, "TMPDIR": str(ground.place())}).returncode:
        yield "TMPDIR full", lambda: runs({"HOME": "/proc", "TMPDIR": str(ground.place())}, FULL)


def _environment(site: Path, changes: dict[str, str | None]) -> dict[str, str]:
    wanted = {**os.environ, "PYTHONPATH": str(site), "NUMBA_CACHE_DIR": None, "PYTHONDONTWRITEBYTECODE": "1", **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def killed_parents(ground: Ground) -> Iterator[Try]:
    """A run with workers is killed: they end with it, and nothing half-written stays after the next run begins."""

    rows = ground.sheet.read_text().splitlines()
    sheet = ground.sheet.with_name("several.tsv")
    others = [row.replace("P\t", f"{name}\t", 1) for name in "QRS" for row in rows[1:]]
    sheet.write_text("\n".join([*rows, *others]) + "\n")

    def ends(number: signal.Signals, after: float) -> bool:
        output = ground.place() / "o"
        command = [sys.executable, "-m", "phylometa", "run", str(sheet), "-o", str(output), "--jobs", "2", "--no-plots"]
        process = subprocess.Popen(
            [*command, "--config", str(ground.quick)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        time.sleep(after)
        process.send_signal(number)
        _, text = process.communicate(timeout=120)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            os.killpg(process.pid, signal.SIGKILL)
            return False
        return is_clean(0, text)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        for after in (0.5, 4.0):
            yield f"{number.name} after {after} s", lambda n=number, a=after: ends(n, a)


METADATA = {
    "trees and sample metadata": "Metadata-Version: 2.1\nName: phylometa\nVersion: 0.1.0\nSummary: Trees of samples\n",
    "no summary": "Metadata-Version: 2.1\nName: phylometa\nVersion: 0.1.0\n",
    "no version": "Metadata-Version: 2.1\nName: phylometa\nSummary: x\n",
    "no name": "Summary: x\n",
    "an empty file": "",
    "bytes that are no text": "\udcff\udcfe\n",
    "no file": None,
}


def namesakes(ground: Ground) -> Iterator[Try]:
    """Somebody else's package `phylometa` in the environment; hints that would install it."""

    def noticed(text: str | None) -> bool:
        place = ground.place()
        info = place / "site" / "phylometa-0.1.0.dist-info"
        info.mkdir(parents=True)
        if text is not None:
            (info / "METADATA").write_bytes(text.encode("utf-8", "surrogateescape"))
        counts = [f"m{i}\tA\t{60 - i}\t{40 + i}\n" for i in range(5)]
        (place / "c.tsv").write_text("mutation_id\tsample_id\tref_counts\talt_counts\n" + "".join(counts))
        (place / "s.tsv").write_text("patient\tsample\tsite\tcounts\tpurity\nP\tA\tcolon\tc.tsv\t0.8\n")
        arguments = ("run", place / "s.tsv", "-o", place / "o", "--no-plots", "--config", ground.quick)
        with mock.patch.object(sys, "path", [str(place / "site"), *sys.path]):
            status, printed = call(*arguments)
        is_said = "another project's package phylometa" in printed
        return status == 0 and is_clean(status, printed) and is_said

    for name, text in METADATA.items():
        yield f"metadata: {name}", lambda t=text: noticed(t)

    def is_ours(line: str) -> bool:
        return not re.search(r"pip3? install [^`&|;]*\bphylometa(?!-cancer)\b", line)

    pages = [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("docs/**/*.md"), *PACKAGE.parent.glob("*.md")]
    for page in sorted(pages):
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(r"pip3? install", line):
                yield f"{page.name}, line {number}", lambda li=line: is_ours(li)
