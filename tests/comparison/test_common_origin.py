"""Common origin: closed forms, groups, hotspots, and pairs of tumours made here."""

import numpy as np
import pytest
from read_counts import log_beta_binomial

from phylometa.comparison.common_origin import call_presence, find_common_origin, probability_of_common_origin
from phylometa.comparison.independent_hits import origin_groups, origin_of_patient, separate_hits
from phylometa.config import OriginSettings
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site

SETTINGS = OriginSettings()
PAIR = [Site("P", "primary"), Site("M", "distant")]


def patient_of(found, *, sites=PAIR, genes=(), depth=100, seed=1):
    """A patient with one sample a site and heterozygous reads at purity .7."""
    rng = np.random.default_rng(seed)
    found = np.asarray(found, dtype=bool)
    alt = np.where(found, rng.binomial(depth, 0.35, found.shape), 0)
    samples = tuple(Sample(f"{site.name}1", site.name) for site in sites)
    table = MutationTable(
        tuple(f"m{i}" for i in range(len(found))), tuple(s.name for s in samples), alt, np.full(found.shape, depth),
        genes=genes, normal_names=("N",),
        normal_alt=np.zeros((len(found), 1)), normal_depth=np.full((len(found), 1), 60),
    )  # fmt: skip
    return Patient("X", samples, tuple(sites), table, CopyNumberAtLoci.diploid(*found.shape))


def pair(shared, private):
    return np.array([[1, 1]] * shared + [[1, 0]] * private + [[0, 1]] * private, dtype=bool)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 31), (7, 40), (12, 12)])
def test_the_likelihood_of_a_common_origin_is_beta_binomial(k, n):
    p = probability_of_common_origin(k, n, prior=0.5, settings=SETTINGS)
    chance = 0.9 if k == 0 else 0.1 * 0.99 * 0.01 ** (k - 1)
    odds = np.exp(log_beta_binomial(k, n, 2, 1)) / (chance * 0.99)  # and no passenger leaked
    assert p == pytest.approx(odds / (1 + odds), rel=1e-12)


def test_a_known_hotspot_speaks_less_for_a_common_origin_than_a_passenger():
    as_gene = [
        find_common_origin(pair(1, 9), np.ones((19, 2)), PAIR, genes=(gene, *[""] * 18), recurrence={"KRAS": 0.4})
        for gene in ("KRAS", "", "TTN")
    ]
    kras, unknown, passenger = (origin.probability[0, 1] for origin in as_gene)
    assert kras < unknown < passenger


def test_fifty_related_pairs_with_few_shared_passengers_have_a_common_origin():
    rng = np.random.default_rng(5)
    for i in range(50):
        shared, private = int(rng.integers(3, 11)), int(rng.integers(5, 61))
        origin = origin_of_patient(patient_of(pair(shared, private), seed=i))
        assert origin.probability[0, 1] >= 0.99
        assert origin.groups == ((0, 1),)


def test_unrelated_pairs_have_groups_of_their_own_even_with_a_shared_hotspot():
    rng = np.random.default_rng(6)
    for i in range(30):
        shared, private = int(rng.integers(0, 2)), int(rng.integers(20, 61))
        patient = patient_of(pair(shared, private), seed=i)
        origin = origin_of_patient(patient)
        assert origin.groups == ((0,), (1,))
        assert origin.probability[0, 1] < 0.5
        apart = separate_hits(patient, origin)
        assert apart.mutations.n_mutations == patient.mutations.n_mutations + shared
        assert (apart.mutations.normal_depth == 60).all()
        again = origin_of_patient(apart)
        np.testing.assert_array_equal(again.probability, origin.probability)
        found, _ = call_presence(apart.mutations, apart.sample_site, 2, error_rate=1e-3)
        assert not found.all(axis=1).any()


def test_clusters_of_metastases_are_grouped_with_the_tumour_they_came_from():
    sites = [Site("left", "primary"), Site("right", "primary"), Site("liver", "distant"), Site("bone", "distant")]
    rows = [[1, 0, 0, 0]] * 30 + [[0, 1, 1, 1]] * 15 + [[0, 0, 1, 1]] * 10 + [[0, 0, 1, 0]] * 5
    origin = origin_of_patient(patient_of(rows, sites=sites))
    assert origin.groups == ((0,), (1, 2, 3))
    groups = origin_groups(origin, sites, primary=1)
    assert [(group.sites, group.roots) for group in groups] == [((1, 2, 3), (1,)), ((0,), (0,))]


@pytest.mark.parametrize(
    ("n_tumours", "gene", "is_one"), [(2, "", False), (4, "", True), (6, "", True), (3, "KRAS", False)]
)
def test_one_mutation_of_many_tumours_is_no_coincidence(n_tumours, gene, is_one):
    # a trunk of one mutation: short in all tumours at once, while each coincidence would have to happen anew
    sites = [Site("P", "primary"), *(Site(f"M{i}", "distant") for i in range(n_tumours - 1))]
    found = np.vstack([np.ones((1, n_tumours)), np.repeat(np.eye(n_tumours), 30, axis=0)]).astype(bool)
    genes = (gene, *[""] * (len(found) - 1)) if gene else ()
    origin = find_common_origin(found, np.ones_like(found), sites, genes=genes, recurrence={"KRAS": 0.4})
    assert (len(origin.groups) == 1) == is_one
    assert (origin.probability[0, 1] > 0.5) == is_one
    # another tumour that shares nothing stays apart
    apart = np.column_stack([found, np.zeros(len(found), dtype=bool)])
    apart = np.vstack([apart, np.repeat(np.eye(n_tumours + 1, dtype=bool)[-1:], 30, axis=0)])
    genes = (*genes, *[""] * 30) if gene else ()
    more = find_common_origin(
        apart, np.ones_like(apart), [*sites, Site("X", "distant")], genes=genes, recurrence={"KRAS": 0.4}
    )
    assert (n_tumours,) in more.groups
    assert len(more.groups) == len(origin.groups) + 1


def test_sites_that_were_not_read_say_nothing():
    found = pair(0, 20)
    sought = found.copy()  # each site was looked at only where it has a mutation
    assert find_common_origin(found, sought, PAIR).groups == ((0, 1),)
    assert find_common_origin(found, np.ones_like(found), PAIR).groups == ((0,), (1,))


def test_a_table_of_one_site_or_of_no_mutation_has_one_group():
    assert find_common_origin(np.ones((3, 1)), np.ones((3, 1)), PAIR[:1]).groups == ((0,),)
    assert find_common_origin(np.zeros((0, 2)), np.zeros((0, 2)), PAIR).groups == ((0, 1),)
