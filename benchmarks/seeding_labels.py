"""Seeding labels with tree and presence known: how right and how sure, by the weights of the histories.

    python benchmarks/seeding_labels.py [--patients 600] [--seed 1] [--unsampled 0.15] [--fit]

Simulates the patients of `label_calibration.py` and takes the clone tree and presence that the samples can show
(`phylometa.simulate.visible_truth`); some populations die out before they are sampled. Labels of the inferred histories
are compared with those of the history that happened. What is lost here is lost by the criterion and by what was not
sampled, not by clusters, trees or presence. Tables: plain vertex labellings under MACHINA's order; MACH2's order UMCS;
all histories of least U and migrations, equal weights; the same with exp(-gamma - 2 sigma), the strict criterion. The
last table weighs near-optimal histories too, as `run` does.

`--fit` adds the log score over grids of these weights: fit them on simulations that resemble the patients in question,
and set `comigration_weight` and `seeding_site_weight`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np
from label_patients import draw_patient
from scoring import FLOOR, LABELS, label_scores, print_scores

from phylometa.config import MigrationSettings
from phylometa.migration import infer_migration_histories
from phylometa.seeding.batch import batch_histories
from phylometa.seeding.labels import label_batch
from phylometa.simulate import visible_labels, visible_truth


def simulated(number, seed, unsampled):
    """Truth, sites, visible tree and presence of patient `number`."""
    patient = draw_patient(number, seed, unsampled=unsampled)
    seen = visible_truth(patient)
    return visible_labels(patient), patient.patient.sites, seen.tree, seen.presence


def columns_of(patient, *, criteria, model, near_optimal=0):
    """Label columns; gamma, sigma, and U and mu above the least, of every history of a patient."""
    _, sites, tree, presence = patient
    settings = MigrationSettings(
        criteria=criteria, weights="uniform", max_histories=5000, max_alternatives=near_optimal, seconds=20
    )
    found = infer_migration_histories(
        tree, presence, primary=0, settings=settings, model=model, alternatives=near_optimal > 0
    )
    histories = (*found.histories, *found.alternatives)
    least = np.array([0, 0, found.criteria["unobserved"], found.criteria["migrations"]])
    batches = batch_histories(tree, histories, sites, presence, primary=0)
    tables = [label_batch(batch) for batch in batches]
    by_size = defaultdict(list)
    for history in histories:
        scores = history.comigrations, history.seeding_sites, history.unobserved, history.n_migrations
        by_size[len(history.edges)].append(scores)
    return tables, [np.array(scores, dtype=float) - least for scores in by_size.values()]


def distributions(tables, weights):
    """(label, site) -> {value: probability}."""
    total = sum(part.sum() for part in weights)
    found = defaultdict(lambda: defaultdict(float))
    for columns, part in zip(tables, weights):
        for key, column in columns.items():
            if key[0] in LABELS:
                sums = np.bincount(column.codes + 1, weights=part, minlength=len(column.values) + 1)[1:]
                for value, p in zip(column.values, sums / total):
                    found[key][value] += p
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--patients", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unsampled", type=float, default=0.15, help="P(a clone of a site is in no sample)")
    parser.add_argument("--fit", action="store_true", help="log score over a grid of history weights")
    options = parser.parse_args()
    start = time.process_time()
    patients = [simulated(number, options.seed, options.unsampled) for number in range(options.patients)]
    truths = [patient[0] for patient in patients]
    print(f"{len(patients)} patients simulated: {time.process_time() - start:.1f} s of CPU")

    def scored(columns, weigh):
        return [
            row
            for (tables, scores), truth in zip(columns, truths)
            for row in label_scores(distributions(tables, [weigh(part) for part in scores]), truth)
        ]

    def equal(part):
        return np.ones(len(part))

    def exponential(a, b, unobserved=0.0, migration=0.0):
        coefficients = np.array([a, b, unobserved, migration])
        return lambda part: np.exp(20 - part @ coefficients)

    for title, criteria, model in (
        ("plain vertex labellings, migrations > comigrations > seeding sites", "MCS", "machina"),
        ("refined, U > migrations > comigrations > seeding sites", "UMCS", "refined"),
    ):
        print_scores(
            title, scored([columns_of(patient, criteria=criteria, model=model) for patient in patients], equal)
        )
    start = time.process_time()
    columns = [columns_of(patient, criteria="UM", model="refined") for patient in patients]
    seconds = time.process_time() - start
    print_scores("refined, U > migrations, equal weights", scored(columns, equal))
    print_scores("refined, U > migrations, exp(-gamma - 2 sigma), strict", scored(columns, exponential(1, 2)))
    near = [columns_of(patient, criteria="UM", model="refined", near_optimal=300) for patient in patients]
    print_scores(
        "refined, the same with near-optimal histories (U + 1, mu + 1), exp(-gamma - 2 sigma - 6 dU - dmu) (default)",
        scored(near, exponential(1, 2, 6, 1)),
    )
    n_histories = sum(len(part) for _, scores in columns for part in scores)
    print(f"\n{n_histories} histories found and labelled in {seconds:.1f} s of CPU")
    if options.fit:
        print("\nmean log score; rows: comigration_weight, columns: seeding_site_weight")
        grid = (0, 0.5, 1, 1.5, 2, 3, 4)
        print("      " + "".join(f"{b:8g}" for b in grid))
        for a in grid:
            log_scores = [
                np.log(np.maximum([row[1] for row in scored(columns, exponential(a, b))], FLOOR)).mean() for b in grid
            ]
            print(f"{a:6g}" + "".join(f"{value:8.4f}" for value in log_scores))
        print("\nthe same with near-optimal histories; rows: per unobserved node, columns: per migration")
        print("      " + "".join(f"{b:8g}" for b in (*grid[1:], 6)))
        for a in (1, 2, 3, 4, 6, 8):
            log_scores = [
                np.log(np.maximum([row[1] for row in scored(near, exponential(1, 2, a, b))], FLOOR)).mean()
                for b in (*grid[1:], 6)
            ]
            print(f"{a:6g}" + "".join(f"{value:8.4f}" for value in log_scores))


if __name__ == "__main__":
    main()
