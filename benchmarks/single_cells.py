"""Clones of single cells from a matrix of calls: how right relations of mutations are, how right genotypes, how fast.

    python benchmarks/single_cells.py [PATIENTS] [--seed N]

Simulated patients of 200 cells and 100 mutations in 10 clones, dropout .2, false positives .01, 5 % missing. Printed:
share of mutation pairs whose most probable relation (ancestor, descendant, other branch, same clone) is the true one,
over all pairs and over those of different clones (what published evaluations of mutation trees count: ancestor and
descendant, other branch); share of right genotypes; mean log score of a relation; error rates learnt; seconds of CPU.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from phylometa.cells import infer_cell_clones
from phylometa.model.cells import relations_of
from phylometa.simulate.cells import simulate_cells

PATIENTS, FLOOR = 20, 0.01


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="?", type=int, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    for number in range(arguments.patients):
        rng = np.random.default_rng([arguments.seed, number])
        simulated = simulate_cells(rng=rng)
        started = time.process_time()
        found = infer_cell_clones(simulated.matrix, rng=rng)
        seconds = time.process_time() - started
        true = relations_of(simulated.labels, simulated.parents).argmax(axis=0)
        p = found.relations
        upper = np.triu_indices(len(true), 1)
        right, told = (p.argmax(axis=0) == true)[upper], np.take_along_axis(p, true[None], axis=0)[0][upper]
        apart = true[upper] != 3
        genotypes = ((found.cell_probability > 0.5) == simulated.genotypes).mean()
        rates = np.mean([(draw.false_positive, draw.dropout) for draw in found.draws], axis=0)
        score = np.log(np.maximum(told, FLOOR)).mean()
        rows.append((right.mean(), right[apart].mean(), genotypes, score, *rates, found.n_stuck, seconds))
    table = np.array(rows)
    names = ("relations right", "of different clones", "genotypes right", "log score of a relation")
    for name, column in zip(names, table.T):
        print(f"{name:<26} mean {column.mean():.4f}, least {column.min():.4f}")
    false_positive, dropout, n_stuck = table[:, 4].mean(), table[:, 5].mean(), table[:, 6].sum()
    print(f"false positives {false_positive:.4f}, dropout {dropout:.3f}; {n_stuck:.0f} chains stuck")
    print(f"CPU a patient: mean {table[:, 7].mean():.1f} s, most {table[:, 7].max():.1f} s")


if __name__ == "__main__":
    main()
