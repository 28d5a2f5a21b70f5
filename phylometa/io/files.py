"""Files as they come: plain or gzip text, delimited tables with line numbers, hashes; failures are InputErrors."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from phylometa.config import ReadSettings
from phylometa.errors import InputError, Problem

__all__ = [
    "MISSING_WORDS",
    "ProblemList",
    "TableReader",
    "check_expansion",
    "expansion_limit",
    "is_missing",
    "open_binary",
    "open_text",
    "parse_count",
    "parse_number",
    "read_table",
    "sha256_of",
]

MISSING_WORDS = frozenset(("", "na", "n/a", "nan", ".", "none", "null", "-", "?"))
# Problems listed in one message; the rest is counted.
MAX_PROBLEMS = 50
# More reads than any sequencer gives at a locus: a cell beyond is a mistake (and would not fit an int32).
MAX_COUNT = 1_000_000_000
# Decompressed bytes that any file may have: small tables of equal lines are compressed more than a thousandfold.
FREE_BYTES = 1 << 27
_max_expansion: ContextVar[float] = ContextVar("max_expansion", default=ReadSettings().max_expansion)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


class ProblemList:
    """Problems of one file as they are met; `check` raises them all at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.n_more = 0

    def add(self, message: str, *, row: int | None = None, column: str | None = None) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(message, file=self.file, row=row, column=column))
        else:
            self.n_more += 1

    def __bool__(self) -> bool:
        return bool(self.problems)

    def extend(self, error: InputError) -> None:
        """Take over the problems of an error."""
        room = MAX_PROBLEMS - len(self.problems)
        self.problems.extend(error.problems[:room])
        self.n_more += max(len(error.problems) - room, 0)

    def check(self) -> None:
        """Raise `InputError` with every problem if there is one."""
        if self.problems:
            more = [Problem(f"and {self.n_more} more problems", file=self.file)] if self.n_more else []
            raise InputError([*self.problems, *more])


def is_missing(value: str) -> bool:
    """Whether a cell says that nothing is known: empty, NA, NaN, '.', '-', none, null."""
    return value.strip().lower() in MISSING_WORDS


def parse_number(value: str) -> float | None:
    """A finite decimal number, or None where the text is none (no ``1_0``, ``inf`` or ``nan``)."""
    value = value.strip()
    if not NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if number - number == 0 else None


def parse_count(value: str) -> int | None:
    """A read count: whole, not negative, at most 1e9; ``12.0`` counts as 12; None where it is none."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 10:
        count = int(value)
    else:
        number = parse_number(value)
        if number is None or number < 0 or number > MAX_COUNT or number != int(number):
            return None
        count = int(number)
    return count if count <= MAX_COUNT else None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def expansion_limit(ratio: float) -> Iterator[None]:
    """Files opened in the block may decompress to at most `ratio` times their size (`ReadSettings.max_expansion`)."""
    token = _max_expansion.set(ratio)
    try:
        yield
    finally:
        _max_expansion.reset(token)


def check_expansion(n_bytes: int, n_compressed: int, display: str) -> None:
    """`InputError` where a file of `n_compressed` bytes gave `n_bytes` so far, more than the limit allows."""
    ratio = _max_expansion.get()
    if n_bytes > max(FREE_BYTES, ratio * n_compressed):
        raise InputError(
            f"decompresses to more than {ratio:g} times its size (a decompression bomb?); if the file is right, raise "
            "max_expansion in [read] of the settings (--config)",
            file=display,
        )


class _Expanding(io.RawIOBase):
    """Decompressed bytes of a gzip file, as long as they stay within the limit."""

    def __init__(self, path: Path, display: str) -> None:
        self._inner = gzip.open(path, "rb")  # noqa: SIM115 (closed with this stream)
        self._display = display
        self._n_compressed = path.stat().st_size
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n = self._inner.readinto(buffer)
        self._n_bytes += n
        check_expansion(self._n_bytes, self._n_compressed, self._display)
        return n

    def close(self) -> None:
        self._inner.close()
        super().close()


def open_binary(path: Path, display: str) -> IO[bytes]:
    """A file's bytes, decompressed where it is gzip or bgzip; a file that cannot be opened is an `InputError`."""
    try:
        if path.is_dir():
            raise InputError("is a directory, not a file", file=display)
        handle = open(path, "rb")  # noqa: SIM115 (handed to the caller)
    except FileNotFoundError:
        raise InputError("no such file", file=display) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=display) from None
    magic = handle.read(4)
    handle.seek(0)
    if not magic:
        handle.close()
        raise InputError("is empty", file=display)
    if magic[:2] == b"\x1f\x8b":
        handle.close()
        return io.BufferedReader(_Expanding(path, display), buffer_size=1 << 17)
    return handle


class TextLines:
    """Lines of a text file, without their line ends; failures of gzip and of the encoding become `InputError`."""

    def __init__(self, path: Path, display: str, newline: str | None = None) -> None:
        self.display = display
        self.n_lines = 0
        self._binary = open_binary(path, display)
        self._check_kind()
        self._text = io.TextIOWrapper(self._binary, encoding="utf-8-sig", errors="strict", newline=newline)

    def _check_kind(self) -> None:
        try:
            head = self._binary.peek(4)[:4096]  # type: ignore[attr-defined]
        except (OSError, EOFError, zlib.error) as error:
            self.close()
            raise InputError(f"is not a readable gzip file ({error}); it may be cut short", file=self.display) from None
        kind = ""
        if head[:4] == b"PK\x03\x04":
            kind = "is a zip archive or an Excel workbook; save it as tab-separated text"
        elif head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            kind = "is UTF-16 text; save it as UTF-8"
        elif head[:3] == b"BCF" or head[:4] in (b"BAM\x01", b"CRAM"):
            kind = f"is a {head[:3].decode()} file where text is expected"
        elif b"\x00" in head:
            kind = "is a binary file, not text"
        if kind:
            self.close()
            raise InputError(kind, file=self.display)

    def __iter__(self) -> Iterator[str]:
        try:
            for line in self._text:
                self.n_lines += 1
                yield line
        except UnicodeDecodeError:
            raise InputError("is not UTF-8 text", file=self.display, row=self.n_lines + 1) from None
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"is not a readable gzip file ({error}); it may be cut short", file=self.display, row=self.n_lines + 1
            ) from None
        finally:
            self.close()

    def close(self) -> None:
        self._binary.close()


def open_text(path: Path, display: str, *, newline: str | None = None) -> TextLines:
    """Lines of a plain or gzip text file (UTF-8, with or without byte order mark); `newline` as in `open`."""
    return TextLines(path, display, newline)


class TableReader:
    """A delimited table with a header: its column names, then its rows with their line numbers, read once.

    Parameters
    ----------
    path : Path
    display : str
        Name of the file in messages.
    aliases : mapping, optional
        Other names of columns (lower case) to the names used here.

    Notes
    -----
    Tab, comma, semicolon or blank-separated; quoted fields; lines ``##...`` and ``#version ...`` before the header and
    a ``#`` before its first name are passed over; R's unnamed column of row names is accepted.
    """

    def __init__(self, path: Path, display: str, *, aliases: Mapping[str, str] | None = None) -> None:
        self.display = display
        self._lines = open_text(path, display)
        self._iterator = iter(self._lines)
        self._skipped = 0
        header_line = self._first_line()
        self.delimiter = _delimiter_of(header_line)
        self.original = tuple(name.strip() for name in self._split_header(header_line))
        lowered = [name.lower() for name in self.original]
        self.header = tuple((aliases or {}).get(name, name) for name in lowered)
        self.n_named = max((i + 1 for i, name in enumerate(lowered) if name), default=0)
        self._index: dict[str, int] = {}
        for i, name in enumerate(self.header):
            if not name:
                continue
            # A name itself wins over an alias of it; of two aliases the first.
            if name not in self._index or lowered[i] == name:
                self._index[name] = i
        self._check_duplicates(lowered)

    def _first_line(self) -> str:
        for line in self._iterator:
            if not line.strip():
                continue
            text = line.strip("\r\n")
            if text.startswith("##") or (text.startswith("#") and not re.search(r"[\t,;]", text)):
                continue
            if re.match(r"\d+\s*#", text):  # MACHINA's numbers of sites, samples and mutations
                continue
            return text
        raise InputError("holds no table: no header line", file=self.display)

    def _split_header(self, line: str) -> list[str]:
        line = line[1:] if line.startswith("#") else line
        if self.delimiter in " \t":
            return [_unquote(name) for name in line.split(None if self.delimiter == " " else "\t")]
        return next(csv.reader([line], delimiter=self.delimiter), [])

    def _check_duplicates(self, lowered: Sequence[str]) -> None:
        twice = sorted({name for name in lowered if name and lowered.count(name) > 1})
        if twice:
            raise InputError(f"two columns are named {', '.join(twice)}", file=self.display, row=self._lines.n_lines)

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def close(self) -> None:
        """Give up the rows that were not read."""
        self._lines.close()

    def index(self, name: str) -> int:
        """Position of column `name`, -1 where the table has none."""
        return self._index.get(name, -1)

    def indices(self, names: Iterable[str]) -> list[int]:
        """Positions of columns, -1 where absent."""
        return [self._index.get(name, -1) for name in names]

    def require(self, names: Sequence[str]) -> None:
        """Raise `InputError` naming every column of `names` the table lacks."""
        missing = [name for name in names if name not in self._index]
        if missing:
            found = ", ".join(name for name in self.original if name) or "none"
            if len(found) > 400:
                found = found[:400] + " ..."
            raise InputError(
                [Problem(f"column {name} is missing (columns found: {found})", self.display) for name in missing]
            )

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Rows as (1-based line, fields), each as wide as the header; blank lines and comment lines are passed over."""
        width = len(self.header)
        problems = ProblemList(self.display)
        shift: int | None = None
        for line, row in self._raw_rows():
            n = len(row)
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
                    del row[0]
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


def read_table(
    path: Path, display: str, *, aliases: Mapping[str, str] | None = None, required: Sequence[str] = ()
) -> tuple[TableReader, list[tuple[int, list[str]]]]:
    """A small table at once: its reader (header, look-up of columns) and all rows with their line numbers."""
    table = TableReader(path, display, aliases=aliases)
    table.require(required)
    return table, list(table)
