"""The optional genetic-distance prior: weights by hand, undone, written and read back, shown with and without."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.config import MigrationSettings, Settings
from phylometa.io.history_files import histories_from_json, histories_to_json
from phylometa.io.results import write_histories
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.migration.genetic_distance import mean_genetic_distance
from phylometa.model.clone_tree import CloneTree
from phylometa.model.labels import SeedingLabels
from phylometa.pipeline.stages import load_result, run_stage

# A (primary) - B - C; C is in two metastases: each may have seeded the other, or B's long branch was the migration.
TREE = CloneTree(("A", "B", "C"), np.array([-1, 0, 1]), np.array([50.0, 40.0, 5.0]))
PRESENCE = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
SITES = ("primary", "liver", "lung")


def ensemble(weight, presence=PRESENCE, tree=TREE):
    strict = MigrationSettings(extra_unobserved_weight=6.0, extra_migration_weight=1.0, genetic_distance_weight=weight)
    return infer_history_ensemble([Scenario(0, tree, 1.0, presence)], SITES, primary=0, settings=strict)


def test_mean_genetic_distance_by_hand():
    distances = {
        tuple(sorted(map(tuple, history.migrations.tolist()))): mean_genetic_distance(TREE, history)
        for _, history in ensemble(0.0)
    }
    assert distances[(0, 0, 1, 1), (1, 1, 2, 2)] == pytest.approx((40 / 40 + 5 / 40) / 2)
    alone = CloneTree(("A",), np.array([-1]), np.array([3.0]))
    (_, same), *_ = ensemble(0.0, np.array([[1, 1, 0]], dtype=bool), alone)
    assert mean_genetic_distance(alone, same) == 0.0  # the clone itself moved


def test_weights_are_multiplied_and_the_prior_undone():
    plain, favoured = ensemble(0.0), ensemble(3.0)
    key = lambda history: history.edges.tobytes()  # noqa: E731
    before = {key(history): history.weight for _, history in plain}
    expected = {key(h): h.weight * np.exp(3.0 * mean_genetic_distance(TREE, h)) for _, h in plain}
    assert len(expected) > 1
    after = {key(history): history.weight for _, history in favoured}
    total = sum(expected.values())
    assert after == pytest.approx({name: weight / total for name, weight in expected.items()})
    assert max(abs(after[name] - before[name]) for name in before) > 0.01
    assert sum(tree.weight for tree in favoured.trees) == pytest.approx(1.0)
    for tree in favoured.trees:
        assert tree.weight == pytest.approx(sum(history.weight for history in tree.histories))
    undone = favoured.without_prior
    assert {key(history): history.weight for _, history in undone} == pytest.approx(before)
    assert plain.without_prior is None


def test_written_and_read_back():
    favoured = ensemble(3.0)
    document = histories_to_json(favoured, {0: TREE})
    again = histories_from_json(document, [TREE])
    assert [h.log_prior for _, h in again] == [h.log_prior for _, h in favoured]
    assert not any(
        "log_prior" in h for entry in histories_to_json(ensemble(0.0), {0: TREE})["trees"] for h in entry["histories"]
    )


def test_labels_and_routes_with_and_without(small_run, tmp_path):
    plain = load_result(next(path.parent for path in small_run.rglob("summary.json")))
    settings = replace(Settings(), migration=MigrationSettings(genetic_distance_weight=4.0))
    result = replace(plain, histories=None, labels=None)
    for stage in ("histories", "labels"):
        result = run_stage(stage, result, settings)
    labels = result.labels
    assert labels.without_prior.headline == plain.labels.headline
    assert plain.labels.without_prior is None
    assert any("genetic-distance prior" in text for text in result.warnings)
    again = SeedingLabels.from_json(labels.to_json(), settings=settings.seeding)
    assert again.without_prior.headline == labels.without_prior.with_override().headline
    write_histories(result.histories, dict(enumerate(map(result.trees.tree, range(len(result.trees))))), tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "migrations.tsv").read_text().splitlines()]
    assert lines[0][4:] == ["probability", "mcse", "probability_without_prior"]
    before = {
        tuple(line.split("\t")[:4]): float(line.split("\t")[4])
        for line in next(small_run.rglob("migrations.tsv")).read_text().splitlines()[1:]
    }
    assert {tuple(line[:4]): float(line[6]) for line in lines[1:]} == pytest.approx(before, abs=1e-5)
