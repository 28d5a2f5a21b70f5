"""Populations that samples do not show, or hardly: extinct before sampling, or swept by a descendant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.simulate.history import HistoryPlan
from phylometa.simulate.settings import SimulationSettings

__all__ = ["lose_populations", "shrink_swept", "sweep_populations"]


def lose_populations(plan: HistoryPlan, share: float, rng: np.random.Generator) -> HistoryPlan:
    """Let populations of the plan die out before anything is sampled, each with probability `share`.

    Never the last one of a site: it would not have been sampled at all.

    Parameters
    ----------
    plan : HistoryPlan
    share : float
        Between 0 and 1.
    rng : numpy.random.Generator
    """
    survives = [population.survives for population in plan.populations]
    for i in rng.permutation(len(survives)).tolist():
        site = plan.populations[i].site
        alive = sum(kept for kept, other in zip(survives, plan.populations) if other.site == site)
        if rng.random() < share and survives[i] and alive > 1:
            survives[i] = False
    populations = tuple(replace(p, survives=kept) for p, kept in zip(plan.populations, survives))
    return replace(plan, populations=populations)


def sweep_populations(plan: HistoryPlan, share: float, rng: np.random.Generator) -> BoolArray:
    """Draw the populations that a descendant in their own site sweeps.

    Only a population with a surviving descendant in its site can be swept, so something is left of every site.

    Parameters
    ----------
    plan : HistoryPlan
    share : float
        Probability of each.
    rng : numpy.random.Generator

    Returns
    -------
    bool array
        One value per population of the plan.
    """
    has_heir = np.zeros(len(plan.populations), dtype=bool)
    for population in plan.populations:
        above = population.parent
        while population.survives and above >= 0:
            has_heir[above] |= plan.populations[above].site == population.site
            above = plan.populations[above].parent
    alive = np.array([population.survives for population in plan.populations])
    return np.asarray(has_heir & alive & (rng.random(len(has_heir)) < share))


def shrink_swept(
    proportions: FloatArray, is_swept: BoolArray, settings: SimulationSettings, rng: np.random.Generator
) -> FloatArray:
    """Compute clone proportions (K, S) after sweeps: swept clones keep a uniform share below `swept_proportion`.

    The other clones of the sample grow in proportion; a sample that holds swept clones alone stays as it was.

    Parameters
    ----------
    proportions : float64 array (K, S)
        Columns add up to 1.
    is_swept : bool array (K, S)
        Clone is swept in the site of the sample.
    settings, rng

    Returns
    -------
    float64 array (K, S)
        Columns add up to 1.
    """
    shrunk = proportions.copy()
    drawn = rng.random(proportions.shape) * settings.swept_proportion
    for s in range(proportions.shape[1]):
        here = is_swept[:, s] & (proportions[:, s] > 0)
        others = ~here & (proportions[:, s] > 0)
        if not here.any() or not others.any():
            continue
        shrunk[here, s] = np.minimum(proportions[here, s], drawn[here, s])
        shrunk[others, s] *= (1.0 - shrunk[here, s].sum()) / proportions[others, s].sum()
    return shrunk
