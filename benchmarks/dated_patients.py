"""Simulated patients with dates: ages of clones, seedings and events, lesions that grew, and what the timing reads.

Metastases are sampled if they have a size that is found. The whole patient is drawn anew until all of them are, his
ages and rates too: those of a cohort of sampled patients are the prior's given that the lesions were found, which is
what the posterior takes them to be.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phylometa.config import MIN_ALT_READS, TimingSettings
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import Lesion, Treatment
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.detection import detection_power
from phylometa.reference.genome import CALLABLE_MB
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.history import draw_ages
from phylometa.simulate.patterns import draw_plan
from phylometa.timing.clock import is_cpg_transition
from phylometa.timing.gains import expected_vaf
from phylometa.timing.growth import DAYS_PER_YEAR
from phylometa.timing.growth_evidence import LesionEvidence, lognormal_of
from phylometa.timing.tips import tail_window

AGE = 60.0
EVENTS = 3
# Years between the two measurements of a lesion that was measured twice.
EARLIER = 1.0
# Doubling time (days) of the simulated metastases, mean and standard deviation: overt liver metastases of colorectal
# cancer, 155 +- 34 (Br J Surg 1988;75:641). The analysis reads it from a table of its own.
DOUBLING = (155.0, 34.0)
# A neutral tail: the prevalence of its leaf, and those between which its mutations are.
TAIL_PREVALENCE, TAIL_RANGE = 0.12, (0.004, 0.4)


def draw_settings(rng, **changes):
    """One patient's settings: acceleration lognormal around 5, transformation logit-uniform, the rest at random.

    The acceleration has the spread that the prior of the analysis has.
    """
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
        "acceleration": 5.0 * math.exp(TimingSettings().acceleration_sigma * rng.standard_normal()),
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
    return take(simulated, np.flatnonzero(~elsewhere[truth.clone] | (rng.random(len(truth.clone)) < keep)))


def thin_classes(simulated, rng, others, of_cpg):
    """The patient with each clone's mutations kept with a probability: `others` (K,), or `of_cpg` if C>T at CpG."""
    mutations = simulated.patient.mutations
    is_cpg = is_cpg_transition(mutations.refs, mutations.alts, mutations.contexts)
    kept = np.where(is_cpg, of_cpg, others[simulated.truth.clone])
    return take(simulated, np.flatnonzero(rng.random(len(kept)) < kept))


def take(simulated, rows):
    """The patient with some of the mutations."""
    truth, patient = simulated.truth, simulated.patient
    shorter = {name: getattr(truth, name)[rows] for name in ("clone", "age", "allele", "multiplicity", "expected_vaf")}
    return dataclasses.replace(
        simulated,
        patient=patient.with_changes(
            mutations=patient.mutations.take(rows), copy_number=patient.copy_number.take(rows)
        ),
        truth=dataclasses.replace(truth, **shorter),
    )


def tail_sizes(inputs, simulated, lesions, rng, otherwise, cut=0.0):
    """Mutations of the neutral tail in every sample: of a metastasis by its growth and clock, else `otherwise`.

    They are called with 3 reads and an allele frequency of `cut`. Their number varies by a half beyond counts, as the
    analysis takes it to.
    """
    patient, ccf = inputs[:2]
    settings, spread = simulated.settings, TimingSettings().tail_spread
    pace = settings.mutation_rate * CALLABLE_MB[settings.assay] * settings.acceleration
    found = []
    for s, sample in enumerate(patient.samples):
        mean = otherwise
        if sample.site in lesions:
            mean = pace / lesions[sample.site].first_rate * tail_window(patient.mutations, ccf, s, cut)
        found.append(int(rng.poisson(mean * rng.gamma(spread**-2, spread**2))))
    return found


def tail_reads(depth, vaf_per_ccf, rng, cut=0.0):
    """Alternate reads, 3 or more, of the mutations of a neutral tail (n,): prevalences F of density 1 / F^2.

    The caller drops those whose allele frequency is below `cut`.
    """
    alt = np.zeros(len(depth), dtype=np.int64)
    low, high = TAIL_RANGE
    while (missed := np.flatnonzero(alt < np.maximum(MIN_ALT_READS, cut * depth))).size:
        prevalence = 1 / (1 / low - rng.random(len(missed)) * (1 / low - 1 / high))
        alt[missed] = rng.binomial(depth[missed], np.clip(vaf_per_ccf[missed] * prevalence, 0, 1))
    return alt


def flat_reads(depth, vaf_per_ccf, rng):
    """Alternate reads, 3 or more, of mutations that all have one prevalence (n,): of several clones, or of one."""
    alt = np.zeros(len(depth), dtype=np.int64)
    while (missed := np.flatnonzero(alt < MIN_ALT_READS)).size:
        alt[missed] = rng.binomial(depth[missed], np.clip(vaf_per_ccf[missed] * TAIL_PREVALENCE, 0, 1))
    return alt


def with_tail(inputs, rng, sizes, reads=tail_reads):
    """Neutral tails taken for clones: in each sample a leaf at prevalence .12 with so many mutations.

    `reads` draws their reads. They are at loci of clones' mutations, and the other samples have none.
    """
    patient, ccf, clusters, trees, histories = inputs
    samples, n = range(patient.mutations.n_samples), patient.mutations.n_mutations
    parents, n_mutations = trees.parents[0].tolist(), trees.n_mutations.tolist()
    proportions = trees.proportions[0].copy()
    names, labels, rows = list(trees.names), clusters.labels.tolist(), list(range(n))
    presence, found = histories.trees[0].presence, [patient.mutations.alt_counts]
    for s in samples:
        host = int(np.argmax(proportions[:, s]))
        parents.append(host)
        n_tail = sizes[s]
        n_mutations.append(n_tail)
        names.append(f"tail{s}")
        new = np.zeros((1, proportions.shape[1]))
        new[0, s] = TAIL_PREVALENCE
        proportions[host, s] -= TAIL_PREVALENCE
        proportions = np.vstack([proportions, new])
        here = np.zeros((1, presence.shape[1]), dtype=bool)
        here[0, patient.sample_site[s]] = True
        presence = np.vstack([presence, here])
        seen = np.flatnonzero((patient.mutations.depth[:, s] >= MIN_ALT_READS) & (ccf.vaf_per_ccf[:, s] > 0))
        picked = rng.choice(seen, n_tail)
        alt = np.zeros((n_tail, len(samples)), dtype=np.int64)
        alt[:, s] = reads(patient.mutations.depth[picked, s], ccf.vaf_per_ccf[picked, s], rng)
        found.append(alt)
        rows += picked.tolist()
        labels += [len(parents) - 1] * n_tail
    index = np.array(rows)
    mutations = patient.mutations
    mutations = mutations.take(index, ids=[f"r{i}" for i in range(len(index))])
    mutations = dataclasses.replace(mutations, alt_counts=np.concatenate(found))
    ccf = type(ccf)(**{f.name: getattr(ccf, f.name)[index] for f in dataclasses.fields(ccf)})
    k = len(parents)
    table = np.zeros((k, len(samples)))
    clusters = Clustering(tuple(names), np.array(labels), np.ones(len(index)), table, table, table, table, table + 1)
    trees = dataclasses.replace(
        trees, names=tuple(names), n_mutations=np.array(n_mutations, dtype=float), parents=np.array([parents]),
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


class Grown(NamedTuple):
    """A simulated lesion.

    Diameters (cm) `EARLIER` and at `AGE`, years of rest before growth, doubling time (days), growth rate of the first
    cells (per year).
    """

    diameters: np.ndarray
    rest: float
    doubling: float
    first_rate: float


def prior_rest(rng) -> float:
    """Years of rest before growth, from the prior of the analysis."""
    prior = lesion_prior()
    return rng.exponential(prior.dormancy_years) if rng.random() < prior.dormancy_probability else 0.0


class Growth:
    """A simulator of lesions: their sizes, and whether one is sampled.

    `model`: "either" draws one for each patient. `rest` gives the years of rest before growth from the generator;
    default: those of the prior.
    """

    def __init__(self, model="either", rest=None) -> None:
        self.model = model
        self.rest = rest or prior_rest

    def draw_model(self, rng):
        return ("exponential", "gompertz")[int(rng.random() < 0.5)] if self.model == "either" else self.model

    def lesion(self, arrival, rng, model):
        """A lesion that arrived at an age, and whether it is sampled."""
        prior = lesion_prior()
        rest = self.rest(rng)
        doubling = prior.doubling_median * math.exp(prior.doubling_sigma * rng.standard_normal())
        years = AGE - arrival - rest - np.array([EARLIER, 0.0])
        density = math.log(1e8) + math.log(10) * rng.random()
        if model == "birth-death":
            # Birth and death at rates b and d, given survival: N is geometric, mean (b exp(r t) - d) / (b - d); large
            # soon, so that chance is one factor for all later sizes.
            rate, birth = math.log(2) / doubling, 0.1
            cells = math.log(birth / rate * rng.exponential()) + rate * np.maximum(years, 0.0) * DAYS_PER_YEAR
        else:
            cells = prior.log_cells(np.maximum(years, 0.0), np.array(doubling), model)
        log_size = np.where(years > 0, (cells - density - math.log(math.pi / 6)) / 3, -50.0)
        weight = math.exp(-0.5 * ((log_size[1] - math.log(2.0)) / 0.8) ** 2) * (log_size[1] > math.log(0.5))
        kind = "gompertz" if model == "gompertz" else "exponential"
        first_rate = float(prior.first_growth_rate(np.array(doubling), kind))
        return Grown(np.exp(log_size), rest, doubling, first_rate), rng.random() < weight


def detectable_patient(draw, growth, rng, tries=200_000):
    """A simulated patient whose metastases all have a size at which they are sampled: patient, seeding ages, lesions.

    `draw` gives one patient's settings from the generator, and is asked anew at every try.
    """
    for _ in range(tries):
        settings = draw(rng)
        seed = int(rng.integers(1 << 40))
        plan, ages = new_plan(settings, seed)
        seeding = seeding_ages(plan, ages, rng)
        model = growth.draw_model(rng)
        lesions = {}
        for site, age in first_arrivals(plan, seeding).items():
            lesions[site], is_sampled = growth.lesion(age, rng, model)
            if not is_sampled:
                break
        else:
            return simulate_patient(settings, rng=np.random.default_rng(seed)), seeding, lesions
    raise RuntimeError(f"none of {tries} patients has metastases that are found")


def with_type(patient):
    """The patient with the cancer type that the study's table of doubling times knows."""
    return patient.with_changes(samples=tuple(dataclasses.replace(s, cancer_type="study") for s in patient.samples))


def write_tables(directory) -> str:
    """The study's table of doubling times."""
    header = "cancer_type\taliases\tsite\tlesion\tdays\tsd\tnote\tsource\n"
    row = f"study\t\tany\tmetastasis\t{DOUBLING[0]}\t{DOUBLING[1]}\t\tbenchmark\n"
    (Path(directory) / "doubling_times.tsv").write_text(header + row, encoding="utf-8")
    return str(directory)


def with_sizes(patient, lesions, rng, serial=False):
    """The patient with measured diameters (10 % error) of its metastases; `serial`: earlier ones too, if detectable."""
    day = patient.samples[0].collection_date
    earlier = day - datetime.timedelta(days=round(EARLIER * DAYS_PER_YEAR))
    found = []
    for site, lesion in lesions.items():
        for date, size in zip((earlier, day), lesion.diameters.tolist()):
            if date == day or serial and size > lesion_prior().least_cm:
                found.append(Lesion(site, date, size * math.exp(0.1 * rng.standard_normal())))
    return patient.with_changes(lesions=tuple(found))


def with_events(patient, rng):
    """The patient with surgeries at random ages among the treatments, nothing else."""
    reference = patient.samples[0]
    ages = rng.uniform(35, AGE, EVENTS)
    dates = [reference.collection_date + datetime.timedelta(days=round((age - reference.age) * 365.25)) for age in ages]
    return patient.with_changes(treatments=tuple(Treatment(f"surgery{i}", "", date) for i, date in enumerate(dates)))
