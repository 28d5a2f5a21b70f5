"""Patients of the studies by name: the bundled and the published ones, and simulated ones."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from label_patients import draw_patient

from phylometa.io.simulated import write_simulated_patient

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "sample_data"))

import convert_gundem  # noqa: E402

GUNDEM = ("A10", "A22", "A31", "A32")
REAL = {"melanoma_B": "melanoma_B", "melanoma_E": "melanoma_E", "Pam03": "pancreatic_Pam03"}
CRC = ("V402", "V824")
SITES_OF_CRC = {"P": ("colon", "primary"), "BM": ("brain", "metastasis"), "LN": ("lymph_node", "lymph_node")}
SEED_OF_SIMULATED, UNSAMPLED = 1, 0.1


def gundem_sheet(data: Path, name: str, folder: Path) -> tuple[Path, int]:
    """A sheet over the deposited reads of a patient, and how many cells are listed twice (the first is kept)."""
    bundled = ROOT / "sample_data" / f"gundem_{name.lower()}" / "samples.tsv"
    if bundled.is_file():
        return bundled, 0
    target = folder / name
    convert_gundem.convert(data / "gundem_2015", name, target, None)
    with (target / "counts.tsv").open(newline="") as handle:
        header, *rows = csv.reader(handle, delimiter="\t")
    first = {(row[0], row[1]): row for row in reversed(rows)}
    convert_gundem.write_rows(target / "counts.tsv", header, list(first.values()))
    return target / "samples.tsv", len(rows) - len(first)


def crc_sheet(data: Path, directory: Path) -> Path:
    """A sample sheet of both patients over the deposited MAF and segments."""
    folder = data / "crc_hz"
    sheet = directory / "samples.tsv"
    with open(folder / "crc_hz.clin.txt", newline="") as handle, open(sheet, "w", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(["patient", "sample", "site", "site_type", "maf", "cn_segments", "assay", "cancer_type"])
        for row in csv.DictReader(handle, delimiter="\t"):
            files = [str(folder / "crc_hz.maf"), str(folder / "crc_hz.seg.txt")]
            name = row["Tumor_Sample_Barcode"]
            writer.writerow([row["Patient_ID"], name, *SITES_OF_CRC[row["Tumor_ID"]], *files, "wes", "colorectal"])
    return sheet


def sheets_of(names: Sequence[str], scratch: Path) -> dict[str, Path]:
    """Sample sheets of the named patients: demo, A10 A22 A31 A32, melanoma_B, melanoma_E, Pam03, V402 V824 (one
    sheet), sim:NUMBER.

    Published patients need PHYLOMETA_DATA, but for the bundled A22 and A31; those that cannot be had are left out, and
    said.
    """
    data = Path(os.environ["PHYLOMETA_DATA"]) if os.environ.get("PHYLOMETA_DATA") else None
    sheets: dict[str, Path] = {}
    for name in names:
        if name == "demo":
            sheets[name] = Path(str(resources.files("phylometa"))) / "demo_patient" / "samples.tsv"
        elif name.startswith("sim:"):
            folder = scratch / name.replace(":", "_")
            simulated = draw_patient(int(name[4:]), SEED_OF_SIMULATED, unsampled=UNSAMPLED)
            sheets[name] = write_simulated_patient(simulated, folder)
        elif name in GUNDEM and (data is not None or name in ("A22", "A31")):
            sheets[name] = gundem_sheet(data or Path(), name, scratch)[0]
        elif name in REAL and data is not None:
            sheets[name] = data / "real" / REAL[name] / "samples.tsv"
        elif name in CRC and data is not None:
            folder = scratch / "crc"
            folder.mkdir(exist_ok=True)
            sheets[name] = crc_sheet(data, folder)
        elif name in (*GUNDEM, *REAL, *CRC):
            print(f"{name} is left out: set PHYLOMETA_DATA")
        else:
            raise SystemExit(f"no patient {name}: demo, {', '.join((*GUNDEM, *REAL, *CRC))}, sim:NUMBER")
    return sheets
