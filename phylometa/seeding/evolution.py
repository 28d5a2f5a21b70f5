"""Parallel evolution of driver genes, and metastases found together with the primary or later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from phylometa.comparison.clonality import clusters_absent_in
from phylometa.config import ComparisonSettings
from phylometa.model.arrays import BoolArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.clusters import Clustering
from phylometa.model.copy_number import CopyNumberResult
from phylometa.model.patient import MutationTable

__all__ = [
    "DriverHit",
    "RegionalEvent",
    "copy_number_hits",
    "driver_hits",
    "parallel_evolution",
    "presentation",
    "regional_events",
]

# Total copies from which a segment is amplified, as a multiple of the ploidy of the node.
_AMPLIFIED = 2.0


@dataclass(frozen=True, slots=True)
class DriverHit:
    """One event in one gene: a mutation or copy-number event, on the edge into a clone.

    Parameters
    ----------
    gene : str
    clone : str
        Clone whose edge carries the event.
    event : str
        Identifier of the event; events of one gene with the same identifier are one event seen twice. Empty: an event
        of its own.
    """

    gene: str
    clone: str
    event: str = ""


def driver_hits(
    mutations: MutationTable,
    clusters: Clustering,
    *,
    drivers: frozenset[str] = frozenset(),
    copy_number_hits: Iterable[DriverHit] = (),
) -> tuple[DriverHit, ...]:
    """Find the hits of driver genes by clone.

    Parameters
    ----------
    mutations : MutationTable
        Its `genes` name the gene of each mutation.
    clusters : Clustering
        Cluster k stands for clone k.
    drivers : frozenset of str
        Genes to look at; empty: every annotated gene.
    copy_number_hits : iterable of DriverHit
        Copy-number events of genes, which count like mutations; restricted to `drivers` in the same way.

    Returns
    -------
    tuple of DriverHit
    """
    from_mutations = (
        DriverHit(gene, clusters.names[k], mutation)
        for gene, k, mutation in zip(mutations.genes, clusters.labels.tolist(), mutations.ids)
        if gene
    )
    hits = (*from_mutations, *copy_number_hits)
    return tuple(hit for hit in hits if not drivers or hit.gene in drivers)


@dataclass(frozen=True, eq=False)
class RegionalEvent:
    """A copy-number event of a region and the samples that carry it.

    Parameters
    ----------
    name : str
        Identifier, e.g. ``"chr9 loss 1"``.
    chrom : str
    start, end : int
        0-based, half-open.
    samples : bool array (S,)
        Samples whose tumour cells carry the event.
    """

    name: str
    chrom: str
    start: int
    end: int
    samples: BoolArray


def regional_events(found: CopyNumberResult, sample_names: Sequence[str]) -> tuple[RegionalEvent, ...]:
    """List the deletions and amplifications of a copy-number tree, branch by branch, with the samples below.

    Parameters
    ----------
    found : CopyNumberResult
    sample_names : sequence of str, length S

    Returns
    -------
    tuple of RegionalEvent
        Runs of segments where the node below a branch has lost an allele (all copies, if only totals are known)
        that the node above has, or first has at least twice its ploidy in copies. Single gains and losses of one of
        several copies are no hits of a gene.

    Raises
    ------
    ValueError
        If a sample of the tree is not among `sample_names`.
    """
    copies = np.asarray(found.copies)
    length = np.asarray(found.end - found.start, dtype=np.float64)
    total = copies.sum(axis=1)
    ploidy = total @ length / max(float(length.sum()), 1.0)
    states = {"deletion": copies.min(axis=1) == 0, "amplification": total >= _AMPLIFIED * ploidy[:, None]}
    column = {name: s for s, name in enumerate(sample_names)}
    missing = [name for name in found.sample_names if name not in column]
    if missing:
        raise ValueError(f"regional_events: {missing[0]} is not among the samples")
    events = []
    for v, parent in enumerate(found.parents.tolist()):
        if parent < 0:
            continue
        samples = np.zeros(len(column), dtype=bool)
        samples[[column[name] for name in found.clade(v)]] = True
        for kind, state in states.items():
            is_new = state[v] & ~state[parent]
            follows = np.zeros(len(is_new), dtype=bool)  # goes on with the segment before
            follows[1:] = (np.array(found.chroms[1:]) == np.array(found.chroms[:-1])) & is_new[:-1]
            run = np.cumsum(is_new & ~follows)
            for number in range(1, int(run.max(initial=0)) + 1):
                inside = np.flatnonzero(is_new & (run == number))
                chrom, start, end = found.chroms[inside[0]], int(found.start[inside[0]]), int(found.end[inside[-1]])
                name = f"{kind} of {chrom}:{start + 1}-{end} ({found.node_names[v]})"
                events.append(RegionalEvent(name, chrom, start, end, samples))
    return tuple(events)


def copy_number_hits(
    events: Iterable[RegionalEvent],
    mutations: MutationTable,
    clusters: Clustering,
    *,
    drivers: frozenset[str],
    settings: ComparisonSettings | None = None,
) -> tuple[DriverHit, ...]:
    """Place the copy-number events of driver genes on clones.

    An event belongs to the clone whose cluster is present in exactly the samples that carry the event. Of several
    such clones it is the most prevalent (the uppermost, which makes parallel evolution harder to claim). Without one
    the event is left out. A gene lies where its mutations lie: genes without one have no known position.

    Parameters
    ----------
    events : iterable of RegionalEvent
    mutations : MutationTable
        With `genes`, `chroms` and `positions`.
    clusters : Clustering
    drivers : frozenset of str
        Genes to look at; empty: every annotated gene.
    settings : ComparisonSettings, optional
        When a cluster is absent from a sample.

    Returns
    -------
    tuple of DriverHit
    """
    places = {
        (gene, chrom, int(position))
        for gene, chrom, position in zip(mutations.genes, mutations.chroms, mutations.positions)
        if gene and chrom and (not drivers or gene in drivers)
    }
    settings = settings or ComparisonSettings()
    n_samples = clusters.ccf.shape[1]
    absent = np.stack([clusters_absent_in(clusters, [s], settings=settings) for s in range(n_samples)], axis=1)
    by_prevalence = np.argsort(-np.asarray(clusters.ccf).mean(axis=1), kind="stable").tolist()
    hits = {}
    for event in events:
        carriers = np.asarray(event.samples, dtype=bool)
        clone = next((k for k in by_prevalence if (absent[k] != carriers).all()), None)
        for gene, chrom, position in sorted(places):
            is_same = chrom.lower().removeprefix("chr") == event.chrom.lower().removeprefix("chr")
            if clone is not None and is_same and event.start <= position < event.end:
                hits[gene, event.name] = DriverHit(gene, clusters.names[clone], event.name)
    return tuple(hits.values())


def parallel_evolution(tree: CloneTree, hits: Sequence[DriverHit]) -> dict[str, bool]:
    """Map each gene to True iff two different events hit it on clones of which neither is the other's ancestor.

    Parameters
    ----------
    tree : CloneTree
    hits : sequence of DriverHit

    Returns
    -------
    dict
        Every gene among the hits, sorted.

    Examples
    --------
    >>> tree = CloneTree.from_edges([("R", "A"), ("R", "B"), ("A", "C")])
    >>> hits = [DriverHit("SETD2", "A"), DriverHit("SETD2", "B"), DriverHit("TP53", "A"), DriverHit("TP53", "C")]
    >>> parallel_evolution(tree, hits)
    {'SETD2': True, 'TP53': False}
    """
    index = {name: v for v, name in enumerate(tree.names)}
    by_gene: dict[str, list[DriverHit]] = {}
    for hit in hits:
        by_gene.setdefault(hit.gene, []).append(hit)

    def is_parallel(one: DriverHit, other: DriverHit) -> bool:
        u, v = index[one.clone], index[other.clone]
        is_same_event = bool(one.event) and one.event == other.event
        return not (is_same_event or tree.is_ancestor[u, v] or tree.is_ancestor[v, u])

    return {
        gene: any(is_parallel(one, other) for one, other in combinations(of_gene, 2))
        for gene, of_gene in sorted(by_gene.items())
    }


def presentation(days_from_primary_diagnosis: Mapping[str, float], *, synchronous_days: float) -> dict[str, str]:
    """Map sites to ``synchronous`` (found within `synchronous_days` of the primary, either way) or ``metachronous``.

    Examples
    --------
    >>> presentation({"LN1": 0, "M1": 400}, synchronous_days=180)
    {'LN1': 'synchronous', 'M1': 'metachronous'}
    """
    return {
        site: "synchronous" if abs(days) <= synchronous_days else "metachronous"
        for site, days in sorted(days_from_primary_diagnosis.items())
    }
