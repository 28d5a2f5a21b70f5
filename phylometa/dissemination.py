"""Posterior draws of every migration's two nodes, in molecular and in calendar time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.clock import age_at_divergence
from phylometa.data import FloatArray, IntArray
from phylometa.molecular_time import CloneClock, HistoryNodes, allocate_draws, draw_lengths
from phylometa.reference_tables import AccelerationPrior

__all__ = ["CalendarClock", "MigrationDraws", "clone_times", "draw_migrations", "site_branches", "variance_shares"]

LAYERS = ("counts", "reads", "acceleration", "tree", "interval")


@dataclass(frozen=True, eq=False)
class CalendarClock:
    """What turns molecular into calendar time.

    Parameters
    ----------
    site_age : float64 array (n_sites,)
        Age at sampling of each site (years); NaN where unknown.
    acceleration : AccelerationPrior
    equal_rates : bool
        True: all branches share one rate (the mean over the full branches). False: a branch's own length dates its
        nodes, and which branch dates the trunk is drawn at random, since rates differ.
    """

    site_age: FloatArray
    acceleration: AccelerationPrior
    equal_rates: bool = True


@dataclass(frozen=True, eq=False)
class MigrationDraws:
    """Draws of one (site, founding clone), over the histories that hold that migration.

    Parameters
    ----------
    divergence, founder, seeding : float64 arrays (n,)
        Molecular time.
    divergence_age, founder_age, seeding_age : float64 arrays (n,)
        Years; empty without a calendar clock.
    probability : float
    sources : mapping
        Source site index -> probability given the migration.
    """

    divergence: FloatArray
    founder: FloatArray
    seeding: FloatArray
    divergence_age: FloatArray
    founder_age: FloatArray
    seeding_age: FloatArray
    probability: float
    sources: Mapping[int, float]


def site_branches(depth: FloatArray, proportions: FloatArray, sample_site: IntArray, n_sites: int) -> FloatArray:
    """Mean depth of a tumour cell in every site (draws, n_sites); NaN where a site has no sample.

    The depth of a cell is that of its clone: clonal mutations count whole, subclonal ones by their prevalence. A
    site's samples have equal weight.

    Parameters
    ----------
    depth : float64 array (draws, K)
    proportions : float64 array (K, S)
        Shares of the clones among a sample's tumour cells; normalised here.
    sample_site : int64 array (S,)
    n_sites : int
    """
    share = proportions / np.maximum(proportions.sum(axis=0, keepdims=True), 1e-12)
    per_sample = depth @ share
    branches = np.full((len(depth), n_sites), np.nan)
    for t in range(n_sites):
        if (sample_site == t).any():
            branches[:, t] = per_sample[:, sample_site == t].mean(axis=1)
    return branches


def _calendar(
    nodes: HistoryNodes,
    lengths: FloatArray,
    branches: FloatArray,
    clock: CalendarClock,
    acceleration: FloatArray,
    *,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(age at the root clone, years per clock mutation after it by site (draws, n_sites), root length)."""
    trunk = lengths[:, nodes.root]
    below = np.maximum(branches - trunk[:, None], 1e-9)
    dated = np.flatnonzero(np.isfinite(clock.site_age) & np.isfinite(branches).all(axis=0))
    below, ages = below[:, dated], clock.site_age[dated]
    if clock.equal_rates:
        mean_branch, mean_age = below.mean(axis=1), np.full(len(lengths), ages.mean())
    else:
        weight = rng.dirichlet(np.ones(len(dated)), size=len(lengths))
        mean_branch, mean_age = (weight * below).sum(axis=1), weight @ ages
    root_age = age_at_divergence(mean_age, trunk, mean_branch, acceleration)
    pace = np.repeat(((mean_age - root_age) / mean_branch)[:, None], branches.shape[1], axis=1)
    if not clock.equal_rates:
        pace[:, dated] = (ages[None, :] - root_age[:, None]) / below
    return root_age, pace, trunk


def draw_migrations(
    histories: Sequence[HistoryNodes],
    clone_clock: CloneClock,
    proportions: FloatArray,
    sample_site: IntArray,
    n_sites: int,
    *,
    calendar: CalendarClock | None,
    draws: int,
    rng: np.random.Generator,
    layers: Sequence[str] = LAYERS,
) -> dict[tuple[int, int], MigrationDraws]:
    """Draws of divergence, founder and seeding for every (site, founding clone).

    Parameters
    ----------
    histories : sequence of HistoryNodes
    clone_clock : CloneClock
    proportions : float64 array (T, K, S)
    sample_site : int64 array (S,)
    n_sites : int
    calendar : CalendarClock or None
        None: molecular time only.
    draws : int
    rng : numpy.random.Generator
    layers : sequence of str
        Sources of variation that are switched on; the others stay at their centre.

    Returns
    -------
    dict
        (site, founding clone) -> MigrationDraws.
    """
    if "tree" in layers:
        allocated = allocate_draws([h.weight for h in histories], draws, rng=rng)
        plan = [(h, int(n)) for h, n in zip(histories, allocated) if n]
    else:  # the best history that holds each migration
        best: dict[tuple[int, int], HistoryNodes] = {}
        for h in sorted(histories, key=lambda h: -h.weight):
            for t, v, _, _ in h.migrations:
                best.setdefault((t, v), h)
        plan = [(h, draws) for h in dict.fromkeys(best.values())]
    parts: dict[tuple[int, int], list[tuple[FloatArray, ...]]] = {}
    sources: dict[tuple[int, int], dict[int, float]] = {}
    for h, n in plan:
        lengths = draw_lengths(clone_clock, n, rng=rng, counts="counts" in layers, reads="reads" in layers)
        depth = lengths @ h.ancestors
        noise = rng.standard_normal(n) if "acceleration" in layers else np.zeros(n)
        if calendar is not None:
            branches = site_branches(depth, proportions[h.tree], sample_site, n_sites)
            acceleration = calendar.acceleration.median * np.exp(calendar.acceleration.sigma * noise)
            root_age, pace, trunk = _calendar(h, lengths, branches, calendar, acceleration, rng=rng)
        for t, v, s, u in h.migrations:
            divergence = depth[:, u]
            # A clone that migrated unchanged has no private mutation: what is unresolved is half a mutation's worth.
            founder = depth[:, v] if v != u else divergence + rng.gamma(0.5, size=n) / clone_clock.detection[v]
            position = rng.random(n) if "interval" in layers else np.full(n, 0.5)
            columns = [divergence, founder, divergence + position * (founder - divergence)]
            if calendar is not None:
                last = calendar.site_age[t] if np.isfinite(calendar.site_age[t]) else np.nanmax(calendar.site_age)
                ages = [np.minimum(root_age + (x - trunk) * pace[:, t], last) for x in columns[:2]]
                columns += [*ages, ages[0] + position * (ages[1] - ages[0])]
            parts.setdefault((t, v), []).append(tuple(columns))
            by_source = sources.setdefault((t, v), {})
            by_source[s] = by_source.get(s, 0.0) + n
    probability: dict[tuple[int, int], float] = {}
    total = sum(h.weight for h in histories)
    for h in histories:
        for key in {(t, v) for t, v, _, _ in h.migrations}:
            probability[key] = probability.get(key, 0.0) + h.weight / total
    result = {}
    empty = np.zeros(0)
    for key in sorted(parts):
        columns = [np.concatenate(column) for column in zip(*parts[key])] + [empty] * (0 if calendar else 3)
        whole = sum(sources[key].values())
        result[key] = MigrationDraws(
            divergence=columns[0],
            founder=columns[1],
            seeding=columns[2],
            divergence_age=columns[3],
            founder_age=columns[4],
            seeding_age=columns[5],
            probability=min(probability[key], 1.0),
            sources={s: n / whole for s, n in sorted(sources[key].items())},
        )
    return result


def clone_times(
    histories: Sequence[HistoryNodes], clone_clock: CloneClock, *, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draws of the molecular time of every clone's node (draws, K), over trees, counts and assignments."""
    allocated = allocate_draws([h.weight for h in histories], draws, rng=rng)
    return np.concatenate(
        [draw_lengths(clone_clock, int(n), rng=rng) @ h.ancestors for h, n in zip(histories, allocated) if n]
    )


def variance_shares(
    key: tuple[int, int],
    histories: Sequence[HistoryNodes],
    clone_clock: CloneClock,
    proportions: FloatArray,
    sample_site: IntArray,
    n_sites: int,
    *,
    calendar: CalendarClock | None,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Share of the variance of one migration's seeding time that each layer brings in alone; they add up to 1.

    Each layer varies by itself while the others stay at their centre; interactions are left out.
    """
    own = [h for h in histories if any((t, v) == key for t, v, _, _ in h.migrations)]
    variances = {}
    for layer in LAYERS if calendar is not None else tuple(x for x in LAYERS if x != "acceleration"):
        drawn = draw_migrations(
            own,
            clone_clock,
            proportions,
            sample_site,
            n_sites,
            calendar=calendar,
            draws=draws,
            rng=rng,
            layers=(layer,),
        )[key]
        values = drawn.seeding if calendar is None else drawn.seeding_age
        variances[layer] = float(np.var(values))
    total = math.fsum(variances.values())
    return {layer: value / total for layer, value in variances.items()} if total > 0 else {}
