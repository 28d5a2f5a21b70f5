r"""Clones of single cells by copy number: cells partitioned by profile, each seen through wrong states.

A cell of a clone with state s of a segment shows s, or with probability e another state x, by how many copies it is
off:

.. math:: P(x | s) = (1 - e) [x = s] + e [x \ne s] \frac{w(x - s)}{\sum_{y \ne s} w(y - s)}

w(d) is the number of wrong states that are off by d copies of the alleles, learnt, plus 2^(-|d|).

The states of a clone are summed out segment by segment, so that a partition of the cells has an exact likelihood:

.. math:: P(X | B) = \prod_{b \in B} \prod_j \sum_s \pi_j(s) \prod_{c \in b} P(x_{jc} | s)

where pi_j is the state of a cell drawn at random with probability 1 - v, else that of most cells or another one, by
w = 2^(-|d|). So a clone that shares its states with others pays for what is new in it. The prior of partitions is a
Chinese restaurant. A cell may also be two of different clones, which a caller takes for one with their mean
copies, half copies rounded either way; or noisy, a cell of some clone with several times as many wrong states. Both
have prior probabilities. The partition of greatest posterior is searched from clusterings of several sizes by moving
single cells, joining clones, dissolving and splitting them; e is learnt on the way. Cells with equal profiles start
together.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import logsumexp

from phylometa.cells._copy_number_kernels import DOUBLET, NOISY, add_cell, levels_of, options_of
from phylometa.cells.copy_number_search import PartitionSearch, starts
from phylometa.cells.copy_number_segments import common_cell_segments
from phylometa.cells.copy_number_states import table_of
from phylometa.config import CellSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cell_copy_number import UNKNOWN, CellClones, CellCopyNumber

__all__ = ["infer_copy_number_clones"]

# Clusterings, those of greatest score, from which the search starts.
_STARTS = 2
# Breakpoints that fewer than this share of the cells have are chance.
_LEAST_SHARE = 0.01


def infer_copy_number_clones(matrix: CellCopyNumber, *, settings: CellSettings | None = None) -> CellClones:
    """Find the clones of one copy-number profile that single cells are of.

    Parameters
    ----------
    matrix : CellCopyNumber
        Cells of one or more sites, on any segments.
    settings : CellSettings, optional

    Returns
    -------
    CellClones
        Every cell has a fate; clones of fewer than `least_cells` cells are none.

    Raises
    ------
    ValueError
        No cell or no segment.
    """
    settings = settings or CellSettings()
    if not matrix.cells or not matrix.chroms:
        raise ValueError("matrix: no cell or no segment")
    least = max(settings.least_cells, math.ceil(_LEAST_SHARE * len(matrix.cells)))
    common = common_cell_segments(matrix, tolerance=settings.breakpoint_error, least_cells=least)
    table = table_of(common, settings.clone_change)
    search = PartitionSearch(table, settings, settings.wrong_state)
    found = []
    for start in sorted(starts(table, search.n_slots - 1), key=search.score, reverse=True)[:_STARTS]:
        search.set_error(settings.wrong_state)
        found.append(search.climb(start))
    score, label, error, offsets = max(found, key=lambda climbed: climbed[0])
    search.set_error(error, offsets)
    search.learn_outside(label)
    return _summed_up(common, search, label, score)


def _summed_up(matrix: CellCopyNumber, search: PartitionSearch, label: IntArray, score: float) -> CellClones:
    """Clones by falling size, fates of cells with their probabilities."""
    settings = search.settings
    members = {k: cells for k, cells in search.members(label).items() if len(cells) >= settings.least_cells}
    slots = sorted(members, key=lambda k: (-len(members[k]), k))
    weights = {k: search.weights(members[k]) for k in slots}
    profiles = [search.profile(weights[k]) for k in slots]
    copies = search.clone_copies(profiles)
    is_normal = [bool((own == search.normal).all()) for own in copies]
    numbers = iter(range(1, len(slots) + 1))
    names = tuple("N" if found else str(next(numbers)) for found in is_normal)
    support = np.ones(len(slots))
    sizes = {k: len(members[k]) for k in slots}
    for gain, a, b in search.gains(weights, sizes):
        for k in (a, b):
            place = slots.index(k)
            support[place] = min(support[place], 1.0 / (1.0 + math.exp(min(gain, 700.0))))
    clone, second = _nearest(search, label, slots, copies)
    probability = _probabilities(search, label)
    place_of = {k: place for place, k in enumerate(slots)}
    fate = []
    for c, k in enumerate(label.tolist()):
        place = place_of.get(k, -1)
        clone[c] = place if k >= 0 else clone[c]
        is_in = "alone" if place < 0 else "normal" if is_normal[place] else "clone"
        fate.append("doublet" if k == DOUBLET else "noisy" if k == NOISY else is_in)
    known = np.stack([(search.table.code[members[k]] >= 0).any(axis=0) for k in slots]) if slots else np.zeros((0, 0))
    shown = [np.where(known[i][:, None], own, UNKNOWN).T for i, own in enumerate(copies)]
    shape = (0, *matrix.copies.shape[:2])
    return CellClones(
        matrix=matrix,
        names=names,
        profiles=np.array(shown, dtype=np.int16) if shown else np.zeros(shape, dtype=np.int16),
        support=support,
        fate=tuple(fate),
        clone=clone,
        second=second,
        probability=probability,
        error=search.error,
        offsets=dict(search.offsets),
        log_score=score,
    )


def _nearest(
    search: PartitionSearch, label: IntArray, slots: list[int], copies: list[IntArray]
) -> tuple[IntArray, IntArray]:
    """Clones (C,) that doublets and noisy cells are most like, and the second one of doublets; -1 elsewhere."""
    clone, second = np.full((2, search.n_cells), -1, dtype=np.int64)
    if not slots:
        return clone, second
    pairs = list(search.doublets(copies)) if (label == DOUBLET).any() else []
    for c in np.flatnonzero(label == DOUBLET).tolist():
        clone[c], second[c], _ = max(pairs, key=lambda pair: float(pair[2][c]))
    columns = np.arange(search.table.code.shape[1])
    profiles = [search.profile(search.weights(np.flatnonzero(label == k))) for k in slots]
    fit = np.array([search.of_cells(search.evidence[columns, best]) for best in profiles])
    noisy = label == NOISY
    clone[noisy] = fit.argmax(axis=0)[noisy]
    return clone, second


def _probabilities(search: PartitionSearch, label: IntArray) -> FloatArray:
    """Probability (C,) of every cell's label given all others'."""
    found = np.ones(search.n_cells)
    members = search.members(label)
    empty = np.zeros(0, dtype=np.int64)
    log_single = math.log1p(-search.settings.doublet - search.settings.noisy)
    weights = np.stack([search.weights(members.get(k, empty)) for k in range(search.n_slots)])
    levels = np.stack([levels_of(weight, search.table.n_states) for weight in weights])
    alpha = search.settings.clone_concentration
    sizes = np.array([len(members.get(slot, empty)) for slot in range(search.n_slots)], dtype=np.int64)
    parts = (search.evidence, search.table.code, search.table.n_states, alpha)
    for c, k in enumerate(label.tolist()):
        size, whole = sizes.copy(), (weights[k].copy(), levels[k].copy())
        if k >= 0:
            size[k] -= 1
            add_cell(weights[k], search.evidence, search.table.code[c], -1.0)
            levels[k] = levels_of(weights[k], search.table.n_states)
        options = options_of(c, size, weights, levels, *parts) - math.log(size.sum() + alpha) + log_single
        every = np.concatenate((options, search.outside[:, c]))
        at = k if k >= 0 else search.n_slots - 1 - k
        if k >= 0 and size[k] == 0:  # alone: whatever slot it would take
            at = int(np.flatnonzero(size == 0)[0])
        found[c] = math.exp(every[at] - logsumexp(every))
        weights[k], levels[k] = whole
    return found
