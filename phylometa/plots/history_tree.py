"""A migration history as a tree of clones in sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory, TreeHistories
from phylometa.model.result import PatientResult
from phylometa.plots.colours import site_swatches
from phylometa.plots.history_overview import ranked_histories
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import COLUMN_WIDTHS, clean_text, percent
from phylometa.plots.tree_drawing import TreeRow, tree_scene

__all__ = ["history_scene", "plot_history"]


def history_scene(
    result: PatientResult,
    *,
    rank: int = 0,
    width: float = COLUMN_WIDTHS["double"],
    ranked: Sequence[tuple[TreeHistories, MigrationHistory]] | None = None,
) -> Scene:
    """Lay out the migration history number `rank` (by falling probability) as a `Scene`; see `plot_history`.

    `ranked` saves ranking the histories again if many are drawn.
    """
    title = f"Migration history of {clean_text(result.patient.name)}"
    histories = result.histories
    if ranked is None:
        ranked = [] if histories is None else ranked_histories(histories)
    if not ranked or histories is None or result.trees is None:
        return empty_scene(width, "No migration history could be inferred from these samples.", title)
    in_tree, history = ranked[rank]
    drawn: CloneTree = result.trees.tree(in_tree.tree)
    swatches = site_swatches(result.patient.sites)
    nodes = history.nodes
    index = {node: i for i, node in enumerate(nodes)}
    parents = np.full(len(nodes), -1, dtype=np.int64)
    for u, s, v, t in history.edges.tolist():
        node = index[v, t]
        if node > 0 and parents[node] < 0:  # a clone that came to a site more than once is drawn where it came first
            parents[node] = index[u, s]
    below_root = np.flatnonzero(parents < 0)[1:]  # independent tumours start in sites of their own
    parents[below_root] = 0
    rows = []
    for i, (clone, site) in enumerate(nodes):
        above = nodes[parents[i]] if parents[i] >= 0 and i not in below_root else None
        name, place = clean_text(drawn.names[clone]), clean_text(histories.site_names[site])
        is_migration = above is not None and above[1] != site
        is_new_clone = above is None or above[0] != clone
        is_seen = bool(in_tree.presence[clone, site])
        details = ((place, False),) if is_seen else ((place, False), ("not seen there", True))
        tooltip = f"Clone {name} in {place}"
        if above is not None and is_migration:
            origin = clean_text(histories.site_names[above[1]])
            tooltip += f", migrated from {origin} (clone {clean_text(drawn.names[above[0]])})"
        rows.append(
            TreeRow(
                f"clone-{clone}",
                name,
                details,
                tooltip + ("" if is_seen else "; not seen in that site"),
                float(drawn.n_mutations[clone]) if is_new_clone else 0.35 * _typical(drawn.n_mutations),
                swatch=swatches[site],
                is_migration=is_migration,
                data=(("clone", str(clone)), ("site", str(site))),
            )
        )
    return tree_scene(
        parents,
        rows,
        None,
        width=width,
        title=title,
        description=f"{history.n_migrations} migrations; probability {percent(history.weight)}.",
        note="Every node is a clone in a site; thick branches are migrations.",
        legend=list(zip(histories.site_names, swatches)),
    )


def _typical(counts: Any) -> float:
    positive = np.asarray(counts)[np.asarray(counts) > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def plot_history(
    result: PatientResult, *, ax: Axes | None = None, rank: int = 0, width: str | float = "double"
) -> Axes:
    """Draw a migration history on the clone tree: each node a clone in a site, in the site's colour.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    rank : int
        0 is the most probable history.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(history_scene(result, rank=rank, width=scene_width(ax, width)), ax)
