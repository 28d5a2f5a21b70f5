"""One spelling of a change: alleles as short as they can be."""

from __future__ import annotations

__all__ = ["shortest_alleles"]


def shortest_alleles(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Cut what both alleles end and begin with, as far as each keeps one base.

    Parameters
    ----------
    position : int
        0-based, of the first base of `ref`.
    ref, alt : str
        Bases.

    Returns
    -------
    position, ref, alt
        A record of several alleles spells each at the length of the longest (``GAT>GT,G``), a record of one does not
        (``GA>G``): this makes them one. Changes inside repeats are not moved, for which the reference is needed.

    Examples
    --------
    >>> shortest_alleles(99, "GAT", "GT"), shortest_alleles(99, "AC", "AT"), shortest_alleles(99, "A", "T")
    ((99, 'GA', 'G'), (100, 'C', 'T'), (99, 'A', 'T'))
    """
    end = 0
    while end < min(len(ref), len(alt)) - 1 and ref[-1 - end] == alt[-1 - end]:
        end += 1
    ref, alt = ref[: len(ref) - end], alt[: len(alt) - end]
    start = 0
    while start < min(len(ref), len(alt)) - 1 and ref[start] == alt[start]:
        start += 1
    return position + start, ref[start:], alt[start:]
