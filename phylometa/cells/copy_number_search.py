"""The partition of cells into clones of greatest posterior: its score, and the moves that raise it.

The model: `phylometa.cells.copy_number_clones`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.special import gammaln, logsumexp

from phylometa.cells._copy_number_kernels import DOUBLET, NOISY, log_evidence, sweep, weights_of
from phylometa.cells.copy_number_states import CellTable, Offsets, table_of
from phylometa.config import CellSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cell_copy_number import CellCopyNumber

__all__ = ["PartitionSearch", "partition_log_score", "starts"]

_MOST_CLONES = 40
# Pairs of a segment and a state that are looked at as the mark of a part of a clone, and that are tried.
_MOST_SEEDS, _TRIED_SEEDS = 12, 3
_ROUNDS, _SWEEPS = 12, 6
# Wrong states of a noisy cell: so many times the usual, within limits.
_NOISE, _LEAST_NOISE, _MOST_NOISE = 4.0, 0.3, 0.6
# Cells that the prior of the wrong-state rate is worth.
_RATE_STRENGTH = 2.0


def partition_log_score(
    matrix: CellCopyNumber,
    label: Sequence[int] | IntArray,
    error: float,
    settings: CellSettings,
    offsets: Offsets = MappingProxyType({}),
) -> float:
    """Compute log P(partition) + log P(copies | partition) of cells that are all single ones.

    Parameters
    ----------
    matrix : CellCopyNumber
        On common segments.
    label : sequence of int, length C
        Clone of every cell, 0, 1, ...
    error : float
        Probability of a wrong state.
    settings : CellSettings
    offsets : mapping
        As in `state_log_probability`.
    """
    search = PartitionSearch(table_of(matrix, settings.clone_change), settings, error)
    search.set_error(error, offsets)
    return search.score(np.asarray(label, dtype=np.int64))


class PartitionSearch:
    """The posterior of a partition at a given rate of wrong states, and moves that raise it.

    A label is a slot from 0 on, `DOUBLET` or `NOISY`. `outside` (2, C) holds the log-likelihood of every cell as each
    of these two, with their prior, by the clones of `learn_outside`.
    """

    def __init__(self, table: CellTable, settings: CellSettings, error: float) -> None:
        self.table, self.settings = table, settings
        self.n_cells = len(table.code)
        self.n_slots = min(_MOST_CLONES, self.n_cells + 1)
        self.outside = np.full((2, self.n_cells), -np.inf)
        self._known: list[int] = []
        self._of_noise: list[FloatArray] = []
        self._of_pairs: list[tuple[int, int, FloatArray]] = []
        self.set_error(error)

    def set_error(self, error: float, offsets: Offsets = MappingProxyType({})) -> None:
        """Take another rate of wrong states, and law of how far they are off."""
        self.error, self.offsets = error, offsets
        self.evidence = self.table.evidence(error, offsets)

    def weights(self, cells: IntArray) -> FloatArray:
        """Log weights (N, S) of the states of a clone of these cells."""
        return np.asarray(weights_of(cells, self.table.prior, self.evidence, self.table.code))

    def likelihood(self, weight: FloatArray) -> float:
        """Log marginal likelihood of a clone by its weights."""
        return float(log_evidence(weight, self.table.n_states))

    def members(self, label: IntArray) -> dict[int, IntArray]:
        """Cells of every slot that is used."""
        return {k: np.flatnonzero(label == k) for k in np.unique(label[label >= 0]).tolist()}

    def score(self, label: IntArray) -> float:
        """Log prior and likelihood of a partition."""
        settings, members = self.settings, self.members(label)
        sizes = np.array([len(cells) for cells in members.values()], dtype=np.float64)
        n, alpha = sizes.sum(), settings.clone_concentration
        value = len(sizes) * math.log(alpha) + float(gammaln(sizes).sum())
        value += float(gammaln(alpha) - gammaln(alpha + n)) if n else 0.0
        value += float(n) * math.log1p(-settings.doublet - settings.noisy)
        value += sum(self.likelihood(self.weights(cells)) for cells in members.values())
        for kind in (DOUBLET, NOISY):
            value += float(self.outside[-1 - kind, label == kind].sum())
        return value

    def profile(self, weight: FloatArray) -> IntArray:
        """Most probable states (N,) as codes."""
        return np.asarray(weight.argmax(axis=1))

    def move_cells(self, label: IntArray, moved: IntArray, allowed: Sequence[int] | None = None) -> IntArray:
        """Put cells where they fit best, one after the other, a few times; only into some slots if `allowed`."""
        label = label.copy()
        is_allowed = np.ones(self.n_slots, dtype=np.int64)
        outside = self.outside - math.log1p(-self.settings.doublet - self.settings.noisy)
        if allowed is not None:
            is_allowed[:] = 0
            is_allowed[list(allowed)] = 1
        empty = np.zeros(0, dtype=np.int64)
        members = self.members(label)
        weights = np.stack([self.weights(members.get(k, empty)) for k in range(self.n_slots)])
        parts = (weights, self.evidence, self.table.code, self.table.n_states, self.settings.clone_concentration)
        for _ in range(_SWEEPS):
            if not sweep(label, moved, is_allowed, outside, *parts):
                break
        return label

    def learn(self, label: IntArray) -> None:
        """Take the rate of wrong states and the likelihoods of doublets and noisy cells from the clones there are."""
        code, states = self.table.code, self.table.states
        known, offsets = 0, Counter[tuple[int, ...]]()
        for cells in self.members(label).values():
            if len(cells) < self.settings.least_cells:
                continue
            own, best = code[cells], self.profile(self.weights(cells))
            known += int((own >= 0).sum())
            rows, segments = np.nonzero((own != best) & (own >= 0))
            off = states[segments, own[rows, segments]] - states[segments, best[segments]]
            offsets.update(map(tuple, off.tolist()))
        worth = _RATE_STRENGTH * code.shape[1]
        error = (offsets.total() + self.settings.wrong_state * worth) / (known + worth)
        self.set_error(float(np.clip(error, 1e-4, 0.4)), dict(offsets))
        self.learn_outside(label)

    def learn_outside(self, label: IntArray) -> None:
        """Work out how likely every cell is as a noisy one of each clone, and as two of each pair of clones."""
        members = self.members(label)
        self._known = [k for k, cells in members.items() if len(cells) >= self.settings.least_cells]
        profiles = [self.profile(self.weights(members[k])) for k in self._known]
        noise = self.table.evidence(float(np.clip(_NOISE * self.error, _LEAST_NOISE, _MOST_NOISE)), self.offsets)
        columns = np.arange(self.table.code.shape[1])
        self._of_noise = [self.of_cells(noise[columns, best]) for best in profiles]
        pairs = self.doublets(self.clone_copies(profiles)) if self.settings.doublet > 0 else ()
        self._of_pairs = list(pairs)
        self.outside = self.outside_without(-1)

    def outside_without(self, slot: int) -> FloatArray:
        """Log prior and likelihood (2, C) of every cell as two of different clones, and as noisy, without one clone."""
        found = np.full((2, self.n_cells), -np.inf)
        place = self._known.index(slot) if slot in self._known else -1
        noisy = [values for i, values in enumerate(self._of_noise) if i != place]
        pairs = [values for a, b, values in self._of_pairs if place not in (a, b)]
        for kind, prior, options in ((DOUBLET, self.settings.doublet, pairs), (NOISY, self.settings.noisy, noisy)):
            if prior > 0 and options:
                found[-1 - kind] = logsumexp(options, axis=0) - math.log(len(options)) + math.log(prior)
        return found

    def clone_copies(self, profiles: Sequence[IntArray]) -> list[IntArray]:
        """Copies (N, A) of clones by the codes of their states."""
        rows = np.arange(len(self.table.states))
        return [self.table.states[rows, best] for best in profiles]

    @property
    def normal(self) -> IntArray:
        """Copies (N, A) of a normal cell."""
        return np.full_like(self.table.states[:, 0], 2 if self.table.states.shape[2] == 1 else 1)

    def doublets(self, copies: Sequence[IntArray]) -> Iterator[tuple[int, int, FloatArray]]:
        """Pairs of different profiles (a, b) with the log-likelihood (C,) of every cell as both.

        The normal cell is one of them: the last if no clone has its profile.
        """
        every = [*copies, self.normal]
        for b in range(len(every)):
            for a in range(b):
                if (every[a] != every[b]).any() and (b < len(copies) or not self._is_listed(copies)):
                    yield a, b, self.of_cells(self.table.mixed(every[a], every[b], self.error, self.offsets))

    def _is_listed(self, copies: Sequence[IntArray]) -> bool:
        """Whether a clone has the profile of normal cells."""
        return any((own == self.normal).all() for own in copies)

    def of_cells(self, chance: FloatArray) -> FloatArray:
        """Log-likelihood (C,) of the cells by that of every state seen (N, S)."""
        code = self.table.code
        values = chance[np.arange(code.shape[1]), np.maximum(code, 0)]
        return np.asarray(np.where(code >= 0, values, 0.0).sum(axis=1))

    def joined(self, label: IntArray) -> tuple[IntArray, bool]:
        """Join clones as long as the score rises; whether any were."""
        members = self.members(label)
        weights = {k: self.weights(cells) for k, cells in members.items()}
        has_changed = False
        while len(weights) > 1:
            gain, a, b = max(self.gains(weights, {k: len(members[k]) for k in weights}))
            if gain <= 1e-9:
                break
            label = np.where(label == b, a, label)
            members[a] = np.concatenate((members[a], members.pop(b)))
            weights[a] = weights[a] + weights.pop(b) - self._finite_prior
            has_changed = True
        return label, has_changed

    @property
    def _finite_prior(self) -> FloatArray:
        return np.where(np.isfinite(self.table.prior), self.table.prior, 0.0)

    def gains(self, weights: dict[int, FloatArray], sizes: dict[int, int]) -> Iterator[tuple[float, int, int]]:
        """What joining each pair of clones would add to the score."""
        own = {k: self.likelihood(weight) for k, weight in weights.items()}
        log_alpha = math.log(self.settings.clone_concentration)
        for a in weights:
            for b in weights:
                if a < b:
                    value = self.likelihood(weights[a] + weights[b] - self._finite_prior) - own[a] - own[b] - log_alpha
                    value += math.lgamma(sizes[a] + sizes[b]) - math.lgamma(sizes[a]) - math.lgamma(sizes[b])
                    yield value, a, b

    def dissolved(self, label: IntArray) -> tuple[IntArray, bool]:
        """Dissolve clones whose cells fit better elsewhere; whether any were."""
        has_changed, value = False, self.score(label)
        for k, cells in sorted(self.members(label).items(), key=lambda item: len(item[1])):
            others = [other for other in self.members(label) if other != k]
            with_all, self.outside = self.outside, self.outside_without(k)
            trial = self.move_cells(np.where(label == k, NOISY, label), cells, allowed=others)
            new = self.score(trial)
            if new > value + 1e-9:
                label, value, has_changed = trial, new, True
            else:
                self.outside = with_all
        return label, has_changed

    def split(self, label: IntArray) -> tuple[IntArray, bool]:
        """Split clones by a state of a segment that part of their cells has; whether any were."""
        has_changed, value = False, self.score(label)
        for k, cells in list(self.members(label).items()):
            free = np.setdiff1d(np.arange(self.n_slots), label)
            if not len(free) or len(cells) < 2 * self.settings.least_cells:
                continue
            new_slot = int(free[0])
            for segment, state in self._seeds(cells):
                trial = label.copy()
                trial[cells[self.table.code[cells, segment] == state]] = new_slot
                trial = self.move_cells(trial, cells, allowed=(k, new_slot))
                new = self.score(trial)
                if new > value + 1e-9:
                    label, value, has_changed = trial, new, True
                    break
        return label, has_changed

    def _seeds(self, cells: IntArray) -> list[tuple[int, int]]:
        """(segment, state) that many cells of a clone have beside its own state: those that part it best."""
        code, best = self.table.code[cells], self.profile(self.weights(cells))
        counts = [(code == s).sum(axis=0) * (best != s) for s in range(self.table.states.shape[1])]
        table = np.array(counts)
        order = np.argsort(-table, axis=None, kind="stable")[:_MOST_SEEDS]
        states, segments = np.unravel_index(order, table.shape)
        least = self.settings.least_cells
        ranked = []
        for j, s in zip(segments.tolist(), states.tolist()):
            if table[s, j] >= least:
                parts = cells[code[:, j] == s], cells[code[:, j] != s]
                ranked.append((sum(self.likelihood(self.weights(part)) for part in parts), j, s))
        return [(j, s) for _, j, s in sorted(ranked, reverse=True)[:_TRIED_SEEDS]]

    def born(self, label: IntArray) -> tuple[IntArray, bool]:
        """Make clones of cells that are in none, each with those most like it; whether any were."""
        has_changed, value, least = False, self.score(label), self.settings.least_cells
        code = self.table.code
        for seed in np.flatnonzero(label < 0).tolist():
            pool, free = np.flatnonzero(label < 0), np.setdiff1d(np.arange(self.n_slots), label)
            if label[seed] >= 0 or len(pool) < least or not len(free):
                continue
            differing = ((code[pool] != code[seed]) & (code[pool] >= 0) & (code[seed] >= 0)).sum(axis=1)
            trial = label.copy()
            trial[pool[np.argsort(differing, kind="stable")[:least]]] = free[0]
            trial = self.move_cells(trial, pool, allowed=(int(free[0]),))
            new = self.score(trial)
            if new > value + 1e-9:
                label, value, has_changed = trial, new, True
        return label, has_changed

    def climb(self, label: IntArray) -> tuple[float, IntArray, float, Offsets]:
        """Raise the score of a partition by all moves until none does, or rounds are out; score, partition, errors."""
        everyone = np.arange(self.n_cells)
        self.learn(label)
        best = self.score(label), label, self.error, self.offsets
        for _ in range(_ROUNDS):
            label = self.move_cells(label, everyone)
            changes = []
            for move in (self.joined, self.dissolved, self.split, self.born):
                label, has_changed = move(label)
                self.learn_outside(label)
                changes.append(has_changed)
            before = self.error
            self.learn(label)
            best = max(best, (self.score(label), label, self.error, self.offsets), key=lambda found: found[0])
            if not any(changes) and abs(self.error - before) < 1e-4:
                break
        return best


def starts(table: CellTable, most: int) -> Iterator[IntArray]:
    """Partitions to start from: cells of like profiles together, in several numbers of clusters."""
    distinct, of_cell = np.unique(table.code, axis=0, return_inverse=True)
    of_cell = of_cell.reshape(-1)
    yield np.zeros(len(of_cell), dtype=np.int64)
    if len(distinct) < 2:
        return
    distance = np.zeros((len(distinct), len(distinct)))
    for row in range(len(distinct)):
        both = (distinct[row] >= 0) & (distinct >= 0)
        differs = (distinct[row] != distinct) & both
        distance[row] = differs.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    joined = linkage(squareform(distance, checks=False), "average")
    for wanted in (4, 8, 16, 32):
        if wanted < len(distinct) and wanted <= most:
            yield (fcluster(joined, wanted, criterion="maxclust") - 1)[of_cell].astype(np.int64)
    if len(distinct) <= most:
        yield of_cell.astype(np.int64)
