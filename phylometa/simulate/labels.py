"""Truth labels: the rules of `phylometa.seeding` on the history that really happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phylometa.simulate.truth import SimulatedPatient

__all__ = ["true_labels"]


def true_labels(simulated: SimulatedPatient) -> dict[str, Any]:
    """Labels of the true history (docs/methods/seeding.md), each a string or a string a site.

    Parameters
    ----------
    simulated : SimulatedPatient

    Returns
    -------
    dict
        As `phylometa.seeding.labels.label_history`, and for every metastasis the counts against the primary
        (``pm_counts``) on the true clusters; None where the primary was not sampled.
    """
    from phylometa.seeding.labels import label_history
    from phylometa.seeding.presence_rules import cluster_states, compare_with_primary

    truth, sites = simulated.truth, simulated.patient.sites
    labels = label_history(truth.tree, truth.history, sites, primary=0, presence=truth.presence)
    states = cluster_states(truth.tree, truth.presence)
    labels["pm_counts"] = {
        site.name: None
        if sites[0].is_virtual
        else compare_with_primary(states, truth.tree.n_mutations, primary=0, site=t)
        for t, site in enumerate(sites)
        if site.is_metastasis
    }
    return labels
