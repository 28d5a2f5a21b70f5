"""One simulated patient, from settings to reads."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from phylometa.config import SimulationSettings
from phylometa.errors import InputError, Problem
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.history import MigrationHistory
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, MutationTable, Patient, Sample
from phylometa.reference.genome import CALLABLE_MB, CHROMOSOMES, DRIVER_GENES
from phylometa.simulate.copy_number import draw_events, evolve_copies, exact_profile, reported_profile
from phylometa.simulate.genome import Segments
from phylometa.simulate.history import DIAGNOSIS_DATE, HistoryPlan, draw_ages, edge_ages
from phylometa.simulate.mutations import Mutations, place_mutations
from phylometa.simulate.patterns import PATTERNS, draw_plan
from phylometa.simulate.reads import draw_alternate_reads, draw_depth, draw_observed, draw_proportions, expected_vaf
from phylometa.simulate.truth import SimulatedPatient, SimulationTruth

__all__ = ["scored_history", "simulate_patient"]

DAYS_PER_YEAR = 365.25
# Depth of the matched normal relative to the tumour's.
NORMAL_DEPTH = 0.4


def simulate_patient(
    settings: SimulationSettings | None = None, *, rng: np.random.Generator, plan: HistoryPlan | None = None
) -> SimulatedPatient:
    """Simulate one patient: history, clock, copy number, bulk samples, reads.

    The model is written out in docs/methods/simulation.md.

    Parameters
    ----------
    settings : SimulationSettings, optional
        Default: ``SimulationSettings()``.
    rng : numpy.random.Generator
        Every draw comes from it.
    plan : HistoryPlan, optional
        A history of one's own; default: drawn by ``settings.pattern``.

    Returns
    -------
    SimulatedPatient

    Raises
    ------
    InputError
        Naming every setting outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> from phylometa.simulate import PRESETS, simulate_patient
    >>> simulated = simulate_patient(PRESETS["cascade"], rng=np.random.default_rng(1))
    >>> simulated.patient.site_names
    ('primary', 'metastasis_1', 'metastasis_2', 'metastasis_3')
    >>> simulated.truth.history.n_migrations
    3
    """
    settings = SimulationSettings() if settings is None else settings
    check_settings(settings)
    plan = draw_plan(settings, rng) if plan is None else plan
    ages = draw_ages(plan, transformation_age=settings.transformation_age, regularity=settings.regularity, rng=rng)
    parents = plan.clone_parents
    root = int(np.flatnonzero(parents < 0)[0])
    clone_age = ages[plan.first_population]
    edge_start = np.where(parents < 0, 0.0, clone_age[parents])
    is_male = settings.sex == "male"

    events = draw_events(edge_start, clone_age, root=root, settings=settings, rng=rng)
    lineages = evolve_copies(parents, edge_start, clone_age, events, is_male=is_male)
    names = plan.clone_names
    drivers = tuple((names.index(clone), gene) for clone, gene in plan.drivers)
    is_ancestor = plan.tree(np.ones(len(names))).is_ancestor
    mutations = place_mutations(lineages, parents, is_ancestor, drivers, settings=settings, rng=rng)

    sample_names, alive, groups = _samples(plan, ages, settings)
    proportions = draw_proportions(alive, groups, settings=settings, rng=rng)
    n_samples = len(sample_names)
    purity = np.round(rng.uniform(settings.min_purity, settings.max_purity, size=n_samples), 3)
    segment_normal = np.array([1.0 if is_male and name == "chrX" else 2.0 for name in lineages.segments.names])
    total_copies = lineages.copies.sum(axis=2)  # (K, G)
    donor = np.array([(s + 1 + rng.integers(max(n_samples - 1, 1))) % n_samples for s in range(n_samples)])
    vaf, molecules = expected_vaf(
        mutations.multiplicity,
        total_copies.T[mutations.segment],
        segment_normal[mutations.segment],
        proportions,
        purity,
        leakage=settings.leakage,
        donor=donor,
    )
    weights = lineages.segments.length / lineages.segments.length.sum()
    molecules_per_cell = weights @ (total_copies.T @ proportions * purity + (1.0 - purity) * segment_normal[:, None])
    depth = draw_depth(settings.depth * molecules / molecules_per_cell, settings.depth_size, rng)
    alt_counts = draw_alternate_reads(depth, vaf, error_rate=settings.error_rate, precision=settings.precision, rng=rng)
    observed = draw_observed(alt_counts, depth, settings=settings, rng=rng)
    # Errors alone make no call: of a genome's loci without a mutation, only those of extinct clones are simulated.
    called = (alt_counts >= settings.min_alt_reads) & observed & ((vaf > 0) | (settings.min_alt_reads == 0))
    listed = np.flatnonzero(called.any(axis=1))
    normal_depth = draw_depth(np.full(len(listed), NORMAL_DEPTH * settings.depth), settings.depth_size, rng)
    normal_alt = rng.binomial(normal_depth, settings.error_rate)

    profile = reported_profile(lineages, proportions, sample_names, two_states=settings.cn_caller == "battenberg")
    table = _listed_table(mutations, listed, alt_counts, depth, observed, sample_names, lineages.segments)
    patient = Patient(
        name=settings.patient,
        samples=_sample_records(plan, sample_names, purity, profile, settings),
        sites=plan.sites,
        mutations=table,
        copy_number=_copy_number_at(profile, table, is_male=is_male),
        segments=profile,
        treatments=plan.treatments,
        drivers=frozenset(DRIVER_GENES),
    )
    arrival, seeding = edge_ages(plan, ages, rng)
    n_clones = len(names)
    presence = np.zeros((n_clones, len(plan.sites)), dtype=bool)
    np.logical_or.at(presence.T, patient.sample_site, proportions.T > 0)
    truth = SimulationTruth(
        tree=plan.tree(np.bincount(mutations.clone, minlength=n_clones).astype(float)),
        n_called=np.bincount(mutations.clone[listed], minlength=n_clones),
        clone_age=clone_age,
        history=scored_history(plan.history(), presence),
        arrival_age=arrival,
        seeding_age=seeding,
        presence=presence,
        proportions=proportions,
        purity=purity,
        clone=mutations.clone[listed],
        age=mutations.age[listed],
        allele=mutations.allele[listed],
        multiplicity=mutations.multiplicity[listed],
        expected_vaf=vaf[listed],
        copy_number_events=lineages.effective,
        profile=exact_profile(lineages, names),
    )
    return SimulatedPatient(patient, truth, settings, normal_alt.astype(np.int32), normal_depth.astype(np.int32))


def scored_history(history: MigrationHistory, presence: BoolArray) -> MigrationHistory:
    """A history with its counts by the rules of `phylometa.migration`."""
    from phylometa.migration.comigration import count_comigrations, count_consistent_comigrations
    from phylometa.migration.patterns import migration_pattern

    edges = [(int(u), int(s), int(v), int(t)) for u, s, v, t in history.edges]
    pairs = [(s, t) for _, s, _, t in edges if s != t]
    return replace(
        history,
        unobserved=sum(not presence[node] for node in history.nodes),
        comigrations=count_comigrations(edges),
        consistent_comigrations=count_consistent_comigrations(edges),
        seeding_sites=len({s for s, _ in pairs}),
        pattern=migration_pattern(pairs),
    )


def check_settings(settings: SimulationSettings) -> None:
    """Raise InputError naming every setting outside its range."""
    problems = []

    def check(name: str, is_valid: bool, expected: str) -> None:
        if not is_valid:
            problems.append(Problem(f"{getattr(settings, name)!r} is not {expected}", file="simulation", column=name))

    check("pattern", settings.pattern in PATTERNS, f"one of {', '.join(PATTERNS)}")
    check("assay", settings.assay in CALLABLE_MB, f"one of {', '.join(CALLABLE_MB)}")
    check("cn_caller", settings.cn_caller in ("ascat", "battenberg"), "ascat or battenberg")
    check("sex", settings.sex in ("female", "male"), "female or male")
    check("primary_clones", settings.primary_clones >= 1, "at least 1")
    check("metastasis_regions", settings.metastasis_regions >= 1, "at least 1")
    for name in ("lymph_nodes", "distant_sites", "metastasis_clones", "primary_regions", "min_alt_reads"):
        check(name, getattr(settings, name) >= 0, "0 or more")
    for name in ("mutation_rate", "acceleration", "regularity", "proportion_concentration", "depth", "depth_size"):
        check(name, getattr(settings, name) > 0, "above 0")
    check("precision", settings.precision > 0, "above 0")
    check("trunk_cn_events", settings.trunk_cn_events >= 0, "0 or more")
    check("branch_cn_events", settings.branch_cn_events >= 0, "0 or more")
    for name in (
        "metastatic_source",
        "clock_share",
        "indel_share",
        "trunk_doubling",
        "branch_doubling",
        "region_share",
        "min_proportion",
        "missing_rate",
        "leakage",
    ):
        check(name, 0 <= getattr(settings, name) <= 1, "between 0 and 1")
    check("error_rate", 0 <= settings.error_rate < 0.5, "in [0, 0.5)")
    check("min_purity", 0 < settings.min_purity <= settings.max_purity, "above 0 and at most max_purity")
    check("max_purity", settings.max_purity <= 1, "at most 1")
    check("transformation_age", 0 < settings.transformation_age < settings.diagnosis_age, "between 0 and diagnosis_age")
    check("metachronous_years", settings.metachronous_years >= 0, "0 or more")
    for name, n in (("cn_kinds", 3), ("cn_sizes", 3)):
        values = getattr(settings, name)
        check(name, len(values) == n and min(values) >= 0 and sum(values) > 0, "three weights, not all 0")
    sites = settings.primary_regions + settings.lymph_nodes + settings.distant_sites
    check("primary_regions", sites > 0 or settings.pattern in ("demo", "lymph_node"), "leaving any sample to take")
    has_target = settings.lymph_nodes + settings.distant_sites > 0
    check("pattern", has_target or settings.pattern != "self_seeding", "possible without a metastasis")
    if problems:
        raise InputError(problems)


def _samples(
    plan: HistoryPlan, ages: FloatArray, settings: SimulationSettings
) -> tuple[tuple[str, ...], BoolArray, list[NDArray[np.int64]]]:
    """Names of the samples, the clones alive in the site of each when it was taken (K, S), samples of each site."""
    site_of = [region.site for region in plan.regions]
    names = tuple(f"{settings.patient}_{site}_{site_of[: s + 1].count(site)}" for s, site in enumerate(site_of))
    alive = np.zeros((len(plan.clone_names), len(names)), dtype=bool)
    for clone, age, population in zip(plan.population_clone, ages, plan.populations):
        for s, region in enumerate(plan.regions):
            if population.survives and region.site == population.site and age <= region.age:
                alive[clone, s] = True
    groups = [np.array([s for s, other in enumerate(site_of) if other == site]) for site in dict.fromkeys(site_of)]
    return names, alive, groups


def _listed_table(
    mutations: Mutations,
    listed: IntArray,
    alt_counts: NDArray[np.int64],
    depth: NDArray[np.int64],
    observed: BoolArray,
    sample_names: tuple[str, ...],
    segments: Segments,
) -> MutationTable:
    """The table of the called mutations; unobserved cells hold no counts."""
    chroms = tuple(segments.names[g] for g in mutations.segment[listed])
    refs, alts, contexts, genes = (
        tuple(column[i] for i in listed)
        for column in (mutations.refs, mutations.alts, mutations.contexts, mutations.genes)
    )
    positions = mutations.position[listed]
    return MutationTable(
        ids=tuple(f"{c}:{p + 1}:{r}:{a}" for c, p, r, a in zip(chroms, positions.tolist(), refs, alts)),
        sample_names=sample_names,
        alt_counts=np.where(observed, alt_counts, 0)[listed],
        depth=np.where(observed, depth, 0)[listed],
        observed=observed[listed],
        chroms=chroms,
        positions=positions,
        refs=refs,
        alts=alts,
        genes=genes,
        contexts=contexts,
    )


def _copy_number_at(profile: CopyNumberProfile, table: MutationTable, *, is_male: bool) -> CopyNumberAtLoci:
    """Reported copy number at every mutation of every sample (the segments cover the genome)."""
    offset = {chromosome.name: c * 10**9 for c, chromosome in enumerate(CHROMOSOMES)}
    starts = np.array([offset[c] for c in profile.chroms], dtype=np.int64) + profile.start
    places = np.array([offset[c] for c in table.chroms], dtype=np.int64) + table.positions
    rows = np.empty((table.n_mutations, table.n_samples), dtype=np.int64)
    for s in range(table.n_samples):
        own = np.flatnonzero(profile.sample == s)  # in genome order
        rows[:, s] = own[np.searchsorted(starts[own], places, side="right") - 1]
    is_haploid = np.array([is_male and c == "chrX" for c in table.chroms], dtype=bool)
    normal = np.repeat(np.where(is_haploid, 1.0, 2.0)[:, None], table.n_samples, axis=1)
    names = ("major", "minor", "total", "fraction", "major2", "minor2")
    return CopyNumberAtLoci(normal=normal, **{name: getattr(profile, name)[rows] for name in names})


def _sample_records(
    plan: HistoryPlan,
    names: tuple[str, ...],
    purity: FloatArray,
    profile: CopyNumberProfile,
    settings: SimulationSettings,
) -> tuple[Sample, ...]:
    """What the sample sheet says about every sample."""
    length = (profile.end - profile.start).astype(float)
    found: dict[str, float] = {}  # a site is diagnosed when its first sample is taken
    for region in plan.regions:
        found[region.site] = min(region.age, found.get(region.site, region.age))

    def date_at(age: float) -> datetime.date:
        return DIAGNOSIS_DATE + datetime.timedelta(days=round((age - settings.diagnosis_age) * DAYS_PER_YEAR))

    records = []
    for s, (name, region) in enumerate(zip(names, plan.regions)):
        own = profile.sample == s
        records.append(
            Sample(
                name=name,
                site=region.site,
                purity=float(purity[s]),
                ploidy=round(float(length[own] @ profile.total[own] / length[own].sum()), 3),
                sex=settings.sex,
                age=region.age,
                collection_date=date_at(region.age),
                diagnosis_date=date_at(found[region.site]),
                assay=settings.assay,
            )
        )
    return tuple(records)
