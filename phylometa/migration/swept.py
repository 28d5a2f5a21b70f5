"""Ancestors that no sample shows: where most are gone, whichever site kept one looks like the source.

A clone with descendants that was replaced by them everywhere has no place in the data, and parsimony puts it wherever
that saves migrations. The process model lets a clone have copies that were swept away; with rates of such tumours it
does not take a kept copy for the source (docs/methods/migration.md, benchmarks/process_model.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.scenario import Scenario
from phylometa.model.arrays import BoolArray, IntArray

__all__ = ["SWEPT_SHARE", "are_swept", "count_ancestors", "settings_for"]

# Of the clones with descendants at least this share, and so many, are in no sample. Of 140 simulated patients, in whom
# 10 to 70 % of the populations die out, 5 are like that, of 38 of SISTEM 37: `benchmarks/process_model.py`.
SWEPT_SHARE, _LEAST = 0.5, 3


def count_ancestors(states: Iterable[tuple[IntArray, BoolArray, float]]) -> tuple[float, float]:
    """Count the clones with descendants, and those of them that are in no sampled site.

    Parameters
    ----------
    states : iterable of (int64 array (K,), bool array (K, n_sites), float)
        Parent of every clone, below 0 the root's; presence; weight.

    Returns
    -------
    (float, float)
        In no site, and all: means over the states, by weight.
    """
    n_gone = n_all = total = 0.0
    for parents, presence, weight in states:
        above = np.unique(parents[parents >= 0])
        n_gone += weight * int((~presence[above].any(axis=1)).sum())
        n_all += weight * len(above)
        total += weight
    return n_gone / total, n_all / total


def are_swept(n_gone: float, n_all: float) -> bool:
    """Tell whether too many ancestors are gone for parsimony; arguments as `count_ancestors` returns them."""
    return n_gone >= max(_LEAST, SWEPT_SHARE * n_all)


def settings_for(scenarios: Sequence[Scenario], settings: MigrationSettings) -> MigrationSettings:
    """Choose what weighs the histories of a patient: with swept ancestors, the process model with the rates `swept`.

    Parameters
    ----------
    scenarios : sequence of Scenario
        All of the patient.
    settings : MigrationSettings
        The choice is made if `by_ancestors`, and the model is parsimony.

    Returns
    -------
    MigrationSettings
        As given, or with the process model.
    """
    if not settings.by_ancestors or settings.model == "process":
        return settings
    states = ((np.asarray(s.tree.parents), np.asarray(s.presence, dtype=bool), s.weight) for s in scenarios)
    if not are_swept(*count_ancestors(states)):
        return settings
    return replace(settings, model="process", process=settings.swept)
