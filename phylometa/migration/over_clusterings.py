"""Migration histories over a posterior: of trees of given clusters, or of joint draws of clusters and tree."""

from __future__ import annotations

from collections.abc import Sequence

from phylometa.config import MigrationSettings
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.independent_tumours import OriginGroup, histories_of_independent_tumours
from phylometa.migration.organ_prior import favour_routes
from phylometa.model.arrays import FloatArray
from phylometa.model.history import HistoryEnsemble
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["histories_of_trees", "joint_histories"]


def histories_of_trees(
    trees: TreeEnsemble,
    *,
    primary: int,
    settings: MigrationSettings,
    groups: tuple[OriginGroup, ...] = (),
    route_prior: FloatArray | None = None,
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
    route_prior : float64 array (n_sites, n_sites), optional
        Log prior of every route (`phylometa.migration.organ_prior`).

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
    route_prior: FloatArray | None = None,
) -> HistoryEnsemble:
    """Infer the histories of every draw of clusters, tree and presence.

    Parameters
    ----------
    joint : JointPosterior
    site_names : sequence of str
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings
    groups : tuple of OriginGroup
    route_prior : float64 array (n_sites, n_sites), optional
        See `histories_of_trees`.

    Returns
    -------
    HistoryEnsemble
        ``TreeHistories.tree`` is the index of a draw; its clones are the draw's own.
    """
    scenarios = [
        Scenario(index, joint.tree(index), float(weight), draw.presence)
        for index, (draw, weight) in enumerate(zip(joint.draws, joint.weights))
    ]
    return _infer(scenarios, tuple(site_names), primary, settings, groups, route_prior)


def _infer(
    scenarios: Sequence[Scenario],
    site_names: tuple[str, ...],
    primary: int,
    settings: MigrationSettings,
    groups: tuple[OriginGroup, ...],
    route_prior: FloatArray | None,
) -> HistoryEnsemble:
    """Histories of one tumour, or of tumours of independent origin side by side."""
    if len(groups) > 1:
        found = histories_of_independent_tumours(scenarios, site_names, groups, settings=settings)
    else:
        found = infer_history_ensemble(scenarios, site_names, primary=primary, settings=settings)
    return favour_routes(found, route_prior)
