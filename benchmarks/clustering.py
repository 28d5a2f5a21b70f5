"""Clusters and CCFs beside peers' figures.

    python benchmarks/clustering.py [m5] [conditions] [large] [genomes] [start]

m5 needs the published simulations below PHYLOMETA_DATA/machina_m5. Settings were chosen on `many_small_clusters` with
other seeds than here, never on m5.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from clustering_simulations import SimulatedReads, as_table, few_large_clusters, many_mutations, many_small_clusters

from phylometa.ccf.estimate import estimate_ccf
from phylometa.clustering.infer import cluster_mutations
from phylometa.config import CcfSettings, ClusteringSettings
from phylometa.model.clusters import Clustering
from phylometa.model.patient import CopyNumberAtLoci


def pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1.0) / 2.0).sum())


def adjusted_rand(first: np.ndarray, second: np.ndarray) -> float:
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1.0)
    rows, columns, total = pairs(table.sum(1)), pairs(table.sum(0)), len(first) * (len(first) - 1) / 2
    expected, most = rows * columns / total, (rows + columns) / 2
    return 1.0 if most == expected else (pairs(table) - expected) / (most - expected)


def v_measure(truth: np.ndarray, found: np.ndarray) -> float:
    table = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(table, (truth, found), 1.0 / len(truth))

    def entropy(p: np.ndarray) -> float:
        p = p[p > 0.0]
        return float(-(p * np.log(p)).sum())

    of_truth, of_found = entropy(table.sum(1)), entropy(table.sum(0))
    shared = of_truth + of_found - entropy(table.ravel())
    return 1.0 if of_truth + of_found == 0.0 else 2.0 * shared / (of_truth + of_found)


def cluster(data: SimulatedReads, **settings: float) -> tuple[Clustering, float]:
    """The best clustering and the CPU seconds it took."""
    start = time.process_time()
    best = cluster_mutations(
        data.mutations,
        data.copy_number,
        data.purity,
        settings=ClusteringSettings(**settings),
        ccf_settings=CcfSettings(),
        rng=np.random.default_rng(1),
    )[0]
    return best, time.process_time() - start


def measures(data: SimulatedReads, best: Clustering) -> list[float]:
    """ARI, V-measure, RMSE of the CCF, coverage of the 95 % intervals (all cells; cells with the mutation)."""
    truth, found = data.ccf[data.labels], best.labels
    inside = (truth >= best.ccf_lo[found] - 1e-9) & (truth <= best.ccf_hi[found] + 1e-9)
    rmse = float(np.sqrt(((best.ccf[found] - truth) ** 2).mean()))
    return [
        adjusted_rand(data.labels, found),
        v_measure(data.labels, found),
        rmse,
        float(inside.mean()),
        float(inside[truth > 0.0].mean()),
    ]


def read_m5(reads: Path) -> SimulatedReads:
    """One published tumour: reads, observed clustering, and CCFs from the leaves' shares."""
    seed = re.search(r"seed(\d+)", reads.name)[1]
    lines = reads.read_text().splitlines()
    n_samples, n = int(lines[1].split()[0]), int(lines[2].split()[0])
    alt, ref = np.zeros((n, n_samples), dtype=int), np.zeros((n, n_samples), dtype=int)
    names, samples = [""] * n, [""] * n_samples
    for line in lines[4:]:
        cells = line.split("\t")
        sample, mutation = int(cells[0]), int(cells[4])
        samples[sample], names[mutation] = cells[1], cells[5]
        ref[mutation, sample], alt[mutation, sample] = int(cells[6]), int(cells[7])
    clusters = (reads.parent / f"clustering_observed_seed{seed}.txt").read_text().split()
    labels = np.full(n, -1)
    for k, text in enumerate(clusters):
        for name in text.split(";"):
            if name in names:
                labels[names.index(name)] = k
    edges = (line.split() for line in (reads.parent / f"T_seed{seed}.tree").read_text().splitlines() if line.strip())
    parent = {child: source for source, child in edges}
    ccf = np.zeros((len(clusters), n_samples))
    dot = (reads.parent / f"T_seed{seed}.dot").read_text()
    for leaf, site, shares in re.findall(r'label="([^"\\]+)\\n([^"\\]+)\\n([^"]+)"', dot):
        columns = [j for j, name in enumerate(samples) if re.sub(r"_\d+$", "", name) == site]
        share = np.array([float(text.rstrip("%")) / 100.0 for text in shares.split()])
        vertex = leaf
        while vertex in parent:
            vertex = parent[vertex]
            if vertex in clusters:
                ccf[clusters.index(vertex), columns] += share
    copy_number = CopyNumberAtLoci.diploid(n, n_samples)
    return SimulatedReads(as_table(alt, alt + ref), copy_number, np.ones(n_samples), labels, np.minimum(ccf, 1.0))


def report_many_small(name: str, tumours: list[SimulatedReads]) -> None:
    rows = []
    for data in tumours:
        best, seconds = cluster(data)
        rows.append([*measures(data, best), 1000.0 * seconds])
    ari, v, rmse, coverage, present, milliseconds = np.mean(rows, axis=0)
    print(
        f"{name}: ARI {ari:.3f}  V-measure {v:.3f}  RMSE {rmse:.4f}  coverage {coverage:.3f} (where present "
        f"{present:.3f})  CPU {milliseconds:.0f} ms a tumour (limits .93 .965 .024 - 50)"
    )


def run_m5() -> None:
    rng = np.random.default_rng(2026)
    report_many_small("own simulations of that kind (100)", [many_small_clusters(rng) for _ in range(100)])
    root = os.environ.get("PHYLOMETA_DATA")
    if root:
        files = sorted(Path(root, "machina_m5").glob("*/reads_seed*.tsv"))
        report_many_small(f"published m5 ({len(files)})", [read_m5(path) for path in files])
    print(
        "  PyClone-VI default .42, its best .79; Pairtree .91 (2 tumours, 41 s); Orchard .77; AncesTree, PhyloWGS .82"
    )


def run_conditions(n_tumours: int = 30) -> None:
    print("condition depth precision | ARI  V  RMSE  coverage present | CCF table coverage | forced diploid ARI RMSE")
    conditions = ("diploid", "gain", "LOH", "doubled", "subclonal")
    cases = [(name, depth, np.inf) for name in conditions for depth in (30, 100, 400)]
    cases += [("diploid", 100, 100.0), ("diploid", 400, 100.0), ("gain", 100, 100.0)]
    for condition, depth, precision in cases:
        rng = np.random.default_rng(2027)
        rows = []
        for _ in range(n_tumours):
            data = few_large_clusters(rng, condition=condition, depth=depth, precision=precision)
            best, _ = cluster(data)
            table = estimate_ccf(data.mutations, data.copy_number, data.purity, settings=CcfSettings())
            truth = data.ccf[data.labels]
            seen = data.mutations.is_informative
            inside = (truth >= table.ccf_lo - 1e-9) & (truth <= table.ccf_hi + 1e-9)
            diploid = SimulatedReads(
                data.mutations, CopyNumberAtLoci.diploid(*truth.shape), data.purity, data.labels, data.ccf
            )
            forced = measures(diploid, cluster(diploid, draws=0)[0])
            rows.append([*measures(data, best), inside[seen].mean(), forced[0], forced[2]])
        print(f"{condition:10s} {depth:4d} {precision:6.0f} | " + "  ".join(f"{x:.3f}" for x in np.mean(rows, axis=0)))


def run_large() -> None:
    print("20 clusters x 10 samples, depth 100 (PyClone-VI: 10-22 s, ARI .11-.43 at 1,000; 132 s, 1.7 GB at 50,000)")
    for n, n_samples, limit in ((1000, 10, 0.5), (50_000, 10, 5.0), (1_000_000, 10, 120.0), (100_000, 50, np.nan)):
        data = many_mutations(np.random.default_rng(1), n, n_samples)
        best, seconds = cluster(data)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        ari = adjusted_rand(data.labels, best.labels)
        print(
            f"{n:8d} mutations x {n_samples}: {seconds:7.2f} s CPU (limit {limit:g}), ARI {ari:.4f}, "
            f"at most {memory:.2f} GB so far"
        )


def run_genomes() -> None:
    print("about 10 clusters x 5 samples, 60x, purity .3-.9, subclonal gains, precision 200; every CCF too; no limit")
    for n in (10_000, 100_000, 1_000_000):
        size = n // 6
        data = few_large_clusters(
            np.random.default_rng(2),
            condition="subclonal",
            depth=60.0,
            precision=200.0,
            n_samples=5,
            members=(size // 2, size + size // 2),
        )
        best, seconds = cluster(data)
        before = time.process_time()
        estimate_ccf(data.mutations, data.copy_number, data.purity, settings=CcfSettings())
        ccf_seconds = time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        ari = adjusted_rand(data.labels, best.labels)
        print(
            f"{len(data.labels):8d} mutations: clusters {seconds:6.1f} s CPU, CCFs {ccf_seconds:6.1f} s, "
            f"ARI {ari:.4f}, at most {memory:.2f} GB so far",
            flush=True,
        )


def run_start() -> None:
    """CPU of whole processes on a patient of 51 mutations, with a copy of the package as an installation leaves it."""
    import phylometa

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(phylometa.__file__).parent, folder / "site/phylometa", ignore=without)
        environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
        for name in ("NUMBA_CACHE_DIR", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)

        def timed(*arguments: str) -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", *arguments]
            subprocess.run(command, cwd=folder, env=environment, check=True, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        exome = ("--preset", "exome", "--set", "mutation_rate=0.004", "--seed", "5")
        timed("phylometa", "simulate", "-o", "patient", *exome)
        sheet = "patient/samples.tsv"
        timed("phylometa", "counts", sheet, "-o", "counts.tsv")
        n = len({line.split("\t")[0] for line in (folder / "counts.tsv").read_text().splitlines()[1:]})
        print(
            f"kernels compiled while installing: {timed('phylometa.pipeline.kernel_cache'):.1f} s CPU; "
            f"{n} mutations, 6 samples"
        )
        for words in ("cluster counts.tsv --sheet " + sheet, f"run {sheet} --no-plots", f"run {sheet}"):
            first, second = (timed("phylometa", *words.split(), "-o", "out", "--force") for _ in range(2))
            print(f"phylometa {words}: first {first:.2f} s, second {second:.2f} s CPU (limits 6 and 2)", flush=True)


if __name__ == "__main__":
    parts = {"m5": run_m5, "conditions": run_conditions, "large": run_large}
    parts |= {"genomes": run_genomes, "start": run_start}
    if set(sys.argv[1:]) - set(parts):
        raise SystemExit(__doc__)
    for part in sys.argv[1:] or list(parts):
        parts[part]()
