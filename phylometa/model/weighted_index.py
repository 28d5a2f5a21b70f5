"""An index drawn in proportion to weights, in compiled loops."""

from phylometa.model.arrays import FloatArray
from phylometa.model.compiled import njit

__all__ = ["pick"]


@njit(cache=True)
def pick(weights: FloatArray, n: int, uniform: float) -> int:
    """Draw an index below `n` with probabilities proportional to `weights`, from a uniform number in [0, 1).

    0 if no weight is positive.
    """
    total = 0.0
    for k in range(n):
        total += weights[k]
    remaining = uniform * total
    chosen = 0
    for k in range(n):
        if weights[k] > 0.0:
            chosen = k
            remaining -= weights[k]
            if remaining < 0.0:
                break
    return chosen
