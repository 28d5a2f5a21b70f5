"""Whether the chains of the joint sampler agree on how mutations and clones are related."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import ancestor_matrix

__all__ = ["disagreement"]

# Mutations that are looked at, evenly spaced: every pair of them is a quantity.
_MOST = 60


def disagreement(chains: Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]]) -> float:
    """Work out the Monte-Carlo standard error of a relation of two mutations, as the chains differ.

    A relation is: both in one clone; the first in an ancestor of the second's; neither clone above the other.

    Parameters
    ----------
    chains : sequence of (int array (draws, n), int array (draws, M + 1))
        Slot of every item, below 0 outside clones, and parent of every slot, -2 unused.

    Returns
    -------
    float
        Root mean square, over pairs and relations, of the standard deviation between chains over the square root of
        their number; 0 for one chain.
    """
    if len(chains) < 2:
        return 0.0
    means = np.stack([_relations(labels, parents) for labels, parents in chains])
    return float(np.sqrt(means.var(axis=0, ddof=1).mean() / len(chains)))


def _relations(labels: NDArray[np.integer], parents: NDArray[np.integer]) -> FloatArray:
    """Share of draws in which two items have each relation (3, m, m)."""
    n = labels.shape[1]
    items = np.unique(np.linspace(0, n - 1, min(n, _MOST)).astype(np.int64))
    total = np.zeros((3, len(items), len(items)))
    for label, parent in zip(labels[:, items], parents):
        inside = label >= 0
        both = inside[:, None] & inside
        place = np.maximum(label, 0)
        same = (place[:, None] == place) & both
        tree = np.where(parent < -1, len(parent) - 1, parent)  # unused slots hold nothing: they hang anywhere
        above = ancestor_matrix(tree)[np.ix_(place, place)] & both & ~same
        total += np.stack((same, above, both & ~same & ~above & ~above.T))
    return np.asarray(total / len(labels))
