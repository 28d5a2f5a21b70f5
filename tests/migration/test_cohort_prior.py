"""The cohort prior: likelihood by hand, recovery on simulated cohorts, two passes on disk."""

import math

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.migration import Scenario, infer_history_ensemble
from phylometa.migration.cohort_prior import (
    MOST,
    CohortPrior,
    PatientRoutes,
    _log_evidence,
    fit_cohort_prior,
    patient_routes,
)
from phylometa.migration.route_prior import favour_routes, find_route_prior
from phylometa.model.patient import Site
from phylometa.reference.tables import reference_histories
from phylometa.simulate import SimulationSettings, lose_populations, simulate_patient, visible_truth
from phylometa.simulate.patterns import draw_plan

LOST = 0.4  # share of populations that die out: the default weights were chosen at .1 and .25


def cohort(pattern, n, seed):
    """True trees and presence of `n` patients, their sites, and the true routes."""
    found = []
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        settings = SimulationSettings(
            pattern=pattern,
            lymph_nodes=1 if pattern == "lymph_node" else 0,
            distant_sites=int(rng.integers(2, 4)),
            mutation_rate=0.0002,
            depth=60,
        )
        plan = lose_populations(draw_plan(settings, rng), LOST, rng)
        visible = visible_truth(simulate_patient(settings, rng=rng, plan=plan))
        found.append(
            (visible.tree, visible.presence, int(visible.history.root[1]), set(visible.history.migration_counts))
        )
    return found


def histories_of(tree, presence, primary, settings=None):
    names = [str(t) for t in range(presence.shape[1])]
    settings = settings or MigrationSettings()
    found = infer_history_ensemble([Scenario(0, tree, 1.0, presence)], names, primary=primary, settings=settings)
    sites = [Site(name, "primary" if t == primary else "distant") for t, name in enumerate(names)]
    return favour_routes(found, find_route_prior(sites, primary, settings))


def log_score(patients, settings):
    """Mean log score of a pair of sites: was there a route?"""
    scores = []
    for tree, presence, primary, routes in patients:
        p = np.clip(histories_of(tree, presence, primary, settings).migration_probability, 0, 1)
        pairs = [(s, t) for s in range(len(p)) for t in range(len(p)) if s != t]
        scores += [math.log(max(p[pair] if pair in routes else 1 - p[pair], 1e-3)) for pair in pairs]
    return float(np.mean(scores))


def test_evidence_of_one_patient_by_hand():
    patient = PatientRoutes(2, np.array([0.75, 0.25]), np.array([[0.0, 0, 0], [1, 0, 0]]))
    reference = {2: (np.array([0.5, 0.5]), np.array([[0.0, 0, 0], [2, 0, 0]]))}
    tilts = np.array([math.log(3), 0.0, 0.0])
    assert _log_evidence(patient, tilts, reference) == pytest.approx(math.log((0.75 + 0.25 * 3) / ((1 + 9) / 2)))
    assert _log_evidence(patient, np.zeros(3), reference) == pytest.approx(0.0)


def test_reference_is_a_distribution_for_every_number_of_metastases():
    reference = reference_histories()
    assert {2, 3, 4, 5} <= set(reference)
    assert all(
        share.sum() == pytest.approx(1.0) and statistics.shape[1] == 3 for share, statistics in reference.values()
    )


def test_a_cohort_like_the_reference_is_not_tilted_and_order_does_not_count():
    rng = np.random.default_rng(0)
    patients = []
    for _ in range(800):
        share, statistics = reference_histories()[3]
        row = statistics[rng.choice(len(share), p=share)]
        patients.append(PatientRoutes(3, np.ones(1), row[None]))
    found = fit_cohort_prior(patients)
    assert max(map(abs, (found.between, found.back, found.further))) < 0.25
    assert fit_cohort_prior(patients[::-1]) == found
    assert fit_cohort_prior(patients[:1]) == CohortPrior(0.0, 0.0, 0.0, 1, 0.0)


@pytest.mark.parametrize(("pattern", "sign"), [("lymph_node", 1), ("parallel", -1)])
def test_log_score_of_simulated_cohorts_with_sweeps_is_better_with_than_without(pattern, sign):
    patients = cohort(pattern, 16, 7)
    prior = fit_cohort_prior([patient_routes(histories_of(*one[:3]), one[2]) for one in patients])
    assert sign * prior.between > 0.3 and abs(prior.between) <= MOST
    assert prior.log_gain > 0
    fitted = MigrationSettings(cohort_between=prior.between, cohort_back=prior.back, cohort_further=prior.further)
    assert log_score(patients, fitted) > log_score(patients, MigrationSettings())
    # the fit of histories with the prior is that of those without
    again = fit_cohort_prior([patient_routes(histories_of(*one[:3], fitted), one[2]) for one in patients])
    assert again == prior


def test_prior_of_routes_by_hand():
    sites = [Site("P", "primary"), Site("M", "distant"), Site("N", "distant")]
    prior = find_route_prior(sites, 0, MigrationSettings(cohort_between=1.0, cohort_back=2.0, cohort_further=4.0))
    assert prior.of_history({(0, 1): 3, (0, 2): 1}) == 0.0
    assert prior.of_history({(0, 1): 1, (1, 2): 1}) == 1.0
    assert prior.of_history({(0, 1): 1, (0, 2): 1, (1, 2): 1, (2, 0): 1}) == 1.0 + 2.0 + 4.0
    assert find_route_prior(sites, 0, MigrationSettings()) is None
