"""How a structural variant is written as an allele."""

from __future__ import annotations

import re

__all__ = ["breakend_partner", "is_structural"]

_SYMBOL = re.compile(r"<(?:DEL|DUP|INV|INS|BND|TRA|CTX|ITX)\b[^>]*>", re.IGNORECASE)
_BREAKEND = re.compile(r"[\[\]]([^\[\]]+):(\d+)[\[\]]")
_SINGLE = re.compile(r"\.[ACGTN]+|[ACGTN]+\.", re.IGNORECASE)


def is_structural(alt: str) -> bool:
    """Whether an alternate allele is a deletion, duplication, inversion, insertion or junction in symbols.

    Examples
    --------
    >>> [is_structural(alt) for alt in ("<DEL>", "<DUP:TANDEM>", "G]17:198982]", "A.", "<NON_REF>", "AT")]
    [True, True, True, True, False, False]
    """
    return bool(_SYMBOL.fullmatch(alt) or _BREAKEND.search(alt) or _SINGLE.fullmatch(alt))


def breakend_partner(alt: str) -> tuple[str, int] | None:
    """Find the place (contig, 1-based position) that a breakend is joined to; None if the allele is no breakend.

    Examples
    --------
    >>> breakend_partner("]chr13:123456]T"), breakend_partner("<DEL>")
    (('chr13', 123456), None)
    """
    found = _BREAKEND.search(alt)
    return (found.group(1), int(found.group(2))) if found else None
