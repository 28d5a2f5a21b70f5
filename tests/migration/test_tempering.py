"""How far histories may weigh the draws of the sampler."""

import numpy as np
import pytest

from phylometa.migration.tempering import effective_draws, temper_draws, weights_of_draws
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories


def ensemble(weights):
    """Two histories per draw, with three quarters and one quarter of its weight."""
    edges = np.array([[0, 0, 1, 1]])
    trees = []
    for draw, weight in enumerate(weights):
        histories = tuple(
            MigrationHistory(
                root=(0, 0), edges=edges, weight=share * weight, unobserved=0, comigrations=1, seeding_sites=1
            )
            for share in (0.75, 0.25)
        )
        trees.append(TreeHistories(draw, weight, np.eye(2, dtype=bool), {}, 2, True, histories))
    return HistoryEnsemble(tuple(trees), ("a", "b"))


def test_weights_that_enough_draws_share_stay():
    given = ensemble(np.full(10, 0.1))
    found = temper_draws(given, 10, 0.5)
    assert found is given and found.power == 1.0
    assert weights_of_draws(found, 10) == pytest.approx(np.full(10, 0.1))


def test_one_draw_cannot_speak_for_all():
    raw = np.exp(-5.0 * np.arange(20))
    found = temper_draws(ensemble(raw / raw.sum()), 22, 0.25)
    weights, power = weights_of_draws(found, 22), found.power
    assert effective_draws(weights) == pytest.approx(5.0, rel=1e-6)
    assert 0.0 < power < 1.0 and weights.sum() == pytest.approx(1.0)
    assert (weights[20:] == 0.0).all()  # draws without a history get none
    assert (np.diff(weights[:20]) < 0).all()  # in the order that the histories gave them
    assert weights[1] / weights[0] == pytest.approx(np.exp(-5.0 * power))
    for entry in found.trees:
        assert entry.weight == pytest.approx(weights[entry.tree])
        shares = [one.weight / entry.weight for one in entry.histories]
        assert shares == pytest.approx([0.75, 0.25])
