"""Migration histories over the joint posterior of clusters and tree, and what they say of the histories shown.

Which mutations form a clone is uncertain, and a migration graph drawn on one clustering is surer of itself than the
reads are. The graphs of sites need no clones, so that they can be summed over draws of clusters and tree; histories on
the clusters that are shown then get the weights

    P(H) = P(G(H) | all clusterings) P(H | G(H), the clusters shown),

G(H) being the migration graph of a history, with multiplicities. Where the clusters shown allow too few of these
graphs, each migration gets its probability over all clusterings instead (iterative proportional fitting).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.ensemble import Scenario, infer_history_ensemble
from phylometa.migration.genetic_distance import favour_genetic_distance
from phylometa.model.arrays import BoolArray
from phylometa.model.history import HistoryEnsemble, MigrationHistory
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["GRAPHS_COVERED", "histories_of_trees", "joint_histories", "weigh_by_graphs"]

# Share of the migration graphs over all clusterings below which the clusters shown allow too few of them, and single
# migrations are weighed instead of whole graphs.
GRAPHS_COVERED = 0.8
RAKING_ROUNDS, RAKING_CHANGE = 200, 1e-9

# ((source, target), number of migrations) of every pair of sites, in order; one migration: the pair, and its number.
Graph = tuple[tuple[tuple[int, int], int], ...]
Migration = tuple[tuple[int, int], int]


def histories_of_trees(trees: TreeEnsemble, *, primary: int, settings: MigrationSettings) -> HistoryEnsemble:
    """Histories over a posterior of trees and presence; their migration graphs over all clusterings where known.

    Parameters
    ----------
    trees : TreeEnsemble
        With `scenarios`, and `joint` where clusters are not taken as certain.
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings

    Returns
    -------
    HistoryEnsemble
        A genetic-distance prior multiplies the weights that the graphs give.
    """
    plain = replace(settings, genetic_distance_weight=0.0)
    scenarios = [Scenario(s.tree, trees.tree(s.tree), s.weight, s.presence) for s in trees.scenarios]
    shown = infer_history_ensemble(scenarios, trees.site_names, primary=primary, settings=plain)
    if trees.joint is not None:
        joint = joint_histories(trees.joint, trees.site_names, primary=primary, settings=plain)
        shown = weigh_by_graphs(shown, joint, trees.joint.n_draws)
    return favour_genetic_distance(shown, trees.tree, settings.genetic_distance_weight)


def joint_histories(
    joint: JointPosterior, site_names: Sequence[str], *, primary: int, settings: MigrationSettings
) -> HistoryEnsemble:
    """Histories of every draw of clusters, tree and presence.

    Parameters
    ----------
    joint : JointPosterior
    site_names : sequence of str
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings

    Returns
    -------
    HistoryEnsemble
        Its trees are those of ``joint.tree``, whose clones are not the clusters shown.
    """
    scenarios = [Scenario(index, joint.tree(index), weight, presence) for index, weight, presence in joint.scenarios]
    return infer_history_ensemble(scenarios, site_names, primary=primary, settings=settings)


def weigh_by_graphs(shown: HistoryEnsemble, joint: HistoryEnsemble, n_draws: int) -> HistoryEnsemble:
    """The histories of the clusters shown, each migration graph with its probability over all clusterings.

    Parameters
    ----------
    shown : HistoryEnsemble
        Histories on the clusters shown.
    joint : HistoryEnsemble
        Histories over draws of clusters and tree.
    n_draws : int
        How many draws these were. The clusters shown count as one more, so that no history loses all its weight.

    Returns
    -------
    HistoryEnsemble
        Weights add up to 1; `graphs_covered` says which part of the probability over all clusterings lies in graphs
        that the clusters shown can have.
    """
    over_all, given_shown = _graph_probabilities(joint), _graph_probabilities(shown)
    covered = float(sum(weight for graph, weight in over_all.items() if given_shown.get(graph, 0.0) > 0.0))
    if covered >= GRAPHS_COVERED:
        factor = {
            graph: (n_draws * over_all.get(graph, 0.0) / weight + 1.0) if weight > 0.0 else 0.0
            for graph, weight in given_shown.items()
        }
    else:
        factor = _rake(given_shown, _migration_probabilities(over_all), n_draws)
    total = sum(factor[graph] * weight for graph, weight in given_shown.items())
    trees = []
    for entry in shown.trees:
        histories = [replace(h, weight=h.weight * factor[_graph(h)] / total) for h in entry.histories]
        histories.sort(key=lambda history: -history.weight)  # stable
        weight = sum(history.weight for history in histories)
        trees.append(replace(entry, weight=weight, histories=tuple(histories)))
    return replace(shown, trees=tuple(trees), graphs_covered=covered)


def _migration_probabilities(graphs: Mapping[Graph, float]) -> dict[Migration, float]:
    """P(at least n migrations from one site to another), by (pair of sites, n)."""
    total: dict[Migration, float] = defaultdict(float)
    for graph, weight in graphs.items():
        for pair, count in graph:
            for n in range(1, count + 1):
                total[pair, n] += weight
    return dict(total)


def _rake(shown: Mapping[Graph, float], wanted: Mapping[Migration, float], n_draws: int) -> dict[Graph, float]:
    """Factors of the graphs' weights that give every migration its probability, as far as the graphs allow.

    Iterative proportional fitting (Deming & Stephan 1940, Ann Math Stat 11:427), the distribution nearest to that shown
    in Kullback-Leibler divergence. Probabilities are kept from 0 and 1 by half a draw.
    """
    graphs = list(shown)
    weights = np.array([shown[graph] for graph in graphs])
    has: dict[Migration, BoolArray] = {}
    for g, graph in enumerate(graphs):
        for migration in _migration_probabilities({graph: 1.0}):
            has.setdefault(migration, np.zeros(len(graphs), dtype=bool))[g] = True
    least = 0.5 / (n_draws + 1.0)
    fitted = weights / weights.sum()
    for _ in range(RAKING_ROUNDS):
        before = fitted
        for migration in sorted(has):
            inside = has[migration]
            now = float(fitted[inside].sum())
            if least < now < 1.0 - least:
                target = min(max(wanted.get(migration, 0.0), least), 1.0 - least)
                fitted = fitted * np.where(inside, target / now, (1.0 - target) / (1.0 - now))
        if np.abs(fitted - before).max() < RAKING_CHANGE:
            break
    return {graph: float(fit / weight) if weight > 0.0 else 0.0 for graph, fit, weight in zip(graphs, fitted, weights)}


def _graph(history: MigrationHistory) -> Graph:
    """Migration graph with multiplicities, in an order of its own."""
    return tuple(sorted(history.migration_counts.items()))


def _graph_probabilities(histories: HistoryEnsemble) -> dict[Graph, float]:
    total: dict[Graph, float] = defaultdict(float)
    for _, history in histories:
        total[_graph(history)] += history.weight
    return dict(total)
