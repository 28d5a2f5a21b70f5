"""The report of a patient as one HTML file: no network, no fonts, no scripts from elsewhere."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

import phylometa
from phylometa.config import SeedingSettings
from phylometa.model.result import PatientResult
from phylometa.plots.body_map import body_map_scene
from phylometa.plots.ccf_plots import plot_ccf_heatmap
from phylometa.plots.ccf_scatter import plot_ccf_pairs
from phylometa.plots.circulation import circulation_scene
from phylometa.plots.clone_flow import clone_flow_scene
from phylometa.plots.copy_number_events import copy_number_events_scene
from phylometa.plots.copy_number_plots import plot_copy_number
from phylometa.plots.fish import fish_scene
from phylometa.plots.instability import instability_scene
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.oncoprint import oncoprint_scene
from phylometa.plots.proportions import clone_proportions_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.seeding_matrix import seeding_matrix_scene
from phylometa.plots.style import COLUMN_WIDTHS
from phylometa.plots.timeline import timeline_scene
from phylometa.plots.tumour_control import plot_tumour_control, wants_control_curves
from phylometa.report.circulation import circulation_sentences
from phylometa.report.embedded_figures import inline_svg
from phylometa.report.explorer import evidence_json, explorer_frames
from phylometa.report.findings import describe
from phylometa.report.glossary import GLOSSARY
from phylometa.report.methods_text import CITATIONS, methods_paragraph
from phylometa.report.overview import overview
from phylometa.report.page import render_page
from phylometa.report.report_tables import all_tables
from phylometa.timing.treatment import is_radiotherapy

__all__ = ["first_screen_html", "report_html", "write_report"]


_SHOWN_SITES = 12
_BODY_MAP_WIDTH, _ROUTES_WIDTH = 300.0, 284.0  # points
_MAX_POINTS = 5000  # of more mutations the pairs of samples are left to `phylometa plot`


def _figures(result: PatientResult) -> dict[str, Markup]:
    """Inline SVG of the figures outside the explorer, by name; those that would be empty are left out."""
    settings = SeedingSettings() if result.labels is None else result.labels.settings
    certain = settings.favoured_probability  # nothing less sure has an arrow beside the findings
    body_map = body_map_scene(result, min_probability=certain, width=_BODY_MAP_WIDTH)
    scenes = {"body_map": body_map, "timeline": timeline_scene(result)}
    if result.labels is not None:
        scenes["seeding_matrix"] = seeding_matrix_scene(result)
    if result.histories is not None and result.trees is not None:
        scenes["routes"] = migration_graph_scene(
            result, rank=None, is_merged=True, is_best=True, names_candidates=False, width=_ROUTES_WIDTH
        )
    if result.trees is not None and len(result.trees):
        scenes["clone_flow"] = clone_flow_scene(result)
        scenes["oncoprint"] = oncoprint_scene(result)
        scenes["clone_proportions"] = clone_proportions_scene(result)
        scenes["fish"] = fish_scene(result)
    if result.circulation is not None:
        scenes["circulation"] = circulation_scene(result)
    if result.copy_number is not None:
        scenes["copy_number_events"] = copy_number_events_scene(result, width=COLUMN_WIDTHS["double"])
        scenes["instability"] = instability_scene(result, width=COLUMN_WIDTHS["double"])
    figures = {
        name: Markup(scene_svg(scene, prefix=name.replace("_", "-"), is_interactive=True))
        for name, scene in scenes.items()
    }
    if result.ccf is not None and result.patient.mutations.n_mutations:
        figures["ccf_heatmap"] = _drawn(
            plot_ccf_heatmap(result), "Cancer cell fractions", "One row a sample, mutations by cluster."
        )
        if len(result.patient.samples) > 1 and result.patient.mutations.n_mutations <= _MAX_POINTS:
            figures["ccf_pairs"] = _drawn(
                plot_ccf_pairs(result),
                "Samples against each other",
                "One panel a pair of samples, one point a mutation.",
                dpi=90,  # many small images: half the size of the others' resolution
            )
    if wants_control_curves(result):
        figures["tumour_control"] = _drawn(
            plot_tumour_control(result),
            "Tumour control (model with assumed constants)",
            "Probability of control against dose, without and with reseeding.",
        )
    if result.patient.segments is not None and result.patient.segments.n_segments:
        figures["copy_number"] = _drawn(plot_copy_number(result), "Copy number", "One row a sample, along the genome.")
    return figures


def _drawn(ax: Axes, title: str, description: str, **options: Any) -> Markup:
    prefix = title.lower().replace(" ", "-")
    return Markup(inline_svg(ax.get_figure(), prefix=prefix, title=title, description=description, **options))


def report_html(result: PatientResult) -> str:
    """Write the report as text; see `write_report`."""
    frames = explorer_frames(result)
    context: dict[str, Any] = {
        "patient": result.patient,
        "result": result,
        "findings": describe(result),
        "overview": overview(result),
        "is_irradiated": any(is_radiotherapy(treatment.kind) for treatment in result.patient.treatments),
        "tables": all_tables(result),
        "figures": _figures(result),
        "circulation": circulation_sentences(result),
        "frames": [
            {
                "caption": frame.caption,
                "tree": Markup(frame.tree_svg),
                "graph": Markup(frame.graph_svg),
                "history": Markup(frame.history_svg),
            }
            for frame in frames
        ],
        "clone_names": () if result.trees is None else result.trees.names,
        "warnings": tuple(dict.fromkeys((*result.patient.warnings, *result.warnings))),
        "glossary": GLOSSARY,
        "methods": methods_paragraph(result, phylometa.__version__),
        "citations": CITATIONS,
        "shown_sites": _SHOWN_SITES,
        "evidence": Markup(evidence_json(result)),
    }
    return render_page("report.html.j2", **context)


def first_screen_html(result: PatientResult) -> str:
    """Write the first screen as a piece of HTML without style or script, for a notebook.

    Parameters
    ----------
    result : PatientResult
    """
    routes = ""
    if result.histories is not None and result.trees is not None:
        scene = migration_graph_scene(result, rank=None, is_merged=True, is_best=True, width=_ROUTES_WIDTH)
        routes = Markup(scene_svg(scene, prefix="routes", is_interactive=False))
    return render_page("first_screen.html.j2", patient=result.patient, overview=overview(result), routes=routes)


def write_report(result: PatientResult, path: str | PathLike[str]) -> Path:
    """Write the report of one patient as a self-contained HTML file.

    Parameters
    ----------
    result : PatientResult
        Fields of stages that have not run may be None; the report says what is missing.
    path : path of the file to write

    Returns
    -------
    Path
    """
    path = Path(path)
    path.write_text(report_html(result), encoding="utf-8", errors="replace", newline="\n")
    return path
