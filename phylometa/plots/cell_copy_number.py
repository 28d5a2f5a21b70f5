"""Copy number of single cells along the genome, clone by clone."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from phylometa.model.arrays import IntArray
from phylometa.model.cell_copy_number import CELL_FATES, CellClones
from phylometa.model.patient import CopyNumberProfile
from phylometa.plots.copy_number_plots import copies_key, name_chromosomes, segment_image, total_colours
from phylometa.plots.sample_axes import axis_text
from phylometa.plots.style import (
    INK,
    MUTED,
    NARROW,
    RULE,
    SMALL_FONT_SIZE,
    axes_size,
    column_width,
    data_axes,
    figure_style,
    text_width,
)

__all__ = ["plot_cell_copy_number"]

_LEAST_HEIGHT, _MOST_HEIGHT, _CELL = 120.0, 420.0, 1.5
_BLOCK = SMALL_FONT_SIZE + 1.5
_WORDS = {"doublet": "two cells", "noisy": "noisy", "alone": "no clone"}


def plot_cell_copy_number(found: CellClones, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot the total copies of every cell, a line each, in blocks of one clone; what is in no clone lies below.

    Parameters
    ----------
    found : CellClones
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes
    """
    blocks = _blocks(found)
    order = np.concatenate([cells for _, cells in blocks])
    names = [f"{name} ({len(cells)})" for name, cells in blocks]
    with figure_style():
        if ax is None:
            height = min(max(_CELL * len(order), _LEAST_HEIGHT, _BLOCK * len(blocks)), _MOST_HEIGHT)
            left = 14 + max(text_width(name, SMALL_FONT_SIZE) for name in names)
            bottom = 32 if column_width(width) >= NARROW else 42
            ax = data_axes(column_width(width), height, left=left, right=8, top=6, bottom=bottom)
        total, _, spans = segment_image(_as_segments(found, order))
        inner_width, inner_height = axes_size(ax)
        ax.set_xlim(0, total.shape[1])
        ax.set_ylim(len(order), 0)
        extent = (0, total.shape[1], len(order), 0)
        image = ax.imshow(total_colours(total), aspect="auto", interpolation="nearest", extent=extent)
        image.set_gid("cell-copy-number")
        ax.set_yticks([])
        at = 0
        for number, (name, (_, cells)) in enumerate(zip(names, blocks)):
            _name_block(ax, name, at, len(cells), number)
            at += len(cells)
        for _, _, end in spans[:-1]:
            ax.axvline(end, color=MUTED, linewidth=0.3)
        name_chromosomes(ax, spans, total.shape[1] / inner_width, inner_height)
        copies_key(ax, inner_width, inner_height, has_unknown=bool(np.isnan(total).any()), has_lost=False)
    return ax


def _name_block(ax: Axes, name: str, first: int, n_cells: int, number: int) -> None:
    """Name of a block at its middle, a bar beside it, a line above it."""
    point = 1.0 / axes_size(ax)[0]
    bar = (-5 * point, first), 3 * point, n_cells
    colour = INK if number % 2 else RULE
    ax.add_patch(Rectangle(*bar, transform=ax.get_yaxis_transform(), facecolor=colour, linewidth=0, clip_on=False))
    middle = first + n_cells / 2
    axis_text(ax, -8 * point, middle, name, transform=ax.get_yaxis_transform(), ha="right", va="center")
    if first:
        ax.axhline(first, color=INK, linewidth=0.4)


def _blocks(found: CellClones) -> list[tuple[str, IntArray]]:
    """Clones with their cells, those most alike beside each other, then what is in no clone."""
    blocks = []
    for k, name in enumerate(found.names):
        cells = found.members(k)
        if len(cells):
            profile = found.profiles[k][:, :, None]
            differing = (found.matrix.copies[:, :, cells] != profile).any(axis=0).sum(axis=0)
            word = "normal" if name == "N" else f"clone {name}"
            blocks.append((word, cells[np.argsort(differing, kind="stable")]))
    fate = np.array(found.fate)
    rest = [(_WORDS[name], np.flatnonzero(fate == name)) for name in CELL_FATES if name in _WORDS]
    return [*blocks, *((word, cells) for word, cells in rest if len(cells))]


def _as_segments(found: CellClones, order: IntArray) -> CopyNumberProfile:
    """The cells as samples, in the order of their lines."""
    matrix = found.matrix
    total = np.where(matrix.is_known, matrix.copies.sum(axis=0, dtype=np.int64), np.nan)[:, order]
    segment, cell = np.nonzero(np.isfinite(total))
    unknown = np.full(len(segment), np.nan)
    return CopyNumberProfile(
        sample_names=tuple(matrix.cells[c] for c in order.tolist()),
        sample=cell,
        chroms=tuple(matrix.chroms[j] for j in segment.tolist()),
        start=matrix.start[segment],
        end=matrix.end[segment],
        major=unknown,
        minor=unknown,
        total=total[segment, cell],
    )
