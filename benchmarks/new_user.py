"""A new user's hour: a folder of Mutect2 VCFs and ASCAT segments, then three commands, timed, with nothing edited.

The folder is a simulated patient as the callers leave it: one filtered VCF a sample (tumour and normal column, what the
caller lists and nothing else) and one file of segments a sample. ``python benchmarks/new_user.py [--keep DIR]``
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from phylometa.io.simulated import write_simulated_patient
from phylometa.simulate import settings_from_text, simulate_patient

# A caller lists a mutation with as many alternate reads.
LEAST_READS = 4
PATIENTS = {
    "exome, 2 sites": {"distant_sites": "1", "assay": "wes", "cn_caller": "ascat", "patient": "P07"},
    "genome, 4 sites": {"distant_sites": "3", "assay": "wgs", "cn_caller": "ascat", "patient": "P08"},
}


def write_caller_folder(folder: Path, made: Path) -> dict[str, tuple[str, str]]:
    """Write one filtered VCF and one file of segments a sample, as Mutect2 and ASCAT leave them.

    Parameters
    ----------
    folder : Path
        Made here.
    made : Path
        A patient of `write_simulated_patient`.

    Returns
    -------
    dict
        Sample to its site and type of site.
    """
    folder.mkdir()
    with open(made / "samples.tsv", encoding="utf-8") as handle:
        sheet = list(csv.DictReader(handle, delimiter="\t"))
    with gzip.open(made / sheet[0]["vcf"], "rt", encoding="utf-8") as handle:
        lines = handle.read().splitlines()
    meta = [line for line in lines if line.startswith("##") and "_sample=" not in line]
    header = next(line for line in lines if line.startswith("#CHROM")).split("\t")
    normal = header.index(sheet[0]["normal_sample"])
    for row in sheet:
        at = header.index(row["sample"])
        own = [*meta, f"##tumor_sample={row['sample']}", f"##normal_sample={header[normal]}"]
        own.append("\t".join([*header[:9], row["sample"], header[normal]]))
        for line in lines:
            fields = line.split("\t")
            if line.startswith("#"):
                continue
            depths = fields[at].split(":")[fields[8].split(":").index("AD")].split(",")
            if depths[1].isdigit() and int(depths[1]) >= LEAST_READS:
                own.append("\t".join([*fields[:9], fields[at], fields[normal]]))
        with gzip.open(folder / f"{row['sample']}.mutect2.filtered.vcf.gz", "wt", encoding="utf-8") as out:
            out.write("\n".join(own) + "\n")
        first, *segments = (made / row["cn_segments"]).read_text(encoding="utf-8").splitlines()
        own = [first, *(line for line in segments if line.split("\t")[0] == row["sample"])]
        (folder / f"{row['sample']}.segments.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    return {row["sample"]: (row["site"], row["site_type"]) for row in sheet}


def timed(*arguments: str, cwd: Path) -> str:
    """Seconds of a command, which has to succeed, and of its processor, which other work does not prolong."""
    start, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "phylometa", *arguments], cwd=cwd, check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return f"{seconds:.1f} ({cpu:.1f})"


def measure(name: str, options: dict[str, str], top: Path) -> str:
    """One line of the table; raises if the sheet is not what it should be or a command fails."""
    simulated = simulate_patient(settings_from_text(None, options), rng=np.random.default_rng(5))
    write_simulated_patient(simulated, top / "made")
    expected = write_caller_folder(top / "data", top / "made")
    seconds = [
        timed("sheet", "data", "-o", "samples.tsv", cwd=top),
        timed("validate", "samples.tsv", cwd=top),
        timed("run", "samples.tsv", "-o", "results", "--jobs", "1", cwd=top),
    ]
    with open(top / "samples.tsv", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    guessed = {row["sample"]: (row["site"], row["site_type"]) for row in rows}
    n_right = sum(guessed.get(sample) == site for sample, site in expected.items())
    summary = json.loads((top / "results" / options["patient"] / "summary.json").read_text(encoding="utf-8"))
    cells = [name, len(expected), summary["n_mutations"], f"{n_right} of {len(expected)}", *seconds]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="directory to leave the folders and results in")
    keep = parser.parse_args().keep
    print("| patient | samples | mutations | sites and types guessed right | `sheet` | `validate` | `run` |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, options in PATIENTS.items():
            top = (keep or Path(scratch)) / options["patient"]
            top.mkdir(parents=True)
            print(measure(name, options, top), flush=True)
    print(f"\nSeconds, in brackets those of the processor; {os.cpu_count()} cores, one job.")


if __name__ == "__main__":
    main()
