"""Compiled Metropolis sampler of the one posterior over times, rates and arrivals; see `phylometa.timing.joint_model`.

Arrays are indexed by clone (K), lineage (L; 0 is the primary's, whose rate is 1), migration (M), lesion (G), stamp or
tail.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit, njit_without_arrays

# Cells of the state's vector of global numbers.
LOG_RATE, LOG_ACCELERATION, LOG_SPREAD = 0, 1, 2
# The second clock's: its rate over the first's on the trunk, its acceleration over the first's, spread over branches.
LOG_RATIO, LOG_GAP, LOG_UNEVENNESS = 3, 4, 5
N_OVERALL, N_SECOND = 6, 3
# Fixed numbers of the prior, in the order of `phylometa.timing.joint_model.Prior`.
RATE_MEDIAN, RATE_SIGMA, ACCELERATION_MEDIAN, ACCELERATION_SIGMA, SPREAD_SCALE, REGULARITY, TAIL, LAST, LOW, HIGH = (
    range(10)
)
RATIO_MEDIAN, RATIO_SIGMA, GAP_SIGMA, UNEVENNESS_SCALE = range(10, 14)


@njit_without_arrays(error_model="numpy", forceinline=True)
def arrival_ages(
    times: FloatArray,
    position: FloatArray,
    extra: FloatArray,
    moves: IntArray,
    followers: BoolArray,
    deadline: FloatArray,
    pace: FloatArray,
    found: FloatArray,
) -> None:
    """Put founder node and arrival of every migration into `found` (M, 2).

    The founder is NaN if a clone's spread overshoots its deadline.

    A new clone came between its parent's node and its own. A clone that spread unchanged has its founder node a
    fraction of a mutation after its own; its cells came any time before sampling and before the clones that followed.
    """
    for m in range(len(moves)):
        u, v = moves[m, 0], moves[m, 1]
        start, end = times[u], times[v]
        latest = end
        if u == v:
            end = start + extra[m] * pace[m]
            latest = deadline[m]
            for w in range(len(times)):
                if followers[m, w]:
                    latest = min(latest, times[w])
        if end > deadline[m]:
            end = deadline[m] if u != v else np.nan
        found[m, 0] = end
        found[m, 1] = start + position[m] * (min(latest, deadline[m]) - start)


@njit_without_arrays(error_model="numpy", forceinline=True)
def clone_heights(is_clone: BoolArray, parents: IntArray, order: IntArray, height: IntArray) -> None:
    """Put the most nodes of single clones on a way down from every clone into `height` (K,)."""
    height[:] = 0
    for i in range(len(order) - 1, 0, -1):
        v = order[i]
        if is_clone[v]:
            height[parents[v]] = max(height[parents[v]], height[v] + 1)


@njit(cache=True, error_model="numpy")
def height_constants(n: int, regularity: float) -> FloatArray:
    """Log constants of the density of an age above 0, 1, ... nodes (n,)."""
    constants = np.empty(n)
    for height in range(n):
        later = regularity * (height + 1)
        if regularity == 1.0:
            constants[height] = math.log(later)
        else:
            constants[height] = math.lgamma(regularity + later) - math.lgamma(regularity) - math.lgamma(later)
    return constants


@njit_without_arrays(error_model="numpy", forceinline=True)
def overwrite(old: NDArray[Any], new: NDArray[Any]) -> None:
    """Put the numbers of `new` into `old`: a loop, since a slice would be checked for overlap at each of many steps."""
    for i in range(len(old)):
        old[i] = new[i]


@njit_without_arrays(error_model="numpy", forceinline=True)
def log_negative_binomial(n: int, mean: float, shape: float) -> float:
    """Log probability of a Poisson count whose mean varies as Gamma of this shape, but for -log(n!)."""
    ratio = mean / shape
    return math.lgamma(shape + n) - math.lgamma(shape) + n * math.log(ratio) - (shape + n) * math.log1p(ratio)


@njit_without_arrays(error_model="numpy", forceinline=True)
def second_clock(
    times: FloatArray,
    is_clone: BoolArray,
    overall: FloatArray,
    row: int,
    all_counts: IntArray,
    other_counts: IntArray,
    other_log_factorial: FloatArray,
    parents: IntArray,
    root: int,
    detection: FloatArray,
    lineage: IntArray,
    speeds: FloatArray,
    prior: FloatArray,
) -> float:
    """Log density of the second clock's numbers and counts, given the ages and the first clock's rates.

    A leaf of several lineages has as many of these mutations as those of the first clock let expect.
    """
    unevenness = math.exp(overall[LOG_UNEVENNESS])
    ratio, gap = math.exp(overall[LOG_RATIO]), math.exp(overall[LOG_GAP])
    total = -0.5 * ((overall[LOG_RATIO] - prior[RATIO_MEDIAN]) / prior[RATIO_SIGMA]) ** 2
    total -= 0.5 * (overall[LOG_GAP] / prior[GAP_SIGMA]) ** 2
    total += overall[LOG_UNEVENNESS] - 0.5 * (unevenness / prior[UNEVENNESS_SCALE]) ** 2
    variance = max(unevenness * unevenness, 1e-8)
    for v in range(len(parents)):
        n = other_counts[row, v]
        total -= other_log_factorial[row, v]
        if v == root:
            expected = math.exp(overall[LOG_RATE]) * ratio * times[v] * detection[v]
            total += n * math.log(expected) - expected
        elif is_clone[v]:
            expected = speeds[lineage[v]] * ratio * gap * (times[v] - times[parents[v]]) * detection[v]
            total += log_negative_binomial(n, expected, 1 / variance)
        else:
            first = all_counts[row, v] + 0.5
            total += log_negative_binomial(n, ratio * gap * first, 1 / (variance + 1 / first))
    return total


@njit_without_arrays(error_model="numpy", forceinline=True)
def years_of_growth(
    g: int, origin: float, found: FloatArray, lesion_of_move: IntArray, lesion_start: FloatArray
) -> float:
    """Years from the first arrival in a lesion, or from the age `origin` without one, to the table's measurement."""
    first = np.inf
    for m in range(len(lesion_of_move)):
        if lesion_of_move[m] == g:
            first = min(first, found[m, 1])
    return lesion_start[g] - (first if math.isfinite(first) else origin)


@njit_without_arrays(error_model="numpy", forceinline=True)
def read_table(values: FloatArray, x: float) -> float:
    """Interpolate evenly spaced values at x steps from the first; beyond the ends, the ends."""
    x = max(x, 0.0)
    i = min(int(x), len(values) - 2)
    w = min(x - i, 1.0)
    return (1 - w) * values[i] + w * values[i + 1]


@njit_without_arrays(error_model="numpy", forceinline=True)
def log_posterior(
    times: FloatArray,
    is_clone: BoolArray,
    overall: FloatArray,
    lineage_rate: FloatArray,
    position: FloatArray,
    extra: FloatArray,
    row: int,
    all_counts: IntArray,
    all_log_factorial: FloatArray,
    other_counts: IntArray,
    other_log_factorial: FloatArray,
    parents: IntArray,
    order: IntArray,
    detection: FloatArray,
    lineage: IntArray,
    is_candidate: BoolArray,
    several_gain: FloatArray,
    deadline: FloatArray,
    moves: IntArray,
    followers: BoolArray,
    move_deadline: FloatArray,
    lesion_of_move: IntArray,
    lesion_start: FloatArray,
    table: FloatArray,
    table_low: float,
    table_step: float,
    stamp_clone: IntArray,
    stamp_age: FloatArray,
    stamp_gain: FloatArray,
    tail_of_clone: IntArray,
    tail_lesion: IntArray,
    tail_table: FloatArray,
    pace_low: float,
    pace_step: float,
    prior: FloatArray,
    use_branches: bool,
    height: IntArray,
    constants: FloatArray,
    speeds: FloatArray,
    pace: FloatArray,
    found: FloatArray,
) -> float:
    """Log posterior density (up to a constant) in the coordinates that the sampler moves in.

    `height` and `constants` are those of `clone_heights` and `height_constants`; `speeds` (L,), `pace` (M,) and
    `found` (M, 2) are written over.
    """
    n = len(parents)
    root = order[0]
    rate, speed = math.exp(overall[LOG_RATE]), math.exp(overall[LOG_ACCELERATION])
    last = prior[LAST]
    share = times[root] / last
    if not (prior[LOW] < share < prior[HIGH]) or times[root] > deadline[root]:
        return -np.inf
    total = -math.log(share) - math.log1p(-share)  # uniform on the logit
    total -= 0.5 * ((overall[LOG_RATE] - prior[RATE_MEDIAN]) / prior[RATE_SIGMA]) ** 2
    total -= 0.5 * ((overall[LOG_ACCELERATION] - prior[ACCELERATION_MEDIAN]) / prior[ACCELERATION_SIGMA]) ** 2
    spread = math.exp(overall[LOG_SPREAD])
    if len(lineage_rate) > 1:
        total += overall[LOG_SPREAD] - 0.5 * (spread / prior[SPREAD_SCALE]) ** 2
        for k in range(1, len(lineage_rate)):
            total -= 0.5 * (lineage_rate[k] / spread) ** 2 + overall[LOG_SPREAD]
    for k in range(len(lineage_rate)):
        speeds[k] = rate * speed * math.exp(lineage_rate[k])
    regularity = prior[REGULARITY]
    for i in range(n):
        v = order[i]
        if v == root:
            expected = rate * times[v] * detection[v]
            total += all_counts[row, v] * math.log(expected) - expected - all_log_factorial[row, v]
            continue
        start = times[parents[v]]
        room, length = deadline[v] - start, times[v] - start
        if not (length > 0 and length < room):
            return -np.inf
        if is_candidate[v]:
            total += math.log(1 - prior[TAIL]) if is_clone[v] else math.log(prior[TAIL]) + several_gain[v]
        if not is_clone[v]:
            total -= math.log(room)
            # Several lineages: any number of mutations, log-uniform over a thousandfold, or by the lesion's growth.
            if use_branches and tail_of_clone[v] < 0:
                total -= math.log(6.9 * (all_counts[row, v] + 1.0))
            continue
        later = regularity * (height[v] + 1)
        x = length / room
        if later == 1.0:
            total -= math.log(room)
        else:
            total += (later - 1) * math.log1p(-x) - math.log(room)
        if regularity != 1.0:
            total += (regularity - 1) * math.log(x)
        total += constants[height[v]]
        if use_branches:
            expected = speeds[lineage[v]] * length * detection[v]
            total += all_counts[row, v] * math.log(expected) - expected - all_log_factorial[row, v]
    if use_branches and len(other_counts):
        total += second_clock(
            times, is_clone, overall, row, all_counts, other_counts, other_log_factorial, parents, root, detection,
            lineage, speeds, prior,
        )  # fmt: skip
    for m in range(len(moves)):
        pace[m] = 1 / speeds[lineage[moves[m, 1]]]
        if moves[m, 0] == moves[m, 1]:  # Gamma(1/2), in the coordinate log(extra)
            total += 0.5 * math.log(extra[m]) - extra[m]
    arrival_ages(times, position, extra, moves, followers, move_deadline, pace, found)
    for m in range(len(moves)):
        if math.isnan(found[m, 0]):
            return -np.inf
    for g in range(len(lesion_start)):
        years = years_of_growth(g, times[root], found, lesion_of_move, lesion_start)
        if years <= 0:
            return -np.inf
        total += read_table(table[g], (math.log(years) - table_low) / table_step)
    for v in range(n):
        j = tail_of_clone[v]
        if j >= 0 and not is_clone[v] and use_branches:
            years = years_of_growth(tail_lesion[j], times[root], found, lesion_of_move, lesion_start)
            x = min(max((math.log(speeds[lineage[v]]) - pace_low) / pace_step, 0.0), tail_table.shape[1] - 1.001)
            at = (math.log(years) - table_low) / table_step
            w = x - int(x)
            total += (1 - w) * read_table(tail_table[j, int(x)], at) + w * read_table(tail_table[j, int(x) + 1], at)
    for j in range(len(stamp_clone)):
        if times[stamp_clone[j]] > stamp_age[j]:
            total += stamp_gain[j]
    return total


@njit_without_arrays(error_model="numpy", forceinline=True)
def shift_age(
    v: int, shift: float, times: FloatArray, parents: IntArray, root: int, latest: float
) -> tuple[bool, float]:
    """Shift one age between those of its neighbours on the logit, in place: whether it is possible, log Jacobian."""
    low, high = 0.0 if v == root else times[parents[v]], latest
    for w in range(len(times)):
        if parents[w] == v:
            high = min(high, times[w])
    x = (times[v] - low) / (high - low)
    if not (0 < x < 1):
        return False, 0.0
    y = 1 / (1 + math.exp(-(math.log(x / (1 - x)) + shift)))
    if not (0 < y < 1):
        return False, 0.0
    times[v] = low + y * (high - low)
    return True, math.log(y * (1 - y)) - math.log(x * (1 - x))


@njit_without_arrays(error_model="numpy", forceinline=True)
def shift_position(m: int, shift: float, position: FloatArray) -> bool:
    """Shift a position, reflected into (0, 1), in place; one at a limit stays, and is not possible."""
    x = abs(position[m] + shift) % 2.0
    x = 2.0 - x if x > 1.0 else x
    if not (0 < x < 1):
        return False
    position[m] = x
    return True


@njit_without_arrays(error_model="numpy", forceinline=True)
def pull_ages(times: FloatArray, overall: FloatArray, root: int, last: float, shift: float, keeps_counts: bool) -> bool:
    """Draw all ages towards the last sampling, in place, with the rate that keeps the trunk's expected count.

    `keeps_counts`: with the acceleration that keeps those of all branches. False, with
    nothing changed, if the root would fall below 0.
    """
    c = math.exp(shift)
    old_root = times[root]
    if last - c * (last - old_root) <= 0:
        return False
    for v in range(len(times)):
        times[v] = last - c * (last - times[v])
    slower = math.log(old_root / times[root])
    overall[LOG_RATE] += slower
    if keeps_counts:
        overall[LOG_ACCELERATION] -= slower + math.log(c)
    return True


@njit_without_arrays(error_model="numpy", forceinline=True)
def stretch_lineage(
    k: int, c: float, times: FloatArray, old_times: FloatArray, lineage: IntArray, anchor: IntArray, root: int
) -> float:
    """Stretch the ages of a lineage away from their anchors by `c`, in place; return how many there are."""
    moved = 0.0
    for v in range(len(times)):
        if lineage[v] == k and v != root:
            from_age = old_times[anchor[v]]
            times[v] = from_age + c * (times[v] - from_age)
            moved += 1.0
    return moved


@njit_without_arrays(error_model="numpy", forceinline=True)
def adapted(step: float, gain: float, log_ratio: float) -> float:
    """Compute the size of later steps of a kind: larger if more than two in five are accepted."""
    chance = 1.0 if log_ratio >= 0 else math.exp(max(log_ratio, -700.0))
    if math.isnan(chance):
        chance = 0.0
    return min(max(step * math.exp(gain * (chance - 0.4)), 1e-4), 20.0)


@njit_without_arrays(error_model="numpy", forceinline=True)
def scale_ages(shift: float, times: FloatArray, overall: FloatArray) -> None:
    """Scale all ages and the inverse of the rate, in place."""
    c = math.exp(shift)
    for v in range(len(times)):
        times[v] *= c
    overall[LOG_RATE] -= shift


@njit_without_arrays(error_model="numpy", forceinline=True)
def scale_rates(shift: float, overall: FloatArray, lineage_rate: FloatArray) -> None:
    """Scale the log rates of all lineages but the primary's, and the spread with them, in place."""
    overall[LOG_SPREAD] += shift
    for k in range(1, len(lineage_rate)):
        lineage_rate[k] *= math.exp(shift)


@njit_without_arrays(error_model="numpy", forceinline=True)
def fill_paces(
    overall: FloatArray, lineage_rate: FloatArray, lineage: IntArray, moves: IntArray, pace: FloatArray
) -> None:
    """Put the years per mutation of the lineage of every migration into `pace` (M,)."""
    for m in range(len(moves)):
        pace[m] = math.exp(-overall[LOG_RATE] - overall[LOG_ACCELERATION] - lineage_rate[lineage[moves[m, 1]]])


@njit_without_arrays(error_model="numpy", forceinline=True)
def overwrite_state(
    times: FloatArray,
    overall: FloatArray,
    lineage_rate: FloatArray,
    position: FloatArray,
    extra: FloatArray,
    new_times: FloatArray,
    new_overall: FloatArray,
    new_rate: FloatArray,
    new_position: FloatArray,
    new_extra: FloatArray,
) -> None:
    """Put one state of the numbers into another, in place."""
    overwrite(times, new_times)
    overwrite(overall, new_overall)
    overwrite(lineage_rate, new_rate)
    overwrite(position, new_position)
    overwrite(extra, new_extra)


@njit(cache=True, error_model="numpy")
def run_chain(
    times: FloatArray,
    is_clone: BoolArray,
    overall: FloatArray,
    lineage_rate: FloatArray,
    position: FloatArray,
    extra: FloatArray,
    all_counts: IntArray,
    all_log_factorial: FloatArray,
    other_counts: IntArray,
    other_log_factorial: FloatArray,
    parents: IntArray,
    order: IntArray,
    detection: FloatArray,
    lineage: IntArray,
    anchor: IntArray,
    is_candidate: BoolArray,
    several_gain: FloatArray,
    deadline: FloatArray,
    moves: IntArray,
    followers: BoolArray,
    move_deadline: FloatArray,
    lesion_of_move: IntArray,
    lesion_start: FloatArray,
    table: FloatArray,
    table_low: float,
    table_step: float,
    stamp_clone: IntArray,
    stamp_age: FloatArray,
    stamp_gain: FloatArray,
    tail_of_clone: IntArray,
    tail_lesion: IntArray,
    tail_table: FloatArray,
    pace_low: float,
    pace_step: float,
    prior: FloatArray,
    use_branches: bool,
    burn_in: int,
    draws: int,
    thin: int,
    step: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Metropolis within Gibbs, in place on the state; `step` (K + L + 2 M + 11,) adapts during the burn-in.

    Returns the kept draws: ages (draws, K), overall (draws, 6), lineage rates (draws, L), founder and arrival
    (draws, 2 M), and the row of counts of each draw (draws,). Moves: each age alone; each rate alone; the whole tree
    drawn towards the last sampling with rates that keep every expected count, or with the acceleration as it is, or
    scaled with the rate; a lineage's ages with its rate; positions; whether a doubtful leaf is one clone; the row of
    redrawn counts; the second clock's numbers, if it has counts.
    """
    n, n_lineages, n_moves = len(parents), len(lineage_rate), len(moves)
    row, root, last = 0, order[0], prior[LAST]
    kept_times, kept_overall = np.empty((draws, n)), np.empty((draws, N_OVERALL))
    kept_rate, kept_moves = np.empty((draws, n_lineages)), np.empty((draws, 2 * n_moves))
    kept_row = np.empty(draws, dtype=np.int64)
    # First moves of their kinds: `whole` of all ages at once and of overall numbers, `second` of the second clock's.
    first_rate, first_move, whole = n, n + n_lineages, n + n_lineages + 2 * n_moves
    n_kinds, second = whole + 8, whole + 8 + n_lineages + n
    height, constants = np.empty(n, dtype=np.int64), height_constants(n, prior[REGULARITY])
    speeds, pace, found = np.empty(n_lineages), np.empty(n_moves), np.empty((n_moves, 2))
    clone_heights(is_clone, parents, order, height)
    current = log_posterior(
        times, is_clone, overall, lineage_rate, position, extra, row, all_counts, all_log_factorial, other_counts,
        other_log_factorial, parents, order, detection, lineage, is_candidate, several_gain, deadline, moves, followers,
        move_deadline, lesion_of_move, lesion_start, table, table_low, table_step, stamp_clone, stamp_age, stamp_gain,
        tail_of_clone, tail_lesion, tail_table, pace_low, pace_step, prior, use_branches, height, constants, speeds,
        pace, found,
    )  # fmt: skip
    old_times, old_overall, old_rate = times.copy(), overall.copy(), lineage_rate.copy()
    old_position, old_extra, old_clone = position.copy(), extra.copy(), is_clone.copy()
    for sweep in range(burn_in + draws * thin):
        gain = 3.0 / (10.0 + sweep) ** 0.6 if sweep < burn_in else 0.0
        for kind in range(second + (N_SECOND if len(other_counts) else 0)):
            jacobian, new_row = 0.0, row
            # Cell of `step`; -1 for moves of one size.
            own = kind if kind < n_kinds else n_kinds + kind - second if kind >= second else -1
            size = step[own] if own >= 0 else 1.0
            noise = rng.standard_normal()
            if kind < n:  # one age, between its neighbours
                possible, jacobian = shift_age(kind, size * noise, times, parents, root, min(deadline[kind], last))
                if not possible:
                    continue
            elif kind < first_move:  # one lineage's rate
                if kind == first_rate:
                    continue
                lineage_rate[kind - first_rate] += size * noise
            elif kind < first_move + n_moves:  # a position, reflected into (0, 1)
                if not shift_position(kind - first_move, size * noise, position):
                    continue
            elif kind < whole:
                m = kind - first_move - n_moves
                if moves[m, 0] != moves[m, 1]:
                    continue
                extra[m] *= math.exp(size * noise)
            elif kind < whole + 3:
                if kind == whole + LOG_SPREAD and n_lineages < 2:
                    continue
                overall[kind - whole] += size * noise
            elif kind == whole + 5:  # all ages and the inverse rate scaled: every expected count stays
                scale_ages(size * noise, times, overall)
                jacobian = n * size * noise
            elif kind < whole + 5:  # all ages towards the last sampling
                if not pull_ages(times, overall, root, last, size * noise, kind == whole + 3):
                    continue
                jacobian = n * math.log(math.exp(size * noise))
            elif kind == whole + 6:  # the rates of all lineages and the spread, scaled
                if n_lineages < 2:
                    continue
                scale_rates(size * noise, overall, lineage_rate)
                jacobian = (n_lineages - 1) * size * noise
            elif kind == whole + 7:  # rate against acceleration
                overall[LOG_RATE] += size * noise
                overall[LOG_ACCELERATION] -= size * noise
            elif kind < n_kinds + n_lineages:  # a lineage's ages away from their anchors, its rate against it
                k = kind - n_kinds
                if k == 0:
                    if all_counts.shape[0] < 2:
                        continue
                    new_row = 1 + int(rng.random() * (all_counts.shape[0] - 1))
                else:
                    moved = stretch_lineage(k, math.exp(0.4 * noise), times, old_times, lineage, anchor, root)
                    lineage_rate[k] -= 0.4 * noise
                    jacobian = moved * 0.4 * noise
            elif kind >= second:
                overall[LOG_RATIO + kind - second] += size * noise
            else:
                v = kind - n_kinds - n_lineages
                if not is_candidate[v]:
                    continue
                is_clone[v] = not is_clone[v]
                clone_heights(is_clone, parents, order, height)
            if first_move <= kind < first_move + n_moves and len(lesion_start) == 0:
                proposed = current  # no lesion, so that nothing rests on when cells arrived
            else:
                proposed = log_posterior(
                    times, is_clone, overall, lineage_rate, position, extra, new_row, all_counts, all_log_factorial,
                    other_counts, other_log_factorial, parents, order, detection, lineage, is_candidate, several_gain,
                    deadline, moves, followers, move_deadline, lesion_of_move, lesion_start, table, table_low,
                    table_step, stamp_clone, stamp_age, stamp_gain, tail_of_clone, tail_lesion, tail_table, pace_low,
                    pace_step, prior, use_branches, height, constants, speeds, pace, found,
                )  # fmt: skip
            log_ratio = proposed - current + jacobian
            accepted = log_ratio >= 0 or rng.random() < math.exp(max(log_ratio, -700.0))
            accepted = accepted and not math.isnan(log_ratio)
            if own >= 0 and gain > 0:
                step[own] = adapted(step[own], gain, log_ratio)
            if accepted:
                current, row = proposed, new_row
                overwrite_state(
                    old_times, old_overall, old_rate, old_position, old_extra,
                    times, overall, lineage_rate, position, extra,
                )  # fmt: skip
                overwrite(old_clone, is_clone)
            else:
                overwrite_state(
                    times, overall, lineage_rate, position, extra,
                    old_times, old_overall, old_rate, old_position, old_extra,
                )  # fmt: skip
                if n_kinds + n_lineages <= kind < second:
                    overwrite(is_clone, old_clone)
                    clone_heights(is_clone, parents, order, height)
        if sweep >= burn_in and (sweep - burn_in) % thin == thin - 1:
            d = (sweep - burn_in) // thin
            fill_paces(overall, lineage_rate, lineage, moves, pace)
            arrival_ages(times, position, extra, moves, followers, move_deadline, pace, found)
            kept_times[d] = times
            kept_overall[d] = overall
            kept_rate[d] = lineage_rate
            kept_moves[d, :n_moves] = found[:, 0]
            kept_moves[d, n_moves:] = found[:, 1]
            kept_row[d] = row
    return kept_times, kept_overall, kept_rate, kept_moves, kept_row
