"""Posterior draws of every migration's two nodes in molecular time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.timing.molecular import CloneClock, HistoryNodes, allocate_draws, draw_lengths

__all__ = ["LAYERS", "MigrationDraws", "clone_times", "draw_migrations", "variance_shares"]

# Sources of variation.
LAYERS = ("counts", "reads", "tree", "interval")


@dataclass(frozen=True, eq=False)
class MigrationDraws:
    """Draws of one (site, founding clone), over the histories that hold that migration.

    Parameters
    ----------
    divergence, founder, seeding : float64 arrays (n,)
        Molecular time.
    probability : float
    sources : mapping
        Source site index -> probability given the migration.
    """

    divergence: FloatArray
    founder: FloatArray
    seeding: FloatArray
    probability: float
    sources: Mapping[int, float]


def draw_migrations(
    histories: Sequence[HistoryNodes],
    clone_clock: CloneClock,
    *,
    draws: int,
    rng: np.random.Generator,
    layers: Sequence[str] = LAYERS,
) -> dict[tuple[int, int], MigrationDraws]:
    """Draw divergence, founder and seeding for every (site, founding clone).

    Parameters
    ----------
    histories : sequence of HistoryNodes
    clone_clock : CloneClock
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
    # Histories of one tree share lengths: drawn together, then dealt out.
    groups: dict[int, list[tuple[HistoryNodes, int]]] = {}
    for h, n in plan:
        groups.setdefault(h.tree, []).append((h, n))
    for members in groups.values():
        total = sum(n for _, n in members)
        lengths = draw_lengths(clone_clock, total, rng=rng, counts="counts" in layers, reads="reads" in layers)
        depth = lengths @ members[0][0].ancestors
        ends = np.cumsum([n for _, n in members])
        for (h, n), end_row in zip(members, ends):
            rows = slice(int(end_row) - n, int(end_row))
            for t, v, s, u in h.migrations:
                start = depth[rows, u]
                # A clone that migrated unchanged has no private mutation: half a mutation's worth is unresolved.
                extra = rng.gamma(0.5, size=n) if "counts" in layers else np.full(n, 0.5)
                end = depth[rows, v] if v != u else start + extra / clone_clock.detection[v]
                position = rng.random(n) if "interval" in layers else np.full(n, 0.5)
                parts.setdefault((t, v), []).append((start, end, start + position * (end - start)))
                by_source = sources.setdefault((t, v), {})
                by_source[s] = by_source.get(s, 0.0) + n
    probability: dict[tuple[int, int], float] = {}
    whole_weight = sum(h.weight for h in histories)
    for h in histories:
        for key in {(t, v) for t, v, _, _ in h.migrations}:
            probability[key] = probability.get(key, 0.0) + h.weight / whole_weight
    result = {}
    for key in sorted(parts):
        start, end, seeding = (np.concatenate(column) for column in zip(*parts[key]))
        whole = sum(sources[key].values())
        result[key] = MigrationDraws(
            start, end, seeding, min(probability[key], 1.0), {s: n / whole for s, n in sorted(sources[key].items())}
        )
    return result


def clone_times(
    histories: Sequence[HistoryNodes], clone_clock: CloneClock, *, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the molecular time of every clone's node (draws, K), over trees, counts and assignments."""
    allocated = allocate_draws([h.weight for h in histories], draws, rng=rng)
    return np.concatenate(
        [draw_lengths(clone_clock, int(n), rng=rng) @ h.ancestors for h, n in zip(histories, allocated) if n]
    )


def variance_shares(
    histories: Sequence[HistoryNodes],
    clone_clock: CloneClock,
    *,
    draws: int,
    rng: np.random.Generator,
) -> dict[tuple[int, int], dict[str, float]]:
    """Compute the share of variance of each migration's seeding time due to each layer alone; the shares add up to 1.

    Each layer varies by itself while the others stay at their centre; interactions are left out.
    """
    variances: dict[tuple[int, int], dict[str, float]] = {}
    for layer in LAYERS:
        drawn = draw_migrations(histories, clone_clock, draws=draws, rng=rng, layers=(layer,))
        for key, migration in drawn.items():
            values = migration.seeding
            variances.setdefault(key, {})[layer] = float(np.var(values)) if len(values) > 1 else 0.0
    totals = {key: math.fsum(by_layer.values()) for key, by_layer in variances.items()}
    return {
        key: {layer: value / totals[key] for layer, value in by_layer.items()} if totals[key] > 0 else {}
        for key, by_layer in variances.items()
    }
