"""Dissemination timing of small patients built by hand: nodes, ages, events, refusals."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from phylometa.comparison.table import divergence_from_table
from phylometa.config import TimingSettings
from phylometa.errors import InfeasibleError, InputError
from phylometa.io.timing_files import read_divergence_table
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.patient import CopyNumberAtLoci, Lesion, MutationTable, Patient, Sample, Site, Treatment
from phylometa.model.timing import TimingResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.lost_copies import carriers, loss_probability
from phylometa.timing.calendar_rules import select_clock
from phylometa.timing.infer import date_dissemination

DEPTH = 200


def build(
    sizes=(800, 150, 40, 210),
    parents=(-1, 0, 0, 2),
    proportions=((0, 0, 0), (1, 1, 0), (0, 0, 0), (0, 0, 1)),
    edges=((0, 0, 1, 0), (0, 0, 2, 1), (2, 1, 3, 1)),
    ages=(60.0, 60.0, 60.0),
    assay="wgs",
    **sample_fields,
):
    """Two primary regions and one metastasis; clone 1 private to the primary, 2 the metastasis' founder, 3 its own."""
    sizes, proportions = np.array(sizes), np.array(proportions, dtype=float)
    n, n_clones = int(sizes.sum()), len(sizes)
    labels = np.repeat(np.arange(n_clones), sizes)
    ancestors = np.eye(n_clones)
    for v in range(n_clones):
        u = parents[v]
        while u >= 0:
            ancestors[u, v] = 1
            u = parents[u]
    prevalence = ancestors @ proportions
    purity = 0.8
    alt = np.round(DEPTH * purity / 2 * prevalence[labels]).astype(int)
    names = ("P1", "P2", "M1")
    sites = (Site("colon", "primary"), Site("liver", "distant"))
    samples = tuple(
        Sample(
            name=name,
            site=site,
            purity=purity,
            age=age,
            assay=assay,
            collection_date=datetime.date(2015, 6, 1),
            **sample_fields,
        )
        for name, site, age in zip(names, ("colon", "colon", "liver"), ages)
    )
    mutations = MutationTable(
        ids=tuple(f"m{i}" for i in range(n)),
        sample_names=names,
        alt_counts=alt,
        depth=np.full((n, 3), DEPTH),
        refs=("C",) * n,
        alts=("T",) * n,
        contexts=("ACG",) * n,
    )
    patient = Patient("toy", samples, sites, mutations, CopyNumberAtLoci.diploid(n, 3))
    full = np.ones((n, 3))
    ccf = CcfTable(prevalence[labels], prevalence[labels], prevalence[labels], full, full * purity / 2, full)
    clusters = Clustering(
        names=tuple(str(k + 1) for k in range(n_clones)),
        labels=labels,
        probability=np.ones(n),
        ccf=prevalence,
        ccf_lo=prevalence,
        ccf_hi=prevalence,
        alt_reads=prevalence,
        total_reads=prevalence,
    )
    trees = TreeEnsemble(
        names=clusters.names,
        n_mutations=sizes,
        parents=np.array([parents]),
        weights=np.ones(1),
        log_likelihood=np.zeros(1),
        proportions=proportions[None],
        presence=np.zeros((1, n_clones, 2)),
        site_names=("colon", "liver"),
        complete=True,
        n_trees=1,
    )
    history = MigrationHistory((0, 0), np.array(edges), weight=1.0)
    presence = np.stack([proportions[:, :2].any(axis=1), proportions[:, 2] > 0], axis=1)
    histories = HistoryEnsemble((TreeHistories(0, 1.0, presence, {}, 1, True, (history,)),), ("colon", "liver"))
    return patient, ccf, clusters, trees, histories


def date(parts, **changes):
    settings = TimingSettings(**{"draws": 300, **changes})
    return date_dissemination(*parts, settings=settings, rng=np.random.default_rng(1))


def row_of(result, model):
    (found,) = [x for x in result.intervals if x.model == model]
    return found


def test_molecular_interval_lies_between_divergence_and_founder():
    result = date(build())
    molecular = row_of(result, "molecular")
    assert (molecular.site, molecular.founding_clone, molecular.unit) == ("liver", "3", "molecular")
    assert molecular.divergence.median == pytest.approx(800, rel=0.01)
    assert molecular.founder.median == pytest.approx(840, rel=0.01)
    assert molecular.divergence.median < molecular.seeding.median < molecular.founder.median
    assert molecular.sources == {"colon": 1.0}
    assert result.nodes["1"].median == pytest.approx(800, rel=0.01)
    assert result.nodes["4"].median == pytest.approx(1050, rel=0.01)


def test_a_slow_lineage_is_inferred_and_said():
    equal = date(build(sizes=(800, 150, 40, 210)))
    assert not any("unequal" in text for text in equal.warnings)
    parents = (-1, 0, 1, 2, 3, 0, 5)
    moves = ((0, 0, 1, 0), (1, 0, 2, 0), (2, 0, 3, 0), (3, 0, 4, 0), (0, 0, 5, 1), (5, 1, 6, 1))
    own = [(0.25, 0.25, 0)] * 4
    slow = date(build((800, 400, 400, 400, 400, 20, 20), parents, ((0, 0, 0), *own, (0, 0, 0.1), (0, 0, 0.9)), moves))
    ratio = next(row.estimate for row in slow.rates if (row.model, row.name) == ("clock", "liver"))
    assert ratio.lo < 0.3 and ratio.median < 0.95


def test_acceleration_moves_divergence_towards_sampling():
    result = date(build(), acceleration_median=1.0)
    assert any("assumed acceleration of the clock (median 1," in text for text in result.warnings)
    slow = row_of(result, "clock")
    fast = row_of(date(build(), acceleration_median=5.0), "clock")
    assert fast.divergence.median > slow.divergence.median + 5
    assert fast.founder.hi <= 60


def test_acceleration_comes_from_the_table_of_the_cancer_type():
    notes = row_of(date(build(cancer_type="ovarian")), "clock").notes
    assert "acceleration 7.5" in notes[0]
    notes = row_of(date(build(cancer_type="ovarian"), acceleration_by_type=False), "clock").notes
    assert "acceleration 5" in notes[0]


def test_variance_shares_add_up_and_acceleration_counts():
    clock = row_of(date(build(), draws=1500), "clock")
    assert sum(clock.variance_shares.values()) == pytest.approx(1)
    assert clock.variance_shares["acceleration"] > 0.1
    assert set(row_of(date(build()), "molecular").variance_shares) == {"counts", "reads", "tree", "interval"}


def test_events_get_probabilities_in_order():
    patient, *rest = build(diagnosis_date=datetime.date(2015, 1, 1))
    patient = patient.with_changes(
        treatments=(
            Treatment("surgery", "colon", datetime.date(2015, 2, 1), datetime.date(2015, 2, 1)),
            Treatment("systemic", "", datetime.date(1995, 1, 1), datetime.date(2010, 1, 1)),
            Treatment("surgery", "colon", datetime.date(2015, 3, 1)),
            Treatment("systemic", ""),
        )
    )
    result = date((patient, *rest), acceleration_median=1.0, acceleration_sigma=0.4)
    assert [event.name for event in result.events] == ["systemic", "diagnosis", "surgery_colon", "surgery_colon_2"]
    assert result.events[1].start_age == pytest.approx(60 - 151 / 365.25)
    clock = row_of(result, "clock")
    assert clock.p_before["diagnosis"] > 0.99
    assert clock.p_before["systemic"] < 0.3
    assert 0.6 < clock.p_during["systemic"] <= 1.0
    assert clock.p_before["diagnosis"] <= clock.p_before["surgery_colon"]
    assert result.synchronous == {"liver": True}
    assert result.oligometastatic is True


def test_names_of_events_are_unique_and_undated_ones_are_said():
    patient, *rest = build()
    day = datetime.date(2014, 1, 1)
    kinds = ("x", "x", "x_2", "a/b c")
    named = patient.with_changes(treatments=tuple(Treatment(kind, "", day) for kind in kinds))
    assert [event.name for event in date((named, *rest)).events] == ["a_b_c", "x", "x_2", "x_2_2"]
    samples = tuple(dataclasses.replace(sample, collection_date=None) for sample in patient.samples)
    result = date((named.with_changes(samples=samples), *rest))
    assert result.events == ()
    assert any("treatments cannot be placed" in text for text in result.refusals)
    assert result.synchronous == {"liver": None}


def test_divergence_row_counts_private_mutations():
    (row,) = date(build()).divergence
    assert (row.S, row.L_p, row.L_m, row.W_s) == (800, 150, 250, 0)
    assert math.isclose(row.H, 250 / 151)
    assert row.rho_lo < 250 / 150 < row.rho_hi
    assert row.call == "early"
    assert row.p_value < 1e-10
    assert row.jsi == 0
    assert row.jsi_call == "monoclonal"
    assert row.shared_fraction == pytest.approx(800 / 950)
    assert row.p_carries_all < 1e-6
    assert row.n_unknown == 0


def test_low_purity_withholds_private_counts():
    patient, *rest = build()
    samples = tuple(dataclasses.replace(s, purity=0.2) for s in patient.samples)
    (row,) = date((patient.with_changes(samples=samples), *rest)).divergence
    assert math.isnan(row.L_p)
    assert math.isnan(row.rho)
    assert row.call == "undetermined"
    assert any("withheld" in note for note in row.notes)


def test_losses_and_unknown_cells_do_not_count():
    patient, ccf, *rest = build()
    n = patient.mutations.n_mutations
    minor = np.ones((n, 3))
    minor[800:810, 2] = 0  # LOH in the metastasis over ten primary-private mutations
    power = np.ones((n, 3))
    power[810:815, 2] = 0.5
    copy_number = CopyNumberAtLoci(major=np.ones((n, 3)), minor=minor, normal=np.full((n, 3), 2))
    loss = loss_probability(copy_number, carriers(patient.mutations))
    changed = dataclasses.replace(ccf, power=power, loss=loss)
    (row,) = date((patient.with_changes(copy_number=copy_number), changed, *rest)).divergence
    # No mutation of their cluster is seen in the metastasis, so that a loss is no better an explanation than absence.
    assert (row.L_p, row.n_lost, row.n_unknown) == (135, 0, 15)


def test_refusals_say_what_is_missing():
    few = date(build(sizes=(30, 5, 3, 4)))
    assert [x.model for x in few.intervals] == ["molecular"]
    assert any("42 clock-like mutations, 50 are needed" in text for text in few.refusals)
    ageless = date(build(ages=(math.nan,) * 3))
    assert any("age at sampling" in text for text in ageless.refusals)
    exome = date(build(assay="wes"))
    assert any("exome" in text for text in exome.refusals)
    allowed = date(build(assay="wes"), exome_dates=True)
    assert any("exome" in text for text in allowed.warnings)
    assert row_of(allowed, "clock")
    unknown = date(build(assay=None))
    assert any("assay is not given" in text for text in unknown.warnings)


def test_no_migration_nothing_to_date():
    result = date(build(edges=((0, 0, 1, 0),)))
    assert result.intervals == ()
    assert any("nothing to date" in text for text in result.refusals)


def test_clone_that_migrated_unchanged_has_a_short_interval():
    result = date(build(edges=((0, 0, 1, 0), (0, 0, 0, 1), (0, 1, 2, 1), (2, 1, 3, 1))))
    molecular = row_of(result, "molecular")
    assert molecular.founding_clone == "1"
    assert 0 < molecular.founder.median - molecular.divergence.median < 2


def test_unsampled_primary_gives_no_divergence():
    patient, ccf, clusters, trees, histories = build()
    sites = (Site("unsampled", "primary", is_virtual=True), Site("colon", "distant"), Site("liver", "distant"))
    history = MigrationHistory((0, 0), np.array([[0, 0, 1, 1], [0, 0, 2, 2]]))
    histories = HistoryEnsemble(
        (TreeHistories(0, 1.0, np.zeros((4, 3), dtype=bool), {}, 1, True, (history,)),),
        tuple(site.name for site in sites),
    )
    result = date((patient.with_changes(sites=sites), ccf, clusters, trees, histories))
    assert result.divergence == ()
    assert any("not sampled" in text for text in result.refusals)
    assert any("not independent" in text for text in result.warnings)


def test_hu2020_rows_and_their_refusal():
    refused = date(build(), hu2020=True)
    assert any("hu2020" in text for text in refused.refusals)
    result = date(build(cancer_type="colorectal", diagnosis_date=datetime.date(2015, 6, 1)), hu2020=True)
    row = row_of(result, "hu2020")
    # r = 250 / 150, t_s = 5.2 (1 - 0.13 r) before diagnosis at 60
    assert row.seeding.median == pytest.approx(60 - 5.2 * (1 - 0.13 * 250 / 150))
    late = date(
        build(sizes=(800, 5, 240, 10), cancer_type="colorectal", diagnosis_date=datetime.date(2015, 6, 1)), hu2020=True
    )
    assert any("infeasible" in note for note in row_of(late, "hu2020").notes)


def test_growth_and_clock_in_one_posterior():
    patient, *rest = build(cancer_type="colorectal", diameter_cm=2.0)
    result = date((patient, *rest), draws=1500)
    assert {row.site for row in result.growth} == {"colon", "liver"}
    (liver,) = [row for row in result.growth if row.site == "liver"]
    assert liver.doubling_days == pytest.approx(155, rel=1e-3)
    models = {row.model for row in result.intervals}
    assert models == {
        *("molecular", "clock", "joint", "joint_exponential", "joint_gompertz"),
        *("growth_exponential", "growth_gompertz"),
    }
    widths = {x.model: x.seeding.hi - x.seeding.lo for x in result.intervals}
    joint = row_of(result, "joint_exponential")
    assert joint.narrowed_by["growth"] == pytest.approx(1 - widths["joint_exponential"] / widths["clock"])
    assert joint.narrowed_by["clock"] == pytest.approx(1 - widths["joint_exponential"] / widths["growth_exponential"])
    assert row_of(result, "growth_gompertz").seeding.median > row_of(result, "growth_exponential").seeding.median
    assert {(check.checked, check.given) for check in result.checks} == {("growth", "clock"), ("clock", "growth")}
    assert all(0 < check.p_value <= 1 for check in result.checks)
    assert 0 <= result.p_exponential <= 1
    assert [x.model for x in result.lesions] == ["joint", "exponential", "gompertz"]
    both, row, gompertz = result.lesions
    assert (
        min(row.p_dormant, gompertz.p_dormant) - 0.05 < both.p_dormant < max(row.p_dormant, gompertz.p_dormant) + 0.05
    )
    assert row.arrival.lo <= both.arrival.median <= gompertz.arrival.hi
    assert row.site == "liver" and 80 < row.doubling_days.median < 300 and 0 <= row.p_dormant < 1
    assert set(result.node_ages) == {"1", "2", "3", "4"} and result.node_ages["1"].hi < 60
    other = date(build(cancer_type="sarcoma", diameter_cm=2.0))
    assert any("no doubling time of this type" in text for text in other.warnings)


def test_growth_alone_dates_where_the_clock_may_not():
    result = date(build(assay="wes", cancer_type="colorectal", diameter_cm=2.0))
    assert {row.model for row in result.intervals} == {"molecular", "growth_exponential", "growth_gompertz"}
    grown = row_of(result, "growth_exponential").seeding
    # 2 cm of 1e8 to 1e9 cells a cm3 are 28.6 to 32 doublings of some 151 days, perhaps after a rest.
    assert grown.hi < 56 and 42 < grown.median < 50
    assert result.checks == () and math.isnan(result.p_exponential)


def test_growth_from_serial_sizes():
    patient, *rest = build(cancer_type="colorectal")
    sizes = [(datetime.date(2014, 6, 1), 1.0), (datetime.date(2014, 12, 1), 1.5), (datetime.date(2015, 6, 1), 2.1)]
    patient = patient.with_changes(lesions=tuple(Lesion("liver", day, cm) for day, cm in sizes))
    (liver,) = date((patient, *rest)).growth
    assert "3 sizes" in liver.source
    assert 100 < liver.doubling_days < 120
    shrinking = patient.with_changes(
        lesions=tuple(Lesion("liver", day, cm) for (day, _), cm in zip(sizes, (2.0, 1.5, 1.0)))
    )
    result = date((shrinking, *rest))
    assert any("did not grow" in text for text in result.warnings)
    assert result.growth[0].doubling_days == pytest.approx(155, rel=1e-3)


def test_select_clock():
    patient, *_ = build()
    choice = select_clock(patient, settings=TimingSettings())
    assert (choice.name, int(choice.is_clock.sum()), choice.warnings) == ("cpg", 1200, ())
    assert select_clock(patient, settings=TimingSettings(clock="snv")).name == "snv"
    blank = patient.with_changes(mutations=dataclasses.replace(patient.mutations, contexts=()))
    choice = select_clock(blank, settings=TimingSettings())
    assert choice.name == "snv"
    assert "contexts" in choice.warnings[0]
    choice = select_clock(blank, settings=TimingSettings(clock="cpg"))
    assert (choice.name, int(choice.is_clock.sum())) == ("cpg", 0)
    assert choice.warnings


def test_therapy_mutations_leave_the_clock():
    # 1200 mutations in an exome of 35 Mb: 34 per Mb.
    patient, *rest = build(assay="wes", treatment="temozolomide")
    choice = select_clock(patient, settings=TimingSettings(clock="snv"))
    assert choice.name == "cpg"
    assert "after treatment" in choice.warnings[0]
    blank = patient.with_changes(mutations=dataclasses.replace(patient.mutations, contexts=()))
    assert "set its mutations aside" in select_clock(blank, settings=TimingSettings()).refusals[0]
    result = date((blank, *rest), exome_dates=True)
    assert any("set its mutations aside" in text for text in result.refusals)
    untreated, *_ = build(assay="wes")
    assert any("hypermutated" in text for text in select_clock(untreated, settings=TimingSettings()).warnings)
    dated = untreated.with_changes(treatments=(Treatment("systemic", "", datetime.date(2014, 1, 1)),))
    assert "after treatment" in select_clock(dated, settings=TimingSettings()).warnings[0]


def test_gains_are_placed_against_divergence():
    patient, *rest = build()
    n = patient.mutations.n_mutations
    rng = np.random.default_rng(3)
    # Chromosome 1 of the metastasis gained at 0.3 of its time: of its clonal mutations 0.3 / 2.7 stand on two copies.
    labels = rest[1].labels
    chroms = np.where(np.arange(n) % 2 == 0, "1", "2")
    major = np.ones((n, 3))
    major[chroms == "1", 2] = 2
    alt = patient.mutations.alt_counts.copy()
    on_segment = np.flatnonzero((chroms == "1") & np.isin(labels, (0, 2, 3)))
    twice = rng.random(len(on_segment)) < 0.3 / 2.7
    vaf = np.where(twice, 2, 1) * 0.8 / (0.8 * 3 + 0.4)
    alt[on_segment, 2] = rng.binomial(DEPTH, vaf)
    mutations = dataclasses.replace(patient.mutations, alt_counts=alt, chroms=tuple(chroms))
    copy_number = CopyNumberAtLoci(major=major, minor=np.ones((n, 3)), normal=np.full((n, 3), 2))
    changed = patient.with_changes(mutations=mutations, copy_number=copy_number)
    (row,) = date((changed, *rest)).gains
    assert (row.sample, row.chrom, row.state, row.kind) == ("M1", "1", "2+1", "gain")
    assert row.lo < 0.3 < row.hi
    assert row.p_before_divergence > 0.95
    everywhere = CopyNumberAtLoci(major=np.full((n, 3), 2), minor=np.ones((n, 3)), normal=np.full((n, 3), 2))
    kinds = {row.kind for row in date((changed.with_changes(copy_number=everywhere), *rest)).gains}
    assert kinds == {"genome_doubling"}


def test_reseeding_of_an_irradiated_bed():
    # Clone 3 founds the liver and comes back into the bed of the irradiated primary, sampled later as the third site.
    patient, ccf, clusters, trees, histories = build(
        proportions=((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)),
        edges=((0, 0, 1, 0), (0, 0, 2, 1), (2, 1, 3, 2)),
    )
    sites = (Site("colon", "primary"), Site("liver", "distant"), Site("bed", "bed"))
    when = (datetime.date(2012, 1, 1), datetime.date(2015, 1, 1), datetime.date(2015, 6, 1))
    samples = tuple(
        dataclasses.replace(sample, site=site.name, collection_date=day)
        for sample, site, day in zip(patient.samples, sites, when)
    )
    presence = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
    history = histories.trees[0].histories[0]
    histories = HistoryEnsemble((TreeHistories(0, 1.0, presence, {}, 1, True, (history,)),), ("colon", "liver", "bed"))
    fields = (
        Treatment("radiotherapy", "colon", datetime.date(2013, 1, 1), dose_gy=50, fractions=25),
        Treatment("surgery", "colon", datetime.date(2013, 1, 1)),
    )
    patient = patient.with_changes(sites=sites, samples=samples, treatments=fields)
    (row,) = date((patient, ccf, clusters, trees, histories)).reseeding
    assert (row.site, row.grade, row.probability_of_return) == ("bed", "strong", 1.0)
    early = tuple(dataclasses.replace(sample, collection_date=when[2]) for sample in samples)
    (row,) = date((patient.with_changes(samples=early), ccf, clusters, trees, histories)).reseeding[:1]
    assert row.grade == "insufficient"
    exome = tuple(dataclasses.replace(sample, assay="wes") for sample in samples)
    (row,) = date((patient.with_changes(samples=exome), ccf, clusters, trees, histories)).reseeding
    assert any("exome" in text for text in row.observations)
    # Radiation deletions on the edge into the recurrence: the scar is there, so its lack is no argument.
    refs = np.array(patient.mutations.refs, dtype=object)
    alts = np.array(patient.mutations.alts, dtype=object)
    refs[-40:], alts[-40:] = "ACGTACG", "A"
    scarred = dataclasses.replace(patient.mutations, refs=tuple(refs), alts=tuple(alts))
    (row,) = date((patient.with_changes(mutations=scarred), ccf, clusters, trees, histories)).reseeding
    assert not any("lacks the radiation scar" in text for text in row.observations)


def test_no_trunk_no_dates():
    patient, ccf, clusters, trees, histories = build()
    rootless = dataclasses.replace(trees, n_mutations=np.array([0, 150, 40, 210]))
    result = date((patient, ccf, clusters, rootless, histories))
    assert any("no trunk to date" in text for text in result.refusals)
    alone = dataclasses.replace(histories.trees[0], presence=np.zeros((4, 2), dtype=bool))
    result = date((patient, ccf, clusters, trees, dataclasses.replace(histories, trees=(alone,))))
    assert any("no clone below the root" in text for text in result.refusals)


def test_a_tree_that_dates_nothing_is_left_out():
    patient, ccf, clusters, trees, histories = build()
    full = histories.trees[0]
    half = dataclasses.replace(full.histories[0], weight=0.5)
    blind = dataclasses.replace(full, presence=np.zeros((4, 2), dtype=bool), histories=(half,))
    ensemble = dataclasses.replace(histories, trees=(dataclasses.replace(full, histories=(half,)), blind))
    row = row_of(date((patient, ccf, clusters, trees, ensemble)), "clock")
    assert 0 < row.seeding.median < 60
    with pytest.raises(InfeasibleError, match="no migration history"):
        nothing = dataclasses.replace(full, histories=(dataclasses.replace(half, weight=0.0),))
        date((patient, ccf, clusters, trees, dataclasses.replace(histories, trees=(nothing,))))


def test_polyclonal_metastasis_and_tail_are_said():
    parts = build(
        sizes=(800, 100, 40, 210, 60),
        parents=(-1, 0, 0, 2, 0),
        proportions=((0, 0, 0), (0.9, 1, 0.4), (0, 0, 0), (0, 0, 0.6), (0.1, 0, 0)),
        edges=((0, 0, 1, 0), (0, 0, 2, 1), (2, 1, 3, 1), (1, 0, 1, 1)),
    )
    result = date(parts)
    assert any("each founding clone" in text for text in result.warnings)
    assert any("subclonal tail: clone 5" in text for text in result.warnings)
    assert {row.founding_clone for row in result.intervals} == {"2", "3"}
    assert not any("tail" in text for text in date(parts, tail_prevalence=0.05, lineage_share=0.0).warnings)


def test_result_survives_json():
    patient, *rest = build(cancer_type="colorectal", diameter_cm=2.0, diagnosis_date=datetime.date(2015, 1, 1))
    n = patient.mutations.n_mutations
    doubled = CopyNumberAtLoci(major=np.full((n, 3), 2), minor=np.ones((n, 3)), normal=np.full((n, 3), 2))
    result = date((patient.with_changes(copy_number=doubled), *rest))
    assert result.gains
    assert result.growth
    assert result.events
    text = json.dumps(dataclasses.asdict(result)).replace("NaN", "null")
    again = TimingResult.from_json(json.loads(text))
    assert json.dumps(dataclasses.asdict(again)).replace("NaN", "null") == text
    assert again.gains[0].state == result.gains[0].state


def test_same_seed_same_result():
    first, second = date(build()), date(build())
    assert first.intervals == second.intervals


def test_table_of_counts():
    rows = [
        {"patient": "V402", "metastasis": "brain", "L_p": "6", "L_m": "20", "W_s": "3"},
        {"patient": "x", "metastasis": "m", "L_p": 0, "L_m": 0, "W_s": 0},
        {"patient": "x", "metastasis": "m", "L_p": 0, "L_m": 2, "W_s": ""},
    ]
    published, nothing, one_sided = divergence_from_table(rows)
    assert math.isclose(published.H, 20 / 7)
    assert published.jsi == pytest.approx(3 / 29)
    assert published.call == "undetermined"
    assert math.isnan(published.S)
    assert math.isnan(nothing.rho)
    assert math.isnan(nothing.jsi)
    assert any("cannot be ordered" in note for note in nothing.notes)
    assert any("not informative" in note for note in one_sided.notes)
    assert any("one-sided" in note for note in one_sided.notes)
    assert divergence_from_table([]) == ()


def test_table_with_power_and_regions_makes_a_call():
    row = {"patient": "a", "metastasis": "m", "L_p": 20, "L_m": 9, "W_s": 0, "S": 80, "missing_probability": 0.01}
    assert divergence_from_table([row])[0].call == "undetermined"
    early = divergence_from_table([{**row, "n_primary_regions": 3}])[0]
    assert (early.call, early.shared_fraction) == ("early", 0.8)
    late = divergence_from_table([{**row, "L_p": 0, "n_primary_regions": 3}])[0]
    assert late.call == "late"
    assert divergence_from_table([{**row, "W_s": 12}])[0].notes[0].startswith("JSI 0.29")


def test_table_with_hu2020_times():
    row = {"patient": "a", "metastasis": "m", "L_p": 10, "L_m": 20, "W_s": 0, "cancer_type": "breast"}
    plain = divergence_from_table([row])[0]
    assert plain.hu2020_years == pytest.approx(4.6 * (1 - 0.13 * 2))
    late = divergence_from_table([{**row, "L_p": 1, "years_to_metastasis": "0.5"}])[0]
    first = divergence_from_table([{**row, "L_p": 1, "years_to_metastasis": "-0.5"}])[0]
    assert first.hu2020_years == late.hu2020_years
    assert late.hu2020_years == pytest.approx(4.6 * (1 - 2.6))
    assert any("infeasible" in note for note in late.notes)
    assert math.isnan(divergence_from_table([{**row, "cancer_type": "sarcoma"}])[0].hu2020_years)


def test_a_metastasis_may_be_found_before_its_primary():
    row = {"patient": "a", "metastasis": "m", "L_p": 10, "L_m": 20, "W_s": 0, "cancer_type": "breast"}
    years = 4.6 * (1 - 0.13 * 2)
    found, too_early = divergence_from_table([{**row, "years_to_metastasis": y} for y in ("-1.5", -years - 0.1)])
    assert found.hu2020_years == too_early.hu2020_years == pytest.approx(years)
    assert not any("infeasible" in note for note in found.notes)
    assert any("infeasible" in note for note in too_early.notes)
    with pytest.raises(InputError, match="column years_to_metastasis"):
        divergence_from_table([{**row, "years_to_metastasis": "soon"}])


def test_hu2020_published_table():
    folder = os.environ.get("PHYLOMETA_DATA")
    if not folder:
        pytest.skip("PHYLOMETA_DATA is not set")
    path = Path(folder) / "real" / "hu2020.tsv"
    rows = read_divergence_table(path)
    found = divergence_from_table(rows, source=str(path))
    assert len(found) == len(rows) == 100
    expansion = {"breast": 4.6, "colorectal": 5.2, "lung": 4.3}
    n_before = 0
    for row, of_row in zip(rows, found):
        L_p, L_m, W_s = (float(row[name]) for name in ("L_p", "L_m", "W_s"))
        total = L_p + L_m + W_s
        if total:
            assert of_row.jsi == pytest.approx(W_s / total, abs=1e-12)
            assert of_row.jsi_call == ("polyclonal" if W_s > 0.3 * total else "monoclonal")
        else:
            assert math.isnan(of_row.jsi) and of_row.jsi_call == "undefined"
        if row["cancer_type"] in expansion:
            years = expansion[row["cancer_type"]] * (1 - 0.13 * L_m / max(L_p, 1))
            assert of_row.hu2020_years == pytest.approx(years, abs=0.005)
        n_before += float(row["years_to_metastasis"] or 0) < 0
    assert n_before > 0


def test_table_errors_name_row_and_column():
    with pytest.raises(InputError, match="columns missing: L_p"):
        divergence_from_table([{"patient": "a", "metastasis": "m", "L_m": 1, "W_s": 0}])
    bad = [
        {"patient": "a", "metastasis": "m", "L_p": -1, "L_m": "many", "W_s": 0},
        {"patient": "a", "metastasis": "m", "L_p": "", "L_m": 3, "W_s": 0, "exposure_ratio": 0},
        {"patient": "a", "metastasis": "m", "L_p": 1, "L_m": 3, "W_s": 0, "missing_probability": 2},
    ]
    with pytest.raises(InputError) as caught:
        divergence_from_table(bad, source="pairs.tsv")
    text = str(caught.value)
    for part in (
        "row 2, column L_p",
        "row 2, column L_m",
        "row 3, column L_p",
        "row 3, column exposure_ratio",
        "[0, 1]",
    ):
        assert part in text


def test_order_of_clones_does_not_matter():
    straight = row_of(date(build(), draws=4000), "molecular")
    turned = build(
        sizes=(210, 40, 150, 800),
        parents=(1, 3, 3, -1),
        proportions=((0, 0, 1), (0, 0, 0), (1, 1, 0), (0, 0, 0)),
        edges=((3, 0, 2, 0), (3, 0, 1, 1), (1, 1, 0, 1)),
    )
    other = row_of(date(turned, draws=4000), "molecular")
    for name in ("divergence", "founder", "seeding"):
        assert getattr(other, name).median == pytest.approx(getattr(straight, name).median, rel=0.01)
        assert getattr(other, name).lo == pytest.approx(getattr(straight, name).lo, rel=0.02)
