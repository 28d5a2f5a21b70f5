"""Copy number at the mutations of a patient: from segments, from a table of counts, and in normal cells by sex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.config import ReadSettings
from phylometa.errors import InputError, Problem
from phylometa.io.calls import Calls
from phylometa.io.segments import copy_number_at_loci
from phylometa.io.sex_chromosomes import single_alleles
from phylometa.io.words import counted
from phylometa.model.patient import CopyNumberProfile, Sample
from phylometa.reference.contigs import contig_name
from phylometa.reference.structural import is_structural

__all__ = ["LociCopyNumber", "lies_on"]

# Loci with copy number from which a sample without any copy is no deletion of one region.
_LOCI_OF_A_GENOME = 10


@dataclass(frozen=True)
class LociCopyNumber:
    """How copy number at the loci of one patient is put together.

    Parameters
    ----------
    patient : str
    samples : sequence of Sample
    genome : str
    settings : ReadSettings
    source : str
        Names of the files of segments, for messages.
    warnings : list of str
        Gets what is doubtful.
    """

    patient: str
    samples: Sequence[Sample]
    genome: str
    settings: ReadSettings
    source: str
    warnings: list[str]

    def at(self, calls: Calls, profile: CopyNumberProfile | None) -> dict[str, NDArray[np.float32]]:
        """Give all arrays of `CopyNumberAtLoci`: segments if given, else the counts table, else unknown.

        Raises
        ------
        InputError
            Contigs of the segments are none of the mutations', or a sample has no copy of any locus.
        """
        shape = calls.depth.shape
        nothing = np.broadcast_to(np.float32(np.nan), shape)
        arrays = dict.fromkeys(("major", "minor", "total", "major2", "minor2"), nothing)
        arrays["fraction"] = np.broadcast_to(np.float32(1), shape)
        normal = self._normal_copies(calls)
        by_sex = normal  # if a table says itself how many copies normal cells have, its alleles are taken as they are
        if calls.copy_number is not None:
            arrays = {name: calls.copy_number[name] for name in arrays}
            known = calls.copy_number["normal"]
            by_sex = np.where(np.isnan(known), normal, 2)
            normal = np.where(np.isnan(known), normal, known)
        if profile is not None:
            self._check_contigs(calls, profile)
            at_loci = copy_number_at_loci(profile, calls.chroms, calls.positions, genome=self.genome)
            if calls.copy_number is None:
                arrays = at_loci
            else:
                nominal = {k for k, sample in enumerate(self.samples) if sample.name in calls.nominal}
                columns = sorted(set(profile.sample.tolist()) - nominal)
                arrays = {name: values.copy() for name, values in arrays.items()}
                for name, values in at_loci.items():
                    arrays[name][:, columns] = values[:, columns]
                by_sex = by_sex.copy()
                by_sex[:, columns] = normal[:, columns]
                self.warnings.append(
                    "copy number is read from cn_segments, not from the counts table, for samples that have both"
                )
        names = [sample.name for sample in self.samples]
        arrays, doubtful = single_alleles(arrays, by_sex, calls.chroms, names)
        self.warnings.extend(doubtful)
        self._say_copy_number(np.isfinite(arrays["total"]))
        if self.settings.cn_missing == "marginalise":
            arrays = _without_junctions(arrays, calls.alts)
        if self.settings.cn_missing == "diploid":
            arrays = _with_diploid(arrays, normal)
        found = {**arrays, "normal": normal}
        self._check_copies(found)
        return found

    def _check_contigs(self, calls: Calls, profile: CopyNumberProfile) -> None:
        if not calls.n_mutations:
            return
        mutated = {contig_name(chrom, self.genome) for chrom in set(calls.chroms) if chrom}
        segmented = {contig_name(chrom, self.genome) for chrom in set(profile.chroms)}
        if mutated and not mutated & segmented:
            raise InputError(
                f"contig names never match those of the mutations: segments {_some(profile.chroms)}, "
                f"mutations {_some(calls.chroms)}",
                file=self.source,
            )
        if not mutated:
            self.warnings.append(
                "the counts table gives no places (chrom, pos), so the segments cannot be used for its mutations"
            )

    def _say_copy_number(self, known: NDArray[np.bool_]) -> None:
        if known.all() or not known.size:
            return
        action = {
            "marginalise": "all plausible copy numbers are weighed",
            "diploid": "two copies are assumed",
            "drop": "such mutations are left out",
        }[self.settings.cn_missing]
        if not known.any():
            self.warnings.append(f"no copy number for any mutation: {action}")
            return
        missing = (~known).sum(axis=0)
        listed = ", ".join(f"{sample.name} at {n}" for sample, n in zip(self.samples, missing) if n)
        self.warnings.append(f"no copy number in {listed} of {counted(len(known), 'mutation')}: {action}")

    def _normal_copies(self, calls: Calls) -> NDArray[np.float32]:
        """Copies in normal cells (n, S): 2; by sex on X and Y."""
        shape = calls.depth.shape
        on_x, on_y = lies_on(calls.chroms, "X", self.genome), lies_on(calls.chroms, "Y", self.genome)
        if not on_x.any() and not on_y.any():
            return np.broadcast_to(np.float32(2), shape)
        sex = next((sample.sex for sample in self.samples if sample.sex), None)
        if sex is None:
            self.warnings.append(
                f"sex is not known, but {counted(int(on_x.sum()), 'mutation')} on X and {int(on_y.sum())} on Y are "
                "there: "
                + (
                    "taken as male, one copy of each (mutations on Y)"
                    if on_y.any()
                    else "taken as female, two copies of X"
                )
                + "; say it in the sheet's column sex"
            )
            sex = "male" if on_y.any() else "female"
        normal = np.full(shape, 2, dtype=np.float32)
        normal[on_x] = 1 if sex == "male" else 2
        normal[on_y] = 1 if sex == "male" else 0
        return normal

    def _check_copies(self, copy_number: Mapping[str, Any]) -> None:
        """A sample without a copy of any locus is an error: its tumour cells would have no genome."""
        total = np.asarray(copy_number.get("total", np.add(copy_number["major"], copy_number["minor"])))
        known = np.isfinite(total)
        empty = (known.sum(axis=0) >= _LOCI_OF_A_GENOME) & (np.where(known, total, 0.0) < 0.5).all(axis=0)
        problems = [
            Problem(
                f"patient {self.patient}: sample {sample.name} has total copy number 0 at all its "
                f"{int(known[:, s].sum())} loci, so that its tumour cells would have no genome; give copies of each "
                "allele in a tumour cell (1 and 1 where nothing changed), not log ratios, or leave them empty"
            )
            for s, sample in enumerate(self.samples)
            if empty[s]
        ]
        if problems:
            raise InputError(problems)


def lies_on(chroms: Sequence[str], contig: str, genome: str) -> NDArray[np.bool_]:
    """Find the mutations on a contig, whatever its spelling (a mask)."""
    spellings = {chrom for chrom in set(chroms) if contig_name(chrom, genome) == contig}
    if not spellings:
        return np.zeros(len(chroms), dtype=bool)
    return np.array([chrom in spellings for chrom in chroms], dtype=bool)


def _without_junctions(arrays: dict[str, NDArray[np.float32]], alts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """No copy number at structural variants: it changes where they lie; the copies of a junction are not known."""
    structural = {alt for alt in set(alts) if is_structural(alt)}
    if not structural:
        return arrays
    rows = [row for row, alt in enumerate(alts) if alt in structural]
    found = {name: np.array(values) for name, values in arrays.items()}
    for name in ("major", "minor", "total", "major2", "minor2"):
        found[name][rows] = np.nan
    found["fraction"][rows] = 1
    return found


def _with_diploid(
    arrays: dict[str, NDArray[np.float32]], normal: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """One copy of each allele (the normal copies on sex chromosomes) if nothing is known."""
    unknown = np.isnan(arrays["total"])
    copies = np.maximum(normal, 1)
    minor = np.where(copies >= 2, np.float32(1), np.float32(0))
    filled = {name: values.copy() for name, values in arrays.items()}
    filled["minor"][unknown] = minor[unknown]
    filled["major"][unknown] = (copies - minor)[unknown]
    filled["total"][unknown] = copies[unknown]
    return filled


def _some(names: Sequence[str]) -> str:
    few = list(dict.fromkeys(name for name in names if name))[:3]
    return ", ".join(few) + " ..."
