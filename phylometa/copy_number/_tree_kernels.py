"""Compiled kernels of the copy-number tree: neighbour joining, ancestral profiles, tree length."""

from __future__ import annotations

import numpy as np

from phylometa.copy_number._kernels import INFINITE, directed_cost
from phylometa.model.compiled import njit


@njit(cache=True)
def neighbour_joining(distance, outgroup):  # type: ignore[no-untyped-def]
    """Join neighbours (Saitou & Nei 1987), rooted at `outgroup`: parents of n leaves and n - 2 inner nodes.

    The outgroup is the root (parent -1). Ties go to the pair with the smaller indices. With 2 leaves the other hangs on
    the outgroup.
    """
    n = len(distance)
    size = max(2, 2 * n - 2)
    d = np.zeros((size, size))
    is_active = np.zeros(size, dtype=np.bool_)
    for i in range(n):
        is_active[i] = True
        for j in range(n):
            d[i, j] = distance[i, j]
    parents = np.full(size, -1, dtype=np.int64)
    n_active = n
    inner = n
    while n_active > 3:
        totals = np.zeros(inner)
        for i in range(inner):
            if is_active[i]:
                for j in range(inner):
                    if is_active[j]:
                        totals[i] += d[i, j]
        best = np.inf
        at_i = 0
        at_j = 0
        for i in range(inner):
            if is_active[i]:
                for j in range(i + 1, inner):
                    if is_active[j]:
                        q = (n_active - 2) * d[i, j] - totals[i] - totals[j]
                        if q < best - 1e-9:
                            best = q
                            at_i = i
                            at_j = j
        for k in range(inner):
            if is_active[k] and k != at_i and k != at_j:
                d[inner, k] = (d[at_i, k] + d[at_j, k] - d[at_i, at_j]) / 2
                d[k, inner] = d[inner, k]
        is_active[at_i] = False
        is_active[at_j] = False
        parents[at_i] = inner
        parents[at_j] = inner
        is_active[inner] = True
        inner += 1
        n_active -= 1
    # what is left hangs together: on one more node, or two leaves on each other
    top = inner if n_active == 3 else outgroup
    for k in range(inner):
        if is_active[k] and k != top:
            parents[k] = top
    # turned over on the way from the outgroup, which becomes the root
    v = outgroup
    above = -1
    while v >= 0:
        following = parents[v]
        parents[v] = above
        above = v
        v = following
    return parents


@njit(cache=True)
def branch_cost(x, u, starts, max_doublings):  # type: ignore[no-untyped-def]
    """Compute T(x -> u) = min over w of w + sum of directed costs; returns (cost, w), the least w of ties."""
    best = INFINITE
    best_w = 0
    for w in range(max_doublings + 1):
        total = w
        for c in range(len(starts) - 1):
            total += directed_cost(x[starts[c] : starts[c + 1]], u[starts[c] : starts[c + 1]], w)
            if total >= best:
                break
        if total < best:
            best = total
            best_w = w
    return best, best_w


@njit(cache=True)
def fitch_profiles(profiles, parents, order, n_leaves, doublings, is_late):  # type: ignore[no-untyped-def]
    """Fill in the inner nodes' profiles by interval parsimony at each position, given the doublings on branches.

    profiles: (n_nodes, N), rows of leaves and root given, inner rows filled. order: root first. Bottom-up every node
    has the interval of values that change least below it, a child's values lowered by the doublings on its branch;
    top-down a node takes the value of its interval nearest to its parent's. A node is zero only where all below are;
    with `is_late` no inner node is, every leaf loses its copies by itself: a better start for moves, which find the
    runs that were lost together.
    """
    n_nodes, n_positions = profiles.shape
    low = np.empty(n_nodes, dtype=np.int64)
    high = np.empty(n_nodes, dtype=np.int64)
    n_children = np.zeros(n_nodes, dtype=np.int64)
    for i in range(n_positions):
        n_children[:] = 0
        for k in range(n_nodes - 1, 0, -1):
            v = order[k]
            if n_children[v] == 0:
                low[v] = profiles[v, i]
                high[v] = profiles[v, i]
            p = parents[v]
            w = doublings[v]
            child_low = max(1, low[v] - w) if low[v] > 0 else 0
            child_high = max(1, high[v] - w) if high[v] > 0 else 0
            if n_children[p] == 0:
                low[p] = child_low
                high[p] = child_high
            elif high[p] == 0 and child_high == 0 and not is_late:
                pass
            elif high[p] == 0 or child_high == 0:
                # lost on one side only: the ancestor still had it
                low[p] = max(1, max(low[p], child_low))
                high[p] = max(high[p], child_high, 1)
            elif child_low > high[p]:
                low[p], high[p] = high[p], child_low
            elif child_high < low[p]:
                low[p], high[p] = child_high, low[p]
            else:
                low[p] = max(low[p], child_low)
                high[p] = min(high[p], child_high)
            n_children[p] += 1
        for k in range(1, n_nodes):
            v = order[k]
            if v < n_leaves:
                continue
            above = profiles[parents[v], i]
            if above == 0:
                profiles[v, i] = 0
                continue
            above += doublings[v]
            profiles[v, i] = min(max(above, low[v]), high[v])


@njit(cache=True)
def breakpoint_length(deltas, weights, shifts, parents, order, doublings):  # type: ignore[no-untyped-def]
    """Twice the tree's length if every breakpoint changes by itself: interval parsimony of breakpoint profiles.

    deltas: (n_leaves, B) differences of neighbouring copy numbers, the ends against one copy; weights: how often each
    column occurs; shifts: what a doubling adds to a column (1 at the start of a sequence, -1 at its end, else 0).
    """
    n_leaves, n_columns = deltas.shape
    n_nodes = len(parents)
    low = np.zeros((n_nodes, n_columns), dtype=np.int64)
    high = np.zeros((n_nodes, n_columns), dtype=np.int64)
    is_seen = np.zeros(n_nodes, dtype=np.bool_)
    for v in range(n_leaves):
        is_seen[v] = True
        for i in range(n_columns):
            low[v, i] = deltas[v, i]
            high[v, i] = deltas[v, i]
    total = 0
    for k in range(n_nodes - 1, 0, -1):
        v = order[k]
        p = parents[v]
        for i in range(n_columns):
            lo = low[v, i] - doublings[v] * shifts[i]
            hi = high[v, i] - doublings[v] * shifts[i]
            if not is_seen[p]:
                low[p, i] = lo
                high[p, i] = hi
            elif lo > high[p, i]:
                total += weights[i] * (lo - high[p, i])
                low[p, i], high[p, i] = high[p, i], lo
            elif hi < low[p, i]:
                total += weights[i] * (low[p, i] - hi)
                low[p, i], high[p, i] = hi, low[p, i]
            else:
                low[p, i] = max(low[p, i], lo)
                high[p, i] = min(high[p, i], hi)
        is_seen[p] = True
    return total


@njit(cache=True)
def _sequence_cost(profiles, parents, branches, n_branches, start, end, doublings, enough):  # type: ignore[no-untyped-def]
    """Cost of the first of `branches` (nodes below them) on one sequence; `INFINITE` if it is not below `enough`."""
    total = 0
    for k in range(n_branches):
        v = branches[k]
        total += directed_cost(profiles[parents[v], start:end], profiles[v, start:end], doublings[v])
        if total >= enough:
            return INFINITE
    return total


@njit(cache=True)
def _touching(parents, order, members, branches):  # type: ignore[no-untyped-def]
    """Fill in, in place, the branches above and below members, in the order of nodes; their number."""
    n_branches = 0
    for k in range(1, len(order)):
        v = order[k]
        if members[v] or members[parents[v]]:
            branches[n_branches] = v
            n_branches += 1
    return n_branches


@njit(cache=True)
def _mark(parents, n_leaves, v, lo, hi, first, last):  # type: ignore[no-untyped-def]
    """Columns lo to hi of an inner node and of the inner nodes next to it are to be looked at (again)."""
    for u in range(n_leaves, len(parents)):
        if u == v or parents[u] == v or u == parents[v]:
            first[u] = min(first[u], lo)
            last[u] = max(last[u], hi)


@njit(cache=True)
def _refine_sequence(profiles, parents, order, n_leaves, doublings, start, end, rounds, first, last):  # type: ignore[no-untyped-def]
    """Descend on one sequence; see `refine_profiles`.

    first, last: (n_nodes,) columns of every node to look at, last included; if first > last, none. Moves mark more.
    """
    n_nodes = len(parents)
    members = np.zeros(n_nodes, dtype=np.bool_)
    moved = np.empty(n_nodes, dtype=np.int64)  # the members, one after the other
    branches = np.empty(n_nodes, dtype=np.int64)
    saved = np.empty((n_nodes, end - start), dtype=np.int64)
    edges = np.empty(end - start + 1, dtype=np.int64)
    for _ in range(rounds):
        is_done = True
        for k in range(n_nodes - 1, 0, -1):
            v = order[k]
            if v < n_leaves or first[v] > last[v]:
                continue
            is_done = False
            from_column = first[v]
            to_column = last[v]
            first[v] = end
            last[v] = -1
            # columns that neither the node, its parent nor its children tell apart move together
            n_edges = 0
            edges[0] = start
            for i in range(start + 1, end):
                is_new = profiles[v, i] != profiles[v, i - 1] or profiles[parents[v], i] != profiles[parents[v], i - 1]
                for u in range(n_nodes):
                    if parents[u] == v and profiles[u, i] != profiles[u, i - 1]:
                        is_new = True
                if is_new:
                    n_edges += 1
                    edges[n_edges] = i
            n_edges += 1
            edges[n_edges] = end
            alone = -1  # cost of the branches that touch the node, once it is known
            for left in range(n_edges):
                if edges[left] > to_column + 1:
                    break
                for right in range(left + 1, n_edges + 1):
                    if edges[right] < from_column:
                        continue
                    if right - left > 12 and not (left == 0 and right == n_edges):
                        continue
                    lo = edges[left]
                    hi = edges[right]
                    for deep in range(2):
                        # the node alone, or with the inner nodes below it that agree with it on these columns
                        members[:] = False
                        members[v] = True
                        moved[0] = v
                        n_members = 1
                        if deep:
                            for m in range(1, n_nodes):
                                u = order[m]
                                if u >= n_leaves and u != v and members[parents[u]]:
                                    is_equal = True
                                    for i in range(lo, hi):
                                        if profiles[u, i] != profiles[v, i]:
                                            is_equal = False
                                            break
                                    if is_equal:
                                        members[u] = True
                                        moved[n_members] = u
                                        n_members += 1
                            if n_members == 1:
                                continue
                        n_branches = _touching(parents, order, members, branches)
                        if deep or alone < 0:
                            cost = _sequence_cost(
                                profiles, parents, branches, n_branches, start, end, doublings, INFINITE
                            )
                        else:
                            cost = alone
                        for source in range(n_nodes + 2):
                            if source < n_nodes:
                                is_near = source == parents[v]
                                if not is_near and parents[source] >= 0 and not members[source]:
                                    is_near = members[parents[source]]
                                if not is_near:
                                    continue
                            for m in range(n_members):
                                for i in range(lo, hi):
                                    saved[m, i - start] = profiles[moved[m], i]
                            is_same = True
                            for i in range(lo, hi):
                                if source >= n_nodes:
                                    value = profiles[v, i]
                                    if value > 0:
                                        value = max(0, value + (1 if source == n_nodes else -1))
                                elif source == parents[v]:
                                    value = profiles[source, i]
                                    value = value + doublings[v] if value > 0 else 0
                                else:
                                    value = profiles[source, i]
                                    value = max(1, value - doublings[source]) if value > 0 else 0
                                if value != profiles[v, i]:
                                    is_same = False
                                for m in range(n_members):
                                    profiles[moved[m], i] = value
                            if is_same:
                                continue
                            new_cost = _sequence_cost(
                                profiles, parents, branches, n_branches, start, end, doublings, cost
                            )
                            if new_cost < cost:
                                cost = new_cost
                                alone = -1
                                for u in range(n_leaves, n_nodes):
                                    if members[u]:
                                        _mark(parents, n_leaves, u, lo, hi - 1, first, last)
                            else:
                                for m in range(n_members):
                                    for i in range(lo, hi):
                                        profiles[moved[m], i] = saved[m, i - start]
                        if not deep:
                            alone = cost
        if is_done:
            break


@njit(cache=True)
def refine_profiles(profiles, parents, order, n_leaves, doublings, starts, rounds, kicks):  # type: ignore[no-untyped-def]
    """Improve inner profiles in place until no move helps, then again from `kicks` disturbed states; keep no worse.

    A move gives a run of columns of an inner node (alone, or with the inner nodes below that agree with it there) the
    values of a neighbour, or one copy more or less. A kick is such a move taken whatever it costs; its random numbers
    come from a fixed congruential sequence. Sequences are independent given the doublings.
    """
    everywhere = order[1:]
    n_inner = len(parents) - n_leaves
    first = np.empty(len(parents), dtype=np.int64)
    last = np.empty(len(parents), dtype=np.int64)
    saved = np.empty(profiles.shape, dtype=np.int64)
    state = 12345
    for c in range(len(starts) - 1):
        start = starts[c]
        end = starts[c + 1]
        is_flat = True
        for v in range(len(parents)):
            for i in range(start, end):
                if profiles[v, i] != profiles[order[0], i]:
                    is_flat = False
                    break
            if not is_flat:
                break
        if is_flat:
            continue
        for u in range(len(parents)):
            first[u] = start
            last[u] = end - 1
        _refine_sequence(profiles, parents, order, n_leaves, doublings, start, end, rounds, first, last)
        if n_inner < 2:
            continue
        cost = _sequence_cost(profiles, parents, everywhere, len(everywhere), start, end, doublings, INFINITE)
        for _ in range(kicks):
            for u in range(n_leaves, len(parents)):
                for i in range(start, end):
                    saved[u, i] = profiles[u, i]
            state = (1103515245 * state + 12345) % 2147483648
            v = n_leaves + (state >> 8) % n_inner
            state = (1103515245 * state + 12345) % 2147483648
            lo = start + (state >> 8) % (end - start)
            state = (1103515245 * state + 12345) % 2147483648
            hi = lo + 1 + (state >> 8) % (end - lo)
            state = (1103515245 * state + 12345) % 2147483648
            source = (state >> 8) % len(parents)
            for i in range(lo, hi):
                profiles[v, i] = profiles[source, i]
            for u in range(len(parents)):
                first[u] = end
                last[u] = -1
            _mark(parents, n_leaves, v, lo, hi - 1, first, last)
            _refine_sequence(profiles, parents, order, n_leaves, doublings, start, end, rounds, first, last)
            new_cost = _sequence_cost(profiles, parents, everywhere, len(everywhere), start, end, doublings, INFINITE)
            if new_cost <= cost:
                cost = new_cost
            else:
                for u in range(n_leaves, len(parents)):
                    for i in range(start, end):
                        profiles[u, i] = saved[u, i]


@njit(cache=True)
def tree_cost(profiles, parents, order, starts, max_doublings, doublings):  # type: ignore[no-untyped-def]
    """Sum T over all branches; `doublings` is filled with the number on every branch."""
    total = 0
    for k in range(1, len(order)):
        v = order[k]
        cost, w = branch_cost(profiles[parents[v]], profiles[v], starts, max_doublings)
        doublings[v] = w
        total += cost
    return total


@njit(cache=True)
def sankoff_profiles(candidates, profiles, parents, order, n_leaves, bound, most):  # type: ignore[no-untyped-def]
    """Find a sequence's least events over candidate profiles of inner nodes, which are filled; -1 beyond `most`.

    candidates: (M, N). profiles: (n_nodes, N), leaves and root given. A candidate of a node counts if the events from
    the root to it and on to the farthest leaf below do not exceed `bound`, which some solution reaches.
    """
    n_nodes = len(parents)
    root = order[0]
    n_candidates = len(candidates)
    from_root = np.empty(n_candidates, dtype=np.int64)
    for i in range(n_candidates):
        from_root[i] = directed_cost(profiles[root], candidates[i], 0)
    # farthest leaf below, filled for inner nodes while it stays within the bound
    allowed = np.full((n_nodes, most), -1, dtype=np.int64)
    n_allowed = np.zeros(n_nodes, dtype=np.int64)
    below = np.zeros((n_nodes, n_leaves), dtype=np.bool_)
    for k in range(n_nodes - 1, -1, -1):
        v = order[k]
        if v < n_leaves:
            below[v, v] = True
        if parents[v] >= 0:
            for leaf in range(n_leaves):
                if below[v, leaf]:
                    below[parents[v], leaf] = True
    for k in range(1, n_nodes):
        v = order[k]
        if v < n_leaves:
            continue
        for i in range(n_candidates):
            if from_root[i] > bound:
                continue
            is_near = True
            for leaf in range(n_leaves):
                if below[v, leaf] and from_root[i] + directed_cost(candidates[i], profiles[leaf], 0) > bound:
                    is_near = False
                    break
            if is_near:
                if n_allowed[v] == most:
                    return -1
                allowed[v, n_allowed[v]] = i
                n_allowed[v] += 1
    cost = np.zeros((n_nodes, most), dtype=np.int64)
    choice = np.zeros((n_nodes, most), dtype=np.int64)  # of the node, for every candidate of its parent
    total = 0
    for k in range(n_nodes - 1, 0, -1):
        v = order[k]
        p = parents[v]
        n_parent = 1 if p == root else n_allowed[p]
        for i in range(n_parent):
            above = profiles[root] if p == root else candidates[allowed[p, i]]
            best = INFINITE
            if v < n_leaves:
                best = directed_cost(above, profiles[v], 0)
            else:
                for j in range(n_allowed[v]):
                    if cost[v, j] >= best:
                        continue
                    step = cost[v, j] + directed_cost(above, candidates[allowed[v, j]], 0)
                    if step < best:
                        best = step
                        choice[v, i] = j
            if p == root:
                total += best
            else:
                cost[p, i] = min(cost[p, i] + best, INFINITE)
    if total > bound:
        return -1
    place = np.zeros(n_nodes, dtype=np.int64)
    for k in range(1, n_nodes):
        v = order[k]
        if v < n_leaves:
            continue
        p = parents[v]
        place[v] = choice[v, 0 if p == root else place[p]]
        profiles[v] = candidates[allowed[v, place[v]]]
    return total
