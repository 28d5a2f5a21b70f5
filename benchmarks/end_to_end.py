"""From reads alone to migration graphs: the 40 simulated tumors of machina_m5 (El-Kebir et al. 2018), and own ones.

    python benchmarks/end_to_end.py [--method run|certain|draws] [--tumors N]    machina_m5, with PHYLOMETA_DATA set
    python benchmarks/end_to_end.py --simulated [--purity .5] [--copy-number]    own tumors of the same size

Prints the F1 of migration graph, multigraph and migrating clones, the share of right patterns, and the calibration of
the edges, beside the published figures. Known are only the reads and the primary's name; in own tumors purity and copy
number as well. `run` is what `phylometa run` does; `certain` is that with its clusters taken as certain; `draws` sums
histories over draws of clusters and tree alone.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scoring import calibration_error, f1

from phylometa.config import Settings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.pipeline.stages import AnalysisResult, run_stage
from phylometa.simulate import PATTERNS, SimulationSettings, lose_populations, simulate_patient, visible_truth
from phylometa.simulate.patterns import draw_plan

PEERS = """published or measured on the same tumors (graph F1, multigraph F1, migrating clones F1, pattern right):
  MACHINA, own clustering, Gurobi      .731 .718 .890 .475
  plain chain (one tree, threshold)    .794 .790 .955 .63
  with an L0 penalty in the tree       .866 .856 .949 .70
  prototype, joint                     .91  .91  .96  .85
  ceiling: true tree and presence      .933 .932 .983 .875"""


def read_tumor(tree_file: Path):
    """Reads, sites of samples, site names; true migration graph and mutations of the clones that migrated."""
    seed = re.search(r"T_seed(\d+)", tree_file.name).group(1)
    rows = [
        line.rstrip("\n").split("\t") for line in (tree_file.parent / f"reads_seed{seed}.tsv").read_text().splitlines()
    ]
    rows = [row for row in rows if not row[0].startswith("#") and len(row) == 8]
    samples = list(dict.fromkeys(row[1] for row in rows))
    sites = list(dict.fromkeys(row[3] for row in rows))
    ids = list(dict.fromkeys(row[5] for row in rows))
    alt, depth = np.zeros((len(ids), len(samples)), int), np.zeros((len(ids), len(samples)), int)
    site_of = {row[1]: sites.index(row[3]) for row in rows}
    for row in rows:
        i, j = ids.index(row[5]), samples.index(row[1])
        alt[i, j], depth[i, j] = int(row[7]), int(row[6]) + int(row[7])
    table = MutationTable(tuple(ids), tuple(samples), alt, depth)
    graph = Counter(tuple(line.split()) for line in (tree_file.parent / f"G_seed{seed}.tree").read_text().splitlines())
    label = dict(line.split() for line in (tree_file.parent / f"T_seed{seed}.vertex.labeling").read_text().splitlines())
    parent = {}
    for line in tree_file.read_text().splitlines():
        above, below = line.split()
        parent[below] = above
    migrating = set()
    for v, u in parent.items():
        if u != "GL" and label[u] != label[v]:
            while u != "GL":
                migrating.update(u.split(";"))
                u = parent[u]
    return table, np.array([site_of[sample] for sample in samples]), sites, graph, migrating & set(ids)


@dataclass(frozen=True)
class Tumor:
    """What is known of a tumor, and its true migrations."""

    data: tuple[MutationTable, CopyNumberAtLoci, np.ndarray]
    sample_site: np.ndarray
    sites: list[str]
    primary: int
    graph: Counter
    migrating: set[str]


def published_tumors(number: int) -> Iterator[Tumor]:
    """Of machina_m5: diploid, pure."""
    files = sorted(Path(os.environ["PHYLOMETA_DATA"]).glob("machina_m5/*/T_seed*.tree"))
    for i in np.linspace(0, len(files) - 1, number).astype(int):
        table, sample_site, sites, graph, migrating = read_tumor(files[i])
        diploid = (CopyNumberAtLoci.diploid(*table.depth.shape), np.ones(table.depth.shape[1]))
        yield Tumor((table, *diploid), sample_site, sites, sites.index("P"), graph, migrating)


PLANS = (*(name for name in PATTERNS if name not in ("demo", "lymph_node")), *["random"] * 6)


def own_tumors(number: int, seed: int, purity: float, has_copy_number: bool) -> Iterator[Tumor]:
    """Of the simulator: 3-6 metastases of one sample, 30-120 mutations, 200x; a tenth of the populations unsampled."""
    for i in range(number):
        rng = np.random.default_rng([seed, i])
        settings = SimulationSettings(
            pattern=PLANS[i % len(PLANS)],
            distant_sites=int(rng.integers(3, 7)),
            primary_regions=int(rng.integers(1, 3)),
            metastasis_clones=int(rng.integers(1, 4)),
            metastatic_source=0.5,
            assay="wes",
            mutation_rate=float(np.exp(rng.uniform(np.log(0.003), np.log(0.008)))),
            depth=200.0,
            min_purity=purity,
            max_purity=purity,
            trunk_cn_events=6.0 if has_copy_number else 0.0,
            branch_cn_events=1.0 if has_copy_number else 0.0,
        )
        simulated = simulate_patient(settings, rng=rng, plan=lose_populations(draw_plan(settings, rng), 0.1, rng))
        patient, seen = simulated.patient, visible_truth(simulated)
        sites = list(patient.site_names)
        graph = Counter({(sites[s], sites[t]): n for (s, t), n in seen.history.migration_counts.items()})
        above = [set(seen.tree.path_from_root(int(u))) for u, *_ in seen.history.migrations]
        clone_of = seen.clone_of[simulated.truth.clone]
        migrating = {name for name, clone in zip(patient.mutations.ids, clone_of) if any(clone in p for p in above)}
        yield Tumor(
            (patient.mutations, patient.copy_number, patient.purity),
            patient.sample_site,
            sites,
            sites.index(patient.primary.name),
            graph,
            migrating,
        )


def pattern(graph: Counter) -> str:
    """MACHINA's pattern of a migration multigraph, primary seeding counted as single-source."""
    sources: dict[str, set[str]] = {}
    for source, target in graph:
        sources.setdefault(target, set()).add(source)
    above = {target: set(found) for target, found in sources.items()}
    for _ in range(len(above)):
        for found in above.values():
            found |= set().union(*(above.get(site, set()) for site in found))
    if any(site in found for site, found in above.items()):
        shape = "R"
    elif any(len(found) > 1 for found in sources.values()):
        shape = "M"
    else:
        shape = "S"
    return ("p" if any(count > 1 for count in graph.values()) else "m") + shape


def score(histories, tree_of, labels_of, sites, truth, migrating, ids):
    """Figures of one tumor: edges kept at probability .5, and those of the best history alone."""
    edges, multi, clones, patterns = Counter(), Counter(), Counter(), Counter()
    best: tuple[float, list[float]] = (-1.0, [])
    total_best = 0.0
    for tree, history in histories:
        names = tree_of(tree.tree)
        labels = labels_of(tree.tree)
        counts = Counter({(sites[s], sites[t]): n for (s, t), n in history.migration_counts.items()})
        mutations = set()
        for u, *_ in history.migrations:
            path = names.path_from_root(int(u))
            mutations.update(ids[i] for i in np.flatnonzero(np.isin(labels, path)))
        for edge, n in counts.items():
            edges[edge] += history.weight
            for i in range(n):
                multi[edge, i] += history.weight
        for mutation in mutations:
            clones[mutation] += history.weight
        patterns[pattern(counts)] += history.weight
        if history.weight > best[0] + 1e-9:
            best, total_best = (history.weight, [0.0, 0.0]), 0.0
        if history.weight > best[0] - 1e-9:
            total_best += 1
            best[1][0] += f1(Counter(set(counts)), Counter(set(truth)))
            best[1][1] += f1(counts, truth)
    kept = Counter(edge for edge, weight in edges.items() if weight >= 0.5)
    kept_multi = Counter(edge for (edge, _), weight in multi.items() if weight >= 0.5)
    kept_clones = Counter(m for m, weight in clones.items() if weight >= 0.5)
    likely = max(sorted(patterns), key=lambda name: patterns[name])
    figures = [
        f1(kept, Counter(set(truth))),
        f1(kept_multi, truth),
        f1(kept_clones, Counter(migrating)),
        float(likely == pattern(truth)),
        best[1][0] / total_best,
        patterns[likely],
    ]
    calls = [(edges[a, b], float((a, b) in truth)) for a in sites for b in sites if a != b and edges[a, b] > 0.001]
    missed = [(0.0, 1.0) for edge in truth if edges[edge] <= 0.001]
    return figures, calls, missed


def analysed(tumor, settings, seed, stages=("clusters", "trees", "histories")):
    """The tumor's result after the stages of `run`."""
    mutations, copy_number, purity = tumor.data
    samples = tuple(
        Sample(name, tumor.sites[site], float(share))
        for name, site, share in zip(mutations.sample_names, tumor.sample_site, purity)
    )
    sites = tuple(Site(name, "primary" if t == tumor.primary else "distant") for t, name in enumerate(tumor.sites))
    patient = Patient("tumor", samples, sites, mutations, copy_number)
    result = AnalysisResult(patient=patient, settings=settings.replace(seed=seed))
    for stage in stages:
        result = run_stage(stage, result, result.settings)
    return result


def as_run(tumor, settings, seed):
    """What `run` shows: histories in the clones shown."""
    result = analysed(tumor, settings, seed)
    return result.histories, result.trees.tree, lambda _: result.clusters.labels


def as_drawn(tumor, settings, seed):
    """The same histories with the clones of each draw; if there are no draws (several founders), those of `run`."""
    result = analysed(tumor, settings, seed)
    joint, drawn = result.trees.joint, result.histories.drawn
    if joint is None or drawn is None:
        return result.histories, result.trees.tree, lambda _: result.clusters.labels
    return drawn, joint.tree, lambda index: joint.draws[index].labels


METHODS = {"run": as_run, "draws": as_drawn}


def measure(tumor, settings, method=as_run):
    """Scores of a tumor, and CPU seconds."""
    start = time.process_time()
    histories, tree_of, labels_of = method(tumor, settings, 1)
    cpu = time.process_time() - start
    known = (labels_of, tumor.sites, tumor.graph, tumor.migrating, tumor.data[0].ids)
    return score(histories, tree_of, *known), cpu


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--method", choices=list(METHODS), default="run")
    options.add_argument("--tumors", type=int, default=40)
    options.add_argument("--simulated", action="store_true", help="own tumors")
    options.add_argument("--seed", type=int, default=1, help="of own tumors")
    options.add_argument("--purity", type=float, default=1.0)
    options.add_argument("--copy-number", action="store_true")
    options.add_argument("--jobs", type=int, default=1)
    chosen = options.parse_args()
    settings = Settings()
    run = METHODS[chosen.method]
    tumors = published_tumors(chosen.tumors)
    if chosen.simulated:
        tumors = own_tumors(chosen.tumors, chosen.seed, chosen.purity, chosen.copy_number)
    rows, calls, missed, cpu = [], [], [], []
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for (figures, found, lost), seconds in pool.map(partial(measure, settings=settings, method=run), tumors):
            rows.append(figures)
            calls += found
            missed += lost
            cpu.append(seconds)
    mean = np.mean(rows, axis=0)
    print(f"{chosen.method}, {len(rows)} tumors, reads alone, edges kept at probability .5")
    print("  graph F1 {:.3f}  multigraph F1 {:.3f}  migrating clones F1 {:.3f}  pattern right {:.3f}".format(*mean[:4]))
    error = np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))
    print("  standard errors {:.3f}, {:.3f}, {:.3f}, {:.3f}".format(*error[:4]))
    print(f"  best history alone: graph F1 {mean[4]:.3f}; mean probability of the pattern {mean[5]:.3f}")
    print(f"  calibration error of edges with p > .001: {calibration_error(calls):.3f} (n = {len(calls)},", end=" ")
    print(f"true edges below: {len(missed)})")
    print(f"  CPU {np.mean(cpu[chosen.jobs :]):.2f} s a tumor (kernels compiled), max {max(cpu[chosen.jobs :]):.2f}")
    if not chosen.simulated:
        print(PEERS)


if __name__ == "__main__":
    main()
