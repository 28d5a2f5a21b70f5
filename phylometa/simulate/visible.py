"""What a perfect observer of the samples would see of a simulated history: visible clones, their history, its labels.

No reads, however deep, show a clone that has no called mutation of its own, nor one that died out with a single line of
descendants. Labels inferred from the samples can only be right about the history on the clones that are left; that
history is the true one, its nodes renamed, so every migration that those clones made is kept.

Nor do reads show where a clone was born that was sampled only after it had left: whether its mutations arose in the
site it left or on arrival. Such a clone departs as its parent, as in every history that explains the samples without a
population more than needed; `unseen_births` keeps the population that was left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from phylometa.migration.comigration import Edge
from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory
from phylometa.simulate.patient import scored_history
from phylometa.simulate.truth import SimulatedPatient

__all__ = ["VisibleTruth", "visible_labels", "visible_truth"]


@dataclass(frozen=True, eq=False)
class VisibleTruth:
    """The truth on the clones that the samples can show.

    Parameters
    ----------
    tree : CloneTree
        K visible clones; its `n_mutations` counts called mutations.
    presence : bool array (K, n_sites)
        Clone sampled as its own population in the site.
    history : MigrationHistory
        The true history on the visible clones.
    clone_of : int64 array (number of true clones,)
        Visible clone that each true clone is part of.
    """

    tree: CloneTree
    presence: BoolArray
    history: MigrationHistory
    clone_of: IntArray


def visible_truth(simulated: SimulatedPatient, *, unseen_births: bool = False) -> VisibleTruth:
    """Find the visible clones and the true history on them.

    A clone without a called mutation is merged with its parent. A clone that is in no sample is dropped if it has no
    descendants, and is merged with its child if it has a single one (their mutations are everywhere equally
    prevalent). Populations of the history that are in no sample and have no sampled descendants are left out; nodes of
    the same visible clone in the same site are one, founded when the first of them was. If a clone was born in a
    site, was not sampled there and left descendants by one migration of its own alone, it is born on arrival.

    Parameters
    ----------
    simulated : SimulatedPatient
    unseen_births : bool
        Keep clones born where they were not sampled.

    Returns
    -------
    VisibleTruth
    """
    truth = simulated.truth
    order = truth.tree.preorder
    parents = truth.tree.parents.copy()
    stands_for = np.arange(len(parents))
    for v in order:
        if parents[v] >= 0 and truth.n_called[v] == 0:
            stands_for[v] = stands_for[parents[v]]
    presence = np.zeros_like(truth.presence)
    np.logical_or.at(presence, stands_for, truth.presence)
    parents = np.array([-1 if p < 0 else stands_for[p] for p in parents])
    alive = stands_for == np.arange(len(parents))
    for v in reversed(order):
        children = [int(c) for c in np.flatnonzero(parents == v) if alive[c]]
        if not alive[v] or presence[v].any() or len(children) > 1:
            continue
        alive[v] = False
        heir = children[0] if children else parents[v]
        stands_for[stands_for == v] = heir
        for child in children:
            parents[child] = parents[v]
    kept = np.flatnonzero(alive)
    index = np.full(len(parents), -1)
    index[kept] = np.arange(len(kept))
    clone_of = index[stands_for]
    counts = np.bincount(clone_of, weights=truth.n_called, minlength=len(kept)).astype(np.float64)
    names = tuple(truth.tree.names[v] for v in kept)
    tree = CloneTree(names, np.where(parents[kept] >= 0, index[parents[kept]], -1), counts)
    root, edges = _renamed(_sampled_part(truth.history, truth.presence), truth.history.root, clone_of)
    if not unseen_births:
        edges = _born_on_arrival(edges, presence[kept])
    history = replace(truth.history, root=root, edges=np.array(edges, dtype=np.int64).reshape(-1, 4))
    return VisibleTruth(tree, presence[kept], scored_history(history, presence[kept]), clone_of)


def _sampled_part(history: MigrationHistory, presence: BoolArray) -> list[Edge]:
    """Edges of a history that lead to a sampled population."""
    needed = {tuple(node) for node in np.argwhere(presence).tolist()}
    kept = []
    for u, s, v, t in reversed(history.edges.tolist()):
        if (v, t) in needed:
            needed.add((u, s))
            kept.append((u, s, v, t))
    return kept[::-1]


def _renamed(edges: list[Edge], root: tuple[int, int], clone_of: IntArray) -> tuple[tuple[int, int], list[Edge]]:
    """Root and edges on visible clones; a node that comes again is the one that was there."""
    new_root = (int(clone_of[root[0]]), root[1])
    seen, kept = {new_root}, []
    for u, s, v, t in edges:
        node = (int(clone_of[v]), t)
        if node not in seen:
            seen.add(node)
            kept.append((int(clone_of[u]), s, *node))
    return new_root, kept


def _born_on_arrival(edges: list[Edge], presence: BoolArray) -> list[Edge]:
    """(u, s) -> (v, s) -> (v, t) as (u, s) -> (v, t) if v was not sampled in s and left nothing else there."""
    source = {(v, t): (u, s) for u, s, v, t in edges}
    n_children: dict[tuple[int, int], int] = {}
    for node in source.values():
        n_children[node] = n_children.get(node, 0) + 1
    kept, dropped = [], set()
    for u, s, v, t in edges:
        node = (u, s)
        if u == v and node in source and source[node][1] == s and n_children[node] == 1 and not presence[node]:
            dropped.add(node)
            u = source[node][0]
        kept.append((u, s, v, t))
    return [edge for edge in kept if edge[2:] not in dropped]


def visible_labels(simulated: SimulatedPatient, *, unseen_births: bool = False) -> dict[str, Any]:
    """Give the labels of the true history on visible clones, as `phylometa.seeding.labels.label_history` does."""
    from phylometa.seeding.labels import label_history

    seen = visible_truth(simulated, unseen_births=unseen_births)
    return label_history(seen.tree, seen.history, simulated.patient.sites, primary=0, presence=seen.presence)
