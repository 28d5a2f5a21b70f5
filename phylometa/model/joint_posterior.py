"""Draws of clusters, classes and clone tree together, with presence: the posterior that all that is shown sums up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.clone_tree import CloneTree
from phylometa.model.short_repr import short_repr

__all__ = ["CLASSES", "JointDraw", "JointPosterior"]

CLASSES = ("clone", "artefact", "tail")
"""What a mutation can be."""


@dataclass(frozen=True, eq=False)
class JointDraw:
    """One draw of clusters, classes, tree and presence.

    Parameters
    ----------
    labels : int64 array (n,)
        Clone of every mutation, numbered by first mutation; -1 for an artefact, -2 - t for the neutral tail of site t.
    parents : int64 array (K,)
        Parent of every clone; -1 at the founder.
    proportions : float64 array (K, S)
        Share of each clone among the tumour cells of each sample.
    presence : bool array (K, n_sites)
        Sites in which a clone is a population of its own.
    chain : int
        Chain of the sampler that it comes from.
    unplaced : bool array (K,)
        Clones that circulate and, with all that descends from them, are in no sampled site. Default: none.
    history_score : float
        Log weight that its simplest migration history gave it in the sampler; 0 if histories had none there.
    """

    labels: IntArray
    parents: IntArray
    proportions: FloatArray
    presence: BoolArray
    chain: int = 0
    unplaced: BoolArray = None  # type: ignore[assignment]
    history_score: float = 0.0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        freeze_array(self, "labels", np.int64, (None,))
        freeze_array(self, "parents", np.int64, (None,))
        freeze_array(self, "proportions", np.float64, (len(self.parents), None))
        freeze_array(self, "presence", np.bool_, (len(self.parents), None))
        if self.unplaced is None:
            object.__setattr__(self, "unplaced", np.zeros(len(self.parents)))
        freeze_array(self, "unplaced", np.bool_, (len(self.parents),))

    @property
    def n_clones(self) -> int:
        return len(self.parents)


@dataclass(frozen=True, eq=False)
class JointPosterior:
    """Draws of clusters, classes, tree and presence from their joint posterior.

    Parameters
    ----------
    draws : tuple of JointDraw
    weights : float64 array (D,)
        Posterior probability of every draw; they add up to 1. Equal as the sampler gives them, which knows the simplest
        history of every draw; what all its histories weigh, over that, multiplies them.
    """

    draws: tuple[JointDraw, ...]
    weights: FloatArray

    __repr__ = short_repr

    def __post_init__(self) -> None:
        freeze_array(self, "weights", np.float64, (len(self.draws),))

    def tree(self, index: int) -> CloneTree:
        """Return the clone tree of one draw; its clones have numbers for names."""
        draw = self.draws[index]
        sizes = np.bincount(draw.labels[draw.labels >= 0], minlength=draw.n_clones).astype(np.float64)
        return CloneTree(tuple(str(k + 1) for k in range(draw.n_clones)), draw.parents, sizes)

    def with_weights(self, weights: FloatArray) -> JointPosterior:
        """Return the draws with other weights, which are made to add up to 1."""
        return replace(self, weights=np.asarray(weights) / np.sum(weights))

    def take_samples(self, columns: IntArray) -> JointPosterior:
        """Return the draws with the proportions of some samples (indices); what the others show stays known."""
        draws = tuple(replace(draw, proportions=draw.proportions[:, columns]) for draw in self.draws)
        return replace(self, draws=draws)

    def without_histories(self) -> JointPosterior:
        """Return the draws with the weights they have if migration histories weigh nothing."""
        score = np.array([draw.history_score for draw in self.draws])
        return self.with_weights(np.exp(score.min() - score))

    @property
    def n_draws(self) -> int:
        return len(self.draws)

    @cached_property
    def chain(self) -> IntArray:
        """Chain of every draw (D,)."""
        return np.array([draw.chain for draw in self.draws], dtype=np.int64)

    @cached_property
    def labels(self) -> IntArray:
        """Labels of all draws (D, n)."""
        return np.array([draw.labels for draw in self.draws])

    @cached_property
    def items(self) -> tuple[IntArray, IntArray]:
        """Mutations that travel together in every draw: labels of the items (D, I), and the item of every mutation."""
        labels, item_of = np.unique(self.labels, axis=1, return_inverse=True)
        return labels, np.asarray(item_of).reshape(-1)

    @cached_property
    def class_probability(self) -> FloatArray:
        """``[i, c]`` probability that a mutation belongs to a clone (0), is an artefact (1), in a neutral tail (2)."""
        labels = self.labels
        return np.stack([self.weights @ (labels >= 0), self.weights @ (labels == -1), self.weights @ (labels < -1)], 1)

    @cached_property
    def same_item(self) -> FloatArray:
        """``[a, b]`` probability that two items belong to the same clone (I, I)."""
        labels, _ = self.items
        total = np.zeros((labels.shape[1], labels.shape[1]))
        for row, weight in zip(labels, self.weights):
            total += weight * ((row[:, None] == row) & (row >= 0))
        return total

    @property
    def same_cluster(self) -> FloatArray:
        """``[i, j]`` probability that two mutations belong to the same clone (n, n); on the diagonal, to any."""
        _, item_of = self.items
        return self.same_item[np.ix_(item_of, item_of)]

    @property
    def n_clones(self) -> float:
        """Expected number of clones."""
        return float(sum(weight * draw.n_clones for draw, weight in zip(self.draws, self.weights)))

    @property
    def disagreement(self) -> float:
        """Greatest difference, over pairs of mutations, between two chains of the probability to be in one clone."""
        of_chains = []
        for chain in np.unique(self.chain):
            mine = np.where(self.chain == chain, 1.0, 0.0)
            of_chains.append(self.with_weights(mine).same_item)
        return max((float(np.abs(a - b).max()) for i, a in enumerate(of_chains) for b in of_chains[:i]), default=0.0)

    def to_json(self, site_names: Sequence[str]) -> dict[str, Any]:
        """Return the document of joint.json.

        ``items``: the item of every mutation, mutations that are in one clone in every draw. ``draws``: clone of every
        item and parent of every clone, from 1 on, 0 at the founder (an item that belongs to no clone is -1 as an
        artefact, -2, -3, ... in the tail of the first, second, ... site); proportions by clone and sample; by clone the
        sites that hold it; chain, score of its simplest history, and weight; clones that circulate and are in no
        sampled site (``unplaced``, if any).
        """
        labels, item_of = self.items
        return {
            "n_clones": self.n_clones,
            "sites": list(site_names),
            "items": item_of + 1,
            "draws": [
                {
                    "clones": np.where(row >= 0, row + 1, row),
                    "parents": draw.parents + 1,
                    "proportions": [[round(float(x), 4) for x in shares] for shares in draw.proportions],
                    "presence": [[site_names[t] for t in np.flatnonzero(here).tolist()] for here in draw.presence],
                    "chain": draw.chain + 1,
                    "history_score": draw.history_score,
                    "weight": weight,
                    **({"unplaced": (np.flatnonzero(draw.unplaced) + 1).tolist()} if draw.unplaced.any() else {}),
                }
                for draw, row, weight in zip(self.draws, labels, self.weights.tolist())
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> JointPosterior:
        """Read what `to_json` wrote; KeyError, TypeError or ValueError if it is not that."""
        site_of = {name: t for t, name in enumerate(document["sites"])}
        item_of = np.array(document["items"], dtype=np.int64) - 1
        draws = []
        for entry in document["draws"]:
            clones = np.array(entry["clones"], dtype=np.int64)
            presence = np.zeros((len(entry["parents"]), len(site_of)), dtype=bool)
            for clone, where in enumerate(entry["presence"]):
                presence[clone, [site_of[site] for site in where]] = True
            unplaced = np.zeros(len(presence), dtype=bool)
            unplaced[np.array(entry.get("unplaced", ()), dtype=np.int64) - 1] = True
            draws.append(
                JointDraw(
                    labels=np.where(clones > 0, clones - 1, clones)[item_of],
                    parents=np.array(entry["parents"], dtype=np.int64) - 1,
                    proportions=np.array(entry["proportions"], dtype=np.float64).reshape(len(presence), -1),
                    presence=presence,
                    chain=int(entry["chain"]) - 1,
                    unplaced=unplaced,
                    history_score=float(entry["history_score"]),
                )
            )
        return cls(tuple(draws), np.array([float(entry["weight"]) for entry in document["draws"]]))
