"""Labels of a patient: reads behind them, their words and sentences, overrides, what would settle them."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest
from brute_force_histories import infer_by_brute_force
from comparison_cases import compare

from phylometa.comparison.clonality import cluster_states
from phylometa.comparison.infer import compare_with_primary
from phylometa.comparison.private_counts import count_clusters
from phylometa.config import CopyNumberSettings, MigrationSettings, SeedingSettings, Settings
from phylometa.copy_number import infer_copy_number_tree
from phylometa.errors import InfeasibleError
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.model.certainty import level_word
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.labels import NO_PRIMARY, UNRELATED
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, MutationTable, Patient, Sample, Site
from phylometa.model.result import PatientResult
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble
from phylometa.seeding import (
    DriverHit,
    RegionalEvent,
    SeedingLabels,
    classify_patient,
    classify_seeding,
    classify_without_tree,
    copy_number_hits,
    driver_hits,
    headline_sentences,
)
from phylometa.seeding.batch import batch_histories
from phylometa.seeding.evolution import regional_events
from phylometa.seeding.labels import label_batch
from phylometa.seeding.patient import days_from_primary
from phylometa.seeding.presence_rules import lymph_node_distant_origin
from phylometa.seeding.settle import explained_entropy, settle_labels

P, LN, M = Site("P", "primary"), Site("LN", "lymph_node"), Site("M", "distant")
UNIFORM = Settings(migration=MigrationSettings(weights="uniform"))


def presence_of(tree, sites, where):
    names = [site.name for site in sites]
    presence = np.zeros((tree.n_clones, len(sites)), dtype=bool)
    for clone, of_clone in where.items():
        for site in of_clone.split():
            presence[tree.names.index(clone), names.index(site)] = True
    return presence


def labels_of(edges, where, sites, *, n_mutations=None, settings=UNIFORM, **options):
    """Labels of one tree with one presence."""
    tree = CloneTree.from_edges([tuple(edge) for edge in edges.split()], root="R", n_mutations=n_mutations)
    scenario = Scenario(0, tree, 1.0, presence_of(tree, sites, where))
    names = [site.name for site in sites]
    histories = infer_history_ensemble([scenario], names, primary=0, settings=settings.migration)
    return classify_seeding(lambda _: tree, histories, sites, settings=settings, **options)


def test_probability_is_summed_over_trees_presence_and_histories():
    tree = CloneTree.from_edges([("R", "A"), ("A", "B")], root="R")
    sites = (P, M)
    scenarios = [
        Scenario(0, tree, 0.7, presence_of(tree, sites, {"R": "P", "A": "P", "B": "M"})),
        Scenario(0, tree, 0.2, presence_of(tree, sites, {"R": "P", "A": "P M", "B": "M"})),
        Scenario(0, tree, 0.1, presence_of(tree, sites, {"R": "P M", "A": "P", "B": "M"})),
    ]
    histories = infer_history_ensemble(scenarios, ["P", "M"], primary=0, settings=UNIFORM.migration)
    labels = classify_seeding(lambda _: tree, histories, sites, settings=UNIFORM)
    assert labels.labels["pattern"] == {"PS": pytest.approx(1.0)}
    assert labels.labels["ongoing_evolution"]["M"] == {"False": pytest.approx(0.8), "True": pytest.approx(0.2)}
    assert labels.labels["site_seeding"]["M"] == {"monoclonal": pytest.approx(0.9), "polyclonal": pytest.approx(0.1)}
    assert labels.headline["pattern"] == "PS"
    assert labels.headline["site_seeding"]["M"] == "ambiguous"
    assert labels.settled_by == {}
    assert labels.status["site_seeding"]["M"] == "favoured"
    assert labels.tracerx_probabilities["region_clonality"]["M"] == {
        "monoclonal": pytest.approx(0.9),
        "polyclonal": pytest.approx(0.1),
    }


def test_uncertain_presence_asks_for_deeper_sequencing():
    tree = CloneTree.from_edges([("R", "A"), ("A", "B")], root="R")
    scenarios = [
        Scenario(0, tree, 0.6, presence_of(tree, (P, M), {"R": "P", "A": "P", "B": "M"})),
        Scenario(0, tree, 0.4, presence_of(tree, (P, M), {"R": "P", "A": "P M", "B": "M"})),
    ]
    histories = infer_history_ensemble(scenarios, ["P", "M"], primary=0, settings=UNIFORM.migration)
    labels = classify_seeding(lambda _: tree, histories, (P, M), settings=UNIFORM)
    assert labels.status["ongoing_evolution"]["M"] == "not determined"
    assert labels.settled_by["ongoing_evolution:M"] == "deeper sequencing of M (is clone A there?)"


def test_the_sample_that_would_settle_a_route_is_where_the_hidden_clone_may_be():
    where = {"R": "P", "A": "P", "U": "", "X": "LN", "Y": "M", "B": "P"}
    labels = labels_of("RA AU UX UY RB", where, (P, LN, M))
    assert labels.labels["ln_route"]["M"] == {"independent": pytest.approx(2 / 3), "ln_mediated": pytest.approx(1 / 3)}
    assert labels.settled_by["ln_route:M"] == "another region of LN (is clone U there?)"
    assert labels.settled_by["pattern"] == "another region of P (is clone U there?)"


def test_where_every_clone_was_seen_only_shared_mutations_can_settle_the_route():
    labels = labels_of("RA", {"R": "P", "A": "P LN M"}, (P, LN, M))
    assert labels.settled_by["site_sources:M"].startswith("mutations that only two of the sites share")
    assert set(labels.criterion_sensitive) == {"cascade", "met_to_met", "pattern"}


def test_uncertain_placement_of_a_clone_asks_for_more_regions():
    sites = (P, M)
    trees = [
        CloneTree(("R", "A", "B"), [-1, 0, 1]),
        CloneTree(("R", "A", "B"), [-1, 0, 0]),
    ]
    where = {"R": "P", "A": "P M", "B": "M"}
    scenarios = [Scenario(i, tree, 0.5, presence_of(tree, sites, where)) for i, tree in enumerate(trees)]
    histories = infer_history_ensemble(scenarios, ["P", "M"], primary=0, settings=UNIFORM.migration)
    labels = classify_seeding(lambda i: trees[i], histories, sites, settings=UNIFORM)
    assert labels.labels["ongoing_evolution"]["M"]["True"] == pytest.approx(0.5)
    assert labels.settled_by["ongoing_evolution:M"] == "single cells or more regions, to order clone B"


@pytest.mark.parametrize("site", range(3))
def test_of_equal_samples_the_first_site_is_named_whatever_the_last_digits_of_weights(site):
    """Clone U, which no sample has, is in one of three sites: a region of any of them tells as much."""
    sites = (P, Site("M1", "distant"), Site("M2", "distant"))
    names = [s.name for s in sites]
    tree = CloneTree.from_edges([("R", "A"), ("A", "U"), ("U", "X"), ("U", "Y"), ("R", "B")], root="R")
    presence = presence_of(tree, sites, {"R": "P", "A": "P", "X": "M1", "Y": "M2", "B": "P"})
    histories = infer_history_ensemble([Scenario(0, tree, 1.0, presence)], names, primary=0, settings=UNIFORM.migration)
    (scenario,) = histories.trees
    batches = batch_histories(tree, scenario.histories, sites, presence, primary=0)
    assert sum(batch.n_histories for batch in batches) == 3
    label = {"primary_seeded_sites": {"M1": 1 / 3, "M2": 1 / 3, "M1+M2": 1 / 3}}

    def settled(rounding):
        tables = []
        for batch in batches:
            is_in_site = batch.clones_in(np.arange(3) == site)[:, tree.names.index("U")]
            changed = replace(batch, weights=batch.weights * np.where(is_in_site, 1 + rounding, 1.0))
            tables.append((changed, label_batch(changed)))
        return settle_labels(tables, label, SeedingSettings())

    assert settled(-1e-8) == settled(0.0) == settled(1e-8)
    assert settled(0.0) == {"primary_seeded_sites": "another region of P (is clone U there?)"}
    assert settled(0.5) == {"primary_seeded_sites": f"another region of {names[site]} (is clone U there?)"}


def test_share_of_entropy_explained():
    weights = np.array([0.25, 0.25, 0.5])
    label = np.array([0, 0, 1])
    assert explained_entropy(label, label, weights) == pytest.approx(1.0)
    assert explained_entropy(label, np.zeros(3, dtype=int), weights) == pytest.approx(0.0)
    assert explained_entropy(np.zeros(3, dtype=int), label, weights) == 0.0
    # Feature {0}, {1, 2}: H(label) = ln 2; the second group holds 1/4 against 1/2, entropy H(1/3) x 3/4.
    rest = 0.75 * -(1 / 3 * np.log(1 / 3) + 2 / 3 * np.log(2 / 3))
    assert explained_entropy(label, np.array([0, 1, 1]), weights) == pytest.approx(1 - rest / np.log(2))


def test_words():
    assert [level_word(p, SeedingSettings()) for p in (1, 0.95, 0.94, 0.8, 0.79)] == [
        "supported",
        "supported",
        "favoured",
        "favoured",
        "not determined",
    ]


def sentences_of(labels):
    return {s.sentence: (round(s.probability, 2), s.status) for s in headline_sentences(labels)}


def test_sentences_use_the_three_words_and_name_what_could_settle():
    where = {"R": "P", "A": "P", "U": "", "X": "LN", "Y": "M", "B": "P"}
    sentences = sentences_of(labels_of("RA AU UX UY RB", where, (P, LN, M)))
    text = (
        "Not determined by these samples: M was seeded from P (0.67); or: M was seeded from LN (0.33). Could be "
        "settled by another region of LN (is clone U there?)."
    )
    assert sentences[text] == (0.67, "not determined")
    assert sentences["The clones that left the primary belong to one lineage (monophyletic): supported."] == (
        1.0,
        "supported",
    )
    assert not any("self-seeding" in sentence for sentence in sentences)


def test_sentences_say_where_another_criterion_disagrees_and_where_one_metastasis_is_all():
    labels = labels_of("RD DE EF", {"R": "P", "D": "P M", "E": "M", "F": "M P"}, (P, M))
    sentences = sentences_of(labels)
    claim = "A metastasis seeded the primary or its bed (self-seeding): supported"
    assert any(text.startswith(f"{claim}; other orders of the criteria give another answer: ") for text in sentences)
    assert any("(one metastasis only: phyleticity says little)" in sentence for sentence in sentences)


def test_favoured_sentence_gives_its_probability():
    tree = CloneTree.from_edges([("R", "A"), ("R", "B")], root="R")
    scenarios = [
        Scenario(0, tree, 0.9, presence_of(tree, (P, M), {"R": "P", "A": "P M", "B": "P"})),
        Scenario(0, tree, 0.1, presence_of(tree, (P, M), {"R": "P", "A": "P M", "B": "P M"})),
    ]
    histories = infer_history_ensemble(scenarios, ["P", "M"], primary=0, settings=UNIFORM.migration)
    labels = classify_seeding(lambda _: tree, histories, (P, M), settings=UNIFORM)
    claim = "M was seeded once, by one founding clone (monoclonal): favoured by these samples (0.90)."
    assert sentences_of(labels)[claim] == (0.9, "favoured")


def test_sentences_on_divergence_and_without_migration():
    for regions, words in ((1, "not determined by these samples: the primary has 1 region"), (2, "diverged early")):
        alt = [[40] * regions + [0]] * 20 + [[40] * regions + [40]] * 20
        compared = compare(alt, [1] * 20 + [0] * 20, [[1] * regions + [1], [1] * regions + [0]], regions=regions)
        labels = labels_of("RA", {"R": "", "A": "P M"}, (P, M), comparison=compared)
        (sentence,) = [s for s in headline_sentences(labels) if "diverged" in s.sentence]
        assert words in sentence.sentence
        assert sentence.status == ("supported" if regions == 2 else "not determined")
        assert sentence.probability == (pytest.approx(1.0, abs=0.01) if regions == 2 else 0.0)
    quiet = sentences_of(labels_of("RA", {"R": "P", "A": "P"}, (P, M)))
    assert list(quiet) == ["No clone migrated: supported."]


def test_unseen_founder_is_granted_in_the_headline_and_the_alternative_is_told():
    labels = labels_of("RX RY", {"R": "P", "X": "M", "Y": "M"}, (P, M))
    assert labels.to_json(raw=True)["headline"]["site_seeding"] == {"M": "polyclonal"}
    shown = labels.to_json()
    assert shown["headline"]["site_seeding"] == {"M": "monoclonal"}
    assert shown["headline"]["clonality_site"] == "monoclonal"
    assert shown["labels"]["site_seeding"] == {"M": {"polyclonal": 1.0}}
    (sentence,) = [s for s in sentences_of(labels) if "not seen there" in s]
    assert "several founding clones of one origin" in sentence


def test_without_a_primary_sample_sources_are_undetermined():
    sites = (Site("P", "primary", is_virtual=True), M, Site("N", "distant"))
    labels = labels_of("RA RB", {"R": "M N", "A": "M", "B": "N"}, sites)
    raw, shown = labels.to_json(raw=True), labels.to_json()
    assert raw["labels"]["cascade"]["True"] > 0.5
    assert shown["headline"]["cascade"] == "undetermined"
    assert shown["labels"]["site_sources"] == {"M": {NO_PRIMARY: 1.0}, "N": {NO_PRIMARY: 1.0}}
    assert shown["headline"]["clonality_site"] == "monoclonal"
    assert shown["pm_counts"] == {"M": None, "N": None}
    assert labels.settled_by["site_sources:M"] == "a sample of the primary"
    sentences = sentences_of(labels)
    assert any(s.startswith("No primary was sampled") for s in sentences)
    assert not any("seeded from" in s or "cascade" in s for s in sentences)


def test_clonally_unrelated_tumours_get_no_label():
    labels = labels_of("RA RB", {"R": "", "A": "P", "B": "M"}, (P, M), n_mutations={"R": 0, "A": 9, "B": 9})
    shown = labels.to_json()
    assert shown["override"]["relation"] == "independent_primary"
    assert shown["headline"]["pattern"] == UNRELATED
    assert list(sentences_of(labels).values()) == [(1.0, "supported")]


def test_one_unrelated_metastasis_among_related_ones():
    sites = (P, M, Site("N", "distant"))
    labels = labels_of("RA RB", {"R": "", "A": "P M", "B": "N"}, sites, n_mutations={"R": 0, "A": 9, "B": 9})
    shown = labels.to_json()
    assert shown["headline"]["site_sources"] == {"M": "P", "N": UNRELATED}
    assert any(s.startswith("N shares no mutation") for s in sentences_of(labels))
    assert "site N: an independent tumour, clonally unrelated to the primary" in labels.warnings


def test_a_site_without_clones_and_an_incomplete_list_are_warned_about():
    sites = (P, M, Site("N", "distant"))
    labels = labels_of("RA", {"R": "P", "A": "P M"}, sites)
    assert labels.warnings == ("site N: no clone was found there, so it carries no seeding label",)
    few = Settings(migration=MigrationSettings(weights="uniform", max_histories=1))
    cut = labels_of("RA", {"R": "P", "A": "P LN M"}, (P, LN, M), settings=few)
    assert not cut.complete
    assert "not every optimal history could be listed" in cut.warnings[0]
    with pytest.raises(InfeasibleError):
        empty = type("Ensemble", (), {"trees": (), "complete": True})()
        classify_seeding(lambda _: None, empty, sites)


def test_with_a_tree_the_jsi_is_nought_or_one():
    # A cluster that is clonal in one site and absent from the other leaves no room for one subclonal in both.
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(200):
        tree = CloneTree(tuple("RABCD"), [-1, *(int(rng.integers(0, v)) for v in range(1, 5))])
        states = cluster_states(tree, rng.random((5, 2)) < 0.4)
        seen.add(count_clusters(states, tree.n_mutations, primary=0, site=1).to_labels()["jsi"])
    assert seen == {None, 0.0, 1.0}


def test_json_survives_a_round_trip():
    hits = [DriverHit("TP53", "X"), DriverHit("TP53", "Y")]
    where = {"R": "P", "A": "P", "U": "", "X": "LN", "Y": "M", "B": "P"}
    days = {"LN": 3.0, "M": 900.0}
    labels = labels_of("RA AU UX UY RB", where, (P, LN, M), hits=hits, days_from_primary_diagnosis=days)
    assert labels.presentation == {"LN": "synchronous", "M": "metachronous"}
    assert labels.parallel_evolution == {"TP53": True}
    assert labels.ln_distant_origin == {"LN|M": "common"}
    text = json.dumps(labels.to_json(), allow_nan=False)
    again = SeedingLabels.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert sentences_of(again) == sentences_of(labels)
    assert any("TP53 was hit more than once" in s for s in sentences_of(again))


# ---------------------------------------------------------------- a whole patient


def small_patient(*, second_primary=False, genes=True, virtual=False):
    """Two primary regions and two metastases; clusters R (clonal everywhere), A and B in the metastases."""
    names = ("P1", "P2", "L1", "M1")
    sites = [Site("P", "primary", is_virtual=virtual), Site("Q" if second_primary else "LN", "lymph_node"), M]
    if second_primary:
        sites[1] = Site("Q", "primary")
    ccf = {"R": (1, 1, 1, 1), "A": (0.4, 0, 1, 1), "B": (0, 0, 0, 1)}
    sizes = {"R": 20, "A": 6, "B": 5}
    prevalence = np.vstack([np.tile(ccf[k], (sizes[k], 1)) for k in ccf])
    depth = np.full(prevalence.shape, 200)
    alt = np.round(prevalence * 0.4 * depth).astype(int)
    n = len(alt)
    dates = [datetime.date(2020, 1, 1), None, None, datetime.date(2021, 6, 1)]
    samples = tuple(
        Sample(name, sites[t].name, purity=0.8, collection_date=date)
        for name, t, date in zip(names, (0, 0, 1, 2), dates)
    )
    gene_names = ["TP53"] + [""] * (n - 1)
    gene_names[21], gene_names[27] = "SPOP", "SPOP"
    patient = Patient(
        "X",
        samples,
        tuple(sites),
        MutationTable(
            tuple(f"m{i}" for i in range(n)), names, alt, depth, genes=tuple(gene_names) if genes else ("",) * n
        ),
        CopyNumberAtLoci.diploid(n, 4),
        drivers=frozenset({"SPOP"}),
    )
    labels = np.repeat([0, 1, 2], list(sizes.values()))
    mean = np.array(list(ccf.values()), dtype=float)
    total = np.array([[200.0 * size] * 4 for size in sizes.values()])
    clusters = Clustering(
        tuple(ccf), labels, np.ones(n), mean, np.maximum(mean - 0.05, 0), mean, mean / 2 * total, total
    )
    power = np.full((n, 4), 0.9999)
    table = CcfTable(prevalence, prevalence, prevalence, np.ones((n, 4)), np.full((n, 4), 0.4), power)
    return patient, clusters, table


def small_result(**options):
    patient, clusters, table = small_patient(**options)
    parents = np.array([[-1, 0, 1]])
    presence = np.array([[1, 0, 0], [1, 1, 1], [0, 0, 1]], dtype=bool)
    trees = TreeEnsemble(
        clusters.names,
        clusters.sizes,
        parents,
        [1.0],
        [0.0],
        np.zeros((1, 3, 4)),
        presence[None].astype(float),
        patient.site_names,
        True,
        1,
        scenarios=(PresenceScenario(0, 1.0, presence),),
    )
    scenario = Scenario(0, trees.tree(0), 1.0, presence)
    histories = infer_history_ensemble([scenario], patient.site_names, primary=0, settings=MigrationSettings())
    compared = compare_with_primary(patient, table, clusters)
    return PatientResult(patient, table, clusters, trees, histories, settings=Settings(), comparison=compared)


def test_labels_of_a_patient_use_everything_it_has():
    labels = classify_patient(small_result())
    assert labels.presentation == {"M": "metachronous"}
    assert labels.parallel_evolution == {"SPOP": False}
    assert labels.divergence["M"].call == "late"
    assert labels.divergence["LN"].n_evaluable == 20
    assert labels.pm_counts["M"] == {
        "shared_clonal": 20,
        "L_p": 0,
        "L_m": 5,
        "W_s": 0,
        "private_subclonal_m": 0,
        "jsi": 0.0,
        "shared_fraction": 1.0,
    }
    assert labels.cluster_states["A"]["P"] == {"state": "subclonal", "power": pytest.approx(1)}
    assert labels.cluster_states["B"]["P"]["state"] == "absent"
    document = labels.to_json()
    assert SeedingLabels.from_json(json.loads(json.dumps(document, allow_nan=False))).to_json() == document
    (open_question,) = [s for s in sentences_of(labels) if "LN diverged early or late is not determined" in s]
    assert "cannot be ordered in time" in open_question
    assert labels.divergence["LN"].call == "undetermined"
    said = next(s for s in headline_sentences(labels) if "M diverged late" in s.sentence)
    assert "linear-compatible" in said.sentence and "0 of 20 mutations" in said.sentence
    assert said.probability == labels.divergence["M"].p_few
    with pytest.raises(InfeasibleError, match="need clone trees"):
        classify_patient(PatientResult(small_result().patient))


def test_two_primaries_are_each_a_root():
    labels = classify_patient(small_result(second_primary=True))
    assert set(labels.other_roots) == {"Q"}
    assert labels.labels["site_sources"]["Q"]
    assert labels.other_roots["Q"].labels["site_sources"]["P"]["Q"] > 0
    document = labels.to_json()
    assert SeedingLabels.from_json(document).to_json() == document


def test_days_between_diagnoses():
    patient, *_ = small_patient()
    assert days_from_primary(patient) == {"M": 517.0}
    assert (
        days_from_primary(patient.with_changes(samples=tuple(Sample(s.name, s.site) for s in patient.samples))) is None
    )


def test_driver_hits_of_clusters_and_copy_number():
    patient, clusters, _ = small_patient()
    loss = DriverHit("SPOP", "B", "chr17:loss")
    hits = driver_hits(
        patient.mutations, clusters, drivers=patient.drivers, copy_number_hits=[loss, DriverHit("X", "A")]
    )
    assert hits == (DriverHit("SPOP", "A", "m21"), DriverHit("SPOP", "B", "m27"), loss)
    assert {hit.gene for hit in driver_hits(patient.mutations, clusters)} == {"TP53", "SPOP"}


def test_copy_number_events_are_placed_where_their_samples_are():
    patient, clusters, _ = small_patient()
    table = replace(
        patient.mutations, chroms=("chr17",) * 31, positions=np.arange(31) * 1000, genes=patient.mutations.genes
    )
    events = [
        RegionalEvent("loss in M", "chr17", 20_500, 40_000, [False, False, False, True]),  # SPOP at 21,000 and 27,000
        RegionalEvent("gain everywhere", "chr17", 0, 500, [True] * 4),  # TP53 at 0
        RegionalEvent("loss in L1", "chr17", 0, 40_000, [False, False, True, False]),  # no such cluster
        RegionalEvent("elsewhere", "chr3", 0, 40_000, [True] * 4),
    ]
    hits = copy_number_hits(events, table, clusters, drivers=frozenset())
    assert hits == (DriverHit("SPOP", "B", "loss in M"), DriverHit("TP53", "R", "gain everywhere"))
    assert copy_number_hits(events, table, clusters, drivers=frozenset({"TP53"})) == hits[1:]
    assert copy_number_hits(events, patient.mutations, clusters, drivers=frozenset()) == ()  # no coordinates


def deletions_in_l1_and_m1():
    """Both metastases lost an allele of 17p, each by itself, at different ends; M1 amplified chromosome 8."""
    rows = []
    for s, name in enumerate(("P1", "P2", "L1", "M1")):
        losses = {"L1": (0, 1), "M1": (1, 2)}.get(name, ())
        rows += [(s, "17", 10_000 * i, 10_000 * (i + 1), 1, 0 if i in losses else 1) for i in range(4)]
        rows += [(s, "8", 0, 10_000, 7 if name == "M1" else 1, 1), (s, "1", 0, 200_000, 1, 1)]
    profile = CopyNumberProfile(("P1", "P2", "L1", "M1"), *zip(*rows), is_phased=True)
    return infer_copy_number_tree(profile, settings=CopyNumberSettings(bootstrap=0), rng=np.random.default_rng(1))


def test_deletions_and_amplifications_of_the_copy_number_tree():
    found = deletions_in_l1_and_m1()
    events = regional_events(found, ("P1", "P2", "L1", "M1", "without copy number"))
    placed = {(e.name.split(" ")[0], e.chrom, e.start, e.end, tuple(np.flatnonzero(e.samples))) for e in events}
    assert placed == {
        ("deletion", "17", 0, 20_000, (2,)),
        ("deletion", "17", 10_000, 30_000, (3,)),
        ("amplification", "8", 0, 10_000, (3,)),
    }
    with pytest.raises(ValueError, match="M1 is not among"):
        regional_events(found, ("P1", "P2", "L1"))


def test_deletions_of_a_driver_are_hits_of_the_patient():
    # PTEN is mutated in A; M1, which alone has B, lost an allele of it.
    result = small_result()
    genes = ("",) * 20 + ("PTEN",) + ("",) * 10
    mutations = replace(result.patient.mutations, chroms=("chr17",) * 31, positions=np.full(31, 25_000), genes=genes)
    patient = result.patient.with_changes(mutations=mutations, drivers=frozenset({"PTEN"}))
    siblings = replace(result.trees, parents=np.array([[-1, 0, 0]]))
    result = replace(result, patient=patient, trees=siblings)
    assert classify_patient(result).parallel_evolution == {"PTEN": False}
    found = replace(result, copy_number=deletions_in_l1_and_m1())
    assert classify_patient(found).parallel_evolution == {"PTEN": True}
    unlisted = replace(found, patient=patient.with_changes(drivers=frozenset()))
    assert classify_patient(unlisted).parallel_evolution == {"PTEN": False}


def test_presence_alone_answers_what_it_can():
    patient, clusters, table = small_patient()
    compared = compare_with_primary(patient, table, clusters)
    assert compared.states.tolist() == [[2, 2, 2], [1, 2, 2], [0, 0, 2]]
    labels = classify_without_tree(patient, clusters, compared)
    assert labels.pm_counts["M"]["L_m"] == 5
    assert labels.jsi_call == {"LN": None, "M": "monoclonal"}
    assert labels.tracerx["region_clonality"] == {"LN": "monoclonal", "M": "monoclonal"}
    assert labels.tracerx["case_phyletic"] == "monophyletic"
    assert labels.divergence["M"].call == "late"
    sentences = sentences_of(labels)
    assert any(s.startswith("No clone tree") for s in sentences)
    assert any("monoclonal by the Jaccard similarity index (0.00)" in s for s in sentences)
    document = labels.to_json()
    assert SeedingLabels.from_json(json.loads(json.dumps(document))).to_json() == document


def test_presence_alone_without_shared_mutations_or_primary():
    patient, clusters, table = small_patient()
    apart = Clustering(
        clusters.names,
        clusters.labels,
        clusters.probability,
        *(
            values * [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]]
            for values in (clusters.ccf, clusters.ccf_lo, clusters.ccf_hi)
        ),
        clusters.alt_reads * [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]],
        clusters.total_reads,
    )
    compared = compare_with_primary(patient, table, apart)
    assert classify_without_tree(patient, apart, compared).unrelated_sites == ("M",)
    virtual, clusters, table = small_patient(virtual=True)
    labels = classify_without_tree(virtual, clusters, compare_with_primary(virtual, table, clusters))
    assert labels.pm_counts == {"LN": None, "M": None}
    assert labels.divergence == {}


def test_umcs_is_inferred_anew_where_the_histories_are_optimal_under_another_order():
    where = {"R": "P", "A": "P LN M"}
    under_um = labels_of("RA", where, (P, LN, M))
    other = Settings(migration=MigrationSettings(criteria="MCS", weights="uniform"))
    under_mcs = labels_of("RA", where, (P, LN, M), settings=other)
    name = "refined_U_mu_gamma_sigma"
    assert under_um.alternative_criteria[name]["pattern"] == {"PS": pytest.approx(1.0)}
    assert under_mcs.alternative_criteria[name] == under_um.alternative_criteria[name]


def test_origin_of_a_site_without_clones_is_undetermined():
    tree = CloneTree.from_edges([("R", "A")], root="R")
    presence = presence_of(tree, (P, LN, M), {"R": "P", "A": "LN"})
    assert lymph_node_distant_origin(tree, presence, primary=0, lymph_node=1, distant=2) == "undetermined"


def test_listed_and_inferred_histories_give_the_same_labels(monkeypatch):
    where = {"R": "P", "A": "P LN", "B": "LN M", "C": "P M"}
    inferred = labels_of("RA AB RC", where, (P, LN, M)).to_json()
    monkeypatch.setattr("phylometa.migration.infer_migration_histories", infer_by_brute_force)
    monkeypatch.setattr("phylometa.migration.ensemble.infer_migration_histories", infer_by_brute_force)
    listed = labels_of("RA AB RC", where, (P, LN, M)).to_json()
    assert listed.pop("near_optimal") == {}
    assert set(inferred.pop("near_optimal")["pattern"]) >= {"M"}
    assert listed == inferred
