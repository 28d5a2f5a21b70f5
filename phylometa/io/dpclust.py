"""DPClust's files of one patient: the same mutations in the same rows of every file, whatever their places say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from phylometa.errors import InputError
from phylometa.io.calls import Calls

__all__ = ["DPCLUST", "match_rows", "places_repeat"]

# The dialect's name.
DPCLUST = "DPClust"


def places_repeat(rows: Sequence[tuple[int, list[str]]], chrom: int, pos: int) -> bool:
    """Return whether two rows of a table (line, fields) have one place, by the positions of its two columns."""
    return len({(fields[chrom], fields[pos]) for _, fields in rows}) < len(rows)


def match_rows(parts: Sequence[Calls]) -> list[Calls]:
    """Name the mutations of DPClust's files by their rows if a file gives several of them one place.

    Parameters
    ----------
    parts : sequence of Calls
        All files of a patient. Those of DPClust whose places repeat have no places (`positions` -1).

    Returns
    -------
    list of Calls
        The others as they are; those of DPClust, if any has no places, without them and with a warning.

    Raises
    ------
    InputError
        Rows have to be matched, but two files have not the same number of rows.
    """
    own = [part for part in parts if _is_own(part)]
    if not any((part.positions < 0).all() for part in own):
        return list(parts)
    for part in own[1:]:
        if part.provenance["records"] != own[0].provenance["records"]:
            raise InputError(
                f"places repeat, so rows of DPClust's files stand for each other, but there are "
                f"{part.provenance['records']} here and {own[0].provenance['records']} in {own[0].file}",
                file=part.file,
            )
    own[0].warnings.append(
        f"DPClust's files ({len(own)}) repeat places: the same row of each is taken as one mutation, of unknown place"
    )
    return [_without_places(part) if _is_own(part) else part for part in parts]


def _is_own(calls: Calls) -> bool:
    return calls.provenance.get("dialect") == DPCLUST


def _without_places(calls: Calls) -> Calls:
    n = calls.n_mutations
    return dataclasses.replace(
        calls,
        ids=[f"row {line}" for line in calls.lines],
        chroms=[""] * n,
        positions=np.full(n, -1, dtype=np.int64),
    )
