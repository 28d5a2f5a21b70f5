"""Purity from the reads of shared mutations, and given purities checked by them."""

from dataclasses import replace

import numpy as np
import pytest
from purity_oracle import best_purities, log_posterior

from phylometa.ccf.purity import estimate_purity, infer_purity, rejected_purities
from phylometa.ccf.purity_modes import _evidence_of_clones, find_modes
from phylometa.ccf.purity_states import NEAR_DIPLOID, PURITY_GRID, shared_reads, unknown_states, with_subclonal_peaks
from phylometa.config import CcfSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site

NAN = float("nan")
SETTINGS = CcfSettings()


def patient(alt, depth, given=None, *, state=None, normal=2.0) -> Patient:
    """One site; `state` (major, minor) of all loci, or unknown."""
    n, n_samples = np.shape(alt)
    names = tuple(f"s{k}" for k in range(n_samples))
    table = MutationTable(tuple(f"m{i}" for i in range(n)), names, np.asarray(alt), np.asarray(depth))
    major, minor = (np.full((n, n_samples), value) for value in state or (NAN, NAN))
    copy_number = CopyNumberAtLoci(major=major, minor=minor, normal=np.full((n, n_samples), normal))
    samples = tuple(Sample(name, "P", purity=rho) for name, rho in zip(names, given or [NAN] * n_samples))
    return Patient("x", samples, (Site("P", "primary"),), table, copy_number)


def drawn(purity, states, *, depth=120, seed=1, precision=np.inf, ccf=None):
    """Reads of mutations with given (C, m, CCF) in samples of given purity."""
    rng = np.random.default_rng(seed)
    rho = np.asarray(purity)
    total, copies, cells = (np.array(column, dtype=float)[:, None] for column in zip(*states))
    v = copies * cells * rho / (rho * total + 2 * (1 - rho)) * 0.998 + 0.001
    reads = rng.poisson(depth, v.shape)
    if np.isfinite(precision):
        v = rng.beta(v * precision, (1 - v) * precision)
    return rng.binomial(reads, v), reads


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_best_explanation_is_that_of_brute_force(seed):
    """One and two samples, few mutations: no purities on the grid have a larger posterior than the best mode."""
    rng = np.random.default_rng(seed)
    n_samples = 2
    alt, depth = drawn(rng.uniform(0.3, 0.9, n_samples), [(2, 1, 1.0)] * 5 + [(3, 2, 1.0), (2, 1, 0.4)], seed=seed)
    reads = shared_reads(alt, depth, depth > 0)
    tables = unknown_states(reads, NEAR_DIPLOID, error=0.001, precision=np.inf)
    starts = np.array(np.meshgrid(np.linspace(0.1, 0.95, 8), np.linspace(0.1, 0.95, 8))).reshape(2, -1).T
    best = find_modes(tables, starts, np.zeros((n_samples, len(PURITY_GRID))))[0]
    options = {"least": reads.least, "error": 0.001, "pseudo": 20.0, "clonal_prior": (17.0, 3.0)}
    chosen = alt[reads.rows], depth[reads.rows]
    coarse = PURITY_GRID[::7]
    found = best_purities(*chosen, coarse, NEAR_DIPLOID, **options)
    assert (
        log_posterior(*chosen, best.purity, NEAR_DIPLOID, **options)
        >= log_posterior(*chosen, found, NEAR_DIPLOID, **options) - 0.3
    )


def test_one_sample_against_all_purities_of_the_grid():
    alt, depth = drawn([0.6], [(2, 1, 1.0)] * 6 + [(2, 1, 0.4)] * 3, seed=3)
    reads = shared_reads(alt, depth, depth > 0)
    tables = unknown_states(reads, NEAR_DIPLOID, error=0.001, precision=np.inf)
    modes = find_modes(tables, PURITY_GRID[:, None], np.zeros((1, len(PURITY_GRID))))
    states = with_subclonal_peaks(NEAR_DIPLOID)
    options = {"least": reads.least, "error": 0.001, "pseudo": 20.0 + 4.5, "clonal_prior": (3.0, 2.0)}
    values = [log_posterior(alt, depth, (rho,), states, **options) for rho in PURITY_GRID]
    peaks = [k for k in range(1, len(values) - 1) if values[k] >= max(values[k - 1], values[k + 1])]
    best = max(peaks, key=lambda k: values[k])
    assert min(abs(mode.purity[0] - PURITY_GRID[best]) for mode in modes) < 0.015
    highest = max(log_posterior(alt, depth, tuple(mode.purity), states, **options) for mode in modes)
    assert highest == pytest.approx(values[best], abs=0.05)


@pytest.mark.parametrize("known", [True, False])
def test_purities_are_recovered_together(known):
    true = [0.45, 0.8, 0.3]
    states = [(2, 1, 1.0)] * 40 + [(2, 1, c) for c in np.linspace(0.2, 0.6, 10)]
    if not known:
        states += [(3, 2, 1.0)] * 6 + [(1, 1, 1.0)] * 6
    alt, depth = drawn(true, states)
    found = infer_purity(patient(alt, depth, state=(1, 1) if known else None), settings=SETTINGS)
    assert found.purity == pytest.approx(true, abs=0.03)
    assert ((found.low < true) & (true < found.high)).all()
    assert (found.uses_copy_number == known).all()


def test_a_doubled_genome_has_its_purity_among_the_solutions():
    states = [(4, 2, 1.0)] * 40 + [(4, 1, 1.0)] * 25 + [(3, 1, 1.0)] * 8 + [(2, 2, 1.0)] * 6 + [(3, 2, 1.0)] * 8
    alt, depth = drawn([0.5, 0.7, 0.6], states, depth=200)
    found = infer_purity(patient(alt, depth), settings=SETTINGS)
    assert any(np.abs(solution.purity - [0.5, 0.7, 0.6]).max() < 0.05 for solution in found.solutions)
    assert found.solutions[0].is_doubled and found.solutions[0].ploidy > 3.0
    assert (found.sd > 0.1).all()


def test_with_copy_number_a_doubled_genome_is_no_riddle():
    alt, depth = drawn([0.5, 0.7], [(4, 2, 1.0)] * 30 + [(4, 1, 1.0)] * 20)
    found = infer_purity(patient(alt, depth, state=(2, 2)), settings=SETTINGS)
    assert found.purity == pytest.approx([0.5, 0.7], abs=0.03) and (found.sd < 0.05).all()


def test_overdispersed_reads():
    alt, depth = drawn([0.5, 0.7], [(2, 1, 1.0)] * 60 + [(2, 1, 0.4)] * 10, precision=100.0, depth=300)
    found = infer_purity(patient(alt, depth), settings=SETTINGS)
    assert ((found.low < [0.5, 0.7]) & (found.high > [0.5, 0.7])).all()
    assert found.purity == pytest.approx([0.5, 0.7], abs=0.05)


def test_samples_without_common_mutations_are_estimated_apart():
    alt, depth = drawn([0.6, 0.4], [(2, 1, 1.0)] * 60)
    alt[:30, 0] = 0
    alt[30:, 1] = 0
    found = infer_purity(patient(alt, depth, state=(1, 1)), settings=SETTINGS)
    assert found.purity == pytest.approx([0.6, 0.4], abs=0.06)


def test_missing_purities_are_filled_and_named():
    alt, depth = drawn([0.45, 0.8], [(2, 1, 1.0)] * 50)
    before = patient(alt, depth, [NAN, 0.8])
    after = estimate_purity(before, settings=SETTINGS)
    first, second = after.samples
    assert first.purity == pytest.approx(0.45, abs=0.04) and first.purity_is_estimated and first.purity_sd > 0.01
    assert second.purity == 0.8 and not second.purity_is_estimated and 0.0 < second.purity_sd <= 0.04
    assert "s0" in after.warnings[0] and "without copy number" in after.warnings[0] and len(after.warnings) == 1
    assert estimate_purity(replace(after, samples=after.samples), settings=SETTINGS).samples[0] == first


def test_nothing_to_tell_a_purity_by():
    found = estimate_purity(patient([[0]], [[10]]), settings=SETTINGS)
    assert np.isfinite(found.samples[0].purity) and found.samples[0].purity_sd > 0.2
    assert "no mutation tells it" in found.warnings[0]


@pytest.mark.parametrize(("shift", "is_noticed"), [(0.0, False), (0.02, False), (0.1, True), (-0.25, True)])
def test_given_purities_are_checked_by_the_reads(shift, is_noticed):
    true = np.array([0.5, 0.7, 0.6, 0.65])
    alt, depth = drawn(true, [(2, 1, 1.0)] * 50 + [(2, 1, 0.5)] * 8)
    before = patient(alt, depth, (true + shift).tolist(), state=(1, 1))
    posterior = infer_purity(before, settings=SETTINGS)
    assert rejected_purities(before, posterior).all() == is_noticed
    assert rejected_purities(before, posterior).any() == is_noticed
    after = estimate_purity(before, settings=SETTINGS, posterior=posterior)
    assert after.purity == pytest.approx(true if is_noticed else true + shift, abs=0.03)
    assert all(sample.purity_is_estimated == is_noticed for sample in after.samples)


def test_one_wrong_purity_among_right_ones():
    true = np.array([0.5, 0.7, 0.6])
    alt, depth = drawn(true, [(2, 1, 1.0)] * 50)
    before = patient(alt, depth, [0.5, 0.4, 0.6], state=(1, 1))
    assert rejected_purities(before, infer_purity(before, settings=SETTINGS)).tolist() == [False, True, False]


def small_trunk(shares, *, n_trunk=1, n_of_clone=9, seed=1, purity=1.0):
    """A trunk of few mutations, and clones of more; `shares` (clones, samples): of the tumour's cells."""
    shares = np.asarray(shares, dtype=float)
    cells = np.concatenate((np.ones((n_trunk, shares.shape[1])), np.repeat(shares, n_of_clone, axis=0)))
    rng = np.random.default_rng(seed)
    depth = rng.poisson(200, cells.shape)
    return rng.binomial(depth, purity * cells / 2 * 0.998 + 0.001), depth


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
@pytest.mark.parametrize(
    "shares",
    [
        [[0.6, 0.65, 0, 0], [0, 0, 1, 0], [0.35, 0.3, 0, 1]],  # clones of the primary's two regions, and two metastases
        [[0.7, 0.5, 1, 0.55], [0.3, 0.5, 0, 0.45]],  # two clones in (nearly) every sample
        [[0.3, 0.6, 0.45, 0.35]],  # one
    ],
)
def test_clones_larger_than_the_trunk_do_not_lower_a_right_purity(shares, seed):
    """The trunk of many published tumours (machina_m5) has one or two mutations."""
    alt, depth = small_trunk(shares, seed=seed, n_trunk=2)
    before = patient(alt, depth, [0.98] * 4, state=(1, 1))
    posterior = infer_purity(before, settings=SETTINGS)
    assert not rejected_purities(before, posterior).any()
    assert (estimate_purity(before, settings=SETTINGS, posterior=posterior).purity == 0.98).all()


@pytest.mark.parametrize("seed", range(3))
def test_losses_that_the_caller_missed_in_some_samples_raise_no_right_purity(seed):
    """1 + 1 is given at three loci that are 2 + 0 in two samples."""
    true = np.array([0.5, 0.7, 0.6, 0.4])
    alt, depth = drawn(true, [(2, 1, 1.0)] * 50, depth=250, seed=seed)
    rng = np.random.default_rng(seed + 50)
    alt[:3, :2] = rng.binomial(depth[:3, :2], np.broadcast_to(true[:2], (3, 2)))
    before = patient(alt, depth, true.tolist(), state=(1, 1))
    posterior = infer_purity(before, settings=SETTINGS)
    assert not rejected_purities(before, posterior).any()
    assert posterior.purity == pytest.approx(true, abs=0.04)


def test_a_sample_that_shows_few_of_the_shared_mutations_has_the_purity_of_those():
    """Two of twelve mutations that the others share are clonal in the last sample: its purity is not near 0."""
    alt, depth = small_trunk([[0.9, 0.9, 0.0]], n_trunk=2, n_of_clone=10, purity=0.8)
    found = infer_purity(patient(alt, depth, state=(1, 1)), settings=SETTINGS)
    assert found.purity[2] == pytest.approx(0.8, abs=0.08)


def test_a_lower_purity_at_which_shared_mutations_are_impossible_is_not_believed():
    """Nothing but one mutation is in every sample; what one sample alone shows lies at half the tumour's cells."""
    rng = np.random.default_rng(5)
    share = np.array([[1.0, 1.0, 1.0], *[[0.55, 0.0, 0.0]] * 14, *[[0.0, 1.0, 0.0]] * 8, *[[0.0, 0.0, 1.0]] * 8])
    depth = rng.poisson(200, share.shape)
    alt = rng.binomial(depth, share / 2 * 0.998 + 0.001)
    before = patient(alt, depth, [0.99] * 3, state=(1, 1))
    posterior = infer_purity(before, settings=SETTINGS)
    assert posterior.purity[0] < 0.7  # by itself the sample would be taken for one of lower purity
    assert not rejected_purities(before, posterior).any()


def test_a_clone_without_mutations_leaves_the_evidence_as_it_is():
    alt, depth = drawn([0.5, 0.7], [(2, 1, 1.0)] * 30)
    reads = shared_reads(alt, depth, depth > 0)
    tables = unknown_states(reads, NEAR_DIPLOID, error=0.001, precision=np.inf)
    places, purity = np.array([[20, 30]]), np.array([0.5, 0.7])
    assert _evidence_of_clones(tables, np.zeros((1, 30)), places, purity) == pytest.approx(0.0)
    assert _evidence_of_clones(tables, np.ones((1, 30)), places, purity) < -4.0


def test_a_stated_standard_deviation_is_the_prior():
    alt, depth = drawn([0.5, 0.7], [(2, 1, 1.0)] * 50)
    before = patient(alt, depth, [0.5, 0.45], state=(1, 1))
    unsure = before.with_changes(samples=tuple(replace(s, purity_sd=0.2) for s in before.samples))
    posterior = infer_purity(before, settings=SETTINGS)
    assert rejected_purities(before, posterior).any() and not rejected_purities(unsure, posterior).any()


def test_mutations_on_x_do_not_disturb():
    alt, depth = drawn([0.5, 0.7], [(2, 1, 1.0)] * 40 + [(1, 1, 1.0)] * 20)
    one = patient(alt, depth)
    normal = np.where(np.arange(60) < 40, 2.0, 1.0)[:, None] * np.ones((1, 2))
    male = one.with_changes(copy_number=replace(one.copy_number, normal=normal))
    found = infer_purity(male, settings=SETTINGS)
    assert found.n_shared.tolist() == [40, 40]
    assert found.purity == pytest.approx([0.5, 0.7], abs=0.03)
