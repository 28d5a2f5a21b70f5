"""States and counts of a primary and a metastasis by hand: power, purity, losses, holes, reads against clusters."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from comparison_cases import compare, compare_one, parts

from phylometa.comparison.clonality import clusters_absent_in, clusters_clonal_in, describe_states
from phylometa.comparison.evidence import missing_probability, reference_prevalence
from phylometa.comparison.infer import compare_with_primary
from phylometa.comparison.private_counts import count_clusters
from phylometa.config import ComparisonSettings
from phylometa.model.clusters import CcfTable
from phylometa.model.comparison import ABSENT, CLONAL, SUBCLONAL, UNKNOWN, Comparison, PrivateCounts
from phylometa.model.patient import CopyNumberAtLoci

NAN = float("nan")
DEFAULT = ComparisonSettings()
# Cluster 0 shared and clonal, 1 private to the primary, 2 to the metastasis, 3 subclonal in both.
PREVALENCE = [[1, 1], [1, 0], [0, 1], [0.4, 0.5]]
ALT = [[40, 40]] * 3 + [[40, 0]] * 2 + [[0, 40]] * 4 + [[16, 20]] * 2
LABELS = [0] * 3 + [1] * 2 + [2] * 4 + [3] * 2


def changed(*cells):
    """ALT with other alternate reads: (mutation, sample, reads)."""
    alt = np.array(ALT, dtype=float)
    for i, s, reads in cells:
        alt[i, s] = reads
    return alt


def four(counts):
    return counts.S, counts.L_p, counts.L_m, counts.W_s


def test_plain_counts():
    found = compare_one(ALT, LABELS, PREVALENCE)
    assert four(found.counts) == (3, 2, 4, 2)
    assert (found.counts.n_unknown_m, found.counts.n_unknown_p, found.counts.n_lost) == (0, 0, 0)
    assert found.counts.withheld == ""
    assert found.counts.exposure_ratio == 1
    assert (found.test.n_evaluable, found.test.n_missing) == (5, 2)
    assert (found.counts.jsi, found.jsi_call) == (2 / 8, "monoclonal")
    assert found.counts.to_labels() == {
        "shared_clonal": 3,
        "L_p": 2,
        "L_m": 4,
        "W_s": 2,
        "private_subclonal_m": 0,
        "jsi": 0.25,
        "shared_fraction": 0.6,
    }


def test_clusters_have_one_rule_in_a_site():
    prevalence = [[1, 1], [0.9, 0.86], [0.9, 0.7], [0.04, 0.03], [0.04, 0.3], [0.9, 0.81]]
    _, _, clusters = parts([[40, 40]] * 6, range(6), prevalence)
    assert clusters_clonal_in(clusters, [0, 1], settings=DEFAULT).tolist() == [True, True, *[False] * 4]
    assert clusters_absent_in(clusters, [0, 1], settings=DEFAULT).tolist() == [*[False] * 3, True, False, False]
    assert not clusters_clonal_in(clusters, [], settings=DEFAULT).any()
    perhaps = {"settings": DEFAULT, "perhaps": True}
    assert clusters_clonal_in(clusters, [0, 1], **perhaps).tolist() == [True, True, *[False] * 3, True]
    wide = replace(clusters, ccf_hi=np.maximum(clusters.ccf_hi, 0.96))
    assert clusters_clonal_in(wide, [0, 1], **perhaps).tolist() == [True, True, True, False, True, True]


def test_a_cluster_that_may_be_clonal_is_unknown_and_forbids_a_late_call():
    alt = [[40, 40, 40]] * 20 + [[40, 32, 0]] * 8 + [[0, 0, 40]]
    found = compare(alt, [0] * 20 + [1] * 8 + [2], [[1, 1, 1], [1, 0.81, 0], [0, 0, 1]], regions=2)
    assert found.states.tolist() == [[CLONAL, CLONAL], [UNKNOWN, ABSENT], [ABSENT, CLONAL]]
    (of_site,) = found.metastases
    assert (of_site.counts.L_p, of_site.counts.n_unknown_m, of_site.test.n_unknown) == (0, 8, 8)
    assert (of_site.test.call, of_site.test.upper_bound) == ("undetermined", 8)


def test_a_purity_that_is_overstated_scales_all_prevalences_alike():
    # At a purity given a quarter too high, what is in every cell seems to be in 76 %.
    scaled = np.array(PREVALENCE) * [0.76, 1]
    _, _, clusters = parts(ALT, LABELS, scaled)
    assert reference_prevalence(clusters, settings=DEFAULT) == pytest.approx([0.74, 0.98])
    alt = np.round(np.array(ALT) * [0.76, 1])
    assert four(compare_one(alt, LABELS, scaled).counts) == (3, 2, 4, 2)
    _, _, mixture = parts(ALT, LABELS, np.array(PREVALENCE) * [0.5, 1])
    assert reference_prevalence(mixture, settings=DEFAULT)[0] == 0.7


def test_faint_clusters_are_not_shared():
    found = compare_one(ALT, LABELS, [[1, 1], [1, 0], [0, 1], [0.4, 0.04]]).counts
    assert (found.W_s, found.L_p) == (0, 2)


def test_reads_that_show_a_mutation_outweigh_an_absent_cluster():
    counts = compare_one(changed((3, 1, 5)), LABELS, PREVALENCE).counts
    assert (counts.L_p, counts.n_unknown_m) == (1, 0)


def test_reads_that_errors_explain_do_not_show_a_mutation():
    alt = changed((3, 1, 5))
    depth = np.full(alt.shape, 100)
    depth[3, 1] = 5000
    assert compare_one(alt, LABELS, PREVALENCE, depth=depth).counts.L_p == 2


def test_a_mutation_with_too_few_reads_is_not_clonal_whatever_its_cluster():
    counts = compare_one(changed((0, 0, 8), (1, 0, 0)), LABELS, PREVALENCE).counts
    assert (counts.S, counts.L_p, counts.L_m) == (1, 2, 4)
    assert counts.n_unknown_p == 1  # not seen in the primary, where its cluster is


def test_reads_and_cluster_at_odds_are_unknown():
    found = compare_one(changed((0, 1, 0)), LABELS, PREVALENCE)
    assert four(found.counts) == (2, 2, 4, 2)
    assert (found.counts.n_unknown_m, found.counts.n_unread_m) == (1, 0)
    assert (found.test.n_missing, found.test.n_unknown, found.test.upper_bound) == (2, 1, 3)


def test_cells_without_power_are_unknown():
    power = np.ones((11, 2))
    power[3, 1] = 0.9
    power[5, 0] = 0.5
    found = compare_one(ALT, LABELS, PREVALENCE, power=power).counts
    assert (found.L_p, found.L_m) == (1, 3)
    assert (found.n_unknown_m, found.n_unknown_p) == (1, 1)


def test_mutations_without_reads_are_unknown_and_named():
    # Eight mutations that a list of calls does not show in the metastasis; clustering cannot part them from the rest.
    alt = [[40, 40, 40]] * 80 + [[40, 40, NAN]] * 8
    found = compare(alt, [0] * 88, [[1, 1, 1]], regions=2)
    (of_site,) = found.metastases
    assert (of_site.counts.n_unknown_m, of_site.counts.n_unread_m, of_site.test.n_unknown) == (8, 8, 8)
    assert (of_site.test.call, of_site.test.upper_bound) == ("undetermined", 8)
    assert of_site.test.p_none < 0.3
    assert "8 of 88 mutations clonal in the primary have no reads in s2" in found.warnings[0]


def test_low_power_and_purity_withhold_counts_and_call():
    low = compare_one(ALT, LABELS, PREVALENCE, power=np.tile([1.0, 0.7], (11, 1)))
    assert "power of the metastasis is 0.70" in low.counts.withheld
    impure = compare_one(ALT, LABELS, PREVALENCE, purity=(0.25, 0.8))
    assert "purity of the primary" in impure.counts.withheld
    assert impure.test.reason.startswith("withheld")
    assert (impure.test.call, impure.jsi_call) == ("undetermined", "undefined")
    assert set(impure.counts.to_labels().values()) == {None}
    assert compare_one(ALT, LABELS, PREVALENCE, purity=(NAN, 0.8)).counts.withheld == ""
    unread = compare_one(changed(*((i, 1, NAN) for i in range(11))), LABELS, PREVALENCE)
    assert "nothing was read" in unread.counts.withheld


def test_exposure_follows_mean_copies():
    patient, ccf, clusters = parts(ALT, LABELS, PREVALENCE)
    copies = np.tile([2.0, 1.0], (11, 1))
    four_copies = CopyNumberAtLoci(major=copies, minor=copies, normal=np.full((11, 2), 2))
    doubled = patient.with_changes(copy_number=four_copies)
    (found,) = compare_with_primary(doubled, ccf, clusters).metastases
    assert found.counts.exposure_ratio == 2
    unknown = CopyNumberAtLoci(major=copies * NAN, minor=copies * NAN, normal=np.full((11, 2), 2))
    (found,) = compare_with_primary(patient.with_changes(copy_number=unknown), ccf, clusters).metastases
    assert found.counts.exposure_ratio == 1


def test_missing_probability_multiplies_over_samples():
    one = np.ones((2, 3))
    ccf = CcfTable(one, one, one, one, one, np.array([[0.5, 0.8, NAN], [1.0, 0.0, 1.0]]))
    assert missing_probability(ccf, [0, 1]) == pytest.approx([0.1, 0.0])
    assert missing_probability(ccf, [2]) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(("is_there", "n_lost", "n_unknown"), [(True, 4, 0), (False, 0, 8)])
def test_a_loss_explains_absence_only_if_the_cluster_is_there(is_there, n_lost, n_unknown):
    # LOH of the metastasis over four (all eight) mutations: their cluster is seen at the others (is not seen at all).
    alt = [[40, 40, 40]] * 20 + [[40, 40, 40 if is_there else 0]] * 4 + [[40, 40, 0]] * 4 + [[0, 0, 40]]
    minor = np.ones((29, 3))
    minor[24 if is_there else 20 : 28, 2] = 0
    prevalence = [[1, 1, 1], [1, 1, float(is_there)], [0, 0, 1]]
    found = compare_one(alt, [0] * 20 + [1] * 8 + [2], prevalence, regions=2, minor=minor)
    assert (found.counts.n_lost, found.counts.n_unknown_m, found.counts.L_p) == (n_lost, n_unknown, 0)
    assert found.test.n_unknown == n_unknown
    assert found.test.call == ("late" if is_there else "undetermined")


def test_an_intact_region_of_the_metastasis_still_speaks():
    found = compare_one([[40, 0, 0]], [0], [[1.0, 0.0, 0.0]], minor=[[1, 0, 1]]).counts
    assert (found.L_p, found.n_lost) == (1, 0)


def test_a_cluster_that_could_not_be_seen_is_unknown():
    alt = [[40, 40], [40, 0], [40, 0], [40, NAN]]
    power = np.array([[1, 1], [1, 0.5], [1, 0.99], [1, 1]])
    found = compare(alt, [0, 1, 2, 3], [[1, 1], [1, 0], [1, 0], [1, 0.5]], power=power)
    assert found.states[:, 1].tolist() == [CLONAL, UNKNOWN, ABSENT, UNKNOWN]
    assert np.isnan(found.power[3, 1])
    described = describe_states(found.cluster_names, found.site_names, found.states, found.power)
    assert described["2"]["M"] == {"state": "unknown", "power": 0.5}
    assert described["4"]["M"] == {"state": "unknown"}


def test_a_region_without_reads_of_a_cluster_is_left_out():
    alt = [[40, NAN, 40]] * 3 + [[NAN, NAN, 40]]
    found = compare(alt, [0, 0, 0, 1], [[1, 0.2, 1], [0.5, 0.5, 1]], regions=2)
    assert found.states.tolist() == [[CLONAL, CLONAL], [UNKNOWN, CLONAL]]


def test_states_of_whole_clusters_are_counted_by_the_same_rule():
    states = np.array([[CLONAL, CLONAL], [CLONAL, ABSENT], [ABSENT, CLONAL], [SUBCLONAL, SUBCLONAL], [0, 1]])
    found = count_clusters(states, np.array([3.0, 2.0, 4.0, 2.0, 7.5]), primary=0, site=1)
    assert four(found) == (3, 2, 4, 2)
    assert found.to_labels()["private_subclonal_m"] == 7.5
    assert PrivateCounts(0, 0, 0, 0).to_labels()["jsi"] is None


def test_no_comparison_without_a_primary():
    patient, ccf, clusters = parts(ALT, LABELS, PREVALENCE, virtual=True)
    samples = tuple(replace(sample, site="M") for sample in patient.samples)
    found = compare_with_primary(patient.with_changes(samples=samples), ccf, clusters)
    assert (found.metastases, found.n_primary_regions) == ((), 0)


def test_a_jsi_close_to_its_threshold_is_warned_about():
    near = compare(ALT, LABELS, PREVALENCE)
    assert near.warnings == ("site M: JSI 0.25 lies close to the threshold 0.3, so that the call is not robust",)
    far = compare(ALT, LABELS, PREVALENCE, settings=replace(DEFAULT, jsi_threshold=0.2001))
    assert far.metastases[0].jsi_call == "polyclonal"
    assert not compare(ALT, LABELS, PREVALENCE, settings=replace(DEFAULT, jsi_threshold=0.5)).warnings


def test_a_comparison_survives_json():
    alt = changed((0, 1, NAN))
    found = compare(alt, LABELS, PREVALENCE, regions=1)
    text = json.dumps(found.to_json(), allow_nan=False)
    again = Comparison.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert asdict(again.metastases[0].test) == asdict(found.metastases[0].test)
    assert again.metastases[0].counts == found.metastases[0].counts
    assert (again.states == found.states).all()
