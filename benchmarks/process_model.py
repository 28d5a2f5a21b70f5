"""The process model against the weights of parsimony: log score and calibration of routes and labels.

    python benchmarks/process_model.py [--patients 60] [--fit] [--set NAME=VALUE] [--sistem FILE ...] [--record]

True clone trees with true presence of four kinds: own patients of which few populations die out before they are
sampled (a share of .1), own patients with sweeps (.4, and .7), the simulated tumours of El-Kebir et al. 2018 (the
folder PHYLOMETA_DATA), and patients of an agent-based simulator (`sistem_patients.py`), by number of sites. Printed by
kind and model: mean log score of a pair of sites (was there a route?), of labels, their expected calibration errors,
and how many supported labels are right: in all patients, and in those whose ancestors are swept, where nothing is said
to be supported (`phylometa.seeding.swept`). "By ancestors" is what `phylometa run` does (`phylometa.migration.swept`).
`--fit` chooses the settings of the process model by coordinate search on seeds 201 and 202 and every other tumour;
figures are of seeds 301 to 303 and the others. `--record` keeps the figures in printed.tsv.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from label_patients import draw_patient
from migration_histories import Tumor
from printed import record
from scoring import FLOOR, LABELS, calibration_error, label_scores

from phylometa.config import MigrationSettings, ProcessSettings
from phylometa.migration import Scenario, infer_history_ensemble, migration_pattern
from phylometa.migration.process_ensemble import process_ensemble
from phylometa.migration.swept import settings_for
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Site
from phylometa.seeding.batch import batch_histories
from phylometa.seeding.labels import count_labels, label_batch, label_history
from phylometa.seeding.swept import find_swept
from phylometa.simulate import visible_truth

# Coordinate search: factors tried on each setting, in rounds.
FACTORS, ROUNDS = (0.3, 0.6, 1.6, 3.0), 2
FITTED = ("route", "route_between", "route_back", "further_source", "moving", "staying", "hidden")
LESS_THAN_ONE = ("staying", "hidden", "moving")
# Names of the kinds in printed.tsv; figures that are kept there, and their digits.
TITLES = {
    "own": "own",
    "sweeps": "own with 40 % extinct",
    "extinct": "own with 70 % extinct",
    "m5": "m5",
    "sistem4": "SISTEM, four sites",
    "sistem5": "SISTEM, five sites",
}
RECORDED = {
    "route log": 3,
    "route ECE": 3,
    "label log": 3,
    "label ECE": 3,
    "supported right": 3,
    "supported": 3,
    "swept": 0,
    "supported of swept": 0,
    "right of these": 0,
}


@dataclass(frozen=True)
class Case:
    tree: CloneTree
    presence: np.ndarray
    sites: list[Site]
    primary: int
    pairs: set[tuple[int, int]]
    truth: dict[str, object]


def own_cases(seed: int, n: int, unsampled: float, **changes: object) -> list[Case]:
    cases = []
    for number in range(n):
        simulated = draw_patient(number, seed, unsampled=unsampled, **changes)
        visible = visible_truth(simulated)
        sites = list(simulated.patient.sites)
        primary = int(visible.history.root[1])
        truth = label_history(visible.tree, visible.history, sites, primary=primary, presence=visible.presence)
        pairs = set(visible.history.migration_counts)
        cases.append(Case(visible.tree, visible.presence, sites, primary, pairs, truth))
    return cases


def published_cases(part: int) -> list[Case]:
    cases = []
    paths = sorted(Path(os.environ["PHYLOMETA_DATA"]).glob("machina_m5/*/T_seed*.tree"))
    for path in paths[part::2]:
        tumor = Tumor(path)
        located = tumor.located.with_site("P")
        names = list(located.site_names)
        sites = [Site(name, "primary" if name == "P" else "distant") for name in names]
        pairs = {(names.index(s), names.index(t)) for s, t in tumor.pairs}
        sources = {
            names[t]: "+".join(sorted(names[s] for s, target in pairs if target == t)) for t in {t for _, t in pairs}
        }
        truth = {
            "pattern": migration_pattern(pairs),
            "site_sources": sources,
            "reseeding_primary": str(any(t == names.index("P") for _, t in pairs)),
        }
        cases.append(Case(located.tree, located.presence, sites, names.index("P"), pairs, truth))
    return cases


def sistem_cases(path: str) -> list[Case]:
    """Cases of `sistem_patients.py`: true clone trees, sites of sampled cells, and the routes of their ancestors.

    A clone that no sampled cell is of, and with at most one child, is one with its child: no reads tell them apart.
    """
    cases = []
    for patient in json.loads(Path(path).read_text(encoding="utf-8")):
        n_sites = 1 + max(t for held in patient["sites"] for t in held)
        presence = np.array([[t in held for t in range(n_sites)] for held in patient["sites"]])
        parents, kept = without_chains(np.array(patient["parents"]), presence)
        tree, presence = CloneTree(tuple(map(str, range(len(kept)))), parents), presence[kept]
        sites = [Site(f"S{t}", "distant" if t else "primary") for t in range(n_sites)]
        pairs = {(s, t) for s, t in patient["routes"]}
        sources = {f"S{t}": "+".join(f"S{s}" for s, to in sorted(pairs) if to == t) for t in {t for _, t in pairs}}
        truth = {
            "pattern": migration_pattern(pairs),
            "site_sources": sources,
            "reseeding_primary": str(any(t == 0 for _, t in pairs)),
        }
        cases.append(Case(tree, presence, sites, 0, pairs, truth))
    return cases


def without_chains(parents: np.ndarray, presence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parents without clones that are nowhere and have at most one child, and which clones are left."""
    above, is_kept = parents.copy(), np.ones(len(parents), dtype=bool)
    while True:
        n_children = np.bincount(above[is_kept & (above >= 0)], minlength=len(above))
        gone = np.flatnonzero(is_kept & ~presence.any(axis=1) & (n_children <= 1))
        if not len(gone):
            break
        above[above == gone[0]] = above[gone[0]]
        is_kept[gone[0]] = False
    kept = np.flatnonzero(is_kept)
    rank = np.full(len(parents) + 1, -1)
    rank[kept] = np.arange(len(kept))
    return rank[above[kept]], kept


def parsimony(case: Case) -> HistoryEnsemble:
    scenario = Scenario(0, case.tree, 1.0, case.presence)
    return infer_history_ensemble([scenario], [s.name for s in case.sites], primary=case.primary)


def process(case: Case, settings: ProcessSettings) -> HistoryEnsemble:
    scenario = Scenario(0, case.tree, 1.0, case.presence)
    names = [s.name for s in case.sites]
    return process_ensemble([scenario], names, primary=case.primary, settings=MigrationSettings(process=settings))


def as_run(case: Case, settings: MigrationSettings) -> HistoryEnsemble:
    """What `phylometa run` does: parsimony, or the process model with rates of swept tumours if most ancestors are."""
    scenario = Scenario(0, case.tree, 1.0, case.presence)
    names = [s.name for s in case.sites]
    return infer_history_ensemble([scenario], names, primary=case.primary, settings=settings_for([scenario], settings))


def score(cases: list[Case], infer) -> dict[str, float]:
    """Scores of one model over cases; routes count each ordered pair of sites."""
    p_route, is_route, rows, of_swept = [], [], [], []
    n_swept = 0
    start = time.process_time()
    for case in cases:
        found = infer(case)
        n = len(case.sites)
        pairs = [(s, t) for s in range(n) for t in range(n) if s != t]
        p_route += [found.migration_probability[s, t] for s, t in pairs]
        is_route += [(s, t) in case.pairs for s, t in pairs]
        batches = [
            batch
            for entry in found.trees
            for batch in batch_histories(case.tree, entry.histories, case.sites, case.presence, primary=case.primary)
        ]
        names = tuple(name for name in LABELS if name in case.truth)
        counted = count_labels([(b.weights, label_batch(b)) for b in batches], names)
        flat = {}
        for name in names:
            of_sites = isinstance(case.truth[name], dict)
            flat |= {(name, site): v for site, v in counted[name].items()} if of_sites else {(name, ""): counted[name]}
        truth = {name: case.truth.get(name, {}) for name in LABELS}
        rows += [row for row in label_scores(flat, truth) if row.label in names]
        is_swept = find_swept([np.asarray(case.tree.parents)], found) is not None
        of_swept += [is_swept] * (len(rows) - len(of_swept))
        n_swept += is_swept
    p, y = np.clip(np.array(p_route), 0, 1), np.array(is_route)
    confidence, right = np.maximum(p, 1 - p), np.where(p >= 0.5, y, ~y)
    label_p, label_best = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2))
    label_right = np.array([row.is_right for row in rows])
    sure = label_best >= 0.95
    capped = sure & np.array(of_swept)
    return {
        "route log": float(np.log(np.maximum(np.where(y, p, 1 - p), FLOOR)).mean()),
        "route ECE": calibration_error(np.column_stack([confidence, right])),
        "label log": float(np.log(np.maximum(label_p, FLOOR)).mean()),
        "label ECE": calibration_error(np.column_stack([label_best, label_right])),
        "supported right": float(label_right[sure].mean()),
        "supported": float(sure.mean()),
        "swept": n_swept,
        "supported of swept": int(capped.sum()),
        "right of these": int(label_right[capped].sum()),
        "not capped right": float(label_right[sure & ~capped].mean()) if (sure & ~capped).any() else np.nan,
        "CPU ms": 1000 * (time.process_time() - start) / len(cases),
    }


def fit(kinds: dict[str, list[Case]], settings: ProcessSettings) -> ProcessSettings:
    """Coordinate search for the best mean of route and label log scores over kinds."""

    def goodness(chosen: ProcessSettings) -> float:
        found = [score(cases, lambda case: process(case, chosen)) for cases in kinds.values()]
        return float(np.mean([f["route log"] * 5 + f["label log"] for f in found]))

    best = goodness(settings)
    for _ in range(ROUNDS):
        for name in FITTED:
            for factor in FACTORS:
                value = getattr(settings, name) * factor
                if name in LESS_THAN_ONE:
                    value = min(value, 0.97)
                tried = replace(settings, **{name: value})
                found = goodness(tried)
                if found > best:
                    best, settings = found, tried
                    print(f"{name} {value:.4g}: {best:.4f}", flush=True)
                    break
    return settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--sistem", metavar="FILE", nargs="+", help="patients of sistem_patients.py")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    arguments = parser.parse_args()
    settings = ProcessSettings(draws=400)
    for text in arguments.set:
        name, value = re.split("=", text, maxsplit=1)
        settings = replace(settings, **{name: float(value)})
    with_data = "PHYLOMETA_DATA" in os.environ
    n = arguments.patients
    if arguments.fit:
        kinds = {"own": own_cases(201, n, 0.1), "sweeps": own_cases(202, n, 0.4)}
        kinds |= {"m5": published_cases(0)} if with_data else {}
        settings = fit(kinds, settings)
        print({name: float(f"{getattr(settings, name):.3g}") for name in FITTED})
    kinds = {"own": own_cases(301, n, 0.1), "sweeps": own_cases(302, n, 0.4)}
    kinds |= {"extinct": own_cases(303, n, 0.7)}
    kinds |= {"m5": published_cases(1)} if with_data else {}
    if arguments.sistem:
        cases = [case for path in arguments.sistem for case in sistem_cases(path)]
        for n_sites in sorted({len(case.sites) for case in cases}):
            kinds[f"sistem{n_sites}"] = [case for case in cases if len(case.sites) == n_sites]
    default = MigrationSettings()
    by_ancestors = replace(default, swept=replace(default.swept, draws=settings.draws))
    models = {
        "parsimony": parsimony,
        "process": lambda case: process(case, settings),
        "by ancestors": lambda case: as_run(case, by_ancestors),
    }
    figures = []
    for kind, cases in kinds.items():
        for model, infer in models.items():
            found = score(cases, infer)
            print(
                f"{kind:8s}{model:13s}" + "  ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True
            )
            figures += [
                (f"{len(cases)} of {TITLES[kind]}, {model}", name, f"{found[name]:.{digits}f}")
                for name, digits in RECORDED.items()
            ]
    if arguments.record:
        record("process_model.py", figures)


if __name__ == "__main__":
    main()
