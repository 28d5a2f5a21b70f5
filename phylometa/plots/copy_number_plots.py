"""Copy number of all samples along the genome, beside the copy-number tree if one was inferred."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import CopyNumberProfile, Patient
from phylometa.model.result import PatientResult
from phylometa.plots.copy_number_tree import draw_copy_number_tree, leaf_order
from phylometa.plots.label_placement import spread
from phylometa.plots.sample_axes import axis_text, label_sample_rows, sample_order
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    INK,
    MUTED,
    NARROW,
    SMALL_FONT_SIZE,
    axes_size,
    clean_text,
    column_width,
    data_axes,
    figure_style,
    fit_text,
    text_width,
)

__all__ = ["chromosome_order", "copies_key", "name_chromosomes", "plot_copy_number", "segment_image", "total_colours"]

_ROW = 13.0
_COLUMNS = 1000
# Rows of the image a sample has: the upper show the total, the lowest the loss of heterozygosity.
_SUBROWS = 6
# Total copies 0, 1, 2, 3, 4, 5 and more: a diverging scheme safe for colour-blind readers, white at two copies.
_TOTAL_COLOURS = ("#053061", "#6baed6", "#ffffff", "#fdbe85", "#e6550d", "#7f2704")
_TOTAL_WORDS = ("0", "1", "2", "3", "4", "5+")
_UNKNOWN = "#d9d9d9"


def chromosome_order(chroms: Sequence[str]) -> list[str]:
    """List the distinct chromosomes in karyotype order: numbers, then X and Y, then the rest by name.

    >>> chromosome_order(["chrX", "chr10", "chr2", "chr2"])
    ['chr2', 'chr10', 'chrX']
    """

    def key(name: str) -> tuple[int, int, str]:
        bare = re.sub(r"^chr", "", name, flags=re.IGNORECASE)
        if bare.isdigit():
            return 0, int(bare), name
        return 1, {"X": 0, "Y": 1}.get(bare.upper(), 2), name

    return sorted(set(chroms), key=key)


def segment_image(
    segments: CopyNumberProfile, n_columns: int = _COLUMNS
) -> tuple[FloatArray, FloatArray, list[tuple[str, float, float]]]:
    """Sample the total and minor copies of all samples in equal steps along the genome.

    Parameters
    ----------
    segments : CopyNumberProfile
        Subclonal segments count with the mean of their two states.
    n_columns : int

    Returns
    -------
    total, minor : float arrays (S, n_columns)
        At the middle of every step; NaN if unknown.
    chromosomes : list of (name, start, end)
        Columns each chromosome spans.
    """
    names = chromosome_order(segments.chroms)
    length = dict.fromkeys(names, 0)
    for name, end in zip(segments.chroms, segments.end.tolist()):
        length[name] = max(length[name], end)
    offset, at = {}, 0
    for name in names:
        offset[name] = at
        at += length[name]
    scale = n_columns / max(at, 1)
    shape = (len(segments.sample_names), n_columns)
    total, minor = np.full(shape, np.nan), np.full(shape, np.nan)
    first = np.asarray(segments.fraction)
    second_total = np.where(np.isfinite(segments.major2), segments.major2 + segments.minor2, 0.0)
    second_minor = np.where(np.isfinite(segments.minor2), segments.minor2, 0.0)
    is_clonal = ~np.isfinite(np.asarray(segments.major2))
    mean_total = np.where(is_clonal, segments.total, first * segments.total + (1 - first) * second_total)
    mean_minor = np.where(is_clonal, segments.minor, first * segments.minor + (1 - first) * second_minor)
    starts = np.array([offset[name] for name in segments.chroms]) + segments.start
    ends = starts + (segments.end - segments.start)
    left = np.ceil(starts * scale - 0.5).astype(int)
    right = np.ceil(ends * scale - 0.5).astype(int)
    for s, a, b, copies, lesser in zip(segments.sample, left, right, mean_total, mean_minor):
        total[s, a:b], minor[s, a:b] = copies, lesser
    spans = [(name, offset[name] * scale, (offset[name] + length[name]) * scale) for name in names]
    return total, minor, spans


def _of_samples(
    patient: Patient, segments: CopyNumberProfile
) -> tuple[FloatArray, FloatArray, list[tuple[str, float, float]]]:
    """`segment_image` with one row for every sample of the patient; NaN for a sample without segments."""
    total, minor, spans = segment_image(segments)
    index = {name: i for i, name in enumerate(segments.sample_names)}
    unknown = np.full((1, total.shape[1]), np.nan)
    rows = [index.get(sample.name, len(index)) for sample in patient.samples]
    return np.concatenate([total, unknown])[rows], np.concatenate([minor, unknown])[rows], spans


def total_colours(total: FloatArray) -> FloatArray:
    """Colours (..., 3) of total copies; grey where NaN."""
    palette = np.array([to_rgb(colour) for colour in (*_TOTAL_COLOURS, _UNKNOWN)])
    level = np.where(np.isfinite(total), np.clip(np.rint(np.nan_to_num(total)), 0, len(_TOTAL_COLOURS) - 1), -1)
    return np.asarray(palette[level.astype(int)])


def _colour_image(total: FloatArray, minor: FloatArray) -> FloatArray:
    """RGB image with `_SUBROWS` rows per sample: total copies, and black below where an allele is lost."""
    colours = total_colours(total)
    image = np.repeat(colours[:, None], _SUBROWS, axis=1)
    is_lost = np.isfinite(minor) & (np.nan_to_num(minor) < 0.5)
    image[:, -1] = np.where(is_lost[..., None], to_rgb(INK), (1.0, 1.0, 1.0))
    return image.reshape(-1, total.shape[1], 3)


def plot_copy_number(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot total copy number along the genome, one row per sample; a black line below marks loss of heterozygosity.

    Parameters
    ----------
    result : PatientResult
        Its ``patient.segments`` are drawn, and beside them the tree of ``copy_number`` if there is one.
    ax : matplotlib Axes, optional
        Drawn into, without the tree; a new figure if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    patient = result.patient.in_place
    segments = patient.segments
    if segments is None or segments.n_segments == 0:
        return draw_scene(empty_scene(scene_width(ax, width), "No copy-number segments were given.", "Copy number"), ax)
    tree = result.copy_number
    has_tree = tree is not None and len(tree.sample_names) > 1 and ax is None
    order = leaf_order(tree, patient) if has_tree else sample_order(patient).tolist()
    short_names = short_sample_names(patient)
    names = [fit_text(short_names[s], 80, SMALL_FONT_SIZE) for s in order]
    with figure_style():
        names_width = 18 + max(text_width(name, SMALL_FONT_SIZE) for name in names)
        if ax is None:
            tree_width = 0.2 * column_width(width) if has_tree else 0.0
            left = names_width + tree_width
            ax = data_axes(
                column_width(width),
                len(order) * _ROW,
                left=left,
                right=8,
                top=6,
                bottom=32 if column_width(width) >= NARROW else 42,
            )
        inner_width, inner_height = axes_size(ax)
        total, minor, spans = _of_samples(patient, segments)
        of_one_copy = False
        for name, start, end in spans:  # one copy of X and Y is what a man has, not a loss
            if re.sub(r"^chr", "", name, flags=re.IGNORECASE).upper() in ("X", "Y"):
                is_male = np.array([sample.sex == "male" for sample in patient.samples])
                here = slice(int(round(start)), int(round(end)))
                minor[is_male, here] = np.nan
                of_one_copy |= bool(np.isfinite(total[is_male, here]).any())
                total[is_male, here] = np.where(total[is_male, here] < 0.5, 0.0, total[is_male, here] + 1.0)
        ax.set_xlim(0, total.shape[1])
        ax.set_ylim(len(order), 0)
        image = ax.imshow(
            _colour_image(total[order], minor[order]),
            aspect="auto",
            interpolation="nearest",
            extent=(0, total.shape[1], len(order), 0),
        )
        image.set_gid("copy-number")
        for row in range(1, len(order)):
            ax.axhline(row, color=INK, linewidth=0.4)
        for _, _, end in spans[:-1]:
            ax.axvline(end, color=MUTED, linewidth=0.4)
        label_sample_rows(ax, patient, order, names)
        if has_tree:
            panel = ax.inset_axes((-left / inner_width, 0.0, (tree_width - 2) / inner_width, 1.0))
            draw_copy_number_tree(panel, tree, patient, order)
        name_chromosomes(ax, spans, total.shape[1] / inner_width, inner_height)
        copies_key(ax, inner_width, inner_height, has_unknown=bool(np.isnan(total).any()), has_one_copy=of_one_copy)
    return ax


def name_chromosomes(ax: Axes, spans: Sequence[tuple[str, float, float]], point: float, height: float) -> None:
    """Names below the chromosomes, if they do not fit in two lines by turns, the second left out at last."""
    ax.set_xticks([])
    transform = ax.get_xaxis_transform()
    bare = [clean_text(re.sub(r"^chr", "", name, flags=re.IGNORECASE)) for name, _, _ in spans]
    fits = all(text_width(name, SMALL_FONT_SIZE) * point < end - start for name, (_, start, end) in zip(bare, spans))
    for line in (0,) if fits else (0, 1):
        members = range(line, len(spans), 1 if fits else 2)
        sizes = [(text_width(bare[i], SMALL_FONT_SIZE) + 2) * point for i in members]
        if sum(sizes) > spans[-1][2]:
            continue
        places = spread([0.5 * (spans[i][1] + spans[i][2]) for i in members], sizes, 0, spans[-1][2])
        for i, place in zip(members, places):
            axis_text(ax, place, -(3 + 8 * line) / height, bare[i], transform=transform, ha="center", va="top")


def copies_key(
    ax: Axes, width: float, height: float, *, has_unknown: bool, has_one_copy: bool = False, has_lost: bool = True
) -> None:
    """Swatches of the total copies and of the mark of a lost allele, below the chromosome names, in lines as wide."""
    entries = [*zip(_TOTAL_COLOURS, _TOTAL_WORDS)]
    entries += [(_UNKNOWN, "unknown")] if has_unknown else []
    x, y = 0.0, _KEY_TOP

    def put(words: str, colour: str | None, size: tuple[float, float]) -> None:
        nonlocal x, y
        needed = text_width(words, SMALL_FONT_SIZE) + 16
        if x > 0 and x + needed > width:
            x, y = 0.0, y - _KEY_LINE
        if colour is not None:
            corner = (x / width, (y - 0.5 * size[1]) / height)
            box = (size[0] / width, size[1] / height)
            style: dict[str, Any] = {"facecolor": colour, "edgecolor": INK, "linewidth": 0.4, "clip_on": False}
            ax.add_patch(Rectangle(corner, *box, transform=ax.transAxes, **style))
        at = (x + (10 if colour else 0)) / width, y / height
        axis_text(ax, *at, words, transform=ax.transAxes, va="center")
        x += needed - (10 if colour is None else 0)

    put("total copies", None, (0, 0))
    for colour, word in entries:
        put(word, colour, (8, 6))
    if has_lost:
        put("one allele lost", INK, (8, 2))
    if has_one_copy:
        put("X and Y of males: white is one copy", None, (0, 0))


# Points below the axes of the key's first line, and between its lines.
_KEY_TOP = -24.0
_KEY_LINE = 9.5
