"""Clusters, trees and histories as they are shown: sums over the draws, expressed in the clones of one partition."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from phylometa.clustering.infer import clustering_from_labels
from phylometa.config import Settings
from phylometa.joint.consensus import (
    Projection,
    clone_support,
    credible_interval,
    mean_prevalence,
    project_draws,
    project_histories,
    shown_partition,
    shown_trees,
)
from phylometa.joint.diagnostics import migration_errors
from phylometa.migration import joint_histories
from phylometa.migration.independent_tumours import OriginGroup
from phylometa.migration.route_prior import RoutePrior
from phylometa.migration.tempering import weights_of_draws
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.patient import Patient
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["ShownPosterior", "shown_clusters", "sum_up", "weigh_by_histories"]

_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class ShownPosterior:
    """Clusters and trees as sums over the draws, and the expression of every draw in their clones."""

    clusters: Clustering
    trees: TreeEnsemble
    projections: tuple[Projection, ...]


def shown_clusters(joint: JointPosterior, patient: Patient, *, settings: Settings) -> Clustering:
    """Find the clusters that stand for the draws; their numbers follow from the draws by `sum_up`.

    Parameters
    ----------
    joint : JointPosterior
    patient : Patient
        With purities.
    settings : Settings

    Returns
    -------
    Clustering
        Named 1, 2, ... by falling mean prevalence. Its equivalent reads are those of its own mutations.
    """
    labels, kind = shown_partition(joint)
    rank = np.argsort(np.argsort(-mean_prevalence(joint, labels, kind == 0), kind="stable"), kind="stable")
    labels = rank[labels]
    names = tuple(str(k + 1) for k in range(int(labels.max()) + 1))
    purity_sd = np.array([sample.purity_sd * sample.purity_is_estimated for sample in patient.samples])
    alone = clustering_from_labels(
        patient.mutations,
        patient.copy_number,
        patient.purity,
        [names[k] if is_clone else "" for k, is_clone in zip(labels, kind == 0)],
        settings=settings.clustering,
        ccf_settings=settings.ccf,
        purity_sd=purity_sd,
    )
    place = [alone.names.index(name) for name in names]
    arrays = {name: getattr(alone, name)[place] for name in ("ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads")}
    flags = tuple(alone.flags[k] for k in place)
    return Clustering(names=names, labels=labels, probability=np.ones(len(labels)), flags=flags, kind=kind, **arrays)


def sum_up(
    joint: JointPosterior, clusters: Clustering, site_names: tuple[str, ...], *, settings: Settings
) -> ShownPosterior:
    """Sum the draws up in the clones of given clusters.

    Parameters
    ----------
    joint : JointPosterior
    clusters : Clustering
        Labels and kinds are kept; everything else that is a probability or a prevalence is worked out anew.
    site_names : tuple of str
    settings : Settings
        ``trees.grid``: what is finer than half a step of it is not resolved.

    Returns
    -------
    ShownPosterior
        CCFs are means over the draws with 95 % intervals; a mutation's probability is that of being in the clone of
        the draw that its cluster is matched with.
    """
    projections = project_draws(joint, clusters.labels, clusters.kind)
    prevalence = np.array([ancestor_matrix(one.parents).astype(np.float64) @ one.proportions for one in projections])
    probability = np.zeros(len(clusters.labels))
    for draw, one, weight in zip(joint.draws, projections, joint.weights):
        probability += weight * (one.match[clusters.labels] == draw.labels)
    half_step = 0.5 / settings.trees.grid
    lower, upper = credible_interval(prevalence, joint.weights, _LEVEL, half_step)
    shown = replace(
        clusters,
        probability=np.minimum(probability, 1.0),
        ccf=np.tensordot(joint.weights, prevalence, axes=1),
        ccf_lo=lower,
        ccf_hi=upper,
        class_probability=joint.class_probability,
        support=clone_support(joint, clusters.labels, clusters.kind),
    )
    counts = shown.sizes.astype(np.float64)
    trees = shown_trees(joint, projections, shown.names, counts, site_names, level=_LEVEL, half_step=half_step)
    return ShownPosterior(shown, trees, projections)


def weigh_by_histories(
    trees: TreeEnsemble,
    clusters: Clustering,
    *,
    primary: int,
    settings: Settings,
    groups: tuple[OriginGroup, ...] = (),
    route_prior: RoutePrior | None = None,
) -> tuple[ShownPosterior, HistoryEnsemble]:
    """Weigh every draw by its migration histories, and express both in the clones shown.

    Parameters
    ----------
    trees : TreeEnsemble
        With `joint`.
    clusters : Clustering
        The clusters shown.
    primary : int
        Index of the site in which histories start.
    settings : Settings
    groups : tuple of OriginGroup, optional
        Sites of one origin; between groups there is no route.
    route_prior : RoutePrior, optional

    Returns
    -------
    (ShownPosterior, HistoryEnsemble)
        Both with the same weights of the draws: a population that the histories make improbable is as improbable in
        the tables of presence.
    """
    assert trees.joint is not None
    drawn = joint_histories(
        trees.joint,
        trees.site_names,
        primary=primary,
        settings=settings.migration,
        groups=groups,
        route_prior=route_prior,
        least_effective=settings.trees.joint_effective,
    )
    weighed = trees.joint.with_weights(weights_of_draws(drawn, trees.joint.n_draws))
    shown = sum_up(weighed, clusters, trees.site_names, settings=settings)
    errors = migration_errors(weighed, drawn, shown.projections)
    histories = project_histories(drawn, shown.projections, shown.trees)
    return shown, replace(histories, drawn=drawn, errors=errors, power=drawn.power)
