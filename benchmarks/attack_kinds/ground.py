"""Where attacks are made: a finished result to copy, scratch folders, and what a command said."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from phylometa.cli import _invoke

Try = tuple[str, Callable[[], bool]]
# Short chains: what is attacked is not the posterior.
QUICK = """[trees]
chains = 2
sweeps = 20
rounds = 4
joint_moves = 4000
joint_chains = 2
joint_draws = 60
max_scenarios = 100
[timing]
draws = 400
"""


def call(*arguments: object) -> tuple[int, str]:
    """Exit status and everything printed of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _invoke([str(argument) for argument in arguments])
    return status, out.getvalue() + err.getvalue()


def is_clean(status: int, text: str) -> bool:
    """No internal error and no blame on ourselves."""
    return "internal error" not in text and "defect" not in text and "Traceback" not in text


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


class Ground:
    """`folder` is scratch, `result` a finished patient's directory, `sheet` its sheet, `quick` the settings used."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self._number = folder, random.Random(seed), 0
        self.quick = folder / "quick.toml"
        self.quick.write_text(QUICK)
        simulate = ("pattern=polyclonal", "distant_sites=2", "mutation_rate=0.0002", "primary_clones=3", "patient=P")
        settings = [text for pair in simulate for text in ("--set", pair)]
        assert call("simulate", "-o", folder / "patient", *settings)[0] == 0
        self.sheet = folder / "patient/samples.tsv"
        status, text = call("run", self.sheet, "-o", folder / "out", "--no-plots", "--config", self.quick)
        assert status == 0, text
        self.result = folder / "out/P"

    def place(self) -> Path:
        """A fresh folder."""
        self._number += 1
        path = self.folder / f"try{self._number}"
        path.mkdir()
        return path

    def clear(self) -> None:
        """Remove what the tries so far have left."""
        for path in self.folder.glob("try*"):
            shutil.rmtree(path, ignore_errors=True)

    def copy(self) -> Path:
        """A fresh copy of the result."""
        return Path(shutil.copytree(self.result, self.place() / "P"))
