"""Quality control on simulated patients: alarms on clean ones, and what is noticed on others. docs/methods/quality.md.

    python benchmarks/quality.py [--patients N] [--seed N] [DESIGN]...
    python benchmarks/quality.py --errors [--patients N] [--seed N]

A row is a design of `phylometa.simulate.PRESETS`; a number the share of its patients with a warning or failure of that
check. Columns without any alarm are left out. `--errors` prints in how many samples of the label study's patients a
sequencing error above the usual one is found, and its median.
"""

from __future__ import annotations

import argparse
import zlib
from collections import Counter
from dataclasses import replace

import numpy as np
from label_patients import draw_patient

from phylometa.ccf.purity import infer_purity
from phylometa.config import CcfSettings
from phylometa.model.quality import QualityReport
from phylometa.qc.check import check_quality
from phylometa.reads.error_rate import learn_error_rates
from phylometa.simulate import PRESETS, simulate_patient

_EXOME = PRESETS["exome"]
# Designs with nothing wrong; several regions and founders make sites that look alike or unlike.
CLEAN = {
    **{
        name: PRESETS[name]
        for name in ("cascade", "random", "exome", "panel", "monoclonal", "no_primary", "low_purity")
    },
    "exome, 3 regions a site": replace(_EXOME, metastasis_regions=3),
    "exome, many founders": replace(_EXOME, metastasis_regions=2, founders=3, extra_founders=2.0),
    "real_sweeps": PRESETS["real_sweeps"],
}
WRONG = {
    name: PRESETS[name]
    for name in (
        *("real_wrong_purity", "real_mislabelled", "real_duplicate", "real_contamination", "real_ffpe"),
        *("real_normal", "real_hidden_loh", "real_positives_only", "real_vcf_only", "real_shallow"),
    )
}


def report_of(settings, seed: int, k: int, name: str) -> QualityReport:
    """The report on one simulated patient."""
    patient = simulate_patient(settings, rng=np.random.default_rng([seed, k, zlib.crc32(name.encode())])).patient
    return check_quality(patient, infer_purity(patient, settings=CcfSettings()))


def alarms(report: QualityReport) -> set[str]:
    """Checks that warned or failed."""
    return {f.check for f in report.findings if f.verdict in ("warning", "failed")}


ERRORS = {
    "errors .001": {},
    "errors .003": {"error_rate": 0.003},
    "errors .005": {"error_rate": 0.005},
    "errors .01": {"error_rate": 0.01},
    "5 % foreign DNA": {"leakage": 0.05},
    "60 neutral mutations per sample": {"tail_mutations": 60.0},
    "10 % artefacts": {"artefact_share": 0.05, "scattered_share": 0.05},
    "overdispersion .02": {"precision": 49.0},
    "formalin": {"ffpe_samples": 1.0},
}


def print_error_rates(n_patients: int, seed: int) -> None:
    """A row per condition: samples with a rate of their own, all samples, and the median rate."""
    print("| condition | samples with a rate of their own | median |\n|---|---|---|")
    for title, changes in ERRORS.items():
        rates: list[float] = []
        for k in range(n_patients):
            table = draw_patient(k, seed, unsampled=0.1, **changes).patient.mutations
            rates += learn_error_rates(table.alt_counts, table.depth, usual=CcfSettings().error_rate).tolist()
        found = [rate for rate in rates if np.isfinite(rate)]
        print(
            f"| {title} | {len(found)} of {len(rates)} | {np.median(found) if found else float('nan'):.4f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("designs", nargs="*", help="Default: all.")
    parser.add_argument("--patients", type=int, default=15, help="Patients of each design.")
    parser.add_argument("--seed", type=int, default=2200)
    parser.add_argument("--errors", action="store_true", help="Learnt sequencing errors.")
    chosen = parser.parse_args()
    if chosen.errors:
        print_error_rates(chosen.patients, chosen.seed)
        return
    for title, designs in (("nothing is wrong", CLEAN), ("something is wrong", WRONG)):
        names = [name for name in designs if not chosen.designs or name in chosen.designs]
        total: Counter[str] = Counter()
        any_alarm = n_patients = 0
        print(f"{title}: {chosen.patients} patients of each design")
        for name in names:
            counts: Counter[str] = Counter()
            for k in range(chosen.patients):
                found = alarms(report_of(designs[name], chosen.seed, k, name))
                counts.update(found)
                any_alarm += bool(found)
            n_patients += chosen.patients
            total.update(counts)
            listed = (
                ", ".join(f"{check} {n / chosen.patients:.2f}" for check, n in sorted(counts.items())) or "no alarm"
            )
            print(f"  {name:24s} {listed}", flush=True)
        if n_patients:
            listed = ", ".join(f"{check} {n / n_patients:.3f}" for check, n in sorted(total.items()))
            print(f"  all: any {any_alarm / n_patients:.3f}, {listed}\n")


if __name__ == "__main__":
    main()
