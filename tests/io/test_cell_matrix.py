"""Matrices of single cells: layouts, codes, what is refused; the command from matrix to tables."""

import json

import numpy as np
import pytest

from phylometa.cli import _invoke
from phylometa.errors import InputError
from phylometa.io.cell_matrix import read_cell_matrix
from phylometa.io.tsv import read_tsv
from phylometa.simulate.cells import simulate_cells


def read(folder, text, **options):
    path = folder / "m.txt"
    path.write_text(text)
    return read_cell_matrix(path, **options)


@pytest.mark.parametrize(
    "text",
    [
        "gene\tc1\tc2\tc3\nA\t1\t0\tNA\nB\t0\t1\t1\n",
        "c1,c2,c3\nA,1,0,\nB,0,1,1\n",
        ";c1;c2;c3\nA;2;0;3\nB;0;1;2\n",
        "gene c1 c2 c3\nA 1 0 -1\nB 0 1 1\n",
    ],
)
def test_layouts_of_calls(tmp_path, text):
    found = read(tmp_path, text)
    assert found.seen.tolist() == [[1, 0, -1], [0, 1, 1]] and found.alt is None
    assert found.mutations == ("A", "B") and found.cells == ("c1", "c2", "c3")


def test_scite_has_no_names(tmp_path):
    found = read(tmp_path, "1 0 3\n0 1 2\n")
    assert found.seen.tolist() == [[1, 0, -1], [0, 1, 1]] and found.cells == ("1", "2", "3")


def test_cells_in_rows_and_reads(tmp_path):
    found = read(tmp_path, "cell,A,B\nc1,3/10,0/0\nc2,0/7,./.\n", cells_in="rows")
    assert found.cells == ("c1", "c2") and found.mutations == ("A", "B")
    assert found.alt.tolist() == [[3, 0], [0, 0]] and found.depth.tolist() == [[10, 7], [0, 0]]
    assert found.seen.tolist() == [[1, 0], [-1, -1]]


def test_depths_in_a_matrix_of_their_own(tmp_path):
    (tmp_path / "dp.csv").write_text("x,c1,c2\nA,10,0\n")
    found = read(tmp_path, "x,c1,c2\nA,4,0\n", depth=tmp_path / "dp.csv")
    assert found.alt.tolist() == [[4, 0]] and found.depth.tolist() == [[10, 0]]
    (tmp_path / "dp.csv").write_text("x,c1,c3\nA,10,0\n")
    with pytest.raises(InputError, match="names or order differ"):
        read(tmp_path, "x,c1,c2\nA,4,0\n", depth=tmp_path / "dp.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("x,c1,c2\n", "holds no matrix"),
        ("x,c1,c2\nA,1,5\n", "row 2, column c2: '5' is none of 0, 1"),
        ("x,c1,c2\nA,1\n", "row 2: has 1 values, the header 2"),
        ("x,c1,c1\nA,1,0\n", "names of columns are there twice: c1"),
        ("x,c1,c2\nA,1/2,7/3\n", "column c2: '7/3' is no count"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_the_command(tmp_path, capsys):
    simulated = simulate_cells(n_cells=60, n_mutations=20, n_clones=4, rng=np.random.default_rng(1))
    matrix = simulated.matrix
    lines = ["\t".join(("mutation", *matrix.cells))]
    for name, row in zip(matrix.mutations, matrix.seen.tolist()):
        lines.append("\t".join((name, *("NA" if x < 0 else str(x) for x in row))))
    (tmp_path / "m.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "quick.toml").write_text("[cells]\nmoves = 8000\nchains = 2\ndraws = 20\n")
    arguments = ["cells", str(tmp_path / "m.tsv"), "--config", str(tmp_path / "quick.toml")]
    for name in ("a", "b"):
        assert _invoke([*arguments, "-o", str(tmp_path / name)]) == 0
    for name in ("clones.tsv", "cells.tsv", "relations.tsv", "tree.nwk", "summary.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert 4 <= summary["n_clones"] <= 6 and summary["dropout"]["lo"] < 0.2 < summary["dropout"]["hi"]
    clone = {row["mutation"]: row["clone"] for row in read_tsv(tmp_path / "a" / "clones.tsv")}
    found = np.array([clone[name] for name in matrix.mutations])
    same = (found[:, None] == found) == (simulated.labels[:, None] == simulated.labels)
    assert same.mean() > 0.9
    (tmp_path / "m.tsv").write_text("x\tc1\nA\tz\n")
    assert _invoke([*arguments, "-o", str(tmp_path / "c")]) == 3
