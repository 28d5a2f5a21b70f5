"""Comigrations of a history: MACHINA's path maximum, and the least number of events with a consistent order.

Sites are small integers; a migration graph is a set of (source, target) site pairs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = ["count_comigrations", "count_consistent_comigrations", "is_acyclic", "migration_forest"]

Edge = tuple[int, int, int, int]


@lru_cache(maxsize=65536)
def is_acyclic(pairs: frozenset[tuple[int, int]]) -> bool:
    """Return True iff the directed graph with these (source, target) edges has no directed cycle.

    Examples
    --------
    >>> is_acyclic(frozenset({(0, 1), (1, 2)})), is_acyclic(frozenset({(0, 1), (1, 0)}))
    (True, False)
    """
    remaining = set(pairs)
    while remaining:
        targets = {t for _, t in remaining}
        kept = {(s, t) for s, t in remaining if s in targets}
        if len(kept) == len(remaining):
            return False
        remaining = kept
    return True


def count_comigrations(edges: Sequence[Edge]) -> int:
    r"""Compute gamma: for every ordered pair of sites the largest number of such migrations on one path, summed.

    .. math:: \gamma = \sum_{s \neq t} \max_{\text{root-to-leaf paths } p} |\{(u, s) \to (v, t) \in p\}|

    Parameters
    ----------
    edges : sequence of (departing clone, source, founding clone, target)
        All edges of the history, parent first.

    Returns
    -------
    int

    Notes
    -----
    A pair repeats on a path only if the path returns to its source, so in an acyclic migration graph gamma is the
    number of edges of that graph. Source: El-Kebir et al. 2018, doi:10.1038/s41588-018-0106-z.

    Examples
    --------
    >>> count_comigrations([(0, 0, 1, 1), (1, 1, 2, 0), (2, 0, 3, 1), (0, 0, 4, 1)])
    3
    """
    pairs = frozenset((s, t) for _, s, _, t in edges if s != t)
    if is_acyclic(pairs):
        return len(pairs)
    on_path: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    most: dict[tuple[int, int], int] = {}
    for u, s, v, t in edges:
        counts = on_path.get((u, s), {})
        if s != t:
            counts = dict(counts)
            counts[s, t] = counts.get((s, t), 0) + 1
            most[s, t] = max(most.get((s, t), 0), counts[s, t])
        on_path[v, t] = counts
    return sum(most.values())


def migration_forest(edges: Sequence[Edge]) -> tuple[list[tuple[int, int]], list[int]]:
    """Put the migrations of a history in the partial order of the tree.

    Parameters
    ----------
    edges : sequence of (departing clone, source, founding clone, target)
        Parent first.

    Returns
    -------
    labels : list of (source, target)
        One entry a migration.
    parents : list of int
        The migration that most recently preceded it on its path; -1 if there is none.
    """
    labels: list[tuple[int, int]] = []
    parents: list[int] = []
    last: dict[tuple[int, int], int] = {}
    for u, s, v, t in edges:
        before = last.get((u, s), -1)
        if s != t:
            labels.append((s, t))
            parents.append(before)
            before = len(labels) - 1
        last[v, t] = before
    return labels, parents


def count_consistent_comigrations(edges: Sequence[Edge], *, most_states: int | None = None) -> int | None:
    """Count the fewest comigration events that can be put in one order of time consistent with the history.

    An event moves clones from one site to another at one time; migrations of one path never share an event. MACHINA's
    path maximum takes each pair of sites by itself, and may need two events to be each before the other. Exact: A*
    over the sets of migrations that have not happened yet; an event takes every migration of its pair that can
    happen by then (leaving one for later never helps).

    Parameters
    ----------
    edges : sequence of (departing clone, source, founding clone, target)
        All edges of the history, parent first.
    most_states : int, optional
        States that the search may look at; by default any number.

    Returns
    -------
    int or None
        At least `count_comigrations`, and equal to it if the migration graph is acyclic. None if the search was cut.

    Examples
    --------
    >>> there_and_back = [(0, 0, 1, 1), (1, 1, 2, 0), (0, 0, 3, 2), (3, 2, 4, 0)]
    >>> count_consistent_comigrations(there_and_back)
    4
    >>> path_1 = [(0, 0, 1, 1), (1, 1, 2, 0), (2, 0, 3, 2), (3, 2, 4, 0)]
    >>> path_2 = [(0, 0, 5, 2), (5, 2, 6, 0), (6, 0, 7, 1), (7, 1, 8, 0)]
    >>> count_comigrations(path_1 + path_2), count_consistent_comigrations(path_1 + path_2)
    (4, 6)
    """
    labels, parents = migration_forest(edges)
    if is_acyclic(frozenset(labels)):
        return len(set(labels))
    children: list[list[int]] = [[] for _ in labels]
    for migration, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(migration)
    # The path maxima below every migration, itself included: the bound on what is still to come. A pair's count is so
    # many ones in the bits of the pair, so that the largest of several counts is their "or", and the sum counts bits.
    first, bits = 0, {}
    for label in sorted(set(labels)):
        bits[label] = 1 << first, ((1 << labels.count(label)) - 1) << first
        first += labels.count(label)
    below = [0] * len(labels)
    for migration in reversed(range(len(labels))):
        counts = _union(below[child] for child in children[migration])
        lowest, of_pair = bits[labels[migration]]
        below[migration] = counts | (counts & of_pair) << 1 | lowest

    start = tuple(migration for migration, parent in enumerate(parents) if parent < 0)
    queue = [(_union(below[m] for m in start).bit_count(), 0, start)]
    seen = {start: 0}
    while True:
        _, negative_events, frontier = heapq.heappop(queue)
        events = -negative_events
        if not frontier:
            return events
        if seen[frontier] < events:
            continue
        if most_states is not None and len(seen) > most_states:
            return None
        for label in sorted({labels[m] for m in frontier}):
            following = [m for m in frontier if labels[m] != label]
            for m in frontier:
                if labels[m] == label:
                    following.extend(children[m])
            state = tuple(sorted(following))
            if seen.get(state, len(labels) + 1) > events + 1:
                seen[state] = events + 1
                bound = _union(below[m] for m in state).bit_count()
                heapq.heappush(queue, (events + 1 + bound, -(events + 1), state))


def _union(sets: Iterable[int]) -> int:
    """All bits that are set in any of `sets`."""
    union = 0
    for each in sets:
        union |= each
    return union
