"""Rows of a site in pictures of clones: one per sample, or one for all samples of the site if their dates differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.bells import SMALLEST, Bells, bells_of, smooth_band, visible_forest
from phylometa.plots.colours import clone_swatches
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import Scene
from phylometa.plots.style import INK, SMALL_FONT_SIZE, clean_text, fit_text, percent, text_colour_on, text_width

__all__ = ["RowOfSite", "draw_bells", "row_bells", "rows_of_site"]

_FIRST_DATE = 0.45  # place of the first of several dates in a row


@dataclass(frozen=True, slots=True)
class RowOfSite:
    """One band: the samples at every time (indices), the places of the times in (0, 1], and a name."""

    groups: tuple[tuple[int, ...], ...]
    times: tuple[float, ...]
    name: str

    @property
    def is_dated(self) -> bool:
        """Whether it runs through several dates."""
        return len(self.times) > 1

    def short_name(self, room: float, site: str) -> str:
        """The name within `room` points: without the site's name if that is needed, years for dates."""
        if text_width(self.name, SMALL_FONT_SIZE) <= room:
            return self.name
        if self.is_dated:
            first, last = (part[:4] for part in self.name.split(" to "))
            return fit_text(f"{first} to {last}" if first != last else first, room, SMALL_FONT_SIZE)
        rest = self.name.removeprefix(site).strip(" _-.")
        return fit_text(f"…{rest}" if rest and rest != self.name else self.name, room, SMALL_FONT_SIZE)


def rows_of_site(patient: Patient, site: int) -> list[RowOfSite]:
    """List the rows of a site: one per sample, or one through time if all its samples are dated on several days.

    Regions of one day are no course of time; on several days those of the same day are averaged.

    Parameters
    ----------
    patient : Patient
        `Patient.in_place`.
    site : int
    """
    members = [int(s) for s in np.flatnonzero(patient.sample_site == site)]
    names = short_sample_names(patient)
    dates = [patient.samples[s].collection_date for s in members]
    days = sorted({date for date in dates if date is not None})
    if len(days) < 2 or None in dates:
        return [RowOfSite(((s,),), (1.0,), names[s]) for s in members]
    groups = tuple(tuple(s for s, date in zip(members, dates) if date == day) for day in days)
    span = (days[-1] - days[0]).days
    times = tuple(_FIRST_DATE + (1 - _FIRST_DATE) * (day - days[0]).days / span for day in days)
    return [RowOfSite(groups, times, f"{days[0]} to {days[-1]}")]


def row_bells(result: PatientResult, site: int, row: RowOfSite, founders: set[int], *, tree: int = 0) -> Bells:
    """Compute the bells of a row from the clones that arrived at its site; in the primary the root arose, too.

    Parameters
    ----------
    result : PatientResult
    site : int
    row : RowOfSite
    founders : set of int
        Clones that arrived.
    tree : int
        Index into ``result.trees``.
    """
    trees = result.in_place.trees
    assert trees is not None
    drawn = trees.tree(tree)
    shares = np.nan_to_num(np.asarray(trees.proportions[tree]))
    arose = {drawn.root} if result.patient.sites[site].site_class == "primary" else set()
    taken: FloatArray = np.stack([shares[:, list(group)].mean(axis=1) for group in row.groups], axis=1)
    return bells_of(visible_forest(drawn.parents.tolist(), taken, founders | arose), taken, row.times)


def draw_bells(
    scene: Scene,
    result: PatientResult,
    bells: Bells,
    row: RowOfSite,
    box: tuple[float, float, float, float],
    *,
    tree: int = 0,
) -> None:
    """Draw the clones of a row within `box` (left, top, width, height), named where they have room at the right."""
    left, top, width, height = box
    trees, patient = result.in_place.trees, result.patient.in_place
    assert trees is not None
    swatches = clone_swatches(result)
    shares = np.asarray(trees.proportions[tree])
    samples = [s for group in row.groups for s in group]
    x = left + width * bells.x
    for v in bells.clones:
        band = top + height * bells.band(v)
        course = smooth_band(x, band[:, 0], band[:, 1])
        if not course:
            continue
        told = ", ".join(f"{clean_text(patient.samples[s].name)} {percent(float(shares[v, s]))}" for s in samples)
        name = clean_text(trees.names[v])
        with scene.group(f"clone-{v}", f"Clone {name}: {told}", is_button=True, clone=v):
            fill = swatches[v]
            scene.path(course, fill=fill.colour, hatch=fill.hatch, stroke="#ffffff", line_width=0.5)
    for time in row.times[:-1]:
        at = left + width * time
        scene.line([(at, top), (at, top + height)], stroke=INK, line_width=0.6, dash=(1.0, 1.5))
    for v in bells.clones:
        middle, free = bells.own[v]
        name = clean_text(trees.names[v])
        room = text_width(name, SMALL_FONT_SIZE, "bold") + 5
        if free * height >= SMALL_FONT_SIZE and room <= 0.4 * width and float(shares[v, samples[-1]]) >= SMALLEST:
            with scene.group(f"clone-{v}", f"Clone {name}", clone=v):
                colour = text_colour_on(swatches[v].colour)
                scene.small(left + width - 3, top + height * middle, name, anchor="end", weight="bold", colour=colour)
