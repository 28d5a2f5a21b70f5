"""Clusters and clone tree as one posterior: draws of both together, with presence.

The state is a partition of the mutations and a tree on its clusters. Its posterior is normalised throughout, so
partitions with different numbers of clusters compare: marginal likelihood of the reads given clusters and tree
(proportions integrated out, see `tree_likelihood`, over the prior's total mass), a Chinese-restaurant prior over
partitions, and a uniform prior over the K^(K-1) rooted trees. Reads as in the clustering: multiplicities, lost copies
and overdispersion, and an error that all reads of a cluster share (purity, copy number) as the beta-binomial factor of
`_joint_clusters.shared_error`: without it every cluster would be free to fit its reads better than it can be known to.

Moves (Metropolis-Hastings on a finite space, proportions being integrated out; between numbers of clusters as Green
1995, Biometrika 82:711): prune-regraft, parent-child swap, a mutation to another cluster, a mutation founding or giving
up a cluster, split and merge of parent and child, of siblings, or of a leaf anywhere. A clone that has no proportion in
any sample and one child has that child's prevalences and is the same clone: in the draws the two are one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from phylometa.ccf.estimate import estimate_ccf
from phylometa.clone_trees.likelihood import ReadModel, log_prior_mass, read_model
from phylometa.clone_trees.presence import draw_proportions
from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import log_cluster_count_prior
from phylometa.clustering.search import fit_precision
from phylometa.config import Settings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble

__all__ = ["infer_jointly"]

MIN_MOVES = 2000  # of a chain, however few the mutations


def infer_jointly(
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    sample_site: NDArray[np.integer] | Sequence[int],
    *,
    labels: NDArray[np.integer],
    trees: TreeEnsemble,
    settings: Settings,
    rng: np.random.Generator,
) -> JointPosterior:
    """Draws from the joint posterior of clusters, tree and presence.

    Parameters
    ----------
    mutations : MutationTable
    copy_number : CopyNumberAtLoci
    purity : float64 array (S,)
    sample_site : int array (S,)
    labels : int array (n,)
        Clustering to start from.
    trees : TreeEnsemble
        Trees of that clustering, with a single founder: the start, and the fitted presence weight.
    settings : Settings
    rng : numpy Generator

    Returns
    -------
    JointPosterior

    Raises
    ------
    ValueError
        Where the trees have an artificial germline (clonally unrelated tumours).
    """
    from phylometa.joint._kernels import run_joint

    n_clusters = int(np.max(labels)) + 1
    if len(trees.names) != n_clusters:
        raise ValueError("trees: more clones than clusters; the joint search needs a single founder")
    tree_settings = replace(
        settings.trees, presence_weight=float(trees.diagnostics.get("presence_weight", settings.trees.presence_weight))
    )
    ccf = estimate_ccf(mutations, copy_number, purity, settings=settings.ccf)
    slope = ccf.vaf_per_ccf / 0.5
    seen = mutations.is_informative & np.isfinite(slope)
    slope = np.where(seen, slope, 1.0)
    alt = np.where(seen, mutations.alt_counts, 0).astype(float)
    total = np.maximum(np.where(seen, mutations.depth * slope, 0.0), alt)  # more than all: another copy number
    model = read_model(alt[:1], total[:1], settings=tree_settings)
    data = (mutations, copy_number, purity)
    start_labels: IntArray = np.asarray(labels, dtype=np.int64)
    reads = ClusteringModel.build(*data, settings=settings.clustering, ccf_settings=settings.ccf)
    precision = settings.clustering.precision or fit_precision(reads, reads.items(), start_labels)
    curves = _curves(replace(reads, precision=precision), model)
    n = len(alt)
    n_slots = min(n, 2 * n_clusters + 8)
    log_mass = _log_masses(model, n_slots)
    log_count = log_cluster_count_prior(n, settings.clustering.concentration, settings.clustering.concentration_log_sd)
    options = np.array([tree_settings.error_rate, 0.75 / tree_settings.ccf_error**2, tree_settings.outlier_cost])
    steps = min(max(tree_settings.joint_sweeps * n, MIN_MOVES), tree_settings.joint_moves)
    chains = tree_settings.joint_chains
    kept = max(tree_settings.joint_draws, chains)
    thin = max(steps * chains // (2 * kept), 1)
    draws: list[JointDraw] = []
    same = []
    for chain in range(chains):
        start = trees.parents[rng.choice(len(trees), p=trees.weights)] if chain else trees.parents[0]
        parent = np.full(n_slots + 1, -2)
        parent[:n_clusters] = np.where(start < 0, n_slots, start)
        parent[n_slots] = -1
        kept_labels, kept_parents = run_joint(
            start_labels,
            parent,
            curves,
            alt,
            total,
            options,
            model.slab,
            model.founder,
            log_mass,
            log_count,
            steps,
            thin,
            rng,
        )
        half = len(kept_labels) // 2
        of_chain = [_draw(*row) for row in zip(kept_labels[half:], kept_parents[half:])]
        same.append(np.mean([draw.labels[:, None] == draw.labels for draw in of_chain], axis=0))
        draws += of_chain
    in_sites = (np.asarray(sample_site), len(trees.site_names))
    distinct, scenarios = _scenarios(
        draws, (curves, alt, total), options, model, in_sites, tree_settings.max_scenarios, rng
    )
    disagreement = max((float(np.abs(a - b).max()) for a, b in itertools.combinations(same, 2)), default=0.0)
    return JointPosterior(tuple(distinct), tuple(scenarios), len(draws), disagreement)


def _curves(reads: ClusteringModel, model: ReadModel) -> FloatArray:
    """Log-likelihood of every mutation in every sample at each prevalence of the tree's grid (n, S, G).

    Multiplicities and lost copies are summed out as in the clustering; above prevalence 1, which the grid needs for
    purities that are a little off, it is that of 1.
    """
    items = reads.items().astype(np.float64)
    place = np.interp(model.prevalence, reads.ccf, np.arange(len(reads.ccf)))
    below = np.minimum(place.astype(np.int64), len(reads.ccf) - 2)
    share = place - below
    return np.asarray(items[:, :, below] * (1.0 - share) + items[:, :, below + 1] * share)


def _log_masses(model: ReadModel, n_slots: int) -> FloatArray:
    """Log prior mass of the proportions by number of clones (n_slots + 1,), all samples."""
    one = model.likelihood[:1, :, :]
    counts = range(1, n_slots + 1)
    return np.array([0.0, *(log_prior_mass(replace(model, likelihood=np.repeat(one, k, axis=0))) for k in counts)])


def _draw(labels: NDArray[np.int16], parents: NDArray[np.int16]) -> JointDraw:
    """A draw with its clusters numbered by first mutation, so that equal draws are equal."""
    slots = len(parents) - 1
    used, first = np.unique(labels, return_index=True)
    rank = np.full(slots + 1, -1)
    rank[used[np.argsort(first)]] = np.arange(len(used))
    compact = np.empty(len(used), dtype=np.int64)
    for slot in used:
        compact[rank[slot]] = rank[parents[slot]]
    return JointDraw(rank[labels], compact)


def _scenarios(
    draws: Sequence[JointDraw],
    cells: tuple[FloatArray, FloatArray, FloatArray],
    options: FloatArray,
    model: ReadModel,
    in_sites: tuple[IntArray, int],
    n_scenarios: int,
    rng: np.random.Generator,
) -> tuple[list[JointDraw], list[tuple[int, float, BoolArray]]]:
    """Distinct clusters and trees, and presence in sites drawn under every draw; equal scenarios are merged."""
    from phylometa.joint._clusters import score_cluster

    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for index, draw in enumerate(draws):
        groups.setdefault((draw.labels.tobytes(), draw.parents.tobytes()), []).append(index)
    each = max(n_scenarios // len(draws), 1)
    sample_site, n_sites = in_sites
    found: dict[tuple[bytes, bytes], tuple[int, JointDraw]] = {}
    counts: dict[tuple[int, bytes], int] = {}
    for members in groups.values():
        draw = draws[members[0]]
        k = len(draw.parents)
        likelihood, tops = np.ones((k, model.n_samples, model.n_grid)), np.zeros((k, model.n_samples))
        for cluster in range(k):
            curve, seen, reads = (cell[draw.labels == cluster].sum(axis=0) for cell in cells)
            score_cluster(cluster, curve, seen, reads, options, likelihood, tops)
        own = replace(model, likelihood=likelihood)
        steps, _ = draw_proportions(draw.parents, own, each * len(members), rng=rng)
        for one in steps:
            distinct, kept = _without_duplicates(draw, one)
            index, _ = found.setdefault((distinct.labels.tobytes(), distinct.parents.tobytes()), (len(found), distinct))
            in_site = np.zeros((len(kept), n_sites), dtype=bool)
            for sample, site in enumerate(sample_site):
                in_site[:, site] |= one[kept, sample] >= model.least
            key = (index, in_site.tobytes())
            counts[key] = counts.get(key, 0) + 1
    whole = sum(counts.values())
    distinct_draws = [draw for _, draw in found.values()]
    # draws of one chain are alike: equally frequent ones are shuffled, so that the first of them stand for all
    place = rng.permutation(len(distinct_draws))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], place[item[0][0]], item[0]))
    return distinct_draws, [
        (index, count / whole, np.frombuffer(packed, dtype=bool).reshape(len(distinct_draws[index].parents), n_sites))
        for (index, packed), count in ordered
    ]


def _without_duplicates(draw: JointDraw, steps: IntArray) -> tuple[JointDraw, IntArray]:
    """The draw with every clone that is nowhere a population and has one child made one with that child.

    `steps` (K, S): proportions. Also given: which clone of the draw each clone left was.
    """
    n_children = np.bincount(draw.parents[draw.parents >= 0], minlength=len(draw.parents))
    is_gone = (n_children == 1) & (steps.sum(axis=1) == 0)
    if not is_gone.any():
        return draw, np.arange(len(draw.parents))
    child = np.full(len(draw.parents), -1)
    child[draw.parents[draw.parents >= 0]] = np.flatnonzero(draw.parents >= 0)
    stands_for = np.arange(len(draw.parents))
    for clone in np.flatnonzero(is_gone):
        below = child[clone]
        while is_gone[below]:
            below = child[below]
        stands_for[clone] = below
    labels = stands_for[draw.labels]
    used, first = np.unique(labels, return_index=True)
    kept = used[np.argsort(first)]
    rank = np.full(len(draw.parents), -1)
    rank[kept] = np.arange(len(kept))
    parents = np.empty(len(kept), dtype=np.int64)
    for clone in kept:
        above = draw.parents[clone]
        while above >= 0 and is_gone[above]:
            above = draw.parents[above]
        parents[rank[clone]] = rank[above] if above >= 0 else -1
    return JointDraw(rank[labels], parents), kept
