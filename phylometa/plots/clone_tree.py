"""Clone tree: every clone in a row of its own, its share of every sample beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.sample_axes import sample_order, sample_swatches
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import COLUMN_WIDTHS, NO_SITE, Swatch, clean_text, percent
from phylometa.plots.tree_drawing import LEAST_SHARE, SampleColumns, TreeRow, tree_scene

__all__ = ["clone_drivers", "clone_tree_scene", "plot_clone_tree"]


def clone_drivers(result: PatientResult, clone: int) -> tuple[str, ...]:
    """List the driver genes mutated on the edge into `clone`, sorted; empty if the patient lists no drivers."""
    if result.clusters is None or clone >= result.clusters.n_clusters:
        return ()
    genes = result.patient.mutations.genes
    members = np.flatnonzero(result.clusters.labels == clone)
    return tuple(sorted({genes[i] for i in members} & result.patient.drivers))


def _sample_columns(patient: Patient, values: Any) -> SampleColumns:
    order = sample_order(patient)
    swatches = sample_swatches(patient)
    return SampleColumns(
        tuple(short_sample_names(patient)[s] for s in order),
        tuple(swatches[s] for s in order),
        np.asarray(values)[:, order],
    )


def site_entries(patient: Patient) -> list[tuple[str, Swatch]]:
    """(name, swatch) of every site, for a legend; and of samples that circulate, if there are any."""
    circulating = [("circulating", Swatch(NO_SITE))] if any(s.circulates for s in patient.samples) else []
    return [*zip(patient.site_names, site_swatches(patient.sites)), *circulating]


def _mutations(count: float) -> str:
    return f"{count:.0f} mutation" + ("" if count == 1 else "s")


def clone_tree_scene(result: PatientResult, *, tree: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the clone tree number `tree` of the ensemble as a `Scene`; see `plot_clone_tree`."""
    trees = result.trees
    title = f"Clone tree of {clean_text(result.patient.name)}"
    if trees is None or len(trees) == 0:
        return empty_scene(width, "No clone tree could be inferred from these samples.", title)
    drawn = trees.tree(tree)
    support, swatches = trees.edge_support, clone_swatches(result)
    rows = []
    for v in range(drawn.n_clones):
        parent = int(drawn.parents[v])
        edge = float(support[parent, v]) if parent >= 0 else float("nan")
        drivers = tuple(clean_text(gene) for gene in clone_drivers(result, v))
        details = [] if drawn.n_mutations[v] == 0 else [(f"{drawn.n_mutations[v]:.0f}", False)]
        details += [(f"({percent(edge)})", False)] if edge == edge and edge <= 0.99 else []
        details += [(_short_list(drivers), True)] if drivers else []
        name = clean_text(drawn.names[v])
        tooltip = f"Clone {name}: {_mutations(drawn.n_mutations[v])} on its edge"
        if parent >= 0:
            tooltip += f"; child of {clean_text(drawn.names[parent])} with probability {percent(edge)}"
        if drivers:
            tooltip += f"; drivers {', '.join(drivers)}"
        rows.append(
            TreeRow(
                f"clone-{v}",
                name,
                tuple(details),
                tooltip,
                float(drawn.n_mutations[v]),
                swatches[v],
                support=edge,
                data=(("clone", str(v)),),
            )
        )
    return tree_scene(
        drawn.parents,
        rows,
        _sample_columns(result.patient, trees.proportions[tree]),
        width=width,
        title=title,
        description=f"{drawn.n_clones} clones; tree {tree + 1} of {len(trees)}: {percent(trees.weights[tree])}.",
        note="Beside each clone: its mutations, in brackets the support of its edge, its drivers. "
        f"Bars: share of each sample's tumour cells, from {percent(LEAST_SHARE)}.",
        legend=site_entries(result.patient),
    )


def _short_list(names: Sequence[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} +{len(names) - limit}"


def plot_clone_tree(
    result: PatientResult, *, ax: Axes | None = None, tree: int = 0, width: str | float = "double"
) -> Axes:
    """Draw the clone tree, one row per clone, with mutations, drivers, edge support and its share of every sample.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into, its coordinates become points; a new figure of fitting height if omitted.
    tree : int
        Index into ``result.trees``; 0 is the most probable.
    width : {"double", "single"}
        Journal columns (183 mm, 89 mm); ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(clone_tree_scene(result, tree=tree, width=scene_width(ax, width)), ax)
