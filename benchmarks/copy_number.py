"""Copy-number distances: speed beside MEDICC2's, agreement with brute force, recovery of simulated trees.

    python benchmarks/copy_number.py [speed] [brute] [trees]

CPU seconds of one core, compilation excluded.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time

import numpy as np

from phylometa.config import CopyNumberSettings
from phylometa.copy_number import copy_number_distances, infer_copy_number_tree, zero_agnostic_distances
from phylometa.copy_number._kernels import directed_cost, mixed_cost, pair_bounds
from phylometa.copy_number._tree_kernels import bootstrap_distances, neighbour_joining
from phylometa.copy_number.segmentation import AlleleSequences
from phylometa.data import CopyNumberProfile


def evolve(rng: np.random.Generator, profile: np.ndarray, events: int) -> np.ndarray:
    """`events` gains or losses of one copy on runs of segments; profile (2 alleles, chromosomes, segments)."""
    profile = profile.copy()
    for _ in range(events):
        allele, chrom = rng.integers(2), rng.integers(profile.shape[1])
        first, last = np.sort(rng.integers(0, profile.shape[2] + 1, 2))
        run = profile[allele, chrom, first : last + 1]
        run[run > 0] += 1 if rng.random() < 0.5 else -1
        np.minimum(run, 8, out=run)
    return profile


def simulate_tree(rng: np.random.Generator, n: int, *, chromosomes: int, segments: int, events: int, doubling: float):
    """Profiles of n samples on a random binary tree, and its clades."""
    nodes = [(evolve(rng, np.ones((2, chromosomes, segments), dtype=np.int64), events), frozenset(range(n)))]
    leaves, clades = {}, set()
    while nodes:
        profile, members = nodes.pop()
        clades.add(members)
        if len(members) == 1:
            leaves[next(iter(members))] = profile
            continue
        order = rng.permutation(sorted(members))
        cut = int(rng.integers(1, len(members)))
        for part in (order[:cut], order[cut:]):
            child = evolve(rng, profile, int(rng.poisson(events)))
            if rng.random() < doubling:
                child[child > 0] += 1
            nodes.append((child, frozenset(int(k) for k in part)))
    return np.array([leaves[k] for k in range(n)]), {c for c in clades if 1 < len(c) < n}


def as_sequences(profiles: np.ndarray) -> AlleleSequences:
    n, alleles, chromosomes, segments = profiles.shape
    starts = np.arange(alleles * chromosomes + 1) * segments
    nothing = np.zeros(0, dtype=np.int64)
    return AlleleSequences(profiles.reshape(n, -1), starts, nothing, nothing, (), nothing, nothing)


def speed() -> None:
    rng = np.random.default_rng(1)
    profiles, _ = simulate_tree(rng, 100, chromosomes=20, segments=25, events=8, doubling=0.05)
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
    bootstrap_distances(ten.values, ten.starts, chrom, counts[:1], 3, 8)
    started = time.process_time()
    for matrix in bootstrap_distances(ten.values, ten.starts, chrom, counts, 3, 8):
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


def trees(repeats: int = 10) -> None:
    print("simulated trees: share of true clades found (neighbour joining on Euclidean distance beside)")
    for n, doubling in itertools.product((5, 10, 20), (0.0, 0.1)):
        ours, plain = [], []
        for seed in range(repeats):
            rng = np.random.default_rng(seed)
            profiles, clades = simulate_tree(rng, n, chromosomes=22, segments=8, events=6, doubling=doubling)
            if not clades:
                continue
            names = tuple(f"s{k}" for k in range(n))
            rows = [(k, c, i) for k in range(n) for c in range(22) for i in range(8)]
            profile = CopyNumberProfile(
                names,
                [k for k, _, _ in rows],
                [str(c + 1) for _, c, _ in rows],
                [i * 10**6 for _, _, i in rows],
                [(i + 1) * 10**6 for _, _, i in rows],
                [profiles[k, 0, c, i] for k, c, i in rows],
                [profiles[k, 1, c, i] for k, c, i in rows],
                is_phased=True,
            )
            settings = CopyNumberSettings(wgd=doubling > 0, bootstrap=0)
            result = infer_copy_number_tree(profile, settings=settings, rng=rng)
            found = {frozenset(int(s[1:]) for s in result.clade(v)) for v in range(len(result.node_names))}
            ours.append(len(clades & found) / len(clades))
            plain.append(len(clades & euclidean_clades(profiles)) / len(clades))
        kind = "with doubling" if doubling else "without"
        print(f"  {n:2} samples, {kind:13} {np.mean(ours):.2f} ({np.mean(plain):.2f})", flush=True)


def euclidean_clades(profiles: np.ndarray) -> set[frozenset[int]]:
    from phylometa.copy_number.parsimony import start_topology
    from phylometa.trees import ancestor_matrix

    n = len(profiles)
    flat = np.concatenate([profiles.reshape(n, -1), np.ones((1, profiles[0].size))]).astype(float)
    distance = np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(-1))
    below = ancestor_matrix(start_topology(distance, n))
    return {frozenset(np.flatnonzero(row[:n]).tolist()) for row in below}


def main() -> None:
    chosen = sys.argv[1:] or ["speed", "brute", "trees"]
    for name in chosen:
        {"speed": speed, "brute": brute, "trees": trees}[name]()


if __name__ == "__main__":
    main()
