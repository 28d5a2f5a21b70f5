"""Slope scaling: least U and mu exactly, and gamma and sigma of real histories, most often the least."""

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.comigration import count_comigrations
from phylometa.migration.infer import make_question
from phylometa.migration.lexicographic import find_optima
from phylometa.migration.scoring import score_edges, simplicity_cost
from phylometa.migration.slope_scaling import NO_NODE, ROOT, simple_history
from phylometa.model.clone_tree import CloneTree

SETTINGS = MigrationSettings()


def solve(parents, presence, passes=1):
    n, n_sites = presence.shape
    best = np.empty(n * n_sites, dtype=np.int64)
    none = np.empty((0, n * n_sites), dtype=np.int64)
    options = (np.array([1.0, 2.0]), passes, 2, best, none, np.empty(0))
    return simple_history(np.array(parents), np.arange(n), presence, 0, *options)[:3], best


def test_u_and_mu_are_exact_and_the_cost_is_nearly_the_least():
    rng = np.random.default_rng(11)
    excess = []
    while len(excess) < 150:
        n, n_sites = int(rng.integers(2, 8)), int(rng.integers(2, 5))
        parents = [-1] + [int(rng.integers(0, v)) for v in range(1, n)]
        presence = rng.random((n, n_sites)) < 0.4
        tree = CloneTree(tuple(map(str, range(n))), np.array(parents))
        question = make_question(tree, presence, 0)
        optima = find_optima(question, "UM")
        if optima.n_histories > 100_000:
            continue
        (unobserved, migrations, cost), _ = solve(parents, presence)
        scores = [score_edges(edges, (0, 0), question.observed) for edges in optima]
        assert {(unobserved, migrations)} == {(found.unobserved, found.migrations) for found in scores}
        costs = [simplicity_cost(SETTINGS, found.comigrations, found.seeding_sites) for found in scores]
        assert cost in costs  # that of an optimal history
        excess.append(cost - min(costs))
    assert np.mean(np.array(excess) == 0) >= 0.9
    assert max(excess) <= 2


def test_the_history_that_is_written_has_the_cost_that_is_stated():
    rng = np.random.default_rng(3)
    for _ in range(30):
        n, n_sites = 9, 5
        parents = [-1] + [int(rng.integers(0, v)) for v in range(1, n)]
        presence = rng.random((n, n_sites)) < 0.5
        (unobserved, migrations, cost), up = solve(parents, presence)
        nodes = np.flatnonzero(up != NO_NODE)
        assert (up[nodes] == ROOT).sum() == 1 and up[0] == ROOT
        edges = [(int(up[k]) // n_sites, int(up[k]) % n_sites, k // n_sites, k % n_sites) for k in nodes if up[k] >= 0]
        assert all(u == v or parents[v] == u for u, _, v, _ in edges)
        moves = [(s, t) for _, s, _, t in edges if s != t]
        assert len(moves) == migrations
        hidden = [k for k in nodes if not presence[k // n_sites, k % n_sites]]
        assert len(hidden) == unobserved
        in_order = []
        left = list(edges)
        while left:  # parent first
            known = {(0, 0)} | {(v, t) for _, _, v, t in in_order}
            ready = [edge for edge in left if edge[:2] in known]
            in_order += ready
            left = [edge for edge in left if edge not in ready]
        assert cost == count_comigrations(in_order) + 2 * len({s for s, _ in moves})
