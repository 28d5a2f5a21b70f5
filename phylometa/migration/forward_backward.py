r"""Sites of the vertices of a given tree whose leaves lie in one site each: exact sums over all labellings.

Lineage-tracing and single-cell trees have thousands of leaves, each from one site. Every vertex lies in one site; along
an edge a lineage in s moves to t with probability P[s, t]. The posterior of all labellings is summed in one pass up the
tree and one pass down (Felsenstein 1981, doi:10.1007/BF01734359). The transitions are learnt from the tree itself by
expectation-maximisation, with a prior of pseudo-counts that favours staying and few routes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.compiled import njit

__all__ = ["SiteLabelling", "draw_labelling", "label_sites", "log_likelihood"]

MAX_ROUNDS, LEAST_GAIN = 100, 1e-6
STAYING, LEAVING = 5.0, 0.05  # pseudo-counts of an edge within a site, and of one between two sites


@dataclass(frozen=True, eq=False)
class SiteLabelling:
    """Posterior over the sites of all vertices.

    Parameters
    ----------
    transition : float64 array (n_sites, n_sites)
        P[s, t], learnt or given.
    log_likelihood : float
        Of the leaves' sites.
    at_vertex : float64 array (n, n_sites)
        Posterior probability of every vertex' site.
    migrations : float64 array (n_sites, n_sites)
        Expected number of migrations; 0 on the diagonal.
    any_migration : float64 array (n_sites, n_sites)
        Probability of at least one.
    n_rounds : int
        Rounds of expectation-maximisation.
    below : float64 array (n, n_sites)
        Scaled likelihood of the leaves below each vertex given its site.
    """

    transition: FloatArray
    log_likelihood: float
    at_vertex: FloatArray
    migrations: FloatArray
    any_migration: FloatArray
    n_rounds: int
    below: FloatArray


@njit(cache=True)
def _prune(
    order: IntArray, parents: IntArray, leaf_site: IntArray, transition: FloatArray, below: FloatArray, edge: FloatArray
) -> float:
    """Fill in `below` and its sum over an edge, `edge` (n, n_sites); returns the log of the scales."""
    n_sites = transition.shape[0]
    log_scale = 0.0
    for v in range(len(parents)):
        for s in range(n_sites):
            below[v, s] = 1.0 if leaf_site[v] < 0 or leaf_site[v] == s else 0.0
    for i in range(len(order) - 1, -1, -1):
        v = order[i]
        largest = 0.0
        for s in range(n_sites):
            largest = max(largest, below[v, s])
        if largest <= 0.0:
            return -np.inf
        log_scale += np.log(largest)
        for s in range(n_sites):
            below[v, s] /= largest
        u = parents[v]
        for s in range(n_sites):
            total = 0.0
            for t in range(n_sites):
                total += transition[s, t] * below[v, t]
            edge[v, s] = total
            if u >= 0:
                below[u, s] *= total
    return log_scale


@njit(cache=True)
def _expect(
    order: IntArray,
    parents: IntArray,
    transition: FloatArray,
    root_prior: FloatArray,
    below: FloatArray,
    edge: FloatArray,
    at_vertex: FloatArray,
    counts: FloatArray,
) -> None:
    """Posterior of every vertex' site, and the expected number of edges between every two sites."""
    n_sites = transition.shape[0]
    counts[:] = 0.0
    for i in range(len(order)):
        v = order[i]
        u = parents[v]
        total = 0.0
        if u < 0:
            for s in range(n_sites):
                at_vertex[v, s] = root_prior[s] * below[v, s]
                total += at_vertex[v, s]
            for s in range(n_sites):
                at_vertex[v, s] /= total
            continue
        for t in range(n_sites):
            at_vertex[v, t] = 0.0
        for s in range(n_sites):
            if at_vertex[u, s] > 0.0:
                for t in range(n_sites):
                    joint = at_vertex[u, s] * transition[s, t] * below[v, t] / edge[v, s]
                    at_vertex[v, t] += joint
                    counts[s, t] += joint


def label_sites(
    parents: IntArray,
    leaf_site: IntArray,
    *,
    primary: int,
    n_sites: int,
    transition: FloatArray | None = None,
    route_prior: FloatArray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SiteLabelling:
    """Sum over all labellings of a tree's vertices with sites.

    Parameters
    ----------
    parents : int64 array (n,)
        -1 at the root, which lies in the primary.
    leaf_site : int64 array (n,)
        Site of a vertex that is known; -1 if it is not.
    primary : int
    n_sites : int
    transition : float64 array (n_sites, n_sites), optional
        By default learnt by expectation-maximisation.
    route_prior : float64 array (n_sites, n_sites), optional
        Log prior of every route, by which the pseudo-counts of learnt transitions are multiplied.
    progress : callable (done, of), optional

    Returns
    -------
    SiteLabelling
        O(n n_sites^2) a round; the probabilities of at least one migration take one pass a pair of sites.

    Raises
    ------
    ValueError
        The leaves' sites have probability 0.
    """
    parents = np.asarray(parents, dtype=np.int64)
    leaf_site = np.asarray(leaf_site, dtype=np.int64)
    order, n = _parents_first(parents), len(parents)
    root_prior = np.zeros(n_sites)
    root_prior[primary] = 1.0
    learn = transition is None
    if transition is None:
        leaving = 0.1 / max(n_sites - 1, 1)
        transition = np.full((n_sites, n_sites), leaving)
        np.fill_diagonal(transition, 1.0 - leaving * (n_sites - 1))
    below, edge, at_vertex = (np.zeros((n, n_sites)) for _ in range(3))
    counts = np.zeros((n_sites, n_sites))
    pseudo_counts = np.full((n_sites, n_sites), LEAVING) * (1.0 if route_prior is None else np.exp(route_prior))
    pseudo_counts[np.diag_indices(n_sites)] = STAYING
    before, rounds = -np.inf, 0
    while True:
        rounds += 1
        value = _log_likelihood(order, parents, leaf_site, transition, primary, below, edge)
        if not np.isfinite(value):
            raise ValueError("leaf_site: impossible under these transitions")
        _expect(order, parents, transition, root_prior, below, edge, at_vertex, counts)
        if progress is not None:
            progress(rounds, MAX_ROUNDS)
        if not learn or rounds == MAX_ROUNDS or value - before < LEAST_GAIN * abs(value):
            break
        before = value
        more = counts + pseudo_counts
        transition = more / more.sum(axis=1, keepdims=True)
    any_migration = np.zeros((n_sites, n_sites))
    scratch = np.zeros((n, n_sites)), np.zeros((n, n_sites))
    for s in range(n_sites):
        for t in range(n_sites):
            if s != t and counts[s, t] > 0.0:
                without = transition.copy()
                without[s, t] = 0.0
                none = _log_likelihood(order, parents, leaf_site, without, primary, *scratch)
                any_migration[s, t] = -np.expm1(min(none - value, 0.0))
    migrations = counts.copy()
    np.fill_diagonal(migrations, 0.0)
    return SiteLabelling(transition, value, at_vertex, migrations, any_migration, rounds, below)


def _parents_first(parents: IntArray) -> IntArray:
    children: list[list[int]] = [[] for _ in parents]
    waiting: list[int] = []
    for v, u in enumerate(parents.tolist()):
        (children[u] if u >= 0 else waiting).append(v)
    order = []
    while waiting:
        v = waiting.pop()
        order.append(v)
        waiting += children[v]
    if len(order) != len(parents):
        raise ValueError("parents: not a tree")
    return np.array(order, dtype=np.int64)


def _log_likelihood(
    order: IntArray,
    parents: IntArray,
    leaf_site: IntArray,
    transition: FloatArray,
    primary: int,
    below: FloatArray,
    edge: FloatArray,
) -> float:
    log_scale = _prune(order, parents, leaf_site, transition, below, edge)
    at_root = below[order[0], primary]
    return float(log_scale + np.log(at_root)) if at_root > 0.0 else -np.inf


def log_likelihood(parents: IntArray, leaf_site: IntArray, transition: FloatArray, *, primary: int) -> float:
    """Compute the log probability of the leaves' sites, summed over all labellings of the other vertices."""
    parents = np.asarray(parents, dtype=np.int64)
    scratch = np.zeros((len(parents), len(transition))), np.zeros((len(parents), len(transition)))
    sites = np.asarray(leaf_site, dtype=np.int64)
    return _log_likelihood(_parents_first(parents), parents, sites, transition, primary, *scratch)


def draw_labelling(parents: IntArray, found: SiteLabelling, *, primary: int, rng: np.random.Generator) -> IntArray:
    """Draw the sites of all vertices (n,) from their posterior."""
    parents = np.asarray(parents, dtype=np.int64)
    sites = np.empty(len(parents), dtype=np.int64)
    uniform = rng.random(len(parents))
    for v in _parents_first(parents).tolist():
        if parents[v] < 0:
            sites[v] = primary
            continue
        weights = np.cumsum(found.transition[sites[parents[v]]] * found.below[v])
        sites[v] = np.searchsorted(weights, uniform[v] * weights[-1], side="right")
    return sites
