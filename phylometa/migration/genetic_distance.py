"""An optional prior: migrations that found clones far from those they left are the more probable.

Cells that found a metastasis pass a bottleneck, so that what was private to one cell becomes a clone of its own; if
several histories explain the samples equally well, the one whose migrations run along the long branches of the clone
tree is favoured. The idea is Metient's (Koyyalagunta et al. 2024, doi:10.1101/2024.07.09.602790), the formula ours.
"""

from __future__ import annotations

from collections.abc import Callable

from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, MigrationHistory

__all__ = ["favour_genetic_distance", "mean_genetic_distance"]


def mean_genetic_distance(tree: CloneTree, history: MigrationHistory) -> float:
    r"""Average over the migrations the number of mutations that the founding clone has and the departing one has not.

    .. math:: D(H) = \frac{1}{\mu} \sum_{(u,s) \to (v,t)} [u \ne v] \, n_v / \max_{w \ne root} n_w

    with n_v the mutations of v's own cluster: between 0 and 1, 0 without a migration.

    Parameters
    ----------
    tree : CloneTree
        The history's.
    history : MigrationHistory
    """
    of_others = [n for n, parent in zip(tree.n_mutations.tolist(), tree.parents.tolist()) if parent >= 0]
    longest = max(of_others, default=0.0)
    if not longest or not len(history.migrations):
        return 0.0
    steps = [tree.n_mutations[v] / longest if u != v else 0.0 for u, _, v, _ in history.migrations.tolist()]
    return float(sum(steps) / len(steps))


def favour_genetic_distance(
    histories: HistoryEnsemble, tree_of: Callable[[int], CloneTree], weight: float
) -> HistoryEnsemble:
    """Return the ensemble with every history's weight multiplied by exp(weight x `mean_genetic_distance`).

    Parameters
    ----------
    histories : HistoryEnsemble
    tree_of : callable
        Tree index -> CloneTree.
    weight : float
        0 changes nothing; `HistoryEnsemble.without_prior` undoes it.
    """
    if weight == 0.0:
        return histories
    return histories.with_log_priors(
        [weight * mean_genetic_distance(tree_of(entry.tree), history) for entry, history in histories]
    )
