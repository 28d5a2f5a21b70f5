"""Purity of plasma by the trunk, against a binomial posterior worked out here."""

import numpy as np
import pytest
from read_counts import log_binomial

from phylometa.ccf.estimate import estimate_ccf
from phylometa.ccf.trunk_purity import purity_from_trunk, with_tissue_copies
from phylometa.config import CcfSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site

N, DEPTH, ERROR = 30, 2000, 0.001


def patient_of(purity, *, given=float("nan"), seed=0):
    rng = np.random.default_rng(seed)
    vaf = np.array([0.35, purity / 2])
    alt = rng.binomial([100, DEPTH], vaf * (1 - 2 * ERROR) + ERROR, size=(N, 2))
    table = MutationTable(tuple(f"1:{i}:A:T" for i in range(N)), ("T", "P"), alt, np.tile([100, DEPTH], (N, 1)))
    copies = np.ones((N, 2))
    copies[:, 1] = np.nan
    copy_number = CopyNumberAtLoci(major=copies, minor=copies, normal=np.full((N, 2), 2.0))
    samples = (Sample("T", "breast", purity=0.7), Sample("P", "", purity=given, kind="ctdna"))
    return Patient("X", samples, (Site("breast", "primary"),), table, copy_number)


def settled(patient):
    patient = with_tissue_copies(patient)
    tissue = patient.in_place
    ccf = estimate_ccf(tissue.mutations, tissue.copy_number, tissue.purity, settings=CcfSettings())
    return purity_from_trunk(patient, tissue, ccf, settings=CcfSettings())


def test_plasma_takes_the_copies_of_the_tissue():
    patient = with_tissue_copies(patient_of(0.01))
    assert (patient.copy_number.total == 2).all() and (patient.copy_number.major == 1).all()


@pytest.mark.parametrize("purity", [0.005, 0.03, 0.2, 0.8])
def test_purity_is_that_of_the_binomial_posterior(purity):
    patient = patient_of(purity)
    found = settled(patient).samples[1]
    grid = np.geomspace(1e-4, 0.99, 4000)
    alt = patient.mutations.alt_counts[:, 1]
    log_posterior = log_binomial(alt.sum(), N * DEPTH, grid / 2 * (1 - 2 * ERROR) + ERROR)
    weight = np.exp(log_posterior - log_posterior.max())
    expected = weight @ grid / weight.sum()
    assert found.purity == pytest.approx(expected, rel=0.05)
    assert found.purity_is_estimated and abs(found.purity - purity) < 3 * found.purity_sd


def test_a_given_purity_stays_unless_the_trunk_rejects_it():
    near, far = (settled(patient_of(0.03, given=value)) for value in (0.027, 0.3))
    assert near.samples[1].purity == 0.027 and near.samples[1].purity_is_checked and not near.warnings
    assert far.samples[1].purity == pytest.approx(0.03, rel=0.1) and far.samples[1].purity_is_estimated
    assert any("instead of 0.3, which the reads reject" in text for text in far.warnings)


def test_the_tissue_stays_as_it_is():
    patient = patient_of(0.03)
    assert settled(patient).samples[0] == patient.samples[0]
