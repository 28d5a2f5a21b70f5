"""Migration histories of one clone tree: exact optima of any order of the criteria U, mu, gamma and sigma."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.data import BoolArray
from phylometa.errors import InfeasibleError
from phylometa.migration.comigration import Edge, count_consistent_comigrations
from phylometa.migration.optima import find_optima
from phylometa.migration.optimal import Question
from phylometa.migration.patterns import migration_pattern
from phylometa.migration.plain import PendantTree
from phylometa.migration.ranked import list_simplest
from phylometa.migration.scoring import Scores, score_edges
from phylometa.trees import CloneTree, MigrationHistory, TreeHistories

__all__ = ["history_from_edges", "infer_migration_histories", "make_question"]


def make_question(tree: CloneTree, presence: BoolArray, primary: int) -> Question:
    """The clone tree and its observed sites as bitmasks.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
        Sites in which each clone exists as its own population.
    primary : int
        Index of the site of the history's root.
    """
    presence = np.asarray(presence, dtype=bool)
    if presence.ndim != 2 or len(presence) != tree.n_clones:
        raise ValueError(f"presence: shape {presence.shape}, expected ({tree.n_clones}, number of sites)")
    if not 0 <= primary < presence.shape[1]:
        raise ValueError(f"primary: {primary} is not the index of one of {presence.shape[1]} sites")
    return Question(
        tuple(int(parent) for parent in tree.parents),
        tuple(tree.preorder),
        tuple(tuple(children) for children in tree.children),
        tuple(sum(1 << s for s, present in enumerate(row) if present) for row in presence.tolist()),
        presence.shape[1],
        primary,
    )


def history_from_edges(edges: Sequence[Edge], root: tuple[int, int], scores: Scores, weight: float) -> MigrationHistory:
    """A `MigrationHistory` with its counts."""
    return MigrationHistory(
        root=root,
        edges=np.array(edges, dtype=np.int64).reshape(-1, 4),
        weight=weight,
        unobserved=scores.unobserved,
        comigrations=scores.comigrations,
        consistent_comigrations=count_consistent_comigrations(edges),
        seeding_sites=scores.seeding_sites,
        pattern=migration_pattern((s, t) for _, s, _, t in edges if s != t),
    )


def infer_migration_histories(
    tree: CloneTree,
    presence: BoolArray,
    *,
    primary: int,
    settings: MigrationSettings | None = None,
    model: str = "refined",
    pattern: str | None = None,
) -> TreeHistories:
    """All optimal migration histories of a clone tree.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
        Sites in which each clone exists as its own population.
    primary : int
        Index of the site in which the history starts.
    settings : MigrationSettings, optional
    model : {"refined", "machina"}
        ``refined``: a clone may hold several sites, joined by a site tree within it. ``machina``: one site a vertex
        (El-Kebir et al. 2018, PMH), each observed site of an inner clone a pendant leaf; criteria ``MCS`` unless the
        settings give an order without U.
    pattern : {"PS", "S", "M", "R"}, optional
        Upper bound on the pattern of migration.

    Returns
    -------
    TreeHistories
        Weights sum to 1 over the histories that are listed.

    Raises
    ------
    InfeasibleError
        No history has the pattern.
    ValueError
        Malformed arguments.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A")])
    >>> found = infer_migration_histories(tree, np.array([[1, 0, 0], [1, 1, 1]]), primary=0)
    >>> found.n_histories, found.criteria["migrations"], [h.pattern for h in found.histories]
    (3, 2, ['PS', 'S', 'S'])
    """
    settings = MigrationSettings() if settings is None else settings
    question = make_question(tree, presence, primary)
    root = (question.root, question.primary)
    criteria = settings.criteria
    pendant = None
    asked = question
    if model == "machina":
        pendant = PendantTree.from_question(question)
        asked = pendant.question
        criteria = criteria if "U" not in criteria.upper() else "MCS"
    elif model != "refined":
        raise ValueError(f"model {model!r}: expected 'refined' or 'machina'")
    optima = find_optima(asked, criteria, seconds=settings.seconds)
    listed: Iterable[tuple[Edge, ...]] = islice(optima, settings.max_histories)
    if optima.n_histories > settings.max_histories and len(optima.families) == 1:
        # Too many to list: the simplest first, which the weights favour.
        simplest = list_simplest(
            optima.families[0].optimal,
            settings.max_histories,
            cost=partial(simplicity_cost, settings),
            seconds=settings.seconds,
        )
        listed = simplest or listed
    if pendant is not None:
        listed = map(pendant.contract, listed)
    found = [(edges, score_edges(edges, root, question.observed)) for edges in listed]
    if not found:
        raise InfeasibleError("no migration history is possible under these restrictions")
    weights = history_weights([scores for _, scores in found], settings)
    total = sum(weights)
    ranked = sorted(zip(weights, found), key=lambda entry: (-entry[0], entry[1][0]))
    histories = tuple(history_from_edges(edges, root, scores, weight / total) for weight, (edges, scores) in ranked)
    n_histories = optima.n_histories
    return TreeHistories(
        tree=0,
        weight=1.0,
        presence=np.asarray(presence, dtype=bool),
        criteria={
            "unobserved": min(scores.unobserved for _, scores in found),
            "migrations": min(scores.migrations for _, scores in found),
            "comigrations": min(scores.comigrations for _, scores in found),
            "seeding_sites": min(scores.seeding_sites for _, scores in found),
        },
        n_histories=n_histories,
        complete=optima.proved and n_histories == len(histories),
        histories=histories,
    )


def simplicity_cost(settings: MigrationSettings, comigrations: int, seeding_sites: int) -> float:
    """Minus the logarithm of a history's exponential weight."""
    return settings.comigration_weight * comigrations + settings.seeding_site_weight * seeding_sites


def history_weights(scores: Sequence[Scores], settings: MigrationSettings) -> list[float]:
    """Weights of tied histories, not normalised: exp(-gamma - 2 sigma) with the settings' coefficients, or 1."""
    if settings.weights == "uniform":
        return [1.0] * len(scores)
    return [math.exp(-simplicity_cost(settings, each.comigrations, each.seeding_sites)) for each in scores]
