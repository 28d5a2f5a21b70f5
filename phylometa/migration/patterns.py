"""Patterns of migration: none, parallel single-source, single-source, multi-source, reseeding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from phylometa.migration.comigration import is_acyclic

__all__ = ["PATTERNS", "Pattern", "is_within_pattern", "migration_pattern"]

Pattern = Literal["PS", "S", "M", "R"]
PATTERNS: tuple[str, ...] = ("none", "PS", "S", "M", "R")


def migration_pattern(pairs: Iterable[tuple[int, int]]) -> str:
    """Classify the pattern of a migration graph.

    Parameters
    ----------
    pairs : iterable of (source, target)
        Distinct or repeated; sites as integers.

    Returns
    -------
    str
        ``none``: no migration; ``PS``: one seeding site (sigma = 1); ``R``: a directed cycle; ``S``: every site has
        one source; ``M``: otherwise. Source: El-Kebir et al. 2018, doi:10.1038/s41588-018-0106-z.

    Examples
    --------
    >>> [migration_pattern(p) for p in ([], [(0, 1)], [(0, 1), (1, 2)], [(0, 1), (0, 2), (1, 2)], [(0, 1), (1, 0)])]
    ['none', 'PS', 'S', 'M', 'R']
    """
    graph = frozenset(pairs)
    if not graph:
        return "none"
    if len({s for s, _ in graph}) == 1:
        return "PS"
    if not is_acyclic(graph):
        return "R"
    return "S" if len({t for _, t in graph}) == len(graph) else "M"


def is_within_pattern(pattern: str, bound: str | None) -> bool:
    """Return whether `pattern` is allowed under the upper `bound` (PS within S within M within R; None allows all)."""
    return bound is None or PATTERNS.index(pattern) <= PATTERNS.index(bound)
