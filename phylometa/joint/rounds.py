"""How long the chains of the joint sampler run, and which of their states are kept.

Chains are looked at after a part of the first round, and again whenever they are twice as long. They end when what they
say of seedings is known well enough and they agree, or after the rounds that are granted. Draws that add nothing to
that are not kept: every one costs a search for its histories.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import ReadModel
from phylometa.config import Settings, TreeSettings
from phylometa.joint.chain_data import chain_data, empty_backup, empty_trial, start_presence, start_state
from phylometa.joint.convergence import disagreement, error_of_seedings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.observation import Observation

if TYPE_CHECKING:
    from phylometa.joint._presence import Places

__all__ = ["Chains", "run_chains"]

_MIN_MOVES = 2000  # of a chain, however few the mutations
# The first look comes after this part of a round.
_FIRST_LOOK = 4
# Of the draws, every 8th, 4th or 2nd is kept if that makes the largest error no greater than by this factor, and if so
# many are left.
_THINNED, _MORE_ERROR, _LEAST_DRAWS = (8, 4, 2), 1.1, 240


@dataclass(frozen=True, eq=False)
class Chains:
    """States that all chains kept.

    Parameters
    ----------
    labels : int16 array (n, items)
        Slot of every item, below 0 outside clones.
    parents : int16 array (n, M + 1)
        Of every slot; -2: unused.
    options : int8 array (n, items, S)
    steps : int16 array (n, M, S)
        Proportions in steps of the grid.
    total : int16 array (n, S)
        Their sums.
    scores : float64 array (n,)
        Log weight of the simplest history.
    chain : int64 array (n,)
    """

    labels: NDArray[np.int16]
    parents: NDArray[np.int16]
    options: NDArray[np.int8]
    steps: NDArray[np.int16]
    total: NDArray[np.int16]
    scores: FloatArray
    chain: IntArray

    def chosen(self, draws: IntArray) -> Chains:
        """Return the states of some draws."""
        return Chains(*(getattr(self, field.name)[draws] for field in fields(self)))


def run_chains(
    items: Observation,
    start: IntArray,
    trees: TreeEnsemble,
    model: ReadModel,
    settings: Settings,
    tree_settings: TreeSettings,
    places: Places,
    rng: np.random.Generator,
) -> Chains:
    """Run every chain until its statements are known to `joint_error`, or for `joint_rounds` rounds.

    Parameters
    ----------
    items : Observation
    start : int64 array (n,)
        Cluster of every item to start from.
    trees : TreeEnsemble
        Trees of these clusters.
    model : ReadModel
        Grid and prior of the proportions.
    settings, tree_settings
        `tree_settings`: with the presence weight that was fitted.
    places : Places
        Where samples were taken, and what histories weigh.
    rng : numpy Generator

    Returns
    -------
    Chains
        Evenly spaced draws of the second half of each chain, `joint_draws` at most together.
    """
    from phylometa.joint._chain import BLOCK, run_chain

    n_chains, n_clusters = tree_settings.joint_chains, int(start.max()) + 1
    n_slots = min(items.n_items, 2 * n_clusters + 10)
    data = chain_data(items, model, settings, tree_settings, n_slots)
    of_round = min(max(tree_settings.joint_sweeps * items.n_items, _MIN_MOVES), tree_settings.joint_moves)
    most = -(-max(tree_settings.joint_draws, n_chains) // n_chains)
    at_most = max(-(-tree_settings.joint_rounds * of_round // BLOCK), 2 * most)
    length = max(-(-max(of_round // _FIRST_LOOK, _MIN_MOVES) // BLOCK), min(2 * most, at_most))
    parts = []
    for chain in range(n_chains):
        state = start_state(items, start, trees, n_slots, data, chain, rng)
        presence = start_presence(state, rng)
        parts.append((state, copy.deepcopy(state), data, empty_trial(state), empty_backup(state), presence, places))
    made: list[list[_Piece]] = [[] for _ in parts]
    n_made = 0
    while True:
        n_blocks = min(length, at_most) - n_made
        thin = max(1, n_blocks // most) if n_made else max(1, n_blocks // (2 * most))
        for own, pieces in zip(parts, made):
            kept = run_chain(*own, n_blocks, thin, n_made == 0, rng)
            at = n_made + thin * np.arange(1, n_blocks // thin + 1)
            pieces.append(_Piece(at, tuple(getattr(kept, field.name) for field in fields(Chains)[:-1])))
        n_made += n_blocks
        chains = _joined([_second_half(pieces, n_made, most) for pieces in made])
        if tree_settings.joint_error > 0.0 and _is_known(chains, places, tree_settings) or n_made >= at_most:
            return _thinned(chains, places, tree_settings)
        length = 2 * n_made


@dataclass(frozen=True, eq=False)
class _Piece:
    """States that one chain kept in one go: after which of its blocks, and the fields of `Chains` but the last."""

    at: IntArray
    states: tuple[NDArray[Any], ...]


def _second_half(pieces: Sequence[_Piece], n_made: int, most: int) -> tuple[NDArray[Any], ...]:
    """Evenly spaced states of the second half of `n_made` blocks of a chain, at most `most`."""
    at = np.concatenate([piece.at for piece in pieces])
    first = int(np.searchsorted(at, n_made / 2, side="right"))
    chosen = np.arange(first, len(at))
    if len(chosen) > most:
        chosen = np.unique(np.searchsorted(at, np.floor(np.linspace(at[first], at[-1], most))))
    states = zip(*(piece.states for piece in pieces))
    return tuple(np.concatenate(field)[chosen] for field in states)


def _joined(of_chains: Sequence[tuple[NDArray[Any], ...]]) -> Chains:
    """The states of all chains, one after the other."""
    chain = np.repeat(np.arange(len(of_chains)), [len(states[0]) for states in of_chains])
    labels, parents, options, steps, total, scores = (np.concatenate(field) for field in zip(*of_chains))
    return Chains(labels, parents, options, steps, total, scores, chain)


def _is_known(chains: Chains, places: Places, settings: TreeSettings) -> bool:
    """Whether what the chains say of seedings is known to the error asked for, and they agree on relations."""
    split = [chains.chain == chain for chain in range(int(chains.chain.max()) + 1)]
    apart = disagreement([(chains.labels[own], chains.parents[own]) for own in split])
    return apart <= settings.joint_agreement and _error(chains, places) <= settings.joint_error


def _error(chains: Chains, places: Places) -> float:
    return error_of_seedings(chains.parents, chains.steps, chains.chain, places)


def _thinned(chains: Chains, places: Places, settings: TreeSettings) -> Chains:
    """The fewest draws that know what is stated of seedings as well as all of them, or to the error asked for."""
    if settings.joint_error == 0.0:
        return chains
    enough = max(settings.joint_error, _MORE_ERROR * _error(chains, places))
    for step in _THINNED:
        place = np.concatenate([np.arange(n) for n in np.bincount(chains.chain)])
        fewer = chains.chosen(np.flatnonzero(place % step == step - 1))
        if len(fewer.chain) >= _LEAST_DRAWS and _error(fewer, places) <= enough:
            return fewer
    return chains
