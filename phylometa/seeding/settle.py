"""What sample would settle a label that the present ones do not determine.

Each candidate (another region of a site, deeper sequencing of a site, ordering the clones) would reveal one feature of
the truth; the candidate whose feature removes the largest share of the label's entropy is named.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.config import SeedingSettings
from phylometa.data import FloatArray, IntArray, Site
from phylometa.trees import CloneTree, TreeHistories

__all__ = ["LabelRow", "explained_entropy", "settle_labels"]

# A candidate must remove at least this share of a label's entropy to be worth naming.
_MIN_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class LabelRow:
    """Labels of one history, with its weight, the index of its scenario and its unobserved (clone, site) nodes."""

    weight: float
    scenario: int
    hidden: frozenset[tuple[int, int]]
    labels: Mapping[str, Any]


@dataclass(frozen=True)
class _Candidate:
    """A sample that could be taken: the words for it, and what it would reveal, coded one number a history."""

    words: str
    codes: IntArray


def settle_labels(
    rows: Sequence[LabelRow],
    scenarios: Sequence[tuple[CloneTree, TreeHistories]],
    sites: Sequence[Site],
    labels: Mapping[str, Any],
    settings: SeedingSettings,
    *,
    primary: int,
) -> dict[str, str]:
    """What would settle each label that is neither supported nor favoured.

    Parameters
    ----------
    rows : sequence of LabelRow
        All histories.
    scenarios : sequence of (CloneTree, TreeHistories)
    sites : sequence of Site
    labels : mapping
        Distributions, as in `SeedingLabels.labels`.
    settings : SeedingSettings
    primary : int

    Returns
    -------
    dict
        ``label`` or ``label:site`` -> a phrase.
    """
    open_labels = [
        (name, site)
        for name, distribution in labels.items()
        for site, values in _by_site(distribution)
        if max(values.values(), default=1.0) < settings.favoured_probability
    ]
    if not open_labels:
        return {}
    if sites[primary].is_virtual:
        return {_key(name, site): "a sample of the primary" for name, site in open_labels}
    weights = np.array([row.weight for row in rows])
    candidates = _candidates(rows, scenarios, sites)
    settled = {}
    for name, site in open_labels:
        values = [row.labels[name] if site is None else row.labels[name].get(site, "") for row in rows]
        codes = _codes(values)
        shares = [explained_entropy(codes, candidate.codes, weights) for candidate in candidates]
        best = int(np.argmax(shares)) if shares else -1
        if best >= 0 and shares[best] >= _MIN_SHARE:
            settled[_key(name, site)] = candidates[best].words
        else:
            settled[_key(name, site)] = (
                "mutations that only two of the sites share, from deeper or genome-wide sequencing "
                "(the clones seen so far fit every one of these routes)"
            )
    return settled


def explained_entropy(label: IntArray, feature: IntArray, weights: FloatArray) -> float:
    """Mutual information of a label and a feature as a share of the label's entropy, in [0, 1].

    Parameters
    ----------
    label, feature : int arrays (n,)
        Codes 0, 1, ... of each history's value.
    weights : float array (n,)

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> explained_entropy(np.array([0, 1]), np.array([0, 1]), half), explained_entropy(np.array([0, 1]), half < 0, half)
    (1.0, 0.0)
    """
    n_values = int(label.max()) + 1
    joint = np.bincount(feature.astype(np.int64) * n_values + label, weights=weights)
    joint = np.pad(joint, (0, -len(joint) % n_values)).reshape(-1, n_values) / weights.sum()
    of_label, of_feature = joint.sum(axis=0), joint.sum(axis=1)
    entropy = _entropy(of_label)
    return (entropy + _entropy(of_feature) - _entropy(joint.ravel())) / entropy if entropy > 0 else 0.0


def _candidates(
    rows: Sequence[LabelRow], scenarios: Sequence[tuple[CloneTree, TreeHistories]], sites: Sequence[Site]
) -> list[_Candidate]:
    """Samples that would reveal something the histories disagree on, in order of preference."""
    scenario_of = np.array([row.scenario for row in rows])
    candidates = []
    names = scenarios[0][0].names
    for s, site in enumerate(sites):
        hidden = [frozenset(v for v, t in row.hidden if t == s) for row in rows]
        if len(set(hidden)) > 1:
            clones = ", ".join(names[v] for v in sorted(frozenset().union(*hidden)))
            candidates.append(_Candidate(f"another region of {site.name} (is clone {clones} there?)", _codes(hidden)))
    for s, site in enumerate(sites):
        seen = [scenario.presence[:, s].tobytes() for _, scenario in scenarios]
        if len(set(seen)) > 1:
            varying = np.ptp([scenario.presence[:, s].astype(int) for _, scenario in scenarios], axis=0) > 0
            clones = ", ".join(names[v] for v in np.flatnonzero(varying))
            words = f"deeper sequencing of {site.name} (is clone {clones} there?)"
            candidates.append(_Candidate(words, _codes(seen)[scenario_of]))
    trees = [tree.parents.tobytes() for tree, _ in scenarios]
    if len(set(trees)) > 1:
        varying = np.ptp([tree.parents for tree, _ in scenarios], axis=0) > 0
        clones = ", ".join(names[v] for v in np.flatnonzero(varying))
        words = f"more regions or single cells, to place clone {clones} in the tree"
        candidates.append(_Candidate(words, _codes(trees)[scenario_of]))
    return candidates


def _by_site(distribution: Mapping[str, Any]) -> list[tuple[str | None, Mapping[str, float]]]:
    if all(isinstance(value, Mapping) for value in distribution.values()):
        return list(distribution.items())
    return [(None, distribution)]


def _key(name: str, site: str | None) -> str:
    return name if site is None else f"{name}:{site}"


def _codes(values: Sequence[Hashable]) -> IntArray:
    """Each value's number, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _entropy(probabilities: FloatArray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())
