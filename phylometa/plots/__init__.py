"""Figures: a result in, matplotlib `Axes` out; all of a patient's with `save_figures`."""

from phylometa.plots.body_map import plot_body_map
from phylometa.plots.ccf_plots import plot_ccf_heatmap
from phylometa.plots.ccf_scatter import plot_ccf_pairs, plot_ccf_scatter
from phylometa.plots.clone_flow import plot_clone_flow
from phylometa.plots.clone_tree import plot_clone_tree
from phylometa.plots.copy_number_events import plot_copy_number_events
from phylometa.plots.copy_number_plots import plot_copy_number
from phylometa.plots.figure_set import FIGURES, FORMATS, save_figures
from phylometa.plots.fish import plot_fish
from phylometa.plots.history_tree import plot_history
from phylometa.plots.instability import plot_instability
from phylometa.plots.migration_graph import plot_migration_graph
from phylometa.plots.oncoprint import plot_oncoprint
from phylometa.plots.proportions import plot_clone_proportions
from phylometa.plots.seeding_matrix import plot_seeding_matrix
from phylometa.plots.style import figure_style
from phylometa.plots.timeline import plot_timeline
from phylometa.plots.tumour_control import plot_tumour_control

__all__ = [
    "FIGURES",
    "FORMATS",
    "figure_style",
    "plot_body_map",
    "plot_ccf_heatmap",
    "plot_ccf_pairs",
    "plot_ccf_scatter",
    "plot_clone_proportions",
    "plot_clone_flow",
    "plot_clone_tree",
    "plot_copy_number",
    "plot_copy_number_events",
    "plot_fish",
    "plot_history",
    "plot_instability",
    "plot_migration_graph",
    "plot_oncoprint",
    "plot_seeding_matrix",
    "plot_timeline",
    "plot_tumour_control",
    "save_figures",
]
