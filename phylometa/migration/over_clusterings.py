"""Migration histories over a posterior: of trees of given clusters, or of joint draws of clusters and tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.independent_tumours import OriginGroup, histories_of_independent_tumours
from phylometa.migration.route_prior import RoutePrior, favour_routes
from phylometa.migration.swept import settings_for
from phylometa.migration.tempering import temper_draws
from phylometa.model.arrays import IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, MigrationHistory
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["histories_of_trees", "joint_histories"]


def histories_of_trees(
    trees: TreeEnsemble,
    *,
    primary: int,
    settings: MigrationSettings,
    groups: tuple[OriginGroup, ...] = (),
    route_prior: RoutePrior | None = None,
) -> HistoryEnsemble:
    """Infer the histories of a posterior of trees and presence of given clusters.

    Parameters
    ----------
    trees : TreeEnsemble
        With `scenarios`.
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings
    groups : tuple of OriginGroup
        Tumours of independent origin, that of the primary first, between which nothing migrates; by default all sites
        have one origin.
    route_prior : RoutePrior, optional
        See `phylometa.migration.route_prior`.

    Returns
    -------
    HistoryEnsemble
    """
    scenarios = [Scenario(s.tree, trees.tree(s.tree), s.weight, s.presence) for s in trees.scenarios]
    return _infer(scenarios, trees.site_names, primary, settings, groups, route_prior)


def joint_histories(
    joint: JointPosterior,
    site_names: Sequence[str],
    *,
    primary: int,
    settings: MigrationSettings,
    groups: tuple[OriginGroup, ...] = (),
    route_prior: RoutePrior | None = None,
    least_effective: float = 0.0,
) -> HistoryEnsemble:
    """Infer the histories of every draw of clusters, tree and presence, which weigh the draws.

    The weights of `joint` do not count: those that its draws have if histories weigh nothing are multiplied by what all
    their histories weigh.

    Parameters
    ----------
    joint : JointPosterior
    site_names : sequence of str
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings
    groups : tuple of OriginGroup
    route_prior : RoutePrior, optional
        See `histories_of_trees`.
    least_effective : float
        Share of the draws that have to count: else their weights are tempered (`phylometa.migration.tempering`).

    Returns
    -------
    HistoryEnsemble
        ``TreeHistories.tree`` is the index of a draw; its clones are the draw's own. Clones that circulate and are in
        no sampled site have no place in a history, and none of its criteria counts them.
    """
    joint = joint.without_histories()
    scenarios, kept = [], {}
    for index, (draw, weight) in enumerate(zip(joint.draws, joint.weights)):
        tree, presence = joint.tree(index), draw.presence
        if draw.unplaced.any():
            kept[index] = clones = _placed(draw)
            tree, presence = _subtree(tree, clones), presence[clones]
        scenarios.append(Scenario(index, tree, float(weight), presence))
    found = _infer(scenarios, tuple(site_names), primary, settings, groups, route_prior)
    found = temper_draws(found, joint.n_draws, least_effective)
    return _renumbered(found, kept, joint) if kept else found


def _placed(draw: JointDraw) -> IntArray:
    """Clones of a draw that are in a sampled site or have a descendant there; the founder in any case."""
    return np.flatnonzero(~draw.unplaced | (draw.parents < 0))


def _subtree(tree: CloneTree, clones: IntArray) -> CloneTree:
    """The tree without the clones that are not listed, none of which has a listed descendant."""
    rank = np.full(tree.n_clones + 1, -1)
    rank[clones] = np.arange(len(clones))
    names = tuple(tree.names[v] for v in clones)
    return CloneTree(names, rank[np.asarray(tree.parents)[clones]], np.asarray(tree.n_mutations)[clones])


def _renumbered(found: HistoryEnsemble, kept: Mapping[int, IntArray], joint: JointPosterior) -> HistoryEnsemble:
    """The histories of subtrees in the numbers of the draws' clones."""

    def moved(history: MigrationHistory, clones: IntArray) -> MigrationHistory:
        edges = history.edges.copy()
        edges[:, 0], edges[:, 2] = clones[edges[:, 0]], clones[edges[:, 2]]
        return replace(history, root=(int(clones[history.root[0]]), history.root[1]), edges=edges)

    entries = tuple(
        replace(
            entry,
            presence=joint.draws[entry.tree].presence,
            histories=tuple(moved(history, kept[entry.tree]) for history in entry.histories),
            alternatives=tuple(moved(history, kept[entry.tree]) for history in entry.alternatives),
        )
        if entry.tree in kept
        else entry
        for entry in found.trees
    )
    return replace(found, trees=entries)


def _infer(
    scenarios: Sequence[Scenario],
    site_names: tuple[str, ...],
    primary: int,
    settings: MigrationSettings,
    groups: tuple[OriginGroup, ...],
    route_prior: RoutePrior | None,
) -> HistoryEnsemble:
    """Histories of one tumour, or of tumours of independent origin side by side."""
    settings = settings_for(scenarios, settings)
    if len(groups) > 1:
        found = histories_of_independent_tumours(scenarios, site_names, groups, settings=settings)
    else:
        found = infer_history_ensemble(scenarios, site_names, primary=primary, settings=settings)
    return favour_routes(found, route_prior)
