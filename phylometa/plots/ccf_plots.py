"""Heat map of the cancer cell fractions of all mutations and samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from phylometa.model.result import PatientResult
from phylometa.plots.label_placement import spread
from phylometa.plots.sample_axes import axis_text, label_sample_rows, sample_order
from phylometa.plots.sample_names import short_sample_names
from phylometa.plots.scene import draw_scene, empty_scene, scene_width
from phylometa.plots.style import (
    INK,
    MUTED,
    SHADES,
    SMALL_FONT_SIZE,
    axes_size,
    clean_text,
    column_width,
    data_axes,
    figure_style,
    fit_text,
    text_width,
)

__all__ = ["plot_ccf_heatmap"]

_MIN_BLOCK = 6.0
_COLUMNS = 1200
_ROW = 12.0


def _block_columns(sizes: np.ndarray, width: float) -> np.ndarray:
    """Image columns of every cluster: its share of the mutations, but at least `_MIN_BLOCK` points of `width`."""
    least = min(_MIN_BLOCK, width / max(1, len(sizes)))
    share = least + (width - least * len(sizes)) * sizes / max(1, sizes.sum())
    return np.maximum(1, np.rint(share / width * _COLUMNS).astype(int))


def _heat_image(values: np.ndarray, labels: np.ndarray, order: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(samples, image columns): within a cluster by falling mean; several mutations to one column are averaged."""
    blocks = []
    for cluster, n_columns in zip(order, columns):
        block = values[labels == cluster]
        known = np.isfinite(block)
        mean = np.where(known, block, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        block = block[np.argsort(-mean, kind="stable")]
        edges = np.linspace(0, len(block), n_columns + 1)
        if len(block) <= n_columns:
            blocks.append(block[np.minimum(edges[:-1].astype(int), len(block) - 1)].T)
            continue
        starts = np.round(edges[:-1]).astype(int)
        sums = np.add.reduceat(np.where(np.isfinite(block), block, 0), starts, axis=0)
        counts = np.add.reduceat(np.isfinite(block).astype(float), starts, axis=0)
        blocks.append(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).T)
    return np.concatenate(blocks, axis=1)


def plot_ccf_heatmap(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot cancer cell fractions as a heat map: one row per sample, mutations from left to right by cluster.

    Clusters get at least a readable width, so that the horizontal axis is not to scale; the number of mutations stands
    below each. Cells without reads, and without the mutation
    where its copy may have been lost, are hatched. One raster image, however many mutations there are.

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
    patient = result.patient
    if result.ccf is None or patient.mutations.n_mutations == 0:
        message = "No cancer cell fractions could be estimated from these samples."
        return draw_scene(empty_scene(scene_width(ax, width), message, "Cancer cell fractions"), ax)
    with figure_style():
        n = patient.mutations.n_mutations
        labels = np.zeros(n, dtype=np.int64) if result.clusters is None else np.asarray(result.clusters.labels)
        names = ("all",) if result.clusters is None else tuple(clean_text(name) for name in result.clusters.names)
        sizes = np.bincount(labels, minlength=len(names))
        order = np.flatnonzero(sizes)
        samples = sample_order(patient)
        short_names = short_sample_names(patient)
        sample_names = [fit_text(short_names[s], 90, SMALL_FONT_SIZE) for s in samples]
        genes = _driver_columns(result)
        if ax is None:
            left = 16 + max(text_width(name, SMALL_FONT_SIZE) for name in sample_names)
            top = 12 + max((text_width(gene, SMALL_FONT_SIZE) for _, gene in genes), default=0.0)
            ax = data_axes(column_width(width), len(samples) * _ROW, left=left, right=44, top=top, bottom=34)
        inner_width, inner_height = axes_size(ax)
        columns = _block_columns(sizes[order], inner_width)
        image = _heat_image(result.ccf.told[:, samples], labels, order, columns)
        total = image.shape[1]
        ax.set_xlim(0, total)
        ax.set_ylim(len(samples), 0)
        ax.add_patch(
            Rectangle(
                (0, 0), total, len(samples), facecolor="#ffffff", edgecolor="#8c8c8c", hatch="//////", linewidth=0
            )
        )
        drawn = ax.imshow(
            np.ma.masked_invalid(image),
            cmap=SHADES,
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            extent=(0, total, len(samples), 0),
            zorder=1.5,
        )
        drawn.set_gid("ccf-heatmap")
        ends = np.cumsum(columns)
        for end in ends[:-1]:
            ax.axvline(end, color="#ffffff", linewidth=0.8, zorder=2)
            ax.axvline(end, color=INK, linewidth=0.3, zorder=2)
        label_sample_rows(ax, patient, samples.tolist(), sample_names)
        point = total / inner_width
        texts = [f"{names[k]}" for k in order]
        _label_below(ax, ends - 0.5 * columns, texts, [f"{sizes[k]}" for k in order], point, total)
        _label_drivers(ax, genes, labels, order, columns, point, total)
        bar = ax.inset_axes((1 + 8 / inner_width, 0.0, 6 / inner_width, 1.0))
        bar.imshow(np.linspace(1, 0, 64)[:, None], cmap=SHADES, vmin=0, vmax=1, aspect="auto", extent=(0, 1, 0, 1))
        bar.set_xticks([])
        bar.yaxis.tick_right()
        bar.set_yticks(
            [0, 0.5, 1] if inner_height >= 24 else [0, 1],
            labels=["0", "0.5", "1"] if inner_height >= 24 else ["0", "1"],
        )
        bar.set_title("CCF", fontsize=SMALL_FONT_SIZE, pad=3, loc="left")
    return ax


def _driver_columns(result: PatientResult) -> list[tuple[int, str]]:
    """(mutation, gene) of mutations in driver genes."""
    patient = result.patient
    return [(i, clean_text(gene)) for i, gene in enumerate(patient.mutations.genes) if gene in patient.drivers]


def _label_below(ax: Axes, centres: Any, names: list[str], counts: list[str], point: float, total: float) -> None:
    """Cluster names and sizes below the blocks, spread so that they do not touch; too many are upright."""
    ax.set_xticks([])
    size = SMALL_FONT_SIZE
    wide = [max(text_width(name, size), text_width(count, size)) + 3 for name, count in zip(names, counts)]
    transform = ax.get_xaxis_transform()
    height = axes_size(ax)[1]
    is_upright = sum(wide) * point > total
    if is_upright:
        names = [fit_text(f"{name} ({count})", 28, size) for name, count in zip(names, counts)]
        wide = [size + 1.2] * len(names)
    if sum(wide) * point > total:
        keep = sorted(sorted(range(len(names)), key=lambda i: -float(counts[i]))[: int(total / point / wide[0])])
        names, counts = [names[i] for i in keep], [counts[i] for i in keep]
        centres, wide = [centres[i] for i in keep], [wide[i] for i in keep]
    places = spread([float(c) for c in centres], [w * point for w in wide], 0, total)
    for centre, place, name, count in zip(centres, places, names, counts):
        ax.plot([centre, place], [0, -3 / height], transform=transform, color=MUTED, linewidth=0.4, clip_on=False)
        if is_upright:
            axis_text(
                ax,
                place,
                -4 / height,
                name,
                transform=transform,
                rotation=90,
                ha="center",
                va="top",
            )
        else:
            axis_text(
                ax,
                place,
                -4 / height,
                name,
                transform=transform,
                ha="center",
                va="top",
                fontweight="bold",
            )
            axis_text(
                ax,
                place,
                -12 / height,
                count,
                transform=transform,
                ha="center",
                va="top",
                color=MUTED,
            )
    if not is_upright:
        axis_text(
            ax,
            total,
            -21 / height,
            "cluster and its number of mutations; hatched: no reads, or copy lost",
            transform=transform,
            ha="right",
            va="top",
            color=MUTED,
        )


def _label_drivers(
    ax: Axes,
    genes: list[tuple[int, str]],
    labels: np.ndarray,
    order: np.ndarray,
    columns: np.ndarray,
    point: float,
    total: float,
) -> None:
    """Driver genes above the block of their cluster, upright, each gene once per cluster."""
    centre_of = dict(zip(order.tolist(), (np.cumsum(columns) - 0.5 * columns).tolist()))
    entries = sorted({(centre_of[int(labels[i])], gene) for i, gene in genes})
    size = SMALL_FONT_SIZE
    room = int(total / point / (size + 1.5))
    if len(entries) > room:  # one gene of every cluster before the second of any
        seen: dict[float, int] = {}
        turns = []
        for centre, gene in entries:
            seen[centre] = seen.get(centre, 0) + 1
            turns.append((seen[centre], centre, gene))
        entries = sorted((centre, gene) for _, centre, gene in sorted(turns)[:room])
    places = spread([centre for centre, _ in entries], [(size + 1.5) * point] * len(entries), 0, total)
    height = axes_size(ax)[1]
    transform = ax.get_xaxis_transform()
    for (centre, gene), place in zip(entries, places):
        ax.plot([centre, place], [1, 1 + 4 / height], transform=transform, color=MUTED, linewidth=0.4, clip_on=False)
        axis_text(
            ax,
            place,
            1 + 6 / height,
            fit_text(gene, 60, size),
            transform=transform,
            rotation=90,
            ha="center",
            va="bottom",
            fontstyle="italic",
        )
