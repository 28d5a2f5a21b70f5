"""Compiled kernels of the copy-number distances; see `phylometa.copy_number.distance` for the formulas.

All work on one allele of one chromosome: small integer sequences. A lineage from the common ancestor x to a sample u is
in a state (p, q). Without doubling p counts losses and q gains over the position; with w doublings p counts the losses
that end in zero (h) and q is the net change that gains and losses make after the doublings (e). Both move between
positions at cost (p' - p)+ + (q' - q)+, so one dynamic programme serves both.
"""

from __future__ import annotations

import numpy as np

from phylometa.model.compiled import njit

INFINITE = 1 << 20
MAX_DOUBLINGS = 3


@njit(cache=True)
def directed_cost(x, u, w):  # type: ignore[no-untyped-def]
    """Compute the least number of events from x to u on an allele of a chromosome; its w doublings cost nothing."""
    n = len(u)
    if w == 0:
        limit = 1
        is_lost = False
        for i in range(n):
            limit = max(limit, x[i])
            if u[i] == 0 and x[i] > 0:
                is_lost = True
        if not is_lost:  # half the L1 norm of the breakpoint differences
            rises = 0
            before_change = 0
            for i in range(n):
                if x[i] == 0:
                    if u[i] > 0:
                        return INFINITE
                    continue
                rises += max(0, u[i] - x[i] - before_change)
                before_change = u[i] - x[i]
            return rises + max(0, -before_change)
        # least events so far by the number of losses d; those that leave a copy and make no copy less than seen
        cost = np.zeros(limit, dtype=np.int64)
        new_cost = np.empty(limit, dtype=np.int64)
        first = 0
        last = 0
        change_before = 0
        to_zero = 0
        for i in range(n):
            if x[i] == 0:
                if u[i] > 0:
                    return INFINITE
                continue
            if u[i] == 0:
                to_zero = max(to_zero, x[i])
                continue
            change = u[i] - x[i]
            low = max(0, -change)
            for d in range(low, x[i]):
                least = INFINITE
                for before in range(first, last + 1):
                    losses = max(0, to_zero - before, d - before)
                    gains = max(0, change + d - change_before - before)
                    least = min(least, cost[before] + losses + gains)
                new_cost[d] = least
            cost, new_cost = new_cost, cost
            first = low
            last = x[i] - 1
            change_before = change
            to_zero = 0
        best = INFINITE
        for d in range(first, last + 1):
            best = min(best, cost[d] + max(0, to_zero - d))
        return best
    total = 0
    before = 0
    height = 0
    for i in range(n):
        if x[i] == 0:
            if u[i] > 0:
                return INFINITE
            continue
        if u[i] == 0:
            if x[i] > height:
                total += x[i] - height
                height = x[i]
            continue
        height = 0
        change = u[i] - x[i] - w
        total += max(0, change - before)
        before = change
    return total + max(0, -before)


@njit(cache=True)
def _sweep(table, size, stride, count):  # type: ignore[no-untyped-def]
    """Min-plus convolution with the cost (new - old)+ along one axis of a flat table."""
    block = size * stride
    for start in range(0, count, block):
        for i in range(size - 2, -1, -1):
            at = start + i * stride
            for k in range(at, at + stride):
                table[k] = min(table[k], table[k + stride])
        for i in range(1, size):
            at = start + i * stride
            for k in range(at, at + stride):
                table[k] = min(table[k], table[k - stride] + np.int32(1))


@njit(cache=True)
def _p_range(copies, x, w, limit):  # type: ignore[no-untyped-def]
    """First and last p that a lineage from x copies may have at a position; none (1, 0) if x cannot double."""
    if copies == 0:
        return 0, limit
    if w == 0:
        return max(0, x - copies), x - 1
    return (1, 0) if x + w > limit else (0, 0)


@njit(cache=True)
def _step(copies, x, p, w, low, n_q):  # type: ignore[no-untyped-def]
    """First and last q of a lineage that has p at a position, and what p becomes: if copies end in zero, at least x.

    q is counted from `low` below zero.
    """
    if copies == 0:
        return 0, n_q - 1, max(p, x)
    q = copies - x + p if w == 0 else copies - x - w + low
    return q, q, p


@njit(cache=True)
def _common_ancestor_cost(u, v, w_u, w_v, limit):  # type: ignore[no-untyped-def]
    """min over x of cost(x -> u) + cost(x -> v), any zeros, by a dynamic programme over both lineages' states."""
    n = len(u)
    # with doublings q = u - x - w runs from 1 - limit to the highest u - 1 - w, without from 0 to the highest u - 1
    low_u = 0 if w_u == 0 else limit - 1
    low_v = 0 if w_v == 0 else limit - 1
    n_p = limit + 1
    n_qu = max(low_u + 1, low_u + u.max() - w_u)
    n_qv = max(low_v + 1, low_v + v.max() - w_v)
    s_qv = 1
    s_pv = n_qv
    s_qu = n_qv * n_p
    s_pu = s_qu * n_qu
    count = s_pu * n_p
    table = np.full(count, INFINITE, dtype=np.int32)
    new = np.empty(count, dtype=np.int32)
    table[low_u * s_qu + low_v * s_qv] = 0
    for i in range(n):
        new[:] = INFINITE
        if u[i] > 0:
            _sweep(table, n_qu, s_qu, count)
            _sweep(table, n_p, s_pu, count)
        if v[i] > 0:
            _sweep(table, n_qv, s_qv, count)
            _sweep(table, n_p, s_pv, count)
        for x in range(1, limit + 1):
            first_u, last_u = _p_range(u[i], x, w_u, limit)
            first_v, last_v = _p_range(v[i], x, w_v, limit)
            for p_u in range(first_u, last_u + 1):
                q_first_u, q_last_u, to_p_u = _step(u[i], x, p_u, w_u, low_u, n_qu)
                for q_u in range(q_first_u, q_last_u + 1):
                    from_u = p_u * s_pu + q_u * s_qu
                    into_u = to_p_u * s_pu + q_u * s_qu
                    for p_v in range(first_v, last_v + 1):
                        q_first_v, q_last_v, to_p_v = _step(v[i], x, p_v, w_v, low_v, n_qv)
                        rise = to_p_u - p_u + to_p_v - p_v
                        for q_v in range(q_first_v, q_last_v + 1):
                            cost = table[from_u + p_v * s_pv + q_v] + rise
                            at = into_u + to_p_v * s_pv + q_v
                            if cost < new[at]:
                                new[at] = cost
        table, new = new, table
    best = INFINITE
    for p_u in range(n_p):
        for q_u in range(n_qu):
            end_u = 0 if w_u == 0 else max(0, low_u - q_u)
            for p_v in range(n_p):
                at = p_u * s_pu + q_u * s_qu + p_v * s_pv
                for q_v in range(n_qv):
                    end_v = 0 if w_v == 0 else max(0, low_v - q_v)
                    best = min(best, table[at + q_v] + end_u + end_v)
    return best


@njit(cache=True)
def _no_zero_costs(u, v, n, width, limit, out):  # type: ignore[no-untyped-def]
    """As `_common_ancestor_cost` if no copy number is zero, for all numbers of doublings: the state is x.

    Fills out (width, width). Doublings only shift where a sequence starts and ends, so all are carried along together.
    """
    n_pairs = width * width
    cost = np.full((limit + 1, n_pairs), INFINITE, dtype=np.int32)
    new = np.full((limit + 1, n_pairs), INFINITE, dtype=np.int32)
    for x in range(1, limit + 1):
        for k in range(n_pairs):
            w_u = k // width
            w_v = k % width
            if x + max(w_u, w_v) <= limit:
                cost[x, k] = max(0, u[0] - x - w_u) + max(0, v[0] - x - w_v)
    for i in range(1, n):
        du = u[i] - u[i - 1]
        dv = v[i] - v[i - 1]
        for x in range(1, limit + 1):
            into = new[x]
            for k in range(n_pairs):
                into[k] = INFINITE
            for before in range(1, limit + 1):
                step = x - before
                rise = np.int32(max(0, du - step) + max(0, dv - step))
                origin = cost[before]
                for k in range(n_pairs):
                    into[k] = min(into[k], origin[k] + rise)
            if x + width - 1 > limit:
                for k in range(n_pairs):
                    if x + max(k // width, k % width) > limit:
                        into[k] = INFINITE
        cost, new = new, cost
    for k in range(n_pairs):
        w_u = k // width
        w_v = k % width
        best = INFINITE
        for x in range(1, limit - max(w_u, w_v) + 1):
            best = min(best, cost[x, k] + max(0, x + w_u - u[n - 1]) + max(0, x + w_v - v[n - 1]))
        out[w_u, w_v] = best


@njit(cache=True)
def _merge(u, v, start, end, a, b, with_mixed):  # type: ignore[no-untyped-def]
    """Drop, in place, positions where both are zero (and, unless asked for, where one is); merge equal neighbours."""
    n = 0
    is_mixed = False
    highest = 1
    for i in range(start, end):
        if u[i] == 0 and v[i] == 0:
            continue
        highest = max(highest, u[i], v[i])
        if u[i] == 0 or v[i] == 0:
            is_mixed = True
            if not with_mixed:
                continue
        if n and a[n - 1] == u[i] and b[n - 1] == v[i]:
            continue
        a[n] = u[i]
        b[n] = v[i]
        n += 1
    return n, is_mixed, highest


@njit(cache=True)
def pair_bounds(u, v, starts, max_doublings, floor, bounds, is_exact):  # type: ignore[no-untyped-def]
    """Fill in lower bounds of the symmetric cost of every sequence for every number of doublings; exact if flagged.

    u, v: concatenated sequences (an allele of a chromosome each); starts: first position of each, the length at the
    end; floor: copy number the ancestor may reach at least (8); bounds: (n_sequences, W + 1, W + 1); is_exact:
    (n_sequences,). Positions where exactly one copy number is zero are left out of a bound: events restricted to some
    positions are events, so the cost of a part never exceeds that of the whole.
    """
    longest = 1
    for c in range(len(starts) - 1):
        longest = max(longest, starts[c + 1] - starts[c])
    a = np.empty(longest, dtype=np.int64)
    b = np.empty(longest, dtype=np.int64)
    for c in range(len(starts) - 1):
        n, is_mixed, highest = _merge(u, v, starts[c], starts[c + 1], a, b, False)
        is_exact[c] = not is_mixed
        if n == 0:
            for w_u in range(max_doublings + 1):
                for w_v in range(max_doublings + 1):
                    # a sequence lost on one side only is at least one event
                    bounds[c, w_u, w_v] = 1 if is_mixed else 0
            continue
        if max_doublings > 0:
            _no_zero_costs(a, b, n, max_doublings + 1, max(floor, highest), bounds[c])
        total = 0
        before = 0
        for i in range(n):
            total += abs(a[i] - b[i] - before)
            before = a[i] - b[i]
        bounds[c, 0, 0] = (total + abs(before)) // 2


@njit(cache=True)
def mixed_cost(u, v, start, end, w_u, w_v, floor):  # type: ignore[no-untyped-def]
    """Compute the exact symmetric cost of one sequence that has positions where exactly one copy number is zero."""
    a = np.empty(end - start, dtype=np.int64)
    b = np.empty(end - start, dtype=np.int64)
    n, _, highest = _merge(u, v, start, end, a, b, True)
    reach = min(highest + max(w_u, w_v), max(floor, highest))
    return _common_ancestor_cost(a[:n], b[:n], w_u, w_v, reach)


@njit(cache=True)
def resampled_distances(profiles, starts, sequence_chrom, counts, max_doublings, floor):  # type: ignore[no-untyped-def]
    """Compute exact distance matrices under resampled (or all) chromosomes; (replicates, n, n).

    counts: (replicates, n_chromosomes) how often each chromosome was drawn; sequence_chrom: chromosome of each
    sequence. Every pair is min over x of T(x -> u) + T(x -> v): numbers of doublings are tried in the order of lower
    bounds, until no bound can win. Costs of a sequence are found once, and only if a replicate needs them.
    """
    n = len(profiles)
    n_sequences = len(starts) - 1
    width = max_doublings + 1
    out = np.zeros((len(counts), n, n))
    bounds = np.empty((n_sequences, width, width), dtype=np.int64)
    is_exact = np.empty(n_sequences, dtype=np.bool_)
    known = np.empty((n_sequences, width, width), dtype=np.bool_)
    totals = np.empty((width, width), dtype=np.int64)
    for i in range(n):
        for j in range(i + 1, n):
            pair_bounds(profiles[i], profiles[j], starts, max_doublings, floor, bounds, is_exact)
            for c in range(n_sequences):
                known[c] = is_exact[c]
            for r in range(len(counts)):
                for w_u in range(width):
                    for w_v in range(width):
                        totals[w_u, w_v] = w_u + w_v
                        for c in range(n_sequences):
                            totals[w_u, w_v] += counts[r, sequence_chrom[c]] * bounds[c, w_u, w_v]
                best = INFINITE
                for _ in range(width * width):
                    at = 0
                    for k in range(1, width * width):
                        if totals[k // width, k % width] < totals[at // width, at % width]:
                            at = k
                    w_u = at // width
                    w_v = at % width
                    total = totals[w_u, w_v]
                    totals[w_u, w_v] = INFINITE
                    if total >= best:
                        break
                    for c in range(n_sequences):
                        if not known[c, w_u, w_v] and counts[r, sequence_chrom[c]] > 0:
                            exact = mixed_cost(profiles[i], profiles[j], starts[c], starts[c + 1], w_u, w_v, floor)
                            total += counts[r, sequence_chrom[c]] * (exact - bounds[c, w_u, w_v])
                            bounds[c, w_u, w_v] = exact
                            known[c, w_u, w_v] = True
                            if total >= best:
                                break
                    best = min(best, total)
                out[r, i, j] = best
                out[r, j, i] = best
    return out


@njit(cache=True)
def zero_agnostic(profiles, starts, out):  # type: ignore[no-untyped-def]
    """Fill out (n, n) with the ZCNT distance of all pairs: half the L1 distance of breakpoint profiles."""
    n = len(profiles)
    n_sequences = len(starts) - 1
    # one breakpoint before each position and one at the end of each sequence; small integers, so that sums vectorise
    width = profiles.shape[1] + n_sequences
    breaks = np.zeros((n, width), dtype=np.int16)
    for i in range(n):
        at = 0
        for c in range(n_sequences):
            before = 0
            for k in range(starts[c], starts[c + 1]):
                breaks[i, at] = profiles[i, k] - before
                before = profiles[i, k]
                at += 1
            breaks[i, at] = -before
            at += 1
    for i in range(n):
        left = breaks[i]
        for j in range(i + 1, n):
            right = breaks[j]
            total = np.int32(0)
            for k in range(width):
                total += np.int32(abs(left[k] - right[k]))
            out[i, j] = total // 2
            out[j, i] = total // 2
