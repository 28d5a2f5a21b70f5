"""What a perfect observer sees of a simulated history, by hand and by invariants."""

import numpy as np
import pytest

from phylometa.model.patient import Site
from phylometa.simulate import (
    PATTERNS,
    HistoryPlan,
    Population,
    Region,
    SimulationSettings,
    lose_populations,
    simulate_patient,
    true_labels,
    visible_labels,
    visible_truth,
)
from phylometa.simulate.patterns import draw_plan

SITES = (Site("primary", "primary"), Site("M1", "distant"), Site("M2", "distant"))


def planned(populations, **changes):
    regions = tuple(Region(site.name, 60.0) for site in SITES for _ in range(2))
    settings = SimulationSettings(depth=200.0, drivers=0, parallel_drivers=0, trunk_cn_events=0, branch_cn_events=0)
    plan = HistoryPlan(SITES, tuple(Population(*row[:3], survives=row[3]) for row in populations), regions)
    return simulate_patient(settings, rng=np.random.default_rng(3), plan=plan)


def migrations(seen):
    names = seen.tree.names
    return [(names[u], s, names[v], t) for u, s, v, t in seen.history.migrations.tolist()]


def test_an_extinct_clone_is_one_with_its_only_descendant():
    simulated = planned(
        [
            ("A", "primary", -1, True),
            ("B", "primary", 0, False),  # dies out; its child is all that is left of it
            ("C", "M1", 1, True),
            ("D", "M2", 0, True),
            ("E", "M2", 3, False),  # leaves nothing behind
        ]
    )
    seen = visible_truth(simulated)
    assert set(seen.tree.names) == {"A", "C", "D"}
    # C's lineage branched off in the primary, where it was not sampled: whether there or on arrival nobody can see
    assert migrations(seen) == [("A", 0, "C", 1), ("A", 0, "D", 2)]
    assert (seen.history.unobserved, seen.history.n_migrations) == (0, 2)
    whole = visible_truth(simulated, unseen_births=True)
    assert migrations(whole) == [("C", 0, "C", 1), ("A", 0, "D", 2)]
    assert (whole.history.unobserved, whole.history.n_migrations) == (1, 2)
    assert visible_labels(simulated)["phyletic"] == true_labels(simulated)["phyletic"] == "monophyletic"
    assert visible_labels(simulated)["ongoing_evolution"]["M2"] == "False"
    assert true_labels(simulated)["ongoing_evolution"]["M2"] == "True"


def test_an_extinct_clone_with_two_descendants_stays():
    simulated = planned(
        [("A", "primary", -1, True), ("B", "primary", 0, False), ("C", "M1", 1, True), ("D", "M2", 1, True)]
    )
    seen = visible_truth(simulated)
    assert set(seen.tree.names) == {"A", "B", "C", "D"}
    assert not seen.presence[seen.tree.names.index("B")].any()
    assert visible_labels(simulated)["site_sources"] == {"M1": "primary", "M2": "primary"}


def test_a_birth_that_left_more_than_one_trace_stays():
    populations = [
        ("A", "primary", -1, True),
        ("B", "primary", 0, False),  # seeds both metastases and is sampled in them alone
        ("B", "M1", 1, True),
        ("B", "M2", 1, True),
        ("C", "M1", 2, True),
    ]
    for kept in (False, True):
        seen = visible_truth(planned(populations), unseen_births=kept)
        assert migrations(seen) == [("B", 0, "B", 1), ("B", 0, "B", 2)]
        assert seen.history.unobserved == 1


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(("assay", "rate"), [("wes", 0.003), ("panel", 0.2)])
def test_visible_histories_are_histories_of_the_visible_tree(assay, rate, kept):
    merged = 0
    for number, pattern in enumerate(PATTERNS):
        rng = np.random.default_rng([8, number])
        settings = SimulationSettings(
            pattern=pattern, assay=assay, mutation_rate=rate, lymph_nodes=1, depth=60.0, drivers=0, parallel_drivers=0
        )
        plan = lose_populations(draw_plan(settings, rng), 0.2, rng)
        assert {p.site for p in plan.populations if p.survives} >= {region.site for region in plan.regions}
        simulated = simulate_patient(settings, rng=rng, plan=plan)
        seen = visible_truth(simulated, unseen_births=kept)
        merged += len(simulated.truth.tree.names) - seen.tree.n_clones
        nodes = set(seen.history.nodes)
        assert nodes >= set(map(tuple, np.argwhere(seen.presence).tolist()))
        assert len(nodes) == len(seen.history.nodes)
        for u, s, v, t in seen.history.edges.tolist():
            assert (u, s) in nodes
            assert u == v or seen.tree.parents[v] == u
            assert s != t or u != v
        entered = [v for u, _, v, _ in seen.history.edges.tolist() if u != v]
        assert sorted(entered) == sorted(set(range(seen.tree.n_clones)) - {seen.tree.root})
        children = seen.tree.children
        for v in range(seen.tree.n_clones):
            assert seen.presence[v].any() or len(children[v]) > 1
            assert seen.tree.n_mutations[v] > 0 or v == seen.tree.root
        assert seen.tree.n_mutations.sum() == simulated.truth.n_called.sum()
        assert (
            np.bincount(seen.clone_of[simulated.truth.clone], minlength=seen.tree.n_clones) == seen.tree.n_mutations
        ).all()
    assert merged > 5
