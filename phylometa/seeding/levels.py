"""Levels of all statements of a patient: probability, Monte-Carlo error, caps by quality, and evidence together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from phylometa.config import SeedingSettings
from phylometa.model.certainty import (
    LEVELS,
    Cap,
    Evidence,
    RouteStatement,
    decide_level,
    each_statement,
    level_word,
    statement_key,
)
from phylometa.model.history import HistoryEnsemble
from phylometa.model.labels import SeedingLabels
from phylometa.seeding.caps import Caps
from phylometa.seeding.evidence_floor import Statement

__all__ = ["limit_levels", "stated_probabilities"]


def stated_probabilities(labels: SeedingLabels, histories: HistoryEnsemble) -> dict[Statement, float]:
    """List the most probable value of every label, and every route, with their probabilities.

    Parameters
    ----------
    labels : SeedingLabels
    histories : HistoryEnsemble

    Returns
    -------
    dict
        (label, site or "", value) and ("route", source, target) -> probability.
    """
    stated: dict[Statement, float] = {}
    for name, site, values in each_statement({**labels.labels, **labels.extra}):
        best = max(values, key=lambda value: values[value])
        stated[name, site, best] = values[best]
    names, routes = histories.site_names, histories.migration_probability
    return stated | {("route", names[s], names[t]): float(routes[s, t]) for s, t in np.argwhere(routes > 0.0).tolist()}


def limit_levels(
    labels: SeedingLabels, histories: HistoryEnsemble, caps: Caps, evidence: Mapping[Statement, Evidence]
) -> SeedingLabels:
    """Give labels and routes the levels that error, quality and evidence allow.

    Parameters
    ----------
    labels : SeedingLabels
        With the Monte-Carlo errors of the labels.
    histories : HistoryEnsemble
        The routes, with their errors.
    caps : Caps
    evidence : mapping
        `phylometa.seeding.evidence_floor.find_evidence`.

    Returns
    -------
    SeedingLabels
    """
    stated = stated_probabilities(labels, histories)
    routes = []
    for (kind, source, target), probability in stated.items():
        if kind != "route":
            continue
        found = evidence.get((kind, source, target))
        cap = _biting(caps.routes.get((source, target)), probability, labels.settings)
        mcse = None
        if histories.errors is not None:
            pair = histories.site_names.index(source), histories.site_names.index(target)
            mcse = histories.errors.routes[pair][0]
        level, could_be = decide_level(
            probability,
            labels.settings,
            mcse=mcse or 0.0,
            convergence=labels.certainty.convergence,
            evidence=found,
            cap=cap,
        )
        if labels.n_mutations == 1:
            level, could_be = LEVELS[0], ""
        routes.append(RouteStatement(source, target, probability, level, mcse, could_be, cap, found))
    probabilities = {statement_key(name, site): p for (name, site, _), p in stated.items() if name != "route"}
    probabilities |= {f"divergence:{site}": 1.0 for site in labels.divergence}
    capped = {
        key: cap
        for key, p in probabilities.items()
        if (cap := _biting(caps.labels.get(key), p, labels.settings)) is not None
    }
    of_labels = {statement_key(name, site): found for (name, site, _), found in evidence.items() if name != "route"}
    return labels.graded(replace(labels.certainty, caps=capped, evidence=of_labels, routes=tuple(routes)))


def _biting(cap: Cap | None, probability: float, settings: SeedingSettings) -> Cap | None:
    """The cap if it lowers the level that the probability has; else None."""
    if cap is None or LEVELS.index(level_word(probability, settings)) <= LEVELS.index(cap.level):
        return None
    return cap
