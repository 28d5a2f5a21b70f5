"""Genome doubling by model comparison: simulated histories, calibration, and what samples of one patient share."""

import numpy as np
import pytest

from phylometa.copy_number.doubling import PRIOR, arm_states, doubling_probabilities, log_doubling_odds
from phylometa.model.patient import CopyNumberProfile

ARMS = [
    (str(chrom), start, end) for chrom in range(1, 21) for start, end in ((0, 10_000_000), (120_000_000, 130_000_000))
]


def phase(copies, gain, loss, rng):
    """One phase of single events, event by event (not the matrix of the module)."""
    out = []
    for c in copies:
        u = rng.random()
        if c and u < loss:
            c -= 1
        elif c and u < loss + gain:
            c += 1
            while rng.random() < 0.35:
                c += 1
        out.append(c)
    return np.array(out)


def alleles(doubled, rates, rng, n=40):
    copies = phase(np.ones(n, dtype=int), *rates[0], rng)
    return phase(2 * copies, *rates[1], rng) if doubled else copies


def profile(pairs_of_samples):
    rows = [
        (s, chrom, start, end, max(pair), min(pair))
        for s, pairs in enumerate(pairs_of_samples)
        for (chrom, start, end), pair in zip(ARMS, pairs)
    ]
    return CopyNumberProfile(tuple(f"s{i}" for i in range(len(pairs_of_samples))), *zip(*rows))


def test_probabilities_are_calibrated_on_simulated_histories():
    rng = np.random.default_rng(7)
    told, truth = [], []
    choices = (0.01, 0.03, 0.08, 0.15, 0.25, 0.4)
    for _ in range(400):
        doubled = rng.random() < PRIOR
        rates = rng.choice(choices, size=(2, 2))
        a, b = (alleles(doubled, rates, rng) for _ in range(2))
        odds = log_doubling_odds(a, b) + np.log(PRIOR / (1 - PRIOR))
        told.append(1 / (1 + np.exp(-odds)))
        truth.append(doubled)
    told, truth = np.array(told), np.array(truth)
    assert ((told > 0.5) == truth).mean() > 0.93
    bins = np.digitize(told, [0.2, 0.5, 0.8])
    error = sum((bins == k).mean() * abs(told[bins == k].mean() - truth[bins == k].mean()) for k in set(bins.tolist()))
    assert error < 0.05


def test_a_doubling_that_all_samples_share_is_one_observation():
    rng = np.random.default_rng(2)
    rates = [(0.08, 0.15), (0.08, 0.15)]
    a, b = (alleles(True, rates, rng) for _ in range(2))
    once = doubling_probabilities(profile([list(zip(a, b))]))
    thrice = doubling_probabilities(profile([list(zip(a, b))] * 3))
    assert thrice == pytest.approx(np.repeat(once, 3))
    flat = [(1, 1)] * len(ARMS)
    mixed = doubling_probabilities(profile([[(2, 2)] * len(ARMS), flat, flat]))
    assert mixed[0] > 0.95 and (mixed[1:] < 0.05).all()


def test_the_state_of_most_of_an_arm_counts():
    columns = list(zip((0, "1", 0, 30_000_000, 2, 1), (0, "1", 30_000_000, 123_000_000, 1, 0), (0, "X", 0, 9, 5, 5)))
    first, second = arm_states(CopyNumberProfile(("s",), *columns), 0)
    assert (first.tolist(), second.tolist()) == ([1], [0])


def test_without_alleles_there_is_no_answer():
    unknown = np.full(1, np.nan)
    totals = CopyNumberProfile(("s",), [0], ("1",), [0], [10], unknown, unknown, total=np.array([4.0]))
    assert np.isnan(doubling_probabilities(totals)).all()
