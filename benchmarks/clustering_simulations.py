"""Tumours with known clusters for benchmarks/clustering.py: many small clusters (as in the published simulations), and
a few larger ones under copy number, low purity and overdispersed reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phylometa.model.patient import CopyNumberAtLoci, MutationTable

ERROR_RATE = 0.001


@dataclass(frozen=True)
class SimulatedReads:
    """Reads, what is known of the samples, and the truth: cluster of every mutation, CCF (K, S) of every cluster, and,
    if the clusters were drawn from a tree, the parent of every cluster (-1: the founder)."""

    mutations: MutationTable
    copy_number: CopyNumberAtLoci
    purity: np.ndarray
    labels: np.ndarray
    ccf: np.ndarray
    parents: np.ndarray | None = None


def as_table(alt: np.ndarray, depth: np.ndarray) -> MutationTable:
    """A table with made-up names."""
    ids = tuple(f"m{i}" for i in range(alt.shape[0]))
    return MutationTable(ids, tuple(f"s{j}" for j in range(alt.shape[1])), alt.astype(np.int32), depth.astype(np.int32))


def profiles(parents: list[int], leaves: list[list[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
    """CCF of every distinct clone, and the distinct clone of every clone of the tree (-1: in no sample)."""
    ccf = np.zeros((len(parents), len(leaves)))
    for sample, shares in enumerate(leaves):
        for clone, share in shares:
            while clone >= 0:
                ccf[clone, sample] += share
                clone = parents[clone]
    distinct: dict[tuple[float, ...], int] = {}
    index = np.full(len(parents), -1)
    for clone, row in enumerate(ccf.round(9)):
        if row.max() > 0.0:
            index[clone] = distinct.setdefault(tuple(row.tolist()), len(distinct))
    return np.minimum(np.array(list(distinct), dtype=float), 1.0), index


def cluster_parents(parents: list[int], index: np.ndarray) -> np.ndarray:
    """Parent of every distinct clone; clones with the same CCFs are one, those in no sample are left out."""
    above = np.full(int(index.max()) + 1, -1)
    for clone in np.flatnonzero(index >= 0).tolist():
        parent = parents[clone]
        while parent >= 0 and index[parent] == index[clone]:
            parent = parents[parent]
        if parent >= 0:
            above[index[clone]] = index[parent]
    return above


def many_small_clusters(rng: np.random.Generator, *, depth: float = 200.0) -> SimulatedReads:
    """A metastatic tumour of 5 to 7 sites and 10 to 25 clones with few mutations each, pure and diploid."""
    while True:
        max_sites, n_clones = int(rng.integers(5, 8)), int(rng.integers(10, 26))
        parents, site = [-1], [0]
        for clone in range(1, n_clones):
            parent = int(rng.integers(0, clone))
            parents.append(parent)
            n_sites = max(site) + 1
            if rng.random() < 0.3 and n_sites < max_sites:
                site.append(n_sites)
            else:
                site.append(int(rng.integers(0, n_sites)) if rng.random() < 0.05 else site[parent])
        n_sites = max(site) + 1
        inner = set(parents)
        in_site: list[list[int]] = [[] for _ in range(n_sites)]
        for clone in range(n_clones):
            if clone not in inner or rng.random() < 0.4:
                in_site[site[clone]].append(clone)
            if clone in inner and rng.random() < 0.07:
                in_site[int(rng.integers(0, n_sites))].append(clone)
        if n_sites < 5 or not all(in_site):
            continue
        leaves = []
        for number, clones in enumerate(in_site):
            present = sorted(set(clones))[:6]
            n_samples = 2 if number == 0 or rng.random() < 0.05 else 1
            place = rng.integers(0, 3, len(present)) if n_samples == 2 else np.full(len(present), 2)
            for sample in range(n_samples):
                here = [clone for clone, where in zip(present, place) if where in (sample, 2)] or present[:1]
                share = rng.dirichlet(np.full(len(here), 1.5)) + 0.1
                leaves.append(list(zip(here, (share / share.sum()).tolist())))
        ccf, index = profiles(parents, leaves)
        labels = np.repeat(np.arange(len(ccf)), rng.geometric(1.0 / 2.2, len(ccf)))
        if not 9 <= len(labels) <= 80:
            continue
        total = rng.poisson(depth, (len(labels), ccf.shape[1]))
        alt = rng.binomial(total, ccf[labels] / 2.0 * (1.0 - 2.0 * ERROR_RATE) + ERROR_RATE)
        order = rng.permutation(len(labels))
        diploid = CopyNumberAtLoci.diploid(*total.shape)
        above = cluster_parents(parents, index)
        table = as_table(alt[order], total[order])
        return SimulatedReads(table, diploid, np.ones(ccf.shape[1]), labels[order], ccf, above)


# Allele-specific states of a genome's segments by condition; of a segment that is drawn, all samples have the state.
STATES: dict[str, list[tuple[int, int]]] = {
    "diploid": [(1, 1)],
    "gain": [(1, 1), (2, 1), (3, 1)],
    "LOH": [(1, 1), (2, 0), (1, 0)],
    "doubled": [(2, 2), (2, 2), (2, 1), (2, 0), (3, 2)],
    "subclonal": [(1, 1), (2, 1)],
}


def few_large_clusters(
    rng: np.random.Generator,
    *,
    condition: str,
    depth: float,
    precision: float = np.inf,
    purity: tuple[float, float] = (0.3, 0.9),
    n_clones: int = 6,
    n_samples: int = 4,
    members: tuple[int, int] = (5, 26),
) -> SimulatedReads:
    """A tumour of six clones of 5 to 25 mutations (`members`) in four samples, on 20 segments with copy number.

    A truncal mutation is before a gain (as many copies as its allele) or after it; later mutations are after it. In
    `subclonal`, a third of the segments have a second state in 30-70 % of the cells of each sample.
    """
    parents = [-1] + [int(rng.integers(0, clone)) for clone in range(1, n_clones)]
    leaves = []
    for _ in range(n_samples):
        here = np.flatnonzero(rng.random(n_clones) < 0.6)
        here = here if len(here) else np.array([n_clones - 1])
        share = rng.dirichlet(np.ones(len(here))) + 0.08
        leaves.append(list(zip(here.tolist(), (share / share.sum()).tolist())))
    ccf, index = profiles(parents, leaves)
    labels = np.repeat(np.arange(len(ccf)), rng.integers(*members, len(ccf)))
    truncal = int(index[0])
    n, rho = len(labels), rng.uniform(*purity, n_samples)
    n_segments = 20
    state = np.array([STATES[condition][i] for i in rng.integers(0, len(STATES[condition]), n_segments)], dtype=float)
    segment = rng.integers(0, n_segments, n)
    major = np.repeat(state[segment, 0][:, None], n_samples, axis=1)
    minor = np.repeat(state[segment, 1][:, None], n_samples, axis=1)
    fraction, major2, minor2 = np.ones(major.shape), np.full(major.shape, np.nan), np.full(major.shape, np.nan)
    allele = np.where(rng.random(n) < 0.5, state[segment, 0], state[segment, 1])
    early = (labels == truncal) & (rng.random(n) < 0.6) & (allele >= 1.0)
    copies = np.where(early, allele, 1.0)[:, None] * np.ones((1, n_samples))
    total = major + minor
    if condition == "subclonal":
        has_second = rng.random(n_segments) < 1.0 / 3.0
        share = rng.uniform(0.3, 0.7, (n_segments, n_samples))
        rows = np.flatnonzero(has_second[segment])
        fraction[rows] = share[segment[rows]]
        major2[rows], minor2[rows] = major[rows] + 1.0, minor[rows]
        total[rows] += 1.0 - fraction[rows]
        gained = rows[early[rows] & (allele[rows] == major[rows, 0]) & (rng.random(len(rows)) < 0.5)]
        copies[gained] += 1.0 - fraction[gained]
    expected = copies * rho * ccf[labels] / (rho * total + 2.0 * (1.0 - rho))
    p = expected * (1.0 - 2.0 * ERROR_RATE) + ERROR_RATE
    reads = rng.poisson(depth, (n, n_samples))
    if np.isfinite(precision):
        spread = rng.beta(np.maximum(p, 1e-9) * precision, (1.0 - p) * precision)
        p = np.where(expected > 0.0, spread, p)
    copy_number = CopyNumberAtLoci(major, minor, np.full(major.shape, 2.0), None, fraction, major2, minor2)
    # `total` of a subclonal locus is that of the mixture; the constructor takes the first state's.
    order = rng.permutation(n)
    return SimulatedReads(
        as_table(rng.binomial(reads, p)[order], reads[order]), copy_number.take(order), rho, labels[order], ccf
    )


def many_mutations(rng: np.random.Generator, n: int, n_samples: int = 10) -> SimulatedReads:
    """20 clusters at depth 100, pure and diploid."""
    ccf = np.where(rng.random((20, n_samples)) < 0.4, 0.0, rng.uniform(0.0, 1.0, (20, n_samples)))
    ccf[0] = 1.0
    labels = rng.integers(0, 20, n)
    total = rng.poisson(100.0, (n, n_samples)).astype(np.int32)
    alt = rng.binomial(total, ccf[labels] / 2.0 * (1.0 - 2.0 * ERROR_RATE) + ERROR_RATE).astype(np.int32)
    return SimulatedReads(as_table(alt, total), CopyNumberAtLoci.diploid(n, n_samples), np.ones(n_samples), labels, ccf)
