"""What the stages warn of: clusters in conflict, clusterings and trees that are uncertain, histories that lack some."""

from __future__ import annotations

import numpy as np

from phylometa.config import Settings
from phylometa.model.clusters import Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Patient
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["conflict_warnings", "coverage_warnings", "favoured_warnings", "search_warnings"]

# Conflicts between clusters that are spelt out among the warnings; the others are counted there.
SPELT_OUT = 8


def conflict_warnings(patient: Patient, clusters: Clustering, settings: Settings) -> tuple[str, ...]:
    """Pairs of clusters that no tree can place, with the likely cause."""
    from phylometa.clustering.sum_condition import explain_conflicts

    data = (patient.mutations, patient.copy_number, patient.purity)
    texts = [conflict.text for conflict in explain_conflicts(clusters, *data, ccf_settings=settings.ccf)]
    if len(texts) > SPELT_OUT:
        rest = len(texts) - SPELT_OUT
        texts = [*texts[:SPELT_OUT], f"{rest} more pairs of clusters that no tree can place as they are"]
    return tuple(texts)


# Share of the posterior below which the listed trees are said not to stand for all.
LISTED_SHARE = 0.95


def search_warnings(trees: TreeEnsemble) -> tuple[str, ...]:
    """Where the chains over trees disagree, and where the listed trees are a part of those that fit."""
    found = trees.diagnostics
    texts = []
    if trees.method == "search" and not found.get("converged", True):
        measures = f"R-hat {found['r_hat']:.2g}"
        if "disagreement" in found:
            measures += f", relations of clones differ by up to {found['disagreement']:.2g} between its halves"
        texts.append(f"clone trees: the search has not converged ({measures}); do not rely on single edges")
    if trees.listed_share < LISTED_SHARE:
        over_listed = "presence and histories" if trees.joint is not None else "presence, histories and labels"
        share = f"{100.0 * trees.listed_share:.2g} %"
        texts.append(
            f"clone trees: {trees.n_trees} fit, and the {len(trees)} listed hold {share} of the posterior: "
            f"edge supports are over all of them, {over_listed} over those listed"
        )
    return tuple(texts)


def favoured_warnings(before: Clustering, after: Clustering, weight: float) -> tuple[str, ...]:
    """Where trees favour another clustering than the reads alone: how they differ."""
    if np.array_equal(before.labels, after.labels) and before.names == after.names:
        return ()
    groups = [set(before.labels[after.labels == k].tolist()) for k in range(after.n_clusters)]
    joined = [after.names[k] for k, found in enumerate(groups) if len(found) > 1]
    parts = [set(after.labels[before.labels == k].tolist()) for k in range(before.n_clusters)]
    split = [" and ".join(after.names[k] for k in sorted(found)) for found in parts if len(found) > 1]
    change = f"cluster {', '.join(joined)} would be two" if joined else f"clusters {', '.join(split)} would be one"
    return (f"clusters: by the reads alone {change}; the clone trees favour it as it is ({100.0 * weight:.0f} %)",)


def coverage_warnings(histories: HistoryEnsemble) -> tuple[str, ...]:
    """Where the clusters shown allow too few of the migration graphs that fit over all clusterings."""
    from phylometa.migration.over_clusterings import GRAPHS_COVERED

    if histories.graphs_covered is None or histories.graphs_covered >= GRAPHS_COVERED:
        return ()
    share = f"{100.0 * histories.graphs_covered:.0f} %"
    return (
        f"migration histories: the clusters shown allow only {share} of the migration graphs that fit over all "
        "clusterings; single migrations have their probability over all, as far as these clusters allow; labels are "
        "over all",
    )
