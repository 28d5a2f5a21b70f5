"""One number per statement: every probability that two files of a result state, compared.

    [PHYLOMETA_DATA=...] python benchmarks/consistency.py [--patients demo A22 ...] [--simulated 3] [--results DIR...]
                                                          [--list 5]

Analyses the patients (default: the demo, A10, A22, A31, A32 and three simulated ones), writes their results as
`phylometa run` does, and compares summary.json, labels.json, migrations.tsv, histories.json, presence.tsv, the figures'
tooltips and the report's text (`statements.py` says which facts). A difference counts if it exceeds the rounding of the
two forms. `--results` compares directories that are there instead. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from patients import sheets_of
from statements import differences, statements

from phylometa.io.tables import read_patient
from phylometa.pipeline.stages import analyse

DEFAULT = ("demo", "A10", "A22", "A31", "A32")


def print_differences(name: str, directory: Path, n_listed: int) -> float:
    """Facts shared, differences by pair of files, the largest ones; the largest difference."""
    found, shared = differences(statements(directory))
    largest = found[0].size if found else 0.0
    print(f"\n{name}: {sum(shared.values())} comparisons, {len(found)} differ, largest {largest:.3f}")
    by_pair = Counter((item.one, item.other, item.fact[0]) for item in found)
    for (one, other, kind), n in by_pair.most_common():
        size = max(item.size for item in found if (item.one, item.other, item.fact[0]) == (one, other, kind))
        print(f"    {one} and {other}: {n} of kind {kind} of {shared[one, other]} facts, largest {size:.3f}")
    for item in found[:n_listed]:
        print(f"    {' '.join(item.fact)}: {item.p_one:.4f} in {item.one}, {item.p_other:.4f} in {item.other}")
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="*", default=list(DEFAULT))
    parser.add_argument("--simulated", type=int, default=3, help="simulated patients more")
    parser.add_argument("--results", nargs="+", type=Path, help="result directories of patients")
    parser.add_argument("--list", type=int, default=5, help="differences printed of each patient")
    options = parser.parse_args()
    largest = []
    with tempfile.TemporaryDirectory() as scratch:
        if options.results:
            largest = [print_differences(str(folder), folder, options.list) for folder in options.results]
        else:
            names = [*options.patients, *(f"sim:{i}" for i in range(options.simulated))]
            for name, sheet in sheets_of(names, Path(scratch)).items():
                folder = Path(scratch) / "results" / name.replace(":", "_")
                analyse(read_patient(sheet), seed=1).save(folder)
                largest.append(print_differences(name, folder, options.list))
    print(f"\nlargest difference of {len(largest)} patients: {max(largest, default=0.0):.3f}")
    raise SystemExit(int(max(largest, default=0.0) > 0))


if __name__ == "__main__":
    main()
