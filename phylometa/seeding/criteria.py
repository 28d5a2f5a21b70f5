"""Labels under the criteria of other tools: MACHINA's, MACH2's and Metient's beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from phylometa.config import MigrationSettings, Settings
from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory, TreeHistories
from phylometa.model.label_specs import CRITERION_LABELS, label_name, value_name
from phylometa.model.labels import SeedingLabels
from phylometa.model.patient import Site
from phylometa.seeding.batch import batch_histories
from phylometa.seeding.labels import count_labels, label_batch, most_probable

__all__ = ["COMPARED_SCENARIOS", "ORDERS", "LabelUnderCriteria", "alternative_criteria", "criterion_sensitive"]
__all__ += ["labels_under_criteria"]

COMPARED_SCENARIOS = 20
"""Most probable (tree, presence) scenarios that are classified again under other criteria."""
_COMPARED_HISTORIES, _COMPARED_SECONDS = 500, 5.0  # limits of each of these comparisons
# Metient's: six orders for each scenario, so fewer scenarios and shorter searches.
_CORNERS = ("MCS", "MSC", "CMS", "CSM", "SMC", "SCM")
_CORNER_SCENARIOS, _CORNER_SECONDS = 5, 1.0
_METIENT = "metient_pareto_corners"

ORDERS = {
    "machina_mu_gamma_sigma": "MACHINA",
    "refined_U_mu_gamma_sigma": "MACH2",
    _METIENT: "Metient",
}
"""Key of `SeedingLabels.alternative_criteria` -> tool."""


def alternative_criteria(
    scenarios: Sequence[tuple[CloneTree, TreeHistories]], sites: Sequence[Site], *, primary: int, settings: Settings
) -> dict[str, Any]:
    """Compute the distributions of the compared labels under other orders of the criteria.

    Parameters
    ----------
    scenarios : sequence of (CloneTree, TreeHistories)
    sites : sequence of Site
    primary : int
    settings : Settings

    Returns
    -------
    dict
        ``machina_mu_gamma_sigma`` (plain labellings), ``refined_U_mu_gamma_sigma`` (MACH2's default order) and
        ``metient_pareto_corners`` (plain labellings that are optimal under some order of migrations, comigrations and
        seeding sites: corners of the Pareto front from which Metient chooses; each corner weighs the same), each with
        the labels `CRITERION_LABELS`; optima weigh the same.
    """
    total = sum(scenario.weight for _, scenario in scenarios)
    tables: dict[str, list[Any]] = {name: [] for name in ORDERS}
    for number, (tree, scenario) in enumerate(scenarios):
        machina = _optimal_under("MCS", "machina", tree, scenario, primary, settings.migration)
        optima = {
            "machina_mu_gamma_sigma": [machina],
            "refined_U_mu_gamma_sigma": [_refine_to_umcs(tree, scenario, primary, settings.migration)],
        }
        if number < _CORNER_SCENARIOS:
            optima[_METIENT] = _pareto_corners(machina, tree, scenario, primary, settings.migration)
        for name, groups in optima.items():
            for histories in groups:
                share = scenario.weight / total / len(groups) / len(histories)
                batches = batch_histories(tree, histories, sites, scenario.presence, primary=primary)
                tables[name] += [(np.full(batch.n_histories, share), label_batch(batch)) for batch in batches]
    tables[_METIENT] = _normalised(tables[_METIENT])
    return {name: count_labels(rows, CRITERION_LABELS) for name, rows in tables.items()}


def _normalised(rows: Sequence[tuple[FloatArray, Any]]) -> list[tuple[FloatArray, Any]]:
    total = sum(float(weights.sum()) for weights, _ in rows)
    return [(weights / total, columns) for weights, columns in rows]


def _pareto_corners(
    machina: tuple[MigrationHistory, ...],
    tree: CloneTree,
    scenario: TreeHistories,
    primary: int,
    settings: MigrationSettings,
) -> list[tuple[MigrationHistory, ...]]:
    """Optima of each distinct (mu, gamma, sigma) that is least under some order; `machina` are those of the first."""
    corners = {_plain_criteria(machina[0]): machina}
    for order in _CORNERS[1:]:
        found = _optimal_under(order, "machina", tree, scenario, primary, settings, seconds=_CORNER_SECONDS)
        corners.setdefault(_plain_criteria(found[0]), found)
    return list(corners.values())


def _plain_criteria(history: MigrationHistory) -> tuple[int, int, int]:
    return history.n_migrations, history.comigrations, history.seeding_sites


def _refine_to_umcs(
    tree: CloneTree, scenario: TreeHistories, primary: int, settings: MigrationSettings
) -> tuple[MigrationHistory, ...]:
    """The optima under UMCS: among the histories at hand if these are optimal under a beginning of UMCS.

    If too many were optimal to list all, these are the best of the listed (the simplest).
    """
    if not "UMCS".startswith(settings.criteria.upper()):
        return _optimal_under("UMCS", "refined", tree, scenario, primary, settings)

    def rank(history: MigrationHistory) -> tuple[int, ...]:
        return history.unobserved, history.n_migrations, history.comigrations, history.seeding_sites

    best = min(rank(history) for history in scenario.histories)
    return tuple(history for history in scenario.histories if rank(history) == best)


def _optimal_under(
    criteria: str,
    model: Literal["refined", "machina"],
    tree: CloneTree,
    scenario: TreeHistories,
    primary: int,
    settings: MigrationSettings,
    *,
    seconds: float = _COMPARED_SECONDS,
) -> tuple[MigrationHistory, ...]:
    from phylometa.migration import infer_migration_histories

    options = replace(
        settings,
        criteria=criteria,
        weights="uniform",
        max_histories=min(settings.max_histories, _COMPARED_HISTORIES),
        seconds=min(settings.seconds, seconds),
    )
    found = infer_migration_histories(
        tree, scenario.presence, primary=primary, settings=options, model=model, alternatives=False
    )
    return found.histories


def criterion_sensitive(labels: Mapping[str, Any], alternatives: Mapping[str, Any]) -> tuple[str, ...]:
    """List labels whose set of most probable values differs under MACHINA's order or MACH2's, sorted."""
    return tuple(
        name
        for name in sorted(CRITERION_LABELS)
        if any(
            most_probable(labels[name]) != most_probable(other[name])
            for key, other in alternatives.items()
            if key != _METIENT
        )
    )


class LabelUnderCriteria(NamedTuple):
    """One label under all criteria.

    Parameters
    ----------
    label : str
    values : mapping
        Tool (`ours` first) -> most probable values (ties joined by ``|``) and their probability, for ours, or share of
        the optima.
    differing : str
        Which tools say something else, and what; '' if none does.
    """

    label: str
    values: Mapping[str, tuple[str, float]]
    differing: str


def labels_under_criteria(labels: SeedingLabels) -> list[LabelUnderCriteria]:
    """Put the compared labels under every criterion side by side.

    Parameters
    ----------
    labels : SeedingLabels
        With `alternative_criteria`; without there is no row.

    Returns
    -------
    list of LabelUnderCriteria
        In the order of `CRITERION_LABELS`.
    """
    rows = []
    for name in CRITERION_LABELS:
        found = {"ours": labels.labels.get(name, {})}
        found |= {tool: labels.alternative_criteria.get(key, {}).get(name, {}) for key, tool in ORDERS.items()}
        shown = {tool: _shown(values) for tool, values in found.items() if values}
        if len(shown) < 2 or "ours" not in shown:
            continue
        told = [
            f"{tool}: {' or '.join(value_name(name, value) for value in best.split('|'))}"
            for tool, (best, _) in shown.items()
            if tool != "ours" and best != shown["ours"][0]
        ]
        ours = " or ".join(value_name(name, value) for value in shown["ours"][0].split("|"))
        differing = f"{label_name(name)}: {ours} ({shown['ours'][1]:.2f}); by the criteria of {', of '.join(told)}"
        rows.append(LabelUnderCriteria(name, shown, differing if told else ""))
    return rows


def _shown(values: Mapping[str, float]) -> tuple[str, float]:
    best = sorted(most_probable(values))
    return "|".join(best), float(max(values.values()))
