"""Which mutations of a patient are used: the others are dropped with a reason, and odd counts are reported."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.config import CcfSettings, ReadSettings
from phylometa.errors import InputError
from phylometa.io.calls import Calls
from phylometa.io.loci_copy_number import lies_on
from phylometa.model.patient import MutationTable, Sample
from phylometa.reference.contigs import contig_fault, contig_name, is_chromosome

__all__ = ["UsedMutations", "mutation_table"]

# Alternate reads outnumber reference reads in so many cells: the columns may be swapped.
SWAPPED_VAF = 0.7
UNOBSERVED = "unobserved in every sample"


def _has_evidence(calls: Calls, by_error: float) -> NDArray[np.bool_]:
    """Whether some sample, or all together, show more alternate reads than sequencing errors make (n,).

    Errors are binomial, at the cell's own rate or at that of the default settings; the least tail probability of the
    samples, times their number, and that of all reads together are compared with `by_error`. A mutation that another,
    left-out sample brought in would else be a clone wherever a stray read lies.
    """
    from scipy.special import bdtrc

    alt, depth = calls.alt, calls.depth
    error = np.full(alt.shape, CcfSettings().error_rate)
    if calls.error_rate is not None:
        error = np.where(np.isfinite(calls.error_rate), calls.error_rate, error)
    pooled = (error * depth).sum(axis=1) / np.maximum(depth.sum(axis=1), 1)
    total = alt.sum(axis=1)
    together = np.where(total > 0, bdtrc(np.maximum(total - 1.0, 0.0), np.maximum(depth.sum(axis=1), 1), pooled), 1.0)
    shown = np.asarray(together < by_error)
    rest = np.flatnonzero(~shown)  # few: their samples one by one
    alt, depth, error = alt[rest], depth[rest], error[rest]
    alone = np.where(alt > 0, bdtrc(np.maximum(alt - 1.0, 0.0), np.maximum(depth, 1), error), 1.0)
    shown[rest] = alone.min(axis=1, initial=1.0) * alt.shape[1] < by_error
    return shown


@dataclass(frozen=True)
class UsedMutations:
    """The rules by which mutations of one patient are used.

    Parameters
    ----------
    patient : str
    samples : sequence of Sample
    genome : str
    settings : ReadSettings
    warnings : list of str
        Gets what is doubtful.
    provenance : list of dict
        Gets the numbers of what was dropped.
    """

    patient: str
    samples: Sequence[Sample]
    genome: str
    settings: ReadSettings
    warnings: list[str]
    provenance: list[dict[str, Any]]

    def leave_out(self, calls: Calls, arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Drop mutations in place that say nothing, or have no copy number if that is asked for; keep the reason.

        Returns
        -------
        dict
            `arrays` of copy number at the mutations that are left.
        """
        observed = calls.depth > 0
        faults = self._contig_faults(calls)
        reasons = np.zeros(calls.n_mutations, dtype=np.int8)
        texts = [
            "",
            UNOBSERVED,
            "no alternate reads in any sample",
            "mitochondrial",
            "no copy number",
            "no cluster",
            "no chromosome",
            "no more alternate reads than sequencing errors make, in any sample",
        ]
        if faults:
            reasons[np.array([chrom in faults for chrom in calls.chroms], dtype=bool)] = 6
        reasons[(reasons == 0) & ~observed.any(axis=1)] = 1
        reasons[(reasons == 0) & (calls.alt.sum(axis=1) == 0)] = 2
        reasons[(reasons == 0) & lies_on(calls.chroms, "MT", self.genome)] = 3
        if self.settings.cn_missing == "drop":
            reasons[(reasons == 0) & (np.isnan(arrays["total"]) & observed).any(axis=1)] = 4
        if calls.clusters is not None:
            reasons[(reasons == 0) & np.array([not name for name in calls.clusters], dtype=bool)] = 5
        if self.settings.by_error < 1.0:
            reasons[(reasons == 0) & ~_has_evidence(calls, self.settings.by_error)] = 7
        keep = reasons == 0
        if not keep.all():
            arrays = {name: _take_rows(values, keep) for name, values in arrays.items()}
            contigs = list(calls.chroms)
            calls.keep(keep, lambda row: faults[contigs[row]] if reasons[row] == 6 else texts[reasons[row]])
        return arrays

    def _contig_faults(self, calls: Calls) -> dict[str, str]:
        """Find contigs that are no chromosome, with the reason; unknown names are reported."""
        contigs = dict.fromkeys(chrom for chrom in calls.chroms if chrom)
        faults = {contig: f"{fault} {contig}" for contig in contigs if (fault := contig_fault(contig))}
        unknown = [
            c for c in contigs if c not in faults and not is_chromosome(contig_name(c, self.genome), self.genome)
        ]
        if unknown and self.genome != "other":
            self.warnings.append(
                f"contigs that are no chromosomes of the {self.genome} genome: {', '.join(unknown[:5])}; mutations "
                "there are read as if on an autosome; say the species in the sheet's column genome"
            )
        return faults

    def check(self, calls: Calls, *, without_reads: Collection[str] = ()) -> None:
        """Raise if no mutation is left; warn of many unobserved cells and of counts that look swapped.

        `without_reads`: samples that name segments alone, of which no mutation is expected.
        """
        if not calls.n_mutations and len(without_reads) == len(self.samples):
            return
        if not calls.n_mutations:
            counts = calls.dropped.counts()
            reasons = ", ".join(f"{n} {reason}" for reason, n in list(counts.items())[:8])
            remedy = ""
            if any(reason.startswith("FILTER") for reason in counts):
                remedy = "; accepted_filters in [read] of the settings names the filters that calls may fail"
            elif UNOBSERVED in counts:
                remedy = "; it holds no reads: fill its columns of counts, or give the caller's VCF"
            raise InputError(
                f"patient {self.patient}: no variants left ({reasons or 'none read'}){remedy}", file=calls.file
            )
        is_unobserved = calls.depth == 0
        unobserved = is_unobserved.mean(axis=0)
        is_unknown = is_unobserved if calls.censored_below is None else is_unobserved & (calls.censored_below == 0)
        for sample, missing, share in zip(self.samples, unobserved, is_unknown.mean(axis=0)):
            if sample.name in without_reads:
                continue
            if missing == 1:
                self.warnings.append(
                    f"sample {sample.name}: no mutation is observed in it; nothing can be said about it"
                )
            elif share > self.settings.unobserved_warning:
                self.warnings.append(
                    f"sample {sample.name}: {100 * share:.0f} % of the mutations are unobserved (no reads reported); "
                    "give a multi-sample VCF, or count the reads at all sites with phylometa genotype"
                )
        self.provenance.append(
            {
                "reader": "summary",
                "mutations": calls.n_mutations,
                "dropped": calls.dropped.counts(),
                "unobserved_share": {
                    sample.name: round(float(share), 6) for sample, share in zip(self.samples, unobserved)
                },
            }
        )
        informative = calls.depth > 0
        if np.median(calls.alt[informative] / calls.depth[informative]) > SWAPPED_VAF:
            self.warnings.append(
                f"{calls.file}: alternate reads outnumber reference reads in most cells; are the two columns swapped?"
            )


def mutation_table(calls: Calls) -> MutationTable:
    """Make the frozen table of what was read."""
    normals = _distinct_normals(calls)
    reads = np.stack(list(normals.values()), axis=1) if normals else np.zeros((calls.n_mutations, 0, 2), np.int32)
    return MutationTable(
        ids=tuple(calls.ids),
        sample_names=tuple(calls.samples),
        alt_counts=calls.alt,
        depth=calls.depth,
        chroms=tuple(calls.chroms),
        positions=calls.positions,
        refs=tuple(calls.refs),
        alts=tuple(calls.alts),
        genes=tuple(calls.genes),
        contexts=tuple(calls.contexts),
        error_rate=calls.error_rate,
        censored=None if calls.censored_below is None else calls.censored_below > 0,  # type: ignore[arg-type]
        call_threshold=None if calls.censored_below is None else calls.censored_below.max(axis=0),  # type: ignore[arg-type]
        normal_names=tuple(normals),
        normal_alt=reads[:, :, 0],
        normal_depth=reads[:, :, 1],
    )


def _distinct_normals(calls: Calls) -> dict[str, NDArray[np.int32]]:
    """Normals with reads; two names of one sample, which have the same reads wherever both have any, are one."""
    distinct: dict[str, NDArray[np.int32]] = {}
    for name, reads in calls.normals.items():
        if not reads.any():
            continue
        for known, other in distinct.items():
            both = (reads[:, 1] > 0) & (other[:, 1] > 0)
            if both.any() and (reads[both] == other[both]).all():
                distinct[known] = np.where((other[:, 1] > 0)[:, None], other, reads)
                break
        else:
            distinct[name] = reads
    return distinct


def _take_rows(values: NDArray[np.float32], keep: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Rows of an array; a view of one number stays one."""
    if values.strides == (0, 0) and values.size:
        return np.broadcast_to(values[0, 0], (int(keep.sum()), values.shape[1]))
    return values[keep]
