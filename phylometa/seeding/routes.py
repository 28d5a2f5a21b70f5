"""Routes of one migration history: which site seeded which, and through which.

Metastases are lymph-node and distant sites; the bed (surgical bed, local recurrence) is a class of its own, so that a
recurrence seeded by a metastasis is self-seeding although the migration graph has no cycle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from phylometa.data import Site

__all__ = ["label_routes"]


def label_routes(
    edges: Sequence[tuple[int, ...]], root: tuple[int, int], sites: Sequence[Site], *, primary: int
) -> dict[str, Any]:
    """Labels of the routes of one history.

    Parameters
    ----------
    edges : sequence of (clone, site, clone, site)
        All edges of the history, parents before children.
    root : (clone, site)
    sites : sequence of Site
    primary : int
        Index of the site in which the history is rooted.

    Returns
    -------
    dict
        ``site_sources`` (site -> its sources, joined by ``+``), ``primary_seeded_sites``, ``ln_route`` (every distant
        site), and "True" / "False" under ``reseeding_primary`` (non-primary -> primary), ``self_seeding`` (metastasis
        -> primary or bed), ``local_recurrence`` (primary -> bed), ``met_to_met``, ``cascade`` (x -> y between
        metastases, x the only source of y), ``cross_seeding`` (the same, y has another source).
    """
    pairs = sorted({(s, t) for _, s, _, t in edges if s != t})
    sources: dict[int, list[int]] = defaultdict(list)
    for s, t in pairs:
        sources[t].append(s)
    is_metastasis = [site.is_metastasis for site in sites]
    is_bed = [site.site_class == "bed" for site in sites]
    between_metastases = [(s, t) for s, t in pairs if is_metastasis[s] and is_metastasis[t]]
    truths = {
        "reseeding_primary": any(t == primary for _, t in pairs),
        "self_seeding": any(is_metastasis[s] and (t == primary or is_bed[t]) for s, t in pairs),
        "local_recurrence": any(s == primary and is_bed[t] for s, t in pairs),
        "met_to_met": bool(between_metastases),
        "cascade": any(len(sources[t]) == 1 for _, t in between_metastases),
        "cross_seeding": any(len(sources[t]) > 1 for _, t in between_metastases),
    }
    return {
        "site_sources": {sites[t].name: _joined(sites, sources[t]) for t in sorted(sources)},
        "primary_seeded_sites": _joined(sites, [t for s, t in pairs if s == primary]),
        "ln_route": _lymph_node_routes(edges, root, sites),
        **{name: str(truth) for name, truth in truths.items()},
    }


def _joined(sites: Sequence[Site], indices: Sequence[int]) -> str:
    return "+".join(sorted(sites[t].name for t in indices))


def _lymph_node_routes(
    edges: Sequence[tuple[int, ...]], root: tuple[int, int], sites: Sequence[Site]
) -> dict[str, str]:
    """Distant site -> ``ln_mediated``, ``independent`` or ``mixed``, by tracing each of its entries to the root."""
    is_lymph_node = [site.site_class == "lymph_node" for site in sites]
    through_node = {root: is_lymph_node[root[1]]}
    ways: dict[int, set[bool]] = defaultdict(set)
    for u, s, v, t in edges:
        through_node[v, t] = through_node[u, s] or is_lymph_node[t]
        if s != t and sites[t].site_class == "distant":
            ways[t].add(through_node[u, s])
    words = {frozenset({True}): "ln_mediated", frozenset({False}): "independent"}
    return {sites[t].name: words.get(frozenset(ways[t]), "mixed") for t in sorted(ways)}
