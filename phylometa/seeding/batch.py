"""Many histories of one tree side by side, and label columns over them: labels are computed for all at once.

A patient may have 100,000 weighted histories; their labels take few distinct values, so a column keeps each distinct
value once and one small code a history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory
from phylometa.model.patient import Site

__all__ = ["HistoryBatch", "LabelColumn", "batch_histories", "column_of_rows", "column_of_truths", "distinct_rows"]

NOT_ENTERED = -1
"""Code of a history in which a site has no value: no migration entered it."""


class LabelColumn(NamedTuple):
    """Values of one label: the distinct values, and the code of each history's value (-1 if it has none)."""

    values: tuple[str, ...]
    codes: IntArray


@dataclass(frozen=True, eq=False)
class HistoryBatch:
    """Histories of one tree with one presence and the same number of edges.

    Parameters
    ----------
    tree : CloneTree
    sites : sequence of Site
    presence : bool array (K, n_sites)
        Clones observed in sites.
    edges : int64 array (H, E, 4)
        Departing clone, its site, founding clone, its site; parents before children.
    weights : float64 array (H,)
    primary : int
        Site of the root.
    """

    tree: CloneTree
    sites: Sequence[Site]
    presence: BoolArray
    edges: IntArray
    weights: FloatArray
    primary: int

    @property
    def n_histories(self) -> int:
        return len(self.edges)

    @cached_property
    def is_migration(self) -> BoolArray:
        """Edges that change the site (H, E)."""
        changes: BoolArray = self.edges[:, :, 1] != self.edges[:, :, 3]
        return changes

    @cached_property
    def pair_counts(self) -> IntArray:
        """Migrations between each ordered pair of sites (H, n_sites, n_sites): [history, source, target]."""
        n_sites = len(self.sites)
        of_history, edge = np.nonzero(self.is_migration)
        source, target = self.edges[of_history, edge, 1], self.edges[of_history, edge, 3]
        flat = (of_history * n_sites + source) * n_sites + target
        counts = np.bincount(flat, minlength=self.n_histories * n_sites * n_sites)
        return counts.reshape(self.n_histories, n_sites, n_sites)

    @cached_property
    def pairs(self) -> BoolArray:
        """Whether anything migrated between two sites (H, n_sites, n_sites)."""
        return np.asarray(self.pair_counts > 0)

    @cached_property
    def n_sources(self) -> IntArray:
        """Number of sites that seeded each site (H, n_sites)."""
        return np.asarray(self.pairs.sum(axis=1))

    @cached_property
    def is_cyclic(self) -> BoolArray:
        """Histories whose migration graph has a directed cycle (H,)."""
        reach = self.pairs.astype(np.float32)
        for _ in range(len(self.sites).bit_length()):
            reach = np.minimum(reach + reach @ reach, 1.0)
        return np.asarray(np.einsum("hss->h", reach) > 0)

    def clones_of(self, chosen: BoolArray, column: int) -> BoolArray:
        """List the clones (H, K) that stand in `column` of the `chosen` edges (H, E)."""
        members = np.zeros((self.n_histories, self.tree.n_clones), dtype=bool)
        of_history, edge = np.nonzero(chosen)
        members[of_history, self.edges[of_history, edge, column]] = True
        return members

    def clones_in(self, chosen_sites: BoolArray) -> BoolArray:
        """List the clones (H, K) that lie in one of `chosen_sites` (n_sites,), observed there or not."""
        members = self.clones_of(chosen_sites[self.edges[:, :, 3]], 2)
        members[:, self.tree.root] |= chosen_sites[self.primary]
        return members


def batch_histories(
    tree: CloneTree,
    histories: Sequence[MigrationHistory],
    sites: Sequence[Site],
    presence: BoolArray,
    *,
    primary: int,
) -> list[HistoryBatch]:
    """Group the histories of one tree into batches of equal numbers of edges, in the order of their first member."""
    by_size: dict[int, list[MigrationHistory]] = {}
    for history in histories:
        by_size.setdefault(len(history.edges), []).append(history)
    return [
        HistoryBatch(
            tree,
            sites,
            np.asarray(presence, dtype=bool),
            np.stack([history.edges for history in members]).reshape(len(members), -1, 4),
            np.array([history.weight for history in members]),
            primary,
        )
        for members in by_size.values()
    ]


def distinct_rows(rows: BoolArray) -> tuple[BoolArray, IntArray]:
    """Find the distinct rows of a boolean matrix (n, m), and the index of each row among them (n,)."""
    if rows.shape[1] == 0:
        return rows[:1], np.zeros(len(rows), dtype=np.int64)
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    keys: list[bytes] = packed.view(np.dtype((np.void, packed.shape[1]))).ravel().tolist()
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    inverse = np.array([number[key] for key in keys], dtype=np.int64)
    first = np.empty(len(number), dtype=np.int64)
    first[inverse[::-1]] = np.arange(len(keys) - 1, -1, -1)  # of the equal rows the first is written last
    return rows[first], inverse


def column_of_rows(rows: BoolArray, value_of: Callable[[list[int]], str | None]) -> LabelColumn:
    """Make the column of a label that depends on a set of indices, one row of `rows` (H, m) per history.

    `value_of` gets the members of each distinct set; None stands for no value.
    """
    distinct, inverse = distinct_rows(rows)
    return _column([value_of(np.flatnonzero(row).tolist()) for row in distinct], inverse)


def column_of_truths(truths: BoolArray, words: tuple[str, str] = ("False", "True")) -> LabelColumn:
    """Make the column of a yes/no label (H,): ``words[0]`` if False, ``words[1]`` if True."""
    return LabelColumn(words, np.asarray(truths).astype(np.int64))


def _column(values: Iterable[str | None], inverse: IntArray) -> LabelColumn:
    numbers: dict[str, int] = {}
    codes = [NOT_ENTERED if value is None else numbers.setdefault(value, len(numbers)) for value in values]
    return LabelColumn(tuple(numbers), np.array(codes, dtype=np.int64)[inverse])
