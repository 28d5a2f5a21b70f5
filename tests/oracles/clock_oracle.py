"""Closed forms of the clock at one divergence, which the joint posterior of times must reach in the limit."""

import numpy as np
from scipy.special import betaincinv


def strict_clock_ages(age, tau, b):
    """2.5, 50 and 97.5 % quantiles of the age at divergence without acceleration: tau / (tau + b) ~ Beta."""
    return age * betaincinv(tau + 0.5, b + 0.5, np.array([0.025, 0.5, 0.975]))


def accelerated_ages(age, tau, b, *, median, sigma, draws, rng):
    """The same with a lognormal acceleration (median, standard deviation of the logarithm), by simulation."""
    trunk, branch = (rng.gamma(n + 0.5, size=draws) for n in (tau, b))
    scaled = branch / (median * np.exp(sigma * rng.standard_normal(draws)))
    return np.quantile(age * trunk / (trunk + scaled), [0.025, 0.5, 0.975])
