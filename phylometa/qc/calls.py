"""Checks of the calls: filters, mutations not counted everywhere, genome, and what each sample could show."""

from __future__ import annotations

import numpy as np

from phylometa.config import MIN_ALT_READS
from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding
from phylometa.reference.genome import CHROMOSOMES

__all__ = ["check_filters", "check_genome", "check_power", "check_uncalled"]

# Share of a sample's cells without reads above which it is worth a warning.
_UNCALLED = 0.2
# Power at which a CCF counts as visible, and the CCF that a sample should show at least.
_POWER, _VISIBLE_CCF = 0.8, 1.0
_LENGTHS = {chromosome.name.removeprefix("chr"): chromosome.length for chromosome in CHROMOSOMES}


def check_uncalled(patient: Patient) -> tuple[QualityFinding, ...]:
    """Find samples in which many mutations were not counted: lists of calls that were never genotyped.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
    """
    mutations = patient.mutations
    share = 1.0 - mutations.is_informative.mean(axis=0) if mutations.n_mutations else np.zeros(mutations.n_samples)
    censored = mutations.censored.mean(axis=0) if mutations.n_mutations else share
    findings = []
    for k in np.flatnonzero(share > _UNCALLED):
        sample = patient.samples[k]
        figure = f"{100.0 * share[k]:.0f} % of the mutations have no reads"
        if censored[k] > 0.0:
            figure += f" ({100.0 * censored[k]:.0f} % because a list holds only what was called)"
        findings.append(
            QualityFinding(
                "uncalled",
                figure,
                f"{100 * _UNCALLED:.0f} %",
                "warning",
                "count the reads of all samples at all sites: phylometa genotype, or force-calling in the caller",
                samples=(sample.name,),
                sites=(sample.site,),
            )
        )
    if findings:
        return tuple(findings)
    largest = 100.0 * float(share.max(initial=0.0))
    return (QualityFinding("uncalled", f"at most {largest:.0f} % without reads", f"{100 * _UNCALLED:.0f} %", "pass"),)


def check_filters(patient: Patient) -> tuple[QualityFinding, ...]:
    """Find VCFs whose caller filters in a step of its own that no record has been through.

    Parameters
    ----------
    patient : Patient
        Whose readers noted the step that is missing (`missing_filter` of a VCF in `provenance`).

    Returns
    -------
    tuple of QualityFinding
    """
    missing = {str(entry["file"]): entry["missing_filter"] for entry in patient.provenance if "missing_filter" in entry}
    if not missing:
        return (QualityFinding("filters", "no VCF", "", "untested"),)
    bare = [file for file, tool in missing.items() if tool]
    if not bare:
        return (QualityFinding("filters", "no VCF lacks the filter of its caller", "", "pass"),)
    return (
        QualityFinding(
            "filters",
            f"FILTER is '.' in every record of {', '.join(bare)}",
            "some records filtered",
            "warning",
            f"run {missing[bare[0]]} first: artefacts that it removes look like clones",
        ),
    )


def check_genome(patient: Patient) -> tuple[QualityFinding, ...]:
    """Compare places of mutations with the ends of chromosomes in GRCh38, and of the copy-number segments.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
        ``warning`` if mutations lie beyond the last segment of their chromosome though segments reach the end of that
        chromosome in one genome or the other, or if contigs are spelt in two ways.
    """
    mutations = patient.mutations
    names = [chrom.removeprefix("chr") for chrom in mutations.chroms]
    ends = np.array([_LENGTHS.get(name, 0) for name in names], dtype=np.int64)
    placed = (ends > 0) & (mutations.positions >= 0)
    if not placed.any():
        return (QualityFinding("genome", "no places of the mutations", "", "untested"),)
    remedy = "check that mutations, segments and FASTA are of one genome, and lift over what is not"
    last: dict[str, int] = {}
    if patient.segments is not None:
        for chrom, end in zip(patient.segments.chroms, patient.segments.end.tolist()):
            name = chrom.removeprefix("chr")
            last[name] = max(last.get(name, 0), end)
    # Segments that stop within 100 kb of a chromosome's end are taken to reach it.
    beyond_segments = sum(
        abs(last[name] - _LENGTHS[name]) < 100_000 and position >= last[name]
        for name, position, is_placed in zip(names, mutations.positions.tolist(), placed.tolist())
        if is_placed and name in last
    )
    if beyond_segments:
        figure = f"{beyond_segments} mutations lie beyond the last segment of their chromosome"
        return (QualityFinding("genome", figure, "none", "warning", remedy),)
    if len({chrom.startswith("chr") for chrom in mutations.chroms if chrom}) > 1:
        figure = "some contigs are written with chr and some without"
        return (QualityFinding("genome", figure, "one spelling", "warning", remedy),)
    beyond = int((placed & (mutations.positions >= ends)).sum())
    figure = "all mutations lie within the chromosomes of GRCh38"
    if beyond:
        figure = f"{beyond} mutations lie beyond the end of their chromosome in GRCh38: coordinates of another genome"
    return (QualityFinding("genome", figure, "", "pass"),)


def check_power(patient: Patient, purity: FloatArray) -> tuple[QualityFinding, ...]:
    """Say which CCF each sample could show with three reads at its median depth, on one of two copies.

    Parameters
    ----------
    patient : Patient
    purity : float64 array (S,)
        As the analysis will use it.

    Returns
    -------
    tuple of QualityFinding
        One of each sample.
    """
    mutations = patient.mutations
    findings = []
    for k, sample in enumerate(patient.samples):
        here = mutations.is_informative[:, k]
        if not here.any() or not np.isfinite(purity[k]):
            findings.append(QualityFinding("power", "no reads", "", "untested", samples=(sample.name,)))
            continue
        depth = float(np.median(mutations.depth[here, k]))
        ccf = 2.0 * _least_frequency(depth) / float(purity[k])
        seen = f"a CCF of {ccf:.2f} is seen" if ccf <= 1.0 else "not even a clonal mutation is seen"
        is_low = ccf > _VISIBLE_CCF
        findings.append(
            QualityFinding(
                "power",
                f"{seen} with {100 * _POWER:.0f} % at {depth:.0f} reads and purity {purity[k]:.2f}",
                f"{_VISIBLE_CCF:g}",
                "warning" if is_low else "pass",
                "sequence deeper or enrich the tumour; a clone that is not seen here may be there" if is_low else "",
                samples=(sample.name,),
                sites=(sample.site,),
            )
        )
    return tuple(findings)


def _least_frequency(depth: float) -> float:
    """Allele frequency at which `MIN_ALT_READS` reads are seen with power .8 (Poisson), by bisection."""
    low, high = 0.0, 60.0
    for _ in range(60):
        mean = (low + high) / 2.0
        terms = np.cumprod(np.concatenate(([1.0], mean / np.arange(1.0, MIN_ALT_READS))))
        low, high = (mean, high) if 1.0 - np.exp(-mean) * terms.sum() < _POWER else (low, mean)
    return float(low / depth)
