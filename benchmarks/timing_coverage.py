"""Coverage of dissemination intervals and calibration of P(seeding before an event), on simulated patients.

    python benchmarks/timing_coverage.py [--patients 200] [--seed 1] [--scenario sizes] [--record]

The timing stage alone, given the true clone tree and history; then how it fails when the model does not hold. From
reads to dates: timing_from_reads.py. The limits: 93-97 % if the model holds, at least 90 % if it does not (92 % with
sizes and another acceleration), with sizes an interval 30 % narrower than the clock's, an expected calibration error
of at most .03.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
import time
from collections import Counter, defaultdict
from functools import partial

import numpy as np
from dated_patients import (
    Growth,
    detectable_patient,
    draw_settings,
    flat_reads,
    tail_reads,
    tail_sizes,
    thin,
    true_inputs,
    true_migrations,
    with_events,
    with_sizes,
    with_tail,
    with_type,
    write_tables,
)
from printed import record
from scoring import calibration_error

from phylometa.config import TimingSettings
from phylometa.timing.infer import date_dissemination

NODES = ("divergence", "founder", "seeding")
TAIL = 400  # mutations of a tail that nothing is said of
CUT = 0.05  # allele frequency below which a caller drops mutations


class Tally:
    """Coverage, width and events over patients, by model."""

    def __init__(self) -> None:
        self.inside = defaultdict(Counter)
        self.n = Counter()
        self.width, self.bias, self.events = defaultdict(list), defaultdict(list), defaultdict(list)
        self.said = Counter()
        self.patients = self.dated = 0
        self.seconds = 0.0

    def add(self, result, truth) -> None:
        self.patients += 1
        self.dated += any(row.model == "clock" for row in result.intervals)
        texts = [*result.warnings, *result.refusals, *(note for row in result.divergence for note in row.notes)]
        self.said.update(key for key in KEYWORDS if any(key in text for text in texts))
        self.add_rows(result, truth)

    def add_rows(self, result, truth, *, suffix="") -> None:
        """Count the intervals of a result; `suffix` goes to the names of their models."""
        rows = [row for row in result.intervals if row.unit == "age_years"]
        event_age = {event.name: event.start_age for event in result.events if event.kind != "diagnosis"}
        for row in rows:
            key = row.site, row.founding_clone
            if key not in truth:
                continue
            divergence, founder, seeding, is_spread = truth[key]
            if is_spread:  # seeded without a new clone: the founder node is not resolved by design
                continue
            model = row.model + suffix
            self.n[model] += 1
            for name, value in zip(NODES, (divergence, founder, seeding)):
                estimate = getattr(row, name)
                self.inside[model][name] += estimate.lo <= value <= estimate.hi
            self.width[model].append(row.seeding.hi - row.seeding.lo)
            self.bias[model].append(row.seeding.median - seeding)
            self.events[model] += [(row.p_before[name], seeding < age) for name, age in event_age.items()]

    def figures(self, model) -> dict[str, str]:
        """Measure -> value of one model, as printed; empty without dates."""
        n = self.n[model]
        if not n:
            return {}
        return {
            "seedings": str(n),
            **{name: f"{100 * self.inside[model][name] / n:.1f}" for name in NODES},
            "width": f"{np.median(self.width[model]):.1f}",
            "error": f"{np.mean(self.bias[model]):+.2f}",
            "log score": f"{log_score(self.events[model]):.3f}",
            "ECE": f"{calibration_error(self.events[model]):.3f}",
            "CPU": f"{self.seconds / self.patients:.2f}",
        }


def log_score(pairs) -> float:
    """Mean ln of the probability given to what happened (less negative is better)."""
    if not pairs:
        return math.nan
    p = np.clip([x if hit else 1 - x for x, hit in pairs], 1e-3, 1.0)
    return float(np.mean(np.log(p)))


KEYWORDS = (
    "unequal rates",
    ": conflict",
    "withheld",
    "one primary region",
    "are needed",
    "subclonal tail",
    "assumed acceleration",
)


def study(patients, seed, *, timing=None, **options) -> Tally:
    """One scenario with the true tree; `options` as in `add_patient`, `timing` changes settings of the analysis."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        tables = write_tables(scratch)
        settings = TimingSettings(**{"draws": 1500, "clock": "snv", "tables": tables, **(timing or {})})
        while tally.patients < patients:
            add_patient(tally, settings, rng, seed, **options)
    return tally


def add_patient(
    tally, settings, rng, seed, *, simulation=None, keep=None, tail=None, growth=None, sizes="none"
) -> None:
    """Draw and date a patient with detectable metastases, their sizes given ("one", "serial") or not ("none")."""
    simulated, seeding, lesions = detectable_patient(
        lambda rng: draw_settings(rng, **(simulation or {})), growth or Growth(), rng
    )
    truth = true_migrations(simulated, seeding)
    if keep is not None:
        simulated = thin(simulated, rng, keep)
    inputs = true_inputs(simulated)
    if tail == "fixed":
        inputs = with_tail(inputs, rng, [TAIL] * len(inputs[0].samples))
    elif tail == "flat":
        inputs = with_tail(inputs, rng, [TAIL] * len(inputs[0].samples), flat_reads)
    elif tail in ("growth", "cut"):
        cut = CUT if tail == "cut" else 0.0
        sizes_of_tails = tail_sizes(inputs, simulated, lesions, rng, TAIL, cut)
        inputs = with_tail(inputs, rng, sizes_of_tails, partial(tail_reads, cut=cut))
    patient = with_type(with_events(inputs[0], rng))
    if sizes != "none":
        patient = with_sizes(patient, lesions, rng, serial=sizes == "serial")
    start = time.process_time()
    result = date_dissemination(patient, *inputs[1:], settings=settings, rng=rng)
    tally.seconds += time.process_time() - start
    tally.add(result, truth)
    if tail in ("growth", "cut"):  # once more with the tails' counts, by a generator of its own
        counted = dataclasses.replace(settings, tail_counts=True)
        own = np.random.default_rng([*np.atleast_1d(seed), tally.patients])
        tally.add_rows(date_dissemination(patient, *inputs[1:], settings=counted, rng=own), truth, suffix=" counts")


SCENARIOS = {
    "holds": ("the model holds, no sizes", {}),
    "sizes": ("sizes known", {"sizes": "one"}),
    "serial": ("sizes known twice, a year apart", {"sizes": "serial"}),
    "exponential": ("lesions by exponential growth", {"sizes": "one", "growth": Growth("exponential")}),
    "birth-death": ("lesions by birth and death, sizes known", {"sizes": "one", "growth": Growth("birth-death")}),
    "gompertz": ("lesions by Gompertz", {"sizes": "one", "growth": Growth("gompertz")}),
    "even": ("even waiting times (k = 3)", {"simulation": {"regularity": 3.0}}),
    "twice": ("acceleration twice the prior's median", {"simulation": {"acceleration": 10.0}}),
    "half": ("acceleration half of it", {"simulation": {"acceleration": 2.5}}),
    "twice-sizes": ("twice, sizes known", {"simulation": {"acceleration": 10.0}, "sizes": "one"}),
    "half-sizes": ("half, sizes known", {"simulation": {"acceleration": 2.5}, "sizes": "one"}),
    "slow": ("metastases at half the rate", {"keep": 0.5}),
    "slow-sizes": ("the same, sizes known", {"keep": 0.5, "sizes": "one"}),
    "slower": ("metastases at a tenth of the rate", {"keep": 0.1}),
    "region": ("one primary region", {"simulation": {"primary_regions": 1}}),
    "impure": ("low purity (.15-.3)", {"simulation": {"min_purity": 0.15, "max_purity": 0.3}}),
    "tail": ("neutral tail taken for clones", {"tail": "fixed"}),
    "tail-flat": ("several lineages of one prevalence taken for a clone", {"tail": "flat"}),
    "tail-growth": ("tails by the lesions' growth, sizes known", {"tail": "growth", "sizes": "one"}),
    "tail-cut": ("tails, calls cut at an allele frequency of .05, sizes known", {"tail": "cut", "sizes": "one"}),
    "few": ("few mutations (.0002 / Mb / year)", {"simulation": {"mutation_rate": 0.0002}}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=tuple(SCENARIOS), help="repeatable; default: all")
    parser.add_argument("--record", action="store_true", help="keep the figures in printed.tsv")
    arguments = parser.parse_args()
    start = time.process_time()
    for name in arguments.scenario or SCENARIOS:
        title, options = SCENARIOS[name]
        tally = study(arguments.patients, [arguments.seed, *name.encode()], **options)
        print(f"\n{title}: {tally.dated} of {tally.patients} patients dated")
        found = {model: figures for model in tally.n if (figures := tally.figures(model))}
        for model, figures in found.items():
            print(f"  {model:20s}", "  ".join(f"{measure} {value}" for measure, value in figures.items()))
        said = ", ".join(f"{key} {100 * n // tally.patients} %" for key, n in tally.said.most_common(4)) or "-"
        print(f"  says: {said}", flush=True)
        if arguments.record:
            rows = [(f"{title}: {model}", *figure) for model, figures in found.items() for figure in figures.items()]
            record("timing_coverage.py", rows)
    print(f"CPU {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
