"""Clusters, options, classes and clone tree as one posterior: draws of all of them together, with presence.

The state is a partition of the mutations over clones and null classes (artefact, neutral tail of a site), the latent
genome state of every mutation, and a tree on the clones. Its posterior is normalised throughout, so states with
different numbers of clones compare: marginal likelihood of the reads (proportions integrated out, see
`phylometa.clone_trees.likelihood`, over the prior's total mass), a Chinese-restaurant prior over partitions, a
Dirichlet prior of the shares of the classes, and a uniform prior over the K^(K-1) rooted trees. The reads under every
state and class: `phylometa.reads.observation`. An error that all reads of a cluster share (purity, copy number) enters
as a beta-binomial factor (`_state.shared_error`): without it every cluster would be free to fit its reads better than
it can be known to.

The moves are those of `phylometa.joint._moves` and `phylometa.joint._clone_moves`. Chains start from different
clusterings and trees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import read_model
from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.search import fit_precision
from phylometa.config import Settings
from phylometa.joint.atoms import bundle_mutations
from phylometa.joint.chain_data import weighed_places
from phylometa.joint.rounds import Chains, run_chains
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.observation import ARTEFACT, observe, with_events

if TYPE_CHECKING:
    from phylometa.joint._presence import Places

__all__ = ["infer_jointly"]

# Loss of evidence from which a mutation's cluster is certain enough to be bundled.
_CERTAIN = 12.0
# Mutations that tell the precision of the reads well enough: single ones are moved between clusters in the fit.
_TELL_PRECISION = 1000


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
    purity_sd: FloatArray | None = None,
    primary: int | None = None,
    events: Callable[[FloatArray], tuple[IntArray, FloatArray, FloatArray]] | None = None,
) -> JointPosterior:
    """Draw from the joint posterior of clusters, classes, tree and presence.

    With `primary` the posterior is weighed by what the simplest history of every tree with its presence costs
    (`phylometa.joint._presence.history_score`): what all its histories weigh beyond that is little, and left to those
    who know them.

    Parameters
    ----------
    mutations : MutationTable
    copy_number : CopyNumberAtLoci
    purity : float64 array (S,)
    sample_site : int array (S,)
        -1: names no site.
    labels : int64 array (n,)
        Clustering to start from.
    trees : TreeEnsemble
        Trees of that clustering, with a single founder: the start, and the fitted presence weight.
    settings : Settings
    rng : numpy Generator
    purity_sd : float64 array (S,), optional
        Standard error of every purity; 0 for one that is given without.
    primary : int, optional
        Index of the site in which histories start; by default histories weigh nothing.
    events : callable (float64 array (G,)) -> (int64 array (E,), float64 arrays (E, S, G), (S,)), optional
        From prevalences to the rows that are copy-number events, their log-likelihoods, and the probability of a wrong
        state in each sample.

    Returns
    -------
    JointPosterior

    Raises
    ------
    ValueError
        The trees have an artificial germline (clonally unrelated tumours).
    """
    start: IntArray = np.asarray(labels, dtype=np.int64)
    n_clusters = int(start.max()) + 1
    if len(trees.names) != n_clusters:
        raise ValueError("trees: more clones than clusters; the joint search needs a single founder")
    chosen = settings.trees
    weight = float(trees.diagnostics.get("presence_weight", chosen.presence_weight))
    tree_settings = replace(chosen, presence_weight=weight)
    sites: IntArray = np.asarray(sample_site, dtype=np.int64)
    purity = np.asarray(purity, dtype=np.float64)
    relative = np.zeros(len(purity)) if purity_sd is None else np.asarray(purity_sd) / purity
    nothing = np.zeros((1, len(purity)))
    model = read_model(nothing, nothing, settings=tree_settings, purity_sd=relative)
    reads = ClusteringModel.build(
        mutations, copy_number, purity, settings=settings.clustering, ccf_settings=settings.ccf
    )
    precision = settings.clustering.precision or _fitted_precision(reads, start)
    every = observe(
        mutations,
        copy_number,
        purity,
        sites,
        model.prevalence,
        precision=precision,
        settings=settings.observation,
        ccf_settings=settings.ccf,
    )
    if events is not None:
        told = events(model.prevalence)
        every = with_events(every, *told, settings=settings.observation, absent_weight=settings.ccf.absent_weight)
    items, item_of = bundle_mutations(every, start, max_items=chosen.joint_items, max_loss=_CERTAIN, rng=rng)
    item_start = np.zeros(items.n_items, dtype=np.int64)
    item_start[item_of] = start
    places = weighed_places(sites, len(trees.site_names), model.least, settings, primary)
    chains = run_chains(items, item_start, trees, model, settings, tree_settings, places, rng)
    if every.no_branch >= 0:
        chains = _without_events_of_no_branch(chains, every.no_branch)
    return _summarise(chains, item_of, places)


def _fitted_precision(reads: ClusteringModel, labels: IntArray) -> float:
    """Precision of the reads, from evenly spaced mutations if there are many: it is one number for all."""
    n = len(labels)
    rows = np.unique(np.linspace(0, n - 1, min(n, _TELL_PRECISION)).astype(np.int64))
    chosen = reads.take(rows)
    _, own = np.unique(labels[rows], return_inverse=True)
    return fit_precision(chosen, chosen.items(), own)


def _without_events_of_no_branch(chains: Chains, option: int) -> Chains:
    """Take events that no branch explains from the clones in which the sampler keeps them: they say nothing of these.

    A clone that holds nothing else keeps them.
    """
    labels = chains.labels.copy()
    is_none = (chains.options[:, :, 0] == option) & (labels >= 0)
    for draw, own, none in zip(chains.labels, labels, is_none):
        held = np.unique(draw[~none & (draw >= 0)])
        own[none & np.isin(draw, held)] = -1 - ARTEFACT
    return replace(chains, labels=labels)


def _draw(
    labels: NDArray[np.int16], parents: NDArray[np.int16], item_of: IntArray
) -> tuple[tuple[IntArray, IntArray], IntArray]:
    """Labels and parents with clones numbered by first mutation, so that equal draws are equal; and the slots."""
    of_mutation = labels[item_of]
    used, first = np.unique(of_mutation[of_mutation >= 0], return_index=True)
    where = np.flatnonzero(of_mutation >= 0)[first]
    order = used[np.argsort(where)]
    rank = np.full(len(parents), -1)
    rank[order] = np.arange(len(order))
    compact = rank[parents[order]]
    numbered = np.where(of_mutation >= 0, rank[np.maximum(of_mutation, 0)], of_mutation).astype(np.int64)
    return (numbered, compact.astype(np.int64)), order.astype(np.int64)


def _summarise(chains: Chains, item_of: IntArray, places: Places) -> JointPosterior:
    """Express the draws as mutations, clones and trees with proportions and presence."""
    from phylometa.joint._presence import present_in_sites

    found = []
    for labels, parents, steps, total, score, chain in zip(
        chains.labels, chains.parents, chains.steps, chains.total, chains.scores.tolist(), chains.chain.tolist()
    ):
        draw, slots = _draw(labels, parents, item_of)
        own = steps[slots].astype(np.int64)
        of_mutation, above, kept = _without_duplicates(*draw, own)
        in_site = present_in_sites(own[kept], places)
        shares = own[kept] / np.maximum(total, 1)
        unplaced = _unplaced(above, own[kept][:, places.site < 0] > 0, in_site)
        found.append(JointDraw(of_mutation, above, shares, in_site, chain, unplaced, score))
    return JointPosterior(tuple(found), np.full(len(found), 1.0 / len(found)))


def _unplaced(parents: IntArray, circulates: BoolArray, in_site: BoolArray) -> BoolArray:
    """Clones (K,) that circulate, or have a descendant that does, while none of them is in a sampled site; and all that
    descend from these."""
    below = ancestor_matrix(parents)
    found = below @ circulates.any(axis=1) & ~(below @ in_site.any(axis=1))
    return np.asarray(below.T @ found)


def _without_duplicates(labels: IntArray, parents: IntArray, steps: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Make every clone that is nowhere a population and has one child one with that child.

    `steps` (K, S): proportions. Gives labels and parents, and which clone each clone left was.
    """
    n_children = np.bincount(parents[parents >= 0], minlength=len(parents))
    is_gone = (n_children == 1) & (steps.sum(axis=1) == 0)
    if not is_gone.any():
        return labels, parents, np.arange(len(parents))
    child = np.full(len(parents), -1)
    child[parents[parents >= 0]] = np.flatnonzero(parents >= 0)
    stands_for = np.arange(len(parents))
    for clone in np.flatnonzero(is_gone):
        below = child[clone]
        while is_gone[below]:
            below = child[below]
        stands_for[clone] = below
    in_clone = labels >= 0
    merged = np.where(in_clone, stands_for[np.maximum(labels, 0)], labels)
    used, first = np.unique(merged[in_clone], return_index=True)
    kept = used[np.argsort(np.flatnonzero(in_clone)[first])]
    rank = np.full(len(parents), -1)
    rank[kept] = np.arange(len(kept))
    compact = np.empty(len(kept), dtype=np.int64)
    for clone in kept:
        above = parents[clone]
        while above >= 0 and is_gone[above]:
            above = parents[above]
        compact[rank[clone]] = rank[above] if above >= 0 else -1
    return np.where(in_clone, rank[np.maximum(merged, 0)], merged), compact, kept
