"""What one file says about some samples' mutations, before files are put together; and putting them together."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError
from phylometa.model.patient import DroppedVariants
from phylometa.reference.contigs import contig_name, genome_of_contigs

__all__ = ["COPY_NUMBER_FIELDS", "Calls", "DropLog", "merge_calls", "nominal_calls", "rescue_note"]
__all__ += ["unify_contigs"]

CELL_STATES = ("unlisted", "rescued", "censored_below")
COPY_NUMBER_FIELDS = ("major", "minor", "total", "normal", "fraction", "major2", "minor2")


class DropLog:
    """Variants left out, collected while reading."""

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.ids: list[str] = []
        self.samples: list[str] = []
        self.reasons: list[str] = []
        self.files: list[str] = []
        self.lines = array("q")

    def add(self, variant: str, reason: str, line: int, *, sample: str = "", file: str | None = None) -> None:
        self.ids.append(variant)
        self.samples.append(sample)
        self.reasons.append(reason)
        self.files.append(self.file if file is None else file)
        self.lines.append(line)

    def extend(self, other: DropLog) -> None:
        for name in ("ids", "samples", "reasons", "files", "lines"):
            getattr(self, name).extend(getattr(other, name))

    def sort(self) -> None:
        """In the order of the lines of one file."""
        order = sorted(range(len(self.lines)), key=lambda i: self.lines[i])
        for name in ("ids", "samples", "reasons", "files"):
            values = getattr(self, name)
            setattr(self, name, [values[i] for i in order])
        self.lines = array("q", [self.lines[i] for i in order])

    def frozen(self) -> DroppedVariants:
        """Return the record that goes into the patient."""
        return DroppedVariants(
            tuple(self.ids), tuple(self.samples), tuple(self.reasons), tuple(self.files), tuple(self.lines)
        )

    def counts(self) -> dict[str, int]:
        """Count variants (or cells) by reason, most frequent first."""
        table: dict[str, int] = {}
        for reason in self.reasons:
            table[reason] = table.get(reason, 0) + 1
        return dict(sorted(table.items(), key=lambda item: (-item[1], item[0])))


@dataclass
class Calls:
    """Mutations of one file (or of several, merged) in some samples.

    Parameters
    ----------
    samples : list of str
        Names of the sheet, the columns of the arrays.
    ids, chroms, refs, alts, genes : lists of str, length n
    positions : int64 array (n,)
        0-based; -1 if unknown.
    lines : int64 array (n,)
        Line of the file.
    alt, depth : int32 arrays (n, S)
        Depth 0 if unobserved.
    rejected : dict
        Row to the reason why the file's own filters reject it; such a row is used only if another file accepts it.
    copy_number : dict or None
        Arrays (n, S) by the names of `CopyNumberAtLoci`, if the file holds copy number.
    purity : dict
        Purity by sample, if the file holds it.
    error_rate : float32 array (n, S) or None
    clusters : list of str or None
        Known cluster of every mutation.
    unused : list of str
        Samples of the file that were not asked for.
    nominal : list of str
        Samples whose reads only stand for cancer cell fractions, at purity 1 and two copies.
    unlisted : bool array (n, S) or None
        Cells of which no file of the sample has a record; None = none. What they mean is settled in `uncalled`.
    rescued : bool array (n, S) or None
        Cells whose record the sample's own file rejects; None = none.
    censored_below : int32 array (n, S) or None
        Cells in which fewer alternate reads than this were seen; 0 = cells that are not censored; None = none.
    normals : dict
        Name of a matched normal to its reads, an int32 array (n, 2): alternate reads, depth.
    """

    file: str
    samples: list[str]
    ids: list[str]
    chroms: list[str]
    positions: NDArray[np.int64]
    refs: list[str]
    alts: list[str]
    lines: NDArray[np.int64]
    alt: NDArray[np.int32]
    depth: NDArray[np.int32]
    genes: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    copy_number: dict[str, NDArray[np.float32]] | None = None
    purity: dict[str, float] = field(default_factory=dict)
    error_rate: NDArray[np.float32] | None = None
    clusters: list[str] | None = None
    unused: list[str] = field(default_factory=list)
    nominal: list[str] = field(default_factory=list)
    unlisted: NDArray[np.bool_] | None = None
    rescued: NDArray[np.bool_] | None = None
    censored_below: NDArray[np.int32] | None = None
    normals: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    dropped: DropLog = field(default_factory=DropLog)
    warnings: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ids)
        self.genes = self.genes or [""] * n
        self.contexts = self.contexts or [""] * n

    @property
    def n_mutations(self) -> int:
        return len(self.ids)

    def key(self, row: int, genome: str = "human") -> tuple[str, int, str, str] | str:
        """What makes two files' rows one mutation: place and alleles, or the id if the place is not known."""
        if self.positions[row] < 0 or (not self.alts[row] and self.ids[row].count(":") != 1):
            return self.ids[row]
        return contig_name(self.chroms[row], genome), int(self.positions[row]), self.refs[row], self.alts[row]

    def keep(self, rows: NDArray[np.bool_], reason: Callable[[int], str]) -> None:
        """Restrict to `rows` (mask); each row left out goes to `dropped` with `reason(row)`."""
        if rows.all():
            return
        for row in np.flatnonzero(~rows):
            self.dropped.add(self.ids[row], reason(int(row)), int(self.lines[row]), file=self.file)
        index = np.flatnonzero(rows)
        for name in ("ids", "chroms", "refs", "alts", "genes", "contexts"):
            values = getattr(self, name)
            setattr(self, name, [values[i] for i in index])
        if self.clusters is not None:
            self.clusters = [self.clusters[i] for i in index]
        for name in ("positions", "lines", "alt", "depth", "error_rate", *CELL_STATES):
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name)[index])
        if self.copy_number is not None:
            self.copy_number = {name: values[index] for name, values in self.copy_number.items()}
        self.normals = {name: reads[index] for name, reads in self.normals.items()}
        self.rejected = {}

    def part_normals(self, names: Sequence[str]) -> None:
        """Turn the samples of these names into matched normals."""
        columns = [k for k, name in enumerate(self.samples) if name not in names]
        if len(columns) == len(self.samples):
            return
        for k, name in enumerate(self.samples):
            if name in names:
                self.normals[name] = np.stack((self.alt[:, k], self.depth[:, k]), axis=1)
                self.purity.pop(name, None)
        self.samples = [self.samples[k] for k in columns]
        self.nominal = [name for name in self.nominal if name not in names]
        for field_name in ("alt", "depth", "error_rate", *CELL_STATES):
            values = getattr(self, field_name)
            if values is not None:
                setattr(self, field_name, values[:, columns])
        if self.copy_number is not None:
            self.copy_number = {name: values[:, columns] for name, values in self.copy_number.items()}


def unify_contigs(calls: Calls, genome: str = "") -> None:
    """Spell a contig one way, the first met, if the file spells it two ways (``chr1`` and ``1``); in place."""
    spelled = tuple(dict.fromkeys(calls.chroms))
    genome = genome or genome_of_contigs(spelled) or "human"
    first: dict[str, str] = {}
    changed = {
        contig: known
        for contig in spelled
        if contig and (known := first.setdefault(contig_name(contig, genome), contig)) != contig
    }
    if not changed:
        return
    for row, contig in enumerate(calls.chroms):
        if contig in changed:
            calls.chroms[row] = changed[contig]
            if calls.ids[row].startswith(f"{contig}:"):
                calls.ids[row] = changed[contig] + calls.ids[row][len(contig) :]
    pairs = ", ".join(f"{contig} is {known}" for contig, known in list(changed.items())[:5])
    calls.warnings.append(f"{calls.file}: a contig is spelled in two ways and taken as one: {pairs}")


def merge_calls(parts: Sequence[Calls], samples: Sequence[str], *, genome: str = "human") -> Calls:
    """Put the files of one patient together.

    Parameters
    ----------
    parts : Calls of every file, in the order of the sheet
    samples : names of all samples, the columns of the result
    genome : species, for the names of contigs (`contig_name`)

    Returns
    -------
    Calls
        A mutation that none of a sample's files lists is `unlisted` there. A record that its own file rejects counts as
        reads if another file accepts the mutation (`rescued`), and is left out otherwise. A file of normals alone
        brings no mutations. Of a normal that several files hold the cell with more reads counts.
    """
    if len(parts) == 1 and parts[0].samples == list(samples):
        return _without_rejected(parts[0])
    column = {name: i for i, name in enumerate(samples)}
    of_normals = [part for part in parts if not part.samples]
    parts = [part for part in parts if part.samples]
    rows, first, places, accepted = _distinct_rows(parts, genome)
    n, n_samples = len(first), len(samples)
    merged = Calls(
        file=", ".join(dict.fromkeys(part.file for part in parts)),
        samples=list(samples),
        ids=_unique_ids([parts[p].ids[row] for p, row in first]),
        chroms=[parts[p].chroms[row] for p, row in first],
        positions=np.array([parts[p].positions[row] for p, row in first], dtype=np.int64),
        refs=[parts[p].refs[row] for p, row in first],
        alts=[parts[p].alts[row] for p, row in first],
        lines=np.array([parts[p].lines[row] for p, row in first], dtype=np.int64),
        alt=np.zeros((n, n_samples), dtype=np.int32),
        depth=np.zeros((n, n_samples), dtype=np.int32),
        genes=[parts[p].genes[row] for p, row in first],
        contexts=[parts[p].contexts[row] for p, row in first],
        unlisted=np.ones((n, n_samples), dtype=bool),
        rescued=np.zeros((n, n_samples), dtype=bool),
    )
    n_rescued = 0
    for part, place in zip(parts, places):
        _copy_into(merged, part, place, [column[name] for name in part.samples])
        for row, reason in part.rejected.items():
            if accepted[place[row]]:
                n_rescued += 1
            else:
                part.dropped.add(part.ids[row], reason, int(part.lines[row]), file=part.file)
        merged.dropped.extend(part.dropped)
        merged.warnings.extend(part.warnings)
        merged.purity.update(part.purity)
        merged.nominal.extend(part.nominal)
    for part in of_normals:
        known = np.array([rows.get(part.key(row, genome), -1) for row in range(part.n_mutations)], dtype=np.int64)
        _copy_normals(merged, part, known)
        merged.warnings.extend(part.warnings)
    if n_rescued:
        merged.warnings.append(rescue_note(n_rescued))
    mask = np.array(accepted, dtype=bool)
    if not mask.all():
        silent = DropLog()
        log, merged.dropped = merged.dropped, silent  # the rows were logged file by file above
        merged.keep(mask, lambda row: "")
        merged.dropped = log
    return merged


def _distinct_rows(
    parts: Sequence[Calls], genome: str
) -> tuple[dict[Any, int], list[tuple[int, int]], list[NDArray[np.int64]], list[bool]]:
    """Number the distinct mutations of several files.

    Returns
    -------
    rows : dict
        Key of a mutation to its number.
    first : list of (part, row)
        Where each is listed first.
    places : list of int64 arrays
        Of every part the numbers of its rows.
    accepted : list of bool
        Whether some part accepts the mutation.
    """
    rows: dict[Any, int] = {}
    first: list[tuple[int, int]] = []
    places: list[NDArray[np.int64]] = []
    accepted: list[bool] = []
    for p, part in enumerate(parts):
        place = np.empty(part.n_mutations, dtype=np.int64)
        for row in range(part.n_mutations):
            key = part.key(row, genome)
            at = rows.get(key)
            if at is None:
                at = rows[key] = len(first)
                first.append((p, row))
                accepted.append(False)
            place[row] = at
            if row not in part.rejected:
                accepted[at] = True
        places.append(place)
    return rows, first, places, accepted


def rescue_note(n: int) -> str:
    """Write the sentence on records that are reads although their own file rejects them."""
    records, were = ("1 record that fails", "was") if n == 1 else (f"{n} records that fail", "were")
    return f"{records} a filter in one sample {were} read there because the mutation is accepted in another"


def _without_rejected(calls: Calls) -> Calls:
    """Rows that no sample accepts left out, with their reasons."""
    if calls.rejected:
        reasons, keep = dict(calls.rejected), np.ones(calls.n_mutations, dtype=bool)
        keep[list(reasons)] = False
        calls.keep(keep, lambda row: reasons[row])
        calls.dropped.sort()
    return calls


def _copy_into(merged: Calls, part: Calls, place: NDArray[np.int64], columns: list[int]) -> None:
    cells = np.ix_(place, np.array(columns, dtype=np.int64))
    is_new = merged.depth[cells] == 0  # of two files of one sample the first that has reads counts
    assert merged.unlisted is not None and merged.rescued is not None
    merged.unlisted[cells] &= False if part.unlisted is None else part.unlisted
    is_rejected = np.zeros(part.n_mutations, dtype=bool)
    is_rejected[list(part.rejected)] = True
    own = is_rejected[:, None] if part.rescued is None else is_rejected[:, None] | part.rescued
    merged.rescued[cells] = np.where(is_new, own, merged.rescued[cells])
    merged.alt[cells] = np.where(is_new, part.alt, merged.alt[cells])
    merged.depth[cells] = np.where(is_new, part.depth, merged.depth[cells])
    shape = merged.depth.shape
    if part.censored_below is not None:
        if merged.censored_below is None:
            merged.censored_below = np.zeros(shape, dtype=np.int32)
        merged.censored_below[cells] = part.censored_below
    if part.error_rate is not None:
        if merged.error_rate is None:
            merged.error_rate = np.full(shape, np.nan, dtype=np.float32)
        merged.error_rate[cells] = part.error_rate
    if part.copy_number is not None:
        if merged.copy_number is None:
            merged.copy_number = {name: np.full(shape, np.nan, dtype=np.float32) for name in COPY_NUMBER_FIELDS}
            merged.copy_number["fraction"][:] = 1
        for name, values in part.copy_number.items():
            merged.copy_number[name][cells] = values
    _copy_normals(merged, part, place)
    if part.clusters is not None:
        if merged.clusters is None:
            merged.clusters = [""] * merged.n_mutations
        for row, at in enumerate(place):
            known = merged.clusters[at]
            if known and part.clusters[row] and known != part.clusters[row]:
                raise InputError(
                    f"{part.ids[row]} is in cluster {part.clusters[row]} here and in {known} elsewhere", file=part.file
                )
            merged.clusters[at] = part.clusters[row] or known
    for row, at in enumerate(place):
        if part.genes[row] and not merged.genes[at]:
            merged.genes[at] = part.genes[row]


def _copy_normals(merged: Calls, part: Calls, place: NDArray[np.int64]) -> None:
    """Put the normals' reads of every row of `part` at its `place` (-1: none), unless more reads stand there."""
    for name, reads in part.normals.items():
        known = merged.normals.setdefault(name, np.zeros((merged.n_mutations, 2), dtype=np.int32))
        is_more = (place >= 0) & (reads[:, 1] > known[place, 1])
        known[place[is_more]] = reads[is_more]


def _unique_ids(ids: list[str]) -> list[str]:
    """Ids of different mutations that happen to be equal get a suffix."""
    if len(set(ids)) == len(ids):
        return ids
    seen: dict[str, int] = {}
    unique = []
    for name in ids:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return unique


def nominal_calls(calls: Calls, fractions: NDArray[np.float64], depths: NDArray[Any], *, is_presence: bool) -> None:
    """Turn cancer cell fractions into reads with the same mode: depth as given, purity 1, two copies.

    Parameters
    ----------
    calls : Calls
        Changed in place.
    fractions : float array (n, S)
        In [0, 1]; NaN if the cell has reads of its own or is unobserved.
    depths : int array (n, S)
        Reads that stand for a fraction.
    is_presence : bool
        Whether the fractions are 0 and 1 only, for the warning.
    """
    known = np.isfinite(fractions)
    calls.depth = np.where(known, depths, calls.depth).astype(np.int32)
    calls.alt = np.where(known, np.round(np.nan_to_num(fractions) / 2 * depths), calls.alt).astype(np.int32)
    is_nominal = np.asarray(known.any(axis=0))
    calls.nominal = [sample for sample, nominal in zip(calls.samples, is_nominal) if nominal]
    calls.copy_number = {name: np.full(calls.depth.shape, np.nan, dtype=np.float32) for name in COPY_NUMBER_FIELDS}
    calls.copy_number["fraction"][:] = 1
    for name, copies in (("major", 1), ("minor", 1), ("total", 2)):
        calls.copy_number[name][:, is_nominal] = copies
    calls.purity.update(dict.fromkeys(calls.nominal, 1.0))
    what = "0 and 1 (absent, present)" if is_presence else "cancer cell fractions"
    typical = int(np.median(depths[known]))
    calls.warnings.append(
        f"{calls.file}: holds {what}, no reads: each stands for about {typical} reads at purity 1 and two copies, so "
        "intervals and probabilities depend on that number"
    )
