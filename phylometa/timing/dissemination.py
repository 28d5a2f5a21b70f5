"""Posterior draws of every migration's two nodes, in molecular and in calendar time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.timing.calendar import CalendarClock, calendar_draws
from phylometa.timing.molecular import CloneClock, HistoryNodes, allocate_draws, draw_lengths

__all__ = ["LAYERS", "MigrationDraws", "clone_times", "draw_migrations", "variance_shares"]

# Sources of variation; the calendar ones do not touch molecular time.
LAYERS = ("counts", "reads", "acceleration", "terminal", "tree", "interval")
CALENDAR_LAYERS = ("acceleration", "terminal")


@dataclass(frozen=True, eq=False)
class MigrationDraws:
    """Draws of one (site, founding clone), over the histories that hold that migration.

    Parameters
    ----------
    divergence, founder, seeding : float64 arrays (n,)
        Molecular time.
    divergence_age, founder_age, seeding_age : float64 arrays (n,)
        Years; empty without a calendar clock; shorter where some trees date nothing.
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
    # Histories of one tree with one presence share lengths and clock: drawn together, then dealt out.
    groups: dict[tuple[int, bytes], list[tuple[HistoryNodes, int]]] = {}
    for h, n in plan:
        groups.setdefault((h.tree, h.presence.tobytes()), []).append((h, n))
    for members in groups.values():
        shared, total = members[0][0], sum(n for _, n in members)
        lengths = draw_lengths(clone_clock, total, rng=rng, counts="counts" in layers, reads="reads" in layers)
        depth = lengths @ shared.ancestors
        ages = None
        if calendar is not None:
            noise = rng.standard_normal(total) if "acceleration" in layers else np.zeros(total)
            ages = calendar_draws(
                shared, lengths, proportions[shared.tree], sample_site, calendar,
                acceleration=calendar.acceleration.median * np.exp(calendar.acceleration.sigma * noise),
                quantile=rng.random(total) if "terminal" in layers else np.full(total, 0.5), rng=rng,
            )  # fmt: skip
        ends = np.cumsum([n for _, n in members])
        for (h, n), end_row in zip(members, ends):
            rows = slice(int(end_row) - n, int(end_row))
            for t, v, s, u in h.migrations:
                start = depth[rows, u]
                # A clone that migrated unchanged has no private mutation: half a mutation's worth is unresolved.
                extra = rng.gamma(0.5, size=n) if "counts" in layers else np.full(n, 0.5)
                end = depth[rows, v] if v != u else start + extra / clone_clock.detection[v]
                position = rng.random(n) if "interval" in layers else np.full(n, 0.5)
                columns = [start, end, start + position * (end - start)]
                if calendar is not None and ages is not None:
                    last = calendar.site_age[t] if np.isfinite(calendar.site_age[t]) else np.nanmax(calendar.site_age)
                    root_age, pace, own = ages.root_age[rows], ages.pace[rows, t], ages.rows[rows]
                    start, end = depth[own, u], depth[own, v] if v != u else depth[own, u] + end - start
                    trunk = lengths[own, h.root]
                    start, end = (np.minimum(root_age + (x - trunk) * pace, last) for x in (start, end))
                    columns += [start, end, start + position * (end - start)]
                parts.setdefault((t, v), []).append(tuple(columns))
                by_source = sources.setdefault((t, v), {})
                by_source[s] = by_source.get(s, 0.0) + n
    probability: dict[tuple[int, int], float] = {}
    whole_weight = sum(h.weight for h in histories)
    for h in histories:
        for key in {(t, v) for t, v, _, _ in h.migrations}:
            probability[key] = probability.get(key, 0.0) + h.weight / whole_weight
    result = {}
    empty = np.zeros(0)
    for key in sorted(parts):
        columns = [np.concatenate(column) for column in zip(*parts[key])] + [empty] * (0 if calendar else 3)
        # A tree without a dated clone below its root says nothing about ages.
        columns[3:] = [column[np.isfinite(column)] for column in columns[3:]]
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
    histories: Sequence[HistoryNodes],
    clone_clock: CloneClock,
    proportions: FloatArray,
    sample_site: IntArray,
    n_sites: int,
    *,
    calendar: CalendarClock | None,
    draws: int,
    rng: np.random.Generator,
) -> dict[tuple[int, int], dict[str, float]]:
    """Share of the variance of each migration's seeding time that each layer brings in alone; they add up to 1.

    Each layer varies by itself while the others stay at their centre; interactions are left out.
    """
    variances: dict[tuple[int, int], dict[str, float]] = {}
    for layer in LAYERS if calendar is not None else [x for x in LAYERS if x not in CALENDAR_LAYERS]:
        drawn = draw_migrations(
            histories, clone_clock, proportions, sample_site, n_sites,
            calendar=calendar, draws=draws, rng=rng, layers=(layer,),
        )  # fmt: skip
        for key, migration in drawn.items():
            values = migration.seeding if calendar is None else migration.seeding_age
            variances.setdefault(key, {})[layer] = float(np.var(values)) if len(values) > 1 else 0.0
    totals = {key: math.fsum(by_layer.values()) for key, by_layer in variances.items()}
    return {
        key: {layer: value / totals[key] for layer, value in by_layer.items()} if totals[key] > 0 else {}
        for key, by_layer in variances.items()
    }
