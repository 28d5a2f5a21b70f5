"""Delimited tables with a header: columns under the names used here, rows with their line numbers."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from phylometa.errors import InputError
from phylometa.io.files import open_text
from phylometa.io.problems import ProblemList

__all__ = ["TableReader", "column_names"]

# Likeness of two names (difflib) above which one is offered for the other.
MIN_LIKENESS = 0.6


class _Renamed:
    """Columns read under another name (``--columns``): name in the file, lower case, to the name used here."""

    def __init__(self, pairs: Iterable[str]) -> None:
        self.names: dict[str, str] = {}
        self.unused: set[str] = set()
        for pair in pairs:
            found, _, wanted = (part.strip() for part in pair.partition("="))
            if not found or not wanted:
                raise InputError(f"--columns {pair}: expected NAME=NAME, as in VAR_COUNT=alt_counts")
            self.names[found.lower()] = wanted.lower()
            self.unused.add(found)

    def get(self, name: str) -> str | None:
        wanted = self.names.get(name.lower())
        if wanted is not None:
            self.unused = {found for found in self.unused if found.lower() != name.lower()}
        return wanted


_renamed: ContextVar[_Renamed | None] = ContextVar("renamed", default=None)


@contextmanager
def column_names(pairs: Sequence[str]) -> Iterator[_Renamed]:
    """Give the column ``a`` of ``a=b`` the name ``b`` in tables opened in the block (`ReadSettings.columns`).

    Yields an object whose `unused` holds the names that no table had so far.
    """
    renamed = _Renamed(pairs)
    token = _renamed.set(renamed)
    try:
        yield renamed
    finally:
        _renamed.reset(token)


class TableReader:
    """A delimited table with a header: its column names, then its rows with their line numbers, read once.

    Parameters
    ----------
    path : Path
    display : str
        Name of the file in messages.
    aliases : mapping, optional
        Other names of columns (lower case) to the names used here.
    can_rename : bool
        Whether ``--columns`` reaches the table, for the hint of `describe_missing`.

    Notes
    -----
    Tab, comma, semicolon or blank-separated; quoted fields; lines ``##...`` and ``#version ...`` before the header and
    a ``#`` before its first name are passed over; R's unnamed column of row names is accepted.
    """

    def __init__(
        self, path: Path, display: str, *, aliases: Mapping[str, str] | None = None, can_rename: bool = True
    ) -> None:
        self.display = display
        self._can_rename = can_rename
        self._lines = open_text(path, display)
        self._iterator = iter(self._lines)
        self._skipped = 0
        header_line = self._first_line()
        self.delimiter = _delimiter_of(header_line)
        self.original = tuple(name.strip() for name in self._split_header(header_line))
        lowered = [name.lower() for name in self.original]
        self._aliases = aliases or {}
        self.header = tuple(_canonical(name, self._aliases) for name in self.original)
        self.n_named = max((i + 1 for i, name in enumerate(lowered) if name), default=0)
        self._index: dict[str, int] = {}
        for i, name in enumerate(self.header):
            if not name:
                continue
            # A name itself wins over an alias of it; of two aliases the first.
            if name not in self._index or (lowered[i] == name and lowered[self._index[name]] != name):
                self._index[name] = i
        self._twice = {name for name in lowered if name and lowered.count(name) > 1}
        self._header_line = self._lines.n_lines
        self.row_name = ""  # of the row read last, if R wrote names of rows before it
        self.has_extra_fields = False  # whether rows may be wider than the header

    def _first_line(self) -> str:
        for line in self._iterator:
            if not line.strip():
                continue
            text = line.strip("\r\n")
            if re.match(r"##|#\s*version\b", text, re.I):
                continue
            if text.startswith("#") and not re.search(r"[\t,;]", text.strip("\t,; ")):
                continue
            if re.match(r"\d+\s*#", text):  # MACHINA's numbers of sites, samples and mutations
                continue
            return text.replace("\xa0", " ").replace("\u200b", "").replace("\ufeff", "")
        raise InputError("holds no table: no header line", file=self.display)

    def _split_header(self, line: str) -> list[str]:
        line = line[1:] if line.startswith("#") else line
        if self.delimiter in " \t":
            return [_unquote(name) for name in line.split(None if self.delimiter == " " else "\t")]
        return next(csv.reader([line], delimiter=self.delimiter), [])

    def _check_once(self, name: str) -> None:
        """A column that is read must be there once; others may be named alike."""
        i = self._index.get(name, -1)
        if i >= 0 and self.original[i].lower() in self._twice:
            raise InputError(
                f"two columns are named {self.original[i].lower()}", file=self.display, row=self._header_line
            )

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def close(self) -> None:
        """Give up the rows that were not read."""
        self._lines.close()

    def index(self, name: str) -> int:
        """Return the position of column `name`, -1 if the table has none."""
        self._check_once(name)
        return self._index.get(name, -1)

    def indices(self, names: Iterable[str]) -> list[int]:
        """Return the positions of columns, -1 if absent."""
        return [self.index(name) for name in names]

    def require(self, names: Sequence[str]) -> None:
        """Raise `InputError` naming every column of `names` the table lacks, and what would do instead."""
        missing = [name for name in names if name not in self._index]
        if missing:
            raise InputError(self.describe_missing(missing), file=self.display)
        for name in names:
            self._check_once(name)

    def describe_missing(self, missing: Sequence[str]) -> str:
        """What is missing, the names there are, those that would do, and the nearest of both."""
        found = [name for name in self.original if name]
        listed = ", ".join(found) or "none"
        listed = listed if len(listed) <= 400 else listed[:400] + " ..."
        verb = "column {} is missing" if len(missing) == 1 else "columns {} are missing"
        text = f"{verb.format(', '.join(missing))} (columns found: {listed})"
        nearest: list[str] = []
        for name in missing:
            others = [alias for alias, meant in self._aliases.items() if meant == name]
            if others:
                text += f"; {name} may also be called {', '.join(others[:8])}"
            close = [
                (difflib.SequenceMatcher(None, column.lower(), word).ratio(), column)
                for column in found
                for word in (name, *others)
                if column.lower() not in self._aliases and column.lower() != name
            ]
            score, column = max(close, default=(0.0, ""))
            if score >= MIN_LIKENESS and column not in missing:
                nearest.append(f"--columns {column}={name}" if self._can_rename else f"rename {column} to {name}")
        return f"{text}; if one of them is meant: {' '.join(nearest)}" if nearest else text

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Rows as (1-based line, fields), each as wide as the header; blank lines and comment lines are passed over."""
        width = len(self.header)
        problems = ProblemList(self.display)
        shift: int | None = 0 if self.has_extra_fields else None
        for line, row in self._raw_rows():
            n = len(row)
            if self.has_extra_fields and n >= width:
                yield line, row
                continue
            if not row[0].strip() and not any(field.strip() for field in row):
                continue
            if n != width:
                if shift is None:
                    shift = 1 if n == width + 1 and row[-1].strip() else 0  # R's row names
                while n > width + shift and not row[-1].strip():
                    row.pop()
                    n -= 1
                if self.n_named <= n < width:
                    row.extend([""] * (width - n))
                    n = width
                if n != width + shift:
                    problems.add(f"has {n} fields, the header {width}", row=line)
                    continue
                if shift:
                    self.row_name = row.pop(0)
            elif shift is None:
                shift = 0
            elif shift:
                problems.add(f"has {n} fields, the rows above {width + 1}", row=line)
                continue
            yield line, row
        problems.check()

    def _raw_rows(self) -> Iterator[tuple[int, list[str]]]:
        first = self._lines.n_lines
        if self.delimiter in " \t":
            separator = None if self.delimiter == " " else "\t"
            for line in self._iterator:
                row = line.rstrip("\n").split(separator)
                if len(row) > 1 or (row and row[0].strip() and not row[0].startswith("#")):
                    yield self._lines.n_lines, [_unquote(field) for field in row] if '"' in line else row
            return
        reader = csv.reader(self._iterator, delimiter=self.delimiter)
        last = 0
        try:
            for row in reader:
                if reader.line_num != last + 1:
                    raise InputError("a quote opens here and never closes", file=self.display, row=first + last + 1)
                last = reader.line_num
                if row and not (row[0].startswith("#") and len(row) == 1) and (len(row) > 1 or row[0].strip()):
                    yield first + last, row
        except csv.Error as error:
            raise InputError(f"is not a table: {error}", file=self.display, row=first + last + 1) from None


def _canonical(name: str, aliases: Mapping[str, str]) -> str:
    """The name used here of a column: the user's word, else an alias, in whatever case and with whatever signs."""
    renamed = _renamed.get()
    wanted = renamed.get(name) if renamed is not None and name else None
    if wanted is not None:
        return aliases.get(wanted, wanted)
    lowered = name.lower()
    if lowered in aliases:
        return aliases[lowered]
    plain = re.sub(r"[^0-9a-z]+", "_", lowered).strip("_")
    return aliases.get(plain, plain if plain in aliases.values() else lowered)


def _unquote(field: str) -> str:
    """A field without the quotes that R and spreadsheets put around it; a lone quote is a character like any other."""
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _delimiter_of(header: str) -> str:
    for delimiter in ("\t", ",", ";"):
        if delimiter in header:
            return delimiter
    return " " if len(header.split()) > 1 else "\t"
