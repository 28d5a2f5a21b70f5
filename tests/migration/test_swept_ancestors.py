"""If most ancestors are in no sample, the process model weighs histories, and a kept copy is no proof of a source."""

from dataclasses import replace

import numpy as np
import pytest

from phylometa.config import MigrationSettings
from phylometa.migration import Scenario
from phylometa.migration.over_clusterings import histories_of_trees
from phylometa.migration.swept import are_swept, count_ancestors, settings_for
from phylometa.model.clone_tree import CloneTree
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble

# R over A, B, C, each of which has two children; leaves in all sites, A's and B's in both metastases.
PARENTS = np.array([-1, 0, 0, 0, 1, 1, 2, 2, 3, 3])
SITES = ("P", "M", "N")


def presence_with(*ancestors, site=1):
    presence = np.zeros((10, 3), dtype=bool)
    presence[[4, 6], 1] = presence[[5, 7], 2] = presence[[8, 9], 0] = True
    presence[list(ancestors), site] = True
    return presence


def scenario(presence, weight=1.0):
    return Scenario(0, CloneTree(tuple("RABCabcdef"), PARENTS), weight, presence)


def posterior(presence, settings):
    tree = scenario(presence).tree
    trees = TreeEnsemble(
        names=tree.names,
        n_mutations=np.ones(10),
        parents=PARENTS[None],
        weights=np.ones(1),
        log_likelihood=np.zeros(1),
        proportions=np.zeros((1, 10, 3)),
        presence=presence[None].astype(float),
        site_names=SITES,
        complete=True,
        n_trees=1,
        scenarios=(PresenceScenario(0, 1.0, presence),),
    )
    return histories_of_trees(trees, primary=0, settings=settings)


def test_ancestors_are_counted_over_states_by_their_weights():
    states = [(PARENTS, presence_with(), 0.25), (PARENTS, presence_with(0, 1), 0.75)]
    assert count_ancestors(states) == pytest.approx((0.25 * 4 + 0.75 * 2, 4.0))


@pytest.mark.parametrize(
    ("n_gone", "n_all", "expected"), [(3, 6, True), (2.9, 5, False), (3, 6.1, False), (2, 2, False), (8, 9, True)]
)
def test_three_and_half_of_the_ancestors(n_gone, n_all, expected):
    assert are_swept(n_gone, n_all) == expected


def test_the_model_follows_from_the_ancestors_of_all_states():
    settings = MigrationSettings()
    kept, gone = scenario(presence_with(0, 1, 2)), scenario(presence_with())
    assert settings_for([kept], settings) == settings
    chosen = settings_for([gone], settings)
    assert (chosen.model, chosen.process) == ("process", settings.swept)
    assert settings_for([replace(gone, weight=0.3), replace(kept, weight=0.7)], settings) == settings
    assert settings_for([gone], replace(settings, by_ancestors=False)).model == "parsimony"
    own = replace(settings, model="process")
    assert settings_for([gone], own) == own


def test_a_kept_copy_is_no_proof_of_a_source():
    """Only M kept one of the three ancestors of what is in M and N: parsimony is sure that M seeded N."""
    presence = presence_with(1, site=1)
    sure = posterior(presence, MigrationSettings(by_ancestors=False))
    found = posterior(presence, MigrationSettings())
    assert (sure.weighting, found.weighting) == ("exponential", "process")
    assert sure.migration_probability[1, 2] > 0.95
    assert 0.2 < found.migration_probability[1, 2] < 0.9
    assert found.migration_probability[0, 2] > sure.migration_probability[0, 2]
