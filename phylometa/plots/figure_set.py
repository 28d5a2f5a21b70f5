"""All figures of a patient as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from phylometa.model.result import PatientResult
from phylometa.plots.body_map import plot_body_map
from phylometa.plots.ccf_plots import plot_ccf_heatmap
from phylometa.plots.ccf_scatter import plot_ccf_pairs, plot_ccf_scatter
from phylometa.plots.circulation import plot_circulation
from phylometa.plots.clone_flow import plot_clone_flow
from phylometa.plots.clone_tree import plot_clone_tree
from phylometa.plots.copy_number_events import plot_copy_number_events
from phylometa.plots.copy_number_plots import plot_copy_number
from phylometa.plots.fish import plot_fish
from phylometa.plots.history_tree import plot_history
from phylometa.plots.instability import plot_instability
from phylometa.plots.migration_graph import plot_migration_graph
from phylometa.plots.oncoprint import plot_oncoprint
from phylometa.plots.proportions import plot_clone_proportions
from phylometa.plots.seeding_matrix import plot_seeding_matrix
from phylometa.plots.style import save_figure
from phylometa.plots.timeline import plot_timeline
from phylometa.plots.tumour_control import plot_tumour_control, wants_control_curves

__all__ = ["FIGURES", "FORMATS", "save_figures"]

FIGURES: dict[str, Callable[..., Any]] = {
    "clone_flow": plot_clone_flow,
    "clone_tree": plot_clone_tree,
    "oncoprint": plot_oncoprint,
    "migration_graph": plot_migration_graph,
    "history": plot_history,
    "body_map": plot_body_map,
    "seeding_matrix": plot_seeding_matrix,
    "clone_proportions": plot_clone_proportions,
    "ccf_heatmap": plot_ccf_heatmap,
    "ccf_scatter": plot_ccf_scatter,
    "ccf_pairs": plot_ccf_pairs,
    "fish": plot_fish,
    "timeline": plot_timeline,
    "circulation": plot_circulation,
    "tumour_control": plot_tumour_control,
    "copy_number": plot_copy_number,
    "copy_number_events": plot_copy_number_events,
    "instability": plot_instability,
}
"""File name -> function, in the order of the report."""
FORMATS = ("svg", "pdf", "png")


def save_figures(
    result: PatientResult,
    directory: str | Path,
    *,
    formats: tuple[str, ...] = FORMATS,
    figures: Sequence[str] = (),
    dpi: float | None = None,
    width: str | float | None = None,
) -> list[Path]:
    """Draw every figure of `result` and write it to `directory` as ``NAME.svg``, ``NAME.pdf`` and ``NAME.png``.

    A figure for which the result holds nothing says so in words. Tumour control is a model with assumed constants: it
    is drawn only if it is named in `figures` or `TimingSettings.radiotherapy_curves` is set; circulating clones only if
    it is named or a sample circulates. The same result gives the same bytes.

    Parameters
    ----------
    result : PatientResult
    directory : path
        Made if it does not exist.
    formats : tuple of {"svg", "pdf", "png"}
    figures : sequence of str
        Names from `FIGURES`; empty: all but what is drawn only if asked.
    dpi : float, optional
        Of pictures in raster form; 300 by default.
    width : {"double", "single"} or float, optional
        Journal columns or millimetres; each figure's own by default.

    Returns
    -------
    list of Path
        The files written.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    unasked = {"tumour_control"} - ({"tumour_control"} if wants_control_curves(result) else set())
    unasked |= {"circulation"} if result.circulation is None else set()
    chosen = figures or [name for name in FIGURES if name not in unasked]
    for name in chosen:
        figure = FIGURES[name](result, **({} if width is None else {"width": width})).figure
        paths.extend(save_figure(figure, directory / f"{name}.{kind}", dpi=dpi) for kind in formats)
    return paths
