"""Copy number of clones: against brute force, on planted histories, and through files."""

import dataclasses

import numpy as np
import pytest
from clone_states_oracle import brute_force

from phylometa.copy_number.clone_events import change_kind
from phylometa.copy_number.clone_states import (
    TOP,
    infer_clone_copy_number,
    observed_means,
    score_clone_states,
    segment_posterior,
)
from phylometa.copy_number.measured_means import mean_copies
from phylometa.copy_number.segmentation import consistent_segmentation
from phylometa.errors import InfeasibleError
from phylometa.model.clone_copy_number import CloneCopyNumber
from phylometa.model.patient import CopyNumberProfile

MB = 1_000_000
TREES = ([-1, 0, 0], [-1, 0, 1], [1, -1, 1])


def drawn_case(seed, *, doubled):
    """A tree of three clones, two samples, and means of random clones with noise."""
    rng = np.random.default_rng(seed)
    parents = np.array(TREES[seed % len(TREES)])
    proportions = rng.dirichlet(np.ones(3), size=2).T
    states = rng.integers(0, 3, size=(3, 2)) * (2 if doubled else 1)
    means = np.sort(proportions.T @ states, axis=1)[:, ::-1] + rng.normal(0, 0.05, (2, 2))
    return parents, proportions, np.clip(means, 0, None), rng.uniform(0.02, 0.3, 3)


@pytest.mark.parametrize("kind", ["fractional", "rounded", "phased"])
@pytest.mark.parametrize("doublings", [(), (0,), (2,), (1, 2)])
def test_posterior_equals_brute_force(kind, doublings):
    for seed in range(3):
        parents, proportions, column, rate = drawn_case(seed, doubled=bool(doublings))
        if kind == "rounded":
            column = np.floor(column + 0.5)
        if seed == 2:
            column[1] = np.nan
        values = range(min(max(int(np.ceil(np.nanmax(column) - 0.2)) + 1, 3), 6) + 1)
        options = {"rate": rate, "noise": 0.2}
        evidence, states, changes = segment_posterior(
            column,
            parents,
            proportions,
            doublings=frozenset(doublings),
            is_phased=kind == "phased",
            is_rounded=kind == "rounded",
            **options,
        )
        oracle = brute_force(
            column,
            parents.tolist(),
            proportions,
            values,
            doublings=doublings,
            phased=kind == "phased",
            rounded=kind == "rounded",
            **options,
        )
        assert evidence == pytest.approx(oracle[0], abs=0.02)  # plans e^-12 below the best are left out
        assert changes == pytest.approx(oracle[2], abs=0.01)
        if kind == "phased":  # else the order of the alleles is arbitrary
            for clone, expected in enumerate(oracle[1]):
                for (a, b), probability in expected.items():
                    if max(a, b) <= TOP:
                        assert states[clone, a, b] == pytest.approx(probability, abs=0.01)


def test_a_third_change_gains_at_most_what_is_said():
    for seed in range(6):
        rng = np.random.default_rng(100 + seed)
        parents, proportions = np.array([-1, 0, 0]), rng.dirichlet(np.ones(3), size=2).T
        states = np.array([(2, 1), (1, 0), (3, 1)])
        column = np.sort(proportions.T @ states, axis=1)[:, ::-1]
        found = score_clone_states(column[None], parents, proportions, is_phased=True)
        rate = np.full(3, 0.1)
        noise = found.noise
        two, three = (
            brute_force(
                column, parents.tolist(), proportions, range(4), rate=rate, noise=noise, phased=True, most=most
            )[3]
            for most in (2, 3)
        )
        # The bound is for fitted rates; those are at most .9, so allow for the difference of the rates.
        assert three - two <= found.third[0] + max(0.0, np.log(0.1 / 0.9) - np.log(0.03 / 0.97)) + 1e-6


def profile_of(states, proportions, *, segments, noise=0.0, rng=None):
    """What a caller that tells the two most common states of every segment apart would report, sample by sample."""
    rows = []
    for s in range(proportions.shape[1]):
        for g, (chrom, start, end) in enumerate(segments):
            shares = {}
            for k in range(len(states)):
                if proportions[k, s] > 0:
                    state = tuple(sorted(states[k, g].tolist(), reverse=True))
                    shares[state] = shares.get(state, 0.0) + float(proportions[k, s])
            ranked = sorted(shares, key=lambda state: -shares[state])
            second = ranked[1] if len(ranked) > 1 else (np.nan, np.nan)
            share = shares[ranked[0]] / (shares[ranked[0]] + shares.get(ranked[1], 0.0) if len(ranked) > 1 else 1.0)
            rows.append((s, chrom, start, end, *ranked[0], share if len(ranked) > 1 else 1.0, *second))
    sample, chroms, start, end, major, minor, fraction, major2, minor2 = zip(*rows)
    names = tuple(f"s{i}" for i in range(proportions.shape[1]))
    return CopyNumberProfile(
        names,
        sample,
        chroms,
        start,
        end,
        np.array(major, dtype=float),
        np.array(minor, dtype=float),
        fraction=np.array(fraction),
        major2=np.array(major2, dtype=float),
        minor2=np.array(minor2, dtype=float),
    )


SEGMENTS = [(str(c), a * 20 * MB, (a + 1) * 20 * MB) for c in range(1, 11) for a in range(3)]
PARENTS = np.array([-1, 0, 1, 0])
NAMES = ("trunk", "A", "B", "C")
PROPORTIONS = np.array([[0.2, 0.0, 0.1], [0.5, 0.3, 0.0], [0.0, 0.7, 0.0], [0.3, 0.0, 0.9]])


def planted(doubling=None):
    """The trunk loses an allele of 1; A gains 2; B gains 4 and loses an allele of 3; C gains 2 as well."""
    states = np.ones((4, len(SEGMENTS), 2), dtype=int)
    chrom = np.array([int(c) for c, _, _ in SEGMENTS])
    if doubling is not None:
        below = {0: [0, 1, 2, 3], 1: [1, 2], 3: [3]}[doubling]
        states[below] *= 2
    states[:, chrom == 1, 1] = 0
    states[[1, 2], :, 0] += chrom == 2
    states[2, chrom == 4, 0] += 1
    states[2, chrom == 3, 1] = 0
    states[3, chrom == 2, 0] += 1
    return states


def test_planted_changes_are_found_on_their_branches():
    states = planted()
    profile = profile_of(states, PROPORTIONS, segments=SEGMENTS)
    found = infer_clone_copy_number(profile, NAMES, [(PARENTS, 1.0, PROPORTIONS)], profile.sample_names)
    expected = {("trunk", "loh", "1"), ("A", "gain", "2"), ("B", "gain", "4"), ("B", "loh", "3"), ("C", "gain", "2")}
    assert {(e.clone, e.kind, e.chrom) for e in found.events} == expected
    assert all(event.probability > 0.8 for event in found.events)
    parallel = {e.clone: set(e.parallel) for e in found.events if e.chrom == "2"}
    assert parallel == {"A": {"C"}, "C": {"A"}}
    assert found.doubling_probability.max() < 0.1
    assert (found.third_change == 0.0).all()


def test_three_changes_of_a_segment_are_not_passed_over_in_silence():
    states = planted()
    states[2, :, 0] += np.array([chrom == "2" for chrom, _, _ in SEGMENTS])
    profile = profile_of(states, PROPORTIONS, segments=SEGMENTS)
    found = infer_clone_copy_number(profile, NAMES, [(PARENTS, 1.0, PROPORTIONS)], profile.sample_names)
    assert {chrom for chrom, bound in zip(found.chroms, found.third_change) if bound > 0.0} == {"2"}


@pytest.mark.parametrize("branch", [0, 1, 3])
def test_a_doubling_is_one_event_on_its_branch(branch):
    profile = profile_of(planted(branch), PROPORTIONS, segments=SEGMENTS)
    found = infer_clone_copy_number(profile, NAMES, [(PARENTS, 1.0, PROPORTIONS)], profile.sample_names)
    assert found.doubling_probability[branch] > 0.95
    assert [e.clone for e in found.events if e.kind == "doubling"] == [NAMES[branch]]
    assert len(found.events) < 10


def test_trees_are_averaged():
    profile = profile_of(planted(), PROPORTIONS, segments=SEGMENTS)
    other = np.array([-1, 0, 0, 0])
    trees = [(PARENTS, 0.5, PROPORTIONS), (other, 0.5, PROPORTIONS)]
    found = infer_clone_copy_number(profile, NAMES, trees, profile.sample_names)
    assert found.n_trees == 2 and np.allclose(found.state_probability.max(), 1.0, atol=1e-6)


def test_means_of_states_and_rounded_callers():
    profile = profile_of(planted(), PROPORTIONS, segments=SEGMENTS)
    means, rounded = mean_copies(profile)
    observed = observed_means(profile, means, consistent_segmentation(profile))
    assert not rounded and np.isfinite(observed).all()
    whole = CopyNumberProfile(("s",), [0], ("1",), [0], [MB], np.array([2.0]), np.array([1.0]))
    means, rounded = mean_copies(whole)
    assert rounded and observed_means(whole, means, consistent_segmentation(whole)).tolist() == [[[2.0, 1.0]]]


def test_totals_are_not_enough():
    unknown = np.full(1, np.nan)
    totals = CopyNumberProfile(("s",), [0], ("1",), [0], [MB], unknown, unknown, total=np.array([3.0]))
    with pytest.raises(InfeasibleError, match="allele-specific"):
        infer_clone_copy_number(totals, ("A",), [(np.array([-1]), 1.0, np.ones((1, 1)))], ("s",))


def test_words_for_changes():
    assert change_kind((1, 1), (0, 0)) == "homozygous_deletion"
    assert change_kind((1, 1), (1, 0)) == "loh"
    assert change_kind((2, 1), (1, 2)) == "gain+loss"


def test_the_record_survives_json():
    profile = profile_of(planted(), PROPORTIONS, segments=SEGMENTS)
    found = infer_clone_copy_number(profile, NAMES, [(PARENTS, 1.0, PROPORTIONS)], profile.sample_names)
    again = CloneCopyNumber.from_json(dataclasses.asdict(found))
    assert again.events == found.events and np.array_equal(again.states, found.states)
