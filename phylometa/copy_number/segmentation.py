"""Minimum consistent segmentation: one set of segments for all samples, and the integer sequences made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from phylometa.errors import InfeasibleError
from phylometa.model.arrays import FloatArray, IntArray, freeze_array
from phylometa.model.patient import CopyNumberProfile

__all__ = [
    "AlleleSequences",
    "CopyNumberMatrix",
    "allele_sequences",
    "amplicon_copies",
    "amplicon_levels",
    "consistent_segmentation",
    "is_autosome",
]


def is_autosome(chrom: str) -> bool:
    """Return True for chromosomes 1 to 22, with or without ``chr``, and for names that are no human chromosome."""
    name = chrom.lower().removeprefix("chromosome").removeprefix("chr").removeprefix("om")
    return name not in ("x", "y", "m", "mt", "23", "24", "25")


@dataclass(frozen=True, eq=False)
class CopyNumberMatrix:
    """Integer copy numbers of all samples on common segments.

    Parameters
    ----------
    sample_names : sequence of str, length S
    chroms : sequence of str, length N
    start, end : int64 arrays (N,)
        0-based, half-open.
    copies : int64 array (S, A, N)
        A = 2 alleles, or 1 if only totals are known.
    clonal_share : float64 array (S, N)
        Share of tumour cells in the state that is shown: 1 for a clonal segment.
    is_phased : bool
        The first allele is the same parental chromosome in all samples.
    excluded : tuple of str
        Samples without copy number.
    missing_bp : int
        Length left out because some sample has no call there.
    warnings : tuple of str
    """

    sample_names: tuple[str, ...]
    chroms: tuple[str, ...]
    start: IntArray
    end: IntArray
    copies: IntArray
    clonal_share: FloatArray
    is_phased: bool = False
    excluded: tuple[str, ...] = ()
    missing_bp: int = 0
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.chroms)
        freeze_array(self, "start", np.int64, (n,))
        freeze_array(self, "end", np.int64, (n,))
        freeze_array(self, "copies", np.int64, (len(self.sample_names), None, n))
        freeze_array(self, "clonal_share", np.float64, (len(self.sample_names), n))

    @property
    def length(self) -> IntArray:
        """Length of every segment (bp)."""
        return self.end - self.start

    def take(self, segments: IntArray) -> CopyNumberMatrix:
        """Restricted to some segments (indices)."""
        return replace(
            self,
            chroms=tuple(self.chroms[k] for k in segments),
            start=self.start[segments],
            end=self.end[segments],
            copies=self.copies[:, :, segments],
            clonal_share=self.clonal_share[:, segments],
        )


def consistent_segmentation(
    profile: CopyNumberProfile,
    means: FloatArray | None = None,
    *,
    min_segment_length: int = 0,
    min_coverage: float = 0.5,
) -> CopyNumberMatrix:
    """Cut the genome into common segments of all samples, as few as tell every change in any sample.

    Parameters
    ----------
    profile : CopyNumberProfile
    means : float64 array (n, 2), optional
        Mean copies of the profile's segments: neighbours that differ in them are not joined.
    min_segment_length : int
        Common segments shorter than this (bp) are left out.
    min_coverage : float
        A sample that covers less than this share of what any sample covers is excluded, and named.

    Returns
    -------
    CopyNumberMatrix
        Subclonal segments show the state of most cells; fractional copies are rounded. Segments that some sample lacks
        are left out and their length is stated.

    Raises
    ------
    InfeasibleError
        If no sample has copy number, or no segment is common to all.
    """
    names = profile.sample_names
    kept = _covered_samples(profile, min_coverage)
    excluded = tuple(name for s, name in enumerate(names) if s not in kept)
    warnings: list[str] = []
    if excluded:
        warnings.append(
            f"copy-number tree without {', '.join(excluded)}: too little of the genome has copy number there"
        )
    use_alleles, more = _choose_alleles(profile)
    warnings += more
    common, missing = _common_segments(profile, kept, use_alleles, means)
    long_enough = [segment for segment in common if segment.end - segment.start >= min_segment_length]
    if not long_enough:
        raise InfeasibleError("no copy-number segment is common to all samples")
    if missing:
        total = missing + sum(segment.end - segment.start for segment in common)
        if missing > 0.05 * total:
            warnings.append(f"{missing / total:.0%} of the genome lacks copy number in some sample and is left out")
    subclonal = float((np.array([segment.share for segment in common]) < 1).mean())
    if subclonal > 0:
        warnings.append(f"{subclonal:.0%} of segments are subclonal in a sample: the state of most cells is compared")
    return CopyNumberMatrix(
        sample_names=tuple(names[s] for s in kept),
        chroms=tuple(segment.chrom for segment in long_enough),
        start=np.array([segment.start for segment in long_enough]),
        end=np.array([segment.end for segment in long_enough]),
        copies=np.array([segment.copies for segment in long_enough]).transpose(1, 2, 0),
        clonal_share=np.array([segment.share for segment in long_enough]).T,
        is_phased=profile.is_phased,
        excluded=excluded,
        missing_bp=missing,
        warnings=tuple(warnings),
    )


def _covered_samples(profile: CopyNumberProfile, min_coverage: float) -> list[int]:
    """Find the samples that cover at least this share of what any sample covers."""
    span = np.zeros(len(profile.sample_names))
    np.add.at(span, profile.sample, profile.end - profile.start)
    if not span.any():
        raise InfeasibleError("no copy-number segments: a copy-number tree needs them")
    return [s for s in range(len(span)) if span[s] >= min_coverage * span.max()]


def _choose_alleles(profile: CopyNumberProfile) -> tuple[bool, list[str]]:
    """Decide whether alleles are compared, or totals; with warnings of what is not seen then."""
    has_alleles = np.isfinite(profile.major) & np.isfinite(profile.minor)
    if has_alleles.all():
        if profile.is_phased:
            return True, []
        return True, [
            "alleles are not phased across samples: major and minor are compared as such, mirrored events are not seen"
        ]
    warnings = []
    if has_alleles.any():
        warnings.append("some segments have only a total copy number: totals are used for all")
    warnings.append(
        "total copy number only: losses of one allele that a gain of the other hides are not seen, and a genome "
        "doubling counts as one copy more, so that it is told from gains less well"
    )
    return False, warnings


@dataclass(slots=True, eq=False)
class _Segment:
    """A common segment: its place, copies (S, A) of the samples that are compared, and what else tells it from its
    neighbours (S, 1 or 3): clonal share, means."""

    chrom: str
    start: int
    end: int
    copies: IntArray
    told: FloatArray

    @property
    def share(self) -> FloatArray:
        return np.asarray(self.told[:, 0])


def _common_segments(
    profile: CopyNumberProfile, kept: list[int], use_alleles: bool, means: FloatArray | None
) -> tuple[list[_Segment], int]:
    """Find the segments that all samples `kept` have, and the length (bp) that some of them have and others lack.

    Neighbours of the same copies, shares and means are one segment.
    """
    states = _states(profile, use_alleles)
    share = np.where(np.isfinite(profile.major2), np.maximum(profile.fraction, 1 - profile.fraction), 1.0)
    told = share[:, None] if means is None else np.column_stack([share, np.nan_to_num(means)])
    by_chrom: dict[str, list[int]] = {}
    for i, chrom in enumerate(profile.chroms):
        by_chrom.setdefault(chrom, []).append(i)
    found: list[_Segment] = []
    missing = 0
    for chrom, rows in by_chrom.items():
        index = np.array([i for i in rows if profile.sample[i] in kept], dtype=np.int64)
        if not len(index):
            continue
        cuts = np.unique(np.concatenate([profile.start[index], profile.end[index]]))
        owner = np.full((len(kept), len(cuts) - 1), -1, dtype=np.int64)
        for i in index:
            first, last = np.searchsorted(cuts, [profile.start[i], profile.end[i]])
            owner[kept.index(int(profile.sample[i])), first:last] = i
        is_common = (owner >= 0).all(axis=0)
        is_any = (owner >= 0).any(axis=0)
        missing += int(np.diff(cuts)[is_any & ~is_common].sum())
        previous: _Segment | None = None
        for k in np.flatnonzero(is_common):
            copies, own = states[owner[:, k]], told[owner[:, k]]
            touches = previous is not None and previous.end == cuts[k]
            if previous and touches and (copies == previous.copies).all() and (own == previous.told).all():
                previous.end = int(cuts[k + 1])
            else:
                previous = _Segment(chrom, int(cuts[k]), int(cuts[k + 1]), copies, own)
                found.append(previous)
    return found, missing


def _states(profile: CopyNumberProfile, use_alleles: bool) -> IntArray:
    """Copies of the state that most cells are in, (segments, alleles), rounded half up."""
    is_second = np.isfinite(profile.major2) & (profile.fraction < 0.5)
    if use_alleles:
        pair = np.stack(
            [np.where(is_second, profile.major2, profile.major), np.where(is_second, profile.minor2, profile.minor)], 1
        )
    else:
        second = profile.major2 + profile.minor2
        pair = np.where(is_second, second, profile.total)[:, None]
    return np.floor(np.maximum(pair, 0) + 0.5).astype(np.int64)


def amplicon_levels(copies: IntArray, limit: int) -> IntArray:
    """Keep copies up to `limit`; beyond, one level for every doubling begun: limit + ceil(log2(copies / limit)).

    Amplicons grow by multiples (extrachromosomal circles that part unequally, breakage-fusion-bridge cycles), so that
    120 copies are no 119 gains.

    Examples
    --------
    >>> amplicon_levels(np.array([0, 1, 8, 9, 16, 17, 120]), 8).tolist()
    [0, 1, 8, 9, 9, 10, 12]
    """
    beyond = np.ceil(np.log2(np.maximum(copies, limit) / limit) - 1e-9).astype(np.int64)
    return np.minimum(copies, limit) + beyond


def amplicon_copies(levels: IntArray, limit: int) -> IntArray:
    """Convert levels of `amplicon_levels` to copies: the most that a level stands for."""
    return np.where(levels > limit, limit * 2 ** np.maximum(levels - limit, 0), levels)


@dataclass(frozen=True, eq=False)
class AlleleSequences:
    """Sequences of copy numbers, one per allele of a chromosome, equal neighbouring columns merged.

    Parameters
    ----------
    values : int64 array (S + 1, M)
        The last row is the diploid.
    starts : int64 array (Q + 1,)
        First column of each of the Q sequences, M at the end.
    allele : int64 array (Q,)
    chrom : int64 array (Q,)
        Index into `chrom_names`.
    chrom_names : tuple of str
    first, last : int64 arrays (M,)
        First and last common segment of each column.
    """

    values: IntArray
    starts: IntArray
    allele: IntArray
    chrom: IntArray
    chrom_names: tuple[str, ...]
    first: IntArray
    last: IntArray


def allele_sequences(matrix: CopyNumberMatrix, *, normal: Sequence[int] | None = None) -> AlleleSequences:
    """Make the sequences of the matrix, with the diploid as the last row.

    Parameters
    ----------
    matrix : CopyNumberMatrix
    normal : sequence of int, optional
        Copies of the diploid per column; default 1 per allele, or 2 for totals.
    """
    n_samples, n_alleles, n_segments = matrix.copies.shape
    diploid = np.full((1, n_alleles, n_segments), 2 if n_alleles == 1 else 1, dtype=np.int64)
    if normal is not None:
        diploid[0] = np.asarray(normal)
    copies = np.concatenate([matrix.copies, diploid])
    names = tuple(dict.fromkeys(matrix.chroms))
    chrom_of = np.array([names.index(chrom) for chrom in matrix.chroms])
    columns: list[IntArray] = []
    starts, alleles, chroms = [0], [], []
    first: list[int] = []
    last: list[int] = []
    for c in range(len(names)):
        segments = np.flatnonzero(chrom_of == c)
        for allele in range(n_alleles):
            for k, segment in enumerate(segments):
                column = copies[:, allele, segment]
                if k and (column == columns[-1]).all():
                    last[-1] = int(segment)
                else:
                    columns.append(column)
                    first.append(int(segment))
                    last.append(int(segment))
            starts.append(len(columns))
            alleles.append(allele)
            chroms.append(c)
    return AlleleSequences(
        values=np.array(columns, dtype=np.int64).T.copy(),
        starts=np.array(starts),
        allele=np.array(alleles),
        chrom=np.array(chroms),
        chrom_names=names,
        first=np.array(first),
        last=np.array(last),
    )
