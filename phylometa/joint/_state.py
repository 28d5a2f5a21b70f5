"""The state of the joint sampler, and how it changes: items join and leave clusters, clusters are scored anew.

A state is a partition of the items over cluster slots and null classes, an option per item and sample, and a clone
tree on the slots. Everything else in `State` is worked out from these and kept up to date, so that a move costs what
it touches. All arrays are changed in place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees._messages import marked_order, refresh
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays

# Reads of a cluster below which there are none: sums that items were added to and taken from carry rounding errors.
NO_READS = 1e-6
UNUSED = -2
"""Parent of a slot without a cluster."""
# Places in `State.score`.
TREE, CLUSTERS, ITEMS, MISFIT, PER_CLONE = 0, 1, 2, 3, 4
# Places in `Data.numbers`.
ERROR, ENOUGH, COST, SLAB, STEPS, TOP = 0, 1, 2, 3, 4, 5


class Data(NamedTuple):
    """What does not change in a chain; n items, S samples, O options, G prevalences, N null classes.

    ``curves`` (n, S, O, G), ``log_prior`` (n, S, O), ``log_missed`` (n,), ``alt`` (n, S), ``total`` (n, S, O),
    ``null`` (n, N), ``weight`` (n,): see `phylometa.reads.observation.Observation`. ``first`` (n, S): the first sample
    whose option a sample shares; ``n_options`` (n, S): its annotated options, the first ones. ``at_place``
    (n, S, G + 1, O): the curves once more, in single precision and in the order in which proposals read them; in the
    last row the prevalence is summed out. ``best`` (n, S, G + 1, 2): their largest over the annotated and over the
    missed options. ``log_annotated`` (n,): log probability that the state of the locus is the one given.
    ``n_annotated`` (1,). ``founder`` (S, G); ``log_mass`` (slots + 1,): log prior mass of the proportions by number of
    clones. ``class_prior`` (3,): pseudo-counts of clone, artefact and tail mutations. ``alphas``,
    ``log_alpha`` (Q,): concentrations of the Chinese restaurant process and their log prior weights. ``numbers``:
    sequencing error, reads at which the precision levels off, greatest loss of a cell, slab, grid steps per unit of
    prevalence, largest prevalence.
    """

    curves: FloatArray
    log_prior: FloatArray
    at_place: NDArray[np.float32]
    best: NDArray[np.float32]
    log_missed: FloatArray
    log_annotated: FloatArray
    first: IntArray
    n_options: IntArray
    alt: FloatArray
    total: FloatArray
    null: FloatArray
    weight: FloatArray
    n_annotated: IntArray
    founder: FloatArray
    log_mass: FloatArray
    class_prior: FloatArray
    alphas: FloatArray
    log_alpha: FloatArray
    numbers: FloatArray


class State(NamedTuple):
    """One state; M slots, the germline is vertex M.

    ``label`` (n,): slot of an item, or -1 - c for null class c. ``option`` (n, S). ``parent`` (M + 1,): -2 unused, -1
    the germline's. Sums over the items of a slot: ``curve`` (M, S, G), ``seen`` and ``reads`` (M, S), ``size`` (M,).
    ``likelihood`` (M, S, G) and ``tops`` (M, S): likelihood of a cluster relative to its maximum, and the log maximum.
    ``prevalence``, ``variance`` (M + 1, S): estimates that guide proposals. ``messages`` (M + 1, S, G), ``scales``
    (M + 1, S): of the tree. ``classes`` (3,): mutations that belong to clones, that are artefacts, in tails. ``score``:
    log posterior in parts. ``terms`` (S + 1, O): room to work in.
    """

    label: IntArray
    option: IntArray
    parent: IntArray
    curve: FloatArray
    seen: FloatArray
    reads: FloatArray
    size: FloatArray
    likelihood: FloatArray
    tops: FloatArray
    prevalence: FloatArray
    variance: FloatArray
    messages: FloatArray
    scales: FloatArray
    classes: FloatArray
    score: FloatArray
    terms: FloatArray


@njit_without_arrays()
def class_of(label: int) -> int:
    """Return the class of a label: 0 clone, 1 artefact, 2 tail."""
    return 0 if label >= 0 else (1 if label == -1 else 2)


@njit_without_arrays()
def bounded_prevalence(seen: float, reads: float, error: float, top: float) -> float:
    """Find the prevalence at which alternate reads are most likely, between 0 and `top`."""
    return min(max((seen / reads - error) / (0.5 - error), 0.0), top)


@njit_without_arrays()
def grid_place(seen: float, reads: float, error: float, top: float, steps: float) -> int:
    """Find the grid point of `bounded_prevalence`, `steps` per unit; -1 without reads."""
    if reads <= NO_READS:
        return -1
    return int(bounded_prevalence(seen, reads, error, top) * steps + 0.5)


@njit_without_arrays()
def shared_error(seen: float, reads: float, error: float, enough: float, top: float) -> float:
    """Compute what an error shared by a cluster's reads leaves of their likelihood: ln(beta-binomial / binomial).

    At their most likely rate; the precision levels off at `enough` reads. `top`: largest prevalence.
    """
    value = bounded_prevalence(seen, reads, error, top)
    rate = min(max(error + value * (0.5 - error), 0.5 / max(reads, 1.0)), 0.75)
    a, b = rate * enough, (1.0 - rate) * enough
    together = math.lgamma(seen + a) + math.lgamma(reads - seen + b) - math.lgamma(reads + enough)
    alone = math.lgamma(a) + math.lgamma(b) - math.lgamma(enough)
    return together - alone - seen * math.log(rate) - (reads - seen) * math.log(1.0 - rate)


@njit_without_arrays()
def set_prevalence(
    slot: int, seen: FloatArray, reads: FloatArray, data: Data, prevalence: FloatArray, variance: FloatArray
) -> None:
    """Set the prevalence of one cluster and its variance, in place, from its alternate and total reads (S,)."""
    error, enough, top = data.numbers[ERROR], data.numbers[ENOUGH], data.numbers[TOP]
    for s in range(len(seen)):
        if reads[s] > NO_READS:
            value = bounded_prevalence(seen[s], reads[s], error, top)
            rate = min(max(error + value * (0.5 - error), 0.5 / max(reads[s], 1.0)), 0.5)
            weight = enough / (enough + reads[s])
            prevalence[slot, s] = value
            variance[slot, s] = max(min(rate * (1.0 - rate) / (reads[s] * weight * (0.5 - error) ** 2), 1.0), 1e-6)
        else:
            prevalence[slot, s] = 0.0
            variance[slot, s] = 1e4


@njit(cache=True)
def score_cluster(slot: int, state: State, data: Data) -> None:
    """Set maximum and prevalence of one cluster, in place, from the sums over its items."""
    error, enough, top = data.numbers[ERROR], data.numbers[ENOUGH], data.numbers[TOP]
    for s in range(state.seen.shape[1]):
        state.tops[slot, s] = state.curve[slot, s].max()
        if state.reads[slot, s] > NO_READS:
            state.tops[slot, s] += shared_error(state.seen[slot, s], state.reads[slot, s], error, enough, top)
    set_prevalence(slot, state.seen[slot], state.reads[slot], data, state.prevalence, state.variance)


@njit(cache=True)
def set_likelihood(slot: int, state: State, data: Data) -> None:
    """Set the likelihood of one cluster, in place, from the sums over its items."""
    enough, cost = data.numbers[ENOUGH], data.numbers[COST]
    least = math.exp(-cost)
    for s in range(state.seen.shape[1]):
        top = state.curve[slot, s].max()
        weight = enough / (enough + state.reads[slot, s])
        for x in range(state.curve.shape[2]):
            loss = weight * (top - state.curve[slot, s, x])
            state.likelihood[slot, s, x] = math.exp(-loss) if loss < cost else least


@njit_without_arrays()
def options_prior(item: int, option: IntArray, data: Data) -> float:
    """Compute the log prior of an item's options (S,), once per group of samples."""
    n_annotated = data.n_annotated[0]
    if option[0] >= n_annotated:
        return data.log_missed[item] + data.log_prior[item, 0, option[0]]
    total = data.log_annotated[item]
    for s in range(len(option)):
        if data.first[item, s] == s:
            total += data.log_prior[item, s, option[s]]
    return total


@njit_without_arrays()
def item_value(item: int, label: int, option: IntArray, data: Data) -> float:
    """Compute what an item adds to the log posterior besides its cluster: its options' prior, or its null class."""
    if label >= 0:
        return options_prior(item, option, data)
    return data.null[item, -1 - label]


@njit_without_arrays()
def add_item(item: int, label: int, option: IntArray, sign: float, state: State, data: Data) -> None:
    """Add an item to (sign 1), or take it from (sign -1), the sums of its cluster or class, in place."""
    state.classes[class_of(label)] += sign * data.weight[item]
    state.score[ITEMS] += sign * item_value(item, label, option, data)
    if label < 0:
        return
    state.size[label] += sign * data.weight[item]
    for s in range(len(option)):
        o = option[s]
        state.seen[label, s] += sign * data.alt[item, s]
        state.reads[label, s] += sign * data.total[item, s, o]
        for x in range(state.curve.shape[2]):
            state.curve[label, s, x] += sign * data.curves[item, s, o, x]


@njit(cache=True)
def clusters_value(parent: IntArray, state: State, data: Data) -> float:
    """Compute the log prior of partition, classes and tree, plus the maxima of the clusters' likelihoods."""
    n_slots = len(parent) - 1
    count = 0
    value = 0.0
    for slot in range(n_slots):
        if parent[slot] != UNUSED:
            count += 1
            value += state.tops[slot].sum() + math.lgamma(state.size[slot])
    top = -np.inf
    terms = np.empty(len(data.alphas))
    for q in range(len(data.alphas)):
        alpha = data.alphas[q]
        terms[q] = data.log_alpha[q] + count * math.log(alpha) + math.lgamma(alpha)
        terms[q] -= math.lgamma(alpha + state.classes[0])
        top = max(top, terms[q])
    value += top + math.log(np.exp(terms - top).sum())
    for c in range(3):
        value += math.lgamma(max(state.classes[c], 0.0) + data.class_prior[c])
    return value - data.log_mass[count] - (count - 1) * math.log(count)


@njit(cache=True)
def refresh_tree(
    marks: BoolArray, parent: IntArray, state: State, data: Data, new_messages: FloatArray, new_scales: FloatArray
) -> tuple[float, IntArray]:
    """Work out marked messages anew into `new_messages`, `new_scales`; return the log-likelihood and the order."""
    marks[len(parent) - 1] = True  # the value is read off the germline, also if no clone changed
    order = marked_order(marks, parent)
    value = refresh(
        marks, order, parent, state.likelihood, data.numbers[SLAB], data.founder, state.messages, state.scales,
        new_messages, new_scales,
    ).sum()  # fmt: skip
    return value, order


@njit(cache=True)
def initialise(state: State, data: Data) -> None:
    """Work out everything from labels, options and parents, in place."""
    n_slots = len(state.parent) - 1
    state.curve[:] = 0.0
    state.seen[:] = 0.0
    state.reads[:] = 0.0
    state.size[:] = 0.0
    state.classes[:] = 0.0
    state.score[:] = 0.0
    state.likelihood[:] = 1.0
    state.tops[:] = 0.0
    state.prevalence[n_slots] = 1.0
    state.variance[n_slots] = 0.01
    for item in range(len(state.label)):
        add_item(item, state.label[item], state.option[item], 1.0, state, data)
    for slot in range(n_slots):
        if state.parent[slot] != UNUSED:
            score_cluster(slot, state, data)
            set_likelihood(slot, state, data)
    marks = np.zeros(n_slots + 1, np.bool_)
    for v in range(n_slots + 1):
        marks[v] = state.parent[v] != UNUSED
    new_messages, new_scales = np.zeros_like(state.messages), np.zeros_like(state.scales)
    state.score[TREE], _ = refresh_tree(marks, state.parent, state, data, new_messages, new_scales)
    state.messages[:] = new_messages
    state.scales[:] = new_scales
    state.score[CLUSTERS] = clusters_value(state.parent, state, data)
    state.score[MISFIT] = tree_misfit(state.parent, state.prevalence, state.variance)


@njit(cache=True)
def tree_misfit(parent: IntArray, prevalence: FloatArray, variance: FloatArray) -> float:
    """Compute half the squared, standardised excess of the children over their parent, over clones and samples."""
    n, n_samples = prevalence.shape
    room = prevalence.copy()
    spread = variance.copy()
    for child in range(n - 1):
        if parent[child] >= 0:
            for s in range(n_samples):
                room[parent[child], s] -= prevalence[child, s]
                spread[parent[child], s] += variance[child, s]
    cost = 0.0
    for p in range(n):
        if parent[p] != UNUSED:
            for s in range(n_samples):
                if room[p, s] < 0.0:
                    cost += 0.5 * room[p, s] ** 2 / spread[p, s]
    return cost
