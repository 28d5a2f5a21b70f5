"""JSON documents and whole directories: rounded numbers, fixed order, all or nothing."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.tsv import DIGITS

__all__ = [
    "check_replaceable",
    "json_text",
    "read_json",
    "read_json_object",
    "reading",
    "replace_directory",
    "replace_file",
    "rounded",
    "write_json",
]


# What a patient's directory may hold. The first two are written by every run and name it as a result, whatever else
# somebody has put there.
RESULT_MARKS = ("manifest.json", "summary.json")
RESULT_ENTRIES = {"input", "clusters", "trees", "seeding", "copy_number", "timing", "figures"}
RESULT_ENTRIES |= {"report.html", "run.log", "warnings.tsv", "qc.tsv", *RESULT_MARKS}


def check_replaceable(directory: str | Path) -> None:
    """InputError where `directory` holds files that are no result of phylometa: replacing it would delete them."""
    directory = Path(directory)
    if not directory.is_dir() or any((directory / name).is_file() for name in RESULT_MARKS):
        return
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in RESULT_ENTRIES)
    if foreign:
        raise InputError(f"holds {foreign[0]}, which is no result of phylometa: not replaced", file=str(directory))


@contextmanager
def replace_directory(target: str | Path) -> Iterator[Path]:
    """A fresh directory beside `target` to write into; it takes the place of `target` when the block ends well.

    Nothing of it is left behind when the block fails or is interrupted, and `target` is then untouched.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        if target.exists() or target.is_symlink():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
            os.rename(target, old / target.name)
            os.rename(partial, target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its name when the block ends well, and is removed when it fails."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def rounded(value: Any) -> Any:
    """`value` ready for JSON: arrays to lists, floats to 8 significant digits, NaN to null, keys to text."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return rounded(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [rounded(item) for item in items]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
    return value


def json_text(document: Any, *, indent: int | None = 1) -> str:
    """JSON with keys in the order given and numbers rounded (see `rounded`); one line where `indent` is None."""
    separators = (",", ":") if indent is None else None
    return json.dumps(rounded(document), indent=indent, ensure_ascii=False, separators=separators) + "\n"


def write_json(path: str | Path, document: Any, *, indent: int | None = 1) -> None:
    """A JSON document as `json_text` gives it."""
    Path(path).write_text(json_text(document, indent=indent), encoding="utf-8")


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Taking apart a document of phylometa's own: what is missing or of the wrong kind becomes an InputError.

    >>> with reading("trees.json"):
    ...     {}["clones"]
    Traceback (most recent call last):
    phylometa.errors.InputError: trees.json: no `clones`: written by another version of phylometa, or changed by hand
    """
    try:
        yield
    except KeyError as error:
        missing = str(error.args[0]) if error.args else ""
        text = f"no `{missing}`: written by another version of phylometa, or changed by hand"
        raise InputError(text, file=str(path)) from None
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"not as phylometa wrote it: {error}", file=str(path)) from None


def read_json(path: str | Path) -> Any:
    """A JSON document; InputError naming the file where it is missing or malformed."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except ValueError as error:
        raise InputError(f"not valid JSON: {error}", file=str(path)) from None
    except RecursionError:
        raise InputError("not valid JSON: nested too deeply", file=str(path)) from None


def read_json_object(path: str | Path) -> dict[str, Any]:
    """A JSON document that is an object; InputError naming the file where it is anything else."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"holds {type(document).__name__}, a JSON object is expected", file=str(path))
    return document
