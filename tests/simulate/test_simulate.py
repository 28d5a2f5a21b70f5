"""The simulator: moments against theory, invariants, patterns against the seeding rules.

Moment tests compare a statistic with its expectation by a z-score or a chi-squared tail; each is allowed a false-alarm
rate of 1e-6 (|z| < 4.9). Seeds are fixed, so a failure means a change of the model, not bad luck.
"""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from phylometa.errors import InputError
from phylometa.model.patient import Site
from phylometa.reference.genome import CHROMOSOMES, DRIVER_GENES
from phylometa.seeding import classify_seeding
from phylometa.simulate import (
    CALLABLE_MB,
    PATTERNS,
    PRESETS,
    HistoryPlan,
    Population,
    Region,
    SimulationSettings,
    settings_from_text,
    simulate_patient,
    true_labels,
)
from phylometa.simulate.copy_number import draw_events, evolve_copies, reported_profile
from phylometa.simulate.genome import Segments
from phylometa.simulate.history import draw_ages, edge_ages
from phylometa.simulate.labels import truth_document
from phylometa.simulate.mutations import clock_years, expected_counts, place_mutations
from phylometa.simulate.reads import draw_alternate_reads, draw_depth, draw_observed, draw_proportions, expected_vaf
from phylometa.simulate.truth import CopyNumberEvent

FALSE_ALARM = 1e-6
LIMIT = NormalDist().inv_cdf(1 - FALSE_ALARM / 2)
GENOME = sum(chromosome.length for chromosome in CHROMOSOMES)


def z_of_mean(values, mean):
    """Standardised distance of a sample mean from its expectation."""
    values = np.asarray(values, dtype=float)
    return (values.mean() - mean) / (values.std(ddof=1) / np.sqrt(len(values)))


def simulate(seed=1, **changes):
    return simulate_patient(SimulationSettings(**changes), rng=np.random.default_rng(seed))


def chain_plan(n, *, before=np.inf):
    """n clones in the primary, each out of the last; sampled at 60."""
    populations = tuple(Population(f"C{i + 1}", "primary", i - 1, before=before) for i in range(n))
    return HistoryPlan((Site("primary", "primary"),), populations, (Region("primary", 60.0),))


# --- ages -------------------------------------------------------------------------------------------------------------


def test_a_chain_of_clones_has_the_ages_of_uniform_order_statistics():
    rng = np.random.default_rng(11)
    plan = chain_plan(4)
    ages = np.array([draw_ages(plan, transformation_age=40.0, regularity=1.0, rng=rng) for _ in range(4000)])
    assert (ages[:, 0] == 40.0).all()
    for i in range(1, 4):  # i-th of three uniforms on (40, 60): mean i / 4
        assert abs(z_of_mean(ages[:, i], 40 + 20 * i / 4)) < LIMIT
    # variance of the second of three uniforms, Beta(2, 2): 1/20 of the squared range
    assert abs(z_of_mean((ages[:, 2] - 50) ** 2, 400 / 20)) < LIMIT


def test_larger_regularity_evens_the_waiting_times():
    rng = np.random.default_rng(12)
    plan = chain_plan(3)
    ages = np.array([draw_ages(plan, transformation_age=40.0, regularity=50.0, rng=rng) for _ in range(500)])
    assert np.abs(ages - [40, 40 + 20 / 3, 40 + 40 / 3]).max() < 8
    assert ages[:, 1].std() < 1.0


def test_ages_respect_bounds_samples_and_resection():
    sites = (Site("primary", "primary"), Site("M", "distant"), Site("bed", "bed"))
    populations = (
        Population("A", "primary", -1),
        Population("B", "primary", 0, before=52.0),
        Population("C", "M", 1),
        Population("A", "bed", 0),
        Population("D", "bed", 3, after=63.0),
        Population("E", "primary", 2, after=50.5),
    )
    regions = (Region("primary", 60.0), Region("M", 61.0), Region("M", 65.0), Region("bed", 66.0))
    plan = HistoryPlan(sites, populations, regions, removed={"primary": 60.5})
    rng = np.random.default_rng(3)
    for _ in range(300):
        ages = draw_ages(plan, transformation_age=50.0, regularity=1.0, rng=rng)
        assert 50 <= ages[1] <= 52 and ages[1] <= ages[2] <= 60  # C is in M before E has left it
        assert ages[3] <= 60.5  # spreads as it is: must leave before the resection
        assert 63 <= ages[4] <= 66 and max(ages[2], 50.5) <= ages[5] <= 60
        arrival, seeding = edge_ages(plan, ages, rng)
        assert np.isnan(seeding[[0, 3]]).all()
        assert ages[1] <= seeding[1] <= arrival[1] == ages[2]
        assert seeding[2] == arrival[2] == ages[3]
        assert max(ages[2], 50.5) <= seeding[4] <= arrival[4] == ages[5]


def test_a_plan_that_cannot_happen_is_refused():
    with pytest.raises(ValueError, match="clone C1 cannot arise in primary before age 45"):
        draw_ages(chain_plan(2, before=45.0), transformation_age=50.0, regularity=1.0, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("populations", "message"),
    [
        ((Population("A", "P", 0),), "root first"),
        ((Population("A", "P", -1), Population("B", "P", 1)), "root first"),
        ((Population("A", "P", -1), Population("B", "P", 0), Population("B", "P", 0)), "arrives in P twice"),
        ((Population("A", "P", -1), Population("B", "P", 0), Population("B", "M", 0)), "arises twice"),
    ],
)
def test_plans_that_are_no_history_are_refused(populations, message):
    with pytest.raises(ValueError, match=message):
        HistoryPlan((Site("P", "primary"), Site("M", "distant")), populations, ())


# --- copy number ------------------------------------------------------------------------------------------------------


def test_copy_number_event_rates():
    settings = SimulationSettings(trunk_cn_events=5.0, branch_cn_events=2.0, trunk_doubling=0.3, branch_doubling=0.1)
    rng = np.random.default_rng(21)
    start, end = np.array([0.0, 50.0, 50.0]), np.array([50.0, 55.0, 60.0])
    draws = [draw_events(start, end, root=0, settings=settings, rng=rng) for _ in range(600)]
    plain = [[event for event in draw if event.kind != "wgd"] for draw in draws]
    events = [event for draw in plain for event in draw]
    for clone, mean in ((0, 5.0), (1, 2.0), (2, 2.0)):
        counts = np.array([sum(event.clone == clone for event in draw) for draw in plain])
        assert abs(counts.sum() - 600 * mean) / np.sqrt(600 * mean) < LIMIT
        assert abs(z_of_mean((counts - mean) ** 2, mean)) < LIMIT  # Poisson: variance = mean
    for name, shares, words in (
        ("kind", settings.cn_kinds, ("gain", "loss", "loh")),
        ("size", settings.cn_sizes, ("chromosome", "arm", "focal")),
    ):
        for word, share in zip(words, shares):
            n = sum(getattr(event, name) == word for event in events)
            assert abs(n - len(events) * share) / np.sqrt(len(events) * share * (1 - share)) < LIMIT
    for clone, share in ((0, 0.3), (1, 0.1)):
        n = sum(event.kind == "wgd" and event.clone == clone for draw in draws for event in draw)
        assert abs(n - 600 * share) / np.sqrt(600 * share * (1 - share)) < LIMIT
    share = CHROMOSOMES[0].length / GENOME
    n = sum(event.chrom == "chr1" for event in events)
    assert abs(n - len(events) * share) / np.sqrt(len(events) * share * (1 - share)) < LIMIT
    assert abs(z_of_mean([event.age for event in events if event.clone == 2], 55.0)) < LIMIT
    assert all(0 <= event.start < event.end for event in events)


def event(clone, age, kind, allele, copy=0.0, chrom="chr1", start=0, end=None):
    end = CHROMOSOMES[0].length if end is None else end
    return CopyNumberEvent(clone, age, kind, "chromosome", chrom, start, end, allele, copy)


def test_multiplicity_follows_the_copies():
    """Two clones: a mutation before a gain of its copy is on two copies, after it on one; a loss takes it away."""
    events = (
        event(0, 20.0, "gain", 0),
        event(1, 52.0, "loss", 0, copy=0.0),
        event(1, 53.0, "wgd", -1),
    )
    parents, start, end = np.array([-1, 0]), np.array([0.0, 50.0]), np.array([50.0, 60.0])
    lineages = evolve_copies(parents, start, end, events, is_male=False)
    assert lineages.copies[:, 0].tolist() == [[2, 1], [2, 2]]
    assert lineages.copies[:, 1].tolist() == [[1, 1], [2, 2]]  # chr2: doubling only
    assert lineages.effective == events
    on_chr1 = lineages.piece_segment == 0
    found = {
        (int(lineages.piece_clone[p]), float(lineages.piece_start[p]), int(lineages.allele[x])): None
        for p, x in zip(np.flatnonzero(on_chr1), lineages.piece_copy[on_chr1])
    }
    assert set(found) == {
        (c, a, allele) for c, ages in ((0, (0.0, 20.0)), (1, (50.0, 52.0, 53.0))) for a in ages for allele in (0, 1)
    }

    def carried(clone, age, allele):
        pieces = on_chr1 & (lineages.piece_clone == clone) & (lineages.piece_start == age)
        rows = [x for x in lineages.piece_copy[pieces] if lineages.allele[x] == allele]
        return sorted(lineages.n_descendants[x].tolist() for x in rows)

    assert carried(0, 0.0, 0) == [
        [2, 2]
    ]  # before the gain: both daughters; the loss takes one, the doubling brings it back
    assert carried(0, 20.0, 0) == [[1, 0], [1, 2]]  # after the gain: one copy is lost, the other doubles
    assert carried(0, 0.0, 1) == [[1, 2]]
    assert carried(1, 53.0, 1) == [[0, 1], [0, 1]]


def test_an_event_hits_the_copy_it_names():
    events = (event(0, 10.0, "gain", 0), event(0, 20.0, "gain", 0, copy=0.9))
    for copy, expected in ((0.9, [1, 2]), (0.1, [2, 1])):
        events = (events[0], replace(events[1], copy=copy))
        lineages = evolve_copies(np.array([-1]), np.array([0.0]), np.array([50.0]), events, is_male=False)
        between = (lineages.piece_segment == 0) & (lineages.piece_start == 10.0)
        daughters = [x for x in lineages.piece_copy[between] if lineages.allele[x] == 0]
        assert lineages.n_descendants[daughters, 0].tolist() == expected


def test_events_without_effect_are_not_in_the_truth():
    events = (event(0, 10.0, "loss", 0), event(0, 20.0, "gain", 0), event(0, 30.0, "loss", 1), event(0, 40.0, "loh", 1))
    lineages = evolve_copies(np.array([-1]), np.array([0.0]), np.array([50.0]), events, is_male=False)
    assert lineages.copies[0, 0].tolist() == [0, 1]  # gone stays gone, the last copy is never lost, no loh without both
    assert lineages.effective == events[:1]
    loh = evolve_copies(np.array([-1]), np.array([0.0]), np.array([50.0]), (event(0, 1.0, "loh", 0),), is_male=False)
    assert loh.copies[0, 0].tolist() == [0, 2]


def test_a_male_has_one_x():
    lineages = evolve_copies(np.array([-1]), np.array([0.0]), np.array([50.0]), (), is_male=True)
    assert lineages.copies[0, -1].tolist() == [1, 0] and lineages.segments.names[-1] == "chrX"
    simulated = simulate(sex="male", trunk_cn_events=0.0, branch_cn_events=0.0)
    on_x = np.array(simulated.patient.mutations.chroms) == "chrX"
    assert on_x.any()
    assert (simulated.patient.copy_number.normal[on_x] == 1).all()
    assert (simulated.patient.copy_number.normal[~on_x] == 2).all()
    assert (simulated.patient.copy_number.minor[on_x] == 0).all()
    # half the molecules, whatever the purity: half the depth
    depth = simulated.patient.mutations.depth
    ratio = depth / depth[~on_x].mean(axis=0)
    assert abs(z_of_mean(ratio[on_x], 0.5)) < LIMIT
    settings = SimulationSettings(sex="male", trunk_cn_events=500.0)
    drawn = draw_events(np.zeros(1), np.ones(1), root=0, settings=settings, rng=np.random.default_rng(1))
    assert {one.allele for one in drawn if one.chrom == "chrX"} == {0}
    assert {one.allele for one in drawn if one.chrom == "chr1"} == {0, 1}


def test_reported_copy_number_of_a_mixture():
    """Clone 0 has 2+1 on chr1, clone 1 lost the single copy after it: 2+0."""
    events = (event(0, 20.0, "gain", 1), event(1, 55.0, "loss", 0), event(2, 55.0, "gain", 1))
    parents, start = np.array([-1, 0, 0]), np.array([0.0, 50.0, 50.0])
    lineages = evolve_copies(parents, start, np.array([50.0, 60.0, 60.0]), events, is_male=False)
    proportions = np.array([[0.3, 0.1, 0.0], [0.7, 0.2, 1.0], [0.0, 0.7, 0.0]])
    two = reported_profile(lineages.copies, lineages.segments, proportions, ("a", "b", "c"), two_states=True)
    first = {two.sample_names[s]: i for i, s in reversed(list(enumerate(two.sample)))}
    i = first["a"]
    assert [two.major[i], two.minor[i], two.fraction[i], two.major2[i], two.minor2[i]] == [2, 0, 0.7, 2, 1]
    i = first["b"]  # three states: the two most common, renormalised
    assert [two.major[i], two.minor[i], two.fraction[i], two.major2[i], two.minor2[i]] == [3, 1, 0.778, 2, 0]
    i = first["c"]
    assert [two.major[i], two.minor[i], two.fraction[i]] == [2, 0, 1] and np.isnan(two.major2[i])
    one = reported_profile(lineages.copies, lineages.segments, proportions, ("a", "b", "c"), two_states=False)
    assert one.major[[0, 23, 46]].tolist() == [2, 3, 2] and one.minor[[0, 23, 46]].tolist() == [0, 1, 0]
    assert np.isnan(one.major2).all()
    assert one.n_segments == 3 * len(CHROMOSOMES)  # neighbours of one state are one segment


# --- clock ------------------------------------------------------------------------------------------------------------


def test_clock_years_bend_at_transformation():
    settings = SimulationSettings(transformation_age=50.0, acceleration=5.0)
    start, end = np.array([0.0, 40.0, 50.0, 55.0]), np.array([50.0, 52.0, 60.0, 57.0])
    assert clock_years(start, end, settings).tolist() == [50.0, 20.0, 50.0, 10.0]


def test_mutation_counts_are_poisson_with_the_clocks_mean():
    """Diploid: mean = rate x Mb x clock years; z of the total, chi-squared of the edges (normal approximation)."""
    settings = SimulationSettings(trunk_cn_events=0.0, branch_cn_events=0.0, drivers=0, parallel_drivers=0)
    rng = np.random.default_rng(31)
    counts, means = [], []
    for _ in range(30):
        truth = simulate_patient(settings, rng=rng).truth
        start = np.where(truth.tree.parents < 0, 0.0, truth.clone_age[truth.tree.parents])
        years = clock_years(start, truth.clone_age, settings)
        counts.append(truth.tree.n_mutations)
        means.append(settings.mutation_rate * CALLABLE_MB["wgs"] * years)
    counts, means = np.concatenate(counts), np.concatenate(means)
    assert abs(counts.sum() - means.sum()) / np.sqrt(means.sum()) < LIMIT
    deviation = ((counts - means) ** 2 / means).sum()
    assert abs(deviation - len(counts)) / np.sqrt(2 * len(counts) + (1 / means).sum()) < LIMIT


def test_mutations_of_an_edge_fall_evenly_in_clock_years_and_on_all_copies():
    """A trunk of 2+1 from age 25 on (transformation 30, sampled 40): T_m of docs/methods/timing.md, and the ages."""
    settings = SimulationSettings(
        transformation_age=30.0, acceleration=3.0, mutation_rate=0.05, drivers=0, parallel_drivers=0
    )
    parents, start, end = np.array([-1]), np.array([0.0]), np.array([40.0])
    gains = tuple(CopyNumberEvent(0, 25.0, "gain", "chromosome", c.name, 0, c.length, 0, 0.5) for c in CHROMOSOMES)
    lineages = evolve_copies(parents, start, end, gains, is_male=False)
    mean = expected_counts(lineages, settings).sum()
    clock = 0.05 * CALLABLE_MB["wgs"]
    assert mean == pytest.approx(clock * (25 * 2 + (5 + 3 * 10) * 3) / 2)
    mutations = place_mutations(
        lineages, parents, np.ones((1, 1), dtype=bool), (), settings=settings, rng=np.random.default_rng(5)
    )
    n = len(mutations.age)
    assert abs(n - mean) / np.sqrt(mean) < LIMIT
    n2 = int((mutations.multiplicity[:, 0] == 2).sum())
    expected = clock * 25 / 2  # only copies of the gained allele, before the gain
    assert abs(n2 - expected) / np.sqrt(expected) < LIMIT
    # the molecular time of the gain, 3 n2 / (n1 + 2 n2), is its share of the clock years: 25 / 60
    assert 3 * n2 / (n - n2 + 2 * n2) == pytest.approx(25 / 60, abs=0.03)
    late = mutations.age[mutations.age > 25]
    shares = np.array([(late < 30).mean(), ((late > 30) & (late < 35)).mean()])
    expected_share = np.array([5 / 35, 15 / 35])
    error = np.sqrt(expected_share * (1 - expected_share) / len(late))
    assert (np.abs(shares - expected_share) / error < LIMIT).all()
    assert mutations.age.min() >= 0 and mutations.age.max() <= 40


def test_shares_of_clock_like_mutations_and_deletions():
    settings = SimulationSettings(mutation_rate=0.05, clock_share=0.3, indel_share=0.1)
    simulated = simulate_patient(settings, rng=np.random.default_rng(8))
    table = simulated.patient.mutations
    is_snv = np.array([len(ref) == 1 for ref in table.refs])
    for n, total, share in (
        (int((~is_snv).sum()), len(is_snv), 0.1),
        (sum(is_cpg_transition(*one) for one in zip(table.refs, table.alts, table.contexts)), int(is_snv.sum()), 0.3),
    ):
        assert abs(n - total * share) / np.sqrt(total * share * (1 - share)) < LIMIT
    for ref, alt, context in zip(table.refs, table.alts, table.contexts):
        assert ref != alt and (context[1:2] == ref if len(ref) == 1 else ref.startswith(alt) and not context)


def test_a_position_is_mutated_once():
    """Sixty or so mutations on 200 bases: repeats are drawn again."""
    whole = evolve_copies(np.array([-1]), np.array([0.0]), np.array([40.0]), (), is_male=False)
    first = whole.piece_segment == 0
    pieces = {
        name: getattr(whole, name)[first]
        for name in ("piece_clone", "piece_segment", "piece_copy", "piece_start", "piece_end")
    }
    segment = Segments(np.array([0]), np.array([1000]), np.array([1200]))
    rate = 6 / (CALLABLE_MB["wgs"] * 40 * 200 / GENOME)  # ten times as fast from the first hours on
    settings = SimulationSettings(mutation_rate=rate, transformation_age=0.001, acceleration=10.0)
    mutations = place_mutations(
        replace(whole, segments=segment, **pieces),
        np.array([-1]),
        np.ones((1, 1), dtype=bool),
        (),
        settings=settings,
        rng=np.random.default_rng(6),
    )
    assert 30 < len(mutations.position) < 90
    assert (np.diff(mutations.position) > 0).all()
    assert mutations.position.min() >= 1000 and mutations.position.max() < 1200


def is_cpg_transition(ref, alt, context):
    return (ref, alt, context[1:]) == ("C", "T", "CG") or (ref, alt, context[:2]) == ("G", "A", "CG")


def test_drivers_lie_in_their_genes_and_parallel_hits_on_unrelated_clones():
    for seed in range(5):
        simulated = simulate(seed, drivers=3, parallel_drivers=2, mutation_rate=0.001)
        table, truth = simulated.patient.mutations, simulated.truth
        hits = {}
        for i, gene in enumerate(table.genes):
            if gene:
                chrom, first, last = DRIVER_GENES[gene]
                assert table.chroms[i] == chrom and first - 1 <= table.positions[i] < last
                hits.setdefault(gene, []).append(int(truth.clone[i]))
        for a, b in (clones for clones in hits.values() if len(clones) == 2):
            assert not truth.tree.is_ancestor[a, b] and not truth.tree.is_ancestor[b, a]
        assert len(hits) == 5


# --- samples and reads ------------------------------------------------------------------------------------------------


def test_expected_vaf_by_hand():
    """Purity .6, clones .25 and .75 with 1 of 2 and 2 of 4 copies mutated; leakage .1 from a sample without."""
    multiplicity, copies = np.array([[1, 2]]), np.array([[2, 4]])
    proportions = np.array([[0.25, 1.0], [0.75, 0.0]])
    purity, donor = np.array([0.6, 0.5]), np.array([1, 0])
    normal = np.array([2.0])
    vaf, molecules = expected_vaf(multiplicity, copies, normal, proportions, purity, leakage=0.0, donor=donor)
    assert molecules[0] == pytest.approx([0.6 * 3.5 + 0.4 * 2, 2.0])
    assert vaf[0] == pytest.approx([0.6 * 1.75 / 2.9, 0.25])
    leaked, _ = expected_vaf(multiplicity, copies, normal, proportions, purity, leakage=0.1, donor=donor)
    assert leaked[0] == pytest.approx(
        [(0.9 * 1.05 + 0.1 * 0.5) / (0.9 * 2.9 + 0.1 * 2.0), (0.9 * 0.5 + 0.1 * 1.05) / (0.9 * 2.0 + 0.1 * 2.9)]
    )


@pytest.mark.parametrize("size", [10.0, np.inf])
def test_depth_moments(size):
    depth = draw_depth(np.full(20000, 80.0), size, np.random.default_rng(41))
    variance = 80.0 + (80.0**2 / size if np.isfinite(size) else 0.0)
    assert abs(z_of_mean(depth, 80.0)) < LIMIT
    assert abs(z_of_mean((depth - 80.0) ** 2, variance)) < LIMIT


@pytest.mark.parametrize("precision", [50.0, np.inf])
def test_alternate_read_moments(precision):
    n, v, e = 100, 0.3, 0.01
    depth, vaf = np.full(20000, n), np.full(20000, v)
    alt = draw_alternate_reads(depth, vaf, error_rate=e, precision=precision, rng=np.random.default_rng(42))
    p = v * (1 - e) + (1 - v) * e
    variance = n * p * (1 - p) * (1 + ((n - 1) / (precision + 1) if np.isfinite(precision) else 0.0))
    assert abs(z_of_mean(alt, n * p)) < LIMIT
    assert abs(z_of_mean((alt - n * p) ** 2, variance)) < LIMIT


def test_without_error_no_reads_where_there_is_no_mutation():
    alt = draw_alternate_reads(
        np.full(100, 500), np.repeat([0.0, 1.0], 50), error_rate=0.0, precision=30.0, rng=np.random.default_rng(1)
    )
    assert alt.tolist() == [0] * 50 + [500] * 50


def test_vafs_of_a_patient_have_their_expected_mean():
    """Over all listed and unlisted cells (every mutation listed by min_alt_reads = 0)."""
    simulated = simulate(7, min_alt_reads=0, mutation_rate=0.02, depth_size=np.inf, leakage=0.05)
    table, truth, e = simulated.patient.mutations, simulated.truth, simulated.settings.error_rate
    p = truth.expected_vaf * (1 - 2 * e) + e
    depth, m = table.depth, simulated.settings.precision
    variance = depth * p * (1 - p) * (1 + (depth - 1) / (m + 1))
    z = (table.alt_counts - depth * p) / np.sqrt(np.maximum(variance, 1e-12))
    cells = depth > 0
    assert cells.sum() > 20000
    assert abs(z[cells].sum()) / np.sqrt(cells.sum()) < LIMIT
    assert abs(z_of_mean(z[cells & (p > 0.05)] ** 2, 1.0)) < LIMIT
    assert truth.n_called.tolist() == truth.tree.n_mutations.tolist()


def test_proportions_put_every_clone_somewhere_and_leave_no_region_empty():
    alive = np.array([[True, True, True, False], [True, True, True, False], [False, False, True, True]])
    groups = [np.array([0, 1, 2]), np.array([3])]
    for seed in range(50):
        settings = SimulationSettings(region_share=0.05, min_proportion=0.2)
        proportions = draw_proportions(alive, groups, settings=settings, rng=np.random.default_rng(seed))
        assert proportions.sum(axis=0) == pytest.approx(1)
        assert (proportions[~alive] == 0).all()
        assert (proportions[:, :3].sum(axis=1) > 0).all() and proportions[2, 3] == 1
        assert proportions[proportions > 0].min() >= 0.2 - 1e-12


def test_unobserved_cells():
    depth, alt = np.full((4000, 2), 50), np.tile([2, 3], (4000, 1))
    rng = np.random.default_rng(2)
    lost = ~draw_observed(alt, depth, settings=SimulationSettings(missing_rate=0.2), rng=rng)
    assert abs(lost.sum() - 1600) / np.sqrt(8000 * 0.2 * 0.8) < LIMIT
    apart = draw_observed(alt, depth, settings=SimulationSettings(per_sample_calls=True), rng=rng)
    assert not apart[:, 0].any() and apart[:, 1].all()
    assert not draw_observed(alt, 0 * depth, settings=SimulationSettings(), rng=rng).any()
    table = simulate(2, per_sample_calls=True).patient.mutations
    assert (table.alt_counts[table.observed] >= 3).all()
    assert (table.depth[~table.observed] == 0).all() and table.observed.any(axis=1).all()


# --- the whole patient ------------------------------------------------------------------------------------------------


def check_invariants(simulated):
    patient, truth, table = simulated.patient, simulated.truth, simulated.patient.mutations
    tree = truth.tree
    assert truth.proportions.sum(axis=0) == pytest.approx(1)
    for u, children in enumerate(tree.children):  # sum condition
        assert (truth.prevalence[children].sum(axis=0) <= truth.prevalence[u] + 1e-12).all()
    assert truth.prevalence[tree.root] == pytest.approx(1)
    for u, v in tree.edges():
        assert truth.clone_age[u] < truth.clone_age[v]
    start = np.where(tree.parents < 0, 0.0, truth.clone_age[tree.parents])
    own = np.flatnonzero(truth.clone >= 0)
    clone = truth.clone[own]
    assert (truth.age[own] >= start[clone]).all() and (truth.age[own] <= truth.clone_age[clone]).all()
    assert (truth.n_called <= tree.n_mutations).all() and truth.n_called.sum() == len(own)
    assert (truth.multiplicity[own][~tree.is_ancestor[clone]] == 0).all()
    copies = np.zeros((table.n_mutations, tree.n_clones), dtype=int)
    profile = truth.profile
    for i in range(table.n_mutations):
        here = (
            (np.array(profile.chroms) == table.chroms[i])
            & (profile.start <= table.positions[i])
            & (profile.end > table.positions[i])
        )
        allele = profile.major if truth.allele[i] == 0 else profile.minor
        copies[i] = allele[here][np.argsort(profile.sample[here])]
    assert (truth.multiplicity <= copies).all()
    arrival = dict(zip(truth.history.nodes[1:], truth.arrival_age))
    arrival[truth.history.root] = truth.clone_age[tree.root]
    true_site = [patient.site_names.index(site) for site in truth.sample_site]
    for s, (sample, site) in enumerate(zip(patient.samples, true_site)):
        for clone in np.flatnonzero(truth.proportions[:, s] > 0):
            assert arrival[int(clone), site] <= sample.age
    seeded = ~np.isnan(truth.seeding_age)
    assert (truth.seeding_age[seeded] <= truth.arrival_age[seeded]).all()
    assert ((truth.history.edges[:, 1] != truth.history.edges[:, 3]) == seeded).all()
    nodes = np.zeros_like(truth.presence)
    for node in truth.history.nodes:
        nodes[node] = True
    assert (nodes | ~truth.presence).all()  # nothing is sampled where the history never put it
    assert truth.history.unobserved == int((nodes & ~truth.presence).sum())
    assert set(np.flatnonzero(truth.presence.any(axis=0)).tolist()) == set(true_site)
    assert set(true_site) == set(patient.sample_site.tolist())
    keys = [(c, p) for c, p in zip(table.chroms, table.positions.tolist())]
    assert len(set(keys)) == len(keys)
    assert (table.alt_counts <= table.depth).all()
    assert ((table.alt_counts >= simulated.settings.min_alt_reads) & table.observed).any(axis=1).all()
    assert truth_document(simulated)["labels"]["pattern"] == truth.history.pattern


@given(
    seed=st.integers(0, 10**6),
    pattern=st.sampled_from(PATTERNS),
    clones=st.integers(1, 6),
    nodes=st.integers(0, 2),
    distant=st.integers(1, 3),
    regions=st.integers(1, 3),
    doubling=st.sampled_from([0.0, 0.5]),
    sex=st.sampled_from(["female", "male"]),
    leakage=st.sampled_from([0.0, 0.05]),
)
@hypothesis_settings(max_examples=25)
def test_invariants(seed, pattern, clones, nodes, distant, regions, doubling, sex, leakage):
    settings = SimulationSettings(
        pattern=pattern,
        primary_clones=clones,
        lymph_nodes=nodes,
        distant_sites=distant,
        primary_regions=regions,
        trunk_doubling=doubling,
        branch_doubling=doubling / 5,
        sex=sex,
        leakage=leakage,
        mutation_rate=0.0003,
        metachronous_years=2.0,
        missing_rate=0.05,
    )
    check_invariants(simulate_patient(settings, rng=np.random.default_rng(seed)))


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "genome"])
def test_presets(name):
    simulated = simulate_patient(
        replace(PRESETS[name], mutation_rate=PRESETS[name].mutation_rate / 4), rng=np.random.default_rng(5)
    )
    check_invariants(simulated)
    assert simulated.patient.mutations.n_mutations > 10


def test_same_seed_same_patient_and_another_seed_another():
    first, again, other = (
        truth_document(simulate_patient(PRESETS["random"], rng=np.random.default_rng(seed))) for seed in (4, 4, 5)
    )
    assert first == again != other


def metastases(simulated):
    return [site.name for site in simulated.patient.sites if site.is_metastasis]


EXPECTED_LABELS = {
    "linear": lambda s, x: all(c["L_p"] == 0 for c in x["pm_counts"].values()) and x["phyletic"] == "monophyletic",
    "parallel": lambda s, x: all(c["L_p"] > 0 for c in x["pm_counts"].values()) and s.truth.history.unobserved > 0,
    "monoclonal": lambda s, x: x["clonality_site"] == "monoclonal" and x["pattern"] == "PS",
    "polyclonal": lambda s, x: all(x["site_seeding"][t] == "polyclonal" for t in metastases(s)),
    "monophyletic": lambda s, x: x["phyletic"] == "monophyletic",
    "polyphyletic": lambda s, x: x["phyletic"] == "polyphyletic",
    "lymph_node": lambda s, x: set(x["ln_route"].values()) == {"ln_mediated"},
    "cascade": lambda s, x: x["cascade"] == "True" and x["pattern"] == "S",
    "cross_seeding": lambda s, x: x["cross_seeding"] == "True" and x["pattern"] == "M",
    "self_seeding": lambda s, x: x["self_seeding"] == x["reseeding_primary"] == "True" and x["pattern"] == "R",
    "local_recurrence": lambda s, x: x["local_recurrence"] == "True",
    "demo": lambda s, x: (
        x["site_seeding"]["pelvic_lymph_node"] == "polyclonal"
        and x["cascade"] == x["reseeding_primary"] == "True"
        and x["pattern"] == "R"
    ),
}


@pytest.mark.parametrize("pattern", sorted(EXPECTED_LABELS))
def test_patterns_get_their_label_from_the_seeding_rules(pattern):
    for seed in range(6):
        simulated = simulate(
            seed, pattern=pattern, lymph_nodes=int(pattern == "lymph_node"), mutation_rate=0.0005, primary_clones=5
        )
        assert EXPECTED_LABELS[pattern](simulated, true_labels(simulated)), seed


@pytest.mark.parametrize("name", ["demo", "parallel", "polyclonal", "no_primary"])
def test_truth_labels_are_those_of_the_true_history_as_an_ensemble_of_one(name):
    """The same rules by another way: through `classify_seeding`, every label has probability 1."""
    simulated = simulate_patient(replace(PRESETS[name], mutation_rate=0.0003), rng=np.random.default_rng(3))
    truth, sites = simulated.truth, simulated.patient.sites
    ensemble = truth.history_ensemble(simulated.patient.site_names)
    assert ensemble.trees[0].criteria["migrations"] == truth.history.n_migrations
    result = classify_seeding(lambda index: truth.tree, ensemble, sites)
    labels = true_labels(simulated)
    for label, values in result.labels.items():
        if isinstance(labels[label], str):
            assert values == {labels[label]: 1.0}, label
        else:
            assert {site: {value: 1.0} for site, value in labels[label].items()} == values, label
    assert labels["pm_counts"] == result.pm_counts


def test_a_clone_is_in_no_sample_older_than_itself():
    """The demo's biopsy is taken at 61, clone H arises after the radiotherapy that followed."""
    for seed in range(10):
        truth = simulate_patient(replace(PRESETS["demo"], mutation_rate=0.0003), rng=np.random.default_rng(seed)).truth
        biopsy, h = truth.proportions[:, 0], truth.tree.names.index("H")
        assert biopsy[h] == 0 < truth.proportions[h, 1:3].max()
        assert truth.seeding_age[truth.history.edges[1:, 2].tolist().index(h) + 1] >= 61.5


def test_random_histories_reach_every_pattern():
    found = {simulate(seed, mutation_rate=0.0001, extra_migrations=1.0).truth.history.pattern for seed in range(40)}
    assert found == {"PS", "S", "M", "R"}


def test_every_setting_outside_its_range_is_named():
    with pytest.raises(InputError) as caught:
        simulate(pattern="circular", error_rate=0.7, cn_kinds=(1.0, -1.0, 0.0), leakage=-0.1)
    columns = [problem.column for problem in caught.value.problems]
    assert columns == ["pattern", "cn_kinds", "error_rate", "leakage"]
    with pytest.raises(InputError) as caught:
        simulate(min_purity=0.9, max_purity=0.5, cn_kinds=(1.0,), cn_sizes=(0.0, 0.0, 0.0))
    assert [problem.column for problem in caught.value.problems] == ["cn_kinds", "cn_sizes", "min_purity"]
    with pytest.raises(InputError, match="transformation_age"):
        simulate(transformation_age=70.0)
    with pytest.raises(InputError, match="not possible without a metastasis"):
        simulate(pattern="self_seeding", distant_sites=0)
    with pytest.raises(InputError, match="leaves no sample to take"):
        simulate(primary_regions=0, distant_sites=0)


def test_settings_from_text():
    changes = {"depth_size": "inf", "distant_sites": "5", "cn_kinds": "1,0,0", "per_sample_calls": "no", "sex": "male"}
    settings = settings_from_text("exome", changes)
    assert settings.depth_size == np.inf and settings.distant_sites == 5 and settings.cn_kinds == (1.0, 0.0, 0.0)
    assert settings.sex == "male" and settings.assay == "wes" and settings.per_sample_calls is False
    assert settings_from_text(None, {}) == SimulationSettings()


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("exom", {}, "preset exom is unknown"),
        (None, {"dept": "3"}, "setting dept is unknown"),
        (None, {"distant_sites": "2.5"}, "distant_sites=2.5: expected a whole number"),
        (None, {"depth": "deep"}, "depth=deep: expected a number"),
        (None, {"per_sample_calls": "perhaps"}, "expected true or false"),
        (None, {"cn_sizes": "1;2;3"}, "expected numbers separated by commas"),
    ],
)
def test_settings_that_are_no_text_of_theirs(preset, changes, message):
    with pytest.raises(ValueError, match=message):
        settings_from_text(preset, changes)
