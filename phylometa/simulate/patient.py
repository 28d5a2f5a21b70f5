"""One simulated patient, from settings to reads."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.history import MigrationHistory
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, MutationTable, Patient, Sample
from phylometa.reference.genome import DRIVER_GENES
from phylometa.simulate.copy_number import (
    CopyLineages,
    add_doublings,
    draw_doubled_founders,
    draw_events,
    evolve_copies,
    exact_profile,
    reported_profile,
)
from phylometa.simulate.foreign import Damage, Specimens, draw_foreign_loci
from phylometa.simulate.genome import Segments, segments_at
from phylometa.simulate.history import DIAGNOSIS_DATE, HistoryPlan, draw_ages, edge_ages
from phylometa.simulate.loci import Loci
from phylometa.simulate.mutations import Mutations, place_mutations
from phylometa.simulate.other_kinds import wants_other_kinds, with_other_kinds
from phylometa.simulate.patterns import draw_plan
from phylometa.simulate.reads import draw_proportions, expected_vaf, sequence, sequence_normal
from phylometa.simulate.reported import Sheet, draw_sheet, hide_loh
from phylometa.simulate.settings import SimulationSettings
from phylometa.simulate.sweeps import lose_populations, shrink_swept, sweep_populations
from phylometa.simulate.truth import SimulatedPatient, SimulationTruth

__all__ = ["scored_history", "simulate_patient"]

DAYS_PER_YEAR = 365.25


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
    stream = _streams(rng)
    plan = draw_plan(settings, rng) if plan is None else plan
    plan, is_swept = _plan_with_losses(plan, settings, stream)
    ages = draw_ages(plan, transformation_age=settings.transformation_age, regularity=settings.regularity, rng=rng)
    lineages = _evolve_genomes(plan, ages, settings=settings, rng=rng, stream=stream)
    names = plan.clone_names
    drivers = tuple((names.index(clone), gene) for clone, gene in plan.drivers)
    is_ancestor = plan.tree(np.ones(len(names))).is_ancestor
    mutations = place_mutations(lineages, plan.clone_parents, is_ancestor, drivers, settings=settings, rng=rng)

    sample_names, specimens = _draw_specimens(plan, ages, is_swept, lineages, settings=settings, rng=rng, stream=stream)
    loci = _draw_loci(mutations, lineages, specimens, settings=settings, rng=rng, stream=stream)
    purity = specimens.purity
    site_of = tuple(region.site for region in plan.regions)
    sheet = draw_sheet(sample_names, site_of, purity, settings, stream("sheet"))
    loci, proportions = loci.with_samples(sheet.column), specimens.proportions[:, sheet.column]
    two_states = settings.cn_caller == "battenberg"
    profile = reported_profile(lineages.copies, lineages.segments, proportions, sheet.names, two_states=two_states)
    if settings.hidden_loh > 0:
        haploid = frozenset(["chrX"] if settings.sex == "male" else [])
        profile = hide_loh(profile, settings.hidden_loh, haploid, stream("hidden"))
    table = _table(loci, sheet.names, lineages.segments, normal=f"{settings.patient}_normal")
    patient = Patient(
        name=settings.patient,
        samples=_sample_records(plan, sheet, profile, settings),
        sites=plan.sites,
        mutations=table,
        copy_number=_copy_number_at(
            profile if settings.state_copy_number else None, table, is_male=settings.sex == "male"
        ),
        segments=profile if settings.state_copy_number else None,
        treatments=plan.treatments,
        drivers=frozenset(DRIVER_GENES),
    )
    arrival, seeding = edge_ages(plan, ages, rng)
    n_clones = len(names)
    presence = _presence(plan, sheet, proportions)
    of_clones = loci.clone[loci.clone >= 0]
    truth = SimulationTruth(
        tree=plan.tree(np.bincount(mutations.clone, minlength=n_clones).astype(float)),
        n_called=np.bincount(of_clones, minlength=n_clones),
        clone_age=ages[plan.first_population],
        history=scored_history(plan.history(), presence),
        arrival_age=arrival,
        seeding_age=seeding,
        presence=presence,
        sample_site=sheet.true_site,
        proportions=proportions,
        purity=purity[sheet.column],
        causes=loci.causes,
        clone=loci.clone,
        age=loci.age,
        allele=loci.allele,
        multiplicity=loci.multiplicity,
        expected_vaf=loci.vaf,
        copy_number_events=lineages.effective,
        profile=exact_profile(lineages, names),
    )
    simulated = SimulatedPatient(patient, truth, settings)
    return with_other_kinds(simulated, stream("kinds")) if wants_other_kinds(settings) else simulated


def _plan_with_losses(
    plan: HistoryPlan, settings: SimulationSettings, stream: Callable[[str], np.random.Generator]
) -> tuple[HistoryPlan, BoolArray]:
    """Let populations die out as the settings ask for; also, which populations are swept."""
    if settings.extinct_share > 0:
        plan = lose_populations(plan, settings.extinct_share, stream("extinct"))
    is_swept = sweep_populations(plan, settings.swept_share, stream("swept"))
    if settings.swept_proportion == 0:
        kept = (replace(p, survives=p.survives and not swept) for p, swept in zip(plan.populations, is_swept))
        plan = replace(plan, populations=tuple(kept))
    return plan, is_swept


def _evolve_genomes(
    plan: HistoryPlan,
    ages: FloatArray,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
    stream: Callable[[str], np.random.Generator],
) -> CopyLineages:
    """Draw gains, losses and doublings on the edges of the clone tree, and the copies that they leave."""
    parents = plan.clone_parents
    clone_age = ages[plan.first_population]
    edge_start = np.where(parents < 0, 0.0, clone_age[parents])
    root = int(np.flatnonzero(parents < 0)[0])
    events = draw_events(edge_start, clone_age, root=root, settings=settings, rng=rng)
    founders = draw_doubled_founders(plan, settings.doubled_sites, stream("doubled"))
    events = add_doublings(events, founders, edge_start, clone_age, stream("doubling ages"))
    return evolve_copies(parents, edge_start, clone_age, events, is_male=settings.sex == "male")


def _draw_specimens(
    plan: HistoryPlan,
    ages: FloatArray,
    is_swept: BoolArray,
    lineages: CopyLineages,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
    stream: Callable[[str], np.random.Generator],
) -> tuple[tuple[str, ...], Specimens]:
    """Draw what every sample holds: shares of the clones, purity, foreign DNA; also the samples' names."""
    sample_names, alive, groups = _samples(plan, ages, settings)
    site_of = tuple(region.site for region in plan.regions)
    proportions = draw_proportions(alive, groups, settings=settings, rng=rng)
    if is_swept.any():
        swept_here = _in_samples(plan, is_swept, site_of)
        proportions = shrink_swept(proportions, swept_here, settings, stream("swept proportions"))
    n_samples = len(sample_names)
    purity = np.round(rng.uniform(settings.min_purity, settings.max_purity, size=n_samples), 3)
    donor = np.array([(s + 1 + rng.integers(max(n_samples - 1, 1))) % n_samples for s in range(n_samples)])
    is_male = settings.sex == "male"
    return sample_names, Specimens(
        segments=lineages.segments,
        copies=lineages.copies,
        normal_copies=np.array([1.0 if is_male and name == "chrX" else 2.0 for name in lineages.segments.names]),
        proportions=proportions,
        purity=purity,
        site=np.unique(site_of, return_inverse=True)[1],
        leakage=_leakage(n_samples, settings, stream("leaky")),
        donor=donor,
    )


def _draw_loci(
    mutations: Mutations,
    lineages: CopyLineages,
    specimens: Specimens,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
    stream: Callable[[str], np.random.Generator],
) -> Loci:
    """Sequence all loci: mutations of the clones, and those that no clone has if the settings ask for them."""
    damage = Damage.draw(len(specimens.purity), settings, stream("damage"))
    loci = _sequenced_mutations(mutations, specimens, damage, settings=settings, rng=rng)
    taken = lineages.segments.chrom[mutations.segment] * 10**9 + mutations.position
    foreign = draw_foreign_loci(len(loci), taken, specimens, damage, settings=settings, rng=stream("foreign"))
    return loci if foreign is None else Loci.merged([loci, foreign], lineages.segments.chrom)


def _presence(plan: HistoryPlan, sheet: Sheet, proportions: FloatArray) -> BoolArray:
    """Find the sites that have a sample with the clone (K, T)."""
    presence = np.zeros((len(proportions), len(plan.sites)), dtype=bool)
    place = {site.name: t for t, site in enumerate(plan.sites)}
    np.logical_or.at(presence.T, [place[site] for site in sheet.true_site], proportions.T > 0)
    return presence


def _streams(rng: np.random.Generator) -> Callable[[str], np.random.Generator]:
    """Random streams by name, fixed by the state of `rng`, which they leave as it is.

    Each effect of `phylometa.simulate.settings` that is off by default draws from its own, so that switching one on
    leaves the rest of the patient as it was: two patients with and without it can be compared.
    """
    words = copy.deepcopy(rng).integers(2**32, size=4).tolist()
    return lambda name: np.random.default_rng([*words, *name.encode()])


def _leakage(n_samples: int, settings: SimulationSettings, rng: np.random.Generator) -> float | FloatArray:
    """Share of foreign DNA: one number, or one per sample (S,) if only some are contaminated."""
    if settings.leaky_samples == 1.0:
        return settings.leakage
    return np.where(rng.random(n_samples) < settings.leaky_samples, settings.leakage, 0.0)


def _in_samples(plan: HistoryPlan, is_chosen: BoolArray, site_of: tuple[str, ...]) -> BoolArray:
    """Chosen populations as (K, S): the clone is chosen in the site of the sample."""
    chosen = np.zeros((len(plan.clone_names), len(site_of)), dtype=bool)
    for clone, population, is_one in zip(plan.population_clone, plan.populations, is_chosen):
        chosen[clone] |= is_one & (np.array(site_of) == population.site)
    return chosen


def _sequenced_mutations(
    mutations: Mutations,
    specimens: Specimens,
    damage: Damage,
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Loci:
    """The mutations of the clone tree that are called in a sample that carries them, with their reads."""
    total_copies = specimens.copies.sum(axis=2).T[mutations.segment]
    normal_copies = specimens.normal_copies[mutations.segment]
    vaf, molecules = expected_vaf(
        mutations.multiplicity,
        total_copies,
        normal_copies,
        specimens.proportions,
        specimens.purity,
        leakage=specimens.leakage,
        donor=specimens.donor,
    )
    mean_depth = settings.depth * molecules / specimens.molecules_per_cell
    error_rate = damage.error_rates(mutations.refs, mutations.alts, settings)
    alt_counts, depth, observed = sequence(vaf, mean_depth, error_rate, settings=settings, rng=rng)
    # Errors alone make no call: of a genome's loci without a mutation, only those of extinct clones are simulated.
    called = (alt_counts >= settings.min_alt_reads) & observed & ((vaf > 0) | (settings.min_alt_reads == 0))
    listed = np.flatnonzero(called.any(axis=1))
    in_normal = np.zeros(len(listed))
    if settings.tumour_in_normal > 0:
        in_normal = expected_vaf(
            mutations.multiplicity[listed],
            total_copies[listed],
            normal_copies[listed],
            specimens.proportions[:, specimens.site == specimens.site[0]].mean(axis=1)[:, None],
            np.array([settings.tumour_in_normal]),
            leakage=0.0,
            donor=np.zeros(1, dtype=np.int64),
        )[0][:, 0]
    normal_alt, normal_depth = sequence_normal(in_normal, settings=settings, rng=rng)

    def chosen(column: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(column[i] for i in listed)

    return Loci(
        causes=("clone",) * len(listed),
        clone=mutations.clone[listed],
        allele=mutations.allele[listed],
        segment=mutations.segment[listed],
        position=mutations.position[listed],
        age=mutations.age[listed],
        multiplicity=mutations.multiplicity[listed],
        refs=chosen(mutations.refs),
        alts=chosen(mutations.alts),
        contexts=chosen(mutations.contexts),
        genes=chosen(mutations.genes),
        vaf=vaf[listed],
        alt_counts=alt_counts[listed],
        depth=depth[listed],
        observed=observed[listed],
        normal_vaf=in_normal,
        normal_alt=normal_alt,
        normal_depth=normal_depth,
    )


def scored_history(history: MigrationHistory, presence: BoolArray) -> MigrationHistory:
    """Make a history with its counts by the rules of `phylometa.migration`."""
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


def _table(loci: Loci, sample_names: tuple[str, ...], segments: Segments, *, normal: str) -> MutationTable:
    """The table of the loci; unobserved cells hold no counts."""
    chroms = tuple(segments.names[g] for g in loci.segment)
    names = zip(chroms, loci.position.tolist(), loci.refs, loci.alts)
    return MutationTable(
        ids=tuple(f"{c}:{p + 1}:{r}:{a}" for c, p, r, a in names),
        sample_names=sample_names,
        alt_counts=np.where(loci.observed, loci.alt_counts, 0),
        depth=np.where(loci.observed, loci.depth, 0),
        observed=loci.observed,
        chroms=chroms,
        positions=loci.position,
        refs=loci.refs,
        alts=loci.alts,
        genes=loci.genes,
        contexts=loci.contexts,
        normal_names=(normal,),
        normal_alt=loci.normal_alt[:, None].astype(np.int32),
        normal_depth=loci.normal_depth[:, None].astype(np.int32),
    )


def _copy_number_at(profile: CopyNumberProfile | None, table: MutationTable, *, is_male: bool) -> CopyNumberAtLoci:
    """Reported copy number at every mutation of every sample (the segments cover the genome); unknown without one."""
    is_haploid = np.array([is_male and c == "chrX" for c in table.chroms], dtype=bool)
    normal = np.repeat(np.where(is_haploid, 1.0, 2.0)[:, None], table.n_samples, axis=1)
    if profile is None:
        unknown = np.full(normal.shape, np.nan)
        return CopyNumberAtLoci(major=unknown, minor=unknown, normal=normal)
    rows = segments_at(profile, table.chroms, table.positions)
    names = ("major", "minor", "total", "fraction", "major2", "minor2")
    return CopyNumberAtLoci(normal=normal, **{name: getattr(profile, name)[rows] for name in names})


def _sample_records(
    plan: HistoryPlan, sheet: Sheet, profile: CopyNumberProfile, settings: SimulationSettings
) -> tuple[Sample, ...]:
    """What the sample sheet says about every sample."""
    length = (profile.end - profile.start).astype(float)
    found: dict[str, float] = {}  # a site is diagnosed when its first sample is taken
    for region in plan.regions:
        found[region.site] = min(region.age, found.get(region.site, region.age))

    def date_at(age: float) -> datetime.date:
        return DIAGNOSIS_DATE + datetime.timedelta(days=round((age - settings.diagnosis_age) * DAYS_PER_YEAR))

    records = []
    for s, column in enumerate(sheet.column):
        region, own = plan.regions[column], profile.sample == s
        ploidy = round(float(length[own] @ profile.total[own] / length[own].sum()), 3)
        records.append(
            Sample(
                name=sheet.names[s],
                site=sheet.site[s],
                purity=float(sheet.purity[s]),
                ploidy=ploidy if settings.state_purity else float("nan"),
                sex=settings.sex,
                age=region.age,
                collection_date=date_at(region.age),
                diagnosis_date=date_at(found[region.site]),
                assay=settings.assay,
            )
        )
    return tuple(records)
