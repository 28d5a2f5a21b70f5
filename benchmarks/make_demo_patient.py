"""Make the bundled patient again: ``python benchmarks/make_demo_patient.py [DIRECTORY]``.

DIRECTORY defaults to phylometa/demo_patient. The history is written out in `phylometa.simulate.demo`; everything else
is drawn from the preset ``demo`` with the seed below. It was found by a search: every clone has 20 called mutations,
any two clones differ by .3 in prevalence in some sample, both clones of the liver are in both of its samples, the
trunk has a large gain, no mutation is lost below the clone that gained it, and the routes can be told from the reads.
"""

import argparse
from pathlib import Path

from phylometa.io.simulated import write_simulated_patient
from phylometa.pipeline.stages import stage_rng
from phylometa.simulate import PRESETS, simulate_patient

SEED = 2014

README = """# The bundled patient

Simulated (no person): prostate cancer diagnosed at 61, irradiated, autopsy at 68. Made by
`python benchmarks/make_demo_patient.py` (preset `demo`, seed {seed}); `phylometa simulate --preset demo --seed {seed}`
gives the same files.

| file | what |
|---|---|
| samples.tsv | sample sheet: biopsy and two autopsy regions of the prostate, lymph node, spine, liver, adrenal |
| tumour.vcf.gz | {n} mutations, {s} tumour samples and a matched normal, Mutect2's layout |
| segments.tsv | allele-specific copy number, ASCAT's layout |
| treatments.tsv | hormone therapy, radiotherapy of the prostate |
| genes.txt | driver genes |
| truth.json | what really happened: clones, ages, migrations, proportions, multiplicities, copy-number events, labels |

What happened: two clones of the prostate, B and C, seeded the lymph node (polyclonal); the lymph node seeded the spine,
and the spine the liver (cascade) and, after radiotherapy, the prostate (reseeding); B also seeded the adrenal gland. AR
is mutated twice, on clones C and D of different lineages (parallel evolution).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parents[1] / "phylometa" / "demo_patient"
    parser.add_argument("directory", nargs="?", type=Path, default=default)
    directory = parser.parse_args().directory
    simulated = simulate_patient(PRESETS["demo"], rng=stage_rng(SEED, "simulate"))
    write_simulated_patient(simulated, directory)
    table = simulated.patient.mutations
    text = README.format(seed=SEED, n=table.n_mutations, s=table.n_samples)
    (directory / "README.md").write_text(text, encoding="utf-8")
    size = sum(path.stat().st_size for path in directory.iterdir())
    print(f"{directory}: {table.n_mutations} mutations, {table.n_samples} samples, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
