"""Plain tables: tab-separated text, missing values as NA, numbers with a fixed number of digits, gzip without dates."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from phylometa.io.files import open_binary

__all__ = ["format_value", "open_text_writer", "read_tsv", "write_tsv"]

# Digits of a printed number: enough for every reader, few enough that the last bit of a sum does not show.
DIGITS = 8


def format_value(value: Any) -> str:
    """A cell's text: NA for None and NaN, ``True``/``False``, integers exact, floats to 8 significant digits."""
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
    """A UTF-8 text file to write, gzip-compressed (no date, no name inside: same bytes each time) for ``.gz``."""
    path = Path(path)
    if path.suffix == ".gz":
        raw = gzip.GzipFile(filename="", mode="wb", fileobj=path.open("wb"), mtime=0)
        # GzipFile does not close a file object it was handed; the name keeps it alive until the text layer closes.
        raw.myfileobj = raw.fileobj  # type: ignore[assignment]
        return io.TextIOWrapper(raw, encoding="utf-8", newline="")  # type: ignore[arg-type]
    return path.open("w", encoding="utf-8", newline="")


def write_tsv(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; a cell that holds a tab, quote or newline is quoted."""
    with open_text_writer(path) as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows([format_value(value) for value in row] for row in rows)


def read_tsv(path: str | Path) -> Iterator[dict[str, str]]:
    """Rows of a table that `write_tsv` wrote, as dictionaries of text."""
    path = Path(path)
    with io.TextIOWrapper(open_binary(path, str(path)), encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle, delimiter="\t")
