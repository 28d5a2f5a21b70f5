"""Routes of a lineage-tracing or single-cell tree as a table: how probable, and how many migrations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Site
from phylometa.plots.history_overview import Migration
from phylometa.plots.migration_matrix import Mark, migration_matrix_scene
from phylometa.plots.scene import Scene

__all__ = ["lineage_routes_scene"]


def lineage_routes_scene(
    site_names: Sequence[str],
    primary: int,
    probability: FloatArray,
    migrations: FloatArray,
    *,
    n_trees: int,
    width: float = 510.0,
) -> Scene:
    """Lay out a table of sources (rows) by targets (columns), each cell the probability of a migration in per cent.

    Parameters
    ----------
    site_names : sequence of str
    primary : int
    probability, migrations : float64 arrays (n_sites, n_sites)
        Of at least one migration, and their expected number: the tooltip of a cell.
    n_trees : int
        Trees that they are means over.
    width : float
        Points.
    """
    order = [primary, *(t for t in range(len(site_names)) if t != primary)]
    place = {site: i for i, site in enumerate(order)}
    marks = {}
    for s, t in np.argwhere(probability > 0).tolist():
        edge = Migration(place[s], place[t], (), (), float(min(probability[s, t], 1.0)), is_in_history=False)
        number = f"{migrations[s, t]:.1f} migrations expected"
        tooltip = f"{site_names[s]} to {site_names[t]}: {100 * edge.probability:.0f} %, {number}"
        marks[edge] = Mark(f"route-{edge.source}-{edge.target}", tooltip)
    sites = [Site(site_names[t], "primary" if t == primary else "distant") for t in order]
    notes = [f"Mean over {n_trees} trees." if n_trees > 1 else "One tree."]
    title = "Routes of the lineages"
    return migration_matrix_scene(sites, marks, notes, title=title, description=title, width=width)
