"""What a statement rests on: how probable it is without clones of one or two mutations, and without single mutations.

A mutation that is alone in its clone carries the clone. Without it the clone is merged with its parent, and the
migrations that only this clone showed are gone; a mutation that shares its clone with others can be missed. So the
probability of a statement without some mutations is a sum over the draws in which their clones are contracted, each
weighed by the histories that are then possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.config import MigrationSettings, SeedingSettings
from phylometa.migration import joint_histories
from phylometa.migration.independent_tumours import OriginGroup
from phylometa.migration.route_prior import RoutePrior
from phylometa.model.arrays import BoolArray, IntArray
from phylometa.model.certainty import Carrier, Evidence, level_word
from phylometa.model.joint_posterior import JointDraw, JointPosterior
from phylometa.model.patient import Patient
from phylometa.seeding.drawn import NAMING_CLONES, labels_of_draws

__all__ = ["Statement", "contract_clones", "find_evidence", "without_mutation", "without_small_clones"]

Statement = tuple[str, str, str]
"""Label, site or "", value; or "route", source and target."""
# Draws that are looked at without clones of one mutation, of at most two, and without a single mutation; mutations that
# are tried; histories listed of each draw, and draws whose near-optimal ones are. The answer is held against `favoured`
# only.
_DRAWS, _DRAWS_OF_ONE, _TRIED, _LISTED, _NEAR_OPTIMAL = (32, 16), 16, 3, 100, 8


def contract_clones(draw: JointDraw, chosen: BoolArray) -> JointDraw:
    """Merge the chosen clones of a draw with their parents (a founder: with its only child).

    Parameters
    ----------
    draw : JointDraw
    chosen : bool array (K,)

    Returns
    -------
    JointDraw
        Its clones keep their order. A founder without a child, or with several, stays.

    Examples
    --------
    >>> chain = JointDraw(np.array([0, 1, 2]), np.array([-1, 0, 1]), np.full((3, 1), 1 / 3), np.eye(3, dtype=bool))
    >>> contract_clones(chain, np.array([False, True, False])).parents.tolist()
    [-1, 0]
    """
    heir = np.arange(draw.n_clones)
    parents = np.array(draw.parents)
    while True:
        gone = heir != np.arange(len(heir))
        (founder,) = np.flatnonzero((parents < 0) & ~gone)
        children = np.flatnonzero((parents == founder) & ~gone)
        inner = np.flatnonzero(chosen & ~gone & (np.arange(len(heir)) != founder))
        if len(inner):
            clone = int(inner[0])
            heir[clone] = parents[clone]
            parents[parents == clone] = parents[clone]
        elif chosen[founder] and len(children) == 1:
            heir[founder] = children[0]
            parents[children[0]] = -1
        else:
            break
    while (heir[heir] != heir).any():
        heir = heir[heir]
    if not gone.any():
        return draw
    kept = np.flatnonzero(~gone)
    rank = np.full(len(heir), -1)
    rank[kept] = np.arange(len(kept))
    of_clone = rank[heir]
    proportions = np.zeros((len(kept), draw.proportions.shape[1]))
    np.add.at(proportions, of_clone, draw.proportions)
    presence = np.zeros((len(kept), draw.presence.shape[1]), dtype=bool)
    np.logical_or.at(presence, of_clone, draw.presence)
    labels = np.where(draw.labels >= 0, of_clone[np.maximum(draw.labels, 0)], draw.labels)
    above = np.where(parents[kept] < 0, -1, rank[parents[kept]])
    unplaced = np.ones(len(kept), dtype=bool)
    np.logical_and.at(unplaced, of_clone, draw.unplaced)
    return JointDraw(labels, above, proportions, presence, draw.chain, unplaced, draw.history_score)


def without_small_clones(joint: JointPosterior, size: int) -> JointPosterior:
    """Contract every clone of at most `size` mutations, in every draw; draws that have none stay the same objects."""
    return replace(joint, draws=tuple(contract_clones(draw, _sizes(draw) <= size) for draw in joint.draws))


def without_mutation(joint: JointPosterior, mutation: int) -> JointPosterior:
    """Contract the clone of a mutation in every draw in which it is alone in it."""

    def chosen(draw: JointDraw) -> BoolArray:
        clone = int(draw.labels[mutation])
        return (_sizes(draw) == 1) & (np.arange(draw.n_clones) == clone)

    return replace(joint, draws=tuple(contract_clones(draw, chosen(draw)) for draw in joint.draws))


def _sizes(draw: JointDraw) -> IntArray:
    return np.bincount(draw.labels[draw.labels >= 0], minlength=draw.n_clones)


def _thinned(joint: JointPosterior, n_draws: int) -> JointPosterior:
    """At most `n_draws` of the draws, evenly over all."""
    at = np.unique(np.linspace(0, joint.n_draws - 1, min(n_draws, joint.n_draws)).round().astype(np.int64))
    return JointPosterior(tuple(joint.draws[i] for i in at.tolist()), np.full(len(at), 1.0 / len(at)))


def find_evidence(
    joint: JointPosterior,
    stated: Mapping[Statement, float],
    patient: Patient,
    *,
    primary: int,
    migration: MigrationSettings,
    settings: SeedingSettings,
    groups: tuple[OriginGroup, ...] = (),
    route_prior: RoutePrior | None = None,
) -> dict[Statement, Evidence]:
    """Find what the statements that are at least favoured rest on.

    Parameters
    ----------
    joint : JointPosterior
    stated : mapping
        Statement -> probability.
    patient : Patient
    primary : int
        Index of the site in which histories start.
    migration : MigrationSettings
    settings : SeedingSettings
    groups : tuple of OriginGroup
    route_prior : RoutePrior, optional
        See `phylometa.migration.joint_histories`.

    Returns
    -------
    dict
    """
    sure = {
        key: p
        for key, p in stated.items()
        if key[0] not in NAMING_CLONES and level_word(p, settings) != "not determined"
    }

    sites, names = patient.sites, patient.site_names
    limited = replace(
        migration,
        max_histories=min(migration.max_histories, _LISTED),
        near_optimal_scenarios=min(migration.near_optimal_scenarios, _NEAR_OPTIMAL),
    )

    def probabilities(drawn: JointPosterior) -> dict[Statement, float]:
        histories = joint_histories(
            drawn, names, primary=primary, settings=limited, groups=groups, route_prior=route_prior
        )
        labels = labels_of_draws(drawn, histories, sites, primary)
        found = dict(zip(labels.keys, labels.by_draw.sum(axis=0).tolist()))
        routes = histories.migration_probability
        return found | {
            ("route", names[s], names[t]): float(routes[s, t]) for s in range(len(names)) for t in range(len(names))
        }

    left: list[Mapping[Statement, float]] = []
    for size, n_draws in zip((1, 2), _DRAWS):
        few = _thinned(joint, n_draws)
        contracted = without_small_clones(few, size)
        if not any((_sizes(draw) == size).any() for draw in few.draws):
            left.append(left[-1] if left else sure)  # no clone is of that size
        else:
            found = probabilities(contracted)
            left.append({key: found.get(key, 0.0) for key in sure})
    fallen = [key for key in sure if left[0][key] < settings.favoured_probability]
    carriers = _carriers(_thinned(joint, _DRAWS_OF_ONE), sure, fallen, settings, probabilities)
    return {
        key: Evidence(
            float(left[0][key]),
            float(left[1][key]),
            tuple(_carrier(patient, i, key) for i in carriers.get(key, ())),
        )
        for key in sure
    }


def _carriers(
    joint: JointPosterior,
    stated: Mapping[Statement, float],
    fallen: Sequence[Statement],
    settings: SeedingSettings,
    probabilities: Callable[[JointPosterior], dict[Statement, float]],
) -> dict[Statement, list[int]]:
    """Single mutations without which each of the statements falls, the most often alone first."""
    if not fallen:
        return {}
    alone = np.zeros(len(joint.draws[0].labels))
    for draw, weight in zip(joint.draws, joint.weights):
        mine = draw.labels >= 0
        alone[mine] += weight * (_sizes(draw)[draw.labels[mine]] == 1)
    # A mutation that is alone with probability a lowers a statement by about a at most.
    needed = min(stated[key] for key in fallen) - settings.favoured_probability
    tried = [i for i in np.argsort(-alone, kind="stable")[:_TRIED].tolist() if alone[i] > max(needed, 0.05)]
    carriers: dict[Statement, list[int]] = {}
    for mutation in tried:
        found = probabilities(without_mutation(joint, mutation))
        for key in fallen:
            if found.get(key, 0.0) < settings.favoured_probability:
                carriers.setdefault(key, []).append(mutation)
    return carriers


def _carrier(patient: Patient, index: int, key: Statement) -> Carrier:
    """The mutation with its reads in the sample that shows it most, of the site that the statement is about if any."""
    mutations = patient.mutations
    about = {site for site in key[1:] if site}
    here = [s for s in range(mutations.n_samples) if patient.sites[int(patient.sample_site[s])].name in about]
    shown = [s for s in here if mutations.alt_counts[index, s] > 0] or list(range(mutations.n_samples))
    best = max(shown, key=lambda s: int(mutations.alt_counts[index, s]))
    reads = (int(mutations.alt_counts[index, best]), int(mutations.depth[index, best]))
    if mutations.is_event[index]:
        reads = (0, 0)
    return Carrier(mutations.ids[index], mutations.genes[index] or "", mutations.sample_names[best], *reads)
