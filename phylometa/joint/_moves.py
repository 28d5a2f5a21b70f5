"""Moves of the joint sampler: each fills a `Trial` and gives the log ratio of its proposal densities.

Here are the moves of the tree and of single items; those of all items of a clone are in `phylometa.joint._clone_moves`.
A move leaves the state as it is; `phylometa.joint._chain` applies the trial, scores it, and undoes it if it is refused.
The log ratio is that of the reverse move over the move itself (Metropolis-Hastings; between numbers of clusters as in
Green 1995, Biometrika 82:711, the proportions being integrated out).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from phylometa.clone_trees._messages import mark_path
from phylometa.joint._proposals import (
    adoption_probability,
    attachment_weights,
    draw_options,
    fit_weights,
    options_probability,
    places_without,
)
from phylometa.joint._state import UNUSED, Data, State, set_prevalence
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays
from phylometa.model.weighted_index import pick

# Places in `Trial.count`: changed items, then the (at most two) clusters whose items change; -1: none.
CHANGED, FIRST, SECOND = 0, 1, 2
# How often an item that stays at home has its options drawn anew: mostly it stays, and its options mix fast.
_AT_HOME = 0.3


class Trial(NamedTuple):
    """A proposed state, as what it changes.

    ``parent`` (M + 1,): the proposed tree. ``item``, ``label`` (n,), ``option`` (n, S): the changed items, of which
    there are ``counts[0]``, with their new labels and options. ``counts`` (3,). ``marks`` (M + 1,): vertices whose
    messages change besides those of the changed clusters. ``picks`` (n,): cumulated probabilities with which moves of
    single items take them; ``has_moved`` (n,): items whose cluster such a move has changed.
    """

    parent: IntArray
    item: IntArray
    label: IntArray
    option: IntArray
    counts: IntArray
    marks: BoolArray
    picks: FloatArray
    has_moved: BoolArray


@njit(cache=True)
def pick_item(trial: Trial, rng: np.random.Generator) -> int:
    """Draw the item of a move; the probabilities do not depend on the state."""
    return min(int(np.searchsorted(trial.picks, rng.random(), side="right")), len(trial.picks) - 1)


@njit(cache=True)
def change_item(item: int, label: int, option: IntArray, trial: Trial) -> None:
    """Enter a changed item into a trial, in place."""
    place = trial.counts[CHANGED]
    trial.item[place] = item
    trial.label[place] = label
    trial.option[place] = option
    trial.counts[CHANGED] += 1


@njit_without_arrays()
def nth_clone(ordinal: int, parent: IntArray) -> int:
    """Find the slot of the n-th clone."""
    for slot in range(len(parent) - 1):
        if parent[slot] != UNUSED:
            if ordinal == 0:
                return slot
            ordinal -= 1
    return -1


@njit_without_arrays()
def count_clones(parent: IntArray) -> int:
    """Count the slots that hold a clone."""
    count = 0
    for slot in range(len(parent) - 1):
        count += parent[slot] != UNUSED
    return count


@njit_without_arrays()
def free_slot(parent: IntArray) -> int:
    """Find the first slot without a clone; -1 if there is none."""
    for slot in range(len(parent) - 1):
        if parent[slot] == UNUSED:
            return slot
    return -1


@njit(cache=True)
def has_children(slot: int, parent: IntArray) -> bool:
    """Whether a clone has children."""
    return bool(np.any(parent[:-1] == slot))


@njit(cache=True)
def blocked_vertices(parent: IntArray) -> BoolArray:
    """Mark vertices below which no clone may hang: unused slots and the germline (one founder)."""
    blocked = np.ones(len(parent), np.bool_)
    for slot in range(len(parent) - 1):
        blocked[slot] = parent[slot] == UNUSED
    return blocked


@njit_without_arrays()
def random_clone(state: State, rng: np.random.Generator) -> int:
    """Draw a clone uniformly."""
    n = count_clones(state.parent)
    return nth_clone(min(int(rng.random() * n), n - 1), state.parent)


@njit(cache=True)
def move_regraft(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Prune a clone with its descendants and graft it below another in place, as the prevalences leave room."""
    germline = len(state.parent) - 1
    k = random_clone(state, rng)
    old = state.parent[k]
    if old == germline:
        return False, 0.0
    blocked = blocked_vertices(state.parent)
    for v in range(germline):
        w = v
        while w >= 0 and w != k:
            w = state.parent[w]
        blocked[v] = blocked[v] or w == k
    trial.parent[k] = -1
    weights = attachment_weights(k, trial.parent, state.prevalence, state.variance, blocked)
    p = pick(weights, len(weights), rng.random())
    trial.parent[k] = p
    if p == old:
        return False, 0.0
    mark_path(trial.marks, old, trial.parent)
    mark_path(trial.marks, p, trial.parent)
    return True, math.log(weights[old] / weights[p])


@njit(cache=True)
def move_swap(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Exchange the places of a clone and its parent, in place."""
    germline = len(state.parent) - 1
    k = random_clone(state, rng)
    old = state.parent[k]
    if old == germline:
        return False, 0.0
    for v in range(germline):
        if state.parent[v] == k:
            trial.parent[v] = old
        elif state.parent[v] == old:
            trial.parent[v] = k
    trial.parent[k] = state.parent[old]
    trial.parent[old] = k
    mark_path(trial.marks, old, trial.parent)
    return True, 0.0


@njit(cache=True)
def move_clone(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Move one clone alone, in place: its children go to its parent; it may adopt children of its new parent."""
    germline = len(state.parent) - 1
    k, p = random_clone(state, rng), random_clone(state, rng)
    old = state.parent[k]
    if old == germline or p == k:
        return False, 0.0
    prevalence, variance = state.prevalence, state.variance
    log_ratio = 0.0
    trial.parent[k] = -1
    for v in range(germline):
        if state.parent[v] == k:
            trial.parent[v] = old
    for v in range(germline):  # how the reverse move would restore its children
        if trial.parent[v] == old:
            below = adoption_probability(v, k, -1, prevalence, variance)
            log_ratio += math.log(below if state.parent[v] == k else 1.0 - below)
    for v in range(germline):
        if trial.parent[v] == p:
            below = adoption_probability(v, k, -1, prevalence, variance)
            if rng.random() < below:
                trial.parent[v] = k
                log_ratio -= math.log(below)
            else:
                log_ratio -= math.log(1.0 - below)
    trial.parent[k] = p
    mark_path(trial.marks, old, trial.parent)
    mark_path(trial.marks, k, trial.parent)
    return True, log_ratio


@njit(cache=True)
def target_options(
    item: int, target: int, state: State, data: Data, rng: np.random.Generator, place: IntArray, option: IntArray
) -> float:
    """Draw options for an item that joins `target`, in place; the log probability. In a null class they are 0."""
    if target < 0:
        option[:] = 0
        return 0.0
    places_without(item, target, state, data, place)
    return draw_options(item, place, data, state.terms, rng, option)


@njit_without_arrays()
def home_options(item: int, state: State, data: Data, place: IntArray) -> float:
    """Compute the log probability that `target_options` draws an item's present options at home."""
    if state.label[item] < 0:
        return 0.0
    places_without(item, state.label[item], state, data, place)
    return options_probability(item, place, state.option[item], data, state.terms)


@njit_without_arrays()
def as_label(chosen: int, n_slots: int) -> int:
    """Label of an index into `fit_weights`."""
    return chosen if chosen < n_slots else -1 - (chosen - n_slots)


@njit_without_arrays()
def as_index(label: int, n_slots: int) -> int:
    """Convert a label to its index in `fit_weights`."""
    return label if label >= 0 else n_slots - 1 - label


@njit(cache=True)
def move_item(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Move an item, in place, to another cluster or null class, or draw its options anew at home."""
    n_slots = len(state.size)
    i = pick_item(trial, rng)
    home = state.label[i]
    if home >= 0 and state.size[home] - data.weight[i] < 0.5:
        return False, 0.0
    weights = fit_weights(i, state, data)
    target = as_label(pick(weights, len(weights), rng.random()), n_slots)
    if target == home and (home < 0 or rng.random() > _AT_HOME):
        return False, 0.0
    place = np.empty(data.alt.shape[1], np.int64)
    option = state.option[i].copy()
    log_ratio = -target_options(i, target, state, data, rng, place, option)
    log_ratio += home_options(i, state, data, place)
    if target != home:
        log_ratio += math.log(weights[as_index(home, n_slots)] / weights[as_index(target, n_slots)])
    elif np.all(option == state.option[i]):
        return False, 0.0
    change_item(i, target, option, trial)
    trial.counts[FIRST] = home
    trial.counts[SECOND] = target if target != home else -1
    return True, log_ratio


@njit(cache=True)
def found_clone(state: State, data: Data, trial: Trial, rng: np.random.Generator, i: int) -> tuple[bool, float]:
    """Let an item found a clone of its own, in place, as a leaf or above some of its parent's children."""
    n_slots, germline = len(state.size), len(state.parent) - 1
    home, free = state.label[i], free_slot(state.parent)
    if free < 0:
        return False, 0.0
    place = np.full(data.alt.shape[1], -1, np.int64)
    option = state.option[i].copy()
    log_ratio = home_options(i, state, data, place)
    place[:] = -1
    log_ratio -= draw_options(i, place, data, state.terms, rng, option)
    log_ratio += math.log(fit_weights(i, state, data)[as_index(home, n_slots)])
    near, spread = state.prevalence.copy(), state.variance.copy()
    own = np.empty(data.alt.shape[1])
    before = np.empty(data.alt.shape[1])
    for s in range(len(own)):
        own[s] = data.total[i, s, option[s]]
        before[s] = data.total[i, s, state.option[i, s]]
    set_prevalence(free, data.alt[i], own, data, near, spread)
    if home >= 0:
        set_prevalence(home, state.seen[home] - data.alt[i], state.reads[home] - before, data, near, spread)
    if rng.random() < 0.5:  # as a leaf
        trial.parent[free] = -1
        weights = attachment_weights(free, trial.parent, near, spread, blocked_vertices(state.parent))
        k = pick(weights, len(weights), rng.random())
        log_ratio -= math.log(weights[k] / weights.sum())
    else:
        k = random_clone(state, rng)
        log_ratio += math.log(count_clones(state.parent))
        for v in range(germline):
            if state.parent[v] == k:
                below = adoption_probability(v, free, -1, near, spread)
                if rng.random() < below:
                    trial.parent[v] = free
                    log_ratio -= math.log(below)
                else:
                    log_ratio -= math.log(1.0 - below)
    trial.parent[free] = k
    change_item(i, free, option, trial)
    trial.counts[FIRST] = home
    trial.counts[SECOND] = free
    return True, log_ratio


@njit(cache=True)
def dissolve_clone(state: State, data: Data, trial: Trial, rng: np.random.Generator, i: int) -> tuple[bool, float]:
    """Give up a clone of one item, in place: the item goes to another clone or class, its children to its parent."""
    n_slots, germline = len(state.size), len(state.parent) - 1
    home = state.label[i]
    above, n_clones = state.parent[home], count_clones(state.parent)
    as_leaf = rng.random() < 0.5
    if above == germline or n_clones < 2 or (as_leaf and has_children(home, state.parent)):
        return False, 0.0
    fit = fit_weights(i, state, data)
    target = as_label(pick(fit, len(fit), rng.random()), n_slots)
    place = np.full(data.alt.shape[1], -1, np.int64)
    log_ratio = options_probability(i, place, state.option[i], data, state.terms)
    option = state.option[i].copy()
    log_ratio -= target_options(i, target, state, data, rng, place, option)
    log_ratio -= math.log(fit[as_index(target, n_slots)])
    if as_leaf:
        trial.parent[home] = -1
        blocked = blocked_vertices(state.parent)
        blocked[home] = True
        weights = attachment_weights(home, trial.parent, state.prevalence, state.variance, blocked)
        log_ratio += math.log(weights[above] / weights.sum())
    else:
        log_ratio -= math.log(n_clones - 1)
        for v in range(germline):
            if state.parent[v] == home or (state.parent[v] == above and v != home):
                below = adoption_probability(v, home, -1, state.prevalence, state.variance)
                log_ratio += math.log(below if state.parent[v] == home else 1.0 - below)
                trial.parent[v] = above
    trial.parent[home] = UNUSED
    change_item(i, target, option, trial)
    trial.counts[FIRST] = target
    trial.counts[SECOND] = home
    mark_path(trial.marks, above, trial.parent)
    return True, log_ratio


@njit(cache=True)
def move_single(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Let an item found a clone of its own, or give its own up."""
    i = pick_item(trial, rng)
    home = state.label[i]
    if home < 0 or state.size[home] - data.weight[i] > 0.5:
        return found_clone(state, data, trial, rng, i)
    return dissolve_clone(state, data, trial, rng, i)
