"""Compiled kernels of the process model: the weight of one graph of routes, and histories drawn given it.

A graph is an array ``reach`` of bitmasks: ``reach[s]`` the sites to which s sends clones. The sets of sites that
clones may occupy are concatenated: those of clone v are ``sets[first[v]:first[v + 1]]``, with the logarithm of what
their hidden copies cost in ``log_hidden``. Clones are numbered parents first. Weights W[v, s] are kept up to a common
scale for each clone, so that trees of any size fit.
"""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit
from phylometa.model.weighted_index import pick

__all__ = ["draw_history", "graph_log_weight", "graph_log_weights", "spanning_weight"]


@njit(cache=True)
def _closure(start: int, sites: int, reach: IntArray) -> int:
    """The sites of `sites` that can be reached from one of them, itself included."""
    seen = frontier = 1 << start
    while frontier:
        new = 0
        for s in range(len(reach)):
            if frontier >> s & 1:
                new |= reach[s]
        frontier = new & sites & ~seen
        seen |= frontier
    return seen


@njit(cache=True)
def spanning_weight(sites: int, root: int, reach: IntArray) -> float:
    """Count spanning trees of `sites` directed away from `root` along `reach` (matrix-tree theorem, Tutte 1948)."""
    rest = sites & ~(1 << root)
    if rest == 0:
        return 1.0
    if rest & (rest - 1) == 0:
        return 1.0 if reach[root] & rest else 0.0
    if rest & ~_closure(root, sites, reach):
        return 0.0
    members = np.empty(len(reach), dtype=np.int64)
    n = 0
    for s in range(len(reach)):
        if rest >> s & 1:
            members[n] = s
            n += 1
    if n == 2:
        a, b = members[0], members[1]
        to_a, to_b = float(reach[root] >> a & 1), float(reach[root] >> b & 1)
        return to_a * to_b + to_a * (reach[a] >> b & 1) + to_b * (reach[b] >> a & 1)
    matrix = np.zeros((n, n))
    for j in range(n):
        t = members[j]
        if reach[root] >> t & 1:
            matrix[j, j] += 1.0
        for i in range(n):
            if i != j and reach[members[i]] >> t & 1:
                matrix[j, j] += 1.0
                matrix[i, j] = -1.0
    product = 1.0
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if abs(matrix[pivot, k]) < 1e-9:
            return 0.0
        if pivot != k:
            product = -product
            for j in range(k, n):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        product *= matrix[k, k]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k, n):
                matrix[i, j] -= factor * matrix[k, j]
    return product


@njit(cache=True)
def _set_weight(
    v: int,
    sites: int,
    log_hidden: float,
    reach: IntArray,
    youngest: IntArray,
    elder: IntArray,
    leaving: FloatArray,
    moving: float,
    staying: float,
) -> float:
    """Weight of one set of a clone but for how it is spanned: hidden copies, routes not taken, where children arise."""
    n_sites = len(reach)
    size, unused = 0, 0
    for s in range(n_sites):
        if sites >> s & 1:
            size += 1
            out = reach[s] & ~sites
            while out:
                out &= out - 1
                unused += 1
    weight = math.exp(log_hidden) * moving ** (size - 1) * staying**unused
    c = youngest[v]
    while c >= 0:
        total = 0.0
        for s in range(n_sites):
            if sites >> s & 1:
                total += leaving[c, s]
        weight *= total / size
        if weight == 0.0:
            return 0.0
        c = elder[c]
    return weight


@njit(cache=True)
def graph_log_weight(
    reach: IntArray,
    youngest: IntArray,
    elder: IntArray,
    first: IntArray,
    sets: IntArray,
    log_hidden: FloatArray,
    primary: int,
    moving: float,
    staying: float,
    entering: FloatArray,
    leaving: FloatArray,
) -> float:
    """Compute the log weight of all histories within a graph; -inf if there is none.

    Parameters
    ----------
    reach : int64 array (n_sites,)
    youngest, elder : int64 arrays (K,)
        Last child of every clone, and the sibling before it; -1 if there is none. The root is clone 0.
    first, sets, log_hidden : arrays (K + 1,), (n,), (n,)
    primary : int
    moving, staying : float
        Weight of a clone that takes an active route, and of one that does not.
    entering, leaving : float64 arrays (K, n_sites)
        Filled in: weight of the subtree by the site at which its clone enters; the same with the edge from the parent's
        node, by that node's site. Each clone has its own scale.
    """
    n, n_sites = len(elder), len(reach)
    log_scale = 0.0
    for v in range(n - 1, -1, -1):
        largest = 0.0
        for s in range(n_sites):
            entering[v, s] = 0.0
        for i in range(first[v], first[v + 1]):
            weight = _set_weight(v, sets[i], log_hidden[i], reach, youngest, elder, leaving, moving, staying)
            if weight > 0.0:
                for s in range(n_sites):
                    if sets[i] >> s & 1:
                        entering[v, s] += weight * spanning_weight(sets[i], s, reach)
        for s in range(n_sites):
            largest = max(largest, entering[v, s])
        if largest <= 0.0:
            return -math.inf
        log_scale += math.log(largest)
        for s in range(n_sites):
            entering[v, s] /= largest
        for s in range(n_sites):
            total = entering[v, s]
            for t in range(n_sites):
                if reach[s] >> t & 1:
                    total += moving * entering[v, t]
            leaving[v, s] = total
    if entering[0, primary] <= 0.0:
        return -math.inf
    return log_scale + math.log(entering[0, primary])


@njit(cache=True)
def graph_log_weights(
    graphs: IntArray,
    youngest: IntArray,
    elder: IntArray,
    first: IntArray,
    sets: IntArray,
    log_hidden: FloatArray,
    primary: int,
    moving: float,
    staying: float,
    entering: FloatArray,
    leaving: FloatArray,
) -> FloatArray:
    """Compute the `graph_log_weight` of many graphs (G, n_sites)."""
    found = np.empty(len(graphs))
    for g in range(len(graphs)):
        found[g] = graph_log_weight(
            graphs[g], youngest, elder, first, sets, log_hidden, primary, moving, staying, entering, leaving
        )
    return found


@njit(cache=True)
def draw_history(
    reach: IntArray,
    youngest: IntArray,
    elder: IntArray,
    first: IntArray,
    sets: IntArray,
    log_hidden: FloatArray,
    primary: int,
    moving: float,
    staying: float,
    entering: FloatArray,
    leaving: FloatArray,
    edges: IntArray,
    rng: np.random.Generator,
) -> int:
    """Draw one history given a graph into `edges`, after `graph_log_weight` filled in its weights; return their number.

    `edges` (at least K n_sites rows, 4) gets (clone, site, clone, site), parents first. Site trees within a clone are
    drawn by Wilson's algorithm (1996, doi:10.1145/237814.237880), on reversed routes towards the entry.
    """
    n, n_sites = len(elder), len(reach)
    entry = np.full(n, -1, dtype=np.int64)
    entry[0] = primary
    n_edges = 0
    most = 0
    for v in range(n):
        most = max(most, first[v + 1] - first[v])
    weights = np.empty(max(most, n_sites * (n_sites + 1)))
    above = np.empty(n_sites, dtype=np.int64)
    in_tree = np.empty(n_sites, dtype=np.bool_)
    options = np.empty(n_sites, dtype=np.int64)
    for v in range(n):
        e = entry[v]
        for i in range(first[v], first[v + 1]):
            weight = 0.0
            if sets[i] >> e & 1:
                weight = _set_weight(v, sets[i], log_hidden[i], reach, youngest, elder, leaving, moving, staying)
                if weight > 0.0:
                    weight *= spanning_weight(sets[i], e, reach)
            weights[i - first[v]] = weight
        sites = sets[first[v] + pick(weights, first[v + 1] - first[v], rng.random())]
        for s in range(n_sites):
            in_tree[s] = s == e
            above[s] = -1
        for start in range(n_sites):
            if sites >> start & 1 and not in_tree[start]:
                s = start
                while not in_tree[s]:
                    n_options = 0
                    for p in range(n_sites):
                        if sites >> p & 1 and p != s and reach[p] >> s & 1:
                            options[n_options] = p
                            n_options += 1
                    above[s] = options[int(rng.random() * n_options)]
                    s = above[s]
                s = start
                while not in_tree[s]:
                    in_tree[s] = True
                    s = above[s]
        begin = n_edges
        placed = 1 << e
        while placed != sites:
            for s in range(n_sites):
                if sites >> s & 1 and not placed >> s & 1 and placed >> above[s] & 1:
                    edges[n_edges, 0], edges[n_edges, 1] = v, above[s]
                    edges[n_edges, 2], edges[n_edges, 3] = v, s
                    n_edges += 1
                    placed |= 1 << s
        assert n_edges - begin < n_sites
        c = youngest[v]
        while c >= 0:
            for s in range(n_sites):
                for t in range(n_sites):
                    weight = 0.0
                    if sites >> s & 1:
                        if s == t:
                            weight = entering[c, t]
                        elif reach[s] >> t & 1:
                            weight = moving * entering[c, t]
                    weights[s * n_sites + t] = weight
            picked = pick(weights, n_sites * n_sites, rng.random())
            edges[n_edges, 0], edges[n_edges, 1] = v, picked // n_sites
            edges[n_edges, 2], edges[n_edges, 3] = c, picked % n_sites
            entry[c] = picked % n_sites
            n_edges += 1
            c = elder[c]
    return n_edges
