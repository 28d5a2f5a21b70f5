"""How a copy-number event is written as an allele, so that it can be one more row of a table of mutations."""

from __future__ import annotations

__all__ = ["event_allele", "is_copy_number_event"]

_PREFIX = "<CN:"


def event_allele(kind: str) -> str:
    """Write the allele of an event of a kind (``gain``, ``loss``, ``cnloh``, ``doubling``)."""
    return f"{_PREFIX}{kind}>"


def is_copy_number_event(alt: str) -> bool:
    """Whether an alternate allele is a copy-number event, which has no reads of its own.

    Examples
    --------
    >>> is_copy_number_event(event_allele("gain")), is_copy_number_event("<DEL>")
    (True, False)
    """
    return alt.startswith(_PREFIX)
