"""Conflicts between clusters: found, and explained by copy number."""

from __future__ import annotations

import numpy as np

from phylometa.clustering.infer import clustering_from_labels
from phylometa.clustering.sum_condition import explain_conflicts, find_conflicts
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable

SETTINGS = {"settings": ClusteringSettings(), "ccf_settings": CcfSettings()}


def patient(ccf, labels, *, deleted=(), minor_lost=(), depth=400):
    """Diploid reads at given CCFs; `deleted` cells have lost the mutated copy, `minor_lost` cells have state 1 + 0."""
    n, n_samples = len(labels), ccf.shape[1]
    rng = np.random.default_rng(1)
    total = np.full((n, n_samples), depth)
    vaf = ccf[labels] / 2.0
    minor = np.ones((n, n_samples))
    for row, sample in minor_lost:
        minor[row, sample] = 0.0
        vaf[row, sample] *= 2.0
    for row, sample in deleted:
        vaf[row, sample] = 0.0
    mutations = MutationTable(
        tuple(f"m{i}" for i in range(n)),
        tuple(f"s{j}" for j in range(n_samples)),
        rng.binomial(total, vaf * 0.998 + 0.001),
        total,
    )
    copy_number = CopyNumberAtLoci(np.ones((n, n_samples)), minor, np.full((n, n_samples), 2.0))
    names = [str(label) for label in labels]
    return mutations, copy_number, clustering_from_labels(mutations, copy_number, np.ones(n_samples), names, **SETTINGS)


def test_a_tree_has_no_conflict():
    ccf = np.array([[1.0, 1.0], [0.6, 0.3], [0.3, 0.6]])
    _, _, clusters = patient(ccf, np.repeat([0, 1, 2], 6))
    assert find_conflicts(clusters) == []


def test_loss_makes_no_conflict():
    # Cluster 0 is above cluster 1; in sample 1 five of its eight mutations were deleted.
    ccf = np.array([[1.0, 1.0], [0.8, 0.9]])
    labels = np.repeat([0, 1], 8)
    cells = [(row, 1) for row in range(5)]
    _, _, clusters = patient(ccf, labels, deleted=cells, minor_lost=cells)
    assert find_conflicts(clusters) == [] and clusters.ccf[0, 1] > 0.9
    assert find_conflicts(patient(ccf, labels, deleted=cells)[2]) == [(0, 1)]  # copy number does not know


def test_loss_from_part_of_the_cells_is_named():
    ccf = np.array([[1.0, 1.0], [0.8, 0.9]])
    labels = np.repeat([0, 1], 8)
    mutations, known, clusters = patient(ccf, labels, deleted=[(row, 1) for row in range(5)])
    second = np.full((16, 2), np.nan)
    second[:5, 1] = 0.0
    some = CopyNumberAtLoci(known.major, known.minor, known.normal, fraction=np.full((16, 2), 0.5), minor2=second)
    conflicts = explain_conflicts(clusters, mutations, some, np.ones(2), ccf_settings=CcfSettings())
    assert conflicts[0].cause == "loss" and conflicts[0].clusters == (0, 1) and conflicts[0].samples == (1,)
    assert "62 % of the mutations of cluster 0" in conflicts[0].text and "in s1" in conflicts[0].text


def test_unexplained_conflict():
    ccf = np.array([[1.0, 0.5], [0.6, 1.0]])
    mutations, copy_number, clusters = patient(ccf, np.repeat([0, 1], 6))
    conflicts = explain_conflicts(clusters, mutations, copy_number, np.ones(2), ccf_settings=CcfSettings())
    assert [conflict.cause for conflict in conflicts] == ["unexplained"]


def test_ambiguous_multiplicity_is_named():
    ccf = np.array([[1.0, 0.5], [0.6, 1.0]])
    mutations, _, clusters = patient(ccf, np.repeat([0, 1], 6))
    major = np.ones((12, 2))
    major[:6, 1] = 2.0
    gained = CopyNumberAtLoci(major, np.ones((12, 2)), np.full((12, 2), 2.0))
    conflicts = explain_conflicts(clusters, mutations, gained, np.ones(2), ccf_settings=CcfSettings())
    assert conflicts[0].cause == "multiplicity" and conflicts[0].clusters[0] == 0 and conflicts[0].samples == (1,)
