"""CPU time and memory of reading a multi-sample VCF into the count matrix, beside bare pysam iteration that touches AD.

    python benchmarks/reading_speed.py            200,000 records x 6 samples
    python benchmarks/reading_speed.py --large    also 2,000,000 records
Limits: 1.5 times the CPU of pysam and 400 MB; 1 GB for two million records.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_SAMPLES = 6
INFO_FIELDS = (
    *(
        ("AS_FilterStatus", "A", "String"),
        ("AS_SB_TABLE", "1", "String"),
        ("DP", "1", "Integer"),
        ("ECNT", "1", "Integer"),
    ),
    *(("GERMQ", "1", "Integer"), ("MBQ", "R", "Integer"), ("MFRL", "R", "Integer"), ("MMQ", "R", "Integer")),
    *(("MPOS", "A", "Integer"), ("NALOD", "A", "Float"), ("NLOD", "A", "Float"), ("POPAF", "A", "Float")),
    ("TLOD", "A", "Float"),
)
FORMAT_FIELDS = (
    *(("GT", "1", "String"), ("AD", "R", "Integer"), ("AF", "A", "Float"), ("DP", "1", "Integer")),
    *(("F1R2", "R", "Integer"), ("F2R1", "R", "Integer"), ("FAD", "R", "Integer"), ("SB", "4", "Integer")),
)
KEYS = ":".join(name for name, _, _ in FORMAT_FIELDS)
INFO = (
    "AS_FilterStatus=SITE;AS_SB_TABLE=15,13|23,22;DP={};ECNT=2;GERMQ=93;MBQ=36,37;MFRL=332,344;MMQ=60,60;MPOS=22;"
    "NALOD=1.41;NLOD=7.55;POPAF=6.00;TLOD=174.77"
)
SAMPLES = [f"S{k}" for k in range(N_SAMPLES)]


def write_calls(path: Path, n_records: int) -> None:
    """A bgzip VCF with the fields that Mutect2 writes, by random numbers of a fixed seed."""
    import pysam

    rng = np.random.default_rng(1)
    header = ["##fileformat=VCFv4.2", "##source=Mutect2", '##FILTER=<ID=PASS,Description="x">']
    for kind, fields in (("INFO", INFO_FIELDS), ("FORMAT", FORMAT_FIELDS)):
        header += [f'##{kind}=<ID={key},Number={n},Type={kind_},Description="x">' for key, n, kind_ in fields]
    header += [f"##contig=<ID=chr{chrom},length=250000000>" for chrom in range(1, 23)]
    header.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *SAMPLES]))
    with pysam.BGZFile(str(path), "w") as out:
        out.write(("\n".join(header) + "\n").encode())
        for chrom, n in enumerate(np.bincount(np.arange(n_records) % 22), start=1):
            positions = np.sort(rng.choice(240_000_000, size=n, replace=False) + 1)
            depth = rng.poisson(80, (n, N_SAMPLES))
            alt = rng.binomial(depth, rng.choice([0.0, 0.1, 0.3, 0.5], size=(n, N_SAMPLES)))
            bases = rng.permuted(np.tile(np.array(list("ACGT")), (n, 1)), axis=1)[:, :2].tolist()
            lines = []
            for i, (d, a) in enumerate(zip(depth.tolist(), alt.tolist())):
                cells = "\t".join(cell(x, y) for x, y in zip(a, d))
                ref, other = bases[i]
                info = INFO.format(sum(d))
                lines.append(f"chr{chrom}\t{positions[i]}\t.\t{ref}\t{other}\t.\tPASS\t{info}\t{KEYS}\t{cells}\n")
            out.write("".join(lines).encode())


def cell(alt: int, depth: int) -> str:
    """One sample's fields: reads split evenly over read pairs and strands."""
    ref = depth - alt
    halves = f"{ref // 2},{alt // 2}:{ref - ref // 2},{alt - alt // 2}"
    strands = f"{ref // 2},{ref - ref // 2},{alt // 2},{alt - alt // 2}"
    return f"0/1:{ref},{alt}:{alt / max(depth, 1):.3f}:{depth}:{halves}:{ref},{alt}:{strands}"


def measure(task: str, path: Path) -> tuple[float, float]:
    """(CPU seconds, peak MB) of a task in a process of its own; the least CPU of three runs."""
    runs = []
    for _ in range(1 if path.name == "large.vcf.gz" else 3):
        command = [sys.executable, __file__, "--task", task, str(path)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, megabytes = text.split()
        runs.append((float(seconds), float(megabytes)))
    return min(runs)


def run_task(task: str, path: Path) -> None:
    if task == "pysam":
        import pysam

        pysam.set_verbosity(0)
        started = time.process_time()
        total = 0
        with pysam.VariantFile(str(path)) as calls:
            for record in calls:
                for sample in record.samples.values():
                    total += sample["AD"][0]
    elif task == "matrix":
        from phylometa.io.variants import SampleRequest, read_vcf

        started = time.process_time()
        read_vcf(path, [SampleRequest(name, (name,)) for name in SAMPLES])
    else:
        from phylometa.io.tables import read_patient

        sheet = path.with_suffix(".tsv")
        rows = [f"P\t{name}\tsite{name}\t{path.name}" for name in SAMPLES]
        sheet.write_text("\n".join(["patient\tsample\tsite\tvcf", *rows]) + "\n")
        started = time.process_time()
        read_patient(sheet)
    print(time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    sizes = {"small.vcf.gz": 200_000, **({"large.vcf.gz": 2_000_000} if "--large" in sys.argv else {})}
    with tempfile.TemporaryDirectory() as folder:
        for name, n_records in sizes.items():
            path = Path(folder) / name
            write_calls(path, n_records)
            print(f"{n_records} records x {N_SAMPLES} samples, {path.stat().st_size / 1e6:.0f} MB bgzip")
            reference, _ = measure("pysam", path)
            print(f"  bare pysam iteration touching AD      {reference:6.2f} s CPU")
            for task, label in (("matrix", "read_vcf to the count matrix"), ("patient", "read_patient, all checks")):
                seconds, megabytes = measure(task, path)
                limit = "limit 1.5, 400 MB" if n_records < 1_000_000 else "limit 1000 MB"
                ratio = f"{seconds / reference:.2f} x pysam"
                print(f"  {label:37} {seconds:6.2f} s CPU, {ratio}, {megabytes:.0f} MB ({limit})")


if __name__ == "__main__":
    if "--task" in sys.argv:
        run_task(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
