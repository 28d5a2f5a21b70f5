"""Clones of every site as bells, one per sample; samples of one site that are dated on several days are one band
through time (a fish plot). Regions of one day are no course of time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.result import PatientResult
from phylometa.plots.arrivals import Arrival, find_arrivals
from phylometa.plots.bells import SMALLEST
from phylometa.plots.clone_bells import RowOfSite, draw_bells, row_bells, rows_of_site
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import COLUMN_WIDTHS, INK, SMALL_FONT_SIZE, clean_text, wrap_text

__all__ = ["fish_scene", "plot_fish"]

_BELL, _BAND = 30.0, 52.0
_NAME, _HEAD = 9.0, 9.0
_GAP = 10.0
_LEAST_WIDTH = 110.0
_NOTE = (
    "From the clones that arrived (left, not to time) to their shares of the tumour cells of the sample (right edge)."
)
_DATED = "Samples of several days: one band, dotted lines at the samples, to time between them."


def fish_scene(result: PatientResult, *, tree: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the bells of all sites as a `Scene`; see `plot_fish`."""
    title = f"Clonal composition of the sites of {clean_text(result.patient.name)}"
    trees, patient = result.in_place.trees, result.patient.in_place
    if trees is None or len(trees) == 0 or not patient.samples:
        return empty_scene(width, "No clone proportions could be estimated from these samples.", title)
    sites = [i for i in range(len(patient.sites)) if (patient.sample_site == i).any()]
    rows = {site: rows_of_site(patient, site) for site in sites}
    n_across = max(1, min(len(sites), int((width - 2 * MARGIN + _GAP) // (_LEAST_WIDTH + _GAP))))
    panel = (width - 2 * MARGIN - _GAP * (n_across - 1)) / n_across
    names = {i: wrap_text(patient.sites[i].name, panel - 10, SMALL_FONT_SIZE, "bold", lines=3) for i in sites}
    columns: list[list[int]] = [[] for _ in range(n_across)]
    bottoms = [MARGIN] * n_across
    tops = {}
    for site in sites:  # the next site goes where most room is
        k = bottoms.index(min(bottoms))
        columns[k].append(site)
        tops[site] = bottoms[k]
        bottoms[k] += _HEAD * len(names[site]) + 2 + sum(_row_height(row) for row in rows[site]) + 8
    swatches = clone_swatches(result)
    shares = np.nan_to_num(np.asarray(trees.proportions[tree]))
    drawn, arrivals = trees.tree(tree), find_arrivals(result)
    founders = {drawn.root, *(a.clone for a in arrivals)}
    present = [k for k in drawn.preorder if k in founders or (shares[k] >= SMALLEST).any()]
    legend = [(clean_text(trees.names[k]), swatches[k]) for k in present]
    texts = [_NOTE, _DATED] if any(row.is_dated for some in rows.values() for row in some) else [_NOTE]
    lines = note_lines(texts, width - 2 * MARGIN)
    legend_top = max(bottoms) + NOTE_LINE * len(lines) + 5
    height = legend_top + legend_height(legend, width - 2 * MARGIN) + MARGIN
    scene = Scene(width, height, title, f"{len(present)} clones in {len(sites)} sites; clone tree {tree + 1}.")
    for k, members in enumerate(columns):
        for site in members:
            box = (MARGIN + k * (panel + _GAP), tops[site], panel)
            _draw_site(scene, result, site, rows[site], names[site], arrivals, tree, box)
    scene.notes(MARGIN, max(bottoms) + 4, lines)
    draw_legend(scene, legend, MARGIN, legend_top, width - 2 * MARGIN, keys=[("clone", k) for k in present])
    return scene


def _row_height(row: RowOfSite) -> float:
    return _NAME + (_BAND if row.is_dated else _BELL)


def _draw_site(
    scene: Scene,
    result: PatientResult,
    site: int,
    rows: list[RowOfSite],
    lines: list[str],
    arrivals: tuple[Arrival, ...],
    tree: int,
    box: tuple[float, float, float],
) -> None:
    left, top, width = box
    name = clean_text(result.patient.sites[site].name)
    swatch = site_swatches(result.patient.sites)[site]
    with scene.group(f"site-{site}", name, site=site):
        scene.rect(left, top + 1, 6, 7, swatch=swatch, stroke=INK, line_width=0.4)
        for k, line in enumerate(lines):
            scene.small(left + 9, top + 5 + _HEAD * k, line, weight="bold")
    y = top + _HEAD * len(lines) + 2
    for row in rows:
        scene.note(left, y + 0.5 * _NAME, row.short_name(width, name))
        founders = {a.clone for a in arrivals if a.target == site}
        bells = row_bells(result, site, row, founders, tree=tree)
        draw_bells(scene, result, bells, row, (left, y + _NAME, width, _row_height(row) - _NAME - 2), tree=tree)
        y += _row_height(row)


def plot_fish(result: PatientResult, *, ax: Axes | None = None, tree: int = 0, width: str | float = "double") -> Axes:
    """Draw the clones of every sample as bells, by site; dated samples of one site as one band through time.

    A bell begins with the clones that arrived at the site and ends with their shares of the sample's tumour cells.
    Samples of one site follow each other in one band only if all are dated, on several days.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    tree : int
        Index into ``result.trees``.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(fish_scene(result, tree=tree, width=scene_width(ax, width)), ax)
