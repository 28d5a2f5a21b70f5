"""The first screen of the report on one page of paper (A4, PDF), for somebody who reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import phylometa
from phylometa.model.result import PatientResult
from phylometa.plots.body_map import body_map_scene
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.scene import Scene, draw_scene
from phylometa.plots.style import INK, MUTED, RULE, clean_text, percent, save_figure, wrap_text
from phylometa.report.findings import describe
from phylometa.report.overview import OPEN, Overview, SiteRow, Statement, overview

__all__ = ["one_page_scene", "write_one_page"]

PAGE = (210 / 25.4 * 72, 297 / 25.4 * 72)
_MARGIN = 42.0
_BODY, _SMALL = 8.5, 7.0
_LINE, _SMALL_LINE = 12.0, 9.5
_CROWDED = 8
_MOST_ROWS, _MOST_QUESTIONS, _MOST_FACTS = 14, 7, 4


def write_one_page(result: PatientResult, path: str | Path) -> Path:
    """Write the page as PDF.

    Parameters
    ----------
    result : PatientResult
    path : path
        Of the file, which ends in ``.pdf``.

    Returns
    -------
    Path
    """
    return save_figure(draw_scene(one_page_scene(result)).get_figure(), path)  # type: ignore[arg-type]


def one_page_scene(result: PatientResult) -> Scene:
    """Lay out the page: sentence, table of sites, routes and body map, what else is known, what is not determined."""
    found = overview(result)
    width, height = PAGE
    scene = Scene(width, height, f"Summary of {clean_text(result.patient.name)}", found.sentence)
    room = width - 2 * _MARGIN
    y = _MARGIN + 6
    scene.text(_MARGIN, y, result.patient.name, size=16.0, weight="bold", room=0.7 * room)
    scene.text(width - _MARGIN, y, f"phylometa {phylometa.__version__}", size=_SMALL, colour=MUTED, anchor="end")
    y = _lines(scene, y + 24, wrap_text(found.sentence, room, 12.0, lines=4), size=12.0, step=16.0) + 6
    y = _table(scene, found, y, room)
    facts = [f"{x.text} {x.support}".strip() for x in describe(result).facts[:_MOST_FACTS]]
    questions = list(found.open_questions[:_MOST_QUESTIONS])
    if found.settled_by:
        questions.append(f"Most of it would be settled by {found.settled_by}.")
    below = _wrapped(facts, room), _wrapped(questions, room)
    tail = sum(_LINE * len(lines) + 22 for lines in below if lines) + 56
    y = _pictures(scene, result, y + 6, room, height - tail)
    for title, lines in zip(("Known besides", "Not determined by these samples"), below):
        if lines:
            scene.text(_MARGIN, y + 8, title, size=_BODY + 1, weight="bold")
            y = _lines(scene, y + 22, lines, size=_BODY, step=_LINE)
    foot = "; ".join(f"{name} {value}" for name, value in found.strip)
    scene.line([(_MARGIN, height - 46), (width - _MARGIN, height - 46)], stroke=RULE)
    note = "Percentages: probability over all trees and histories; ?: less than favoured. Evidence: see the report."
    _lines(scene, height - 36, wrap_text(f"{foot}. {note}", room, _SMALL, lines=2), size=_SMALL, step=_SMALL_LINE)
    return scene


def _wrapped(texts: Sequence[str], room: float) -> list[str]:
    """Texts as lines, each text begun with a dash."""
    lines = []
    for text in texts:
        first, *rest = wrap_text(text, room - 10, _BODY, lines=3)
        lines += [f"\u2013 {first}", *(f"\u2002\u2002{line}" for line in rest)]
    return lines


def _lines(scene: Scene, y: float, lines: Sequence[str], *, size: float, step: float) -> float:
    """Lines of text below each other; where the next would stand."""
    for line in lines:
        scene.text(_MARGIN, y, line, size=size)
        y += step
    return y


def _columns(found: Overview) -> list[tuple[str, float]]:
    """Heads of the columns and their shares of the width."""
    columns = [("Site", 1.5), ("From", 2.4), ("Founding clones", 1.1)]
    columns += [("Diverged", 0.9)] * found.has_divergence + [("Age at seeding", 1.0)] * found.has_ages
    return [*columns, *((f"Before {event}", 1.0) for event in found.events)]


def _cells(row: SiteRow, found: Overview) -> list[str]:
    cells = [row.site, _cell(row.source), _cell(row.clones)]
    cells += [_cell(row.divergence)] * found.has_divergence + [row.age or "\u2013"] * found.has_ages
    before = dict(row.before)
    return [*cells, *(percent(before[event]) if event in before else "\u2013" for event in found.events)]


def _cell(item: Statement) -> str:
    if not item.text or item.text == "?":
        return item.text or "\u2013"
    text = f"{item.text} {item.support}".strip()
    return f"? {text} {item.note}".strip() if item.status == OPEN else text


def _table(scene: Scene, found: Overview, y: float, room: float) -> float:
    if not found.rows:
        return y
    columns = _columns(found)
    unit = room / sum(share for _, share in columns)
    starts = [_MARGIN + unit * sum(share for _, share in columns[:i]) for i in range(len(columns))]
    for (name, share), x in zip(columns, starts):
        scene.text(x, y + 4, name, size=_SMALL, weight="bold", room=unit * share - 4)
    y += 12
    for row in found.rows[:_MOST_ROWS]:
        scene.line([(_MARGIN, y), (_MARGIN + room, y)], stroke=RULE)
        wrapped = [
            wrap_text(text, unit * share - 10, _SMALL, lines=2) for text, (_, share) in zip(_cells(row, found), columns)
        ]
        for i, (lines, x) in enumerate(zip(wrapped, starts)):
            for k, line in enumerate(lines):
                weight = "bold" if i == 0 else "normal"
                scene.text(x, y + 8 + _SMALL_LINE * k, line, size=_SMALL, colour=INK, weight=weight)
        y += _SMALL_LINE * max(len(lines) for lines in wrapped) + 7
    hidden = len(found.rows) - _MOST_ROWS
    if hidden > 0:
        scene.text(_MARGIN, y + 6, f"{hidden} more sites stand in the report.", size=_SMALL, colour=MUTED)
        y += 12
    scene.line([(_MARGIN, y), (_MARGIN + room, y)], stroke=RULE)
    return y + 4


def _pictures(scene: Scene, result: PatientResult, y: float, room: float, bottom: float) -> float:
    """Routes and body map beside each other, of many sites the routes alone, shrunken to the height that is left."""
    parts = []
    is_crowded = len(result.patient.sites) > _CROWDED
    if result.histories is not None and result.trees is not None:
        across = room if is_crowded else 0.56 * room
        routes = migration_graph_scene(result, rank=None, is_merged=True, is_best=True, width=across)
        parts.append((routes, _MARGIN, across))
    if not is_crowded:
        parts.append((body_map_scene(result, width=0.42 * room), _MARGIN + 0.58 * room, 0.42 * room))
    height = max(0.0, bottom - y)
    lowest = y
    for part, x, width in parts:
        scale = min(1.0, width / part.width, height / part.height)
        if scale > 0.3:  # smaller could not be read
            scene.place(part, x, y, scale)
            lowest = max(lowest, y + scale * part.height)
    return lowest + 4
