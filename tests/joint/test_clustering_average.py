"""Several clusterings weighed together: against the sum over all trees of each, and through a patient's directory."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from clone_tree_cases import clustering
from joint_cases import shared_error

from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.clone_trees.likelihood import log_prior_mass, read_model, tree_log_likelihood
from phylometa.config import Settings, TreeSettings
from phylometa.io.patient_files import read_clusters, write_clusters
from phylometa.joint.clustering_average import favoured_by_trees, mutation_relations, weigh_clusterings
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.pipeline.warnings import favoured_warnings
from phylometa.simulate import simulate_patient
from phylometa.simulate.presets import PRESETS

SETTINGS = TreeSettings(presence_weight_sd=0.0)


def evidence_of_all_trees(clusters):
    model = read_model(clusters.alt_reads, clusters.total_reads, settings=SETTINGS)
    n = clusters.n_clusters
    values = []
    for parents in itertools.product(range(-1, n), repeat=n):
        if parents.count(-1) == 1:
            try:
                values.append(tree_log_likelihood(np.array(parents), model) - model.log_scale.sum())
            except ValueError:  # a cycle
                continue
    assert len(values) == n ** (n - 1)
    return np.logaddexp.reduce(values) - log_prior_mass(model) - np.log(len(values))


def two_clusterings():
    """Two clusters of one mutation each that are a chain or one cluster, below a founder; the second lies apart."""
    split = clustering(np.array([[1.0, 1.0], [0.5, 0.4], [0.42, 0.36]]), depth=200.0, sizes=[3, 1, 1])
    whole = clustering(np.array([[1.0, 1.0], [0.46, 0.38]]), depth=np.array([[200.0], [400.0]]), sizes=[3, 2])
    return replace(split, log_score=-3.0, weight=0.4), replace(whole, log_score=-5.0, weight=0.6)


def test_weights_are_those_of_the_sum_over_all_trees():
    first, second = two_clusterings()
    clusters = replace(first, alternatives=(second,))
    trees = infer_clone_trees(clusters, [0, 1], ["P", "M"], settings=SETTINGS, rng=np.random.default_rng(1))
    compared = weigh_clusterings(clusters, trees, [0, 1], settings=SETTINGS, rng=np.random.default_rng(1))
    odds = np.log(compared[0]["weight"]) - np.log(compared[1]["weight"])
    expected = evidence_of_all_trees(first) - 3.0 - (evidence_of_all_trees(second) - 5.0)
    expected += shared_error(first.alt_reads, first.total_reads, SETTINGS)
    expected -= shared_error(second.alt_reads, second.total_reads, SETTINGS)
    assert odds == pytest.approx(expected, abs=1e-6)
    assert [entry["weight_before_trees"] for entry in compared] == [0.4, 0.6]
    trees = replace(trees, diagnostics={**trees.diagnostics, "clusterings": compared})
    relations = mutation_relations(clusters, trees)
    np.testing.assert_allclose(relations.sum(axis=0), 1.0, atol=1e-9)
    assert relations[0, 3, 4] == pytest.approx(compared[1]["weight"])
    np.testing.assert_allclose(relations[1], relations[2].T)


def test_a_clustering_without_alternatives_has_all_the_weight():
    clusters = replace(two_clusterings()[0], log_score=float("nan"))
    trees = infer_clone_trees(clusters, [0, 1], ["P", "M"], settings=SETTINGS, rng=np.random.default_rng(1))
    compared = weigh_clusterings(clusters, trees, [0, 1], settings=SETTINGS, rng=np.random.default_rng(1))
    assert [entry["weight"] for entry in compared] == [1.0]
    np.testing.assert_allclose(mutation_relations(clusters, trees).sum(axis=0), 1.0)


def test_alternatives_are_written_weighed_and_read_again(tmp_path):
    settings = replace(PRESETS["monoclonal"], assay="wes", mutation_rate=0.002, distant_sites=2, depth=60.0)
    for seed in range(20):
        patient = simulate_patient(settings, rng=np.random.default_rng(seed)).patient
        result = run_stage("clusters", AnalysisResult(patient=patient), Settings())
        if result.clusters.alternatives:
            break
    result = run_stage("trees", result, Settings())
    compared = result.trees.diagnostics["clusterings"]
    assert len(compared) == 1 + len(result.clusters.alternatives)
    assert sum(entry["weight"] for entry in compared) == pytest.approx(1.0)
    write_clusters(result.patient, result.clusters, tmp_path)
    again = read_clusters(result.patient, tmp_path)
    assert again.log_score == pytest.approx(result.clusters.log_score)
    for written, read in zip(result.clusters.alternatives, again.alternatives):
        assert (written.labels == read.labels).all()
        np.testing.assert_allclose(read.alt_reads, written.alt_reads, rtol=1e-6)


def test_the_clustering_that_trees_favour_is_used_and_named():
    first, second = two_clusterings()
    options = {"settings": SETTINGS, "rng": np.random.default_rng(1)}
    clusters = replace(first, alternatives=(replace(second, log_score=-30.0),))
    kept, weight = favoured_by_trees(clusters, [0, 1], ["P", "M"], **options)
    assert kept.labels is clusters.labels
    (other,) = kept.alternatives
    assert other.tree_summary["log_evidence"] == pytest.approx(evidence_of_all_trees(second), abs=1e-6)
    assert not kept.tree_summary
    assert weight > 0.99
    assert favoured_warnings(clusters, kept, weight) == ()
    clusters = replace(first, alternatives=(replace(second, log_score=30.0),))
    chosen, weight = favoured_by_trees(clusters, [0, 1], ["P", "M"], **options)
    assert chosen.n_clusters == 2
    assert weight > 0.99
    assert [other.n_clusters for other in chosen.alternatives] == [3]
    (text,) = favoured_warnings(clusters, chosen, weight)
    assert text.startswith("clusters: by the reads alone cluster 2 would be two")
    (text,) = favoured_warnings(chosen, clusters, weight)
    assert "clusters 2 and 3 would be one" in text
