"""Partial trees of the exact enumeration: tables of messages and functionals, and products of all pairs of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["ABSENT", "OPEN", "PartialTrees", "join", "pairwise", "scaled"]

ABSENT = -3  # in a parent vector: the vertex is not part of the partial tree
OPEN = -2  # the parent is the vertex to which a forest will be attached


def _unused() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass
class PartialTrees:
    """Partial trees on one vertex set: message or functional on the grid, and what they look like."""

    vector: FloatArray  # (S, n, G), each scaled to maximum 1
    log_scale: FloatArray  # (n,), summed over samples
    parents: IntArray  # (n, K): ABSENT outside, OPEN at the roots of a forest, -1 at the founder of a context
    first: IntArray = field(default_factory=_unused)  # (n,) key of the first (largest) tree of a forest
    last: IntArray = field(default_factory=_unused)
    leaf: IntArray = field(default_factory=_unused)  # (n,) of a context

    def __len__(self) -> int:
        return len(self.log_scale)

    def take(self, rows: NDArray[Any]) -> PartialTrees:
        keys = (key[rows] if len(key) else key for key in (self.first, self.last, self.leaf))
        return PartialTrees(self.vector[:, rows], self.log_scale[rows], self.parents[rows], *keys)

    @cached_property
    def mass(self) -> FloatArray:
        """Bound on what a message contributes (n,): log of its sum, over samples."""
        return np.asarray(self.log_scale + np.log(self.vector.sum(axis=2)).sum(axis=0))

    @cached_property
    def ancestors(self) -> FloatArray:
        """Proper ancestors within the set (n, K * K)."""
        n, n_vertices = self.parents.shape
        matrix = np.zeros((n, n_vertices, n_vertices))
        rows = np.arange(n)
        for v in range(n_vertices):
            above = self.parents[:, v]
            for _ in range(n_vertices):
                inside = above >= 0
                if not inside.any():
                    break
                matrix[rows[inside], above[inside], v] = 1.0
                above = np.where(inside, self.parents[rows, np.maximum(above, 0)], -1)
        return matrix.reshape(n, -1)


def join(tables: list[PartialTrees]) -> PartialTrees:
    """Join the rows of several tables of the same kind in one."""
    keys = (np.concatenate([getattr(table, name) for table in tables]) for name in ("first", "last", "leaf"))
    return PartialTrees(
        np.concatenate([table.vector for table in tables], axis=1),
        np.concatenate([table.log_scale for table in tables]),
        np.concatenate([table.parents for table in tables]),
        *keys,
    )


def scaled(vector: FloatArray, log_scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scale every vector of (S, n, G) to maximum 1; what was divided away goes to the log scale (n,)."""
    peak = vector.max(axis=2)
    peak = np.where(peak > 0, peak, 1.0)
    return vector / peak[:, :, None], log_scale + np.log(peak).sum(axis=0)


def _toeplitz(vector: FloatArray, *, transposed: bool) -> FloatArray:
    """(S, G) -> (S, G, G): right factor of a convolution (row vector times matrix), or of a correlation."""
    n_samples, n_grid = vector.shape
    padded = np.concatenate([np.zeros((n_samples, n_grid - 1)), vector], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_grid, axis=1)[:, ::-1]
    return np.ascontiguousarray(windows.transpose(0, 2, 1) if transposed else windows)


def _hankel(vector: FloatArray) -> FloatArray:
    """(S, G) -> (S, G, G) with entries vector[x + y]: factor of a correlation."""
    padded = np.concatenate([vector, np.zeros((len(vector), vector.shape[1] - 1))], axis=1)
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, vector.shape[1], axis=1))


def pairwise(left: FloatArray, right: FloatArray, *, correlate: bool = False) -> FloatArray:
    """Compute all pairwise convolutions (S, n1 * n2, G), pairs in row-major order.

    With `correlate`, out(y) = sum_x right(x) left(x + y): the functional `left` of a forest once `right` is part of it.
    """
    n_samples, n_left, n_grid = left.shape
    n_right = right.shape[1]
    out = np.empty((n_samples, n_left, n_right, n_grid))
    if n_right <= n_left:
        for j in range(n_right):
            out[:, :, j] = left @ _toeplitz(right[:, j], transposed=correlate)
    else:
        for i in range(n_left):
            out[:, i] = right @ (_hankel(left[:, i]) if correlate else _toeplitz(left[:, i], transposed=False))
    return out.reshape(n_samples, n_left * n_right, n_grid)
