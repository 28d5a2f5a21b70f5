"""Pictures of a cohort: a small migration graph per patient, and bars of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from phylometa.model.colours import SITE_PALETTE
from phylometa.plots.scene import Command, Scene
from phylometa.plots.style import (
    HATCHES,
    INK,
    MUTED,
    RULE,
    SHADES_BAR,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    contrast,
    fit_text,
    percent,
    text_width,
)

__all__ = ["label_bars_scene", "small_graph_scene"]

_COLUMN_OF_CLASS = {"primary": 0, "bed": 0, "lymph_node": 1, "distant": 2, "normal": 2}
_WIDTH, _LOOP = 224.0, 12.0  # points; room for arrows within the last column
_BOX, _LINE, _TOP = 58.0, 13.0, 5.0
_MOST_SITES = 10  # in a column
_LEAST, _FAVOURED, _SUPPORTED = 0.5, 0.8 - 1e-9, 0.95 - 1e-9
_BAR = 9.0


def small_graph_scene(summary: Mapping[str, Any]) -> Scene:
    """Lay out the migrations of one patient that are more probable than not, sites by class from left to right.

    Parameters
    ----------
    summary : mapping
        summary.json of the patient: ``sites`` and ``migration_graph``.
    """
    sites = [site for site in summary.get("sites") or () if site.get("name")]
    columns: dict[int, list[str]] = defaultdict(list)
    for site in sites:
        columns[_COLUMN_OF_CLASS.get(site.get("site_class", "distant"), 2)].append(site["name"])
    ranks = sorted(columns)
    rows = max((min(len(names), _MOST_SITES) for names in columns.values()), default=1)
    height = 2 * _TOP + _LINE * rows
    routes = [(s, t, float(p)) for s, t, p in summary.get("migration_graph") or () if float(p) >= _LEAST]
    told = "; ".join(f"{clean_text(s)} to {clean_text(t)} {percent(p)}" for s, t, p in routes) or "none above 50%"
    hidden = sum(max(0, len(names) - _MOST_SITES) for names in columns.values())
    scene = Scene(
        _WIDTH, height + (9 if hidden else 0), clean_text(str(summary.get("patient", ""))), f"Migrations: {told}."
    )
    step = (_WIDTH - 2 * _TOP - _LOOP - _BOX) / max(1, len(ranks) - 1)
    place: dict[str, tuple[float, float]] = {}
    for number, rank in enumerate(ranks):
        names = columns[rank][:_MOST_SITES]
        start = 0.5 * (height - _LINE * len(names))
        for k, name in enumerate(names):
            place[name] = _TOP + step * number, start + (k + 0.5) * _LINE
    swatches = {
        site["name"]: Swatch(SITE_PALETTE[i % len(SITE_PALETTE)], HATCHES[(i // len(SITE_PALETTE)) % len(HATCHES)])
        for i, site in enumerate(sites)
    }
    for source, target, p in sorted(routes, key=lambda route: route[2]):
        if source in place and target in place:
            _route(scene, place[source], place[target], p, swatches[source].colour)
    for name, (x, y) in place.items():
        scene.rect(x, y - 5, _BOX, 10, fill="#ffffff", stroke=MUTED, line_width=0.5)
        scene.rect(x + 1.5, y - 3, 6, 6, swatch=swatches[name], stroke=INK, line_width=0.3)
        scene.small(x + 9.5, y, name, room=_BOX - 11)
    if hidden:
        scene.note(_TOP, height + 3, f"{hidden} more sites")
    return scene


def _route(scene: Scene, start: tuple[float, float], end: tuple[float, float], p: float, colour: str) -> None:
    (x0, y0), (x1, y1) = start, end
    if x1 > x0:
        x0 += _BOX
        half = 0.5 * (x1 - x0)
        course: list[Command] = [("M", x0, y0), ("C", x0 + half, y0, x1 - half, y1, x1 - 3, y1)]
        head = (1.0, 0.0)
    elif x1 < x0:
        x1 += _BOX
        half = 0.5 * (x0 - x1)
        course = [("M", x0, y0 + 2.5), ("C", x0 - half, y0 + 2.5, x1 + half, y1 + 2.5, x1 + 3, y1 + 2.5)]
        head, y1 = (-1.0, 0.0), y1 + 2.5
    else:
        x0 = x1 = x0 + _BOX
        course = [("M", x0, y0), ("C", x0 + 12, y0, x1 + 12, y1, x1 + 3, y1)]
        head = (-1.0, 0.0)
    line = 2.0 if p >= _SUPPORTED else 1.1
    dash = () if p >= _FAVOURED else (2.4, 1.8)
    if contrast(colour, "#ffffff") < 3.0:
        scene.path(course, stroke=MUTED, line_width=line + 0.8, dash=dash)
    scene.path(course, stroke=colour, line_width=line, dash=dash)
    scene.arrow_head(x1, y1, head, 4.5, INK)


def label_bars_scene(
    rows: Sequence[tuple[str, int, int, float, float, float]], *, title: str, width: float = 250.0
) -> Scene:
    """Lay out the values of one label: how many patients have it, and its share with the interval.

    Parameters
    ----------
    rows : sequence of (value, patients whose most probable value it is, patients, share, low, high)
    title : str
    width : float
        Points.
    """
    counts = [f"{count} of {n}" for _, count, n, _, _, _ in rows]
    name_width = min(0.36 * width, max(text_width(clean_text(row[0]), SMALL_FONT_SIZE) for row in rows) + 4)
    count_width = max(text_width(text, SMALL_FONT_SIZE) for text in counts) + 8
    left = 4 + name_width + count_width
    bar = width - left - 34
    height = 14 + (_BAR + 4) * len(rows) + 14
    described = "; ".join(f"{row[0]}: {count}, {percent(row[3])}" for row, count in zip(rows, counts))
    scene = Scene(width, height, title, described)
    scene.small(4, 7, title, weight="bold", room=width - 8)
    bottom = 14 + (_BAR + 4) * len(rows)
    for tick in (0.0, 0.5, 1.0):
        scene.line([(left + tick * bar, 14), (left + tick * bar, bottom)], stroke=RULE, line_width=0.6)
        scene.note(left + tick * bar, bottom + 6, percent(tick), anchor="middle")
    for number, ((value, _, _, share, low, high), count) in enumerate(zip(rows, counts)):
        y = 14 + (_BAR + 4) * number + 2
        middle = y + 0.5 * _BAR
        scene.small(4, middle, fit_text(value, name_width - 3, SMALL_FONT_SIZE))
        scene.note(left - 5, middle, count, anchor="end")
        scene.rect(left, y, share * bar, _BAR, fill=SHADES_BAR)
        scene.line([(left + low * bar, middle), (left + high * bar, middle)], line_width=1.0)
        for at in (low, high):
            scene.line([(left + at * bar, middle - 2), (left + at * bar, middle + 2)], line_width=1.0)
        scene.small(left + bar + 8, middle, percent(share))
    return scene
