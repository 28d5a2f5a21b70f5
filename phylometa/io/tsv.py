"""Plain tables: tab-separated text, missing values as NA, numbers with a fixed number of digits, gzip without dates."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.files import open_text

__all__ = ["format_value", "open_text_writer", "read_tsv", "write_tsv"]

# Digits of a printed number: enough for every reader, few enough that the last bit of a sum does not show.
DIGITS = 8
# How a formula begins, and text that would read as a shielded one.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def format_value(value: Any) -> str:
    """Format a cell: NA for None and NaN, ``True``/``False``, integers exact, floats to 8 significant digits."""
    if value is None:
        return "NA"
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return "NA"
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else f"{number:.{DIGITS}g}"
    return str(value)


def open_text_writer(path: str | Path) -> IO[str]:
    """Open a UTF-8 text file to write; ``.gz`` is compressed without date or name, so that bytes are reproducible."""
    path = Path(path)
    if path.suffix == ".gz":
        raw = gzip.GzipFile(filename="", mode="wb", fileobj=path.open("wb"), mtime=0)
        # GzipFile does not close a file object it was handed; the name keeps it alive until the text layer closes.
        raw.myfileobj = raw.fileobj  # type: ignore[assignment]
        return io.TextIOWrapper(raw, encoding="utf-8", newline="")  # type: ignore[arg-type]
    return path.open("w", encoding="utf-8", newline="")


def _shielded(text: str) -> str:
    """Text that a spreadsheet shows: a cell that begins like a formula gets an apostrophe in front."""
    return f"'{text}" if FORMULA.match(text) else text


def _plain(text: str) -> str:
    """What `_shielded` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def write_tsv(
    path: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]], *, is_input: bool = False
) -> None:
    """Write a table; a cell that holds a tab, quote or newline is quoted.

    Parameters
    ----------
    path : path
    header : sequence of str
    rows : iterable of sequences
    is_input : bool
        The table is one of those that the readers of input take, which know no apostrophes. In others, text that begins
        like a formula (``= + - @``) is preceded by an apostrophe, so that a spreadsheet computes nothing; `read_tsv`
        takes it away.
    """

    def cell(value: Any) -> str:
        text = format_value(value)
        return _shielded(text) if isinstance(value, str) and not is_input else text

    with open_text_writer(path) as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(header if is_input else [cell(name) for name in header])
        writer.writerows([cell(value) for value in row] for row in rows)


def read_tsv(path: str | Path) -> Iterator[dict[str, str]]:
    """Read the rows of a table that `write_tsv` wrote, as dictionaries of text."""
    lines = open_text(Path(path), str(path), newline="")
    try:
        for row in csv.DictReader(lines, delimiter="\t"):
            yield {
                _plain(name): _plain(value) if isinstance(value, str) else value for name, value in row.items() if name
            }
    except csv.Error as error:
        raise InputError(f"is not a table: {error}", file=str(path)) from None
    finally:
        lines.close()
