"""An optional prior: routes that the frequencies of metastatic sites by organ make more probable.

Half to two thirds of the pattern of metastases follows blood flow, the rest the organ; either way tumours of an organ
have their usual sites. The prior compares sources of one target, so that it does not ask for more or fewer routes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.config import MigrationSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.history import HistoryEnsemble
from phylometa.model.patient import Site
from phylometa.reference.organ_frequencies import OrganFrequency, log_preference, read_organ_frequencies
from phylometa.reference.organs import find_organ

__all__ = ["favour_routes", "organ_route_prior", "route_prior_by_name"]


def organ_route_prior(
    rows: Sequence[OrganFrequency], sites: Sequence[Site], *, primary: int, cancer_type: str | None, weight: float = 1.0
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
    weight : float
        Factor of the logarithms.

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
                prior[s, t] = weight * log_preference(rows, cancer_type=of_type, organ=organs[s], target=target)
    return prior


def route_prior_by_name(site_names: Sequence[str], primary: int, settings: MigrationSettings) -> FloatArray | None:
    """Work out the same of sites of which names alone are known; None if the settings name no table."""
    if not settings.organ_prior:
        return None
    sites = [Site(name, "primary" if t == primary else "distant") for t, name in enumerate(site_names)]
    rows = read_organ_frequencies(settings.organ_prior)
    return organ_route_prior(rows, sites, primary=primary, cancer_type=None, weight=settings.organ_prior_weight)


def favour_routes(histories: HistoryEnsemble, route_prior: FloatArray | None) -> HistoryEnsemble:
    """Return the ensemble with every history's weight multiplied by exp(sum of the log prior over its routes).

    Parameters
    ----------
    histories : HistoryEnsemble
    route_prior : float64 array (n_sites, n_sites) or None
        A route counts once, however many clones take it. None or all 0 changes nothing; `HistoryEnsemble.without_prior`
        undoes it, together with any other prior.
    """
    if route_prior is None or not route_prior.any():
        return histories
    return histories.with_log_priors(
        [
            history.log_prior + float(sum(route_prior[s, t] for s, t in history.migration_counts))
            for _, history in histories
        ]
    )
