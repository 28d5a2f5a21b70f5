"""Clones that circulate, over time: shares in plasma, circulating cells and ascites; never a place on the body map."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from phylometa.model.circulation import Circulation
from phylometa.model.result import PatientResult
from phylometa.plots.colours import clone_swatches
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    FAINT,
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
from phylometa.reference.sample_kinds import KIND_NAMES

__all__ = ["circulation_scene", "plot_circulation"]

_HEIGHT, _HEAD, _FOOT, _LEFT = 110.0, 14.0, 34.0, 34.0
# Clones whose share may exceed this in some sample are drawn.
_SMALLEST = 0.03
_DODGE = 3.2
_NOTE = (
    "Share of the tumour DNA or cells of each sample, with 95 % intervals. In brackets: how much of the sample is "
    "tumour. Dashed lines: treatments begin."
)


@dataclass(frozen=True)
class _Axis:
    """Places (points) of the samples of a panel, and of treatments by their start."""

    places: tuple[float, ...]
    treatments: tuple[tuple[float, str], ...]


def circulation_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the shares over time as a `Scene`; see `plot_circulation`."""
    title = f"Circulating clones of {clean_text(result.patient.name)}"
    found = result.circulation
    if found is None:
        return empty_scene(width, "No sample of plasma, circulating cells or ascites.", title)
    swatches = clone_swatches(result)
    shown = [k for k in range(len(found.clones)) if (found.share_hi[k] > _SMALLEST).any() and found.presence[k].any()]
    legend = [(f"clone {clean_text(found.clones[k])}{_origin(found, k)}", swatches[k]) for k in shown]
    panels = [
        (kind, [c for c, other in enumerate(found.kinds) if other == kind]) for kind in dict.fromkeys(found.kinds)
    ]
    notes = note_lines([_NOTE], width - 2 * MARGIN)
    one = _HEAD + _HEIGHT + _FOOT
    legend_top = MARGIN + one * len(panels)
    notes_top = legend_top + legend_height(legend, width - 2 * MARGIN) + 8
    height = notes_top + NOTE_LINE * len(notes) + MARGIN
    described = f"Shares of {len(shown)} clones in {len(found.samples)} samples."
    scene = Scene(width, height, title, described)
    for row, (kind, columns) in enumerate(panels):
        _draw_panel(scene, result, kind, columns, shown, swatches, MARGIN + row * one)
    draw_legend(scene, legend, MARGIN, legend_top, width - 2 * MARGIN, keys=[("clone", k) for k in shown])
    scene.notes(MARGIN, notes_top, notes)
    return scene


def _origin(found: Circulation, clone: int) -> str:
    """That no sampled site shows the clone, if that is more probable than not."""
    return " (no sampled site)" if found.unplaced[clone] >= 0.5 else ""


def _draw_panel(
    scene: Scene,
    result: PatientResult,
    kind: str,
    columns: Sequence[int],
    shown: Sequence[int],
    swatches: Sequence[Swatch],
    top: float,
) -> None:
    found = result.circulation
    assert found is not None
    left, right = MARGIN + _LEFT, scene.width - MARGIN - 12
    base = top + _HEAD + _HEIGHT
    name = KIND_NAMES[kind]
    scene.small(MARGIN, top + 5, name[:1].upper() + name[1:], weight="bold")
    for tick in (0, 25, 50, 75, 100):
        y = base - _HEIGHT * tick / 100
        scene.line([(left, y), (right, y)], stroke=RULE, line_width=0.6)
        scene.note(left - 4, y, f"{tick}%", anchor="end")
    axis = _axis(result, columns, left + 16, right - 16)
    for x, text in axis.treatments:
        scene.line([(x, top + _HEAD - 4), (x, base)], stroke=MUTED, line_width=0.7, dash=(3, 2))
        scene.note(x + 2, top + _HEAD - 6, fit_text(text, right - x, SMALL_FONT_SIZE))
    taken = -math.inf
    for place, column in zip(axis.places, columns):
        scene.line([(place, base), (place, base + 3)], stroke=FAINT)
        label = found.dates[column] or clean_text(found.samples[column])
        half = 0.5 * max(text_width(label, SMALL_FONT_SIZE), 30)
        if place - half >= taken:
            scene.note(place, base + 8, label, anchor="middle")
            scene.note(place, base + 17, f"[{_fraction(float(found.purity[column]))}]", anchor="middle")
            taken = place + half + 4
    for rank, k in enumerate(shown):
        shift = _DODGE * (rank - 0.5 * (len(shown) - 1))
        points = []
        with scene.group(f"clone-{k}", f"Clone {clean_text(found.clones[k])}", is_button=True, clone=k):
            for place, column in zip(axis.places, columns):
                low, mean, high = (
                    base - _HEIGHT * float(values[k, column])
                    for values in (found.share_lo, found.share, found.share_hi)
                )
                points.append((place + shift, mean))
                scene.line([(place + shift, low), (place + shift, high)], stroke=INK, line_width=0.7)
            if len(points) > 1:
                scene.line(points, stroke=swatches[k].colour, line_width=1.4)
            for (x, y), column in zip(points, columns):
                tooltip = (
                    f"Clone {clean_text(found.clones[k])} in {clean_text(found.samples[column])}: "
                    f"{percent(float(found.share[k, column]))} ({percent(float(found.share_lo[k, column]))} to "
                    f"{percent(float(found.share_hi[k, column]))})"
                )
                with scene.group(f"clone-{k}", tooltip, clone=k):
                    scene.circle(x, y, 2.6, swatch=swatches[k], stroke=INK, line_width=0.5)


def _fraction(purity: float) -> str:
    """The tumour's part of a sample in percent, small ones with two digits."""
    return f"{100 * purity:.2g} %" if math.isfinite(purity) else "?"


def _axis(result: PatientResult, columns: Sequence[int], left: float, right: float) -> _Axis:
    """Places by date if every sample has one and they differ; else evenly, in the order of the sheet."""
    found = result.circulation
    assert found is not None
    dates = [datetime.date.fromisoformat(found.dates[c]) if found.dates[c] else None for c in columns]
    known = [date.toordinal() for date in dates if date is not None]
    if len(known) < len(columns) or len(set(known)) < 2:
        step = (right - left) / max(len(columns), 1)
        return _Axis(tuple(left + (i + 0.5) * step for i in range(len(columns))), ())
    first, last = min(known), max(known)
    scale = (right - left) / (last - first)
    begins = sorted((t.start.toordinal(), _letters(t.kind, t.site)) for t in result.patient.treatments if t.start)
    return _Axis(
        tuple(left + (day - first) * scale for day in known),
        tuple((left + (day - first) * scale, text) for day, text in begins if first <= day <= last),
    )


def _letters(kind: str, site: str) -> str:
    return clean_text(f"{kind}, {site}" if site else kind)


def plot_circulation(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot the shares of clones in plasma, circulating cells and ascites over time, one panel per kind of sample.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(circulation_scene(result, width=scene_width(ax, width)), ax)
