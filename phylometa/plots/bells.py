"""Clones of a sample as bells: each grows within its parent from the left to its share at the right.

Nesting cannot be violated: a clone's place is given within its parent's, and between dated samples all boundaries are
the same convex combination of those at both ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import children_of
from phylometa.plots.scene import Command

__all__ = ["SMALLEST", "Bells", "bells_of", "nested_intervals", "smooth_band", "visible_forest"]

SMALLEST = 0.01  # least share of a sample's tumour cells that is drawn
_SEED = 0.16  # height at which a founder begins, as a share of its last
_LAST_START = 0.7  # where the deepest clone begins, as a share of the way to the first sample
_STEPS, _BETWEEN = 9, 5


@dataclass(frozen=True, eq=False)
class Bells:
    """Courses of the clones of one sample, or of the dated samples of one site.

    Parameters
    ----------
    clones : tuple of int
        Those drawn, ancestors before descendants.
    x : float array (n,)
        From 0 (left) to 1.
    bands : float array (clones, n, 2)
        Lower and upper end in [0, 1]; equal where a clone is not there yet.
    founders : tuple of int
        Clones that lie in no other.
    own : mapping
        Clone -> middle of the part of its band at the right that no other covers, and the part's height.
    """

    clones: tuple[int, ...]
    x: FloatArray
    bands: FloatArray
    founders: tuple[int, ...]
    own: dict[int, tuple[float, float]]

    def band(self, clone: int) -> FloatArray:
        """The course (n, 2) of a clone that is drawn."""
        return np.asarray(self.bands[self.clones.index(clone)])


def visible_forest(parents: Sequence[int], shares: FloatArray, founders: Iterable[int]) -> dict[int, int]:
    """Map the clones to draw to the nearest drawn clone above them, -1 for those that came from elsewhere.

    Parameters
    ----------
    parents : sequence of int, length K
        Clone tree.
    shares : float array (K, T)
        Of the samples; a clone is drawn if it has at least `SMALLEST` in one.
    founders : iterable of int
        Clones that arrived: they are drawn if they or a descendant are there, and lie in no other.

    Examples
    --------
    >>> visible_forest([-1, 0, 1], np.array([[0.5], [0.0], [0.5]]), ())
    {0: -1, 2: 0}
    """
    children = children_of(np.asarray(parents))
    root = next(v for v, parent in enumerate(parents) if parent < 0)
    order, stack = [], [root]
    while stack:
        v = stack.pop()
        order.append(v)
        stack.extend(reversed(children[v]))
    total = np.array(shares, dtype=float)
    for v in reversed(order):
        if parents[v] >= 0:
            total[parents[v]] += total[v]
    arrived = {v for v in founders if (total[v] >= SMALLEST).any()}
    forest: dict[int, int] = {}
    for v in order:
        if v not in arrived and not (shares[v] >= SMALLEST).any():
            continue
        above = parents[v]
        while above >= 0 and above not in forest:
            above = parents[above]
        forest[v] = -1 if v in arrived else int(above)
    return forest


def nested_intervals(forest: dict[int, int], shares: FloatArray) -> dict[int, tuple[float, float]]:
    """Place every clone with its descendants within [0, 1] in one sample.

    Parameters
    ----------
    forest : mapping
        Of `visible_forest`.
    shares : float array (K,)

    Returns
    -------
    dict
        A child lies within its parent, siblings do not overlap, and the parent's own share is divided evenly between
        and around its children. What is not drawn is divided around the founders.

    Examples
    --------
    >>> nested_intervals({0: -1, 1: 0}, np.array([0.4, 0.6]))
    {0: (0.0, 1.0), 1: (0.2, 0.8)}
    """
    below: dict[int, list[int]] = {v: [] for v in (-1, *forest)}
    for v, above in forest.items():
        below[above].append(v)
    total = {v: float(shares[v]) for v in forest}
    for v in reversed(list(forest)):
        if forest[v] >= 0:
            total[forest[v]] += total[v]
    rest = max(0.0, 1.0 - sum(total[v] for v in below[-1]))
    ends: dict[int, tuple[float, float]] = {-1: (0.0, 1.0)}
    for v in (-1, *forest):
        gap = (rest if v < 0 else float(shares[v])) / (len(below[v]) + 1)
        at = ends[v][0]
        for child in below[v]:
            at += gap
            ends[child] = at, min(1.0, at + total[child])
            at += total[child]
    return {v: (float(ends[v][0]), float(ends[v][1])) for v in forest}


def bells_of(forest: dict[int, int], shares: FloatArray, times: Sequence[float] = (1.0,)) -> Bells:
    """Compute the courses of clones from their arrival to the samples.

    Parameters
    ----------
    forest : mapping
        Of `visible_forest`.
    shares : float array (K, T)
    times : sequence of float, length T
        Ascending places of the samples in (0, 1], the last at 1. Left of the first only the order of clones is meant.
    """
    clones = tuple(forest)
    first = nested_intervals(forest, shares[:, 0])
    depth: dict[int, int] = {}
    for v, above in forest.items():
        depth[v] = 0 if above < 0 else depth[above] + 1
    step = _LAST_START / max(1, *depth.values()) if depth else 0.0
    grid = np.linspace(0.0, 1.0, _STEPS)
    early = _growth(forest, first, depth, step, grid)
    x, parts = [grid * times[0]], [early]
    for i in range(1, len(times)):
        a, b = nested_intervals(forest, shares[:, i - 1]), nested_intervals(forest, shares[:, i])
        steps = np.linspace(0.0, 1.0, _BETWEEN + 1)[1:]
        weight = steps**2 * (3 - 2 * steps)
        low, high = (np.array([table[v] for v in clones]).reshape(-1, 1, 2) for table in (a, b))
        parts.append((1 - weight)[None, :, None] * low + weight[None, :, None] * high)
        x.append(times[i - 1] + (times[i] - times[i - 1]) * steps)
    last = nested_intervals(forest, shares[:, -1])
    return Bells(
        clones,
        np.concatenate(x),
        np.concatenate(parts, axis=1),
        tuple(v for v in clones if forest[v] < 0),
        {v: _own_part(forest, last, v) for v in clones},
    )


def _growth(
    forest: dict[int, int],
    last: dict[int, tuple[float, float]],
    depth: dict[int, int],
    step: float,
    grid: FloatArray,
) -> FloatArray:
    """Courses (clones, n, 2) up to the intervals `last`."""
    bands: dict[int, FloatArray] = {-1: np.stack([np.zeros(len(grid)), np.ones(len(grid))], axis=1)}
    for v, above in forest.items():
        low, high = (0.0, 1.0) if above < 0 else last[above]
        size = max(high - low, 1e-12)
        a, b = (last[v][0] - low) / size, (last[v][1] - low) / size
        start = step * depth[v]
        grown = np.sin(0.5 * np.pi * np.clip((grid - start) / (1 - start), 0.0, 1.0)) ** 0.8
        if above < 0:
            grown = _SEED + (1 - _SEED) * grown
        middle, half = 0.5 * (a + b), 0.5 * (b - a) * grown
        outer = bands[above]
        length = outer[:, 1] - outer[:, 0]
        bands[v] = np.stack([outer[:, 0] + length * (middle - half), outer[:, 0] + length * (middle + half)], axis=1)
    return np.array([bands[v] for v in forest]).reshape(len(forest), len(grid), 2)


def _own_part(forest: dict[int, int], ends: dict[int, tuple[float, float]], v: int) -> tuple[float, float]:
    """Middle and height of the largest part of a clone's interval that none of its children covers."""
    inner = sorted(ends[child] for child, above in forest.items() if above == v)
    edges = [ends[v][0], *(edge for pair in inner for edge in pair), ends[v][1]]
    free = [(b - a, 0.5 * (a + b)) for a, b in zip(edges[::2], edges[1::2])]
    height, middle = max(free)
    return middle, height


def smooth_band(x: FloatArray, low: FloatArray, high: FloatArray) -> list[Command]:
    """A closed band between two curves through the given points."""
    there = np.flatnonzero(high - low > 1e-9)
    if not len(there):
        return []
    part = slice(max(0, there[0] - 1), None)
    upper = list(zip(x[part].tolist(), low[part].tolist()))
    lower = list(zip(x[part].tolist(), high[part].tolist()))[::-1]
    return [("M", *upper[0]), *_through(upper), ("L", *lower[0]), *_through(lower), ("Z",)]


def _through(points: Sequence[tuple[float, float]]) -> list[Command]:
    """Bezier commands of a monotone-looking curve through `points` (Catmull-Rom)."""
    n, commands = len(points), []
    for i in range(n - 1):
        before, start, end, after = (points[min(max(i + k, 0), n - 1)] for k in (-1, 0, 1, 2))
        first = [s + (e - b) / 6 for b, s, e in zip(before, start, end)]
        second = [e - (a - s) / 6 for s, e, a in zip(start, end, after)]
        commands.append(("C", *first, *second, *end))
    return commands
