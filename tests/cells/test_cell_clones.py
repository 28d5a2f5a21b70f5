"""Clones of single cells: the sampler against every partition and tree, rates, counts, relations on simulated cells."""

from dataclasses import replace

import numpy as np
import pytest
from cell_oracle import posterior, trees

from phylometa.cells import infer_cell_clones
from phylometa.cells.infer import error_log_ratios
from phylometa.config import CellSettings
from phylometa.model.cells import CellMatrix, relations_of
from phylometa.simulate.cells import simulate_cells

FIXED = CellSettings(rate_strength=1e6, concentration=1.0, moves=400_000, chains=1, draws=400)


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
def test_relations_are_those_of_every_partition_and_tree(seen):
    expected = np.zeros((4, len(seen), len(seen)))
    for (labels, parents), p in posterior(seen, 0.05, 0.3, 1.0).items():
        expected += p * relations_of(np.array(labels), np.array(parents))
    settings = replace(FIXED, false_positive=0.05, dropout=0.3)
    found = infer_cell_clones(matrix_of(seen), settings=settings, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found.relations, expected, atol=0.08)
    assert abs(found.relations - expected).mean() < 0.03
    assert np.allclose(found.relations.sum(axis=0), 1.0)


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
