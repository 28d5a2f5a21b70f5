"""Gains, losses and doublings of a branch: the optimal solution of the branch's distance, traced back and cut in runs.

On a branch x -> u without doubling, d_i losses and a_i = u_i - x_i + d_i gains pass over position i; with w doublings
losses to zero come first, then the doublings, then the net change e_i = u_i - x_i - w (see
`phylometa.copy_number.distance`). A profile of counts c is made of sum (c_i - c_{i-1})+ runs of one copy each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phylometa.copy_number.segmentation import AlleleSequences, CopyNumberMatrix
from phylometa.model.arrays import IntArray
from phylometa.model.copy_number import CopyNumberEvent

__all__ = ["branch_events", "sequence_events"]


def sequence_events(x: IntArray, u: IntArray, doublings: int) -> list[tuple[int, int, int]]:
    """List the events of one allele of one chromosome from x to u.

    Parameters
    ----------
    x, u : int64 arrays (n,)
    doublings : int
        On the branch; not listed.

    Returns
    -------
    list of (change, first, last)
        change is +1 or -1; first and last are positions, both included; losses before gains. Their number is the
        directed distance without the doublings.

    Examples
    --------
    >>> sequence_events(np.array([1, 1, 1]), np.array([2, 0, 2]), 0)
    [(-1, 1, 1), (1, 0, 2)]
    """
    kept = np.flatnonzero(x > 0)  # events pass over positions that were lost before
    x, u = np.asarray(x)[kept], np.asarray(u)[kept]
    if not len(kept):
        return []
    is_lost = u == 0
    if doublings == 0 and is_lost.any():
        losses, gains = _losses_and_gains(x, u)
        found = [(-1, *run) for run in _runs(losses)] + [(1, *run) for run in _runs(gains)]
    else:
        found = []
        lost = np.flatnonzero(is_lost)
        for block in np.split(lost, np.flatnonzero(np.diff(lost) > 1) + 1):
            if len(block):
                found += [(-1, int(block[0]), int(block[-1]))] * int(x[block].max())
        left = np.flatnonzero(~is_lost)
        change = (u - x - doublings)[left]
        for sign in (-1, 1):
            found += [(sign, int(left[a]), int(left[b])) for a, b in _runs(np.maximum(sign * change, 0))]
    return [(change, int(kept[first]), int(kept[last])) for change, first, last in found]


def _runs(counts: IntArray) -> Iterator[tuple[int, int]]:
    """Runs of one copy each that add up to `counts`: at every height the maximal runs that reach it."""
    for height in range(1, int(counts.max(initial=0)) + 1):
        reaches = np.concatenate([[False], counts >= height, [False]])
        edges = np.flatnonzero(reaches[1:] != reaches[:-1])
        yield from zip(edges[::2].tolist(), (edges[1::2] - 1).tolist())


def _losses_and_gains(x: IntArray, u: IntArray) -> tuple[IntArray, IntArray]:
    """Least losses d and gains a if some positions are lost and nothing doubles, by a dynamic programme over d."""
    states = range(int(x.max()))
    cost = {0: 0}
    gains = {0: 0}
    back: list[tuple[int, dict[int, int]]] = []
    to_zero = 0
    needed: list[int] = []  # losses that the lost run before each kept position needs
    for i in range(len(x)):
        if u[i] == 0:
            to_zero = max(to_zero, int(x[i]))
            continue
        new_cost: dict[int, int] = {}
        new_gains: dict[int, int] = {}
        origin: dict[int, int] = {}
        for d in states:
            a = int(u[i] - x[i]) + d
            if a < 0 or d > x[i] - 1:
                continue
            steps = {b: c + max(0, to_zero - b, d - b) + max(0, a - gains[b]) for b, c in cost.items()}
            origin[d] = min(steps, key=lambda b: (steps[b], b))
            new_cost[d], new_gains[d] = steps[origin[d]], a
        cost, gains = new_cost, new_gains
        back.append((i, origin))
        needed.append(to_zero)
        to_zero = 0
    losses, added = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=np.int64)
    d = min(cost, key=lambda b: (cost[b] + max(0, to_zero - b), b))
    after, after_gains, stop, run_need = 0, 0, len(x), to_zero
    for (i, origin), need in zip(reversed(back), reversed(needed)):
        losses[i], added[i] = d, int(u[i] - x[i]) + d
        losses[i + 1 : stop] = max(run_need, min(d, after))
        added[i + 1 : stop] = min(int(added[i]), after_gains)
        after, after_gains, stop, run_need = d, int(added[i]), i, need
        d = origin[d]
    losses[:stop] = run_need
    return losses, added


def branch_events(
    x: IntArray, u: IntArray, doublings: int, sequences: AlleleSequences, matrix: CopyNumberMatrix, branch: str
) -> list[CopyNumberEvent]:
    """List a branch's events in genome coordinates, the doublings first; their number is T of the branch.

    Parameters
    ----------
    x, u : int64 arrays (M,)
        Concatenated sequences above and below.
    doublings : int
    sequences : AlleleSequences
    matrix : CopyNumberMatrix
        Whose segments the columns of the sequences merge.
    branch : str
        Name of the node below.
    """
    events = [CopyNumberEvent(branch, "doubling") for _ in range(doublings)]
    alleles = ("total",) if matrix.copies.shape[1] == 1 else ("a", "b") if matrix.is_phased else ("major", "minor")
    for k, (start, end) in enumerate(zip(sequences.starts, sequences.starts[1:])):
        if (x[start:end] == u[start:end]).all() and not doublings:
            continue
        for change, first, last in sequence_events(x[start:end], u[start:end], doublings):
            events.append(
                CopyNumberEvent(
                    branch,
                    "gain" if change > 0 else "loss",
                    sequences.chrom_names[sequences.chrom[k]],
                    int(matrix.start[sequences.first[start + first]]),
                    int(matrix.end[sequences.last[start + last]]),
                    alleles[sequences.allele[k]],
                )
            )
    return events
