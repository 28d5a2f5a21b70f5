"""Loci with two states in the samples: without copy number, and where the caller missed an event in some of them."""

from itertools import product

import numpy as np
import pytest

from phylometa.config import CcfSettings, ObservationSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.observation import observe

PURITY = np.array([0.7, 0.6, 0.9, 0.5])
DEPTH = 200
ERROR = CcfSettings().error_rate
SETTINGS = ObservationSettings()


def observed(alt, copies=np.nan):
    """One mutation in four samples, with the same copies of both alleles everywhere."""
    shape = (1, len(PURITY))
    return observe(
        MutationTable(("m",), ("A", "B", "C", "D"), np.array([alt]), np.full(shape, DEPTH)),
        CopyNumberAtLoci(np.full(shape, copies), np.full(shape, copies), np.full(shape, 2.0)),
        PURITY,
        np.array([0, 0, 1, 2]),
        np.arange(51) / 50,
        precision=np.inf,
        settings=SETTINGS,
        ccf_settings=CcfSettings(),
    )


def of_reads(alt, vaf):
    p = vaf * (1 - ERROR) + (1 - vaf) * ERROR
    return alt * np.log(p) + (DEPTH - alt) * np.log1p(-p)


@pytest.mark.parametrize(("option", "second"), [(1, PURITY), (-1, np.zeros(4))], ids=["two of two", "copy lost"])
def test_a_pair_of_states_sums_over_the_samples_that_have_the_second(option, second):
    alt = [70, 118, 88, 96]
    found = observed(alt)
    by_samples = [
        sum(of_reads(alt[s], second[s] if has else PURITY[s] / 2) for s, has in enumerate(which))
        for which in product((False, True), repeat=4)
    ]
    expected = np.logaddexp.reduce(by_samples) - 4 * np.log(2.0)
    assert found.curves[0, :, found.n_annotated :, -1].sum(axis=0)[option] == pytest.approx(expected, abs=1e-6)


def test_a_clonal_mutation_with_a_gain_in_part_of_the_samples_is_clonal():
    """On one of two copies in A, on both in B, C, D: no state of all samples comes near, the pair pays its prior."""
    alt = np.round(DEPTH * PURITY * [0.5, 1.0, 1.0, 1.0]).astype(int)
    found = observed(alt)
    free = of_reads(alt, alt / DEPTH).sum()
    clonal = found.curves[0, :, :, -1].sum(axis=0) + found.log_prior[0, 0]
    shared, pair = clonal[: found.n_annotated].max(), clonal[found.n_annotated :].max() + found.log_missed[0]
    assert shared < free - 20
    assert pair == pytest.approx(free + np.log(SETTINGS.differing_state * 0.25 / 1.25) - 4 * np.log(2.0), abs=1.0)


def test_a_germline_variant_is_an_artefact_rather_than_a_clone():
    """VAF 1/2 whatever the purity, where one copy of two gives half the purity."""
    alt = np.full(4, DEPTH // 2)
    found = observed(alt, copies=1.0)
    in_clone = (found.curves.max(axis=3)[0].sum(axis=0) + found.log_prior[0, 0])[: found.n_annotated].max()
    assert found.null[0, 0] > in_clone + 20
    assert found.null[0, 0] == pytest.approx(of_reads(alt, 0.5).sum() - np.log(3.0), abs=0.5)
    somatic = observed(np.round(DEPTH * PURITY / 2).astype(int), copies=1.0)
    assert somatic.null[0, 0] < (somatic.curves[0, :, :, -1].sum(axis=0) + somatic.log_prior[0, 0]).max() - 10


def test_a_state_that_the_caller_missed_in_some_samples():
    """1 + 1 is given, the other allele was lost in B, C and D: what is missed is mostly missed everywhere."""
    alt = np.round(DEPTH * PURITY * [0.5, 1.0, 1.0, 1.0]).astype(int)
    found = observed(alt, copies=1.0)
    log_prior = found.log_prior[0, 0, found.n_annotated :]
    assert np.exp(log_prior).sum() == pytest.approx(1.0)
    assert np.exp(found.log_missed[0]) == pytest.approx(SETTINGS.missed_state)
    both_of_two = found.curves[0, :, found.n_annotated + 1, -1]
    expected = np.logaddexp(of_reads(alt, PURITY) + np.log(0.99), of_reads(alt, PURITY / 2) + np.log(0.01))
    assert both_of_two == pytest.approx(expected, abs=1e-6)
    lost = found.curves[0, :, -1, -1]
    expected = np.logaddexp(of_reads(alt, np.zeros(4)) + np.log(0.99), of_reads(alt, PURITY / 2) + np.log(0.01))
    assert lost == pytest.approx(expected, abs=1e-6)
