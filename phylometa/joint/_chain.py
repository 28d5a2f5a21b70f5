"""The chain of the joint sampler: a move is proposed, applied, scored, and undone if it is refused."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees._messages import mark_path
from phylometa.joint._clone_moves import move_options, move_split
from phylometa.joint._moves import (
    CHANGED,
    FIRST,
    Trial,
    count_clones,
    move_clone,
    move_item,
    move_regraft,
    move_single,
    move_swap,
)
from phylometa.joint._presence import Places, Presence, draw_presence, draw_sample, history_score
from phylometa.joint._state import (
    CLUSTERS,
    ITEMS,
    MISFIT,
    PER_CLONE,
    SLAB,
    TREE,
    UNUSED,
    Data,
    State,
    add_item,
    clusters_value,
    initialise,
    refresh_tree,
    score_cluster,
    set_likelihood,
    tree_misfit,
)
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays

REGRAFT, SWAP, CLONE, ITEM, SINGLE, SPLIT, OPTIONS = 0, 1, 2, 3, 4, 5, 6
# How often each move is made, cumulated.
_REGRAFT_UNTIL, _SWAP_UNTIL, _CLONE_UNTIL, _ITEM_UNTIL, _SINGLE_UNTIL, _SPLIT_UNTIL = 0.15, 0.21, 0.29, 0.61, 0.77, 0.9
# How often an item that has not moved yet is taken, of one that has.
_OF_UNMOVED = 0.2
# Power of the guess of a state's posterior that proposals must pass before their tree is scored.
_GUESS_WEIGHT = 0.25
BLOCK = 32
"""Moves after which histories decide."""
# Blocks after which sums are worked out anew, the guess is adapted, and the proportions of all samples are drawn anew.
_REFRESHED_EVERY, _ADAPTED_EVERY, _RENEWED_EVERY = 300, 32, 8


class Backup(NamedTuple):
    """What an undone trial restores: sums and scores of two clusters, labels and options of changed items, the rest."""

    curve: FloatArray
    seen: FloatArray
    reads: FloatArray
    size: FloatArray
    likelihood: FloatArray
    tops: FloatArray
    prevalence: FloatArray
    variance: FloatArray
    label: IntArray
    option: IntArray
    classes: FloatArray
    score: FloatArray


@njit(cache=True)
def save_clusters(state: State, trial: Trial, backup: Backup) -> None:
    """Save what `apply_trial` will change, in place."""
    backup.classes[:] = state.classes
    backup.score[:] = state.score
    for i in range(2):
        slot = trial.counts[FIRST + i]
        if slot >= 0:
            backup.curve[i], backup.seen[i], backup.reads[i] = state.curve[slot], state.seen[slot], state.reads[slot]
            backup.size[i], backup.likelihood[i] = state.size[slot], state.likelihood[slot]
            backup.tops[i], backup.prevalence[i] = state.tops[slot], state.prevalence[slot]
            backup.variance[i] = state.variance[slot]


@njit(cache=True)
def apply_trial(state: State, trial: Trial, backup: Backup, data: Data) -> None:
    """Change items and clusters of the state as the trial says, in place, and mark the messages that change.

    The likelihoods of its clusters are left to `decide`, which mostly does not need them.
    """
    save_clusters(state, trial, backup)
    for place in range(trial.counts[CHANGED]):
        i = trial.item[place]
        backup.label[place] = state.label[i]
        backup.option[place] = state.option[i]
        add_item(i, state.label[i], state.option[i], -1.0, state, data)
        state.label[i] = trial.label[place]
        state.option[i] = trial.option[place]
        add_item(i, state.label[i], state.option[i], 1.0, state, data)
    for i in range(2):
        slot = trial.counts[FIRST + i]
        if slot >= 0 and trial.parent[slot] != UNUSED:
            score_cluster(slot, state, data)
            mark_path(trial.marks, slot, trial.parent)
    for v in range(len(state.parent) - 1):
        if trial.parent[v] >= 0 and trial.parent[v] != state.parent[v]:
            mark_path(trial.marks, trial.parent[v], trial.parent)
            if state.parent[v] >= 0 and trial.parent[state.parent[v]] != UNUSED:
                mark_path(trial.marks, state.parent[v], trial.parent)


@njit(cache=True)
def undo_trial(state: State, trial: Trial, backup: Backup) -> None:
    """Restore the state as it was before `apply_trial`, in place."""
    for place in range(trial.counts[CHANGED]):
        i = trial.item[place]
        state.label[i] = backup.label[place]
        state.option[i] = backup.option[place]
    for i in range(2):
        slot = trial.counts[FIRST + i]
        if slot >= 0:
            state.curve[slot], state.seen[slot], state.reads[slot] = backup.curve[i], backup.seen[i], backup.reads[i]
            state.size[slot], state.likelihood[slot] = backup.size[i], backup.likelihood[i]
            state.tops[slot], state.prevalence[slot] = backup.tops[i], backup.prevalence[i]
            state.variance[slot] = backup.variance[i]
    state.classes[:] = backup.classes
    state.score[:] = backup.score


@njit_without_arrays()
def empty_slot(slot: int, state: State) -> None:
    """Set the sums of a slot that holds no clone to nothing, in place."""
    state.curve[slot] = 0.0
    state.seen[slot] = 0.0
    state.reads[slot] = 0.0
    state.size[slot] = 0.0
    state.tops[slot] = 0.0
    state.likelihood[slot] = 1.0


@njit_without_arrays()
def choose_move(u: float) -> int:
    """Choose the move of a uniform random number."""
    if u < _REGRAFT_UNTIL:
        return REGRAFT
    if u < _SWAP_UNTIL:
        return SWAP
    if u < _CLONE_UNTIL:
        return CLONE
    if u < _ITEM_UNTIL:
        return ITEM
    if u < _SINGLE_UNTIL:
        return SINGLE
    return SPLIT if u < _SPLIT_UNTIL else OPTIONS


@njit(cache=True)
def propose(kind: int, state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Fill the trial by a move of a kind, in place; whether it is possible, and its log ratio of proposals."""
    trial.parent[:] = state.parent
    trial.counts[:] = -1
    trial.counts[CHANGED] = 0
    trial.marks[:] = False
    if kind == REGRAFT:
        return move_regraft(state, data, trial, rng)
    if kind == SWAP:
        return move_swap(state, data, trial, rng)
    if kind == CLONE:
        return move_clone(state, data, trial, rng)
    if kind == ITEM:
        return move_item(state, data, trial, rng)
    if kind == SINGLE:
        return move_single(state, data, trial, rng)
    if kind == SPLIT:
        return move_split(state, data, trial, rng)
    return move_options(state, data, trial, rng)


@njit(cache=True)
def decide(
    kind: int, state: State, data: Data, trial: Trial, backup: Backup, log_ratio: float,
    new_messages: FloatArray, new_scales: FloatArray, rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Score an applied trial and accept it with the probability of Metropolis and Hastings; the tree is then in place.

    Moves that mostly fail are judged by a guess first (delayed acceptance: Christen & Fox 2005,
    doi:10.1198/106186005X76983), which leaves the posterior as it is. The ratio of proposals counts in it as much as
    the guess does: a guess that is cautious about a great gain would not make up for the whole of it.
    """
    old = backup.score
    clusters = clusters_value(trial.parent, state, data)
    misfit = tree_misfit(trial.parent, state.prevalence, state.variance)
    known = clusters + state.score[ITEMS] - old[CLUSTERS] - old[ITEMS]
    if kind in (SINGLE, SPLIT, SWAP, CLONE, OPTIONS):
        growth = count_clones(trial.parent) - count_clones(state.parent)
        rise = known - misfit + old[MISFIT] - old[PER_CLONE] * growth + log_ratio
        rise *= _GUESS_WEIGHT
        if math.log(max(rng.random(), 1e-300)) >= rise:
            return False
        log_ratio -= rise
    for i in range(2):
        slot = trial.counts[FIRST + i]
        if slot >= 0 and trial.parent[slot] != UNUSED:
            set_likelihood(slot, state, data)
    value, order = refresh_tree(trial.marks, trial.parent, state, data, new_messages, new_scales)
    gain = known + value - old[TREE]
    if math.log(max(rng.random(), 1e-300)) >= gain + log_ratio:
        return False
    state.score[TREE], state.score[CLUSTERS], state.score[MISFIT] = value, clusters, misfit
    state.parent[:] = trial.parent
    for v in order:
        state.messages[v] = new_messages[v]
        state.scales[v] = new_scales[v]
    return True


@njit(cache=True)
def copy_state(source: State, target: State) -> None:
    """Make one state the same as another, in place."""
    for slot in range(len(source.size)):  # slots that hold no clone in either are alike: empty
        if source.parent[slot] != UNUSED or target.parent[slot] != UNUSED:
            target.curve[slot], target.seen[slot], target.reads[slot] = (
                source.curve[slot], source.seen[slot], source.reads[slot]
            )  # fmt: skip
            target.size[slot], target.likelihood[slot] = source.size[slot], source.likelihood[slot]
            target.tops[slot], target.prevalence[slot] = source.tops[slot], source.prevalence[slot]
            target.variance[slot] = source.variance[slot]
            target.messages[slot], target.scales[slot] = source.messages[slot], source.scales[slot]
    germline = len(source.size)
    target.messages[germline], target.scales[germline] = source.messages[germline], source.scales[germline]
    target.label[:], target.option[:], target.parent[:] = source.label, source.option, source.parent
    target.classes[:], target.score[:] = source.classes, source.score


@njit(cache=True)
def favour_movable(trial: Trial) -> None:
    """Let moves of single items take those more often that have moved, in place.

    Most mutations fit one cluster only; among the others, those that rarely move need as many trials as the rest.
    """
    rate = np.where(trial.has_moved, 1.0, _OF_UNMOVED)
    trial.picks[:] = np.cumsum(rate) / rate.sum()


@njit(cache=True)
def adapt(state: State, trial: Trial) -> None:
    """Adapt the guess and the choice of items to what the chain has met, in place: what a clone costs if it fits."""
    cost = -(state.score[TREE] + state.score[MISFIT]) / count_clones(state.parent)
    state.score[PER_CLONE] = max(cost, 0.0)
    favour_movable(trial)


@njit(cache=True)
def make_move(
    state: State, data: Data, trial: Trial, backup: Backup, new_messages: FloatArray, new_scales: FloatArray,
    made: IntArray, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Propose a move of a random kind, and accept or undo it, in place; `made` counts both by kind (2, 7)."""
    kind = choose_move(rng.random())
    possible, log_ratio = propose(kind, state, data, trial, rng)
    if not possible:
        return
    made[1, kind] += 1
    apply_trial(state, trial, backup, data)
    before = state.parent.copy()
    if decide(kind, state, data, trial, backup, log_ratio, new_messages, new_scales, rng):
        made[0, kind] += 1
        if kind in (ITEM, SINGLE):
            moved = trial.item[0]
            trial.has_moved[moved] |= state.label[moved] != backup.label[0]
        for i in range(2):
            slot = trial.counts[FIRST + i]
            if slot >= 0 and state.parent[slot] == UNUSED and before[slot] != UNUSED:
                empty_slot(slot, state)
    else:
        undo_trial(state, trial, backup)


@njit(cache=True)
def decide_block(
    state: State, spare: State, data: Data, presence: Presence, places: Places, rng: np.random.Generator
) -> bool:
    """Accept the moves since `spare` by what their histories weigh, or take them back; all in place.

    The moves leave the posterior without histories as it is and are reversible together, so that the ratio of the
    histories' weights is all that decides.
    """
    steps, total = presence.steps.copy(), presence.total.copy()
    score = draw_presence(state.parent, state.messages, data.founder, data.numbers[SLAB], presence, places)
    if math.log(max(rng.random(), 1e-300)) < score - presence.score[0]:
        presence.score[0] = score
        copy_state(state, spare)
        return True
    presence.steps[:], presence.total[:] = steps, total
    copy_state(spare, state)
    return False


@njit(cache=True)
def renew_presence(
    first: int, stop: int, state: State, data: Data, presence: Presence, places: Places, rng: np.random.Generator
) -> bool:
    """Draw the proportions of some samples anew, and accept or undo it by what their histories weigh, in place."""
    uniforms = presence.uniforms[:, :, first:stop].copy()
    steps, total = presence.steps[:, first:stop].copy(), presence.total[first:stop].copy()
    for sample in range(first, stop):
        for row in range(uniforms.shape[0]):
            for v in range(uniforms.shape[1]):
                presence.uniforms[row, v, sample] = rng.random()
        draw_sample(
            sample, state.parent, state.messages, data.founder, data.numbers[SLAB], presence.uniforms, presence.steps,
            presence.total,
        )  # fmt: skip
    score = history_score(state.parent, presence, places)
    if math.log(max(rng.random(), 1e-300)) < score - presence.score[0]:
        presence.score[0] = score
        return True
    presence.uniforms[:, :, first:stop] = uniforms
    presence.steps[:, first:stop], presence.total[first:stop] = steps, total
    return False


class Kept(NamedTuple):
    """States that a chain kept: ``labels`` (kept, n), ``parents`` (kept, M + 1), ``options`` (kept, n, S), ``steps``
    (kept, M, S) and ``total`` (kept, S) of the proportions, ``scores`` (kept,) of their histories; ``made`` (3, 7):
    accepted and proposed moves by kind, then accepted blocks, renewals of a sample, and of all.
    """

    labels: NDArray[np.int16]
    parents: NDArray[np.int16]
    options: NDArray[np.int8]
    steps: NDArray[np.int16]
    total: NDArray[np.int16]
    scores: FloatArray
    made: IntArray


@njit(cache=True)
def run_chain(
    state: State, spare: State, data: Data, trial: Trial, backup: Backup, presence: Presence, places: Places,
    n_blocks: int, thin: int, is_new: bool, rng: np.random.Generator,
) -> Kept:  # fmt: skip
    """Run a chain from `state`, which is changed in place with `presence`, for a number of blocks of moves.

    A block is accepted or taken back by what its histories weigh, then proportions are drawn anew in one sample, now
    and then in all. Every `thin`-th block's state is kept. `is_new`: the first half only finds the posterior, and the
    proposals adapt to it; else they adapt to what came before, once.
    """
    n_items, n_samples = state.option.shape
    n_slots = len(state.size)
    n_kept = n_blocks // thin
    kept = Kept(
        np.empty((n_kept, n_items), np.int16), np.empty((n_kept, n_slots + 1), np.int16),
        np.empty((n_kept, n_items, n_samples), np.int8), np.empty((n_kept, n_slots, n_samples), np.int16),
        np.empty((n_kept, n_samples), np.int16), np.empty(n_kept), np.zeros((3, 7), np.int64),
    )  # fmt: skip
    new_messages, new_scales = np.zeros_like(state.messages), np.zeros_like(state.scales)
    is_weighed = places.counts[2] >= 0
    if is_weighed:
        presence.score[0] = draw_presence(
            state.parent, state.messages, data.founder, data.numbers[SLAB], presence, places
        )
        copy_state(state, spare)
    for block in range(n_blocks):
        if block % _REFRESHED_EVERY == 0 and block > 0:  # sums that are added to and taken from gather rounding errors
            per_clone = state.score[PER_CLONE]
            initialise(state, data)
            state.score[PER_CLONE] = per_clone
        if block % _ADAPTED_EVERY == 0 and (2 * block < n_blocks if is_new else block == 0):
            adapt(state, trial)
        for _ in range(BLOCK):
            make_move(state, data, trial, backup, new_messages, new_scales, kept.made, rng)
        if is_weighed:
            kept.made[2, 0] += decide_block(state, spare, data, presence, places, rng)
            sample = min(int(rng.random() * n_samples), n_samples - 1)
            kept.made[2, 1] += renew_presence(sample, sample + 1, state, data, presence, places, rng)
            if block % _RENEWED_EVERY == 0:
                kept.made[2, 2] += renew_presence(0, n_samples, state, data, presence, places, rng)
        if (block + 1) % thin == 0:
            i = block // thin
            if not is_weighed:
                for row in range(presence.uniforms.shape[0]):
                    for v in range(n_slots + 1):
                        for s in range(n_samples):
                            presence.uniforms[row, v, s] = rng.random()
                draw_presence(state.parent, state.messages, data.founder, data.numbers[SLAB], presence, places)
            kept.labels[i], kept.parents[i], kept.options[i] = state.label, state.parent, state.option
            kept.steps[i], kept.total[i], kept.scores[i] = presence.steps, presence.total, presence.score[0]
    return kept
