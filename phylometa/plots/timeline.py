"""Timeline of dissemination: when each site was seeded, among diagnosis, samples, treatments and lesions."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes

from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.label_placement import nice_ticks
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    percent,
    site_swatches,
    text_width,
)
from phylometa.timing.events import age_at

__all__ = ["plot_timeline", "timeline_scene"]

_LANE = 13.0
_GREY = Swatch("#bdbdbd")
# Drawn are the most probable interval of every site and what is at least as probable as not, the surest first.
_MIN_PROBABILITY = 0.5
_MAX_INTERVALS = 40
_MODELS = {
    "molecular": "",
    "clock": "clock",
    "serial": "serial samples",
    "hu2020": "Hu 2020",
    "growth_exponential": "exponential growth",
    "growth_gompertz": "Gompertz growth",
}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A point (equal ends) or an interval on a lane; `low` to `high` is the line around it, `ticks` the medians."""

    start: float
    end: float
    tooltip: str
    swatch: Swatch
    kind: str = "circle"
    low: float = math.nan
    high: float = math.nan
    ticks: tuple[float, ...] = ()

    @property
    def reach(self) -> list[float]:
        return [x for x in (self.start, self.end, self.low, self.high, *self.ticks) if math.isfinite(x)]


@dataclass(frozen=True, slots=True)
class _Lane:
    """A row: the site or treatment, what tells it from other rows of the same name, and what is drawn on it."""

    name: str
    marks: tuple[_Mark, ...]
    detail: str = ""

    def label(self, room: float) -> str:
        """Name and detail within `room` points; the name is shortened first."""
        left = room - text_width(self.detail, SMALL_FONT_SIZE)
        return fit_text(
            fit_text(self.name, max(left, 0.35 * room), SMALL_FONT_SIZE) + self.detail, room, SMALL_FONT_SIZE
        )


@dataclass(frozen=True, slots=True)
class _Panel:
    """Lanes on one axis."""

    lanes: tuple[_Lane, ...]
    unit: str
    notes: tuple[str, ...] = ()


# The smaller mark lies upon the larger where both fall on one day.
_ORDER = ("ring", "diamond", "circle")


def decimal_year(date: datetime.date) -> float:
    """A date as a calendar year with its fraction.

    >>> round(decimal_year(datetime.date(2020, 7, 2)), 2)
    2020.5
    """
    first = datetime.date(date.year, 1, 1)
    return date.year + (date - first).days / (datetime.date(date.year + 1, 1, 1) - first).days


def _event_lanes(patient: Patient, place: Callable[[datetime.date], float]) -> list[_Lane]:
    """Lanes of what was observed, one a site and one a treatment; `place` puts a date on the axis."""
    swatches = dict(zip(patient.site_names, site_swatches(len(patient.sites))))
    seen: dict[str, dict[tuple[str, datetime.date], list[str]]] = {site: {} for site in patient.site_names}
    for sample in patient.samples:
        if sample.diagnosis_date:
            seen[sample.site].setdefault(("diamond", sample.diagnosis_date), ["diagnosed"])
        if sample.collection_date:
            words = f"sample {clean_text(sample.name)}"
            seen[sample.site].setdefault(("circle", sample.collection_date), []).append(words)
    for lesion in patient.lesions:
        words = f"{lesion.diameter_cm:g} cm"
        seen.setdefault(lesion.site, {}).setdefault(("ring", lesion.date), []).append(words)
    lanes = []
    for site, kinds in seen.items():
        name, swatch = clean_text(site), swatches.get(site, _GREY)
        marks = [
            _Mark(place(date), place(date), f"{name}, {date}: {', '.join(dict.fromkeys(words))}", swatch, kind)
            for (kind, date), words in sorted(kinds.items(), key=lambda item: (item[0][1], _ORDER.index(item[0][0])))
        ]
        if marks:
            lanes.append(_Lane(name, tuple(marks)))
    for treatment in patient.treatments:
        start, end = treatment.start or treatment.end, treatment.end or treatment.start
        if start is None or end is None:
            continue
        where = f", {clean_text(treatment.site)}" if treatment.site else ""
        dose = f", {treatment.dose_gy:g} Gy" if math.isfinite(treatment.dose_gy) else ""
        kind = clean_text(treatment.kind)
        name = f"{kind[:1].upper()}{kind[1:]}{where}{dose}"
        swatch = swatches.get(treatment.site, _GREY)
        lanes.append(_Lane(name, (_Mark(place(start), place(end), f"{name}: {start} to {end}", swatch, "bar"),)))
    return lanes


def _interval_lanes(result: PatientResult, unit: str) -> tuple[list[_Lane], int]:
    """Lanes of the dissemination intervals in `unit`, in the order of the sites, and how many were left out."""
    if result.timing is None:
        return [], 0
    patient = result.patient
    rank = {name: i for i, name in enumerate(patient.site_names)}
    swatches = dict(zip(patient.site_names, site_swatches(len(patient.sites))))
    intervals = [x for x in result.timing.intervals if x.unit == unit and _is_drawable(x)]
    shown = sorted(_surest(intervals), key=lambda x: rank.get(x.site, len(rank)))
    models = {x.model for x in shown}
    lanes = []
    for x in shown:
        site, clone, model = clean_text(x.site), clean_text(x.founding_clone), _MODELS.get(x.model, x.model)
        detail = (f", clone {clone}" if clone else "") + (f", {model}" if model and len(models) > 1 else "")
        if x.probability < 0.995:
            detail += f" ({percent(x.probability)})"
        before = "".join(f"; before {event}: {percent(p)}" for event, p in x.p_before.items())
        tooltip = (
            f"{site} seeded{f' by clone {clone}' if clone else ''}: {x.seeding.lo:.4g} to {x.seeding.hi:.4g} (95 % "
            f"interval), divergence {x.divergence.median:.4g}, founder {x.founder.median:.4g}{before}"
        )
        lanes.append(
            _Lane(
                site,
                (
                    _Mark(
                        x.seeding.lo,
                        x.seeding.hi,
                        tooltip,
                        swatches.get(x.site, _GREY),
                        "interval",
                        x.divergence.lo,
                        x.founder.hi,
                        tuple(t for t in (x.divergence.median, x.founder.median) if math.isfinite(t)),
                    ),
                ),
                detail,
            )
        )
    return lanes, len(intervals) - len(shown)


def _surest(intervals: Sequence[Any]) -> list[Any]:
    """The best interval of every site and model, then those at least as probable as not, up to the limit."""
    turns: dict[tuple[str, str], int] = {}
    ranked = []
    for x in sorted(intervals, key=lambda x: -x.probability):
        turn = turns[x.site, x.model] = turns.get((x.site, x.model), -1) + 1
        if turn == 0 or x.probability >= _MIN_PROBABILITY:
            ranked.append((turn, x))
    return [x for _, x in sorted(ranked, key=lambda item: item[0])[:_MAX_INTERVALS]]


def _is_drawable(interval: Any) -> bool:
    return math.isfinite(interval.seeding.lo) and math.isfinite(interval.seeding.hi)


def timeline_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """The timeline as a `Scene`; see `plot_timeline`."""
    patient = result.patient
    title = f"Timeline of {clean_text(patient.name)}"
    has_age = any(s.collection_date is not None and math.isfinite(s.age) for s in patient.samples)
    place = (lambda date: age_at(patient, date)) if has_age else decimal_year
    dated, n_hidden = _interval_lanes(result, "age_years")
    events = _event_lanes(patient, place)
    panels = []
    if has_age or not dated:
        notes = _notes(dated, n_hidden, has_events=bool(events))
        panels.append(_Panel((*dated, *events), "Age (years)" if has_age else "Calendar year", notes))
    else:  # ages without dates: what was seen has no place on the axis of the intervals
        panels.append(_Panel(tuple(dated), "Age (years)", _notes(dated, n_hidden, has_events=False)))
        panels.append(_Panel(tuple(events), "Calendar year", (_EVENT_NOTE,)))
    molecular, n_hidden = _interval_lanes(result, "molecular")
    notes = _notes(molecular, n_hidden, has_events=False)
    panels.append(_Panel(tuple(molecular), "Molecular time (clock mutations)", notes))
    room = width - 2 * MARGIN
    panels = [replace(panel, notes=tuple(note_lines(panel.notes, room))) for panel in panels if panel.lanes]
    if not panels:
        return empty_scene(width, "No dates were given and none could be inferred.", title)
    names = [lane.label(0.36 * width) for panel in panels for lane in panel.lanes]
    left = MARGIN + max(text_width(name, SMALL_FONT_SIZE) for name in names) + 10
    height = MARGIN + sum(_panel_height(panel) for panel in panels)
    described = "; ".join(mark.tooltip for panel in panels for lane in panel.lanes for mark in lane.marks)
    scene = Scene(width, height, title, described[:600])
    top = MARGIN
    for number, panel in enumerate(panels):
        _draw_panel(scene, panel, number, top, left)
        top += _panel_height(panel)
    return scene


_EVENT_NOTE = "Diamond: diagnosis; disc: sample; ring: measured size; bar without ticks: treatment."


def _notes(lanes: Sequence[_Lane], n_hidden: int, *, has_events: bool) -> tuple[str, ...]:
    notes = []
    if lanes:
        text = "Bar: 95 % interval of the seeding; ticks: medians of divergence and founder; line: their outer bounds."
        notes.append(text + (f" {n_hidden} less probable not drawn." if n_hidden else ""))
    return (*notes, _EVENT_NOTE) if has_events else tuple(notes)


def _panel_height(panel: _Panel) -> float:
    return len(panel.lanes) * _LANE + 28 + NOTE_LINE * len(panel.notes) + MARGIN


def _draw_panel(scene: Scene, panel: _Panel, number: int, top: float, left: float) -> None:
    right = scene.width - MARGIN - 8
    values = [x for lane in panel.lanes for mark in lane.marks for x in mark.reach]
    low, high = min(values), max(values)
    pad = 0.03 * (high - low) or 0.5
    low, high = low - pad, high + pad

    def place(x: float) -> float:
        return left + (x - low) / (high - low) * (right - left)

    bottom = top + len(panel.lanes) * _LANE
    for tick in nice_ticks(low, high, int((right - left) / 55)):
        scene.line([(place(tick), top), (place(tick), bottom + 3)], stroke=RULE, line_width=0.6)
        scene.note(place(tick), bottom + 9, f"{tick:g}", anchor="middle")
    scene.small(0.5 * (left + right), bottom + 20, panel.unit, anchor="middle")
    scene.notes(MARGIN, bottom + 31, panel.notes)
    for row, lane in enumerate(panel.lanes):
        middle = top + (row + 0.5) * _LANE
        scene.small(left - 8, middle, lane.label(left - 8 - MARGIN), anchor="end")
        for i, mark in enumerate(lane.marks):
            with scene.group(f"time-{number}-{row}-{i}", mark.tooltip, is_button=True):
                _draw_mark(scene, mark, place, middle)


def _draw_mark(scene: Scene, mark: _Mark, place: Callable[[float], float], y: float) -> None:
    start, end = place(mark.start), place(mark.end)
    if mark.kind == "interval":
        reach = [place(x) for x in mark.reach]
        scene.line([(min(reach), y), (max(reach), y)], stroke=MUTED, line_width=0.8)
        scene.rect(start, y - 3.2, max(end - start, 1.2), 6.4, swatch=mark.swatch, stroke=INK, line_width=0.5)
        for tick in mark.ticks:
            scene.line([(place(tick), y - 4.8), (place(tick), y + 4.8)], stroke=INK, line_width=1.3)
    elif mark.kind == "bar":
        scene.rect(start - 0.8, y - 3.2, end - start + 1.6, 6.4, swatch=mark.swatch, stroke=INK, line_width=0.5)
    elif mark.kind == "diamond":
        corners = [("M", start, y - 4.4), ("L", start + 4.4, y), ("L", start, y + 4.4), ("L", start - 4.4, y), ("Z",)]
        scene.path(corners, fill=mark.swatch.colour, hatch=mark.swatch.hatch, stroke=INK, line_width=0.6)
    elif mark.kind == "ring":
        scene.circle(start, y, 3.4, fill="#ffffff", stroke=INK, line_width=1.6)
        scene.circle(start, y, 3.4, stroke=mark.swatch.colour, line_width=1.0)
    else:
        scene.circle(start, y, 3.2, swatch=mark.swatch, stroke=INK, line_width=0.6)


def plot_timeline(result: PatientResult, *, ax: Axes | None = None, width: str = "double") -> Axes:
    """Intervals of dissemination on the axis of the patient's age, with diagnosis, samples, treatments and lesions.

    A bar is the 95 % interval of the seeding, which lies between divergence and founder; there is no single date.
    Intervals in molecular time have a panel of their own.

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
    return draw_scene(timeline_scene(result, width=scene_width(ax, width)), ax)
