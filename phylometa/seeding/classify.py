"""Labels of a patient: every definition, with its probability over posterior trees, presence and histories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from phylometa.comparison.clonality import describe_states
from phylometa.comparison.common_origin import CommonOrigin
from phylometa.comparison.private_counts import count_clusters
from phylometa.comparison.statistics import call_jsi
from phylometa.config import SeedingSettings, Settings
from phylometa.errors import InfeasibleError
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.certainty import Certainty, Convergence
from phylometa.model.clone_tree import CloneTree
from phylometa.model.comparison import Comparison
from phylometa.model.history import HistoryEnsemble, TreeHistories
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.label_specs import CRITERION_LABELS, EXTRA_LABELS, PATIENT_LABELS, SITE_LABELS
from phylometa.model.labels import NO_PRIMARY, UNRELATED, SeedingLabels, grade_labels
from phylometa.model.patient import Site
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.seeding.batch import HistoryBatch, LabelColumn, batch_histories
from phylometa.seeding.criteria import COMPARED_SCENARIOS, alternative_criteria, criterion_sensitive
from phylometa.seeding.drawn import NAMING_CLONES, certainty_of_draws, labels_of_draws
from phylometa.seeding.evolution import DriverHit, parallel_evolution, presentation
from phylometa.seeding.labels import count_labels, label_batch
from phylometa.seeding.presence_labels import lymph_node_origins, presence_labels
from phylometa.seeding.settle import settle_labels

__all__ = ["classify_seeding", "compared_labels"]


def classify_seeding(
    trees: TreeEnsemble | Callable[[int], CloneTree],
    histories: HistoryEnsemble,
    sites: Sequence[Site],
    *,
    primary: int | None = None,
    settings: Settings | None = None,
    hits: Iterable[DriverHit] | None = None,
    days_from_primary_diagnosis: Mapping[str, float] | None = None,
    ln_distant_pairs: Sequence[tuple[str, str]] | None = None,
    comparison: Comparison | None = None,
    over_clusterings: tuple[JointPosterior, HistoryEnsemble] | None = None,
    origin: CommonOrigin | None = None,
) -> SeedingLabels:
    """Infer a patient's labels, summed over trees, presence and histories, and over clusterings if these are given.

    P(label = x) = sum over (tree, presence, history) of its weight x 1[label = x], for each label on its own, so that
    a certain label stays certain if another is not.

    Parameters
    ----------
    trees : TreeEnsemble or function
        Gives the `CloneTree` of a tree index of `histories`.
    histories : HistoryEnsemble
        Weights of all histories add up to 1.
    sites : sequence of Site
        In the order of ``histories.site_names``.
    primary : int, optional
        Index of the site of the root; default the first of class primary. With two primaries, call once for each.
    settings : Settings, optional
    hits : iterable of DriverHit, optional
        Driver events by clone (see `driver_hits`).
    days_from_primary_diagnosis : mapping, optional
    ln_distant_pairs : sequence of (lymph node, distant site), optional
        Pairs to compare; default every pair that the sites allow.
    comparison : Comparison, optional
        Of the primary with every metastasis, from the reads: counts, JSI, divergence and states of clusters are its.
        Without one, counts and states are those of the trees, and there is no divergence test.
    over_clusterings : (JointPosterior, HistoryEnsemble), optional
        Draws of clusters and tree with their histories (`phylometa.migration.joint_histories`): every label that
        names no clone is summed over these instead, with its Monte-Carlo error.
    origin : CommonOrigin, optional
        Which sites have one origin, from the reads; by default a metastasis that shares no mutation with the primary
        in most of the posterior is independent.

    Returns
    -------
    SeedingLabels
    """
    settings = settings or Settings()
    tree_of = trees.tree if isinstance(trees, TreeEnsemble) else trees
    if primary is None:
        primary = next(t for t, site in enumerate(sites) if site.site_class == "primary")
    scenarios = [(tree_of(scenario.tree), scenario) for scenario in histories.trees if scenario.histories]
    if not scenarios:
        raise InfeasibleError("no migration history to classify")
    scenarios = _merge_kinds(scenarios)
    by_scenario = [_label_tables(tree, scenario, sites, primary) for tree, scenario in scenarios]
    tables = [table for of_scenario in by_scenario for table in of_scenario]
    labels, extra, certainty = _sum_labels(tables, over_clusterings, histories, sites, primary)
    compared = scenarios[:COMPARED_SCENARIOS]
    alternatives = alternative_criteria(compared, sites, primary=primary, settings=settings)
    as_compared = [(batch.weights, columns) for tables in by_scenario[: len(compared)] for batch, columns in tables]
    from_presence = presence_labels(scenarios, sites, primary)
    states, probability = from_presence.pop("states"), from_presence.pop("state_probability")
    if comparison is None:
        compared_with_primary = _compared_in_trees(scenarios[0][0], sites, states, probability, primary, settings)
    else:
        compared_with_primary = compared_labels(comparison, sites)
    metastases = [site.name for site in sites if site.is_metastasis]
    is_sampled = not sites[primary].is_virtual
    if origin is not None:
        from_presence["unrelated_sites"] = _apart(origin, sites, primary) if is_sampled else ()
    unrelated = from_presence["unrelated_sites"]
    is_unrelated = bool(unrelated) and (set(metastases) & (_entered(labels) | set(unrelated))) <= set(unrelated)
    all_complete = histories.complete and (over_clusterings is None or over_clusterings[1].complete)
    cut = max(histories.cut_weight, 0.0 if over_clusterings is None else over_clusterings[1].cut_weight)
    parallel = None if hits is None else _parallel_probability(scenarios, tuple(hits))
    days = days_from_primary_diagnosis
    synchronous = settings.timing.synchronous_days
    n_mutations = None if origin is None else int(np.asarray(scenarios[0][0].n_mutations).sum())
    # One mutation shows that clones share it, not how they spread: the prior speaks.
    is_open = n_mutations == 1
    return SeedingLabels(
        labels=labels,
        **grade_labels(labels, extra, settings.seeding, certainty, is_open=is_open),
        n_mutations=n_mutations,
        extra=extra,
        alternative_criteria=alternatives,
        criterion_sensitive=criterion_sensitive(count_labels(as_compared, CRITERION_LABELS), alternatives),
        near_optimal=_near_optimal_labels(*scenarios[0], sites, primary),
        primary_sampled=is_sampled,
        clonally_unrelated=is_unrelated,
        n_metastases=len(metastases),
        n_histories=sum(scenario.n_histories for _, scenario in scenarios),
        complete=all_complete,
        settings=settings.seeding,
        ln_distant_origin=lymph_node_origins(scenarios, sites, primary, ln_distant_pairs),
        parallel_evolution=None if parallel is None else {gene: p > 0.5 for gene, p in parallel.items()},
        parallel_evolution_probability=parallel,
        presentation=None if days is None else presentation(days, synchronous_days=synchronous),
        override=_overrides(is_unrelated, is_sampled),
        common_origin={} if origin is None else _origin_of_pairs(origin, sites),
        flags=_flags(extra, settings.seeding),
        settled_by=settle_labels(tables, labels, settings.seeding),
        warnings=_warnings(all_complete, cut, labels, sites, unrelated, certainty.convergence),
        **from_presence,
        **compared_with_primary,
    )


def _label_tables(
    tree: CloneTree, scenario: TreeHistories, sites: Sequence[Site], primary: int
) -> list[tuple[HistoryBatch, dict[tuple[str, str], LabelColumn]]]:
    """Find the labels of every history of a tree and presence, in batches."""
    batches = batch_histories(tree, scenario.histories, sites, scenario.presence, primary=primary)
    return [(batch, label_batch(batch)) for batch in batches]


def _sum_labels(
    tables: Sequence[tuple[HistoryBatch, dict[tuple[str, str], LabelColumn]]],
    over_clusterings: tuple[JointPosterior, HistoryEnsemble] | None,
    histories: HistoryEnsemble,
    sites: Sequence[Site],
    primary: int,
) -> tuple[dict[str, Any], dict[str, Any], Certainty]:
    """Sum labels and further labels up, over the draws if there are any (those that name clones: over histories)."""
    weighted = [(batch.weights, columns) for batch, columns in tables]
    labels = count_labels(weighted, (*PATIENT_LABELS, *SITE_LABELS))
    extra = count_labels(weighted, EXTRA_LABELS)
    if over_clusterings is None:
        return labels, extra, Certainty()
    drawn = labels_of_draws(*over_clusterings, sites, primary)
    labels |= {name: drawn.labels[name] for name in labels if name not in NAMING_CLONES}
    extra = {name: drawn.labels[name] for name in extra}
    return labels, extra, certainty_of_draws(drawn, over_clusterings[0], histories)


def _apart(origin: CommonOrigin, sites: Sequence[Site], primary: int) -> tuple[str, ...]:
    """List the metastases that have another origin than the primary."""
    group = origin.group_of
    apart = [t for t, site in enumerate(sites) if site.is_metastasis and group[t] != group[primary]]
    return tuple(sites[t].name for t in apart)


def _overrides(is_unrelated: bool, is_sampled: bool) -> dict[str, str]:
    """Say which labels cannot be told: all of an independent tumour, sources if the primary was not sampled."""
    if is_unrelated:
        return {"all_migration_labels": UNRELATED, "relation": "independent_primary"}
    if is_sampled:
        return {}
    undetermined = dict.fromkeys(("cascade", "pattern", "phyletic", "divergence"), "undetermined")
    return {"source_labels": NO_PRIMARY, **undetermined}


def compared_labels(comparison: Comparison, sites: Sequence[Site]) -> dict[str, Any]:
    """List the fields of `SeedingLabels` that a comparison of primary and metastases gives.

    Counts and calls of a metastasis are None if the primary was not sampled; calls also if the JSI is undefined.
    """
    found = comparison.by_site
    names = [site.name for site in sites if site.is_metastasis]
    calls = {name: found[name].jsi_call if name in found else "undefined" for name in names}
    return {
        "pm_counts": {name: found[name].counts.to_labels() if name in found else None for name in names},
        "jsi_call": {name: None if call == "undefined" else call for name, call in calls.items()},
        "divergence": {name: found[name].test for name in names if name in found},
        "cluster_states": describe_states(
            comparison.cluster_names, comparison.site_names, comparison.states, comparison.power
        ),
    }


def _compared_in_trees(
    tree: CloneTree,
    sites: Sequence[Site],
    states: IntArray,
    probability: FloatArray,
    primary: int,
    settings: Settings,
) -> dict[str, Any]:
    """The same from clone trees alone: counts of whole clusters, in their most probable states."""
    counts: dict[str, Any] = {}
    calls: dict[str, str | None] = {}
    for t, site in enumerate(sites):
        if site.is_metastasis:
            found = count_clusters(states, tree.n_mutations, primary=primary, site=t)
            call = call_jsi(found.jsi, settings=settings.comparison)
            is_known = not sites[primary].is_virtual
            counts[site.name] = found.to_labels() if is_known else None
            calls[site.name] = call if is_known and call != "undefined" else None
    described = describe_states(tree.names, [site.name for site in sites], states)
    for k, name in enumerate(tree.names):
        for t, site in enumerate(sites):
            described[name][site.name]["probability"] = float(probability[k, t])
    return {"pm_counts": counts, "jsi_call": calls, "cluster_states": described}


def _origin_of_pairs(origin: CommonOrigin, sites: Sequence[Site]) -> dict[str, float]:
    """``"site|site"`` -> P(common origin), for every pair of sampled sites."""
    names = [(t, site.name) for t, site in enumerate(sites) if not site.is_virtual]
    return {f"{a}|{b}": float(origin.probability[s, t]) for s, a in names for t, b in names if s < t}


def _merge_kinds(
    scenarios: Sequence[tuple[CloneTree, TreeHistories]],
) -> list[tuple[CloneTree, TreeHistories]]:
    """One entry a tree and presence, by falling weight: optimal histories, then near-optimal ones that are weighed."""
    together: dict[tuple[int, bytes], list[tuple[CloneTree, TreeHistories]]] = {}
    for tree, entry in sorted(scenarios, key=lambda pair: not pair[1].is_optimal):  # stable
        together.setdefault((entry.tree, entry.presence.tobytes()), []).append((tree, entry))
    merged = []
    for same in together.values():
        tree, first = same[0]
        weight = sum(entry.weight for _, entry in same)
        histories = tuple(history for _, entry in same for history in entry.histories)
        near = tuple(history for _, entry in same if not entry.is_optimal for history in entry.histories)
        alternatives = (*first.alternatives, *near)
        merged.append((tree, replace(first, weight=weight, histories=histories, alternatives=alternatives)))
    return sorted(merged, key=lambda pair: -pair[1].weight)


def _near_optimal_labels(
    tree: CloneTree, scenario: TreeHistories, sites: Sequence[Site], primary: int
) -> dict[str, tuple[str, ...]]:
    """Values that near-optimal histories (one more unobserved node or migration) give the compared labels."""
    batches = batch_histories(tree, scenario.alternatives, sites, scenario.presence, primary=primary)
    counts = count_labels([(np.ones(batch.n_histories), label_batch(batch)) for batch in batches], CRITERION_LABELS)
    return {name: tuple(counts[name]) for name in CRITERION_LABELS if counts[name]}


def _parallel_probability(
    scenarios: Sequence[tuple[CloneTree, TreeHistories]], hits: Sequence[DriverHit]
) -> dict[str, float]:
    """Gene -> probability, over trees, that two events hit it independently."""
    total = sum(scenario.weight for _, scenario in scenarios)
    probability: dict[str, float] = dict.fromkeys(sorted({hit.gene for hit in hits}), 0.0)
    for tree, scenario in scenarios:
        for gene, is_parallel in parallel_evolution(tree, hits).items():
            probability[gene] += is_parallel * scenario.weight / total
    return probability


def _flags(extra: Mapping[str, Any], settings: SeedingSettings) -> tuple[str, ...]:
    """Flags that are at least favoured: an unobserved source in the primary, an unobserved founder of a site."""
    flags = []
    if extra["source_unobserved"].get("True", 0.0) >= settings.favoured_probability:
        flags.append("source_unobserved")
    for site, values in extra["founder_unobserved"].items():
        if values.get("True", 0.0) >= settings.favoured_probability:
            flags.append(f"founder_unobserved:{site}")
    return tuple(flags)


def _entered(labels: Mapping[str, Any]) -> set[str]:
    """Sites that a clone migrated into with a probability of at least one half."""
    return {site for site, values in labels["site_seeding"].items() if sum(values.values()) >= 0.5}


def _warnings(
    is_complete: bool,
    cut: float,
    labels: Mapping[str, Any],
    sites: Sequence[Site],
    unrelated: Sequence[str],
    convergence: Convergence | None,
) -> tuple[str, ...]:
    warnings = [convergence.text] if convergence is not None and convergence.text else []
    if not is_complete:
        others = "no bound on the others is known" if cut >= 0.995 else f"the others have at most {cut:.0%}"
        warnings.append(
            f"not every optimal history could be listed: probabilities of labels are over those listed; {others}"
        )
    related = [site.name for site in sites if site.is_metastasis and site.name not in unrelated]
    never_entered = [name for name in related if name not in _entered(labels)]
    warnings += [f"site {name}: no clone was found there, so it carries no seeding label" for name in never_entered]
    warnings += [f"site {name}: an independent tumour, clonally unrelated to the primary" for name in unrelated]
    return tuple(warnings)
