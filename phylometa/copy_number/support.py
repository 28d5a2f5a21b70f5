"""Support of the sets of samples in a tree: neighbour joining on distances of resampled chromosomes or segments."""

from __future__ import annotations

import math

import numpy as np

from phylometa.copy_number.distance import ANCESTOR_COPIES, MAX_DOUBLINGS, copy_number_distances
from phylometa.copy_number.parsimony import leaf_sets, start_topology
from phylometa.copy_number.segmentation import AlleleSequences, CopyNumberMatrix, allele_sequences
from phylometa.model.arrays import FloatArray, IntArray

__all__ = ["clade_support", "replicate_distances"]

# Share of segments that a jackknife replicate keeps (Farris et al. 1996, doi:10.1111/j.1096-0031.1996.tb00196.x).
JACKKNIFE_SHARE = 1 - math.exp(-1)


def replicate_distances(
    matrix: CopyNumberMatrix,
    sequences: AlleleSequences,
    *,
    wgd: bool,
    method: str,
    replicates: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Compute the exact distances (replicates, S + 1, S + 1) of resampled genomes.

    Parameters
    ----------
    matrix : CopyNumberMatrix
    sequences : AlleleSequences
        Of `matrix`.
    wgd : bool
    method : {"bootstrap", "jackknife"}
        Chromosomes with replacement, or a random share 1 - 1/e of the common segments.
    replicates : int
    rng : numpy.random.Generator
    """
    if method == "bootstrap":
        from phylometa.copy_number._kernels import resampled_distances

        n = len(sequences.chrom_names)
        counts = rng.multinomial(n, np.full(n, 1 / n), size=replicates)
        options = (counts, MAX_DOUBLINGS if wgd else 0, ANCESTOR_COPIES)
        found = resampled_distances(sequences.values, sequences.starts, sequences.chrom, *options)
        return np.asarray(found)
    n = len(matrix.chroms)
    kept = max(1, round(JACKKNIFE_SHARE * n))
    out = []
    for _ in range(replicates):
        part = allele_sequences(matrix.take(np.sort(rng.permutation(n)[:kept])))
        out.append(copy_number_distances(part, wgd=wgd))
    return np.array(out)


def clade_support(
    parents: IntArray, branch_lengths: IntArray, n_leaves: int, distances: FloatArray, *, rng: np.random.Generator
) -> FloatArray:
    """Compute in what share of matrices the neighbour-joining tree has the samples below each inner node together.

    Parameters
    ----------
    parents : int64 array (n_nodes,)
        Leaves first, the diploid (the root) last of them.
    branch_lengths : int64 array (n_nodes,)
        Events on the branch above each node.
    n_leaves : int
    distances : float array (replicates, n_leaves, n_leaves)
    rng : numpy.random.Generator
        Orders the samples of every replicate anew: ties are joined by chance, not by the order of the table.

    Returns
    -------
    float64 array (n_nodes,)
        NaN for leaves, for the node above all samples, for nodes without an event above them (nothing joins their
        samples) and without replicates.
    """
    support = np.full(len(parents), np.nan)
    sets = leaf_sets(parents, n_leaves)
    root = n_leaves - 1
    inner = [v for v in range(n_leaves, len(parents)) if parents[v] != root and branch_lengths[v] > 0]
    if len(distances) and inner:
        members = {v: [leaf for leaf in range(root) if sets[v] >> leaf & 1] for v in inner}
        count = dict.fromkeys(inner, 0)
        for matrix in distances:
            order = np.append(rng.permutation(root), root)
            place = np.argsort(order)
            found = set(leaf_sets(start_topology(matrix[np.ix_(order, order)], root), n_leaves))
            for v in inner:
                count[v] += sum(1 << int(place[leaf]) for leaf in members[v]) in found
        for v in inner:
            support[v] = count[v] / len(distances)
    return support
