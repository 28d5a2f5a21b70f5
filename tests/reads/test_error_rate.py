"""The sequencing error that the reads show, and cells that must not be taken for errors."""

import numpy as np
import pytest
from read_counts import log_beta_binomial, log_binomial

from phylometa.reads.error_rate import learn_error_rates

USUAL, N, DEPTH = 1e-3, 150, 120


def sample(rate, seed, *, shown=50, low=0):
    """Reads (N,) of one sample: `shown` mutations at a VAF of .3, `low` at .03, the others with errors alone."""
    rng = np.random.default_rng(seed)
    vaf = np.repeat([0.3, 0.03, 0.0], [shown, low, N - shown - low])
    depth = rng.poisson(DEPTH, N)
    return rng.binomial(depth, vaf + (1 - 2 * vaf) * rate), depth


def learnt(*samples):
    alt, depth = (np.stack(columns, axis=1) for columns in zip(*samples))
    return learn_error_rates(alt, depth, usual=USUAL)


@pytest.mark.parametrize("rate", [0.003, 0.006, 0.015])
def test_a_higher_rate_is_found(rate):
    found = learnt(*(sample(rate, seed) for seed in range(12)))
    assert np.isfinite(found).sum() >= (10 if rate > 0.004 else 5)
    assert np.nanmean(found) == pytest.approx(rate, rel=0.12)


@pytest.mark.parametrize("low", [0, 25, 60], ids=["none", "a small clone", "half of the others"])
def test_the_usual_rate_stays_also_with_small_clones(low):
    assert np.isnan(learnt(*(sample(USUAL, seed, low=low) for seed in range(12)))).all()


def test_few_cells_without_the_mutation_tell_nothing():
    assert np.isnan(learnt(*(sample(0.01, seed, shown=N - 10) for seed in range(6)))).all()


def test_the_rate_is_that_of_greatest_likelihood():
    """Held against a fine grid of rates and shares, summed over the three kinds of cells."""
    alt, depth = sample(0.008, 3)
    spread = [np.exp(log_beta_binomial(alt, depth, 1, b)) for b in (1, 30)]
    parts = lambda rate: np.stack((np.exp(log_binomial(alt, depth, rate)), *spread))  # noqa: E731
    shares = np.array([(e, a, 1 - e - a) for e in np.linspace(0.4, 0.8, 21) for a in np.linspace(0, 1 - e, 21)])
    rates = np.geomspace(USUAL, 0.02, 81)
    best = max(rates, key=lambda rate: np.log(shares @ parts(rate)).sum(axis=1).max())
    assert learn_error_rates(alt[:, None], depth[:, None], usual=USUAL)[0] == pytest.approx(best, rel=0.1)
