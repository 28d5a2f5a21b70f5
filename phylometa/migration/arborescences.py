"""Rooted spanning trees on a few sites, as bitmasks: which roots reach everything, how many trees, and all of them.

A set of sites is an integer with bit s set for site s. ``reach[s]`` is the set of sites to which s may send clones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["bits", "count_arborescences", "list_arborescences", "spanning_roots"]


def bits(mask: int) -> list[int]:
    """List the sites of a set, ascending.

    Examples
    --------
    >>> bits(0b1101)
    [0, 2, 3]
    """
    sites = []
    while mask:
        low = mask & -mask
        sites.append(low.bit_length() - 1)
        mask ^= low
    return sites


def spanning_roots(sites: int, reach: Sequence[int]) -> int:
    """Find the sites of `sites` from which all others can be reached within the set."""
    if not sites & (sites - 1):
        return sites
    roots = 0
    waiting = sites
    while waiting:
        start = waiting & -waiting
        waiting ^= start
        seen = start
        frontier = start
        while frontier:
            low = frontier & -frontier
            frontier ^= low
            new = reach[low.bit_length() - 1] & sites & ~seen
            if new & roots:  # a spanning root is reached: so is everything
                seen = sites
                break
            seen |= new
            frontier |= new
        if seen == sites:
            roots |= start
    return roots


def count_arborescences(sites: int, root: int, reach: Sequence[int], full: bool = False) -> int:
    """Count the spanning trees of `sites` directed away from `root` (exact integer).

    Parameters
    ----------
    sites : int
        Bitmask of the set.
    root : int
        A site of it.
    reach : sequence of int
        Allowed targets of every site, as bitmasks.
    full : bool
        True if every pair of the set is known to be allowed: Cayley's m**(m - 2).

    Returns
    -------
    int
        By the directed matrix-tree theorem (Tutte 1948): the determinant of the in-degree Laplacian without the
        root's row and column, by fraction-free elimination (Bareiss 1968, doi:10.2307/2004533).

    Examples
    --------
    >>> count_arborescences(0b111, 0, [0b110, 0b101, 0b011])
    3
    """
    members = bits(sites)
    n = len(members)
    if n <= 2:
        return 1 if n == 1 or reach[root] & sites & ~(1 << root) else 0
    if full:
        return int(n ** (n - 2))
    others = [s for s in members if s != root]
    matrix = [
        [sum(1 for p in members if p != t and reach[p] >> t & 1) if s == t else -(reach[s] >> t & 1) for t in others]
        for s in others
    ]
    previous = 1
    for k in range(n - 2):
        if matrix[k][k] == 0:  # an M-matrix: a zero pivot has a zero column, no site leads there
            return 0
        for i in range(k + 1, n - 1):
            for j in range(k + 1, n - 1):
                matrix[i][j] = (matrix[i][j] * matrix[k][k] - matrix[i][k] * matrix[k][j]) // previous
        previous = matrix[k][k]
    return matrix[n - 2][n - 2]


def list_arborescences(sites: int, root: int, reach: Sequence[int]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield all spanning trees of `sites` away from `root`, each as (source, target) pairs, parent first; no limit.

    Examples
    --------
    >>> list(list_arborescences(0b111, 0, [0b110, 0b100, 0b000]))
    [((0, 1), (0, 2)), ((0, 1), (1, 2))]
    """
    others = [s for s in bits(sites) if s != root]
    sources = [[p for p in bits(sites) if p != t and reach[p] >> t & 1] for t in others]
    parent: dict[int, int] = {}

    def extend(i: int) -> Iterator[tuple[tuple[int, int], ...]]:
        if i == len(others):
            order = [root]
            pairs = []
            for s in order:
                for t in others:
                    if parent[t] == s:
                        pairs.append((s, t))
                        order.append(t)
            yield tuple(pairs)
            return
        t = others[i]
        for p in sources[i]:
            ancestor = p
            while ancestor in parent:
                ancestor = parent[ancestor]
            if ancestor != t:  # no cycle so far
                parent[t] = p
                yield from extend(i + 1)
                del parent[t]

    yield from extend(0)
