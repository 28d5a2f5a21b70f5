"""Mutations that travel together are bundled, so that genomes are sampled and not only exomes.

In a genome most mutations of a clone could not lie elsewhere. They enter the sampler as a few atoms per cluster, each
with the summed likelihood of its mutations at their most probable options; the others enter one by one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.reads.observation import Observation

__all__ = ["bundle_mutations"]


def bundle_mutations(
    observation: Observation,
    labels: IntArray,
    *,
    max_items: int,
    max_loss: float,
    rng: np.random.Generator,
) -> tuple[Observation, IntArray]:
    """Bundle mutations whose cluster is certain until at most about `max_items` items are left.

    Parameters
    ----------
    observation : Observation
        One item per mutation, n of them.
    labels : int64 array (n,)
        A partition; atoms lie within its clusters.
    max_items : int
        Items from which mutations are bundled.
    max_loss : float
        A mutation is certain if its evidence in every other cluster, and in every null class, is lower by at least so
        much (natural log).
    rng : numpy Generator

    Returns
    -------
    (Observation, int64 array (n,))
        The items, and the item of every mutation.
    """
    n = observation.n_items
    if n <= max_items:
        return observation, np.arange(n)
    k = int(labels.max()) + 1
    place = _cluster_places(observation, labels, k)
    evidence, option = _evidence(observation, place, labels)
    own = evidence[np.arange(n), labels]
    others = evidence.copy()
    others[np.arange(n), labels] = -np.inf
    margin = own - np.maximum(others.max(axis=1), observation.null.max(axis=1))
    certain = margin > max_loss
    n_free = int((~certain).sum())
    per_cluster = max((max_items - n_free) // k, 3)
    item = np.full(n, -1, dtype=np.int64)
    count = 0
    for cluster in range(k):
        members = rng.permutation(np.flatnonzero((labels == cluster) & certain))
        for part in np.array_split(members, min(per_cluster, len(members))) if len(members) else []:
            item[part] = count
            count += 1
    free = np.flatnonzero(item < 0)
    item[free] = count + np.arange(len(free))
    return _bundled(observation, item, option, count), item


def _cluster_places(observation: Observation, labels: IntArray, k: int) -> IntArray:
    """Grid point (K, S) of every cluster's prevalence, by two rounds of options given prevalence and the reverse."""
    n_samples = observation.alt.shape[1]
    option = observation.log_prior[:, :, : observation.n_annotated].argmax(axis=2)
    place = np.zeros((k, n_samples), dtype=np.int64)
    for _ in range(3):
        chosen = np.take_along_axis(observation.curves, option[:, :, None, None], axis=2)[:, :, 0]
        for cluster in range(k):
            place[cluster] = chosen[labels == cluster].sum(axis=0).argmax(axis=1)
        _, option = _evidence(observation, place, labels)
    return place


def _evidence(observation: Observation, place: IntArray, labels: IntArray) -> tuple[FloatArray, IntArray]:
    """Log evidence (n, K) of every mutation in every cluster, and its best options (n, S) in its own."""
    n, n_samples, n_options, _ = observation.curves.shape
    n_annotated = observation.n_annotated
    samples = np.arange(n_samples)
    same = observation.group[:, :, None] == observation.group[:, None, :]
    sharers = same.sum(axis=2)
    evidence = np.empty((n, len(place)))
    option = np.zeros((n, n_samples), dtype=np.int64)
    for cluster, at in enumerate(place):
        cell = observation.curves[:, samples, :, at].transpose(1, 0, 2)  # (n, S, O)
        grouped = np.einsum("ist,ito->iso", same, cell[:, :, :n_annotated])
        grouped = grouped + observation.log_prior[:, :, :n_annotated]
        annotated = (grouped.max(axis=2) / sharers).sum(axis=1)
        missed = np.full(n, -np.inf)
        if n_options > n_annotated:
            whole = cell[:, :, n_annotated:].sum(axis=1) + observation.log_prior[:, 0, n_annotated:]
            missed = whole.max(axis=1) + observation.log_missed
        evidence[:, cluster] = np.maximum(annotated, missed)
        mine = labels == cluster
        option[mine] = grouped[mine].argmax(axis=2)
        switched = mine & (missed > annotated)
        if switched.any():
            option[switched] = (n_annotated + whole[switched].argmax(axis=1))[:, None]
    return evidence, option


def _bundled(observation: Observation, item: IntArray, option: IntArray, n_atoms: int) -> Observation:
    """The observation of the items: atoms at their mutations' options, then single mutations with all of theirs."""
    n_items = int(item.max()) + 1
    first = np.full(n_items, -1, dtype=np.int64)
    first[item[::-1]] = np.arange(len(item))[::-1]
    curves, total = observation.curves[first].copy(), observation.total[first].copy()
    log_prior, log_missed = observation.log_prior[first].copy(), observation.log_missed[first].copy()
    group, marginal = observation.group[first].copy(), observation.marginal[first].copy()
    alt, null = observation.alt[first].copy(), observation.null[first].copy()
    weight = np.ones(n_items)
    chosen = np.take_along_axis(observation.curves, option[:, :, None, None], axis=2)[:, :, 0]
    chosen_total = np.take_along_axis(observation.total, option[:, :, None], axis=2)[:, :, 0]
    members = item < n_atoms
    for values, target in ((chosen, curves[:n_atoms, :, 0]), (chosen_total, total[:n_atoms, :, 0])):
        target[:] = 0.0
        np.add.at(target, item[members], values[members])
    for values, target in ((observation.alt, alt[:n_atoms]), (observation.null, null[:n_atoms])):
        target[:] = 0.0
        np.add.at(target, item[members], values[members])
    weight[:n_atoms] = np.bincount(item[members], minlength=n_atoms)
    log_prior[:n_atoms] = -np.inf
    log_prior[:n_atoms, :, 0] = 0.0
    log_missed[:n_atoms] = -np.inf
    group[:n_atoms] = 0
    marginal[:n_atoms, :, 0] = curves[:n_atoms, :, 0].max(axis=2)
    return replace(
        observation,
        curves=curves,
        log_prior=log_prior,
        log_missed=log_missed,
        group=group,
        alt=alt,
        total=total,
        marginal=marginal,
        null=null,
        weight=weight,
    )
