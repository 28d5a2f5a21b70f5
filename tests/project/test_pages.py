"""What the pages promise a reader: the tools of the field compared, each in full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the pages are not here", allow_module_level=True)

TOOLS = (
    *("MACHINA", "MACH2", "Metient", "PathFinder", "CloneFinderPlus", "BEAM", "VINE"),
    *("PyClone-VI", "PhyClone", "Pairtree", "CONIPHER", "DeCiFer"),
    *("HATCHet2", "ALPACA", "MEDICC2", "MutationTimeR", "metMHN", "ECLIPSE", "SPRINTER"),
)


def table_rows(text: str) -> list[list[str]]:
    """Cells of every row of the tables of a page, without the rules under their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\- :]+", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_of_the_field_is_compared_in_every_column(tool):
    rows = [row for row in table_rows((DOCS / "comparison.md").read_text(encoding="utf-8")) if len(row) == 7]
    (row,) = [row for row in rows if re.search(rf"\b{re.escape(tool)}\b", row[0])]
    assert all(row)
    assert re.search(r"https://doi\.org/10\.\d{4,}/|, bioRxiv 20\d\d", row[0]), "no publication"
