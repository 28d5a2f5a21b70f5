"""Coverage of dissemination intervals and calibration of P(seeding before an event), on simulated patients.

    python benchmarks/timing_coverage.py [--patients 400]

The timing stage alone, given the true clone tree and history; then how it fails when the model does not hold. From
reads to dates: timing_from_reads.py. The limit: 92-98 % coverage where the model holds, expected calibration error at
most .05 (read at 3,000 or more events, otherwise against the 95 % quantile of a calibrated predictor).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import time
from collections import Counter

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import Treatment
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.detection import detection_power
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.timing.gains import expected_vaf
from phylometa.timing.infer import date_dissemination

AGE = 60.0
EVENTS = 3


def draw_settings(rng, **changes):
    """One patient's settings: acceleration from the prior, transformation logit-uniform, the rest at random."""
    logit = rng.uniform(math.log(0.4 / 0.6), math.log(0.95 / 0.05))
    base = {
        "patient": "S",
        "pattern": "random",
        "primary_clones": int(rng.integers(2, 6)),
        "distant_sites": int(rng.integers(1, 4)),
        "metastasis_clones": int(rng.integers(0, 2)),
        "extra_migrations": 0.3,
        "transformation_age": AGE / (1 + math.exp(-logit)),
        "diagnosis_age": AGE,
        "regularity": 1.0,
        "mutation_rate": 0.008,
        "acceleration": 5.0 * math.exp(0.4 * rng.standard_normal()),
        "drivers": 0,
        "parallel_drivers": 0,
        "depth": 100.0,
    }
    return SimulationSettings(**{**base, **changes})


def true_inputs(simulated):
    """Inputs of the timing stage with the true assignment, tree, proportions and history."""
    patient, truth = simulated.patient, simulated.truth
    total, normal = (np.asarray(x, dtype=float) for x in (patient.copy_number.total, patient.copy_number.normal))
    vaf = expected_vaf(1, truth.purity[None, :], total, normal=normal)
    power = detection_power(patient.mutations.depth, vaf)
    ccf = CcfTable(truth.ccf, truth.ccf, truth.ccf, np.ones(vaf.shape), vaf, power)
    n, n_clones = len(truth.clone), truth.tree.n_clones
    clusters = Clustering(
        names=truth.tree.names,
        labels=truth.clone,
        probability=np.ones(n),
        ccf=truth.prevalence,
        ccf_lo=truth.prevalence,
        ccf_hi=truth.prevalence,
        alt_reads=np.zeros(truth.prevalence.shape),
        total_reads=np.ones(truth.prevalence.shape),
    )
    trees = TreeEnsemble(
        names=truth.tree.names,
        n_mutations=np.bincount(truth.clone, minlength=n_clones),
        parents=truth.tree.parents[None],
        weights=np.ones(1),
        log_likelihood=np.zeros(1),
        proportions=truth.proportions[None],
        presence=truth.presence[None].astype(float),
        site_names=patient.site_names,
        complete=True,
        n_trees=1,
    )
    return patient, ccf, clusters, trees, truth.history_ensemble(patient.site_names)


def thin(simulated, rng, keep):
    """The patient with mutations of the metastases' clones kept with probability `keep`: unequal rates."""
    truth, patient = simulated.truth, simulated.patient
    primary = patient.site_names.index(patient.primary.name)
    elsewhere = ~truth.presence[:, primary] & truth.presence.any(axis=1)
    rows = np.flatnonzero(~elsewhere[truth.clone] | (rng.random(len(truth.clone)) < keep))
    shorter = {name: getattr(truth, name)[rows] for name in ("clone", "age", "allele", "multiplicity", "expected_vaf")}
    return dataclasses.replace(
        simulated,
        patient=patient.with_changes(
            mutations=patient.mutations.take(rows), copy_number=patient.copy_number.take(rows)
        ),
        truth=dataclasses.replace(truth, **shorter),
        normal_alt=simulated.normal_alt[rows],
        normal_depth=simulated.normal_depth[rows],
    )


def with_tail(inputs, rng, n_tail):
    """A neutral tail taken for a clone: in each sample a leaf at prevalence .12 with far too many mutations."""
    patient, ccf, clusters, trees, histories = inputs
    samples, n = range(patient.mutations.n_samples), patient.mutations.n_mutations
    parents, sizes = trees.parents[0].tolist(), trees.n_mutations.tolist()
    proportions = trees.proportions[0].copy()
    names, labels, rows = list(trees.names), clusters.labels.tolist(), list(range(n))
    presence = histories.trees[0].presence
    for s in samples:
        host = int(np.argmax(proportions[:, s]))
        parents.append(host)
        sizes.append(n_tail)
        names.append(f"tail{s}")
        new = np.zeros((1, proportions.shape[1]))
        new[0, s] = 0.12
        proportions[host, s] -= 0.12
        proportions = np.vstack([proportions, new])
        here = np.zeros((1, presence.shape[1]), dtype=bool)
        here[0, patient.sample_site[s]] = True
        presence = np.vstack([presence, here])
        picked = rng.integers(0, n, n_tail)
        rows += picked.tolist()
        labels += [len(parents) - 1] * n_tail
    index = np.array(rows)
    mutations = patient.mutations
    mutations = dataclasses.replace(
        mutations,
        ids=tuple(f"r{i}" for i in range(len(index))),
        alt_counts=mutations.alt_counts[index],
        depth=mutations.depth[index],
        observed=mutations.observed[index],
        positions=mutations.positions[index],
        **{name: tuple(getattr(mutations, name)[i] for i in index) for name in ("chroms", "refs", "alts", "contexts")},
        genes=(),
    )
    ccf = type(ccf)(**{f.name: getattr(ccf, f.name)[index] for f in dataclasses.fields(ccf)})
    k = len(parents)
    table = np.zeros((k, len(samples)))
    clusters = Clustering(tuple(names), np.array(labels), np.ones(len(index)), table, table, table, table, table + 1)
    trees = dataclasses.replace(
        trees, names=tuple(names), n_mutations=np.array(sizes, dtype=float), parents=np.array([parents]),
        proportions=proportions[None], presence=presence[None].astype(float),
    )  # fmt: skip
    only = dataclasses.replace(histories.trees[0], presence=presence)
    patient = patient.with_changes(mutations=mutations, copy_number=patient.copy_number.take(index))
    return patient, ccf, clusters, trees, dataclasses.replace(histories, trees=(only,))


def true_migrations(simulated):
    """(site, founding clone) -> (divergence age, founder age, seeding age)."""
    truth = simulated.truth
    found = {}
    names, sites = truth.tree.names, simulated.patient.site_names
    for (u, s, v, t), arrival, seeding in zip(truth.history.edges.tolist(), truth.arrival_age, truth.seeding_age):
        if s != t:
            found[sites[t], names[v]] = (float(truth.clone_age[u]), float(arrival), float(seeding), u == v)
    return found


class Tally:
    """Coverage, width, events and warnings over patients."""

    def __init__(self) -> None:
        self.inside = Counter()
        self.n = 0
        self.width, self.bias = [], []
        self.events = []
        self.said = Counter()
        self.patients = self.dated = 0

    def add(self, result, truth) -> None:
        self.patients += 1
        rows = [row for row in result.intervals if row.model == "clock"]
        self.dated += bool(rows)
        texts = [*result.warnings, *result.refusals, *(note for row in result.divergence for note in row.notes)]
        self.said.update(key for key in KEYWORDS if any(key in text for text in texts))
        event_age = {event.name: event.start_age for event in result.events if event.kind != "diagnosis"}
        for row in rows:
            key = row.site, row.founding_clone
            if key not in truth:
                continue
            divergence, founder, seeding, is_spread = truth[key]
            if is_spread:  # seeded without a new clone: the founder node is not resolved by design
                continue
            self.n += 1
            for name, value in (("divergence", divergence), ("founder", founder), ("seeding", seeding)):
                estimate = getattr(row, name)
                self.inside[name] += estimate.lo <= value <= estimate.hi
            self.width.append(row.seeding.hi - row.seeding.lo)
            self.bias.append(row.seeding.median - seeding)
            self.events += [(row.p_before[name], seeding < age) for name, age in event_age.items()]

    def line(self, name) -> str:
        if not self.n:
            return f"{name:34s} {self.dated:4d}/{self.patients:<4d} no dates"
        share = {key: 100 * self.inside[key] / self.n for key in ("divergence", "founder", "seeding")}
        said = ", ".join(f"{key} {100 * n // self.patients} %" for key, n in self.said.most_common(4)) or "-"
        return (
            f"{name:34s} {self.dated:4d}/{self.patients:<4d} {self.n:5d}   {share['divergence']:5.1f} "
            f"{share['founder']:5.1f} {share['seeding']:5.1f}    {np.median(self.width):5.1f}   "
            f"{np.mean(self.bias):+5.2f}   {said}"
        )


KEYWORDS = (
    "unequal",
    "one rate",
    "withheld",
    "one primary region",
    "are needed",
    "subclonal tail",
    "assumed acceleration",
)


def calibration_error(pairs, bins=10) -> float:
    """Expected calibration error over ten bins."""
    p, hit = np.array([x for x, _ in pairs]), np.array([y for _, y in pairs], dtype=float)
    index = np.minimum((p * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(p[index == b].mean() - hit[index == b].mean()) * (index == b).sum()
            for b in range(bins)
            if (index == b).any()
        )
        / len(p)
    )


def calibrated_quantile(pairs, rng, replicates=300) -> float:
    """95 % quantile of the error that a perfectly calibrated predictor would show with these probabilities."""
    p = np.array([x for x, _ in pairs])
    return float(
        np.quantile([calibration_error(list(zip(p, rng.random(len(p)) < p))) for _ in range(replicates)], 0.95)
    )


def with_events(patient, rng):
    """The patient with surgeries at random ages among the treatments, nothing else."""
    reference = patient.samples[0]
    ages = rng.uniform(35, AGE, EVENTS)
    dates = [reference.collection_date + datetime.timedelta(days=round((age - reference.age) * 365.25)) for age in ages]
    return patient.with_changes(treatments=tuple(Treatment(f"surgery{i}", "", date) for i, date in enumerate(dates)))


def study(name, patients, seed, *, simulation=None, timing=None, keep=None, tail=None) -> Tally:
    """One scenario with the true tree."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    settings = TimingSettings(**{"draws": 1500, "clock": "snv", **(timing or {})})
    while tally.patients < patients:
        changes = simulation(rng) if simulation else {}
        simulated = simulate_patient(draw_settings(rng, **changes), rng=rng)
        truth = true_migrations(simulated)
        if keep is not None:
            simulated = thin(simulated, rng, keep)
        inputs = true_inputs(simulated)
        if tail is not None:
            inputs = with_tail(inputs, rng, tail)
        inputs = (with_events(inputs[0], rng), *inputs[1:])
        tally.add(date_dissemination(*inputs, settings=settings, rng=rng), truth)
    print(tally.line(name), flush=True)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=400)
    arguments = parser.parse_args()
    n, some = arguments.patients, max(arguments.patients // 4, 20)
    rng = np.random.default_rng(0)
    start = time.process_time()
    print("scenario                          dated       seedings  coverage of 95 % intervals  width   error   said")
    print("                                                         diverg. founder seeding    years   years")
    base = study("the model holds", n, 1)
    even = study("even waiting times (k = 3)", some, 2, simulation=lambda rng: {"regularity": 3.0})
    study("acceleration twice the prior's", some, 3, simulation=lambda rng: {"acceleration": 10.0})
    study("acceleration half the prior's", some, 4, simulation=lambda rng: {"acceleration": 2.5})
    study("clone tips taken as sampled cells", some, 1, timing={"terminal": "none"})
    study("metastases at half the rate", some, 6, keep=0.5)
    study("metastases at a tenth of the rate", some, 6, keep=0.1)
    study("one primary region", some, 7, simulation=lambda rng: {"primary_regions": 1})
    study("low purity (.15-.3)", some, 8, simulation=lambda rng: {"min_purity": 0.15, "max_purity": 0.3})
    study("neutral tail taken for clones", some, 9, tail=400)
    study("few mutations (.0002 / Mb / year)", some, 10, simulation=lambda rng: {"mutation_rate": 0.0002})
    for name, tally in (("the model holds", base), ("even waiting times", even)):
        error, limit = calibration_error(tally.events), calibrated_quantile(tally.events, rng)
        print(f"P(seeding before event), {name}: ECE {error:.3f} over {len(tally.events)} (calibrated: {limit:.3f})")
    print(f"CPU {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
