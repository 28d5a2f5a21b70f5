"""Ancestors that no sample shows: where most are gone, whichever site kept one looks like the source.

A clone with descendants that was replaced by them everywhere has no place in the data, and parsimony puts it wherever
that saves migrations. On simulated patients in whom few ancestors are gone labels are calibrated; on patients of an
agent-based simulator, in whom nearly all are, half of the supported labels are wrong
(docs/methods/migration.md, benchmarks/process_model.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.model.arrays import IntArray
from phylometa.model.history import HistoryEnsemble
from phylometa.model.quality import QualityFinding

__all__ = ["count_ancestors", "find_swept"]

# Of the clones with descendants at least this share, and so many, are in no sample. Of 140 simulated patients, in whom
# 10 to 70 % of the populations die out, 5 are like that (58 of 58 supported labels right); of 19 of SISTEM 18 (20 of
# 35): `process_model.py`.
_SHARE, _LEAST = 0.5, 3


def count_ancestors(parents: Sequence[IntArray] | IntArray, histories: HistoryEnsemble) -> tuple[float, float]:
    """Count the clones with descendants, and those of them that are in no sampled site.

    Parameters
    ----------
    parents : sequence of int64 arrays (K,)
        Parents of the clones of every tree, by the index that the entries of `histories` have.
    histories : HistoryEnsemble

    Returns
    -------
    (float, float)
        In no site, and all: means over the draws, by weight.
    """
    n_gone = n_all = weight = 0.0
    for entry in histories.trees:
        of_tree = parents[entry.tree]
        above = np.unique(of_tree[of_tree >= 0])
        n_gone += entry.weight * int((~entry.presence[above].any(axis=1)).sum())
        n_all += entry.weight * len(above)
        weight += entry.weight
    return n_gone / weight, n_all / weight


def find_swept(parents: Sequence[IntArray] | IntArray, histories: HistoryEnsemble) -> QualityFinding | None:
    """Tell whether too many ancestors are gone for labels to be calibrated.

    Parameters
    ----------
    parents, histories
        See `count_ancestors`.

    Returns
    -------
    QualityFinding or None
        Of the stratum ``swept_ancestors``.
    """
    n_gone, n_all = count_ancestors(parents, histories)
    if n_gone < max(_LEAST, _SHARE * n_all):
        return None
    return QualityFinding(
        "swept_ancestors",
        f"{n_gone:.1f} of {n_all:.1f} clones with descendants are in no sample",
        f"below {100 * _SHARE:.0f} %",
        "warning",
        "sample more regions of the primary: the ancestors of the metastases may be left in one",
        stratum="swept_ancestors",
    )
