"""Clones of single cells from a matrix of calls: how right relations of mutations are, how right genotypes, how fast.

    python benchmarks/single_cells.py [PATIENTS] [--seed N] [--doublet D] [--scite PROGRAM] [--record]

Simulated patients of 200 cells and 100 mutations in 10 clones, dropout .2, false positives .01, 5 % missing. Printed:
share of mutation pairs whose most probable relation (ancestor, descendant, other branch, same clone) is the true one,
over all pairs and over those of different clones (what published evaluations of mutation trees count: ancestor and
descendant, other branch); share of right genotypes; mean log score of a relation; error rates learnt; seconds of CPU.
With `--doublet` a share of the columns holds two cells: also which of those whose clones lie on different branches are
found, and how many others are called so.

`--scite` names a program of SCITE (Jahn et al. 2016), which is run on the same matrices with the true rates and 900,000
steps, as its authors do. Its tree orders all mutations, so that it is counted over pairs of different clones alone.
`--record` keeps the figures in printed.tsv.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from printed import record

from phylometa.cells import infer_cell_clones
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.cells import CellMatrix, CellPosterior, relations_of
from phylometa.simulate.cells import CellErrors, SimulatedCells, simulate_cells

PATIENTS, FLOOR, STEPS = 20, 0.01, 900_000


def scite_parents(program: str, matrix: CellMatrix, errors: CellErrors) -> IntArray:
    """Parent of every mutation in SCITE's best tree; n stands for the normal genotype."""
    n, n_cells = matrix.seen.shape
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "calls"
        lines = (" ".join("3" if x < 0 else str(x) for x in row) for row in matrix.seen.tolist())
        path.write_text("\n".join(lines) + "\n")
        options = f"-n {n} -m {n_cells} -r 1 -l {STEPS} -fd {errors.false_positive} -ad {errors.dropout}"
        options += f" -max_treelist_size 1 -seed 1 -i {path} -o {scratch}/out"
        command = [program, *options.split()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (tree,) = Path(scratch).glob("out_ml*.gv")
        edges = re.findall(r"(\w+) -> (\w+);", tree.read_text())
    parents = np.full(n, n)
    for above, below in edges:
        parents[int(below) - 1] = n if above == "Root" else min(int(above) - 1, n)
    return parents


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def doublets(simulated: SimulatedCells, found: CellPosterior) -> tuple[int, int, int, int]:
    """Cells of two branches: how many, how many of them are called, how many others are, and of how many."""
    n_clones = len(simulated.parents)
    other = relations_of(np.arange(n_clones), simulated.parents)[2]
    pairs = zip(simulated.clone_of_cell.tolist(), simulated.second_clone.tolist())
    mixed = np.array([b < n_clones and other[a, b] == 1 for a, b in pairs])
    called = found.doublet_probability > 0.5
    return int(mixed.sum()), int((mixed & called).sum()), int((called & ~mixed).sum()), int((~mixed).sum())


def measures(simulated: SimulatedCells, found: CellPosterior, seconds: float) -> dict[str, float]:
    """All figures of one patient."""
    true = relations_of(simulated.labels, simulated.parents).argmax(axis=0)
    p: FloatArray = found.relations
    upper = np.triu_indices(len(true), 1)
    right, told = (p.argmax(axis=0) == true)[upper], np.take_along_axis(p, true[None], axis=0)[0][upper]
    return {
        "relations right": right.mean(),
        "relations of different clones right": right[true[upper] != 3].mean(),
        "genotypes right": ((found.cell_probability > 0.5) == simulated.genotypes).mean(),
        "log score of a relation": np.log(np.maximum(told, FLOOR)).mean(),
        "false positives": np.mean([draw.false_positive for draw in found.draws]),
        "dropout": np.mean([draw.dropout for draw in found.draws]),
        "doublets": np.mean([draw.doublet for draw in found.draws]),
        "CPU": seconds,
    }


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--doublet", type=float, default=0.0, help="share of columns that hold two cells")
    parser.add_argument("--scite", metavar="PROGRAM", help="a program of SCITE, run on the same matrices")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    arguments = parser.parse_args()
    errors = CellErrors(doublet=arguments.doublet)
    rows, counts, peer, n_stuck = [], [], [], 0
    for number in range(arguments.patients):
        rng = np.random.default_rng([arguments.seed, number])
        simulated = simulate_cells(errors=errors, rng=rng)
        started = time.process_time()
        found = infer_cell_clones(simulated.matrix, rng=rng)
        rows.append(measures(simulated, found, time.process_time() - started))
        counts.append(doublets(simulated, found))
        n_stuck += found.n_stuck
        if arguments.scite:
            before = cpu_of_children()
            parents = scite_parents(arguments.scite, simulated.matrix, errors)
            true = relations_of(simulated.labels, simulated.parents).argmax(axis=0)
            told = relations_of(np.arange(len(parents)), parents).argmax(axis=0)
            upper = np.triu_indices(len(true), 1)
            apart = true[upper] != 3
            peer.append(((told == true)[upper][apart].mean(), cpu_of_children() - before))
    row = f"{arguments.patients} of seed {arguments.seed}"
    row += f", doublets {arguments.doublet:g}" if arguments.doublet else ""
    figures = []
    for name in rows[0]:
        column = np.array([found[name] for found in rows])
        extreme = ("most", column.max()) if name == "CPU" else ("least", column.min())
        print(f"{name:<36} mean {column.mean():.4f}, {extreme[0]} {extreme[1]:.4f}")
        figures += [(row, name, f"{column.mean():.4f}"), (row, f"{name}, {extreme[0]}", f"{extreme[1]:.4f}")]
    n_mixed, n_found, n_wrong, n_others = np.sum(counts, axis=0)
    print(f"cells of two branches found: {n_found} of {n_mixed}; others called so: {n_wrong} of {n_others}")
    figures.append((row, "others called doublets", f"{n_wrong} of {n_others}"))
    if arguments.doublet:
        figures.append((row, "doublets found", f"{n_found} of {n_mixed}"))
    print(f"chains stuck: {n_stuck}")
    if peer:
        accuracy, seconds = np.array(peer).T
        print(f"SCITE: of different clones mean {accuracy.mean():.4f}, least {accuracy.min():.4f}", end="; ")
        print(f"CPU mean {seconds.mean():.0f} s, most {seconds.max():.0f} s")
    if arguments.record:
        record("single_cells.py", figures)


if __name__ == "__main__":
    main()
