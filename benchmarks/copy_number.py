"""Copy number: speed beside MEDICC2's, agreement with brute force, recovery of simulated trees and events.

    python benchmarks/copy_number.py [speed] [brute] [trees]

CPU seconds of one core, compilation excluded.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time
from collections import Counter

import numpy as np

from phylometa.config import CopyNumberSettings
from phylometa.copy_number import (
    CopyNumberResult,
    copy_number_distances,
    infer_copy_number_tree,
    start_topology,
    zero_agnostic_distances,
)
from phylometa.copy_number._kernels import directed_cost, mixed_cost, pair_bounds, resampled_distances
from phylometa.copy_number._tree_kernels import fitch_profiles, neighbour_joining
from phylometa.copy_number.events import sequence_events
from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.model.clone_tree import ancestor_matrix, preorder
from phylometa.model.patient import CopyNumberProfile

Clade = frozenset[int]
# An event: samples below its branch, allele, chromosome, first and last segment, +1 or -1; (-1, -1, -1, -1, 0) stands
# for a doubling.
Event = tuple[Clade, int, int, int, int, int]
DOUBLING = (-1, -1, -1, -1, 0)


def evolve(rng: np.random.Generator, profile: np.ndarray, events: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """`events` gains or losses of one copy on runs of segments, and those that changed anything.

    The profile is (2 alleles, chromosomes, segments); an allele that is gone stays gone, none has more than 8 copies.
    """
    profile = profile.copy()
    drawn = []
    for _ in range(events):
        allele, chrom = int(rng.integers(2)), int(rng.integers(profile.shape[1]))
        first, last = np.sort(rng.integers(0, profile.shape[2] + 1, 2)).tolist()
        last = min(last, profile.shape[2] - 1)
        step = 1 if rng.random() < 0.5 else -1
        run = profile[allele, chrom, first : last + 1]
        if (run > 0).any() and not (step > 0 and run.max() == 8):
            run[run > 0] += step
            drawn.append((allele, chrom, first, last, step))
    return profile, drawn


def simulate_tree(
    rng: np.random.Generator, n: int, *, chromosomes: int, segments: int, events: int, doubling: float
) -> tuple[np.ndarray, list[Event], set[Clade]]:
    """Profiles of n samples on a random binary tree, the events of its branches, its clades of 2 to n - 1 samples.

    A branch doubles all copies (up to 8) with probability `doubling`, after its other events.
    """
    everyone = frozenset(range(n))
    nodes = [(np.ones((2, chromosomes, segments), dtype=np.int64), everyone)]
    leaves, clades, truth = {}, set(), []
    while nodes:
        above, members = nodes.pop()
        profile, drawn = evolve(rng, above, events if members == everyone else int(rng.poisson(events)))
        truth += [(members, *event) for event in drawn]
        if rng.random() < doubling:
            profile = np.minimum(2 * profile, 8)
            truth.append((members, *DOUBLING))
        clades.add(members)
        if len(members) == 1:
            leaves[next(iter(members))] = profile
            continue
        order = rng.permutation(sorted(members))
        cut = int(rng.integers(1, len(members)))
        nodes += [(profile, frozenset(int(k) for k in part)) for part in (order[:cut], order[cut:])]
    return np.array([leaves[k] for k in range(n)]), truth, {c for c in clades if 1 < len(c) < n}


def as_sequences(profiles: np.ndarray) -> AlleleSequences:
    n, alleles, chromosomes, segments = profiles.shape
    starts = np.arange(alleles * chromosomes + 1) * segments
    nothing = np.zeros(0, dtype=np.int64)
    return AlleleSequences(profiles.reshape(n, -1), starts, nothing, nothing, (), nothing, nothing)


def speed() -> None:
    rng = np.random.default_rng(1)
    profiles, _, _ = simulate_tree(rng, 100, chromosomes=20, segments=25, events=8, doubling=0.05)
    sequences = as_sequences(profiles)
    print("500 segments x 2 alleles: pairs a CPU second (MEDICC2: 140-165 without, 17-22 with doubling)")
    pairs = len(profiles) * (len(profiles) - 1) / 2
    for wgd, limit in ((False, 1500), (True, 500)):
        copy_number_distances(as_sequences(profiles[:3]), wgd=wgd)
        started = time.process_time()
        copy_number_distances(sequences, wgd=wgd)
        print(
            f"  {'with' if wgd else 'without'} doubling {pairs / (time.process_time() - started):.0f} (limit {limit})"
        )
    zero_agnostic_distances(sequences)
    started = time.process_time()
    for _ in range(20):
        zero_agnostic_distances(sequences)
    print(f"  ZCNT {20 * pairs / (time.process_time() - started):.3g} (limit 3e6)")
    ten = as_sequences(profiles[:10])
    chrom = np.tile(np.arange(20), 2)
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=1000)
    resampled_distances(ten.values, ten.starts, chrom, counts[:1], 3, 8)
    started = time.process_time()
    for matrix in resampled_distances(ten.values, ten.starts, chrom, counts, 3, 8):
        neighbour_joining(matrix, 9)
    took = time.process_time() - started
    print(f"  1,000 bootstraps of ten samples, with doubling: {took:.1f} s (limit 5; MEDICC2: 228 s for 50)")
    print(f"  memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at 100 samples (limit 300)")


def brute(instances: int = 20_000) -> None:
    rng = np.random.default_rng(2)
    ancestors = {n: [np.array(x) for x in itertools.product(range(5), repeat=n)] for n in (1, 2, 3)}
    wrong = 0
    for _ in range(instances):
        n = int(rng.integers(1, 4))
        u, v = rng.integers(0, 4, n), rng.integers(0, 4, n)
        w_u, w_v = (int(w) for w in rng.integers(0, 2, 2))
        bounds, exact = np.zeros((1, 2, 2), dtype=np.int64), np.zeros(1, dtype=bool)
        pair_bounds(u, v, np.array([0, n]), 1, 8, bounds, exact)
        got = bounds[0, w_u, w_v] if exact[0] else mixed_cost(u, v, 0, n, w_u, w_v, 8)
        wrong += got != min(directed_cost(x, u, w_u) + directed_cost(x, v, w_v) for x in ancestors[n])
    print(f"brute force over all ancestors: {instances} pairs of profiles, {wrong} differ")


def trees(repeats: int = 20) -> None:
    print("simulated trees, ours (plain: neighbour joining on Euclidean distance, parsimony of single segments)")
    print("  rf: normalised Robinson-Foulds distance; events, precision / recall: same clade, place and sign;")
    print("  cells: segments of an allele that change on a branch, same clade and sign; doublings: same clade")
    for n, doubling in itertools.product((5, 10, 20), (0.0, 0.1)):
        ours, plain, seconds = Score(), Score(), 0.0
        for seed in range(repeats):
            rng = np.random.default_rng([n, seed])
            profiles, truth, clades = simulate_tree(rng, n, chromosomes=22, segments=8, events=6, doubling=doubling)
            started = time.process_time()
            settings = CopyNumberSettings(wgd=doubling > 0, bootstrap=0, permutations=0)
            result = infer_copy_number_tree(as_profile(profiles), settings=settings, rng=rng)
            seconds += time.process_time() - started
            ours.add(*found_by(result), truth, clades)
            plain.add(*found_plainly(profiles), truth, clades)
        kind = "with doubling" if doubling else "without"
        print(f"  {n:2} samples, {kind}, {seconds / repeats:.2f} s of CPU a tree", flush=True)
        for name, score in (("ours", ours), ("plain", plain)):
            print(f"    {name:5} {score}", flush=True)


class Score:
    """Sums over simulated trees."""

    def __init__(self) -> None:
        self.distances: list[float] = []
        self.counts = np.zeros((3, 3))  # events, cells, doublings: found, true, both

    def add(self, found: list[Event], clades: set[Clade], truth: list[Event], true_clades: set[Clade]) -> None:
        self.distances.append(len(clades ^ true_clades) / max(1, len(clades) + len(true_clades)))
        for row, view in enumerate((plain_events, changed_cells, doubled_clades)):
            a, b = Counter(view(found)), Counter(view(truth))
            self.counts[row] += sum(a.values()), sum(b.values()), sum((a & b).values())

    def __str__(self) -> str:
        text = f"rf {np.mean(self.distances):.2f}"
        for name, (found, true, both) in zip(("events", "cells", "doublings"), self.counts):
            if true:
                text += f", {name} {both / max(found, 1):.2f} / {both / true:.2f}"
        return text


def plain_events(events: list[Event]) -> list[Event]:
    return [event for event in events if event[1:] != DOUBLING]


def doubled_clades(events: list[Event]) -> list[Clade]:
    return [event[0] for event in events if event[1:] == DOUBLING]


def changed_cells(events: list[Event]) -> set[tuple]:
    """(clade, allele, chromosome, segment, sign) of every change."""
    return {
        (clade, allele, chrom, segment, step)
        for clade, allele, chrom, first, last, step in plain_events(events)
        for segment in range(first, last + 1)
    }


def as_profile(profiles: np.ndarray) -> CopyNumberProfile:
    """Phased segments of 1 Mb."""
    n, _, chromosomes, segments = profiles.shape
    k, c, i = (index.ravel() for index in np.indices((n, chromosomes, segments)))
    return CopyNumberProfile(
        tuple(f"s{number}" for number in range(n)),
        k,
        [str(number + 1) for number in c],
        i * 10**6,
        (i + 1) * 10**6,
        profiles[k, 0, c, i],
        profiles[k, 1, c, i],
        is_phased=True,
    )


def found_by(result: CopyNumberResult) -> tuple[list[Event], set[Clade]]:
    """Events and clades of an inferred tree."""
    below = {name: frozenset(int(s[1:]) for s in result.clade(v)) for v, name in enumerate(result.node_names)}
    events: list[Event] = []
    for event in result.events:
        place = DOUBLING
        if event.kind != "doubling":
            ends = event.start // 10**6, event.end // 10**6 - 1
            place = ("ab".index(event.allele), int(event.chrom) - 1, *ends, 1 if event.kind == "gain" else -1)
        events.append((below[event.branch], *place))
    return events, {clade for clade in below.values() if 1 < len(clade) < len(result.sample_names)}


def found_plainly(profiles: np.ndarray) -> tuple[list[Event], set[Clade]]:
    """Neighbour joining on Euclidean distances; ancestors segment by segment, runs of equal change as events."""
    n, _, _, segments = profiles.shape
    flat = np.concatenate([profiles.reshape(n, -1), np.ones((1, profiles[0].size), dtype=np.int64)])
    distance = np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(-1).astype(float))
    parents = start_topology(distance, n)
    order = np.array(preorder(parents))
    filled = np.zeros((len(parents), flat.shape[1]), dtype=np.int64)
    filled[: n + 1] = flat
    fitch_profiles(filled, parents, order, n + 1, np.zeros(len(parents), dtype=np.int64), False)
    below = ancestor_matrix(parents)
    events: list[Event] = []
    for v in order[1:]:
        clade = frozenset(np.flatnonzero(below[v, :n]).tolist())
        shape = (*profiles.shape[1:3], segments)
        ends = filled[parents[v]].reshape(shape), filled[v].reshape(shape)
        for allele, chrom in np.ndindex(shape[:2]):
            runs = sequence_events(ends[0][allele, chrom], ends[1][allele, chrom], 0)
            events += [(clade, allele, chrom, first, last, step) for step, first, last in runs]
    clades = {frozenset(np.flatnonzero(row[:n]).tolist()) for row in below}
    return events, {clade for clade in clades if 1 < len(clade) < n}


def main() -> None:
    parts = {"speed": speed, "brute": brute, "trees": trees}
    if set(sys.argv[1:]) - set(parts):
        raise SystemExit(__doc__)
    for name in sys.argv[1:] or list(parts):
        parts[name]()


if __name__ == "__main__":
    main()
