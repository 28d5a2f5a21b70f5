"""Calendar draws: depths of cells, tails, unequal rates; what is drawn when a layer is switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phylometa.model.clone_tree import ancestor_matrix
from phylometa.reference.tables import AccelerationPrior
from phylometa.timing.calendar import CalendarClock, calendar_draws, site_branches, tail_like_clones
from phylometa.timing.dissemination import draw_migrations, variance_shares
from phylometa.timing.molecular import CloneClock, HistoryNodes

PARENTS = np.array([-1, 0, 0, 2])
PRESENCE = np.array([[False, False], [True, False], [False, False], [False, True]])
PROPORTIONS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
SAMPLE_SITE = np.array([0, 1])


def nodes(parents=PARENTS, presence=PRESENCE, migrations=((1, 2, 0, 0),)):
    return HistoryNodes(0, 1.0, ancestor_matrix(parents).astype(float), parents, presence, migrations)


def clock(ages=(60.0, 60.0), **changes):
    return CalendarClock(np.array(ages), AccelerationPrior(1.0, 1e-9, "test"), **changes)


def draws(lengths, settings, **changes):
    lengths = np.repeat(np.asarray([lengths], dtype=float), 4000, axis=0)
    rng = np.random.default_rng(1)
    options = {"acceleration": np.ones(4000), "quantile": rng.random(4000), "rng": rng, **changes}
    return calendar_draws(nodes(), lengths, PROPORTIONS, SAMPLE_SITE, settings, **options)


def test_site_branches_weigh_clones_by_their_share():
    depth = np.array([[10.0, 20.0, 40.0]])
    proportions = np.array([[0.5, 0.0, 0.0], [0.5, 0.2, 0.0], [0.0, 0.2, 1.0]])
    found = site_branches(depth, proportions, np.array([0, 1, 1]), 3)
    assert found[0, :2].tolist() == [15.0, (30.0 + 40.0) / 2]
    assert np.isnan(found[0, 2])


def test_without_unseen_ends_the_root_age_is_the_strict_clock():
    found = draws([800, 150, 50, 200], clock(terminal="none"))
    assert found.root_age == pytest.approx(48.0)
    assert found.pace == pytest.approx(12 / 200)
    unequal = draws([800, 150, 50, 200], clock(terminal="none", equal_rates=False))
    assert set(np.round(unequal.root_age, 3)) == {round(60 * 800 / 950, 3), round(60 * 800 / 1050, 3)}


def test_unequal_rates_let_every_branch_date_its_own_nodes():
    equal = draws([800, 150, 50, 200], clock())
    assert (equal.root_age < 60 * 800 / 1050 + 1e-9).all()  # the branch is at least as long as the deepest clone
    unequal = draws([800, 150, 50, 200], clock(equal_rates=False))
    assert unequal.root_age.max() > equal.root_age.max()
    assert not np.allclose(unequal.pace[:, 0], unequal.pace[:, 1])


def test_undated_site_takes_the_pace_of_the_dated_one():
    found = draws([800, 150, 50, 200], clock(ages=(60.0, np.nan), equal_rates=False))
    assert np.allclose(found.pace[:, 0], found.pace[:, 1])


def test_tail_like_clones_are_rare_leaves_of_one_sample():
    parents = np.array([-1, 0, 1, 1, 0])
    proportions = np.array([[0.3, 0.0], [0.5, 0.5], [0.1, 0.0], [0.1, 0.1], [0.0, 0.4]])
    tree = nodes(parents, np.ones((5, 2), dtype=bool))
    assert tail_like_clones(tree, proportions, 0.2).tolist() == [False, False, True, False, False]
    assert not tail_like_clones(tree, proportions, 0.0).any()
    # A second clone of .1 has room in the .3 of clone 0, or in clone 1 or 2; what two samples share is one clone.
    sibling = np.array([[0.3, 0.1], [0.3, 0.3], [0.2, 0.2], [0.1, 0.0], [0.1, 0.4]])
    tree = nodes(np.array([-1, 0, 0, 0, 0]), np.ones((5, 2), dtype=bool))
    assert tail_like_clones(tree, sibling, 0.0, 0.5).tolist() == [False, False, False, True, False]
    assert not tail_like_clones(tree, sibling, 0.0, 0.24).any()
    # Its parent, clone 1, is full: the second would be a child of clone 2, where that has as many cells.
    tree = nodes(np.array([-1, 0, 0, 1]), np.ones((4, 2), dtype=bool))
    second = [0.1, 0.5, 0.4, 0.0]
    assert tail_like_clones(tree, np.array([[0.1, 0.0, 0.6, 0.3], second]).T, 0.0, 0.5).tolist() == [False] * 3 + [True]
    assert not tail_like_clones(tree, np.array([[0.25, 0.2, 0.25, 0.3], second]).T, 0.0, 0.5).any()
    only = nodes(np.array([-1, 0]), np.ones((2, 1), dtype=bool))
    assert not tail_like_clones(only, np.array([[0.9], [0.1]]), 0.2).any()  # nothing else could date the branch


def test_layers_that_are_off_stay_at_their_centre():
    counts = CloneClock(np.tile([800, 150, 50, 200], (2, 1)), np.ones(4))
    places = (PROPORTIONS[None], SAMPLE_SITE, 2)
    options = {"draws": 50, "rng": np.random.default_rng(1)}
    found = draw_migrations([nodes()], counts, *places, calendar=clock(), layers=(), **options)
    drawn = found[1, 2]
    assert np.ptp(drawn.seeding) == 0
    assert drawn.divergence[0] == 800.5
    assert drawn.founder[0] == 851.0
    assert np.ptp(drawn.seeding_age) == pytest.approx(0, abs=1e-6)
    assert drawn.probability == 1
    shares = variance_shares([nodes()], counts, *places, calendar=None, **options)
    assert sum(shares[1, 2].values()) == pytest.approx(1)


def test_migration_found_in_some_histories_only():
    counts = CloneClock(np.tile([800, 150, 50, 200], (2, 1)), np.ones(4))
    histories = [replace(nodes(), weight=0.75), replace(nodes(migrations=((1, 3, 0, 2), (0, 1, 1, 3))), weight=0.25)]
    found = draw_migrations(
        histories,
        counts,
        PROPORTIONS[None],
        SAMPLE_SITE,
        2,
        calendar=None,
        draws=400,
        rng=np.random.default_rng(1),
    )
    assert {key: round(drawn.probability, 2) for key, drawn in found.items()} == {
        (0, 1): 0.25,
        (1, 2): 0.75,
        (1, 3): 0.25,
    }
    assert found[0, 1].sources == {1: 1.0}
    assert found[1, 2].divergence_age.size == 0
