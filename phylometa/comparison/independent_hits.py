"""Tumours of independent origin in one patient: their groups from the reads, and what they share hit anew in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from phylometa.comparison.common_origin import CommonOrigin, call_presence, find_common_origin
from phylometa.config import OriginSettings
from phylometa.migration.independent_tumours import OriginGroup
from phylometa.model.patient import Patient, Site

__all__ = ["origin_groups", "origin_of_patient", "separate_hits"]

# Between the identifier of a mutation and the site in whose tumour it was hit independently.
HIT_IN = " hit in "


def origin_of_patient(
    patient: Patient,
    *,
    recurrence: Mapping[str, float] | None = None,
    settings: OriginSettings | None = None,
    error_rate: float = 1e-3,
) -> CommonOrigin:
    """Find groups of the patient's sites of one origin, by the mutations that the reads find in them.

    Parameters
    ----------
    patient : Patient
        Mutations that `separate_hits` wrote apart count as the one they were.
    recurrence : mapping, optional
        Gene -> probability that another tumour has the same mutation; the patient's driver genes that it does not
        list get ``settings.driver_recurrence``.
    settings : OriginSettings, optional
    error_rate : float
        Errors per read.

    Returns
    -------
    CommonOrigin
        `recurrent` are rows of the patient's table; none if all sites are of one origin.
    """
    settings = settings or OriginSettings()
    mutations, n_sites = patient.mutations, len(patient.sites)
    rates = {**dict.fromkeys(patient.drivers, settings.driver_recurrence), **(recurrence or {})}
    found, sought = call_presence(mutations, patient.sample_site, n_sites, error_rate=error_rate)
    first: dict[str, int] = {}
    row_of = [first.setdefault(name.split(HIT_IN)[0], i) for i, name in enumerate(mutations.ids)]
    rows = sorted(set(row_of))
    for i, row in enumerate(row_of):
        found[row] |= found[i]
        sought[row] |= sought[i]
    origin = find_common_origin(
        found[rows], sought[rows], patient.sites, genes=[mutations.genes[i] for i in rows], recurrence=rates,
        settings=settings,
    )  # fmt: skip
    return replace(origin, recurrent=tuple(rows[i] for i in origin.recurrent))


def separate_hits(patient: Patient, origin: CommonOrigin) -> Patient:
    """Return the patient with each mutation that independent tumours share written once for each of them.

    Parameters
    ----------
    patient : Patient
    origin : CommonOrigin

    Returns
    -------
    Patient
        The same if no mutation is shared between groups, or if clusters were given. Each copy keeps the reads
        of its own group's samples; elsewhere its alternate reads are 0, and samples that name no site say nothing of
        it. A warning names the mutations.
    """
    mutations = patient.mutations
    shared = [i for i in origin.recurrent if HIT_IN not in mutations.ids[i]]
    if not shared or len(origin.groups) < 2 or patient.known_clusters is not None:
        return patient
    circulates = patient.sample_site < 0
    group_of_sample = np.where(circulates, -1, origin.group_of[patient.sample_site])
    rows: list[int] = []
    groups: list[int] = []
    for i in range(mutations.n_mutations):
        hits = range(len(origin.groups)) if i in shared else (-1,)
        here = [g for g in hits if g < 0 or mutations.alt_counts[i, group_of_sample == g].any()]
        rows += [i] * len(here)
        groups += here
    index = np.array(rows)
    alt, depth = np.array(mutations.alt_counts[index]), np.array(mutations.depth[index])
    observed = np.array(mutations.observed[index])
    names = []
    for row, (i, g) in enumerate(zip(rows, groups)):
        names.append(mutations.ids[i] if g < 0 else mutations.ids[i] + HIT_IN + origin.site_names[origin.groups[g][0]])
        if g >= 0:
            alt[row, group_of_sample != g] = 0
            depth[row, circulates], observed[row, circulates] = 0, False
    table = replace(mutations.take(index, ids=names), alt_counts=alt, depth=depth, observed=observed)
    told = ", ".join(mutations.ids[i] for i in shared[:5]) + (", ..." if len(shared) > 5 else "")
    text = (
        f"independent tumours share {len(shared)} mutation{'s' if len(shared) > 1 else ''} ({told}): taken as hit "
        "independently in each"
    )
    return replace(
        patient,
        mutations=table,
        copy_number=patient.copy_number.take(np.array(rows)),
        warnings=(*patient.warnings, text),
    )


def origin_groups(origin: CommonOrigin, sites: Sequence[Site], *, primary: int) -> tuple[OriginGroup, ...]:
    """Group sites for `phylometa.migration.histories_of_trees`: that of `primary` first, with where each starts.

    Parameters
    ----------
    origin : CommonOrigin
    sites : sequence of Site
    primary : int
        Site at which the history of its group starts.
    """
    groups = []
    for members in sorted(origin.groups, key=lambda members: primary not in members):
        own = tuple(t for t in members if sites[t].site_class == "primary")
        groups.append(OriginGroup(members, (primary,) if primary in members else own[:1] or members))
    return tuple(groups)
