"""Which mutations make the clock, and whether calendar dates may be given at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phylometa.config import MIN_ALT_READS, TimingSettings
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import Patient
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.reference.genome import CALLABLE_MB
from phylometa.reference.tables import AccelerationPrior, acceleration_prior
from phylometa.timing.clock import is_cpg_transition, is_snv
from phylometa.timing.molecular import HistoryNodes
from phylometa.timing.tips import tail_like_clones

__all__ = ["ClockChoice", "calendar_clock", "mutation_burden", "patient_acceleration", "select_clock", "site_ages"]


@dataclass(frozen=True, eq=False)
class ClockChoice:
    """The clock: which mutations (n,), its name, warnings, and reasons against calendar dates.

    The name is ``cpg``, ``snv``, or ``cpg+other`` with those of a second clock in `is_second` (n,).
    """

    is_clock: BoolArray
    name: str
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    is_second: BoolArray | None = None


def mutation_burden(patient: Patient) -> FloatArray:
    """Count detected mutations per callable Mb of every sample (S,); NaN if the assay is not given."""
    mutations = patient.mutations
    detected = ((mutations.alt_counts >= MIN_ALT_READS) & mutations.is_informative).sum(axis=0)
    size = np.array([CALLABLE_MB.get(sample.assay or "", np.nan) for sample in patient.samples])
    return np.asarray(detected / size, dtype=np.float64)


def _treated_hypermutated(patient: Patient, limit: float) -> list[str]:
    """Samples taken after a systemic treatment or radiotherapy whose burden reaches `limit` per Mb."""
    starts = [t.start for t in patient.treatments if t.kind.lower() != "surgery" and t.start is not None]
    found = []
    for sample, burden in zip(patient.samples, mutation_burden(patient)):
        after = sample.collection_date is not None and any(sample.collection_date > start for start in starts)
        if (after or sample.treatment) and burden >= limit:
            found.append(sample.name)
    return found


def select_clock(patient: Patient, *, settings: TimingSettings) -> ClockChoice:
    """Select the clock-like mutations of a patient.

    C>T at CpG, with the other SNVs as a second clock, if contexts are known for at least 95 % of the SNVs; otherwise
    all SNVs with a warning. Mutations that a treatment brought leave the clock: if a treated sample has 10 or more
    mutations per Mb, only C>T at CpG is dated, and without contexts nothing is.
    """
    mutations = patient.mutations
    warnings, refusals = [], []
    snv = is_snv(mutations)
    known = np.array([len(context) == 3 for context in mutations.contexts], dtype=bool)
    has_context = bool(snv.any()) and float(known[snv].mean()) >= 0.95
    use_cpg = settings.clock == "cpg" or (settings.clock == "auto" and has_context)
    treated = _treated_hypermutated(patient, settings.max_recurrence_burden)
    if treated:
        text = f"{', '.join(treated)}: {settings.max_recurrence_burden:g} or more mutations per Mb after treatment"
        if has_context:
            use_cpg = True
            warnings.append(f"{text}; only C>T at CpG is dated")
        else:
            refusals.append(f"no calendar dates: {text}, and no trinucleotide contexts to set its mutations aside")
    elif (np.nan_to_num(mutation_burden(patient)) >= settings.max_recurrence_burden).any():
        warnings.append("hypermutated: the clock's rate may have changed when repair was lost")
    if use_cpg:
        if not has_context:
            warnings.append("the trinucleotide context of few mutations is known: CpG transitions are undercounted")
        cpg = snv & is_cpg_transition(mutations.refs, mutations.alts, mutations.contexts)
        other = snv & known & ~cpg
        if settings.clock == "auto" and not treated and other.any():
            return ClockChoice(cpg, "cpg+other", tuple(warnings), tuple(refusals), other)
        return ClockChoice(cpg, "cpg", tuple(warnings), tuple(refusals))
    if settings.clock == "auto":
        warnings.append(
            "without trinucleotide contexts (or a reference sequence) all SNVs make the clock, not only C>T at CpG: "
            "processes that vary in time bias it"
        )
    return ClockChoice(snv, "snv", tuple(warnings), tuple(refusals))


def site_ages(patient: Patient) -> FloatArray:
    """Compute the mean age at sampling of every site (n_sites,); NaN if unknown."""
    ages = np.array([sample.age for sample in patient.samples], dtype=np.float64)
    site_of = patient.sample_site
    found = np.full(len(patient.sites), np.nan)
    for t in range(len(patient.sites)):
        own = ages[site_of == t]
        if len(own) and np.isfinite(own).any():
            found[t] = float(np.nanmean(own))
    return found


def patient_acceleration(patient: Patient, settings: TimingSettings) -> AccelerationPrior:
    """Find the prior of the acceleration by the patient's cancer type, or that of the settings."""
    cancer_types = sorted({sample.cancer_type for sample in patient.samples if sample.cancer_type})
    return acceleration_prior(
        cancer_types[0] if settings.acceleration_by_type and cancer_types else "",
        median=settings.acceleration_median,
        sigma=settings.acceleration_sigma,
        directory=settings.tables,
    )


def calendar_clock(
    patient: Patient,
    trees: TreeEnsemble,
    histories: Sequence[HistoryNodes],
    choice: ClockChoice,
    settings: TimingSettings,
) -> tuple[AccelerationPrior, list[str], list[str]]:
    """Give the prior of the acceleration, reasons against calendar dates by the clock (empty: none), and warnings."""
    refusals, warnings = list(choice.refusals), []
    n_clock = int(choice.is_clock.sum())
    if not np.isfinite(site_ages(patient)).any():
        refusals.append("no calendar dates: the age at sampling is not given for any sample")
    if n_clock < settings.min_clock_mutations:
        refusals.append(f"no calendar dates: {n_clock} clock-like mutations, {settings.min_clock_mutations} are needed")
    assays = {sample.assay for sample in patient.samples}
    if assays & {"wes", "panel"}:
        if settings.exome_dates:
            warnings.append("calendar dates from an exome or panel: few clock mutations, selection and capture bias")
        else:
            refusals.append("no calendar dates: exome or panel (whole genomes only, unless exome_dates is set)")
    elif assays != {"wgs"}:
        warnings.append("the assay is not given: dates suppose whole genomes")
    best = histories[0]
    if trees.n_mutations[best.root] == 0:
        refusals.append("no calendar dates: the samples share no clonal mutation, so there is no trunk to date")
    elif not (best.presence.any(axis=1) & (np.arange(len(best.parents)) != best.root)).any():
        refusals.append("no calendar dates: no clone below the root, so nothing says how long its branches are")
    prior = patient_acceleration(patient, settings)
    if refusals:
        return prior, refusals, []
    tail = tail_like_clones(best, trees.proportions[best.tree], settings.tail_prevalence, settings.lineage_share)
    if tail.any():
        names = ", ".join(trees.names[k] for k in np.flatnonzero(tail))
        warnings.append(f"subclonal tail: clone {names} may be several lineages; the dates allow for both")
    return prior, [], warnings
