"""What sample would settle a label that the present ones do not determine.

Each candidate (another region of a site, deeper sequencing of a site, ordering the clones) would reveal one feature of
the truth; the candidate whose feature removes the largest share of the label's entropy is named, of equal ones the
first in the order of `_candidates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from phylometa.config import SeedingSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.seeding.batch import HistoryBatch, LabelColumn, distinct_rows

__all__ = ["explained_entropy", "settle_labels"]

# A candidate must remove at least this share of a label's entropy to be worth naming.
_MIN_SHARE = 0.1
# Shares that differ by less are equal: weights that were written to a file and read again have eight digits.
_SHARE_TOLERANCE = 1e-6
_LISTED_CLONES = 4
_CLUSTERS = "deeper sequencing, to tell which mutations form a clone"


class _Candidate(NamedTuple):
    """A sample that could be taken: the words for it, and what it would reveal, coded as one number per history."""

    words: str
    codes: IntArray


def settle_labels(
    tables: Sequence[tuple[HistoryBatch, Mapping[tuple[str, str], LabelColumn]]],
    labels: Mapping[str, Any],
    settings: SeedingSettings,
) -> dict[str, str]:
    """Find what would settle each label that is neither supported nor favoured.

    Parameters
    ----------
    tables : sequence of (HistoryBatch, columns)
        All histories with their labels (`phylometa.seeding.labels.label_batch`).
    labels : mapping
        Distributions, as in `SeedingLabels.labels`.
    settings : SeedingSettings

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
    first = tables[0][0]
    if first.sites[first.primary].is_virtual:
        return {_key(name, site): "a sample of the primary" for name, site in open_labels}
    weights = np.concatenate([batch.weights for batch, _ in tables])
    candidates = _candidates([batch for batch, _ in tables])
    settled = {}
    for name, site in open_labels:
        codes = _common_codes([(batch.n_histories, columns.get((name, site))) for batch, columns in tables])
        if np.bincount(codes, weights=weights).max() >= settings.favoured_probability * weights.sum():
            settled[_key(name, site)] = _CLUSTERS  # open over all clusterings, not with these clusters
            continue
        shares = [explained_entropy(codes, candidate.codes, weights) for candidate in candidates]
        largest = max(shares, default=0.0)
        if largest >= _MIN_SHARE:
            best = next(i for i, share in enumerate(shares) if share >= largest - _SHARE_TOLERANCE)
            settled[_key(name, site)] = candidates[best].words
        else:
            settled[_key(name, site)] = (
                "mutations that only two of the sites share, from deeper sequencing "
                "(the clones seen so far fit every one of these routes)"
            )
    return settled


def explained_entropy(label: IntArray, feature: IntArray, weights: FloatArray) -> float:
    """Compute the mutual information of a label and a feature as a share of the label's entropy, in [0, 1].

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


def _candidates(batches: Sequence[HistoryBatch]) -> list[_Candidate]:
    """Samples that would reveal something the histories disagree on, in order of preference, then of sites."""
    names, sites = batches[0].tree.names, batches[0].sites
    sizes = [batch.n_histories for batch in batches]
    candidates = []
    for s, site in enumerate(sites):
        here = np.arange(len(sites)) == s
        hidden = np.concatenate([batch.clones_in(here) & ~batch.presence[:, s] for batch in batches])
        distinct, codes = distinct_rows(hidden)
        if len(distinct) > 1:
            words = f"another region of {site.name} (is {_clone_list(names, _varies(distinct))} there?)"
            candidates.append(_Candidate(words, codes))
    for s, site in enumerate(sites):
        distinct, codes = distinct_rows(np.array([batch.presence[:, s] for batch in batches]))
        if len(distinct) > 1:
            words = f"deeper sequencing of {site.name} (is {_clone_list(names, _varies(distinct))} there?)"
            candidates.append(_Candidate(words, np.repeat(codes, sizes)))
    parents = np.array([batch.tree.parents for batch in batches])
    placed, codes = np.unique(parents, axis=0, return_inverse=True)
    if len(placed) > 1:
        words = f"single cells or more regions, to order {_clone_list(names, _varies(placed), is_one=False)}"
        candidates.append(_Candidate(words, np.repeat(codes.reshape(-1), sizes)))
    return candidates


def _varies(rows: BoolArray | IntArray) -> BoolArray:
    """Columns (m,) in which the rows (n, m) differ."""
    return np.asarray((rows != rows[0]).any(axis=0), dtype=bool)


def _clone_list(names: Sequence[str], members: BoolArray, *, is_one: bool = True) -> str:
    """The clones in words, or how many there are if a list would not help."""
    chosen = [names[v] for v in np.flatnonzero(members).tolist()]
    if len(chosen) == 1:
        return f"clone {chosen[0]}"
    one_of = "one of " if is_one else ""
    if len(chosen) > _LISTED_CLONES:
        return f"{one_of}{len(chosen)} clones"
    return f"{one_of}the clones {', '.join(chosen)}"


def _common_codes(columns: Sequence[tuple[int, LabelColumn | None]]) -> IntArray:
    """Codes 0, 1, ... of one label over all batches; histories without a value share a code of their own."""
    numbers: dict[str, int] = {}
    parts = []
    for n_histories, column in columns:
        if column is None:
            parts.append(np.zeros(n_histories, dtype=np.int64))
        else:
            table = [0, *(numbers.setdefault(value, len(numbers) + 1) for value in column.values)]
            parts.append(np.array(table, dtype=np.int64)[column.codes + 1])
    return np.concatenate(parts)


def _by_site(distribution: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    if all(isinstance(value, Mapping) for value in distribution.values()):
        return list(distribution.items())
    return [("", distribution)]


def _key(name: str, site: str) -> str:
    return f"{name}:{site}" if site else name


def _entropy(probabilities: FloatArray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())
