"""Reference formulas of the joint posterior."""

import numpy as np
from scipy.special import betaln, xlogy


def shared_error(alt, total, settings):
    """Beta-binomial over binomial likelihood of all reads of a cluster at its most likely rate, from scipy's own."""
    e, precision = settings.error_rate, 0.75 / settings.ccf_error**2
    rate = np.clip(e + np.clip((alt / total - e) / (0.5 - e), 0.0, 1.1) * (0.5 - e), 0.5 / total, 0.5)
    a, b = rate * precision, (1.0 - rate) * precision
    together = betaln(alt + a, total - alt + b) - betaln(a, b)  # equivalent reads are no whole numbers
    return float((together - xlogy(alt, rate) - xlogy(total - alt, 1.0 - rate)).sum())
