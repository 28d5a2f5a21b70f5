"""Rebuild sample_data/gundem_a22 and gundem_a31 from the tables of Gundem et al. 2015 (Nature 520:353).

    python sample_data/convert_gundem.py FOLDER

FOLDER holds variants.csv, samples.txt and A22_copynumber.csv, as deposited in the repository raphael-group/machina.

Reads: alternate reads = VAF x depth, rounded; whole-genome columns, and the validation columns where those are NA
(samples G, H, I, N of A31 and L of A22 were only genotyped by validation). A pair without either stays unobserved.
Purity of A22: 2 v / (m - v (C_T - 2)), v the whole-genome VAF, m the mutation copy number, C_T the total copies of the
clonal autosomal segment that holds the mutation; the median over mutations with v, m > 0. A sample without such
mutations, and all of A31, has no purity: phylometa estimates it from the reads.
Segments of X overlap one another in the deposited table and are left out: X has no copy number here.
Assay: the deposited table lists coding mutations only, so the territory is the exome's (wes), though the reads are
whole-genome reads.
"""

from __future__ import annotations

import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
SITE_TYPES = {"primary": "primary", "metastasis": "metastasis"}
SEGMENT_COLUMNS = ["chr", "startpos", "endpos", "nMaj1_A", "nMin1_A", "frac1_A", "nMaj2_A", "nMin2_A", "frac2_A"]


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=delimiter))


def write_rows(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def reads_of(row: dict[str, str]) -> tuple[int, int] | None:
    """(reference, alternate) reads; None where the pair was not measured."""
    for vaf, depth in (("wgs.vaf", "wgs.depth"), ("val.vaf", "val.depth")):
        if row[vaf] not in ("NA", "NaN") and row[depth] != "NA" and int(row[depth]) > 0:
            total = int(row[depth])
            alt = round(float(row[vaf]) * total)
            return total - alt, alt
    return None


def clonal_total(segments: list[dict[str, str]], chrom: str, position: int) -> int | None:
    """Total copies at a position of a clonal segment; None outside and in subclonal segments."""
    for segment in segments:
        if segment["chr"] == chrom and int(segment["startpos"]) <= position <= int(segment["endpos"]):
            if segment["nMaj2_A"] not in ("NA", ""):
                return None
            return int(segment["nMaj1_A"]) + int(segment["nMin1_A"])
    return None


def purity_of(rows: list[dict[str, str]], segments: list[dict[str, str]]) -> float | None:
    values = []
    for row in rows:
        if {row["wgs.vaf"], row["mutation.copy.number"]} & {"NA", "NaN"} or row["chr"] in ("X", "Y"):
            continue
        v, m = float(row["wgs.vaf"]), float(row["mutation.copy.number"])
        total = clonal_total(segments, row["chr"], int(row["position"]))
        if v > 0 and m > 0 and total is not None and m - v * (total - 2) > 0:
            values.append(2 * v / (m - v * (total - 2)))
    return statistics.median(values) if values else None


def convert(source: Path, patient: str, target: Path, copy_number: Path | None) -> None:
    target.mkdir(exist_ok=True)
    by_sample: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read_rows(source / "variants.csv"):
        if row["#patient"] == patient:
            by_sample[row["sample"].split("-")[1]].append(row)
    segments: dict[str, list[dict[str, str]]] = defaultdict(list)
    if copy_number is not None:
        for row in read_rows(copy_number):
            if row["chr"] == "X":  # the deposited segments of X overlap each other
                continue
            segments[row["#sample"].split("-")[1].upper()].append(row)

    counts = []
    for sample, rows in by_sample.items():
        for row in rows:
            reads = reads_of(row)
            if reads is None:
                continue
            mutation = ":".join((row["chr"], row["position"], row["wt"], row["mt"]))
            gene = row["annotation"].split("|")[0]
            counts.append([mutation, sample, *reads, gene, row["chr"], row["position"], row["wt"], row["mt"]])
    header = ["mutation_id", "sample_id", "ref_counts", "alt_counts", "gene", "chrom", "pos", "ref", "alt"]
    write_rows(target / "counts.tsv", header, counts)

    sheet_header = ["patient", "sample", "site", "site_type", "counts", "sex", "assay", "cancer_type"]
    sheet = []
    if segments:
        rows_out = [
            [sample, *(row[c] for c in SEGMENT_COLUMNS)] for sample in sorted(segments) for row in segments[sample]
        ]
        write_rows(target / "battenberg.tsv", ["sample", *SEGMENT_COLUMNS], rows_out)
        sheet_header += ["purity", "cn_segments", "cn_caller"]
    for row in read_rows(source / "samples.txt", delimiter="\t"):
        sample, kind = row["Sample ID"], row["Sample type"]
        if row["Patient ID"] != patient or kind == "normal":
            continue
        site = row["Organ site"]
        site_type = "lymph_node" if "lymph node" in site else SITE_TYPES[kind]
        line: list[object] = [patient, sample, site, site_type, "counts.tsv", "male", "wes", "prostate"]
        if segments:
            purity = purity_of(by_sample[sample], segments[sample])
            has_segments = sample in segments and bool(segments[sample])
            line += ["" if purity is None else f"{purity:.4f}"]
            line += ["battenberg.tsv", "battenberg"] if has_segments else ["", ""]
        sheet.append(line)
    write_rows(target / "samples.tsv", sheet_header, sheet)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    source = Path(sys.argv[1])
    convert(source, "A22", HERE / "gundem_a22", source / "A22_copynumber.csv")
    convert(source, "A31", HERE / "gundem_a31", None)


if __name__ == "__main__":
    main()
