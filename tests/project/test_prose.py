"""The pages read well: sentences of a length that docs/style.md sets, lines that fit, and a linter of prose."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prose import n_words, paragraphs, sentences

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the pages are not here", allow_module_level=True)

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sample_data/README.md")),
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
LONGEST, MEAN, WIDTH = 40, 25, 120
# What docs/style.md says is switched off: pages are plain ASCII.
CONFIG = {"checks": {"typography": False}}


def test_sentences_are_told_from_what_is_none():
    text = """# Heading. Not a sentence.

One sentence `with.code` in [a link](to.md). Another, of Roth et al. 2014, e.g. this! `code` begins the third.

- an item: 1.5 of 2.0
  goes on

| a table. | is none. |
|---|---|

```bash
no. sentence
```

    x = 1. Formula

$$a. b$$
<!-- a remark. -->
"""
    found = [re.sub(r"CODE[A-J]+", "CODE", sentence) for _, sentence in sentences(text)]
    assert found == [
        "One sentence CODE in a link.",
        "Another, of Roth et al. 2014, e.g. this!",
        "CODE begins the third.",
        "an item: 1.5 of 2.0 goes on",
    ]
    assert [n_words(sentence) for sentence in found] == [6, 8, 4, 7]
    assert [line for line, _ in paragraphs(text)] == [3, 5]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_sentences_are_short(page):
    found = [(line, n_words(sentence), sentence) for line, sentence in sentences(page.read_text(encoding="utf-8"))]
    assert not [item for item in found if item[1] > LONGEST]
    if found:
        assert sum(words for _, words, _ in found) / len(found) < MEAN


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_lines_of_prose_fit(page):
    """Tables, fenced blocks and addresses that cannot be broken may be longer."""
    text = re.sub(r"(?ms)^(```+).*?^\1\s*$", "", page.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith("|") and " " in line.strip(" -*")]
    assert not [line for line in lines if len(line) > WIDTH]


def test_the_readme_is_read_in_one_go():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.system
def test_a_linter_of_prose_finds_nothing(tmp_path):
    if not importlib.util.find_spec("proselint"):
        pytest.skip("proselint is not installed")
    config, folder = tmp_path / "config.json", tmp_path / "pages"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    folder.mkdir()
    for page, name in zip(PAGES, NAMES):
        text = page.read_text(encoding="utf-8")
        lines = [""] * (len(text.splitlines()) + 1)
        for line, paragraph in paragraphs(text):
            lines[line - 1] = paragraph
        (folder / name.replace("/", "+")).write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "proselint", "check", "--config", str(config), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert not [line.replace(f"{folder}/", "") for line in done.stdout.splitlines() if "+" in line or ".md" in line]
