"""Worked cases: clone trees with known presence, in; every label, out."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from brute_force_histories import infer_by_brute_force

from phylometa.config import MigrationSettings, Settings
from phylometa.errors import InputError
from phylometa.seeding import classify_case, parse_case

CASES = json.loads((Path(__file__).resolve().parents[1] / "golden" / "seeding_cases.json").read_text())["cases"]
UNIFORM = Settings(migration=MigrationSettings(criteria="UMC", weights="uniform"))


def case(presence, edges, *, classes=None, **more):
    """A case in short: ``presence`` maps a clone to its sites; classes follow from the sites' names."""
    sites = ["P", *sorted({site for of_clone in presence.values() for site in of_clone.split()} - {"P"})]
    prefix = {"P": "primary", "L": "lymph_node", "M": "distant", "B": "bed"}
    return {
        "primary": "P",
        "sites": {s: {"site_class": (classes or {}).get(s, prefix[s[0]]), "is_virtual": False} for s in sites},
        "edges": [list(edge) for edge in edges.split()],
        "root": "R",
        "presence": {clone: of_clone.split() for clone, of_clone in presence.items()},
        "n_mut": dict.fromkeys(presence, 10),
        **more,
    }


def assert_contains(expected, got, path=""):
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in got, f"{path}/{key} missing"
            assert_contains(value, got[key], f"{path}/{key}")
    elif isinstance(expected, float):
        assert math.isclose(expected, got, abs_tol=1e-3), f"{path}: {got}, expected {expected}"
    else:
        assert expected == got, f"{path}: {got}, expected {expected}"


@pytest.mark.parametrize("histories", ["inferred", "listed"])
@pytest.mark.parametrize("worked", CASES, ids=[c["id"] for c in CASES])
def test_worked_case(worked, histories, monkeypatch):
    if histories == "listed":  # the oracle of the histories gives the same answers
        monkeypatch.setattr("phylometa.migration.infer_migration_histories", infer_by_brute_force)
    got = classify_case(worked["input"], settings=UNIFORM)
    assert_contains(worked["expected"], got)
    json.dumps(got, allow_nan=False)
    # No label, site or value beyond the expected ones.
    for name, part in worked["expected"]["labels"].items():
        assert set(part) == set(got["labels"][name])
    assert ("override" in worked["expected"]) == ("override" in got)


def rounded(value):
    """Floats to 5 digits, so that sums in another order compare equal."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return round(value, 5) if isinstance(value, float) else value


def test_random_cases_have_the_labels_of_all_their_histories(monkeypatch):
    rng = np.random.default_rng(4)
    for _ in range(30):
        clones = "RABCD"[: rng.integers(2, 6)]
        sites = ["P", *rng.choice(["L1", "M1", "M2", "BED"], 2, replace=False)]
        edges = " ".join(clones[rng.integers(0, v)] + clones[v] for v in range(1, len(clones)))
        presence = {clone: " ".join(s for s in sites if rng.random() < 0.4) for clone in clones}
        counts = {clone: int(rng.integers(0, 30)) for clone in clones}
        given = case(presence, edges, n_mut=counts)
        inferred = classify_case(given, settings=UNIFORM)
        with monkeypatch.context() as patched:
            patched.setattr("phylometa.migration.infer_migration_histories", infer_by_brute_force)
            listed = classify_case(given, settings=UNIFORM)
        del inferred["near_optimal"], listed["near_optimal"]
        assert rounded(inferred) == rounded(listed)


# Elements of Turajlic & Swanton 2016, Figure 2, and edge cases, worked by hand: labels that are certain.
HAND_WORKED = {
    "polyclonal, monophyletic: a clone and its descendant seed one node": (
        case({"R": "P", "A": "P L3", "B": "P L3"}, "RA AB"),
        {
            "pattern": "PS",
            "clonality_site": "polyclonal",
            "clonality_machina": "polyclonal",
            "phyletic": "monophyletic",
            "phyletic_mach2": "monophyletic",
            "phyletic_metient": "monophyletic",
            "phyletic_clade": "polyphyletic",
            "seeding_clones_primary": "A+B",
        },
    ),
    "lymph node seeds a distant metastasis": (
        case({"R": "P", "A": "P L1", "B": "L1", "C": "M1"}, "RA AB BC"),
        {
            "pattern": "S",
            "site_sources": {"L1": "P", "M1": "L1"},
            "ln_route": {"M1": "ln_mediated"},
            "met_to_met": "True",
            "cascade": "True",
            "clonality_metient_genetic": "polyclonal",
            "phyletic": "monophyletic",
            "ongoing_evolution": {"L1": "True", "M1": "False"},
        },
    ),
    "distant metastasis through the node and directly: mixed route": (
        case({"R": "P", "A": "P L1", "B": "L1 M1", "C": "P M1"}, "RA AB RC"),
        {
            "ln_route": {"M1": "mixed"},
            "site_sources": {"M1": "L1+P"},
            "cross_seeding": "True",
            "cascade": "False",
            "pattern": "M",
            "phyletic": "polyphyletic",
            "clonality_site": "polyclonal",
            "clonality_machina": "monoclonal",
        },
    ),
    "polyphyletic: two lineages seed two metastases": (
        case({"R": "P", "A": "P M1", "B": "P M2"}, "RA RB"),
        {
            "pattern": "PS",
            "phyletic": "polyphyletic",
            "clonality_site": "monoclonal",
            "clonality_metient_genetic": "polyclonal",
            "primary_seeded_sites": "M1+M2",
            "met_to_met": "False",
        },
    ),
    "self-seeding of the primary": (
        case({"R": "P", "D": "P M1", "E": "M1", "F": "M1 P"}, "RD DE EF"),
        {
            "pattern": "R",
            "reseeding_primary": "True",
            "self_seeding": "True",
            "local_recurrence": "False",
            "site_sources": {"M1": "P", "P": "M1"},
            "site_seeding": {"M1": "monoclonal", "P": "monoclonal"},
        },
    ),
    "local recurrence is seeded by the primary, not by a metastasis": (
        case({"R": "P", "A": "P BED", "B": "P M1"}, "RA RB"),
        {
            "local_recurrence": "True",
            "self_seeding": "False",
            "reseeding_primary": "False",
            "pattern": "PS",
            "phyletic": "polyphyletic",
            "phyletic_clade": "monophyletic",
        },
    ),
    "clone not detected in the primary still departs from it": (
        case({"R": "P", "U": "", "X": "M1", "Y": "M2", "Z": "P"}, "RU UX UY UZ"),
        {"pattern": "PS", "seeding_clones_primary": "U", "phyletic": "monophyletic", "site_sources": {"M1": "P"}},
    ),
    "one clone in one metastasis, without private mutations": (
        case({"R": "P M1"}, ""),
        {"pattern": "PS", "ongoing_evolution": {"M1": "False"}, "site_seeding": {"M1": "monoclonal"}},
    ),
    "no migration at all": (
        case({"R": "P", "A": "P"}, "RA"),
        {
            "pattern": "none",
            "clonality_site": "none",
            "phyletic": "none",
            "seeding_clones_primary": "none",
            "primary_seeded_sites": "none",
            "reseeding_primary": "False",
            "site_seeding": {},
            "ongoing_evolution": {},
        },
    ),
}


@pytest.mark.parametrize("name", HAND_WORKED)
def test_hand_worked_labels(name):
    case_input, expected = HAND_WORKED[name]
    got = classify_case(case_input, settings=UNIFORM)
    assert_contains(expected, got["headline"])
    assert "override" not in got


def test_early_divergence_and_counts():
    got = classify_case(
        case({"R": "", "B": "P", "A": "M1"}, "RB RA", n_mut={"R": 50, "B": 30, "A": 7.5}), settings=UNIFORM
    )
    assert got["pm_counts"]["M1"] == {
        "shared_clonal": 50,
        "L_p": 30,
        "L_m": 7.5,
        "W_s": 0,
        "private_subclonal_m": 0,
        "jsi": 0.0,
        "shared_fraction": 0.625,
    }
    assert got["tracerx"]["divergence"] == {"M1": "early"}
    assert got["tracerx"]["case_clonality"] == "monoclonal"
    assert got["jsi_call"] == {"M1": "monoclonal"}


def test_tracerx_case_is_polyclonal_where_metastases_share_different_clusters():
    got = classify_case(case({"R": "P", "A": "P M1", "B": "P M2"}, "RA RB"), settings=UNIFORM)
    assert got["tracerx"]["region_clonality"] == {"M1": "monoclonal", "M2": "monoclonal"}
    assert got["tracerx"]["case_clonality"] == "polyclonal"
    assert got["tracerx"]["case_phyletic"] == "polyphyletic"
    assert got["tracerx"]["seeding_clones"] == {"M1": ["A"], "M2": ["B"]}


def test_node_and_distant_metastasis_of_separate_origin():
    pairs = {"ln_distant_pairs": [["L1", "M1"]]}
    separate = classify_case(case({"R": "P", "A": "P L1", "B": "P M1"}, "RA RB", **pairs), settings=UNIFORM)
    assert separate["ln_distant_origin"] == {"L1|M1": "separate"}
    common = classify_case(case({"R": "P", "A": "P L1", "B": "P M1", "C": "P"}, "RC CA CB", **pairs), settings=UNIFORM)
    assert common["ln_distant_origin"] == {"L1|M1": "common"}
    empty = classify_case(case({"R": "P", "A": "L1"}, "RA", **pairs | {"ln_distant_pairs": []}), settings=UNIFORM)
    assert "ln_distant_origin" not in empty


def test_founder_that_was_not_seen_is_flagged():
    seen_as_cluster = classify_case(case({"R": "P", "U": "", "X": "M1", "Y": "M1"}, "RU UX UY"), settings=UNIFORM)
    assert seen_as_cluster["headline"]["site_seeding"] == {"M1": "monoclonal"}
    assert "founder_unobserved:M1" in seen_as_cluster["flags"]
    polytomy = classify_case(case({"R": "P", "X": "M1", "Y": "M1"}, "RX RY"), settings=UNIFORM)
    assert polytomy["headline"]["site_seeding"] == {"M1": "polyclonal"}
    assert "founder_unobserved:M1" in polytomy["flags"]
    assert polytomy["site_seeding_resolved"] == {"M1": {"monoclonal": 1.0}}
    plain = classify_case(case({"R": "P", "X": "P M1", "Y": "P M1"}, "RX RY"), settings=UNIFORM)
    assert plain["flags"] == []
    assert plain["site_seeding_resolved"] == {"M1": {"polyclonal": 1.0}}


def test_source_that_was_not_seen_in_the_primary_is_flagged():
    got = classify_case(case({"R": "P", "U": "", "X": "M1", "Y": "M2", "Z": "P"}, "RU UX UY UZ"), settings=UNIFORM)
    assert "source_unobserved" in got["flags"]
    assert got["source_unobserved"] == {"True": 1.0}


def test_waves_count_comigrations_into_a_site():
    got = classify_case(case({"R": "P", "A": "P M1", "B": "M1", "C": "P M1"}, "RA AB BC"), settings=UNIFORM)
    assert got["labels"]["reseeding_primary"] == {"True": 1.0}
    two_sources = classify_case(case({"R": "P", "C": "P M2", "D": "P M1", "E": "M1 M2"}, "RC RD DE"), settings=UNIFORM)
    assert two_sources["seeding_waves"]["M2"] == {"2": 1.0}
    assert two_sources["repeated_seeding"] == {"M1": {"False": 1.0}, "M2": {"True": 1.0}}


@pytest.mark.parametrize(
    "hits",
    [
        {"SETD2": ["A", "B"], "TP53": ["A", "C"]},
        {"SETD2": {"A": "m1", "B": "m2"}, "TP53": {"A": "m3", "C": "m4"}},
        {"A": ["SETD2", "TP53"], "B": ["SETD2"], "C": "TP53"},
        {"SETD2": [["m1", "A"], {"clone": "B", "gene": "SETD2"}], "TP53": {"m3": "A", "m4": "C"}},
        [["SETD2", "A"], ["SETD2", "B"], ["A", "TP53", "m3"], ["C", "TP53", "m4"]],
        [
            {"gene": "SETD2", "clone": "A"},
            {"gene": "SETD2", "clone": "B", "event": "loss"},
            {"gene": "TP53", "clone": "A", "mutation": "m3"},
            {"gene": "TP53", "clone": "C", "mutation": "m4"},
        ],
    ],
)
def test_parallel_evolution_of_driver_hits(hits):
    tree = {"R": "P", "A": "P M1", "B": "P", "C": "M1"}
    got = classify_case(case(tree, "RA RB AC", driver_hits=hits), settings=UNIFORM)
    assert got["parallel_evolution"] == {"SETD2": True, "TP53": False}


def test_the_same_event_seen_twice_is_not_parallel_evolution():
    hits = {"SETD2": {"A": "chr3:47:C:T", "B": "chr3:47:C:T"}}
    got = classify_case(case({"R": "P", "A": "P M1", "B": "P"}, "RA RB", driver_hits=hits), settings=UNIFORM)
    assert got["parallel_evolution"] == {"SETD2": False}


def test_synchronous_and_metachronous():
    days = {"L1": 30, "M1": 181, "P": 0, "M2": None}
    more = {"days_from_primary_diagnosis": days}
    got = classify_case(case({"R": "P", "A": "P L1 M1 M2"}, "RA", **more), settings=UNIFORM)
    assert got["presentation"] == {"L1": "synchronous", "M1": "metachronous", "P": "synchronous"}


def test_two_primaries_are_each_a_root():
    classes = {"M2": "primary"}
    got = classify_case(case({"R": "P", "A": "P M2", "B": "M2 L1"}, "RA AB", classes=classes), settings=UNIFORM)
    assert got["headline"]["site_sources"] == {"L1": "M2", "M2": "P"}
    assert set(got["other_roots"]) == {"M2"}
    assert got["other_roots"]["M2"]["labels"]["site_sources"]["P"]["M2"] == 1.0
    assert got["headline"]["met_to_met"] == "False"  # a second primary is no metastasis


def test_partly_unrelated_patient_keeps_the_labels_of_its_metastases():
    tree = {"R": "", "A": "P M1", "B": "M2"}
    got = classify_case(case(tree, "RA RB", n_mut={"R": 0, "A": 20, "B": 30}), settings=UNIFORM)
    assert got["clonally_unrelated"] is False
    assert got["unrelated_sites"] == ["M2"]
    assert "override" not in got


def test_site_words_of_the_sample_sheet_and_normal_sites():
    classes = {"M1": "metastasis", "M2": "unknown", "M3": "recurrence", "M4": "normal"}
    parsed = parse_case(case({"R": "P M4", "A": "P M1 M2 M3"}, "RA", classes=classes))
    assert [site.site_class for site in parsed.sites] == ["primary", "distant", "distant", "bed"]
    assert parsed.presence.shape == (2, 4)
    assert parsed.warnings == ("site M2: class unknown, taken as a distant metastasis",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"primary": "Q"}, "column primary: 'Q' is not among the sites"),
        ({"primary": None}, "column primary: missing"),
        ({"presence": {"R": ["Q"]}}, "column presence: clone 'R': site 'Q' is not among the sites"),
        ({"presence": {"Z": ["P"]}}, "column presence: clone 'Z' is not in the tree"),
        ({"root": "A"}, "column root: 'A' is not the root of the edges, 'R' is"),
        ({"edges": [["R", "A"], ["B", "A"]]}, "two parents"),
        ({"edges": [], "root": None}, "column root: missing"),
        ({"n_mut": {"R": -1}}, "column n_mut: clone 'R': -1 is not a number of mutations"),
        ({"sites": {"P": {"site_class": "moon"}}}, "site_class 'moon' is none of"),
        ({"driver_hits": {"TP53": ["Z"]}}, "column driver_hits: TP53, Z: expected a gene and a clone of the tree"),
        ({"edges": [["R", "A", "B"]]}, "column edges: not a list of pairs"),
        ({"ln_distant_pairs": "L1"}, "column ln_distant_pairs: not a list of pairs"),
        ({"presence": ["P"]}, "column presence: not an object"),
        ({"sites": {"P": "primary"}}, "column sites: P: not an object"),
        ({"driver_hits": 3}, "column driver_hits: neither an object nor a list"),
        ({"driver_hits": ["TP53"]}, "column driver_hits: TP53: expected a gene and a clone of the tree"),
        ({"ln_distant_pairs": [["L9", "M1"]]}, "column ln_distant_pairs: 'L9' is not among the sites"),
    ],
)
def test_a_wrong_case_names_what_is_wrong(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        classify_case({**case({"R": "P", "A": "M1"}, "RA"), **change}, settings=UNIFORM)
