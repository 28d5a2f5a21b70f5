"""The prior of the number of mutated copies against a simulation of the histories it is derived from."""

import numpy as np
import pytest

from phylometa.config import CcfSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.multiplicity import enumerate_multiplicities


def prior_of(major, minor):
    one = np.ones((1, 1))
    mutations = MutationTable(("m",), ("S",), np.array([[5]]), np.array([[50]]))
    copy_number = CopyNumberAtLoci(major=major * one, minor=minor * one, normal=2 * one)
    options = enumerate_multiplicities(mutations, copy_number, np.array([0.7]), settings=CcfSettings())
    return dict(zip(options.copies[0].tolist(), np.exp(options.log_prior[0]).tolist()))


def simulated_exposure(k, rng, n=4000):
    """Copies x time during which a mutation ends on m of k copies (k + 1,): gains come at once or apart."""
    exposure = np.zeros(k + 1)
    for draw in range(n):
        at_once = draw % 2 == 0
        times = np.repeat(rng.random(), k - 1) if at_once else np.sort(rng.random(k - 1))
        if at_once:
            exposure[k] += times[0] if k > 1 else 0.0
            exposure[1] += k * (1.0 - times[0]) if k > 1 else 1.0
            continue
        bounds = np.concatenate(([0.0], times, [1.0]))
        for stage in range(1, k + 1):
            mutated = 1
            for copies in range(stage, k):
                mutated += rng.random() < mutated / copies
            exposure[mutated] += stage * (bounds[stage] - bounds[stage - 1])
    return exposure / n


@pytest.mark.parametrize(("major", "minor"), [(2, 0), (2, 1), (3, 1), (4, 2), (6, 0)])
def test_prior_against_simulated_histories(major, minor):
    rng = np.random.default_rng(major * 10 + minor)
    expected = simulated_exposure(major, rng)
    if minor:
        expected[: minor + 1] += simulated_exposure(minor, rng)
    found = prior_of(major, minor)
    expected = expected[1:] / expected[1:].sum()
    assert [found[m] for m in range(1, major + 1)] == pytest.approx(expected.tolist(), abs=0.015)


def test_a_late_mutation_of_an_amplicon_is_on_one_copy():
    found = prior_of(28, 1)
    assert found[1.0] > 0.8 and found[28.0] > 0.01  # late, or older than the amplicon
    assert sum(found.values()) == pytest.approx(1.0)
