"""How far a stated probability moves with the seed, and with what must not matter.

    [PHYLOMETA_DATA=...] python benchmarks/seeds.py [--patients demo A22 sim:0 ...] [--seeds 6] [--invariance]
                                                    [--jobs 1] [--list 5]

Analyses every patient (names: `patients.py`) with seeds 1 to N. Printed for each: the standard deviation between seeds
of every stated probability (labels and routes), the largest and their share above .015; levels that change between
seeds; and, if the results hold Monte-Carlo standard errors (`mcse`), the variance of the z-scores between seeds,
which is 1 if the errors are right.

`--invariance` adds runs at seed 1 with the rows of the mutation table shuffled, with samples and sites renamed, with
the samples of every site in reverse order, and with one sample's calls split into two files; their distances from the
plain run are printed beside those between seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from patients import sheets_of
from scoring import shown_labels

from phylometa.config import Settings
from phylometa.errors import PhylometaError
from phylometa.io.tables import read_patient
from phylometa.model.patient import MutationTable, Patient
from phylometa.pipeline.stages import AnalysisResult, run_stage

STAGES = ("clusters", "trees", "histories", "labels")
LIMIT = 0.015
PER_SAMPLE = ("call_threshold", "usual_depth")  # columns of a table of mutations with one value per sample


class Run(NamedTuple):
    """Stated probabilities by fact, levels of labels, and Monte-Carlo standard errors if there are any."""

    stated: dict[tuple[str, ...], float]
    levels: dict[tuple[str, str], str]
    mcse: dict[tuple[str, ...], float]


def analysed(patient: Patient, seed: int) -> Run:
    """One analysis up to the labels."""
    settings = Settings(seed=seed)
    result = AnalysisResult(patient=patient, settings=settings, warnings=patient.warnings)
    for stage in STAGES:
        result = run_stage(stage, result, settings)
    distributions, levels = shown_labels(result.labels)
    stated = {("label", *key, value): p for key, values in distributions.items() for value, p in values.items()}
    sites, routes = result.histories.site_names, result.histories.migration_probability
    for s, t in np.argwhere(routes > 0).tolist():
        stated["route", sites[s], sites[t]] = float(routes[s, t])
    return Run(stated, levels, errors_of(result.labels.to_json()))


def errors_of(document: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """Monte-Carlo standard errors of labels and routes: ``mcse`` of labels.json, in the form of its ``labels``."""
    errors: dict[tuple[str, ...], float] = {}
    told = document.get("mcse") or {}
    for name, part in told.get("labels", told).items():
        is_of_sites = bool(part) and all(isinstance(values, dict) for values in part.values())
        for site, values in part.items() if is_of_sites else [("", part)]:
            errors |= {("label", name, site, value): float(error) for value, error in values.items()}
    for source, target, error in told.get("routes", ()):
        errors["route", source, target] = float(error)
    return errors


# --- what must not matter ---------------------------------------------------------------------------------------------


def shuffled_rows(patient: Patient) -> Patient:
    """The same mutations in another order."""
    return with_rows(patient, np.random.default_rng(1).permutation(patient.mutations.n_mutations))


def with_rows(patient: Patient, rows: np.ndarray) -> Patient:
    table = patient.mutations.take(rows)
    return patient.with_changes(mutations=table, copy_number=patient.copy_number.take(rows))


def renamed(patient: Patient) -> Patient:
    """Samples and sites under names whose alphabetical order is another one."""
    site_of = {site.name: f"site{len(patient.sites) - i:03d}" for i, site in enumerate(patient.sites)}
    names = [f"sample{len(patient.samples) - i:03d}" for i in range(len(patient.samples))]
    samples = tuple(replace(one, name=name, site=site_of[one.site]) for one, name in zip(patient.samples, names))
    table = replace(patient.mutations, sample_names=tuple(names))
    segments = patient.segments and replace(patient.segments, sample_names=tuple(names))
    sites = tuple(replace(site, name=site_of[site.name]) for site in patient.sites)
    return patient.with_changes(samples=samples, sites=sites, mutations=table, segments=segments, treatments=())


def named_back(run: Run, patient: Patient) -> Run:
    """What was said of renamed sites, under their own names."""
    site_of = {f"site{len(patient.sites) - i:03d}": site.name for i, site in enumerate(patient.sites)}

    def back(text: str) -> str:
        return "+".join(sorted(site_of.get(part, part) for part in text.split("+")))

    stated = {(key[0], *map(back, key[1:])): p for key, p in run.stated.items()}
    levels = {(label, back(site)): level for (label, site), level in run.levels.items()}
    return Run(stated, levels, {})


def reversed_samples(patient: Patient) -> Patient:
    """The same samples in reverse order; sites keep theirs."""
    columns = np.arange(len(patient.samples))[::-1]
    return with_columns(patient, columns)


def with_columns(patient: Patient, columns: np.ndarray) -> Patient:
    """The samples of `columns`, in that order, with everything that is stated of each."""
    n, n_samples = patient.mutations.depth.shape

    def chosen(value: Any, name: str) -> Any:
        if name in ("sample_names", "samples"):
            return tuple(value[s] for s in columns)
        if np.shape(value) == (n, n_samples):
            return value[:, columns]
        return value[columns] if name in PER_SAMPLE and value is not None else value

    parts = {}
    for name in ("mutations", "copy_number"):
        part = getattr(patient, name)
        columns_of = {item.name: chosen(getattr(part, item.name), item.name) for item in fields(part)}
        parts[name] = replace(part, **columns_of)
    return patient.with_changes(samples=chosen(patient.samples, "samples"), **parts)


def split_files(patient: Patient, folder: Path) -> Patient:
    """Read from count tables; the first sample's mutations are halved between two of them."""
    table = patient.mutations
    lines: dict[str, list[str]] = {"a.tsv": [], "b.tsv": []}
    for i in range(table.n_mutations):
        for s, name in enumerate(table.sample_names):
            if not table.observed[i, s]:
                continue
            alt, depth = int(table.alt_counts[i, s]), int(table.depth[i, s])
            line = f"{table.ids[i]}\t{name}\t{depth - alt}\t{alt}\n"
            lines["b.tsv" if s == 0 and i % 2 else "a.tsv"].append(line)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in lines.items():
        (folder / file).write_text("mutation_id\tsample_id\tref_counts\talt_counts\n" + "".join(content))
    site_class = {site.name: site.site_class for site in patient.sites}
    words = {"primary": "primary", "lymph_node": "lymph_node", "distant": "metastasis", "bed": "recurrence"}
    sheet = ["patient\tsample\tsite\tsite_type\tcounts\n"]
    for s, sample in enumerate(patient.samples):
        row = f"P\t{sample.name}\t{sample.site}\t{words[site_class[sample.site]]}"
        sheet += [f"{row}\t{file}\n" for file in (("a.tsv", "b.tsv") if s == 0 else ("a.tsv",))]
    (folder / "samples.tsv").write_text("".join(sheet))
    return replace_reads(patient, read_patient(folder / "samples.tsv").mutations)


def replace_reads(patient: Patient, read: MutationTable) -> Patient:
    """The patient with the reads of another table of the same mutations and samples, in that table's order."""
    rows = np.array([patient.mutations.ids.index(name) for name in read.ids])
    ordered = with_rows(patient, rows)
    given = ("ids", "sample_names", "chroms", "positions", "refs", "alts", "genes", "contexts")
    counts = {item.name: getattr(read, item.name) for item in fields(read) if item.name not in given}
    return ordered.with_changes(mutations=replace(ordered.mutations, **counts))


CHANGES: dict[str, Callable[[Patient], Patient]] = {
    "rows shuffled": shuffled_rows,
    "samples and sites renamed": renamed,
    "samples reversed": reversed_samples,
}


# --- figures ----------------------------------------------------------------------------------------------------------


def spread(runs: list[Run]) -> dict[tuple[str, ...], float]:
    """Standard deviation between runs of every stated probability; one that a run does not state is 0 there."""
    facts = {fact for run in runs for fact in run.stated}
    return {fact: float(np.std([run.stated.get(fact, 0.0) for run in runs], ddof=1)) for fact in facts}


def z_scores(runs: list[Run]) -> list[float]:
    """Distances from the mean between seeds in units of the stated standard errors, corrected for the mean's own."""
    scores = []
    n = len(runs)
    for fact in {fact for run in runs for fact in run.mcse}:
        values = [run.stated.get(fact, 0.0) for run in runs]
        errors = [run.mcse.get(fact, 0.0) for run in runs]
        scores += [
            (p - float(np.mean(values))) / error / np.sqrt((n - 1) / n) for p, error in zip(values, errors) if error > 0
        ]
    return scores


def level_changes(runs: list[Run]) -> list[tuple[str, str]]:
    """Labels whose level is not the same in all runs."""
    keys = sorted({key for run in runs for key in run.levels})
    return [key for key in keys if len({run.levels.get(key, "") for run in runs}) > 1]


def distance(one: Run, other: Run) -> tuple[float, float]:
    """Largest and mean distance of the stated probabilities of two runs."""
    facts = set(one.stated) | set(other.stated)
    apart = [abs(one.stated.get(fact, 0.0) - other.stated.get(fact, 0.0)) for fact in facts]
    return max(apart, default=0.0), float(np.mean(apart)) if apart else 0.0


def print_patient(name: str, runs: list[Run], n_listed: int) -> None:
    found = spread(runs)
    values = np.array(list(found.values()))
    changed = level_changes(runs)
    scores = z_scores(runs)
    z = f"{np.var(scores):.2f} ({len(scores)})" if scores else "no mcse"
    print(
        f"| {name} | {len(values)} | {values.max():.3f} | {values.mean():.4f} | {(values > LIMIT).mean():.2f} | "
        f"{len(changed)} of {len(runs[0].levels)} | {z} |"
    )
    for fact in sorted(found, key=lambda fact: -found[fact])[:n_listed]:
        shown = " ".join(f"{run.stated.get(fact, 0.0):.2f}" for run in runs)
        print(f"    {' '.join(part for part in fact if part)}: sd {found[fact]:.3f} ({shown})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", default=["demo", "A10", "A22", "A31", "melanoma_B", "sim:0", "sim:1"])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--invariance", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", type=int, default=5, help="probabilities printed of each patient")
    options = parser.parse_args()
    print("| patient | statements | largest sd | mean sd | share above .015 | levels that change | variance of z |")
    print("|---" * 7 + "|")
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(options.jobs) as pool:
        for name, sheet in sheets_of(options.patients, Path(scratch)).items():
            patient = read_patient(sheet)
            runs = list(pool.map(partial(analysed, patient), range(1, options.seeds + 1)))
            print_patient(name, runs, options.list)
            if not options.invariance:
                continue
            between = max(distance(runs[0], run)[0] for run in runs[1:]) if len(runs) > 1 else float("nan")
            print(f"    between seeds: largest distance {between:.3f}")
            changes = {**CHANGES, "a sample split into two files": partial(split_files, folder=Path(scratch) / name)}
            for title, change in changes.items():
                try:
                    run = analysed(change(patient), 1)
                except PhylometaError as error:
                    print(f"    {title}: no result ({error})")
                    continue
                if change is renamed:
                    run = named_back(run, patient)
                print("    {}: largest distance {:.3f}, mean {:.4f}".format(title, *distance(runs[0], run)))


if __name__ == "__main__":
    main()
