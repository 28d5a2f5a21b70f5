"""Clone tree, and a migration history drawn on it: every clone in its own row, so that labels cannot collide and the
prevalence in every sample stands beside the clone it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from phylometa.data import Patient
from phylometa.plots.history_ranking import ranked_histories
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    FONT_SIZE,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    percent,
    site_swatches,
    text_width,
)
from phylometa.trees import CloneTree, PatientResult, children_of

__all__ = ["clone_drivers", "clone_tree_scene", "plot_clone_tree", "plot_history", "history_scene", "row_layout"]

_MARGIN = 6.0
_NODE_RADIUS = 3.6
_MIN_BRANCH = 9.0
_HEADER_LIMIT = 84.0


def row_layout(parents: Any) -> list[int]:
    """Vertices of a parent vector from top to bottom: a parent stands between its children's subtrees, an only child
    below its parent.

    >>> row_layout([-1, 0, 0, 1])
    [1, 3, 0, 2]
    """
    children = children_of(parents)
    root = next(v for v, parent in enumerate(parents) if parent < 0)
    order: list[int] = []
    stack: list[tuple[int, bool]] = [(root, False)]
    while stack:
        v, is_placed = stack.pop()
        if is_placed:
            order.append(v)
            continue
        upper = len(children[v]) // 2
        stack.extend((child, False) for child in reversed(children[v][upper:]))
        stack.append((v, True))
        stack.extend((child, False) for child in reversed(children[v][:upper]))
    return order


def clone_drivers(result: PatientResult, clone: int) -> tuple[str, ...]:
    """Driver genes mutated on the edge into `clone`, sorted; empty where the patient lists no drivers."""
    if result.clusters is None or clone >= result.clusters.n_clusters:
        return ()
    genes = result.patient.mutations.genes
    members = np.flatnonzero(result.clusters.labels == clone)
    return tuple(sorted({genes[i] for i in members} & result.patient.drivers))


@dataclass(frozen=True, slots=True)
class _Row:
    """One vertex of the drawn tree."""

    key: str
    name: str
    details: str
    tooltip: str
    length: float
    swatch: Swatch | None = None
    is_migration: bool = False
    support: float = float("nan")
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Columns:
    """Prevalence of every row's clone in every sample, at the right of the tree."""

    names: tuple[str, ...]
    swatches: tuple[Swatch, ...]
    values: Any  # (rows, columns) in [0, 1], NaN where unknown


def _branch_positions(parents: Any, rows: Sequence[_Row], width: float) -> tuple[np.ndarray, bool]:
    """x of every vertex, and whether branches are on a linear scale (else the square root of the length).

    The scale is the largest at which every label still ends within `width`; labels longer than a third of it are
    shortened later.
    """
    children = children_of(parents)
    root = next(v for v, parent in enumerate(parents) if parent < 0)
    raw = np.array([row.length for row in rows], dtype=float)
    reserve = np.array([min(_label_width(row), 0.4 * width) for row in rows])

    def positions(lengths: np.ndarray, minimum: float) -> np.ndarray:
        depth, steps = np.zeros(len(rows)), np.zeros(len(rows))
        stack = [root]
        while stack:
            v = stack.pop()
            above = parents[v]
            depth[v] = lengths[v] + (depth[above] if above >= 0 else 0)
            steps[v] = (lengths[v] > 0) + (steps[above] if above >= 0 else 0)
            stack.extend(children[v])
        space = np.maximum(width - reserve - steps * minimum, 0.2 * width - np.minimum(steps * minimum, 0.2 * width))
        scale = min((s / d for s, d in zip(space, depth) if d > 0), default=0.0)
        return _NODE_RADIUS + steps * minimum + scale * depth

    plain = positions(raw, 0.0)
    drawn = plain - np.where(np.asarray(parents) >= 0, plain[np.asarray(parents)], _NODE_RADIUS)
    positive = raw > 0
    if not positive.any() or drawn[positive].min() >= _MIN_BRANCH:
        return plain, True
    minimum = min(_MIN_BRANCH, 0.6 * width / max(1, _tree_depth(parents)))
    return positions(np.sqrt(raw), minimum), False


def _tree_depth(parents: Any) -> int:
    depth = 0
    for v in range(len(parents)):
        steps, above = 1, parents[v]
        while above >= 0:
            steps, above = steps + 1, parents[above]
        depth = max(depth, steps)
    return depth


def _label_width(row: _Row) -> float:
    gap = 4 if row.details else 0
    return _NODE_RADIUS + 3 + text_width(row.name, FONT_SIZE, "bold") + gap + text_width(row.details, SMALL_FONT_SIZE)


def _tree_scene(
    parents: Any,
    rows: Sequence[_Row],
    columns: _Columns | None,
    *,
    width: float,
    title: str,
    description: str,
    note: str,
    legend: Sequence[tuple[str, Swatch]],
) -> Scene:
    order = row_layout(parents)
    height_of_row = 15.0 if len(rows) <= 30 else 11.5
    n_columns = len(columns.names) if columns else 0
    column_width = min(20.0, 0.42 * width / n_columns) if n_columns else 0.0
    matrix_left = width - _MARGIN - n_columns * column_width
    headers = [fit_text(name, _HEADER_LIMIT, SMALL_FONT_SIZE) for name in columns.names] if columns else []
    header_height = max((text_width(text, SMALL_FONT_SIZE) for text in headers), default=0.0) + (8 if headers else 0)
    top = _MARGIN + header_height
    bottom = top + len(rows) * height_of_row
    note_height = 12.0 if note else 0.0
    scene = Scene(
        width, bottom + 4 + note_height + legend_height(legend, width - 2 * _MARGIN) + _MARGIN, title, description
    )
    tree_width = matrix_left - _MARGIN - (6 if n_columns else 0)
    x, is_linear = _branch_positions(parents, rows, tree_width)
    x = x + _MARGIN
    y = np.empty(len(rows))
    for rank, v in enumerate(order):
        y[v] = top + (rank + 0.5) * height_of_row
    if columns:
        _draw_columns(scene, columns, headers, order, matrix_left, column_width, top, height_of_row, rows)
    for v in order:
        if parents[v] >= 0 and y[parents[v]] != y[v]:
            scene.line([(x[parents[v]], y[parents[v]]), (x[parents[v]], y[v])], stroke=MUTED, line_width=0.9)
    for v in order:
        row = rows[v]
        with scene.group(row.key, row.tooltip, **dict(row.data)):
            start = x[parents[v]] if parents[v] >= 0 else _MARGIN
            is_doubtful = row.support == row.support and row.support < 0.8
            scene.line(
                [(start, y[v]), (x[v], y[v])],
                stroke=INK if row.is_migration else MUTED,
                line_width=1.8 if row.is_migration else 0.9,
                dash=(2.4, 1.6) if is_doubtful else (),
            )
            if row.swatch is None:
                scene.circle(x[v], y[v], _NODE_RADIUS, fill="#ffffff", stroke=INK, line_width=1.0)
            else:
                scene.circle(x[v], y[v], _NODE_RADIUS + 0.6, swatch=row.swatch, stroke=INK, line_width=0.8)
            left = x[v] + _NODE_RADIUS + 3
            room = _MARGIN + tree_width - left
            name = fit_text(row.name, room, FONT_SIZE, "bold")
            scene.text(left, y[v], name, weight="bold")
            left += text_width(name, FONT_SIZE, "bold") + 4
            scene.note(left, y[v], row.details, room=_MARGIN + tree_width - left)
    line = bottom + 4 + 0.5 * note_height
    if note:
        text = note if is_linear else note.replace("mutations", "the square root of the mutations")
        scene.note(_MARGIN, line, text, room=width - 2 * _MARGIN)
    draw_legend(scene, legend, _MARGIN, bottom + 4 + note_height, width - 2 * _MARGIN)
    return scene


def _draw_columns(
    scene: Scene,
    columns: _Columns,
    headers: Sequence[str],
    order: Sequence[int],
    left: float,
    column_width: float,
    top: float,
    row_height: float,
    rows: Sequence[_Row],
) -> None:
    """Bars of prevalence: one column a sample, one row a clone, the bar's length the clone's share."""
    strip = 3.0
    for j, (header, swatch) in enumerate(zip(headers, columns.swatches)):
        with scene.group(f"column-{j}", clean_text(columns.names[j])):
            scene.rect(left + j * column_width + 0.5, top - strip - 1, column_width - 1, strip, swatch=swatch)
            scene.small(left + (j + 0.5) * column_width, top - strip - 4, header, angle=90)
    bottom = top + len(order) * row_height
    for j in range(len(headers) + 1):
        scene.line([(left + j * column_width, top), (left + j * column_width, bottom)], stroke=RULE, line_width=0.5)
    for rank, v in enumerate(order):
        middle = top + (rank + 0.5) * row_height
        for j, swatch in enumerate(columns.swatches):
            value = columns.values[v, j]
            cell = left + j * column_width
            if value != value:
                scene.note(cell + 0.5 * column_width, middle, "?", anchor="middle")
            elif value >= 0.005:
                with scene.group(
                    rows[v].key,
                    f"{rows[v].name} in {clean_text(columns.names[j])}: {percent(value)} of the tumour cells",
                ):
                    scene.rect(
                        cell + 0.8,
                        middle - 0.36 * row_height,
                        value * (column_width - 1.6),
                        0.72 * row_height,
                        swatch=swatch,
                    )


def _sample_columns(patient: Patient, values: Any) -> _Columns:
    order = np.argsort(patient.sample_site, kind="stable")
    swatches = site_swatches(len(patient.sites))
    return _Columns(
        tuple(patient.samples[s].name for s in order),
        tuple(swatches[patient.sample_site[s]] for s in order),
        np.asarray(values)[:, order],
    )


def site_entries(patient: Patient) -> list[tuple[str, Swatch]]:
    """(name, swatch) of every site, for a legend."""
    return list(zip(patient.site_names, site_swatches(len(patient.sites))))


def _mutations(count: float) -> str:
    return f"{count:.0f} mutation" + ("" if count == 1 else "s")


def clone_tree_scene(result: PatientResult, *, tree: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """The clone tree number `tree` of the ensemble as a `Scene`; see `plot_clone_tree`."""
    trees = result.trees
    title = f"Clone tree of {clean_text(result.patient.name)}"
    if trees is None or len(trees) == 0:
        return empty_scene(width, "No clone tree could be inferred from these samples.", title)
    drawn = trees.tree(tree)
    support = trees.edge_support
    rows = []
    for v in range(drawn.n_clones):
        parent = int(drawn.parents[v])
        edge = float(support[parent, v]) if parent >= 0 else float("nan")
        drivers = tuple(clean_text(gene) for gene in clone_drivers(result, v))
        details = [] if drawn.n_mutations[v] == 0 else [f"{drawn.n_mutations[v]:.0f}"]
        details += [_short_list(drivers)] if drivers else []
        details += [f"({percent(edge)})"] if edge == edge and edge < 0.995 else []
        name = clean_text(drawn.names[v])
        tooltip = f"Clone {name}: {_mutations(drawn.n_mutations[v])} on its edge"
        if parent >= 0:
            tooltip += f"; child of {clean_text(drawn.names[parent])} with probability {percent(edge)}"
        if drivers:
            tooltip += f"; drivers {', '.join(drivers)}"
        rows.append(
            _Row(
                f"clone-{v}",
                name,
                " · ".join(details),
                tooltip,
                float(drawn.n_mutations[v]),
                support=edge,
                data=(("clone", str(v)),),
            )
        )
    description = (
        f"{drawn.n_clones} clones; tree 1 of {len(trees)} listed, probability {percent(trees.weights[tree])}."
        if tree == 0
        else f"{drawn.n_clones} clones; tree {tree + 1} of {len(trees)}, probability {percent(trees.weights[tree])}."
    )
    return _tree_scene(
        drawn.parents,
        rows,
        _sample_columns(result.patient, trees.proportions[tree]),
        width=width,
        title=title,
        description=description,
        note="Branch length grows with mutations (number beside each clone). In brackets: support of the edge. "
        "Bars: share of each sample's tumour cells.",
        legend=site_entries(result.patient),
    )


def _short_list(names: Sequence[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} +{len(names) - limit}"


def plot_clone_tree(result: PatientResult, *, ax: Axes | None = None, tree: int = 0, width: str = "double") -> Axes:
    """Clone tree: a row a clone; mutations, drivers and edge support beside it, its share of every sample at the right.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into, its coordinates become points; a new figure of fitting height where omitted.
    tree : int
        Index into ``result.trees``; 0 is the most probable.
    width : {"double", "single"}
        Journal columns (183 mm, 89 mm); ignored where `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(clone_tree_scene(result, tree=tree, width=scene_width(ax, width)), ax)


def history_scene(result: PatientResult, *, rank: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """The migration history number `rank` (by falling probability) as a `Scene`; see `plot_history`."""
    title = f"Migration history of {clean_text(result.patient.name)}"
    histories = result.histories
    ranked = [] if histories is None else ranked_histories(histories)
    if not ranked or histories is None or result.trees is None:
        return empty_scene(width, "No migration history could be inferred from these samples.", title)
    in_tree, history = ranked[rank]
    drawn: CloneTree = result.trees.tree(in_tree.tree)
    swatches = site_swatches(len(histories.site_names))
    nodes = history.nodes
    index = {node: i for i, node in enumerate(nodes)}
    parents = np.full(len(nodes), -1, dtype=np.int64)
    for u, s, v, t in history.edges:
        parents[index[int(v), int(t)]] = index[int(u), int(s)]
    rows = []
    for i, (clone, site) in enumerate(nodes):
        above = nodes[parents[i]] if parents[i] >= 0 else None
        name, place = clean_text(drawn.names[clone]), clean_text(histories.site_names[site])
        is_migration = above is not None and above[1] != site
        is_new_clone = above is None or above[0] != clone
        is_seen = bool(in_tree.presence[clone, site])
        details = place + ("" if is_seen else " (not seen there)")
        tooltip = f"Clone {name} in {place}"
        if above is not None and is_migration:
            origin = clean_text(histories.site_names[above[1]])
            tooltip += f", migrated from {origin} (clone {clean_text(drawn.names[above[0]])})"
        rows.append(
            _Row(
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
    return _tree_scene(
        parents,
        rows,
        None,
        width=width,
        title=title,
        description=f"{history.n_migrations} migrations; probability {percent(history.weight)}.",
        note="Every node is a clone in a site; thick branches are migrations. Branch length grows with mutations.",
        legend=list(zip(histories.site_names, swatches)),
    )


def _typical(counts: Any) -> float:
    positive = np.asarray(counts)[np.asarray(counts) > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def plot_history(result: PatientResult, *, ax: Axes | None = None, rank: int = 0, width: str = "double") -> Axes:
    """A migration history drawn on the clone tree: each node a clone in a site, in the site's colour.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure where omitted.
    rank : int
        0 is the most probable history.
    width : {"double", "single"}
        Journal columns; ignored where `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(history_scene(result, rank=rank, width=scene_width(ax, width)), ax)
