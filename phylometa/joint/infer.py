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

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import ReadModel, log_prior_mass, read_model, reads_of_error
from phylometa.clustering.model import ClusteringModel
from phylometa.clustering.partitions import concentration_weights
from phylometa.clustering.search import fit_precision
from phylometa.config import Settings, TreeSettings
from phylometa.joint.atoms import bundle_mutations
from phylometa.joint.convergence import disagreement
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import ancestor_matrix
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.observation import Observation, observe

if TYPE_CHECKING:
    from phylometa.joint._presence import Places

__all__ = ["infer_jointly"]

# Loss of evidence from which a mutation's cluster is certain enough to be bundled.
_CERTAIN = 12.0


@dataclass(frozen=True, eq=False)
class _Chains:
    """Draws of all chains: item labels (n, items), parents (n, M + 1), options (n, items, S), proportions in steps
    of the grid (n, M, S) and their sums (n, S), scores of histories and chain (n,).
    """

    labels: NDArray[np.int16]
    parents: NDArray[np.int16]
    options: NDArray[np.int8]
    steps: NDArray[np.int16]
    total: NDArray[np.int16]
    scores: FloatArray
    chain: IntArray


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
    precision = settings.clustering.precision or fit_precision(reads, reads.items(), start)
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
    items, item_of = bundle_mutations(every, start, max_items=chosen.joint_items, max_loss=_CERTAIN, rng=rng)
    item_start = np.zeros(items.n_items, dtype=np.int64)
    item_start[item_of] = start
    places = _places(sites, len(trees.site_names), model.least, settings, primary)
    chains = _run_chains(items, item_start, trees, model, settings, tree_settings, places, rng)
    return _summarise(chains, item_of, places)


def _places(sites: IntArray, n_sites: int, least: int, settings: Settings, primary: int | None) -> Places:
    """Where the samples were taken, and what histories weigh."""
    from phylometa.joint._presence import Places

    chosen = settings.migration
    is_weighed = primary is not None and chosen.weights == "exponential" and chosen.criteria.upper() == "UM"
    weights = (chosen.tree_unobserved_weight, chosen.tree_migration_weight, chosen.comigration_weight)
    is_weighed = is_weighed and n_sites <= MAX_SITES and bool((sites >= 0).any())
    counts = (least, n_sites, primary if is_weighed else -1)
    return Places(sites, np.array(counts, dtype=np.int64), np.array([*weights, chosen.seeding_site_weight]))


def _run_chains(
    items: Observation,
    start: IntArray,
    trees: TreeEnsemble,
    model: ReadModel,
    settings: Settings,
    tree_settings: TreeSettings,
    places: Places,
    rng: np.random.Generator,
) -> _Chains:
    """Run every chain until they agree, or for `joint_rounds` rounds; the second half of each is kept."""
    from phylometa.joint._chain import BLOCK, run_chain

    n_chains, n_clusters = tree_settings.joint_chains, int(start.max()) + 1
    n_slots = min(items.n_items, 2 * n_clusters + 10)
    data = _data(items, model, settings, tree_settings, n_slots)
    steps = min(max(tree_settings.joint_sweeps * items.n_items, MIN_MOVES), tree_settings.joint_moves)
    kept = -(-max(tree_settings.joint_draws, n_chains) // n_chains)
    n_blocks = max(-(-steps // BLOCK), 2 * kept)
    thin = n_blocks // (2 * kept)
    chains = []
    for chain in range(n_chains):
        state = _start_state(items, start, trees, n_slots, data, chain, rng)
        presence = _start_presence(state, rng)
        chains.append((state, copy.deepcopy(state), data, _trial(state), _backup(state), presence, places))
    made: list[list[tuple[NDArray[Any], ...]]] = [[] for _ in chains]
    for turn in range(tree_settings.joint_rounds):
        for chain, parts in enumerate(chains):
            kept_states = run_chain(*parts, n_blocks, thin, turn == 0, rng)
            fields = ("labels", "parents", "options", "steps", "total", "scores")
            made[chain].append(tuple(getattr(kept_states, name) for name in fields))
        found = [_second_half(parts, kept) for parts in made]
        if disagreement([(part[0], part[1]) for part in found]) <= tree_settings.joint_agreement:
            break
    labels, parents, options, steps_of, total, scores = (np.concatenate(parts) for parts in zip(*found))
    chain_of = np.repeat(np.arange(n_chains), [len(part[0]) for part in found])
    return _Chains(labels, parents, options, steps_of, total, scores, chain_of)


def _second_half(rounds: list[tuple[NDArray[Any], ...]], kept: int) -> list[NDArray[Any]]:
    """Evenly spaced draws of the second half of a chain, at most `kept`."""
    parts = [np.concatenate(part) for part in zip(*rounds)]
    n = len(parts[0])
    chosen = np.unique(np.linspace(n // 2, n - 1, min(kept, n - n // 2)).astype(np.int64))
    return [part[chosen] for part in parts]


MIN_MOVES = 2000  # of a chain, however few the mutations
KNOWN_SCORES = 1 << 14  # of histories, that a chain remembers
MAX_SITES = 200  # beyond, histories weigh the draws only afterwards


def _data(items: Observation, model: ReadModel, settings: Settings, tree_settings: TreeSettings, n_slots: int):  # type: ignore[no-untyped-def]
    from phylometa.joint._state import Data

    alphas, log_weight = concentration_weights(
        0, settings.clustering.concentration, settings.clustering.concentration_log_sd
    )
    observation = settings.observation
    at_place = _by_place(items)
    return Data(
        curves=np.ascontiguousarray(items.curves),
        log_prior=np.ascontiguousarray(items.log_prior),
        at_place=at_place,
        best=_best_of_options(items, at_place),
        log_missed=np.maximum(items.log_missed, -1e301) + 0.0,
        log_annotated=np.log1p(-np.exp(items.log_missed)),
        first=(items.group[:, :, None] == items.group[:, None, :]).argmax(axis=2),
        n_options=_count_options(items),
        alt=items.alt,
        total=np.ascontiguousarray(items.total),
        null=np.ascontiguousarray(items.null),
        weight=items.weight,
        n_annotated=np.array([items.n_annotated]),
        founder=np.ascontiguousarray(model.founder),
        log_mass=_log_masses(model, n_slots),
        class_prior=np.array(
            [observation.clone_prior, observation.artefact_prior, observation.tail_prior], dtype=np.float64
        ),
        alphas=alphas,
        log_alpha=log_weight,
        numbers=np.array(
            [
                tree_settings.error_rate,
                reads_of_error(tree_settings),
                tree_settings.outlier_cost,
                model.slab,
                float(tree_settings.grid),
                model.prevalence[-1],
            ]
        ),
    )


def _by_place(items: Observation) -> NDArray[np.float32]:
    """Log-likelihoods (n, S, G + 1, O) of the options at every grid point, and with the prevalence summed out."""
    n, n_samples, n_options, n_grid = items.curves.shape
    rows = np.empty((n, n_samples, n_grid + 1, n_options), dtype=np.float32)
    rows[:, :, :n_grid] = items.curves.transpose(0, 1, 3, 2)
    rows[:, :, n_grid] = items.marginal
    return rows


def _best_of_options(items: Observation, at_place: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest log-likelihood (n, S, G + 1, 2) among the annotated and among the missed options of every item."""
    is_option = np.isfinite(items.log_prior)[:, :, None, :]
    possible = np.where(is_option, at_place, np.float32(-np.inf))
    best = np.full((*at_place.shape[:3], 2), -np.inf, dtype=np.float32)
    best[..., 0] = possible[..., : items.n_annotated].max(axis=3)
    if items.n_annotated < at_place.shape[3]:
        best[..., 1] = at_place[..., items.n_annotated :].max(axis=3)
    return best


def _count_options(items: Observation) -> IntArray:
    """Annotated options of every cell (n, S), counted up to the last that its item has."""
    has = np.isfinite(items.log_prior[:, :, : items.n_annotated])
    return np.asarray(items.n_annotated - has[:, :, ::-1].argmax(axis=2), dtype=np.int64)


def _log_masses(model: ReadModel, n_slots: int) -> FloatArray:
    """Log prior mass of the proportions by number of clones (n_slots + 1,), all samples."""
    one = model.likelihood[:1, :, :]
    counts = range(1, n_slots + 1)
    return np.array([0.0, *(log_prior_mass(replace(model, likelihood=np.repeat(one, k, axis=0))) for k in counts)])


def _start_state(items, start, trees, n_slots, data, chain, rng):  # type: ignore[no-untyped-def]
    """The state a chain starts from: the clusters given with one of their trees, or clusters split at random."""
    from phylometa.joint._state import State, initialise

    n, n_samples, _, n_grid = items.curves.shape
    n_clusters = int(start.max()) + 1
    label = start.copy()
    parent = np.full(n_slots + 1, -2, dtype=np.int64)
    of_tree = trees.parents[rng.choice(len(trees), p=trees.weights)] if chain else trees.parents[0]
    parent[:n_clusters] = np.where(of_tree < 0, n_slots, of_tree)
    parent[n_slots] = -1
    if chain >= 2:  # half of the clusters lose a random half to a clone below them
        slot = n_clusters
        for cluster in range(n_clusters):
            members = np.flatnonzero(start == cluster)
            if slot < n_slots and len(members) > 1 and rng.random() < 0.5:
                label[members[rng.random(len(members)) < 0.5]] = slot
                if 0 < (label == slot).sum() < len(members):
                    parent[slot] = cluster
                    slot += 1
                else:
                    label[members] = cluster
    state = State(
        label=label,
        option=_best_options(items, label),
        parent=parent,
        curve=np.zeros((n_slots, n_samples, n_grid)),
        seen=np.zeros((n_slots, n_samples)),
        reads=np.zeros((n_slots, n_samples)),
        size=np.zeros(n_slots),
        likelihood=np.ones((n_slots, n_samples, n_grid)),
        tops=np.zeros((n_slots, n_samples)),
        prevalence=np.zeros((n_slots + 1, n_samples)),
        variance=np.full((n_slots + 1, n_samples), 0.01),
        messages=np.zeros((n_slots + 1, n_samples, n_grid)),
        scales=np.zeros((n_slots + 1, n_samples)),
        classes=np.zeros(3),
        score=np.zeros(5),
        terms=np.zeros((n_samples + 1, items.curves.shape[2])),
    )
    initialise(state, data)
    return state


def _best_options(items: Observation, label: IntArray) -> IntArray:
    """Annotated options (n, S) that fit best at the clusters' own prevalences, one per group of samples.

    Begins with the most probable option: from another one, a cluster would settle at another prevalence.
    """
    n_samples = items.alt.shape[1]
    annotated = slice(items.n_annotated)
    option = items.log_prior[:, :, annotated].argmax(axis=2)
    same = items.group[:, :, None] == items.group[:, None, :]
    prior = items.log_prior[:, :, annotated]
    for _ in range(4):
        chosen = np.take_along_axis(items.curves, option[:, :, None, None], axis=2)[:, :, 0]
        curve = np.zeros((int(label.max()) + 1, n_samples, items.curves.shape[3]))
        np.add.at(curve, label, chosen)
        place = curve.argmax(axis=2)[label]
        cell = np.take_along_axis(items.curves[:, :, annotated], place[:, :, None, None], axis=3)[..., 0]
        option = (np.einsum("ist,ito->iso", same, cell) + prior).argmax(axis=2)
    return option


def _start_presence(state, rng):  # type: ignore[no-untyped-def]
    from phylometa.joint._presence import Presence

    n_vertices, n_samples = state.prevalence.shape
    uniforms = rng.random((2, n_vertices, n_samples))
    steps = np.zeros((n_vertices - 1, n_samples), dtype=np.int64)
    known = np.full(KNOWN_SCORES, -1, dtype=np.int64), np.zeros(KNOWN_SCORES)
    return Presence(uniforms, steps, np.zeros(n_samples, dtype=np.int64), np.zeros(1), *known)


def _trial(state):  # type: ignore[no-untyped-def]
    from phylometa.joint._moves import Trial

    n, n_samples = state.option.shape
    size = len(state.parent)
    return Trial(
        np.zeros(size, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_samples), dtype=np.int64),
        np.zeros(3, dtype=np.int64),
        np.zeros(size, dtype=np.bool_),
        np.arange(1, n + 1) / n,
        np.zeros(n, dtype=np.bool_),
    )


def _backup(state):  # type: ignore[no-untyped-def]
    from phylometa.joint._chain import Backup

    n, n_samples = state.option.shape
    n_grid = state.curve.shape[2]
    return Backup(
        np.zeros((2, n_samples, n_grid)),
        np.zeros((2, n_samples)),
        np.zeros((2, n_samples)),
        np.zeros(2),
        np.zeros((2, n_samples, n_grid)),
        np.zeros((2, n_samples)),
        np.zeros((2, n_samples)),
        np.zeros((2, n_samples)),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_samples), dtype=np.int64),
        np.zeros(3),
        np.zeros(5),
    )


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


def _summarise(chains: _Chains, item_of: IntArray, places: Places) -> JointPosterior:
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
