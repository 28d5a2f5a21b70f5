"""seeding/ of a patient's directory: migration histories as JSON, the migration graph as DOT and GraphML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.io.documents import reading
from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.colours import colours_of_sites
from phylometa.model.history import HistoryEnsemble, MigrationErrors, MigrationHistory, TreeHistories
from phylometa.model.patient import Site

__all__ = ["histories_from_json", "histories_to_json", "write_migration_graph", "quoted"]

_EXCESS = ("unobserved", "migrations")


def _history_to_json(history: MigrationHistory, tree: CloneTree, sites: Sequence[str]) -> dict[str, Any]:
    clones = tree.names
    return {
        "weight": history.weight,
        "unobserved": history.unobserved,
        "migrations": history.n_migrations,
        "comigrations": history.comigrations,
        "consistent_comigrations": history.consistent_comigrations,
        "seeding_sites": history.seeding_sites,
        "pattern": history.pattern,
        **({"log_prior": history.log_prior} if history.log_prior else {}),
        "root": [clones[history.root[0]], sites[history.root[1]]],
        "edges": [[clones[u], sites[s], clones[v], sites[t]] for u, s, v, t in history.edges.tolist()],
        "migration_graph": [[sites[s], sites[t], n] for (s, t), n in history.migration_counts.items()],
    }


def histories_to_json(histories: HistoryEnsemble, trees: Mapping[int, CloneTree]) -> dict[str, Any]:
    """Convert to the contract's histories.json, with the presence each entry assumes and its near-optimal alternatives.

    Parameters
    ----------
    histories : HistoryEnsemble
    trees : mapping
        Tree index -> CloneTree.
    """
    sites = histories.site_names
    entries = []
    for entry in histories.trees:
        tree = trees[entry.tree]
        presence = {tree.names[v]: [sites[t] for t in np.flatnonzero(row)] for v, row in enumerate(entry.presence)}
        entries.append(
            {
                "tree": entry.tree,
                "weight": entry.weight,
                "presence": presence,
                "criteria": dict(entry.criteria),
                "excess": dict(zip(_EXCESS, entry.excess)),
                **({} if entry.least_comigrations is None else {"least_comigrations": entry.least_comigrations}),
                "n_histories": entry.n_histories,
                "complete": entry.complete,
                "histories": [_history_to_json(history, tree, sites) for history in entry.histories],
                "alternatives": [_history_to_json(history, tree, sites) for history in entry.alternatives],
            }
        )
    return {
        "model": histories.model,
        "criteria_order": histories.criteria_order,
        "weighting": histories.weighting,
        "sites": list(sites),
        "complete": histories.complete,
        "cut_weight": histories.cut_weight,
        "mcse": None if histories.errors is None else _errors_to_json(histories.errors),
        "trees": entries,
    }


def _errors_to_json(errors: MigrationErrors) -> dict[str, Any]:
    """Rows of indices of sites, and of clusters; R-hat and effective draws of routes."""
    return {
        "routes": [[*route, *found] for route, found in errors.routes.items()],
        "migrations": [[*migration, mcse] for migration, mcse in errors.migrations.items()],
    }


def _errors_from_json(document: Mapping[str, Any]) -> MigrationErrors:
    return MigrationErrors(
        {(s, t): (mcse, r_hat, effective) for s, t, mcse, r_hat, effective in document["routes"]},
        {(s, t, u, v): mcse for s, t, u, v, mcse in document["migrations"]},
    )


def histories_from_json(
    document: Mapping[str, Any], trees: Sequence[CloneTree], *, source: str = "histories.json"
) -> HistoryEnsemble:
    """Convert back the ensemble that `histories_to_json` describes.

    Parameters
    ----------
    document : mapping
    trees : sequence of CloneTree
        By tree index.
    source : str
        Name of the file in messages.

    Raises
    ------
    InputError
        If the document is not one of phylometa, or names a clone or site that is not there.
    """
    with reading(source):
        sites = tuple(document["sites"])
        site_of = {name: t for t, name in enumerate(sites)}
        entries = []
        for item in document["trees"]:
            clone_of = {name: v for v, name in enumerate(trees[item["tree"]].names)}
            presence = np.zeros((len(clone_of), len(sites)), dtype=bool)
            for clone, where in item["presence"].items():
                presence[clone_of[clone], [site_of[t] for t in where]] = True

            def read(history: Mapping[str, Any], clone_of: Mapping[str, int] = clone_of) -> MigrationHistory:
                edges = [(clone_of[u], site_of[s], clone_of[v], site_of[t]) for u, s, v, t in history["edges"]]
                return MigrationHistory(
                    root=(clone_of[history["root"][0]], site_of[history["root"][1]]),
                    edges=np.array(edges, dtype=np.int64),
                    weight=history["weight"],
                    **{name: history[name] for name in ("unobserved", "comigrations", "consistent_comigrations")},
                    **{name: history[name] for name in ("seeding_sites", "pattern")},
                    log_prior=history.get("log_prior", 0.0),
                )

            entries.append(
                TreeHistories(
                    tree=item["tree"],
                    weight=item["weight"],
                    presence=presence,
                    criteria=item["criteria"],
                    n_histories=item["n_histories"],
                    complete=item["complete"],
                    histories=tuple(read(history) for history in item["histories"]),
                    alternatives=tuple(read(history) for history in item["alternatives"]),
                    least_comigrations=item.get("least_comigrations"),
                    excess=tuple(item.get("excess", {}).get(name, 0) for name in _EXCESS),
                )
            )
        return HistoryEnsemble(
            trees=tuple(entries),
            site_names=sites,
            criteria_order=document["criteria_order"],
            weighting=document["weighting"],
            model=document["model"],
            cut_weight=document["cut_weight"],
            errors=None if document["mcse"] is None else _errors_from_json(document["mcse"]),
        )


def quoted(text: str) -> str:
    """Quote a name as DOT writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_migration_graph(histories: HistoryEnsemble, sites: Sequence[Site], directory: Path) -> None:
    """Write graph.dot and graph.graphml: sites with class and colour, and every migration edge with its probability
    and multiplicity."""
    probability = histories.migration_probability
    expected = np.zeros_like(probability)
    for _, history in histories:
        for (s, t), count in history.migration_counts.items():
            expected[s, t] += history.weight * count
    errors = None if histories.errors is None else histories.errors.of_routes(len(histories.site_names))
    notes = {
        site.name: {"class": site.site_class, "color": colour} for site, colour in zip(sites, colours_of_sites(sites))
    }
    write_site_graph(histories.site_names, probability, expected, directory, mcse=errors, notes=notes)


def write_site_graph(
    sites: Sequence[str],
    probability: FloatArray,
    expected: FloatArray,
    directory: Path,
    *,
    mcse: FloatArray | None = None,
    notes: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """graph.dot and graph.graphml of probabilities and expected numbers of migrations (n_sites, n_sites).

    `mcse`: Monte-Carlo standard errors of the probabilities, an attribute of every edge. `notes`: attributes of the
    sites; those with a ``color`` are filled with it in DOT.
    """
    import networkx as nx

    graph = nx.DiGraph()
    lines = ["digraph migrations {"]
    for site in sites:
        note = {} if notes is None else notes.get(site, {})
        graph.add_node(site, **note)
        filled = f' [style=filled, fillcolor="{note["color"]}"]' if "color" in note else ""
        lines.append(f"  {quoted(site)}{filled};")
    for s, t in np.argwhere(probability > 0):
        shown = {
            "probability": float(f"{probability[s, t]:.6g}"),
            "expected_migrations": float(f"{expected[s, t]:.6g}"),
        }
        if mcse is not None:
            shown["mcse"] = float(f"{mcse[s, t]:.6g}")
        graph.add_edge(sites[s], sites[t], **shown)
        style = f'label="{probability[s, t]:.2f}", penwidth={1 + 3 * probability[s, t]:.3g}'
        lines.append(f"  {quoted(sites[s])} -> {quoted(sites[t])} [{style}];")
    (directory / "graph.dot").write_text("\n".join([*lines, "}"]) + "\n", encoding="utf-8")
    nx.write_graphml(graph, directory / "graph.graphml")
