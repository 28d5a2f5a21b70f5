"""The one posterior of times against simulation from its own prior, quadrature, and closed forms as its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from clock_oracle import accelerated_ages, strict_clock_ages

from phylometa.model.clone_tree import ancestor_matrix, preorder
from phylometa.timing.growth import DAYS_PER_YEAR
from phylometa.timing.growth_evidence import GRID, LesionEvidence, draw_growth
from phylometa.timing.joint_dates import mix_models
from phylometa.timing.joint_model import Evidence, Prior, Stamp, TimeDraws, draw_times, lineages_of
from phylometa.timing.molecular import CloneClock, HistoryNodes
from phylometa.timing.tips import clone_heights

AGE = 60.0


def history(parents, moves, sites):
    """A history of clones each observed in its site (index); the primary is site 0."""
    presence = np.zeros((len(parents), max(sites) + 1), dtype=bool)
    presence[np.arange(len(parents)), sites] = True
    ancestors = ancestor_matrix(np.array(parents)).astype(float)
    return HistoryNodes(0, 1.0, ancestors, np.array(parents), presence, tuple(moves))


def evidence(counts, n_sites=2, ages=None, **options):
    counts = np.array(counts, dtype=np.int64)
    rows = np.stack([counts, counts])
    names = ("primary", *(f"m{i}" for i in range(1, n_sites)))
    site_age = np.full(n_sites, AGE) if ages is None else np.array(ages, dtype=float)
    return Evidence(CloneClock(rows, np.ones(len(counts))), site_age, names, 0, **options)


def draw(nodes, known, prior, n, seed=1):
    proportions = np.ones((1, len(nodes.parents), 1))
    return draw_times([nodes], known, prior, proportions, draws=n, rng=np.random.default_rng(seed))


def lesion(**changes):
    options = {
        "site": "m1", "age": AGE, "years_before": (0.0,), "diameters_cm": (2.0,), "relative_sd": 0.1,
        "doubling_median": 80.0, "doubling_sigma": 0.4, "capacity": 1e12, "dormancy_probability": 0.2,
        "dormancy_years": 3.0, "least_cm": 0.5, "is_measured": True,
    }  # fmt: skip
    return LesionEvidence(**{**options, **changes})


PARENTS = (-1, 0, 0, 2, 2)
MOVES = ((1, 2, 0, 0),)
SITES = (0, 0, 1, 1, 1)
NARROW = Prior(rate_median=5.0, rate_sigma=0.5, spread_scale=0.3, root_range=(0.2, 0.98))


def simulate(rng, prior, growth=None):
    """Times, rates, counts, and the size of the metastasis, drawn from the prior."""
    low, high = (math.log(x / (1 - x)) for x in prior.root_range)
    times = np.empty(len(PARENTS))
    heights = clone_heights(np.array(PARENTS))
    for v in preorder(np.array(PARENTS)):
        if v == 0:
            times[0] = AGE / (1 + math.exp(-rng.uniform(low, high)))
        else:
            start = times[PARENTS[v]]
            times[v] = start + (AGE - start) * rng.beta(prior.regularity, prior.regularity * (heights[v] + 1))
    rate = prior.rate_median * math.exp(prior.rate_sigma * rng.standard_normal())
    speed = prior.acceleration_median * math.exp(prior.acceleration_sigma * rng.standard_normal())
    spread = abs(prior.spread_scale * rng.standard_normal())
    own = math.exp(spread * rng.standard_normal())
    lengths = np.array([times[v] - (times[PARENTS[v]] if v else 0.0) for v in range(len(PARENTS))])
    pace = rate * np.array([1.0, speed, speed * own, speed * own, speed * own])
    arrival = times[0] + rng.random() * (times[2] - times[0])
    found = {"root": times[0], "founder": times[2], "tip": times[4], "arrival": arrival, "speed": speed, "rate": own}
    found |= {"before": rate, "lengths": lengths}
    if growth is None:
        return found, rng.poisson(pace * lengths), ()
    rest = rng.exponential(growth.dormancy_years) if rng.random() < growth.dormancy_probability else 0.0
    doubling = growth.doubling_median * math.exp(growth.doubling_sigma * rng.standard_normal())
    grown = AGE - arrival - rest
    cells = float(growth.log_cells(np.array(grown), np.array(doubling), "exponential"))
    density = math.log(1e8) + math.log(10) * rng.random()
    size = math.exp((cells - density - math.log(math.pi / 6)) / 3 + growth.relative_sd * rng.standard_normal())
    return {**found, "rest": rest, "doubling": doubling, "grown": grown}, rng.poisson(pace * lengths), (size,)


def ranks(prior, growth, n, seed):
    """Rank of every true value among 99 draws of its posterior, by name."""
    rng = np.random.default_rng(seed)
    nodes = history(PARENTS, MOVES, SITES)
    found = {}
    done = 0
    while done < n:
        truth, counts, sizes = simulate(rng, prior, growth)
        # Conditioned on a lesion that began to grow and is between .5 mm and 10 m: the posterior is that of any size.
        if growth is not None and not (truth["grown"] > 0.02 and 0.05 < sizes[0] < 1e3):
            continue
        done += 1
        lesions = () if growth is None else (lesion(diameters_cm=sizes),)
        drawn = draw(nodes, evidence(counts, lesions=lesions), prior, 1200, seed=int(rng.integers(1 << 30)))
        ages = drawn.migrations[1, 2][1]
        posterior = {
            "root": drawn.root_age, "founder": ages[:, 1], "tip": drawn.nodes[:, 4], "arrival": ages[:, 2],
            "speed": drawn.acceleration, "rate": drawn.site_rate["m1"],
        }  # fmt: skip
        if growth is not None:
            years = np.maximum(AGE - drawn.first_arrival(1), 1e-6)
            _, posterior["doubling"] = draw_growth(lesions[0], years, "exponential", rng=rng)
        for name, values in posterior.items():
            found.setdefault(name, []).append(float((values < truth[name]).mean()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("growth", [None, lesion()], ids=["clock", "clock and growth"])
def test_ranks_of_the_truth_are_uniform(growth):
    """Simulation-based calibration: rank histograms in ten bins, a chi-square at the 1 in 10,000 level per number."""
    from scipy.stats import chisquare

    for name, values in ranks(NARROW, growth, 300, 5).items():
        bins = np.bincount(np.minimum((10 * np.array(values)).astype(int), 9), minlength=10)
        assert chisquare(bins).pvalue > 1e-4, (name, bins.tolist())


def chain(n, branch):
    """A primary of one dense chain of clones below the root: the last is all but the sampling itself."""
    parents = (-1, *range(n))
    nodes = history(parents, (), (0,) * (n + 1))
    return nodes, branch // n


@pytest.mark.parametrize("acceleration", [(1.0, 1e-6), (5.0, 0.4)], ids=["strict", "accelerated"])
def test_dense_clones_give_the_closed_forms(acceleration):
    """tau = 800, b = 200, A = 60, without acceleration and with the lognormal prior carried through."""
    nodes, each = chain(20, 200)
    known = evidence([800, *[each] * 20], n_sites=1)
    prior = Prior(acceleration_median=acceleration[0], acceleration_sigma=acceleration[1])
    found = np.quantile(draw(nodes, known, prior, 1500).root_age, [0.025, 0.5, 0.975])
    if acceleration[0] == 1.0:
        expected = strict_clock_ages(60, 800, 200)
        assert expected == pytest.approx([46.46, 47.99, 49.43], abs=0.005)
    else:
        rng = np.random.default_rng(2)
        expected = accelerated_ages(60, 800, 200, median=5.0, sigma=0.4, draws=400_000, rng=rng)
        assert expected == pytest.approx([54.00, 57.14, 58.68], abs=0.015)
    # One clone of 21 is still to come, so the branch is a twentieth longer than seen.
    assert found == pytest.approx(expected, abs=1.0)


def exact_root_age(counts, growth, prior, ages):
    """Posterior of the root's age on a grid for one clone below it, with a fixed acceleration and one rate."""
    t, x, p = ages[:, None, None], (np.arange(2000) + 0.5)[None, :, None] / 2000, np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    founder = t + x * (AGE - t)
    speed, n = prior.acceleration_median, sum(counts)
    exposure = t + speed * (founder - t)
    # The rate before transformation has a wide prior: integrated as 1 / rate.
    log_density = counts[0] * np.log(t) + counts[1] * np.log(speed * (founder - t)) - n * np.log(exposure)
    log_density = log_density - np.log(t) - np.log(AGE - t)
    if growth is not None:
        years = AGE - (t + p[None, None, :] * (founder - t))
        log_density = log_density + np.interp(np.log(years), np.log(GRID), growth.arrival_table("exponential"))
    density = np.exp(log_density - log_density.max()).sum(axis=(1, 2))
    return density / density.sum()


@pytest.mark.parametrize("growth", [None, lesion()], ids=["clock", "clock and growth"])
def test_one_clone_equals_quadrature(growth):
    prior = Prior(acceleration_sigma=1e-6, spread_scale=1e-6, rate_sigma=8.0, root_range=(0.02, 0.999))
    nodes = history((-1, 0), ((1, 1, 0, 0),), (0, 1))
    known = evidence([400, 60], lesions=() if growth is None else (growth,))
    drawn = draw(nodes, known, prior, 4000)
    ages = np.linspace(2.0, 59.9, 300)
    exact = exact_root_age([400, 60], growth, prior, ages)
    for level in (0.1, 0.5, 0.9):
        expected = ages[np.searchsorted(np.cumsum(exact), level)]
        assert (drawn.root_age <= expected).mean() == pytest.approx(level, abs=0.05)


def test_a_stamp_moves_a_node_behind_its_exposure():
    nodes = history(PARENTS, MOVES, SITES)
    counts = [300, 60, 40, 30, 50]
    without = draw(nodes, evidence(counts), Prior(), 1500)
    age = float(np.median(without.nodes[:, 2]))
    stamped = draw(nodes, evidence(counts, stamps=(Stamp(2, age, 6.0),)), Prior(), 1500)
    assert (without.nodes[:, 2] > age).mean() == pytest.approx(0.5, abs=0.02)
    assert (stamped.nodes[:, 2] > age).mean() > 0.98
    assert np.median(stamped.nodes[:, 4]) > np.median(without.nodes[:, 4])


def test_serial_samples_teach_the_rate():
    """300 mutations at the first sampling, 500 four years later: six years from divergence to the first (4.3 to 9)."""
    n = 15
    parents = [-1, *range(n), 0, *range(n + 1, 2 * n)]
    nodes = history(parents, ((1, n + 1, 0, 0),), [0] * (n + 1) + [1] * n)
    counts = [800, *[20] * n, *[500 // n] * n]
    wide = Prior(acceleration_sigma=2.0, spread_scale=1e-6)
    drawn = draw(nodes, evidence(counts, ages=(56.0, 60.0)), wide, 2000)
    years = 56.0 - drawn.root_age
    assert np.median(years) == pytest.approx(6.0, abs=2.5)
    assert np.quantile(years, 0.025) > 3.0 and np.quantile(years, 0.975) < 20.0


def test_lineages_follow_the_founding_clones():
    nodes = history((-1, 0, 0, 2, 3), ((1, 2, 0, 0), (2, 4, 1, 3)), (0, 0, 1, 1, 2))
    lineage, anchor, sites = lineages_of(nodes, 0)
    assert sites == (0, 1, 2)
    assert lineage.tolist() == [0, 0, 1, 1, 2]
    assert anchor.tolist() == [-1, -1, 0, 0, 3]


def test_a_rest_before_growth_is_found_if_it_is_there_and_not_if_it_is_not():
    rng = np.random.default_rng(3)
    steady = lesion(
        years_before=(2.0, 1.0, 0.0), diameters_cm=(0.7, 1.6, 3.7), doubling_sigma=0.2, doubling_median=100.0
    )
    prompt, _ = draw_growth(steady, np.full(2000, 9.2), "exponential", rng=rng)
    late, days = draw_growth(steady, np.full(2000, 16.0), "exponential", rng=rng)
    assert (prompt > 1).mean() < 0.4 and (late > 1).mean() > 0.95
    assert np.median(days) == pytest.approx(DAYS_PER_YEAR * math.log(2) / (3 * math.log(3.7 / 1.6)), rel=0.15)


def test_a_mixture_of_growth_models_has_the_sources_of_both():
    def drawn(n, migrations, sources):
        ages = {key: (np.arange(n), np.ones((n, 3))) for key in migrations}
        zero = np.zeros(n)
        return TimeDraws(zero, zero, zero, np.zeros((n, 2)), {}, np.zeros(n, dtype=np.int64), ages, sources)

    first = drawn(200, [(1, 0)], {(1, 0): {0: 1.0}})
    second = drawn(200, [(1, 0), (2, 1)], {(1, 0): {0: 0.5, 2: 0.5}, (2, 1): {1: 1.0}})
    mixed = mix_models(first, second, 0.5, np.random.default_rng(1))
    assert set(mixed.sources) == set(mixed.migrations) == {(1, 0), (2, 1)}
    assert mixed.sources[1, 0] == pytest.approx({0: 0.75, 2: 0.25})
    assert mixed.sources[2, 1] == {1: 1.0}  # drawn by one model only
