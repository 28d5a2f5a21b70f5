"""Private and shared counts by hand: power, purity, losses, detection."""

from __future__ import annotations

import numpy as np
import pytest

from phylometa.comparison.private_counts import (
    cluster_prevalence,
    count_private_mutations,
    is_absent_in,
    is_clonal_in,
    missing_probability,
)
from phylometa.config import TimingSettings
from phylometa.model.clusters import CcfTable
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.lost_copies import lost_cells


def table(alt, depth=100):
    alt = np.asarray(alt)
    return MutationTable(
        ids=tuple(f"m{i}" for i in range(len(alt))),
        sample_names=tuple(f"s{j}" for j in range(alt.shape[1])),
        alt_counts=alt,
        depth=np.full(alt.shape, depth),
    )


def ccf_with(power, multiplicity=1.0):
    power = np.asarray(power, dtype=float)
    one = np.ones(power.shape)
    return CcfTable(one, one, one, multiplicity * one, 0.4 * one, power)


def count(alt, labels, prevalence, power=None, copy_number=None, purity=(0.8, 0.8)):
    alt = np.asarray(alt)
    power = np.ones(alt.shape) if power is None else power
    return count_private_mutations(
        table(alt),
        copy_number or CopyNumberAtLoci.diploid(*alt.shape),
        ccf_with(power),
        np.asarray(labels),
        np.asarray(prevalence, dtype=float),
        [0],
        [1],
        np.asarray(purity),
        settings=TimingSettings(),
    )


# Cluster 0 shared and clonal, 1 private to the primary, 2 to the metastasis, 3 subclonal in both.
PREVALENCE = [[1, 1], [1, 0], [0, 1], [0.4, 0.5]]
ALT = [[40, 40]] * 3 + [[40, 0]] * 2 + [[0, 40]] * 4 + [[16, 20]] * 2
LABELS = [0] * 3 + [1] * 2 + [2] * 4 + [3] * 2


def test_plain_counts():
    found = count(ALT, LABELS, PREVALENCE)
    assert (found.S, found.L_p, found.L_m, found.W_s) == (3, 2, 4, 2)
    assert (found.n_unknown_m, found.n_unknown_p, found.n_lost, found.withheld) == (0, 0, 0, "")
    assert len(found.primary_clonal) == 5
    assert found.missing.sum() == 2
    assert found.exposure_ratio == 1


def test_clonal_by_mean_and_by_every_sample():
    prevalence = np.array([[0.7, 0.5], [0.9, 0.3], [0.5, 0.6], [0.6, 0.6]])
    assert is_clonal_in(prevalence, 0.6).tolist() == [True, False, False, True]


def test_unknown_prevalences_say_nothing():
    nan = np.nan
    prevalence = np.array([[1.0, nan], [nan, nan], [0.0, nan], [0.0, 0.3]])
    assert is_clonal_in(prevalence, 0.6).tolist() == [True, False, False, False]
    assert is_absent_in(prevalence, 0.05).tolist() == [False, False, True, False]


def test_faint_clusters_are_not_shared():
    found = count(ALT, LABELS, [[1, 1], [1, 0], [0, 1], [0.4, 0.06]])
    assert (found.W_s, found.L_p) == (0, 2)


def test_only_sure_sweeps_enter_the_divergence_test():
    found = count(ALT, LABELS, [[1, 1], [0.65, 0], [0, 0.65], [0.4, 0.5]])
    assert (found.S, found.L_p, found.L_m) == (3, 2, 4)
    assert len(found.primary_clonal) == 3
    assert not found.missing.any()


def test_reads_outweigh_the_cluster():
    alt = np.array(ALT)
    alt[3, 1] = 5  # a primary-private mutation with five reads in the metastasis is not private
    assert count(alt, LABELS, PREVALENCE).L_p == 1


def test_cells_without_power_are_unknown():
    power = np.ones((11, 2))
    power[3, 1] = 0.9
    power[5, 0] = 0.5
    found = count(ALT, LABELS, PREVALENCE, power=power)
    assert (found.L_p, found.L_m) == (1, 3)
    assert (found.n_unknown_m, found.n_unknown_p) == (1, 1)


def test_low_power_and_purity_withhold():
    assert "power of the metastasis" in count(ALT, LABELS, PREVALENCE, power=np.tile([1.0, 0.7], (11, 1))).withheld
    assert "purity of the primary" in count(ALT, LABELS, PREVALENCE, purity=(0.25, 0.8)).withheld
    assert count(ALT, LABELS, PREVALENCE, purity=(np.nan, 0.8)).withheld == ""


def test_exposure_follows_mean_copies():
    total = np.tile([4.0, 2.0], (11, 1))
    copy_number = CopyNumberAtLoci(major=total / 2, minor=total / 2, normal=np.full((11, 2), 2))
    assert count(ALT, LABELS, PREVALENCE, copy_number=copy_number).exposure_ratio == 2


def test_missing_probability_multiplies_over_samples():
    ccf = ccf_with([[0.5, 0.8, np.nan], [1.0, 0.0, 1.0]])
    assert missing_probability(ccf, [0, 1]) == pytest.approx([0.1, 0.0])
    assert missing_probability(ccf, [2]) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(
    ("kept", "lost", "multiplicity", "removed"),
    [
        ((1, 1), (1, 0), 1, True),  # deletion of an allele
        ((1, 1), (2, 0), 1, True),  # copy-neutral LOH
        ((1, 1), (1, 1), 1, False),
        ((1, 0), (1, 0), 1, False),  # LOH in both
        ((2, 1), (1, 1), 1, False),  # a gain in the first sample is no loss in the second
        ((2, 1), (1, 1), 2, False),
        ((2, 2), (1, 1), 2, False),
        ((1, 1), (np.nan, np.nan), 1, False),
    ],
)
def test_losses(kept, lost, multiplicity, removed):
    major, minor = np.array([[kept[0], lost[0]]], dtype=float), np.array([[kept[1], lost[1]]], dtype=float)
    copy_number = CopyNumberAtLoci(major=major, minor=minor, normal=np.full((1, 2), 2))
    assert lost_cells(copy_number, [0], [1], np.array([multiplicity])).tolist() == [[removed]]


def test_loss_in_one_region_of_the_primary_too():
    # Lost in one primary region and in the metastasis: the other region still had the allele.
    minor = np.array([[1.0, 0.0, 0.0]])
    copy_number = CopyNumberAtLoci(major=np.ones((1, 3)), minor=minor, normal=np.full((1, 3), 2))
    assert lost_cells(copy_number, [0, 1], [2], np.ones(1)).tolist() == [[True]]


def test_subclonal_loss_counts():
    two = np.array([[1.0, 0.0]])
    copy_number = CopyNumberAtLoci(
        major=np.ones((1, 2)),
        minor=np.ones((1, 2)),
        normal=np.full((1, 2), 2),
        fraction=np.array([[1.0, 0.6]]),
        major2=np.ones((1, 2)),
        minor2=two,
    )
    assert lost_cells(copy_number, [0], [1], np.ones(1)).tolist() == [[True]]


def test_an_intact_region_of_the_metastasis_still_speaks():
    alt = np.array([[40, 0, 0]])
    minor = np.array([[1.0, 0.0, 1.0]])
    found = count_private_mutations(
        table(alt),
        CopyNumberAtLoci(major=np.ones((1, 3)), minor=minor, normal=np.full((1, 3), 2)),
        ccf_with(np.ones((1, 3))),
        np.array([0]),
        np.array([[1.0, 0.0, 0.0]]),
        [0],
        [1, 2],
        np.full(3, 0.8),
        settings=TimingSettings(),
    )
    assert (found.L_p, found.n_lost) == (1, 0)


def test_losses_without_samples():
    assert not lost_cells(CopyNumberAtLoci.diploid(1, 2), [], [1], np.ones(1)).any()


def test_cluster_prevalence_averages_over_trees():
    trees = TreeEnsemble(
        names=("a", "b", "c"),
        n_mutations=np.ones(3),
        parents=np.array([[-1, 0, 1], [-1, 0, 0]]),
        weights=np.array([0.25, 0.75]),
        log_likelihood=np.zeros(2),
        proportions=np.array([[[0.5], [0.2], [0.3]], [[0.5], [0.2], [0.3]]]),
        presence=np.zeros((2, 3, 1)),
        site_names=("p",),
        complete=True,
        n_trees=2,
    )
    assert cluster_prevalence(trees)[:, 0] == pytest.approx([1.0, 0.25 * 0.5 + 0.75 * 0.2, 0.3])
