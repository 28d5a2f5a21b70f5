"""The patient in one picture: clones in the samples of every site, how they flowed between sites, and the clone tree
beside it (in the manner of jellyfish plots, Lahtinen et al. 2023, doi:10.1016/j.ccell.2023.04.017)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.result import PatientResult
from phylometa.plots.arrivals import Arrival, find_arrivals, generations
from phylometa.plots.bells import Bells
from phylometa.plots.clone_bells import RowOfSite, draw_bells, row_bells, rows_of_site
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.flow_tree import draw_flow_tree, flow_tree_height, tree_rows
from phylometa.plots.scene import MARGIN, NOTE_LINE, Command, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    FAINT,
    INK,
    MUTED,
    NARROW,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    contrast,
    fit_text,
    percent,
    text_width,
    wrap_text,
)

__all__ = ["clone_flow_scene", "plot_clone_flow"]

_TREE_SHARE = 0.36  # of the width
_HEAD = 9.0  # a line of a site's name
_NAME = 7.5  # line of sample names
_PAD = 3.0
_STEM = 13.0  # between a site's left edge and its bells
_SLOT = 8.0
_PANEL_GAP = 7.0
_TALLEST, _LOWEST, _HIGHEST = 460.0, 11.0, 44.0  # column of sites; a bell
_ENOUGH = 22.0  # a bell that need not grow beyond the tree's height
_USUAL = 170.0  # column of sites beside a small tree
_NARROWEST, _WIDEST = 46.0, 140.0  # box of a site
_READABLE = 66.0  # narrower boxes leave the percentages to the tree
_LEAST_GAP = 22.0
_BACK = 5.0  # below all sites runs what returns, in lanes
_LANES, _LANE = 5, 3.2
_FAVOURED, _SUPPORTED = 0.8 - 1e-9, 0.95 - 1e-9
_NOTES = (
    "Sites from left to right in the order of seeding. In each sample clones grow from those that arrived to their "
    "shares of its tumour cells at the right edge.",
    "Lines and arrows: the clone that migrates and its probability; thick from 95% and thin from 80% with two standard "
    "errors to spare, dashed and ? otherwise.",
)


@dataclass(slots=True)
class _Panel:
    """A site's box: its rows of bells, the clones that arrive and their slots."""

    site: int
    rows: list[RowOfSite]
    arrivals: list[Arrival]
    is_short: bool = False
    name: list[str] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    bell: float = 0.0

    @property
    def head(self) -> float:
        return _HEAD * len(self.name) + 2

    @property
    def height(self) -> float:
        body = sum(_NAME + self.bell for _ in self.rows) + _PAD if self.rows else 8.0
        return self.head + max(body, _SLOT * len(self.arrivals) + 2)

    def bell_top(self, row: int) -> float:
        return self.y + self.head + row * (_NAME + self.bell) + _NAME

    def slot(self, arrival: Arrival) -> float:
        """y at which a clone enters."""
        middle = self.y + self.head + 0.5 * (self.height - self.head)
        k = self.arrivals.index(arrival)
        return middle + _SLOT * (k - 0.5 * (len(self.arrivals) - 1))


def clone_flow_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the picture as a `Scene`; see `plot_clone_flow`."""
    title = f"Clones of {clean_text(result.patient.name)}, site by site"
    trees, patient = result.in_place.trees, result.patient.in_place
    if trees is None or len(trees) == 0 or not patient.samples:
        return empty_scene(width, "No clones could be inferred from these samples.", title)
    arrivals = find_arrivals(result)
    is_narrow = width < NARROW
    tree_width = width - 2 * MARGIN if is_narrow else _TREE_SHARE * width
    flow_width = width - 2 * MARGIN - (0 if is_narrow else tree_width + 14)
    rows = tree_rows(result, arrivals, tree_width)
    tallest = _USUAL if is_narrow else min(_TALLEST, max(_USUAL, flow_tree_height(rows)))
    panels = _panels(result, arrivals, flow_width, tallest)
    flow_bottom = max(panel.y + panel.height for panel in panels.values())
    n_back = min(_LANES, sum(_returns(panels, a) for a in arrivals))
    flow_bottom += 2 * _BACK + _LANE * (n_back - 1) if n_back else 0.0
    tree_left = MARGIN if is_narrow else width - MARGIN - tree_width
    tree_top = flow_bottom + 12 if is_narrow else MARGIN
    bottom = max(flow_bottom, tree_top + flow_tree_height(rows))
    notes = note_lines(_NOTES, width - 2 * MARGIN)
    described = (
        f"{len(rows)} clones in {len(patient.samples)} samples of {len(panels)} sites. {_in_words(result, arrivals)}"
    )
    scene = Scene(width, bottom + 6 + NOTE_LINE * len(notes) + MARGIN, title, described)
    returning = [a for a in arrivals if _returns(panels, a)]
    for arrival in sorted(arrivals, key=lambda a: a.drawn_probability):
        if arrival.source in panels and arrival.target in panels:
            lane = returning.index(arrival) % _LANES if arrival in returning else 0
            _draw_flow(scene, result, panels, arrival, _LANE * lane)
    for panel in panels.values():
        _draw_panel(scene, result, panel)
    for arrival in arrivals:
        if arrival.source in panels and arrival.target in panels:
            _draw_end(scene, result, panels, arrival)
    draw_flow_tree(scene, result, rows, tree_left, tree_top, tree_width)
    scene.notes(MARGIN, bottom + 10, notes)
    return scene


def _in_words(result: PatientResult, arrivals: Sequence[Arrival]) -> str:
    names, sites = () if result.trees is None else result.trees.names, result.patient.site_names
    told = "; ".join(
        f"clone {names[a.clone]} from {sites[a.source]} to {sites[a.target]} ({percent(a.probability)})"
        for a in arrivals
    )
    return f"Migrations: {told}." if told else "No clone migrated."


def _panels(result: PatientResult, arrivals: Sequence[Arrival], width: float, tallest: float) -> dict[int, _Panel]:
    """Sites in columns by their generation, those of a column beside what they came from."""
    patient = result.patient.in_place
    sites = patient.sites
    with_samples = {int(site) for site in patient.sample_site}
    shown = [i for i in range(len(sites)) if i in with_samples or any(i in (a.source, a.target) for a in arrivals)]
    generation = generations(len(sites), sites.index(patient.primary), arrivals)
    columns: dict[int, list[int]] = defaultdict(list)
    for i in shown:
        columns[generation[i]].append(i)
    ranks = sorted(columns)
    into_first = [a for a in arrivals if generation[a.target] == ranks[0]]
    each, gap, left, is_short = _columns(result, arrivals, into_first, len(ranks), width)
    panels = {}
    for i in shown:
        name = wrap_text(sites[i].name, each - 13, SMALL_FONT_SIZE, "bold", lines=4)
        entering = [a for a in arrivals if a.target == i]
        panels[i] = _Panel(i, rows_of_site(patient, i), entering, is_short, name, width=each)
    _set_heights(panels, columns, tallest)
    middle: dict[int, float] = {}
    heights = {rank: _height_of([panels[i] for i in columns[rank]]) for rank in ranks}
    for number, rank in enumerate(ranks):
        members = sorted(columns[rank], key=lambda i: (_wanted(panels[i], middle), i))
        y = MARGIN + 0.5 * (max(heights.values()) - heights[rank])
        for i in members:
            panels[i].x, panels[i].y = left + number * (each + gap), y
            middle[i] = y + 0.5 * panels[i].height
            y += panels[i].height + _PANEL_GAP
    for panel in panels.values():
        panel.arrivals.sort(key=lambda a: (panels[a.source].y, a.clone) if a.source in panels else (0.0, a.clone))
    return panels


def _columns(
    result: PatientResult, arrivals: Sequence[Arrival], into_first: Sequence[Arrival], n: int, width: float
) -> tuple[float, float, float, bool]:
    """Width of a site's box, gap between columns, left edge of the first, and whether labels leave out percentages."""
    each = gap = before = 0.0
    for is_short in (False, True):
        labels = [text_width(_label(result, a, is_short=is_short), SMALL_FONT_SIZE) for a in arrivals]
        gap = max(labels, default=0.0) + _LEAST_GAP
        before = gap - 6 if into_first else 0.0
        each = (width - before - gap * (n - 1)) / n
        if each >= _READABLE:
            break
    if each < _NARROWEST and n > 1:
        before = 0.6 * before
        gap = max(_LEAST_GAP - 8, (width - before - _NARROWEST * n) / (n - 1))
        each = (width - before - gap * (n - 1)) / n
    if each > _WIDEST:
        each = _WIDEST
        gap = (width - before - each * n) / (n - 1) if n > 1 else gap
    return each, gap, MARGIN + before, is_short


def _set_heights(panels: dict[int, _Panel], columns: dict[int, list[int]], tallest: float) -> None:
    """One height for all bells, such that the tallest column keeps to its limit if it can."""
    height = _HIGHEST
    for members in columns.values():
        n_rows = sum(len(panels[i].rows) for i in members)
        fixed = sum(panels[i].head + _PAD + _PANEL_GAP for i in members) + _NAME * n_rows
        if n_rows:
            enough = min(_ENOUGH, (_TALLEST - fixed) / n_rows)
            height = min(height, max(enough, (tallest - fixed) / n_rows))
    for panel in panels.values():
        panel.bell = max(_LOWEST, height)


def _height_of(panels: Sequence[_Panel]) -> float:
    return sum(panel.height for panel in panels) + _PANEL_GAP * (len(panels) - 1)


def _wanted(panel: _Panel, middle: dict[int, float]) -> float:
    """Mean height of the sites it came from."""
    sources = [middle[a.source] for a in panel.arrivals if a.source in middle]
    return sum(sources) / len(sources) if sources else 0.0


def _label(result: PatientResult, arrival: Arrival, *, is_short: bool) -> str:
    assert result.trees is not None
    doubt = "? " if arrival.drawn_probability < _FAVOURED else ""
    name = fit_text(result.trees.names[arrival.clone], 40, SMALL_FONT_SIZE)
    return f"{doubt}{name}" if is_short else f"{doubt}{name}: {percent(arrival.probability)}"


def _returns(panels: dict[int, _Panel], arrival: Arrival) -> bool:
    """Whether a line leads back, or to a site of the same column."""
    return (
        arrival.source in panels and arrival.target in panels and panels[arrival.target].x <= panels[arrival.source].x
    )


def _bells(result: PatientResult, panel: _Panel, row: RowOfSite) -> Bells:
    return row_bells(result, panel.site, row, {a.clone for a in panel.arrivals})


def _draw_panel(scene: Scene, result: PatientResult, panel: _Panel) -> None:
    site = result.patient.sites[panel.site]
    swatch = site_swatches(result.patient.sites)[panel.site]
    name = clean_text(site.name)
    with scene.group(f"site-{panel.site}", name, site=panel.site):
        dash = (2.0, 2.0) if site.is_virtual else ()
        scene.rect(panel.x, panel.y, panel.width, panel.height, fill="#ffffff", stroke=FAINT, line_width=0.7, dash=dash)
        scene.rect(panel.x + 2.5, panel.y + 3, 6, 6, swatch=swatch, stroke=INK, line_width=0.4)
        for k, line in enumerate(panel.name):
            scene.small(panel.x + 11, panel.y + 6 + _HEAD * k, line, weight="bold")
    if not panel.rows:
        scene.note(panel.x + 3, panel.y + panel.head + 4, "not sampled", room=panel.width - 6)
    swatches = clone_swatches(result)
    for number, row in enumerate(panel.rows):
        bells = _bells(result, panel, row)
        top = panel.bell_top(number)
        left, right = panel.x + _STEM, panel.x + panel.width
        scene.note(left, top - 0.5 * _NAME + 0.3, row.short_name(right - left - 2, site.name))
        for arrival in panel.arrivals:
            if arrival.clone in bells.founders:
                _stem(scene, swatches[arrival.clone], panel, arrival, bells, (left, top, right - left))
        draw_bells(scene, result, bells, row, (left, top, right - left, panel.bell))


def _line_of(arrival: Arrival) -> tuple[float, tuple[float, ...]]:
    """Width and dashes of an arrival."""
    p = arrival.drawn_probability
    if p >= _SUPPORTED:
        return 2.6, ()
    return (1.5, ()) if p >= _FAVOURED else (1.3, (3.0, 2.0))


def _stroke(scene: Scene, course: list[Command], swatch: Swatch, line: float, dash: tuple[float, ...]) -> None:
    if contrast(swatch.colour, "#ffffff") < 3.0:
        scene.path(course, stroke=MUTED, line_width=line + 0.8, dash=dash)
    scene.path(course, stroke=swatch.colour, line_width=line, dash=dash)


def _stem(
    scene: Scene, swatch: Swatch, panel: _Panel, arrival: Arrival, bells: Bells, box: tuple[float, float, float]
) -> None:
    """From the edge of a site to where the clone's bell begins: at the left, or at a later date below the others."""
    left, top, width = box
    band = bells.band(arrival.clone)
    wide = np.flatnonzero(band[:, 1] - band[:, 0] > 1e-9)
    if not len(wide):  # what it founded is drawn as founders of their own
        return
    first = int(wide[0])
    x0, y0 = panel.x, panel.slot(arrival)
    x1, y1 = left, top + panel.bell * 0.5 * float(band[0].sum())
    later: list[Command] = []
    if first > 0:
        y1 = top + panel.bell + 1.2
        later = [("L", left + width * float(bells.x[first - 1]), y1)]
    half = 0.5 * (x1 - x0)
    line, dash = _line_of(arrival)
    _stroke(scene, [("M", x0, y0), ("C", x0 + half, y0, x1 - half, y1, x1, y1), *later], swatch, line, dash)


def _leaving(result: PatientResult, panel: _Panel, arrival: Arrival) -> float:
    """y at the right edge of the source at which a clone leaves: where it, or the clone above it, is most."""
    trees = result.trees
    assert trees is not None
    best: tuple[float, float] | None = None
    v = arrival.clone
    while v >= 0 and best is None:
        for number, row in enumerate(panel.rows):
            own = _bells(result, panel, row).own.get(v)
            if own is not None and (best is None or own[1] > best[0]):
                best = own[1], panel.bell_top(number) + panel.bell * own[0]
        v = int(trees.best.parents[v])
    return panel.y + 0.5 * panel.height if best is None else best[1]


def _draw_flow(scene: Scene, result: PatientResult, panels: dict[int, _Panel], arrival: Arrival, lane: float) -> None:
    """The line of a clone from its source to the edge of its target; `lane` keeps those that return apart."""
    assert result.trees is not None
    source, target = panels[arrival.source], panels[arrival.target]
    y0, y1 = _leaving(result, source, arrival), target.slot(arrival)
    x0, x1 = source.x + source.width, target.x
    stub = text_width(_label(result, arrival, is_short=target.is_short), SMALL_FONT_SIZE) + 8
    if x1 > x0:
        turn = max(x0 + 8, x1 - stub)
        reach = 0.5 * (turn - x0)
        course: list[Command] = [("M", x0, y0), ("C", x0 + reach, y0, turn - reach, y1, turn, y1), ("L", x1 - 4, y1)]
    else:  # back, or within a column: below all sites and around the left edge of the target
        out, before = x0 + 7 + 0.6 * lane, max(MARGIN + 9, x1 - stub - 0.6 * lane)
        low = max(panel.y + panel.height for panel in panels.values()) + _BACK + lane
        course = [
            ("M", x0, y0),
            ("C", out, y0, out, y0 + 2, out, y0 + 8),
            ("L", out, low - 6),
            ("C", out, low, out - 2, low, out - 8, low),
            ("L", before, low),
            ("C", before - 8, low, before - 8, low - 2, before - 8, low - 8),
            ("L", before - 8, y1 + 8),
            ("C", before - 8, y1, before - 6, y1, before, y1),
            ("L", x1 - 4, y1),
        ]
    line, dash = _line_of(arrival)
    sites = result.patient.site_names
    tooltip = (
        f"Clone {clean_text(result.trees.names[arrival.clone])}: {clean_text(sites[arrival.source])} to "
        f"{clean_text(sites[arrival.target])}, probability {percent(arrival.probability)}"
    )
    with scene.group(f"flow-{arrival.source}-{arrival.target}-{arrival.clone}", tooltip, clone=arrival.clone):
        _stroke(scene, course, clone_swatches(result)[arrival.clone], line, dash)


def _draw_end(scene: Scene, result: PatientResult, panels: dict[int, _Panel], arrival: Arrival) -> None:
    """Head and label of a line."""
    target = panels[arrival.target]
    y = target.slot(arrival)
    colour = clone_swatches(result)[arrival.clone].colour
    with scene.group(f"flow-{arrival.source}-{arrival.target}-{arrival.clone}", clone=arrival.clone):
        scene.arrow_head(target.x + 0.8, y, (1.0, 0.0), 6.2, INK)
        scene.arrow_head(target.x, y, (1.0, 0.0), 4.4, colour)
        text = _label(result, arrival, is_short=target.is_short)
        scene.small(target.x - 7, y - 4.6, text, anchor="end", halo=True)


def plot_clone_flow(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Draw clones in the samples of every site, their flow between sites, and the clone tree beside it.

    Sites stand in columns by the number of migrations from the primary. A sample is a bell: it begins with the clones
    that reached its site and ends with their shares of its tumour cells (`phylometa.plots.bells`); dated samples of
    one site follow each other in one band. Lines are the most probable way into every site (others above 1/2 too),
    styled by the probability of each clone's migration. Branches of the tree carry drivers, copy-number events (at
    least 50 %) and the sites that the clone founded.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; below 127 mm the tree stands below. Ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(clone_flow_scene(result, width=scene_width(ax, width)), ax)
