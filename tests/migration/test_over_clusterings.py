"""Histories and labels over draws of clusters and tree: weights by hand, files, and what a run makes of them."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.config import MigrationSettings, Settings, TreeSettings
from phylometa.migration import Scenario, histories_of_trees, infer_history_ensemble, joint_histories
from phylometa.migration.over_clusterings import GRAPHS_COVERED, _migration_probabilities, _rake, weigh_by_graphs
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.pipeline.warnings import coverage_warnings
from phylometa.seeding import classify_seeding

SITES = ("primary", "liver", "lung")
STRICT = MigrationSettings(extra_unobserved_weight=np.inf, extra_migration_weight=np.inf)
# Two clones below the founder: B in the liver, C in the lung.
TREE = CloneTree(("A", "B", "C"), np.array([-1, 0, 0]), np.array([5.0, 3.0, 3.0]))
# The lung holds C alone (one migration into it), or B too (two, or one by way of the liver).
ALONE = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
TOGETHER = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]], dtype=bool)


def ensemble(*weighed):
    scenarios = [Scenario(0, TREE, weight, presence) for presence, weight in weighed]
    return infer_history_ensemble(scenarios, SITES, primary=0, settings=STRICT)


def graphs(histories):
    found = {}
    for _, history in histories:
        graph = tuple(sorted(history.migration_counts.items()))
        found[graph] = found.get(graph, 0.0) + history.weight
    return found


def entries(history, site):
    return sum(n for (_, target), n in history.migration_counts.items() if target == site)


def test_each_graph_gets_its_probability_over_all_clusterings():
    shown, joint = ensemble((ALONE, 0.9), (TOGETHER, 0.1)), ensemble((ALONE, 0.2), (TOGETHER, 0.8))
    weighed = weigh_by_graphs(shown, joint, 9)
    expected = {g: (9 * graphs(joint)[g] + p) / 10 for g, p in graphs(shown).items()}  # the shown are one draw more
    assert graphs(weighed) == pytest.approx(expected)
    assert weighed.graphs_covered == pytest.approx(1.0)
    assert sum(history.weight for _, history in weighed) == pytest.approx(1.0)
    for entry in weighed.trees:
        assert entry.weight == pytest.approx(sum(history.weight for history in entry.histories))
        weights = [history.weight for history in entry.histories]
        assert weights == sorted(weights, reverse=True)


def test_histories_of_one_graph_keep_their_shares():
    shown = ensemble((TOGETHER, 0.6), (ALONE, 0.4))
    weighed = weigh_by_graphs(shown, ensemble((TOGETHER, 1.0)), 50)
    before = {h.edges.tobytes(): h.weight / graphs(shown)[tuple(sorted(h.migration_counts.items()))] for _, h in shown}
    after = {
        h.edges.tobytes(): h.weight / graphs(weighed)[tuple(sorted(h.migration_counts.items()))] for _, h in weighed
    }
    assert after == pytest.approx(before)


def test_graphs_that_the_shown_clusters_do_not_allow_are_counted():
    shown, joint = ensemble((ALONE, 1.0)), ensemble((ALONE, 0.25), (TOGETHER, 0.75))
    weighed = weigh_by_graphs(shown, joint, 100)
    assert weighed.graphs_covered == pytest.approx(graphs(joint)[next(iter(graphs(shown)))])
    assert weighed.graphs_covered < GRAPHS_COVERED
    (warning,) = coverage_warnings(weighed)
    assert f"only {100 * weighed.graphs_covered:.0f} %" in warning
    assert coverage_warnings(shown) == ()
    assert sum(history.weight for _, history in weighed) == pytest.approx(1.0)
    nothing = weigh_by_graphs(shown, ensemble((TOGETHER, 1.0)), 100)
    assert nothing.graphs_covered == 0.0
    assert graphs(nothing) == pytest.approx(graphs(shown))


def test_single_migrations_are_weighed_where_few_graphs_are_covered():
    a, b, c = ((0, 1), 1), ((0, 2), 1), ((1, 2), 1)
    shown = {(a, b): 0.5, (a, c): 0.3, (((0, 1), 2), b): 0.2}
    truth = {(a, b): 0.1, (a, c): 0.2, (((0, 1), 2), b): 0.7}  # what these migrations' probabilities are taken from
    wanted = _migration_probabilities(truth) | {((2, 1), 1): 0.9}  # one that no graph shown has
    factor = _rake(shown, wanted, 1000)
    fitted = {graph: factor[graph] * weight for graph, weight in shown.items()}
    assert sum(fitted.values()) == pytest.approx(1.0)
    found = _migration_probabilities(fitted)
    assert {m: found[m] for m in (((0, 1), 2), ((0, 2), 1), ((1, 2), 1))} == pytest.approx(
        {((0, 1), 2): 0.7, ((0, 2), 1): 0.8, ((1, 2), 1): 0.2}, abs=1e-6
    )
    # graphs with the same migrations among those that differ keep their ratio: here none do, so the fit is the truth
    assert fitted == pytest.approx(truth, abs=1e-6)
    certain = _rake({(a,): 1.0}, wanted, 1000)
    assert certain == {(a,): 1.0}


def test_a_tree_that_needs_more_migrations_loses_weight():
    settings = replace(STRICT, tree_migration_weight=0.7, tree_unobserved_weight=0.0)
    scenarios = [Scenario(0, TREE, 0.5, ALONE), Scenario(0, TREE, 0.5, TOGETHER)]
    plain = replace(settings, tree_migration_weight=0.0)

    def share(chosen):
        found = infer_history_ensemble(scenarios, SITES, primary=0, settings=chosen).trees
        return found[1].weight / found[0].weight

    assert share(settings) / share(plain) == pytest.approx(np.exp(-0.7))
    uniform = infer_history_ensemble(scenarios, SITES, primary=0, settings=replace(settings, weights="uniform"))
    assert [entry.weight for entry in uniform.trees] == pytest.approx([0.5, 0.5])


def joint_of(*weighed):
    draw = JointDraw(np.array([0, 0, 1, 1, 2]), TREE.parents)
    return JointPosterior((draw,), tuple((0, weight, presence) for presence, weight in weighed), 4, 0.1)


def test_draws_are_written_and_read_back():
    joint = joint_of((ALONE, 0.25), (TOGETHER, 0.75))
    again = JointPosterior.from_json(joint.to_json(SITES))
    assert again.draws[0].labels.tolist() == [0, 0, 1, 1, 2]
    assert again.draws[0].parents.tolist() == [-1, 0, 0]
    assert [(index, weight) for index, weight, _ in again.scenarios] == [(0, 0.25), (0, 0.75)]
    assert all(np.array_equal(a[2], b[2]) for a, b in zip(again.scenarios, joint.scenarios))
    assert again.n_clones == 3.0
    assert (again.n_draws, again.disagreement) == (4, 0.1)
    assert again.tree(0).n_mutations.tolist() == [2.0, 2.0, 1.0]
    assert again.same_cluster[0].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_labels_are_summed_over_the_draws_but_those_that_name_clones():
    sites = [Site("primary", "primary"), Site("liver", "distant"), Site("lung", "distant")]
    shown = ensemble((ALONE, 1.0))
    joint = joint_of((ALONE, 0.5), (TOGETHER, 0.5))
    over_all = joint_histories(joint, SITES, primary=0, settings=STRICT)
    certain = classify_seeding(lambda _: TREE, shown, sites)
    labels = classify_seeding(lambda _: TREE, shown, sites, over_clusterings=(joint.tree, over_all))
    assert certain.labels["site_seeding"]["lung"] == pytest.approx({"monoclonal": 1.0})
    drawn = labels.labels["site_seeding"]["lung"]
    assert drawn["polyclonal"] == pytest.approx(sum(h.weight for _, h in over_all if entries(h, 2) > 1))
    assert 0.05 < drawn["polyclonal"] < 0.95
    assert labels.headline["site_seeding"]["lung"] == "ambiguous"
    assert labels.labels["seeding_clones_primary"] == certain.labels["seeding_clones_primary"]


def patient(known_clusters=None):
    """Three clones of six mutations; the two of the metastasis differ by what 60 reads can hardly tell."""
    rng = np.random.default_rng(4)
    vaf = np.repeat([[0.5, 0.5], [0.16, 0.34], [0.12, 0.24]], 6, axis=0)
    depth = np.full(vaf.shape, 60)
    alt = rng.binomial(depth, vaf)
    table = MutationTable(tuple(f"m{i}" for i in range(18)), ("P1", "M1"), alt, depth)
    samples = (Sample("P1", "P", 1.0), Sample("M1", "M", 1.0))
    sites = (Site("P", "primary"), Site("M", "distant"))
    copy_number = CopyNumberAtLoci.diploid(18, 2)
    return Patient("one", samples, sites, table, copy_number, known_clusters=known_clusters)


def analysed(patient, **tree_settings):
    settings = replace(Settings(), trees=TreeSettings(**tree_settings))
    result = AnalysisResult(patient=patient, settings=settings)
    for stage in ("clusters", "trees", "histories", "labels"):
        result = run_stage(stage, result, settings)
    return result


def test_a_run_draws_clusters_unless_they_are_known_or_too_many():
    result = analysed(patient())
    joint = result.trees.joint
    assert joint.weights.sum() == pytest.approx(1.0)
    assert 0.0 < result.histories.graphs_covered <= 1.0
    over_all = joint_histories(joint, ("P", "M"), primary=0, settings=result.settings.migration)
    expected = sum(h.weight for _, h in over_all if max(entries(h, t) for t in (0, 1)) > 1)
    assert result.labels.labels["clonality_site"].get("polyclonal", 0.0) == pytest.approx(expected)
    again = AnalysisResult(patient=result.patient, settings=result.settings, clusters=result.clusters)
    again = run_stage("trees", again, result.settings)
    assert again.trees.joint.to_json(("P", "M"))["scenarios"] == joint.to_json(("P", "M"))["scenarios"]
    for known in (analysed(patient(("a",) * 6 + ("b",) * 12)), analysed(patient(), joint_mutations=17)):
        assert known.trees.joint is None
        assert known.histories.graphs_covered is None


def test_the_genetic_distance_prior_comes_on_top():
    result = analysed(patient())
    settings = replace(STRICT, genetic_distance_weight=2.0)
    favoured = histories_of_trees(result.trees, primary=0, settings=settings)
    plain = histories_of_trees(result.trees, primary=0, settings=STRICT)
    undone = favoured.without_prior
    if undone is None:  # no migration between clones in any history
        assert graphs(favoured) == graphs(plain)
    else:
        assert graphs(undone) == pytest.approx(graphs(plain))
    assert isinstance(favoured, HistoryEnsemble)
    assert favoured.graphs_covered == plain.graphs_covered
