"""What a cell shows of a copy-number state, and the states of many cells as codes.

The law of wrong states: `phylometa.cells.copy_number_clones`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.special import logsumexp

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cell_copy_number import CellCopyNumber

__all__ = ["CellTable", "Offsets", "state_log_probability", "table_of"]

# States of a segment that a clone may have, the most common ones.
_MOST_STATES = 12

Offsets = Mapping[tuple[int, ...], float]
"""How many wrong states are off by so many copies of each allele."""


def state_log_probability(
    state: IntArray, seen: IntArray, error: float, offsets: Offsets = MappingProxyType({})
) -> FloatArray:
    """Compute log P(seen | state), copies of alleles (..., A) each, broadcast against each other.

    Parameters
    ----------
    state, seen : int64 arrays (..., A)
    error : float
        Probability of a wrong state.
    offsets : mapping
        Wrong states seen elsewhere, by seen minus true copies.
    """
    state = np.asarray(state)
    off = seen - state
    weight = 0.5 ** np.abs(off).sum(axis=-1).astype(np.float64)
    norm = np.prod(3.0 - 0.5 ** state.astype(np.float64), axis=-1) - 1.0
    for offset, count in offsets.items():
        weight = weight + count * (off == offset).all(axis=-1)
        norm = norm + count * (state + np.array(offset) >= 0).all(axis=-1)
    return np.where((off == 0).all(axis=-1), math.log1p(-error), math.log(error) + np.log(weight) - np.log(norm))


@dataclass(frozen=True, eq=False)
class CellTable:
    """Cells as codes of states: code (C, N), -1 unknown; states (N, S, A); how many there are (N,); prior (N, S)."""

    code: IntArray
    states: IntArray
    n_states: IntArray
    prior: FloatArray

    def evidence(self, error: float, offsets: Offsets) -> FloatArray:
        """Log P(seen | state) as [segment, state, seen] (N, S, S)."""
        return state_log_probability(self.states[:, :, None], self.states[:, None], error, offsets)

    def mixed(self, first: IntArray, second: IntArray, error: float, offsets: Offsets) -> FloatArray:
        """Log P(seen) (N, S) of two cells taken for one; the copies (N, A) of both."""
        both = first + second
        n_alleles = both.shape[1]
        options = []
        for up in np.ndindex(*(2,) * n_alleles):
            state = (both + np.array(up) * (both % 2)) // 2
            options.append(state_log_probability(state[:, None], self.states, error, offsets))
        return np.asarray(logsumexp(options, axis=0) - n_alleles * math.log(2.0))


def table_of(matrix: CellCopyNumber, change: float) -> CellTable:
    """Code the states of every segment by falling number of cells; rare ones beyond a limit count as unknown."""
    n_alleles, n, n_cells = matrix.copies.shape
    code = np.full((n_cells, n), -1, dtype=np.int64)
    found: list[IntArray] = []
    shares: list[FloatArray] = []
    for j in range(n):
        known = np.flatnonzero((matrix.copies[:, j] >= 0).all(axis=0))
        states, inverse, count = np.unique(
            matrix.copies[:, j, known].T.astype(np.int64), axis=0, return_inverse=True, return_counts=True
        )
        order = np.argsort(-count, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        own = rank[inverse.reshape(-1)] if len(states) else np.zeros(0, dtype=np.int64)
        code[known, j] = np.where(own < _MOST_STATES, own, -1)
        found.append(states[order][:_MOST_STATES] if len(states) else np.ones((1, n_alleles), dtype=np.int64))
        shares.append(count[order][:_MOST_STATES] / len(known) if len(states) else np.ones(1))
    n_states = np.array([len(states) for states in found], dtype=np.int64)
    padded = np.zeros((n, int(n_states.max(initial=1)), n_alleles), dtype=np.int64)
    for j, states in enumerate(found):
        padded[j, : len(states)] = states
    usual = state_log_probability(padded[:, :1], padded, 0.5)
    prior = np.full(padded.shape[:2], -np.inf)
    for j, share in enumerate(shares):
        prior[j, : len(share)] = np.logaddexp(
            math.log1p(-change) + np.log(share), math.log(change) + usual[j, : len(share)]
        )
    return CellTable(code, padded, n_states, prior)
