"""All checks of the input of one patient, in one report."""

from __future__ import annotations

import numpy as np

from phylometa.ccf.purity import rejected_purities
from phylometa.config import CcfSettings
from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.purity import PurityPosterior
from phylometa.model.quality import QualityReport
from phylometa.qc.calls import check_filters, check_genome, check_power, check_uncalled
from phylometa.qc.contamination import check_contamination, find_contamination
from phylometa.qc.dispersion import check_dispersion
from phylometa.qc.mutations import check_alleles, check_damage, check_germline, check_impossible_vaf
from phylometa.qc.normal import check_normal
from phylometa.qc.purity import check_purity
from phylometa.qc.samples import check_identical_samples, check_mislabelled_samples
from phylometa.qc.sequencing_error import allow_for_errors, check_sequencing_error
from phylometa.qc.sex import check_sex
from phylometa.qc.strata import check_strata

__all__ = ["check_quality", "purity_in_use"]


def purity_in_use(patient: Patient, purity: PurityPosterior) -> FloatArray:
    """Return the purities (S,) that checks use: those of the sheet unless the reads reject them, else the reads'."""
    given = np.isfinite(patient.purity) & ~rejected_purities(patient, purity)
    return np.where(given, patient.purity, purity.purity)


def check_quality(patient: Patient, purity: PurityPosterior) -> QualityReport:
    """Check the input of a patient before any inference.

    Parameters
    ----------
    patient : Patient
        As read; purities as the sheet gives them.
    purity : PurityPosterior
        What the reads say of the purities, from `phylometa.ccf.purity.infer_purity` without priors.

    Returns
    -------
    QualityReport
        Findings of every check, also of those that passed or could not be made.
    """
    usual = CcfSettings().error_rate
    allowed = allow_for_errors(patient, usual=usual)
    used = purity_in_use(patient, purity)
    used_sd = np.where(np.isfinite(purity.sd), np.minimum(purity.sd, 0.05), 0.05)
    return QualityReport(
        (
            *check_strata(patient),
            *check_purity(patient, purity),
            *check_impossible_vaf(patient, used, used_sd),
            *check_sex(patient, used),
            *check_identical_samples(patient),
            *check_mislabelled_samples(patient),
            *check_contamination(patient, find_contamination(allowed, used)),
            *check_normal(patient, error_rate=usual),
            *check_germline(patient, used, used_sd),
            *check_dispersion(patient, purity),
            *check_sequencing_error(patient, usual=usual),
            *check_damage(patient),
            *check_alleles(patient),
            *check_genome(patient),
            *check_filters(patient),
            *check_uncalled(patient),
            *check_power(patient, used),
        )
    )
