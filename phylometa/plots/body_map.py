"""Body map: the sites where they lie, and the migrations between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from phylometa.model.patient import Site
from phylometa.model.result import PatientResult
from phylometa.plots.anatomy import BODY_HEIGHT, HALF_OUTLINE, HEAD
from phylometa.plots.colours import site_swatches
from phylometa.plots.history_overview import Migration, migration_edges, withheld_routes
from phylometa.plots.label_placement import spread
from phylometa.plots.scene import MARGIN, NOTE_LINE, Command, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    MUTED,
    SMALL_FONT_SIZE,
    clean_text,
    contrast,
    percent,
    text_width,
    wrap_text,
)
from phylometa.reference.organs import find_organ

__all__ = ["body_map_scene", "plot_body_map"]

_CROP = 242.0  # thighs; legs are drawn only if a site lies in them
_HALF_WIDTH = 66.0
_SKIN = "#f4f4f4"
_RADIUS = 3.6
_APART = 2 * _RADIUS + 1.5
_LINE = 10.5
_SECOND_LINE = 7.0
_OUTLINE = "#9c9c9c"
_CELL = 78.0  # room of a site below the body
_FAVOURED = 0.8 - 1e-9  # arrows below are dashed, as in the migration graph
_BENDS = (0.25, -0.25, 0.4, -0.4, 0.12, -0.12, 0.55, -0.55)  # of an arc, as a share of its length
# More arrows than this could not be told apart.
_MAX_ARROWS = 24


def _smooth(points: Sequence[tuple[float, float]], *, is_closed: bool) -> list[Command]:
    """A Catmull-Rom curve through `points`, as Bezier commands."""
    n = len(points)
    commands: list[Command] = [("M", *points[0])]
    for i in range(n if is_closed else n - 1):
        if is_closed:
            before, start, end, after = (points[(i + k) % n] for k in (-1, 0, 1, 2))
        else:
            before, start, end, after = (points[min(max(i + k, 0), n - 1)] for k in (-1, 0, 1, 2))
        first = [s + (e - b) / 6 for b, s, e in zip(before, start, end)]
        second = [e - (a - s) / 6 for s, e, a in zip(start, end, after)]
        commands.append(("C", *first, *second, *end))
    return [*commands, ("Z",)] if is_closed else commands


def _separate(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points moved apart until no two marks touch; deterministic."""
    placed = [list(point) for point in points]
    for _ in range(200):
        moved = False
        for i in range(len(placed)):
            for j in range(i):
                dx, dy = placed[i][0] - placed[j][0], placed[i][1] - placed[j][1]
                distance = math.hypot(dx, dy)
                if distance >= _APART - 1e-6:
                    continue
                if distance < 1e-6:
                    angle = 2.399963 * i  # golden angle: coincident marks leave in different directions
                    dx, dy, distance = math.cos(angle), math.sin(angle), 1.0
                push = 0.5 * (_APART - min(distance, _APART)) + 0.01
                placed[i][0] += push * dx / distance
                placed[i][1] += push * dy / distance
                placed[j][0] -= push * dx / distance
                placed[j][1] -= push * dy / distance
                moved = True
        if not moved:
            break
    return [(x, y) for x, y in placed]


def body_map_scene(
    result: PatientResult, *, min_probability: float = 0.5, width: float = COLUMN_WIDTHS["double"]
) -> Scene:
    """Lay out the body map as a `Scene`; see `plot_body_map`."""
    sites = result.patient.sites
    found = _known_places(sites)
    elsewhere = [i for i in range(len(sites)) if i not in found]
    title = f"Body map of {clean_text(result.patient.name)}"
    if not found:
        return empty_scene(width, "No name of a site tells where in the body it lies.", title)
    lowest = max((y for _, y in found.values()), default=0.0)
    is_whole = lowest > _CROP - 12
    scale = min(0.86 if is_whole else 1.2, (0.5 * width - 88) / _HALF_WIDTH)
    middle, top = 0.5 * width, MARGIN + 4
    places = dict(zip(found, _separate([(middle + x * scale, top + y * scale) for x, y in found.values()])))
    edges: list[Migration] = []
    if result.histories is not None and any(True for _ in result.histories):
        withheld = withheld_routes(result)
        edges = [
            e
            for e in migration_edges(result.histories, is_merged=True)
            if e.probability >= min_probability and (e.source, e.target) not in withheld
        ]
    edges, n_hidden = _clearest(edges)
    body_bottom = top + scale * (BODY_HEIGHT if is_whole else _CROP) + 6
    beside = _beside(elsewhere, sites, width, body_bottom)
    places |= {i: (x, y) for i, (x, y, _) in beside.items()}
    marks_bottom = body_bottom
    body_bottom = max((y + _SECOND_LINE * len(lines) + 10 for _, y, lines in beside.values()), default=body_bottom)
    notes = [f"Arrows: migrations with a probability of at least {percent(min_probability)}; front view."]
    if any(edge.probability < _FAVOURED for edge in edges):
        notes[0] += f" Dashed: below {percent(0.8)}."
    if n_hidden:
        notes.append(f"Only the most probable into every site; {n_hidden} more not drawn.")
    if elsewhere:
        notes.append("Below the body: sites whose names do not tell where they lie.")
    lines = note_lines(notes, width - 2 * MARGIN)
    listed = ", ".join(clean_text(sites[i].name) for i in found) or "none"
    scene = Scene(
        width, body_bottom + NOTE_LINE * len(lines) + MARGIN, title, f"Sites shown: {listed}. {' '.join(notes)}"
    )
    _draw_body(scene, middle, top, scale, is_whole=is_whole)
    for edge in sorted(edges, key=lambda e: e.probability):
        if edge.source in places and edge.target in places:
            _draw_migration(scene, edge, places, sites)
    _draw_sites(scene, sites, {i: places[i] for i in found}, middle, scale, marks_bottom)
    for x, y, text in _percentages(edges, places):
        scene.small(x, y, text, anchor="middle", halo=True)
    for i, (x, y, names) in beside.items():
        _draw_mark(scene, sites, i, x, y)
        with scene.group(f"site-{i}", clean_text(sites[i].name), site=i):
            for k, line in enumerate(names):
                scene.small(x, y + _RADIUS + 6 + _SECOND_LINE * k, line, anchor="middle", halo=True)
    scene.notes(MARGIN, body_bottom + 5, lines)
    return scene


def _clearest(edges: list[Migration]) -> tuple[list[Migration], int]:
    """All of them, or of too many the most probable into every site; and how many are left out."""
    if len(edges) <= _MAX_ARROWS:
        return edges, 0
    best: dict[int, Migration] = {}
    for edge in sorted(edges, key=lambda e: (-e.probability, e.source)):
        best.setdefault(edge.target, edge)
    return list(best.values()), len(edges) - len(best)


def _known_places(sites: Sequence[Site]) -> dict[int, tuple[float, float]]:
    """Site -> place on the body; the bed of the primary lies where the primary is."""
    found = {i: (at.x, at.y) for i, site in enumerate(sites) if (at := find_organ(site.name)) is not None}
    primary = next((found[i] for i, site in enumerate(sites) if site.site_class == "primary" and i in found), None)
    if primary is not None:
        found.update({i: primary for i, site in enumerate(sites) if site.site_class == "bed" and i not in found})
    return dict(sorted(found.items()))


def _beside(
    elsewhere: Sequence[int], sites: Sequence[Site], width: float, bottom: float
) -> dict[int, tuple[float, float, list[str]]]:
    """Site without a place -> (x, y, lines of its name) in rows below the body."""
    found: dict[int, tuple[float, float, list[str]]] = {}
    each = max(1, int((width - 2 * MARGIN) / _CELL))
    y = bottom + _RADIUS + 4
    for start in range(0, len(elsewhere), each):
        row = elsewhere[start : start + each]
        names = [wrap_text(sites[i].name, _CELL - 6, SMALL_FONT_SIZE, lines=3) for i in row]
        for k, (i, lines) in enumerate(zip(row, names)):
            found[i] = (0.5 * width + (k - 0.5 * (len(row) - 1)) * _CELL, y, lines)
        y += 2 * _RADIUS + _SECOND_LINE * max(len(lines) for lines in names) + 8
    return found


def _draw_body(scene: Scene, middle: float, top: float, scale: float, *, is_whole: bool) -> None:
    def place(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(middle + scale * x, top + scale * y) for x, y in points]

    x, y, across, down = HEAD
    angles = [2 * math.pi * i / 16 for i in range(16)]
    head = [(x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles]
    if is_whole:
        strokes = [[*HALF_OUTLINE, *((-x, y) for x, y in reversed(HALF_OUTLINE[:-1]))]]
    else:
        thigh = next(i for i, (_, y) in enumerate(HALF_OUTLINE) if i > 20 and y >= _CROP)
        right, (inner_x, inner_y), crotch = [*HALF_OUTLINE[: thigh + 1]], HALF_OUTLINE[-2], HALF_OUTLINE[-1]
        strokes = [right, [(inner_x, inner_y), crotch, (-inner_x, inner_y)], [(-x, y) for x, y in reversed(right)]]
    curves = [_smooth(place(stroke), is_closed=False) for stroke in strokes]
    filled = [curves[0][0]]
    for curve in curves:
        filled += [("L", *curve[0][1:]), *curve[1:]]
    scene.path([*filled, ("Z",)], fill=_SKIN)
    for curve in curves:
        scene.path(curve, stroke=_OUTLINE, line_width=0.9)
    scene.path(_smooth(place(head), is_closed=True), fill=_SKIN, stroke=_OUTLINE, line_width=0.9)


def _control(edge: Migration, at: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Control point of the arc of an arrow: of several bends the gentlest that runs through the fewest other marks."""
    (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
    dx, dy = x2 - x1, y2 - y1
    length = math.hypot(dx, dy) or 1.0
    others = [place for i, place in at.items() if i not in (edge.source, edge.target)]

    def bent(share: float) -> tuple[float, float]:
        bend = math.copysign(min(abs(share) * length, 104.0 * abs(share)), share)
        return 0.5 * (x1 + x2) - bend * dy / length, 0.5 * (y1 + y2) + bend * dx / length

    def crossed(share: float) -> int:
        cx, cy = bent(share)
        steps = [i / 24 for i in range(1, 24)]
        course = [
            ((1 - t) ** 2 * x1 + 2 * t * (1 - t) * cx + t**2 * x2, (1 - t) ** 2 * y1 + 2 * t * (1 - t) * cy + t**2 * y2)
            for t in steps
        ]
        return sum(min(math.dist(place, point) for point in course) < _RADIUS + 1.5 for place in others)

    return bent(min(_BENDS, key=crossed))  # the first of the best


def _draw_migration(scene: Scene, edge: Migration, at: dict[int, tuple[float, float]], sites: Sequence[Site]) -> None:
    swatch = site_swatches(sites)[edge.source]
    (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
    control = _control(edge, at)
    toward = (x2 - control[0], y2 - control[1])
    reach = math.hypot(*toward) or 1.0
    tip = (x2 - (_RADIUS + 1) * toward[0] / reach, y2 - (_RADIUS + 1) * toward[1] / reach)
    base = (tip[0] - 4 * toward[0] / reach, tip[1] - 4 * toward[1] / reach)
    line = 0.6 + 1.2 * edge.probability
    dash = () if edge.probability >= _FAVOURED else (3.0, 2.0)
    course: list[Command] = [
        ("M", x1, y1),
        (
            "C",
            x1 + 2 / 3 * (control[0] - x1),
            y1 + 2 / 3 * (control[1] - y1),
            base[0] + 2 / 3 * (control[0] - base[0]),
            base[1] + 2 / 3 * (control[1] - base[1]),
            *base,
        ),
    ]
    names = clean_text(sites[edge.source].name), clean_text(sites[edge.target].name)
    tooltip = f"{names[0]} to {names[1]}: {len(edge.founding_clones)} clones, probability {percent(edge.probability)}"
    with scene.group(f"route-{edge.source}-{edge.target}", tooltip, source=edge.source, target=edge.target):
        if contrast(swatch.colour, "#ffffff") < 3.0:
            scene.path(course, stroke=INK, line_width=line + 0.7, dash=dash)
        scene.path(course, stroke=swatch.colour, line_width=line, dash=dash)
        scene.arrow_head(*tip, toward, 5.5, swatch.colour)


def _percentages(edges: Sequence[Migration], at: dict[int, tuple[float, float]]) -> list[tuple[float, float, str]]:
    """(x, y, text) of the probabilities beside their arrows, as far as they have room: first the most probable."""
    placed: list[tuple[float, float, float, float]] = [
        (x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in at.values()
    ]
    found = []
    for edge in sorted(edges, key=lambda e: -e.probability):
        if edge.source not in at or edge.target not in at:
            continue
        (x1, y1), (x2, y2) = at[edge.source], at[edge.target]
        cx, cy = _control(edge, at)
        text = percent(edge.probability)
        half = 0.5 * text_width(text, SMALL_FONT_SIZE) + 1
        if math.dist((x1, y1), (x2, y2)) < 2 * _RADIUS + 3 * half:
            continue  # the label would cover the arrow
        for t in (0.66, 0.76, 0.56, 0.46):
            x = (1 - t) ** 2 * x1 + 2 * t * (1 - t) * cx + t**2 * x2
            y = (1 - t) ** 2 * y1 + 2 * t * (1 - t) * cy + t**2 * y2
            box = (x - half, y - 4, x + half, y + 4)
            if not any(box[0] < c and a < box[2] and box[1] < d and b < box[3] for a, b, c, d in placed):
                placed.append(box)
                found.append((x, y, text))
                break
    return found


def _draw_sites(
    scene: Scene,
    sites: Sequence[Site],
    at: dict[int, tuple[float, float]],
    middle: float,
    scale: float,
    bottom: float,
) -> None:
    """Marks of all placed sites; their names beside the body, joined by a line, without overlap."""
    swatches = site_swatches(sites)
    half = _HALF_WIDTH * scale
    room = middle - half - MARGIN - 20
    sides: dict[int, list[int]] = {-1: [], 1: []}
    for i in sorted(at, key=lambda i: (at[i][1], at[i][0])):
        offset = at[i][0] - middle
        lean = -1 if offset < -2 else 1 if offset > 2 else (-1 if len(sides[-1]) <= len(sides[1]) else 1)
        sides[lean].append(i)
    for side, members in sides.items():
        names = {i: wrap_text(sites[i].name, room, SMALL_FONT_SIZE) for i in members}
        sizes = [_LINE + _SECOND_LINE * (len(names[i]) - 1) for i in members]
        heights = spread([at[i][1] for i in members], sizes, MARGIN, bottom)
        for i, y in zip(members, heights):
            x = middle + side * (half + 10)
            scene.line([at[i], (x - side * 2, y)], stroke=MUTED, line_width=0.5)
            with scene.group(f"site-{i}", clean_text(sites[i].name), site=i):
                scene.rect(x if side > 0 else x - 5, y - 3, 5, 6, swatch=swatches[i], stroke=INK, line_width=0.3)
                anchor = "end" if side < 0 else "start"
                for k, line in enumerate(names[i]):
                    shift = _SECOND_LINE * (k - 0.5 * (len(names[i]) - 1))
                    scene.small(x + side * 8, y + shift, line, anchor=anchor, halo=True)
    for i, (x, y) in at.items():
        _draw_mark(scene, sites, i, x, y)


def _draw_mark(scene: Scene, sites: Sequence[Site], i: int, x: float, y: float) -> None:
    """A square for the primary, a disc for every other site."""
    mark: dict[str, Any] = {"swatch": site_swatches(sites)[i], "stroke": INK, "line_width": 0.9}
    with scene.group(f"site-{i}", clean_text(sites[i].name), site=i):
        if sites[i].site_class == "primary":
            scene.rect(x - _RADIUS, y - _RADIUS, 2 * _RADIUS, 2 * _RADIUS, **mark)
        else:
            scene.circle(x, y, _RADIUS, **mark)


def plot_body_map(
    result: PatientResult, *, ax: Axes | None = None, min_probability: float = 0.5, width: str | float = "double"
) -> Axes:
    """Draw a schematic body with the sites where they lie (primary square, others round) and their migrations.

    Sites are placed by the words of their names; those without a known word stand below the body. If no name has one,
    no body is drawn. Arrows bend around other sites; below 80 % they are dashed.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    min_probability : float
        Least probability of a migration that is drawn.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(body_map_scene(result, min_probability=min_probability, width=scene_width(ax, width)), ax)
