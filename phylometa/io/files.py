"""Files as they come: plain or gzip text, delimited tables with line numbers, hashes; failures are InputErrors."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from phylometa.config import ReadSettings
from phylometa.errors import InputError

__all__ = [
    "MISSING_WORDS",
    "check_expansion",
    "check_regular",
    "expansion_limit",
    "is_missing",
    "open_binary",
    "open_text",
    "parse_count",
    "parse_decimal",
    "parse_fraction",
    "parse_number",
    "sha256_of",
]

MISSING_WORDS = frozenset(("", "na", "n/a", "nan", ".", "none", "null", "-", "?"))
# More reads than any sequencer gives at a locus: a cell beyond is a mistake (and would not fit an int32).
MAX_COUNT = 1_000_000_000
# Decompressed bytes that any file may have: small tables of equal lines are compressed more than a thousandfold.
FREE_BYTES = 1 << 27
_max_expansion: ContextVar[float] = ContextVar("max_expansion", default=ReadSettings().max_expansion)
# Blank lines in a row beyond which a file is no table (a gigabyte of them is a megabyte compressed).
MAX_BLANK_LINES = 100_000
BLANK_LINES = frozenset(("\n", "\r\n", "\r"))
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def is_missing(value: str) -> bool:
    """Return whether a cell says that nothing is known: empty, NA, NaN, '.', '-', none, null."""
    return value.strip().lower() in MISSING_WORDS


def parse_number(value: str) -> float | None:
    """Parse a finite decimal number; None if the text is none (no ``1_0``, ``inf`` or ``nan``)."""
    value = value.strip()
    if not NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if number - number == 0 else None


def parse_decimal(value: str) -> float | None:
    """Parse a number as `parse_number`, also with a decimal comma; only for columns without lists or thousands.

    Examples
    --------
    >>> parse_decimal("0,35"), parse_decimal("1.5"), parse_decimal("1,2,3")
    (0.35, 1.5, None)
    """
    number = parse_number(value)
    if number is None and value.count(",") == 1 and "." not in value:
        number = parse_number(value.replace(",", "."))
    return number


def parse_fraction(value: str) -> float | None:
    """Parse a number as `parse_decimal`, also a percentage with its sign.

    Examples
    --------
    >>> parse_fraction("35%"), parse_fraction("12,5 %"), parse_fraction("0.2")
    (0.35, 0.125, 0.2)
    """
    value = value.strip()
    if not value.endswith("%"):
        return parse_decimal(value)
    number = parse_decimal(value[:-1].strip())
    return None if number is None else number / 100


def parse_count(value: str) -> int | None:
    """Parse a read count: whole, not negative, at most 1e9; ``12.0`` counts as 12; None if it is none."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 10:
        count = int(value)
    else:
        number = parse_number(value)
        if number is None or number < 0 or number > MAX_COUNT or number != int(number):
            return None
        count = int(number)
    return count if count <= MAX_COUNT else None


def check_regular(path: Path, display: str) -> None:
    """Refuse what is no file on disk: inputs are read more than once, and a pipe may never end.

    Raises
    ------
    InputError
        `path` is a directory, a pipe, a socket or a device. A path that is not there passes.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise InputError("is a directory, not a file", file=display)
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise InputError(f"is {kind}, and inputs are read more than once: save it as a file first", file=display)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, hexadecimal."""
    check_regular(path, str(path))
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def expansion_limit(ratio: float) -> Iterator[None]:
    """Let files opened in the block decompress to at most `ratio` times their size (`ReadSettings.max_expansion`)."""
    token = _max_expansion.set(ratio)
    try:
        yield
    finally:
        _max_expansion.reset(token)


def check_expansion(n_bytes: int, n_compressed: int, display: str) -> None:
    """Raise `InputError` if a file of `n_compressed` bytes gave `n_bytes` so far, more than the limit allows."""
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
    """Open a file's bytes, decompressed if it is gzip or bgzip; a file that cannot be opened is an `InputError`."""
    check_regular(path, display)
    try:
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
        self._path = path
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
        n_blank = 0
        try:
            for line in self._text:
                self.n_lines += 1
                n_blank = n_blank + 1 if line in BLANK_LINES else 0
                if n_blank > MAX_BLANK_LINES:
                    raise InputError(f"holds {n_blank:,} blank lines in a row: no table", file=self.display)
                yield line
        except UnicodeDecodeError:
            raise self._encoding_error() from None
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"is not a readable gzip file ({error}); it may be cut short", file=self.display, row=self.n_lines + 1
            ) from None
        finally:
            self.close()

    def _encoding_error(self) -> InputError:
        """Names the line and the byte: text is decoded in blocks, so the line read last is not the one."""
        with open_binary(self._path, self.display) as binary:
            for row, line in enumerate(binary, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return InputError(
                        f"is not UTF-8 text: byte {error.start + 1} of the line is {line[error.start]:#04x} (saved on "
                        "Windows? save it as UTF-8)",
                        file=self.display,
                        row=row,
                    )
        return InputError("is not UTF-8 text", file=self.display)

    def close(self) -> None:
        self._binary.close()


def open_text(path: Path, display: str, *, newline: str | None = None) -> TextLines:
    """Open a plain or gzip text file (UTF-8, with or without byte order mark); `newline` as in `open`."""
    return TextLines(path, display, newline)
