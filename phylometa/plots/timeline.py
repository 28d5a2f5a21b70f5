"""Timeline of dissemination: when each metastasis was seeded, among diagnosis, samples, treatments and lesions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from phylometa.data import Patient
from phylometa.plots.label_placement import nice_ticks
from phylometa.plots.scene import Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    site_swatches,
    text_width,
)
from phylometa.trees import PatientResult

__all__ = ["plot_timeline", "timeline_scene"]

_MARGIN = 6.0
_LANE = 14.0
_DAYS_A_YEAR = 365.25
_GREY = Swatch("#bdbdbd")


@dataclass(frozen=True, slots=True)
class _Mark:
    """An interval (or, with equal ends, a point) on a lane; `low` and `high` its outer uncertainty."""

    start: float
    end: float
    low: float
    high: float
    tooltip: str
    swatch: Swatch
    kind: str


@dataclass(frozen=True, slots=True)
class _Lane:
    name: str
    marks: tuple[_Mark, ...]
    key: str = ""


def decimal_year(date: datetime.date) -> float:
    """A date as a calendar year with fraction.

    >>> round(decimal_year(datetime.date(2020, 7, 2)), 2)
    2020.5
    """
    first = datetime.date(date.year, 1, 1)
    return date.year + (date - first).days / (datetime.date(date.year + 1, 1, 1) - first).days


def birth_year(patient: Patient) -> float | None:
    """Decimal year of birth, from the first sample that has both age and collection date; None without."""
    for sample in patient.samples:
        if sample.collection_date is not None and sample.age == sample.age:
            return decimal_year(sample.collection_date) - sample.age
    return None


def _point(x: float, tooltip: str, swatch: Swatch, kind: str) -> _Mark:
    return _Mark(x, x, x, x, tooltip, swatch, kind)


def _event_lanes(patient: Patient, origin: float) -> list[_Lane]:
    """Lanes of what was observed; times are years since `origin` (decimal year)."""
    swatches = dict(zip(patient.site_names, site_swatches(len(patient.sites))))
    lanes = []
    diagnoses = sorted(
        {(s.diagnosis_date, s.site) for s in patient.samples if s.diagnosis_date}, key=lambda d: (d[0], d[1])
    )
    if diagnoses:
        marks = tuple(
            _point(decimal_year(date) - origin, f"{clean_text(site)} diagnosed {date}", swatches[site], "diamond")
            for date, site in diagnoses
        )
        lanes.append(_Lane("Diagnosis", marks))
    samples = [s for s in patient.samples if s.collection_date]
    if samples:
        marks = tuple(
            _point(
                decimal_year(s.collection_date) - origin,
                f"sample {clean_text(s.name)} taken {s.collection_date}",
                swatches[s.site],
                "circle",
            )
            for s in samples
            if s.collection_date
        )
        lanes.append(_Lane("Samples", marks))
    for treatment in patient.treatments:
        if treatment.start is None and treatment.end is None:
            continue
        start, end = treatment.start or treatment.end, treatment.end or treatment.start
        assert start is not None and end is not None
        where = f", {clean_text(treatment.site)}" if treatment.site else ""
        dose = f", {treatment.dose_gy:g} Gy" if treatment.dose_gy == treatment.dose_gy else ""
        name = f"{clean_text(treatment.kind).capitalize()}{where}{dose}"
        x = decimal_year(start) - origin, decimal_year(end) - origin
        mark = _Mark(*x, *x, f"{name}: {start} to {end}", swatches.get(treatment.site, _GREY), "bar")
        lanes.append(_Lane(name, (mark,)))
    for site in sorted({lesion.site for lesion in patient.lesions}):
        marks = tuple(
            _point(
                decimal_year(x.date) - origin,
                f"{clean_text(site)}: {x.diameter_cm:g} cm on {x.date}",
                swatches.get(site, _GREY),
                "circle",
            )
            for x in patient.lesions
            if x.site == site
        )
        lanes.append(_Lane(f"Lesion sizes, {clean_text(site)}", marks))
    return lanes


def timeline_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """The timeline as a `Scene`; see `plot_timeline`."""
    patient = result.patient
    title = f"Timeline of {clean_text(patient.name)}"
    birth = birth_year(patient)
    origin = birth or 0.0
    lanes = _event_lanes(patient, origin)
    if not lanes:
        return empty_scene(width, "No dates were given and none could be inferred.", title)
    unit = "Age (years)" if birth is not None else "Calendar year"
    return _lanes_scene(lanes, unit, width, title)


def _lanes_scene(lanes: Sequence[_Lane], unit: str, width: float, title: str) -> Scene:
    names = [fit_text(lane.name, 0.3 * width, SMALL_FONT_SIZE) for lane in lanes]
    left = _MARGIN + max(text_width(name, SMALL_FONT_SIZE) for name in names) + 10
    right = width - _MARGIN - 8
    values = [x for lane in lanes for mark in lane.marks for x in (mark.low, mark.high)]
    low, high = min(values), max(values)
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad

    def place(x: float) -> float:
        return left + (x - low) / (high - low) * (right - left)

    bottom = _MARGIN + len(lanes) * _LANE
    scene = Scene(width, bottom + 26 + _MARGIN, title, f"{len(lanes)} lanes: {', '.join(lane.name for lane in lanes)}.")
    for tick in nice_ticks(low, high, int((right - left) / 55)):
        scene.line([(place(tick), _MARGIN), (place(tick), bottom + 3)], stroke=RULE, line_width=0.6)
        scene.note(place(tick), bottom + 9, f"{tick:g}", anchor="middle")
    scene.small(0.5 * (left + right), bottom + 20, unit, anchor="middle")
    for row, (lane, name) in enumerate(zip(lanes, names)):
        middle = _MARGIN + (row + 0.5) * _LANE
        scene.small(left - 8, middle, name, anchor="end")
        for i, mark in enumerate(lane.marks):
            with scene.group(f"time-{row}-{i}", mark.tooltip):
                _draw_mark(scene, mark, place, middle)
    return scene


def _draw_mark(scene: Scene, mark: _Mark, place: Any, y: float) -> None:
    start, end = place(mark.start), place(mark.end)
    if mark.kind == "bar":
        scene.rect(start - 0.8, y - 3.6, max(end - start, 0) + 1.6, 7.2, swatch=mark.swatch, stroke=INK, line_width=0.5)
    elif mark.kind == "diamond":
        corners = [("M", start, y - 4.4), ("L", start + 4.4, y), ("L", start, y + 4.4), ("L", start - 4.4, y), ("Z",)]
        scene.path(corners, fill=mark.swatch.colour, hatch=mark.swatch.hatch, stroke=INK, line_width=0.6)
    else:
        scene.circle(start, y, 3.2, swatch=mark.swatch, stroke=INK, line_width=0.6)


def plot_timeline(result: PatientResult, *, ax: Axes | None = None, width: str = "double") -> Axes:
    """Intervals of dissemination on the axis of the patient's age, with diagnosis, samples, treatments and lesions.

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
