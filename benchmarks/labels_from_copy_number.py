"""Seeding labels of simulated patients from copy number alone, from mutations alone, and from both.

    python benchmarks/labels_from_copy_number.py [--patients 40] [--seed 1] [--design panel] [--jobs 1]
                                                 [--results FILE.jsonl] [--set STAGE.NAME=VALUE] [--record]

Patients of every pattern (2-4 metastases, 1-2 regions a site, purity .3-.9); clones have copy-number events of their
own (mean 2 a branch). Segments have the errors of a caller (`noisy_segments`). Designs: `panel`, 25-60 mutations of a
large panel at 400x with copy number of an array in two states; `low_pass`, the same with the errors of low-pass
genomes; `rounded`, with whole copies only; `exome`, exomes at 120x with copy number in two states.

Mutations alone: copy-number events are left out of the posterior, but segments still tell the copies of every
mutation's locus. Copy number alone: no mutation. Both: `copy_number_events = "always"`. Truth is the history on the
clones that have a called mutation or an event, the same for all three, and labels are scored against it as in
`label_calibration.py`; routes are the pairs of sites, each with its probability.

One JSON line a patient goes to `--results` when it is done, and is not run again. Settings were chosen on seed 201;
figures are quoted of seed 1. `--record` keeps the table in printed.tsv.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
from label_calibration import chosen_settings, lines_of
from label_patients import draw_patient, with_scalar
from noisy_segments import CALLERS, noisy_profile
from printed import record
from scoring import FLOOR, LABELS, calibrated_quantile, calibration_error, label_scores, shown_labels, totals

from phylometa.errors import InfeasibleError, InputError
from phylometa.io.segments import copy_number_at_loci
from phylometa.model.patient import CopyNumberAtLoci
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.simulate import visible_labels, visible_truth

DESIGNS = {
    "panel": ("two_states", {"assay": "panel", "depth": 400.0, "mutation_rate": 0.16}),
    "low_pass": ("two_states_low_pass", {"assay": "panel", "depth": 400.0, "mutation_rate": 0.16}),
    "exome": ("two_states", {"assay": "wes", "depth": 120.0, "mutation_rate": 0.012}),
    "rounded": ("rounded", {"assay": "panel", "depth": 400.0, "mutation_rate": 0.16}),
}
KINDS = {"mutations": "mutations alone", "copy_number": "copy number alone", "both": "both"}
STAGES = ("clusters", "trees", "histories", "labels")


def study_patient(number: int, seed: int, design: str):
    """A simulated patient, the same with its caller's segments, and the truth that all kinds are held against."""
    caller, changes = DESIGNS[design]
    size = np.random.default_rng([seed, number, 7])
    n_metastases = int(size.integers(2, 5))
    simulated = draw_patient(
        number,
        seed,
        unsampled=0.1,
        branch_cn_events=2.0,
        lymph_nodes=1,
        distant_sites=n_metastases - 1,
        primary_regions=int(size.integers(1, 3)),
        metastasis_regions=int(size.integers(1, 3)),
        **changes,
    )
    patient, truth = simulated.patient, simulated.truth
    profile = noisy_profile(patient.segments, CALLERS[caller], np.random.default_rng([seed, number, 23]))
    table = patient.mutations
    at_loci = copy_number_at_loci(profile, table.chroms, table.positions)
    copies = CopyNumberAtLoci(normal=patient.copy_number.normal, **at_loci)
    given = replace(patient, segments=profile, copy_number=copies)
    n_events = np.bincount([event.clone for event in truth.copy_number_events], minlength=truth.tree.n_clones)
    either = replace(simulated, truth=replace(truth, n_called=truth.n_called + n_events))
    return given, either


def variants(patient, settings):
    """Kind -> the patient and the settings with which it is analysed."""
    nothing = np.zeros(0, dtype=np.int64)
    alone = replace(patient, mutations=patient.mutations.take(nothing), copy_number=patient.copy_number.take(nothing))
    always = with_scalar(settings, "observation", copy_number_events="always")
    never = with_scalar(settings, "observation", copy_number_events="never")
    return {"mutations": (patient, never), "copy_number": (alone, always), "both": (patient, always)}


def run_patient(number: int, seed: int, design: str, settings) -> dict:
    """One line of the results."""
    patient, either = study_patient(number, seed, design)
    seen = visible_truth(either)
    names = patient.site_names
    true = {f"{names[s]}>{names[t]}" for _, s, _, t in seen.history.edges.tolist() if s != t}
    chains = {}
    for kind, (given, chosen) in variants(patient, settings).items():
        start = time.process_time()
        result = AnalysisResult(patient=given, settings=chosen)
        try:
            for stage in STAGES:
                result = run_stage(stage, result, chosen)
        except (InfeasibleError, InputError) as error:
            chains[kind] = {"labels": {}, "levels": {}, "routes": {}, "failed": str(error)}
            continue
        labels, levels = shown_labels(result.labels)
        p = result.histories.migration_probability
        chains[kind] = {
            "labels": {"|".join(key): values for key, values in labels.items()},
            "levels": {"|".join(key): level for key, level in levels.items()},
            "routes": {
                f"{a}>{b}": round(float(p[s, t]), 5) for s, a in enumerate(names) for t, b in enumerate(names) if s != t
            },
            "n_events": int(result.patient.mutations.is_event.sum()),
            "clones": result.clusters.n_clusters,
            "cpu": round(time.process_time() - start, 1),
        }
    return {
        "number": number,
        "seed": seed,
        "design": design,
        "pattern": either.settings.pattern,
        "mutations": patient.mutations.n_mutations,
        "samples": len(patient.samples),
        "clones": seen.tree.n_clones,
        "truth": {name: visible_labels(either)[name] for name in LABELS},
        "routes": sorted(true),
        "chains": chains,
    }


def run_study(options) -> list[dict]:
    """Lines of all patients, in order; those of `options.results` are not run again."""
    path = Path(options.results) if options.results else None
    done = lines_of(path, seed=options.seed, design=options.design)
    settings = chosen_settings(options.set)
    settings = settings.replace(trees=replace(settings.trees, joint_moves=30_000, joint_rounds=1))
    waiting = [number for number in range(options.patients) if number not in done]
    with ProcessPoolExecutor(options.jobs) as pool:
        for future in as_completed(
            [pool.submit(run_patient, number, options.seed, options.design, settings) for number in waiting]
        ):
            row = future.result()
            done[row["number"]] = row
            if path is not None:
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return [done[number] for number in range(options.patients)]


def route_figures(rows: list[dict], kind: str) -> tuple[list[float], list[tuple[float, bool]]]:
    """Mean log score of every patient's routes; (probability, is true) of all routes."""
    scores, pairs = [], []
    for row in rows:
        true, found = set(row["routes"]), row["chains"][kind]["routes"]
        own = [(p, name in true) for name, p in found.items()]
        pairs += own
        scores.append(float(np.mean([np.log(max(p if hit else 1 - p, FLOOR)) for p, hit in own])) if own else np.nan)
    return scores, pairs


def patient_scores(row: dict, kind: str):
    chain = row["chains"][kind]
    found = {tuple(key.split("|")): values for key, values in chain["labels"].items()}
    levels = {tuple(key.split("|")): level for key, level in chain["levels"].items()}
    return list(label_scores(found, row["truth"], levels))


def figures_of(rows: list[dict], kind: str) -> dict[str, str]:
    """Figures of one kind of evidence, as printed."""
    scores = [score for row in rows for score in patient_scores(row, kind)]
    found = totals(scores)
    of_routes, pairs = route_figures(rows, kind)
    hits = [(p >= 0.5) == hit for p, hit in pairs]
    sure = [hit for p, hit in pairs if p >= 0.8]
    return {
        "accuracy": f"{found.accuracy:.3f}",
        "log score": f"{found.log_score:.3f}",
        "ECE": f"{found.calibration_error:.3f}",
        "ECE of a calibrated one (95 %)": f"{calibrated_quantile([score.confidence for score in scores]):.3f}",
        "supported right": f"{found.supported - found.supported_wrong} of {found.supported}",
        "favoured right": f"{found.favoured - found.favoured_wrong} of {found.favoured}",
        "routes right": f"{np.mean(hits):.3f}",
        "routes log score": f"{np.nanmean(of_routes):.3f}",
        "routes ECE": f"{calibration_error(pairs):.3f}",
        "routes of .8 right": f"{sum(sure)} of {len(sure)}",
    }


def gain(rows: list[dict], kind: str) -> tuple[str, str]:
    """Gain of both over a kind in mean log score of a patient's labels and routes, with its standard error."""
    told = []
    for score in (
        lambda row, name: np.mean([np.log(max(item.p_true, FLOOR)) for item in patient_scores(row, name)]),
        lambda row, name: route_figures([row], name)[0][0],
    ):
        both, alone = (np.array([score(row, name) for row in rows]) for name in ("both", kind))
        difference = (both - alone)[np.isfinite(both - alone)]
        told.append(f"{difference.mean():+.3f} (se {difference.std(ddof=1) / np.sqrt(len(difference)):.3f})")
    return told[0], told[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--design", choices=DESIGNS, default="panel")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.NAME=VALUE")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    options = parser.parse_args()
    rows = run_study(options)
    n_mutations = [row["mutations"] for row in rows]
    n_events = [row["chains"]["copy_number"].get("n_events", 0) for row in rows]
    print(
        f"{len(rows)} patients, design {options.design}: {np.median(n_mutations):.0f} mutations "
        f"({min(n_mutations)}-{max(n_mutations)}) and {np.median(n_events):.0f} events ({min(n_events)}-"
        f"{max(n_events)}) a patient, median and range"
    )
    table = []
    for kind, words in KINDS.items():
        found = figures_of(rows, kind)
        failed = sum("failed" in row["chains"][kind] for row in rows)
        cpu = np.mean([row["chains"][kind].get("cpu", np.nan) for row in rows])
        print(f"{words}: {cpu:.1f} s of CPU a patient" + (f"; no result in {failed}" if failed else ""))
        for measure, value in found.items():
            print(f"  {measure:>32s}: {value}")
            table.append((f"{options.design}: {words}", measure, value))
    for kind in ("mutations", "copy_number"):
        labels, routes = gain(rows, kind)
        print(f"both above {KINDS[kind]}, mean log score of a patient: labels {labels}, routes {routes}")
        table.append((f"{options.design}: both above {KINDS[kind]}", "log score of labels", labels))
        table.append((f"{options.design}: both above {KINDS[kind]}", "log score of routes", routes))
    if options.record:
        record("labels_from_copy_number.py", table)


if __name__ == "__main__":
    main()
