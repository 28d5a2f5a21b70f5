"""Labels that need presence only, over trees and presence: TRACERx rules, unrelated sites, common origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.comparison.clonality import cluster_states
from phylometa.model.clone_tree import CloneTree
from phylometa.model.comparison import ABSENT, CLONAL, SUBCLONAL
from phylometa.model.history import TreeHistories
from phylometa.model.patient import Site
from phylometa.seeding.presence_rules import lymph_node_distant_origin, tracerx_labels, unrelated_sites

__all__ = ["lymph_node_origins", "presence_labels"]


def presence_labels(
    scenarios: Sequence[tuple[CloneTree, TreeHistories]], sites: Sequence[Site], primary: int
) -> dict[str, Any]:
    """Infer labels that need presence only: the most probable value of each, and its distribution over scenarios.

    ``states`` and ``state_probability`` (K, n_sites) are those of the clusters in the trees.
    """
    metastases = [t for t, site in enumerate(sites) if site.is_metastasis]
    tracerx_rows: list[tuple[float, dict[str, Any]]] = []
    unrelated: dict[int, float] = dict.fromkeys(metastases, 0.0)
    state_weight = np.zeros((3, *scenarios[0][1].presence.shape))
    total = sum(scenario.weight for _, scenario in scenarios)
    for tree, scenario in scenarios:
        share = scenario.weight / total
        states = cluster_states(tree, scenario.presence)
        for state in (ABSENT, SUBCLONAL, CLONAL):
            state_weight[state] += share * (states == state)
        rules = tracerx_labels(tree, states, sites, primary=primary)
        rules["seeding_clones"] = {site: "+".join(clones) for site, clones in rules["seeding_clones"].items()}
        tracerx_rows.append((share, {name: value for name, value in rules.items() if value is not None}))
        for t in unrelated_sites(tree.n_mutations, states, sites, primary=primary):
            unrelated[t] += share
    probabilities = _rule_probabilities(tracerx_rows)
    return {
        "states": state_weight.argmax(axis=0),
        "state_probability": state_weight.max(axis=0),
        "tracerx": _most_probable_rules(probabilities),
        "tracerx_probabilities": probabilities,
        "unrelated_sites": tuple(sites[t].name for t in metastases if unrelated[t] > 0.5),
    }


def _rule_probabilities(rows: Sequence[tuple[float, Mapping[str, Any]]]) -> dict[str, Any]:
    """TRACERx rule -> {value: probability}, or rule -> site -> {value: probability}."""
    probabilities: dict[str, Any] = {}
    for share, rules in rows:
        for name, value in rules.items():
            for site, of_site in (value if isinstance(value, dict) else {"": value}).items():
                part = probabilities.setdefault(name, {})
                part = part.setdefault(site, {}) if site else part
                part[of_site] = part.get(of_site, 0.0) + share
    return probabilities


def _most_probable_rules(probabilities: Mapping[str, Any]) -> dict[str, Any]:
    def best(values: Mapping[str, float]) -> str:
        return max(values, key=lambda value: values[value])

    rules: dict[str, Any] = {"case_clonality": None, "case_phyletic": None}
    for name, part in probabilities.items():
        if name == "seeding_clones":
            rules[name] = {site: best(values).split("+") if best(values) else [] for site, values in part.items()}
        elif name.startswith("case_"):
            rules[name] = best(part)
        else:
            rules[name] = {site: best(values) for site, values in part.items()}
    return rules


def lymph_node_origins(
    scenarios: Sequence[tuple[CloneTree, TreeHistories]],
    sites: Sequence[Site],
    primary: int,
    pairs: Sequence[tuple[str, str]] | None,
) -> dict[str, str] | None:
    """Find the most probable origin of every pair of a lymph node and a distant site; None if there is no pair."""
    index = {site.name: t for t, site in enumerate(sites)}
    if pairs is None:
        nodes = [site.name for site in sites if site.site_class == "lymph_node"]
        pairs = [(node, site.name) for node in nodes for site in sites if site.site_class == "distant"]
    origins = {}
    for node, distant in pairs:
        counts: dict[str, float] = {"undetermined": 0.0, "common": 0.0, "separate": 0.0}
        for tree, scenario in () if sites[primary].is_virtual else scenarios:
            origin = lymph_node_distant_origin(
                tree, scenario.presence, primary=primary, lymph_node=index[node], distant=index[distant]
            )
            counts[origin] += scenario.weight
        origins[f"{node}|{distant}"] = max(counts, key=lambda value: counts[value])
    return origins or None
