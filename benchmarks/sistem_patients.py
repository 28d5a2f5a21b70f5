"""Patients of SISTEM, an agent-based simulator of growth and metastasis, as cases for two other studies.

    pip install sistem
    python benchmarks/sistem_patients.py [--patients 20] > sistem.json
    python benchmarks/process_model.py --sistem sistem.json
    python benchmarks/sistem_patients.py --genomes [--patients 50] > genomes.json
    python benchmarks/clone_copy_number.py --sistem genomes.json

Cells divide, mutate, die and migrate; 100 cells of each site are sampled, and clones below 5 % left out (Weiner et al.,
https://pypi.org/project/sistem). A clone is what no mutation separates; its sites are those of its sampled cells.
Routes are those of the sampled cells' ancestors. Four sites and five chromosomes of 10 Mb pieces; with `--genomes` five
sites, 22 chromosomes of 5 Mb pieces, more changes of copy number (some genomes are doubled), and copies of both alleles
in every clone.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

COMMON = {
    "growth_rate": 0.02,
    "epsilon": 8e-6,
    "min_detectable": 2000,
    "t_max": 900,
    "SNV_driver_rate": 2e-3,
    "focal_driver_rate": 1e-4,
}
FEW = {"nsites": 4, "num_chroms": 5, "region_len": 10_000_000, "arm_rate": 1e-5, "chromosomal_rate": 1e-6}
# Doubled genomes are rare and hardly ever spread by themselves, so that they are made frequent and may live.
GENOMES = {
    "nsites": 5,
    "num_chroms": 22,
    "region_len": 5_000_000,
    "arm_rate": 1e-4,
    "chromosomal_rate": 5e-5,
    "focal_pass_rate": 0.03,
    "SNV_driver_rate": 1e-3,
    "WGD_rate": 4e-3,
    "max_distinct_driv_ratio": 1.0,
    "max_region_CN": 20,
}


def grown(seed: int, folder: Path, genomes: bool) -> Any:
    """The lineage tree of the sampled cells; None if a metastasis did not grow."""
    from sistem import GrowthSimulator, Parameters
    from sistem.anatomy import StaticAnatomy
    from sistem.selection import RandomHybridLibrary

    np.random.seed(seed)  # noqa: NPY002 - the simulator draws from the global state
    random.seed(seed)
    chosen = COMMON | (GENOMES if genomes else FEW)
    paths = {"out_dir": str(folder), "log_path": str(folder / "log")}
    settings = Parameters(capacities=[5000] * chosen["nsites"], **chosen, **paths)
    library = RandomHybridLibrary(params=settings)
    library.initialize(params=settings)
    anatomy = StaticAnatomy(libraries=library, params=settings)
    anatomy.initialize_distances(method="random")
    growth = GrowthSimulator(anatomy)
    growth.simulate_agents(params=settings)
    if min(growth.site_counts) < settings.ncells_meta:
        return None
    growth.sample_cells(params=settings)
    return growth.simulate_clonal_lineage(params=settings)


def simulate(seed: int, folder: Path, genomes: bool) -> dict[str, object] | None:
    """One patient as parents, sites of each clone, and routes; None if a metastasis did not grow."""
    tree = grown(seed, folder, genomes)
    if tree is None:
        return None
    clone_of: dict[int, int] = {}
    parents: list[int] = []
    sites: list[dict[int, int]] = []
    routes: set[tuple[int, int]] = set()
    nodes: list[Any] = []
    root = next(node for node in tree.traverse() if node.parent is None)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = [child for child in node.children if child.name != "diploid"]
        above = node.parent
        if above is None or node.events:
            clone_of[id(node)] = len(parents)
            parents.append(-1 if above is None else clone_of[id(above)])
            sites.append({})
            nodes.append(node)
        else:
            clone_of[id(node)] = clone_of[id(above)]
        if above is not None and above.site != node.site:
            routes.add((above.site, node.site))
        if not children:
            held = sites[clone_of[id(node)]]
            held[node.site] = held.get(node.site, 0) + node.info["count"]
        waiting += children
    found = {"parents": parents, "sites": [sorted(held) for held in sites], "routes": sorted(routes)}
    return found | (genomes_of(nodes, sites) if genomes else {})


def genomes_of(nodes: list[Any], cells: list[dict[int, int]]) -> dict[str, object]:
    """Cells of every clone in every site, doublings, and copies of both alleles of pieces that no event cuts."""
    from sistem.data.utils import count_region_CNs

    library = nodes[0].library
    regions = [count_region_CNs(node) for node in nodes]
    segments, copies = [], []
    for chrom, length in library.chrom_lens.items():
        own = np.array([region[chrom] for region in regions])  # (K, 2, pieces)
        n_pieces = own.shape[2]
        is_cut = (own[:, :, 1:] != own[:, :, :-1]).any(axis=(0, 1))
        first = [0, *(np.flatnonzero(is_cut) + 1).tolist()]
        for start, end in zip(first, [*first[1:], n_pieces]):
            stop = length if end == n_pieces else end * library.region_len
            segments.append((chrom, start * library.region_len, stop))
            copies.append(own[:, :, start].tolist())
    doubled = [sum(getattr(event, "category", "") == "WGD" for event in node.events) for node in nodes]
    n_sites = 1 + max(site for held in cells for site in held)
    counts = [[held.get(site, 0) for site in range(n_sites)] for held in cells]
    return {"cells": counts, "doubled": doubled, "segments": segments, "copies": copies}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--genomes", action="store_true", help="whole genomes, with the copies of every clone")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for number in range(arguments.patients):
        with tempfile.TemporaryDirectory() as folder:
            patient = simulate(arguments.seed * 1000 + number, Path(folder), arguments.genomes)
        if patient is not None:
            found.append(patient)
            print(f"{number + 1} of {arguments.patients}", file=sys.stderr, flush=True)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
