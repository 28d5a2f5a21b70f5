"""Compile the Numba kernels ahead of time: ``python -m phylometa.pipeline.kernel_cache``.

Numba keeps compiled code beside the source under a key of source, version and processor. The build of a wheel runs
this module, so that a patient's first run finds what would otherwise take it some minutes. Elsewhere (another
Numba or processor, an older Numba, which looks at the time of the source) kernels compile on first use, as without it.
Needs NumPy, Numba and SciPy alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phylometa.cells import infer_cell_clones, infer_copy_number_clones
from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.clone_trees.presence import presence_scenarios
from phylometa.config import CellSettings, CopyNumberSettings, MigrationSettings, Settings, TreeSettings
from phylometa.copy_number import clone_copy_number_of_trees, infer_copy_number_tree
from phylometa.joint.infer import infer_jointly
from phylometa.migration import infer_migration_histories
from phylometa.model.cell_copy_number import CellCopyNumber
from phylometa.model.cells import CellMatrix
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import Clustering
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.timing.growth_evidence import LesionEvidence
from phylometa.timing.joint_model import Evidence, Prior, draw_times
from phylometa.timing.molecular import CloneClock, HistoryNodes

__all__ = ["compile_kernels"]

# Clusters of the examples: the search by likelihood, and (beyond `exact_clusters`) by the local score.
SEARCHED = (8, 10)
SAMPLES = 3


def _clusters(n_clusters: int, rng: np.random.Generator) -> Clustering:
    """Clusters one below the other, the founder first."""
    ccf = np.repeat(np.linspace(1.0, 0.1, n_clusters)[:, None], SAMPLES, axis=1)
    total = np.full(ccf.shape, 200.0)
    labels = np.arange(n_clusters)
    return Clustering(
        names=tuple(str(k + 1) for k in range(n_clusters)),
        labels=labels,
        probability=np.ones(n_clusters),
        ccf=ccf,
        ccf_lo=ccf,
        ccf_hi=ccf,
        alt_reads=rng.binomial(200, ccf / 2).astype(np.float64),
        total_reads=total,
    )


def _segments(rng: np.random.Generator, *, n_samples: int = 4, n_segments: int = 12) -> CopyNumberProfile:
    """Independent copies from 0 to 4 of both alleles: losses to zero, gains and doublings are all needed."""
    sample, segment = (grid.ravel() for grid in np.meshgrid(np.arange(n_samples), np.arange(n_segments), indexing="ij"))
    copies = rng.integers(0, 5, (2, len(sample))).astype(np.float64)
    return CopyNumberProfile(
        sample_names=tuple(f"S{i}" for i in range(n_samples)),
        sample=sample,
        chroms=tuple(str(i // 4 + 1) for i in segment),
        start=segment * 1_000_000,
        end=(segment + 1) * 1_000_000,
        major=copies.max(axis=0),
        minor=copies.min(axis=0),
    )


def _draw_jointly(
    clusters: Clustering, trees: TreeEnsemble, sites: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """One mutation a cluster, pure and diploid."""
    n = clusters.n_clusters
    alt, depth = clusters.alt_reads.astype(np.int32), clusters.total_reads.astype(np.int32)
    names = tuple(f"m{i}" for i in range(n)), tuple(f"S{i}" for i in range(SAMPLES))
    infer_jointly(
        MutationTable(*names, alt, depth),
        CopyNumberAtLoci.diploid(n, SAMPLES),
        np.ones(SAMPLES),
        sites,
        labels=clusters.labels,
        trees=trees,
        settings=Settings(),
        rng=rng,
        primary=0,
    )


def _list_histories() -> None:
    """More optimal histories than are listed: slope scaling."""
    tree = CloneTree(("1", "2"), np.array([-1, 0]))
    presence = np.array([[1, 0, 0], [1, 1, 1]])
    few = MigrationSettings(max_histories=1)
    infer_migration_histories(tree, presence, primary=0, settings=few, alternatives=False, exact_ranking=False)


def _draw_times(rng: np.random.Generator) -> None:
    """One metastasis with a size."""
    parents = np.array([-1, 0, 1])
    ancestors = np.triu(np.ones((3, 3)))
    presence = np.array([[True, False], [False, True], [False, True]])
    nodes = HistoryNodes(0, 1.0, ancestors, parents, presence, ((1, 1, 0, 0),), ((2,),))
    lesion = LesionEvidence("m", 60.0, (0.0,), (2.0,), 0.1, 100.0, 0.5, 1e12, 0.1, 3.0, 0.5, is_measured=True)
    clock = CloneClock(np.full((2, 3), 50, dtype=np.int64), np.ones(3))
    evidence = Evidence(clock, np.full(2, 60.0), ("p", "m"), 0, lesions=(lesion,))
    draw_times([nodes], evidence, Prior(), np.ones((1, 3, 2)), draws=4, rng=rng)


def compile_kernels() -> None:
    """Call every stage that has kernels on small examples, with the types of arrays that they get in a run."""
    rng = np.random.default_rng(1)
    settings = TreeSettings(enumerate_clusters=4, exact_clusters=SEARCHED[0], local_sweeps=2, sweeps=2, rounds=2)
    sites = np.arange(SAMPLES)
    for n_clusters in SEARCHED:
        clusters = _clusters(n_clusters, rng)
        names = tuple(f"site {i}" for i in range(SAMPLES))
        trees = infer_clone_trees(clusters, sites, names, settings=settings, rng=rng)
        presence_scenarios(trees, clusters, sites, settings=settings, rng=rng)
        if n_clusters == SEARCHED[0]:
            _draw_jointly(clusters, trees, sites, rng)
            profile, names = _segments(rng, n_samples=SAMPLES), tuple(f"S{i}" for i in range(SAMPLES))
            clone_copy_number_of_trees(profile, trees, names, settings=CopyNumberSettings())
    _list_histories()
    _draw_times(rng)
    seen = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=np.int8)
    few = CellSettings(moves=2000, chains=1, draws=1)
    infer_cell_clones(CellMatrix(("a", "b", "c"), ("1", "2", "3", "4"), seen), settings=few, rng=rng)
    copies = np.array([[[1, 1, 2, 2], [1, 1, 1, 1]]] * 2, dtype=np.int16)
    places = np.array([0, 10]), np.array([10, 20])
    infer_copy_number_clones(CellCopyNumber(("1", "2", "3", "4"), ("1", "1"), *places, copies))
    for wgd in (True, False):
        chosen = CopyNumberSettings(wgd=wgd, bootstrap=2)
        infer_copy_number_tree(_segments(rng), settings=chosen, rng=rng)


if __name__ == "__main__":
    compile_kernels()
