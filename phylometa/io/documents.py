"""JSON documents: rounded numbers, fixed order; what is not as expected becomes an InputError."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.files import check_regular
from phylometa.io.tsv import DIGITS

__all__ = [
    "json_text",
    "read_json",
    "read_json_object",
    "reading",
    "rounded",
    "write_json",
]


# Types of which JSON knows all values.
_AS_THEY_ARE = frozenset({bool, int, str, type(None)})


def rounded(value: Any) -> Any:
    """Make `value` ready for JSON: arrays to lists, floats to 8 significant digits, NaN to null, keys to text."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is list or kind is tuple:
        # Long lists mostly hold what needs no change.
        return list(value) if _AS_THEY_ARE.issuperset(map(type, value)) else [rounded(item) for item in value]
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
    if isinstance(value, (dict, Mapping)):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.integer, np.bool_)):
        return rounded(value.tolist())
    if isinstance(value, (set, frozenset)):
        return rounded(sorted(value))
    if isinstance(value, (list, tuple)):
        return rounded(list(value))
    return value


def json_text(document: Any, *, indent: int | None = 1) -> str:
    """Format as JSON, keys in the order given and numbers rounded (see `rounded`); one line if `indent` is None."""
    separators = (",", ":") if indent is None else None
    return json.dumps(rounded(document), indent=indent, ensure_ascii=False, separators=separators) + "\n"


def write_json(path: str | Path, document: Any, *, indent: int | None = 1) -> None:
    """Write a JSON document as `json_text` gives it."""
    Path(path).write_text(json_text(document, indent=indent), encoding="utf-8")


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn what is missing or of the wrong kind in phylometa's own documents into an InputError, within the block.

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


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def read_json(path: str | Path) -> Any:
    """Read a JSON document; InputError naming the file if it is missing or malformed."""
    path = Path(path)
    check_regular(path, str(path))
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except ValueError as error:
        raise InputError(f"not valid JSON: {error}", file=str(path)) from None
    except RecursionError:
        raise InputError("not valid JSON: nested too deeply", file=str(path)) from None


def read_json_object(path: str | Path) -> dict[str, Any]:
    """Read a JSON document that is an object; InputError naming the file if it is anything else."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"holds {type(document).__name__}, a JSON object is expected", file=str(path))
    return document
