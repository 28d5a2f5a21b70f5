"""Presence in the joint sampler: proportions drawn under a state, and what their simplest history weighs.

Proportions are summed out of the posterior of a state. Here they are a function of the state and of uniform random
numbers, which are part of what is sampled: a move that changes little changes presence little (as in correlated
pseudo-marginal chains: Deligiannidis et al. 2018, doi:10.1111/rssb.12280). All arrays are changed in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from phylometa.clone_trees._messages import convolve, scale_down
from phylometa.joint._state import UNUSED
from phylometa.migration.slope_scaling import simple_history
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit
from phylometa.model.weighted_index import pick

__all__ = ["Places", "Presence", "draw_presence", "draw_sample", "history_score"]

# Places in `Places.numbers`.
UNOBSERVED, MIGRATIONS, COMIGRATIONS, SOURCES = 0, 1, 2, 3
# Sites up to which the simplest history is looked for pair by pair.
_SEARCHED = 40


class Places(NamedTuple):
    """Where samples were taken, and what histories weigh.

    ``site`` (S,): of every sample; -1: it names none (plasma, circulating cells). ``counts`` (3,): least steps of a
    clone that is present, sites, and the primary (-1: histories weigh nothing). ``weights`` (4,): of U, mu, gamma and
    sigma.
    """

    site: IntArray
    counts: IntArray
    weights: FloatArray


class Presence(NamedTuple):
    """Proportions of a state; M slots.

    ``uniforms`` (2, M + 1, S): numbers from which they follow. ``steps`` (M, S): proportions in steps of the grid.
    ``total`` (S,): their sums. ``score`` (1,): `history_score`. ``keys``, ``known`` (C,): scores that were worked out,
    under a hash of tree and presence.
    """

    uniforms: FloatArray
    steps: IntArray
    total: IntArray
    score: FloatArray
    keys: IntArray
    known: FloatArray


@njit(cache=True)
def draw_sample(
    sample: int, parent: IntArray, messages: FloatArray, founder: FloatArray, slab: float, uniforms: FloatArray,
    steps: IntArray, total: IntArray,
) -> None:  # fmt: skip
    """Draw all clones' proportions in one sample, in place: forward filtering, backward sampling.

    `messages` (M + 1, S, G) are those of the state, `founder` (S, G) the prior of the founders' prevalence.
    """
    n_slots, n_grid = len(parent) - 1, messages.shape[2]
    prevalence, stack = np.zeros(n_slots + 1, np.int64), np.empty(n_slots + 1, np.int64)
    children, so_far = np.empty(n_slots, np.int64), np.zeros((n_slots + 1, n_grid))
    weights, padded = np.empty(n_grid), np.empty(n_grid + 3)
    steps[:, sample] = 0
    stack[0], n_open = n_slots, 1
    while n_open > 0:
        n_open -= 1
        v = stack[n_open]
        n_children = 0
        for child in range(n_slots):
            if parent[child] == v:
                message = messages[child, sample]
                if n_children == 0:
                    so_far[0] = message
                else:
                    convolve(so_far[n_children - 1], message, so_far[n_children], padded)
                    scale_down(so_far[n_children])
                children[n_children] = child
                n_children += 1
        left = 0
        if n_children > 0:
            top = n_grid - 1 if v == n_slots else prevalence[v]
            for x in range(top + 1):
                weights[x] = so_far[n_children - 1, x] * (founder[sample, x] if v == n_slots else slab)
            if v < n_slots:
                weights[top] = so_far[n_children - 1, top]  # no population of its own
            left = pick(weights, top + 1, uniforms[0, v, sample])
        if v == n_slots:
            total[sample] = left
        else:
            steps[v, sample] = prevalence[v] - left
        for i in range(n_children - 1, -1, -1):
            child = children[i]
            prevalence[child] = left
            if i > 0:
                for y in range(left + 1):
                    weights[y] = so_far[i - 1, left - y] * messages[child, sample, y]
                prevalence[child] = pick(weights, left + 1, uniforms[1, child, sample])
            left -= prevalence[child]
            stack[n_open] = child
            n_open += 1


@njit(cache=True)
def present_in_sites(steps: IntArray, places: Places) -> BoolArray:
    """Mark the sites (M, n_sites) in which a clone is a population in some sample."""
    present = np.zeros((len(steps), places.counts[1]), np.bool_)
    for v in range(len(steps)):
        for sample in range(len(places.site)):
            if places.site[sample] >= 0 and steps[v, sample] >= places.counts[0]:
                present[v, places.site[sample]] = True
    return present


@njit(cache=True)
def populated_tree(parent: IntArray, steps: IntArray, places: Places) -> tuple[IntArray, BoolArray]:
    """Parents (n,) and sites (n, n_sites) of the clones of a tree, parents first.

    As in the draws, clones without cells and with one child are one with that child, and clones that only circulate are
    left out with all that descends from them.
    """
    n_slots = len(parent) - 1
    present = present_in_sites(steps, places)
    n_children, is_gone = np.zeros(n_slots + 1, np.int64), np.zeros(n_slots, np.bool_)
    for v in range(n_slots):
        if parent[v] >= 0:
            n_children[parent[v]] += 1
    for v in range(n_slots):
        is_gone[v] = parent[v] == UNUSED or (n_children[v] == 1 and steps[v].sum() == 0)
    is_placed, circulates = np.zeros(n_slots, np.bool_), np.zeros(n_slots, np.bool_)  # the clone or a descendant
    for v in range(n_slots):
        for sample in range(len(places.site)):
            if steps[v, sample] > 0 and places.site[sample] < 0:
                circulates[v] = True
        if parent[v] != UNUSED and (present[v].any() or circulates[v]):
            above_v = parent[v]
            is_placed[v] |= present[v].any()
            while above_v < n_slots:
                is_placed[above_v] |= present[v].any()
                circulates[above_v] |= circulates[v]
                above_v = parent[above_v]
    rank = np.full(n_slots + 1, -1)
    above, kept = np.empty(n_slots, np.int64), np.zeros((n_slots, places.counts[1]), np.bool_)
    stack, n_open, n = np.empty(n_slots + 1, np.int64), 1, 0
    stack[0] = n_slots
    while n_open > 0:  # a clone that is gone hands its parent's number on
        n_open -= 1
        v = stack[n_open]
        for child in range(n_slots):
            if parent[child] == v:
                if circulates[child] and not is_placed[child] and rank[v] >= 0:
                    continue
                rank[child] = rank[v]
                if not is_gone[child]:
                    above[n], rank[child], kept[n] = rank[v], n, present[child]
                    n += 1
                stack[n_open] = child
                n_open += 1
    return above[:n], kept[:n]


@njit(cache=True)
def hash_tree(above: IntArray, present: BoolArray) -> int:
    """Hash a tree with presence to a positive number of 62 bits (a linear congruential walk over its parts)."""
    key = 1469598103934665603
    for v in range(len(above)):
        key = key * 6364136223846793005 + above[v] + 2
        for t in range(present.shape[1]):
            key = key * 6364136223846793005 + (1442695040888963407 if present[v, t] else 1)
        key ^= key >> 29
    return (key >> 1) & 0x3FFFFFFFFFFFFFFF


@njit(cache=True)
def history_score(parent: IntArray, presence: Presence, places: Places) -> float:
    """Compute the log weight of the simplest history of a tree with presence: -(c U + d mu + gamma + 2 sigma).

    0 if histories weigh nothing.
    """
    if places.counts[2] < 0:
        return 0.0
    above, present = populated_tree(parent, presence.steps, places)
    key = hash_tree(above, present)
    place = key % len(presence.keys)
    if presence.keys[place] == key:
        return presence.known[place]
    passes = 1 if places.counts[1] <= _SEARCHED else 0
    best = np.empty(present.size, np.int64)
    unobserved, migrations, cost, _ = simple_history(
        above, np.arange(len(above)), present, places.counts[2], places.weights[COMIGRATIONS:], passes, 2, best,
        np.empty((0, len(best)), np.int64), np.empty(0),
    )  # fmt: skip
    score = -(places.weights[UNOBSERVED] * unobserved + places.weights[MIGRATIONS] * migrations + cost)
    presence.keys[place], presence.known[place] = key, score
    return score


@njit(cache=True)
def draw_presence(
    parent: IntArray, messages: FloatArray, founder: FloatArray, slab: float, presence: Presence, places: Places
) -> float:
    """Draw the proportions of a state in all samples anew from the uniform numbers, in place; their `history_score`."""
    for sample in range(len(places.site)):
        draw_sample(sample, parent, messages, founder, slab, presence.uniforms, presence.steps, presence.total)
    return history_score(parent, presence, places)
