"""Clone proportions: what every sample is made of."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.result import PatientResult
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.sample_axes import sample_order, sample_swatches
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import MARGIN, Scene, draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    RULE,
    SMALL_FONT_SIZE,
    clean_text,
    fit_text,
    percent,
    text_width,
)

__all__ = ["clone_proportions_scene", "plot_clone_proportions"]

_ROW = 14.0
_SMALLEST = 0.01


def clone_proportions_scene(result: PatientResult, *, tree: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the clone proportions as a `Scene`; see `plot_clone_proportions`."""
    title = f"Clone proportions of {clean_text(result.patient.name)}"
    trees, patient = result.trees, result.patient
    if trees is None or len(trees) == 0:
        return empty_scene(width, "No clone proportions could be estimated from these samples.", title)
    proportions = np.asarray(trees.proportions[tree])
    names = [clean_text(name) for name in trees.names]
    order = sample_order(patient)
    swatches = clone_swatches(result)
    of_site, of_sample = site_swatches(patient.sites), sample_swatches(patient)
    names_of_samples = short_sample_names(patient)
    row_names = [fit_text(names_of_samples[s], min(90.0, 0.25 * width), SMALL_FONT_SIZE) for s in order]
    left = MARGIN + max(text_width(name, SMALL_FONT_SIZE) for name in row_names) + 12
    bar = width - left - MARGIN - 8
    shown = [k for k in trees.best.preorder if (proportions[k] >= _SMALLEST).any()]
    legend = [(names[k], swatches[k]) for k in shown]
    sites = list(zip(patient.site_names, of_site))
    bottom = MARGIN + len(order) * _ROW
    legend_top = bottom + 22
    clone_lines = legend_height(legend, width - 2 * MARGIN - 34)
    height = legend_top + clone_lines + 2 + legend_height(sites, width - 2 * MARGIN - 34) + MARGIN
    scene = Scene(width, height, title, f"{len(shown)} clones in {len(order)} samples.")
    for tick in (0, 0.25, 0.5, 0.75, 1):
        scene.line([(left + tick * bar, MARGIN), (left + tick * bar, bottom + 2)], stroke=RULE, line_width=0.6)
        scene.note(left + tick * bar, bottom + 8, f"{100 * tick:.0f}%", anchor="middle")
    for row, s in enumerate(order):
        top = MARGIN + row * _ROW
        middle = top + 0.5 * _ROW
        scene.small(left - 12, middle, row_names[row], anchor="end")
        scene.rect(left - 9, top + 1, 5, _ROW - 2, swatch=of_sample[s], stroke=INK, line_width=0.3)
        x = left
        for k in shown:
            share = float(proportions[k, s])
            if not share >= _SMALLEST:
                continue
            tooltip = f"Clone {names[k]}: {percent(share)} of the tumour cells of {clean_text(patient.samples[s].name)}"
            with scene.group(f"clone-{k}", tooltip, is_button=True, clone=k):
                scene.rect(x, top + 1, share * bar, _ROW - 2, swatch=swatches[k], stroke="#ffffff", line_width=0.6)
                if text_width(names[k], SMALL_FONT_SIZE, "bold") + 4 <= share * bar:
                    _chip(scene, x + 0.5 * share * bar, middle, names[k])
            x += share * bar
        if left + bar - x > 0.5:  # clones too small to draw
            with scene.group(f"rest-{s}", f"{percent(1 - (x - left) / bar)} in clones below {percent(_SMALLEST)} each"):
                scene.rect(x, top + 1, left + bar - x, _ROW - 2, fill=RULE, stroke="#ffffff", line_width=0.6)
    scene.note(MARGIN, legend_top + 5, "clone")
    draw_legend(scene, legend, MARGIN + 34, legend_top, width - 2 * MARGIN - 34, keys=[("clone", k) for k in shown])
    scene.note(MARGIN, legend_top + clone_lines + 7, "site")
    draw_legend(scene, sites, MARGIN + 34, legend_top + clone_lines + 2, width - 2 * MARGIN - 34)
    return scene


def _chip(scene: Scene, x: float, y: float, text: str) -> None:
    """A name on a white ground, readable on any colour and hatch."""
    half = 0.5 * text_width(text, SMALL_FONT_SIZE, "bold") + 1.4
    scene.rect(x - half, y - 4, 2 * half, 8, fill="#ffffff", opacity=0.85)
    scene.small(x, y, text, anchor="middle", weight="bold")


def plot_clone_proportions(
    result: PatientResult, *, ax: Axes | None = None, tree: int = 0, width: str | float = "double"
) -> Axes:
    """Plot every clone's share of the tumour cells of every sample, as stacked bars in the order of the sites.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    tree : int
        Index into ``result.trees``: proportions depend on the tree.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return draw_scene(clone_proportions_scene(result, tree=tree, width=scene_width(ax, width)), ax)
