"""Coverage of dissemination intervals and calibration of P(seeding before an event), from reads to dates.

    python benchmarks/timing_from_reads.py LINES.jsonl [--patients 320] [--failures 40] [--seed 1]

Every simulated patient is analysed three times: from the reads; with the true clusters given, trees and histories
inferred; with everything given but the times. If the first fails and the last does not, the clusters or the trees
are at fault, not the clock. One JSON line per patient is added to LINES.jsonl as soon as it is done, and patients that
are already there are not repeated: the run can be stopped and taken up again. The table is printed at the end, or
with `--patients 0 --failures 0` from the lines alone.

The limits: 92-98 % coverage if the model holds, expected calibration error at most .05.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from clustering import adjusted_rand
from dated_patients import (
    Growth,
    detectable_patient,
    draw_settings,
    thin,
    true_inputs,
    true_migrations,
    with_events,
    with_type,
    write_tables,
)
from scoring import calibrated_quantile, calibration_error
from timing_coverage import KEYWORDS

from phylometa.config import Settings, TimingSettings
from phylometa.pipeline.stages import AnalysisResult, run_stage, stage_rng
from phylometa.timing.gains import expected_vaf
from phylometa.timing.infer import date_dissemination

BASE = "the model holds"
# Scenario -> changes of the simulation, share of the metastases' mutations that is kept, mutations of a neutral tail.
SCENARIOS = {
    BASE: ({}, None, 0),
    "acceleration twice the prior's median": ({"acceleration": 10.0}, None, 0),
    "acceleration half the prior's median": ({"acceleration": 2.5}, None, 0),
    "metastases at half the rate": ({}, 0.5, 0),
    "metastases at a tenth of the rate": ({}, 0.1, 0),
    "one primary region": ({"primary_regions": 1}, None, 0),
    "low purity (.15-.3)": ({"min_purity": 0.15, "max_purity": 0.3}, None, 0),
    "neutral tail in every sample": ({}, None, 300),
}
LEVELS = ("from reads", "clusters given", "tree given")
RATE = 0.002  # mutations per Mb and year before transformation: about a thousand SNVs a patient
TAIL_CCF = (0.03, 0.3)


def add_tail(patient, rng, n_tail):
    """`patient` with a neutral tail in every sample: CCF f with density 1 / f^2, the fewer the further from 0."""
    table, low, high = patient.mutations, *TAIL_CCF
    n_samples = table.n_samples
    rows = rng.integers(0, table.n_mutations, n_tail * n_samples)
    own = np.repeat(np.arange(n_samples), n_tail)
    ccf = 1 / (1 / low - rng.random(len(rows)) * (1 / low - 1 / high))
    copies = patient.copy_number.take(rows)
    vaf = expected_vaf(1, patient.purity[None, :], np.asarray(copies.total), normal=np.asarray(copies.normal))
    here = np.arange(n_samples)[None, :] == own[:, None]
    alt = rng.binomial(table.depth[rows], np.where(here, vaf * ccf[:, None], 0.001))
    seen = np.flatnonzero((alt >= 3).any(axis=1))
    index = np.concatenate([np.arange(table.n_mutations), rows[seen]])
    mutations = dataclasses.replace(
        table.take(index, ids=(*table.ids, *(f"tail{i}" for i in range(len(seen))))),
        alt_counts=np.concatenate([table.alt_counts, alt[seen]]),
    )
    return patient.with_changes(mutations=mutations, copy_number=patient.copy_number.take(index))


def date(patient, settings):
    """Clusters, trees and histories of a patient, and their dates."""
    result = AnalysisResult(patient=patient, settings=settings)
    for stage in ("clusters", "trees", "histories"):
        result = run_stage(stage, result, settings)
    parts = (result.patient, result.ccf, result.clusters, result.trees, result.histories)
    rng = stage_rng(settings.seed, "timing")
    return result.clusters, date_dissemination(*parts, settings=settings.timing, rng=rng)


def matched_rows(timing, clusters, simulated, seeding):
    """Intervals of at least 50 % with the truth of the migration they are about.

    A site with one true founding clone: that one, whichever clone is said to have founded it. Several: the clone that
    most of the inferred founder's mutations belong to; `truth` is None if these are less than half.
    """
    truth = true_migrations(simulated, seeding)
    true_names, names = simulated.truth.tree.names, clusters.names
    event_age = {event.name: event.start_age for event in timing.events if event.kind != "diagnosis"}
    found = []
    for row in timing.intervals:
        if row.model != "joint" or row.probability < 0.5:
            continue
        here = {clone: ages for (site, clone), ages in truth.items() if site == row.site}
        if not here:
            continue
        kind = "one founder" if len(here) == 1 else "several founders"
        ages = next(iter(here.values())) if len(here) == 1 else None
        if ages is None:
            own = simulated.truth.clone[
                clusters.labels[: len(simulated.truth.clone)] == names.index(row.founding_clone)
            ]
            shares = {c: float((own == true_names.index(c)).mean()) if len(own) else 0.0 for c in here}
            best = max(shares, key=lambda clone: shares[clone])
            ages = here[best] if shares[best] >= 0.5 else None
        found.append(
            {
                "kind": kind,
                "truth": None if ages is None else list(ages),
                "estimates": [[e.median, e.lo, e.hi] for e in (row.divergence, row.founder, row.seeding)],
                "events": [] if ages is None else [[row.p_before[x], ages[2] < age] for x, age in event_age.items()],
            }
        )
    return found


def study_patient(scenario, number, seed):
    """One patient of a scenario: the line that is stored."""
    start = time.process_time()
    changes, keep, n_tail = SCENARIOS[scenario]
    rng = np.random.default_rng([seed, zlib.crc32(scenario.encode()), number])
    simulated, seeding, _ = detectable_patient(
        lambda rng: draw_settings(rng, mutation_rate=RATE, extra_migrations=0.0, **changes), Growth(), rng
    )
    if keep is not None:
        simulated = thin(simulated, rng, keep)
    patient = with_type(with_events(simulated.patient, rng))
    scratch = tempfile.TemporaryDirectory()
    timing = TimingSettings(draws=1500, clock="snv", tables=write_tables(scratch.name))
    settings = Settings(seed=number + 1).replace(timing=timing)
    line = {"scenario": scenario, "number": number, "seed": seed, "n_clones": simulated.truth.tree.n_clones}
    line["n_migrations"] = len(true_migrations(simulated, seeding))
    read = add_tail(patient, rng, n_tail) if n_tail else patient
    outcomes = {"from reads": date(read, settings)}
    line["n_clusters"] = outcomes["from reads"][0].n_clusters
    if scenario == BASE:
        line["ari"] = round(adjusted_rand(simulated.truth.clone, outcomes["from reads"][0].labels), 4)
        known = tuple(simulated.truth.tree.names[k] for k in simulated.truth.clone)
        outcomes["clusters given"] = date(patient.with_changes(known_clusters=known), settings)
    patient, ccf, clusters, trees, histories = true_inputs(simulated)
    patient = with_type(patient.with_changes(treatments=read.treatments))
    options = {"settings": settings.timing, "rng": stage_rng(settings.seed, "timing")}
    timing = date_dissemination(patient, ccf, clusters, trees, histories, **options)
    outcomes["tree given"] = (clusters, timing)
    for level, (clusters, timing) in outcomes.items():
        texts = [*timing.warnings, *timing.refusals, *(note for row in timing.divergence for note in row.notes)]
        line[level] = {
            "rows": matched_rows(timing, clusters, simulated, seeding),
            "said": [key for key in KEYWORDS if any(key in text for text in texts)],
        }
    return line | {"cpu": round(time.process_time() - start, 2)}


def print_table(lines) -> None:
    print(
        "scenario                               level           dated      seedings  coverage of 95 % intervals  width "
        "  error   said\n"
        "                                                                            diverg. founder seeding    years "
        "  years"
    )
    for scenario in SCENARIOS:
        mine = [line for line in lines if line["scenario"] == scenario]
        for level in LEVELS:
            have = [line[level] for line in mine if level in line]
            if have:
                print_level(scenario, level, have)


def print_level(scenario, level, patients) -> None:
    rows = [row for patient in patients for row in patient["rows"]]
    known = [row for row in rows if row["truth"] is not None and not row["truth"][3]]
    if not known:
        return
    truth = np.array([row["truth"][:3] for row in known])
    estimates = np.array([row["estimates"] for row in known])  # (n, 3, 3)
    inside = 100 * ((estimates[..., 1] <= truth) & (truth <= estimates[..., 2])).mean(axis=0)
    width, error = estimates[:, 2, 2] - estimates[:, 2, 1], estimates[:, 2, 0] - truth[:, 2]
    said = Counter(key for patient in patients for key in patient["said"])
    words = ", ".join(f"{key} {100 * n // len(patients)} %" for key, n in said.most_common(4)) or "-"
    dated = sum(bool(patient["rows"]) for patient in patients)
    print(
        f"{scenario:38s} {level:15s} {dated:4d}/{len(patients):<4d} {len(known):6d}    "
        f"{inside[0]:5.1f}  {inside[1]:5.1f}  {inside[2]:5.1f}    {np.median(width):6.1f}  {error.mean():+6.2f}   "
        f"{words}"
    )
    if scenario == BASE:
        events = [tuple(event) for row in known for event in row["events"]]
        limit = calibrated_quantile([p for p, _ in events])
        late = (truth > estimates[..., 2]).mean(axis=0) * 100
        lost = len(rows) - sum(row["truth"] is not None for row in rows)
        print(
            f"    P(seeding before event): ECE {calibration_error(events):.3f} over {len(events)} (calibrated: "
            f"{limit:.3f}); truth later than the interval in {late[0]:.1f}, {late[1]:.1f}, {late[2]:.1f} %; "
            f"founding clone of no true migration: {lost}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("lines", type=Path, help="file of JSON lines; made where it does not exist")
    parser.add_argument("--patients", type=int, default=320, help="patients where the model holds")
    parser.add_argument("--failures", type=int, default=40, help="patients of every other scenario")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    lines = [json.loads(text) for text in arguments.lines.read_text().splitlines()] if arguments.lines.exists() else []
    done = {(line["scenario"], line["number"], line["seed"]) for line in lines}
    wanted = {s: arguments.patients if s == BASE else arguments.failures for s in SCENARIOS}
    # In rounds, so that a run that is stopped early has some of everything.
    plan = sorted((number / n, s, number) for s, n in wanted.items() for number in range(n))
    for _, scenario, number in plan:
        if (scenario, number, arguments.seed) in done:
            continue
        line = study_patient(scenario, number, arguments.seed)
        lines.append(line)
        with arguments.lines.open("a") as handle:
            handle.write(json.dumps(line) + "\n")
    print_table(lines)
    print(f"adjusted Rand index of the clusters: {np.mean([line['ari'] for line in lines if 'ari' in line]):.3f}")
    print(f"CPU {sum(line['cpu'] for line in lines):.0f} s, {len(lines)} patients")


if __name__ == "__main__":
    main()
