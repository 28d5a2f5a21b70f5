"""From molecular to calendar time: the age at the root clone, and years per clock mutation after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.reference.tables import AccelerationPrior
from phylometa.timing.clock import age_at_divergence
from phylometa.timing.molecular import HistoryNodes, allocate_draws
from phylometa.timing.terminal_branch import clone_deadlines, draw_full_branch

__all__ = ["CalendarClock", "CalendarDraws", "calendar_draws", "site_branches", "tail_like_clones"]


@dataclass(frozen=True, eq=False)
class CalendarClock:
    """What turns molecular into calendar time.

    Parameters
    ----------
    site_age : float64 array (n_sites,)
        Age at sampling of each site (years); NaN where unknown.
    acceleration : AccelerationPrior
    equal_rates : bool
        True: all branches share one rate. False: every site's branch has its own, and which branch dates the trunk is
        drawn at random.
    terminal : {"inferred", "none"}
        Whether the branch from the last founded clone to sampling is inferred or taken as nothing.
    regularity : float
        See `phylometa.timing.terminal_branch.draw_full_branch`.
    tail_prevalence, lineage_share : float
        See `tail_like_clones`.
    """

    site_age: FloatArray
    acceleration: AccelerationPrior
    equal_rates: bool = True
    terminal: str = "inferred"
    regularity: float = 1.0
    tail_prevalence: float = 0.0
    lineage_share: float = 0.0


@dataclass(frozen=True, eq=False)
class CalendarDraws:
    """The clock of each draw.

    Parameters
    ----------
    root_age : float64 array (n,)
        Age at the root clone.
    pace : float64 array (n, n_sites)
        Years per clock mutation after it, on the way to each site.
    rows : int64 array (n,)
        Draw of the lengths that each of them belongs to: draws are resampled by how well they fit the clock.
    """

    root_age: FloatArray
    pace: FloatArray
    rows: IntArray


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


def tail_like_clones(nodes: HistoryNodes, proportions: FloatArray, limit: float, share: float = 0.0) -> BoolArray:
    """Clones that may be several lineages rather than one (K,): their number of mutations is then no branch length.

    Leaves seen in one sample only, and there at a prevalence below `limit` (a neutral tail of many small lineages), or
    so rare that a second clone of that prevalence would find room beside it: a clone there, its parent or any other,
    has as many cells of its own left. No clustering tells the mutations of two such clones apart. What finds no room
    twice is one lineage (pigeonhole principle).

    Parameters
    ----------
    nodes : HistoryNodes
    proportions : float64 array (K, S)
    limit : float
    share : float
        Most that the clone may make up of itself and the cells that the other has left; 1/2 = as many.
    """
    own = proportions / np.maximum(proportions.sum(axis=0, keepdims=True), 1e-12)
    prevalence = nodes.ancestors @ own
    is_leaf = nodes.ancestors.sum(axis=1) == 1
    seen, most = (prevalence > 0.02).sum(axis=1), prevalence.max(axis=1)
    others = own[:, prevalence.argmax(axis=1)]  # (K, K): cells of each clone where the clone of the column is seen most
    np.fill_diagonal(others, 0.0)
    found = is_leaf & (seen <= 1) & ((most < limit) | (most <= share * (most + others.max(axis=0))))
    has_others = (~found & (nodes.parents >= 0)).any()
    return np.asarray(found if has_others else np.zeros(len(found)), dtype=bool)


def _last_age(nodes: HistoryNodes, site_age: FloatArray) -> FloatArray:
    """Age at the last sampling of a site that holds each clone (K,); NaN where none is dated."""
    ages = np.where(nodes.presence & np.isfinite(site_age)[None, :], site_age[None, :], -np.inf).max(axis=1)
    return np.where(np.isfinite(ages), ages, np.nan)


def calendar_draws(
    nodes: HistoryNodes,
    lengths: FloatArray,
    proportions: FloatArray,
    sample_site: IntArray,
    clock: CalendarClock,
    *,
    acceleration: FloatArray,
    quantile: FloatArray,
    rng: np.random.Generator,
) -> CalendarDraws:
    """The clock of each draw: t_root = A tau / (tau + B / a), then (A - t_root) / B years a mutation.

    NaN where no dated clone lies below the root. Counts alone give every edge a Jeffreys prior; with inferred ends and
    one rate the edges' prior is that of the clones' founding times instead, so the draws are resampled by the ratio of
    the two (importance resampling; it matters where edges hold few mutations).

    Parameters
    ----------
    nodes : HistoryNodes
    lengths : float64 array (n, K)
        Clock mutations on the clones' edges.
    proportions : float64 array (K, S)
    sample_site : int64 array (S,)
    clock : CalendarClock
    acceleration : float64 array (n,)
    quantile : float64 array (n,)
        Quantile of the full branch within its posterior.
    rng : numpy.random.Generator

    Returns
    -------
    CalendarDraws
    """
    n, n_sites = len(lengths), len(clock.site_age)
    trunk, depth = lengths[:, nodes.root], lengths @ nodes.ancestors
    dated = np.isfinite(clock.site_age)
    tail = tail_like_clones(nodes, proportions, clock.tail_prevalence, clock.lineage_share)
    options: dict[str, Any] = {"regularity": clock.regularity, "quantile": quantile}
    columns: list[FloatArray] = []
    ages: list[float] = []
    rows = np.arange(n)
    column_of_site = np.full(n_sites, -1, dtype=np.int64)
    if clock.terminal == "none":
        branches = site_branches(depth, proportions, sample_site, n_sites)
        usable = np.flatnonzero(dated & np.isfinite(branches).all(axis=0))
        below = np.maximum(branches[:, usable] - trunk[:, None], 1e-9)
        if clock.equal_rates:
            columns, ages = [below.mean(axis=1)], [float(clock.site_age[usable].mean())]
        else:
            columns, ages = list(below.T), clock.site_age[usable].tolist()
            column_of_site[usable] = np.arange(len(usable))
    elif clock.equal_rates:
        deadline = np.where(tail, np.nan, clone_deadlines(nodes.parents, _last_age(nodes, clock.site_age)))
        branch, evidence = draw_full_branch(
            depth - trunk[:, None], nodes.parents, deadline, trunk, acceleration, **options
        )
        in_model = np.isfinite(deadline) & (nodes.parents >= 0)
        log_weight = evidence + 0.5 * np.log(np.maximum(lengths[:, in_model], 1e-300)).sum(axis=1)
        weight = np.exp(log_weight - log_weight.max())
        rows = np.repeat(rows, allocate_draws(weight.tolist(), n, rng=rng))
        columns, trunk, acceleration = [branch[rows]], trunk[rows], acceleration[rows]
        ages = [float(np.nanmax(np.append(deadline, -np.inf)))]
    else:
        for t in np.flatnonzero(dated):
            on_branch = nodes.ancestors[:, nodes.presence[:, t]].any(axis=1)
            deadline = np.where(on_branch & ~tail, clock.site_age[t], np.nan)
            branch, _ = draw_full_branch(
                depth - trunk[:, None], nodes.parents, deadline, trunk, acceleration, **options
            )
            if np.isfinite(branch).all():
                column_of_site[t] = len(columns)
                columns.append(branch)
                ages.append(float(clock.site_age[t]))
    if not columns:
        return CalendarDraws(np.full(n, np.nan), np.full((n, n_sites), np.nan), rows)
    full, at = np.stack(columns, axis=1), np.array(ages)
    chosen, each = rng.integers(0, len(at), n), np.arange(n)
    root_age = age_at_divergence(at[chosen], trunk, full[each, chosen], acceleration)
    pace = (at[None, :] - root_age[:, None]) / full
    own = np.where(column_of_site >= 0, column_of_site, 0)
    by_site = np.where(column_of_site[None, :] >= 0, pace[:, own], pace[each, chosen][:, None])
    return CalendarDraws(root_age, by_site, rows)
