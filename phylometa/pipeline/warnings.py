"""What the stages warn of: clusters in conflict, and searches that have not converged."""

from __future__ import annotations

from phylometa.config import Settings
from phylometa.model.clusters import Clustering
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Patient
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["conflict_warnings", "history_warnings", "search_warnings", "unproved"]

# Conflicts between clusters that are spelt out among the warnings; the others are counted there.
SPELT_OUT = 8


def conflict_warnings(patient: Patient, clusters: Clustering, settings: Settings) -> tuple[str, ...]:
    """Warn of pairs of clusters that no tree can place, with the likely cause."""
    from phylometa.clustering.sum_condition import explain_conflicts

    data = (patient.mutations, patient.copy_number, patient.purity)
    texts = [conflict.text for conflict in explain_conflicts(clusters, *data, ccf_settings=settings.ccf)]
    if len(texts) > SPELT_OUT:
        rest = len(texts) - SPELT_OUT
        texts = [*texts[:SPELT_OUT], f"{rest} more pairs of clusters that no tree can place as they are"]
    return tuple(texts)


# Share of the posterior below which the listed trees are said not to stand for all.
LISTED_SHARE = 0.95


def search_warnings(trees: TreeEnsemble) -> tuple[str, ...]:
    """Warn if the chains over trees disagree, and if the listed trees are only a part of those that fit."""
    found = trees.diagnostics
    texts = []
    if trees.method == "search" and not found.get("converged", True):
        measures = f"R-hat {found['r_hat']:.2g}"
        if "disagreement" in found:
            measures += f", relations of clones differ by up to {found['disagreement']:.2g} between its halves"
        texts.append(f"clone trees: the search has not converged ({measures}); do not rely on single edges")
    if trees.listed_share < LISTED_SHARE:
        share = f"{100.0 * trees.listed_share:.2g} %"
        texts.append(
            f"clone trees: {trees.n_trees} fit, and the {len(trees)} listed hold {share} of the posterior: "
            f"edge supports are over all of them, presence, histories and labels over those listed"
        )
    return tuple(texts)


def unproved(histories: HistoryEnsemble) -> list[str]:
    """Say what is not proved or not listed of a given tree's optimal histories, with the gap and the remedy."""
    texts = []
    for entry in histories.trees:
        found = entry.criteria["comigrations"]
        if entry.least_comigrations is not None:
            gap = f"comigrations: at least {entry.least_comigrations}, {found} in the histories found"
            if entry.least_comigrations >= found:
                gap = f"{found} comigrations are the least, but not every history that has them was found"
            texts.append(f"the time ran out before the optimum was proved ({gap}); [migration] seconds allows more")
        elif not entry.complete and entry.n_histories > len(entry.histories):
            number = f"{entry.n_histories:,}" if entry.n_histories < 10**9 else f"{float(entry.n_histories):.1e}"
            texts.append(
                f"{number} optimal histories, of which the simplest {len(entry.histories):,} are listed; "
                "[migration] max_histories lists more"
            )
        elif not entry.complete:
            texts.append("the time ran out before the optimum was proved; [migration] seconds allows more")
    return texts


def history_warnings(histories: HistoryEnsemble) -> tuple[str, ...]:
    """Say if the histories would have let a few sampled trees speak for all."""
    if histories.power == 1.0:
        return ()
    return (
        f"migration histories single out few of the sampled clone trees: their weight on trees is taken to the power "
        f"{histories.power:.2g}; more draws (joint_draws, joint_rounds in [trees]) would let them weigh more",
    )
