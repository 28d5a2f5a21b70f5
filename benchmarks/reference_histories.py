"""The reference of the cohort prior: routes of simulated patients, on which the weights of parsimony were chosen.

    python benchmarks/reference_histories.py [--patients 1500] > phylometa/reference/data/reference_histories.tsv

Half of the patients lose 10 % of their populations before sampling, half 25 % (seeds 901, 902). A row counts the
patients with a number of metastases, routes between them, routes back into the primary, and further sources of sites.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np
from label_patients import draw_patient

from phylometa.migration.route_prior import route_statistics
from phylometa.simulate import visible_truth

SOURCE = "simulated patients, seeds 901 and 902"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1500, help="of each half")
    arguments = parser.parse_args()
    found: Counter[tuple[int, int, int, int]] = Counter()
    for seed, share in ((901, 0.1), (902, 0.25)):
        for number in range(arguments.patients):
            visible = visible_truth(draw_patient(number, seed, unsampled=share))
            primary = int(visible.history.root[1])
            held = int(np.delete(visible.presence.any(axis=0), primary).sum())
            found[(held, *route_statistics(visible.history.migration_counts, primary))] += 1
    sys.stdout.write("metastases\tbetween\tback\tfurther\tpatients\tsource\n")
    for key in sorted(found):
        sys.stdout.write("\t".join(map(str, (*key, found[key], SOURCE))) + "\n")


if __name__ == "__main__":
    main()
