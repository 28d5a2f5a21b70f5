"""Probabilities of k of n reads by their definitions; those of scipy.stats take over half a second to import."""

import numpy as np
from scipy.special import betaln, gammaln, xlog1py, xlogy


def log_ways(k, n):
    """Log of the number of orders of k among n reads."""
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def log_binomial(k, n, p):
    """Log-probability of k of n reads at the rate p."""
    return log_ways(k, n) + xlogy(k, p) + xlog1py(n - k, -np.asarray(p))


def log_beta_binomial(k, n, a, b):
    """The same over all rates of a beta distribution."""
    return log_ways(k, n) + betaln(k + a, n - k + b) - betaln(a, b)


def log_at_most(k, n, log_probability, *parameters):
    """Log-probability of at most k, one whole number, of n reads under one of the above."""
    of_each = (
        np.where(j <= np.asarray(n), log_probability(np.minimum(j, n), n, *parameters), -np.inf) for j in range(k + 1)
    )
    return np.logaddexp.reduce(list(of_each))
