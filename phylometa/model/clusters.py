"""What is inferred of mutations: cancer cell fractions, and the clusters that travel together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.frames import frame_of_rows
from phylometa.model.short_repr import short_repr

__all__ = ["CcfTable", "Clustering"]


@dataclass(frozen=True, eq=False)
class CcfTable:
    """Cancer cell fraction of every mutation in every sample, all arrays (n, S).

    Parameters
    ----------
    ccf, ccf_lo, ccf_hi : float64
        Posterior mean and 95 % interval, in [0, 1]; NaN if nothing was observed.
    multiplicity : float64
        Posterior mean number of mutated copies in a cell that carries the mutation.
    vaf_per_ccf : float64
        Expected variant allele frequency at CCF 1 under the most probable multiplicity,
        m rho / (rho C_T + 2 (1 - rho)).
    power : float64
        P(at least 3 alternate reads | mutation clonal in the sample and not lost, depth, purity, copy number).
    loss : float64
        P(no mutated copy is left | the sample's cells descend from a carrier), from copy number
        (`phylometa.reads.lost_copies`); default 0.
    """

    ccf: FloatArray
    ccf_lo: FloatArray
    ccf_hi: FloatArray
    multiplicity: FloatArray
    vaf_per_ccf: FloatArray
    power: FloatArray
    loss: FloatArray = None  # type: ignore[assignment]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        shape = np.shape(self.ccf)
        if self.loss is None:
            object.__setattr__(self, "loss", np.zeros(shape))
        for item in fields(self):
            freeze_array(self, item.name, np.float64, shape)

    def take_samples(self, columns: IntArray) -> CcfTable:
        """Restricted to samples (indices)."""
        return CcfTable(**{item.name: getattr(self, item.name)[:, columns] for item in fields(self)})

    def take(self, rows: IntArray) -> CcfTable:
        """Restricted to mutations (indices)."""
        return CcfTable(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @property
    def told(self) -> FloatArray:
        """`ccf` if the reads tell it: NaN also if the mutated copy may have been lost (n, S)."""
        return np.asarray(np.where(self.loss > 0.0, np.nan, self.ccf))


@dataclass(frozen=True, eq=False)
class Clustering:
    """Mutation clusters of a patient: which mutations travel together, and how prevalent they are in every sample.

    Parameters
    ----------
    names : sequence of str, length K
        ``"1"`` to ``"K"`` by falling mean CCF, or the user's own names.
    labels : int64 array (n,)
        Cluster index of every mutation.
    probability : float64 array (n,)
        Posterior probability of that assignment.
    ccf, ccf_lo, ccf_hi : float64 arrays (K, S)
        Posterior mean and 95 % credible interval of the prevalence among tumour cells.
    alt_reads, total_reads : float64 arrays (K, S)
        Equivalent reads at VAF = CCF / 2: a binomial with them has the mode and curvature of the cluster's own
        likelihood, whatever purity, copy number and multiplicity its mutations have.
    flags : tuple of str, length K
        Comma-separated warnings about a cluster (``singleton``, ``one_sample``, ``loss``), '' if none.
    weight : float
        Posterior weight among alternative clusterings.
    deleted : int64 array (m, 2)
        Cells (mutation, sample) whose mutation is probably deleted: its cluster is in the sample, its copy was lost.
    kind : int64 array (n,)
        What each mutation most probably is: 0 belongs to its clone, 1 an artefact, 2 in a neutral tail. The cluster of
        one that belongs to no clone is the one that it would most probably be in.
    class_probability : float64 array (n, 3)
        Probabilities of these.
    start : int64 array (n,) or None
        Cluster of every mutation by the reads alone, before there was a tree; None if these are those clusters.
    support : float64 array (K,)
        How probably two mutations of a cluster, drawn at random, are in one clone; 1 if clusters are given.
    """

    names: tuple[str, ...]
    labels: IntArray
    probability: FloatArray
    ccf: FloatArray
    ccf_lo: FloatArray
    ccf_hi: FloatArray
    alt_reads: FloatArray
    total_reads: FloatArray
    flags: tuple[str, ...] = ()
    weight: float = 1.0
    deleted: IntArray = None  # type: ignore[assignment]
    kind: IntArray = None  # type: ignore[assignment]
    class_probability: FloatArray = None  # type: ignore[assignment]
    support: FloatArray = None  # type: ignore[assignment]
    start: IntArray | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "names", tuple(self.names))
        if self.deleted is None:
            set_field(self, "deleted", np.zeros((0, 2), dtype=np.int64))
        freeze_array(self, "deleted", np.int64, (None, 2))
        n_clusters, n = len(self.names), len(self.labels)
        if self.kind is None:
            set_field(self, "kind", np.zeros(n, dtype=np.int64))
        if self.class_probability is None:
            set_field(self, "class_probability", np.eye(3)[np.asarray(self.kind)])
        if self.support is None:
            set_field(self, "support", np.ones(n_clusters))
        freeze_array(self, "kind", np.int64, (n,))
        if self.start is not None:
            freeze_array(self, "start", np.int64, (n,))
        freeze_array(self, "class_probability", np.float64, (n, 3))
        freeze_array(self, "support", np.float64, (n_clusters,))
        set_field(self, "flags", tuple(self.flags) or ("",) * n_clusters)
        freeze_array(self, "labels", np.int64, (None,))
        freeze_array(self, "probability", np.float64, (len(self.labels),))
        freeze_array(self, "ccf", np.float64, (n_clusters, None))
        for name in ("ccf_lo", "ccf_hi", "alt_reads", "total_reads"):
            freeze_array(self, name, np.float64, self.ccf.shape)
        if len(self.labels) and (self.labels.min() < 0 or self.labels.max() >= n_clusters):
            raise ValueError("Clustering.labels: index outside the clusters")

    @property
    def n_clusters(self) -> int:
        return len(self.names)

    def take_samples(self, columns: IntArray) -> Clustering:
        """Return the clusters in some samples (indices)."""
        names = ("ccf", "ccf_lo", "ccf_hi", "alt_reads", "total_reads")
        place = {int(s): i for i, s in enumerate(columns)}
        deleted = [(i, place[s]) for i, s in self.deleted.tolist() if s in place]
        arrays = {name: getattr(self, name)[:, columns] for name in names}
        return replace(self, deleted=np.array(deleted, dtype=np.int64).reshape(-1, 2), **arrays)

    def take(self, rows: IntArray) -> Clustering:
        """Return the same clusters with the labels of some mutations (indices)."""
        place = {int(i): k for k, i in enumerate(rows)}
        deleted = [(place[i], s) for i, s in self.deleted.tolist() if i in place]
        arrays = {name: getattr(self, name)[rows] for name in ("labels", "probability", "kind", "class_probability")}
        start = None if self.start is None else self.start[rows]
        return replace(self, deleted=np.array(deleted, dtype=np.int64).reshape(-1, 2), start=start, **arrays)

    @property
    def sizes(self) -> IntArray:
        """Number of mutations of every cluster (K,), without artefacts and neutral tails."""
        return np.bincount(self.labels[self.in_clone], minlength=self.n_clusters).astype(np.int64)

    @property
    def in_clone(self) -> BoolArray:
        """Mutations that most probably belong to a clone (n,)."""
        return np.asarray(self.kind == 0)

    def to_frame(self, library: str | None = None, *, sample_names: Sequence[str] = ()) -> Any:
        """Tabulate the prevalence of every cluster in every sample, one row each.

        Parameters
        ----------
        sample_names : sequence of str, optional
            ``Patient.mutations.sample_names``; samples are numbered from 0 without.
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        rows = (
            (
                name,
                sample_names[s] if sample_names else s,
                int(self.sizes[k]),
                *(float(x[k, s]) for x in (self.ccf, self.ccf_lo, self.ccf_hi)),
            )
            for k, name in enumerate(self.names)
            for s in range(self.ccf.shape[1])
        )
        return frame_of_rows(["cluster", "sample", "n_mutations", "ccf", "ccf_lo", "ccf_hi"], rows, library)
