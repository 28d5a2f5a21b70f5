"""Moves of the joint sampler that change all or many items of a clone: split, merge, all options anew.

As in `phylometa.joint._moves`, each fills a `Trial` in place and gives the log ratio of its proposal densities, that of
the reverse move over the move itself (Green 1995, Biometrika 82:711).
"""

from __future__ import annotations

import math

import numpy as np

from phylometa.clone_trees._messages import mark_path
from phylometa.joint._moves import (
    CHANGED,
    FIRST,
    SECOND,
    Trial,
    blocked_vertices,
    change_item,
    count_clones,
    free_slot,
    has_children,
    random_clone,
)
from phylometa.joint._proposals import (
    adoption_probability,
    allocate,
    attachment_weights,
    draw_group,
    draw_options,
    group_probability,
    options_probability,
)
from phylometa.joint._state import ERROR, STEPS, TOP, UNUSED, Data, State, grid_place, set_prevalence
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays
from phylometa.model.weighted_index import pick

# Items up to which a move of a whole clone is always tried.
_CHEAP = 12.0
# How often the options of a clone are drawn anew in the samples of one state alone.
_IN_ONE_SAMPLE = 0.75


@njit(cache=True)
def sums_without(slot: int, items: BoolArray, state: State, data: Data) -> tuple[FloatArray, FloatArray]:
    """Sum the alternate and total reads (S,) of the marked items of a cluster."""
    n_samples = data.alt.shape[1]
    seen, reads = np.zeros(n_samples), np.zeros(n_samples)
    for m in range(len(items)):
        if items[m]:
            for s in range(n_samples):
                seen[s] += data.alt[m, s]
                reads[s] += data.total[m, s, state.option[m, s]]
    return seen, reads


@njit(cache=True)
def items_of(slot: int, label: IntArray) -> IntArray:
    """List the items of a cluster."""
    return np.flatnonzero(label == slot)


@njit(cache=True)
def count_partners(gone: int, how: int, parent: IntArray) -> int:
    """Count clones that `gone` could be merged with: its parent (how 0), siblings (1), or any, if it is a leaf (2)."""
    above = parent[gone]
    if how == 2:
        return 0 if has_children(gone, parent) else count_clones(parent) - 1
    if above == len(parent) - 1:
        return 0
    return 1 if how == 0 else int((parent[:-1] == above).sum()) - 1


@njit_without_arrays()
def nth_partner(gone: int, how: int, ordinal: int, parent: IntArray) -> int:
    """Find the n-th of the clones that `count_partners` counts."""
    if how == 0:
        return parent[gone]
    for slot in range(len(parent) - 1):
        if slot != gone and parent[slot] != UNUSED and (how == 2 or parent[slot] == parent[gone]):
            if ordinal == 0:
                return slot
            ordinal -= 1
    return -1


@njit_without_arrays()
def is_tried(n_items: int, rng: np.random.Generator) -> bool:
    """Whether a move that costs as much as it changes items is tried: less often for many, and the reverse alike."""
    return rng.random() * n_items < _CHEAP


@njit(cache=True)
def split_clone(state: State, data: Data, trial: Trial, rng: np.random.Generator, how: int) -> tuple[bool, float]:
    """Split a clone in place around two items: the new one below it (how 0), beside it (1), or a leaf anywhere (2)."""
    germline = len(state.parent) - 1
    free, home = free_slot(state.parent), random_clone(state, rng)
    members = items_of(home, state.label)
    n_members = len(members)
    if free < 0 or n_members < 2 or not is_tried(n_members, rng) or (how == 1 and state.parent[home] == germline):
        return False, 0.0
    first = min(int(rng.random() * n_members), n_members - 1)
    second = min(int(rng.random() * (n_members - 1)), n_members - 2)
    i, j = members[first], members[second + (second >= first)]
    label = state.label.copy()
    label[i] = free
    log_ratio = -allocate(i, j, free, home, True, label, state, data, rng)
    apart = label == free
    n_apart = int(apart.sum())
    for m in members:
        if apart[m]:
            change_item(m, free, state.option[m], trial)
    near, spread = state.prevalence.copy(), state.variance.copy()
    seen, reads = sums_without(home, apart, state, data)
    set_prevalence(free, seen, reads, data, near, spread)
    set_prevalence(home, state.seen[home] - seen, state.reads[home] - reads, data, near, spread)
    if how == 2:
        trial.parent[free] = -1
        weights = attachment_weights(free, trial.parent, near, spread, blocked_vertices(state.parent))
        p = pick(weights, len(weights), rng.random())
        trial.parent[free] = p
        log_ratio -= math.log(weights[p] / weights.sum())
    else:
        trial.parent[free] = home if how == 0 else state.parent[home]
        for v in range(germline):
            if state.parent[v] == home:
                below = adoption_probability(v, free, -1 if how == 0 else home, near, spread)
                if rng.random() < below:
                    trial.parent[v] = free
                    log_ratio -= math.log(below)
                else:
                    log_ratio -= math.log(1.0 - below)
    n_clones = count_clones(state.parent)
    log_ratio += math.log(n_clones) + math.log(n_members * (n_members - 1.0))
    log_ratio -= math.log(n_clones + 1.0) + math.log(count_partners(free, how, trial.parent))
    log_ratio -= math.log(n_apart) + math.log(n_members - n_apart)
    trial.counts[FIRST] = home
    trial.counts[SECOND] = free
    return True, log_ratio


@njit(cache=True)
def merge_clones(state: State, data: Data, trial: Trial, rng: np.random.Generator, how: int) -> tuple[bool, float]:
    """Merge a clone in place into its parent (how 0), a sibling (1), or, if a leaf, any (2): undoes `split_clone`."""
    germline = len(state.parent) - 1
    gone = random_clone(state, rng)
    above = state.parent[gone]
    n_partners = 0 if above == germline else count_partners(gone, how, state.parent)
    if n_partners == 0:
        return False, 0.0
    home = nth_partner(gone, how, min(int(rng.random() * n_partners), n_partners - 1), state.parent)
    going, staying = items_of(gone, state.label), items_of(home, state.label)
    if not is_tried(len(going) + len(staying), rng):
        return False, 0.0
    i = going[min(int(rng.random() * len(going)), len(going) - 1)]
    j = staying[min(int(rng.random() * len(staying)), len(staying) - 1)]
    log_ratio = allocate(i, j, gone, home, False, state.label, state, data, rng)
    for m in going:
        change_item(m, home, state.option[m], trial)
    if how == 2:
        trial.parent[gone] = -1
        blocked = blocked_vertices(state.parent)
        blocked[gone] = True
        weights = attachment_weights(gone, trial.parent, state.prevalence, state.variance, blocked)
        log_ratio += math.log(weights[above] / weights.sum())
        mark_path(trial.marks, above, trial.parent)
    else:
        for v in range(germline):
            if v != gone and (state.parent[v] == gone or state.parent[v] == home):
                below = adoption_probability(v, gone, -1 if how == 0 else home, state.prevalence, state.variance)
                log_ratio += math.log(below if state.parent[v] == gone else 1.0 - below)
                trial.parent[v] = home
    trial.parent[gone] = UNUSED
    n_clones, n_members = count_clones(state.parent), len(going) + len(staying)
    log_ratio += math.log(n_clones) + math.log(n_partners) + math.log(len(going)) + math.log(len(staying))
    log_ratio -= math.log(n_clones - 1.0) + math.log(n_members * (n_members - 1.0))
    trial.counts[FIRST] = home
    trial.counts[SECOND] = gone
    return True, log_ratio


@njit(cache=True)
def move_split(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Split a clone in two, or merge two."""
    u = rng.random()
    how = 0 if u < 0.35 else (1 if u < 0.7 else 2)
    if rng.random() < 0.5:
        return split_clone(state, data, trial, rng, how)
    return merge_clones(state, data, trial, rng, how)


@njit(cache=True)
def move_options(state: State, data: Data, trial: Trial, rng: np.random.Generator) -> tuple[bool, float]:
    """Draw all options of a clone anew, in place, one item after the other, from the last prevalences that count.

    An item's options follow from the prevalences of those drawn before it: a clone whose items have all the wrong
    copies, each held there by the others, finds its other prevalence. Mostly they are drawn for the samples alone that
    share a state with one sample: the first item draws the right copies in one sample far more often than in all.
    """
    slot = random_clone(state, rng)
    members = items_of(slot, state.label)
    if not is_tried(len(members), rng):
        return False, 0.0
    for m in range(len(members) - 1, 0, -1):
        other = min(int(rng.random() * (m + 1)), m)
        members[m], members[other] = members[other], members[m]
    error, top, steps = data.numbers[ERROR], data.numbers[TOP], data.numbers[STEPS]
    n_samples, n_annotated = data.alt.shape[1], data.n_annotated[0]
    in_one = rng.random() < _IN_ONE_SAMPLE
    sample = min(int(rng.random() * n_samples), n_samples - 1)
    seen = np.zeros(n_samples)
    reads, reads_before = np.zeros(n_samples), np.zeros(n_samples)
    place, place_before = np.full(n_samples, -1, np.int64), np.full(n_samples, -1, np.int64)
    option = np.empty(n_samples, np.int64)
    log_ratio = 0.0
    for m in members:
        option[:] = state.option[m]
        if not in_one:
            log_ratio += options_probability(m, place_before, state.option[m], data, state.terms)
            log_ratio -= draw_options(m, place, data, state.terms, rng, option)
        elif option[0] < n_annotated:  # a state that the caller missed is one for all samples: it stays
            log_ratio += group_probability(m, sample, place_before, state.option[m], data, state.terms)
            log_ratio -= draw_group(m, sample, place, data, state.terms, rng, option)
        if np.any(option != state.option[m]):
            change_item(m, slot, option, trial)
        for s in range(n_samples):
            seen[s] += data.alt[m, s]
            reads[s] += data.total[m, s, option[s]]
            reads_before[s] += data.total[m, s, state.option[m, s]]
            place[s] = grid_place(seen[s], reads[s], error, top, steps)
            place_before[s] = grid_place(seen[s], reads_before[s], error, top, steps)
    trial.counts[FIRST] = slot
    return trial.counts[CHANGED] > 0, log_ratio
