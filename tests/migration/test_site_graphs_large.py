"""Large trees and hard presence: the compiled feasibility, bounds if the time runs out, progress."""

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.migration.comigration import count_comigrations, count_consistent_comigrations
from phylometa.migration.infer import infer_migration_histories, make_question
from phylometa.migration.least_cost import Costs, solve
from phylometa.migration.lexicographic import find_optima
from phylometa.migration.site_graphs import SiteGraphSearch
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble
from phylometa.pipeline.warnings import unproved


def random_tree(rng, n_clones, n_sites, share):
    parents = np.array([-1] + [int(rng.integers(v)) for v in range(1, n_clones)])
    return CloneTree(tuple(map(str, range(n_clones))), parents), rng.random((n_clones, n_sites)) < share


@pytest.mark.parametrize("seed", range(6))
def test_compiled_feasibility_is_that_of_python(seed):
    rng = np.random.default_rng(seed)
    tree, presence = random_tree(rng, 40, 6, 0.25)
    optimal = solve(make_question(tree, presence, 0), Costs.from_criteria("UM"))
    plain = SiteGraphSearch(optimal, is_compiled=False)
    compiled = SiteGraphSearch(optimal, is_compiled=True)
    seen = set()
    for number in range(200):
        reach = [int(rng.integers(64)) & ~(1 << s) for s in range(6)] if number else [0] * 6
        if number == 1:
            reach = [63 & ~(1 << s) for s in range(6)]
        elif number and rng.random() < 0.5:
            reach = [r | (int(rng.integers(64)) & ~(1 << s)) for s, r in enumerate(reach)]
        expected = plain.possible_entries(reach)
        assert compiled.possible_entries(reach) == expected
        open_pairs = [int(rng.integers(64)) & ~(1 << s) for s in range(6)]
        if expected[1] >= 0:
            assert compiled.cut(reach, open_pairs) == plain.cut(reach, open_pairs)
        seen.add(expected[1] < 0)
    assert seen == {True, False}


def test_bound_on_comigrations_holds_if_the_time_runs_out():
    tree, presence = random_tree(np.random.default_rng(2), 14, 5, 0.35)
    question = make_question(tree, presence, 0)
    proved = find_optima(question, "UMCS", prefer_search=True)
    truth = min(count_comigrations(edges) for edges in proved)
    assert proved.proved and proved.least_comigrations is None
    cut = find_optima(question, "UMCS", prefer_search=True, seconds=0.0)
    assert not cut.proved
    assert cut.least_comigrations <= truth <= min(count_comigrations(edges) for edges in cut)


@pytest.mark.system
def test_gap_is_told_and_progress_given(monkeypatch):
    tree, presence = random_tree(np.random.default_rng(2), 30, 8, 0.4)
    told = []
    settings = MigrationSettings(criteria="UMCS", weights="uniform", seconds=0.05)
    found = infer_migration_histories(
        tree, presence, primary=0, settings=settings, progress=lambda *step: told.append(step)
    )
    assert told and told[0][0] == "at least 0 comigrations" and told[0][2] == 0
    assert not found.complete
    ensemble = HistoryEnsemble((found,), tuple("abcdefgh"), "UMCS", "uniform")
    (text,) = unproved(ensemble)
    assert f"at least {found.least_comigrations}" in text and str(found.criteria["comigrations"]) in text


def test_search_for_consistent_comigrations_is_cut():
    # many returns: a wide frontier
    edges, clone = [], 0
    for branch in range(6):
        above, site = 0, 0
        for step in range(6):
            clone += 1
            to = (branch + step) % 3 + 1 if step % 2 == 0 else 0
            edges.append((above, site, clone, to))
            above, site = clone, to
    full = count_consistent_comigrations(edges)
    assert full is not None and full >= count_comigrations(edges)
    assert count_consistent_comigrations(edges, most_states=1) is None
    assert count_consistent_comigrations(edges, most_states=10**6) == full
