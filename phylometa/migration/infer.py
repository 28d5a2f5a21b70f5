"""Migration histories of one clone tree: exact optima of any order of the criteria U, mu, gamma and sigma."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.errors import InfeasibleError
from phylometa.migration.comigration import Edge, count_consistent_comigrations
from phylometa.migration.few_site_pairs import list_frugal
from phylometa.migration.heaviest_first import list_simplest
from phylometa.migration.least_cost import Question
from phylometa.migration.lexicographic import Optima, Progress, find_optima
from phylometa.migration.machina_model import PendantTree
from phylometa.migration.one_more import simplest_near_optimal
from phylometa.migration.pattern_bound import find_optima_within_pattern
from phylometa.migration.patterns import PATTERNS, is_within_pattern, migration_pattern
from phylometa.migration.scoring import Scores, history_weights, score_edges, simplicity_cost
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory, TreeHistories

__all__ = ["history_from_edges", "infer_migration_histories", "make_question", "open_routes"]


# The search for temporally consistent comigrations is exponential. They are counted up to so many migrations, with at
# least so many states a history, more if few histories are listed (states x migrations x histories).
CONSISTENT_UP_TO, LEAST_STATES, STATES_TOGETHER = 200, 50, 4_000_000


def make_question(tree: CloneTree, presence: BoolArray, primary: int) -> Question:
    """Express the clone tree and its observed sites as bitmasks.

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


def history_from_edges(
    edges: Sequence[Edge],
    root: tuple[int, int],
    scores: Scores,
    weight: float,
    *,
    consistent: bool = True,
    n_listed: int = 1,
) -> MigrationHistory:
    """Make a `MigrationHistory` with its counts.

    Without `consistent`, or if the search for it takes too long beside `n_listed` histories, the temporally consistent
    number of comigrations is left out.
    """
    number = None
    if consistent and scores.migrations <= CONSISTENT_UP_TO:
        work = max(scores.migrations, 1) * n_listed
        number = count_consistent_comigrations(edges, most_states=max(LEAST_STATES, STATES_TOGETHER // work))
    return MigrationHistory(
        root=root,
        edges=np.array(edges, dtype=np.int64).reshape(-1, 4),
        weight=weight,
        unobserved=scores.unobserved,
        comigrations=scores.comigrations,
        consistent_comigrations=number,
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
    routes: BoolArray | None = None,
    alternatives: bool = True,
    exact_ranking: bool = True,
    progress: Progress | None = None,
) -> TreeHistories:
    """Infer all optimal migration histories of a clone tree.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
        Sites in which each clone exists as its own population.
    primary : int
        Index of the site in which the history starts.
    settings : MigrationSettings, optional
    model : {"refined", "machina"}
        ``refined``: a clone may hold several sites, joined by a site tree within it. ``machina``: one site per vertex
        (El-Kebir et al. 2018, PMH), each observed site of an inner clone a pendant leaf; criteria ``MCS`` unless the
        settings give an order without U.
    pattern : {"PS", "S", "M", "R"}, optional
        Upper bound on the pattern of migration.
    routes : bool array (n_sites, n_sites), optional
        ``[s, t]`` False if s cannot have sent clones to t; see `open_routes`. By default all are open.
    alternatives : bool
        Whether near-optimal histories (one unobserved node or one migration more) are listed; only for the refined
        model with the criteria U, M first and without restrictions.
    exact_ranking : bool
        If there are more optima than are listed: True lists the simplest, which may take long; False lists histories
        on few pairs of sites, which are simple but not proved the simplest, and the
        temporally consistent count of comigrations is left out.
    progress : callable (text, CPU seconds, limit), optional
        See `find_optima`.

    Returns
    -------
    TreeHistories
        Weights sum to 1 over the histories that are listed. If there are more optima than are listed, the
        simplest are.

    Raises
    ------
    InfeasibleError
        No history keeps to the routes.
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
    criteria = criteria_of_model(settings, model)
    pendant = PendantTree.from_question(question) if model == "machina" else None
    asked = question if pendant is None else pendant.question
    reach = None if routes is None else _reach_of_routes(routes, question.n_sites)
    if pattern is None:
        optima = find_optima(asked, criteria, reach=reach, seconds=settings.seconds, progress=progress)
    elif pattern in PATTERNS[1:]:
        optima = find_optima_within_pattern(asked, criteria, pattern, reach=reach, seconds=settings.seconds)
    else:
        raise ValueError(f"pattern {pattern!r}: expected one of {', '.join(PATTERNS[1:])}")
    listed = _simplest(optima, settings, exact_ranking)
    if pendant is not None:
        listed = [pendant.contract(edges) for edges in listed]
    if not listed:
        raise InfeasibleError("no migration history is possible along the open routes")
    root = (question.root, question.primary)
    found = [(edges, score_edges(edges, root, question.observed)) for edges in listed]
    weights = history_weights([scores for _, scores in found], settings)
    total = sum(weights)
    ranked = sorted(zip(weights, found), key=lambda entry: (-entry[0], entry[1][0]))
    histories = tuple(
        history_from_edges(edges, root, scores, weight / total, consistent=exact_ranking, n_listed=len(ranked))
        for weight, (edges, scores) in ranked
    )
    assert all(is_within_pattern(history.pattern, pattern) for history in histories)
    near: tuple[MigrationHistory, ...] = ()
    if (
        alternatives
        and settings.max_alternatives
        and criteria.upper()[:2] == "UM"
        and pattern is None
        and reach is None
    ):
        near = _near_optimal(question, settings)
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
        alternatives=near,
        least_comigrations=optima.least_comigrations,
    )


def criteria_of_model(settings: MigrationSettings, model: str) -> str:
    """The order of criteria that a model uses: MACHINA's is MCS unless the settings give an order without U."""
    if model not in ("refined", "machina"):
        raise ValueError(f"model {model!r}: expected 'refined' or 'machina'")
    return settings.criteria if model == "refined" or "U" not in settings.criteria.upper() else "MCS"


def open_routes(removed: FloatArray, not_before: FloatArray) -> BoolArray:
    """Find the routes that time leaves open: a site that was gone before another was seeded did not seed it.

    Parameters
    ----------
    removed : float64 array (n_sites,)
        When the site was removed (surgery), in any unit of time; NaN if it was not.
    not_before : float64 array (n_sites,)
        The earliest time at which the site can have been seeded; NaN if nothing is known.

    Returns
    -------
    bool array (n_sites, n_sites)
        ``[s, t]`` False iff ``removed[s] <= not_before[t]``, or s is t.

    Examples
    --------
    >>> open_routes(np.array([50.0, np.nan]), np.array([np.nan, 51.0]))
    array([[False, False],
           [ True, False]])
    """
    removed, not_before = np.asarray(removed, dtype=float), np.asarray(not_before, dtype=float)
    closed = removed[:, None] <= not_before[None, :]
    np.fill_diagonal(closed, True)
    return ~closed


def _reach_of_routes(routes: BoolArray, n_sites: int) -> tuple[int, ...]:
    routes = np.asarray(routes, dtype=bool)
    if routes.shape != (n_sites, n_sites):
        raise ValueError(f"routes: shape {routes.shape}, expected ({n_sites}, {n_sites})")
    return tuple(sum(1 << t for t in range(n_sites) if t != s and row[t]) for s, row in enumerate(routes.tolist()))


def _simplest(optima: Optima, settings: MigrationSettings, exact_ranking: bool) -> list[tuple[Edge, ...]]:
    """All optima, or the simplest of them if they are too many to list."""
    if optima.n_histories > settings.max_histories and len(optima.families) == 1 and optima.families[0].is_whole:
        cost = partial(simplicity_cost, settings)
        optimal = optima.families[0].optimal
        if not exact_ranking:
            return list_frugal(optimal, settings.max_histories, cost=cost)
        simplest = list_simplest(optimal, settings.max_histories, cost=cost, seconds=settings.seconds)
        if simplest:
            return simplest
    return list(islice(optima, settings.max_histories))


def _near_optimal(question: Question, settings: MigrationSettings) -> tuple[MigrationHistory, ...]:
    """The simplest near-optimal histories, U + 1 before mu + 1, without weight."""
    root = (question.root, question.primary)
    found = (simplest_near_optimal(question, kind, settings) for kind in "UM")
    listed = [entry for near in found for entry in near.histories]
    return tuple(history_from_edges(edges, root, scores, 0.0, n_listed=len(listed)) for edges, scores in listed)
