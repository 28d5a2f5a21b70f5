"""A representation that fits a terminal or notebook: sizes of arrays and lists in place of what they hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

__all__ = ["short_repr"]

_LONGEST, _NESTED, _FEW = 40, 60, 3


def short_repr(instance: Any) -> str:
    """Represent a dataclass in at most a few lines, as its ``__repr__``.

    Examples
    --------
    >>> @dataclasses.dataclass
    ... class Pair:
    ...     name: str
    ...     values: Any
    ...     __repr__ = short_repr
    >>> Pair("x", np.zeros((3, 2))), Pair("y", ("a", "b", "c", "d"))
    (Pair(name='x', values=float64[3, 2]), Pair(name='y', values=4 in tuple))
    """
    fields = (f for f in dataclasses.fields(instance) if f.repr)
    return f"{type(instance).__name__}({', '.join(f'{f.name}={_short(getattr(instance, f.name))}' for f in fields)})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
    if dataclasses.is_dataclass(value):
        named = getattr(value, "name", None)
        text = f"{type(value).__name__}({named!r})" if isinstance(named, str) else repr(value)
        return text if len(text) <= _NESTED else f"{type(value).__name__}(...)"
    if isinstance(value, Mapping | Collection):
        if len(value) <= _FEW and not isinstance(value, Mapping) and all(isinstance(x, str | int) for x in value):
            shown = ", ".join(_short(x) for x in value)
            return f"({shown},)" if isinstance(value, tuple) and len(value) == 1 else f"({shown})"
        return f"{len(value)} in {type(value).__name__}"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
