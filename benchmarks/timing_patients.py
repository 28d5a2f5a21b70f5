"""Timing tables of published patients: crc_hz V402 and V824 (exomes), Gundem A22 (genome).

    PHYLOMETA_DATA=... python benchmarks/timing_patients.py [V402 V824 A22]

Published counts of private clonal mutations, primary / metastasis (Hu et al. 2019, doi:10.1038/s41588-019-0483-z):
V402 brain 6 / 20, V824 brain 2 / 25.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from patients import crc_sheet

from phylometa.io.tables import read_patient
from phylometa.pipeline.stages import analyse

PUBLISHED = {("V402", "brain"): (6, 20), ("V824", "brain"): (2, 25)}
GUNDEM = Path(__file__).parent.parent / "sample_data"


def show(name: str, timing) -> None:
    """The tables and sentences of one patient."""
    print(f"\n== {name}: {timing.n_clock_mutations} clock mutations ({timing.clock})")
    print("metastasis        S  L_p  L_m  W_s  rho (95 %)            H     jsi   p_value   call          published")
    for row in timing.divergence:
        published = "{} / {}".format(*PUBLISHED[name, row.metastasis]) if (name, row.metastasis) in PUBLISHED else "-"
        rho = f"{row.rho:.2f} ({row.rho_lo:.2f}-{row.rho_hi:.2f})"
        print(
            f"{row.metastasis:14s} {row.S:4.0f} {row.L_p:4.0f} {row.L_m:4.0f} {row.W_s:4.0f}  {rho:20s} {row.H:5.2f} "
            f"{row.jsi:5.2f}  {row.p_value:8.2g}  {row.call:13s} {published}"
        )
        for note in row.notes:
            print(f"    {note}")
    print("site            clone  P     model      divergence          founder             seeding")
    for row in timing.intervals:
        if row.probability >= 0.5:
            spans = "  ".join(
                f"{x.median:5.0f} ({x.lo:.0f}-{x.hi:.0f})".ljust(18) for x in (row.divergence, row.founder, row.seeding)
            )
            print(f"{row.site:15s} {row.founding_clone:5s} {row.probability:.2f}  {row.model:9s}  {spans}")
    for gain in timing.gains:
        before = f", before divergence with P = {gain.p_before_divergence:.2f}" if gain.p_before_divergence >= 0 else ""
        what = f"{gain.kind} {gain.chrom} {gain.state} in {gain.sample}"
        share = f"{gain.estimate:.2f} ({gain.lo:.2f}-{gain.hi:.2f}) of the time to its last common ancestor"
        print(f"{what}: {share}, {gain.n_mutations} mutations{before}")
    for text in (*timing.refusals, *timing.warnings):
        print(f"- {text}")


def main() -> None:
    names = sys.argv[1:] or ["V402", "V824", "A22"]
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            start = time.process_time()
            if name.startswith("A"):
                patient = read_patient(GUNDEM / f"gundem_{name.lower()}" / "samples.tsv")
            else:
                if not os.environ.get("PHYLOMETA_DATA"):
                    print(f"{name}: set PHYLOMETA_DATA to the folder of published data")
                    continue
                patient = read_patient(crc_sheet(Path(os.environ["PHYLOMETA_DATA"]), Path(scratch)), patient=name)
            show(name, analyse(patient, seed=1).timing)
            print(f"CPU {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
