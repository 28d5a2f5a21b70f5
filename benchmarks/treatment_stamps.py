"""Calibration of treatment stamps: how probable it is that a therapy's process acted on a branch.

    python benchmarks/treatment_stamps.py [200] [--seed 1] [--record]

Signatures are drawn at random (five broad ones of other processes, one sharp one of the therapy), branches have 50 to
2,000 mutations of the others; half of them 10 to 500 of the therapy's. The same for radiation, whose mutations are
small deletions of six kinds: 2 to 8 % of the other processes' mutations are such too, in a mixture of their own, and a
trunk of 300 to 3,000 mutations shows it. The limits: expected calibration error at most .05, the exposure told
(P >= .95) in 95 % of the branches with 50 or more of its mutations, and in at most 5 % of the unexposed.
"""

from __future__ import annotations

import math
import time

import numpy as np
from printed import record, study_arguments
from scoring import calibration_error

from phylometa.timing.stamps import exposure_evidence, with_profile

SINGLE, DELETIONS = 96, 6


def log_uniform(rng, low, high):
    return int(np.exp(rng.uniform(math.log(low), math.log(high))))


def drug(rng):
    """Counts of the other processes on a branch, their signatures as the table has them, and the therapy's."""
    background = rng.dirichlet(np.full(SINGLE, 0.5), size=5).T
    therapy = rng.dirichlet(np.full(SINGLE, 0.2))
    counts = rng.multinomial(log_uniform(rng, 50, 2000), background @ rng.dirichlet(np.ones(5)))
    return counts, background, therapy


def radiation(rng):
    """The same for radiation: single bases and deletions; the trunk's profile is one of the other processes."""
    single = rng.dirichlet(np.full(SINGLE, 0.5), size=5).T
    own = rng.dirichlet(np.full(DELETIONS, 0.5), size=2).T
    background = np.block([[single, np.zeros((SINGLE, 2))], [np.zeros((DELETIONS, 5)), own]])
    therapy = np.concatenate([np.zeros(SINGLE), rng.dirichlet(np.full(DELETIONS, 0.5))])
    share, kinds = rng.uniform(0.02, 0.08), rng.dirichlet(np.ones(2))
    trunk, branch = (
        background @ np.concatenate([(1 - share) * rng.dirichlet(np.ones(5)), share * kinds]) for _ in range(2)
    )
    seen = rng.multinomial(log_uniform(rng, 300, 3000), trunk).astype(float)
    return rng.multinomial(log_uniform(rng, 50, 2000), branch), with_profile(background, seen), therapy


def main() -> None:
    arguments = study_arguments(__doc__, 200)
    figures, start = [], time.process_time()
    for name, draw in (("a drug's single bases", drug), ("radiation's deletions", radiation)):
        rng = np.random.default_rng([arguments.seed, *name.encode()])
        pairs, shares, many, few = [], [], [], []
        for number in range(arguments.patients):
            counts, background, therapy = draw(rng)
            is_exposed = number % 2 == 0
            n_own = log_uniform(rng, 10, 500) if is_exposed else 0
            counts = (counts + rng.multinomial(n_own, therapy)).astype(float)
            log_factor, share = exposure_evidence(counts, background, therapy)
            p = 1 / (1 + math.exp(-max(min(log_factor, 700.0), -700.0)))
            pairs.append((p, is_exposed))
            if is_exposed:
                shares.append(share.lo <= n_own / counts.sum() <= share.hi)
                (many if n_own >= 50 else few).append(p >= 0.95)
        unexposed = [p >= 0.95 for p, hit in pairs if not hit]
        measures = {
            "told of 50 or more": f"{sum(many)} of {len(many)}",
            "told of 10 to 49": f"{sum(few)} of {len(few)}",
            "told of the unexposed": f"{sum(unexposed)} of {len(unexposed)}",
            "share in its interval": f"{np.mean(shares):.2f}",
            "ECE": f"{calibration_error(pairs):.3f}",
        }
        figures += [(name, *figure) for figure in measures.items()]
        print(f"{name}:", "  ".join(f"{measure} {value}" for measure, value in measures.items()))
    print(f"CPU {time.process_time() - start:.0f} s")
    if arguments.record:
        record("treatment_stamps.py", figures)


if __name__ == "__main__":
    main()
