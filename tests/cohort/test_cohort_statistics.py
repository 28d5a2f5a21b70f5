"""Cohort figures from patients' probabilities: hand-worked counts, a known interval, a calibrated permutation test."""

import math

import numpy as np
import pytest

from phylometa.cohort.statistics import label_association, label_frequencies, parallel_drivers, route_frequencies


def patient(reseeding, *, sex="female", graph=(), sites=("P", "L"), drivers=None):
    return {
        "clinical": {"sex": sex},
        "sites": [{"name": name, "is_virtual": False} for name in sites],
        "migration_graph": list(graph),
        "labels": {
            "labels": {"reseeding_primary": {"True": reseeding, "False": 1 - reseeding}},
            "parallel_evolution_probability": drivers or {},
        },
    }


def test_frequencies_add_up_probabilities():
    rows = label_frequencies([patient(1.0), patient(0.5), patient(0.0), {"labels": None}])
    true = next(row for row in rows if row.value == "True")
    assert (true.n_patients, true.expected) == (3, 1.5)
    # Jeffreys: Beta(2, 2), whose quantiles are 0.0943 and 0.9057
    assert true.share == pytest.approx(0.5)
    assert (true.share_lo, true.share_hi) == (pytest.approx(0.0943, abs=1e-4), pytest.approx(0.9057, abs=1e-4))


def test_groups_and_labels_that_mean_nothing():
    unrelated = patient(1.0)
    unrelated["labels"]["labels"]["reseeding_primary"] = {"not_applicable (clonally unrelated)": 1.0}
    rows = label_frequencies([patient(1.0, sex="male"), patient(0.0), unrelated], group="sex")
    assert {(row.group, row.value): row.expected for row in rows} == {
        ("male", "True"): 1.0,
        ("male", "False"): 0.0,
        ("female", "True"): 0.0,
        ("female", "False"): 1.0,
    }


def test_routes_count_patients_with_both_sites():
    summaries = [
        patient(0, graph=[["P", "L", 0.9]]),
        patient(0, graph=[["P", "L", 0.3]]),
        patient(0, sites=("P", "M"), graph=[["P", "M", 1.0]]),
    ]
    rows = route_frequencies(summaries)
    assert [(row.group, row.value, row.n_patients) for row in rows] == [("P", "L", 2), ("P", "M", 1)]
    assert rows[0].expected == pytest.approx(1.2)


def test_association_finds_what_is_there_and_only_that():
    rng = np.random.default_rng(3)
    linked = [patient(0.9, sex="male") for _ in range(10)] + [patient(0.1) for _ in range(10)]
    found = label_association(linked, "sex", label="reseeding_primary", value="True", rng=rng, permutations=999)
    assert found.p_value == pytest.approx(1 / 1000)
    assert found.shares == {"female": pytest.approx(0.1), "male": pytest.approx(0.9)}
    # under no association p is uniform: of 60 tests 3 below .05 are expected; P(more than 9) = 1e-3
    draws = [
        [patient(float(rng.random()), sex="male" if rng.random() < 0.5 else "female") for _ in range(16)]
        for _ in range(60)
    ]
    small = sum(
        label_association(d, "sex", label="reseeding_primary", value="True", rng=rng, permutations=99).p_value < 0.05
        for d in draws
    )
    assert small <= 9


def test_association_with_one_group_says_nothing():
    rng = np.random.default_rng(1)
    found = label_association([patient(1.0)], "sex", label="reseeding_primary", value="True", rng=rng)
    assert math.isnan(found.p_value)
    nobody = label_association([], "sex", label="reseeding_primary", value="True", rng=rng)
    assert (nobody.n_patients, nobody.shares) == (0, {})


def test_parallel_drivers():
    rows = parallel_drivers([patient(0, drivers={"TP53": 0.5, "KRAS": 0.0}), patient(0, drivers={"TP53": 1.0})])
    assert rows == [("TP53", 2, 1.5)]
