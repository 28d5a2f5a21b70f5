"""The copy-number tree of samples against the SNV clone tree.

A node without an event on the branch above it is no group of samples and is passed over.

Every SNV clone splits the samples into those that carry it and the others; every node of the copy-number tree into
those below it and the others. Robinson-Foulds counts the splits that only one side has; two splits conflict if each
of the three sets carriers and below, carriers only, below only has a sample (on a tree rooted at the diploid they
cannot both be clades). The cophenetic correlation is Pearson's, over pairs of samples, between events and mutations
that lie above the pair's last common ancestor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.copy_number import CopyNumberResult

__all__ = ["compare_with_clones"]


def compare_with_clones(
    result: CopyNumberResult,
    clone_names: Sequence[str],
    presence: BoolArray,
    n_mutations: IntArray,
    sample_names: Sequence[str],
) -> dict[str, Any]:
    """Measure how far the copy-number tree agrees with SNV clones.

    Parameters
    ----------
    result : CopyNumberResult
    clone_names : sequence of str, length K
    presence : bool array (K, S)
        Whether the clone, or a descendant of it, is in the sample.
    n_mutations : int array (K,)
    sample_names : sequence of str, length S
        Columns of `presence`; those that are not in the copy-number tree are passed over.

    Returns
    -------
    dict
        ``robinson_foulds`` (splits of two samples to all but one that only one side has), ``n_splits`` (copy number,
        SNV), ``normalised`` (NaN without splits), ``cophenetic`` (NaN below three samples or without variation),
        ``conflicts`` (``node``, ``samples``, ``support``, ``events``, ``clone``, ``carriers``, ``mutations``) and
        ``nodes`` (node -> clone with the same samples).
    """
    shared = [name for name in result.sample_names if name in sample_names]
    columns = [list(sample_names).index(name) for name in shared]
    carried = np.asarray(presence, dtype=bool)[:, columns]
    n = len(shared)
    carriers = [frozenset(shared[s] for s in np.flatnonzero(row)) for row in carried]
    below = {v: result.clade(v) & set(shared) for v in range(len(result.node_names)) if result.parents[v] >= 0}
    inner = {v: group for v, group in below.items() if 2 <= len(group) < n and result.branch_lengths[v] > 0}
    snv_splits = {group for group in carriers if 2 <= len(group) < n}
    cn_splits = set(inner.values())
    conflicts, nodes = [], {}
    for v, group in below.items():
        equal = [clone_names[k] for k, other in enumerate(carriers) if other == group]
        if equal and (v in inner or len(group) in (1, n)):
            nodes[result.node_names[v]] = equal
        for k, other in enumerate(carriers):
            if v in inner and group & other and group - other and other - group:
                conflicts.append(
                    {
                        "node": result.node_names[v],
                        "samples": [name for name in shared if name in group],
                        "support": float(result.support[v]),
                        "events": int(result.branch_lengths[v]),
                        "clone": clone_names[k],
                        "carriers": [name for name in shared if name in other],
                        "mutations": int(n_mutations[k]),
                    }
                )
    distance = len(cn_splits ^ snv_splits)
    n_both = len(cn_splits) + len(snv_splits)
    depths, counts = [], []
    for i in range(n):
        for j in range(i + 1, n):
            pair = {shared[i], shared[j]}
            depths.append(sum(int(result.branch_lengths[v]) for v, group in below.items() if pair <= group))
            counts.append(int(np.asarray(n_mutations)[carried[:, i] & carried[:, j]].sum()))
    varies = len(depths) >= 3 and np.ptp(depths) > 0 and np.ptp(counts) > 0
    return {
        "robinson_foulds": distance,
        "n_splits": [len(cn_splits), len(snv_splits)],
        "normalised": distance / n_both if n_both else math.nan,
        "cophenetic": float(np.corrcoef(depths, counts)[0, 1]) if varies else math.nan,
        "conflicts": conflicts,
        "nodes": nodes,
    }
