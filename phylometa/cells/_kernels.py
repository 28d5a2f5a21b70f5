"""Kernels of the sampler over clones of single cells: the posterior of a state, and the moves."""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit

UNUSED = -2


@njit(cache=True)
def top_down(parent: IntArray) -> IntArray:
    """List the used slots, every parent before its children; the root, vertex M, is left out."""
    m = len(parent)
    order = np.empty(m, np.int64)
    n_placed = 0
    placed = np.zeros(m + 1, np.bool_)
    placed[m] = True
    changed = True
    while changed:
        changed = False
        for v in range(m):
            if parent[v] != UNUSED and not placed[v] and placed[parent[v]]:
                order[n_placed] = v
                n_placed += 1
                placed[v] = True
                changed = True
    return order[:n_placed]


@njit(cache=True)
def add_logs(a: float, b: float) -> float:
    """Compute log(e^a + e^b)."""
    top = max(a, b)
    return top + math.log1p(math.exp(-abs(a - b)))


@njit(cache=True)
def cell_log_means(parent: IntArray, order: IntArray, own: FloatArray, cell: int) -> tuple[float, float]:
    """Log mean likelihood ratio of one cell over clones, and of two over pairs of clones, summed up as logs.

    With R(v) and Q(v) the sums over the clones, and over the ordered pairs, at or below v, each over that of v itself,
    a child w of v adds e^own(w) R(w) to R(v), and to Q(v) the pairs within w and those between w and what v had before:
    a pair of clones has the mutations of both, so that those of their last common ancestor count once.
    """
    m = len(parent)
    one, two = np.zeros(m + 1), np.zeros(m + 1)
    for j in range(len(order) - 1, -1, -1):
        v = order[j]
        above = parent[v]
        gain = own[v, cell] + one[v]
        within = own[v, cell] + two[v]
        two[above] = add_logs(two[above], add_logs(within, math.log(2.0) + gain + one[above]))
        one[above] = add_logs(one[above], gain)
    log_count = math.log(len(order) + 1.0)
    return one[m] - log_count, two[m] - 2.0 * log_count


@njit(cache=True)
def log_likelihood(
    parent: IntArray, own: FloatArray, lifted: FloatArray, doublet: float, one: FloatArray, two: FloatArray
) -> float:
    """Sum over cells of the log mean likelihood ratio over clones, the normal genotype, and pairs of these.

    As `cell_log_means` for all cells together, without logs: `lifted` is exp(own); `one` and `two` (M + 1, C) are work
    space. A cell whose sums leave the range of floats is summed up as logs.
    """
    order = top_down(parent)
    m, n_cells, count = len(parent), own.shape[1], len(order) + 1.0
    one[m], two[m] = 1.0, 1.0
    for v in order:
        one[v], two[v] = 1.0, 1.0
    for j in range(len(order) - 1, -1, -1):
        v = order[j]
        above = parent[v]
        if doublet > 0.0:
            for c in range(n_cells):
                gain = lifted[v, c] * one[v, c]
                two[above, c] += lifted[v, c] * two[v, c] + 2.0 * gain * one[above, c]
                one[above, c] += gain
        else:
            for c in range(n_cells):
                one[above, c] += lifted[v, c] * one[v, c]
    single, pair = (1.0 - doublet) / count, doublet / (count * count)
    total = 0.0
    for c in range(n_cells):
        value = single * one[m, c]
        if doublet > 0.0:
            value += pair * two[m, c]
        if value < math.inf:  # and so not nan either
            total += math.log(value)
        else:
            mean_one, mean_two = cell_log_means(parent, order, own, c)
            mean_one += math.log1p(-doublet)
            total += add_logs(mean_one, mean_two + math.log(doublet)) if doublet > 0.0 else mean_one
    return total


@njit(cache=True)
def all_log_means(parent: IntArray, own: FloatArray) -> FloatArray:
    """Give `cell_log_means` of every cell (2, C)."""
    order = top_down(parent)
    found = np.empty((2, own.shape[1]))
    for c in range(own.shape[1]):
        found[0, c], found[1, c] = cell_log_means(parent, order, own, c)
    return found


@njit(cache=True)
def log_prior(parent: IntArray, size: IntArray, alpha: float) -> float:
    """Log prior of partition (Chinese restaurant) and tree (uniform over the (K + 1)^(K - 1) rooted at the normal)."""
    count = 0
    value = 0.0
    for v in range(len(parent)):
        if parent[v] != UNUSED:
            count += 1
            value += math.log(alpha) + math.lgamma(float(size[v]))
    return value - (count - 1) * math.log(count + 1.0)


@njit(cache=True)
def is_below(v: int, top: int, parent: IntArray) -> bool:
    """Whether v is `top` or descends from it."""
    m = len(parent)
    while v != m:
        if v == top:
            return True
        v = parent[v]
    return False


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


@njit(cache=True)
def sum_by_clone(label: IntArray, ratio: FloatArray, n_slots: int) -> FloatArray:
    """Sum the log-likelihood ratios (n, C) of the mutations of every clone (M, C)."""
    own = np.zeros((n_slots, ratio.shape[1]))
    for i in range(len(label)):
        own[label[i]] += ratio[i]
    return own


@njit(cache=True)
def run_chain(
    label: IntArray, parent: IntArray, ratio: FloatArray, alpha: float, doublet: float, steps: int, heat: float,
    rng: np.random.Generator,
) -> tuple[float, int]:  # fmt: skip
    """Run Metropolis-Hastings moves at a temperature that falls from `heat` to 1 (1: none), state changed in place.

    Gives log-likelihood (against the normal genotype) plus log prior, and the accepted moves.
    """
    m, n = len(parent), len(label)
    size = np.zeros(m, np.int64)
    for i in range(n):
        size[label[i]] += 1
    own = sum_by_clone(label, ratio, m)
    lifted = np.exp(own)
    one, two = np.empty((m + 1, ratio.shape[1])), np.empty((m + 1, ratio.shape[1]))
    value = log_likelihood(parent, own, lifted, doublet, one, two) + log_prior(parent, size, alpha)
    new_label, new_parent, new_size = label.copy(), parent.copy(), size.copy()
    new_own, new_lifted = own.copy(), lifted.copy()
    is_touched = np.zeros(m, np.bool_)
    accepted = 0
    for step in range(steps):
        power = 1.0 / (1.0 + (heat - 1.0) * (1.0 - step / steps))
        new_label[:], new_parent[:], new_size[:] = label, parent, size
        possible, log_ratio = propose(new_label, new_parent, new_size, rng)
        if not possible:
            continue
        is_touched[:] = False
        for i in range(n):
            if new_label[i] != label[i]:
                is_touched[label[i]] = is_touched[new_label[i]] = True
                new_own[label[i]] -= ratio[i]
                new_own[new_label[i]] += ratio[i]
        for v in range(m):
            if is_touched[v]:
                new_lifted[v] = np.exp(new_own[v])
        new_value = log_likelihood(new_parent, new_own, new_lifted, doublet, one, two)
        new_value += log_prior(new_parent, new_size, alpha)
        is_accepted = math.log(max(rng.random(), 1e-300)) < power * (new_value - value) + log_ratio
        if is_accepted:
            label[:], parent[:], size[:] = new_label, new_parent, new_size
            value = new_value
            accepted += 1
        for v in range(m):
            if is_touched[v]:
                if is_accepted:
                    own[v], lifted[v] = new_own[v], new_lifted[v]
                else:
                    new_own[v], new_lifted[v] = own[v], lifted[v]
    return value, accepted


@njit(cache=True)
def last_common(parent: IntArray) -> IntArray:
    """Find the last common ancestor of every two vertices (M + 1, M + 1); M, the root, for slots without a clone."""
    m = len(parent)
    found = np.full((m + 1, m + 1), m)
    for u in range(m):
        for v in range(m):
            if parent[u] != UNUSED and parent[v] != UNUSED:
                w = u
                while w != m and not is_below(v, w, parent):
                    w = parent[w]
                found[u, v] = w
    return found


@njit(cache=True)
def draw_cells(
    parent: IntArray, own: FloatArray, doublet: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw the clone of every cell (C,) given clones and tree, M the normal genotype; and a second one, M for none.

    A doublet of two clones on one line has the genotype of the lower one and counts as a cell of it.
    """
    m, n_cells = len(parent), own.shape[1]
    order = top_down(parent)
    meet = last_common(parent)
    depth = np.zeros(m + 1)
    scores = np.zeros((m + 1, n_cells))
    for v in order:
        depth[v] = depth[parent[v]] + 1.0
        scores[v] = scores[parent[v]] + own[v]
    vertices = np.append(order, m)
    first, second = np.full(n_cells, m), np.full(n_cells, m)
    single, pair = (1.0 - doublet) / len(vertices), doublet / len(vertices) ** 2
    for c in range(n_cells):
        best, total = -math.inf, 0.0  # the running sum is over exp(best)
        for i in range(len(vertices)):
            u = vertices[i]
            for j in range(i + 1 if doublet > 0.0 else 0, len(vertices) + 1):
                if j < len(vertices):
                    w = meet[u, vertices[j]]
                    if w == u or w == vertices[j]:
                        continue
                    value = scores[u, c] + scores[vertices[j], c] - scores[w, c] + math.log(2.0 * pair)
                else:
                    value = scores[u, c] + math.log(single + pair * (2.0 * depth[u] + 1.0))
                if value > best:
                    total *= math.exp(best - value)
                    best = value
                weight = math.exp(value - best)
                total += weight
                if rng.random() * total < weight:  # each with its share of the sum, in one pass
                    first[c] = u
                    second[c] = vertices[j] if j < len(vertices) else m
    return first, second
