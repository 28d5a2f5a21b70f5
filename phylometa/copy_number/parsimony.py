"""The copy-number tree: neighbour joining, then rearrangements that lower the number of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from phylometa.copy_number.distance import MAX_DOUBLINGS
from phylometa.copy_number.exact_ancestors import exact_ancestors
from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import preorder

__all__ = ["ParsimonyTree", "leaf_sets", "search_tree", "start_topology"]

# Trees with up to so many samples are searched by subtree pruning and regrafting, larger ones by interchanges.
SPR_SAMPLES = 12
# Rounds of local moves on a sequence, at most.
ROUNDS = 20
# Topologies whose ancestral profiles are refined, and disturbed states each of the best starts again from, at most.
CANDIDATES = 10
POLISHED = 5
KICKS = 60
# Refinements of a cell (node by column) for all of these together: large tables get fewer.
WORK = 250_000
# Kicks that cost about as much as one refinement from the start.
KICKS_A_REFINEMENT = 8


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
    n_open : int
        Sequences (an allele of a chromosome) whose ancestors are not proved least on this topology; all of them if
        no proof was tried (doublings, many samples).
    """

    parents: IntArray
    profiles: IntArray
    doublings: IntArray
    length: int
    n_open: int


def start_topology(distance: FloatArray, root: int) -> IntArray:
    """Join neighbours by the distances, with row `root` as the root; parents (n_nodes,)."""
    from phylometa.copy_number._tree_kernels import neighbour_joining

    return np.asarray(neighbour_joining(np.asarray(distance, dtype=np.float64), root))


def _fit_both(sequences: AlleleSequences, parents: IntArray, placed: IntArray, wgd: bool, kicks: int) -> ParsimonyTree:
    """Fit one topology without doublings and, if any are placed, with them; the shorter of the two."""
    tree = _fit(sequences, parents, np.zeros_like(placed), wgd, kicks)
    if placed.any():
        tree = min(_fit(sequences, parents, placed, wgd, kicks), tree, key=lambda found: found.length)
    return tree


def _fit(sequences: AlleleSequences, parents: IntArray, doublings: IntArray, wgd: bool, kicks: int) -> ParsimonyTree:
    """Fit the ancestral profiles of one topology with given doublings.

    Interval parsimony a position gives a start; local moves improve it, sequence by sequence, and again from `kicks`
    disturbed states.
    """
    from phylometa.copy_number._tree_kernels import fitch_profiles, refine_profiles, tree_cost

    values, starts = sequences.values, sequences.starts
    n = len(values)
    order = np.array(preorder(parents), dtype=np.int64)
    profiles = np.zeros((len(parents), values.shape[1]), dtype=np.int64)
    profiles[:n] = values
    fitch_profiles(profiles, parents, order, n, doublings, True)
    refine_profiles(profiles, parents, order, n, doublings, starts, ROUNDS, kicks)
    found = np.zeros(len(parents), dtype=np.int64)
    length = tree_cost(profiles, parents, order, starts, MAX_DOUBLINGS if wgd else 0, found)
    return ParsimonyTree(np.asarray(parents), profiles, found, int(length), len(starts) - 1)


def _breakpoints(sequences: AlleleSequences) -> tuple[IntArray, IntArray, IntArray]:
    """Breakpoint profiles (rows, distinct columns), how often each column occurs, what a doubling adds to it."""
    values = sequences.values
    columns, shifts = [], []
    for start, end in zip(sequences.starts, sequences.starts[1:]):
        if end > start:
            columns += [values[:, start] - 1, *np.diff(values[:, start:end]).T, 1 - values[:, end - 1]]
            shifts += [1, *[0] * (end - start - 1), -1]
    table, weights = np.unique(np.column_stack([shifts, np.array(columns)]), axis=0, return_counts=True)
    return table[:, 1:].T.copy(), weights.astype(np.int64), table[:, 0].astype(np.int64)


def _place_doublings(
    breakpoints: tuple[IntArray, IntArray, IntArray], parents: IntArray, wgd: bool
) -> tuple[int, IntArray]:
    """Twice the length of the tree of breakpoints, and the doublings that shorten it, one branch at a time."""
    from phylometa.copy_number._tree_kernels import breakpoint_length

    order = np.array(preorder(parents), dtype=np.int64)
    placed = np.zeros(len(parents), dtype=np.int64)
    best = int(breakpoint_length(*breakpoints, parents, order, placed))
    while wgd and placed.sum() < MAX_DOUBLINGS:
        lengths = []
        for v in order[1:]:
            placed[v] += 1
            lengths.append(int(breakpoint_length(*breakpoints, parents, order, placed) + 2 * placed.sum()))
            placed[v] -= 1
        if min(lengths) >= best:
            break
        best = min(lengths)
        placed[order[1 + lengths.index(best)]] += 1
    return best, placed


def search_tree(sequences: AlleleSequences, parents: IntArray, *, wgd: bool) -> ParsimonyTree:
    """Descend from a start topology by the length of its breakpoints, then fit profiles to the best topologies met.

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
    breakpoints = _breakpoints(sequences)
    at = np.asarray(parents)
    length, placed = _place_doublings(breakpoints, at, wgd)
    met = {_shape(at, n): (length, at, placed)}
    improved = True
    while improved:
        improved = False
        for candidate in _neighbours(at, n, n - 1 <= SPR_SAMPLES):
            shape = _shape(candidate, n)
            if shape in met:
                continue
            found, placed = _place_doublings(breakpoints, candidate, wgd)
            met[shape] = (found, candidate, placed)
            if found < length:
                length, at, improved = found, candidate, True
                break
    runs = max(1, WORK // (len(at) * sequences.values.shape[1]))
    near = sorted(met.values(), key=lambda item: item[0])[: max(1, min(CANDIDATES, runs // 2))]
    fitted = [(_fit_both(sequences, at, placed, wgd, 0), placed) for _, at, placed in near]
    fitted.sort(key=lambda item: item[0].length)  # stable: first found first
    n_polished = min(POLISHED, len(fitted), max(1, runs // 8))
    kicks = min(KICKS, KICKS_A_REFINEMENT * max(1, runs - len(near)) // n_polished)
    polished = [_fit_both(sequences, found.parents, placed, wgd, kicks) for found, placed in fitted[:n_polished]]
    if n - 1 <= SPR_SAMPLES:
        polished = [_proved(sequences, found) for found in polished]
    return min(polished, key=lambda found: (found.length, found.n_open))


def _proved(sequences: AlleleSequences, tree: ParsimonyTree) -> ParsimonyTree:
    """A tree without doublings with its ancestors as short as they can be; others as they are."""
    if tree.doublings.any():
        return tree
    exact = exact_ancestors(sequences, tree.parents, tree.profiles)
    return replace(tree, profiles=exact.profiles, length=exact.length, n_open=exact.n_open)


def leaf_sets(parents: IntArray, n: int) -> list[int]:
    """Find the leaves at or below every node, as bit sets."""
    below = [1 << v if v < n else 0 for v in range(len(parents))]
    for v in reversed(preorder(parents)):
        if parents[v] >= 0:
            below[parents[v]] |= below[v]
    return below


def _shape(parents: IntArray, n: int) -> frozenset[int]:
    """A topology as the set of its clades."""
    return frozenset(leaf_sets(parents, n))


def _neighbours(parents: IntArray, n: int, is_spr: bool) -> Iterator[IntArray]:
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
