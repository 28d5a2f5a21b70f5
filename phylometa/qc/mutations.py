"""Checks of mutations: impossible VAFs, germline variants, damaged DNA, alleles exchanged."""

from __future__ import annotations

import numpy as np

from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding
from phylometa.qc.purity import clearly_above, largest_frequency
from phylometa.reads.multiplicity import germline_frequency

__all__ = ["check_alleles", "check_damage", "check_germline", "check_impossible_vaf"]

# Mutations, and their share, from which a finding is worth a warning.
_LEAST_ABOVE, _SHARE_ABOVE = 4, 0.03
# The same in any sample or over all together, and standard deviations that chance reaches in none of many cells.
_LEAST_FAR, _SHARE_FAR, _FAR_SDS = 2, 0.0025, 4.5
_LEAST_GERMLINE, _SHARE_GERMLINE = 1, 0.003
# Log-likelihood by which VAFs must fit a germline variant better than any somatic mutation, and may fall short of a
# free VAF in each sample.
_GERMLINE_GAIN, _GERMLINE_MISFIT = 8.0, 4.0
# Median VAF above which the two columns of reads may be exchanged.
_EXCHANGED_VAF = 0.7
# Damage: VAF below this share of the trunk's is low; low mutations needed; excess of the share of a substitution over
# that among the other mutations, and standard deviations of it.
_LOW_SHARE, _LEAST_LOW, _EXCESS, _EXCESS_SDS = 0.4, 15, 0.25, 4.0
_KINDS = {
    "FFPE (C>T/G>A)": {("C", "T"), ("G", "A")},
    "oxidation (G>T/C>A)": {("G", "T"), ("C", "A")},
}


def check_impossible_vaf(patient: Patient, purity: FloatArray, purity_sd: FloatArray) -> tuple[QualityFinding, ...]:
    """Count mutations above the largest VAF that purity and copy number allow, sample by sample.

    Parameters
    ----------
    patient : Patient
    purity, purity_sd : float64 arrays (S,)
        As the analysis will use them; two standard deviations are granted.

    Returns
    -------
    tuple of QualityFinding
        ``untested`` without copy number.
    """
    limit = largest_frequency(patient, np.clip(purity + 2.0 * purity_sd, 0.0, 1.0))
    findings = []
    tested = False
    largest = 0
    far = _above_together(patient, limit, _FAR_SDS)
    for k, sample in enumerate(patient.samples):
        usable = np.isfinite(limit[:, k]) & patient.mutations.is_informative[:, k]
        if not usable.any():
            continue
        tested = True
        above = clearly_above(patient, limit[:, k], k)
        far = far | clearly_above(patient, limit[:, k], k, _FAR_SDS)
        n_above = int(above.sum())
        largest = max(largest, n_above)
        if n_above < _LEAST_ABOVE or n_above < _SHARE_ABOVE * usable.sum():
            continue
        vaf = float(np.median(patient.mutations.vaf[above, k]))
        findings.append(
            QualityFinding(
                "impossible_vaf",
                f"{n_above} of {int(usable.sum())} mutations lie above the largest VAF that purity {purity[k]:.2f} and "
                f"copy number allow (median VAF {vaf:.2f}, largest possible {float(np.median(limit[above, k])):.2f})",
                f"{100 * _SHARE_ABOVE:.0f} %",
                "warning",
                _REMEDY_ABOVE,
                samples=(sample.name,),
                sites=(sample.site,),
            )
        )
    if findings:
        return tuple(findings)
    if not tested:
        return (QualityFinding("impossible_vaf", "no copy number", "", "untested"),)
    n = patient.mutations.n_mutations
    found, least, share = far, _LEAST_FAR, _SHARE_FAR
    if far.sum() < max(least, share * n):
        found, least, share = _above_together(patient, limit), _LEAST_ABOVE, _SHARE_ABOVE
    n_found = int(found.sum())
    if n_found >= max(least, share * n):
        some = ", ".join(np.array(patient.mutations.ids, dtype=object)[found][:3])
        return (
            QualityFinding(
                "impossible_vaf",
                f"in some sample or over all together {n_found} of {n} mutations ({some}{', ...' * (n_found > 3)}) lie "
                "above the largest VAF that purity and copy number allow",
                f"{least} mutations and {100 * share:g} %",
                "warning",
                _REMEDY_ABOVE,
            ),
        )
    return (
        QualityFinding(
            "impossible_vaf", f"at most {largest} mutations in a sample", f"{100 * _SHARE_ABOVE:.0f} %", "pass"
        ),
    )


_REMEDY_ABOVE = (
    "look for loss of heterozygosity and gains that the segments miss, a wrong ploidy, and germline variants"
)


def _above_together(patient: Patient, limit: FloatArray, sds: float = 3.0) -> BoolArray:
    """Mutations (n,) whose reads over all samples lie more than `sds` standard deviations above the limits (n, S)."""
    mutations = patient.mutations
    usable = np.isfinite(limit) & mutations.is_informative & (mutations.alt_counts > 0)
    depth, at_most = np.where(usable, mutations.depth, 0), np.where(usable, limit, 0.0)
    excess = (np.where(usable, mutations.alt_counts, 0) - depth * at_most).sum(axis=1)
    return np.asarray(excess > sds * np.sqrt(np.maximum((depth * at_most * (1.0 - at_most)).sum(axis=1), 1.0)))


def check_germline(patient: Patient, purity: FloatArray, purity_sd: FloatArray) -> tuple[QualityFinding, ...]:
    """Count mutations whose VAFs are those of germline variants, whatever the purity.

    A mutation counts if the VAF of a heterozygous variant (`phylometa.reads.multiplicity.germline_frequency`) fits its
    reads in all samples, and no somatic mutation can come near.

    Parameters
    ----------
    patient : Patient
    purity, purity_sd : float64 arrays (S,)

    Returns
    -------
    tuple of QualityFinding
        ``untested`` without copy number, or if no purity is low enough to tell the two apart.
    """
    mutations, copy_number = patient.mutations, patient.copy_number
    rho = np.clip(purity + purity_sd, 0.0, 1.0)
    limit = largest_frequency(patient, rho)
    total, major, minor = (
        np.asarray(values, dtype=np.float64) for values in (copy_number.total, copy_number.major, copy_number.minor)
    )
    autosomal = (np.asarray(copy_number.normal) == 2.0) & np.isfinite(total) & np.isfinite(major) & np.isfinite(minor)
    informative = mutations.is_informative & autosomal
    if not informative.any() or not (rho < 0.9).any():
        return (QualityFinding("germline", "no copy number, or purities too high", "", "untested"),)
    alt = np.where(informative, mutations.alt_counts, 0).astype(np.float64)
    ref = np.where(informative, mutations.depth - mutations.alt_counts, 0).astype(np.float64)

    def log_likelihood(p: FloatArray) -> FloatArray:
        p = np.clip(np.nan_to_num(p, nan=0.5), 1e-3, 1.0 - 1e-3)
        return np.asarray((alt * np.log(p) + ref * np.log1p(-p)).sum(axis=1))

    germline = np.maximum(
        log_likelihood(germline_frequency(major, total, np.array(2.0), purity)),
        log_likelihood(germline_frequency(minor, total, np.array(2.0), purity)),
    )
    free = alt / np.maximum(alt + ref, 1.0)
    somatic = log_likelihood(np.minimum(free, limit))
    found = informative.any(axis=1) & (germline > somatic + _GERMLINE_GAIN)
    found &= log_likelihood(free) - germline < _GERMLINE_MISFIT + 0.5 * informative.sum(axis=1)
    n, share = int(found.sum()), float(found.sum()) / max(mutations.n_mutations, 1)
    figure = f"{n} of {mutations.n_mutations} mutations with the VAF of a germline variant in all samples"
    if n < _LEAST_GERMLINE or share < _SHARE_GERMLINE:
        return (QualityFinding("germline", figure, f"{100 * _SHARE_GERMLINE:g} %", "pass"),)
    some = ", ".join(np.array(mutations.ids, dtype=object)[found][:3])
    return (
        QualityFinding(
            "germline",
            f"{figure} ({some}{', ...' * (n > 3)})",
            f"{100 * _SHARE_GERMLINE:g} %",
            "warning",
            "call against the matched normal, or filter by a panel of normals and population frequencies; they inflate "
            "the trunk and push dates early",
        ),
    )


def check_damage(patient: Patient) -> tuple[QualityFinding, ...]:
    """Compare the substitutions of low mutations with those of the others: formalin and oxidation leave one kind.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
        One of each sample with an excess; ``untested`` without alleles or low mutations.
    """
    mutations = patient.mutations
    pairs = [(ref.upper(), alt.upper()) for ref, alt in zip(mutations.refs, mutations.alts)]
    is_snv = np.array([len(ref) == 1 and len(alt) == 1 for ref, alt in pairs], dtype=bool)
    vaf = np.nan_to_num(mutations.vaf)
    present = mutations.is_informative & (mutations.alt_counts > 0)
    findings = []
    tested = False
    for k, sample in enumerate(patient.samples):
        here = present[:, k] & is_snv
        if not here.any():
            continue
        trunk = np.quantile(vaf[here, k], 0.75)
        low = here & (vaf[:, k] < _LOW_SHARE * trunk)
        others = is_snv & ~low & (vaf.max(axis=1) >= _LOW_SHARE * trunk)
        if low.sum() < _LEAST_LOW or others.sum() < _LEAST_LOW:
            continue
        tested = True
        for name, kind in _KINDS.items():
            is_kind = np.array([pair in kind for pair in pairs], dtype=bool)
            finding = _excess(is_kind, low, others, name)
            if finding:
                findings.append(
                    QualityFinding(
                        "damaged_dna",
                        finding,
                        f"an excess of {100 * _EXCESS:.0f} %",
                        "warning",
                        "filter by strand and orientation (FilterMutectCalls with LearnReadOrientationModel, or a tool "
                        "for FFPE), or leave out mutations of this kind with few reads",
                        samples=(sample.name,),
                        sites=(sample.site,),
                    )
                )
    if findings:
        return tuple(findings)
    if not tested:
        return (QualityFinding("damaged_dna", "no alleles, or too few low mutations", "", "untested"),)
    return (QualityFinding("damaged_dna", "low mutations have the substitutions of the others", "", "pass"),)


def _excess(is_kind: BoolArray, low: BoolArray, others: BoolArray, name: str) -> str:
    """What to say if a kind of substitution is in excess among low mutations; '' if it is not."""
    among_low, among_others = float(is_kind[low].mean()), float(is_kind[others].mean())
    pooled = float(is_kind[low | others].mean())
    sd = np.sqrt(max(pooled * (1.0 - pooled), 1e-3) * (1.0 / low.sum() + 1.0 / others.sum()))
    if among_low - among_others < _EXCESS or among_low - among_others < _EXCESS_SDS * sd:
        return ""
    return (
        f"{name}: {100.0 * among_low:.0f} % of {int(low.sum())} low mutations, {100.0 * among_others:.0f} % of the "
        f"{int(others.sum())} others"
    )


def check_alleles(patient: Patient) -> tuple[QualityFinding, ...]:
    """Find samples in which alternate reads outnumber reference reads at most mutations: columns exchanged.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
    """
    mutations = patient.mutations
    found = []
    largest = 0.0
    for k in range(mutations.n_samples):
        here = mutations.is_informative[:, k]
        if here.any():
            median = float(np.median(mutations.alt_counts[here, k] / mutations.depth[here, k]))
            largest = max(largest, median)
            if median > _EXCHANGED_VAF:
                found.append(k)
    if not found:
        return (
            QualityFinding("alleles", f"median VAF of a sample at most {largest:.2f}", f"{_EXCHANGED_VAF:g}", "pass"),
        )
    return (
        QualityFinding(
            "alleles",
            f"median VAF up to {largest:.2f}: alternate reads outnumber reference reads",
            f"{_EXCHANGED_VAF:g}",
            "failed",
            "look at whether the columns of reference and alternate reads are exchanged",
            samples=tuple(patient.samples[k].name for k in found),
            sites=tuple(dict.fromkeys(patient.samples[k].site for k in found)),
        ),
    )
