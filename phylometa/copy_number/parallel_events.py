"""The same event twice: on branches of which neither is above the other, below an ancestor unaltered there.

The null shuffles events over the branches; every branch keeps its number of events.
"""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.copy_number import CopyNumberEvent, ParallelEvent, ParallelTest

__all__ = ["find_parallel_events"]

# Two events are at the same place if the part both cover is at least this share of the longer one.
MIN_OVERLAP = 0.5


def find_parallel_events(
    events: tuple[CopyNumberEvent, ...],
    node_names: tuple[str, ...],
    parents: IntArray,
    *,
    permutations: int,
    rng: np.random.Generator,
) -> tuple[tuple[ParallelEvent, ...], ParallelTest | None]:
    """Find parallel and mirrored events, and test their number.

    Parameters
    ----------
    events : tuple of CopyNumberEvent
        Doublings are passed over.
    node_names : tuple of str
    parents : int64 array (n_nodes,)
    permutations : int
        0: no test.
    rng : numpy.random.Generator

    Returns
    -------
    (tuple of ParallelEvent, ParallelTest or None)
        Pairs of the same direction and chromosome that share at least half of the longer event, on branches without
        ancestor-descendant relation, no event of either allele's kind at the shared part on their common path.
        ``is_mirrored`` if the alleles differ (phased alleles only).
    """
    listed = [event for event in dict.fromkeys(events) if event.kind != "doubling"]
    if len(listed) < 2:
        return (), None
    node = {name: v for v, name in enumerate(node_names)}
    branch = np.array([node[event.branch] for event in listed])
    chroms = {name: k for k, name in enumerate(dict.fromkeys(event.chrom for event in listed))}
    chrom = np.array([chroms[event.chrom] for event in listed])
    start = np.array([event.start for event in listed])
    end = np.array([event.end for event in listed])
    is_gain = np.array([event.kind == "gain" for event in listed])
    is_above = ancestor_matrix(parents)
    allele_names = sorted({event.allele for event in listed})
    allele = np.array([allele_names.index(event.allele) for event in listed])
    shared = np.minimum(end[:, None], end) - np.maximum(start[:, None], start)
    same_chrom = chrom[:, None] == chrom
    touches = (same_chrom & (shared > 0)).astype(np.float32)
    longer = np.maximum((end - start)[:, None], end - start)
    alike = same_chrom & (is_gain[:, None] == is_gain) & (shared >= MIN_OVERLAP * longer)
    is_phased = not {"major", "minor"} & set(allele_names)
    same_allele = allele[:, None] == allele
    if not is_phased:
        alike &= same_allele
    touches_allele = touches * same_allele
    first, second = np.nonzero(np.triu(alike, 1))

    def found(at: IntArray) -> BoolArray:
        """Pairs that are parallel if event e lies on branch at[e]."""
        is_apart = ~(is_above[at[first], at[second]] | is_above[at[second], at[first]])
        # altered[v, e]: an event of the same allele touches the place of e on the path to v
        altered = is_above[at].T.astype(np.float32) @ touches_allele > 0
        ancestor = _common_ancestor(is_above, at[first], at[second])
        return is_apart & ~altered[ancestor, first] & ~altered[ancestor, second]

    is_parallel = found(branch)
    pairs = []
    for i, j in zip(first[is_parallel].tolist(), second[is_parallel].tolist()):
        a, b = listed[i], listed[j]
        low, high = max(a.start, b.start), min(a.end, b.end)
        is_mirrored = a.allele != b.allele
        pairs.append(ParallelEvent((a.branch, b.branch), a.kind, a.chrom, low, high, (a.allele, b.allele), is_mirrored))
    if not permutations or not len(first):
        return tuple(pairs), None
    counts = np.array([int(found(branch[rng.permutation(len(branch))]).sum()) for _ in range(permutations)])
    p_value = (1 + int((counts >= len(pairs)).sum())) / (1 + permutations)
    return tuple(pairs), ParallelTest(len(pairs), float(counts.mean()), p_value, permutations)


def _common_ancestor(is_above: BoolArray, a: IntArray, b: IntArray) -> IntArray:
    """Lowest node above (or equal to) both, pair by pair."""
    depth = is_above.sum(axis=0)
    common = is_above[:, a] & is_above[:, b]
    return np.asarray(np.argmax(common * depth[:, None], axis=0))
