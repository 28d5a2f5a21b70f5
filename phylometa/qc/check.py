"""All checks of the input of one patient, in one report."""

from __future__ import annotations

from phylometa.model.patient import Patient
from phylometa.model.purity import PurityPosterior
from phylometa.model.quality import QualityReport
from phylometa.qc.purity import check_purity
from phylometa.qc.strata import check_strata

__all__ = ["check_quality"]


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
    """
    return QualityReport((*check_strata(patient), *check_purity(patient, purity)))
