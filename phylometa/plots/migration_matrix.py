"""Migrations as a table of source by target sites: what the graph becomes when its edges are too many to follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phylometa.model.patient import Site
from phylometa.plots.colours import site_swatches
from phylometa.plots.history_overview import Migration
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, note_lines
from phylometa.plots.style import (
    INK,
    RULE,
    SHADES,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    text_colour_on,
    text_width,
)

__all__ = ["Mark", "migration_matrix_scene"]

_SWATCH = 7.0
_WIDEST = 30.0  # points of a cell
LEGEND = "Row: site that a clone left; column: site that it reached; number: probability (%) that any clone did."


@dataclass(frozen=True, slots=True)
class Mark:
    """How a migration is marked in a picture: key of its group, tooltip, further ``data-*`` attributes."""

    key: str
    tooltip: str
    data: tuple[tuple[str, Any], ...] = ()


def _shade(probability: float) -> str:
    red, green, blue, _ = SHADES(0.85 * probability)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _number(probability: float, room: float) -> str:
    """Per cent without a sign; 100 becomes 99 if it has no room."""
    text = f"{100 * probability:.0f}"
    return text if text_width(text, SMALL_FONT_SIZE) <= room else str(min(99, int(text)))


def migration_matrix_scene(
    sites: Sequence[Site],
    marks: Mapping[Migration, Mark],
    notes: Sequence[str],
    *,
    title: str,
    description: str,
    width: float,
    legend: str = LEGEND,
) -> Scene:
    """Lay out a table of sources (rows) by targets (columns), each cell the probability of a migration in per cent.

    Parameters
    ----------
    sites : sequence of Site
    marks : mapping Migration -> Mark
        Migrations to be shown, at most one per pair of sites; those of the drawn history get a border.
    notes : sequence of str
    title, description : str
    width : float
        Points.
    legend : str
        What rows, columns and numbers are.
    """
    n = len(sites)
    names = [clean_text(site.name) for site in sites]
    swatches = site_swatches(sites)
    room = min(0.34 * width, max(text_width(name, SMALL_FONT_SIZE) for name in names))
    left = MARGIN + room + 4 + _SWATCH + 3
    cell = min(_WIDEST, (width - left - MARGIN) / n)
    row = max(12.0, min(cell, 15.0))
    heads = [fit_text(name, 96, SMALL_FONT_SIZE) for name in names]
    top = MARGIN + 10 + max(text_width(name, SMALL_FONT_SIZE) for name in heads) + 4 + _SWATCH + 3
    bottom = top + n * row
    lines = note_lines([legend, *notes], width - 2 * MARGIN)
    scene = Scene(width, bottom + 8 + NOTE_LINE * len(lines) + MARGIN, title, description)
    scene.note(left, MARGIN + 3, "to")
    scene.note(left - _SWATCH - 7, top - _SWATCH - 8, "from", anchor="end")
    for i, (name, swatch) in enumerate(zip(names, swatches)):
        kind = sites[i].site_class.replace("_", " ") + (", not sampled" if sites[i].is_virtual else "")
        with scene.group(f"site-{i}", f"{name} ({kind})", site=i):
            _draw_row_heading(scene, name, swatch, (left, top + i * row), row, room)
            _draw_column_heading(scene, heads[i], swatch, (left + i * cell, top), cell)
    for i in range(n + 1):
        scene.line([(left, top + i * row), (left + n * cell, top + i * row)], stroke=RULE, line_width=0.5)
        scene.line([(left + i * cell, top), (left + i * cell, bottom)], stroke=RULE, line_width=0.5)
    for edge in sorted(marks, key=lambda edge: edge.is_in_history):
        fill = _shade(edge.probability)
        mark = marks[edge]
        more = {"source": edge.source, "target": edge.target, **dict(mark.data)}
        with scene.group(mark.key, mark.tooltip, is_button=True, **more):
            x, y = left + edge.target * cell, top + edge.source * row
            stroke, line_width = (INK, min(1.2, 0.07 * cell)) if edge.is_in_history else (RULE, 0.5)
            scene.rect(x + 0.6, y + 0.6, cell - 1.2, row - 1.2, fill=fill, stroke=stroke, line_width=line_width)
            text = _number(edge.probability, cell - 2)
            scene.small(x + 0.5 * cell, y + 0.5 * row, text, anchor="middle", colour=text_colour_on(fill))
    scene.notes(MARGIN, bottom + 12, lines)
    return scene


def _draw_row_heading(
    scene: Scene, name: str, swatch: Swatch, corner: tuple[float, float], height: float, room: float
) -> None:
    """Draw the site at the left of its row, the colour between the name and the cells."""
    left, y = corner
    scene.rect(left - _SWATCH - 3, y + 1, _SWATCH, height - 2, swatch=swatch, stroke=INK, line_width=0.3)
    scene.small(left - _SWATCH - 7, y + 0.5 * height, name, anchor="end", room=room)


def _draw_column_heading(scene: Scene, name: str, swatch: Swatch, corner: tuple[float, float], width: float) -> None:
    """Draw the site upright above its column, the colour between the name and the cells."""
    x, top = corner
    scene.rect(x + 1, top - _SWATCH - 3, width - 2, _SWATCH, swatch=swatch, stroke=INK, line_width=0.3)
    scene.small(x + 0.5 * width, top - _SWATCH - 7, name, angle=90.0)
