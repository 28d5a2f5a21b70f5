"""Histories under the process model: of one tree with presence, and of a posterior over trees and presence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.config import MigrationSettings, ProcessSettings
from phylometa.migration.comigration import Edge
from phylometa.migration.infer import history_from_edges
from phylometa.migration.process import Graph, ProcessState, drop_idle_copies, weigh_graphs
from phylometa.migration.scenario import Scenario
from phylometa.migration.scoring import score_edges
from phylometa.model.arrays import BoolArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import HistoryEnsemble, TreeHistories

__all__ = ["ProcessHistories", "process_ensemble", "process_histories"]

LEAST_DRAWS = 20  # of a tree and presence, however improbable
SHARED_STARTS = 3  # best graphs of the state before, from which the search of the next starts too


@dataclass(frozen=True, eq=False)
class ProcessHistories:
    """Histories of one tree with one presence.

    Parameters
    ----------
    log_weight : float
        Unnormalised log marginal weight of the state, by which states are weighed against one another.
    histories : tuple of (edges, probability)
        Drawn given the state and merged, by falling probability.
    graphs : tuple of graphs
        The heaviest routes, to start the next search from.
    complete : bool
        Whether all graphs of routes were summed.
    """

    log_weight: float
    histories: tuple[tuple[tuple[Edge, ...], float], ...]
    graphs: tuple[tuple[tuple[int, int], ...], ...]
    complete: bool


def process_histories(
    tree: CloneTree,
    presence: BoolArray,
    *,
    primary: int,
    settings: ProcessSettings | None = None,
    n_draws: int = 200,
    rng: np.random.Generator,
    starts: Sequence[Sequence[tuple[int, int]]] = (),
) -> ProcessHistories:
    """Weigh one tree with presence and draw its histories, in a time bounded by ``settings.max_graphs``.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
    primary : int
    settings : ProcessSettings, optional
    n_draws : int
        Histories drawn: systematically over graphs of routes by weight, independently given the graph.
    rng : numpy Generator
    starts : sequence of routes as (source, target)
        Graphs from which the search over many sites starts too.

    Returns
    -------
    ProcessHistories
    """
    return _Weighed(tree, presence, primary, ProcessSettings() if settings is None else settings, starts).draw(
        n_draws, rng
    )


class _Weighed:
    """A tree with presence whose graphs of routes are weighed, ready to be drawn from."""

    def __init__(
        self,
        tree: CloneTree,
        presence: BoolArray,
        primary: int,
        settings: ProcessSettings,
        starts: Sequence[Sequence[tuple[int, int]]],
    ) -> None:
        self.tree, self.presence, self.primary = tree, np.asarray(presence, dtype=bool), primary
        self.state = ProcessState.from_tree(tree, self.presence, primary, settings)
        position = {site: i for i, site in enumerate(self.state.sites)}
        given = [_graph_of(routes, position) for routes in starts]
        self.posterior, self.weigher = weigh_graphs(self.state, settings, starts=given)
        sites = self.state.sites
        self.routes = tuple(
            tuple((sites[s], sites[t]) for s, to in enumerate(graph) for t in range(len(graph)) if to >> t & 1)
            for graph in self.posterior.graphs[:SHARED_STARTS]
        )

    def draw(self, n_draws: int, rng: np.random.Generator) -> ProcessHistories:
        """Histories drawn systematically over graphs, independently given the graph, and merged."""
        share = np.exp(self.posterior.log_weights - self.posterior.log_total)
        ticks = (np.arange(n_draws) + rng.random()) / n_draws * share.sum()
        chosen = np.minimum(np.searchsorted(np.cumsum(share), ticks), len(share) - 1)
        root = (self.tree.root, self.primary)
        number: Counter[tuple[Edge, ...]] = Counter()
        for graph, times in zip(*np.unique(chosen, return_counts=True)):
            for edges in self.weigher.draw(self.posterior.graphs[graph], int(times), rng):
                number[drop_idle_copies(edges, root, self.presence)] += 1
        ranked = sorted(number, key=lambda edges: (-number[edges], edges))
        histories = tuple((edges, number[edges] / n_draws) for edges in ranked)
        return ProcessHistories(self.posterior.log_total, histories, self.routes, self.posterior.complete)


def _graph_of(routes: Sequence[tuple[int, int]], position: dict[int, int]) -> Graph:
    reach = [0] * len(position)
    for s, t in routes:
        if s in position and t in position:
            reach[position[s]] |= 1 << position[t]
    return tuple(reach)


def process_ensemble(
    scenarios: Sequence[Scenario],
    site_names: Sequence[str],
    *,
    primary: int,
    settings: MigrationSettings | None = None,
    rng: np.random.Generator | None = None,
) -> HistoryEnsemble:
    """Weigh each history of a posterior over trees and presence by its marginal weight under the process model.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Equal ones share the work.
    site_names : sequence of str
    primary : int
    settings : MigrationSettings, optional
        Its `process` are the rates.
    rng : numpy Generator, optional
        By default always the same stream.

    Returns
    -------
    HistoryEnsemble
        One entry a scenario; ``weighting`` is ``process``. `n_histories` is the number that was drawn; `complete`
        whether all graphs of routes were summed.
    """
    settings = MigrationSettings() if settings is None else settings
    process = settings.process
    rng = np.random.default_rng(1) if rng is None else rng
    if not scenarios:
        raise ValueError("scenarios: none given")
    together: dict[tuple[bytes, bytes], list[Scenario]] = {}
    for scenario in scenarios:
        key = scenario.tree.parents.tobytes(), np.asarray(scenario.presence, dtype=bool).tobytes()
        together.setdefault(key, []).append(scenario)
    groups = sorted(together.values(), key=lambda same: -sum(scenario.weight for scenario in same))
    weighed_states: list[_Weighed] = []
    starts: tuple[tuple[tuple[int, int], ...], ...] = ()
    for same in groups:
        weighed_states.append(_Weighed(same[0].tree, same[0].presence, primary, process, starts))
        starts = weighed_states[-1].routes
    masses = [sum(scenario.weight for scenario in same) for same in groups]
    logs = np.array(
        [
            math.log(mass) + found.posterior.log_total if mass > 0 else -math.inf
            for mass, found in zip(masses, weighed_states)
        ]
    )
    of_group = np.exp(logs - logs.max())
    of_group /= of_group.sum()
    entries: list[TreeHistories] = []
    shares: list[float] = []
    for same, mass, found, share_of_group in zip(groups, masses, weighed_states, of_group.tolist()):
        n_draws = max(LEAST_DRAWS, math.ceil(process.draws * share_of_group))
        entry = _entry(same[0], found.draw(n_draws, rng), primary)
        for scenario in same:
            entries.append(replace(entry, tree=scenario.tree_index))
            shares.append(share_of_group * scenario.weight / mass if mass > 0 else 0.0)
    weighed = tuple(
        replace(
            entry,
            weight=share,
            histories=tuple(replace(history, weight=history.weight * share) for history in entry.histories),
        )
        for entry, share in zip(entries, shares)
    )
    return HistoryEnsemble(weighed, tuple(site_names), settings.criteria.upper(), "process")


def _entry(scenario: Scenario, found: ProcessHistories, primary: int) -> TreeHistories:
    presence = np.asarray(scenario.presence, dtype=bool)
    observed = [sum(1 << t for t in np.flatnonzero(row).tolist()) for row in presence]
    root = (scenario.tree.root, primary)
    histories = tuple(
        history_from_edges(edges, root, score_edges(edges, root, observed), probability, consistent=False)
        for edges, probability in found.histories
    )
    return TreeHistories(
        tree=scenario.tree_index,
        weight=1.0,
        presence=presence,
        criteria={
            "unobserved": min(history.unobserved for history in histories),
            "migrations": min(history.n_migrations for history in histories),
            "comigrations": min(history.comigrations for history in histories),
            "seeding_sites": min(history.seeding_sites for history in histories),
        },
        n_histories=len(histories),
        complete=found.complete,
        histories=histories,
    )
