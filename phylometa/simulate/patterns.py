"""Plans of a history by name: the textbook seeding patterns and random histories, grown at random from the settings."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np

from phylometa.model.patient import Site, Treatment
from phylometa.reference.genome import DRIVER_GENES
from phylometa.simulate.demo import demo_plan
from phylometa.simulate.history import DIAGNOSIS_DATE, HistoryPlan, Population, Region
from phylometa.simulate.settings import Pattern, SimulationSettings

__all__ = ["draw_plan"]

PRIMARY = "primary"
BED = "bed"


class _Growth:
    """A history while it grows: populations are added one by one, each out of an earlier one."""

    def __init__(self, settings: SimulationSettings, rng: np.random.Generator) -> None:
        self.settings = settings
        self.rng = rng
        self.lymph_nodes = [f"lymph_node_{i + 1}" for i in range(settings.lymph_nodes)]
        self.distant = [f"metastasis_{i + 1}" for i in range(settings.distant_sites)]
        self.has_bed = False
        self.n_clones = 0
        self.populations: list[Population] = []
        self.add(PRIMARY, -1)

    @property
    def metastases(self) -> list[str]:
        return self.lymph_nodes + self.distant

    def add(self, site: str, parent: int) -> int:
        """A new clone in `site`, out of population `parent`; its index."""
        self.n_clones += 1
        self.populations.append(Population(f"C{self.n_clones}", site, parent))
        return len(self.populations) - 1

    def remove(self, index: int) -> None:
        """Population `index` dies out before anything is sampled."""
        old = self.populations[index]
        self.populations[index] = Population(old.clone, old.site, old.parent, survives=False)

    def alive(self, site: str) -> list[int]:
        return [i for i, population in enumerate(self.populations) if population.site == site and population.survives]

    def pick(self, indices: list[int]) -> int:
        return int(self.rng.choice(indices))

    def grow_primary(self, *, is_chain: bool = False, founder: int = 0) -> None:
        """Clones of the primary: a chain, or each out of a random earlier one (random recursive tree)."""
        grown = [founder]
        for _ in range(self.settings.primary_clones - 1):
            grown.append(self.add(PRIMARY, grown[-1] if is_chain else self.pick(grown)))

    def seed(self, target: str, parents: list[int]) -> None:
        """A new founding clone in `target` from each of `parents`."""
        for parent in parents:
            self.add(target, parent)

    def grow_metastases(self) -> None:
        """Clones that arise within a metastasis or the bed after founding."""
        for site in [*self.metastases, BED]:
            for _ in range(self.settings.metastasis_clones if self.alive(site) else 0):
                self.add(site, self.pick(self.alive(site)))

    def several(self, indices: list[int], n: int) -> list[int]:
        """`n` of `indices`, different ones first."""
        shuffled = [int(i) for i in self.rng.permutation(indices)]
        return [shuffled[i % len(shuffled)] for i in range(n)]

    def path_to(self, index: int) -> list[int]:
        """Populations of the primary from the root to `index`."""
        path = [index]
        while self.populations[path[-1]].parent >= 0:
            path.append(self.populations[path[-1]].parent)
        return path[::-1]


def _monoclonal(growth: _Growth) -> None:
    """Every metastasis founded by one clone of the primary."""
    growth.grow_primary()
    for site in growth.metastases:
        growth.seed(site, [growth.pick(growth.alive(PRIMARY))])


def _polyclonal(growth: _Growth) -> None:
    """Every metastasis founded by several clones of the primary."""
    growth.grow_primary()
    for site in growth.metastases:
        growth.seed(site, growth.several(growth.alive(PRIMARY), max(2, growth.settings.founders)))


def _linear(growth: _Growth) -> None:
    """Late dissemination: the primary is a chain of clones, metastases leave from its last one."""
    growth.grow_primary(is_chain=True)
    for site in growth.metastases:
        growth.seed(site, [growth.alive(PRIMARY)[-1]])


def _parallel(growth: _Growth) -> None:
    """Early dissemination: metastases leave from the founder, then a clone sweeps the primary."""
    sweep = growth.add(PRIMARY, 0)
    growth.remove(0)
    growth.grow_primary(founder=sweep)
    for site in growth.metastases:
        growth.seed(site, [0])


def _monophyletic(growth: _Growth) -> None:
    """Departing clones all on one path of the clone tree."""
    growth.grow_primary()
    deepest = max(growth.alive(PRIMARY), key=lambda i: (len(growth.path_to(i)), i))
    path = growth.path_to(deepest)
    for site, parent in zip(growth.metastases, growth.several(path, len(growth.metastases))):
        growth.seed(site, [parent])


def _polyphyletic(growth: _Growth) -> None:
    """Departing clones on two branches of the clone tree in turn; a single metastasis is seeded by both."""
    branches = [growth.add(PRIMARY, 0), growth.add(PRIMARY, 0)]
    for _ in range(growth.settings.primary_clones - 3):
        side = int(growth.rng.integers(2))
        branches.append(growth.add(PRIMARY, branches[side]))
    for i, site in enumerate(growth.metastases):
        growth.seed(site, branches[:2] if len(growth.metastases) == 1 else [branches[i % 2]])


def _lymph_node(growth: _Growth) -> None:
    """Primary to lymph node, lymph node to every distant site."""
    growth.grow_primary()
    growth.lymph_nodes = growth.lymph_nodes or ["lymph_node_1"]
    for site in growth.lymph_nodes:
        growth.seed(site, [growth.pick(growth.alive(PRIMARY))])
    for site in growth.distant:
        growth.seed(site, [growth.pick(growth.alive(growth.lymph_nodes[0]))])


def _cascade(growth: _Growth) -> None:
    """Primary to the first metastasis, and from each to the next."""
    growth.grow_primary()
    source = PRIMARY
    for site in growth.metastases:
        growth.seed(site, [growth.pick(growth.alive(source))])
        source = site


def _cross_seeding(growth: _Growth) -> None:
    """Every metastasis from the primary, then the second also from the first."""
    _monoclonal(growth)
    if len(growth.metastases) > 1:
        growth.seed(growth.metastases[1], [growth.pick(growth.alive(growth.metastases[0]))])


def _self_seeding(growth: _Growth) -> None:
    """Every metastasis from the primary, then the primary from the first of them."""
    _monoclonal(growth)
    growth.seed(PRIMARY, [growth.pick(growth.alive(growth.metastases[0]))])


def _local_recurrence(growth: _Growth) -> None:
    """The primary is resected at diagnosis; it has seeded its bed and the metastases."""
    _monoclonal(growth)
    growth.has_bed = True
    growth.seed(BED, [growth.pick(growth.alive(PRIMARY))])


def _random(growth: _Growth) -> None:
    """Sites seeded by 1 + Poisson clones of the primary or of an earlier metastasis; then migrations anywhere."""
    settings, rng = growth.settings, growth.rng
    growth.grow_primary()
    occupied = [PRIMARY]
    for site in growth.metastases:
        is_metastatic = len(occupied) > 1 and rng.random() < settings.metastatic_source
        source = occupied[int(rng.integers(1, len(occupied)))] if is_metastatic else PRIMARY
        growth.seed(site, growth.several(growth.alive(source), 1 + int(rng.poisson(settings.extra_founders))))
        occupied.append(site)
    for _ in range(int(rng.poisson(settings.extra_migrations)) if len(occupied) > 1 else 0):
        source, target = (occupied[i] for i in rng.choice(len(occupied), size=2, replace=False))
        growth.seed(target, [growth.pick(growth.alive(source))])


# All patterns but `demo`, which is written out.
GROWN: dict[Pattern, Callable[[_Growth], None]] = {
    "random": _random,
    "linear": _linear,
    "parallel": _parallel,
    "monoclonal": _monoclonal,
    "polyclonal": _polyclonal,
    "monophyletic": _monophyletic,
    "polyphyletic": _polyphyletic,
    "lymph_node": _lymph_node,
    "cascade": _cascade,
    "cross_seeding": _cross_seeding,
    "self_seeding": _self_seeding,
    "local_recurrence": _local_recurrence,
}


def draw_plan(settings: SimulationSettings, rng: np.random.Generator) -> HistoryPlan:
    """Draw the plan of one patient's history, by `settings.pattern`.

    Parameters
    ----------
    settings : SimulationSettings
    rng : numpy.random.Generator

    Returns
    -------
    HistoryPlan
    """
    if settings.pattern == "demo":
        return demo_plan()
    growth = _Growth(settings, rng)
    GROWN[settings.pattern](growth)
    growth.grow_metastases()
    later = settings.diagnosis_age + settings.metachronous_years
    occupied = [site for site in (*growth.metastases, BED) if growth.alive(site)]
    sites = [Site(PRIMARY, "primary", is_virtual=settings.primary_regions == 0)]
    sites += [Site(name, "lymph_node" if name in growth.lymph_nodes else "distant") for name in growth.metastases]
    regions = [Region(PRIMARY, settings.diagnosis_age)] * settings.primary_regions
    for site in occupied:
        regions += [Region(site, later)] * settings.metastasis_regions
    if not growth.has_bed:
        return HistoryPlan(tuple(sites), tuple(growth.populations), tuple(regions), drivers=_draw_drivers(growth))
    day_after = settings.diagnosis_age + 1 / 365.25
    surgery = Treatment("surgery", PRIMARY, DIAGNOSIS_DATE, DIAGNOSIS_DATE + datetime.timedelta(days=1))
    return HistoryPlan(
        sites=(*sites, Site(BED, "bed")),
        populations=tuple(growth.populations),
        regions=tuple(regions),
        removed={PRIMARY: day_after},
        treatments=(surgery,),
        drivers=_draw_drivers(growth),
    )


def _draw_drivers(growth: _Growth) -> tuple[tuple[str, str], ...]:
    """Driver genes, one hit each on a random clone; then genes hit twice, on two clones of different lineages."""
    settings, rng = growth.settings, growth.rng
    genes = [str(gene) for gene in rng.permutation(sorted(DRIVER_GENES))]
    clones = list(dict.fromkeys(population.clone for population in growth.populations))
    drivers = [(str(rng.choice(clones)), gene) for gene in genes[: settings.drivers]]
    lineage = {growth.populations[i].clone: growth.path_to(i) for i in range(len(growth.populations))}
    ancestors = {clone: {growth.populations[i].clone for i in path} for clone, path in lineage.items()}
    unrelated = [(a, b) for a in clones for b in clones if a < b and a not in ancestors[b] and b not in ancestors[a]]
    for gene in genes[settings.drivers : settings.drivers + settings.parallel_drivers] if unrelated else ():
        drivers += [(clone, gene) for clone in unrelated[int(rng.integers(len(unrelated)))]]
    return tuple(drivers)
