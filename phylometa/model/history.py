"""Migration histories: rooted trees on (clone, site) nodes, and their ensemble over clone trees."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.frames import frame_of_rows
from phylometa.model.short_repr import short_repr

if TYPE_CHECKING:
    import networkx as nx


__all__ = ["HistoryEnsemble", "MigrationErrors", "MigrationHistory", "TreeHistories"]


@dataclass(frozen=True, eq=False)
class MigrationHistory:
    """One migration history: a rooted tree on (clone, site) nodes.

    Parameters
    ----------
    root : (int, int)
        (clone, site) of the root.
    edges : int64 array (E, 4)
        Departing clone, its site, arriving clone, its site; indices into the tree's clones and the patient's sites.
        Parent nodes come before their children. An edge with two different sites is a migration; the arriving clone
        is the founding clone.
    weight : float
        Probability over all trees and histories of the ensemble.
    unobserved : int
        U: nodes whose clone was not observed in their site.
    comigrations : int
        gamma, MACHINA's path maximum.
    consistent_comigrations : int or None
        The least number of comigration events with a consistent temporal order (never below `comigrations`); None
        if it was not computed (one of very many histories).
    seeding_sites : int
        sigma.
    pattern : str
        ``none PS S M R``; with m or p before it if MACHINA's clonality is meant.
    log_prior : float
        Logarithm of what an optional prior multiplied `weight` by, 0 without one (`migration.genetic_distance`).
    """

    root: tuple[int, int]
    edges: IntArray
    weight: float = 1.0
    unobserved: int = 0
    comigrations: int = 0
    consistent_comigrations: int | None = 0
    seeding_sites: int = 0
    pattern: str = "none"
    log_prior: float = 0.0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=np.int64).reshape(-1, 4)
        object.__setattr__(self, "edges", edges)
        freeze_array(self, "edges", np.int64, (None, 4))

    @property
    def migrations(self) -> IntArray:
        """The edges that change the site (mu, 4)."""
        return self.edges[self.edges[:, 1] != self.edges[:, 3]]

    @property
    def n_migrations(self) -> int:
        """mu."""
        return int((self.edges[:, 1] != self.edges[:, 3]).sum())

    @cached_property
    def nodes(self) -> tuple[tuple[int, int], ...]:
        """All (clone, site) nodes, the root first; nodes from which an independent tumour starts before their edges."""
        nodes = dict.fromkeys((self.root,))
        for u, s, v, t in self.edges.tolist():
            nodes[u, s] = nodes[v, t] = None
        return tuple(nodes)

    @cached_property
    def migration_counts(self) -> dict[tuple[int, int], int]:
        """(source site, target site) -> number of migrations."""
        return dict(sorted(Counter((int(s), int(t)) for _, s, _, t in self.migrations).items()))

    def migration_graph(self, site_names: Sequence[str]) -> nx.MultiDiGraph:
        """Make a MultiDiGraph on sites, one edge per migration, with ``departing_clone`` and ``founding_clone``."""
        import networkx as nx

        graph = nx.MultiDiGraph()
        graph.add_nodes_from(site_names)
        for u, s, v, t in self.migrations:
            graph.add_edge(site_names[s], site_names[t], departing_clone=int(u), founding_clone=int(v))
        return graph


@dataclass(frozen=True, eq=False)
class TreeHistories:
    """The histories of one tree with one presence of its clones in the sites.

    Parameters
    ----------
    tree : int
        Index into the `TreeEnsemble`.
    weight : float
        Share of this tree (and presence) over the ensemble; equals the sum of its histories' weights.
    presence : bool array (K, n_sites)
        Clones taken as observed in sites: obs(v).
    criteria : mapping
        ``unobserved migrations comigrations seeding_sites``: the optimum; comigrations and seeding_sites are the least
        over the listed histories.
    n_histories : int
        Exact number of histories that reach the optimum (a lower bound if not `complete`).
    complete : bool
        True iff every optimal history is listed.
    histories : tuple of MigrationHistory
        By falling weight.
    alternatives : tuple of MigrationHistory
        Near-optimal histories (U + 1 and mu + 1) that are not weighed, weight 0.
    excess : (int, int)
        Unobserved nodes and migrations of these histories beyond the least of this tree and presence: (0, 0) if
        they are the optimal ones, else they are near-optimal ones that are weighed (their optimum is `criteria`).
    least_comigrations : int or None
        If the time limit passed before the optimum was proved: no history has fewer comigrations; None: it is proved,
        or no bound is known.
    """

    tree: int
    weight: float
    presence: BoolArray
    criteria: Mapping[str, int]
    n_histories: int
    complete: bool
    histories: tuple[MigrationHistory, ...]
    alternatives: tuple[MigrationHistory, ...] = ()
    excess: tuple[int, int] = (0, 0)
    least_comigrations: int | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        freeze_array(self, "presence", np.bool_, (None, None))

    @property
    def is_optimal(self) -> bool:
        """Whether these histories are the optimal ones."""
        return self.excess == (0, 0)


@dataclass(frozen=True, eq=False)
class MigrationErrors:
    """Monte-Carlo errors of migrations, whose probabilities are sums over sampled draws.

    Parameters
    ----------
    routes : mapping
        (source, target) -> standard error, R-hat and effective draws of `HistoryEnsemble.migration_probability`.
    migrations : mapping
        (source, target, departing clone, founding clone) -> standard error.
    """

    routes: Mapping[tuple[int, int], tuple[float, float, float]]
    migrations: Mapping[tuple[int, int, int, int], float]

    __repr__ = short_repr

    def of_routes(self, n_sites: int) -> FloatArray:
        """Return the standard errors of all routes (n_sites, n_sites); 0 for those that no history has."""
        errors = np.zeros((n_sites, n_sites))
        for (s, t), (mcse, _, _) in self.routes.items():
            errors[s, t] = mcse
        return errors


@dataclass(frozen=True, eq=False)
class HistoryEnsemble:
    """Migration histories over the tree posterior; the weights of all histories add up to 1.

    Parameters
    ----------
    trees : tuple of TreeHistories
        First the optimal histories of every tree and presence, then near-optimal ones if these are weighed.
    site_names : sequence of str
    criteria_order : str
        E.g. ``"UM"``.
    weighting : str
        ``exponential`` or ``uniform``.
    model : str
        ``refined`` or ``machina``.
    drawn : HistoryEnsemble or None
        The histories of the draws of the joint posterior, with their own clones, of which these are the expression in
        the clones shown.
    cut_weight : float
        At most so much of the probability lies in histories that are not listed (an upper bound, often far from it).
    errors : MigrationErrors or None
        None if nothing was sampled: clusters were given.
    power : float
        Power at which the histories weigh the draws (`phylometa.migration.tempering`); 1: fully.
    """

    trees: tuple[TreeHistories, ...]
    site_names: tuple[str, ...]
    criteria_order: str = "UM"
    weighting: str = "exponential"
    model: str = "refined"
    drawn: HistoryEnsemble | None = None
    cut_weight: float = 0.0
    errors: MigrationErrors | None = None
    power: float = 1.0

    __repr__ = short_repr

    def __iter__(self) -> Iterator[tuple[TreeHistories, MigrationHistory]]:
        """All (tree, history) pairs."""
        for tree in self.trees:
            for history in tree.histories:
                yield tree, history

    @property
    def best(self) -> tuple[TreeHistories, MigrationHistory]:
        """The most probable history and its tree (ties: the first listed)."""
        return max(self, key=lambda pair: pair[1].weight)

    @cached_property
    def migration_probability(self) -> FloatArray:
        """``[s, t]`` probability that at least one clone migrated from s to t (n_sites, n_sites)."""
        total = np.zeros((len(self.site_names), len(self.site_names)))
        for _, history in self:
            for s, t in history.migration_counts:
                total[s, t] += history.weight
        return total

    @property
    def complete(self) -> bool:
        """Whether every optimal history is listed."""
        return all(tree.complete for tree in self.trees if tree.is_optimal)

    def with_log_priors(self, log_priors: Sequence[float]) -> HistoryEnsemble:
        """Weights multiplied by an optional prior, in place of the one they have; they add up to 1 again.

        Parameters
        ----------
        log_priors : sequence of float
            One per history, in the order of iteration.
        """
        at_most = max(log_priors)
        raw = [
            history.weight * math.exp(new - history.log_prior - at_most)
            for (_, history), new in zip(self, log_priors, strict=True)
        ]
        total, values = sum(raw), iter(zip(raw, log_priors))
        trees = []
        for tree in self.trees:
            new_values = list(itertools.islice(values, len(tree.histories)))
            histories = [
                replace(history, weight=weight / total, log_prior=prior)
                for history, (weight, prior) in zip(tree.histories, new_values)
            ]
            histories.sort(key=lambda history: -history.weight)  # stable
            weight = sum(history.weight for history in histories)
            trees.append(replace(tree, weight=weight, histories=tuple(histories)))
        return replace(self, trees=tuple(trees))

    @property
    def without_prior(self) -> HistoryEnsemble | None:
        """The same histories without the optional prior; None if no prior was used."""
        if not any(history.log_prior for _, history in self):
            return None
        drawn = None if self.drawn is None else self.drawn.without_prior
        return replace(self.with_log_priors([0.0 for _ in self]), drawn=drawn, errors=None)

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate pairs of sites with the probability that a clone migrated from the one to the other.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        probability, names = self.migration_probability, self.site_names
        rows = ((names[s], names[t], min(1.0, float(probability[s, t]))) for s, t in np.argwhere(probability > 0))
        return frame_of_rows(["source", "target", "probability"], rows, library)
