"""Cost of the simulator: ``python benchmarks/simulation_speed.py``. CPU seconds on one core, files included.

Limits: 100 patients of exome size below 60 s; a genome (5e4 mutations, 20 samples) below 20 s.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from phylometa.io.simulated import write_simulated_cohort, write_simulated_patient
from phylometa.simulate import PRESETS, simulate_patient


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        exomes = [
            simulate_patient(replace(PRESETS["exome"], patient=f"P{i}"), rng=np.random.default_rng(i))
            for i in range(100)
        ]
        drawn = time.process_time() - start
        write_simulated_cohort(exomes, Path(folder) / "exomes")
        total = time.process_time() - start
        n = np.mean([patient.patient.mutations.n_mutations for patient in exomes])
        print(f"100 exomes (mean {n:.0f} mutations): {drawn:.1f} s drawn, {total:.1f} s with files; limit 60 s")

        start = time.process_time()
        genome = simulate_patient(PRESETS["genome"], rng=np.random.default_rng(1))
        drawn = time.process_time() - start
        write_simulated_patient(genome, Path(folder) / "genome")
        total = time.process_time() - start
        table = genome.patient.mutations
        size = f"{table.n_mutations} mutations x {table.n_samples} samples"
        print(f"genome ({size}): {drawn:.1f} s drawn, {total:.1f} s with files; limit 20 s")


if __name__ == "__main__":
    main()
