"""Labels of migration histories: pattern, clonality, phyleticity, ongoing evolution, waves.

Every definition that the literature uses is computed under its own name; `docs/glossary.md` has one meaning for each.
The routes (which site seeded which) stand in `phylometa.seeding.routes`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.migration.patterns import PATTERNS
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory
from phylometa.model.label_specs import PATIENT_LABELS, SITE_EXTRAS, SITE_LABELS
from phylometa.model.patient import Site
from phylometa.seeding.batch import (
    NOT_ENTERED,
    HistoryBatch,
    LabelColumn,
    batch_histories,
    column_of_rows,
    column_of_truths,
)
from phylometa.seeding.routes import label_routes

__all__ = [
    "DrawnLabels",
    "count_labels",
    "count_labels_by_draw",
    "is_chain",
    "label_history",
    "label_batch",
    "most_probable",
]

_CLONALITY = ("monoclonal", "polyclonal")
_CHUNK = 2000  # cyclic histories whose path counts are held at a time
_TIE = 1e-9  # probabilities that differ by less are equal: rounding of sums over histories


def label_history(
    tree: CloneTree,
    history: MigrationHistory,
    sites: Sequence[Site],
    *,
    primary: int,
    presence: BoolArray | None = None,
) -> dict[str, Any]:
    """Give all labels of one history.

    Parameters
    ----------
    tree : CloneTree
        The tree the history lives on.
    history : MigrationHistory
    sites : sequence of Site
        Sites in the order of the history's site indices.
    primary : int
        Index of the site in which the history is rooted.
    presence : bool array (K, n_sites), optional
        Clones observed in sites; default: wherever the history places them.

    Returns
    -------
    dict
        `PATIENT_LABELS` (a string each), `SITE_LABELS` (a string per site) and `EXTRA_LABELS`. Labels of a history
        without migrations are ``"none"``; a site that no migration enters has no entry.

    Examples
    --------
    >>> from phylometa.model.history import MigrationHistory
    >>> tree = CloneTree.from_edges([("R", "A")])
    >>> sites = [Site("P", "primary"), Site("M1", "distant")]
    >>> history = MigrationHistory(root=(0, 0), edges=[[0, 0, 1, 0], [1, 0, 1, 1]])
    >>> labels = label_history(tree, history, sites, primary=0)
    >>> labels["pattern"], labels["site_sources"], labels["seeding_clones_primary"]
    ('PS', {'M1': 'P'}, 'A')
    """
    if presence is None:
        presence = np.zeros((tree.n_clones, len(sites)), dtype=bool)
        presence[tuple(np.array(history.nodes).T)] = True
    (batch,) = batch_histories(tree, [history], sites, presence, primary=primary)
    labels: dict[str, Any] = {name: {} for name in SITE_EXTRAS + SITE_LABELS}
    for (name, site), column in label_batch(batch).items():
        code = int(column.codes[0])
        if not site:
            labels[name] = column.values[code]
        elif code >= 0:
            labels[name][site] = column.values[code]
    return labels


def label_batch(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """Give all labels of many histories: (label, site or "") -> column; see `label_history`."""
    tree, sites = batch.tree, batch.sites
    is_migration = batch.is_migration
    from_primary = is_migration & (batch.edges[:, :, 1] == batch.primary)
    is_distant = np.array([site.site_class == "distant" for site in sites])
    is_metastasis = np.array([site.is_metastasis for site in sites])
    leaving = batch.clones_of(from_primary, 0)
    to_distant = batch.clones_of(from_primary & is_distant[batch.edges[:, :, 3]], 0)
    entries = batch.pair_counts.sum(axis=1)
    n_clones = tree.n_clones

    def phyletic(clones: list[int]) -> str:
        return _phyletic(is_chain(tree, clones))

    def common_origin(clones: list[int]) -> str:
        return _phyletic(bool(tree.is_ancestor[np.ix_(clones, clones)].all(axis=1).any()))

    def clade(members: list[int]) -> str:
        metastatic = [v for v in members if v < n_clones]
        in_primary = [v - n_clones for v in members if v >= n_clones]
        return _phyletic(_is_clade_outside(tree, metastatic, in_primary))

    columns: dict[tuple[str, str], LabelColumn] = {
        ("pattern", ""): _patterns(batch),
        ("clonality_machina", ""): column_of_truths(batch.pair_counts.max(axis=(1, 2), initial=0) > 1, _CLONALITY),
        ("clonality_site", ""): column_of_truths(entries.max(axis=1, initial=0) > 1, _CLONALITY),
        ("clonality_metient_genetic", ""): column_of_truths(
            batch.clones_of(is_migration, 2).sum(axis=1) > 1, _CLONALITY
        ),
        ("seeding_clones_primary", ""): column_of_rows(
            leaving, lambda clones: "+".join(sorted(tree.names[u] for u in clones))
        ),
        ("phyletic", ""): column_of_rows(leaving, phyletic),
        ("phyletic_mach2", ""): column_of_rows(batch.clones_of(is_migration, 0), common_origin),
        ("phyletic_metient", ""): column_of_rows(batch.clones_of(is_migration, 2), common_origin),
        ("phyletic_clade", ""): column_of_rows(
            np.hstack([batch.clones_in(is_metastasis), batch.clones_in(np.arange(len(sites)) == batch.primary)]), clade
        ),
        ("phyletic_distant_only", ""): column_of_rows(
            to_distant, lambda clones: phyletic(clones) if clones else "none"
        ),
    }
    for t, site in enumerate(sites):
        if entries[:, t].any():
            codes = np.where(entries[:, t] == 0, NOT_ENTERED, entries[:, t] > 1)
            columns["site_seeding", site.name] = LabelColumn(_CLONALITY, codes)
    columns.update(label_routes(batch))
    columns.update(_ongoing_evolution(batch))
    columns.update(_waves(batch))
    columns.update(_unobserved(batch))
    return _without_migrations(columns, np.asarray(batch.pairs.sum(axis=(1, 2)) == 0, dtype=bool))


def is_chain(tree: CloneTree, clones: Iterable[int]) -> bool:
    """Return True iff all `clones` lie on one root-to-leaf path of `tree`."""
    clones = list(clones)
    related = tree.is_ancestor | tree.is_ancestor.T
    return bool(related[np.ix_(clones, clones)].all())


def count_labels(
    tables: Iterable[tuple[FloatArray, Mapping[tuple[str, str], LabelColumn]]], names: Sequence[str]
) -> dict[str, Any]:
    """Sum the weights of the histories that have each value of the labels `names`: the probability of the value.

    Parameters
    ----------
    tables : iterable of (weights (H,), columns)
        As `label_batch` gives the columns.
    names : sequence of str
        Labels to count.

    Returns
    -------
    dict
        ``label -> {value: probability}``, or ``label -> site -> {value: probability}``. The probabilities of a
        site's label add up to the probability that the site was entered at all. Values in sorted order.
    """
    counts: dict[str, Any] = {name: {} for name in names}
    for weights, columns in tables:
        for name, site, value, total in _totals(weights, columns, counts):
            part = counts[name].setdefault(site, {}) if site else counts[name]
            part[value] = part.get(value, 0.0) + total
    return {name: _sorted_copy(counts[name]) for name in names}


def _totals(
    weights: FloatArray, columns: Mapping[tuple[str, str], LabelColumn], names: Container[str]
) -> Iterator[tuple[str, str, str, float]]:
    """Label, site, value and weight of everything that some history of a batch has."""
    for (name, site), column in columns.items():
        if name not in names:
            continue
        totals = np.bincount(column.codes + 1, weights=weights, minlength=len(column.values) + 1)[1:]
        seen = np.bincount(column.codes + 1, minlength=len(column.values) + 1)[1:]
        for value, total, n in zip(column.values, totals.tolist(), seen.tolist()):
            if n:
                yield name, site, value, total


@dataclass(frozen=True, eq=False)
class DrawnLabels:
    """Labels of the histories of every draw of the posterior.

    Parameters
    ----------
    labels : mapping
        Distributions over all draws, as `count_labels` gives them.
    keys : tuple of (label, site or "", value)
    by_draw : float64 array (D, Q)
        Weight of the histories of each draw that have each of the keys.
    weights : float64 array (D,)
        Weight of all its histories.
    """

    labels: Mapping[str, Any]
    keys: tuple[tuple[str, str, str], ...]
    by_draw: FloatArray
    weights: FloatArray

    def conditional(self) -> FloatArray:
        """Compute the probability of every key given each draw (D, Q); 0 for draws without weight."""
        weights = self.weights[:, None]
        return np.divide(self.by_draw, weights, out=np.zeros_like(self.by_draw), where=weights > 0.0)


def count_labels_by_draw(
    tables: Iterable[tuple[int, FloatArray, Mapping[tuple[str, str], LabelColumn]]],
    names: Sequence[str],
    weights: FloatArray,
) -> DrawnLabels:
    """Count the values of the labels `names` in every draw.

    Parameters
    ----------
    tables : iterable of (draw, weights (H,), columns)
        As `label_batch` gives the columns.
    names : sequence of str
    weights : float64 array (D,)
        Weight of all histories of each draw.

    Returns
    -------
    DrawnLabels
    """
    number: dict[tuple[str, str, str], int] = {}
    draws, keys, totals = [], [], []
    for draw, of_histories, columns in tables:
        for name, site, value, total in _totals(of_histories, columns, names):
            draws.append(draw)
            keys.append(number.setdefault((name, site, value), len(number)))
            totals.append(total)
    by_draw = np.zeros((len(weights), len(number)))
    np.add.at(by_draw, (np.array(draws, dtype=np.int64), np.array(keys, dtype=np.int64)), totals)
    counts: dict[str, Any] = {name: {} for name in names}
    for (name, site, value), total in zip(number, by_draw.sum(axis=0).tolist()):
        part = counts[name].setdefault(site, {}) if site else counts[name]
        part[value] = total
    return DrawnLabels({name: _sorted_copy(counts[name]) for name in names}, tuple(number), by_draw, weights)


def most_probable(distribution: Mapping[str, float]) -> frozenset[str]:
    """Return the values of the highest probability (several if they tie)."""
    top = max(distribution.values(), default=0.0)
    return frozenset(value for value, probability in distribution.items() if probability > top - _TIE)


def _sorted_copy(counts: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted_copy(value) if isinstance(value, dict) else value for key, value in sorted(counts.items())}


def _phyletic(is_monophyletic: bool) -> str:
    return "monophyletic" if is_monophyletic else "polyphyletic"


def _patterns(batch: HistoryBatch) -> LabelColumn:
    """Pattern of each migration graph, as `phylometa.migration.migration_pattern` has it for one."""
    n_seeding = batch.pairs.any(axis=2).sum(axis=1)
    is_single_source = (batch.n_sources <= 1).all(axis=1)
    codes = np.select([n_seeding == 0, n_seeding == 1, batch.is_cyclic, is_single_source], [0, 1, 4, 2], 3)
    return LabelColumn(PATTERNS, codes)


def _is_clade_outside(tree: CloneTree, metastatic: list[int], in_primary: list[int]) -> bool:
    """True iff the smallest clade over the metastatic clones has no clone in the primary except its top."""
    if not metastatic:
        return True
    top = tree.lowest_common_ancestor(metastatic)
    return not any(tree.is_ancestor[top, v] and v != top for v in in_primary)


def _ongoing_evolution(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """ "True" iff an edge within the metastasis leads to another clone, which carries mutations of its own."""
    u, s, v, t = np.moveaxis(batch.edges, 2, 0)
    evolves = (s == t) & (u != v) & (np.asarray(batch.tree.n_mutations) > 0)[v]
    return {
        ("ongoing_evolution", site.name): column_of_truths((evolves & (t == index)).any(axis=1))
        for index, site in enumerate(batch.sites)
        if site.is_metastasis
    }


def _waves(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """Comigrations into every site: over its sources, the sum of the most migrations on one root-to-leaf path."""
    n_sites = len(batch.sites)
    waves = batch.n_sources.copy()  # without a cycle, no path takes the same pair of sites twice
    for chunk in np.array_split(np.flatnonzero(batch.is_cyclic), max(1, int(batch.is_cyclic.sum()) // _CHUNK)):
        edges, rows = batch.edges[chunk], np.arange(len(chunk))
        on_path = np.zeros((len(chunk), batch.tree.n_clones * n_sites, n_sites * n_sites), dtype=np.int16)
        longest = np.zeros((len(chunk), n_sites * n_sites), dtype=np.int16)
        for e in range(edges.shape[1]):
            u, s, v, t = edges[:, e].T
            counts = on_path[rows, u * n_sites + s]
            counts[rows, s * n_sites + t] += s != t
            on_path[rows, v * n_sites + t] = counts
            np.maximum(longest, counts, out=longest)
        waves[chunk] = longest.reshape(-1, n_sites, n_sites).sum(axis=1)
    columns = {}
    for t, site in enumerate(batch.sites):
        if waves[:, t].any():
            numbers = sorted(set(waves[:, t].tolist()))
            is_entered = waves[:, t] > 0
            codes = np.where(is_entered, np.searchsorted(numbers, waves[:, t]), NOT_ENTERED)
            columns["seeding_waves", site.name] = LabelColumn(tuple(str(number) for number in numbers), codes)
            repeated = np.where(is_entered, waves[:, t] > 1, NOT_ENTERED)
            columns["repeated_seeding", site.name] = LabelColumn(("False", "True"), repeated)
    return columns


def _unobserved(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """Tell where a history rests on clones that nobody has seen.

    ``source_unobserved``: a migration leaves the primary from a clone not observed there. ``founder_unobserved``: the
    only founder of the site was not observed in it, or several founders came from one clone (a polytomy), so that one
    unseen founder explains them. ``site_seeding_resolved``: clonality of the seeding if such a founder is granted.
    """
    u, s, v, t = np.moveaxis(batch.edges, 2, 0)
    n_sites = len(batch.sites)
    unseen_source = batch.is_migration & (s == batch.primary) & ~batch.presence[u, s]
    columns = {("source_unobserved", ""): column_of_truths(unseen_source.any(axis=1))}
    for index, site in enumerate(batch.sites):
        enters = batch.is_migration & (t == index)
        n_entries = enters.sum(axis=1)
        if not n_entries.any():
            continue
        origin = u * n_sites + s
        first = np.where(enters, origin, batch.tree.n_clones * n_sites).min(axis=1)
        is_one_origin = first == np.where(enters, origin, -1).max(axis=1)
        founder_unseen = (enters & ~batch.presence[v, index]).any(axis=1)
        origin_unseen = (enters & ~batch.presence[u, index]).any(axis=1)
        unseen = np.where(n_entries == 1, founder_unseen, is_one_origin & origin_unseen)
        is_entered = n_entries > 0
        columns["founder_unobserved", site.name] = LabelColumn(
            ("False", "True"), np.where(is_entered, unseen, NOT_ENTERED)
        )
        columns["site_seeding_resolved", site.name] = LabelColumn(
            _CLONALITY, np.where(is_entered, ~is_one_origin, NOT_ENTERED)
        )
    return columns


def _without_migrations(
    columns: dict[tuple[str, str], LabelColumn], is_empty: BoolArray
) -> dict[tuple[str, str], LabelColumn]:
    """The patient's labels of histories without a migration say ``none``, but for those that are true or false."""
    if not is_empty.any():
        return columns
    for name in PATIENT_LABELS:
        column = columns[name, ""]
        if column.values != ("False", "True"):
            values = (*column.values, "none")
            columns[name, ""] = LabelColumn(values, np.where(is_empty, len(values) - 1, column.codes))
    return columns
