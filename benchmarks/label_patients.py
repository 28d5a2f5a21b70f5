"""Simulated patients of the studies of seeding labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from phylometa.simulate import PATTERNS, SimulatedPatient, SimulationSettings, lose_populations, simulate_patient
from phylometa.simulate.patterns import draw_plan

# Every pattern, and random histories three times more.
_PLANS = (*(name for name in PATTERNS if name != "demo"), *["random"] * 3)
# Mutation rates (per Mb and year before transformation): an exome, and a genome whose clones are as easy to cluster.
_RATES = {"wes": (0.01, 0.03), "wgs": (0.0003, 0.001)}


def draw_patient(number: int, seed: int, *, unsampled: float, **changes: Any) -> SimulatedPatient:
    """Patient `number` of the study `seed`: 2-5 metastases, 1-3 regions a site, 60x-400x, purity .3-.9.

    `unsampled` is the share of populations that die out before a sample is taken; `changes` replace settings.
    """
    rng = np.random.default_rng([seed, number])
    pattern = _PLANS[number % len(_PLANS)]
    n_metastases = int(rng.integers(2, 6))
    nodes = int(rng.integers(pattern == "lymph_node", min(2, n_metastases - 1) + 1))
    assay = "wes" if rng.random() < 0.5 else "wgs"
    settings = SimulationSettings(
        pattern=pattern,
        lymph_nodes=nodes,
        distant_sites=n_metastases - nodes,
        primary_regions=int(rng.integers(1, 4)),
        metastasis_regions=int(rng.integers(1, 4)),
        assay=assay,
        mutation_rate=float(np.exp(rng.uniform(*np.log(_RATES[assay])))),
        depth=float(np.exp(rng.uniform(np.log(60), np.log(400)))),
        min_purity=0.3,
        max_purity=0.9,
    )
    settings = replace(settings, **changes)
    plan = lose_populations(draw_plan(settings, rng), unsampled, rng)
    return simulate_patient(settings, rng=rng, plan=plan)


def with_scalar(settings, stage: str, **changes):
    """A copy of `Settings` with values of one stage replaced."""
    return settings.replace(**{stage: replace(getattr(settings, stage), **changes)})
