"""Migration histories over a posterior of clone trees and presence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.genetic_distance import favour_genetic_distance
from phylometa.migration.infer import criteria_of_model, history_from_edges, infer_migration_histories, make_question
from phylometa.migration.one_more import simplest_near_optimal
from phylometa.migration.scenario import Scenario
from phylometa.migration.scoring import Scores, excess_cost, history_weights, simplicity_cost, tree_cost
from phylometa.model.arrays import BoolArray
from phylometa.model.history import HistoryEnsemble, TreeHistories

__all__ = ["Scenario", "infer_history_ensemble"]


# Histories that all scenarios list together, about; each lists so many at least (or all it has).
LISTED_TOGETHER = 20_000
MIN_LISTED = 20
# With more scenarios than this the simplest of too many optima are not searched for exactly.
RANKED_EXACTLY = 10
LOG_LARGE = 600.0  # bounds of weights beyond its exponential are all the same: nothing is excluded


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
    r"""Infer the histories of every tree of a posterior, weighted jointly.

    .. math::
        w(T, H) \propto w_T \exp(-c U_T - d \mu_T - \gamma(H) - 2 \sigma(H) - a \Delta U(H) - b \Delta\mu(H))

    With exponential weights the sum over a tree's histories is not normalised within the tree, so that trees with
    simple histories gain weight (docs/methods/migration.md); so do trees that need few unobserved nodes U_T
    and migrations mu_T (``tree_unobserved_weight`` c, ``tree_migration_weight`` d). Under the criteria ``UM`` histories
    with one unobserved node or one migration more than the least of their tree and presence are weighed too, by
    ``extra_unobserved_weight`` a and ``extra_migration_weight`` b: a population that was missed in a site cannot be
    excluded. They are entries of their own behind the optimal ones. With uniform weights each tree keeps its weight,
    shared equally by its optimal histories.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Trees with presence; equal ones share the work.
    site_names : sequence of str
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings, optional
        With ``model="process"``, the criteria UM and exponential weights: see `process_ensemble.process_ensemble`.
    model, pattern, routes
        See `infer_migration_histories`.

    Returns
    -------
    HistoryEnsemble
        One `TreeHistories` a scenario, in the order given, then those of near-optimal histories; the weights of all
        histories add up to 1. If near-optimal histories are not weighed, they are listed as alternatives of the
        scenario of greatest weight (the first of them). With ``genetic_distance_weight`` the weights are those under
        that prior.
    """
    settings = MigrationSettings() if settings is None else settings
    if not scenarios:
        raise ValueError("scenarios: none given")
    weighs_all = settings.weights == "exponential" and settings.criteria.upper() == "UM" and model == "refined"
    if settings.model == "process" and weighs_all and pattern is None and routes is None:
        from phylometa.migration.process_ensemble import process_ensemble  # compiled: loaded only if asked for

        ensemble = process_ensemble(scenarios, site_names, primary=primary, settings=settings)
        tree_of = {scenario.tree_index: scenario.tree for scenario in scenarios}
        return favour_genetic_distance(ensemble, tree_of.__getitem__, settings.genetic_distance_weight)
    kinds = _weighed_kinds(settings, model) if pattern is None and routes is None else ""
    heaviest = max(scenarios, key=lambda scenario: scenario.weight)
    # Many scenarios list fewer histories each.
    n_distinct = len({_identity(scenario) for scenario in scenarios})
    each = replace(
        settings,
        max_histories=min(settings.max_histories, max(LISTED_TOGETHER // n_distinct, MIN_LISTED)),
    )
    solved: dict[tuple[bytes, bytes], TreeHistories] = {}
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
                alternatives=scenario is heaviest and not kinds,
                exact_ranking=n_distinct <= RANKED_EXACTLY,
            )
    unnormalised, cut = _weigh_optimal(scenarios, solved, primary, settings)
    if kinds:
        near, cut_near = _near_optimal(scenarios, solved, kinds, primary=primary, settings=settings)
        unnormalised += near
        cut += cut_near
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
    ensemble = HistoryEnsemble(trees, tuple(site_names), order, settings.weights, model, cut_weight=cut / (cut + total))
    tree_of = {scenario.tree_index: scenario.tree for scenario in scenarios}
    return favour_genetic_distance(ensemble, tree_of.__getitem__, settings.genetic_distance_weight)


def _weigh_optimal(
    scenarios: Sequence[Scenario],
    solved: Mapping[tuple[bytes, bytes], TreeHistories],
    primary: int,
    settings: MigrationSettings,
) -> tuple[list[tuple[Scenario, TreeHistories, float]], float]:
    """Weigh the optimal histories of every scenario (not normalised), and bound the weight of those not listed."""
    entries, cut = [], 0.0
    for scenario in scenarios:
        found = solved[_identity(scenario)]
        share = scenario.weight
        if settings.weights == "exponential":
            share *= _weight_of_tree(found, settings)
            n_cut = found.n_histories - len(found.histories)
            cut += share * _cut_weight(n_cut, found.presence, primary, settings)
            share *= sum(
                history_weights([Scores(0, 0, h.comigrations, h.seeding_sites) for h in found.histories], settings)
            )
        else:
            cut += share * (1.0 - len(found.histories) / found.n_histories)
        entries.append((scenario, found, share))
    return entries, cut


def _weighed_kinds(settings: MigrationSettings, model: str) -> str:
    """Kinds of near-optimal histories that have weight: U, M, both or none."""
    if settings.weights != "exponential" or settings.criteria.upper() != "UM" or model != "refined":
        return ""
    weights = {"U": settings.extra_unobserved_weight, "M": settings.extra_migration_weight}
    return "".join(kind for kind, weight in weights.items() if math.isfinite(weight)) * bool(settings.max_alternatives)


def _near_optimal(
    scenarios: Sequence[Scenario],
    solved: Mapping[tuple[bytes, bytes], TreeHistories],
    kinds: str,
    *,
    primary: int,
    settings: MigrationSettings,
) -> tuple[list[tuple[Scenario, TreeHistories, float]], float]:
    """Near-optimal histories of the most probable scenarios, by kind, with their weights (not normalised).

    They stand for those of the scenarios beyond, too, in proportion to the weights of the scenarios. Second, a bound on
    the weight of those that are not listed.
    """
    together: dict[tuple[bytes, bytes], list[Scenario]] = {}
    for scenario in scenarios:
        together.setdefault(_identity(scenario), []).append(scenario)
    ranked = sorted(together.values(), key=lambda same: -sum(scenario.weight for scenario in same))  # stable
    chosen = ranked[: settings.near_optimal_scenarios]
    of_all = sum(scenario.weight for scenario in scenarios)
    of_chosen = sum(scenario.weight for same in chosen for scenario in same)
    if not of_chosen > 0:
        return [], 0.0
    entries, cut = [], 0.0
    for same in chosen:
        optimum = solved[_identity(same[0])]
        question = make_question(same[0].tree, same[0].presence, primary)
        root = (question.root, question.primary)
        for kind in kinds:
            near = simplest_near_optimal(question, kind, settings)
            of_kind = _weight_of_tree(optimum, settings) * math.exp(-excess_cost(settings, *near.more))
            of_kind *= of_all / of_chosen
            listed = len(near.histories)
            weight = sum(scenario.weight for scenario in same)
            cut += weight * of_kind * _cut_weight(near.n_histories - listed, optimum.presence, primary, settings)
            if not listed:
                continue
            scores = [each for _, each in near.histories]
            weights = history_weights(scores, settings)
            histories = tuple(
                history_from_edges(edges, root, each, weight / sum(weights), consistent=False)
                for (edges, each), weight in sorted(zip(near.histories, weights), key=lambda entry: -entry[1])
            )
            found = TreeHistories(
                tree=0,
                weight=1.0,
                presence=optimum.presence,
                criteria={
                    "unobserved": scores[0].unobserved,
                    "migrations": scores[0].migrations,
                    "comigrations": min(each.comigrations for each in scores),
                    "seeding_sites": min(each.seeding_sites for each in scores),
                },
                n_histories=near.n_histories,
                complete=near.complete,
                histories=histories,
                excess=near.more,
            )
            entries += [(scenario, found, scenario.weight * of_kind * sum(weights)) for scenario in same]
    return entries, cut


def _cut_weight(n_cut: int, presence: BoolArray, primary: int, settings: MigrationSettings) -> float:
    """At most so much weight have `n_cut` histories of a tree and presence that are not listed.

    Each site with a clone is entered from somewhere, so that gamma is at least their number, and sigma at least 1.
    """
    if n_cut <= 0:
        return 0.0
    n_entered = int(np.delete(presence.any(axis=0), primary).sum())
    log_most = math.log(n_cut) - simplicity_cost(settings, n_entered, min(n_entered, 1))
    return math.exp(min(log_most, LOG_LARGE))


def _weight_of_tree(optimum: TreeHistories, settings: MigrationSettings) -> float:
    """What the weight of a tree and presence keeps for what their optimal histories need."""
    return math.exp(-tree_cost(settings, optimum.criteria["unobserved"], optimum.criteria["migrations"]))


def _identity(scenario: Scenario) -> tuple[bytes, bytes]:
    """What scenarios with the same histories have in common."""
    return scenario.tree.parents.tobytes(), np.asarray(scenario.presence, dtype=bool).tobytes()
