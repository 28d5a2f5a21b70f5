"""Results on disk held to what they mean: weights add up, probabilities are some, trees are trees.

A file that was changed by hand or cut short must not become an answer. Every function raises ValueError, which
`phylometa.io.documents.reading` turns into an InputError that names the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from phylometa.model.clusters import Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["check_clusters", "check_histories", "check_probabilities", "check_trees"]

# What rounding to 8 digits leaves of a sum over thousands of weights.
TOLERANCE = 1e-4
PATTERNS = frozenset(("PS", "S", "M", "R", "none"))


def _check_between(name: str, values: ArrayLike, low: float, high: float, *, is_nan_allowed: bool = False) -> None:
    numbers = np.asarray(values, dtype=np.float64)
    wrong = ~((numbers >= low - TOLERANCE) & (numbers <= high + TOLERANCE))
    if is_nan_allowed:
        wrong &= ~np.isnan(numbers)
    if wrong.any():
        raise ValueError(f"{name} {numbers[wrong].flat[0]:g} is outside {low:g} to {high:g}")


def _check_sum(name: str, values: Iterable[float]) -> None:
    total = float(np.sum(np.fromiter(values, dtype=np.float64)))
    if not abs(total - 1.0) < TOLERANCE:
        raise ValueError(f"{name} add up to {total:g}, not to 1")


def check_trees(trees: TreeEnsemble) -> None:
    """Raise ValueError unless every parent vector is one tree, weights add up to 1 and shares are shares."""
    n = len(trees.names)
    parents = np.asarray(trees.parents)
    if not len(parents):
        raise ValueError("no trees")
    if not ((parents >= -1) & (parents < n)).all() or not ((parents == -1).sum(axis=1) == 1).all():
        raise ValueError("a tree has no root, or more than one")
    above = parents.copy()
    for _ in range(max(n, 1).bit_length()):  # each step doubles how far it looks up
        above = np.where(above >= 0, np.take_along_axis(above, np.maximum(above, 0), axis=1), -1)
    if (above >= 0).any():
        raise ValueError("a tree has a circle")
    check_probabilities(trees.diagnostics.get("clusterings"))
    _check_between("weight", trees.weights, 0.0, 1.0)
    _check_sum("weights of the trees", trees.weights)
    _check_between("proportion", trees.proportions, 0.0, 1.0, is_nan_allowed=True)
    _check_between("presence", trees.presence, 0.0, 1.0, is_nan_allowed=True)
    if trees.scenarios:
        _check_between("weight", [scenario.weight for scenario in trees.scenarios], 0.0, 1.0)
        _check_sum("weights of the scenarios", (scenario.weight for scenario in trees.scenarios))
        if not all(0 <= scenario.tree < len(parents) for scenario in trees.scenarios):
            raise ValueError("a scenario is of a tree that is not listed")


def check_histories(histories: HistoryEnsemble) -> None:
    """Raise ValueError unless weights of trees and of histories add up to 1, and patterns are known ones."""
    listed = [history for _, history in histories]
    _check_between("weight", [entry.weight for entry in histories.trees], 0.0, 1.0)
    _check_between("weight", [history.weight for history in listed], 0.0, 1.0)
    _check_sum("weights of the histories", (history.weight for history in listed))
    for history in listed:
        if history.pattern not in PATTERNS:
            raise ValueError(f"pattern {history.pattern!r} is none of {', '.join(sorted(PATTERNS))}")
        counts = (history.unobserved, history.comigrations, history.seeding_sites)
        if not all(int(count) == count >= 0 for count in counts):
            raise ValueError("a count of a history is no whole number of at least 0")


def check_clusters(clusters: Clustering) -> None:
    """Raise ValueError unless probabilities are some, and cancer cell fractions not negative with bounds in order."""
    _check_between("probability", clusters.probability, 0.0, 1.0, is_nan_allowed=True)
    for name in ("ccf", "ccf_lo", "ccf_hi"):
        _check_between(name, getattr(clusters, name), 0.0, np.inf, is_nan_allowed=True)
    if (clusters.ccf_lo > clusters.ccf_hi + TOLERANCE).any():
        raise ValueError("ccf_lo is above ccf_hi")


def check_probabilities(document: Any, *, is_probability: bool = False) -> None:
    """Raise ValueError if what a JSON document calls a probability is none.

    A number is one if its key, or that of an object around it, is ``labels`` or ``weight`` or names a probability.
    """
    if isinstance(document, dict):
        for key, value in document.items():
            is_named = key == "labels" or "probabilit" in key or key == "weight"
            if key in ("weight", "probability") and isinstance(value, (str, bool)):
                raise ValueError(f"{key} {value!r} is no number")
            check_probabilities(value, is_probability=is_probability or is_named)
    elif isinstance(document, list):
        for value in document:
            if is_probability or isinstance(value, (dict, list)):
                check_probabilities(value, is_probability=is_probability)
    elif is_probability and isinstance(document, (int, float)) and not isinstance(document, bool):
        _check_between("probability", document, 0.0, 1.0)
