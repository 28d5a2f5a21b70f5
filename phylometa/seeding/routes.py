"""Routes of migration histories: which site seeded which, and through which.

Metastases are lymph-node and distant sites; the bed (surgical bed, local recurrence) is a class of its own, so that a
recurrence seeded by a metastasis is self-seeding although the migration graph has no cycle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.model.patient import Site
from phylometa.seeding.batch import NOT_ENTERED, HistoryBatch, LabelColumn, column_of_rows, column_of_truths

__all__ = ["label_routes"]

_LN_WORDS = ("independent", "ln_mediated", "mixed")


def label_routes(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """Label the routes of many histories.

    Parameters
    ----------
    batch : HistoryBatch

    Returns
    -------
    dict
        (label, site or "") -> column: ``site_sources`` (the sources of a site, joined by ``+``),
        ``primary_seeded_sites``, ``ln_route`` (distant sites), and "True" / "False" under ``reseeding_primary``
        (non-primary -> primary), ``self_seeding`` (metastasis -> primary or bed), ``local_recurrence`` (primary ->
        bed), ``met_to_met``, ``cascade`` (x -> y between metastases, x the only source of y) and ``cross_seeding``
        (the same, y has another source).
    """
    sites, primary, pairs = batch.sites, batch.primary, batch.pairs
    is_metastasis = np.array([site.is_metastasis for site in sites])
    is_bed = np.array([site.site_class == "bed" for site in sites])
    returns = is_bed.copy()
    returns[primary] = True
    between_metastases = pairs & is_metastasis[:, None] & is_metastasis
    met_seeded = between_metastases.any(axis=1)
    truths = {
        "reseeding_primary": pairs[:, :, primary].any(axis=1),
        "self_seeding": (pairs & is_metastasis[:, None] & returns).any(axis=(1, 2)),
        "local_recurrence": (pairs[:, primary] & is_bed).any(axis=1),
        "met_to_met": met_seeded.any(axis=1),
        "cascade": (met_seeded & (batch.n_sources == 1)).any(axis=1),
        "cross_seeding": (met_seeded & (batch.n_sources > 1)).any(axis=1),
    }
    columns = {(name, ""): column_of_truths(truth) for name, truth in truths.items()}

    def names(indices: list[int]) -> str:
        return _joined(sites, indices)

    columns["primary_seeded_sites", ""] = column_of_rows(pairs[:, primary], names)
    for t, site in enumerate(sites):
        if pairs[:, :, t].any():
            columns["site_sources", site.name] = column_of_rows(
                pairs[:, :, t], lambda indices: _joined(sites, indices) or None
            )
    columns.update(_lymph_node_routes(batch))
    return columns


def _joined(sites: Sequence[Site], indices: Sequence[int]) -> str:
    return "+".join(sorted(sites[t].name for t in indices))


def _lymph_node_routes(batch: HistoryBatch) -> dict[tuple[str, str], LabelColumn]:
    """``ln_mediated``, ``independent`` or ``mixed`` for each distant site, by tracing its entries to the root."""
    n_sites, n_edges = len(batch.sites), batch.edges.shape[1]
    is_lymph_node = np.array([site.site_class == "lymph_node" for site in batch.sites])
    rows = np.arange(batch.n_histories)
    through_node = np.zeros((batch.n_histories, batch.tree.n_clones * n_sites), dtype=bool)
    ways = np.zeros((2, batch.n_histories, n_sites), dtype=bool)  # [passed a lymph node?, history, site]
    for e in range(n_edges):
        u, s, v, t = batch.edges[:, e].T
        passed = through_node[rows, u * n_sites + s] | is_lymph_node[s]
        through_node[rows, v * n_sites + t] = passed
        enters = batch.is_migration[:, e]
        for answer in (0, 1):
            chosen = np.flatnonzero(enters & (passed == answer))
            ways[answer, chosen, t[chosen]] = True
    codes = np.where(ways[0] & ways[1], 2, np.where(ways[1], 1, np.where(ways[0], 0, NOT_ENTERED)))
    return {
        ("ln_route", site.name): LabelColumn(_LN_WORDS, codes[:, t])
        for t, site in enumerate(batch.sites)
        if site.site_class == "distant" and (codes[:, t] != NOT_ENTERED).any()
    }
