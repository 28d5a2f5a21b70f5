"""Reads of a matched normal: tumour cells in it, and what a mutation is that it shows."""

from dataclasses import replace

import numpy as np
import pytest
from read_counts import log_binomial
from scipy.special import betaln

from phylometa.config import CcfSettings, ObservationSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.normal import TumourInNormal, find_tumour_in_normal, looks_like_tumour, somatic_in_normal
from phylometa.reads.observation import observe

ERROR = CcfSettings().error_rate
PURITY = np.array([0.7, 0.5])


def table(vaf, normal_vaf, *, depth=200, normal_depth=100, seed=1):
    """Mutations in the samples A, B at given VAFs (n, 2) and in one normal (n,)."""
    rng = np.random.default_rng(seed)
    vaf, normal_vaf = np.asarray(vaf, dtype=float), np.asarray(normal_vaf, dtype=float)
    return MutationTable(
        tuple(f"m{i}" for i in range(len(vaf))),
        ("A", "B"),
        rng.binomial(depth, vaf),
        np.full(vaf.shape, depth),
        normal_names=("N",),
        normal_alt=rng.binomial(normal_depth, normal_vaf)[:, None],
        normal_depth=np.full((len(vaf), 1), normal_depth),
    )


def observed(mutations):
    shape = mutations.depth.shape
    return observe(
        mutations,
        CopyNumberAtLoci(np.ones(shape), np.ones(shape), np.full(shape, 2.0)),
        PURITY,
        np.array([0, 1]),
        np.arange(51) / 50,
        precision=np.inf,
        settings=ObservationSettings(),
        ccf_settings=CcfSettings(),
    )


def log_odds_of_artefact(mutations):
    """Log-likelihood (n,) of an artefact beyond that of the best clone."""
    found = observed(mutations)
    best = (found.curves[:, :, : found.n_annotated].max(axis=3) + found.log_prior[:, :, : found.n_annotated]).sum(
        axis=1
    )
    return found.null[:, 0] - best.max(axis=1)


CLONAL = np.tile([0.35, 0.0], (30, 1))


@pytest.mark.parametrize("ratio", [0.03, 0.1, 0.4])
def test_the_share_of_tumour_in_a_normal_and_its_donor_are_found(ratio):
    vaf = np.concatenate((CLONAL, CLONAL[:, ::-1]))
    (found,) = find_tumour_in_normal(table(vaf, ERROR + ratio * vaf[:, 1], normal_depth=300), error_rate=ERROR)
    assert (found.normal, found.donor) == ("N", 1)
    assert found.ratio == pytest.approx(ratio, rel=0.35)


def test_a_clean_normal_and_one_with_artefacts_hold_no_tumour():
    clean = table(CLONAL, np.full(30, ERROR))
    some = table(CLONAL, np.where(np.arange(30) < 3, 0.2, ERROR))
    for mutations in (clean, some):
        assert find_tumour_in_normal(mutations, error_rate=ERROR) == (TumourInNormal("N", -1, 0.0, ERROR),)


def test_a_higher_error_of_the_normal_is_no_tumour():
    mutations = table(np.concatenate((CLONAL, CLONAL[:, ::-1])), np.full(60, 0.01), normal_depth=300)
    (found,) = find_tumour_in_normal(mutations, error_rate=ERROR)
    assert found.ratio == 0.0 and found.error == pytest.approx(0.01, rel=0.25)
    assert (log_odds_of_artefact(mutations)[:30] < 0).all()


def test_a_somatic_mutation_is_binomial_at_the_error_and_the_share_of_tumour():
    mutations = table(CLONAL[:3], [ERROR, 0.2, 0.0], seed=3)
    for ratio in (0.0, 0.5):
        found = TumourInNormal("N", 0 if ratio else -1, ratio, ERROR)
        rate = ERROR + ratio * mutations.vaf[:, 0]
        alt = mutations.normal_alt[:, 0]
        coefficient = log_binomial(alt, 100, 0.5) - 100 * np.log(0.5)
        expected = log_binomial(alt, 100, rate) - coefficient
        assert somatic_in_normal(mutations, (found,))[:, 0] == pytest.approx(expected)


def test_reads_in_the_normal_make_an_artefact_and_a_clean_one_a_mutation():
    shape = CLONAL[:1]
    clean = log_odds_of_artefact(table(shape, [0.0]))[0]
    shown = log_odds_of_artefact(table(shape, [0.15]))[0]
    nothing = log_odds_of_artefact(
        replace(table(shape, [0.0]), normal_names=(), normal_alt=None, normal_depth=None)  # type: ignore[arg-type]
    )[0]
    assert clean < nothing < shown - 20  # a clean normal speaks for a mutation, one with 15 of 100 reads against it
    assert nothing - clean == pytest.approx(np.log(2.0), abs=0.7)  # artefacts are in half of the samples
    assert shown > 20


def test_tumour_cells_in_the_normal_make_no_artefacts():
    vaf = np.concatenate((CLONAL, CLONAL[:, ::-1]))
    mutations = table(vaf, ERROR + 0.2 * vaf[:, 0], normal_depth=300)
    assert (log_odds_of_artefact(mutations)[:30] < 0).all()


@pytest.mark.parametrize("ratio", [0.05, 0.25])
def test_early_cells_in_the_normal_tissue_make_the_trunk_no_artefact(ratio):
    """A field: the mutations of all samples are in the normal, those of one sample are not."""
    vaf = np.concatenate((np.tile([0.35, 0.25], (20, 1)), CLONAL))
    early = np.arange(50) < 20
    mutations = table(vaf, ERROR + np.where(early, ratio * vaf[:, 0], 0.0), normal_depth=150)
    (found,) = find_tumour_in_normal(mutations, error_rate=ERROR)
    assert found.is_early and found.ratio * mutations.vaf[early, found.donor].mean() == pytest.approx(
        ratio * 0.35, rel=0.4
    )
    assert (log_odds_of_artefact(mutations) < 0).all()


@pytest.mark.parametrize("ratio", [0.7, 1.0])
def test_a_tumour_sample_that_is_called_the_normal_is_not_used(ratio):
    vaf = np.concatenate((np.tile([0.3, 0.22], (20, 1)), CLONAL))
    mutations = table(vaf, ratio * vaf[:, 0], normal_depth=150)
    assert looks_like_tumour(mutations).tolist() == [True]
    without = replace(mutations, normal_names=(), normal_alt=None, normal_depth=None)  # type: ignore[arg-type]
    np.testing.assert_array_equal(log_odds_of_artefact(mutations), log_odds_of_artefact(without))


def test_germline_variants_make_no_tumour_of_the_normal():
    """A list of calls made without the normal: most are germline, on one copy or on both."""
    germline = np.repeat([0.5, 1.0], [40, 20])
    vaf = np.concatenate((np.tile(germline[:, None], 2), CLONAL))
    mutations = table(vaf, np.concatenate((germline, np.full(30, ERROR))))
    assert looks_like_tumour(mutations).tolist() == [False]
    assert (log_odds_of_artefact(mutations)[:60] > 20).all()


def test_a_few_artefacts_of_all_samples_are_no_early_cells():
    vaf = np.concatenate((np.tile([0.35, 0.25], (20, 1)), np.tile([0.1, 0.1], (3, 1)), CLONAL))
    mutations = table(vaf, np.where((np.arange(53) >= 20) & (np.arange(53) < 23), 0.1, ERROR), normal_depth=150)
    (found,) = find_tumour_in_normal(mutations, error_rate=ERROR)
    assert found.ratio == 0.0
    assert (log_odds_of_artefact(mutations)[20:23] > 3).all()


@pytest.mark.parametrize(("vaf", "beta"), [(0.5, (50.0, 50.0)), (1.0, (100.0, 1.0))], ids=["one copy", "both copies"])
def test_a_germline_variant_is_told_by_the_normal(vaf, beta):
    mutations = table(np.full((1, 2), vaf), [vaf])
    assert log_odds_of_artefact(mutations)[0] > 50
    alt = mutations.normal_alt[0, 0]
    of_normal = betaln(alt + beta[0], 100 - alt + beta[1]) - betaln(*beta)
    somatic = alt * np.log(ERROR) + (100 - alt) * np.log1p(-ERROR)
    without = replace(mutations, normal_depth=np.zeros((1, 1)), normal_alt=np.zeros((1, 1)))  # type: ignore[arg-type]
    gain = log_odds_of_artefact(mutations)[0] - log_odds_of_artefact(without)[0]
    assert gain == pytest.approx(of_normal - somatic, abs=3.0)
