"""Quality control on simulated patients: alarms on clean ones, and what is noticed on others. docs/methods/quality.md.

    python benchmarks/quality.py [--patients N] [--seed N] [DESIGN]...

A row is a design of `phylometa.simulate.PRESETS`; a number the share of its patients with a warning or failure of that
check. Columns without any alarm are left out.
"""

from __future__ import annotations

import argparse
import zlib
from collections import Counter
from dataclasses import replace

import numpy as np

from phylometa.ccf.purity import infer_purity
from phylometa.config import CcfSettings
from phylometa.model.quality import QualityReport
from phylometa.qc.check import check_quality
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("designs", nargs="*", help="Default: all.")
    parser.add_argument("--patients", type=int, default=15, help="Patients of each design.")
    parser.add_argument("--seed", type=int, default=2200)
    chosen = parser.parse_args()
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
