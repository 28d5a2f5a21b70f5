"""How far the chains of the joint sampler are apart."""

import numpy as np
import pytest

from phylometa.joint._presence import Places
from phylometa.joint.convergence import disagreement, error_of_seedings, guess_seedings

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


def seedings_by_definition(parent, steps, site, least, primary, n_sites):
    """Every clone by itself; the product over entries of what a source is not."""
    n_slots = len(parent) - 1
    present = [{site[j] for j in np.flatnonzero(row >= least) if site[j] >= 0} for row in steps] + [set()]
    none = np.ones((n_sites, n_sites))
    n_entries, evolves, departing = np.zeros(n_sites, dtype=int), np.zeros(n_sites, dtype=bool), set()

    def path(v):
        return {v} | (set() if v == n_slots else path(parent[v]))

    for v in range(n_slots):
        above = parent[v]
        while above not in (-2, n_slots) and not present[above]:
            above = parent[above]
        above = n_slots if above == -2 else above
        evolves[list(present[v] & present[above])] = True
        if (
            present[v] - present[above] - {primary if above == n_slots else None}
            and primary in present[v] | present[above]
        ):
            departing.add(above if primary in present[above] else v)
        for t in present[v] - present[above]:
            if above == n_slots and t == primary:
                continue
            n_entries[t] += 1
            sources = (present[v] | present[above]) - {t}
            for s in sources:
                none[s, t] *= 1.0 - 1.0 / len(sources)
    is_path = all(u in path(v) or v in path(u) for u in departing for v in departing)
    return 1.0 - none, n_entries, evolves, primary < 0 or is_path


@pytest.mark.parametrize("primary", [0, -1])
def test_seedings_are_guessed_from_presence(primary):
    rng = np.random.default_rng(6)
    site = np.array([0, 1, 1, 2, -1])
    places = Places(site, np.array([2, 3, primary]), np.ones(4))
    parents, steps = [], rng.integers(0, 4, (60, 5, 5)) * rng.integers(0, 2, (60, 5, 5))
    for draw in range(60):
        n_used = int(rng.integers(1, 6))  # the first slot is the founder, the last ones are not used
        above = [5, *(int(rng.integers(0, v)) for v in range(1, n_used))]
        parents.append([*above, *[-2] * (5 - n_used), -1])
        steps[draw, n_used:] = 0
    guess = guess_seedings(np.array(parents), steps, places)
    assert (guess.n_entries > 1).any() and ((guess.routes > 0) & (guess.routes < 1)).any()
    assert guess.evolves.any() and not guess.evolves.all() and (primary < 0 or not guess.is_path.all())
    for draw, (parent, own) in enumerate(zip(parents, steps)):
        routes, n_entries, evolves, is_path = seedings_by_definition(parent, own, site, 2, primary, 3)
        assert guess.routes[draw] == pytest.approx(routes, abs=1e-9)
        assert guess.n_entries[draw].tolist() == n_entries.tolist()
        assert guess.evolves[draw].tolist() == evolves.tolist()
        assert guess.is_path[draw] == is_path


def test_error_of_seedings_tells_chains_that_differ_in_a_route():
    """The second clone enters site 1 from site 0 in one chain, and is not there in the other."""
    places = Places(np.array([0, 1]), np.array([1, 2, 0]), np.ones(4))
    chain = np.repeat([0, 1], 40)
    parents = np.tile([2, 0, -1], (80, 1))
    steps = np.zeros((80, 2, 2), dtype=int)
    steps[:, 0, 0] = 1
    assert error_of_seedings(parents, steps, chain, places) == 0.0
    steps[:, 1, 1] = chain
    assert error_of_seedings(parents, steps, chain, places) > 0.25
    steps[:, 1, 1] = np.random.default_rng(0).integers(0, 2, 80)
    assert error_of_seedings(parents, steps, chain, places) == pytest.approx(np.sqrt(0.25 / 80), rel=0.5)
