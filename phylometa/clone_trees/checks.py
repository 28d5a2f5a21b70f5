"""What a reader should know about a tree posterior: violations of the sum condition, and equivalent trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import ReadModel
from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import children_of

__all__ = ["equivalent_trees", "sum_condition_violations"]


def sum_condition_violations(
    parents: NDArray[np.integer],
    model: ReadModel,
    names: Sequence[str],
    *,
    min_z: float = 3.0,
    min_excess: float = 0.02,
) -> list[dict[str, Any]]:
    """Find where a tree's clusters contradict it: children that together exceed their parent in a sample.

    Parameters
    ----------
    parents : int array (K,)
        -1 at founders.
    model : ReadModel
    names : sequence of str, length K
    min_z : float
        Excess over its standard error from which it is named.
    min_excess : float
        Excess (prevalence) from which it is named.

    Returns
    -------
    list of dict
        JSON-ready, the largest first: ``cluster`` (the parent), ``children``, ``sample`` (index), ``prevalence`` of
        the parent, ``sum_of_children``, ``excess``, ``z``, ``likely_cause``.

    Notes
    -----
    z = (sum F_c - F_v) / sqrt(var_v + sum var_c), of the clusters' own maximum-likelihood prevalences.
    """
    children = children_of(np.asarray(parents))
    found = []
    for v, below in enumerate(children):
        if not below:
            continue
        excess = model.observed[below].sum(axis=0) - model.observed[v]
        z = excess / np.sqrt((model.sd[[v, *below]] ** 2).sum(axis=0))
        for sample in np.flatnonzero((np.nan_to_num(z) >= min_z) & (np.nan_to_num(excess) >= min_excess)):
            own = float(model.observed[v, sample])
            total = float(model.observed[below, sample].sum())
            found.append(
                {
                    "cluster": names[v],
                    "children": [names[child] for child in below],
                    "sample": int(sample),
                    "prevalence": round(own, 4),
                    "sum_of_children": round(total, 4),
                    "excess": round(float(excess[sample]), 4),
                    "z": round(float(z[sample]), 2),
                    "likely_cause": _likely_cause(own, total, len(below)),
                }
            )
    return sorted(found, key=lambda item: (-item["z"], item["sample"], item["cluster"]))


def _likely_cause(own: float, total: float, n_children: int) -> str:
    if own < 0.05:
        return "the parent's mutations are absent where its descendants are present: their allele was lost there"
    if total > 1.05 and own > 0.9:
        return "prevalences above 1: the sample's purity is underestimated, or its copy number is wrong"
    if n_children == 1:
        return "a mutation lost, or a wrong copy number, in a part of the parent's cells"
    return "clusters of different clones merged, or a wrong copy number of one cluster"


def equivalent_trees(log_score: FloatArray, *, tolerance: float = 0.1) -> list[list[int]]:
    """Find groups of listed trees that the reads cannot tell apart.

    Parameters
    ----------
    log_score : float64 array (T,)
        Log posterior weight up to a constant.
    tolerance : float
        Trees within this much (natural log) of their group's best are together.

    Returns
    -------
    list of lists of tree indices
        Best group first; trees that are alone are groups of one.

    Examples
    --------
    >>> equivalent_trees(np.array([-10.0, -10.05, -12.0]))
    [[0, 1], [2]]
    """
    order = np.argsort(-np.asarray(log_score), kind="stable")
    groups: list[list[int]] = []
    top = np.inf
    for tree in order.tolist():
        if top - log_score[tree] > tolerance or not groups:
            groups.append([])
            top = float(log_score[tree])
        groups[-1].append(tree)
    return groups
