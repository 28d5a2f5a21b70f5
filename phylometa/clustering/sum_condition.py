"""Clusters that no clone tree can hold together, and whether copy number explains why.

In a clone tree two clusters are either nested, one at least as prevalent as the other in every sample, or on separate
branches, their CCFs adding up to at most 1 in every sample (the sum condition: El-Kebir et al. 2015,
doi:10.1093/bioinformatics/btv261). A pair that is neither, beyond the width of its intervals, points to a deleted copy
of the mutations in a sample, to a wrong multiplicity, or to a mixed cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from phylometa.config import CcfSettings
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clusters import Clustering
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.lost_copies import has_lost_allele
from phylometa.reads.multiplicity import MultiplicityOptions, enumerate_multiplicities

__all__ = ["ClusterConflict", "explain_conflicts", "find_conflicts"]

# Share of a cluster's mutations in the sample that copy number must concern before it counts as the explanation.
_MIN_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class ClusterConflict:
    """Two clusters that are neither nested nor separable, with the likely cause.

    Parameters
    ----------
    clusters : tuple of two int
        Indices; the first is the one under suspicion.
    samples : tuple of int
        Columns in which the suspected cluster's CCF may be wrong.
    cause : {"loss", "multiplicity", "unexplained"}
        ``loss``: many of its mutations lie where an allele was lost. ``multiplicity``: many lie where several
        multiplicities are possible. ``unexplained``: neither; the cluster may be a mixture.
    text : str
        The same for the reader.
    """

    clusters: tuple[int, int]
    samples: tuple[int, ...]
    cause: Literal["loss", "multiplicity", "unexplained"]
    text: str


def find_conflicts(clusters: Clustering) -> list[tuple[int, int]]:
    """Find pairs of clusters that are neither nested nor separable by their credible intervals.

    Parameters
    ----------
    clusters : Clustering

    Returns
    -------
    list of pairs of cluster indices, the first smaller
    """
    low, high = clusters.ccf_lo, clusters.ccf_hi
    pairs = []
    for first in range(clusters.n_clusters):
        for second in range(first + 1, clusters.n_clusters):
            can_hold = (high[first] >= low[second]).all() or (high[second] >= low[first]).all()
            can_separate = (low[first] + low[second] <= 1.0).all()
            if not can_hold and not can_separate:
                pairs.append((first, second))
    return pairs


def explain_conflicts(
    clusters: Clustering,
    mutations: MutationTable,
    copy_number: CopyNumberAtLoci,
    purity: FloatArray,
    *,
    ccf_settings: CcfSettings,
) -> tuple[ClusterConflict, ...]:
    """Explain the pairs of `find_conflicts`: the cluster under suspicion and the likely cause.

    Of a pair, the cluster whose mutations copy number concerns most is suspected: of loss in samples where it is the
    rarer one, of a wrong multiplicity in any sample that takes part in the conflict.

    Parameters
    ----------
    clusters : Clustering
    mutations, copy_number, purity : as in `phylometa.clustering.infer.cluster_mutations`
    ccf_settings : CcfSettings

    Returns
    -------
    tuple of ClusterConflict
    """
    options = enumerate_multiplicities(mutations, copy_number, purity, settings=ccf_settings)
    lost = has_lost_allele(copy_number)
    ambiguous = _several_multiplicities(options)
    conflicts = []
    for pair in find_conflicts(clusters):
        candidates = []
        for suspect, other in (pair, pair[::-1]):
            members = clusters.labels == suspect
            rarer = np.flatnonzero(clusters.ccf_hi[suspect] < clusters.ccf_lo[other])
            crowded = np.flatnonzero(clusters.ccf_lo[suspect] + clusters.ccf_lo[other] > 1.0)
            lost_share = lost[members].mean(axis=0)
            open_share = ambiguous[members].mean(axis=0)
            by_loss = [s for s in rarer.tolist() if lost_share[s] >= _MIN_SHARE]
            involved = sorted({*rarer.tolist(), *crowded.tolist()})
            by_copies = [s for s in involved if open_share[s] >= _MIN_SHARE]
            if by_loss:
                candidates.append((float(lost_share[by_loss].max()), suspect, other, by_loss, "loss"))
            if by_copies:
                candidates.append((float(open_share[by_copies].max()), suspect, other, by_copies, "multiplicity"))
        conflicts.append(_conflict(clusters, mutations, pair, candidates))
    return tuple(conflicts)


def _several_multiplicities(options: MultiplicityOptions) -> BoolArray:
    """Cells (n, S) that allow more than one multiplicity."""
    is_option = np.isfinite(options.log_prior) & (options.copies > 0.0)
    return np.asarray((is_option.sum(axis=1) > 1)[options.cell_state])


def _conflict(
    clusters: Clustering,
    mutations: MutationTable,
    pair: tuple[int, int],
    candidates: list[tuple[float, int, int, list[int], str]],
) -> ClusterConflict:
    names = clusters.names
    start = f"clusters {names[pair[0]]} and {names[pair[1]]} are neither nested nor on separate branches"
    if not candidates:
        text = f"{start}; copy number does not explain it: one of them may be a mixture or an artefact"
        involved = tuple(int(s) for s in range(mutations.n_samples))
        return ClusterConflict(pair, involved, "unexplained", text)
    share, suspect, other, samples, cause = max(candidates, key=lambda entry: (entry[0], entry[4], -entry[1]))
    where = ", ".join(mutations.sample_names[s] for s in samples)
    percent = f"{100.0 * share:.0f} %"
    if cause == "loss":
        text = (
            f"{start}; {percent} of the mutations of cluster {names[suspect]} lie in segments that lost an allele in "
            f"{where}, where it is the rarer one: its mutations may be deleted there, not absent"
        )
        return ClusterConflict((suspect, other), tuple(samples), "loss", text)
    text = (
        f"{start}; {percent} of the mutations of cluster {names[suspect]} have several possible multiplicities in "
        f"{where}: its CCF there may be wrong"
    )
    return ClusterConflict((suspect, other), tuple(samples), "multiplicity", text)
