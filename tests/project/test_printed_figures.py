"""Figures of README and docs are those that a benchmark printed, or a peer's with its source."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS, BENCHMARKS = ROOT / "docs", ROOT / "benchmarks"
if not DOCS.is_dir() or not BENCHMARKS.is_dir():
    pytest.skip("docs or benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))
import printed  # noqa: E402

FIGURES = printed.read_figures()
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
NUMBER = re.compile(r"(?<![\w.])(?:\d+ of \d+|-?\d*\.\d+)(?![\w.])")
COMMAND = re.compile(r"benchmarks/(\w+\.py)")
# Pages without figures of accuracy: what is looked up, and how things are called, made or put.
WITHOUT = {"api", "architecture", "commands", "export", "formats", "glossary", "index", "results", "style", "faq"}


def tables(text: str) -> list[list[dict[str, str]]]:
    """Tables of a page, a row as {heading: cell}."""
    found: list[list[dict[str, str]]] = []
    for block in re.findall(r"(?m)(?:^\|.*\n)+", text):
        heading, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found.append([dict(zip(heading, row)) for row in rows])
    return found


def is_printed(figure: str, values: list[str]) -> bool:
    """Whether a figure, as rounded on a page, is one of the values."""
    if " of " in figure:
        return figure in values
    decimals = len(figure.partition(".")[2])
    numbers = [float(value) for value in values if re.fullmatch(r"-?\d*\.?\d+(e-?\d+)?", value)]
    # the page and the table may each have rounded half a unit in the last place away
    return any(abs(float(figure) - number) <= 0.5 * 10**-decimals + 1e-9 for number in numbers)


def values_of(command: str) -> list[str]:
    return [part for figure in FIGURES if figure.command == command for part in (figure.value, figure.value.split()[0])]


def peers() -> list[str]:
    with (BENCHMARKS / "peers.tsv").open(newline="", encoding="utf-8") as handle:
        return [row["value"] for row in csv.DictReader(handle, delimiter="\t")]


def test_the_list_has_one_row_per_figure_and_known_commands():
    keys = [(figure.command, figure.row, figure.measure) for figure in FIGURES]
    assert len(keys) == len(set(keys))
    assert all((BENCHMARKS / figure.command).is_file() for figure in FIGURES)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", figure.day) and figure.value for figure in FIGURES)


def test_rows_are_replaced_and_others_stay(tmp_path):
    path = tmp_path / "printed.tsv"
    path.write_text("command\trow\tmeasure\tvalue\tday\na.py\tx\tm\t1\t2026-01-01\nb.py\ty\tm\t2\t2026-01-01\n")
    printed.record("a.py", [("x", "m", "3"), ("z", "m", "4")], path)
    found = {(figure.command, figure.row): figure.value for figure in printed.read_figures(path)}
    assert found == {("a.py", "x"): "3", ("a.py", "z"): "4", ("b.py", "y"): "2"}


def test_rounding_of_a_page_is_allowed_for_and_no_more():
    assert is_printed(".93", ["0.931"]) and is_printed(".931", ["0.931"]) and is_printed("4 of 29", ["4 of 29"])
    assert not is_printed(".94", ["0.931"]) and not is_printed("4 of 28", ["4 of 29"])


@pytest.mark.parametrize("page", ["README.md", "docs/comparison.md", "docs/kinds_of_evidence.md"])
def test_every_figure_of_a_table_of_figures_was_printed_by_the_command_it_names(page):
    rows = [row for table in tables((ROOT / page).read_text("utf-8")) for row in table if "printed by" in row]
    assert rows
    wrong = []
    for row in rows:
        (command,) = COMMAND.findall(row["printed by"])
        for column, text in row.items():
            if column.startswith("phylometa") or column == "others":
                values = peers() if column == "others" else values_of(command)
                wrong += [f"{column} {f} of {command}" for f in NUMBER.findall(text) if not is_printed(f, values)]
    assert not wrong


def test_prose_of_the_readme_has_no_figure_of_its_own():
    """Levels, and the share that follows from the table, are all that the sentences state."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = re.sub(r"(?ms)^```.*?^```|^\|.*?$", "", text)
    wrong, made = map(int, next(f.value for f in FIGURES if f[:3] == ALL_AT_95).split(" of "))
    assert set(NUMBER.findall(prose)) <= {".95", "0.95", "0.8", "0.62", "3.10"}
    assert f"{100 * wrong / made:.0f} % of the statements made at .95 are contradicted" in " ".join(prose.split())


ALL_AT_95 = ("published.py", "all compared", "contradicted at .95")


def test_the_page_of_errors_lists_every_contradiction_as_printed():
    (listed,) = [table for table in tables((DOCS / "limits.md").read_text("utf-8")) if "what carries it" in table[0]]
    shown = {(r["patient"], r["statement"], r["phylometa says"], r["the publication says"]) for r in listed}
    wanted = {
        (figure.row, figure.measure.split(" ", 1)[1], *figure.value.split(", published "))
        for figure in FIGURES
        if figure.command == "published.py" and ", published " in figure.value
    }
    assert shown == wanted
    assert all(row["what carries it"] for row in listed)


def test_counts_of_contradictions_are_those_printed_on_every_page():
    of_all = {f.measure: f.value for f in FIGURES if f.command == "published.py" and f.row == "all compared"}
    (counts,) = [table for table in tables((DOCS / "limits.md").read_text("utf-8")) if "stated at" in table[0]]
    kinds = ("contradicted at .95", "contradicted at .8", "contradicted of supported")
    assert [row["contradicted"] for row in counts] == [of_all[kind] for kind in kinds]
    (by_patient,) = [t for t in tables((DOCS / "validation.md").read_text("utf-8")) if "contradicted at .8" in t[0]]
    printed_rows = {figure.row for figure in FIGURES if figure.command == "published.py"}
    for row in by_patient:
        if row["patient"] not in printed_rows:
            assert row["compared"] == "-"
            continue
        cells = [row["compared"], row["contradicted at .8"], row["at .95"], row["of supported"]]
        counted = [f.value for f in FIGURES if f.command == "published.py" and f.row == row["patient"]][:4]
        assert cells == counted, row["patient"]
    interpretation = " ".join((DOCS / "interpretation.md").read_text(encoding="utf-8").split())
    assert f"{of_all['contradicted at .95']} statements made at .95 are contradicted" in interpretation


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem not in WITHOUT], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_with_figures_names_the_command_that_prints_them(page):
    text = page.read_text(encoding="utf-8")
    if len(NUMBER.findall(re.sub(r"(?ms)^```.*?^```", "", text))) >= 10:
        named = re.findall(r"(?:benchmarks|docs|\.ci|tests/\w+)/\w+\.py|pytest -m \w+|tests/[\w/]+\.py", text)
        assert named, "figures without a command"
