"""Monte-Carlo errors of the migrations shown: of routes between sites, and of clones along them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.joint.consensus import Projection
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.history import HistoryEnsemble, MigrationErrors
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.monte_carlo import MonteCarlo, diagnose_draws

__all__ = ["migration_errors"]


def migration_errors(
    joint: JointPosterior, histories: HistoryEnsemble, projections: Sequence[Projection]
) -> MigrationErrors:
    """Work out the Monte-Carlo error of every route and of every migration of shown clones.

    Parameters
    ----------
    joint : JointPosterior
    histories : HistoryEnsemble
        Of the draws: ``TreeHistories.tree`` is the index of a draw.
    projections : sequence of Projection
        Of every draw.

    Returns
    -------
    MigrationErrors
        Sites and shown clones by index.
    """
    draws, weights, edges, of_history = [], [], [], []
    for entry in histories.trees:
        shown = projections[entry.tree].shown
        for history in entry.histories:
            found = history.migrations
            draws.append(entry.tree)
            weights.append(history.weight)
            edges.append(np.column_stack([found[:, 1], found[:, 3], shown[found[:, 0]], shown[found[:, 2]]]))
            of_history.append(len(found))
    draw_of, weight_of = np.array(draws, dtype=np.int64), np.array(weights)
    total: FloatArray = np.bincount(draw_of, weights=weight_of, minlength=joint.n_draws).astype(np.float64)
    history_of = np.repeat(np.arange(len(draws)), of_history)
    rows = np.concatenate(edges) if edges else np.zeros((0, 4), dtype=np.int64)
    routes, errors = _errors(rows[:, :2], history_of, draw_of, weight_of, total, joint.chain)
    migrations, of_clones = _errors(rows, history_of, draw_of, weight_of, total, joint.chain)
    return MigrationErrors(
        {
            (s, t): (float(mcse), float(r_hat), float(effective))
            for (s, t), mcse, r_hat, effective in zip(
                routes.tolist(), errors.mcse, errors.r_hat, errors.effective_draws
            )
        },
        {(s, t, u, v): float(mcse) for (s, t, u, v), mcse in zip(migrations.tolist(), of_clones.mcse)},
    )


def _errors(
    rows: IntArray, history_of: IntArray, draw_of: IntArray, weight_of: FloatArray, total: FloatArray, chain: IntArray
) -> tuple[IntArray, MonteCarlo]:
    """Distinct rows, and the errors of the probability that a history has them.

    `history_of` (R,): history of every row; `draw_of`, `weight_of` (H,) of every history; `total` (D,) of a draw.
    """
    keys, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.reshape(-1)
    once = np.unique(history_of * max(len(keys), 1) + number)  # a history that has a row twice counts once
    history, key = np.divmod(once, max(len(keys), 1))
    by_draw = np.zeros((len(total), len(keys)))
    np.add.at(by_draw, (draw_of[history], key), weight_of[history])
    values = np.divide(by_draw, total[:, None], out=np.zeros_like(by_draw), where=total[:, None] > 0.0)
    return keys, diagnose_draws(values, total, chain)
