"""Single cells with known clones: a random clone tree, cells of its clones, lost alleles and false calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.cell_copy_number import UNKNOWN, CellCopyNumber
from phylometa.model.cells import CellMatrix
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.patient import CopyNumberProfile

__all__ = ["CellErrors", "SimulatedCells", "simulate_cell_copy_number", "simulate_cells"]

_READ_ERROR = 0.005


@dataclass(frozen=True, slots=True)
class CellErrors:
    """What goes wrong between a cell and its column.

    Parameters
    ----------
    dropout, false_positive, missing : float
        Of 0/1 calls; of reads, `dropout` is the probability that one of the two alleles of a cell is lost.
    doublet : float
        Share of columns that hold two cells, of clones drawn independently.
    """

    dropout: float = 0.2
    false_positive: float = 0.01
    missing: float = 0.05
    doublet: float = 0.0


NO_DOUBLETS = CellErrors()


@dataclass(frozen=True, eq=False)
class SimulatedCells:
    """A matrix and the truth behind it.

    Parameters
    ----------
    matrix : CellMatrix
    labels : int64 array (n,)
        Clone of every mutation.
    parents : int64 array (K,)
        Parent of every clone; K is the normal genotype.
    clone_of_cell : int64 array (C,)
        Clone of every cell.
    second_clone : int64 array (C,)
        Clone of the second cell of a doublet; K if there is none.
    genotypes : bool array (n, C)
        Which cells have which mutations.
    """

    matrix: CellMatrix
    labels: IntArray
    parents: IntArray
    clone_of_cell: IntArray
    second_clone: IntArray
    genotypes: BoolArray


def simulate_cells(
    *,
    n_cells: int = 200,
    n_mutations: int = 100,
    n_clones: int = 10,
    errors: CellErrors = NO_DOUBLETS,
    depth: float = 0.0,
    rng: np.random.Generator,
) -> SimulatedCells:
    """Simulate cells x mutations of one tumour.

    The tree is a random recursive one, every clone has at least one mutation (the others fall at random) and a share of
    the cells (Dirichlet(2)).

    Parameters
    ----------
    n_cells, n_mutations, n_clones : int
    errors : CellErrors, optional
        Rates; no doublets by default.
    depth : float
        Mean reads of a mutation in a cell (Poisson); 0: a matrix of calls.
    rng : numpy Generator
    """
    parents = np.array([n_clones, *(int(rng.integers(k)) for k in range(1, n_clones))])
    spare = rng.integers(n_clones, size=n_mutations - n_clones)
    labels = rng.permutation(np.concatenate((np.arange(n_clones), spare)))
    clone = rng.choice(n_clones, size=n_cells, p=rng.dirichlet(np.full(n_clones, 2.0)))
    carried = ancestor_matrix(np.append(parents, -1))[:n_clones, :n_clones]  # [k, j]: j carries what fell on k
    has, second = carried[labels][:, clone], np.full(n_cells, n_clones)
    if errors.doublet > 0:
        shares = np.bincount(clone, minlength=n_clones) / n_cells
        second = np.where(rng.random(n_cells) < errors.doublet, rng.choice(n_clones, size=n_cells, p=shares), n_clones)
        has = has | np.column_stack((carried, np.zeros(n_clones, dtype=bool)))[labels][:, second]
    names = tuple(f"m{i}" for i in range(n_mutations)), tuple(f"cell{c}" for c in range(n_cells))
    if depth <= 0:
        rate = np.where(has, 1.0 - errors.dropout, errors.false_positive)
        seen = (rng.random(has.shape) < rate).astype(np.int8)
        seen[rng.random(has.shape) < errors.missing] = -1
        return SimulatedCells(CellMatrix(*names, seen), labels, parents, clone, second, has)
    reads = rng.poisson(depth, size=has.shape)
    reads[rng.random(has.shape) < errors.missing] = 0
    share = np.where(has, rng.beta(10.0, 10.0, has.shape), 0.0)
    lost = has & (rng.random(has.shape) < errors.dropout)
    share[lost] = rng.integers(2, size=int(lost.sum()))
    share[~has & (rng.random(has.shape) < errors.false_positive)] = 0.5
    alt = rng.binomial(reads, share * (1.0 - 2.0 * _READ_ERROR) + _READ_ERROR)
    seen = np.where(reads == 0, -1, alt >= 2).astype(np.int8)
    matrix = CellMatrix(*names, seen, alt.astype(np.int32), reads.astype(np.int32))
    return SimulatedCells(matrix, labels, parents, clone, second, has)


def simulate_cell_copy_number(
    profile: CopyNumberProfile,
    clone: IntArray,
    *,
    second: IntArray | None = None,
    wrong: IntArray | float = 0.05,
    missing: float = 0.0,
    rng: np.random.Generator,
) -> CellCopyNumber:
    """Simulate the copy number that a caller gives of single cells.

    Parameters
    ----------
    profile : CopyNumberProfile
        Of the clones (`SimulationTruth.profile`); all have all segments of the genome, on breakpoints of their own.
    clone : int64 array (C,)
        Clone of every cell; -1: a normal cell.
    second : int64 array (C,), optional
        Clone of the other cell of a doublet, -1 for a normal one; -2: no doublet. A doublet shows the mean copies of
        both, half copies rounded either way.
    wrong : float or float64 array (C,)
        Probability that a state is wrong: one allele has a copy more or less.
    missing : float
        Probability that a segment of a cell has no call.
    rng : numpy Generator

    Returns
    -------
    CellCopyNumber
        Phased, on the segments that all clones' breakpoints make.
    """
    chroms, starts, ends, columns = [], [], [], []
    names, n_clones = np.array(profile.chroms), len(profile.sample_names)
    alleles = np.stack((profile.major, profile.minor)).astype(np.int64)
    for chrom in dict.fromkeys(profile.chroms):
        rows = np.flatnonzero(names == chrom)
        cuts = np.unique(np.concatenate((profile.start[rows], profile.end[rows])))
        for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist()):
            inside = rows[(profile.start[rows] <= low) & (profile.end[rows] >= high)]
            if len(inside) < n_clones:
                continue
            column = np.ones((2, n_clones + 1), dtype=np.int64)  # the last one is normal
            column[:, profile.sample[inside]] = alleles[:, inside]
            chroms.append(chrom)
            starts.append(low)
            ends.append(high)
            columns.append(column)
    copies = np.stack(columns, axis=1)  # (2, N, K + 1)
    found = copies[:, :, clone]
    if second is not None:
        both = found + copies[:, :, np.where(second == -2, clone, second)]
        found = (both + (both % 2) * rng.integers(2, size=both.shape)) // 2
    shape = found.shape[1:]
    is_wrong = rng.random(shape) < wrong
    allele, step = rng.integers(2, size=shape), rng.choice([-1, 1], size=shape)
    for i in range(2):
        here = is_wrong & (allele == i)
        found[i] += np.where(here, np.where(found[i] == 0, 1, step), 0)
    found[:, rng.random(shape) < missing] = UNKNOWN
    cells = tuple(f"cell{c}" for c in range(len(clone)))
    return CellCopyNumber(cells, tuple(chroms), np.array(starts), np.array(ends), found.astype(np.int16), True)
