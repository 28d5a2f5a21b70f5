"""Levels of statements, and the words and JSON of what limits them."""

import json
import math
from dataclasses import replace

import pytest

from phylometa.config import SeedingSettings
from phylometa.model.certainty import (
    Cap,
    Carrier,
    Certainty,
    Convergence,
    Evidence,
    RouteStatement,
    decide_level,
    each_statement,
)

SETTINGS = SeedingSettings()
ONE = Evidence(0.5, 0.4, (Carrier("1:5:C:T", "SFRP4", "prostate_1", 14, 49),))
TWO = Evidence(0.9, 0.4)
MANY = Evidence(0.9, 0.85)
STUCK = Convergence(240, 4, 0.2, "pattern", 1.3, "pattern", 12.0, False)
MIXED = replace(STUCK, largest_mcse=0.03, largest_r_hat=1.02, is_converged=True)


@pytest.mark.parametrize(
    ("probability", "options", "level", "could_be"),
    [
        (1.0, {}, "supported", ""),
        (0.95, {}, "supported", ""),
        (0.96, {"mcse": 0.004}, "supported", ""),
        (0.96, {"mcse": 0.006}, "favoured", "supported"),
        (0.94, {"mcse": 0.006}, "favoured", "supported"),
        (0.94, {"mcse": 0.004}, "favoured", ""),
        (0.9, {"mcse": 0.06}, "not determined", "supported"),
        (0.98, {"mcse": 0.005, "convergence": STUCK}, "favoured", "supported"),  # half of 12 + 1 draws is .04
        (0.98, {"mcse": 0.005, "convergence": MIXED}, "supported", ""),
        (1.0, {"mcse": 0.0, "convergence": STUCK}, "supported", ""),  # the same in every draw
        (0.99, {"evidence": ONE}, "favoured", ""),
        (0.99, {"evidence": TWO}, "supported", ""),
        (0.99, {"evidence": MANY}, "supported", ""),
        (0.96, {"mcse": 0.01, "evidence": ONE}, "favoured", ""),
        (0.99, {"cap": Cap("favoured", "")}, "favoured", ""),
        (0.99, {"cap": Cap("not determined", ""), "evidence": ONE}, "not determined", ""),
        (0.7, {"cap": Cap("favoured", "")}, "not determined", ""),
    ],
)
def test_levels(probability, options, level, could_be):
    assert decide_level(probability, SETTINGS, **options) == (level, could_be)


def test_what_a_statement_rests_on():
    assert [evidence.rests_on(SETTINGS) for evidence in (ONE, TWO, MANY)] == [1, 2, None]


def test_statements_of_patient_and_sites():
    labels = {"pattern": {"PS": 1.0}, "site_seeding": {"M": {"polyclonal": 0.6}}, "ln_route": {}}
    assert list(each_statement(labels)) == [
        ("pattern", "", {"PS": 1.0}),
        ("site_seeding", "M", {"polyclonal": 0.6}),
    ]


def test_the_json_is_read_back():
    cap = Cap("favoured", "depth (median 20 reads)", "sequence deeper")
    certainty = Certainty(
        mcse={"pattern": {"PS": 0.01}, "site_seeding": {"M": {"polyclonal": 0.02}}},
        could_be={"pattern": "supported"},
        caps={"site_seeding:M": cap},
        evidence={"pattern": ONE},
        routes=(RouteStatement("P", "M", 0.99, "favoured", 0.01, "", cap, ONE),),
        convergence=Convergence(240, 4, 0.06, "site_seeding:M", 1.2, "pattern", 12.0, False),
    )
    document = json.loads(json.dumps(certainty.to_json(SETTINGS)))
    assert document["mcse"]["routes"] == [["P", "M", 0.01]]
    assert document["caps"]["site_seeding:M"]["cap_reason"] == "depth (median 20 reads)"
    assert document["rests_on"]["pattern"]["n_mutations"] == 1
    again = Certainty.from_json(document)
    assert again.to_json(SETTINGS) == document
    assert again.error_of("site_seeding", "M", "polyclonal") == 0.02 and again.error_of("pattern", "", "S") == 0.0
    assert Certainty.from_json(Certainty().to_json(SETTINGS)).to_json(SETTINGS)["mcse"] is None


def test_what_has_not_converged_is_named_with_the_remedy():
    apart = Convergence(240, 4, 0.06, "site_seeding:M", 1.2, "pattern", 12.0, False)
    assert "Seeding of M has a standard error of 0.06" in apart.text
    assert "chains disagree on Migration pattern (R-hat 1.20)" in apart.text and "joint_rounds" in apart.text
    assert Convergence(240, 4, 0.01, "pattern", 1.0, "pattern", 200.0, True).text == ""


def test_chains_too_short_for_an_r_hat_are_said_to_be_few_draws():
    """Read back from JSON, where what is not a number is null."""
    short = Convergence(4, 4, 0.2, "pattern", math.nan, "pattern", 3.0, False)
    document = Certainty(convergence=short).to_json(SETTINGS)
    assert math.isnan(document["convergence"]["largest_r_hat"])
    document["convergence"]["largest_r_hat"] = None
    again = Certainty.from_json(document).convergence
    assert math.isnan(again.largest_r_hat) and "the 4 draws of 4 chains are worth 3)" in again.text
