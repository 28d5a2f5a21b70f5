"""Numbers with their nouns."""

from __future__ import annotations

__all__ = ["counted"]


def counted(n: int, noun: str, plural: str = "") -> str:
    """Write a number and its noun, in the plural unless it is one.

    Examples
    --------
    >>> counted(1, "patient"), counted(0, "patient"), counted(2, "copy", "copies")
    ('1 patient', '0 patients', '2 copies')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"
