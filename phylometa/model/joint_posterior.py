"""Draws of clusters and clone tree together, with presence: the posterior over clusterings as a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.clone_tree import CloneTree

__all__ = ["JointDraw", "JointPosterior"]


@dataclass(frozen=True, eq=False)
class JointDraw:
    """One draw of clusters and tree.

    Parameters
    ----------
    labels : int64 array (n,)
        Clone of every mutation, numbered by first mutation.
    parents : int64 array (K,)
        Parent of every clone; -1 at the founder.
    """

    labels: IntArray
    parents: IntArray

    def __post_init__(self) -> None:
        freeze_array(self, "labels", np.int64, (None,))
        freeze_array(self, "parents", np.int64, (None,))


@dataclass(frozen=True, eq=False)
class JointPosterior:
    """Draws of clusters, tree and presence from their joint posterior.

    Parameters
    ----------
    draws : tuple of JointDraw
        Distinct ones.
    scenarios : tuple of (draw index, weight, bool array (K, n_sites))
        Presence of the draw's clones in the sites; weights sum to 1.
    n_draws : int
        How many draws, of which some may be equal.
    disagreement : float
        Greatest difference, over pairs of mutations, between two chains of the probability to be in one clone.
    """

    draws: tuple[JointDraw, ...]
    scenarios: tuple[tuple[int, float, BoolArray], ...]
    n_draws: int
    disagreement: float = 0.0

    def tree(self, index: int) -> CloneTree:
        """Clone tree of one draw; its clones have numbers for names."""
        draw = self.draws[index]
        sizes = np.bincount(draw.labels, minlength=len(draw.parents)).astype(np.float64)
        return CloneTree(tuple(str(k + 1) for k in range(len(draw.parents))), draw.parents, sizes)

    def labels_of(self, index: int) -> IntArray:
        """Clone of every mutation in one draw (n,)."""
        return self.draws[index].labels

    @property
    def weights(self) -> FloatArray:
        """Posterior probability of every draw."""
        total = np.zeros(len(self.draws))
        for index, weight, _ in self.scenarios:
            total[index] += weight
        return total

    @property
    def same_cluster(self) -> FloatArray:
        """``[i, j]`` probability that two mutations belong to the same clone (n, n)."""
        n = len(self.draws[0].labels)
        total = np.zeros((n, n))
        for draw, weight in zip(self.draws, self.weights):
            total += weight * (draw.labels[:, None] == draw.labels)
        return total

    @property
    def n_clones(self) -> float:
        """Expected number of clones."""
        return float(sum(weight * len(draw.parents) for draw, weight in zip(self.draws, self.weights)))

    def to_json(self, site_names: Sequence[str]) -> dict[str, Any]:
        """joint.json: ``draws`` (clone of every mutation, parent of every clone, from 1 on; 0 at the founder) and
        ``scenarios`` (draw, weight, by clone the sites that hold it)."""
        return {
            "n_clones": self.n_clones,
            "n_draws": self.n_draws,
            "disagreement": self.disagreement,
            "sites": list(site_names),
            "draws": [{"clones": draw.labels + 1, "parents": draw.parents + 1} for draw in self.draws],
            "scenarios": [
                {
                    "draw": index,
                    "weight": weight,
                    "presence": [[site_names[t] for t in np.flatnonzero(row).tolist()] for row in presence],
                }
                for index, weight, presence in self.scenarios
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> JointPosterior:
        """What `to_json` wrote; KeyError, TypeError or ValueError where it is not one."""
        site_of = {name: t for t, name in enumerate(document["sites"])}
        draws = tuple(
            JointDraw(np.array(item["clones"], dtype=np.int64) - 1, np.array(item["parents"], dtype=np.int64) - 1)
            for item in document["draws"]
        )
        scenarios = []
        for item in document["scenarios"]:
            presence = np.zeros((len(draws[item["draw"]].parents), len(site_of)), dtype=bool)
            for clone, where in enumerate(item["presence"]):
                presence[clone, [site_of[site] for site in where]] = True
            scenarios.append((int(item["draw"]), float(item["weight"]), presence))
        return cls(draws, tuple(scenarios), int(document["n_draws"]), float(document["disagreement"]))
