"""What figures of samples on coordinate axes share: their order, the labels of their rows, text placed in points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from phylometa.model.arrays import IntArray
from phylometa.model.patient import Patient
from phylometa.plots.colours import site_swatches
from phylometa.plots.style import FONT_SIZE, INK, NO_SITE, SMALL_FONT_SIZE, Swatch, axes_size, fit_text

__all__ = ["axis_text", "ccf_axes", "label_sample_rows", "sample_order", "sample_swatches"]


def sample_order(patient: Patient) -> IntArray:
    """Order samples by site, in the order of the sheet within a site; those that name no site come last."""
    sites = patient.sample_site
    return np.argsort(np.where(sites < 0, len(patient.sites), sites), kind="stable")


def sample_swatches(patient: Patient) -> tuple[Swatch, ...]:
    """Return the swatch of every sample's site, grey for a sample that names none: on white its bars must be seen."""
    swatches = site_swatches(patient.sites)
    return tuple(Swatch(NO_SITE, "") if site < 0 else swatches[site] for site in patient.sample_site.tolist())


def axis_text(ax: Axes, x: float, y: float, text: str, **style: Any) -> Text:
    """Write plain text (never mathematics) in the small size; `style` as for `Axes.text`."""
    return ax.text(x, y, text, **{"fontsize": SMALL_FONT_SIZE, "parse_math": False, **style})


def label_sample_rows(ax: Axes, patient: Patient, samples: Sequence[int], names: Sequence[str]) -> None:
    """Write names of samples left of their rows (row i from y = i to i + 1), with their site's colour between."""
    width = axes_size(ax)[0]
    swatches = sample_swatches(patient)
    ax.set_yticks(np.arange(len(samples)) + 0.5, labels=list(names))
    ax.tick_params(axis="y", length=0, pad=10)
    for row, s in enumerate(samples):
        swatch = swatches[s]
        ax.add_patch(
            Rectangle(
                (-8 / width, row + 0.06),
                5 / width,
                0.88,
                transform=ax.get_yaxis_transform(),
                facecolor=swatch.colour,
                hatch=swatch.hatch or None,
                edgecolor=INK,
                linewidth=0.3,
                clip_on=False,
            )
        )


def ccf_axes(ax: Axes, *, ticks: Sequence[float], x: str = "", y: str = "") -> None:
    """Set both axes from 0 to 1, open at the top and right, with the names of the samples as far as given."""
    for axis, limits, name, length in (
        (ax.xaxis, ax.set_xlim, x, axes_size(ax)[0]),
        (ax.yaxis, ax.set_ylim, y, axes_size(ax)[1]),
    ):
        limits(-0.03, 1.03)
        axis.set_ticks(list(ticks), labels=[f"{tick:g}" for tick in ticks] if name else [])
        if name:
            axis.set_label_text(fit_text(name, length, FONT_SIZE), parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
