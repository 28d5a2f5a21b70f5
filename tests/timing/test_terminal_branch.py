"""The unseen end of the branches, against rejection sampling of its model, and the allowances for differing ages."""

from __future__ import annotations

import numpy as np
import pytest

from phylometa.timing.terminal_branch import clone_deadlines, clone_heights, draw_full_branch

CHAIN = np.array([-1, 0, 1, 2])
STAR = np.array([-1, 0, 0, 0])
# 0 -> 1 -> 2, 1 -> 3, 0 -> 4
BUSHY = np.array([-1, 0, 1, 1, 0])


def draw(below, parents, *, n=6000, deadline=None, regularity=1.0, seed=1, trunk=100.0, acceleration=1.0):
    rng = np.random.default_rng(seed)
    last = np.full(len(parents), 60.0) if deadline is None else np.asarray(deadline)
    return draw_full_branch(
        np.repeat(np.asarray(below, dtype=float)[None], n, axis=0),
        parents,
        last,
        np.full(n, trunk),
        np.full(n, acceleration),
        regularity=regularity,
        quantile=rng.random(n),
    )[0]


def test_heights_and_deadlines():
    assert clone_heights(CHAIN).tolist() == [3, 2, 1, 0]
    assert clone_heights(BUSHY).tolist() == [2, 1, 0, 0, 0]
    found = clone_deadlines(BUSHY, np.array([np.nan, 64.0, 60.0, np.nan, 62.0]))
    assert found[:3].tolist() == [60.0, 60.0, 60.0]
    assert np.isnan(found[3])
    assert found[4] == 62.0


def test_star_and_chain_are_pareto():
    # Founding times uniform on the branch: P(B > x deepest) = x^-K for K clones on a star, and for a chain of K.
    for parents, below in ((STAR, [0, 10, 30, 20]), (CHAIN, [0, 5, 11, 30])):
        ratio = draw(below, parents) / 30
        for x in (1.1, 1.5, 2.0):
            assert (ratio > x).mean() == pytest.approx(x**-3, abs=0.02)


@pytest.mark.slow
def test_posterior_agrees_with_rejection_sampling():
    # Scale-free check: draw B from a log-uniform prior, place the clones by the model, keep those near the data.
    rng = np.random.default_rng(2)
    regularity, below = 2.0, np.array([0.0, 20.0, 40.0, 30.0, 25.0])
    heights = clone_heights(BUSHY)
    kept = []
    for _ in range(6):
        n = 1_000_000
        branch = np.exp(rng.uniform(np.log(30), np.log(400), n))
        node = np.zeros((n, 5))
        alive = np.ones(n, dtype=bool)
        for v in (1, 2, 3, 4):
            start = node[:, BUSHY[v]]
            node[:, v] = start + (branch - start) * rng.beta(regularity, regularity * (heights[v] + 1), n)
            alive &= np.abs(node[:, v] - below[v]) < 4
        kept.append(branch[alive])
    expected = np.concatenate(kept)
    assert len(expected) > 300
    found = draw(below, BUSHY, regularity=regularity)
    assert np.quantile(found, [0.25, 0.5, 0.75]) == pytest.approx(np.quantile(expected, [0.25, 0.5, 0.75]), rel=0.08)


def test_branch_is_never_shorter_than_the_deepest_clone():
    found = draw([0, 5, 11, 30], CHAIN, regularity=3.0)
    assert found.min() >= 30
    assert np.isfinite(found).all()


def test_an_early_sample_bounds_the_rate():
    # A deep clone sampled ten years before the last sample: the branch to the last must be longer still.
    same = draw([0, 30, 29, 10], STAR)
    early = draw([0, 30, 29, 10], STAR, deadline=[50.0, 50.0, 50.0, 60.0])
    assert np.median(early) > 1.1 * np.median(same)


def test_no_clone_below_the_root():
    assert np.isnan(draw([0.0], np.array([-1]), n=3)).all()
    assert np.isnan(draw([0.0, 1.0], np.array([-1, 0]), n=3, deadline=[60.0, np.nan])).all()


def test_evidence_is_the_density_of_the_depths():
    # Two clones on a star, k = 1: the density is the integral of dB / B^3 above the deeper clone, 1 / (2 d^2).
    depths = np.array([[0.0, 10.0, 4.0], [0.0, 20.0, 9.0], [0.0, 40.0, 40.0]])
    _, evidence = draw_full_branch(
        depths,
        np.array([-1, 0, 0]),
        np.full(3, 60.0),
        np.full(3, 100.0),
        np.ones(3),
        regularity=1.0,
        quantile=np.full(3, 0.5),
    )
    assert np.exp(evidence[0] - evidence[1]) == pytest.approx(4, rel=1e-6)
    assert np.exp(evidence[1] - evidence[2]) == pytest.approx(4, rel=1e-6)


def test_quantile_is_monotone():
    quantile = np.linspace(0.01, 0.99, 25)
    found = draw_full_branch(
        np.repeat([[0.0, 5.0, 11.0, 30.0]], 25, axis=0),
        CHAIN,
        np.full(4, 60.0),
        np.full(25, 100.0),
        np.ones(25),
        regularity=1.0,
        quantile=quantile,
    )[0]
    assert (np.diff(found) <= 0).all()
