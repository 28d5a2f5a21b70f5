"""Patterns, closed routes, unknown primary, near-optimal histories, limits of time and listing; published optima."""

import os
from pathlib import Path

import numpy as np
import pytest
from migration_oracle import all_histories, criteria, pattern, random_instance

import phylometa.migration.lexicographic as lexicographic_module
import phylometa.migration.pattern_bound as pattern_bound_module
import phylometa.migration.site_graphs as site_graphs_module
from phylometa.config import MigrationSettings
from phylometa.errors import InfeasibleError
from phylometa.io.trees_io import read_tree_with_sites
from phylometa.migration import (
    Scenario,
    count_comigrations,
    infer_history_ensemble,
    infer_migration_histories,
    infer_origin,
    open_routes,
)
from phylometa.migration.heaviest_first import list_simplest
from phylometa.migration.infer import make_question
from phylometa.migration.lexicographic import find_optima
from phylometa.migration.one_more import list_near_optimal, simplest_near_optimal
from phylometa.migration.pattern_bound import find_optima_within_pattern
from phylometa.migration.scoring import check_criteria
from phylometa.migration.site_graph_program import OutOfTime
from phylometa.migration.site_graphs import SiteGraphSearch
from phylometa.model.clone_tree import CloneTree

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")
PATTERNS = ("none", "PS", "S", "M", "R")
SMALL = ((2, 2), (2, 3), (3, 2), (4, 2), (3, 3))


def instance(rng):
    parents, observed, n_sites, primary = random_instance(rng, SMALL)
    tree = CloneTree(tuple(map(str, range(len(parents)))), np.array(parents))
    presence = np.array([[s in sites for s in range(n_sites)] for sites in observed])
    scored = [
        (edges, criteria(edges, (0, primary), observed)) for edges in all_histories(parents, observed, n_sites, primary)
    ]
    return tree, presence, primary, scored, observed


def best_of(scored, order):
    letters = check_criteria(order)
    keys = [(tuple(value[letter] for letter in letters), edges) for edges, value in scored]
    best = min(key for key, _ in keys)
    return {edges for key, edges in keys if key == best}


def agrees(found, expected):
    listed = [frozenset(edges) for edges in found]
    return found.proved and set(listed) == expected and found.n_histories == len(listed) == len(expected)


def test_the_integer_program_gives_what_branching_gives(monkeypatch):
    monkeypatch.setattr(site_graphs_module, "NODES_BEFORE_PROGRAM", 0)
    rng = np.random.default_rng(12)
    for _ in range(5):
        tree, presence, primary, scored, _ = instance(rng)
        question = make_question(tree, presence, primary)
        for order in ("UMCS", "UMC", "MCS"):
            assert agrees(find_optima(question, order, prefer_search=True), best_of(scored, order))


def test_the_integer_program_keeps_the_time_limit(monkeypatch):
    monkeypatch.setattr(site_graphs_module, "NODES_BEFORE_PROGRAM", 0)
    question = wide_question()
    search = SiteGraphSearch(find_optima(question, "UM").families[0].optimal)
    search.seconds_left = lambda: 1e-9
    with pytest.raises(OutOfTime):
        next(search.graphs(20))


@pytest.mark.parametrize("listed_per_node", [2000, 2])
def test_brute_force_agrees_within_every_pattern(monkeypatch, listed_per_node):
    monkeypatch.setattr(pattern_bound_module, "LISTED_PER_NODE", listed_per_node)
    rng = np.random.default_rng(8)
    for _ in range(6):
        tree, presence, primary, scored, _ = instance(rng)
        question = make_question(tree, presence, primary)
        for bound in PATTERNS[1:]:
            within = [(e, v) for e, v in scored if PATTERNS.index(pattern(e)) <= PATTERNS.index(bound)]
            for order in ("UM", "UMCS", "MCS", "UMS"):
                assert agrees(find_optima_within_pattern(question, order, bound), best_of(within, order))


def test_brute_force_agrees_along_open_routes():
    rng = np.random.default_rng(9)
    infeasible = 0
    for _ in range(12):
        tree, presence, primary, scored, _ = instance(rng)
        routes = rng.random((presence.shape[1],) * 2) < 0.6
        allowed = [(e, v) for e, v in scored if all(s == t or routes[s, t] for _, s, _, t in e)]
        options = {"primary": primary, "routes": routes, "settings": MigrationSettings(criteria="UMC")}
        if not allowed:
            infeasible += 1
            with pytest.raises(InfeasibleError):
                infer_migration_histories(tree, presence, **options)
            continue
        result = infer_migration_histories(tree, presence, **options)
        assert {frozenset(map(tuple, h.edges.tolist())) for h in result.histories} == best_of(allowed, "UMC")
    assert infeasible


def idle_copies(edges, root, observed):
    nodes = {root} | {edge[2:] for edge in edges}
    return [
        node
        for node in nodes - {root}
        if node[1] not in observed[node[0]]
        and sum(other[0] == node[0] for other in nodes) > 1
        and sum(edge[:2] == node for edge in edges) < 2
    ]


def test_brute_force_agrees_on_near_optimal_histories():
    rng = np.random.default_rng(10)
    seen = 0
    for _ in range(15):
        tree, presence, primary, scored, observed = instance(rng)
        question = make_question(tree, presence, primary)
        best = min((value["U"], value["M"]) for _, value in scored)
        one_migration = {e for e, value in scored if (value["U"], value["M"]) == (best[0], best[1] + 1)}
        one_node = [(e, value["M"]) for e, value in scored if value["U"] == best[0] + 1]
        fewest = min((migrations for _, migrations in one_node), default=0)
        one_node = {e for e, m in one_node if m == fewest and not idle_copies(e, (0, primary), observed)}
        for kind, expected in (("M", one_migration), ("U", one_node)):
            listed = [frozenset(edges) for edges in list_near_optimal(question, kind)]
            assert set(listed) == expected
            assert len(listed) == len(expected)
            assert simplest_near_optimal(question, kind, MigrationSettings()).n_histories == len(expected)
            seen += len(listed)
    assert seen > 50


def test_near_optimal_histories_are_weighed_as_brute_force_says():
    rng = np.random.default_rng(14)
    settings = MigrationSettings(max_alternatives=1000)
    names = ["P", "A", "B", "C"]
    seen = 0
    for _ in range(8):
        tree, presence, primary, scored, observed = instance(rng)
        best = min((value["U"], value["M"]) for _, value in scored)
        fewest = min((value["M"] for _, value in scored if value["U"] == best[0] + 1), default=0)
        expected = {}
        for edges, value in scored:
            extra = value["U"] - best[0], value["M"] - best[1]
            idle = value["M"] != fewest or idle_copies(edges, (0, primary), observed)
            if extra in ((0, 0), (0, 1)) or (extra[0] == 1 and not idle):
                expected[edges] = np.exp(-value["C"] - 2 * value["S"] - 6 * extra[0] - extra[1])
        scenario = Scenario(0, tree, 1.0, presence)
        found = infer_history_ensemble([scenario], names[: presence.shape[1]], primary=primary, settings=settings)
        weights = {frozenset(map(tuple, h.edges.tolist())): h.weight for _, h in found}
        total = sum(expected.values())
        assert weights == pytest.approx({edges: weight / total for edges, weight in expected.items()})
        for entry in found.trees:
            assert {(h.unobserved, h.n_migrations) for h in entry.histories} == {
                (entry.criteria["unobserved"], entry.criteria["migrations"])
            }
            assert entry.complete
            assert entry.n_histories == len(entry.histories)
        assert [entry.is_optimal for entry in found.trees] == [True] + [False] * (len(found.trees) - 1)
        seen += len(found.trees) - 1
    assert seen > 8


def test_only_the_order_um_with_exponential_weights_weighs_near_optimal_histories():
    tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    scenario = Scenario(0, tree, 1.0, np.array([[1, 0], [0, 1], [0, 1]]))
    assert len(infer_history_ensemble([scenario], ["P", "M"], primary=0).trees) > 1
    for changes in (
        {"weights": "uniform"},
        {"criteria": "UMC"},
        {"max_alternatives": 0},
        {"extra_unobserved_weight": np.inf, "extra_migration_weight": np.inf},
    ):
        settings = MigrationSettings(**changes)
        strict = infer_history_ensemble([scenario], ["P", "M"], primary=0, settings=settings)
        assert [entry.is_optimal for entry in strict.trees] == [True]
    one_kind = MigrationSettings(extra_migration_weight=np.inf)
    entries = infer_history_ensemble([scenario], ["P", "M"], primary=0, settings=one_kind).trees
    assert [entry.excess for entry in entries] == [(0, 0), (1, -1)]
    # two clones of M: gamma 1, sigma 1, as the one founder that was not seen there; fewer migrations then gain nothing
    assert entries[1].weight == pytest.approx(np.exp(-6) / (1 + np.exp(-6)))


def test_alternatives_are_listed_beside_the_optimum():
    tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    presence = np.array([[1, 0], [0, 1], [0, 1]])  # two clones of M, or one founder that was not seen there
    found = infer_migration_histories(tree, presence, primary=0)
    assert (found.n_histories, found.criteria["migrations"]) == (1, 2)
    founder = next(h for h in found.alternatives if h.unobserved == 1)
    assert (founder.n_migrations, founder.weight) == (1, 0)
    assert [0, 0, 0, 1] in founder.edges.tolist()
    detour = infer_migration_histories(CloneTree.from_edges([("R", "A")]), np.array([[1, 1], [1, 1]]), primary=0)
    assert {h.n_migrations for h in detour.histories} == {2}
    assert {(h.unobserved, h.n_migrations) for h in detour.alternatives} == {(0, 3)}
    silent = infer_migration_histories(tree, presence, primary=0, settings=MigrationSettings(max_alternatives=0))
    assert silent.alternatives == ()


def test_reseeding_is_forbidden_by_the_pattern():
    """Case F10b: the clone that returns to the primary needs a copy that was not seen where it is forbidden."""
    tree = CloneTree.from_edges([("R", "D"), ("D", "D1"), ("D1", "D2"), ("D2", "D3")])
    presence = np.array([[1, 0], [1, 1], [0, 1], [0, 1], [1, 1]])
    free = infer_migration_histories(tree, presence, primary=0)
    assert (free.histories[0].pattern, free.criteria["unobserved"]) == ("R", 0)
    for bound in ("PS", "S", "M"):
        held = infer_migration_histories(tree, presence, primary=0, pattern=bound)
        assert {h.pattern for h in held.histories} == {"PS"}
        assert (held.criteria["unobserved"], held.criteria["migrations"]) == (2, 4)
    assert infer_migration_histories(tree, presence, primary=0, pattern="R").n_histories == free.n_histories
    with pytest.raises(ValueError, match="pattern"):
        infer_migration_histories(tree, presence, primary=0, pattern="X")


def test_a_resected_primary_cannot_seed_what_came_later():
    tree = CloneTree.from_edges([("R", "A")])
    presence = np.array([[1, 0, 0], [1, 1, 1]])
    routes = open_routes(np.array([50.0, np.nan, np.nan]), np.array([np.nan, np.nan, 52.0]))
    found = infer_migration_histories(tree, presence, primary=0, routes=routes)
    assert [h.migration_counts for h in found.histories] == [{(0, 1): 1, (1, 2): 1}]
    with pytest.raises(ValueError, match="routes"):
        infer_migration_histories(tree, presence, primary=0, routes=np.ones((2, 2)))


def test_origin_is_where_the_trunk_was_seen():
    tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    presence = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = infer_origin(tree, presence)
    # From the primary: U 0, mu 2, gamma 2, sigma 1. From a metastasis: U 1 (the root there), mu 2 or 3.
    assert found.candidates == (0, 1, 2)
    assert found.probability[0] > 0.99
    assert found.probability[1] == pytest.approx(found.probability[2])
    assert found.probability.sum() == pytest.approx(1)
    assert sum(h.weight for histories in found.histories for h in histories.histories) == pytest.approx(1)
    unlikely = infer_origin(tree, presence, candidates=[0, 1], prior=[0, 1])
    assert unlikely.probability.tolist() == [0, 1]
    with pytest.raises(ValueError, match="prior"):
        infer_origin(tree, presence, candidates=[0], prior=[0.0])


def wide_question():
    rng = np.random.default_rng(1)
    parents = np.array([-1] + [int(rng.integers(v)) for v in range(1, 20)])
    tree = CloneTree(tuple(map(str, range(20))), parents)
    return make_question(tree, rng.random((20, 8)) < 0.7, 0)


@pytest.mark.parametrize("order", ["UMCS", "UMC"])
def test_out_of_time_gives_an_unproved_answer(order):
    found = find_optima(wide_question(), order, seconds=0.0)
    assert not found.proved
    assert found.n_histories >= 1
    assert next(iter(found))


def test_out_of_time_within_a_pattern():
    found = find_optima_within_pattern(wide_question(), "UM", "M", seconds=0.0)
    assert not found.proved
    assert pattern(next(iter(found))) == "PS"


def test_a_return_that_may_be_dated_twice(monkeypatch):
    monkeypatch.setattr(lexicographic_module, "LISTED_BEFORE_SEARCH", 0)
    tree = CloneTree.from_edges([("R", "A"), ("A", "B"), ("B", "C")])
    presence = np.array([[1, 0], [0, 1], [0, 0], [1, 0]])  # B unseen: return by B or by C
    found = find_optima(make_question(tree, presence, 0), "UMC")
    assert (found.proved, found.n_histories) == (True, 2)
    assert {(0, 0, 1, 1), (1, 1, 2, 0), (2, 0, 3, 0)} in [set(edges) for edges in found]


def test_a_pair_that_must_repeat_on_a_path():
    """There, back and there again along one lineage: gamma 3 with two pairs of sites."""
    tree = CloneTree.from_edges([("R", "A"), ("A", "B"), ("B", "C")])
    presence = np.array([[1, 0], [0, 1], [1, 0], [0, 1]])
    for prefer_search in (False, True):
        found = find_optima(make_question(tree, presence, 0), "UMCS", prefer_search=prefer_search)
        assert (found.proved, found.n_histories) == (True, 1)
        assert count_comigrations(next(iter(found))) == 3


def test_the_simplest_histories_are_listed_first():
    rng = np.random.default_rng(4)
    for _ in range(10):
        tree, presence, primary, _, _ = instance(rng)
        question = make_question(tree, presence, primary)
        every = infer_migration_histories(tree, presence, primary=primary)
        costs = sorted(h.comigrations + 2 * h.seeding_sites for h in every.histories)
        optimal = find_optima(question, "UM").families[0].optimal
        for limit in (1, 3, 1000):
            listed = list_simplest(optimal, limit, cost=lambda gamma, sigma: gamma + 2 * sigma, seconds=10)
            assert len(listed) == min(limit, every.n_histories)
            ours = infer_migration_histories(
                tree, presence, primary=primary, settings=MigrationSettings(max_histories=limit)
            )
            assert sorted(h.comigrations + 2 * h.seeding_sites for h in ours.histories) == costs[:limit]
    assert list_simplest(optimal, 5, cost=lambda gamma, sigma: gamma, seconds=-1) == []


PUBLISHED = [
    ("patient1", "LOv", (0, 12, 7, 2), 1, (11, 7, 2)),
    ("patient7", "LOv", (0, 10, 6, 2), 4, (10, 5, 2)),
    ("patient7", "ROv", (0, 10, 5, 2), 1, (10, 5, 2)),
    ("A10", "prostate", (1, 3, 3, 2), 1, (3, 3, 1)),
    ("A31", "prostate", (1, 10, 4, 2), 1, (10, 4, 2)),
    ("A32", "prostate", (0, 9, 7, 3), 1, (7, 5, 2)),
    ("A22", "prostate", (0, 26, 12, 5), 20, (26, 12, 5)),
]


@needs_data
@pytest.mark.parametrize(("name", "primary", "umcs", "n_optima", "mcs"), PUBLISHED)
def test_published_optima(name, primary, umcs, n_optima, mcs):
    folder = Path(DATA) / "mach2"
    located = read_tree_with_sites(folder / f"{name}.tree", folder / f"{name}.observed.labeling").with_site(primary)
    options = {"primary": located.site_names.index(primary)}
    found = infer_migration_histories(
        located.tree, located.presence, settings=MigrationSettings(criteria="UMCS"), **options
    )
    assert tuple(found.criteria.values()) == umcs
    assert (found.n_histories, found.complete) == (n_optima, True)
    free = infer_migration_histories(
        located.tree, located.presence, settings=MigrationSettings(criteria="MCS"), **options
    )
    assert tuple(free.criteria.values())[1:] == mcs


@needs_data
@pytest.mark.parametrize(("primary", "tied"), [("LOv", [(7, 2), (7, 2), (11, 3), (11, 3)]), ("ROv", [(10, 2)])])
def test_published_labellings_of_the_plain_model(primary, tied):
    folder = Path(DATA) / "mcpherson_2016"
    located = read_tree_with_sites(folder / "patient1.tree", folder / "patient1.labeling", contract=False)
    every = infer_migration_histories(
        located.tree,
        located.presence,
        primary=located.site_names.index(primary),
        model="machina",
        settings=MigrationSettings(criteria="M"),
    )
    assert every.criteria["migrations"] == 13
    assert sorted((h.comigrations, h.seeding_sites) for h in every.histories) == tied


def test_a_deep_chain_of_clones():
    n_clones = 500
    tree = CloneTree(tuple(map(str, range(n_clones))), np.arange(-1, n_clones - 1))
    presence = np.zeros((n_clones, 3), bool)
    presence[np.arange(n_clones), (np.arange(n_clones) // 100) % 3] = True  # a new site every hundred clones
    found = infer_migration_histories(tree, presence, primary=0)
    assert (found.n_histories, found.criteria["migrations"], found.criteria["comigrations"]) == (1, 4, 4)
    capped = find_optima(make_question(tree, presence, 0), "UMC", prefer_search=True)
    assert (capped.n_histories, capped.proved) == (1, True)
    assert len(next(iter(capped))) == n_clones - 1
