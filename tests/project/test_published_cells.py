"""The published tree of single cells, and how found relations are counted beside it."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))
import published_cells  # noqa: E402

from phylometa.cli import _invoke  # noqa: E402
from phylometa.model.cells import relations_of  # noqa: E402

MATRIX = Path(os.environ.get("PHYLOMETA_DATA", "")) / "scite" / "dataHou18.csv"


def test_the_published_tree_is_one():
    names, parents = published_cells.published_parents("dataHou18")
    assert len(set(names)) == len(names) == 18
    for vertex in range(18):
        path = [vertex]
        while path[-1] != 18:
            path.append(int(parents[path[-1]]))
            assert len(path) <= 19


def test_pairs_are_counted_by_their_most_probable_relation():
    """Published: a above b above c, and d apart; found: a and b one clone, c and d above each other."""
    parents = np.array([4, 0, 1, 4])
    found = relations_of(np.array([0, 0, 1, 2]), np.array([3, 0, 1]))
    expected = {"pairs": 6, "as published": 2, "same clone": 1, "otherwise": 3, "otherwise at .8": 3}
    assert published_cells.compare(found, parents) == expected
    assert published_cells.compare(0.7 * found, parents)["otherwise at .8"] == 0


@pytest.mark.skipif(not MATRIX.is_file(), reason="the matrix comes with SCITE")
def test_the_published_tree_is_mostly_found(tmp_path):
    (tmp_path / "cells.toml").write_text(published_cells.AS_PUBLISHED)
    arguments = ["cells", str(MATRIX), "-o", str(tmp_path / "out"), "--config", str(tmp_path / "cells.toml")]
    assert _invoke(arguments) == 0
    _, parents = published_cells.published_parents("dataHou18")
    counts = published_cells.compare(published_cells.relations_found(tmp_path / "out", 18), parents)
    assert counts["as published"] > 90 and counts["otherwise"] < 20
