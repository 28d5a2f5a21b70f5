"""phylometa: clones, seeding routes and dissemination timing of metastatic cancer from multi-sample sequencing.

The names below are loaded when first used, so that ``import phylometa`` costs nothing.

>>> import phylometa as pm
>>> pm.CloneTree.from_edges([("trunk", "A"), ("trunk", "B")]).n_clones
3
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

_PUBLIC = {
    "errors": ["InfeasibleError", "InputError", "PhylometaError"],
    "config": ["Settings", "load_settings"],
    "model.patient": ["CopyNumberProfile", "MutationTable", "Patient", "Sample", "Site"],
    "model.clusters": ["CcfTable", "Clustering"],
    "model.clone_tree": ["CloneTree"],
    "model.colours": ["with_colours"],
    "model.tree_ensemble": ["TreeEnsemble"],
    "model.history": ["HistoryEnsemble", "MigrationHistory"],
    "io.tables": ["read_cohort", "read_patient"],
    "ccf.estimate": ["estimate_ccf"],
    "ccf.purity": ["estimate_purity", "infer_purity"],
    "clustering.infer": ["cluster_mutations"],
    "joint.relations": ["mutation_relations"],
    "clone_trees.infer": ["infer_clone_trees"],
    "migration": ["infer_history_ensemble", "infer_migration_histories"],
    "seeding": ["classify_seeding"],
    "timing.infer": ["date_dissemination"],
    "copy_number": ["infer_copy_number_tree"],
    "simulate": ["simulate_patient"],
    "pipeline.stages": ["AnalysisResult", "analyse", "load_result"],
    "plots": [
        "plot_body_map",
        "plot_ccf_heatmap",
        "plot_ccf_scatter",
        "plot_clone_proportions",
        "plot_clone_flow",
        "plot_clone_tree",
        "plot_copy_number",
        "plot_fish",
        "plot_history",
        "plot_migration_graph",
        "plot_oncoprint",
        "plot_seeding_matrix",
        "plot_timeline",
        "save_figures",
    ],
    "report": ["write_cohort_index", "write_report"],
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'phylometa' has no attribute {name!r}")
    value = getattr(import_module(f"phylometa.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
