"""Copy-number evolution on the clone tree: events, the ancestry of every copy of every segment, reported profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import preorder
from phylometa.model.patient import CopyNumberProfile
from phylometa.reference.genome import CHROMOSOMES
from phylometa.simulate.genome import Segments
from phylometa.simulate.history import HistoryPlan
from phylometa.simulate.settings import SimulationSettings
from phylometa.simulate.truth import CopyNumberEvent

__all__ = [
    "CopyLineages",
    "add_doublings",
    "draw_doubled_founders",
    "draw_events",
    "evolve_copies",
    "exact_profile",
    "reported_profile",
]

KINDS = ("gain", "loss", "loh")
SIZES = ("chromosome", "arm", "focal")
# Focal events: log-uniform between these lengths (bp).
FOCAL_LENGTH = (1e6, 2e7)


def draw_events(
    edge_start: FloatArray,
    edge_end: FloatArray,
    *,
    root: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> tuple[CopyNumberEvent, ...]:
    """Draw the copy-number events of every edge, by clone and age.

    The number of events on an edge is Poisson (mean `trunk_cn_events` on the trunk, `branch_cn_events` elsewhere);
    kind, size, place, allele and copy of each are drawn independently, its age uniformly over the edge. A chromosome
    is chosen by length (an arm within it by length as well). A genome doubling is drawn for the trunk with probability
    `trunk_doubling`, for every other edge with `branch_doubling`.

    Parameters
    ----------
    edge_start, edge_end : float64 arrays (K,)
        Ages (years) between which the edge into each clone lies.
    root : int
        Index of the founding clone.
    settings, rng

    Returns
    -------
    tuple of CopyNumberEvent
    """
    lengths = np.array([chromosome.length for chromosome in CHROMOSOMES], dtype=np.float64)
    kinds = np.array(settings.cn_kinds) / np.sum(settings.cn_kinds)
    sizes = np.array(settings.cn_sizes) / np.sum(settings.cn_sizes)
    events = []
    for clone in range(len(edge_start)):
        is_trunk = clone == root
        span = (edge_start[clone], edge_end[clone])
        for _ in range(rng.poisson(settings.trunk_cn_events if is_trunk else settings.branch_cn_events)):
            age = rng.uniform(*span)
            kind = KINDS[rng.choice(len(KINDS), p=kinds)]
            size = SIZES[rng.choice(len(SIZES), p=sizes)]
            chromosome = CHROMOSOMES[rng.choice(len(CHROMOSOMES), p=lengths / lengths.sum())]
            start, end = 0, chromosome.length
            if size == "arm":
                is_short = rng.random() < chromosome.centromere / chromosome.length
                start, end = (0, chromosome.centromere) if is_short else (chromosome.centromere, chromosome.length)
            elif size == "focal":
                length = round(np.exp(rng.uniform(*np.log(FOCAL_LENGTH))))
                start = int(rng.integers(0, chromosome.length - length))
                end = start + length
            is_haploid = settings.sex == "male" and chromosome.name == "chrX"
            allele, copy = 0 if is_haploid else int(rng.integers(2)), rng.random()
            events.append(CopyNumberEvent(clone, age, kind, size, chromosome.name, start, end, allele, copy))
        if rng.random() < (settings.trunk_doubling if is_trunk else settings.branch_doubling):
            events.append(CopyNumberEvent(clone, rng.uniform(*span), "wgd", "genome", "", 0, 0, -1, 0.0))
    return tuple(sorted(events, key=lambda event: (event.clone, event.age)))


def draw_doubled_founders(plan: HistoryPlan, n_sites: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw `n_sites` metastatic sites (all, if there are fewer) and list the clones that founded them, by index.

    A clone counts if it arose in the site, out of a population elsewhere.
    """
    founders: dict[str, list[int]] = {}
    for clone, first in enumerate(plan.first_population.tolist()):
        population = plan.populations[first]
        if population.parent >= 0 and plan.populations[population.parent].site != population.site:
            founders.setdefault(population.site, []).append(clone)
    founders.pop(plan.sites[0].name, None)
    sites = list(founders)
    chosen = [sites[i] for i in rng.permutation(len(sites))[:n_sites]]
    return tuple(sorted(clone for site in chosen for clone in founders[site]))


def add_doublings(
    events: tuple[CopyNumberEvent, ...],
    clones: tuple[int, ...],
    edge_start: FloatArray,
    edge_end: FloatArray,
    rng: np.random.Generator,
) -> tuple[CopyNumberEvent, ...]:
    """Add one genome doubling on the edge into each of `clones` to the events, by clone and age."""
    added = tuple(
        CopyNumberEvent(clone, rng.uniform(edge_start[clone], edge_end[clone]), "wgd", "genome", "", 0, 0, -1, 0.0)
        for clone in clones
    )
    return tuple(sorted(events + added, key=lambda event: (event.clone, event.age))) if added else events


@dataclass(frozen=True, eq=False)
class CopyLineages:
    """The ancestry of every physical copy of every segment.

    A copy keeps its index until it is duplicated, when it ends in two daughters. A mutation that falls on copy x is
    carried, in a clone below, by the copies that descend from x: that number is its multiplicity.

    Parameters
    ----------
    segments : Segments
    n_descendants : int16 array (n_copies, K)
        Copies of each clone that are copy x or descend from it.
    allele : int64 array (n_copies,)
    piece_clone, piece_segment, piece_copy : int64 arrays (P,)
        Pieces: a copy of a segment, on an edge, between two events.
    piece_start, piece_end : float64 arrays (P,)
        Ages (years).
    copies : int64 array (K, G, 2)
        Copies of both alleles in every clone.
    effective : tuple of CopyNumberEvent
        Events that changed anything: an allele that is gone stays gone.
    """

    segments: Segments
    n_descendants: NDArray[np.int16]
    allele: IntArray
    piece_clone: IntArray
    piece_segment: IntArray
    piece_copy: IntArray
    piece_start: FloatArray
    piece_end: FloatArray
    copies: IntArray
    effective: tuple[CopyNumberEvent, ...]


class _Copies:
    """Book of copy lineages while a patient evolves."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.allele: list[int] = []

    def new(self, allele: int, parent: int = -1) -> int:
        self.parent.append(parent)
        self.allele.append(allele)
        return len(self.parent) - 1

    def apply(self, event: CopyNumberEvent, current: list[int]) -> list[int]:
        """Copies of one segment after an event; an allele that is gone stays gone, and the last copy is never lost."""
        if event.kind == "wgd":
            return [self.new(self.allele[x], x) for x in current for _ in range(2)]
        own = [x for x in current if self.allele[x] == event.allele]
        other = [x for x in current if self.allele[x] != event.allele]
        if not own or (event.kind == "loss" and len(current) == 1) or (event.kind == "loh" and not other):
            return current
        hit = own[int(event.copy * len(own))]
        if event.kind == "gain":
            return self._duplicate(hit, current)
        left = [x for x in current if x != hit]
        if event.kind == "loss":
            return left
        return self._duplicate(other[int(event.copy * len(other))], left)

    def _duplicate(self, hit: int, current: list[int]) -> list[int]:
        after = []
        for x in current:
            after += [self.new(self.allele[x], x) for _ in range(2)] if x == hit else [x]
        return after


def evolve_copies(
    parents: IntArray,
    edge_start: FloatArray,
    edge_end: FloatArray,
    events: tuple[CopyNumberEvent, ...],
    *,
    is_male: bool,
) -> CopyLineages:
    """Apply the events down the clone tree, segment by segment, and keep the ancestry of every copy.

    Parameters
    ----------
    parents : int64 array (K,)
    edge_start, edge_end : float64 arrays (K,)
        Ages (years) between which the edge into each clone lies.
    events : tuple of CopyNumberEvent
    is_male : bool
        One copy of X (allele 0) in the germline.

    Returns
    -------
    CopyLineages
    """
    chromosome_index = {chromosome.name: c for c, chromosome in enumerate(CHROMOSOMES)}
    breakpoints: dict[int, set[int]] = {}
    for event in events:
        if event.kind != "wgd":
            breakpoints.setdefault(chromosome_index[event.chrom], set()).update((event.start, event.end))
    segments = Segments.from_breakpoints(breakpoints)
    n_clones, order = len(parents), preorder(parents)
    book = _Copies()
    pieces: list[tuple[int, int, int, float, float]] = []
    copies = np.zeros((n_clones, len(segments), 2), dtype=np.int64)
    extant: list[tuple[int, int]] = []  # (copy, clone)
    effective: set[CopyNumberEvent] = set()
    for g in range(len(segments)):
        chromosome = CHROMOSOMES[segments.chrom[g]].name
        on_edge: dict[int, list[CopyNumberEvent]] = {}
        for event in events:
            is_hit = event.chrom == chromosome and event.start <= segments.start[g] < event.end
            if is_hit or event.kind == "wgd":
                on_edge.setdefault(event.clone, []).append(event)
        state: dict[int, list[int]] = {}
        germline = [book.new(0)] if is_male and chromosome == "chrX" else [book.new(0), book.new(1)]
        for v in order:
            current = state[int(parents[v])] if parents[v] >= 0 else germline
            age = float(edge_start[v])
            for event in on_edge.get(v, ()):
                pieces += [(v, g, x, age, event.age) for x in current]
                before, current = current, book.apply(event, current)
                if current is not before:
                    effective.add(event)
                age = event.age
            pieces += [(v, g, x, age, float(edge_end[v])) for x in current]
            state[v] = current
            for x in current:
                copies[v, g, book.allele[x]] += 1
                extant.append((x, v))
    n_descendants = np.zeros((len(book.parent), n_clones), dtype=np.int16)
    for x, v in extant:
        while x >= 0:
            n_descendants[x, v] += 1
            x = book.parent[x]
    clone, segment, copy = (np.array([piece[i] for piece in pieces], dtype=np.int64) for i in range(3))
    start, end = (np.array([piece[i] for piece in pieces], dtype=np.float64) for i in (3, 4))
    return CopyLineages(
        segments=segments,
        n_descendants=n_descendants,
        allele=np.array(book.allele, dtype=np.int64),
        piece_clone=clone,
        piece_segment=segment,
        piece_copy=copy,
        piece_start=start,
        piece_end=end,
        copies=copies,
        effective=tuple(event for event in events if event in effective),
    )


def exact_profile(lineages: CopyLineages, clone_names: tuple[str, ...]) -> CopyNumberProfile:
    """Compute both alleles' copies in every clone, phased; its samples are the clones."""
    segments = lineages.segments
    n_clones, n_segments = lineages.copies.shape[:2]
    return _merged_profile(
        clone_names,
        np.repeat(np.arange(n_clones), n_segments),
        np.tile(np.arange(n_segments), n_clones),
        lineages.copies.reshape(-1, 2).astype(float),
        np.ones(n_clones * n_segments),
        np.full((n_clones * n_segments, 2), np.nan),
        segments,
        is_phased=True,
    )


def reported_profile(
    copies: IntArray, segments: Segments, proportions: FloatArray, sample_names: tuple[str, ...], *, two_states: bool
) -> CopyNumberProfile:
    """Compute what a caller without error would report for bulk samples.

    Clones with equal (major, minor) copies are one state. With `two_states` (Battenberg) a segment has its two most
    common states and the share of the first among the two; otherwise (ASCAT) the mean copies of each allele, rounded.
    Alleles are not phased: the major allele of a state is the one with more copies in it, so that two clones with
    mirrored imbalance count as one state.

    Parameters
    ----------
    copies : int64 array (K, G, 2)
        Copies of both alleles in every clone.
    segments : Segments
    proportions : float64 array (K, S)
    sample_names : tuple of str
    two_states : bool

    Returns
    -------
    CopyNumberProfile
        Equal neighbouring segments merged.
    """
    n_segments = len(segments)
    rows_sample, rows_segment, fraction = [], [], []
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    for s in range(len(sample_names)):
        here = np.flatnonzero(proportions[:, s] > 0)
        share = proportions[here, s]
        mean = np.einsum("k,kga->ga", share, copies[here])
        for g in range(n_segments):
            states: dict[tuple[int, int], float] = {}
            for k, weight in zip(here, share):
                a, b = copies[k, g].tolist()
                state = (max(a, b), min(a, b))
                states[state] = states.get(state, 0.0) + float(weight)
            ranked = sorted(states, key=lambda state: (-states[state], state))
            rows_sample.append(s)
            rows_segment.append(g)
            if not two_states:
                rounded = np.floor(mean[g] + 0.5)
                first.append((rounded.max(), rounded.min()))
            else:
                first.append(ranked[0])
            if two_states and len(ranked) > 1:
                second.append(ranked[1])
                # three decimals, as in a caller's file
                fraction.append(round(states[ranked[0]] / (states[ranked[0]] + states[ranked[1]]), 3))
            else:
                second.append((np.nan, np.nan))
                fraction.append(1.0)
    return _merged_profile(
        sample_names,
        np.array(rows_sample),
        np.array(rows_segment),
        np.array(first, dtype=np.float64),
        np.array(fraction),
        np.array(second, dtype=np.float64),
        segments,
        is_phased=False,
    )


def _merged_profile(
    names: tuple[str, ...],
    sample: IntArray,
    segment: IntArray,
    first: FloatArray,
    fraction: FloatArray,
    second: FloatArray,
    segments: Segments,
    *,
    is_phased: bool,
) -> CopyNumberProfile:
    """A profile of rows (sample, segment, state), neighbours of the same state joined."""
    chrom, start, end = segments.chrom[segment], segments.start[segment], segments.end[segment].copy()
    state = np.nan_to_num(np.column_stack([first, fraction, second]), nan=-1.0)
    is_new = np.ones(len(sample), dtype=bool)
    is_new[1:] = (sample[1:] != sample[:-1]) | (chrom[1:] != chrom[:-1]) | (state[1:] != state[:-1]).any(axis=1)
    keep = np.flatnonzero(is_new)
    second_total = np.where(np.isnan(second), first, second).sum(axis=1)
    total = fraction * first.sum(axis=1) + (1.0 - fraction) * second_total
    last = np.append(keep[1:], len(sample)) - 1
    return CopyNumberProfile(
        sample_names=names,
        sample=sample[keep],
        chroms=tuple(CHROMOSOMES[c].name for c in chrom[keep]),
        start=start[keep],
        end=end[last],
        major=first[keep, 0],
        minor=first[keep, 1],
        total=total[keep],
        fraction=fraction[keep],
        major2=second[keep, 0],
        minor2=second[keep, 1],
        is_phased=is_phased,
    )
