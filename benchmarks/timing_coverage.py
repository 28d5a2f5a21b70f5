"""Coverage of dissemination intervals and calibration of P(seeding before an event), on simulated patients.

    python benchmarks/timing_coverage.py [--patients 400]

The timing stage alone, given the true clone tree and history; then how it fails when the model does not hold. From
reads to dates: timing_from_reads.py. The limit: 92-98 % coverage if the model holds, expected calibration error at
most .05 (read at 3,000 or more events, otherwise against the 95 % quantile of a calibrated predictor).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from phylometa.config import TimingSettings
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import Treatment
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.detection import detection_power
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.history import draw_ages
from phylometa.simulate.patterns import draw_plan
from phylometa.timing.gains import expected_vaf
from phylometa.timing.growth_evidence import LesionEvidence, lognormal_of
from phylometa.timing.infer import date_dissemination

AGE = 60.0
EVENTS = 3
# Doubling time (days) of the simulated metastases, mean and standard deviation: overt liver metastases of colorectal
# cancer, 155 +- 34 (Br J Surg 1988;75:641). The analysis reads it from a table of its own.
DOUBLING = (155.0, 34.0)


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
    mutations = mutations.take(index, ids=[f"r{i}" for i in range(len(index))])
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


def true_migrations(simulated, seeding):
    """(site, founding clone) -> divergence age, founder age, seeding age, whether the clone spread unchanged."""
    truth = simulated.truth
    found = {}
    names, sites = truth.tree.names, simulated.patient.site_names
    edges = truth.history.edges.tolist()
    for (u, s, v, t), arrival, left in zip(edges, truth.arrival_age, seeding):
        if s != t:
            found[sites[t], names[v]] = (float(truth.clone_age[u]), float(arrival), float(left), u == v)
    return found


def new_plan(settings, seed):
    """What `simulate_patient` will draw first from a generator of this seed: the history and its ages."""
    rng = np.random.default_rng(seed)
    plan = draw_plan(settings, rng)
    ages = draw_ages(plan, transformation_age=settings.transformation_age, regularity=settings.regularity, rng=rng)
    return plan, ages


def seeding_ages(plan, ages, rng):
    """Age at which each population left its source, (populations - 1,): uniform between its two nodes."""
    found = []
    for index, population in enumerate(plan.populations[1:], start=1):
        source = plan.populations[population.parent]
        start = ages[population.parent]
        is_spread = source.clone == population.clone
        found.append(ages[index] if is_spread else rng.uniform(start, ages[index]))
    return np.array(found)


def first_arrivals(plan, seeding):
    """Metastatic site -> age at its first arrival."""
    found = {}
    for population, age in zip(plan.populations[1:], seeding):
        if population.site != plan.populations[population.parent].site:
            found[population.site] = min(age, found.get(population.site, np.inf))
    primary = plan.populations[0].site
    return {site: age for site, age in found.items() if site != primary}


def lesion_prior(**changes):
    """A metastasis sampled at `AGE`, its size not given."""
    median, sigma = lognormal_of(*DOUBLING)
    base = {
        "site": "", "age": AGE, "years_before": (0.0,), "diameters_cm": (2.0,), "relative_sd": 0.8,
        "doubling_median": median, "doubling_sigma": sigma, "capacity": 1e12, "dormancy_probability": 0.1,
        "dormancy_years": 3.0, "least_cm": 0.5, "is_measured": False,
    }  # fmt: skip
    return LesionEvidence(**{**base, **changes})


class Growth:
    """A simulator of lesions: whether one is sampled, and the size that it has then; "either": as the prior has it."""

    def __init__(self, model="either") -> None:
        self.model = model

    def cells(self, years, doubling, rng, model):
        """ln N after `years` from one cell."""
        prior = lesion_prior()
        if model != "birth-death":
            return prior.log_cells(np.maximum(years, 0.0), doubling, model)
        # Birth and death at rates b and d, given survival: N is geometric with mean (b exp(r t) - d) / (b - d).
        rate, birth = math.log(2) / doubling, 0.1
        mean = np.log(birth / rate) + rate * np.maximum(years, 0.0) * 365.25
        return mean + np.log(rng.exponential(size=np.shape(doubling)))

    def sizes(self, arrival, rng, n, model):
        """Diameters (cm) of n lesions that arrived at an age, and whether each is sampled."""
        prior = lesion_prior()
        rest = np.where(rng.random(n) < prior.dormancy_probability, rng.exponential(prior.dormancy_years, n), 0.0)
        doubling = prior.doubling_median * np.exp(prior.doubling_sigma * rng.standard_normal(n))
        years = AGE - arrival - rest
        density = math.log(1e8) + math.log(10) * rng.random(n)
        log_size = (self.cells(years, doubling, rng, model) - density - math.log(math.pi / 6)) / 3
        log_size = np.where(years > 0, np.clip(log_size, -50, 50), -50)
        weight = np.exp(-0.5 * ((log_size - math.log(2.0)) / 0.8) ** 2) * (log_size > math.log(0.5))
        return np.exp(log_size), rng.random(n) < weight


def detectable_patient(settings, growth, rng, tries=4000):
    """A simulated patient whose metastases all have a size at which they are sampled: patient, seeding ages, sizes."""
    for _ in range(tries):
        seed = int(rng.integers(1 << 40))
        plan, ages = new_plan(settings, seed)
        seeding = seeding_ages(plan, ages, rng)
        sizes = {}
        either = ("exponential", "gompertz")[int(rng.random() < 0.5)]
        model = either if growth.model == "either" else growth.model
        for site, age in first_arrivals(plan, seeding).items():
            size, is_sampled = growth.sizes(age, rng, 1, model)
            if not is_sampled[0]:
                break
            sizes[site] = float(size[0])
        else:
            return simulate_patient(settings, rng=np.random.default_rng(seed)), seeding, sizes
    return None


def with_type(patient):
    """The patient with the cancer type that the study's table of doubling times knows."""
    return patient.with_changes(samples=tuple(dataclasses.replace(s, cancer_type="study") for s in patient.samples))


def write_tables(directory) -> str:
    """The study's table of doubling times."""
    header = "cancer_type\taliases\tsite\tlesion\tdays\tsd\tnote\tsource\n"
    row = f"study\t\tany\tmetastasis\t{DOUBLING[0]}\t{DOUBLING[1]}\t\tbenchmark\n"
    (Path(directory) / "doubling_times.tsv").write_text(header + row, encoding="utf-8")
    return str(directory)


def with_sizes(patient, sizes, rng):
    """The patient with measured diameters (10 % error) of its metastases."""
    samples = tuple(
        dataclasses.replace(s, diameter_cm=sizes[s.site] * math.exp(0.1 * rng.standard_normal()))
        if s.site in sizes
        else s
        for s in patient.samples
    )
    return patient.with_changes(samples=samples)


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
        rows = [row for row in result.intervals if row.unit == "age_years"]
        self.dated += any(row.model == "clock" for row in rows)
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
            model = row.model
            self.n[model] += 1
            for name, value in (("divergence", divergence), ("founder", founder), ("seeding", seeding)):
                estimate = getattr(row, name)
                self.inside[model][name] += estimate.lo <= value <= estimate.hi
            self.width[model].append(row.seeding.hi - row.seeding.lo)
            self.bias[model].append(row.seeding.median - seeding)
            self.events[model] += [(row.p_before[name], seeding < age) for name, age in event_age.items()]

    def lines(self, name, models=("clock", "joint")) -> str:
        texts = []
        for model in models:
            n = self.n[model]
            if not n:
                texts.append(f"{name:34s} {model:18s} no dates")
                continue
            share = {key: 100 * self.inside[model][key] / n for key in ("divergence", "founder", "seeding")}
            texts.append(
                f"{name:34s} {model:18s} {self.dated:4d}/{self.patients:<4d} {n:5d}   {share['divergence']:5.1f} "
                f"{share['founder']:5.1f} {share['seeding']:5.1f}    {np.median(self.width[model]):5.1f}   "
                f"{np.mean(self.bias[model]):+5.2f}   {log_score(self.events[model]):.3f}  "
                f"{calibration_error(self.events[model]):.3f}   {self.seconds / self.patients:.2f}"
            )
        said = ", ".join(f"{key} {100 * n // self.patients} %" for key, n in self.said.most_common(4)) or "-"
        return "\n".join([*texts, f"{'':34s} says: {said}"])


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


def study(
    name, patients, seed, *, simulation=None, timing=None, keep=None, tail=None, growth=None, measured=False
) -> Tally:
    """One scenario with the true tree; metastases detectable, their sizes given or not."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    scratch = tempfile.TemporaryDirectory()
    tables = write_tables(scratch.name)
    settings = TimingSettings(**{"draws": 1500, "clock": "snv", "tables": tables, **(timing or {})})
    growth = growth or Growth()
    while tally.patients < patients:
        changes = simulation(rng) if simulation else {}
        made = detectable_patient(draw_settings(rng, **changes), growth, rng)
        if made is None:
            continue
        simulated, seeding, sizes = made
        truth = true_migrations(simulated, seeding)
        if keep is not None:
            simulated = thin(simulated, rng, keep)
        inputs = true_inputs(simulated)
        if tail is not None:
            inputs = with_tail(inputs, rng, tail)
        patient = with_type(with_events(inputs[0], rng))
        inputs = (with_sizes(patient, sizes, rng) if measured else patient, *inputs[1:])
        start = time.process_time()
        result = date_dissemination(*inputs, settings=settings, rng=rng)
        tally.seconds += time.process_time() - start
        tally.add(result, truth)
    models = (
        ("clock", "joint", "joint_exponential", "joint_gompertz", "growth_exponential")
        if measured
        else ("clock", "joint")
    )
    print(tally.lines(name, models), flush=True)
    return tally


def twice(rng):
    return {"acceleration": 10.0}


def half(rng):
    return {"acceleration": 2.5}


SCENARIOS = {
    "holds": ("the model holds", {}),
    "sizes": ("the model holds, sizes known", {"measured": True}),
    "exponential": ("lesions by exponential growth", {"measured": True, "growth": Growth("exponential")}),
    "birth-death": ("lesions by birth and death", {"measured": True, "growth": Growth("birth-death")}),
    "gompertz": ("lesions by Gompertz", {"measured": True, "growth": Growth("gompertz")}),
    "even": ("even waiting times (k = 3)", {"simulation": lambda rng: {"regularity": 3.0}}),
    "twice": ("acceleration twice the prior's", {"simulation": twice}),
    "half": ("acceleration half the prior's", {"simulation": half}),
    "twice-sizes": (
        "acceleration twice, sizes known",
        {"simulation": lambda rng: {"acceleration": 10.0}, "measured": True},
    ),
    "half-sizes": (
        "acceleration half, sizes known",
        {"simulation": lambda rng: {"acceleration": 2.5}, "measured": True},
    ),
    "slow": ("metastases at half the rate", {"keep": 0.5}),
    "slow-sizes": ("metastases at half, sizes known", {"keep": 0.5, "measured": True}),
    "slower": ("metastases at a tenth of the rate", {"keep": 0.1}),
    "region": ("one primary region", {"simulation": lambda rng: {"primary_regions": 1}}),
    "impure": ("low purity (.15-.3)", {"simulation": lambda rng: {"min_purity": 0.15, "max_purity": 0.3}}),
    "tail": ("neutral tail taken for clones", {"tail": 400}),
    "few": ("few mutations (.0002 / Mb / year)", {"simulation": lambda rng: {"mutation_rate": 0.0002}}),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=tuple(SCENARIOS), help="repeatable; default: all")
    arguments = parser.parse_args()
    start = time.process_time()
    print(
        "scenario                           model               dated    seedings  coverage of 95 % intervals  width   "
        "error   log    ECE     CPU"
    )
    print(f"{'':70s}diverg. founder seeding   years   years   score          s")
    for i, name in enumerate(arguments.scenario or SCENARIOS):
        title, options = SCENARIOS[name]
        study(title, arguments.patients, 1000 * arguments.seed + i, **options)
    print(f"CPU {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
