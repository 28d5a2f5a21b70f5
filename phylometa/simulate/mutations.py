"""Mutations on the clone tree: how many, when, where, on which copy, with which alleles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.reference.genome import CALLABLE_MB, CHROMOSOMES, DRIVER_GENES
from phylometa.simulate.copy_number import CopyLineages
from phylometa.simulate.settings import SimulationSettings

__all__ = ["Mutations", "clock_years", "draw_alleles", "expected_counts", "place_mutations"]

BASES = "ACGT"
COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}


@dataclass(frozen=True, eq=False)
class Mutations:
    """Mutations in genome order, columns of length N.

    Parameters
    ----------
    clone, segment, allele : int64 arrays
    age : float64 array
        Years.
    position : int64 array
        0-based.
    refs, alts, contexts, genes : tuples of str
    multiplicity : int64 array (N, K)
        Mutated copies in a cell of each clone.
    """

    clone: IntArray
    segment: IntArray
    allele: IntArray
    age: FloatArray
    position: IntArray
    refs: tuple[str, ...]
    alts: tuple[str, ...]
    contexts: tuple[str, ...]
    genes: tuple[str, ...]
    multiplicity: IntArray


def clock_years(start: FloatArray, end: FloatArray, settings: SimulationSettings) -> FloatArray:
    """Count years of the clock at its rate before transformation: a later year counts `acceleration` times."""
    bend = settings.transformation_age
    before = np.minimum(end, bend) - np.minimum(start, bend)
    after = np.maximum(end, bend) - np.maximum(start, bend)
    return np.asarray(before + settings.acceleration * after, dtype=np.float64)


def expected_counts(lineages: CopyLineages, settings: SimulationSettings) -> FloatArray:
    """Compute expected mutations of every piece (P,): rate x callable Mb x share of genome x clock years / 2 copies."""
    genome = sum(chromosome.length for chromosome in CHROMOSOMES)
    share = lineages.segments.length[lineages.piece_segment] / genome
    years = clock_years(lineages.piece_start, lineages.piece_end, settings)
    return np.asarray(settings.mutation_rate * CALLABLE_MB[settings.assay] * share * years / 2.0)


def place_mutations(
    lineages: CopyLineages,
    parents: IntArray,
    is_ancestor: BoolArray,
    drivers: tuple[tuple[int, str], ...],
    *,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Mutations:
    """Place a Poisson number of mutations on every copy of every segment, by the clock, and the given drivers.

    Parameters
    ----------
    lineages : CopyLineages
    parents : int64 array (K,)
    is_ancestor : bool array (K, K)
        ``CloneTree.is_ancestor``.
    drivers : tuple of (clone, gene)
        Extra mutations, each inside its gene, on a copy and at an age drawn by the clock of its edge.
    settings, rng

    Returns
    -------
    Mutations
    """
    counts = rng.poisson(expected_counts(lineages, settings))
    piece = np.repeat(np.arange(len(counts)), counts)
    segment = lineages.piece_segment[piece]
    segments = lineages.segments
    position = segments.start[segment] + np.floor(rng.random(len(piece)) * segments.length[segment]).astype(np.int64)
    genes = [""] * len(piece)
    taken: set[int] = set()
    for clone, gene in drivers:
        chrom, first, last = DRIVER_GENES[gene]
        place = int(rng.choice([x for x in rng.integers(first - 1, last, size=len(drivers) + 1) if x not in taken]))
        taken.add(place)
        home = segments.at(chrom, place)
        candidates = np.flatnonzero((lineages.piece_clone == clone) & (lineages.piece_segment == home))
        weight = clock_years(lineages.piece_start[candidates], lineages.piece_end[candidates], settings)
        chosen = candidates[rng.choice(len(candidates), p=weight / weight.sum())]
        piece = np.append(piece, chosen)
        position = np.append(position, place)
        genes.append(gene)
    segment = lineages.piece_segment[piece]
    while (again := _repeats(segments.chrom[segment], position)).any():  # infinite sites: one mutation a position
        drawn = rng.random(int(again.sum())) * segments.length[segment[again]]
        position[again] = segments.start[segment[again]] + np.floor(drawn).astype(np.int64)
    order = np.lexsort((position, segments.chrom[segment]))
    piece, segment, position = piece[order], segment[order], position[order]
    genes = [genes[i] for i in order]
    copy, clone_of = lineages.piece_copy[piece], lineages.piece_clone[piece]
    below = is_ancestor[clone_of]
    multiplicity = np.where(below, lineages.n_descendants[copy], 0).astype(np.int64)
    is_driver = np.array([bool(gene) for gene in genes], dtype=bool)
    refs, alts, contexts = draw_alleles(len(piece), is_driver, settings, rng)
    return Mutations(
        clone=clone_of,
        segment=segment,
        allele=lineages.allele[copy],
        age=_draw_ages(lineages.piece_start[piece], lineages.piece_end[piece], settings, rng),
        position=position,
        refs=refs,
        alts=alts,
        contexts=contexts,
        genes=tuple(genes),
        multiplicity=multiplicity,
    )


def _repeats(chrom: IntArray, position: IntArray) -> BoolArray:
    """Mutations at a position that a later one of the list has (drivers come last, so they stay)."""
    reverse = slice(None, None, -1)
    keys = chrom * 10**9 + position
    repeated = np.ones(len(keys), dtype=bool)
    repeated[len(keys) - 1 - np.unique(keys[reverse], return_index=True)[1]] = False
    return repeated


def _draw_ages(
    start: FloatArray, end: FloatArray, settings: SimulationSettings, rng: np.random.Generator
) -> FloatArray:
    """Ages uniform in clock years between start and end."""
    years = rng.random(len(start)) * clock_years(start, end, settings)
    before = clock_years(start, np.minimum(end, np.maximum(start, settings.transformation_age)), settings)
    slow = start + years
    fast = np.maximum(start, settings.transformation_age) + (years - before) / settings.acceleration
    return np.asarray(np.where((start < settings.transformation_age) & (years <= before), slow, fast))


def draw_alleles(
    n: int, is_driver: BoolArray, settings: SimulationSettings, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Draw reference allele, alternate allele and trinucleotide context of n mutations; drivers are always SNVs.

    A share of the SNVs is C>T at CpG (either strand); the rest is uniform over all other substitutions in context.
    """
    is_indel = (rng.random(n) < settings.indel_share) & ~is_driver
    is_clock = rng.random(n) < settings.clock_share
    is_reverse = rng.random(n) < 0.5
    draws = rng.integers(0, (4, 4, 4, 3), size=(n, 4))
    deleted = rng.integers(1, 5, size=n)
    sequences = rng.integers(0, 4, size=(n, 5))
    refs, alts, contexts = [], [], []
    for i in range(n):
        if is_indel[i]:
            sequence = "".join(BASES[b] for b in sequences[i, : deleted[i] + 1])
            refs.append(sequence)
            alts.append(sequence[0])
            contexts.append("")
            continue
        left, ref, right = (BASES[b] for b in draws[i, :3])
        alt = BASES.replace(ref, "")[draws[i, 3]]
        if is_clock[i]:
            left, ref, right, alt = (left, "C", "G", "T")
            if is_reverse[i]:
                left, ref, right, alt = ("C", "G", COMPLEMENT[left], "A")
        elif (ref, alt, right) == ("C", "T", "G") or (left, ref, alt) == ("C", "G", "A"):
            alt = "A" if ref == "C" else "C"  # keeps C>T at CpG at its stated share
        refs.append(ref)
        alts.append(alt)
        contexts.append(left + ref + right)
    return tuple(refs), tuple(alts), tuple(contexts)
