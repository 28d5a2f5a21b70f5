"""Single cells: what was seen in each, and the posterior over clones, their tree and where the cells belong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.clone_tree import CloneTree, ancestor_matrix
from phylometa.model.short_repr import short_repr

__all__ = ["CellDraw", "CellMatrix", "CellPosterior", "PlacedCell"]


@dataclass(frozen=True, eq=False)
class CellMatrix:
    """Mutations in single cells, n mutations and C cells.

    Parameters
    ----------
    mutations, cells : tuples of str
    seen : int8 array (n, C)
        1 seen, 0 not seen, -1 unknown.
    alt, depth : int32 arrays (n, C) or None
        Reads, if the matrix holds counts; `seen` then only tells which cells have any.
    """

    mutations: tuple[str, ...]
    cells: tuple[str, ...]
    seen: NDArray[np.int8]
    alt: NDArray[np.int32] | None = None
    depth: NDArray[np.int32] | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        shape = (len(self.mutations), len(self.cells))
        freeze_array(self, "seen", np.int8, shape)
        if (self.alt is None) != (self.depth is None):
            raise ValueError("CellMatrix: alt and depth go together")
        if self.alt is not None:
            freeze_array(self, "alt", np.int32, shape)
            freeze_array(self, "depth", np.int32, shape)


@dataclass(frozen=True, eq=False)
class CellDraw:
    """One draw of clones, tree and error rates; K clones, the last vertex of the tree is the normal genotype.

    Parameters
    ----------
    labels : int64 array (n,)
        Clone of every mutation.
    parents : int64 array (K,)
        Parent of every clone; K is the normal genotype.
    clone_of_cell : int64 array (C,)
        Clone of every cell; K is the normal genotype.
    second_clone : int64 array (C,)
        The other clone of a cell that is two cells of clones on different branches; K if it is one cell.
    false_positive, dropout, doublet : float
        Rates; `doublet` counts doublets of clones on one line too, which look like single cells.
    log_posterior : float
        Up to a constant.
    """

    labels: IntArray
    parents: IntArray
    clone_of_cell: IntArray
    second_clone: IntArray
    false_positive: float
    dropout: float
    doublet: float
    log_posterior: float


@dataclass(frozen=True, eq=False)
class CellPosterior:
    """Draws of equal weight.

    Parameters
    ----------
    matrix : CellMatrix
    draws : tuple of CellDraw
    n_chains, n_stuck : int
        Chains, and those left out because they stayed far below the others' posterior.
    """

    matrix: CellMatrix
    draws: tuple[CellDraw, ...]
    n_chains: int
    n_stuck: int

    __repr__ = short_repr

    @property
    def best(self) -> CellDraw:
        """The draw of greatest posterior."""
        return max(self.draws, key=lambda draw: draw.log_posterior)

    @property
    def tree(self) -> CloneTree:
        """Clones of `best`, below the normal genotype ``N``; named 1, 2, ... by falling number of cells below."""
        best = self.best
        k = len(best.parents)
        sizes = np.bincount(best.labels, minlength=k).astype(np.float64)
        return CloneTree((*self.clone_names, "N"), np.append(best.parents, -1), np.append(sizes, 0.0))

    @property
    def clone_names(self) -> tuple[str, ...]:
        """Names of the clones of `best`."""
        return tuple(str(k + 1) for k in range(len(self.best.parents)))

    @property
    def relations(self) -> FloatArray:
        """``[r, i, j]`` probability that i is an ancestor (0) or a descendant (1) of j, on another branch (2), in the
        same clone (3); (4, n, n)."""
        n = len(self.matrix.mutations)
        total = np.zeros((4, n, n))
        for draw in self.draws:
            total += relations_of(draw.labels, draw.parents)
        return total / len(self.draws)

    @property
    def cell_probability(self) -> FloatArray:
        """Probability that each cell has each mutation (n, C)."""
        found = np.zeros(self.matrix.seen.shape)
        for draw in self.draws:
            carried = np.column_stack((_below(draw.parents), np.zeros(len(draw.parents))))
            of_mutation = carried[draw.labels]
            found += np.maximum(of_mutation[:, draw.clone_of_cell], of_mutation[:, draw.second_clone])
        return found / len(self.draws)

    @property
    def doublet_probability(self) -> FloatArray:
        """Probability that each cell is two of clones on different branches (C,)."""
        return np.mean([draw.second_clone != len(draw.parents) for draw in self.draws], axis=0)


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """What became of a single cell of a sheet's matrix.

    Parameters
    ----------
    cell : str
    matrix : str
        Sample of the sheet whose matrix it is in.
    fate : str
        ``clone`` (of the tumour), ``normal``, ``doublet``, ``noisy`` (too many wrong states), ``alone`` (in no clone of
        enough cells).
    clone, second : str
        Clone, of a doublet both; '' if there is none.
    probability : float
        Of fate and clone.
    sample : str
        Sample of the patient that it is part of; '' if it is left out.
    """

    cell: str
    matrix: str
    fate: str
    clone: str
    second: str
    probability: float
    sample: str


def _below(parents: IntArray) -> FloatArray:
    """``[k, j]``: clone j is k or descends from it."""
    return ancestor_matrix(np.append(parents, -1))[:-1, :-1].astype(np.float64)


def relations_of(labels: IntArray, parents: IntArray) -> FloatArray:
    """Relations (4, n, n) of the mutations of one tree, as `CellPosterior.relations` counts them."""
    below = _below(parents)[np.ix_(labels, labels)].astype(bool)
    same = labels[:, None] == labels
    above = below & ~same
    return np.stack((above, above.T, ~below & ~below.T, same)).astype(np.float64)
