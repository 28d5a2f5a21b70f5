"""Clones of single cells: the sampler against every partition and tree, rates, counts, relations on simulated cells."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from cell_oracle import posterior, trees
from scipy.special import logsumexp

from phylometa.cells import infer_cell_clones
from phylometa.cells._chain import draw_cells
from phylometa.cells._posterior import UNUSED, all_log_means, log_likelihood
from phylometa.cells.infer import error_log_ratios
from phylometa.config import CellSettings
from phylometa.model.cells import CellMatrix, relations_of
from phylometa.simulate.cells import CellErrors, simulate_cells

FIXED = CellSettings(rate_strength=1e6, concentration=1.0, moves=400_000, chains=1, draws=400, doublet=0.0)


def matrix_of(seen, **counts):
    seen = np.array(seen)
    n, c = seen.shape
    return CellMatrix(tuple(f"m{i}" for i in range(n)), tuple(f"c{i}" for i in range(c)), seen, **counts)


def test_the_oracle_knows_every_tree():
    assert [len(list(trees(k))) for k in (1, 2, 3)] == [1, 3, 16]  # (k + 1)^(k - 1)


@pytest.mark.parametrize(
    "seen",
    [
        [[1, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]],
        [[1, 1, 0, 0, -1], [1, 1, 0, 0, 1], [0, 0, 1, 1, 1], [1, 0, 0, 1, 0]],
    ],
)
@pytest.mark.parametrize("doublet", [0.0, 0.25])
def test_relations_are_those_of_every_partition_and_tree(seen, doublet):
    expected = np.zeros((4, len(seen), len(seen)))
    for (labels, parents), p in posterior(seen, 0.05, 0.3, 1.0, doublet).items():
        expected += p * relations_of(np.array(labels), np.array(parents))
    settings = replace(FIXED, false_positive=0.05, dropout=0.3, doublet=doublet)
    found = infer_cell_clones(matrix_of(seen), settings=settings, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found.relations, expected, atol=0.08)
    assert abs(found.relations - expected).mean() < 0.03
    assert np.allclose(found.relations.sum(axis=0), 1.0)


def two_branches():
    """Slots of a tree: 0 below the normal genotype, 1 and 2 below 0, 4 below 1; slot 3 unused."""
    return np.array([5, 0, 0, UNUSED, 1])


@pytest.mark.parametrize("scale", [1.0, 400.0])
@pytest.mark.parametrize("doublet", [0.0, 0.1])
def test_cells_are_summed_over_clones_and_pairs(scale, doublet):
    """Also where the sums leave the range of floats (scale 400)."""
    parent, paths = two_branches(), [(), (0,), (0, 1), (0, 2), (0, 1, 4)]
    own = scale * np.random.default_rng(3).normal(size=(5, 7))
    one = np.array([own[list(path)].sum(axis=0) for path in paths])
    two = np.array([own[sorted({*a, *b})].sum(axis=0) for a in paths for b in paths])
    means = np.stack([logsumexp(one, axis=0) - np.log(5), logsumexp(two, axis=0) - np.log(25)])
    np.testing.assert_allclose(all_log_means(parent, own), means)
    with np.errstate(over="ignore", under="ignore"):
        value = log_likelihood(parent, own, np.exp(own), doublet, *np.empty((2, 6, 7)))
    with np.errstate(divide="ignore"):
        assert value == pytest.approx(np.logaddexp(means[0] + np.log1p(-doublet), means[1] + np.log(doublet)).sum())


def test_cells_are_drawn_with_their_probabilities():
    parent, doublet = two_branches(), 0.3
    own = np.tile(np.array([0.5, 1.0, 0.8, 0.0, 0.4])[:, None], 6000)
    paths = {5: (), 0: (0,), 1: (0, 1), 2: (0, 2), 4: (0, 1, 4)}
    weight = defaultdict(float)
    for a in paths:
        weight[frozenset(paths[a])] += (1 - doublet) / 5 * np.exp(own[list(paths[a]), 0].sum())
        for b in paths:
            both = frozenset(paths[a]) | frozenset(paths[b])
            weight[both] += doublet / 25 * np.exp(own[sorted(both), 0].sum())
    first, second = draw_cells(parent, own, doublet, np.random.default_rng(1))
    found = Counter(frozenset(paths[a]) | frozenset(paths[b]) for a, b in zip(first.tolist(), second.tolist()))
    assert found.keys() == weight.keys() and len(weight) == 7
    for genotype, count in found.items():
        assert count / 6000 == pytest.approx(weight[genotype] / sum(weight.values()), abs=0.02)


def test_log_ratios_of_calls_and_of_reads():
    ratio, base = error_log_ratios(matrix_of([[1, 0, -1]]), 0.01, 0.2)
    np.testing.assert_allclose(ratio, [[np.log(0.8 / 0.01), np.log(0.2 / 0.99), 0.0]])
    assert base == pytest.approx(np.log(0.01) + np.log(0.99))
    reads = {"alt": np.array([[5, 0, 10, 0]]), "depth": np.array([[10, 10, 10, 0]])}
    ratio, _ = error_log_ratios(matrix_of([[1, 0, 1, -1]], **reads), 0.01, 0.2)
    assert ratio[0, 0] > 3 and ratio[0, 2] > 3 and ratio[0, 1] < -1 and ratio[0, 3] == 0.0


def accuracy(simulated, found):
    """Share of mutation pairs whose most probable relation is the true one."""
    true = relations_of(simulated.labels, simulated.parents).argmax(axis=0)
    upper = np.triu_indices(len(true), 1)
    return (found.relations.argmax(axis=0) == true)[upper].mean()


def test_clones_rates_and_cells_of_simulated_cells():
    simulated = simulate_cells(n_cells=120, n_mutations=40, n_clones=6, rng=np.random.default_rng(2))
    settings = CellSettings(moves=20_000, chains=2, draws=60, dropout=0.1)
    found = infer_cell_clones(simulated.matrix, settings=settings, rng=np.random.default_rng(3))
    assert accuracy(simulated, found) > 0.95
    assert np.mean([d.dropout for d in found.draws]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([d.false_positive for d in found.draws]) == pytest.approx(0.01, abs=0.006)
    called = found.cell_probability > 0.5
    assert (called == simulated.genotypes).mean() > 0.97


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_doublets_are_found_and_their_rate_is_learnt(share):
    simulated = simulate_cells(
        n_mutations=60, n_clones=8, errors=CellErrors(doublet=share), rng=np.random.default_rng(6)
    )
    settings = CellSettings(moves=20_000, chains=2, draws=60)
    found = infer_cell_clones(simulated.matrix, settings=settings, rng=np.random.default_rng(3))
    assert accuracy(simulated, found) > 0.97
    assert np.mean([d.doublet for d in found.draws]) == pytest.approx(share, abs=0.05 if share else 0.02)
    below = relations_of(np.arange(8), simulated.parents)
    pairs = zip(simulated.clone_of_cell.tolist(), simulated.second_clone.tolist())
    mixed = np.array([b < 8 and below[2, a, b] == 1 for a, b in pairs])
    called = found.doublet_probability > 0.5
    assert (called & ~mixed).sum() <= 0.02 * len(called)
    assert not share or (called & mixed).sum() >= 0.85 * mixed.sum() > 5


def test_reads_tell_what_calls_tell():
    simulated = simulate_cells(n_cells=80, n_mutations=25, n_clones=4, depth=12.0, rng=np.random.default_rng(4))
    assert simulated.matrix.depth is not None
    settings = CellSettings(moves=15_000, chains=2, draws=40)
    found = infer_cell_clones(simulated.matrix, settings=settings, rng=np.random.default_rng(3))
    assert accuracy(simulated, found) > 0.95


def test_same_seed_same_draws():
    simulated = simulate_cells(n_cells=30, n_mutations=10, n_clones=3, rng=np.random.default_rng(5))
    settings = CellSettings(moves=2000, chains=2, draws=10)
    one, two = (infer_cell_clones(simulated.matrix, settings=settings, rng=np.random.default_rng(1)) for _ in range(2))
    assert [d.log_posterior for d in one.draws] == [d.log_posterior for d in two.draws]
