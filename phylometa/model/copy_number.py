"""What the copy-number stage finds, as frozen records that go to JSON and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.clone_copy_number import CloneCopyNumber
from phylometa.model.frames import frame_of_records
from phylometa.model.short_repr import short_repr

__all__ = [
    "ClassComparison",
    "CopyNumberEvent",
    "CopyNumberResult",
    "Instability",
    "ParallelEvent",
    "ParallelTest",
]


@dataclass(frozen=True)
class CopyNumberEvent:
    """One event on a branch.

    Parameters
    ----------
    branch : str
        Name of the node below the branch.
    kind : {"gain", "loss", "doubling"}
        One copy more or less, or a doubling of the genome.
    chrom : str
    start, end : int
        0-based, half-open; the event passes over what was lost before. 0 for a doubling.
    allele : {"a", "b", "major", "minor", "total", ""}
        ``a`` and ``b`` if alleles are phased across samples.
    """

    branch: str
    kind: str
    chrom: str = ""
    start: int = 0
    end: int = 0
    allele: str = ""


@dataclass(frozen=True)
class Instability:
    """Chromosomal instability of a node of the tree, over the autosomes.

    Parameters
    ----------
    name : str
    is_sample : bool
    ploidy : float
        Mean copies, weighted by length (and by share of cells in samples).
    altered : float
        Share of the genome that is not one copy of each allele.
    loh : float
        Share with one allele lost; NaN for total copy numbers.
    wgii : float
        Mean over chromosomes of the share of length whose total is not the rounded ploidy.
    subclonal : float
        Share of the length in a subclonal state; 0 in ancestors.
    major_2 : float
        Share of the length with two or more copies of the major allele.
    wgd_probability : float
        P(the genome was doubled) by model comparison (`phylometa.copy_number.doubling`); NaN in ancestors and for total
        copy numbers. Above 1/2 the sample counts as doubled: this is the answer.
    wgd_major, wgd_ploidy : bool or None
        The rules of the field, for comparison: `major_2` > 0.5, and ploidy >= 2.9 - 2 loh; None for total copy numbers.
    wgd_parsimony : int
        Doublings on the path from the diploid in the tree of least events.
    branch_length, gains, losses, doublings : int
        Events on the branch above.
    new_loh : float
        Share of the genome whose allele was lost on the branch above.
    """

    name: str
    is_sample: bool
    ploidy: float
    altered: float
    loh: float
    wgii: float
    subclonal: float
    major_2: float
    wgd_major: bool | None
    wgd_ploidy: bool | None
    wgd_parsimony: int = 0
    branch_length: int = 0
    gains: int = 0
    losses: int = 0
    doublings: int = 0
    new_loh: float = 0.0
    wgd_probability: float = float("nan")

    @property
    def is_doubled(self) -> bool:
        """Whether a sample's genome is doubled by model comparison (False if it cannot be told)."""
        return self.wgd_probability > 0.5


@dataclass(frozen=True)
class ClassComparison:
    """A measure of instability in metastases against primaries.

    Parameters
    ----------
    measure : str
    primary, metastasis : float
        Means.
    n_primary, n_metastasis : int
    p_value : float
        Two-sided permutation test of the difference; NaN if a class has no sample.
    """

    measure: str
    primary: float
    metastasis: float
    n_primary: int
    n_metastasis: int
    p_value: float


@dataclass(frozen=True)
class ParallelEvent:
    """The same kind of event at the same place on two lineages whose common ancestor was unaltered there.

    Parameters
    ----------
    branches : (str, str)
    kind : {"gain", "loss"}
    chrom : str
    start, end : int
        The part both events cover.
    alleles : (str, str)
    is_mirrored : bool
        On different parental alleles (only if alleles are phased).
    """

    branches: tuple[str, str]
    kind: str
    chrom: str
    start: int
    end: int
    alleles: tuple[str, str]
    is_mirrored: bool


@dataclass(frozen=True)
class ParallelTest:
    """Number of parallel events against events that are shuffled over the branches.

    Parameters
    ----------
    observed : int
    expected : float
        Mean of the permutations.
    p_value : float
        One-sided, (1 + exceeding) / (1 + permutations).
    n_permutations : int
    """

    observed: int
    expected: float
    p_value: float
    n_permutations: int


@dataclass(frozen=True, eq=False)
class CopyNumberResult:
    """The copy-number tree of a patient's samples.

    Parameters
    ----------
    sample_names : tuple of str, length S
        Samples in the tree.
    distances, zero_agnostic : float64 arrays (S + 1, S + 1)
        Exact distances and ZCNT; the diploid last.
    node_names : tuple of str
        Samples, ``diploid``, then the inner nodes.
    parents : int64 array (n_nodes,)
        -1 for the diploid, the root.
    branch_lengths, doublings : int64 arrays (n_nodes,)
        Events on the branch above each node; their sum is `tree_length`.
    support : float64 array (n_nodes,)
        Share of replicates with the node's set of samples; NaN for leaves, for the root's child, if no event lies on
        the branch above, and without replicates.
    chroms : tuple of str, length N
    start, end : int64 arrays (N,)
        Common segments.
    copies : int64 array (n_nodes, A, N)
        Copies of each allele (A = 2, or 1 for totals) of samples and ancestors.
    is_phased : bool
    events : tuple of CopyNumberEvent
    instability : tuple of Instability
        One per node, in the order of `node_names`.
    comparisons : tuple of ClassComparison
    parallel : tuple of ParallelEvent
    parallel_test : ParallelTest or None
    wgd, support_method : bool, str
        Settings that the numbers depend on.
    agreement : mapping or None
        Against the SNV clone tree, see `phylometa.copy_number.compare_with_clones`.
    open_sequences : int
        Alleles of chromosomes whose ancestors are not proved to need the least events on this topology; -1 unknown.
    clones : CloneCopyNumber or None
        Copy number of the clones of the clone tree; None without a clone tree or without alleles.
    warnings : tuple of str
    """

    sample_names: tuple[str, ...]
    distances: FloatArray
    zero_agnostic: FloatArray
    node_names: tuple[str, ...]
    parents: IntArray
    branch_lengths: IntArray
    doublings: IntArray
    support: FloatArray
    chroms: tuple[str, ...]
    start: IntArray
    end: IntArray
    copies: IntArray
    is_phased: bool
    events: tuple[CopyNumberEvent, ...]
    instability: tuple[Instability, ...]
    comparisons: tuple[ClassComparison, ...] = ()
    parallel: tuple[ParallelEvent, ...] = ()
    parallel_test: ParallelTest | None = None
    wgd: bool = True
    support_method: str = "bootstrap"
    agreement: Mapping[str, Any] | None = None
    clones: CloneCopyNumber | None = None
    open_sequences: int = -1
    warnings: tuple[str, ...] = ()

    __repr__ = short_repr

    def __post_init__(self) -> None:
        n, nodes, segments = len(self.sample_names) + 1, len(self.node_names), len(self.chroms)
        for name, kind, shape in (
            ("distances", np.float64, (n, n)),
            ("zero_agnostic", np.float64, (n, n)),
            ("parents", np.int64, (nodes,)),
            ("branch_lengths", np.int64, (nodes,)),
            ("doublings", np.int64, (nodes,)),
            ("support", np.float64, (nodes,)),
            ("start", np.int64, (segments,)),
            ("end", np.int64, (segments,)),
            ("copies", np.int64, (nodes, None, segments)),
        ):
            freeze_array(self, name, kind, shape)

    @property
    def tree_length(self) -> int:
        """Events in the whole tree."""
        return int(self.branch_lengths.sum())

    @property
    def wgd_branches(self) -> tuple[str, ...]:
        """Nodes with a doubling on the branch above."""
        return tuple(name for name, w in zip(self.node_names, self.doublings) if w)

    def clade(self, node: int) -> frozenset[str]:
        """List the samples at or below a node."""
        inside = {node}
        grew = True
        while grew:
            below = {v for v, p in enumerate(self.parents.tolist()) if p in inside} - inside
            inside |= below
            grew = bool(below)
        return frozenset(self.node_names[v] for v in inside if v < len(self.sample_names))

    def newick(self, *, labels: str = "support") -> str:
        """Format the tree in Newick, the diploid an outgroup of length 0.

        Parameters
        ----------
        labels : {"support", "names"}
            What stands at the inner nodes: support in percent (nothing if there is none), or names.
        """
        children: dict[int, list[int]] = {}
        for v, p in enumerate(self.parents.tolist()):
            children.setdefault(p, []).append(v)

        def written(v: int) -> str:
            if v not in children:
                return f"{_quoted(self.node_names[v])}:{self.branch_lengths[v]}"
            label = self.node_names[v]
            if labels == "support":
                label = "" if np.isnan(self.support[v]) else f"{100 * self.support[v]:.0f}"
            inner = ",".join(written(u) for u in children[v])
            return f"({inner}){_quoted(label) if label else ''}:{self.branch_lengths[v]}"

        root = self.parents.tolist().index(-1)
        return f"({','.join(written(v) for v in children[root])},{_quoted(self.node_names[root])}:0);"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready document that `from_json` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CopyNumberResult:
        """Read the result that `to_json` wrote."""
        fields = dict(document)
        missing = float("nan")
        fields["support"] = [missing if value is None else value for value in fields["support"]]

        def records(name: str, kind: Any) -> tuple[Any, ...]:
            return tuple(kind(**_restored(row, kind)) for row in fields[name])

        fields["events"] = records("events", CopyNumberEvent)
        fields["instability"] = records("instability", Instability)
        fields["comparisons"] = records("comparisons", ClassComparison)
        fields["parallel"] = records("parallel", ParallelEvent)
        test = fields["parallel_test"]
        fields["parallel_test"] = None if test is None else ParallelTest(**test)
        clones = fields.get("clones")
        fields["clones"] = None if clones is None else CloneCopyNumber.from_json(clones)
        for name in ("sample_names", "node_names", "chroms", "warnings"):
            fields[name] = tuple(fields[name])
        return cls(**fields)

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate copy-number events, one row each.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        return frame_of_records(CopyNumberEvent, self.events, library)


def _restored(row: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """A record's fields with null numbers as NaN and lists as tuples."""
    types = {item.name: str(item.type) for item in dataclasses.fields(kind)}
    out = {}
    for name, value in row.items():
        if value is None and types[name] == "float":
            value = float("nan")
        out[name] = tuple(value) if isinstance(value, list) else value
    return out


def _quoted(name: str) -> str:
    """A Newick label, quoted if a character would be misread."""
    if any(c in " \t()[]{}/\\,;:=*'\"`+<>" for c in name):
        return "'" + name.replace("'", "''") + "'"
    return name
