"""Migration histories: hand-worked cases, published optima, and brute force over every history of small trees."""

import numpy as np
import pytest
from migration_oracle import all_histories, criteria, optima, random_instance

from phylometa.config import MigrationSettings
from phylometa.errors import InputError
from phylometa.migration import (
    Scenario,
    count_comigrations,
    count_consistent_comigrations,
    infer_history_ensemble,
    infer_migration_histories,
    is_within_pattern,
    migration_pattern,
)
from phylometa.migration.arborescences import count_arborescences, list_arborescences, spanning_roots
from phylometa.migration.comigration import migration_forest
from phylometa.migration.infer import make_question
from phylometa.migration.lexicographic import find_optima
from phylometa.migration.scoring import check_criteria
from phylometa.model.clone_tree import CloneTree

ORDERS = ("UM", "UMC", "UMCS", "UMS", "UMSC", "MCS", "M", "MC", "MU", "C", "SCM", "MCUS", "US", "CMUS")


def tree_of(parents):
    return CloneTree([str(v) for v in range(len(parents))], np.array(parents))


def presence_of(observed, n_sites):
    return np.array([[s in sites for s in range(n_sites)] for sites in observed])


def as_set(history):
    return frozenset(map(tuple, history.edges.tolist()))


def solve_sets(tree, sites, presence, primary, **options):
    matrix = np.array([[s in presence[v] for s in sites] for v in tree.names])
    return infer_migration_histories(tree, matrix, primary=sites.index(primary), **options)


def test_brute_force_agrees_in_every_order_of_criteria():
    rng = np.random.default_rng(5)
    for _ in range(15):
        parents, observed, n_sites, primary = random_instance(rng)
        scored = [
            (edges, criteria(edges, (0, primary), observed))
            for edges in all_histories(parents, observed, n_sites, primary)
        ]
        question = make_question(tree_of(parents), presence_of(observed, n_sites), primary)
        for order in ORDERS:
            keys = [tuple(value[letter] for letter in check_criteria(order)) for _, value in scored]
            best = min(keys)
            expected = {edges for (edges, _), key in zip(scored, keys) if key == best}
            for prefer_search in (False, True):
                found = find_optima(question, order, prefer_search=prefer_search)
                listed = [frozenset(edges) for edges in found]
                assert found.proved
                assert set(listed) == expected, (parents, observed, primary, order, prefer_search)
                assert found.n_histories == len(listed) == len(expected)


def test_brute_force_agrees_through_the_public_function():
    rng = np.random.default_rng(6)
    for _ in range(40):
        parents, observed, n_sites, primary = random_instance(rng)
        (unobserved, migrations), expected = optima(parents, observed, n_sites, primary, "UM")
        result = infer_migration_histories(tree_of(parents), presence_of(observed, n_sites), primary=primary)
        assert {as_set(h) for h in result.histories} == expected
        assert result.criteria["unobserved"] == unobserved
        assert result.criteria["migrations"] == migrations
        assert result.complete
        assert result.n_histories == len(expected)
        for history in result.histories:
            value = criteria(as_set(history), (0, primary), observed)
            assert (history.unobserved, history.n_migrations) == (value["U"], value["M"])
            assert (history.comigrations, history.seeding_sites) == (value["C"], value["S"])
            assert history.consistent_comigrations >= history.comigrations
            seen = {history.root}
            for u, s, v, t in history.edges.tolist():  # parents first, one edge into every node
                assert (u, s) in seen
                assert (v, t) not in seen
                seen.add((v, t))


def test_route_between_two_metastases_of_one_clone_is_open():
    tree = CloneTree.from_edges([("R", "A")])
    found = solve_sets(tree, ["P", "LN", "M"], {"R": ["P"], "A": ["P", "LN", "M"]}, "P")
    assert dict(found.criteria) == {"unobserved": 0, "migrations": 2, "comigrations": 2, "seeding_sites": 1}
    assert [h.pattern for h in found.histories] == ["PS", "S", "S"]
    e = np.exp(-2.0)  # one seeding site fewer
    np.testing.assert_allclose([h.weight for h in found.histories], np.array([1, e, e]) / (1 + 2 * e))
    uniform = solve_sets(
        tree, ["P", "LN", "M"], {"R": ["P"], "A": ["P", "LN", "M"]}, "P", settings=MigrationSettings(weights="uniform")
    )
    assert [h.weight for h in uniform.histories] == [1 / 3] * 3


def test_machina_counts_more_migrations_than_the_refined_model():
    """Case F06: a cascade through one metastasis."""
    tree = CloneTree.from_edges([("R", "B"), ("B", "B1"), ("B1", "B6"), ("B1", "B7")])
    presence = {"R": ["P"], "B": ["P", "M3"], "B1": ["M3"], "B6": ["M6"], "B7": ["M7"]}
    sites = ["P", "M3", "M6", "M7"]
    refined = solve_sets(tree, sites, presence, "P", settings=MigrationSettings(criteria="UMCS"))
    assert list(refined.criteria.values()) == [0, 3, 3, 2]
    assert refined.n_histories == 1
    machina = solve_sets(tree, sites, presence, "P", model="machina")
    assert list(machina.criteria.values())[1:] == [4, 3, 1]
    assert machina.n_histories == 1
    assert machina.histories[0].migration_counts == {(0, 1): 2, (0, 2): 1, (0, 3): 1}
    every = solve_sets(tree, sites, presence, "P", model="machina", settings=MigrationSettings(criteria="M"))
    assert sorted((h.comigrations, h.seeding_sites, h.pattern) for h in every.histories) == [
        (3, 1, "PS"),
        (3, 2, "S"),
        (4, 2, "M"),
        (4, 2, "M"),
        (4, 2, "R"),
    ]


@pytest.mark.parametrize("model", ["refined", "machina"])
def test_edge_cases(model):
    one = CloneTree(["R"], np.array([-1]))
    alone = infer_migration_histories(one, np.array([[True]]), primary=0, model=model)
    assert (alone.n_histories, alone.histories[0].pattern, len(alone.histories[0].edges)) == (1, "none", 0)
    unseen = infer_migration_histories(one, np.array([[False, False]]), primary=1, model=model)
    assert unseen.criteria["unobserved"] == 1
    assert unseen.histories[0].root == (0, 1)
    chain = CloneTree.from_edges([("R", "A"), ("A", "B")])
    stays = infer_migration_histories(chain, np.array([[1, 0]] * 3), primary=0, model=model)
    assert (stays.n_histories, stays.histories[0].n_migrations) == (1, 0)
    nothing = infer_migration_histories(chain, np.zeros((3, 2)), primary=0, model=model)
    assert nothing.histories[0].n_migrations == 0


def test_unobserved_root_departs_from_the_primary():
    tree = CloneTree.from_edges([("R", "A")])
    found = solve_sets(tree, ["P", "M"], {"R": [], "A": ["M"]}, "P")
    assert list(found.criteria.values()) == [1, 1, 1, 1]
    assert found.histories[0].edges.tolist() == [[0, 0, 1, 1]]


def test_histories_beyond_the_limit_are_counted():
    presence = np.ones((1, 6), bool)
    one = CloneTree(["R"], np.array([-1]))
    found = infer_migration_histories(one, presence, primary=0, settings=MigrationSettings(max_histories=10))
    assert (found.n_histories, len(found.histories), found.complete) == (6**4, 10, False)  # Cayley
    assert sum(h.weight for h in found.histories) == pytest.approx(1)


def test_malformed_arguments():
    tree = CloneTree.from_edges([("R", "A")])
    with pytest.raises(ValueError, match="presence"):
        infer_migration_histories(tree, np.ones((3, 2)), primary=0)
    with pytest.raises(ValueError, match="primary"):
        infer_migration_histories(tree, np.ones((2, 2)), primary=2)
    with pytest.raises(ValueError, match="model"):
        infer_migration_histories(tree, np.ones((2, 2)), primary=0, model="plain")
    for criteria_order in ("", "UU", "UX"):
        with pytest.raises(InputError, match="column criteria: .* is outside letters of UMCS"):
            MigrationSettings(criteria=criteria_order)


def test_ensemble_favours_the_tree_with_the_simpler_history():
    simple = CloneTree.from_edges([("R", "A")])
    presence = np.array([[1, 0, 0], [0, 1, 1]], bool)  # one clone in both metastases
    alternative = np.array([[1, 1, 0], [0, 1, 1]], bool)
    scenarios = [Scenario(0, simple, 0.5, presence), Scenario(1, simple, 0.25, alternative)]
    scenarios.append(Scenario(2, simple, 0.25, presence))
    strict = MigrationSettings(extra_unobserved_weight=np.inf, extra_migration_weight=np.inf)
    ensemble = infer_history_ensemble(scenarios, ["P", "M1", "M2"], primary=0, settings=strict)
    # presence: P->M1->M2 or P->M2->M1 (gamma 2, sigma 2); alternative: P->M1 in R, M1->M2 (gamma 2, sigma 2)
    assert sum(h.weight for _, h in ensemble) == pytest.approx(1)
    by_hand = np.array([0.5 * 2, 0.25 * 1, 0.25 * 2])
    np.testing.assert_allclose([t.weight for t in ensemble.trees], by_hand / by_hand.sum())
    assert [t.tree for t in ensemble.trees] == [0, 1, 2]
    assert ensemble.complete
    assert ensemble.migration_probability[0, 1] == pytest.approx((0.5 + 0.25 + 0.25) / 1.75)
    uniform = infer_history_ensemble(
        scenarios, ["P", "M1", "M2"], primary=0, settings=MigrationSettings(weights="uniform")
    )
    np.testing.assert_allclose([t.weight for t in uniform.trees], [0.5, 0.25, 0.25])
    with pytest.raises(ValueError, match="none"):
        infer_history_ensemble([], ["P"], primary=0)
    with pytest.raises(ValueError, match="positive"):
        infer_history_ensemble([Scenario(0, simple, 0.0, presence)], ["P", "M1", "M2"], primary=0)


def test_comigrations_by_hand():
    twice = [(0, 0, 1, 1), (1, 1, 2, 0), (2, 0, 3, 1)]
    assert count_comigrations(twice) == 3
    assert count_comigrations([(0, 0, 1, 1), (0, 0, 2, 1)]) == 1  # two branches may move together
    crossing = [(0, 0, 1, 1), (1, 1, 2, 0), (2, 0, 3, 2), (3, 2, 4, 0)]
    crossing += [(0, 0, 5, 2), (5, 2, 6, 0), (6, 0, 7, 1), (7, 1, 8, 0)]
    assert (count_comigrations(crossing), count_consistent_comigrations(crossing)) == (4, 6)
    assert (count_comigrations([]), count_consistent_comigrations([])) == (0, 0)


def least_consistent_events(labels, parents):
    """Breadth-first over sets of migrations that happened; an event is any non-empty choice of one pair."""
    layer, steps = {frozenset()}, 0
    while frozenset(range(len(labels))) not in layer:
        following = set()
        for done in layer:
            ready = [m for m in range(len(labels)) if m not in done and (parents[m] < 0 or parents[m] in done)]
            for label in {labels[m] for m in ready}:
                group = [m for m in ready if labels[m] == label]
                for choice in range(1, 1 << len(group)):
                    following.add(done | {m for i, m in enumerate(group) if choice >> i & 1})
        layer, steps = following, steps + 1
    return steps


def test_consistent_comigrations_against_breadth_first_search():
    rng = np.random.default_rng(3)
    differing = 0
    for _ in range(150):
        sites = [0]
        edges = []
        for v in range(1, 11):  # two chains of five
            u = 0 if v in (1, 6) else v - 1
            sites.append(int(rng.integers(3)))
            edges.append((u, sites[u], v, sites[v]))
        expected = least_consistent_events(*migration_forest(edges))
        assert count_consistent_comigrations(edges) == expected
        differing += expected > count_comigrations(edges)
    assert differing


def test_patterns():
    assert [is_within_pattern(p, "S") for p in ("none", "PS", "S", "M", "R")] == [True, True, True, False, False]
    assert is_within_pattern("R", None)
    assert migration_pattern([(0, 1), (0, 2), (1, 2), (2, 0)]) == "R"


def test_arborescences_counted_and_listed():
    rng = np.random.default_rng(2)
    for _ in range(60):
        n = int(rng.integers(1, 6))
        reach = [int(rng.integers(1 << n)) & ~(1 << s) for s in range(n)]
        sites = (1 << n) - 1
        for root in range(n):
            listed = list(list_arborescences(sites, root, reach))
            assert len(listed) == len(set(listed)) == count_arborescences(sites, root, reach)
            assert bool(listed) == bool(spanning_roots(sites, reach) >> root & 1)
