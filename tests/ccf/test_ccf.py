"""CCF posterior: hand-worked numbers, multiplicity, missing evidence, purity."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.ccf.estimate import estimate_ccf, explain_ccf
from phylometa.config import CcfSettings
from phylometa.errors import InputError
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.multiplicity import enumerate_multiplicities
from phylometa.reads.read_likelihood import ccf_grid, log_likelihood_table, slab_weights

NAN = float("nan")


def reads(alt, depth, **options) -> MutationTable:
    alt = np.atleast_2d(alt)
    return MutationTable(
        tuple(f"m{i}" for i in range(alt.shape[0])),
        tuple(f"s{j}" for j in range(alt.shape[1])),
        alt,
        np.atleast_2d(depth),
        **options,
    )


def states(*cells, normal=2.0, n_samples=1) -> CopyNumberAtLoci:
    """One mutation a cell of (major, minor[, fraction, major2, minor2]), the same in all samples."""
    rows = np.array([tuple(cell) + (1.0, NAN, NAN)[len(cell) - 2 :] for cell in cells], dtype=float)
    columns = [np.repeat(rows[:, [c]], n_samples, axis=1) for c in range(5)]
    return CopyNumberAtLoci(
        columns[0], columns[1], np.full(columns[0].shape, normal), None, columns[2], columns[3], columns[4]
    )


def test_grid_and_slab():
    grid = ccf_grid(65)
    assert grid[0] == 0.0 and grid[-1] == pytest.approx(1.0)
    assert (np.diff(grid) > 0).all()
    assert slab_weights(grid).sum() == pytest.approx(1.0)


def test_expected_vaf_by_hand():
    # rho = .6, state 2 + 1, m = 2: 2 x .6 / (.6 x 3 + 2 x .4) = 1.2 / 2.6
    options = enumerate_multiplicities(reads([[1]], [[10]]), states((2, 1)), np.array([0.6]), settings=CcfSettings())
    assert options.slope[0].tolist() == pytest.approx([0.6 / 2.6, 1.2 / 2.6])
    # The gain at a uniform time: before it 1/2 copy x time, after it 2 x 1/2, and 1 on the other allele.
    assert np.exp(options.log_prior[0]).tolist() == pytest.approx([0.8, 0.2])


def test_male_x_chromosome():
    options = enumerate_multiplicities(
        reads([[1]], [[10]]), states((1, 0), normal=1.0), np.array([0.6]), settings=CcfSettings()
    )
    # .6 / (.6 + .4): every cell, normal or not, has one copy
    assert options.slope[0].tolist() == pytest.approx([0.6])


def test_subclonal_state_mixes_by_fraction():
    # 60 % of the cells 1 + 1, 40 % 2 + 1: 2.4 copies; a mutation on the gained allele has .6 + .4 x 2 = 1.4 copies
    options = enumerate_multiplicities(
        reads([[1]], [[10]]), states((1, 1, 0.6, 2, 1)), np.array([1.0]), settings=CcfSettings()
    )
    assert options.copies[0].tolist() == pytest.approx([1.0, 1.4])
    assert options.slope[0].tolist() == pytest.approx([1.0 / 2.4, 1.4 / 2.4])


def test_loss_from_part_of_the_cells():
    # 60 % of the cells 1 + 0, 40 % 1 + 1: 1.4 copies. A clonal mutation on the lost allele is left in .4 of the cells,
    # on .4 copies in the mean; on the other allele it has one copy.
    part = states((1, 0, 0.6, 1, 1))
    options = enumerate_multiplicities(reads([[1]], [[10]]), part, np.array([1.0]), settings=CcfSettings())
    assert options.copies[0].tolist() == pytest.approx([0.4, 1.0])
    assert options.slope[0].tolist() == pytest.approx([0.4 / 1.4, 1.0 / 1.4])
    assert np.exp(options.log_prior[0]).tolist() == pytest.approx([1 / 3, 2 / 3])
    # VAF .4 / 1.4: clonal and partly lost, or subclonal at CCF .4; both are said to be possible
    table = estimate_ccf(reads([[571]], [[2000]]), part, np.array([1.0]), settings=CcfSettings())
    assert table.ccf_lo[0, 0] < 0.45 and table.ccf_hi[0, 0] > 0.95


def test_total_only_and_unknown_states_are_marginalised():
    total_only = CopyNumberAtLoci(
        major=np.array([[NAN]]), minor=np.array([[NAN]]), normal=np.array([[2.0]]), total=np.array([[3.0]])
    )
    options = enumerate_multiplicities(reads([[1]], [[10]]), total_only, np.ones(1), settings=CcfSettings())
    # alleles 3 + 0 or 2 + 1; 3 copies of one allele: at once 1/2 and 3/2, in steps 1/3 on all, 2/3 x 1/2 on two
    three = np.array([0.5 * 1.5 + 0.5 * (2 / 3 * 0.5 + 1.0), 0.5 / 3, 0.5 * 0.5 + 0.5 / 3])
    expected = 0.5 * three / three.sum() + 0.5 * np.array([0.8, 0.2, 0.0])
    assert np.exp(options.log_prior[0]).tolist() == pytest.approx(expected.tolist())
    unknown = states((NAN, NAN))
    options = enumerate_multiplicities(reads([[1]], [[10]]), unknown, np.ones(1), settings=CcfSettings())
    assert set(options.totals[0]) >= {1.0, 2.0, 3.0, 4.0}
    assert np.exp(options.log_prior[0]).sum() == pytest.approx(1.0)


def test_hand_worked_ccf():
    # VAF .2 at purity .8 in a diploid locus: .2 / .4
    table = estimate_ccf(reads([[400]], [[2000]]), states((1, 1)), np.array([0.8]), settings=CcfSettings())
    assert table.ccf[0, 0] == pytest.approx(0.5, abs=0.01)
    assert table.ccf_lo[0, 0] < 0.5 < table.ccf_hi[0, 0]
    assert table.vaf_per_ccf[0, 0] == pytest.approx(0.4)
    assert table.power[0, 0] == pytest.approx(1.0)


def test_power_by_hand():
    # depth 4, VAF .5: P(at least 3) = 5 / 16, up to the error rate
    table = estimate_ccf(reads([[0]], [[4]]), states((1, 1)), np.array([1.0]), settings=CcfSettings(error_rate=0.0))
    assert table.power[0, 0] == pytest.approx(5 / 16)


def test_multiplicity_is_shared_over_samples():
    # In the first sample 2 of 3 copies is certain; the second alone could be one copy at any CCF.
    table = estimate_ccf(
        reads([[667, 20]], [[1000, 30]]), states((2, 1), n_samples=2), np.ones(2), settings=CcfSettings()
    )
    assert table.multiplicity[0].tolist() == pytest.approx([2.0, 2.0], abs=0.01)
    assert table.ccf[0, 1] > 0.9


def test_absent_and_unobserved_cells():
    mutations = reads([[0, 0, 30]], [[200, 0, 60]], observed=np.array([[True, False, True]]))
    table = estimate_ccf(mutations, states((1, 1), n_samples=3), np.ones(3), settings=CcfSettings())
    assert table.ccf[0, 0] < 0.01 and table.ccf_lo[0, 0] == 0.0
    assert np.isnan(table.ccf[0, 1]) and np.isnan(table.ccf_hi[0, 1])
    alone = estimate_ccf(
        mutations_without(mutations, 1), states((1, 1), n_samples=2), np.ones(2), settings=CcfSettings()
    )
    assert table.ccf[0, [0, 2]].tolist() == pytest.approx(alone.ccf[0].tolist())


def mutations_without(mutations: MutationTable, sample: int) -> MutationTable:
    keep = [s for s in range(mutations.n_samples) if s != sample]
    return MutationTable(
        mutations.ids,
        tuple(mutations.sample_names[s] for s in keep),
        mutations.alt_counts[:, keep],
        mutations.depth[:, keep],
        mutations.observed[:, keep],
    )


def test_beta_binomial_tends_to_binomial():
    mutations = reads([[7, 0, 3]], [[50, 80, 3]])
    options = enumerate_multiplicities(mutations, states((2, 1), n_samples=3), np.full(3, 0.7), settings=CcfSettings())
    grid = ccf_grid(9)
    binomial = log_likelihood_table(mutations, options, grid, precision=float("inf"), dtype=np.float64)
    nearly = log_likelihood_table(mutations, options, grid, precision=1e8, dtype=np.float64)
    assert np.allclose(binomial, nearly, atol=1e-3)


def test_error_rate_of_a_cell():
    noisy = reads([[3]], [[100]], error_rate=np.array([[0.03]]))
    clean = reads([[3]], [[100]])
    absent = [estimate_ccf(m, states((1, 1)), np.ones(1), settings=CcfSettings()).ccf[0, 0] for m in (noisy, clean)]
    assert absent[0] < absent[1]


@pytest.mark.parametrize("purity", [0.0, 1.5, NAN, -0.1])
def test_wrong_purity(purity):
    with pytest.raises(InputError, match="s0: purity"):
        estimate_ccf(reads([[1]], [[10]]), states((1, 1)), np.array([purity]), settings=CcfSettings())


def test_uncertain_purity_widens_intervals():
    arguments = reads([[40]], [[200]]), states((1, 1)), np.array([0.8])
    sure = estimate_ccf(*arguments, settings=CcfSettings())
    unsure = estimate_ccf(*arguments, settings=CcfSettings(), purity_sd=np.array([0.1]))
    assert unsure.ccf_lo[0, 0] < sure.ccf_lo[0, 0] and unsure.ccf_hi[0, 0] > sure.ccf_hi[0, 0]


def test_explanation_names_formula_and_value():
    mutations, copy_number, purity = reads([[40, 0]], [[200, 0]]), states((2, 1), n_samples=2), np.array([0.8, 0.5])
    table = estimate_ccf(mutations, copy_number, purity, settings=CcfSettings())
    text = explain_ccf(mutations, copy_number, purity, table, mutation=0, sample=0)
    assert "1 x 0.8 / (0.8 x 3 + 2 x 0.2) = 0.286" in text and "40 of 200 reads" in text
    assert "not observed" in explain_ccf(mutations, copy_number, purity, table, mutation=0, sample=1)
    unknown = states((NAN, NAN), n_samples=2)
    table = estimate_ccf(mutations, unknown, purity, settings=CcfSettings())
    assert "unknown" in explain_ccf(mutations, unknown, purity, table, mutation=0, sample=0)


def test_overdispersed_reads_widen_intervals():
    rng = np.random.default_rng(6)
    depth = np.full((40, 3), 300)
    ccf = np.repeat([[1.0, 1.0, 1.0], [0.5, 0.4, 0.7]], 20, axis=0)
    mutations = reads(rng.binomial(depth, rng.beta(ccf / 2 * 50.0, (1 - ccf / 2) * 50.0)), depth)
    arguments = mutations, CopyNumberAtLoci.diploid(40, 3), np.ones(3)
    binomial = estimate_ccf(*arguments, settings=CcfSettings(precision=math.inf))
    estimated = estimate_ccf(*arguments, settings=CcfSettings())
    inside = [((t.ccf_lo <= ccf + 1e-9) & (ccf <= t.ccf_hi + 1e-9)).mean() for t in (binomial, estimated)]
    assert inside[0] < 0.8 and inside[1] > 0.9


def test_precision_of_no_and_of_many_mutations():
    empty = reads(np.zeros((0, 1), dtype=int), np.zeros((0, 1), dtype=int))
    assert estimate_ccf(empty, CopyNumberAtLoci.diploid(0, 1), np.ones(1), settings=CcfSettings()).ccf.shape == (0, 1)
    depth = np.random.default_rng(1).poisson(50, (400, 1))
    alt = np.random.default_rng(2).binomial(depth, 0.5)
    table = estimate_ccf(reads(alt, depth), CopyNumberAtLoci.diploid(400, 1), np.ones(1), settings=CcfSettings())
    assert (table.ccf_hi > 0.97).mean() > 0.95


def test_a_locus_without_a_copy_in_a_pure_sample_has_likelihoods():
    """Homozygous deletion at purity 1: nothing is expected there, and nothing is divided by it."""
    alleles = np.array([[0.0], [1.0]], dtype=np.float32)
    gone = CopyNumberAtLoci(major=alleles, minor=alleles, normal=np.full((2, 1), 2, dtype=np.float32))
    table = MutationTable(("a", "b"), ("S",), np.array([[2], [50]]), np.array([[10], [100]]))
    found = estimate_ccf(table, gone, np.ones(1), settings=CcfSettings())
    assert np.isfinite(found.ccf).all()
    assert found.ccf[1, 0] > 0.9
