"""Purity from reads: simulated patients with and without copy number, four prostate patients. docs/methods/purity.md.

    PHYLOMETA_DATA=... python benchmarks/purity.py [--patients N] [--seed N] [WHAT ...]

WHAT is any of simulated, given, small_trunk, prostate; all by default.

simulated: copy number and purity withheld. given: with copy number, and what is noticed of purities given wrong by .1,
of right ones, and of right ones with an error of sd .03. small_trunk: the 40 pure, diploid tumors of machina_m5
(El-Kebir et al. 2018), of which most have one or two mutations in every sample. prostate: A10, A22, A31, A32 (Gundem
et al. 2015, doi:10.1038/nature14347), reads only; the true purity follows from the deposited mutation copy number,
which is VAF (C_T + 2 (1 - rho) / rho).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "sample_data"), str(ROOT / "benchmarks")]

from end_to_end import published_tumors  # noqa: E402

from phylometa.ccf.purity import infer_purity, rejected_purities  # noqa: E402
from phylometa.config import CcfSettings  # noqa: E402
from phylometa.io.tables import read_patient  # noqa: E402
from phylometa.model.patient import CopyNumberAtLoci, Patient, Sample, Site  # noqa: E402
from phylometa.simulate import PRESETS, simulate_patient  # noqa: E402

DESIGNS = (
    *("cascade", "exome", "panel", "low_purity", "contaminated", "monoclonal", "no_primary", "random"),
    *("called_apart", "single_sample", "doubled"),
)


def withheld(patient: Patient) -> Patient:
    """The patient without copy number, ploidy and purity."""
    unknown = np.full(patient.mutations.depth.shape, np.nan)
    copy_number = CopyNumberAtLoci(major=unknown, minor=unknown, normal=patient.copy_number.normal)
    samples = tuple(replace(s, purity=np.nan, purity_sd=0.0, ploidy=np.nan) for s in patient.samples)
    return patient.with_changes(copy_number=copy_number, segments=None, samples=samples)


def shifted(patient: Patient, shift: np.ndarray) -> Patient:
    """The patient with other purities."""
    samples = (
        replace(sample, purity=float(np.clip(sample.purity + by, 0.03, 1.0)))
        for sample, by in zip(patient.samples, shift)
    )
    return patient.with_changes(samples=tuple(samples))


def cohort(design: str, n: int, seed: int):
    """Simulated patients of one preset."""
    for k in range(n):
        yield simulate_patient(PRESETS[design], rng=np.random.default_rng([seed, k, zlib.crc32(design.encode())]))


def scores(rows: list[np.ndarray]) -> str:
    """Samples, mean error, median absolute error, largest, share beyond .1, coverage, mean sd."""
    error, covered, sd = np.concatenate(rows, axis=1)
    wrong = np.abs(error)
    return (
        f"{len(error):7d} {error.mean():+8.3f} {np.median(wrong):8.3f} {wrong.max():8.3f} {(wrong > 0.1).mean():8.3f} "
        f"{covered.mean():8.3f} {sd.mean():8.3f}"
    )


HEADER = f"{'design':15s} samples     mean   median      max     > .1   in 95%       sd"


def row_of(patient: Patient, true: np.ndarray) -> np.ndarray:
    """Error, coverage and sd of every sample."""
    found = infer_purity(patient, settings=CcfSettings())
    return np.stack((found.purity - true, (found.low <= true) & (true <= found.high), found.sd))


def simulated(n: int, seed: int) -> None:
    print("purity without copy number, simulated patients")
    print(HEADER)
    everything = []
    for design in DESIGNS:
        rows = [row_of(withheld(one.patient), one.truth.purity) for one in cohort(design, n, seed)]
        everything += rows
        print(f"{design:15s} {scores(rows)}", flush=True)
    print(f"{'all':15s} {scores(everything)}\n")


def given(n: int, seed: int) -> None:
    print(
        "purity with copy number, and patients in whom a given purity is rejected: right, right but for an error of sd"
    )
    print(".03 a sample, .1 too high or too low in all samples, .15 too high in one")
    print(f"{HEADER}    right    error     +.1     -.1   one +.15")
    everything, noticed = [], []
    rng = np.random.default_rng(seed)
    for design in DESIGNS:
        rows, found = [], []
        for one in cohort(design, n, seed):
            patient = one.patient
            posterior = infer_purity(patient, settings=CcfSettings())
            true = one.truth.purity
            rows.append(
                np.stack((posterior.purity - true, (posterior.low <= true) & (true <= posterior.high), posterior.sd))
            )
            shifts = [0.0 * true, rng.normal(0.0, 0.03, len(true)), 0.0 * true + 0.1, 0.0 * true - 0.1]
            shifts.append(0.15 * (np.arange(len(true)) == 0))
            found.append([rejected_purities(shifted(patient, shift), posterior).any() for shift in shifts])
        everything += rows
        noticed += found
        print(f"{design:15s} {scores(rows)} " + " ".join(f"{x:8.2f}" for x in np.mean(found, axis=0)), flush=True)
    print(f"{'all':15s} {scores(everything)} " + " ".join(f"{x:8.2f}" for x in np.mean(noticed, axis=0)) + "\n")


def true_purity(rows: list[dict[str, str]]) -> float:
    """Purity from mutation copy number / VAF = C_T + x, x = 2 (1 - rho) / rho; NaN if nothing was deposited.

    The most frequent fraction of the ratios is that of x; its integer is the largest one with the fewest
    contradictions: loci without a copy, more mutated copies than copies, X of a male not at C_T + x / 2.
    """
    ratios: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for row in rows:
        if {row["wgs.vaf"], row["mutation.copy.number"]} & {"NA", "NaN"} or float(row["wgs.vaf"]) <= 0.0:
            continue
        copies = float(row["mutation.copy.number"])
        ratios[row["chr"] in "XY"].append((copies / float(row["wgs.vaf"]), copies))
    counted = Counter(round(ratio, 2) for ratio, _ in ratios[False])
    fractions: Counter[float] = Counter()
    for ratio, times in counted.items():
        fractions[round(ratio % 1.0, 2)] += times if times > 1 else 0
    if not fractions:
        return float("nan")
    fraction = fractions.most_common(1)[0][0]
    found = []
    for x in (fraction + k for k in range(4)):
        wrong = 0
        for ratio, copies in ratios[False]:
            total = round(ratio - x)
            if abs(ratio - x - total) < 0.03:
                wrong += total < 1 or (copies > 1.6 and round(copies) > total)
        wrong += sum(abs(ratio - x / 2.0 - round(ratio - x / 2.0)) > 0.04 for ratio, _ in ratios[True])
        found.append((wrong, -x))
    x = -min(found)[1]
    return 2.0 / (2.0 + x)


def prostate() -> None:
    from convert_gundem import read_rows
    from validation import gundem_sheet

    data = Path(os.environ["PHYLOMETA_DATA"])
    deposited = read_rows(data / "gundem_2015" / "variants.csv")
    print("purity of four prostate patients from their reads alone")
    print(HEADER)
    everything = []
    detail = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("A10", "A22", "A31", "A32"):
            patient = withheld(read_patient(gundem_sheet(data, name, Path(folder))[0]))
            true = np.array(
                [true_purity([r for r in deposited if r["sample"] == f"{name}-{s.name}"]) for s in patient.samples]
            )
            row = row_of(patient, true)[:, np.isfinite(true)]
            everything.append(row)
            print(f"{name:15s} {scores([row])}")
            known = [s.name for s, value in zip(patient.samples, true) if np.isfinite(value)]
            true = true[np.isfinite(true)]
            detail.append(f"{name}: " + ", ".join(f"{s} {t:.2f} {t + e:.2f}" for s, t, e in zip(known, true, row[0])))
    print(f"{'all':15s} {scores(everything)}")
    print("sample, deposited, estimated: " + "; ".join(detail))


def small_trunk() -> None:
    """Right purities of machina_m5 that are rejected, and those that the reads alone say."""
    rejected, error = [], []
    for tumor in published_tumors(40):
        mutations, copy_number, purity = tumor.data
        chosen = tuple(
            Sample(name, tumor.sites[site], float(share))
            for name, site, share in zip(mutations.sample_names, tumor.sample_site, purity)
        )
        sites = tuple(Site(name, "primary" if t == tumor.primary else "distant") for t, name in enumerate(tumor.sites))
        patient = Patient("tumor", chosen, sites, mutations, copy_number)
        posterior = infer_purity(patient, settings=CcfSettings())
        rejected.append(rejected_purities(patient, posterior))
        error.append(posterior.purity - purity)
    off, samples = np.abs(np.concatenate(error)), np.concatenate(rejected)
    print("machina_m5, purity 1: right purities that are rejected, and what the reads alone say")
    print(
        f"  tumors {sum(one.any() for one in rejected)} of {len(rejected)}, samples {samples.sum()} of {len(off)}; "
        f"median error {np.median(off):.3f}, above .1: {(off > 0.1).mean():.3f}, largest {off.max():.3f}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["simulated", "given", "small_trunk", "prostate"])
    parser.add_argument("--patients", type=int, default=10, help="Patients of each design.")
    parser.add_argument("--seed", type=int, default=2100)
    chosen = parser.parse_args()
    if "simulated" in chosen.what:
        simulated(chosen.patients, chosen.seed)
    if "given" in chosen.what:
        given(chosen.patients, chosen.seed)
    if "small_trunk" in chosen.what and "PHYLOMETA_DATA" in os.environ:
        small_trunk()
    if "prostate" in chosen.what and "PHYLOMETA_DATA" in os.environ:
        prostate()


if __name__ == "__main__":
    main()
