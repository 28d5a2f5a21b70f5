"""One clone tree with one presence of its clones, drawn from the posterior."""

from __future__ import annotations

from dataclasses import dataclass

from phylometa.model.arrays import BoolArray
from phylometa.model.clone_tree import CloneTree

__all__ = ["Scenario"]


@dataclass(frozen=True, eq=False)
class Scenario:
    """One clone tree with one presence of its clones, drawn from the posterior.

    Parameters
    ----------
    tree_index : int
        Index into the `TreeEnsemble`.
    tree : CloneTree
    weight : float
        Posterior probability of the tree and presence.
    presence : bool array (K, n_sites)
    """

    tree_index: int
    tree: CloneTree
    weight: float
    presence: BoolArray
