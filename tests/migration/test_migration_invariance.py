"""Names and numbers of sites and clones mean nothing, and what is derived from the optima follows their formulas."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from migration_oracle import all_histories, criteria, pattern, random_instance

from phylometa.config import MigrationSettings
from phylometa.migration import Scenario, infer_history_ensemble, infer_migration_histories
from phylometa.migration.infer import make_question, simplicity_cost
from phylometa.migration.lexicographic import find_optima
from phylometa.migration.origin import infer_origin
from phylometa.migration.pattern_bound import find_optima_within_pattern
from phylometa.migration.scoring import check_criteria
from phylometa.model.clone_tree import CloneTree


def tree_of(parents):
    return CloneTree(tuple(map(str, range(len(parents)))), np.array(parents))


def presence_of(observed, n_sites):
    return np.array([[s in sites for s in range(n_sites)] for sites in observed])


def edges_of(histories, back=None):
    """Histories as sets of edges, sites renumbered by `back`."""
    return {
        frozenset((u, back[s], v, back[t]) if back else (u, s, v, t) for u, s, v, t in history.edges.tolist())
        for history in histories
    }


@pytest.mark.parametrize(
    ("order", "bound"), [("UM", None), ("UMCS", None), ("MCS", None), ("UM", "S"), ("UM", "M"), ("UMCS", "PS")]
)
def test_the_numbering_of_sites_does_not_matter(order, bound):
    """Near-optimal histories included; the primary takes every place."""
    rng = np.random.default_rng(21)
    settings = MigrationSettings(criteria=order, weights="uniform", max_alternatives=500)
    for _ in range(12):
        parents, observed, n_sites, primary = random_instance(rng, shapes=((3, 3), (4, 3), (5, 3)))
        tree, presence = tree_of(parents), presence_of(observed, n_sites)
        options = {"settings": settings, "pattern": bound}
        first = infer_migration_histories(tree, presence, primary=primary, **options)
        moved_to = rng.permutation(n_sites)
        moved = np.zeros_like(presence)
        moved[:, moved_to] = presence
        second = infer_migration_histories(tree, moved, primary=int(moved_to[primary]), **options)
        back = {int(new): old for old, new in enumerate(moved_to)}
        assert edges_of(first.histories) == edges_of(second.histories, back)
        if max(len(first.alternatives), len(second.alternatives)) < settings.max_alternatives:  # not cut
            assert edges_of(first.alternatives) == edges_of(second.alternatives, back)
        assert first.criteria == second.criteria


def test_returns_and_repeats_agree_with_brute_force():
    """Clones in two sites that come and go: cyclic site graphs, pairs that repeat on a path, several spanning trees."""
    places = ((0,), (1,), (0, 1), (0, 2), (1, 2))
    rng = np.random.default_rng(3)
    cases = [[(0, 2), (1,), (0,)], [(0,), (1, 2), (0,)], [(0,), (1,), (0,), (2,)], [(0, 2), (1,), (0,), (1, 2)]]
    cases += [[(0,), (1,), (0, 2), (1,)], [(0,), (1,), (0,), (1, 2)], [(0, 1), (1,), (0,), (1,)]]
    for n_clones in (3, 3, 3, 3, 4, 4, 4, 4):
        drawn = [places[int(rng.integers(len(places)))] for _ in range(n_clones)]
        cases.append([tuple(sorted({0, *drawn[0]})), *drawn[1:]])
    for observed in cases:  # every clone is seen and the root in the primary, so no unobserved node is needed
        parents = list(range(-1, len(observed) - 1))
        scored = [
            (edges, criteria(edges, (0, 0), observed))
            for edges in all_histories(parents, observed, 3, 0, max_unobserved=0)
        ]
        question = make_question(tree_of(parents), presence_of(observed, 3), 0)
        for order in ("UMC", "UMCS"):
            keys = [tuple(value[letter] for letter in check_criteria(order)) for _, value in scored]
            best = min(keys)
            expected = {edges for (edges, _), key in zip(scored, keys) if key == best}
            for prefer_search in (False, True):
                found = find_optima(question, order, prefer_search=prefer_search)
                assert {frozenset(edges) for edges in found} == expected, (observed, order, prefer_search)
                assert found.n_histories == len(expected)


def test_one_source_a_site_is_forced_whichever_pairs_clash():
    """Within pattern S: clones of two sites both lead into a third one, beside pairs that clash with nothing."""
    clashes = 0
    for first, second in product((0, 1, 2), repeat=2):
        parents, observed = [-1, 0, 0, 1, 2], [(0,), (1,), (2,), (first,), (second,)]
        scored = [
            (edges, criteria(edges, (0, 0), observed))
            for edges in all_histories(parents, observed, 3, 0, max_unobserved=1)
        ]
        allowed = [(edges, v) for edges, v in scored if pattern(edges) in ("none", "PS", "S")]
        if not allowed:
            continue
        bound = min((v["U"], v["M"]) for _, v in allowed)
        clashes += bound > min((v["U"], v["M"]) for _, v in scored)
        expected = {edges for edges, v in allowed if (v["U"], v["M"]) == bound}
        question = make_question(tree_of(parents), presence_of(observed, 3), 0)
        found = find_optima_within_pattern(question, "UM", "S")
        assert {frozenset(edges) for edges in found} == expected, observed
    assert clashes > 2


def test_origin_follows_its_formula():
    """P(r) ~ prior exp(-8 U - 4 mu) sum over the optima of exp(-gamma - 2 sigma), from each candidate's optima."""
    tree = CloneTree.from_edges([("R", "A"), ("R", "B"), ("A", "C")])
    presence = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    settings, prior = MigrationSettings(), (0.2, 0.7, 0.1)
    found = infer_origin(tree, presence, prior=prior, settings=settings)
    shares = []
    for site, weight in zip((0, 1, 2), prior):
        optima = infer_migration_histories(tree, presence, primary=site, settings=settings)
        unobserved, migrations = optima.criteria["unobserved"], optima.criteria["migrations"]
        soft = sum(math.exp(-h.comigrations - 2 * h.seeding_sites) for h in optima.histories)
        shares.append(weight * math.exp(-8 * unobserved - 4 * migrations) * soft)
    assert found.probability == pytest.approx(np.array(shares) / sum(shares))
    assert found.probability.min() > 0.01 or found.probability.max() < 1 - 1e-6


def test_frugal_lists_come_with_the_simplest_first():
    rng = np.random.default_rng(6)
    settings = MigrationSettings(max_histories=6)
    seen = 0
    for _ in range(12):
        n = int(rng.integers(5, 8))
        tree = tree_of([-1] + [int(rng.integers(0, v)) for v in range(1, n)])
        presence = rng.random((n, 4)) < 0.5
        presence[0, 0] = True
        found = infer_migration_histories(
            tree, presence, primary=0, settings=settings, alternatives=False, exact_ranking=False
        )
        costs = [simplicity_cost(settings, h.comigrations, h.seeding_sites) for h in found.histories]
        seen += len(set(costs)) > 1
        for history in found.histories:
            migrations = [(s, t) for _, s, _, t in history.edges.tolist() if s != t]
            assert history.seeding_sites == len({s for s, _ in migrations})
        assert costs == sorted(costs)
    assert seen > 2


def test_equal_scenarios_share_the_alternatives_of_the_heaviest():
    rng = np.random.default_rng(8)
    listed = {"settings": MigrationSettings(weights="uniform")}  # near-optimal histories listed, not weighed
    seen = 0
    for _ in range(300):
        parents, observed, n_sites, primary = random_instance(rng, shapes=((3, 3), (4, 3)))
        tree, presence = tree_of(parents), presence_of(observed, n_sites)
        alone = infer_history_ensemble([Scenario(0, tree, 1.0, presence)], ("a", "b", "c"), primary=primary, **listed)
        if not alone.trees[0].alternatives:
            continue
        seen += 1
        if seen > 3:
            break
        light, heavy = (Scenario(i, tree, weight, presence) for i, weight in ((0, 0.2), (1, 0.8)))
        for scenarios in ((light, heavy), (heavy, light)):
            ensemble = infer_history_ensemble(scenarios, ("a", "b", "c"), primary=primary, **listed)
            assert all(len(entry.alternatives) == len(alone.trees[0].alternatives) for entry in ensemble.trees)
    assert seen >= 3


def test_arborescences_of_every_graph_of_four_sites():
    """The determinant beside the list, zero columns included."""
    from phylometa.migration.arborescences import count_arborescences, list_arborescences

    pairs = [(s, t) for s, t in product(range(4), repeat=2) if s != t]
    rng = np.random.default_rng(2)
    for _ in range(300):
        reach = [0] * 4
        for s, t in pairs:
            if rng.random() < 0.4:
                reach[s] |= 1 << t
        for root in range(4):
            assert count_arborescences(0b1111, root, reach, False) == len(list(list_arborescences(0b1111, root, reach)))
