"""Labels along a line that keep their distance from one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["nice_ticks", "spread"]


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Place labels of `sizes` within [low, high], as near to the `wanted` centres (ascending) as can be without
    overlap: least squares by pooling adjacent violators.

    Parameters
    ----------
    wanted, sizes : sequences of float, equal length
    low, high : float

    Returns
    -------
    list of float
        If all sizes together exceed the room, the labels are packed evenly (and overlap).

    Examples
    --------
    >>> spread([10, 11, 50], [4, 4, 4], 0, 60)
    [8.5, 12.5, 50.0]
    """
    if not wanted:
        return []
    size = np.asarray(sizes, dtype=float)
    ends = np.cumsum(size)
    offsets = ends - 0.5 * size  # centre of each label if all were packed from 0
    goals = np.asarray(wanted, dtype=float) - offsets
    blocks: list[tuple[float, int]] = []  # (mean goal, members): non-decreasing shifts are free of overlap
    for goal in goals:
        mean, count = float(goal), 1
        while blocks and blocks[-1][0] >= mean:
            last_mean, last_count = blocks.pop()
            mean = (mean * count + last_mean * last_count) / (count + last_count)
            count += last_count
        blocks.append((mean, count))
    shifts = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
    room = high - low - float(ends[-1])
    if room < 0:
        return [float(low + (high - low) * offset / ends[-1]) for offset in offsets]
    return [float(value) for value in np.clip(shifts, low, low + room) + offsets]


def nice_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Choose about `count` round numbers within [low, high]."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=max(1, count), steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * max(1.0, abs(high - low))
    return [float(tick) for tick in ticks if low - slack <= tick <= high + slack]
