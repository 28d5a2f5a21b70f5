"""What really happened, as a document: the truth of a simulated patient and the labels of its history."""

from __future__ import annotations

from typing import Any

import numpy as np

from phylometa.comparison.clonality import cluster_states
from phylometa.comparison.private_counts import count_clusters
from phylometa.seeding.labels import label_history
from phylometa.simulate.truth import SimulatedPatient
from phylometa.simulate.visible import visible_truth

__all__ = ["true_labels", "true_labels_document", "truth_document"]


def true_labels(simulated: SimulatedPatient) -> dict[str, Any]:
    """Give the labels of the true history (docs/methods/seeding.md), each a string or one string per site.

    Parameters
    ----------
    simulated : SimulatedPatient

    Returns
    -------
    dict
        As `phylometa.seeding.labels.label_history`, and for every metastasis the counts against the primary
        (``pm_counts``) on the true clusters; None if the primary was not sampled.
    """
    truth, sites = simulated.truth, simulated.patient.sites
    labels = label_history(truth.tree, truth.history, sites, primary=0, presence=truth.presence)
    states = cluster_states(truth.tree, truth.presence)
    labels["pm_counts"] = {
        site.name: None
        if sites[0].is_virtual
        else count_clusters(states, truth.tree.n_mutations, primary=0, site=t).to_labels()
        for t, site in enumerate(sites)
        if site.is_metastasis
    }
    return labels


def truth_document(simulated: SimulatedPatient) -> dict[str, Any]:
    """Convert the truth to plain lists and dictionaries (JSON-ready); see docs/methods/simulation.md."""
    truth, patient = simulated.truth, simulated.patient
    clones, sites = truth.tree.names, patient.site_names
    return {
        "patient": patient.name,
        "clones": list(clones),
        "parents": {clones[v]: clones[p] if p >= 0 else None for v, p in enumerate(truth.tree.parents.tolist())},
        "n_mutations": dict(zip(clones, truth.tree.n_mutations.astype(int).tolist())),
        "n_called": dict(zip(clones, truth.n_called.tolist())),
        "clone_age": {name: _number(age) for name, age in zip(clones, truth.clone_age)},
        "sites": {site.name: site.site_class for site in patient.sites},
        "samples": list(patient.mutations.sample_names),
        "sample_site": dict(zip(patient.mutations.sample_names, truth.sample_site)),
        "purity": {sample.name: _number(p) for sample, p in zip(patient.samples, truth.purity)},
        "proportions": {
            name: {s: _number(x) for s, x in zip(patient.mutations.sample_names, row)}
            for name, row in zip(clones, truth.proportions)
        },
        "presence": {
            name: [site for site, here in zip(sites, row) if here] for name, row in zip(clones, truth.presence)
        },
        "root": {"clone": clones[truth.history.root[0]], "site": sites[truth.history.root[1]]},
        "history": _migrations(simulated),
        "counts": {
            "unobserved": truth.history.unobserved,
            "migrations": truth.history.n_migrations,
            "comigrations": truth.history.comigrations,
            "seeding_sites": truth.history.seeding_sites,
            "pattern": truth.history.pattern,
        },
        "labels": true_labels(simulated),
        "copy_number_events": [
            {
                "clone": clones[event.clone],
                "age": _number(event.age),
                "kind": event.kind,
                "size": event.size,
                "chrom": event.chrom,
                "start": event.start,
                "end": event.end,
                "allele": event.allele,
            }
            for event in truth.copy_number_events
        ],
        "mutations": _mutation_columns(simulated),
    }


def _migrations(simulated: SimulatedPatient) -> list[dict[str, Any]]:
    """List the edges of the true history, with the ages of arrival and of seeding."""
    truth = simulated.truth
    clones, sites = truth.tree.names, simulated.patient.site_names
    return [
        {
            "source_clone": clones[u],
            "source": sites[s],
            "clone": clones[v],
            "site": sites[t],
            "age": _number(age),
            "seeding_age": _number(seeding),
        }
        for (u, s, v, t), age, seeding in zip(truth.history.edges.tolist(), truth.arrival_age, truth.seeding_age)
    ]


def _mutation_columns(simulated: SimulatedPatient) -> dict[str, Any]:
    """List what is true of every mutation of the table, by column."""
    truth, clones = simulated.truth, simulated.truth.tree.names
    return {
        "mutation_id": list(simulated.patient.mutations.ids),
        "class": list(truth.classes),
        "cause": list(truth.causes),
        "clone": [clones[v] if v >= 0 else None for v in truth.clone],
        "age": [_number(age) for age in truth.age],
        "allele": truth.allele.tolist(),
        "multiplicity": {name: truth.multiplicity[:, k].tolist() for k, name in enumerate(clones)},
    }


def true_labels_document(simulated: SimulatedPatient) -> dict[str, Any]:
    """Give the truth that statements from reads are compared with: of the history on the clones that samples can show.

    Parameters
    ----------
    simulated : SimulatedPatient

    Returns
    -------
    dict
        JSON-ready. ``labels`` as `phylometa.simulate.visible_labels` gives them; ``edges``: route ``source>target`` ->
        number of migrations; ``sites``; ``clone_of``: mutation -> index of its visible clone, for mutations of the
        clone tree; ``class_of``: mutation -> class, for all others that the table lists.
    """
    seen, patient = visible_truth(simulated), simulated.patient
    sites, ids = patient.site_names, patient.mutations.ids
    labels = label_history(seen.tree, seen.history, patient.sites, primary=0, presence=seen.presence)
    clone_of = {name: int(seen.clone_of[k]) for name, k in zip(ids, simulated.truth.clone.tolist()) if k >= 0}
    return {
        "labels": labels,
        "edges": {f"{sites[s]}>{sites[t]}": int(n) for (s, t), n in sorted(seen.history.migration_counts.items())},
        "sites": list(sites),
        "clone_of": clone_of,
        "class_of": {name: kind for name, kind in zip(ids, simulated.truth.classes) if name not in clone_of},
    }


def _number(value: float) -> float | None:
    """Six significant digits: enough for any use, and files stay small. None if not a number."""
    return None if np.isnan(value) else float(f"{value:.6g}")
