"""The copy-number tree: neighbour joining, then rearrangements that lower the number of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.copy_number.distance import MAX_DOUBLINGS
from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.data import FloatArray, IntArray
from phylometa.trees import preorder

__all__ = ["ParsimonyTree", "score_topology", "search_tree", "start_topology"]

# Trees with up to so many samples are searched by subtree pruning and regrafting, larger ones by interchanges.
SPR_SAMPLES = 12
# Local moves on a sequence go on for so many rounds at most, and start again from so many disturbed states.
ROUNDS = 20
KICKS = 20
# Topologies this much longer than the shortest, and no more than so many, are polished from disturbed states.
POLISH_MARGIN = 0.02
POLISHED = 6


@dataclass(frozen=True, eq=False)
class ParsimonyTree:
    """A rooted tree with ancestral profiles.

    Parameters
    ----------
    parents : int64 array (n_nodes,)
        Leaves (the rows of the sequences, the diploid among them) first; the diploid is the root.
    profiles : int64 array (n_nodes, M)
    doublings : int64 array (n_nodes,)
        Genome doublings on the branch into each node.
    length : int
        Sum of T over the branches.
    """

    parents: IntArray
    profiles: IntArray
    doublings: IntArray
    length: int


def start_topology(distance: FloatArray, root: int) -> IntArray:
    """Neighbour joining on the distances, rooted at row `root`; parents (n_nodes,)."""
    from phylometa.copy_number._tree_kernels import neighbour_joining

    return np.asarray(neighbour_joining(np.asarray(distance, dtype=np.float64), root))


def score_topology(sequences: AlleleSequences, parents: IntArray, *, wgd: bool, kicks: int = KICKS) -> ParsimonyTree:
    """Ancestral profiles and events of one topology.

    Interval parsimony a position gives a start, local moves improve it, sequence by sequence; doublings are put on the
    branch where they lower the number of events most, one at a time.
    """
    placed = np.zeros(len(parents), dtype=np.int64)
    tree = _fit(sequences, parents, placed, wgd, 0)
    while wgd and placed.sum() < MAX_DOUBLINGS:
        best, at = tree, -1
        for v in range(len(parents)):
            if parents[v] >= 0:
                placed[v] += 1
                candidate = _fit(sequences, parents, placed, wgd, 0)
                placed[v] -= 1
                if candidate.length < best.length:
                    best, at = candidate, v
        if at < 0:
            break
        placed[at] += 1
        tree = best
    return _fit(sequences, parents, placed, wgd, kicks) if kicks else tree


def _fit(sequences: AlleleSequences, parents: IntArray, doublings: IntArray, wgd: bool, kicks: int) -> ParsimonyTree:
    from phylometa.copy_number._tree_kernels import fitch_profiles, refine_profiles, tree_cost

    values, starts = sequences.values, sequences.starts
    n = len(values)
    order = np.array(preorder(parents), dtype=np.int64)
    profiles = np.zeros((len(parents), values.shape[1]), dtype=np.int64)
    profiles[:n] = values
    fitch_profiles(profiles, parents, order, n, doublings)
    refine_profiles(profiles, parents, order, n, doublings, starts, ROUNDS, kicks)
    found = np.zeros(len(parents), dtype=np.int64)
    length = tree_cost(profiles, parents, order, starts, MAX_DOUBLINGS if wgd else 0, found)
    return ParsimonyTree(np.asarray(parents), profiles, found, int(length))


def search_tree(sequences: AlleleSequences, parents: IntArray, *, wgd: bool) -> ParsimonyTree:
    """Descend from a start topology to one that no rearrangement improves, then polish the best few.

    Parameters
    ----------
    sequences : AlleleSequences
    parents : int64 array (n_nodes,)
    wgd : bool

    Returns
    -------
    ParsimonyTree
        Deterministic: neighbours are tried in index order and the first that is shorter is taken; ties go to the
        topology found first.
    """
    n = len(sequences.values)
    is_spr = n - 1 <= SPR_SAMPLES
    tree = score_topology(sequences, parents, wgd=wgd, kicks=0)
    scored = {_shape(tree.parents, n): tree}
    improved = True
    while improved:
        improved = False
        for candidate in _neighbours(tree.parents, n, is_spr):
            shape = _shape(candidate, n)
            if shape in scored:
                continue
            quick = _fit(sequences, candidate, np.zeros(len(candidate), dtype=np.int64), wgd, 0)
            if wgd and (tree.doublings.any() or quick.length < tree.length):
                quick = score_topology(sequences, candidate, wgd=wgd, kicks=0)
            scored[shape] = quick
            if quick.length < tree.length:
                tree, improved = quick, True
                break
    close = [found for found in scored.values() if found.length <= tree.length * (1 + POLISH_MARGIN)]
    close = sorted(close, key=lambda found: found.length)[:POLISHED]  # stable: first found first
    return min((score_topology(sequences, found.parents, wgd=wgd) for found in close), key=lambda found: found.length)


def _shape(parents: IntArray, n: int) -> frozenset[int]:
    """Clades of a topology as bit sets of leaves."""
    below = [1 << v if v < n else 0 for v in range(len(parents))]
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            below[parents[v]] |= below[v]
    return frozenset(below)


def _neighbours(parents: IntArray, n: int, is_spr: bool):  # type: ignore[no-untyped-def]
    """Topologies one rearrangement away: prune a subtree and regraft it on any branch, or on a near one."""
    root = int(np.flatnonzero(parents < 0)[0])
    inner_children = {v: [u for u in range(len(parents)) if parents[u] == v] for v in range(n, len(parents))}
    for v in range(len(parents)):
        p = int(parents[v])
        if p < 0 or p == root:
            continue
        siblings = [u for u in inner_children[p] if u != v]
        if len(siblings) != 1:
            continue
        sibling, above = siblings[0], int(parents[p])
        below = {v}
        for u in preorder(parents):
            if parents[u] in below:
                below.add(u)
        for target in range(len(parents)):
            if target in below or target in (p, sibling) or parents[target] < 0:
                continue
            is_near = parents[target] == sibling or target == above or parents[target] == above
            if not is_spr and not is_near:
                continue
            moved = parents.copy()
            moved[sibling] = above
            moved[p] = moved[target]
            moved[target] = p
            if moved[p] == p:
                continue
            yield moved
