"""Whether the chains of the joint sampler agree: on how mutations are related, and on who entered which site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.monte_carlo import diagnose_draws

if TYPE_CHECKING:
    from phylometa.joint._presence import Places

__all__ = ["Guess", "disagreement", "error_of_seedings", "guess_seedings"]

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


def error_of_seedings(
    parents: NDArray[np.integer], steps: NDArray[np.integer], chain: IntArray, places: Places
) -> float:
    """Work out the largest Monte-Carlo standard error of what the draws say of seedings, without their histories.

    Parameters
    ----------
    parents : int array (n, M + 1)
        Of every slot; M is the germline, -2 unused.
    steps : int array (n, M, S)
        Proportions in steps of the grid.
    chain : int64 array (n,)
    places : Places

    Returns
    -------
    float
        Over all routes; over sites for whether several clones entered, and whether a clone arose there; and for whether
        the clones that left the primary lie on one path (`guess_seedings`).
    """
    guess = guess_seedings(parents, steps, places)
    n = len(parents)
    values = np.concatenate(
        [guess.routes.reshape(n, -1), guess.n_entries > 1, guess.evolves, guess.is_path[:, None]], axis=1
    )
    return float(diagnose_draws(values, np.ones(n), chain).mcse.max())


class Guess(NamedTuple):
    """Seedings of draws, guessed from presence.

    ``routes`` (n, n_sites, n_sites): probability that some clone entered the second site from the first. ``n_entries``
    (n, n_sites): clones that entered the site; the founder does not enter the primary. ``evolves`` (n, n_sites): a
    clone and its parent are both there. ``is_path`` (n,): the clones that left the primary lie on one path.
    """

    routes: FloatArray
    n_entries: IntArray
    evolves: BoolArray
    is_path: BoolArray


def guess_seedings(parents: NDArray[np.integer], steps: NDArray[np.integer], places: Places) -> Guess:
    """Guess the seedings of draws: a clone enters a site where it is present and its parent is not.

    It comes from one of the other sites in which it or its parent is present, each as likely.

    Parameters
    ----------
    parents : int array (n, M + 1)
    steps : int array (n, M, S)
    places : Places

    Returns
    -------
    Guess
    """
    n, n_slots, _ = steps.shape
    n_sites, primary = int(places.counts[1]), int(places.counts[2])
    present = np.zeros((n, n_slots + 1, n_sites), dtype=bool)
    for sample, site in enumerate(places.site.tolist()):
        if site >= 0:
            present[:, :n_slots, site] |= steps[:, :, sample] >= places.counts[0]
    rows, slots = np.arange(n)[:, None], np.arange(n_slots)
    parent = np.where(parents < 0, n_slots, parents)
    above = parent[:, :n_slots]
    is_anywhere: BoolArray = np.asarray(present.any(axis=2))
    while True:  # a clone that is nowhere hands its children's entries up
        is_gap = ~is_anywhere[rows, above] & (above < n_slots)
        if not is_gap.any():
            break
        above = np.where(is_gap, parent[rows, above], above)
    own, of_parent = present[:, :n_slots], present[rows, above]
    enters = own & ~of_parent
    if primary >= 0:
        enters[:, :, primary] &= above < n_slots
    routes = np.zeros((n, n_sites, n_sites))
    for target in range(n_sites):
        may_leave = own | of_parent
        may_leave[:, :, target] = False
        share = may_leave / np.maximum(may_leave.sum(axis=2, keepdims=True), 1)
        log_not = np.log(np.maximum(1.0 - share, 1e-12)) * enters[:, :, target, None]
        routes[:, :, target] = 1.0 - np.exp(log_not.sum(axis=1))
    is_path = np.ones(n, dtype=bool)
    if primary >= 0:
        leaves_as = np.where(of_parent[:, :, primary], above, slots)
        leaves = enters.any(axis=2) & (own | of_parent)[:, :, primary]
        departing = np.zeros((n, n_slots + 1), dtype=bool)
        np.logical_or.at(departing, (np.broadcast_to(rows, leaves.shape)[leaves], leaves_as[leaves]), True)
        is_path = _on_one_path(departing[:, :n_slots], parent)
    return Guess(routes, enters.sum(axis=1), np.asarray((own & of_parent).any(axis=1)), is_path)


def _on_one_path(chosen: BoolArray, parent: IntArray) -> BoolArray:
    """Whether the chosen slots (n, M) of every tree are pairwise ancestors; `parent` (n, M + 1), M the germline."""
    n, n_slots = chosen.shape
    is_above = np.zeros((n, n_slots, n_slots + 1), dtype=bool)
    rows, slots = np.arange(n)[:, None], np.arange(n_slots)
    current = np.broadcast_to(slots, (n, n_slots))
    while (current < n_slots).any():
        is_above[rows, slots, current] = True
        current = parent[rows, current]
    related = is_above[:, :, :n_slots]
    apart = chosen[:, :, None] & chosen[:, None, :] & ~related & ~related.transpose(0, 2, 1)
    return np.asarray(~apart.any(axis=(1, 2)))
