"""How two mutations lie to each other in the clone tree, over the whole posterior."""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import Clustering
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["mutation_relations"]


def mutation_relations(clusters: Clustering, trees: TreeEnsemble) -> FloatArray:
    """Work out the relation of every pair of mutations over the draws, or over the trees of given clusters.

    Parameters
    ----------
    clusters : Clustering
    trees : TreeEnsemble

    Returns
    -------
    float64 array (4, n, n)
        Probabilities that i and j belong to the same clone, that i's is an ancestor of j's, that j's is one of i's,
        and that they are on separate branches. They add up to 1 unless one of them may belong to no clone. On the
        diagonal: the same.
    """
    if trees.joint is None:
        drawn = [(clusters.labels, parents, weight) for parents, weight in zip(trees.parents, trees.weights)]
        item_of = np.arange(len(clusters.labels))
    else:
        rows, item_of = trees.joint.items
        drawn = [(row, one.parents, weight) for row, one, weight in zip(rows, trees.joint.draws, trees.joint.weights)]
    n = len(drawn[0][0])
    total = np.zeros((4, n, n))
    for labels, parents, weight in drawn:
        total += weight * _relations(np.asarray(labels), np.asarray(parents))
    of_mutations: FloatArray = total[:, item_of][:, :, item_of]
    np.einsum("rii->ri", of_mutations)[:] = np.array([1.0, 0.0, 0.0, 0.0])[:, None]
    return of_mutations


def _relations(labels: IntArray, parents: IntArray) -> FloatArray:
    """0/1 relation (4, n, n) of every pair under one partition and tree; nothing for what belongs to no clone."""
    inside = labels >= 0
    place = np.maximum(labels, 0)
    above = ancestor_matrix(parents) & ~np.eye(len(parents), dtype=bool)
    both = inside[:, None] & inside
    same = (place[:, None] == place) & both
    ancestor = above[np.ix_(place, place)] & both
    return np.stack([same, ancestor, ancestor.T, both & ~(same | ancestor | ancestor.T)]).astype(np.float64)
