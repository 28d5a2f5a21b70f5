"""Mean copies from what a caller measured: its own raw copies, or a log ratio and a BAF."""

import numpy as np
import pytest

from phylometa.copy_number.clone_states import infer_clone_copy_number
from phylometa.copy_number.measured_means import mean_copies
from phylometa.copy_number.segmentation import consistent_segmentation
from phylometa.model.patient import CopyNumberProfile

MB = 1_000_000
MEANS = np.array([(1.0, 1.0), (2.0, 1.0), (1.0, 0.0), (1.3, 1.0), (2.0, 2.0), (1.0, 1.0), (3.0, 1.0), (1.0, 0.62)])


def ratio_and_baf(means, purity, ploidy):
    molecules = purity * means.sum(axis=1) + 2 * (1 - purity)
    ratio = np.log2(molecules / (purity * ploidy + 2 * (1 - purity)))
    return {"log_ratio": ratio, "baf": (purity * means[:, 0] + 1 - purity) / molecules}


def profile_of(means, *, n_samples=1, **measured):
    """Segments of 20 Mb, a chromosome each, called as the rounded means."""
    n = len(means) // n_samples
    called = np.floor(means + 0.5)
    return CopyNumberProfile(
        tuple(f"s{s}" for s in range(n_samples)),
        np.repeat(np.arange(n_samples), n),
        tuple(str(c + 1) for c in range(n)) * n_samples,
        np.zeros(len(means), dtype=int),
        np.full(len(means), 20 * MB),
        called[:, 0],
        called[:, 1],
        **measured,
    )


@pytest.mark.parametrize(("purity", "ploidy"), [(0.9, 2.0), (0.5, 2.4), (0.3, 3.1)])
def test_ratio_and_baf_are_put_on_the_scale_of_copies(purity, ploidy):
    means, is_rounded = mean_copies(profile_of(MEANS, **ratio_and_baf(MEANS, purity, ploidy)))
    assert not is_rounded
    # subclonal segments pull the line a little
    assert np.abs(means - MEANS).max() < 0.15
    whole = np.rint(MEANS)
    exact, _ = mean_copies(profile_of(whole, **ratio_and_baf(whole, purity, ploidy)))
    assert np.allclose(exact, whole, atol=1e-9)


def test_the_compression_of_an_array_and_the_larger_share_do_not_matter():
    whole = np.rint(MEANS)
    measured = ratio_and_baf(whole, 0.7, 2.2)
    ratio, baf = 0.8 * np.exp2(measured["log_ratio"]), measured["baf"].copy()
    baf[::2] = 1 - baf[::2]
    means, _ = mean_copies(profile_of(whole, log_ratio=np.log2(ratio), baf=baf))
    assert np.allclose(means, whole, atol=1e-9)


def test_without_heterozygous_positions_the_called_minor_copies_stay():
    whole = np.rint(MEANS)
    measured = ratio_and_baf(whole, 0.7, 2.2)
    measured["baf"] = np.full(len(whole), np.nan)
    measured["log_ratio"][3] = np.log2(np.exp2(measured["log_ratio"][3]) * 1.1)
    means, _ = mean_copies(profile_of(whole, **measured))
    assert means[3, 1] == 1.0 and 1.0 < means[3, 0] < 1.5


def test_raw_copies_are_taken_as_they_are_and_others_as_called():
    raw = {"mean_major": MEANS[:, 0].copy(), "mean_minor": MEANS[:, 1].copy()}
    raw["mean_major"][6] = raw["mean_minor"][6] = np.nan
    means, is_rounded = mean_copies(profile_of(MEANS, **raw))
    assert not is_rounded and np.allclose(means, MEANS)


@pytest.mark.parametrize("case", ["one total", "one sample of two", "nothing"])
def test_what_tells_no_scale_leaves_the_called_copies(case):
    if case == "one total":
        means = np.tile([1.0, 1.0], (4, 1))
        profile = profile_of(means, **ratio_and_baf(means, 0.8, 2.0))
    elif case == "one sample of two":
        means = np.concatenate([MEANS, MEANS])
        measured = ratio_and_baf(means, 0.8, 2.0)
        profile = profile_of(
            means, n_samples=2, **{k: np.where(np.arange(16) < 8, v, np.nan) for k, v in measured.items()}
        )
    else:
        means = MEANS
        profile = profile_of(MEANS)
    found, is_rounded = mean_copies(profile)
    assert is_rounded and (found == np.floor(means + 0.5)).all()


def test_neighbours_of_one_state_and_other_means_stay_apart():
    profile = CopyNumberProfile(
        ("s",), [0, 0], ("1", "1"), [0, 20 * MB], [20 * MB, 40 * MB], np.array([1.0, 1.0]), np.array([1.0, 1.0]),
        mean_major=np.array([1.0, 1.4]), mean_minor=np.ones(2),
    )  # fmt: skip
    assert len(consistent_segmentation(profile).chroms) == 1
    assert len(consistent_segmentation(profile, mean_copies(profile)[0]).chroms) == 2


def test_a_minor_clones_change_is_found_though_every_sample_is_called_without_it():
    """Clone B, at most 40 % of a sample, lost an allele of chromosome 4: all samples are called 1+1 there."""
    parents, names = np.array([-1, 0, 0]), ("trunk", "A", "B")
    proportions = np.array([[0.3, 0.2], [0.3, 0.6], [0.4, 0.2]])
    states = np.ones((3, 10, 2))
    states[:, 0, 0], states[:, 1, 1], states[1, 2, 0] = 2, 0, 2  # trunk, trunk, A
    states[2, 3, 1] = 0
    means = np.concatenate([np.einsum("k,kga->ga", share, states) for share in proportions.T])
    measured = [ratio_and_baf(part, purity, 2.1) for part, purity in zip(np.split(means, 2), (0.7, 0.45))]
    joined = {name: np.concatenate([part[name] for part in measured]) for name in ("log_ratio", "baf")}
    for given, is_found in (({}, False), (joined, True)):
        profile = profile_of(means, n_samples=2, **given)
        found = infer_clone_copy_number(profile, names, [(parents, 1.0, proportions)], profile.sample_names)
        chromosome = found.chroms.index("4")
        assert (found.change_probability[2, chromosome] > 0.8) == is_found
        assert (found.states[2, chromosome].tolist() == [1, 0]) == is_found
