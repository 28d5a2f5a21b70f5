"""Calls of several callers in the same samples, merged by a rule of the sheet; counts from one named source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from phylometa.errors import InputError
from phylometa.io.calls import Calls, DropLog

__all__ = ["merge_callers", "merge_rule"]

WORDS = {"union": 1, "any": 1, "all": -1, "intersection": -1, "priority": 0, "first": 0, "majority": -2}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def merge_rule(text: str) -> int:
    """Return how many callers must accept a mutation: 1 = union, -1 = all, -2 = most, 0 = the first to list it.

    Raises
    ------
    ValueError
        For a word that is no rule.

    Examples
    --------
    >>> merge_rule("union"), merge_rule("two of three"), merge_rule("2/3"), merge_rule("priority")
    (1, 2, 2, 0)
    """
    word = text.strip().lower()
    if word in WORDS:
        return WORDS[word]
    found = re.fullmatch(r"(?:at least )?(\d+|[a-z]+)(?:\s*(?:of|/)\s*(\d+|[a-z]+))?", word)
    if found:
        least, of = (NUMBERS.get(part, int(part) if part.isdigit() else 0) if part else 0 for part in found.groups())
        if least and (not found.group(2) or of >= least):
            return least
    raise ValueError(f"{text!r} is none of union, priority, all, majority, two of three")


def merge_callers(parts: Sequence[Calls], rule: int, *, counts_from: str = "") -> Calls:
    """Merge several callers' lists of calls of the same samples into one.

    Parameters
    ----------
    parts : Calls of every caller, in the order of the sheet, all with the same samples and their rejected records
    rule : int
        As `merge_rule` gives it.
    counts_from : str
        Caller (``Mutect2``) or file whose counts are read if it lists the mutation; '' = the first in order.

    Returns
    -------
    Calls
        A mutation that the rule does not accept is `rejected`, so that another sample may still accept it.

    Raises
    ------
    InputError
        `counts_from` names none of the callers, or more callers are asked for than there are.
    """
    names = ", ".join(part.file for part in parts)
    if rule > len(parts):
        raise InputError(f"vcf_merge asks for {rule} callers, but {len(parts)} are given", file=names)
    least = {-1: len(parts), -2: len(parts) // 2 + 1}.get(rule, rule)
    source = _source(parts, counts_from)
    order = list(range(len(parts)))
    order.sort(key=lambda p: p != source)
    places: dict[Any, dict[int, int]] = {}
    for p, part in enumerate(parts):
        for row in range(part.n_mutations):
            places.setdefault(part.key(row), {}).setdefault(p, row)
    chosen: list[tuple[int, int]] = []
    rejected: dict[int, str] = {}
    n_elsewhere = 0
    for at in places.values():
        accepted = [p for p, row in at.items() if row not in parts[p].rejected]
        if rule == 0:
            first = min(at)
            reason = parts[first].rejected.get(at[first], "")
        elif len(accepted) >= least:
            reason = ""
        elif accepted:
            reason = f"called by {len(accepted)} of {len(parts)} callers"
        else:
            reason = parts[min(at)].rejected[at[min(at)]]
        if reason:
            rejected[len(chosen)] = reason
        listing = [p for p in order if p in at and parts[p].depth[at[p]].any()] or [p for p in order if p in at]
        n_elsewhere += not reason and bool(counts_from) and listing[0] != source
        chosen.append((listing[0], at[listing[0]]))
    merged = _take(parts, chosen)
    merged.file = names
    merged.rejected = rejected
    merged.dropped = DropLog(names)
    for part in parts:
        merged.dropped.extend(part.dropped)
        merged.warnings.extend(part.warnings)
    if n_elsewhere:
        merged.warnings.append(
            f"{names}: counts of {n_elsewhere} mutation{'s' if n_elsewhere > 1 else ''} come from another caller, as "
            f"{parts[source].file} does not list them"
        )
    merged.provenance = {
        "file": names,
        "reader": "callers",
        "dialect": f"merged, counts from {parts[source].file}",
        "records": len(chosen),
    }
    return merged


def _source(parts: Sequence[Calls], counts_from: str) -> int:
    """Which part's counts are read."""
    if not counts_from:
        return 0
    wanted = counts_from.strip().lower()
    for test in (
        lambda part: part.file.lower() == wanted,
        lambda part: str(part.provenance.get("dialect", "")).lower() == wanted,
        lambda part: wanted in part.file.lower().rsplit("/", 1)[-1],
    ):
        fitting = [p for p, part in enumerate(parts) if test(part)]
        if len(fitting) == 1:
            return fitting[0]
    listed = ", ".join(f"{part.file} ({part.provenance.get('dialect', '')})" for part in parts)
    raise InputError(f"counts_from {counts_from} names none or several of {listed}", file=parts[0].file)


def _take(parts: Sequence[Calls], chosen: Sequence[tuple[int, int]]) -> Calls:
    """Rows of several lists as one list."""
    n_samples = len(parts[0].samples)
    alt = np.zeros((len(chosen), n_samples), dtype=np.int32)
    depth = np.zeros_like(alt)
    most = max(part.n_mutations for part in parts)
    for at, (p, row) in enumerate(chosen):
        alt[at], depth[at] = parts[p].alt[row], parts[p].depth[row]
    return Calls(
        file="",
        samples=list(parts[0].samples),
        ids=[parts[p].ids[row] for p, row in chosen],
        chroms=[parts[p].chroms[row] for p, row in chosen],
        positions=np.array([parts[p].positions[row] for p, row in chosen], dtype=np.int64),
        refs=[parts[p].refs[row] for p, row in chosen],
        alts=[parts[p].alts[row] for p, row in chosen],
        lines=np.array([parts[p].lines[row] for p, row in chosen], dtype=np.int64),
        alt=alt,
        depth=depth,
        genes=[parts[p].genes[row] for p, row in chosen],
        normals={
            name: np.array([parts[p].normals.get(name, nothing)[row] for p, row in chosen], dtype=np.int32)
            for name, nothing in {name: np.zeros((most, 2)) for part in parts for name in part.normals}.items()
        },
    )
