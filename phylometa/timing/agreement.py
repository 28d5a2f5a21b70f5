"""Prior predictive checks: does growth fit what the clock says, and the clock what growth says?"""

from __future__ import annotations

import math

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.timing import SourceCheck
from phylometa.timing.growth import CELLS_PER_CM3, CELLS_PER_CM3_UPPER
from phylometa.timing.growth_evidence import GrowthModel, LesionEvidence
from phylometa.timing.joint_model import Evidence, TimeDraws, lineages_of
from phylometa.timing.molecular import HistoryNodes

__all__ = ["CONFLICT", "check_sources", "predicted_diameters", "two_sided"]

# p-value below which two sources are said to be in conflict.
CONFLICT = 0.05


def two_sided(predicted: FloatArray, observed: float) -> float:
    """Compute the two-sided p-value of an observation among predictions, sharing ties: 2 min(P(<=), P(>=)) <= 1."""
    below, equal = float(np.mean(predicted < observed)), float(np.mean(predicted == observed))
    low = below + equal / 2
    return min(1.0, 2 * max(min(low, 1 - low), 0.5 / (len(predicted) + 1)))


def predicted_diameters(
    lesion: LesionEvidence, arrival: FloatArray, model: GrowthModel, *, rng: np.random.Generator
) -> FloatArray:
    """Predict diameters (cm) at the last measurement from ages of arrival, the rest from the prior; 0 = none."""
    n = len(arrival)
    rest = np.where(rng.random(n) < lesion.dormancy_probability, rng.exponential(lesion.dormancy_years, n), 0.0)
    doubling = lesion.doubling_median * np.exp(lesion.doubling_sigma * rng.standard_normal(n))
    years = lesion.age - arrival - rest
    cells = lesion.log_cells(np.maximum(years, 0.0), doubling, model)
    density = math.log(CELLS_PER_CM3) + math.log(CELLS_PER_CM3_UPPER / CELLS_PER_CM3) * rng.random(n)
    log_size = (cells - density - math.log(math.pi / 6)) / 3 + lesion.relative_sd * rng.standard_normal(n)
    return np.where(years > 0, np.exp(np.minimum(log_size, 300.0)), 0.0)


def check_sources(
    pair: tuple[TimeDraws, TimeDraws],
    nodes: HistoryNodes,
    evidence: Evidence,
    lesions: tuple[LesionEvidence, ...],
    model: GrowthModel,
    *,
    rng: np.random.Generator,
) -> list[SourceCheck]:
    """Run both checks of every measured metastasis under one growth model.

    Parameters
    ----------
    pair : (TimeDraws, TimeDraws)
        Draws without growth, and draws without the branches' mutations.
    nodes : HistoryNodes
        The most probable history: its path to the founding clone is predicted.
    evidence : Evidence
    lesions : tuple of LesionEvidence
        Measured ones.
    model : {"exponential", "gompertz"}
    rng : numpy.random.Generator

    Returns
    -------
    list of SourceCheck
    """
    clock, growth = pair
    lineage, _, sites = lineages_of(nodes, evidence.primary)
    found = []
    for lesion in lesions:
        site = evidence.site_names.index(lesion.site)
        founders = [v for t, v, _, u in nodes.migrations if t == site and u != v]
        arrival = clock.first_arrival(site)
        arrival = arrival[np.isfinite(arrival)]
        if site == evidence.primary or not founders or not len(arrival):
            continue
        size = lesion.diameters_cm[-1]
        predicted = predicted_diameters(lesion, arrival, model, rng=rng)
        p = two_sided(predicted, size)
        lo, hi = np.quantile(predicted, [0.025, 0.975])
        text = f"{lesion.site} measures {size:g} cm; the clock and {model} growth predict {lo:.2g} to {hi:.2g} cm"
        found.append(SourceCheck(lesion.site, model, "growth", "clock", p, _verdict(text, p)))
        rows, _ = growth.migrations.get((site, founders[0]), (np.zeros(0, dtype=np.int64), None))
        if not len(rows):
            continue
        path = [v for v in np.flatnonzero(nodes.ancestors[:, founders[0]]) if v != nodes.root]
        speed = growth.rate[rows] * growth.acceleration[rows]
        expected = np.zeros(len(rows))
        for v in path:
            own = growth.site_rate.get(evidence.site_names[sites[lineage[v]]]) if lineage[v] else None
            pace = speed if own is None else speed * np.where(np.isfinite(own[rows]), own[rows], 1.0)
            length = growth.nodes[rows, v] - growth.nodes[rows, nodes.parents[v]]
            expected += pace * length * evidence.clock.detection[v]
        counts = rng.poisson(np.minimum(expected, 1e9)).astype(np.float64)
        observed = float(evidence.clock.counts[0, path].sum())
        p = two_sided(counts, observed)
        lo, hi = np.quantile(counts, [0.025, 0.975])
        text = (
            f"{observed:.0f} clock mutations lead to the founder of {lesion.site}; {model} growth and the trunk "
            f"predict {lo:.0f} to {hi:.0f}"
        )
        found.append(SourceCheck(lesion.site, model, "clock", "growth", p, _verdict(text, p)))
    return found


def _verdict(text: str, p: float) -> str:
    return f"{text}: {'conflict' if p < CONFLICT else 'no conflict'} (p = {p:.2g})."
