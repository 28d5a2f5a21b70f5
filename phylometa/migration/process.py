r"""The process model: who seeded whom as a generative model of routes, migrations and local extinction.

A latent graph G says which site sends clones to which. It has the prior

.. math:: P(G) \propto \prod_{(s, t) \in G} \rho_{st} \prod_{s \text{ sends}} \kappa_s

with a rate for each kind of route (out of the primary, between metastases, back into the primary) and a factor for
every further source. Given G each clone enters at one site and spreads within its set of sites A, which holds the sites
where it is seen and possibly copies that were swept away before sampling (delta each). It takes an active route with
weight m and leaves one unused with weight q; the ways to reach all of A sum to the number of spanning trees within G[A]
(matrix-tree theorem). Each child arises in one of the sites of its parent, with the same probability, and stays or
takes an active route. So a clone's weight is

.. math::
    W_v(e) = \sum_{A \ni e} \delta^{|A \setminus obs(v)|} m^{|A| - 1} q^{|G(A)|} \tau_{G[A]}(e)
             \prod_c \frac{1}{|A|} \sum_{s \in A} \Big( W_c(s) + m \sum_{t: s \to t} W_c(t) \Big)

and the weight of a tree with its presence is the sum of P(G) W_root(primary) over graphs. Small rates give parsimony.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from phylometa.config import ProcessSettings
from phylometa.migration.comigration import Edge
from phylometa.migration.process_kernels import draw_history, graph_log_weight, graph_log_weights
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree

__all__ = ["GraphPosterior", "ProcessState", "drop_idle_copies", "log_prior_of_graphs", "weigh_graphs"]

Graph = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ProcessState:
    """A clone tree with presence, laid out for the kernels; sites without a clone are left out.

    Parameters
    ----------
    clones : int64 array (K,)
        Clones of the tree, parents first.
    youngest, elder : int64 arrays (K,)
        Positions of each clone's last child and of its elder sibling, -1 if there is none.
    sites : tuple of int
        The sites that hold a clone, and the primary first.
    observed : int64 array (K,)
        Where each clone is seen, as bitmasks of positions in `sites`.
    first, sets, log_hidden : arrays
        Site sets of every clone (`process_kernels`).
    """

    clones: IntArray
    youngest: IntArray
    elder: IntArray
    sites: tuple[int, ...]
    observed: IntArray
    first: IntArray
    sets: IntArray
    log_hidden: FloatArray

    @classmethod
    def from_tree(cls, tree: CloneTree, presence: BoolArray, primary: int, settings: ProcessSettings) -> ProcessState:
        """Lay out a tree (K clones) with its presence (K, n_sites) and the index of the primary."""
        presence = np.asarray(presence, dtype=bool)
        held = [t for t in np.flatnonzero(presence.any(axis=0)).tolist() if t != primary]
        sites = (primary, *held)
        order = np.array(tree.preorder, dtype=np.int64)
        position = np.empty(len(order), dtype=np.int64)
        position[order] = np.arange(len(order))
        above = np.asarray(tree.parents)[order]
        youngest, elder = np.full(len(order), -1), np.full(len(order), -1)
        for v, u in enumerate(position[above].tolist()):
            if v:
                elder[v], youngest[u] = youngest[u], v
        observed = presence[np.ix_(order, sites)].astype(np.int64) @ (1 << np.arange(len(sites)))
        first, sets, hidden = [0], [], []
        most = len(sites) if len(sites) <= settings.exact_sites else settings.hidden_copies
        for v, seen in enumerate(observed.tolist()):
            needed = seen | (v == 0)  # the root is in the primary, seen there or not
            free = [s for s in range(len(sites)) if not needed >> s & 1]
            for size in range(0 if needed else 1, min(len(free), most + (not needed)) + 1):
                for extra in combinations(free, size):
                    chosen = needed | sum(1 << s for s in extra)
                    sets.append(chosen)
                    hidden.append((chosen & ~seen).bit_count() * math.log(settings.hidden))
            first.append(len(sets))
        return cls(
            order, youngest, elder, sites, observed, np.array(first), np.array(sets, dtype=np.int64), np.array(hidden)
        )  # fmt: skip


def log_prior_of_graphs(graphs: IntArray, settings: ProcessSettings) -> FloatArray:
    """Compute the log prior weight of graphs (G, n_sites) whose site 0 is the primary, not normalised."""
    n_routes = np.bitwise_count(graphs) if hasattr(np, "bitwise_count") else _count_bits(graphs)
    back = graphs[:, 1:] & 1
    total = math.log(settings.route) * n_routes[:, 0]
    total = total + math.log(settings.route_between) * (n_routes[:, 1:] - back).sum(axis=1)
    total = total + math.log(settings.route_back) * back.sum(axis=1)
    return np.asarray(total + math.log(settings.further_source) * (graphs[:, 1:] > 0).sum(axis=1), dtype=np.float64)


def _count_bits(numbers: IntArray) -> IntArray:
    """Set bits of non-negative integers (NumPy before 2.0 has no function for it)."""
    counts = np.zeros_like(numbers)
    left = numbers.copy()
    while left.any():
        counts += left & 1
        left >>= 1
    return counts


@dataclass(frozen=True, eq=False)
class GraphPosterior:
    """Graphs of routes of one tree and presence.

    Parameters
    ----------
    graphs : tuple of tuple of int
        By falling weight, up to those that matter; targets of every site of the state, as bitmasks.
    log_weights : float64 array
        Log P(G) W(G).
    log_total : float
        Logarithm of the sum over all graphs that were looked at: the unnormalised log marginal weight of the state.
    complete : bool
        Whether all graphs were looked at. If not, those with a neighbour of weight were.
    n_graphs : int
        Graphs looked at.
    """

    graphs: tuple[Graph, ...]
    log_weights: FloatArray
    log_total: float
    complete: bool
    n_graphs: int


class _Weigher:
    """Weights of graphs, and histories given one."""

    def __init__(self, state: ProcessState, settings: ProcessSettings) -> None:
        self.state, self.settings = state, settings
        shape = (len(state.elder), len(state.sites))
        self.entering, self.leaving = np.zeros(shape), np.zeros(shape)
        self.arguments = (
            state.youngest, state.elder, state.first, state.sets, state.log_hidden, 0,
            settings.moving, settings.staying, self.entering, self.leaving,
        )  # fmt: skip

    def __call__(self, graphs: Sequence[Graph] | IntArray) -> FloatArray:
        """Log P(G) W(G) of each graph."""
        table = np.array(graphs, dtype=np.int64)
        return log_prior_of_graphs(table, self.settings) + graph_log_weights(table, *self.arguments)

    def draw(self, graph: Graph, n_draws: int, rng: np.random.Generator) -> list[tuple[Edge, ...]]:
        """Histories given the graph, as edges of the tree's clones and the patient's sites, hidden copies and all."""
        reach = np.array(graph)
        graph_log_weight(reach, *self.arguments)
        clones, sites = self.state.clones.tolist(), self.state.sites
        edges = np.empty((len(clones) * len(sites) + 1, 4), dtype=np.int64)
        drawn = []
        for _ in range(n_draws):
            n_edges = draw_history(reach, *self.arguments, edges, rng)
            drawn.append(tuple((clones[u], sites[s], clones[v], sites[t]) for u, s, v, t in edges[:n_edges].tolist()))
        return drawn


@lru_cache(maxsize=8)
def _all_graphs(n_sites: int) -> tuple[Graph, ...]:
    """Graphs in which every site but the first can be reached by a route."""
    pairs = [(s, t) for s in range(n_sites) for t in range(n_sites) if s != t]
    graphs = []
    for chosen in range(1 << len(pairs)):
        reach, entered = [0] * n_sites, 1
        for i, (s, t) in enumerate(pairs):
            if chosen >> i & 1:
                reach[s] |= 1 << t
                entered |= 1 << t
        if entered == (1 << n_sites) - 1:
            graphs.append(tuple(reach))
    return tuple(graphs)


def weigh_graphs(
    state: ProcessState, settings: ProcessSettings, *, starts: Sequence[Graph] = ()
) -> tuple[GraphPosterior, _Weigher]:
    """Weigh the graphs of routes of a state: all of them for few sites, else from the heaviest to their neighbours.

    Parameters
    ----------
    state : ProcessState
    settings : ProcessSettings
        All graphs for up to `exact_sites` sites; beyond, at most `max_graphs`, by best-first search: the heaviest graph
        whose neighbours (one route more or less, or from another source) were not weighed is next, until it has less
        than 1e-4 of the sum.
    starts : sequence of graphs
        Where the search also starts.

    Returns
    -------
    GraphPosterior, and what draws histories.
    """
    weigher = _Weigher(state, settings)
    n_sites = len(state.sites)
    complete = n_sites <= settings.exact_sites
    weights: dict[Graph, float] = {}
    if complete:
        every = _all_graphs(n_sites)
        weights = dict(zip(every, weigher(every).tolist()))
    else:
        star = ((1 << n_sites) - 2, *[0] * (n_sites - 1))
        _search(weigher, weights, [star, *starts], n_sites, settings.max_graphs)
    ranked = sorted(weights, key=lambda graph: (-weights[graph], graph))
    values = np.array([weights[graph] for graph in ranked])
    top = values[0]
    log_total = float(top + math.log(np.exp(values - top).sum()))
    kept = int((values > log_total - settings.least_log_share).sum())
    found = GraphPosterior(tuple(ranked[:kept]), values[:kept], log_total, complete, len(ranked))
    return found, weigher


def _search(weigher: _Weigher, weights: dict[Graph, float], starts: Sequence[Graph], n_sites: int, limit: int) -> None:
    queue: list[tuple[float, Graph]] = []
    new = list(dict.fromkeys(starts))
    while new:
        for graph, value in zip(new, weigher(new).tolist()):
            weights[graph] = value
            if value > -math.inf:
                heapq.heappush(queue, (-value, graph))
        values = np.array(list(weights.values()))
        top = values.max()
        least = top + math.log(1e-4 * np.exp(values - top).sum())
        new = []
        while queue and not new and len(weights) < limit and -queue[0][0] >= least:
            new = [graph for graph in _neighbours(heapq.heappop(queue)[1], n_sites) if graph not in weights]


def _neighbours(graph: Graph, n_sites: int) -> list[Graph]:
    """Graphs with one route more, one less, or one from another source."""
    found = []
    for s in range(n_sites):
        for t in range(n_sites):
            if s == t:
                continue
            changed = list(graph)
            changed[s] ^= 1 << t
            found.append(tuple(changed))
            if graph[s] >> t & 1:
                for p in range(n_sites):
                    if p not in (s, t) and not graph[p] >> t & 1:
                        moved = list(changed)
                        moved[p] |= 1 << t
                        found.append(tuple(moved))
    return found


def drop_idle_copies(edges: Sequence[Edge], root: tuple[int, int], presence: BoolArray) -> tuple[Edge, ...]:
    """Return a history without hidden copies that change nothing: those of a clone with others, at most one way on.

    Parameters
    ----------
    edges : sequence of (departing clone, source, founding clone, target)
        Parent first.
    root : (clone, site)
    presence : bool array (K, n_sites)

    Returns
    -------
    tuple of edges
        Parent first; the way into a copy and the way on become one edge.
    """
    above = {(v, t): (u, s) for u, s, v, t in edges}
    below: dict[tuple[int, int], list[tuple[int, int]]] = {root: []}
    for u, s, v, t in edges:
        below.setdefault((u, s), []).append((v, t))
        below.setdefault((v, t), [])
    held: dict[int, int] = {}
    for v, _ in below:
        held[v] = held.get(v, 0) + 1
    waiting = [node for node in below if node != root and not presence[node]]
    while waiting:
        node = waiting.pop()
        if node not in above or held[node[0]] < 2 or len(below[node]) > 1:
            continue
        parent = above.pop(node)
        below[parent].remove(node)
        for child in below.pop(node):
            above[child] = parent
            below[parent].append(child)
        held[node[0]] -= 1
        if parent != root and not presence[parent]:
            waiting.append(parent)
        waiting += [other for other in below if other[0] == node[0] and other != root and not presence[other]]
    kept: list[Edge] = []
    ready = [root]
    while ready:
        u, s = ready.pop()
        for v, t in sorted(below[u, s], reverse=True):
            kept.append((u, s, v, t))
            ready.append((v, t))
    return tuple(kept)
