"""Labels of one migration history: pattern, clonality, phyleticity, ongoing evolution, waves.

Every definition that the literature uses is computed under its own name; `docs/glossary.md` has one meaning for each.
The routes (which site seeded which) stand in `phylometa.seeding.routes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.data import BoolArray, Site
from phylometa.migration.patterns import migration_pattern
from phylometa.seeding.routes import label_routes
from phylometa.trees import CloneTree, MigrationHistory

__all__ = [
    "CRITERION_LABELS",
    "EXTRA_LABELS",
    "PATIENT_LABELS",
    "SITE_LABELS",
    "LabelValue",
    "count_labels",
    "is_chain",
    "label_history",
    "label_unobserved",
    "most_probable",
]

# A label of a patient is a string; a label of sites maps the site's name to a string.
LabelValue = str | dict[str, str]

PATIENT_LABELS = (
    "pattern",
    "clonality_machina",
    "clonality_site",
    "clonality_metient_genetic",
    "seeding_clones_primary",
    "phyletic",
    "phyletic_mach2",
    "phyletic_metient",
    "phyletic_clade",
    "reseeding_primary",
    "self_seeding",
    "local_recurrence",
    "met_to_met",
    "cascade",
    "cross_seeding",
    "primary_seeded_sites",
)
"""Labels with one value a history."""
SITE_LABELS = ("site_seeding", "site_sources", "ln_route", "ongoing_evolution")
"""Labels with one value a site and history."""
EXTRA_LABELS = (
    "phyletic_distant_only",
    "seeding_waves",
    "repeated_seeding",
    "source_unobserved",
    "founder_unobserved",
    "site_seeding_resolved",
)
"""Labels reported beside those of the seeding cases' key `labels`."""
CRITERION_LABELS = (
    "pattern",
    "clonality_machina",
    "clonality_site",
    "phyletic",
    "reseeding_primary",
    "self_seeding",
    "met_to_met",
    "cascade",
    "cross_seeding",
)
"""Labels that are compared between criteria orders (`criterion_sensitive`)."""

_TIE = 1e-9  # probabilities that differ by less are equal: rounding of sums over histories


def label_history(tree: CloneTree, history: MigrationHistory, sites: Sequence[Site], *, primary: int) -> dict[str, Any]:
    """All labels of one history.

    Parameters
    ----------
    tree : CloneTree
        The tree the history lives on.
    history : MigrationHistory
    sites : sequence of Site
        Sites in the order of the history's site indices.
    primary : int
        Index of the site in which the history is rooted.

    Returns
    -------
    dict
        `PATIENT_LABELS` (a string each), `SITE_LABELS` (a string a site) and some of `EXTRA_LABELS`. Labels
        of a history without migrations are ``"none"``; a site that no migration enters has no entry.

    Notes
    -----
    Labels that need the presence of the clones come from `label_unobserved`.

    Examples
    --------
    >>> from phylometa.trees import MigrationHistory
    >>> tree = CloneTree.from_edges([("R", "A")])
    >>> sites = [Site("P", "primary"), Site("M1", "distant")]
    >>> history = MigrationHistory(root=(0, 0), edges=[[0, 0, 1, 0], [1, 0, 1, 1]])
    >>> labels = label_history(tree, history, sites, primary=0)
    >>> labels["pattern"], labels["site_sources"], labels["seeding_clones_primary"]
    ('PS', {'M1': 'P'}, 'A')
    """
    edges = [tuple(edge) for edge in history.edges.tolist()]
    migrations = [edge for edge in edges if edge[1] != edge[3]]
    departing = {u for u, _, _, _ in migrations}
    founding = {v for _, _, v, _ in migrations}
    from_primary = [edge for edge in migrations if edge[1] == primary]
    to_distant = {u for u, _, _, t in from_primary if sites[t].site_class == "distant"}
    entries: dict[int, int] = defaultdict(int)
    pairs: dict[tuple[int, int], int] = defaultdict(int)
    for _, s, _, t in migrations:
        entries[t] += 1
        pairs[s, t] += 1
    site_seeding = {sites[t].name: _clonality(entries[t] == 1) for t in sorted(entries)}
    waves = _comigrations_into(edges, history.root)
    labels: dict[str, Any] = {
        "pattern": migration_pattern(pairs),
        "clonality_machina": _clonality(max(pairs.values(), default=1) == 1),
        "clonality_site": _clonality("polyclonal" not in site_seeding.values()),
        "clonality_metient_genetic": _clonality(len(founding) == 1),
        "seeding_clones_primary": "+".join(sorted(tree.names[u] for u in {edge[0] for edge in from_primary})),
        "phyletic": _phyletic(is_chain(tree, {u for u, _, _, _ in from_primary})),
        "phyletic_mach2": _phyletic(_has_common_origin(tree, departing)),
        "phyletic_metient": _phyletic(_has_common_origin(tree, founding)),
        "phyletic_clade": _phyletic(_is_clade_outside_primary(tree, history, sites, primary)),
        "site_seeding": site_seeding,
        "ongoing_evolution": _ongoing_evolution(tree, edges, sites),
        "phyletic_distant_only": _phyletic(is_chain(tree, to_distant)) if to_distant else "none",
        "seeding_waves": {sites[t].name: str(waves[t]) for t in sorted(waves)},
        "repeated_seeding": {sites[t].name: str(waves[t] > 1) for t in sorted(waves)},
        **label_routes(edges, history.root, sites, primary=primary),
    }
    if not migrations:
        labels.update({name: "none" for name in PATIENT_LABELS if labels[name] not in ("True", "False")})
    return labels


def label_unobserved(
    tree: CloneTree, history: MigrationHistory, sites: Sequence[Site], presence: BoolArray, *, primary: int
) -> dict[str, Any]:
    """Labels of one history that say where it rests on clones nobody has seen.

    Parameters
    ----------
    tree : CloneTree
    history : MigrationHistory
    sites : sequence of Site
    presence : bool array (K, n_sites)
        Clones observed in sites.
    primary : int

    Returns
    -------
    dict
        ``source_unobserved``: a migration leaves the primary from a clone not observed there. ``founder_unobserved``
        (site): the only founder of the site was not observed in it, or several founders came from one clone (a
        polytomy), so that one unseen founder explains them. ``site_seeding_resolved`` (site): clonality of the seeding
        if such a founder is granted.
    """
    entries: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for u, s, v, t in history.migrations.tolist():
        entries[t].append((u, s, v))
    source_unobserved = any(
        s == primary and not presence[u, primary] for of_site in entries.values() for u, s, _ in of_site
    )
    founder_unobserved, resolved = {}, {}
    for t, of_site in sorted(entries.items()):
        is_one_source = len({(u, s) for u, s, _ in of_site}) == 1
        if len(of_site) == 1:
            is_unseen = not presence[of_site[0][2], t]
        else:
            is_unseen = is_one_source and not presence[of_site[0][0], t]
        founder_unobserved[sites[t].name] = str(bool(is_unseen))
        resolved[sites[t].name] = _clonality(is_one_source)
    return {
        "source_unobserved": str(bool(source_unobserved)),
        "founder_unobserved": founder_unobserved,
        "site_seeding_resolved": resolved,
    }


def is_chain(tree: CloneTree, clones: Iterable[int]) -> bool:
    """True iff all `clones` lie on one root-to-leaf path of `tree`."""
    clones = list(clones)
    related = tree.is_ancestor | tree.is_ancestor.T
    return bool(related[np.ix_(clones, clones)].all())


def count_labels(rows: Iterable[tuple[float, Mapping[str, Any]]], names: Sequence[str]) -> dict[str, Any]:
    """Probability of every value of the labels `names`: the sum of the weights of the histories that have it.

    Parameters
    ----------
    rows : iterable of (weight, labels of one history)
    names : sequence of str
        Labels to count.

    Returns
    -------
    dict
        ``label -> {value: probability}``, or ``label -> site -> {value: probability}``. The probabilities of a
        site's label add up to the probability that the site was entered at all. Values in sorted order.
    """
    counts: dict[str, Any] = {name: {} for name in names}
    for weight, labels in rows:
        for name in names:
            value = labels[name]
            if isinstance(value, str):
                counts[name][value] = counts[name].get(value, 0.0) + weight
            else:
                for site, of_site in value.items():
                    distribution = counts[name].setdefault(site, {})
                    distribution[of_site] = distribution.get(of_site, 0.0) + weight
    return {name: _sorted_copy(counts[name]) for name in names}


def most_probable(distribution: Mapping[str, float]) -> frozenset[str]:
    """The values of the highest probability (several where they tie)."""
    top = max(distribution.values(), default=0.0)
    return frozenset(value for value, probability in distribution.items() if probability > top - _TIE)


def _sorted_copy(counts: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted_copy(value) if isinstance(value, dict) else value for key, value in sorted(counts.items())}


def _clonality(is_monoclonal: bool) -> str:
    return "monoclonal" if is_monoclonal else "polyclonal"


def _phyletic(is_monophyletic: bool) -> str:
    return "monophyletic" if is_monophyletic else "polyphyletic"


def _has_common_origin(tree: CloneTree, clones: set[int]) -> bool:
    """True iff one of `clones` is an ancestor of, or equal to, all of them."""
    members = sorted(clones)
    return bool(tree.is_ancestor[np.ix_(members, members)].all(axis=1).any())


def _is_clade_outside_primary(tree: CloneTree, history: MigrationHistory, sites: Sequence[Site], primary: int) -> bool:
    """True iff the smallest clade over all metastatic clones has no clone in the primary except its top."""
    metastatic = {v for v, t in history.nodes if sites[t].is_metastasis}
    if not metastatic:
        return True
    top = tree.lowest_common_ancestor(sorted(metastatic))
    in_primary = {v for v, t in history.nodes if t == primary}
    return not any(tree.is_ancestor[top, v] and v != top for v in in_primary)


def _ongoing_evolution(tree: CloneTree, edges: Sequence[tuple[int, ...]], sites: Sequence[Site]) -> dict[str, str]:
    """Metastasis -> "True" iff an edge within it leads to a clone that carries mutations of its own."""
    evolving = {t for u, s, v, t in edges if s == t and u != v and tree.n_mutations[v] > 0}
    return {site.name: str(t in evolving) for t, site in enumerate(sites) if site.is_metastasis}


def _comigrations_into(edges: Sequence[tuple[int, ...]], root: tuple[int, int]) -> dict[int, int]:
    """Comigrations into every site: over its sources, the sum of the most migrations on one root-to-leaf path."""
    on_path: dict[tuple[int, int], dict[tuple[int, int], int]] = {root: {}}
    longest: dict[tuple[int, int], int] = {}
    for u, s, v, t in edges:  # parents come before their children
        counts = on_path[u, s]
        if s != t:
            counts = {**counts, (s, t): counts.get((s, t), 0) + 1}
            longest[s, t] = max(longest.get((s, t), 0), counts[s, t])
        on_path[v, t] = counts
    waves: dict[int, int] = defaultdict(int)
    for (_, t), number in longest.items():
        waves[t] += number
    return dict(waves)
