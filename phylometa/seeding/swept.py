"""Ancestors that no sample shows: labels of a patient who lost most of them are not calibrated.

Histories of such patients are weighed by a model of their own (`phylometa.migration.swept`), which halves the loss of
log score that parsimony has there; that its probabilities are right to .05 was not shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from phylometa.migration.swept import SWEPT_SHARE, are_swept, count_ancestors
from phylometa.model.arrays import IntArray
from phylometa.model.history import HistoryEnsemble
from phylometa.model.quality import QualityFinding

__all__ = ["find_swept"]


def find_swept(parents: Sequence[IntArray] | IntArray, histories: HistoryEnsemble) -> QualityFinding | None:
    """Tell whether too many ancestors are gone for labels to be calibrated.

    Parameters
    ----------
    parents : sequence of int64 arrays (K,)
        Parents of the clones of every tree, by the index that the entries of `histories` have.
    histories : HistoryEnsemble

    Returns
    -------
    QualityFinding or None
        Of the stratum ``swept_ancestors``.
    """
    n_gone, n_all = count_ancestors((parents[entry.tree], entry.presence, entry.weight) for entry in histories.trees)
    if not are_swept(n_gone, n_all):
        return None
    return QualityFinding(
        "swept_ancestors",
        f"{n_gone:.1f} of {n_all:.1f} clones with descendants are in no sample",
        f"below {100 * SWEPT_SHARE:.0f} %",
        "warning",
        "sample more regions of the primary: the ancestors of the metastases may be left in one",
        stratum="swept_ancestors",
    )
