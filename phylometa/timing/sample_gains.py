"""Gains and genome doubling of a patient's samples in molecular time, before or after dissemination."""

from __future__ import annotations

import math

import numpy as np

from phylometa.comparison.clonality import clusters_clonal_in
from phylometa.config import ComparisonSettings
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clusters import Clustering
from phylometa.model.patient import Patient
from phylometa.model.timing import DivergenceRow, GainRow
from phylometa.timing.gains import GainTime, MultiplicityReads, estimate_gain_time, pooled_gain_time

__all__ = ["is_genome_doubled", "time_sample_gains"]

# Fewest clonal mutations on a gained segment that are dated.
MIN_MUTATIONS = 10
# Largest number of copies of an allele that is dated (more leave too few mutations for each multiplicity).
MAX_MAJOR = 4


def is_genome_doubled(major: FloatArray) -> bool:
    """Return whether more than half of the loci have two or more copies of the major allele (rule `wgd_major`)."""
    known = np.asarray(major, dtype=np.float64)
    known = known[np.isfinite(known)]
    return bool(len(known) and (known >= 1.5).mean() > 0.5)


def _probability_before(time: GainTime, row: DivergenceRow | None, *, rng: np.random.Generator) -> float:
    """P(the gain precedes the divergence node), the node at S / (S + L_m) of the metastasis' clonal time."""
    if row is None or not math.isfinite(row.L_m) or row.S + row.L_m <= 0 or not time.quantiles:
        return math.nan
    node = rng.beta(row.S + 0.5, row.L_m + 0.5, size=400)
    return float(np.mean(np.array(time.quantiles)[:, None] < node[None, :]))


def time_sample_gains(
    patient: Patient,
    clusters: Clustering,
    divergence: tuple[DivergenceRow, ...],
    *,
    settings: ComparisonSettings,
    rng: np.random.Generator,
) -> tuple[GainRow, ...]:
    """Estimate the time of every clonal gain with enough mutations, in every sample; and of a genome doubling.

    Only mutations of clusters that are clonal in the sample count, on segments whose integer copy number is clonal.
    Loci of one chromosome in one state are one gain. If the genome doubled, all segments with two copies of the
    major allele are pooled, and single gains are not listed for them.

    Parameters
    ----------
    patient : Patient
    clusters : Clustering
    divergence : tuple of DivergenceRow
        For P(before divergence) of a metastasis' gains.
    settings : ComparisonSettings
    rng : numpy.random.Generator

    Returns
    -------
    tuple of GainRow, by sample and chromosome
    """
    mutations, copy_number = patient.mutations, patient.copy_number
    by_site = {row.metastasis: row for row in divergence}
    rows = []
    for s, sample in enumerate(patient.samples):
        if not math.isfinite(sample.purity) or sample.purity < settings.min_purity:
            continue
        major, minor = (np.asarray(getattr(copy_number, name)[:, s], dtype=np.float64) for name in ("major", "minor"))
        is_clonal = clusters_clonal_in(clusters, [s], settings=settings)[clusters.labels]
        whole = np.isfinite(major) & np.isfinite(minor) & (np.abs(major - np.round(major)) < 0.05)
        whole &= (np.abs(minor - np.round(minor)) < 0.05) & (np.asarray(copy_number.fraction)[:, s] > 0.99)
        usable = is_clonal & whole & mutations.is_informative[:, s] & (major >= 1.5) & (major < MAX_MAJOR + 0.5)
        doubled = is_genome_doubled(major)

        def reads(rows_of_state: BoolArray, state: tuple[int, int], s: int = s) -> MultiplicityReads:
            return MultiplicityReads(
                mutations.alt_counts[rows_of_state, s].astype(np.float64),
                mutations.depth[rows_of_state, s].astype(np.float64),
                patient.samples[s].purity,
                *state,
                normal=float(np.asarray(copy_number.normal)[rows_of_state, s].mean()),
            )

        found: list[tuple[str, str, str, GainTime]] = []
        if doubled:
            states = [(m, usable & (np.round(major) == 2) & (np.round(minor) == m)) for m in (0, 1, 2)]
            groups = [reads(rows_of_state, (2, m)) for m, rows_of_state in states if rows_of_state.any()]
            if sum(len(group.alt) for group in groups) >= MIN_MUTATIONS:
                found.append(("genome_doubling", "", "2+x", pooled_gain_time(groups)))
        for chrom in dict.fromkeys(mutations.chroms):
            here = usable & np.array([c == chrom for c in mutations.chroms], dtype=bool)
            for state in sorted({(int(a), int(b)) for a, b in zip(np.round(major[here]), np.round(minor[here]))}):
                rows_of_state = here & (np.round(major) == state[0]) & (np.round(minor) == state[1])
                if rows_of_state.sum() < MIN_MUTATIONS or (doubled and state[0] == 2):
                    continue
                time = estimate_gain_time(reads(rows_of_state, state), rng=rng)
                found.append(("gain", chrom, f"{state[0]}+{state[1]}", time))
        for kind, chrom, state_name, time in found:
            if time.n_mutations < MIN_MUTATIONS:
                continue
            row = by_site.get(sample.site)
            rows.append(
                GainRow(
                    sample=sample.name,
                    site=sample.site,
                    kind=kind,
                    chrom=chrom,
                    state=state_name,
                    n_mutations=time.n_mutations,
                    estimate=time.estimate,
                    median=time.median,
                    lo=time.lo,
                    hi=time.hi,
                    p_before_divergence=_probability_before(time, row, rng=rng),
                )
            )
    return tuple(rows)
