"""What is read of every published file: records, cells, rules, agreement with the caller's own allele frequency.

Prints the tables of docs/formats.md. Data: the folder that PHYLOMETA_DATA names.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np

from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.clinical import read_purity_file
from phylometa.io.counts import read_count_table
from phylometa.io.long_tables import read_long_table
from phylometa.io.segments import read_segments
from phylometa.io.variants import read_vcf
from phylometa.io.vcf_header import SampleRequest

TUMOUR = [SampleRequest("TUMOR", ("TUMOR",))]
ONE_TUMOUR = ("MuTect2.vcf.gz", "Strelka.snv.vcf.gz", "VarDict.vcf.gz", "LoFreq.snv.vcf.gz", "MuSE.vcf.gz")
GUNDEM_SAMPLES = {"A10": "ACDE", "A22": "ACDEFGHIJK", "A31": "ACDEF", "A32": "ACDEF"}


def read_row(name: str, calls: Calls) -> str:
    """One line of the table."""
    entry = calls.provenance
    missing = int((calls.depth == 0).sum())
    rules = ", ".join(f"{rule} ({n})" for rule, n in entry["rules"].items())
    left_out = ", ".join(f"{n} {reason}" for reason, n in list(calls.dropped.counts().items())[:2]) or "none"
    difference = entry.get("af_median_difference")
    agreement = "-" if difference is None else f"{difference:.1e} ({entry['af_cells']} cells)"
    cells = [entry["records"], calls.n_mutations, calls.depth.size - missing, missing, left_out, rules, agreement]
    return f"| {name} | {entry['dialect']} | " + " | ".join(map(str, cells)) + " |"


def mutation_files(folder: Path) -> None:
    print(
        "| file | dialect | records | mutations | cells read | missing | left out (first reasons) | rule (cells) | AF |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for path in sorted((folder / "vcf").glob("*.vcf*")):
        names = ["SAMPLE01", "SAMPLE02", "SAMPLE03"] if path.name.startswith("pairtree") else ["TUMOR"]
        print(read_row(f"vcf/{path.name}", read_vcf(path, [SampleRequest(name, (name,)) for name in names])))
    for patient in ("V402", "V824"):
        path = folder / "crc_hz" / "crc_hz.maf"
        text = path.read_text().splitlines()[1:]
        samples = sorted({line.split("\t")[-1] for line in text if line.split("\t")[-1].startswith(patient)})
        calls = read_long_table(path, [SampleRequest(name, (name,)) for name in samples])
        print(read_row(f"crc_hz/crc_hz.maf, {patient}", calls))
    for patient, letters in GUNDEM_SAMPLES.items():
        requests = [SampleRequest(f"{patient}-{letter}", (f"{patient}-{letter}",)) for letter in letters]
        name = f"gundem_2015/variants.csv, {patient}"
        try:
            print(read_row(name, read_count_table(folder / "gundem_2015" / "variants.csv", requests)))
        except InputError as error:
            problem = error.problems[0]
            print(f"| {name} | refused: row {problem.row}: {problem.message} | | | | | | | |")
    for patient, letters in GUNDEM_SAMPLES.items():
        path = folder / "gundem_2015" / f"{patient}.txt"
        calls = read_count_table(path, [SampleRequest(letter, (letter,)) for letter in letters])
        print(read_row(f"gundem_2015/{patient}.txt", calls))


def segment_files(folder: Path) -> None:
    print("\n| file | dialect | samples | segments | total only | subclonal |")
    print("|---|---|---|---|---|---|")
    for name in ("vcf/nfcore_SPN01_Sample_B.segments.txt", "crc_hz/crc_hz.seg.txt", "gundem_2015/A22_copynumber.csv"):
        try:
            segments = read_segments(folder / name, None)
        except InputError as error:
            problem = error.problems[0]
            print(f"| {name} | refused: row {problem.row}: {problem.message} | | | | |")
            continue
        entry = segments.provenance
        n_samples = len(segments.profile.sample_names)
        numbers = f"{n_samples} | {entry['records']} | {entry['total_only']} | {entry['subclonal']}"
        print(f"| {name} | {entry['dialect']} | {numbers} |")
    for path in sorted((folder / "medicc2").glob("*_input_df.tsv")):
        entry, profile = (segments := read_segments(path, None)).provenance, segments.profile
        print(
            f"| medicc2/{path.name} | {entry['dialect']} | {len(profile.sample_names)} | {entry['records']} | 0 | 0 |"
        )
    estimate = read_purity_file(folder / "vcf" / "nfcore_SPN01_Sample_B.purityploidy.txt")
    print(f"\nvcf/nfcore_SPN01_Sample_B.purityploidy.txt: purity {estimate.purity:g}, ploidy {estimate.ploidy:.2f}")


def callers_of_one_tumour(folder: Path) -> None:
    """Allele frequencies of the same sites as several callers count them."""
    print("\n| pair of callers | shared sites | median difference of VAF | largest |")
    print("|---|---|---|---|")
    vafs = {}
    for name in ONE_TUMOUR:
        calls = read_vcf(folder / "vcf" / name, TUMOUR)
        seen = np.flatnonzero(calls.depth[:, 0])
        vafs[name.split(".")[0]] = {calls.ids[i]: calls.alt[i, 0] / calls.depth[i, 0] for i in seen}
    for (one, a), (other, b) in itertools.combinations(vafs.items(), 2):
        differences = [abs(a[site] - b[site]) for site in sorted(a.keys() & b.keys())]
        print(f"| {one}, {other} | {len(differences)} | {np.median(differences):.4f} | {max(differences):.3f} |")


def main() -> None:
    folder = Path(os.environ["PHYLOMETA_DATA"])
    mutation_files(folder)
    segment_files(folder)
    callers_of_one_tumour(folder)


if __name__ == "__main__":
    main()
