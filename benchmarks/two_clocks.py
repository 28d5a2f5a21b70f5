"""Dates by one clock and by two, where the classes of mutations accelerate alike and where they do not.

    python benchmarks/two_clocks.py [60] [--seed 1] [--record]

Simulated patients (`dated_patients`) of about a thousand SNVs with their contexts, a fifth of them C>T at CpG, given
the true tree, without sizes. The other SNVs accelerate as those at CpG do, twice or half as much, or at a rate that
differs from branch to branch (a spread of .5 in log units, as if processes came and went). Each patient is dated by all
SNVs as one clock, by C>T at CpG as one clock, and by both: coverage of the 95 % intervals in per cent, width of the
seeding interval and error of its median in years.
"""

from __future__ import annotations

import tempfile
import time

import numpy as np
from dated_patients import (
    Growth,
    detectable_patient,
    draw_settings,
    thin_classes,
    true_inputs,
    true_migrations,
    with_events,
    with_type,
    write_tables,
)
from printed import record, study_arguments
from timing_coverage import Tally

from phylometa.config import TimingSettings
from phylometa.timing.infer import date_dissemination

CLOCKS = {"all SNVs, one clock": "snv", "CpG, one clock": "cpg", "two clocks": "auto"}
# Scenario -> factor of the other class's acceleration, spread of its log rate between branches.
SCENARIOS = {
    "classes alike": (1.0, 0.0),
    "others accelerate twice as much": (2.0, 0.0),
    "others accelerate half as much": (0.5, 0.0),
    "others vary from branch to branch": (1.0, 0.5),
}
RATE = 0.002  # mutations per Mb and year before transformation
MOST = 4.0  # the simulated rate over the kept: no class is faster


def draw_patient(factor, spread, rng):
    """A patient, its seeding ages, and the mutations kept of a simulation at `MOST` times the rate."""
    simulated, seeding, _ = detectable_patient(lambda rng: draw_settings(rng, mutation_rate=MOST * RATE), Growth(), rng)
    tree = simulated.truth.tree
    own = factor * np.exp(spread * rng.standard_normal(tree.n_clones))
    others = np.where(np.asarray(tree.parents) < 0, 1.0, np.minimum(own, MOST)) / MOST
    return thin_classes(simulated, rng, others, 1 / MOST), seeding


def main() -> None:
    arguments = study_arguments(__doc__, 60)
    figures, start = [], time.process_time()
    for scenario, (factor, spread) in SCENARIOS.items():
        rng = np.random.default_rng([arguments.seed, *scenario.encode()])
        tallies = {name: Tally() for name in CLOCKS}
        with tempfile.TemporaryDirectory() as scratch:
            tables = write_tables(scratch)
            for _ in range(arguments.patients):
                simulated, seeding = draw_patient(factor, spread, rng)
                patient, *rest = true_inputs(simulated)
                patient = with_type(with_events(patient, rng))
                for name, clock in CLOCKS.items():
                    settings = TimingSettings(draws=1500, clock=clock, tables=tables)
                    before = time.process_time()
                    result = date_dissemination(patient, *rest, settings=settings, rng=rng)
                    tallies[name].seconds += time.process_time() - before
                    tallies[name].add(result, true_migrations(simulated, seeding))
        print(f"\n{scenario}")
        for name, tally in tallies.items():
            for model in ("clock", "joint"):
                found = tally.figures(model)
                if not found:
                    continue
                print(f"  {name:20s} {model:6s}", "  ".join(f"{measure} {value}" for measure, value in found.items()))
                figures += [(f"{scenario}: {name}, {model}", *figure) for figure in found.items()]
    print(f"CPU {time.process_time() - start:.0f} s")
    if arguments.record:
        record("two_clocks.py", figures)


if __name__ == "__main__":
    main()
