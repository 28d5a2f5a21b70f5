"""Tables of mutational signatures in their usual layout, and the therapies whose processes are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError, Problem

__all__ = ["THERAPY_SIGNATURES", "SignatureTable", "channel_of", "read_signatures", "therapies_of"]

THERAPY_SIGNATURES = {
    "platinum": ("SBS31", "SBS35", "DBS5"),
    "5-fluorouracil": ("SBS17b",),
    "temozolomide": ("SBS11",),
    "thiopurine": ("SBS87",),
    "radiation": ("ID8",),
}
"""Therapy -> columns of its process, by the names of COSMIC (Alexandrov et al. 2020, Nature 578:94; Pich et al. 2019,
Nat Genet 51:1732; Li et al. 2020, Blood 135:41; Kocakavuk et al. 2021, Nat Genet 53:1088)."""
_WORDS = {
    "platinum": ("platin", "folfox", "capox", "xelox", "folfirinox"),
    "5-fluorouracil": ("fluorouracil", "5-fu", "5fu", "folfox", "folfiri", "capecitabine", "capox", "xelox"),
    "temozolomide": ("temozolomid", "dacarbazin"),
    "thiopurine": ("thiopurin", "azathioprin", "mercaptopurin", "thioguanin"),
    "radiation": ("radiotherap", "radiation"),
}
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_SINGLE = re.compile(r"[ACGT]\[[CT]>[ACGT]\][ACGT]")
_DOUBLE = re.compile(r"[ACGT]{2}>[ACGT]{2}")
# Deletions as the usual tables name them: length (5: or more), kind (the base, R: repeat, M: microhomology), repeats.
_DELETION = re.compile(r"([1-5]):DEL:([CTRM]):[0-5]")
_LONGEST = 5


@dataclass(frozen=True, eq=False)
class SignatureTable:
    """Signatures over channels.

    Parameters
    ----------
    channels : tuple of str
        ``A[C>A]A`` for single bases, ``AC>CA`` for doublets; ``1:DEL:C``, ``1:DEL:T``, ``2:DEL`` to ``5:DEL`` (5 bp or
        more) for deletions, over all repeats around them.
    names : tuple of str
    values : float64 array (channels, names)
        Each column adds up to 1.
    """

    channels: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]


def read_signatures(path: str | Path) -> SignatureTable:
    """Read the signatures of a table: one row per channel in its first column, one column per signature.

    Rows of deletions are summed over the repeats around them, which need the reference; insertions are left out.

    Raises
    ------
    InputError
        A cell that is no share, a channel given twice, or no channel of single bases or doublets at all.
    """
    path = Path(path)
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=str(path)) from None
    mark = "\t" if lines and "\t" in lines[0] else ","
    names = [cell.strip() for cell in lines[0].split(mark)][1:] if lines else []
    problems = []
    found: dict[str, list[list[float]]] = {}
    given = set()
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split(mark)]
        channel = _channel_of_row(cells[0].upper())
        if not channel:
            continue
        if cells[0].upper() in given:
            problems.append(Problem(f"{cells[0]} is given twice", file=str(path), row=number))
        given.add(cells[0].upper())
        row = []
        for name, cell in zip(names, cells[1:]):
            try:
                value = float(cell)
            except ValueError:
                value = -1.0
            if not 0 <= value <= 1:
                problems.append(Problem(f"{cell!r} is no share in [0, 1]", file=str(path), row=number, column=name))
            row.append(value)
        if len(row) != len(names):
            problems.append(Problem(f"{len(cells)} cells, expected {len(names) + 1}", file=str(path), row=number))
        found.setdefault(channel, []).append(row)
    if not found:
        text = "holds no channel such as A[C>A]A or AC>CA in its first column"
        raise InputError(text, file=str(path))
    if problems:
        raise InputError(problems)
    values = np.array([np.sum(rows, axis=0) for rows in found.values()], dtype=np.float64)
    keep, told = values.sum(axis=0) > 0, values.sum(axis=1) > 0
    kept = tuple(name for name, is_kept in zip(names, keep) if is_kept)
    channels = tuple(channel for channel, is_told in zip(found, told) if is_told)
    values = values[told][:, keep]
    return SignatureTable(channels, kept, values / values.sum(axis=0))


def _channel_of_row(text: str) -> str:
    """Name the channel that a row of a table belongs to; empty if its mutations cannot be told."""
    deletion = _DELETION.fullmatch(text)
    if deletion:
        length, kind = deletion.groups()
        return f"1:DEL:{kind}" if length == "1" else f"{length}:DEL"
    return text if _SINGLE.fullmatch(text) or _DOUBLE.fullmatch(text) else ""


def channel_of(ref: str, alt: str, context: str) -> str:
    """Name the channel of a mutation on the strand of the pyrimidine; empty if it has none.

    Examples
    --------
    >>> channel_of("G", "A", "CGT"), channel_of("C", "T", "ACG"), channel_of("CA", "TT", "")
    ('A[C>T]G', 'A[C>T]G', 'TG>AA')
    >>> channel_of("TG", "T", ""), channel_of("ACCTGAT", "A", "")
    ('1:DEL:C', '5:DEL')
    """
    ref, alt, context = ref.upper().strip("-"), alt.upper().strip("-"), context.upper()
    if len(ref) > len(alt) and ref.startswith(alt) and set(ref) <= set("ACGT"):
        deleted = ref[len(alt) :]
        if len(deleted) > 1:
            return f"{min(len(deleted), _LONGEST)}:DEL"
        return f"1:DEL:{_reverse(deleted) if deleted in 'AG' else deleted}"
    if len(ref) == len(alt) == 2 and set(ref + alt) <= set("ACGT"):
        forms = (f"{ref}>{alt}", f"{_reverse(ref)}>{_reverse(alt)}")
        return min(forms, key=lambda form: (form[:2] not in _DOUBLETS, form))
    if len(ref) != 1 or len(alt) != 1 or len(context) != 3 or context[1] != ref:
        return ""
    if ref in "AG":
        ref, alt, context = _reverse(ref), _reverse(alt), _reverse(context)
    return f"{context[0]}[{ref}>{alt}]{context[2]}" if set(ref + alt + context) <= set("ACGT") else ""


# Reference doublets as they are written in the usual tables.
_DOUBLETS = ("AC", "AT", "CC", "CG", "CT", "GC", "TA", "TC", "TG", "TT")


def _reverse(text: str) -> str:
    return text.translate(_COMPLEMENT)[::-1]


def therapies_of(kind: str) -> tuple[str, ...]:
    """List therapies with a known process that the words of a treatment name.

    Examples
    --------
    >>> therapies_of("FOLFOX"), therapies_of("systemic")
    (('platinum', '5-fluorouracil'), ())
    """
    return tuple(name for name, words in _WORDS.items() if any(word in kind.lower() for word in words))


def therapy_columns(table: SignatureTable, therapy: str) -> Sequence[int]:
    """Columns of the table that belong to a therapy's process."""
    return [i for i, name in enumerate(table.names) if name in THERAPY_SIGNATURES[therapy]]
