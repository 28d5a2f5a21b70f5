"""Monte-Carlo errors of chains whose error is known."""

import numpy as np
import pytest

from phylometa.model.monte_carlo import diagnose_draws

CHAINS, DRAWS, REPETITIONS = 4, 60, 1500


def autoregressive(rng, rho, shape=(CHAINS, DRAWS, REPETITIONS)):
    """Stationary chains of mean .5."""
    x = np.empty(shape)
    state = rng.normal(size=(shape[0], shape[2]))
    for t in range(shape[1]):
        x[:, t] = state
        state = rho * state + np.sqrt(1 - rho**2) * rng.normal(size=state.shape)
    return 0.5 + 0.3 * x


def switching(rng, stay, n_chains, noise=0.1):
    """Chains that stay in one of two modes (values about .1 and .9) with probability `stay`; mean .5."""
    mode = rng.random((n_chains, REPETITIONS)) < 0.5
    x = np.empty((n_chains, DRAWS, REPETITIONS))
    for t in range(DRAWS):
        x[:, t] = np.where(mode, 0.9, 0.1) + noise * (rng.random(mode.shape) - 0.5)
        mode = np.where(rng.random(mode.shape) < stay, mode, rng.random(mode.shape) < 0.5)
    return x


def diagnosed(x, weights=None):
    chains, draws, repetitions = x.shape
    flat = x.reshape(-1, repetitions)
    return diagnose_draws(flat, np.ones(len(flat)) if weights is None else weights, np.repeat(np.arange(chains), draws))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8, 0.9])
def test_errors_of_autocorrelated_chains(rho):
    found = diagnosed(autoregressive(np.random.default_rng(1), rho))
    z = (found.probability - 0.5) / found.mcse
    assert 0.7 < z.var() < 1.4
    lags = np.arange(1, DRAWS)
    variance = 0.09 * (1 + 2 * ((1 - lags / DRAWS) * rho**lags).sum()) / (CHAINS * DRAWS)
    assert 0.8 < (found.mcse**2).mean() / variance < 1.6
    assert np.median(found.effective_draws) == pytest.approx(0.09 / variance, rel=0.4)


def test_errors_of_events():
    x = autoregressive(np.random.default_rng(2), 0.5)
    found = diagnosed((x > 0.5 + 0.3 * 0.8416).astype(float))  # an event of probability .2
    assert 0.7 < ((found.probability - 0.2) / found.mcse).var() < 1.4


@pytest.mark.parametrize(("n_chains", "stay"), [(8, 1.0), (4, 0.9)])
def test_errors_of_chains_stuck_in_two_modes(n_chains, stay):
    x = switching(np.random.default_rng(3), stay, n_chains)
    differ = np.ptp(x.mean(axis=1), axis=0) > 0.2  # chains that all sit in one mode cannot be told from chains that mix
    found = diagnosed(x[:, :, differ])
    z = (found.probability - 0.5) / found.mcse
    assert 0.7 < z.var() < 1.4
    assert (np.median(found.r_hat) > 1.5) == (stay == 1.0)


def test_what_was_met_seldom_is_not_claimed_to_be_known():
    """A mode of probability .03, visited for 15 draws: most runs of 240 draws see little or nothing of it."""
    rng = np.random.default_rng(7)
    mode = rng.random((CHAINS, REPETITIONS)) < 0.03
    x = np.empty((CHAINS, DRAWS, REPETITIONS))
    for t in range(DRAWS):
        x[:, t] = np.where(mode, 0.8, 0.02) + 0.01 * rng.random(mode.shape)
        mode = np.where(rng.random(mode.shape) < 1 / 15, rng.random(mode.shape) < 0.03, mode)
    met = (x > 0.5).any(axis=(0, 1))
    found = diagnosed(x[:, :, met])
    z = np.abs(found.probability - (0.03 * 0.8 + 0.97 * 0.02 + 0.005)) / found.mcse
    assert 0.2 < met.mean() < 0.8 and (z < 3).mean() > 0.9


def test_four_stuck_chains_are_as_good_as_four_draws():
    x = switching(np.random.default_rng(4), 1.0, 4)
    found = diagnosed(x)
    variance = 0.4**2 / 4
    assert 0.75 < (found.mcse**2).mean() / variance < 1.25
    one_differs = diagnose_draws(np.repeat([1.0, 1, 1, 0], 60)[:, None], np.ones(240), np.repeat(np.arange(4), 60))
    assert one_differs.mcse[0] > 0.2 and one_differs.effective_draws[0] < 5 and one_differs.r_hat[0] > 2


def test_what_is_the_same_in_every_draw_has_no_error():
    weights = np.random.default_rng(5).random(240)
    found = diagnose_draws(np.full((240, 2), [0.7, 1.0]), weights, np.repeat(np.arange(4), 60))
    assert found.mcse.tolist() == [0.0, 0.0] and found.r_hat.tolist() == [1.0, 1.0]
    assert found.probability == pytest.approx([0.7, 1.0])
    once = np.ones((240, 1))
    once[17] = 0.0
    assert 0.004 < diagnosed(once.reshape(4, 60, 1)).mcse[0] < 0.01


def test_weighted_draws():
    rng = np.random.default_rng(6)
    x, u = rng.random((CHAINS * DRAWS, 1)), rng.random((CHAINS * DRAWS, 600))
    f = (u < x).astype(float)
    weights = x[:, 0]
    found = diagnose_draws(f, weights, np.repeat(np.arange(CHAINS), DRAWS))
    z = (found.probability - (weights @ x[:, 0]) / weights.sum()) / found.mcse
    assert 0.7 < z.var() < 1.4
    scaled = diagnose_draws(f, 7 * weights, np.repeat(np.arange(CHAINS), DRAWS))
    assert scaled.mcse == pytest.approx(found.mcse)


def test_most_of_the_weight_on_one_draw():
    """The next heaviest draw would decide otherwise."""
    values, weights = np.zeros((240, 2)), np.full(240, 1e-6)
    values[17], weights[17] = 1.0, 1.0
    values[200, 1], weights[200] = 1.0, 1e-3
    found = diagnose_draws(values, weights, np.repeat(np.arange(4), 60))
    assert found.probability == pytest.approx([1.0, 1.0], abs=0.01)
    assert found.mcse[0] > 0.5 and 0.15 < found.mcse[1] < found.mcse[0]
    assert (found.effective_draws < 1.1).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_draws(n):
    chain = np.arange(n)
    found = diagnose_draws(np.linspace(0.2, 0.8, n)[:, None], np.ones(n), chain)
    assert np.isfinite(found.mcse).all() and (found.mcse > 0).all() == (n > 1)
    one_chain = diagnose_draws(np.linspace(0.2, 0.8, 9)[:, None], np.ones(9), np.zeros(9, dtype=int))
    assert one_chain.mcse[0] > 0.05
