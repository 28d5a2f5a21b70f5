"""Clone trees: relation accuracy on machina_m5, exactness, scale, and calibration on own simulations.

Run as ``python benchmarks/clone_trees.py [m5] [own] [exact] [scale] [calibration]`` (default: all; m5, and half of own,
need PHYLOMETA_DATA). `own`: clusters are inferred too, with the trees.
Accuracy is the share of mutation pairs whose most probable relation of {same, ancestor, descendant, branched} is the
true one. Times are CPU seconds of one core, compiled kernels cached; run with OMP_NUM_THREADS=1, as the command line
sets it: threads of NumPy's matrix products that wait for a core count as CPU too.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from clustering_simulations import many_small_clusters
from end_to_end import read_tumor
from scoring import calibration_error

from phylometa.clone_trees.chains import search_trees
from phylometa.clone_trees.enumeration import enumerate_trees
from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.clone_trees.likelihood import read_model, tree_log_likelihood
from phylometa.clone_trees.local_trees import starting_tree
from phylometa.clustering.infer import cluster_mutations, clustering_from_labels
from phylometa.config import CcfSettings, ClusteringSettings, Settings, TreeSettings
from phylometa.joint.infer import infer_jointly
from phylometa.joint.relations import mutation_relations
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import Clustering
from phylometa.model.patient import CopyNumberAtLoci
from phylometa.simulate import SimulationSettings, simulate_patient


def as_clustering(alt, total, sizes):
    ccf = np.clip(2 * alt / np.maximum(total, 1), 0, 1)
    labels = np.repeat(np.arange(len(alt)), sizes)
    names = tuple(str(k + 1) for k in range(len(alt)))
    return Clustering(names, labels, np.ones(len(labels)), ccf, ccf, ccf, alt, total)


def proper_ancestors(parents):
    n = len(parents)
    rooted = np.append(np.where(np.asarray(parents) < 0, n, parents), -1)
    return ancestor_matrix(rooted)[:n, :n] & ~np.eye(n, dtype=bool)


def relations(probability, parents, sizes):
    """(accuracy over mutation pairs, [(p, hit)] of every pair of clusters and relation, mean log score)."""
    above = proper_ancestors(parents)
    right = whole = float(sum(size * (size - 1) / 2 for size in sizes))
    calls, logs = [], []
    for i in range(len(parents)):
        for j in range(i):
            p = [probability[i, j], probability[j, i], 1 - probability[i, j] - probability[j, i]]
            truth = 0 if above[i, j] else 1 if above[j, i] else 2
            whole += sizes[i] * sizes[j]
            right += sizes[i] * sizes[j] * (int(np.argmax(p)) == truth)
            calls += [(p[r], float(r == truth)) for r in range(3)]
            logs.append(np.log(max(p[truth], 1e-6)))
    return (right / whole if whole else 1.0), calls, (float(np.mean(logs)) if logs else 0.0)


def read_m5(tree_file: Path):
    """True clusters of a tumor: Clustering with pooled reads, sites of samples, true parents, true presence."""
    folder, seed = tree_file.parent, re.search(r"T_seed(\d+)", tree_file.name).group(1)
    rows = [line.split("\t") for line in (folder / f"reads_seed{seed}.tsv").read_text().splitlines()]
    rows = [row for row in rows if not row[0].startswith("#") and len(row) == 8]
    samples, sites = list(dict.fromkeys(r[1] for r in rows)), list(dict.fromkeys(r[3] for r in rows))
    known = {row[5] for row in rows}
    site_of_leaf = dict(line.split() for line in (folder / f"T_seed{seed}.labeling").read_text().splitlines())
    parent = {below: above for above, below in map(str.split, tree_file.read_text().splitlines())}
    held = {v: [m for m in v.split(";") if m in known] for v in parent if v not in site_of_leaf}
    kept = sorted((v for v in held if held[v]), key=lambda v: (-len(held[v]), v))

    def carrier(v):
        while v != "GL" and not held.get(v):
            v = parent[v]
        return kept.index(v) if v != "GL" else -1

    place = {m: k for k, v in enumerate(kept) for m in held[v]}
    alt, total = np.zeros((len(kept), len(samples))), np.zeros((len(kept), len(samples)))
    for row in rows:
        k, s = place[row[5]], samples.index(row[1])
        alt[k, s] += int(row[7])
        total[k, s] += int(row[6]) + int(row[7])
    present = np.zeros((len(kept), len(sites)), dtype=bool)
    for leaf, site in site_of_leaf.items():
        present[carrier(parent[leaf]), sites.index(site)] = True
    site_of = {row[1]: sites.index(row[3]) for row in rows}
    clusters = as_clustering(alt, total, [len(held[v]) for v in kept])
    return clusters, [site_of[s] for s in samples], sites, np.array([carrier(parent[v]) for v in kept]), present


def infer(clusters, sample_site, sites, settings):
    start = time.process_time()
    trees = infer_clone_trees(clusters, sample_site, sites, settings=settings, rng=np.random.default_rng(1))
    return trees, time.process_time() - start


def benchmark_m5() -> None:
    rows, calls, presence = [], [], []
    for tree_file in sorted(Path(os.environ["PHYLOMETA_DATA"]).glob("machina_m5/*/T_seed*.tree")):
        clusters, sample_site, sites, parents, present = read_m5(tree_file)
        trees, seconds = infer(clusters, sample_site, sites, TreeSettings())
        accuracy, pairs, log_score = relations(
            np.array(trees.diagnostics["ancestor_probability"]), parents, clusters.sizes
        )
        rows.append((accuracy, log_score, seconds))
        calls += pairs
        mean = np.einsum("t,tks->ks", trees.weights, trees.presence)[: len(parents)]
        presence += list(zip(mean.ravel(), present.ravel().astype(float)))
    rows = np.array(rows[1:])  # the first tumor loads the kernels
    print("machina_m5, true clusters: relation accuracy, CPU s a tumor")
    print(f"  phylometa  {rows[:, 0].mean():.3f}  {rows[:, 2].mean():.2f} (max {rows[:, 2].max():.2f})")
    print("  fastBE .935 .04 | Orchard .950 1.3 (20 tumors) | Pairtree .952 48 (3 tumors)")
    print(f"  mean log score of a pair {rows[:, 1].mean():.3f}")
    print(f"  calibration error of relations {calibration_error(calls):.4f} (n = {len(calls)}; limit .03)")
    print(f"  calibration error of presence in sites {calibration_error(presence):.4f} (n = {len(presence)})")


def true_relations(clone, is_ancestor):
    """0/1 relation of every pair of mutations (4, n, n), as `mutation_relations` has them."""
    above = is_ancestor & ~np.eye(len(is_ancestor), dtype=bool)
    same, ancestor = np.equal.outer(clone, clone), above[np.ix_(clone, clone)]
    return np.stack([same, ancestor, ancestor.T, ~(same | ancestor | ancestor.T)])


def infer_with_clusters(mutations, copy_number, purity, sample_site, sites):
    """Relations of mutations by the clusters of the reads alone and by the joint posterior, CPU s of each."""
    settings, rng = Settings(), np.random.default_rng(1)
    start = time.process_time()
    options = {"settings": settings.clustering, "ccf_settings": settings.ccf, "rng": rng}
    clusters = cluster_mutations(mutations, copy_number, purity, **options)[0]
    trees = infer_clone_trees(clusters, sample_site, sites, settings=settings.trees, rng=rng)
    middle = time.process_time()
    alone = mutation_relations(clusters, trees)
    data = (mutations, copy_number, purity, sample_site)
    joint = infer_jointly(*data, labels=clusters.labels, trees=trees, settings=settings, rng=rng)
    together = mutation_relations(clusters, replace(trees, joint=joint))
    return alone, together, middle - start, time.process_time() - start


def small_patient(rng):
    """A tumour of many small clusters (see clustering_simulations) and the true relations of its mutations."""
    found = many_small_clusters(rng)
    columns = np.arange(found.ccf.shape[1])
    data = (found.mutations, found.copy_number, found.purity, columns, [str(s) for s in columns])
    return data, true_relations(found.labels, ancestor_matrix(found.parents))


def m5_patient(tree_file):
    """Reads of a tumor of machina_m5, and the true relations of its mutations."""
    table, sample_site, sites, *_ = read_tumor(tree_file)
    n, n_samples = table.depth.shape
    parent = {below: above for above, below in map(str.split, tree_file.read_text().splitlines())}
    inner = set(parent.values())
    clone = {m: v for v in parent if v in inner for m in v.split(";")}  # leaves have numbers too
    vertices = list(parent)
    rooted = np.array([vertices.index(parent[v]) if parent[v] in parent else -1 for v in vertices])
    truth = true_relations(np.array([vertices.index(clone[m]) for m in table.ids]), ancestor_matrix(rooted))
    return (table, CopyNumberAtLoci.diploid(n, n_samples), np.ones(n_samples), sample_site, sites), truth


def benchmark_own(n_own: int = 60) -> None:
    print("clusters inferred too: accuracy of mutation pairs (limit .93, Orchard .910), log score, calibration error")
    rng = np.random.default_rng(2026)
    kinds = {f"own simulations ({n_own})": [small_patient(rng) for _ in range(n_own)]}
    if "PHYLOMETA_DATA" in os.environ:
        files = sorted(Path(os.environ["PHYLOMETA_DATA"]).glob("machina_m5/*/T_seed*.tree"))
        kinds[f"machina_m5 ({len(files)})"] = [m5_patient(file) for file in files]
    for kind, patients in kinds.items():
        rows, calls, seconds = {0: [], 1: []}, {0: [], 1: []}, []
        for data, truth in patients:
            *found, before, after = infer_with_clusters(*data)
            seconds.append((before, after))
            pairs = np.triu_indices(truth.shape[1], 1)
            right = truth[:, pairs[0], pairs[1]].argmax(axis=0)
            for which, relation in enumerate(found):
                p = relation[:, pairs[0], pairs[1]]
                log = np.log(np.maximum(p[right, np.arange(len(right))], 1e-4))
                rows[which].append(((p.argmax(axis=0) == right).mean(), log.mean()))
                calls[which].append(np.stack([p.ravel(), truth[:, pairs[0], pairs[1]].ravel()], axis=1))
        for which, name in enumerate(("clusters of the reads alone", "joint posterior")):
            accuracy, log = np.mean(rows[which], axis=0)
            cpu = np.mean(seconds[1:], axis=0)[which]
            error = calibration_error(np.concatenate(calls[which]))
            print(f"  {kind}, {name}: {accuracy:.3f}  {log:.3f}  {error:.4f}  CPU {cpu:.2f} s a tumor")


def total_variation(first, second):
    branched = np.abs(first + first.T - second - second.T)
    return float((0.5 * (np.abs(first - second) + np.abs(first - second).T + branched)).max())


def benchmark_exact() -> None:
    print("search against exact: clusters, samples, depth: greatest total variation of a pairwise relation (limit .02)")
    cases = [(5, 2, 30, 5), (6, 3, 60, 6), (7, 5, 200, 7), (8, 5, 60, 8), (8, 6, 200, 8), (9, 5, 200, 9)]
    grid = [((6, 7, 7, 8)[i % 4], (3, 5, 7)[i % 3], (20, 60, 200, 1000)[i // 4 % 4], i) for i in range(36)]
    distances = []
    for n_clusters, n_samples, depth, seed in cases + grid:
        alt, total, _ = scale_data(n_clusters, n_samples, seed, reads=depth)
        model = read_model(alt, total, settings=TreeSettings())
        start = time.process_time()
        exact = enumerate_trees(model, best=tree_log_likelihood(starting_tree(model), model))
        middle = time.process_time()
        searched, found = search_trees(model, settings=TreeSettings(), rng=np.random.default_rng(1))
        seconds = time.process_time() - middle
        distances.append(total_variation(exact.ancestor_probability, searched.ancestor_probability))
        if len(distances) <= len(cases):
            print(
                f"  {n_clusters} {n_samples} {depth}: {distances[-1]:.3f}  exact {middle - start:.1f} s,"
                f" {exact.n_trees} trees; search {seconds:.2f} s, weights by {found['weights']},"
                f" chains differ by {found['disagreement']:.3f}"
            )
    print(f"  these and {len(grid)} more of 6-8: greatest {max(distances):.3f}, median {np.median(distances):.4f}")
    model = read_model(np.ones((9, 5)) * 0.3, np.ones((9, 5)), settings=TreeSettings())
    start = time.process_time()
    exact = enumerate_trees(model)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  9 clusters, 5 samples, one read a cell: {exact.n_trees} trees in {time.process_time() - start:.0f} s,"
          f" peak memory {peak:.1f} GB (limits 300 s, 4 GB)")  # fmt: skip


def scale_data(n_clusters, n_samples, seed, *, reads=1000, star=False, concentration=0.1):
    """Random recursive tree, Dirichlet proportions, `reads` a cluster and sample (ten mutations at 100x)."""
    rng = np.random.default_rng(seed)
    parents = np.array([-1] + [0 if star else int(rng.integers(0, k)) for k in range(1, n_clusters)])
    shares = rng.dirichlet(np.full(n_clusters, concentration), size=n_samples).T
    prevalence = np.minimum(ancestor_matrix(parents) @ shares, 1.0)
    total = rng.poisson(reads, prevalence.shape).astype(float)
    alt = rng.binomial(total.astype(int), 0.001 + prevalence * 0.499).astype(float)
    order = rng.permutation(n_clusters)
    rank = np.argsort(order)
    return alt[order], total[order], np.array([-1 if parents[k] < 0 else rank[parents[k]] for k in order])


def benchmark_scale() -> None:
    print("scale, true clusters, ten mutations each at 100x (fastBE 30x30 .84 s; 100x30 31 s .990; Orchard 63 s .927;")
    print("star of 24 children not done by fastBE in 40 s): clusters x samples, accuracy, CPU s, peak MB")
    for n_clusters, n_samples, star in (
        (30, 30, False), (30, 30, False), (100, 30, False), (60, 10, True), (100, 100, False), (300, 100, False),
    ):  # fmt: skip
        alt, total, parents = scale_data(n_clusters, n_samples, 1, star=star)
        sites = [str(s) for s in range(n_samples)]
        clusters = as_clustering(alt, total, np.full(n_clusters, 10))
        trees, seconds = infer(clusters, list(range(n_samples)), sites, TreeSettings())
        accuracy, _, _ = relations(np.array(trees.diagnostics["ancestor_probability"]), parents, np.ones(n_clusters))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        kind = " star" if star else ""
        print(f"  {n_clusters}x{n_samples}{kind}: {accuracy:.4f}  {seconds:.1f} s  {peak:.0f} MB", flush=True)


COPY_NUMBER = {
    "diploid": {"trunk_cn_events": 0.0, "branch_cn_events": 0.0},
    "altered": {"trunk_cn_events": 8.0, "branch_cn_events": 1.0},
    "doubled": {"trunk_doubling": 1.0, "trunk_cn_events": 8.0, "branch_cn_events": 1.0},
}
PURITY = {".3-.5": (0.3, 0.5), ".5-.7": (0.5, 0.7), ".7-.95": (0.7, 0.95)}


def simulated_patient(seed):
    """Reads of a patient under copy number, impurity and overdispersion, its clusters known: (Clustering, sites of
    samples, number of sites, true parents, true presence in sites, conditions)."""
    rng = np.random.default_rng([7, seed])
    condition = {
        "depth": int(rng.choice([60, 100, 200, 400])),
        "purity": str(rng.choice(list(PURITY))),
        "copy number": str(rng.choice(list(COPY_NUMBER))),
    }
    lowest, highest = PURITY[condition["purity"]]
    settings = SimulationSettings(
        pattern=("random", "monoclonal", "polyclonal", "cascade", "cross_seeding", "self_seeding")[seed % 6],
        primary_clones=int(rng.integers(2, 6)), distant_sites=int(rng.integers(1, 7)), metastasis_clones=1,
        primary_regions=int(rng.integers(1, 5)), metastasis_regions=int(rng.integers(1, 5)), assay="wes",
        mutation_rate=0.008, min_purity=lowest, max_purity=highest, depth=float(condition["depth"]),
        **COPY_NUMBER[condition["copy number"]],
    )  # fmt: skip
    found = simulate_patient(settings, rng=rng)
    patient, truth = found.patient, found.truth
    options = {"settings": ClusteringSettings(), "ccf_settings": CcfSettings()}
    data = (patient.mutations, patient.copy_number, patient.purity)
    clusters = clustering_from_labels(*data, [str(clone) for clone in truth.clone], **options)
    clones = [int(name) for name in clusters.names]

    def nearest(clone):  # the clone itself, or its nearest ancestor with mutations that were called
        while clone >= 0 and clone not in clones:
            clone = truth.tree.parents[clone]
        return clones.index(clone) if clone >= 0 else -1

    parents = np.array([nearest(truth.tree.parents[clone]) for clone in clones])
    present = np.zeros((len(clones), len(patient.sites)), dtype=bool)
    for clone, sites in enumerate(truth.presence):
        if nearest(clone) >= 0:
            present[nearest(clone)] |= sites
    condition["samples"] = patient.mutations.n_samples
    return clusters, patient.sample_site, len(patient.sites), parents, present, condition


def benchmark_calibration(n_patients: int = 150) -> None:
    calls, presence, conditions = [], [], []
    for seed in range(n_patients):
        clusters, site, n_sites, parents, present, condition = simulated_patient(seed)
        settings = TreeSettings(enumerate_clusters=7)
        trees, _ = infer(clusters, site, [str(t) for t in range(n_sites)], settings)
        probability = np.array(trees.diagnostics["ancestor_probability"])
        calls.append(relations(probability, parents, np.ones(len(parents)))[1])
        mean = np.einsum("t,tks->ks", trees.weights, trees.presence)[: len(parents)]
        presence.append(list(zip(mean.ravel(), present.ravel().astype(float))))
        conditions.append(condition)
    print(f"own simulations, {n_patients} patients: calibration error of relations and of presence (limit .03)")

    def row(name, chosen):
        pairs = [call for i in chosen for call in calls[i]]
        cells = [call for i in chosen for call in presence[i]]
        print(
            f"  {name}: relations {calibration_error(pairs):.3f} (n = {len(pairs)}), "
            f"presence {calibration_error(cells):.3f} (n = {len(cells)})"
        )

    row("all", range(n_patients))
    for key in ("depth", "purity", "copy number"):
        for value in sorted({condition[key] for condition in conditions}):
            row(f"{key} {value}", [i for i, condition in enumerate(conditions) if condition[key] == value])
    for low, high in ((2, 5), (6, 12), (13, 30)):
        row(f"{low}-{high} samples", [i for i, c in enumerate(conditions) if low <= c["samples"] <= high])


def main() -> None:
    parts = {
        "m5": benchmark_m5, "own": benchmark_own, "exact": benchmark_exact, "scale": benchmark_scale,
        "calibration": benchmark_calibration,
    }  # fmt: skip
    if set(sys.argv[1:]) - set(parts):
        raise SystemExit(__doc__)
    for name in sys.argv[1:] or list(parts):
        parts[name]()


if __name__ == "__main__":
    main()
