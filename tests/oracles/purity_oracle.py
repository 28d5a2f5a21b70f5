"""Posterior of one or two purities by brute force: every pair of grid points, classes summed out, shares maximised."""

import itertools

import numpy as np
from read_counts import log_at_most, log_binomial

NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)  # exact for polynomials below degree 400, so depths below 400


def binomial(k, n, p):
    return np.exp(log_binomial(k, n, p))


def at_least(k, n, p):
    return -np.expm1(log_at_most(k - 1, n, log_binomial, p)) if k > 0 else np.ones(np.shape(p * n))


def likelihoods(alt, depth, rho, states, *, least, error):
    """Likelihood (states and last what is in some cells, mutations) of one sample's reads at its purity.

    alt, depth : int arrays (n,). Reads are conditioned on at least `least` alternate ones.
    """
    found = np.empty((len(states) + 1, len(alt)))
    for z, (total, mutated) in enumerate(states):
        v = mutated * rho / (rho * total + 2 * (1 - rho)) * (1 - 2 * error) + error
        found[z] = binomial(alt, depth, v) / at_least(least, depth, v)
    first = next(iter(states))[0]
    limit = rho / (rho * first + 2 * (1 - rho)) * (1 - 2 * error) + error
    v = limit * (NODES[:, None] + 1) / 2
    found[-1] = WEIGHTS @ binomial(alt, depth, v) / (WEIGHTS @ at_least(least, depth, v))
    return found


def best_over_shares(likelihood, states, *, pseudo, clonal_prior):
    """The best log-posterior over shares of all samples' `likelihood` together: EM to its end."""
    prior = np.array(list(states.values())) / sum(states.values())
    alpha = pseudo * prior
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
        clonal = (counts.sum() + one) / (likelihood.shape[1] + one + other)


def log_posterior(alt, depth, purity, states, *, least, error, **priors):
    """The best log-posterior over shares at given purities; alt, depth : int arrays (n, S)."""
    of_samples = (
        likelihoods(alt[:, s], depth[:, s], rho, states, least=least, error=error) for s, rho in enumerate(purity)
    )
    return best_over_shares(np.prod(list(of_samples), axis=0), states, **priors)


def best_purities(alt, depth, grid, states, *, least, error, **priors):
    """The grid purities (S,) of the largest posterior, by trying all of them."""
    at = [
        {rho: likelihoods(alt[:, s], depth[:, s], rho, states, least=least, error=error) for rho in grid}
        for s in range(alt.shape[1])
    ]
    return max(
        itertools.product(grid, repeat=alt.shape[1]),
        key=lambda purity: best_over_shares(
            np.prod([of[rho] for of, rho in zip(at, purity)], axis=0), states, **priors
        ),
    )
