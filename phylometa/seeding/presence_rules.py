"""Labels from the presence of clones in sites alone, without any migration history.

Cluster v in site s is absent if no clone of the subtree of v is in s, clonal if all clones in s lie in that subtree,
else subclonal. A site's clones are those of all its regions, so a cluster is clonal in the site iff it is clonal in
every region of it and absent iff it is absent from all: the rule for several regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import Clustering
from phylometa.model.patient import Site
from phylometa.reads.detection import MAX_MISSING_PROBABILITY
from phylometa.seeding.labels import is_chain

__all__ = [
    "ABSENT",
    "CLONAL",
    "SUBCLONAL",
    "call_jsi",
    "cluster_states",
    "cluster_states_from_ccf",
    "compare_with_primary",
    "is_present_in_sample",
    "describe_states",
    "jsi_warnings",
    "lymph_node_distant_origin",
    "tracerx_labels",
    "unrelated_sites",
]

ABSENT, SUBCLONAL, CLONAL = 0, 1, 2
"""States of a cluster in a site."""
_PRESENT_CCF = 0.05  # a cluster less prevalent than this counts as absent from a sample
_STATE_WORDS = ("absent", "subclonal", "clonal")
_NEAR_JSI = 0.05
_CLONAL_UPPER, _CLONAL_MEAN = 0.95, 0.9


def cluster_states(tree: CloneTree, presence: BoolArray) -> IntArray:
    """State of every cluster in every site (K, n_sites): `ABSENT`, `SUBCLONAL` or `CLONAL`.

    Parameters
    ----------
    tree : CloneTree
    presence : bool array (K, n_sites)
        Clones that exist as their own population in a site.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A")])
    >>> cluster_states(tree, np.array([[True, False], [True, True]])).tolist()
    [[2, 2], [1, 2]]
    """
    inside = tree.is_ancestor.astype(np.int64) @ np.asarray(presence, dtype=np.int64)
    n_present = np.asarray(presence).sum(axis=0)
    states = np.where(inside == 0, ABSENT, np.where(inside == n_present, CLONAL, SUBCLONAL))
    return states.astype(np.int64)


def describe_states(
    names: Sequence[str],
    sites: Sequence[Site],
    states: IntArray,
    probability: FloatArray | None = None,
    power: FloatArray | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Cluster -> site -> ``state`` in words, with its ``probability`` and the ``power`` to see the cluster.

    Parameters
    ----------
    names : sequence of str, length K
    sites : sequence of Site
    states : int array (K, n_sites)
    probability : float array (K, n_sites), optional
        Of the state, over trees and presence.
    power : float array (K, n_sites), optional
        P(at least one mutation of the cluster is seen | clonal in the site); NaN where nothing was read there. Below
        0.95 an absent cluster is ``unknown``.
    """
    described: dict[str, dict[str, dict[str, Any]]] = {}
    for k, name in enumerate(names):
        for t, site in enumerate(sites):
            entry: dict[str, Any] = {"state": _STATE_WORDS[int(states[k, t])]}
            if probability is not None:
                entry["probability"] = float(probability[k, t])
            if power is not None and np.isfinite(power[k, t]):
                entry["power"] = float(power[k, t])
                if states[k, t] == ABSENT and power[k, t] < 1 - MAX_MISSING_PROBABILITY:
                    entry["state"] = "unknown"
            described.setdefault(name, {})[site.name] = entry
    return described


def is_present_in_sample(clusters: Clustering) -> BoolArray:
    """Whether P(CCF > 0.05 | reads) is at least 1/2, (K, S), from a cluster's equivalent reads at VAF = CCF / 2."""
    from scipy.special import betainc

    alt, total = np.asarray(clusters.alt_reads), np.asarray(clusters.total_reads)
    # Beta posterior of the VAF under a uniform prior, cut at 1/2 because the CCF does not exceed 1.
    below, all_of_it = (betainc(alt + 1, np.maximum(total - alt, 0) + 1, v) for v in (_PRESENT_CCF / 2, 0.5))
    return np.asarray(below < 0.5 * all_of_it, dtype=bool)


def cluster_states_from_ccf(clusters: Clustering, sample_site: IntArray, n_sites: int) -> IntArray:
    """State of every cluster in every site from its prevalence alone, where there is no tree (K, n_sites).

    Parameters
    ----------
    clusters : Clustering
    sample_site : int array (S,)
        Site of every sample.
    n_sites : int

    Returns
    -------
    int64 array (K, n_sites)
        Clonal in a sample iff the upper end of the 95 % interval of the CCF reaches 0.95 (or its mean 0.9); absent
        iff P(CCF > 0.05 | reads) < 1/2, from the cluster's equivalent reads at VAF = CCF / 2 under a uniform prior.
        Clonal in a site iff clonal in all of its samples, absent iff absent in all, else subclonal; without a sample,
        absent.
    """
    is_present = is_present_in_sample(clusters)
    is_clonal = is_present & ((clusters.ccf_hi >= _CLONAL_UPPER) | (clusters.ccf >= _CLONAL_MEAN))
    states = np.zeros((clusters.n_clusters, n_sites), dtype=np.int64)
    for t in range(n_sites):
        here = np.asarray(sample_site) == t
        if here.any():
            everywhere, anywhere = is_clonal[:, here].all(axis=1), is_present[:, here].any(axis=1)
            states[:, t] = np.where(everywhere, CLONAL, np.where(anywhere, SUBCLONAL, ABSENT))
    return states


def compare_with_primary(states: IntArray, n_mutations: FloatArray, *, primary: int, site: int) -> dict[str, Any]:
    """Mutations shared by, and private to, the primary and one metastasis.

    Parameters
    ----------
    states : int array (K, n_sites)
        See `cluster_states`.
    n_mutations : float array (K,)
    primary, site : int

    Returns
    -------
    dict
        ``shared_clonal`` (S: clonal in both), ``L_p`` (clonal in the primary, absent from the metastasis), ``L_m``
        (the reverse), ``W_s`` (subclonal in both), ``private_subclonal_m`` (subclonal in the metastasis, absent from
        the primary), ``jsi`` = W_s / (W_s + L_p + L_m) (Hu et al. 2020, 10.1038/s41588-020-0628-z) and
        ``shared_fraction`` = S / (S + L_p); a ratio without a denominator is None.
    """
    of_primary, of_site = states[:, primary], states[:, site]

    def total(mask: BoolArray) -> float:
        number = float(np.asarray(n_mutations)[mask].sum())
        return int(number) if number.is_integer() else number

    shared = total((of_primary == CLONAL) & (of_site == CLONAL))
    l_p = total((of_primary == CLONAL) & (of_site == ABSENT))
    l_m = total((of_primary == ABSENT) & (of_site == CLONAL))
    w_s = total((of_primary == SUBCLONAL) & (of_site == SUBCLONAL))
    return {
        "shared_clonal": shared,
        "L_p": l_p,
        "L_m": l_m,
        "W_s": w_s,
        "private_subclonal_m": total((of_primary == ABSENT) & (of_site == SUBCLONAL)),
        "jsi": w_s / (w_s + l_p + l_m) if w_s + l_p + l_m else None,
        "shared_fraction": shared / (shared + l_p) if shared + l_p else None,
    }


def call_jsi(counts: Mapping[str, Any] | None, *, threshold: float) -> str | None:
    """``polyclonal`` iff the Jaccard similarity index exceeds `threshold`; None where it is undefined."""
    if counts is None or counts["jsi"] is None:
        return None
    return "polyclonal" if counts["jsi"] > threshold else "monoclonal"


def jsi_warnings(counts: Mapping[str, Mapping[str, Any] | None], *, threshold: float) -> list[str]:
    """A sentence for each metastasis whose JSI lies within 0.05 of the threshold."""
    return [
        f"site {site}: JSI {of_site['jsi']:.2f} lies close to the threshold {threshold:g}"
        for site, of_site in counts.items()
        if of_site is not None and of_site["jsi"] is not None and abs(of_site["jsi"] - threshold) <= _NEAR_JSI
    ]


def tracerx_labels(tree: CloneTree | None, states: IntArray, sites: Sequence[Site], *, primary: int) -> dict[str, Any]:
    """The rules of the TRACERx metastasis study (Al Bakir et al. 2023, 10.1038/s41586-023-05729-x).

    Parameters
    ----------
    tree : CloneTree or None
        Without a tree, ``seeding_clones`` are left out, and ``case_phyletic`` is None unless the case is monoclonal.
    states : int array (K, n_sites)
        See `cluster_states`.
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
    """``common`` iff some clone of the primary lies outside the subtree of the common ancestor of both sites' clones.

    A common origin (Naxerova et al. 2017, 10.1126/science.aai8515) is not proof that the lymph node seeded the
    distant site. ``undetermined`` where one of the three sites holds no clone.
    """
    clones = np.flatnonzero(presence[:, lymph_node] | presence[:, distant])
    if not presence[:, [primary, lymph_node, distant]].any(axis=0).all():
        return "undetermined"
    top = tree.lowest_common_ancestor(clones.tolist())
    outside = presence[:, primary] & ~tree.is_ancestor[top]
    return "common" if outside.any() else "separate"


def unrelated_sites(n_mutations: FloatArray, states: IntArray, sites: Sequence[Site], *, primary: int) -> list[int]:
    """Metastases that share no mutation with the sampled primary: independent tumours, not metastases of it."""
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
