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
}
"""Therapy -> columns of its process, by the names of COSMIC (Alexandrov et al. 2020, Nature 578:94; Pich et al. 2019,
Nat Genet 51:1732; Li et al. 2020, Blood 135:41)."""
_WORDS = {
    "platinum": ("platin", "folfox", "capox", "xelox", "folfirinox"),
    "5-fluorouracil": ("fluorouracil", "5-fu", "5fu", "folfox", "folfiri", "capecitabine", "capox", "xelox"),
    "temozolomide": ("temozolomid", "dacarbazin"),
    "thiopurine": ("thiopurin", "azathioprin", "mercaptopurin", "thioguanin"),
}
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_SINGLE = re.compile(r"[ACGT]\[[CT]>[ACGT]\][ACGT]")
_DOUBLE = re.compile(r"[ACGT]{2}>[ACGT]{2}")


@dataclass(frozen=True, eq=False)
class SignatureTable:
    """Signatures over channels.

    Parameters
    ----------
    channels : tuple of str
        ``A[C>A]A`` for single bases, ``AC>CA`` for doublets.
    names : tuple of str
    values : float64 array (channels, names)
        Each column adds up to 1.
    """

    channels: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]


def read_signatures(path: str | Path) -> SignatureTable:
    """Read the signatures of a table: one row per channel in its first column, one column per signature.

    Rows of indels are left out: their channels need the reference around them.

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
    problems, channels, rows = [], [], []
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split(mark)]
        channel = cells[0].upper()
        if not (_SINGLE.fullmatch(channel) or _DOUBLE.fullmatch(channel)):
            continue
        if channel in channels:
            problems.append(Problem(f"{cells[0]} is given twice", file=str(path), row=number))
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
        channels.append(channel)
        rows.append(row)
    if not channels:
        text = "holds no channel such as A[C>A]A or AC>CA in its first column"
        raise InputError(text, file=str(path))
    if problems:
        raise InputError(problems)
    values = np.array(rows, dtype=np.float64)
    keep = values.sum(axis=0) > 0
    kept = tuple(name for name, is_kept in zip(names, keep) if is_kept)
    return SignatureTable(tuple(channels), kept, values[:, keep] / values[:, keep].sum(axis=0))


def channel_of(ref: str, alt: str, context: str) -> str:
    """Name the channel of a mutation on the strand of the pyrimidine; empty if it has none.

    Examples
    --------
    >>> channel_of("G", "A", "CGT"), channel_of("C", "T", "ACG"), channel_of("CA", "TT", "")
    ('A[C>T]G', 'A[C>T]G', 'TG>AA')
    """
    ref, alt, context = ref.upper(), alt.upper(), context.upper()
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
