"""Clusters and read models of small simulated clone trees."""

import numpy as np

from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.clone_trees.likelihood import read_model
from phylometa.config import TreeSettings
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.clusters import Clustering


def clustering(prevalence, depth=1000.0, sizes=None, alt=None):
    """Known clusters with reads at their expectation."""
    prevalence = np.asarray(prevalence, dtype=float)
    n = len(prevalence)
    total = np.broadcast_to(np.asarray(depth, dtype=float), prevalence.shape)
    reads = (0.001 + prevalence * 0.499) * total if alt is None else alt
    labels = np.repeat(np.arange(n), sizes if sizes is not None else np.full(n, 5))
    return Clustering(
        names=tuple(str(k + 1) for k in range(n)),
        labels=labels,
        probability=np.ones(len(labels)),
        ccf=prevalence,
        ccf_lo=prevalence,
        ccf_hi=prevalence,
        alt_reads=reads,
        total_reads=total,
    )


def trees_of(clusters, sites=None, *, has_one_founder=False, **settings):
    n_samples = clusters.ccf.shape[1]
    sites = np.arange(n_samples) if sites is None else np.asarray(sites)
    names = [f"site{i}" for i in range(max(sites) + 1)]
    options = {"settings": TreeSettings(**settings), "rng": np.random.default_rng(1)}
    return infer_clone_trees(clusters, sites, names, has_one_founder=has_one_founder, **options)


SETTINGS = TreeSettings(grid=20)


def simulated_model(n_clusters, n_samples, depth, seed, settings=SETTINGS):
    rng = np.random.default_rng(seed)
    parents = np.array([-1] + [int(rng.integers(0, k)) for k in range(1, n_clusters)])
    shares = rng.dirichlet(np.full(n_clusters, 0.3), size=n_samples).T
    prevalence = np.minimum(ancestor_matrix(parents) @ shares, 1.0)
    total = np.full(prevalence.shape, depth)
    alt = rng.binomial(total, 0.001 + prevalence * 0.499)
    order = rng.permutation(n_clusters)
    return read_model(alt[order], total, settings=settings)
