"""Structural variants: counts of two callers' dialects, and routes that nothing else marks, on simulated patients.

    python benchmarks/structural_variants.py [PATIENTS] [--seed N] [--record]

A cascade: the primary seeds metastasis 1, and that metastasis 2. All mutations of the clones that the primary does not
have are taken out of the VCF and written as deletions and junctions, in turn as Manta (PR:SR, two breakends) and DELLY
(DR:DV, RR:RV) write them. Printed: counts that are read back exactly, of all structural variants and samples; true
routes of P > .5, false ones, and the mean probability of a true one: with the structural variants, without, and with
the small variants that they were (what the patient could tell at best). `--record` keeps all in printed.tsv.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from kinds_of_evidence import analyse, routes, short_chains
from printed import record, study_arguments

from phylometa.cli import _invoke
from phylometa.io.tables import read_patient
from phylometa.reference.structural import is_structural

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from structural_patients import as_structural, marked_mutations  # noqa: E402

PATIENTS = 6
SETTINGS = ("pattern=cascade", "distant_sites=2", "primary_regions=2", "primary_clones=2", "metastasis_clones=1")
SETTINGS += ("depth=60", "mutation_rate=0.00025", "cn_caller=ascat", "patient=V")


def main() -> None:
    """Print all figures."""
    arguments = study_arguments(__doc__, PATIENTS)
    settings, options = short_chains(), [text for pair in SETTINGS for text in ("--set", pair)]
    exact: dict[str, list[bool]] = {"manta": [], "delly": []}
    told: dict[str, list[float]] = {"with structural variants": [], "without": [], "as small variants": []}
    n_false = dict.fromkeys(told, 0)
    for number in range(arguments.patients):
        dialect = ("manta", "delly")[number % 2]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "in"
            seed = str(1000 * arguments.seed + number)
            assert _invoke(["simulate", "-o", str(folder), "--seed", seed, *options]) == 0
            sheet, without = folder / "samples.tsv", folder / "without.tsv"
            small = read_patient(sheet)
            truth = json.loads((folder / "truth.json").read_text())
            reads = as_structural(folder, marked_mutations(truth), dialect)
            without.write_text(sheet.read_text().replace(";sv.vcf", ""))
            patients = dict(zip(told, (read_patient(sheet), read_patient(without), small)))
        table = patients["with structural variants"].mutations
        rows = [i for i, alt in enumerate(table.alts) if is_structural(alt)]
        assert len(rows) == len(reads)
        found = sorted(
            tuple(zip(table.sample_names, table.alt_counts[i].tolist(), table.depth[i].tolist())) for i in rows
        )
        wanted = sorted(tuple((name, *one[name]) for name in table.sample_names) for one in reads)
        exact[dialect] += [a == b for one, other in zip(found, wanted) for a, b in zip(one, other)]
        true = {f"{e['source']}>{e['site']}" for e in truth["history"] if e["source"] != e["site"]}
        for name, patient in patients.items():
            p = routes(analyse(patient, settings))
            told[name] += [p[route] for route in true]
            n_false[name] += sum(value > 0.5 for route, value in p.items() if route not in true)
            print(number, name, {route: round(value, 3) for route, value in p.items() if value > 0.05}, flush=True)
    figures = [(f"counts of {name} exact", f"{sum(values)} of {len(values)}") for name, values in exact.items()]
    for name, values in told.items():
        figures.append((f"true routes of P > .5, {name}", f"{sum(p > 0.5 for p in values)} of {len(values)}"))
        figures.append((f"false routes of P > .5, {name}", str(n_false[name])))
        figures.append((f"mean P of a true route, {name}", f"{np.mean(values):.3f}"))
    print("\n".join(f"{measure}: {value}" for measure, value in figures))
    if arguments.record:
        row = f"{arguments.patients} patients of seed {arguments.seed}"
        record("structural_variants.py", [(row, *figure) for figure in figures])


if __name__ == "__main__":
    main()
