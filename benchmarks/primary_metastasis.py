"""Primary against metastasis from simulated reads: early / late calls, counts and JSI beside the truth.

python benchmarks/primary_metastasis.py --patients 60 --seed 1901 [--kind unsampled] [--set NAME=VALUE]

The truth of a mutation is the state of its clone among the clones that were sampled; early: the metastasis lacks at
least three mutations that are clonal in the primary, late: it lacks none. Kinds: as they are, half of the clones died
out unsampled, the same with purities that are off, the same with genome doubling. `--set` changes a setting of
`ComparisonSettings`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace

import label_patients
import numpy as np
from label_patients import draw_patient

from phylometa.comparison.clonality import cluster_states
from phylometa.comparison.infer import compare_with_primary
from phylometa.comparison.private_counts import count_states
from phylometa.comparison.statistics import call_jsi
from phylometa.config import ComparisonSettings, Settings
from phylometa.errors import PhylometaError
from phylometa.pipeline.stages import AnalysisResult, run_stage

KINDS = ("plain", "unsampled", "purity", "doubled")
MAX_MUTATIONS = 400
NAMES = ("S", "L_p", "L_m", "W_s")


def simulate(number: int, seed: int, kind: str):
    """(simulated patient, the patient as it is analysed); kind `purity`: given with a standard deviation of .07."""
    if kind == "doubled":
        plain = label_patients.SimulationSettings
        more = {"trunk_doubling": 0.3, "branch_doubling": 0.15, "trunk_cn_events": 12.0, "branch_cn_events": 3.0}
        label_patients.SimulationSettings = lambda **settings: plain(**{**settings, **more})
        try:
            simulated = draw_patient(number, seed, unsampled=0.5)
        finally:
            label_patients.SimulationSettings = plain
        return simulated, simulated.patient
    simulated = draw_patient(number, seed, unsampled=0.1 if kind == "plain" else 0.5)
    patient = simulated.patient
    if kind == "purity":
        rng = np.random.default_rng([seed, number, 7])
        off = [float(np.clip(sample.purity + rng.normal(0, 0.07), 0.1, 1.0)) for sample in patient.samples]
        samples = tuple(replace(sample, purity=value) for sample, value in zip(patient.samples, off))
        patient = patient.with_changes(samples=samples)
    return simulated, patient


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1901)
    parser.add_argument("--kind", choices=KINDS, default="plain")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    chosen = parser.parse_args()
    settings = ComparisonSettings()
    for text in chosen.set:
        name, _, value = text.partition("=")
        settings = replace(settings, **{name: type(getattr(settings, name))(float(value))})
    calls: Counter[tuple[str, str]] = Counter()
    jsi: Counter[bool] = Counter()
    errors = []
    start = time.process_time()
    for number in range(chosen.patients):
        simulated, patient = simulate(number, chosen.seed, chosen.kind)
        if patient.mutations.n_mutations > MAX_MUTATIONS or patient.primary.is_virtual:
            continue
        try:
            result = run_stage("clusters", AnalysisResult(patient=patient), Settings())
        except PhylometaError as error:
            print(f"patient {number}: {error}")
            continue
        found = compare_with_primary(result.patient, result.ccf, result.clusters, settings=settings)
        true = cluster_states(simulated.truth.tree, simulated.truth.presence)[simulated.truth.clone]
        primary = patient.site_names.index(patient.primary.name)
        for of_site in found.metastases:
            truth = count_states(true[:, primary], true[:, patient.site_names.index(of_site.metastasis)])
            if found.n_primary_regions >= settings.min_primary_regions:
                true_call = "early" if truth.L_p >= 3 else "late" if truth.L_p == 0 else "few absent"
                calls[true_call, of_site.test.call] += 1
            if not of_site.counts.withheld:
                errors.append([getattr(of_site.counts, name) - getattr(truth, name) for name in NAMES])
                jsi[call_jsi(truth.jsi, settings=settings) == of_site.jsi_call] += 1
    print(f"{chosen.kind}, seed {chosen.seed}: {time.process_time() - start:.0f} s of CPU")
    for (true_call, call), n in sorted(calls.items()):
        print(f"  truth {true_call:10s} called {call:12s} {n:4d}")
    off = np.abs(np.array(errors))
    print(f"  {len(off)} metastases, mean absolute error:", *(f"{n} {x:.2f}" for n, x in zip(NAMES, off.mean(axis=0))))
    print(f"  JSI call right in {jsi[True]} of {sum(jsi.values())}")


if __name__ == "__main__":
    main()
