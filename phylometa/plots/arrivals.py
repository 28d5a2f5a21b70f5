"""How clones reached the sites, for pictures of one answer: the most probable way into every site, with the clones
that took it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from phylometa.model.result import PatientResult
from phylometa.plots.history_overview import best_ways, migration_edges, withheld_routes

__all__ = ["Arrival", "find_arrivals", "generations"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A clone that reached a site.

    Parameters
    ----------
    source, target : int
        Sites.
    clone : int
        The founding clone.
    departing : tuple of int
        The clones from which it departs, over all histories.
    probability : float
        Of this clone's migration from source to target, over all trees and histories.
    is_withheld : bool
        Not determined although it is probable: by its error, or by the quality of the input.
    """

    source: int
    target: int
    clone: int
    departing: tuple[int, ...]
    probability: float
    is_withheld: bool = False

    @property
    def drawn_probability(self) -> float:
        """The probability by which its line is drawn: 0 of a withheld one."""
        return 0.0 if self.is_withheld else self.probability


def find_arrivals(result: PatientResult) -> tuple[Arrival, ...]:
    """Find the clones that took the most probable way into each site, and ways above 1/2.

    A clone counts if its migration is as probable as not; the most probable one of a way into a metastasis always does.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    tuple of Arrival
        By target, source and clone; empty without histories.
    """
    histories = result.histories
    if histories is None or not any(True for _ in histories):
        return ()
    withheld = withheld_routes(result)
    ways = best_ways(
        [replace(e, is_withheld=(e.source, e.target) in withheld) for e in migration_edges(histories, is_merged=True)]
    )
    single = migration_edges(histories)
    found = []
    for way in ways:
        clones = [e for e in single if (e.source, e.target) == (way.source, way.target)]
        most = max(clones, key=lambda e: (e.probability, -e.founding_clones[0]))
        is_metastasis = result.patient.sites[way.target].is_metastasis
        for edge in clones:
            if edge.probability >= 0.5 or (edge is most and is_metastasis):
                clone, departing = edge.founding_clones[0], edge.departing_clones
                found.append(
                    Arrival(way.source, way.target, clone, departing, edge.probability, is_withheld=way.is_withheld)
                )
    return tuple(sorted(found, key=lambda a: (a.target, a.source, a.clone)))


def generations(n_sites: int, primary: int, arrivals: Sequence[Arrival]) -> list[int]:
    """Count the migrations from the primary to every site; sites that none reaches come in the first generation.

    Parameters
    ----------
    n_sites, primary : int
    arrivals : sequence of Arrival

    Examples
    --------
    >>> generations(3, 0, [Arrival(0, 1, 4, (1,), 0.9), Arrival(1, 2, 5, (4,), 0.9)])
    [0, 1, 2]
    """
    found = [-1] * n_sites
    found[primary] = 0
    level = [primary]
    while level:
        reached = {a.target for a in arrivals if a.source in level and found[a.target] < 0}
        for site in reached:
            found[site] = found[level[0]] + 1
        level = sorted(reached)
    return [1 if generation < 0 else generation for generation in found]
