"""Primary unknown: every candidate site as the root of the history, and a posterior over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.migration.infer import infer_migration_histories, simplicity_cost
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import TreeHistories

__all__ = ["OriginPosterior", "infer_origin"]


@dataclass(frozen=True, eq=False)
class OriginPosterior:
    """Candidate sites of origin of one clone tree.

    Parameters
    ----------
    candidates : tuple of int
        Site indices.
    probability : float64 array (len(candidates),)
        Posterior probability of each; sum 1.
    histories : tuple of TreeHistories
        Optimal histories from each candidate; `weight` is the candidate's probability.
    """

    candidates: tuple[int, ...]
    probability: FloatArray
    histories: tuple[TreeHistories, ...]


def infer_origin(
    tree: CloneTree,
    presence: BoolArray,
    *,
    candidates: Sequence[int] | None = None,
    prior: Sequence[float] | None = None,
    settings: MigrationSettings | None = None,
    model: str = "refined",
    pattern: str | None = None,
) -> OriginPosterior:
    r"""Infer the histories from every candidate site of origin, and how probable each origin is.

    .. math:: P(r) \propto \pi_r e^{-8 U_r - 4 \mu_r} \sum_H e^{-\gamma(H) - 2 \sigma(H)}

    over the optimal histories H rooted in r (docs/methods/migration.md; the coefficients are settings). A
    parsimony score, not a likelihood: read it as a ranking unless it is decisive.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
    candidates : sequence of int, optional
        Site indices; by default all sites.
    prior : sequence of float, optional
        Prior weight of each candidate; by default equal.
    settings, model, pattern
        See `infer_migration_histories`.

    Returns
    -------
    OriginPosterior

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A"), ("R", "B")])
    >>> found = infer_origin(tree, np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    >>> found.probability.round(2).tolist()
    [1.0, 0.0, 0.0]
    """
    settings = MigrationSettings() if settings is None else settings
    presence = np.asarray(presence, dtype=bool)
    sites = tuple(range(presence.shape[1])) if candidates is None else tuple(candidates)
    weights = [1.0] * len(sites) if prior is None else list(prior)
    if not sites or len(weights) != len(sites) or min(weights) < 0 or not sum(weights) > 0:
        raise ValueError("prior: one non-negative weight a candidate is expected, not all zero")
    found = [
        infer_migration_histories(tree, presence, primary=site, settings=settings, model=model, pattern=pattern)
        for site in sites
    ]
    scores = []
    for weight, histories in zip(weights, found):
        best = histories.criteria
        soft = sum(math.exp(-simplicity_cost(settings, h.comigrations, h.seeding_sites)) for h in histories.histories)
        penalty = settings.unobserved_weight * best["unobserved"] + settings.migration_weight * best["migrations"]
        scores.append((math.log(weight) if weight else -math.inf) + math.log(soft) - penalty)
    probability = np.exp(np.array(scores) - max(scores))
    probability /= probability.sum()
    weighted = tuple(
        replace(
            histories,
            weight=float(share),
            histories=tuple(replace(h, weight=h.weight * float(share)) for h in histories.histories),
        )
        for histories, share in zip(found, probability)
    )
    return OriginPosterior(sites, probability, weighted)
