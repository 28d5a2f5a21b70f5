"""What a chain of the joint sampler is made of: the arrays that do not change, the state it starts from, and room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from phylometa.clone_trees.likelihood import ReadModel, log_prior_mass, reads_of_error
from phylometa.clustering.partitions import concentration_weights
from phylometa.config import Settings, TreeSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reads.observation import Observation

if TYPE_CHECKING:  # compiled: loaded only if chains are run
    from phylometa.joint._chain import Backup
    from phylometa.joint._moves import Trial
    from phylometa.joint._presence import Places, Presence
    from phylometa.joint._state import Data, State

__all__ = ["chain_data", "empty_backup", "empty_trial", "start_presence", "start_state", "weighed_places"]

KNOWN_SCORES = 1 << 14  # of histories, that a chain remembers
MAX_SITES = 200  # beyond, histories weigh the draws only afterwards


def weighed_places(sites: IntArray, n_sites: int, least: int, settings: Settings, primary: int | None) -> Places:
    """Tell the sampler where the samples were taken, and what histories weigh."""
    from phylometa.joint._presence import Places

    chosen = settings.migration
    is_weighed = primary is not None and chosen.weights == "exponential" and chosen.criteria.upper() == "UM"
    weights = (chosen.tree_unobserved_weight, chosen.tree_migration_weight, chosen.comigration_weight)
    is_weighed = is_weighed and n_sites <= MAX_SITES and bool((sites >= 0).any())
    counts = (least, n_sites, primary if is_weighed else -1)
    return Places(sites, np.array(counts, dtype=np.int64), np.array([*weights, chosen.seeding_site_weight]))


def chain_data(
    items: Observation, model: ReadModel, settings: Settings, tree_settings: TreeSettings, n_slots: int
) -> Data:
    """Gather the arrays that do not change in a chain."""
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
        first=np.ascontiguousarray((items.group[:, :, None] == items.group[:, None, :]).argmax(axis=2)),
        n_options=_count_options(items),
        alt=np.ascontiguousarray(items.alt),
        total=np.ascontiguousarray(items.total),
        null=np.ascontiguousarray(items.null),
        weight=np.ascontiguousarray(items.weight),
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


def start_state(
    items: Observation,
    start: IntArray,
    trees: TreeEnsemble,
    n_slots: int,
    data: Data,
    chain: int,
    rng: np.random.Generator,
) -> State:
    """Make the state a chain starts from: the clusters given with one of their trees, or clusters split at random."""
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


def start_presence(state: State, rng: np.random.Generator) -> Presence:
    """Draw the uniform numbers from which presence follows."""
    from phylometa.joint._presence import Presence

    n_vertices, n_samples = state.prevalence.shape
    uniforms = rng.random((2, n_vertices, n_samples))
    steps = np.zeros((n_vertices - 1, n_samples), dtype=np.int64)
    known = np.full(KNOWN_SCORES, -1, dtype=np.int64), np.zeros(KNOWN_SCORES)
    return Presence(uniforms, steps, np.zeros(n_samples, dtype=np.int64), np.zeros(1), *known)


def empty_trial(state: State) -> Trial:
    """Make room for a proposed change of a state."""
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


def empty_backup(state: State) -> Backup:
    """Make room for what undoing a change restores."""
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
