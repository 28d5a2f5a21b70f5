"""Neutral tails as evidence: a branching process, quadrature, simulation from the prior, and a patient's dates."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom, chisquare, nbinom
from test_joint_times import MOVES, NARROW, PARENTS, SITES, evidence, history, lesion, simulate
from test_timing import build

from phylometa.config import TimingSettings
from phylometa.timing.growth_evidence import _DOUBLINGS, GRID, PACES
from phylometa.timing.infer import date_dissemination
from phylometa.timing.joint_model import Tail, draw_times
from phylometa.timing.tips import tail_window


def prevalences_of_mutations(birth, death, pace, cells, rng):
    """Prevalence of every mutation in a population grown from one cell by birth and death, with `pace` per lifetime."""
    while True:
        parent, began, length, alive = [-1], [0.0], [0.0], [0]
        now = 0.0
        while 0 < len(alive) < cells:
            now += rng.exponential(1 / ((birth + death) * len(alive)))
            i = int(rng.random() * len(alive))
            node = alive[i]
            alive[i] = alive[-1]
            alive.pop()
            length[node] = now - began[node]
            if rng.random() < birth / (birth + death):
                for _ in range(2):
                    alive.append(len(parent))
                    parent.append(node)
                    began.append(now)
                    length.append(0.0)
        if alive:
            break
    below = np.zeros(len(parent))
    for node in alive:
        length[node] = now - began[node]
        below[node] = 1
    for node in range(len(parent) - 1, 0, -1):
        below[parent[node]] += below[node]
    return np.repeat(below / len(alive), rng.poisson(pace * np.array(length)))


@pytest.mark.parametrize(("birth", "death"), [(1.0, 0.0), (1.0, 0.4)])
def test_a_branching_process_has_the_expected_number(birth, death):
    """(m / r) (1 / F1 - 1 / F2), whatever the share of cells that die."""
    rng = np.random.default_rng(6)
    pace, low, high = 2.0, 0.02, 0.2
    found = []
    for _ in range(60):
        x = prevalences_of_mutations(birth, death, pace, 1500, rng)
        found.append(((x > low) & (x <= high)).sum())
    expected = pace / (birth - death) * (1 / low - 1 / high)
    assert np.mean(found) == pytest.approx(expected, rel=0.12)
    # Beyond counts, populations differ by chance of their first cells: less than the default spread of .5.
    assert np.std(found) / np.mean(found) < 0.5


def test_the_window_is_that_of_the_reads():
    patient, ccf, *_ = build()
    depth, vaf = int(patient.mutations.depth[0, 2]), float(ccf.vaf_per_ccf[0, 2])
    f = np.linspace(0.004, 0.4, 20_001)
    exact = float(np.mean(binom.sf(2, depth, vaf * f) / f**2) * (0.4 - 0.004))
    assert tail_window(patient.mutations, ccf, 2) == pytest.approx(exact, rel=0.01)
    least = math.ceil(0.06 * depth)
    exact = float(np.mean(binom.sf(least - 1, depth, vaf * f) / f**2) * (0.4 - 0.004))
    assert tail_window(patient.mutations, ccf, 2, 0.06) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("model", ["exponential", "gompertz"])
def test_the_table_equals_quadrature(model):
    own = lesion(dormancy_probability=0.0)
    table = own.tail_table(60, 8.0, 0.5, model)
    assert table.shape == (len(PACES), len(GRID)) and (table <= 0).all()
    i, j = 30, int(np.searchsorted(GRID, 7.0))
    days = own.doubling_days
    weight = np.exp(-0.5 * _DOUBLINGS**2) * np.exp(own.log_likelihood_grid(GRID[j : j + 1], model)[0])
    rate = math.log(2) * 365.25 / days
    if model == "gompertz":  # ln N = ln K (1 - exp(-b t)): the first cells grow at b ln K
        early = own.log_cells(np.array(1e-6), days, model) / 1e-6
        rate = early
    mean = PACES[i] * 8.0 / rate
    p = nbinom.pmf(60, 4.0, 4.0 / (4.0 + mean))
    assert table[i, j] == pytest.approx(math.log((weight * p).sum() / weight.sum()), abs=0.02)


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform():
    """Simulation-based calibration with a tail in the metastasis: a chi-square at the 1 in 10,000 level per number."""
    rng = np.random.default_rng(12)
    growth, window, spread = lesion(), 8.0, 0.5
    prior = dataclasses.replace(NARROW, tail_probability=1 - 1e-9)
    nodes = history((*PARENTS, 2), MOVES, (*SITES, 1))
    proportions = np.array([[[0.3, 0.0], [0.7, 0.0], [0.0, 0.2], [0.0, 0.3], [0.0, 0.4], [0.0, 0.1]]])
    ranks: dict[str, list[float]] = {}
    widths = []
    while len(widths) < 240:
        truth, counts, sizes = simulate(rng, prior, growth)
        if not (truth["grown"] > 0.02 and 0.05 < sizes[0] < 1e3):
            continue
        pace = truth["before"] * truth["speed"] * truth["rate"]
        mean = pace * window * truth["doubling"] / (math.log(2) * 365.25)
        n = int(rng.poisson(mean * rng.gamma(1 / spread**2, spread**2)))
        known = evidence(
            [*counts, n], lesions=(lesion(diameters_cm=sizes),), tails=(Tail(5, "m1", n, window),),
            tail_spread=spread, tail_prevalence=0.2,
        )  # fmt: skip
        seed = int(rng.integers(1 << 30))
        drawn, alone = (
            draw_times([nodes], x, prior, proportions, draws=1200, rng=np.random.default_rng(seed))
            for x in (known, dataclasses.replace(known, tails=()))
        )
        widths.append([np.std(np.log(x.acceleration * x.site_rate["m1"])) for x in (drawn, alone)])
        ages = drawn.migrations[1, 2][1]
        posterior = {
            "root": drawn.root_age, "founder": ages[:, 1], "arrival": ages[:, 2], "speed": drawn.acceleration,
            "rate": drawn.site_rate["m1"],
        }  # fmt: skip
        for name, values in posterior.items():
            ranks.setdefault(name, []).append(float((values < truth[name]).mean()))
    for name, found in ranks.items():
        bins = np.bincount(np.minimum((10 * np.array(found)).astype(int), 9), minlength=10)
        assert chisquare(bins).pvalue > 1e-4, (name, bins.tolist())
    with_tail, without = np.mean(widths, axis=0)
    assert with_tail < without  # the pace in the metastasis is told better


def test_a_large_tail_speaks_for_a_fast_clock():
    proportions = ((0, 0, 0), (1, 1, 0), (0, 0, 0.4), (0, 0, 0.5), (0, 0, 0.1))
    found = {}
    for n in (60, 1500):
        inputs = build(
            sizes=(800, 150, 40, 210, n), parents=(-1, 0, 0, 2, 2), proportions=proportions,
            edges=((0, 0, 1, 0), (0, 0, 2, 1), (2, 1, 3, 1), (2, 1, 4, 1)),
        )  # fmt: skip
        settings = TimingSettings(draws=1500, clock="snv", tail_counts=True, tail_probability=0.99)
        result = date_dissemination(*inputs, settings=settings, rng=np.random.default_rng(1))
        found[n] = {row.model: row.estimate.median for row in result.rates if row.name == "acceleration"}
    assert found[1500]["joint"] > 1.15 * found[60]["joint"]
    assert found[1500]["clock"] == pytest.approx(found[60]["clock"], rel=0.1)  # without growth a count says nothing
