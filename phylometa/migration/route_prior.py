"""Optional priors of routes: by the organs of their sites, and by what a cohort's patients have in common.

Half to two thirds of the pattern of metastases follows blood flow, the rest the organ; either way tumours of an organ
have their usual sites. That prior compares sources of one target, so that it does not ask for more or fewer routes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.model.arrays import FloatArray, freeze_array
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Site
from phylometa.reference.organ_frequencies import OrganFrequency, log_preference, read_organ_frequencies
from phylometa.reference.organs import find_organ

__all__ = ["RoutePrior", "favour_routes", "find_route_prior", "organ_preferences", "route_statistics"]
__all__ += ["sites_of_names"]


@dataclass(frozen=True, eq=False)
class RoutePrior:
    """Log prior of a history by its routes, each counted once however many clones take it.

    Parameters
    ----------
    of_route : float64 array (n_sites, n_sites)
        [source, target].
    further_source : float
        Of every source of a site beyond the first.
    """

    of_route: FloatArray
    further_source: float = 0.0

    def __post_init__(self) -> None:
        freeze_array(self, "of_route", np.float64, (None, None))

    @property
    def is_flat(self) -> bool:
        """Whether it changes nothing."""
        return not self.of_route.any() and self.further_source == 0.0

    def of_history(self, routes: Mapping[tuple[int, int], int]) -> float:
        """Sum up over the routes (source, target) of a history."""
        further = len(routes) - len({t for _, t in routes})
        return float(sum(self.of_route[s, t] for s, t in routes)) + self.further_source * further


def route_statistics(routes: Mapping[tuple[int, int], int], primary: int) -> tuple[int, int, int]:
    """Count the routes between metastases, those back into the primary, and the further sources of sites.

    Examples
    --------
    >>> route_statistics({(0, 1): 2, (0, 2): 1, (1, 2): 1, (2, 0): 1}, 0)
    (1, 1, 1)
    """
    between = sum(s != primary and t != primary for s, t in routes)
    return between, sum(t == primary for _, t in routes), len(routes) - len({t for _, t in routes})


def organ_preferences(
    rows: Sequence[OrganFrequency], sites: Sequence[Site], *, primary: int, cancer_type: str | None
) -> FloatArray:
    """Work out the log prior of every route from the organs of its two sites.

    Parameters
    ----------
    rows : sequence of OrganFrequency
    sites : sequence of Site
        The organ is that of the site's name; a lymph node is a target by its class, too.
    primary : int
        Index of the primary, whose rows are those of the cancer type.
    cancer_type : str or None

    Returns
    -------
    float64 array (n_sites, n_sites)
        [source, target]; 0 if the table says nothing, and for routes into the primary.
    """
    found = [find_organ(site.name) for site in sites]
    organs = [None if organ is None else organ.name for organ in found]
    targets = ["lymph node" if site.site_class == "lymph_node" else organ for site, organ in zip(sites, organs)]
    prior = np.zeros((len(sites), len(sites)))
    for s in range(len(sites)):
        for t, target in enumerate(targets):
            if s != t and t != primary and target is not None:
                of_type = cancer_type if s == primary else None
                prior[s, t] = log_preference(rows, cancer_type=of_type, organ=organs[s], target=target)
    return prior


def sites_of_names(names: Sequence[str], primary: int) -> list[Site]:
    """Make sites of which names alone are known: the primary, and distant ones."""
    return [Site(name, "primary" if t == primary else "distant") for t, name in enumerate(names)]


def find_route_prior(
    sites: Sequence[Site], primary: int, settings: MigrationSettings, *, cancer_type: str | None = None
) -> RoutePrior | None:
    """Find the prior that the settings ask for; None if they ask for none.

    Parameters
    ----------
    sites : sequence of Site
    primary : int
        Index of the site in which histories start.
    settings : MigrationSettings
        Its organ prior and what was fitted to a cohort.
    cancer_type : str, optional
    """
    fitted = (settings.cohort_between, settings.cohort_back, settings.cohort_further)
    if not settings.organ_prior and not any(fitted):
        return None
    of_route = np.full((len(sites), len(sites)), settings.cohort_between)
    of_route[primary], of_route[:, primary] = 0.0, settings.cohort_back
    if settings.organ_prior:
        rows = read_organ_frequencies(settings.organ_prior)
        preferred = organ_preferences(rows, sites, primary=primary, cancer_type=cancer_type)
        of_route += settings.organ_prior_weight * preferred
    np.fill_diagonal(of_route, 0.0)
    return RoutePrior(of_route, settings.cohort_further)


def favour_routes(histories: HistoryEnsemble, prior: RoutePrior | None) -> HistoryEnsemble:
    """Return the ensemble with every history's weight multiplied by exp(its log prior).

    Parameters
    ----------
    histories : HistoryEnsemble
    prior : RoutePrior or None
        None or a flat one changes nothing; `HistoryEnsemble.without_prior` undoes it, together with any other prior.
    """
    if prior is None or prior.is_flat:
        return histories
    return histories.with_log_priors(
        [history.log_prior + prior.of_history(history.migration_counts) for _, history in histories]
    )
