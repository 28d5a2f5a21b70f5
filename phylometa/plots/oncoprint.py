"""Driver mutations and copy-number events by sample, beside the clone tree on whose branches they arose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.arrays import FloatArray
from phylometa.model.result import PatientResult
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.flow_tree import COPY_WORDS, LEAST_EVENT
from phylometa.plots.legend import draw_legend, legend_height
from phylometa.plots.sample_axes import sample_order, sample_swatches
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    COLUMN_WIDTHS,
    FONT_SIZE,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    clean_text,
    fit_text,
    percent,
    text_width,
)
from phylometa.plots.tree_drawing import preorder_depths

__all__ = ["AlterationRow", "alteration_rows", "oncoprint_scene", "plot_oncoprint"]

_ROW = 11.0
_HEADER_LIMIT = 84.0
_WIDEST_CELL = 22.0
_RADIUS = 3.4
_SEEN = 0.05  # least share of the tumour cells that is drawn
_SNV, _GAIN, _LOSS = "#333333", "#b2182b", "#2166ac"
_GAINS = ("gain", "amplification", "doubling")
_NOTES = (
    "Height of a mark: share of the sample's tumour cells (mutations: cancer cell fraction; copy number: of the clones "
    "with the event); ? no reads.",
    "Copy-number events of at least 50%; whole arms and chromosomes, and those that name a driver.",
)


@dataclass(frozen=True, slots=True)
class AlterationRow:
    """One row: the clone on whose branch it arose, what it is, and its share of the cells of every sample.

    Parameters
    ----------
    clone : int
    kind : {"mutation", "gain", "loss", ""}
        Empty: the clone has neither.
    text : str
    shares : tuple of float
        In the order of the patient's samples; NaN without reads.
    """

    clone: int
    kind: str
    text: str
    shares: tuple[float, ...]


def alteration_rows(result: PatientResult) -> list[AlterationRow]:
    """List driver mutations and copy-number events, clone by clone of the most probable tree, parents first.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    list of AlterationRow
        Every clone has a row at least.
    """
    trees = result.trees
    assert trees is not None
    tree = trees.best
    totals = tree.is_ancestor.astype(float) @ np.nan_to_num(np.asarray(trees.proportions[0]))
    order, _ = preorder_depths(tree.parents)
    rows = []
    for v in order:
        own = [*_mutations(result, v), *_events(result, v, totals[v])]
        rows += own or [AlterationRow(v, "", "", (0.0,) * len(result.patient.samples))]
    return rows


def _mutations(result: PatientResult, clone: int) -> list[AlterationRow]:
    clusters, patient = result.clusters, result.patient
    if clusters is None or result.ccf is None or clone >= clusters.n_clusters:
        return []
    rows = []
    for i in np.flatnonzero(clusters.labels == clone):
        gene = patient.mutations.genes[i]
        if gene in patient.drivers:
            values: FloatArray = np.asarray(result.ccf.told[i], dtype=float)
            rows.append(AlterationRow(clone, "mutation", clean_text(gene), tuple(float(x) for x in values)))
    return sorted(rows, key=lambda row: row.text)


def _events(result: PatientResult, clone: int, total: FloatArray) -> list[AlterationRow]:
    found = getattr(result.copy_number, "clones", None)
    assert result.trees is not None
    if found is None:
        return []
    words: dict[str, list[str]] = {}
    for event in found.events:
        if event.clone == result.trees.names[clone] and event.probability >= LEAST_EVENT:
            named = [*event.genes] or ([event.name] if event.name else [])
            if named or event.kind == "doubling":
                known = words.setdefault(event.kind, [])
                known += [word for word in named if word not in known]
    shares = tuple(float(min(1.0, x)) for x in total)
    return [
        AlterationRow(clone, "gain" if kind in _GAINS else "loss", " ".join([COPY_WORDS[kind], *words[kind]]), shares)
        for kind in COPY_WORDS
        if kind in words
    ]


def oncoprint_scene(result: PatientResult, *, width: float = COLUMN_WIDTHS["double"]) -> Scene:
    """Lay out the picture as a `Scene`; see `plot_oncoprint`."""
    title = f"Drivers of {clean_text(result.patient.name)} by sample"
    patient, trees = result.patient, result.trees
    if trees is None or len(trees) == 0:
        return empty_scene(width, "No clone tree could be inferred from these samples.", title)
    rows = alteration_rows(result)
    if not any(row.kind for row in rows):
        return empty_scene(width, "No driver mutation and no copy-number event is known.", title)
    order = [int(s) for s in sample_order(patient)]
    names = short_sample_names(patient)
    heads = [fit_text(names[s], _HEADER_LIMIT, SMALL_FONT_SIZE) for s in order]
    _, depth = preorder_depths(trees.best.parents)
    step = min(9.0, 0.16 * width / max(1, *depth.values()))
    tree_width = step * max(depth.values()) + 2 * _RADIUS + 4
    clone_width = max(text_width(clean_text(name), FONT_SIZE, "bold") for name in trees.names) + 4
    clone_width = min(clone_width, 0.15 * width)
    room = width - 2 * MARGIN - tree_width - clone_width
    labels_width = max(text_width(row.text, SMALL_FONT_SIZE) for row in rows) / 0.95 + 8  # slanted letters are wider
    labels_width = min(labels_width, max(0.5 * room, room - _WIDEST_CELL * len(order)))
    cell = min(_WIDEST_CELL, (room - labels_width) / len(order))
    left = MARGIN + tree_width + clone_width + labels_width
    top = MARGIN + max(text_width(head, SMALL_FONT_SIZE) for head in heads) + 9
    bottom = top + _ROW * len(rows)
    notes = note_lines(_NOTES, width - 2 * MARGIN)
    sites = list(zip(patient.site_names, site_swatches(patient.sites)))
    legend_top = bottom + 18
    notes_top = legend_top + legend_height(sites, width - 2 * MARGIN) + 8
    n_told = sum(bool(row.kind) for row in rows)
    scene = Scene(
        width, notes_top + NOTE_LINE * len(notes) + MARGIN, title, f"{n_told} alterations in {len(order)} samples."
    )
    swatches = sample_swatches(patient)
    for j, s in enumerate(order):
        x = left + j * cell
        scene.rect(x + 0.5, top - 4, cell - 1, 3, swatch=swatches[s])
        scene.small(x + 0.5 * cell, top - 7, heads[j], angle=90)
    for number, row in enumerate(rows):
        _draw_row(scene, result, row, order, (left, top + number * _ROW, cell), left - labels_width)
    _draw_tree(scene, result, rows, step, top, clone_width)
    _draw_key(scene, MARGIN, bottom + 9)
    draw_legend(scene, sites, MARGIN, legend_top, width - 2 * MARGIN)
    scene.notes(MARGIN, notes_top + 3, notes)
    return scene


def _draw_row(
    scene: Scene,
    result: PatientResult,
    row: AlterationRow,
    order: Sequence[int],
    cells: tuple[float, float, float],
    label_left: float,
) -> None:
    left, y, cell = cells
    middle = y + 0.5 * _ROW
    style = "italic" if row.kind == "mutation" else "normal"
    scene.small(label_left, middle, fit_text(row.text, 0.95 * (left - label_left - 4), SMALL_FONT_SIZE), style=style)
    if not row.kind:
        scene.line([(left, middle), (left + cell * len(order), middle)], stroke=RULE, line_width=0.5)
        return
    assert result.trees is not None
    colour = {"mutation": _SNV, "gain": _GAIN, "loss": _LOSS}[row.kind]
    for j, s in enumerate(order):
        x, share = left + j * cell, row.shares[s]
        sample = clean_text(result.patient.samples[s].name)
        known = percent(share) if share == share else "no reads"
        with scene.group(f"clone-{row.clone}", f"{row.text} in {sample}: {known}", clone=row.clone):
            scene.rect(x + 0.6, y + 0.6, cell - 1.2, _ROW - 1.2, fill="#eeeeee")
            if share != share:
                scene.note(x + 0.5 * cell, middle, "?", anchor="middle")
            elif share >= _SEEN:
                _mark(
                    scene, row.kind, x + 0.5 * cell, y + _ROW - 0.6, min(cell - 3, 12.0), share * (_ROW - 1.2), colour
                )


def _mark(scene: Scene, kind: str, x: float, bottom: float, width: float, height: float, colour: str) -> None:
    """A bar for a mutation, a triangle that points up for a gain and down for a loss."""
    half, top = 0.5 * width, bottom - height
    if kind == "mutation":
        scene.rect(x - half, top, width, height, fill=colour)
    elif kind == "gain":
        scene.path([("M", x - half, bottom), ("L", x + half, bottom), ("L", x, top), ("Z",)], fill=colour)
    else:
        scene.path([("M", x - half, top), ("L", x + half, top), ("L", x, bottom), ("Z",)], fill=colour)


def _draw_key(scene: Scene, x: float, y: float) -> None:
    for kind, text, colour in (("mutation", "mutation", _SNV), ("gain", "gain", _GAIN), ("loss", "loss or LOH", _LOSS)):
        _mark(scene, kind, x + 5, y + 4, 8, 8, colour)
        scene.small(x + 13, y, text)
        x += 24 + text_width(text, SMALL_FONT_SIZE)


def _draw_tree(
    scene: Scene, result: PatientResult, rows: Sequence[AlterationRow], step: float, top: float, clone_width: float
) -> None:
    trees = result.trees
    assert trees is not None
    _, depth = preorder_depths(trees.best.parents)
    swatches = clone_swatches(result)
    place: dict[int, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        place.setdefault(row.clone, (MARGIN + _RADIUS + step * depth[row.clone], top + (number + 0.5) * _ROW))
    for v, (x, y) in place.items():
        parent = int(trees.best.parents[v])
        if parent >= 0:
            dash = (2.4, 1.6) if trees.edge_support[parent, v] < 0.8 else ()
            scene.line([(place[parent][0], place[parent][1]), (place[parent][0], y), (x, y)], stroke=MUTED, dash=dash)
    for v, (x, y) in place.items():
        name = clean_text(trees.names[v])
        with scene.group(f"clone-{v}", f"Clone {name}", is_button=True, clone=v):
            scene.circle(x, y, _RADIUS, swatch=swatches[v], stroke=INK, line_width=0.7)
            scene.text(x + _RADIUS + 2.5, y, fit_text(name, clone_width - 2, FONT_SIZE, "bold"), weight="bold")


def plot_oncoprint(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Draw driver mutations and copy-number events by sample, beside the clone tree on whose branches they arose.

    A row is one driver mutation, or the copy-number events of one kind on a branch; a column is a sample. The height
    of a mark is the share of the sample's tumour cells; bars are mutations, triangles that point up gains, down losses.

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
    return draw_scene(oncoprint_scene(result, width=scene_width(ax, width)), ax)
