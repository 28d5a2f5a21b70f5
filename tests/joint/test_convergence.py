"""How far the chains of the joint sampler are apart."""

import numpy as np
import pytest

from phylometa.joint.convergence import disagreement

# Slots 0 to 2, germline 3: two clones, one below the other; slot 2 is not used.
CHAIN = np.array([[3, 0, -2, -1]])
BESIDE = np.array([[3, 0, 0, -1]])


def test_chains_that_say_the_same_agree():
    labels = np.array([[0, 0, 1]])
    assert disagreement([(labels, CHAIN)] * 4) == 0.0
    assert disagreement([(labels, CHAIN)]) == 0.0  # one chain has none to differ from


def test_every_relation_counts():
    """Items 0 and 1: in one clone; one above the other; apart; and one of them in no clone."""
    same, above = (np.array([[0, 0]]), CHAIN), (np.array([[0, 1]]), CHAIN)
    apart, outside = (np.array([[1, 2]]), BESIDE), (np.array([[0, -1]]), CHAIN)
    # shares that differ between two chains: of the 3 x 2 x 2 relations of items, each has a variance of 1/2
    for one, other, n_different in ((same, above, 3), (same, apart, 4), (above, apart, 3), (same, outside, 3)):
        expected = np.sqrt(n_different * 0.5 / 12 / 2)
        assert disagreement([one, other]) == pytest.approx(expected), (one, other)
