"""Seeding labels where clusters and tree are known: how right and how sure, by the weights of the histories.

    python benchmarks/seeding_labels.py [--patients 600] [--seed 1] [--unsampled 0.15] [--fit]

Simulates patients of every pattern and takes the clone tree and presence that perfect clusters would show: clones
without a called mutation of their own are one with their parent (exomes), some populations are in no sample. Labels of
the inferred histories are compared with those of the true one. What is lost here is lost by the criterion and by what
was not sampled, not by clusters, trees or presence. Tables: plain vertex labellings under MACHINA's order; MACH2's
order UMCS; all histories of least U and migrations, equal weights; the same with exp(-gamma - 2 sigma), the strict
criterion. The last table weighs near-optimal histories too, as `run` does.

`--fit` adds the log score over grids of these weights: fit them on simulations that resemble the patients in question,
and set `comigration_weight` and `seeding_site_weight`. With --unsampled 0 and whole genomes every history of these
simulations is unique.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np

from phylometa.config import MigrationSettings, SimulationSettings
from phylometa.migration import infer_migration_histories
from phylometa.seeding.batch import batch_histories
from phylometa.seeding.labels import label_batch
from phylometa.simulate import PATTERNS, simulate_patient, true_labels
from phylometa.trees import CloneTree

LABELS = (
    "pattern",
    "clonality_site",
    "clonality_machina",
    "phyletic",
    "reseeding_primary",
    "met_to_met",
    "cascade",
    "cross_seeding",
    "site_seeding",
    "site_sources",
    "ln_route",
    "ongoing_evolution",
)
FLOOR = 1e-3  # least probability in the log score


def visible(truth, n_sites, unsampled, rng):
    """The tree and presence that perfect clusters would show.

    A clone without a called mutation of its own is one with its parent; a population is missed with probability
    `unsampled` (never the last one of a site); then a clone found nowhere is dropped if it is a leaf, and one with its
    child if it has a single one.
    """
    parents, counts = truth.tree.parents.copy(), np.asarray(truth.n_called, dtype=float).copy()
    presence = truth.presence.copy()
    order = truth.tree.preorder
    stands_for = np.arange(len(parents))
    for v in order:
        if parents[v] >= 0 and counts[v] == 0:
            stands_for[v] = stands_for[parents[v]]
    merged = np.zeros_like(presence)
    np.logical_or.at(merged, stands_for, presence)
    for t in range(n_sites):
        here = np.flatnonzero(merged[:, t])
        missed = rng.random(len(here)) < unsampled
        missed[rng.integers(len(here))] = False
        merged[here[missed], t] = False
    parents = np.array([-1 if p < 0 else stands_for[p] for p in parents])
    alive = stands_for == np.arange(len(parents))
    for v in reversed(order):
        children = [c for c in np.flatnonzero(parents == v) if alive[c]]
        if not alive[v] or merged[v].any() or len(children) > 1:
            continue
        alive[v] = False
        for child in children:
            parents[child] = parents[v]
            counts[child] += counts[v]
    kept = np.flatnonzero(alive)
    index = {int(v): i for i, v in enumerate(kept)}
    new_parents = [index.get(int(parents[v]), -1) for v in kept]
    return CloneTree(tuple(truth.tree.names[v] for v in kept), new_parents, counts[kept]), merged[kept]


def simulated(number, seed, unsampled):
    """Truth, sites, visible tree and presence of patient `number`; pattern, sites, assay and mutation rate vary."""
    rng = np.random.default_rng([seed, number])
    nodes = int(rng.integers(0, 3))
    settings = SimulationSettings(
        pattern=PATTERNS[number % (len(PATTERNS) - 1)] if number % 2 else "random",
        lymph_nodes=nodes,
        distant_sites=max(1, int(rng.integers(2, 6)) - nodes),
        primary_regions=int(rng.integers(1, 4)),
        metastasis_regions=int(rng.integers(1, 4)),
        assay="wes" if rng.random() < 0.5 else "wgs",
        mutation_rate=0.002 if rng.random() < 0.5 else 0.0005,
        depth=60.0,
    )
    patient = simulate_patient(settings, rng=rng)
    tree, presence = visible(patient.truth, len(patient.patient.sites), unsampled, rng)
    return true_labels(patient), patient.patient.sites, tree, presence


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


def label_scores(found, truth):
    """(label, probability of the truth, highest probability, right?, Brier score) of every label instance."""
    for name in LABELS:
        values = truth[name] if isinstance(truth[name], dict) else {"": truth[name]}
        for site, true_value in values.items():
            part = dict(found.get((name, site), {}))
            rest = 1 - sum(part.values())
            if rest > 1e-9:
                part["not entered"] = rest
            best = max(part, key=lambda value: part[value])
            brier = sum((p - (value == true_value)) ** 2 for value, p in part.items())
            brier += 0 if true_value in part else 1
            yield name, part.get(true_value, 0.0), part[best], best == true_value, brier


def calibration_error(confidence, right):
    """Expected calibration error over ten bins, and its 95 % quantile for a calibrated predictor of that n."""

    def error(hits):
        bins = np.minimum((confidence * 10).astype(int), 9)
        return sum(abs((confidence - hits)[bins == b].sum()) for b in range(10)) / len(confidence)

    rng = np.random.default_rng(0)
    null = [error((rng.random(len(confidence)) < confidence).astype(float)) for _ in range(200)]
    return error(right), np.quantile(null, 0.95)


def report(title, rows):
    names = np.array([row[0] for row in rows])
    p_true, confidence, right, brier = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2, 3, 4))
    print(f"\n{title}")
    header = ("accuracy", " Brier", "   log", "  ECE", "null95", "supported right")
    print(f"  {'label':20s} {'n':>5s} {' '.join(header)}")
    for name in (*LABELS, "all"):
        chosen = np.ones(len(names), dtype=bool) if name == "all" else names == name
        if not chosen.any():
            continue
        log_score = np.log(np.maximum(p_true[chosen], FLOOR)).mean()
        ece, null = calibration_error(confidence[chosen], right[chosen])
        sure = chosen & (confidence >= 0.95)
        print(
            f"  {name:20s} {chosen.sum():5d} {right[chosen].mean():8.3f} {brier[chosen].mean():6.3f} {log_score:6.3f} "
            f"{ece:5.3f} {null:6.3f} {right[sure].mean() if sure.any() else np.nan:9.3f} of {sure.sum()}"
        )


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
        report(title, scored([columns_of(patient, criteria=criteria, model=model) for patient in patients], equal))
    start = time.process_time()
    columns = [columns_of(patient, criteria="UM", model="refined") for patient in patients]
    seconds = time.process_time() - start
    report("refined, U > migrations, equal weights", scored(columns, equal))
    report("refined, U > migrations, exp(-gamma - 2 sigma), strict", scored(columns, exponential(1, 2)))
    near = [columns_of(patient, criteria="UM", model="refined", near_optimal=300) for patient in patients]
    report(
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
