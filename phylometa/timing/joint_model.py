"""One posterior over the times of a history: clock, acceleration, lineages' rates, growth, dates, treatment stamps.

Unknown are the age at every clone's founding cell, the clock's rate before transformation, its acceleration, a rate per
lineage, and the place of every arrival between its two nodes. Every piece of evidence is a factor of one density, so
that each can be left out to see what it contributed. The density and its prior are written out in
docs/methods/timing.md; `phylometa.timing._joint_kernels` draws from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import preorder
from phylometa.timing.growth_evidence import GRID, PACES, GrowthModel, LesionEvidence
from phylometa.timing.molecular import CloneClock, HistoryNodes, allocate_draws
from phylometa.timing.tips import clone_deadlines, clone_heights, last_ages, tail_like_clones

__all__ = ["Evidence", "Prior", "Stamp", "Tail", "TimeDraws", "draw_times"]

# Sweeps before the first draw of a tree, of a further history of it, and between two draws.
BURN_IN, SHORT_BURN_IN, THIN = 1000, 300, 5
# Most histories with a chain of their own: the heaviest.
MAX_CHAINS = 40


@dataclass(frozen=True, slots=True)
class Prior:
    """The prior of the times; rates are clock mutations per year.

    Parameters
    ----------
    acceleration_median, acceleration_sigma : float
        Lognormal.
    rate_median, rate_sigma : float
        Rate before transformation, lognormal and wide: the trunk's mutations outweigh it.
    spread_scale : float
        Scale of the half-normal prior of the standard deviation of lineages' log rates.
    regularity : float
        Evenness of the waiting times between clones: 1 = a Poisson process.
    tail_probability : float
        Prior probability that a leaf that may be several lineages is.
    root_range : (float, float)
        Age at the founder as a share of the age at the last sampling, uniform on the logit between these.
    ratio_median, ratio_sigma : float
        The second clock's rate over the first's before transformation, lognormal and wide: the trunk decides.
    gap_sigma : float
        Standard deviation of the logarithm of the second clock's acceleration over the first's.
    unevenness_scale : float
        Scale of the half-normal prior of the coefficient of variation of the second clock's rate between branches.
    """

    acceleration_median: float = 5.0
    acceleration_sigma: float = 0.6
    rate_median: float = 20.0
    rate_sigma: float = 2.5
    spread_scale: float = 0.5
    regularity: float = 1.0
    tail_probability: float = 0.5
    root_range: tuple[float, float] = (0.02, 0.999)
    ratio_median: float = 8.0
    ratio_sigma: float = 2.0
    gap_sigma: float = 0.5
    unevenness_scale: float = 0.3

    def values(self, last: float) -> FloatArray:
        """In the order that the kernel reads."""
        return np.array(
            [
                math.log(self.rate_median),
                self.rate_sigma,
                math.log(self.acceleration_median),
                max(self.acceleration_sigma, 1e-9),
                max(self.spread_scale, 1e-9),
                self.regularity,
                self.tail_probability,
                last,
                *self.root_range,
                math.log(self.ratio_median),
                self.ratio_sigma,
                max(self.gap_sigma, 1e-9),
                max(self.unevenness_scale, 1e-9),
            ]
        )


@dataclass(frozen=True, slots=True)
class Stamp:
    """A treatment's mutational process on a clone's branch: ln odds that the branch ends after `age` (years)."""

    clone: int
    age: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class Tail:
    """The mutations of a leaf that may be a neutral tail, as a count that the growth of its site's lesion explains.

    Parameters
    ----------
    clone : int
    site : str
    n : int
        Clock mutations seen.
    window : float
        See `phylometa.timing.growth_evidence.LesionEvidence.tail_table`.
    """

    clone: int
    site: str
    n: int
    window: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What bears on the times of one patient.

    Parameters
    ----------
    clock : CloneClock
        Clock mutations of the clones.
    second : CloneClock or None
        Mutations of a second clock, that may accelerate otherwise and varies between branches; its rows of redrawn
        counts belong to those of the first.
    site_age : float64 array (n_sites,)
        Age at the last sampling of each site; NaN if unknown.
    site_names : tuple of str
    primary : int
        Index of the primary.
    lesions : tuple of LesionEvidence
        The sites' growth; empty: none is used.
    model : {"exponential", "gompertz"}
        Growth model of all lesions.
    stamps : tuple of Stamp
    use_branches : bool
        False: the branches' mutations are left out, only the trunk's count (growth without the clock).
    tail_prevalence, lineage_share : float
        See `phylometa.timing.tips.tail_like_clones`.
    several_gain : float64 array (K,) or None
        Log of the factor by which the reads favour several lineages over one clone, for leaves that may be either;
        None: the reads say nothing.
    tails : tuple of Tail
        Leaves whose number of mutations is evidence on pace and growth, if they are tails.
    tail_spread : float
        Coefficient of variation of such numbers.
    """

    clock: CloneClock
    site_age: FloatArray
    site_names: tuple[str, ...]
    primary: int
    lesions: tuple[LesionEvidence, ...] = ()
    model: GrowthModel = "exponential"
    stamps: tuple[Stamp, ...] = ()
    use_branches: bool = True
    tail_prevalence: float = 0.0
    lineage_share: float = 0.0
    second: CloneClock | None = None
    several_gain: FloatArray | None = None
    tails: tuple[Tail, ...] = ()
    tail_spread: float = 0.5

    @property
    def last(self) -> float:
        """Age at the last sampling (years)."""
        return float(np.nanmax(self.site_age))

    @property
    def second_in_use(self) -> CloneClock | None:
        """The second clock, unless the branches' mutations are left out."""
        return self.second if self.use_branches else None

    @cached_property
    def tables(self) -> dict[str, FloatArray]:
        """Log-likelihood of every lesion's arrival on `GRID`."""
        return {lesion.site: lesion.arrival_table(self.model) for lesion in self.lesions}

    @cached_property
    def tail_tables(self) -> dict[int, FloatArray]:
        """Log-likelihood of every tail's count by its clone, on `PACES` and `GRID`, if its lesion's growth is known."""
        lesions = {lesion.site: lesion for lesion in self.lesions}
        return {
            tail.clone: lesions[tail.site].tail_table(tail.n, tail.window, self.tail_spread, self.model)
            for tail in self.tails
            if tail.site in lesions and self.use_branches
        }


@dataclass(frozen=True, eq=False)
class TimeDraws:
    """Draws of the posterior, over histories.

    Parameters
    ----------
    rate, acceleration : float64 arrays (n,)
        Clock mutations per year before transformation; rate after over rate before.
    second_rate, second_acceleration : float64 arrays (n,)
        The same of the second clock; empty without one.
    root_age : float64 array (n,)
    nodes : float64 array (n, K)
        Age at every clone's founding cell.
    site_rate : mapping
        Site -> rate of its lineage over the primary's (n,); NaN in draws whose history has no such lineage.
    history : int64 array (n,)
        Index into the histories.
    migrations : mapping
        (site, founding clone) -> rows of the draws (m,), and ages at divergence, founder and arrival (m, 3).
    sources : mapping
        (site, founding clone) -> source site -> share.
    """

    rate: FloatArray
    acceleration: FloatArray
    root_age: FloatArray
    nodes: FloatArray
    site_rate: Mapping[str, FloatArray]
    history: IntArray
    migrations: Mapping[tuple[int, int], tuple[IntArray, FloatArray]]
    sources: Mapping[tuple[int, int], Mapping[int, float]]
    second_rate: FloatArray = field(default_factory=lambda: np.empty(0))
    second_acceleration: FloatArray = field(default_factory=lambda: np.empty(0))

    def first_arrival(self, site: int) -> FloatArray:
        """Find the age at the first arrival in a site (n,); NaN in draws whose history does not seed it."""
        found = np.full(len(self.rate), np.inf)
        for (t, _), (rows, ages) in self.migrations.items():
            if t == site:
                np.minimum.at(found, rows, ages[:, 2])
        return np.where(np.isfinite(found), found, np.nan)


def lineages_of(nodes: HistoryNodes, primary: int) -> tuple[IntArray, IntArray, tuple[int, ...]]:
    """Lineage of every clone (K,), the clone from which its branch counts (K,), and the site of every lineage.

    A clone belongs to the site that its nearest founding ancestor (itself included) came to, otherwise to the primary.
    Lineage 0 is the primary's; the anchor of a clone is the parent of the founding clone of its lineage.
    """
    founded: dict[int, int] = {}
    for t, v, _, u in sorted(nodes.migrations):
        if u != v:
            founded.setdefault(v, t)
    n = len(nodes.parents)
    site = np.full(n, primary, dtype=np.int64)
    anchor = np.full(n, -1, dtype=np.int64)
    for v in preorder(nodes.parents):
        parent = int(nodes.parents[v])
        if parent < 0:
            continue
        if v in founded:
            site[v], anchor[v] = founded[v], parent
            if founded[v] == site[parent] and anchor[parent] >= 0:
                anchor[v] = anchor[parent]
        else:
            site[v], anchor[v] = site[parent], anchor[parent]
    kept = (primary, *sorted({int(t) for t in site} - {primary}))
    index = {t: i for i, t in enumerate(kept)}
    return np.array([index[int(t)] for t in site], dtype=np.int64), anchor, kept


@dataclass(eq=False)
class _Chain:
    """State of the sampler for one tree, carried from history to history."""

    times: FloatArray
    is_clone: BoolArray
    overall: FloatArray
    by_site: dict[int, float]


def _first_state(nodes: HistoryNodes, evidence: Evidence, prior: Prior, deadline: FloatArray) -> _Chain:
    """Ages spread evenly between a founder at three quarters of the age and the deadlines; rates that fit them."""
    order, parents = preorder(nodes.parents), nodes.parents
    heights = clone_heights(parents)
    times = np.empty(len(parents))
    for v in order:
        if parents[v] < 0:
            times[v] = 0.75 * min(evidence.last, float(deadline.min()))
        else:
            start = times[parents[v]]
            times[v] = start + (deadline[v] - start) / (heights[v] + 2)
    root = order[0]
    trunk = (evidence.clock.counts[0, root] + 0.5) / evidence.clock.detection[root]
    ratio = prior.ratio_median
    if (second := evidence.second_in_use) is not None:
        ratio = (second.counts[0, root] + 0.5) / (evidence.clock.counts[0, root] + 0.5)
    first = (math.log(trunk / times[root]), math.log(prior.acceleration_median), math.log(0.2))
    overall = np.array([*first, math.log(ratio), 0.0, math.log(0.2)])
    return _Chain(times, np.ones(len(parents), dtype=bool), overall, {})


def draw_times(
    histories: Sequence[HistoryNodes],
    evidence: Evidence,
    prior: Prior,
    proportions: FloatArray,
    *,
    draws: int,
    rng: np.random.Generator,
) -> TimeDraws:
    """Draw from the joint posterior of all times, over histories in proportion to their weight.

    Parameters
    ----------
    histories : sequence of HistoryNodes
        By falling weight; of more than `MAX_CHAINS` kinds the heaviest are drawn from.
    evidence : Evidence
    prior : Prior
    proportions : float64 array (T, K, S)
        Shares of the clones among each sample's tumour cells, for what may be a tail.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    TimeDraws
    """
    kinds: dict[tuple[int, bytes, tuple[tuple[int, int, int], ...]], list[int]] = {}
    for i, h in enumerate(histories):
        key = (h.tree, h.presence.tobytes(), tuple(sorted({(t, v, u) for t, v, _, u in h.migrations})))
        kinds.setdefault(key, []).append(i)
    weight = {key: sum(histories[i].weight for i in members) for key, members in kinds.items()}
    heaviest = sorted(kinds, key=lambda key: -weight[key])[:MAX_CHAINS]
    shares = allocate_draws([weight[key] for key in heaviest], draws, rng=rng)
    states: dict[int, _Chain] = {}
    parts: list[tuple[FloatArray, ...]] = []
    site_rates: list[dict[int, FloatArray]] = []
    history: list[IntArray] = []
    moves: dict[tuple[int, int], list[tuple[IntArray, FloatArray]]] = {}
    sources: dict[tuple[int, int], dict[int, float]] = {}
    offset = 0
    for key, n in zip(heaviest, shares.tolist()):
        if not n:
            continue
        members = kinds[key]
        nodes = histories[members[0]]
        times, overall, rates, founders, kept, sites = _run(nodes, evidence, prior, proportions, states, n, rng)
        parts.append((times, overall))
        site_rates.append({t: np.exp(rates[:, i]) for i, t in enumerate(sites)})
        dealt = allocate_draws([histories[i].weight for i in members], n, rng=rng)
        history.append(rng.permutation(np.repeat(members, dealt)))
        rows = np.arange(offset, offset + n)
        for m, (t, v, u) in enumerate(kept):
            ages = np.stack([times[:, u], founders[:, m], founders[:, len(kept) + m]], axis=1)
            moves.setdefault((t, v), []).append((rows, ages))
        for i in members:
            for t, v, s, _ in histories[i].migrations:
                by_source = sources.setdefault((t, v), {})
                by_source[s] = by_source.get(s, 0.0) + histories[i].weight
        offset += n
    times = np.concatenate([part[0] for part in parts])
    overall = np.concatenate([part[1] for part in parts])
    root = np.concatenate([part[0].min(axis=1) for part in parts])
    columns = _rates_of_sites(site_rates, [len(part[0]) for part in parts], evidence.primary)
    second = np.empty((0, 2)) if evidence.second_in_use is None else np.exp(overall[:, 3:5])
    return TimeDraws(
        rate=np.exp(overall[:, 0]),
        acceleration=np.exp(overall[:, 1]),
        root_age=root,
        nodes=times,
        site_rate={evidence.site_names[t]: column for t, column in columns.items()},
        history=np.concatenate(history),
        migrations={
            k: (np.concatenate([r for r, _ in found]), np.concatenate([a for _, a in found]))
            for k, found in sorted(moves.items())
        },
        sources={k: {s: w / sum(found.values()) for s, w in sorted(found.items())} for k, found in sources.items()},
        second_rate=np.exp(overall[: len(second), 0]) * second[:, 0],
        second_acceleration=np.exp(overall[: len(second), 1]) * second[:, 1],
    )


def _rates_of_sites(
    found: Sequence[Mapping[int, FloatArray]], lengths: Sequence[int], primary: int
) -> dict[int, FloatArray]:
    """Rate of every metastasis' lineage over all draws (n,), from those of each chain; NaN if a chain has none."""
    ends = np.cumsum(lengths).tolist()
    columns = {}
    for t in sorted({t for own in found for t in own} - {primary}):
        columns[t] = np.full(ends[-1], np.nan)
        for own, n, end in zip(found, lengths, ends):
            if t in own:
                columns[t][end - n : end] = own[t]
    return columns


def _run(
    nodes: HistoryNodes,
    evidence: Evidence,
    prior: Prior,
    proportions: FloatArray,
    states: dict[int, _Chain],
    draws: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, list[tuple[int, int, int]], tuple[int, ...]]:
    """The chain of one kind of history: ages, overall numbers, lineage rates, founders and arrivals; its migrations and
    the sites of its lineages."""
    from phylometa.timing._joint_kernels import run_chain

    last = evidence.last
    deadline = np.nan_to_num(clone_deadlines(nodes.parents, last_ages(nodes.presence, evidence.site_age)), nan=last)
    order = np.array(preorder(nodes.parents), dtype=np.int64)
    candidate = tail_like_clones(nodes, proportions[nodes.tree], evidence.tail_prevalence, evidence.lineage_share)
    lineage, anchor, sites = lineages_of(nodes, evidence.primary)
    kept = sorted({(t, v, u) for t, v, _, u in nodes.migrations})
    site_age = np.where(np.isnan(evidence.site_age), last, evidence.site_age)
    lesions = _lesions_of(evidence, kept)
    place = {evidence.site_names.index(x.site): i for i, x in enumerate(lesions)}
    state, burn_in = _state_of_tree(states, nodes, evidence, prior, deadline)
    is_clone = np.where(candidate, state.is_clone, True)
    rates = np.array([0.0, *(state.by_site.get(t, 0.0) for t in sites[1:])])
    counts, second = evidence.clock.counts, evidence.second_in_use
    others = np.zeros((0, counts.shape[1]), dtype=np.int64) if second is None else second.counts
    n_moves = len(kept)
    position, extra = np.full(n_moves, 0.5), np.full(n_moves, 0.3)
    result = run_chain(
        state.times,
        is_clone,
        state.overall,
        rates,
        position,
        extra,
        counts,
        _log_factorials(counts),
        others,
        _log_factorials(others),
        np.array(nodes.parents, dtype=np.int64),  # a copy: read-only arrays would be compiled for anew
        order,
        evidence.clock.detection,
        lineage,
        anchor,
        candidate,
        np.zeros(len(order)) if evidence.several_gain is None else np.array(evidence.several_gain),
        deadline,
        np.array([(u, v) for _, v, u in kept], dtype=np.int64).reshape(-1, 2),
        _followers(nodes, kept),
        np.array([site_age[t] for t, _, _ in kept], dtype=np.float64),
        np.array([place.get(t, -1) for t, _, _ in kept], dtype=np.int64),
        np.array([x.age for x in lesions], dtype=np.float64),
        np.array([evidence.tables[x.site] for x in lesions]).reshape(len(lesions), len(GRID)),
        math.log(GRID[0]),
        math.log(GRID[1] / GRID[0]),
        np.array([x.clone for x in evidence.stamps], dtype=np.int64),
        np.array([x.age for x in evidence.stamps], dtype=np.float64),
        np.array([x.log_odds for x in evidence.stamps], dtype=np.float64),
        *_tail_arrays(evidence, place, len(order)),
        prior.values(last),
        evidence.use_branches,
        burn_in,
        draws,
        THIN,
        np.full(len(order) + len(sites) + 2 * n_moves + 11, 0.3),
        rng,
    )
    state.is_clone[:] = is_clone
    state.by_site.update({t: float(rates[i]) for i, t in enumerate(sites)})
    times, overall, lineage_rates, founders, _ = result
    return times, overall, lineage_rates, founders, kept, sites


def _tail_arrays(
    evidence: Evidence, place: Mapping[int, int], n_clones: int
) -> tuple[IntArray, IntArray, FloatArray, float, float]:
    """Tail of every clone (K,) or -1, lesion of every tail (T,), tables (T, paces, years), first log pace and step."""
    of_clone = np.full(n_clones, -1, dtype=np.int64)
    lesion: list[int] = []
    tables: list[FloatArray] = []
    for tail in evidence.tails:
        g = place.get(evidence.site_names.index(tail.site))
        if g is not None and tail.clone in evidence.tail_tables:
            of_clone[tail.clone] = len(tables)
            lesion.append(g)
            tables.append(evidence.tail_tables[tail.clone])
    values = np.array(tables, dtype=np.float64).reshape(len(tables), len(PACES), len(GRID))
    return of_clone, np.array(lesion, dtype=np.int64), values, math.log(PACES[0]), math.log(PACES[1] / PACES[0])


def _log_factorials(counts: IntArray) -> FloatArray:
    """Log factorials of an array of counts, of its shape."""
    largest = int(counts.max(initial=0)) + 1
    return np.asarray(np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])[counts])


def _lesions_of(evidence: Evidence, kept: Sequence[tuple[int, int, int]]) -> list[LesionEvidence]:
    """List the lesions of the primary and of the sites that some migration reaches."""
    sites = {t for t, _, _ in kept} | {evidence.primary}
    return [lesion for lesion in evidence.lesions if evidence.site_names.index(lesion.site) in sites]


def _state_of_tree(
    states: dict[int, _Chain], nodes: HistoryNodes, evidence: Evidence, prior: Prior, deadline: FloatArray
) -> tuple[_Chain, int]:
    """Find where the last chain on the same tree ended, or make a first state in `states`; sweeps before a draw."""
    state = states.get(nodes.tree)
    if state is not None and _fits(state.times, nodes.parents, deadline):
        return state, SHORT_BURN_IN
    states[nodes.tree] = _first_state(nodes, evidence, prior, deadline)
    return states[nodes.tree], BURN_IN


def _followers(nodes: HistoryNodes, kept: Sequence[tuple[int, int, int]]) -> BoolArray:
    """Clones that arose from the population that each migration founded (M, K)."""
    found = np.zeros((len(kept), len(nodes.parents)), dtype=bool)
    for (t, v, _, u), clones in zip(nodes.migrations, nodes.followers):
        found[kept.index((t, v, u)), list(clones)] = True
    return found


def _fits(times: FloatArray, parents: IntArray, deadline: FloatArray) -> bool:
    """Whether ages respect the deadlines of another history."""
    return bool((times < deadline).all())
