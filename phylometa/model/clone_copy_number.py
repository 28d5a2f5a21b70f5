"""Allele-specific copy number of every clone of the clone tree, as a frozen record that goes to JSON and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.short_repr import short_repr

__all__ = ["CloneCopyEvent", "CloneCopyNumber"]


@dataclass(frozen=True)
class CloneCopyEvent:
    """One change of copy number on a branch of the clone tree.

    Parameters
    ----------
    clone : str
        Clone below the branch.
    parent : str
        Clone above it; empty for the trunk.
    kind : str
        ``gain``, ``amplification`` (four or more copies of an allele at once), ``loss``, ``loh`` (an allele gone),
        ``cn_loh`` (an allele gone, as many copies as before), ``homozygous_deletion``, ``gain+loss`` or ``doubling``.
    probability : float
        P(the copies change on this branch), averaged over the length.
    chrom : str
    start, end : int
        0-based, half-open; 0 for a doubling.
    name : str
        The chromosome or arm that it covers, as ``8q``; empty for focal events.
    before, after : (int, int)
        Copies of the alleles above and below.
    genes : tuple of str
        Driver genes amplified or deleted by it.
    parallel : tuple of str
        Clones on other lineages with the same kind of event at the same place.
    mirrored : bool
        One of those is on the other allele (told only if alleles are phased).
    """

    clone: str
    parent: str
    kind: str
    probability: float
    chrom: str = ""
    start: int = 0
    end: int = 0
    name: str = ""
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    genes: tuple[str, ...] = ()
    parallel: tuple[str, ...] = ()
    mirrored: bool = False

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> CloneCopyEvent:
        """Read the event of a document's row; its lists are tuples."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        return cls(**fields)


@dataclass(frozen=True, eq=False)
class CloneCopyNumber:
    """Copy number of K clones on N segments.

    Parameters
    ----------
    clone_names : tuple of str, length K
    parents : int64 array (K,)
        Of the most probable clone tree; -1 for the founder.
    chroms : tuple of str, length N
    start, end : int64 arrays (N,)
        0-based, half-open.
    states : int64 array (K, N, 2)
        Most probable copies of both alleles of every clone.
    state_probability : float64 array (K, N)
        Their probability.
    change_probability : float64 array (K, N)
        P(the copies of a segment change on the branch above a clone), doublings aside.
    doubling_probability : float64 array (K,)
        P(the genome was doubled on the branch above a clone); what is missing to 1 is the probability of none.
    third_change : float64 array (N,)
        Log weight that a third change of a segment could gain at most; 0 if it could gain nothing.
    noise : float
        Standard deviation of the mean copies of a sample that was fitted; NaN if callers rounded.
    n_trees : int
        Clone trees averaged over.
    events : tuple of CloneCopyEvent
        Branch by branch; changes of neighbouring segments that are alike are one event.
    is_phased : bool
    """

    clone_names: tuple[str, ...]
    parents: IntArray
    chroms: tuple[str, ...]
    start: IntArray
    end: IntArray
    states: IntArray
    state_probability: FloatArray
    change_probability: FloatArray
    doubling_probability: FloatArray
    third_change: FloatArray
    noise: float
    n_trees: int
    events: tuple[CloneCopyEvent, ...] = ()
    is_phased: bool = False

    __repr__ = short_repr

    def __post_init__(self) -> None:
        clones, segments = len(self.clone_names), len(self.chroms)
        for name, kind, shape in (
            ("parents", np.int64, (clones,)),
            ("start", np.int64, (segments,)),
            ("end", np.int64, (segments,)),
            ("states", np.int64, (clones, segments, 2)),
            ("state_probability", np.float64, (clones, segments)),
            ("change_probability", np.float64, (clones, segments)),
            ("doubling_probability", np.float64, (clones,)),
            ("third_change", np.float64, (segments,)),
        ):
            freeze_array(self, name, kind, shape)

    @property
    def length(self) -> IntArray:
        """Length of every segment (bp)."""
        return self.end - self.start

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CloneCopyNumber:
        """Read the record from the document that `dataclasses.asdict` made of it."""
        fields = dict(document)
        if fields["noise"] is None:
            fields["noise"] = float("nan")
        rows: Any = fields["events"]
        fields["events"] = tuple(CloneCopyEvent.from_json(row) for row in rows)
        shape = (len(fields["clone_names"]), len(fields["chroms"]))
        fields["states"] = np.array(fields["states"], dtype=np.int64).reshape(*shape, 2)
        for name in ("state_probability", "change_probability"):
            fields[name] = np.array(fields[name], dtype=np.float64).reshape(shape)
        for name in ("clone_names", "chroms"):
            fields[name] = tuple(fields[name])
        return cls(**{item.name: fields[item.name] for item in dataclasses.fields(cls)})
