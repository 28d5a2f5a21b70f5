"""Migration histories over a posterior of clone trees and presence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.data import BoolArray
from phylometa.migration.refined import criteria_of_model, history_weights, infer_migration_histories
from phylometa.migration.scoring import Scores
from phylometa.trees import CloneTree, HistoryEnsemble, TreeHistories

__all__ = ["Scenario", "infer_history_ensemble"]


# Histories that all scenarios list together, about; each lists so many at least (or all it has).
LISTED_TOGETHER = 20_000
MIN_LISTED = 20
# With more scenarios than this the simplest of too many optima are not searched for exactly.
RANKED_EXACTLY = 10


@dataclass(frozen=True, eq=False)
class Scenario:
    """One clone tree with one presence of its clones, drawn from the posterior.

    Parameters
    ----------
    tree_index : int
        Index into the `TreeEnsemble`.
    tree : CloneTree
    weight : float
        Posterior probability of the tree and presence.
    presence : bool array (K, n_sites)
    """

    tree_index: int
    tree: CloneTree
    weight: float
    presence: BoolArray


def infer_history_ensemble(
    scenarios: Sequence[Scenario],
    site_names: Sequence[str],
    *,
    primary: int,
    settings: MigrationSettings | None = None,
    model: str = "refined",
    pattern: str | None = None,
    routes: BoolArray | None = None,
) -> HistoryEnsemble:
    r"""Histories of every tree of a posterior, weighted jointly.

    .. math:: w(T, H) \propto w_T \exp(-\gamma(H) - 2 \sigma(H))

    With exponential weights the sum over a tree's histories is not normalised within the tree, so that trees with
    simple histories gain weight (inference.md, From reads to history). With uniform weights each tree keeps its
    weight, shared equally by its histories.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Trees with presence; equal ones share the work.
    site_names : sequence of str
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings, optional
    model, pattern, routes
        See `infer_migration_histories`.

    Returns
    -------
    HistoryEnsemble
        One `TreeHistories` a scenario, in the order given; the weights of all histories add up to 1. Near-optimal
        alternatives are listed for the scenario of greatest weight (the first of them).
    """
    settings = MigrationSettings() if settings is None else settings
    if not scenarios:
        raise ValueError("scenarios: none given")
    solved: dict[tuple[bytes, bytes], TreeHistories] = {}
    unnormalised: list[tuple[Scenario, TreeHistories, float]] = []
    heaviest = max(scenarios, key=lambda scenario: scenario.weight)
    # Many scenarios list fewer histories each.
    n_distinct = len({_identity(scenario) for scenario in scenarios})
    each = replace(
        settings,
        max_histories=min(settings.max_histories, max(LISTED_TOGETHER // n_distinct, MIN_LISTED)),
    )
    # The scenario with alternatives comes first, so that equal ones share its result.
    for scenario in sorted(scenarios, key=lambda scenario: scenario is not heaviest):
        key = _identity(scenario)
        if key not in solved:
            solved[key] = infer_migration_histories(
                scenario.tree,
                scenario.presence,
                primary=primary,
                settings=each,
                model=model,
                pattern=pattern,
                routes=routes,
                alternatives=scenario is heaviest,
                exact_ranking=n_distinct <= RANKED_EXACTLY,
            )
    for scenario in scenarios:
        found = solved[_identity(scenario)]
        share = scenario.weight
        if settings.weights == "exponential":
            share *= sum(
                history_weights([Scores(0, 0, h.comigrations, h.seeding_sites) for h in found.histories], settings)
            )
        unnormalised.append((scenario, found, share))
    total = sum(share for _, _, share in unnormalised)
    if not total > 0:
        raise ValueError("scenarios: their weights do not add up to a positive number")
    trees = tuple(
        replace(
            found,
            tree=scenario.tree_index,
            weight=share / total,
            histories=tuple(replace(h, weight=h.weight * share / total) for h in found.histories),
        )
        for scenario, found, share in unnormalised
    )
    order = criteria_of_model(settings, model).upper()
    return HistoryEnsemble(trees, tuple(site_names), order, settings.weights, model)


def _identity(scenario: Scenario) -> tuple[bytes, bytes]:
    """What scenarios with the same histories have in common."""
    return scenario.tree.parents.tobytes(), np.asarray(scenario.presence, dtype=bool).tobytes()
