"""Draws of migrations in molecular time; what is drawn when a layer is switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phylometa.model.clone_tree import ancestor_matrix
from phylometa.timing.dissemination import draw_migrations, variance_shares
from phylometa.timing.molecular import CloneClock, HistoryNodes

PARENTS = np.array([-1, 0, 0, 2])
PRESENCE = np.array([[False, False], [True, False], [False, False], [False, True]])
COUNTS = CloneClock(np.tile([800, 150, 50, 200], (2, 1)), np.ones(4))


def nodes(migrations=((1, 2, 0, 0),)):
    return HistoryNodes(0, 1.0, ancestor_matrix(PARENTS).astype(float), PARENTS, PRESENCE, migrations)


def test_layers_that_are_off_stay_at_their_centre():
    options = {"draws": 50, "rng": np.random.default_rng(1)}
    drawn = draw_migrations([nodes()], COUNTS, layers=(), **options)[1, 2]
    assert np.ptp(drawn.seeding) == 0
    assert drawn.divergence[0] == 800.5
    assert drawn.founder[0] == 851.0
    assert drawn.probability == 1
    shares = variance_shares([nodes()], COUNTS, **options)
    assert sum(shares[1, 2].values()) == pytest.approx(1)


def test_migration_found_in_some_histories_only():
    histories = [replace(nodes(), weight=0.75), replace(nodes(((1, 3, 0, 2), (0, 1, 1, 3))), weight=0.25)]
    found = draw_migrations(histories, COUNTS, draws=400, rng=np.random.default_rng(1))
    assert {key: round(drawn.probability, 2) for key, drawn in found.items()} == {
        (0, 1): 0.25,
        (1, 2): 0.75,
        (1, 3): 0.25,
    }
    assert found[0, 1].sources == {1: 1.0}
