"""What plasma, circulating cells and xenografts tell, on simulated patients (docs/kinds_of_evidence.md).

Every patient has tissue, four plasma samples of .5 to 20 % tumour with a clone that no site has (2 % of the DNA), a
pool of circulating cells and a xenograft. Each is analysed with all of them, with tissue alone, and with tissue and one
kind.

Printed: coverage of the 95 % intervals of clone shares. The true share of a shown clone is that of the cells that carry
its mutations (on average over these) and not those of its children; also, for comparison, the sum of the true clones
most of whose mutations it holds, which is another number if it holds clones of different branches, or mutations that
some cells lost again. Further, how often the clone that only plasma has is found (called in no sampled site with P >=
.95, most of its mutations in it) and, the other way round, how often a clone is called so that tissue has; routes of P
>= .8 that are false with the kind and not favoured without; mean log score of routes with and without each kind.

Run: ``python benchmarks/kinds_of_evidence.py [PATIENTS] [--seed N] [--record]``; about half a minute of CPU a patient.
`--record` keeps the figures in printed.tsv. What kinds add where tissue is scarce: `scarce_tissue.py`.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from printed import record, study_arguments

from phylometa.config import Settings
from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.labels import true_labels_document
from phylometa.simulate.truth import SimulatedPatient

PATIENTS, FLOOR, FAVOURED, SURE = 10, 0.01, 0.8, 0.95
SETTINGS = SimulationSettings(
    distant_sites=2,
    primary_regions=1,
    primary_clones=3,
    mutation_rate=0.0003,
    depth=60,
    plasma_samples=4,
    plasma_only_share=0.02,
    ctc_pools=1,
    xenografts=1,
)
KINDS = {"ctdna": "plasma", "ctc": "circulating cells", "pdx": "xenograft"}


def with_kinds(patient: Patient, kinds: tuple[str, ...], *, unsampled: tuple[str, ...] = ()) -> Patient:
    """The patient with its tissue, but that of unsampled sites, and the samples of some kinds."""
    chosen = np.array(
        [
            s
            for s, sample in enumerate(patient.samples)
            if sample.kind in kinds or (sample.kind == "tissue" and sample.site not in unsampled)
        ]
    )
    samples = tuple(patient.samples[s] for s in chosen)
    segments = None if patient.segments is None else patient.segments.of_samples([s.name for s in samples])
    mutations = patient.mutations.take_samples(chosen)
    seen = np.flatnonzero((mutations.alt_counts >= SETTINGS.min_alt_reads).any(axis=1))
    return replace(
        patient,
        samples=samples,
        mutations=mutations.take(seen),
        copy_number=patient.copy_number.take_samples(chosen).take(seen),
        segments=segments,
    )


def short_chains() -> Settings:
    """Settings of these studies: one round of the joint sampler."""
    settings = Settings()
    return settings.replace(trees=replace(settings.trees, joint_moves=30_000, joint_rounds=1))


def analyse(patient: Patient, settings: Settings) -> AnalysisResult:
    """Clusters, trees and histories."""
    result = AnalysisResult(patient=patient, settings=settings)
    for stage in ("clusters", "trees", "histories"):
        result = run_stage(stage, result, settings)
    return result


def routes(result: AnalysisResult) -> dict[str, float]:
    """Probability of every route ``source>target``."""
    assert result.histories is not None
    names, p = result.histories.site_names, result.histories.migration_probability
    return {f"{a}>{b}": float(p[s, t]) for s, a in enumerate(names) for t, b in enumerate(names) if s != t}


def log_score(found: dict[str, float], true: set[str]) -> float:
    """Mean log probability of what is true of every route."""
    return float(np.mean([np.log(max(p if name in true else 1.0 - p, FLOOR)) for name, p in found.items()]))


def carried_shares(simulated: SimulatedPatient, result: AnalysisResult) -> FloatArray:
    """Share of cells (K, S) with the mutations of a shown clone, and not those of its children in the best tree."""
    assert result.clusters is not None and result.trees is not None
    row = {name: i for i, name in enumerate(simulated.patient.mutations.ids)}
    rows = np.array([row[name] for name in result.patient.mutations.ids])
    of_clone = simulated.truth.clone[rows] >= 0
    labels, k = result.clusters.labels, result.clusters.n_clusters
    carried = np.zeros((k, simulated.truth.proportions.shape[1]))
    for clone in range(k):
        own = rows[(labels == clone) & of_clone]
        if len(own):
            carried[clone] = simulated.truth.ccf[own].mean(axis=0)
    shares = carried.copy()
    for clone, parent in enumerate(result.trees.best.parents.tolist()):
        if parent >= 0:
            shares[parent] -= carried[clone]
    return np.maximum(shares, 0.0)


def summed_shares(simulated: SimulatedPatient, result: AnalysisResult) -> FloatArray:
    """True shares (K, S) of the shown clones, each true clone with the shown clone of most of its mutations."""
    assert result.clusters is not None
    truth, table = simulated.truth, simulated.patient.mutations
    clone_of = dict(zip(table.ids, truth.clone.tolist()))
    k, n = result.clusters.n_clusters, truth.tree.n_clones
    counted = np.zeros((n, k))
    for name, label in zip(result.patient.mutations.ids, result.clusters.labels.tolist()):
        if clone_of[name] >= 0:
            counted[clone_of[name], label] += 1
    shown = counted.argmax(axis=1)
    for clone in truth.tree.preorder:  # a clone without listed mutations is its parent's
        if not counted[clone].any() and truth.tree.parents[clone] >= 0:
            shown[clone] = shown[truth.tree.parents[clone]]
    shares = np.zeros((k, truth.proportions.shape[1]))
    np.add.at(shares, shown, truth.proportions)
    return shares


def main() -> None:
    """Print all figures."""
    arguments = study_arguments(__doc__, PATIENTS)
    settings = short_chains()
    inside: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    inside_summed: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    purity: list[float] = []
    found, wrongly, n_clones = [], 0, 0
    false: dict[str, int] = dict.fromkeys(("all", *KINDS), 0)
    scores: dict[str, list[float]] = {name: [] for name in ("tissue", "all", *KINDS)}
    started = time.process_time()
    for number in range(arguments.patients):
        simulated = simulate_patient(SETTINGS, rng=np.random.default_rng([arguments.seed, number]))
        true = set(true_labels_document(simulated)["edges"])
        variants = {"tissue": (), "all": tuple(KINDS), **{kind: (kind,) for kind in KINDS}}
        results = {name: analyse(with_kinds(simulated.patient, kinds), settings) for name, kinds in variants.items()}
        probability = {name: routes(result) for name, result in results.items()}
        for name, p in probability.items():
            scores[name].append(log_score(p, true))
            if name != "tissue":
                before = probability["tissue"]
                false[name] += sum(p[r] >= FAVOURED > before[r] and r not in true for r in p)
        result = results["all"]
        assert result.trees is not None and result.circulation is not None and result.clusters is not None
        carried, summed = carried_shares(simulated, result), summed_shares(simulated, result)
        bounds = result.trees.diagnostics["proportion_intervals"]
        lower, upper = (np.array(bounds[name]) for name in ("lower", "upper"))
        for s, sample in enumerate(simulated.patient.samples):
            if sample.kind in inside:
                for shares, found_inside in ((carried, inside), (summed, inside_summed)):
                    is_inside = (lower[:, s] <= shares[:, s]) & (shares[:, s] <= upper[:, s])
                    found_inside[sample.kind] += is_inside.tolist()
            if sample.kind == "ctdna":
                purity.append(abs(np.log(result.patient.purity[s] / simulated.truth.purity[s])))
        unplaced = result.circulation.unplaced >= SURE
        hidden = simulated.truth.tree.n_clones - 1
        clone_of = dict(zip(simulated.patient.mutations.ids, simulated.truth.clone.tolist()))
        own = np.array([clone_of[name] == hidden for name in result.patient.mutations.ids])
        labels = result.clusters.labels
        share = np.array([own[labels == k].mean() if (labels == k).any() else 0.0 for k in range(len(unplaced))])
        found.append(bool((unplaced & (share > 0.5)).any()))
        wrongly += int((unplaced & (share <= 0.5)).sum())
        n_clones += len(unplaced)
    figures: list[tuple[str, str]] = []

    def tell(measure: str, value: str) -> None:
        figures.append((measure, value))
        print(f"{measure}: {value}")

    tell("CPU a patient, s", f"{(time.process_time() - started) / arguments.patients:.0f}")
    for kind, values in inside.items():
        tell(f"shares within 95 % intervals, {KINDS[kind]}, percent", f"{100 * np.mean(values):.1f}")
        tell(f"shares within 95 % intervals, {KINDS[kind]}", f"{sum(values)} of {len(values)}")
        both = inside_summed[kind]
        tell(f"shares within 95 % intervals, {KINDS[kind]}, true clones summed", f"{sum(both)} of {len(both)}")
    tell("tumour share of plasma off by a factor of, median", f"{np.exp(np.median(purity)):.2f}")
    tell("tumour share of plasma off by a factor of, most", f"{np.exp(max(purity)):.2f}")
    tell("clone of 2 % of the DNA that plasma alone has, found", f"{sum(found)} of {len(found)}")
    tell("clones of tissue called so", f"{wrongly} of {n_clones}")
    for name, count in false.items():
        tell(f"false routes of P >= .8 that tissue alone does not favour, {KINDS.get(name, name)}", str(count))
    alone = np.array(scores["tissue"])
    tell("log score of routes, tissue alone", f"{alone.mean():.3f}")
    for name in ("all", *KINDS):
        gain = np.array(scores[name]) - alone
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        tell(f"gain in log score of routes, {KINDS.get(name, name)}", f"{gain.mean():.3f}")
        tell(f"standard error of that, {KINDS.get(name, name)}", f"{error:.3f}")
    if arguments.record:
        row = f"{arguments.patients} patients of seed {arguments.seed}"
        record("kinds_of_evidence.py", [(row, *figure) for figure in figures])


if __name__ == "__main__":
    main()
