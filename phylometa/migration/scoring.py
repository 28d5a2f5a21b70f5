"""The four criteria of one history, orders of them, and the weights that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from phylometa.config import MigrationSettings
from phylometa.migration.comigration import Edge, count_comigrations

__all__ = ["Scores", "check_criteria", "excess_cost", "history_weights", "score_edges", "simplicity_cost"]
__all__ += ["tree_cost"]


@dataclass(frozen=True, slots=True)
class Scores:
    """The criteria of one history: U, mu, gamma and sigma (docs/methods/migration.md)."""

    unobserved: int
    migrations: int
    comigrations: int
    seeding_sites: int

    def key(self, letters: str) -> tuple[int, ...]:
        """Return the values in an order of criteria letters.

        Examples
        --------
        >>> Scores(0, 12, 7, 2).key("CU")
        (7, 0)
        """
        value = {"U": self.unobserved, "M": self.migrations, "C": self.comigrations, "S": self.seeding_sites}
        return tuple(value[letter] for letter in letters)


def score_edges(edges: Sequence[Edge], root: tuple[int, int], observed: Sequence[int]) -> Scores:
    """Compute U, mu, gamma and sigma of a history.

    Parameters
    ----------
    edges : sequence of (departing clone, source, founding clone, target)
        All edges, parent first.
    root : (clone, site)
        Root of the history.
    observed : sequence of int
        Sites in which each clone was observed, as bitmasks.

    Examples
    --------
    >>> score_edges([(0, 0, 1, 1), (1, 1, 1, 2)], (0, 0), [0b000, 0b110])
    Scores(unobserved=1, migrations=2, comigrations=2, seeding_sites=2)
    """
    unobserved = int(not observed[root[0]] >> root[1] & 1)
    migrations = 0
    sources = set()
    for _, s, v, t in edges:
        if s != t:
            migrations += 1
            sources.add(s)
        if not observed[v] >> t & 1:
            unobserved += 1
    return Scores(unobserved, migrations, count_comigrations(edges), len(sources))


def check_criteria(criteria: str) -> str:
    """Return the order in capitals, with U appended if it is absent: copies that improve no criterion are dropped.

    Examples
    --------
    >>> check_criteria("MCS")
    'MCSU'
    """
    letters = criteria.upper()
    if not letters or len(set(letters)) != len(letters) or set(letters) - set("UMCS"):
        raise ValueError(f"criteria {criteria!r}: expected an order of the letters U, M, C, S, each at most once")
    return letters if "U" in letters else letters + "U"


def simplicity_cost(settings: MigrationSettings, comigrations: int, seeding_sites: int) -> float:
    """Compute minus the logarithm of a history's exponential weight."""
    return settings.comigration_weight * comigrations + settings.seeding_site_weight * seeding_sites


def excess_cost(settings: MigrationSettings, unobserved: int, migrations: int) -> float:
    """Compute minus the log of the weight that a history loses by unobserved nodes and migrations beyond the least.

    Examples
    --------
    >>> settings = MigrationSettings(extra_unobserved_weight=6.0, extra_migration_weight=1.0)
    >>> excess_cost(settings, 1, -1)  # one node more, which saves a migration
    5.0
    """
    of_migrations = settings.extra_migration_weight * migrations if migrations else 0.0
    if not math.isfinite(of_migrations):  # histories with more migrations are not weighed; fewer gain nothing
        of_migrations = 0.0
    return settings.extra_unobserved_weight * unobserved + of_migrations if unobserved else of_migrations


def tree_cost(settings: MigrationSettings, unobserved: int, migrations: int) -> float:
    """Minus the logarithm of what a tree and presence lose by the unobserved nodes and migrations they need at least.

    Examples
    --------
    >>> tree_cost(MigrationSettings(tree_unobserved_weight=1.0, tree_migration_weight=0.5), 1, 4)
    3.0
    """
    return settings.tree_unobserved_weight * unobserved + settings.tree_migration_weight * migrations


def history_weights(scores: Sequence[Scores], settings: MigrationSettings) -> list[float]:
    """Compute unnormalised weights of tied histories: exp(-gamma - 2 sigma) with the settings' coefficients, or 1."""
    if settings.weights == "uniform":
        return [1.0] * len(scores)
    return [math.exp(-simplicity_cost(settings, each.comigrations, each.seeding_sites)) for each in scores]
