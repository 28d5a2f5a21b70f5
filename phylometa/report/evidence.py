"""The reads behind a statement: those of the clones that founded each site, there and where they came from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from phylometa.model.result import PatientResult

__all__ = ["Evidence", "site_evidence"]

# Least probability at which a clone counts as founder of a site.
_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """A clone (by index and name) and what its reads show, in words."""

    clone: int
    name: str
    text: str


def site_evidence(result: PatientResult) -> dict[str, tuple[Evidence, ...]]:
    """Map sites to their founding clones of at least 50 %, with the reads of their mutations in site and source.

    Parameters
    ----------
    result : PatientResult

    Returns
    -------
    dict
        Empty without histories or clusters.
    """
    if result.histories is None or result.trees is None or result.clusters is None:
        return {}
    founders: dict[tuple[int, int], float] = defaultdict(float)
    sources: dict[tuple[int, int], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for _, history in result.histories:
        for v, t in {(int(v), int(t)) for _, _, v, t in history.migrations}:
            founders[t, v] += history.weight
        for _, s, v, t in history.migrations.tolist():
            sources[t, v][s] += history.weight
    names, found = result.patient.site_names, defaultdict(list)
    for (t, v), probability in sorted(founders.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        if probability < _LEAST or v >= result.clusters.n_clusters:
            continue
        own = sources[t, v]
        source = max(own, key=lambda s: (own[s], -s))
        found[names[t]].append(Evidence(v, result.trees.names[v], _reads(result, v, t, source)))
    return {site: tuple(items) for site, items in found.items()}


def _reads(result: PatientResult, clone: int, site: int, source: int) -> str:
    assert result.clusters is not None
    mutations, site_of = result.patient.mutations, result.patient.sample_site
    members = np.flatnonzero(result.clusters.labels == clone)
    is_event = mutations.is_event[members]
    n_events = int(is_event.sum())
    events = f"{n_events} copy-number event{'s' if n_events > 1 else ''}" if n_events else ""
    members = members[~is_event]
    if events and not len(members):
        return f"{events}, no mutation with reads"
    parts = []
    for t in dict.fromkeys((site, source)):
        samples = np.flatnonzero(site_of == t)
        if len(samples):
            cells = np.ix_(members, samples)
            alt, depth = int(mutations.alt_counts[cells].sum()), int(mutations.depth[cells].sum())
            parts.append(f"{alt:,} of {depth:,} reads in {result.patient.site_names[t]}")
        else:
            parts.append(f"{result.patient.site_names[t]} not sampled")
    noun = "mutation has" if len(members) == 1 else "mutations have"
    return f"{len(members):,} {noun} {', '.join(parts)}" + (f"; and {events}" if events else "")
