"""Posterior of one or two purities by brute force: every pair of grid points, classes summed out, shares maximised."""

import itertools

import numpy as np
from scipy.stats import binom


def log_posterior(alt, depth, purity, states, *, least, error, pseudo, clonal_prior):
    """The best log-posterior over shares at given purities: EM to its end, each likelihood from scipy.

    alt, depth : int arrays (n, S). Reads are conditioned on at least `least` alternate ones.
    """
    n = len(alt)
    prior = np.array(list(states.values())) / sum(states.values())
    alpha = pseudo * prior
    likelihood = np.ones((len(states) + 1, n))
    first = next(iter(states))[0]
    for s, rho in enumerate(purity):
        for z, (total, mutated) in enumerate(states):
            v = mutated * rho / (rho * total + 2 * (1 - rho)) * (1 - 2 * error) + error
            likelihood[z] *= binom.pmf(alt[:, s], depth[:, s], v) / binom.sf(least - 1, depth[:, s], v)
        limit = rho / (rho * first + 2 * (1 - rho)) * (1 - 2 * error) + error
        v = np.linspace(0, limit, 4001)[:, None]
        area = np.trapezoid(binom.pmf(alt[:, s], depth[:, s], v), v, axis=0)
        likelihood[-1] *= area / np.trapezoid(binom.sf(least - 1, depth[:, s], v), v, axis=0)
    one, other = clonal_prior
    shares, clonal, last = prior, one / (one + other), -np.inf
    while True:
        weights = np.append(clonal * shares, 1 - clonal)
        joint = likelihood * weights[:, None]
        value = np.log(joint.sum(axis=0)).sum() + alpha @ np.log(shares)
        value += one * np.log(clonal) + other * np.log1p(-clonal)
        if value - last < 1e-9:
            return value
        last = value
        counts = (joint / joint.sum(axis=0))[:-1].sum(axis=1)
        shares = (counts + alpha) / (counts.sum() + pseudo)
        clonal = (counts.sum() + one) / (n + one + other)


def best_purities(alt, depth, grid, states, **options):
    """The grid purities (S,) of the largest posterior, by trying all of them."""
    return max(
        itertools.product(grid, repeat=alt.shape[1]),
        key=lambda purity: log_posterior(alt, depth, purity, states, **options),
    )
