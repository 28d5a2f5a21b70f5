"""How often would a design settle a question? Simulates, analyses, counts (docs/study_design.md).

    python benchmarks/study_planner.py --preset polyclonal --set distant_sites=1 --label site_seeding:metastasis_1 \
        --vary metastasis_regions=1,2,3 --patients 20

A label is settled if one value has probability >= .95. Patient i has the same seed in every design.
"""

import argparse
import time

from phylometa.config import Settings
from phylometa.errors import PhylometaError
from phylometa.pipeline.stages import AnalysisResult, run_stage, stage_rng
from phylometa.simulate import settings_from_text, simulate_patient, true_labels

STAGES = ("clusters", "trees", "histories", "labels")


def pick(labels, name):
    """A label, or LABEL:SITE; None if the site has none."""
    label, _, site = name.partition(":")
    return labels[label].get(site) if site else labels[label]


def examine(settings, label, seed):
    """(probability of the true value, most probable value is true, its probability) of one simulated patient."""
    simulated = simulate_patient(settings, rng=stage_rng(seed, "simulate"))
    truth = pick(true_labels(simulated), label)
    result = AnalysisResult(patient=simulated.patient)
    try:
        for stage in STAGES:
            result = run_stage(stage, result, Settings(seed=seed))
    except PhylometaError:
        return 0.0, False, 0.0
    values = pick(result.labels.labels, label) or {}
    best = max(values, key=values.get, default=None)
    return values.get(truth, 0.0), best == truth, values.get(best, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--vary", required=True, metavar="NAME=VALUE,VALUE,...")
    parser.add_argument("--label", required=True, metavar="LABEL[:SITE]")
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fixed = dict(change.split("=", 1) for change in options.changes)
    name, values = options.vary.split("=", 1)
    error = 50 / options.patients**0.5
    print(f"{options.label}, {options.patients} patients a design; standard error at most {error:.0f} %")
    print(f"| {name} | settled, right | settled, wrong | open | mean probability of the truth | CPU s a patient |")
    print("|---|---|---|---|---|---|")
    for value in values.split(","):
        settings = settings_from_text(options.preset, fixed | {name: value})
        start = time.process_time()
        found = [examine(settings, options.label, options.seed + i) for i in range(options.patients)]
        cost = (time.process_time() - start) / options.patients
        right = sum(is_right and p >= 0.95 for _, is_right, p in found) / options.patients
        wrong = sum(not is_right and p >= 0.95 for _, is_right, p in found) / options.patients
        mean = sum(p for p, _, _ in found) / options.patients
        print(
            f"| {value} | {right:.0%} | {wrong:.0%} | {1 - right - wrong:.0%} | {mean:.2f} | {cost:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
