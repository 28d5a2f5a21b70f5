"""Seeding matrix: every label of the patient and of its sites with its most probable value and that probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from phylometa.plots.label_words import PATIENT_ROWS, SITE_COLUMNS, label_name, most_probable_value, value_name
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    percent,
    site_swatches,
    text_width,
)
from phylometa.trees import PatientResult

__all__ = ["plot_seeding_matrix", "seeding_matrix_scene"]

_MARGIN = 6.0
_ROW = 12.5
_CELL = 20.0
# Words and shades of the three levels of support (seeding labels; shades differ in lightness, the words say it too).
_SHADES = {"supported": "#9ecae1", "favoured": "#deebf7", "not determined": "#ffffff"}


def seeding_matrix_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """The seeding matrix as a `Scene`; see `plot_seeding_matrix`."""
    title = f"Seeding labels of {clean_text(result.patient.name)}"
    if result.labels is None:
        return empty_scene(width, "No seeding labels could be determined from these samples.", title)
    shown = result.labels.with_override()
    labels: Mapping[str, Any] = {**shown.labels, **shown.extra}
    status: Mapping[str, Any] = shown.status
    patient_rows = [name for name in PATIENT_ROWS if name in labels]
    columns = [name for name in SITE_COLUMNS if labels.get(name)]
    sites = [i for i, site in enumerate(result.patient.sites) if any(site.name in labels[name] for name in columns)]
    height = 2 * _MARGIN + len(patient_rows) * _ROW + 22
    height += (22 + len(sites) * _CELL) if sites and columns else 0
    scene = Scene(width, height, title, "The most probable value of every label and its probability.")
    y = _patient_block(scene, labels, status, shown, patient_rows, width)
    if sites and columns:
        y = _site_block(scene, result, labels, status, columns, sites, y + 8, width)
    _key(scene, y + 8)
    return scene


def _patient_block(
    scene: Scene, labels: Mapping[str, Any], status: Mapping[str, Any], shown: Any, rows: list[str], width: float
) -> float:
    name_width = min(
        0.42 * (width - 2 * _MARGIN), max((text_width(label_name(row), SMALL_FONT_SIZE) for row in rows), default=0) + 8
    )
    bar_left = width - _MARGIN - 106
    y = _MARGIN
    for row in rows:
        value, probability = most_probable_value(labels[row])
        word = status.get(row, "")
        middle = y + 0.5 * _ROW
        text = value_name(row, value)
        star = " *" if row in shown.criterion_sensitive else ""
        with scene.group(f"label-{row}", f"{label_name(row)}: {text}, probability {percent(probability)}, {word}"):
            scene.note(_MARGIN, middle, label_name(row), room=name_width - 4)
            room = bar_left - _MARGIN - name_width - 6
            scene.small(_MARGIN + name_width, middle, text + star, weight="bold", room=room)
            scene.rect(bar_left, middle - 3.2, 34, 6.4, fill="#ffffff", stroke=INK, line_width=0.4)
            scene.rect(bar_left, middle - 3.2, 34 * probability, 6.4, fill="#4f81a8")
            scene.small(bar_left + 38, middle, percent(probability))
            scene.note(bar_left + 60, middle, word)
        scene.line([(_MARGIN, y + _ROW), (width - _MARGIN, y + _ROW)], stroke=RULE, line_width=0.5)
        y += _ROW
    return y


def _site_block(
    scene: Scene,
    result: PatientResult,
    labels: Mapping[str, Any],
    status: Mapping[str, Any],
    columns: list[str],
    sites: list[int],
    y: float,
    width: float,
) -> float:
    swatches = site_swatches(len(result.patient.sites))
    names = [result.patient.sites[i].name for i in sites]
    left = (
        _MARGIN
        + 9
        + min(0.25 * width, max(text_width(clean_text(name), SMALL_FONT_SIZE, "bold") for name in names))
        + 6
    )
    cell = (width - _MARGIN - left) / len(columns)
    for j, column in enumerate(columns):
        scene.note(left + j * cell + 3, y + 6, label_name(column), room=cell - 4)
    y += 13
    for site, name in zip(sites, names):
        with scene.group(f"site-{site}", clean_text(name), site=site):
            scene.rect(_MARGIN, y + 2, 6, _CELL - 4, swatch=swatches[site], stroke=INK, line_width=0.4)
            scene.small(_MARGIN + 9, y + 0.5 * _CELL, name, weight="bold", room=left - _MARGIN - 13)
            for j, column in enumerate(columns):
                distribution = labels[column].get(name)
                if not distribution:
                    continue
                value, probability = most_probable_value(distribution)
                word = status.get(column, {}).get(name, _status_of(probability, result))
                x = left + j * cell
                scene.rect(
                    x + 0.6,
                    y + 0.6,
                    cell - 1.2,
                    _CELL - 1.2,
                    swatch=Swatch(_SHADES.get(word, "#ffffff")),
                    stroke="#c4c4c4",
                    line_width=0.4,
                )
                scene.small(x + 3, y + 0.32 * _CELL, value_name(column, value), room=cell - 6)
                scene.small(
                    x + 3,
                    y + 0.73 * _CELL,
                    f"{percent(probability)}",
                    colour=MUTED if word == "not determined" else INK,
                )
        y += _CELL
    return y


def _status_of(probability: float, result: PatientResult) -> str:
    """Level of support of a label that carries none of its own."""
    settings = result.labels.settings
    if probability >= settings.headline_probability - 1e-9:
        return "supported"
    return "favoured" if probability >= settings.favoured_probability - 1e-9 else "not determined"


def _key(scene: Scene, y: float) -> None:
    x = _MARGIN
    for word, shade in _SHADES.items():
        scene.rect(x, y - 3.5, 7, 7, fill=shade, stroke=INK, line_width=0.4)
        scene.note(x + 10, y, word)
        x += 16 + text_width(word, SMALL_FONT_SIZE) + 6
    room = scene.width - _MARGIN - x
    scene.note(x, y, "* changes with the order of the parsimony criteria", room=room)


def plot_seeding_matrix(result: PatientResult, *, ax: Axes | None = None, width: str = "double") -> Axes:
    """Seeding labels: above those of the patient with a bar of their probability, below one row a site.

    Shades and words give the level of support: supported (at least 95 %), favoured (80 to 95 %), not determined.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure where omitted.
    width : {"double", "single"}
        Journal columns; ignored where `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(seeding_matrix_scene(result, width=scene_width(ax, width)), ax)
