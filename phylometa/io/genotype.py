"""Reads at sites called elsewhere: every mutation of a patient looked up in the alignments of every sample.

A cell that no caller reported is no evidence of absence. The alignments tell whether the site was covered, and with how
many reads of either allele.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.config import ReadSettings
from phylometa.errors import InputError, Problem
from phylometa.io.reference import open_fasta
from phylometa.io.sheet import read_sheet
from phylometa.io.tables import read_patient
from phylometa.model.patient import MutationTable, Patient
from phylometa.reference.contigs import contig_lookup
from phylometa.reference.structural import is_structural

__all__ = ["count_alleles", "genotype_patient"]

# Unmapped, secondary, failed, duplicate, supplementary: no reads of their own.
SKIPPED_FLAGS = 0x4 | 0x100 | 0x200 | 0x400 | 0x800
# CIGAR operations (SAM specification 1.4, section 1.4.6).
MATCH = frozenset((0, 7, 8))
INSERTION, DELETION, SKIP, SOFT_CLIP = 1, 2, 3, 4


@dataclass(frozen=True)
class _Event:
    """A mutation as a read shows it: bases from `start`, or an insertion or deletion after the base at `start`."""

    start: int
    ref: str
    alt: str
    inserted: str = ""
    n_deleted: int = 0

    @property
    def end(self) -> int:
        """First position the read need not reach."""
        return self.start + (len(self.ref) if not (self.inserted or self.n_deleted) else 2 + self.n_deleted)


def _event(position: int, ref: str, alt: str) -> _Event | None:
    """The event of an allele pair in VCF's or MAF's notation; None if it is neither substitution nor pure indel."""
    if is_structural(alt):
        return None
    if ref == "-":
        return _Event(position, "", "", inserted=alt)
    if alt == "-":
        return _Event(position - 1, "", "", n_deleted=len(ref)) if position > 0 else None
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1] and len(ref) != len(alt):
        ref, alt = ref[:-1], alt[:-1]
    shared = 0
    while shared < min(len(ref), len(alt)) - 1 and ref[shared] == alt[shared] and len(ref) != len(alt):
        shared += 1
    position, ref, alt = position + shared, ref[shared:], alt[shared:]
    if len(ref) == len(alt) > 0:
        return _Event(position, ref, alt)
    if len(ref) == 1 and alt[:1] == ref:
        return _Event(position, "", "", inserted=alt[1:])
    if len(alt) == 1 and ref[:1] == alt:
        return _Event(position, "", "", n_deleted=len(ref) - 1)
    return None


def _allele_of(read: Any, event: _Event) -> tuple[str, int] | None:
    """('ref' | 'alt' | 'other', base quality) of a read; None if it does not cover the event."""
    start, end = event.start, event.start + max(len(event.ref), 1)
    bases: list[str] = []
    quality = 255
    reference, query = read.reference_start, 0
    sequence, qualities = read.query_sequence, read.query_qualities
    inserted, n_deleted = "", 0
    for operation, length in read.cigartuples:
        if operation in MATCH:
            first, last = max(start, reference), min(end, reference + length)
            for position in range(first, last):
                at = query + position - reference
                bases.append(sequence[at])
                quality = min(quality, qualities[at] if qualities is not None else 255)
            reference += length
            query += length
        elif operation == INSERTION:
            if reference == start + 1:
                inserted = sequence[query : query + length]
            query += length
        elif operation in (DELETION, SKIP):
            if reference == start + 1 and operation == DELETION:
                n_deleted = length
            reference += length
        elif operation == SOFT_CLIP:
            query += length
    if len(bases) < end - start or (reference < event.end and not event.ref):
        return None
    if event.ref:
        found = "".join(bases)
        return ("ref" if found == event.ref else "alt" if found == event.alt else "other"), quality
    if (inserted, n_deleted) == (event.inserted, event.n_deleted):
        return "alt", quality
    return ("other" if inserted or n_deleted else "ref"), quality


def count_alleles(
    alignments: Any, contig: str, event: _Event, *, min_base_quality: int, min_mapping_quality: int
) -> tuple[int, int]:
    """Count (alternate reads, depth) at a site, each fragment once.

    Parameters
    ----------
    alignments : pysam.AlignmentFile
        Indexed.
    contig : str
    event : _Event
    min_base_quality, min_mapping_quality : int
        Phred; reads below do not count.

    Returns
    -------
    alt, depth : int
        Depth counts fragments that show the reference or the alternate allele. Of two overlapping mates that disagree
        the one of the better base quality counts, none if they are equal.
    """
    fragments: dict[str, tuple[str, int]] = {}
    for read in alignments.fetch(contig, max(event.start, 0), event.start + 1):
        if read.flag & SKIPPED_FLAGS or read.mapping_quality < min_mapping_quality:
            continue
        if not read.cigartuples or read.query_sequence is None:
            continue
        shown = _allele_of(read, event)
        if shown is None or shown[1] < min_base_quality:
            continue
        mate = fragments.get(read.query_name)
        if mate is None or shown[1] > mate[1] or shown[0] == mate[0]:
            fragments[read.query_name] = shown if mate is None else (shown[0], max(shown[1], mate[1]))
        elif shown[1] == mate[1]:
            fragments[read.query_name] = ("other", shown[1])
    alleles = [allele for allele, _ in fragments.values()]
    alt = alleles.count("alt")
    return alt, alt + alleles.count("ref")


def genotype_patient(
    sheet_path: str | Path,
    *,
    fasta: str | Path,
    settings: ReadSettings | None = None,
    patient: str | None = None,
    **inputs: Any,
) -> Patient:
    """Return the patient with the cells that no caller reported filled from the alignments.

    Parameters
    ----------
    sheet_path : path of the sample sheet, with a column ``bam`` (BAM or CRAM, indexed)
    fasta : path
        Reference genome of the alignments, indexed.
    settings : ReadSettings
        `min_base_quality`, `min_mapping_quality`.
    patient : str, optional
        Which patient of the sheet; may be left out if there is one.
    **inputs
        As in `phylometa.io.tables.read_patient`.

    Returns
    -------
    Patient
        Cells with reads of a caller stay as they are; unobserved cells hold the reads of the alignments, and stay
        unobserved if no read covers them. The provenance records how well caller and alignments agree.

    Raises
    ------
    InputError
        No row has a ``bam``; an alignment file or its index cannot be read; contigs never match.
    """
    settings = settings or ReadSettings()
    every = replace(settings, by_error=1.0)  # the alignments may show what the calls do not
    read = read_patient(sheet_path, settings=every, patient=patient, **inputs)
    sheet = read_sheet(sheet_path)
    rows = {row.sample.name: row for row in sheet.rows_of(read.name)}
    if not any("bam" in row.files for row in rows.values()):
        raise InputError(f"patient {read.name}: no row names an alignment file", file=sheet.display, column="bam")
    mutations = read.mutations
    events = [_event(int(p), ref, alt) for p, ref, alt in zip(mutations.positions, mutations.refs, mutations.alts)]
    alt, depth = mutations.alt_counts.copy(), mutations.depth.copy()
    warnings = [sentence for sentence in read.warnings if "phylometa genotype" not in sentence]
    warnings.extend(_check_reference(Path(fasta), mutations))
    provenance = list(read.provenance)
    problems: list[Problem] = []
    for k, sample in enumerate(mutations.sample_names):
        cell = rows[sample].files.get("bam")
        if cell is None:
            warnings.append(f"sample {sample}: no alignment file in the column bam; its unobserved cells stay so")
            continue
        try:
            found = _count_sample(sheet.resolve(cell), cell, Path(fasta), mutations.chroms, events, settings)
        except InputError as error:
            problems.extend(error.problems)
            continue
        unobserved = ~mutations.is_informative[:, k]
        provenance.append(_agreement(cell, sample, mutations, k, found))
        alt[unobserved, k], depth[unobserved, k] = found[unobserved, 0], found[unobserved, 1]
    if problems:
        raise InputError(problems)
    n_unreadable = sum(event is None for event in events)
    if n_unreadable:
        warnings.append(
            f"{n_unreadable} complex events cannot be looked up in alignments; their cells stay as they were"
        )
    filled = MutationTable(
        alt_counts=alt,
        depth=depth,
        censored=mutations.censored & (depth == 0),
        call_threshold=mutations.call_threshold,
        **{
            name: getattr(mutations, name)
            for name in (
                "ids",
                "sample_names",
                "normal_names",
                "normal_alt",
                "normal_depth",
                "chroms",
                "positions",
                "refs",
                "alts",
                "genes",
                "contexts",
                "error_rate",
            )
        },
    )
    return read.with_changes(mutations=filled, warnings=tuple(warnings), provenance=tuple(provenance))


def _count_sample(
    path: Path,
    display: str,
    fasta: Path,
    chroms: Sequence[str],
    events: Sequence[_Event | None],
    settings: ReadSettings,
) -> NDArray[np.int32]:
    """(alternate reads, depth) of every mutation in one alignment file, int32 (n, 2)."""
    import pysam

    counts = np.zeros((len(events), 2), dtype=np.int32)
    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(path), reference_filename=str(fasta)) as alignments:
            if not alignments.has_index():
                raise InputError("has no index; make one with samtools index", file=display)
            find_contig = contig_lookup(alignments.references)
            n_matched = 0
            for i in _in_order(chroms, events):
                contig = find_contig(chroms[i])
                event = events[i]
                if contig is None or event is None:
                    continue
                n_matched += 1
                counts[i] = count_alleles(
                    alignments,
                    contig,
                    event,
                    min_base_quality=settings.min_base_quality,
                    min_mapping_quality=settings.min_mapping_quality,
                )
            if not n_matched and events:
                names = ", ".join(alignments.references[:3])
                raise InputError(f"contig names never match those of the mutations: {names} ...", file=display)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as BAM or CRAM ({error})", file=display) from None
    finally:
        pysam.set_verbosity(verbosity)
    return counts


def _in_order(chroms: Sequence[str], events: Sequence[_Event | None]) -> Iterator[int]:
    """Mutations by place, so that the file is walked once."""
    yield from sorted(range(len(events)), key=lambda i: (chroms[i], events[i].start if events[i] else -1))  # type: ignore[union-attr]


def _agreement(display: str, sample: str, mutations: MutationTable, k: int, found: NDArray[np.int32]) -> dict[str, Any]:
    """How far the caller's allele frequencies are from those of the alignments, if there are both."""
    both = mutations.is_informative[:, k] & (found[:, 1] > 0)
    entry: dict[str, Any] = {"file": display, "reader": "genotype", "sample": sample, "cells_compared": int(both.sum())}
    if both.any():
        difference = np.abs(found[both, 0] / found[both, 1] - mutations.vaf[both, k])
        entry["median_vaf_difference"] = round(float(np.median(difference)), 6)
    entry["cells_filled"] = int((~mutations.is_informative[:, k] & (found[:, 1] > 0)).sum())
    return entry


def _check_reference(fasta: Path, mutations: MutationTable) -> list[str]:
    """A sentence if reference alleles are not the bases of the genome."""
    n_mismatched = 0
    with open_fasta(fasta) as genome:
        find_contig = contig_lookup(genome.references)
        for chrom, position, ref in zip(mutations.chroms, mutations.positions, mutations.refs):
            contig = find_contig(chrom)
            if contig is not None and position >= 0 and ref.isalpha():
                n_mismatched += genome.fetch(contig, int(position), int(position) + len(ref)).upper() != ref
    if not n_mismatched:
        return []
    return [f"{fasta}: the reference allele differs at {n_mismatched} mutations; is it the genome of the calls?"]
