"""All checks of the input of one patient, in one report."""

from __future__ import annotations

from phylometa.model.patient import Patient
from phylometa.model.quality import QualityReport
from phylometa.qc.strata import check_strata

__all__ = ["check_quality"]


def check_quality(patient: Patient) -> QualityReport:
    """Check the input of a patient before any inference.

    Parameters
    ----------
    patient : Patient
        As read; purities as the sheet gives them.

    Returns
    -------
    QualityReport
    """
    return QualityReport(check_strata(patient))
