"""What guides the moves of the joint sampler: how items fit clusters, which options they take, where clones hang."""

from __future__ import annotations

import math

import numpy as np

from phylometa.clone_trees._kernels import attachment_costs
from phylometa.joint._state import ERROR, STEPS, TOP, UNUSED, Data, State, grid_place
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays

# Power of the fit by which an item's target is drawn, and the least log weight of a target.
_FIT_POWER, _LEAST_FIT = 0.7, -9.0
# The same for items of a clone that is parted, and their largest log weight: the first few are judged by few reads.
_PARTED_POWER, _MOST_PARTED = 0.5, 7.0


@njit_without_arrays()
def log_sum(terms: FloatArray, start: int, stop: int) -> float:
    """Compute ln of the sum of exp of some entries; -inf if all are."""
    top = -np.inf
    for i in range(start, stop):
        top = max(top, terms[i])
    if top < -1e300:
        return -np.inf
    total = 0.0
    for i in range(start, stop):
        total += math.exp(terms[i] - top)
    return top + math.log(total)


@njit_without_arrays()
def set_terms(item: int, place: IntArray, data: Data, terms: FloatArray) -> None:
    """Set the log weights of an item's options, in place, at the grid points `place` (S,); -1: prevalence summed out.

    `terms` (S + 1, O): a row per group of samples, in that of its first sample, with the annotated options; the last
    row with the missed states.
    """
    n_samples = len(place)
    n_options, n_annotated = data.log_prior.shape[2], data.n_annotated[0]
    is_missed_considered = data.log_missed[item] > -1e300
    for o in range(n_annotated, n_options):
        terms[n_samples, o] = data.log_missed[item] + data.log_prior[item, 0, o]
    for s in range(n_samples):
        first = data.first[item, s]
        if first == s:
            for o in range(data.n_options[item, s]):
                terms[s, o] = data.log_prior[item, s, o]
        at = place[s] if place[s] >= 0 else data.at_place.shape[2] - 1
        for o in range(data.n_options[item, s]):
            terms[first, o] += data.at_place[item, s, at, o]
        if is_missed_considered:
            for o in range(n_annotated, n_options):
                terms[n_samples, o] += data.at_place[item, s, at, o]


@njit_without_arrays()
def sum_terms(item: int, data: Data, terms: FloatArray) -> float:
    """Compute the log-likelihood of an item with its options summed out, of the terms that `set_terms` set."""
    annotated = data.log_annotated[item]
    for s in range(data.first.shape[1]):
        if data.first[item, s] == s:
            annotated += log_sum(terms[s], 0, data.n_options[item, s])
    if data.log_missed[item] < -1e300:
        return annotated
    missed = log_sum(terms[-1], data.n_annotated[0], data.log_prior.shape[2])
    top = max(annotated, missed)
    return top + math.log(math.exp(annotated - top) + math.exp(missed - top))


@njit_without_arrays()
def bound_fits(item: int, state: State, data: Data, weights: FloatArray) -> None:
    """Bound the log weights of all clusters for an item that is not in them, in place.

    Every sample has its best option. Whoever passes `State` or `Data` counts references to all their arrays, so that
    the loop over clusters is in here.
    """
    error, top, steps = data.numbers[ERROR], data.numbers[TOP], data.numbers[STEPS]
    best = data.best[item]
    last = best.shape[1] - 1
    for k in range(len(state.size)):
        if state.parent[k] == UNUSED or state.size[k] <= 0.5 or k == state.label[item]:
            continue
        annotated, missed = 0.0, 0.0
        for s in range(best.shape[0]):
            at = grid_place(state.seen[k, s], state.reads[k, s], error, top, steps)
            if at < 0:
                at = last
            annotated += best[s, at, 0]
            missed += best[s, at, 1]
        weights[k] = max(annotated, missed) + math.log(state.size[k])


@njit_without_arrays()
def draw_term(terms: FloatArray, start: int, stop: int, uniform: float) -> int:
    """Draw an index with probabilities proportional to exp of the entries."""
    whole = log_sum(terms, start, stop)
    remaining = uniform
    chosen = start
    for i in range(start, stop):
        if terms[i] > -1e300:
            chosen = i
            remaining -= math.exp(terms[i] - whole)
            if remaining < 0.0:
                break
    return chosen


@njit(cache=True)
def draw_options(
    item: int, place: IntArray, data: Data, terms: FloatArray, rng: np.random.Generator, option: IntArray
) -> float:
    """Draw an item's options (S,), in place, from their posterior at given prevalences; the log probability."""
    n_options, n_annotated = data.log_prior.shape[2], data.n_annotated[0]
    set_terms(item, place, data, terms)
    whole = sum_terms(item, data, terms)
    if data.log_missed[item] > -1e300:
        missed = log_sum(terms[-1], n_annotated, n_options)
        if rng.random() < math.exp(missed - whole):
            chosen = draw_term(terms[-1], n_annotated, n_options, rng.random())
            option[:] = chosen
            return terms[-1, chosen] - whole
    log_probability = data.log_annotated[item] - whole
    for s in range(len(place)):
        first = data.first[item, s]
        if first == s:
            option[s] = draw_term(terms[s], 0, data.n_options[item, s], rng.random())
            log_probability += terms[s, option[s]]
        else:
            option[s] = option[first]
    return log_probability


@njit_without_arrays()
def set_group_terms(item: int, sample: int, place: IntArray, data: Data, terms: FloatArray) -> int:
    """Set the log weights of the annotated options that an item has in the samples of one copy-number state, that of
    `sample`, in place in row 0 of `terms`, at the grid points `place` (S,); the first of these samples."""
    first = data.first[item, sample]
    for o in range(data.n_options[item, first]):
        terms[0, o] = data.log_prior[item, first, o]
    for s in range(len(place)):
        if data.first[item, s] == first:
            at = place[s] if place[s] >= 0 else data.at_place.shape[2] - 1
            for o in range(data.n_options[item, first]):
                terms[0, o] += data.at_place[item, s, at, o]
    return first


@njit(cache=True)
def draw_group(
    item: int, sample: int, place: IntArray, data: Data, terms: FloatArray, rng: np.random.Generator, option: IntArray
) -> float:
    """Draw an item's option in the samples that share the state of `sample`, in place; the log probability."""
    first = set_group_terms(item, sample, place, data, terms)
    chosen = draw_term(terms[0], 0, data.n_options[item, first], rng.random())
    for s in range(len(place)):
        if data.first[item, s] == first:
            option[s] = chosen
    return terms[0, chosen] - log_sum(terms[0], 0, data.n_options[item, first])


@njit(cache=True)
def group_probability(
    item: int, sample: int, place: IntArray, option: IntArray, data: Data, terms: FloatArray
) -> float:
    """Compute the log probability that `draw_group` draws the option that an item has."""
    first = set_group_terms(item, sample, place, data, terms)
    return terms[0, option[first]] - log_sum(terms[0], 0, data.n_options[item, first])


@njit_without_arrays()
def options_probability(item: int, place: IntArray, option: IntArray, data: Data, terms: FloatArray) -> float:
    """Compute the log probability with which `draw_options` draws given options."""
    set_terms(item, place, data, terms)
    whole = sum_terms(item, data, terms)
    if option[0] >= data.n_annotated[0]:
        return terms[-1, option[0]] - whole
    log_probability = data.log_annotated[item] - whole
    for s in range(len(place)):
        if data.first[item, s] == s:
            log_probability += terms[s, option[s]]
    return log_probability


@njit_without_arrays()
def places_without(item: int, slot: int, state: State, data: Data, place: IntArray) -> None:
    """Set the grid points (S,) of a cluster's prevalences, in place, from its items but `item`."""
    error, top, steps = data.numbers[ERROR], data.numbers[TOP], data.numbers[STEPS]
    own = 1.0 if state.label[item] == slot else 0.0
    for s in range(len(place)):
        seen = state.seen[slot, s] - own * data.alt[item, s]
        reads = state.reads[slot, s] - own * data.total[item, s, state.option[item, s]]
        place[s] = grid_place(seen, reads, error, top, steps)


@njit_without_arrays()
def log_fit(item: int, slot: int, state: State, data: Data, place: IntArray) -> float:
    """Compute the log weight of a cluster for an item, itself left out: its likelihood there times the cluster's size.

    `place` (S,) is room to work in.
    """
    places_without(item, slot, state, data, place)
    set_terms(item, place, data, state.terms)
    own = data.weight[item] if state.label[item] == slot else 0.0
    return sum_terms(item, data, state.terms) + math.log(state.size[slot] - own)


@njit(cache=True)
def fit_weights(item: int, state: State, data: Data) -> FloatArray:
    """Weigh how well an item fits every cluster (M,), itself left out, and every null class (N,); sums to 1."""
    n_slots, n_null = len(state.size), data.null.shape[1]
    weights = np.full(n_slots + n_null, -np.inf)
    place = np.empty(data.alt.shape[1], np.int64)
    w = data.weight[item]
    mine = 0 if state.label[item] >= 0 else (1 if state.label[item] == -1 else 2)
    for c in range(n_null):
        group = 1 if c == 0 else 2
        others = state.classes[group] - (w if mine == group else 0.0) + data.class_prior[group]
        weights[n_slots + c] = data.null[item, c] + math.log(max(others, 1e-12))
    top = weights.max()
    home = state.label[item]
    bound_fits(item, state, data, weights)
    likeliest = -1
    for k in range(n_slots):
        if weights[k] > -np.inf and (likeliest < 0 or weights[k] > weights[likeliest]):
            likeliest = k
    if home >= 0 and state.size[home] - w > 0.5:
        weights[home] = log_fit(item, home, state, data, place)
        top = max(top, weights[home])
    if likeliest >= 0:
        weights[likeliest] = log_fit(item, likeliest, state, data, place)
        top = max(top, weights[likeliest])
    for k in range(n_slots):  # a bound that gives the least weight is as good as the fit
        if k != home and k != likeliest and _FIT_POWER * (weights[k] - top) > _LEAST_FIT:
            weights[k] = log_fit(item, k, state, data, place)
            top = max(top, weights[k])
    for k in range(len(weights)):
        if weights[k] > -np.inf:
            weights[k] = math.exp(max(_FIT_POWER * (weights[k] - top), _LEAST_FIT))
        else:
            weights[k] = 0.0
    return weights / weights.sum()


@njit(cache=True)
def attachment_weights(
    moved: int, parent: IntArray, prevalence: FloatArray, variance: FloatArray, blocked: BoolArray
) -> FloatArray:
    """Weigh the vertices below which `moved`, taken out of the tree, may be put; 0 if blocked."""
    costs = attachment_costs(moved, parent, prevalence, variance, blocked)
    weights = np.exp(-np.minimum(0.5 * (costs - costs.min()), 12.0))
    for p in range(len(weights)):
        if blocked[p]:
            weights[p] = 0.0
    return weights


@njit_without_arrays()
def adoption_probability(child: int, first: int, second: int, prevalence: FloatArray, variance: FloatArray) -> float:
    """Compute P(`child` is put below clone `first` rather than `second`) (-1: a clone that holds it anyway)."""
    cost = 0.0
    for s in range(prevalence.shape[1]):
        excess = prevalence[child, s] - prevalence[first, s]
        if excess > 0.0:
            cost += 0.5 * excess * excess / (variance[child, s] + variance[first, s])
        if second >= 0:
            excess = prevalence[child, s] - prevalence[second, s]
            if excess > 0.0:
                cost -= 0.5 * excess * excess / (variance[child, s] + variance[second, s])
    return 1.0 / (1.0 + math.exp(min(max(cost, -4.0), 4.0)))


@njit(cache=True)
def allocate(
    i: int, j: int, first: int, second: int, is_new: bool, label: IntArray, state: State, data: Data,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Put the items of one clone, one after the other, with `i` (`first`) or `j` (`second`); log probability of the
    outcome.

    Each goes where it fits, by the prevalences of those already placed at its present options, in proportion to how
    many these are (a Polya urn): as partitions are in the prior, so that a few items that stand alone can join the many
    that they were parted from. `is_new`: `label`, in which all are `second` but `i`, is changed in place; else it is
    the outcome whose probability is wanted.
    """
    error, top, steps = data.numbers[ERROR], data.numbers[TOP], data.numbers[STEPS]
    n_samples = data.alt.shape[1]
    seen = np.zeros((2, n_samples))
    reads = np.zeros((2, n_samples))
    for s in range(n_samples):
        seen[0, s], reads[0, s] = data.alt[i, s], data.total[i, s, state.option[i, s]]
        seen[1, s], reads[1, s] = data.alt[j, s], data.total[j, s, state.option[j, s]]
    size = np.array([data.weight[i], data.weight[j]])
    log_probability = 0.0
    for m in range(len(label)):
        if m in (i, j) or (label[m] != first and label[m] != second):
            continue
        difference = 0.0
        for s in range(n_samples):
            o = state.option[m, s]
            for side in range(2):
                place = grid_place(seen[side, s], reads[side, s], error, top, steps)
                if place >= 0:
                    value = data.curves[m, s, o, place]
                    difference += value if side == 0 else -value
        fit = min(max(_PARTED_POWER * difference, -_MOST_PARTED), _MOST_PARTED)
        p_first = size[0] / (size[0] + size[1] * math.exp(-fit))
        if is_new:
            label[m] = first if rng.random() < p_first else second
        side = 0 if label[m] == first else 1
        size[side] += data.weight[m]
        log_probability += math.log(p_first if side == 0 else 1.0 - p_first)
        for s in range(n_samples):
            seen[side, s] += data.alt[m, s]
            reads[side, s] += data.total[m, s, state.option[m, s]]
    return log_probability
