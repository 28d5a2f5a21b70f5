"""Plans of a history (who arose where, out of whom) and the ages at which it happened."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.history import MigrationHistory
from phylometa.model.patient import Site, Treatment

__all__ = ["DIAGNOSIS_DATE", "HistoryPlan", "Population", "Region", "draw_ages", "edge_ages"]


# Every simulated patient is diagnosed on this day; other dates follow from the ages.
DIAGNOSIS_DATE = datetime.date(2015, 3, 2)


@dataclass(frozen=True, slots=True)
class Population:
    """A clone in a site: one node of the history.

    Parameters
    ----------
    clone, site : str
    parent : int
        Index of the population it came from; -1 at the root. The same clone as the parent's: cells spread without a
        new clone.
    after, before : float
        Bounds on the age (years) at which it was founded.
    survives : bool
        False: extinct when the site is sampled (swept away).
    """

    clone: str
    site: str
    parent: int
    after: float = -np.inf
    before: float = np.inf
    survives: bool = True


@dataclass(frozen=True, slots=True)
class Region:
    """One sample to be taken: its site and the patient's age (years)."""

    site: str
    age: float


@dataclass(frozen=True, eq=False)
class HistoryPlan:
    """A whole plan: populations with parents before children, sites (primary first) and the samples to take.

    Parameters
    ----------
    sites : tuple of Site
    populations : tuple of Population
        The first holds the founding clone in the primary.
    regions : tuple of Region
    removed : mapping
        Site -> age at which it was resected; nothing arises there or leaves it later.
    treatments : tuple of Treatment
    drivers : tuple of (clone, gene)
        Driver mutations on the edges into clones.
    """

    sites: tuple[Site, ...]
    populations: tuple[Population, ...]
    regions: tuple[Region, ...]
    removed: Mapping[str, float] = field(default_factory=dict)
    treatments: tuple[Treatment, ...] = ()
    drivers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        seen: set[tuple[str, str]] = set()
        clones: set[str] = set()
        for index, population in enumerate(self.populations):
            if population.parent >= index or (population.parent < 0) != (index == 0):
                raise ValueError("HistoryPlan.populations: the root first, then parents before children")
            parent_clone = self.populations[population.parent].clone if index else None
            if (population.clone, population.site) in seen:
                raise ValueError(f"HistoryPlan: clone {population.clone} arrives in {population.site} twice")
            if population.clone in clones and population.clone != parent_clone:
                raise ValueError(f"HistoryPlan: clone {population.clone} arises twice")
            seen.add((population.clone, population.site))
            clones.add(population.clone)

    @property
    def clone_names(self) -> tuple[str, ...]:
        """Clones in order of appearance."""
        return tuple(dict.fromkeys(population.clone for population in self.populations))

    @property
    def population_clone(self) -> IntArray:
        """Clone index of every population."""
        index = {name: k for k, name in enumerate(self.clone_names)}
        return np.array([index[population.clone] for population in self.populations], dtype=np.int64)

    @property
    def population_site(self) -> IntArray:
        """Site index of every population."""
        index = {site.name: i for i, site in enumerate(self.sites)}
        return np.array([index[population.site] for population in self.populations], dtype=np.int64)

    @property
    def clone_parents(self) -> IntArray:
        """Parent clone of every clone, -1 at the root (K,)."""
        clone = self.population_clone
        parents = np.full(len(self.clone_names), -1, dtype=np.int64)
        for index, population in enumerate(self.populations[1:], start=1):
            if clone[population.parent] != clone[index]:
                parents[clone[index]] = clone[population.parent]
        return parents

    @property
    def first_population(self) -> IntArray:
        """Index of the population in which each clone arose (K,)."""
        return np.array([int(np.argmax(self.population_clone == k)) for k in range(len(self.clone_names))])

    def tree(self, n_mutations: FloatArray) -> CloneTree:
        """Make the clone tree."""
        return CloneTree(self.clone_names, self.clone_parents, n_mutations)

    def history(self) -> MigrationHistory:
        """Make the history on (clone, site) nodes, in the order of the populations; counts are not filled in."""
        clone, site = self.population_clone, self.population_site
        edges = [
            (clone[population.parent], site[population.parent], clone[index], site[index])
            for index, population in enumerate(self.populations)
            if index
        ]
        return MigrationHistory((int(clone[0]), int(site[0])), np.array(edges, dtype=np.int64).reshape(-1, 4))


def _deadlines(plan: HistoryPlan) -> FloatArray:
    """Latest age at which every population may be founded, its descendants' deadlines included."""
    first_sample: dict[str, float] = {}
    last_sample: dict[str, float] = {}
    for region in plan.regions:
        first_sample[region.site] = min(region.age, first_sample.get(region.site, np.inf))
        last_sample[region.site] = max(region.age, last_sample.get(region.site, -np.inf))
    end = max(last_sample.values())
    founded: set[str] = set()
    deadlines = np.empty(len(plan.populations))
    for index, population in enumerate(plan.populations):
        deadline = min(population.before, last_sample.get(population.site, end), plan.removed.get(population.site, end))
        if population.survives and population.site not in founded:
            founded.add(population.site)  # something must be there when the first sample is taken
            deadline = min(deadline, first_sample.get(population.site, end))
        source = plan.populations[population.parent]
        if index and source.clone == population.clone:  # spreads as it is: has to leave while the source is there
            deadline = min(deadline, plan.removed.get(source.site, end))
        deadlines[index] = deadline
    for index in range(len(plan.populations) - 1, 0, -1):
        parent = plan.populations[index].parent
        deadlines[parent] = min(deadlines[parent], deadlines[index])
    return deadlines


def draw_ages(
    plan: HistoryPlan, *, transformation_age: float, regularity: float, rng: np.random.Generator
) -> FloatArray:
    """Draw the age at which every population was founded.

    The root arises at transformation. A population i with parent p, deadline D_i and h_i populations on the longest
    chain below it is founded at t_i = max(t_p, after_i) + (D_i - max(t_p, after_i)) B, B ~ Beta(k, k h_i + k). With
    k = 1 and one deadline this is the law of the first of h_i + 1 uniform order statistics, so that a chain of clones
    is a conditioned Poisson process; with larger k the waiting times are more even (Dirichlet spacings).

    Parameters
    ----------
    plan : HistoryPlan
    transformation_age : float
        Years.
    regularity : float
        k.
    rng : numpy.random.Generator

    Returns
    -------
    float64 array
        One age (years) a population.

    Raises
    ------
    ValueError
        If a deadline lies before the earliest possible age.
    """
    deadlines = _deadlines(plan)
    height = np.zeros(len(plan.populations), dtype=np.int64)
    for index in range(len(plan.populations) - 1, 0, -1):
        parent = plan.populations[index].parent
        height[parent] = max(height[parent], height[index] + 1)
    ages = np.empty(len(plan.populations))
    ages[0] = transformation_age
    for index, population in enumerate(plan.populations):
        if index:
            earliest = max(ages[population.parent], population.after)
            share = rng.beta(regularity, regularity * (height[index] + 1))
            ages[index] = earliest + (deadlines[index] - earliest) * share
        if ages[index] > deadlines[index]:
            raise ValueError(
                f"clone {population.clone} cannot arise in {population.site} before age {deadlines[index]:.3g}"
            )
    return ages


def edge_ages(plan: HistoryPlan, ages: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the arrival and seeding age of every edge of the history, both (E,).

    The founder node of a migration is its arrival age. The cell left the source between the arrival of the departing
    clone there and the founder node, or the source's resection if that came first; uniform between the two. If the
    clone itself spreads, without a new one, departure and arrival are the same.
    """
    arrival = ages[1:].copy()
    seeding = np.full(len(arrival), np.nan)
    for index, population in enumerate(plan.populations[1:], start=1):
        source = plan.populations[population.parent]
        if source.site == population.site:
            continue
        latest = min(ages[index], plan.removed.get(source.site, np.inf))
        earliest = min(max(ages[population.parent], population.after), latest)
        is_spread = source.clone == population.clone
        seeding[index - 1] = latest if is_spread else rng.uniform(earliest, latest)
    return arrival, seeding
