"""What is inferred about one patient: clone trees, migration histories, and the result that holds them all.

A clone tree is a parent vector (-1 at the root); a history is a rooted tree on (clone, site) nodes. networkx and
Bio.Phylo objects are handed out on demand.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phylometa.data import BoolArray, CcfTable, Clustering, FloatArray, IntArray, Patient, freeze_array

if TYPE_CHECKING:
    import networkx as nx
    from Bio.Phylo.BaseTree import Tree as PhyloTree

    from phylometa.joint_posterior import JointPosterior

__all__ = [
    "CloneTree",
    "HistoryEnsemble",
    "MigrationHistory",
    "PatientResult",
    "PresenceScenario",
    "TreeEnsemble",
    "TreeHistories",
    "ancestor_matrix",
    "children_of",
    "preorder",
]


def children_of(parents: NDArray[Any]) -> list[list[int]]:
    """Children of every vertex of a parent vector, in index order."""
    children: list[list[int]] = [[] for _ in parents]
    for child, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(child)
    return children


def preorder(parents: NDArray[Any]) -> list[int]:
    """Vertices of a parent vector, every parent before its children; ValueError unless it is one rooted tree."""
    children = children_of(parents)
    roots = [v for v, parent in enumerate(parents) if parent < 0]
    if len(roots) != 1:
        raise ValueError(f"parents: {len(roots)} roots, expected 1")
    order, stack = [], [roots[0]]
    while stack:
        v = stack.pop()
        order.append(v)
        stack.extend(reversed(children[v]))
    if len(order) != len(parents):
        raise ValueError("parents: not a tree (a cycle)")
    return order


def ancestor_matrix(parents: NDArray[Any]) -> BoolArray:
    """``B[u, v]`` True iff u is an ancestor of v or v itself (K, K); phi = B eta in the sum condition."""
    n = len(parents)
    matrix = np.eye(n, dtype=bool)
    for v in preorder(parents):
        if parents[v] >= 0:
            matrix[:, v] |= matrix[:, parents[v]]
    return matrix


@dataclass(frozen=True, eq=False)
class CloneTree:
    """A rooted tree of clones.

    Parameters
    ----------
    names : sequence of str, length K
    parents : int64 array (K,)
        Index of each clone's parent; -1 at the root.
    n_mutations : float64 array (K,), optional
        Mutations on the edge into the clone (the root's: the trunk). Default 1; 0 at an artificial germline root.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    >>> tree.names, tree.parents.tolist()
    (('R', 'A', 'B'), [-1, 0, 0])
    """

    names: tuple[str, ...]
    parents: IntArray
    n_mutations: FloatArray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) != len(self.names):
            raise ValueError("CloneTree.names: not unique")
        freeze_array(self, "parents", np.int64, (len(self.names),))
        if self.n_mutations is None:
            object.__setattr__(self, "n_mutations", np.ones(len(self.names)))
        freeze_array(self, "n_mutations", np.float64, (len(self.names),))
        preorder(self.parents)

    @classmethod
    def from_edges(
        cls,
        edges: Sequence[tuple[str, str]],
        *,
        root: str | None = None,
        n_mutations: Mapping[str, float] | None = None,
    ) -> CloneTree:
        """A tree from (parent, child) pairs; `root` is needed only for a single clone. Vertices in preorder."""
        parent_of: dict[str, str] = {}
        vertices: dict[str, None] = {root: None} if root is not None else {}
        for parent, child in edges:
            if child in parent_of:
                raise ValueError(f"clone {child!r} has two parents, {parent_of[child]!r} and {parent!r}")
            parent_of[child] = parent
            vertices.update({parent: None, child: None})
        raw = list(vertices)
        index = {name: i for i, name in enumerate(raw)}
        parents = np.array([index[parent_of[v]] if v in parent_of else -1 for v in raw], dtype=np.int64)
        order = preorder(parents)
        rank = {old: new for new, old in enumerate(order)}
        names = tuple(raw[i] for i in order)
        sorted_parents = np.array([rank[parents[i]] if parents[i] >= 0 else -1 for i in order], dtype=np.int64)
        counts: Any = None if n_mutations is None else np.array([float(n_mutations.get(name, 0)) for name in names])
        return cls(names, sorted_parents, counts)

    @property
    def n_clones(self) -> int:
        return len(self.names)

    @property
    def root(self) -> int:
        return int(np.flatnonzero(self.parents < 0)[0])

    @cached_property
    def children(self) -> list[list[int]]:
        return children_of(self.parents)

    @cached_property
    def preorder(self) -> list[int]:
        return preorder(self.parents)

    @cached_property
    def is_ancestor(self) -> BoolArray:
        """``[u, v]`` True iff u is an ancestor of v or v itself (K, K)."""
        return ancestor_matrix(self.parents)

    @cached_property
    def depth_in_mutations(self) -> FloatArray:
        """Mutations from the germline to each clone (K,): molecular time."""
        return self.is_ancestor.T.astype(float) @ self.n_mutations

    def edges(self) -> Iterator[tuple[int, int]]:
        """(parent, child) index pairs, in preorder."""
        for v in self.preorder:
            if self.parents[v] >= 0:
                yield int(self.parents[v]), v

    def path_from_root(self, clone: int) -> list[int]:
        """Clones from the root to `clone`, both included."""
        path = [clone]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return path[::-1]

    def lowest_common_ancestor(self, clones: Sequence[int]) -> int:
        """The deepest clone that is an ancestor of (or equal to) all of `clones`."""
        common = self.is_ancestor[:, list(clones)].all(axis=1)
        depth = self.is_ancestor.sum(axis=0)
        return int(max(np.flatnonzero(common), key=lambda v: depth[v]))

    def to_networkx(self) -> nx.DiGraph:
        """DiGraph parent -> child; node attributes ``n_mutations``; node names are clone names."""
        import networkx as nx

        graph = nx.DiGraph()
        for v in self.preorder:
            graph.add_node(self.names[v], n_mutations=float(self.n_mutations[v]))
        graph.add_edges_from((self.names[u], self.names[v]) for u, v in self.edges())
        return graph

    def to_phylo(self, support: Mapping[int, float] | None = None) -> PhyloTree:
        """Bio.Phylo tree; branch length = mutations on the edge, confidence = `support` of the clone's edge."""
        from Bio.Phylo.BaseTree import Clade, Tree

        clades = [
            Clade(
                branch_length=float(self.n_mutations[v]),
                name=self.names[v],
                confidence=None if support is None else support.get(v),
            )
            for v in range(self.n_clones)
        ]
        for u, v in self.edges():
            clades[u].clades.append(clades[v])
        return Tree(root=clades[self.root], rooted=True)


@dataclass(frozen=True, eq=False)
class PresenceScenario:
    """One tree with one presence of its clones in the sites, and the posterior probability of the pair.

    Parameters
    ----------
    tree : int
        Index into the `TreeEnsemble`.
    weight : float
        Posterior probability; over the scenarios of an ensemble they add up to 1.
    presence : bool array (K, n_sites)
        obs(v): sites where clone v exists as its own population.
    """

    tree: int
    weight: float
    presence: BoolArray

    def __post_init__(self) -> None:
        freeze_array(self, "presence", np.bool_, (None, None))


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """The posterior over clone trees: all trees that matter, with their weights.

    Parameters
    ----------
    names : sequence of str, length K
        Clones; the index is the cluster's index in the `Clustering` (an artificial germline root comes last).
    n_mutations : float64 array (K,)
    parents : int64 array (T, K)
        One parent vector a tree, by falling weight.
    weights : float64 array (T,)
        Posterior probabilities relative to the listed trees; sum 1.
    log_likelihood : float64 array (T,)
        Natural log.
    proportions : float64 array (T, K, S)
        Share of each clone among the tumour cells of each sample, eta, under each tree.
    presence : float64 array (T, K, n_sites)
        P(the clone exists as its own population in the site | tree, reads).
    site_names : sequence of str
    complete : bool
        True iff every tree with weight above the stated bound is listed.
    n_trees : int
        Trees compatible with the data that were counted (may exceed the T that are listed).
    method : str
        ``enumeration`` or ``search``.
    diagnostics : mapping
        Sampler diagnostics and violations of the sum condition (JSON-ready).
    scenarios : tuple of PresenceScenario
        Joint draws of tree and presence, merged; migration histories are inferred on these.
    joint : JointPosterior or None
        Draws of clusters and tree together, over which migration graphs and labels are summed; their clones are not
        those of `names`. None where the clusters are taken as certain.
    """

    names: tuple[str, ...]
    n_mutations: FloatArray
    parents: IntArray
    weights: FloatArray
    log_likelihood: FloatArray
    proportions: FloatArray
    presence: FloatArray
    site_names: tuple[str, ...]
    complete: bool
    n_trees: int
    method: str = "enumeration"
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    scenarios: tuple[PresenceScenario, ...] = ()
    joint: JointPosterior | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "site_names", tuple(self.site_names))
        n_trees, n_clones = len(self.weights), len(self.names)
        freeze_array(self, "n_mutations", np.float64, (n_clones,))
        freeze_array(self, "parents", np.int64, (n_trees, n_clones))
        freeze_array(self, "weights", np.float64, (n_trees,))
        freeze_array(self, "log_likelihood", np.float64, (n_trees,))
        freeze_array(self, "proportions", np.float64, (n_trees, n_clones, None))
        freeze_array(self, "presence", np.float64, (n_trees, n_clones, len(self.site_names)))

    def __len__(self) -> int:
        return len(self.weights)

    def tree(self, index: int = 0) -> CloneTree:
        """One tree; 0 is the most probable."""
        return CloneTree(self.names, self.parents[index], self.n_mutations)

    @property
    def best(self) -> CloneTree:
        """The most probable tree."""
        return self.tree(0)

    @cached_property
    def edge_support(self) -> FloatArray:
        """``[u, v]`` posterior probability that u is the parent of v (K, K).

        Over all trees that were counted, where the inference says so (`diagnostics`), else over those listed.
        """
        if "edge_support" in self.diagnostics:
            return np.array(self.diagnostics["edge_support"], dtype=np.float64)
        support = np.zeros((len(self.names), len(self.names)))
        for parents, weight in zip(self.parents, self.weights):
            children = np.flatnonzero(parents >= 0)
            support[parents[children], children] += weight
        return support

    @cached_property
    def ancestor_probability(self) -> FloatArray:
        """``[u, v]`` probability that u is a proper ancestor of v (K, K), over the trees of `edge_support`."""
        if "ancestor_probability" in self.diagnostics:
            return np.array(self.diagnostics["ancestor_probability"], dtype=np.float64)
        total = np.zeros((len(self.names), len(self.names)))
        for parents, weight in zip(self.parents, self.weights):
            total += weight * ancestor_matrix(parents)
        np.fill_diagonal(total, 0.0)
        return total

    @property
    def listed_share(self) -> float:
        """Share of the posterior that the list stands for, to which `weights` are relative; 1 after a search."""
        return float(self.diagnostics.get("listed_share", 1.0))

    def consensus(self) -> tuple[CloneTree, dict[int, float]]:
        """The tree with the greatest total edge support, and the support of the edge into each clone.

        It minimises the expected parent-child distance to the posterior: a maximum-weight arborescence of
        `edge_support` (Govek, Sikes & Oesper 2018, doi:10.1145/3233547.3233584). Ties go to the more probable tree.
        """
        import networkx as nx

        root = int(np.flatnonzero(self.parents[0] < 0)[0])
        # a hair of weight for edges of the most probable tree makes ties deterministic
        weight = self.edge_support.copy()
        children = np.flatnonzero(self.parents[0] >= 0)
        weight[self.parents[0, children], children] += 1e-9
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(self.names)))
        graph.add_weighted_edges_from(
            (int(u), int(v), float(weight[u, v])) for u, v in zip(*np.nonzero(weight)) if v != root
        )
        parents = np.full(len(self.names), -1, dtype=np.int64)
        for u, v in nx.maximum_spanning_arborescence(graph).edges:
            parents[v] = u
        tree = CloneTree(self.names, parents, self.n_mutations)
        return tree, {v: float(self.edge_support[u, v]) for u, v in tree.edges()}


@dataclass(frozen=True, eq=False)
class MigrationHistory:
    """One migration history: a rooted tree on (clone, site) nodes.

    Parameters
    ----------
    root : (int, int)
        (clone, site) of the root.
    edges : int64 array (E, 4)
        Departing clone, its site, arriving clone, its site; indices into the tree's clones and the patient's sites.
        Parent nodes come before their children. An edge with two different sites is a migration; the arriving clone
        is the founding clone.
    weight : float
        Probability over all trees and histories of the ensemble.
    unobserved : int
        U: nodes whose clone was not observed in their site.
    comigrations : int
        gamma, MACHINA's path maximum.
    consistent_comigrations : int or None
        The least number of comigration events with a consistent temporal order (never below `comigrations`); None
        where it was not computed (one of very many histories).
    seeding_sites : int
        sigma.
    pattern : str
        ``none PS S M R``; with m or p before it where MACHINA's clonality is meant.
    log_prior : float
        Logarithm of what an optional prior multiplied `weight` by, 0 without one (`migration.genetic_distance`).
    """

    root: tuple[int, int]
    edges: IntArray
    weight: float = 1.0
    unobserved: int = 0
    comigrations: int = 0
    consistent_comigrations: int | None = 0
    seeding_sites: int = 0
    pattern: str = "none"
    log_prior: float = 0.0

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=np.int64).reshape(-1, 4)
        object.__setattr__(self, "edges", edges)
        freeze_array(self, "edges", np.int64, (None, 4))

    @property
    def migrations(self) -> IntArray:
        """The edges that change the site (mu, 4)."""
        return self.edges[self.edges[:, 1] != self.edges[:, 3]]

    @property
    def n_migrations(self) -> int:
        """mu."""
        return int((self.edges[:, 1] != self.edges[:, 3]).sum())

    @cached_property
    def nodes(self) -> tuple[tuple[int, int], ...]:
        """All (clone, site) nodes, the root first."""
        return (self.root, *((int(v), int(t)) for _, _, v, t in self.edges))

    @cached_property
    def migration_counts(self) -> dict[tuple[int, int], int]:
        """(source site, target site) -> number of migrations."""
        return dict(sorted(Counter((int(s), int(t)) for _, s, _, t in self.migrations).items()))

    def migration_graph(self, site_names: Sequence[str]) -> nx.MultiDiGraph:
        """MultiDiGraph on sites, one edge a migration with attributes ``departing_clone`` and ``founding_clone``."""
        import networkx as nx

        graph = nx.MultiDiGraph()
        graph.add_nodes_from(site_names)
        for u, s, v, t in self.migrations:
            graph.add_edge(site_names[s], site_names[t], departing_clone=int(u), founding_clone=int(v))
        return graph


@dataclass(frozen=True, eq=False)
class TreeHistories:
    """The histories of one tree with one presence of its clones in the sites.

    Parameters
    ----------
    tree : int
        Index into the `TreeEnsemble`.
    weight : float
        Share of this tree (and presence) over the ensemble; equals the sum of its histories' weights.
    presence : bool array (K, n_sites)
        Clones taken as observed in sites: obs(v).
    criteria : mapping
        ``unobserved migrations comigrations seeding_sites``: the optimum; comigrations and seeding_sites are the least
        over the listed histories.
    n_histories : int
        Exact number of histories that reach the optimum (a lower bound where not `complete`).
    complete : bool
        True iff every optimal history is listed.
    histories : tuple of MigrationHistory
        By falling weight.
    alternatives : tuple of MigrationHistory
        Near-optimal histories (U + 1 and mu + 1) that are not weighed, weight 0.
    excess : (int, int)
        Unobserved nodes and migrations of these histories beyond the least of this tree and presence: (0, 0) where
        they are the optimal ones, else they are near-optimal ones that are weighed (their optimum is `criteria`).
    """

    tree: int
    weight: float
    presence: BoolArray
    criteria: Mapping[str, int]
    n_histories: int
    complete: bool
    histories: tuple[MigrationHistory, ...]
    alternatives: tuple[MigrationHistory, ...] = ()
    excess: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        freeze_array(self, "presence", np.bool_, (None, None))

    @property
    def is_optimal(self) -> bool:
        """Whether these histories are the optimal ones."""
        return self.excess == (0, 0)


@dataclass(frozen=True, eq=False)
class HistoryEnsemble:
    """Migration histories over the tree posterior; the weights of all histories add up to 1.

    Parameters
    ----------
    trees : tuple of TreeHistories
        First the optimal histories of every tree and presence, then near-optimal ones where these are weighed.
    site_names : sequence of str
    criteria_order : str
        E.g. ``"UM"``.
    weighting : str
        ``exponential`` or ``uniform``.
    model : str
        ``refined`` or ``machina``.
    graphs_covered : float or None
        Where migration graphs have their probabilities over all clusterings (`migration.over_clusterings`): which part
        of it lies in graphs that these histories have.
    """

    trees: tuple[TreeHistories, ...]
    site_names: tuple[str, ...]
    criteria_order: str = "UM"
    weighting: str = "exponential"
    model: str = "refined"
    graphs_covered: float | None = None

    def __iter__(self) -> Iterator[tuple[TreeHistories, MigrationHistory]]:
        """All (tree, history) pairs."""
        for tree in self.trees:
            for history in tree.histories:
                yield tree, history

    @property
    def best(self) -> tuple[TreeHistories, MigrationHistory]:
        """The most probable history and its tree (ties: the first listed)."""
        return max(self, key=lambda pair: pair[1].weight)

    @cached_property
    def migration_probability(self) -> FloatArray:
        """``[s, t]`` probability that at least one clone migrated from s to t (n_sites, n_sites)."""
        total = np.zeros((len(self.site_names), len(self.site_names)))
        for _, history in self:
            for s, t in history.migration_counts:
                total[s, t] += history.weight
        return total

    @property
    def complete(self) -> bool:
        """Whether every optimal history is listed."""
        return all(tree.complete for tree in self.trees if tree.is_optimal)

    def with_log_priors(self, log_priors: Sequence[float]) -> HistoryEnsemble:
        """Weights multiplied by an optional prior, in place of the one they have; they add up to 1 again.

        Parameters
        ----------
        log_priors : sequence of float
            One a history, in the order of iteration.
        """
        at_most = max(log_priors)
        raw = [
            history.weight * math.exp(new - history.log_prior - at_most)
            for (_, history), new in zip(self, log_priors, strict=True)
        ]
        total, values = sum(raw), iter(zip(raw, log_priors))
        trees = []
        for tree in self.trees:
            new_values = list(itertools.islice(values, len(tree.histories)))
            histories = [
                replace(history, weight=weight / total, log_prior=prior)
                for history, (weight, prior) in zip(tree.histories, new_values)
            ]
            histories.sort(key=lambda history: -history.weight)  # stable
            weight = sum(history.weight for history in histories)
            trees.append(replace(tree, weight=weight, histories=tuple(histories)))
        return replace(self, trees=tuple(trees))

    @property
    def without_prior(self) -> HistoryEnsemble | None:
        """The same histories without the optional prior; None where there is none."""
        if not any(history.log_prior for _, history in self):
            return None
        return self.with_log_priors([0.0 for _ in self])


@dataclass(frozen=True, eq=False)
class PatientResult:
    """Everything inferred about one patient; a later stage's field is None until it has run.

    Parameters
    ----------
    patient : Patient
        With estimated purities filled in.
    ccf : CcfTable
    clusters : Clustering
    trees : TreeEnsemble
    histories : HistoryEnsemble
    labels : phylometa.seeding.SeedingLabels
    timing : phylometa.timing.TimingResult
    copy_number : phylometa.copy_number.CopyNumberResult or None
    settings : phylometa.config.Settings
    warnings : tuple of str
    """

    patient: Patient
    ccf: CcfTable | None = None
    clusters: Clustering | None = None
    trees: TreeEnsemble | None = None
    histories: HistoryEnsemble | None = None
    labels: Any = None
    timing: Any = None
    copy_number: Any = None
    settings: Any = None
    warnings: tuple[str, ...] = ()
