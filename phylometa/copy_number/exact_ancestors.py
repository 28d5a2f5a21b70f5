"""Ancestral profiles of least events on a given topology without doublings, exactly, one sequence at a time.

Given the topology, alleles and chromosomes are independent. For one of them every inner node may have any profile x
whose values lie between the least and the largest of the samples and the diploid at each position (or one above), and
for which the events from the root to x and on to the farthest sample below do not exceed what the best tree known
needs (events obey the triangle inequality). Over these candidates Sankoff's recursion is exact. If they are too many
the values of the samples alone are tried, and the sequence is counted as open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.model.arrays import IntArray
from phylometa.model.clone_tree import preorder

__all__ = ["ExactAncestors", "exact_ancestors"]

# Profiles tried at an inner node of a sequence, before and after the bound, at most; beyond, the sequence stays open.
MOST_PROFILES, MOST_CANDIDATES = 20_000, 1_500


@dataclass(frozen=True, eq=False)
class ExactAncestors:
    """Profiles (n_nodes, M), the events they need, and how many sequences are not proved least (`n_open`)."""

    profiles: IntArray
    length: int
    n_open: int


def exact_ancestors(sequences: AlleleSequences, parents: IntArray, profiles: IntArray) -> ExactAncestors:
    """Improve ancestral profiles of a topology without doublings to the least number of events.

    Parameters
    ----------
    sequences : AlleleSequences
        Rows are the leaves, the diploid among them, which is the root of the topology.
    parents : int64 array (n_nodes,)
    profiles : int64 array (n_nodes, M)
        A solution to start from: its events are the bound.

    Returns
    -------
    ExactAncestors
    """
    from phylometa.copy_number._kernels import directed_cost
    from phylometa.copy_number._tree_kernels import sankoff_profiles

    n = len(sequences.values)
    order = np.array(preorder(parents), dtype=np.int64)
    root = int(order[0])
    found = np.array(profiles, dtype=np.int64)
    total, n_open = 0, 0
    for start, end in zip(sequences.starts.tolist(), sequences.starts[1:].tolist()):
        part = np.ascontiguousarray(found[:, start:end])
        cost = sum(directed_cost(part[parents[v]], part[v], 0) for v in order[1:])
        least = max((directed_cost(part[root], part[v], 0) for v in range(n) if v != root), default=0)
        if cost > least:
            samples = np.delete(part[:n], root, axis=0)
            narrow = _profiles(samples.min(axis=0), samples.max(axis=0))
            wide = _profiles(part[:n].min(axis=0), part[:n].max(axis=0) + 1)
            is_proved = False
            for candidates in (narrow, wide):
                best = -1
                if candidates is not None:
                    best = sankoff_profiles(candidates, part, parents, order, n, cost, MOST_CANDIDATES)
                if best >= 0:
                    cost = best
                    found[:, start:end] = part
                is_proved = best >= 0 and candidates is wide
            n_open += not is_proved and cost > least
        total += cost
    return ExactAncestors(found, int(total), n_open)


def _profiles(low: IntArray, high: IntArray) -> IntArray | None:
    """All profiles between two, (M, N); None if they are too many."""
    if np.prod((high - low + 1).astype(np.float64)) > MOST_PROFILES:
        return None
    axes = [np.arange(a, b + 1) for a, b in zip(low.tolist(), high.tolist())]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(low))
