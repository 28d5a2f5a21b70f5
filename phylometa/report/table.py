"""A table of the report, and numbers as its cells show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Table", "number"]

_LEAST = 5e-5  # what rounds to 0.0000


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report.

    Parameters
    ----------
    key : str
        Identifier in the page and name of the download.
    title : str
    columns : tuple of str
    rows : tuple of tuple
        Strings and numbers.
    clones : tuple of int
        Clone a row is about, by row; empty if rows are not about clones.
    note : str
    links : tuple of str
        Address the first cell of a row leads to; empty if there is none.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    clones: tuple[int, ...] = ()
    note: str = ""
    links: tuple[str, ...] = ()

    def is_numeric(self, column: int) -> bool:
        """Whether the column holds numbers only (right-aligned, sorted by value)."""
        return bool(self.rows) and all(isinstance(row[column], (int, float)) for row in self.rows)


def number(value: float, digits: int = 3) -> float | str:
    """Round `value` to significant digits, and what is below 0.00005 to 0; an empty cell if it is not finite."""
    if not np.isfinite(value):
        return ""
    return 0.0 if abs(value) < _LEAST else float(f"{value:.{digits}g}")
