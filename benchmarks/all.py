"""Every stage and the whole: accuracy, CPU time and memory, peers beside ours.

    [PHYLOMETA_DATA=...] python benchmarks/all.py [--stages NAME...] [--tumours N] [--record]

Each stage runs in a process of its own, after one call that is not counted (imports, compiled kernels from their
cache); `memory` is that process's peak, interpreter and libraries included. Peers' figures are data with their source:
benchmarks/peers.tsv. m5 are the simulated tumours of El-Kebir et al. 2018 (the folder PHYLOMETA_DATA); without them own
simulations of the same kind are used if there are any. The single benchmarks beside this print more of each stage.
`--record` keeps the figures in printed.tsv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from printed import record

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests/helpers"), str(HERE.parent / "tests/oracles")]
A22 = HERE.parent / "sample_data/gundem_a22/samples.tsv"
Figures = dict[str, float]


def m5_files(pattern: str, n: int) -> list[Path]:
    """Files of `n` of the published tumours, evenly over the migration patterns; none without PHYLOMETA_DATA."""
    root = os.environ.get("PHYLOMETA_DATA")
    files = sorted(Path(root).glob(f"machina_m5/*/{pattern}")) if root else []
    return [files[round(i * (len(files) - 1) / max(n - 1, 1))] for i in range(min(n, len(files)))]


def timed(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def clusters(n: int) -> Figures:
    """Reads to clusters."""
    import clustering
    import numpy as np
    from clustering_simulations import many_small_clusters

    files = m5_files("reads_seed*.tsv", n)
    rng = np.random.default_rng(2026)
    tumours = [clustering.read_m5(path) for path in files] or [many_small_clusters(rng) for _ in range(n)]
    clustering.cluster(tumours[0])
    found = [clustering.cluster(tumour) for tumour in tumours]
    scores = np.mean([clustering.measures(tumour, best) for tumour, (best, _) in zip(tumours, found)], axis=0)
    which = "m5" if files else "own simulations"
    return {
        f"ARI {which}": scores[0],
        f"RMSE of CCF {which}": scores[2],
        "CPU a tumour": float(np.mean([cpu for _, cpu in found])),
    }


def trees(n: int) -> Figures:
    """True clusters to the posterior over trees."""
    import clone_trees
    import numpy as np

    from phylometa.config import TreeSettings

    rows = []
    for i, path in enumerate([*m5_files("T_seed*.tree", n)[:1], *m5_files("T_seed*.tree", n)]):
        known, sample_site, sites, parents, _ = clone_trees.read_m5(path)
        found, cpu = clone_trees.infer(known, sample_site, sites, TreeSettings())
        probability = np.array(found.diagnostics["ancestor_probability"])
        if i:
            rows.append((clone_trees.relations(probability, parents, known.sizes)[0], cpu))
    if not rows:
        return {}
    accuracy, cpu = np.mean(rows, axis=0)
    return {"relation accuracy m5, true clusters": accuracy, "CPU a tumour": cpu}


def histories(n: int) -> Figures:
    """True trees and presence to all optimal histories."""
    import migration_histories
    import numpy as np

    rows, cpu = [], []
    for path in m5_files("T_seed*.tree", n):
        tumour = migration_histories.Tumor(path)
        found, seconds = migration_histories.solved(tumour.located, "P", criteria="UMCS")
        weights = np.array([history.weight for history in found.histories])
        rows.append(weights @ np.array([tumour.measures(history.edges.tolist()) for history in found.histories]))
        cpu.append(seconds)
    if not rows:
        return {}
    mean = np.mean(rows, axis=0)
    return {
        "graph F1 m5, true trees": mean[0],
        "pattern right m5, true trees": mean[3],
        "CPU a tumour": float(np.mean(cpu)),
    }


def reads_to_histories(n: int) -> Figures:
    """Reads and the primary's name to migration graphs, the stages of `run` one after the other."""
    import end_to_end
    import numpy as np

    from phylometa.config import Settings

    if not m5_files("T_seed*.tree", n):
        return {}
    rows, cpu = [], []
    for tumor in end_to_end.published_tumors(n):
        (found, *_), seconds = end_to_end.measure(tumor, Settings())
        rows.append(found)
        cpu.append(seconds)
    mean = np.mean(rows, axis=0)
    names = ("graph F1 m5", "multigraph F1 m5", "migrating clones F1 m5", "pattern right m5")
    return {**dict(zip(names, map(float, mean))), "CPU a tumour": float(np.mean(cpu[1:] or cpu))}


def single_cells(n: int) -> Figures:
    """A matrix of 200 cells and 100 mutations to clones and their tree."""
    import numpy as np
    import single_cells as study

    from phylometa.cells import infer_cell_clones
    from phylometa.simulate.cells import simulate_cells

    rows = []
    for number in range(-1, min(n, study.PATIENTS)):
        rng = np.random.default_rng([1, max(number, 0)])
        simulated = simulate_cells(rng=rng)
        start = time.process_time()
        found = infer_cell_clones(simulated.matrix, rng=rng)
        rows.append(study.measures(simulated, found, time.process_time() - start))
    names = {"relations of different clones right": "relations right", "CPU": "CPU a tumour"}
    return {shown: float(np.mean([row[name] for row in rows[1:]])) for name, shown in names.items()}


def copy_number(n: int) -> Figures:
    """Distances of all pairs of eleven profiles with 500 segments and two alleles."""
    import numpy as np
    from copy_number import as_sequences

    from phylometa.copy_number.distance import copy_number_distances

    rng = np.random.default_rng(1)
    profiles = np.ones((11, 2, 10, 50), dtype=np.int64)
    for profile in profiles[:-1]:  # the last one stays diploid
        for _ in range(20):
            run = profile[rng.integers(2), rng.integers(10), slice(*np.sort(rng.integers(0, 51, 2)))]
            run[run > 0] += 1 if rng.random() < 0.5 else -1
    sequences = as_sequences(profiles)
    pairs = len(sequences.values) * (len(sequences.values) - 1) / 2
    rates = {}
    for name, wgd in (("pairs a second, no doubling", False), ("pairs a second, doubling", True)):
        copy_number_distances(as_sequences(profiles[:2]), wgd=wgd)
        rates[name] = pairs / timed(lambda wgd=wgd: copy_number_distances(sequences, wgd=wgd))
    return rates


def figures(n: int) -> Figures:
    """All figures in three formats, and the report, of 15 clones and 10 samples."""
    import plot_results

    import phylometa as pm
    from phylometa.plots import save_figures

    with tempfile.TemporaryDirectory() as folder:
        save_figures(plot_results.one_clone(), folder)
        result = plot_results.fifteen_clones()
        return {
            "CPU of all figures": timed(lambda: save_figures(result, folder)),
            "CPU of the report": timed(lambda: pm.write_report(result, Path(folder) / "report.html")),
        }


def reading(n: int) -> Figures:
    """A VCF of 20,000 records and six samples to the matrix of counts, beside bare pysam."""
    import reading_speed

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.vcf.gz"
        reading_speed.write_calls(path, 20_000)
        bare, _ = reading_speed.measure("pysam", path)
        ours, _ = reading_speed.measure("matrix", path)
    return {"CPU": ours, "CPU, times bare pysam": ours / bare}


def simulation(n: int) -> Figures:
    """A patient with known truth."""
    from phylometa.pipeline.stages import stage_rng
    from phylometa.simulate import settings_from_text, simulate_patient

    settings = settings_from_text("exome", {})
    simulate_patient(settings, rng=stage_rng(1, "simulate"))
    return {"CPU a patient": timed(lambda: simulate_patient(settings, rng=stage_rng(2, "simulate")))}


def whole(n: int) -> Figures:
    """`phylometa demo`: a new process, from the files to the report with all figures."""
    with tempfile.TemporaryDirectory() as folder:
        return in_new_process(folder, "demo", "-o", "demo")


def real_patient(n: int) -> Figures:
    """`phylometa run --no-plots` on the bundled patient A22: ten samples, 10 sites."""
    with tempfile.TemporaryDirectory() as folder:
        return in_new_process(folder, "run", str(A22), "-o", "A22", "--no-plots", "--jobs", "1")


def in_new_process(folder: str, *arguments: str) -> Figures:
    """CPU and memory of a command of phylometa, run in `folder`: `python -m` finds the package of the working folder
    before that of PYTHONPATH, and two commits are told apart by PYTHONPATH."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "phylometa", *arguments], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "CPU": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory, MB": after.ru_maxrss / 1024,
    }


STAGES: dict[str, Callable[[int], Figures]] = {
    "reading": reading,
    "clusters": clusters,
    "trees": trees,
    "histories": histories,
    "reads to histories": reads_to_histories,
    "single cells": single_cells,
    "copy number": copy_number,
    "figures": figures,
    "simulation": simulation,
    "whole": whole,
    "A22": real_patient,
}


def run_stage_alone(stage: str, n: int, **environment: str) -> Figures:
    """A stage in a process of its own; its figures, with the CPU and peak memory of that process."""
    command = [sys.executable, str(HERE / "all.py"), "--child", stage, "--tumours", str(n)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


def child(stage: str, n: int) -> None:
    found = STAGES[stage](n)
    used = resource.getrusage(resource.RUSAGE_SELF)
    if found:
        found.setdefault("memory, MB", used.ru_maxrss / 1024)
    print(json.dumps({name: float(value) for name, value in found.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--tumours", type=int, default=40, help="of machina_m5 [default: 40, all]")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    parser.add_argument("--child", choices=list(STAGES), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.tumours)
        return
    with (HERE / "peers.tsv").open(newline="", encoding="utf-8") as handle:
        peers = list(csv.DictReader(handle, delimiter="\t"))
    print("| stage | measure | phylometa | peers (how; source in benchmarks/peers.tsv) |\n|---|---|---|---|")
    for stage in chosen.stages:
        found = run_stage_alone(stage, chosen.tumours)
        if not found:
            print(f"| {stage} | not measured: set PHYLOMETA_DATA | | |", flush=True)
        if chosen.record:
            record("all.py", [(stage, measure, f"{value:.4g}") for measure, value in found.items()])
        for measure, value in found.items():
            beside = "; ".join(
                f"{peer['peer']} {peer['value']}{'' if peer['unit'] == '1' else ' ' + peer['unit']} ({peer['how']})"
                for peer in peers
                if (peer["stage"], peer["measure"]) == (stage, measure)
            )
            print(f"| {stage} | {measure} | {value:.3g} | {beside} |", flush=True)


if __name__ == "__main__":
    main()
