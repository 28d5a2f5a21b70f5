"""A rooted tree of clones as a parent vector, -1 at the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.short_repr import short_repr

if TYPE_CHECKING:
    import networkx as nx
    from Bio.Phylo.BaseTree import Tree as PhyloTree


__all__ = ["CloneTree", "ancestor_matrix", "children_of", "preorder"]


def children_of(parents: NDArray[Any]) -> list[list[int]]:
    """List the children of every vertex of a parent vector, in index order."""
    children: list[list[int]] = [[] for _ in parents]
    for child, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(child)
    return children


def preorder(parents: NDArray[Any]) -> list[int]:
    """List a parent vector's vertices, every parent before its children; ValueError unless it is one rooted tree."""
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
    """Make ``B[u, v]`` True iff u is an ancestor of v or v itself (K, K); phi = B eta in the sum condition."""
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

    __repr__ = short_repr

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
        """Make a tree from (parent, child) pairs; `root` is needed only for a single clone. Vertices in preorder."""
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
        """List (parent, child) index pairs, in preorder."""
        for v in self.preorder:
            if self.parents[v] >= 0:
                yield int(self.parents[v]), v

    def path_from_root(self, clone: int) -> list[int]:
        """List the clones from the root to `clone`, both included."""
        path = [clone]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return path[::-1]

    def lowest_common_ancestor(self, clones: Sequence[int]) -> int:
        """Find the deepest clone that is an ancestor of (or equal to) all of `clones`."""
        common = self.is_ancestor[:, list(clones)].all(axis=1)
        depth = self.is_ancestor.sum(axis=0)
        return int(max(np.flatnonzero(common), key=lambda v: depth[v]))

    def to_networkx(self) -> nx.DiGraph:
        """Convert to a DiGraph parent -> child; node attributes ``n_mutations``; node names are clone names."""
        import networkx as nx

        graph = nx.DiGraph()
        for v in self.preorder:
            graph.add_node(self.names[v], n_mutations=float(self.n_mutations[v]))
        graph.add_edges_from((self.names[u], self.names[v]) for u, v in self.edges())
        return graph

    def to_phylo(self, support: Mapping[int, float] | None = None) -> PhyloTree:
        """Convert to a Bio.Phylo tree; branch length: edge's mutations, confidence: its `support`."""
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
