"""Tumour control against dose, without and with reseeding of the irradiated site in proportion to dose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from phylometa.config import TimingSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.colours import SITE_PALETTE
from phylometa.model.patient import Patient, Treatment
from phylometa.model.result import PatientResult
from phylometa.plots.label_placement import spread
from phylometa.plots.sample_axes import axis_text
from phylometa.plots.scene import MARGIN, NOTE_LINE, draw_scene, empty_scene, note_lines, scene_width
from phylometa.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    axes_size,
    clean_text,
    column_width,
    data_axes,
    figure_style,
    fit_text,
    percent,
)
from phylometa.timing.treatment import ControlCurves, control_curves, equivalent_dose_2gy, is_radiotherapy

__all__ = ["irradiations", "plot_tumour_control", "wants_control_curves"]

_HEIGHT = 130.0
_LEFT = 44.0
_POINTS = 241
_LEAST_RANGE = 80.0  # Gy


def irradiations(patient: Patient, *, alpha_beta: float) -> list[tuple[Treatment, float, bool]]:
    """List radiotherapy with a dose, its dose in 2-Gy fractions (EQD2, Gy), and whether fractions are known.

    Without the number of fractions the dose is taken as given in fractions of 2 Gy.
    """
    found = []
    for treatment in patient.treatments:
        if is_radiotherapy(treatment.kind) and math.isfinite(treatment.dose_gy) and treatment.dose_gy > 0:
            is_known = treatment.fractions > 0
            each = treatment.dose_gy / treatment.fractions if is_known else 2.0
            dose = float(equivalent_dose_2gy(treatment.dose_gy, each, alpha_beta=alpha_beta))
            found.append((treatment, dose, is_known))
    return found


def wants_control_curves(result: PatientResult) -> bool:
    """Return whether the settings ask for the figure and the patient had radiotherapy with a dose."""
    asked = result.settings is not None and result.settings.timing.radiotherapy_curves
    return bool(asked and irradiations(result.patient, alpha_beta=1.0))


def plot_tumour_control(
    result: PatientResult,
    *,
    ax: Axes | None = None,
    settings: TimingSettings | None = None,
    width: str | float = "double",
) -> Axes:
    """Plot P(no clonogen survives) against total dose in 2-Gy fractions, and the same if circulating cells
    reseed the irradiated site in proportion to dose; the courses the patient had are marked.

    Linear-quadratic survival, Poisson control. The number of clonogens, radiosensitivity and recruitment are
    assumptions (`TimingSettings`), not findings, and the figure says so.

    Parameters
    ----------
    result : PatientResult
    ax : matplotlib Axes, optional
        Drawn into; a new figure if omitted.
    settings : TimingSettings, optional
        Those of the result if omitted.
    width : {"double", "single"} or float
        Journal columns (183 and 89 mm), or millimetres; ignored if `ax` is given.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    Vilalta, Rafat & Graves, review of radiation effects on metastasis and tumour cell migration, Fig. 3.
    """
    chosen = settings or result.settings.timing
    alpha_beta = chosen.radiation_alpha / chosen.radiation_beta
    courses = irradiations(result.patient, alpha_beta=alpha_beta)
    if not courses:
        message = "No radiotherapy with a dose was given."
        return draw_scene(empty_scene(scene_width(ax, width), message, "Tumour control"), ax)
    limit = max(_LEAST_RANGE, 1.15 * max(dose for _, dose, _ in courses))
    options = {
        "clonogens": chosen.clonogens,
        "alpha": chosen.radiation_alpha,
        "beta": chosen.radiation_beta,
        "recruitment": chosen.recruitment_per_gy,
        "clonogenic_probability": chosen.clonogenic_probability,
    }
    curves = control_curves(np.linspace(0, limit, _POINTS), **options)
    at_doses = control_curves([dose for _, dose, _ in courses], **options)
    full = scene_width(ax, width)
    notes = note_lines(_notes(chosen, courses, at_doses), full - 2 * MARGIN)
    with figure_style():
        if ax is None:
            bottom = 32 + NOTE_LINE * len(notes)
            ax = data_axes(column_width(width), _HEIGHT, left=_LEFT, right=60, top=18, bottom=bottom)
        _draw_curves(ax, curves, limit)
        _mark_courses(ax, courses)
        points = axes_size(ax)
        for i, line in enumerate(notes):
            x, y = (MARGIN - _LEFT) / points[0], -(34 + NOTE_LINE * i) / points[1]
            axis_text(ax, x, y, line, transform=ax.transAxes, color=MUTED, va="center")
    return ax


def _notes(
    settings: TimingSettings, courses: Sequence[tuple[Treatment, float, bool]], control: ControlCurves
) -> list[str]:
    """What each course's line means, and what is assumed."""
    notes = []
    for i, (treatment, dose, _) in enumerate(courses):
        fractions = f" in {treatment.fractions:g} fractions" if treatment.fractions > 0 else ""
        site = clean_text(treatment.site) or "field not given"
        without, with_it = (percent(float(x[i])) for x in (control.control, control.control_with_reseeding))
        notes.append(
            f"{_letter(i)}: {site}, {treatment.dose_gy:g} Gy{fractions} (EQD2 {dose:.0f} Gy): control {without}, with "
            f"reseeding {with_it}."
        )
    notes.append(
        f"A model with assumed constants, no prognosis: {settings.clonogens:,.0f} clonogens, alpha "
        f"{settings.radiation_alpha:g} per Gy, beta {settings.radiation_beta:g} per Gy², "
        f"{settings.recruitment_per_gy:g} circulating cells recruited per Gy, each with a chance of "
        f"{settings.clonogenic_probability:g} to grow out."
    )
    if not all(is_known for _, _, is_known in courses):
        notes.append("Without the number of fractions 2 Gy each are supposed.")
    return notes


def _letter(course: int) -> str:
    return chr(ord("A") + course) if course < 26 else str(course + 1)


def _draw_curves(ax: Axes, curves: ControlCurves, limit: float) -> None:
    """Both curves with their names at the right; dashes tell them apart without colour."""
    width, height = axes_size(ax)
    entries: list[tuple[str, FloatArray, str, Any]] = [
        ("with reseeding", curves.control_with_reseeding, SITE_PALETTE[1], (0, (4, 2))),
        ("without", curves.control, SITE_PALETTE[0], "solid"),
    ]
    places = spread([float(entry[1][-1]) for entry in entries], [10 / height] * 2, 0.0, 1.05)
    for (name, value, colour, dash), place in zip(entries, places):
        (line,) = ax.plot(curves.dose, value, color=colour, linestyle=dash, linewidth=1.4, clip_on=False, zorder=2)
        line.set_gid(f"curve-{name.split()[0]}")
        axis_text(ax, 1 + 5 / width, place / 1.02, name, transform=ax.transAxes, va="center", color=INK)
    ax.set_xlim(0, limit)
    ax.set_ylim(0, 1.02)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], labels=["0%", "25%", "50%", "75%", "100%"])
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel(fit_text("EQD2: total dose in fractions of 2 Gy (Gy)", width, FONT_SIZE))
    ax.set_ylabel(fit_text("Tumour control", height, FONT_SIZE))


def _mark_courses(ax: Axes, courses: Sequence[tuple[Treatment, float, bool]]) -> None:
    """A line at each course's dose with its letter above the curves."""
    width, height = axes_size(ax)
    limit = ax.get_xlim()[1]
    order = sorted(range(len(courses)), key=lambda i: courses[i][1])
    places = spread([courses[i][1] for i in order], [9 * limit / width] * len(order), 0.0, limit)
    for i, place in zip(order, places):
        dose, top = courses[i][1], 1 + 5 / height
        (line,) = ax.plot(
            [dose / limit, dose / limit, place / limit], [0, 1, top],
            transform=ax.transAxes, color=MUTED, linewidth=0.8, clip_on=False, zorder=1,
        )  # fmt: skip
        line.set_gid(f"course-{i}")
        axis_text(ax, place / limit, 1 + 10 / height, _letter(i), transform=ax.transAxes, ha="center", va="center")
