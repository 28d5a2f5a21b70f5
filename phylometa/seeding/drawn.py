"""Labels and routes summed over the draws of the posterior, with their Monte-Carlo errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.certainty import LARGEST_R_HAT, Certainty, Convergence, statement_key
from phylometa.model.history import HistoryEnsemble
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.label_specs import EXTRA_LABELS, PATIENT_LABELS, SITE_LABELS
from phylometa.model.monte_carlo import diagnose_draws
from phylometa.model.patient import Site
from phylometa.seeding.batch import HistoryBatch, LabelColumn, batch_histories
from phylometa.seeding.labels import DrawnLabels, count_labels_by_draw, label_batch

__all__ = ["NAMING_CLONES", "certainty_of_draws", "labels_of_draws"]

NAMING_CLONES = ("seeding_clones_primary",)
"""Labels whose values are clones, which differ between draws."""
LARGEST_ERROR = 0.05
"""Monte-Carlo standard error of a stated probability above which a run has not converged."""
NEGLIGIBLE_ERROR = 0.025
"""Standard error up to which chains that disagree (`LARGEST_R_HAT`) do not matter."""


def labels_of_draws(
    joint: JointPosterior, histories: HistoryEnsemble, sites: Sequence[Site], primary: int
) -> DrawnLabels:
    """Count the labels of the histories of every draw.

    Parameters
    ----------
    joint : JointPosterior
    histories : HistoryEnsemble
        Of the draws: ``TreeHistories.tree`` is the index of a draw.
    sites : sequence of Site
    primary : int

    Returns
    -------
    DrawnLabels
    """
    names = [name for name in (*PATIENT_LABELS, *SITE_LABELS, *EXTRA_LABELS) if name not in NAMING_CLONES]
    weights: FloatArray = np.zeros(joint.n_draws)
    for entry in histories.trees:
        weights[entry.tree] += sum(history.weight for history in entry.histories)
    # Many draws have the same tree and the same histories, with other weights.
    known: dict[tuple[object, ...], Mapping[tuple[str, str], LabelColumn]] = {}

    def columns_of(batch: HistoryBatch) -> Mapping[tuple[str, str], LabelColumn]:
        tree = batch.tree
        what = (tree.parents, np.asarray(tree.n_mutations) > 0, batch.presence, batch.edges)
        key = batch.edges.shape, *(np.asarray(part).tobytes() for part in what)
        if key not in known:
            known[key] = label_batch(batch)
        return known[key]

    tables = (
        (entry.tree, batch.weights, columns_of(batch))
        for entry in histories.trees
        if entry.histories
        for batch in batch_histories(joint.tree(entry.tree), entry.histories, sites, entry.presence, primary=primary)
    )
    return count_labels_by_draw(tables, names, weights)


def certainty_of_draws(drawn: DrawnLabels, joint: JointPosterior, shown: HistoryEnsemble) -> Certainty:
    """Give every label and route that is summed over the draws its Monte-Carlo error, and judge their convergence.

    Parameters
    ----------
    drawn : DrawnLabels
    joint : JointPosterior
    shown : HistoryEnsemble
        With `errors`.

    Returns
    -------
    Certainty
        With `mcse` and `convergence`.
    """
    errors = diagnose_draws(drawn.conditional(), drawn.weights, joint.chain)
    mcse: dict[str, Any] = {}
    best: dict[str, tuple[float, int]] = {}
    for q, (name, site, value) in enumerate(drawn.keys):
        part = mcse.setdefault(name, {})
        part = part.setdefault(site, {}) if site else part
        part[value] = float(errors.mcse[q])
        key = statement_key(name, site)
        best[key] = max(best.get(key, (-1.0, -1)), (float(errors.probability[q]), q))
    names = shown.site_names
    stated = [
        (key, (float(errors.mcse[q]), float(errors.r_hat[q]), float(errors.effective_draws[q])))
        for key, (_, q) in best.items()
    ]
    routes = {} if shown.errors is None else shown.errors.routes
    stated += [(f"route {names[s]} to {names[t]}", found) for (s, t), found in routes.items()]
    return Certainty(mcse=mcse, convergence=_convergence(stated, joint))


def _convergence(stated: Sequence[tuple[str, tuple[float, float, float]]], joint: JointPosterior) -> Convergence:
    """The worst of the statements, each with its standard error, R-hat and effective draws."""
    mcse, r_hat, effective = np.array([errors for _, errors in stated]).T
    worst, apart = int(mcse.argmax()), int(np.where(mcse > NEGLIGIBLE_ERROR, r_hat, 1.0).argmax())
    is_apart = mcse[apart] > NEGLIGIBLE_ERROR and r_hat[apart] > LARGEST_R_HAT
    return Convergence(
        n_draws=joint.n_draws,
        n_chains=len(np.unique(joint.chain)),
        largest_mcse=float(mcse[worst]),
        mcse_of=stated[worst][0],
        largest_r_hat=float(r_hat[apart]),
        r_hat_of=stated[apart][0],
        effective_draws=float(effective.min()),
        is_converged=bool(mcse[worst] <= LARGEST_ERROR and not is_apart),
    )
