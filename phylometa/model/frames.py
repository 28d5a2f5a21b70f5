"""Tables for notebooks: columns as a data frame of pandas or polars if one is installed, else as lists."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

__all__ = ["frame_of_records", "frame_of_rows"]

LIBRARIES = ("pandas", "polars", "dict")


def frame_of_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], library: str | None = None) -> Any:
    """Make a table.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequences
        One value per column.
    library : {"pandas", "polars", "dict"}, optional
        Kind of the table; ``dict`` is column -> list. By default pandas if it is installed, else polars, else ``dict``.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or dict

    Raises
    ------
    ValueError
        Another `library`.
    ModuleNotFoundError
        The library is not installed.

    Examples
    --------
    >>> frame_of_rows(["site", "p"], [("liver", 0.9), ("spine", 0.2)], "dict")
    {'site': ['liver', 'spine'], 'p': [0.9, 0.2]}
    """
    if library is None:
        library = next((name for name in LIBRARIES[:2] if find_spec(name) is not None), "dict")
    if library not in LIBRARIES:
        raise ValueError(f"library {library!r}: expected one of {', '.join(LIBRARIES)}")
    found = list(rows)
    table = {name: [row[i] for row in found] for i, name in enumerate(columns)}
    if library == "pandas":
        import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]

        return pandas.DataFrame(table)
    if library == "polars":
        import polars  # type: ignore[import-not-found,unused-ignore]

        return polars.DataFrame(table)
    return table


def frame_of_records(kind: type, records: Iterable[Any], library: str | None = None) -> Any:
    """Make a table of dataclasses of one kind, one column per field; fields that are dataclasses get ``field_part``
    columns (missing ones None); tuples of names are joined by commas; mappings are left out.

    Parameters
    ----------
    kind : type
        The dataclass, which names the columns of an empty table too.
    records : iterable of `kind`
    library : str, optional
        As in `frame_of_rows`.
    """
    found = list(records)
    columns: dict[str, list[Any]] = {}
    for field in dataclasses.fields(kind):
        values = [getattr(record, field.name) for record in found]
        example = next((value for value in values if value is not None), None)
        if dataclasses.is_dataclass(example) and not isinstance(example, type):
            for part in dataclasses.fields(example):
                columns[f"{field.name}_{part.name}"] = [None if v is None else getattr(v, part.name) for v in values]
        elif isinstance(example, tuple):
            columns[field.name] = [", ".join(map(str, value)) for value in values]
        elif not hasattr(example, "items"):
            columns[field.name] = values
    return frame_of_rows(list(columns), zip(*columns.values()), library)
