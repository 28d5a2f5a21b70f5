"""One seeding case given as JSON: a clone tree and the sites of its clones in, histories and labels out.

The schema is that of `phylometa seeding CASES.json`; docs/methods/seeding.md describes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from phylometa.config import MigrationSettings, Settings
from phylometa.errors import InputError, Problem
from phylometa.model.arrays import BoolArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, TreeHistories
from phylometa.model.labels import SeedingLabels
from phylometa.model.patient import SITE_CLASSES, Site, SiteClass
from phylometa.seeding.classify import classify_seeding
from phylometa.seeding.evolution import DriverHit

__all__ = ["SeedingCase", "classify_case", "parse_case", "parsimony_summary"]

# Words of the sample sheet's column site_type, for cases written by hand.
_CLASS_OF_WORD: dict[str, SiteClass] = {"metastasis": "distant", "recurrence": "bed", "unknown": "distant"}


@dataclass(frozen=True, eq=False)
class SeedingCase:
    """A parsed case.

    Parameters
    ----------
    tree : CloneTree
    sites : tuple of Site
    primary : int
        Index of the site in which histories are rooted.
    presence : bool array (K, n_sites)
    hits : tuple of DriverHit or None
    days_from_primary_diagnosis : mapping or None
        Site -> days between the diagnosis of the primary and of the site.
    ln_distant_pairs : tuple of (lymph node, distant site) or None
    warnings : tuple of str
    """

    tree: CloneTree
    sites: tuple[Site, ...]
    primary: int
    presence: BoolArray
    hits: tuple[DriverHit, ...] | None = None
    days_from_primary_diagnosis: Mapping[str, float] | None = None
    ln_distant_pairs: tuple[tuple[str, str], ...] | None = None
    warnings: tuple[str, ...] = ()


def classify_case(case_input: Mapping[str, Any], *, settings: Settings | None = None) -> dict[str, Any]:
    """Infer the histories and labels of one case.

    Parameters
    ----------
    case_input : mapping
        ``primary``, ``sites`` (name -> ``site_class``, ``is_virtual``), ``edges`` (parent, child), ``root``,
        ``presence`` (clone -> sites in which it exists as its own population), ``n_mut``; optional ``driver_hits``,
        ``days_from_primary_diagnosis``, ``ln_distant_pairs``.
    settings : Settings, optional
        `migration` (criteria and weights), `seeding` and `timing.synchronous_days` are used.

    Returns
    -------
    dict
        JSON-ready; `labels` and `headline` are the raw parsimony result even if `override` is present. With a
        second site of class primary, `other_roots` holds the labels of histories rooted there.

    Raises
    ------
    InputError
        Every problem of the case at once.
    """
    settings = settings or Settings()
    case = parse_case(case_input)
    labels, optimum = _classify_parsed(case, settings)
    names = [site.name for site in case.sites]
    plain = _histories(case, replace(settings.migration, criteria="MCS", weights="uniform"), "machina")
    with_sigma = _histories(case, replace(settings.migration, criteria="UMCS", weights="uniform"), "refined")
    result = labels.to_json(raw=True)
    result["parsimony"] = {
        "machina": parsimony_summary(plain, names, with_pattern=True),
        "refined_U": {
            **parsimony_summary(optimum, names),
            "sigma_min": int(with_sigma.criteria["seeding_sites"]),
            "n_optimal_with_sigma": with_sigma.n_histories,
            "migration_graphs_with_sigma": _migration_graphs(with_sigma, names),
        },
    }
    other_roots = {
        site.name: _classify_parsed(replace(case, primary=t), settings)[0].to_json(raw=True)
        for t, site in enumerate(case.sites)
        if site.site_class == "primary" and t != case.primary
    }
    if other_roots:
        result["other_roots"] = other_roots
    result["warnings"] = [*case.warnings, *result["warnings"]]
    return result


def _histories(
    case: SeedingCase,
    settings: MigrationSettings,
    model: Literal["refined", "machina"],
    *,
    with_alternatives: bool = False,
) -> TreeHistories:
    from phylometa.migration import infer_migration_histories

    return infer_migration_histories(
        case.tree,
        case.presence,
        primary=case.primary,
        settings=settings,
        model=model,
        alternatives=with_alternatives,
    )


def _classify_parsed(case: SeedingCase, settings: Settings) -> tuple[SeedingLabels, TreeHistories]:
    """Labels of a case, and the histories they come from, rooted in its primary."""
    optimum = replace(_histories(case, settings.migration, "refined", with_alternatives=True), tree=0)
    ensemble = HistoryEnsemble(
        (optimum,), tuple(site.name for site in case.sites), settings.migration.criteria, settings.migration.weights
    )
    labels = classify_seeding(
        lambda _: case.tree,
        ensemble,
        case.sites,
        primary=case.primary,
        settings=settings,
        hits=case.hits,
        days_from_primary_diagnosis=case.days_from_primary_diagnosis,
        ln_distant_pairs=case.ln_distant_pairs or (),
    )
    return labels, optimum


def parsimony_summary(
    histories: TreeHistories, site_names: Sequence[str], *, with_pattern: bool = False
) -> dict[str, Any]:
    """Summarise the optimum of the criteria, the number of histories that reach it, and their migration graphs.

    Parameters
    ----------
    histories : TreeHistories
    site_names : sequence of str
    with_pattern : bool
        Give MACHINA's pattern with m or p before it, and sigma, in place of U.
    """
    criteria = histories.criteria
    summary: dict[str, Any] = {"mu": int(criteria["migrations"]), "gamma": int(criteria["comigrations"])}
    if with_pattern:
        patterns = Counter(_machina_pattern(history.migration_counts) for history in histories.histories)
        listed = sum(patterns.values())
        summary["sigma"] = int(criteria["seeding_sites"])
        summary["pattern"] = {pattern: round(n / listed, 6) for pattern, n in sorted(patterns.items())}
    else:
        summary["U"] = int(criteria["unobserved"])
    summary["n_optimal"] = histories.n_histories
    summary["complete"] = histories.complete
    summary["migration_graphs"] = _migration_graphs(histories, site_names)
    return summary


def parse_case(case_input: Mapping[str, Any]) -> SeedingCase:
    """Check a case and turn it into a tree, sites and presence; normal sites are dropped.

    Raises
    ------
    InputError
        Every problem of the case at once.
    """
    problems: list[Problem] = []

    def complain(column: str, message: str) -> None:
        problems.append(Problem(message, column=column))

    missing = [key for key in ("primary", "sites", "edges", "presence") if case_input.get(key) is None]
    if missing:
        raise InputError([Problem("missing", column=key) for key in missing])
    for key in ("sites", "presence", "n_mut", "days_from_primary_diagnosis"):
        if case_input.get(key) is not None and not isinstance(case_input[key], Mapping):
            complain(key, "not an object")
    for name, of_site in case_input["sites"].items() if isinstance(case_input["sites"], Mapping) else ():
        if not isinstance(of_site, Mapping):
            complain("sites", f"{name}: not an object")
    for key in ("edges", "ln_distant_pairs"):
        pairs = case_input.get(key) or []
        if not isinstance(pairs, (list, tuple)) or any(
            not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pairs
        ):
            complain(key, "not a list of pairs")
    if problems:
        raise InputError(problems)
    warnings: list[str] = []
    sites = _parse_sites(case_input["sites"], warnings, complain)
    names = [site.name for site in sites]
    tree = _parse_tree(case_input, complain)
    clones = set(tree.names) if tree else set()
    presence = np.zeros((len(clones), len(sites)), dtype=bool)
    for clone, of_clone in case_input["presence"].items():
        if tree is not None and clone not in clones:
            complain("presence", f"clone {clone!r} is not in the tree")
        for site in of_clone:
            if site not in case_input["sites"]:
                complain("presence", f"clone {clone!r}: site {site!r} is not among the sites")
            elif clone in clones and site in names and tree is not None:
                presence[tree.names.index(clone), names.index(site)] = True
    if case_input["primary"] not in names:
        complain("primary", f"{case_input['primary']!r} is not among the sites")
    hits = _parse_hits(case_input.get("driver_hits"), clones, complain)
    pairs = case_input.get("ln_distant_pairs")
    for site in {site for pair in pairs or () for site in pair} - set(names):
        complain("ln_distant_pairs", f"{site!r} is not among the sites")
    if problems or tree is None:
        raise InputError(problems)
    days = case_input.get("days_from_primary_diagnosis")
    return SeedingCase(
        tree=tree,
        sites=tuple(sites),
        primary=names.index(case_input["primary"]),
        presence=presence,
        hits=hits,
        days_from_primary_diagnosis=None if days is None else {s: d for s, d in days.items() if d is not None},
        ln_distant_pairs=None if pairs is None else tuple((str(a), str(b)) for a, b in pairs),
        warnings=tuple(warnings),
    )


def _parse_sites(sites: Mapping[str, Any], warnings: list[str], complain: Any) -> list[Site]:
    parsed = []
    for name, properties in sites.items():
        word = properties.get("site_class", "unknown")
        if word == "unknown":
            warnings.append(f"site {name}: class unknown, taken as a distant metastasis")
        site_class = _CLASS_OF_WORD.get(word, word)
        if site_class not in SITE_CLASSES:
            complain("sites", f"{name}: site_class {word!r} is none of {', '.join(SITE_CLASSES)}")
        elif site_class != "normal":
            parsed.append(Site(name, site_class, is_virtual=bool(properties.get("is_virtual", False))))
    return parsed


def _parse_tree(case_input: Mapping[str, Any], complain: Any) -> CloneTree | None:
    counts = case_input.get("n_mut")
    if counts is not None:
        for clone, n in counts.items():
            if isinstance(n, bool) or not isinstance(n, (int, float)) or not n >= 0:
                complain("n_mut", f"clone {clone!r}: {n!r} is not a number of mutations")
                return None
    edges = [(str(parent), str(child)) for parent, child in case_input["edges"]]
    root = case_input.get("root")
    if root is None and not edges:
        complain("root", "missing: a tree of one clone needs its name")
        return None
    try:
        tree = CloneTree.from_edges(edges, root=root, n_mutations=counts)
    except ValueError as error:
        complain("edges", str(error))
        return None
    if root is not None and tree.names[tree.root] != root:
        complain("root", f"{root!r} is not the root of the edges, {tree.names[tree.root]!r} is")
        return None
    return tree


def _parse_hits(driver_hits: Any, clones: set[str], complain: Any) -> tuple[DriverHit, ...] | None:
    """Hits from records of a gene, a clone and optionally an event, or from these nested by gene or by clone.

    ``{gene: [clone, ...]}``, ``{gene: {clone: event}}``, ``{clone: [gene, ...]}``, ``[[gene, clone, event], ...]`` and
    ``[{"gene": ..., "clone": ..., "event": ...}, ...]`` say the same.
    """
    if driver_hits is None:
        return None
    if not isinstance(driver_hits, (Mapping, list, tuple)):
        complain("driver_hits", "neither an object nor a list")
        return ()
    hits = []
    for parts in _flat_records(driver_hits):
        clone = next((part for part in parts if part in clones), None)
        rest = [part for part in parts if part != clone]
        if clone is not None and rest:
            hits.append(DriverHit(rest[0], clone, rest[1] if len(rest) > 1 else ""))
        elif clones:
            complain("driver_hits", f"{', '.join(parts)}: expected a gene and a clone of the tree")
    return tuple(hits)


def _flat_records(value: Any) -> Iterator[list[str]]:
    """Every path from the outside of nested mappings and lists to a record, as a list of strings."""
    if isinstance(value, Mapping):
        if "gene" in value and "clone" in value:
            event = value.get("event", value.get("mutation", ""))
            yield [str(part) for part in (value["gene"], value["clone"], event) if part != ""]
        else:
            for key, inner in value.items():
                for path in _flat_records(inner):
                    yield [str(key), *path]
    elif isinstance(value, (list, tuple)):
        # A list of plain values inside a list is one record; inside a mapping it is several.
        for item in value:
            if isinstance(item, (list, tuple)) and not any(isinstance(part, (Mapping, list, tuple)) for part in item):
                yield [str(part) for part in item]
            else:
                yield from _flat_records(item)
    else:
        yield [str(value)]


def _machina_pattern(counts: Mapping[tuple[int, int], int]) -> str:
    from phylometa.migration.patterns import migration_pattern

    pattern = migration_pattern(counts)
    return pattern if pattern == "none" else ("m" if max(counts.values()) == 1 else "p") + pattern


def _migration_graphs(histories: TreeHistories, site_names: Sequence[str]) -> list[dict[str, Any]]:
    """The distinct migration graphs, sorted, each with the number of histories that have it."""
    graphs = Counter(
        tuple(sorted((site_names[s], site_names[t], n) for (s, t), n in history.migration_counts.items()))
        for history in histories.histories
    )
    return [{"graph": [list(edge) for edge in graph], "n_histories": n} for graph, n in sorted(graphs.items())]
