"""Seeding labels from reads: how right and how sure, against a naive chain, and which stage is to blame.

    python benchmarks/label_calibration.py [--patients 300] [--seed 1] [--unsampled 0.1] [--jobs 1] [--stages]
                                           [--results FILE.jsonl] [--figure FILE.png] [--presence]
                                           [--set STAGE.NAME=VALUE]

Simulates patients of every pattern (2-5 metastases, 1-3 regions a site, 60x-400x, purity .3-.9, exomes and genomes) and
infers clusters, trees, presence, histories and labels from their reads. Truth are the labels of the history that
happened, on the clones that the samples can show at all (`phylometa.simulate.visible_truth`); for labels that depend on
where an unsampled population arose, also those of the whole history. Printed for every label:
accuracy of the most probable value, Brier score, log score, expected calibration error beside the 95 % quantile of a
calibrated predictor, how many are `supported` (.95) and how many of these are right; then accuracy by label and pattern
beside a naive chain: our clusters taken as certain, the one best tree, presence if the mean proportion is above .05,
one labelling of fewest migrations, comigrations and seeding sites (MACHINA's order).

`--stages` takes the clusters as certain, and then puts the truth in place of one stage after the other: true clusters;
and the true tree; and true presence. `--set` (several times) runs with other settings, as those of
docs/methods/seeding.md were chosen: on seeds 101 and 102, never on those that figures are quoted of.
One JSON line per patient is written to `--results` when it is done; patients found there are not run again, so that
an interrupted study goes on where it stopped. `--presence` prints only how P(clone present in site) given the true
clusters and tree compares with what is there. Times are seconds of CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
from label_patients import draw_patient, with_scalar
from scoring import (
    FLOOR,
    LABELS,
    calibrated_quantile,
    calibration_error,
    label_scores,
    print_scores,
    shown_labels,
    totals,
)

from phylometa.clone_trees.likelihood import fit_presence_weight, read_model, sample_posterior
from phylometa.clone_trees.presence import presence_scenarios, site_presence
from phylometa.config import MigrationSettings, Settings
from phylometa.errors import InfeasibleError
from phylometa.migration import infer_migration_histories
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.seeding.labels import label_history
from phylometa.simulate import visible_labels, visible_truth

NAIVE_THRESHOLD = 0.05
PRESENCE_BINS = (0.0, 0.01, 0.1, 0.4, 0.6, 0.9, 0.99, 1.0)
CHAINS = {
    "reads": "from reads",
    "certain": "clusters as certain",
    "true_clusters": "true clusters",
    "true_tree": "true clusters and tree",
    "true_presence": "true clusters, tree and presence",
    "naive": "naive chain",
}


def run_patient(number: int, seed: int, unsampled: float, stages: bool, settings: Settings) -> dict:
    """One line of the results: truth, and by chain the distributions of labels and the CPU seconds."""
    simulated = draw_patient(number, seed, unsampled=unsampled)
    chosen = simulated.settings
    start = AnalysisResult(patient=simulated.patient, settings=settings)
    chains: dict[str, dict] = {}
    result = _until(start, ("clusters", "trees", "histories", "labels"), settings, chains, "reads")
    if result is not None:
        chains["naive"] = {"labels": naive_labels(result), "cpu": 0.0}
    if stages and result is not None:
        certain = replace(result, trees=replace(result.trees, joint=None))
        _until(certain, ("histories", "labels"), settings, chains, "certain")
    if stages:
        known = with_true_clusters(simulated, settings)
        _until(known, ("clusters", "trees", "histories", "labels"), settings, chains, "true_clusters")
        clustered = _until(known, ("clusters",), settings)
        for chain, is_present in (("true_tree", False), ("true_presence", True)):
            trees = true_trees(simulated, clustered, settings, known_presence=is_present)
            _until(replace(clustered, trees=trees), ("histories", "labels"), settings, chains, chain)
    return {
        "number": number,
        "seed": seed,
        "unsampled": unsampled,
        "pattern": chosen.pattern,
        "assay": chosen.assay,
        "metastases": chosen.lymph_nodes + chosen.distant_sites,
        "depth": round(chosen.depth),
        "purity": round(float(np.mean(simulated.truth.purity)), 2),
        "samples": len(simulated.patient.samples),
        "mutations": simulated.patient.mutations.n_mutations,
        "clones": visible_truth(simulated).tree.n_clones,
        "clusters": result.clusters.n_clusters if result is not None else None,
        "truth": _chosen(visible_labels(simulated)),
        "truth_unseen_births": _chosen(visible_labels(simulated, unseen_births=True)),
        "chains": chains,
    }


def with_true_clusters(simulated, settings) -> AnalysisResult:
    """The start of an analysis whose clusters are the visible clones."""
    names = [str(v) for v in visible_truth(simulated).clone_of[simulated.truth.clone]]
    patient = simulated.patient.with_changes(known_clusters=tuple(names))
    return AnalysisResult(patient=patient, settings=settings)


def presence_pairs(number: int, seed: int, unsampled: float) -> tuple[np.ndarray, np.ndarray]:
    """P(present) given the true clusters and tree, and presence, of every (clone, site) pair of a patient."""
    simulated, settings = draw_patient(number, seed, unsampled=unsampled), Settings()
    clustered = _until(with_true_clusters(simulated, settings), ("clusters",), settings)
    found, truth = (true_trees(simulated, clustered, settings, known_presence=known) for known in (False, True))
    return found.presence[0].ravel(), truth.scenarios[0].presence.ravel()


def print_presence(found: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Pairs present and expected, by stated probability; log and Brier score."""
    p, is_present = (np.concatenate(part) for part in zip(*found))
    confidence = np.maximum(p, 1 - p)
    ece, null = (
        calibration_error(np.column_stack([confidence, (p >= 0.5) == is_present])),
        calibrated_quantile(confidence),
    )
    log_score = np.log(np.maximum(np.where(is_present, p, 1 - p), FLOOR)).mean()
    print(f"P(clone present in site), true clusters and tree: {len(p)} pairs of {len(found)} patients")
    print(f"  log score {log_score:.4f}, Brier {((p - is_present) ** 2).mean():.4f}, ECE {ece:.4f} (null95 {null:.4f})")
    print("  P(present)        n  expected  present")
    for low, high in zip(PRESENCE_BINS, PRESENCE_BINS[1:]):
        inside = (p >= low) & ((p < high) | (high == 1.0))
        print(f"  {low:4.2f}-{high:4.2f} {inside.sum():8d} {p[inside].sum():9.1f} {is_present[inside].sum():8d}")


def _until(result, stages, settings, chains=None, name=""):
    """The result after `stages`; its labels and time under `name` in `chains`. None if no result is possible."""
    start = time.process_time()
    try:
        for stage in stages:
            result = run_stage(stage, result, settings)
    except InfeasibleError:
        if chains is None:
            raise
        chains[name] = {"labels": {}, "cpu": time.process_time() - start}
        return None
    if chains is not None:
        chains[name] = {"labels": _flat(result.labels), "cpu": round(time.process_time() - start, 3)}
    return result


def _chosen(labels: dict) -> dict:
    return {name: labels[name] for name in LABELS}


def _flat(labels) -> dict[str, dict[str, float]]:
    """``label|site`` -> {value: probability}, as the patient's results show them."""
    return {"|".join(key): values for key, values in shown_labels(labels)[0].items()}


def naive_labels(result) -> dict[str, dict[str, float]]:
    """Labels of one labelling of the best tree, presence by threshold; each with probability 1."""
    patient, trees = result.patient, result.trees
    presence = np.zeros((len(trees.names), len(patient.sites)), dtype=bool)
    np.logical_or.at(presence.T, patient.sample_site, trees.proportions[0].T > NAIVE_THRESHOLD)
    plain = MigrationSettings(criteria="MCS", weights="uniform", max_histories=1, seconds=10)
    found = infer_migration_histories(
        trees.best, presence, primary=0, settings=plain, model="machina", alternatives=False
    )
    labels = label_history(trees.best, found.histories[0], patient.sites, primary=0, presence=presence)
    flat = {}
    for name in LABELS:
        for site, value in labels[name].items() if isinstance(labels[name], dict) else [("", labels[name])]:
            flat[f"{name}|{site}"] = {value: 1.0}
    return flat


def true_trees(simulated, clustered, settings, *, known_presence: bool) -> TreeEnsemble:
    """The true tree alone, with presence as the reads of the true clusters tell it, or as it is."""
    seen = visible_truth(simulated)
    clusters, patient = clustered.clusters, simulated.patient
    # Clusters come in the order of their first mutation; a visible clone without a mutation is a bare root.
    order = [int(name) for name in clusters.names]
    order += [v for v in range(seen.tree.n_clones) if v not in order]
    index = {v: k for k, v in enumerate(order)}
    parents = np.array([index.get(int(seen.tree.parents[v]), -1) for v in order])
    if len(order) > clusters.n_clusters:
        raise InfeasibleError("the founder has no called mutation")
    model = read_model(clusters.alt_reads, clusters.total_reads, settings=settings.trees)
    model = fit_presence_weight(parents, model, settings=settings.trees)
    fit = sample_posterior(parents, model)
    present = site_presence(fit.presence, patient.sample_site, len(patient.sites))
    trees = TreeEnsemble(
        names=clusters.names,
        n_mutations=clusters.sizes.astype(float),
        parents=parents[None],
        weights=np.ones(1),
        log_likelihood=np.zeros(1),
        proportions=fit.proportions[None],
        presence=present[None],
        site_names=patient.site_names,
        complete=True,
        n_trees=1,
        diagnostics={"presence_weight": float(model.slab * settings.trees.grid)},
    )
    if known_presence:
        return replace(trees, scenarios=(PresenceScenario(0, 1.0, seen.presence[order]),))
    drawn = presence_scenarios(
        trees, clusters, patient.sample_site, settings=settings.trees, rng=np.random.default_rng(1)
    )
    return replace(trees, scenarios=tuple(PresenceScenario(*scenario) for scenario in drawn))


def chosen_settings(changes: list[str]) -> Settings:
    """The default settings with numbers replaced, ``stage.name=value`` each."""
    settings = Settings()
    for change in changes:
        name, value = change.split("=")
        stage, name = name.split(".")
        kind = type(getattr(getattr(settings, stage), name))
        settings = with_scalar(settings, stage, **{name: kind(value)})
    return settings


def lines_of(path: Path | None, **wanted) -> dict[int, dict]:
    """Lines that a study has written, by the number of the patient, of those with the wanted values."""
    if path is None or not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["number"]: row for row in rows if all(row[name] == value for name, value in wanted.items())}


def run_study(options) -> list[dict]:
    """Lines of all patients, in order; those of `options.results` are not run again."""
    path = Path(options.results) if options.results else None
    done = lines_of(path, seed=options.seed, unsampled=options.unsampled)
    if options.stages:
        done = {number: row for number, row in done.items() if "true_tree" in row["chains"]}
    open_numbers = [number for number in range(options.patients) if number not in done]
    chosen = (options.seed, options.unsampled, options.stages, chosen_settings(options.set))
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(run_patient, number, *chosen) for number in open_numbers]
        for future in as_completed(waiting):
            row = future.result()
            done[row["number"]] = row
            if path is not None:
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return [done[number] for number in range(options.patients)]


def scores_of(rows: list[dict], chain: str, truth: str = "truth"):
    """(pattern of the plan, score) of every label instance of a chain."""
    for row in rows:
        if chain in row["chains"]:
            found = {tuple(key.split("|")): values for key, values in row["chains"][chain]["labels"].items()}
            for score in label_scores(found, row[truth]):
                yield row["pattern"], score


def print_stages(rows: list[dict]) -> None:
    """One line a chain, over the patients that all of them have."""
    names = [name for name in CHAINS if any(name in row["chains"] for row in rows)]
    common = [row for row in rows if all(name in row["chains"] for name in names)]
    print(f"\nTruth in place of a stage, {len(common)} patients (all labels together)")
    print(f"  {'':34s} accuracy  Brier    log   ECE  supported right")
    for name in names:
        found = totals(score for _, score in scores_of(common, name))
        share = 1 - found.supported_wrong / found.supported if found.supported else np.nan
        print(
            f"  {CHAINS[name]:34s} {found.accuracy:8.3f} {found.brier:6.3f} {found.log_score:6.3f} "
            f"{found.calibration_error:5.3f} {share:9.3f} of {found.supported}"
        )
    print("  by label: calibration error, and share of the supported that is right")
    print("  " + " " * 26 + "".join(f"{CHAINS[name][-24:]:>26s}" for name in names if name != "naive"))
    for label in LABELS:
        cells = []
        for name in names:
            scores = [score for _, score in scores_of(common, name) if score[0] == label]
            if name == "naive" or not scores:
                continue
            found = totals(scores)
            share = 1 - found.supported_wrong / found.supported if found.supported else np.nan
            cells.append(f"{found.calibration_error:16.3f} {share:5.3f} {found.supported / found.n:.2f}")
        print(f"  {label:26s}" + "".join(f"{cell:>26s}" for cell in cells))


def print_unseen_births(rows: list[dict]) -> None:
    """The labels that change if a clone counts as born in the site it left, although it was never sampled there."""
    names = [name for name in LABELS if any(row["truth"][name] != row["truth_unseen_births"][name] for row in rows)]
    scores = [score for _, score in scores_of(rows, "reads", "truth_unseen_births") if score[0] in names]
    if scores:
        print_scores("From reads, against births that no sample shows", scores)


def print_naive(rows: list[dict]) -> None:
    """Accuracy of the most probable value by label and by pattern, ours and the naive chain's."""
    by_label = {chain: defaultdict(list) for chain in ("reads", "naive")}
    by_pattern = {chain: defaultdict(list) for chain in ("reads", "naive")}
    both = [row for row in rows if "naive" in row["chains"]]
    for chain in by_label:
        for pattern, score in scores_of(both, chain):
            by_label[chain][score.label].append(score.is_right)
            by_pattern[chain][pattern].append(score.is_right)
            by_pattern[chain]["all"].append(score.is_right)
    print(f"\nAccuracy beside the naive chain, {len(both)} patients")
    print(f"  {'label':26s}  ours naive      n    {'simulated pattern':20s}  ours naive      n")
    patterns = [*sorted(set(by_pattern["reads"]) - {"all"}), "all"]
    for i in range(max(len(LABELS), len(patterns))):
        line = ""
        for names, found, width in ((LABELS, by_label, 26), (patterns, by_pattern, 20)):
            if i < len(names) and found["reads"][names[i]]:
                ours, naive = (np.mean(found[chain][names[i]]) for chain in ("reads", "naive"))
                line += f"  {names[i]:{width}s} {ours:5.3f} {naive:5.3f} {len(found['reads'][names[i]]):6d}  "
            else:
                line += " " * (width + 23)
        print(line.rstrip())


def draw_reliability(rows: list[dict], path: str) -> None:
    """Reliability diagram: share that is right against the stated probability, all labels and each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scores = [score for _, score in scores_of(rows, "reads")]
    names = np.array([score[0] for score in scores])
    confidence, right = (np.array([score[i] for score in scores], dtype=float) for i in (2, 3))
    bins = np.minimum((confidence * 10).astype(int), 9)
    n_columns = 5
    figure = Figure(figsize=(9, 8.6), layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = figure.subplots(4, n_columns, sharex=True, sharey=True).ravel()
    for axes, name in zip(all_axes, ("all", *LABELS)):
        chosen = np.ones(len(names), dtype=bool) if name == "all" else names == name
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
        for b in range(10):
            inside = chosen & (bins == b)
            n = inside.sum()
            if n == 0:
                continue
            share = right[inside].mean()
            # Wilson interval, 95 %
            centre = (share + 1.92 / n) / (1 + 3.84 / n)
            half = 1.96 * np.sqrt(share * (1 - share) / n + 0.96 / n**2) / (1 + 3.84 / n)
            x = confidence[inside].mean()
            axes.plot([x, x], [centre - half, centre + half], color="#0072B2", linewidth=1)
            axes.plot(x, share, "o", color="#0072B2", markersize=2.5 + 5 * np.sqrt(n / chosen.sum()))
        axes.set_title(f"{name.replace('_', ' ')}\nn = {chosen.sum()}", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_xlim(0, 1.04)
        axes.set_ylim(-0.04, 1.04)
        axes.set_xticks([0, 0.5, 1])
    figure.supxlabel("probability of the most probable value", fontsize=9)
    figure.supylabel("share that is right (95 % interval; area: share of the instances)", fontsize=9)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unsampled", type=float, default=0.1, help="P(a population dies out before it is sampled)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--stages", action="store_true", help="truth in place of one stage after the other")
    parser.add_argument("--presence", action="store_true", help="only presence given the true clusters and tree")
    parser.add_argument("--results", help="JSON lines, one per patient; read first, then continued")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.NAME=VALUE", help="a number of Settings")
    parser.add_argument("--figure", help="reliability diagram")
    options = parser.parse_args()
    if options.presence:
        print_presence([presence_pairs(i, options.seed, options.unsampled) for i in range(options.patients)])
        return
    rows = run_study(options)
    cpu = [row["chains"]["reads"]["cpu"] for row in rows]
    print(f"{len(rows)} patients, seed {options.seed}, {options.unsampled:.0%} of the populations unsampled;", end=" ")
    print(f"CPU s a patient from reads to labels: mean {np.mean(cpu):.1f}, median {np.median(cpu):.1f}")
    print_scores("From reads", [score for _, score in scores_of(rows, "reads")])
    if options.stages:
        print_stages(rows)
    print_unseen_births(rows)
    print_naive(rows)
    if options.figure:
        draw_reliability(rows, options.figure)


if __name__ == "__main__":
    main()
