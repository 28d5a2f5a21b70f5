"""The posterior over clone trees: trees, weights, clone proportions, presence in sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.frames import frame_of_rows

if TYPE_CHECKING:
    from phylometa.model.joint_posterior import JointPosterior

from phylometa.model.clone_tree import CloneTree, ancestor_matrix
from phylometa.model.short_repr import short_repr

__all__ = ["PresenceScenario", "TreeEnsemble"]


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

    __repr__ = short_repr

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
        those of `names`. None if the clusters are taken as certain.
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

    __repr__ = short_repr

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

    def take_samples(self, columns: IntArray) -> TreeEnsemble:
        """Return the trees with the proportions of some samples (indices)."""
        diagnostics = dict(self.diagnostics)
        if "proportion_intervals" in diagnostics:
            bounds = diagnostics["proportion_intervals"]
            diagnostics["proportion_intervals"] = {
                name: np.asarray(values, dtype=np.float64)[:, columns].tolist() for name, values in bounds.items()
            }
        joint = None if self.joint is None else self.joint.take_samples(columns)
        return replace(self, proportions=self.proportions[:, :, columns], diagnostics=diagnostics, joint=joint)

    def tree(self, index: int = 0) -> CloneTree:
        """Return one tree; 0 is the most probable."""
        return CloneTree(self.names, self.parents[index], self.n_mutations)

    @property
    def best(self) -> CloneTree:
        """The most probable tree."""
        return self.tree(0)

    @cached_property
    def mean_prevalence(self) -> FloatArray:
        """Prevalence of every clone's mutations in every sample (K, S): posterior mean of the sum over its subtree."""
        found = np.zeros(self.proportions.shape[1:])
        for parents, weight, proportions in zip(self.parents, self.weights, self.proportions):
            found += weight * (ancestor_matrix(parents).astype(np.float64) @ proportions)
        mean: FloatArray = found / max(float(self.weights.sum()), 1e-300)
        return mean

    @cached_property
    def edge_support(self) -> FloatArray:
        """``[u, v]`` posterior probability that u is the parent of v (K, K).

        Over all trees that were counted, if the inference says so (`diagnostics`), else over those listed.
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
        """Find the tree with the greatest total edge support, and the support of the edge into each clone.

        It minimises the expected parent-child distance to the posterior: a maximum-weight arborescence of
        `edge_support` (Govek, Sikes & Oesper 2018, doi:10.1145/3233547.3233584). Ties go to the more probable tree.
        """
        import networkx as nx

        root = int(np.flatnonzero(self.parents[0] < 0)[0])
        # a little more weight for the edges of the most probable tree breaks ties the same way every time
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

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate pairs of clones with the probability that the one is the other's parent, or an ancestor of it.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        parent, ancestor = np.minimum(self.edge_support, 1.0), np.minimum(self.ancestor_probability, 1.0)
        rows = (
            (self.names[u], self.names[v], float(parent[u, v]), float(ancestor[u, v]))
            for u, v in np.argwhere((parent > 0) | (ancestor > 0))
        )
        return frame_of_rows(["parent", "child", "probability", "ancestor_probability"], rows, library)
