"""Single cells from loom files and from those of Tapestri's pipeline."""

import sys

import numpy as np
import pytest

from phylometa.cli import _invoke
from phylometa.errors import InputError, PhylometaError
from phylometa.io.cell_matrix import read_cell_matrix
from phylometa.io.tsv import read_tsv
from phylometa.simulate.cells import simulate_cells

IDS = np.array([b"chr1:115256513:G/A", b"NPM1"])
CELLS = np.array([b"AAC-1", b"AAG-1", b"AAT-1"])
GENOTYPES = np.array([[0, 1, 3], [2, 0, 0]])
ALT, DEPTH = np.array([[0, 6, 0], [9, 1, 0]]), np.array([[20, 10, 0], [9, 30, 8]])


def write(path, tables):
    with pytest.importorskip("h5py").File(path, "w") as file:
        for name, values in tables.items():
            file[name] = values
    return path


def loom(path, ids=IDS, cells=CELLS, matrix=GENOTYPES, **layers):
    tables = {"matrix": np.asarray(matrix, np.float32), "row_attrs/id": ids, "col_attrs/barcode": cells}
    return write(path, tables | {f"layers/{name}": values for name, values in layers.items()})


def tapestri(path, **layers):
    tables = {"ca/id": IDS, "ra/barcode": CELLS} | {f"layers/{name}": values.T for name, values in layers.items()}
    return write(path, {f"assays/dna_variants/{name}": values for name, values in tables.items()})


def test_genotypes(tmp_path):
    files = (loom(tmp_path / "a.loom"), tapestri(tmp_path / "a.h5", NGT=GENOTYPES.astype(np.int8)))
    for found in map(read_cell_matrix, files):
        assert found.seen.tolist() == [[0, 1, -1], [1, 0, 0]] and found.alt is None
        assert found.mutations == ("chr1:115256513:G:A", "NPM1") and found.cells == ("AAC-1", "AAG-1", "AAT-1")


def test_reads(tmp_path):
    share = 100.0 * ALT / np.maximum(DEPTH, 1)
    files = (loom(tmp_path / "a.loom", AD=ALT, DP=DEPTH), tapestri(tmp_path / "a.h5", AF=share, DP=DEPTH))
    for found in map(read_cell_matrix, files):
        assert found.alt.tolist() == ALT.tolist() and found.depth.tolist() == DEPTH.tolist()
        assert found.seen.tolist() == [[0, 1, -1], [1, 1, 0]]


def test_what_is_wrong_is_named(tmp_path):
    path = tmp_path / "a.loom"
    with pytest.raises(InputError, match=r"7 of NPM1 in cell AAG-1 is none of 0, 1, 2, 3 \(1 such\)"):
        read_cell_matrix(loom(path, matrix=[[0, 1, 3], [2, 7, 0]]))
    with pytest.raises(InputError, match="31 alternate reads of 30: NPM1 in cell AAG-1"):
        read_cell_matrix(loom(path, AD=ALT + [[0, 0, 0], [0, 30, 0]], DP=DEPTH))
    with pytest.raises(InputError, match="/row_attrs/id is there twice: NPM1"):
        read_cell_matrix(loom(path, ids=np.array([b"NPM1", b"NPM1"])))
    with pytest.raises(InputError, match="a table of 2 x 3 for 2 mutations and 2 cells"):
        read_cell_matrix(loom(path, cells=CELLS[:2]))
    with pytest.raises(InputError, match="/col_attrs has none of barcode"):
        read_cell_matrix(write(path, {"matrix": GENOTYPES, "row_attrs/id": IDS, "col_attrs/x": CELLS}))
    with pytest.raises(InputError, match="is no table of numbers"):
        read_cell_matrix(loom(path, AD=ALT[0], DP=DEPTH))
    with pytest.raises(InputError, match="neither row_attrs and matrix"):
        read_cell_matrix(write(path, {"x": GENOTYPES}))
    with pytest.raises(InputError, match="layers has neither AF and DP nor NGT"):
        read_cell_matrix(tapestri(tmp_path / "a.h5", DP=DEPTH))
    with pytest.raises(InputError, match="dna_variants lacks ra, layers"):
        read_cell_matrix(write(tmp_path / "a.h5", {"assays/dna_variants/ca/id": IDS}))
    with pytest.raises(InputError, match="says itself"):
        read_cell_matrix(loom(path), cells_in="rows")
    path.write_text("no HDF5")
    with pytest.raises(InputError, match="is no HDF5 file"):
        read_cell_matrix(path)
    with pytest.raises(InputError, match="does not exist"):
        read_cell_matrix(tmp_path / "b.loom")


def test_without_h5py_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(PhylometaError, match="pip install h5py; or export tables"):
        read_cell_matrix(tmp_path / "a.loom")


def test_the_command_reads_a_loom_as_it_reads_tables(tmp_path):
    """The same reads by either way give the same clones."""
    matrix = simulate_cells(n_cells=30, n_mutations=10, n_clones=3, depth=15.0, rng=np.random.default_rng(1)).matrix
    names = {"ids": np.array(matrix.mutations, "S"), "cells": np.array(matrix.cells, "S")}
    loom(tmp_path / "m.loom", matrix=np.maximum(matrix.seen, 0), AD=matrix.alt, DP=matrix.depth, **names)
    for name, values in (("AD", matrix.alt), ("DP", matrix.depth)):
        lines = [
            ",".join(("x", *matrix.cells)),
            *(",".join((m, *map(str, r))) for m, r in zip(matrix.mutations, values)),
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "quick.toml").write_text("[cells]\nmoves = 2000\nchains = 2\ndraws = 10\n")
    quick = ["--config", str(tmp_path / "quick.toml")]
    assert _invoke(["cells", str(tmp_path / "m.loom"), "-o", str(tmp_path / "a"), *quick]) == 0
    tables = [str(tmp_path / "AD.csv"), "--depth", str(tmp_path / "DP.csv")]
    assert _invoke(["cells", *tables, "-o", str(tmp_path / "b"), *quick]) == 0
    for name in ("clones.tsv", "cells.tsv", "summary.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert {row["second_clone"] for row in read_tsv(tmp_path / "a" / "cells.tsv")} <= {"", "1", "2", "3", "4"}
