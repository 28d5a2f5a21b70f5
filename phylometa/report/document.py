"""The report of a patient as one HTML file: no network, no fonts, no scripts from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

import phylometa
from phylometa.plots import ccf_plots
from phylometa.plots.proportions import clone_proportions_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.seeding_matrix import seeding_matrix_scene
from phylometa.plots.style import clean_text
from phylometa.plots.timeline import timeline_scene
from phylometa.report.embedded_figures import inline_svg
from phylometa.report.explorer import evidence_json, explorer_frames
from phylometa.report.findings import describe
from phylometa.report.glossary import GLOSSARY
from phylometa.report.methods_text import CITATIONS, methods_paragraph
from phylometa.report.report_tables import all_tables
from phylometa.trees import PatientResult

__all__ = ["report_html", "write_report"]


def _asset(name: str) -> str:
    return resources.files("phylometa.report").joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["clean"] = clean_text
    return environment


def _digest(text: str) -> str:
    """Source expression of a Content-Security-Policy for an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _figures(result: PatientResult) -> dict[str, Markup]:
    scenes = {
        "seeding_matrix": seeding_matrix_scene(result),
        "timeline": timeline_scene(result),
        "clone_proportions": clone_proportions_scene(result),
    }
    figures = {
        name: Markup(scene_svg(scene, prefix=name.replace("_", "-"), is_interactive=True))
        for name, scene in scenes.items()
    }
    if result.ccf is not None and result.patient.mutations.n_mutations:
        figure = ccf_plots.plot_ccf_heatmap(result).get_figure()
        figures["ccf_heatmap"] = Markup(
            inline_svg(
                figure,
                prefix="ccf-heatmap",
                title="Cancer cell fractions",
                description="One row a sample, mutations by cluster; the numbers stand in the tables.",
            )
        )
    return figures


def report_html(result: PatientResult) -> str:
    """The report as text; see `write_report`."""
    script, style = _asset("report.js"), _asset("report.css")
    frames = explorer_frames(result)
    context: dict[str, Any] = {
        "patient": result.patient,
        "result": result,
        "findings": describe(result),
        "tables": all_tables(result),
        "figures": _figures(result),
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
        "version": phylometa.__version__,
        "evidence": Markup(evidence_json(result)),
        "script": Markup(script),
        "style": Markup(style),
        "script_digest": _digest(script),
    }
    return _environment().from_string(_asset("report.html.j2")).render(context)


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
