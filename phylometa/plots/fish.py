"""Fish plots: how the clones of every site grew out of one cell and lie within one another.

Nesting cannot be violated: at every sample a clone's interval is divided among its children, and between samples all
boundaries follow the same Bezier weights, so that any two curves keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.arrays import FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.label_placement import spread
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import MARGIN, NOTE_LINE, Command, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    INK,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    clone_swatches,
    fit_text,
    percent,
    site_swatches,
    text_width,
)

__all__ = ["fish_scene", "nested_intervals", "plot_fish"]

_PANEL = 62.0
_HEADER = 13.0
_FOOTER = 13.0
_SMALLEST = 0.005
_LABEL_LINE = 7.0
_EARLY_STEPS = 3


def nested_intervals(tree: CloneTree, proportions: FloatArray) -> FloatArray:
    """Compute where every clone and its descendants lie within [0, 1] in one sample.

    Parameters
    ----------
    tree : CloneTree
    proportions : float array (K,)
        Share of each clone; the sum is the length of the root's interval, which is centred.

    Returns
    -------
    float array (K, 2)
        Lower and upper end. A child's interval lies within its parent's, siblings do not overlap, and the parent's own
        share is divided evenly between and around its children.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    >>> nested_intervals(tree, np.array([0.4, 0.6, 0.0])).round(3).tolist()
    [[0.0, 1.0], [0.133, 0.733], [0.867, 0.867]]
    """
    total = tree.is_ancestor.astype(float) @ proportions
    ends = np.zeros((tree.n_clones, 2))
    root = tree.root
    ends[root] = 0.5 - 0.5 * total[root], 0.5 + 0.5 * total[root]
    for clone in tree.preorder:
        children = tree.children[clone]
        gap = proportions[clone] / (len(children) + 1)
        at = ends[clone, 0]
        for child in children:
            at += gap
            ends[child] = at, at + total[child]
            at += total[child]
    return ends


def _site_columns(tree: CloneTree, proportions: FloatArray) -> FloatArray:
    """Proportions (columns, K) from a point through early steps, in which late clones are still their ancestors, to
    the samples (K, n) of a site."""
    depth = tree.is_ancestor.sum(axis=0) - 1
    start = proportions[:, 0]
    deepest = int(depth[start >= _SMALLEST].max()) if (start >= _SMALLEST).any() else 0
    n_steps = min(_EARLY_STEPS, deepest)
    columns = [np.zeros(len(start))]
    for step in range(1, n_steps + 1):
        limit = deepest * step // (n_steps + 1)
        merged = np.zeros(len(start))
        for clone in range(len(start)):
            path = tree.path_from_root(clone)
            merged[path[min(limit, len(path) - 1)]] += start[clone]
        columns.append(merged * (0.35 + 0.65 * step / (n_steps + 1)))
    return np.array([*columns, *proportions.T])


def fish_scene(result: PatientResult, *, tree: int = 0, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the fish plots of all sites as a `Scene`; see `plot_fish`."""
    title = f"Clonal composition of the sites of {clean_text(result.patient.name)}"
    trees, patient = result.in_place.trees, result.patient.in_place
    if trees is None or len(trees) == 0 or not patient.samples:
        return empty_scene(width, "No clone proportions could be estimated from these samples.", title)
    drawn = trees.tree(tree)
    proportions = np.nan_to_num(np.asarray(trees.proportions[tree]))
    sites = [i for i in range(len(patient.sites)) if (patient.sample_site == i).any()]
    n_across = max(1, min(len(sites), int(width // 165)))
    n_down = -(-len(sites) // n_across)
    panel_width = (width - 2 * MARGIN - 10 * (n_across - 1)) / n_across
    cell = _HEADER + _PANEL + _FOOTER + 6
    swatches = clone_swatches(drawn.n_clones)
    totals = drawn.is_ancestor.astype(float) @ proportions
    present = [k for k in drawn.preorder if (totals[k] >= _SMALLEST).any()]
    legend = [(clean_text(drawn.names[k]), swatches[k]) for k in present]
    notes_top = MARGIN + n_down * cell + 2
    lines = note_lines([_NOTE], width - 2 * MARGIN)
    legend_top = notes_top + NOTE_LINE * len(lines) + 3
    height = legend_top + legend_height(legend, width - 2 * MARGIN) + MARGIN
    scene = Scene(width, height, title, f"{len(present)} clones in {len(sites)} sites; clone tree {tree + 1}.")
    for rank, site in enumerate(sites):
        left = MARGIN + (rank % n_across) * (panel_width + 10)
        top = MARGIN + (rank // n_across) * cell
        _draw_site(scene, patient, site, drawn, proportions, swatches, (left, top, panel_width))
    scene.notes(MARGIN, notes_top + 4, lines)
    draw_legend(scene, legend, MARGIN, legend_top, width - 2 * MARGIN, keys=[("clone", k) for k in present])
    return scene


_NOTE = "Height at a sample (dotted line): share of its tumour cells. Left of the first sample only the order is meant."


def _samples_of(patient: Patient, site: int) -> list[int]:
    """Order the samples of a site by date if all have one, else in the order of the sheet."""
    members = [int(s) for s in np.flatnonzero(patient.sample_site == site)]
    dates = [patient.samples[s].collection_date for s in members]
    if all(date is not None for date in dates):
        members = sorted(members, key=lambda s: str(patient.samples[s].collection_date))
    return members


def _draw_site(
    scene: Scene,
    patient: Patient,
    site: int,
    tree: CloneTree,
    proportions: FloatArray,
    swatches: Sequence[Swatch],
    box: tuple[float, float, float],
) -> None:
    left, top, width = box
    members = _samples_of(patient, site)
    name = clean_text(patient.sites[site].name)
    swatch = site_swatches(len(patient.sites))[site]
    with scene.group(f"site-{site}", name, site=site):
        scene.rect(left, top + 1, 6, 8, swatch=swatch, stroke=INK, line_width=0.4)
        scene.small(left + 9, top + 5, name, weight="bold", room=width - 12)
    label_room = 24.0
    shares = proportions[:, members]
    columns = _site_columns(tree, shares)
    intervals = np.array([nested_intervals(tree, column) for column in columns])  # (columns, K, 2)
    n_early = len(columns) - len(members)
    first = left + 0.3 * (width - label_room)
    last = left + width - label_room
    x = [*np.linspace(left, first, n_early, endpoint=False), *np.linspace(first, last, len(members))]
    if len(members) == 1:
        x[-1] = last
        x[:-1] = list(np.linspace(left, last, n_early, endpoint=False))
    y0 = top + _HEADER
    for clone in tree.preorder:
        band = intervals[:, clone]
        if not (band[:, 1] - band[:, 0] >= _SMALLEST).any():
            continue
        shown = ", ".join(
            f"{clean_text(patient.samples[s].name)} {percent(float(proportions[clone, s]))}" for s in members
        )
        clone_name = clean_text(tree.names[clone])
        with scene.group(f"clone-{clone}", f"Clone {clone_name} in {name}: {shown}", is_button=True, clone=clone):
            wide = np.flatnonzero(band[:, 1] - band[:, 0] > 1e-9)
            part = slice(max(0, wide[0] - 1), wide[-1] + 2)  # from and to the points where it has no width
            course = _band(x[part], y0 + _PANEL * band[part, 0], y0 + _PANEL * band[part, 1])
            fill = swatches[clone]
            scene.path(course, fill=fill.colour, hatch=fill.hatch, stroke="#ffffff", line_width=0.4)
    for rank in range(len(members)):
        at = x[n_early + rank]
        scene.line([(at, y0), (at, y0 + _PANEL)], stroke=INK, line_width=0.6, dash=(1.0, 1.5))
    _name_samples(scene, patient, members, x[n_early:], y0 + _PANEL + 6, left, left + width)
    _name_clones(scene, tree, shares[:, -1], intervals[-1], last + 3, y0, label_room - 4)


def _band(x: Sequence[float], low: FloatArray, high: FloatArray) -> list[Command]:
    """A closed band between two curves that run level through every column."""
    commands: list[Command] = [("M", x[0], low[0])]
    for i in range(1, len(x)):
        half = 0.5 * (x[i] - x[i - 1])
        commands.append(("C", x[i - 1] + half, low[i - 1], x[i] - half, low[i], x[i], low[i]))
    commands.append(("L", x[-1], high[-1]))
    for i in range(len(x) - 1, 0, -1):
        half = 0.5 * (x[i] - x[i - 1])
        commands.append(("C", x[i] - half, high[i], x[i - 1] + half, high[i - 1], x[i - 1], high[i - 1]))
    return [*commands, ("Z",)]


def _name_samples(
    scene: Scene, patient: Patient, members: Sequence[int], x: Sequence[float], y: float, left: float, right: float
) -> None:
    room = (right - left) / len(members) - 4
    names = short_sample_names(patient)
    texts = [fit_text(names[s], room, SMALL_FONT_SIZE) for s in members]
    sizes = [text_width(text, SMALL_FONT_SIZE) + 3 for text in texts]
    for at, text in zip(spread(list(x), sizes, left, right), texts):
        scene.note(at, y, text, anchor="middle")


def _name_clones(
    scene: Scene, tree: CloneTree, shares: FloatArray, intervals: FloatArray, x: float, y0: float, room: float
) -> None:
    """Names of the clones of the last sample at its right, largest first while there is room."""
    most = int(_PANEL / _LABEL_LINE)
    named = sorted((k for k in range(tree.n_clones) if shares[k] >= 0.02), key=lambda k: -shares[k])[:most]
    centre = {k: _widest_own_part(tree, k, shares, intervals) for k in named}
    named.sort(key=lambda k: centre[k])
    heights = spread([y0 + _PANEL * centre[k] for k in named], [_LABEL_LINE] * len(named), y0, y0 + _PANEL)
    for clone, y in zip(named, heights):
        with scene.group(f"clone-{clone}", f"Clone {clean_text(tree.names[clone])}", clone=clone):
            scene.small(x, y, tree.names[clone], room=room, colour=INK)


def _widest_own_part(tree: CloneTree, clone: int, shares: FloatArray, intervals: FloatArray) -> float:
    """Middle of the upper part of a clone's band that no child covers (its own share lies in equal parts)."""
    gap = float(shares[clone]) / (len(tree.children[clone]) + 1)
    return float(intervals[clone, 0]) + 0.5 * gap


def plot_fish(result: PatientResult, *, ax: Axes | None = None, tree: int = 0, width: str | float = "double") -> Axes:
    """Draw fish plots, one per site: clones within their parents, from the first cell to the samples of the site.

    The samples of a site follow each other by date if all have one. What lies left of the first sample shows the
    order in which clones arose under the tree, not when.

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
