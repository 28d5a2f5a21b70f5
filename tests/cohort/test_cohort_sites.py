"""Metastases of a cohort by organ: hand-worked means, a bootstrap over patients, organs from names."""

import math

import numpy as np
import pytest

from phylometa.cohort.sites import organ_routes, site_label_frequencies, site_measures, site_quantities
from phylometa.cohort.statistics import AssociationTest, adjusted
from phylometa.plots.organ_flow import organ_flow_scene

SITES = (("P", "primary"), ("left lung", "distant"), ("liver 1", "distant"), ("liver 2", "distant"))


def patient(lung=1.0, *, graph=(), age=50.0, sources=None):
    seeding = {"median": age, "lo": age - 5, "hi": age + 5}
    interval = {"site": "liver 1", "unit": "age_years", "model": "clock", "probability": 0.7, "seeding": seeding}
    interval["p_before"] = {"diagnosis": 0.9, "second operation": 0.95}
    rare = {**interval, "probability": 0.3, "seeding": {"median": 1.0, "lo": 0.0, "hi": 2.0}}
    molecular = {**rare, "unit": "molecular", "probability": 1.0}
    record = {
        "site": "liver 1",
        "ploidy": 2.0,
        "altered": 0.1,
        "loh": float("nan"),
        "wgii": 0.2,
        "wgd_probability": 0.1,
    }
    return {
        "sites": [{"name": name, "site_class": kind, "is_virtual": False} for name, kind in SITES],
        "migration_graph": list(graph),
        "labels": {
            "labels": {
                "site_seeding": {
                    "left lung": {"monoclonal": lung, "polyclonal": 1 - lung},
                    "liver 1": {"monoclonal": 1.0},
                    "liver 2": {"undetermined (no primary sample)": 1.0},
                },
                "site_sources": sources or {},
            }
        },
        "timing": {
            "intervals": [rare, interval, molecular],
            "events": [
                {"name": "second operation", "kind": "surgery", "start_age": 58.0},
                {"name": "diagnosis", "kind": "diagnosis", "start_age": 56.0},
            ],
        },
        "instability": [{**record, "sample": "a"}, {**record, "sample": "b", "ploidy": 4.0, "wgd_probability": 0.9}],
    }


def row_of(rows, quantity, group, value=""):
    return next(row for row in rows if (row.quantity, row.group, row.value) == (quantity, group, value))


def test_labels_of_sites_are_counted_by_organ_with_their_probabilities():
    rows = site_label_frequencies([patient(1.0), patient(0.5), patient(0.0)])
    lung = row_of(rows, "site_seeding", "lung", "monoclonal")
    assert (lung.n_patients, lung.n_sites, lung.mean) == (3, 3, 0.5)
    assert row_of(rows, "site_seeding", "all", "monoclonal").mean == pytest.approx(4.5 / 6)
    assert row_of(rows, "site_seeding", "liver", "monoclonal").n_sites == 3, "undetermined sites do not count"


def test_sources_are_counted_by_organ():
    sources = {"left lung": {"liver 1+liver 2": 0.25, "liver 1+P": 0.25, "P": 0.5}}
    rows = site_label_frequencies([patient(sources=sources)])
    found = {row.value: row.mean for row in rows if row.quantity == "site_sources" and row.group == "lung"}
    assert found == {"liver": 0.25, "liver+primary": 0.25, "primary": 0.5}
    # one patient is one observation: Beta(1, 1) for an expected half
    primary = row_of(rows, "site_sources", "lung", "primary")
    assert (primary.lo, primary.hi) == (pytest.approx(0.025), pytest.approx(0.975))


def test_routes_between_organs_count_pairs_of_sites():
    rows = organ_routes([patient(graph=[["P", "liver 1", 1.0], ["liver 1", "left lung", 0.5]])] * 3)
    assert [(row.group, row.value, row.n_sites, row.mean) for row in rows] == [
        ("primary", "liver", 6, 0.5),
        ("liver", "lung", 6, 0.25),
    ]


def test_measures_of_a_metastasis():
    measured = site_measures(patient(age=50.0))["liver 1"]
    assert math.isnan(measured.pop("loh"))
    assert measured == {
        "seeding_age": 50.0,
        "seeding_age_lo": 45.0,
        "seeding_age_hi": 55.0,
        "seeding_before_diagnosis": 6.0,
        "p_before_diagnosis": 0.9,
        "p_before_surgery": 0.95,
        "ploidy": 3.0,
        "altered": pytest.approx(0.1),
        "wgii": pytest.approx(0.2),
        "wgd": 0.5,
    }


def test_quantities_and_their_interval():
    ages = np.array([40.0, 50.0, 60.0, 70.0, 45.0, 55.0, 65.0, 52.0])
    rows = site_quantities([patient(age=age) for age in ages])
    found = row_of(rows, "seeding_age", "liver")
    assert (found.n_patients, found.mean) == (8, pytest.approx(ages.mean()))
    # the bootstrap of a mean: 1.96 standard errors, to the error of a bootstrap of eight
    assert found.hi - found.lo == pytest.approx(2 * 1.96 * ages.std() / math.sqrt(8), rel=0.06)
    assert math.isnan(row_of(site_quantities([patient()] * 2), "seeding_age", "liver").lo), "two patients: no interval"
    assert not [row for row in rows if row.quantity == "loh"], "what is unknown is not averaged"


def test_false_discovery_rates():
    tests = [AssociationTest("x", str(p), "sex", 9, {"a": 0.1, "b": 0.2}, p) for p in (0.01, 0.04, 0.03, 0.5)]
    single = AssociationTest("x", "y", "sex", 9, {"a": 0.1}, float("nan"))
    # Benjamini & Hochberg by hand: 4/1 * .01, 4/3 * .04 (not above its neighbour's), 4/2 * .03, 4/4 * .5
    found = [test.q_value for test in adjusted([*tests, single])]
    assert found == [pytest.approx(q) for q in (0.04, 0.16 / 3, 0.16 / 3, 0.5)]
    assert adjusted([single]) == []


def test_the_flow_between_organs_is_drawn_with_its_shares():
    routes = organ_routes([patient(graph=[["P", "liver 1", 1.0], ["liver 1", "left lung", 0.5]])] * 3)
    scene = organ_flow_scene(routes)
    texts = {item.group.key: item.text for item in scene.items if item.group and hasattr(item, "text")}
    assert texts["route-0-1"] == "50" and texts["route-1-2"] == "25"
    assert [texts[f"site-{i}"] for i in range(3)] == ["primary", "liver", "lung"]
    assert organ_flow_scene([]) is None


def test_the_flow_of_many_organs_keeps_the_busiest_and_says_so():
    graph = [["P", f"organ {i}", 0.5] for i in range(30)]
    summary = {
        "sites": [
            {"name": name, "site_class": "primary" if name == "P" else "distant"}
            for name in ("P", *(g[1] for g in graph))
        ],
        "migration_graph": graph,
    }
    scene = organ_flow_scene(organ_routes([summary]))
    texts = [item.text for item in scene.items if hasattr(item, "text")]
    assert sum(text.startswith("organ ") for text in texts) == 2 * 15
    assert any("15 organs with fewer migrations are left out" in text for text in texts)
