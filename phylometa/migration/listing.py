"""Explicit histories from the compact structure of all optimal ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain, product
from typing import Generic, TypeVar

from phylometa.migration.arborescences import bits, list_arborescences, spanning_roots
from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import OptimalHistories

__all__ = ["Choice", "Remembered", "list_histories", "viable_entries", "walk_choices"]

T = TypeVar("T")
State = TypeVar("State", bound=Hashable)
# Edges within a clone and to its children, and how each child is entered.
Choice = tuple[tuple[Edge, ...], tuple[tuple[int, State], ...]]


def list_histories(optimal: OptimalHistories, reach: Sequence[int] | None = None) -> Iterator[tuple[Edge, ...]]:
    """Yield the optimal histories one by one, each as edges (u, s, v, t), parent first; the order is fixed.

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
    allowed = optimal.reach if reach is None else tuple(reach)
    viable = viable_entries(optimal, allowed)
    if not viable[question.root] >> question.primary & 1:
        return
    trees: dict[tuple[int, int], Remembered[tuple[tuple[int, int], ...]]] = {}

    def choices(v: int, entry: int) -> Iterator[Choice[int]]:
        for alternative in optimal.alternatives[v]:
            sites = alternative.sites
            if not alternative.entries >> entry & 1:
                continue
            if (sites, entry) not in trees:
                trees[sites, entry] = Remembered(list_arborescences(sites, entry, allowed))
            ways = []
            for child, stay, cross in alternative.children:
                entering = [(t, t) for t in bits(stay & viable[child])]
                for t in bits(cross & viable[child]):
                    entering += [(s, t) for s in bits(sites & ~(1 << t)) if allowed[s] >> t & 1]
                ways.append([((v, s, child, t), (child, t)) for s, t in entering])
            for tree in trees[sites, entry]:
                within = tuple((v, s, v, t) for s, t in tree)
                for picked in product(*ways):
                    yield (*within, *(edge for edge, _ in picked)), tuple(way for _, way in picked)

    yield from walk_choices(question.order, question.primary, choices)


def walk_choices(
    order: Sequence[int], start: State, choices: Callable[[int, State], Iterator[Choice[State]]]
) -> Iterator[tuple[Edge, ...]]:
    """Yield all histories by one choice per clone, none a dead end; without recursion, for trees of any depth.

    Parameters
    ----------
    order : sequence of int
        Clones, parents first.
    start : hashable
        How the root is entered.
    choices : callable
        Of a clone and how it is entered: edges within it and to its children, and how each child is entered.
    """
    remembered: dict[tuple[int, State], Remembered[Choice[State]]] = {}
    entered = {order[0]: start}
    edges: list[tuple[Edge, ...]] = [()] * len(order)
    open_choices: list[Iterator[Choice[State]]] = []
    depth = 0
    while True:
        if depth == len(open_choices):
            key = (order[depth], entered[order[depth]])
            if key not in remembered:
                remembered[key] = Remembered(choices(*key))
            open_choices.append(iter(remembered[key]))
        choice = next(open_choices[depth], None)
        if choice is None:
            open_choices.pop()
            depth -= 1
            if depth < 0:
                return
            continue
        edges[depth], ways = choice
        entered.update(ways)
        if depth == len(order) - 1:
            yield tuple(chain.from_iterable(edges))
        else:
            depth += 1


def viable_entries(optimal: OptimalHistories, reach: Sequence[int]) -> list[int]:
    """Find the entering sites of every clone from which an optimal subtree within the graph exists."""
    question = optimal.question
    viable = [0] * len(question.parents)
    out_of: dict[int, int] = {}  # sites within one migration of a set
    roots_of: dict[int, int] = {}
    for v in reversed(question.order):
        for alternative in optimal.alternatives[v]:
            sites = alternative.sites
            if sites not in out_of:
                out = 0
                for s in bits(sites):
                    out |= reach[s]
                out_of[sites], roots_of[sites] = out, spanning_roots(sites, reach)
            out = out_of[sites]
            for child, stay, cross in alternative.children:
                if not viable[child] & (stay | cross & out):
                    break
            else:
                viable[v] |= alternative.entries & roots_of[sites]
    return viable


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
