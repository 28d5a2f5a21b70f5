"""What a statement rests on: how probable it is if any one mutation had not been measured.

A mutation that is alone in its clone carries the clone. Without it the clone is one with its parent, and the
migrations that only this clone showed are gone; a mutation that shares its clone with others can be missed. So the
probability of a statement without mutation i is a sum over the draws in which i is alone, contracted, and the others as
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, IntArray

__all__ = ["DrawnState", "EvidenceFloor", "contract_clone", "find_evidence_floor"]


@dataclass(frozen=True, eq=False)
class DrawnState:
    """One draw of clusters, tree and presence.

    Parameters
    ----------
    weight : float
        Posterior probability; over all draws they add up to 1.
    labels : int64 array (n,)
        Clone of every mutation.
    parents : int64 array (K,)
        -1 at the founder.
    presence : bool array (K, n_sites)
    """

    weight: float
    labels: IntArray
    parents: IntArray
    presence: BoolArray


@dataclass(frozen=True, slots=True)
class EvidenceFloor:
    """What a statement keeps without its most important mutation.

    Parameters
    ----------
    probability : float
        With all mutations.
    least : float
        The least that is left if one mutation is dropped; the floor or more where none can bring it below the floor.
    mutation : int
        That mutation; -1 if no single one can.
    rests_on : tuple of int
        Mutations without which the statement falls below the floor.
    """

    probability: float
    least: float
    mutation: int
    rests_on: tuple[int, ...]


def contract_clone(parents: IntArray, presence: BoolArray, clone: int) -> tuple[IntArray, BoolArray] | None:
    """The tree and presence in which a clone is one with its parent (the founder: with its only child).

    Parameters
    ----------
    parents : int64 array (K,)
    presence : bool array (K, n_sites)
    clone : int

    Returns
    -------
    (parents, presence) of K - 1 clones in the same order, or None if nothing joins what is left: a founder with no
    child or several.

    Examples
    --------
    >>> contract_clone(np.array([-1, 0, 1]), np.eye(3, dtype=bool), 1)[0].tolist()
    [-1, 0]
    """
    parents, presence = np.array(parents, dtype=np.int64), np.array(presence, dtype=bool)
    children = np.flatnonzero(parents == clone)
    heir = int(parents[clone])
    if heir < 0:
        if len(children) != 1:
            return None
        heir = int(children[0])
        parents[heir] = -1
    else:
        parents[children] = heir
    presence[heir] |= presence[clone]
    kept = np.delete(np.arange(len(parents)), clone)
    index = np.full(len(parents), -1)
    index[kept] = np.arange(len(kept))
    above = parents[kept]
    return np.where(above < 0, -1, index[above]), presence[kept]


def find_evidence_floor(
    states: Sequence[DrawnState], statement: Callable[[IntArray, BoolArray], float], *, floor: float = 0.8
) -> EvidenceFloor:
    """Probability of a statement without any one mutation.

    Parameters
    ----------
    states : sequence of DrawnState
    statement : callable
        Of parents and presence: the probability of the statement given them. It is asked once a state, and once for
        each contraction that can matter: a mutation that is alone with probability w lowers it by at most w.
    floor : float
        What `rests_on` is counted by.

    Returns
    -------
    EvidenceFloor
    """
    given = np.array([statement(state.parents, state.presence) for state in states])
    weights = np.array([state.weight for state in states])
    probability = float(weights @ given)
    alone: dict[int, list[tuple[int, int]]] = {}
    for d, state in enumerate(states):
        sizes = np.bincount(state.labels, minlength=len(state.parents))
        for mutation in np.flatnonzero(sizes[state.labels] == 1).tolist():
            alone.setdefault(mutation, []).append((d, int(state.labels[mutation])))
    carried = {i: float(sum(weights[d] * given[d] for d, _ in found)) for i, found in alone.items()}
    least, chosen, rests_on = probability, -1, []
    for mutation in sorted(alone, key=lambda i: (-carried[i], i)):
        could_be = probability - carried[mutation]
        if could_be >= floor:  # cannot fall below it, whatever the contraction gives
            continue
        without = could_be
        for d, clone in alone[mutation]:
            contracted = contract_clone(states[d].parents, states[d].presence, clone)
            if contracted is not None:
                without += weights[d] * statement(*contracted)
        if without < floor:
            rests_on.append(mutation)
        if without < least:
            least, chosen = float(without), mutation
    return EvidenceFloor(probability, least, chosen, tuple(sorted(rests_on)))
