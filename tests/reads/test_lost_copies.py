"""Mutations lost with a copy of their segment: no evidence that their clone is absent, in any stage."""

import numpy as np
import pytest

from phylometa.ccf.estimate import estimate_ccf
from phylometa.clustering.infer import cluster_mutations, clustering_from_labels
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.lost_copies import (
    carriers,
    deleted_mutations,
    has_lost_allele,
    is_doubled,
    loss_probability,
    lost_cells,
)
from phylometa.simulate import SimulationSettings, simulate_patient

SETTINGS = {"settings": ClusteringSettings(), "ccf_settings": CcfSettings()}


def copies(major, minor, **more):
    major = np.array(major, dtype=float)
    return CopyNumberAtLoci(
        major=major, minor=np.array(minor, dtype=float), normal=np.full(major.shape, more.pop("normal", 2.0)), **more
    )


@pytest.mark.parametrize(
    ("carrier", "sample", "expected"),
    [
        ((1, 1), (1, 0), 0.5),  # deletion of either allele
        ((1, 1), (2, 0), 0.5),  # copy-neutral
        ((2, 1), (2, 0), 0.5),
        ((1, 1), (1, 1), 0.0),
        ((1, 1), (2, 1), 0.0),
        ((1, 0), (1, 0), 0.0),  # the carrier has lost it as well
        ((2, 1), (1, 0), 0.5),
        ((2, 1), (1, 1), 0.0),  # the carrier gained
        ((2, 2), (2, 1), 0.0),
        ((8, 1), (2, 1), 0.0),
        ((1, 1), (0, 0), 0.95),
        ((1, 1), (np.nan, np.nan), 0.0),
    ],
)
def test_probability_by_hand(carrier, sample, expected):
    copy_number = copies([[carrier[0], sample[0]]], [[carrier[1], sample[1]]])
    found = loss_probability(copy_number, np.array([[True, False]]))
    assert found.tolist() == [[0.0, pytest.approx(expected)]]
    assert not loss_probability(copy_number, np.array([[False, False]])).any()  # nobody carries it


@pytest.mark.parametrize(
    ("carrier", "sample", "expected"),
    [
        ((2, 2), (2, 1), 0.125),  # one copy of two, of one allele of two, and the mutation on one copy
        ((2, 2), (2, 0), 0.5),
        ((2, 2), (1, 1), 0.25),
        ((4, 2), (2, 2), 0.0),  # above the ancestor's two copies
        ((2, 1), (2, 1), 0.0),  # the carrier has lost it as well
    ],
)
def test_after_a_doubling_that_all_samples_share_the_ancestor_had_two_copies(carrier, sample, expected):
    doubled = np.full((9, 2), 2.0)
    major, minor = (np.vstack([doubled, [[carrier[i], sample[i]]]]) for i in (0, 1))
    carries = np.tile([[True, False]], (10, 1))
    assert loss_probability(copies(major, minor), carries)[-1].tolist() == [0.0, pytest.approx(expected)]
    # The same locus where the second sample is not doubled: its ancestor had one copy of each.
    major[:-1, 1] = minor[:-1, 1] = 1.0
    alone = loss_probability(copies(major, minor), carries)
    assert alone[-1, 1] == (0.5 if sample[1] == 0 else 0.0)
    assert not alone[:-1].any()
    # A third sample that carries the mutations and is not doubled: they are older than the doubling.
    major, minor = np.full((10, 3), 2.0), np.full((10, 3), 2.0)
    major[:, 2] = minor[:, 2] = 1.0
    major[-1, :2], minor[-1, :2] = (carrier[0], sample[0]), (carrier[1], sample[1])
    older = loss_probability(copies(major, minor), np.tile([[True, False, True]], (10, 1)))
    assert older[-1, 1] == (0.5 if sample[1] == 0 else 0.0)


def test_doubled_samples():
    rng = np.random.default_rng(3)
    states = {
        "doubled": ([(2, 2), (2, 1), (2, 0), (3, 2), (1, 1), (1, 0)], [0.4, 0.25, 0.15, 0.1, 0.05, 0.05]),
        "gains": ([(1, 1), (2, 1), (2, 2), (1, 0), (2, 0)], [0.4, 0.4, 0.05, 0.1, 0.05]),
        "diploid": ([(1, 1), (1, 0)], [0.9, 0.1]),
    }
    drawn = [rng.choice(pairs, size=200, p=weights) for pairs, weights in states.values()]
    major, minor = (np.stack([d[:, i] for d in drawn], axis=1).astype(float) for i in (0, 1))
    assert is_doubled(copies(major, minor)).tolist() == [True, False, False]
    unknown = np.full(major.shape, np.nan)
    totals = CopyNumberAtLoci(major=unknown, minor=unknown, normal=np.full(major.shape, 2), total=major + minor)
    assert is_doubled(totals).tolist() == [True, False, False]
    assert not is_doubled(CopyNumberAtLoci(major=unknown, minor=unknown, normal=np.full(major.shape, 2))).any()


def test_totals_only_and_one_copy_of_x():
    unknown = np.full((1, 2), np.nan)
    for states, expected in (((4.0, 2.0), 0.0), ((2.0, 1.0), 0.5), ((3.0, 1.0), 0.5), ((2.0, 0.0), 0.95)):
        total = np.array([states])
        totals = CopyNumberAtLoci(major=unknown, minor=unknown, normal=np.full((1, 2), 2), total=total)
        assert loss_probability(totals, np.array([[True, False]])).tolist() == [[0.0, expected]]
    male_x = copies([[1, 0]], [[0, 0]], normal=1.0)
    assert loss_probability(male_x, np.array([[True, False]])).tolist() == [[0.0, 0.95]]
    assert not has_lost_allele(male_x).any()


def test_a_loss_from_part_of_the_cells_removes_no_mutation_from_a_sample():
    one = np.ones((1, 2))
    second = np.array([[np.nan, 0.0]])
    part = copies(
        one, one, fraction=np.array([[1.0, 0.6]]), major2=np.where(np.isnan(second), np.nan, 1), minor2=second
    )
    assert not loss_probability(part, np.array([[True, False]])).any()
    assert lost_cells(part, [0], [1]).all() and has_lost_allele(part).tolist() == [[False, True]]


def metastases(*, n_lost=10, n_gone=6, lost_state=(1, 0), knows=True, seed=1, depth=120):
    """A trunk of 14 and a clone of 16 mutations, in a fifth of the primary and all of two metastases; in the second
    metastasis `n_lost` of the clone's loci are in `lost_state`, and `n_gone` of them lost the mutated copy."""
    rng = np.random.default_rng(seed)
    ccf = np.repeat([[1.0, 1.0, 1.0], [0.2, 1.0, 1.0]], [14, 16], axis=0)
    major, minor = np.ones(ccf.shape), np.ones(ccf.shape)
    major[14 : 14 + n_lost, 2], minor[14 : 14 + n_lost, 2] = lost_state
    mutated = np.ones(ccf.shape)
    mutated[14 : 14 + n_gone, 2] = 0.0
    purity = np.array([0.8, 0.8, 0.8])
    vaf = ccf * mutated * purity / (purity * (major + minor) + 2 * (1 - purity))
    total = rng.poisson(depth, ccf.shape)
    names = tuple(f"m{i}" for i in range(len(ccf)))
    reads = MutationTable(names, ("P", "M1", "M2"), rng.binomial(total, vaf * 0.998 + 0.001), total)
    return reads, copies(major, minor) if knows else CopyNumberAtLoci.diploid(*ccf.shape), purity


@pytest.mark.parametrize("seed", range(3))
def test_a_deletion_neither_splits_a_clone_nor_hides_it(seed):
    reads, copy_number, purity = metastases(seed=seed)
    found = cluster_mutations(reads, copy_number, purity, rng=np.random.default_rng(1), **SETTINGS)[0]
    assert sorted(found.sizes.tolist()) == [14, 16]
    clone = int(found.labels[-1])
    assert found.ccf[clone, 2] > 0.9 and (found.labels[14:] == clone).all()
    table = estimate_ccf(reads, copy_number, purity, settings=CcfSettings())
    assert table.loss[14:24, 2].tolist() == pytest.approx([0.5] * 6 + [0.0] * 4)  # those with reads carry it
    deleted = deleted_mutations(reads, table, found, error_rate=0.001)
    assert deleted.tolist() == [[i, 2] for i in range(14, 20)]
    assert (table.ccf_lo[14:20, 2] < 0.01).all() and (table.ccf_hi[14:20, 2] > 0.99).all()  # unknown, not absent
    # The same reads where copy number does not tell of the loss: the deleted ones look like another clone.
    reads, diploid, purity = metastases(seed=seed, knows=False)
    blind = cluster_mutations(reads, diploid, purity, rng=np.random.default_rng(1), **SETTINGS)[0]
    assert blind.n_clusters > 2


def test_without_a_loss_nothing_changes():
    reads, copy_number, purity = metastases(n_lost=0, n_gone=0)
    assert not estimate_ccf(reads, copy_number, purity, settings=CcfSettings()).loss.any()
    gained = copies(copy_number.major + 1.0, copy_number.minor)  # in all samples: nobody lost anything
    assert not loss_probability(gained, carriers(reads)).any()


@pytest.mark.parametrize(("state", "most"), [((1, 0), 16.5), ((0, 0), 1.5)])
def test_a_clone_whose_loci_were_all_lost_is_open_there(state, most):
    # All sixteen loci lost, none with reads: one allele of two says little, none at all says next to nothing.
    reads, copy_number, purity = metastases(n_lost=16, n_gone=16, lost_state=state)
    labels = ["trunk"] * 14 + ["clone"] * 16
    found = clustering_from_labels(reads, copy_number, purity, labels, **SETTINGS)
    assert found.total_reads[1, 2] < most < 0.1 * found.total_reads[1, 1]
    assert found.total_reads[0, 2] > 500
    blind = clustering_from_labels(reads, CopyNumberAtLoci.diploid(30, 3), purity, labels, **SETTINGS)
    assert blind.total_reads[1, 2] > 500


def test_no_copy_left_is_a_likelihood_of_errors_alone():
    # Overdispersed reads: twenty alternate reads must not pass as errors of a lost mutation.
    reads, copy_number, purity = metastases()
    alt = np.array(reads.alt_counts)
    alt[14:20, 2] = 30
    shown = MutationTable(reads.ids, reads.sample_names, alt, reads.depth)
    carried = loss_probability(copy_number, carriers(shown))
    assert not carried[14:20].any()
    settings = CcfSettings(precision=100.0)
    table = estimate_ccf(reads, copy_number, purity, settings=settings)
    assert (table.ccf_hi[14:20, 2] > 0.99).all() and (table.multiplicity[14:20, 2] == 1.0).all()


@pytest.mark.slow
def test_losses_allowed_for_recover_more_of_the_clones(monkeypatch):
    """Simulated exomes with many losses: clusters and prevalences are nearer to the truth than without the option."""
    wrong, scores = {True: [], False: []}, {True: [], False: []}
    chosen = SimulationSettings(
        assay="wes", mutation_rate=0.012, branch_cn_events=5.0, cn_kinds=(0.3, 0.5, 0.2), cn_caller="ascat"
    )
    for seed in range(8):
        simulated = simulate_patient(chosen, rng=np.random.default_rng(seed))
        patient, truth = simulated.patient, simulated.truth
        prevalence = (truth.tree.is_ancestor.astype(float) @ truth.proportions)[truth.clone]
        data = (patient.mutations, patient.copy_number, patient.purity)
        for allows in (True, False):
            with monkeypatch.context() as patch:
                if not allows:
                    patch.setattr(
                        "phylometa.reads.multiplicity.loss_probability", lambda _, shown: np.zeros(shown.shape)
                    )
                found = cluster_mutations(*data, rng=np.random.default_rng(1), **SETTINGS)[0]
            wrong[allows].append(((prevalence > 0.2) & (found.ccf[found.labels] < 0.05)).mean())
            scores[allows].append(adjusted_rand_index(truth.clone, found.labels))
    assert np.mean(wrong[True]) < 0.5 * np.mean(wrong[False])
    assert np.mean(scores[True]) > np.mean(scores[False])


def adjusted_rand_index(first, second):
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    cells, rows, columns = ((x * (x - 1) / 2).sum() for x in (table, table.sum(axis=1), table.sum(axis=0)))
    chance = rows * columns / (len(first) * (len(first) - 1) / 2)
    return (cells - chance) / ((rows + columns) / 2 - chance)


def test_figures_take_an_open_ccf_for_unknown():
    reads, copy_number, purity = metastases()
    table = estimate_ccf(reads, copy_number, purity, settings=CcfSettings())
    assert np.isnan(table.told[14:20, 2]).all()
    assert np.array_equal(table.told[:14], table.ccf[:14]) and np.array_equal(table.told[20:], table.ccf[20:])
