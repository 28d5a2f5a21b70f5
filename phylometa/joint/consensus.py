"""What is shown of the posterior: one partition into clones, and every draw expressed in its clones.

The partition shown is the one of least expected variation of information from the draws (by the bound of Wade &
Ghahramani 2018, doi:10.1214/17-BA1073, which needs only the probabilities that two mutations are in one clone). A draw
has clones of its own; each is matched with the shown clone that holds most of its mutations, so that trees,
proportions, presence and migrations of shown clones are marginals over all draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble

__all__ = [
    "Projection",
    "clone_support",
    "mean_prevalence",
    "project_draws",
    "project_histories",
    "shown_partition",
    "shown_trees",
    "credible_interval",
]

_SWEEPS = 10


def shown_partition(joint: JointPosterior) -> tuple[IntArray, IntArray]:
    """Find the partition that stands for the draws.

    Parameters
    ----------
    joint : JointPosterior

    Returns
    -------
    labels : int64 array (n,)
        Clone of every mutation, numbered by first mutation. A mutation that most probably belongs to no clone is given
        the clone that it would most probably be in.
    kind : int64 array (n,)
        0: belongs to a clone, 1: artefact, 2: neutral tail; the most probable.
    """
    rows, item_of = joint.items
    kind = joint.class_probability.argmax(axis=1)
    if not (kind == 0).any():
        kind = np.zeros(len(kind), dtype=np.int64)
    of_item = np.zeros(rows.shape[1], dtype=np.int64)
    of_item[item_of] = kind
    size = np.bincount(item_of, minlength=rows.shape[1]).astype(np.float64)
    inside = np.flatnonzero(of_item == 0)
    same = joint.same_item
    both = _both_in_clones(rows, joint.weights)
    together = np.divide(same, both, out=np.zeros_like(same), where=both > 1e-12)
    np.fill_diagonal(together, 1.0)
    problem = _Expected(together[np.ix_(inside, inside)], size[inside])
    starts = {_relabelled(row[inside]).tobytes(): _relabelled(row[inside]) for row in rows}
    costs = [(problem.cost(labels), index) for index, labels in enumerate(starts.values())]
    best = problem.improve(list(starts.values())[min(costs)[1]])
    labels_of_item = np.zeros(rows.shape[1], dtype=np.int64)
    labels_of_item[inside] = best
    for item in np.flatnonzero(of_item != 0):
        affinity = np.bincount(best, weights=same[item, inside] * size[inside])
        labels_of_item[item] = int(affinity.argmax())
    labels = labels_of_item[item_of]
    return _relabelled(labels), kind


def _both_in_clones(rows: IntArray, weights: FloatArray) -> FloatArray:
    """``[a, b]`` probability that both items belong to clones (I, I)."""
    in_clone = (rows >= 0).astype(np.float64)
    return np.asarray(in_clone.T @ (weights[:, None] * in_clone))


def _relabelled(labels: IntArray) -> IntArray:
    """Labels numbered 0, 1, ... by first appearance; every negative label is a cluster of its own."""
    distinct = np.where(labels >= 0, labels, -np.arange(1, len(labels) + 1))
    _, first, inverse = np.unique(distinct, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


class _Expected:
    """Expected variation of information of a partition from the draws, up to a constant.

    Parameters
    ----------
    together : float64 array (I, I)
        Probability that two items are in one clone.
    size : float64 array (I,)
        Mutations of every item.
    """

    def __init__(self, together: FloatArray, size: FloatArray) -> None:
        self.together = together
        self.size = size

    def of_cluster(self, members: IntArray) -> float:
        """What one cluster adds to the cost."""
        size = self.size[members]
        near = self.together[np.ix_(members, members)] @ size
        return float(size @ (np.log(size.sum()) - 2.0 * np.log(np.maximum(near, 1e-12))))

    def cost(self, labels: IntArray) -> float:
        """The whole cost of a partition."""
        return sum(self.of_cluster(np.flatnonzero(labels == k)) for k in range(int(labels.max()) + 1))

    def improve(self, labels: IntArray) -> IntArray:
        """Merge clusters, and move single items, while the cost falls."""
        clusters = [np.flatnonzero(labels == k) for k in range(int(labels.max()) + 1)]
        for _ in range(_SWEEPS):
            changed = self._merge(clusters)
            for item in range(len(labels)):
                changed |= self._move(item, clusters)
            if not changed:
                break
        found = np.empty(len(labels), dtype=np.int64)
        for k, members in enumerate(clusters):
            found[members] = k
        return _relabelled(found)

    def _merge(self, clusters: list[IntArray]) -> bool:
        """Merge the first pair whose merger lowers the cost, in place, until none does."""
        any_merged = False
        merged = True
        while merged:
            merged = False
            costs = [self.of_cluster(members) for members in clusters]
            for a in range(len(clusters)):
                for b in range(a):
                    if self.together[np.ix_(clusters[a], clusters[b])].max() < 0.1:
                        continue
                    both = np.sort(np.concatenate((clusters[a], clusters[b])))
                    if self.of_cluster(both) < costs[a] + costs[b] - 1e-9:
                        clusters[b] = both
                        del clusters[a]
                        merged = any_merged = True
                        break
                if merged:
                    break
        return any_merged

    def _move(self, item: int, clusters: list[IntArray]) -> bool:
        """Move one item to the cluster, or to a new one, that lowers the cost most, in place."""
        home = next(k for k, members in enumerate(clusters) if item in members)
        rest = clusters[home][clusters[home] != item]
        alone = self.of_cluster(np.array([item]))
        before = self.of_cluster(clusters[home])
        without = self.of_cluster(rest) if len(rest) else 0.0
        best, target = (without + alone - before, -1) if len(rest) else (0.0, home)
        for k, members in enumerate(clusters):
            if k != home and self.together[item, members].max() > 0.05:
                joined = np.append(members, item)
                change = without + self.of_cluster(joined) - before - self.of_cluster(members)
                if change < best:
                    best, target = change, k
        if best > -1e-9 or target == home:
            return False
        if target < 0:
            clusters.append(np.array([item]))
        else:
            clusters[target] = np.sort(np.append(clusters[target], item))
        if len(rest):
            clusters[home] = rest
        else:
            del clusters[home]
        return True


def clone_support(joint: JointPosterior, labels: IntArray, kind: IntArray) -> FloatArray:
    """Compute the support of every shown clone (K,): the probability that two random mutations of it are in one clone.

    The mutations are drawn with replacement, so that a clone of one mutation has the probability that it is in a clone.
    """
    _, item_of = joint.items
    same = joint.same_item
    support = np.zeros(int(labels.max()) + 1)
    for k in range(len(support)):
        share = np.bincount(item_of[(labels == k) & (kind == 0)], minlength=len(same)).astype(np.float64)
        share /= max(share.sum(), 1.0)
        support[k] = share @ same @ share
    return support


@dataclass(frozen=True, eq=False)
class Projection:
    """One draw expressed in the shown clones.

    Parameters
    ----------
    parents : int64 array (K,)
        Tree of the shown clones.
    shown : int64 array (K_draw,)
        Shown clone of each clone of the draw.
    match : int64 array (K,)
        Clone of the draw that each shown clone is matched with; -9 if the draw has none of its mutations in a clone.
    proportions : float64 array (K, S)
    presence : bool array (K, n_sites)
    """

    parents: IntArray
    shown: IntArray
    match: IntArray
    proportions: FloatArray
    presence: BoolArray


def project_draws(joint: JointPosterior, labels: IntArray, kind: IntArray) -> tuple[Projection, ...]:
    """Express every draw in the shown clones.

    A shown clone is matched with the clone of the draw that holds most of its mutations. Shown clones that the draw
    does not tell apart form a chain, the more prevalent above; the draw's population is that of the last. A clone of
    the draw that matches none is merged with the clone above it, so that ancestors stay ancestors.
    """
    n_shown = int(labels.max()) + 1
    counted = kind == 0
    order = np.argsort(-mean_prevalence(joint, labels, counted), kind="stable")
    return tuple(_project(draw, labels, counted, n_shown, order) for draw in joint.draws)


def mean_prevalence(joint: JointPosterior, labels: IntArray, counted: BoolArray) -> FloatArray:
    """Compute the mean prevalence of every shown clone over draws, samples and mutations (K,)."""
    total = np.zeros(int(labels.max()) + 1)
    count = np.zeros(len(total))
    for draw, weight in zip(joint.draws, joint.weights):
        prevalence = (ancestor_matrix(draw.parents).astype(np.float64) @ draw.proportions).mean(axis=1)
        mine = counted & (draw.labels >= 0)
        np.add.at(total, labels[mine], weight * prevalence[draw.labels[mine]])
        np.add.at(count, labels[mine], weight)
    return total / np.maximum(count, 1e-12)


def _project(draw: JointDraw, labels: IntArray, counted: BoolArray, n_shown: int, order: IntArray) -> Projection:
    mine = counted & (draw.labels >= 0)
    table = np.zeros((n_shown, draw.n_clones))
    np.add.at(table, (labels[mine], draw.labels[mine]), 1.0)
    match = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), -1)
    members: list[list[int]] = [[] for _ in range(draw.n_clones)]
    for k in order.tolist():
        if match[k] >= 0:
            members[match[k]].append(k)
    shown = np.array([chain[-1] if chain else -1 for chain in members])
    for c in range(draw.n_clones):  # a clone of the draw that matches no shown clone joins the clone above it
        above = c
        while above >= 0 and not members[above]:
            above = draw.parents[above].item()
        shown[c] = members[above][-1] if above >= 0 else -1
    parents = np.full(n_shown, -2, dtype=np.int64)
    for c, chain in enumerate(members):
        above = draw.parents[c].item()
        while above >= 0 and not members[above]:
            above = draw.parents[above].item()
        top = members[above][-1] if above >= 0 else -1
        for k in chain:
            parents[k], top = top, k
    roots = [k for k in order.tolist() if parents[k] == -1]
    root = roots[0] if roots else int(order[0])
    parents[root] = -1
    for k in range(n_shown):
        if k != root and parents[k] < 0:  # no mutation of it in any clone of the draw, or a second founder
            parents[k] = root
    shown[shown < 0] = root
    proportions = np.zeros((n_shown, draw.proportions.shape[1]))
    presence = np.zeros((n_shown, draw.presence.shape[1]), dtype=bool)
    for c, k in enumerate(shown.tolist()):
        proportions[k] += draw.proportions[c]
        presence[k] |= draw.presence[c]
    return Projection(parents, shown, np.where(match >= 0, match, -9), proportions, presence)


def shown_trees(
    joint: JointPosterior,
    projections: tuple[Projection, ...],
    names: tuple[str, ...],
    n_mutations: FloatArray,
    site_names: tuple[str, ...],
    *,
    level: float = 0.95,
    half_step: float = 0.0,
) -> TreeEnsemble:
    """Sum the draws up as trees of the shown clones, with proportions, presence and weights.

    Parameters
    ----------
    joint : JointPosterior
    projections : tuple of Projection
    names : tuple of str, length K
    n_mutations : float64 array (K,)
    site_names : tuple of str
    level, half_step : float
        Of the intervals of proportions, see `credible_interval`.

    Returns
    -------
    TreeEnsemble
        Trees by falling weight; scenarios are the draws.
    """
    index: dict[bytes, int] = {}
    tree_of = [index.setdefault(one.parents.tobytes(), len(index)) for one in projections]
    weights: FloatArray = np.zeros(len(index))
    np.add.at(weights, tree_of, joint.weights)
    order = np.argsort(-weights, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    trees = rank[np.array(tree_of)]
    k, n_samples = projections[0].proportions.shape
    parents = np.zeros((len(order), k), dtype=np.int64)
    proportions = np.zeros((len(order), k, n_samples))
    presence = np.zeros((len(order), k, len(site_names)))
    total = np.bincount(trees, weights=joint.weights, minlength=len(order))
    for tree, one, weight in zip(trees, projections, joint.weights):
        share = weight / total[tree] if total[tree] > 0.0 else 0.0
        parents[tree] = one.parents
        proportions[tree] += share * one.proportions
        presence[tree] += share * one.presence
    scenarios = _merged_scenarios(trees, projections, joint.weights)
    values = np.array([one.proportions for one in projections])
    lower, upper = credible_interval(values, joint.weights, level, half_step)
    diagnostics = {
        "proportion_intervals": {"lower": lower.tolist(), "upper": upper.tolist()},
        "n_draws": joint.n_draws,
    }
    return TreeEnsemble(
        names=names,
        n_mutations=n_mutations,
        parents=parents,
        weights=weights[order],
        log_likelihood=np.log(np.maximum(weights[order], 1e-300)),
        proportions=proportions,
        presence=presence,
        site_names=site_names,
        complete=False,
        n_trees=len(order),
        method="joint",
        diagnostics=diagnostics,
        scenarios=scenarios,
        joint=joint,
    )


def _merged_scenarios(
    trees: IntArray, projections: tuple[Projection, ...], weights: FloatArray
) -> tuple[PresenceScenario, ...]:
    """Tree and presence of the draws; equal ones are merged, by falling weight."""
    together: dict[tuple[int, bytes], list[int]] = {}
    for i, (tree, one) in enumerate(zip(trees.tolist(), projections)):
        together.setdefault((tree, one.presence.tobytes()), []).append(i)
    found = [
        PresenceScenario(tree, float(weights[same].sum()), projections[same[0]].presence)
        for (tree, _), same in together.items()
    ]
    return tuple(sorted(found, key=lambda scenario: -scenario.weight))  # stable


def credible_interval(
    values: FloatArray, weights: FloatArray, level: float, half_step: float
) -> tuple[FloatArray, FloatArray]:
    """Compute the equal-tailed interval over the first axis (D, ...) of weighted draws, wider by half a grid step.

    A bound is the least value with at least its share of the weight up to it.
    """
    order = np.argsort(values, axis=0, kind="stable")
    sorted_values = np.take_along_axis(values, order, axis=0)
    cumulative = np.cumsum(weights[order], axis=0)
    bounds = []
    for q in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
        at = np.minimum((cumulative < q * weights.sum() - 1e-12).sum(axis=0), len(values) - 1)
        bounds.append(np.take_along_axis(sorted_values, at[None], axis=0)[0])
    return np.maximum(bounds[0] - half_step, 0.0), np.minimum(bounds[1] + half_step, 1.0)


def project_histories(
    histories: HistoryEnsemble, projections: tuple[Projection, ...], trees: TreeEnsemble
) -> HistoryEnsemble:
    """Express the histories of draws in the shown clones; sites, migrations and weights stay as they are.

    Parameters
    ----------
    histories : HistoryEnsemble
        Of the draws: ``TreeHistories.tree`` is the index of a draw.
    projections : tuple of Projection
        Of every draw.
    trees : TreeEnsemble
        Of the shown clones (`shown_trees`).

    Returns
    -------
    HistoryEnsemble
        ``TreeHistories.tree`` is the index of a tree of the shown clones.
    """
    index = {parents.tobytes(): i for i, parents in enumerate(trees.parents)}
    entries = []
    for entry in histories.trees:
        one = projections[entry.tree]
        tree = index[one.parents.tobytes()]
        entries.append(
            replace(
                entry,
                tree=tree,
                presence=one.presence,
                histories=tuple(_projected(h, one.shown) for h in entry.histories),
                alternatives=tuple(_projected(h, one.shown) for h in entry.alternatives),
            )
        )
    return replace(histories, trees=_merged_histories(entries))


def _projected(history: MigrationHistory, shown: IntArray) -> MigrationHistory:
    """Express one history in shown clones; steps within one clone and site vanish."""
    edges = history.edges.copy()
    edges[:, 0], edges[:, 2] = shown[edges[:, 0]], shown[edges[:, 2]]
    stays = (edges[:, 0] == edges[:, 2]) & (edges[:, 1] == edges[:, 3])
    return replace(history, root=(int(shown[history.root[0]]), history.root[1]), edges=edges[~stays])


def _merged_histories(entries: list[TreeHistories]) -> tuple[TreeHistories, ...]:
    """Entries of the same tree, presence and excess as one, equal histories added up; by falling weight."""
    together: dict[tuple[int, bytes, tuple[int, int]], list[TreeHistories]] = {}
    for entry in entries:
        together.setdefault((entry.tree, entry.presence.tobytes(), entry.excess), []).append(entry)
    merged = []
    for same in together.values():
        found: dict[tuple[float, tuple[int, int], bytes], MigrationHistory] = {}
        for history in (history for entry in same for history in entry.histories):
            key = (
                round(history.log_prior, 9),
                history.root,
                np.sort(history.edges.view(f"V{history.edges.itemsize * 4}"), axis=0).tobytes(),
            )
            known = found.get(key)
            weight = history.weight + (known.weight if known else 0.0)
            found[key] = replace(known or history, weight=weight)
        histories = tuple(sorted(found.values(), key=lambda history: -history.weight))  # stable
        merged.append(
            replace(
                same[0],
                weight=sum(entry.weight for entry in same),
                criteria={
                    "unobserved": min(history.unobserved for history in histories),
                    "migrations": min(history.n_migrations for history in histories),
                    "comigrations": min(history.comigrations for history in histories),
                    "seeding_sites": min(history.seeding_sites for history in histories),
                },
                n_histories=len(histories),
                complete=all(entry.complete for entry in same),
                histories=histories,
            )
        )
    return tuple(sorted(merged, key=lambda entry: (not entry.is_optimal, -entry.weight)))  # stable
