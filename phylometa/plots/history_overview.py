"""Histories as figures need them: in the order in which they are shown, and their migrations summed over all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.result import PatientResult

__all__ = [
    *("HistoryOverview", "Migration", "MigrationSums"),
    *("best_ways", "migration_edges", "ranked_histories", "sum_migrations", "withheld_routes"),
]


def ranked_histories(histories: HistoryEnsemble) -> list[tuple[TreeHistories, MigrationHistory]]:
    """(tree, history) pairs by falling weight; ties keep the ensemble's order."""
    return sorted(histories, key=lambda pair: -pair[1].weight)


@dataclass(frozen=True, slots=True)
class Migration:
    """Migration of one clone between two sites (or of several clones, drawn as one edge).

    Parameters
    ----------
    source, target : int
        Sites.
    founding_clones : tuple of int
        The clone that arrives; if edges are merged those of the drawn history, or of all histories if it has none.
    departing_clones : tuple of int
        The clones they depart from, in the same histories.
    probability : float
        Summed weight of the histories that contain it (any of them, if merged).
    is_in_history : bool
        Part of the history that is drawn in colour.
    is_withheld : bool
        Not determined although it is probable enough: its error or the quality of the input forbids it.
    """

    source: int
    target: int
    founding_clones: tuple[int, ...]
    departing_clones: tuple[int, ...]
    probability: float
    is_in_history: bool
    is_withheld: bool = False

    @property
    def drawn_probability(self) -> float:
        """The probability by which its line is drawn: 0 of a withheld one."""
        return 0.0 if self.is_withheld else self.probability


@dataclass(frozen=True, eq=False)
class MigrationSums:
    """Migrations summed over an ensemble; the key is (source, target, founding clone), or (source, target) if merged.

    Parameters
    ----------
    is_merged : bool
    probability : mapping
        Key -> summed weight of the histories that contain it.
    clones : mapping
        Key -> (departing, founding) clones, over all histories.
    """

    is_merged: bool
    probability: Mapping[tuple[int, ...], float]
    clones: Mapping[tuple[int, ...], frozenset[tuple[int, int]]]


def _keys(history: MigrationHistory, is_merged: bool) -> dict[tuple[int, ...], set[tuple[int, int]]]:
    found: dict[tuple[int, ...], set[tuple[int, int]]] = defaultdict(set)
    for u, s, v, t in history.migrations.tolist():
        found[(s, t) if is_merged else (s, t, v)].add((u, v))
    return found


def sum_migrations(histories: HistoryEnsemble, *, is_merged: bool) -> MigrationSums:
    """Sum the migrations of all histories, each history once per key."""
    probability: dict[tuple[int, ...], float] = defaultdict(float)
    clones: dict[tuple[int, ...], set[tuple[int, int]]] = defaultdict(set)
    for _, history in histories:
        for key, pairs in _keys(history, is_merged).items():
            probability[key] += history.weight
            clones[key] |= pairs
    return MigrationSums(is_merged, dict(probability), {key: frozenset(pairs) for key, pairs in clones.items()})


def migration_edges(
    histories: HistoryEnsemble,
    drawn: MigrationHistory | None = None,
    *,
    is_merged: bool = False,
    sums: MigrationSums | None = None,
) -> tuple[Migration, ...]:
    """All migrations of the ensemble with their probability.

    Parameters
    ----------
    histories : HistoryEnsemble
    drawn : MigrationHistory, optional
        Its edges are marked, and merged ones stand for the clones they have in it; the most probable history if
        omitted.
    is_merged : bool
        One edge per pair of sites instead of one per pair of sites and founding clone.
    sums : MigrationSums, optional
        Those of `histories`, if they are at hand.

    Returns
    -------
    tuple of Migration
        By source, target, founding clone.
    """
    if sums is None:
        sums = sum_migrations(histories, is_merged=is_merged)
    marked = _keys(histories.best[1] if drawn is None else drawn, sums.is_merged)
    edges = []
    for key in sorted(sums.probability):
        pairs = marked.get(key, sums.clones[key])
        departing, founding = ({pair[i] for pair in pairs} for i in (0, 1))
        probability = min(1.0, sums.probability[key])
        edges.append(
            Migration(key[0], key[1], tuple(sorted(founding)), tuple(sorted(departing)), probability, key in marked)
        )
    return tuple(edges)


def withheld_routes(result: PatientResult) -> frozenset[tuple[int, int]]:
    """Find the routes that are probable enough to be favoured but are not determined: by their error, or by a cap.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    frozenset of (source, target)
        Indices of sites. Figures draw them as not determined, or leave them out.
    """
    if result.labels is None:
        return frozenset()
    labels, index = result.labels, result.patient.site_names.index
    return frozenset(
        (index(route.source), index(route.target))
        for route in labels.certainty.routes
        if route.level == "not determined" and route.probability >= labels.settings.favoured_probability
    )


def best_ways(edges: Sequence[Migration]) -> list[Migration]:
    """Choose the most probable migration into every site that more probably has one than not, and all above 1/2.

    Migrations into one site exclude each other or not; the sum of their probabilities bounds that of any of them.
    """
    found = []
    for target in sorted({edge.target for edge in edges}):
        entering = sorted((e for e in edges if e.target == target), key=lambda e: (-e.probability, e.source))
        if sum(e.probability for e in entering) >= 0.5:
            found += [entering[0], *(e for e in entering[1:] if e.probability > 0.5)]
    return found


class HistoryOverview:
    """What the graphs of all histories of an ensemble share: their ranking and the summed migrations.

    Parameters
    ----------
    histories : HistoryEnsemble
    """

    def __init__(self, histories: HistoryEnsemble) -> None:
        self.ranked = ranked_histories(histories)
        self._histories = histories
        self._sums: dict[bool, MigrationSums] = {}

    def sums(self, is_merged: bool) -> MigrationSums:
        """Return the summed migrations, computed when first asked for."""
        if is_merged not in self._sums:
            self._sums[is_merged] = sum_migrations(self._histories, is_merged=is_merged)
        return self._sums[is_merged]
