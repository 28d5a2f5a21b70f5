"""A clone that is only in plasma has the copies of the clone from which it comes, in every column."""

import numpy as np

from phylometa.model.patient import SEGMENT_NUMBERS
from phylometa.simulate import SimulationSettings, simulate_patient


def test_a_clone_of_plasma_has_its_parents_copies():
    settings = SimulationSettings(plasma_samples=1, plasma_only_share=0.5, distant_sites=2, mutation_rate=0.0005)
    truth = simulate_patient(settings, rng=np.random.default_rng(4)).truth
    profile = truth.profile
    new = len(profile.sample_names) - 1
    parent = int(truth.tree.parents[truth.tree.names.index(profile.sample_names[new])])
    own, above = profile.sample == new, profile.sample == parent
    assert own.sum() == above.sum() > 0
    for name in SEGMENT_NUMBERS:
        values = getattr(profile, name)
        assert np.array_equal(values[own], values[above], equal_nan=True), name
