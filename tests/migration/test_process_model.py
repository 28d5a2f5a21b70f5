"""The process model against brute force: marginal weights, histories, graphs; and what it must not depend on."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from process_oracle import all_histories, log_total

from phylometa.config import MigrationSettings, ProcessSettings
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.migration.process import ProcessState, drop_idle_copies, weigh_graphs
from phylometa.migration.process_ensemble import process_histories
from phylometa.model.clone_tree import CloneTree

# Rates at which nothing is negligible.
SETTINGS = ProcessSettings(
    route=0.4, route_between=0.2, route_back=0.1, further_source=0.5, moving=0.3, staying=0.8, hidden=0.1
)


def random_state(rng, *, clones=None, sites=None):
    n = int(rng.integers(1, 4)) if clones is None else clones
    m = int(rng.integers(1, 4 if n < 3 else 3)) if sites is None else sites
    parents = np.array([-1, *(int(rng.integers(i)) for i in range(1, n))])
    tree = CloneTree(tuple(f"c{i}" for i in range(n)), parents, np.ones(n))
    return tree, rng.random((n, m)) < 0.4, int(rng.integers(m))


def compare_with_enumeration(rng, n):
    worst = 0.0
    for _ in range(n):
        tree, presence, primary = random_state(rng)
        state = ProcessState.from_tree(tree, presence, primary, SETTINGS)
        found, _ = weigh_graphs(state, SETTINGS)
        assert found.complete
        expected = log_total(all_histories(tree, presence, primary, SETTINGS))
        worst = max(worst, abs(found.log_total - expected))
    return worst


@pytest.mark.parametrize("n", [12, pytest.param(80, marks=pytest.mark.system)])
def test_the_weight_of_a_state_is_that_of_all_its_histories(n):
    assert compare_with_enumeration(np.random.default_rng(1), n) < 1e-9


@pytest.mark.slow
def test_the_weight_of_two_thousand_states_is_that_of_all_their_histories():
    assert compare_with_enumeration(np.random.default_rng(2), 2000) < 1e-9


def test_histories_are_drawn_with_their_posterior_probability():
    rng = np.random.default_rng(3)
    for _ in range(6):
        tree, presence, primary = random_state(rng, clones=2, sites=2)
        weights = all_histories(tree, presence, primary, SETTINGS)
        total = sum(weights.values())
        expected: Counter = Counter()
        for edges, weight in weights.items():
            expected[drop_idle_copies(edges, (tree.root, primary), presence)] += weight / total
        drawn = process_histories(
            tree, presence, primary=primary, settings=SETTINGS, n_draws=4000, rng=np.random.default_rng(4)
        )
        found = dict(drawn.histories)
        assert set(found) <= set(expected)
        assert 0.5 * sum(abs(found.get(edges, 0.0) - p) for edges, p in expected.items()) < 0.03


def test_the_search_from_the_heaviest_graphs_finds_nearly_all_weight():
    rng = np.random.default_rng(5)
    settings = ProcessSettings()
    for _ in range(5):
        tree, presence, primary = random_state(rng, clones=6, sites=4)
        exact, _ = weigh_graphs(ProcessState.from_tree(tree, presence, primary, settings), settings)
        searched = replace(settings, exact_sites=2, hidden_copies=4)
        found, _ = weigh_graphs(ProcessState.from_tree(tree, presence, primary, searched), searched)
        assert not found.complete
        assert found.log_total <= exact.log_total + 1e-9
        assert found.log_total > exact.log_total - 0.02
        assert found.graphs[0] == exact.graphs[0]


def test_many_sites_are_weighed_within_the_number_of_graphs_allowed():
    tree, presence, primary = random_state(np.random.default_rng(6), clones=12, sites=9)
    settings = ProcessSettings(max_graphs=500)
    found, _ = weigh_graphs(ProcessState.from_tree(tree, presence, primary, settings), settings)
    assert np.isfinite(found.log_total) and found.n_graphs < 500 + 9 * 8 * 8


def test_renaming_sites_renames_routes():
    tree, presence, primary = random_state(np.random.default_rng(7), clones=5, sites=4)
    order = np.array([2, 0, 3, 1])
    there = ProcessState.from_tree(tree, presence, primary, SETTINGS)
    back = ProcessState.from_tree(tree, presence[:, order], int(np.flatnonzero(order == primary)[0]), SETTINGS)
    totals = [weigh_graphs(state, SETTINGS)[0].log_total for state in (there, back)]
    assert totals[0] == pytest.approx(totals[1], abs=1e-9)


def test_idle_copies_are_dropped():
    presence = np.array([[1, 0, 0], [0, 1, 0]], dtype=bool)
    by_copy = [(0, 0, 1, 0), (1, 0, 1, 1)]  # clone 1 is hidden in site 0, from where it leaves for site 1
    assert drop_idle_copies(by_copy, (0, 0), presence) == ((0, 0, 1, 1),)
    useful = [(0, 0, 1, 0), (1, 0, 1, 1), (1, 0, 1, 2)]
    presence = np.array([[1, 0, 0], [0, 1, 1]], dtype=bool)
    assert set(drop_idle_copies(useful, (0, 0), presence)) == set(useful)


def test_the_ensemble_weighs_trees_by_their_marginal_weight():
    chain = CloneTree(("a", "b"), np.array([-1, 0]), np.ones(2))
    easy = Scenario(0, chain, 0.5, np.array([[1, 0, 0], [0, 1, 0]], dtype=bool))
    hard = Scenario(1, chain, 0.5, np.array([[1, 0, 0], [0, 1, 1]], dtype=bool))
    settings = MigrationSettings(model="process")
    found = infer_history_ensemble([easy, hard], ["P", "A", "B"], primary=0, settings=settings)
    assert found.weighting == "process"
    assert sum(entry.weight for entry in found.trees) == pytest.approx(1.0)
    assert {entry.tree: entry.weight for entry in found.trees}[0] > 0.5
    assert found.migration_probability[0, 1] > 0.9
    again = infer_history_ensemble([easy, hard], ["P", "A", "B"], primary=0, settings=settings)
    np.testing.assert_array_equal(found.migration_probability, again.migration_probability)
