"""Explicit histories from the compact structure of all optimal ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from phylometa.migration.arborescences import bits, list_arborescences
from phylometa.migration.comigration import Edge
from phylometa.migration.optimal import OptimalHistories

__all__ = ["Remembered", "concatenations", "list_histories"]

T = TypeVar("T")


def list_histories(optimal: OptimalHistories, reach: Sequence[int] | None = None) -> Iterator[tuple[Edge, ...]]:
    """The optimal histories one by one, each as edges (u, s, v, t), parent first; the order is fixed.

    Parameters
    ----------
    optimal : OptimalHistories
    reach : sequence of int, optional
        Only histories whose migrations all lie in this graph.

    Yields
    ------
    tuple of (departing clone, source, founding clone, target)
    """
    question = optimal.question
    if not optimal.is_feasible:
        return
    allowed = optimal.reach if reach is None else tuple(reach)
    trees: dict[tuple[int, int], Remembered[tuple[tuple[int, int], ...]]] = {}
    below: dict[tuple[int, int], Remembered[tuple[Edge, ...]]] = {}

    def subtree(v: int, entry: int) -> Iterator[tuple[Edge, ...]]:
        for alternative in optimal.alternatives[v]:
            sites = alternative.sites
            if alternative.entries >> entry & 1:
                if (sites, entry) not in trees:
                    trees[sites, entry] = Remembered(list_arborescences(sites, entry, allowed))
                parts: list[Callable[[], Iterator[tuple[Edge, ...]]]] = [partial(within, v, trees[sites, entry])]
                for child, stay, cross in alternative.children:
                    parts.append(partial(branch, v, sites, child, stay, cross))
                if all(next(part(), None) is not None for part in parts):
                    yield from concatenations(parts)

    def within(v: int, spanning: Remembered[tuple[tuple[int, int], ...]]) -> Iterator[tuple[Edge, ...]]:
        for tree in spanning:
            yield tuple((v, s, v, t) for s, t in tree)

    def branch(v: int, sites: int, child: int, stay: int, cross: int) -> Iterator[tuple[Edge, ...]]:
        entering = [(t, t) for t in bits(stay)]
        entering += [(s, t) for t in bits(cross) for s in bits(sites & ~(1 << t)) if allowed[s] >> t & 1]
        for s, t in entering:
            if (child, t) not in below:
                below[child, t] = Remembered(subtree(child, t))
            for rest in below[child, t]:
                yield ((v, s, child, t), *rest)

    yield from subtree(question.root, question.primary)


def concatenations(parts: Sequence[Callable[[], Iterator[tuple[Edge, ...]]]]) -> Iterator[tuple[Edge, ...]]:
    """One item of every part, joined; the last part varies fastest, and nothing is produced ahead of its use."""
    for head in parts[0]():
        if len(parts) == 1:
            yield head
        else:
            for tail in concatenations(parts[1:]):
                yield head + tail


class Remembered(Generic[T]):
    """An iterator that can be gone through again, produced only as far as it was needed."""

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._items: list[T] = []

    def __iter__(self) -> Iterator[T]:
        i = 0
        while True:
            if i == len(self._items):
                item = next(self._source, None)
                if item is None:
                    return
                self._items.append(item)
            yield self._items[i]
            i += 1
