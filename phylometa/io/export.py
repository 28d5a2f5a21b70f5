"""A patient's results as files of other tools: trees for viewers, located trees for methods, networks, reads.

One writer a format: what `phylometa convert` also writes comes from the modules it uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.annotated_trees import (
    AnnotatedTree,
    annotate,
    clone_names,
    newick_text,
    nexus_text,
    safe_names,
    with_site_tips,
)
from phylometa.io.auspice import auspice_document
from phylometa.io.convert import written_files
from phylometa.io.cytoscape import cytoscape_document
from phylometa.io.itol import ITOL_FILES, write_itol
from phylometa.io.pairtree import write_pairtree
from phylometa.io.trees_io import (
    LocatedTree,
    write_jellyfish,
    write_mach2,
    write_machina,
    write_metient,
)
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.colours import clone_colours, colours_of_sites
from phylometa.model.result import PatientResult
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["DIRECTORY_FORMATS", "EXPORT_FORMATS", "export_files", "export_result"]

_PRESENT = 0.5  # probability from which a clone counts as present in a site
_SOURCE = 0.5  # and a site as the source of another
DIRECTORY_FORMATS = ("jellyfish", "itol", "cytoscape")


@dataclass(frozen=True)
class _Colours:
    """Colours ``#rrggbb`` of the sites by name, and of the clones by index: those of the figures."""

    sites: Mapping[str, str]
    clones: Sequence[str]


def export_files(target: str, output: Path) -> tuple[Path, ...]:
    """List what `export_result` writes for `output`, a file or (`DIRECTORY_FORMATS`) a directory."""
    if target == "itol":
        return tuple(output / name for name in ITOL_FILES)
    if target == "cytoscape":
        return output / "clones.cyjs", output / "sites.cyjs"
    return written_files(target, output)


def export_result(result: PatientResult, output: Path, *, target: str) -> tuple[str, ...]:
    """Write a patient's results as `target`.

    Trees are the most probable one (``nexus`` has the consensus, too). A clone is present in a site if it is there
    with probability 1/2 or more under that tree.

    Parameters
    ----------
    result : PatientResult
    output : Path
        See `export_files`.
    target : str
        One of `EXPORT_FORMATS`.

    Returns
    -------
    tuple of str
        What the format cannot say.

    Raises
    ------
    InputError
        The stage that the format needs has not run, or the format cannot hold the result.
    """
    writer = _WRITERS[target]
    if target != "pairtree" and result.trees is None:
        raise InputError("has no clone trees: run `phylometa tree` on it", file=result.patient.name)
    if target == "pairtree" and result.clusters is None:
        raise InputError("has no clusters: run `phylometa cluster` on it", file=result.patient.name)
    sites = result.patient.sites
    colours = _Colours(dict(zip(result.patient.site_names, colours_of_sites(sites))), clone_colours(result))
    view = _View(result if target == "pairtree" else result.in_place, colours)
    writer(view, output)
    return tuple(view.notes())


@dataclass(frozen=True)
class _View:
    """The results of one patient in the terms of the formats."""

    result: PatientResult
    colours: _Colours

    @property
    def trees(self) -> TreeEnsemble:
        assert self.result.trees is not None
        return self.result.trees

    @cached_property
    def clones(self) -> tuple[str, ...]:
        return clone_names(self.trees.names)

    @cached_property
    def named_tree(self) -> CloneTree:
        best = self.trees.best
        return CloneTree(self.clones, best.parents, best.n_mutations)

    @cached_property
    def presence(self) -> BoolArray:
        return np.asarray(self.trees.presence[0] >= _PRESENT)

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """Names of sites without blanks, as formats with columns and Newick need them."""
        return safe_names(self.trees.site_names)

    @cached_property
    def first_site(self) -> FloatArray | None:
        """P(a clone arose in a site | the history has it) (K, n_sites), 0 if none has; None without histories."""
        histories = self.result.histories
        if histories is None or not any(True for _ in histories):
            return None
        found = np.zeros((len(self.clones), len(histories.site_names)))
        for _, history in histories:
            first: dict[int, int] = {}
            for clone, site in history.nodes:
                first.setdefault(clone, site)
            found[list(first), list(first.values())] += history.weight
        total = found.sum(axis=1, keepdims=True)
        return np.divide(found, total, out=found, where=total > 0)

    def support(self, tree: CloneTree) -> dict[int, float]:
        return {v: float(self.trees.edge_support[u, v]) for u, v in tree.edges()}

    def annotated(self, tree: CloneTree, *, with_colours: bool = False) -> AnnotatedTree:
        """A tree with a tip a site, every clone with the site in which it probably arose."""
        sites, first = self.trees.site_names, self.first_site
        notes: list[dict[str, str | float]] = []
        for v, name in enumerate(self.clones):
            note: dict[str, str | float] = {"clone": name}
            if first is not None and first[v].any():
                best = int(np.argmax(first[v]))
                note |= {"site": sites[best], "site_probability": float(f"{first[v, best]:.6g}")}
            if drivers := self.drivers(v):
                note["drivers"] = " ".join(drivers)
            if with_colours:
                note["!color"] = self.colours.clones[v]
            notes.append(note)
        tip_notes: list[list[dict[str, str | float]]] = [
            [
                {
                    "presence": float(f"{self.trees.presence[0, v, t]:.6g}"),
                    **({"!color": self.colours.sites[site]} if with_colours else {}),
                }
                for t, site in enumerate(sites)
            ]
            for v in range(len(self.clones))
        ]
        found = annotate(tree, self.support(tree), notes)
        return with_site_tips(found, self.presence, sites, tip_notes)

    def drivers(self, clone: int) -> tuple[str, ...]:
        clusters, patient = self.result.clusters, self.result.patient
        if clusters is None or not patient.drivers or clone >= clusters.n_clusters:
            return ()
        members = np.flatnonzero((clusters.labels == clone) & clusters.in_clone)
        return tuple(sorted({patient.mutations.genes[i] for i in members} & patient.drivers))

    def located(self) -> LocatedTree:
        """The best tree with its sites; leaves without any, which no method can place, are left out."""
        tree, presence = self.named_tree, self.presence
        kept = list(range(tree.n_clones))
        while drop := [v for v in kept if not presence[v].any() and not any(c in kept for c in tree.children[v])]:
            kept = [v for v in kept if v not in drop]
        if not kept:
            raise InputError("no clone is present in any site", file=self.result.patient.name)
        rank = {v: i for i, v in enumerate(kept)}
        parents = np.array([rank.get(int(tree.parents[v]), -1) for v in kept])
        smaller = CloneTree(tuple(tree.names[v] for v in kept), parents, tree.n_mutations[kept])
        found = np.flatnonzero(presence.any(axis=0))
        primary = tuple(self.sites[t] for t in found if self.trees.site_names[t] == self.result.patient.primary.name)
        return LocatedTree(smaller, tuple(self.sites[t] for t in found), presence[kept][:, found], primary)

    def sample_parents(self) -> tuple[dict[str, str], dict[str, int]]:
        """Sample -> the sample that it is drawn below, and its rank: the first sample of the site's probable source.

        A site whose source is less probable than `_SOURCE`, or that would close a circle, hangs on the root. Ranks
        count the migrations from the primary, whose samples have rank 1.
        """
        histories, patient = self.result.histories, self.result.patient
        source: dict[str, str] = {}
        if histories is not None:
            probability, names = histories.migration_probability, histories.site_names
            for t, site in enumerate(names):
                best = int(np.argmax(probability[:, t])) if len(names) else 0
                if site != patient.primary.name and probability[best, t] >= _SOURCE:
                    source[site] = names[best]
        sampled = {sample.site for sample in patient.samples}
        depth: dict[str, int] = {}
        for site in sampled:
            path = [site]
            while (above := source.get(path[-1])) in sampled and above not in path:
                path.append(above)
            depth[site] = len(path)
            if above in path:  # a circle
                source.pop(path[-1], None)
            if site not in source and site != patient.primary.name:
                depth[site] = 2  # beside what the primary seeded, below the root
        first = {site: next(s.name for s in patient.samples if s.site == site) for site in sampled}
        parents = {s.name: first.get(source.get(s.site, ""), "") for s in patient.samples}
        return parents, {s.name: depth[s.site] for s in patient.samples}

    def notes(self) -> list[str]:
        if self.result.trees is None:
            return []
        absent = [name for name, row in zip(self.clones, self.presence) if not row.any()]
        return [f"no site holds {', '.join(absent)} with probability {_PRESENT:g} or more"] if absent else []


def _write_newick(view: _View, output: Path) -> None:
    output.write_text(newick_text(view.annotated(view.trees.best), "plain") + "\n", encoding="utf-8")


def _write_nhx(view: _View, output: Path) -> None:
    output.write_text(newick_text(view.annotated(view.trees.best), "nhx") + "\n", encoding="utf-8")


def _write_nexus(view: _View, output: Path) -> None:
    consensus, _ = view.trees.consensus()
    trees = {
        "best": view.annotated(view.trees.best, with_colours=True),
        "consensus": view.annotated(consensus, with_colours=True),
    }
    output.write_text(nexus_text(trees), encoding="utf-8")


def _write_auspice(view: _View, output: Path) -> None:
    tree, sites, first = view.annotated(view.trees.best), view.trees.site_names, view.first_site
    confidence: list[dict[str, float]] = []
    for v in range(len(tree.names)):
        if v < len(view.clones):
            row = [] if first is None else first[v]
            confidence.append({site: float(p) for site, p in zip(sites, row) if p > 0})
        else:
            confidence.append({str(tree.notes[v]["site"]): 1.0})
    document = auspice_document(
        tree,
        title=f"Clones of patient {view.result.patient.name}",
        site_confidence=confidence,
        colours={site: view.colours.sites[site] for site in sites},
    )
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_itol(view: _View, output: Path) -> None:
    output.mkdir(exist_ok=True)
    clones = dict(zip(view.clones, view.colours.clones))
    write_itol(view.annotated(view.trees.best), output, site_colours=view.colours.sites, clone_colours=clones)


def _write_cytoscape(view: _View, output: Path) -> None:
    output.mkdir(exist_ok=True)
    patient, tree, trees = view.result.patient, view.named_tree, view.trees
    support = view.support(tree)
    clones: dict[str, dict[str, str | float | bool]] = {
        name: {
            "mutations": float(tree.n_mutations[v]),
            "sites": ", ".join(trees.site_names[t] for t in np.flatnonzero(view.presence[v])),
            "drivers": ", ".join(view.drivers(v)),
            "color": view.colours.clones[v],
        }
        for v, name in enumerate(view.clones)
    }
    branches = [
        (view.clones[u], view.clones[v], "parent of", {"support": float(f"{support[v]:.6g}")}) for u, v in tree.edges()
    ]
    sites: dict[str, dict[str, str | float | bool]] = {
        site.name: {
            "site_class": site.site_class,
            "is_sampled": not site.is_virtual,
            "color": view.colours.sites[site.name],
        }
        for site in patient.sites
    }
    histories = view.result.histories
    routes = []
    if histories is not None:
        probability, names = histories.migration_probability, histories.site_names
        routes = [
            (names[s], names[t], "seeded", {"probability": float(f"{probability[s, t]:.6g}")})
            for s, t in np.argwhere(probability > 0)
        ]
    for path, name, nodes, edges in (
        (output / "clones.cyjs", f"{patient.name} clones", clones, branches),
        (output / "sites.cyjs", f"{patient.name} migrations", sites, routes),
    ):
        document = cytoscape_document(name, nodes, edges)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_jellyfish(view: _View, output: Path) -> None:
    samples = view.result.patient.mutations.sample_names
    shares = view.trees.proportions[0]
    shares = np.where(shares > view.result.settings.trees.presence_threshold, shares, 0.0)
    total = shares.sum(axis=0)
    located = LocatedTree(
        view.named_tree, tuple(samples), shares > 0, proportions=shares / np.where(total > 0, total, 1.0)
    )
    parents, ranks = view.sample_parents()
    write_jellyfish(
        located,
        output,
        patient=view.result.patient.name,
        parents=parents,
        ranks=ranks,
        colours=dict(zip(view.clones, view.colours.clones)),
    )


def _write_metient(view: _View, output: Path) -> None:
    located = view.located()
    primary = safe_names([*view.trees.site_names])[view.trees.site_names.index(view.result.patient.primary.name)]
    write_metient(located.with_site(primary), output, output.with_suffix(".tree"), primary=primary)


def _write_machina(view: _View, output: Path) -> None:
    write_machina(view.located(), *written_files("machina", output))


def _write_mach2(view: _View, output: Path) -> None:
    write_mach2(view.located(), *written_files("mach2", output))


def _write_pairtree(view: _View, output: Path) -> None:
    """Clusters as inferred; artefacts and neutral tails are garbage."""
    clusters = view.result.clusters
    assert clusters is not None
    known = tuple(clusters.names[label] if kept else "" for label, kept in zip(clusters.labels, clusters.in_clone))
    write_pairtree(view.result.patient.with_changes(known_clusters=known), *written_files("pairtree", output))


_WRITERS: dict[str, Callable[[_View, Path], None]] = {
    "jellyfish": _write_jellyfish,
    "metient": _write_metient,
    "machina": _write_machina,
    "mach2": _write_mach2,
    "auspice": _write_auspice,
    "nexus": _write_nexus,
    "nhx": _write_nhx,
    "itol": _write_itol,
    "cytoscape": _write_cytoscape,
    "newick": _write_newick,
    "pairtree": _write_pairtree,
}
EXPORT_FORMATS = tuple(_WRITERS)
