"""Mutations whose copy was lost: where their absence says nothing about descent.

A mutation arises once and is lost only with its segment (Dollo). If a sample has fewer copies of an allele than the
ancestor that it shares with the carriers, the mutated copy may be among those that went: the mutation is then missing
although its clone is there. Fewer copies than the carriers have are no loss by themselves: a gain in the carriers
explains them too, and one event does for all their segment. `loss_probability` is the prior of a loss, from copy number
alone; `phylometa.reads.multiplicity` takes it as one more option of the cell, no mutated copy, so that CCFs, clusters,
trees and presence all allow for it.

The ancestor's state of an allele is the one of least events, whatever the tree of the samples: let a locus have the
states x_s, and the ancestor the state A. Equal states that differ from A need one event at least, and one event is
enough for them, so that the events are (A differs from the root's state b) + (number of distinct states that are not
A). Every state of a carrier or of the sample above b is then explained with no more events by A = b than by a gain that
was lost again. b is 1, or 2 if the genome was doubled before the carriers and the sample parted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.clusters import CcfTable, Clustering
from phylometa.model.patient import CopyNumberAtLoci, MutationTable

__all__ = ["carriers", "deleted_mutations", "has_lost_allele", "is_doubled", "loss_probability", "lost_cells"]

# No copy number is sure enough to exclude that the mutation stayed.
_HIGHEST = 0.95
# P(a mutation stands on one copy only of an allele that has several).
_ONE_COPY = 0.5
# Events per locus that a doubled ancestor must save: more than loci on either side of the balance come to by chance.
_DOUBLING_MARGIN = 0.25


def carriers(mutations: MutationTable) -> BoolArray:
    """Find the cells (n, S) whose reads show the mutation."""
    return np.asarray(mutations.is_informative & (mutations.alt_counts >= MIN_ALT_READS))


def has_lost_allele(copy_number: CopyNumberAtLoci) -> BoolArray:
    """Find cells (n, S) in which an allele of an autosome (or of a female's X) is gone, from all cells or from some."""
    first = np.nan_to_num(np.asarray(copy_number.minor), nan=1.0) < 1.0
    second = np.nan_to_num(np.asarray(copy_number.minor2), nan=1.0) < 1.0
    return np.asarray((first | second) & (copy_number.normal > 1.0))


def is_doubled(copy_number: CopyNumberAtLoci) -> BoolArray:
    """Tell which samples have a doubled genome, from their states at the loci (S,).

    A sample is doubled if single gains and losses from 2 + 2 explain its states with fewer events than from 1 + 1, by
    more than a quarter of an event per locus. An allele that is gone costs one event from either (a loss before the
    doubling). Totals without alleles are compared with 4 and 2. X and Y of males are left out.

    Examples
    --------
    >>> both = CopyNumberAtLoci(
    ...     major=np.array([[2.0, 1.0], [2.0, 2.0]]), minor=np.ones((2, 2)) * [2, 1], normal=np.full((2, 2), 2)
    ... )
    >>> is_doubled(both).tolist()
    [True, False]
    """
    major, minor, total = (np.asarray(getattr(copy_number, name), float) for name in ("major", "minor", "total"))

    def events(root: float) -> FloatArray:
        from_root = [np.where(x < 0.5, 1.0, np.abs(x - root)) for x in (major, minor)]
        return np.where(np.isfinite(major + minor), from_root[0] + from_root[1], np.abs(total - 2.0 * root))

    known = np.isfinite(total) & (np.asarray(copy_number.normal) > 1.0)
    saved = np.where(known, events(1.0) - events(2.0), 0.0).sum(axis=0)
    return np.asarray(saved > _DOUBLING_MARGIN * np.maximum(known.sum(axis=0), 1))


def loss_probability(copy_number: CopyNumberAtLoci, carries: BoolArray) -> FloatArray:
    """Compute P(no mutated copy is left in a sample | its cells descend from a carrier), from copy number (n, S).

    A mutation lies on either of the alleles that a carrier has with the same probability. It is lost with an allele
    that is gone; of an allele with fewer copies than the ancestor had (see the module), with the share of its copies
    that went, if it stood on one copy only (probability 1/2). A gain in the carriers is no loss in the other samples,
    nor is a doubling. A loss from part of a sample's cells leaves the mutation in the others and does not count. If
    only totals are known, the mutation stands on any of the ancestor's copies.

    Parameters
    ----------
    copy_number : CopyNumberAtLoci (n, S)
    carries : bool array (n, S)
        Samples whose reads show the mutation.

    Returns
    -------
    float64 array (n, S)
        0 in carriers, if nothing was lost, and if copy number is unknown; at most 0.95.

    Examples
    --------
    >>> minor = np.array([[1.0, 0.0]])
    >>> loh = CopyNumberAtLoci(major=np.ones((1, 2)), minor=minor, normal=np.full((1, 2), 2))
    >>> loss_probability(loh, np.array([[True, False]])).tolist()
    [[0.0, 0.5]]
    """
    total = np.zeros(carries.shape)
    n_alleles = np.zeros((len(carries), 1))
    root = _root_copies(copy_number, carries)
    for name in ("minor", "major"):
        gone, share, had = _losses(copy_number, name, carries, root, from_all_cells=True)
        total += gone + _ONE_COPY * share
        n_alleles += had[:, None]
    of_totals, share, _ = _losses(copy_number, "total", carries, root, from_all_cells=True)
    is_total_only = ~np.isfinite(np.asarray(copy_number.minor))
    of_alleles = total / np.maximum(n_alleles, 1.0)
    of_copies = np.where(root > 1.0, _ONE_COPY, 1.0) * share
    found = np.where(is_total_only, of_totals + of_copies, np.where(of_totals, 1.0, of_alleles))
    return np.asarray(np.minimum(np.where(carries, 0.0, found), _HIGHEST))


def lost_cells(
    copy_number: CopyNumberAtLoci,
    kept: Sequence[int] | IntArray,
    lost: Sequence[int] | IntArray,
    multiplicity: FloatArray | None = None,
) -> BoolArray:
    """Find cells (n, len(lost)) from which a loss may have removed a mutation that the `kept` samples carry.

    True if no copy is left, if an allele is gone in the sample (in either state of a subclonal segment) that
    some `kept` sample has, or if the sample has fewer copies of an allele than its ancestor with the `kept` samples
    had (see the module) and the mutation stood on no more than were lost. A gain or a doubling in the `kept` samples
    is no loss in the others. Unknown copy number is False.

    Parameters
    ----------
    copy_number : CopyNumberAtLoci
    kept, lost : sequences of int
        Samples that carry the mutations, samples that lack them.
    multiplicity : float64 array (n,), optional
        Mutated copies in the samples that carry it; without it the loss of single copies is left out.

    Returns
    -------
    bool array (n, len(lost))
    """
    columns = np.asarray(lost, dtype=np.int64)
    removed = np.asarray(copy_number.total)[:, columns] < 0.5
    if not len(kept) or not len(columns):
        return np.asarray(removed)
    carries = np.zeros(np.shape(copy_number.major), dtype=bool)
    carries[:, np.asarray(kept, dtype=np.int64)] = True
    root = _root_copies(copy_number, carries)
    for name in ("minor", "major"):
        gone, share, _ = _losses(copy_number, name, carries, root, from_all_cells=False)
        removed |= gone[:, columns]
        if multiplicity is not None:
            copies = np.round(share * _ancestor(copy_number, name, carries, root))[:, columns]
            removed |= (copies > 0.0) & (np.round(multiplicity)[:, None] <= copies)
    return np.asarray(removed)


def _states(copy_number: CopyNumberAtLoci, name: str) -> FloatArray:
    """Copies in both states of a segment (2, n, S); of totals, the mean over the cells, twice."""
    first = np.asarray(getattr(copy_number, name), dtype=np.float64)
    second = first if name == "total" else np.asarray(getattr(copy_number, name + "2"), dtype=np.float64)
    return np.stack([first, second])


def _fewest(copy_number: CopyNumberAtLoci, name: str, carries: BoolArray) -> FloatArray:
    """Copies of the carrier that has the fewest (n,); NaN if unknown."""
    most = np.fmax.reduce(_states(copy_number, name))
    return np.asarray(np.fmin.reduce(np.where(carries, most, np.nan), axis=1))


def _root_copies(copy_number: CopyNumberAtLoci, carries: BoolArray) -> FloatArray:
    """Copies of an allele in the ancestor of the carriers and each sample, before losses (n, S): 2 if doubled."""
    doubled = is_doubled(copy_number)
    all_doubled = np.all(~carries | doubled, axis=1)[:, None] & doubled
    return np.where(all_doubled, 2.0, 1.0)


def _ancestor(copy_number: CopyNumberAtLoci, name: str, carries: BoolArray, root: FloatArray) -> FloatArray:
    """Copies in the ancestor of the carriers and each sample (n, S): the root's, or fewer if no carrier has as many."""
    normal = np.asarray(copy_number.normal, dtype=np.float64)
    of_root = root * normal if name == "total" else np.where((name == "minor") & (normal < 2.0), 0.0, root)
    return np.asarray(np.minimum(of_root, np.nan_to_num(_fewest(copy_number, name, carries))[:, None]))


def _losses(
    copy_number: CopyNumberAtLoci, name: str, carries: BoolArray, root: FloatArray, *, from_all_cells: bool
) -> tuple[BoolArray, FloatArray, BoolArray]:
    """Where an allele that a carrier has is gone (n, S); the share of the ancestor's copies that went where some are
    left (n, S; 0 elsewhere); whether any carrier has it (n,)."""
    states = _states(copy_number, name)
    has = np.fmax.reduce(states) if from_all_cells else np.fmin.reduce(states)
    had = np.fmax.reduce(np.where(carries, np.fmax.reduce(states), np.nan), axis=1)
    gone = (has < 0.5) & (had > 0.5)[:, None]
    ancestor = _ancestor(copy_number, name, carries, root)
    is_less = ~gone & (ancestor - has > 0.5)
    share = np.where(is_less, (ancestor - np.nan_to_num(has)) / np.where(ancestor > 0, ancestor, 1.0), 0.0)
    return gone, share, np.asarray(had > 0.5)


def deleted_mutations(
    mutations: MutationTable, ccf: CcfTable, clusters: Clustering, *, error_rate: float, min_ccf: float = 0.05
) -> IntArray:
    """Find cells whose mutation is probably deleted: its cluster is in the sample, its reads are not.

    Parameters
    ----------
    mutations : MutationTable
    ccf : CcfTable
        Its `loss` is the prior.
    clusters : Clustering
    error_rate : float
    min_ccf : float
        The cluster's interval must lie above this CCF.

    Returns
    -------
    int64 array (m, 2)
        Mutation and sample of the cells with P(lost | reads, CCF of the cluster) above 1/2.
    """
    prior = np.nan_to_num(ccf.loss)
    expected = np.nan_to_num(ccf.vaf_per_ccf) * clusters.ccf[clusters.labels]
    vaf = np.clip(expected * (1.0 - 2.0 * error_rate) + error_rate, 1e-9, 1.0 - 1e-9)
    alt = np.where(mutations.is_informative, mutations.alt_counts, 0)
    ref = np.where(mutations.is_informative, mutations.depth - mutations.alt_counts, 0)
    kept = alt * np.log(vaf / error_rate) + ref * np.log((1.0 - vaf) / (1.0 - error_rate))
    posterior = prior / np.maximum(prior + (1.0 - prior) * np.exp(np.minimum(kept, 600.0)), 1e-300)
    return np.argwhere((posterior > 0.5) & (clusters.ccf_lo[clusters.labels] > min_ccf))
