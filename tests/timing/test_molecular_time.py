"""Clock counts of clones: redrawn assignments, detection, lengths; draws over histories."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import MutationTable
from phylometa.timing.molecular import (
    CloneClock,
    allocate_draws,
    assignment_counts,
    clone_clock,
    clone_detection,
    draw_lengths,
)


def parts(n=40, probability=1.0, depth=100):
    labels = np.repeat([0, 1], n // 2)
    prevalence = np.array([[1.0], [0.2]])
    alt = np.where(labels == 0, depth * 0.4, depth * 0.08).astype(int)[:, None]
    mutations = MutationTable(tuple(map(str, range(n))), ("s",), alt, np.full((n, 1), depth))
    one = np.ones((n, 1))
    ccf = CcfTable(one, one, one, one, 0.4 * one, one)
    clusters = Clustering(
        ("1", "2"), labels, np.full(n, probability), prevalence, prevalence, prevalence, prevalence, prevalence
    )
    return mutations, ccf, clusters, prevalence


def test_certain_assignments_do_not_move():
    mutations, ccf, clusters, _ = parts()
    counts = assignment_counts(mutations, ccf, clusters, np.arange(40) < 30, replicates=5, rng=np.random.default_rng(1))
    assert (counts == [20, 10]).all()


def test_doubtful_assignments_move_by_their_probability():
    mutations, ccf, clusters, _ = parts(n=400, probability=0.7)
    counts = assignment_counts(
        mutations, ccf, clusters, np.ones(400, dtype=bool), replicates=300, rng=np.random.default_rng(1)
    )
    assert (counts.sum(axis=1) == 400).all()
    # 60 of each 200 move to the other cluster: the mean stays, the variance is that of two binomials.
    assert counts[:, 0].mean() == pytest.approx(200, abs=2)
    assert counts[:, 0].var() == pytest.approx(2 * 200 * 0.21, rel=0.3)


def test_clone_detection_is_the_mean_power():
    mutations, ccf, _, prevalence = parts()
    from phylometa.reads.detection import detection_power

    found = clone_detection(mutations, ccf, prevalence)
    assert found == pytest.approx([1.0, float(detection_power(100, 0.08))], abs=1e-6)
    empty = mutations.take(np.zeros(0, dtype=int))
    assert clone_detection(empty, ccf, prevalence).tolist() == [1.0, 1.0]


def test_clone_clock_pads_an_artificial_root():
    mutations, ccf, clusters, _ = parts()
    prevalence = np.array([[1.0], [0.2], [1.0]])
    clock = clone_clock(mutations, ccf, clusters, 3, prevalence, np.ones(40, dtype=bool), rng=np.random.default_rng(1))
    assert clock.counts[0].tolist() == [20, 20, 0]
    assert clock.detection.min() >= 0.2


def test_artefacts_and_tails_are_no_clock():
    mutations, ccf, clusters, prevalence = parts(probability=0.9)
    kind = np.zeros(40, dtype=int)
    kind[:3], kind[20:25] = 1, 2
    clusters = dataclasses.replace(clusters, kind=kind)
    rng = np.random.default_rng(1)
    clock = clone_clock(mutations, ccf, clusters, 2, prevalence, np.ones(40, dtype=bool), rng=rng)
    assert clock.counts[0].tolist() == [17, 15] and (clock.counts.sum(axis=1) == 32).all()


def test_lengths_are_gamma_scaled_by_detection():
    clock = CloneClock(np.array([[100, 0], [100, 0]]), np.array([0.5, 1.0]))
    drawn = draw_lengths(clock, 20000, rng=np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx([201, 0.5], rel=0.03)
    assert drawn[:, 0].std() == pytest.approx(np.sqrt(100.5) / 0.5, rel=0.03)
    fixed = draw_lengths(clock, 3, rng=np.random.default_rng(1), counts=False, reads=False)
    assert fixed.tolist() == [[201.0, 0.5]] * 3


def test_allocate_draws():
    rng = np.random.default_rng(1)
    assert allocate_draws([0.5, 0.25, 0.25], 100, rng=rng).tolist() == [50, 25, 25]
    many = allocate_draws(np.full(7, 1 / 7), 100, rng=rng)
    assert many.sum() == 100
    assert set(many.tolist()) <= {14, 15}
