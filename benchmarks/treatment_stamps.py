"""Calibration of treatment stamps: how probable it is that a therapy's process acted on a branch.

    python benchmarks/treatment_stamps.py [--branches 200]

Signatures are drawn at random (five broad ones of other processes, one sharp one of the therapy), branches have 50 to
2,000 mutations of the others; half of them 10 to 500 of the therapy's. The limits: expected calibration error at most
.05, the exposure told (P >= .95) in 95 % of the branches with 50 or more of its mutations, and in at most 5 % of the
unexposed.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from scoring import calibration_error

from phylometa.timing.stamps import exposure_evidence


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--branches", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    start = time.process_time()
    pairs, shares, many, few = [], [], [], []
    for number in range(arguments.branches):
        background = rng.dirichlet(np.full(96, 0.5), size=5).T
        therapy = rng.dirichlet(np.full(96, 0.2))
        mixture = background @ rng.dirichlet(np.ones(5))
        counts = rng.multinomial(int(np.exp(rng.uniform(math.log(50), math.log(2000)))), mixture)
        is_exposed = number % 2 == 0
        n_own = int(np.exp(rng.uniform(math.log(10), math.log(500)))) if is_exposed else 0
        counts = (counts + rng.multinomial(n_own, therapy)).astype(float)
        log_factor, share = exposure_evidence(counts, background, therapy)
        p = 1 / (1 + math.exp(-max(min(log_factor, 700.0), -700.0)))
        pairs.append((p, is_exposed))
        if is_exposed:
            shares.append(share.lo <= n_own / counts.sum() <= share.hi)
            (many if n_own >= 50 else few).append(p >= 0.95)
    unexposed = [p >= 0.95 for p, hit in pairs if not hit]
    print(f"exposed, 50 or more mutations: told in {100 * np.mean(many):.0f} % of {len(many)}")
    print(f"exposed, 10 to 49 mutations: told in {100 * np.mean(few):.0f} % of {len(few)}")
    print(f"unexposed: told in {100 * np.mean(unexposed):.1f} % of {len(unexposed)}")
    print(f"share in its 95 % interval: {100 * np.mean(shares):.0f} %; ECE {calibration_error(pairs):.3f}")
    print(f"CPU {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
