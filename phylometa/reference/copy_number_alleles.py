"""How a copy-number event is written as an allele, so that it can be one more row of a table of mutations."""

from __future__ import annotations

__all__ = ["event_allele", "is_copy_number_event"]

_PREFIX = "<CN:"


def event_allele(name: str) -> str:
    """Write the allele of an event by its name (``8q_gain``), which no other event of the patient has.

    Place and allele tell rows of a table apart, and the gain of an arm begins where that of its first segment does.
    """
    return f"{_PREFIX}{name}>"


def is_copy_number_event(alt: str) -> bool:
    """Whether an alternate allele is a copy-number event, which has no reads of its own.

    Examples
    --------
    >>> is_copy_number_event(event_allele("8q_gain")), is_copy_number_event("<DEL>")
    (True, False)
    """
    return alt.startswith(_PREFIX)
