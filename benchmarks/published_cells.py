"""Single cells of a published patient through `phylometa cells`, beside the published tree of mutations.

    PHYLOMETA_DATA=... python benchmarks/published_cells.py [--data FOLDER] [--record]

The patient: JAK2-negative myeloproliferative neoplasm, 58 cells, 18 mutations, 45 % of the calls missing (Hou et al.
2012, doi:10.1016/j.cell.2012.02.028), as the matrix ``dataHou18.csv`` that SCITE comes with; FOLDER (by default
``scite`` in PHYLOMETA_DATA) holds it. The tree: what SCITE prints for it by the command of its authors, in
published_cell_trees.tsv, one mutation a row; it is one of 96 of equal likelihood.

Compared are the relations of all pairs of mutations (ancestor, descendant, other branch). Printed: of how many the most
probable relation is the published one; of how many it is "same clone", which a tree of single mutations cannot say; of
how many another, and of how many that has P >= .8; and the log-likelihood of the clones, cells summed out, above that
of the published tree. Once with the defaults; once as SCITE was run, without doublets and
with its error rates: false positives 6.04e-5 and 1.30e-5, and the dropout of .43 that it learns.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from printed import record

from phylometa.cells._posterior import all_log_means, sum_by_clone
from phylometa.cells.infer import error_log_ratios
from phylometa.cli import _invoke
from phylometa.io.cell_matrix import read_cell_matrix
from phylometa.io.tsv import read_tsv
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cells import CellMatrix, relations_of

FACTS = Path(__file__).with_name("published_cell_trees.tsv")
FALSE_POSITIVE, DROPOUT = 7.3e-5, 0.43
AS_PUBLISHED = f"[cells]\nfalse_positive = {FALSE_POSITIVE}\ndropout = {DROPOUT}\nrate_strength = 1000\ndoublet = 0.0\n"
RELATIONS = ("p_ancestor", "p_descendant", "p_other_branch", "p_same_clone")
SAME, SURE = 3, 0.8


def published_parents(data: str) -> tuple[list[str], IntArray]:
    """Names of the mutations in the order of the matrix, and their parents; n for the root."""
    with FACTS.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter="\t") if row["data"] == data]
    names = [row["mutation"] for row in rows]
    return names, np.array([names.index(row["parent"]) if row["parent"] else len(names) for row in rows])


def relations_found(directory: Path, n: int) -> FloatArray:
    """Probabilities of relations (4, n, n) of a result, above the diagonal; mutations are numbered from 1."""
    found = np.zeros((len(RELATIONS), n, n))
    for row in read_tsv(directory / "relations.tsv"):
        found[:, int(row["mutation"]) - 1, int(row["other"]) - 1] = [float(row[name]) for name in RELATIONS]
    return found


def compare(found: FloatArray, parents: IntArray) -> dict[str, int]:
    """Counts of pairs: how the most probable relation stands to that of a tree of single mutations."""
    published = relations_of(np.arange(len(parents)), parents).argmax(axis=0)
    upper = np.triu_indices(len(parents), 1)
    best, p, told = found.argmax(axis=0)[upper], found.max(axis=0)[upper], published[upper]
    other = (best != told) & (best != SAME)
    return {
        "pairs": len(told),
        "as published": int((best == told).sum()),
        "same clone": int((best == SAME).sum()),
        "otherwise": int(other.sum()),
        "otherwise at .8": int((other & (p >= SURE)).sum()),
    }


def gain_over(parents: IntArray, matrix: CellMatrix, directory: Path) -> float:
    """Log-likelihood of the clones found minus that of a tree of mutations, cells summed out, at SCITE's rates."""
    ratio, _ = error_log_ratios(matrix, FALSE_POSITIVE, DROPOUT)
    summary = json.loads((directory / "summary.json").read_text())
    names = list(summary["parents"])
    above = [*names, "N"]
    labels = np.array([names.index(row["clone"]) for row in read_tsv(directory / "clones.tsv")])
    found = np.array([above.index(summary["parents"][name]) for name in names])
    values = []
    for label, tree in ((labels, found), (np.arange(len(parents)), parents)):
        values.append(all_log_means(tree, sum_by_clone(label, ratio, len(tree)))[0].sum())
    return float(values[0] - values[1])


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("PHYLOMETA_DATA", ".")) / "scite")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    arguments = parser.parse_args()
    matrix = arguments.data / "dataHou18.csv"
    if not matrix.is_file():
        parser.error(f"{matrix} is not there: it comes with SCITE; name its folder by --data")
    names, parents = published_parents("dataHou18")
    with tempfile.TemporaryDirectory() as scratch:
        for row, settings in (("dataHou18, defaults", ""), ("dataHou18, as SCITE was run", AS_PUBLISHED)):
            config, directory = Path(scratch) / "cells.toml", Path(scratch) / "out"
            config.write_text(settings)
            assert _invoke(["cells", str(matrix), "-o", str(directory), "--config", str(config), "--force"]) == 0
            counts = compare(relations_found(directory, len(names)), parents)
            figures = [
                (row, name, f"{count} of {counts['pairs']}") for name, count in counts.items() if name != "pairs"
            ]
            if settings:
                gain = gain_over(parents, read_cell_matrix(matrix), directory)
                figures.append((row, "log-likelihood above that of the published tree", f"{gain:.1f}"))
            print(f"{row}: {', '.join(f'{measure} {value}' for _, measure, value in figures)}")
            if arguments.record:
                record("published_cells.py", figures)


if __name__ == "__main__":
    main()
