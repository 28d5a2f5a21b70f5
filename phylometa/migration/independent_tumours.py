"""Histories of independent tumours in one patient: each group of sites of one origin has a history of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.comigration import Edge
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.infer import history_from_edges
from phylometa.migration.scoring import score_edges
from phylometa.model.arrays import BoolArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories

__all__ = ["OriginGroup", "histories_of_independent_tumours"]


@dataclass(frozen=True, slots=True)
class OriginGroup:
    """Sites whose tumours have one origin.

    Parameters
    ----------
    sites : tuple of int
    roots : tuple of int
        Where their history may start: the group's primary; all of its sites, equally probable, if it has none.
    """

    sites: tuple[int, ...]
    roots: tuple[int, ...]


def histories_of_independent_tumours(
    scenarios: Sequence[Scenario],
    site_names: Sequence[str],
    groups: Sequence[OriginGroup],
    *,
    settings: MigrationSettings,
) -> HistoryEnsemble:
    """Infer histories without a migration between tumours of independent origin.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Trees with presence. A clone that two groups hold has a node in each.
    site_names : sequence of str
    groups : sequence of OriginGroup
        The group whose first root is the patient's primary comes first.
    settings : MigrationSettings

    Returns
    -------
    HistoryEnsemble
        One entry a scenario, whose weight it keeps. The histories of the groups are combined, the most probable up to
        ``max_histories``; each starts with an edge from the founder's parent (the germline) in the same site.
    """
    solved: dict[tuple[bytes, bytes], TreeHistories] = {}
    total = sum(scenario.weight for scenario in scenarios)
    entries = []
    for scenario in scenarios:
        key = (scenario.tree.parents.tobytes(), np.asarray(scenario.presence, dtype=bool).tobytes())
        if key not in solved:
            solved[key] = _combine(scenario, site_names, groups, settings)
        found, share = solved[key], scenario.weight / total
        histories = tuple(replace(history, weight=history.weight * share) for history in found.histories)
        entries.append(replace(found, tree=scenario.tree_index, weight=share, histories=histories))
    return HistoryEnsemble(tuple(entries), tuple(site_names), settings.criteria.upper(), settings.weights)


def _combine(
    scenario: Scenario, site_names: Sequence[str], groups: Sequence[OriginGroup], settings: MigrationSettings
) -> TreeHistories:
    tree, presence = scenario.tree, np.asarray(scenario.presence, dtype=bool)
    found = [_of_group(tree, presence, site_names, group, settings) for group in groups]
    parts = [part for part in found if part]
    limit = max(1, int(settings.max_histories ** (1.0 / max(len(parts), 1))))
    observed = [sum(1 << t for t in np.flatnonzero(row).tolist()) for row in presence]
    root = (tree.root, groups[0].roots[0])
    histories: list[MigrationHistory] = []
    for chosen in product(*(part[:limit] for part in parts)):
        edges = tuple(edge for _, of_group in chosen for edge in of_group)
        weight = float(np.prod([weight for weight, _ in chosen]))
        histories.append(history_from_edges(edges, root, score_edges(edges, root, observed), weight))
    kept = sum(history.weight for history in histories)
    histories = [replace(history, weight=history.weight / kept) for history in histories]
    histories.sort(key=lambda history: -history.weight)  # stable
    return TreeHistories(
        tree=0,
        weight=1.0,
        presence=presence,
        criteria={
            "unobserved": min(history.unobserved for history in histories),
            "migrations": min(history.n_migrations for history in histories),
            "comigrations": min(history.comigrations for history in histories),
            "seeding_sites": min(history.seeding_sites for history in histories),
        },
        n_histories=int(np.prod([len(part) for part in parts])),
        complete=all(len(part) <= limit for part in parts),
        histories=tuple(histories),
    )


def _of_group(
    tree: CloneTree, presence: BoolArray, site_names: Sequence[str], group: OriginGroup, settings: MigrationSettings
) -> list[tuple[float, tuple[Edge, ...]]]:
    """Histories of one group with their weights, by falling weight; empty if none of its sites holds a clone."""
    inside = np.zeros_like(presence)
    inside[:, list(group.sites)] = presence[:, list(group.sites)]
    held = np.flatnonzero(inside.any(axis=1))
    if not len(held):
        return []
    top = tree.lowest_common_ancestor(held.tolist())
    clones = [v for v in tree.preorder if tree.is_ancestor[top, v] and tree.is_ancestor[v][held].any()]
    index = {v: i for i, v in enumerate(clones)}
    parents = np.array([-1 if v == top else index[int(tree.parents[v])] for v in clones])
    part = CloneTree(tuple(tree.names[v] for v in clones), parents, np.asarray(tree.n_mutations)[clones])
    weighed: dict[tuple[Edge, ...], float] = {}
    for root in group.roots:
        scenario = Scenario(0, part, 1.0, inside[clones])
        ensemble = infer_history_ensemble([scenario], site_names, primary=root, settings=settings)
        above = int(tree.parents[top])
        before = ((above, root, top, root),) if above >= 0 else ()
        for _, history in ensemble:
            edges = tuple((clones[u], int(s), clones[v], int(t)) for u, s, v, t in history.edges.tolist())
            weighed[before + edges] = weighed.get(before + edges, 0.0) + history.weight / len(group.roots)
    return sorted(((weight, edges) for edges, weight in weighed.items()), key=lambda pair: (-pair[0], pair[1]))
