"""Markov chains over trees: against the exact posterior, and their diagnostics."""

import itertools

import numpy as np
import pytest
from clone_tree_cases import clustering, simulated_model, trees_of

from phylometa.clone_trees.chains import _Chain, _leave_local_optima, _ScoredTrees, search_trees
from phylometa.clone_trees.enumeration import enumerate_trees
from phylometa.clone_trees.likelihood import sample_posterior, tree_log_likelihood
from phylometa.clone_trees.local_trees import search_large, starting_tree
from phylometa.clone_trees.tree_draws import ancestors_of_many, distinct_trees, posterior_of_trees, relation_diagnostics
from phylometa.config import TreeSettings
from phylometa.model.clone_tree import ancestor_matrix


def largest_difference(first, second):
    branched = np.abs(first + first.T - second - second.T)
    return (0.5 * (np.abs(first - second) + np.abs(first - second).T + branched)).max()


@pytest.mark.parametrize(("n_clusters", "n_samples", "depth"), [(4, 2, 20), (5, 3, 60), (6, 4, 100)])
def test_chains_agree_with_the_exact_posterior(n_clusters, n_samples, depth):
    model = simulated_model(n_clusters, n_samples, depth, 11)
    exact = enumerate_trees(model)
    found, diagnostics = search_trees(model, settings=TreeSettings(), rng=np.random.default_rng(1))
    assert largest_difference(exact.ancestor_probability, found.ancestor_probability) <= 0.02
    assert found.log_score[0] == pytest.approx(exact.log_score[0], abs=1e-9)
    assert diagnostics["weights"] == "scores"


def test_frequencies_of_visits_agree_too():
    model = simulated_model(6, 1, 3, 5)  # hardly any evidence: thousands of trees
    exact = enumerate_trees(model)
    settings = TreeSettings(sweeps=150, rounds=2)
    found, diagnostics = search_trees(model, settings=settings, rng=np.random.default_rng(1))
    assert diagnostics["weights"] == "visits"
    assert largest_difference(exact.ancestor_probability, found.ancestor_probability) <= 0.1


def test_several_founders_are_searched():
    model = simulated_model(4, 2, 10, 2)
    exact = enumerate_trees(model, unrelated=True)
    settings = TreeSettings(sweeps=300)
    found, _ = search_trees(model, settings=settings, rng=np.random.default_rng(1), unrelated=True)
    assert ((found.parents < 0).sum(axis=1) >= 2).all()
    assert largest_difference(exact.ancestor_probability, found.ancestor_probability) <= 0.05


def test_the_local_score_finds_clean_large_trees():
    rng = np.random.default_rng(4)
    parents = np.array([-1] + [int(rng.integers(0, k)) for k in range(1, 28)])
    shares = rng.dirichlet(np.full(28, 0.1), size=25).T
    trees = trees_of(clustering(ancestor_matrix(parents) @ shares, depth=3000.0), local_sweeps=30, chains=2)
    assert trees.diagnostics["likelihood"] == "local"
    assert (trees.best.parents == parents).mean() > 0.9
    assert trees.proportions.shape[1:] == (28, 25)


def test_compiled_posterior_of_proportions_is_the_plain_one():
    from phylometa.clone_trees._kernels import proportions_and_presence

    model = simulated_model(8, 3, 60, 7)
    parents = np.array([-1, 0, 0, 0, 1, 1, -1, 6])
    plain = sample_posterior(parents, model)
    rooted = np.append(np.where(parents < 0, 8, parents), -1)
    shares, presence = proportions_and_presence(rooted, model.likelihood, model.slab, model.founder, model.least)
    np.testing.assert_allclose(shares, plain.proportions, atol=1e-12)
    np.testing.assert_allclose(presence, plain.presence, atol=1e-12)


def test_chain_scores_are_the_marginal_likelihood():
    model = simulated_model(7, 3, 60, 9)
    found, _ = search_trees(model, settings=TreeSettings(sweeps=10), rng=np.random.default_rng(1))
    for parents, score in zip(found.parents[:5], found.log_score[:5]):
        assert score == pytest.approx(tree_log_likelihood(parents, model), abs=1e-8)


def test_the_same_seed_gives_the_same_posterior():
    model = simulated_model(6, 2, 30, 3)
    first, second = (search_trees(model, settings=TreeSettings(), rng=np.random.default_rng(5))[0] for _ in range(2))
    assert (first.parents == second.parents).all()
    assert (first.weights == second.weights).all()


def test_large_search_draws_valid_trees():
    model = simulated_model(5, 3, 100, 3)
    settings = TreeSettings(local_sweeps=20, chains=2)
    found, diagnostics = search_large(model, settings=settings, rng=np.random.default_rng(1), unrelated=True)
    assert ((found.parents < 0).sum(axis=1) >= 2).all()
    assert diagnostics["chains"] == 2


def test_starting_tree_with_two_founders():
    model = simulated_model(4, 2, 200, 3)
    assert (starting_tree(model) < 0).sum() == 1
    assert (starting_tree(model, unrelated=True) < 0).sum() >= 2


def test_diagnostics_tell_chains_that_disagree():
    apart = np.array([[[2, 0]] * 20, [[1, 2]] * 20])
    assert not relation_diagnostics(apart)["converged"]
    same = np.array([[[2, 0]] * 20] * 2)
    assert relation_diagnostics(same) == {"r_hat": 1.0, "effective_draws": 40.0, "converged": True}
    assert not relation_diagnostics(same[:, :2])["converged"]


@pytest.mark.parametrize("n_draws", [20, 100, 1000])
def test_relations_constant_within_chains_have_a_finite_r_hat(n_draws):
    apart = np.array([[[2, 0]] * n_draws, [[1, 2]] * n_draws])
    half, between = n_draws // 2, 1 / 3  # variance of the means 0, 1, 0, 1
    least = 0.5 / (half + 1) * (1 - 0.5 / (half + 1))
    expected = np.sqrt((half - 1) / half + between / least)
    assert relation_diagnostics(apart)["r_hat"] == pytest.approx(expected)
    assert expected > 2.5
    one_of_four = np.array([[[2, 0]] * n_draws] * 3 + [[[1, 2]] * n_draws])
    assert not relation_diagnostics(one_of_four)["converged"]


def test_exchanged_trees_are_drawn_by_their_scores():
    rows = {(3, 0, 0): -1.0, (3, 0, 1): -2.0, (1, 3, 1): -3.5}
    seen = {np.array(row, dtype=np.int16).tobytes(): score for row, score in rows.items()}
    first, *rest = seen
    chains = [
        _Chain(np.zeros(4), [], [], {first: seen[first]}),
        _Chain(np.zeros(4), [], [], {k: seen[k] for k in rest}),
    ]
    listed = _ScoredTrees(chains)
    uniforms = (np.arange(20_000) + 0.5) / 20_000
    drawn = [tuple(listed.exchange(np.array([3, 0, 1, -1]), u).tolist()) for u in uniforms]
    total = np.exp(list(rows.values())).sum()
    for row, score in rows.items():
        assert drawn.count((*row, -1)) / len(drawn) == pytest.approx(np.exp(score) / total, abs=1e-4)
    unseen = np.array([3, 2, 0, -1])
    assert listed.exchange(unseen, 0.5) is unseen


def test_exchanges_leave_the_posterior_as_it_is():
    """Legs of a chain with an exchange before each, on a list of some of the trees: visits against enumeration."""
    from phylometa.clone_trees._kernels import run_chain
    from phylometa.clone_trees.local_trees import gaussian_prevalence

    model = simulated_model(5, 2, 15, 8)
    exact = enumerate_trees(model)
    trees = np.where(exact.parents < 0, 5, exact.parents).astype(np.int16)
    some = {row.tobytes(): score for row, score in list(zip(trees, exact.log_score))[1:60:3]}
    listed = _ScoredTrees([_Chain(np.zeros(6), [], [], some)])
    prevalence, variance = gaussian_prevalence(model)
    rng = np.random.default_rng(4)
    tree, draws = np.append(np.where(starting_tree(model) < 0, 5, starting_tree(model)), -1), []
    density = model.slab / float(model.prevalence[1])
    for _ in range(8000):
        tree = listed.exchange(tree, float(rng.random()))
        chain = (tree, model.likelihood, model.slab, model.founder, prevalence, variance, density, False)
        found, *_ = run_chain(*chain, rng.random((20, 10)), np.ones(20))
        draws.append(found)
        tree = np.append(found[-1].astype(np.int64), -1)
    visited = np.concatenate(draws).astype(np.int64)
    drawn = ancestors_of_many(np.where(visited == 5, -1, visited)).mean(axis=0)
    assert largest_difference(exact.ancestor_probability, drawn) <= 0.02


def test_chains_in_different_modes_exchange_trees():
    model = simulated_model(14, 4, 400, 4, TreeSettings())
    once, often = (
        search_trees(model, settings=TreeSettings(rounds=rounds), rng=np.random.default_rng(1))[1] for rounds in (1, 8)
    )
    assert once["r_hat"] > 2  # chains stay where they started
    assert once["weights"] == "visits"
    assert often["r_hat"] < 1.2
    assert often["disagreement"] < 0.1 < once["disagreement"]
    assert not once["converged"]


def test_ancestors_of_many_trees():
    parents = np.array([[-1, 0, 1, 1], [3, 0, -1, 2]])
    expected = [ancestor_matrix(row) & ~np.eye(4, dtype=bool) for row in parents]
    assert (ancestors_of_many(parents) == expected).all()


def test_distinct_trees_are_those_of_numpy():
    rng = np.random.default_rng(1)
    trees = np.repeat(rng.integers(0, 2, (200, 5)), rng.integers(1, 5, 200), axis=0).astype(np.int16)
    found, index, counts = distinct_trees(trees)
    expected, first, number = np.unique(trees, axis=0, return_index=True, return_counts=True)
    order = np.lexsort(found.T[::-1])
    assert (found[order] == expected).all()
    assert (index[order] == first).all()
    assert (counts[order] == number).all()


def test_a_chain_in_a_local_optimum_starts_anew_from_the_best():
    good = _Chain(
        np.array([3, 0, 0, -1]), [np.zeros((2, 3)), np.ones((2, 3))], [np.full(2, -90.0), np.full(2, -10.0)], {}
    )
    stuck = _Chain(np.array([1, 3, 1, -1]), [np.zeros((2, 3))], [np.full(2, -40.0)], {})
    _leave_local_optima([good, stuck])
    assert len(good.draws) == 1  # its first round never came near
    assert good.draws[0].all()
    assert stuck.draws == []
    assert stuck.tree.tolist() == good.tree.tolist()


@pytest.mark.slow
def test_screened_proposals_leave_the_posterior_as_it_is():
    """Delayed acceptance: frequencies of visits, few trees and many moves, against the exact posterior."""
    from phylometa.clone_trees._kernels import run_chain
    from phylometa.clone_trees.local_trees import gaussian_prevalence

    model = simulated_model(5, 2, 15, 8)
    exact = enumerate_trees(model)
    moves = 60_000
    prevalence, variance = gaussian_prevalence(model)
    rng = np.random.default_rng(3)
    start = np.append(np.where(starting_tree(model) < 0, 5, starting_tree(model)), -1)
    trees, *_ = run_chain(
        start,
        model.likelihood,
        model.slab,
        model.founder,
        prevalence,
        variance,
        model.slab / float(model.prevalence[1]),
        False,
        rng.random((moves, 10)),
        np.ones(moves),
    )
    drawn = ancestors_of_many(np.where(trees == 5, -1, trees).astype(np.int64)).mean(axis=0)
    assert largest_difference(exact.ancestor_probability, drawn) <= 0.02


def test_listed_trees_stand_for_all():
    """More trees than are listed: the best keep their weights, the others are thinned; sums over the list hold."""
    rng = np.random.default_rng(4)
    parents = np.array(list(itertools.product([-1], range(1), range(2), range(3), range(4), range(5))))
    weights = rng.gamma(3.0, size=len(parents)) * (1.0 + 2.0 * (parents[:, 5] == 0))
    weights[17] = weights.sum() / 4
    every = posterior_of_trees(parents, np.log(weights), weights, len(parents))
    assert every.weights.sum() == pytest.approx(1.0) and len(every.weights) == len(parents) == 120
    for limit in (1, 10, 40):
        listed = posterior_of_trees(parents, np.log(weights), weights, limit)
        assert len(listed.weights) == limit and listed.n_trees == len(parents)
        assert listed.weights.sum() == pytest.approx(1.0)
        assert np.array_equal(listed.parents[0], parents[17])
        assert len(np.unique(listed.parents, axis=0)) == limit
        np.testing.assert_allclose(listed.edge_support, every.edge_support)
        if limit > 1:
            heavy = listed.weights > 1.0 / limit
            assert heavy[0]
            np.testing.assert_allclose(listed.weights[heavy], every.weights[: heavy.sum()])
    over_list = np.array([[listed.weights @ (listed.parents[:, v] == u) for v in range(6)] for u in range(6)])
    best_only = every.parents[:40]
    cut = every.weights[:40] / every.weights[:40].sum()
    of_the_best = np.array([[cut @ (best_only[:, v] == u) for v in range(6)] for u in range(6)])
    error = np.abs(over_list - every.edge_support).sum()
    assert error < 0.5 * np.abs(of_the_best - every.edge_support).sum()
