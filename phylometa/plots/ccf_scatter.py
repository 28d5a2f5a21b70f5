"""Cancer cell fractions of samples against each other: one pair, or a grid of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform, TransformedPatchPath

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.result import PatientResult
from phylometa.plots.colours import clone_swatches
from phylometa.plots.sample_axes import axis_text, ccf_axes, sample_order
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import MARGIN, NOTE_LINE, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    FONT_SIZE,
    MUTED,
    NARROW,
    SMALL_FONT_SIZE,
    Swatch,
    axes_size,
    clean_text,
    column_width,
    data_axes,
    figure_style,
    fit_text,
    new_axes,
    text_width,
)

__all__ = ["plot_ccf_pairs", "plot_ccf_scatter"]

_MARKERS = "osD^v<>PXph"
# More points than this in a figure become raster images.
_MAX_POINTS = 2000
# A cluster whose median stays below this in both samples lies at the origin and gets no name.
_ABSENT = 0.05
# Samples of the grid at the two widths; of more, those of as many sites as possible.
_MAX_SAMPLES, _MAX_SAMPLES_NARROW = 8, 5
_LEGEND_LINE = 9.0


@cache
def _marker_path(marker: str) -> Path:
    style = MarkerStyle(marker)
    return style.get_path().transformed(style.get_transform())


def _no_pairs(ax: Axes | None, width: str | float) -> Axes:
    message = "Two samples with cancer cell fractions are needed."
    return draw_scene(empty_scene(scene_width(ax, width), message, "Cancer cell fractions"), ax)


def _has_pairs(result: PatientResult) -> bool:
    return result.ccf is not None and result.patient.mutations.n_mutations > 0 and len(result.patient.samples) > 1


def _labels(result: PatientResult) -> IntArray:
    n = result.patient.mutations.n_mutations
    return np.zeros(n, dtype=np.int64) if result.clusters is None else np.asarray(result.clusters.labels)


def _add_points(
    ax: Axes, at: FloatArray, cluster: int, swatch: Swatch, size: float, clip: TransformedPatchPath, **style: Any
) -> PathCollection:
    """What `Axes.scatter` makes, in a quarter of its time: the limits of `ax` stand, and nothing is clipped by `clip`,
    which `Axes` would make for every collection without it."""
    marker = [_marker_path(_MARKERS[cluster % len(_MARKERS)])]
    points = PathCollection(
        marker, [size], offsets=at, offset_transform=ax.transData, facecolor=swatch.colour, clip_on=False, **style
    )
    points.set_transform(IdentityTransform())
    points.set_clip_path(clip)
    ax.add_collection(points, autolim=False)
    return points


def _draw_points(
    ax: Axes, values: FloatArray, labels: IntArray, swatches: Sequence[Swatch], *, size: float, panels: int = 1
) -> BoolArray:
    """One point per mutation known in both samples, one colour and marker per cluster; which mutations are known."""
    known: BoolArray = np.asarray(np.isfinite(values).all(axis=1))
    clip = TransformedPatchPath(ax.patch)
    for cluster in range(int(labels.max()) + 1):
        members = known & (labels == cluster)
        points = _add_points(
            ax,
            values[members],
            cluster,
            swatches[cluster],
            size,
            clip,
            edgecolor="#ffffff",
            linewidth=0.3 if size > 5 else 0.0,
            rasterized=len(values) * panels > _MAX_POINTS,
            zorder=2,
        )
        points.set_gid(f"cluster-{cluster}")
    return known


def plot_ccf_scatter(
    result: PatientResult,
    *,
    ax: Axes | None = None,
    x: str | None = None,
    y: str | None = None,
    width: str | float = "single",
) -> Axes:
    """Plot the cancer cell fractions of two samples: one point per mutation, one colour and marker per cluster.

    Clusters that both samples lack have no name.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    x, y : str, optional
        Sample names; the first sample of the primary and the first of another site if omitted.
    width : {"single", "double"} or float
        Journal columns (89 and 183 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if not _has_pairs(result):
        return _no_pairs(ax, width)
    patient = result.patient
    assert result.ccf is not None
    names = [sample.name for sample in patient.samples]
    shown = short_sample_names(patient)
    order = sample_order(patient)
    first = names.index(x) if x is not None else int(order[0])
    others = [int(s) for s in order if patient.sample_site[s] != patient.sample_site[first]] or [
        int(s) for s in order if s != first
    ]
    second = names.index(y) if y is not None else others[0]
    with figure_style():
        if ax is None:
            side = column_width(width) - 60
            ax = data_axes(column_width(width), side, left=40, right=20, top=12, bottom=34)
        values, labels = result.ccf.told[:, [first, second]], _labels(result)
        known = _draw_points(ax, values, labels, clone_swatches(result), size=9)
        ccf_axes(ax, ticks=(0, 0.25, 0.5, 0.75, 1), x=f"CCF in {shown[first]}", y=f"CCF in {shown[second]}")
        if result.clusters is not None:
            _name_clusters(ax, values, known, labels, tuple(clean_text(name) for name in result.clusters.names))
    return ax


def _name_clusters(ax: Axes, values: FloatArray, known: BoolArray, labels: IntArray, names: tuple[str, ...]) -> None:
    """Cluster names at their medians; the larger cluster keeps the place where two would overlap."""
    width, height = axes_size(ax)
    taken: list[tuple[float, float, float, float]] = []
    sizes = np.bincount(labels[known], minlength=len(names))
    for cluster in sorted(range(len(names)), key=lambda k: -int(sizes[k])):
        if sizes[cluster] == 0:
            continue
        centre = np.median(values[known & (labels == cluster)], axis=0)
        if (centre < _ABSENT).all():
            continue
        text = fit_text(names[cluster], 50, FONT_SIZE, "bold")
        half = 0.5 * (text_width(text, FONT_SIZE, "bold") + 3) / width, 0.5 * (FONT_SIZE + 2) / height
        for dx, dy in _OFFSETS:
            at = centre[0] + dx * (half[0] + 6 / width), centre[1] + dy * (half[1] + 6 / height)
            box = at[0] - half[0], at[1] - half[1], at[0] + half[0], at[1] + half[1]
            inside = box[0] > -0.02 and box[1] > -0.02 and box[2] < 1.02 and box[3] < 1.02
            if inside and all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in taken):
                taken.append(box)
                label = axis_text(
                    ax, *at, text, ha="center", va="center", fontsize=FONT_SIZE, fontweight="bold", zorder=4
                )
                label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8})
                break


_OFFSETS = tuple(
    (r * dx, r * dy)
    for r in (1, 1.8, 3, 4.5)
    for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (0, 1), (-1, 0), (0, -1))
)


def _grid_samples(result: PatientResult, limit: int) -> list[int]:
    """At most `limit` samples in the order of the sites: the first of every site before the second of any."""
    site_of = result.patient.sample_site
    turns: dict[int, int] = {}
    ranked = []
    for position, s in enumerate(sample_order(result.patient).tolist()):
        turn = turns[int(site_of[s])] = turns.get(int(site_of[s]), -1) + 1
        ranked.append((turn, position, s))
    return [s for _, s in sorted((position, s) for _, position, s in sorted(ranked)[:limit])]


def plot_ccf_pairs(
    result: PatientResult,
    *,
    ax: Axes | None = None,
    samples: Sequence[str] | None = None,
    width: str | float = "double",
) -> Axes:
    """Plot the cancer cell fractions of every two samples: one column and row per sample, one point per mutation.

    At most 8 samples in two columns and 5 in one; a note below names those left out.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Its place is drawn into, its coordinates become points; a new figure if omitted.
    samples : sequence of str, optional
        Names of the samples to show; if omitted those of as many sites as possible.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
        The frame; the panels are its ``child_axes``.
    """
    if not _has_pairs(result):
        return _no_pairs(ax, width)
    patient = result.patient
    assert result.ccf is not None
    full = scene_width(ax, width)
    if samples is None:
        picked = _grid_samples(result, _MAX_SAMPLES_NARROW if full < NARROW else _MAX_SAMPLES)
    else:
        names = [sample.name for sample in patient.samples]
        picked = [names.index(name) for name in samples]
    shown = short_sample_names(patient)
    n = len(picked) - 1
    labels, values, swatches = _labels(result), result.ccf.told, clone_swatches(result)
    left, bottom_room, gap = MARGIN + 28.0, 32.0, 5.0
    side = min((full - left - MARGIN - 6 - gap * (n - 1)) / n, 150.0)
    entries = [] if result.clusters is None else _legend_entries(result)
    left_out = [shown[s] for s in sample_order(patient).tolist() if s not in picked]
    notes = note_lines(_grid_notes(left_out), full - 2 * MARGIN)
    grid = MARGIN + n * side + (n - 1) * gap
    lines = _legend_lines(entries, full - 2 * MARGIN)
    height = grid + bottom_room + _LEGEND_LINE * len(lines) + 4 + NOTE_LINE * len(notes) + MARGIN
    with figure_style():
        if ax is None:
            ax = new_axes(full, height)
        scale = min(1.0, axes_size(ax)[0] / full, axes_size(ax)[1] / height)
        box = full / scale, max(height, axes_size(ax)[1] / scale)
        ax.set_xlim(0, box[0])
        ax.set_ylim(box[1], 0)
        ax.set_axis_off()
        for row in range(n):
            for column in range(row + 1):
                x, y = left + column * (side + gap), MARGIN + row * (side + gap)
                corner = (x / box[0], 1 - (y + side) / box[1], side / box[0], side / box[1])
                panel = ax.inset_axes(corner)
                pair = [picked[column], picked[row + 1]]
                size = max(2.0, min(9.0, side / 14))
                _draw_points(panel, values[:, pair], labels, swatches, size=size, panels=n * (n + 1) // 2)
                names_of_pair = [fit_text(shown[s], side, FONT_SIZE) for s in pair]
                below, beside = row == n - 1, column == 0
                ccf_axes(
                    panel, ticks=(0, 0.5, 1), x=names_of_pair[0] if below else "", y=names_of_pair[1] if beside else ""
                )
        y = grid + bottom_room
        for line in lines:
            _draw_legend_line(ax, line, swatches, y, scale)
            y += _LEGEND_LINE
        for text in notes:
            axis_text(ax, MARGIN, y + 4, text, color=MUTED, va="center", fontsize=SMALL_FONT_SIZE * scale)
            y += NOTE_LINE
    return ax


def _grid_notes(left_out: Sequence[str]) -> list[str]:
    notes = ["Each panel: cancer cell fraction in the sample of the column (across) and of the row (up)."]
    if left_out:
        some = ", ".join(left_out[:12]) + (f" and {len(left_out) - 12} more" if len(left_out) > 12 else "")
        notes.append(f"Not shown: {some}.")
    return notes


def _legend_entries(result: PatientResult) -> list[tuple[int, str]]:
    assert result.clusters is not None
    used = np.bincount(_labels(result), minlength=result.clusters.n_clusters)
    return [(k, fit_text(name, 60, SMALL_FONT_SIZE)) for k, name in enumerate(result.clusters.names) if used[k]]


def _legend_lines(entries: Sequence[tuple[int, str]], room: float) -> list[list[tuple[float, int, str]]]:
    """Lines of (x, cluster, name) as wide as `room`."""
    lines: list[list[tuple[float, int, str]]] = []
    x = room + 1
    for cluster, name in entries:
        needed = 9 + text_width(name, SMALL_FONT_SIZE) + 8
        if x + needed > room:
            lines.append([])
            x = 0.0
        lines[-1].append((MARGIN + x, cluster, name))
        x += needed
    return lines


def _draw_legend_line(
    ax: Axes, line: Sequence[tuple[float, int, str]], swatches: Sequence[Swatch], y: float, scale: float
) -> None:
    clip = TransformedPatchPath(ax.patch)
    for x, cluster, name in line:
        at = np.array([[x + 3, y]])
        _add_points(ax, at, cluster, swatches[cluster], 14 * scale**2, clip, edgecolor="face", linewidth=0)
        axis_text(ax, x + 9, y, name, va="center", fontsize=SMALL_FONT_SIZE * scale)
