"""Chromosomal instability by site: wGII, loss of heterozygosity and ploidy of every sample, primaries above."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from phylometa.model.copy_number import CopyNumberResult, Instability
from phylometa.model.patient import Patient
from phylometa.model.result import PatientResult
from phylometa.plots.colours import site_swatches
from phylometa.plots.scene import MARGIN, NOTE_LINE, Scene, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    FAINT,
    INK,
    MUTED,
    RULE,
    SMALL_FONT_SIZE,
    Swatch,
    clean_text,
    fit_text,
    text_width,
)

__all__ = ["instability_scene", "plot_instability"]

_ROW = 13.0
_DOT = 2.8
_GAP = 14.0
_SWATCH = 6.0
# Measure, heading, ends of the axis (None: by the data), places of its ticks.
_PANELS: tuple[tuple[str, str, tuple[float, float] | None, tuple[float, ...]], ...] = (
    ("wgii", "wGII", (0.0, 1.0), (0.0, 0.5, 1.0)),
    ("loh", "LOH", (0.0, 1.0), (0.0, 0.5, 1.0)),
    ("ploidy", "ploidy", None, ()),
)


def plot_instability(result: PatientResult, *, ax: Axes | None = None, width: str | float = "double") -> Axes:
    """Plot chromosomal instability of the samples by site, with the comparison of primaries and metastases.

    One row per site, one dot per sample, with a black centre if its genome doubled (P above 1/2); a line is the mean of
    the primaries or of the metastases. Below each measure stands the p-value of the permutation test between the two.

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
    return draw_scene(instability_scene(result, width=scene_width(ax, width)), ax)


def instability_scene(result: PatientResult, *, width: float) -> Scene:
    """Lay out the shapes of `plot_instability`, `width` points wide."""
    title = "Chromosomal instability"
    found = result.copy_number
    if found is None:
        return empty_scene(width, "No copy-number result: instability was not measured.", title)
    rows = _rows(found, result.patient)
    swatches = site_swatches(result.patient.sites)
    sites = [fit_text(result.patient.sites[t].name, 0.24 * width, SMALL_FONT_SIZE) for t, _ in rows]
    left = MARGIN + _SWATCH + 3 + max(text_width(name, SMALL_FONT_SIZE) for name in sites) + 8
    notes = note_lines(_notes(found), width - 2 * MARGIN)
    top = MARGIN + 12
    bottom = top + _ROW * len(rows)
    height = bottom + 26 + NOTE_LINE * len(notes) + MARGIN
    scene = Scene(width, height, title, "One row a site, one dot a sample: wGII, LOH and ploidy.")
    for i, (t, _) in enumerate(rows):
        middle = top + (i + 0.5) * _ROW
        scene.rect(MARGIN, middle - _SWATCH / 2, _SWATCH, _SWATCH, swatch=swatches[t], stroke=INK, line_width=0.4)
        scene.small(MARGIN + _SWATCH + 3, middle, sites[i])
    panel = (width - MARGIN - left - _GAP * (len(_PANELS) - 1)) / len(_PANELS)
    for k, (measure, heading, ends, ticks) in enumerate(_PANELS):
        start = left + k * (panel + _GAP)
        values = [getattr(item, measure) for _, items in rows for item in items]
        low, high = ends or _whole_ends(values)
        scale = (panel - 2 * _DOT) / (high - low)
        scene.text(start, MARGIN + 5, heading, size=SMALL_FONT_SIZE, weight="bold")
        for tick in ticks or _whole_ticks(low, high):
            x = start + _DOT + (tick - low) * scale
            scene.line([(x, top), (x, bottom)], stroke=RULE, line_width=0.5)
            scene.text(x, bottom + 6, f"{tick:g}", size=SMALL_FONT_SIZE, anchor="middle", colour=MUTED)
        scene.line([(start, bottom), (start + panel, bottom)], stroke=FAINT, line_width=0.6)
        _means(scene, result.patient, rows, measure, (start + _DOT - low * scale, scale), top)
        for i, (t, items) in enumerate(rows):
            middle = top + (i + 0.5) * _ROW
            for item, shift in zip(items, _spread(len(items))):
                value = getattr(item, measure)
                if math.isfinite(value):
                    place = found.instability.index(item)
                    _dot(scene, start + _DOT + (value - low) * scale, middle + shift, swatches[t], item, place)
        comparison = next((c for c in found.comparisons if c.measure == measure), None)
        if comparison is not None and math.isfinite(comparison.p_value):
            scene.note(start, bottom + 16, fit_text(f"p = {comparison.p_value:.2g}", panel, SMALL_FONT_SIZE))
    scene.notes(MARGIN, bottom + 28, notes)
    return scene


def _rows(found: CopyNumberResult, patient: Patient) -> list[tuple[int, list[Instability]]]:
    """Sites with samples in the result, primaries first, and the measures of their samples."""
    by_name = {item.name: item for item in found.instability if item.is_sample}
    members: dict[int, list[Instability]] = {}
    for sample, t in zip(patient.samples, patient.sample_site.tolist()):
        if sample.name in by_name:
            members.setdefault(t, []).append(by_name[sample.name])
    return sorted(members.items(), key=lambda item: (patient.sites[item[0]].is_metastasis, item[0]))


def _notes(found: CopyNumberResult) -> list[str]:
    texts = ["wGII: share of the genome off the ploidy, mean over chromosomes; LOH: share with an allele lost."]
    if any(item.is_sample and item.is_doubled for item in found.instability):
        texts.append("Black centre: genome doubled (P above 1/2).")
    if any(math.isfinite(c.p_value) for c in found.comparisons):
        texts.append("Lines: means of primaries and of metastases; p: permutation test, samples taken as independent.")
    return texts


def _whole_ends(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)] or [2.0]
    return min(1.0, float(np.floor(min(known)))), max(4.0, float(np.ceil(max(known))))


def _whole_ticks(low: float, high: float) -> list[float]:
    step = max(1, round((high - low) / 4))
    return [low + step * i for i in range(int((high - low) // step) + 1)]


def _spread(n: int) -> list[float]:
    """Shifts (points) of the dots of a row, so that equal ones can be told apart."""
    most = 0.5 * _ROW - _DOT - 0.5
    return [0.0] if n == 1 else [most * (2 * i / (n - 1) - 1) for i in range(n)]


def _dot(scene: Scene, x: float, y: float, swatch: Swatch, item: Instability, place: int) -> None:
    with scene.group(f"sample-{place}", clean_text(item.name)):
        scene.circle(x, y, _DOT, swatch=Swatch(swatch.colour), stroke=INK, line_width=0.5)
        if item.is_doubled:
            scene.circle(x, y, 0.45 * _DOT, fill=INK)


def _means(
    scene: Scene,
    patient: Patient,
    rows: list[tuple[int, list[Instability]]],
    measure: str,
    axis: tuple[float, float],
    top: float,
) -> None:
    """A line at the mean over the rows of the primaries, and one over those of the metastases."""
    zero, scale = axis
    for is_metastasis in (False, True):
        chosen = [i for i, (t, _) in enumerate(rows) if patient.sites[t].is_metastasis == is_metastasis]
        values = [getattr(item, measure) for i in chosen for item in rows[i][1]]
        values = [value for value in values if math.isfinite(value)]
        if len(values) > 1:
            x = zero + scale * float(np.mean(values))
            scene.line([(x, top + _ROW * chosen[0] + 1), (x, top + _ROW * (chosen[-1] + 1) - 1)], stroke=MUTED)
