"""Sites of the vertices of given trees: against all labellings, and recovery on large trees."""

import itertools

import numpy as np
import pytest

from phylometa.migration.forward_backward import draw_labelling, label_sites


def random_tree(rng, n, k):
    parents = np.array([-1, *(int(rng.integers(i)) for i in range(1, n))])
    leaf = ~np.isin(np.arange(n), parents)
    return parents, np.where(leaf, rng.integers(k, size=n), -1)


def test_sums_over_all_labellings():
    rng = np.random.default_rng(1)
    for _ in range(60):
        n, k = int(rng.integers(2, 7)), int(rng.integers(2, 4))
        parents, leaf_site = random_tree(rng, n, k)
        transition = rng.dirichlet(np.ones(k), size=k)
        total, number, some = 0.0, np.zeros((k, k)), np.zeros((k, k))
        at_vertex = np.zeros((n, k))
        for labels in itertools.product(range(k), repeat=n):
            if labels[0] or any(site >= 0 and labels[v] != site for v, site in enumerate(leaf_site)):
                continue
            weight = np.prod([transition[labels[parents[v]], labels[v]] for v in range(1, n)])
            moved = np.zeros((k, k))
            for v in range(1, n):
                moved[labels[parents[v]], labels[v]] += labels[parents[v]] != labels[v]
            total += weight
            number += weight * moved
            some += weight * (moved > 0)
            at_vertex[np.arange(n), labels] += weight
        found = label_sites(parents, leaf_site, primary=0, n_sites=k, transition=transition)
        assert found.log_likelihood == pytest.approx(np.log(total), abs=1e-9)
        np.testing.assert_allclose(found.migrations, number / total, atol=1e-9)
        np.testing.assert_allclose(found.any_migration, some / total, atol=1e-9)
        np.testing.assert_allclose(found.at_vertex, at_vertex / total, atol=1e-9)


def test_learnt_transitions_do_not_lower_the_likelihood_and_routes_are_found():
    rng = np.random.default_rng(2)
    n = 1500
    parents = np.array([-1, *((v - 1) // 2 for v in range(1, n))])
    site = np.zeros(n, dtype=np.int64)
    for v in range(1, n):  # 0 seeds 1, 1 seeds 2, nothing else
        site[v] = site[parents[v]]
        if site[v] < 2 and rng.random() < 0.03:
            site[v] += 1
    leaf = ~np.isin(np.arange(n), parents)
    found = label_sites(parents, np.where(leaf, site, -1), primary=0, n_sites=3)
    assert found.any_migration[0, 1] > 0.99 and found.any_migration[1, 2] > 0.99
    assert found.any_migration[2, 0] < 0.5
    assert (found.at_vertex.argmax(axis=1) == site).mean() > 0.95


def test_drawn_labellings_have_the_posterior():
    rng = np.random.default_rng(3)
    parents, leaf_site = random_tree(rng, 6, 3)
    found = label_sites(parents, leaf_site, primary=0, n_sites=3)
    drawn = np.array([draw_labelling(parents, found, primary=0, rng=rng) for _ in range(3000)])
    share = np.array([(drawn == t).mean(axis=0) for t in range(3)]).T
    np.testing.assert_allclose(share, found.at_vertex, atol=0.04)


def test_impossible_leaves_and_no_tree_are_refused():
    with pytest.raises(ValueError, match="impossible"):
        label_sites(np.array([-1, 0]), np.array([-1, 1]), primary=0, n_sites=2, transition=np.eye(2))
    with pytest.raises(ValueError, match="not a tree"):
        label_sites(np.array([-1, 2, 1]), np.array([0, 0, 0]), primary=0, n_sites=2)
