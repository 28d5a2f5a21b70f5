"""Seeding matrix: every label of the patient and of its sites with its most probable value and that probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from phylometa.model.label_specs import label_name, value_name
from phylometa.model.result import PatientResult
from phylometa.plots.colours import site_swatches
from phylometa.plots.label_words import PATIENT_ROWS, SITE_COLUMNS, most_probable_value
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    MUTED,
    NARROW,
    RULE,
    SMALL_FONT_SIZE,
    clean_text,
    percent,
    text_width,
    wrap_text,
)

__all__ = ["plot_seeding_matrix", "seeding_matrix_scene"]

_ROW = 12.5
_NARROW_ROW = 21.0
_CELL = 20.0
_LINE, _MOST_LINES = 8.0, 4
_COLUMN_SHARES = {"site_sources": 1.9, "seeding_waves": 0.45, "ln_route": 1.35, "ongoing_evolution": 0.95}
# Words and shades of the three levels of support (seeding labels; shades differ in lightness, the words say it too).
_SHADES = {"supported": "#9ecae1", "favoured": "#deebf7", "not determined": "#ffffff"}


def seeding_matrix_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the seeding matrix as a `Scene`; see `plot_seeding_matrix`."""
    title = f"Seeding labels of {clean_text(result.patient.name)}"
    if result.labels is None:
        return empty_scene(width, "No seeding labels could be determined from these samples.", title)
    shown = result.labels.with_override()
    labels: Mapping[str, Any] = {**shown.labels, **shown.extra}
    is_narrow = width < NARROW
    patient_rows = [name for name in PATIENT_ROWS if name in labels]
    columns = [name for name in SITE_COLUMNS[: 3 if is_narrow else None] if labels.get(name)]
    sites = [i for i, site in enumerate(result.patient.sites) if any(site.name in labels[name] for name in columns)]
    notes = note_lines([_NOTE] if shown.criterion_sensitive else [], width - 2 * MARGIN)
    scene = Scene(width, 0.0, title, "The most probable value of every label and its probability.")
    y = MARGIN
    for row in patient_rows:
        y = _patient_row(scene, row, labels[row], shown, y)
    if sites and columns:
        y = _site_block(scene, result, labels, shown, columns, sites, y + 8)
    y = _key(scene, y + 9)
    scene.notes(MARGIN, y + 10, notes)
    scene.height = y + 10 + NOTE_LINE * len(notes) + MARGIN - 4
    return scene


_NOTE = "*: the most probable value changes with the order of the parsimony criteria."


def _patient_row(scene: Scene, row: str, distribution: Mapping[str, float], shown: Any, y: float) -> float:
    """Name, value, bar and level of one label of the patient; returns the next row's y."""
    is_narrow = scene.width < NARROW
    value, probability = most_probable_value(distribution)
    word = shown.level(row)
    text = value_name(row, value)
    star = "*" if row in shown.criterion_sensitive else ""
    bar_left = scene.width - MARGIN - 112
    left = MARGIN if is_narrow else MARGIN + 0.3 * scene.width
    lines = wrap_text(text + star, bar_left - left - 6, SMALL_FONT_SIZE, "bold", lines=_MOST_LINES)
    value_y = y + (15.5 if is_narrow else 0.5 * _ROW)
    name_y = y + 6 if is_narrow else value_y
    height = (_NARROW_ROW if is_narrow else _ROW) + _LINE * (len(lines) - 1)
    with scene.group(f"label-{row}", f"{label_name(row)}: {text}, probability {percent(probability)}, {word}"):
        scene.note(MARGIN, name_y, label_name(row), room=(scene.width if is_narrow else left) - 2 * MARGIN)
        for k, line in enumerate(lines):
            scene.small(left, value_y + _LINE * k, line, weight="bold")
        scene.rect(bar_left, value_y - 3.2, 34, 6.4, fill="#ffffff", stroke=INK, line_width=0.4)
        scene.rect(bar_left, value_y - 3.2, 34 * min(1.0, probability), 6.4, fill="#4f81a8")
        scene.small(bar_left + 38, value_y, percent(probability))
        scene.note(bar_left + 62, value_y, word)
    scene.line([(MARGIN, y + height), (scene.width - MARGIN, y + height)], stroke=RULE, line_width=0.5)
    return y + height


def _site_block(
    scene: Scene,
    result: PatientResult,
    labels: Mapping[str, Any],
    shown: Any,
    columns: list[str],
    sites: list[int],
    y: float,
) -> float:
    swatches = site_swatches(result.patient.sites)
    names = [clean_text(result.patient.sites[i].name) for i in sites]
    longest = max(text_width(name, SMALL_FONT_SIZE, "bold") for name in names)
    left = MARGIN + 9 + min(0.25 * scene.width, longest) + 6
    shares = [_COLUMN_SHARES.get(column, 1.0) for column in columns]
    if scene.width < NARROW:  # room for the heading of the narrowest
        shares = [max(share, 0.65) for share in shares]
    unit = (scene.width - MARGIN - left) / sum(shares)
    starts = [left + unit * sum(shares[:j]) for j in range(len(columns) + 1)]
    for j, column in enumerate(columns):
        scene.note(starts[j] + 3, y + 6, label_name(column), room=unit * shares[j] - 4)
    y += 13
    for site, name in zip(sites, names):
        lines = wrap_text(name, left - MARGIN - 13, SMALL_FONT_SIZE, "bold", lines=_MOST_LINES)
        cells = _cells(result, labels, columns, site, [unit * share - 6 for share in shares])
        height = max([_CELL, _LINE * len(lines) + 4, *(_LINE * (len(texts) + 1) + 4 for _, _, texts in cells.values())])
        with scene.group(f"site-{site}", name, site=site):
            scene.rect(MARGIN, y + 2, 6, height - 4, swatch=swatches[site], stroke=INK, line_width=0.4)
            for k, line in enumerate(lines):
                shift = _LINE * (k - 0.5 * (len(lines) - 1))
                scene.small(MARGIN + 9, y + 0.5 * height + shift, line, weight="bold")
        for j, (value, probability, texts) in cells.items():
            word = shown.level(columns[j], result.patient.sites[site].name)
            text, label = value_name(columns[j], value), label_name(columns[j]).lower()
            tooltip = f"{name}, {label}: {text}, probability {percent(probability)}, {word}"
            with scene.group(f"label-{columns[j]}-{site}", tooltip, site=site):
                box = (starts[j] + 0.6, y + 0.6, unit * shares[j] - 1.2, height - 1.2)
                scene.rect(*box, fill=_SHADES.get(word, "#ffffff"), stroke="#c4c4c4", line_width=0.4)
                top = y + 0.5 * (height - _LINE * len(texts))
                for k, line in enumerate(texts):
                    scene.small(starts[j] + 3, top + _LINE * k, line)
                colour = MUTED if word == "not determined" else INK
                scene.small(starts[j] + 3, top + _LINE * len(texts), percent(probability), colour=colour)
        y += height
    return y


def _cells(
    result: PatientResult, labels: Mapping[str, Any], columns: Sequence[str], site: int, rooms: Sequence[float]
) -> dict[int, tuple[str, float, list[str]]]:
    """Column -> most probable value of a site's label, its probability, and its name in lines of the column's room."""
    found = {}
    for j, column in enumerate(columns):
        distribution = labels[column].get(result.patient.sites[site].name)
        if distribution:
            value, probability = most_probable_value(distribution)
            lines = wrap_text(value_name(column, value), rooms[j], SMALL_FONT_SIZE, lines=_MOST_LINES)
            found[j] = value, probability, lines
    return found


def _key(scene: Scene, y: float) -> float:
    x = MARGIN
    for word, shade in _SHADES.items():
        scene.rect(x, y - 3.5, 7, 7, fill=shade, stroke=INK, line_width=0.4)
        scene.note(x + 10, y, word)
        x += 16 + text_width(word, SMALL_FONT_SIZE) + 6
    return y


def plot_seeding_matrix(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot the seeding labels: above those of the patient with a bar of their probability, below one row per site.

    Shades and words give the level of support: supported (at least 95 %), favoured (80 to 95 %), not determined.

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
    return draw_scene(seeding_matrix_scene(result, width=scene_width(ax, width)), ax)
