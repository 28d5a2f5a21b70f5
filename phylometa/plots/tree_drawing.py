"""The drawing of a rooted tree in which every vertex has its own row, so that labels cannot collide and the prevalence
in every sample stands beside the clone it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.clone_tree import children_of
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, note_lines
from phylometa.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    percent,
    text_width,
)

__all__ = ["SampleColumns", "TreeRow", "preorder_depths", "row_layout", "tree_scene"]

_NODE_RADIUS = 3.6
# Share of a sample below which a clone has no bar.
LEAST_SHARE = 0.02
_MIN_BRANCH = 9.0
_HEADER_LIMIT = 84.0
_GAP = 4.0


def row_layout(parents: Any) -> list[int]:
    """Order vertices of a parent vector from top to bottom.

    A parent stands between its children's subtrees, an only child below its parent.

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


def preorder_depths(parents: Any) -> tuple[list[int], dict[int, int]]:
    """Order the vertices of a parent vector, parents above their children, with the depth of each.

    >>> preorder_depths([-1, 0, 0, 1])
    ([0, 1, 3, 2], {0: 0, 1: 1, 2: 1, 3: 2})
    """
    children = children_of(parents)
    root = next(v for v, parent in enumerate(parents) if parent < 0)
    depth, order, stack = {root: 0}, [], [root]
    while stack:
        v = stack.pop()
        order.append(v)
        for child in children[v]:
            depth[child] = depth[v] + 1
        stack.extend(reversed(children[v]))
    return order, depth


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One vertex of the drawn tree: its name in bold, then `details` as (text, is emphasised) pairs."""

    key: str
    name: str
    details: tuple[tuple[str, bool], ...]
    tooltip: str
    length: float
    swatch: Swatch | None = None
    is_migration: bool = False
    support: float = float("nan")
    data: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class SampleColumns:
    """Prevalence of every row's clone in every sample, at the right of the tree."""

    names: tuple[str, ...]
    swatches: tuple[Swatch, ...]
    values: Any  # (rows, columns) in [0, 1], NaN if unknown


def _branch_positions(parents: Any, rows: Sequence[TreeRow], width: float) -> tuple[np.ndarray, bool]:
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
        free = width - _NODE_RADIUS - 2 - reserve
        space = np.maximum(free - steps * minimum, 0.2 * width - np.minimum(steps * minimum, 0.2 * width))
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


def _label_width(row: TreeRow) -> float:
    details = sum(_GAP + text_width(text, SMALL_FONT_SIZE) for text, _ in row.details)
    return _NODE_RADIUS + 3 + text_width(row.name, FONT_SIZE, "bold") + details


def tree_scene(
    parents: Any,
    rows: Sequence[TreeRow],
    columns: SampleColumns | None,
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
    matrix_left = width - MARGIN - n_columns * column_width
    headers = [fit_text(name, _HEADER_LIMIT, SMALL_FONT_SIZE) for name in columns.names] if columns else []
    header_height = max((text_width(text, SMALL_FONT_SIZE) for text in headers), default=0.0) + (8 if headers else 0)
    top = MARGIN + header_height
    bottom = top + len(rows) * height_of_row
    tree_width = matrix_left - MARGIN - (6 if n_columns else 0)
    x, is_linear = _branch_positions(parents, rows, tree_width)
    x = x + MARGIN
    scale = "mutations" if is_linear else "the square root of the mutations"
    notes = note_lines([f"Branch length grows with {scale}. {note}"], width - 2 * MARGIN)
    note_height = NOTE_LINE * len(notes) + 3
    scene = Scene(
        width, bottom + 4 + note_height + legend_height(legend, width - 2 * MARGIN) + MARGIN, title, description
    )
    y = np.empty(len(rows))
    for rank, v in enumerate(order):
        y[v] = top + (rank + 0.5) * height_of_row
    if columns:
        _draw_columns(scene, columns, headers, order, rows, _Grid(matrix_left, top, column_width, height_of_row))
    for v in order:
        if parents[v] >= 0 and y[parents[v]] != y[v]:
            scene.line([(x[parents[v]], y[parents[v]]), (x[parents[v]], y[v])], stroke=MUTED, line_width=0.9)
    for v in order:
        row = rows[v]
        with scene.group(row.key, row.tooltip, is_button=True, **dict(row.data)):
            start = x[parents[v]] if parents[v] >= 0 else MARGIN
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
            right = MARGIN + tree_width
            left = _draw_label(scene, row, x[v] + _NODE_RADIUS + 3, right, y[v])
            if columns and left < right:
                scene.line([(left, y[v]), (right + 4, y[v])], stroke=RULE, line_width=0.5)
            end = right + 4 if columns else left
            scene.rect(start, y[v] - 0.5 * height_of_row, end - start, height_of_row, is_target=True)
    scene.notes(MARGIN, bottom + 9, notes)
    draw_legend(scene, legend, MARGIN, bottom + 4 + note_height, width - 2 * MARGIN)
    return scene


def _draw_label(scene: Scene, row: TreeRow, left: float, right: float, y: float) -> float:
    """Draw the name and the details of a vertex between `left` and `right`; return where the next text may begin."""
    name = fit_text(row.name, right - left, FONT_SIZE, "bold")
    scene.text(left, y, name, weight="bold")
    left += text_width(name, FONT_SIZE, "bold") + _GAP
    for text, is_emphasised in row.details:
        shown = fit_text(text, right - left, SMALL_FONT_SIZE)
        colour, style = (INK, "italic") if is_emphasised else (MUTED, "normal")
        scene.small(left, y, shown, colour=colour, style=style)
        left += text_width(shown, SMALL_FONT_SIZE) + _GAP
    return left


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the cells of the sample columns are (points)."""

    left: float
    top: float
    column_width: float
    row_height: float


def _draw_columns(
    scene: Scene,
    columns: SampleColumns,
    headers: Sequence[str],
    order: Sequence[int],
    rows: Sequence[TreeRow],
    grid: _Grid,
) -> None:
    """Draw bars of prevalence: one column per sample, one row per clone, the bar's length the clone's share."""
    strip = 3.0
    left, top, column_width, row_height = grid.left, grid.top, grid.column_width, grid.row_height
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
            elif value >= LEAST_SHARE:
                with scene.group(
                    rows[v].key,
                    f"{rows[v].name} in {clean_text(columns.names[j])}: {percent(value)} of the tumour cells",
                    **dict(rows[v].data),
                ):
                    bar = max(1.0, value * (column_width - 1.6))
                    scene.rect(cell + 0.8, middle - 0.36 * row_height, bar, 0.72 * row_height, swatch=swatch)
