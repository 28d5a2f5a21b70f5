"""Kernels of the sampler over clones of single cells: its moves, each of which changes a state in place."""

from __future__ import annotations

import math

import numpy as np

from phylometa.cells._posterior import UNUSED, is_below
from phylometa.model.arrays import IntArray
from phylometa.model.compiled import njit


@njit(cache=True)
def pick_used(parent: IntArray, rng: np.random.Generator) -> int:
    """Pick a used slot."""
    chosen = int(rng.random() * (parent != UNUSED).sum())
    for v in range(len(parent)):
        if parent[v] != UNUSED:
            if chosen == 0:
                return v
            chosen -= 1
    return -1


@njit(cache=True)
def count_children(v: int, parent: IntArray) -> int:
    """Count the children of a slot."""
    return int((parent == v).sum())


@njit(cache=True)
def count_free_singles(parent: IntArray, size: IntArray) -> int:
    """Count clones of one mutation with at most one child."""
    n = 0
    for v in range(len(parent)):
        if parent[v] != UNUSED and size[v] == 1 and count_children(v, parent) <= 1:
            n += 1
    return n


@njit(cache=True)
def first_free(parent: IntArray) -> int:
    """Find the first slot that no clone uses."""
    slot = 0
    while parent[slot] != UNUSED:
        slot += 1
    return slot


@njit(cache=True)
def join_other(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Move a mutation to another clone, in place; see `propose`."""
    i = int(rng.random() * len(label))
    if (parent != UNUSED).sum() < 2 or size[label[i]] == 1:
        return False, 0.0
    target = pick_used(parent, rng)
    if target == label[i]:
        return False, 0.0
    size[label[i]] -= 1
    label[i] = target
    size[target] += 1
    return True, 0.0


@njit(cache=True)
def found_clone(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Make a mutation a clone of its own, a leaf anywhere or above a clone, in place; see `propose`."""
    m, n = len(parent), len(label)
    count = int((parent != UNUSED).sum())
    i = int(rng.random() * n)
    if size[label[i]] == 1 or count == m:
        return False, 0.0
    slot = first_free(parent)
    place = int(rng.random() * (2 * count + 1))
    if place <= count:  # a leaf below a clone, or below the normal genotype
        above = m
        if place < count:
            seen = 0
            for v in range(m):
                if parent[v] != UNUSED:
                    if seen == place:
                        above = v
                    seen += 1
        parent[slot] = above
    else:
        below, seen = -1, 0
        for v in range(m):
            if parent[v] != UNUSED:
                if seen == place - count - 1:
                    below = v
                seen += 1
        parent[slot] = parent[below]
        parent[below] = slot
    size[label[i]] -= 1
    label[i] = slot
    size[slot] = 1
    forward = -math.log(float(n)) - math.log(2.0 * count + 1.0)
    backward = -math.log(float(count_free_singles(parent, size))) - math.log(float(count))
    return True, backward - forward


@njit(cache=True)
def dissolve_clone(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Move the mutation of a clone of one to another clone, in place: the reverse of `found_clone`."""
    m, n = len(parent), len(label)
    count = int((parent != UNUSED).sum())
    n_singles = count_free_singles(parent, size)
    if n_singles == 0 or count < 2:
        return False, 0.0
    chosen = int(rng.random() * n_singles)
    v = -1
    for w in range(m):
        if parent[w] != UNUSED and size[w] == 1 and count_children(w, parent) <= 1:
            if chosen == 0:
                v = w
            chosen -= 1
    target = int(rng.random() * (count - 1))
    into = -1
    for w in range(m):
        if parent[w] != UNUSED and w != v:
            if target == 0:
                into = w
            target -= 1
    for i in range(n):
        if label[i] == v:
            label[i] = into
    for w in range(m):
        if parent[w] == v:
            parent[w] = parent[v]
    parent[v] = UNUSED
    size[v] = 0
    size[into] += 1
    forward = -math.log(float(n_singles)) - math.log(count - 1.0)
    backward = -math.log(float(n)) - math.log(2.0 * (count - 1) + 1.0)
    return True, backward - forward


@njit(cache=True)
def regraft(parent: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Move a clone with all below it elsewhere, in place; see `propose`."""
    m = len(parent)
    count = int((parent != UNUSED).sum())
    v = pick_used(parent, rng)
    target = m
    chosen = int(rng.random() * (count + 1))
    if chosen < count:
        for w in range(m):
            if parent[w] != UNUSED:
                if chosen == 0:
                    target = w
                chosen -= 1
    if target == parent[v] or (target != m and is_below(target, v, parent)):
        return False, 0.0
    parent[v] = target
    return True, 0.0


@njit(cache=True)
def swap_clones(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Let two clones change places, in place; see `propose`."""
    a, b = pick_used(parent, rng), pick_used(parent, rng)
    if a == b:
        return False, 0.0
    for i in range(len(label)):
        if label[i] == a:
            label[i] = b
        elif label[i] == b:
            label[i] = a
    size[a], size[b] = size[b], size[a]
    return True, 0.0


@njit(cache=True)
def split_clone(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Split a clone in an upper and a lower one, in place; see `propose`."""
    m = len(parent)
    count = int((parent != UNUSED).sum())
    v = pick_used(parent, rng)
    if size[v] < 2 or count == m:
        return False, 0.0
    slot = first_free(parent)
    n_children = count_children(v, parent)
    log_forward = -math.log(float(count)) - size[v] * math.log(2.0) - n_children * math.log(2.0)
    moved = 0
    for i in range(len(label)):
        if label[i] == v and rng.random() < 0.5:
            label[i] = slot
            moved += 1
    if moved == 0 or moved == size[v]:
        return False, 0.0
    for w in range(m):
        if parent[w] == v and rng.random() < 0.5:
            parent[w] = slot
    parent[slot] = v
    size[v] -= moved
    size[slot] = moved
    return True, -math.log(count + 1.0) - log_forward


@njit(cache=True)
def merge_clone(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Merge a clone with the one above it, in place: the reverse of `split_clone`."""
    m = len(parent)
    count = int((parent != UNUSED).sum())
    v = pick_used(parent, rng)
    above = parent[v]
    if above == m:
        return False, 0.0
    for i in range(len(label)):
        if label[i] == v:
            label[i] = above
    for w in range(m):
        if parent[w] == v:
            parent[w] = above
    parent[v] = UNUSED
    size[above] += size[v]
    size[v] = 0
    n_children = count_children(above, parent)
    log_back = -math.log(count - 1.0) - (size[above] + n_children) * math.log(2.0)
    return True, log_back + math.log(float(count))


@njit(cache=True)
def propose(label: IntArray, parent: IntArray, size: IntArray, rng: np.random.Generator) -> tuple[bool, float]:
    """Change labels, parents and sizes by a random move, in place: whether it is possible, log ratio of proposals."""
    u = rng.random()
    if u < 0.35:
        return join_other(label, parent, size, rng)
    if u < 0.5:
        return found_clone(label, parent, size, rng)
    if u < 0.65:
        return dissolve_clone(label, parent, size, rng)
    if u < 0.85:
        return regraft(parent, rng)
    if u < 0.93:
        return swap_clones(label, parent, size, rng)
    if u < 0.965:
        return split_clone(label, parent, size, rng)
    return merge_clone(label, parent, size, rng)
