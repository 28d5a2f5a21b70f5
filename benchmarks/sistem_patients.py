"""Patients of SISTEM, an agent-based simulator of growth and metastasis, as cases for process_model.py.

    pip install sistem
    python benchmarks/sistem_patients.py [--patients 20] > sistem.json
    python benchmarks/process_model.py --sistem sistem.json

Cells divide, mutate, die and migrate; 100 cells of each of four sites are sampled, and clones below 5 % left out
(Weiner et al., https://pypi.org/project/sistem). A clone is what no mutation separates; its sites are those of its
sampled cells. Routes are those of the sampled cells' ancestors.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np


def simulate(seed: int, folder: Path) -> dict[str, object] | None:
    """One patient as parents, sites of each clone, and routes; None if a metastasis did not grow."""
    from sistem import GrowthSimulator, Parameters
    from sistem.anatomy import StaticAnatomy
    from sistem.selection import RandomHybridLibrary

    np.random.seed(seed)  # noqa: NPY002 - the simulator draws from the global state
    random.seed(seed)
    settings = Parameters(
        out_dir=str(folder), log_path=str(folder / "log"), nsites=4, capacities=[5000] * 4, growth_rate=0.02,
        epsilon=8e-6, min_detectable=2000, t_max=900, num_chroms=5, region_len=10_000_000, SNV_driver_rate=2e-3,
        focal_driver_rate=1e-4, arm_rate=1e-5, chromosomal_rate=1e-6,
    )  # fmt: skip
    library = RandomHybridLibrary(params=settings)
    library.initialize(params=settings)
    anatomy = StaticAnatomy(libraries=library, params=settings)
    anatomy.initialize_distances(method="random")
    growth = GrowthSimulator(anatomy)
    growth.simulate_agents(params=settings)
    if min(growth.site_counts) < settings.ncells_meta:
        return None
    growth.sample_cells(params=settings)
    tree = growth.simulate_clonal_lineage(params=settings)
    clone_of: dict[int, int] = {}
    parents: list[int] = []
    sites: list[set[int]] = []
    routes: set[tuple[int, int]] = set()
    root = next(node for node in tree.traverse() if node.parent is None)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = [child for child in node.children if child.name != "diploid"]
        above = node.parent
        if above is None or node.events:
            clone_of[id(node)] = len(parents)
            parents.append(-1 if above is None else clone_of[id(above)])
            sites.append(set())
        else:
            clone_of[id(node)] = clone_of[id(above)]
        if above is not None and above.site != node.site:
            routes.add((above.site, node.site))
        if not children:
            sites[clone_of[id(node)]].add(node.site)
        waiting += children
    return {"parents": parents, "sites": [sorted(held) for held in sites], "routes": sorted(routes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for number in range(arguments.patients):
        with tempfile.TemporaryDirectory() as folder:
            patient = simulate(arguments.seed * 1000 + number, Path(folder))
        if patient is not None:
            found.append(patient)
            print(f"{number + 1} of {arguments.patients}", file=sys.stderr, flush=True)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
