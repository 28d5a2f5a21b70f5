"""Migration history of given phylogenies whose leaves lie in one site each: from files to files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.errors import InputError, Problem
from phylometa.io.history_files import write_site_graph
from phylometa.io.phylogenies import Phylogeny, match_site, read_leaf_sites, read_phylogenies
from phylometa.io.tsv import write_tsv
from phylometa.migration.forward_backward import SiteLabelling, label_sites
from phylometa.migration.route_prior import find_route_prior, sites_of_names
from phylometa.model.arrays import FloatArray

__all__ = ["PhylogenyMigrations", "label_phylogenies", "write_phylogeny_migrations"]

LISTED_PROBABILITY = 0.01  # of a migration on one branch


@dataclass(frozen=True, eq=False)
class PhylogenyMigrations:
    """Migrations over one or several trees, all of equal weight.

    Parameters
    ----------
    site_names : tuple of str
    primary : str
    n_trees : int
    any_migration, migrations : float64 arrays (n_sites, n_sites)
        Mean over trees of the probability of at least one migration, and of their expected number.
    first : Phylogeny
        The first tree.
    labelling : SiteLabelling
        Of the first tree.
    notes : tuple of str
        What was doubtful.
    without_prior : float64 array (n_sites, n_sites) or None
        `any_migration` without the organ prior, if there is one.
    """

    site_names: tuple[str, ...]
    primary: str
    n_trees: int
    any_migration: FloatArray
    migrations: FloatArray
    first: Phylogeny
    labelling: SiteLabelling
    notes: tuple[str, ...]
    without_prior: FloatArray | None = None

    def branches(self) -> Iterator[tuple[str, str, str, str, float]]:
        """Source, target, vertices above and below, and probability of the migrations on branches of the first tree."""
        tree, found = self.first, self.labelling
        for v, u in enumerate(tree.parents.tolist()):
            if u < 0:
                continue
            joint = found.at_vertex[u][:, None] * found.transition * found.below[v]
            joint /= np.maximum(found.transition @ found.below[v], 1e-300)[:, None]
            np.fill_diagonal(joint, 0.0)
            for s, t in np.argwhere(joint >= LISTED_PROBABILITY).tolist():
                yield self.site_names[s], self.site_names[t], tree.names[u], tree.names[v], float(joint[s, t])


def label_phylogenies(
    path: str | Path,
    *,
    primary: str,
    sites: str | Path | None = None,
    settings: MigrationSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PhylogenyMigrations:
    """Infer the sites of all vertices of the trees in a file, summed exactly (`phylometa.migration.forward_backward`).

    Parameters
    ----------
    path : path
        Newick (also NHX) or NEXUS (also BEAST), one or several trees, such as a posterior sample.
    primary : str
        Site of the root; see `phylometa.io.phylogenies.match_site`.
    sites : path, optional
        Table of leaf and site; by default the annotations of the leaves.
    settings : MigrationSettings, optional
        Its organ prior.
    progress : callable (done, of), optional
        Of trees.

    Returns
    -------
    PhylogenyMigrations

    Raises
    ------
    InputError
        Malformed files, leaves without a site, table rows without a leaf, or a primary that resembles a site.
    """
    trees = read_phylogenies(path)
    table = None if sites is None else read_leaf_sites(sites)
    of_leaf = [_sites_of_leaves(tree, table, str(path), str(sites)) for tree in trees]
    names = sorted({site for found in of_leaf for site in found.values()})
    chosen, note = match_site(primary, names)
    names = sorted({*names, chosen})
    index = {site: t for t, site in enumerate(names)}
    any_migration, migrations = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    nodes = sites_of_names(names, index[chosen])
    prior = find_route_prior(nodes, index[chosen], settings or MigrationSettings())
    of_route = None if prior is None else prior.of_route
    without = None if prior is None else np.zeros((len(names), len(names)))
    first = None
    for number, (tree, where) in enumerate(zip(trees, of_leaf), start=1):
        leaf_site = np.array([index[where[name]] if name in where else -1 for name in tree.names], dtype=np.int64)
        data = (tree.parents, leaf_site)
        found = label_sites(*data, primary=index[chosen], n_sites=len(names), route_prior=of_route)
        if without is not None:
            plain = label_sites(*data, primary=index[chosen], n_sites=len(names))
            without += plain.any_migration / len(trees)
        any_migration += found.any_migration / len(trees)
        migrations += found.migrations / len(trees)
        first = found if first is None else first
        if progress is not None:
            progress(number, len(trees))
    assert first is not None
    notes = (note,) if note else ()
    return PhylogenyMigrations(
        tuple(names), chosen, len(trees), any_migration, migrations, trees[0], first, notes, without
    )  # fmt: skip


def _sites_of_leaves(tree: Phylogeny, table: dict[str, str] | None, source: str, table_source: str) -> dict[str, str]:
    leaves = [(tree.names[v], tree.sites[v]) for v in np.flatnonzero(tree.is_leaf)]
    if table is None:
        missing = [name for name, site in leaves if not site]
        if missing:
            some = ", ".join(missing[:5])
            raise InputError(
                f"{len(missing)} leaves without a site ({some}): give a table of leaf and site with --sites",
                file=source,
            )
        return dict(leaves)
    problems = []
    missing = [name for name, _ in leaves if name not in table]
    if missing:
        problems.append(
            Problem(f"{len(missing)} leaves of the tree are not listed: {', '.join(missing[:5])}", table_source)
        )
    unknown = sorted(set(table) - {name for name, _ in leaves})
    if unknown:
        problems.append(
            Problem(f"{len(unknown)} names are no leaves of the tree: {', '.join(unknown[:5])}", table_source)
        )
    if problems:
        raise InputError(problems)
    return {name: table[name] for name, _ in leaves}


def write_phylogeny_migrations(found: PhylogenyMigrations, directory: Path) -> None:
    """Write routes.tsv and routes.svg (all trees), migrations.tsv and vertices.tsv (the first), and the graph."""
    from phylometa.plots.lineage_routes import lineage_routes_scene
    from phylometa.plots.scene_svg import scene_svg

    sites = found.site_names
    routes: list[tuple[Any, ...]] = [
        (sites[s], sites[t], found.any_migration[s, t], found.migrations[s, t])
        for s, t in np.argwhere(found.any_migration > 0).tolist()
    ]
    header = ["source", "target", "probability", "expected_migrations"]
    if found.without_prior is not None:
        header.append("probability_without_prior")
        index = {name: t for t, name in enumerate(sites)}
        routes = [(*row, found.without_prior[index[row[0]], index[row[1]]]) for row in routes]
    routes.sort(key=lambda row: (-row[2], row[0], row[1]))
    write_tsv(directory / "routes.tsv", header, routes)
    header = ["source", "target", "departing_vertex", "founding_vertex", "probability"]
    write_tsv(directory / "migrations.tsv", header, sorted(found.branches(), key=lambda row: (-row[4], row[:4])))
    best = found.labelling.at_vertex.argmax(axis=1)
    vertices = [
        (name, found.first.names[u] if u >= 0 else "", sites[t], found.labelling.at_vertex[v, t])
        for v, (name, u, t) in enumerate(zip(found.first.names, found.first.parents.tolist(), best.tolist()))
    ]
    write_tsv(directory / "vertices.tsv", ["vertex", "parent", "site", "probability"], vertices)
    write_site_graph(sites, found.any_migration, found.migrations, directory)
    scene = lineage_routes_scene(
        sites, sites.index(found.primary), found.any_migration, found.migrations, n_trees=found.n_trees
    )
    (directory / "routes.svg").write_text(scene_svg(scene, prefix="routes", is_interactive=False), encoding="utf-8")
