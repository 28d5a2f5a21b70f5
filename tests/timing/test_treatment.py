"""Radiotherapy formulas at their reference values; reseeding curve; evidence grades."""

from __future__ import annotations

import math

import numpy as np
import pytest

from phylometa.timing.treatment import (
    biologically_effective_dose,
    control_curves,
    equivalent_dose_2gy,
    grade_reseeding_evidence,
    is_oligometastatic,
    is_radiation_scar_deletion,
    is_synchronous,
    radiation_scar_excess,
    surviving_fraction,
    tumour_control_probability,
)


@pytest.mark.parametrize(("dose", "control"), [(40, 0.0038), (50, 0.8587), (60, 0.9958)])
def test_control_probability_reference_values(dose, control):
    survival = surviving_fraction(2.0, dose / 2, alpha=0.3, beta=0.03)
    assert round(float(tumour_control_probability(1e7, survival)), 4) == control


def test_dose_equivalents_reference_values():
    assert biologically_effective_dose(54, 18, alpha_beta=10) == pytest.approx(151.2)
    assert equivalent_dose_2gy(54, 18, alpha_beta=10) == pytest.approx(126)


def test_reseeding_turns_the_control_curve_down():
    curves = control_curves(
        np.arange(0, 121, 2.0), clonogens=1e7, alpha=0.3, beta=0.03, recruitment=10, clonogenic_probability=1e-4
    )
    assert (np.diff(curves.control) >= 0).all()
    assert (curves.control_with_reseeding <= curves.control).all()
    assert 50 < curves.best_dose < 80
    after = curves.control_with_reseeding[curves.dose > curves.best_dose]
    assert (np.diff(after) < 0).all()
    # 60 Gy: survivors 1e7 exp(-21.6 ...) as without, plus 10 x 60 x 1e-4 reseeded.
    at_60 = curves.control_with_reseeding[30]
    assert at_60 == pytest.approx(0.9958 * math.exp(-0.06), abs=1e-4)
    assert "assumed" in curves.label
    none = control_curves([60.0], clonogens=1e7, alpha=0.3, beta=0.03, recruitment=0, clonogenic_probability=1)
    assert none.control_with_reseeding == pytest.approx(none.control)


def test_synchronous_and_oligometastatic():
    assert is_synchronous(100, limit=180)
    assert is_synchronous(-100, limit=180)
    assert is_synchronous(181, limit=180) is False
    assert is_synchronous(float("nan"), limit=180) is None
    assert [is_oligometastatic(n) for n in (0, 1, 5, 6)] == [False, True, True, False]


def test_scar_deletions():
    lengths = {n: is_radiation_scar_deletion("A" + "C" * n, "A") for n in (4, 5, 15, 16)}
    assert lengths == {4: False, 5: True, 15: True, 16: False}
    assert is_radiation_scar_deletion("ACGTA", "-")
    assert not is_radiation_scar_deletion("A", "ACGTACG")


def test_scar_excess_is_the_binomial_tail():
    expected = sum(math.comb(20, k) * 0.1**k * 0.9 ** (20 - k) for k in range(5, 21))
    assert radiation_scar_excess(5, 20, background_share=0.1) == pytest.approx(expected)
    assert radiation_scar_excess(0, 20, background_share=0.1) == 1.0


STRONG = {
    "has_metastasis_private_clonal": True,
    "primary_power": 0.99,
    "recurrence_in_field": True,
    "share_of_histories_with_return": 1.0,
}


def test_strong_evidence_needs_every_observation():
    assert grade_reseeding_evidence(**STRONG).grade == "strong"
    for key, value in (
        ("has_metastasis_private_clonal", False),
        ("has_metastasis_private_clonal", None),
        ("primary_power", 0.7),
        ("primary_power", float("nan")),
        ("recurrence_in_field", False),
        ("recurrence_in_field", None),
        ("share_of_histories_with_return", 0.6),
    ):
        evidence = grade_reseeding_evidence(**{**STRONG, key: value})
        assert evidence.grade == "insufficient", key


def test_moderate_evidence_and_its_limits():
    weak = {
        "has_metastasis_private_clonal": None,
        "primary_power": float("nan"),
        "recurrence_in_field": True,
        "share_of_histories_with_return": 0.5,
    }
    assert grade_reseeding_evidence(**weak, recurrence_has_scar=False).grade == "moderate"
    assert grade_reseeding_evidence(**weak, out_of_field_shares_scar=True).grade == "moderate"
    assert grade_reseeding_evidence(**weak, recurrence_has_scar=False, exome_only=True).grade == "insufficient"
    alone = grade_reseeding_evidence(**weak, scar_private_to_irradiated=True, dates_in_order=True)
    assert alone.grade == "insufficient"
    assert any("dates alone" in line for line in alone.observations)
    assert any("50%" in line for line in alone.observations)
