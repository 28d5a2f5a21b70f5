"""Dates and sizes on the patient's age axis: which diagnosis counts, P(during), which lesion is measured, the scar."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest

from phylometa.config import TimingSettings
from phylometa.model.patient import CopyNumberAtLoci, Lesion, MutationTable, Patient, Sample, Site, Treatment
from phylometa.model.timing import TimedEvent
from phylometa.timing.events import age_at, event_probabilities, patient_events
from phylometa.timing.growth_evidence import GRID
from phylometa.timing.lesion_growth import trace_lesions
from phylometa.timing.lesions import lesion_evidence
from phylometa.timing.reseeding import _has_scar

DAY = datetime.date(2015, 6, 1)


def make_patient(samples, *, lesions=(), treatments=(), refs=("C",), alts=("T",)):
    """Sites in the order of the samples, the first one the primary."""
    sites = tuple(
        Site(name, "primary" if i == 0 else "distant") for i, name in enumerate(dict.fromkeys(s.site for s in samples))
    )
    n = len(refs)
    table = MutationTable(
        ids=tuple(f"m{i}" for i in range(n)),
        sample_names=tuple(sample.name for sample in samples),
        alt_counts=np.zeros((n, len(samples)), dtype=int),
        depth=np.full((n, len(samples)), 100),
        refs=refs,
        alts=alts,
    )
    copy_number = CopyNumberAtLoci.diploid(n, len(samples))
    return Patient("P", samples, sites, table, copy_number, lesions=lesions, treatments=treatments)


def sample(name, site, **fields):
    return Sample(name, site, purity=0.8, age=60.0, collection_date=DAY, **fields)


def test_the_diagnosis_is_that_of_the_primary_else_the_first_of_any_site():
    early, late = datetime.date(2012, 6, 1), datetime.date(2014, 6, 1)
    both = make_patient((sample("a", "colon", diagnosis_date=late), sample("b", "liver", diagnosis_date=early)))
    (event,) = patient_events(both)
    assert event.start_age == pytest.approx(age_at(both, late)) == pytest.approx(59.0, abs=0.01)
    other = make_patient((sample("a", "colon"), sample("b", "liver", diagnosis_date=early)))
    (event,) = patient_events(other)
    assert event.start_age == pytest.approx(age_at(other, early)) == pytest.approx(57.0, abs=0.01)


def test_names_of_repeated_treatments_count_upwards():
    days = [datetime.date(year, 1, 1) for year in (2010, 2011, 2012, 2013)]
    patient = make_patient((sample("a", "colon"),), treatments=tuple(Treatment("x", "", day, day) for day in days))
    assert [event.name for event in patient_events(patient)] == ["x", "x_2", "x_3", "x_4"]


def test_probabilities_before_and_during_an_event_by_hand():
    ages = np.array([40.0, 44.0, 46.0, 48.0, 60.0])
    events = (TimedEvent("course", "systemic", "", 45.0, 50.0), TimedEvent("day", "surgery", "", 46.0, 46.0))
    before, during = event_probabilities(ages, events)
    assert before == {"course": 0.4, "day": 0.4}
    assert during == {"course": 0.4}


def grown(patient, **settings):
    chosen = TimingSettings(**settings)
    lesions, warnings = lesion_evidence(patient, chosen)
    return lesions, trace_lesions(patient, lesions, settings=chosen, rng=np.random.default_rng(1)), warnings


def test_a_type_without_a_doubling_time_takes_the_wide_default():
    """The first site's tissue has none in the table; the second one's sizes speak for themselves."""
    patient = make_patient(
        (
            sample("a", "spleen", cancer_type="sarcoma", diameter_cm=2.0),
            sample("b", "liver", cancer_type="sarcoma", diameter_cm=2.0),
        )
    )
    lesions = tuple(Lesion("liver", datetime.date(2014 + i, 6, 1), 1.0 + i) for i in range(2))
    _, rows, warnings = grown(patient.with_changes(lesions=lesions))
    assert any("spleen" in text and "wide one of all types" in text for text in warnings)
    assert [row.site for row in rows] == ["spleen", "liver"]
    assert rows[0].doubling_sd > 0.9 * rows[0].doubling_days
    assert "2 sizes" in rows[1].source


def test_the_largest_of_several_samples_of_a_site_is_traced_back():
    small, large = (
        sample(name, "liver", cancer_type="colorectal", diameter_cm=cm) for name, cm in (("b", 1.0), ("c", 3.0))
    )
    patient = make_patient((sample("a", "colon", cancer_type="colorectal"), small, large))
    _, rows, _ = grown(patient)
    assert [(row.site, row.diameter_cm) for row in rows] == [("liver", 3.0)]


def test_ages_at_the_first_cell_run_backwards_from_the_measurement():
    patient = make_patient(
        (
            sample("a", "colon", cancer_type="colorectal"),
            sample("b", "liver", cancer_type="colorectal", diameter_cm=2.0),
        )
    )
    (row,) = grown(patient)[1]
    for years, age in ((row.exponential_years, row.exponential_age), (row.gompertz_years, row.gompertz_age)):
        assert age.median == pytest.approx(60.0 - years.median)
        assert age.lo == pytest.approx(60.0 - years.hi)
        assert age.hi == pytest.approx(60.0 - years.lo)
        assert age.lo < age.median < age.hi < 60.0


def test_two_sizes_tell_no_spread_so_one_is_assumed():
    patient = make_patient((sample("a", "colon"), sample("b", "liver")))
    lesions = (Lesion("liver", datetime.date(2014, 6, 1), 1.0), Lesion("liver", DAY, 2.0))
    (row,) = grown(patient.with_changes(lesions=lesions))[1]
    assert math.isfinite(row.doubling_sd) and row.doubling_sd > 0


def test_sizes_after_treatment_do_not_tell_growth():
    patient = make_patient((sample("a", "colon"), sample("b", "liver")))
    sizes = tuple(Lesion("liver", datetime.date(2012 + i, 6, 1), cm) for i, cm in enumerate((1.0, 2.0, 0.5)))
    course = Treatment("systemic", "", datetime.date(2013, 9, 1))
    elsewhere = Treatment("surgery", "colon", datetime.date(2012, 1, 1))
    (lesion,), _, _ = grown(patient.with_changes(lesions=sizes, treatments=(course, elsewhere)))
    assert lesion.diameters_cm == (1.0, 2.0) and lesion.is_measured
    (last,), _, warnings = grown(patient.with_changes(lesions=sizes))
    assert last.diameters_cm == (0.5,) and any("did not grow" in text for text in warnings)


def test_a_sampled_metastasis_without_a_size_was_there_all_the_same():
    patient = make_patient((sample("a", "colon"), sample("b", "liver")))
    (lesion,), rows, _ = grown(patient)
    assert (lesion.site, lesion.is_measured, rows) == ("liver", False, ())
    table = lesion.arrival_table("exponential")
    young, old = np.interp(np.log([0.05, 6.0]), np.log(GRID), table)
    assert young < old - 10  # nothing grows to half a centimetre in weeks


@pytest.mark.parametrize(
    ("own", "with_scar", "other", "expected"),
    [
        (100, 30, 400, True),  # far more deletions than elsewhere
        (400, 0, 1000, None),  # none, but a fourfold excess would be two deletions: not judged
        (0, 0, 100, None),
    ],
)
def test_the_scar_is_said_only_where_it_would_show(own, with_scar, other, expected):
    refs = tuple("ACGTACGT" if i < with_scar else "C" for i in range(own + other))
    alts = tuple("A" if i < with_scar else "T" for i in range(own + other))
    patient = make_patient((sample("a", "colon"),), refs=refs, alts=alts)
    is_own = np.arange(own + other) < own
    assert _has_scar(patient, is_own, ~is_own) is expected


def test_the_lack_of_a_scar_is_said_where_the_background_is_high():
    """1 % of the others are such deletions: of 2,000 own ones 80 would show a fourfold excess, and none does."""
    refs = ("C",) * 2000 + ("ACGTACGT",) * 20 + ("C",) * 1980
    alts = tuple("A" if len(ref) > 1 else "T" for ref in refs)
    patient = make_patient((sample("a", "colon"),), refs=refs, alts=alts)
    is_own = np.arange(4000) < 2000
    assert _has_scar(patient, is_own, ~is_own) is False
