"""Two clocks in one posterior: quadrature, simulation from its own prior, and what a patient with contexts shows."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import chisquare, gamma, norm
from test_joint_times import AGE, MOVES, NARROW, PARENTS, SITES, draw, evidence, history, simulate
from test_timing import build

from phylometa.config import TimingSettings
from phylometa.timing.calendar_rules import select_clock
from phylometa.timing.infer import date_dissemination
from phylometa.timing.joint_model import Prior
from phylometa.timing.molecular import CloneClock

CPG, OTHER = ("C", "T", "ACG"), ("C", "A", "ACA")


def second_clock(counts):
    counts = np.array(counts, dtype=np.int64)
    return CloneClock(np.stack([counts, counts]), np.ones(len(counts)))


def gap_density(prior, z):
    """Density on a grid of the log of the second clock's rate over the first's on a branch, its ratio left out.

    A normal gap plus the log of a Gamma of mean 1, whose coefficient of variation is half-normal: both summed out.
    """
    spreads = prior.unevenness_scale * (np.arange(200) + 0.5) / 200 * 4
    weight = np.exp(-0.5 * (spreads / prior.unevenness_scale) ** 2)
    gap = norm.pdf(z[:, None] - z[None, :], scale=prior.gap_sigma) * (z[1] - z[0])
    found = np.zeros(len(z))
    for spread, w in zip(spreads, weight / weight.sum()):
        own = gamma.pdf(np.exp(z), 1 / spread**2, scale=spread**2) * np.exp(z)
        found += w * (gap @ (own / max(own.sum(), 1e-300)))
    return found


def exact_root_age(counts, others, prior, ages):
    """Posterior of the root's age on a grid for one clone below it; the rates before transformation summed out."""
    t, x = ages[:, None], (np.arange(400) + 0.5)[None, :] / 400
    first = prior.acceleration_median * x * (AGE - t)
    log_first = counts[0] * np.log(t) + counts[1] * np.log(first) - sum(counts) * np.log(t + first)
    z = np.linspace(-4, 4, 401)
    weight = gap_density(prior, z)
    log_second = np.empty((len(ages), 400))
    for i in range(len(ages)):
        faster = first[i][:, None] * np.exp(z)[None, :]
        value = others[0] * np.log(ages[i]) + others[1] * np.log(faster) - sum(others) * np.log(ages[i] + faster)
        top = value.max(axis=1, keepdims=True)
        log_second[i] = np.log(np.exp(value - top) @ weight) + top[:, 0]
    log_density = log_first + log_second - np.log(t) - np.log(AGE - t)
    density = np.exp(log_density - log_density.max()).sum(axis=1)
    return density / density.sum()


@pytest.mark.parametrize(("others", "scale"), [((160, 80), 0.3), ((160, 80), 0.01), ((300, 20), 0.3)])
def test_one_clone_equals_quadrature(others, scale):
    """Few mutations at CpG, more of the second clock: both counts pull on the same two ages."""
    prior = Prior(
        acceleration_sigma=1e-6, spread_scale=1e-6, rate_sigma=8.0, ratio_sigma=8.0, gap_sigma=0.4,
        unevenness_scale=scale,
    )  # fmt: skip
    nodes = history((-1, 0), ((1, 1, 0, 0),), (0, 1))
    counts = (20, 12)
    drawn = draw(nodes, evidence(counts, second=second_clock(others)), prior, 5000)
    alone = draw(nodes, evidence(counts), prior, 5000)
    ages = np.linspace(2.0, 59.9, 240)
    exact = np.cumsum(exact_root_age(counts, others, prior, ages))
    for level in (0.1, 0.5, 0.9):
        expected = ages[np.searchsorted(exact, level)]
        assert (drawn.root_age <= expected).mean() == pytest.approx(level, abs=0.04)
    # A branch over the trunk: sqrt(1/12 + 1/20) = .37 by the first clock alone; less if the second agrees, else more.
    spread = [np.std(np.log(x.nodes[:, 1] / x.nodes[:, 0] - 1)) for x in (alone, drawn)]
    assert spread[0] == pytest.approx(0.37, rel=0.15)
    assert spread[1] < 0.9 * spread[0] if others == (160, 80) else spread[1] > spread[0]
    assert drawn.second_acceleration.shape == drawn.rate.shape and not len(alone.second_rate)


def second_counts(truth, lengths, prior, rng):
    """Counts of the second clock drawn from its prior, given what the first drew; the truth of its numbers."""
    ratio = prior.ratio_median * math.exp(prior.ratio_sigma * rng.standard_normal())
    gap = math.exp(prior.gap_sigma * rng.standard_normal())
    spread = abs(prior.unevenness_scale * rng.standard_normal())
    own = np.array([truth["speed"], truth["speed"], *[truth["speed"] * truth["rate"]] * 3])
    pace = truth["before"] * ratio * np.where(np.array(PARENTS) < 0, 1.0, own * gap)
    pace[1:] *= rng.gamma(1 / spread**2, spread**2, len(PARENTS) - 1)
    return rng.poisson(pace * lengths), {"ratio": ratio, "gap": gap}


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform():
    """Simulation-based calibration with both clocks: a chi-square over ten bins at the 1 in 10,000 level per number."""
    prior = dataclasses.replace(NARROW, ratio_median=3.0, ratio_sigma=0.5, gap_sigma=0.5, unevenness_scale=0.3)
    rng = np.random.default_rng(8)
    nodes = history(PARENTS, MOVES, SITES)
    found: dict[str, list[float]] = {}
    for _ in range(300):
        truth, counts, _ = simulate(rng, prior)
        others, more = second_counts(truth, truth["lengths"], prior, rng)
        known = evidence(counts, second=second_clock(others))
        drawn = draw(nodes, known, prior, 1200, seed=int(rng.integers(1 << 30)))
        ages = drawn.migrations[1, 2][1]
        posterior = {
            "root": drawn.root_age, "founder": ages[:, 1], "tip": drawn.nodes[:, 4], "arrival": ages[:, 2],
            "speed": drawn.acceleration, "rate": drawn.site_rate["m1"], "ratio": drawn.second_rate / drawn.rate,
            "gap": drawn.second_acceleration / drawn.acceleration,
        }  # fmt: skip
        for name, values in posterior.items():
            found.setdefault(name, []).append(float((values < {**truth, **more}[name]).mean()))
    for name, ranks in found.items():
        bins = np.bincount(np.minimum((10 * np.array(ranks)).astype(int), 9), minlength=10)
        assert chisquare(bins).pvalue > 1e-4, (name, bins.tolist())


def with_two_classes(inputs, every=6):
    """The toy patient with one mutation in `every` C>T at CpG, the others C>A."""
    patient, *rest = inputs
    kinds = [CPG if i % every == 0 else OTHER for i in range(patient.mutations.n_mutations)]
    refs, alts, contexts = zip(*kinds)
    mutations = dataclasses.replace(patient.mutations, refs=refs, alts=alts, contexts=contexts)
    return patient.with_changes(mutations=mutations), *rest


def test_the_second_clock_runs_where_contexts_are_known():
    patient, *rest = with_two_classes(build())
    choice = select_clock(patient, settings=TimingSettings())
    assert (choice.name, int(choice.is_clock.sum()), int(choice.is_second.sum())) == ("cpg+other", 200, 1000)
    assert select_clock(patient, settings=TimingSettings(clock="cpg")).is_second is None
    blank = patient.with_changes(mutations=dataclasses.replace(patient.mutations, contexts=()))
    assert select_clock(blank, settings=TimingSettings()).is_second is None
    found = date_dissemination(patient, *rest, settings=TimingSettings(draws=800), rng=np.random.default_rng(1))
    assert {"joint", "clock", "clock_cpg"} <= {row.model for row in found.intervals}
    rates = {row.name: row.estimate.median for row in found.rates if row.model == "clock"}
    assert rates["second_before"] / rates["before"] == pytest.approx(5, rel=0.25)
    assert rates["second_acceleration"] / rates["acceleration"] == pytest.approx(1, rel=0.3)
    alone = date_dissemination(
        patient, *rest, settings=TimingSettings(draws=800, clock="cpg"), rng=np.random.default_rng(1)
    )
    assert "clock_cpg" not in {row.model for row in alone.intervals}
    assert not any(row.name.startswith("second") for row in alone.rates)
