"""Small input files for the tests of reading: written line by line, so that each test changes what it is about."""

from __future__ import annotations

import gzip
from pathlib import Path

VCF_HEADER = [
    "##fileformat=VCFv4.2",
    "##source=Mutect2",
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allelic depths">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
]
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]


def rewrite(path: Path, content: str | bytes) -> None:
    """Write a file anew: one that is cut and written again is flushed to disk at once by some file systems."""
    path.unlink(missing_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_vcf(
    path: Path, records: list[str], *, samples: tuple[str, ...] = ("S1", "S2"), header: list[str] | None = None
) -> Path:
    """A VCF; records are written with blanks for tabs, and a gzip where the name ends in .gz."""
    names = [*COLUMNS[: 9 if samples else 8], *samples]
    lines = [*(VCF_HEADER if header is None else header), "\t".join(names), *("\t".join(r.split()) for r in records)]
    data = ("\n".join(lines) + "\n").encode()
    rewrite(path, gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_table(path: Path, *rows: str, delimiter: str = "\t") -> Path:
    """A table; rows are written with blanks between the fields, `_` for an empty field."""
    lines = [delimiter.join("" if field == "_" else field for field in row.split()) for row in rows]
    rewrite(path, "\n".join(lines) + "\n")
    return path


RECORDS = [
    "chr1 100 . A T . PASS . GT:AD:DP 0/1:60,40:100 0/0:90,0:90",
    "chr1 200 . C G . PASS . GT:AD:DP 0/1:70,30:100 ./.:.:.",
    "chr2 300 . G GA . . . GT:AD:DP 0/1:80,20:100 0/1:50,50:101",
    "chr2 400 . T C . germline . GT:AD:DP 0/1:50,50:100 0/1:50,50:100",
    "chr2 500 . T C,G . PASS . GT:AD:DP 0/1:50,30,20:100 0/1:90,0,10:100",
]


def two_samples(folder: Path, *, purity: str = "0.8") -> Path:
    """A patient of two samples: multi-sample VCF, plain segments, sheet; returns the sheet's path."""
    write_vcf(folder / "calls.vcf", RECORDS)
    write_table(
        folder / "segments.tsv",
        "sample chrom start end major_cn minor_cn",
        "S1 1 1 150 2 1",
        "S1 1 151 1000 1 1",
        "S1 2 1 1000 2 0",
        "S2 1 1 1000 1 1",
        "S2 2 1 450 3 1",
    )
    return write_table(
        folder / "samples.tsv",
        "patient sample site site_type purity vcf cn_segments sex",
        f"P S1 breast primary {purity} calls.vcf segments.tsv female",
        "P S2 liver metastasis 0.6 calls.vcf segments.tsv female",
    )
