"""A gain or a doubling in some samples is no loss in the others: private mutations stay private."""

import itertools

import numpy as np
import pytest

from phylometa.ccf.estimate import estimate_ccf
from phylometa.clustering.infer import cluster_mutations
from phylometa.comparison.infer import compare_with_primary
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.reads.lost_copies import carriers, loss_probability

N_SHARED, N_PRIMARY, N_METASTASIS = 40, 40, 20
SIZES = (N_SHARED, N_PRIMARY, N_METASTASIS)


def drawn_patient(*, gained, state, share, when, seed):
    """Two regions of a primary (p0, p1) and a metastasis (m); `gained` samples have `state` at a `share` of the loci.

    `when`: mutations before the gain stand on all copies of a gained allele, after it on one.
    """
    rng = np.random.default_rng(seed)
    present = np.repeat([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], SIZES, axis=0)
    major, minor = np.ones(present.shape), np.ones(present.shape)
    here = rng.random(len(present)) < share
    on_major = rng.random(len(present)) < 0.5
    mutated = np.ones(present.shape)
    for sample in gained:
        major[here, sample], minor[here, sample] = state
        if when == "before":
            mutated[here, sample] = np.where(on_major, *state)[here]
    purity = np.array([0.9, 0.8, 0.7])
    vaf = present * mutated * purity / (purity * (major + minor) + 2.0 * (1.0 - purity))
    total = rng.poisson(100, present.shape)
    reads = MutationTable(
        tuple(f"m{i}" for i in range(len(present))),
        ("p0", "p1", "m"),
        rng.binomial(total, vaf * 0.998 + 0.001),
        total,
    )
    return reads, CopyNumberAtLoci(major=major, minor=minor, normal=np.full(major.shape, 2)), purity


CASES = list(
    itertools.product([(0, 1), (2,), (0,), (0, 1, 2)], [(2, 1), (2, 2), (4, 2)], [0.5, 1.0], ["before", "after"])
)
FAST = [((0, 1), (2, 2), 1.0, "after"), ((2,), (2, 2), 1.0, "before")]


@pytest.mark.parametrize(
    ("gained", "state", "share", "when"),
    [pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow) for case in CASES],
)
def test_private_mutations_stay_private(gained, state, share, when):
    reads, copy_number, purity = drawn_patient(gained=gained, state=state, share=share, when=when, seed=11)
    assert not loss_probability(copy_number, carriers(reads)).any()
    found = cluster_mutations(
        reads,
        copy_number,
        purity,
        settings=ClusteringSettings(),
        ccf_settings=CcfSettings(),
        rng=np.random.default_rng(1),
    )[0]
    table = estimate_ccf(reads, copy_number, purity, settings=CcfSettings())
    samples = tuple(Sample(name, name[0], float(rho)) for name, rho in zip(reads.sample_names, purity))
    patient = Patient("P", samples, (Site("p", "primary"), Site("m", "distant")), reads, copy_number)
    counts = compare_with_primary(patient, table, found).by_site["m"].counts
    assert np.abs(np.array([counts.S, counts.L_p, counts.L_m]) - SIZES).max() <= 2
    assert counts.n_lost <= 2


@pytest.mark.parametrize("state", [(1, 0), (2, 0), (3, 0)])
def test_mutations_lost_with_an_allele_stay_in_the_trunk(state):
    reads, copy_number, purity = drawn_patient(gained=(), state=(1, 1), share=0.0, when="before", seed=5)
    major, minor = np.array(copy_number.major), np.array(copy_number.minor)
    alt = np.array(reads.alt_counts)
    n_lost = 25  # of 40 shared mutations in the metastasis' deletions, 25 were on the allele that went
    kept = np.flatnonzero(np.repeat([True, False, True], SIZES))  # no private clone of the primary for them to join
    major[:N_SHARED, 2], minor[:N_SHARED, 2] = state
    alt[:n_lost, 2] = 0
    for i in range(n_lost, N_SHARED):
        vaf = state[0] * purity[2] / (purity[2] * sum(state) + 2 * (1 - purity[2]))
        alt[i, 2] = round(vaf * reads.depth[i, 2])
    reads = MutationTable(reads.ids, reads.sample_names, alt, reads.depth).take(kept)
    copy_number = CopyNumberAtLoci(major=major, minor=minor, normal=copy_number.normal).take(kept)
    found = cluster_mutations(
        reads,
        copy_number,
        purity,
        settings=ClusteringSettings(),
        ccf_settings=CcfSettings(),
        rng=np.random.default_rng(1),
    )[0]
    trunk = found.labels[N_SHARED - 1]
    assert (found.labels[:n_lost] == trunk).sum() == n_lost
    assert (found.labels[N_SHARED:] != trunk).all()
