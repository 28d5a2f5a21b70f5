"""What was measured in one patient: samples, sites, reads of mutations, copy number, treatments."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from phylometa.errors import InputError
from phylometa.model.arrays import BoolArray, FloatArray, IntArray, freeze_array
from phylometa.model.cell_copy_number import CellCopyNumber
from phylometa.model.cells import CellMatrix, PlacedCell
from phylometa.model.frames import frame_of_rows
from phylometa.model.short_repr import short_repr
from phylometa.reference.copy_number_alleles import is_copy_number_event
from phylometa.reference.sample_kinds import CIRCULATING, PRESENCE_ONLY, SampleKind

__all__ = [
    "CopyNumberAtLoci",
    "CopyNumberProfile",
    "DroppedVariants",
    "Lesion",
    "MutationTable",
    "Patient",
    "SEGMENT_NUMBERS",
    "SITE_CLASSES",
    "Sample",
    "Site",
    "SiteClass",
    "Treatment",
]

SiteClass = Literal["primary", "lymph_node", "distant", "bed", "normal"]


_UNSEEN = (math.nan, math.nan)
SITE_CLASSES: tuple[SiteClass, ...] = ("primary", "lymph_node", "distant", "bed", "normal")


# Columns of a `CopyNumberProfile` beside sample and chromosome.
SEGMENT_NUMBERS = (
    *("start", "end", "major", "minor", "total", "fraction", "major2", "minor2"),
    *("mean_major", "mean_minor", "log_ratio", "baf"),
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Site:
    """An anatomical site. All regions of one lesion are one site.

    Parameters
    ----------
    name : str
        As in the sample sheet's column ``site``.
    site_class : {"primary", "lymph_node", "distant", "bed", "normal"}
        ``bed``: surgical bed or local recurrence.
    is_virtual : bool
        True for a primary that was not sampled.
    colour : str
        ``#rrggbb`` in figures, if the user chose one.
    """

    name: str
    site_class: SiteClass
    is_virtual: bool = False
    colour: str = ""

    def __post_init__(self) -> None:
        if self.site_class not in SITE_CLASSES:
            raise ValueError(f"Site.site_class: {self.site_class!r} is none of {', '.join(SITE_CLASSES)}")

    @property
    def is_metastasis(self) -> bool:
        """Lymph-node and distant sites are metastases; the primary, its bed and normal tissue are not."""
        return self.site_class in ("lymph_node", "distant")


@dataclass(frozen=True, slots=True)
class Sample:
    """One tumour sample (a region of a site at one time).

    Parameters
    ----------
    name : str
    site : str
        Name of the anatomical site; of a sample that was grown, the site it was grown from; '' if it circulates.
    purity : float
        Share of tumour cells in (0, 1]; NaN until estimated.
    purity_is_estimated : bool
        True if the purity came from the reads, not from the user.
    purity_sd : float
        Standard deviation of the purity: as the user states it, or, once checked or estimated, by the reads too; 0 if
        not known.
    purity_is_checked : bool
        True if a given purity was compared with the reads, so that its standard deviation includes what they say.
    ploidy : float
        Mean copies per tumour cell; NaN if unknown.
    sex : {"female", "male", None}
    age : float
        Age of the patient at sampling (years); NaN if unknown.
    collection_date, diagnosis_date : datetime.date or None
    assay : {"wgs", "wes", "panel", None}
    cancer_type, treatment : str
    diameter_cm : float
        Size of the lesion (cm); NaN if unknown.
    kind : {"tissue", "ctdna", "ctc", "ascites", "pdx", "organoid", "cell"}
        What was sampled (`phylometa.reference.sample_kinds`).
    """

    name: str
    site: str
    purity: float = float("nan")
    purity_is_estimated: bool = False
    purity_sd: float = 0.0
    ploidy: float = float("nan")
    sex: Literal["female", "male"] | None = None
    age: float = float("nan")
    collection_date: datetime.date | None = None
    diagnosis_date: datetime.date | None = None
    assay: Literal["wgs", "wes", "panel"] | None = None
    cancer_type: str = ""
    treatment: str = ""
    diameter_cm: float = float("nan")
    purity_is_checked: bool = False
    kind: SampleKind = "tissue"

    @property
    def circulates(self) -> bool:
        """Whether it is a mixture from all sites, which names no place."""
        return self.kind in CIRCULATING

    @property
    def is_partial(self) -> bool:
        """Whether it shows clones of its site in other proportions than the site has them."""
        return self.kind in PRESENCE_ONLY


@dataclass(frozen=True, eq=False)
class MutationTable:
    """Reads at somatic mutations: one row per mutation, one column per sample.

    A cell has four states: observed with alternate reads, observed without, censored, unobserved. Censored: the
    caller lists only what it calls in the sample and does not list the mutation, so fewer than `call_threshold`
    alternate reads were seen at about `usual_depth` reads. Unobserved: nothing is known. The counts of a cell that is
    not observed are 0 and mean nothing.

    Parameters
    ----------
    ids : sequence of str, length n
        Unique; from a VCF ``chrom:pos:ref:alt`` with the 1-based position and the contig as written there.
    sample_names : sequence of str, length S
    alt_counts, depth : int32 arrays (n, S)
        Reads with the alternate allele, and reads with reference or alternate allele.
    observed : bool array (n, S), optional
        Default: depth > 0.
    chroms : sequence of str, length n
        Empty string if unknown.
    positions : int64 array (n,)
        0-based; -1 if unknown.
    refs, alts, genes, contexts : sequences of str, length n
        Alleles; gene symbol; trinucleotide context (reference strand, mutated base in the middle). Empty = unknown.
    error_rate : float32 array (n, S), optional
        Sequencing error of a cell; NaN = the setting's default.
    censored : bool array (n, S), optional
        Cells that the sample's list of calls leaves out: not observed, or with the reads that stand for them
        (`phylometa.reads.censored`). Default: none.
    call_threshold : int32 array (S,), optional
        Least alternate reads among the calls of a sample's list; 0 = not known, 1 or more if a cell is censored.
        Default: 0.
    usual_depth : int32 array (S,), optional
        Median depth of a sample's observed cells; 0 = none. Default: computed.
    normal_names : sequence of str, length N
        Matched normal samples, which are no columns of the other arrays. Default: none.
    normal_alt, normal_depth : int32 arrays (n, N)
        Their reads; depth 0 = not observed.
    """

    ids: tuple[str, ...]
    sample_names: tuple[str, ...]
    alt_counts: NDArray[np.int32]
    depth: NDArray[np.int32]
    observed: BoolArray = None  # type: ignore[assignment]
    chroms: tuple[str, ...] = ()
    positions: IntArray = None  # type: ignore[assignment]
    refs: tuple[str, ...] = ()
    alts: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    error_rate: NDArray[np.float32] | None = None
    censored: BoolArray = None  # type: ignore[assignment]
    call_threshold: NDArray[np.int32] = None  # type: ignore[assignment]
    usual_depth: NDArray[np.int32] = None  # type: ignore[assignment]
    normal_names: tuple[str, ...] = ()
    normal_alt: NDArray[np.int32] = None  # type: ignore[assignment]
    normal_depth: NDArray[np.int32] = None  # type: ignore[assignment]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "ids", tuple(self.ids))
        set_field(self, "sample_names", tuple(self.sample_names))
        n, n_samples = len(self.ids), len(self.sample_names)
        if len(set(self.ids)) != n:
            raise ValueError("MutationTable.ids: not unique")
        if len(set(self.sample_names)) != n_samples:
            raise ValueError("MutationTable.sample_names: not unique")
        freeze_array(self, "alt_counts", np.int32, (n, n_samples))
        freeze_array(self, "depth", np.int32, (n, n_samples))
        if self.observed is None:
            set_field(self, "observed", self.depth > 0)
        freeze_array(self, "observed", np.bool_, (n, n_samples))
        if self.positions is None:
            set_field(self, "positions", np.full(n, -1))
        freeze_array(self, "positions", np.int64, (n,))
        for name in ("chroms", "refs", "alts", "genes", "contexts"):
            values = tuple(getattr(self, name)) or ("",) * n
            if len(values) != n:
                raise ValueError(f"MutationTable.{name}: {len(values)} values for {n} mutations")
            set_field(self, name, values)
        if self.error_rate is not None:
            freeze_array(self, "error_rate", np.float32, (n, n_samples))
        if (self.alt_counts < 0).any() or (self.alt_counts > self.depth).any():
            raise ValueError("MutationTable: alt_counts must lie between 0 and depth")
        self._check_censoring(n, n_samples)
        set_field(self, "normal_names", tuple(self.normal_names))
        for name in ("normal_alt", "normal_depth"):
            if getattr(self, name) is None or not self.normal_names:
                set_field(self, name, np.zeros((n, len(self.normal_names))))
            freeze_array(self, name, np.int32, (n, len(self.normal_names)))
        if (self.normal_alt < 0).any() or (self.normal_alt > self.normal_depth).any():
            raise ValueError("MutationTable: normal_alt must lie between 0 and normal_depth")

    def _check_censoring(self, n: int, n_samples: int) -> None:
        set_field = object.__setattr__
        if self.censored is None:
            set_field(self, "censored", np.broadcast_to(np.False_, (n, n_samples)))  # one value, no memory
        freeze_array(self, "censored", np.bool_, (n, n_samples))
        if self.call_threshold is None:
            set_field(self, "call_threshold", np.zeros(n_samples))
        freeze_array(self, "call_threshold", np.int32, (n_samples,))
        if self.usual_depth is None:
            columns = (self.depth[self.is_informative[:, k], k] for k in range(n_samples))
            set_field(self, "usual_depth", [int(np.median(depths)) if len(depths) else 0 for depths in columns])
        freeze_array(self, "usual_depth", np.int32, (n_samples,))
        if (self.censored & self.is_informative & (self.alt_counts > 0)).any():
            raise ValueError("MutationTable.censored: cells that show the mutation")
        if (self.censored.any(axis=0) & (self.call_threshold < 1)).any():
            raise ValueError("MutationTable.call_threshold: below 1 in a sample with censored cells")

    @property
    def n_mutations(self) -> int:
        return len(self.ids)

    @property
    def n_samples(self) -> int:
        return len(self.sample_names)

    @cached_property
    def vaf(self) -> FloatArray:
        """Variant allele frequency (n, S); NaN if nothing was observed."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.is_informative, self.alt_counts / np.maximum(self.depth, 1), np.nan)

    @property
    def is_informative(self) -> BoolArray:
        """Cells (n, S) that carry evidence: observed and at least one read."""
        return np.asarray(self.observed) & (self.depth > 0)

    @cached_property
    def is_event(self) -> BoolArray:
        """Rows (n,) that are copy-number events: their reads only stand for shares of cells that segments tell."""
        return np.array([is_copy_number_event(alt) for alt in self.alts], dtype=bool)

    def take(self, rows: Sequence[int] | NDArray[Any], *, ids: Sequence[str] | None = None) -> MutationTable:
        """Return the table restricted to `rows` (indices or mask), in that order.

        With new `ids`, one per row, a row may be taken several times.
        """
        rows = np.asarray(rows)
        index = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        picked: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in index)
            for name in ("ids", "chroms", "refs", "alts", "genes", "contexts")
        }
        if ids is not None:
            picked["ids"] = tuple(ids)
        arrays = {
            name: getattr(self, name)[index]
            for name in ("alt_counts", "depth", "observed", "positions", "censored", "normal_alt", "normal_depth")
        }
        error_rate = None if self.error_rate is None else self.error_rate[index]
        return MutationTable(
            sample_names=self.sample_names,
            error_rate=error_rate,
            call_threshold=self.call_threshold,
            usual_depth=self.usual_depth,
            normal_names=self.normal_names,
            **picked,
            **arrays,
        )

    def take_samples(self, columns: NDArray[np.integer]) -> MutationTable:
        """Return the table restricted to samples (indices), in that order."""
        arrays = {name: getattr(self, name)[:, columns] for name in ("alt_counts", "depth", "observed", "censored")}
        arrays |= {name: getattr(self, name)[columns] for name in ("call_threshold", "usual_depth")}
        error_rate = None if self.error_rate is None else self.error_rate[:, columns]
        names = tuple(self.sample_names[s] for s in columns)
        return replace(self, sample_names=names, error_rate=error_rate, **arrays)

    def to_frame(self, library: str | None = None) -> Any:
        """Tabulate the reads, one row per mutation and sample; NaN if it was not observed.

        Parameters
        ----------
        library : {"pandas", "polars", "dict"}, optional
            As in `phylometa.model.frames.frame_of_rows`.
        """
        rows = (
            (name, sample, *((int(self.alt_counts[i, s]), int(self.depth[i, s])) if self.observed[i, s] else _UNSEEN))
            for i, name in enumerate(self.ids)
            for s, sample in enumerate(self.sample_names)
        )
        return frame_of_rows(["mutation_id", "sample", "alt_counts", "depth"], rows, library)


@dataclass(frozen=True, eq=False)
class CopyNumberProfile:
    """Copy-number segments of all samples of a patient, one row per segment and sample.

    Parameters
    ----------
    sample_names : sequence of str, length S
        Samples a segment may refer to.
    sample : int64 array (n,)
        Index into `sample_names`.
    chroms : sequence of str, length n
    start, end : int64 arrays (n,)
        0-based, half-open.
    major, minor : float64 arrays (n,)
        Copies of the more and the less frequent allele in the first (or only) state; NaN if unknown. Integers from
        most callers, fractional from some (PURPLE).
    total : float64 array (n,)
        Total copies; major + minor if both are known; NaN if unknown.
    fraction : float64 array (n,)
        Share of tumour cells in the first state, in (0, 1]; 1 = clonal.
    major2, minor2 : float64 arrays (n,)
        The second state of a subclonal segment; NaN if clonal.
    mean_major, mean_minor : float64 arrays (n,)
        Mean copies over the tumour cells as a caller measured them, beside the whole copies that it called (ASCAT's raw
        ones); NaN if not stated.
    log_ratio : float64 array (n,)
        Log2 of the depth relative to a normal genome, as a caller scaled it; NaN if not stated.
    baf : float64 array (n,)
        Share of one allele's reads, of either of both; NaN if not stated.
    is_phased : bool
        True if the first allele is the same parental chromosome in all samples (alleles then are not sorted).
    """

    sample_names: tuple[str, ...]
    sample: IntArray
    chroms: tuple[str, ...]
    start: IntArray
    end: IntArray
    major: FloatArray
    minor: FloatArray
    total: FloatArray = None  # type: ignore[assignment]
    fraction: FloatArray = None  # type: ignore[assignment]
    major2: FloatArray = None  # type: ignore[assignment]
    minor2: FloatArray = None  # type: ignore[assignment]
    mean_major: FloatArray = None  # type: ignore[assignment]
    mean_minor: FloatArray = None  # type: ignore[assignment]
    log_ratio: FloatArray = None  # type: ignore[assignment]
    baf: FloatArray = None  # type: ignore[assignment]
    is_phased: bool = False

    __repr__ = short_repr

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "sample_names", tuple(self.sample_names))
        set_field(self, "chroms", tuple(self.chroms))
        n = len(self.chroms)
        for name in ("sample", "start", "end"):
            freeze_array(self, name, np.int64, (n,))
        for name in ("major", "minor"):
            freeze_array(self, name, np.float64, (n,))
        defaults = {
            "total": self.major + self.minor,
            "fraction": np.ones(n),
            "major2": np.full(n, np.nan),
            **{name: np.full(n, np.nan) for name in ("minor2", "mean_major", "mean_minor", "log_ratio", "baf")},
        }
        for name, default in defaults.items():
            if getattr(self, name) is None:
                set_field(self, name, default)
            freeze_array(self, name, np.float64, (n,))
        if (self.end <= self.start).any():
            raise ValueError("CopyNumberProfile: a segment ends before it starts")

    @property
    def n_segments(self) -> int:
        return len(self.chroms)

    def of_samples(self, names: Sequence[str]) -> CopyNumberProfile:
        """Return the segments of some samples."""
        place = {self.sample_names.index(name): i for i, name in enumerate(names) if name in self.sample_names}
        kept = self.take(np.flatnonzero([s in place for s in self.sample.tolist()]))
        sample = np.array([place[s] for s in kept.sample.tolist()], dtype=np.int64)
        return replace(kept, sample_names=tuple(names), sample=sample)

    def take(self, rows: IntArray) -> CopyNumberProfile:
        """Return some segments, of the same samples."""
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in ("sample", *SEGMENT_NUMBERS)}
        return replace(self, chroms=tuple(self.chroms[i] for i in rows), **arrays)

    def followed_by(self, other: CopyNumberProfile) -> CopyNumberProfile:
        """Return the segments of both, of the same samples; phased if both are, else alleles are major and minor."""
        if self.sample_names != other.sample_names:
            raise ValueError("CopyNumberProfile.followed_by: other samples")
        names = ("sample", *SEGMENT_NUMBERS)
        arrays: dict[str, Any] = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in names}
        joined = replace(self, chroms=(*self.chroms, *other.chroms), **arrays)
        return joined if self.is_phased and other.is_phased else joined.without_phase()

    def without_phase(self) -> CopyNumberProfile:
        """Return the same segments with their alleles sorted into major and minor; unknown ones stay as they are.

        Both states of a subclonal segment are in the order of the first, or of the second if the first has as many of
        both: an allele stays in its column, so that the mean copies of both states stay those of an allele.
        """
        first, second = self.major - self.minor, self.major2 - self.minor2
        is_mirrored = (first < 0) | ((first == 0) & (second < 0))
        arrays: dict[str, Any] = {}
        for one, other in (("major", "minor"), ("major2", "minor2"), ("mean_major", "mean_minor")):
            a, b = getattr(self, one), getattr(self, other)
            arrays |= {one: np.where(is_mirrored, b, a), other: np.where(is_mirrored, a, b)}
        return replace(self, is_phased=False, **arrays)


@dataclass(frozen=True, eq=False)
class CopyNumberAtLoci:
    """Copy number at every mutation in every sample, all arrays (n, S).

    Parameters
    ----------
    major, minor : float32
        Copies of each allele in tumour cells (first state); NaN if unknown.
    total : float32
        Total copies in tumour cells; NaN if unknown; known without major and minor for total-only callers.
    normal : float32
        Copies in normal cells (2; 1 on a male's X and Y).
    fraction : float32
        Share of tumour cells in the first state, 1 = clonal.
    major2, minor2 : float32
        Second state; NaN if clonal.
    """

    major: NDArray[np.float32]
    minor: NDArray[np.float32]
    normal: NDArray[np.float32]
    total: NDArray[np.float32] = None  # type: ignore[assignment]
    fraction: NDArray[np.float32] = None  # type: ignore[assignment]
    major2: NDArray[np.float32] = None  # type: ignore[assignment]
    minor2: NDArray[np.float32] = None  # type: ignore[assignment]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        shape = np.shape(self.major)
        if self.total is None:
            set_field(self, "total", np.asarray(self.major) + np.asarray(self.minor))
        if self.fraction is None:
            set_field(self, "fraction", np.ones(shape))
        for name in ("major2", "minor2"):
            if getattr(self, name) is None:
                set_field(self, name, np.full(shape, np.nan))
        for item in fields(self):
            freeze_array(self, item.name, np.float32, shape)

    @classmethod
    def diploid(cls, n_mutations: int, n_samples: int) -> CopyNumberAtLoci:
        """Give one copy of each allele everywhere."""
        one = np.ones((n_mutations, n_samples), dtype=np.float32)
        return cls(major=one, minor=one, normal=2 * one)

    @property
    def is_known(self) -> BoolArray:
        """Cells (n, S) with a known total."""
        return np.isfinite(np.asarray(self.total))

    def take(self, rows: NDArray[Any]) -> CopyNumberAtLoci:
        """Restricted to `rows` (indices or mask)."""
        return CopyNumberAtLoci(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def take_samples(self, columns: NDArray[np.integer]) -> CopyNumberAtLoci:
        """Restricted to samples (indices), in that order."""
        return CopyNumberAtLoci(**{item.name: getattr(self, item.name)[:, columns] for item in fields(self)})


@dataclass(frozen=True, slots=True)
class Treatment:
    """One treatment interval.

    Parameters
    ----------
    kind : str
        ``surgery``, ``radiotherapy``, ``systemic`` or the user's own word.
    site : str
        Site treated; empty for systemic treatment.
    start, end : datetime.date or None
    dose_gy : float
        Total dose (Gy); NaN if unknown.
    fractions : float
        Number of fractions; NaN if unknown.
    """

    kind: str
    site: str = ""
    start: datetime.date | None = None
    end: datetime.date | None = None
    dose_gy: float = float("nan")
    fractions: float = float("nan")


@dataclass(frozen=True, slots=True)
class Lesion:
    """A measured size of a lesion: `diameter_cm` (cm) of the lesion at `site` on `date`."""

    site: str
    date: datetime.date
    diameter_cm: float


@dataclass(frozen=True, eq=False)
class DroppedVariants:
    """Every variant left out, columnar: its id, the sample ('' = all), the rule, the file and the line."""

    ids: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len({len(getattr(self, item.name)) for item in fields(self)}) != 1:
            raise ValueError("DroppedVariants: columns differ in length")

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: DroppedVariants) -> DroppedVariants:
        return DroppedVariants(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


@dataclass(frozen=True, eq=False)
class Patient:
    """All that was measured in one patient.

    Parameters
    ----------
    name : str
    samples : sequence of Sample, length S
        In the order of the columns of `mutations`.
    sites : sequence of Site
        The primary first (virtual if no primary was sampled), then in the order of the sheet.
    mutations : MutationTable
    copy_number : CopyNumberAtLoci
        At the loci of `mutations`.
    segments : CopyNumberProfile or None
    dropped : DroppedVariants
    warnings : tuple of str
        Doubtful but legal things found while reading.
    treatments, lesions : tuples
    provenance : mapping
        Reader, dialect, rule and SHA-256 of each file (JSON-ready).
    has_known_clusters : bool
        True if `known_clusters` came with the counts.
    known_clusters : tuple of str or None
        Cluster name of each mutation, if the user brought a clustering.
    drivers : frozenset of str
        Driver genes.
    cell_matrices : tuple of (Sample, CellMatrix or CellCopyNumber)
        Single cells that are no samples yet (`phylometa.cells.bundles`).
    cells : tuple of PlacedCell
        What became of those that were.
    """

    name: str
    samples: tuple[Sample, ...]
    sites: tuple[Site, ...]
    mutations: MutationTable
    copy_number: CopyNumberAtLoci
    segments: CopyNumberProfile | None = None
    dropped: DroppedVariants = field(default_factory=DroppedVariants)
    warnings: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    lesions: tuple[Lesion, ...] = ()
    provenance: tuple[dict[str, Any], ...] = ()
    known_clusters: tuple[str, ...] | None = None
    drivers: frozenset[str] = frozenset()
    cell_matrices: tuple[tuple[Sample, CellMatrix | CellCopyNumber], ...] = ()
    cells: tuple[PlacedCell, ...] = ()

    __repr__ = short_repr

    def __post_init__(self) -> None:
        names = tuple(sample.name for sample in self.samples)
        if names != self.mutations.sample_names:
            raise ValueError("Patient.samples: not the columns of Patient.mutations")
        if self.copy_number.major.shape != self.mutations.depth.shape:
            raise ValueError("Patient.copy_number: shape differs from Patient.mutations")
        unknown = {sample.site for sample in self.samples if not sample.circulates}
        unknown -= {site.name for site in self.sites}
        if unknown:
            raise ValueError(f"Patient.sites: {', '.join(sorted(unknown))} not listed")

    @property
    def site_names(self) -> tuple[str, ...]:
        return tuple(site.name for site in self.sites)

    @property
    def sample_site(self) -> IntArray:
        """Index into `sites` of every sample (S,); -1 for a sample that circulates."""
        index = {name: i for i, name in enumerate(self.site_names)}
        found = (-1 if sample.circulates else index[sample.site] for sample in self.samples)
        return np.fromiter(found, dtype=np.int64, count=len(self.samples))

    @cached_property
    def in_place(self) -> Patient:
        """The patient with the samples that stand for their site: what is said about sites rests on these alone.

        Tissue; what was grown, and single cells, if their site has no tissue. The same object if that is every sample.
        """
        with_tissue = {sample.site for sample in self.samples if not sample.circulates and not sample.is_partial}
        chosen = [
            s
            for s, sample in enumerate(self.samples)
            if not sample.circulates and not (sample.is_partial and sample.site in with_tissue)
        ]
        if len(chosen) == len(self.samples):
            return self
        columns = np.array(chosen, dtype=np.int64)
        samples = tuple(self.samples[s] for s in chosen)
        return replace(
            self,
            samples=samples,
            mutations=self.mutations.take_samples(columns),
            copy_number=self.copy_number.take_samples(columns),
            segments=None if self.segments is None else self.segments.of_samples([sample.name for sample in samples]),
        )

    @cached_property
    def of_reads(self) -> Patient:
        """The patient without its copy-number events; the same object if it has none among its mutations."""
        is_event = self.mutations.is_event
        if not is_event.any():
            return self
        rows = np.flatnonzero(~is_event)
        known = self.known_clusters
        return replace(
            self,
            mutations=self.mutations.take(rows),
            copy_number=self.copy_number.take(rows),
            known_clusters=None if known is None else tuple(known[i] for i in rows.tolist()),
        )

    def with_more_mutations(self, table: MutationTable, copy_number: CopyNumberAtLoci | None = None) -> Patient:
        """Return the patient with further rows after its mutations.

        Parameters
        ----------
        table : MutationTable
            Of the same samples; reads of normals are not taken over.
        copy_number : CopyNumberAtLoci, optional
            Default: unknown, two copies in normal cells.
        """
        old, n = self.mutations, table.n_mutations
        if not n:
            return self
        names = ("ids", "chroms", "refs", "alts", "genes", "contexts")
        longer: dict[str, Any] = {name: (*getattr(old, name), *getattr(table, name)) for name in names}
        for name in ("alt_counts", "depth", "observed", "censored", "positions"):
            longer[name] = np.concatenate((getattr(old, name), getattr(table, name)))
        unread = np.zeros((n, len(old.normal_names)))  # what is added was looked for in no normal
        longer |= {name: np.concatenate((getattr(old, name), unread)) for name in ("normal_alt", "normal_depth")}
        rates = [t.error_rate if t.error_rate is not None else np.full(t.depth.shape, np.nan) for t in (old, table)]
        is_stated = old.error_rate is not None or table.error_rate is not None
        if copy_number is None:
            unknown = np.full((n, old.n_samples), np.nan)
            copy_number = CopyNumberAtLoci(major=unknown, minor=unknown, normal=np.full(unknown.shape, 2.0))
        copies = {
            item.name: np.concatenate((getattr(self.copy_number, item.name), getattr(copy_number, item.name)))
            for item in fields(CopyNumberAtLoci)
        }
        known = self.known_clusters
        return replace(
            self,
            mutations=replace(old, error_rate=np.concatenate(rates) if is_stated else None, **longer),
            copy_number=CopyNumberAtLoci(**copies),
            known_clusters=None if known is None else (*known, *[""] * n),
        )

    @property
    def samples_in_place(self) -> IntArray:
        """Indices of the samples of `in_place`."""
        names = {sample.name for sample in self.in_place.samples}
        return np.array([s for s, sample in enumerate(self.samples) if sample.name in names], dtype=np.int64)

    @property
    def purity(self) -> FloatArray:
        """Purity of every sample (S,); NaN if not yet estimated."""
        return np.array([sample.purity for sample in self.samples], dtype=np.float64)

    @property
    def primary(self) -> Site:
        """The primary site (the first of `sites`)."""
        primaries = [site for site in self.sites if site.site_class == "primary"]
        if not primaries:
            raise InputError(f"patient {self.name}: no primary among the sites")
        return primaries[0]

    def with_changes(self, **changes: Any) -> Patient:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)
