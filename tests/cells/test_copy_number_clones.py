"""Clones of single cells by copy number: the exact score, recovery on simulated cells, what is set aside, segments."""

from dataclasses import replace

import numpy as np
import pytest
from cell_copy_number_oracle import all_scores, chance
from scipy.special import comb

from phylometa.cells import infer_copy_number_clones
from phylometa.cells.copy_number_search import partition_log_score
from phylometa.cells.copy_number_segments import common_cell_segments, join_cells, without_sex_chromosomes
from phylometa.cells.copy_number_states import state_log_probability
from phylometa.config import CellSettings
from phylometa.model.cell_copy_number import CellCopyNumber
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.cells import simulate_cell_copy_number

MB = 1_000_000
EXACT = CellSettings(doublet=0.0, noisy=0.0, least_cells=1, wrong_state=0.1, clone_change=0.2)


def matrix_of(states, chroms=None, names=None, *, is_phased=True):
    """`states`: per cell a list of states, tuples of copies or None."""
    n_alleles = next(len(state) for cell in states for state in cell if state is not None)
    copies = np.array([[s if s is not None else (-1,) * n_alleles for s in cell] for cell in states], dtype=np.int16)
    n = copies.shape[1]
    chroms = chroms or [str(j + 1) for j in range(n)]
    start = [10 * MB * sum(c == chroms[j] for c in chroms[:j]) for j in range(n)]
    names = names or [f"c{c}" for c in range(len(states))]
    end = np.array(start) + 10 * MB
    return CellCopyNumber(tuple(names), tuple(chroms), np.array(start), end, copies.transpose(2, 1, 0), is_phased)


def rand_index(a, b):
    """Adjusted Rand index of two labellings."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    together, rows, columns = (comb(x, 2).sum() for x in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / comb(len(a), 2)
    return (together - expected) / ((rows + columns) / 2 - expected)


@pytest.mark.parametrize("state", [(0,), (2,), (1, 1), (3, 0)])
def test_probabilities_of_states_add_up_and_are_those_of_the_oracle(state):
    every = np.stack(np.meshgrid(*[np.arange(30)] * len(state), indexing="ij"), axis=-1).reshape(-1, len(state))
    offsets = {(1, *(0 for _ in state[1:])): 7, tuple(-1 for _ in state): 2}
    found = np.exp(state_log_probability(np.array(state), every, 0.1, offsets))
    assert found.sum() == pytest.approx(1.0, abs=1e-6)
    for seen in [*every[:: len(every) // 7].tolist(), [state[0] + 1, *state[1:]]]:
        at = found[(every == seen).all(axis=1)][0]
        assert at == pytest.approx(chance(tuple(seen), state, 0.1, offsets), rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scores_of_all_partitions_are_those_of_the_oracle_and_the_best_is_found(seed):
    rng = np.random.default_rng(seed)
    profiles = [[(1, 1), (2, 1), (1, 0), (1, 1)], [(2, 1), (1, 1), (1, 0), (3, 1)]]
    cells = []
    for c in range(6):
        states = list(profiles[c % 2])
        j = int(rng.integers(4))
        states[j] = None if c == 0 else (states[j][0] + 1, states[j][1])
        cells.append(states)
    matrix = matrix_of(cells)
    offsets = {(1, 0): 3, (0, -1): 1}
    expected = all_scores(cells, 0.1, EXACT.clone_change, EXACT.clone_concentration, offsets)
    for labels in list(expected)[::7]:
        assert partition_log_score(matrix, labels, 0.1, EXACT, offsets) == pytest.approx(expected[labels], abs=1e-6)
    found = infer_copy_number_clones(matrix, settings=EXACT)
    scores = {labels: partition_log_score(matrix, labels, found.error, EXACT, found.offsets) for labels in expected}
    label = found.clone.tolist()
    best = max(scores, key=scores.get)
    assert all((label[a] == label[b]) == (best[a] == best[b]) for a in range(6) for b in range(a))
    assert found.log_score == pytest.approx(max(scores.values()), abs=1e-6)


SIMULATED = SimulationSettings(
    distant_sites=2, branch_cn_events=3.0, primary_clones=3, assay="panel", mutation_rate=0.16
)


def simulated(seed, n_cells=150):
    """Cells of a simulated patient: matrix, profile of every cell, who is a doublet of two profiles, who is noisy.

    Profiles differ in breakpoints that are told apart: clones without such a difference are one.
    """
    rng = np.random.default_rng(seed)
    truth = simulate_patient(SIMULATED, rng=rng).truth
    n = truth.tree.n_clones
    shares = truth.proportions.mean(axis=1)
    clone = rng.choice(n, size=n_cells, p=shares / shares.sum())
    clone[rng.random(n_cells) < 0.1] = -1
    second = np.full(n_cells, -2)
    is_doublet = rng.random(n_cells) < 0.04
    second[is_doublet] = rng.choice(clone, is_doublet.sum())
    is_noisy = rng.random(n_cells) < 0.03
    wrong = np.where(is_noisy, 0.4, 0.05)
    matrix = simulate_cell_copy_number(truth.profile, clone, second=second, wrong=wrong, rng=rng)
    exact = simulate_cell_copy_number(truth.profile, np.append(np.arange(n), -1), wrong=0.0, rng=rng)
    told = common_cell_segments(exact, tolerance=CellSettings().breakpoint_error, least_cells=1).copies
    profile = np.unique(told.reshape(-1, n + 1), axis=1, return_inverse=True)[1].reshape(-1)
    is_doublet &= profile[clone] != profile[second]
    return matrix, profile[clone], is_doublet, is_noisy


@pytest.mark.parametrize("seed", [pytest.param(11, marks=pytest.mark.system), 12])
def test_clones_of_simulated_cells_are_found_and_the_rest_set_aside(seed):
    matrix, profile, is_doublet, is_noisy = simulated(seed)
    found = infer_copy_number_clones(matrix)
    fate = np.array(found.fate)
    placed = np.isin(fate, ("clone", "normal"))
    plain = ~is_doublet & ~is_noisy
    assert placed[plain].mean() > 0.93
    assert rand_index(profile[placed & plain], found.clone[placed & plain]) > 0.9
    assert (fate[is_noisy] != "clone").mean() > 0.7
    assert found.error == pytest.approx(0.05, abs=0.01)
    assert (found.support > 0.5).all() and (found.sizes >= 3).all()
    assert ((found.probability >= 0) & (found.probability <= 1)).all() and found.probability[placed].mean() > 0.9
    # every cell has a fate, and one clone where it says so
    assert sum(found.count(name) for name in ("clone", "normal", "doublet", "noisy", "alone")) == len(matrix.cells)
    assert ((found.second >= 0) == (fate == "doublet")).all() and ((found.clone < 0) == (fate == "alone")).all()


def test_normal_cells_are_told_from_the_tumour_and_two_cells_from_either():
    tumour = [(2, 1), (1, 0), (1, 1), (3, 1), (1, 0), (2, 2), (1, 1), (1, 0)] * 3
    normal = [(1, 1)] * len(tumour)
    down, up = ([tuple((x + y + i) // 2 for x, y in zip(a, b)) for a, b in zip(tumour, normal)] for i in (0, 1))
    matrix = matrix_of([tumour] * 20 + [normal] * 10 + [down, up])  # half copies are rounded either way
    found = infer_copy_number_clones(matrix)
    assert found.names == ("1", "N") and found.sizes.tolist() == [20, 10]
    assert found.fate == ("clone",) * 20 + ("normal",) * 10 + ("doublet",) * 2
    assert found.clone[-1] == 0 and found.second[-1] == 1 and found.name_of(1) == "N"


def test_a_clone_needs_enough_cells():
    other = [(2, 2)] * 12
    matrix = matrix_of([[(2, 1)] * 12] * 12 + [other] * 2)
    found = infer_copy_number_clones(matrix, settings=CellSettings(doublet=0.0))
    assert found.names == ("1",) and found.fate[-2:] == ("alone", "alone") and found.name_of(-1) == ""
    both = infer_copy_number_clones(matrix, settings=CellSettings(doublet=0.0, least_cells=2))
    assert both.names == ("1", "2") and both.profiles[1, :, 0].tolist() == [2, 2]


@pytest.mark.system
def test_the_order_of_cells_and_segments_changes_nothing():
    matrix = simulated(13, n_cells=60)[0]
    shuffled = np.random.default_rng(3).permutation(60)
    first, second = infer_copy_number_clones(matrix), infer_copy_number_clones(matrix.take_cells(shuffled))
    assert first.log_score == pytest.approx(second.log_score, abs=0.5)
    assert rand_index(first.clone[shuffled] + 1, second.clone + 1) > 0.97


def test_breakpoints_that_few_cells_have_are_none():
    steady, moved = [(1, 1), (1, 1), (2, 1), (2, 1)], [(1, 1), (2, 1), (2, 1), (2, 1)]
    matrix = matrix_of([steady] * 9 + [moved], ["1"] * 4)
    common = common_cell_segments(matrix, tolerance=0, least_cells=3)
    assert common.start.tolist() == [0, 20 * MB] and (common.copies[0] == [[1] * 10, [2] * 10]).all()
    near = common_cell_segments(matrix, tolerance=15 * MB, least_cells=1)
    assert near.start.tolist() == [0, 20 * MB]
    every = common_cell_segments(matrix, tolerance=0, least_cells=1)
    assert every.start.tolist() == [0, 10 * MB, 20 * MB]


def test_tables_of_several_sites_are_joined_on_all_breakpoints():
    first = matrix_of([[(1, 1), (2, 1)]], ["1", "1"], ["a"])
    second = replace(matrix_of([[(0, 3)]], ["1"], ["b"]), end=np.array([15 * MB]))
    joined = join_cells([first, second])
    assert joined.start.tolist() == [0, 10 * MB, 15 * MB] and joined.cells == ("a", "b")
    assert joined.copies[:, :, 0].T.tolist() == [[1, 1], [2, 1], [2, 1]]
    assert joined.copies[:, :, 1].T.tolist() == [[0, 3], [0, 3], [-1, -1]]
    totals = join_cells([first, matrix_of([[(2,)]], ["1"], ["b"])])
    assert totals.copies.shape[0] == 1 and totals.copies[0, :, 0].tolist() == [2, 3]
    unphased = join_cells([first, replace(second, is_phased=False, copies=second.copies[::-1])])
    assert not unphased.is_phased and unphased.copies[:, 0, 1].tolist() == [3, 0]


def test_x_is_left_out_unless_normal_cells_have_two():
    matrix = matrix_of([[(1, 1), (1, 0), (1, 0)]], ["1", "chrX", "Y"])
    assert without_sex_chromosomes(matrix, is_female=False).chroms == ("1",)
    assert without_sex_chromosomes(matrix, is_female=True).chroms == ("1", "chrX")


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="no cell"):
        infer_copy_number_clones(matrix_of([[(1, 1)]]).take_cells([]))
