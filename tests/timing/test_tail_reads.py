"""Reads of a leaf: a neutral tail or one prevalence, against direct sums, simulated reads and a patient's dates."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
from scipy.stats import betabinom
from test_timing import build

from phylometa.config import TimingSettings
from phylometa.timing import tail_reads
from phylometa.timing.infer import date_dissemination
from phylometa.timing.tail_reads import tail_log_odds

VAF = 0.35


def called(draw, n, rng, *, precision=1000.0, cut=0.0):
    """Alternate reads, reads and expected frequencies of n mutations of prevalences that `draw` gives, if called."""
    alt, total = [], []
    while len(alt) < n:
        p, depth = VAF * draw(), max(int(rng.poisson(100)), 1)
        reads = int(rng.binomial(depth, rng.beta(p * precision, (1 - p) * precision)))
        if reads >= 3 and reads / depth >= cut:
            alt.append(reads)
            total.append(depth)
    return np.array(alt, float), np.array(total, float), np.full(n, VAF)


def tail_prevalence(rng, end=0.4):
    """A prevalence of density 1 / F^2 between .004 and `end`."""
    return 1 / (1 / 0.004 - rng.random() * (1 / 0.004 - 1 / end))


def test_the_odds_equal_direct_sums(monkeypatch):
    monkeypatch.setattr(tail_reads, "_PRECISIONS", (300.0,))
    alt, depth = np.array([3.0, 5, 4, 9, 6, 14]), np.array([100.0, 90, 80, 120, 110, 100])
    grid = tail_reads._PREVALENCE
    ends = grid[tail_reads._FIRST_END :]
    clone, tail = np.zeros(len(grid)), np.zeros(len(ends))
    for a, n in list(zip(alt, depth))[1:]:  # the lowest frequency, .03, is the first's
        law = betabinom(n, VAF * grid * 300, (1 - VAF * grid) * 300)
        seen = law.sf(max(math.ceil(n * 0.03), 3) - 1)
        clone += np.log(law.pmf(a) / seen)
        for i, end in enumerate(ends):
            weight = (1 / grid) * (grid <= end)
            tail[i] += math.log((law.pmf(a) * weight).sum() / (seen * weight).sum())
    expected = math.log(np.exp(tail).mean()) - math.log(np.exp(clone).mean())
    assert tail_log_odds(alt, depth, np.full(6, VAF)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("cut", [0.0, pytest.param(0.05, marks=pytest.mark.system)])
def test_reads_tell_tails_from_clones_and_a_caller_that_cuts_deceives_nobody(cut):
    rng = np.random.default_rng(7)
    tails, clones = [], []
    for _ in range(40):
        end, own = rng.uniform(0.2, 0.5), rng.uniform(0.15, 0.5)
        options = {"precision": math.exp(rng.uniform(math.log(100), math.log(1000))), "cut": cut}
        tails.append(tail_log_odds(*called(partial(tail_prevalence, rng, end), 120, rng, **options)))
        clones.append(tail_log_odds(*called(partial(float, own), 120, rng, **options)))
    assert np.mean(np.array(tails) < -3) <= 0.05 and np.mean(np.array(clones) > 3) <= 0.05
    assert np.median(clones) < -5 and np.median(tails) > (3 if cut == 0 else 1)


def test_few_mutations_say_nothing():
    assert tail_log_odds(np.array([3.0, 4, 20]), np.full(3, 100.0), np.full(3, VAF)) == 0.0


def test_a_tail_by_its_reads_is_no_branch():
    """A large leaf in the metastasis, held for a clone before the reads: they decide whether it lengthens the way."""
    rng = np.random.default_rng(3)
    parts = build(
        sizes=(800, 150, 40, 210, 600), parents=(-1, 0, 0, 2, 2),
        proportions=((0, 0, 0), (1, 1, 0), (0, 0, 0.4), (0, 0, 0.48), (0, 0, 0.12)),
        edges=((0, 0, 1, 0), (0, 0, 2, 1), (2, 1, 3, 1), (2, 1, 4, 1)),
    )  # fmt: skip
    prevalences = {"tail": lambda: tail_prevalence(rng), "clone": lambda: 0.12}
    found = {}
    for name, before in (("tail", 0.02), ("clone", 0.02), ("tail", 0.98)):
        patient, ccf, clusters, *rest = parts
        rows = np.flatnonzero(clusters.labels == 4)
        alt, depth = patient.mutations.alt_counts.copy(), patient.mutations.depth.copy()
        alt[rows, 2], depth[rows, 2], _ = called(prevalences[name], len(rows), rng)
        mutations = dataclasses.replace(patient.mutations, alt_counts=alt, depth=depth)
        settings = TimingSettings(draws=2000, clock="snv", tail_probability=before)
        inputs = (patient.with_changes(mutations=mutations), ccf, clusters, *rest)
        result = date_dissemination(*inputs, settings=settings, rng=np.random.default_rng(1))
        row = next(row for row in result.intervals if row.model == "clock" and row.site == "liver")
        found[name, before] = row.founder.median
    assert found["tail", 0.02] == pytest.approx(found["tail", 0.98], abs=0.5)
    assert found["tail", 0.02] > found["clone", 0.02] + 1  # years
