"""Labels and routes summed over draws, their Monte-Carlo errors, and the levels that follow."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.joint.consensus import Projection
from phylometa.joint.diagnostics import migration_errors
from phylometa.migration import joint_histories
from phylometa.model.certainty import Cap, each_statement
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.monte_carlo import diagnose_draws
from phylometa.model.patient import Site
from phylometa.seeding.caps import Caps
from phylometa.seeding.classify import classify_seeding
from phylometa.seeding.drawn import labels_of_draws
from phylometa.seeding.levels import limit_levels
from phylometa.seeding.sentences import headline_sentences

SITES = (Site("P", "primary"), Site("L", "distant"), Site("M", "distant"))
NAMES = tuple(site.name for site in SITES)


def draw_of(through_l, chain):
    """A trunk in the primary; a clone founds L, another M: from L if the second descends from a clone seen there."""
    parents = [-1, 0, 1 if through_l else 0]
    presence = np.eye(3, dtype=bool)
    return JointDraw(np.repeat(np.arange(3), 5), np.array(parents), np.full((3, 3), 1 / 3), presence, chain)


def joint_of(answers):
    """Draws of four chains; `answers` (4, n): whether M descends from L."""
    draws = tuple(draw_of(bool(answer), chain) for chain, row in enumerate(answers) for answer in row)
    return JointPosterior(draws, np.full(len(draws), 1 / len(draws)))


def histories_of(joint):
    histories = joint_histories(joint, NAMES, primary=0, settings=MigrationSettings())
    identity = tuple(
        Projection(draw.parents, np.arange(3), np.arange(3), draw.proportions, draw.presence) for draw in joint.draws
    )
    return replace(histories, drawn=histories, errors=migration_errors(joint, histories, identity))


def labels_of(joint, caps=None):
    histories = histories_of(joint)
    labels = classify_seeding(joint.tree, histories, SITES, primary=0, over_clusterings=(joint, histories))
    return limit_levels(labels, histories, caps or Caps({}, {}), {})


RANDOM = np.random.default_rng(1).random((4, 30)) < 0.5
STUCK = np.repeat([[True], [True], [True], [False]], 30, axis=1)
ALWAYS = np.ones((4, 30), dtype=bool)


def test_labels_are_those_of_all_draws_and_errors_those_of_the_draws():
    joint = joint_of(RANDOM)
    histories = histories_of(joint)
    drawn = labels_of_draws(joint, histories, SITES, 0)
    labels = labels_of(joint)
    for name, site, values in each_statement({**labels.labels, **labels.extra}):
        if name != "seeding_clones_primary":
            part = drawn.labels[name][site] if site else drawn.labels[name]
            assert values == part
            assert set(values) == set(labels.certainty.mcse[name][site] if site else labels.certainty.mcse[name])
    assert drawn.weights.sum() == pytest.approx(1.0)
    index = drawn.keys.index(("site_sources", "M", "L"))
    expected = diagnose_draws(drawn.conditional()[:, [index]], drawn.weights, joint.chain)
    assert expected.probability[0] == pytest.approx(labels.labels["site_sources"]["M"]["L"])
    assert (
        labels.certainty.error_of("site_sources", "M", "L") == pytest.approx(expected.mcse[0]) and expected.mcse > 0.01
    )


def test_a_route_and_the_label_that_says_the_same_have_one_error():
    histories = histories_of(joint_of(RANDOM))
    labels = labels_of(joint_of(RANDOM))
    assert histories.errors is not None
    route = next(r for r in labels.certainty.routes if (r.source, r.target) == ("L", "M"))
    assert route.probability == pytest.approx(labels.labels["met_to_met"]["True"], abs=0.02)
    assert histories.errors.routes[1, 2][0] == route.mcse
    # Clone 2 is the only one that goes from L to M, whatever clone departs.
    clones = [mcse for (s, t, _, v), mcse in histories.errors.migrations.items() if (s, t, v) == (1, 2, 2)]
    assert max(clones) == pytest.approx(route.mcse, rel=0.01)
    assert histories.errors.of_routes(3)[1, 2] == route.mcse


def test_chains_that_agree_have_converged_and_no_error():
    labels = labels_of(joint_of(ALWAYS))
    found = labels.certainty.convergence
    assert found.is_converged and found.largest_mcse < 1e-9 and found.n_chains == 4 and found.n_draws == 120
    assert not any("converged" in text for text in labels.warnings)


def test_chains_that_disagree_are_said_and_lower_the_levels():
    labels = labels_of(joint_of(STUCK))
    found = labels.certainty.convergence
    assert not found.is_converged and found.largest_mcse > 0.1 and found.largest_r_hat > 2
    (warning,) = [text for text in labels.warnings if "converged" in text]
    assert "standard error" in warning and "joint_rounds" in warning
    assert labels.level("site_sources", "M") == "not determined"
    assert labels.certainty.could_be["site_sources:M"] in ("favoured", "supported")
    notes = [said.note for said in headline_sentences(labels) if said.label == "site_sources" and said.site == "M"]
    assert notes == [f"Could be {labels.certainty.could_be['site_sources:M']} with more draws."]


def test_caps_lower_levels_and_say_why():
    cap = Cap("favoured", "depth (median 20 reads)", "sequence deeper")
    caps = Caps({"site_sources:L": cap, "ongoing_evolution:L": cap}, {("P", "L"): Cap("not determined", "swapped")})
    labels = labels_of(joint_of(ALWAYS), caps)
    assert labels.labels["site_sources"]["L"]["P"] > 0.95
    assert labels.level("site_sources", "L") == "favoured" and labels.headline["site_sources"]["L"] == "ambiguous"
    assert labels.certainty.caps["site_sources:L"] == cap
    (said,) = [said for said in headline_sentences(labels) if said.label == "site_sources" and said.site == "L"]
    assert said.status == "favoured"
    assert said.note == (
        "At most favoured, whatever its probability: depth (median 20 reads). To lift this: sequence deeper."
    )
    levels = {(route.source, route.target): route.level for route in labels.certainty.routes}
    assert levels["P", "L"] == "not determined" and levels["L", "M"] in ("supported", "favoured")
    uncapped = labels_of(joint_of(ALWAYS))
    assert uncapped.level("site_sources", "L") == "supported" and not uncapped.certainty.caps
