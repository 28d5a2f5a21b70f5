"""Timeline of dissemination: when each site was seeded, among diagnosis, samples, treatments and lesions."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes

from phylometa.model.patient import Patient, Treatment
from phylometa.model.result import PatientResult
from phylometa.model.timing import SeedingInterval, best_dates
from phylometa.plots.colours import site_swatches
from phylometa.plots.label_placement import nice_ticks, spread
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
    text_width,
)
from phylometa.reference.sample_kinds import KIND_NAMES
from phylometa.timing.events import age_at

__all__ = ["plot_timeline", "timeline_scene"]

_LANE = 12.0
_GREY = Swatch("#bdbdbd")
# Drawn are the most probable interval of every site and what is at least as probable as not, the surest first.
_LEAST_PROBABILITY = 0.05
_MIN_PROBABILITY = 0.5
_MAX_INTERVALS = 40
_MODELS = {"hu2020": "Hu 2020"}
# Models whose intervals stand beside the bar of a migration: above it what the clock says alone, below it growth.
_SOURCES = {"clock": "clock", "growth_exponential": "growth", "growth_gompertz": "growth"}
_SOURCE_WORDS = {
    "clock": "clock alone",
    "growth_exponential": "exponential growth alone",
    "growth_gompertz": "Gompertz growth alone",
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
class _EventLine:
    """A diagnosis or a treatment as a line, or a band, through all lanes."""

    start: float
    end: float
    letter: str
    tooltip: str


@dataclass(frozen=True, slots=True)
class _Panel:
    """Lanes on one axis."""

    lanes: tuple[_Lane, ...]
    unit: str
    notes: tuple[str, ...] = ()
    events: tuple[_EventLine, ...] = ()
    samplings: tuple[float, ...] = ()

    @property
    def head(self) -> float:
        """Room (points) above the lanes for the letters of the events."""
        return 10.0 if self.events else 0.0


# The smaller mark lies upon the larger if both fall on one day.
_ORDER = ("ring", "diamond", "circle")


def decimal_year(date: datetime.date) -> float:
    """A date as a calendar year with its fraction.

    >>> round(decimal_year(datetime.date(2020, 7, 2)), 2)
    2020.5
    """
    first = datetime.date(date.year, 1, 1)
    return date.year + (date - first).days / (datetime.date(date.year + 1, 1, 1) - first).days


def _event_lanes(patient: Patient, place: Callable[[datetime.date], float]) -> list[_Lane]:
    """Lanes of what was observed, one per site and one per treatment; `place` puts a date on the axis."""
    swatches = dict(zip(patient.site_names, site_swatches(patient.sites)))
    seen: dict[str, dict[tuple[str, datetime.date], list[str]]] = {site: {} for site in patient.site_names}
    for sample in patient.samples:
        lane = seen.setdefault(sample.site or KIND_NAMES[sample.kind], {})
        if sample.diagnosis_date and sample.site:
            lane.setdefault(("diamond", sample.diagnosis_date), ["diagnosed"])
        if sample.collection_date:
            words = f"sample {clean_text(sample.name)}"
            lane.setdefault(("circle", sample.collection_date), []).append(words)
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
    for letter, treatment, start, end in _dated_treatments(patient):
        name = f"{letter}: {_treatment_name(treatment)}"
        swatch = swatches.get(treatment.site, _GREY)
        lanes.append(_Lane(name, (_Mark(place(start), place(end), f"{name}: {start} to {end}", swatch, "bar"),)))
    return lanes


def _dated_treatments(patient: Patient) -> list[tuple[str, Treatment, datetime.date, datetime.date]]:
    """Treatments with a date by time, each with its letter."""
    dated = []
    for treatment in patient.treatments:
        start, end = treatment.start or treatment.end, treatment.end or treatment.start
        if start is not None and end is not None:
            dated.append((treatment, start, end))
    dated.sort(key=lambda item: (item[1], item[2], item[0].kind, item[0].site))
    letters = [chr(ord("a") + i) if i < 26 else str(i + 1) for i in range(len(dated))]
    return [(letter, *item) for letter, item in zip(letters, dated)]


def _treatment_name(treatment: Treatment) -> str:
    where = f", {clean_text(treatment.site)}" if treatment.site else ""
    dose = f", {treatment.dose_gy:g} Gy" if math.isfinite(treatment.dose_gy) else ""
    kind = clean_text(treatment.kind)
    return f"{kind[:1].upper()}{kind[1:]}{where}{dose}"


def _event_lines(patient: Patient, place: Callable[[datetime.date], float]) -> tuple[_EventLine, ...]:
    """Diagnosis of the primary and all treatments as lines through the lanes."""
    diagnosed = [s.diagnosis_date for s in patient.samples if s.site == patient.primary.name and s.diagnosis_date]
    lines = []
    if diagnosed:
        at = place(min(diagnosed))
        lines.append(_EventLine(at, at, "D", f"D: diagnosis, {min(diagnosed)}"))
    for letter, treatment, start, end in _dated_treatments(patient):
        text = f"{letter}: {_treatment_name(treatment)}: {start} to {end}"
        lines.append(_EventLine(place(start), place(end), letter, text))
    return tuple(line for line in lines if math.isfinite(line.start))


def _interval_lanes(result: PatientResult, unit: str) -> tuple[list[_Lane], int]:
    """Lanes of the dissemination intervals in `unit`, in the order of the sites, and how many were left out."""
    if result.timing is None:
        return [], 0
    patient = result.patient
    rank = {name: i for i, name in enumerate(patient.site_names)}
    swatches = dict(zip(patient.site_names, site_swatches(patient.sites)))
    drawable = [x for x in result.timing.intervals if x.unit == unit and _is_drawable(x)]
    best = {id(x) for x in best_dates(drawable).values()}
    intervals = [x for x in drawable if x.unit == "molecular" or x.model in _MODELS or id(x) in best]
    shown = sorted(_surest(intervals), key=lambda x: rank.get(x.site, len(rank)))
    beside = _beside(result, unit)
    lanes = []
    for x in shown:
        site, clone, model = clean_text(x.site), clean_text(x.founding_clone), _MODELS.get(x.model, "")
        detail = (f", clone {clone}" if clone else "") + (f", {model}" if model else "")
        if x.probability < 0.995:
            detail += f" ({percent(x.probability)})"
        before = "".join(f"; before {event}: {percent(p)}" for event, p in x.p_before.items())
        sources = beside.get((x.site, x.founding_clone), ()) if x.model == "joint" else ()
        alone = "".join(f"; {_SOURCE_WORDS[y.model]} {y.seeding.lo:.4g} to {y.seeding.hi:.4g}" for y in sources)
        tooltip = (
            f"{site} seeded{f' by clone {clone}' if clone else ''}: {x.seeding.lo:.4g} to {x.seeding.hi:.4g} (95 % "
            f"interval), divergence {x.divergence.median:.4g}, founder {x.founder.median:.4g}{alone}{before}"
        )
        ticks = tuple(t for t in (x.divergence.median, x.founder.median) if math.isfinite(t))
        swatch = swatches.get(x.site, _GREY)
        bar = _Mark(
            x.seeding.lo, x.seeding.hi, tooltip, swatch, "interval", x.divergence.lo, x.founder.hi, ticks
        )  # fmt: skip
        thin = tuple(_Mark(y.seeding.lo, y.seeding.hi, "", swatch, _SOURCES[y.model]) for y in sources)
        lanes.append(_Lane(site, (*thin, bar), detail))
    return lanes, len(intervals) - len(shown)


def _one_day(lanes: Sequence[_Lane]) -> bool:
    """Whether all marks lie on one date, so that an axis would show nothing."""
    return len({x for lane in lanes for mark in lane.marks for x in mark.reach}) == 1


def _beside(result: PatientResult, unit: str) -> dict[tuple[str, str], list[SeedingInterval]]:
    """Intervals of the single sources of every (site, founding clone)."""
    found: dict[tuple[str, str], list[SeedingInterval]] = {}
    for x in result.timing.intervals if result.timing is not None else ():
        if x.unit == unit and x.model in _SOURCES and _is_drawable(x):
            found.setdefault((x.site, x.founding_clone), []).append(x)
    return found


def _surest(intervals: Sequence[Any]) -> list[Any]:
    """The best interval of every site and model, then those at least as probable as not, up to the limit; none below
    `_LEAST_PROBABILITY`."""
    turns: dict[tuple[str, str], int] = {}
    ranked = []
    for x in sorted(intervals, key=lambda x: -x.probability):
        turn = turns[x.site, x.model] = turns.get((x.site, x.model), -1) + 1
        if x.probability >= (_LEAST_PROBABILITY if turn == 0 else _MIN_PROBABILITY):
            ranked.append((turn, x))
    return [x for _, x in sorted(ranked, key=lambda item: item[0])[:_MAX_INTERVALS]]


def _is_drawable(interval: Any) -> bool:
    return math.isfinite(interval.seeding.lo) and math.isfinite(interval.seeding.hi)


def timeline_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the timeline as a `Scene`; see `plot_timeline`."""
    patient = result.patient
    title = f"Timeline of {clean_text(patient.name)}"
    has_age = any(s.collection_date is not None and math.isfinite(s.age) for s in patient.samples)
    place = (lambda date: age_at(patient, date)) if has_age else decimal_year
    dated, n_hidden = _interval_lanes(result, "age_years")
    events = _event_lanes(patient, place)
    lines = _event_lines(patient, place)
    nothing = "No dates were given and none could be inferred."
    if events and not dated and _one_day(events):
        nothing, events = "Everything has one date, and no others could be inferred.", []
    samplings = sorted({place(s.collection_date) for s in patient.samples if s.collection_date is not None})
    panels = []
    if has_age or not dated:
        notes = _notes(dated, n_hidden, has_events=bool(events))
        unit = "Age (years)" if has_age else "Calendar year"
        panels.append(_Panel((*dated, *events), unit, notes, lines, tuple(samplings)))
    else:  # ages without dates: what was seen has no place on the axis of the intervals
        panels.append(_Panel(tuple(dated), "Age (years)", _notes(dated, n_hidden, has_events=False)))
        panels.append(_Panel(tuple(events), "Calendar year", (_EVENT_NOTE,)))
    molecular, n_hidden = _interval_lanes(result, "molecular")
    notes = _notes(molecular, n_hidden, has_events=False)
    panels.append(_Panel(tuple(molecular), "Molecular time (clock mutations)", notes))
    room = width - 2 * MARGIN
    panels = [replace(panel, notes=tuple(note_lines(panel.notes, room))) for panel in panels if panel.lanes]
    if not panels:
        return empty_scene(width, nothing, title)
    names = [lane.label(0.36 * width) for panel in panels for lane in panel.lanes]
    left = MARGIN + max(text_width(name, SMALL_FONT_SIZE) for name in names) + 10
    height = MARGIN + sum(_panel_height(panel) for panel in panels)
    described = "; ".join(
        mark.tooltip for panel in panels for lane in panel.lanes for mark in lane.marks if mark.tooltip
    )
    scene = Scene(width, height, title, described[:600])
    top = MARGIN
    for number, panel in enumerate(panels):
        _draw_panel(scene, panel, number, top, left)
        top += _panel_height(panel)
    return scene


_EVENT_NOTE = (
    "Diamond: diagnosis; disc: sample; ring: measured size; bar without ticks: treatment. Lines through all rows: D "
    "diagnosis, letters treatments; dashed: days of sampling."
)


def _notes(lanes: Sequence[_Lane], n_hidden: int, *, has_events: bool) -> tuple[str, ...]:
    notes = []
    if lanes:
        text = "Bar: 95 % interval of the seeding; ticks: medians of divergence and founder; line: their outer bounds."
        notes.append(text + (f" {n_hidden} less probable not drawn." if n_hidden else ""))
        if any(mark.kind in ("clock", "growth") for lane in lanes for mark in lane.marks):
            notes.append("Thin line above a bar: what the clock alone says; below it: what growth alone says.")
    return (*notes, _EVENT_NOTE) if has_events else tuple(notes)


def _panel_height(panel: _Panel) -> float:
    return panel.head + len(panel.lanes) * _LANE + 28 + NOTE_LINE * len(panel.notes) + MARGIN


def _draw_panel(scene: Scene, panel: _Panel, number: int, top: float, left: float) -> None:
    right = scene.width - MARGIN - 8
    values = [x for lane in panel.lanes for mark in lane.marks if mark.kind != "growth" for x in mark.reach]
    low, high = min(values), max(values)
    pad = 0.03 * (high - low) or 0.5
    low, high = low - pad, high + pad

    def place(x: float) -> float:
        return left + (min(max(x, low), high) - low) / (high - low) * (right - left)

    top += panel.head
    bottom = top + len(panel.lanes) * _LANE
    for tick in nice_ticks(low, high, int((right - left) / 55)):
        scene.line([(place(tick), top), (place(tick), bottom + 3)], stroke=RULE, line_width=0.6)
        scene.note(place(tick), bottom + 9, f"{tick:g}", anchor="middle")
    scene.small(0.5 * (left + right), bottom + 20, panel.unit, anchor="middle")
    scene.notes(MARGIN, bottom + 31, panel.notes)
    _draw_events(scene, panel, place, top, bottom)
    for row, lane in enumerate(panel.lanes):
        middle = top + (row + 0.5) * _LANE
        scene.small(left - 8, middle, lane.label(left - 8 - MARGIN), anchor="end")
        for i, mark in enumerate(lane.marks):
            if not mark.tooltip:
                _draw_mark(scene, mark, place, middle)
                continue
            with scene.group(f"time-{number}-{row}-{i}", mark.tooltip, is_button=True):
                _draw_mark(scene, mark, place, middle)


def _draw_events(scene: Scene, panel: _Panel, place: Callable[[float], float], top: float, bottom: float) -> None:
    """Days of sampling, diagnosis and treatments through all rows; letters spread so that none lies upon another."""
    for age in panel.samplings:
        scene.line([(place(age), top), (place(age), bottom)], stroke=MUTED, line_width=0.5, dash=(2.0, 2.0))
    order = sorted(panel.events, key=lambda line: line.start)
    spots = spread([place(line.start) for line in order], [9.0] * len(order), place(-math.inf), place(math.inf))
    for i, (line, spot) in enumerate(zip(order, spots)):
        with scene.group(f"event-{i}", line.tooltip, is_button=True):
            start, end = place(line.start), place(line.end)
            scene.line([(spot, top - 3.0), (start, top), (start, bottom)], stroke=INK, line_width=0.9)
            if end - start > 2:
                scene.line([(start, top), (end, top)], stroke=INK, line_width=2.0)
                scene.line([(end, top), (end, bottom)], stroke=INK, line_width=0.4)
            scene.note(spot, top - 7.0, line.letter, anchor="middle")


def _draw_mark(scene: Scene, mark: _Mark, place: Callable[[float], float], y: float) -> None:
    start, end = place(mark.start), place(mark.end)
    if mark.kind in ("clock", "growth"):
        height = y - 5.0 if mark.kind == "clock" else y + 5.0
        scene.line([(start, height), (end, height)], stroke=INK if mark.kind == "clock" else MUTED, line_width=1.1)
    elif mark.kind == "interval":
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


def plot_timeline(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot intervals of dissemination over the patient's age, with diagnosis, samples, treatments and lesions.

    A bar is the 95 % interval of the seeding, which lies between divergence and founder; there is no single date.
    Intervals in molecular time have a panel of their own.

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
    return draw_scene(timeline_scene(result, width=scene_width(ax, width)), ax)
