"""Simple histories among the optimal ones of a clone tree, fast enough for every few moves of a sampler.

Among the histories of least U and mu, the one of least weight gamma + weight sigma (docs/methods/migration.md) is a
fixed-charge problem: a pair of sites and a source cost once, however often they are used. It is solved approximately by
slope scaling (Kim & Pardalos 1999, doi:10.1016/S0167-6377(99)00057-X): every migration gets a price, the cheapest
history is found by one pass over the tree, and the charges are spread over the uses that it makes of them. Then sources
of the best history, and pairs that it uses once, are made dear one by one. U and mu are exact; gamma and sigma are
those of a real history, so that the cost is never too low.

Compiled; sites and clones are numbers. A node of a history is ``clone * n_sites + site``.
"""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.compiled import njit

__all__ = ["NO_NODE", "ROOT", "cheapest_history", "cost_of_history", "simple_history"]

# Entries of `up`: no such node; the root of the history.
NO_NODE, ROOT = -2, -1
# One migration outweighs all prices; a pair or source that is to be avoided.
_MIGRATION, _DEAR = 1e6, 100.0
_START_ROUNDS = 3  # pricings before pairs are made dear one by one


@njit(cache=True)
def span_sites(sites: IntArray, n_here: int, entry: int, price: FloatArray, source: IntArray) -> float:
    """Join the sites of a clone to its entry, the cheapest pair first; set each `source`, in place; return the cost."""
    inside = np.zeros(len(price), np.bool_)
    inside[entry] = True
    cost = 0.0
    for _ in range(n_here - 1):
        least, of, to = np.inf, -1, -1
        for i in range(n_here):
            s = sites[i]
            if inside[s]:
                for j in range(n_here):
                    t = sites[j]
                    if not inside[t] and price[s, t] < least:
                        least, of, to = price[s, t], s, t
        inside[to] = True
        source[to] = of
        cost += _MIGRATION + least
    return cost


@njit(cache=True)
def cheapest_history(
    parent: IntArray, order: IntArray, present: BoolArray, primary: int, price: FloatArray, up: IntArray
) -> int:
    """Find a history of least U, then mu, then (approximately) total price, and write it into `up`.

    A clone that is present holds just its sites, one that is nowhere a single site of its choice.

    Parameters
    ----------
    parent : int64 array (K,)
        -1 at the root.
    order : int64 array (K,)
        Clones, parents first.
    present : bool array (K, n_sites)
        The root's row holds the primary.
    primary : int
    price : float64 array (n_sites, n_sites)
        Of one migration, at least 0 and small beside 1e6.
    up : int64 array (K * n_sites,)
        Changed in place: the node from which each node comes, `ROOT` or `NO_NODE`.

    Returns
    -------
    int
        mu.
    """
    n, n_sites = present.shape
    sites, n_here = np.zeros((n, n_sites), np.int64), np.zeros(n, np.int64)
    for v in range(n):
        for s in range(n_sites):
            if present[v, s]:
                sites[v, n_here[v]] = s
                n_here[v] += 1
    below = np.zeros((n, n_sites))  # of a clone that is nowhere: cost of its children by its site
    children = np.zeros(n)  # of the others: cost of their children
    from_site = np.zeros((n, n_sites))
    entered = np.zeros((n, n_sites), np.int64)
    source = np.zeros(n_sites, np.int64)
    within = np.empty(n_sites)
    for place in range(n - 1, -1, -1):
        v = order[place]
        within[:] = np.inf
        if n_here[v] == 0:
            within[:] = below[v]
        for i in range(n_here[v]):
            entry = sites[v, i]
            within[entry] = children[v] + span_sites(sites[v], n_here[v], entry, price, source)
        p = parent[v]
        if p < 0:
            continue
        n_entries = n_here[v] if n_here[v] > 0 else n_sites
        for s in range(n_sites):
            least, where = within[s], s
            for i in range(n_entries):
                t = sites[v, i] if n_here[v] > 0 else i
                if t != s and within[t] + _MIGRATION + price[s, t] < least:
                    least, where = within[t] + _MIGRATION + price[s, t], t
            from_site[v, s], entered[v, s] = least, where
        if n_here[p] == 0:
            below[p] += from_site[v]
        else:
            least = np.inf
            for i in range(n_here[p]):
                least = min(least, from_site[v, sites[p, i]])
            children[p] += least
    return write_history(parent, order, sites, n_here, primary, price, from_site, entered, up)


@njit(cache=True)
def write_history(
    parent: IntArray, order: IntArray, sites: IntArray, n_here: IntArray, primary: int, price: FloatArray,
    from_site: FloatArray, entered: IntArray, up: IntArray,
) -> int:  # fmt: skip
    """Follow the choices of `cheapest_history` from the root; write `up` in place and count the migrations."""
    n, n_sites = sites.shape
    at, source = np.zeros(n, np.int64), np.zeros(n_sites, np.int64)
    up[:] = NO_NODE
    migrations = 0
    for place in range(n):
        v = order[place]
        p = parent[v]
        if p < 0:
            at[v] = primary
            up[v * n_sites + primary] = ROOT
        else:
            s = at[p] if n_here[p] == 0 else sites[p, 0]
            for i in range(1, n_here[p]):
                if from_site[v, sites[p, i]] < from_site[v, s]:
                    s = sites[p, i]
            at[v] = entered[v, s]
            up[v * n_sites + at[v]] = p * n_sites + s
            migrations += at[v] != s
        if n_here[v] > 1:
            span_sites(sites[v], n_here[v], at[v], price, source)
            for i in range(n_here[v]):
                t = sites[v, i]
                if t != at[v]:
                    up[v * n_sites + t] = v * n_sites + source[t]
                    migrations += 1
    return migrations


@njit(cache=True)
def count_uses(up: IntArray, uses: IntArray) -> None:
    """Count the migrations of every pair of sites (n_sites, n_sites), in place."""
    n_sites = len(uses)
    uses[:] = 0
    for first in range(0, len(up), n_sites):
        for t in range(n_sites):
            above = up[first + t]
            if above >= 0:
                s = above % n_sites
                if s != t:
                    uses[s, t] += 1


@njit(cache=True)
def times_on_path(s: int, t: int, n_sites: int, up: IntArray) -> int:
    """Count the most migrations from s to t on one path from the root."""
    most = 0
    for node in range(t, len(up), n_sites):
        if up[node] >= 0 and up[node] % n_sites == s:
            times, above = 0, node
            while up[above] >= 0:
                times += above % n_sites == t and up[above] % n_sites == s
                above = up[above]
            most = max(most, times)
    return most


@njit(cache=True)
def cost_of_history(up: IntArray, uses: IntArray, weights: FloatArray) -> float:
    """Compute weights[0] gamma + weights[1] sigma of a history with these `uses`."""
    n_sites = len(uses)
    cost = 0.0
    for s in range(n_sites):
        is_source = False
        for t in range(n_sites):
            if uses[s, t] > 0:
                is_source = True
                cost += weights[0] * (times_on_path(s, t, n_sites, up) if uses[s, t] > 1 else 1)
        if is_source:
            cost += weights[1]
    return cost


@njit(cache=True)
def spread_charges(uses: IntArray, weights: FloatArray, price: FloatArray) -> None:
    """Set the price of a migration of every pair, in place: charges over the uses that were made of them."""
    n_sites = len(uses)
    for s in range(n_sites):
        of_source = weights[1] / max(uses[s].sum(), 1)
        for t in range(n_sites):
            price[s, t] = weights[0] / max(uses[s, t], 1) + of_source


@njit(cache=True)
def simple_history(
    parent: IntArray, order: IntArray, present: BoolArray, primary: int, weights: FloatArray, passes: int, rounds: int,
    best: IntArray, found: IntArray, costs: FloatArray,
) -> tuple[int, int, float, int]:  # fmt: skip
    """Find a simple history of a clone tree: least U, least mu, and a small gamma and sigma.

    Parameters
    ----------
    parent, order, present, primary
        See `cheapest_history`; the root may be seen outside the primary only.
    weights : float64 array (2,)
        Of gamma and sigma.
    passes : int
        Over the pairs and sources of the best history.
    rounds : int
        Pricings in which one of them is dear.
    best : int64 array (K * n_sites,)
        Changed in place: the history, as `up` of `cheapest_history`.
    found : int64 array (R, K * n_sites)
        Changed in place: the first R histories that were looked at (some more than once).
    costs : float64 array (R,)
        Changed in place: their costs.

    Returns
    -------
    (int, int, float, int)
        U, mu, cost, and the number of histories in `found`.
    """
    n, n_sites = present.shape
    root = order[0]
    here = present.copy()
    here[root, primary] = True
    unobserved = int(not present[root, primary])
    for v in range(n):
        unobserved += v != root and not present[v].any()
    price = np.empty((n_sites, n_sites))
    uses, best_uses = np.zeros((n_sites, n_sites), np.int64), np.zeros((n_sites, n_sites), np.int64)
    up = np.empty(n * n_sites, np.int64)
    for s in range(n_sites):
        price[s] = weights[0] + (0.0 if s == primary else weights[1])
    least, migrations, n_found = np.inf, 0, 0
    for _ in range(_START_ROUNDS):
        migrations = cheapest_history(parent, order, here, primary, price, up)
        count_uses(up, uses)
        cost = cost_of_history(up, uses, weights)
        if n_found < len(found):
            found[n_found], costs[n_found] = up, cost
            n_found += 1
        if cost < least:
            least = cost
            best[:], best_uses[:] = up, uses
        spread_charges(uses, weights, price)
    for _ in range(passes):
        before = least
        for s in range(n_sites):
            for t in range(-1, n_sites):  # the source, then its pairs
                is_tried = best_uses[s, t] == 1 if t >= 0 else s != primary and best_uses[s].sum() > 0
                if not is_tried:
                    continue
                spread_charges(best_uses, weights, price)
                for _ in range(rounds):
                    if t < 0:
                        price[s] += _DEAR
                    else:
                        price[s, t] += _DEAR
                    cheapest_history(parent, order, here, primary, price, up)
                    count_uses(up, uses)
                    cost = cost_of_history(up, uses, weights)
                    if n_found < len(found):
                        found[n_found], costs[n_found] = up, cost
                        n_found += 1
                    if cost < least - 1e-9:
                        least = cost
                        best[:], best_uses[:] = up, uses
                    spread_charges(uses, weights, price)
        if least >= before - 1e-9:
            break
    return unobserved, migrations, least, n_found
