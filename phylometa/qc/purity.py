"""Given purities against the reads: the peak of shared mutations, and mutations above the largest possible VAF."""

from __future__ import annotations

import numpy as np

from phylometa.ccf.purity import rejected_purities
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.patient import Patient
from phylometa.model.purity import PurityPosterior
from phylometa.model.quality import QualityFinding

__all__ = ["check_purity", "largest_frequency"]


def largest_frequency(patient: Patient, purity: FloatArray) -> FloatArray:
    """Compute the largest VAF (n, S) of a somatic mutation at a purity: all copies of the major allele mutated.

    Parameters
    ----------
    patient : Patient
    purity : float64 array (S,)

    Returns
    -------
    float64 array (n, S)
        max over states of major rho / (rho C_T + C_N (1 - rho)); NaN without copy number or purity.
    """
    copy_number = patient.copy_number
    normal = np.asarray(copy_number.normal, dtype=np.float64)
    fraction = np.asarray(copy_number.fraction, dtype=np.float64)
    total = np.asarray(copy_number.total, dtype=np.float64)
    first, second = (np.asarray(values, dtype=np.float64) for values in (copy_number.major, copy_number.major2))
    major = np.where(np.isfinite(second), fraction * first + (1.0 - fraction) * second, first)
    major = np.where(np.isfinite(major), major, total)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(major * purity / (purity * total + normal * (1.0 - purity)), 0.0, 1.0))


def check_purity(patient: Patient, posterior: PurityPosterior) -> tuple[QualityFinding, ...]:
    """Compare the given purities with those of the reads, sample by sample.

    Parameters
    ----------
    patient : Patient
        With the purities of the sheet.
    posterior : PurityPosterior
        Without priors.

    Returns
    -------
    tuple of QualityFinding
        One of all samples whose purity is right; one of each whose purity the reads reject, with its figures.
    """
    given = np.isfinite(patient.purity) & ~np.array([sample.purity_is_estimated for sample in patient.samples])
    compared = given & np.isfinite(posterior.purity)
    rejected = rejected_purities(patient, posterior)
    findings = []
    for k in np.flatnonzero(rejected):
        sample = patient.samples[k]
        figure = (
            f"purity {sample.purity:.2f} is given, the reads say {posterior.purity[k]:.2f} "
            f"({posterior.low[k]:.2f} to {posterior.high[k]:.2f})"
        )
        frequency, limit, n_above = _beyond(patient, int(k))
        if n_above:
            figure += (
                f"; {n_above} mutations lie above the largest VAF that it allows (median VAF {frequency:.2f}, "
                f"largest possible {limit:.2f})"
            )
        findings.append(
            QualityFinding(
                "purity",
                figure,
                "3 standard deviations",
                "warning",
                f"the analysis uses {posterior.purity[k]:.2f}; look at the purity and the copy number of this sample, "
                "which a caller fits together, and at whether both belong to it",
                samples=(sample.name,),
                sites=(sample.site,),
            )
        )
    agreeing = tuple(s.name for s, use in zip(patient.samples, compared & ~rejected) if use)
    if agreeing:
        difference = np.abs(posterior.purity - patient.purity)[compared & ~rejected].max()
        text = f"given and read from mutations differ by at most {difference:.2f}"
        findings.append(QualityFinding("purity", text, "3 standard deviations", "pass", samples=agreeing))
    elif not compared.any():
        findings.append(QualityFinding("purity", "none given that the reads can be compared with", "", "untested"))
    return tuple(findings)


def _beyond(patient: Patient, sample: int) -> tuple[float, float, int]:
    """Median VAF and largest possible one of the mutations clearly above it, and their number."""
    limit = largest_frequency(patient, patient.purity)[:, sample]
    above = clearly_above(patient, limit, sample)
    if not above.any():
        return 0.0, 0.0, 0
    frequency = patient.mutations.vaf[above, sample]
    return float(np.median(frequency)), float(np.median(limit[above])), int(above.sum())


def clearly_above(patient: Patient, limit: FloatArray, sample: int, sds: float = 3.0) -> BoolArray:
    """Mutations (n,) whose VAF lies more than `sds` standard deviations of its reads above a limit (n,)."""
    mutations = patient.mutations
    depth = np.maximum(mutations.depth[:, sample], 1)
    with np.errstate(invalid="ignore"):
        sd = np.sqrt(np.maximum(limit * (1.0 - limit), 1e-4) / depth)
        above = mutations.alt_counts[:, sample] / depth > limit + sds * sd
    return np.asarray(above & mutations.is_informative[:, sample] & np.isfinite(limit))
