"""The acceleration learnt from a cohort: its likelihood by quadrature, what is recovered, dates with and without."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from test_timing import build

from phylometa.cohort.priors import tell_acceleration
from phylometa.config import TimingSettings
from phylometa.model.interval import Estimate
from phylometa.model.patient import Lesion
from phylometa.pipeline.stages import AnalysisResult
from phylometa.reference.tables import AccelerationPrior
from phylometa.timing.cohort_acceleration import (
    _SHIFTS,
    _SPREADS,
    PatientAcceleration,
    _log_likelihood,
    cohort_prior_of,
    fit_cohort_acceleration,
)
from phylometa.timing.infer import date_dissemination

PRIOR = AccelerationPrior(5.0, 0.6, "settings")


def patient_of(mean, sd, prior=PRIOR):
    """A patient whose likelihood of ln a over the prior's median is N(mean, sd^2)."""
    precision = 1 / sd**2 + 1 / prior.sigma**2
    centre, width = math.log(prior.median) + mean / sd**2 / precision, precision**-0.5
    posterior = Estimate(*(math.exp(centre + z * width) for z in (0.0, -1.959964, 1.959964)))
    return PatientAcceleration(posterior, prior)


def test_a_patients_likelihood_is_its_posterior_over_its_prior():
    slope, curvature = patient_of(0.4, 0.6).likelihood
    assert curvature == pytest.approx(1 / 0.36) and slope == pytest.approx(0.4 / 0.36)


def test_the_closed_form_equals_quadrature():
    slope, curvature = patient_of(0.4, 0.6).likelihood
    y = np.linspace(-8, 8, 8001)
    found = _log_likelihood(slope, curvature)
    for i, j in ((250, 20), (330, 60), (180, 120)):
        shift, spread = _SHIFTS[i], _SPREADS[j]
        normal = np.exp(-0.5 * ((y - shift) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
        exact = np.log(np.sum(np.exp(slope * y - curvature * y**2 / 2) * normal) * (y[1] - y[0]))
        assert found[i, j] == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("shift", [math.log(2), 0.0, -math.log(2)], ids=["twice", "as assumed", "half"])
def test_median_and_spread_are_recovered(shift):
    rng = np.random.default_rng(4)
    patients = [patient_of(shift + 0.2 * rng.standard_normal() + 0.6 * rng.standard_normal(), 0.6) for _ in range(60)]
    found = fit_cohort_acceleration(patients)
    assert found.factor == pytest.approx(math.exp(shift), rel=0.2)
    assert 0.15 < found.sigma < 0.4 and found.n_patients == 60
    assert found.median == pytest.approx(5 * found.factor, abs=1e-3)
    assert fit_cohort_acceleration(patients[::-1]) == found


def test_patients_that_say_nothing_leave_the_prior_as_it_was():
    found = fit_cohort_acceleration([patient_of(0.0, 50.0)] * 20)
    assert (found.factor, found.sigma) == (1.0, pytest.approx(0.6, abs=0.01))
    few = fit_cohort_acceleration([patient_of(0.7, 0.2)] * 4)
    assert (few.factor, few.sigma, few.n_patients) == (1.0, 0.0, 4) and math.isnan(few.median)
    assert cohort_prior_of(PRIOR, few.factor, few.sigma) is PRIOR


def test_types_keep_their_ratio():
    ovary = AccelerationPrior(7.5, 0.5, "table")
    found = fit_cohort_acceleration([patient_of(0.5, 0.1, prior) for prior in (PRIOR, ovary) for _ in range(20)])
    assert found.factor == pytest.approx(math.exp(0.5), rel=0.05)
    assert cohort_prior_of(ovary, found.factor, found.sigma).median == pytest.approx(7.5 * found.factor)


def test_dates_are_given_with_and_without_and_the_prior_is_called_one():
    inputs = build()
    settings = TimingSettings(draws=800, clock="snv")
    plain = date_dissemination(*inputs, settings=settings, rng=np.random.default_rng(1))
    fitted = dataclasses.replace(settings, cohort_acceleration=2.0, cohort_acceleration_sigma=0.1)
    found = date_dissemination(*inputs, settings=fitted, rng=np.random.default_rng(1))
    assert not any(row.model == "without_cohort" for row in plain.intervals)
    rows = {row.model: row for row in found.intervals}
    assert "a prior fitted to a cohort, 2 times 5" in rows["joint"].notes[0]
    assert "cohort" not in rows["without_cohort"].notes[0]
    joint = next(row for row in plain.intervals if row.model == "joint")
    assert rows["without_cohort"].founder.median == pytest.approx(joint.founder.median, abs=1.0)
    assert rows["joint"].divergence.median > joint.divergence.median
    assert any("assumed acceleration" in text and "fitted to a cohort" in text for text in found.warnings)


def test_sizes_or_serial_samples_make_a_patient_tell():
    settings = TimingSettings(draws=400, clock="snv")
    inputs = build()
    timing = date_dissemination(*inputs, settings=settings, rng=np.random.default_rng(1))
    assert tell_acceleration(AnalysisResult(patient=inputs[0]), settings) is None
    assert tell_acceleration(AnalysisResult(patient=inputs[0], timing=timing), settings) is None
    serial = build(ages=(58.0, 58.0, 60.0))
    timing = date_dissemination(*serial, settings=settings, rng=np.random.default_rng(1))
    told = tell_acceleration(AnalysisResult(patient=serial[0], timing=timing), settings)
    assert told.prior.median == 5.0 and told.posterior.lo < told.posterior.median < told.posterior.hi
    patient = inputs[0].with_changes(lesions=(Lesion("liver", inputs[0].samples[2].collection_date, 2.0),))
    timing = date_dissemination(patient, *inputs[1:], settings=settings, rng=np.random.default_rng(1))
    fitted = dataclasses.replace(settings, cohort_acceleration=2.0, cohort_acceleration_sigma=0.3)
    told = tell_acceleration(AnalysisResult(patient=patient, timing=timing), fitted)
    assert (told.prior.median, told.prior.sigma) == (10.0, 0.3)


@pytest.mark.slow
@pytest.mark.parametrize(("median", "low", "high"), [(10.0, 5.5, 16.0), (2.5, 1.5, 4.5)])
def test_a_simulated_cohort_tells_its_acceleration(median, low, high):
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "cohort_acceleration.py"
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("cohort_acceleration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = np.random.default_rng(11)
    cohort, _ = module.draw_cohort(median, 15, rng)
    with module.tempfile.TemporaryDirectory() as scratch:
        settings = TimingSettings(draws=800, clock="snv", tables=module.write_tables(scratch))
        _, told = module.date_cohort(cohort, settings, rng)
    found = fit_cohort_acceleration(told)
    assert low < found.median < high
