"""Commands and examples of the Markdown pages, and how they are run.

A fenced block of kind `bash` holds commands, one of kind `python` a script. They are run in order, all blocks of a page
in one directory, by the tests (tests/project/test_docs.py) and, for the tutorial, whenever the site is built. A block
of kind `console` shows commands after `$ ` and what they print; the output must hold the lines shown, `...` standing
for anything. A comment `<!-- not run: REASON -->` above a block says why it is not.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TUTORIAL_FIGURES", "Block", "blocks_of", "check_output", "run_block", "run_page"]

ROOT = Path(__file__).resolve().parent.parent
# Folders of this checkout that commands name; they are linked into a page's directory.
SHARED_FOLDERS = ("benchmarks", "docs", "sample_data")
RUN_KINDS = ("bash", "console", "python")
FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>```+)(?P<kind>[^`\s]*)\s*$")
PROMPT = re.compile(r"[$>]( |$)")
NOT_RUN = re.compile(r"<!--\s*not run:\s*(?P<reason>.+?)\s*-->")
# Figure in docs/images -> where the tutorial's commands write it.
TUTORIAL_FIGURES = {
    "tutorial_migration_graph.png": "results/P01/figures/migration_graph.png",
    "tutorial_clone_tree.png": "results/P01/figures/clone_tree.png",
    "tutorial_timeline.png": "results/P01/figures/timeline.png",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Parameters
    ----------
    page : Path
    line : int
        Line of the opening fence.
    kind : str
        The word after the fence.
    text : str
    not_run : str
        Why it is not run; empty where it is.
    """

    page: Path
    line: int
    kind: str
    text: str
    not_run: str = ""

    @property
    def is_run(self) -> bool:
        return self.kind in RUN_KINDS and not self.not_run

    @property
    def commands(self) -> str:
        """The commands alone."""
        if self.kind != "console":
            return self.text
        return "".join(f"{line[2:]}\n" for line in self.text.splitlines() if PROMPT.match(line))

    @property
    def output(self) -> list[str]:
        """Lines that the commands print (`console` only)."""
        return [line for line in self.text.splitlines() if not PROMPT.match(line)]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    blocks = []
    reason, opening, lines = "", None, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        match = FENCE.match(line)
        if opening is None:
            if match:
                opening = (number, match["kind"], match["fence"])
                lines = []
            elif found := NOT_RUN.search(line):
                reason = found["reason"]
            elif line.strip():
                reason = ""
        elif match and match["fence"] == opening[2] and not match["kind"]:
            blocks.append(Block(page, opening[0], opening[1], "".join(f"{text}\n" for text in lines), reason))
            opening, reason = None, ""
        else:
            lines.append(line)
    return blocks


def environment() -> dict[str, str]:
    """The environment of the commands: this interpreter's programs first, this checkout's package."""
    bin_folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}", "MPLBACKEND": "agg"}


def run_block(block: Block, folder: Path, *, extra: Mapping[str, str] | None = None, timeout: float = 600) -> str:
    """Run a block's commands in `folder`; what they print.

    Raises
    ------
    AssertionError
        Where a command fails, or prints something else than the page shows.
    """
    is_script = block.kind == "python"
    # a script imports the package that is installed, with its kernels, not a link to the sources in `folder`
    own = {"PYTHONSAFEPATH": "1"} if is_script else {}
    done = subprocess.run(
        [sys.executable, "-c", block.text] if is_script else ["bash", "-euc", block.commands],
        cwd=folder,
        env={**environment(), **own, **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    where = f"{block.page.name}, line {block.line}"
    assert done.returncode == 0, f"{where}: status {done.returncode}\n{block.commands}\n{done.stdout[-3000:]}"
    if block.kind == "console":
        check_output(block, done.stdout)
    return done.stdout


def check_output(block: Block, text: str) -> None:
    """AssertionError where the commands of a `console` block printed `text`, and that is not what the page shows."""
    printed = [line.rstrip() for line in text.splitlines()]
    position = 0
    for line in (line.rstrip() for line in block.output if line.strip()):
        if line == "...":
            continue
        pattern = re.sub(r"\[", "[[]", line).replace("...", "*")
        while position < len(printed) and not fnmatch.fnmatchcase(printed[position], pattern):
            position += 1
        where = f"{block.page.name}, line {block.line}"
        assert position < len(printed), f"{where}: not printed: {line}\nprinted:\n{text[-3000:]}"
        position += 1


def run_page(page: Path, folder: Path, *, unshown: Mapping[str, str] | None = None) -> int:
    """Run all commands and scripts of a page in a fresh `folder`; the number of blocks run.

    `unshown` is added to the environment of blocks of kind `bash`, of which the page shows no output.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SHARED_FOLDERS:
        (folder / name).symlink_to(ROOT / name)
    blocks = [block for block in blocks_of(page) if block.is_run]
    for block in blocks:
        run_block(block, folder, extra=unshown if block.kind == "bash" else None)
    return len(blocks)
