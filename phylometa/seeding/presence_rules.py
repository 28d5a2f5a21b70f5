"""Labels from the presence of clones in sites alone, without any migration history, by rules of their own names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.comparison import ABSENT, CLONAL, SUBCLONAL
from phylometa.model.patient import Site
from phylometa.seeding.labels import is_chain

__all__ = ["lymph_node_distant_origin", "tracerx_labels", "unrelated_sites"]


def tracerx_labels(tree: CloneTree | None, states: IntArray, sites: Sequence[Site], *, primary: int) -> dict[str, Any]:
    """Apply the rules of the TRACERx metastasis study (Al Bakir et al. 2023, 10.1038/s41586-023-05729-x).

    Parameters
    ----------
    tree : CloneTree or None
        Without a tree, ``seeding_clones`` are left out, and ``case_phyletic`` is None unless the case is monoclonal.
    states : int array (K, n_sites)
        See `phylometa.comparison.clonality.cluster_states`.
    sites : sequence of Site
    primary : int

    Returns
    -------
    dict
        ``region_clonality``, ``divergence`` and ``seeding_clones`` of every metastasis, ``case_clonality`` and
        ``case_phyletic`` (None without a metastasis). A metastasis is polyclonal iff a cluster subclonal in it is
        present in the primary; it diverged early iff a primary-clonal cluster is absent from it; its seeding clones
        are the deepest clusters it shares with the primary. The case is polyclonal if any metastasis is, else
        monoclonal iff all share the same clusters with the primary; it is monophyletic if monoclonal, else iff all
        shared clusters lie on one path.
    """
    metastases = [t for t, site in enumerate(sites) if site.is_metastasis]
    in_primary = states[:, primary] != ABSENT
    shared = {t: in_primary & (states[:, t] != ABSENT) for t in metastases}
    is_polyclonal = {t: bool(((states[:, t] == SUBCLONAL) & in_primary).any()) for t in metastases}
    is_early = {t: bool(((states[:, primary] == CLONAL) & (states[:, t] == ABSENT)).any()) for t in metastases}
    case_clonality = case_phyletic = None
    if metastases:
        same_clusters = len({shared[t].tobytes() for t in metastases}) == 1
        case_clonality = "polyclonal" if any(is_polyclonal.values()) or not same_clusters else "monoclonal"
        all_shared = np.flatnonzero(np.any([shared[t] for t in metastases], axis=0))
        if case_clonality == "monoclonal":
            case_phyletic = "monophyletic"
        elif tree is not None:
            case_phyletic = "monophyletic" if is_chain(tree, all_shared.tolist()) else "polyphyletic"
    return {
        "region_clonality": {sites[t].name: "polyclonal" if is_polyclonal[t] else "monoclonal" for t in metastases},
        "case_clonality": case_clonality,
        "case_phyletic": case_phyletic,
        "divergence": {sites[t].name: "early" if is_early[t] else "late" for t in metastases},
        "seeding_clones": {} if tree is None else {sites[t].name: _deepest(tree, shared[t]) for t in metastases},
    }


def lymph_node_distant_origin(
    tree: CloneTree, presence: BoolArray, *, primary: int, lymph_node: int, distant: int
) -> str:
    """Return ``common`` iff a clone of the primary lies outside the subtree of both sites' common ancestor.

    A common origin (Naxerova et al. 2017, 10.1126/science.aai8515) is not proof that the lymph node seeded the
    distant site. ``undetermined`` if one of the three sites holds no clone.
    """
    clones = np.flatnonzero(presence[:, lymph_node] | presence[:, distant])
    if not presence[:, [primary, lymph_node, distant]].any(axis=0).all():
        return "undetermined"
    top = tree.lowest_common_ancestor(clones.tolist())
    outside = presence[:, primary] & ~tree.is_ancestor[top]
    return "common" if outside.any() else "separate"


def unrelated_sites(n_mutations: FloatArray, states: IntArray, sites: Sequence[Site], *, primary: int) -> list[int]:
    """Find metastases that share no mutation with the sampled primary: independent tumours, not metastases of it."""
    if sites[primary].is_virtual:
        return []
    carries = np.asarray(n_mutations) > 0
    in_primary = (states[:, primary] != ABSENT) & carries
    return [
        t
        for t, site in enumerate(sites)
        if site.is_metastasis and (states[:, t] != ABSENT).any() and not (in_primary & (states[:, t] != ABSENT)).any()
    ]


def _deepest(tree: CloneTree, members: BoolArray) -> list[str]:
    """Names of the members without a proper descendant among the members, sorted."""
    indices: Iterable[int] = np.flatnonzero(members).tolist()
    n_below = tree.is_ancestor[:, members].sum(axis=1)
    return sorted(tree.names[v] for v in indices if n_below[v] == 1)
