"""Sequencing errors beyond the usual: which samples have them, and what they make of the reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding
from phylometa.reads.error_rate import learn_error_rates

__all__ = ["allow_for_errors", "check_sequencing_error"]


def check_sequencing_error(patient: Patient, *, usual: float) -> tuple[QualityFinding, ...]:
    """Compare the sequencing error that the reads of every sample show with the usual one.

    Parameters
    ----------
    patient : Patient
    usual : float
        Error rate of cells without one of their own.

    Returns
    -------
    tuple of QualityFinding
        ``warning`` for each sample with a higher rate.
    """
    learnt = _learnt(patient, usual)
    findings = tuple(
        QualityFinding(
            "sequencing_error",
            f"cells without the mutation show alternate reads at a rate of {rate:.4f}",
            f"usually {usual:g}",
            "warning",
            "use a caller's model of strand and damage, unique molecular identifiers or a higher base quality; the "
            "analysis takes this rate for the sample",
            samples=(sample.name,),
            sites=(sample.site,),
        )
        for sample, rate in zip(patient.samples, learnt)
        if np.isfinite(rate)
    )
    return findings or (QualityFinding("sequencing_error", "no sample above the usual rate", f"{usual:g}", "pass"),)


def allow_for_errors(patient: Patient, *, usual: float) -> Patient:
    """Give the cells of a sample the error rate that its reads show, if that is above the usual one.

    Parameters
    ----------
    patient : Patient
    usual : float
        Error rate of cells without one of their own.

    Returns
    -------
    Patient
        With `MutationTable.error_rate` of these samples; rates that are stated stay. The same if it was allowed for
        before.
    """
    learnt = _learnt(patient, usual)
    if not np.isfinite(learnt).any():
        return patient
    mutations = patient.mutations
    error = np.broadcast_to(learnt, mutations.depth.shape)
    if mutations.error_rate is not None:
        error = np.where(np.isfinite(mutations.error_rate), mutations.error_rate, error)
    return patient.with_changes(mutations=replace(mutations, error_rate=error.astype(np.float32)))


def _learnt(patient: Patient, usual: float) -> FloatArray:
    """Error rate of every sample (S,) by the cells without a stated one; NaN for samples that circulate.

    What every site sheds is in plasma at low frequencies alike, as errors are: no cell there is known to lack its
    mutation.
    """
    mutations = patient.mutations
    circulates = np.array([sample.circulates for sample in patient.samples], dtype=bool)
    depth = np.where(mutations.is_informative & ~circulates, mutations.depth, 0)
    if mutations.error_rate is not None:
        depth = np.where(np.isfinite(mutations.error_rate), 0, depth)
    return learn_error_rates(mutations.alt_counts, depth, usual=usual)
