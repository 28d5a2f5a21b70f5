"""Mutations shared by, or private to, primary and metastasis: one count, of mutations or of whole clusters."""

from __future__ import annotations

import math

import numpy as np

from phylometa.comparison.clonality import mutation_states
from phylometa.comparison.evidence import ReadEvidence
from phylometa.config import ComparisonSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.comparison import ABSENT, CLONAL, SUBCLONAL, UNKNOWN, PrivateCounts

__all__ = ["count_clusters", "count_private_mutations", "count_states"]


def count_states(of_primary: IntArray, of_site: IntArray, n_mutations: FloatArray | None = None) -> PrivateCounts:
    """Count what a primary and a metastasis share and have to themselves, from states in both.

    Parameters
    ----------
    of_primary, of_site : int arrays (m,)
        States of mutations, or of clusters.
    n_mutations : float array (m,), optional
        Mutations of every cluster; default 1 each.

    Returns
    -------
    PrivateCounts
        S, L_p, L_m, W_s and `private_subclonal_m`.
    """
    weight = np.ones(len(of_primary)) if n_mutations is None else np.asarray(n_mutations, dtype=np.float64)

    def total(in_primary: int, in_site: int) -> float:
        return float(weight[(of_primary == in_primary) & (of_site == in_site)].sum())

    return PrivateCounts(
        S=total(CLONAL, CLONAL),
        L_p=total(CLONAL, ABSENT),
        L_m=total(ABSENT, CLONAL),
        W_s=total(SUBCLONAL, SUBCLONAL),
        private_subclonal_m=total(ABSENT, SUBCLONAL),
    )


def count_clusters(states: IntArray, n_mutations: FloatArray, *, primary: int, site: int) -> PrivateCounts:
    """Count the mutations of whole clusters whose states are known, as in a clone tree with its sites.

    Parameters
    ----------
    states : int array (K, n_sites)
        See `phylometa.comparison.clonality.cluster_states`.
    n_mutations : float array (K,)
    primary, site : int
    """
    return count_states(states[:, primary], states[:, site], n_mutations)


def count_private_mutations(
    evidence: ReadEvidence, states: IntArray, *, primary: int, site: int, settings: ComparisonSettings
) -> tuple[PrivateCounts, FloatArray, BoolArray]:
    """Count the mutations of a patient that a primary and a metastasis share and have to themselves.

    Every mutation has a state in both sites (`phylometa.comparison.clonality.mutation_states`). One that is clonal in
    one site and unknown in the other counts in neither S nor L_p nor L_m: as lost if its cluster is there and a
    deletion or loss of heterozygosity may have removed it, else as unknown unless the reads show it after all.

    Parameters
    ----------
    evidence : ReadEvidence
    states : int array (K, n_sites)
        Of the clusters.
    primary, site : int
    settings : ComparisonSettings

    Returns
    -------
    counts : PrivateCounts
        Withheld if a clonal mutation would be seen too rarely in either site, or a purity is too low.
    missing_probability : float64 array (n_c,)
        Of every mutation that is clonal in the primary and not lost from the metastasis: P(not seen there | clonal
        there). NaN if no read tells of it, or if its reads and its cluster disagree.
    is_missing : bool array (n_c,)
        Whether it was not seen there.
    """
    of_primary, of_site = (mutation_states(evidence, states, t, settings=settings) for t in (primary, site))
    of_clusters = {t: states[evidence.cluster, t] for t in (primary, site)}
    seen, speaks, is_lost = {}, {}, {}
    for t in (primary, site):
        regions = evidence.regions(t)
        seen[t], speaks[t] = evidence.is_detected[:, regions].any(axis=1), evidence.speaks[:, regions].any(axis=1)
        cluster_is_there = (of_clusters[t] == CLONAL) | (of_clusters[t] == SUBCLONAL)
        is_lost[t] = evidence.is_lost[:, regions].any(axis=1) & ~speaks[t] & cluster_is_there
    only_primary = (of_primary == CLONAL) & (of_site == UNKNOWN) & ~seen[site]
    only_site = (of_site == CLONAL) & (of_primary == UNKNOWN) & ~seen[primary]
    counts = count_states(of_primary, of_site)
    may_be_clonal = (of_clusters[primary] == UNKNOWN) & seen[primary] & (of_primary == UNKNOWN)
    may_be_absent = (of_site == ABSENT) | ((of_site == UNKNOWN) & ~seen[site])
    is_open = may_be_clonal & may_be_absent & ~is_lost[site]
    unknown = (only_primary & ~is_lost[site]) | is_open
    missed = evidence.missed_in(evidence.regions(site))
    disagrees = unknown & (missed <= settings.max_missing)
    in_test = ((of_primary == CLONAL) & ~is_lost[site]) | is_open
    power = {t: _mean_power(evidence, t) for t in (primary, site)}
    reasons = []
    for name, t in (("primary", primary), ("metastasis", site)):
        if not power[t] >= settings.min_power:
            shown = "nothing was read" if math.isnan(power[t]) else f"{power[t]:.2f}"
            reasons.append(f"clonal detection power of the {name} is {shown}, below {settings.min_power:g}")
        purity = evidence.purity[evidence.regions(t)]
        best = float(np.nanmax(purity)) if np.isfinite(purity).any() else math.nan
        if best < settings.min_purity:
            reasons.append(f"purity of the {name} is {best:.2f}, below {settings.min_purity:g}")
    found = PrivateCounts(
        S=counts.S,
        L_p=counts.L_p,
        L_m=counts.L_m,
        W_s=counts.W_s,
        private_subclonal_m=counts.private_subclonal_m,
        n_unknown_m=int(unknown.sum()),
        n_unknown_p=int((only_site & ~is_lost[primary]).sum()),
        n_unread_m=int((unknown & ~_is_read(evidence, site)).sum()),
        n_lost=int((only_primary & is_lost[site]).sum() + (only_site & is_lost[primary]).sum()),
        power_p=power[primary],
        power_m=power[site],
        exposure_ratio=_exposure_ratio(evidence, primary, site),
        withheld="; ".join(reasons),
    )
    pi = np.where(disagrees | is_open | ~speaks[site], np.nan, missed)[in_test]
    return found, pi, np.asarray(((of_site == ABSENT) | unknown)[in_test])


def _is_read(evidence: ReadEvidence, site: int) -> BoolArray:
    """Mutations of which reads were counted in some sample of the site, whether or not they tell of them (n,)."""
    return np.asarray(evidence.is_read[:, evidence.regions(site)].any(axis=1))


def _mean_power(evidence: ReadEvidence, site: int) -> float:
    """Mean P(seen | clonal) over the mutations of which some read tells in the site; NaN if there are none."""
    regions = evidence.regions(site)
    told = evidence.speaks[:, regions].any(axis=1)
    return float(1.0 - evidence.missed_in(regions)[told].mean()) if told.any() else math.nan


def _exposure_ratio(evidence: ReadEvidence, primary: int, site: int) -> float:
    mean = [evidence.copies[evidence.regions(t)] for t in (primary, site)]
    if any(not np.isfinite(copies).any() for copies in mean):
        return 1.0
    ratio = float(np.nanmean(mean[0]) / np.nanmean(mean[1]))
    return ratio if ratio > 0 else 1.0
