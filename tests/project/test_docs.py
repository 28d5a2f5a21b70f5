"""The pages: links hold, commands and examples run, options that are named exist, the site builds without a warning."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from shared_runs import REAL_COMMANDS, made_once
from small_patients import TINY, simulate_small, write_quick_command

import phylometa
from phylometa.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the pages are not here", allow_module_level=True)
sys.path.insert(0, str(DOCS))
from run_pages import RUN_KINDS, SHARED_FOLDERS, TUTORIAL_FIGURES, blocks_of, check_output, run_block, run_page  # noqa: E402

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample_data/README.md")),
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
# Words of commands in the text that stand for what the reader puts there.
INLINE = re.compile(r"`((?:PHYLOMETA_DATA=\S+ )?(?:phylometa|python|pytest|pip)\b[^`]*)`")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "phylometa").rglob("*.py")
    if re.search(r">>> (?!.*SKIP)", path.read_text(encoding="utf-8"))
)


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return re.sub(r"(?ms)^(```+).*?^\1\s*$", "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and the site make them."""
    found = set()
    for line in prose(page).splitlines():
        if match := re.match(r"#{1,6}\s+(.*)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()
            found.add(re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text).strip()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_internal_link_holds(page):
    broken = []
    for match in LINK.finditer(prose(page)):
        target = match[1] or match[2]
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            broken.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(file):
            broken.append(f"{target}: no such heading")
    assert not broken, broken


def test_every_page_can_be_reached_from_the_index():
    linked = {(DOCS / (match[1] or match[2])).resolve() for match in LINK.finditer(prose(DOCS / "index.md"))}
    pages = {path for path in PAGES if DOCS in path.parents} - {DOCS / "index.md"}
    assert not pages - linked


@pytest.mark.parametrize("page", sorted((DOCS / "methods").glob("*.md")), ids=lambda page: page.stem)
def test_a_method_page_says_what_it_must(page):
    """Formula or rule, function, source, assumptions, and when not to trust it."""
    text = page.read_text(encoding="utf-8")
    headings = " | ".join(re.findall(r"^## (.*)$", text, re.M)).lower()
    assert "assumptions" in headings
    assert "when not to trust" in headings
    assert re.search(r"doi:|10\.\d{4}/|et al\.|\d{4}, ", text), "no source"
    assert re.search(r"`[a-z_]+(\.[a-z_]+)*`", text), "no function"


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_options_named_in_the_text_exist(page):
    wrong = []
    for match in INLINE.finditer(prose(page)):
        words = shlex.split(match[1].replace("'", '"').replace("...", ""), comments=True)
        words = [word.strip("[],") for word in words if "=" not in word.split("/")[0] or word.startswith("-")]
        if words[0] == "phylometa" and len(words) > 1 and not words[1].startswith("-") and words[1] != "COMMAND":
            command = cli.get_command(click.Context(cli), words[1])
            if command is None:
                wrong.append(f"{match[1]}: no command {words[1]}")
                continue
            known = options_of(command)
            wrong += [f"{match[1]}: no option {word}" for word in words if word.startswith("-") and word not in known]
        elif words[0] in ("python", "pytest"):
            files = [word for word in words[1:] if word.endswith(".py")]
            wrong += [f"{match[1]}: no file {file}" for file in files if not (ROOT / file).is_file()]
    assert not wrong, wrong


def test_fenced_commands_say_what_they_are():
    """A block without a kind is no command; one that is not run says why."""
    commands = re.compile(r"^\s*\$?\s*(phylometa|python3?|pip|pytest|\.venv/bin/\S+) ", re.M)
    wrong = [
        f"{page.name}, line {block.line}: commands in a block of kind {block.kind!r}"
        for page in PAGES
        for block in blocks_of(page)
        if block.kind not in (*RUN_KINDS, "text") and commands.search(block.text) and not block.not_run
    ]
    assert not wrong, wrong


def test_the_page_of_commands_is_what_help_prints():
    from make_commands import PAGE, commands_page

    assert PAGE.read_text(encoding="utf-8") == commands_page(), "run python docs/make_commands.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_manual(name):
    """Every option has a sentence; what has a default says it; the command has an example."""
    command = cli.get_command(click.Context(cli), name)
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts[0]}: no help"
            has_default = isinstance(option.default, (str, int, float)) and not option.is_flag
            says = "default" in option.help or option.show_default
            assert says or not has_default, f"{name} {option.opts[0]}: default not shown"
    with click.Context(command, info_name=name) as context:
        assert f"phylometa {name}" in command.get_help(context).split("Options:")[0].split("\n", 1)[1], "no example"


def test_public_names_are_on_the_page_of_python():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. auto(?:function|class):: (\w+)$", text, re.M))
    assert named == set(phylometa.__all__) - {"__version__"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_hold(name):
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert tried > 0
    assert failed == 0


# --- what takes longer


@pytest.fixture(scope="session")
def own_files(tmp_path_factory):
    """A small patient's and a small cohort's files, under the names that the pages use."""

    def simulate(folder):
        simulate_small(folder / "one", name="P01", extra=TINY)
        simulate_small(folder / "many", name="C", patients=3, extra=TINY)

    return made_once(tmp_path_factory, "own", simulate)


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory):
    """The folder in which the tutorial's commands were run."""

    def make(folder):
        run_page(DOCS / "tutorial.md", folder / "made", unshown=quick_path(folder))

    return made_once(tmp_path_factory, "tutorial", make) / "made"


def quick_path(folder):
    """The PATH on which `phylometa run` makes short chains, by a command that is put into `folder`."""
    write_quick_command(folder / "quick")
    return {"PATH": os.pathsep.join((str(folder / "quick"), str(Path(sys.executable).parent), os.environ["PATH"]))}


def place_files(own: Path, folder: Path) -> None:
    """samples.tsv and cohort.tsv with the files they name, and the folders of this checkout that commands name."""
    for source in (own / "one", own / "many"):
        for path in source.iterdir():
            name = "cohort.tsv" if path.parent.name == "many" and path.name == "samples.tsv" else path.name
            if path.name in ("genes.txt", "treatments.tsv") and (folder / path.name).exists():
                continue
            (folder / name).symlink_to(path) if not (folder / name).exists() else None
    for name in (*SHARED_FOLDERS, "tests", "phylometa", "setup.cfg", "pyproject.toml", "README.md", ".ci"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)


RUN_ALONE = [page for page in PAGES if page.name != "tutorial.md" and any(block.is_run for block in blocks_of(page))]


@pytest.mark.system
def test_the_tutorial_runs(tutorial):
    assert [name for name in TUTORIAL_FIGURES.values() if not (tutorial / name).is_file()] == []


@pytest.mark.system
@pytest.mark.parametrize("page", RUN_ALONE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_runs(page, own_files, real_run, tmp_path):
    """All blocks of a page, in order, in one directory with a user's files.

    Where the page shows nothing of what is printed, `run` makes short chains. Runs of bundled patients are shared.
    """
    place_files(own_files, tmp_path)
    quick = quick_path(tmp_path)
    names = {command: name for name, command in REAL_COMMANDS.items()}
    for block in blocks_of(page):
        if block.commands.strip() in names:
            made = real_run(names[block.commands.strip()]).parents[1]
            check_output(block, (made / "printed.txt").read_text(encoding="utf-8"))
        elif block.is_run:
            run_block(block, tmp_path, extra=quick if block.kind == "bash" else None)


def test_runs_of_bundled_patients_are_commands_of_the_pages():
    commands = {block.commands.strip() for page in PAGES for block in blocks_of(page) if block.is_run}
    assert {command for command in REAL_COMMANDS.values() if "sample_data" in command} <= commands


def test_what_is_not_run_is_counted():
    """Blocks with commands that no test can run, with their reasons: a new one is added here on purpose."""
    marked = [
        (str(block.page.relative_to(ROOT)), block.not_run)
        for page in PAGES
        for block in blocks_of(page)
        if block.not_run
    ]
    assert all(len(reason) > 15 for _, reason in marked)
    assert len(marked) == N_NOT_RUN, marked


N_NOT_RUN = 15


@pytest.mark.system
def test_the_site_builds_without_a_warning(tutorial, tmp_path):
    """With the figures of the tutorial as its commands made them."""
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(DOCS),
        str(tmp_path / "site"),
    ]
    environment = {**os.environ, "PHYLOMETA_EXAMPLES": str(tutorial)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    site = tmp_path / "site"
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in PAGES if DOCS in path.parents}
    assert not [page for page in pages if not (site / page).is_file()]
    fetched = [
        (path.name, address)
        for path in site.rglob("*.html")
        for address in re.findall(r'(?:src|<link[^>]*href)="(https?://[^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert not fetched, "the site must be readable without a network"
